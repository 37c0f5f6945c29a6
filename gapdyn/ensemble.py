"""Gradient flow of many starts of one model, as one integration."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.flow import (
    IntegrationError,
    Trajectory,
    choose_clock,
    choose_method,
    drive,
    explain,
    flow,
    output_times,
)
from gapdyn.models import LogBetaModel, Model, Observables
from gapdyn.models.log_beta import LOG_BETA
from gapdyn.record import MAX_DRIFT, Record
from gapdyn.solver import EXPLICIT, LEAST_RTOL, LOST, MAX_STEPS, Solver
from gapdyn.temperature import check_elementwise
from gapdyn.types import Array
from gapdyn.validate import shown, validate_array, validate_bool, validate_count


def flow_many(
    model: Model,
    Y0: ArrayLike,
    t: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    method: str | None = None,
    clock: str | None = None,
    max_steps: int = MAX_STEPS,
    keep_states: bool | None = None,
    progress: bool = False,
) -> list[Trajectory]:
    """Integrate the gradient flow of a model from many starts at once.

    All members take the same steps, and each of them meets the tolerances. The solver's error norm
    is a root mean square over all entries of all members, so the solver is given 1/√B of the
    tolerances. (The norm of DOP853 contains an error of third order as well, which is averaged over
    the members.) This is faster than a loop over `flow` where members are small, by the ratios in
    docs/performance.md; from n²d = 65536 on nothing is gained. Each step is as short as the most
    demanding member needs. Give thousands of members about a thousand at a time, so that they stay
    in the cache. Swapping is for `flow` alone.

    Parameters
    ----------
    model : Model
    Y0 : (B, N) array
        States at time 0, each from `model.start`.
    t : float or (T,) array of floats
        As in `flow`; output times, or accepted steps, are common to all members.
    rtol, atol : float
        Error tolerances of a step, of each member.
    method : str, optional
        As in `flow`. Radau, BDF and LSODA need a Jacobian, so they integrate one member after the
        other, each with its own steps: a Jacobian of all of them would have (BN)² entries.
    clock, max_steps
        As in `flow`.
    keep_states : bool, optional
        As in `flow`. Left out, the states of all members together fit into 256 MB, and for a moment
        at the end take twice that, if there is the memory.
    progress : bool
        As in `flow`.

    Returns
    -------
    list of B Trajectory
        In the order of the starts.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as in `flow`, `Y0` is not (B, N), `rtol` is below 2.2e-14 √B, or a
        user's model or temperature does not take many states at once.
    IntegrationError
        If the integration of any member fails, or is interrupted. It has all trajectories so far in
        `trajectories`, and that of the member that failed in `trajectory`.

    Examples
    --------
    Twenty random starts; the mean gap at the end, and how far apart they are:

    >>> import numpy as np
    >>> import gapdyn as gd
    >>> model = gd.FreeModel(n=5, d=3, temperature=gd.Learned())
    >>> starts = [
    ...     model.start(gd.sphere.sample(5, 3, seed), gd.sphere.sample(5, 3, 100 + seed), tau=0.07)
    ...     for seed in range(20)
    ... ]
    >>> runs = gd.flow_many(model, starts, 1e3)
    >>> gaps = np.array([run.gap[-1] for run in runs])
    >>> round(float(gaps.mean()), 3), round(float(gaps.std()), 3)
    (0.235, 0.112)
    """
    starts, progress = _validate_starts(model, Y0), validate_bool("progress", progress)
    end, times = output_times(t)
    clock = choose_clock(clock, model, end)
    if clock == LOG_BETA:
        model = LogBetaModel.of(model, starts.T, end)
    solver = Solver(rtol, atol, choose_method(method, clock), clock, max_steps)
    together = solver.method in EXPLICIT
    least = LEAST_RTOL * np.sqrt(len(starts))
    if together and rtol < least:
        raise ValueError(f"rtol must be at least {least:.2g} for {len(starts)} members, got {rtol}")
    with np.errstate(over="ignore", invalid="ignore"):
        _check_starts(*(_taken_together if together else _taken_apart)(model, starts))
    if together:
        record = Record(Members(model, len(starts)), keep_states)
        return _together(record, starts, end, times, solver, progress)
    return _one_by_one(
        model, starts, t, **asdict(solver), keep_states=keep_states, progress=progress
    )


def _validate_starts(model: Model, Y0: ArrayLike) -> Array:
    """A copy of states that fit the model, a state a row."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be a gapdyn.Model, got {shown(model)}")
    starts = validate_array("Y0", Y0, ndim=2).astype(np.float64)
    validate_count("the number of rows of Y0", len(starts), least=1)
    if starts.shape[1] != model.size:
        raise ValueError(f"Y0 must have {model.size} columns as {model}, got {starts.shape[1]}")
    return starts


def _taken_apart(model: Model, starts: Array) -> tuple[Array, Array]:
    """Drift (B,) and velocity (N, B) of states, each taken alone."""
    velocities = [np.array(model.velocity(0.0, y)) for y in starts]
    return np.array([model.drift(y) for y in starts]), np.array(velocities).T


