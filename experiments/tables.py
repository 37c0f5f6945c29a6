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
from experiments.section_4 import glyphs, results, runs
from experiments.section_4.methods import TAU, Method
from experiments.section_4.paired_data import Pairs
from experiments.section_4.recipes import REFERENCE
from experiments.section_4.training import Recipe, train
from experiments.section_4.verdicts import Methods, change, ours_by_data, papers
from gapdyn import plotting
from gapdyn.types import Array

SCALES = (2.0, 10.0)
COMPARED = {
    "adam": Recipe(epochs=10, batch=256, rate=3e-3),
    "descent": Recipe(epochs=10, batch=256, rate=0.1, optimiser="descent"),
}
"""Recipes of the trainings that compare TR with SLRT, on glyphs."""


def compute(
    seed: int = 0,
    quick: bool = False,
    jobs: int = 1,
    folder: Path | None = None,
    search: bool = False,
) -> Numbers:
    """Train everything; the same seed gives the same table, whatever `jobs`.

    With `search` the learning rates are searched for first, and written to `recipes.SEARCHED`.
    """
    remark = glyphs.unlike_committed()  # first of all, as fonts may be missing
    if search:
        runs.search(seed, jobs, folder)
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
            "remark": remark,
            "reparameterisation": [point.value for point in compared],
        },
        journal=runs.journal(seed, quick, folder),
    )


def reparameterisation(optimiser: str, scale: float, quick: bool, seed: int) -> dict[str, Any]:
    """Largest difference of log β between TR with scale s and SLRT with rate 1/s², and 1/s."""
    pairs = glyphs.pairs(seed)
    recipe = replace(COMPARED[optimiser], epochs=1) if quick else COMPARED[optimiser]
    path = log_beta(pairs, gd.Learned(gd.Exponential(scale)), recipe, seed)
    apart = {
        name: float(np.abs(log_beta(pairs, gd.Learned(rate=rate), recipe, seed) - path).max())
        for name, rate in {"square": 1 / scale**2, "plain": 1 / scale}.items()
    }
    travel = float(np.abs(path - path[0]).max())
    return {"optimiser": optimiser, "scale": scale, "travel": travel} | apart


def log_beta(pairs: Pairs, temperature: gd.Learned, recipe: Recipe, seed: int) -> Array:
    """log β before the first step of a training and after each step."""
    model = REFERENCE["glyphs"].model(pairs, Method(temperature))
    path: list[float] = []

    def watch(k: int, y: Array) -> None:
        path.append(float(np.log(temperature.beta(k, y[-1]))))

    y0 = model.start(seed, tau=TAU)
    train(model, y0, recipe, draw=pairs.draw, seed=seed, watch=watch)
    return np.array(path)


def report(numbers: Numbers) -> tuple[str, str]:
    """Name and text of the page that goes with the table."""
    about = numbers.parameters
    return "results.md", results.markdown(numbers.more["by_seed"], about, about["seed"])


PANELS = {
    "gap": "gap",
    "retrieval": "retrieval",
    "zero_shot": "zero-shot",
    "linear_probe": "linear probe",
}
STYLES: dict[str, dict[str, Any]] = {
    "the paper": {"color": "black", "marker": "o", "mfc": "none", "ms": 6},
    "glyphs": {"color": plotting.SHADES[0], "marker": "s", "ms": 4},
    "synthetic": {"color": plotting.SHADES[2], "marker": "D", "ms": 4},
}


def draw(numbers: Numbers) -> Figure:
    """A panel for each of four measures, a line for each method: its change against the baseline.

    For the gap this is the ratio, since gaps differ by powers of ten. Retrieval is the mean of both
    directions.
    """
    trainings = numbers.more["by_seed"]
    sources = {"the paper": papers()} | ours_by_data(trainings)
    names = runs.names()[1:]
    figure = Figure(figsize=(7.2, 6.4), layout="constrained")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for ax, letter, (key, title) in zip(axes, "abcd", PANELS.items(), strict=True):
        _panel(ax, sources, key, names)
        ax.set_title(f"({letter}) {title}", loc="left", size=9)
        ax.set_xlabel("ratio to the baseline" if key == "gap" else "change in points", size=8)
    axes[0].set_xscale("log")
    axes[1].set_xscale("symlog", linthresh=5)  # a few percent show beside the paper's collapse
    axes[1].set_xticks([-50, -5, 0, 5], ["−50", "−5", "0", "5"], minor=False)
    axes[1].minorticks_off()
    axes[1].set_xlim(left=-100)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle("What each method changes, against the baseline", size=10)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _panel(ax: Axes, sources: dict[str, Methods], key: str, names: list[str]) -> None:
    """The change of one measure and its standard error, from each source; for the gap a ratio."""
    for source, methods in sources.items():
        known = [k for k, name in enumerate(names) if name in methods.names]
        moved, error = np.array([change(methods, key, names[k]) for k in known]).T
        if key == "gap":
            baseline = methods.mean("gap")[methods.names.index("Baseline")]
            moved, error = 1 + moved / baseline, error / baseline
        label = f"ours, {results.NAMES[source]}" if source in results.NAMES else source
        ax.errorbar(moved, known, xerr=error, ls="", lw=1, label=label, **STYLES[source])
    ax.axvline(1 if key == "gap" else 0, color="0.6", lw=0.8, zorder=0)
    ax.grid(axis="y", color="0.92", lw=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8)
