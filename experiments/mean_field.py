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
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting, sphere
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
LOOKS: dict[int, dict[str, Any]] = {n: plotting.curve(k) for k, n in enumerate(SIZES)}
POINTS: dict[str, Any] = {"ls": "", "ms": 4, "mfc": "none"}
LIMIT: dict[str, Any] = {"color": "black", "lw": 1, "ls": (0, (1, 1))}
CROSS: dict[str, Any] = {"marker": "x", "ms": 7, "mew": 1.5, "ls": ""}
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
    """θ and the gap against t/n."""
    figure = plotting.column(4.6)
    left, right = figure.subplots(1, 2)
    draw_three(left, numbers, "theta")
    left.set(ylim=(0, 1.25), ylabel="mean angle between partners (rad)")
    left.set_title("(a) the angle between partners\ncomes near 0 by then")
    draw_gap(right, numbers)
    figure.suptitle(
        f"Many pairs all align by about one time, {ALIGNED:.3f} times their number n;\n"
        "meanwhile the gap changes by only a few times 1/n"
    )
    bars = right.errorbar([], [], [], color="0.3", ls="", elinewidth=0.8)
    key(figure, numbers, {"(b): standard deviation of draws": bars})
    return figure


def draw_equations(numbers: Numbers) -> Figure:
    """β against t/n, and how far it is off against the weight of the partner."""
    figure = plotting.column(4.6)
    left, right = figure.subplots(1, 2)
    draw_three(left, numbers, "beta")
    left.set(yscale="log", ylim=(1, 3000), ylabel="inverse temperature β (log)")
    left.set_title("(a) n pairs, three equations,\nand their limit")
    draw_error(right, numbers)
    figure.suptitle(
        "Three equations stand for n pairs until partners are nearly aligned:\n"
        "they err by what they neglect, the weight of the partner in the loss"
    )
    area = Patch(color="0.85", label="(b): between p and 7p")
    key(figure, numbers, {"(b): between p and 7p": area})
    return figure


def key(figure: Figure, numbers: Numbers, more: dict[str, Any]) -> None:
    """What markers and lines are."""
    lines: dict[str, Any] = {
        f"{n:,} random pairs, mean of {len(draws(numbers, n, 'gap'))} draws": Line2D(
            [], [], **LOOKS[n] | POINTS
        )
        for n in followed(numbers)
    }
    lines["three equations in place of the pairs"] = Line2D([], [], color="0.3", lw=1)
    lines["where these equations end"] = Line2D([], [], color="0.3", **CROSS)
    lines["limit of the equations, n → ∞"] = Line2D([], [], **LIMIT)
    line = Line2D([], [], color="0.7", lw=0.8)
    lines[f"t = {ALIGNED:.3f} n: all align, n → ∞"] = line
    lines |= more
    said = (
        f"free model, temperature learned from {TAU}; random directions, partners {ANGLE:g} rad\n"
        f"apart at t = 0, images at a height of {GAMMA:g} and texts at −{GAMMA:g}:"
    )
    figure.legend(
        lines.values(), lines.keys(), loc="outside lower center", ncols=2, title=said,
        columnspacing=1,
    )  # fmt: skip


def followed(numbers: Numbers) -> list[int]:
    """The numbers of pairs that were followed."""
    return [int(n) for n in np.unique(numbers.rows(source="flow")["pairs"])]


def draw_three(ax: Axes, numbers: Numbers, name: str) -> None:
    """A quantity against t/n, from three sources."""
    for n in followed(numbers):
        closed, times = numbers.rows(source="closed", pairs=n), draws(numbers, n, "t_over_n")[0]
        look = LOOKS[n]
        ax.plot(closed["t_over_n"], closed[name], color=look["color"], lw=1)
        ax.plot(times, draws(numbers, n, name).mean(axis=0), **look | POINTS, markevery=2)
        ax.plot(closed["t_over_n"][-1], closed[name][-1], color=look["color"], **CROSS)
    rows = numbers.rows(source="limit")
    ax.plot(rows["t_over_n"], rows[name], **LIMIT)
    label_times(ax)


def draw_gap(ax: Axes, numbers: Numbers) -> None:
    """n log Δ/Δ₀ of the flow and of the closed system with the centres of random pairs."""
    for n in followed(numbers):
        closed, times = numbers.rows(source="closed", pairs=n), draws(numbers, n, "t_over_n")[0]
        gap = draws(numbers, n, "gap")
        change = n * np.log(gap / gap[:, :1])
        bars: Any = {"elinewidth": 0.8, "errorevery": (2 * list(SIZES).index(n), 6)}
        ax.errorbar(
            times, change.mean(axis=0), change.std(axis=0), **LOOKS[n] | POINTS | bars, markevery=2
        )
        both = with_centres(closed)
        look: Any = {"color": LOOKS[n]["color"]}
        ax.plot(closed["t_over_n"], n * np.log(both / both[0]), lw=1, **look)
    label_times(ax)
    ax.set_ylabel("n × change of log Δ since t = 0")
    ax.set_title("(b) meanwhile the gap Δ moves\nby a few times 1/n of itself")


def label_times(ax: Axes) -> None:
    """A horizontal axis of t/n with a line at t*."""
    ax.axvline(ALIGNED, color="0.7", lw=0.8, zorder=0)
    ax.set(xlim=(0, LAST + 0.002), xlabel="time over the number of pairs, t/n")
    ax.set_xticks([0, 0.05, 0.1, 0.15], ["0", "0.05", "0.1", "0.15"])


def draw_error(ax: Axes, numbers: Numbers) -> None:
    """Root of the mean of (β/β of the closed system - 1)² over draws, against p."""
    for n in followed(numbers):
        times, weight = (draws(numbers, n, name)[0] for name in ("t_over_n", "partner"))
        alone = np.asarray(mean_field.flow(n * times, n=n, tau=TAU, **START).beta)
        off = draws(numbers, n, "beta") / alone - 1
        ax.plot(weight, np.sqrt((off**2).mean(axis=0)), **LOOKS[n] | POINTS)
    reach = np.array([8e-4, 1.0])
    ax.fill_between(reach, reach, 7 * reach, color="0.85", lw=0)
    ax.set(xscale="log", yscale="log", xlim=reach, ylim=(1e-3, 3))
    ax.set_xlabel("weight p of the partner,\nover that of all others (log)")
    ax.set_ylabel("relative error of β,\nroot mean square of draws (log)")
    ax.set_title("(b) what the equations miss\nis a few times the weight p")


MORE = {"equations": draw_equations}
