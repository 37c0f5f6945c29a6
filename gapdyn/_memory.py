"""How much memory this process may still take, so that what is too large is refused beforehand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import resource


def available() -> float:
    """Bytes that this process may still take.

    That is the least of what Linux has to give, of what the container may use, and of the limit
    that the shell has set (``ulimit -v``).

    Returns
    -------
    float
        Infinity where none of them is known.
    """
    return min(_limits(), default=float("inf"))


def claim(size: float, what: str) -> None:
    """Refuse what needs more memory than there is.

    Parameters
    ----------
    size : float
        Bytes that are needed.
    what : str
        What needs them, for the message.

    Raises
    ------
    MemoryError
        If `size` is more than `available`.
    """
    there = available()
    if size > there:
        raise MemoryError(f"{what} need {told(size)} of memory, {told(there)} are available")


def claim_similarities(pairs: int) -> None:
    """Refuse more pairs than leave room for six n × n arrays, which questions about rows make.

    Parameters
    ----------
    pairs : int
        Their number n.

    Raises
    ------
    MemoryError
        If n × n similarities and what is computed from them are more than `available`.
    """
    claim(
        6 * 8 * float(pairs) ** 2,
        f"similarities of {pairs} pairs, n × n, of which a sample may do,",
    )


def told(size: float) -> str:
    """A number of bytes in the unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _limits() -> Iterator[float]:
    """What each limit that is known leaves, in bytes."""
    with suppress(OSError, ValueError, TypeError):
        yield 1024 * _number(Path("/proc/meminfo"), "MemAvailable:")
    with suppress(OSError, ValueError, TypeError):
        group = Path("/sys/fs/cgroup")
        # Pages of files count as used too, but make room.
        yield float((group / "memory.max").read_text()) - _number(group / "memory.stat", "anon")
    if sys.platform != "win32":
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            with suppress(OSError, ValueError):
                pages = int(Path("/proc/self/statm").read_text().split()[0])
                yield max(0.0, float(limit - pages * resource.getpagesize()))


def _number(file: Path, name: str) -> float:
    """The number after a name at the beginning of a line."""
    found = re.search(rf"^{name}\s+(\d+)", file.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} does not say {name}")
    return float(found[1])
