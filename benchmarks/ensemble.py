"""Time an ensemble: flow_many against a loop over flow, and how far both are from the truth.

`python benchmarks/ensemble.py [--members B] [--pairs N] [--dim D] [--json FILE]`. Random starts at
τ = 0.07 to t = 1e5 at rtol 1e-6; the truth is the flow at rtol 1e-10, of fifty members.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd

END = 1e5
REPEATS = 5
CHECKED = 50
LOOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-9}
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}

Array = NDArray[np.float64]


class Counting(gd.FreeModel):
    """A free model that counts its velocities of many members."""

    calls = 0

    def velocity_many(self, t: float, Y: Array, out: Array | None = None) -> Array:
        """Count, and pass on."""
        Counting.calls += 1
        return super().velocity_many(t, Y, out)


def compare(members: int, n: int, d: int) -> dict[str, float]:
    """Seconds of both ways, velocities of the ensemble, largest errors of a state."""
    rng = np.random.default_rng(0)
    model = Counting(n, d, gd.Learned())
    starts = [
        model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=0.07)
        for _ in range(members)
    ]
    together = []
    for _ in range(REPEATS):
        Counting.calls, begun = 0, perf_counter()
        runs = gd.flow_many(model, starts, END, **LOOSE)
        together.append(perf_counter() - begun)
    begun = perf_counter()
    alone = [gd.flow(model, y, END, **LOOSE) for y in starts]
    loop = perf_counter() - begun
    truth = [gd.flow(model, y, [END], **TIGHT).y[-1] for y in starts[:CHECKED]]
    errors = [
        max(float(np.abs(run.y[-1] - y).max()) for run, y in zip(ways, truth, strict=False))
        for ways in (runs, alone)
    ]
    seconds = statistics.median(together)
    return {
        "flow_many_s": seconds,
        "loop_s": loop,
        "ratio": loop / seconds,
        "velocities": Counting.calls,
        "flow_many_error": errors[0],
        "loop_error": errors[1],
    }


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--dim", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    numbers = compare(arguments.members, arguments.pairs, arguments.dim)
    for name, number in numbers.items():
        print(f"{name:16} {number:.4g}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
