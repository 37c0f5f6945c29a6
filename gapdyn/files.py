"""Read and write files: a file is written whole or not at all."""

from __future__ import annotations

import csv
import os
import shutil
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def validate_target(name: str, path: str | os.PathLike[str]) -> Path:
    """Refuse a path that cannot be written, before what goes into it is computed."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{name} wants a file in an existing folder, got {path}")
    if target.is_dir():
        raise IsADirectoryError(f"{name} wants a file, got the folder {path}")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise PermissionError(f"{name} wants a file that can be written, got {path}")
    return target


@contextmanager
def replacing(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file beside `path` that replaces it when the block ends without an error."""
    target = validate_target("path", path)
    if target.exists() and not target.is_file():  # a pipe or a device has nothing to replace
        with target.open(mode) as stream:
            yield stream
        return
    target = target.resolve()  # a link stays a link
    part = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open(mode) as stream:
            yield stream
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an npz file by name, in the file's order; the array of an npy file has the name "".

    An npy file is mapped, not read, so that a large file does not take its memory twice. Pickled
    objects are never loaded.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If the file is of another kind, is damaged, or holds objects.
    """
    source = Path(path)
    if not source.is_file():
        what = f"{path} is a folder" if source.is_dir() else f"there is no file {path}"
        raise FileNotFoundError(what)
    try:
        with source.open("rb") as stream:
            if stream.read(6) == b"\x93NUMPY":
                return {"": np.load(source, mmap_mode="r", allow_pickle=False)}
            stream.seek(0)
            with np.lib.npyio.NpzFile(stream, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise ValueError(f"{path} is not a readable .npy or .npz file of numbers") from error


def write_columns(path: str | os.PathLike[str], columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of one length as CSV, floats with the fewest digits that read back exactly."""
    with replacing(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
