"""The bounds of Theorem 3.3 against draws, and dΔ/dt against 2dγ/dt."""

import numpy as np
import pytest

import gapdyn as gd
from experiments import sharper_bounds
from gapdyn.theory import theorem_3_3


@pytest.fixture(scope="module")
def numbers():
    return sharper_bounds.compute(seed=1, quick=True)


def test_both_bounds_rise_to_the_limit_and_the_sharper_one_is_above(numbers):
    n, printed = sharper_bounds.column(numbers, "bounds", "printed")
    sharper, limit = (
        sharper_bounds.column(numbers, "bounds", name)[1] for name in ("sharper", "limit")
    )
    assert n[0] == 4 and n[-1] == 1e20
    assert (np.diff(printed) > 0).all() and (np.diff(sharper) > 0).all()
    assert (printed < sharper).all() and (sharper < limit).all()
    assert printed[-1] > 0.98 * limit[-1] and sharper[-1] > 0.9999 * limit[-1]


@pytest.mark.parametrize(("name", "pairs"), [("printed", 10**16.26), ("sharper", 407)])
def test_a_bound_is_positive_from_the_number_of_pairs_on_that_is_marked(numbers, name, pairs):
    n, value = sharper_bounds.column(numbers, "bounds", name)
    needed = numbers.parameters["pairs_needed"][name]
    assert needed == pytest.approx(pairs, rel=0.01)
    np.testing.assert_array_equal(value > 0, n >= needed)


def test_the_sharper_bound_holds_in_more_than_95_of_100_draws(numbers):
    n, low = sharper_bounds.column(numbers, "bounds", "5 % of draws")
    setting = {
        "d": sharper_bounds.DIM,
        "tau": sharper_bounds.TAU,
        "gamma0": sharper_bounds.HEIGHT,
        "delta": sharper_bounds.DELTA,
    }
    bounds = [theorem_3_3.sharper_bound(n=pairs, **setting).value for pairs in n]
    assert (low > bounds).all()


def test_a_positive_bound_holds_in_every_draw():
    """At 512 pairs the sharper bound says 0.0028, the printed one nothing."""
    bound = theorem_3_3.sharper_bound(n=512, d=512, tau=0.07, gamma0=0.3, delta=0.05)
    rows = sharper_bounds.speeds(512, 20, np.random.default_rng(0))
    assert 0 < bound.value < min(value for *_, value in rows)


def test_draws_come_to_the_limit_like_the_root_of_the_number_of_pairs(numbers):
    low, middle, high = (
        sharper_bounds.column(numbers, "bounds", name)[1] for name in sharper_bounds.QUANTILES
    )
    n = sharper_bounds.column(numbers, "bounds", "5 % of draws")[0]
    slope = np.polyfit(np.log(n), np.log(high - low), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)
    limit = sharper_bounds.column(numbers, "bounds", "limit")[1][0]
    assert abs(middle[-1] - limit) < 0.05 * limit < abs(middle[0] - limit)


def test_the_gap_lags_behind_twice_a_height_that_rises():
    """Theory 2.4, from 32 pairs on: dΔ/dt < 2dγ/dt in every draw with dγ/dt > 0."""
    rng = np.random.default_rng(0)
    for n, draws in ((32, 50), (128, 20)):
        heights = [s / np.sqrt(n) for s in (0.05, 0.2, 1.0, 3.0, 5.0)]
        for _ in range(draws):
            gap, height = sharper_bounds.gap_and_height(n, heights, rng)
            assert (gap < height)[height > 0].all()


def test_the_formula_of_the_ratio_is_that_of_many_pairs_at_some_height(numbers):
    """E‖u‖² = 2/n takes 1/2n off it; where nγ₀ is small, d‖u‖/dt adds more than all the rest."""
    for n in (8, 32, 128):
        x, ratio = sharper_bounds.column(numbers, "ratio", "ratio", n)
        formula = np.array(
            [
                theorem_3_3.gap_ratio(
                    n=n, d=128, tau=0.07, gamma0=s / np.sqrt(n), moving_rows=False
                )
                for s in x
            ]
        )
        many, few = x * np.sqrt(n) > 4, x * np.sqrt(n) < 0.5
        np.testing.assert_allclose(ratio[many], (1 - 1 / (2 * n)) * formula[many], rtol=0.02)
        assert (ratio[few] > 2 * formula[few]).all()


def test_without_motion_of_the_rows_the_ratio_is_twice_the_height_over_the_gap():
    """Theory 2.4 with u' = 0: Δ' = γγ'(4 - ‖u‖²)/Δ, here at aligned rows, where u = 0."""
    X = gd.sphere.sample(6, 4, 0)
    model = gd.ParallelModel(6, 4, gd.Learned())
    y = model.start(X, X, tau=1.0, gamma=0.2)
    rise = float(model.split(model.velocity(0.0, y)).gamma)
    assert theorem_3_3.gap_velocity(model, y) == pytest.approx(2 * rise, rel=1e-12)
