"""What every model shares: a flat state, named parts, one record of observables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import sphere
from gapdyn._inherits import inherits
from gapdyn._kernels.law import SOFTMAX, Law
from gapdyn._kernels.memory import Scratch
from gapdyn.losses import INFONCE, Loss, check_loss
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import (
    shown,
    validate_count,
    validate_height,
    validate_pairs,
    validate_positive,
    validate_shape,
)


class Observables(NamedTuple):
    """Observables of a state, with the same names in every model; of many states, (B,) arrays.

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
    bias : float
        That of the sigmoid loss, relative or plain; 0 where there is none.
    """

    gap: Any
    tau: Any
    beta: Any
    gamma: Any
    margin: Any
    mismatched: Any
    loss: Any
    bias: Any = 0.0

    @classmethod
    def of(
        cls, gap: Any, beta: Any, gamma: Any, pairs: tuple[Any, Any, Any], bias: Any = 0.0
    ) -> Observables:
        """Add τ = 1/β, infinite at β = 0; the observables of one state are plain numbers."""
        if np.ndim(beta) == 0:
            beta = float(beta)
            tau = 1 / beta if beta else np.inf
            margin, mismatched, loss = (np.asarray(field).item() for field in pairs)
            return cls(float(gap), tau, beta, float(gamma), margin, mismatched, loss, float(bias))
        with np.errstate(over="ignore"):  # of the smallest β
            tau = np.divide(1.0, beta, out=np.full(beta.shape, np.inf), where=beta != 0)
        return cls(gap, tau, beta, gamma, *pairs, np.broadcast_to(bias, beta.shape))


class Model(ABC):
    """A vector field on a flat state; the contract stands in `gapdyn.models`."""

    temperature: Temperature
    objective: Loss = INFONCE
    """The loss that it was made with; `loss` is its value."""

    @property
    def settled(self) -> float:
        """The time from which on the velocity depends on the state alone, as far as is known."""
        return np.inf

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
    def loss(self, t: float, y: Array) -> Any:
        """What the flow descends."""

    @abstractmethod
    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """dy/dt of one state or of many, into `out` where one is given."""

    @abstractmethod
    def observe(self, t: float, y: Array) -> Observables:
        """All observables of one state or of many."""

    def drift(self, y: Array) -> Any:
        """Largest departure of a row's length from 1."""
        return np.zeros(y.shape[1:])[()]

    def release(self) -> None:  # noqa: B027 (a model need not keep any)
        """Let go of the memory that one call of `velocity` leaves for the next."""

    def mixed(self, mixing: Array | None) -> Any:
        """Put the loss behind a mixing array, where that leaves the model what it is.

        Raises
        ------
        ValueError
            In a model that has nothing to swap.
        """
        raise ValueError(f"swap wants rows that can mix: {type(self).__name__} has no rows to swap")


class WithArrays:
    """A frozen dataclass with read-only arrays, equal to others of its class by their entries."""

    locked: ClassVar[tuple[str, ...]]
    """Names of the arrays that nobody may write to."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # What `dataclass` would write into a subclass compares arrays with ==.
        for name in {"__eq__", "__hash__"} - vars(cls).keys():
            setattr(cls, name, getattr(cls, name))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._key() == other._key())

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __setstate__(self, state: Any) -> None:
        # Of a copy; it is two mappings where a subclass has slots.
        for part in state if isinstance(state, tuple) else (state,):
            for name, value in (part or {}).items():
                object.__setattr__(self, name, value)
        self._lock()

    def _lock(self) -> None:
        """Make the arrays read-only, which those of a pickle or a deep copy are not."""
        for name in self.locked:
            array = getattr(self, name)
            if array is not None:
                array.flags.writeable = False

    def _key(self: Any) -> tuple[Any, ...]:
        compared = [getattr(self, field.name) for field in fields(self) if field.compare]
        return tuple(
            (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
            for value in compared
        )


def store(model: Any, **values: Any) -> None:
    """Set fields of a frozen dataclass."""
    for name, value in values.items():
        object.__setattr__(model, name, value)


def check_temperature(temperature: Temperature) -> None:
    """Raise a TypeError unless this is a temperature."""
    if not isinstance(temperature, Temperature):
        got = shown(temperature)
        raise TypeError(f"temperature must be Learned(), Fixed(tau), ..., got {got}")


def one_minus_square(gamma: Any) -> Any:
    """1 - γ², what height γ leaves of the loss's scale; 0 past the ends of [-1, 1]."""
    left = (1 - gamma) * (1 + gamma)
    return left * (left > 0)


def projected(gamma: Any, velocity: Any) -> Any:
    """Projected flow on [-1, 1]: `velocity`, or 0 where it leads out."""
    return velocity * ~((abs(gamma) >= 1) & (gamma * velocity > 0))


class HeightState(NamedTuple):
    """Parts of a state: ν () and γ (), of many states (B,)."""

    nu: Array
    gamma: Array


class BiasedHeightState(NamedTuple):
    """Parts of a state with a bias ()."""

    nu: Array
    gamma: Array
    bias: Array