def _taken_together(model: Model, starts: Array) -> tuple[Array, Array]:
    """Drift and velocity of states as columns, if that gives what it gives of each alone."""
    columns, ends = np.ascontiguousarray(starts.T), [0, len(starts) - 1]
    alone, cause = _taken_apart(model, starts[ends])[1], None
    if hasattr(model.split(starts[0]), "nu"):
        check_elementwise(model.temperature, np.array([model.split(y).nu for y in starts]))
    try:
        model.split(columns)
        drift = np.broadcast_to(model.drift(columns), len(starts))
        velocity = np.asarray(model.velocity(0.0, columns))
        seen = model.observe(0.0, columns)
        shapes = {np.shape(field) for field in (*seen[:-1], seen.bias + 0 * drift)}
        if velocity.shape == columns.shape and shapes == {drift.shape}:
            slack = 1e-6 * np.abs(alone).max()
            if np.allclose(velocity[:, ends], alone, rtol=1e-6, atol=slack, equal_nan=True):
                return drift, velocity
    except (TypeError, ValueError, IndexError) as error:
        cause = error
    raise ValueError(
        "model must take many states as columns: split, velocity, observe and drift of an (N, B)"
        f" array must be those of its columns; {model} does otherwise"
    ) from cause


def _check_starts(drift: Array, velocity: Array) -> None:
    """Refuse states off the sphere or without a velocity."""
    if (drift > MAX_DRIFT).any():
        raise ValueError(
            f"Y0 must hold rows of unit length, row {drift.argmax()} does not: make it with"
            " model.start"
        )
    moving = np.isfinite(velocity).all(axis=0)
    if not moving.all():
        raise ValueError(
            f"Y0 must have finite velocities, row {moving.argmin()} has none: its β is too large"
        )


def _together(
    record: Record, starts: Array, end: float, times: Array | None, solver: Solver, progress: bool
) -> list[Trajectory]:
    """One integration of all members."""
    members: Members = record.model
    root = float(np.sqrt(members.count))
    joint = replace(solver, rtol=max(solver.rtol / root, LEAST_RTOL), atol=solver.atol / root)
    state = starts.T.ravel()
    steps = joint.steps([(members, 0.0, end)], state)
    fields, error = drive(record, steps, state, end, times, progress)
    runs = members.trajectories(fields, solver, starts)
    if error is not None:
        failed = members.lost if LOST in str(error) else None
        who = "" if failed is None else f"member {failed}: "
        why = explain(error, fields["t"][-1], end, solver)
        message = f"{who}{why}, those of all members in .trajectories"
        raise IntegrationError(message, runs[failed or 0], runs) from error
    return runs


def _one_by_one(model: Model, starts: Array, t: ArrayLike, **options: Any) -> list[Trajectory]:
    """A flow for each member."""
    runs: list[Trajectory] = []
    for member, start in enumerate(starts):
        try:
            runs.append(flow(model, start, t, **options))
        except IntegrationError as error:
            message = f"member {member}: {error}, those up to it in .trajectories"
            runs.append(error.trajectory)
            raise IntegrationError(message, error.trajectory, runs) from error
    return runs


class Members:
    """Many members of one model as one vector field, whose state holds theirs as columns."""

    def __init__(self, model: Model, count: int) -> None:
        self.model = model
        self.temperature = model.temperature
        self.settled = model.settled
        self.count = count
        self.lost: int | None = None

    def columns(self, y: Array) -> Array:
        """The states (N, B) of a flat state, as a view."""
        return y.reshape(-1, self.count)

    def split(self, y: Array) -> Any:
        """The parts of all members, as views with their axis last."""
        return self.model.split(self.columns(y))

    def velocity(self, t: float, y: Array) -> Array:
        """dy/dt; `lost` is the last member without one, for which the solver steps shorter."""
        velocity = self.model.velocity(t, self.columns(y))
        if not np.isfinite(velocity.sum()):
            self.lost = int(np.isfinite(velocity).all(axis=0).argmin())
        return velocity.ravel()

    def observe(self, t: float, y: Array) -> Observables:
        """Observables, whose fields are (B,) arrays; a model without a bias may leave it out."""
        seen = self.model.observe(t, self.columns(y))
        return seen._replace(bias=np.broadcast_to(seen.bias, self.count))

    def drift(self, y: Array) -> Array:
        """Largest departure of a row's length from 1 in each member."""
        drift = np.asarray(self.model.drift(self.columns(y)))
        if not (drift <= MAX_DRIFT).all():
            self.failed = int(drift.argmax())
        return drift

    def release(self) -> None:
        """Let go of the memory that the model keeps between calls."""
        self.model.release()

    def trajectories(
        self, fields: dict[str, Any], solver: Solver, starts: Array
    ) -> list[Trajectory]:
        """A trajectory for each member, of the fields of all."""
        times, kept = fields["t"], fields["kept"]
        drift = np.broadcast_to(fields["drift"], self.count)
        states = fields["y"].reshape(kept.size, -1, self.count).transpose(2, 0, 1)
        with suppress(MemoryError):  # or else the members stay views of one array
            states = states.copy()
        columns = {name: np.ascontiguousarray(fields[name].T) for name in Observables._fields}
        return [
            Trajectory(
                t=times.copy(),
                **{name: column[member] for name, column in columns.items()},
                y=states[member],
                kept=kept.copy(),
                drift=float(drift[member]),
                model=self.model,
                solver=solver,
                start=starts[member].copy(),
                stationary=fields["stationary"],
            )
            for member in range(self.count)
        ]
