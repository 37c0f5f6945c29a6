"""Write files: a file is written whole or not at all, by one writer at a time."""

from __future__ import annotations

import csv
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from numpy.typing import NDArray

if sys.platform != "win32":
    import fcntl

FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
LONGEST = 200
"""Bytes of the longest name that the name of its part file shows; file systems allow 255."""


def validate_target(name: str, path: str | os.PathLike[str], *, replaced: bool = True) -> Path:
    """Refuse a path that cannot be written, before what goes into it is computed.

    Where a file will be replaced, a byte is written to a file without a name in its folder, so that
    a folder or a disk which takes no file is found out. With `replaced=False` no more is asked than
    whether there is a folder, and whether an existing file may be written.

    Raises
    ------
    OSError
        Of the kind that writing would raise.
    """
    target, place = Path(path), Path(os.path.realpath(path))
    with _named(name, path):
        has_folder, is_folder = place.parent.is_dir(), target.is_dir()
    if not has_folder:
        raise FileNotFoundError(f"{name} wants a file in an existing folder, got {path}")
    if is_folder:
        raise IsADirectoryError(f"{name} wants a file, got the folder {path}")
    with _named(name, path):
        exists, replaceable = _kind(target)
        if exists and not os.access(target, os.W_OK):
            raise PermissionError(None, "permission denied")
        if replaceable and replaced:
            _try_folder(place)
    return target


@contextmanager
def _named(name: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in an OSError which argument is wrong, and not which part file."""
    try:
        yield
    except OSError as error:
        message = f"{name} wants a file that can be written, got {path}: {error.strerror}"
        raise type(error)(message) from error


@contextmanager
def replacing(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file beside `path` that replaces it when the block ends without an error.

    A process that is killed leaves that file, `.name.part`, and the next writer of `path` uses it
    anew. A pipe or a device is written directly.

    Raises
    ------
    BlockingIOError
        If another process or thread is writing `path`.
    OSError
        If it cannot be written.
    """
    target = validate_target("path", path, replaced=False)  # the part file is opened below
    encoding = None if "b" in mode else "utf-8"
    if not _kind(target)[1]:
        with target.open(mode, encoding=encoding) as stream:
            yield stream
        return
    place, done = Path(os.path.realpath(target)), False  # a link stays a link
    with _named("path", path):
        part, file = _open_part(place)
    try:
        with open(file.fileno(), mode, encoding=encoding, closefd=False) as stream:
            yield stream
        os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, part)
        done = True
    finally:
        _close_part(part, file, place if done else None)


def _kind(target: Path) -> tuple[bool, bool]:
    """Whether there is such a file, and whether it can be replaced, as pipes and devices cannot."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False, True
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OSError(None, "it is no file, pipe or character device")
    return True, stat.S_ISREG(mode)


def _try_folder(place: Path) -> None:
    """Write a byte to a nameless file beside a target, and look up the name of its part file."""
    with suppress(FileNotFoundError):
        _part(place).lstat()
    with TemporaryFile(dir=place.parent, buffering=0) as file:
        file.write(b"\0")
        os.fsync(file.fileno())


def _part(place: Path) -> Path:
    """The part file of a target, by its name unless that is too long."""
    name = os.fsencode(place.name)
    stem = place.name if len(name) <= LONGEST else sha256(name).hexdigest()
    return place.with_name(f".{stem}.part")


def _open_part(place: Path) -> tuple[Path, FileIO]:
    """Open the part file of a target, empty and locked.

    It has one name for each target, and its lock ends with the process that holds it: so what a
    killed writer has left is used anew, and what a live one writes is left alone. Where that cannot
    be, each writer has a file of its own.
    """
    part = _part(place)
    own = part.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
    while True:
        try:
            file = _opened(part)
        except PermissionError:  # of another user, unless the folder takes no files at all
            return own, _opened(own, os.O_TRUNC)
        try:
            locked = _lock(file)
            if locked and _is(part, file):
                file.truncate()
                return part, file
        except BaseException:
            file.close()
            raise
        file.close()
        if not locked:
            part.unlink(missing_ok=True)
            return own, _opened(own, os.O_TRUNC)
        # Locked, but renamed or deleted by its last writer in the meantime: once more.


def _opened(part: Path, more: int = 0) -> FileIO:
    """Open a file, new or as it is, but not what a link of its name leads to."""
    return open(part, "r+b", 0, opener=lambda name, _: os.open(name, FLAGS | more, 0o666))


def _lock(file: FileIO) -> bool:
    """Lock a file against other processes and threads; False where there are no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(None, "another process or thread is writing it") from error
    except OSError:
        return False
    return True


def _is(part: Path, file: FileIO) -> bool:
    """Whether an open file still has that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), part.lstat())
    except FileNotFoundError:
        return False


def _close_part(part: Path, file: FileIO, place: Path | None) -> None:
    """Rename a part file, or delete it, and only then let go of its lock."""
    if sys.platform == "win32":  # where an open file can be neither renamed nor deleted
        file.close()
    try:
        if place is not None:
            part.replace(place)
    finally:
        if sys.platform == "win32":
            part.unlink(missing_ok=True)
        else:
            if _is(part, file):
                part.unlink()
            file.close()


def write_columns(path: str | os.PathLike[str], columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of one length as CSV, floats with the fewest digits that read back exactly."""
    with replacing(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
