"""Section 4 in miniature: the table, the page made of it, and the figures that share it."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from experiments import __main__ as command
from experiments import evaluation, paired_data, results, section_4
from experiments.methods import MAX_BETA, TAU
from gapdyn import published
from gapdyn._files import write_columns

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "figures"


@pytest.fixture(scope="module")
def committed():
    """The table and its parameters as the repository holds them."""
    about = json.loads((FIGURES / "tables.json").read_text())
    if about["seed"] != 0 or about["quick"] or about["parameters"]["left_out"]:
        pytest.skip("figures/tables.csv is of another run")
    return section_4.read(FIGURES / "tables.csv"), about["parameters"]


def test_the_table_is_the_summary_of_the_trainings_beside_it(committed):
    summary = section_4.summary(section_4.read(FIGURES / "tables_by_seed.csv"))
    for key, values in summary.items():
        np.testing.assert_array_equal(values, committed[0][key])


def column(table, data, key, names):
    """One measure of some methods."""
    row = {m: k for k, m in enumerate(table["method"]) if table["data"][k] == data}
    return np.array([table[key][row[name]] for name in names])


SWEEP = [name for name in published.TABLE_3 if name.startswith("FLT")]


def test_the_table_has_every_method_of_the_paper_on_both_data(committed):
    table, _ = committed
    head = ["data", "method", "seeds", "steps_acted", "tau_end"]
    head += [f"{key}{end}" for key in evaluation.MEASURES for end in ("", "_sd", "_paper")]
    assert list(table) == head
    printed = [published.TABLE_1, published.TABLE_2, published.TABLE_3, published.TABLE_4]
    everything = {name for t in (*printed, published.TABLE_5) for name in t}
    assert list(dict.fromkeys(table["data"].tolist())) == list(paired_data.DATA)
    for data in paired_data.DATA:
        methods = table["method"][table["data"] == data].tolist()
        assert everything | {"SS 1e-2", "SS 1e-1"} == set(methods)
        assert len(set(methods)) == len(methods)
    assert (table["seeds"] >= 3).all()


def test_the_papers_numbers_stand_beside_ours(committed):
    table, _ = committed
    for name, row in published.TABLE_2.items():
        for key in ("gap", "uniformity", "zero_shot", "image_retrieval"):
            assert column(table, "digits", f"{key}_paper", [name])[0] == getattr(row, key)
    mmvp = {name: row.mmvp for name, row in published.TABLE_1.items()}
    for name in section_4.names():
        paper = column(table, "synthetic", "mmvp_paper", [name])[0]
        assert paper == mmvp[name] if name in mmvp else np.isnan(paper)
    assert np.isnan(column(table, "synthetic", "gap_paper", ["SS 1e-2"])[0])


def test_the_gap_falls_threefold_along_the_sweep_and_recall_peaks_inside(committed):
    """What the synthetic pairs have to show."""
    table, _ = committed
    gap = column(table, "synthetic", "gap", SWEEP)
    assert gap[SWEEP.index("FLT 1e-2")] >= 3 * gap[SWEEP.index("FLT 1e-1")]
    for way in ("image_retrieval", "text_retrieval"):
        assert 0 < column(table, "synthetic", way, SWEEP).argmax() < len(SWEEP) - 1


def test_temperatures_end_where_their_schedules_and_clamps_say(committed):
    table, _ = committed
    ends = {"FLT 7e-2": 0.07, "TS S0": 0.02, "TS S3": 0.05, "TS A0": 0.01, "TS A1": 0.01}
    ends["No normalization"] = 1.0
    for data in paired_data.DATA:
        found = column(table, data, "tau_end", list(ends))
        np.testing.assert_allclose(found, list(ends.values()), rtol=1e-12)
        assert (column(table, data, "tau_end", section_4.names()) >= 1 / MAX_BETA).all()
        slow, baseline = column(table, data, "tau_end", ["SLRT 0.1", "Baseline"])
        assert baseline < slow < TAU


def test_adam_moves_log_tau_by_no_more_than_its_learning_rates(committed):
    table, about = committed
    room = section_4.RECIPE.rates(section_4.RECIPE.steps(paired_data.TRAINING)).sum()
    for name, slower in {"SLRT 0.1": 10, "TR scale 2": 2, "TR scale 10": 10}.items():
        moved = np.log(TAU / column(table, "synthetic", "tau_end", [name]))
        assert 0 < moved < 1.2 * room / slower
    assert about["settings"] == section_4.settings(quick=False)


def test_steps_acted_are_the_portion_of_the_training(committed):
    table, _ = committed
    pairs = {"synthetic": 2048, "abundant": 32768, "digits": 1797 - 512}
    for data, recipe in section_4.RECIPES.items():
        steps = recipe.steps(pairs[data])
        assert (column(table, data, "steps_acted", ["Baseline", "HS 1"]) == steps).all()
        for name, p in {"HS 1e-1": 0.1, "SS 5e-2": 0.05, "HS 1e-2": 0.01}.items():
            acted = column(table, data, "steps_acted", [name])[0]
            assert abs(acted - p * steps) < 4 * np.sqrt(p * steps / 3)
        assert column(table, data, "steps_acted", ["HS 1e-3"])[0] < 10


def test_measures_lie_in_their_ranges(committed):
    table, _ = committed
    assert ((table["gap"] > 0) & (table["gap"] < 2) & (table["uniformity"] < 0)).all()
    for key in evaluation.MEASURES[2:]:
        shares = table[key][np.isfinite(table[key])]
        assert ((shares >= 0) & (shares <= 100)).all()
    assert np.isfinite(table["mmvp"][table["data"] != "digits"]).all()
    assert np.isnan(table["mmvp"][table["data"] == "digits"]).all()


def test_few_pairs_are_learnt_by_heart_and_abundant_ones_are_not():
    """Why the two synthetic trainings differ: at 100 % nothing is left to learn."""
    trainings = section_4.read(FIGURES / "tables_by_seed.csv")
    learnt = {
        data: trainings["training_recall"][
            (trainings["data"] == data) & (trainings["method"] == "Baseline")
        ]
        for data in paired_data.DATA
    }
    assert (learnt["synthetic"] > 99).all() and (learnt["abundant"] < 90).all()


def test_the_gap_of_a_sample_has_a_floor():
    """Pairs whose centres coincide: E Δ² = tr Cov(x - y)/m."""
    rng = np.random.default_rng(0)
    pairs = paired_data.synthetic(0, training=64, held_out=200)
    model = section_4.encoders_for(pairs, section_4.Method(gd.Fixed(0.1)))
    y = model.start(0)
    floor = evaluation.memory(model, y, pairs, seed=0)["gap_floor"]
    X, Y = (gd.sphere.unit(E) for E in model.embed(y, pairs.held_images, pairs.held_texts))
    between = X - Y - (X - Y).mean(axis=0)
    draws = [rng.choice([-1, 1], size=(200, 1)) * between for _ in range(2000)]
    squares = [float((draw.mean(axis=0) ** 2).sum()) for draw in draws]
    assert np.sqrt(np.mean(squares)) == pytest.approx(floor, rel=0.02)


def test_the_page_of_results_is_what_the_table_says(committed):
    page = results.markdown(section_4.read(FIGURES / "tables_by_seed.csv"), committed[1], 0)
    assert (ROOT / "docs" / "results.md").read_text() == page


def test_reparameterisation_is_a_learning_rate_of_one_over_s_squared_or_s(committed):
    """Theory 3.2: plain gradient descent takes s for 1/s², Adam for 1/s."""
    found = committed[1]["reparameterisation"]
    assert {(f["optimiser"], f["scale"]) for f in found} == {
        (optimiser, scale) for optimiser in ("adam", "descent") for scale in (2, 10)
    }
    for f in found:
        same, other = ("square", "plain") if f["optimiser"] == "descent" else ("plain", "square")
        assert f[same] < 1e-5 * f["travel"] and f[other] > 0.1 * f["travel"]


def test_the_same_seed_gives_the_same_table_with_one_process_and_with_two():
    one, two = (section_4.run(4, quick=True, jobs=jobs) for jobs in (1, 2))
    for key, values in one.items():
        np.testing.assert_array_equal(values, two[key])


def test_figures_read_the_trainings_of_their_folder_and_no_others(tmp_path, monkeypatch):
    fresh = section_4.trainings(4, True, 1, None)
    marked = fresh | {"gap": fresh["gap"] + 1}
    about = {"seed": 4, "quick": True, "parameters": {"settings": section_4.settings(True)}}
    write_columns(tmp_path / "tables_by_seed.csv", marked)
    monkeypatch.setattr(section_4, "computed", lambda *arguments: fresh)
    (tmp_path / "tables.json").write_text("{}")
    assert section_4.trainings(4, True, 1, tmp_path) is fresh
    (tmp_path / "tables.json").write_text(json.dumps(about))
    for seed, quick, expected in ((4, True, marked), (5, True, fresh), (4, False, fresh)):
        found = section_4.trainings(seed, quick, 1, tmp_path)
        np.testing.assert_array_equal(found["gap"], expected["gap"])
    monkeypatch.setattr(section_4, "available", lambda quick: (["synthetic", "digits"], None))
    assert section_4.trainings(4, True, 1, tmp_path) is fresh


def test_trainings_read_back_to_the_last_digit(tmp_path):
    trainings = section_4.trainings(4, True, 1, None)
    write_columns(tmp_path / "t.csv", trainings)
    for key, values in section_4.read(tmp_path / "t.csv").items():
        np.testing.assert_array_equal(values, trainings[key])


@pytest.mark.parametrize("name", ["fig5", "fig6", "fig7"])
def test_figures_draw_the_methods_that_acted(name):
    about = json.loads((FIGURES / f"{name}.json").read_text())["parameters"]
    points = section_4.read(FIGURES / f"{name}.csv")
    ours = points["method"][points["source"] == "synthetic"]
    assert set(points["source"]) == {"paper", *paired_data.DATA}
    assert "HS 1e-3" not in ours and {"Baseline", "FLT 4e-1", "HS 1"} <= set(ours)
    assert about["hotter_than_best"]["paper"] == ["FLT 1e-1", "FLT 2e-1", "FLT 3e-1", "FLT 4e-1"]
    for correlations in about["correlations"].values():
        for sets in correlations.values():
            for rho, low, high in sets.values():
                assert -1 <= low <= rho <= high <= 1


def test_without_scikit_learn_the_digits_are_left_out_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    data, why = section_4.available(quick=False)
    assert data == ["synthetic", "abundant"] and "gapdyn[digits]" in why
    module = import_module("experiments.tables")
    numbers = module.compute(seed=4, quick=True)
    monkeypatch.setattr(module, "compute", lambda seed, quick: numbers)
    numbers.parameters["left_out"] = why
    assert command.main(["tables", "--quick", "--seed", "4", "--out", str(tmp_path)]) == 0
    assert "left out: scikit-learn is missing" in capsys.readouterr().out
    assert "**Left out:** scikit-learn is missing" in (tmp_path / "results.md").read_text()
