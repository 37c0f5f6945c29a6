"""Every mitigation of Section 4 as a free flow from real embeddings: what closes the gap, and when.

Starts from 500 MSCOCO pairs as CLIP embeds them before training: gap 1.1361, no pair matched. By
t = 1e3 only frozen temperatures halve it, from FLT 7e-2 (0.547 is left) and 1e-1 (0.211) on, and
three come below a tenth: 2e-1 (0.0012, first, at t = 398), 3e-1 (0.007) and 4e-1 (0.028). Theory
3.5 calls 0.206 the best for 500 orthogonal pairs. The price is time, not margin: at 2e-1 all pairs
match from t = 33 on, in the baseline from 2.9 on, but then the margin grows to 0.571 and not 0.092.

Every other method leaves 0.73 or more: the baseline 1.100, and without CLIP's ceiling of β 1.128,
and 1.1276 at t = 1e5; SLRT 0.1 1.090, TR scale 10 0.941, TR softplus 0.807. A schedule ends above
its highest temperature frozen: TS S2 0.936, FLT 4e-2 0.859. Swapping in 6 of 50 segments leaves
0.737 when hard, 0.987 when soft. Hard swapping in all of them mismatches the pairs, τ rises to 268
and the rows hardly move: 1.093. At p = 1e-3 none of the 50 segments is swapped. The gaps that the
paper prints, 0.007 to 0.669, are in much the same order: Spearman's ρ is 0.74 over 25 methods,
0.83 without HS 1.
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
from numpy.typing import NDArray

import gapdyn as gd
from experiments import features as real
from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4.methods import TAU, Method, methods
from experiments.section_4.runs import printed
from gapdyn import plotting
from gapdyn.types import Array

END, LONG, QUICK_END = 1e3, 1e5, 1e2
"""Where schedules end and methods are compared, and where the baseline without its clamp ends."""

SEGMENTS = 50
"""Into how many the time of a run is cut for swapping."""

UNCLAMPED = "No clamp"
"""The baseline without CLIP's ceiling of β at 100, as in the theorems."""

YARDSTICK = 0.01
"""Temperature, CLIP's own once trained, of a loss that compares runs which end at different τ. The
best τ of each would not do: as τ falls the loss of matched pairs goes to 0."""

SOLVER: dict[str, Any] = {"method": "RK45", "rtol": 1e-5, "atol": 1e-7}
"""Gaps within 1e-4 of those at DOP853 and 1e-6, for half the velocities: steps are as long as
stability lets them be."""

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
    # The longest first: hot temperatures and swaps, which come last in the table.
    file = None if features is None else str(features)
    grid = {"name": [*chosen][::-1], "features": [file], "quick": [quick]}
    points = swept(measure, grid, [seed], jobs)[::-1]
    runs = [{key: np.array(column) for key, column in p.value.items()} for p in points]
    lengths = [len(run["t"]) for run in runs]
    table: dict[str, NDArray[Any]] = {"method": np.repeat(list(chosen), lengths)}
    for key in ("t", *OBSERVABLES, *RECALLS):
        table[key] = np.concatenate([run[key] for run in runs])
    parameters = {
        "features": source,
        "pairs": len(X),
        "dim": X.shape[1],
        "tau": TAU,
        "end": end,
        "segments": SEGMENTS,
        "yardstick": YARDSTICK,
        "solver": SOLVER,
        "left_out": LEFT_OUT,
        "methods": {
            name: {"segments_swapped": acted(method), **summary(run, end)}
            for (name, method), run in zip(chosen.items(), runs, strict=True)
        },
    }
    return Numbers(table=table, parameters=parameters)


def load(features: str | Path | None, quick: bool) -> tuple[Array, Array, str]:
    """Rows of both modalities and the name of their file."""
    X, Y, source = real.load(real.RANDOM_INIT, features)
    return (X[:50], Y[:50], source) if quick else (X, Y, source)


def table_of(end: float, seed: int) -> dict[str, Method]:
    """The methods that the free model can follow, and the baseline without its ceiling."""
    everything = {UNCLAMPED: Method(gd.Learned())}
    everything |= methods(end, segment=end / SEGMENTS, seed=seed)
    return {name: method for name, method in everything.items() if method.normalised}


def measure(name: str, features: str | None, quick: bool, seed: int) -> dict[str, Array]:
    """The run of one method: columns of the table."""
    X, Y, _ = load(features, quick)
    end = QUICK_END if quick else END
    last = LONG if name == UNCLAMPED and not quick else end
    return follow(X, Y, table_of(end, seed)[name], times(last), end)


def times(end: float) -> Array:
    """0, 3 and six a decade; but between 1e2 and 1e3 half periods of the alternating schedules."""
    early = 10.0 ** (np.arange(-6, 13) / 6)
    late = np.linspace(1e2, 1e3, 19)
    later = 10.0 ** (np.arange(18, 31) / 6)
    t = np.unique([0, 3, *early, *late, *later])
    return t[t <= end]


