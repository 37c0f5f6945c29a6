"""Figure 3: parallel modalities (3) near the poles, mismatched and perfectly matched."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting

PAIRS, HEIGHT = 10, 0.98
"""The radius of the circles is a fifth of the sphere's, as on the paper's page 4."""
ROTATIONS = {"mismatched": 4, "matched": 0}
"""Rotated by four places, the lines leave a waist as in the paper; by five they would meet."""
TITLES = {"mismatched": "Mismatched", "matched": "Perfectly Matched"}


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Lift a rotated and a matched polygon; nothing is random."""
    unlifted = {name: gd.sphere.polygon_pairs(PAIRS, k) for name, k in ROTATIONS.items()}
    pairs = {name: gd.sphere.lift(X, Y, gamma=HEIGHT) for name, (X, Y) in unlifted.items()}
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
                name: gd.measures.margin(X @ Y.T) for name, (X, Y) in unlifted.items()
            },
        },
        arrays=dict(zip(ROTATIONS, rows, strict=True)),
    )


def draw(numbers: Numbers) -> Figure:
    """Two spheres with matching rows joined; α is the margin of the unlifted rows."""
    figure = Figure(figsize=(5.5, 3.3), layout="constrained")
    for k, (name, title) in enumerate(TITLES.items()):
        ax: Any = figure.add_subplot(1, 2, k + 1, projection="3d")
        plotting.sphere(ax)
        ax.view_init(elev=30, azim=-60)
        plotting.modalities(ax, *numbers.arrays[name], size=26)
        margin = numbers.parameters["margin_of_unlifted_rows"][name]
        ax.set_title(f"{title}\nmargin α = {margin:.2f}".replace("-", "−"))
        for letter, height, colour in (
            ("X", HEIGHT, plotting.X_COLOUR),
            ("Y", -HEIGHT, plotting.Y_COLOUR),
        ):
            label = rf"$\mathbf{{\tilde{{H}}_{letter}}}$"
            ax.text(0.4, 0, height, label, color=colour, size=11, va="center")
    gap = numbers.parameters["gap"]["matched"]
    title = f"Figure 3: {PAIRS} pairs at heights ±γ, γ = {HEIGHT}: gap Δ = 2γ = {gap:.2f}"
    figure.suptitle(title, size=9)
    plotting.modality_key(figure, loc="outside lower center", ncols=2)
    return figure
