"""Modality swapping determines the exponent at which the gap freezes, and bounds it (theory 3.9).

Suppose that orthogonal maps permute unit rows w_i transitively, and that pairs are mirror images at
heights ±γ: x_i = [√(1-γ²) w_i, γ] and y_i = [√(1-γ²) w_i, -γ], so that Δ = 2γ. A swap of rows, or
of entries with the gap along an axis, moves them to heights ±z_i γ, z = 2λ-1, and changes nothing
else. The free flow averaged over the masks, to which the flow with short segments tends, keeps such
pairs mirror images. Along it, exactly,

    -d log Δ/d log β = (1/n) [1 + v/((1-γ²)u - γ²v)],

where u and v are the means of 1 - w_i·w_j and z_i² - z_i z_j, weighted as the pull weighs them: by
time and by the softmax. As 0 ≤ v ≤ 2 and u ≥ α, late in the run swapping multiplies the exponent
1/n of the exchange law (3.1) by a factor between 1 and 1 + 2/α. `exponent` says by which, `slope`
is the exact factor for the regular simplex under hard swapping, and `height` is the gap along that
flow.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; modality swapping is of
   Section 4.1 and Appendix D.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.special import betaln, expit, logsumexp

from gapdyn.temperature import Learned
from gapdyn.theory import _checks, exchange_law, potential
from gapdyn.types import Array
from gapdyn.validate import shown, validate_bool, validate_portion, validate_positive

MOST_PAIRS = 10**6
"""The most pairs: the sums here are over the number of unlike masks."""
LARGEST_BETA = 1e300
"""The largest β, of which a multiple is a float64 still."""
STEEPEST = 1e3
"""The largest exponent of the exchange law along which γ is integrated."""
SOFT = 1 / 3
"""E z² of soft swapping, λ uniform in [0, 1]; that of hard swapping is 1."""


def slope(
    beta: ArrayLike,
    gamma: ArrayLike,
    *,
    n: int,
    p: float = 1.0,
    temperature: Learned = _checks.PAPER,
    row_rate: float = 1.0,
) -> Array:
    """Exact -d log Δ/d log β of a regular simplex under hard swapping, averaged over the masks.

    Parameters
    ----------
    beta, gamma : floats or arrays that broadcast
        β > 0, at most 1e300, and heights 0 < γ < 1; Δ = 2γ.
    n : int
        Number of pairs, from 2 to a million.
    p : float
        Portion of the time during which modalities are swapped, in [0, 1].
    temperature : Learned
        β = exp(ν/s) and the rate η of ν, without ceiling or floor.
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    float64 array of the broadcast shape
        While pairs match whether swapped or not, that is while γ² < α/(α+2), α = n/(n-1), it is at
        least `exchange_law.exponent`, and equal to it at p = 0. At larger heights it may be
        negative: then β falls, as Δ does.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> slope([1e-3, 1.0, 1e3, 1e8], 0.3, n=8).round(4)
    array([0.2566, 0.2683, 0.4157, 0.4157])
    >>> float(slope(1e8, 1e-6, n=8).round(4)), float(slope(1e8, 1e-2, n=8).round(4))
    (0.2344, 0.3438)
    """
    law = exchange_law.exponent(n=n, temperature=temperature, row_rate=row_rate)
    n, p = _validate_simplex(n), validate_portion("p", p)
    beta = _validate_beta(beta, 0.0)
    heights = _checks.validate_open_heights("gamma", gamma)
    beta, heights = _checks.broadcast(beta=beta, gamma=heights)
    return _checks.unwrap(law * (1 + _excess(np.log(beta), np.log(heights), n, p)))


def height(
    beta: ArrayLike,
    *,
    n: int,
    gamma0: float,
    beta0: float,
    p: float = 1.0,
    temperature: Learned = _checks.PAPER,
    row_rate: float = 1.0,
) -> Array:
    """γ = Δ/2 at β along the averaged flow of a regular simplex under hard swapping.

    Parameters
    ----------
    beta : float or array
        β ≥ β₀, at most 1e300.
    n, p, temperature, row_rate
        As in `slope`.
    gamma0, beta0 : float
        Where the flow starts: β₀ > 0 and 0 < γ₀ < √(α/(α+2)), α = n/(n-1), so that β grows.

    Returns
    -------
    float64 array of the shape of `beta`
        To a relative accuracy of about 1e-9.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range, or the integration along β fails.

    Examples
    --------
    >>> start = dict(n=12, gamma0=0.4, beta0=1.0)
    >>> height([1.0, 1e2, 1e4], p=0.1, **start).round(4)
    array([0.4   , 0.1937, 0.0633])
    >>> height([1.0, 1e2, 1e4], p=0.0, **start).round(4)
    array([0.4   , 0.2725, 0.1857])
    """
    law = exchange_law.exponent(n=n, temperature=temperature, row_rate=row_rate)
    if law > STEEPEST:
        raise ValueError(f"row_rate/(nκ) must be at most {STEEPEST:g} to be integrated, got {law}")
    n, p = _validate_simplex(n), validate_portion("p", p)
    gamma0, beta0 = _validate_start(gamma0, n), validate_positive("beta0", beta0)
    beta = _validate_beta(beta, beta0)
    stops, where = np.unique(np.append(np.log(beta), np.log(beta0)), return_inverse=True)
    # The unknown is log γ + law·log β, which is constant at p = 0. γ falls; a trial step may not.
    start = np.log(gamma0)
    kept = solve_ivp(
        lambda x, y: -law * _excess(x, np.minimum(y - law * (x - stops[0]), start), n, p),
        (stops[0], max(stops[-1], stops[0] + 1e-9)),
        [start],
        method="DOP853",
        t_eval=stops,
        rtol=1e-10,
        atol=1e-12,
    )
    if not kept.success:
        raise ValueError(f"beta must be such that the gap can be integrated: {kept.message}")
    log_gamma = kept.y[0] - law * (stops - stops[0])
    return _checks.unwrap(np.exp(log_gamma)[where[:-1]].reshape(beta.shape))


def exponent(
    *,
    n: int,
    p: float = 1.0,
    alpha: float | None = None,
    soft: bool = False,
    temperature: Learned = _checks.PAPER,
    row_rate: float = 1.0,
) -> float:
    """Late exponent e of Δ ∝ β^{-e}, so that Δ ∝ (log t)^{-e}, along the averaged flow.

    Let e₀ be `exchange_law.exponent`, 1/n in the paper's case. Without swapping e = e₀. Otherwise e
    is the median of e₀(1 + cp/α), ½ and e₀(1 + 2/α), where c = 1 for hard and 1/3 for soft
    swapping.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    p : float
        Portion of the time during which modalities are swapped, in [0, 1].
    alpha : float, optional
        The margin to which that of the rows w_i tends, in (0, n/(n-1)]. By default that of the
        regular simplex, n/(n-1).
    soft : bool
        Whether swapping is soft, with λ uniform in [0, 1], rather than hard.
    temperature, row_rate
        As in `slope`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> [round(exponent(n=12, p=p), 4) for p in (0, 1e-3, 1)]
    [0.0833, 0.2361, 0.2361]
    >>> exponent(n=4), exponent(n=2), exponent(n=2, soft=True)
    (0.5, 0.75, 0.5833333333333334)
    """
    law = exchange_law.exponent(n=n, temperature=temperature, row_rate=row_rate)
    p, margin = validate_portion("p", p), _validate_margin(alpha, n)
    soft = validate_bool("soft", soft)
    if p == 0:
        return law
    even, dominated = law * (1 + (SOFT if soft else 1.0) * p / margin), law * (1 + 2 / margin)
    return float(np.clip(0.5, even, dominated))


def balance(
    *,
    n: int,
    p: float = 1.0,
    alpha: float | None = None,
    temperature: Learned = _checks.PAPER,
    row_rate: float = 1.0,
) -> float:
    """The limit of βγ² under hard swapping, whatever the start: 0 or ∞ unless `exponent` is ½.

    Where it is ½, Δ → 2√(θ/β) with θ = ½ log[(2-p)b/(p(1-b))], b = α(1/(2e₀) - 1)/2.

    Parameters
    ----------
    n, alpha, temperature, row_rate
        As in `exponent`.
    p : float
        Portion of the time that is swapped, in (0, 1].

    Returns
    -------
    float
        In [0, ∞].

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> [round(balance(n=n), 4) for n in (3, 4, 5, 6)]
    [0.0, 0.3466, 1.354, inf]
    """
    law = exchange_law.exponent(n=n, temperature=temperature, row_rate=row_rate)
    p = validate_positive("p", validate_portion("p", p))
    b = _validate_margin(alpha, n) * (0.5 / law - 1) / 2
    if not p / 2 < b < 1:
        return 0.0 if b < 1 else float("inf")
    return float(np.log(2 - p) + np.log(b) - np.log(p) - np.log1p(-b)) / 2


def _excess(log_beta: ArrayLike, log_gamma: ArrayLike, n: int, p: float) -> Array:
    """v/((1-γ²)u - γ²v) with u = α and v = 2b, where b is that of `_unlike`."""
    alpha, squared = n / (n - 1), np.exp(2 * np.asarray(log_gamma, dtype=np.float64))
    b = _unlike(log_beta, log_gamma, n, p)
    with np.errstate(divide="ignore"):  # β stands still
        excess: Array = 2 * b / ((1 - squared) * alpha - 2 * squared * b)
    return excess


def _unlike(log_beta: ArrayLike, log_gamma: ArrayLike, n: int, p: float) -> Array:
    """The weight b of rows with unlike masks in the pull.

    The number m of such rows is Binomial(n-1, ½), and each weighs e^{2βγ²} times as much as a row
    with a like mask. The means are over the portion p of the time and over the softmax; all
    logarithms are relative to e^{-aα}.
    """
    log_b, log_g = (np.asarray(a, dtype=np.float64)[..., None] for a in (log_beta, log_gamma))
    raised = 2 * np.exp(log_b + 2 * log_g)
    fallen = np.exp(log_b) * -np.expm1(2 * log_g) * n / (n - 1)
    m = np.arange(n)
    with np.errstate(divide="ignore"):
        log_like, log_unlike = np.log(n - 1 - m), np.log(m) + raised
        log_p, log_rest = np.log(p), np.log1p(-p)
    log_binomial = -np.log(n) - betaln(n - m, m + 1) - (n - 1) * np.log(2)
    log_weight = log_binomial - np.logaddexp(0, np.logaddexp(log_like, log_unlike) - fallen)
    like = log_p + logsumexp(log_weight + log_like, axis=-1)
    unlike = log_p + logsumexp(log_weight + log_unlike, axis=-1)
    unswapped = log_rest + log_like[0] - np.logaddexp(0, log_like[0] - fallen[..., 0])
    weight: Array = expit(unlike - np.logaddexp(like, unswapped))
    return weight


def _validate_simplex(n: int) -> int:
    """A number of pairs to sum over."""
    if _checks.validate_pair_count(n) > MOST_PAIRS:
        raise ValueError(f"n must be at most a million pairs, got {n}")
    return int(n)


def _validate_beta(beta: ArrayLike, least: float) -> Array:
    """Inverse temperatures β > 0, from where they start."""
    array = potential.positive_beta(beta)
    if (array < least).any():
        raise ValueError(f"beta must be at least beta0 = {least}: it grows, got {shown(beta)}")
    if (array > LARGEST_BETA).any():
        raise ValueError(f"beta must be at most {LARGEST_BETA}, got {shown(beta)}")
    return array


def _validate_start(gamma0: float, n: int) -> float:
    """A first height at which pairs of a simplex match, swapped or not."""
    number, alpha = _checks.validate_open_height("gamma0", gamma0), n / (n - 1)
    if number**2 * (alpha + 2) >= alpha:
        raise ValueError(
            f"gamma0 must be below √(α/(α+2)) = {np.sqrt(alpha / (alpha + 2)):.4g}, where swapped"
            f" pairs match and β grows, got {gamma0}"
        )
    return number


def _validate_margin(alpha: float | None, n: float) -> float:
    """A margin that n pairs can have, by default the largest."""
    n = _checks.validate_pair_count(n)
    largest = n / (n - 1)
    if alpha is None:
        return largest
    number = _checks.validate_margin("alpha", alpha)
    if number > largest * (1 + _checks.SLACK):
        raise ValueError(f"alpha must be at most n/(n-1) = {largest:g}, got {alpha}")
    return number
