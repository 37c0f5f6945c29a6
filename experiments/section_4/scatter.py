"""Scatter plots of one measure of Section 4 against another, which Figures 5 to 7 share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.record import Numbers
from experiments.section_4 import runs
from experiments.section_4.correlation import Interval, rank_correlation
from experiments.section_4.runs import Table
from experiments.section_4.verdicts import LEAST_METHODS, LEAST_STEPS, Methods, ours_by_data, papers
from gapdyn import published

LABELS = {
    "gap": "gap Δ",
    "uniformity": "uniformity",
    "image_retrieval": "image retrieval (%)",
    "text_retrieval": "text retrieval (%)",
    "zero_shot": "zero-shot (%)",
    "linear_probe": "linear probe (%)",
}
SOURCES = {
    "paper": "the paper, all rows of Tables 2 to 5",
    "glyphs": "ours, glyphs",
    "synthetic": "ours, synthetic pairs",
}
"""Titles of the sources of the points."""

CONTROL, SWAP, BASELINE = "#2b8a3e", "#f08c00", "#e03131"
"""Green, orange and red, as in Figure 5(a)."""

KINDS = {
    "FLT": ("o", CONTROL, "fixed τ"),
    "TS": ("D", CONTROL, "scheduled τ"),
    "TR": ("v", CONTROL, "another τ(ν)"),
    "SLRT": ("p", CONTROL, "τ learnt slowly"),
    "HS": ("s", SWAP, "hard swapping"),
    "SS": ("P", SWAP, "soft swapping"),
    "No normalization": ("X", "0.5", ""),
    "Baseline": ("^", BASELINE, ""),
}
"""Marker, colour and words by the beginning of a method's name. The last is drawn on top."""


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


def panel(
    ax: Axes, numbers: Numbers, source: str, x: str, y: str, *, sets: Sequence[str], title: str
) -> None:
    """Points of one source, hollow if the paper's figure does not have them, and ρ in the title.

    `sets` are "plotted", "all" or both: the sets of methods whose correlation to print. Without
    "all" only the plotted methods are drawn.
    """
    table = numbers.table
    rows = np.flatnonzero(table["source"] == source)
    if "all" not in sets:
        rows = rows[table["plotted"][rows] == 1]
    for kind, (marker, colour, _) in KINDS.items():
        chosen = [i for i in rows if table["method"][i].startswith(kind)]
        faces = np.where(table["plotted"][chosen] == 1, colour, "none").tolist()
        here = table[x][chosen], table[y][chosen]
        ax.scatter(*here, marker=marker, s=24, facecolors=faces, edgecolors=colour, lw=0.9)
    found = numbers.parameters["correlations"][f"{x}, {y}"].get(source, {})
    counts = {"plotted": int((table["plotted"][rows] == 1).sum()), "all": len(rows)}
    lines = [f"{counts[s]}: {Interval(*found[s])}" for s in sets if s in found]
    ax.set_title("\n".join([title, *lines]), loc="left", size=8)
    _axes(ax, x, numbers.parameters["gap_floor"].get(source))


def _axes(ax: Axes, x: str, floor: float | None) -> None:
    """Labels and ticks; our gaps are on a logarithmic axis with their floor."""
    ax.set_xlabel(LABELS[x], size=8, labelpad=1)
    ax.tick_params(labelsize=8, pad=2)
    ax.locator_params("x", nbins=3, steps=[1, 2, 5, 10])
    ax.locator_params("y", nbins=4, steps=[1, 2, 5, 10])
    ax.margins(0.1)
    if x == "gap" and floor is not None:
        ax.set_xscale("log")
        ax.set_xlabel(f"{LABELS[x]}, log scale", size=8, labelpad=1)
        ax.axvline(floor, color="0.6", lw=1, ls=":", zorder=0)


def trend(ax: Axes, numbers: Numbers, x: str, y: str) -> None:
    """The dashed line in the paper's panel, if there is one, and the line of least squares."""
    if (x, y) not in published.TREND_LINES:
        return
    table = numbers.table
    rows = (table["source"] == "paper") & (table["plotted"] == 1)
    ends = np.array(published.TREND_LINES[x, y]).T
    ax.plot(*ends, color="#ff9500", ls=(0, (3, 1.5)), lw=2, zorder=0)
    line = np.polyfit(table[x][rows], table[y][rows], 1)
    ax.plot(ends[0], np.polyval(line, ends[0]), color="0.35", lw=1, zorder=0)


def key(figure: Figure, more: str = "") -> None:
    """The legend below a figure."""
    handles = [
        Line2D([], [], ls="", marker=marker, color=colour, ms=5, label=f"{kind} {words}")
        for kind, (marker, colour, words) in KINDS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, title=KEY + more)


KEY = """\
above a panel: number of methods, Spearman's ρ, its 95 % interval; of ours first what is plotted
filled: plotted by the paper, hollow: in its tables only; dotted: a smaller gap may be none"""
LINES = "\ndashed: lines of the paper, grey: least squares"


def draw(against: Sequence[str], tasks: Sequence[str], name: str, numbers: Numbers) -> Figure:
    """Rows of panels: what the paper plots, all of its tables, and each kind of our data.

    The first row has the nine methods that the paper plots, its axes and its lines. Further rows
    have all 26 methods of its Tables 2 to 5, and ours, hollow if the paper's figure does not show
    the method.
    """
    ours = numbers.parameters["gap_floor"]
    rows: list[tuple[str, str, tuple[str, ...]]] = [
        (f"the nine methods of the paper's {name}", "paper", ("plotted",)),
        (SOURCES["paper"], "paper", ("all",)),
        *((SOURCES[source], source, ("plotted", "all")) for source in ours),
    ]
    figure = Figure(figsize=(7.2, 1.0 + 1.8 * len(rows)), layout="constrained")
    letters = iter("aabbcdefghijklmn")  # the first row has those of the paper
    strips = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for k, (strip, (title, source, sets)) in enumerate(zip(strips, rows, strict=True)):
        strip.suptitle(title, size=9)
        panels = [(x, y) for x in against for y in tasks]
        for ax, (x, y) in zip(strip.subplots(1, len(panels)), panels, strict=True):
            words = f"({next(letters)}) {LABELS[y]}"
            panel(ax, numbers, source, x, y, sets=sets, title=words)
            if k == 0:
                trend(ax, numbers, x, y)
    key(figure, LINES)
    return figure
