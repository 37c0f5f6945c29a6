"""How long the gap takes to close: the exact frozen solution, in log t (theory 3.3).

With Z = αI the pull is g(a) = α(n-1)/(n-1+e^{aα}), β is a function of γ by Lemma 3.1, and (11) is
one equation, dγ/dt = -2βγ g(β(1-γ²)). Its solution is an integral: with x = log(γ₀/γ),
t = ∫₀ˣ dx / (2β g). Times like e^{1000} are ordinary, so everything here works with log t.
`theorem_3_2.Setting` puts it to use.

References
----------
.. [1] L. N. Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule",
   SIAM Review 56, 2014.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import lambertw

from gapdyn.types import Array

NODES, STEP = np.linspace(-140, 40, 721, retstep=True)
"""The trapezoidal rule in w, from where x' = 1e-35 to where x - x' is e^-40 of x."""
BEFORE, SHARES = np.logaddexp(0.0, -NODES), STEP / (1 + np.exp(NODES))
"""How far v is before its end, log(1+e^-w), and the weights dv."""
BLOCK = 256
"""Number of heights at a time, each with its own nodes."""
FIRST, LAST = -40.0, 57.0
"""Values of v between which γ₀e^-x is not γ₀ and is a float64: x = 2e-18 and x = 746."""
RESOLUTION = 2e-14
"""To which v is found, about the rounding of a number as large as `LAST`."""
Curve = Callable[[Array], Array]


def log_pull(a: Array, n: float, alpha: float) -> Array:
    """Log g(a) of the cross-entropy at Z = αI with n pairs."""
    with np.errstate(over="ignore"):
        log_g: Array = np.log(alpha) - np.logaddexp(0.0, alpha * a - np.log(n - 1))
    return log_g


def pull(a: float, n: float, alpha: float) -> float:
    """g(a) of the cross-entropy at Z = αI with n pairs, for one number a."""
    return float(np.exp(log_pull(np.asarray(a), n, alpha)))


def speed_limit(n: float) -> float:
    """W₀((n-1)/e), W₀ the Lambert function: the largest a g_a(Z) of any Z (theory 4.6)."""
    return float(lambertw((n - 1) / np.e).real)


def critical_scale(n: float) -> float:
    """1 + W₀((n-1)/e): the aα at which a g(a) of Z = αI is largest, which is the speed limit.

    It is also the least aα from which on no row with a lead of α is pulled harder (theory 3.3).
    """
    return 1 + speed_limit(n)


# The integral


def log_slowness(x: Array, log_beta: Array, *, gamma0: float, n: float, alpha: float) -> Array:
    """Log dt/dx at γ = γ₀ e^-x, x ≥ 0: -log(2β g).

    Parameters
    ----------
    x, log_beta : arrays of one shape
        Places, and log β there.
    gamma0, n, alpha : float
        The height at x = 0, the number of pairs and the margin.
    """
    gamma, below = gamma0 * np.exp(-x), (1 - gamma0) - gamma0 * np.expm1(-x)  # γ and 1 - γ
    log_beta = np.minimum(log_beta, np.finfo(float).max)
    with np.errstate(over="ignore"):
        scaled = np.exp(np.log(alpha) + log_beta + np.log(below) + np.log1p(gamma))  # aα
    slowness: Array = np.logaddexp(0.0, scaled - np.log(n - 1)) - np.log(2 * alpha) - log_beta
    return slowness


def log_time(x: Array, slowness: Curve) -> Array:
    """Log of the time at which γ = γ₀ e^-x: -inf at x = 0, inf where log t is no float64.

    Parameters
    ----------
    x : array
        From 0 to 746, where any height has left float64.
    slowness : callable
        Log dt/dx as a function of an array of x.
    """
    blocks = [x.ravel()[k : k + BLOCK] for k in range(0, x.size, BLOCK)]
    times = [_log_time(block, slowness) for block in blocks]
    return np.concatenate([np.empty(0), *times]).reshape(x.shape)


def _log_time(x: Array, slowness: Curve) -> Array:
    """One block of `log_time`, by the trapezoidal rule [1]_ in w: x' = `_length`(v - log(1+e^-w)).

    The nodes crowd geometrically towards both ends, since the integrand falls off like
    e^{-slope·distance} from either. In between they are 1/8 apart where γ² = γ₀²e^-2x' changes, and
    x'/40 apart where γ² is negligible. So one rule serves for every slope.
    """
    length = np.where(x > 0, x, 1.0)
    end = _place(length)
    at, whole = end[:, None] - BEFORE, _length(end)[:, None]
    # Scaled to end at x itself, which `_length` of the rounded end may miss.
    terms = slowness(length[:, None] * (_length(at) / whole))
    top = terms.max(axis=1)
    shift = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(over="ignore"):
        weighted = _speed(at) / whole * SHARES * np.exp(terms - shift[:, None])
    return np.where(x > 0, np.log(length) + shift + np.log(weighted.sum(axis=1)), -np.inf)


def _length(v: Array) -> Array:
    """x = 5 sinh(log(1+e^v)/10): e^v/2 up to 1, then v/2, and a multiple of e^{v/10} from 10 on."""
    x: Array = 5 * np.sinh(np.logaddexp(0.0, v) / 10)
    return x


def _speed(v: Array) -> Array:
    """dx/dv."""
    speed: Array = np.cosh(np.logaddexp(0.0, v) / 10) / (1 + np.exp(-v)) / 2
    return speed


def _place(x: Array) -> Array:
    """The v at which `_length` is x."""
    s: Array = 10 * np.arcsinh(x / 5)
    return s + np.log(-np.expm1(-s))


# Its inverse


def log_ratio_at(log_t: Array, slowness: Curve) -> Array:
    """The inverse of `log_time`: x = log(γ₀/γ) at log t, 0 if below 2e-18, infinite beyond 746.

    The unknown is v of `_length`, of which log t, or 1 + log log t above 1, is nearly a straight
    line for small and for large x. The bracket of `_root` holds it.
    """
    least, most = log_time(_length(np.array([FIRST, LAST])), slowness)
    goal = np.clip(log_t, least, most)

    def surplus(v: Array) -> Array:
        return _straight_difference(log_time(_length(v), slowness), goal)

    x = np.where(log_t > most, np.inf, _length(_root(surplus, goal.shape)))
    return np.where(log_t <= least, 0.0, x)


def _straight_difference(log_t: Array, goal: Array) -> Array:
    """Difference of two log t, or of 1 + log log t above 1; a difference of logarithms if both."""
    log_t, goal = (np.minimum(a, np.finfo(float).max) for a in (log_t, goal))
    high, high_goal = np.maximum(log_t, 1.0), np.maximum(goal, 1.0)
    return np.log(high / high_goal) + np.minimum(log_t, 1.0) - np.minimum(goal, 1.0)


def _root(surplus: Curve, shape: tuple[int, ...]) -> Array:
    """Where increasing functions are 0 between `FIRST` and `LAST`, for many at once.

    Guesses are by bisection and by regula falsi in turn. The latter goes too far by about its
    error, so that the root is soon on either side: some twenty guesses, and 105 at the most.
    """
    low, high = np.full(shape, FIRST), np.full(shape, LAST)
    below, above = surplus(low), surplus(high)
    bisect = False
    while (going := high - low > RESOLUTION).any():
        middle, width = (low + high) / 2, high - low
        falsi = low + width * np.clip(-below / np.where(above > below, above - below, 1), 0, 1)
        too_far = np.minimum(width**2 / 2 + RESOLUTION / 4, np.abs(middle - falsi))
        guess = middle if bisect else falsi + np.sign(middle - falsi) * too_far
        value, bisect = surplus(guess), not bisect
        left, right = going & (value <= 0), going & (value > 0)
        low, below = np.where(left, guess, low), np.where(left, value, below)
        high, above = np.where(right, guess, high), np.where(right, value, above)
    root: Array = (low + high) / 2
    return root
