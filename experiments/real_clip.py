"""Every mitigation of Section 4 as a free flow from real embeddings: what closes the gap, and when.

The start is 500 MSCOCO pairs as CLIP embeds them before training, far apart and with no pair
matched. By the time at which methods are compared, only frozen temperatures halve the gap, and the
fastest is the one next to the best of theory 3.5. The price is time, not margin: the pairs match
later than in the baseline, but their margin grows larger. A schedule ends with a larger gap than
its highest temperature does when it is frozen. Swapping helps if it acts in some segments; hard
swapping in all of them mismatches the pairs, and the temperature rises until the rows hardly move.
The gaps are in much the same order as those that the paper prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

import gapdyn as gd
from experiments import features as real
from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4.methods import TAU, Method, methods
from experiments.section_4.runs import printed
from gapdyn import plotting
from gapdyn.types import Array

FEATURES = (real.RANDOM_INIT,)
END, LONG, QUICK_END = 1e3, 1e5, 1e2
"""Time at which schedules end and methods are compared; end of the baseline without a ceiling."""

SEGMENTS = 50
"""Number of segments of a run for swapping."""

UNCLAMPED = "No clamp"
"""The baseline without CLIP's ceiling of β at 100, as in the theorems."""

YARDSTICK = 0.01
"""Temperature of the loss that compares runs which end at different τ; trained CLIP has this one.
The best τ of each run would not do, since the loss of matched pairs goes to 0 as τ falls."""

SOLVER: dict[str, Any] = {"method": "RK45", "rtol": 1e-5, "atol": 1e-7}
"""Stability limits the steps, so loose tolerances cost little: gaps are within 1e-4 of those of
DOP853 at 1e-6, for half the velocities."""

OBSERVABLES = ("gap", "tau", "margin", "mismatched", "loss")
RECALLS = ("recall_at_1_x_to_y", "recall_at_1_y_to_x")
LEFT_OUT = "No normalization, since rows of the free model have unit length"


def compute(
    seed: int = 0, quick: bool = False, features: Path | None = None, jobs: int = 1
) -> Numbers:
    """Run the flow under each method; the seed decides the masks of swaps, and nothing else."""
    X, _, source = load(features, quick)
    end = QUICK_END if quick else END
    chosen = table_of(end, seed)
    runs = run_all(list(chosen), features, quick, seed, jobs)
    table = {"method": np.repeat(list(runs), [len(run["t"]) for run in runs.values()])}
    for key in ("t", *OBSERVABLES, *RECALLS):
        table[key] = np.concatenate([run[key] for run in runs.values()])
    about = {
        name: {"segments_swapped": segments_swapped(chosen[name]), **summary(run, end)}
        for name, run in runs.items()
    }
    parameters = {"features": source, "pairs": len(X), "dim": X.shape[1], "tau": TAU, "end": end}
    parameters |= {"segments": SEGMENTS, "yardstick": YARDSTICK, "solver": SOLVER}
    return Numbers(table, parameters | {"left_out": LEFT_OUT, "methods": about})


def run_all(
    names: list[str], features: Path | None, quick: bool, seed: int, jobs: int
) -> dict[str, dict[str, Array]]:
    """Columns of each run, by method."""
    file = None if features is None else str(features)
    # The longest runs first: hot temperatures and swaps, which come last in the table.
    grid = {"name": names[::-1], "features": [file], "quick": [quick]}
    points = swept(measure, grid, [seed], jobs)[::-1]
    return {p.parameters["name"]: {k: np.array(v) for k, v in p.value.items()} for p in points}


def load(features: str | Path | None, quick: bool) -> tuple[Array, Array, str]:
    """Rows of both modalities and the name of their file."""
    X, Y, source = real.load(real.RANDOM_INIT, features)
    return (X[:50], Y[:50], source) if quick else (X, Y, source)


def table_of(end: float, seed: int) -> dict[str, Method]:
    """The methods that the free model can use, and the baseline without its ceiling."""
    everything = {UNCLAMPED: Method(gd.Learned())}
    everything |= methods(end, segment=end / SEGMENTS, seed=seed)
    return {name: method for name, method in everything.items() if method.normalised}


