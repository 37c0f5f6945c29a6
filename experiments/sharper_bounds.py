"""Theorem 3.3: its printed bound (8), two sharper ones, one for the gap itself, and the limit (9).

(a) dγ/dt over random draws, and what is proved of it. (b) The same for dΔ/dt, about which the paper
prints its bound. (c) From how many pairs on each bound is positive, which is when it says that the
gap widens.

The paper bounds dΔ/dt from below by 2dγ/dt (`draw_ratio`): their ratio is near
[1 + (1-γ₀²)/2nγ₀²]^{-1/2}, hence below 1. At heights below 1/n the motion of u = mean(X) - mean(Y)
matters as well; theory 2.4 has a term for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.theory import theorem_3_3
from gapdyn.types import Array

TAU, DELTA = 0.07, 0.05
DIM, HEIGHT = 512, 0.3
DRAWS = {2**k: 200 if k < 9 else 50 if k < 11 else 20 for k in range(2, 12)}
SETTING: dict[str, Any] = {"d": DIM, "tau": TAU, "gamma0": HEIGHT, "delta": DELTA}
QUANTILES = {"5 % of draws": 0.05, "50 % of draws": 0.5, "95 % of draws": 0.95}
BOUNDS: dict[str, Callable[..., theorem_3_3.Bound]] = {
    "printed": theorem_3_3.printed_bound,
    "sharper": theorem_3_3.sharper_bound,
    "half": partial(theorem_3_3.sharper_bound, diagonal_share=0.5),
    "variance": theorem_3_3.variance_bound,
    "gap": theorem_3_3.gap_bound,
}
"""Bounds on dγ/dt, and one on dΔ/dt; "half" is the sharper one with half of δ for the diagonal."""
STYLES: dict[str, dict[str, Any]] = {
    "printed": {"color": "#b23a48", "marker": "s", "ls": "-."},
    "sharper": {"color": "#e08e45", "marker": "^", "ls": "--"},
    "variance": {"color": "#2a7f62", "marker": "o", "ls": "-"},
    "gap": {"color": "#0b3c5d", "marker": "D", "ls": ":"},
}
WORDS = {
    "printed": "the paper's bound (8) as printed",
    "sharper": "bound on γ, row by row (theory 3.4)",
    "variance": "bound on γ, by variance (theory 4.7)",
    "gap": "bound on the gap Δ (theory 4.7)",
}
DRAWN = (4, 8, 32, 2048)
"""Numbers of pairs of which the ratio is drawn."""
MANY = 10**7
"""More pairs than any bound but the printed one needs."""
TAUS = (0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.5, 0.7, 1.0)
DIM_OF_RATIO = 128
DRAWS_OF_RATIO = {4: 400, 8: 400, 32: 200, 128: 100, 512: 25, 2048: 5}
SCALED_HEIGHTS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""γ₀√n."""
RANDOM: dict[str, Any] = {"color": plotting.SHADES[1]}
LIMIT: dict[str, Any] = {"color": "black", "lw": 1, "ls": (0, (5, 3))}
Row = tuple[str, float, float, int, str, float]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Evaluate the bounds, and draw rows for each number of pairs."""
    rng = np.random.default_rng(seed)
    most, share = (128, 4) if quick else (2048, 1)
    rows = bounds(10 if quick else 40)
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
        "pairs_needed": {name: pairs_needed(name, TAU) for name in BOUNDS},
    }
    names = ("panel", "pairs", "gamma", "draws", "quantity", "value")
    table = dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))
    return Numbers(table, parameters, more={"needed": needed(TAUS[::3] if quick else TAUS)})


def bounds(count: int) -> list[Row]:
    """All bounds and the limit, in units of 2β₀γ₀ or, for the gap, of 4β₀γ₀, to 1e20 pairs."""
    limit = theorem_3_3.limit(d=DIM, tau=TAU, gamma0=HEIGHT).value
    rows: list[Row] = []
    few, many = np.geomspace(4, 1e4, 2 * count), np.geomspace(1e4, 1e20, 3 * count)
    for n in np.unique(np.floor([*few, *many])).tolist():
        rows.append(("bounds", n, HEIGHT, 0, "limit", limit))
        for name, bound in BOUNDS.items():
            rows.append(("bounds", n, HEIGHT, 0, name, bound(n=n, **SETTING).value))
    return rows


def pairs_needed(name: str, tau: float) -> float:
    """The number of pairs from which on a bound is positive."""
    if name in theorem_3_3.BOUNDS:
        return theorem_3_3.pairs_needed(**SETTING | {"tau": tau}, bound=name)

    def positive(n: int) -> bool:
        return not BOUNDS[name](n=n, **SETTING | {"tau": tau}).vacuous

    return float(2 + bisect_left(range(2, MANY), True, key=positive))


def needed(taus: Sequence[float]) -> dict[str, NDArray[Any]]:
    """For each τ₀, the number of pairs that each bound needs."""
    pairs = {name: np.array([pairs_needed(name, tau) for tau in taus]) for name in STYLES}
    return {"tau": np.array(taus), **pairs}


def speeds(n: int, draws: int, rng: np.random.Generator) -> list[Row]:
    """Quantiles of (dγ/dt)/(2β₀γ₀) = -g_a(Z) and of (dΔ/dt)/(4β₀γ₀) over draws of n pairs."""
    both = [gap_and_height(n, DIM, [HEIGHT], rng)[:, 0] for _ in range(draws)]
    gap, height = np.transpose(both) * TAU / (4 * HEIGHT)
    return [
        ("draws", n, HEIGHT, draws, f"{name}, {level_name}", float(np.quantile(values, level)))
        for name, values in (("gamma", height), ("gap", gap))
        for level_name, level in QUANTILES.items()
    ]


def ratios(n: int, draws: int, rng: np.random.Generator) -> list[Row]:
    """The mean of dΔ/dt over the mean of 2dγ/dt, at each height from the same draws of n pairs.

    Single draws of few pairs have dγ/dt near 0, so a mean of ratios would not do.
    """
    heights = [scaled / np.sqrt(n) for scaled in SCALED_HEIGHTS if scaled < np.sqrt(n)]
    velocities = np.array([gap_and_height(n, DIM_OF_RATIO, heights, rng) for _ in range(draws)])
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


def gap_and_height(n: int, d: int, heights: Sequence[float], rng: np.random.Generator) -> Array:
    """dΔ/dt and 2dγ/dt = -4β₀γ₀ g of one draw at t = 0, (2, heights)."""
    X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
    model, Z = gd.ParallelModel(n, d, gd.Learned()), X @ Y.T
    starts = [model.start(X, Y, tau=TAU, gamma=gamma) for gamma in heights]
    gap = [theorem_3_3.gap_velocity(model, y) for y in starts]
    height = [-4 * gamma / TAU * gd.loss.pull(Z, (1 - gamma**2) / TAU) for gamma in heights]
    return np.array([gap, height])


def column(numbers: Numbers, panel: str, name: str, n: int | None = None) -> tuple[Array, Array]:
    """The values of a quantity against n, or against γ₀√n for one n."""
    rows = numbers.rows(panel=panel, quantity=name, **({} if n is None else {"pairs": n}))
    return rows["pairs"] if n is None else rows["gamma"] * np.sqrt(n), rows["value"]


def draw(numbers: Numbers) -> Figure:
    """Bounds on γ and on Δ against draws, and the pairs that they need."""
    figure = plotting.column(6.8)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.35, 1))
    heights, gaps = parts[0].subplots(1, 2)
    draw_heights(heights, numbers)
    draw_gaps(gaps, numbers)
    draw_key(parts[0], numbers)
    draw_needed(parts[1].subplots(), numbers)
    needed = numbers.parameters["pairs_needed"]
    power = f"{int(np.log10(needed['printed']))}".translate(plotting.SUPERSCRIPTS)
    figure.suptitle(
        f"{needed['gap']:g} random pairs, not 10{power}, suffice to prove that "
        "the gap widens at the start"
    )
    return figure


def draw_heights(ax: Axes, numbers: Numbers) -> None:
    """dγ/dt over 2β₀γ₀."""
    draw_bounds(ax, numbers, "gamma", "variance", "sharper", "printed")
    ax.set_yscale("asinh", linear_width=0.02)
    ticks = (-3, -1, -0.3, -0.1, -0.03, 0, 0.03, 0.1)
    ax.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    powers = (1, 4, 7, 10, 13, 16, 19)
    ax.set_xticks([10.0**power for power in powers], [f"$10^{{{power}}}$" for power in powers])
    ax.minorticks_off()
    ax.set(xlim=(4, 1e20), ylabel="dγ/dt · τ₀/(2γ₀)")
    ax.set_title("(a) speed of the height γ (log both ways)")


def draw_gaps(ax: Axes, numbers: Numbers) -> None:
    """dΔ/dt over 4β₀γ₀."""
    draw_bounds(ax, numbers, "gap", "gap")
    ax.set(xlim=(16, 1e6), ylim=(-0.025, 0.045), ylabel="dΔ/dt · τ₀/(4γ₀)")
    ax.minorticks_off()
    ax.set_title("(b) speed of the gap Δ")


def draw_bounds(ax: Axes, numbers: Numbers, name: str, *bounds: str) -> None:
    """Draws, the limit and bounds against n, with markers where the bounds become positive."""
    low, middle, high = (column(numbers, "draws", f"{name}, {level}") for level in QUANTILES)
    ax.fill_between(low[0], low[1], high[1], **RANDOM, alpha=0.3, lw=0)
    ax.plot(*middle, **RANDOM)
    ax.plot(*column(numbers, "bounds", "limit"), **LIMIT)
    for bound in bounds:
        pairs, style = numbers.parameters["pairs_needed"][bound], STYLES[bound]
        ax.plot(*column(numbers, "bounds", bound), **style | {"marker": ""})
        ax.plot(pairs, 0, **style, ms=6)
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(xscale="log", xlabel="number of pairs n (log)")


def draw_key(figure: Any, numbers: Numbers) -> None:
    """What the curves are, and from how many pairs on bounds are positive."""
    needed = numbers.parameters["pairs_needed"]
    entries = {
        f"{words}:\npositive from {in_digits(needed[name])} pairs on": STYLES[name]
        for name, words in WORDS.items()
    }
    lines: list[Any] = [Line2D([], [], ms=5, label=k, **style) for k, style in entries.items()]
    lines += [
        (Patch(**RANDOM, alpha=0.3), Line2D([], [], **RANDOM)),
        Line2D([], [], **LIMIT),
    ]
    labels = [
        *entries,
        "random rows: median,\nand 5 % to 95 % of draws",
        "limit of many pairs, the paper's (9)",
    ]
    said = (
        "random rows in the parallel model, images at the height γ and texts at −γ; at the\n"
        f"start γ₀ = {HEIGHT} and temperature τ₀ = {TAU}; {DIM} dimensions; each bound holds with\n"
        f"probability {1 - DELTA:g} or more, and a positive one proves that γ or Δ grows"
    )
    figure.legend(lines, labels, loc="outside lower center", ncols=2, title=said)


def in_digits(pairs: float) -> str:
    """A number of pairs, all digits of a small one."""
    power = int(np.log10(pairs))
    return f"{pairs:g}" if power < 6 else f"${pairs / 10**power:.1f}\\cdot 10^{{{power}}}$"


def draw_needed(ax: Axes, numbers: Numbers) -> None:
    """The number of pairs from which on each bound is positive, against τ₀."""
    table = numbers.more["needed"]
    for name, style in STYLES.items():
        ax.plot(table["tau"], np.log10(table[name]), **style, ms=5, mfc="none", lw=1)
    ax.text(0.075, 18, "the paper's (8)")
    powers = (2, 3, 4, 6, 8, 16, 32)
    ax.set(xscale="log", yscale="log", ylim=(2, 60))
    ax.set_xlabel("temperature τ₀ at the start (log)")
    ax.set_xticks(ticks := (0.02, 0.05, 0.1, 0.2, 0.5, 1), map(str, ticks))
    ax.set_yticks(powers, [f"$10^{{{power}}}$" for power in powers])
    ax.minorticks_off()
    ax.set_ylabel("pairs needed (log of log)")
    least = f"{np.floor(np.log10(min(table['printed']))):g}".translate(plotting.SUPERSCRIPTS)
    ax.set_title(f"(c) pairs from which on a bound is positive: over 10{least} for the paper's")


def draw_ratio(numbers: Numbers) -> Figure:
    """Means over draws as points, and the prediction of theory 2.4 as lines."""
    figure = plotting.column(3.6)
    ax = figure.subplots()
    for k, n in enumerate(DRAWN):
        style = plotting.curve(k)
        ax.plot(*column(numbers, "ratio", "predicted", n), **style | {"marker": "", "lw": 1})
        x, ratio = column(numbers, "ratio", "ratio", n)
        error = column(numbers, "ratio", "standard error", n)[1]
        ax.errorbar(x, ratio, error, **style | {"ls": ""}, ms=4.5)
        ax.plot([], [], **style, ms=4.5, lw=1, label=f"{n:,} pairs")
    ax.axhline(1, color="0.7", lw=0.8, zorder=0)
    ax.set(xscale="log", ylim=(0, 1.08), ylabel="mean speed of the gap over that of 2γ")
    ax.set_xlabel("height at the start times root of the number of pairs, γ₀√n (log)")
    ax.set_xticks(ticks := (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10), [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_title(
        f"random rows in the parallel model, {DIM_OF_RATIO} dimensions, temperature {TAU};\n"
        "markers are means of draws with standard errors, lines the prediction of theory 2.4"
    )
    ax.legend(loc="lower right")
    figure.suptitle(
        "The gap Δ widens more slowly than twice the height γ,\n"
        "so that a bound on the height's speed does not bound the gap's"
    )
    return figure


MORE = {"ratio": draw_ratio}
