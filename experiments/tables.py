"""Tables 1 to 5: every method of Section 4 on two small encoders, beside the paper's numbers.

This also writes `docs/results.md`, with a verdict on each conclusion of Section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from experiments.section_4.methods import TAU, WORDS, Method
from experiments.section_4.paired_data import Pairs
from experiments.section_4.recipes import REFERENCE
from experiments.section_4.training import Recipe, train
from experiments.section_4.verdicts import Methods, change, ours_by_data, papers, tried
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


STYLES: dict[str, dict[str, Any]] = {
    "the paper": {"color": "black", "marker": "o", "mfc": "none", "ms": 5},
    "glyphs": {"color": plotting.SHADES[0], "marker": "s", "ms": 3.5},
    "synthetic": {"color": plotting.SHADES[2], "marker": "D", "ms": 3.5},
}
LANES = {"the paper": 0.0, "glyphs": -0.22, "synthetic": 0.22}
"""How far from the line of a method each source lies, so that none hides another."""

FAMILIES = (("FLT",), ("TS",), ("TR", "SLRT"), ("HS", "SS"), ("No normalization",))
"""Beginnings of the names of methods; there is some space between families."""

LEFT_END = -18.0
"""Points of retrieval at which its axis ends; what falls further is written there."""

NOTE = """\
{words}
The baseline learns the temperature, as one over exp of a number, the exponent. Swapping
exchanges (hard) or mixes (soft) entries of an image's and its text's embedding, or whole rows.
Bars: one standard error to either side, over the seeds of our two small networks."""


def draw(numbers: Numbers) -> Figure:
    """The gap as a ratio, since gaps differ by powers of ten, and retrieval both ways, the mean."""
    figure, (left, right) = _against_baseline(
        numbers,
        "High fixed temperatures and frequent swapping shrink the gap, and at their"
        "\nextremes they cost retrieval, in the paper as on our small networks",
        {"gap": "gap Δ", "retrieval": "retrieval (recall@1)"},
        "Recall@1: how often the partner is the nearest. Arrows lead to values beyond the axis.",
    )
    ratios = (0.02, 0.1, 0.5, 1, 5)
    left.set_xscale("log")
    left.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
    left.minorticks_off()
    left.set_xlabel("ratio to the baseline's (log axis)")
    right.set_xlim(left=LEFT_END)
    right.set_xticks([-15, -10, -5, 0, 5])
    return figure


def accuracy(numbers: Numbers) -> Figure:
    """Two accuracies of classification."""
    return _against_baseline(
        numbers,
        "High fixed temperatures and constant swapping cost the linear probe most in the"
        "\npaper and on glyphs; on synthetic pairs no accuracy moves by a point",
        {"zero_shot": "zero-shot accuracy", "linear_probe": "linear-probe accuracy"},
        "Zero-shot: the class whose words are nearest. Linear probe: a classifier of embeddings.",
    )[0]


MORE = {"accuracy": accuracy}


def _against_baseline(
    numbers: Numbers, message: str, panels: dict[str, str], words: str
) -> tuple[Figure, Sequence[Axes]]:
    """A panel for each measure, a line for each method, a marker for each source of numbers."""
    sources = {"the paper": papers()} | ours_by_data(numbers.more["by_seed"])
    lines = _lines()
    figure = plotting.column(7.5)
    figure.suptitle(message)
    axes: Sequence[Axes] = figure.subplots(1, len(panels), sharey=True)
    for ax, letter, (key, title) in zip(axes, "ab", panels.items(), strict=True):
        for source, methods in sources.items():
            _points(ax, source, methods, key, lines)
        ax.set_title(f"({letter}) {title}")
        ax.set_xlabel("change in points of percent")
        ax.axvline(1 if key == "gap" else 0, color="0.6", lw=0.8, zorder=0)
        ax.grid(axis="y", color="0.92", lw=0.8)
        ax.set_axisbelow(True)
    axes[1].tick_params(axis="y", length=0)
    axes[0].set_yticks([*lines.values()], [WORDS[name] for name in lines])
    axes[0].set_ylim(max(lines.values()) + 0.6, -0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    note = NOTE.format(words=words)
    figure.legend(handles, labels, loc="outside lower center", ncols=3, title=note)
    return figure, axes


def _lines() -> dict[str, float]:
    """Where each method but the baseline is drawn: a line each, and some space by families."""
    lines, down = {}, -1.0
    for family in FAMILIES:
        for name in runs.names():
            if name.startswith(family):
                down += 1.0
                lines[name] = down
        down += 0.5
    return lines


def _points(ax: Axes, source: str, methods: Methods, key: str, lines: dict[str, float]) -> None:
    """The change of one measure and its standard error under each method that acted.

    For the gap a ratio; far changes to the left are arrows to their numbers.
    """
    known = [name for name in lines if name in methods.names and tried(methods, name)]
    moved, error = np.reshape([change(methods, key, name) for name in known], (-1, 2)).T
    if key == "gap":
        baseline = methods.mean("gap")[methods.names.index("Baseline")]
        moved, error = 1 + moved / baseline, error / baseline
    down = np.array([lines[name] for name in known]) + LANES[source]
    far = moved < LEFT_END if key == "retrieval" else np.zeros(len(known), dtype=bool)
    for x, y in zip(moved[far], down[far], strict=True):
        ax.text(LEFT_END, y, f" ← {x:.0f}".replace("-", "−"), va="center")
    label = f"ours, {results.NAMES[source]}" if source in results.NAMES else source
    bars = error[~far] if error.any() else None
    ax.errorbar(moved[~far], down[~far], xerr=bars, ls="", lw=1, label=label, **STYLES[source])
