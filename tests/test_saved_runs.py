"""A saved run comes back as it was, to the last bit, or is refused."""

import csv
import json
from dataclasses import MISSING, fields, replace
from fractions import Fraction

import numpy as np
import pytest
from conftest import MODELS, TEMPERATURES, make

import gapdyn as gd
from gapdyn import _spec

COLUMNS = "t,gap,tau,beta,gamma,margin,mismatched,loss"
TIMES = [0.0, *np.geomspace(0.1, 100, 30)]


@pytest.fixture
def saved(figure_2, tmp_path):
    """The members of a saved run of Figure 2, and a way to load what has become of them."""
    gd.flow(*figure_2, TIMES).save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as stored:
        members = dict(stored)

    def load(**changed):
        np.savez(tmp_path / "changed.npz", **{**members, **changed})
        return gd.Trajectory.load(tmp_path / "changed.npz")

    return members, load


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("temperature", TEMPERATURES[:-1], ids=str)
def test_save_and_load_bring_everything_back(kind, temperature, tmp_path):
    model, y0 = make(kind, temperature)
    run = gd.flow(model, y0, [0, 0.5, 2.0], rtol=1e-6)
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    for name in ("t", "y", "gap", "tau", "beta", "gamma", "margin", "mismatched", "loss", "start"):
        np.testing.assert_array_equal(getattr(again, name), getattr(run, name))
    np.testing.assert_array_equal(run.start, y0)
    assert (again.drift, again.solver, str(again.model)) == (run.drift, run.solver, str(model))
    np.testing.assert_array_equal(again.at(1.2).y, run.at(1.2).y)


def test_csv_has_the_promised_columns_and_full_precision(figure_2, tmp_path):
    run = gd.flow(*figure_2, [0, 1, 10.0])
    run.to_csv(tmp_path / "run.csv")
    text = (tmp_path / "run.csv").read_text()
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(text.splitlines()))
    for name in COLUMNS.split(","):
        np.testing.assert_array_equal([float(row[name]) for row in rows], getattr(run, name))
    assert rows[0]["mismatched"] == "5"


