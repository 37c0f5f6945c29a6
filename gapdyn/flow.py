"""Gradient flow, eq. (4), through scipy.integrate, and the trajectory that it leaves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gapdyn import _saved
from gapdyn.files import replacing, write_columns
from gapdyn.models import LogBetaModel, Model, Observables
from gapdyn.models.log_beta import LOG_BETA, log_times
from gapdyn.readers import read_arrays
from gapdyn.record import MAX_DRIFT, Record
from gapdyn.solver import (
    LONGEST,
    LONGEST_BY_T,
    MAX_STEPS,
    OTHERS,
    Interval,
    Solver,
    Step,
    TooManyStepsError,
    validate_clock,
)
from gapdyn.swap import Swap
from gapdyn.types import Array
from gapdyn.validate import (
    has_masked,
    shown,
    validate_array,
    validate_bool,
    validate_number,
    validate_positive,
)

if TYPE_CHECKING:
    from gapdyn.film import Film


class IntegrationError(RuntimeError):
    """An integration that failed or was interrupted.

    Attributes
    ----------
    trajectory : Trajectory
        All that was computed, up to the last accepted step.
    trajectories : list of Trajectory
        The same of every member, in `flow_many`; `trajectory` is that of the member that failed,
        or of the first where it is not known which did.
    t : float
        The time reached.
    """

    def __init__(
        self, message: str, trajectory: Trajectory, trajectories: list[Trajectory] | None = None
    ) -> None:
        super().__init__(message)
        self.trajectory = trajectory
        self.trajectories = [trajectory] if trajectories is None else trajectories
        self.t = float(trajectory.t[-1])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.trajectory, self.trajectories)


class Snapshot(NamedTuple):
    """Observables and state at one time; names and meanings as in `Observables`."""

    t: float
    y: Array
    gap: float
    tau: float
    beta: float
    gamma: float
    margin: float
    mismatched: float
    loss: float
    bias: float


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """A path of a model, with its observables.

    Attributes
    ----------
    t : (T,) array
        Times, increasing; on the clock "log beta" log(β/β₀), and `log_t` has the times.
    y : (K, N) array
        States that were kept: all, unless they were too large or `keep_states` said otherwise.
    gap, tau, beta, gamma, margin, mismatched, loss, bias : (T,) arrays
        Observables, as `gapdyn.models.Observables` defines them.
    drift : float
        Largest departure of a row's length from 1.
    model : Model or None
        What moved; None in a loaded trajectory whose model could not be written down.
    solver : Solver
        How it was integrated.
    swap : Swap or None
        What mixed the modalities in front of the loss.
    kept : (K,) int array
        Which times the states are of: y[k] is the state at t[kept[k]]. The first and the last
        always are.
    start : (N,) array or None
        The state at time 0, which need not be an output time; None in files of version 0.1.0.
    stationary : float or None
        When the state was found to be at rest, up to rounding: it is the same from then to the end.
        None where it moves to the end, or was not found to be at rest.
    """

    t: Array
    y: Array
    gap: Array
    tau: Array
    beta: Array
    gamma: Array
    margin: Array
    mismatched: Array
    loss: Array
    drift: float
    model: Model | None
    solver: Solver
    swap: Swap | None = None
    kept: NDArray[np.intp] = None  # type: ignore[assignment]
    start: Array | None = None
    stationary: float | None = None
    bias: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.bias is None:
            object.__setattr__(self, "bias", np.zeros(self.t.size))
        if self.kept is None:
            object.__setattr__(self, "kept", np.arange(self.t.size))

    def __repr__(self) -> str:
        states = "" if self.kept.size == self.t.size else f", {self.kept.size} states kept"
        return f"Trajectory of {self.model}, {self.t.size} times to t = {self.t[-1]:g}{states}"

    def at(self, t: float) -> Snapshot:
        """Observables and state at any time in between.

        Where no state is kept, the flow is integrated again from the last one before it, with the
        tolerances and the swapped segments of the run. The result is as accurate as the run.

        Parameters
        ----------
        t : float
            A time in [self.t[0], self.t[-1]].

        Returns
        -------
        Snapshot
            Fields `t`, `y` and the observables.

        Raises
        ------
        ValueError
            If `t` is outside the trajectory, or between kept states of a trajectory that was
            loaded without its model.
        ArithmeticError
            If a run with `t` in it would have failed there.
        """
        return self._at(validate_number("t", t))

    def _at(self, t: float, before: Snapshot | None = None) -> Snapshot:
        """As `at`, where integration may begin at an earlier snapshot."""
        if not self.t[0] <= t <= self.t[-1]:
            raise ValueError(f"t must lie in [{self.t[0]:g}, {self.t[-1]:g}], got {t}")
        k = int(np.searchsorted(self.t, t, side="right")) - 1
        j = int(np.searchsorted(self.kept, k, side="right")) - 1
        start, y = float(self.t[self.kept[j]]), self.y[j].copy()
        if before is not None and start < before.t < t - 8 * np.spacing(t):
            start, y = before.t, before.y.copy()
        if self.stationary is not None and t >= self.stationary:
            k, j, y = self.t.size - 1, self.kept.size - 1, self.y[-1].copy()
        stored = k == self.t.size - 1 or t - self.t[k] <= 8 * np.spacing(t)  # no solver steps less
        if not stored or self.kept[j] != k:
            if self.model is None:
                raise ValueError(
                    "t must be a stored time with its state: this trajectory was loaded without a"
                    " model"
                )
            for state in self.solver.steps(_intervals(self.model, self.swap, start, t), y):
                y = state.y
            self.model.release()
        if stored:
            return Snapshot(t, y, *(getattr(self, name)[k] for name in Observables._fields))
        assert self.model is not None
        seen = self.model.observe(t, y)
        self.model.release()
        return Snapshot(t, y, *seen)

    @property
    def log_t(self) -> Array:
        """Natural logarithm (K,) of the time since the start, at the times of `y`.

        On the clock "log beta" it is the integral over what is kept, and the more accurate the
        denser that is: with output at every step to about 1e-6, relative to the logarithm.

        Raises
        ------
        ValueError
            On that clock, in a trajectory that was loaded without its model or start.
        """
        s, states = self.t[self.kept], self.y
        if self.solver.clock != LOG_BETA:
            with np.errstate(divide="ignore"):
                return np.log(s)
        if not isinstance(self.model, LogBetaModel) or self.start is None:
            raise ValueError("log_t wants a model and a start: this trajectory was loaded without")
        late = int(s[0] > 0)  # the integral begins at 0, which need not be an output time
        if late:
            s, states = np.append(0.0, s), np.vstack([self.start, states])
        return log_times(s, self.model.log_rate(states.T))[late:]

    def animate(self, *, frames: int = 72) -> Film:
        """Show the run in motion, evenly in log t: a notebook displays what this returns.

        Parameters
        ----------
        frames : int
            From 3 to 10,000.

        Returns
        -------
        Film
            `save(path)` writes the GIF.

        Raises
        ------
        TypeError, ValueError
            If the model has no rows on a sphere (free and parallel models have), was not loaded
            with its run, the run has one time alone or is on the clock "log beta", or `frames` is
            no integer from 3 to 10,000.
        """
        from gapdyn.film import film  # here, so that import gapdyn leaves Matplotlib alone

        return film(self, frames=frames)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `columns()`: t,gap,tau,beta,gamma,margin,mismatched,loss, and bias if there is one.

        Raises
        ------
        OSError
            If the file cannot be written, or is being written by another process or thread.
        """
        write_columns(path, self.columns())

    def columns(self) -> dict[str, Array]:
        """`t` and the observables by name, `bias` where it is not always 0.

        On the clock "log beta" t is `log(beta/beta0)`.
        """
        first = "log(beta/beta0)" if self.solver.clock == LOG_BETA else "t"
        seen = {name: getattr(self, name) for name in Observables._fields}
        if not self.bias.any():
            del seen["bias"]
        return {first: self.t} | seen

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one npz file, for `load`: states, observables, model, tolerances.

        The model and the swap are left out, both, where one of them cannot be written down: a class
        of the user's, a subclass of one of gapdyn's, or a temperature that is a function.

        Raises
        ------
        OSError
            If the file cannot be written, or is being written by another process or thread.
        """
        members = _saved.pack(self)
        with replacing(path, "wb") as stream:
            np.savez(stream, **members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Read what `save` wrote, in this version or in 0.1.0.

        Raises
        ------
        OSError
            If the file is missing or cannot be read.
        ValueError
            If it is not a saved trajectory, is damaged, or its parts do not fit each other.
        """
        stored = read_arrays(os.fspath(path))
        try:
            values = _saved.unpack(stored, [field.name for field in fields(cls)])
            solver = values.pop("solver")
            known = Solver(**solver) if isinstance(solver, dict) else Solver(*solver)
            return cls(**values, solver=known)
        except (TypeError, ValueError) as error:
            why = " ".join(str(error).split())  # in one line, where it shows an array
            raise ValueError(f"path must be a saved trajectory, {path} is not: {why}") from error


