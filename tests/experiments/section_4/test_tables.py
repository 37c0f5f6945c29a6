"""Section 4 in miniature: the table, the page made of it, and the figures that share it."""

import json
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from experiments import __main__ as command
from experiments.section_4 import evaluation, paired_data, results, runs
from experiments.section_4.methods import MAX_BETA, TAU
from gapdyn import published
from gapdyn.files import write_columns

ROOT = Path(__file__).resolve().parents[3]
FIGURES = ROOT / "figures"


@pytest.fixture(scope="module")
def table(committed):
    """The table as the repository holds it."""
    return committed("tables").table


@pytest.fixture(scope="module")
def trainings(committed):
    """All trainings as the repository holds them."""
    return committed("tables", "tables_by_seed").table


def test_the_table_is_the_summary_of_the_trainings_beside_it(table, trainings):
    for key, values in runs.summary(trainings).items():
        np.testing.assert_array_equal(values, table[key])


def column(table, data, key, names):
    """One measure of some methods."""
    row = {m: k for k, m in enumerate(table["method"]) if table["data"][k] == data}
    return np.array([table[key][row[name]] for name in names])


SWEEP = [name for name in published.TABLE_3 if name.startswith("FLT")]


def test_the_table_has_every_method_of_the_paper_on_both_data(table):
    head = ["data", "method", "seeds", "steps_acted", "tau_end"]
    head += [f"{key}{end}" for key in evaluation.MEASURES for end in ("", "_sd", "_paper")]
    assert list(table) == head
    assert list(dict.fromkeys(table["data"].tolist())) == list(paired_data.DATA)
    for data in paired_data.DATA:
        assert table["method"][table["data"] == data].tolist() == runs.names()
    assert (table["seeds"] >= 3).all()


def test_the_papers_numbers_stand_beside_ours(table):
    for name, row in published.TABLE_2.items():
        for key in ("gap", "uniformity", "zero_shot", "image_retrieval"):
            assert column(table, "digits", f"{key}_paper", [name])[0] == getattr(row, key)
    mmvp = {name: row.mmvp for name, row in published.TABLE_1.items()}
    for name in runs.names():
        paper = column(table, "synthetic", "mmvp_paper", [name])[0]
        assert paper == mmvp[name] if name in mmvp else np.isnan(paper)
    assert np.isnan(column(table, "synthetic", "gap_paper", ["SS 1e-2"])[0])


def test_the_gap_falls_threefold_along_the_sweep_and_recall_peaks_inside(table):
    """What the synthetic pairs have to show."""
    gap = column(table, "synthetic", "gap", SWEEP)
    assert gap[SWEEP.index("FLT 1e-2")] >= 3 * gap[SWEEP.index("FLT 1e-1")]
    for way in ("image_retrieval", "text_retrieval"):
        assert 0 < column(table, "synthetic", way, SWEEP).argmax() < len(SWEEP) - 1


def test_temperatures_end_where_their_schedules_and_clamps_say(table):
    ends = {"FLT 7e-2": 0.07, "TS S0": 0.02, "TS S3": 0.05, "TS A0": 0.01, "TS A1": 0.01}
    ends["No normalization"] = 1.0
    for data in paired_data.DATA:
        found = column(table, data, "tau_end", list(ends))
        np.testing.assert_allclose(found, list(ends.values()), rtol=1e-12)
        assert (column(table, data, "tau_end", runs.names()) >= 1 / MAX_BETA).all()
        slow, baseline = column(table, data, "tau_end", ["SLRT 0.1", "Baseline"])
        assert baseline < slow < TAU


def test_steps_acted_are_the_portion_of_the_training(table):
    pairs = {"synthetic": 2048, "abundant": 32768, "digits": 1797 - 512}
    for data, recipe in runs.RECIPES.items():
        steps = recipe.steps(pairs[data])
        assert (column(table, data, "steps_acted", ["Baseline", "HS 1"]) == steps).all()
        for name, p in {"HS 1e-1": 0.1, "SS 5e-2": 0.05, "HS 1e-2": 0.01}.items():
            acted = column(table, data, "steps_acted", [name])[0]
            assert abs(acted - p * steps) < 4 * np.sqrt(p * steps / 3)
        assert column(table, data, "steps_acted", ["HS 1e-3"])[0] < 10


