"""Appendix C: how fast γ closes under other temperature schemes, one function per scheme.

Each function gives the γ(t) to which a scheme leads at late times, in the paper's scalar model, or
with `n` and `alpha` for the cross-entropy at frozen Z = αI. Everything follows from two facts:
dγ/dt = -2βγ g, and, where β is learned, log γ = log γ₀ - γ₀²/2 + 2P(β₀) - 2P(β) as γ → 0
(Lemma 3.1). Where the paper prints a rate, `printed=True` gives that rate instead. As γ → 0
`optimal_temperature` is the fastest fixed temperature; `best_schedule` is the fastest law of all.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Section 4.1 and Appendix C.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import IntegrationWarning, quad

from gapdyn.temperature import (
    Exponential,
    Fixed,
    Learned,
    Linear,
    Schedule,
    Scheduled,
    Softplus,
)
from gapdyn.theory import _checks, closing, potential, theorem_3_2
from gapdyn.types import Array
from gapdyn.validate import (
    shown,
    validate_bool,
    validate_numbers,
    validate_positive,
    validate_temperature,
)

Speed = Callable[[float], float]
MOST_BREAKS = 1e4
"""The most multiples of a schedule's `max_step` at which its integral is divided."""


def constant(
    t: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    n: float | None = None,
    alpha: float | None = None,
    printed: bool = False,
) -> Array:
    """Fixed temperature: γ = Θ(exp(-2β₀ g(β₀) t)), where g(β₀) = e^{-β₀} in the scalar model.

    The paper prints exp(-β₀e^{-β₀}t) (p. 20), without the 2 of dγ/dt = -2βγ g. See theory 2.6.

    Parameters
    ----------
    t : float or array
        Times ≥ 0.
    beta0, gamma0 : float
        β₀ > 0 and γ₀ in (0, 1).
    n, alpha : optional
        Number of pairs, at least 2, and margin, in (0, 2], of the cross-entropy at Z = αI. Without
        them it is the scalar model.
    printed : bool
        Whether to give the rate that the paper prints for the scalar model.

    Returns
    -------
    float64 array of the shape of `t`
        γ₀ times the exponential.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, one of `n` and `alpha` is missing, or a printed rate is
        asked for where there is none.
    """
    t, beta0 = _checks.validate_times(t), validate_positive("beta0", beta0)
    gamma0, (speed, _) = _checks.validate_open_height("gamma0", gamma0), _loss(n, alpha, printed)
    with np.errstate(over="ignore"):
        return _checks.unwrap(gamma0 * np.exp(-(1 if printed else 2) * speed(beta0) * t))


def schedule(
    t: ArrayLike,
    *,
    beta: Callable[[float], float] | Schedule | Fixed,
    gamma0: float,
    breaks: Sequence[float] = (),
    n: float | None = None,
    alpha: float | None = None,
    printed: bool = False,
) -> Array:
    """Any bounded schedule: γ = Θ(exp(-2 ∫₀ᵗ β g(β) ds)), g(β) = e^{-β} in the scalar model.

    The paper prints exp(-∫₀ᵗ βe^{-β} ds) (p. 20), without the 2. See theory 2.6.

    Parameters
    ----------
    t, gamma0, n, alpha, printed
        As in `constant`.
    beta : Schedule, Fixed or callable
        A bounded schedule of gapdyn, whose `breaks` and `max_step` are respected, or a bounded
        function β(t) > 0.
    breaks : sequence of float
        Times at which β(t) is not smooth, and times inside every feature that is short beside t,
        such as the period of a cosine. Adaptive quadrature between two breaks may overlook a much
        shorter feature without a warning.

    Returns
    -------
    float64 array of the shape of `t`

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, one of `n` and `alpha` is missing, a printed rate is asked
        for where there is none, or `beta` is neither a schedule nor a function; also if the
        quadrature does not converge, because it needs `breaks`.
    """
    t, gamma0 = _checks.validate_times(t), _checks.validate_open_height("gamma0", gamma0)
    speed, _ = _loss(n, alpha, printed)
    last, breaks = t.max(initial=0.0), validate_numbers("breaks", breaks)
    if isinstance(beta, Schedule | Fixed):
        breaks, beta = (*breaks, *_breaks_of(beta, last)), partial(beta.beta, nu=0.0)
    if not callable(beta):
        raise TypeError(f"beta must be a schedule or a function of time, got {shown(beta)}")

    def rate(s: float) -> float:
        return speed(validate_positive("beta(t)", beta(s)))

    inner = np.array(breaks)
    ends = np.unique(np.concatenate([[0.0], t.ravel(), inner[(inner > 0) & (inner < last)]]))
    parts = [_integral(rate, a, b) for a, b in pairwise(ends)]
    total = np.concatenate([[0.0], np.cumsum(parts)])[np.searchsorted(ends, t)]
    with np.errstate(over="ignore"):
        return _checks.unwrap(gamma0 * np.exp(-(1 if printed else 2) * total))


