"""The exchange law: Δⁿβ is constant in the free flow of symmetric pairs, nearly so at a large gap.

The slope n d log Δ/d log β is, at any state, -1 minus covariances of heights along the gap with the
pairs' shares in the growth of β, over the gap (theory 4.1). They vanish for symmetric pairs, whose
shares are equal, and wherever all rows of a modality have one height: there the law is exact. From
random rows the slope departs from -1 by the spread of heights over the gap. For uniform rows, whose
gap is small, that is far: `late_slopes` shows that theory 4.1 predicts it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import gapdyn as gd
from experiments import features as real
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.theory import exchange_law, gap_velocity
from gapdyn.types import Array

TAU, HEIGHT = 0.07, 0.31
LATE, END, END_OF_CLIP = 1e2, 1e6, 1e4
READ = (LATE, 1e4, END)
"""Times of runs from random rows at which the slope of theory 4.1 is read."""
POLYGONS = {3: 1, 5: 2, 8: 3, 12: 5}
"""Rotations of the polygons, by number of pairs."""
SIZES, SEEDS = ((8, 4), (32, 8), (128, 32)), 10
RECORDED = (32, 8)
"""The size (n, d) at which one start of each kind is recorded over time."""
CLIP = "CLIP at random initialisation"
FEATURES = (real.RANDOM_INIT,)
Rows = Callable[[int, int, np.random.Generator], tuple[Array, Array]]


def cones(n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Cones of 45° about e and -e."""
    axis, angle = np.eye(d)[0], np.pi / 4
    return gd.sphere.cone(n, axis, angle, rng), gd.sphere.cone(n, -axis, angle, rng)


