"""Section 4 of the paper in miniature: every method trained on all data, from several seeds."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd
from experiments.processes import processes
from experiments.section_4 import paired_data
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.evaluation import MEASURES, PROBED, evaluate, memory, validate_labels
from experiments.section_4.methods import Method, methods
from experiments.section_4.paired_data import DigitsMissingError, Pairs
from experiments.section_4.training import Recipe, train
from gapdyn import published
from gapdyn.sweep import Sweep
from gapdyn.types import Array

HIDDEN, DIM = (128,), 32
"""Widths of the hidden layers of both encoders, and the dimension of their embeddings."""

RECIPE = Recipe(epochs=200, batch=256, rate=3e-3)
"""Adam moves log τ by about the sum of its learning rates at most: 2.4 on the synthetic pairs, and
1.5 on the digits. From 0.07 to CLIP's 0.01, where the paper's baseline may go, it is 1.95."""

RECIPES = {
    "synthetic": RECIPE,
    "abundant": Recipe(epochs=12, batch=256, rate=3e-3),
    "digits": RECIPE,
}
"""About as many steps for few pairs, which are learnt by heart, as for many, which are not."""

SEEDS, QUICK_SEEDS = 3, 2
"""Data, weights, batches and masks are drawn anew from each, and are common to all methods."""

QUICK_RECIPE, QUICK_PAIRS = Recipe(epochs=3, batch=64, rate=3e-3), (256, 128)
"""For a check: few synthetic pairs for training and held out."""

Table = dict[str, NDArray[Any]]


def encoders_for(pairs: Pairs, method: Method) -> EncoderModel:
    """Two encoders for the training pairs, under a method's temperature and normalisation."""
    sizes = [(x.shape[1], *HIDDEN, DIM) for x in (pairs.images, pairs.texts)]
    first, second = (Encoder(size, method.normalised) for size in sizes)
    return EncoderModel(pairs.images, pairs.texts, first, second, method.temperature)


def names() -> list[str]:
    """All methods, in the order of the paper's tables."""
    return list(methods(1.0, segment=1.0, seed=0))


@lru_cache(maxsize=SEEDS)
def pairs_for(data: str, seed: int, quick: bool) -> Pairs:
    """The pairs of one seed, which methods share."""
    sizes = QUICK_PAIRS if quick else ()
    return paired_data.DATA[data](seed, *sizes)


def measure(data: str, method: str, base_seed: int, quick: bool, seed: int) -> dict[str, float]:
    """Train one method once and measure it.

    Parameters
    ----------
    data : str
        A name of `paired_data.DATA`.
    method : str
        A name of `methods`.
    base_seed, seed : int
        Together they decide all that is random.
    quick : bool

    Returns
    -------
    dict of float
        `steps_acted`, `tau_end`, and all of `evaluation`.
    """
    seeds = np.random.SeedSequence([base_seed, seed]).generate_state(5).tolist()
    recipe = QUICK_RECIPE if quick else RECIPES[data]
    pairs = pairs_for(data, seeds[0], quick)
    for labels in (pairs.labels, pairs.labels[:PROBED]):
        validate_labels(labels, paired_data.CLASSES)
    steps = recipe.steps(len(pairs.images))
    chosen = methods(float(steps), segment=1.0, seed=seeds[3])[method]
    model = encoders_for(pairs, chosen)
    y0 = model.start(seeds[1], tau=chosen.tau)
    y = train(model, y0, recipe, swap=chosen.swap, seed=seeds[2])
    acted = steps if chosen.swap is None else int(chosen.swap.acts(steps).sum())
    tau = 1 / float(model.temperature.beta(float(steps), y[-1]))
    found = evaluate(model, y, pairs, seeds[4]) | memory(model, y, pairs, seeds[4])
    return {"steps_acted": acted, "tau_end": tau, **found}


def available(quick: bool) -> tuple[list[str], str | None]:
    """The data that can be had here, and why not the rest."""
    if quick:
        return ["synthetic"], None
    try:
        paired_data.digits(0)
    except DigitsMissingError as missing:
        return ["synthetic", "abundant"], str(missing)
    return list(paired_data.DATA), None


