"""Theorem 3.3: from independent uniform rows, mismatched pairs enlarge the gap at the start.

The functions `printed_bound`, `sharper_bound`, `variance_bound` and `limit` are about dγ/dt at
t = 0 in units of 2β₀γ₀, that is about -g_a(Z), a = β₀(1-γ₀²): the mean over rows and columns of a
softmax average of similarities, minus the mean of the diagonal. The paper prints (8) and (9) for
dΔ/dt in units of 4β₀γ₀; the form for dγ/dt is a display without a number in Appendix B.4.
`gap_bound` is a bound on dΔ/dt itself, and `gap_velocity` is dΔ/dt. What needs no union bound over
rows, and what is about the gap, is in `uniform_start`.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Theorem 3.3 and Appendix B.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar
from scipy.special import poch, xlogy

from gapdyn.measures import COINCIDENT
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.theory import _checks, bessel
from gapdyn.theory._uniform import Bound, Law, law_at, middling_scale, scale
from gapdyn.theory.uniform_start import gap_bound, height_velocity, variance_bound
from gapdyn.types import Array
from gapdyn.validate import shown, validate_bool, validate_number

__all__ = [
    "BOUNDS",
    "Bound",
    "density",
    "gap_bound",
    "gap_ratio",
    "gap_velocity",
    "height_velocity",
    "hypothesis_margin",
    "limit",
    "moments",
    "pairs_needed",
    "printed_bound",
    "sharper_bound",
    "variance_bound",
]

# Lemmas B.2 and B.3


def density(z: ArrayLike, d: int) -> Array:
    """f(z) = Γ(d/2)/(√π Γ((d-1)/2)) (1-z²)^{(d-3)/2}, the density of ⟨x, y⟩ of uniform rows [1]_.

    Parameters
    ----------
    z : float or array
        Similarities; the density is 0 outside [-1, 1].
    d : int
        Dimension, at least 2. At d = 2 the density is infinite at ±1.

    Returns
    -------
    float64 array of the shape of `z`

    Raises
    ------
    TypeError, ValueError
        If z is not real or d is below 2.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma B.2.

    Examples
    --------
    >>> round(float(density(0.3, 3)), 15)  # Archimedes: uniform on [-1, 1]
    0.5
    """
    z, d_ = _checks.validate_numbers("z", z), _checks.validate_dimension(d)
    inside = np.clip(z, -1.0, 1.0)
    tail = xlogy((d_ - 3) / 2, (1 - inside) * (1 + inside))
    constant = poch((d_ - 1) / 2, 0.5) / np.sqrt(np.pi)
    return _checks.unwrap(np.where(np.abs(z) <= 1, constant * np.exp(tail), 0.0))


def moments(a: float, d: int) -> tuple[float, float]:
    """ξ₁ = E z e^{az} and ξ₂ = E e^{az} of Lemma B.3 in [1]_; ξ₁/ξ₂ = A_d(a).

    Parameters
    ----------
    a : float
        β₀(1-γ₀²), any real number.
    d : int
        Dimension, at least 2.

    Returns
    -------
    xi1, xi2 : float
        Infinite where they leave float64; the bounds here work with their logarithms.

    Raises
    ------
    TypeError, ValueError
        If a is not a finite number or d is below 2.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma B.3.
    """
    a, d = validate_number("a", a), int(_checks.validate_dimension(d))
    with np.errstate(over="ignore"):
        xi2 = float(np.exp(bessel.log_mgf(a, d)))
    return float(bessel.A(a, d)) * xi2, xi2


# The bounds


def limit(*, d: int, tau: float, gamma0: float) -> Bound:
    """The bracket of (9) in [1]_: as n → ∞, (dγ/dt)/(2β₀γ₀) → ξ₁/ξ₂ = A_d(a), a = β₀(1-γ₀²).

    Parameters
    ----------
    d : int
        Dimension of the rows before lifting, at least 2.
    tau : float
        τ₀ > 0.
    gamma0 : float
        γ₀ in (0, 1).

    Returns
    -------
    Bound
        Never vacuous.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    References
    ----------
    .. [1] Yaras et al. 2025, Theorem 3.3.

    Examples
    --------
    >>> round(limit(d=512, tau=0.07, gamma0=0.3).value, 4)
    0.0254
    """
    value = float(bessel.A(scale(tau, gamma0), _checks.validate_dimension(d)))
    return Bound(value, False)


def printed_bound(*, n: float, d: int, tau: float, gamma0: float, delta: float) -> Bound:
    """The bracket of (8) in [1]_: with probability 1-δ at least (ξ₁ - 2eᵃε)/(ξ₂ + (eᵃ-e⁻ᵃ)ε) - 2ε.

    Here ε = √(log((4n+1)/δ)/2n). The bound holds for dγ/dt at every n, d, a and δ if γ₀ > 0; for
    γ₀ < 0, where 2β₀γ₀ is negative, the inequality is reversed. The printed proof divides a lower
    bound by an upper one, which is valid where ξ₁ ≥ 2eᵃε (`hypothesis_margin`). Elsewhere the value
    is below -2ε, and a second argument proves it. By Chebyshev's association inequality [2]_ the
    softmax averages are at least the plain means, so -g ≥ -D, where D is the mean of the diagonal
    minus ⟨x̄, ȳ⟩. Since D is sub-Gaussian with variance proxy at most 1/nd,
    P(-g < -2ε) ≤ (δ/(4n+1))^d.

    Parameters
    ----------
    n : int or float
        Number of pairs, at least 2, of any size.
    d, tau, gamma0
        As in `limit`.
    delta : float
        Probability δ in (0, 1) that the bound fails.

    Returns
    -------
    Bound

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    References
    ----------
    .. [1] Yaras et al. 2025, Theorem 3.3.
    .. [2] G. H. Hardy, J. E. Littlewood and G. Pólya, "Inequalities", Cambridge, 1934, 2.17.
    """
    n, delta = _checks.validate_pair_count(n), _checks.validate_delta(delta)
    a = middling_scale(tau, gamma0)
    law, epsilon = law_at(a, _checks.validate_dimension(d)), _deviation(n, delta)
    xi2 = np.exp(law.log_xi2 - a)  # times e^-a, like all else
    numerator = law.mean * xi2 - 2 * epsilon
    value = float(numerator / (xi2 - np.expm1(-2 * a) * epsilon) - 2 * epsilon)
    return Bound(value, not value > 0)


def hypothesis_margin(*, n: float, d: int, tau: float, gamma0: float, delta: float) -> float:
    """ξ₁e⁻ᵃ - 2ε, which is not negative where the division in the proof of (8) is valid.

    It is not a hypothesis of the bound: where it is negative, the bound still holds, by the second
    argument of `printed_bound`, but it is vacuous. See theory 2.5.

    Parameters
    ----------
    n, d, tau, gamma0, delta
        As in `printed_bound`.

    Returns
    -------
    float
        Negative where the lower bound of the numerator in (8) is negative.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, delta = _checks.validate_pair_count(n), _checks.validate_delta(delta)
    a = middling_scale(tau, gamma0)
    law = law_at(a, _checks.validate_dimension(d))
    return float(law.mean * np.exp(law.log_xi2 - a)) - 2 * _deviation(n, delta)


