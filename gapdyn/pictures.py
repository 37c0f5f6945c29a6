"""Pictures of given rows: where they lie, what is similar, and which gap the loss wants."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from gapdyn import plotting
from gapdyn.landscape import Landscape, landscape
from gapdyn.sphere import normalise
from gapdyn.types import Array
from gapdyn.validate import validate_pairs

KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("x", {"color": plotting.X_COLOUR, "marker": plotting.X_MARKER}),
    ("y", {"color": plotting.Y_COLOUR, "marker": plotting.Y_MARKER}),
)

TITLES = (
    "(a) the rows, about their centre",
    "(b) how even the heights are",
    "(c) how far matches stand out",
    "(d) the gap that the loss wants",
)
"""Panels of the page."""

LEAST = "temperature τ: gap of least loss"
"""Title of the curves of a landscape."""


def page(X: ArrayLike, Y: ArrayLike) -> Figure:
    """Four pictures of two modalities.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y. Rows are normalised; n × n similarities are stored.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        As in `landscape`.
    """
    X, Y = map(normalise, validate_pairs(X, Y))
    found = landscape(X, Y)
    figure = plotting.column(5.6)
    axes = figure.subplots(2, 2)
    direction = (X.mean(axis=0) - Y.mean(axis=0)) / found.own_gap
    draw_rows(axes[0, 0], X, Y)
    draw_heights(axes[0, 1], X, Y, direction)
    draw_similarities(axes[1, 0], X @ Y.T)
    draw_landscape(axes[1, 1], found)
    legend(axes[1, 1], 2 + len(found.taus), title=LEAST, handlelength=3)
    for ax, title in zip(axes.flat, TITLES, strict=True):
        ax.set_title(title)
    size = f"{len(X):,} pairs in {X.shape[1]} dimensions"
    figure.suptitle(f"{size}: the means of x and y are Δ = {found.own_gap:.3f} apart")
    return figure


def landscape_page(found: Landscape, of: str = "") -> Figure:
    """Loss against the signed gap on a page, under what it says.

    Parameters
    ----------
    found : Landscape
    of : str, optional
        What the rows are, for the line above the curves.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = plotting.column(3.3)
    ax = figure.subplots()
    draw_landscape(ax, found)
    ax.set_title(of)
    beside: Any = {"loc": "upper left", "bbox_to_anchor": (1, 1), "alignment": "left"}
    ax.legend(title=LEAST.replace(": ", ":\n"), handlelength=3, **beside)
    by_temperature = found.best_gap[np.argsort(found.taus)]
    says = "The gap that the loss wants, by temperature"
    if len(by_temperature) > 1 and (np.diff(by_temperature) < 0).all() and by_temperature[-1] > 0:
        says = "The higher the temperature, the smaller the gap that the loss wants"
    figure.suptitle(says)
    return figure


def along_and_across(X: Array, Y: Array) -> tuple[Array, Array]:
    """Unit rows in two coordinates, (n, 2) each, about the middle between their centres.

    The first is along the gap, the second across it in the direction in which rows spread most.
    """
    centres = X.mean(axis=0), Y.mean(axis=0)
    direction = normalise([np.subtract(*centres)] * 2)[0]
    both = [rows - np.add(*centres) / 2 for rows in (X, Y)]
    across = np.concatenate([rows - np.outer(rows @ direction, direction) for rows in both])
    most = np.linalg.svd(across - across.mean(axis=0), full_matrices=False)[2][0]
    most = most * np.sign(most[np.abs(most).argmax()])
    x, y = (rows @ np.column_stack([direction, most]) for rows in both)
    return x, y


def draw_rows(ax: Axes, X: Array, Y: Array) -> None:
    """The rows along the gap, and across it in the direction in which they spread most."""
    for rows, (name, style) in zip(along_and_across(X, Y), KINDS, strict=True):
        ax.plot(*rows.T, ls="", ms=3, alpha=0.6, label=name, **style)
    ax.set(xlabel="along the gap", ylabel="across, where they spread most")
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend()


def draw_heights(ax: Axes, X: Array, Y: Array, direction: Array) -> None:
    """Heights along the gap, which the parallel model (3) takes for constant."""
    for rows, (name, style), hatch in zip((X, Y), KINDS, ("", "///"), strict=True):
        ax.hist(rows @ direction, bins=25, alpha=0.6, color=style["color"], hatch=hatch, label=name)
    ax.set(xlabel="height along the gap", ylabel="number of rows")
    legend(ax, 1, ncols=2)


def draw_similarities(ax: Axes, Z: Array) -> None:
    """Similarities of matching rows beside those of all others."""
    others = Z[~np.eye(len(Z), dtype=bool)]
    bins: Any = np.linspace(Z.min(), Z.max(), 41)
    kind: Any
    for values, name, shade, kind in (
        (Z.diagonal(), "matching pairs", plotting.SHADES[2], "stepfilled"),
        (others, "all others", plotting.SHADES[0], "step"),
    ):
        ax.hist(values, bins, density=True, histtype=kind, color=shade, label=name, lw=1.5)
    ax.set(xlabel="similarity ⟨x, y⟩", ylabel="density")
    legend(ax, 2)


def draw_landscape(ax: Axes, found: Landscape) -> None:
    """Loss against the signed gap, with the minima and the gap of the rows."""
    curves = zip(found.taus, found.losses, found.best_gap, found.best_loss, strict=True)
    for k, (tau, loss, gap, least) in enumerate(curves):
        edge = "" if 0 < loss.argmin() < loss.size - 1 else " (last tried)"
        style, label = plotting.curve(k), f"τ = {tau:g}: {gap:.3f}{edge}".replace("-", "−")
        ax.plot(found.gaps, loss, **style | {"marker": ""})
        ax.plot(gap, least, style["marker"], color=style["color"], ms=6)
        ax.plot([], [], **style, label=label)
    own = f"gap of the rows: {found.own_gap:.3f}"
    ax.plot([found.own_gap] * 2, ax.get_ylim(), color="0.6", lw=1, zorder=0, label=own)
    ax.set(xlabel="gap Δ (below 0: centres crossed)", ylabel="loss (nats)")


def legend(ax: Axes, lines: int, **options: Any) -> None:
    """A legend of so many lines in the upper left, and room for it above the data."""
    share = min(0.6, (0.2 + 0.18 * lines) * ax.figure.dpi / ax.bbox.height)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1 - share))
    ax.legend(loc="upper left", alignment="left", borderaxespad=0.1, **options)