def _breaks_of(schedule: Schedule | Fixed, last: float) -> list[float]:
    """The breaks of a schedule, and the multiples of its longest step up to a last time."""
    most = min(last / schedule.max_step, MOST_BREAKS)
    return [*schedule.breaks, *(schedule.max_step * k for k in range(1, int(most) + 1))]


def linear_schedule(
    horizon: ArrayLike,
    *,
    beta0: float,
    beta1: float,
    gamma0: float,
    n: float | None = None,
    alpha: float | None = None,
    printed: bool = False,
) -> Array:
    """β linear in time from β₀ to β₁: at the end of the schedule γ = Θ(exp(-2ct)) (theory 2.6).

    In the scalar model c = [(β₀+1)e^{-β₀} - (β₁+1)e^{-β₁}]/(β₁-β₀). The paper prints exp(-ct).

    Parameters
    ----------
    horizon : float or array
        Time t > 0 at which the schedule ends, the t of the formula.
    beta0, beta1 : float
        β at its start and end, positive; where equal this is `constant`.
    gamma0, n, alpha, printed
        As in `constant`.

    Returns
    -------
    float64 array of the shape of `horizon`

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, one of `n` and `alpha` is missing, or a printed rate is
        asked for where there is none.
    """
    horizon = _checks.validate_times(horizon, "horizon")
    gamma0 = _checks.validate_open_height("gamma0", gamma0)
    beta0, beta1 = validate_positive("beta0", beta0), validate_positive("beta1", beta1)
    speed, (margin, others) = _loss(n, alpha, printed)
    # c is the mean of β g(β) between β₀ and β₁. That function has its peak at 1/τ*.
    low, high = sorted((beta0, beta1))
    with np.errstate(over="ignore"):
        peaks = closing.critical_scale(others + 1) / np.float64(margin) * 2.0 ** np.arange(-3, 8)
    ends = np.unique([low, high, *peaks[(peaks > low) & (peaks < high)]])
    area = sum(_integral(speed, a, b) for a, b in pairwise(ends))
    c = area / (high - low) if high > low else speed(low)
    with np.errstate(over="ignore"):
        return _checks.unwrap(gamma0 * np.exp(-(1 if printed else 2) * c * horizon))


def linear(
    t: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    rate: float = 1.0,
    n: float | None = None,
    alpha: float | None = None,
    printed: bool = False,
) -> Array:
    """β = ν with rate η: γ ~ γ₀ exp(-γ₀²/2 + (β₀² - β²)/η), β = log(ηα²(n-1)t)/α (theory 2.7).

    In the scalar model β = log(ηt), so with η = 1, γ t^{log t} → γ₀ exp(β₀² - γ₀²/2): the
    Θ(t^{-log t}) that the paper prints (p. 19) is right. With the cross-entropy the exponent of t
    depends on α and η.

    Parameters
    ----------
    t, beta0, gamma0, n, alpha, printed
        As in `constant`.
    rate : float
        Learning rate η > 0 of ν.

    Returns
    -------
    float64 array of the shape of `t`
        The ratio of γ(t) to it tends to 1; NaN while that β is below β₀. The printed rate is
        t^{-log t}, NaN where t ≤ 1.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, one of `n` and `alpha` is missing, or a printed rate is
        asked for where there is none.
    """
    return _learned(Learned(Linear(), rate), t, beta0, gamma0, n, alpha, printed)


