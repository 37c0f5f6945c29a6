"""Theorem 3.2: with β = exp ν and matched pairs, γ closes no faster, and no slower, than 1/log²t.

The steps of the proof are functions here. Lemma B.1 bounds the pull of a pair by that of Z = αI
(`mu_bound`). With (6) this makes the frozen Z = αI the fastest possible case (`Setting.exact`).
Bounding its equation from below and above and integrating gives `Setting.lower_bound` and
`Setting.upper_bound`. C stands for β₀√γ₀ e^{-γ₀²/4}, which by (6) is the same at all times.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Theorem 3.2 and Appendix B.3.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.temperature import Learned
from gapdyn.theory import _checks, closing, lemma_3_1
from gapdyn.theory.closing import Curve
from gapdyn.theory.hypotheses import Hypothesis, hypotheses
from gapdyn.theory.lemma_b_1 import mu, mu_bound
from gapdyn.types import Array
from gapdyn.validate import shown, validate_positive

__all__ = [
    "Hypothesis",
    "Setting",
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


def threshold(*, n: float, alpha: float, gamma0: float) -> float:
    """Least β₀ that Theorem 3.2 allows: log(4(n-1)) / (α(1-γ₀²)).

    Parameters
    ----------
    n, alpha, gamma0
        As in `Setting`.

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
    pairs = 4 * (n - 1)
    return float(_checks.computed("threshold", lambda: np.log(pairs) / (alpha * (1 - gamma0**2))))


