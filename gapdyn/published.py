"""The numbers that the paper [1]_ prints, and what can be read off its figures.

Tables 1 to 5 are about CLIP with a ResNet-50, trained on MSCOCO for 100 epochs at batch size 1024;
each row is the mean of three trainings. Recalls and accuracies are in percent. A table maps each
method to its row. Methods have names of ours, and `PRINTED_NAMES` has the paper's. Which methods
`FIGURE_5` and `FIGURES_6_AND_7` plot follows from the markers' coordinates.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387 (CC BY 4.0).
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np

from gapdyn.types import Array


class Curve(NamedTuple):
    """The vertices of a printed curve: `axis` as the horizontal axis says, and `value`."""

    axis: Array
    value: Array


class Reading(NamedTuple):
    """Both curves of Figure 2 at one point of their axis, to four decimals; t = axis - 0.1."""

    axis: float
    t: float
    gap: float
    tau: float


class Figure2(NamedTuple):
    """Figure 2 (page 3): its two curves, and their values at the times that its labels name.

    The vertices are those of the page's vector graphics, scaled by its tick marks, with an error of
    3e-7. Matplotlib drew the curves at 200 times that are even in log(axis) and left out some
    vertices. The dashed line stands at the first of these times at which all pairs match. The
    readings lie between vertices, on a cubic spline through them. The figure's markers seem to be
    placed by hand, up to 0.15 of a decade beside the times of their labels, and are not used.

    Attributes
    ----------
    gap, tau : Curve
        73 and 65 vertices. The axis shows t + 0.1: its left end, 0.1, is labelled "t = 0".
    dashed : float
        The point of the axis at which the dashed line between "Mismatched" and "Matched" stands.
    readings : tuple of Reading
        At the axis values that the labels name: 0.1 for "t = 0", then 0.4, 2.3, 4.0, 1e2, 1e5.
    """

    gap: Curve
    tau: Curve
    dashed: float
    readings: tuple[Reading, ...]


class Scatter(NamedTuple):
    """The markers of Figure 4(a), one every ten steps: read-only arrays (860,).

    Attributes
    ----------
    steps, abscissa : (860,) arrays
        Steps of training, and -1/log₁₀(steps)².
    gap, low, high : (860,) arrays
        Mean of the least and the largest gap at which a marker can lie, then these two.
    """

    steps: Array
    abscissa: Array
    gap: Array
    low: Array
    high: Array


class Histogram(NamedTuple):
    """The bars of Figure 4(b): read-only arrays of the (11,) edges and the (10,) counts."""

    edges: Array
    counts: Array


class FineGrained(NamedTuple):
    """A row of Table 1: gap, uniformity and accuracy on MMVP-VLM."""

    gap: float
    uniformity: float
    mmvp: float


class Row(NamedTuple):
    """A row of Tables 2 to 5: gap, uniformity, two classification tasks, recall@1 both ways."""

    gap: float
    uniformity: float
    zero_shot: float
    linear_probe: float
    image_retrieval: float
    text_retrieval: float


def _lines(figure: str) -> list[list[str]]:
    """The cells of a file in `_published`, without its heading."""
    text = (files("gapdyn") / "_published" / f"{figure}.csv").read_text("utf-8")
    return [line.split(",") for line in text.splitlines()[1:]]


def _read_only(*arrays: Array) -> tuple[Array, ...]:
    """The same arrays, made read-only."""
    for array in arrays:
        array.setflags(write=False)
    return arrays


def _curve(name: str) -> Curve:
    """A curve of Figure 2 from its file, whose columns are: curve, axis, value."""
    vertices = [vertex for curve, *vertex in _lines("figure_2") if curve == name]
    return Curve(*_read_only(*np.array(vertices, dtype=float).T))


def _scatter() -> Scatter:
    """Figure 4(a) from its file, whose columns are: step, least gap, largest gap."""
    steps, low, high = np.array(_lines("figure_4a"), dtype=float).T
    return Scatter(*_read_only(steps, -1 / np.log10(steps) ** 2, (low + high) / 2, low, high))


def _table(number: int) -> dict[str, list[float]]:
    """Rows of a table from its file, whose columns are: method, the paper's name of it, numbers."""
    return {method: [*map(float, row)] for method, _, *row in _lines(f"table_{number}")}


