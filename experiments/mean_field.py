"""Many pairs: the free flow of random level rows beside three equations and their limit.

Rows have directions in R³, partners at one angle, and heights ±γ. The closed system of theory 4.5
knows β, that angle and the heights alone. It neglects the weight p of a row's partner in its
softmax, in units of the weight of all others, and ends where p = 1. As n → ∞ the angle is a
function of t/n, and all pairs are aligned at a finite t*/n, while the gap moves by O(1/n).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import sphere
from gapdyn.theory import mean_field
from gapdyn.theory.audit.mean_field import ANGLE, GAMMA, D, level_pairs
from gapdyn.types import Array

TAU = 0.07
START: dict[str, Any] = {"dim": D, "gamma": GAMMA, "theta0": ANGLE}
ALIGNED = mean_field.alignment_time(**START)
"""t*/n."""
SIZES = {128: (8, 0.19), 512: (4, 0.177), 1024: (3, 0.1735)}
"""Draws and last t/n, by number of pairs. From there on an explicit method needs very short steps,
since heights level out at rates of order β²/n."""
LAST = 0.19
SHADES = dict(zip(SIZES, ("#e08e45", "#2f7ebc", "#0b3c5d"), strict=True))
MARKERS: dict[int, Any] = {
    n: {"ls": "", "marker": marker, "ms": 4.5, "mfc": "none", "color": SHADES[n]}
    for n, marker in zip(SIZES, "^so", strict=True)
}
Columns = dict[str, NDArray[Any]]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Follow random pairs of each number, the closed system of as many, and the limit."""
    parts = [limit(20 if quick else 50)]
    for n, (draws, end) in SIZES.items():
        parts.append(closed(n, np.linspace(0, LAST, 381)))
        if quick and n > 512:
            continue
        times, most = np.linspace(0, end, 39), 1 + draws // 8 if quick else draws
        parts += [flow(n, s, times) for s in range(seed, seed + most)]
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    numbers = Numbers(table, START | {"tau": TAU, "alignment_time": ALIGNED})
    ends = {str(n): float(numbers.rows(source="closed", pairs=n)["t_over_n"][-1]) for n in SIZES}
    numbers.parameters["closed_system_until"] = ends
    return numbers


def flow(n: int, seed: int, t_over_n: Array) -> Columns:
    """The free flow of n random pairs, with means over pairs."""
    model = gd.FreeModel(n, D + 1, gd.Learned())
    y0 = model.start(*level_pairs(n, seed), tau=TAU)
    run = gd.flow(model, y0, n * t_over_n, rtol=1e-6, keep_states=True)
    angles, heights = zip(*(angle_and_height(*model.rows(y)) for y in run.y), strict=True)
    alone = mean_field.flow(run.t, n=n, tau=TAU, **START)
    return columns("flow", n, seed, t_over_n, run.beta, angles, heights, run.gap, alone.partner)


def angle_and_height(X: Array, Y: Array) -> tuple[float, float]:
    """Mean angle between the horizontal directions of partners, and half the mean height apart."""
    xi, zeta = (sphere.normalise(rows[:, :-1]) for rows in (X, Y))
    apart = np.linalg.norm(xi - zeta, axis=1)
    return float(2 * np.arcsin(apart / 2).mean()), float((X[:, -1] - Y[:, -1]).mean() / 2)


def closed(n: int, t_over_n: Array) -> Columns:
    """The closed system of n pairs, until the partner outweighs the others."""
    run = mean_field.flow(n * t_over_n, n=n, tau=TAU, **START)
    parts = np.array([run.beta, run.theta, run.height_x, run.gap, run.partner])
    known = np.isfinite(run.beta)
    return columns("closed", n, 0, t_over_n[known], *parts[:, known])


def limit(count: int) -> Columns:
    """n → ∞: t/n is t* from θ₀ less t* from θ, β follows A_D(β(1-γ²)) = cos θ, heights stay."""
    theta = ANGLE * np.linspace(1, 1e-3, count)
    left = [mean_field.alignment_time(dim=D, gamma=GAMMA, theta0=angle) for angle in theta]
    beta = [mean_field.concentration(angle, dim=D) / (1 - GAMMA**2) for angle in theta]
    return columns("limit", np.inf, 0, ALIGNED - np.array(left), beta, theta, GAMMA, 2 * GAMMA, 0.0)


def columns(source: str, n: float, seed: int, t_over_n: Array, *values: Any) -> Columns:
    """Columns of the table, one row for each time."""
    names = ("source", "pairs", "seed", "t_over_n", "beta", "theta", "height", "gap", "partner")
    shape = t_over_n.shape
    parts = (source, n, seed, t_over_n, *values)
    return {
        name: np.array(np.broadcast_to(part, shape))
        for name, part in zip(names, parts, strict=True)
    }


def draws(numbers: Numbers, n: int, name: str) -> Array:
    """A column of the flows of n pairs, one row for each draw."""
    rows = numbers.rows(source="flow", pairs=n)
    return rows[name].reshape(np.unique(rows["seed"]).size, -1)


def with_centres(closed: dict[str, NDArray[Any]]) -> Array:
    """The gap of the closed system, with the mean of ‖mean ξ - mean ζ‖² over n random pairs."""
    across = 2 * (1 - np.cos(closed["theta"])) / closed["pairs"]
    return np.asarray(np.sqrt(closed["gap"] ** 2 + (1 - closed["height"] ** 2) * across))


