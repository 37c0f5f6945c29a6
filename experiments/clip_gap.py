"""What the modality gap is: images and captions as trained CLIP embeds them, in two regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments import features as real
from experiments.record import Numbers
from gapdyn import pictures, plotting

FEATURES = (real.TRAINED,)
JOINED = 5
"""Pairs that are joined: the first ones."""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Coordinates of the rows along their gap and across it; nothing is random but chance's gap."""
    X, Y, source = real.load(real.TRAINED, features)
    seen = np.concatenate(pictures.along_and_across(X, Y))
    measured = gd.measure(X, Y, seed=seed)
    table = {
        "modality": np.repeat(["image", "text"], len(X)),
        "pair": np.tile(np.arange(len(X)), 2),
        "along": seen[:, 0],
        "across": seen[:, 1],
    }
    parameters = {
        "features": source,
        "pairs": len(X),
        "dim": X.shape[1],
        "gap": measured.gap,
        "gap_by_chance": measured.null_gap,
    }
    return Numbers(table, parameters)


def draw(numbers: Numbers) -> Figure:
    """The two clouds, a few pairs joined, and the gap as an arrow between the centres."""
    about = numbers.parameters
    figure = plotting.column(3.0)
    ax = figure.subplots()
    clouds = {}
    for kind, (_, style) in zip(("image", "text"), pictures.KINDS, strict=True):
        rows = numbers.rows(modality=kind)
        clouds[kind] = np.column_stack([rows["along"], rows["across"]])
        ax.plot(*clouds[kind].T, ls="", ms=3, alpha=0.5, mew=0, **style)
        top = clouds[kind][:, 0].mean(), clouds[kind][:, 1].max() + 0.04
        ax.text(*top, f"{about['pairs']} {kind}s", color=style["color"], ha="center")
    for ends in zip(*(rows[:JOINED] for rows in clouds.values()), strict=True):
        ax.plot(*np.transpose(ends), color="0.2", lw=0.8, ls=(0, (3, 2)))
    low = min(rows[:, 1].min() for rows in clouds.values()) - 0.06
    right, left = (rows[:, 0].mean() for rows in clouds.values())
    arrow: Any = {"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0, "color": "black"}
    ax.annotate("", (left, low), (right, low), arrowprops=arrow)
    ax.text(0, low - 0.02, f"gap Δ = {about['gap']:.2f}", ha="center", va="top")
    ax.vlines([left, right], low, -low, color="0.75", lw=0.8, zorder=0)
    ax.set(xlabel="position along the gap", ylabel="across it, where\npoints spread most")
    ax.set(xlim=(-0.8, 0.8), ylim=(low - 0.09, None), aspect="equal")
    ax.text(0, -low, f"dashed: {JOINED} of the pairs", ha="center", va="top")
    figure.suptitle(f"The modality gap: {_source(about)} apart")
    return figure


def _source(about: dict[str, Any]) -> str:
    """What lies apart."""
    if about["features"] in (real.TRAINED, real.PUBLIC_NAMES[real.TRAINED]):
        return "trained CLIP keeps photographs and their captions"
    return f"images and texts of {about['features']} lie"
