"""The sigmoid loss: a relative bias follows the rows and keeps the gap, a plain one moves the rows.

With logits t(z - r) the bias r goes to where the rows are, halfway between pairs and strangers, and
t Δⁿ e^{-(1+r)²/2} is constant (theory 5.2), so that the gap freezes as it does under InfoNCE. With
logits tz - b, as SigLIP has them, b hardly moves while t grows: b/t goes to 0, and the rows have to
follow. Rows that keep pairs above 0 and strangers below it by the most are simplices at a gap of
2√((n-2)/(3n-4)), which is 2/√3 for many pairs (theory 5.3). The gap goes towards it.

(a) The gap from random rows, by loss and bias. (b) SigLIP's start t = b = 10 and the number of
pairs. From one symmetric start (`draw_law`): (a) the gap, and (b) what is kept along these runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from gapdyn.theory import sigmoid
from gapdyn.types import Array

PAIRS, DIM, HEIGHT, END = 4, 8, 0.5, 1e6
"""The symmetric start, simplices lifted to ±HEIGHT, and the last time from it."""
READ = 1e5
"""When the gaps from the symmetric start are read."""
Start = tuple[gd.InfoNCE | gd.Sigmoid, float, float]
ONE_START: dict[str, Start] = {
    "plain, b₀ = −10": (gd.Sigmoid("plain"), 2.0, -10.0),
    "no bias": (gd.Sigmoid("none"), 2.0, 0.0),
    "plain, b₀ = 0": (gd.Sigmoid("plain"), 2.0, 0.0),
    "InfoNCE": (gd.InfoNCE(), 2.0, 0.0),
    "relative, r₀ = 0": (gd.Sigmoid("relative"), 2.0, 0.0),
    "SigLIP: plain, t₀ = b₀ = 10": (gd.Sigmoid("plain"), 10.0, 10.0),
}
"""Loss, t₀ and starting bias of the symmetric start; t₀ is 2 but for SigLIP's."""
PARALLEL = "parallel model, relative"
"""A run from random rows, whose law is another one."""
MANY, ROOM, RAISED, LAST = 128, 32, 0.4, 1e4
"""Pairs and dimension of random rows, their height, and the last time from them."""
FROM_RANDOM: dict[str, Start] = {
    "plain, b₀ = 0": (gd.Sigmoid("plain"), 10.0, 0.0),
    f"plain, b₀ = log {MANY - 1}": (gd.Sigmoid("plain"), 10.0, float(np.log(MANY - 1))),
    "SigLIP: plain, t₀ = b₀ = 10": (gd.Sigmoid("plain"), 10.0, 10.0),
    "InfoNCE": (gd.InfoNCE(), 10.0, 0.0),
    "relative, r₀ = 0": (gd.Sigmoid("relative"), 10.0, 0.0),
    "relative, r₀ = 1": (gd.Sigmoid("relative"), 10.0, 1.0),
}
TOLERANCE, LEAST = 1e-7, 1e-12
"""What a law may depart by, and the least departure that is drawn."""
BATCHES = (4, 8, 16, 32, 64, 128, 256)
BY_BATCH = ("SigLIP: plain, t₀ = b₀ = 10", "InfoNCE", "relative, r₀ = 1")
"""Runs of each number of pairs."""
LOOSE: Any = {"rtol": 1e-6, "atol": 1e-8, "method": "RK45"}
"""Of random rows, where stability limits the steps: a relative bias is stiff, at a rate of t²."""
STYLES: dict[str, Any] = {
    "InfoNCE": {"color": "black", "marker": "s", "ls": ":"},
    "no bias": {"color": "0.6", "marker": "x", "ls": "-."},
    "relative, r₀ = 0": {"color": plotting.SHADES[1], "marker": "o"},
    "relative, r₀ = 1": {"color": plotting.SHADES[0], "marker": "D"},
    "plain, b₀ = 0": {"color": plotting.SHADES[2], "marker": "^", "ls": "--"},
    "plain, b₀ = −10": {"color": "#8c6bb1", "marker": "P", "ls": "--"},
    f"plain, b₀ = log {MANY - 1}": {"color": "#c9a227", "marker": "v", "ls": "-."},
    "SigLIP: plain, t₀ = b₀ = 10": {"color": plotting.SHADES[3], "marker": "*", "ms": 8},
    PARALLEL: {"color": plotting.SHADES[0], "marker": "D"},
}
WORDS = {
    "InfoNCE": "InfoNCE, CLIP's loss",
    "no bias": "no bias",
    "relative, r₀ = 0": "relative bias from r = 0",
    "relative, r₀ = 1": "relative bias from r = 1",
    "plain, b₀ = 0": "plain bias from b = 0",
    "plain, b₀ = −10": "plain bias from b = −10",
    f"plain, b₀ = log {MANY - 1}": f"plain bias from b = log {MANY - 1}",
    "SigLIP: plain, t₀ = b₀ = 10": "plain bias from SigLIP's t = b = 10",
    PARALLEL: "parallel model, relative bias",
}
"""What runs are called in pictures."""
LOGITS = (
    "The sigmoid loss sees tz − b with a plain bias b, or t(z − r) with a relative bias r.\n"
    "z: similarity of two rows; t: inverse temperature, as in the literature on SigLIP,\n"
    "which writes tz + b and starts from b = −10: b = 10 here, with t = 10."
)
BEST = "best embeddings at b/t = 0"
"""What has the gap of `limit`."""
Columns = dict[str, NDArray[Any]]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Run everything; the seed decides the random rows."""
    parts = list(runs_of_one_start(quick)) + list(runs_of_random_rows(seed, quick))
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    numbers = Numbers(table, {})
    shown = {name: numbers.rows(panel="one start", run=name) for name in (*ONE_START, PARALLEL)}
    numbers.parameters.update(
        pairs=PAIRS,
        dim=DIM,
        gamma=HEIGHT,
        starts={name: start[1:] for name, start in ONE_START.items()},
        read_at=READ,
        gap_then={name: at(rows, READ, "gap") for name, rows in shown.items()},
        # Of laws rounded up, since their departure is the integrator's noise.
        departure_of_laws_below={
            name: float(10 ** np.ceil(np.log10(np.ptp(rows["kept"]))))
            for name, rows in shown.items()
            if name in (PARALLEL, "relative, r₀ = 0")
        },
        random_rows={"pairs": MANY, "dim": ROOM + 1, "gamma": RAISED, "end": LAST},
    )
    return numbers


def at(rows: Columns, t: float, name: str) -> float:
    """A column at one of its times."""
    return float(rows[name][np.isclose(rows["t"], t)][0])


def log_times(first: float, last: float, each: int) -> Array:
    """0, and powers of ten with some steps in between."""
    low, high = np.log10(first), np.log10(last)
    return np.append(0.0, 10 ** np.linspace(low, high, round((high - low) * each) + 1))


def runs_of_one_start(quick: bool) -> Iterator[Columns]:
    """Runs from the symmetric start, and one of the parallel model from random rows."""
    times = log_times(1e-3, END, 2 if quick else 8)
    X = np.pad(simplex(PAIRS), ((0, 0), (0, DIM - 1 - PAIRS)))
    rows = gd.sphere.lift(X, X, gamma=HEIGHT)
    for name, start in ONE_START.items():
        yield record(flow(*rows, start, times), "one start", name)
    X, Y = gd.sphere.sample(PAIRS, DIM - 1, 1), gd.sphere.sample(PAIRS, DIM - 1, 2)
    model = gd.ParallelModel(PAIRS, DIM - 1, gd.Learned(), loss=gd.Sigmoid("relative"))
    run = gd.flow(model, model.start(X, Y, tau=0.5, gamma=HEIGHT), times)
    yield record(run, "one start", PARALLEL)


def runs_of_random_rows(seed: int, quick: bool) -> Iterator[Columns]:
    """Runs of many pairs over time, and of each number of pairs to their ends."""
    many = 16 if quick else MANY
    times = log_times(1e-2, LAST, 2 if quick else 12)
    for name, start in FROM_RANDOM.items():
        yield record(flow(*level(many, seed), start, times, **LOOSE), "random rows", name)
    for n in BATCHES[: 3 if quick else None]:
        for name in BY_BATCH:
            run = flow(*level(n, seed), FROM_RANDOM[name], [0.0, LAST], **LOOSE)
            yield record(run, "batches", name)


def level(n: int, seed: int) -> tuple[Array, Array]:
    """Random rows of two modalities, lifted to ±RAISED."""
    rng = np.random.default_rng(seed)
    rows = gd.sphere.sample(n, ROOM, rng), gd.sphere.sample(n, ROOM, rng)
    return gd.sphere.lift(*rows, gamma=RAISED)


def flow(X: Array, Y: Array, start: Start, times: Any, **solver: Any) -> gd.Trajectory:
    """The free flow of a loss from t₀ and a bias."""
    (n, d), (loss, beta, bias) = X.shape, start
    model = gd.FreeModel(n, d, gd.Learned(), loss=loss)
    return gd.flow(model, model.start(X, Y, tau=1 / beta, bias=bias), times, **solver)


def record(run: gd.Trajectory, panel: str, name: str) -> Columns:
    """Columns of the table, one row for each time."""
    n = run.model.n  # type: ignore[union-attr]
    shared = {"panel": panel, "run": name, "pairs": n}
    columns = {key: np.full(run.t.size, value) for key, value in shared.items()}
    columns |= {key: getattr(run, key) for key in ("t", "gap", "beta", "bias", "loss")}
    return columns | {"kept": kept(run)}


def kept(run: gd.Trajectory) -> Array:
    """The law of a relative bias, which takes r = b/t of a plain one; NaN under InfoNCE."""
    model: Any = run.model
    if not isinstance(model.objective, gd.Sigmoid):
        return np.full(run.t.size, np.nan)
    if model.objective.bias == "relative":
        return sigmoid.invariant(run)
    r = run.bias / run.beta
    return np.asarray(np.log(run.beta) + model.n * np.log(run.gap) - (1 + r) ** 2 / 2)


def limit(n: Any) -> Any:
    """The gap of simplices whose pairs have z = m and whose strangers have z = -m."""
    return 2 * np.sqrt((n - 2) / (3 * n - 4))


def draw(numbers: Numbers) -> Figure:
    """Gaps from random rows, and by number of pairs."""
    figure = plotting.column(6.9)
    above, below = figure.subplots(2, 1, height_ratios=(1.15, 1))
    draw_random_rows(above, numbers)
    draw_batches(below, numbers)
    key(figure, FROM_RANDOM)
    figure.suptitle(
        "With a relative bias the gap of many pairs stays, as under CLIP's loss;\n"
        "with a plain bias, as in SigLIP, it opens"
    )
    return figure


def draw_law(numbers: Numbers) -> Figure:
    """Gaps from the symmetric start, and what is kept."""
    figure = plotting.column(6.9)
    above, below = figure.subplots(2, 1)
    draw_one_start(above, numbers)
    draw_kept(below, numbers)
    key(figure, (*ONE_START, PARALLEL))
    figure.suptitle(
        "A relative bias keeps a law that ties the gap to the temperature;\n"
        "a plain bias breaks it, and where the gap goes depends on its start"
    )
    return figure


def key(figure: Figure, names: Iterable[str]) -> None:
    """What the runs are called, and what the loss sees."""
    lines = [Line2D([], [], label=WORDS[name], **{"ms": 5} | STYLES[name]) for name in names]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, title=LOGITS)


def along(ax: Axes, rows: Columns, name: str, values: Array, each: int) -> None:
    """One run against time, with a marker every so often, which no other run has there."""
    first = list(STYLES).index(name) * 3 % each
    ax.plot(rows["t"], values, **{"ms": 5, "markevery": (first, each)} | STYLES[name])


def time_axis(ax: Axes, first: float, last: float) -> None:
    """Time from 0, linear at first."""
    ax.set_xscale("symlog", linthresh=first, linscale=0.5)
    ax.set_xlim(0, last)
    low, high = round(np.log10(first)), round(np.log10(last))
    ax.set_xticks([0, *10.0 ** np.arange(low, high + 1, 2 if high - low > 6 else 1)])
    ax.minorticks_off()
    ax.set_xlabel(f"time (linear below {first:g}, then logarithmic)")


def draw_one_start(ax: Axes, numbers: Numbers) -> None:
    """The gap over time, by loss and bias."""
    for name in ONE_START:
        rows = numbers.rows(panel="one start", run=name)
        along(ax, rows, name, rows["gap"], 8)
    time_axis(ax, 1e-2, END)
    ax.set(ylim=(0.4, 1.6), ylabel="gap Δ")
    ax.set_title(f"(a) gap of {PAIRS} symmetric pairs from one start, with t = 2 but for SigLIP's")


def draw_kept(ax: Axes, numbers: Numbers) -> None:
    """By how much the law of a relative bias is broken along each run."""
    for name in (*ONE_START, PARALLEL):
        rows = numbers.rows(panel="one start", run=name)
        change = np.abs(rows["kept"] - rows["kept"][0])[1:]
        if np.isfinite(change).all():
            late = {key: column[1:] for key, column in rows.items()}
            along(ax, late, name, np.maximum(change, LEAST), 8)
    plotting.level(ax, TOLERANCE, "changes below this line are errors of the integrator", 0.02)
    time_axis(ax, 1e-2, END)
    ax.set(yscale="log", ylim=(LEAST, 1e2), ylabel="change since the start (log)")
    ax.set_title(
        "(b) change of n log Δ + log t − (1 + r)²/2 of n pairs; r = b/t if the bias is plain\n"
        "(parallel model: of (log γ − γ²/2)/2 + log t − (1 + r)²/2, with the height γ)"
    )


def draw_random_rows(ax: Axes, numbers: Numbers) -> None:
    """The gap from random rows, and the one towards which a plain bias leads."""
    for name in FROM_RANDOM:
        rows = numbers.rows(panel="random rows", run=name)
        along(ax, rows, name, rows["gap"], 12)
    n = int(rows["pairs"][0])
    plotting.level(ax, limit(n), f"{BEST}: partners at a similarity m, others at −m", 0.01)
    time_axis(ax, 1e-1, LAST)
    ax.set(ylim=(0.6, 1.22), ylabel="gap Δ")
    ax.set_title(f"(a) gap of {n} random pairs in the free model, from t = 10, as the loss falls")


def draw_batches(ax: Axes, numbers: Numbers) -> None:
    """The gap at the end against the number of pairs, from t = 10."""
    for name in BY_BATCH:
        rows = numbers.rows(panel="batches", run=name, t=LAST)
        ax.plot(rows["pairs"], rows["gap"], **{"ms": 5} | STYLES[name])
    start = numbers.rows(panel="batches", run="InfoNCE", t=0.0)
    pairs = start["pairs"]
    ax.plot(pairs, start["gap"], color="0.6", lw=1)
    ax.annotate("all at the start", (9, 0.91), color="0.4")
    many = np.geomspace(pairs.min(), pairs.max(), 100)
    ax.plot(many, limit(many), color="0.4", ls="--", lw=0.9)
    ax.annotate(BEST, (pairs[-1], 1.17), ha="right", color="0.3")
    ax.set_xscale("log", base=2)
    ax.set_xticks(pairs, [f"{n:g}" for n in pairs])
    ax.minorticks_off()
    ax.set(ylim=(0.43, 1.25), xlabel="number of pairs n (log)")
    ax.set_ylabel(f"gap Δ at time {plotting.time(LAST)}")
    ax.set_title("(b) from SigLIP's start few pairs close their gap, and many widen it")


MORE = {"law": draw_law}
