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
SHADES = dict(zip(RANDOM, ("0.6", *plotting.SHADES[1::-1], plotting.SHADES[2]), strict=True))


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
    """Δ against β, n log Δ + ν against t, late slopes against heights, exponents against n."""
    figure = Figure(figsize=(9.6, 8.4), layout="constrained")
    panels = (draw_polygons, draw_invariant, draw_slopes, draw_exponents)
    for ax, panel in zip(figure.subplots(2, 2).flat, panels, strict=True):
        panel(ax, numbers)
    return figure


def draw_polygons(ax: Axes, numbers: Numbers) -> None:
    """Δ against β from polygons, which move up and down on the line of the law."""
    reach = np.array([0.04, 500.0])
    shades = ("#a8d5b5", "#5fa777", "#2f7a52", "#124a30")
    for (n, rotation), shade in zip(POLYGONS.items(), shades, strict=True):
        rows = numbers.rows(start="polygon", pairs=n)
        beta, gap = rows["beta"], rows["gap"]
        law = gap[0] * (beta[0] / reach) ** (1 / n)
        ax.plot(reach, law, color=shade, lw=0.8, ls="--", zorder=1)
        ax.plot(beta, gap, color=shade, lw=2, label=f"{n} pairs, rotated by {rotation}")
        ax.plot(beta[-1], gap[-1], "s", color=shade, ms=5, zorder=4)
    ax.plot(beta[0], gap[0], "o", color="black", ms=12, mfc="none")
    ax.plot([], [], color="black", lw=0.8, ls="--", label=r"$\Delta\propto\beta^{-1/n}$")
    ax.set(xscale="log", yscale="log", xlim=reach, ylim=(0.42, 1.35), xlabel="β", ylabel="gap Δ")
    ticks = (0.5, 0.6, 0.7, 0.8, 1.0, 1.2)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_title(
        "symmetric pairs: Δⁿβ is constant while β goes down and up,\n"
        "from the circle to the squares at t = 10⁶"
    )
    ax.legend(loc="lower left")


def draw_invariant(ax: Axes, numbers: Numbers) -> None:
    """The invariant, constant for polygons, and its change from one random start of each kind."""
    first = numbers.rows(start="uniform rows")["seed"][0]
    starts = {f"polygon of {max(POLYGONS)}": ("polygon", max(POLYGONS), "black")}
    starts |= {name: (name, RECORDED[0], SHADES[name]) for name in RANDOM}
    for label, (name, n, shade) in starts.items():
        rows = numbers.rows(start=name, pairs=n, seed=0 if name == "polygon" else first)
        kept = n * np.log(rows["gap"]) + np.log(rows["beta"])
        ax.plot(rows["t"], kept - kept[0], color=shade)
        way, side = (-3, "top") if name == "polygon" else (3, "bottom")
        place: Any = {"textcoords": "offset points", "ha": "right", "va": side}
        end = END, kept[-1] - kept[0]
        ax.annotate(label, end, (0, way), color=shade, size=8, **place)
    ax.set_xscale("symlog", linthresh=1e-2)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set(xlim=(0, END), xlabel="time t (linear below 0.01)")
    ax.set_ylabel("n log Δ + ν, from its start (linear within ±0.1)")
    ax.set_xticks([0, 1e-2, 1, 1e2, 1e4, 1e6])
    ax.set_title(
        f"random starts, {RECORDED[0]} pairs in R⁸: the law is lost early,\n"
        "most of it where the gap is smallest"
    )


def draw_slopes(ax: Axes, numbers: Numbers) -> None:
    """Late slopes against the spread of heights, and what theory 4.1 makes of them."""
    for name, shade in SHADES.items():
        for (n, _), marker in zip(SIZES, "o^D", strict=True):
            rows = numbers.rows(start=name, pairs=n, t=LATE)
            ax.plot(rows["spread"], rows["late_slope"], marker, color=shade, ms=4, mfc="none")
            ax.plot(rows["spread"], rows["predicted_slope"], "k+", ms=4, mew=0.6)
        ax.plot([], [], "s", color=shade, ms=5, label=name)
    clip = numbers.rows(start=CLIP, t=LATE)
    if clip["t"].size:
        ax.plot(clip["spread"], clip["late_slope"], "*", color="black", ms=9, label="CLIP")
    for (n, _), marker in zip(SIZES, "o^D", strict=True):
        ax.plot([], [], marker, color="black", ms=4, mfc="none", label=f"{n} pairs")
    ax.plot([], [], "k+", ms=5, mew=0.6, label="by theory 4.1")
    ax.axhline(-1, color="0.7", lw=0.8, zorder=0)
    ax.set(xscale="log", xlabel="spread of heights along the gap, over the gap")
    ax.set_ylabel("n d log Δ / d log β, t = 10² to 10⁶")
    ax.set_title(
        "late slopes: -1 where rows are level beside the gap,\n"
        "and everywhere what theory 4.1 predicts"
    )
    ax.legend(loc="lower left")


def draw_exponents(ax: Axes, numbers: Numbers) -> None:
    """-d log Δ/d log β against n: fits for polygons, medians over seeds, and 1/n."""
    reach = np.array([2.5, 700.0])
    fitted = numbers.parameters["fitted_exponent_of_polygons"]
    ax.plot(reach, 1 / reach, color="black", lw=0.8, ls="--", label="1/n")
    for name, shade in SHADES.items():
        for n in np.unique(numbers.rows(start=name)["pairs"]):
            slope = np.median(numbers.rows(start=name, pairs=n, t=LATE)["late_slope"])
            ax.plot(n, -slope / n, "s", color=shade, ms=5, mfc="none")
    ax.plot([int(n) for n in fitted], list(fitted.values()), "ko", ms=5, label="polygons")
    clip = numbers.rows(start=CLIP, t=LATE)
    if clip["t"].size:
        pairs, slope = clip["pairs"][0], clip["late_slope"][0]
        label = f"CLIP, {pairs} pairs"
        ax.plot(pairs, -slope / pairs, "*", color="black", ms=9, label=label)
    ax.plot(
        [], [], "s", color="0.4", ms=5, mfc="none", label="random rows, medians (colours: left)"
    )
    ax.set(xscale="log", yscale="log", xlim=reach, xlabel="pairs n", ylabel="−d log Δ / d log β")
    ax.set_title(
        "the more pairs, the smaller the late exponent:\n"
        "1/n for symmetric pairs, and near it for level rows"
    )
    ax.legend(loc="lower left")
