"""Figure 4 as read off the page: what its two plots say, by the mathematics of least squares."""

import numpy as np
import pytest

from gapdyn import published

SCATTER, BARS = published.FIGURE_4A, published.FIGURE_4B
CENTRES = (BARS.edges[1:] + BARS.edges[:-1]) / 2


def weights(x):
    """The rows (slope, value at 0) of the linear map that takes ordinates to their line."""
    centred = x - x.mean()
    slope = centred / (centred @ centred)
    return np.stack([slope, 1 / len(x) - x.mean() * slope])


def r_squared(x, y):
    slope, at_0 = weights(x) @ y
    return 1 - ((y - slope * x - at_0) ** 2).sum() / ((y - y.mean()) ** 2).sum()


@pytest.mark.parametrize(
    "array", [*SCATTER, *BARS, *published.FIGURE_2.gap, *published.FIGURE_2.tau]
)
def test_readings_cannot_be_changed(array):
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_markers_stand_ten_steps_apart_and_the_abscissa_is_to_base_ten():
    assert (SCATTER.steps[0], SCATTER.abscissa[0]) == (100, -0.25)
    assert (np.diff(SCATTER.steps) == 10).all()
    np.testing.assert_allclose(np.log(SCATTER.steps) ** 2 * SCATTER.abscissa, -(np.log(10) ** 2))
    assert SCATTER.steps[-1] == 8690


def test_markers_that_stand_apart_are_read_to_a_pixel_and_the_cluster_to_its_ink():
    width = SCATTER.high - SCATTER.low
    pixel = 1 / 392.6
    np.testing.assert_allclose(SCATTER.gap, (SCATTER.high + SCATTER.low) / 2)
    np.testing.assert_allclose(width[SCATTER.steps <= 560], pixel, atol=1e-4)
    assert (width > 0.9 * pixel).all() and width.max() < 0.12


@pytest.mark.parametrize(
    ("step", "gap"),
    [(100, 1.172), (110, 1.144), (150, 0.920), (200, 0.888), (250, 0.736), (300, 0.690)],
)
def test_single_markers_are_where_a_ruler_finds_them(step, gap):
    """By the middle of the ink at its column; ticks of 0.2 and 1.2 at rows 475 and 82."""
    assert SCATTER.gap[SCATTER.steps == step][0] == pytest.approx(gap, abs=0.002)


def test_the_line_through_the_scatter_ends_below_zero():
    """R² 0.95, slope -5.65, -0.24 at t = ∞."""
    slope, at_infinity = weights(SCATTER.abscissa) @ SCATTER.gap
    assert r_squared(SCATTER.abscissa, SCATTER.gap) == pytest.approx(0.951, abs=5e-4)
    assert slope == pytest.approx(-5.65, abs=5e-3)
    assert at_infinity == pytest.approx(-0.2367, abs=5e-4)
    assert np.sqrt(-slope / -at_infinity) == pytest.approx(np.log10(77_000), abs=5e-3)


def test_its_end_is_below_zero_wherever_covered_markers_are():
    """The line is linear in the ordinates, so that intervals of these give an interval of it."""
    middle, reach = SCATTER.gap, (SCATTER.high - SCATTER.low) / 2
    slope, at_infinity = weights(SCATTER.abscissa) @ middle
    errors = np.abs(weights(SCATTER.abscissa)) @ reach
    ends = at_infinity - errors[1], at_infinity + errors[1]
    assert ends == pytest.approx((-0.332, -0.142), abs=1e-3)
    assert errors[0] == pytest.approx(0.77, abs=5e-3) and slope + errors[0] < 0


def test_the_gap_no_longer_falls_in_the_second_half_of_the_steps():
    """Means of 50 markers: least near step 4,600, and higher at the end, whose line lies below."""
    means = np.convolve(SCATTER.gap, np.full(50, 0.02), "valid")
    least = means.argmin()
    assert SCATTER.steps[least] > 4000 and SCATTER.steps[least + 49] < 5000
    assert means[least] == pytest.approx(0.156, abs=1e-3)
    assert means[-1] == pytest.approx(0.189, abs=1e-3)
    slope, at_infinity = weights(SCATTER.abscissa) @ SCATTER.gap
    assert slope * SCATTER.abscissa[-1] + at_infinity == pytest.approx(0.127, abs=1e-3)
    assert SCATTER.low[-1] > 0.135


def test_bars_are_those_of_a_hundred_starts_in_ten_equal_bins():
    assert BARS.counts.sum() == 100
    np.testing.assert_allclose(np.diff(BARS.edges), 0.0329, rtol=1e-12)
    assert BARS.edges[0] < 0


def test_the_mean_of_the_bars_is_0_186_and_their_deviation_0_078():
    mean = BARS.counts @ CENTRES / 100
    assert mean == pytest.approx(0.186, abs=5e-4)
    assert np.sqrt(BARS.counts @ (CENTRES - mean) ** 2 / 99) == pytest.approx(0.078, abs=6e-4)


def test_no_starts_in_these_bars_have_the_mean_of_the_text():
    """Each start at the left end of its bin would give the least mean, 0.170."""
    least = BARS.counts @ BARS.edges[:-1] / 100
    assert least == pytest.approx(0.170, abs=5e-4) and least > published.FIGURE_4B_TEXT_MEAN
    tallest = BARS.counts.argmax()
    assert BARS.edges[tallest] < published.FIGURE_4B_TEXT_MEAN < BARS.edges[tallest + 1]
