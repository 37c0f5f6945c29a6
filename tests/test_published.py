"""The printed numbers, against what was typed and read off the pages: the files in printed/."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import gapdyn as gd
from gapdyn import published
from gapdyn.published import FIGURE_2, Row

PRINTED = Path(__file__).parent / "printed"
SIN_18 = (np.sqrt(5) - 1) / 4


@pytest.fixture
def printed():
    return json.loads((PRINTED / "published.json").read_text())


def misfits(gamma=SIN_18, tau=0.07, offset=0.1, rotation=2):
    """Largest distance of the free flow from the printed curves, over the vertices of each."""
    model = gd.FreeModel(n=5, d=3, temperature=gd.Learned())
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, rotation), gamma=gamma)
    largest = []
    for name in ("gap", "tau"):
        curve = getattr(FIGURE_2, name)
        run = gd.flow(model, model.start(X, Y, tau=tau), curve.axis - offset, rtol=1e-9, atol=1e-11)
        largest.append(np.abs(getattr(run, name) - curve.value).max())
    return np.array(largest)


def test_figure_2_is_the_free_flow_of_pentagons_at_sin_18_with_axis_t_plus_0_1():
    """All 138 vertices, to the precision of the graphics, a few 1e-7."""
    assert (misfits() < 1e-6).all()


@pytest.mark.parametrize(
    "other",
    [{"gamma": 0.31}, {"tau": 0.0735}, {"offset": 0.0}, {"offset": 0.095}, {"rotation": 1}],
    ids=str,
)
def test_no_other_start_or_axis_meets_figure_2(other):
    """Whether a wrong constant is noticed, at tolerances a thousand times as wide."""
    assert (misfits(**other) > (2e-4, 6e-4)).any()


def test_the_curves_of_figure_2_are_drawn_at_200_times_even_in_log_axis():
    for curve, vertices in ((FIGURE_2.gap, 73), (FIGURE_2.tau, 65)):
        assert curve.axis.shape == curve.value.shape == (vertices,)
        step = (np.log10(curve.axis) + 1) * 199 / 6
        np.testing.assert_allclose(step, step.round(), atol=1e-6)
        assert curve.axis[[0, -1]].tolist() == [0.1, 1e5]


def test_the_dashed_line_of_figure_2_is_the_first_of_these_times_at_which_all_pairs_match(figure_2):
    axis = np.geomspace(0.1, 1e5, 200)
    run = gd.flow(*figure_2, axis - 0.1)
    assert axis[run.mismatched == 0][0] == pytest.approx(FIGURE_2.dashed, rel=1e-5)


def test_readings_of_figure_2_lie_on_the_printed_curves_and_on_the_flow(figure_2):
    axis, t, *readings = np.array(FIGURE_2.readings).T
    np.testing.assert_allclose(t, axis - 0.1, atol=1e-12)
    run = gd.flow(*figure_2, t)
    for name, values in zip(("gap", "tau"), readings, strict=True):
        curve = getattr(FIGURE_2, name)
        between = CubicSpline(np.log(curve.axis), curve.value)(np.log(axis))
        np.testing.assert_allclose(values, between, atol=8e-5)
        np.testing.assert_allclose(values, getattr(run, name), atol=5.1e-5)


def test_figure_2_is_as_another_reader_took_it_from_the_page():
    """Who placed tick marks to ±5e-4 of the axis."""
    rows = list(csv.DictReader((PRINTED / "fig2_vector.csv").read_text().splitlines()))
    for name in ("gap", "tau"):
        axis, value = np.array(
            [(row["t_axis"], row["value"]) for row in rows if row["curve"] == name], float
        ).T
        np.testing.assert_allclose(getattr(FIGURE_2, name).axis, axis, rtol=6e-4)
        np.testing.assert_allclose(getattr(FIGURE_2, name).value, value, atol=4e-5)


def test_tables_are_as_printed(printed):
    for row in printed["table_1_mmvp"]:
        method = row.pop("method")
        assert published.TABLE_1[method]._asdict() == row
    assert printed["columns_2_to_5"] == ["method", *published.Row._fields]
    names = ("table_2", "table_3_fixed_temperature", "table_4_schedules", "table_5_other")
    for name in names:
        table = getattr(published, name[:7].upper())
        assert [[method, *row] for method, row in table.items()] == printed[name]


def test_the_baseline_is_the_same_in_all_tables():
    for table in (published.TABLE_2, published.TABLE_3, published.TABLE_4, published.TABLE_5):
        assert table["Baseline"] == pytest.approx(published.TABLE_2["Baseline"], abs=0.01)


ROWS = published.all_rows()

READ_5 = {
    "Baseline": (0.2937, -1.1651),
    "FLT 4e-2": (0.1220, -1.1829),
    "FLT 7e-2": (0.0332, -1.2461),
    "TS S1": (0.1981, -1.0871),
    "TS S2": (0.1369, -1.0919),
    "TS S3": (0.0881, -1.1079),
    "TR softplus": (0.2840, -1.1532),
    "SLRT 0.1": (0.2679, -1.1521),
    "HS 1": (0.0284, -1.3170),
    "HS 1e-2": (0.0951, -1.1811),
    "HS 1e-3": (0.2250, -1.1562),
    "SS 5e-2": (0.1392, -1.1521),
}
"""Centres of the markers of Figure 5(a) on page 8, in its axes: gap and uniformity."""

READ_6_AND_7 = {
    "Baseline": Row(0.2940, -1.1650, 13.65, 65.54, 68.23, 78.36),
    "FLT 4e-2": Row(0.1220, -1.1829, 14.40, 61.97, 73.45, 82.66),
    "FLT 7e-2": Row(0.0331, -1.2461, 11.75, 49.59, 75.53, 82.87),
    "TS S1": Row(0.1980, -1.0870, 18.55, 69.25, 72.69, 83.05),
    "TS S2": Row(0.1369, -1.0920, 16.80, 68.23, 73.98, 84.25),
    "TS S3": Row(0.0880, -1.1079, 17.16, 67.48, 75.72, 85.31),
    "TR softplus": Row(0.2840, -1.1530, 14.86, 66.43, 70.06, 80.10),
    "SLRT 0.1": Row(0.2680, -1.1520, 15.13, 66.60, 70.32, 80.40),
    "HS 1e-3": Row(0.2249, -1.1561, 13.91, 65.92, 69.72, 79.74),
}
"""The same for the eight panels of Figures 6 and 7 on page 9."""

PIXEL = Row(0.0006, 0.0004, 0.012, 0.035, 0.015, 0.013)
"""The size of a pixel of the rasters."""


def test_every_point_of_figure_5_is_a_row_of_the_tables():
    plotted = [name for names in published.FIGURE_5.values() for name in names]
    assert len(plotted) == 12 and set(plotted) == set(READ_5)
    for name, (gap, uniformity) in READ_5.items():
        assert ROWS[name].gap == pytest.approx(gap, abs=PIXEL.gap)
        assert ROWS[name].uniformity == pytest.approx(uniformity, abs=PIXEL.uniformity)


def test_every_point_of_figures_6_and_7_is_a_row_of_the_tables():
    assert len(published.FIGURES_6_AND_7) == 9 and len(ROWS) == 26
    assert set(published.FIGURES_6_AND_7) == set(READ_6_AND_7)
    for name, read in READ_6_AND_7.items():
        assert (np.abs(np.subtract(ROWS[name], read)) <= PIXEL).all()


def test_the_trend_lines_are_steeper_than_least_squares():
    slopes = {"image_retrieval": -27.6, "text_retrieval": -20.3}
    slopes |= {"zero_shot": 39.4, "linear_probe": 107.8}
    rows = [ROWS[name] for name in published.FIGURES_6_AND_7]
    for (x, y), ((left, start), (right, end)) in published.TREND_LINES.items():
        u, v = (np.array([getattr(row, key) for row in rows]) for key in (x, y))
        least_squares = ((u - u.mean()) * (v - v.mean())).sum() / ((u - u.mean()) ** 2).sum()
        assert least_squares == pytest.approx(slopes[y], abs=0.05)
        assert (end - start) / (right - left) / least_squares > 1.09


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_each_row_has_its_printed_name(number):
    """The numbers that a printed name holds are those of ours."""
    names, ours = published.PRINTED_NAMES[number], getattr(published, f"TABLE_{number}")
    assert len(names) == len(ours) and names[0] == "Baseline"
    for printed, name in zip(names, ours, strict=True):
        if number == 3 and printed != "Baseline":
            assert float(printed) == float(name.removeprefix("FLT "))
        if printed.startswith("HS P"):
            assert float(printed.removeprefix("HS P")) == float(name.removeprefix("HS "))
        if number in (1, 4):
            assert printed[-2:] == name[-2:] or name.startswith("FLT")
