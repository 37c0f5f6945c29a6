"""Sizes of strips and blocks, and memory that is used again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from gapdyn.types import Array


def _cache_size() -> int:
    """Bytes of the second-level cache of one core; 1 MB where the system does not say."""
    try:
        size = os.sysconf("SC_LEVEL2_CACHE_SIZE")
    except (AttributeError, OSError, ValueError):
        size = 0
    return size if size > 0 else 2**20


STRIP = min(max(_cache_size(), 2**18), 2**22) // 32
"""Entries of a strip: with one temporary of its size it fills half of the cache.

The last digits of a result depend on it, since it decides in which order sums are made.
"""

LEAST_HEIGHT = 4
"""Rows of a strip whose rows are long: with fewer, calls would cost more than the cache saves."""

BLOCK = 2**25
"""Bytes of a block that is made and used once."""

BUDGET = 2**29
"""Bytes of similarities that are stored; a larger (n, n) array is made in blocks of rows."""


def cut(n: int, height: int) -> list[slice]:
    """Blocks of `height` of n rows."""
    return [slice(start, min(start + height, n)) for start in range(0, n, height)]


def strip_height(width: int) -> int:
    """Rows of `width` entries in one strip."""
    return max(LEAST_HEIGHT, STRIP // width)


def by_strips(operation: Callable[[Array, Array], Array], A: Array, B: Array) -> Array:
    """What an operation gives for each row of two arrays of one shape, both in the cache."""
    if A.size <= 2 * STRIP:
        return operation(A, B)
    strips = cut(len(A), 2 * strip_height(A.shape[1]))
    return np.concatenate([operation(A[rows], B[rows]) for rows in strips])


@lru_cache(maxsize=64)
def ones(n: int) -> Array:
    """A read-only vector of n ones: a product with it is the fastest sum."""
    vector = np.ones(n)
    vector.flags.writeable = False
    return vector


class Scratch(threading.local):
    """Named arrays that are used again at the next call; each thread has its own."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.arrays: dict[str, Array] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Scratch, (self.budget,)

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        """The array of that name; its entries are left over from the last use."""
        array = self.arrays.get(name)
        if array is not None and array.shape == shape:
            return array
        size = prod(shape)
        memory = None if array is None else array.base
        if memory is None or memory.size < size:
            memory = np.empty(size)
        array = self.arrays[name] = memory[:size].reshape(shape)
        return array

    def similarities(self, n: int) -> Array:
        """As many rows of an (n, n) array as the budget holds, at least one."""
        height = n if 8 * n * n <= self.budget else max(1, self.budget // (8 * n))
        return self.array("similarities", (height, n))
