"""Folders of shards: the rows of one modality in numbered files, as clip-retrieval writes them.

They are in the order of their numbers: 0, 1, 2, ... 10, and not 0, 1, 10. Hidden files count for
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gapdyn import _formats, _memory
from gapdyn._arrangement import Named
from gapdyn._stored import Stored
from gapdyn.readers import Choice, read_arrays
from gapdyn.types import Floats

IMAGES, TEXTS = "img_emb", "text_emb"
"""The two folders of clip-retrieval."""
ENDINGS = (".npy", ".safetensors", ".parquet")
Number = tuple[int, ...]
Shards = dict[Number, tuple[Path, Stored]]
"""What is in each shard, by number."""


def of_two(folder: Path) -> tuple[Path, Path]:
    """The folders of images and of texts in one that clip-retrieval has written."""
    if not (folder / IMAGES).is_dir() or not (folder / TEXTS).is_dir():
        raise ValueError(
            f"{folder} is a folder; it must hold the folders {IMAGES} and {TEXTS},"
            " as clip-retrieval writes them, or two folders of shards must be given"
        )
    return folder / IMAGES, folder / TEXTS


def of_one(folder: Path) -> dict[Number, Path]:
    """The shards in a folder by their numbers, in order."""
    files = [file for file in folder.iterdir() if file.suffix in ENDINGS and file.name[0] != "."]
    if not files:
        raise ValueError(f"{folder} is a folder without shards (files {', '.join(ENDINGS)})")
    kinds = sorted({re.sub(r"\d+", "#", file.name) for file in files})
    if len(kinds) > 1:
        raise ValueError(
            f"{folder} must hold shards of one name and different numbers, as {IMAGES}_0.npy,"
            f" it has {', '.join(kinds[:4])}"
        )
    numbered = {tuple(map(int, re.findall(r"\d+", file.stem))): file for file in files}
    if len(numbered) < len(files):
        raise ValueError(f"{folder} has two shards of one number")
    return dict(sorted(numbered.items()))


def check_pairs(x: Mapping[Number, Path], y: Mapping[Number, Path]) -> None:
    """Refuse two folders of which one has a shard that the other lacks."""
    for own, other in ((x, y), (y, x)):
        if lacking := [number for number in own if number not in other]:
            file, folder = own[lacking[0]], next(iter(other.values())).parent
            raise ValueError(f"{folder} has no shard that belongs to {file}")


def look_at(files: Mapping[Number, Path], choose: Choice) -> Shards:
    """Shape and type of the array in each shard, of which nothing is read."""
    seen: Shards = {}
    for number, file in files.items():

        def look(
            stored: Mapping[str, Stored], number: Any = number, file: Path = file
        ) -> list[str]:
            (name,) = choose(stored)
            seen[number] = file, stored[name]
            return []

        read_arrays(file, look)
    for file, stored in seen.values():
        width = next(iter(seen.values()))[1].shape[1:]
        if _formats.plain_type(stored.dtype).kind != "f":
            raise TypeError(f"{file} must hold floating-point numbers, it has {stored.dtype}")
        if len(stored.shape) != 2 or stored.shape[1:] != width:
            raise ValueError(
                f"{file} must have shape (n, d) as the other shards have, it has {stored.shape}"
            )
    return seen


def check_counts(x: Shards, y: Shards) -> None:
    """Refuse folders whose shards do not belong to each other."""
    check_pairs(*({number: shards[number][0] for number in shards} for shards in (x, y)))
    for number, (file, stored) in x.items():
        other, theirs = y[number]
        if stored.shape[0] != theirs.shape[0]:
            raise ValueError(
                f"shards must have as many rows as those they belong to, {file} has"
                f" {stored.shape[0]} and {other} {theirs.shape[0]}"
            )


def read(path: str, shards: Shards, choose: Choice) -> Named:
    """The rows of all shards in the order of their numbers; those of a single one are mapped."""
    rows = sum(stored.shape[0] for _, stored in shards.values())
    files = [file for file, _ in shards.values()]
    names = files[0].name if len(files) == 1 else f"{files[0].name} to {files[-1].name}"
    note = f"{path} has {len(files)} shards, {names}, {rows} rows"
    if len(files) == 1:
        return Named(path, _rows(files[0], choose), (note.replace("shards", "shard"),))
    types = [_formats.plain_type(stored.dtype) for _, stored in shards.values()]
    width = next(iter(shards.values()))[1].shape[1]
    dtype = np.result_type(*types)
    _memory.claim(rows * width * dtype.itemsize, f"the rows in {path}")
    array, done = np.empty((rows, width), dtype), 0
    for file in files:
        part = _rows(file, choose)
        array[done : done + len(part)] = part
        done += len(part)
    return Named(path, array, (note,))


def _rows(file: Path, choose: Choice) -> Floats:
    """The array of one shard."""
    (array,) = read_arrays(file, choose).values()
    return _formats.plain(array)
