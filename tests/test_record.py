"""Which states a run keeps in memory; `at` computes the others again."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Own

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


OUT_OF_MEMORY = """
import resource
import numpy as np
import gapdyn as gd
from conftest import Own

class Wide(Own):
    size = 100_000

model = Wide(lambda t, y: -y)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, used + 2**25))
times = np.linspace(0, 1, 1000)
try:
    gd.flow(model, np.ones(Wide.size), times, method="RK23", keep_states=True)
except gd.IntegrationError as error:
    run = error.trajectory
    assert isinstance(error.__cause__, MemoryError)
    assert 2 < run.t.size == run.kept.size == len(run.y) < 50
    np.testing.assert_allclose(run.y[:, 0], np.exp(-run.t), rtol=1e-6)
    print("kept")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_a_run_that_has_used_up_the_memory_leaves_its_trajectory():
    command = [sys.executable, "-c", OUT_OF_MEMORY]
    paths = {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | paths)
    assert done.stdout == "kept\n", done.stderr


@pytest.mark.parametrize("place", ["drift", "observe", "velocity"])
@pytest.mark.parametrize("times", [[5.0], [0.0, 1.0, 5.0], 5.0])
@pytest.mark.parametrize("moment", range(1, 30, 4))
def test_memory_that_runs_out_anywhere_leaves_what_is_known(place, times, moment):
    """It has run out for good: what failed once fails for ever."""
    model, calls = Own(lambda t, y: -y), itertools.count(1)
    inner = getattr(model, place)

    def out_of_memory(*args):
        if next(calls) > moment:
            raise MemoryError
        return inner(*args)

    setattr(model, place, out_of_memory)
    try:
        run = gd.flow(model, [1.0], times, rtol=1e-10)
    except gd.IntegrationError as error:
        run = error.trajectory
        assert isinstance(error.__cause__, MemoryError)
    np.testing.assert_allclose(run.y[:, 0], np.exp(-run.t), rtol=1e-8)
    assert run.kept.tolist() == list(range(run.t.size)) and run.gap.size == run.t.size > 0


def test_a_state_that_there_is_no_memory_to_observe_is_kept_where_it_is_the_only_one():
    def out_of_memory(*args):
        raise MemoryError

    model = Own(lambda t, y: -y if t < 2 else out_of_memory())
    model.observe = out_of_memory
    with pytest.raises(gd.IntegrationError) as caught:
        gd.flow(model, [1.0], [5.0])
    run = caught.value.trajectory
    assert run.y == pytest.approx(np.exp(-run.t)[:, None]) and 0 < run.t[0] == caught.value.t < 5
    assert np.isnan(run.gap).all() and run.gap.size == 1


@pytest.mark.parametrize("moment", range(1, 12))
def test_states_for_which_there_is_no_memory_end_the_run(moment):
    record, calls = Record(Own(None), True), itertools.count(1)
    inner = record._store

    def out_of_memory(*args):
        if next(calls) >= moment:
            raise MemoryError
        inner(*args)

    record._store = out_of_memory
    with pytest.raises(MemoryError):
        for k in range(20):
            record.add(k, np.full(2, float(k)))
    fields = record.fields((30.0, np.full(2, 30.0)))
    assert fields["t"].tolist() == list(range(moment)) == fields["kept"].tolist()
    np.testing.assert_array_equal(fields["y"][:, 0], fields["t"])
    np.testing.assert_array_equal(fields["gap"], fields["t"])
