"""Figure 3: parallel modalities (3), matched and mismatched, on two circles of latitude."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting

PAIRS, HEIGHT = 5, 0.31
ROTATIONS = {"matched": 0, "mismatched": 2}


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Lift matched and rotated polygons; nothing is random."""
    pairs = {
        name: gd.sphere.lift(*gd.sphere.polygon_pairs(PAIRS, rotation), gamma=HEIGHT)
        for name, rotation in ROTATIONS.items()
    }
    rows = np.array(list(pairs.values()))  # (2, 2, n, 3): state, modality, pair, coordinate
    index = np.indices(rows.shape[:3]).reshape(3, -1)
    return Numbers(
        table={
            "state": np.array(list(ROTATIONS))[index[0]],
            "modality": np.array(["image", "text"])[index[1]],
            "pair": index[2],
            **dict(zip("xyz", rows.reshape(-1, 3).T, strict=True)),
        },
        parameters={
            "pairs": PAIRS,
            "gamma": HEIGHT,
            "rotations": ROTATIONS,
            "gap": {name: gd.measures.gap(X, Y) for name, (X, Y) in pairs.items()},
            "margin_of_unlifted_rows": {
                name: gd.measures.margin((X @ Y.T + HEIGHT**2) / (1 - HEIGHT**2))
                for name, (X, Y) in pairs.items()
            },
        },
        arrays=dict(zip(ROTATIONS, rows, strict=True)),
    )


def draw(numbers: Numbers) -> Figure:
    """Two spheres, matching rows joined by dashed lines."""
    figure = Figure(figsize=(7.4, 3.9), layout="constrained")
    angle = np.linspace(0, 2 * np.pi, 145)
    radius = np.sqrt(1 - HEIGHT**2)
    for k, (name, rows) in enumerate(numbers.arrays.items()):
        ax: Any = figure.add_subplot(1, 2, k + 1, projection="3d")
        plotting.sphere(ax)
        for height, colour in ((HEIGHT, plotting.X_COLOUR), (-HEIGHT, plotting.Y_COLOUR)):
            ax.plot(radius * np.cos(angle), radius * np.sin(angle), height, color=colour, lw=1)
        plotting.modalities(ax, *rows, size=32)
        gap, margin = (
            numbers.parameters[what][name] for what in ("gap", "margin_of_unlifted_rows")
        )
        ax.set_title(f"{name}: gap Δ = 2γ = {gap:.2f}, margin α = {margin:.2f}", y=1.0)
    plotting.modality_key(ax, loc="lower right")
    return figure
