"""The free model, eq. (1): unit rows without further constraint. Figure 2 is about this one."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import measures, sphere
from gapdyn._inherits import inherits
from gapdyn._kernels import observe_rows, pull_rows
from gapdyn._kernels.law import Law
from gapdyn._kernels.memory import BUDGET
from gapdyn._kernels.mixing import mix
from gapdyn._kernels.rows import rows_cross_entropy
from gapdyn.losses import INFONCE, Loss
from gapdyn.models.base import Observables, RowModel, WithArrays, store
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import validate_mixing


class FreeState(NamedTuple):
    """Parts of a state: X and Y (n, d), ν (); of many states each with a last axis B."""

    X: Array
    Y: Array
    nu: Array


class BiasedFreeState(NamedTuple):
    """Parts of a state with a bias ()."""

    X: Array
    Y: Array
    nu: Array
    bias: Array


@dataclass(frozen=True, init=False)
class FreeModel(WithArrays, RowModel):
    """Gradient flow of ℓ(β X Yᵀ), eq. (1), over unit rows X, Y, ν and the bias, if there is one.

    Parameters
    ----------
    n, d : int
        Number of pairs and dimension, both at least 2.
    temperature : Temperature
    row_rate : float
        Learning rate of the rows, relative to the same unit as that of ν.
    mixing : (n, d) or (n, 1) array of floats in [0, 1], optional
        λ of a swapped loss, ℓ(β X̄ Ȳᵀ) with X̄ = λ∘X + (1-λ)∘Y and Ȳ = λ∘Y + (1-λ)∘X (Section 4 of
        the paper). The rows, their gap and their margin remain those of X and Y.
    loss : InfoNCE or Sigmoid
        What the flow descends, which is kept as `objective`. With a bias it is a part of the state.
    budget : int
        Bytes of similarities that are stored; more than that are made in blocks of rows, twice
        under InfoNCE.

    Raises
    ------
    TypeError, ValueError
        If n or d is below 2, `temperature` is no Temperature, `loss` no Loss, `row_rate` is not
        positive, or `mixing` is not an array of floats of its shape and range.

    Examples
    --------
    >>> from gapdyn import sphere, temperature
    >>> model = FreeModel(n=5, d=2, temperature=temperature.Learned())
    >>> y = model.start(*sphere.polygon_pairs(5), tau=0.07)
    >>> model.split(y).X.shape, model.observe(0, y).mismatched
    ((5, 2), 0)
    """

    locked = ("mixing",)

    n: int
    d: int
    temperature: Temperature
    row_rate: float = 1.0
    mixing: Array | None = field(default=None, repr=False)
    objective: Loss = field(default=INFONCE, kw_only=True)
    budget: int = field(default=BUDGET, repr=False, compare=False, kw_only=True)

    def __init__(
        self,
        n: int,
        d: int,
        temperature: Temperature,
        row_rate: float = 1.0,
        mixing: ArrayLike | None = None,
        *,
        loss: Loss = INFONCE,
        objective: Loss | None = None,
        budget: int = BUDGET,
    ) -> None:
        # dataclasses.replace gives `loss` by the name of its field, as `loss` is a method.
        store(self, n=n, d=d, temperature=temperature, row_rate=row_rate, mixing=mixing)
        store(self, objective=objective or loss, budget=budget)
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._mix(self.mixing)

    def _mix(self, mixing: Array | None) -> None:
        """Put the loss behind a read-only copy of `mixing`."""
        checked = None if mixing is None else validate_mixing(mixing, self.n, self.d)
        object.__setattr__(self, "mixing", checked)

    def mixed(self, mixing: Array | None) -> FreeModel:
        """Put the loss behind `mixing`, instead of any mixing that it has, in the same memory."""
        model = copy(self)
        model._mix(mixing)
        return model

    @property
    def settled(self) -> float:
        """That of the temperature, unless a subclass has its own velocity."""
        known = inherits(self, FreeModel, "velocity")
        return self.temperature.settled if known else np.inf

    @property
    def size(self) -> int:
        """Length of a state, 2·n·d + 1, and 1 more with a bias."""
        return self.end + 1 + self.objective.has_bias

    def start(
        self, X: ArrayLike, Y: ArrayLike, *, tau: float | None = None, bias: float = 0.0
    ) -> Array:
        """State of rows X, Y (n, d), normalised, at temperature `tau` and, where it moves, `bias`.

        Raises
        ------
        TypeError, ValueError
            If the arrays are not real floats of the model's shape with rows of some length, or
            `tau` is missing, not positive, or not that of a temperature that has its own, or the
            loss has no bias.
        """
        nu = self.temperature.nu(tau)
        return np.concatenate([self._start_rows(X, Y), [nu, *self.objective.start(bias)]])

    def split(self, y: Array) -> FreeState | BiasedFreeState:
        """X, Y, ν and, where it moves, the bias as views."""
        W = self.stacked(y)
        parts = W[: self.n], W[self.n :], y[self.end, ...]
        return BiasedFreeState(*parts, y[-1, ...]) if self.objective.has_bias else FreeState(*parts)

    def rates(self) -> FreeState | BiasedFreeState:
        """Learning rates of X, Y, ν and, where it moves, the bias."""
        rows, nu, bias = map(
            np.asarray, (self.row_rate, self.temperature.rate, self.objective.bias_rate)
        )
        free = rows, rows, nu
        return BiasedFreeState(*free, bias) if self.objective.has_bias else FreeState(*free)

    def _logits(self, t: float, y: Array) -> tuple[Any, Any, Law]:
        """β, the bias, and the law of the logits."""
        beta = self.temperature.beta(t, y[self.end])
        bias = y[-1] if self.objective.has_bias else 0.0
        return beta, bias, self.objective.law(beta, 0.0, bias)

    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """Unit rows X and Y, both (n, d)."""
        return self.rows(y)

    def loss(self, t: float, y: Array) -> Any:
        """ℓ(β X Yᵀ), or ℓ(β X̄ Ȳᵀ) with a mixing."""
        X, Y = self.rows(y)
        if self.mixing is not None:
            X, Y = mix(X, Y, self.mixing)
        beta, _, law = self._logits(t, y)
        return rows_cross_entropy(X, Y, beta, self.budget, law)

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """dX/dt = -∂ℓ/∂X, dY/dt = -∂ℓ/∂Y on the sphere; dβ/dt = η β'(ν)² g, eq. (11) at γ = 0.

        With a bias, β feels rS besides, or 0 where it is plain, S the sum of the gradient in the
        logits.
        """
        out = np.empty_like(y) if out is None else out
        W, dW, nu = self.stacked(y), self.stacked(out), y[self.end]
        beta, bias, law = self._logits(t, y)
        g = pull_rows(W, beta, self.row_rate, dW, self.mixing, self._scratch, law)
        force = g + self.objective.slope(0.0, bias) * law.total
        out[self.end] = self.temperature.velocity(t, nu, force)
        if self.objective.has_bias:
            out[-1] = self.objective.bias_velocity(beta, law.total)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables of the unit rows, unmixed but for the loss; gamma is gap/2."""
        W = sphere.unit(self.stacked(y))
        beta, bias, law = self._logits(t, y)
        gap = measures.centre_distance(W[: self.n], W[self.n :])
        pairs = observe_rows(W, beta, self.mixing, self._scratch, law)
        return Observables.of(gap, beta, gap / 2, pairs, bias)
