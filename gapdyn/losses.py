"""What a model descends: InfoNCE, eq. (2), or the sigmoid loss of SigLIP [1]_.

A loss sees similarities z of the embeddings and an inverse temperature β. `InfoNCE` feels
differences of logits βz alone. `Sigmoid` judges each entry by itself, and so needs a bias, which is
an entry of the state and is learned:

    L = (1/n) Σ_ij softplus(∓M_ij),   with minus where i = j,

    M = β(z - r) for a relative bias r,   M = βz - b for a plain bias b,   M = βz for none.

SigLIP has a plain bias, which it adds: its b is minus the one here.

References
----------
.. [1] X. Zhai, B. Mustafa, A. Kolesnikov and L. Beyer, "Sigmoid Loss for Language Image
   Pre-Training", ICCV 2023.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gapdyn._kernels.law import SOFTMAX, Law
from gapdyn._kernels.sigmoid import Sigmoid as SigmoidLaw
from gapdyn.types import FloatOrArray
from gapdyn.validate import (
    shown,
    validate_number,
    validate_square,
    validate_temperature,
)

BIASES = "relative", "plain", "none"


class Loss(ABC):
    """A loss of similarities sZ + o under a bias, whose logits are M = βsZ - c.

    The scale s and the constant o are those of lifted rows, (3), 1 and 0 without a lift. A velocity
    asks for `law`, which takes c off the logits βsZ and then has S = Σ_ij ∂L/∂M_ij.
    """

    bias_rate: float = 1.0

    @property
    def has_bias(self) -> bool:
        """Whether a bias is a part of the state."""
        return False

    @abstractmethod
    def law(self, beta: FloatOrArray, constant: FloatOrArray, bias: FloatOrArray) -> Law:
        """The kernel of logits βsZ, of which it takes c; `constant` is o."""

    def slope(self, constant: FloatOrArray, bias: FloatOrArray) -> FloatOrArray:
        """∂c/∂β, by which S pushes β."""
        return 0.0

    def bias_velocity(self, beta: FloatOrArray, total: FloatOrArray) -> FloatOrArray:
        """Minus the learning rate times ∂L/∂bias, at S = `total`."""
        return 0.0

    def start(self, bias: float) -> list[float]:
        """The entries of a state that are a bias.

        Raises
        ------
        TypeError, ValueError
            If it is not a finite number, or is given to a loss that has none.
        """
        value = validate_number("bias", bias)
        if not self.has_bias and value != 0:
            name = type(self).__name__
            raise ValueError(f"bias must be left out: this {name} has none, got {bias}")
        return [value] if self.has_bias else []

    def value(self, Z: ArrayLike, *, tau: float, bias: float = 0.0) -> float:
        """The loss of similarities.

        Parameters
        ----------
        Z : (n, n) array of floats
            Similarities, n ≥ 2, matching pairs on the diagonal.
        tau : float
            Temperature 1/β.
        bias : float
            r or b.

        Returns
        -------
        float
            In nats.

        Raises
        ------
        TypeError, ValueError
            If Z is not a finite square float matrix, τ not positive, or the bias not a number, or
            given where there is none.
        """
        Z, beta = validate_square("Z", Z), 1 / validate_temperature("tau", tau)
        own = (*self.start(bias), 0.0)[0]
        entropy = self.law(beta, 0.0, own).entropy(len(Z))
        return float(entropy.add(slice(0, len(Z)), beta * Z).mean())


@dataclass(frozen=True)
class InfoNCE(Loss):
    """Eq. (2) of the paper: the mean of 2n cross-entropies, of rows and of columns.

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.isclose(InfoNCE().value(np.zeros((4, 4)), tau=0.07), np.log(4)))
    True
    """

    def law(self, beta: FloatOrArray, constant: FloatOrArray, bias: FloatOrArray) -> Law:
        """Softmax: what is the same in all logits drops out of it."""
        return SOFTMAX


INFONCE = InfoNCE()
"""What models descend by default."""


@dataclass(frozen=True)
class Sigmoid(Loss):
    """The sigmoid loss, for each of the n² pairs by itself.

    Parameters
    ----------
    bias : {"relative", "plain", "none"}
        Logits β(z - r), βz - b as in SigLIP, whose sign of b is the other one, or βz.
    bias_rate : float
        Learning rate of the bias, relative to the same unit as those of rows and ν; 0 keeps it.

    Raises
    ------
    TypeError, ValueError
        If `bias` is another, or `bias_rate` is negative or no number.

    Examples
    --------
    Two pairs at z = ±1 and r = 0 share four logits of size β, of which all are right:

    >>> import numpy as np
    >>> Z = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> bool(np.isclose(Sigmoid().value(Z, tau=0.5), 2 * np.log1p(np.exp(-2))))
    True
    """

    bias: str = "relative"
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.bias, str) or self.bias not in BIASES:
            kinds, got = "'relative', 'plain' or 'none'", shown(self.bias)
            raise ValueError(f"bias must be its kind, {kinds}, and not its value, got {got}")
        rate = validate_number("bias_rate", self.bias_rate)
        if rate < 0:
            raise ValueError(f"bias_rate must not be negative, got {rate}")
        object.__setattr__(self, "bias_rate", rate)

    @property
    def has_bias(self) -> bool:
        """True but for "none"."""
        return self.bias != "none"

    def law(self, beta: FloatOrArray, constant: FloatOrArray, bias: FloatOrArray) -> Law:
        """Sigmoids: `constant` o of the similarities counts, as a bias does."""
        if self.bias == "relative":
            return SigmoidLaw(beta * (bias - constant))
        return SigmoidLaw(bias - beta * constant)

    def slope(self, constant: FloatOrArray, bias: FloatOrArray) -> FloatOrArray:
        """r - o, or -o."""
        return bias - constant if self.bias == "relative" else -constant

    def bias_velocity(self, beta: FloatOrArray, total: FloatOrArray) -> FloatOrArray:
        """βS for r, S for b, times the learning rate."""
        return self.bias_rate * (beta * total if self.bias == "relative" else total)


def check_loss(loss: Loss) -> None:
    """Raise a TypeError unless this is a loss."""
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be InfoNCE() or Sigmoid(...), got {shown(loss)}")