def draw(numbers: Numbers) -> Figure:
    """θ, β and the gap against t/n, and how far β is off against the weight of the partner."""
    figure = Figure(figsize=(9.0, 7.2), layout="constrained")
    panels = (draw_angles, draw_beta, draw_gap, draw_error)
    axes = figure.subplots(2, 2).flat
    for ax, panel in zip(axes, panels, strict=True):
        panel(ax, numbers)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def followed(numbers: Numbers) -> list[int]:
    """The numbers of pairs that were followed."""
    return [int(n) for n in np.unique(numbers.rows(source="flow")["pairs"])]


def draw_angles(ax: Axes, numbers: Numbers) -> None:
    """θ of the flow, of the closed system and of the limit."""
    draw_three(ax, numbers, "theta")
    ax.text(ALIGNED - 0.001, 0.8, "t*/n", ha="right")
    ax.set(ylim=(0, 1.25), ylabel="angle θ between partners, mean")
    ax.set_title(f"(a) with many pairs all align by a finite time, t* = {ALIGNED:.4f} n")


def draw_beta(ax: Axes, numbers: Numbers) -> None:
    """β of the flow, of the closed system and of the limit."""
    draw_three(ax, numbers, "beta")
    ax.set(yscale="log", ylim=(1, 3000), ylabel="inverse temperature β")
    ax.set_title("(b) β follows the closed system nearly to its end, p = 1")


def draw_three(ax: Axes, numbers: Numbers, name: str) -> None:
    """A quantity against t/n, from three sources."""
    for n in followed(numbers):
        closed, times = numbers.rows(source="closed", pairs=n), draws(numbers, n, "t_over_n")[0]
        ax.plot(closed["t_over_n"], closed[name], color=SHADES[n], lw=1)
        ax.plot(
            times, draws(numbers, n, name).mean(axis=0), **MARKERS[n], label=f"flow of {n} pairs"
        )
        ax.plot(closed["t_over_n"][-1], closed[name][-1], "x", color=SHADES[n], ms=8, mew=2)
    rows = numbers.rows(source="limit")
    ax.plot([], [], color="0.3", lw=1, marker="x", ms=8, mew=2, label="closed system, to p = 1")
    ax.plot(rows["t_over_n"], rows[name], color="black", lw=1, ls="--", label="limit n → ∞")
    label_times(ax)


def draw_gap(ax: Axes, numbers: Numbers) -> None:
    """n log Δ/Δ₀ of the flow and of the closed system with the centres of random pairs."""
    for n in followed(numbers):
        closed, times = numbers.rows(source="closed", pairs=n), draws(numbers, n, "t_over_n")[0]
        gap = draws(numbers, n, "gap")
        change = n * np.log(gap / gap[:, :1])
        bars: Any = {"elinewidth": 0.8, "errorevery": (list(SIZES).index(n), 4)}
        ax.errorbar(times, change.mean(axis=0), change.std(axis=0), **MARKERS[n], **bars)
        both = with_centres(closed)
        ax.plot(closed["t_over_n"], n * np.log(both / both[0]), color=SHADES[n], lw=1)
    ax.plot(closed["t_over_n"], -np.log(closed["beta"] * TAU), color="0.5", lw=1, ls=":")
    ax.plot([], [], color="0.5", lw=1, ls=":", label="closed system: log(β₀/β)")
    ax.plot([], [], color="0.3", lw=1, label="with centres of n random pairs apart")
    ax.errorbar([], [], [], color="0.3", ls="", elinewidth=0.8, label="standard deviation of draws")
    ax.legend(loc="lower left")
    label_times(ax)
    ax.set(ylabel="change of the gap, n log(Δ/Δ₀)")
    ax.set_title("(c) meanwhile the gap moves by a few times 1/n")


def label_times(ax: Axes) -> None:
    """A horizontal axis of t/n with a line at t*."""
    ax.axvline(ALIGNED, color="0.7", lw=0.8, zorder=0)
    ax.set(xlim=(0, LAST + 0.002), xlabel="time over the number of pairs, t/n")


def draw_error(ax: Axes, numbers: Numbers) -> None:
    """Root of the mean of (β/β of the closed system - 1)² over draws, against p."""
    for n in followed(numbers):
        times, weight = (draws(numbers, n, name)[0] for name in ("t_over_n", "partner"))
        alone = np.asarray(mean_field.flow(n * times, n=n, tau=TAU, **START).beta)
        off = draws(numbers, n, "beta") / alone - 1
        ax.plot(weight, np.sqrt((off**2).mean(axis=0)), **MARKERS[n])
    reach = np.array([8e-4, 1.5])
    ax.fill_between(reach, reach, 7 * reach, color="0.9", lw=0, label="between p and 7p")
    ax.axvline(1, color="0.7", lw=0.8, zorder=0)
    ax.set(xscale="log", yscale="log", xlim=reach, ylim=(1e-3, 3))
    ax.set_xlabel("weight p of the partner over that of all others")
    ax.set_ylabel("relative error of β, root mean square of draws")
    ax.legend(loc="upper left")
    ax.set_title("(d) what the closed system neglects is of the order of p")
