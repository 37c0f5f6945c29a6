"""Arrays of safetensors and Parquet files, and bfloat16, by the libraries for them.

These are the extra `formats`. Each is imported where a file wants it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gapdyn import _memory
from gapdyn._kinds import UnreadableError
from gapdyn._stored import Stored

SAFETENSORS = re.compile(rb".{5}\0{3}\{", re.DOTALL)
PARQUET = b"PAR1"
LISTS = ("list", "large_list", "fixed_size_list")
Library = Callable[[IO[bytes]], AbstractContextManager[dict[str, Stored]]]

TYPES = {
    "F64": "f8", "F32": "f4", "F16": "f2",
    "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""Types of safetensors and of NumPy."""


def library(head: bytes) -> Library | None:
    """What opens a file that begins so, if it is of one of these formats."""
    if SAFETENSORS.match(head):
        return safetensors
    return parquet if head.startswith(PARQUET) else None


def wanted(name: str, why: str) -> Any:
    """Import a library, or say how it is installed."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UnreadableError(
            f"{why}, and reading that wants {package}: python -m pip install {package}"
            " (the extra formats has it)"
        ) from error


def bfloat16(why: str) -> np.dtype[Any]:
    """The type that NumPy lacks."""
    dtype: np.dtype[Any] = np.dtype(wanted("ml_dtypes", why).bfloat16)
    return dtype


def plain_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type as which embeddings are used: itself, or float32 for bfloat16."""
    return np.dtype("f4") if dtype.name == "bfloat16" else dtype


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array of its plain type."""
    dtype = plain_type(array.dtype)
    if dtype == array.dtype:
        return array
    _memory.claim(dtype.itemsize * array.size, f"rows as {dtype}")
    return array.astype(dtype)


@contextmanager
def safetensors(stream: IO[bytes]) -> Iterator[dict[str, Stored]]:
    """Tensors by name."""
    module = wanted("safetensors", "it is a safetensors file")
    with _named(stream) as path:
        try:
            with module.safe_open(path, framework="numpy") as file:
                yield {name: _tensor(file, name) for name in file.keys()}  # noqa: SIM118
        except module.SafetensorError as error:
            raise UnreadableError(f"it is a safetensors file, but damaged: {error}") from error


@contextmanager
def _named(stream: IO[bytes]) -> Iterator[str]:
    """The path of an open file, which is a copy where only the stream is at hand."""
    if isinstance(getattr(stream, "name", None), str):
        yield str(stream.name)
        return
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as copy:
        while chunk := stream.read(2**24):
            copy.write(chunk)
        copy.flush()
        yield copy.name


def _tensor(file: Any, name: str) -> Stored:
    """One tensor of an open file."""
    part = file.get_slice(name)
    kind = part.get_dtype()
    if kind == "BF16":
        dtype = bfloat16("it holds bfloat16")
    elif kind in TYPES:
        dtype = np.dtype(TYPES[kind])
    else:  # of no use, but perhaps no use is made of it
        return Stored(tuple(part.get_shape()), np.dtype("V1"), partial(_refuse, kind))
    return Stored(tuple(part.get_shape()), dtype, partial(file.get_tensor, name))


def _refuse(kind: str) -> NDArray[Any]:
    """In place of a tensor of a type that NumPy lacks."""
    raise UnreadableError(f"it holds {kind}; convert to float32 before saving")


@contextmanager
def parquet(stream: IO[bytes]) -> Iterator[dict[str, Stored]]:
    """Columns of lists of numbers by name; else all columns of floats as one table, named ""."""
    module = wanted("pyarrow.parquet", "it is a Parquet file")
    arrow = import_module("pyarrow")
    try:
        file = module.ParquetFile(stream)
        schema = file.schema_arrow
        rows = file.metadata.num_rows
        lists = {field.name: _depth(field.type) for field in schema}
        found = {
            name: _column(file, name, rows, *depth) for name, depth in lists.items() if depth[0]
        }
        flat = [field.name for field in schema if arrow.types.is_floating(field.type)]
        if not found and flat:
            dtype = np.result_type(*(_type(schema.field(name).type) for name in flat))
            found = {"": Stored((rows, len(flat)), dtype, partial(_table, file, flat, dtype))}
        if not found:
            raise UnreadableError(f"it has no column of lists of numbers, only {schema.names[:9]}")
        yield found
    except (arrow.ArrowException, OSError) as error:
        raise UnreadableError(f"it is a Parquet file, but damaged: {error}") from error


def _depth(kind: Any) -> tuple[int, Any]:
    """How often lists are nested in a type, 0 if they do not end in numbers, and of which type."""
    types = import_module("pyarrow").types
    depth = 0
    while True:
        if hasattr(kind, "storage_type"):
            kind = kind.storage_type
        elif any(getattr(types, f"is_{list}")(kind) for list in LISTS):
            kind, depth = kind.value_type, depth + 1
        else:
            number = types.is_floating(kind) or types.is_integer(kind)
            return (depth if number else 0), kind


def _type(kind: Any) -> np.dtype[Any]:
    """NumPy's type of numbers."""
    types = import_module("pyarrow").types
    letter = "f" if types.is_floating(kind) else "i" if types.is_signed_integer(kind) else "u"
    return np.dtype(f"{letter}{kind.bit_width // 8}")


def _column(file: Any, name: str, rows: int, depth: int, kind: Any) -> Stored:
    """A column of lists, the first of which says how long all are."""
    first = next(file.iter_batches(1, columns=[name]), None)
    row = first.column(0).to_pylist()[0] if first is not None and len(first) else []
    shape: tuple[int, ...] = (rows,)
    for _ in range(depth):
        shape += (len(row or []),)
        row = row[0] if row else []
    dtype = _type(kind)
    return Stored(shape, dtype, partial(_lists, file, name, shape, dtype))


def _lists(file: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A column of lists as an array, read by batches."""
    array, done = np.empty(shape, dtype), 0
    for batch in file.iter_batches(columns=[name]):
        column, count = batch.column(0), len(batch)
        for length in shape[1:]:
            column = getattr(column, "storage", column)
            count *= length
            lengths = column.value_lengths() if hasattr(column, "value_lengths") else None
            column = column.flatten()
            even = lengths is None or {*lengths.unique().to_pylist()} <= {length}
            if not even or len(column) != count:
                raise UnreadableError(f"the lists in its column {name} differ in length")
        if column.null_count:
            raise UnreadableError(f"there are nulls in its column {name}")
        block = column.to_numpy(zero_copy_only=False).reshape(len(batch), *shape[1:])
        array[done : done + len(batch)] = block
        done += len(batch)
    return array


def _table(file: Any, names: list[str], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Columns of numbers side by side, read by batches."""
    array, done = np.empty((file.metadata.num_rows, len(names)), dtype), 0
    for batch in file.iter_batches(columns=names):
        for k, column in enumerate(batch.columns):
            if column.null_count:
                raise UnreadableError(f"there are nulls in its column {names[k]}")
            array[done : done + len(batch), k] = column.to_numpy(zero_copy_only=False)
        done += len(batch)
    return array
