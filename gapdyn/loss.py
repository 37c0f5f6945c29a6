"""The contrastive loss (2), its gradient, and its pull g, in the paper's order.

Logits M = βZ are (n, n), row i and column i belonging to pair i, so matching pairs stand on the
diagonal. P is the softmax of the rows of M, Q that of its columns. The functions here say what is
computed and check what they are given; `gapdyn._kernels` does it, without a check, at every step of
a flow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from gapdyn._kernels import pull, pull_rows
from gapdyn._kernels.entropy import CrossEntropy
from gapdyn._kernels.gradient import gradient_in_place
from gapdyn._kernels.memory import Scratch
from gapdyn._kernels.mixing import mix
from gapdyn._kernels.rows import row_products, rows_cross_entropy
from gapdyn.sphere import TIE
from gapdyn.types import Array
from gapdyn.validate import shown, validate_number, validate_square

__all__ = [
    "Scratch",
    "at_temperature",
    "best_temperature",
    "g",
    "gradient",
    "loss",
    "mean_cross_entropy",
    "mix",
    "pull",
    "pull_rows",
    "row_products",
    "rows_cross_entropy",
]

SHARPEST = 1e8
"""Largest entry of the logits at which `best_temperature` looks for a minimum."""


def loss(M: ArrayLike) -> float:
    """Contrastive loss of logits, eq. (2).

    ℓ(M) = (1/2n) Σ_i [ lse(M[:, i]) - M_ii + lse(M[i, :]) - M_ii ].

    Parameters
    ----------
    M : (n, n) array of floats
        Logits, n ≥ 2.

    Returns
    -------
    float
        The mean of the 2n cross-entropies, in nats. It is positive, and accurate relative to its
        own size.

    Raises
    ------
    TypeError, ValueError
        If `M` is not a finite square float matrix, or has entries above 4e307/n in size.

    Examples
    --------
    >>> bool(np.isclose(loss(np.zeros((4, 4))), np.log(4), rtol=1e-15))
    True
    """
    return float(mean_cross_entropy(_validate_logits("M", M)))


def _validate_logits(name: str, value: ArrayLike, scale: float = 1.0) -> Array:
    """A float64 matrix, whose differences times `scale`, summed over all pairs, are float64."""
    M = validate_square(name, value)
    largest, limit = float(np.abs(M).max()), np.finfo(np.float64).max / (4 * len(M))
    if largest * max(abs(scale), 1.0) > limit:
        what = name if abs(scale) <= 1 else f"{name} times a = {scale:.3g}"
        raise ValueError(f"{what} must have entries of size {limit:.3g} at most, got {largest:.3g}")
    return M


def mean_cross_entropy(M: Array) -> float:
    """Eq. (2) without the checks; analytic, so a complex step through it is a derivative."""
    n = len(M)
    return CrossEntropy(n, M.dtype).add(slice(0, n), M).mean()


def gradient(M: ArrayLike, out: Array | None = None) -> Array:
    """Gradient of the loss in the logits: ∇ℓ(M) = (P + Q)/2n - I/n.

    Parameters
    ----------
    M : (n, n) array of floats
        Logits, n ≥ 2.
    out : (n, n) float64 array, optional
        Where to write the result; may be `M` itself.

    Returns
    -------
    (n, n) float64 array
        Rows and columns together sum to zero. Each entry is accurate to the rounding of the
        logits, the diagonal included: it is minus the sum of its off-diagonal terms.

    Raises
    ------
    TypeError, ValueError
        If `M` is not a finite square float matrix, or has entries above 4e307/n in size, or `out`
        is not a writeable float64 array of its shape.
    """
    M = _validate_logits("M", M)
    if out is None:
        out = np.empty(M.shape)
    elif not isinstance(out, np.ndarray) or out.dtype != np.float64 or not out.flags.writeable:
        raise TypeError(f"out must be a writeable float64 array, got {shown(out)}")
    elif out.shape != M.shape:
        raise ValueError(f"out must have shape {M.shape}, got {out.shape}")
    whole = type(out) is np.ndarray and out.flags.c_contiguous
    rows = out if whole else np.empty(M.shape)  # strips are of whole rows
    np.copyto(rows, M)
    top = float(rows.max())
    gradient_in_place(rows, top, top - float(rows.min()))
    if rows is not out:
        np.copyto(out, rows)
    return out


def g(Z: ArrayLike, a: float) -> float:
    """Mean pull of the loss on its own scale: g_a(Z) = -dℓ(aZ)/da, eq. (10) and (11).

    g_a(Z) = (1/2n) Σ_i [ μ_i(Z[:, i], a) + μ_i(Z[i, :], a) ], where
    μ_i(z, a) = z_i - Σ_j softmax_j(a z) z_j.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.
    a : float
        Inverse temperature on Z, in the parallel model β(1-γ²).

    Returns
    -------
    float
        Positive when every pair is matched.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix or `a` not a finite number, or Z or aZ has
        entries above 4e307/n in size.

    Examples
    --------
    For Z = αI it is α(n-1)/(n-1+e^{aα}), to the last digits even when that is e⁻⁴⁰:

    >>> bool(np.isclose(g(np.eye(4), 40.0), 3 / (3 + np.exp(40.0)), rtol=1e-14, atol=0))
    True
    """
    a = validate_number("a", a)
    return float(pull(_validate_logits("Z", Z, a), a))


def best_temperature(Z: ArrayLike) -> float:
    """The temperature at which the loss of these similarities is least.

    ℓ(βZ) is convex in β, with the slope -g_β(Z), so that its minimum is the zero of g.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.

    Returns
    -------
    float
        τ; 0 where the loss falls for ever as τ does, as where all pairs match, and infinite where
        matching pairs are no more similar than others in the mean.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix, or has entries above 4e307/n in size.

    Examples
    --------
    Two pairs, of which one is mismatched by as much as the other is matched:

    >>> best_temperature(np.array([[1.0, 0.0], [1.0, 0.0]])), best_temperature(np.eye(2))
    (inf, 0.0)
    """
    Z = _validate_logits("Z", Z)
    scale = float(np.abs(Z).max())
    if scale == 0:
        return np.inf
    unit = Z / scale
    if pull(unit, 0.0) <= TIE:
        return np.inf
    high = 1.0
    while pull(unit, high) > -TIE:
        if high >= SHARPEST:
            return 0.0
        high *= 4
    low = high / 4 if high > 1 else 0.0
    return scale / float(brentq(lambda a: pull(unit, a), low, high, rtol=1e-10))


def at_temperature(Z: ArrayLike, tau: float) -> float:
    """Loss of Z/τ, also at what `best_temperature` may return: its limits as τ → 0 and τ → ∞.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.
    tau : float
        τ ≥ 0.

    Returns
    -------
    float
        In nats; ln n as τ → ∞, and at τ = 0 the loss at the largest |Z|/τ that is tried, 1e8.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix, or τ is negative or no number.
    """
    Z = _validate_logits("Z", Z)
    if isinstance(tau, float) and tau == np.inf:
        return float(np.log(len(Z)))
    if (tau := validate_number("tau", tau)) < 0:
        raise ValueError(f"tau must not be negative, got {tau}")
    scale = float(np.abs(Z).max())
    return loss(Z / max(tau, scale / SHARPEST)) if scale else float(np.log(len(Z)))
