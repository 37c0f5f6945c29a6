"""Matched rows freeze the gap, from any start: |Δ(t₂) - Δ(t₁)| is small beside log β (theory 4.2).

While the margin is at least α, the force on the gap is at most 3√3/2 for each unit of softmax
weight on wrong partners, and the same weight pushes P, the potential of β, by at least α. The loss
is a mean over n pairs: P feels all of it, and a row about 1/n. Hence, whatever the rows, the rates
and β(ν) are,

    |Δ(t₂) - Δ(t₁)| ≤ (3√3/2) (η_x/(nα)) [P(β₂) - P(β₁)].

P is log β for β = exp ν at rate 1. Where β stands still, it is ∫ a g dt. For the parallel model the
same holds for the distance of the centres of the unlifted rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad_vec

from gapdyn import loss
from gapdyn.flow import Trajectory
from gapdyn.measures import centre_distance
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.models.base import RowModel
from gapdyn.solver import CLOCKS, Clock
from gapdyn.sphere import TIE
from gapdyn.temperature import Learned
from gapdyn.theory import _checks, potential
from gapdyn.theory.gap_velocity import FORCE
from gapdyn.types import Array
from gapdyn.validate import shown, validate_number

PIECES = 50
"""Most parts of a step in which ∫ a g dt is looked at: a jump of β needs about twenty."""


class Growth(NamedTuple):
    """How far P has to grow until the gap is half of what it was; P is log β in the paper's case.

    Attributes
    ----------
    bound : float
        At least this, from any rows of that margin.
    law : float
        This, by the exchange law.
    """

    bound: float
    law: float


class Contraction(NamedTuple):
    """Rates at which deviations of heights decay; they grow where a rate is negative.

    Attributes
    ----------
    alike : float
        Of deviations that are the same in both rows of a pair.
    opposed : float
        Of deviations that have opposite signs in the rows of a pair.
    """

    alike: float
    opposed: float


class Check(NamedTuple):
    """A run held against the bound, from the time on from which all pairs stay matched.

    Attributes
    ----------
    since : float
        The first kept time of them, in the unit of the run's clock.
    alpha : float
        The least margin at an output time from then on.
    growth : float
        How far P has grown from then to the end.
    change : float
        The largest |Δ(t) - Δ(since)| from then on.
    bound : float
        What the bound allows at the end.
    share : float
        The largest share of what is allowed by then that |Δ(t) - Δ(since)| has used.
    holds : bool
        Whether no change, to within the tolerances of the flow, is larger than is allowed.
    """

    since: float
    alpha: float
    growth: float
    change: float
    bound: float
    share: float
    holds: bool


def bound(growth: ArrayLike, *, n: int, alpha: float, row_rate: float = 1.0) -> Array:
    """The most by which Δ changes while P grows: (3√3/2)(η_x/(nα)) growth, theory 4.2.

    Parameters
    ----------
    growth : float or array
        P(β₂) - P(β₁) ≥ 0: log(β₂/β₁) for β = exp ν at rate 1, and ∫ a g dt where β stands still.
    n : int
        Number of pairs, at least 2.
    alpha : float
        α(Z(t)) ≥ α > 0 at all times between: the pairs are matched.
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    float64 array of the shape of `growth`

    Raises
    ------
    TypeError, ValueError
        If `growth` is negative or not finite, n is below 2, α is not in (0, 2], or the rate is not
        positive.

    Examples
    --------
    CLIP's batch, while τ goes from 0.07 to 0.01 at a margin of 0.1:

    >>> round(float(bound(np.log(7.0), n=32768, alpha=0.1)), 4)
    0.0015
    """
    grown = _checks.validate_finite("growth", growth)
    if (grown < 0).any():
        raise ValueError(
            f"growth must not be negative: P grows while pairs are matched, got {shown(growth)}"
        )
    per_growth = _per_growth(n, alpha, row_rate)
    return _checks.computed("the bound", lambda: per_growth * grown)


def growth_to_halve(*, n: int, alpha: float, gap: float, row_rate: float = 1.0) -> Growth:
    """How far P has to grow until the gap is half of Δ: by the bound, and by the exchange law.

    By the bound at least Δnα/(3√3 η_x), from any rows of margin α; by the law (n/η_x) log 2.

    Parameters
    ----------
    n, alpha, row_rate
        As in `bound`.
    gap : float
        0 < Δ ≤ 2.

    Returns
    -------
    Growth

    Raises
    ------
    TypeError, ValueError
        If an argument is not as in `bound`, or Δ is not in (0, 2].

    Examples
    --------
    By how many powers of ten β grows:

    >>> least, law = growth_to_halve(n=32768, alpha=0.1, gap=0.8)
    >>> round(float(least / np.log(10))), round(float(law / np.log(10)))
    (219, 9864)
    """
    half, per_growth = _validate_gap(gap) / 2, _per_growth(n, alpha, row_rate)
    per_row = _checks.validate_pair_count(n) / _checks.validate_middling("row_rate", row_rate)
    growth = _checks.computed("growth", lambda: [half / per_growth, per_row * np.log(2)])
    return Growth(*map(float, growth))


def law_error(*, alpha: float, gap: float, spread: float) -> float:
    """The most by which (n/η_x) d log Δ/dP departs from the -1 of the exchange law: 4s/(αΔ).

    It holds for any matched rows whose heights along c_X - c_Y are near their means (theory 4.2).

    Parameters
    ----------
    alpha : float
        Margin 0 < α(Z), so that pairs are matched.
    gap : float
        0 < Δ ≤ 2.
    spread : float
        s ≥ 0: each height of a row along (c_X - c_Y)/Δ is within s of the mean of its modality.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> round(law_error(alpha=0.5, gap=1.0, spread=0.01), 12)
    0.08
    """
    margin, length = _checks.validate_margin("alpha", alpha), _validate_gap(gap)
    s = validate_number("spread", spread)
    if not 0 <= s <= 2:
        raise ValueError(f"spread must lie in [0, 2], a difference of heights, got {spread}")
    return float(_checks.computed("the error", lambda: 4 * s / margin / length))


def contraction(*, n: int, beta: float, gap: float, row_rate: float = 1.0) -> Contraction:
    """Rates at which heights in two tight clusters return to their means, β fixed (theory 4.2).

    βη_x/n times (β/2)Δ²(1-Δ²/4) ∓ (1-Δ²/2), to first order in the sizes of the clusters.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    beta : float
        β > 0; the clusters are much smaller than 1/β.
    gap : float
        Distance 0 < Δ < 2 of the clusters; between antipodes heights are of second order.
    row_rate : float
        Learning rate η_x of the rows.

    Returns
    -------
    Contraction

    Raises
    ------
    TypeError, ValueError
        If n is below 2, Δ is not in (0, 2), or another number is not positive.

    Examples
    --------
    >>> alike, opposed = contraction(n=4, beta=5.0, gap=1.0)
    >>> round(alike, 12), round(opposed, 12)
    (1.71875, 2.96875)
    """
    pairs, length = _checks.validate_pair_count(n), _validate_gap(gap)
    if length == 2:
        raise ValueError("gap must be below 2: the heights of antipodal clusters are of 2nd order")
    a = _checks.validate_middling("beta", beta)
    factor = a * _checks.validate_middling("row_rate", row_rate) / pairs
    own, other = a / 2 * length**2 * (1 - length**2 / 4), 1 - length**2 / 2
    rates = _checks.computed("rates", lambda: factor * np.array([own - other, own + other]))
    return Contraction(*map(float, rates))


def check(trajectory: Trajectory) -> Check:
    """Hold a run against the bound, from the time on from which all pairs stay matched.

    The distance of the centres is Δ in the free model, and that of the unlifted rows in the
    parallel one. The margin is known at output times only, so α is the least of those.

    Where the temperature is learned without a ceiling, P is known from β. Elsewhere β may stand
    still or move by itself, and P is ∫ a g dt. For that the flow is integrated again, with the
    tolerances of the run, so that the integral is as accurate whatever states are kept.

    Parameters
    ----------
    trajectory : Trajectory
        Of a FreeModel or a ParallelModel, without swapping, whose pairs are matched at its end.

    Returns
    -------
    Check

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or was loaded without one, its loss is swapped, its
        pairs are not matched, with β > 0, at its last two kept times, or P is no float64.
    ArithmeticError
        If the flow fails where it is integrated again.
    """
    model = _validate_model(_checks.validate_trajectory(trajectory))
    first = _matched_from(trajectory)
    alpha = float(trajectory.margin[trajectory.kept[first] :].min())
    lengths = np.array([centre_distance(*model.rows(y)) for y in trajectory.y[first:]])
    changes, growth = np.abs(lengths - lengths[0]), _growth(model, trajectory, first)
    per_growth = _per_growth(model.n, alpha, model.row_rate)
    allowed = _checks.computed("the bound", lambda: per_growth * growth)
    beyond = np.maximum(changes - (trajectory.solver.rtol + trajectory.solver.atol), 0)
    shares = np.divide(beyond, allowed, out=np.where(beyond > 0, np.inf, 0), where=allowed > 0)
    return Check(
        since=float(trajectory.t[trajectory.kept[first]]),
        alpha=alpha,
        growth=float(growth[-1]),
        change=float(changes.max()),
        bound=float(allowed[-1]),
        share=float(shares.max()),
        holds=bool(shares.max() <= 1),
    )


def _growth(model: FreeModel | ParallelModel, trajectory: Trajectory, first: int) -> Array:
    """How far P has grown at the kept states since the first of them that counts."""
    temperature, kept = model.temperature, trajectory.kept[first:]
    if isinstance(temperature, Learned) and not temperature.clamped:
        at_beta = potential.potential(trajectory.beta[kept], temperature=temperature)
        grown: Array = at_beta - at_beta[0]
        return grown
    return _checks.computed("growth", lambda: _integral(model, trajectory, first))


def _integral(model: RowModel, trajectory: Trajectory, first: int) -> Array:
    """∫ a g dt to each kept state that counts, along the flow, which is integrated again."""
    clock, t = CLOCKS[trajectory.solver.clock], trajectory.t[trajectory.kept[first:]]
    edges, parts = [t[0]], [0.0]
    for step in trajectory.solver.steps([(model, t[0], t[-1])], trajectory.y[first].copy()):
        push = partial(_push, model, clock, step.dense_output())
        inside = t[(step.t_old < t) & (t < step.t)]
        for start, end in pairwise([step.t_old, *inside, step.t]):
            a, b = clock.reading(start), clock.reading(end)
            part = quad_vec(push, a, b, 0, 1e-6, "max", limit=PIECES, quadrature="gk15")[0]
            edges.append(end)
            parts.append(part)
    model.release()
    grown: Array = np.cumsum(parts)[np.searchsorted(edges, t)]
    return grown


def _push(model: RowModel, clock: Clock, state: Callable[[float], Array], s: float) -> float:
    """a g dt/ds, which is dP/ds where β moves with P, at a reading s of the clock."""
    t = clock.time(s)
    y = state(t)
    X, Y = model.rows(y)
    a = float(model.temperature.beta(t, y[model.end]))
    a *= model.scale(y) if isinstance(model, ParallelModel) else 1.0
    return a * loss.g(X @ Y.T, a) * (1.0 if clock.rate is None else clock.rate(s))


def _matched_from(trajectory: Trajectory) -> int:
    """The first kept state from which on the margin and β are positive at all output times."""
    outside = np.flatnonzero((trajectory.margin <= TIE) | (trajectory.beta <= 0))
    first = int(np.searchsorted(trajectory.kept, outside[-1] + 1 if outside.size else 0))
    if first == trajectory.kept.size:
        raise ValueError(
            "trajectory must have matched pairs and β > 0 at its end: the bound is about a margin"
            f" α(Z(t)) ≥ α > 0, which there is {trajectory.margin[-1]:.3g}"
        )
    if first == trajectory.kept.size - 1:
        raise ValueError(
            "trajectory must have two kept times from which on pairs stay matched, and has one,"
            f" t = {trajectory.t[-1]:g}: the bound is about a change between times"
        )
    return first


def _per_growth(n: float, alpha: float, row_rate: float) -> float:
    """(3√3/2) η_x/(nα), the bound at a growth of 1."""
    pairs, margin = _checks.validate_pair_count(n), _checks.validate_margin("alpha", alpha)
    return FORCE * _checks.validate_middling("row_rate", row_rate) / pairs / margin


def _validate_gap(gap: float) -> float:
    """A distance 0 < Δ ≤ 2 of centres."""
    number = validate_number("gap", gap)
    if not 0 < number <= 2:
        raise ValueError(f"gap must lie in (0, 2]: Δ = 0 has no direction and no half, got {gap}")
    return number


def _validate_model(trajectory: Trajectory) -> FreeModel | ParallelModel:
    """The model of a run that the bound is about."""
    model = trajectory.model
    if not isinstance(model, FreeModel | ParallelModel):
        raise ValueError(
            f"model must be a free or a parallel one: the bound is about rows, got {shown(model)}"
        )
    if trajectory.swap is not None or getattr(model, "mixing", None) is not None:
        raise ValueError("trajectory must have no swapping: the bound is about the loss of X and Y")
    return model
