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
SHADES = dict(zip(PORTIONS, ("0.45", *plotting.SHADES[1:3]), strict=True))
EXPONENTS = {1.0: SHADES[1.0], 0.5: plotting.SHADES[0], 0.1: SHADES[0.1]}
"""Shade by portion. The first has the largest squares."""
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
    figure = Figure(figsize=(11.6, 3.7), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for ax, n in zip((left, middle), DRAWN, strict=True):
        draw_gap(ax, numbers, n)
    draw_exponents(right, numbers)
    return figure


def draw_gap(ax: Axes, numbers: Numbers, n: int) -> None:
    """The averaged flow as lines with their late exponents, and random segments as circles."""
    for p, shade in SHADES.items():
        line, circles = (
            numbers.rows(flow=k, pairs=n, p=p) for k in ("averaged", "random segments")
        )
        ax.plot(line["beta"], line["gap"], color=shade, lw=1.2)
        ax.plot(circles["beta"], circles["gap"], "o", color=shade, ms=3.5, mfc="none")
        label: Any = {"textcoords": "offset points", "color": shade}
        end = line["beta"][-1], line["gap"][-1]
        text = exponent_of_line(n, p)
        ax.annotate(text, end, (4, 0), va="center", annotation_clip=False, **label)
    ax.plot([], [], "o", color="0.3", ms=3.5, mfc="none", label="random segments")
    ax.plot([], [], color="0.3", lw=1.2, label="their average")
    ax.legend(loc="lower left")
    end = circles["beta"][-1], circles["gap"][-1]
    text = f"t = {plotting.time(circles['t'][-1])}"
    ax.annotate(text, end, (-6, -10), ha="right", size=8, **label)
    ax.set(xscale="log", yscale="log", xlim=(0.9, REACH[-1]), xlabel="β", ylabel="gap Δ")
    ax.set_yticks(TICKS[n], [f"{tick:g}" for tick in TICKS[n]])
    ax.minorticks_off()
    ax.set_title(f"simplex of {n} pairs")


def exponent_of_line(n: int, p: float) -> str:
    """The late power of β of the averaged flow, and its portion, as text."""
    e = Fraction(swapping.exponent(n=n, p=p)).limit_denominator(n * n)
    power = rf"$\beta^{{-{e}}}$"
    return f"{power}, unswapped" if p == 0 else rf"$\to${power}, p = {p:g}"


def draw_exponents(ax: Axes, numbers: Numbers) -> None:
    """Late exponents of the averaged flow against n, and late slopes of the random flows."""
    reach = np.geomspace(PAIRS[0], PAIRS[-1], 200)
    most = (1 + 2 * (reach - 1) / reach) / reach
    ax.fill_between(reach, 1 / reach, most, color="0.93", lw=0, zorder=0)
    ax.plot(reach, 1 / reach, color=SHADES[0.0], lw=1.2, label="unswapped, 1/n")
    ax.plot(reach, most, color="0.6", lw=0.8, ls="--", label="late bound (1 + 2/α)/n")
    ax.axhline(0.5, color="0.6", lw=0.8, ls=":", label="½")
    for (p, shade), size in zip(EXPONENTS.items(), (7.5, 5, 2.5), strict=True):
        exponents = [swapping.exponent(n=int(n), p=p) for n in PAIRS]
        ax.plot(PAIRS, exponents, "s", color=shade, ms=size, label=f"late exponent, p = {p:g}")
    flows = numbers.rows(flow="random segments")
    end = plotting.time(flows["t"][-1])
    for n in np.unique(flows["pairs"]):
        slope = numbers.parameters["late_slope"][f"n = {n}, p = 1"]["random_segments"]
        ax.plot(n, slope, "o", color="black", ms=9, mfc="none", mew=1)
    label = f"random segments to t = {end}, p = 1"
    ax.plot([], [], "o", color="black", ms=8, mfc="none", label=label)
    ax.set(xscale="log", yscale="log", xlabel="pairs n", ylabel="−d log Δ / d log β")
    ticks = (2, 4, 8, 16, 32, 64)
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks])
    marks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
    ax.set_yticks(marks, [f"{mark:g}" for mark in marks])
    ax.minorticks_off()
    ax.set(xlim=(1.8, 72), ylim=(0.0045, 1.15), title="exponents of simplices")
    ax.legend(loc="lower left")
