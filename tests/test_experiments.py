"""Experiments: their numbers, and the command that runs them."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
import pytest
from conftest import Own, interrupted
from legible import faults, overlaps, texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import experiments
import gapdyn as gd
from experiments import __main__ as command
from experiments import features as real
from experiments import record
from experiments.section_4 import runs
from gapdyn.plotting import drawing

FIGURES = Path(__file__).resolve().parents[1] / "figures"
OPTIONS = {"seed", "quick", "features", "jobs", "folder", "search", "full"}
ENDINGS = ("csv", "json", "png")
SLOW = ("tables", "retrieval")
DRAWN_ELSEWHERE = ("fig5", "fig6", "fig7", "section_4_robustness")
DRAWN_ELSEWHERE += ("clip_gap", "real_clip", "sigmoid_clip")
"""Of all trainings, in `experiments/section_4/test_tables.py` and in a file of its own; of real
features."""


def saved(name):
    """The table of an experiment as the repository holds it, not as a reader ran it anew."""
    about = json.loads((FIGURES / f"{name}.json").read_text())
    if about["seed"] != 0 or about["quick"]:
        pytest.skip(f"figures/{name}.csv is of another run")
    return record.read(FIGURES / f"{name}.csv")


def test_every_experiment_says_what_it_is_and_has_left_its_files(capsys):
    assert command.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(experiments.NAMES)
    assert len({re.search(r"\d s  [A-Z]", line).start() for line in listed}) == 1  # aligned
    for name in experiments.NAMES:
        assert {"seed", "quick"} <= record.takes(name) <= OPTIONS
        for ending in ("png", "csv", "json"):
            assert (FIGURES / f"{name}.{ending}").stat().st_size > 100
        about = json.loads((FIGURES / f"{name}.json").read_text())
        assert about["experiment"] == name and about["versions"]["gapdyn"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in experiments.NAMES
        if name not in DRAWN_ELSEWHERE
    ],
)
def test_compute_is_repeatable_and_draw_draws(name, few_methods):
    module = import_module(f"experiments.{name}")
    numbers = module.compute(seed=3, quick=True)
    runs.train_all.cache_clear()
    again = module.compute(seed=3, quick=True)
    for key, column in numbers.table.items():
        if column.dtype.kind == "f":  # LSODA of SciPy 1.15 rounds by where its arrays lie in memory
            np.testing.assert_allclose(column, again.table[key], rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_array_equal(column, again.table[key])
    assert len({len(column) for column in numbers.table.values()}) == 1
    with drawing():
        for draw in record.pictures(module).values():
            assert faults(draw(numbers)) == []


def test_figure_2_has_the_promised_numbers():
    """On the committed CSV: the columns of to_csv, and the paper's curves where it names a time."""
    table = saved("fig2")
    assert list(table) == ["t", "gap", "tau", "beta", "gamma", "margin", "mismatched", "loss"]
    for _, t, gap, tau in gd.published.FIGURE_2.readings:
        k = int(np.flatnonzero(table["t"] == t)[0])
        assert (table["gap"][k], table["tau"][k]) == pytest.approx((gap, tau), abs=5.1e-5)
    assert table["t"][table["gap"].argmax()] == table["t"][table["tau"].argmax()] == 2.064
    assert table["t"][table["mismatched"] == 0][0] == 3.833
    assert (table["mismatched"][table["t"] < 3.832] == 5).all()
    assert np.ptp(5 * np.log(table["gap"]) - np.log(table["tau"])) < 1e-6
    assert (FIGURES / "fig2.gif").stat().st_size < 3e6


def test_figure_2_draws_the_papers_vertices_on_our_line():
    """What is drawn, not what is computed: each dot of the paper lies on the line under it."""
    module = import_module("experiments.fig2")
    numbers = module.compute(quick=True)
    assert max(numbers.parameters["largest_misfit_over_vertices"].values()) < 1e-6
    figure = module.draw(numbers)
    assert "t + 0.1" in "".join(text.get_text() for text in texts(figure))
    panels = [ax for ax in figure.findobj(Axes) if ax.name != "3d"]
    assert len(panels) == 2
    for ax, vertices in zip(panels, (73, 65), strict=True):
        line, dots = ax.lines[:2]
        axis, value = dots.get_data()
        assert len(axis) == vertices
        np.testing.assert_allclose(np.interp(axis, *line.get_data()), value, atol=1e-6)
        assert {"Mismatched", "Matched"} <= {text.get_text() for text in ax.texts}