def follow(X: Array, Y: Array, method: Method, t: Array, end: float) -> dict[str, Array]:
    """Columns of one run; `yardstick` is the loss at that temperature of the rows at `end`."""
    model = gd.FreeModel(n=X.shape[0], d=X.shape[1], temperature=method.temperature)
    start = model.start(X, Y, tau=method.tau)
    run = gd.flow(model, start, t, swap=method.swap, keep_states=True, **SOLVER)
    recall = np.array([gd.measures.recall_at_1(A @ B.T) for A, B in map(model.rows, run.y)])
    columns = {"t": run.t} | {name: getattr(run, name) for name in OBSERVABLES}
    X, Y = model.rows(run.at(end).y)
    columns["yardstick"] = np.array([gd.loss.loss(X @ Y.T / YARDSTICK)])
    return columns | dict(zip(RECALLS, recall.T, strict=True))


def acted(method: Method) -> int:
    """How many segments of the run are swapped."""
    return 0 if method.swap is None else int(method.swap.acts(SEGMENTS).sum())


def summary(run: dict[str, Array], end: float) -> dict[str, float | None]:
    """The run at `end`, and the times at which things first happened; None for never."""
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
    """When values first pass a level, linear between their times."""
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
"""Panels, and how the names of the methods in them begin."""

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
"""A colour, or a colour map for methods whose names begin alike."""

EVENTS = {
    "time_matched": ("o", "all pairs match"),
    "time_half_gap": ("D", "half the gap is left"),
    "time_tenth_gap": ("s", "a tenth is left"),
}
"""Times, their markers and what they are."""


def draw(numbers: Numbers) -> Figure:
    """Gap and temperature against time by family; below, a row for each method: gap and cost."""
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
    compare(lower, about, colours, numbers.parameters)
    title = "free model from {features}: {pairs} pairs in {dim} dimensions; black: the baseline"
    figure.suptitle(title.format(**numbers.parameters), size=9)
    return figure


def colours_of(names: Iterable[str]) -> dict[str, Any]:
    """A colour for each method, shades of one for those of a kind."""
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
    """One observable of some methods against time, and the baseline for comparison."""
    table = numbers.table
    for name in dict.fromkeys(["Baseline", *names]):
        own = table["method"] == name
        style = {"color": colours[name], "label": name if name in names else None}
        ax.plot(table["t"][own], table[key][own], lw=1.2, **style)
    shown = np.isin(table["method"], names)
    plotting.log_time(ax, 0.1, float(table["t"][shown].max()))
    ax.set_xlabel("")


def compare(
    figure: SubFigure,
    about: Mapping[str, Mapping[str, Any]],
    colours: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> None:
    """A row for each method, a panel for each thing that it gains or costs."""
    names = [name for starts in FAMILIES.values() for name in about if name.startswith(starts)]
    gap, when, margin, loss = axes = figure.subplots(1, 4, sharey=True)
    for y, name in enumerate(names):
        own = about[name]
        gap.plot(own["gap_end"], y, "o", color=colours[name])
        gap.plot(printed(name).get("gap", np.nan), y, "o", mfc="none", mec="black", ms=5, mew=0.8)
        for key, (marker, _) in EVENTS.items():
            if own[key] is not None:
                when.plot(own[key], y, marker, color=colours[name], ms=5)
        margin.plot(own["margin_end"], y, "o", color=colours[name])
        loss.plot(own["loss_at_yardstick"], y, "o", color=colours[name])
    for ax in axes:
        ax.grid(axis="y", color="0.92")
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    gap.set_yticks(range(len(names)), [labelled(name, about, parameters) for name in names], size=7)
    gap.set_ylim(len(names) - 0.5, -0.5)
    end = parameters["end"]
    gap.set(xlabel=f"gap Δ at t = {end:g}", xlim=(-0.03, None))
    when.set(xlabel="time t", xscale="log")
    margin.axvline(0, color="0.7", lw=0.8)
    margin.set_xlabel(f"margin α at t = {end:g}")
    loss.set(xlabel=f"loss of these rows at τ = {parameters['yardstick']:g}", xscale="log")
    paper = Line2D(
        [], [], ls="", marker="o", mfc="none", mec="black", ms=5, label="CLIP, the paper"
    )
    marks = [
        Line2D([], [], ls="", marker=m, color="0.3", label=what) for m, what in EVENTS.values()
    ]
    gap.legend(handles=[paper], fontsize=7, loc="lower left", handletextpad=0, borderpad=0)
    when.legend(handles=marks, fontsize=7, loc="lower right", handletextpad=0, borderpad=0)


def labelled(
    name: str, about: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any]
) -> str:
    """A method's name, with how often it acted when it is a swap."""
    if not name.startswith(FAMILIES["swapped"]):
        return name
    return f"{name} ({about[name]['segments_swapped']} of {parameters['segments']})"
