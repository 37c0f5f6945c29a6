"""The late slope n d log Δ/d log β of random rows, which need not be -1, is what theory 4.1 says.

The runs are those of `exchange_law`, from random rows of each kind and size. What is measured is
the slope between t = 1e2 and 1e6. Theory 4.1 gives the slope at a state from its rows and β. Read
once, at t = 1e2, it says how the gap will move over the next four powers of ten. Read at t = 1e2,
1e4 and 1e6, it gives what is measured by the trapezoidal rule over log β, to a hundredth or two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import gapdyn as gd
from experiments.exchange_law import (
    END,
    LATE,
    LOOKS,
    NAMES,
    RANDOM,
    READ,
    TAU,
    predicted,
    random_runs,
    slopes,
)
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.theory import exchange_law

LINEAR, REACH = 0.01, (-7.0, 3.0)
"""Axes are linear for departures from -1 within LINEAR, and logarithmic beyond, up to REACH."""
TICKS = (-5, -1.1, -1, -0.9, 0)


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Read the slopes of theory 4.1 along each run, beside the one that is measured."""
    rows = [reading(*run) for run in random_runs(seed, quick)]
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    numbers = Numbers(table, {"tau": TAU, "read_at": READ, "measured_over": (LATE, END)})
    numbers.parameters["of_each_kind"] = {start: summary(numbers, start) for start in RANDOM}
    return numbers


def reading(run: gd.Trajectory, start: str, seed: int) -> dict[str, Any]:
    """The row of the table for one run: slopes at each of READ, their mean, and the measured."""
    model = run.model
    assert isinstance(model, gd.FreeModel)
    return {
        **{"start": start, "pairs": model.n, "dim": model.d, "seed": seed},
        **{f"slope_at_{t:g}": at for t, at in zip(READ, slopes(run), strict=True)},
        "predicted_slope": predicted(run),
        "late_slope": exchange_law.late_slope(run, LATE),
    }


FIRST = f"slope_at_{LATE:g}"


def summary(numbers: Numbers, start: str) -> dict[str, dict[str, float]]:
    """Of each size: how the first reading goes with what is measured, and the error of the rule."""
    found = {}
    for n in np.unique(numbers.table["pairs"]).tolist():
        rows = numbers.rows(start=start, pairs=n)
        found[str(n)] = {
            "correlation_of_first": float(np.corrcoef(rows[FIRST], rows["late_slope"])[0, 1]),
            "largest_error_of_rule": float(
                np.abs(rows["predicted_slope"] - rows["late_slope"]).max()
            ),
        }
    return found


def draw(numbers: Numbers) -> Figure:
    """Measured slopes against predicted ones, from one reading and from three."""
    figure = plotting.column(4.2)
    first, rule = figure.subplots(1, 2, sharey=True)
    draw_slopes(first, numbers, FIRST)
    first.set(xlabel="slope computed from the rows at t = 100\n(logarithmic around −1)")
    first.set_ylabel("measured slope of log Δⁿ against\nlog β between t = 10² and 10⁶")
    first.set_title("(a) one state, at t = 100, foretells\nroughly how the gap moves on")
    draw_slopes(rule, numbers, "predicted_slope")
    rule.set(xlabel="mean slope computed at three times\n(logarithmic around −1)")
    rule.set_title(
        f"(b) three, at t = 10², 10⁴ and 10⁶,\ngive it to within {largest_error(numbers):.3f}"
    )
    lines: list[Any] = [
        Line2D([], [], label=NAMES[name], ms=4, mfc="none", **look | {"ls": ""})
        for name, look in LOOKS.items()
    ]
    sizes = ", ".join(f"{n}" for n in np.unique(numbers.table["pairs"]))
    said = (
        f"Δ: gap of n = {sizes} pairs of the free model, β: inverse temperature,\n"
        f"1/{TAU} at t = 0 and learned; random rows at the start:"
    )
    figure.legend(handles=lines, loc="outside lower center", title=said)
    figure.suptitle(
        "Where random pairs depart from the law Δⁿβ = constant (a slope of −1),\n"
        "the formula for the velocity of the gap tells from the rows by how much"
    )
    return figure


def largest_error(numbers: Numbers) -> float:
    """Of the mean of three readings, over all runs, rounded up."""
    off = numbers.table["predicted_slope"] - numbers.table["late_slope"]
    return float(np.ceil(1e3 * np.abs(off).max()) / 1e3)


def draw_slopes(ax: Axes, numbers: Numbers, column: str) -> None:
    """Measured against predicted slopes, on axes that stretch around -1, and the diagonal."""
    for line in (ax.axhline, ax.axvline):
        line(0, color="0.85", lw=0.8, zorder=0)
    ax.plot(REACH, REACH, color="0.5", lw=0.8, zorder=0)
    for start, look in LOOKS.items():
        rows = numbers.rows(start=start)
        ax.plot(rows[column] + 1, rows["late_slope"] + 1, **look | {"ls": ""}, ms=4, mfc="none")
    for scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
        scale("symlog", linthresh=LINEAR, linscale=0.6)
        axis.set_ticks(
            [slope + 1 for slope in TICKS], [f"{slope:g}".replace("-", "−") for slope in TICKS]
        )
        axis.minorticks_off()
    ax.set(xlim=REACH, ylim=REACH, box_aspect=1)
    ax.annotate("−1: the law", (REACH[0], 0), (3, 3), textcoords="offset points")