@pytest.mark.parametrize("name", ["fig1", "fig2", "fig3"])
def test_pictures_of_the_first_figures_are_legible(name):
    module = import_module(f"experiments.{name}")
    with drawing():
        figure = module.draw(module.compute(quick=True))
    assert faults(figure) == overlaps(figure) == []


def test_figure_1_keeps_far_cones_apart_and_parts_a_shared_one_for_a_while():
    """The rise of (b) and its fall below the start; the fall is where the paper shows another."""
    table = saved("fig1")
    far, one, free = (
        table[f"gap_{k}"] for k in ("two_cones_free", "one_cone_parallel", "one_cone_free")
    )
    assert far[0] > 0.8 and far[-1] > 0.9 * far[0]
    assert one.max() > 4 * one[0]
    assert one[-1] < 0.8 * one[0]
    assert free.max() <= 1.01 * free[0]
    assert int(table["mismatched_one_cone_parallel"][one.argmax()]) > 90


def test_a_gap_of_figure_1_ends_enlarged_only_in_the_parallel_model_from_the_lowest_temperature():
    table = record.read(FIGURES / "fig1_starts.csv")
    wider = table["end"] > table["start"]
    assert len(wider) == 12
    assert (table["model"][wider], table["tau"][wider]) == ("parallel", 0.005)


def test_in_the_parallel_model_a_height_ends_above_its_start_exactly_if_the_temperature_does():
    """(6), in the runs of Figure 1: why its enlargement does not last from τ₀ = 0.07."""
    module = import_module("experiments.fig1")
    rng = np.random.default_rng(0)
    X, Y = (gd.sphere.cone(30, np.eye(8)[0], 1.0, rng) for _ in range(2))
    ends = [module._flow("parallel", X, Y, tau, [0.0, 1e3]) for tau in (0.07, 0.005)]
    assert [bool(np.diff(run.tau) > 0) for run in ends] == [False, True]
    assert [bool(np.diff(run.gamma) > 0) for run in ends] == [False, True]


def test_figure_3_is_matched_at_the_right_and_parallel_on_both_sides():
    numbers = import_module("experiments.fig3").compute()
    assert list(numbers.arrays) == ["mismatched", "matched"]
    for name, mismatched in (("mismatched", 10), ("matched", 0)):
        X, Y = numbers.arrays[name]
        assert gd.measures.mismatched(X @ Y.T) == mismatched
        np.testing.assert_allclose(X[:, 2], 0.98)
        np.testing.assert_allclose(Y[:, 2], -0.98)
    margins = numbers.parameters["margin_of_unlifted_rows"]
    assert margins["matched"] == pytest.approx(1 - np.cos(2 * np.pi / 10))
    assert margins["mismatched"] == pytest.approx(np.cos(0.8 * np.pi) - 1)


def test_the_landscape_has_its_minima_where_theory_3_8_says(shared_data):
    minima = import_module("experiments.landscape").compute(quick=True).parameters
    expected = {"0.01": 0.860, "0.02": 0.713, "0.05": 0.398, "0.1": 0.209}
    assert minima["gap_of_least_loss"] == pytest.approx(expected, abs=0.01)
    assert minima["gap"] == pytest.approx(0.851, abs=1e-3)


def test_the_picture_of_the_gap_keeps_its_length(shared_data):
    """On the axes that are drawn the centres are a gap apart, and no two rows further than are."""
    numbers = import_module("experiments.clip_gap").compute()
    X, Y, _ = real.load(real.TRAINED, None)
    images, texts = (
        np.column_stack([rows["along"], rows["across"]])
        for rows in (numbers.rows(modality=kind) for kind in ("image", "text"))
    )
    apart = images.mean(axis=0) - texts.mean(axis=0)
    assert apart == pytest.approx((gd.measures.gap(X, Y), 0), abs=1e-12)
    seen, true = (np.linalg.norm(a - b, axis=1) for a, b in ((images, texts), (X, Y)))
    assert (seen <= true + 1e-12).all() and numbers.parameters["gap"] == pytest.approx(
        0.851, abs=1e-3
    )


@pytest.mark.parametrize("name", ["clip_gap", "landscape", "real_clip", "sigmoid_clip"])
def test_features_may_be_a_file_of_the_users(tmp_path, name):
    both = np.stack(gd.sphere.lift(gd.sphere.sample(9, 5, 0), gd.sphere.sample(9, 5, 1), 0.4))
    np.save(tmp_path / "mine.npy", both)
    module = import_module(f"experiments.{name}")
    numbers = module.compute(quick=True, features=tmp_path / "mine.npy")
    assert (numbers.parameters["features"], numbers.parameters["pairs"]) == ("mine.npy", 9)
    if name.endswith("_clip"):
        assert numbers.table["gap"][0] == pytest.approx(gd.measures.gap(*both))
    assert isinstance(module.draw(numbers), Figure)


