"""The file of a sweep: a header, then one line of JSON for each finished point; it only grows."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from gapdyn._version import __version__
from gapdyn.files import validate_target

if sys.platform != "win32":
    import fcntl

FORMAT = 1
JSON_VALUES = "numbers, strings, and lists and mappings of them"

Job = tuple[dict[str, Any], int]
"""Parameters and seed of one point."""


def plain(value: Any) -> Any:
    """A value for JSON, without rounding: NumPy's scalars and arrays become Python's."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        inner = value.tolist()
        if not isinstance(inner, np.generic):  # a long double remains one
            return plain(inner)
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {str(name): plain(entry) for name, entry in value.items()}
    raise TypeError(f"values must be {JSON_VALUES}, got {value!r} of {type(value).__name__}")


def key(parameters: Mapping[str, Any], seed: int) -> str:
    """What identifies a point, as text."""
    return json.dumps([plain(parameters), seed], sort_keys=True)


def header(function: Callable[..., Any]) -> bytes:
    """The first line of a file, which identifies the function and the version of gapdyn."""
    name = f"{function.__module__}.{function.__qualname__}"
    about = {"gapdyn": __version__, "format": FORMAT, "function": name}
    return json.dumps(about).encode() + b"\n"


def line(job: Job, value: str) -> bytes:
    """The line of one point in a file."""
    parameters, seed = job
    about = f'{{"parameters": {json.dumps(plain(parameters))}, "seed": {seed}, "value": {value}}}'
    return about.encode() + b"\n"


@contextmanager
def opened(out: str | os.PathLike[str] | None) -> Iterator[IO[bytes] | None]:
    """Open the file for reading and appending, and lock it against other sweeps."""
    if out is None:
        yield None
        return
    path = validate_target("out", out, replaced=False)
    if path.exists() and not path.is_file():
        raise ValueError(f"out must be a file that keeps what it is given, got {path}")
    with path.open("a+b") as stream:
        if sys.platform != "win32":
            try:  # a lock of the process, which workers that outlive it do not inherit
                fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as error:
                raise BlockingIOError(f"out is being written by another process: {path}") from error
            except OSError:  # a file system without locks
                pass
        yield stream


def append(stream: IO[bytes], line: bytes) -> None:
    """Append a line, and return when it is on the disk."""
    stream.write(line)
    stream.flush()
    os.fsync(stream.fileno())


def resume(stream: IO[bytes], header: bytes, index: dict[str, int]) -> dict[int, str]:
    """Read the values of finished points; begin a new file, and drop a last line that is torn."""
    stream.seek(0)
    first = stream.readline()
    if first != header:
        _begin(stream, first, header)
        return {}
    found: dict[int, str] = {}
    end = len(first)
    for number, line in enumerate(stream, start=2):
        if not line.endswith(b"\n"):
            message = f"the last line of {stream.name} is torn; its point is computed anew"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
            stream.truncate(end)
            break
        end += len(line)
        name, value = _read(stream.name, number, line)
        if name not in index:
            raise ValueError(
                f"out must be a file of this sweep, {stream.name} has points that grid and seeds "
                f"have not, such as {line[:200]!r}; a sweep may grow, and else takes a new file"
            )
        found[index[name]] = value
    return found


def _begin(stream: IO[bytes], first: bytes, header: bytes) -> None:
    """Write the header of a file that has none, or a torn one."""
    if first.endswith(b"\n") or not header.startswith(first):
        raise ValueError(
            "out must be a file of this sweep and version, "
            f"{stream.name} begins with {first[:200]!r}, not {header!r}"
        )
    stream.truncate(0)
    append(stream, header)


def _read(file: str, number: int, line: bytes) -> tuple[str, str]:
    """The point and the value of a line."""
    try:
        entry = json.loads(line.decode())
        return key(entry["parameters"], entry["seed"]), json.dumps(entry["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"out is damaged: line {number} of {file} is {line[:80]!r}; "
            "without that line its point is computed anew"
        ) from error
