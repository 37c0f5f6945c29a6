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
TITLES = {"mismatched": "(a) Mismatched", "matched": "(b) Perfectly Matched"}
MESSAGE = (
    "Images and texts with the same gap between them\ncan be wholly mismatched or perfectly matched"
)
WORDS = (
    f"The tilde means that images are lifted to the height γ = {HEIGHT}, and texts to -γ.\n"
    "Margin α: the smallest lead, before the lift, of the similarity of partners\n"
    "over that with a wrong partner. Dashed lines join partners."
)


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
    figure = plotting.column(3.7)
    figure.suptitle(MESSAGE)
    for k, (name, title) in enumerate(TITLES.items()):
        ax: Any = figure.add_subplot(1, 2, k + 1, projection="3d")
        plotting.sphere(ax)
        ax.view_init(elev=30, azim=-60)
        plotting.modalities(ax, *numbers.arrays[name], size=26)
        margin, gap = (numbers.parameters[key][name] for key in ("margin_of_unlifted_rows", "gap"))
        said = f"{title}\ngap Δ = {gap:.2f}, margin α = {margin:.2f}"
        ax.set_title(said.replace("-", "−"), loc="center")
        for kind, letter, height, colour in (
            ("images", "X", HEIGHT, plotting.X_COLOUR),
            ("texts", "Y", -HEIGHT, plotting.Y_COLOUR),
        ):
            label = rf"{kind} $\mathbf{{\tilde{{H}}_{letter}}}$"
            ax.text(0.37, 0, height, label, color=colour, size=9, va="center")
    figure.supxlabel(WORDS)
    return figure
