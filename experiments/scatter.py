"""One measure of Section 4 against another, a point for each method: what Figures 5 to 7 share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments import section_4
from experiments.correlation import Interval, rank_correlation
from experiments.record import Numbers
from experiments.section_4 import Table
from experiments.verdicts import LEAST_METHODS, LEAST_STEPS, hotter_than_best, ours, papers
from gapdyn import plotting

LABELS = {
    "gap": "gap Δ",
    "uniformity": "uniformity",
    "image_retrieval": "image retrieval (%)",
    "text_retrieval": "text retrieval (%)",
    "zero_shot": "zero-shot accuracy (%)",
    "linear_probe": "linear probe accuracy (%)",
}
SOURCES = {
    "paper": "the paper: CLIP on MSCOCO",
    "synthetic": "two encoders, 2,048 synthetic pairs",
    "abundant": "two encoders, 32,768 synthetic pairs",
    "digits": "two encoders, halves of digits",
}
"""Where points come from, and their titles."""

KINDS = {
    "FLT": ("o", plotting.SHADES[1]),
    "TS": ("^", plotting.SHADES[0]),
    "TR": ("D", plotting.SHADES[2]),
    "SLRT": ("s", plotting.SHADES[2]),
    "HS": ("v", plotting.SHADES[3]),
    "SS": ("P", plotting.SHADES[3]),
    "No normalization": ("X", "0.5"),
    "Baseline": ("*", "black"),
}
"""Marker and colour of a method, by the beginning of its name; the last lies on top."""


def numbers(
    seed: int,
    quick: bool,
    jobs: int,
    folder: Path | None,
    against: Sequence[str],
    tasks: Sequence[str],
) -> Numbers:
    """Measures of every method that acted, from each source, and their rank correlations."""
    keys = (*against, *tasks)
    trainings = section_4.trainings(seed, quick, jobs, folder)
    data = dict.fromkeys(trainings["data"].tolist())
    sources = {"paper": papers()} | {d: ours(trainings, d) for d in data}
    columns: dict[str, list[Any]] = {name: [] for name in ("source", "method", *keys)}
    for source, methods in sources.items():
        for i in methods.where(lambda name: True, *keys):
            row = (source, methods.names[i], *(float(methods.mean(key)[i]) for key in keys))
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    found = {name: np.array(column) for name, column in columns.items()}
    hot = {source: hotter_than_best(methods) for source, methods in sources.items()}
    return Numbers(
        table=found,
        parameters={
            "settings": section_4.settings(quick),
            "least_steps_acted": LEAST_STEPS,
            "hotter_than_best": hot,
            "gap_floor": {
                d: float(trainings["gap_floor"][trainings["data"] == d].mean()) for d in data
            },
            "correlations": {
                f"{x}, {y}": {
                    source: correlations(found, source, hot[source], x, y) for source in sources
                }
                for x in against
                for y in tasks
            },
        },
    )


def correlations(
    table: Table, source: str, hot: Sequence[str], x: str, y: str
) -> dict[str, list[float]]:
    """Spearman's ρ and its interval, over all methods and without the hottest."""
    rows = table["source"] == source
    sets = {"all": rows, "filled": rows & ~np.isin(table["method"], list(hot))}
    return {
        which: list(rank_correlation(table[x][chosen], table[y][chosen]))
        for which, chosen in sets.items()
        if chosen.sum() >= LEAST_METHODS
    }


def panel(ax: Axes, numbers: Numbers, source: str, x: str, y: str) -> None:
    """Points of one source by kind, those of the hottest temperatures hollow; ρ as its title."""
    table, hot = numbers.table, numbers.parameters["hotter_than_best"][source]
    rows = np.flatnonzero(table["source"] == source)
    for kind, (marker, colour) in KINDS.items():
        chosen = [i for i in rows if table["method"][i].startswith(kind)]
        hollow = np.isin(table["method"][chosen], list(hot))
        ax.scatter(
            table[x][chosen],
            table[y][chosen],
            marker=marker,
            s=26,
            facecolors=np.where(hollow, "none", colour).tolist(),
            edgecolors=colour,
            lw=1,
        )
    found = numbers.parameters["correlations"][f"{x}, {y}"].get(source, {})
    ax.set_title("\n".join(f"ρ ({which}) = {Interval(*rho)}" for which, rho in found.items()))
    ax.title.set(size=8)
    ax.set(xlabel=LABELS[x], ylabel=LABELS[y])
    ax.margins(0.08)
    if x == "gap":
        ax.set_xscale("log")
        floor = numbers.parameters["gap_floor"].get(source)
        if floor is not None:
            ax.axvline(floor, color="0.6", lw=1, ls=":", zorder=0)


def key(figure: Figure) -> None:
    """Say below a figure which marker is which kind of method."""
    handles = [
        Line2D([], [], ls="", marker=marker, color=colour, ms=5, label=kind)
        for kind, (marker, colour) in KINDS.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        title="hollow: τ fixed beyond the best for retrieval; dotted: floor of the measured gap",
    )


def draw(numbers: Numbers, against: Sequence[str], tasks: Sequence[str]) -> Figure:
    """A row for each source, a column for each task against each quantity."""
    shown = [s for s in SOURCES if (numbers.table["source"] == s).any()]
    pairs = [(x, y) for x in against for y in tasks]
    figure = Figure(figsize=(11, 0.9 + 2.5 * len(shown)), layout="constrained")
    rows = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for source, row in zip(shown, rows, strict=True):
        row.suptitle(SOURCES[source], size=10)
        axes = row.subplots(1, len(pairs))
        for ax, (x, y) in zip(axes, pairs, strict=True):
            panel(ax, numbers, source, x, y)
    key(figure)
    return figure
