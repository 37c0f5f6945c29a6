"""Trainings of the tables: the search for rates, what is used again, and what is not."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import gapdyn as gd
from experiments.section_4 import recipes, runs
from experiments.section_4.recipes import RATES, REFERENCE, VARIANTS
from gapdyn.files import write_columns


@pytest.fixture
def rates(tmp_path, monkeypatch):
    """A file of rates for this test alone."""
    file = tmp_path / "rates" / "rates.csv"
    file.parent.mkdir()
    keys = [(data, method) for data in recipes.DATA for method in runs.names()]
    columns = [np.array(column) for column in zip(*keys, strict=True)]
    table = dict(zip(("data", "method"), columns, strict=True))
    write_columns(file, table | {"rate": np.full(len(keys), 0.01)})
    for module in (recipes, runs):
        monkeypatch.setattr(module, "SEARCHED", file)
    recipes.searched.cache_clear()
    yield file
    recipes.searched.cache_clear()


def here(function, grid, seeds, jobs, journal):
    """The points of a sweep in this process."""
    return gd.sweep(function, grid, seeds=seeds, out=journal, progress=False).points


# The search.


def recall(data, method, rate, base_seed, seed):
    """A stub of a training: what it would retrieve."""
    values = dict.fromkeys(RATES, 10.0)
    if method == "Baseline":  # the best of either seed is another one than the best mean
        values = dict(zip(RATES, ([50, 30, 0, 0], [0, 30, 40, 0])[seed], strict=True))
    elif method == "HS 1":  # ties between the third and the last
        values = dict(zip(RATES, [1, 2, 7, 7], strict=True))
    elif data == "synthetic" and method == "FLT 1e-2":
        values = dict(zip(RATES, [1, 2, 3, 4], strict=True))
    return float(values[rate] + base_seed)


def test_the_search_takes_the_best_mean_over_seeds_and_of_ties_the_smaller(
    rates, tmp_path, monkeypatch
):
    monkeypatch.setattr(runs, "swept", here)
    monkeypatch.setattr(runs, "validate", recall)
    runs.search(2, 1, tmp_path)
    found = recipes.searched()
    assert set(found) == {(data, method) for data in recipes.DATA for method in runs.names()}
    assert found["glyphs", "Baseline"] == RATES[1]  # means 25, 30, 20, 0
    assert found["glyphs", "HS 1"] == RATES[2]
    assert found["glyphs", "FLT 1e-2"] == RATES[0]
    assert found["synthetic", "FLT 1e-2"] == RATES[3]
    with rates.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["data", "method", "rate", *(f"recall_at_{r:g}" for r in RATES)]
    row = next(r for r in rows if (r["data"], r["method"]) == ("synthetic", "Baseline"))
    assert [float(row[f"recall_at_{r:g}"]) for r in RATES] == [27, 32, 22, 2]
    assert not list(tmp_path.glob("*.jsonl"))  # the journal goes once the rates are written


def test_a_search_that_stops_leaves_the_rates_as_they_were_and_goes_on_later(
    rates, tmp_path, monkeypatch
):
    before, calls = rates.read_text(), []

    def counted(**point):
        calls.append(point)
        return recall(**point)

    def stopped(function, grid, seeds, jobs, journal):
        here(counted, grid | {"method": ["Baseline"]}, seeds, jobs, journal)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "validate", recall)
    monkeypatch.setattr(runs, "swept", stopped)
    with pytest.raises(KeyboardInterrupt):
        runs.search(2, 1, tmp_path)
    assert rates.read_text() == before and len(list(tmp_path.glob("search_*.jsonl"))) == 1
    assert len(calls) == 2 * len(RATES) * runs.SEARCH_SEEDS


def test_a_training_that_diverges_retrieves_nothing(monkeypatch):
    def diverge(*arguments):
        raise ArithmeticError

    monkeypatch.setattr(runs, "trained", diverge)
    assert runs.validate("glyphs", "Baseline", 0.03, 0, 0) == 0.0


def test_the_search_looks_at_validation_pairs_at_the_rate_it_tries(monkeypatch):
    seen = []
    small = replace(REFERENCE["synthetic"], steps=1, hidden=(), dim=4)
    monkeypatch.setitem(REFERENCE, "synthetic", small)
    monkeypatch.setattr(runs, "pairs_for", lambda data, seed: recipes.DATA[data](seed, 512))

    def spy(model, y, part):
        seen.append((model, y, part))
        return 12.5

    monkeypatch.setattr(runs, "retrieval", spy)
    assert runs.validate("synthetic", "Baseline", 0.003, 0, 1) == 12.5
    ((_, y, part),) = seen
    there = runs.trained("synthetic", small, "Baseline", 0.003, 0, 1)
    np.testing.assert_array_equal(y, there.y)
    np.testing.assert_array_equal(part.images, there.pairs.validation.images)
    other = runs.trained("synthetic", small, "Baseline", 0.01, 0, 1)
    assert np.abs(other.y - y).max() > 1e-6


# Settings.


def test_a_quick_run_is_one_epoch_of_the_same_recipe():
    for name, setting in VARIANTS.items():
        assert runs.setting_of("glyphs", name, False) == setting
        assert runs.setting_of("glyphs", name, True) == replace(setting, steps=1)
    assert runs.setting_of("synthetic", "reference", False) == REFERENCE["synthetic"]
    assert runs.setting_of("synthetic", "reference", True).steps == 1


@pytest.mark.parametrize("quick", [True, False])
def test_settings_survive_json(rates, quick):
    settings = runs.settings(quick)
    assert json.loads(json.dumps(settings)) == settings
    assert list(settings["recipes"]) == (["glyphs"] if quick else list(recipes.DATA))
    assert settings["rates"]["glyphs, Baseline"] == 0.01


def test_finished_trainings_are_read_again_with_equal_settings_and_no_others(
    rates, tmp_path, monkeypatch
):
    fresh = {"data": np.array(["glyphs"]), "repeat": np.zeros(1), "gap": np.array([0.5])}
    monkeypatch.setattr(runs, "train_all", lambda *arguments: fresh)
    assert runs.trainings(4, True, 1, tmp_path) is fresh  # nothing is there
    assert runs.trainings(4, True, 1, None) is fresh
    marked = fresh | {"gap": np.array([1.5])}
    write_columns(tmp_path / "tables_by_seed.csv", marked)
    about = {"seed": 4, "quick": True, "parameters": {"settings": runs.settings(True)}}
    (tmp_path / "tables.json").write_text(json.dumps(about))
    found = runs.trainings(4, True, 1, tmp_path)
    assert list(found) == list(marked)
    for key, values in marked.items():
        np.testing.assert_array_equal(found[key], values)
    assert runs.trainings(5, True, 1, tmp_path) is fresh
    assert runs.trainings(4, False, 1, tmp_path) is fresh
    monkeypatch.setitem(REFERENCE, "glyphs", replace(REFERENCE["glyphs"], dim=32))
    assert runs.trainings(4, True, 1, tmp_path) is fresh
    monkeypatch.undo()


def test_other_rates_are_other_settings(rates):
    before = runs.settings(True)
    rates.write_text(rates.read_text().replace("glyphs,Baseline,0.01", "glyphs,Baseline,0.003"))
    recipes.searched.cache_clear()
    assert runs.settings(True) != before


def test_each_run_has_a_journal_of_its_own(rates, tmp_path, monkeypatch):
    """By seed, settings, recipes and code."""

    def name(*run):
        return runs.journal(*run[:2], tmp_path, *run[2:])

    known = {name(seed, quick, every) for seed in (0, 1) for quick in (0, 1) for every in (0, 1)}
    assert len(known) == 8 and name(0, 0, 0) in known
    assert runs.journal(0, True, None) is None
    monkeypatch.setitem(REFERENCE, "glyphs", replace(REFERENCE["glyphs"], dim=32))
    known.add(name(0, 0, 0))
    rates.write_text(rates.read_text().replace("glyphs,Baseline,0.01", "glyphs,Baseline,0.003"))
    recipes.searched.cache_clear()
    known.add(name(0, 0, 0))
    code = tmp_path / "code"
    code.mkdir()
    (code / "runs.py").write_text("another = 1\n")
    monkeypatch.setattr(runs, "__file__", str(code / "runs.py"))
    known.add(name(0, 0, 0))
    (code / "runs.py").write_text("another = 2\n")
    known.add(name(0, 0, 0))
    assert len(known) == 12