def test_without_real_features_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(real.VARIABLE, str(tmp_path / "nothing"))
    out = tmp_path / "out"
    options = ["--quick", "--jobs", "1", "--out", str(out)]
    assert command.main(["real_clip", "fig3", "landscape", *options]) == 0
    shown = capsys.readouterr().out
    missing = f"no real embeddings in {tmp_path}/nothing: get features_clip"
    assert f"skipped: {missing}" in shown
    assert f"remark: of synthetic data in place of CLIP, as there are {missing}" in shown
    files = [f"{name}.{end}" for name in ("fig3", "landscape_synthetic") for end in ENDINGS]
    assert sorted(p.name for p in out.iterdir()) == files
    about = json.loads((out / "landscape_synthetic.json").read_text())
    assert about["parameters"]["features"] == "synthetic data in place of CLIP"


def test_a_picture_of_synthetic_data_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv(real.VARIABLE, str(tmp_path))
    module = import_module("experiments.landscape")
    with drawing():
        figure = module.draw(module.compute(quick=True))
    assert figure.get_axes()[0].get_title("left") == "200 pairs, synthetic data in place of CLIP"
    assert "CLIP" not in figure.get_suptitle()
    assert faults(figure) + overlaps(figure) == []


def test_the_message_of_the_landscape_is_that_of_trained_clip(shared_data):
    module = import_module("experiments.landscape")
    with drawing():
        figure = module.draw(module.compute(quick=True))
    assert figure.get_suptitle().startswith("Trained CLIP has about the gap that its loss favours")
    assert faults(figure) + overlaps(figure) == []


TAKES_FEATURES = [name for name in experiments.NAMES if "features" in record.takes(name)]


