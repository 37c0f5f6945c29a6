"""Section 4 in miniature: the table, the page made of it, and the figures that share it."""

import json
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import record, tables
from experiments.section_4 import evaluation, glyphs, paired_data, recipes, results, runs, verdicts
from experiments.section_4.methods import MAX_BETA, TAU, Method
from gapdyn import published
from gapdyn.files import write_columns
from gapdyn.plotting import drawing

ROOT = Path(__file__).resolve().parents[3]
SWEEP = [name for name in published.TABLE_3 if name.startswith("FLT")]


def made():
    """Trainings of every method on both kinds of data, with numbers that are drawn."""
    rng = np.random.default_rng(0)
    rows = [(d, m, r) for d in recipes.DATA for m in runs.names() for r in range(runs.SEEDS)]
    data, method, repeat = map(np.array, zip(*rows, strict=True))
    table = {"data": data, "recipe": np.full(len(rows), "reference"), "method": method}
    table |= {"repeat": repeat, "steps": np.full(len(rows), 1800.0)}
    table["steps_acted"] = np.where(method == "HS 1e-3", 2.0, 1800.0)
    keys = ("tau_end", *evaluation.MEASURES, "training_recall", "gap_floor")
    return table | {key: rng.uniform(0.1, 1, len(rows)) for key in keys}


@pytest.fixture
def about():
    """Parameters of `tables` that go with made trainings."""
    compared = [
        {"optimiser": o, "scale": s, "travel": 0.1, "square": 1e-12, "plain": 0.05}
        for o in tables.COMPARED
        for s in tables.SCALES
    ]
    settings = runs.settings(quick=False)
    return {
        "settings": settings,
        "quick": False,
        "remark": None,
        "reparameterisation": compared,
    }


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


def test_the_table_has_every_method_of_the_paper_on_both_data(table):
    head = ["data", "method", "seeds", "steps", "steps_acted", "tau_end"]
    head += [f"{key}{end}" for key in evaluation.MEASURES for end in ("", "_sd", "_paper")]
    assert list(table) == head
    assert list(dict.fromkeys(table["data"].tolist())) == list(recipes.DATA)
    for data in recipes.DATA:
        assert table["method"][table["data"] == data].tolist() == runs.names()
    assert (table["seeds"] >= 3).all()


def test_the_papers_numbers_stand_beside_ours():
    table = runs.summary(made())
    for name, row in published.TABLE_2.items():
        for key in ("gap", "uniformity", "zero_shot", "image_retrieval"):
            assert column(table, "glyphs", f"{key}_paper", [name])[0] == getattr(row, key)
    mmvp = {name: row.mmvp for name, row in published.TABLE_1.items()}
    for name in runs.names():
        paper = column(table, "synthetic", "mmvp_paper", [name])[0]
        assert paper == mmvp[name] if name in mmvp else np.isnan(paper)
    assert np.isnan(column(table, "synthetic", "gap_paper", ["SS 1e-2"])[0])


@pytest.mark.parametrize("data", list(recipes.DATA))
def test_the_gap_falls_threefold_along_the_sweep_and_retrieval_is_best_inside(table, data):
    """What both kinds of data have to show."""
    gap = column(table, data, "gap", SWEEP)
    assert gap[SWEEP.index("FLT 1e-2")] >= 3 * gap[SWEEP.index("FLT 1e-1")]
    both = sum(column(table, data, f"{way}_retrieval", SWEEP) for way in ("image", "text"))
    assert 0 < both.argmax() < len(SWEEP) - 1


@pytest.mark.parametrize("data", list(recipes.DATA))
def test_temperatures_end_where_their_schedules_and_clamps_say(table, data):
    ends = {"FLT 7e-2": 0.07, "TS S0": 0.02, "TS S3": 0.05, "TS A0": 0.01, "TS A1": 0.01}
    ends["No normalization"] = 1.0
    found = column(table, data, "tau_end", list(ends))
    np.testing.assert_allclose(found, list(ends.values()), rtol=1e-12)
    assert (column(table, data, "tau_end", runs.names()) >= (1 - 1e-12) / MAX_BETA).all()
    slow, baseline = np.log(column(table, data, "tau_end", ["SLRT 0.1", "Baseline"]) / TAU)
    assert abs(slow) < abs(baseline)


