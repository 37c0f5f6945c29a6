"""Theorem 3.3: the printed bound (8), a sharper one and the limit (9) against the number of pairs.

The first panel shows dγ/dt over random draws. The second shows dΔ/dt, which the paper bounds from
below by 2dγ/dt: their ratio is near [1 + (1-γ₀²)/2nγ₀²]^{-1/2}, hence below 1. At heights below
1/n the motion of u = mean(X) - mean(Y) matters as well; theory 2.4 has a term for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn.theory import theorem_3_3
from gapdyn.types import Array

TAU, DELTA = 0.07, 0.05
DIM, HEIGHT = 512, 0.3
DRAWS = {2**k: 200 if k < 9 else 50 if k < 11 else 20 for k in range(2, 12)}
SETTING: dict[str, Any] = {"d": DIM, "tau": TAU, "gamma0": HEIGHT, "delta": DELTA}
QUANTILES = {"5 % of draws": 0.05, "50 % of draws": 0.5, "95 % of draws": 0.95}
DIM_OF_RATIO = 128
DRAWS_OF_RATIO = {4: 400, 8: 400, 32: 200, 128: 100, 512: 25, 2048: 5}
SCALED_HEIGHTS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""γ₀√n."""
Row = tuple[str, float, float, int, str, float]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Evaluate the bounds, and draw rows for each number of pairs."""
    rng = np.random.default_rng(seed)
    most, share = (128, 4) if quick else (2048, 1)
    rows = bounds()
    for n, draws in DRAWS.items():
        if n <= most:
            rows += speeds(n, draws // share, rng)
    for n, draws in DRAWS_OF_RATIO.items():
        if n <= most:
            rows += ratios(n, draws // share, rng)
    parameters = {
        "tau": TAU,
        "delta": DELTA,
        "dim": {"bounds": DIM, "ratio": DIM_OF_RATIO},
        "gamma_of_bounds": HEIGHT,
        "pairs_needed": {
            name: theorem_3_3.pairs_needed(**SETTING, bound=name) for name in ("printed", "sharper")
        },
    }
    names = ("panel", "pairs", "gamma", "draws", "quantity", "value")
    return Numbers(
        dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)), parameters
    )


def bounds() -> list[Row]:
    """Both bounds and the limit, in units of 2β₀γ₀, from 4 to 1e20 pairs."""
    limit = theorem_3_3.limit(d=DIM, tau=TAU, gamma0=HEIGHT).value
    rows: list[Row] = []
    for n in np.floor(np.geomspace(4, 1e20, 148)).tolist():
        printed = theorem_3_3.printed_bound(n=n, **SETTING).value
        sharper = theorem_3_3.sharper_bound(n=n, **SETTING).value
        values = {"printed": printed, "sharper": sharper, "limit": limit}
        rows += [("bounds", n, HEIGHT, 0, name, value) for name, value in values.items()]
    return rows


def speeds(n: int, draws: int, rng: np.random.Generator) -> list[Row]:
    """Quantiles of (dγ/dt)/(2β₀γ₀) = -g_a(Z) over draws of n pairs."""
    a = (1 - HEIGHT**2) / TAU
    values = [
        -gd.loss.pull(gd.sphere.sample(n, DIM, rng) @ gd.sphere.sample(n, DIM, rng).T, a)
        for _ in range(draws)
    ]
    return [
        ("bounds", n, HEIGHT, draws, name, float(np.quantile(values, level)))
        for name, level in QUANTILES.items()
    ]


def ratios(n: int, draws: int, rng: np.random.Generator) -> list[Row]:
    """The mean of dΔ/dt over the mean of 2dγ/dt, at each height from the same draws of n pairs.

    Single draws of few pairs have dγ/dt near 0, so a mean of ratios would not do.
    """
    heights = [scaled / np.sqrt(n) for scaled in SCALED_HEIGHTS if scaled < np.sqrt(n)]
    velocities = np.array([gap_and_height(n, heights, rng) for _ in range(draws)])
    rows: list[Row] = []
    for gamma, (gap, height) in zip(heights, velocities.transpose(2, 1, 0), strict=True):
        ratio = gap.mean() / height.mean()
        error = np.std(gap - ratio * height, ddof=1) / np.sqrt(draws) / abs(height.mean())
        values = {"ratio": ratio, "standard error": error, "share below": np.mean(gap < height)}
        rows += [("ratio", n, gamma, draws, name, float(v)) for name, v in values.items()]
    for gamma in np.geomspace(min(heights), max(heights), 60):
        for name, moving in (("predicted", True), ("without u'", False)):
            value = theorem_3_3.gap_ratio(
                n=n, d=DIM_OF_RATIO, tau=TAU, gamma0=float(gamma), moving_rows=moving
            )
            rows.append(("ratio", n, gamma, 0, name, value))
    return rows


def gap_and_height(n: int, heights: Sequence[float], rng: np.random.Generator) -> Array:
    """dΔ/dt and 2dγ/dt = -4β₀γ₀ g of one draw at t = 0, (2, heights)."""
    X, Y = gd.sphere.sample(n, DIM_OF_RATIO, rng), gd.sphere.sample(n, DIM_OF_RATIO, rng)
    model, Z = gd.ParallelModel(n, DIM_OF_RATIO, gd.Learned()), X @ Y.T
    starts = [model.start(X, Y, tau=TAU, gamma=gamma) for gamma in heights]
    gap = [theorem_3_3.gap_velocity(model, y) for y in starts]
    height = [-4 * gamma / TAU * gd.loss.pull(Z, (1 - gamma**2) / TAU) for gamma in heights]
    return np.array([gap, height])


def draw(numbers: Numbers) -> Figure:
    """Bounds against draws on the left, the ratio of dΔ/dt to 2dγ/dt on the right."""
    figure = Figure(figsize=(9.4, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_bounds(left, numbers)
    draw_ratio(right, numbers)
    return figure


def column(numbers: Numbers, panel: str, name: str, n: int | None = None) -> tuple[Array, Array]:
    """The values of a quantity against n, or against γ₀√n for one n."""
    rows = numbers.rows(panel=panel, quantity=name, **({} if n is None else {"pairs": n}))
    return rows["pairs"] if n is None else rows["gamma"] * np.sqrt(n), rows["value"]


def draw_bounds(ax: Axes, numbers: Numbers) -> None:
    """dγ/dt over 2β₀γ₀, and the numbers of pairs from which the bounds are positive."""
    low, middle, high = (column(numbers, "bounds", name) for name in QUANTILES)
    ax.fill_between(low[0], low[1], high[1], color="#2f7ebc", alpha=0.3, lw=0)
    ax.plot(*middle, color="#2f7ebc", label="draws: median, 5 % to 95 %")
    ax.plot(*column(numbers, "bounds", "limit"), color="black", lw=1, ls="--", label="limit (9)")
    for name, shade, label in (
        ("sharper", "#e08e45", "sharper bound"),
        ("printed", "#b23a48", "bound (8), printed for Δ"),
    ):
        needed = numbers.parameters["pairs_needed"][name]
        ax.plot(*column(numbers, "bounds", name), color=shade, label=label)
        ax.plot(needed, 0, "o", color=shade)
        power = int(np.log10(needed))
        text = f"{needed:g}" if power < 6 else f"${needed / 10**power:.1f}\\cdot 10^{{{power}}}$"
        ax.annotate(text, (needed, 0), (6, -11), textcoords="offset points", size=8)
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    label_bounds(ax)


def label_bounds(ax: Axes) -> None:
    """Axes, title and legend of the first panel."""
    ax.set_yscale("asinh", linear_width=0.02)
    ticks = (-3, -1, -0.3, -0.1, -0.03, 0, 0.03, 0.1)
    ax.set_yticks(ticks, [f"${tick:g}$" for tick in ticks])
    ax.minorticks_off()
    ax.set(xscale="log", xlim=(4, 1e20), xlabel="pairs n")
    ax.set_ylabel("(dγ/dt)/(2β₀γ₀) at t = 0 (asinh axis)")
    ax.set_title(f"{DIM} dimensions, τ₀ = {TAU}, γ₀ = {HEIGHT}, δ = {DELTA}")
    ax.legend(loc="center", bbox_to_anchor=(0.48, 0.36))


def draw_ratio(ax: Axes, numbers: Numbers) -> None:
    """Means over draws as points, and the prediction of theory 2.4 as lines."""
    shades = ("#b23a48", "#e08e45", "#c9b037", "#3a9d6e", "#2f7ebc", "#0b3c5d")
    pairs = np.unique(column(numbers, "ratio", "ratio")[0]).astype(int).tolist()
    for n, shade in zip(pairs, shades, strict=False):
        ax.plot(*column(numbers, "ratio", "predicted", n), color=shade, lw=1)
        x, ratio = column(numbers, "ratio", "ratio", n)
        error = column(numbers, "ratio", "standard error", n)[1]
        ax.errorbar(x, ratio, error, fmt="o", ms=4, color=shade, label=f"{n} pairs")
    plain = column(numbers, "ratio", "without u'", pairs[-1])
    ax.plot(*plain, color="black", lw=1, ls="--", label="ignoring the motion of u")
    ax.plot([], [], color="0.3", lw=1, label="prediction, theory 2.4")
    ax.set(xscale="log", xlabel="γ₀√n", ylabel="mean dΔ/dt over mean 2dγ/dt", ylim=(0, 1.05))
    ax.set_title(f"{DIM_OF_RATIO} dimensions, τ₀ = {TAU}")
    ax.legend(loc="lower right")
