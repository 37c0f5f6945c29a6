"""Which rows of two modalities belong together: row i with row i, or several captions an image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapdyn.types import Floats
from gapdyn.validate import has_masked, shown

Indices = NDArray[np.intp]


class Groups(NamedTuple):
    """Labels 0 .. size - 1 of the rows of both modalities; rows of one label belong together."""

    x: Indices
    y: Indices
    size: int

    def pairs(self) -> tuple[Indices, Indices]:
        """Row of X and row of Y of each matching pair, in the order of the rows of X."""
        if self.one_to_one:
            return self.x, self.y
        order, counts = np.argsort(self.y, kind="stable"), np.bincount(self.y)
        many = counts[self.x]
        first = np.cumsum(counts) - counts
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        chosen = order[np.repeat(first[self.x], many) + within]
        return np.repeat(np.arange(len(self.x)), many), chosen

    @property
    def one_to_one(self) -> bool:
        """Whether row i of X matches row i of Y alone."""
        steps = np.arange(self.size)
        return np.array_equal(self.x, steps) and np.array_equal(self.y, steps)

    def take(self, labels: Indices) -> tuple[Indices, Indices, Groups]:
        """The rows of some labels, in their order, and how these belong together."""
        new = np.full(self.size, -1, np.intp)
        new[labels] = np.arange(len(labels))
        rows = [np.flatnonzero(new[side] >= 0) for side in (self.x, self.y)]
        if self.one_to_one:
            rows = [labels, labels]
        x, y = rows
        return x, y, Groups(new[self.x[x]], new[self.y[y]], len(labels))


def one_to_one(n: int) -> Groups:
    """Row i matches row i."""
    return Groups(np.arange(n), np.arange(n), n)


def read_groups(groups: Any, n_x: int, n_y: int) -> Groups:
    """The groups that an argument states, checked.

    Parameters
    ----------
    groups : array, or pair of arrays
        A label, integer or text, for each row of X and each row of Y, as (labels of X, labels of
        Y). One array alone has the labels of both where n_x = n_y; else it has, for each row of
        Y, the index of its row of X.
    n_x, n_y : int
        Numbers of rows.

    Raises
    ------
    TypeError
        If labels are neither integers nor text.
    ValueError
        If there is not a label for each row, a label is on one side alone, or all are one.
    """
    if isinstance(groups, tuple | list) and len(groups) == 2 and all(map(_is_vector, groups)):
        x, y = _labels("groups[0]", groups[0], n_x, "X"), _labels("groups[1]", groups[1], n_y, "Y")
        if (x.dtype.kind in "iu") != (y.dtype.kind in "iu"):
            raise TypeError("groups must be all integers or all text")
    elif n_x == n_y:
        x = y = _labels("groups", groups, n_y, "both X and Y")
    else:
        x, y = np.arange(n_x), _labels("groups", groups, n_y, "Y")
        if y.dtype.kind not in "iu":
            raise TypeError(
                "groups must give labels of X too, as (labels of X, labels of Y), if not indices"
            )
    names, number = np.unique(np.concatenate([x, y]), return_inverse=True)
    x, y = number[:n_x], number[n_x:]
    for side, other, which in ((x, y, "X but not in Y"), (y, x, "Y but not in X")):
        alone = np.setdiff1d(side, other)
        if alone.size:
            raise ValueError(f"groups must join rows of X and Y, {names[alone[0]]} is in {which}")
    if len(names) < 2:
        raise ValueError(f"groups must be at least two, all labels are {names[0]}")
    return Groups(x, y, len(names))


def _is_vector(value: Any) -> bool:
    """Whether a value is a list, tuple or array of one axis, and not one label."""
    return np.ndim(value) == 1 if isinstance(value, np.ndarray) else isinstance(value, tuple | list)


def _labels(name: str, values: Any, n: int, of: str) -> NDArray[Any]:
    """A label for each of n rows."""
    if has_masked(values, 1):
        raise ValueError(f"{name} must have no masked entries")
    try:
        labels = np.asarray(values)
        if labels.dtype == object:
            labels = np.asarray(labels.tolist())
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(f"{name} must be an array of labels, got {shown(values)}") from error
    if labels.dtype.kind not in "iuU":
        raise TypeError(f"{name} must hold integers or text, got {labels.dtype}")
    if labels.shape != (n,):
        raise ValueError(
            f"{name} must have one label for each of the {n} rows of {of}, "
            f"got an array of shape {labels.shape}"
        )
    return labels


def distinct(rows: Floats, labels: Indices) -> Indices:
    """Indices of the first of all equal rows in each group: an image that stands once a caption."""
    whole = _bytes(rows)
    keys = np.empty(len(whole), [("label", labels.dtype), ("row", whole.dtype)])
    keys["label"], keys["row"] = labels, whole
    return np.sort(np.unique(keys, return_index=True)[1])


def repeats(rows: Floats) -> int:
    """How many rows equal one that stands before them."""
    _, first, count = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    alike = rows[count[first] > 1]
    return len(alike) - len(np.unique(_bytes(alike))) if len(alike) else 0


def _bytes(rows: Floats) -> NDArray[np.void]:
    """Each row as one item, equal where all entries are: 0 is -0, and a longdouble a float64."""
    kind = np.float64 if rows.dtype.itemsize > 8 else rows.dtype
    with np.errstate(over="ignore"):
        plain = np.ascontiguousarray(rows, kind) + 0
    return plain.view(f"V{plain[0].nbytes}")[:, 0]
