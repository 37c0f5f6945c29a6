"""The free flow from real embeddings: gap, temperature, margin and recall@1 against time.

Starts from 500 MSCOCO pairs as CLIP embeds them before training, with learned temperature and with
three fixed ones. Learned temperature freezes the gap; a large fixed one closes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import gapdyn as gd
from experiments import features as real
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.temperature import Temperature

TAU = 0.07
RUNS: dict[str, tuple[Temperature, float]] = {
    "learned": (gd.Learned(), 1e5),
    "fixed 0.05": (gd.Fixed(0.05), 1e3),
    "fixed 0.1": (gd.Fixed(0.1), 1e3),
    "fixed 0.2": (gd.Fixed(0.2), 1e3),
}
COLUMNS = ("gap", "tau", "margin", "mismatched", "loss")


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Run the flow under each temperature; nothing is random."""
    X, Y, source = real.load(real.RANDOM_INIT, features)
    if quick:
        X, Y = X[:50], Y[:50]
    table: dict[str, list[NDArray[Any]]] = {}
    for name, (temperature, end) in RUNS.items():
        model = gd.FreeModel(n=X.shape[0], d=X.shape[1], temperature=temperature)
        times = np.unique([0, 3, *np.geomspace(0.1, 1e2 if quick else end, 6 if quick else 40)])
        tau = TAU if name == "learned" else None
        run = gd.flow(model, model.start(X, Y, tau=tau), times)
        recall = np.array([gd.measures.recall_at_1(A @ B.T) for A, B in map(model.rows, run.y)])
        columns = {"temperature": np.full(len(times), name), "t": run.t}
        columns |= {observable: getattr(run, observable) for observable in COLUMNS}
        columns |= {"recall_at_1_x_to_y": recall[:, 0], "recall_at_1_y_to_x": recall[:, 1]}
        for key, column in columns.items():
            table.setdefault(key, []).append(column)
    return Numbers(
        table={key: np.concatenate(parts) for key, parts in table.items()},
        parameters={"features": source, "pairs": len(X), "dim": X.shape[1], "tau": TAU},
    )


def draw(numbers: Numbers) -> Figure:
    """Four panels against time, one curve per temperature."""
    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    panels = {
        "gap": "gap Δ",
        "tau": "temperature τ",
        "margin": "margin α",
        "recall_at_1_x_to_y": "recall@1, image to text",
    }
    table = numbers.table
    shades = ("black", *plotting.SHADES[1:])
    for ax, (key, label) in zip(axes.flat, panels.items(), strict=True):
        for name, shade in zip(RUNS, shades, strict=True):
            chosen = table["temperature"] == name
            ax.plot(table["t"][chosen], table[key][chosen], color=shade, label=name)
        ax.set_ylabel(label)
        ax.set_xscale("symlog", linthresh=0.1)
        ax.set_xlim(0, table["t"].max())
    axes[0, 1].set_yscale("log")
    axes[0, 0].set_ylim(0, None)
    axes[1, 0].axhline(0, color="0.7", lw=0.8)
    for ax in axes[1]:
        ax.set_xlabel("time t (linear below 0.1)")
    axes[0, 0].legend(title="temperature", loc="lower left")
    title = "free model from {features}: {pairs} pairs in {dim} dimensions"
    figure.suptitle(title.format(**numbers.parameters), size=9)
    return figure
