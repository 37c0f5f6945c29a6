"""Theorem 3.2: with β = exp ν and matched pairs, γ closes no faster, and no slower, than 1/log²t.

The steps of the proof are functions here. Lemma B.1 bounds the pull of a pair by that of Z = αI
(`mu_bound`). With (6) this makes the frozen Z = αI the fastest possible case (`Setting.exact`).
Bounding its equation from below and above and integrating gives `Setting.lower_bound` and
`Setting.upper_bound`. C stands for β₀√γ₀ e^{-γ₀²/4}, which by (6) is the same at all times.

No rows at all are pulled harder than `speed_limit` allows. So γ has a least height under any
temperature (`least_height`), and an infimum for every β₀ (`Setting.infimum`).

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Theorem 3.2 and Appendix B.3.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.temperature import Learned
from gapdyn.theory import _checks, bounds, closing, extremal, lemma_3_1
from gapdyn.theory.extremal import least_height, speed_limit
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
    "infimum",
    "least_height",
    "lower_bound",
    "mu",
    "mu_bound",
    "printed_bound",
    "sharp_threshold",
    "speed_limit",
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
    is below `threshold`. Below it Z = αI is no longer the fastest path, which is that of `infimum`,
    and γ still closes no faster than 1/log²t up to a constant.

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
        β(ν) and the rate η of ν, without ceiling or floor. The bounds and `asymptote` are about
        β = exp(ν/s), and `printed_bound` about β = exp ν with rate 1 alone; `exact` and `infimum`
        take any.

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
    def speed_limit(self) -> float:
        """W₀((n-1)/e), the largest a g_a(Z) of any Z."""
        return closing.speed_limit(self.n)

    @property
    def constants(self) -> tuple[float, float]:
        """c₁ = 2α(n-1)β₀√γ₀ and c₂ = αβ₀√γ₀(1-γ₀²)e^{-γ₀²/4}: dγ/dt ≥ -c₁√γ e^{-c₂/√γ}.

        For β = exp(ν/s) in general, with κ = η/s² and r = γ₀^{κ/2}, c₁ = 2κα(n-1)β₀r and c₂ =
        αβ₀r(1-γ₀²)e^{-κγ₀²/4}, and ω = γ^{-κ/2} has dω/dt ≤ ½c₁ω²e^{-c₂ω}. Theory 1.5 and 4.6.

        Raises
        ------
        ValueError
            If the temperature is not β = exp(ν/s), or c₁ is no float64.
        """
        kappa = _checks.validate_kappa(self.temperature)
        (c1, c2), root = self._relative_constants(kappa), self.gamma0 ** (kappa / 2)
        return float(_checks.computed("c₁", lambda: c1 * root)), c2 * root

    def _relative_constants(self, kappa: float) -> tuple[float, float]:
        """c₁/r and c₂/r, those of y = rω, which is 1 at the start."""
        c1 = _checks.computed("c₁", lambda: 2 * kappa * self.alpha * (self.n - 1) * self.beta0)
        c2 = self.alpha * self.beta0 * (1 - self.gamma0**2) * np.exp(-kappa * self.gamma0**2 / 4)
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
        self._validate_paper()
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
        c₄ = c₂-ε, and for each t the best ε is taken. For β = exp(ν/s) in general, with κ = η/s²
        and r = γ₀^{κ/2}, γ(t) ≥ [c₄ / log(c₃c₄t + e^{c₄/r})]^{2/κ} (theory 4.6). The bound is γ₀ at
        t = 0 and positive at all times, hence never vacuous. The sharp bound is `exact`.

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
            If a time is negative or infinite, the temperature is not β = exp(ν/s), or β₀ is below
            the threshold.
        """
        t, kappa = _checks.validate_times(t), _checks.validate_kappa(self.temperature)
        if self._below_threshold:
            raise ValueError(
                f"beta0 must be at least log(4(n-1))/(α(1-γ₀²)) = {self.threshold:.12g}, "
                f"got {self.beta0}"
            )
        constants = self._relative_constants(kappa)
        return self._bound(lambda: bounds.lower(np.log(t), *constants), kappa)

    def upper_bound(self, t: ArrayLike, alpha_max: float | None = None) -> Array:
        """The other side: γ(t) ≤ [q / log(e^{q/√γ₀} + (kq/γ₀)t)]² while α ≤ α(Z(t)) ≤ A.

        q = AC, k = αC/4n (theory 3.3): at least one row or column has a margin of at most A, whose
        pull is at least αe^{-aA}/(1+e^{-aA}). For β = exp(ν/s) in general, with r = γ₀^{κ/2},
        γ(t) ≤ [q / log(e^{q/r} + kqγ₀^{-κ}t)]^{2/κ}, where k = καC/4n and q = ACB, B the largest
        e^{κγ²/4}(1-γ²) over γ ≤ γ₀, which is 1 for κ ≤ 4 (theory 4.6). No threshold is needed. The
        bound is γ₀ at t = 0 and falls from there, hence never vacuous.

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
            If a time is negative or infinite, the temperature is not β = exp(ν/s), or A is out of
            range.
        """
        t, kappa = _checks.validate_times(t), _checks.validate_kappa(self.temperature)
        most = self.alpha if alpha_max is None else _checks.validate_margin("alpha_max", alpha_max)
        if most < self.alpha:
            raise ValueError(f"alpha_max must be at least alpha = {self.alpha}, got {alpha_max}")
        log_c = np.log(self.beta0) - kappa * self.gamma0**2 / 4  # C/r
        log_k = np.log(kappa * self.alpha) - np.log(4 * self.n) + log_c
        log_q = np.log(most) + np.log(self.beta0) + bounds.log_bend(self.gamma0, kappa)
        return self._bound(lambda: bounds.upper(np.log(t), log_k, log_q), kappa)

    def _bound(self, log_y: Callable[[], Array], kappa: float) -> Array:
        """γ = γ₀y^{-2/κ}."""
        return _checks.computed("the bound", lambda: self.gamma0 * np.exp(-2 / kappa * log_y()))

    def asymptote(self, t: ArrayLike) -> Array:
        """γ at late times, (αC/b)² with b = -2W₋₁(-½((n-1)t)^{-1/2}), C = β₀√γ₀e^{-γ₀²/4}.

        For β = exp(ν/s) in general, with κ = η/s² and C of `conserved`, it is (αC/b)^{2/κ} with
        b = -2W₋₁(-½(κ(n-1)t)^{-1/2}); W₋₁ is the lower branch of the Lambert function, and b ≥ 2
        solves e^b/b² = κ(n-1)t. At frozen Z = αI its relative error is O(1/b²), for κ > 2
        O(b^{-4/κ}) (theory 4.6). If the margin tends to α, the ratio of γ to it tends to 1:
        γ log²t → (αC)². At times beyond float64 `exact` gives γ itself.

        Parameters
        ----------
        t : float or array
            Times ≥ 0.

        Returns
        -------
        float64 array of the shape of `t`
            NaN where κ(n-1)t < e²/4, at which there is no such b. It may exceed γ₀ at early times:
            it is a statement on late ones.

        Raises
        ------
        TypeError, ValueError
            If a time is negative or infinite, the temperature is not β = exp(ν/s), or a value is
            no float64.
        """
        t, kappa = _checks.validate_times(t), _checks.validate_kappa(self.temperature)
        log_c = lemma_3_1.log_conserved(
            gamma0=self.gamma0, beta0=self.beta0, temperature=self.temperature
        )
        with np.errstate(divide="ignore"):
            log_b = np.log(bounds.late_scale(np.log(kappa) + np.log(self.n - 1) + np.log(t)))
        late, gamma = ~np.isnan(log_b), np.full(log_b.shape, np.nan)
        log_ac = np.log(self.alpha) + log_c
        gamma[late] = _checks.computed(
            "the asymptote", lambda: np.exp(2 / kappa * (log_ac - log_b[late]))
        )
        return _checks.unwrap(gamma)

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
        margin close faster at first: see `infimum`.

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
        x = closing.log_ratio_at(_validate_log_times(log_t), self._log_slowness)
        return _checks.unwrap(extremal.falling_from(self.gamma0, x))

    def least_height(self, t: ArrayLike) -> Array:
        """The least γ(t) under any law of β and any rows; see the function `least_height`."""
        return least_height(t, n=self.n, gamma0=self.gamma0)

    def infimum(self, log_t: ArrayLike) -> Array:
        """The least γ at the time whose natural log is `log_t`, for any β₀ (theory 4.6).

        It is the solution of γ' = -2βγ ĝ(a), with ĝ(a) = W/a for aα ≤ 1 + W and
        α(n-1)/(n-1+e^{aα}) above, W = `speed_limit`. No path Z(t) of margins ≥ α closes γ faster,
        and Z = mI with m = max(α, (1+W)/a) attains it. Unit rows have no margin above n/(n-1), and
        attain it (up to a constant shift of Z) where β₀(1-γ₀²) ≥ (1+W)(n-1)/n. From
        `sharp_threshold` on it is `exact`.

        Parameters
        ----------
        log_t : float or array
            log t, any real number or -inf.

        Returns
        -------
        float64 array of the shape of `log_t`
            Heights in (0, γ₀], or 0 where below float64, as accurate as `exact`.

        Raises
        ------
        TypeError, ValueError
            If log t is NaN or infinite, or `sharp_threshold` is no float64.
        """
        goal = _validate_log_times(log_t)
        n, alpha, gamma0 = self.n, self.alpha, self.gamma0
        least = sharp_threshold(n=n, alpha=alpha, gamma0=gamma0)
        if self.beta0 >= least * (1 - _checks.SLACK):
            return self.exact(goal)
        x = extremal.handover(self._log_beta, n=n, alpha=alpha, gamma0=gamma0)
        first, reached = extremal.height(goal, n=n, gamma0=gamma0), gamma0 * np.exp(-x)
        if reached == 0:
            return _checks.unwrap(first)
        start = extremal.log_time(x, n=n, gamma0=gamma0)
        beta = _checks.computed("β", lambda: np.exp(self._log_beta(np.asarray(x))))
        late = goal > start
        with np.errstate(divide="ignore", invalid="ignore"):  # log(t - t₀)
            left = goal + np.log(-np.expm1(np.where(late, start - goal, -1.0)))
        later = replace(self, gamma0=reached, beta0=float(beta)).exact(left)
        return _checks.unwrap(np.where(late, later, first))

    def _log_beta(self, x: Array) -> Array:
        """Log β at γ = γ₀ e^-x, by Lemma 3.1."""
        return lemma_3_1.log_beta_at(
            x, beta0=self.beta0, gamma0=self.gamma0, temperature=self.temperature
        )

    def _log_slowness(self, x: Array) -> Array:
        """Log dt/dx at γ = γ₀ e^-x, where g(a) is that of Z = αI."""
        return closing.log_slowness(
            x, self._log_beta(x), gamma0=self.gamma0, n=self.n, alpha=self.alpha
        )

    @property
    def _below_threshold(self) -> bool:
        """Whether β₀ is too small for the theorem."""
        return self.beta0 < self.threshold * (1 - _checks.SLACK)

    def _validate_paper(self) -> None:
        """β = exp ν with rate 1."""
        if self.temperature != _checks.PAPER:
            raise ValueError(
                "temperature must be β = exp ν with rate 1, about which the printed bound is, "
                f"got {self.temperature}"
            )


