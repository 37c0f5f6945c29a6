"""Where matched rows go as β → ∞: along one path, to aligned pairs, at the exponents of theory 4.4.

The path: the free flow on the clock s = P(β) from one state, under three ways to learn β, beside
the margin flow, which is their limit (theory 4.3, M).

Misalignment: E = ½Σ‖x_i - y_i‖² falls once condition B holds. Under a fixed τ it falls to 0, and
the gap with it.

Exponents: local slopes of the gap, or of the distance of pairs, near the simplex (theory 4.4).

Limits: the margins at which the margin flow ends, beside the widest margin of n points on the
sphere.

Starts are uniform rows, which the flow brings to match; those along a line or in the span of the
simplex, for exponents, begin near it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import gapdyn as gd
from experiments.processes import processes
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.examples import simplex
from gapdyn.theory import margin_flow
from gapdyn.types import Array

LEAST_MARGIN, MATCHED_BY = 0.1, 1e3
"""The margin that a start must have, and the time at which it is read."""
CLOCKS: dict[str, tuple[gd.Learned, Callable[[Array, float], Array]]] = {
    "exp ν": (gd.Learned(), lambda s, _: s),
    "exp(ν/3)": (gd.Learned(gd.Exponential(3.0)), lambda s, _: s / 9),
    "ν": (gd.Learned(gd.Linear()), lambda s, beta0: np.log1p(2 * s / beta0**2) / 2),
}
"""Temperatures, and the growth of log β over which the potential P grows by s."""
PATH, LENGTH = (8, 4), 12.0
BETAS = (20.0, 200.0, 2000.0)
"""Values of β at the start of the path; the last one is drawn."""
FALLING, TAU, LATEST = ((3, 4), (6, 10), (8, 4)), 0.2, 1e6
"""Sizes, first temperature and last time of misalignment."""
FLOOR = 1e-18
"""Below it E is the integrator's noise."""
GENERIC = ((3, 4), (3, 6), (4, 6), (4, 8), (6, 10))
LINES, SPANS = ((4, 4), (5, 5)), {(4, 3): 20.0, (6, 5): 24.0}
"""Sizes for exponents: with room, d = n with a minority of one, and d = n - 1 by last log β."""
NEAR, END, STEP = 4.0, 20.0, 0.5
"""Values of log β: first near the simplex, last, and between two slopes."""
OUTSIDE, WITHIN = 0.3, 0.1
"""Distances from the simplex at the start: of x_i from y_i along the line, of rows in the span."""
ENDS, ENDS_OF = range(2, 9), (5, 6, 8)
"""Dimensions and numbers of pairs of limits."""
NAMES = ("panel", "curve", "pairs", "dim", "seed", "x", "quantity", "value")
Row = tuple[str, str, int, int, int, float, str, float]
Pairs = tuple[Array, Array]
Size = tuple[int, int]


class Late(NamedTuple):
    """A flow on the clock log β, at T times: rows X and Y are (T, n, d), log₁₀ t is (T,)."""

    log_beta: Array
    X: Array
    Y: Array
    log10_t: Array


def compute(seed: int = 0, quick: bool = False, jobs: int = 1) -> Numbers:
    """Follow the flow from each start; `quick` takes fewer and smaller ones."""
    seeds = range(seed, seed + (1 if quick else 3))
    with processes(jobs) as pool:
        path = pool.submit(one_path, (4, 3) if quick else PATH, seed, 4.0 if quick else LENGTH)
        falls = pool.submit(misalignments, FALLING[:1] if quick else FALLING, seed)
        slopes = pool.submit(exponents, GENERIC[:2] if quick else GENERIC, seed)
        ends = [pool.submit(limits, n, seeds) for n in (ENDS_OF[:1] if quick else ENDS_OF)]
        (of_path, about_path), (of_falls, about_falls) = path.result(), falls.result()
        rows = [*of_path, *of_falls, *slopes.result()]
        rows += [row for end in ends for row in end.result()]
    parameters = {"path": about_path, "tau0_of_misalignment": TAU, "misalignment": about_falls}
    columns = map(np.array, zip(*rows, strict=True))
    return Numbers(dict(zip(NAMES, columns, strict=True)), parameters)


