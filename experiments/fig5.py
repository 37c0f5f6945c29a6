"""Figure 5: uniformity against the gap; rising temperatures; modality swapping on a sphere.

`draw` is the paper's figure: the twelve methods that it plots, and whole pairs that change sides,
although Appendix D.2 swaps single entries. In `MORE` are all 26 methods of its Tables 2 to 5, and
ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import gapdyn as gd
from experiments.record import Numbers
from experiments.section_4 import results, scatter
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


MODALITIES = [
    Line2D([], [], ls="", marker=marker, color=colour, label=words)
    for marker, colour, words in (
        (plotting.X_MARKER, plotting.X_COLOUR, "image x, in (c)"),
        (plotting.Y_MARKER, plotting.Y_COLOUR, "text y, in (c)"),
    )
]


def draw(numbers: Numbers) -> Figure:
    """The paper's figure: uniformity against gap, rising temperatures, and swapped pairs."""
    figure = plotting.column(7.2)
    figure.suptitle(
        "The methods that the paper plots control the temperature or swap modalities:"
        "\nall shrink the gap, and embeddings spread more evenly or less"
    )
    grid = figure.add_gridspec(2, 3, height_ratios=[1.1, 1], width_ratios=[1, 1.1, 1.1])
    above = figure.add_subplot(grid[0, :])
    names = _uniformity(above, numbers, "paper", "plotted", "(a) twelve methods of the paper")
    _schedules(figure.add_subplot(grid[1, 0]), numbers)
    gaps = numbers.parameters["gap_on_sphere"]
    titles = {"before": "(c) five pairs,\ngap Δ = {:.2f}", "after": "two swapped,\ngap Δ = {:.2f}"}
    for k, (when, title) in enumerate(titles.items()):
        ball: Any = figure.add_subplot(grid[1, 1 + k], projection="3d")
        _pairs(ball, *numbers.arrays[when])
        ball.set_title(title.format(gaps[when]))
    more = [*scatter.lines(scatter.BASELINES), *MODALITIES]
    scatter.key(figure, names, more, title=f"{scatter.CLIP}\n{scatter.RHO}")
    return figure


def every(numbers: Numbers) -> Figure:
    """Uniformity against gap: all methods of the paper's tables, and ours, a panel each."""
    figure = plotting.column(6.0)
    figure.suptitle(
        "Where the gap is smaller, embeddings tend to spread less evenly in the paper"
        "\nand on glyphs, and more evenly on synthetic pairs"
    )
    titles = {"paper": "the paper's CLIP"} | {d: f"ours, {n}" for d, n in results.NAMES.items()}
    sources = ["paper", *numbers.parameters["gap_floor"]]
    axes = figure.subplots(2, 2).ravel()
    for ax, letter, source in zip(axes, "abc", sources, strict=False):
        names = _uniformity(ax, numbers, source, "all", f"({letter}) {titles[source]}")
        floor = numbers.parameters["gap_floor"].get(source)
        if floor is not None:
            ax.axvline(floor, **scatter.LINES[scatter.CHANCE])
    for ax in axes[len(sources) :]:
        ax.set(xticks=[], yticks=[])
        ax.set_axis_off()
    more = scatter.faces("in the paper's Figure 5", "not in it")
    more += scatter.lines(scatter.BASELINES, scatter.CHANCE)
    place: Any = {"loc": "center left", "bbox_to_anchor": (-0.2, 0.5), "ncols": 1}
    scatter.key(axes[-1], names, more, **place).set_in_layout(False)  # it is wider than a panel
    figure.supxlabel(scatter.RHO)
    return figure


MORE = {"all": every}


def _uniformity(ax: Axes, numbers: Numbers, source: str, which: str, title: str) -> list[str]:
    """Uniformity against gap of one source's methods, whose names it returns."""
    table = numbers.table
    rows = (table["source"] == source) & ((which == "all") | (table["plotted"] == 1))
    names: list[str] = table["method"][rows].tolist()
    gap = table["gap"][rows]
    scatter.mark(ax, names, gap, table["uniformity"][rows], table["plotted"][rows])
    ax.axvline(gap[names.index("Baseline")], **scatter.LINES[scatter.BASELINES])
    ax.set_title(title + scatter.rho(numbers, source, "gap", "uniformity", which))
    ax.set_ylabel(scatter.AXES["uniformity"])
    scatter.across(ax, "gap", log=which == "all")
    return names


def _schedules(ax: Axes, numbers: Numbers) -> None:
    """The temperature over the training: a line for each schedule, with its name at the end."""
    for k, name in enumerate(SCHEDULES):
        share, tau = numbers.arrays[name]
        ax.plot(share, tau, **plotting.curve(k) | {"marker": None})
        ax.annotate(name.removeprefix("TS "), (1, tau[-1]), (3, -3), textcoords="offset points")
    ax.set_title("(b) rising temperatures,\nfour schedules S0 to S3")
    ax.set(xlabel="share of the training", ylabel="temperature τ", xlim=(0, 1), ylim=(0, 0.055))


def _pairs(ax: Any, X: Any, Y: Any) -> None:
    """Two modalities on a sphere, with the names of the swapped pairs."""
    plotting.sphere(ax)
    plotting.modalities(ax, X, Y)
    for i in range(SWAPPED):
        for name, rows, colour in (("x", X, plotting.X_COLOUR), ("y", Y, plotting.Y_COLOUR)):
            x, y, z = rows[i] + (0, 0, np.copysign(0.3, rows[i][2]))
            ax.text(x, y, z, f"${name}_{i + 1}$", color=colour, size=9, ha="center", va="center")
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
