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
    RANDOM,
    READ,
    SHADES,
    SIZES,
    TAU,
    predicted,
    random_runs,
    slopes,
)
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.theory import exchange_law

MARKERS = dict(zip([n for n, _ in SIZES], "o^D", strict=True))
LINEAR, REACH = 0.01, (-7.0, 3.0)
"""Axes are linear for departures from -1 within LINEAR, and logarithmic beyond, up to REACH."""
TICKS = (-5, -2, -1.1, -1.01, -1, -0.99, -0.9, 0)
BESIDE: Any = {"textcoords": "offset points", "size": 8, "color": "0.4"}


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
    """Measured against predicted slopes, and the errors of the better prediction."""
    figure = Figure(figsize=(10.4, 4.5), layout="constrained")
    first, rule, errors = figure.subplots(1, 3)
    draw_slopes(first, numbers, FIRST, "slope by theory 4.1 at t = 100")
    first.set_title("one reading, at t = 100, foretells\nhow the gap moves up to t = 10⁶")
    draw_slopes(rule, numbers, "predicted_slope", "slope by theory 4.1, mean over log β")
    rule.set_title("three readings, at t = 10², 10⁴ and 10⁶,\ngive what is measured")
    draw_errors(errors, numbers)
    errors.set_title("errors of the three readings:\na few hundredths at most")
    handles = [Line2D([], [], ls="", marker="s", color=c, label=k) for k, c in SHADES.items()]
    handles += [
        Line2D([], [], ls="", marker=m, color="0.3", mfc="none", label=f"{n} pairs")
        for n, m in MARKERS.items()
    ]
    figure.suptitle(
        f"free model, learned τ from τ₀ = {TAU}; slopes are on axes logarithmic around -1", size=9
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_slopes(ax: Axes, numbers: Numbers, column: str, label: str) -> None:
    """Measured against predicted slopes, on axes that stretch around -1, and the diagonal."""
    for line in (ax.axhline, ax.axvline):
        line(0, color="0.85", lw=0.8, zorder=0)
    ax.axline((0, 0), slope=1, color="0.5", lw=0.8, zorder=0)
    for start, shade in SHADES.items():
        for n, marker in MARKERS.items():
            rows = numbers.rows(start=start, pairs=n)
            style: Any = {"color": shade, "mfc": "none", "ms": 5, "ls": ""}
            ax.plot(rows[column] + 1, rows["late_slope"] + 1, marker, **style)
    for scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
        scale("symlog", linthresh=LINEAR, linscale=0.6)
        axis.set_ticks([slope + 1 for slope in TICKS], [f"{slope:g}" for slope in TICKS])
        axis.minorticks_off()
    ax.set(xlim=REACH, ylim=REACH, box_aspect=1, xlabel=label)
    ax.set_ylabel("measured slope n d log Δ / d log β")
    ax.annotate("-1: the exchange law", (REACH[0], 0), (3, 3), **BESIDE)


def draw_errors(ax: Axes, numbers: Numbers) -> None:
    """Errors of the rule: a column for each kind of rows at each size."""
    for place, (n, marker) in enumerate(MARKERS.items()):
        for side, (start, shade) in enumerate(SHADES.items()):
            rows = numbers.rows(start=start, pairs=n)
            errors = np.abs(rows["predicted_slope"] - rows["late_slope"])
            at = np.full(errors.size, place + 0.18 * (side - 1.5))
            ax.plot(at, errors, marker, color=shade, mfc="none", ms=5)
    ax.set(yscale="log", box_aspect=1, ylabel="difference from the measured slope")
    sizes = [f"{n} pairs\nin R{str(d).translate(plotting.SUPERSCRIPTS)}" for n, d in SIZES]
    ax.set_xticks(range(len(sizes)), sizes)
    ax.tick_params("x", length=0)