def table(
    panel: str, curve: str, size: Size, seed: int, x: Array, **quantities: Array
) -> list[Row]:
    """Rows of the table: quantities against x."""
    return [
        (panel, curve, *size, seed, float(at), quantity, float(value))
        for quantity, values in quantities.items()
        for at, value in zip(x, values, strict=True)
    ]


def matched(n: int, d: int, seed: int) -> tuple[gd.FreeModel, Array]:
    """A state to which uniform rows have come, in which all pairs match."""
    model, rng = gd.FreeModel(n, d, gd.Learned()), np.random.default_rng((seed, n, d))
    while True:
        start = model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=0.07)
        run = gd.flow(model, start, [MATCHED_BY])
        if run.margin[-1] > LEAST_MARGIN:
            return model, run.y[-1]


def follow(model: gd.FreeModel, y: Array, growth: Array) -> Late:
    """The flow from a state on, at increasing values of log(β/β₀)."""
    run = gd.flow(model, y, growth, clock="log beta")
    X, Y = map(np.array, zip(*map(model.embeddings, run.y), strict=True))
    return Late(np.log(run.beta), X, Y, run.log_t / np.log(10))


def gaps(X: Array, Y: Array) -> Array:
    """Δ of each of (T, n, d) rows."""
    return np.asarray(np.linalg.norm((X - Y).mean(axis=1), axis=1))


def distances(X: Array, Y: Array) -> Array:
    """The root mean square of ‖x_i - y_i‖, of each of (T, n, d) rows."""
    return np.asarray(np.sqrt(((X - Y) ** 2).sum(axis=2).mean(axis=1)))


def margins(X: Array, Y: Array) -> Array:
    """α of each of (T, n, d) rows."""
    return np.array([gd.measures.margin(x @ y.T) for x, y in zip(X, Y, strict=True)])


def one_path(size: Size, seed: int, length: float) -> tuple[list[Row], dict[str, Any]]:
    """The path under each clock from each β, and how far its rows are from the margin flow."""
    n, d = size
    model, y = matched(n, d, seed)
    X, Y = model.embeddings(y)
    s = np.linspace(0.0, length, 49)
    path, coarse = (margin_flow.flow(X, Y, s, sharpness=b) for b in (1e6, BETAS[-1]))
    end = margin_flow.limit(X, Y)
    rows = table("path", "margin flow", size, seed, s, gap=path.gap, margin=path.margin)
    off: dict[str, dict[str, float]] = {name: {} for name in CLOCKS}
    log10_t = {}
    for name, (temperature, growth) in CLOCKS.items():
        learned = gd.FreeModel(n, d, temperature)
        for beta in BETAS:
            run = follow(learned, learned.start(X, Y, tau=1 / beta), growth(s, beta))
            apart = np.stack([run.X - path.X, run.Y - path.Y])
            off[name][f"{beta:g}"] = float(np.linalg.norm(apart, axis=3).max())
        seen = {"gap": gaps(run.X, run.Y), "margin": margins(run.X, run.Y)}
        rows += table("path", name, size, seed, s, **seen)
        log10_t[name] = float(run.log10_t[-1])
    return rows, {
        "beta0": BETAS[-1],
        "largest_distance_of_rows": off,
        "error_of_margin_flow": float(path.error.max()),
        "its_error_at_sharpness_beta0": float(coarse.error.max()),
        "log10_t_at_end": log10_t,
        "limit": {"margin": end.margin, "gap": round(end.gap, 9), "reached_by_s": end.s},
    }


