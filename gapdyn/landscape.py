"""The loss against the signed gap, one curve for each temperature, of rows that are given.

As in [1]_ both modalities are shifted along the gap between their centres and put back on the
sphere (`sphere.shift_gap`). The minimum is the gap that the loss wants at that temperature.

References
----------
.. [1] V. W. Liang, Y. Zhang, Y. Kwon, S. Yeung and J. Zou, "Mind the Gap: Understanding the
   Modality Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from gapdyn._memory import claim_similarities
from gapdyn.loss import mean_cross_entropy
from gapdyn.sphere import normalise, rounding, shift_gap
from gapdyn.types import Array
from gapdyn.validate import validate_numbers, validate_pairs, validate_temperature

AMOUNTS = (-1.5, 3.5)
"""Usual range of the shift: 0 leaves the rows, 1 closes the gap, 2 about mirrors it."""
POINTS = 101
"""Usual number of shifts."""


@dataclass(frozen=True)
class Landscape:
    """The loss at each temperature and shift.

    Attributes
    ----------
    taus : (T,) array
        Temperatures τ.
    amounts : (K,) array
        Shares of the gap by which the modalities approach each other, increasing.
    gaps : (K,) array
        Gap Δ after each shift, negative once the centres have crossed.
    losses : (T, K) array
        Eq. (2) in nats.
    own_gap : float
        Δ of the rows as they are, and 0 in `amounts`.
    own_loss, best_gap, best_loss : (T,) arrays
        At each τ the loss of the rows as they are, the signed gap at which the loss is least
        within the range of the shifts, and that loss.
    """

    taus: Array
    amounts: Array
    gaps: Array
    losses: Array
    own_gap: float
    own_loss: Array
    best_gap: Array
    best_loss: Array


def landscape(
    X: ArrayLike,
    Y: ArrayLike,
    taus: Sequence[float] | ArrayLike = (0.01, 0.02, 0.05, 0.1),
    *,
    amounts: Sequence[float] | ArrayLike | None = None,
) -> Landscape:
    """Evaluate the loss on rows that are shifted along the gap between their centres.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y. Rows are normalised; n × n similarities are stored.
    taus : sequence of floats
        Temperatures τ > 0.
    amounts : sequence of at least 3 increasing floats, optional
        Shares of the gap; by default 101 from -1.5 to 3.5. A distance δ along the gap, as in Liang
        et al., is the share δ/Δ.

    Returns
    -------
    Landscape

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape (n, d), n, d ≥ 2, with rows of nonzero length,
        their centres coincide, a shift takes a row to zero, or a number is outside its range.

    Examples
    --------
    >>> from gapdyn import sphere
    >>> X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.31)
    >>> found = landscape(X, Y, [0.1])
    >>> round(found.own_gap, 2), abs(round(float(found.best_gap[0]), 3))
    (0.62, 0.0)
    """
    X, Y = map(normalise, validate_pairs(X, Y))
    temperatures = np.array([validate_temperature("taus", tau) for tau in np.ravel(taus)])
    if not temperatures.size:
        raise ValueError("taus must hold at least one temperature")
    shifts = np.linspace(*AMOUNTS, POINTS) if amounts is None else _validate_amounts(amounts)
    claim_similarities(len(X))
    direction = X.mean(axis=0) - Y.mean(axis=0)
    if (gap := float(np.linalg.norm(direction))) <= rounding(*X.shape):
        raise ValueError("X and Y must have a gap: with equal centres there is no direction")
    gaps, losses = np.empty(shifts.size), np.empty((temperatures.size, shifts.size))
    for k, amount in enumerate(shifts):
        Z, gaps[k] = _shifted(X, Y, float(amount), direction)
        losses[:, k] = [mean_cross_entropy(Z / tau) for tau in temperatures]
    best = [
        _minimum(X, Y, tau, direction, shifts, at)
        for tau, at in zip(temperatures, losses.argmin(axis=1), strict=True)
    ]
    best_gap, best_loss = map(np.array, zip(*best, strict=True))
    Z = X @ Y.T
    own = np.array([mean_cross_entropy(Z / tau) for tau in temperatures])
    return Landscape(temperatures, shifts, gaps, losses, gap, own, best_gap, best_loss)


def _validate_amounts(amounts: ArrayLike | Sequence[float]) -> Array:
    """At least three increasing numbers."""
    shifts = np.array(validate_numbers("amounts", np.ravel(amounts)))
    if shifts.size < 3 or (np.diff(shifts) <= 0).any():
        raise ValueError(f"amounts must be at least 3 increasing numbers, got {shifts.tolist()}")
    return shifts


def _shifted(X: Array, Y: Array, amount: float, direction: Array) -> tuple[Array, float]:
    """Similarities of the shifted rows, and their gap, negative once the centres have crossed."""
    X, Y = shift_gap(X, Y, amount)
    between = X.mean(axis=0) - Y.mean(axis=0)
    return X @ Y.T, float(np.copysign(np.linalg.norm(between), between @ direction))


def _minimum(
    X: Array, Y: Array, tau: float, direction: Array, shifts: Array, at: int
) -> tuple[float, float]:
    """Signed gap with the least loss, refined between the neighbours of the best shift."""

    def loss(amount: float) -> float:
        return float(mean_cross_entropy(_shifted(X, Y, amount, direction)[0] / tau))

    between = shifts[max(at - 1, 0)], shifts[min(at + 1, shifts.size - 1)]
    best = minimize_scalar(loss, bounds=between, method="bounded", options={"xatol": 1e-6})
    amount = min((float(best.x), float(shifts[at])), key=loss)  # the least may be at an end
    return _shifted(X, Y, amount, direction)[1], loss(amount)
