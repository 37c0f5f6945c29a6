"""What every model shares: a flat state, named parts, one record of observables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import batch, measures, sphere
from gapdyn.loss import CrossEntropy, Scratch, cut, mean_cross_entropy, strips
from gapdyn.temperature import Temperature, follow
from gapdyn.types import Array
from gapdyn.validate import validate_count, validate_height, validate_pairs, validate_positive


class Observables(NamedTuple):
    """What is said of a state, under the same names everywhere.

    Attributes
    ----------
    gap : float
        Δ = ‖c_X - c_Y‖ of the embeddings; 2|γ| in the scalar and the frozen model.
    tau, beta : float
        Temperature and its inverse.
    gamma : float
        Half the signed height difference of the centres; gap/2 in the free model.
    margin : float
        α(Z) of the rows, unlifted in the parallel model; NaN in the scalar model.
    mismatched : int
        Number of mismatched pairs; NaN in the scalar model.
    loss : float
        What the flow descends.
    """

    gap: float
    tau: float
    beta: float
    gamma: float
    margin: float
    mismatched: float
    loss: float


class Model(ABC):
    """A vector field on a flat state; the contract stands in `gapdyn.models`."""

    temperature: Temperature

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        follow(cls, Model, velocity="velocity_many", observe="observe_many", drift="drift_many")

    @property
    @abstractmethod
    def size(self) -> int:
        """Length N of a state."""

    @abstractmethod
    def split(self, y: Array) -> Any:
        """Views of the parts of a state or of a velocity."""

    @abstractmethod
    def rates(self) -> Any:
        """Learning rate of each part, named as in `split`."""

    @abstractmethod
    def loss(self, t: float, y: Array) -> float:
        """What the flow descends."""

    @abstractmethod
    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """dy/dt, into `out` where one is given."""

    @abstractmethod
    def observe(self, t: float, y: Array) -> Observables:
        """Everything that is said of a state."""

    def drift(self, y: Array) -> float:
        """Largest departure of a row's length from 1."""
        return 0.0

    def velocity_many(self, t: float, Y: Array, out: Array | None = None) -> Array:
        """dy/dt of each state, (B, N), into `out` where one is given."""
        out = np.empty_like(Y) if out is None else out
        for velocity, y in zip(out, np.ascontiguousarray(Y), strict=True):
            velocity[...] = self.velocity(t, y)
        return out

    def observe_many(self, t: float, Y: Array) -> tuple[Any, ...]:
        """Everything that is said of each state (B, N): the fields of `Observables`, each (B,)."""
        seen = [self.observe(t, y) for y in np.ascontiguousarray(Y)]
        return tuple(map(np.array, zip(*seen, strict=True)))

    def drift_many(self, Y: Array) -> Array:
        """Largest departure of a row's length from 1 in each state (B, N), as a (B,) array."""
        return np.array([self.drift(y) for y in np.ascontiguousarray(Y)])

    def mixed(self, mixing: Array | None) -> Any:
        """Put the loss behind a mixing array, where that leaves the model what it is.

        Raises
        ------
        ValueError
            In a model that has nothing to swap.
        """
        raise ValueError(f"swap wants rows that can mix: {type(self).__name__} has no rows to swap")


def check_temperature(temperature: Temperature) -> None:
    """Refuse what is not a temperature, at the door of each model."""
    if not isinstance(temperature, Temperature):
        raise TypeError(f"temperature must be Learned(), Fixed(tau), ..., got {temperature!r}")


def observe_rows(X: Array, Y: Array, a: float, memory: Array) -> tuple[float, int, float]:
    """Margin, number of mismatched pairs and loss ℓ(aZ) of Z = X Yᵀ, made in blocks of `memory`."""
    n = len(X)
    entropy, matches = CrossEntropy(n), np.empty(n)
    nearest_y, nearest_x = np.empty(n), np.full(n, -np.inf)
    for block in cut(n, len(memory)):
        Z = np.matmul(X[block], Y.T, out=memory[: block.stop - block.start])
        for rows, strip, diagonal in strips(block, Z):
            entropy.add(rows, a * strip)
            matches[rows] = diagonal
            diagonal[...] = -np.inf
            strip.max(axis=1, out=nearest_y[rows])
            np.maximum(nearest_x, strip.max(axis=0), out=nearest_x)
    margins = matches - np.maximum(nearest_x, nearest_y)
    return float(margins.min()), int((margins <= measures.TIE).sum()), float(entropy.mean())


