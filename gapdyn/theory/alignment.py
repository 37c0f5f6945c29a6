"""When matching rows move towards each other (theory 4.3).

E = ½Σ‖x_i - y_i‖² falls along the free flow of InfoNCE, at a learned or a fixed temperature, as
soon as β and the margin are large enough. So at a fixed temperature a stationary point whose pairs
match well enough has X = Y, and no gap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.loss import row_products
from gapdyn.measures import margin
from gapdyn.theory import _checks


class Condition(NamedTuple):
    """The condition under which E does not rise.

    Attributes
    ----------
    holds : bool
        β(1 + min Z_ii) ≥ 1 and 2ε/(1-ε) ≤ α.
    scale : float
        β(1 + min Z_ii).
    epsilon : float
        The least ε with P_ii, Q_ii ≥ 1-ε for all i.
    margin : float
        α(Z).
    """

    holds: bool
    scale: float
    epsilon: float
    margin: float


def misalignment(X: ArrayLike, Y: ArrayLike) -> float:
    """E = ½Σ‖x_i - y_i‖² = Σ(1 - Z_ii) of unit rows; Δ² ≤ 2E/n.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of some length.

    Examples
    --------
    >>> import numpy as np
    >>> misalignment(np.eye(3), np.roll(np.eye(3), 1, axis=0))
    3.0
    """
    X, Y = _checks.validate_unit_pairs(X, Y)
    return float(((X - Y) ** 2).sum()) / 2


def misalignment_velocity(
    X: ArrayLike, Y: ArrayLike, *, beta: float, row_rate: float = 1.0
) -> float:
    """dE/dt of the free flow: βη_x Σ_ij G_ij [⟨x_i, x_j⟩ + ⟨y_i, y_j⟩ - Z_ij(Z_ii + Z_jj)].

    Parameters
    ----------
    X, Y
        As in `misalignment`.
    beta : float
        Inverse temperature, in (0, 1e8].
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `misalignment`, or if a number is out of range.
    """
    X, Y = _checks.validate_unit_pairs(X, Y)
    beta, rate = _validate_beta(beta), _checks.validate_middling("row_rate", row_rate)
    GY, GX = np.empty_like(X), np.empty_like(Y)
    row_products(X, Y, beta, GY, GX, 1.0)
    own = np.vecdot(X, Y)[:, None]
    falls = np.vdot(GY, Y - own * X) + np.vdot(GX, X - own * Y)
    return float(beta * rate * falls)


def condition(X: ArrayLike, Y: ArrayLike, *, beta: float) -> Condition:
    """Whether E cannot rise: β(1 + min Z_ii) ≥ 1, P_ii, Q_ii ≥ 1-ε, 2ε/(1-ε) ≤ α (theory 4.3).

    Parameters
    ----------
    X, Y, beta
        As in `misalignment_velocity`.

    Returns
    -------
    Condition

    Raises
    ------
    TypeError, ValueError
        As in `misalignment_velocity`.
    """
    X, Y = _checks.validate_unit_pairs(X, Y)
    beta, Z = _validate_beta(beta), X @ Y.T
    own, least = Z.diagonal(), margin(Z)
    others = ~np.eye(len(Z), dtype=bool)
    with np.errstate(over="ignore"):
        lost = [
            np.exp(beta * (Z - lead), where=others, out=np.zeros_like(Z)).sum(axis=axis).max()
            for lead, axis in ((own[:, None], 1), (own, 0))
        ]
    odds = float(max(lost))  # ε/(1-ε)
    scale = beta * (1 + float(own.min()))
    epsilon = odds / (1 + odds) if np.isfinite(odds) else 1.0
    return Condition(scale >= 1 and 2 * odds <= least, scale, epsilon, least)


def _validate_beta(beta: float) -> float:
    """An inverse temperature of the range in which softmaxes are computed."""
    number = _checks.validate_middling("beta", beta)
    if number > 1e8:
        raise ValueError(f"beta must be at most 1e8, got {beta}")
    return number
