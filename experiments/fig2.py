"""Figure 2: gap and temperature rise together while pairs are mismatched, then fall together.

The free model (1). The paper does not print its setting. This one passes through all vertices of
its curves: regular pentagons at heights ±sin 18°, and a time axis that shows t + 0.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.film import FRAMES, Film
from gapdyn.published import FIGURE_2
from gapdyn.types import Array

PAIRS, ROTATION, HEIGHT, TAU = 5, 2, gd.examples.HEIGHT, 0.07
OFFSET, LAST = 0.1, 1e5
"""The paper's logarithmic axis is t + OFFSET; it ends at LAST."""
FIRST = 0.03
"""Time of the film's second frame."""
LABELS = {  # the paper's names of its six spheres, and their offsets from the curves in points
    "0": (6, -3, "left"),
    "0.4": (3, -10, "left"),
    "2.3": (-8, -1, "right"),
    "4.0": (5, -1, "left"),
    "1e2": (4, 5, "left"),
    "1e5": (4, 6, "right"),
}
RANGES = {"gap": (0.515, 1.083), "tau": (-0.12, 1.0725)}
"""The paper's vertical axes. That of τ begins lower, to make room for words."""
MESSAGE = (
    "Gap and temperature rise together while pairs are mismatched, then fall together;\n"
    "the free model runs through all points of the paper's Figure 2"
)
PLACE = (
    "time t + 0.1 (log), as in the paper: its left end, 0.1, is the start, t = 0.\n"
    "Diamonds: six moments; in quotes the paper's names, places on this axis but for “0”"
)
ROWS = (
    f"(c) the {PAIRS} pairs at these moments; dashed lines join partners. Start: two pentagons,\n"
    f"one at height sin 18°, the other turned and at -sin 18°; temperature {TAU}"
)


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Run the flow, at the times of the paper's vertices and readings among others."""
    times = _times(60 if quick else 300)
    model, y0 = gd.examples.figure_2()
    run = gd.flow(model, y0, times, rtol=1e-9, atol=1e-11)
    beside = _vertices(run)
    misfit = np.abs(beside["flow"] - beside["printed"])
    parameters = {
        "model": str(model),
        "pairs": PAIRS,
        "rotation": ROTATION,
        "gamma": HEIGHT,
        "tau": TAU,
        "axis": f"t + {OFFSET}",
        **_found(run),
        "largest_misfit_over_vertices": {
            name: float(misfit[beside["curve"] == name].max()) for name in ("gap", "tau")
        },
    }
    embeddings = np.array([model.embeddings(y) for y in run.y])
    return Numbers(run.columns(), parameters, {"embeddings": embeddings}, {"vertices": beside})


def _times(count: int) -> Array:
    """Times of vertices and readings, `count` even in log(t + 0.1), and fine ones at two events."""
    vertices = [curve.axis - OFFSET for curve in (FIGURE_2.gap, FIGURE_2.tau)]
    readings = [reading.t for reading in FIGURE_2.readings]
    even = np.geomspace(OFFSET, LAST, count) - OFFSET
    peak, match = np.arange(2055, 2075) / 1000, np.arange(3825, 3840) / 1000
    return np.unique(np.concatenate([*vertices, readings, even, peak, match]))


def _found(run: gd.Trajectory) -> dict[str, Any]:
    """Drift, peak and first match of the flow, and how well Δⁿ/τ is conserved."""
    law = PAIRS * np.log(run.gap) - np.log(run.tau)
    return {
        "drift": run.drift,
        "peak": {"t": float(run.t[run.gap.argmax()]), "gap": float(run.gap.max())},
        "first_match": float(run.t[run.mismatched == 0][0]),
        "variation_of_5_log_gap_minus_log_tau": float(np.ptp(law)),
    }


def _vertices(run: gd.Trajectory) -> dict[str, Any]:
    """Each vertex of the paper's curves, and the flow at its time."""
    parts = [
        (np.full(axis.size, name), axis, value, ours[run.t.searchsorted(axis - OFFSET)])
        for name, ours, (axis, value) in (
            ("gap", run.gap, FIGURE_2.gap),
            ("tau", run.tau, FIGURE_2.tau),
        )
    ]
    columns = map(np.concatenate, zip(*parts, strict=True))
    return dict(zip(("curve", "axis", "printed", "flow"), columns, strict=True))


