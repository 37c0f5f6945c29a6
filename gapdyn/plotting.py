"""Drawing helpers that figures share; each of them takes an Axes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.types import Array
from gapdyn.validate import validate_array, validate_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

X_COLOUR, Y_COLOUR = "#e03131", "#1b3a8f"
"""Images red and texts blue, as in the paper; the blue is the darker one in grey."""

X_MARKER, Y_MARKER = "o", "s"
"""Images are circles and texts squares, for readers who cannot tell red from blue."""

FEW = 30
"""Largest number of pairs at which the lines between matching rows are dashed."""

SHADES = ("#0b3c5d", "#2f7ebc", "#e08e45", "#b23a48")
"""Colours of curves of one kind, in their order."""

MARKERS = ("o", "s", "^", "D", "v", "P")
"""Markers of curves of one kind, in their order."""

DASHES = ("-", "--", "-.", ":")
"""Dashes of curves of one kind, in their order."""

WIDTH = 5.5
"""Inches: the text of a page, so that a picture is printed at the size at which it is drawn."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

STYLE: Any = {  # settings of Matplotlib
    **dict.fromkeys(
        ("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize", "figure.labelsize"), 8
    ),
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "figure.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # TrueType, which journals ask for
    "ps.fonttype": 42,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in gapdyn's style, whatever the user's settings of Matplotlib, which stay untouched."""
    _import_matplotlib()
    from matplotlib import style

    with style.context(["default", STYLE]):
        yield


def _import_matplotlib() -> None:
    """Import Matplotlib even where MPLBACKEND names a backend that is not installed.

    Jupyter leaves its own there, which programs inherit. It matters to windows alone.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib as mpl
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            mpl.rcParams["backend"] = backend


def column(height: float) -> Figure:
    """An empty figure as wide as the text of a page and `height` inches high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def curve(k: int) -> dict[str, Any]:
    """Colour, marker and dashes of the k-th of several curves.

    Up to twelve curves differ in marker or dashes too, for readers who see no colours.
    """
    shade, marker, dash = (kinds[k % len(kinds)] for kinds in (SHADES, MARKERS, DASHES))
    return {"color": shade, "marker": marker, "ls": dash}


def sphere(ax: Any) -> None:
    """Draw the unit sphere as a wire frame on a 3-D Axes without its box."""
    angle = np.linspace(0, 2 * np.pi, 73)
    for height in np.sin(np.pi * np.arange(-2, 3) / 6):
        r = np.sqrt(1 - height**2)
        ax.plot(r * np.cos(angle), r * np.sin(angle), height, color="0.8", lw=0.5, zorder=0)
    for longitude in np.pi * np.arange(6) / 6:
        r, z = np.cos(angle), np.sin(angle)
        ax.plot(r * np.cos(longitude), r * np.sin(longitude), z, color="0.85", lw=0.5, zorder=0)
    cube(ax)
    ax.set_box_aspect((1, 1, 1), zoom=1.4)
    ax.set_axis_off()


def cube(ax: Any) -> None:
    """Draw the box around the unit sphere on a 3-D Axes, for rows projected to three directions."""
    ax.set_box_aspect((1, 1, 1), zoom=1.1)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
    ax.view_init(elev=14, azim=-60)


def moment(t: float, gap: float, tau: float) -> str:
    """Time, gap and temperature, as the title of a picture."""
    return f"t = {time(t)}\nΔ = {gap:.3f}, τ = {tau:.3f}"


def time(t: float) -> str:
    """A time in three digits, or as a power of ten where it is one from 100 on."""
    digits = float(f"{validate_number('t', t):.3g}")
    if digits >= 100 and np.log10(digits) % 1 == 0:
        return "10" + f"{np.log10(digits):.0f}".translate(SUPERSCRIPTS)
    return f"{digits:,.0f}" if digits >= 100 else f"{digits:g}"


def modalities(ax: Any, X: Array, Y: Array, *, joined: bool = True, size: float = 22) -> None:
    """Draw two modalities (n, 3) on a 3-D Axes, matching rows joined by dashed lines.

    More than `FEW` pairs are joined by thin lines without dashes.
    """
    style: Any = {"lw": 0.8, "ls": (0, (3, 2))} if len(X) <= FEW else {"lw": 0.3}
    if joined:
        for x, y in zip(X, Y, strict=True):
            ax.plot(*zip(x, y, strict=True), color="0.35", **style)
    for rows, colour, marker in ((X, X_COLOUR, X_MARKER), (Y, Y_COLOUR, Y_MARKER)):
        ax.scatter(*rows.T, color=colour, marker=marker, s=size, depthshade=False, lw=0)


def modality_key(ax: Any, loc: str = "upper right", ncols: int = 1) -> None:
    """Add a legend of the two modalities' colours and markers to an Axes or a figure."""
    from matplotlib.lines import Line2D

    kinds = {"image": (X_COLOUR, X_MARKER), "text": (Y_COLOUR, Y_MARKER)}
    dots = [Line2D([], [], ls="", marker=m, color=c, label=k) for k, (c, m) in kinds.items()]
    ax.legend(handles=dots, loc=loc, ncols=ncols)


def principal_directions(*arrays: Array) -> Array:
    """Return the three leading principal directions of stacked rows about the origin, (d, 3).

    They are about the origin and not about the mean, so that the centre of the sphere stays in the
    middle. The largest entry of each direction is positive, whatever sign the linear algebra
    library returns.

    Raises
    ------
    TypeError, ValueError
        If the arrays have no three rows or columns, differ in their columns, or are not finite.
    """
    stacked = np.vstack([validate_array("arrays", rows, ndim=2) for rows in arrays])
    if min(stacked.shape) < 3:
        raise ValueError(f"arrays must have three rows and columns, got {stacked.shape}")
    directions = np.linalg.svd(stacked, full_matrices=False)[2][:3].T
    signed: Array = directions * np.sign(directions[np.abs(directions).argmax(axis=0), range(3)])
    return signed


def log_time(ax: Axes, first: float, last: float) -> None:
    """Make the horizontal axis logarithmic time."""
    ax.set(xscale="log", xlim=(first, last), xlabel="time t")


def readings(
    ax: Axes, t: ArrayLike, values: ArrayLike, *, size: float = 6, label: str = "read off the paper"
) -> None:
    """Mark values that are read off a figure of the paper."""
    ax.plot(t, values, "o", mfc="none", mec="black", ms=size, mew=0.8, label=label, zorder=5)


def level(ax: Axes, height: float, note: str, x: float) -> None:
    """Draw a dashed line across an Axes at a height, and a note on it that begins at x."""
    ax.axhline(height, color="0.4", ls="--", lw=0.9)
    ax.annotate(note, (x, height), (0, 4), textcoords="offset points", color="0.3")