def softplus(
    t: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    rate: float = 1.0,
    n: float | None = None,
    alpha: float | None = None,
) -> Array:
    """β = log(1+e^ν) with rate η: as `linear`, with 2F(β₀) for β₀², F' = β/(1-e^-β)² (theory 2.7).

    Parameters
    ----------
    t, beta0, gamma0, rate, n, alpha
        As in `linear`.

    Returns
    -------
    float64 array of the shape of `t`
        The ratio of γ(t) to it tends to 1; NaN while that β is below β₀.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or one of `n` and `alpha` is missing.
    """
    return _learned(Learned(Softplus(), rate), t, beta0, gamma0, n, alpha, False)


def exponential(
    t: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    scale: float = 1.0,
    rate: float = 1.0,
    n: float | None = None,
    alpha: float | None = None,
) -> Array:
    """β = exp(ν/s) with rate η: γ ~ (αC/log t)^{2/κ}, κ = η/s², C = β₀γ₀^{κ/2}e^{-κγ₀²/4}.

    CLIP is κ = 1, and the paper's TR with s = 2 is κ = 1/4. In the scalar model α = 1 and n = 2.
    For log t stands b with e^b/b² = κ(n-1)t, which is far nearer: the formula is
    `theorem_3_2.Setting.asymptote`. See theory 3.3 and 4.6.

    Parameters
    ----------
    t, beta0, gamma0, n, alpha
        As in `constant`.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float64 array of the shape of `t`
        The ratio of γ(t) to it tends to 1 like 1/log²t, for κ > 2 like (log t)^{-4/κ}; NaN where
        κ(n-1)t < e²/4.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or one of `n` and `alpha` is missing.
    """
    _, (margin, others) = _loss(n, alpha, False)
    temperature = Learned(Exponential(scale), rate)
    return theorem_3_2.Setting(others + 1, margin, gamma0, beta0, temperature).asymptote(t)


def slrt(
    t: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    rate: float = 0.1,
    n: float | None = None,
    alpha: float | None = None,
) -> Array:
    """SLRT, β = exp ν with a small rate η: `exponential` with κ = η, so TR with s = 1/√η exactly.

    Under Adam [1]_, whose steps do not depend on the scale of a gradient, a scale s corresponds to
    η = 1/s instead.

    Parameters
    ----------
    t, beta0, gamma0, n, alpha
        As in `exponential`.
    rate : float
        η > 0, 0.1 in the paper.

    Returns
    -------
    float64 array of the shape of `t`
        The ratio of γ(t) to it tends to 1; NaN where κ(n-1)t < e²/4.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or one of `n` and `alpha` is missing.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    """
    return exponential(t, beta0=beta0, gamma0=gamma0, rate=rate, n=n, alpha=alpha)


def optimal_temperature(*, n: float, alpha: float) -> float:
    """The fixed τ at which γ closes fastest at late times: τ* = α/(1 + W₀((n-1)/e)).

    At frozen Z = αI, γ decays at the rate 2βα(n-1)/(n-1+e^{βα}) as γ → 0 (`decay_rate`); W₀ is the
    Lambert function [1]_ (theory 3.5).

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    alpha : float
        Margin, in (0, 2].

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    References
    ----------
    .. [1] R. M. Corless, G. H. Gonnet, D. E. G. Hare, D. J. Jeffrey and D. E. Knuth, "On the
       Lambert W function", Advances in Computational Mathematics 5, 1996.

    Examples
    --------
    >>> round(optimal_temperature(n=1024, alpha=1.0), 3)
    0.184
    """
    n, alpha = _checks.validate_pair_count(n), _checks.validate_margin("alpha", alpha)
    return alpha / closing.critical_scale(n)


