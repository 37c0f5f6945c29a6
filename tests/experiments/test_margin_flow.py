"""Where matched rows go: one path, aligned pairs, exponents near the simplex, and ends."""

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import margin_flow as experiment
from experiments import record
from gapdyn.plotting import drawing
from gapdyn.theory import margin_flow, potential


@pytest.fixture(scope="module")
def quick():
    return experiment.compute(seed=0, quick=True)


@pytest.fixture(params=["quick", "committed"])
def numbers(request, quick, committed):
    """A quick run, and the full one that the repository holds."""
    return quick if request.param == "quick" else committed("margin_flow")


def values(numbers, panel, curve, quantity, **size):
    return experiment.curve(numbers, panel, curve, quantity, **size)[1]


# One path


@pytest.mark.parametrize("clock", experiment.CLOCKS)
def test_rows_follow_the_margin_flow_the_nearer_the_larger_beta(numbers, clock):
    """Within the error that the margin flow measures of itself at that sharpness: O(1/β)."""
    about = numbers.parameters["path"]
    far, near, nearest = about["largest_distance_of_rows"][clock].values()
    assert nearest < about["its_error_at_sharpness_beta0"] < 0.02
    assert far > 1.5 * near and near > 3 * nearest
    assert about["error_of_margin_flow"] < 1e-3


@pytest.mark.parametrize("clock", experiment.CLOCKS)
@pytest.mark.parametrize("quantity", ["gap", "margin"])
def test_gap_and_margin_are_those_of_the_margin_flow(numbers, clock, quantity):
    """A row that moves by ε moves Δ by 2ε at most, and a margin by 4ε."""
    about = numbers.parameters["path"]
    seen, wanted = (values(numbers, "path", name, quantity) for name in (clock, "margin flow"))
    nearest = list(about["largest_distance_of_rows"][clock].values())[-1]
    factor = {"gap": 2, "margin": 4}[quantity]
    np.testing.assert_allclose(seen, wanted, atol=factor * nearest)
    assert np.ptp(wanted) > 20 * nearest


def test_clocks_tell_very_different_times(numbers):
    """log t is α(β)β up to logarithms of β, and β is 2000eˢ, 2000e^{s/9} or 2000 + s/2000."""
    about = numbers.parameters["path"]
    s = experiment.curve(numbers, "path", "ν", "margin")[0][-1]
    for clock, (_, growth) in experiment.CLOCKS.items():
        beta = experiment.BETAS[-1] * np.exp(growth(s, experiment.BETAS[-1]))
        margin = values(numbers, "path", clock, "margin")[-1]
        log_t = np.log(10) * about["log10_t_at_end"][clock]
        assert log_t == pytest.approx(margin * beta, rel=0.01, abs=25)


@pytest.mark.parametrize("clock", experiment.CLOCKS)
def test_growth_is_that_of_the_potential(clock):
    temperature, growth = experiment.CLOCKS[clock]
    beta = 20 * np.exp(growth(np.array([0.0, 2.0]), 20.0))
    P = potential.potential(beta, temperature=temperature)
    assert P[1] - P[0] == pytest.approx(2.0, rel=1e-12)


# Misalignment


def test_misalignment_never_rises_once_the_condition_holds(numbers):
    for n, d in experiment.sizes(numbers, "misalignment", "learned"):
        for curve in ("learned", "fixed"):
            E = values(numbers, "misalignment", curve, "E", pairs=n, dim=d)
            holds = values(numbers, "misalignment", curve, "holds", pairs=n, dim=d) > 0
            assert holds[-1] and (np.diff(E[holds]) <= 0).all()
            about = numbers.parameters["misalignment"][f"{n} pairs in R^{d}, {curve}"]
            assert about["largest_velocity_then"] < 0


def test_a_fixed_temperature_closes_the_gap_and_a_learned_one_does_not(numbers):
    for name, about in numbers.parameters["misalignment"].items():
        if name.endswith("fixed"):
            assert about["gap_at_end"] < 1e-8
        else:
            assert about["gap_at_end"] > 0.2


# Exponents


