"""Figure 1: two cones far apart stay apart; two modalities that share a cone move apart.

Two cones are trained in the free model (1). One shared cone is trained in the parallel model (3),
where mismatched pairs drive the heights apart until the pairs are matched, and for comparison in
the free model, where they do not: there the gap follows the temperature only to the power 1/n.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting

PAIRS, DIM, TAU, END = 100, 16, 0.07, 1e5
ANGLE, BETWEEN, HEIGHT = np.deg2rad(60), np.deg2rad(120), 0.02
CURVES = {
    "two_cones_free": "two cones, free model",
    "one_cone_parallel": f"one cone, parallel model, γ₀ = {HEIGHT}",
    "one_cone_free": "one cone, free model",
}


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Draw the cones and run the three flows."""
    rng = np.random.default_rng(seed)
    n, times = 30 if quick else PAIRS, np.concatenate([[0], np.geomspace(1e-2, END, 200)])
    axis, other = np.eye(DIM)[0], np.eye(DIM)[1]
    tilted = np.cos(BETWEEN) * axis + np.sin(BETWEEN) * other
    images, near, far = (gd.sphere.cone(n, a, ANGLE, rng) for a in (axis, axis, tilted))
    free = gd.FreeModel(n, DIM, gd.Learned())
    parallel = gd.ParallelModel(n, DIM, gd.Learned())
    starts = {
        "two_cones_free": (free, free.start(images, far, tau=TAU)),
        "one_cone_parallel": (parallel, parallel.start(images, near, tau=TAU, gamma=HEIGHT)),
        "one_cone_free": (free, free.start(images, near, tau=TAU)),
    }
    table = {"t": times}
    arrays: dict[str, Any] = {}
    for name, (model, y0) in starts.items():
        run = gd.flow(model, y0, times)
        table |= {
            f"gap_{name}": run.gap,
            f"tau_{name}": run.tau,
            f"mismatched_{name}": run.mismatched,
        }
        after = -1 if name == "two_cones_free" else int(run.gap.argmax())
        arrays[name] = np.array([model.embeddings(run.y[k]) for k in (0, after)])
        arrays[f"when_{name}"] = run.t[[0, after]]
    return Numbers(
        table=table,
        parameters={
            "pairs": n,
            "dim": DIM,
            "tau": TAU,
            "cone_angle": float(ANGLE),
            "angle_between_axes": float(BETWEEN),
            "gamma": HEIGHT,
        },
        arrays=arrays,
    )


def draw(numbers: Numbers) -> Figure:
    """Before and after on the sphere, and the gap against time."""
    figure = Figure(figsize=(10.4, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1), squeeze=False)[0]
    for row, name in enumerate(("two_cones_free", "one_cone_parallel")):
        states = numbers.arrays[name]  # (2, 2, n, d): time, modality, pair, coordinate
        basis = plotting.principal_directions(*states[1])  # of the later state
        for column, (state, t) in enumerate(
            zip(states, numbers.arrays[f"when_{name}"], strict=True)
        ):
            ax: Any = left.add_subplot(2, 2, 2 * row + column + 1, projection="3d")
            plotting.sphere(ax)
            shown = gd.sphere.unit(state.reshape(-1, states.shape[-1]) @ basis)
            plotting.modalities(ax, *np.split(shown, 2), joined=False, size=9)
            gap = gd.measures.gap(*state)
            ax.set_title(f"{CURVES[name].split(', γ')[0]}\nt = {t:.3g}, Δ = {gap:.2f}", y=0.96)
    plotting.modality_key(left.get_axes()[2], loc="lower left")
    ax = right.subplots()
    shades = ("black", plotting.Y_COLOUR, "#e08e45")
    for (name, label), shade in zip(CURVES.items(), shades, strict=True):
        ax.plot(numbers.table["t"], numbers.table[f"gap_{name}"], color=shade, label=label)
        matched = np.flatnonzero(numbers.table[f"mismatched_{name}"] == 0)[:1]
        here = numbers.table["t"][matched], numbers.table[f"gap_{name}"][matched]
        ax.plot(*here, "o", mec=shade, mfc="none", mew=1.6, ms=5 + 3 * (shade == shades[1]))
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set(xlim=(0, END), ylim=(0, 1.25), xlabel="time t (linear below 0.1)", ylabel="gap Δ")
    ax.legend(loc="upper right", title="circle: from here on all pairs are matched")
    return figure