class HeightModel(Model):
    """A model of temperature, height and bias alone: eq. (11) for some loss and pull.

    Similarities are (1-γ²)Z - γ² with Z of the model's own, so that logits are aZ - c with
    a = β(1-γ²), and c by the loss.
    """

    @property
    def settled(self) -> float:
        """That of the temperature, unless a subclass has its own velocity."""
        known = inherits(self, HeightModel, "velocity")
        return self.temperature.settled if known else np.inf

    @property
    def size(self) -> int:
        """2, or 3 with a bias."""
        return 2 + self.objective.has_bias

    @abstractmethod
    def loss_at(self, a: Any) -> Any:
        """The loss at scale a."""

    @abstractmethod
    def pull_at(self, a: Any) -> Any:
        """g(a), minus the derivative of the loss, at one scale or at many (B,)."""

    @abstractmethod
    def pairs_at(self, a: Any) -> tuple[Any, Any, Any]:
        """Margin, number of mismatched pairs and loss at one scale or at many (B,)."""

    def start(self, *, tau: float | None = None, gamma: float, bias: float = 0.0) -> Array:
        """State at temperature `tau`, height `gamma` and, where it moves, `bias`.

        Raises
        ------
        TypeError, ValueError
            If `gamma` is outside [-1, 1], or `tau` is missing, not positive, or not that of a
            temperature that has its own, or the loss has no bias.
        """
        height = validate_height("gamma", gamma)
        return np.array([self.temperature.nu(tau), height, *self.objective.start(bias)])

    def split(self, y: Array) -> HeightState | BiasedHeightState:
        """ν, γ and, where it moves, the bias as views."""
        state = BiasedHeightState if self.objective.has_bias else HeightState
        return state(*(y[k, ...] for k in range(self.size)))

    def rates(self) -> HeightState | BiasedHeightState:
        """Learning rates of ν, γ and, where it moves, the bias."""
        rates = map(np.asarray, (self.temperature.rate, 1.0, self.objective.bias_rate))
        return self.split(np.array([*rates]))

    def _parts(self, t: float, y: Array) -> tuple[Any, Any, Any, Law, tuple[Any, ...]]:
        """β, 1-γ², the bias, the law of the logits, and a with this law, unless it is softmax."""
        beta, scale = self.temperature.beta(t, y[0]), one_minus_square(y[1])
        bias = y[2] if self.objective.has_bias else 0.0
        law, a = self.objective.law(beta, scale - 1, bias), beta * scale
        return beta, scale, bias, law, (a,) if law is SOFTMAX else (a, law)

    def loss(self, t: float, y: Array) -> Any:
        """The loss at a = β(1-γ²)."""
        *_, at = self._parts(t, y)
        return self.loss_at(*at)

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Eq. (11): dβ/dt = η β'(ν)² (1-γ²) g, η the rate of ν, and dγ/dt = -2βγ g.

        With a bias, β feels (∂c/∂β) S besides, S the sum of the gradient in the logits, and
        dγ/dt = -2βγ(g - S).
        """
        out = np.empty_like(y) if out is None else out
        beta, scale, bias, law, at = self._parts(t, y)
        g = self.pull_at(*at)
        force = scale * g + self.objective.slope(scale - 1, bias) * law.total
        out[0] = self.temperature.velocity(t, y[0], force)
        out[1] = projected(y[1], -2 * beta * y[1] * (g - law.total))
        if self.objective.has_bias:
            out[2] = self.objective.bias_velocity(beta, law.total)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables; the gap is 2|γ|."""
        beta, _, bias, _, at = self._parts(t, y)
        pairs, gamma = self.pairs_at(*at), np.clip(y[1], -1, 1)
        return Observables.of(2 * np.abs(gamma), beta, gamma, pairs, bias)


class RowModel(Model):
    """A model whose state begins with the rows of X and of Y, normalised wherever they are used."""

    n: int
    d: int
    row_rate: float
    budget: int
    end: int
    """Where the rows end in a state and ν is stored: 2·n·d."""
    _rows_shape: tuple[int, int]
    _scratch: Scratch

    def __post_init__(self) -> None:
        budget = validate_count("budget", self.budget, least=1)
        n, d = validate_shape(n=self.n, d=self.d, least=2)
        store(self, n=n, d=d, end=2 * n * d, _rows_shape=(2 * n, d))
        store(self, row_rate=validate_positive("row_rate", self.row_rate))
        store(self, budget=budget, _scratch=Scratch(budget))
        check_temperature(self.temperature)
        check_loss(self.objective)

    def release(self) -> None:
        """Let go of the similarities that the calls of this thread share."""
        self._scratch.arrays.clear()

    def stacked(self, y: Array) -> Array:
        """Rows of X, then of Y, (2n, d) or (2n, d, B), of a state or of many: a view."""
        return y[: self.end].reshape(self._rows_shape + y.shape[1:])

    def rows(self, y: Array) -> tuple[Array, Array]:
        """Unit rows X, Y of a state, one new (2n, d) array in two halves; of many, (2n, d, B)."""
        W = sphere.unit(self.stacked(y))
        return W[: self.n], W[self.n :]

    @abstractmethod
    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """The modalities on the sphere that the gap is measured on."""

    def drift(self, y: Array) -> Any:
        """Largest departure of a row's length from 1."""
        return np.abs(sphere.plain_lengths(self.stacked(y)) - 1).max(axis=0)

    def _start_rows(self, X: ArrayLike, Y: ArrayLike) -> Array:
        """Checked, normalised and flat."""
        X, Y = validate_pairs(X, Y)
        if X.shape != (self.n, self.d):
            raise ValueError(f"X and Y must have shape {(self.n, self.d)}, got {X.shape}")
        return np.concatenate([sphere.normalise(X).ravel(), sphere.normalise(Y).ravel()])