def observe_pairs(Z: Array, a: float) -> tuple[float, int, float]:
    """Margin, number of mismatched pairs and loss ℓ(aZ) of similarities Z (n, n)."""
    margins = measures.pair_margins(Z)
    loss = float(mean_cross_entropy(a * Z))
    return float(margins.min()), int((margins <= measures.TIE).sum()), loss


def inverse(beta: float) -> float:
    """τ = 1/β, infinite where β passes through zero."""
    return float(1 / beta) if beta != 0 else np.inf


Heights = TypeVar("Heights", float, Array)
"""One height, or one for each of many members."""


def across(gamma: Heights) -> Heights:
    """1 - γ², the share of the loss's scale that height γ leaves; 0 past the ends of [-1, 1]."""
    share: Heights = np.maximum((1 - gamma) * (1 + gamma), 0.0)
    return share


def within(gamma: float, velocity: float) -> float:
    """Projected flow on [-1, 1]: `velocity`, or 0 where it leads out."""
    return 0.0 if abs(gamma) >= 1 and gamma * velocity > 0 else velocity


def inverse_many(beta: Array) -> Array:
    """`inverse` of each."""
    tau: Array = np.divide(1.0, beta, out=np.full_like(beta, np.inf), where=beta != 0)
    return tau


def within_many(gamma: Array, velocity: Array) -> Array:
    """`within` of each."""
    return np.where((np.abs(gamma) >= 1) & (gamma * velocity > 0), 0.0, velocity)


def into(out: Array | None, result: Array) -> Array:
    """`result`, in `out` where one is given."""
    if out is None:
        return result
    out[...] = result
    return out


class HeightState(NamedTuple):
    """Parts of a state: ν () and γ ()."""

    nu: Array
    gamma: Array


