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
    figure = Figure(figsize=(7.4, 6.2), layout="constrained")
    axes = figure.subplots(2, 2)
    direction = (X.mean(axis=0) - Y.mean(axis=0)) / found.own_gap
    draw_rows(axes[0, 0], X, Y)
    draw_heights(axes[0, 1], X, Y, direction)
    draw_similarities(axes[1, 0], X @ Y.T)
    draw_landscape(axes[1, 1], found)
    axes[1, 1].set_title("(d) the gap that the loss wants")
    figure.suptitle(f"{len(X):,} pairs in {X.shape[1]} dimensions, gap {found.own_gap:.3f}")
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
    ax.set(xlabel="along the gap", ylabel="across, where it is widest", aspect="equal")
    ax.set_title("(a) the rows, about their centre")
    ax.legend()


def draw_heights(ax: Axes, X: Array, Y: Array, direction: Array) -> None:
    """Heights along the gap, which the parallel model (3) takes for constant."""
    for rows, (name, style), hatch in zip((X, Y), KINDS, ("", "///"), strict=True):
        ax.hist(rows @ direction, bins=25, alpha=0.6, color=style["color"], hatch=hatch, label=name)
    ax.set(xlabel="height along the gap", ylabel="rows")
    ax.set_title("(b) how even the heights are")
    ax.legend()


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
    ax.set_title("(c) how far matches stand out")
    ax.legend()


def draw_landscape(ax: Axes, found: Landscape) -> None:
    """Loss against the signed gap, with the minima and the gap of the rows."""
    curves = zip(found.taus, found.losses, found.best_gap, found.best_loss, strict=True)
    for k, (tau, loss, gap, least) in enumerate(curves):
        shade = plotting.SHADES[k % len(plotting.SHADES)]
        style = ("-", "--", "-.", ":")[k // len(plotting.SHADES) % 4]
        ax.plot(found.gaps, loss, ls=style, color=shade, label=f"τ = {tau:g}: least at {gap:.3f}")
        ax.plot(gap, least, "o", color=shade, ms=6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.12 * (2 + len(found.taus)) * (high - low) / 1.3)  # for the legend
    ax.axvline(found.own_gap, color="0.4", ls="--", lw=1, label=f"the rows: {found.own_gap:.3f}")
    ax.set(xlabel="signed gap", ylabel="loss (nats)", title="the gap that the loss wants")
    ax.legend(loc="upper left")
