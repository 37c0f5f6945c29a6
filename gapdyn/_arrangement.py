"""Two modalities (n, d) from one array or from two, whichever axes they have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from gapdyn import _layouts, _memory
from gapdyn.types import Floats

Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Named:
    """An array, what messages call it, and what they say of how it was found."""

    name: str
    array: Floats
    notes: tuple[str, ...] = ()


def both(found: Named, layout: str | None) -> tuple[Floats, Floats, None, list[str]]:
    """Two modalities that lie in one array."""
    name, array = found.name, found.array
    if array.ndim != 3 or 2 not in array.shape:
        more = "; give the file of the other modality too" if array.ndim == 2 else ""
        raise ValueError(f"{name} must have shape (2, n, d), it has {array.shape}{more}")
    settled = False
    if layout is None:
        layout, settled = _layouts.recognise(name, array, _layouts.BOTH)
    elif "2" not in layout or array.shape[layout.index("2")] != 2:
        raise ValueError(f"--layout {layout} does not fit {name}, which has shape {array.shape}")
    X, Y = _layouts.arranged(array, layout, _layouts.BOTH)
    return X, Y, None, _layouts.told(name, array, layout, _layouts.BOTH, settled)


def each(
    found: list[Named], layouts: list[str | None]
) -> tuple[Floats, Floats, tuple[Labels, Labels] | None, list[str]]:
    """Two modalities that have an array each, with the groups of captions."""
    for part, layout in zip(found, layouts, strict=True):
        if part.array.ndim not in (2, 3):
            raise ValueError(f"{part.name} must have shape (n, d), it has {part.array.shape}")
        if (layout is not None and len(layout) != part.array.ndim) or "2" in (layout or ""):
            raise ValueError(
                f"--layout {layout} does not fit {part.name}, which has shape {part.array.shape}"
            )
    axes = [part.array.ndim for part in found]
    if axes == [3, 3]:
        raise ValueError(
            f"one of two arrays may have three axes, {found[0].name} and {found[1].name} have"
            f" shapes {found[0].array.shape} and {found[1].array.shape}"
        )
    if axes == [2, 2]:
        rows, notes = _two_matrices(found, layouts)
        return rows[0], rows[1], None, notes
    k = axes.index(3)
    images, captions, groups, notes = _captions(found[1 - k], found[k], layouts[1 - k], layouts[k])
    if k == 0:
        return captions, images, groups and (groups[1], groups[0]), notes
    return images, captions, groups, notes


def _two_matrices(found: list[Named], layouts: list[str | None]) -> tuple[list[Floats], list[str]]:
    """Two arrays of two axes, each the usual way round or transposed."""
    rows, notes, open_ = [], [], []
    for part, layout in zip(found, layouts, strict=True):
        chosen, settled = layout or "nd", layout is not None
        if layout is None:
            chosen, settled = _layouts.recognise(part.name, part.array, _layouts.ONE)
        rows.append(_layouts.arranged(part.array, chosen, _layouts.ONE))
        notes += _layouts.told(part.name, part.array, chosen, _layouts.ONE, layout is None)
        open_.append(not settled)
    X, Y = rows
    if X.shape[1] != Y.shape[1] and X.shape == Y.shape[::-1] and any(open_):
        if all(open_):
            raise ValueError(
                f"{found[0].name} and {found[1].name} have shapes {X.shape} and {Y.shape}, of which"
                " one is transposed; --layout nd,dn or dn,nd says which"
            )
        k = open_.index(True)
        rows[k] = rows[k].T
        notes.append(
            f"{found[k].name}, shape {found[k].array.shape}, is read as dn"
            f" (dimensions, pairs), since only so it fits {found[1 - k].name}"
        )
    return rows, notes


def _captions(
    images: Named, captions: Named, layout: str | None, caption_layout: str | None
) -> tuple[Floats, Floats, tuple[Labels, Labels] | None, list[str]]:
    """Images and several captions of each, with the number of the image for each row."""
    chosen, settled = layout or "nd", False
    if layout is None:
        chosen, settled = _layouts.recognise(images.name, images.array, _layouts.ONE)
    X = _layouts.arranged(images.array, chosen, _layouts.ONE)
    notes = _layouts.told(images.name, images.array, chosen, _layouts.ONE, settled)
    shape = captions.array.shape
    fitting = [
        "".join(axes)
        for axes in permutations(_layouts.CAPTIONS)
        if (shape[axes.index("n")], shape[axes.index("d")]) == X.shape
    ]
    if caption_layout is not None:
        fitting = [caption_layout] if caption_layout in fitting else []
    if not fitting:
        raise ValueError(
            f"{captions.name}, shape {shape}, must hold captions of {images.name}, shape {X.shape},"
            " as (n, k, d)"
        )
    chosen, _ = _layouts.settle(captions.name, captions.array, fitting)
    Y = _layouts.arranged(captions.array, chosen, _layouts.CAPTIONS)
    (n, k, d) = Y.shape
    what = ", ".join(_layouts.WORDS[axis] for axis in chosen)
    many = f"{k} captions of each of {n} images"
    notes.append(f"{captions.name}, shape {shape}, is read as {chosen} ({what}): {many}")
    if k > 1 and not Y.flags.c_contiguous:
        _memory.claim(Y.nbytes, f"the rows in {captions.name}")
    numbers = np.arange(n)
    return X, Y.reshape(n * k, d), (numbers, np.repeat(numbers, k)) if k > 1 else None, notes