def _validate_log_times(log_t: ArrayLike) -> Array:
    """Logs of times, -inf for t = 0."""
    goal = _checks.validate_numbers("log_t", log_t)
    if np.isposinf(goal).any():
        raise ValueError("log_t must be finite or -inf: γ reaches 0 at no time")
    return goal


# Functions of the numbers of a setting, each of which raises what its method raises.


def constants(
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> tuple[float, float]:
    """c₁ and c₂ of the proof, `Setting.constants`; ValueError if a number is out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).constants


def printed_bound(t: ArrayLike, *, n: float, alpha: float, gamma0: float, beta0: float) -> Array:
    """The false last line of the proof, `Setting.printed_bound`, with its errors and warning."""
    return Setting(n, alpha, gamma0, beta0)._printed_bound(t)


def lower_bound(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """Theorem 3.2 as proved, `Setting.lower_bound`; ValueError if a hypothesis fails."""
    return Setting(n, alpha, gamma0, beta0, temperature).lower_bound(t)


def upper_bound(
    t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    alpha_max: float | None = None,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """The other side of Theorem 3.2, `Setting.upper_bound`; ValueError if a hypothesis fails."""
    return Setting(n, alpha, gamma0, beta0, temperature).upper_bound(t, alpha_max)


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


def infimum(
    log_t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    temperature: Learned = _checks.PAPER,
) -> Array:
    """The least γ of any path at a time, `Setting.infimum`; ValueError if out of range."""
    return Setting(n, alpha, gamma0, beta0, temperature).infimum(log_t)
