"""Modality swapping freezes the gap at another exponent: random segments, and their average.

The pairs are mirrored and stand on a regular simplex; hard swapping of entries acts in a portion p
of the time. Without swapping Δ ∝ β^{-1/n}. With swapping, however rare, the exponent is at most
1 + 2/α times as large (theory 3.9). To reach large times, the random segments grow in proportion to
t, with a fixed number in each power of ten. They average more coarsely than the segments of a
training run.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.examples import simplex
from gapdyn.theory import swapping
from gapdyn.types import Array

HEIGHT, BETA, SINCE = 0.4, 1.0, 4
"""γ₀ and β₀ of every start; log₁₀ of the time from which a flow counts as late."""
DRAWN = (4, 12)
PORTIONS = (0.0, 0.1, 1.0)
OTHERS = (2, 24)
"""Further numbers of pairs, at p = 1 only, for their slopes."""
TICKS = {4: (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8), 12: (0.1, 0.2, 0.3, 0.5, 0.8)}
PAIRS = np.array([2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64])
REACH = np.geomspace(1.0, 1e4, 61)
LOOKS: dict[float, dict[str, Any]] = {
    0.0: {"color": "0.45", "marker": "", "ls": "-."},
    0.1: {"color": plotting.SHADES[1], "marker": "^", "ls": "--"},
    0.5: {"color": plotting.SHADES[0], "marker": "o"},
    1.0: {"color": plotting.SHADES[2], "marker": "s", "ls": "-"},
}
"""Style by portion."""
EXPONENTS = {1.0: 7.5, 0.5: 5.0, 0.1: 3.0}
"""Sizes of nested markers, by portion."""
OFTEN = {0.0: "never (p = 0)", 0.1: "a tenth of the time (p = 0.1)", 1.0: "always (p = 1)"}
Columns = dict[str, NDArray[np.generic]]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Run the flow with random segments, and the averaged flow along β."""
    powers, segments = (6, 12) if quick else (16, 30)
    runs = [(n, p) for n in DRAWN for p in PORTIONS[1:]]
    runs += [] if quick else [(n, 1.0) for n in OTHERS]
    parts, slopes = [], {}
    for n, p in runs:
        part = random_flow(n, p, powers, segments, seed)
        parts.append(part)
        slopes[f"n = {n}, p = {p:g}"] = late_slope(part) | {"limit": swapping.exponent(n=n, p=p)}
    for n in DRAWN:
        parts += [averaged(n, p) for p in PORTIONS]
    return Numbers(
        table={key: np.concatenate([part[key] for part in parts]) for key in parts[0]},
        parameters={
            "gamma0": HEIGHT,
            "beta0": BETA,
            "segments_to_a_power_of_ten": segments,
            "late_from_t": 10.0**SINCE,
            "late_slope": slopes,
        },
    )


def random_flow(n: int, p: float, powers: int, segments: int, seed: int) -> Columns:
    """The free flow until t = 10^powers, with `segments` swap segments in each power of ten."""
    X, Y = gd.sphere.lift(simplex(n), simplex(n), gamma=HEIGHT)
    model = gd.FreeModel(n, n + 1, gd.Learned())
    y, rows = model.start(X, Y, tau=1 / BETA), [(0.0, BETA, 2 * HEIGHT)]
    for power in range(-1, powers):
        # The flow is autonomous, so the integration of each power of ten starts at time 0.
        first, length = (0.0, 1.0) if power < 0 else (10.0**power, 9 * 10.0**power)
        swap = gd.HardSwap(p, segment=length / segments, seed=1000 * seed + power + 1)
        part = length * np.array([0.25, 0.5, 1.0] if power < 0 else [2 / 9, 1.0])
        run = gd.flow(model, y, part, swap=swap, method="RK45", rtol=1e-7, clock="t")
        rows += zip(first + part, run.beta, run.gap, strict=True)
        y = run.y[-1]
    return columns("random segments", n, p, *np.array(rows).T)


def averaged(n: int, p: float) -> Columns:
    """The averaged flow along β, whatever the time."""
    gap = 2 * swapping.height(REACH, n=n, p=p, gamma0=HEIGHT, beta0=BETA)
    return columns("averaged", n, p, np.full(REACH.size, np.nan), REACH, gap)


def columns(flow: str, n: int, p: float, t: Array, beta: Array, gap: Array) -> Columns:
    """Columns of the table, with the slope of the averaged flow at each β and Δ."""
    run = {"flow": flow, "pairs": n, "p": p}
    slope = swapping.slope(beta, gap / 2, n=n, p=p)
    return {
        **{key: np.full(beta.size, value) for key, value in run.items()},
        **{"t": t, "beta": beta, "gap": gap, "slope": slope},
    }


def late_slope(part: Columns) -> dict[str, float]:
    """-d log Δ/d log β of a late flow, and of the averaged flow from the same β and Δ."""
    n, p = int(part["pairs"][0]), float(part["p"][0])
    first = int(np.searchsorted(part["t"], 10.0**SINCE))
    start, end = ({key: float(part[key][k]) for key in ("beta", "gap")} for k in (first, -1))
    mean = swapping.height(end["beta"], n=n, p=p, gamma0=start["gap"] / 2, beta0=start["beta"])
    growth = np.log(end["beta"] / start["beta"])
    return {
        "random_segments": float(np.log(start["gap"] / end["gap"]) / growth),
        "averaged": float(np.log(start["gap"] / (2 * mean)) / growth),
    }


