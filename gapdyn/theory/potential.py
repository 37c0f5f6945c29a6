"""The potential P(β), through which every first integral of the flow is written (theory 3).

dP/dβ = β/(η β'(ν)²), where η is the learning rate of ν. So dP/dt = a g_a(Z), a = β(1-γ²), along the
flow of any model, whatever the rows do. The heights, and the centres of symmetric pairs, move at
rates in proportion to a g as well: Lemma 3.1 and the exchange law both follow from P.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.temperature import Learned, Linear
from gapdyn.theory import _checks
from gapdyn.types import Array
from gapdyn.validate import shown


def potential(beta: ArrayLike, *, temperature: Learned = _checks.PAPER) -> Array:
    """P(β): log β/κ for β = exp(ν/s), β²/2η for β = ν, and `Softplus.potential`/η for softplus.

    Parameters
    ----------
    beta : float or array
        Inverse temperature, positive; with β = ν of any sign.
    temperature : Learned
        β(ν) and the rate η of ν, without ceiling or floor.

    Returns
    -------
    float64 array of the shape of `beta`

    Raises
    ------
    TypeError, ValueError
        If β is not positive, P is no float64, the temperature is not learned or has a ceiling, or
        the parametrisation is a user's own and has no `potential`.
    """
    learned = _checks.validate_learned(temperature)
    linear = isinstance(learned.parametrisation, Linear)
    at = _checks.validate_numbers("beta", beta) if linear else positive_beta(beta)
    return _checks.computed("P(beta)", lambda: learned.parametrisation.potential(at) / learned.rate)


def advance(beta0: ArrayLike, amount: ArrayLike, *, temperature: Learned = _checks.PAPER) -> Array:
    """The β at which P(β) = P(β₀) + amount.

    Parameters
    ----------
    beta0 : float or array
        β₀ > 0.
    amount : float or array, broadcast with `beta0`
        Change of the potential, of either sign.
    temperature : Learned
        As in `potential`.

    Returns
    -------
    float64 array of the common shape

    Raises
    ------
    TypeError, ValueError
        If β₀ is not positive, the amount is not finite, the temperature is not learned or has a
        ceiling, or β = ν would have to pass below zero; also if the parametrisation is a user's own
        and has no `advance`, or one that returns a negative number or NaN.
    """
    learned, largest = _checks.validate_learned(temperature), np.finfo(np.float64).max
    change = _checks.validate_finite("amount", amount)
    with np.errstate(over="ignore", under="ignore"):
        by = np.clip(learned.rate * change, -largest, largest)
        beta, by = _checks.broadcast(beta0=positive_beta(beta0, "beta0"), amount=by)
        reached = np.asarray(learned.parametrisation.advance(beta, by), dtype=np.float64)
    if not (reached >= 0).all():
        raise ValueError(
            f"{learned.parametrisation!r} must have an advance that is not negative and not NaN"
        )
    return _checks.unwrap(reached)


def positive_beta(beta: ArrayLike, name: str = "beta") -> Array:
    """Finite inverse temperatures β > 0."""
    array = _checks.validate_numbers(name, beta)
    if not (array > 0).all() or np.isinf(array).any():
        raise ValueError(f"{name} must be positive and finite, got {shown(beta)}")
    return array
