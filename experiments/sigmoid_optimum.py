"""The optimum of the sigmoid loss: the gap that rows of least loss have at any t and b.

All of it is closed form (theory 5.3), for logits tz - b. The optimum has no gap where b is at least
the `closing_bias` of n pairs at t. SigLIP's start t = b = 10 is above it up to 22,039 pairs. At any
b that stays as t grows, the optimum comes to have a gap, towards 2√((n-2)/(3n-4)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.record import Numbers
from experiments.sigmoid import limit
from gapdyn import plotting
from gapdyn.theory import sigmoid
from gapdyn.types import Array

SIGLIP, BATCH = 10.0, 32768
"""SigLIP's t and, in this sign, its b at the start; and its batch."""
SIZES = (10, 100, 1000, 10_000, 100_000, 1_000_000)
SHADES = dict(zip(SIZES, colormaps["viridis"](np.linspace(0, 0.88, len(SIZES))), strict=True))
MARKERS = dict(zip(SIZES, "ovs^DP", strict=True))
T, B = (0.1, 200.0), (-10.0, 40.0)
"""Ranges of t and b that are drawn."""
STARTS = {
    "t = 10, b = 10: SigLIP": (10.0, 10.0),
    "t = 10, b = 0": (10.0, 0.0),
    "t = 10, b = 5": (10.0, 5.0),
    "t = 30, b = 10": (30.0, 10.0),
    "t = 100, b = 10": (100.0, 10.0),
}
"""Curves of (c)."""
Columns = dict[str, NDArray[Any]]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Optima over a grid, along t and along n, and thresholds; nothing is random."""
    t = np.geomspace(*T, 12 if quick else 121)
    b = np.linspace(*B, 11 if quick else 61)
    sizes = np.unique(np.round(np.geomspace(3, 1e6, 12 if quick else 120)))
    parts = [optima("map", BATCH, *np.meshgrid(t[:: 1 if quick else 2], b))]
    parts += [optima("t", n, t, SIGLIP) for n in SIZES]
    parts += [optima("n", sizes, *start) for start in STARTS.values()]
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return Numbers(table, {"batch": BATCH} | about(), more={"lines": lines(t)})


def optima(panel: str, *where: Any) -> Columns:
    """Columns of the table, from numbers of pairs, t and b."""
    n, t, b = (np.ravel(part) for part in np.broadcast_arrays(*where))
    found = [
        sigmoid.optimum(n=int(pairs), t=at, bias=bias)
        for pairs, at, bias in zip(n, t, b, strict=True)
    ]
    gap = np.array([each.gap for each in found])
    return {"panel": np.full(n.size, panel), "pairs": n.astype(int), "t": t, "b": b, "gap": gap}


def lines(t: Array) -> Columns:
    """The least b without a gap, and that of least loss, by number of pairs and t."""
    n, t = (part.ravel() for part in np.meshgrid(SIZES, t, indexing="ij"))
    pairs = list(zip(n.tolist(), t.tolist(), strict=True))
    return {
        "pairs": n,
        "t": t,
        "closing_bias": np.array([sigmoid.closing_bias(n=k, t=at) for k, at in pairs]),
        "optimal_bias": np.array([sigmoid.optimal_bias(n=k, t=at) for k, at in pairs]),
    }


def about() -> dict[str, Any]:
    """Thresholds."""
    return {
        "largest_batch_of_siglip": sigmoid.largest_batch(t=SIGLIP, bias=SIGLIP),
        "gap_of_siglip_at_batch": sigmoid.optimum(n=BATCH, t=SIGLIP, bias=SIGLIP).gap,
        "closed_until_at_siglip_bias": {
            str(n): sigmoid.closed_until(n=n, bias=SIGLIP) for n in SIZES
        },
        "optimal_bias_at_siglip_t": {str(n): sigmoid.optimal_bias(n=n, t=SIGLIP) for n in SIZES},
    }


def draw(numbers: Numbers) -> Figure:
    """The gap over t and b, where it is 0 by number of pairs, and along n and t."""
    figure = Figure(figsize=(10.4, 8.6), layout="constrained")
    panels = (draw_map, draw_lines, draw_batches, draw_growth)
    for ax, panel in zip(figure.subplots(2, 2).flat, panels, strict=True):
        panel(ax, numbers)
    return figure


def plane(ax: Axes) -> None:
    """Axes of t and b, with SigLIP's start."""
    ax.plot(SIGLIP, SIGLIP, "*", color=plotting.SHADES[3], ms=13, mec="white", zorder=5)
    ax.set(xscale="log", xlim=T, ylim=B, xlabel="inverse temperature t", ylabel="plain bias b")


