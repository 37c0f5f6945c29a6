"""The few drawing helpers that figures share; every helper takes an Axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gapdyn._validate import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

X_COLOUR, Y_COLOUR = "#e03131", "#1b3a8f"
"""Images red and texts blue, as in the paper; the blue is the darker one in grey."""

X_MARKER, Y_MARKER = "o", "s"
"""Images are circles and texts squares, for those who do not tell red from blue."""

SHADES = ("#0b3c5d", "#2f7ebc", "#e08e45", "#b23a48")
"""Curves of one kind, in their order."""

STYLE: Any = {  # a dict for `matplotlib.rc_context`
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "savefig.dpi": 160,
}


def sphere(ax: Any) -> None:
    """Draw the unit sphere as a wire frame on a 3-D Axes without its box."""
    angle = np.linspace(0, 2 * np.pi, 73)
    for height in np.sin(np.pi * np.arange(-2, 3) / 6):
        r = np.sqrt(1 - height**2)
        ax.plot(r * np.cos(angle), r * np.sin(angle), height, color="0.8", lw=0.5, zorder=0)
    for longitude in np.pi * np.arange(6) / 6:
        r, z = np.cos(angle), np.sin(angle)
        ax.plot(r * np.cos(longitude), r * np.sin(longitude), z, color="0.85", lw=0.5, zorder=0)
    ax.set_box_aspect((1, 1, 1), zoom=1.4)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    ax.set_axis_off()
    ax.view_init(elev=14, azim=-60)


def cube(ax: Any) -> None:
    """Draw the box around the unit sphere on a 3-D Axes: rows that are seen by three directions."""
    ax.set_box_aspect((1, 1, 1), zoom=1.1)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
    ax.view_init(elev=14, azim=-60)


def moment(t: float, gap: float, tau: float) -> str:
    """Time, gap and temperature, as the title of a picture."""
    power = f"$10^{{{int(np.log10(t))}}}$" if t >= 100 and np.log10(t) % 1 == 0 else f"{t:.3g}"
    return f"t = {power}\nΔ = {gap:.3f}, τ = {tau:.3f}"


def modalities(ax: Any, X: Array, Y: Array, *, joined: bool = True, size: float = 22) -> None:
    """Draw two modalities (n, 3) on a 3-D Axes, matching rows joined by dashed lines."""
    if joined:
        for x, y in zip(X, Y, strict=True):
            ax.plot(*zip(x, y, strict=True), color="0.35", lw=0.8, ls=(0, (3, 2)))
    for rows, colour, marker in ((X, X_COLOUR, X_MARKER), (Y, Y_COLOUR, Y_MARKER)):
        ax.scatter(*rows.T, color=colour, marker=marker, s=size, depthshade=False, lw=0)


def modality_key(ax: Any, loc: str = "upper right") -> None:
    """Say which colour and marker is which modality."""
    from matplotlib.lines import Line2D

    kinds = {"image": (X_COLOUR, X_MARKER), "text": (Y_COLOUR, Y_MARKER)}
    dots = [Line2D([], [], ls="", marker=m, color=c, label=k) for k, (c, m) in kinds.items()]
    ax.legend(handles=dots, loc=loc)


def principal_directions(*arrays: Array) -> Array:
    """Return the three leading principal directions of stacked rows about the origin, (d, 3).

    About the origin and not the mean, so that the centre of the sphere stays in the middle. The
    sign of each direction is that of its largest entry, whatever the linear algebra library says.
    """
    directions = np.linalg.svd(np.vstack(arrays), full_matrices=False)[2][:3].T
    signed: Array = directions * np.sign(directions[np.abs(directions).argmax(axis=0), range(3)])
    return signed


def log_time(ax: Axes, first: float, last: float) -> None:
    """Make the horizontal axis logarithmic time."""
    ax.set(xscale="log", xlim=(first, last), xlabel="time t")


def readings(ax: Axes, t: Sequence[float], values: Sequence[float]) -> None:
    """Mark values that were read off a figure of the paper."""
    ax.plot(t, values, "o", mfc="none", mec="black", ms=6, label="read off the paper", zorder=5)
