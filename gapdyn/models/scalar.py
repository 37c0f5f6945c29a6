"""The scalar model of Appendix C: e^-a in place of the cross-entropy, at a = β(1-γ²)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gapdyn.models.base import HeightModel, check_temperature
from gapdyn.temperature import Temperature


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

    def loss_at(self, a: Any) -> Any:
        """e^-a."""
        return np.exp(-a)

    def pull_at(self, a: Any) -> Any:
        """e^-a: this loss is its own pull."""
        return np.exp(-a)

    def pairs_at(self, a: Any) -> tuple[Any, Any, Any]:
        """There are no pairs: NaN, NaN and the loss."""
        return np.nan * a, np.nan * a, np.exp(-a)
