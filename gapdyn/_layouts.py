"""Which axis of an array is which, from its shape and from which of its vectors are unit.

A layout names the axes of an array by letters: 2 the modalities, n the pairs, d the dimensions and
k the captions of an image. So `2nd` is what `numpy.stack([X, Y])` has, `n2d` what it has with axis
1, and `dn` is a transposed modality.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from gapdyn.types import Floats

BOTH, ONE, CAPTIONS = "2nd", "nd", "nkd"
"""The usual layouts: of both modalities, of one, and of captions."""
WORDS = {"2": "modalities", "n": "pairs", "k": "captions", "d": "dimensions"}
FEW = 64
"""About as many vectors are looked at for each other axis."""
ENTRIES, FIRST = 2**20, 2**12
"""Of long vectors fewer are, with so many entries; and these of their entries come first."""
NEAR = 1e-2
"""Unit length to within this counts; of rows in bfloat16 it is off by 4e-3 at most."""


def parse(layout: str | None, arrays: int) -> list[str | None]:
    """The layout of each array, from one for all or from several with commas between them."""
    if layout is None:
        return [None] * arrays
    if not isinstance(layout, str):
        raise TypeError(f"--layout must be a text such as n2d, got {layout!r}")
    parts: list[str | None] = [*layout.split(",")]
    for part in parts:
        if sorted(part or "") not in map(sorted, (BOTH, ONE, CAPTIONS)):
            raise ValueError(f"--layout must be 2nd, nd or nkd in some order, got {part!r}")
    if len(parts) not in (1, arrays):
        raise ValueError(f"--layout must be one for each array, got {layout!r} for {arrays}")
    return [*parts] if len(parts) == arrays else parts * arrays


def arranged(array: NDArray[np.generic], layout: str, usual: str) -> Floats:
    """A view of an array with its axes in the usual order."""
    return np.transpose(array, [layout.index(axis) for axis in usual])


def recognise(name: str, array: Floats, usual: str) -> tuple[str, bool]:
    """The layout of an array that has the axes of `usual`, and whether unit vectors settle it."""
    layouts = ["".join(letters) for letters in permutations(usual)]
    shaped = [la for la in layouts if "2" not in la or array.shape[la.index("2")] == 2]
    return settle(name, array, shaped)


def settle(name: str, array: Floats, layouts: Iterable[str]) -> tuple[str, bool]:
    """One of several layouts: of those under which rows are unit if any are, the most usual."""
    layouts = list(layouts)
    last = [layout for layout in layouts if layout[-1] == "d"]
    unit = [layout for layout in last if _unit(_few(array, layout))]
    if not unit:  # only then, as a few columns lie all over the file
        others = [la for la in layouts if la not in last and _short(array, la)]
        unit = [la for la in others if _unit(few := _few(array, la)) and _oblique(few)]
    left = unit or last or layouts
    if len(left) > 1:
        raise ValueError(
            f"{name}, shape {array.shape}, could be {' or '.join(left)}; --layout says which"
        )
    return left[0], bool(unit)


def _few(array: Floats, layout: str, first: int | None = None) -> Floats:
    """A few of the vectors along the axis of dimensions, as rows, or their first entries."""
    vectors = np.moveaxis(array, layout.index("d"), -1)[..., :first]
    count = max(2, min(FEW, ENTRIES // max(1, vectors.shape[-1])))
    few = vectors[tuple(slice(None, None, max(1, size // count)) for size in vectors.shape[:-1])]
    rows = few.reshape(math.prod(few.shape[:-1]), few.shape[-1])
    if not np.issubdtype(rows.dtype, np.floating):
        return np.zeros((0, 0))
    return rows.astype(np.result_type(rows.dtype, np.float32), copy=False)


def _short(array: Floats, layout: str) -> bool:
    """Whether vectors may have unit length, as far as their first entries tell."""
    return bool((_lengths(_few(array, layout, FIRST)) <= 1 + NEAR).all())


def _lengths(rows: Floats) -> Floats:
    """Lengths of rows of any size."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        squares: Floats = np.einsum("nd,nd->n", rows, rows)
        return np.sqrt(squares)


def _unit(rows: Floats) -> bool:
    """Whether rows have unit length."""
    with np.errstate(invalid="ignore"):
        return rows.size > 0 and bool((np.abs(_lengths(rows) - 1) <= NEAR).all())


def _oblique(rows: Floats) -> bool:
    """Whether some unit rows are neither parallel nor orthogonal to each other.

    A matrix that embeds pairs in a basis, such as singular vectors, has columns of unit length too,
    and these are orthogonal.
    """
    cosines = np.abs(rows @ rows.T)
    return bool(((cosines > NEAR) & (cosines < 1 - NEAR)).any())


def told(name: str, array: Floats, layout: str, usual: str, settled: bool) -> list[str]:
    """What to say of a layout that is not the usual one."""
    if layout == usual:
        return []
    what = ", ".join(WORDS[axis] for axis in layout)
    why = ", since only so are rows of unit length" if settled and layout[-1] != "d" else ""
    return [f"{name}, shape {array.shape}, is read as {layout} ({what}){why}"]