def last_slope(numbers, curve, n, d):
    return values(numbers, "exponents", curve, "slope", pairs=n, dim=d)[-1]


def test_with_room_the_late_slope_is_minus_one(numbers):
    for n, d in experiment.sizes(numbers, "exponents", "gap"):
        slopes = values(numbers, "exponents", "gap", "slope", pairs=n, dim=d)
        (wanted,) = margin_flow.exponent(n=n, d=d)
        np.testing.assert_allclose(slopes[-8:], wanted.gap, atol=0.01)
        assert abs(slopes[0] - wanted.gap) > 0.02  # late alone


def test_a_minority_makes_the_gap_fall_faster(numbers):
    """It comes to its slope like ρ, as differences within the span die out."""
    for n, d in experiment.LINES:
        wanted = margin_flow.exponent(n=n, d=d)[1].gap
        slopes = values(numbers, "exponents", "minority", "slope", pairs=n, dim=d)
        assert slopes[-1] == pytest.approx(wanted, abs=0.02)
        assert (np.diff(np.abs(slopes[-12:] - wanted)) < 0).all()


def test_without_room_distances_fall_like_beta_to_the_minus_two_over_n(numbers):
    for n, d in experiment.SPANS:
        (wanted,) = margin_flow.exponent(n=n, d=d)
        assert last_slope(numbers, "distance", n, d) == pytest.approx(wanted.distance, abs=0.01)


def test_the_times_are_those_of_the_simplex(numbers):
    """log t = βn/(n-1), up to logarithms of β and to how far the margin is from its limit."""
    for curve in ("gap", "minority", "distance"):
        for n, d in experiment.sizes(numbers, "exponents", curve):
            log_beta, log10_t = experiment.curve(
                numbers, "exponents", curve, "log10_t", pairs=n, dim=d
            )
            wanted = np.exp(log_beta[-1]) * n / (n - 1) / np.log(10)
            assert log10_t[-1] == pytest.approx(wanted, rel=2e-3)


def test_starts_along_a_line_are_ones_near_the_simplex():
    X, Y = experiment.along_a_line(5)
    difference = X - Y
    np.testing.assert_allclose(np.linalg.matrix_rank(difference, tol=1e-12), 1)
    signs = np.sign(difference[:, 0])
    assert signs.sum() == 3 and np.ptp(np.linalg.norm(difference, axis=1)) < 1e-15
    assert gd.measures.margin(X @ Y.T) == pytest.approx(1.25, abs=0.1)


# Ends


def test_the_margin_flow_ends_aligned_at_the_widest_margin(numbers):
    rows = numbers.rows(panel="limits", curve="limit", quantity="margin")
    best = [
        experiment.widest(int(n), int(d)) for n, d in zip(rows["pairs"], rows["dim"], strict=True)
    ]
    np.testing.assert_allclose(rows["value"], best, atol=1e-5)
    assert (values(numbers, "limits", "limit", "E") < 1e-9).all()


@pytest.mark.parametrize(("n", "d"), [(5, 2), (5, 3), (5, 4), (6, 3), (8, 3), (8, 4), (8, 7)])
def test_the_widest_margins_are_attained_by_known_points(n, d):
    angle = 2 * np.pi * np.arange(n) / n
    if d == 2:
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    elif (n, d) == (8, 3):  # two squares, of radius r and at heights ±h, all edges equal
        r2 = 4 / (4 + np.sqrt(2))
        turned = np.where(np.arange(8) % 2 == 0, 1, -1)
        points = np.stack([*np.sqrt(r2) * np.stack([np.cos(angle), np.sin(angle)])], axis=1)
        points = np.column_stack([points, turned * np.sqrt(1 - r2)])
    elif d == n - 1:
        points = gd.examples.simplex(n)
    else:
        points = np.vstack([np.eye(d), -np.eye(d)])[:n]
    assert gd.measures.margin(points @ points.T) == pytest.approx(experiment.widest(n, d))


@pytest.mark.parametrize("draw", record.pictures(experiment).values())
def test_the_pictures_are_legible(quick, draw):
    with drawing():
        figure = draw(quick)
    assert faults(figure) + overlaps(figure) == []
