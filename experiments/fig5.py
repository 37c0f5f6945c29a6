"""Figure 5: uniformity against the gap; the temperature schedules; modality swapping on a sphere.

A point for each method of Tables 2 to 5, the paper's and ours. Swapping is drawn as the loss sees
it: each coordinate of a pair changes hands with probability ½, so rows leave the sphere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments import scatter
from experiments.methods import methods
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.loss import mix

SCHEDULES = ("TS S0", "TS S1", "TS S2", "TS S3", "TS A0", "TS A1")
PAIRS, ANGLE = 24, 0.45
"""Pairs on the sphere, and the opening of the cones they stand on, in radians."""


def compute(
    seed: int = 0,
    quick: bool = False,
    features: Path | None = None,
    jobs: int = 1,
    folder: Path | None = None,
) -> Numbers:
    """Points from the table in `folder`, if it has this seed, or from one made anew."""
    numbers = scatter.numbers(seed, quick, jobs, folder, ("gap",), ("uniformity",))
    rng = np.random.default_rng(seed)
    axes = np.array([[-0.3, -0.5, 0.8], [0.6, -0.7, -0.3]])
    X, Y = (gd.sphere.cone(PAIRS, axis, ANGLE, rng) for axis in axes)
    swapped = mix(X, Y, gd.HardSwap(1.0, seed=seed).mixing(0, PAIRS, 3))
    numbers.arrays.update(before=np.array([X, Y]), after=np.array(swapped))
    share = np.linspace(0, 1, 501)
    for name, method in methods(1.0, segment=1.0, seed=seed).items():
        if name in SCHEDULES:
            tau = [1 / method.temperature.beta(t, 0.0) for t in share]
            numbers.arrays[name] = np.array([share, tau])
    numbers.parameters["gap_on_sphere"] = {
        when: float(gd.measures.centre_distance(*numbers.arrays[when]))
        for when in ("before", "after")
    }
    return numbers


def draw(numbers: Numbers) -> Figure:
    """Above, uniformity against the gap by source; below, what the methods do."""
    figure = Figure(figsize=(11.6, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 12)
    shown = [s for s in scatter.SOURCES if (numbers.table["source"] == s).any()]
    for k, source in enumerate(shown):
        title = scatter.SOURCES[source]
        ax = figure.add_subplot(grid[0, 3 * k : 3 * k + 3])
        scatter.panel(ax, numbers, source, "gap", "uniformity")
        ax.set_title(f"{title}\n{ax.get_title()}")
    scatter.key(figure)
    _schedules(figure.add_subplot(grid[1, :4]), numbers)
    gaps = numbers.parameters["gap_on_sphere"]
    for k, (when, title) in enumerate(
        {"before": "embeddings, Δ = {:.2f}", "after": "swapped by entries, Δ = {:.2f}"}.items()
    ):
        ball: Any = figure.add_subplot(grid[1, 4 * k + 4 : 4 * k + 8], projection="3d")
        plotting.sphere(ball)
        plotting.modalities(ball, *numbers.arrays[when], joined=False)
        ball.set_title(title.format(gaps[when]), y=-0.02)
        if when == "before":
            plotting.modality_key(ball)
    return figure


def _schedules(ax: Axes, numbers: Numbers) -> None:
    """τ over training."""
    shades = plotting.SHADES
    for k, name in enumerate(SCHEDULES):
        share, tau = numbers.arrays[name]
        style = ("-", "--")[k >= len(shades)]
        ax.plot(share, tau, style, color=shades[k % len(shades)], label=name.removeprefix("TS "))
    ax.set(xlabel="share of training", ylabel="temperature τ", xlim=(0, 1), ylim=(0, 0.056))
    ax.legend(ncols=3, loc="upper left")
