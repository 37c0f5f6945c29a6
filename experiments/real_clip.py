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

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import gapdyn as gd
from experiments import features as real
from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4.methods import TAU, WORDS, Method, methods
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
    "learned temperature τ = 1/exp ν": {
        UNCLAMPED: "without a floor of τ",
        "Baseline": "floor at τ = 0.01: the baseline",
        "TR scale 10": "1/exp(ν/10) instead",
        "TR softplus": "1/log(1 + exp ν) instead",
    },
    "fixed temperature τ": {
        f"FLT {tau}": f"τ = {float(tau):g}" for tau in ("4e-2", "7e-2", "1e-1", "2e-1")
    },
    "scheduled temperature τ": {
        "TS S0": "rising to 0.02",
        "TS A1": "swinging to 0.04",
        "TS S3": "rising to 0.05",
    },
    "swapping entries of partners, τ learned": {
        "HS 1": "hard, 100 % of the time",
        "HS 1e-2": "hard, 1 % of the time",
        "SS 1e-1": "soft, 10 % of the time",
        "HS 1e-1": "hard, 10 % of the time",
    },
}
"""Panels, and the methods whose curves they show, in words."""

WORDED = {UNCLAMPED: "learned temperature, no floor"} | WORDS
"""Rows of the comparison, and what they are called."""

EVENTS = {
    "time_matched": ("^", "all pairs match"),
    "time_half_gap": ("D", "half the gap is left"),
    "time_tenth_gap": ("s", "a tenth is left"),
}
"""Markers and meaning of the times."""

BASELINE: dict[str, Any] = {"color": "0.7", "lw": 3, "zorder": 0}
"""Style of the baseline where it is not the subject."""


def draw(numbers: Numbers) -> Figure:
    """The gap against time, a panel for each family of methods."""
    figure = plotting.column(5.0)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    for ax, letter, (family, chosen) in zip(axes.flat, "abcd", FAMILIES.items(), strict=True):
        if "Baseline" not in chosen:
            own = numbers.rows(method="Baseline")
            ax.plot(own["t"], own["gap"], **BASELINE, label="the baseline of (a)")
        for k, (name, words) in enumerate(chosen.items()):
            own = numbers.rows(method=name)
            style = plotting.curve(k) | {"ms": 4, "markevery": (k, 4)}
            ax.plot(own["t"], own["gap"], **style, label=words)
        plotting.log_time(ax, 1, numbers.parameters["end"])
        ax.set_title(f"({letter}) {family}")
        ax.legend(loc="lower left", borderaxespad=0.2, handlelength=2.6)
        ax.label_outer()
    for ax in axes[:, 0]:
        ax.set(ylabel="gap Δ", ylim=(0, None))
    figure.suptitle(f"{finding(numbers.parameters)}:\n{start(numbers.parameters)}")
    return figure


def finding(parameters: Mapping[str, Any]) -> str:
    """Which methods halve the gap, in words."""
    halved = {k for k, own in parameters["methods"].items() if own["time_half_gap"] is not None}
    by = f"by t = {parameters['end']:g}"
    if not halved:
        return f"No method halves the gap {by}"
    least = min(frozen(name) for name in parameters["methods"] if name in halved)
    if halved == {name for name in parameters["methods"] if frozen(name) >= least > 0}:
        return f"Only temperatures fixed at {least:g} or above halve the gap {by}"
    return f"{len(halved)} of {len(parameters['methods'])} methods halve the gap {by}"


def frozen(name: str) -> float:
    """The temperature of a method that fixes it, else 0."""
    return float(name.removeprefix("FLT ")) if name.startswith("FLT") else 0.0


def start(parameters: Mapping[str, Any]) -> str:
    """What the runs start from, in words."""
    known = parameters["features"] in (real.RANDOM_INIT, real.PUBLIC_NAMES[real.RANDOM_INIT])
    what = "CLIP embeddings before training" if known else parameters["features"]
    return f"rows that move by themselves, from {parameters['pairs']} pairs of {what}"


def draw_methods(numbers: Numbers) -> Figure:
    """A row for each method, and a panel for each of gap, times and margin."""
    about, end, segments = (numbers.parameters[key] for key in ("methods", "end", "segments"))
    names = [name for name in WORDED if name in about]
    figure = plotting.column(7.4)
    gap, when, margin = axes = figure.subplots(1, 3, sharey=True)
    ours = plotting.SHADES[0]
    theirs: Any = {"mfc": "none", "mec": "black", "mew": 0.8}
    for y, name in enumerate(names):
        own = about[name]
        gap.plot(printed(name).get("gap", np.nan), y, "o", ms=6.5, **theirs)
        gap.plot(own["gap_end"], y, "o", ms=4, color=ours)
        for (key, (marker, _)), shade in zip(EVENTS.items(), plotting.SHADES[:3], strict=True):
            if own[key] is not None:
                when.plot(own[key], y, marker, color=shade, ms=4.5)
        margin.plot(own["margin_end"], y, "o", ms=4, color=ours)
    for ax, title in zip(axes, ("(a) the gap left", "(b) when", "(c) the lead"), strict=True):
        ax.set_title(title)
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    gap.set(xlabel=f"gap Δ at t = {end:g}", xlim=(-0.08, None))
    when.set(xlabel="time t (log axis)", xscale="log", xticks=[1, 10, 100, 1000])
    margin.set_xlabel("margin α: smallest\nlead of partners")
    margin.axvline(0, color="0.7", lw=0.8, zorder=0)
    gap.set_yticks(range(len(names)), [labelled(name, numbers.parameters) for name in names])
    gap.set_ylim(len(names) - 0.5, -0.5)
    kinds: list[Any] = [("rows that move by themselves", "o", {"color": ours})]
    kinds += [("trained CLIP, printed in the paper", "o", theirs)]
    kinds += [
        (f"time at which {words}", marker, {"color": shade})
        for (marker, words), shade in zip(EVENTS.values(), plotting.SHADES[:3], strict=True)
    ]
    kinds += [(f"(k of {segments}): swapped in k of {segments} segments", "", {})]
    dots = [Line2D([], [], ls="", marker=m, label=words, **style) for words, m, style in kinds]
    figure.legend(handles=dots, loc="outside lower center", ncols=2)
    figure.suptitle(f"{finding(numbers.parameters)}{price(numbers.parameters)}")
    return figure


def labelled(name: str, parameters: Mapping[str, Any]) -> str:
    """A method in words, for a swap with the number of segments in which it acted."""
    words, swapped = WORDED[name], parameters["methods"][name]["segments_swapped"]
    if name.startswith(("HS", "SS")):
        return words.replace(" of the time", f" ({swapped} of {parameters['segments']})")
    return words


def price(parameters: Mapping[str, Any]) -> str:
    """What methods that halve the gap have in common against the baseline, if they do."""
    base = parameters["methods"]["Baseline"]
    halved = [own for own in parameters["methods"].values() if own["time_half_gap"] is not None]
    late = [own["time_matched"] and own["time_matched"] > base["time_matched"] for own in halved]
    ahead = [own["margin_end"] > base["margin_end"] for own in halved]
    return ";\ntheir pairs match later, but by a larger margin" if all(late + ahead) else ""


MORE = {"methods": draw_methods}
