"""The paper's model, eq. (3): each modality on a circle of latitude of its own.

The theorems of the paper are about this one: Lemma 3.1 holds for any path of its rows, Theorem 3.2
for any with a margin, and Theorem 3.3 is about time 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import measures, sphere
from gapdyn._inherits import inherits
from gapdyn._kernels import observe_rows, pull_rows
from gapdyn._kernels.law import Law
from gapdyn._kernels.memory import BUDGET
from gapdyn._kernels.rows import rows_cross_entropy
from gapdyn.losses import INFONCE, Loss
from gapdyn.models.base import Observables, RowModel, one_minus_square, projected, store
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import validate_bool


class ParallelState(NamedTuple):
    """Parts of a tied state: X and Y (n, d) before lifting, ν () and γ (); of many, an axis B."""

    X: Array
    Y: Array
    nu: Array
    gamma: Array


class UntiedState(NamedTuple):
    """Parts of an untied state: X and Y (n, d) before lifting, ν (), γ_X (), γ_Y (); or axis B."""

    X: Array
    Y: Array
    nu: Array
    gamma_x: Array
    gamma_y: Array


class BiasedParallelState(NamedTuple):
    """Parts of a tied state with a bias ()."""

    X: Array
    Y: Array
    nu: Array
    gamma: Array
    bias: Array


class BiasedUntiedState(NamedTuple):
    """Parts of an untied state with a bias ()."""

    X: Array
    Y: Array
    nu: Array
    gamma_x: Array
    gamma_y: Array
    bias: Array


STATES: dict[tuple[bool, bool], Any] = {
    (True, False): ParallelState,
    (False, False): UntiedState,
    (True, True): BiasedParallelState,
    (False, True): BiasedUntiedState,
}
"""By whether the heights are tied, and whether a bias moves."""


@dataclass(frozen=True, init=False)
class ParallelModel(RowModel):
    """Gradient flow of ℓ(β X̃ Ỹᵀ) over unit rows X, Y, ν and the heights of (3).

    Tied, γ_X = γ = -γ_Y, the similarities are (1-γ²) Z - γ² with Z = X Yᵀ; untied they are
    √((1-γ_X²)(1-γ_Y²)) Z + γ_X γ_Y. The constant drops out of InfoNCE: ℓ(aZ) with a = β(1-γ²) or
    a = β√((1-γ_X²)(1-γ_Y²)); it counts in the sigmoid loss. Heights have learning rate 1 and are
    kept to [-1, 1].

    Parameters
    ----------
    n, d : int
        Number of pairs and dimension before lifting, both at least 2.
    temperature : Temperature
    tied : bool
        One height γ as in the paper, or one for each modality.
    row_rate, loss, budget
        As in `FreeModel`.

    Raises
    ------
    TypeError, ValueError
        If n or d is below 2, `temperature` is no Temperature, `loss` no Loss, `tied` is no bool, or
        `row_rate` is not positive.

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
    objective: Loss = field(default=INFONCE, kw_only=True)
    budget: int = field(default=BUDGET, repr=False, compare=False, kw_only=True)

    def __init__(
        self,
        n: int,
        d: int,
        temperature: Temperature,
        tied: bool = True,
        row_rate: float = 1.0,
        *,
        loss: Loss = INFONCE,
        objective: Loss | None = None,
        budget: int = BUDGET,
    ) -> None:
        # dataclasses.replace gives `loss` by the name of its field, as `loss` is a method.
        store(self, n=n, d=d, temperature=temperature, row_rate=row_rate, tied=tied)
        store(self, objective=objective or loss, budget=budget)
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tied", validate_bool("tied", self.tied))

    @property
    def settled(self) -> float:
        """That of the temperature, unless a subclass has its own velocity."""
        known = inherits(self, ParallelModel, "velocity")
        return self.temperature.settled if known else np.inf

    @property
    def size(self) -> int:
        """Length of a state: 2·n·d + 2, or 2·n·d + 3 untied, and 1 more with a bias."""
        return self._top + self.objective.has_bias

    @property
    def _top(self) -> int:
        """Where the heights end."""
        return self.end + (2 if self.tied else 3)

    def start(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        tau: float | None = None,
        gamma: float | None = None,
        gamma_x: float | None = None,
        gamma_y: float | None = None,
        bias: float = 0.0,
    ) -> Array:
        """State of rows X, Y (n, d), normalised, at `tau`, the given heights and a bias.

        A tied model takes `gamma`; an untied one `gamma_x` and `gamma_y`, or `gamma` for γ and -γ,
        inside (-1, 1), since its gradient has no bound at the poles.

        Raises
        ------
        TypeError, ValueError
            If the arrays are not real floats of the model's shape with rows of some length, a
            height is missing or outside its range, or `tau` is missing, not positive, or not that
            of a temperature that has its own, or the loss has no bias.
        """
        if self.tied and (gamma_x is not None or gamma_y is not None):
            raise ValueError("gamma_x and gamma_y want a model with tied=False; give gamma")
        if self.tied and gamma is None:
            raise ValueError("gamma must be given: a tied model has one height")
        heights = sphere.resolve_heights(gamma, gamma_x, gamma_y)
        if not self.tied and max(map(abs, heights)) == 1:
            raise ValueError("gamma_x and gamma_y must lie inside (-1, 1): the poles are singular")
        nu = self.temperature.nu(tau)
        own = heights[: 1 if self.tied else 2]
        rest = [nu, *own, *self.objective.start(bias)]
        return np.concatenate([self._start_rows(X, Y), rest])

    def _named(self, *parts: Any) -> Any:
        """Parts by their names."""
        return STATES[self.tied, self.objective.has_bias](*parts)

    def split(self, y: Array) -> Any:
        """X, Y, ν, the heights and, where it moves, the bias as views."""
        W = self.stacked(y)
        rest = (y[k, ...] for k in range(self.end, self.size))
        return self._named(W[: self.n], W[self.n :], *rest)

    def rates(self) -> Any:
        """Learning rates of X, Y, ν, the heights and, where it moves, the bias."""
        heights = [1.0] if self.tied else [1.0, 1.0]
        bias = [self.objective.bias_rate] if self.objective.has_bias else []
        rates = self.row_rate, self.row_rate, self.temperature.rate, *heights, *bias
        return self._named(*map(np.asarray, rates))

    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """Lifted rows X̃ and Ỹ of (3), both (n, d + 1)."""
        X, Y = self.rows(y)
        gamma_x, gamma_y = self.heights(y)
        return sphere.at_height(X, gamma_x), sphere.at_height(Y, gamma_y)

    def heights(self, y: Array) -> tuple[Any, Any]:
        """γ_X and γ_Y of a state or of many, kept to [-1, 1]."""
        heights = np.clip(y[self.end + 1 : self._top], -1, 1)
        return heights[0], -heights[0] if self.tied else heights[1]

    def scale(self, y: Array) -> Any:
        """a/β: 1-γ², untied √((1-γ_X²)(1-γ_Y²))."""
        scale = one_minus_square(y[self.end + 1])
        return scale if self.tied else np.sqrt(scale * one_minus_square(y[self.end + 2]))

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

    def _logits(self, t: float, y: Array) -> tuple[Any, Any, Any, Any, Law]:
        """β, a/β, the constant γ_X γ_Y of the similarities, the bias, and the law of the logits."""
        beta, scale = self.temperature.beta(t, y[self.end]), self.scale(y)
        constant = scale - 1 if self.tied else y[self.end + 1] * y[self.end + 2]
        bias = y[-1] if self.objective.has_bias else 0.0
        return beta, scale, constant, bias, self.objective.law(beta, constant, bias)

    def loss(self, t: float, y: Array) -> Any:
        """ℓ(aZ); under the sigmoid loss with all that is added to it."""
        X, Y = self.rows(y)
        beta, scale, _, _, law = self._logits(t, y)
        return rows_cross_entropy(X, Y, beta * scale, self.budget, law)

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Eq. (4) on the rows, eq. (11) on ν and γ.

        dβ/dt = η β'(ν)² (a/β) g; tied dγ/dt = -2βγ g; untied dγ_X/dt = -a γ_X g/(1-γ_X²).

        With S the sum of the gradient in the logits, which is 0 under InfoNCE: β feels (∂c/∂β) S
        besides, where c is what is taken off aZ; and dγ/dt = -2βγ(g - S), untied dγ_X/dt has
        -βγ_Y S more.
        """
        out = np.empty_like(y) if out is None else out
        end, nu = self.end, y[self.end]
        beta, scale, constant, bias, law = self._logits(t, y)
        W, dW = self.stacked(y), self.stacked(out)
        g = pull_rows(W, beta * scale, self.row_rate, dW, scratch=self._scratch, law=law)
        force = scale * g + self.objective.slope(constant, bias) * law.total
        out[end] = self.temperature.velocity(t, nu, force)
        if self.tied:
            gamma = y[end + 1]
            out[end + 1] = projected(gamma, -2 * beta * gamma * (g - law.total))
        else:
            for k, other in ((end + 1, y[end + 2]), (end + 2, y[end + 1])):
                left = one_minus_square(y[k])
                past = left == 0  # a step may end there: if the pole repels, any speed will do,
                pulled = y[k] * g * (scale + past) / (left + past)  # and near it g outweighs S
                out[k] = projected(y[k], -beta * (pulled + other * law.total * (1 - past)))
        if self.objective.has_bias:
            out[-1] = self.objective.bias_velocity(beta, law.total)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables; the gap is that of the lifted rows, the margin that of the unlifted ones."""
        (gamma_x, gamma_y), W = self.heights(y), sphere.unit(self.stacked(y))
        beta, scale, _, bias, law = self._logits(t, y)
        radii = np.sqrt(1 - gamma_x**2), np.sqrt(1 - gamma_y**2)
        level = measures.centre_distance(W[: self.n], W[self.n :], *radii)
        pairs = observe_rows(W, beta * scale, scratch=self._scratch, law=law)
        gap, gamma = np.hypot(level, gamma_x - gamma_y), (gamma_x - gamma_y) / 2
        return Observables.of(gap, beta, gamma, pairs, bias)
