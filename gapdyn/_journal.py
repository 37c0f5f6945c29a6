"""The file of a sweep: a header, then one line of JSON for each finished point; it only grows."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from gapdyn._version import __version__
from gapdyn.files import validate_target
from gapdyn.validate import shown

if sys.platform != "win32":
    import fcntl

FORMAT = 2
"""In this format every line of a point has a checksum; in format 1 a line may have none."""

DEPTH = 100
"""How deep values may be nested: json and the reader's own stack allow some hundreds."""

JSON_VALUES = f"numbers, strings, and lists and mappings of them, {DEPTH} deep at most"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CHECKED = re.compile(rb'(.*), "crc32": "([0-9a-f]{8})"}', re.DOTALL)

Job = tuple[dict[str, Any], int]
"""Parameters and seed of one point."""


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A value for JSON, without rounding: NumPy's scalars and arrays become Python's."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic) and _has_numbers(value):
        inner = value.tolist()
        if not isinstance(inner, np.generic):  # a long double remains one
            return plain(inner, depth)
    if depth and isinstance(value, list | tuple):
        return [plain(entry, depth - 1) for entry in value]
    if depth and isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {str.__str__(name): plain(entry, depth - 1) for name, entry in value.items()}
    raise TypeError(f"values must be {JSON_VALUES}, got {shown(value)} of {type(value).__name__}")


def _has_numbers(array: np.ndarray[Any, Any] | np.generic) -> bool:
    """Whether `tolist` keeps what an array says: it turns dates into numbers, masks into None."""
    return array.dtype.kind not in "mM" and not np.ma.is_masked(array)


def key(parameters: Mapping[str, Any], seed: int) -> str:
    """What identifies a point, as text."""
    return json.dumps([plain(parameters), seed], sort_keys=True)


def name(function: Callable[..., Any]) -> str:
    """The name of a function in a file, empty if it has none of its own."""
    module, own = (getattr(function, part, None) for part in ("__module__", "__qualname__"))
    return f"{module}.{own}" if isinstance(module, str) and isinstance(own, str) else ""


def header(function: Callable[..., Any], form: int = FORMAT) -> bytes:
    """The first line of a file, which identifies the function and the version of gapdyn."""
    about = {"gapdyn": __version__, "format": form, "function": name(function)}
    return json.dumps(about).encode() + b"\n"


def line(job: Job, value: str) -> bytes:
    """The line of one point in a file, with a checksum of all that comes before it."""
    parameters, seed = job
    about = f'{{"parameters": {json.dumps(plain(parameters))}, "seed": {seed}, "value": {value}'
    body = about.encode()
    return body + b', "crc32": "%08x"}\n' % zlib.crc32(body)


class _Claims:
    """The files that threads of this process write: to the system a process is one writer."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin anew in a forked process, which writes none of them."""
        self.lock = threading.Lock()
        self.held: set[tuple[int, int]] = set()


CLAIMS = _Claims()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CLAIMS.renew)


@contextmanager
def opened(out: str | os.PathLike[str] | None) -> Iterator[io.FileIO | None]:
    """Open the file for reading and appending, and lock it against other sweeps."""
    if out is None:
        yield None
        return
    path = validate_target("out", out, replaced=False)
    if path.exists() and not path.is_file():
        raise ValueError(f"out must be a file that keeps what it is given, got {path}")
    with CLAIMS.lock:
        # Before it is opened: to close a file lets go of the locks that its process has on it.
        if path.exists() and _identity(path.stat()) in CLAIMS.held:
            raise BlockingIOError(f"out is being written by another sweep of this process: {path}")
        stream = path.open("a+b", buffering=0)
        claim = _identity(os.fstat(stream.fileno()))
        CLAIMS.held.add(claim)
    try:
        _lock(stream)
        yield stream
    finally:
        with CLAIMS.lock:
            stream.close()
            CLAIMS.held.discard(claim)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _lock(stream: io.FileIO) -> None:
    """Lock a file of this process; where the system lets a process lock none, it is not."""
    if sys.platform == "win32":
        return
    try:  # a lock of the process, which workers that outlive it do not inherit
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        where = f"out is being written by another process: {stream.name}"
        raise BlockingIOError(where) from error
    except OSError:  # a file system without locks
        pass


