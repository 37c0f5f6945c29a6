"""Many pairs: the flow stays near the closed system, and this comes to its limit as n grows."""

import numpy as np
import pytest
from legible import faults, overlaps

from experiments import mean_field as experiment
from experiments import record
from gapdyn.plotting import drawing


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=2, quick=True)


def test_along_the_limit_the_angle_falls_at_the_rate_2_beta_sin_theta(numbers):
    """In t/n, with A₃(b) = coth b - 1/b for β; it arrives at θ = 0 at t*."""
    rows = numbers.rows(source="limit")
    b, theta = (1 - 0.4**2) * rows["beta"], rows["theta"]
    np.testing.assert_allclose(1 / np.tanh(b) - 1 / b, np.cos(theta), rtol=1e-9)
    middle = np.sqrt(rows["beta"][1:] * rows["beta"][:-1])
    rate = 2 * middle * np.sin((theta[1:] + theta[:-1]) / 2)
    early = slice(0, 12)  # at the end β is no power of θ any more over one step
    fall = -np.diff(theta) / np.diff(rows["t_over_n"])
    np.testing.assert_allclose(fall[early], rate[early], rtol=0.01)
    assert 0 < 0.1722161186 - rows["t_over_n"][-1] < 1e-6


def test_the_closed_system_comes_to_its_limit_like_1_over_n(numbers):
    """θ at given t/n, once β has come down from 1/τ₀ in a time of order 1."""
    limit, off = numbers.rows(source="limit"), {}
    for n in experiment.SIZES:
        closed = numbers.rows(source="closed", pairs=n)
        theta = np.interp(0.1, closed["t_over_n"], closed["theta"])
        off[n] = np.interp(0.1, limit["t_over_n"], limit["theta"]) - theta
    assert off[128] > 0.05 and off[128] / off[1024] == pytest.approx(8, rel=0.15)


def test_the_flow_stays_near_the_closed_system_while_p_is_small(numbers):
    for n, most in ((128, 0.1), (512, 0.03)):
        closed, flow = numbers.rows(source="closed", pairs=n), numbers.rows(source="flow", pairs=n)
        small = flow["partner"] < 0.02
        for name in ("theta", "beta", "height"):
            expected = np.interp(flow["t_over_n"], closed["t_over_n"], closed[name])
            np.testing.assert_allclose(flow[name][small], expected[small], rtol=most)


def test_heights_keep_the_first_integral_while_p_is_small(numbers):
    """n log h + log β stays within 0.1 of its start, while n log h itself moves by more than 2."""
    height, beta, weight = (
        experiment.draws(numbers, 512, name) for name in ("height", "beta", "partner")
    )
    small = weight < 0.01
    change, rise = 512 * np.log(height / height[:, :1]), np.log(beta / beta[:, :1])
    assert np.abs(change + rise)[small].max() < 0.1 and np.ptp(change[small]) > 2


def test_the_closed_system_ends_where_the_partner_outweighs_the_others(numbers):
    for n in experiment.SIZES:
        closed = numbers.rows(source="closed", pairs=n)
        step = np.diff(closed["partner"])[-1]
        assert closed["partner"][-1] < 1 < closed["partner"][-1] + 2 * step
        b = (1 - closed["height"] ** 2) * closed["beta"]
        p = 2 * b / n * np.exp(b * (np.cos(closed["theta"]) - 1)) / -np.expm1(-2 * b)
        np.testing.assert_allclose(closed["partner"], p, rtol=1e-9)


def test_with_the_centres_of_random_pairs_the_gap_is_that_of_the_flow(committed):
    """Means over draws, within three of their standard errors; without the centres Δ is larger."""
    numbers = committed("mean_field")
    for n in experiment.SIZES:
        closed = numbers.rows(source="closed", pairs=n)
        times, gap = (experiment.draws(numbers, n, name) for name in ("t_over_n", "gap"))
        k = np.flatnonzero(times[0] < 0.15)[-1]
        change = n * np.log(gap[:, k] / gap[:, 0])
        error = change.std(ddof=1) / np.sqrt(len(gap))
        both, alone = (
            n * np.interp(times[0, k], closed["t_over_n"], np.log(values / values[0]))
            for values in (experiment.with_centres(closed), closed["gap"])
        )
        assert abs(change.mean() - both) < 3 * error < 2
        assert change.mean() < alone - 0.3 and both < alone - 0.6


def test_at_1024_pairs_beta_is_off_by_a_few_times_the_weight_of_the_partner(committed):
    numbers = committed("mean_field")
    closed = numbers.rows(source="closed", pairs=1024)
    times, weight = (experiment.draws(numbers, 1024, name)[0] for name in ("t_over_n", "partner"))
    known = (weight > 1e-3) & (weight < 0.3)
    alone = np.exp(np.interp(times, closed["t_over_n"], np.log(closed["beta"])))
    off = experiment.draws(numbers, 1024, "beta") / alone - 1
    ratio = np.sqrt((off**2).mean(axis=0))[known] / weight[known]
    assert (ratio > 1).all() and (ratio < 7).all()
    assert weight[known].max() > 0.2


@pytest.mark.parametrize("draw", record.pictures(experiment).values())
def test_the_pictures_are_legible(numbers, draw):
    with drawing():
        figure = draw(numbers)
    assert faults(figure) + overlaps(figure) == []
