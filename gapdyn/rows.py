"""The unit rows of one modality, held in the precision in which they came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gapdyn._kernels.memory import BLOCK, STRIP, cut
from gapdyn.sphere import normalise, plain_lengths
from gapdyn.types import Array, Floats

Index = slice | NDArray[np.intp]


class Rows:
    """Unit rows of a modality: some of them in float64, all of them in their own type.

    Parameters
    ----------
    given : (n, d) array of floats
        Checked rows of any nonzero length.
    single : bool
        Whether to hold all of them in single precision, which is for rows of float16 and float32.
        They are still normalised in float64, a few at a time.

    Attributes
    ----------
    whole : (n, d) array of float32 or float64
        All unit rows, for products.
    length : (n,) float64 array
        What `undivided` rows are divided by; ones in double precision.
    """

    def __init__(self, given: Floats, *, single: bool = False) -> None:
        self.single, self.given = single, given
        if not self.single:
            self.whole: Floats = normalise(given)
            self.given, self.length = self.whole, np.ones(len(given))
            return
        self.length = np.concatenate([plain_lengths(given[b]) for b in self.blocks()])
        self.whole = np.empty(given.shape, np.float32)
        for b in cut(len(given), max(1, STRIP // self.dim)):
            self.whole[b] = self[b]

    def __len__(self) -> int:
        return len(self.given)

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.given.shape[1])

    def __getitem__(self, index: Index) -> Array:
        """The unit rows of a slice or of some indices, in float64."""
        rows = self.undivided(index)
        if self.single:
            rows /= self.length[index, None]
        return rows

    def undivided(self, index: Index) -> Array:
        """Some rows in float64, each still to be divided by its `length`."""
        return self.given[index].astype(np.float64, copy=False)

    def blocks(self) -> list[slice]:
        """Cut the rows into blocks of moderate memory."""
        return cut(len(self), max(1, BLOCK // (8 * self.dim)))

    def __iter__(self) -> Iterator[Array]:
        """The blocks of rows in float64."""
        return (self[b] for b in self.blocks())

    def mean(self) -> Array:
        """The centre c, which is not of unit length."""
        if not self.single:
            centre: Array = self[:].mean(axis=0)
            return centre
        total: Array = np.add.reduce([rows.sum(axis=0) for rows in self])
        return total / len(self)
