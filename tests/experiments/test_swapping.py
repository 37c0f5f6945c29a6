"""Modality swapping: random segments beside their average, and the exponents of both."""

import numpy as np
import pytest
from legible import faults, overlaps

from experiments import swapping as experiment
from gapdyn.plotting import drawing
from gapdyn.theory import swapping


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0, quick=True)


@pytest.mark.parametrize("n", experiment.DRAWN)
@pytest.mark.parametrize("p", experiment.PORTIONS[1:])
def test_random_segments_follow_their_average(numbers, n, p):
    """Over all of β, though each segment is some tenths of the time so far."""
    run = numbers.rows(flow="random segments", pairs=n, p=p)
    mean = swapping.height(run["beta"], n=n, p=p, gamma0=experiment.HEIGHT, beta0=experiment.BETA)
    assert (np.diff(run["t"]) > 0).all() and run["t"][-1] == 1e6
    np.testing.assert_allclose(run["gap"], 2 * mean, rtol=0.15)
    slopes = numbers.parameters["late_slope"][f"n = {n}, p = {p:g}"]
    assert slopes["random_segments"] == pytest.approx(slopes["averaged"], rel=0.06)
    assert slopes["limit"] == swapping.exponent(n=n, p=p)
    assert 1.15 / n < slopes["random_segments"] < 1.05 * slopes["limit"]


@pytest.mark.parametrize("n", experiment.DRAWN)
def test_averages_are_the_exchange_law_without_swaps_and_fall_faster_with_them(numbers, n):
    law, rare, always = (numbers.rows(flow="averaged", pairs=n, p=p) for p in experiment.PORTIONS)
    np.testing.assert_allclose(law["gap"] ** n * law["beta"], 0.8**n, rtol=1e-12)
    np.testing.assert_allclose(law["slope"], 1 / n, rtol=1e-12)
    assert (law["gap"][1:] > rare["gap"][1:]).all() and (rare["gap"][1:] > always["gap"][1:]).all()
    assert rare["slope"][0] < 1.2 / n < 1.7 / n < rare["slope"][-1]
    assert always["slope"][-1] == pytest.approx(swapping.exponent(n=n), rel=0.06)


def test_rows_of_the_simplex_have_the_largest_margin():
    W = experiment.simplex(5)
    off = (W @ W.T)[~np.eye(5, dtype=bool)]
    np.testing.assert_allclose(off, -1 / 4)


def test_the_picture_is_legible(numbers):
    with drawing():
        figure = experiment.draw(numbers)
    assert faults(figure) + overlaps(figure) == []
