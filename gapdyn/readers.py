"""Read arrays from .npy and .npz files: a file is read as it was written, or refused.

NumPy's readers raise whatever their parsers meet, and ask for as much memory as a damaged header
claims. Here the header is read first, and has to agree with the size of the file. Files in
safetensors and Parquet are left to the libraries for them.
"""

from __future__ import annotations

import errno
import io
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gapdyn import _formats, _memory
from gapdyn._kinds import UnreadableError, converted, told
from gapdyn._stored import ChoiceError, Stored

Choice = Callable[[Mapping[str, Stored]], Iterable[str]]

NPY, ZIP = b"\x93NUMPY", b"PK\3\4"
EMPTY_ZIP = b"PK\5\6"

HEADER = re.compile(
    r"""\{\s*(?:(?:
        (?P<q>['"])descr(?P=q)\s*:\s*(?P<descr>'[^']*'|"[^"]*"|\[.*\])
      | (?P<r>['"])fortran_order(?P=r)\s*:\s*(?P<fortran>True|False)
      | (?P<s>['"])shape(?P=s)\s*:\s*\((?P<shape>[\dL,\s]*)\)
    )\s*+(?:,\s*+)?){3}\}\s*""",
    re.VERBOSE,
)
"""The header of an .npy file, a mapping of three entries in any order."""
LONGEST_HEADER = 10_000
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""How files of PyTorch began before they were archives, which have the same name and advice."""
EXPANSION = 1032
"""A byte that is compressed by DEFLATE, the one method that NumPy uses, gives at most 1032."""
CHUNK = 2**24

TYPES = re.compile(r"[<>|=]?[biufcSU][1-9]\d{0,8}")
BFLOAT16 = re.compile(r"[<|]?V2")
OBJECTS = re.compile(r"\|?O")
OTHER_TYPES = (
    (OBJECTS, "it holds Python objects, which could run code"),
    (
        re.compile(r"[<>|]?V1"),
        "it holds {}, as NumPy stores 8-bit floats; convert to float32 before saving",
    ),
    (re.compile(r".*", re.DOTALL), "it holds {}, which are no plain numbers"),
)
TRUSTED = (
    "import numpy; a = numpy.load({file}, allow_pickle=True); "
    "numpy.save({npy}, numpy.array(a.tolist(), float)) if a.ndim else "
    "numpy.savez({npz}, **a.item())"
)
"""What converts an array of objects, of a file that can be trusted."""

DAMAGE = (
    ValueError, TypeError, EOFError, OverflowError,
    zipfile.BadZipFile, zlib.error, struct.error, RuntimeError,
)  # fmt: skip
"""What Python's and NumPy's parsers raise of damaged files."""


def read_arrays(
    source: str | os.PathLike[str] | int, choose: Choice | None = None
) -> dict[str, NDArray[Any]]:
    """Arrays of a file by name, in the file's order; the array of an npy file has the name "".

    An npy file is mapped, not read, so that a large file does not take its memory twice. What comes
    through a pipe is read. Pickled objects are never loaded.

    Parameters
    ----------
    source : path, or int
        A file, or a number under which one is open: 0 is standard input.
    choose : callable, optional
        Takes a mapping from names to what there is to know of the arrays before they are read,
        `shape` and `dtype`, and returns the names of those to read. All are read by default.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    MemoryError
        If the arrays need more memory than there is.
    ValueError
        If the file is of another kind, is damaged, holds anything but numbers and text, or wants a
        library that is not installed.
    """
    if isinstance(source, bool):
        raise TypeError(f"source must be a path or the number of an open file, got {source}")
    if isinstance(source, int) and source < 0:
        raise ValueError(f"source must be a path or the number of an open file, got {source}")
    with _opened(source) as stream:
        name = f"source {source}" if isinstance(source, int) else os.fspath(source)
        name = "standard input" if source == 0 else name
        try:
            with _stored(stream, name) as found:
                names = found if choose is None else choose(found)
                _memory.claim(sum(found[key].size for key in names), f"the arrays in {name}")
                return {key: found[key].read() for key in names}
        except ChoiceError:
            raise
        except DAMAGE as error:
            why = error if isinstance(error, UnreadableError) else f"it is damaged: {error}"
            raise ValueError(f"{name} is not a readable file of numbers: {why}") from error


@contextmanager
def _opened(source: str | os.PathLike[str] | int) -> Iterator[IO[bytes]]:
    """Open a file, or a descriptor, which stays open."""
    if not isinstance(source, int):
        if Path(source).is_dir():
            raise IsADirectoryError(f"{source} is a folder")
        if not Path(source).exists():
            raise FileNotFoundError(f"there is no file {source}")
    with open(source, "rb", closefd=not isinstance(source, int)) as stream:
        yield stream


@contextmanager
def _stored(stream: IO[bytes], name: str) -> Iterator[dict[str, Stored]]:
    """Arrays of an open file."""
    head = stream.read(512)
    library = _formats.library(head)
    if not head.startswith((NPY, ZIP, EMPTY_ZIP)) and library is None:
        raise UnreadableError(told(head, name))
    regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    whole = stream if regular else _drained(head, stream)
    size = whole.seek(0, os.SEEK_END)
    whole.seek(0)
    if library is not None:
        with library(whole) as found:
            yield found
    elif head.startswith(NPY):
        yield {"": _stored_npy(whole, size, name)}
    else:
        with zipfile.ZipFile(whole) as archive:
            yield _stored_npz(archive, size, name)


def _drained(head: bytes, stream: IO[bytes]) -> io.BytesIO:
    """All that comes through a pipe, as far as there is memory for it."""
    whole = io.BytesIO(head)
    whole.seek(0, os.SEEK_END)
    while chunk := stream.read(CHUNK):
        # Twice, as the array is a copy of the bytes.
        _memory.claim(whole.tell() + 2 * len(chunk), "the bytes that come through a pipe")
        whole.write(chunk)
    return whole


def _stored_npy(stream: IO[bytes], size: int, name: str) -> Stored:
    """The array of an npy file, mapped where it can be."""
    dtype, shape, order = _read_header(stream, name)
    start = stream.tell()
    _check_size(dtype, shape, size - start)
    if isinstance(stream, io.BytesIO) or size == start:
        read = partial(_of_bytes, stream, dtype, shape, order)
        return Stored(shape, dtype, read)
    return Stored(shape, dtype, partial(_mapped, stream, dtype, start, shape, order, name), True)


def _mapped(
    stream: IO[bytes],
    dtype: np.dtype[Any],
    start: int,
    shape: tuple[int, ...],
    order: Any,
    name: str,
) -> NDArray[Any]:
    """The array that begins at `start` of a file."""
    try:
        return np.memmap(stream, dtype, "r", start, shape, order)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        size = _memory.told(math.prod(shape) * dtype.itemsize)
        raise MemoryError(
            f"to map {name} takes {size} of addresses, which is not allowed"
        ) from error


def _of_bytes(
    stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], order: Any
) -> NDArray[Any]:
    """The array of which the rest of a stream is the memory."""
    return np.frombuffer(stream.read(), dtype).reshape(shape, order=order)


def _stored_npz(archive: zipfile.ZipFile, size: int, name: str) -> dict[str, Stored]:
    """The arrays of an npz file."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if any(inner.endswith("data.pkl") for inner in names):
        raise UnreadableError(told(TORCH, name))
    others = [inner for inner in names if not inner.endswith(".npy")]
    if others or not names:
        raise UnreadableError(f"it is a zip archive of other files than arrays: {others[:3]}")
    if len({*names}) < len(names):
        raise UnreadableError("it is damaged: two of its arrays have one name")
    for member in members:
        if member.flag_bits & 1:
            raise UnreadableError("it is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableError("it is compressed by a method that NumPy does not use")
        if not 0 <= member.header_offset < size:
            raise UnreadableError("it is damaged: its directory points elsewhere")
    claimed = sum(member.file_size for member in members)
    if claimed > EXPANSION * size:
        raise UnreadableError(f"it is damaged: {size} bytes cannot hold {claimed}")
    return {
        member.filename.removesuffix(".npy"): _stored_member(archive, member, name)
        for member in members
    }


def _stored_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Stored:
    """One array of an npz file."""
    with archive.open(member) as stream:
        dtype, shape, order = _read_header(stream, name)
        start = stream.tell()
    _check_size(dtype, shape, member.file_size - start)
    return Stored(shape, dtype, partial(_read_member, archive, member, start, dtype, shape, order))


def _read_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    start: int,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    order: Any,
) -> NDArray[Any]:
    """The array that begins at `start`."""
    with archive.open(member) as stream:
        stream.read(start)
        array = np.empty(math.prod(shape), dtype)
        rest = array.view(np.uint8) if array.size else np.empty(0, np.uint8)
        while rest.size:
            chunk = stream.read(min(CHUNK, rest.size))
            if not chunk:
                raise UnreadableError("it is damaged: an array is cut short")
            rest[: len(chunk)] = np.frombuffer(chunk, np.uint8)
            rest = rest[len(chunk) :]
        if stream.read(1):  # at the end, the checksum is compared
            raise UnreadableError("it is damaged: an array is longer than it says")
        return array.reshape(shape, order=order)


