"""An array of a file before it is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stored:
    """What an array is, and how it is read; mapped ones take no memory until they are used."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]
    mapped: bool = False

    @property
    def size(self) -> int:
        """Bytes of memory that reading it takes."""
        return 0 if self.mapped else math.prod(self.shape) * self.dtype.itemsize


class ChoiceError(ValueError):
    """Says that a file that can be read has no array of a name, or no single one to choose."""
