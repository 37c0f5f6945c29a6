"""Read arrays from .npy and .npz files: a file is read as it was written, or refused.

NumPy's readers raise whatever their parsers meet, and ask for as much memory as a damaged header
claims. Here the header is read first, and has to agree with the size of the file.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

NPY, ZIP = b"\x93NUMPY", b"PK"

KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"\Z", "it is empty"),
    (rb"version https://git-lfs", "it is a Git LFS pointer; git lfs pull fetches the file itself"),
    (rb"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "it is a PyTorch file"),
    (rb"\x80[\x02-\x05]", "it is a pickle, which could run code"),
    (rb"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
    (rb"PAR1", "it is a Parquet file"),
    (rb"ARROW1", "it is an Arrow file"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "it is compressed; decompress it first"),
    (rb"MATLAB", "it is a MATLAB file"),
    (rb".{5}\0{3}\{", "it is a safetensors file"),
    (rb"(?i)\s*<(!doctype )?html", "it is HTML, perhaps of the page that it was downloaded from"),
    (rb"[\t\n\r -~\x80-\xff]+\Z", "it is text, such as CSV or JSON"),
)
"""What a file is that begins so, with the advice that there is."""

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
EXPANSION = 1032
"""A byte that is compressed by DEFLATE, the one method that NumPy uses, gives at most 1032."""
CHUNK = 2**24

TYPES = re.compile(r"[<>|=]?[biufcSU][1-9]\d{0,8}")
OTHER_TYPES = (
    (r"\|?O", "it holds Python objects, which could run code"),
    (r"[<>|]?V2", "it holds {}, as NumPy stores bfloat16; convert to float32 before saving"),
    (r"[<>|]?V1", "it holds {}, as NumPy stores 8-bit floats; convert to float32 before saving"),
    (r"", "it holds {}, which are no plain numbers"),
)


DAMAGE = (
    ValueError, TypeError, EOFError, OverflowError,
    zipfile.BadZipFile, zlib.error, struct.error, RuntimeError,
)  # fmt: skip
"""What Python's and NumPy's parsers raise of damaged files."""


class _UnreadableError(ValueError):
    """Says what is wrong with a file."""


def read_arrays(source: str | os.PathLike[str] | int) -> dict[str, NDArray[Any]]:
    """Arrays of an npz file by name, in the file's order; the array of an npy file has the name "".

    An npy file is mapped, not read, so that a large file does not take its memory twice. What comes
    through a pipe is read. Pickled objects are never loaded.

    Parameters
    ----------
    source : path, or int
        A file, or a number under which one is open: 0 is standard input.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If the file is of another kind, is damaged, or holds anything but numbers and text.
    """
    if isinstance(source, bool):
        raise TypeError(f"source must be a path or the number of an open file, got {source}")
    if isinstance(source, int) and source < 0:
        raise ValueError(f"source must be a path or the number of an open file, got {source}")
    with _opened(source) as stream:
        try:
            return _read(stream)
        except DAMAGE as error:
            name = f"source {source}" if isinstance(source, int) else source
            name = "standard input" if source == 0 else name
            why = error if isinstance(error, _UnreadableError) else f"it is damaged: {error}"
            message = f"{name} is not a readable .npy or .npz file of numbers: {why}"
            raise ValueError(message) from error


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


def _read(stream: IO[bytes]) -> dict[str, NDArray[Any]]:
    """Arrays of an open file."""
    head = stream.read(512)
    if not head.startswith((NPY, ZIP)):
        known = (what for start, what in KINDS if re.match(start, head, re.DOTALL))
        raise _UnreadableError(next(known, "it is of another kind"))
    regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    whole = stream if regular else io.BytesIO(head + stream.read())
    size = whole.seek(0, os.SEEK_END)
    whole.seek(0)
    return {"": _read_npy(whole, size)} if head.startswith(NPY) else _read_npz(whole, size)


def _read_npy(stream: IO[bytes], size: int) -> NDArray[Any]:
    """The array of an npy file, mapped where it can be."""
    dtype, shape, order = _read_header(stream)
    start = stream.tell()
    _check_size(dtype, shape, size - start)
    if isinstance(stream, io.BytesIO) or size == start:
        return np.frombuffer(stream.read(), dtype).reshape(shape, order=order)
    return np.memmap(stream, dtype, "r", start, shape, order)


def _read_npz(stream: IO[bytes], size: int) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file."""
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if any(name.endswith("data.pkl") for name in names):
            raise _UnreadableError("it is a PyTorch file")
        others = [name for name in names if not name.endswith(".npy")]
        if others or not names:
            raise _UnreadableError(f"it is a zip archive of other files than arrays: {others[:3]}")
        if len({*names}) < len(names):
            raise _UnreadableError("it is damaged: two of its arrays have one name")
        for member in members:
            if member.flag_bits & 1:
                raise _UnreadableError("it is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _UnreadableError("it is compressed by a method that NumPy does not use")
            if not 0 <= member.header_offset < size:
                raise _UnreadableError("it is damaged: its directory points elsewhere")
        claimed = sum(member.file_size for member in members)
        if claimed > EXPANSION * size:
            raise _UnreadableError(f"it is damaged: {size} bytes cannot hold {claimed}")
        return {
            member.filename.removesuffix(".npy"): _read_member(archive, member)
            for member in members
        }


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """One array of an npz file."""
    with archive.open(member) as stream:
        dtype, shape, order = _read_header(stream)
        _check_size(dtype, shape, member.file_size - stream.tell())
        array = np.empty(math.prod(shape), dtype)
        rest = array.view(np.uint8) if array.size else np.empty(0, np.uint8)
        while rest.size:
            chunk = stream.read(min(CHUNK, rest.size))
            if not chunk:
                raise _UnreadableError("it is damaged: an array is cut short")
            rest[: len(chunk)] = np.frombuffer(chunk, np.uint8)
            rest = rest[len(chunk) :]
        if stream.read(1):  # at the end, the checksum is compared
            raise _UnreadableError("it is damaged: an array is longer than it says")
        return array.reshape(shape, order=order)


def _read_header(stream: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """Type, shape and order of the array that follows."""
    start = stream.read(8)
    if start[:6] != NPY or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise _UnreadableError("it is damaged, or of an unknown version of the format")
    length = int.from_bytes(stream.read(2 if start[6] == 1 else 4), "little")
    text = stream.read(min(length, LONGEST_HEADER))
    found = HEADER.fullmatch(text.decode("latin-1"))
    if len(text) < length or not found or None in found.group("descr", "fortran", "shape"):
        raise _UnreadableError("it is damaged: the header of an array cannot be read")
    descr = found["descr"].strip("'\"")
    if not TYPES.fullmatch(descr):
        what = next(what for kind, what in OTHER_TYPES if re.fullmatch(kind or ".*", descr))
        raise _UnreadableError(what.format(descr[:40]))
    shape = tuple(int(length) for length in re.findall(r"\d+", found["shape"]))
    return np.dtype(descr), shape, "F" if found["fortran"] == "True" else "C"


def _check_size(dtype: np.dtype[Any], shape: tuple[int, ...], size: int) -> None:
    """Refuse an array that needs more bytes, or fewer, than there are."""
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != size:
        raise _UnreadableError(
            f"it is damaged: an array of shape {shape} and type {dtype} has {wanted} bytes,"
            f" here are {size}"
        )
