"""Theorem 3.2: with β = exp ν and matched pairs, γ closes no faster, and no slower, than 1/log²t.

The route of the proof, each step a function here: Lemma B.1 bounds the pull of a pair by that of
Z = αI; with (6) this makes the frozen Z = αI the fastest possible case (`exact`); bounding its
equation from below and above and integrating gives `lower_bound` and `upper_bound`. C stands for
β₀√γ₀ e^{-γ₀²/4}, which by (6) is the same at all times.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.flow import Trajectory
from gapdyn.models import FrozenModel, ParallelModel
from gapdyn.temperature import Learned
from gapdyn.theory import _checks, closing, lemma_3_1
from gapdyn.theory.closing import Curve, closing_log_time, closing_time, exact
from gapdyn.theory.potential import validate_scheme
from gapdyn.types import Array
from gapdyn.validate import validate_count, validate_number, validate_positive

__all__ = [
    "Hypothesis",
    "asymptote",
    "closing_log_time",
    "closing_time",
    "conserved",
    "constants",
    "exact",
    "hypotheses",
    "lower_bound",
    "mu",
    "mu_bound",
    "printed_bound",
    "sharp_threshold",
    "threshold",
    "upper_bound",
]

# Lemma B.1


def mu(z: ArrayLike, i: int, a: float) -> float:
    """μ_i(z, a) = z_i - Σ_j softmax_j(az) z_j, eq. (10), as a sum of differences.

    Lemma B.1(a): if z_i ≥ max z, then μ_i(z, a) ≥ 0 for every a.

    Parameters
    ----------
    z : (n,) array
        A row or a column of Z, n ≥ 2.
    i : int
        Its own pair.
    a : float
        β(1-γ²).

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `z` is not a finite vector of at least two, `i` no index of it, or `a` not finite.

    Examples
    --------
    >>> mu([1.0, 0.0], 0, 0.0)
    0.5
    """
    row = _row(z, i)
    scaled = validate_number("a", a) * row
    weights = np.exp(scaled - scaled.max())
    return float(weights @ (row[i] - row) / weights.sum())


def mu_bound(z: ArrayLike, i: int, a: float, *, alpha: float) -> float:
    """μ_i(α(e_i - 1), a) = α(n-1)/(n-1+e^{aα}), which bounds μ_i(z, a) by Lemma B.1(b).

    Parameters
    ----------
    z, i, a
        As in `mu`.
    alpha : float
        A margin: z_i - max over j ≠ i of z_j ≥ α > 0.

    Returns
    -------
    float
        At least `mu(z, i, a)`.

    Raises
    ------
    TypeError, ValueError
        As `mu`; also if a hypothesis fails: the margin, or a ≥ log(4n-4)/α.
    """
    row = _row(z, i)
    alpha, a, n = _checks.validate_margin("alpha", alpha), validate_number("a", a), row.size
    lead = row[i] - np.delete(row, i).max()
    if lead < alpha * (1 - _checks.SLACK):
        raise ValueError(f"z must lead by the margin alpha = {alpha} at i = {i}, it does by {lead}")
    least = np.log(4 * (n - 1)) / alpha
    if a < least * (1 - _checks.SLACK):
        raise ValueError(f"a must be at least log(4(n-1))/α = {least}, got {a}")
    return closing.pull(a, n, alpha)


def _row(z: ArrayLike, i: int) -> Array:
    """A checked row with an index in it."""
    row = _checks.validate_numbers("z", z)
    if row.ndim != 1 or row.size < 2 or not np.isfinite(row).all():
        raise ValueError(f"z must be a finite vector of at least two similarities, got {z!r}")
    if validate_count("i", i, least=0) >= row.size:
        raise ValueError(f"i must be an index of z, below {row.size}, got {i}")
    return row


# The theorem


def threshold(*, n: float, alpha: float, gamma0: float) -> float:
    """Least β₀ that Theorem 3.2 allows: log(4(n-1)) / (α(1-γ₀²)).

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    alpha : float
        Least margin, α(Z(t)) ≥ α for all t, in (0, 2]; rows on a sphere reach n/(n-1) at most.
    gamma0 : float
        γ₀ in (0, 1).

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> round(threshold(n=4, alpha=1.0, gamma0=0.1), 6)
    2.510007
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    return float(np.log(4 * (n - 1)) / (alpha * (1 - gamma0**2)))


