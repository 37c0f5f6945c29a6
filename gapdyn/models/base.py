"""What every model shares: a flat state, named parts, one record of observables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import measures, sphere
from gapdyn._validate import (
    Array,
    validate_count,
    validate_height,
    validate_pairs,
    validate_positive,
)
from gapdyn.loss import CrossEntropy, Scratch, cut, mean_cross_entropy, strips
from gapdyn.temperature import Temperature


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
    mismatched : float
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


def across(gamma: float) -> float:
    """1 - γ², the share of the loss's scale that height γ leaves; 0 past the ends of [-1, 1]."""
    share: float = np.maximum((1 - gamma) * (1 + gamma), 0.0)
    return share


def within(gamma: float, velocity: float) -> float:
    """Projected flow on [-1, 1]: `velocity`, or 0 where it leads out."""
    return 0.0 if abs(gamma) >= 1 and gamma * velocity > 0 else velocity


class HeightState(NamedTuple):
    """Parts of a state: ν () and γ ()."""

    nu: Array
    gamma: Array


class HeightModel(Model):
    """A model of temperature and height alone: eq. (11) for some loss and pull at a = β(1-γ²)."""

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

    def rows(self, y: Array) -> tuple[Array, Array]:
        """Unit rows X, Y of a state, one new (2n, d) array in two halves."""
        W = sphere.unit(y[: 2 * self.n * self.d].reshape(2 * self.n, self.d))
        return W[: self.n], W[self.n :]

    @abstractmethod
    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """The modalities on the sphere that the gap is measured on."""

    def drift(self, y: Array) -> float:
        """Largest departure of a row's length from 1."""
        W = y[: 2 * self.n * self.d].reshape(2 * self.n, self.d)
        return float(np.abs(sphere.lengths(W) - 1).max())

    def _start_rows(self, X: ArrayLike, Y: ArrayLike) -> Array:
        """Checked, normalised and flat."""
        X, Y = validate_pairs(X, Y)
        if X.shape != (self.n, self.d):
            raise ValueError(f"X and Y must have shape {(self.n, self.d)}, got {X.shape}")
        return np.concatenate([sphere.normalise(X).ravel(), sphere.normalise(Y).ravel()])