def test_steps_are_those_of_the_recipe_and_a_swap_acts_in_its_portion(trainings):
    for data, setting in recipes.REFERENCE.items():
        steps = runs.by_seed(trainings, "steps")[runs.by_seed(trainings, "data")[:, 0] == data]
        assert (steps == steps[0]).all()
        assert np.abs(steps / setting.steps - 1).max() < 0.01
        m, total = verdicts.ours(trainings, data=data), steps[0].mean()
        acted = dict(zip(m.names, m.acted, strict=True))
        assert acted["Baseline"] == acted["HS 1"] == total
        for name, p in {"HS 1e-1": 0.1, "SS 5e-2": 0.05, "HS 1e-2": 0.01}.items():
            assert abs(acted[name] - p * total) < 4 * np.sqrt(p * total / 3)
        assert acted["HS 1e-3"] < verdicts.LEAST_STEPS


def test_the_gap_of_a_sample_has_a_floor():
    """Pairs whose centres coincide: E Δ² = tr Cov(x - y)/m."""
    rng = np.random.default_rng(0)
    pairs = paired_data.synthetic(0, training=64, held_out=200)
    model = recipes.Setting().model(pairs, Method(gd.Fixed(0.1)))
    y = model.start(0)
    floor = evaluation.memory(model, y, pairs, seed=0)["gap_floor"]
    X, Y = evaluation.embed(model, y, pairs.held_out)
    between = X - Y - (X - Y).mean(axis=0)
    draws = [rng.choice([-1, 1], size=(200, 1)) * between for _ in range(2000)]
    squares = [float((draw.mean(axis=0) ** 2).sum()) for draw in draws]
    assert np.sqrt(np.mean(squares)) == pytest.approx(floor, rel=0.02)


def test_the_page_of_results_is_what_the_table_says(trainings, committed):
    page = results.markdown(trainings, committed("tables").parameters, 0)
    assert (ROOT / "docs" / "results.md").read_text() == page


def rows_of(page, heading):
    """The cells of the first table under a heading, without its head."""
    (_, text) = page.split(f"\n{heading}\n")
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def test_the_page_gives_each_conclusion_its_verdict_by_its_rule(about):
    table = made()
    page = results.markdown(table, about, 0)
    found = rows_of(page, "### What the paper says")
    found += rows_of(page, "### What its tables show, unsaid")
    assert [row[1] for row in found] == [c.statement for c in verdicts.CONCLUSIONS]
    assert [int(row[0]) for row in found] == [*range(1, len(found) + 1)]
    counts = dict.fromkeys((verdicts.REPRODUCED, verdicts.UNDECIDED, verdicts.NOT), 0)
    for row, c in zip(found, verdicts.CONCLUSIONS, strict=True):
        ours = {data: c.rule(verdicts.ours(table, data=data)) for data in recipes.DATA}
        assert row[2:4] == [v.verdict for v in ours.values()]
        assert all(f"{results.NAMES[data]}: {v.numbers}\n" in page for data, v in ours.items())
        assert not c.said or c.said in page
        counts[ours["glyphs"].verdict] += bool(c.said)
    assert f"| glyphs | {' | '.join(map(str, counts.values()))} |" in page


def test_the_page_has_the_rate_of_each_method_once(about):
    rates = {key: recipes.RATES[k % 4] for k, key in enumerate(about["settings"]["rates"])}
    about["settings"]["rates"] = rates
    rows = rows_of(results.markdown(made(), about, 0), "### The learning rates that were found")
    found = {
        f"{data}, {name}": float(row[0])
        for row in rows
        for data, names in zip(recipes.DATA, row[1:], strict=True)
        for name in names.split(", ")
    }
    assert found == rates and sum(len(f"{row[1:]}".split(", ")) for row in rows) == len(rates)


