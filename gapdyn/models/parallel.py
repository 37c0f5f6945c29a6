"""The paper's model, eq. (3): each modality on a circle of latitude of its own.

The theorems of the paper are about this one: Lemma 3.1 holds for any path of its rows, Theorem 3.2
for any with a margin, and Theorem 3.3 is about time 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import batch, measures, sphere
from gapdyn.loss import BUDGET, pull_rows, rows_cross_entropy
from gapdyn.models.base import (
    Observables,
    RowModel,
    across,
    into,
    inverse,
    inverse_many,
    observe_rows,
    within,
    within_many,
)
from gapdyn.temperature import Temperature
from gapdyn.types import Array


class ParallelState(NamedTuple):
    """Parts of a tied state: X and Y (n, d) before lifting, ν () and γ ()."""

    X: Array
    Y: Array
    nu: Array
    gamma: Array


class UntiedState(NamedTuple):
    """Parts of an untied state: X and Y (n, d) before lifting, ν (), γ_X () and γ_Y ()."""

    X: Array
    Y: Array
    nu: Array
    gamma_x: Array
    gamma_y: Array


@dataclass(frozen=True)
class ParallelModel(RowModel):
    """Gradient flow of ℓ(β X̃ Ỹᵀ) over unit rows X, Y, ν and the heights of (3).

    Tied, γ_X = γ = -γ_Y, the similarities are (1-γ²) Z - γ² with Z = X Yᵀ; untied they are
    √((1-γ_X²)(1-γ_Y²)) Z + γ_X γ_Y. The constant drops out of the loss: ℓ(aZ) with a = β(1-γ²) or
    a = β√((1-γ_X²)(1-γ_Y²)). Heights have learning rate 1 and are kept to [-1, 1].

    Parameters
    ----------
    n, d : int
        Number of pairs and dimension before lifting, both at least 2.
    temperature : Temperature
    tied : bool
        One height γ as in the paper, or one for each modality.
    row_rate : float
        Learning rate of the rows.
    budget : int
        Bytes of similarities that are stored; more than that are made in blocks of rows, twice.

    Raises
    ------
    TypeError, ValueError
        If n or d is below 2, `temperature` is no Temperature, `tied` is no bool, or `row_rate` is
        not positive.

    Examples
    --------
    >>> from gapdyn import sphere, temperature
    >>> model = ParallelModel(n=5, d=2, temperature=temperature.Learned())
    >>> y = model.start(*sphere.polygon_pairs(5, rotation=2), tau=0.07, gamma=0.31)
    >>> round(model.observe(0.0, y).gap, 12), model.embeddings(y)[0].shape
    (0.62, (5, 3))
    """

    n: int
    d: int
    temperature: Temperature
    tied: bool = True
    row_rate: float = 1.0
    budget: int = field(default=BUDGET, repr=False, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.tied, bool | np.bool_):
            raise TypeError(f"tied must be True or False, got {self.tied!r}")
        object.__setattr__(self, "tied", bool(self.tied))

    @property
    def size(self) -> int:
        """2nd + 2, untied 2nd + 3."""
        return 2 * self.n * self.d + (2 if self.tied else 3)

    def start(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        tau: float | None = None,
        gamma: float | None = None,
        gamma_x: float | None = None,
        gamma_y: float | None = None,
    ) -> Array:
        """State of rows X, Y (n, d), normalised, at temperature `tau` and the given heights.

        A tied model takes `gamma`; an untied one `gamma_x` and `gamma_y`, or `gamma` for γ and -γ,
        inside (-1, 1), since its gradient has no bound at the poles.

        Raises
        ------
        TypeError, ValueError
            If the arrays are not real floats of the model's shape with rows of some length, a
            height is missing or outside its range, or `tau` is missing, not positive, or not that
            of a temperature that has its own.
        """
        if self.tied and (gamma_x is not None or gamma_y is not None):
            raise ValueError("gamma_x and gamma_y want a model with tied=False; give gamma")
        if self.tied and gamma is None:
            raise ValueError("gamma must be given: a tied model has one height")
        heights = sphere.resolve_heights(gamma, gamma_x, gamma_y)
        if not self.tied and max(map(abs, heights)) == 1:
            raise ValueError("gamma_x and gamma_y must lie inside (-1, 1): the poles are singular")
        nu = self.temperature.nu(tau)
        return np.concatenate([self._start_rows(X, Y), [nu, *heights[: 1 if self.tied else 2]]])

    def split(self, y: Array) -> ParallelState | UntiedState:
        """X, Y, ν and the heights as views."""
        n, d = self.n, self.d
        end = 2 * n * d
        X, Y = y[: n * d].reshape(n, d), y[n * d : end].reshape(n, d)
        if self.tied:
            return ParallelState(X, Y, y[end, ...], y[end + 1, ...])
        return UntiedState(X, Y, y[end, ...], y[end + 1, ...], y[end + 2, ...])

    def rates(self) -> ParallelState | UntiedState:
        """Learning rates of X, Y, ν and the heights."""
        rates = [self.row_rate, self.row_rate, self.temperature.rate, 1.0]
        if self.tied:
            return ParallelState(*map(np.asarray, rates))
        return UntiedState(*map(np.asarray, [*rates, 1.0]))

    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """Lifted rows X̃ and Ỹ of (3), both (n, d + 1)."""
        X, Y = self.rows(y)
        gamma_x, gamma_y = self.heights(y)
        return sphere.at_height(X, gamma_x), sphere.at_height(Y, gamma_y)

    def heights(self, y: Array) -> tuple[float, float]:
        """γ_X and γ_Y of a state, kept to [-1, 1]."""
        heights = np.clip(y[2 * self.n * self.d + 1 :], -1, 1)
        return float(heights[0]), float(-heights[0] if self.tied else heights[1])

    def scale(self, y: Array) -> Any:
        """a/β: 1-γ², untied √((1-γ_X²)(1-γ_Y²)); of states (N, B) for each of them."""
        end = 2 * self.n * self.d
        if self.tied:
            return across(y[end + 1])
        scale: Any = np.sqrt(across(y[end + 1]) * across(y[end + 2]))
        return scale

    def mixed(self, mixing: Array | None) -> RowModel:
        """Refuse: entries of the other modality have another height.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            "swap wants rows that can mix: swapping would take the modalities of a ParallelModel"
            " off their circles of latitude (3)"
        )

    def loss(self, t: float, y: Array) -> float:
        """ℓ(aZ)."""
        X, Y = self.rows(y)
        a = self.temperature.beta(t, y[2 * self.n * self.d]) * self.scale(y)
        return rows_cross_entropy(X, Y, a, self.budget)

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Eq. (4) on the rows, eq. (11) on ν and γ.

        dβ/dt = η β'(ν)² (a/β) g; tied dγ/dt = -2βγ g; untied dγ_X/dt = -a γ_X g/(1-γ_X²).
        """
        out = np.empty_like(y) if out is None else out
        end = 2 * self.n * self.d
        nu, W, dW = y[end], self.stacked(y), self.stacked(out)
        beta, scale = self.temperature.beta(t, nu), self.scale(y)
        g = pull_rows(W, beta * scale, self.row_rate, dW, scratch=self._scratch)
        out[end] = self.temperature.velocity(t, nu, scale * g)
        for k in range(end + 1, self.size):
            gamma = y[k]
            if self.tied:
                out[k] = within(gamma, -2 * beta * gamma * g)
            else:
                room = max(across(gamma), np.finfo(float).eps)
                out[k] = within(gamma, -beta * scale * gamma * g / room)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables; the gap is that of the lifted rows, the margin that of the unlifted ones."""
        beta = float(self.temperature.beta(t, y[2 * self.n * self.d]))
        X, Y = self.rows(y)
        gamma_x, gamma_y = self.heights(y)
        return Observables(
            measures.centre_distance(sphere.at_height(X, gamma_x), sphere.at_height(Y, gamma_y)),
            inverse(beta),
            beta,
            (gamma_x - gamma_y) / 2,
            *observe_rows(X, Y, float(beta * self.scale(y)), self._scratch.similarities(self.n)),
        )

    def velocity_many(self, t: float, Y: Array, out: Array | None = None) -> Array:
        """`velocity` of each state."""
        if not self.small:
            return super().velocity_many(t, Y, out)
        S = np.ascontiguousarray(Y.T)
        V, end = np.empty_like(S), 2 * self.n * self.d
        beta, scale = self.temperature.beta_many(t, S[end]), self.scale(S)
        g = batch.pull_rows(
            self.rows_many(S),
            beta * scale,
            self.row_rate,
            self.rows_many(V),
            scratch=self._scratch,
        )
        V[end] = self.temperature.velocity_many(t, S[end], scale * g)
        for gamma, velocity in zip(S[end + 1 :], V[end + 1 :], strict=True):
            if self.tied:
                velocity[...] = within_many(gamma, -2 * beta * gamma * g)
            else:
                room = np.maximum(across(gamma), np.finfo(float).eps)
                velocity[...] = within_many(gamma, -beta * scale * gamma * g / room)
        return into(out, V.T)

    def observe_many(self, t: float, Y: Array) -> tuple[Any, ...]:
        """`observe` of each state."""
        if not self.small:
            return super().observe_many(t, Y)
        S = np.ascontiguousarray(Y.T)
        end = 2 * self.n * self.d
        beta, heights = self.temperature.beta_many(t, S[end]), np.clip(S[end + 1 :], -1, 1)
        gamma_x, gamma_y = heights[0], -heights[0] if self.tied else heights[1]
        W = batch.unit(self.rows_many(S))
        level = batch.centre_distance(
            np.sqrt(1 - gamma_x**2) * W[: self.n], np.sqrt(1 - gamma_y**2) * W[self.n :]
        )
        pairs = batch.observe_rows(W, beta * self.scale(S))
        gap, gamma = np.hypot(level, gamma_x - gamma_y), (gamma_x - gamma_y) / 2
        return gap, inverse_many(beta), beta, gamma, *pairs