class HeightModel(Model):
    """A model of temperature and height alone: eq. (11) for some loss and pull at a = β(1-γ²)."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        follow(cls, HeightModel, pull_at="pull_many", pairs_at="pairs_many")

    @property
    def size(self) -> int:
        """2."""
        return 2

    @abstractmethod
    def loss_at(self, a: float) -> float:
        """The loss at scale a."""

    @abstractmethod
    def pull_at(self, a: float) -> float:
        """g(a), minus the derivative of the loss."""

    @abstractmethod
    def pairs_at(self, a: float) -> tuple[float, float, float]:
        """Margin, number of mismatched pairs and loss at scale a."""

    def start(self, *, tau: float | None = None, gamma: float) -> Array:
        """State at temperature `tau` and height `gamma`.

        Raises
        ------
        TypeError, ValueError
            If `gamma` is outside [-1, 1], or `tau` is missing, not positive, or not that of a
            temperature that has its own.
        """
        return np.array([self.temperature.nu(tau), validate_height("gamma", gamma)])

    def split(self, y: Array) -> HeightState:
        """ν and γ as views."""
        return HeightState(y[0, ...], y[1, ...])

    def rates(self) -> HeightState:
        """Learning rates of ν and γ."""
        return HeightState(np.asarray(self.temperature.rate), np.asarray(1.0))

    def loss(self, t: float, y: Array) -> float:
        """The loss at a = β(1-γ²)."""
        return self.loss_at(self.temperature.beta(t, y[0]) * across(y[1]))

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Eq. (11): dβ/dt = η β'(ν)² (1-γ²) g, η the rate of ν, and dγ/dt = -2βγ g."""
        out = np.empty_like(y) if out is None else out
        nu, gamma = y
        beta = self.temperature.beta(t, nu)
        g = self.pull_at(beta * across(gamma))
        out[0] = self.temperature.velocity(t, nu, across(gamma) * g)
        out[1] = within(gamma, -2 * beta * gamma * g)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables; the gap is 2|γ|."""
        beta, gamma = float(self.temperature.beta(t, y[0])), float(np.clip(y[1], -1, 1))
        pairs = self.pairs_at(float(beta * across(gamma)))
        return Observables(2 * abs(gamma), inverse(beta), beta, gamma, *pairs)

    def velocity_many(self, t: float, Y: Array, out: Array | None = None) -> Array:
        """`velocity` of each state."""
        nu, gamma = Y.T
        beta, room = self.temperature.beta_many(t, nu), across(gamma)
        g = self.pull_many(beta * room)
        parts = (
            self.temperature.velocity_many(t, nu, room * g),
            within_many(gamma, -2 * beta * gamma * g),
        )
        return into(out, np.array(parts).T)

    def observe_many(self, t: float, Y: Array) -> tuple[Any, ...]:
        """`observe` of each state."""
        beta, gamma = self.temperature.beta_many(t, Y[:, 0]), np.clip(Y[:, 1], -1, 1)
        pairs = self.pairs_many(beta * across(gamma))
        return 2 * np.abs(gamma), inverse_many(beta), beta, gamma, *pairs

    def pull_many(self, a: Array) -> Array:
        """`pull_at` of each scale (B,)."""
        return np.array([self.pull_at(one) for one in a])

    def pairs_many(self, a: Array) -> tuple[Any, ...]:
        """`pairs_at` of each scale (B,)."""
        return tuple(map(np.array, zip(*map(self.pairs_at, a), strict=True)))


class RowModel(Model):
    """A model whose state begins with the rows of X and of Y, normalised wherever they are used."""

    n: int
    d: int
    row_rate: float
    budget: int
    _scratch: Scratch

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", validate_count("budget", self.budget, least=1))
        object.__setattr__(self, "_scratch", Scratch(self.budget))
        object.__setattr__(self, "n", validate_count("n", self.n, least=2))
        object.__setattr__(self, "d", validate_count("d", self.d, least=2))
        object.__setattr__(self, "row_rate", validate_positive("row_rate", self.row_rate))
        check_temperature(self.temperature)

    def stacked(self, y: Array) -> Array:
        """Rows of X, then of Y, (2n, d), of a state: a view."""
        return y[: 2 * self.n * self.d].reshape(2 * self.n, self.d)

    def rows(self, y: Array) -> tuple[Array, Array]:
        """Unit rows X, Y of a state, one new (2n, d) array in two halves."""
        W = sphere.unit(self.stacked(y))
        return W[: self.n], W[self.n :]

    @abstractmethod
    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """The modalities on the sphere that the gap is measured on."""

    def drift(self, y: Array) -> float:
        """Largest departure of a row's length from 1."""
        return float(np.abs(sphere.lengths(self.stacked(y)) - 1).max())

    @property
    def small(self) -> bool:
        """Whether many members are better computed side by side than one by one."""
        return self.n**2 * self.d < batch.MOST_PRODUCTS

    def rows_many(self, S: Array) -> Array:
        """Rows of X, then of Y, (2n, d, B), of states (N, B): a view."""
        return S[: 2 * self.n * self.d].reshape(2 * self.n, self.d, -1)

    def drift_many(self, Y: Array) -> Array:
        """`drift` of each state."""
        W = self.rows_many(np.ascontiguousarray(Y.T))
        largest: Array = np.abs(batch.lengths(W) - 1).max(axis=0)
        return largest

    def _start_rows(self, X: ArrayLike, Y: ArrayLike) -> Array:
        """Checked, normalised and flat."""
        X, Y = validate_pairs(X, Y)
        if X.shape != (self.n, self.d):
            raise ValueError(f"X and Y must have shape {(self.n, self.d)}, got {X.shape}")
        return np.concatenate([sphere.normalise(X).ravel(), sphere.normalise(Y).ravel()])
