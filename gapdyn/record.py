"""What an integration leaves: observables at every output time, and as many states as fit.

A run may end because memory has run out, so that ending it must not ask for more: the array of the
states always has a row to spare, for the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn.models.base import Observables
from gapdyn.types import Array

MAX_DRIFT = 1e-4
"""Largest departure of a row's length from 1 that is not an error."""
MEMORY = 2**28
"""Bytes of states that a run keeps, unless `keep_states` says to keep all of them."""


class Record:
    """Collects the rows of a trajectory: an interrupt leaves a row whole or not at all.

    `keep` is that of `flow`: with None as many states are kept as fit into `MEMORY`.
    """

    def __init__(self, model: Any, keep: bool | None) -> None:
        if keep is not None and not isinstance(keep, bool | np.bool_):
            raise TypeError(f"keep_states must be True, False or None, got {keep!r}")
        self.model = model
        self.keep = keep
        self.times: list[tuple[float, Any]] = []
        self.latest: list[tuple[int, Array]] = []
        self.kept: list[int] = []
        self.states = np.empty((0, 0))
        self.stride = 1
        self.drift: Any = 0.0

    def add(self, t: float, y: Array) -> None:
        """Record a state and what is observed of it; rows off the sphere are an error."""
        drift = self.model.drift(y)
        if not np.all(drift <= MAX_DRIFT):
            raise ArithmeticError(f"rows have drifted from unit length by {np.max(drift):.2g}")
        self._append(t, y)
        self.drift = np.maximum(self.drift, drift)

    def _append(self, t: float, y: Array) -> None:
        self.latest.append((len(self.times), y.copy()))
        self.times.append((float(t), self.model.observe(t, y)))
        self._settle()

    def _settle(self) -> None:
        """Store or drop all states but the latest."""
        while len(self.latest) > 1:
            index, y = self.latest[0]
            if index % self.stride == 0 and index not in self.kept[-1:]:
                self._store(index, y)
            del self.latest[0]

    def _store(self, index: int, y: Array) -> None:
        capacity = {True: np.inf, False: 1, None: max(1, MEMORY // y.nbytes - 1)}[self.keep]
        if len(self.kept) >= capacity:
            self._thin()
            if index % self.stride or len(self.kept) >= capacity:
                return
        count = len(self.kept)
        if count + 1 >= len(self.states):
            room = 1 + int(min(max(4, 2 * count), capacity))  # one to spare
            self.states.resize((room, y.size), refcheck=False)  # in place: a copy may not fit
        self.states[count] = y
        self.kept.append(index)

    def _thin(self) -> None:
        """Drop every other state."""
        kept, self.kept = self.kept[::2], self.kept[:1]  # consistent, should an interrupt come
        for k in range(1, len(kept)):
            self.states[k] = self.states[2 * k]
        self.kept = kept
        self.stride *= 2

    def fields(self, including: tuple[float, Array] | None = None) -> dict[str, Any]:
        """`t`, the observables, `y`, `kept` and `drift`, once the run has ended.

        `including` is the time and state reached, where it ended between two output times.
        """
        if including is not None and (not self.times or including[0] > self.times[-1][0]):
            self._append_last(*including)
        self._end()
        self.model.release()
        index, y = self.latest[0]
        kept = [k for k in self.kept if k != index]
        t, observables = zip(*self.times, strict=True)
        columns = map(np.array, zip(*observables, strict=True))
        return {
            "t": np.array(t),
            **dict(zip(Observables._fields, columns, strict=True)),
            "y": self._states(len(kept), y),
            "kept": np.array([*kept, index]),
            "drift": self.drift,
        }

    def _append_last(self, t: float, y: Array) -> None:
        """Append the state reached; without the memory to observe it, only if there is no other."""
        self._drop_torn()
        try:
            self._append(t, y)
        except MemoryError:
            if not self.times:
                nothing = np.nan * self.model.drift(y)
                self.latest = [(0, y)]
                self.times = [(float(t), Observables(*[nothing] * len(Observables._fields)))]

    def _drop_torn(self) -> None:
        """Drop states without observables."""
        self.latest = [state for state in self.latest if state[0] < len(self.times)]

    def _end(self) -> None:
        """Store all states but the last, or end with one for which there is no memory."""
        self._drop_torn()
        try:
            self._settle()
        except MemoryError:
            del self.latest[1:], self.times[self.latest[0][0] + 1 :]

    def _states(self, count: int, last: Array) -> Array:
        """The first `count` stored states and the last, in the memory that they have."""
        if count == len(self.states):
            return last[None]  # it is the only one
        self.states[count] = last
        self.states.resize((count + 1, last.size), refcheck=False)
        return self.states
