"""The bounds of Theorem 3.3 against draws, and dΔ/dt against 2dγ/dt."""

import numpy as np
import pytest

from experiments import sharper_bounds
from gapdyn.theory import theorem_3_3


@pytest.fixture(scope="module")
def numbers():
    return sharper_bounds.compute(seed=1, quick=True)


@pytest.mark.parametrize(("name", "pairs"), [("printed", 10**16.26), ("sharper", 407)])
def test_a_bound_is_positive_from_the_number_of_pairs_on_that_is_marked(numbers, name, pairs):
    n, value = sharper_bounds.column(numbers, "bounds", name)
    needed = numbers.parameters["pairs_needed"][name]
    assert needed == pytest.approx(pairs, rel=0.01)
    np.testing.assert_array_equal(value > 0, n >= needed)


def test_the_sharper_bound_holds_in_more_than_95_of_100_draws(numbers):
    n, low = sharper_bounds.column(numbers, "bounds", "5 % of draws")
    bounds = [theorem_3_3.sharper_bound(n=k, **sharper_bounds.SETTING).value for k in n]
    assert (low > bounds).all()


def test_draws_come_to_the_limit_like_the_root_of_the_number_of_pairs(numbers):
    low, middle, high = (
        sharper_bounds.column(numbers, "bounds", name)[1] for name in sharper_bounds.QUANTILES
    )
    n = sharper_bounds.column(numbers, "bounds", "5 % of draws")[0]
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
