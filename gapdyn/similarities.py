"""One pass over the similarities of two modalities: who is nearest, and at which rank the match is.

Similarities Z = XYᵀ are made in tiles, in the precision of the rows. In single precision each is
off by at most `error_bound` from its value in float64, and what that could change is settled there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapdyn._kernels.memory import cut
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

Tile = tuple[slice, slice]
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


class Memory:
    """A tile and six masks of its shape, which are used again: fresh memory costs more than sums.

    Parameters
    ----------
    size : int
        Entries of the largest tile.
    kind : dtype
        Type of similarities.
    """

    def __init__(self, size: int, kind: np.dtype[Any]) -> None:
        self.tile, self.masks = np.empty(size, kind), np.empty((6, size), bool)

    def of(self, shape: tuple[int, int]) -> tuple[Floats, list[Mask]]:
        """Those of a shape."""
        size = shape[0] * shape[1]
        return self.tile[:size].reshape(shape), [m[:size].reshape(shape) for m in self.masks]


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
    Memory is that of X and Y in their own precision, about 40 bytes a row, and the tiles.
    """
    sides = _side(len(X), matches.x, matches), _side(len(Y), matches.y, matches)
    bound = error_bound(X.dim) if X.single else 0.0
    tiles = [(a, b) for a in cut(len(X), TILE[0]) for b in cut(len(Y), TILE[1])]
    memory = Memory(min(TILE[0], len(X)) * min(TILE[1], len(Y)), X.whole.dtype)
    for tile in _shown(tiles, progress):
        A, B = X.whole[tile[0]], Y.whole[tile[1]]
        Z, masks = memory.of((len(A), len(B)))
        np.matmul(A, B.T, out=Z)
        parts = _part(sides[0], tile[0]), _part(sides[1], tile[1])
        _leave_out(Z, matches, tile)
        if not bound:
            _gather(Z, parts, masks)
        elif not _gather_single(Z, parts, masks, bound, partial(_exact, X, Y, tile)):
            _gather(_leave_out(X[tile[0]] @ Y[tile[1]].T, matches, tile), parts, masks)
    return sides


def similarities(X: Rows, Y: Rows, x: Indices, y: Indices) -> Array:
    """⟨x_i, y_j⟩ in float64 for some rows i of X and as many rows j of Y."""
    found = np.empty(len(x))
    for b in cut(len(x), max(1, FEW // X.dim)):
        np.einsum("ij,ij->i", X[x[b]], Y[y[b]], out=found[b])
    return found


def _exact(X: Rows, Y: Rows, tile: Tile, entries: Indices) -> Array:
    """Some entries of a tile in float64."""
    i, j = np.divmod(entries, tile[1].stop - tile[1].start)
    return similarities(X, Y, i + tile[0].start, j + tile[1].start)


def _side(n: int, rows: Indices, matches: Matches) -> Side:
    """A side before any tile is seen."""
    own = np.full(n, -np.inf)
    np.maximum.at(own, rows, matches.similarity)
    return Side(own, np.full(n, -np.inf), np.zeros(n, np.int64))


def _part(side: Side, rows: slice) -> Side:
    """Views of some rows."""
    return Side(side.own[rows], side.nearest[rows], side.rank[rows])


def _leave_out(Z: Floats, matches: Matches, tile: Tile) -> Floats:
    """Set the matches of a tile to -∞, in place."""
    rows, columns = tile
    some = slice(*np.searchsorted(matches.x, [rows.start, rows.stop]))
    x, y = matches.x[some] - rows.start, matches.y[some] - columns.start
    inside = (y >= 0) & (y < Z.shape[1])
    Z[x[inside], y[inside]] = -np.inf
    return Z


def _gather(Z: Floats, parts: tuple[Side, Side], masks: list[Mask]) -> None:
    """Take a tile in float64 into both sides."""
    for axis, side in zip((1, 0), parts, strict=True):
        np.maximum(side.nearest, Z.max(axis=axis), out=side.nearest)
        side.rank[:] += _count(_reach(Z, side.own - TIE, axis, masks[0]), axis)


def _gather_single(
    Z: Floats,
    parts: tuple[Side, Side],
    masks: list[Mask],
    bound: float,
    exact: Callable[[Indices], Array],
) -> bool:
    """Take a tile in single precision into both sides; False, and nothing, where it is crowded.

    What is open is whether an entry reaches the level of the match, if it is no further than
    `bound` from it, and which entry is the largest, among those within twice that of the top.
    """
    unsettled, leading, *pairs = masks
    unsettled[:] = False
    counted = (pairs[0], pairs[1]), (pairs[2], pairs[3])
    for axis, side, (sure, open_) in zip((1, 0), parts, counted, strict=True):
        level, top = side.own - TIE, Z.max(axis=axis)
        _reach(Z, level + bound, axis, sure)
        _reach(Z, level - bound, axis, open_)
        open_ ^= sure
        unsettled |= open_
        leads = np.maximum(np.maximum(side.nearest, top - bound) - bound, LEAST)
        unsettled |= _reach(Z, leads, axis, leading)
    entries = np.flatnonzero(unsettled)
    if len(entries) > CROWDED * Z.size:
        return False
    z, places = exact(entries), np.divmod(entries, Z.shape[1])
    for axis, side, (sure, open_), at in zip((1, 0), parts, counted, places, strict=True):
        np.maximum.at(side.nearest, at, z)
        reached = at[open_.ravel()[entries] & (z >= (side.own - TIE)[at])]
        side.rank[:] += _count(sure, axis) + np.bincount(reached, minlength=len(side.rank))
    return True


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


def _shown(tiles: list[Tile], progress: bool) -> Iterable[Tile]:
    """The tiles, with a progress bar."""
    if not progress:
        return tiles
    from tqdm import tqdm

    return tqdm(tiles, "similarities", unit="tile", leave=False)
