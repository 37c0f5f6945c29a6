"""The Bessel ratio A_d(a) and the moment generating function M(a) of which Theorem 3.3 is made.

Let z be one coordinate of a uniform point of S^{d-1} (Lemma B.2) and M(a) = E e^{az} (Lemma B.3).
I_ρ(a) itself overflows or underflows at the sizes that matter, so nothing here forms it: all is
built from the ratio of two neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.theory import _checks
from gapdyn.types import Array
from gapdyn.validate import shown

NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)


def A(a: ArrayLike, d: ArrayLike) -> Array:
    """A_d(a) = I_{d/2}(a)/I_{d/2-1}(a) = M'(a)/M(a), the limit in eq. (9) of [1]_.

    It is the mean resultant length of a von Mises-Fisher law of concentration a on S^{d-1} [2]_.

    Parameters
    ----------
    a : float or array
        Concentration, any real number up to ±1e150; in Theorem 3.3 β₀(1-γ₀²).
    d : int or array of them, broadcast with `a`
        Dimension, from 2 to 1e150.

    Returns
    -------
    float64 array of the common shape
        Odd in a, in [-1, 1], to a few units in the last place; to 1e-14 for |a| from 1e4 to 2e5.

    Raises
    ------
    TypeError, ValueError
        If `a` is not real, d is below 2, or either is beyond 1e150.

    References
    ----------
    .. [1] Yaras et al. 2025, Theorem 3.3.
    .. [2] K. V. Mardia and P. E. Jupp, "Directional Statistics", Wiley, 2000.

    Examples
    --------
    >>> round(float(A(13.0, 3)), 15)  # coth a - 1/a
    0.923076923087141
    """
    a, d = _checks.broadcast(a=_real(a), d=_dimensions(d))
    return _checks.unwrap(_ratio(a, d))


def _ratio(a: Array, d: Array) -> Array:
    """The recurrence r_k = a/(2k + a r_{k+1}) of r_k = I_k(a)/I_{k-1}(a), downward from a large k.

    It starts from `_ratio_alone`, whose error is damped by e^{-m²/a} over m steps; all terms are
    positive. Beyond a = 2e5 no steps are needed.
    """
    a, sign = np.abs(a), np.sign(a)
    near = np.minimum(a, 2e5)
    needed = near * np.maximum(36 - 3 * np.log(np.maximum(near, 1.0)), 0.0)
    steps = 20 + int(np.sqrt(needed.max(initial=0.0)))
    r = _ratio_alone(near, d / 2 + steps)
    for k in range(steps - 1, -1, -1):
        r = near / (d + 2 * k + near * r)
    return sign * np.where(a > near, _ratio_alone(a, d / 2), r)


def _ratio_alone(a: Array, k: Array) -> Array:
    """I_k(a)/I_{k-1}(a) to a relative error of about 1/10a³, or less where k is not of order a.

    As a function of a the ratio satisfies r' = 1 - r² - 2μr/a, μ = k - ½ [1]_. Its root at r' = 0
    is r₀ = a/(μ + √(μ² + a²)), that at r' = r₀' = μr₀/(a√(μ² + a²)) is r₁, and this is its root at
    r' = r₁'.

    References
    ----------
    .. [1] D. E. Amos, "Computation of modified Bessel functions and their ratios", Mathematics of
       Computation 28, 1974.
    """
    mu = k - 0.5
    root = np.hypot(mu, a)
    rest = 1 - mu / root / (mu + root)  # 1 - r₀'
    side = np.hypot(mu, a * np.sqrt(rest))  # r₁ = a rest/(mu + side)
    bend = mu / root * (a / (mu + root)) ** 2 * ((2 + mu / root) / root)  # -r₀''
    rest = 1 - (bend + 2 * (mu / (mu + side)) * rest) / (2 * side)  # 1 - r₁'
    ratio: Array = a * rest / (mu + np.hypot(mu, a * np.sqrt(rest)))
    return ratio


def log_mgf(a: ArrayLike, d: ArrayLike) -> Array:
    """Log M(a), M(a) = E e^{az} = Γ(d/2)(2/a)^ρ I_ρ(a) = ₀F₁(; d/2; a²/4), ρ = (d-2)/2.

    M is ξ₂ of Lemma B.3. Since (log M)' = A_d, log M is the integral of A_d from 0 to a, here by
    Gauss-Legendre quadrature in u, where a = c sinh u: a sum of positive terms, so that small a
    keep their digits.

    Parameters
    ----------
    a, d
        As in `A`.

    Returns
    -------
    float64 array of the common shape
        Even in a; to about 1e-13 of itself for d and |a| up to 1e12.

    Raises
    ------
    TypeError, ValueError
        If `a` is not real, d is below 2, or either is beyond 1e150.

    Examples
    --------
    >>> bool(np.isclose(log_mgf(1e-8, 2), 2.5e-17, rtol=1e-14, atol=0))  # a²/2d
    True
    """
    a, d = _checks.broadcast(a=_real(a), d=_dimensions(d))
    width = d / 2 + 1.0  # the nearest poles of A_d are zeros of I_ρ, on the imaginary axis
    end = np.arcsinh(np.abs(a) / width)[..., None]
    u = end * (NODES + 1) / 2
    terms = _ratio(width[..., None] * np.sinh(u), np.broadcast_to(d[..., None], u.shape))
    terms *= np.cosh(u)
    return _checks.unwrap(width * end[..., 0] / 2 * (terms @ WEIGHTS))


def mgf_ratios(a: ArrayLike, d: ArrayLike) -> tuple[Array, Array]:
    """M'(a)/M(a) and M''(a)/M(a), the first two moments of z under the weight e^{az}.

    M'/M = A_d(a), and I_{k-1} - I_{k+1} = (2k/a) I_k gives M''/M = A_d(a)/a + A_d(a) A_{d+2}(a).
    That is a sum of positive terms, whereas 1 - (d-1) A_d(a)/a loses digits. At a = 0 they are 0
    and 1/d.

    Parameters
    ----------
    a, d
        As in `A`.

    Returns
    -------
    first, second : float64 arrays of the common shape

    Raises
    ------
    TypeError, ValueError
        If `a` is not real, d is below 2, or either is beyond 1e150.
    """
    a, d = _checks.broadcast(a=_real(a), d=_dimensions(d))
    first, higher = _ratio(a, d), _ratio(a, d + 2)
    # A_d(a)/a = 1/(d + a A_{d+2}(a)) has no division by a.
    second = 1 / (d + a * higher) + first * higher
    return _checks.unwrap(first), _checks.unwrap(second)


def _real(a: ArrayLike) -> Array:
    """Finite concentrations."""
    array = _checks.validate_finite("a", a)
    if (np.abs(array) > _checks.LARGEST).any():
        raise ValueError(f"a must be at most {_checks.LARGEST}, got {shown(a)}")
    return array


def _dimensions(d: ArrayLike) -> Array:
    """Whole dimensions of at least 2."""
    array = _checks.validate_numbers("d", d)
    if not (np.isfinite(array) & (array >= 2) & (array == np.floor(array))).all():
        raise ValueError(f"d must be a whole number of at least 2 dimensions, got {shown(d)}")
    if (array > _checks.LARGEST).any():
        raise ValueError(f"d must be at most {_checks.LARGEST}, got {shown(d)}")
    return array