def flow(
    model: Model,
    y0: ArrayLike,
    t: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    method: str | None = None,
    clock: str | None = None,
    max_steps: int = MAX_STEPS,
    swap: Swap | None = None,
    keep_states: bool | None = None,
    progress: bool = False,
) -> Trajectory:
    """Integrate the gradient flow of a model from time 0, eq. (4).

    Parameters
    ----------
    model : Model
    y0 : (N,) array
        State at time 0, from `model.start`.
    t : float or (T,) array of floats
        An end time > 0, for output at 0 and at every accepted step; or increasing output times
        from 0 on; up to 1e308. On the clock "log beta" they are readings of the clock.
    rtol, atol : float
        Error tolerances of a step, relative and absolute. `atol` is not for heights: since
        dγ/dt ∝ γ, they keep their relative accuracy down to 1e-50, or to `atol` if that is less;
        a smaller height counts as zero.
    method : str, optional
        SciPy's: RK23, RK45, DOP853, Radau, BDF or LSODA; left out, it is DOP853, and Radau on the
        clock "log beta". While pairs come to match, the flow is not stiff, and the explicit DOP853
        is the cheapest. It is stiff where mismatched pairs hold a height near the pole at large β:
        rates are of the order of β² (τ ≤ 0.01), and of β⁴ untied (τ ≤ 0.03). LSODA is the
        method for that, or Radau for τ far below it, as long as an N × N Jacobian fits into memory.
    clock : {"t", "log t", "log beta"}, optional
        What the solver takes for time: t itself, or log(1 + t), on which velocities are larger by
        1 + t, so that late steps are long ones and errors stay under control up to t = 1e308. Left
        out, it is "log t" for a learned temperature, and beyond t = 1e150. Times and
        velocities of models are those of t on these two.

        "log beta" is for later than that: for a free model of a few hundred entries, from a state
        in which β grows, as it does once all pairs match, up to β of about 1e11. The given `t`, and
        that of the trajectory, are then log(β/β₀), and `log_t` says how late it is.
    max_steps : int
        Most steps of the run. It stops as soon as they are plainly too few: when for 2,000 steps
        its pace has not risen, and more than are left would be needed at this pace.
    swap : Swap, optional
        `HardSwap(p)` or `SoftSwap(p)`: random segments of time in which the loss sees mixed
        modalities, Section 4 and Appendix D.2 of the paper. The observables, the loss among them,
        stay those of `model` at every time. The solver restarts at both ends of a swapped segment.
    keep_states : bool, optional
        Whether to keep the states of all output times, or of the first and the last alone. Left
        out, as many are kept as fit into 256 MB, evenly spaced in output times. Observables are
        kept at all times, and `at` gives back any state.
    progress : bool
        Whether to show a bar, even in log(1 + t).

    Returns
    -------
    Trajectory
        Where the state comes to rest, the flow ends at once: `stationary` says when.

    Raises
    ------
    TypeError, ValueError
        If the state does not fit the model, times do not increase from 0 on or go beyond 1e308, a
        tolerance is not positive or `rtol` below 2.2e-14, the method or the clock is unknown or
        unfit, the velocity at the start is not finite, `keep_states` is no bool, or `swap` is no
        Swap, cannot be of this model, or has more than 10 million segments up to the end time.
    IntegrationError
        If the integration fails, is interrupted, or would need more than `max_steps`, with the
        trajectory so far attached.

    Examples
    --------
    >>> from gapdyn import ScalarModel, Fixed
    >>> model = ScalarModel(Fixed(tau=1.0))
    >>> run = flow(model, model.start(gamma=0.5), [0.0, 1.0, 10.0])
    >>> [round(float(gap), 4) for gap in run.gap]
    [1.0, 0.4361, 0.0006]

    On from where all pairs match, until β is e¹⁴ times as large:

    >>> from gapdyn import FreeModel, Learned, sphere
    >>> model = FreeModel(n=3, d=4, temperature=Learned())
    >>> X, Y = sphere.sample(3, 4, seed=0), sphere.sample(3, 4, seed=1)
    >>> early = flow(model, model.start(X, Y, tau=0.07), 1e4)
    >>> late = flow(model, early.y[-1], 14.0, clock="log beta")
    >>> bool(late.log_t[-1] > 1e7)
    True
    """
    state, progress = _validate_start(model, y0), validate_bool("progress", progress)
    end, times = output_times(t)
    clock = choose_clock(clock, model, end)
    if clock == LOG_BETA:
        model = LogBetaModel.of(model, state, end)
        if swap is not None:
            raise ValueError(f"swap must be None on the clock {LOG_BETA!r}: its segments are in t")
    solver = Solver(rtol, atol, choose_method(method, clock), clock, max_steps)
    intervals = _intervals(model, swap, 0.0, end)
    with np.errstate(over="ignore", invalid="ignore"):
        velocity = model.velocity(0.0, state)
    if not np.isfinite(velocity).all():
        raise ValueError("y0 must have a finite velocity: is its β too large, or a row zero?")
    record = Record(model, keep_states)
    fields, error = drive(record, solver.steps(intervals, state), state, end, times, progress)
    trajectory = Trajectory(**fields, model=model, solver=solver, swap=swap, start=state)
    if error is not None:
        raise IntegrationError(explain(error, trajectory.t[-1], end, solver), trajectory) from error
    return trajectory