def measure(name: str, features: str | None, quick: bool, seed: int) -> dict[str, Array]:
    """The run of one method: columns of the table."""
    X, Y, _ = load(features, quick)
    end = QUICK_END if quick else END
    last = LONG if name == UNCLAMPED and not quick else end
    return flow(X, Y, table_of(end, seed)[name], times(last), end)


def times(end: float) -> Array:
    """0, 3, and six times a decade; from 1e2 to 1e3 half periods of the alternating schedules."""
    early = 10.0 ** (np.arange(-6, 13) / 6)
    late = np.linspace(1e2, 1e3, 19)
    later = 10.0 ** (np.arange(18, 31) / 6)
    t = np.unique([0, 3, *early, *late, *later])
    return t[t <= end]


def flow(X: Array, Y: Array, method: Method, t: Array, end: float) -> dict[str, Array]:
    """Columns of one run, and the loss at temperature YARDSTICK of the rows at time `end`."""
    model = gd.FreeModel(n=X.shape[0], d=X.shape[1], temperature=method.temperature)
    start = model.start(X, Y, tau=method.tau)
    run = gd.flow(model, start, t, swap=method.swap, keep_states=True, **SOLVER)
    recall = np.array([gd.measures.recall_at_1(A @ B.T) for A, B in map(model.rows, run.y)])
    columns = {"t": run.t} | {name: getattr(run, name) for name in OBSERVABLES}
    X, Y = model.rows(run.at(end).y)
    columns["yardstick"] = np.array([gd.loss.loss(X @ Y.T / YARDSTICK)])
    return columns | dict(zip(RECALLS, recall.T, strict=True))


def segments_swapped(method: Method) -> int:
    """Number of segments of the run in which the method swaps."""
    return 0 if method.swap is None else int(method.swap.swapped(SEGMENTS).sum())


def summary(run: dict[str, Array], end: float) -> dict[str, float | None]:
    """The run at time `end`, and the times of first events, None if they did not happen."""
    t, gap = run["t"], run["gap"]
    last = int(np.flatnonzero(t == end)[0])
    return {
        "time_matched": first(t, run["margin"], 0.0),
        "time_half_gap": first(t, -gap, -gap[0] / 2),
        "time_tenth_gap": first(t, -gap, -gap[0] / 10),
        "loss_at_yardstick": float(run["yardstick"][0]),
        **{f"{key}_end": float(run[key][last]) for key in (*OBSERVABLES, *RECALLS)},
    }


def first(t: Array, values: Array, level: float) -> float | None:
    """When values first exceed a level, interpolated linearly between times."""
    above = np.flatnonzero(values > level)
    if above.size == 0:
        return None
    k = int(above[0])
    if k == 0:
        return float(t[0])
    share = (level - values[k - 1]) / (values[k] - values[k - 1])
    return float(t[k - 1] + share * (t[k] - t[k - 1]))


FAMILIES = {
    "learned": ("Baseline", UNCLAMPED, "TR", "SLRT"),
    "frozen": ("FLT",),
    "scheduled": ("TS",),
    "swapped": ("HS", "SS"),
}
"""Panels, and the beginnings of the names of their methods."""

COLOURS = {
    "Baseline": "black",
    UNCLAMPED: "0.6",
    "TR": "Greens",
    "SLRT": "#a6761d",
    "FLT": "Blues",
    "TS S": "Oranges",
    "TS A": "Purples",
    "HS": "Reds",
    "SS": "Purples",
}
"""A colour, or a colour map for the methods whose names begin so."""

EVENTS = {
    "time_matched": ("o", "all pairs match"),
    "time_half_gap": ("D", "half the gap is left"),
    "time_tenth_gap": ("s", "a tenth is left"),
}
"""Markers and meaning of the times."""

PAPER: dict[str, Any] = {"ls": "", "marker": "o", "mfc": "none", "mec": "black", "ms": 5}
"""Style of the paper's gaps."""