def best_schedule(*, n: float, alpha: float, gamma0: float) -> Scheduled:
    """The temperature law under which γ closes fastest: β(t) = (1+W)/(α(1-γ(t)²)) at Z = αI.

    W = W₀((n-1)/e) is `theorem_3_2.speed_limit`. Then a g is W at all times, the most that any rows
    allow, and γ(t) is `theorem_3_2.least_height`: no law of β, learned or scheduled, and no rows
    give a smaller γ at any time (theory 4.6). τ rises from α(1-γ₀²)/(1+W) to the τ* of
    `optimal_temperature` as γ → 0.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    alpha : float
        Margin, in (0, 2].
    gamma0 : float
        γ₀ in (0, 1).

    Returns
    -------
    Scheduled
        τ(t), for a model of any kind.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> best = best_schedule(n=4, alpha=1.0, gamma0=0.9)
    >>> [round(best.tau(t), 3) for t in (0.0, 1.0, 10.0)]
    [0.118, 0.603, 0.624]
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    return Scheduled(partial(_best_tau, n=n, alpha=alpha, gamma0=gamma0))


def _best_tau(t: float, *, n: float, alpha: float, gamma0: float) -> float:
    """The τ at which a = (1+W)/α, along the least height."""
    height = float(theorem_3_2.least_height(t, n=n, gamma0=gamma0))
    return optimal_temperature(n=n, alpha=alpha) * (1 - height) * (1 + height)


def decay_rate(tau: float, *, n: float, alpha: float) -> float:
    """-d log γ/dt as γ → 0 at fixed τ and frozen Z = αI: 2βα(n-1)/(n-1+e^{βα}), β = 1/τ.

    Theory 3.5.

    Parameters
    ----------
    tau : float
        τ > 0.
    n, alpha
        As in `optimal_temperature`.

    Returns
    -------
    float
        Per unit of time; at most 2W₀((n-1)/e), at τ*.

    Raises
    ------
    TypeError, ValueError
        If τ is not positive, n below 2 or α outside (0, 2].
    """
    n, alpha = _checks.validate_pair_count(n), _checks.validate_margin("alpha", alpha)
    beta = 1 / validate_temperature("tau", tau)
    return 2 * (beta * closing.pull(beta, n, alpha))


def _integral(rate: Speed, start: float, end: float) -> float:
    """∫ rate by adaptive quadrature, accurate to 1e-9 of itself, else an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)
        value, error = quad(rate, start, end, epsabs=1e-300, epsrel=1e-11, limit=500)[:2]
    if error > 1e-9 * abs(value) + 1e-290:
        raise ValueError(
            f"the integral of β g(β) over {start:g} to {end:g} does not converge: give breaks"
        )
    return float(value)


def _loss(n: float | None, alpha: float | None, printed: bool) -> tuple[Speed, tuple[float, float]]:
    """β g(β) as a function of β, and the α and n-1 of the tail α(n-1)e^{-aα} of g."""
    if (n is None) != (alpha is None):
        raise ValueError("n and alpha must be given together, or neither for the scalar model")
    if validate_bool("printed", printed) and n is not None:
        raise ValueError("printed rates are for the scalar model: leave out n and alpha")
    if n is None or alpha is None:
        return lambda beta: beta * float(np.exp(-beta)), (1.0, 1.0)
    pairs, margin = _checks.validate_pair_count(n), _checks.validate_margin("alpha", alpha)
    return lambda beta: beta * closing.pull(beta, pairs, margin), (margin, pairs - 1)


def _learned(
    temperature: Learned,
    t: ArrayLike,
    beta0: float,
    gamma0: float,
    n: float | None,
    alpha: float | None,
    printed: bool,
) -> Array:
    """β = ν and softplus: β ~ log(ηα²(n-1)t)/α, and P(β) - β²/2η → 0."""
    t, gamma0 = _checks.validate_times(t), _checks.validate_open_height("gamma0", gamma0)
    _, (margin, others) = _loss(n, alpha, printed)
    beta0 = validate_positive("beta0", beta0)
    start = potential.potential(beta0, temperature=temperature)
    rate = temperature.rate
    if printed and rate != 1:
        raise ValueError(f"printed rates are for a rate of 1, got rate = {rate}")
    with np.errstate(divide="ignore", over="ignore"):
        if printed:
            late = np.where(t > 1, t, np.nan)
            return _checks.unwrap(np.exp(-(np.log(late) ** 2)))
        rise = np.log(rate) + 2 * np.log(margin) + np.log(others)
        beta = (rise + np.log(t)) / margin
    late = np.where(beta >= beta0, beta, np.nan)  # β only grows
    with np.errstate(over="ignore"):
        return _checks.unwrap(gamma0 * np.exp(2 * start - late**2 / rate - gamma0**2 / 2))
