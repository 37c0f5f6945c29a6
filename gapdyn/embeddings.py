"""Two modalities from files, whatever the shape and the format in which they are kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gapdyn import _arrangement, _formats, _layouts, _memory, _shards
from gapdyn._arrangement import Labels, Named
from gapdyn._chosen import chosen_one, chosen_two, listed
from gapdyn._stored import Stored
from gapdyn.readers import Choice, read_arrays
from gapdyn.types import Floats
from gapdyn.validate import shown, validate_bool


class Pairs(NamedTuple):
    """Two modalities, and what was recognised in their files.

    Attributes
    ----------
    X, Y : (n, d) arrays
        Of the type of the file, bfloat16 as float32. Arrays of npy files are mapped, not read.
    groups : (labels of X, labels of Y), or None
        Where an image has several captions, the number of the image for each row of each modality.
    notes : tuple of str
        What was assumed, each a line for the user.
    """

    X: Floats
    Y: Floats
    groups: tuple[Labels, Labels] | None
    notes: tuple[str, ...]


def read_pairs(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    x: str | None = None,
    y: str | None = None,
    layout: str | None = None,
    whole: bool = True,
) -> Pairs:
    """Read two modalities from one file that holds both, or from one each; X is the first.

    A file is an .npy, an .npz, a safetensors or a Parquet file, a pipe, or ``-`` for standard
    input. A folder is one of shards, or what clip-retrieval writes: ``img_emb/img_emb_0.npy``, …
    and ``text_emb/text_emb_0.npy``, …, in the order of their numbers. The axes of an array are
    recognised: both modalities as (2, n, d) or (n, 2, d), one as (n, d), k captions for each image
    as (n, k, d) beside images (n, d); and transposed ones where only columns have unit length.
    What is not the usual shape is named in the notes, and what is ambiguous is refused.

    Parameters
    ----------
    files : path, or sequence of one or two
        Files or folders.
    x, y : str, optional
        Names of the arrays to take from a file that holds several: the key of an npz, the name of
        a tensor, or a column. Commands call them ``--x`` and ``--y``, and so do messages.
    layout : str, optional
        The axes of the array by letters, 2 the modalities, n the pairs, d the dimensions, k the
        captions of an image: ``2nd``, ``n2d``, ``dn``; for each of two arrays with a comma between
        them, as ``nd,dn``. It is recognised by default.
    whole : bool
        Whether there must be memory for a copy of all rows, such as `measure` makes. Without it
        only what has to be read is counted, and npy files are mapped.

    Returns
    -------
    Pairs

    Raises
    ------
    OSError
        If a file is missing or cannot be read.
    MemoryError
        If the rows need more memory than there is.
    TypeError, ValueError
        If a file cannot be read as arrays, or its arrays not as two modalities.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from gapdyn import sphere
    >>> with TemporaryDirectory() as folder:
    ...     rows = np.stack([sphere.sample(5, 3, 0), sphere.sample(5, 3, 1)], axis=1)
    ...     np.save(f"{folder}/both.npy", rows)
    ...     pairs = read_pairs(f"{folder}/both.npy")
    >>> pairs.X.shape, pairs.notes[0].partition(", ")[2]
    ((5, 3), 'shape (5, 2, 3), is read as n2d (pairs, modalities, dimensions)')
    """
    paths = _paths(files)
    validate_bool("whole", whole)
    for option, key in (("--x", x), ("--y", y)):
        if not isinstance(key, str | None):
            raise TypeError(f"{option} must be a text, got {shown(key)}")
    if len(paths) == 2:
        found = _of_two_files(paths, x, y)
    elif (folder := Path(paths[0])).is_dir():
        found = _of_two_files([*map(os.fspath, _shards.of_two(folder))], x, y)
    else:
        found = _of_one_file(paths[0], x, y)
    if whole:
        size = sum(part.array.size * max(part.array.dtype.itemsize, 4) for part in found)
        _memory.claim(size, f"unit rows of {' and '.join(part.name for part in found)}")
    layouts = _layouts.parse(layout, len(found))
    if len(found) == 1:
        X, Y, groups, notes = _arrangement.both(found[0], layouts[0])
    else:
        X, Y, groups, notes = _arrangement.each(found, layouts)
    return Pairs(X, Y, groups, (*(note for part in found for note in part.notes), *notes))


def _paths(files: Any) -> list[str]:
    """The files as texts, of which there are one or two."""
    if isinstance(files, str | os.PathLike):
        files = [files]
    if not isinstance(files, Sequence) or not all(isinstance(f, str | os.PathLike) for f in files):
        raise TypeError(f"files must be a path or a sequence of paths, got {shown(files)}")
    paths = [os.fspath(file) for file in files]
    if not all(isinstance(path, str) and path and "\0" not in path for path in paths):
        raise ValueError("FILE must be a path, and no empty text")
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"files must be one or two, got {len(paths)}")
    if paths.count("-") > 1:
        raise ValueError("FILE may be -, which is standard input, once")
    return paths


def _of_one_file(path: str, x: str | None, y: str | None) -> list[Named]:
    """The two arrays of a file, or the one that holds both modalities."""
    left_out: list[str] = []

    def choose(stored: Mapping[str, Stored]) -> Iterable[str]:
        names = chosen_two(_told(path), stored, x, y)
        left_out.extend(name for name in stored if name not in names)
        return names

    arrays, path = _read(path, choose), _told(path)
    named = [Named(f"{name} of {path}" if name else path, array) for name, array in arrays.items()]
    notes = [f"x is {' and y is '.join(arrays)}, of {path}"] if len(arrays) == 2 else []
    notes += [f"{path} has {listed(left_out)} too, left out"] if left_out else []
    return [Named(named[0].name, named[0].array, tuple(notes)), *named[1:]]


def _of_two_files(paths: list[str], x: str | None, y: str | None) -> list[Named]:
    """The array of each of two files, or the rows of two folders of shards."""
    chooses = [
        partial(chosen_one, option, _told(path), key)
        for option, path, key in zip(("--x", "--y"), paths, (x, y), strict=True)
    ]
    folders = [
        _shards.look_at(_shards.of_one(Path(path)), choose) if Path(path).is_dir() else None
        for path, choose in zip(paths, chooses, strict=True)
    ]
    if folders[0] is not None and folders[1] is not None:
        _shards.check_counts(folders[0], folders[1])
    return [
        Named(_told(path), next(iter(_read(path, choose).values())))
        if shards is None
        else _shards.read(path, shards, choose)
        for path, shards, choose in zip(paths, folders, chooses, strict=True)
    ]


def _read(path: str, choose: Choice) -> dict[str, Floats]:
    """Arrays of a file, bfloat16 as float32."""
    arrays = read_arrays(0 if path == "-" else path, choose)
    return {name: _formats.plain(array) for name, array in arrays.items()}


def _told(path: str) -> str:
    """What messages call a file."""
    return "standard input" if path == "-" else path