def misalignments(sizes: Sequence[Size], seed: int) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """E over time from uniform rows, under a learned and under a fixed temperature."""
    times, rows, about = np.geomspace(0.1, LATEST, 57), [], {}
    for n, d in sizes:
        rng = np.random.default_rng((seed, n, d))
        X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
        for curve, temperature in (("learned", gd.Learned()), ("fixed", gd.Fixed(TAU))):
            model = gd.FreeModel(n, d, temperature)
            run = gd.flow(model, model.start(X, Y, tau=TAU), times, method="LSODA")
            E, velocity, holds = falling(model, run)
            seen = {"E": np.maximum(E, FLOOR), "holds": holds}
            rows += table("misalignment", curve, (n, d), seed, times, **seen)
            about[f"{n} pairs in R^{d}, {curve}"] = {
                "holds_from": float(times[holds.argmax()]),
                "largest_velocity_then": float(velocity[(holds > 0) & (E > FLOOR)].max()),
                "gap_at_end": float(max(run.gap[-1], np.sqrt(FLOOR))),
            }
    return rows, about


def falling(model: gd.FreeModel, run: gd.Trajectory) -> tuple[Array, Array, Array]:
    """E, dE/dt, and whether condition B holds, at the times of a run."""
    seen = []
    for y, beta in zip(run.y, run.beta.tolist(), strict=True):
        X, Y = model.embeddings(y)
        velocity = margin_flow.misalignment_velocity(X, Y, beta=beta)
        holds = margin_flow.condition(X, Y, beta=beta).holds
        seen.append((margin_flow.misalignment(X, Y), velocity, float(holds)))
    E, velocities, held = np.transpose(seen)
    return E, velocities, held


def exponents(generic: Sequence[Size], seed: int) -> list[Row]:
    """Local slopes against log β from all starts, and log₁₀ t."""
    runs: list[tuple[str, Late, Callable[[Array, Array], Array]]] = []
    for n, d in generic:
        model, y = matched(n, d, seed)
        growth = until(END, float(model.split(y).nu))
        runs.append(("gap", follow(model, y, growth), gaps))
    for n, _ in LINES:
        runs.append(("minority", near(*along_a_line(n), END), gaps))
    for (n, _), end in SPANS.items():
        runs.append(("distance", near(*in_the_span(n, seed), end), distances))
    rows: list[Row] = []
    for curve, run, size in runs:
        _, n, d = run.X.shape
        slopes = n * np.diff(np.log(size(run.X, run.Y))) / np.diff(run.log_beta)
        middles = (run.log_beta[1:] + run.log_beta[:-1]) / 2
        rows += table("exponents", curve, (n, d), seed, middles, slope=slopes)
        rows += table("exponents", curve, (n, d), seed, run.log_beta[1:], log10_t=run.log10_t[1:])
    return rows


def until(end: float, log_beta: float) -> Array:
    """Growths of log β that end at a value, in steps."""
    return np.arange(end - log_beta, 0, -STEP)[::-1]


def near(X: Array, Y: Array, end: float) -> Late:
    """The flow from rows near the simplex."""
    n, d = X.shape
    model = gd.FreeModel(n, d, gd.Learned())
    return follow(model, model.start(X, Y, tau=np.exp(-NEAR)), until(end, NEAR))


def along_a_line(n: int) -> Pairs:
    """Corners of the simplex in Rⁿ, moved by ± half a difference along the line outside its span.

    One of the differences points against the others.
    """
    signs = np.where(np.arange(n) < 1, -1.0, 1.0)[:, None]
    half = OUTSIDE / 2 * signs * np.full((1, n), n**-0.5)
    return gd.sphere.normalise(simplex(n) + half), gd.sphere.normalise(simplex(n) - half)


def in_the_span(n: int, seed: int) -> Pairs:
    """Corners of the simplex in R^{n-1}, moved at random."""
    corners = gd.sphere.normalise(np.linalg.svd(simplex(n))[0][:, : n - 1])
    noise = WITHIN * np.random.default_rng((seed, n)).standard_normal((2, n, n - 1))
    return gd.sphere.normalise(corners + noise[0]), gd.sphere.normalise(corners + noise[1])