def draw(numbers: Numbers) -> Figure:
    """The paper's panels: Δ and τ with its vertices, and below them its six spheres."""
    figure = plotting.column(5.8)
    figure.suptitle(MESSAGE)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.75, 1), squeeze=False)[:, 0]
    axes = top.subplots(1, 2)
    _curve(axes[0], numbers, "gap", "(a) gap Δ")
    _curve(axes[1], numbers, "tau", "(b) temperature τ")
    _match(axes[0], numbers)
    _match(axes[1], numbers)
    top.supxlabel(PLACE)
    top.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    axes[1].text(0.49, 0.98, _meaning(numbers), va="top", transform=axes[1].transAxes)
    bottom.suptitle(ROWS, x=0.01, ha="left", size=8)
    for k, (reading, label) in enumerate(zip(FIGURE_2.readings, LABELS, strict=True)):
        ball: Any = bottom.add_subplot(1, len(LABELS), k + 1, projection="3d")
        plotting.sphere(ball)
        at = int(np.searchsorted(numbers.table["t"], reading.t))
        plotting.modalities(ball, *numbers.arrays["embeddings"][at], size=9)
        gap, tau = numbers.table["gap"][at], numbers.table["tau"][at]
        ball.set_title(f"“{label}”\nΔ = {gap:.3f}\nτ = {tau:.3f}", loc="center")
    plotting.modality_key(bottom, loc="outside lower center", ncols=2)
    return figure


def _curve(ax: Any, numbers: Numbers, name: str, title: str) -> None:
    """One observable against t + 0.1: our line and the paper's vertices."""
    printed = getattr(FIGURE_2, name)
    ax.plot(
        *(numbers.table["t"] + OFFSET, numbers.table[name]),
        **{"color": "#e08e45", "lw": 2.5, "label": "free model, by gapdyn"},
    )
    label = "points of the paper's curves"
    plotting.readings(ax, printed.axis, printed.value, size=3, label=label)
    for reading, (label, (x, y, side)) in zip(FIGURE_2.readings, LABELS.items(), strict=True):
        here = reading.axis, getattr(reading, name)
        ax.plot(*here, "D", color="black", ms=4.5, zorder=6)
        ax.annotate(f"“{label}”", here, (x, y), textcoords="offset points", ha=side)
    plotting.log_time(ax, OFFSET / 3, LAST * 1.8)
    ax.set(xlabel="", ylim=RANGES[name], title=title)
    ax.set_xticks(10.0 ** np.arange(-1, 6, 2))
    ax.minorticks_off()


def _match(ax: Any, numbers: Numbers) -> None:
    """A line at the time from which all pairs match, with a word on each side."""
    match = numbers.parameters["first_match"] + OFFSET
    ax.axvline(match, color="0.4", lw=1, ls="--")
    for word, side, way in (("Mismatched", "right", -1), ("Matched", "left", 1)):
        place: Any = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points"}
        ax.annotate(word, (match, 0.02), (4 * way, 0), ha=side, **place)


def _meaning(numbers: Numbers) -> str:
    """What happens at the dashed line."""
    return (
        f"dashed: from t = {numbers.parameters['first_match']:.2f}\n"
        "on, each image and its\ntext are each other's\nnearest"
    )


def animate(numbers: Numbers, path: Path) -> None:
    """Write a film of the same flow as a GIF: the start, and frames even in log t from then on."""
    t = numbers.table["t"]
    even = np.searchsorted(t, np.geomspace(FIRST, t[-1], FRAMES - 1) * (1 - 1e-12))
    shown = np.append(0, even)
    X, Y = numbers.arrays["embeddings"][shown].swapaxes(0, 1)
    gap, tau, mismatched = (numbers.table[name] for name in ("gap", "tau", "mismatched"))
    Film(t[shown], gap[shown], tau[shown], mismatched[shown], X, Y, (t, gap, tau)).save(path)
