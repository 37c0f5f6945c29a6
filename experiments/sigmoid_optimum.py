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
"""Curves against the number of pairs."""
LOGITS = (
    "The loss sees tz − b, with the similarity z of two rows, the inverse temperature t\n"
    "and a bias b. Best embeddings have the least loss. The literature on SigLIP has\n"
    "the same t, but writes tz + b and starts from b = −10."
)
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
    """The gap over t and b, and where it is 0 by number of pairs."""
    figure = plotting.column(4.3)
    left, right = figure.subplots(1, 2)
    draw_map(left, numbers)
    draw_lines(right, numbers)
    figure.supxlabel(LOGITS)
    largest, gap = (
        numbers.parameters[key] for key in ("largest_batch_of_siglip", "gap_of_siglip_at_batch")
    )
    figure.suptitle(
        f"At SigLIP's start t = b = 10 the best embeddings of up to {largest:,} pairs\n"
        f"have no gap, and those of its batch of {BATCH:,} a gap of {gap:.2f}"
    )
    return figure


def draw_growth(numbers: Numbers) -> Figure:
    """The gap along n and along t."""
    figure = plotting.column(5.4)
    left, right = figure.subplots(1, 2, sharey=True)
    draw_batches(left, numbers)
    draw_temperatures(right, numbers)
    for ax, title in ((left, "inverse temperature t, bias b"), (right, "number of pairs")):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), title=title)
    figure.supxlabel(LOGITS)
    figure.suptitle(
        "A bias that closes the gap of the best embeddings of one batch\n"
        "leaves a gap in a larger batch, or where the inverse temperature grows"
    )
    return figure


def plane(ax: Axes) -> None:
    """Axes of t and b, with SigLIP's start."""
    star: Any = {"color": plotting.SHADES[3], "ms": 13, "mec": "white", "zorder": 5}
    ax.plot(SIGLIP, SIGLIP, "*", **star, label="SigLIP's start")
    ax.set(xscale="log", xlim=T, xlabel="inverse temperature t (log)")


def draw_map(ax: Axes, numbers: Numbers) -> None:
    """The gap at SigLIP's batch."""
    rows = numbers.rows(panel="map")
    t, b = np.unique(rows["t"]), np.unique(rows["b"])
    gaps, levels = rows["gap"].reshape(b.size, t.size), np.linspace(0, 2, 21)
    filled = ax.contourf(t, b, gaps, levels, cmap="Blues")
    marked = ax.contour(t, b, gaps, [0.5, 1.0, 1.5], colors="0.25", linewidths=0.8)
    ax.clabel(marked, fmt="%g", fontsize=8, manual=[(120, 20), (30, 0), (45, 22)])
    closing = [sigmoid.closing_bias(n=BATCH, t=at) for at in t]
    ax.plot(t, closing, color="black", lw=1.8)
    ax.annotate("no gap above", (0.7, 11), ha="center")
    plane(ax)
    ax.set(ylim=B, ylabel="bias b")
    place = ax.inset_axes((0.07, 0.86, 0.6, 0.04))
    bar = ax.figure.colorbar(filled, cax=place, ticks=[0, 1, 2], orientation="horizontal")
    bar.set_label("gap Δ of least loss")
    ax.set_title(f"(a) best embeddings of {BATCH:,} pairs")


def draw_lines(ax: Axes, numbers: Numbers) -> None:
    """The least b at which the optimum has no gap."""
    for n in SIZES:
        rows = numbers.more["lines"]
        own = rows["pairs"] == n
        t, least = rows["t"][own], rows["closing_bias"][own]
        ax.plot(t, least, color=SHADES[n])
        ax.annotate(f"{n:,} pairs", (T[0], least[0]), (4, 3), textcoords="offset points")
    plane(ax)
    ax.legend(loc="upper left")
    ax.set(ylim=(0, 25), ylabel="least bias b without a gap")
    ax.set_title("(b) that line for other batches")


def style(n: int) -> dict[str, Any]:
    """Of the curve of a number of pairs."""
    return {"color": SHADES[n], "marker": MARKERS[n], "ms": 4.5, "markevery": 12}


def draw_batches(ax: Axes, numbers: Numbers) -> None:
    """The gap against the number of pairs."""
    shades = (*plotting.SHADES, "0.5")
    for k, (name, (t, b)) in enumerate(STARTS.items()):
        rows = numbers.rows(panel="n", t=t, b=b)
        look = plotting.curve(k) | {"color": shades[k], "ms": 5, "markevery": (2 * k, 12)}
        ax.plot(rows["pairs"], rows["gap"], label=name, **look)
    largest = numbers.parameters["largest_batch_of_siglip"]
    ax.annotate(
        f"no gap up to {largest:,}",
        (largest, 0.03),
        (-3, 2),
        textcoords="offset points",
        ha="right",
    )
    ax.set(xscale="log", xlim=(3, 1e6), ylim=(-0.03, 2.1), xlabel="number of pairs n (log)")
    ax.set_ylabel("gap Δ of the embeddings of least loss")
    ax.set_title("(a) against the number of pairs")


def draw_temperatures(ax: Axes, numbers: Numbers) -> None:
    """The gap at b = 10 as t grows."""
    for n in SIZES:
        rows = numbers.rows(panel="t", pairs=n)
        ax.plot(rows["t"], rows["gap"], label=f"{n:,} pairs", **style(n))
    plotting.level(ax, limit(SIZES[-1]), "limit 2/√3", 0.12)
    ax.axvline(SIGLIP, color="0.6", lw=0.8, zorder=0)
    ax.annotate("SigLIP's\nstart", (SIGLIP, 1.75), (4, 0), textcoords="offset points")
    ax.set(xscale="log", xlim=T, xlabel="inverse temperature t (log)")
    ax.set_title(f"(b) against t, with b held at {SIGLIP:g}")


MORE = {"growth": draw_growth}
