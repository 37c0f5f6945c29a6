"""The ways of Section 4 and Appendices D and F to shrink the gap, named after the paper's rows."""

from __future__ import annotations

from dataclasses import dataclass

import gapdyn as gd
from gapdyn.swap import Swap
from gapdyn.temperature import Parametrisation, Temperature

TAU, MAX_BETA = 0.07, 100.0
"""Where CLIP's learned temperature starts, and where its recipe clamps the inverse."""

CLIP = gd.Exponential()
"""β = exp ν."""

CYCLES = 10
"""Periods of the alternating schedules; a whole number, so that they end where they start."""

ROWS = 1e-2
"""Portion of training in which "HS rows" swaps; the paper does not print it."""


@dataclass(frozen=True)
class Method:
    """One row of a table.

    Attributes
    ----------
    temperature : Temperature
    swap : Swap or None
    normalised : bool
        Whether the rows that enter the loss have unit length.
    """

    temperature: Temperature
    swap: Swap | None = None
    normalised: bool = True

    @property
    def tau(self) -> float | None:
        """The starting temperature that `start` wants: of a learned one."""
        return TAU if isinstance(self.temperature, gd.Learned) else None


def methods(end: float, *, segment: float, seed: int) -> dict[str, Method]:
    """All methods for a run to time `end`.

    Parameters
    ----------
    end : float
        Schedules are over by then.
    segment : float
        Time between draws of a swap.
    seed : int
        Decides the masks of swaps.

    Returns
    -------
    dict of Method
        Temperature: FLT is frozen, TS scheduled, TR reparameterised, SLRT learned slowly. Swapping:
        HS hard, SS soft, their numbers the portion p. "No normalization" freezes τ = 1, since the
        lengths of rows take its part.
    """

    def learned(beta: Parametrisation = CLIP, rate: float = 1.0) -> gd.Learned:
        return gd.Learned(beta, rate, max_beta=MAX_BETA)

    table = {"Baseline": Method(learned())}
    for name in ("1e-2", "2e-2", "4e-2", "7e-2", "1e-1", "2e-1", "3e-1", "4e-1"):
        table[f"FLT {name}"] = Method(gd.Fixed(float(name)))
    for name, last in {"S0": 2e-2, "S1": 3e-2, "S2": 4e-2, "S3": 5e-2}.items():
        table[f"TS {name}"] = Method(gd.LinearSchedule(1e-2, last, end))
    for name, high in {"A0": 2e-2, "A1": 4e-2}.items():
        table[f"TS {name}"] = Method(gd.CosineSchedule(1e-2, high, end / CYCLES))
    table["TR softplus"] = Method(learned(gd.Softplus()))
    for scale in (2, 10):
        table[f"TR scale {scale}"] = Method(learned(gd.Exponential(scale)))
    table["SLRT 0.1"] = Method(learned(rate=0.1))

    for name in ("1e-3", "1e-2", "1e-1", "1"):
        table[f"HS {name}"] = Method(
            learned(), gd.HardSwap(float(name), segment=segment, seed=seed)
        )
    table["HS rows"] = Method(learned(), gd.HardSwap(ROWS, segment=segment, rows=True, seed=seed))
    for name in ("1e-2", "5e-2", "1e-1"):
        table[f"SS {name}"] = Method(
            learned(), gd.SoftSwap(float(name), segment=segment, seed=seed)
        )
    table["No normalization"] = Method(gd.Fixed(1.0), normalised=False)
    return table