FIGURE_2 = Figure2(
    gap=_curve("gap"),
    tau=_curve("tau"),
    dashed=3.96268,
    readings=(
        Reading(0.1, 0.0, 0.6180, 0.0700),
        Reading(0.4, 0.3, 0.8907, 0.4353),
        Reading(2.3, 2.2, 1.0563, 1.0211),
        Reading(4.0, 3.9, 0.9840, 0.7163),
        Reading(1e2, 99.9, 0.6108, 0.0660),
        Reading(1e5, 99999.9, 0.5406, 0.0358),
    ),
)

FIGURE_4A = _scatter()
"""Gap in training, read off the 800 by 600 picture of Figure 4(a), p. 6 (CC BY 4.0).

The logarithm is to base 10: where markers stand apart, they stand at the pixels of steps 100, 110,
120, .... The axis ends at step 8,690, with an error of 20; the text speaks of 10,000. A marker can
lie wherever its whole disc is inked. Up to step 560 this leaves one pixel, `high` - `low` = 0.0025.
Later markers cover one another: `low` and `high` are the ends of the ink, up to 0.12 apart, and
`gap` is only the middle between them. The axis itself has an error of 0.001.
"""

FIGURE_4B = Histogram(
    *_read_only(np.linspace(-0.005, 0.324, 11), np.array([4.0, 2, 4, 11, 19, 14, 15, 7, 12, 12]))
)
"""Change of the gap in ten steps from 100 starts, read off Figure 4(b), p. 6 (CC BY 4.0).

Counts are exact. Edges have an error of a pixel, 0.001, so the first bar does begin below 0.
"""

FIGURE_4B_TEXT_MEAN = 0.15
"""The mean of Figure 4(b) in the text: "with the mean being near 0.15" (p. 7)."""

TABLE_1 = {method: FineGrained(*row) for method, row in _table(1).items()}
TABLE_2, TABLE_3, TABLE_4, TABLE_5 = (
    {method: Row(*row) for method, row in _table(number).items()} for number in range(2, 6)
)

PRINTED_NAMES = {
    number: tuple(printed for _, printed, *_ in _lines(f"table_{number}")) for number in range(1, 6)
}
"""The paper's names of the rows of each table, in their order."""


def all_rows() -> dict[str, Row]:
    """Every row of Tables 2 to 5 once; where two tables print one method, the longer decimals.

    Returns
    -------
    dict of str to Row
        26 methods, named as in the tables.
    """
    return TABLE_5 | TABLE_4 | TABLE_3 | TABLE_2


FIGURE_5 = {
    "Baseline": ("Baseline",),
    "Control Temperature": (
        *("FLT 4e-2", "FLT 7e-2", "TS S1", "TS S2", "TS S3"),
        *("TR softplus", "SLRT 0.1"),
    ),
    "Swap Modality": ("HS 1", "HS 1e-2", "HS 1e-3", "SS 5e-2"),
}
"""The methods that Figure 5(a) plots, by the classes of its legend."""

FIGURES_6_AND_7 = (
    *("Baseline", "FLT 4e-2", "FLT 7e-2", "TS S1", "TS S2", "TS S3"),
    *("TR softplus", "SLRT 0.1", "HS 1e-3"),
)
"""The methods that each panel of Figures 6 and 7 plots: 9 of the 26 rows of Tables 2 to 5."""

TREND_LINES = {
    ("gap", "image_retrieval"): ((0.042, 76.18), (0.275, 69.09)),
    ("gap", "text_retrieval"): ((0.052, 85.26), (0.285, 78.91)),
    ("uniformity", "zero_shot"): ((-1.239, 11.74), (-1.092, 18.28)),
    ("uniformity", "linear_probe"): ((-1.244, 50.7), (-1.097, 69.6)),
}
"""Ends of the dashed lines in Figures 6(a) and 7(b), read off to a line's width.

They guide the eye: on the page both lines of a figure are the same stroke, which is steeper than
the least-squares lines of the nine points (slopes -27.6, -20.3, 39.4 and 108).
"""