def limits(n: int, seeds: Sequence[int]) -> list[Row]:
    """Margin and E where the margin flow of n pairs ends, and the widest margin."""
    rows: list[Row] = []
    for d in ENDS:
        at = np.array([float(d)])
        rows += table("limits", "widest", (n, d), 0, at, margin=np.array([widest(n, d)]))
        for seed in seeds:
            model, y = matched(n, d, seed)
            try:
                end = margin_flow.limit(*model.embeddings(y))
            except margin_flow.NotConvergedError as error:  # E is still falling
                end = error.reached
            seen = {"margin": np.array([end.margin]), "E": np.round([end.misalignment], 12)}
            rows += table("limits", "limit", (n, d), seed, at, **seen)
    return rows


def widest(n: int, d: int) -> float:
    """The largest margin 1 - max⟨x_i, x_j⟩ of n points x_i = y_i on S^{d-1}.

    For d ≥ n/2 these are Rankin's bounds [1]_, of the simplex and of the cross-polytope; eight
    points in R³ are a square antiprism [2]_.

    References
    ----------
    .. [1] R. A. Rankin, The closest packing of spherical caps in n dimensions, Glasgow Math. J. 2
       (1955) 139-144.
    .. [2] K. Schütte and B. L. van der Waerden, Auf welcher Kugel haben 5, 6, 7, 8 oder 9 Punkte
       mit Mindestabstand Eins Platz?, Math. Ann. 123 (1951) 96-124.
    """
    if d >= n - 1:
        return n / (n - 1)
    if 2 * d >= n:
        return 1.0
    if d == 2:
        return float(1 - np.cos(2 * np.pi / n))
    assert (n, d) == (8, 3)
    return float(8 - 2 * np.sqrt(2)) / 7


NAVY, BLUE, SAND, RED = plotting.SHADES
CLOCK_STYLES: dict[str, dict[str, Any]] = {
    "margin flow": {"color": "0.82", "lw": 7},
    "exp ν": {"color": NAVY, "marker": "o", "markevery": (0, 8)},
    "exp(ν/3)": {"color": SAND, "ls": "--", "marker": "^", "markevery": (3, 8)},
    "ν": {"color": RED, "ls": ":", "marker": "s", "markevery": (6, 8)},
}
MARKERS = dict(zip(FALLING, "o^s", strict=True))
"""Markers of sizes for misalignment."""
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "gap": (
        "gap, d > n, five sizes from uniform starts",
        {"color": NAVY, "marker": "o", "ls": "-"},
    ),
    "minority": (
        "gap, d = n, one pair points the other way; n = 4 and 5",
        {"color": RED, "marker": "^", "ls": "--"},
    ),
    "distance": (
        "distance of partners, d = n − 1; n = 4 and 6",
        {"color": SAND, "marker": "s", "ls": "-."},
    ),
}
"""Curves of exponents, in words: n pairs in d dimensions."""


def draw(numbers: Numbers) -> Figure:
    """Margin and gap along one path, under three clocks and in the limit."""
    figure = plotting.column(3.9)
    about = numbers.parameters["path"]
    [(n, d)] = sizes(numbers, "path", "margin flow")
    titles = (
        "(a) margin α, the smallest lead\nof partners over others",
        "(b) gap Δ, the distance\nof the two means",
    )
    for ax, quantity, title in zip(figure.subplots(1, 2), ("margin", "gap"), titles, strict=True):
        for name, style in CLOCK_STYLES.items():
            s, values = curve(numbers, "path", name, quantity)
            ax.plot(s, values, ms=4, **style)
        end = about["limit"][quantity]
        ax.axhline(end, color="0.6", lw=0.8, zorder=0)
        place: Any = {"textcoords": "offset points", "ha": "right", "va": "bottom"}
        ax.annotate(
            f"where the path ends: {end:.3g}", (s[-1], end), (0, 3 + 12 * (end == 0)), **place
        )
        ax.set(xlim=(0, s[-1]), xlabel="progress s of the temperature", title=title)
        ax.set_ylim(top=1.12 * max(end, values.max()))
    lines = [
        Line2D([], [], ms=4, label=clock(name, about), **CLOCK_STYLES[name])
        for name in CLOCK_STYLES
    ]
    said = (
        f"{n} pairs in {d} dimensions, free model; ν is the number that training adjusts,\n"
        f"s the growth of log β in CLIP, and of a potential of β in general; β is "
        f"{about['beta0']:g} at s = 0:"
    )
    figure.legend(handles=lines, loc="outside lower center", title=said)
    figure.suptitle(
        "At a large inverse temperature β matched pairs take one path, however β is\n"
        "learned: it only sets the pace, and the path closes the gap"
    )
    return figure


