"""The methods of Section 4 and Appendices D and F, named after the rows of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import gapdyn as gd
from gapdyn.swap import Swap
from gapdyn.temperature import Temperature

TAU, MAX_BETA = 0.07, 100.0
"""Start of CLIP's learned temperature, and the ceiling of its inverse."""

CYCLES = 10
"""Periods of the alternating schedules. A whole number lets them end where they start."""

ROWS = 1e-2
"""Portion of the training in which "HS rows" swaps. The paper does not print it."""

FROZEN = ("1e-2", "2e-2", "4e-2", "7e-2", "1e-1", "2e-1", "3e-1", "4e-1")
RISING = (("S0", 2e-2), ("S1", 3e-2), ("S2", 4e-2), ("S3", 5e-2))
SWINGING = (("A0", 2e-2), ("A1", 4e-2))
HARD = ("1e-3", "1e-2", "1e-1", "1")
SOFT = ("1e-2", "5e-2", "1e-1")
"""Temperatures of FLT, the last or highest ones of TS, and the portions of HS and SS."""

WORDS = {
    "Baseline": "learned temperature (baseline)",
    **{f"FLT {tau}": f"temperature fixed at {float(tau):g}" for tau in FROZEN},
    **{f"TS {name}": f"temperature rising to {last:g}" for name, last in RISING},
    **{f"TS {name}": f"temperature swinging to {high:g}" for name, high in SWINGING},
    "TR softplus": "learned temperature, softplus",
    "TR scale 2": "learned temperature, exponent/2",
    "TR scale 10": "learned temperature, exponent/10",
    "SLRT 0.1": "learned temperature, rate/10",
    **{f"HS {p}": f"hard swapping {100 * float(p):g} % of the time" for p in HARD},
    "HS rows": f"rows swapped {100 * ROWS:g} % of the time",
    **{f"SS {p}": f"soft swapping {100 * float(p):g} % of the time" for p in SOFT},
    "No normalization": "embeddings not normalised",
}
"""Each method in words, for pictures."""


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
    learned = partial(gd.Learned, max_beta=MAX_BETA)
    temperatures: dict[str, Temperature] = {
        "Baseline": learned(),
        **{f"FLT {tau}": gd.Fixed(float(tau)) for tau in FROZEN},
        **{f"TS {name}": gd.LinearSchedule(1e-2, last, end) for name, last in RISING},
        **{f"TS {name}": gd.CosineSchedule(1e-2, high, end / CYCLES) for name, high in SWINGING},
        "TR softplus": learned(gd.Softplus()),
        "TR scale 2": learned(gd.Exponential(2)),
        "TR scale 10": learned(gd.Exponential(10)),
        "SLRT 0.1": learned(rate=0.1),
    }
    hard = partial(gd.HardSwap, segment=segment, seed=seed)
    swaps: dict[str, Swap] = {
        **{f"HS {p}": hard(float(p)) for p in HARD},
        "HS rows": hard(ROWS, rows=True),
        **{f"SS {p}": gd.SoftSwap(float(p), segment=segment, seed=seed) for p in SOFT},
    }
    table = {name: Method(temperature) for name, temperature in temperatures.items()}
    table |= {name: Method(learned(), swap) for name, swap in swaps.items()}
    return table | {"No normalization": Method(gd.Fixed(1.0), normalised=False)}
