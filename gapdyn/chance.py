"""What chance alone would give: the null of the gap, and intervals by the bootstrap.

Both reweight the groups at random, many times; a centre of many reweightings is one product.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gapdyn._kernels.memory import BLOCK, cut
from gapdyn.groups import Groups, Indices
from gapdyn.rows import Rows
from gapdyn.types import Array, Floats, Numbers

EXCHANGES = 500
"""Random exchanges of which the null is made."""

LEVELS = 0.025, 0.975
"""Quantiles that bound an interval."""

Values = dict[str, tuple[Indices, Floats]]
"""What is averaged, by name: labels of groups, and a value for each."""


def batches(repeats: int, count: int) -> Iterator[int]:
    """Sizes of batches of reweightings of so many groups, of moderate memory."""
    size = max(8, BLOCK // (8 * count))
    return (b.stop - b.start for b in cut(repeats, size))


def weighted_sums(weights: Floats, rows: Rows, labels: Indices) -> Array:
    """Σ_i w_{b, label(i)} x_i for each row b of the weights (B, groups)."""
    sums = np.zeros((len(weights), rows.dim))
    for b in rows.blocks():
        sums += weights[:, labels[b]] @ rows.whole[b]
    return sums


def weighted_differences(weights: Floats, X: Rows, Y: Rows, groups: Groups) -> Array:
    """Σ_g w_{b, g} (a_g - b_g) for each row b of the weights (B, groups).

    a_g is the sum of the rows of X of a group by n_x, b_g that of Y by n_y.
    """
    if not groups.one_to_one:
        x, y = weighted_sums(weights, X, groups.x), weighted_sums(weights, Y, groups.y)
        return x / len(X) - y / len(Y)
    sums = np.zeros((len(weights), X.dim))
    for b in X.blocks():
        sums += weights[:, b] @ (X.whole[b] - Y.whole[b])
    return sums / len(X)


def null_gap(X: Rows, Y: Rows, groups: Groups, rng: np.random.Generator) -> Numbers:
    """Mean and 95 % quantile of the gap when partners exchange modalities at random.

    Each group keeps or swaps its parts of the two centres: Δ = ‖Σ_g ε_g (a_g - b_g)‖ with random
    signs ε, as in `weighted_differences`. So E Δ² = Σ_g ‖a_g - b_g‖², which is the alignment
    divided by n where all groups are pairs.
    """
    gaps = []
    for size in batches(EXCHANGES, groups.size):
        signs = rng.integers(0, 2, (size, groups.size), np.int8).astype(X.whole.dtype) * 2 - 1
        gaps.append(np.linalg.norm(weighted_differences(signs, X, Y, groups), axis=1))
    every = np.concatenate(gaps)
    return {"null_gap": float(every.mean()), "null_gap_95": float(np.quantile(every, 0.95))}


def bootstrap(
    X: Rows, Y: Rows, groups: Groups, values: Values, repeats: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """95 % intervals of the gap and of means, as groups are drawn with replacement.

    Whom a row is compared with does not change: ranks are those among all rows.
    """
    found: dict[str, list[Array]] = {name: [] for name in ("gap", *values)}
    for size in batches(repeats, groups.size):
        drawn = rng.integers(0, groups.size, (size, groups.size))
        weights = np.stack([np.bincount(row, minlength=groups.size) for row in drawn]) * 1.0
        x, y = (
            weighted_sums(weights, rows, labels) / weights[:, labels].sum(axis=1, keepdims=True)
            for rows, labels in ((X, groups.x), (Y, groups.y))
        )
        found["gap"].append(np.linalg.norm(x - y, axis=1))
        for name, (labels, value) in values.items():
            chosen = weights[:, labels]
            found[name].append(chosen @ value / chosen.sum(axis=1))
    bounds = {name: np.quantile(np.concatenate(every), LEVELS) for name, every in found.items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}