def uniform(n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows uniform on S^{d-1}."""
    return gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)


def lifted(gamma: float) -> Rows:
    """Rows uniform on S^{d-2}, raised to ±γ."""
    return lambda n, d, rng: gd.sphere.lift(*uniform(n, d - 1, rng), gamma=gamma)


RANDOM: dict[str, Rows] = {
    "uniform rows": uniform,
    "lifted to ±0.31": lifted(0.31),
    "lifted to ±0.5": lifted(0.5),
    "opposite cones": cones,
}
LOOKS = {name: plotting.curve(k) for k, name in enumerate(RANDOM)}
NAMES = {
    "uniform rows": "uniform on the sphere",
    "lifted to ±0.31": "uniform, images lifted to a height of 0.31, texts to −0.31",
    "lifted to ±0.5": "uniform, images lifted to a height of 0.5, texts to −0.5",
    "opposite cones": "images and texts on opposite cones of 45°",
}
"""Looks of random rows, and what they are in words."""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Run the flow from polygons, from random rows, and from CLIP features where there are any."""
    steps = 4 if quick else 16  # for each power of ten, LATE and END among them
    times = np.concatenate([[0.0], 10 ** (np.arange(-2 * steps, 6 * steps + 1) / steps)])
    pairs = {n: gd.sphere.polygon_pairs(n, rotation) for n, rotation in POLYGONS.items()}
    polygons = {n: flow(*gd.sphere.lift(*XY, gamma=HEIGHT), times) for n, XY in pairs.items()}
    slopes = {n: np.polyfit(np.log(run.beta), np.log(run.gap), 1)[0] for n, run in polygons.items()}
    parts = [record(run, "polygon", 0) for run in polygons.values()]
    parts += [record(*start) for start in random_runs(seed, quick, times)]
    about = {}
    try:
        X, Y, source = real.load(real.RANDOM_INIT, features)
        n = 40 if quick else len(X)
        parts.append(record(flow(X[:n], Y[:n], [0.0, LATE, END_OF_CLIP]), CLIP, 0))
    except real.FeaturesMissingError as missing:
        source, about = None, {"remark": f"without CLIP, as there are {missing}"}
    departure = max(map(exchange_law.departure, polygons.values()))
    parameters = {
        "features": source,
        "tau": TAU,
        "gamma_of_polygons": HEIGHT,
        "late_slope_from": LATE,
        "late_slope_to": {"random rows": END, "CLIP": END_OF_CLIP},
        "fitted_exponent_of_polygons": {str(n): -float(slope) for n, slope in slopes.items()},
        # Rounded up, since the departure itself is the integrator's noise.
        "departure_of_polygons_below": float(10 ** np.ceil(np.log10(departure))),
    }
    table = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    return Numbers(table, parameters | about, stand_in="_without_clip" if about else "")


def random_runs(
    seed: int, quick: bool, recorded: Array | None = None
) -> Iterator[tuple[gd.Trajectory, str, int]]:
    """Runs from random rows of each kind and size over seeds, with output at 0 and READ.

    The first of each kind at the size RECORDED has output at `recorded`, if that is given.
    """
    for n, d in SIZES[:2] if quick else SIZES:
        for name, rows in RANDOM.items():
            for s in range(seed, seed + (3 if quick else SEEDS)):
                times: list[float] | Array = [0.0, *READ]
                if recorded is not None and (n, d, s) == (*RECORDED, seed):
                    times = recorded
                yield flow(*rows(n, d, np.random.default_rng(s)), times), name, s


def flow(X: Array, Y: Array, times: list[float] | Array) -> gd.Trajectory:
    """The free flow with learned temperature."""
    n, d = X.shape
    model = gd.FreeModel(n, d, gd.Learned())
    return gd.flow(model, model.start(X, Y, tau=TAU), times)


def record(run: gd.Trajectory, start: str, seed: int) -> dict[str, NDArray[np.generic]]:
    """Columns of the table, one row for each time; `seed` is 0 if nothing is random."""
    model = run.model
    assert isinstance(model, gd.FreeModel)
    shared = {"start": start, "pairs": model.n, "dim": model.d, "seed": seed}
    return {
        **{name: np.full(run.t.size, value) for name, value in shared.items()},
        "t": run.t,
        "beta": run.beta,
        "gap": run.gap,
        # Rounded, since the spread of polygons is 0 up to rounding errors.
        "spread": np.round([spread(*model.embeddings(y)) for y in run.y], 12),
        "predicted_slope": np.full(run.t.size, predicted(run)),
        "late_slope": np.full(run.t.size, exchange_law.late_slope(run, LATE)),
    }


def slopes(run: gd.Trajectory) -> Array:
    """The slope of theory 4.1 at the output times from LATE on."""
    model = run.model
    assert isinstance(model, gd.FreeModel)
    late = [
        (model.rows(y), beta)
        for t, y, beta in zip(run.t, run.y, run.beta, strict=True)
        if t >= LATE
    ]
    return np.array([gap_velocity.slope(X, Y, beta=beta) for (X, Y), beta in late])


def predicted(run: gd.Trajectory) -> float:
    """The late slope by theory 4.1: the trapezoidal rule over log β for `slopes`."""
    log_beta = np.log(run.beta[run.t >= LATE])
    return float(np.trapezoid(slopes(run), log_beta) / (log_beta[-1] - log_beta[0]))


def spread(X: Array, Y: Array) -> float:
    """Standard deviation of the heights along the gap, over the gap; mean of both modalities."""
    between = X.mean(axis=0) - Y.mean(axis=0)
    return float((np.std(X @ between) + np.std(Y @ between)) / (2 * between @ between))


def draw(numbers: Numbers) -> Figure:
    """Δ against β from symmetric pairs, and the powers of β of these and of real pairs."""
    figure = plotting.column(3.5)
    left, right = figure.subplots(1, 2)
    draw_polygons(left, numbers)
    draw_exponents(right, numbers)
    figure.suptitle(
        "With n symmetric pairs the gap follows the n-th root of the temperature,\n"
        "so the more pairs there are, the less a change of the temperature moves the gap"
    )
    return figure


def draw_polygons(ax: Axes, numbers: Numbers) -> None:
    """Δ against β from polygons, which move up and down on the line of the law."""
    places: Any = ((3, 2, "left"), (3, 2, "left"), (-4, 3, "center"), (-6, -25, "left"))
    for k, (n, (right, up, side)) in enumerate(zip(POLYGONS, places, strict=True)):
        rows = numbers.rows(start="polygon", pairs=n)
        beta, gap, look = rows["beta"], rows["gap"], plotting.curve(k)
        reach = np.array([beta.min(), 3 * beta[-1]])
        ax.plot(reach, gap[0] * (beta[0] / reach) ** (1 / n), color="0.5", lw=0.8, ls=":", zorder=1)
        ax.plot(beta, gap, color=look["color"], lw=2)
        ax.plot(beta[-1], gap[-1], look["marker"], color=look["color"], ms=5, zorder=4)
        top, place = gap.argmax(), {"textcoords": "offset points", "ha": side}
        ax.annotate(f"n = {n}", (beta[top], gap[top]), (right, up), color=look["color"], **place)
    start: Any = {"color": "black", "marker": "o", "ms": 10, "mfc": "none", "ls": ""}
    ax.plot(beta[0], gap[0], **start, label=f"start, temperature {TAU}")
    end: Any = start | {"ms": 5, "mfc": "black"}
    ax.plot([], [], **end, label=f"end, t = {plotting.time(END)} (shape by n)")
    ax.plot([], [], color="0.5", lw=0.8, ls=":", label="the law: Δⁿβ as at the start")
    ax.set(xscale="log", yscale="log", xlim=(0.03, 1000), ylim=(0.29, 1.25))
    ax.set(xlabel="inverse temperature β (log)", ylabel="gap Δ (log)")
    ticks = (0.4, 0.5, 0.6, 0.8, 1.0, 1.2)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_title("(a) regular polygons of n pairs,\nfree model, learned temperature")
    ax.legend(loc="lower left", handlelength=1.2, labelspacing=0.3)


def draw_exponents(ax: Axes, numbers: Numbers) -> None:
    """-d log Δ/d log β against n: fits for polygons, the late power for CLIP, and 1/n."""
    reach = np.array([2.0, 1000.0])
    beside: Any = {"textcoords": "offset points", "va": "center"}
    ax.plot(reach, 1 / reach, color="0.5", lw=0.8, ls=":", zorder=0)
    ax.annotate("the law: e = 1/n", (50, 1 / 50), (6, 4), **beside)
    for k, (n, exponent) in enumerate(numbers.parameters["fitted_exponent_of_polygons"].items()):
        look = plotting.curve(k)
        ax.plot(int(n), exponent, look["marker"], color=look["color"], ms=5)
    ax.annotate("the polygons of (a)", (5, 1 / 5), (8, 6), **beside)
    clip = numbers.rows(start=CLIP, t=LATE)
    if clip["t"].size:
        at = clip["pairs"][0], -clip["late_slope"][0] / clip["pairs"][0]
        ax.plot(*at, "*", color="black", ms=10)
        words = f"star: {at[0]} real pairs,\nCLIP before training,\nfrom t = 10² to 10⁴"
        ax.text(0.03, 0.03, words, transform=ax.transAxes)
    ax.set(xscale="log", yscale="log", xlim=reach, xlabel="number of pairs n (log)")
    ax.set_ylabel("power e in Δ ∝ β⁻ᵉ (log)")
    ax.set_title("(b) the power e of β\nwith which the gap falls")


def draw_random(numbers: Numbers) -> Figure:
    """How the law is lost from random starts, and late slopes against the spread of heights."""
    figure = plotting.column(6.4)
    above, below = figure.subplots(2, 1)
    draw_kept(above, numbers)
    draw_slopes(below, numbers)
    figure.suptitle(
        "Random pairs keep the law, Δⁿβ = constant, only where all images have\n"
        "nearly one height along the gap, and all texts another; what is lost is lost early"
    )
    lines: list[Any] = [
        Line2D([], [], label=NAMES[name], ms=4, mfc="none", **look) for name, look in LOOKS.items()
    ]
    said = (
        f"Δ: gap, β: inverse temperature, 1/{TAU} at t = 0 and learned; random rows at the start:"
    )
    figure.legend(handles=lines, loc="outside lower center", title=said)
    return figure


def draw_kept(ax: Axes, numbers: Numbers) -> None:
    """The change of log Δⁿβ, none for polygons, and from one random start of each kind."""
    first = numbers.rows(start="uniform rows")["seed"][0]
    n, d = RECORDED
    for k, (name, look) in enumerate(LOOKS.items()):
        rows = numbers.rows(start=name, pairs=n, seed=first)
        kept = n * np.log(rows["gap"]) + np.log(rows["beta"])
        every = (4 + 2 * k, len(kept) // 8)
        ax.plot(rows["t"], kept - kept[0], **look, ms=4, mfc="none", markevery=every)
    ax.axhline(0, color="black", lw=0.8, zorder=0)
    ax.text(0.0005, 0.035, "0: the law, kept by symmetric pairs", va="bottom")
    ax.set_xscale("symlog", linthresh=1e-2)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set(xlim=(0, END), ylim=(-30, 0.1), xlabel="time t (logarithmic, linear below 0.01)")
    ax.set_ylabel("change of log(Δⁿβ) since t = 0\n(logarithmic, linear within ±0.1)")
    ax.set_xticks([0, 1e-2, 1, 1e2, 1e4, 1e6])
    ax.set_title(f"(a) one start of each kind: n = {n} pairs in {d} dimensions, free model")


def draw_slopes(ax: Axes, numbers: Numbers) -> None:
    """Late slopes against the spread of heights."""
    for name, look in LOOKS.items():
        rows = numbers.rows(start=name, t=LATE)
        ax.plot(rows["spread"], rows["late_slope"], **look | {"ls": ""}, ms=4, mfc="none")
    clip = numbers.rows(start=CLIP, t=LATE)
    if clip["t"].size:
        at = clip["spread"][0], clip["late_slope"][0]
        ax.plot(*at, "*", color="black", ms=10, zorder=4)
        words = f"{clip['pairs'][0]} real pairs, CLIP\nbefore training, to t = 10⁴"
        place: Any = {"textcoords": "offset points", "ha": "center", "va": "top"}
        ax.annotate(words, at, (0, -9), **place)
    ax.axhline(-1, color="black", lw=0.8, zorder=0)
    ax.text(1.0, -0.95, "−1: the law", va="bottom", transform=ax.get_yaxis_transform(), ha="right")
    ax.set(
        xscale="log",
        xlabel="unevenness at t = 100: standard deviation of heights, over the gap Δ (log)",
    )
    ax.set_ylabel("slope of log Δⁿ against log β,\nbetween t = 10² and 10⁶")
    sizes = ", ".join(str(n) for n, _ in SIZES)
    ax.set_title(f"(b) late slopes: {SEEDS} starts of each kind with {sizes} pairs")


MORE = {"random": draw_random}
