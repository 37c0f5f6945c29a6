"""The exchange law: along the free flow of symmetric pairs Δⁿβ is constant (theory 3.1).

Suppose that orthogonal maps permute the pairs transitively, taking rows of X to rows of X and rows
of Y to rows of Y. Then each row and each column of ∇ℓ sums to zero, and every pair contributes the
same amount to g. So the centres obey c' = -(a/n) η_x g c, where η_x is the rate of the rows, while
dP/dt = a g for the potential P of β. Hence P(β) + (n/η_x) log ‖c‖ is constant for c_X, for c_Y and
for their difference, whose length is the gap: in the paper's case n log Δ + ν. In the parallel flow
the same holds for the centres of the unlifted rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.flow import Trajectory
from gapdyn.measures import COINCIDENT, centre_distance
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.sphere import normalise
from gapdyn.temperature import Learned
from gapdyn.theory import _checks, potential
from gapdyn.theory._centres import log_difference
from gapdyn.types import Array
from gapdyn.validate import shown, validate_number, validate_pairs, validate_positive


def exponent(
    *,
    n: int,
    temperature: Learned | None = None,
    scale: float = 1.0,
    rate: float = 1.0,
    row_rate: float = 1.0,
) -> float:
    """The p of Δ ∝ β^{-p}: p = η_x s²/(nη), which is 1/n in the paper's case.

    So Δ ∝ (log t)^{-p}, since β ∝ log t. The factor 1/n arises because the loss is a mean
    over n pairs, of which ν feels all and a row about one, while both have the same learning rate.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    temperature : Learned, optional
        β = exp(ν/s) and the rate η of ν, without ceiling or floor. By default it is made of `scale`
        and `rate`.
    scale, rate : float
        s and η, positive.
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is below 2, another number is not positive, or the temperature is another.

    Examples
    --------
    >>> exponent(n=5), exponent(n=5, scale=2.0)
    (0.2, 0.8)
    """
    kappa = _checks.validate_kappa(_checks.temperature_of(temperature, scale, rate))
    rates = _checks.validate_middling("row_rate", row_rate) / kappa
    return _checks.validate_middling(
        "the exponent row_rate/(nκ)", rates / _checks.validate_pair_count(n)
    )


def invariant(trajectory: Trajectory) -> Array:
    """P(β) + (n/η_x) log ‖c_X - c_Y‖ at the kept states: n log Δ + ν for β = exp ν, rates 1.

    Parameters
    ----------
    trajectory : Trajectory
        Of a FreeModel, or of a ParallelModel, for which c are the centres of the unlifted rows.

    Returns
    -------
    (K,) array
        Constant where the law holds; -inf where the centres coincide.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or loss or was loaded without a model, or its
        temperature is not learned or has a ceiling.
    """
    model, temperature = _validate_model(_checks.validate_trajectory(trajectory).model)
    at_beta = potential.potential(trajectory.beta[trajectory.kept], temperature=temperature)
    return at_beta + model.n / model.row_rate * log_difference(trajectory, model)


def departure(trajectory: Trajectory) -> float:
    """How far a trajectory departs from the law: the range of `invariant` over its kept states.

    Parameters
    ----------
    trajectory : Trajectory
        As in `invariant`.

    Returns
    -------
    float
        0 to the tolerance of the flow where the law is exact.

    Raises
    ------
    TypeError, ValueError
        If the trajectory has no `invariant`, or the centres coincide at some time.
    """
    kept = invariant(trajectory)
    if np.isneginf(kept).any():
        raise ValueError("trajectory must have a gap: the law is about log ‖c_X - c_Y‖")
    return float(np.ptp(kept))


def late_slope(trajectory: Trajectory, since: float) -> float:
    """n d log Δ/d log β between the first stored time at or after `since` and the last one.

    Parameters
    ----------
    trajectory : Trajectory
        As in `invariant`.
    since : float
        First time that counts as late.

    Returns
    -------
    float
        -1 by the law where β = exp ν and all rates are 1.

    Raises
    ------
    TypeError, ValueError
        If the trajectory has no `invariant`, fewer than two times are left, the centres coincide,
        or β is the same at both times, or not positive.
    """
    model, _ = _validate_model(_checks.validate_trajectory(trajectory).model)
    kept = trajectory.kept
    late = np.flatnonzero(trajectory.t[kept] >= validate_number("since", since))
    if late.size < 2:
        raise ValueError(f"since must leave two stored times, got {since}")
    first, last = (centre_distance(*model.rows(trajectory.y[k])) for k in late[[0, -1]])
    if min(first, last) <= COINCIDENT:
        raise ValueError("trajectory must have a gap: the law is about log ‖c_X - c_Y‖")
    before, after = trajectory.beta[kept[late[[0, -1]]]]
    if before == after or min(before, after) <= 0:
        raise ValueError(
            f"trajectory must have a β > 0 that moves: the law is about log β, from {before:g} to"
            f" {after:g}"
        )
    return float(model.n * np.log(last / first) / np.log(after / before))


def invariant_velocity(model: FreeModel | ParallelModel, y: ArrayLike, t: float = 0.0) -> float:
    """Time derivative of the invariant at a state, in units of |a g|: 0 where the law is exact.

    Parameters
    ----------
    model : FreeModel or ParallelModel
        With a learned temperature.
    y : (N,) array
        A state with unit rows and a gap.
    t : float
        Time.

    Returns
    -------
    float
        (a g + (n/η_x) d log ‖c‖/dt)/|a g|, NaN where g is 0.

    Raises
    ------
    TypeError, ValueError
        If the model has no rows, its temperature is not learned or has a ceiling, `y` is no state
        of it, `t` is not a finite number, or the centres coincide.
    """
    model, temperature = _validate_model(model)
    state, t = _checks.validate_state(model, y), validate_number("t", t)
    there = model.split(model.velocity(t, state))
    u, moving = (A.mean(axis=0) - B.mean(axis=0) for A, B in (model.rows(state), there[:2]))
    nu = float(model.split(state).nu)
    beta, slope = float(temperature.beta(t, nu)), float(temperature.dbeta(t, nu))
    push = beta * float(there.nu) / (temperature.rate * slope)  # a g, from dν/dt = η β' (a/β) g
    if np.linalg.norm(u) <= COINCIDENT:
        raise ValueError("y must have a gap: the law is about log ‖c_X - c_Y‖")
    centres = model.n / model.row_rate * float(u @ moving) / float(u @ u)
    return (push + centres) / abs(push) if push else float("nan")


def symmetric(X: ArrayLike, Y: ArrayLike, tolerance: float = 1e-9) -> bool:
    """Whether orthogonal maps permute the pairs transitively, so that the law is exact.

    The maps take rows of X to rows of X and rows of Y to rows of Y; a map that exchanges the
    modalities does not count. A map that takes pair 0 to pair k keeps all inner products, so a
    search extends 0 → k pair by pair. The function is meant for polygons, prisms, simplices and the
    like; for sets that are nearly symmetric, but not quite, it may take long.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised.
    tolerance : float
        Largest difference, positive, between inner products that count as equal.

    Returns
    -------
    bool

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape, have a row of zero length, or the tolerance is
        not positive.
    """
    X, Y = validate_pairs(X, Y)
    tolerance = validate_positive("tolerance", tolerance)
    rows = np.stack([normalise(X), normalise(Y)])
    inner = np.einsum("aid,bjd->ijab", rows, rows)  # of pairs i and j, modalities a and b
    n = len(inner)
    profiles = np.sort(inner.reshape(n, n, 4), axis=1)  # each pair sees the same set of others
    if np.abs(profiles - profiles[0]).max() > tolerance:
        return False
    return all(_reaches(k, inner, tolerance) for k in range(1, n))


def _reaches(first: int, inner: Array, tolerance: float) -> bool:
    """Whether a permutation that keeps `inner` takes pair 0 to pair `first`; depth-first search."""
    n = len(inner)

    def fits(image: list[int]) -> bool:
        """Whether the images of pairs 0 to k keep the inner products with pair k."""
        k, j = len(image) - 1, image[-1]
        return bool(np.abs(inner[j, image] - inner[k, : k + 1]).max() <= tolerance)

    image, options = [first], [iter(range(n))]
    while options and len(image) < n:
        taken = set(image)
        candidates = (j for j in options[-1] if j not in taken and fits([*image, j]))
        if (j := next(candidates, None)) is None:
            options.pop()
            image.pop()
        else:
            image.append(j)
            options.append(iter(range(n)))
    return len(image) == n


def _validate_model(model: object) -> tuple[FreeModel | ParallelModel, Learned]:
    """A model that the law is about, and its temperature."""
    if not isinstance(model, FreeModel | ParallelModel):
        raise ValueError(
            f"model must be a free or a parallel one: the law is about rows, got {shown(model)}"
        )
    return model, _checks.validate_learned(model.temperature)
