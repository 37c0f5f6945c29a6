"""The bounds of Theorem 3.3 against draws, and dΔ/dt against 2dγ/dt."""

import numpy as np
import pytest
from legible import faults, overlaps

from experiments import sharper_bounds
from experiments.record import pictures
from gapdyn.plotting import drawing
from gapdyn.theory import theorem_3_3


@pytest.fixture(scope="module")
def numbers():
    return sharper_bounds.compute(seed=1, quick=True)


NEEDED = {"printed": 10**16.26, "sharper": 407, "half": 323, "variance": 182, "gap": 200}
ROUNDED = {"printed": 0.01}


@pytest.mark.parametrize(("name", "pairs"), NEEDED.items(), ids=NEEDED)
def test_a_bound_is_positive_from_the_number_of_pairs_on_that_is_marked(numbers, name, pairs):
    n, value = sharper_bounds.column(numbers, "bounds", name)
    needed = numbers.parameters["pairs_needed"][name]
    assert needed == pytest.approx(pairs, rel=ROUNDED.get(name, 1e-12))
    np.testing.assert_array_equal(value > 0, n >= needed)


def test_bounds_are_sharper_in_the_order_in_which_they_are_drawn(numbers):
    """From 500 pairs on; from 1e8 on the last two differ by the rounding of the limit alone."""
    names = ("printed", "sharper", "half", "variance", "limit")
    n, values = (
        sharper_bounds.column(numbers, "bounds", "limit")[0],
        np.array([sharper_bounds.column(numbers, "bounds", name)[1] for name in names]),
    )
    assert (np.diff(values[:, (n > 500) & (n < 1e8)], axis=0) > 0).all()


@pytest.mark.parametrize(("name", "bound"), [("gamma", "variance"), ("gap", "gap")])
def test_the_bounds_hold_in_more_than_95_of_100_draws(numbers, name, bound):
    n, low = sharper_bounds.column(numbers, "draws", f"{name}, 5 % of draws")
    bounds = [sharper_bounds.BOUNDS[bound](n=k, **sharper_bounds.SETTING).value for k in n]
    assert (low > bounds).all()


def test_the_gap_moves_as_its_height_does_less_what_u_adds_to_it(numbers):
    """Medians: Δ² = 4γ² + (1-γ²)‖u‖², E‖u‖² = 2/n, and ⟨u, u'⟩ is small: theory 2.4."""
    n, gap = sharper_bounds.column(numbers, "draws", "gap, 50 % of draws")
    height = sharper_bounds.column(numbers, "draws", "gamma, 50 % of draws")[1]
    ratio = (1 - 1 / (2 * n)) / np.sqrt(1 + (1 - 0.09) / (2 * n * 0.09))
    np.testing.assert_allclose((gap / height)[n > 4], ratio[n > 4], rtol=0.03)


def test_draws_come_to_the_limit_like_the_root_of_the_number_of_pairs(numbers):
    low, middle, high = (
        sharper_bounds.column(numbers, "draws", f"gamma, {name}")[1]
        for name in sharper_bounds.QUANTILES
    )
    n = sharper_bounds.column(numbers, "draws", "gamma, 5 % of draws")[0]
    slope = np.polyfit(np.log(n), np.log(high - low), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)
    limit = sharper_bounds.column(numbers, "bounds", "limit")[1][0]
    assert abs(middle[-1] - limit) < 0.05 * limit < abs(middle[0] - limit)


def test_the_formula_of_the_ratio_is_that_of_many_pairs_at_some_height(numbers):
    """E‖u‖² = 2/n takes 1/2n off it; where nγ₀ is small, d‖u‖/dt adds more than all the rest."""
    for n in (8, 32, 128):
        x, ratio = sharper_bounds.column(numbers, "ratio", "ratio", n)
        still = {"n": n, "d": 128, "tau": 0.07, "moving_rows": False}
        formula = np.array([theorem_3_3.gap_ratio(gamma0=s / np.sqrt(n), **still) for s in x])
        many, few = x * np.sqrt(n) > 4, x * np.sqrt(n) < 0.5
        np.testing.assert_allclose(ratio[many], (1 - 1 / (2 * n)) * formula[many], rtol=0.02)
        assert (ratio[few] > 2 * formula[few]).all()


def test_the_printed_bound_needs_as_many_pairs_as_its_exponential_says(numbers):
    """It is where (8) is zero, and that grows like e²ᵃ as τ₀ falls; the others need few pairs."""
    table = numbers.more["needed"]
    for tau, pairs in zip(table["tau"], table["printed"], strict=True):
        a = (1 - 0.09) / tau
        xi1, xi2 = theorem_3_3.moments(a, 512)
        epsilon = np.sqrt(np.log((4 * pairs + 1) / 0.05) / (2 * pairs))
        value = (xi1 - 2 * np.exp(a) * epsilon) / (xi2 + 2 * np.sinh(a) * epsilon) - 2 * epsilon
        assert value == pytest.approx(0, abs=1e-6 * xi1 / xi2)
        assert pairs > 1e8
    assert (table["variance"] <= table["sharper"]).all() and table["gap"].max() < 1e4


@pytest.mark.parametrize("key", pictures(sharper_bounds))
def test_pictures_are_legible(numbers, key):
    with drawing():
        figure = pictures(sharper_bounds)[key](numbers)
    assert faults(figure) + overlaps(figure) == []