@pytest.mark.parametrize("name", TAKES_FEATURES)
def test_features_that_are_named_have_no_stand_in(tmp_path, monkeypatch, capsys, name):
    """A folder that lacks them, and files that are none, end the command before anything is run."""
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    np.save("captions.npy", np.ones((2, 3, 4)))
    np.savez("captions.npz", images=np.ones((3, 4)), captions=np.ones((3, 5, 4)))
    np.save("ambiguous.npy", np.ones((2, 2, 4)))
    Path("rows.csv").write_text("0.1,0.2\n")
    for place, says in (
        ("missing", "--features must be a file or a folder, there is no missing"),
        ("empty", "--features must be a file or a folder with features_clip"),
        ("captions.npz", "captions.npz must hold one text for each image, it has 15 for 3"),
        ("ambiguous.npy", "ambiguous.npy, shape (2, 2, 4), could be 2nd or n2d"),
        ("rows.csv", "rows.csv is not a readable file of numbers: it is text, such as CSV"),
    ):
        assert command.main([name, "fig3", "--features", place, "--out", "out"]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
        with pytest.raises(ValueError, match=re.escape(says[:40])):
            import_module(f"experiments.{name}").compute(quick=True, features=Path(place))
    assert not Path("out").exists()


def test_what_is_assumed_of_features_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    both = np.stack(gd.sphere.lift(gd.sphere.sample(9, 5, 0), gd.sphere.sample(9, 5, 1), 0.4))
    np.save("mine.npy", np.moveaxis(both, 0, 1))
    options = ["--features", "mine.npy", "--quick", "--out", "out"]
    assert command.main(["landscape", *options]) == 0
    assert "mine.npy, shape (9, 2, 6), is read as n2d" in capsys.readouterr().err
    assert Path("out/landscape.png").is_file()


@pytest.fixture
def made(monkeypatch):
    """Add an experiment with some `compute` to those that the command knows."""

    def make(compute, draw=lambda numbers: Figure()):
        module = ModuleType("experiments.made")
        module.compute, module.draw = compute, draw
        monkeypatch.setitem(sys.modules, "experiments.made", module)
        monkeypatch.setattr(experiments, "NAMES", ("made", "fig3"))

    return make


@pytest.mark.parametrize("error", [ValueError("on purpose"), OSError("on purpose")])
def test_one_failure_costs_itself_only_and_settings_of_matplotlib_are_no_matter(
    tmp_path, made, capfd, error
):
    """What costs a process of its own is in `experiments/test_command.py`."""

    def fails(seed=0, quick=False):
        raise error

    made(fails)
    with mpl.rc_context({"text.usetex": True, "figure.dpi": 10}):
        status = command.main(["--jobs", "1", "--out", str(tmp_path), "--format", "png,pdf"])
    shown = capfd.readouterr()
    assert status == 1
    assert re.search(rf"^made +0\.0 s  FAILED: {re.escape(repr(error))}$", shown.out, re.M)
    assert f"made: 0.0 s, FAILED: {error!r}\n" in shown.err
    assert re.search(r"^fig3: \d+\.\d s$", shown.err, re.M)
    assert ("Traceback" in shown.err) == isinstance(error, ValueError)
    assert (tmp_path / "fig3.png").is_file()
    fonts = (tmp_path / "fig3.pdf").read_bytes()
    assert b"/CIDFontType2" in fonts and b"/Type3" not in fonts  # TrueType


def test_ctrl_c_within_a_flow_of_this_process_is_no_failure(tmp_path, made, capsys):
    def pressed(seed=0, quick=False):
        gd.flow(Own(lambda t, y: interrupted(t) * y), [1.0], 9.0)

    made(pressed)
    options = ["--jobs", "1", "--out", str(tmp_path)]
    assert command.main(["fig3", "made", *options]) == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    last = f"python -m experiments: interrupted; fig3 finished, in {tmp_path}"
    assert shown.err.splitlines()[1:] == [last]
    assert command.main(["made", "fig3", *options]) == 130
    assert "interrupted; nothing finished, in" in capsys.readouterr().err


def test_a_journal_stays_until_what_it_kept_is_written(tmp_path, made, capsys):
    """Neither a full disk nor Ctrl-C while tables are written may cost the trainings."""
    journal = tmp_path / "points.jsonl"
    journal.touch()

    def compute(seed=0, quick=False):
        return record.Numbers({"a": np.arange(3)}, {}, journal=journal)

    options = ["made", "--jobs", "1", "--out", str(tmp_path)]
    made(compute, draw=lambda numbers: 1 / 0)
    assert command.main(options) == 1 and journal.is_file()
    made(compute)
    assert command.main(options) == 0 and not journal.exists()


def test_an_experiment_may_leave_several_pictures(tmp_path, made):
    def compute(seed=0, quick=False):
        return record.Numbers({"a": np.arange(3)}, {})

    made(compute)
    sys.modules["experiments.made"].MORE = {"beside": lambda numbers: Figure()}
    options = ["made", "--jobs", "1", "--out", str(tmp_path), "--format", "png,pdf"]
    assert command.main(options) == 0
    pictures = [f"made{key}.{kind}" for key in ("", "_beside") for kind in ("pdf", "png")]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made.csv", "made.json", *pictures]


@pytest.mark.parametrize("arguments", [[], ["--search"]])
def test_a_search_reaches_the_experiments_that_take_it_and_no_others(tmp_path, made, arguments):
    asked = []

    def compute(seed=0, quick=False, search=False):
        asked.append(search)
        return record.Numbers({"a": np.arange(3)}, {})

    made(compute)
    assert command.main(["--jobs", "1", "--out", str(tmp_path), *arguments]) == 0
    assert asked == [bool(arguments)] and (tmp_path / "fig3.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fig9"], "NAME must be one of clip_gap"),
        (["landscpe"], "got 'landscpe', did you mean landscape?"),
        (["--format", "bmp"], "--format must be of png, pdf, svg, got 'bmp'"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--seed", "-1"], "--seed must not be negative"),
        (["--full", "--quick"], "--full and --quick exclude each other"),
        (["fig3", "landscape", "--full"], "--full makes no difference to fig3, landscape"),
        (["tables", "--search", "--quick"], "--search and --quick exclude each other"),
        (["fig3", "fig5", "--search"], "--search makes no difference to fig3, fig5"),
        (["--features", "missing.npy"], "there is no missing.npy"),
        (["fig3", "--features", "missing.npy"], "--features makes no difference to fig3"),
        (
            ["landscape", "--features", "short.npy"],
            "short.npy must have shape (2, n, d), it has (3, 4, 5)",
        ),
        (["landscape", "--features", "text.npy"], "text.npy is not a readable file"),
        (["fig3", "--out", "text.npy"], "--out must be a folder"),
        (["fig3", "--out", "text.npy/x"], "--out must be a folder"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("short.npy", np.ones((3, 4, 5)))
    Path("text.npy").write_text("no array")
    try:
        status = command.main(arguments)
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert says in shown.err and shown.err.count("\n") == 1