def test_a_failed_write_leaves_the_old_file(figure_2, tmp_path, monkeypatch):
    run = gd.flow(*figure_2, 1.0)
    target = tmp_path / "run.npz"
    run.save(target)
    before = target.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        run.save(target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_kept_states_are_saved(figure_2, tmp_path, monkeypatch):
    monkeypatch.setattr("gapdyn.record.MEMORY", 7 * 31 * 8)
    run = gd.flow(*figure_2, TIMES)
    assert run.kept.size < run.t.size
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(again.kept, run.kept)
    np.testing.assert_array_equal(again.at(TIMES[5]).y, run.at(TIMES[5]).y)
    run.to_csv(tmp_path / "run.csv")
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 32


def test_without_its_model_a_loaded_run_knows_its_kept_states_alone(tmp_path):
    model, y0 = make("free", gd.Scheduled(lambda t: 0.4))
    gd.flow(model, y0, [0, 1.0, 2.0], keep_states=False).save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.model is None and again.at(2.0).gap == again.gap[2]
    with pytest.raises(ValueError, match="t must be a stored time with its state"):
        again.at(1.0)


SIGMOID = gd.Sigmoid("plain", bias_rate=0.3)
LEARNED = gd.Learned(gd.Exponential(scale=2.5), rate=0.3, min_beta=0.9, max_beta=77.0)
THINGS = [
    gd.Exponential(scale=np.pi),
    gd.Softplus(),
    gd.Linear(),
    LEARNED,
    gd.Fixed(0.1 + 0.2),
    gd.LinearSchedule(0.3, 0.4, 5e-324),
    gd.CosineSchedule(0.1, 0.2, 1e308),
    gd.HardSwap(0.3, segment=0.7, rows=True, seed=2**70),
    gd.SoftSwap(0.3, segment=0.7, seed=5),
    SIGMOID,
    gd.InfoNCE(),
    gd.FreeModel(
        3, 4, LEARNED, row_rate=0.9, mixing=np.full((3, 4), 0.1), budget=1000, loss=SIGMOID
    ),
    gd.models.LogBetaModel(3, 4, gd.Learned(gd.Exponential(2.0)), row_rate=0.9, budget=1000),
    gd.ParallelModel(3, 4, LEARNED, tied=False, row_rate=0.9, budget=1000, loss=SIGMOID),
    gd.FrozenModel(np.random.default_rng(0).normal(size=(3, 3)), LEARNED, loss=SIGMOID),
    gd.ScalarModel(LEARNED),
]


def facts(thing):
    """A value, or the class and all fields of an object."""
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if not hasattr(thing, "__dataclass_fields__"):
        return float if isinstance(thing, float) else type(thing), thing
    return type(thing), {field.name: facts(getattr(thing, field.name)) for field in fields(thing)}


def test_these_are_all_classes_and_none_of_their_fields_has_its_default():
    """So that a class or a field that is added has to be added here."""
    assert {type(thing) for thing in THINGS} | {gd.Scheduled} == {*_spec.KNOWN.values()}
    for thing in THINGS:
        for field in fields(thing):
            only = type(thing) is gd.models.LogBetaModel and field.name in ("mixing", "objective")
            if field.default is not MISSING and not only:
                assert not np.array_equal(getattr(thing, field.name), field.default), field.name


@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_every_field_of_every_object_comes_back(thing):
    text = json.dumps(_spec.dump(thing))
    assert facts(_spec.load(json.loads(text))) == facts(thing)


def test_every_field_of_a_run_comes_back(figure_2, tmp_path):
    model, y0 = figure_2
    swap = gd.SoftSwap(0.3, 0.4, 5)
    model = replace(model, temperature=LEARNED, budget=1000)
    run = gd.flow(model, y0, [0.5, 1.0], swap=swap, rtol=1e-5, atol=1e-7, method="RK45")
    run.save(tmp_path / "run.npz")
    assert facts(gd.Trajectory.load(tmp_path / "run.npz")) == facts(run)


@pytest.mark.parametrize("rtol", [np.float32(1e-6), np.array(1e-6), Fraction(1, 10**6), 1e-6])
def test_any_number_is_a_tolerance_that_can_be_saved(figure_2, tmp_path, rtol):
    run = gd.flow(*figure_2, [1.0], rtol=rtol, atol=rtol)
    run.save(tmp_path / "run.npz")
    solver = gd.Trajectory.load(tmp_path / "run.npz").solver
    assert (solver.rtol, solver.atol, solver.method) == (float(rtol), float(rtol), "DOP853")


class Own(gd.FreeModel):
    pass


class OwnTemperature(gd.Fixed):
    pass


@pytest.mark.parametrize("kind", [Own, gd.FreeModel])
def test_what_is_a_users_is_left_out_and_its_swap_with_it(kind, tmp_path):
    temperature = gd.Fixed(0.3) if kind is Own else OwnTemperature(0.3)
    model = kind(3, 4, temperature)
    y0 = model.start(gd.sphere.sample(3, 4, 0), gd.sphere.sample(3, 4, 1))
    gd.flow(model, y0, [1.0], swap=gd.HardSwap(0.5)).save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert (
        again.model is None
        and again.swap is None
        and again.solver == gd.flow(model, y0, [1.0]).solver
    )


# Files of earlier versions.

OLD = [
    ('["FreeModel", 5, 3, ["Learned", ["Exponential", 1.0], 1.0, null], 1.0, null]',
     gd.FreeModel(5, 3, gd.Learned())),
    ('["FreeModel", 5, 3, ["Learned", ["Softplus"], 0.5, 100.0], 0.7, ["array", [[0.5], [1.0],'
     ' [0.0], [0.25], [1.0]]]]',
     gd.FreeModel(5, 3, gd.Learned(gd.Softplus(), 0.5, 100.0), 0.7,
                  np.array([[0.5], [1.0], [0.0], [0.25], [1.0]]))),
    ('["FreeModel", 5, 3, ["LinearSchedule", 0.1, 0.2, 3.0], 1.0, null, {"budget": 1000}]',
     gd.FreeModel(5, 3, gd.LinearSchedule(0.1, 0.2, 3.0), budget=1000)),
    ('["ParallelModel", 3, 4, ["CosineSchedule", 0.1, 0.2, 3.0], false, 0.7]',
     gd.ParallelModel(3, 4, gd.CosineSchedule(0.1, 0.2, 3.0), False, 0.7)),
    ('["FrozenModel", ["array", [[1.0, 0.5], [0.0, 2.0]]], ["Learned", ["Linear"], 1.0, null]]',
     gd.FrozenModel(np.array([[1.0, 0.5], [0.0, 2.0]]), gd.Learned(gd.Linear()))),
    ('["ScalarModel", ["Fixed", 0.07]]', gd.ScalarModel(gd.Fixed(0.07))),
    ('["HardSwap", 0.5, 0.3, true, 7]', gd.HardSwap(0.5, 0.3, True, 7)),
    ('["SoftSwap", 0.5, 0.3, 7]', gd.SoftSwap(0.5, 0.3, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "thing"), OLD, ids=[text.split(",")[0] for text, _ in OLD])
def test_what_an_earlier_version_wrote_is_read(text, thing):
    """The texts are from files of version 0.1.0 and of commits after it."""
    assert facts(_spec.load(json.loads(text))) == facts(thing)


@pytest.mark.parametrize("lacking", [set(), {"start"}, {"start", "swap", "kept"}])
def test_a_file_of_an_earlier_version_loads(saved, figure_2, tmp_path, lacking):
    """Its solver is a list and its drift an array; what is younger may be missing."""
    members, _ = saved
    old = {name: array for name, array in members.items() if name not in lacking}
    old |= {"solver": '[1e-06, 1e-09, "RK45"]', "drift": 1.5e-10}
    old["model"] = '["FreeModel", 5, 3, ["Learned", ["Exponential", 1.0], 1.0, null], 1.0, null]'
    np.savez(tmp_path / "old.npz", **old)
    again = gd.Trajectory.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(again.kept, np.arange(31))
    assert (again.start is None) == ("start" in lacking) and again.swap is None
    assert (again.solver.rtol, again.solver.atol, again.solver.method) == (1e-6, 1e-9, "RK45")
    assert again.drift == 1.5e-10 and again.model == figure_2[0]
    again.save(tmp_path / "new.npz")
    assert facts(gd.Trajectory.load(tmp_path / "new.npz")) == facts(again)


# Files that are no saved runs.

MODEL = '["FreeModel", 5, 3, {}, 1.0, null]'
INCONSISTENT = [
    ({"kept": np.arange(1, 32)}, "states of its ends are missing"),
    ({"kept": np.arange(31)[::-1]}, "or not in order"),
    ({"kept": np.arange(31) * 1.0}, "kept must be an array of 64-bit numbers, it is float64"),
    ({"kept": np.arange(30)}, r"y must have shape \(30, 31\), it has \(31, 31\)"),
    ({"y": np.ones((30, 31))}, r"y must have shape \(31, 31\), it has \(30, 31\)"),
    ({"y": np.ones((31, 30))}, r"y must have shape \(31, 31\), it has \(31, 30\)"),
    ({"y": np.ones((31, 31), np.float32)}, "y must be an array of 64-bit numbers, it is float32"),
    ({"y": np.ones((31, 31), complex)}, "y must be an array of 64-bit numbers, it is complex128"),
    ({"start": np.ones(30)}, r"start must have shape \(31,\), it has \(30,\)"),
    ({"start": np.array("0.5")}, "start must be an array of 64-bit numbers, it is float"),
    ({"gap": [1.0]}, "columns differ in length"),
    ({"gap": np.ones((31, 1))}, r"gap must have shape \('T',\)"),
    ({"gap": 1.0}, "gap must be an array"),
    ({"gap": np.arange(31)}, "gap must be an array of 64-bit numbers, it is int64"),
    ({"t": np.zeros(31)}, "times do not increase"),
    ({"t": np.full(31, np.nan)}, "times do not increase"),
    ({"t": np.linspace(-1, 1, 31)}, "times do not increase from 0 on"),
    ({"drift": [1.0, 2.0]}, "drift must be a real number"),
    ({"drift": '["array", [[0.5], [1.0]]]'}, r"drift must be a real number, got array"),
    ({"model": '["ScalarModel", ["Fixed", ["array", [[0.5], [1.0]]]]]'}, "tau must be a real"),
    ({"drift": -1.0}, "drift is negative"),
    ({"drift": np.nan}, "drift must be finite"),
    ({"solver": "[1, 2, 3, 4]"}, ""),
    ({"solver": "3"}, ""),
    ({"solver": '{"rtol": -1.0}'}, "rtol must be positive"),
    ({"solver": '{"speed": 1.0}'}, "speed"),
    ({"model": '["Foo"]'}, r"\['Foo'\] is nothing that gapdyn writes"),
    ({"model": "[]"}, r"\[\] is nothing that gapdyn writes"),
    ({"model": "{}"}, r"\{\} is nothing that gapdyn writes"),
    ({"model": '"FreeModel"'}, "model is 'FreeModel'"),
    ({"model": '[["FreeModel"]]'}, "is nothing that gapdyn writes"),
    ({"model": '["FreeModel"]'}, "missing 3 required positional arguments"),
    ({"model": '["array", [[0.5], [1, 2]]]'}, ""),
    ({"model": '["array", 5]'}, "is nothing that gapdyn writes"),
    ({"model": "1.0"}, "model is 1.0"),
    ({"model": '["Fixed", 0.5]'}, r"model is Fixed\(tau=0.5\)"),
    ({"model": '["FreeModel", 5, 4, ["Fixed", 0.5]]'}, r"y must have shape \(31, 41\)"),
    ({"model": '["FreeModel", 1e6, 3, ["Fixed", 0.5]]'}, "n must be an integer"),
    ({"model": "[" * 10**5 + "]" * 10**5}, "nested too deeply"),
    ({"model": "[" * 900 + '"array"' + "]" * 900}, "is nothing that gapdyn writes"),
    ({"model": '["Learned", ' * 900 + "1" + "]" * 900}, ""),
    ({"model": "9" * 5000}, ""),
    ({"model": '["FreeModel", 5, 3'}, "Expecting"),
    ({"swap": '["HardSwap", 2.0]'}, r"p must lie in \[0, 1\]"),
    ({"swap": '["Fixed", 0.5]'}, r"swap is Fixed\(tau=0.5\)"),
    ({"swap": '["HardSwap", 0.5]', "model": '["ScalarModel", ["Fixed", 0.5]]'}, ""),
    ({"speed": 1.0}, "it has speed, which this version does not know"),
]


@pytest.mark.parametrize(("changed", "says"), INCONSISTENT)
def test_parts_that_do_not_fit_are_refused(saved, changed, says):
    _, load = saved
    with pytest.raises(
        ValueError, match=f"path must be a saved trajectory, .* is not: .*{says}"
    ) as e:
        load(**changed)
    assert "\n" not in str(e.value)


def test_a_swap_of_a_model_that_has_none_is_refused(tmp_path):
    model, y0 = make("parallel", gd.Learned())
    run = gd.flow(model, y0, [1.0])
    replace(run, swap=gd.HardSwap(0.5)).save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="swap wants rows that can mix"):
        gd.Trajectory.load(tmp_path / "run.npz")


def test_every_member_is_needed(saved, tmp_path):
    members, _ = saved
    for name in members:
        rest = {other: array for other, array in members.items() if other != name}
        np.savez(tmp_path / "less.npz", **rest)
        with pytest.raises(ValueError, match=f"less.npz is not: it lacks {name}"):
            gd.Trajectory.load(tmp_path / "less.npz")


def test_no_bit_of_a_saved_run_can_be_changed_unseen(figure_2, tmp_path):
    """A file with any one of its bits changed is refused, or loads as it was."""
    run = gd.flow(*figure_2, [0.0, 1.0])
    run.save(tmp_path / "run.npz")
    data, rng = (tmp_path / "run.npz").read_bytes(), np.random.default_rng(0)
    for k in rng.choice(len(data), 200, replace=False):
        changed = data[:k] + bytes([data[k] ^ 1 << k % 8]) + data[k + 1 :]
        (tmp_path / "run.npz").write_bytes(changed)
        try:
            again = gd.Trajectory.load(tmp_path / "run.npz")
        except ValueError:
            continue
        assert facts(again) == facts(run)


def test_bad_files_are_named(tmp_path, figure_2):
    run = gd.flow(*figure_2, 1.0)
    with pytest.raises(FileNotFoundError, match="existing folder"):
        run.to_csv(tmp_path / "missing" / "run.csv")
    with pytest.raises(IsADirectoryError, match="wants a file"):
        run.save(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file"):
        gd.Trajectory.load(tmp_path / "missing.npz")
    np.savez(tmp_path / "other.npz", t=np.ones(3))
    with pytest.raises(ValueError, match="saved trajectory"):
        gd.Trajectory.load(tmp_path / "other.npz")
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ValueError, match="not a readable"):
        gd.Trajectory.load(tmp_path / "torn.npz")
