"""Tell whether a flow has come to rest.

An explicit method hovers about a stable stationary state at the distance of its tolerance, for ever
at the longest step at which it is stable. So a state is first relaxed: Euler's steps as long as the
fastest rate λ allows take off what decays fast. It is at rest if its velocity is then zero up to
rounding, entry by entry: no larger than what rounding errors of the state make of it. A state from
which only rounding errors would lead away, a saddle, is at rest too.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gapdyn.types import Array

EPS = float(np.finfo(np.float64).eps)
NUDGE = 1e-11
"""Length of the perturbations by which rates are measured: heights may be as near to a pole."""
RELAXATIONS, PATIENCE = 200, 10_000
"""Euler's steps, where a run can go on and where it would be given up otherwise: what decays at a
rate of λ/5 or more, or λ/250, is gone after them."""
FAR = 100
"""Tolerances of a step by which relaxing may move a state at rest."""
NOISE = 32
"""Velocities that rounding errors of the state make, and how much larger zero may be."""
LEAST_HEIGHT = 1e-50
"""A height as small as this is zero. Each decade more would cost a hundred steps of RK45."""


class Still(Protocol):
    """A vector field that depends on the state alone, from some time on."""

    def velocity(self, t: float, y: Array, /) -> Array:
        """dy/dt."""

    def split(self, y: Array, /) -> Any:
        """Views of the parts of a state."""


def settle(
    field: Still, t: float, y: Array, tolerance: Array, relaxations: int = RELAXATIONS
) -> Array | None:
    """The state of rest that y has come to, to a tolerance (N,), or None while it still moves."""
    if not field.velocity(t, y).any():
        return y
    draws = np.random.default_rng(0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rate = _fastest_rate(field, t, y, draws)
        rest = y.copy()
        for _ in range(relaxations):
            rest += field.velocity(t, rest) / rate
        still = np.abs(field.velocity(t, rest)) <= NOISE * _noise(field, t, rest, draws)
    return rest if (still & (np.abs(rest - y) <= FAR * tolerance)).all() else None


def heights(parts: Any) -> list[Array]:
    """The heights among the named parts of a state, as views."""
    names = getattr(parts, "_fields", ())
    return [getattr(parts, name) for name in names if name.startswith("gamma")]


def _fastest_rate(field: Still, t: float, y: Array, draws: np.random.Generator) -> float:
    """The largest rate λ at which a perturbation of y changes, by power iteration."""
    v, change, rate = field.velocity(t, y), draws.standard_normal(y.size), 0.0
    for _ in range(12):
        change *= NUDGE / np.linalg.norm(change)
        change = field.velocity(t, y + change) - v
        rate = max(rate, float(np.linalg.norm(change)) / NUDGE)
    return rate


def _noise(field: Still, t: float, y: Array, draws: np.random.Generator) -> Array:
    """By how much rounding errors of a state change each entry of its velocity."""
    v = field.velocity(t, y)
    rounded = (y * (1 + EPS * draws.choice([-1, 1], y.size)) for _ in range(8))
    noise = [np.abs(field.velocity(t, other) - v) for other in rounded]
    largest: Array = np.max(noise, axis=0, where=np.isfinite(noise), initial=0.0)
    return largest
