"""The frozen model: similarities Z held fixed, temperature and height under the flow (11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gapdyn import _kernels
from gapdyn.loss import mean_cross_entropy
from gapdyn.models.base import HeightModel, WithArrays, check_temperature
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import validate_square


@dataclass(frozen=True)
class FrozenModel(WithArrays, HeightModel):
    """Gradient flow of ℓ(β(1-γ²) Z) over ν and γ at fixed Z: eq. (11) of Appendix B.1.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2; a constant added to all of them changes nothing.
    temperature : Temperature

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "Z", validate_square("Z", self.Z).copy())
        self._lock()
        check_temperature(self.temperature)

    def loss_at(self, a: Any) -> Any:
        """ℓ(aZ)."""
        return mean_cross_entropy(a * self.Z)

    def pull_at(self, a: Any) -> Any:
        """g_a(Z)."""
        return _kernels.pull(self.Z, a)

    def pairs_at(self, a: Any) -> tuple[Any, Any, Any]:
        """Margin and mismatched pairs of Z, and ℓ(aZ)."""
        return _kernels.observe_similarities(self.Z, a)
