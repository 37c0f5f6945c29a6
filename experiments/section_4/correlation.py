"""Rank correlations over methods, with bootstrap intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from gapdyn.types import Array

RESAMPLES, LEVEL = 2000, 0.95
DECIMALS = 12
"""Values are rounded to these before they are ranked: equal trainings must tie."""


class Interval(NamedTuple):
    """An estimate and its bootstrap interval of level LEVEL; NaN if a quantity does not vary."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def spearman(x: Array, y: Array) -> Array:
    """Spearman's ρ along the last axis, one for each resample, which `spearmanr` cannot do."""
    a, b = (scipy.stats.rankdata(np.round(v, DECIMALS), axis=-1) for v in (x, y))
    a, b = (ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (a, b))
    with np.errstate(invalid="ignore"):  # a resample that repeats one method has no correlation
        return np.asarray((a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)))


def rank_correlation(x: Array, y: Array) -> Interval:
    """Spearman's ρ of two quantities (m,) over m ≥ 3 methods, with a percentile interval."""
    chosen = np.random.default_rng(0).integers(len(x), size=(RESAMPLES, len(x)))
    draws = spearman(x[chosen], y[chosen])
    tail = (1 - LEVEL) / 2
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (np.nan, np.nan)
    return Interval(float(spearman(x, y)), float(low), float(high))
