"""The numbers that the paper [1]_ prints, and what can be read off its figures.

Tables 1 to 5 are about CLIP with a ResNet-50, trained on MSCOCO for 100 epochs at batch size 1024;
each row is the mean of three trainings. Recalls and accuracies are in percent. A table maps each
method to its row. Methods have names of ours, and `PRINTED_NAMES` has the paper's.

`FIGURE_2` is read off vector graphics, to 3e-7. `FIGURE_4A` and `FIGURE_4B` are read off pictures,
`FIGURE_4A` with the least and the largest gap at which each marker can lie. `FIGURE_5` and
`FIGURES_6_AND_7` say which methods are plotted, which follows from the markers' coordinates.

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
        Least and largest gap at which a marker can lie, and their mean.
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
    text = (files("gapdyn") / "_published" / f"{figure}.csv").read_text()
    return [line.split(",") for line in text.splitlines()[1:]]


def _read_only(*arrays: Array) -> tuple[Array, ...]:
    """The same arrays, made read-only."""
    for array in arrays:
        array.setflags(write=False)
    return arrays


def _curve(name: str) -> Curve:
    """A curve of Figure 2 from its file, whose columns are: curve, axis, value."""
    rows = [(float(x), float(y)) for curve, x, y in _lines("figure_2") if curve == name]
    return Curve(*_read_only(*np.array(rows).T))


def _scatter() -> Scatter:
    """Figure 4(a) from its file, whose columns are: step, least gap, largest gap."""
    steps, low, high = np.array(_lines("figure_4a"), dtype=float).T
    return Scatter(*_read_only(steps, -1 / np.log10(steps) ** 2, (low + high) / 2, low, high))


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

TABLE_1 = {
    "Baseline": FineGrained(0.294, -1.165, 14.321),
    "FLT 4e-2": FineGrained(0.122, -1.183, 11.852),
    "FLT 7e-2": FineGrained(0.033, -1.246, 14.074),
    "FLT 1e-1": FineGrained(0.019, -1.251, 14.817),
    "TS S1": FineGrained(0.198, -1.087, 14.074),
    "TS S2": FineGrained(0.137, -1.092, 14.321),
    "TS S3": FineGrained(0.088, -1.108, 13.087),
}

TABLE_2 = {
    "Baseline": Row(0.294, -1.165, 13.650, 65.550, 68.233, 78.367),
    "FLT 4e-2": Row(0.122, -1.183, 14.400, 61.980, 73.440, 82.660),
    "TS S3": Row(0.088, -1.108, 17.167, 67.500, 75.723, 85.313),
    "TR softplus": Row(0.284, -1.153, 14.860, 66.460, 70.060, 80.100),
    "SLRT 0.1": Row(0.268, -1.152, 15.130, 66.630, 70.320, 80.400),
    "HS 1e-3": Row(0.225, -1.156, 13.910, 65.950, 69.716, 79.740),
    "SS 5e-2": Row(0.139, -1.152, 14.330, 64.940, 68.912, 79.160),
}

TABLE_3 = {
    "Baseline": Row(0.294, -1.165, 13.65, 65.55, 68.23, 78.36),
    "FLT 1e-2": Row(0.669, -1.214, 18.48, 69.44, 69.89, 80.68),
    "FLT 2e-2": Row(0.334, -1.138, 18.83, 68.41, 70.54, 81.30),
    "FLT 4e-2": Row(0.122, -1.183, 14.40, 61.98, 73.44, 82.66),
    "FLT 7e-2": Row(0.033, -1.246, 11.76, 49.61, 75.53, 82.88),
    "FLT 1e-1": Row(0.019, -1.251, 10.42, 48.29, 66.55, 73.58),
    "FLT 2e-1": Row(0.008, -1.255, 10.55, 50.14, 23.97, 26.94),
    "FLT 3e-1": Row(0.007, -1.282, 10.69, 42.09, 10.40, 12.80),
    "FLT 4e-1": Row(0.009, -1.296, 13.83, 37.97, 6.90, 8.70),
}

TABLE_4 = {
    "Baseline": Row(0.294, -1.165, 13.65, 65.55, 68.23, 78.36),
    "TS S0": Row(0.384, -1.120, 18.40, 69.40, 72.55, 82.89),
    "TS S1": Row(0.198, -1.087, 18.55, 69.26, 72.69, 83.05),
    "TS S2": Row(0.137, -1.092, 16.80, 68.25, 73.98, 84.25),
    "TS S3": Row(0.088, -1.108, 17.17, 67.50, 75.72, 85.31),
    "TS A0": Row(0.541, -1.151, 19.50, 69.47, 72.51, 81.97),
    "TS A1": Row(0.261, -1.120, 16.85, 67.46, 73.90, 83.65),
}

TABLE_5 = {
    "Baseline": Row(0.294, -1.165, 13.65, 65.55, 68.23, 78.36),
    "TR softplus": Row(0.284, -1.153, 14.86, 66.46, 70.06, 80.10),
    "TR scale 2": Row(0.287, -1.154, 18.25, 66.30, 70.32, 80.60),
    "TR scale 10": Row(0.285, -1.153, 14.36, 66.50, 70.15, 80.30),
    "HS 1": Row(0.028, -1.317, 14.36, 39.72, 47.17, 53.22),
    "HS 1e-1": Row(0.046, -1.127, 17.39, 56.88, 67.10, 75.80),
    "HS 1e-2": Row(0.095, -1.181, 15.70, 64.29, 69.36, 79.40),
    "HS rows": Row(0.289, -1.155, 14.71, 65.91, 69.93, 80.60),
    "No normalization": Row(0.468, -1.005, 16.82, 65.40, 58.62, 74.16),
}


def all_rows() -> dict[str, Row]:
    """Every row of Tables 2 to 5 once; where two tables print one method, the longer decimals.

    Returns
    -------
    dict of str to Row
        26 methods, named as in the tables.
    """
    return TABLE_5 | TABLE_4 | TABLE_3 | TABLE_2


PRINTED_NAMES = {
    1: ("Baseline", "FLT 4 · 10⁻²", "FLT 7 · 10⁻²", "FLT 10⁻¹", "TS S1", "TS S2", "TS S3"),
    2: ("Baseline", "FLT", "TS", "TR", "SLRT", "HS", "SS"),
    3: (
        "Baseline",
        *("1.00E-02", "2.00E-02", "4.00E-02", "7.00E-02"),
        *("1.00E-01", "2.00E-01", "3.00E-01", "4.00E-01"),
    ),
    4: ("Baseline", "S0", "S1", "S2", "S3", "A0", "A1"),
    5: (
        "Baseline",
        *("Softplus", "Scale2", "Scale10"),
        *("HS P1", "HS P1e-1", "HS P1e-2"),
        *("Hard Swap Feature", "Remove Normalization"),
    ),
}
"""The paper's names of the rows of each table, in their order."""

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