def clock(name: str, about: dict[str, Any]) -> str:
    """A way to learn β, and by when it has come to the end of the axes, in words."""
    if name not in about["log10_t_at_end"]:
        return "the path in the limit β → ∞ (margin flow)"
    power = power_of_ten(about["log10_t_at_end"][name])
    return f"β = {name}{', as in CLIP' * (name == 'exp ν')}; the right end is at time t = {power}"


def draw_fixed(numbers: Numbers) -> Figure:
    """Misalignment under a learned and a fixed temperature."""
    figure = plotting.column(4.5)
    draw_misalignment(figure.subplots(), numbers)
    figure.suptitle(
        f"Held at {TAU}, the temperature brings partners together and closes the gap;\n"
        "learned from there on, it soon stalls them"
    )
    return figure


def draw_ends(numbers: Numbers) -> Figure:
    """Where the margin flow ends, and at which power of β."""
    figure = plotting.column(6.6)
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.3))
    draw_limits(above, numbers)
    draw_exponents(below, numbers)
    figure.suptitle(
        "At last, far beyond any training, partners meet at the widest margin there is;\n"
        "with more dimensions than pairs the gap then falls like β to the power −1/n"
    )
    return figure


MORE = {"fixed": draw_fixed, "ends": draw_ends}


def curve(
    numbers: Numbers, panel: str, name: str, quantity: str, **size: int
) -> tuple[Array, Array]:
    """x and values of one curve."""
    rows = numbers.rows(panel=panel, curve=name, quantity=quantity, **size)
    return rows["x"], rows["value"]


def sizes(numbers: Numbers, panel: str, name: str) -> list[Size]:
    """(n, d) of the curves of a name, in their order."""
    rows = numbers.rows(panel=panel, curve=name)
    return list(dict.fromkeys(zip(rows["pairs"].astype(int), rows["dim"].astype(int), strict=True)))


def power_of_ten(power: float) -> str:
    """10^power where power itself may need one."""
    if power < 1e4:
        return f"$10^{{{power:.0f}}}$"
    exponent = int(np.log10(power))
    return rf"$10^{{{power / 10**exponent:.1f}\cdot10^{{{exponent}}}}}$"


def draw_misalignment(ax: Axes, numbers: Numbers) -> None:
    """E against time, under a learned and a fixed temperature, and where B begins to hold."""
    about = numbers.parameters["misalignment"]
    ring: Any = {"marker": "o", "ls": "", "mec": "black", "mfc": "none", "ms": 10}
    for n, d in sizes(numbers, "misalignment", "learned"):
        for name, color, dashes in (("learned", NAVY, "-"), ("fixed", RED, "--")):
            t, E = curve(numbers, "misalignment", name, "E", pairs=n, dim=d)
            holds = curve(numbers, "misalignment", name, "holds", pairs=n, dim=d)[1]
            shown = np.append(True, E[:-1] > FLOOR)
            style: Any = {"color": color, "ls": dashes, "marker": MARKERS[n, d], "ms": 4}
            ax.plot(t[shown], E[shown], **style, lw=1.2, markevery=6)
            ax.plot(t[holds.argmax()], E[holds.argmax()], **ring)
        style = {"color": "0.3", "ls": "", "marker": MARKERS[n, d], "ms": 4}
        left = about[f"{n} pairs in R^{d}, learned"]["gap_at_end"]
        words = f"{n} pairs in {d} dimensions; gap at the end, learned: {left:.2f}"
        ax.plot([], [], **style, label=words)
    most = max(seen["gap_at_end"] for name, seen in about.items() if name.endswith("fixed"))
    power = int(np.ceil(np.log10(most) - 1e-6))
    ax.plot([], [], color=NAVY, lw=1.2, label=f"learned temperature, {TAU} at t = 0")
    words = f"fixed temperature {TAU}; gaps at the end below $10^{{{power}}}$"
    ax.plot([], [], color=RED, lw=1.2, ls="--", label=words)
    ax.plot([], [], **ring, label="from here on E must fall, by proof")
    ax.set(xscale="log", yscale="log", ylim=(1e-12, 30), xlim=(0.1, LATEST))
    ax.set(
        xlabel="time t (log)",
        ylabel="misalignment E: half the sum of\nsquared distances of partners (log)",
    )
    ax.set_title("free model, from uniform rows")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.16))


