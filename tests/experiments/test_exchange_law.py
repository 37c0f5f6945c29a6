"""The exchange law: exact for symmetric pairs, and at any moment at which heights are level."""

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import exchange_law as experiment
from experiments import features as real
from experiments import record
from gapdyn.plotting import drawing
from gapdyn.theory import exchange_law


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0, quick=True)


@pytest.mark.parametrize("n", experiment.POLYGONS)
def test_the_gap_of_a_polygon_stays_on_a_power_law_of_beta(numbers, n):
    """Δⁿβ is what it was at t = 0, while the gap first widens and then narrows."""
    rows = numbers.rows(start="polygon", pairs=n)
    gap, beta = rows["gap"], rows["beta"]
    assert (rows["spread"] == 0).all()
    law = n * np.log(gap) + np.log(beta)
    np.testing.assert_allclose(law, law[0], atol=1e-8)
    assert gap.max() > 1.3 * gap[0] and gap[-1] < gap[0]
    assert numbers.parameters["fitted_exponent_of_polygons"][str(n)] == pytest.approx(1 / n)
    np.testing.assert_allclose(rows["late_slope"], -1, atol=1e-8)
    np.testing.assert_allclose(rows["predicted_slope"], -1, atol=1e-8)


def test_level_heights_suffice_at_a_moment():
    """Rows lifted from one set in two orders: no symmetry, yet d(n log Δ + ν)/dt = 0."""
    rng = np.random.default_rng(0)
    rows = gd.sphere.sample(7, 4, rng)
    X, Y = gd.sphere.lift(rows, rng.permutation(rows), gamma=0.31)
    model = gd.FreeModel(7, 5, gd.Learned())
    y = model.start(X, Y, tau=experiment.TAU)
    assert experiment.spread(X, Y) == pytest.approx(0, abs=1e-15)
    assert not exchange_law.symmetric(X, Y)
    assert exchange_law.invariant_velocity(model, y) == pytest.approx(0, abs=1e-12)
    X[0] = X[1]  # heights along the new gap are level no more
    assert abs(exchange_law.invariant_velocity(model, model.start(X, Y, tau=0.07))) > 1e-3


@pytest.mark.parametrize("n", [8, 32])
def test_the_late_slope_of_random_rows_is_nearer_the_law_the_leveller_they_are(numbers, n):
    starts = ("opposite cones", "lifted to ±0.5", "lifted to ±0.31", "uniform rows")
    runs = [numbers.rows(start=start, pairs=n, t=experiment.LATE) for start in starts]
    spread = [np.median(run["spread"]) for run in runs]
    departure = [np.median(np.abs(run["late_slope"] + 1)) for run in runs]
    assert spread == sorted(spread) and departure == sorted(departure)
    assert departure[0] < 0.02 and departure[-1] > 0.5
    assert min(np.abs(run["late_slope"] + 1).min() for run in runs) > 1e-4  # a law of symmetry


def test_where_the_law_does_not_hold_theory_4_1_predicts_the_late_slope(numbers):
    rows = {
        key: column[numbers.table["start"] != "polygon"] for key, column in numbers.table.items()
    }
    off = np.abs(rows["late_slope"] + 1) > 0.5
    assert off.any() and (np.abs(rows["predicted_slope"] - rows["late_slope"]) < 0.05).all()


def test_one_random_start_of_each_kind_is_followed_over_time(numbers):
    for start in experiment.RANDOM:
        pairs = numbers.rows(start=start, seed=0)["pairs"]
        assert (pairs == 32).sum() > 30 and (pairs == 8).sum() == 4


def test_a_cone_is_a_lifted_set_of_rows():
    """Rows at 45° from an axis stand at height cos 45° over it."""
    X, Y = experiment.cones(9, 5, np.random.default_rng(0))
    np.testing.assert_allclose([X[:, 0], -Y[:, 0]], np.sqrt(0.5))


def test_clip_features_nearly_obey_the_law(numbers, shared_data):
    clip = numbers.rows(start=experiment.CLIP, t=experiment.LATE)
    assert numbers.parameters["features"] == real.RANDOM_INIT and clip["pairs"] == 40
    assert clip["late_slope"] == pytest.approx(-1, abs=0.05)


def test_features_may_be_the_users_or_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "RANDOM", {"uniform rows": experiment.uniform})
    np.save(tmp_path / "mine.npy", np.stack([gd.sphere.sample(9, 5, 0), gd.sphere.sample(9, 5, 1)]))
    numbers = experiment.compute(quick=True, features=tmp_path / "mine.npy")
    assert numbers.parameters["features"] == "mine.npy"
    assert set(numbers.rows(start=experiment.CLIP)["pairs"]) == {9}
    monkeypatch.setenv(real.VARIABLE, str(tmp_path / "nothing"))
    numbers = experiment.compute(quick=True)
    assert numbers.parameters["features"] is None and numbers.stand_in == "_without_clip"
    assert numbers.parameters["remark"].startswith("without CLIP, as there are no real embeddings")
    assert experiment.CLIP not in numbers.table["start"]
    assert experiment.draw(numbers).get_axes()


@pytest.mark.parametrize("draw", record.pictures(experiment).values())
def test_the_pictures_are_legible(numbers, draw):
    with drawing():
        figure = draw(numbers)
    assert faults(figure) + overlaps(figure) == []
