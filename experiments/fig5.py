"""Figure 5: uniformity against the gap; rising temperatures; modality swapping on a sphere.

Above is the paper's figure: the twelve methods that it plots, and whole pairs that change sides,
although Appendix D.2 swaps single entries. Below are all 26 methods of its Tables 2 to 5, and ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from experiments.section_4 import scatter
from experiments.section_4.methods import methods
from gapdyn import plotting
from gapdyn.loss import mix
from gapdyn.published import FIGURE_5

PLOTTED = tuple(name for names in FIGURE_5.values() for name in names)
SCHEDULES = ("TS S0", "TS S1", "TS S2", "TS S3")
PLANE = np.radians([210, 285, 335, 45, 95])
"""Longitudes of the pairs on their circles of latitude. The first two pairs are swapped."""
GAMMA, SWAPPED = 0.6, 2


def compute(
    seed: int = 0, quick: bool = False, jobs: int = 1, folder: Path | None = None
) -> Numbers:
    """Points from the trainings in `folder`, if they have this seed, or from new ones."""
    numbers = scatter.numbers(("gap",), ("uniformity",), PLOTTED, seed, quick, jobs, folder)
    circle = np.column_stack([np.cos(PLANE), np.sin(PLANE)])
    X, Y = gd.sphere.lift(circle, circle, GAMMA)
    stay = (np.arange(len(PLANE)) >= SWAPPED).astype(float)[:, None]
    numbers.arrays.update(before=np.array([X, Y]), after=np.array(mix(X, Y, stay)))
    share = np.linspace(0, 1, 101)
    for name in SCHEDULES:
        temperature = methods(1.0, segment=1.0, seed=seed)[name].temperature
        tau = [1 / temperature.beta(t, 0.0) for t in share]
        numbers.arrays[name] = np.array([share, tau])
    numbers.parameters["gap_on_sphere"] = {
        when: float(gd.measures.centre_distance(*numbers.arrays[when]))
        for when in ("before", "after")
    }
    return numbers


def draw(numbers: Numbers) -> Figure:
    """Above, the paper's panels; below, all methods in its tables, and ours."""
    figure = Figure(figsize=(7.2, 6.9), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.5, 1])[:, 0]
    above.suptitle("as the paper's Figure 5", size=9)
    grid = above.add_gridspec(2, 4, height_ratios=[1, 1.7])
    twelve = above.add_subplot(grid[:, :2]), numbers, "paper", "gap", "uniformity"
    scatter.panel(*twelve, sets=("plotted",), title="(a) uniformity")
    _schedules(above.add_subplot(grid[0, 2:]), numbers)
    gaps = numbers.parameters["gap_on_sphere"]
    titles = {"before": "(c) pairs, Δ = {:.2f}", "after": "two swapped, Δ = {:.2f}"}
    for k, (when, title) in enumerate(titles.items()):
        ball: Any = above.add_subplot(grid[1, 2 + k], projection="3d")
        _pairs(ball, *numbers.arrays[when])
        ball.set_title(title.format(gaps[when]), size=8, y=1.03)
    below.suptitle("uniformity against gap: all 26 methods of the paper's tables, and ours", size=9)
    shown = ["paper", *numbers.parameters["gap_floor"]]
    for ax, letter, source in zip(below.subplots(1, len(shown)), "def", shown, strict=False):
        sets = ("all",) if source == "paper" else ("plotted", "all")
        title = f"({letter}) {scatter.SOURCES[source]}"
        scatter.panel(ax, numbers, source, "gap", "uniformity", sets=sets, title=title)
    scatter.key(figure)
    return figure


def _schedules(ax: Axes, numbers: Numbers) -> None:
    """τ over the training: a line for each schedule, with its name at the end."""
    for shade, name in zip(plotting.SHADES, SCHEDULES, strict=True):
        share, tau = numbers.arrays[name]
        ax.plot(share, tau, color=shade)
        ax.annotate(
            name.removeprefix("TS "), (1, tau[-1]), (3, -3), textcoords="offset points", size=8
        )
    ax.set_title("(b) τ of S0 to S3 (the paper: one line)", loc="left", size=8)
    ax.set_xlabel("share of training", size=8, labelpad=1)
    ax.set(xlim=(0, 1), ylim=(0, 0.055))
    ax.tick_params(labelsize=8, pad=2)


def _pairs(ax: Any, X: Any, Y: Any) -> None:
    """Two modalities on a sphere, with the names of the swapped pairs."""
    plotting.sphere(ax)
    plotting.modalities(ax, X, Y)
    for i in range(SWAPPED):
        for name, rows, colour in (("x", X, plotting.X_COLOUR), ("y", Y, plotting.Y_COLOUR)):
            x, y, z = rows[i] + (0, 0, np.copysign(0.3, rows[i][2]))
            ax.text(x, y, z, f"${name}_{i + 1}$", color=colour, size=9, ha="center", va="center")
    ax.set_box_aspect((1, 1, 1), zoom=1.4)
