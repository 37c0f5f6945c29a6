"""Scatter plots of one measure of Section 4 against another, which Figures 5 to 7 share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from experiments.record import Numbers
from experiments.section_4 import results, runs
from experiments.section_4.correlation import Interval, rank_correlation
from experiments.section_4.runs import Table
from experiments.section_4.verdicts import LEAST_METHODS, LEAST_STEPS, Methods, ours_by_data, papers
from gapdyn import plotting, published

AXES = {"gap": "gap Δ", "uniformity": "uniformity (larger: more even)"}
TASKS = {
    "image_retrieval": ("image retrieval", "recall@1 (%)"),
    "text_retrieval": ("text retrieval", "recall@1 (%)"),
    "zero_shot": ("zero-shot", "accuracy (%)"),
    "linear_probe": ("linear probe", "accuracy (%)"),
}
"""What is measured across; and of each task its name and its unit."""

CONTROL, SWAP, BASELINE = plotting.SHADES[0], plotting.SHADES[2], plotting.SHADES[3]
KINDS = {
    "FLT": ("o", CONTROL, "temperature fixed (FLT)"),
    "TS": ("D", CONTROL, "temperature rising or swinging (TS)"),
    "TR": ("v", CONTROL, "temperature learned otherwise (TR)"),
    "SLRT": ("^", CONTROL, "temperature learned slowly (SLRT)"),
    "HS": ("s", SWAP, "hard swapping (HS)"),
    "SS": ("P", SWAP, "soft swapping (SS)"),
    "No normalization": ("X", "0.5", "embeddings not normalised"),
    "Baseline": ("*", BASELINE, "baseline: temperature learned"),
}
"""Marker, colour and words by the beginning of a method's name. The last is drawn on top."""

PAPERS, FITTED, BASELINES, CHANCE = (
    "dashed line of the paper",
    "line of least squares",
    "gap of the baseline",
    "left of it a gap may be chance",
)
LINES: dict[str, dict[str, Any]] = {
    PAPERS: {"color": SWAP, "ls": (0, (3, 1.5)), "lw": 2, "zorder": 0},
    FITTED: {"color": "0.35", "lw": 1, "zorder": 0},
    BASELINES: {"color": "0.4", "ls": "--", "lw": 1, "zorder": 0},
    CHANCE: {"color": "0.4", "ls": ":", "lw": 1, "zorder": 0},
}
"""Styles of lines by their words in a legend."""

RHO = "ρ: Spearman's rank correlation over the methods, in brackets its 95 % interval."
CLIP = "Each marker is CLIP, trained on photographs with captions by one method."
ENCODERS = """\
Each marker is two small networks, trained by one method. Changes are from the baseline.
Glyphs: drawn characters with their names. Synthetic pairs: functions of one hidden code."""


def numbers(
    against: Sequence[str],
    tasks: Sequence[str],
    plotted: Sequence[str],
    seed: int = 0,
    quick: bool = False,
    jobs: int = 1,
    folder: Path | None = None,
) -> Numbers:
    """Measures of every method that acted, from each source, and their rank correlations.

    `plotted` names the methods in the paper's figure. The trainings are those in `folder`, if they
    have this seed, or new ones.
    """
    trainings = runs.trainings(seed, quick, jobs, folder)
    data = ours_by_data(trainings)
    sources = {"paper": papers()} | data
    table = points(sources, (*against, *tasks), plotted)
    floors = {d: float(trainings["gap_floor"][trainings["data"] == d].mean()) for d in data}
    found = {
        f"{x}, {y}": {source: correlations(table, source, x, y) for source in sources}
        for x in against
        for y in tasks
    }
    parameters = {"settings": runs.settings(quick), "least_steps_acted": LEAST_STEPS}
    parameters |= {"gap_floor": floors, "correlations": found}
    return Numbers(table, parameters, journal=runs.journal(seed, quick, folder))


def points(sources: Mapping[str, Methods], keys: Sequence[str], plotted: Sequence[str]) -> Table:
    """A row for each method that acted, from each source, with some measures."""
    rows = [
        (source, m.names[i], int(m.names[i] in plotted), *(m.mean(key)[i] for key in keys))
        for source, m in sources.items()
        for i in m.where(lambda name: True, *keys)
    ]
    names = ("source", "method", "plotted", *keys)
    return dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))


def correlations(table: Table, source: str, x: str, y: str) -> dict[str, list[float]]:
    """Spearman's ρ and its interval over the methods that the paper plots, and over all."""
    rows = table["source"] == source
    sets = {"plotted": rows & (table["plotted"] == 1), "all": rows}
    return {
        which: list(rank_correlation(table[x][chosen], table[y][chosen]))
        for which, chosen in sets.items()
        if chosen.sum() >= LEAST_METHODS
    }


def rho(numbers: Numbers, source: str, x: str, y: str, which: str) -> str:
    """The rank correlation and its interval in a line, or nothing if the methods are too few."""
    found = numbers.parameters["correlations"][f"{x}, {y}"].get(source, {})
    return f"\nρ = {Interval(*found[which])}".replace("-", "−") if which in found else ""


def mark(ax: Axes, names: Sequence[str], x: Any, y: Any, filled: Any) -> None:
    """A marker for each method, of its kind, filled or hollow."""
    for kind, (marker, colour, _) in KINDS.items():
        chosen = np.array([name.startswith(kind) for name in names], dtype=bool)
        faces = np.where(np.asarray(filled, dtype=bool)[chosen], colour, "none").tolist()
        style: Any = {"facecolors": faces, "edgecolors": colour, "s": _size(marker) ** 2}
        ax.scatter(x[chosen], y[chosen], marker=marker, lw=0.9, **style)
    ax.margins(0.1)