def test_the_page_names_what_is_not_as_in_the_repository(about):
    assert "**Note" not in results.markdown(made(), about, 0)
    page = results.markdown(made(), about | {"quick": True, "remark": "glyphs differ in a"}, 0)
    assert "**Note: a quick check of one epoch, no results; glyphs differ in a.**" in page


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
def test_the_same_seed_gives_the_same_table_with_one_process_and_with_two(few_methods):
    one, two = (runs.train_all(4, True, jobs) for jobs in (1, 2))
    assert len(one["gap"]) == 2 * runs.QUICK_SEEDS
    for key, values in one.items():
        np.testing.assert_array_equal(values, two[key])


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch, few_methods):
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


def test_trainings_that_depend_on_anything_else_are_kept_in_another_file(tmp_path, monkeypatch):
    both = (False, True)
    asked = [
        (seed, quick, tmp_path, robust) for seed in (0, 1) for quick in both for robust in both
    ]
    files = {runs.journal(*arguments) for arguments in asked}
    monkeypatch.setitem(runs.REFERENCE, "glyphs", recipes.Setting(dim=31))
    assert len(files | {runs.journal(0, False, tmp_path)}) == len(asked) + 1


def test_a_search_takes_the_rate_with_the_best_validation_retrieval(tmp_path, monkeypatch):
    """Means over seeds decide; of equal ones the lowest rate."""
    best = {"Baseline": recipes.RATES[1], "HS 1": recipes.RATES[3]}

    def swept(function, grid, seeds, jobs, journal):
        assert function is runs.validate
        journal.touch()
        order = [
            {"data": d, "method": m, "rate": rate, "base_seed": 7}
            for d in grid["data"]
            for m in grid["method"]
            for rate in grid["rate"]
        ]
        return [
            SimpleNamespace(parameters=p, seed=s, value=float(best.get(p["method"]) == p["rate"]))
            for p in order
            for s in range(seeds)
        ]

    for module in (runs, recipes):
        monkeypatch.setattr(module, "SEARCHED", tmp_path / "rates.csv")
    monkeypatch.setattr(runs, "swept", swept)
    recipes.searched.cache_clear()
    runs.search(7, 1, tmp_path)
    assert [*tmp_path.iterdir()] == [tmp_path / "rates.csv"]
    found = recipes.searched()
    recipes.searched.cache_clear()
    assert found == {
        (data, name): best.get(name, recipes.RATES[0])
        for data in recipes.DATA
        for name in runs.names()
    }


def test_the_searched_rates_have_the_best_validation_retrieval_of_their_row():
    table = record.read(recipes.SEARCHED)
    assert list(recipes.searched()) == [(d, m) for d in recipes.DATA for m in runs.names()]
    recall = np.array([table[f"recall_at_{rate:g}"] for rate in recipes.RATES])
    np.testing.assert_array_equal(table["rate"], np.array(recipes.RATES)[recall.argmax(axis=0)])


def test_tables_search_first_if_asked_and_pass_on_what_differs(monkeypatch, tmp_path):
    done = []
    monkeypatch.setattr(glyphs, "unlike_committed", lambda: "glyphs differ in a")
    monkeypatch.setattr(runs, "search", lambda *arguments: done.append(("search", *arguments)))
    monkeypatch.setattr(runs, "train_all", lambda *arguments: done.append("train") or made())
    monkeypatch.setattr(tables, "swept", lambda *arguments: [])
    assert tables.compute().parameters["remark"] == "glyphs differ in a"
    assert done == ["train"]
    tables.compute(3, jobs=2, folder=tmp_path, search=True)
    assert done[1:] == [("search", 3, 2, tmp_path), "train"]


def test_figures_read_the_trainings_of_their_folder_and_no_others(tmp_path, monkeypatch):
    fresh = made()
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
    monkeypatch.setattr(recipes, "searched", dict)
    monkeypatch.setattr(runs, "searched", dict)
    assert runs.trainings(4, True, 1, tmp_path) is fresh


@pytest.mark.parametrize("name", ["tables", "fig5", "fig6", "fig7"])
def test_pictures_of_one_kind_of_data_or_two_are_legible(name, about, monkeypatch):
    """A quick check has glyphs alone."""
    module, every = import_module(f"experiments.{name}"), made()
    one = {key: values[every["data"] == "glyphs"] for key, values in every.items()}
    for trainings in (one, every):
        monkeypatch.setattr(runs, "trainings", lambda *arguments, t=trainings: t)
        if name == "tables":
            numbers = record.Numbers(runs.summary(trainings), about, more={"by_seed": trainings})
        else:
            numbers = module.compute()
        with drawing():
            for draw in record.pictures(module).values():
                figure = draw(numbers)
                assert faults(figure) + overlaps(figure) == []


