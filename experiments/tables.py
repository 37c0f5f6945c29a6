"""Tables 1 to 5: every method of Section 4 on two small encoders, beside the paper's numbers.

Writes `docs/results.md` too, with a verdict on each conclusion of Section 4, those that the paper
prints quoted.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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
"""Trainings in which TR meets SLRT."""


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
    )


def reparameterisation(optimiser: str, scale: float, quick: bool, seed: int) -> dict[str, Any]:
    """TR(s) against SLRT(η): how far log β of one departs from the other, for η = 1/s² and 1/s."""
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
    """log β before the first step of a training and after each."""
    model = runs.encoders_for(pairs, Method(temperature))
    path: list[float] = []
    train(
        model,
        model.start(seed, tau=TAU),
        recipe,
        seed=seed,
        watch=lambda k, y: path.append(float(np.log(temperature.beta(k, y[-1])))),
    )
    return np.array(path)


def report(numbers: Numbers) -> tuple[str, str]:
    """Name and text of the page that goes with the table."""
    about = numbers.parameters
    return "results.md", results.markdown(numbers.more["by_seed"], about, about["seed"])


SOURCES = {
    "synthetic": (plotting.SHADES[0], "o"),
    "abundant": (plotting.SHADES[2], "D"),
    "digits": (plotting.SHADES[3], "s"),
}


def draw(numbers: Numbers) -> Figure:
    """A panel for each measure, a line for each method: its change against the baseline.

    Of the gap it is the ratio, since gaps differ by powers of ten.
    """
    trainings = numbers.more["by_seed"]
    names = runs.names()[1:]
    figure = Figure(figsize=(7.2, 9.6), layout="constrained")
    axes = figure.subplots(2, 4, sharey=True).ravel()
    paper: Any = {"color": "black", "marker": "o", "mfc": "none", "ms": 6}
    sources = {"the paper": (papers(), paper)}
    for data, (colour, marker) in SOURCES.items():
        if (trainings["data"] == data).any():
            style = {"color": colour, "marker": marker, "ms": 4}
            sources[results.NAMES[data]] = (ours(trainings, data), style)
    panels = zip(axes, "abcdefg", results.COLUMNS.items(), strict=False)
    for ax, letter, (key, (label, _)) in panels:
        for source, (methods, style) in sources.items():
            known = [k for k, name in enumerate(names) if name in methods.names]
            found = [_against_baseline(methods, key, names[k]) for k in known]
            change, error = np.array(found).T
            ax.errorbar(change, known, xerr=error, ls="", lw=1, label=source, **style)
        ax.axvline(1 if key == "gap" else 0, color="0.6", lw=0.8, zorder=0)
        ax.grid(axis="y", color="0.92", lw=0.8)
        ax.set_axisbelow(True)
        ax.set_title(
            f"({letter}) {label}{' / baseline' if key == 'gap' else ''}", loc="left", size=8
        )
        ax.tick_params(labelsize=8)
    axes[0].set_xscale("log")
    for ax in axes[4:6]:  # so that a few percent show beside the paper's collapse
        ax.set_xscale("symlog", linthresh=5)
        ax.set_xticks([-50, -5, 0, 5], ["-50", "-5", "0", "5"], minor=False)
        ax.minorticks_off()
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    axes[-1].set_axis_off()
    seeds = int(trainings["repeat"].max()) + 1
    axes[-1].legend(
        *axes[0].get_legend_handles_labels(),
        loc="center left",
        title=f"change against\nthe baseline, mean\nand standard error\nover {seeds} seeds",
        title_fontsize=8,
    )
    return figure


def _against_baseline(methods: Methods, key: str, name: str) -> tuple[float, float]:
    """Change of a measure and its standard error; of the gap as a ratio."""
    change_of, error = change(methods, key, name)
    if key != "gap":
        return change_of, error
    baseline = float(methods.mean("gap")[methods.names.index("Baseline")])
    return 1 + change_of / baseline, error / baseline
