"""Rank correlations and their intervals, against SciPy's and against what must hold."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments.section_4 import correlation


@given(seed=st.integers(0, 2**32), m=st.integers(3, 30), ties=st.booleans())
def test_spearman_is_scipys_ties_included(seed, m, ties):
    x, y = np.random.default_rng(seed).standard_normal((2, m))
    if ties:
        x[1] = x[0]
    assert correlation.spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic)


def test_a_correlation_knows_order_only():
    x, y = np.random.default_rng(0).standard_normal((2, 20))
    assert correlation.rank_correlation(x, y) == correlation.rank_correlation(np.exp(x), y**3)
    rho, turned = correlation.rank_correlation(x, y), correlation.rank_correlation(-x, y)
    assert turned.value == pytest.approx(-rho.value)
    assert turned.low == pytest.approx(-rho.high)


def test_the_interval_covers_a_true_correlation_about_as_often_as_it_says():
    """Normal pairs of correlation r have Spearman's ρ = (6/π) asin(r/2)."""
    r, rng, hits, draws = 0.6, np.random.default_rng(1), 0, 200
    truth = 6 / np.pi * np.arcsin(r / 2)
    for _ in range(draws):
        x, z = rng.standard_normal((2, 40))
        rho = correlation.rank_correlation(x, r * x + np.sqrt(1 - r**2) * z)
        hits += rho.low <= truth <= rho.high
    assert 0.88 < hits / draws <= 1.0


def test_the_interval_is_that_of_scipys_bootstrap():
    rng = np.random.default_rng(2)
    x = rng.standard_normal(25)
    y = x + rng.standard_normal(25)
    ours = correlation.rank_correlation(x, y)
    theirs = scipy.stats.bootstrap(
        (x, y),
        lambda x, y, axis: correlation.spearman(x, y),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        rng=rng,
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.06)


def test_an_interval_reads_as_it_is():
    assert str(correlation.Interval(-0.5, -0.91, 0.034)) == "-0.50 [-0.91, +0.03]"