def test_what_falls_beyond_the_axis_is_written_at_its_end(about):
    """Of the paper four methods: fixed temperatures from 0.2 on, and constant swapping."""
    with drawing():
        figure = tables.draw(record.Numbers({}, about, more={"by_seed": made()}))
    paper, right = verdicts.papers(), figure.axes[1]
    changes = [verdicts.change(paper, "retrieval", name)[0] for name in paper.names]
    far = [f" ← {x:.0f}".replace("-", "−") for x in changes if x < right.get_xlim()[0]]
    assert [text.get_text() for text in right.texts] == far and len(far) == 4


@pytest.mark.parametrize(("name", "count"), [("fig5", 12), ("fig6", 9), ("fig7", 9)])
def test_figures_mark_what_the_paper_plots_and_draw_what_acted(name, count, monkeypatch):
    monkeypatch.setattr(runs, "trainings", lambda *arguments: made())
    points = import_module(f"experiments.{name}").compute().table
    assert list(dict.fromkeys(points["source"].tolist())) == ["paper", *recipes.DATA]
    ours = points["method"][points["source"] == "glyphs"]
    assert sorted(ours) == sorted(set(runs.names()) - {"HS 1e-3"})
    chosen = (points["source"] == "paper") & (points["plotted"] == 1)
    names = published.FIGURES_6_AND_7 if count == 9 else sum(published.FIGURE_5.values(), ())
    assert (points["source"] == "paper").sum() == 26
    assert sorted(points["method"][chosen]) == sorted(names) and chosen.sum() == count
    for i in np.flatnonzero(chosen):
        row = runs.printed(str(points["method"][i]))
        for key in set(points) - {"source", "method", "plotted"}:
            assert points[key][i] == row[key]


@pytest.mark.parametrize("name", ["fig5", "fig6", "fig7"])
def test_the_figures_have_the_numbers_of_the_table(name, table, committed):
    points = committed(name).table
    for i in np.flatnonzero(points["source"] != "paper"):
        data, method = str(points["source"][i]), str(points["method"][i])
        for key in set(points) - {"source", "method", "plotted"}:
            assert points[key][i] == pytest.approx(column(table, data, key, [method])[0])


def marks(ax):
    """The points of all markers in a panel, and which of them are filled."""
    drawn = [c for c in ax.collections if len(c.get_offsets())]
    filled = [face[3] > 0 for c in drawn for face in c.get_facecolors()]
    return np.vstack([c.get_offsets() for c in drawn]), np.array(filled)


@pytest.mark.parametrize("name", ["fig6", "fig7"])
def test_pictures_of_the_paper_have_its_points_and_ours_start_from_the_baseline(name, monkeypatch):
    monkeypatch.setattr(runs, "trainings", lambda *arguments: made())
    module = import_module(f"experiments.{name}")
    numbers = module.compute()
    (x, _), (y, _) = module.AGAINST, module.TASKS
    nine = numbers.rows(source="paper", plotted=1)
    every = numbers.rows(source="paper")
    for draw, row, count in ((module.draw, nine, 9), (module.MORE["all"], every, 26)):
        points, filled = marks(draw(numbers).axes[0])
        assert sorted(points.tolist()) == sorted(map(list, zip(row[x], row[y], strict=True)))
        assert filled.sum() == 9 and len(points) == count
    points, filled = marks(module.MORE["ours"](numbers).axes[0])
    baseline = numbers.rows(source="glyphs", method="Baseline")[x]
    np.testing.assert_array_equal(points[points[:, 0] == baseline, 1], 0)
    assert filled.sum() == (~filled).sum() == len(runs.names()) - 1


def test_figure_5_swaps_whole_pairs(monkeypatch):
    """Two of five pairs change sides: of heights ±0.6 the centres keep a fifth of the distance."""
    monkeypatch.setattr(runs, "trainings", lambda *arguments: made())
    numbers = import_module("experiments.fig5").compute()
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