def draw_map(ax: Axes, numbers: Numbers) -> None:
    """(a) The gap at SigLIP's batch."""
    rows = numbers.rows(panel="map")
    t, b = np.unique(rows["t"]), np.unique(rows["b"])
    gaps, levels = rows["gap"].reshape(b.size, t.size), np.linspace(0, 2, 21)
    filled = ax.contourf(t, b, gaps, levels, cmap="Blues")
    marked = ax.contour(t, b, gaps, [0.5, 1.0, 1.5], colors="0.25", linewidths=0.8)
    ax.clabel(marked, fmt="%g", fontsize=8, manual=[(120, 20), (30, 0), (45, 22)])
    closing = [sigmoid.closing_bias(n=BATCH, t=at) for at in t]
    ax.plot(t, closing, color="black", lw=1.8)
    ax.annotate("no gap above this line", (1.0, 20), ha="center", size=9)
    beside: Any = {"textcoords": "offset points", "ha": "right", "size": 9}
    ax.annotate("SigLIP's start", (SIGLIP, SIGLIP), (-4, 9), **beside)
    plane(ax)
    bar = ax.figure.colorbar(filled, ax=ax, ticks=[0, 0.5, 1, 1.5, 2])
    bar.set_label("gap Δ of the rows of least loss")
    gap = numbers.parameters["gap_of_siglip_at_batch"]
    ax.set_title(
        f"(a) {BATCH:,} pairs: the optimum at SigLIP's start\n"
        f"has a gap of {gap:.2f}, and a larger one as t grows"
    )


def draw_lines(ax: Axes, numbers: Numbers) -> None:
    """(b) The least b at which the optimum has no gap."""
    for n in SIZES:
        rows = numbers.more["lines"]
        own = rows["pairs"] == n
        style: Any = {"color": SHADES[n], "marker": MARKERS[n], "ms": 4.5, "markevery": 12}
        ax.plot(rows["t"][own], rows["closing_bias"][own], label=f"{n:,} pairs", **style)
    plane(ax)
    arrow = {"arrowstyle": "-", "color": "0.4", "shrinkB": 7}
    ax.annotate("SigLIP's start", (SIGLIP, SIGLIP), (20, -2), size=9, arrowprops=arrow)
    largest = numbers.parameters["largest_batch_of_siglip"]
    ax.set_title(
        "(b) the least bias at which the optimum has no gap:\n"
        f"SigLIP's start is above it up to {largest:,} pairs"
    )
    ax.legend(loc="upper left")


def draw_batches(ax: Axes, numbers: Numbers) -> None:
    """(c) The gap against the number of pairs."""
    shades = (plotting.SHADES[3], "#c9a227", plotting.SHADES[2], *plotting.SHADES[1::-1])
    for (name, (t, b)), shade, marker in zip(STARTS.items(), shades, "*^vsD", strict=True):
        rows = numbers.rows(panel="n", t=t, b=b)
        style: Any = {"color": shade, "marker": marker, "ms": 5, "markevery": 12}
        ax.plot(rows["pairs"], rows["gap"], label=name, **style)
    largest = numbers.parameters["largest_batch_of_siglip"]
    ax.axvline(largest, ymax=0.7, color="0.6", lw=0.8, zorder=0)
    ax.annotate(
        f"{largest:,}", (largest, 0.08), (-4, 0), textcoords="offset points", ha="right", size=8
    )
    ax.set(xscale="log", xlim=(3, 1e6), ylim=(-0.03, 2.9), xlabel="number of pairs n")
    ax.set_yticks(np.arange(0, 2.1, 0.5))
    ax.set_ylabel("gap Δ of the rows of least loss")
    ax.set_title(
        "(c) a bias that closes the gap of one batch\n"
        "leaves one in a larger batch, or at a larger t"
    )
    ax.legend(loc="upper left", ncols=2)


def draw_growth(ax: Axes, numbers: Numbers) -> None:
    """(d) The gap at b = 10 as t grows."""
    for n in SIZES:
        rows = numbers.rows(panel="t", pairs=n)
        style: Any = {"color": SHADES[n], "marker": MARKERS[n], "ms": 4.5, "markevery": 12}
        ax.plot(rows["t"], rows["gap"], label=f"{n:,} pairs", **style)
    ax.axhline(limit(SIZES[-1]), color="0.4", ls="--", lw=0.9)
    ax.annotate("2/√3", (0.12, limit(SIZES[-1])), (0, 4), textcoords="offset points", color="0.3")
    ax.axvline(SIGLIP, color="0.6", lw=0.8, zorder=0)
    ax.annotate("SigLIP's t₀", (SIGLIP, 1.95), (4, 0), textcoords="offset points")
    ax.set(xscale="log", xlim=T, ylim=(-0.03, 2.1), xlabel="inverse temperature t")
    ax.set_ylabel("gap Δ of the rows of least loss")
    ax.set_title(
        f"(d) with b held at {SIGLIP:g} the optimum opens a gap as t grows,\n"
        "towards 2/√3, or a little less with few pairs"
    )
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.06))