def sharp_threshold(*, n: float, alpha: float, gamma0: float) -> float:
    """Least β₀ from which on Z = αI pulls hardest: (1 + W₀((n-1)/e)) / (α(1-γ₀²)) (theory 3.3).

    Lemma B.1(b) holds exactly when aα ≥ 1 + W₀((n-1)/e), W₀ the Lambert function, that is when the
    effective temperature 1/a is at most `appendix_c.optimal_temperature`. It is below `threshold`.
    For Theorem 3.2 it is enough, and not needed: below it Z = αI is no longer the fastest path,
    but γ still closes no faster than 1/log²t up to a constant.

    Parameters
    ----------
    n, alpha, gamma0
        As in `threshold`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> round(sharp_threshold(n=4, alpha=1.0, gamma0=0.1), 6)
    1.619743
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    return closing.critical_scale(n) / (alpha * (1 - gamma0**2))


def constants(*, n: float, alpha: float, gamma0: float, beta0: float) -> tuple[float, float]:
    """c₁ = 2α(n-1)β₀√γ₀ and c₂ = αβ₀√γ₀(1-γ₀²)e^{-γ₀²/4} of the proof: dγ/dt ≥ -c₁√γ e^{-c₂/√γ}.

    Parameters
    ----------
    n, alpha, gamma0
        As in `threshold`.
    beta0 : float
        β₀ > 0.

    Returns
    -------
    c1, c2 : float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    root = validate_positive("beta0", beta0) * np.sqrt(gamma0)
    c1 = 2 * alpha * (n - 1) * root
    return float(c1), float(alpha * root * (1 - gamma0**2) * np.exp(-(gamma0**2) / 4))


def printed_bound(t: ArrayLike, *, n: float, alpha: float, gamma0: float, beta0: float) -> Array:
    """The last line of the proof as printed: γ(t) ≥ c₂ / log(c₃t + e^{c₄/√γ₀})². It is false.

    c₁ and c₂ are `constants`, c₃ = 55c₁/2, c₄ = c₂ - 1/10. Integrating
    dω/dt = c₃e^{-c₄ω} gives c₄² for c₂ and c₃c₄ for c₃ (`symbolic.theorem_3_2_integral`): at n = 4,
    α = 1, γ₀ = 0.1 and β₀ at the threshold this says γ(0) ≥ 0.168.

    Parameters
    ----------
    t : float or array
        Times ≥ 0.
    n, alpha, gamma0
        As in `threshold`.
    beta0 : float
        β₀ > 0. Below `threshold` a UserWarning says so.

    Returns
    -------
    float64 array of the shape of `t`

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    t, beta0 = _checks.validate_times(t), validate_positive("beta0", beta0)
    least = threshold(n=n, alpha=alpha, gamma0=gamma0)
    if beta0 < least * (1 - _checks.SLACK):
        warnings.warn(f"beta0 = {beta0} is below the threshold {least:.6g}", stacklevel=2)
    c1, c2 = constants(n=n, alpha=alpha, gamma0=gamma0, beta0=beta0)
    with np.errstate(divide="ignore"):
        inside = np.logaddexp(np.log(55 / 2 * c1) + np.log(t), (c2 - 0.1) / np.sqrt(gamma0))
        return _checks.unwrap(c2 / inside**2)


def lower_bound(t: ArrayLike, *, n: float, alpha: float, gamma0: float, beta0: float) -> Array:
    """Theorem 3.2 as proved: γ(t) ≥ [c₄ / log(c₃c₄t + e^{c₄/√γ₀})]², with the best ε for each t.

    c₁, c₂ as printed; for any ε in (0, c₂), ω²e^{-εω} ≤ 4/(e²ε²), so c₃ = 2c₁/(e²ε²) and c₄ = c₂-ε.
    It is γ₀ at t = 0, positive at all times, hence never vacuous. The sharp bound is `exact`.

    Parameters
    ----------
    t, n, alpha, gamma0
        As in `printed_bound`.
    beta0 : float
        β₀ ≥ `threshold(n, alpha, gamma0)`.

    Returns
    -------
    float64 array of the shape of `t`

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range or β₀ below the threshold.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    t, beta0 = _checks.validate_times(t), validate_positive("beta0", beta0)
    least = threshold(n=n, alpha=alpha, gamma0=gamma0)
    if beta0 < least * (1 - _checks.SLACK):
        raise ValueError(
            f"beta0 must be at least log(4(n-1))/(α(1-γ₀²)) = {least:.12g}, got {beta0}"
        )
    c1, c2 = constants(n=n, alpha=alpha, gamma0=gamma0, beta0=beta0)
    with np.errstate(divide="ignore"):
        log_t = np.log(t)

    def omega(logit: Array) -> Array:
        """The bound on ω = 1/√γ when ε = c₂/(1+e^-logit)."""
        epsilon, c4 = c2 / (1 + np.exp(-logit)), c2 / (1 + np.exp(logit))
        log_c3 = np.log(2 * c1) - 2 - 2 * np.log(epsilon)
        inside: Array = np.logaddexp(log_c3 + np.log(c4) + log_t, c4 / np.sqrt(gamma0))
        return inside / c4

    return _checks.unwrap(
        omega(_least(omega, np.full(t.shape, -30.0), np.full(t.shape, 30.0))) ** -2
    )


