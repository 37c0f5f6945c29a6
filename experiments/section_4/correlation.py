"""Rank correlations over methods, with bootstrap intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from gapdyn.types import Array

RESAMPLES, LEVEL = 2000, 0.95
DECIMALS = 12
"""Numbers that agree so far tie: two methods may be one training, up to rounding."""


class Interval(NamedTuple):
    """An estimate and its bootstrap interval, of level LEVEL; NaN of what does not vary."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def spearman(x: Array, y: Array, axis: int = -1) -> Array:
    """Spearman's rank correlation along an axis; ties share their mean rank."""
    ranks = [scipy.stats.rankdata(np.round(v, DECIMALS), axis=axis) for v in (x, y)]
    a, b = (r - r.mean(axis=axis, keepdims=True) for r in ranks)
    with np.errstate(invalid="ignore"):  # a resample of one point repeated has no correlation
        rho: Array = (a * b).sum(axis=axis) / np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    return rho


def rank_correlation(x: Array, y: Array) -> Interval:
    """Spearman's ρ of two quantities over methods, and the percentile interval of its bootstrap.

    Parameters
    ----------
    x, y : (m,) arrays
        m ≥ 3 methods.
    """
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(x), size=(RESAMPLES, len(x)))
    draws = spearman(x[chosen], y[chosen])
    tail = (1 - LEVEL) / 2
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (np.nan, np.nan)
    return Interval(float(spearman(x, y)), float(low), float(high))
