"""What an experiment hands to its drawing, and the files it leaves."""

from __future__ import annotations

import json
import platform
import time
import traceback
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from experiments.features import FeaturesMissingError
from gapdyn.files import replacing, write_columns
from gapdyn.plotting import STYLE

PACKAGES = ("gapdyn", "numpy", "scipy", "matplotlib")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Numbers:
    """Outcome of an experiment.

    Attributes
    ----------
    table : dict of arrays of one length
        The columns of NAME.csv.
    parameters : dict
        What it was computed from, and single numbers that came out, for NAME.json.
    arrays : dict of arrays
        What only the drawing needs.
    more : dict of tables
        Further tables, each for NAME_KEY.csv.
    """

    table: dict[str, NDArray[Any]]
    parameters: dict[str, Any]
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    more: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)


def write(
    module: ModuleType,
    numbers: Numbers,
    folder: Path,
    seed: int,
    quick: bool,
    formats: Sequence[str],
) -> list[Path]:
    """Draw an experiment and put picture, CSV and JSON, all named after it, in a folder."""
    name = module.__name__.rpartition(".")[2]
    files = [folder / f"{name}.csv", folder / f"{name}.json"]
    write_columns(files[0], numbers.table)
    for key, table in numbers.more.items():
        files.append(folder / f"{name}_{key}.csv")
        write_columns(files[-1], table)
    about = {
        "experiment": name,
        "seed": seed,
        "quick": quick,
        "parameters": numbers.parameters,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
    }
    with replacing(files[1]) as stream:
        stream.write(json.dumps(about, indent=2) + "\n")
    with mpl.rc_context(rc=STYLE):
        figure = module.draw(numbers)
        for kind in formats:
            files.append(folder / f"{name}.{kind}")
            with replacing(files[-1], "wb") as stream:
                figure.savefig(stream, format=kind)
        if hasattr(module, "animate"):
            files.append(folder / f"{name}.gif")
            module.animate(numbers, files[-1])
    if hasattr(module, "report"):  # a page of docs/ when all is as in the repository
        page, text = module.report(numbers)
        usual = folder.resolve() == ROOT / "figures" and seed == 0 and not quick
        files.append((ROOT / "docs" if usual else folder) / page)
        with replacing(files[-1]) as stream:
            stream.write(text)
    return files


def takes(name: str) -> Set[str]:
    """What an experiment's `compute` can be told: seed, quick, features; jobs, folder."""
    return signature(import_module(f"experiments.{name}").compute).parameters.keys()


def run(
    name: str,
    out: Path,
    seed: int,
    quick: bool,
    features: Path | None,
    formats: Sequence[str],
    jobs: int = 1,
) -> tuple[str, float]:
    """Compute, draw and write one experiment; returns what was written, or why not, and seconds."""
    start = time.perf_counter()
    module = import_module(f"experiments.{name}")
    told = {"seed": seed, "quick": quick, "features": features, "jobs": jobs, "folder": out}
    try:
        numbers = module.compute(**{key: told[key] for key in takes(name)})
        files = write(module, numbers, out, seed, quick, formats)
        outcome = " ".join(file.name for file in files)
        if left_out := numbers.parameters.get("left_out"):
            outcome += f"; left out: {left_out}"
    except FeaturesMissingError as missing:
        outcome = f"skipped: {missing}"
    except Exception as error:
        traceback.print_exc()
        outcome = f"FAILED: {error!r}"
    return outcome, time.perf_counter() - start
