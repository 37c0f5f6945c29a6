"""One pass over the similarities of two modalities: who is nearest, and at which rank the match is.

Similarities Z = XYᵀ are made in tiles, in the precision of the rows. In single precision each is
off by at most `error_bound` from its value in float64, and what that could change is settled there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import closing
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapdyn._kernels.memory import cut
from gapdyn._threads import side_by_side
from gapdyn.rows import Rows
from gapdyn.sphere import TIE
from gapdyn.types import Array, Floats

TILE = 1024, 2048
"""Rows of X and of Y in a tile."""

CROWDED = 1 / 16
"""A tile in which a larger share is unsettled is made again in float64 as a whole."""

FEW = 2**18
"""Entries of rows that are gathered at a time."""

LEAST = -2.0
"""Below every similarity, and above what was left out."""

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]


class Side(NamedTuple):
    """What is gathered for each row of one modality, among the rows of the other.

    Attributes
    ----------
    own : (n,) float64 array
        Similarity of the best match.
    nearest : (n,) float64 array
        Largest similarity of a row that does not match.
    rank : (n,) int64 array
        How many rows that do not match have a similarity of `own` or more, to within `TIE`.
    """

    own: Array
    nearest: Array
    rank: NDArray[np.int64]


class Matches(NamedTuple):
    """Row of X and row of Y of each matching pair, in the order of X, and their similarity."""

    x: Indices
    y: Indices
    similarity: Array


class Memory(threading.local):
    """A tile and three masks of each thread, used again: fresh memory costs more than sums.

    Parameters
    ----------
    size : int
        Entries of the largest tile.
    kind : dtype
        Type of similarities.
    """

    def __init__(self, size: int, kind: np.dtype[Any]) -> None:
        self._tile, self._masks = np.empty(size, kind), np.empty((3, size), bool)

    def tile(self, shape: tuple[int, int]) -> Floats:
        """The tile, in some shape."""
        return self._tile[: shape[0] * shape[1]].reshape(shape)

    def masks(self, shape: tuple[int, ...]) -> list[Mask]:
        """The masks, in some shape."""
        return [mask[: shape[0] * shape[1]].reshape(shape) for mask in self._masks]


class Tile:
    """Similarities Z of some rows and some columns, those of matches -∞."""

    def __init__(
        self, X: Rows, Y: Rows, rows: slice, columns: slice, matches: Matches, memory: Memory
    ) -> None:
        self.X, self.Y, self.rows, self.columns = X, Y, rows, columns
        some = slice(*np.searchsorted(matches.x, [rows.start, rows.stop]))
        y = matches.y[some]
        inside = (y >= columns.start) & (y < columns.stop)
        self.own = matches.x[some][inside] - rows.start, y[inside] - columns.start
        A, B = X.whole[rows], Y.whole[columns]
        self.Z: Floats = np.matmul(A, B.T, out=memory.tile((len(A), len(B))))
        self.Z[self.own] = -np.inf

    def in_double(self) -> Array:
        """The same in float64."""
        Z: Array = self.X[self.rows] @ self.Y[self.columns].T
        Z[self.own] = -np.inf
        return Z

    def exact(self, lines: Indices, places: Indices, axis: int) -> Array:
        """Some of its entries in float64, by row (axis 1) or column (axis 0) and place in it."""
        i, j = (lines, places) if axis else (places, lines)
        return similarities(self.X, self.Y, i + self.rows.start, j + self.columns.start)


def error_bound(d: int) -> float:
    """How far a similarity of unit rows may be off in single precision, in any order of summation.

    With u = 2⁻²⁴, each entry is rounded once and a sum of d products has a relative error of at
    most γ_d = du/(1 - du) of Σ|x_k y_k| ≤ 1 [1]_. The six more cover the rounding of the level that
    a similarity is compared with, and products that underflow.

    References
    ----------
    .. [1] N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., Section 3.1.
    """
    share = (d + 8) * 2.0**-24
    return share / (1 - share) if share < 0.5 else np.inf


def neighbours(X: Rows, Y: Rows, matches: Matches, *, progress: bool = False) -> tuple[Side, Side]:
    """Nearest other rows and ranks of the matches, for the rows of X and for those of Y.

    Parameters
    ----------
    X, Y : Rows
        The modalities; each row has a match.
    matches : Matches
    progress : bool
        Whether to show a bar with an estimate of the time that is left.

    Notes
    -----
    Tiles are made side by side. Beside X and Y in their own precision it takes the memory of a tile
    in each thread, and some 100 bytes a pair.
    """
    sides = _side(len(X), matches.x, matches), _side(len(Y), matches.y, matches)
    bound = error_bound(X.dim) if X.single else 0.0
    cuts = cut(len(X), TILE[0]), cut(len(Y), TILE[1])
    memory = Memory(min(TILE[0], len(X)) * min(TILE[1], len(Y)), X.whole.dtype)
    locks = [[threading.Lock() for _ in blocks] for blocks in cuts]

    def gather(at: tuple[int, int]) -> None:
        """Take a tile into the parts of the sides that its rows and its columns are."""
        blocks = cuts[0][at[0]], cuts[1][at[1]]
        tile = Tile(X, Y, *blocks, matches, memory)
        for k, axis in ((0, 1), (1, 0)):
            with locks[k][at[k]]:
                side = _part(sides[k], blocks[k])
                if not bound:
                    _gather(tile.Z, side, axis, memory)
                elif not _gather_single(tile, side, axis, bound, memory):
                    _gather(tile.in_double(), side, axis, memory)

    tiles = list(product(range(len(cuts[0])), range(len(cuts[1]))))
    with closing(side_by_side(gather, tiles)) as done:
        for _ in _shown(done, len(tiles), progress):
            pass
    return sides


def similarities(X: Rows, Y: Rows, x: Indices, y: Indices) -> Array:
    """⟨x_i, y_j⟩ in float64 for some rows i of X and as many rows j of Y."""
    found = np.empty(len(x))
    for b in cut(len(x), max(1, FEW // X.dim)):
        np.einsum("ij,ij->i", X.undivided(x[b]), Y.undivided(y[b]), out=found[b])
    return found / (X.length[x] * Y.length[y])


def _side(n: int, rows: Indices, matches: Matches) -> Side:
    """A side before any tile is seen."""
    own = np.full(n, -np.inf)
    np.maximum.at(own, rows, matches.similarity)
    return Side(own, np.full(n, -np.inf), np.zeros(n, np.int64))


def _part(side: Side, rows: slice) -> Side:
    """Views of some rows."""
    return Side(side.own[rows], side.nearest[rows], side.rank[rows])


def _gather(Z: Floats, side: Side, axis: int, memory: Memory) -> None:
    """Take a tile in float64 into the side of its rows (axis 1) or columns (axis 0)."""
    top, level = Z.max(axis=axis), side.own - TIE
    np.maximum(side.nearest, top, out=side.nearest)
    lines, part = _lines(Z, top >= level, axis)
    reach = _reach(part, level[lines], axis, memory.masks(part.shape)[0])
    side.rank[lines] += _count(reach, axis)


def _gather_single(tile: Tile, side: Side, axis: int, bound: float, memory: Memory) -> bool:
    """Take a tile in single precision into a side; False, and nothing, where it is crowded.

    What is open is which entry is the largest, among those within twice `bound` of the top, and
    whether an entry reaches the level of the match, if it is no further than `bound` from it. Rows
    whose top is below the nearest so far, or below the match, are done at once.
    """
    Z, level = tile.Z, side.own - TIE
    top = Z.max(axis=axis)
    leads = np.maximum(np.maximum(side.nearest, top - bound) - bound, LEAST)
    lines, part = _lines(Z, top >= leads, axis)
    leading = _reach(part, leads[lines], axis, memory.masks(part.shape)[0])
    leader, with_leader = _entries(leading, lines, axis)

    lines, part = _lines(Z, top >= level - bound, axis)
    _, sure, unsettled = memory.masks(part.shape)
    _reach(part, level[lines] + bound, axis, sure)
    _reach(part, level[lines] - bound, axis, unsettled)
    unsettled ^= sure
    rival, with_rival = _entries(unsettled, lines, axis)

    if len(leader) + len(rival) > CROWDED * Z.size:
        return False
    np.maximum.at(side.nearest, leader, tile.exact(leader, with_leader, axis))
    reached = rival[tile.exact(rival, with_rival, axis) >= level[rival]]
    side.rank[lines] += _count(sure, axis)
    side.rank[:] += np.bincount(reached, minlength=len(top))
    return True


def _lines(Z: Floats, wanted: Mask, axis: int) -> tuple[Indices, Floats]:
    """Rows (axis 1) or columns (axis 0) that are wanted, or all where half of them are."""
    lines = np.flatnonzero(wanted)
    if 2 * len(lines) >= len(wanted):
        return np.arange(len(wanted)), Z
    return lines, np.take(Z, lines, axis=1 - axis)


def _entries(mask: Mask, lines: Indices, axis: int) -> tuple[Indices, Indices]:
    """Line of each true entry, and its place in it, where the mask is of some lines."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return (lines[row], column) if axis else (lines[column], row)


def _reach(Z: Floats, levels: Array, axis: int, out: Mask) -> Mask:
    """Which entries reach the level of their row (axis 1) or column (axis 0), in the type of Z."""
    level: Floats = levels.astype(Z.dtype)
    return np.greater_equal(Z, level[:, None] if axis else level, out=out)


def _count(mask: Mask, axis: int) -> NDArray[np.int64]:
    """Number of true entries in each row (axis 1) or column (axis 0)."""
    if axis:
        return np.fromiter((np.count_nonzero(row) for row in mask), np.int64, len(mask))
    bytes_ = mask.view(np.uint8)  # of which 255 can be added
    parts = [np.add.reduce(bytes_[b], axis=0, dtype=np.uint8) for b in cut(len(mask), 255)]
    total: NDArray[np.int64] = np.add.reduce(parts, axis=0, dtype=np.int64)
    return total


def _shown(done: Iterable[None], total: int, progress: bool) -> Iterable[None]:
    """Tiles as they are done, with a progress bar."""
    if not progress:
        return done
    from tqdm import tqdm

    return tqdm(done, "similarities", total, unit="tile", leave=False)
