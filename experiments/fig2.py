"""Figure 2: gap and temperature rise together while pairs are mismatched, then freeze together.

The free model (1). The paper does not print its set-up; this one gives its curves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting, published
from gapdyn.film import Film

PAIRS, ROTATION, HEIGHT, TAU = 5, 2, 0.31, 0.07
SPHERES = [reading.t for reading in published.FIGURE_2]
FIRST, LAST = 1e-3, 1e5
"""The logarithmic axis; t = 0 is drawn at its left end."""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Run the flow; nothing in it is random."""
    times = np.unique(
        np.concatenate(
            [
                SPHERES,
                np.geomspace(FIRST, LAST, 60 if quick else 300),
                np.arange(195, 220) / 100,  # the peak
                np.arange(350, 401, 2) / 100,
                np.arange(3820, 3830) / 1000,  # the first match
            ]
        )
    )
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(PAIRS, rotation=ROTATION), gamma=HEIGHT)
    model = gd.FreeModel(n=PAIRS, d=3, temperature=gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=TAU), times)
    law = PAIRS * np.log(run.gap) - np.log(run.tau)
    return Numbers(
        table=run.columns(),
        parameters={
            "model": str(model),
            "pairs": PAIRS,
            "rotation": ROTATION,
            "gamma": HEIGHT,
            "tau": TAU,
            "drift": run.drift,
            "peak": {"t": float(run.t[run.gap.argmax()]), "gap": float(run.gap.max())},
            "first_match": float(run.t[run.mismatched == 0][0]),
            "variation_of_5_log_gap_minus_log_tau": float(np.ptp(law)),
        },
        arrays={"embeddings": np.array([model.embeddings(y) for y in run.y])},
    )


def draw(numbers: Numbers) -> Figure:
    """Six spheres of the paper above Δ(t) and τ(t) with its readings."""
    t = numbers.table["t"]
    figure = Figure(figsize=(10.5, 5.8), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.3), squeeze=False)[:, 0]
    for k, time in enumerate(SPHERES):
        ax: Any = top.add_subplot(1, 6, k + 1, projection="3d")
        plotting.sphere(ax)
        plotting.modalities(ax, *numbers.arrays["embeddings"][np.searchsorted(t, time)], size=16)
        k = int(np.searchsorted(t, time))
        ax.set_title(plotting.moment(t[k], numbers.table["gap"][k], numbers.table["tau"][k]))
    title = f"Free model (1): {PAIRS} pairs rotated by {ROTATION} places, γ₀ = {HEIGHT}, τ₀ = {TAU}"
    top.suptitle(title, size=9)
    axes = bottom.subplots(1, 2)
    for ax, name, label in zip(axes, ("gap", "tau"), ("gap Δ", "temperature τ"), strict=True):
        ax.plot(t[1:], numbers.table[name][1:], color="black", label="free model, eq. (1)")
        plotting.readings(
            ax,
            [max(reading.t, FIRST) for reading in published.FIGURE_2],
            [getattr(reading, name) for reading in published.FIGURE_2],
        )
        match = numbers.parameters["first_match"]
        ax.axvline(match, color="0.6", lw=0.8, ls=":")
        ax.text(match * 1.3, 0.96, "all pairs matched", transform=ax.get_xaxis_transform(), size=8)
        plotting.log_time(ax, FIRST / 1.5, LAST * 1.5)
        ax.set(ylabel=label, ylim=(0, 1.18), xlabel="time t (t = 0 at the left end)")
    axes[0].legend(loc="lower left")
    plotting.modality_key(axes[1])
    return figure


def animate(numbers: Numbers, path: Path) -> None:
    """Write the same flow in motion as a GIF, evenly in log t."""
    t = numbers.table["t"]
    shown = np.searchsorted(t, np.concatenate([[0.0], np.geomspace(0.02, LAST, 71)]))
    rows, gap, tau = numbers.arrays["embeddings"], numbers.table["gap"], numbers.table["tau"]
    curves = t[1:], gap[1:], tau[1:]
    Film(t[shown], gap[shown], tau[shown], rows[shown, 0], rows[shown, 1], curves).save(path)