def _read_header(stream: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """Type, shape and order of the array that follows."""
    start = stream.read(8)
    if start[:6] != NPY or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise UnreadableError("it is damaged, or of an unknown version of the format")
    length = int.from_bytes(stream.read(2 if start[6] == 1 else 4), "little")
    text = stream.read(min(length, LONGEST_HEADER))
    found = HEADER.fullmatch(text.decode("latin-1"))
    if len(text) < length or not found or None in found.group("descr", "fortran", "shape"):
        raise UnreadableError("it is damaged: the header of an array cannot be read")
    descr = found["descr"].strip("'\"")
    shape = tuple(int(length) for length in re.findall(r"\d+", found["shape"]))
    return _type(descr, name), shape, "F" if found["fortran"] == "True" else "C"


def _type(descr: str, name: str) -> np.dtype[Any]:
    """The type that a header names."""
    if TYPES.fullmatch(descr):
        return np.dtype(descr)
    if BFLOAT16.fullmatch(descr):
        return _formats.bfloat16(f"it holds {descr}, as NumPy stores bfloat16")
    what = next(what for kind, what in OTHER_TYPES if kind.fullmatch(descr)).format(descr[:40])
    if OBJECTS.fullmatch(descr):
        what = converted(what, TRUSTED, name)
    raise UnreadableError(what)


def _check_size(dtype: np.dtype[Any], shape: tuple[int, ...], size: int) -> None:
    """Refuse an array that needs more bytes, or fewer, than there are."""
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != size:
        raise UnreadableError(
            f"it is damaged: an array of shape {shape} and type {dtype} has {wanted} bytes,"
            f" here are {size}"
        )