def upper_bound(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    alpha_max: float | None = None,
) -> Array:
    """The other side: γ(t) ≤ [q / log(e^{q/√γ₀} + (kq/γ₀)t)]² while α ≤ α(Z(t)) ≤ A (theory 3.3).

    q = AC, k = αC/4n: one pair stands at the margin, and 1 - p ≥ e^{-aA}/(1+e^{-aA}) for it. No
    threshold is needed. It is γ₀ at t = 0 and falls from there, hence never vacuous.

    Parameters
    ----------
    t, n, alpha, gamma0, beta0
        As in `printed_bound`, without a threshold.
    alpha_max : float, optional
        A, the largest margin that Z(t) attains, in [alpha, 2]. By default `alpha`: the margin stays
        at α, as with frozen Z = αI. Where nothing is known of it, n/(n-1) always holds.

    Returns
    -------
    float64 array of the shape of `t`

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    t, beta0 = _checks.validate_times(t), validate_positive("beta0", beta0)
    most = alpha if alpha_max is None else _checks.validate_margin("alpha_max", alpha_max)
    if most < alpha:
        raise ValueError(f"alpha_max must be at least alpha = {alpha}, got {alpha_max}")
    c = conserved(gamma0=gamma0, beta0=beta0)
    q, k = most * c, alpha * c / (4 * n)
    with np.errstate(divide="ignore"):
        log_rate = np.log(k) + np.log(q) - np.log(gamma0)
        inside = np.logaddexp(q / np.sqrt(gamma0), log_rate + np.log(t))
    return _checks.unwrap((q / inside) ** 2)


def conserved(*, gamma0: float, beta0: float, scale: float = 1.0, rate: float = 1.0) -> float:
    """C = β γ^{κ/2} e^{-κγ²/4}, the same at all times by (6); κ = η/s², 1 in the paper.

    Parameters
    ----------
    gamma0, beta0 : float
        γ and β at any one time.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If γ₀ is outside (0, 1) or β₀, s or η not positive.
    """
    log_c = lemma_3_1.log_conserved(gamma0=gamma0, beta0=beta0, scale=scale, rate=rate)
    return float(np.exp(log_c))


def asymptote(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    scale: float = 1.0,
    rate: float = 1.0,
) -> Array:
    """The sharp constant: γ log²t → (αC)² when the margin tends to α, C = β₀√γ₀e^{-γ₀²/4}.

    With β = exp(ν/s) and rate η: γ ~ (αC/log t)^{2/κ}, κ = η/s², C = β₀γ₀^{κ/2}e^{-κγ₀²/4}.

    Parameters
    ----------
    t, n, alpha, gamma0, beta0
        As in `upper_bound`; the number of pairs drops out.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float64 array of the shape of `t`
        NaN where t ≤ 1: it is a statement on late times.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    t, kappa = _checks.validate_times(t), validate_scheme("exponential", scale, rate).kappa
    log_c = lemma_3_1.log_conserved(gamma0=gamma0, beta0=beta0, scale=scale, rate=rate)
    log_log_t = np.log(np.log(np.where(t > 1, t, np.nan)))
    with np.errstate(over="ignore"):
        return _checks.unwrap(np.exp(2 / kappa * (np.log(alpha) + log_c - log_log_t)))


# The hypotheses, on a run


