"""Theorem 3.3 by the variance, for the gap itself and in the free model (theory 4.7).

Independent uniform rows again. `variance_bound` is about dγ/dt in units of 2β₀γ₀, `gap_bound` about
dΔ/dt in units of 4β₀γ₀, `height_velocity` about free rows that are lifted to two heights. The
names are those of `theorem_3_3` too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize, minimize_scalar

from gapdyn import loss
from gapdyn.measures import COINCIDENT
from gapdyn.models import FreeModel
from gapdyn.theory import _checks
from gapdyn.theory._uniform import Bound, Law, law_at, middling_scale
from gapdyn.theory.gap_velocity import FORCE
from gapdyn.types import Array
from gapdyn.validate import shown, validate_number

LEVEL = 1e-12
"""The largest difference of heights that are one."""


def variance_bound(*, n: float, d: int, tau: float, gamma0: float, delta: float) -> Bound:
    """With probability 1-δ, (dγ/dt)/(2β₀γ₀) = -g_a(Z) is at least this; no union over rows.

    With A = A_d(a), w = M(2a)/M(a)² and v = E[(z-A)²e^{2az}]/M(a)², for every
    δ₁ + δ₂ + δ₃ + 2ne^{-n/8w} = δ the bound

        A - √(2 log(1/δ₃)/(nd)) - (1/n)[√(v(1-δ₂)/δ₂) + 2√(v(w-1))/δ₁]

    fails with probability at most δ (proof: theory 4.7); here it is that of the best δ₁, δ₂, δ₃.
    The mean of the n² terms (z_ij-A)e^{az_ij}/M has the variance v/n², since any two of them are
    uncorrelated, also of one row. So only the diagonal costs 1/√n.

    Parameters
    ----------
    n : int or float
        Number of pairs, at least 2, of any size.
    d : int
        Dimension of the rows before lifting, at least 2.
    tau : float
        τ₀ > 0.
    gamma0 : float
        γ₀ in (0, 1).
    delta : float
        Probability δ in (0, 1) that the bound fails.

    Returns
    -------
    Bound
        Where it would be less, or 2ne^{-n/8w} ≥ δ, -√(2 log(1/δ)/(nd)), which holds at any a since
        a softmax average is at least the plain one (theory 2.5).

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> round(variance_bound(n=2048, d=512, tau=0.07, gamma0=0.3, delta=0.05).value, 4)
    0.021
    """
    n, delta = _checks.validate_pair_count(n), _checks.validate_delta(delta)
    d = int(_checks.validate_dimension(d))
    law = law_at(middling_scale(tau, gamma0), d)
    return _bound(_least_pull(law, n, d, delta))


def gap_bound(*, n: float, d: int, tau: float, gamma0: float, delta: float) -> Bound:
    """With probability 1-δ, (dΔ/dt)/(4β₀γ₀) at t = 0 is at least this: Theorem 3.3 for the gap.

    With U = √(2/n) + 2√(log(1/δ')/(nd)), which ‖u‖ = ‖mean X - mean Y‖ exceeds with probability at
    most δ', and B > 0, the `variance_bound` of δ-δ', it is

        [2γ₀(1-U²/4)B - (3√3/8)(1-γ₀²)²U/(nγ₀)] / √(4γ₀² + (1-γ₀²)U²)

    where that is not negative (proof: theory 4.7), for the best δ'. The second term bounds what the
    motion of free rows of rate 1 does to ‖u‖. As n grows the bound tends to A_d(a), which is (9).

    Parameters
    ----------
    n, d, tau, gamma0, delta
        As in `variance_bound`.

    Returns
    -------
    Bound
        In units of 4β₀γ₀. Where the numerator is negative it is divided by 2γ₀, the least Δ₀, and
        where B is negative U² is left out of its factor.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or γ₀ so small that the bound is no float64.

    Examples
    --------
    >>> round(gap_bound(n=2048, d=512, tau=0.07, gamma0=0.3, delta=0.05).value, 4)
    0.0209
    """
    n, delta = _checks.validate_pair_count(n), _checks.validate_delta(delta)
    d, gamma = int(_checks.validate_dimension(d)), _checks.validate_open_height("gamma0", gamma0)
    law = law_at(middling_scale(tau, gamma0), d)

    def loss_of(log_share: float) -> float:
        """Minus the bound, at log(δ'/δ)."""
        pull = _least_pull(law, n, d, -delta * np.expm1(log_share))
        longest = _longest(n, d, -np.log(delta) - log_share)
        return -_gap_level(pull, longest, n, gamma)

    def best() -> float:
        return -float(minimize_scalar(loss_of, bounds=(-60.0, -1e-6), method="bounded").fun)

    return _bound(float(_checks.computed("the bound", best)))


def height_velocity(model: FreeModel, y: ArrayLike, t: float = 0.0) -> float:
    """d log(h_X-h_Y)/dt of free rows that are level along the last axis, exactly: (η_x a/n)(-g_a).

    Rows x_i = [√(1-h_X²) ξ_i, h_X] and y_j = [√(1-h_Y²) η_j, h_Y] have a = β√((1-h_X²)(1-h_Y²)) and
    g_a of the matrix ⟨ξ_i, η_j⟩. At ±γ₀, as (3) lifts them, a = β(1-γ₀²), so `variance_bound` is a
    bound on -g_a if the ξ_i and η_j are uniform. The gap is at least h_X-h_Y (proof: theory 4.7).

    Parameters
    ----------
    model : FreeModel
        Without a mixing.
    y : (N,) array
        A state whose rows X have one last coordinate h_X, and whose rows Y another one, h_Y.
    t : float
        Time, which matters to a schedule.

    Returns
    -------
    float
        Per unit of time.

    Raises
    ------
    TypeError, ValueError
        If the model is not free or has a mixing, `y` is not a state of it, its rows are not level
        to 1e-12 or both of one height, a height is ±1, or `t` is not a finite number.
    """
    if not isinstance(model, FreeModel) or model.mixing is not None:
        raise TypeError(f"model must be a FreeModel without a mixing, got {shown(model)}")
    _checks.validate_in_time(model)
    state, t = _checks.validate_state(model, y), validate_number("t", t)
    X, Y = model.embeddings(state)
    if max(np.ptp(X[:, -1]), np.ptp(Y[:, -1])) > LEVEL:
        raise ValueError("y must have level rows: one last coordinate in X, and one in Y")
    heights = X[:, -1].mean(), Y[:, -1].mean()
    if abs(heights[0] - heights[1]) <= COINCIDENT:
        raise ValueError("y must have rows X and Y of two heights: log(h_X - h_Y) is no number")
    (xi, shrink_x), (eta, shrink_y) = map(_unlift, (X, Y), heights)
    a = float(model.temperature.beta(t, model.split(state).nu)) * shrink_x * shrink_y
    return -model.row_rate * a / model.n * float(loss.pull(xi @ eta.T, a))


def _bound(value: float) -> Bound:
    return Bound(value, not value > 0)


# The variance bound


GRID = np.mgrid[-200.0:24.0:3.0, -200.0:24.0:3.0].reshape(2, -1)
"""Logarithms of δ₁/δ₃ and δ₂/δ₃ from which the search for the best ones starts."""


def _least_pull(law: Law, n: float, d: int, delta: float) -> float:
    """What -g is at least, with probability 1-δ, by the better one of two ways."""
    plain = -float(np.sqrt(-2 * np.log(delta) / n / d))
    left = delta - np.exp(np.log(2) + np.log(n) - n / 8 * np.exp(-law.log_weight))
    if not left > 0:
        return plain
    averages = max(np.sqrt(law.spread(law.mean)), 1e-300) / n  # not 0, which is no factor of ∞
    denominators = np.sqrt(np.expm1(law.log_weight))

    def log_cost(x: Array) -> Any:
        """Log of what is subtracted from A, at log(δ₁/δ₃) and log(δ₂/δ₃)."""
        total = np.logaddexp(np.logaddexp(x[0], x[1]), 0.0)
        with np.errstate(over="ignore"):
            one, two, three = (np.exp(total - log) / left for log in (x[0], x[1], 0.0))  # 1/δₖ
            diagonal = np.sqrt(2 * np.log(three) / n / d)
            return np.log(diagonal + averages * (np.sqrt(two - 1) + 2 * denominators * one))

    costs = log_cost(GRID)
    at = np.argmin(costs)
    if not np.isfinite(costs[at]):  # δ is near the least float64
        return plain
    best = minimize(
        log_cost, GRID[:, at], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12}
    )
    return max(law.mean - float(np.exp(best.fun)), plain)


# The bound on the gap


def _longest(n: float, d: int, log_inverse: float) -> float:
    """U, which ‖u‖ ≤ 2 exceeds with probability δ' at most, of log(1/δ')."""
    return min(float(np.sqrt(2 / n) + 2 * np.sqrt(log_inverse / n / d)), 2.0)


def _gap_level(pull: float, longest: float, n: float, gamma: float) -> float:
    """dΔ/dt in units of 4β₀γ₀ is at least this where -g ≥ `pull` and ‖u‖ ≤ `longest`."""
    flat = 1 - gamma**2
    rise = 2 * gamma * pull * (1 - longest**2 / 4 if pull > 0 else 1.0)
    drawn = FORCE / 4 * flat**2 * longest / n / gamma
    gap = np.hypot(2 * gamma, np.sqrt(flat) * longest) if rise > drawn else 2 * gamma
    return float((rise - drawn) / gap)


# Level rows


def _unlift(rows: Array, height: float) -> tuple[Array, float]:
    """The directions ξ of rows [√(1-h²) ξ, h], and √(1-h²)."""
    shrink = float(np.sqrt((1 - height) * (1 + height)))
    if not shrink > 0:
        raise ValueError("y must have heights inside (-1, 1): at a pole rows have no direction")
    return rows[:, :-1] / shrink, shrink
