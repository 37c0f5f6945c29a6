"""How a flow is integrated: SciPy's method, the clock that it keeps, and when it may stop.

A clock s(t) replaces dy/dt = v by dy/ds = v dt/ds. On ``clock="log t"``, s = log(1 + t), so that
dy/ds = (1 + t) v. A learned temperature slows the flow down like 1/t: on this clock its velocities
stay of one size, so that it takes fewer steps, and SciPy's error norms, which square them, do not
underflow at late times. On ``clock="log beta"`` a model has that time itself (`LogBetaModel`).
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.integrate as integrate

from gapdyn.stationary import (
    LEAST_HEIGHT,
    PATIENCE,
    RELAXATIONS,
    Still,
    heights,
    settle,
)
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import shown, validate_count, validate_positive

METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
LOST = "the velocity is not finite"
"""How the error of a solver begins that ends where there is no velocity."""
EXPLICIT = ("RK23", "RK45", "DOP853")
OTHERS = {
    "LSODA": "method='Radau' or method='DOP853'",
    "Radau": "method='LSODA' or method='DOP853'",
    "BDF": "method='LSODA' or method='DOP853'",
    **dict.fromkeys(EXPLICIT, "method='LSODA' or method='Radau'"),
}
"""What to try instead of a method: each has flows that the others cannot follow."""
LEAST_RTOL = 100 * np.finfo(float).eps
MAX_STEPS = 1_000_000
FIRST_STEP = 1e-6
LONGEST, LONGEST_BY_T = 1e308, 1e150
"""Latest end times. On the clock t, the squares of velocities like 1/t leave float64 earlier."""
LARGEST_NUDGE = 1e-2
"""By how much of itself Radau and BDF may change a part of the state to see what follows."""
ARRIVAL = 1e5
"""Least differences of times within which a height that moves to its pole has arrived there."""
WINDOW = 400
"""Steps between two looks at the pace of a run."""
STEADY, GAIN = 5, 1.1
"""After so many windows without so much of a gain, the pace of a run is taken to stay as it is."""


class TooManyStepsError(ArithmeticError):
    """A run that needs more steps than it may take."""


class Field(Still, Protocol):
    """What is integrated: a model, or many members of one as a single state."""

    temperature: Temperature

    @property
    def settled(self) -> float:
        """The time from which on the velocity depends on the state alone."""


Interval = tuple[Field, float, float]
"""A vector field, and the times from and to which it is in force."""


class Clock(NamedTuple):
    """What a solver takes for time: s(t), its inverse t(s), and dt/ds as a function of s."""

    reading: Callable[[float], float]
    time: Callable[[float], float]
    rate: Callable[[float], float] | None


CLOCKS = {
    "t": Clock(float, float, None),
    "log t": Clock(np.log1p, np.expm1, np.exp),
    "log beta": Clock(float, float, None),  # the time of `LogBetaModel` itself
}


def validate_clock(clock: object) -> None:
    """Refuse what is no name of a clock."""
    if not isinstance(clock, str) or clock not in CLOCKS:
        names = " or ".join(map(repr, CLOCKS))
        raise ValueError(f"clock must be {names}, or left out, got {shown(clock)}")


class Step(NamedTuple):
    """An accepted step; `dense_output` makes the state at any time in it, a function of t."""

    t_old: float
    t: float
    y: Array
    dense_output: Callable[[], Callable[[float], Array]]
    stationary: bool = False


@dataclass(frozen=True)
class Solver:
    """How to integrate: SciPy's method, its error tolerances, the clock and the most steps."""

    rtol: float = 1e-8
    atol: float = 1e-10
    method: str = "DOP853"
    clock: str = "t"
    max_steps: int = MAX_STEPS

    def __post_init__(self) -> None:
        rtol, atol = validate_positive("rtol", self.rtol), validate_positive("atol", self.atol)
        if rtol < LEAST_RTOL:
            raise ValueError(f"rtol must be at least {LEAST_RTOL:.2g}, got {self.rtol}")
        if not isinstance(self.method, str) or self.method not in METHODS:
            raise ValueError(
                f"method must be one of {', '.join(METHODS)}, got {shown(self.method)}"
            )
        validate_clock(self.clock)
        most = validate_count("max_steps", self.max_steps, least=1)
        for name, value in (("rtol", rtol), ("atol", atol), ("max_steps", most)):
            object.__setattr__(self, name, value)

    def steps(self, intervals: Iterable[Interval], y: Array) -> Iterator[Step]:
        """Each accepted step; the solver begins anew with each interval and each break.

        Where the state has come to rest, the next step leads to the end of the interval.

        Raises
        ------
        ArithmeticError
            If a step fails, the velocity is not finite, or too many steps would be needed.
        """
        left = self.max_steps
        for field, first, last in intervals:
            slack = 8 * np.spacing(last)
            breaks = [t for t in field.temperature.breaks if min(t - first, last - t) > slack]
            for start, end in pairwise((first, *breaks, last)):
                for step in self._between(field, start, end, y, left):
                    left -= 1
                    yield step
                    y = step.y

    def _between(
        self, field: Field, start: float, end: float, y: Array, left: int
    ) -> Iterator[Step]:
        """The steps of one solver, at most `left`, through times without a break."""
        clock, options = CLOCKS[self.clock], self._options(field, y)
        first, last, before = clock.reading(start), clock.reading(end), start
        pace, lost = Pace(field, first, last, y, left), list[float]()
        velocity = self._velocity(field, clock, lost)
        solver = self._begin(velocity, first, last, y, options)
        while solver.status == "running":
            old = solver.y
            _bound_nudges(solver)
            lost.clear()
            try:
                with _quiet(self.method):
                    message = solver.step()
            except (ValueError, np.linalg.LinAlgError) as error:  # a Jacobian with NaN in it
                if not lost:
                    raise
                raise _failure("", lost) from error
            pole = _at_pole(field, before, solver.y) if solver.status == "failed" else None
            if pole is not None and before > start:
                yield from self._between(field, before, end, pole, left - pace.count)
                return
            if solver.status == "failed" or not np.isfinite(solver.y).all():
                raise _failure(message or "the state is not finite", lost)
            t = end if solver.status == "finished" else float(clock.time(solver.t))
            y = _inside(field, solver.y)
            yield Step(before, t, y, partial(_dense_output, field, solver, clock))
            before, steady = t, pace.is_steady(solver.t, solver.y)
            if t >= field.settled and t < end and (steady or (solver.y == old).all()):
                tolerance = options["atol"] + self.rtol * np.abs(solver.y)
                relaxations = PATIENCE if pace.is_hopeless else RELAXATIONS
                rest = settle(field, t, solver.y, tolerance, relaxations)
                if rest is not None:
                    yield Step(t, end, rest, partial(_at_rest, rest), stationary=True)
                    return
            pace.check()

    def _begin(
        self, velocity: Any, first: float, last: float, y: Array, options: dict[str, Any]
    ) -> Any:
        """SciPy's solver; it chooses its first step, unless that leaves float64."""
        make = partial(getattr(integrate, self.method), velocity, first, y, last)
        with _quiet(self.method):
            solver = make(**options)
            if getattr(solver, "h_abs", 1.0) == 0:  # a trial step as long as the run overflowed
                solver = make(**options, first_step=min(FIRST_STEP, last - first))
        return solver

    def _velocity(self, field: Field, clock: Clock, lost: list[float]) -> Any:
        """dy/ds; times at which it is not finite are added to `lost`.

        A trial step may lead there, and a shorter one is taken instead; but not by LSODA, which,
        given a NaN, may go on in silence or never end.
        """

        def velocity(s: float, y: Array) -> Array:
            t = clock.time(s)
            v = field.velocity(t, y)
            if not np.isfinite(v.sum()):
                lost.append(t)
                if self.method == "LSODA":
                    raise _failure("", lost)
            return v if clock.rate is None else clock.rate(s) * v

        return velocity

    def _options(self, field: Field, y: Array) -> dict[str, Any]:
        """What SciPy's solver is told of a field; its Jacobian, if it has one and that is wanted.

        The absolute tolerance is `atol`, and next to nothing for heights: dγ/dt ∝ γ, so that their
        error is relative.
        """
        atol = np.full(y.size, self.atol)
        for height in heights(field.split(atol)):
            height[...] = min(self.atol, LEAST_HEIGHT)
        options = {"rtol": self.rtol, "atol": atol, "max_step": field.temperature.max_step}
        known = {} if self.method in EXPLICIT else {"jac": getattr(field, "jacobian", None)}
        return options | known