def draw(numbers: Numbers) -> Figure:
    """Δ against β for two numbers of pairs, and exponents against n."""
    figure = plotting.column(6.1)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.3, 1))
    for ax, n in zip(parts[0].subplots(1, 2), DRAWN, strict=True):
        draw_gap(ax, numbers, n)
    end = plotting.time(numbers.rows(flow="random segments")["t"].max())
    draw_key(parts[0], end)
    draw_exponents(parts[1].subplots(), numbers, end)
    figure.suptitle(
        "Swapping images and texts makes the gap close by a larger power of the\n"
        "inverse temperature, however rare the swaps, but not three times as large"
    )
    return figure


def draw_gap(ax: Axes, numbers: Numbers, n: int) -> None:
    """The averaged flow as lines with their late exponents, and random segments as markers."""
    for p in PORTIONS:
        line, points = (numbers.rows(flow=k, pairs=n, p=p) for k in ("averaged", "random segments"))
        style = LOOKS[p]
        ax.plot(line["beta"], line["gap"], **style | {"marker": "", "lw": 1.2})
        every: Any = slice(None, None, -3)  # from the last one
        markers = style | {"ls": "", "ms": 4.5, "mfc": "none"}
        ax.plot(points["beta"][every], points["gap"][every], **markers)
        end: Any = line["beta"][-1], line["gap"][-1]
        label: Any = {"textcoords": "offset points", "annotation_clip": False}
        ax.annotate(power(n, p), end, (3, 0), va="center", color=style["color"], **label)
    ax.set(xscale="log", yscale="log", xlim=(0.9, REACH[-1]))
    ax.set(xlabel="inverse temperature β (log)", ylabel="gap Δ (log)")
    ax.set_yticks(TICKS[n], [f"{tick:g}" for tick in TICKS[n]])
    ax.minorticks_off()
    ax.set_title(f"({'ab'[DRAWN.index(n)]}) {n} pairs, all equally far apart")


def power(n: int, p: float) -> str:
    """The late power of β of the averaged flow, as text."""
    e = Fraction(swapping.exponent(n=n, p=p)).limit_denominator(n * n)
    return rf"$\beta^{{-{e}}}$"


def draw_key(figure: Any, end: str) -> None:
    """Which portion is which, and what lines and markers are."""
    kinds: dict[str, dict[str, Any]] = {
        f"flow with random segments to t = {end}": {
            "color": "0.3",
            "marker": "o",
            "ls": "",
            "mfc": "none",
        },
        "its average, and late powers of β": {"color": "0.3", "lw": 1.2},
    }
    entries = {words: LOOKS[p] | {"mfc": "none"} for p, words in OFTEN.items()} | kinds
    lines: list[Any] = [Line2D([], [], ms=4, label=k, **style) for k, style in entries.items()]
    said = "free model; entries of images and texts change sides in a share p of the time:"
    figure.legend(handles=lines, loc="outside lower center", ncols=2, title=said)


def draw_exponents(ax: Axes, numbers: Numbers, end: str) -> None:
    """Late exponents of the averaged flow against n, and late slopes of the random flows."""
    reach = np.geomspace(PAIRS[0], PAIRS[-1], 200)
    most = (1 + 2 * (reach - 1) / reach) / reach
    ax.fill_between(reach, 1 / reach, most, color="0.93", lw=0, zorder=0)
    ax.plot(
        reach,
        most,
        color="0.5",
        lw=0.8,
        ls="--",
        label="bound of the average,\n(1 + 2/α)/n, proved",
    )
    for p, size in EXPONENTS.items():
        exponents = [swapping.exponent(n=int(n), p=p) for n in PAIRS]
        style = LOOKS[p] | {"ls": "", "ms": size, "mec": "white", "mew": 0.4}
        ax.plot(PAIRS, exponents, **style, label=f"swapped, p = {p:g}: formula")
    flows = numbers.rows(flow="random segments")
    sizes = np.unique(flows["pairs"])
    slopes = [numbers.parameters["late_slope"][f"n = {n}, p = 1"] for n in sizes]
    slopes = [slope["random_segments"] for slope in slopes]
    label = f"swapped, p = 1: run to t = {end}"
    ax.plot(sizes, slopes, "o", color="black", ms=9, mfc="none", mew=1, label=label)
    ax.plot(reach, 1 / reach, **LOOKS[0.0], lw=1.2, label="never swapped, 1/n")
    ax.set(xscale="log", yscale="log", xlabel="number of pairs n (log)")
    ax.set_ylabel("power e in Δ ∝ β⁻ᵉ (log)")
    ticks = (2, 4, 8, 16, 32, 64)
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks])
    marks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
    ax.set_yticks(marks, [f"{mark:g}" for mark in marks])
    ax.minorticks_off()
    ax.set(xlim=(1.8, 72), ylim=(0.013, 1.15))
    ax.set_title(
        "(c) late powers; pairs equally far apart; α is the margin (smallest lead of partners)"
    )
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