def sharp_threshold(*, n: float, alpha: float, gamma0: float) -> float:
    """Least β₀ from which on no Z of margin α or more pulls harder than αI (theory 3.3).

    It is (1 + W₀((n-1)/e)) / (α(1-γ₀²)).

    Lemma B.1(b) holds exactly when aα ≥ 1 + W₀((n-1)/e), where W₀ is the Lambert function, that is
    when the effective temperature 1/a is at most `appendix_c.optimal_temperature`. This threshold
    is below `threshold`. It is sufficient for Theorem 3.2 and not necessary: below it Z = αI is no
    longer the fastest path, but γ still closes no faster than 1/log²t up to a constant.

    Parameters
    ----------
    n, alpha, gamma0
        As in `Setting`.

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
    scale = closing.critical_scale(n)
    return float(_checks.computed("threshold", lambda: scale / (alpha * (1 - gamma0**2))))


@dataclass(frozen=True)
class Setting:
    """The hypotheses of Theorem 3.2 of [1]_, checked once, with the theorem's bounds as methods.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    alpha : float
        Least margin, α(Z(t)) ≥ α for all t, in (0, 2]; rows on a sphere reach n/(n-1) at most.
    gamma0 : float
        γ₀ in (0, 1).
    beta0 : float
        β₀ > 0. Only `lower_bound` needs that it reaches `threshold`.
    temperature : Learned
        β(ν) and the rate η of ν, without a ceiling. The three bounds are about β = exp ν with
        rate 1, and `asymptote` is about β = exp(ν/s); the exact solution takes any.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or the temperature is not learned or has a ceiling.

    References
    ----------
    .. [1] Yaras et al. 2025, Theorem 3.2 and Appendix B.3.

    Examples
    --------
    >>> setting = Setting(n=4, alpha=1.0, gamma0=0.1, beta0=np.log(12) / 0.99)
    >>> round(float(setting.closing_time(0.01)), 3)
    20.846
    """

    n: float
    alpha: float
    gamma0: float
    beta0: float
    temperature: Learned = _checks.PAPER

    def __post_init__(self) -> None:
        setting = _checks.validate_setting(self.n, self.alpha, self.gamma0)
        numbers = (*setting, validate_positive("beta0", self.beta0))
        for name, value in zip(("n", "alpha", "gamma0", "beta0"), numbers, strict=True):
            object.__setattr__(self, name, value)
        _checks.validate_learned(self.temperature)

    @property
    def threshold(self) -> float:
        """Least β₀ that Theorem 3.2 allows, log(4(n-1)) / (α(1-γ₀²))."""
        return threshold(n=self.n, alpha=self.alpha, gamma0=self.gamma0)

    @property
    def conserved(self) -> float:
        """C = β γ^{κ/2} e^{-κγ²/4}, which is the same at all times for β = exp(ν/s)."""
        return conserved(gamma0=self.gamma0, beta0=self.beta0, temperature=self.temperature)

    @property
    def constants(self) -> tuple[float, float]:
        """c₁ = 2α(n-1)β₀√γ₀ and c₂ = αβ₀√γ₀(1-γ₀²)e^{-γ₀²/4}: dγ/dt ≥ -c₁√γ e^{-c₂/√γ}.

        Theory 1.5.

        Raises
        ------
        ValueError
            If the temperature is not the paper's, or c₁ is no float64.
        """
        self._validate_paper()
        root = self.beta0 * np.sqrt(self.gamma0)
        c1 = _checks.computed("c₁", lambda: 2 * self.alpha * (self.n - 1) * root)
        c2 = self.alpha * root * (1 - self.gamma0**2) * np.exp(-(self.gamma0**2) / 4)
        return float(c1), float(c2)

    def printed_bound(self, t: ArrayLike) -> Array:
        """The last line of the proof as printed: γ(t) ≥ c₂ / log(c₃t + e^{c₄/√γ₀})². It is false.

        c₁ and c₂ are `constants`, c₃ = 55c₁/2, c₄ = c₂ - 1/10. Integrating dω/dt = c₃e^{-c₄ω} gives
        c₄² for c₂ and c₃c₄ for c₃ (`symbolic.theorem_3_2_integral`): at n = 4, α = 1, γ₀ = 0.1 and
        β₀ at the threshold this says γ(0) ≥ 0.168. See theory 2.1.

        Parameters
        ----------
        t : float or array
            Times ≥ 0.

        Returns
        -------
        float64 array of the shape of `t`

        Raises
        ------
        TypeError, ValueError
            If a time is negative or infinite, or the temperature is not the paper's.

        Warns
        -----
        UserWarning
            If β₀ is below the threshold.
        """
        return self._printed_bound(t)

    def _printed_bound(self, t: ArrayLike) -> Array:
        """`printed_bound`; its warning is for whoever called the caller."""
        t, (c1, c2) = _checks.validate_times(t), self.constants
        if self._below_threshold:
            text = f"beta0 = {self.beta0} is below the threshold {self.threshold:.6g}"
            warnings.warn(text, stacklevel=3)

        def bound() -> Array:
            late = np.log(55 / 2 * c1) + np.log(t)
            inside: Array = np.logaddexp(late, (c2 - 0.1) / np.sqrt(self.gamma0))
            return c2 / inside / inside

        return _checks.computed("the bound", bound)

    def lower_bound(self, t: ArrayLike) -> Array:
        """Theorem 3.2 as proved: γ(t) ≥ [c₄ / log(c₃c₄t + e^{c₄/√γ₀})]² (theory 2.1).

        c₁ and c₂ are as printed; for any ε in (0, c₂), ω²e^{-εω} ≤ 4/(e²ε²), so c₃ = 2c₁/(e²ε²) and
        c₄ = c₂-ε, and for each t the best ε is taken. The bound is γ₀ at t = 0 and positive at all
        times, hence never vacuous. The sharp bound is `exact`.

        Parameters
        ----------
        t : float or array
            Times ≥ 0.

        Returns
        -------
        float64 array of the shape of `t`

        Raises
        ------
        TypeError, ValueError
            If a time is negative or infinite, the temperature is not the paper's, or β₀ is below
            the threshold.
        """
        t, (c1, c2) = _checks.validate_times(t), self.constants
        if self._below_threshold:
            raise ValueError(
                f"beta0 must be at least log(4(n-1))/(α(1-γ₀²)) = {self.threshold:.12g}, "
                f"got {self.beta0}"
            )
        with np.errstate(divide="ignore"):
            log_t = np.log(t)

        def omega(logit: Array) -> Array:
            """The bound on ω = 1/√γ when ε = c₂/(1+e^-logit)."""
            epsilon, c4 = c2 / (1 + np.exp(-logit)), c2 / (1 + np.exp(logit))
            log_c3 = np.log(2 * c1) - 2 - 2 * np.log(epsilon)
            late: Array = np.logaddexp(log_c3 + np.log(c4) + log_t, c4 / np.sqrt(self.gamma0))
            return late / c4

        def bound() -> Array:
            best = _least(omega, np.full(t.shape, -30.0), np.full(t.shape, 30.0))
            return omega(best) ** -2

        return _checks.computed("the bound", bound)

    def upper_bound(self, t: ArrayLike, alpha_max: float | None = None) -> Array:
        """The other side: γ(t) ≤ [q / log(e^{q/√γ₀} + (kq/γ₀)t)]² while α ≤ α(Z(t)) ≤ A.

        q = AC, k = αC/4n (theory 3.3): at least one row or column has a margin of at most A, whose
        pull is at least αe^{-aA}/(1+e^{-aA}). No threshold is needed. The bound is γ₀ at t = 0 and
        falls from there, hence never vacuous.

        Parameters
        ----------
        t : float or array
            Times ≥ 0.
        alpha_max : float, optional
            A, the largest margin that Z(t) attains, in [alpha, 2]. By default `alpha`: the margin
            stays at α, as with frozen Z = αI. Where nothing is known of it, n/(n-1) always holds.

        Returns
        -------
        float64 array of the shape of `t`

        Raises
        ------
        TypeError, ValueError
            If a time is negative or infinite, the temperature is not the paper's, or A is out of
            range.
        """
        self._validate_paper()
        t, c = _checks.validate_times(t), self.conserved
        most = self.alpha if alpha_max is None else _checks.validate_margin("alpha_max", alpha_max)
        if most < self.alpha:
            raise ValueError(f"alpha_max must be at least alpha = {self.alpha}, got {alpha_max}")
        q, k = most * c, self.alpha * c / (4 * self.n)

        def bound() -> Array:
            late = np.log(k) + np.log(q) - np.log(self.gamma0) + np.log(t)
            inside: Array = np.logaddexp(q / np.sqrt(self.gamma0), late)
            return (q / inside) ** 2

        return _checks.computed("the bound", bound)

    def asymptote(self, t: ArrayLike) -> Array:
        """The sharp constant: γ log²t → (αC)² when the margin tends to α, C = β₀√γ₀e^{-γ₀²/4}.

        For β = exp(ν/s) in general γ ~ (αC/log t)^{2/κ}, κ = η/s², where C is `conserved`. The
        number of pairs drops out. See theory 3.3.

        Parameters
        ----------
        t : float or array
            Times ≥ 0.

        Returns
        -------
        float64 array of the shape of `t`
            NaN where t ≤ 1: it is a statement on late times.

        Raises
        ------
        TypeError, ValueError
            If a time is negative or infinite, or the temperature is not β = exp(ν/s).
        """
        t, kappa = _checks.validate_times(t), _checks.validate_kappa(self.temperature)
        log_c = lemma_3_1.log_conserved(
            gamma0=self.gamma0, beta0=self.beta0, temperature=self.temperature
        )
        log_log_t = np.log(np.log(np.where(t > 1, t, np.nan)))
        with np.errstate(over="ignore"):
            return _checks.unwrap(np.exp(2 / kappa * (np.log(self.alpha) + log_c - log_log_t)))

    def closing_log_time(self, gamma: ArrayLike) -> Array:
        """Natural log of the time at which the frozen model with Z = αI reaches γ (theory 3.3).

        t(γ) = ∫ dγ / (2β(γ)γ g(β(γ)(1-γ²))) from γ to γ₀, with β(γ) of Lemma 3.1 and
        g(a) = α(n-1)/(n-1+e^{aα}). No threshold on β₀ is needed.

        Parameters
        ----------
        gamma : float or array
            Heights in (0, γ₀].

        Returns
        -------
        float64 array of the shape of `gamma`
            log t, -inf at γ₀ and inf beyond float64, with an error of about 1e-14 (1 + log t).

        Raises
        ------
        TypeError, ValueError
            If γ is outside (0, γ₀].
        """
        heights = _checks.validate_open_heights("gamma", gamma)
        if (heights > self.gamma0).any():
            raise ValueError(
                f"gamma must be at most gamma0 = {self.gamma0}: it only falls, got {shown(gamma)}"
            )
        x = lemma_3_1.log_ratio(self.gamma0, heights)
        return _checks.unwrap(closing.log_time(x, self._log_slowness))

    def closing_time(self, gamma: ArrayLike) -> Array:
        """The time itself, infinite where it is no float64; see `closing_log_time`."""
        with np.errstate(over="ignore"):
            return _checks.unwrap(np.exp(self.closing_log_time(gamma)))

    def exact(self, log_t: ArrayLike) -> Array:
        """γ of the frozen model with Z = αI at the time whose natural log is `log_t` (theory 3.3).

        The inverse of `closing_log_time`, and the sharp form of Theorem 3.2: under its hypotheses,
        and already from `sharp_threshold` on, no path Z(t) closes γ faster (by Lemma B.1(b) and
        comparison of two scalar equations). Z = αI is such a path, for α ≤ n/(n-1) up to a constant
        shift of Z. Below `sharp_threshold` it is still the frozen solution, but rows of a larger
        margin close faster at first.

        Parameters
        ----------
        log_t : float or array
            log t, any real number or -inf; t = 1e500 is 500 log 10.

        Returns
        -------
        float64 array of the shape of `log_t`
            Heights in (0, γ₀], or 0 where below float64, to a relative accuracy of 1e-10. Only
            where log t itself hardly depends on γ does the rounding of log t leave fewer digits:
            while β₀ is far below 1/α, t is nearly constant until γ has brought β up to 1/α.

        Raises
        ------
        TypeError, ValueError
            If log t is NaN or infinite.
        """
        goal = _checks.validate_numbers("log_t", log_t)
        if np.isposinf(goal).any():
            raise ValueError("log_t must be finite or -inf: γ reaches 0 at no time")
        root = np.exp(-closing.log_ratio_at(goal, self._log_slowness) / 2)
        return _checks.unwrap(self.gamma0 * root * root)  # as e^-x may be no float64

    def _log_slowness(self, x: Array) -> Array:
        """Log dt/dx at γ = γ₀ e^-x, where β is by Lemma 3.1 and g(a) is that of Z = αI."""
        log_beta = lemma_3_1.log_beta_at(
            x, beta0=self.beta0, gamma0=self.gamma0, temperature=self.temperature
        )
        return closing.log_slowness(x, log_beta, gamma0=self.gamma0, n=self.n, alpha=self.alpha)

    @property
    def _below_threshold(self) -> bool:
        """Whether β₀ is too small for the theorem."""
        return self.beta0 < self.threshold * (1 - _checks.SLACK)

    def _validate_paper(self) -> None:
        """β = exp ν with rate 1."""
        if self.temperature != _checks.PAPER:
            raise ValueError(
                "temperature must be β = exp ν with rate 1, about which the bounds of Theorem 3.2 "
                f"are, got {self.temperature}"
            )


# Functions of the numbers of a setting, each of which raises what its method raises.


def constants(*, n: float, alpha: float, gamma0: float, beta0: float) -> tuple[float, float]:
    """c₁ and c₂ of the proof, `Setting.constants`; ValueError if a number is out of range."""
    return Setting(n, alpha, gamma0, beta0).constants


def printed_bound(t: ArrayLike, *, n: float, alpha: float, gamma0: float, beta0: float) -> Array:
    """The false last line of the proof, `Setting.printed_bound`, with its errors and warning."""
    return Setting(n, alpha, gamma0, beta0)._printed_bound(t)


def lower_bound(t: ArrayLike, *, n: float, alpha: float, gamma0: float, beta0: float) -> Array:
    """Theorem 3.2 as proved, `Setting.lower_bound`; ValueError if a hypothesis fails."""
    return Setting(n, alpha, gamma0, beta0).lower_bound(t)


def upper_bound(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    alpha_max: float | None = None,
) -> Array:
    """The other side of Theorem 3.2, `Setting.upper_bound`; ValueError if a hypothesis fails."""
    return Setting(n, alpha, gamma0, beta0).upper_bound(t, alpha_max)


def conserved(*, gamma0: float, beta0: float, temperature: Learned = _checks.PAPER) -> float:
    """C = β γ^{κ/2} e^{-κγ²/4}, the same at all times by (6); see `lemma_3_1.log_conserved`."""
    log_c = lemma_3_1.log_conserved(gamma0=gamma0, beta0=beta0, temperature=temperature)
    return float(_checks.computed("C", lambda: np.exp(log_c)))


def asymptote(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """γ at late times, `Setting.asymptote`; ValueError if a number is out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).asymptote(t)


def closing_log_time(
    gamma: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """Log of the time to reach γ, `Setting.closing_log_time`; ValueError if out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).closing_log_time(gamma)


def closing_time(
    gamma: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """The time to reach γ, `Setting.closing_time`; ValueError if out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).closing_time(gamma)


def exact(
    log_t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """γ of the frozen model at a time, `Setting.exact`; ValueError if out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).exact(log_t)


def _least(function: Curve, left: Array, right: Array) -> Array:
    """Where a quasiconvex function of one number is least, for many at once: golden sections."""
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(90):  # 0.618⁹⁰ = 2e-19 of the interval is left
        a, b = right - golden * (right - left), left + golden * (right - left)
        better = function(a) <= function(b)
        left, right = np.where(better, left, a), np.where(better, b, right)
    return (left + right) / 2
