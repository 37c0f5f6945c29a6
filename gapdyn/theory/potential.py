"""The potential P(β), through which every first integral of the flow is written.

dP/dβ = β/(η β'(ν)²), with η the learning rate of ν, so that dP/dt = a g_a(Z) along the flow of any
model and whatever the rows do, a = β(1-γ²). The heights, and the centres of symmetric pairs, move
at rates in proportion to a g as well: Lemma 3.1 and the exchange law are two readings of P.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import spence

from gapdyn import temperature
from gapdyn.theory import _checks
from gapdyn.types import Array
from gapdyn.validate import validate_positive


class Scheme(NamedTuple):
    """A learned temperature: the kind of β(ν), the scale s of exp(ν/s), the rate η of ν."""

    kind: str
    scale: float = 1.0
    rate: float = 1.0

    @property
    def kappa(self) -> float:
        """κ = η/s², the one number on which β = exp(ν/s) depends (theory 3.2)."""
        return self.rate / self.scale**2


def validate_scheme(kind: str, scale: float, rate: float) -> Scheme:
    """A scheme of a known kind with positive scale and rate."""
    if not isinstance(kind, str) or kind not in POTENTIALS:
        raise ValueError(f"kind must be one of {', '.join(POTENTIALS)}, got {kind!r}")
    scale, rate = validate_positive("scale", scale), validate_positive("rate", rate)
    if kind != "exponential" and scale != 1:
        raise ValueError(f"scale must be left out: β of kind {kind!r} has none, got {scale}")
    if not 1e-150 < scale < 1e150:
        raise ValueError(f"scale must have a square that is a float64, got {scale}")
    return Scheme(kind, scale, rate)


def scheme_of(learned: temperature.Temperature) -> Scheme:
    """The scheme of a model's temperature.

    Raises
    ------
    ValueError
        If the temperature is fixed or scheduled, or its parametrisation is a user's own.
    """
    if not isinstance(learned, temperature.Learned):
        raise ValueError(f"temperature must be learned, β = β(ν), got {learned}")
    match learned.parametrisation:
        case temperature.Exponential(scale):
            return Scheme("exponential", scale, learned.rate)
        case temperature.Linear():
            return Scheme("linear", rate=learned.rate)
        case temperature.Softplus():
            return Scheme("softplus", rate=learned.rate)
    raise ValueError(f"temperature must have a β(ν) of gapdyn's own, got {learned}")


def potential(
    beta: ArrayLike, *, kind: str = "exponential", scale: float = 1.0, rate: float = 1.0
) -> Array:
    """P(β): log β/κ for β = exp(ν/s), β²/2η for β = ν, F(β)/η for softplus.

    Parameters
    ----------
    beta : float or array
        Inverse temperature, positive; with β = ν of any sign.
    kind : {"exponential", "linear", "softplus"}
        β(ν).
    scale, rate : float
        s and η, positive; κ = η/s².

    Returns
    -------
    float64 array of the shape of `beta`

    Raises
    ------
    TypeError, ValueError
        If β, s or η is not positive or the kind is unknown.
    """
    scheme = validate_scheme(kind, scale, rate)
    at = _checks.validate_numbers("beta", beta) if kind == "linear" else positive_beta(beta)
    with np.errstate(over="ignore"):
        return _checks.unwrap(POTENTIALS[kind](at, scheme))


def advance(
    beta0: ArrayLike,
    amount: ArrayLike,
    *,
    kind: str = "exponential",
    scale: float = 1.0,
    rate: float = 1.0,
) -> Array:
    """The β at which P(β) = P(β₀) + amount.

    Parameters
    ----------
    beta0 : float or array
        β₀ > 0.
    amount : float or array, broadcast with `beta0`
        Change of the potential, of either sign.
    kind, scale, rate
        As in `potential`.

    Returns
    -------
    float64 array of the common shape

    Raises
    ------
    TypeError, ValueError
        As `potential`; also if β = ν would have to pass below zero.
    """
    scheme = validate_scheme(kind, scale, rate)
    beta, by = np.broadcast_arrays(positive_beta(beta0), _checks.validate_numbers("amount", amount))
    with np.errstate(over="ignore", under="ignore"):
        return _checks.unwrap(ADVANCES[kind](beta, by, scheme))


def positive_beta(beta: ArrayLike) -> Array:
    """Finite inverse temperatures β > 0."""
    array = _checks.validate_numbers("beta", beta)
    if not (array > 0).all() or np.isinf(array).any():
        raise ValueError(f"beta must be positive and finite, got {beta!r}")
    return array


def _softplus(beta: Array) -> Array:
    """F(β) = ∫ β/(1-e^-β)² dβ with F(β) - β²/2 → 0 as β → ∞.

    F = β²/2 + β log(1-x) - Li₂(x) - β x/(1-x) + log(1-x), x = e^-β; SciPy's spence(1-x) is Li₂(x).
    """
    rest = -np.expm1(-beta)  # 1 - x
    log_rest = np.log(rest)
    rounding: Array = beta * log_rest - spence(rest) - beta * np.exp(-beta) / rest + log_rest
    return beta**2 / 2 + rounding


def _advance_linear(beta: Array, by: Array, scheme: Scheme) -> Array:
    squared = beta**2 + 2 * scheme.rate * by
    if (squared < 0).any():
        raise ValueError("β = ν would have passed through zero: no β > 0 has this potential")
    return np.sqrt(squared)


def _advance_softplus(beta: Array, by: Array, scheme: Scheme) -> Array:
    """Newton's method in log β, in which F is convex, from the right of the root.

    There F' = (β/(1-e^-β))² ≥ max(1, β²), so the root is at most √(β² + 2η·amount). As β → 0,
    F - log β → -1 - π²/6.
    """
    goal = _softplus(beta) + scheme.rate * by
    tiny = goal + 1 + np.pi**2 / 6
    y = np.log(beta**2 + 2 * scheme.rate * np.maximum(by, 0.0)) / 2
    for _ in range(200):
        y = np.where(tiny < -40, 0.0, y)  # there `tiny` itself is the answer
        here = np.exp(y)
        step = (_softplus(here) - goal) * (np.expm1(-here) / here) ** 2
        y = y - step
        if (np.abs(step[tiny >= -40]) <= 4e-16 * (1 + np.abs(y[tiny >= -40]))).all():
            break
    return np.exp(np.where(tiny < -40, tiny, y))


POTENTIALS: dict[str, Callable[[Array, Scheme], Array]] = {
    "exponential": lambda beta, scheme: np.log(beta) / scheme.kappa,
    "linear": lambda beta, scheme: beta**2 / (2 * scheme.rate),
    "softplus": lambda beta, scheme: _softplus(beta) / scheme.rate,
}
ADVANCES: dict[str, Callable[[Array, Array, Scheme], Array]] = {
    "exponential": lambda beta, by, scheme: beta * np.exp(scheme.kappa * by),
    "linear": _advance_linear,
    "softplus": _advance_softplus,
}