def append(stream: io.FileIO, line: bytes) -> None:
    """Append a line whole, and return when it is on the disk, or append nothing of it."""
    _lock(stream)  # again: whoever reads the file in this process lets go of the lock by closing it
    status = os.fstat(stream.fileno())
    if status.st_nlink == 0:
        raise FileNotFoundError(f"out was deleted while a sweep wrote it: {stream.name}")
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[stream.write(rest) :]
        os.fsync(stream.fileno())
    except OSError:
        with suppress(OSError):
            stream.truncate(status.st_size)
        raise


def resume(
    stream: io.FileIO, function: Callable[..., Any], index: dict[str, int]
) -> dict[int, str]:
    """Read the values of finished points; begin a new file, and drop a last line that is torn.

    The file may have been through an editor: line ends of Windows, a byte-order mark and blank
    lines at its end say nothing.
    """
    stream.seek(0)
    first, *lines = list(io.BytesIO(stream.readall())) or [b""]
    start = first.removeprefix(BYTE_ORDER_MARK)
    headers = [header(function, form) for form in range(1, FORMAT + 1)]
    if _bare(start) not in map(_bare, headers) or not start.endswith(b"\n"):
        _begin(stream, start, headers)
        return {}
    _drop_end(stream, first, lines)
    found: dict[int, str] = {}
    for number, line in enumerate(lines, start=2):
        point, value = _read(stream.name, number, line, checked=_bare(start) != _bare(headers[0]))
        if point not in index:
            raise ValueError(
                f"out must be a file of this sweep, {stream.name} has points that grid and seeds "
                f"have not, such as {line[:200]!r}; a sweep may grow, and else takes a new file"
            )
        if found.setdefault(index[point], value) != value:
            raise _damaged(stream.name, number, line, "is not what an earlier line says")
    return found


def _bare(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _begin(stream: io.FileIO, first: bytes, headers: list[bytes]) -> None:
    """Write the header of a file that has none, or a torn one."""
    if first.endswith(b"\n") or not any(header.startswith(_bare(first)) for header in headers):
        raise ValueError(
            "out must be a file of this sweep and version, "
            f"{stream.name} begins with {first[:200]!r}, not {headers[-1]!r}"
        )
    stream.truncate(0)
    append(stream, headers[-1])


def _drop_end(stream: io.FileIO, first: bytes, lines: list[bytes]) -> None:
    """Drop blank lines at the end of a file, and a last line that is torn."""
    size = len(first) + sum(map(len, lines))
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        message = f"the last line of {stream.name} is torn; its point is computed anew"
        warnings.warn(message, RuntimeWarning, stacklevel=4)
    end = len(first) + sum(map(len, lines))
    if end < size:
        stream.truncate(end)


def _read(file: str, number: int, line: bytes, *, checked: bool) -> tuple[str, str]:
    """The point and the value of a line, which has a checksum if it must be `checked`."""
    text = _bare(line)
    match = CHECKED.fullmatch(text)
    if (checked and not match) or (match and int(match[2], 16) != zlib.crc32(match[1])):
        raise _damaged(file, number, line, "has not the checksum of what it says")
    try:
        entry = json.loads(text.decode())
        if [*entry] != ["parameters", "seed", "value", "crc32"][: 4 if match else 3]:
            raise ValueError("is no point")
        return key(entry["parameters"], entry["seed"]), json.dumps(entry["value"])
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(file, number, line, f"cannot be read ({error})") from error


def _damaged(file: str, number: int, line: bytes, why: str) -> ValueError:
    return ValueError(
        f"out is damaged: line {number} of {file} is {line[:80]!r}: it {why}; "
        "without that line its point is computed anew"
    )