def sharper_bound(
    *,
    n: float,
    d: int,
    tau: float,
    gamma0: float,
    delta: float,
    diagonal_share: float | None = None,
) -> Bound:
    """With probability 1-δ, at least r* - √(2L/nd), L = log((2n+1)/δ) (theory 3.4).

    r* is the largest r with m ≥ √(2 E[W²] L/n) + bL/3n, where W = (z-r)e^{az} ≥ -b, b = e^{ar-1}/a
    and m = E W = ξ₁ - rξ₂. By Bernstein's one-sided inequality [1]_ no softmax average of a row or
    column is then below r. The entries of the diagonal are sub-Gaussian with variance proxy 1/d.

    Parameters
    ----------
    n, d, tau, gamma0, delta
        As in `printed_bound`.
    diagonal_share : float, optional
        Part s of δ that is spent on the diagonal, in (0, 1): then L = log(1/sδ) there and
        log(2n/((1-s)δ)) in r*. By default 1/(2n+1), with which both are log((2n+1)/δ); one half
        usually gives a larger bound.

    Returns
    -------
    Bound
        If no r is feasible, the value at r = -1.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    References
    ----------
    .. [1] S. Boucheron, G. Lugosi and P. Massart, "Concentration Inequalities", Oxford, 2013,
       section 2.8.

    Examples
    --------
    >>> bound = sharper_bound(n=2048, d=512, tau=0.07, gamma0=0.3, delta=0.05)
    >>> round(bound.value, 4), bound.vacuous
    (0.0139, False)
    """
    n, delta = _checks.validate_pair_count(n), _checks.validate_delta(delta)
    a = middling_scale(tau, gamma0)
    d = int(_checks.validate_dimension(d))
    law, s = law_at(a, d), 0.5 / (n + 0.5)
    if diagonal_share is not None:
        s = validate_number("diagonal_share", diagonal_share)
    if not 0 < s < 1:
        raise ValueError(f"diagonal_share must lie in (0, 1), a share of delta, got {s}")
    rows = np.log(2) + np.log(n) - np.log1p(-s) - np.log(delta)
    diagonal = -np.log(s) - np.log(delta)
    value = float(_softmax_level(law, a, float(rows / n)) - np.sqrt(2 * diagonal / n / d))
    return Bound(value, not value > 0)