def choose_method(method: str | None, clock: str) -> str:
    """The given method, or the one that suits the clock."""
    suits = "Radau" if clock == LOG_BETA else "DOP853"
    return suits if method is None else method


def choose_clock(clock: str | None, model: Model, end: float) -> str:
    """The clock of a run to `end`: the given one if it can go so far, or the one that suits it."""
    free = model.temperature.max_step == np.inf
    if clock is not None:
        validate_clock(clock)
    if isinstance(model, LogBetaModel):
        if clock not in (None, LOG_BETA):
            raise ValueError(f"clock must be {LOG_BETA!r} or left out for {model}, got {clock!r}")
        return LOG_BETA
    if clock is None:
        slows = model.temperature.slows or end > LONGEST_BY_T
        return "log t" if free and slows else "t"
    if clock == "log t" and not free:
        kind = type(model.temperature).__name__
        raise ValueError(f"clock must be 't', on which a {kind} limits the step")
    if clock == "t" and end > LONGEST_BY_T:
        raise ValueError(f"clock must be 'log t' or left out for t > {LONGEST_BY_T:g}, got {end:g}")
    return clock


def _validate_start(model: Model, y0: ArrayLike) -> Array:
    """A copy of a state that fits the model."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be a gapdyn.Model, got {shown(model)}")
    state = validate_array("y0", y0, ndim=1).astype(np.float64)
    if state.size != model.size:
        raise ValueError(f"y0 must have {model.size} entries as {model}, got {state.size}")
    if model.drift(state) > MAX_DRIFT:
        raise ValueError("y0 must have rows of unit length: make it with model.start")
    return state


def drive(
    record: Record, steps: Iterator[Step], y: Array, end: float, times: Array | None, progress: bool
) -> tuple[dict[str, Any], BaseException | None]:
    """Record all steps from y, or the output times; return that and what cut it short."""
    reached, cause = (0.0, y), None
    stationary: float | None = None
    try:
        if times is None or times[0] == 0:
            record.add(*reached)
        with _bar(end) if progress else nullcontext() as bar:
            for step in steps:
                if times is None:
                    record.add(step.t, step.y)
                else:
                    _interpolate(record, step, times)
                reached, stationary = (step.t, step.y), step.t_old if step.stationary else None
                if bar is not None:
                    bar.set_postfix_str(f"t = {step.t:.3g}", refresh=False)
                    bar.update(float(np.log1p(step.t)) - bar.n)
    except (Exception, KeyboardInterrupt) as error:
        cause = error
    fields = record.fields(None if cause is None else reached)
    return {**fields, "stationary": stationary}, cause


def explain(error: BaseException, t: float, end: float, solver: Solver) -> str:
    """Say what ended an integration at time t, and what to try."""
    reading = "log(β/β₀)" if solver.clock == LOG_BETA else "t"
    where = f"at {reading} = {t:.6g} of {end:.6g}"
    kept = "the trajectory so far is in .trajectory"
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted {where}; {kept}"
    message = f"integration stopped {where}: {error}; {kept}"
    if isinstance(error, TooManyStepsError):
        message += f"; try {OTHERS[solver.method]}, an earlier end, or a larger max_steps"
    elif isinstance(error, ArithmeticError):  # the solver's and not the user's schedule's
        message += f"; try another rtol, or {OTHERS[solver.method]}"
    return message


def _intervals(model: Model, swap: Swap | None, start: float, end: float) -> Iterable[Interval]:
    """Which vector field is in force when between two times: the model, or a mix of it."""
    if swap is None:
        return [(model, start, end)]
    if not isinstance(swap, Swap):
        raise TypeError(f"swap must be HardSwap(p), SoftSwap(p) or None, got {shown(swap)}")
    if getattr(model, "mixing", None) is not None:
        raise ValueError("swap must be None for a model that has a mixing of its own")
    return swap.intervals(model, start, end)


def output_times(t: ArrayLike) -> tuple[float, Array | None]:
    """End time, and the output times where they were given."""
    if has_masked(t, 1):  # before NumPy forgets it
        raise ValueError("t must have no masked entries")
    try:
        given = np.asarray(t)
    except ValueError as error:
        raise ValueError("t must be a time or one axis of increasing times") from error
    if given.dtype.kind not in "iuf":
        raise TypeError(f"t must be a time or increasing times, got {shown(t)}")
    with np.errstate(over="ignore"):  # a longdouble may be too large
        times = given.astype(np.float64)
    if times.ndim == 0:
        if validate_positive("t", given.item()) > LONGEST:
            raise ValueError(f"t must be at most {LONGEST:g}, got {times}")
        return float(times), None
    if times.ndim != 1 or times.size == 0:
        raise ValueError(f"t must be a time or one axis of times, got shape {times.shape}")
    if not np.isfinite(times).all():
        raise ValueError(f"t must be finite in float64, got {given[~np.isfinite(times)][0]!s}")
    if times[-1] > LONGEST:
        raise ValueError(f"t must be at most {LONGEST:g}, got {times[-1]}")
    if times[0] < 0 or (np.diff(times) <= 0).any() or times[-1] == 0:
        raise ValueError("t must be increasing times, the first not negative, the last positive")
    return float(times[-1]), times


def _interpolate(record: Record, step: Step, times: Array) -> None:
    """Record the output times within the last step."""
    inside = times[(times > step.t_old) & (times <= step.t)]
    if inside.size:
        interpolant = step.dense_output() if inside.size > 1 or inside[0] != step.t else None
        for t in inside:
            record.add(t, step.y if t == step.t or interpolant is None else interpolant(t))


def _bar(end: float) -> Any:
    """A progress bar, even in log(1 + t)."""
    from tqdm import tqdm

    layout = "flow: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    return tqdm(total=float(np.log1p(end)), bar_format=layout)
