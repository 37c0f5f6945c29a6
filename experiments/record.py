"""The protocol of an experiment, the numbers that it computes, and the files that it writes."""

from __future__ import annotations

import csv
import json
import platform
import time
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.features import FeaturesMissingError
from experiments.section_4.glyphs import FontsMissingError
from gapdyn.files import replacing, write_columns
from gapdyn.interrupt import was_interrupted
from gapdyn.plotting import drawing

PACKAGES = ("gapdyn", "numpy", "scipy", "matplotlib")
VERSIONS = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Numbers:
    """Outcome of an experiment.

    Attributes
    ----------
    table : dict of arrays
        The columns of NAME.csv, all of one length.
    parameters : dict
        What it was computed from, and single numbers that came out, for NAME.json. The command
        also says what is "left_out" and a "remark", where these have a text.
    arrays : dict of arrays
        What only the drawing needs.
    more : dict of tables
        Further tables, each for NAME_KEY.csv.
    journal : path, optional
        A file that kept points while they were computed, and that goes once this is written.
    stand_in : str
        Where real embeddings are missing, what the files have at the end of their names, so that
        they do not take the place of those of real embeddings.
    """

    table: dict[str, NDArray[Any]]
    parameters: dict[str, Any]
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    more: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    journal: Path | None = None
    stand_in: str = ""

    def rows(self, **values: Any) -> dict[str, NDArray[Any]]:
        """The rows of the table in which columns have given values."""
        chosen = np.logical_and.reduce([self.table[key] == v for key, v in values.items()])
        return {key: column[chosen] for key, column in self.table.items()}


@runtime_checkable
class Experiment(Protocol):
    """What each module named in `experiments.NAMES` has.

    Attributes
    ----------
    compute : callable
        `compute(seed=0, quick=False, ...)` returns Numbers that depend on its arguments alone.
        Every experiment accepts `seed`, from which all that is random comes, and `quick`, for a
        smaller computation that only checks that it runs. It takes these too if it uses them:
        `features`, the path of real embeddings; `jobs`, how many processes it may use; `folder`,
        where `tables` writes what others may use; `search`, to search for learning rates first;
        `full`, to compute anew what it would read from the repository.
    draw : callable
        `draw(numbers)` returns a Figure.

    One that takes `features` names the files of real embeddings that it uses in `FEATURES`.
    """

    __name__: str
    compute: Callable[..., Numbers]
    draw: Callable[[Numbers], Figure]


@runtime_checkable
class Continued(Protocol):
    """An experiment of several pictures: those in `MORE`, by key, are NAME_KEY.png."""

    MORE: Mapping[str, Callable[[Numbers], Figure]]


@runtime_checkable
class Animated(Protocol):
    """An experiment that also leaves NAME.gif."""

    animate: Callable[[Numbers, Path], None]


@runtime_checkable
class Reported(Protocol):
    """An experiment that also writes a page: `report` returns the name of the page and its text."""

    report: Callable[[Numbers], tuple[str, str]]


def find(name: str) -> Experiment:
    """The experiment of a name."""
    module = import_module(f"experiments.{name}")
    if not isinstance(module, Experiment):
        raise TypeError(f"experiments.{name} must have compute and draw")
    return module


def takes(name: str) -> Set[str]:
    """Names of the parameters that an experiment's `compute` accepts."""
    return signature(find(name).compute).parameters.keys()


def pictures(experiment: Experiment) -> dict[str, Callable[[Numbers], Figure]]:
    """What draws each picture of an experiment, by what its file has after the name."""
    more = experiment.MORE if isinstance(experiment, Continued) else {}
    return {"": experiment.draw} | {f"_{key}": draw for key, draw in more.items()}


def read(file: Path) -> dict[str, NDArray[Any]]:
    """A table that `write` wrote: columns of numbers, or of words."""
    with file.open(newline="") as stream:
        head, *rows = csv.reader(stream)
    return dict(zip(head, map(_column, zip(*rows, strict=True)), strict=True))


def _column(words: Sequence[str]) -> NDArray[Any]:
    """Words as numbers, if all of them are."""
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        return np.array(words)


def write(
    experiment: Experiment,
    numbers: Numbers,
    folder: Path,
    seed: int,
    quick: bool,
    formats: Sequence[str],
) -> list[Path]:
    """Draw an experiment and put its tables, JSON, pictures and page into a folder."""
    name = experiment.__name__.rpartition(".")[2] + numbers.stand_in
    files = [folder / f"{name}.csv", folder / f"{name}.json"]
    write_columns(files[0], numbers.table)
    about = {"experiment": name, "seed": seed, "quick": quick, "parameters": numbers.parameters}
    with replacing(files[1]) as stream:
        stream.write(json.dumps(about | {"versions": VERSIONS}, indent=2) + "\n")
    for key, table in numbers.more.items():
        files.append(folder / f"{name}_{key}.csv")
        write_columns(files[-1], table)
    files += _write_pictures(experiment, numbers, folder / name, formats)
    if isinstance(experiment, Reported):
        # The page of the repository's own figures stands in docs/.
        usual = folder.resolve() == ROOT / "figures" and seed == 0 and not quick
        page, text = experiment.report(numbers)
        files.append((ROOT / "docs" if usual else folder) / page)
        with replacing(files[-1]) as stream:
            stream.write(text)
    return files


def _write_pictures(
    experiment: Experiment, numbers: Numbers, stem: Path, formats: Sequence[str]
) -> list[Path]:
    """Draw the figures in each format, and the film if there is one."""
    files: list[Path] = []
    with drawing():
        for key, draw in pictures(experiment).items():
            figure = draw(numbers)
            for kind in formats:
                files.append(stem.with_name(f"{stem.name}{key}.{kind}"))
                with replacing(files[-1], "wb") as stream:
                    figure.savefig(stream, format=kind)
        if isinstance(experiment, Animated):
            files.append(stem.with_suffix(".gif"))
            experiment.animate(numbers, files[-1])
    return files


def run(
    name: str,
    out: Path,
    formats: Sequence[str],
    seed: int,
    quick: bool,
    jobs: int = 1,
    **more: Any,
) -> tuple[str, float]:
    """Compute, draw and write one experiment; returns a line about the outcome, and seconds.

    `more` are options of the command line that few experiments take.
    """
    start = time.perf_counter()
    options = {"seed": seed, "quick": quick, "jobs": jobs, "folder": out} | more
    try:
        numbers = find(name).compute(**{key: options[key] for key in takes(name) & options.keys()})
        files = write(find(name), numbers, out, seed, quick, formats)
        if numbers.journal is not None:
            numbers.journal.unlink(missing_ok=True)
        outcome = " ".join(file.name for file in files)
        for key in ("left_out", "remark"):
            if said := numbers.parameters.get(key):
                outcome += f"; {key.replace('_', ' ')}: {said}"
    except (FeaturesMissingError, FontsMissingError) as missing:
        outcome = f"skipped: {missing}"
    except Exception as error:
        if was_interrupted(error):
            raise KeyboardInterrupt from error
        if not isinstance(error, OSError):  # a full disk is no fault of the code
            traceback.print_exc()
        outcome = f"FAILED: {error!r}"
    return outcome, time.perf_counter() - start