def draw(numbers: Numbers) -> Figure:
    """Gap and temperature against time by family; below, gap and cost of each method."""
    figure = Figure(figsize=(9.6, 10.4), layout="constrained")
    upper, lower = cast(Any, figure.subfigures(2, 1, height_ratios=(1, 1.2)))
    about = numbers.parameters["methods"]
    colours = colours_of(about)
    axes = upper.subplots(2, 4, sharex="col", sharey="row")
    for (above, below), (family, starts) in zip(axes.T, FAMILIES.items(), strict=True):
        names = [name for name in about if name.startswith(starts)]
        curves(above, numbers, "gap", names, colours)
        curves(below, numbers, "tau", names, colours)
        above.set_title(family)
        above.legend(fontsize=6.5, loc="lower left", handlelength=1.2, labelspacing=0.25)
        below.set_xlabel("time t")
    axes[0, 0].set(ylabel="gap Δ", ylim=(0, None))
    axes[1, 0].set(ylabel="temperature τ", yscale="log", ylim=(2e-3, 5e2))
    compare(lower, colours, numbers.parameters)
    title = "free model from {features}: {pairs} pairs in {dim} dimensions; black: the baseline"
    figure.suptitle(title.format(**numbers.parameters), size=9)
    return figure


def colours_of(names: Iterable[str]) -> dict[str, Any]:
    """A colour for each method; those of one kind have shades of one colour."""
    names = list(names)
    found: dict[str, Any] = {}
    for start, colour in COLOURS.items():
        kind = [name for name in names if name.startswith(start)]
        shades = np.linspace(0.4, 0.95, len(kind))
        if colour in colormaps:
            found |= dict(zip(kind, colormaps[colour](shades), strict=True))
        else:
            found |= dict.fromkeys(kind, colour)
    return found


def curves(
    ax: Axes, numbers: Numbers, key: str, names: Sequence[str], colours: Mapping[str, Any]
) -> None:
    """One observable of some methods against time, and that of the baseline."""
    for name in dict.fromkeys(["Baseline", *names]):
        own = numbers.rows(method=name)
        style = {"color": colours[name], "label": name if name in names else None}
        ax.plot(own["t"], own[key], lw=1.2, **style)
    end = max(numbers.rows(method=name)["t"].max() for name in names)
    plotting.log_time(ax, 0.1, float(end))
    ax.set_xlabel("")


def compare(figure: SubFigure, colours: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """A row for each method, and a panel for each of gap, times, margin and loss."""
    about = parameters["methods"]
    names = [name for starts in FAMILIES.values() for name in about if name.startswith(starts)]
    gap, when, margin, loss = axes = figure.subplots(1, 4, sharey=True)
    for y, name in enumerate(names):
        own, colour = about[name], colours[name]
        gap.plot(own["gap_end"], y, "o", color=colour)
        gap.plot(printed(name).get("gap", np.nan), y, **PAPER, mew=0.8)
        for key, (marker, _) in EVENTS.items():
            if own[key] is not None:
                when.plot(own[key], y, marker, color=colour, ms=5)
        margin.plot(own["margin_end"], y, "o", color=colour)
        loss.plot(own["loss_at_yardstick"], y, "o", color=colour)
    for ax in axes:
        ax.grid(axis="y", color="0.92")
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    gap.set_yticks(range(len(names)), [labelled(name, parameters) for name in names], size=7)
    gap.set_ylim(len(names) - 0.5, -0.5)
    explain(axes, parameters["end"], parameters["yardstick"])


def explain(axes: Sequence[Axes], end: float, yardstick: float) -> None:
    """Axes and legends of the comparison."""
    gap, when, margin, loss = axes
    gap.set(xlabel=f"gap Δ at t = {end:g}", xlim=(-0.03, None))
    when.set(xlabel="time t", xscale="log")
    margin.axvline(0, color="0.7", lw=0.8)
    margin.set_xlabel(f"margin α at t = {end:g}")
    loss.set(xlabel=f"loss of these rows at τ = {yardstick:g}", xscale="log")
    marks = [
        Line2D([], [], ls="", marker=m, color="0.3", label=what) for m, what in EVENTS.values()
    ]
    style: Any = {"fontsize": 7, "handletextpad": 0, "borderpad": 0}
    paper = Line2D([], [], **PAPER, label="CLIP, the paper")
    gap.legend(handles=[paper], loc="lower left", **style)
    when.legend(handles=marks, loc="lower right", **style)


def labelled(name: str, parameters: Mapping[str, Any]) -> str:
    """A method's name, for a swap with the number of segments in which it acted."""
    if not name.startswith(FAMILIES["swapped"]):
        return name
    swapped = parameters["methods"][name]["segments_swapped"]
    return f"{name} ({swapped} of {parameters['segments']})"
