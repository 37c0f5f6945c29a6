"""Which conclusions survive the recipe: on trainings made so that each verdict is known."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from legible import faults, overlaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments import __main__ as command
from experiments import record
from experiments import section_4_robustness as experiment
from experiments.section_4 import robustness, runs
from experiments.section_4.evaluation import MEASURES
from experiments.section_4.recipes import VARIANTS
from experiments.section_4.verdicts import CONCLUSIONS, NOT, REPRODUCED, UNDECIDED
from gapdyn.plotting import drawing

ROOT = Path(__file__).resolve().parents[2]
OVER_THE_TOP = "Retrieval stops rising: in the sweep of Table 3 it is best strictly inside"
HURTS = "Hard swapping all the time (p = 1) hurts"
NORMALISED = "Without normalisation the gap is larger"
NUMBERS = ("steps", "steps_acted", "tau_end", *MEASURES, "training_recall", "gap_floor")


def made(**recipes):
    """Trainings in which all methods are alike but for changes: {(method, measure): change}."""
    grid = [(r, m, k) for r in recipes for m in runs.names() for k in range(runs.SEEDS)]
    columns = {name: np.array(column) for name, column in zip(
        ("recipe", "method", "repeat"), zip(*grid, strict=True), strict=True)}  # fmt: skip
    table = {"data": np.full(len(grid), "glyphs"), **columns}
    table |= {key: np.full(len(grid), 1000.0) for key in NUMBERS}
    for recipe, changes in recipes.items():
        for (method, key), change in changes.items():
            table[key][(table["recipe"] == recipe) & (table["method"] == method)] += change
    return table


KNOWN = {
    "reference": {
        ("FLT 7e-2", "text_retrieval"): 5.0,
        ("HS 1", "text_retrieval"): -3.0,
        ("HS 1", "linear_probe"): -3.0,
        ("No normalization", "gap"): 0.5,
    },
    "width 64": {
        ("FLT 7e-2", "text_retrieval"): 5.0,
        ("HS 1", "text_retrieval"): 3.0,
        ("HS 1", "linear_probe"): 3.0,
        ("No normalization", "gap"): -0.5,
    },
    "d = 32": {("FLT 4e-1", "text_retrieval"): 5.0, ("No normalization", "gap"): -0.5},
}
VERDICTS = {
    OVER_THE_TOP: (REPRODUCED, REPRODUCED, NOT),
    HURTS: (REPRODUCED, NOT, UNDECIDED),
    NORMALISED: (REPRODUCED, NOT, NOT),
}


def test_each_recipe_has_the_verdicts_of_its_own_trainings():
    table = robustness.decided(made(**KNOWN))
    assert len(table["verdict"]) == len(KNOWN) * len(CONCLUSIONS)
    for name, verdicts in VERDICTS.items():
        rows = table["conclusion"] == name
        assert table["recipe"][rows].tolist() == list(KNOWN)
        assert table["verdict"][rows].tolist() == list(verdicts)
    assert "best FLT 4e-1" in table["numbers"][-4 + CONCLUSIONS[-4:].index(_named(OVER_THE_TOP))]


def _named(statement):
    return next(c for c in CONCLUSIONS if c.statement == statement)


def test_recipes_are_counted_by_verdict():
    found = robustness.counts(robustness.decided(made(**KNOWN)))
    for name, verdicts in VERDICTS.items():
        row = found["conclusion"].tolist().index(name)
        for verdict in (REPRODUCED, UNDECIDED, NOT):
            assert found[verdict][row] == verdicts.count(verdict)
        assert found["printed"][row] == (name == NORMALISED)
        assert found["paper"][row] == REPRODUCED
    assert sum(found[v] for v in (REPRODUCED, UNDECIDED, NOT)).tolist() == [3] * len(CONCLUSIONS)


def test_the_message_counts_what_holds_always_never_and_at_times():
    found = {REPRODUCED: np.array([3, 0, 0, 1]), UNDECIDED: np.array([0, 3, 2, 1])}
    found |= {NOT: np.array([0, 0, 1, 1]), "conclusion": np.arange(4)}
    says = robustness.message(found)
    assert re.findall(r"\d+", says) == ["4", "1", "3", "2", "1"]


def test_a_recipe_is_told_by_its_baseline_and_its_best_fixed_temperature():
    trainings = made(**KNOWN)
    trainings["gap"][(trainings["recipe"] == "d = 32") & (trainings["method"] == "Baseline")] = [
        1.0, 2.0, 6.0]  # fmt: skip
    rows = robustness.baselines(trainings)
    assert rows["best_fixed_tau"].tolist() == [0.07, 0.07, 0.4]
    assert rows["retrieval_of_best"].tolist() == [1002.5] * 3
    assert rows["gap"].tolist() == [1000.0, 1000.0, 3.0]


def test_methods_that_never_acted_are_named():
    trainings = made(**KNOWN)
    for name, recipes in {"HS 1e-3": list(KNOWN), "HS 1e-2": ["d = 32"]}.items():
        of = (trainings["method"] == name) & np.isin(trainings["recipe"], recipes)
        trainings["steps_acted"][of] = 9
    assert robustness.not_tried(trainings) == ["HS 1e-3"]


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """A file of trainings in place of the one of the repository."""
    file = tmp_path / "robustness.csv"
    monkeypatch.setattr(experiment, "TRAININGS", file)
    return file


def test_by_default_the_committed_trainings_are_read(committed):
    trainings = made(**KNOWN)
    experiment.write_columns(committed, trainings)
    numbers = experiment.compute(seed=3)
    for key, column in robustness.decided(trainings).items():
        np.testing.assert_array_equal(numbers.table[key], column)
    assert "seed 0 in `robustness.csv`" in numbers.parameters["trainings"]
    assert list(numbers.parameters["recipes"]) == list(KNOWN)
    assert numbers.journal is None


def test_without_them_one_line_says_what_to_do(committed):
    with pytest.raises(FileNotFoundError, match=r"no .*robustness.csv: --full trains all"):
        experiment.compute()


@pytest.mark.parametrize("seed", [0, 5])
def test_full_trains_anew_and_seed_0_is_what_is_committed(
    committed, tmp_path, monkeypatch, capsys, seed
):
    asked = []

    def train_all(*arguments, robustness):
        asked.append((*arguments, robustness))
        return made(**KNOWN)

    monkeypatch.setattr(runs, "train_all", train_all)
    out = tmp_path / "out"
    options = ["section_4_robustness", "--full", "--jobs", "2", "--out", str(out)]
    assert command.main([*options, "--seed", str(seed)]) == 0
    assert asked == [(seed, False, 2, out, True)]
    left = committed if seed == 0 else out / "section_4_robustness_by_seed.csv"
    for key, column in made(**KNOWN).items():
        np.testing.assert_array_equal(record.read(left)[key], column)
    assert committed.is_file() == (seed == 0) != (out / left.name).is_file()
    if seed == 0:
        numbers, anew = experiment.compute(), experiment.compute(full=True)
        assert experiment.report(numbers) == experiment.report(anew)
    assert "robustness.md" in capsys.readouterr().out


def test_the_page_has_each_verdict_with_its_numbers(committed):
    experiment.write_columns(committed, made(**KNOWN))
    numbers = experiment.compute()
    name, page = experiment.report(numbers)
    assert name == "robustness.md" and robustness.message(numbers.more["counts"]) in " ".join(
        page.split()
    )
    for c in CONCLUSIONS:
        section = page.split(f"\n### {c.statement}\n")[1].split("\n### ")[0]
        assert c.said in section
        rows = numbers.rows(conclusion=c.statement)
        for of in zip(rows["recipe"], rows["verdict"], rows["numbers"], strict=True):
            assert "| {} | {} | {} |\n".format(*of) in section
    assert f"| {HURTS} | unsaid | holds | 1 | 1 | 1 |" in page
    assert f"under another: {NORMALISED}; {OVER_THE_TOP}; {HURTS}." in " ".join(page.split())


def test_the_picture_has_a_mark_for_each_verdict(committed):
    experiment.write_columns(committed, made(**KNOWN))
    with drawing():
        figure = experiment.draw(experiment.compute())
    assert faults(figure) + overlaps(figure) == []
    (ax,) = figure.axes
    markers = [
        line.get_marker() for line in ax.findobj(Line2D) if line.get_xdata()[0] in (0, 1, 2, 3)
    ]
    found = robustness.counts(robustness.decided(made(**KNOWN)))
    papers = len(CONCLUSIONS)
    for verdict, more in {REPRODUCED: papers, UNDECIDED: 0, NOT: 0}.items():
        marker = experiment.MARKS[verdict]["marker"]
        assert markers.count(marker) == found[verdict].sum() + more


def test_the_picture_of_all_recipes_fits_a_page():
    with drawing():
        figure = experiment.draw(experiment.compute())
    assert faults(figure) + overlaps(figure) == []


@pytest.mark.slow
def test_a_quick_run_trains_the_reference_and_commits_nothing(committed):
    numbers = experiment.compute(quick=True)
    assert list(numbers.parameters["recipes"]) == ["reference"]
    assert (numbers.more["recipes"]["steps"] < 100).all()
    assert not committed.exists() and "by_seed" in numbers.more
    assert "seed 0 in" not in numbers.parameters["trainings"]
    assert isinstance(experiment.draw(numbers), Figure)
    assert "A quick check, no results" in experiment.report(numbers)[1]


def test_the_repository_has_every_recipe_and_method_and_its_reference_is_the_table():
    trainings = record.read(ROOT / "experiments" / "section_4" / "robustness.csv")
    grid = [(r, m, k) for r in VARIANTS for m in runs.names() for k in range(runs.SEEDS)]
    keys = [trainings[key].tolist() for key in ("recipe", "method", "repeat")]
    assert list(zip(*keys, strict=True)) == grid
    table = record.read(ROOT / "figures" / "tables_by_seed.csv")
    glyphs, reference = table["data"] == "glyphs", trainings["recipe"] == "reference"
    for key in NUMBERS:
        np.testing.assert_array_equal(table[key][glyphs], trainings[key][reference])


def test_the_page_of_the_repository_is_what_its_trainings_say():
    about = json.loads((ROOT / "figures" / "section_4_robustness.json").read_text())
    if about["quick"]:
        pytest.skip("figures/section_4_robustness.json is of a quick check")
    page = experiment.report(experiment.compute())[1]
    assert (ROOT / "docs" / "robustness.md").read_text() == page