class Hypothesis(NamedTuple):
    """One hypothesis of Theorem 3.2 on one trajectory.

    Attributes
    ----------
    name : str
        What is asked.
    holds : bool
        Whether it holds as the theorem needs it: from t = 0 on.
    shortfall : float
        By how much it fails at worst, in the unit of what is asked; 0 where it holds, 1e-300 where
        a height has reached 0 or 1 itself.
    since : float
        First of t = 0 and the stored times from which on it holds, so that the theorem may be
        started there; infinite if it does not hold at the last one. β₀ is asked at the start alone,
        and may hold there though β falls below the threshold later.
    """

    name: str
    holds: bool
    shortfall: float
    since: float


def hypotheses(trajectory: Trajectory, alpha: float) -> tuple[Hypothesis, ...]:
    """Check the hypotheses of Theorem 3.2 on a run: at t = 0 and at the stored times.

    Parameters
    ----------
    trajectory : Trajectory
        Of a tied ParallelModel or a FrozenModel.
    alpha : float
        The margin that is claimed, in (0, 2].

    Returns
    -------
    tuple of Hypothesis
        β = exp ν with rate 1; 0 < γ < 1; α(Z(t)) ≥ α; β ≥ log(4(n-1))/(α(1-γ²)), asked at the
        time at which the theorem is started.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or was loaded without one or without its start, or α
        is out of range.
    """
    model = _checks.validate_trajectory(trajectory).model
    alpha = _checks.validate_margin("alpha", alpha)
    if isinstance(model, ParallelModel) and model.tied:
        n = model.n
    elif isinstance(model, FrozenModel):
        n = len(model.Z)
    else:
        raise ValueError(f"trajectory must be of a tied parallel or a frozen model, got {model}")
    t, gamma, beta, margin = _from_the_start(trajectory)
    as_in_paper = model.temperature == Learned()  # β = exp ν, rate 1, no ceiling
    inside = (gamma > 0) & (gamma < 1)
    with np.errstate(divide="ignore"):
        least = np.log(4 * (n - 1)) / (alpha * np.maximum(1 - gamma**2, 0.0))
    slack = margin - alpha * (1 - _checks.SLACK)
    always = {
        "β = exp ν, ν with rate 1 and no ceiling": np.full(t.shape, 0.0 if as_in_paper else np.inf),
        # At 0 and 1 themselves it fails by nothing, which has to count.
        "0 < γ < 1": np.where(inside, 0.0, np.maximum(np.maximum(-gamma, gamma - 1), 1e-300)),
        "α(Z(t)) ≥ α": np.maximum(-slack, 0.0),
    }
    found = []
    for name, shortfall in always.items():
        most = float(shortfall.max())
        found.append(Hypothesis(name, most == 0, most, _since(shortfall, t)))
    short = np.maximum(least * (1 - _checks.SLACK) - beta, 0.0)
    name = "β₀ ≥ log(4(n-1))/(α(1-γ₀²))"
    return (*found, Hypothesis(name, bool(short[0] == 0), float(short[0]), _since(short, t)))


def _from_the_start(trajectory: Trajectory) -> tuple[Array, ...]:
    """Times, γ, β and margin of a run, with those at t = 0 in front where it is no output time."""
    names = ("t", "gamma", "beta", "margin")
    stored = tuple(getattr(trajectory, name) for name in names)
    if trajectory.t[0] == 0:
        return stored
    if trajectory.start is None or trajectory.model is None:
        raise ValueError(
            f"trajectory must hold the state at t = 0, where the theorem begins, its first time is "
            f"{trajectory.t[0]:g}: run it again"
        )
    first = trajectory.model.observe(0.0, trajectory.start)
    before = (0.0, first.gamma, first.beta, first.margin)
    return tuple(np.insert(values, 0, value) for values, value in zip(stored, before, strict=True))


def _since(shortfall: Array, t: Array) -> float:
    """First time from which on nothing is short."""
    fails = np.flatnonzero(shortfall > 0)
    return float(np.append(t, np.inf)[fails[-1] + 1 if fails.size else 0])


def _least(function: Curve, left: Array, right: Array) -> Array:
    """Where a quasiconvex function of one number is least, for many at once: golden sections."""
    share = (np.sqrt(5) - 1) / 2
    for _ in range(90):
        a, b = right - share * (right - left), left + share * (right - left)
        better = function(a) <= function(b)
        left, right = np.where(better, left, a), np.where(better, b, right)
    return (left + right) / 2
