"""Figure 1: two modalities far apart stay apart; two that share a cone part for a while.

The paper shows embeddings of trained CLIP; here the rows themselves are trained, from synthetic
cones. (a) *Stabilization*: two cones keep their gap to the end in the free model (1). (b)
*Enlargement*: from one shared cone with a small gap, in the parallel model (3), the gap rises while
pairs are mismatched and falls as they come to match, as page 2 says of Figure 2. But it does not
end larger than it began, while the paper's (b) is "still enlarged after training": by (6) the
height γ ends above its start exactly if the temperature does, and from CLIP's τ₀ = 0.07 the
temperature falls. In the free model the gap of a shared cone hardly rises at all. `fig1_starts.csv`
has other cones and temperatures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.types import Array

PAIRS, DIM, TAU, END = 100, 16, 0.07, 1e5
ANGLE, BETWEEN, HEIGHT = 60, 120, 0.02
"""Degrees from the axis of a cone, and between two axes; γ₀ of the parallel model."""
STARTS = [(60, 60, tau) for tau in (0.07, 0.02, 0.01, 0.005)] + [(30, 30, 0.07), (10, 30, 0.07)]
"""Angles of a shared cone for images and for texts, in degrees, and τ₀."""


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Draw the cones and run the three flows, and further ones from shared cones."""
    n, times = 30 if quick else PAIRS, np.concatenate([[0], np.geomspace(1e-2, END, 200)])
    images, near, far = _cones(n, np.random.default_rng(seed))
    runs = {
        "two_cones_free": _flow("free", images, far, TAU, times),
        "one_cone_parallel": _flow("parallel", images, near, TAU, times),
        "one_cone_free": _flow("free", images, near, TAU, times),
    }
    table: dict[str, Any] = {"t": times}
    arrays: dict[str, Array] = {}
    for name, run in runs.items():
        for what in ("gap", "tau", "gamma", "mismatched"):
            table[f"{what}_{name}"] = getattr(run, what)
        arrays |= _stages(name, run)
    parameters = {
        "pairs": n,
        "dim": DIM,
        "tau": TAU,
        "cone_angle_in_degrees": ANGLE,
        "angle_between_axes_in_degrees": BETWEEN,
        "gamma": HEIGHT,
        "gap": {name: _summary(run) for name, run in runs.items()},
    }
    return Numbers(table, parameters, arrays, more={"starts": _starts(n, seed, times)})


def _cones(n: int, rng: np.random.Generator) -> list[Array]:
    """Images, texts in the same cone, and texts in another cone."""
    axis, other = np.eye(DIM)[:2]
    between = np.deg2rad(BETWEEN)
    tilted = np.cos(between) * axis + np.sin(between) * other
    return [gd.sphere.cone(n, a, np.deg2rad(ANGLE), rng) for a in (axis, axis, tilted)]


def _stages(name: str, run: gd.Trajectory) -> dict[str, Array]:
    """The embeddings to draw and their times: the start, the largest gap in (b), and the end."""
    shown = [0, -1] if name == "two_cones_free" else [0, int(run.gap.argmax()), -1]
    model: Any = run.model
    states = np.array([model.embeddings(run.y[k]) for k in shown])
    return {name: states, f"when_{name}": run.t[shown]}


def _flow(kind: str, X: Array, Y: Array, tau: float, times: Array) -> gd.Trajectory:
    """The flow of one model from given rows."""
    make: Any = {"free": gd.FreeModel, "parallel": gd.ParallelModel}[kind]
    heights = {} if kind == "free" else {"gamma": HEIGHT}
    model = make(*X.shape, gd.Learned())
    return gd.flow(model, model.start(X, Y, tau=tau, **heights), times)


def _summary(run: gd.Trajectory) -> dict[str, float]:
    """Gap at the start, at its largest, and at the end."""
    top = int(run.gap.argmax())
    return {
        "start": float(run.gap[0]),
        "peak": float(run.gap[top]),
        "t_of_peak": float(run.t[top]),
        "end": float(run.gap[-1]),
        "tau_at_end": float(run.tau[-1]),
    }


def _starts(n: int, seed: int, times: Array) -> dict[str, Any]:
    """Flows from other shared cones and temperatures, in both models."""
    rows: list[dict[str, Any]] = []
    for angle_x, angle_y, tau in STARTS:
        rng, angles = np.random.default_rng(seed), np.deg2rad([angle_x, angle_y])
        X, Y = (gd.sphere.cone(n, np.eye(DIM)[0], angle, rng) for angle in angles)
        start = {"angle_x": angle_x, "angle_y": angle_y, "tau": tau}
        rows += [
            {"model": kind} | start | _summary(_flow(kind, X, Y, tau, times))
            for kind in ("parallel", "free")
        ]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


