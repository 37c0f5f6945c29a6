"""Tables 1 to 5: every method of Section 4 on two small encoders, beside the paper's numbers.

This also writes `docs/results.md`, with a verdict on each conclusion of Section 4.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4 import paired_data, results, runs
from experiments.section_4.methods import TAU, Method
from experiments.section_4.training import Recipe, train
from experiments.section_4.verdicts import Methods, change, ours, papers
from gapdyn import plotting
from gapdyn.types import Array

SCALES = (2.0, 10.0)
COMPARED = {
    "adam": Recipe(epochs=20, batch=256, rate=3e-3),
    "descent": Recipe(epochs=20, batch=256, rate=0.1, optimiser="descent"),
}
"""Recipes of the trainings that compare TR with SLRT."""


def compute(
    seed: int = 0, quick: bool = False, jobs: int = 1, folder: Path | None = None
) -> Numbers:
    """Train everything; the same seed gives the same table, whatever `jobs`."""
    trainings = runs.train_all(seed, quick, jobs, folder)
    grid = {"optimiser": list(COMPARED), "scale": SCALES, "quick": [quick]}
    compared = swept(reparameterisation, grid, [seed], jobs)
    return Numbers(
        table=runs.summary(trainings),
        more={"by_seed": trainings},
        parameters={
            "seed": seed,
            "quick": quick,
            "settings": runs.settings(quick),
            "left_out": runs.available(quick)[1],
            "reparameterisation": [point.value for point in compared],
        },
        journal=runs.journal(seed, quick, folder),
    )


def reparameterisation(optimiser: str, scale: float, quick: bool, seed: int) -> dict[str, Any]:
    """Largest difference of log β between TR with scale s and SLRT with rate 1/s², and 1/s."""
    pairs = paired_data.synthetic(seed)
    recipe = replace(COMPARED[optimiser], epochs=1) if quick else COMPARED[optimiser]
    path = log_beta(pairs, gd.Learned(gd.Exponential(scale)), recipe, seed)
    apart = {
        name: float(np.abs(log_beta(pairs, gd.Learned(rate=rate), recipe, seed) - path).max())
        for name, rate in {"square": 1 / scale**2, "plain": 1 / scale}.items()
    }
    travel = float(np.abs(path - path[0]).max())
    return {"optimiser": optimiser, "scale": scale, "travel": travel} | apart


def log_beta(pairs: paired_data.Pairs, temperature: gd.Learned, recipe: Recipe, seed: int) -> Array:
    """log β before the first step of a training and after each step."""
    model = runs.encoders_for(pairs, Method(temperature))
    path: list[float] = []

    def watch(k: int, y: Array) -> None:
        path.append(float(np.log(temperature.beta(k, y[-1]))))

    train(model, model.start(seed, tau=TAU), recipe, seed=seed, watch=watch)
    return np.array(path)


def report(numbers: Numbers) -> tuple[str, str]:
    """Name and text of the page that goes with the table."""
    about = numbers.parameters
    return "results.md", results.markdown(numbers.more["by_seed"], about, about["seed"])


PAPER: dict[str, Any] = {"color": "black", "marker": "o", "mfc": "none", "ms": 6}
STYLES: dict[str, dict[str, Any]] = {
    "synthetic": {"color": plotting.SHADES[0], "marker": "o", "ms": 4},
    "abundant": {"color": plotting.SHADES[2], "marker": "D", "ms": 4},
    "digits": {"color": plotting.SHADES[3], "marker": "s", "ms": 4},
}


def draw(numbers: Numbers) -> Figure:
    """A panel for each measure, a line for each method: its change against the baseline.

    For the gap this is the ratio, since gaps differ by powers of ten.
    """
    trainings = numbers.more["by_seed"]
    figure = Figure(figsize=(7.2, 9.6), layout="constrained")
    axes = figure.subplots(2, 4, sharey=True).ravel()
    sources = {"the paper": (papers(), PAPER)}
    for data, style in STYLES.items():
        if (trainings["data"] == data).any():
            sources[results.NAMES[data]] = (ours(trainings, data=data), style)
    for ax, letter, (key, (label, _)) in zip(
        axes, "abcdefg", results.COLUMNS.items(), strict=False
    ):
        _panel(ax, sources, key)
        title = f"({letter}) {label}{' / baseline' if key == 'gap' else ''}"
        ax.set_title(title, loc="left", size=8)
    axes[0].set_xscale("log")
    for ax in axes[4:6]:  # a linear part in which a few percent show beside the paper's collapse
        ax.set_xscale("symlog", linthresh=5)
        ax.set_xticks([-50, -5, 0, 5], ["-50", "-5", "0", "5"], minor=False)
        ax.minorticks_off()
    names = runs.names()[1:]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    seeds = int(trainings["repeat"].max()) + 1
    _legend(axes[-1], axes[0], seeds)
    return figure


def _panel(ax: Axes, sources: dict[str, tuple[Methods, dict[str, Any]]], key: str) -> None:
    """The change of one measure, from each source; for the gap as a ratio."""
    names = runs.names()[1:]
    for source, (methods, style) in sources.items():
        known = [k for k, name in enumerate(names) if name in methods.names]
        moved, error = np.array([change(methods, key, names[k]) for k in known]).T
        if key == "gap":
            baseline = methods.mean("gap")[methods.names.index("Baseline")]
            moved, error = 1 + moved / baseline, error / baseline
        ax.errorbar(moved, known, xerr=error, ls="", lw=1, label=source, **style)
    ax.axvline(1 if key == "gap" else 0, color="0.6", lw=0.8, zorder=0)
    ax.grid(axis="y", color="0.92", lw=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8)


def _legend(ax: Axes, first: Axes, seeds: int) -> None:
    """The sources, in the panel that is left over."""
    ax.set_axis_off()
    ax.legend(
        *first.get_legend_handles_labels(),
        loc="center left",
        title=f"change against\nthe baseline, mean\nand standard error\nover {seeds} seeds",
        title_fontsize=8,
    )
