"""How fast the gap moves at any state of the free flow, over time and over the potential of β.

Let u = c_X - c_Y, Δ = ‖u‖ and G = ∇ℓ(aZ), where a = β in the free model, and a = β(1-γ²) for the
unlifted rows of the parallel one. Since P_x y - P_y x = (1 + ⟨x, y⟩)(y - x), with P_x the
projection to the tangent space at x,

    u' = (a η_x/n) Σ_ij G_ij (1 + Z_ij)(x_i - y_j).

As dP/dt = a g for the potential P of β, the slope (n/η_x) d log Δ/dP depends on the rows and on a
alone, whatever β(ν) and the rates are. The exchange law says that it is -1 (theory 4.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn._kernels.relative import coupling, relative_weights
from gapdyn.measures import COINCIDENT
from gapdyn.theory import _checks
from gapdyn.types import Array

FORCE = float(np.sqrt(27.0) / 2)
"""3√3/2, the largest ‖(1+⟨x,y⟩)(y-x) - (1+⟨x,y'⟩)(y'-x)‖ of unit vectors (theory 4.2)."""


def velocity(X: ArrayLike, Y: ArrayLike, *, beta: float, row_rate: float = 1.0) -> Array:
    """Velocity u' = d(c_X - c_Y)/dt of the difference of the centres.

    u' = (a η_x/n) Σ_ij G_ij (1 + Z_ij)(x_i - y_j) with G = ∇ℓ(aZ), theory 4.1. Its length is at
    most (3√3/2) a η_x/n (`most`).

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised. n × n matrices are stored.
    beta : float
        a: β of the free model, or β(1-γ²) of the parallel one, whose rows are the unlifted ones.
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    (d,) array

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape (n, d), n, d ≥ 2, or have a row of zero length,
        or another number is not positive.

    Examples
    --------
    Orthogonal pairs at one point each: G = (1 - nI)/n² has no sums, and u stands still.

    >>> import numpy as np
    >>> X, Y = np.tile([1.0, 0.0], (3, 1)), np.tile([0.0, 1.0], (3, 1))
    >>> bool(np.allclose(velocity(X, Y, beta=2.0), 0.0))
    True
    """
    X, Y, a = _validate_rows(X, Y, beta)
    speed = _speed(a, len(X), row_rate)
    Z = X @ Y.T
    G, log_scale = _gradient(Z, a)
    return speed * float(np.exp(log_scale)) * _drift(G, Z, X, Y)


def slope(X: ArrayLike, Y: ArrayLike, *, beta: float) -> float:
    """The slope (n/η_x) d log Δ/dP of the gap over the potential, -1 by the exchange law.

    In the paper's case P = log β, and it is n d log Δ/d log β. With the heights h^X_i = ⟨x_i, u⟩/Δ
    and h^Y_j = ⟨y_j, u⟩/Δ, it is Σ_ij G_ij (1 + Z_ij)(h^X_i - h^Y_j)/(Δ g), and -1 minus
    covariances of heights and shares of g (theory 4.1). Since the weights in G have a common
    factor, the slope is as accurate where all of them would underflow.

    Parameters
    ----------
    X, Y, beta
        As in `velocity`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If X, Y or `beta` are not as in `velocity`, or the centres coincide, or g is 0.

    Examples
    --------
    >>> from gapdyn import sphere
    >>> X, Y = sphere.lift(*sphere.polygon_pairs(5, 2), gamma=0.31)
    >>> round(slope(X, Y, beta=1e4), 9)
    -1.0
    """
    X, Y, a = _validate_rows(X, Y, beta)
    u = X.mean(axis=0) - Y.mean(axis=0)
    if (gap := np.linalg.norm(u)) <= COINCIDENT:
        raise ValueError("X and Y must have a gap: with equal centres Δ = 0 has no direction")
    Z = X @ Y.T
    G, _ = _gradient(Z, a)
    g = -float(np.sum(G * Z))
    if abs(g) <= COINCIDENT * -np.trace(G):
        raise ValueError("X and Y must have a pull g other than 0: P stands still, and Δ may not")
    return float(u @ _drift(G, Z, X, Y)) / (g * float(gap) ** 2)


def most(*, n: int, beta: float, row_rate: float = 1.0) -> float:
    """The largest speed ‖u'‖ at any state, matched or not: (3√3/2) a η_x/n, theory 4.2.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    beta, row_rate : float
        As in `velocity`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or another number is not positive.
    """
    pairs = _checks.validate_pair_count(n)
    return FORCE * _speed(_checks.validate_middling("beta", beta), pairs, row_rate)


def _validate_rows(X: ArrayLike, Y: ArrayLike, beta: float) -> tuple[Array, Array, float]:
    """Unit rows of one shape, and a > 0."""
    return *_checks.validate_unit_pairs(X, Y), _checks.validate_middling("beta", beta)


def _speed(a: float, n: float, row_rate: float) -> float:
    """The factor a η_x/n."""
    return a / n * _checks.validate_middling("row_rate", row_rate)


def _gradient(Z: Array, a: float) -> tuple[Array, float]:
    """∇ℓ(aZ) = e^s G: G, whose largest softmax weight off the diagonal is 1, and s."""
    _, weights, log_scale = relative_weights(Z, a)
    return -coupling(*weights) / (2 * len(Z)), float(log_scale)


def _drift(G: Array, Z: Array, X: Array, Y: Array) -> Array:
    """Σ_ij G_ij (1 + Z_ij)(x_i - y_j)."""
    B = G * (1 + Z)
    drift: Array = B.sum(axis=1) @ X - B.sum(axis=0) @ Y
    return drift
