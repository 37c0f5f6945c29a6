"""Every mitigation from real embeddings: what its docstring and theory 3.5 say."""

import json

import numpy as np
import pytest
from legible import faults, overlaps
from scipy.stats import spearmanr

import gapdyn as gd
from experiments import features as real
from experiments import real_clip
from experiments.record import pictures
from experiments.section_4.methods import Method, methods
from experiments.section_4.runs import printed
from gapdyn.plotting import drawing
from gapdyn.theory.appendix_c import optimal_temperature


@pytest.fixture(scope="module")
def found(committed):
    """What came of each method, as the repository holds it."""
    return committed("real_clip").parameters["methods"]


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Twelve pairs in a file, far apart like real ones."""
    rows = [gd.sphere.sample(12, 8, seed) for seed in (0, 1)]
    file = tmp_path_factory.mktemp("features") / "mine.npy"
    np.save(file, np.stack(gd.sphere.lift(*rows, 0.5)))
    return file


def frozen(name):
    return float(name.removeprefix("FLT "))


def test_every_method_but_that_without_normalisation_is_there(found):
    listed = methods(1.0, segment=1.0, seed=0)
    assert set(listed) - set(found) == {"No normalization"}
    assert set(found) - set(listed) == {real_clip.UNCLAMPED}


def test_frozen_temperatures_alone_halve_the_gap(found):
    halved = {name for name, own in found.items() if own["time_half_gap"] is not None}
    closed = {name for name, own in found.items() if own["time_tenth_gap"] is not None}
    assert halved == {"FLT 7e-2", "FLT 1e-1", "FLT 2e-1", "FLT 3e-1", "FLT 4e-1"}
    assert closed == {"FLT 2e-1", "FLT 3e-1", "FLT 4e-1"}
    assert min(own["gap_end"] for name, own in found.items() if "FLT" not in name) > 0.73


def test_the_fastest_frozen_temperature_is_the_one_next_to_that_of_theory_3_5(found):
    """Z = I stands in for the rows once they match: τ* = 1/(1 + W((n-1)/e)) = 0.206."""
    best = optimal_temperature(n=500, alpha=1.0)
    assert best == pytest.approx(0.206, abs=5e-4)
    names = [name for name in found if name.startswith("FLT")]
    nearest = min(names, key=lambda name: abs(np.log(frozen(name) / best)))
    assert nearest == "FLT 2e-1" == min(names, key=lambda name: found[name]["gap_end"])
    assert found[nearest]["time_tenth_gap"] == min(
        own["time_tenth_gap"] for own in found.values() if own["time_tenth_gap"]
    )


def test_the_price_of_a_closed_gap_is_time_and_not_margin(found):
    """The warmer the later pairs match; the margin is largest at 0.1 and 0.2."""
    names = sorted((name for name in found if name.startswith("FLT")), key=frozen)
    matched = [found[name]["time_matched"] for name in names]
    assert (np.diff(matched) > 0).all()
    assert found["FLT 2e-1"]["time_matched"] > 10 * found["Baseline"]["time_matched"]
    margins = {name: own["margin_end"] for name, own in found.items()}
    assert sorted(margins, key=margins.__getitem__)[-2:] == ["FLT 2e-1", "FLT 1e-1"]
    assert margins["FLT 2e-1"] > 6 * margins["Baseline"]


def test_a_schedule_ends_above_its_highest_temperature_frozen(found):
    for schedule, last in {"TS S0": "FLT 2e-2", "TS S2": "FLT 4e-2", "TS A1": "FLT 4e-2"}.items():
        assert found[schedule]["gap_end"] > found[last]["gap_end"] + 0.02


def test_slower_learning_of_the_temperature_leaves_a_smaller_gap(found):
    """Rates 1, 1/4, 1/10 and 1/100 of ν, theory 3.2; not so the ceiling, which keeps τ up."""
    by_rate = (real_clip.UNCLAMPED, "Baseline", "TR scale 2", "SLRT 0.1", "TR scale 10")
    gaps = [found[name]["gap_end"] for name in (*by_rate, "TR softplus")]
    assert (np.diff(gaps) < 0).all()


def test_swapping_helps_in_some_segments_and_not_in_all(found):
    counts = [found[f"HS {p}"]["segments_swapped"] for p in ("1e-3", "1e-2", "1e-1", "1")]
    assert counts == [0, 1, 6, 50]
    assert found["HS 1e-3"] == found["Baseline"] | {"segments_swapped": 0}
    left = [found[name]["gap_end"] for name in ("HS 1e-1", "SS 1e-1", "HS 1", "Baseline")]
    assert (np.diff(left) > 0).all()
    always = found["HS 1"]
    assert always["tau_end"] > 200 and always["time_matched"] is None
    assert always["loss_end"] == pytest.approx(np.log(500), rel=1e-3)


def test_entries_that_change_sides_mismatch_pairs_across_a_large_gap(shared_data):
    """Mean of X̄_i·Ȳ_j over masks: (X_i + Y_i)·(X_j + Y_j)/4 off the diagonal, X_i·Y_i on it."""
    X, Y, _ = real.load(real.RANDOM_INIT, shared_data)
    own = (X * Y).sum(axis=1)
    others = (X + Y) @ (X + Y).T / 4
    assert own.max() < 0.15
    assert (others.sum(axis=1) - others.diagonal() > 499 * own).all()
    assert (others.sum() - np.trace(others)) / (500 * 499) == pytest.approx(0.350, abs=5e-4)


def test_gaps_rank_as_the_paper_prints_them(found):
    names = [name for name in found if "gap" in printed(name)]
    assert len(names) == 25
    for rho, left_out in ((0.74, None), (0.83, "HS 1")):
        gaps = [(found[k]["gap_end"], printed(k)["gap"]) for k in names if k != left_out]
        assert spearmanr(*np.transpose(gaps)).statistic == pytest.approx(rho, abs=5e-3)


@pytest.mark.parametrize("name", ["FLT 1e-2", "TS A1", "TR softplus", "HS 1e-1"])
def test_loose_tolerances_are_good_enough(name, shared_data):
    """Against DOP853 at 1e-8, gap and margin within 2e-4."""
    X, Y, _ = real.load(real.RANDOM_INIT, shared_data)
    X, Y, t = X[:30], Y[:30], real_clip.times(1e2)
    method = methods(1e2, segment=1e2 / real_clip.SEGMENTS, seed=0)[name]
    loose = real_clip.flow(X, Y, method, t, 1e2)
    model = gd.FreeModel(*X.shape, method.temperature)
    tight = gd.flow(model, model.start(X, Y, tau=method.tau), t, swap=method.swap)
    for key in ("gap", "margin"):
        np.testing.assert_allclose(loose[key], getattr(tight, key), rtol=0, atol=2e-4)


@pytest.mark.slow
def test_compute_is_the_same_however_many_processes_there_are_and_draw_draws(mine):
    one, two = (real_clip.compute(3, True, mine, jobs) for jobs in (1, 2))
    assert one.parameters == two.parameters
    for key, column in one.table.items():
        np.testing.assert_array_equal(column, two.table[key])
    assert len({len(column) for column in one.table.values()}) == 1
    json.dumps(one.parameters, allow_nan=False)
    with drawing():
        for draw in pictures(real_clip).values():
            figure = draw(one)
            assert faults(figure) + overlaps(figure) == []


def test_the_seed_moves_the_swapped_runs_only(mine):
    numbers = [real_clip.compute(seed, True, mine).parameters["methods"] for seed in (0, 1)]
    changed = {name for name in numbers[0] if numbers[0][name] != numbers[1][name]}
    assert "HS 1" in changed and all(name.startswith(("HS", "SS")) for name in changed)


def test_the_title_names_what_halves_the_gap(committed):
    parameters = committed("real_clip").parameters
    said = "Only temperatures fixed at 0.07 or above halve the gap by t = 1000"
    assert real_clip.finding(parameters) == said
    runs = {name: {"time_half_gap": None} for name in ("FLT 1e-1", "HS 1", "TS S0")}
    assert real_clip.finding({"methods": runs, "end": 9}) == "No method halves the gap by t = 9"
    runs["HS 1"] = {"time_half_gap": 1.0}
    assert real_clip.finding({"methods": runs, "end": 9}).startswith("1 of 3 methods halve")


def test_first_is_when_a_level_is_passed():
    t = np.array([0.0, 1.0, 3.0])
    assert real_clip.first(t, np.array([-1.0, 1.0, 2.0]), 0.0) == 0.5
    assert real_clip.first(t, np.array([0.0, 1.0, 2.0]), -1.0) == 0.0
    assert real_clip.first(t, np.array([0.0, 1.0, 2.0]), 2.0) is None


@pytest.mark.parametrize("end", [real_clip.QUICK_END, real_clip.END, real_clip.LONG])
def test_times_end_where_the_run_does_and_hold_those_of_the_facts(end):
    t = real_clip.times(end)
    assert t[0] == 0 and t[-1] == end and (np.diff(t) > 0).all()
    assert {0.1, 1.0, 3.0, 10.0, 100.0} <= set(t.tolist())
    assert real_clip.END in t or end < real_clip.END


def test_the_comparison_is_at_one_time_also_for_the_run_that_goes_on():
    X, Y = gd.sphere.lift(gd.sphere.sample(6, 5, 0), gd.sphere.sample(6, 5, 1), 0.5)
    method, t = Method(gd.Learned()), np.array([0.0, 1.0, 10.0])
    long, short = (real_clip.flow(X, Y, method, t[:k], 1.0) for k in (3, 2))
    ends = [real_clip.summary(run, 1.0) for run in (long, short)]
    for key in ("gap_end", "margin_end", "loss_at_yardstick"):
        assert ends[0][key] == pytest.approx(ends[1][key], rel=1e-3)