def _softmax_level(law: Law, a: float, per_pair: float) -> float:
    """r* at `per_pair` = L/n: the larger root of a concave function of r, divided by ξ₂."""

    def surplus(r: float) -> float:
        lowest = float(np.exp(min(a * r - 1 - law.log_xi2, 700.0))) / a
        spread = float(np.sqrt(2 * law.spread(r) * per_pair))
        return law.mean - r - spread - lowest * per_pair / 3

    best = minimize_scalar(lambda r: -surplus(r), bounds=(-1, law.mean), method="bounded")
    if not best.success:
        raise ValueError(f"tau must be such that the largest r is found: {best.message}")
    peak = float(best.x) if surplus(float(best.x)) > surplus(-1.0) else -1.0
    if not surplus(peak) > 0:
        return -1.0
    return float(brentq(surplus, peak, law.mean, xtol=1e-15, rtol=1e-14))


BOUNDS = {"printed": printed_bound, "sharper": sharper_bound, "variance": variance_bound}


def pairs_needed(
    *, d: int, tau: float, gamma0: float, delta: float, bound: str = "printed"
) -> float:
    """Least number of pairs from which on a bound is positive (theory 2.5).

    Parameters
    ----------
    d, tau, gamma0, delta
        As in `printed_bound`.
    bound : {"printed", "sharper", "variance", "limit"}
        Which bound. The limit is positive for any number of pairs, so the answer is 2.

    Returns
    -------
    float
        A whole number, to the resolution of float64, or infinite.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range or the bound is unknown.
    """
    if not isinstance(bound, str) or bound not in (*BOUNDS, "limit"):
        raise ValueError(f"bound must be printed, sharper, variance or limit, got {shown(bound)}")
    if bound == "limit":
        limit(d=d, tau=tau, gamma0=gamma0)
        _checks.validate_delta(delta)
        return 2.0

    def vacuous(n: float) -> bool:
        return BOUNDS[bound](n=n, d=d, tau=tau, gamma0=gamma0, delta=delta).vacuous

    few, many = 2.0, 4.0
    if not vacuous(few):
        return few
    while vacuous(many):
        if many > 1e200:
            return np.inf
        few, many = many, many**1.5 // 1
    while (between := np.floor((few + many) / 2)) not in (few, many):
        few, many = (between, many) if vacuous(between) else (few, between)
    return float(many)


def _deviation(n: float, delta: float) -> float:
    """ε of (8)."""
    return float(np.sqrt((np.log(4) + np.log(n + 0.25) - np.log(delta)) / n / 2))


# The gap itself


def gap_ratio(*, n: float, d: int, tau: float, gamma0: float, moving_rows: bool = True) -> float:
    """Approximation of (mean dΔ/dt)/(mean 2dγ/dt) over uniform rows at t = 0 (theory 2.4).

    With A = M'/M and S = M''/M at a, k = (1-S)/2 - (S-1/d)/A, and the mean over q = ‖u‖², which has
    about the law of (2/nd) times a χ²_d variable,

        E_q [γ₀(4-q)/2 + (1-γ₀²)²kq/(4nγ₀)] / √(4γ₀² + (1-γ₀²)q).

    The term in k is ⟨u, u'⟩ to first order in the means of X and Y. The approximation is good while
    a softmax has weight on many rows, n ≫ M(2a)/M(a)².

    Parameters
    ----------
    n, d, tau, gamma0
        As in `printed_bound`; all learning rates are 1.
    moving_rows : bool
        Whether to include ⟨u, u'⟩. Without it, with 4-q ≈ 4 and with the mean 2/n for q in Δ, the
        ratio is 2γ₀/Δ₀ = [1 + (1-γ₀²)/(2nγ₀²)]^{-1/2}.

    Returns
    -------
    float
        Below 1 for γ₀ above about k n^{-3/2}/3. As γ₀ → 0 its size grows without bound, and its
        sign is that of k: positive for a below about d/2 (0.84d at d = 2, 0.73d at d = 3, 0.51d at
        d = 64), and negative above, where the gap shrinks.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> round(gap_ratio(n=2048, d=512, tau=0.07, gamma0=0.3), 3)
    0.999
    """
    n, d = _checks.validate_pair_count(n), int(_checks.validate_dimension(d))
    a, gamma = scale(tau, gamma0), _checks.validate_open_height("gamma0", gamma0)
    if not validate_bool("moving_rows", moving_rows):
        return float(gamma / np.hypot(gamma, np.sqrt((1 - gamma**2) / (2 * n))))
    # (S - 1/d)/A = (1 - 1/d) A_{d+2}, which loses no digits where a is small.
    k = (1 - float(bessel.mgf_ratios(a, d)[1])) / 2 - (1 - 1 / d) * float(bessel.A(a, d + 2))

    def ratio() -> float:
        q, gap, weights = _start_gaps(n, d, gamma)
        rise = gamma * (4 - q) / 2 + (1 - gamma**2) ** 2 * k / (4 * n * gamma) * q
        return float(weights @ (rise / gap))

    return float(_checks.computed("the ratio", ratio))


