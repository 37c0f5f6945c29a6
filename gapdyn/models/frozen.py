"""The frozen model: similarities Z held fixed, temperature and height under the flow (11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from gapdyn import _kernels
from gapdyn._kernels.law import SOFTMAX, Law
from gapdyn.losses import INFONCE, Loss, check_loss
from gapdyn.models.base import HeightModel, WithArrays, check_temperature, store
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import validate_square


@dataclass(frozen=True, init=False)
class FrozenModel(WithArrays, HeightModel):
    """Gradient flow of ℓ(β(1-γ²) Z) over ν and γ at fixed Z: eq. (11) of Appendix B.1.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2; a constant added to all of them changes nothing under InfoNCE.
    temperature : Temperature
    loss : InfoNCE or Sigmoid
        With the latter the logits are those of (1-γ²)Z - γ², and the bias moves too.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix, or `temperature` is no Temperature.

    Examples
    --------
    >>> import numpy as np
    >>> from gapdyn import temperature
    >>> model = FrozenModel(np.eye(4), temperature.Learned())
    >>> model.observe(0.0, model.start(tau=0.5, gamma=0.1)).margin
    1.0
    """

    locked = ("Z",)

    Z: Array = field(repr=False)
    temperature: Temperature
    objective: Loss = field(default=INFONCE, kw_only=True)

    def __init__(
        self,
        Z: ArrayLike,
        temperature: Temperature,
        *,
        loss: Loss = INFONCE,
        objective: Loss | None = None,
    ) -> None:
        # dataclasses.replace gives `loss` by the name of its field, as `loss` is a method.
        store(self, Z=Z, temperature=temperature, objective=objective or loss)
        self.__post_init__()

    def __post_init__(self) -> None:
        object.__setattr__(self, "Z", validate_square("Z", self.Z).copy())
        self._lock()
        check_temperature(self.temperature)
        check_loss(self.objective)

    def loss_at(self, a: Any, law: Law = SOFTMAX) -> Any:
        """ℓ(aZ)."""
        M = a * self.Z
        return law.entropy(len(M), M.dtype).add(slice(0, len(M)), M).mean()

    def pull_at(self, a: Any, law: Law = SOFTMAX) -> Any:
        """g_a(Z)."""
        return _kernels.pull(self.Z, a, law)

    def pairs_at(self, a: Any, law: Law = SOFTMAX) -> tuple[Any, Any, Any]:
        """Margin and mismatched pairs of Z, and ℓ(aZ)."""
        return _kernels.observe_similarities(self.Z, a, law)
