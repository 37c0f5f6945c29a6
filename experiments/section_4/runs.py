"""Section 4 of the paper in miniature: each method trained on each kind of data, over seeds."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd
from experiments.processes import swept
from experiments.record import read
from experiments.section_4 import paired_data
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.evaluation import MEASURES, PROBED, evaluate, memory, validate_labels
from experiments.section_4.methods import Method, methods
from experiments.section_4.paired_data import DigitsMissingError, Pairs
from experiments.section_4.training import Recipe, train
from gapdyn import published
from gapdyn.types import Array

HIDDEN, DIM = (128,), 32
"""Widths of the hidden layers of both encoders, and the dimension of their embeddings."""

RECIPE = Recipe(epochs=200, batch=256, rate=3e-3)
"""Adam moves log τ by about the sum of its learning rates at most, which the number of epochs
decides. On the synthetic pairs that is enough to go from 0.07 to CLIP's 0.01, on the digits not."""

RECIPES = {
    "synthetic": RECIPE,
    "abundant": Recipe(epochs=12, batch=256, rate=3e-3),
    "digits": RECIPE,
}
"""Few pairs, which are learnt by heart, get about as many steps as many pairs, which are not."""

SEEDS, QUICK_SEEDS = 3, 2
"""Numbers of seeds. Each gives new data, weights, batches and masks, the same for all methods."""

QUICK_RECIPE, QUICK_PAIRS = Recipe(epochs=3, batch=64, rate=3e-3), (256, 128)
"""For a quick check: the numbers of synthetic pairs for training and held out."""

Table = dict[str, NDArray[Any]]


def encoders_for(pairs: Pairs, method: Method) -> EncoderModel:
    """Two encoders of the training pairs, with a method's temperature and normalisation."""
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
    """Train one method once and measure it; both seeds together decide all that is random."""
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
    acted = steps if chosen.swap is None else int(chosen.swap.swapped(steps).sum())
    tau = 1 / float(model.temperature.beta(float(steps), y[-1]))
    found = evaluate(model, y, pairs, seeds[4]) | memory(model, y, pairs, seeds[4])
    return {"steps_acted": acted, "tau_end": tau, **found}


def available(quick: bool) -> tuple[list[str], str | None]:
    """The data that are available here, and why the rest is not."""
    if quick:
        return ["synthetic"], None
    try:
        paired_data.digits(0)
    except DigitsMissingError as missing:
        return ["synthetic", "abundant"], str(missing)
    return list(paired_data.DATA), None


@cache
def train_all(seed: int, quick: bool, jobs: int, folder: Path | None = None) -> Table:
    """Train and measure everything: a row for each kind of data, method and seed.

    Finished trainings are kept in the file `journal(seed, quick, folder)`, if there is a folder,
    and a run that was interrupted continues from that file, which goes when the tables or figures
    are written. The result is remembered in this process.

    Raises
    ------
    RuntimeError
        If a training fails.
    """
    grid = {"data": available(quick)[0], "method": names(), "base_seed": [seed], "quick": [quick]}
    repeats = QUICK_SEEDS if quick else SEEDS
    points = swept(measure, grid, repeats, jobs, journal(seed, quick, folder))
    table = {key: np.array([p.parameters[key] for p in points]) for key in ("data", "method")}
    table["repeat"] = np.array([p.seed for p in points])
    return table | {key: np.array([p.value[key] for p in points]) for key in points[0].value}


def journal(seed: int, quick: bool, folder: Path | None) -> Path | None:
    """The file in a folder that keeps the trainings of a run."""
    if folder is None:
        return None
    return folder / f"trainings_{_digest(seed, quick, available(quick)[0])}.jsonl"


def _digest(seed: int, quick: bool, data: list[str]) -> str:
    """A hash of all that the trainings of a run depend on, the code included."""
    digest = sha256(json.dumps([seed, settings(quick), data]).encode())
    for folder in (Path(__file__).parent, Path(gd.__file__).parent):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def by_seed(trainings: Table, key: str) -> Array:
    """A column of the trainings, with the seeds along the second axis."""
    return np.asarray(trainings[key].reshape(-1, int(trainings["repeat"].max()) + 1))


def summary(trainings: Table) -> Table:
    """Means and deviations over seeds for each kind of data and method, and the paper's numbers."""
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
    """The numbers that the paper prints for a method, from all of its tables."""
    row: dict[str, float] = {}
    for table in (published.all_rows(), published.TABLE_1):
        if name in table:
            row |= table[name]._asdict()
    return row


def settings(quick: bool) -> dict[str, Any]:
    """Everything that a training depends on besides data, method and seed."""
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
    """The trainings that `tables` left in a folder if they are complete, or new ones."""
    if folder is not None and (folder / "tables.json").is_file():
        about = json.loads((folder / "tables.json").read_text())
        left = about.get("seed"), about.get("quick"), about.get("parameters", {}).get("settings")
        if left == (seed, quick, settings(quick)):
            table = read(folder / "tables_by_seed.csv")
            if set(available(quick)[0]) <= set(table["data"].tolist()):
                return table
    return train_all(seed, quick, jobs, folder)