def _failure(message: str, lost: list[float]) -> ArithmeticError:
    """What ended a solver: what it says, or where the velocity of its last step was not finite."""
    where = f"{LOST} at t = {lost[-1]:.6g}" if lost else message
    return ArithmeticError(where)


def _quiet(method: str) -> AbstractContextManager[Any]:
    """No warnings of trial states that overflow, or of LSODA, whose failures are errors."""
    numbers = np.errstate(over="ignore", invalid="ignore", divide="ignore")
    if method != "LSODA":
        return numbers
    stack = ExitStack()
    stack.enter_context(numbers)
    stack.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", "lsoda", UserWarning)
    return stack


def _bound_nudges(solver: Any) -> None:
    """Keep the differences small by which Radau and BDF make Jacobians, whatever they see.

    SciPy makes them ten times as large at each Jacobian in which they change nothing, as ν does
    under a schedule: after 315 of those they leave float64.
    """
    if (relative := getattr(solver, "jac_factor", None)) is not None:
        np.minimum(relative, LARGEST_NUDGE, out=relative)


def _inside(field: Field, y: Array) -> Array:
    """A state with its heights put back into [-1, 1]: a step that meets a pole may end past it."""
    for height in heights(field.split(y)):
        np.clip(height, -1, 1, out=height)
    return y


