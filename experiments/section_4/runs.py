"""Section 4 of the paper in miniature: each method trained on each kind of data, over seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd
from experiments.processes import swept
from experiments.record import read
from experiments.section_4.encoders import EncoderModel
from experiments.section_4.evaluation import MEASURES, evaluate, memory, retrieval
from experiments.section_4.glyphs import check_fonts
from experiments.section_4.methods import methods
from experiments.section_4.paired_data import Pairs
from experiments.section_4.recipes import (
    DATA,
    RATES,
    REFERENCE,
    SEARCHED,
    VARIANTS,
    Setting,
    searched,
)
from experiments.section_4.training import train
from gapdyn import published
from gapdyn.files import write_columns
from gapdyn.types import Array

SEEDS, QUICK_SEEDS = 3, 2
"""Numbers of seeds. Each gives new data, weights, batches and masks, the same for all methods."""

SEARCH_SEEDS = 2
"""The first seeds of the tables, with which learning rates are compared."""

Table = dict[str, NDArray[Any]]


def names() -> list[str]:
    """All methods, in the order of the paper's tables."""
    return list(methods(1.0, segment=1.0, seed=0))


@lru_cache(maxsize=SEEDS)
def pairs_for(data: str, seed: int) -> Pairs:
    """The pairs of one seed, which methods share."""
    return DATA[data](seed)


class Training(NamedTuple):
    """What came out of a training: its pairs, and the model and state at its end.

    `acted` is the number of steps in which the method acted, and `seed` decides what is measured.
    """

    pairs: Pairs
    model: EncoderModel
    y: Array
    steps: int
    acted: int
    seed: int


def seeds_of(base_seed: int, seed: int) -> list[int]:
    """The seeds of the pairs, the weights, the batches, the swaps, and of what is measured."""
    return list(np.random.SeedSequence([base_seed, seed]).generate_state(5).tolist())


def trained(
    data: str, setting: Setting, method: str, rate: float, base_seed: int, seed: int
) -> Training:
    """Train one method once; both seeds together decide all that is random."""
    seeds = seeds_of(base_seed, seed)
    pairs = pairs_for(data, seeds[0])
    recipe = setting.recipe(rate, pairs.texts.shape[0])
    steps = recipe.steps(pairs.texts.shape[0])
    chosen = methods(float(steps), segment=1.0, seed=seeds[3])[method]
    model = setting.model(pairs, chosen)
    y0 = model.start(seeds[1], tau=chosen.tau)
    y = train(model, y0, recipe, draw=pairs.draw, swap=chosen.swap, seed=seeds[2])
    acted = steps if chosen.swap is None else int(chosen.swap.swapped(steps).sum())
    return Training(pairs, model, y, steps, acted, seeds[4])


def measure(
    data: str, recipe: str, method: str, base_seed: int, quick: bool, seed: int
) -> dict[str, float]:
    """Train one method once, at its searched rate, and measure it on held-out pairs."""
    setting = setting_of(data, recipe, quick)
    pairs, model, y, steps, acted, chance = trained(
        data, setting, method, searched()[data, method], base_seed, seed
    )
    tau = 1 / float(model.temperature.beta(float(steps), y[-1]))
    found = evaluate(model, y, pairs, chance) | memory(model, y, pairs, chance)
    return {"steps": steps, "steps_acted": acted, "tau_end": tau, **found}


def setting_of(data: str, recipe: str, quick: bool) -> Setting:
    """The recipe of reference or a variant; for a quick check one epoch of it."""
    setting = REFERENCE[data] if recipe == "reference" else VARIANTS[recipe]
    return replace(setting, steps=1) if quick else setting


def validate(data: str, method: str, rate: float, base_seed: int, seed: int) -> float:
    """Retrieval on validation pairs after training at a rate; 0 if the training diverges."""
    try:
        found = trained(data, REFERENCE[data], method, rate, base_seed, seed)
    except ArithmeticError:
        return 0.0
    return retrieval(found.model, found.y, found.pairs.validation)


