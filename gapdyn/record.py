"""What an integration leaves: observables at every output time, and as many states as fit."""

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
        if count == len(self.states):
            room = int(min(max(4, 2 * count), capacity))
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
        self.latest = [state for state in self.latest if state[0] < len(self.times)]
        if including is not None and (not self.times or including[0] > self.times[-1][0]):
            self._append(*including)
        self._settle()
        self.model.release()
        index, y = self.latest[0]
        kept = [k for k in self.kept if k != index]
        self.states.resize((len(kept) + 1, y.size), refcheck=False)
        self.states[-1] = y
        t, observables = zip(*self.times, strict=True)
        columns = map(np.array, zip(*observables, strict=True))
        return {
            "t": np.array(t),
            **dict(zip(Observables._fields, columns, strict=True)),
            "y": self.states,
            "kept": np.array([*kept, index]),
            "drift": self.drift,
        }