MESSAGE = (
    "Images and texts far apart stay apart; in a shared cone they can part,\n"
    "while pairs are mismatched, and come together again as pairs match"
)
STAGES = {
    "two_cones_free": ("(a) Stabilization, from two cones", ("Initialization", "Trained")),
    "one_cone_parallel": (
        "(b) Enlargement, here for a while, from one cone",
        ("Initialization", "widest", "Trained"),
    ),
}
CURVES: dict[str, tuple[str, dict[str, Any]]] = {
    "two_cones_free": ("(a): free model, every row moves by itself", {"color": "#0b3c5d"}),
    "one_cone_parallel": (
        f"(b): parallel model, images at height γ, texts at -γ, γ = {HEIGHT} at the start",
        {"color": "#e08e45", "ls": "--"},
    ),
    "one_cone_free": ("the cone of (b) in the free model", {"color": "0.4", "ls": ":"}),
}


def draw(numbers: Numbers) -> Figure:
    """The start and the end on the sphere, and the gap against time."""
    figure = plotting.column(5.3)
    figure.suptitle(MESSAGE)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.5), squeeze=False)[:, 0]
    panels = top.subfigures(1, 2, width_ratios=(2, 3), squeeze=False)[0]
    for panel, (name, (title, stages)) in zip(panels, STAGES.items(), strict=True):
        panel.suptitle(title, size=8, x=0.02, ha="left")
        _spheres(panel, numbers.arrays[name], numbers.arrays[f"when_{name}"], stages)
    n = numbers.parameters["pairs"]
    words = f"{n} pairs in {DIM} dimensions, shown in 3; lines join partners"
    top.text(0.02, 0.06, words)
    plotting.modality_key(top, loc="lower right", ncols=2)
    _gaps(bottom.subplots(), numbers)
    return figure


def _spheres(panel: Any, states: Array, times: Array, stages: tuple[str, ...]) -> None:
    """Embeddings (stages, 2, n, d), projected to the principal directions of the widest gap."""
    widest = max(states, key=lambda state: gd.measures.gap(*state))
    basis = plotting.principal_directions(*widest)
    for k, (state, t) in enumerate(zip(states, times, strict=True)):
        ax = panel.add_subplot(1, len(stages), k + 1, projection="3d")
        plotting.sphere(ax)
        shown = gd.sphere.unit(state.reshape(-1, states.shape[-1]) @ basis)
        plotting.modalities(ax, *np.split(shown, 2), size=3)
        gap = gd.measures.gap(*state)
        ax.set_title(f"{stages[k]}\nt = {plotting.time(t)}\nΔ = {gap:.2f}", loc="center")


def _gaps(ax: Any, numbers: Numbers) -> None:
    """The gaps of the three flows, with a circle where all pairs match for the first time."""
    t = numbers.table["t"]
    for name, (label, style) in CURVES.items():
        gap, mismatched = (numbers.table[f"{what}_{name}"] for what in ("gap", "mismatched"))
        ax.plot(t, gap, label=label, **style)
        first = np.flatnonzero(mismatched == 0)[:1]
        size = 5 if name == "one_cone_free" else 8  # two of the circles coincide
        ax.plot(t[first], gap[first], "o", mec=style["color"], mfc="none", mew=1.5, ms=size)
    ax.plot([], [], "o", mec="black", mfc="none", ms=6, label="all pairs match from here on")
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set(xlim=(0, END), ylim=(0, 1), xlabel="time t of the flow (log; linear below 0.1)")
    ax.set(ylabel="gap Δ")
    ax.set_title(f"(c) the gap over time; synthetic pairs, temperature {TAU} at the start")
    _notes(ax, numbers)


def _notes(ax: Any, numbers: Numbers) -> None:
    """What the peak and the end of (b) are."""
    about = numbers.parameters["gap"]["one_cone_parallel"]
    peak = about["t_of_peak"], about["peak"]
    at_peak = numbers.table["t"] == peak[0]
    still = int(numbers.table["mismatched_one_cone_parallel"][at_peak][0])
    say: Any = {"textcoords": "offset points"}
    n = numbers.parameters["pairs"]
    text = f"widest in (b), Δ = {peak[1]:.2f}: {still} of {n} pairs mismatched"
    ax.annotate(text, (peak[0], max(peak[1], 0.5)), (14, -2), **say)  # above the other note
    text = (
        f"end of (b): Δ = {about['end']:.3f}, from {about['start']:.3f} at the start,\n"
        f"while the temperature falls from {TAU} to {about['tau_at_end']:.3f}"
    )
    ax.annotate(text, (END, about["end"]), (0, 7), ha="right", **say)
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=1)