def _size(marker: str) -> float:
    return 8.0 if marker == "*" else 5.0


def across(ax: Axes, x: str, *, log: bool = False) -> None:
    """The horizontal axis of a panel."""
    ax.set_xlabel(AXES[x])
    if log and x == "gap":
        ax.set(xscale="log", xlabel=f"{AXES[x]} (log axis)")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
    else:
        ax.locator_params("x", nbins=4, steps=[1, 2, 5, 10])


def key(where: Any, names: Sequence[str], more: Sequence[Line2D] = (), **style: Any) -> Legend:
    """The legend of a figure or of a panel: the kinds of the methods, and more entries."""
    kinds = [
        Line2D([], [], ls="", marker=marker, color=colour, ms=_size(marker), label=words)
        for kind, (marker, colour, words) in KINDS.items()
        if any(name.startswith(kind) for name in names)
    ]
    below: Any = {"loc": "outside lower center", "ncols": 2}
    legend: Legend = where.legend(handles=[*kinds, *more], **below | style)
    return legend


def faces(filled: str, hollow: str) -> list[Line2D]:
    """Entries of a legend that say what filled and hollow markers are."""
    style: Any = {"ls": "", "marker": "o", "color": "0.4", "ms": 5}
    return [
        Line2D([], [], label=f"filled: {filled}", **style),
        Line2D([], [], label=f"hollow: {hollow}", mfc="none", **style),
    ]


def lines(*words: str) -> list[Line2D]:
    """Entries of a legend for lines."""
    return [Line2D([], [], label=label, **LINES[label]) for label in words]


def trend(ax: Axes, table: Table, x: str, y: str) -> None:
    """The dashed line in the paper's panel, if there is one, and the line of least squares."""
    if (x, y) not in published.TREND_LINES:
        return
    rows = (table["source"] == "paper") & (table["plotted"] == 1)
    ends = np.array(published.TREND_LINES[x, y]).T
    ax.plot(*ends, **LINES[PAPERS])
    line = np.polyfit(table[x][rows], table[y][rows], 1)
    ax.plot(ends[0], np.polyval(line, ends[0]), **LINES[FITTED])


def of_paper(
    numbers: Numbers,
    *,
    against: Sequence[str],
    tasks: Sequence[str],
    which: str,
    name: str,
    message: str,
    note: str,
    named: Mapping[str, str] = MappingProxyType({}),
) -> Figure:
    """The paper's methods: a row of panels for each measure across, a column for each task.

    If `which` is "plotted", the figure is the paper's, of its `name`, with its axes and its lines.
    If it is "all", it has all methods of Tables 2 to 5, hollow where the paper's figure has none.
    Methods that are `named` have these words beside their markers.
    """
    every, table = which == "all", numbers.table
    rows = (table["source"] == "paper") & (every | (table["plotted"] == 1))
    names = table["method"][rows].tolist()
    figure = plotting.column(6.6)
    figure.suptitle(message)
    axes = figure.subplots(2, 2, sharey="col").flat
    for ax, letter, (x, y) in zip(axes, "abcd", product(against, tasks), strict=True):
        mark(ax, names, table[x][rows], table[y][rows], table["plotted"][rows])
        title, unit = TASKS[y]
        ax.set_title(f"({letter}) {title} and {x}" + rho(numbers, "paper", x, y, which))
        ax.set_ylabel(unit)
        across(ax, x, log=every)
        for i in np.flatnonzero(rows & np.isin(table["method"], list(named))):
            words, point = named[str(table["method"][i])], (table[x][i], table[y][i])
            ax.annotate(words, point, (11, 0), textcoords="offset points", va="center")
        if not every:
            trend(ax, table, x, y)
    more = faces(f"in the paper's {name}", "in its tables only") if every else lines(PAPERS, FITTED)
    key(figure, names, more, title=f"{note}\n{CLIP}\n{RHO}")
    return figure


def of_ours(
    numbers: Numbers, *, against: Sequence[str], tasks: Sequence[str], message: str, note: str
) -> Figure:
    """Our methods: a row of panels for each kind of data, a column for each measure across.

    Both tasks are in one panel, less the baseline, the first filled and the second hollow.
    """
    floors, table = numbers.parameters["gap_floor"], numbers.table
    figure = plotting.column(2.1 + 2.3 * len(floors))
    figure.suptitle(message)
    axes = figure.subplots(len(floors), len(against), squeeze=False, sharey="row")
    panels = zip(axes.flat, "abcdef", product(floors, against), strict=False)
    for ax, letter, (data, x) in panels:
        rows = table["source"] == data
        names = table["method"][rows].tolist()
        title = f"({letter}) {results.NAMES[data]}, against {x}"
        for y in tasks:
            change = table[y][rows] - table[y][rows][names.index("Baseline")]
            mark(ax, names, table[x][rows], change, np.full(len(names), y == tasks[0]))
            face = "filled" if y == tasks[0] else "hollow"
            title += rho(numbers, data, x, y, "all").replace("ρ", f"{face}: ρ")
        ax.set_title(title)
        ax.set_ylabel("change in points of %" if x == "gap" else "")
        ax.axhline(0, color="0.6", lw=0.8, zorder=0)
        across(ax, x, log=True)
        if x == "gap":
            ax.axvline(floors[data], **LINES[CHANCE])
    more = [*faces(*(TASKS[y][0] for y in tasks)), *lines(CHANCE)]
    key(figure, names, more, title=f"{note}\n{ENCODERS}\n{RHO}")
    return figure