def draw_exponents(ax: Axes, numbers: Numbers) -> None:
    """Local slopes against log β, and the lines of theory 4.4."""
    for name, (words, style) in KINDS.items():
        for k, (n, d) in enumerate(sizes(numbers, "exponents", name)):
            x, slope = curve(numbers, "exponents", name, "slope", pairs=n, dim=d)
            label = None if k else words
            ax.plot(x, slope, lw=1.2, ms=4, markevery=(k, 6), **style, label=label)
    limits = {-1.0: "−1", -2.0: "−2"}
    limits |= {
        (e := margin_flow.exponent(n=n, d=n)[1].gap): f"−{-e:.3g}: n = {n}" for n, _ in LINES
    }
    for value, words in limits.items():
        ax.axhline(value, color="0.6", lw=0.8, ls=":", zorder=0)
        place: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        ax.annotate(words, (1, value), (3, 0), va="center", **place)
    ax.set(
        xlim=(2, max(SPANS.values())),
        ylim=(-2.6, -0.8),
        xlabel="log β, the logarithm of the inverse temperature",
    )
    ax.set_xticks([5, 10, 15, 20])
    ax.set_ylabel("n times the slope of\nlog gap (or distance) against log β")
    ax.set_title("(b) the power of β at which n pairs in d dimensions close up, times n", pad=26)
    draw_times(ax, numbers)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))


def draw_times(ax: Axes, numbers: Numbers) -> None:
    """Above log β, the time at which it is reached, from the first start."""
    n, d = sizes(numbers, "exponents", "gap")[0]
    log_beta, log10_t = curve(numbers, "exponents", "gap", "log10_t", pairs=n, dim=d)
    ticks = np.arange(10, END + 1, 5)
    powers = 10 ** np.interp(ticks, log_beta, np.log10(log10_t))
    above = ax.secondary_xaxis("top")
    above.set_xticks(ticks, [power_of_ten(power) for power in powers])
    above.tick_params(length=2, pad=1)
    ax.text(0, 1.03, f"time t, n = {n}:", transform=ax.transAxes, va="bottom")


def draw_limits(ax: Axes, numbers: Numbers) -> None:
    """Margins of limits against the dimension."""
    rows = numbers.rows(panel="limits", quantity="margin")
    for n, shade, marker in zip(ENDS_OF, (NAVY, SAND, RED), "o^s", strict=True):
        if n not in rows["pairs"]:  # in a quick run
            continue
        d, best = curve(numbers, "limits", "widest", "margin", pairs=n)
        ax.plot(d, best, "_", color=shade, ms=16, mew=1.5)
        d, found = curve(numbers, "limits", "limit", "margin", pairs=n)
        ax.plot(d + (n - 6) / 14, found, marker, color=shade, ms=5, mfc="none", label=f"{n} pairs")
    ax.plot([], [], "_", color="0.3", ms=16, mew=1.5, label="widest margin\nof n points")
    ax.set(xlabel="dimension d", ylabel="margin α, the smallest\nlead of partners", ylim=(0, 1.35))
    ax.set_title("(a) where the path ends, from three uniform starts of each size")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