def search(seed: int, jobs: int, folder: Path | None) -> None:
    """Write to SEARCHED the best of RATES for each kind of data and method.

    The best has the highest retrieval on validation pairs, the mean over SEARCH_SEEDS seeds.
    """
    check_fonts()
    grid = {"data": list(DATA), "method": names(), "rate": list(RATES), "base_seed": [seed]}
    kept = None if folder is None else folder / f"search_{_digest(seed)}.jsonl"
    points = swept(validate, grid, SEARCH_SEEDS, jobs, kept)
    recall = np.array([p.value for p in points]).reshape(-1, len(RATES), SEARCH_SEEDS).mean(axis=2)
    trials = [p.parameters for p in points[:: len(RATES) * SEARCH_SEEDS]]
    columns: Table = {key: np.array([t[key] for t in trials]) for key in ("data", "method")}
    columns["rate"] = np.array(RATES)[recall.argmax(axis=1)]
    columns |= {f"recall_at_{rate:g}": column for rate, column in zip(RATES, recall.T, strict=True)}
    write_columns(SEARCHED, columns)
    searched.cache_clear()
    if kept is not None:
        kept.unlink()


@cache
def train_all(
    seed: int, quick: bool, jobs: int, folder: Path | None = None, robustness: bool = False
) -> Table:
    """Train and measure everything: a row for each kind of data, recipe, method and seed.

    That is the recipe of reference on all data, or with `robustness` all recipes on glyphs.
    Finished trainings are kept in the file `journal(...)`, if there is a folder, and a run that was
    interrupted continues from that file, which goes when the tables or figures are written. The
    result is remembered in this process.

    Raises
    ------
    FontsMissingError
        If a font of the glyphs is not there.
    RuntimeError
        If a training fails.
    """
    check_fonts()
    grid: dict[str, Any] = {"data": data(quick), "recipe": ["reference"]}
    if robustness:
        grid = {"data": ["glyphs"], "recipe": list(VARIANTS)}
    grid |= {"method": names(), "base_seed": [seed], "quick": [quick]}
    repeats = QUICK_SEEDS if quick else SEEDS
    points = swept(measure, grid, repeats, jobs, journal(seed, quick, folder, robustness))
    table = {k: np.array([p.parameters[k] for p in points]) for k in ("data", "recipe", "method")}
    table["repeat"] = np.array([p.seed for p in points])
    return table | {key: np.array([p.value[key] for p in points]) for key in points[0].value}


def data(quick: bool) -> list[str]:
    """The kinds of data; for a quick check glyphs alone."""
    return ["glyphs"] if quick else list(DATA)


def journal(seed: int, quick: bool, folder: Path | None, robustness: bool = False) -> Path | None:
    """The file in a folder that keeps the trainings of a run."""
    if folder is None:
        return None
    return folder / f"trainings_{_digest(seed, robustness, settings(quick))}.jsonl"


def _digest(*of: Any) -> str:
    """A hash of all that the trainings of a run depend on, the code included."""
    digest = sha256(json.dumps(of).encode())
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
    for key in ("steps", "steps_acted", "tau_end"):
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
    """Everything that a training of the tables depends on besides data, method and seed."""
    return {
        "recipes": {name: setting_of(name, "reference", quick).to_dict() for name in data(quick)},
        "rates": {f"{name}, {method}": rate for (name, method), rate in searched().items()},
        "methods": names(),
        "seeds": QUICK_SEEDS if quick else SEEDS,
    }


def trainings(seed: int, quick: bool, jobs: int, folder: Path | None) -> Table:
    """The trainings that `tables` left in a folder if they are complete, or new ones."""
    if folder is not None and (folder / "tables.json").is_file():
        about = json.loads((folder / "tables.json").read_text())
        left = about.get("seed"), about.get("quick"), about.get("parameters", {}).get("settings")
        if left == (seed, quick, settings(quick)):
            return read(folder / "tables_by_seed.csv")
    return train_all(seed, quick, jobs, folder)