PANELS = (np.arange(4)[:, None] + (bessel.NODES + 1) / 2).ravel() / 4
"""Gauss-Legendre nodes in four panels of [0, 1]."""


def _start_gaps(n: float, d: int, gamma: float) -> tuple[Array, Array, Array]:
    """Values of q = ‖u‖² and of Δ = √(4γ² + (1-γ²)q), with weights that sum to 1.

    s = √(ndq/4) has density ∝ s^{d-1}e^{-s²}. With s = c sinh θ, where √(s² + c²) ∝ Δ, nothing is
    singular at small γ, and Gauss-Legendre quadrature in θ is exact to rounding.
    """
    c = gamma * np.sqrt(n * d / (1 - gamma**2))
    peak = np.sqrt((d - 1) / 2)
    low, high = np.arcsinh(np.array([max(peak - 4.6, 0.0), peak + 6.5]) / c)  # e⁻⁴² of the peak
    low = max(low, high - 45)
    theta = low + (high - low) * PANELS
    s = c * np.sinh(theta)
    log_density = (d - 1) * np.log(s / peak) - (s - peak) * (s + peak)
    weights = np.tile(bessel.WEIGHTS, 4) * np.exp(log_density) * np.cosh(theta)
    q = 4 / (n * d) * s**2
    return q, np.sqrt(4 * gamma**2 + (1 - gamma**2) * q), weights / weights.sum()


def gap_velocity(model: ParallelModel | FreeModel, y: ArrayLike, t: float = 0.0) -> float:
    """dΔ/dt at any state, exactly: Δ' = ⟨c_X - c_Y, c_X' - c_Y'⟩/Δ (theory 2.4).

    In the tied parallel model, with u = mean(X) - mean(Y), Δ² = (1-γ²)‖u‖² + 4γ² and
    Δ' = [γγ'(4 - ‖u‖²) + (1-γ²)⟨u, u'⟩]/Δ. The paper's step dΔ/dt ≥ 2dγ/dt does not follow from
    Δ ≥ 2γ, and fails for nearly all uniform rows while γ√n is of order one or above.

    Parameters
    ----------
    model : ParallelModel, tied or untied, or FreeModel
    y : (N,) array
        A state with unit rows.
    t : float
        Time, which matters to a schedule.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the model has no rows, `y` is not a state of it, `t` is not a finite number, a height is
        ±1, or the centres coincide, where Δ has no derivative.
    """
    if not isinstance(model, ParallelModel | FreeModel):
        raise TypeError(f"model must be a ParallelModel or a FreeModel, got {shown(model)}")
    _checks.validate_in_time(model)
    state, t = _checks.validate_state(model, y), validate_number("t", t)
    X, Y = model.rows(state)
    there = model.split(model.velocity(t, state))
    heights, moves = _heights(model.split(state)), _heights(there)
    if max(map(abs, heights)) >= 1:
        raise ValueError("y must have heights inside (-1, 1): at a pole rows have no direction")
    centre_x, move_x = _centre(X, there.X, heights[0], moves[0])
    centre_y, move_y = _centre(Y, there.Y, heights[1], moves[1])
    gap = float(np.linalg.norm(centre_x - centre_y))
    if gap <= COINCIDENT:
        raise ValueError("y must have a gap: Δ has no derivative where the centres coincide")
    return float((centre_x - centre_y) @ (move_x - move_y)) / gap


def _heights(parts: Any) -> tuple[float, float]:
    """γ_X and γ_Y, or their velocities, from the parts of a state or of a velocity."""
    if hasattr(parts, "gamma"):
        return float(parts.gamma), -float(parts.gamma)
    return float(getattr(parts, "gamma_x", 0.0)), float(getattr(parts, "gamma_y", 0.0))


def _centre(rows: Array, moving: Array, gamma: float, dgamma: float) -> tuple[Array, Array]:
    """Centre of the rows lifted by (3), [√(1-γ²) x̄, γ], and its velocity."""
    root, mean = np.sqrt(1 - gamma**2), rows.mean(axis=0)
    move = root * moving.mean(axis=0) - gamma * dgamma / root * mean
    return np.append(root * mean, gamma), np.append(move, dgamma)