@cache
def run(seed: int, quick: bool, jobs: int, folder: Path | None = None) -> Table:
    """Train and measure everything, once in this process: a row for each data, method and seed.

    Finished trainings are kept in `folder`, if there is one, until all are finished: what was
    interrupted goes on from there.

    Raises
    ------
    RuntimeError
        If a training fails.
    """
    data, _ = available(quick)
    grid: dict[str, list[Any]] = {"data": data, "method": names()}
    grid |= {"base_seed": [seed], "quick": [quick]}
    repeats = QUICK_SEEDS if quick else SEEDS
    journal = None if folder is None else folder / f"trainings_{_digest(seed, quick, data)}.jsonl"
    columns = swept(measure, grid, repeats, jobs, journal).columns()
    if journal is not None:
        journal.unlink()
    labels = {"data": columns["data"], "method": columns["method"], "repeat": columns["seed"]}
    measured = [name for name in columns if name not in {*grid, "seed"}]
    return labels | {name: columns[name] for name in measured}


def swept(
    function: Callable[..., Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: int | Sequence[int],
    jobs: int,
    journal: Path | None = None,
) -> Sweep:
    """A sweep in processes of one BLAS thread each.

    Raises
    ------
    RuntimeError
        If a point fails.
    """
    show = sys.stderr.isatty()
    with processes(jobs) as pool:
        found = gd.sweep(function, grid, seeds=seeds, executor=pool, out=journal, progress=show)
    if found.failures:
        first = found.failures[0]
        raise RuntimeError(f"{first.parameters}, seed {first.seed}: {first.reason}")
    return found


def _digest(seed: int, quick: bool, data: list[str]) -> str:
    """What the trainings of a run depend on, code included, in a few letters."""
    digest = sha256(json.dumps([seed, settings(quick), data]).encode())
    for folder in (Path(__file__).parent, Path(gd.__file__).parent):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def by_seed(trainings: Table, key: str) -> Array:
    """A column of trainings as (rows of the table, seeds)."""
    values: Array = trainings[key].reshape(-1, int(trainings["repeat"].max()) + 1)
    return values


def summary(trainings: Table) -> Table:
    """A row for each data and method: means over seeds, deviations, and the paper's numbers."""
    data, methods = by_seed(trainings, "data")[:, 0], by_seed(trainings, "method")[:, 0]
    seeds = by_seed(trainings, "repeat").shape[1]
    table: Table = {"data": data, "method": methods, "seeds": np.full(len(data), seeds)}
    for key in ("steps_acted", "tau_end"):
        table[key] = by_seed(trainings, key).mean(axis=1)
    for key in MEASURES:
        values = by_seed(trainings, key)
        table[key] = values.mean(axis=1)
        table[f"{key}_sd"] = values.std(axis=1, ddof=1)
        table[f"{key}_paper"] = np.array([printed(name).get(key, np.nan) for name in methods])
    return table


def printed(name: str) -> dict[str, float]:
    """What the paper prints of a method, from whichever of its tables has it."""
    row: dict[str, float] = {}
    for table in (published.all_rows(), published.TABLE_1):
        if name in table:
            row |= table[name]._asdict()
    return row


def settings(quick: bool) -> dict[str, Any]:
    """What a training depends on besides data, method and seed."""
    recipes = {"synthetic": QUICK_RECIPE} if quick else RECIPES
    return {
        "hidden": list(HIDDEN),
        "dim": DIM,
        "recipes": {data: asdict(recipe) for data, recipe in recipes.items()},
        "pairs": {
            "training": QUICK_PAIRS[0] if quick else paired_data.TRAINING,
            "held_out": QUICK_PAIRS[1] if quick else paired_data.HELD_OUT,
            "abundant": paired_data.ABUNDANT,
            "noise": paired_data.NOISE,
        },
        "methods": names(),
        "seeds": QUICK_SEEDS if quick else SEEDS,
    }


def trainings(seed: int, quick: bool, jobs: int, folder: Path | None) -> Table:
    """What `tables` left in a folder, or trained anew if that is not all that can be had here."""
    if folder is not None and (folder / "tables.json").is_file():
        about = json.loads((folder / "tables.json").read_text())
        left = about.get("seed"), about.get("quick"), about.get("parameters", {}).get("settings")
        if left == (seed, quick, settings(quick)):
            table = read(folder / "tables_by_seed.csv")
            if set(available(quick)[0]) <= set(table["data"].tolist()):
                return table
    return run(seed, quick, jobs, folder)


def read(file: Path) -> Table:
    """A table as `tables` and the figures that share it write it."""
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    words = ("data", "source", "method")
    return {
        key: np.array([row[key] if key in words else float(row[key]) for row in rows])
        for key in rows[0]
    }
