"""The methods of Section 4 and Appendices D and F, named after the rows of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass

import gapdyn as gd
from gapdyn.swap import Swap
from gapdyn.temperature import Parametrisation, Temperature

TAU, MAX_BETA = 0.07, 100.0
"""Start of CLIP's learned temperature, and the ceiling of its inverse."""

CLIP = gd.Exponential()
"""β = exp ν."""

CYCLES = 10
"""Periods of the alternating schedules. A whole number lets them end where they start."""

ROWS = 1e-2
"""Portion of the training in which "HS rows" swaps. The paper does not print it."""


@dataclass(frozen=True)
class Method:
    """One row of a table.

    Attributes
    ----------
    temperature : Temperature
    swap : Swap or None
    normalised : bool
        Whether the rows have unit length when they enter the loss.
    """

    temperature: Temperature
    swap: Swap | None = None
    normalised: bool = True

    @property
    def tau(self) -> float | None:
        """Starting temperature: a number if the temperature is learned, else None."""
        return TAU if isinstance(self.temperature, gd.Learned) else None


def methods(end: float, *, segment: float, seed: int) -> dict[str, Method]:
    """All methods for a run to time `end`.

    Parameters
    ----------
    end : float
        Time at which the schedules are over.
    segment : float
        Time between two draws of a swap.
    seed : int
        Decides the masks of the swaps.

    Returns
    -------
    dict of Method
        FLT freezes the temperature, TS schedules it, TR reparameterises it and SLRT learns it
        slowly. HS swaps hard and SS soft, in the portion p of the time that their names give. "No
        normalization" freezes τ = 1, since the lengths of the rows act as a temperature.
    """
    table = {name: Method(temperature) for name, temperature in _temperatures(end).items()}
    table |= {name: Method(_learned(), swap) for name, swap in _swaps(segment, seed).items()}
    table["No normalization"] = Method(gd.Fixed(1.0), normalised=False)
    return table


def _learned(beta: Parametrisation = CLIP, rate: float = 1.0) -> gd.Learned:
    """A learned temperature under CLIP's ceiling of β."""
    return gd.Learned(beta, rate, max_beta=MAX_BETA)


def _temperatures(end: float) -> dict[str, Temperature]:
    """The methods that control the temperature."""
    table: dict[str, Temperature] = {"Baseline": _learned()}
    for name in ("1e-2", "2e-2", "4e-2", "7e-2", "1e-1", "2e-1", "3e-1", "4e-1"):
        table[f"FLT {name}"] = gd.Fixed(float(name))
    for name, last in {"S0": 2e-2, "S1": 3e-2, "S2": 4e-2, "S3": 5e-2}.items():
        table[f"TS {name}"] = gd.LinearSchedule(1e-2, last, end)
    for name, high in {"A0": 2e-2, "A1": 4e-2}.items():
        table[f"TS {name}"] = gd.CosineSchedule(1e-2, high, end / CYCLES)
    table["TR softplus"] = _learned(gd.Softplus())
    for scale in (2, 10):
        table[f"TR scale {scale}"] = _learned(gd.Exponential(scale))
    table["SLRT 0.1"] = _learned(rate=0.1)
    return table


def _swaps(segment: float, seed: int) -> dict[str, Swap]:
    """The methods that swap modalities, all under the baseline's temperature."""
    table: dict[str, Swap] = {}
    for name in ("1e-3", "1e-2", "1e-1", "1"):
        table[f"HS {name}"] = gd.HardSwap(float(name), segment=segment, seed=seed)
    table["HS rows"] = gd.HardSwap(ROWS, segment=segment, rows=True, seed=seed)
    for name in ("1e-2", "5e-2", "1e-1"):
        table[f"SS {name}"] = gd.SoftSwap(float(name), segment=segment, seed=seed)
    return table
