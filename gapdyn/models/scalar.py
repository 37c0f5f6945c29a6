"""The scalar model of Appendix C: e^-m in place of the cross-entropy, at m = β(1-γ²)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gapdyn.models.base import HeightModel, check_temperature
from gapdyn.temperature import Temperature
from gapdyn.types import Array


@dataclass(frozen=True)
class ScalarModel(HeightModel):
    """Gradient flow of ℓ(a) = e^-a, a = β(1-γ²), over ν and γ: Appendix C of the paper.

    dγ/dt = -2βγ e^-a and dβ/dt = β'(ν)² (1-γ²) e^-a.

    Parameters
    ----------
    temperature : Temperature

    Raises
    ------
    TypeError, ValueError
        If `temperature` is no Temperature.

    Examples
    --------
    >>> from gapdyn import temperature
    >>> model = ScalarModel(temperature.Fixed(tau=0.5))
    >>> float(model.split(model.velocity(0.0, model.start(gamma=0.5))).gamma)
    -0.44626032029685964
    """

    temperature: Temperature

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    def loss_at(self, a: float) -> float:
        """e^-a."""
        loss: float = np.exp(-a)
        return loss

    def pull_at(self, a: float) -> float:
        """e^-a: this loss is its own pull."""
        return self.loss_at(a)

    def pairs_at(self, a: float) -> tuple[float, float, float]:
        """There are no pairs: NaN, NaN and the loss."""
        return np.nan, np.nan, float(self.loss_at(a))

    def pull_many(self, a: Array) -> Array:
        """`pull_at` of each scale (B,)."""
        return np.exp(-a)

    def pairs_many(self, a: Array) -> tuple[Any, ...]:
        """`pairs_at` of each scale (B,)."""
        return np.full_like(a, np.nan), np.full_like(a, np.nan), np.exp(-a)
