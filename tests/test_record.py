"""Which states a run keeps in memory; `at` computes the others again."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import Own, make

import gapdyn as gd
from gapdyn.record import Record

TIMES = [0.0, *np.geomspace(0.1, 100, 30)]
OBSERVABLES = gd.Observables._fields


@pytest.fixture
def few(monkeypatch):
    """Memory for seven states of Figure 2."""
    monkeypatch.setattr("gapdyn.record.MEMORY", 7 * 31 * 8)


def test_all_states_are_kept_while_they_fit(figure_2):
    run = gd.flow(*figure_2, TIMES)
    np.testing.assert_array_equal(run.kept, np.arange(31))
    assert run.y.shape == (31, 31) and "kept" not in repr(run)


@pytest.mark.parametrize("t", [TIMES, 1e3])
def test_thinned_states_are_those_of_the_whole_run(figure_2, few, t):
    whole, run = gd.flow(*figure_2, t, keep_states=True), gd.flow(*figure_2, t)
    assert whole.kept.size == whole.t.size == run.t.size
    kept = run.kept.tolist()
    assert kept[0] == 0 and kept[-1] == run.t.size - 1
    assert 4 <= len(kept) <= 7 and len(set(np.diff(kept[:-1]))) == 1
    assert run.y.shape == (len(kept), 31) and run.y.base is None
    assert f"{len(kept)} states kept" in repr(run)
    np.testing.assert_array_equal(run.y, whole.y[run.kept])
    for name in OBSERVABLES:
        np.testing.assert_array_equal(getattr(run, name), getattr(whole, name))
    assert run.drift == whole.drift


def test_at_gives_back_the_states_that_were_dropped(figure_2):
    whole = gd.flow(*figure_2, TIMES)
    run = gd.flow(*figure_2, TIMES, keep_states=False)
    assert run.kept.tolist() == [0, 30]
    for k in (0, 1, 17, 29, 30):
        here = run.at(run.t[k])
        np.testing.assert_allclose(here.y, whole.y[k], atol=1e-7)
        assert list(here[2:]) == [getattr(whole, name)[k] for name in OBSERVABLES]
    for t in (0.05, 33.3):
        np.testing.assert_allclose(run.at(t).y, whole.at(t).y, atol=1e-7)
        assert run.at(t)[2:] == pytest.approx(whole.at(t)[2:])
    run.at(0.0).y[:] = 9
    assert abs(run.y).max() < 9


def test_at_goes_through_the_same_swaps(figure_2):
    swap = gd.HardSwap(0.5, segment=1.0, seed=3)
    whole = gd.flow(*figure_2, [0.0, 2.5, 7.0, 9.0], swap=swap)
    run = gd.flow(*figure_2, [0.0, 2.5, 7.0, 9.0], swap=swap, keep_states=False)
    np.testing.assert_allclose(run.at(7.0).y, whole.y[2], atol=1e-7)


def test_one_output_time_is_the_first_and_the_last(figure_2):
    for keep in (True, False, None):
        run = gd.flow(*figure_2, [3.0], keep_states=keep)
        assert run.kept.tolist() == [0] and run.y.shape == (1, 31)
    run = gd.flow(*figure_2, [3.0, 4.0], keep_states=False)
    assert run.kept.tolist() == [0, 1]


def test_kept_states_are_saved(figure_2, few, tmp_path):
    run = gd.flow(*figure_2, TIMES)
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(again.kept, run.kept)
    np.testing.assert_array_equal(again.at(TIMES[5]).y, run.at(TIMES[5]).y)
    run.to_csv(tmp_path / "run.csv")
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 32


def test_a_file_of_an_older_version_loads(figure_2, tmp_path):
    """Without kept states, start and swap, and without the mixing and the budget of the model."""
    gd.flow(*figure_2, TIMES).save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as stored:
        old = {name: stored[name] for name in {*stored.files} - {"kept", "start", "swap"}}
    old["model"] = json.dumps(json.loads(str(old["model"]))[:-2])
    np.savez(tmp_path / "old.npz", **old)
    again = gd.Trajectory.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(again.kept, np.arange(31))
    assert again.start is again.swap is None and again.model == figure_2[0]


DAMAGE = {"kept": np.arange(1, 32), "y": np.ones((30, 31)), "start": np.ones(30), "gap": [1.0]}
DAMAGE |= {"drift": [1.0, 2.0], "solver": "[1, 2, 3, 4]"}
DAMAGE |= {"model": '["Foo"]', "swap": '["HardSwap", 2.0]'}


@pytest.mark.parametrize(("name", "value"), [*DAMAGE.items(), ("kept", np.arange(30))])
def test_a_damaged_file_is_named(figure_2, tmp_path, name, value):
    gd.flow(*figure_2, TIMES).save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as stored:
        np.savez(tmp_path / "damaged.npz", **{**stored, name: value})
    with pytest.raises(ValueError, match="path must be a saved trajectory"):
        gd.Trajectory.load(tmp_path / "damaged.npz")


@pytest.mark.parametrize("kind", ["free", "parallel"])
def test_a_saved_model_keeps_its_budget(kind, tmp_path):
    model, y0 = make(kind, gd.Learned())
    model = replace(model, budget=1000)
    gd.flow(model, y0, [1.0]).save(tmp_path / "run.npz")
    assert gd.Trajectory.load(tmp_path / "run.npz").model == model


def test_without_its_model_a_loaded_run_knows_its_kept_states_alone(tmp_path):
    model, y0 = make("free", gd.Scheduled(lambda t: 0.4))
    gd.flow(model, y0, [0, 1.0, 2.0], keep_states=False).save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.model is None and again.at(2.0).gap == again.gap[2]
    with pytest.raises(ValueError, match="t must be a stored time with its state"):
        again.at(1.0)


def test_the_exchange_law_uses_the_states_that_are_kept(figure_2, few):
    run = gd.flow(*figure_2, TIMES)
    law = gd.theory.exchange_law
    assert law.invariant(run).size == run.kept.size < run.t.size
    assert law.departure(run) < 1e-6
    assert law.late_slope(run, since=10.0) == pytest.approx(-1, abs=1e-3)


@pytest.mark.parametrize("capacity", [1, 2, 3, 5, 8, 1000])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 64, 100])
def test_as_many_states_as_fit_evenly_in_output_times(monkeypatch, capacity, count):
    monkeypatch.setattr("gapdyn.record.MEMORY", capacity * 16)
    record = Record(Own(None), None)
    for k in range(count):
        record.add(k, np.full(2, float(k)))
    fields = record.fields()
    kept = fields["kept"]
    np.testing.assert_array_equal(fields["y"], np.column_stack([kept, kept]))
    assert kept[0] == 0 and kept[-1] == count - 1 and fields["t"].size == count
    assert len(kept) <= max(2, capacity) and (np.diff(kept) > 0).all()
    assert len(set(np.diff(kept[:-1]))) <= 1
    if count <= capacity:
        assert len(kept) == count
    else:
        assert len(kept) >= capacity // 2


@pytest.mark.parametrize("method", ["observe", "_settle", "_store"])
@pytest.mark.parametrize("moment", range(1, 9))
def test_an_interrupt_tears_no_row(monkeypatch, method, moment):
    """Whenever it comes, the first and the last state are kept, and each stands at its own time."""
    monkeypatch.setattr("gapdyn.record.MEMORY", 4 * 16)
    record, calls = Record(Own(None), None), itertools.count(1)
    owner = record.model if method == "observe" else record
    inner = getattr(owner, method)

    def interrupt(*args):
        if next(calls) == moment:
            raise KeyboardInterrupt
        return inner(*args)

    setattr(owner, method, interrupt)
    reached = None
    with pytest.raises(KeyboardInterrupt):
        for k in range(20):
            record.add(k, np.full(2, float(k)))
            reached = float(k), np.full(2, float(k))
    if reached is None:
        return
    fields = record.fields(reached)
    kept = fields["kept"]
    np.testing.assert_array_equal(fields["t"][kept], fields["y"][:, 0])
    np.testing.assert_array_equal(fields["t"], fields["gap"])
    assert kept[0] == 0 and kept[-1] == fields["t"].size - 1 and fields["t"][-1] >= reached[0]