def test_the_gap_of_a_sample_has_a_floor():
    """Pairs whose centres coincide: E Δ² = tr Cov(x - y)/m."""
    rng = np.random.default_rng(0)
    pairs = paired_data.synthetic(0, training=64, held_out=200)
    model = runs.encoders_for(pairs, runs.Method(gd.Fixed(0.1)))
    y = model.start(0)
    floor = evaluation.memory(model, y, pairs, seed=0)["gap_floor"]
    X, Y = (gd.sphere.unit(E) for E in model.embed(y, pairs.held_images, pairs.held_texts))
    between = X - Y - (X - Y).mean(axis=0)
    draws = [rng.choice([-1, 1], size=(200, 1)) * between for _ in range(2000)]
    squares = [float((draw.mean(axis=0) ** 2).sum()) for draw in draws]
    assert np.sqrt(np.mean(squares)) == pytest.approx(floor, rel=0.02)


def test_the_page_of_results_is_what_the_table_says(trainings, committed):
    page = results.markdown(trainings, committed("tables").parameters, 0)
    assert (ROOT / "docs" / "results.md").read_text() == page


def test_reparameterisation_is_a_learning_rate_of_one_over_s_squared_or_s(committed):
    """Theory 3.2: plain gradient descent takes s for 1/s², Adam for 1/s."""
    found = committed("tables").parameters["reparameterisation"]
    assert {(f["optimiser"], f["scale"]) for f in found} == {
        (optimiser, scale) for optimiser in ("adam", "descent") for scale in (2, 10)
    }
    for f in found:
        same, other = ("square", "plain") if f["optimiser"] == "descent" else ("plain", "square")
        assert f[same] < 1e-5 * f["travel"] and f[other] > 0.1 * f["travel"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table_with_one_process_and_with_two():
    one, two = (runs.train_all(4, True, jobs) for jobs in (1, 2))
    for key, values in one.items():
        np.testing.assert_array_equal(values, two[key])


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    swept = runs.swept

    def interrupted(function, grid, seeds, jobs, journal):
        swept(function, grid | {"method": ["Baseline"]}, seeds, jobs, journal)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "swept", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runs.train_all(4, True, 2, tmp_path)
    (journal,) = tmp_path.iterdir()
    head, *points = journal.read_text().splitlines()
    points = [re.sub('"gap": [^,]+', '"gap": -1.0', point) for point in points]
    points = [re.sub(', "crc32": .*', "}", point) for point in points]  # as lines of format 1
    journal.write_text("\n".join([head.replace('"format": 2', '"format": 1'), *points, ""]))
    monkeypatch.setattr(runs, "swept", swept)
    resumed, whole = runs.train_all(4, True, 2, tmp_path), runs.train_all(4, True, 2)
    kept = resumed["method"] == "Baseline"
    assert (resumed.pop("gap") == np.where(kept, -1.0, whole["gap"])).all()
    for key, values in resumed.items():
        np.testing.assert_array_equal(values, whole[key])
    assert [*tmp_path.iterdir()] == [journal] == [runs.journal(4, True, tmp_path)]


def test_the_trainings_of_other_settings_are_kept_in_another_file(monkeypatch):
    digests = {runs._digest(seed, quick, ["digits"]) for seed in (0, 1) for quick in (True, False)}
    monkeypatch.setattr(runs, "DIM", 31)
    assert len(digests | {runs._digest(0, False, ["digits"])}) == 5


def test_figures_read_the_trainings_of_their_folder_and_no_others(tmp_path, monkeypatch):
    fresh = runs.trainings(4, True, 1, None)
    marked = fresh | {"gap": fresh["gap"] + 1}
    about = {"seed": 4, "quick": True, "parameters": {"settings": runs.settings(True)}}
    write_columns(tmp_path / "tables_by_seed.csv", marked)
    monkeypatch.setattr(runs, "train_all", lambda *arguments: fresh)
    (tmp_path / "tables.json").write_text("{}")
    assert runs.trainings(4, True, 1, tmp_path) is fresh
    (tmp_path / "tables.json").write_text(json.dumps(about))
    for seed, quick, expected in ((4, True, marked), (5, True, fresh), (4, False, fresh)):
        found = runs.trainings(seed, quick, 1, tmp_path)
        for key, values in expected.items():
            np.testing.assert_array_equal(found[key], values)
    monkeypatch.setattr(runs, "available", lambda quick: (["synthetic", "digits"], None))
    assert runs.trainings(4, True, 1, tmp_path) is fresh


@pytest.mark.parametrize(("name", "count"), [("fig5", 12), ("fig6", 9), ("fig7", 9)])
def test_figures_mark_what_the_paper_plots_and_draw_what_acted(name, count, committed):
    points = committed(name).table
    ours = points["method"][points["source"] == "synthetic"]
    assert set(points["source"]) == {"paper", *paired_data.DATA}
    assert "HS 1e-3" not in ours and {"Baseline", "FLT 4e-1", "HS 1"} <= set(ours)
    chosen = (points["source"] == "paper") & (points["plotted"] == 1)
    names = published.FIGURES_6_AND_7 if count == 9 else sum(published.FIGURE_5.values(), ())
    assert (points["source"] == "paper").sum() == 26
    assert sorted(points["method"][chosen]) == sorted(names) and chosen.sum() == count
    for i in np.flatnonzero(chosen):
        row = runs.printed(str(points["method"][i]))
        for key in set(points) - {"source", "method", "plotted", "retrieval"}:
            assert points[key][i] == row[key]


def test_figure_5_swaps_whole_pairs():
    """Two of five pairs change sides: of heights ±0.6 the centres keep a fifth of the distance."""
    numbers = import_module("experiments.fig5").compute(folder=FIGURES)
    (X, Y), (X_bar, Y_bar) = numbers.arrays["before"], numbers.arrays["after"]
    np.testing.assert_allclose(np.linalg.norm([X, Y, X_bar, Y_bar], axis=-1), 1)
    np.testing.assert_array_equal(X_bar, np.vstack([Y[:2], X[2:]]))
    np.testing.assert_array_equal(Y_bar, np.vstack([X[:2], Y[2:]]))
    gaps = numbers.parameters["gap_on_sphere"]
    assert gaps == pytest.approx({"before": 1.2, "after": 0.24})
    for name, last in {"TS S0": 2e-2, "TS S3": 5e-2}.items():
        share, tau = numbers.arrays[name]
        np.testing.assert_allclose(tau, 1e-2 + (last - 1e-2) * share)


@pytest.mark.parametrize(
    ("number", "name", "key", "text"),
    [
        (1, "FLT 7e-2", "mmvp", "14.074"),
        (2, "Baseline", "zero_shot", "13.650"),
        (3, "FLT 2e-2", "text_retrieval", "81.3"),
        (3, "FLT 4e-1", "image_retrieval", "6.9"),
        (4, "TS S0", "zero_shot", "18.40"),
        (4, "TS S0", "uniformity", "-1.120"),
        (5, "TR scale 2", "linear_probe", "66.3"),
        (5, "Baseline", "linear_probe", "65.55"),
    ],
)
def test_the_papers_numbers_have_their_printed_decimals(number, name, key, text):
    assert results.as_printed(number, name, key) == text


def test_without_scikit_learn_the_digits_are_left_out_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    data, why = runs.available(quick=False)
    assert data == ["synthetic", "abundant"] and "gapdyn[digits]" in why
    module = import_module("experiments.tables")
    numbers = module.compute(seed=4, quick=True)
    monkeypatch.setattr(module, "compute", lambda seed, quick: numbers)
    numbers.parameters["left_out"] = why
    assert command.main(["tables", "--quick", "--seed", "4", "--out", str(tmp_path)]) == 0
    assert "left out: scikit-learn is missing" in capsys.readouterr().out
    assert "**Left out:** scikit-learn is missing" in (tmp_path / "results.md").read_text()
