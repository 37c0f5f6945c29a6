"""One measure of Section 4 against another, a point for each method: what Figures 5 to 7 share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import section_4
from experiments.correlation import Interval, rank_correlation
from experiments.record import Numbers
from experiments.section_4 import Table
from experiments.verdicts import LEAST_METHODS, LEAST_STEPS, PAST_THE_BEST, ours, papers
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
    "paper": ("the paper: CLIP on MSCOCO", "black"),
    "synthetic": ("two encoders, synthetic pairs", plotting.X_COLOUR),
    "digits": ("two encoders, halves of digits", plotting.Y_COLOUR),
}
"""Where points come from: title and colour."""


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
    return Numbers(
        table=found,
        parameters={
            "settings": section_4.settings(quick),
            "least_steps_acted": LEAST_STEPS,
            "correlations": {
                f"{x}, {y}": {source: correlations(found, source, x, y) for source in sources}
                for x in against
                for y in tasks
            },
        },
    )


def correlations(table: Table, source: str, x: str, y: str) -> dict[str, list[float]]:
    """Spearman's ρ and its interval, over all methods and without the hottest."""
    rows = table["source"] == source
    sets = {"all": rows, "filled": rows & ~np.isin(table["method"], PAST_THE_BEST)}
    return {
        which: list(rank_correlation(table[x][chosen], table[y][chosen]))
        for which, chosen in sets.items()
        if chosen.sum() >= LEAST_METHODS
    }


def panel(ax: Axes, numbers: Numbers, source: str, x: str, y: str) -> None:
    """Points of one source, those of the hottest temperatures hollow, and the correlations."""
    table, colour = numbers.table, SOURCES[source][1]
    rho = numbers.parameters["correlations"][f"{x}, {y}"].get(source, {})
    rows = table["source"] == source
    hot = np.isin(table["method"], PAST_THE_BEST)
    style: Any = {"s": 22, "color": colour, "lw": 1}
    ax.scatter(table[x][rows & ~hot], table[y][rows & ~hot], **style)
    ax.scatter(table[x][rows & hot], table[y][rows & hot], facecolors="none", **style)
    named = {"Baseline": "baseline", "HS 1": "HS 1", "No normalization": "no norm."}
    for i in np.flatnonzero(rows & np.isin(table["method"], list(named))):
        ax.annotate(
            named[table["method"][i]],
            (table[x][i], table[y][i]),
            xytext=(4, 3),
            textcoords="offset points",
            size=7,
        )
    text = [f"ρ ({which}) = {Interval(*found)}" for which, found in rho.items()]
    ax.set_title("\n".join(text), size=8, loc="left")
    ax.margins(0.08)


def draw(numbers: Numbers, against: Sequence[str], tasks: Sequence[str]) -> Figure:
    """A row for each source, a column for each task against each quantity."""
    shown = [s for s in SOURCES if (numbers.table["source"] == s).any()]
    pairs = [(x, y) for x in against for y in tasks]
    figure = Figure(figsize=(11, 0.6 + 2.5 * len(shown)), layout="constrained")
    rows = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for source, row in zip(shown, rows, strict=True):
        row.suptitle(SOURCES[source][0], size=10)
        for ax, (x, y) in zip(row.subplots(1, len(pairs)), pairs, strict=True):
            panel(ax, numbers, source, x, y)
            ax.set(xlabel=LABELS[x], ylabel=LABELS[y])
    return figure