def _at_pole(field: Field, t: float, y: Array) -> Array | None:
    """A state with the heights at their poles that are there within no time, or None if none is.

    Near a pole an untied height moves as 1/√(1-γ²), and beyond it not at all. The last steps of an
    implicit method may be shorter than times can be told apart; one that begins there goes on.
    """
    velocity, arrived, found = field.velocity(t, y), y.copy(), False
    moments = ARRIVAL * np.spacing(t)
    parts = (heights(field.split(state)) for state in (arrived, velocity))
    for height, speed in zip(*parts, strict=True):
        there = (height * speed >= 0) & (1 - np.abs(height) <= moments * np.abs(speed))
        height[...] = np.where(there, np.sign(height), height)
        found |= bool(there.any())
    return arrived if found else None


def _dense_output(field: Field, solver: Any, clock: Clock) -> Callable[[float], Array]:
    """The state at times within the last step."""
    interpolant = solver.dense_output()
    return lambda t: _inside(field, interpolant(clock.reading(t)))


def _at_rest(y: Array) -> Callable[[float], Array]:
    """The same state at all times."""
    return lambda t: y


class Pace:
    """Counts the steps of a solver, and foresees how many more it needs.

    Parameters
    ----------
    field : Field
    start, end : float
        Where the clock begins and where it ends.
    y : (N,) array
        The first state.
    most : int
        Most steps in between.

    Raises
    ------
    TooManyStepsError
        If there are none.
    ValueError
        If the steps that the temperature allows are so short that they will not do.
    """

    def __init__(self, field: Field, start: float, end: float, y: Array, most: int) -> None:
        self.field, self.end, self.most, self.count = field, end, most, 0
        self.needed = 1.0
        self.check()
        self.readings, self.heights = deque([start], maxlen=STEADY + 1), self._heights(y)
        self.longest = field.temperature.max_step
        if (end - start) / self.longest > most:
            raise ValueError(
                f"{(end - start) / self.longest:.2g} steps are needed, beyond max_steps: the"
                f" temperature limits them to {self.longest:.2g}; try an earlier end, or a slower"
                " schedule"
            )

    def is_steady(self, s: float, y: Array) -> bool:
        """Count a step to s and y, and tell whether it ends a window in which the pace was steady.

        It is while steps do not become longer and no height falls to half of what it was.
        """
        self.count += 1
        self.needed = float(s < self.end)
        if self.count % WINDOW:
            return False
        self.readings.append(s)
        before, self.heights = self.heights, self._heights(y)
        windows, falls = np.diff(self.readings), (self.heights < before / 2).any()
        if falls or len(windows) < 2 or windows[-1] > GAIN * windows[-2]:
            return False
        if len(windows) == STEADY and windows[-1] <= GAIN * windows[0]:
            self.needed = WINDOW * (self.end - s) / max(windows[-1], np.spacing(s))
        return True

    @property
    def is_hopeless(self) -> bool:
        """Whether fewer steps are left than are needed, as far as is known."""
        return self.needed > self.most - self.count

    def check(self) -> None:
        """Raise a TooManyStepsError if the steps that are left will not do."""
        left = self.most - self.count
        if self.is_hopeless:
            more = f"{self.needed:.1g} more steps are needed, beyond max_steps"
            raise TooManyStepsError(more if left > 0 else "max_steps are done")

    def _heights(self, y: Array) -> Array:
        """The sizes of all heights, of none below `LEAST_HEIGHT`."""
        found = [np.ravel(height) for height in heights(self.field.split(y))]
        sizes: Array = np.maximum(np.abs(np.concatenate([*found, []])), LEAST_HEIGHT)
        return sizes
