import numpy as np
import pytest
from matplotlib.figure import Figure

from gapdyn import plotting, sphere


def test_modalities_are_drawn_at_their_rows_and_joined_in_pairs():
    ax = Figure().add_subplot(projection="3d")
    X, Y = sphere.lift(*sphere.polygon_pairs(5, rotation=2), gamma=0.3)
    plotting.sphere(ax)
    grid = len(ax.lines)
    plotting.modalities(ax, X, Y)
    assert len(ax.lines) - grid == 5 and len(ax.collections) == 2
    ends = np.array(ax.lines[grid].get_data_3d()).T
    np.testing.assert_array_equal(ends, [X[0], Y[0]])


def test_few_pairs_are_joined_by_dashes_and_many_by_thin_lines():
    ax = Figure().add_subplot(projection="3d")
    rows = sphere.sample(plotting.FEW + 1, 3, seed=0)
    plotting.modalities(ax, rows[1:], -rows[1:])
    plotting.modalities(ax, rows, -rows)
    few, many = ax.lines[0], ax.lines[-1]
    assert few.is_dashed() and not many.is_dashed()
    assert many.get_linewidth() < few.get_linewidth()


def test_twelve_curves_differ_without_their_colours():
    styles = [plotting.curve(k) for k in range(12)]
    assert len({(style["marker"], style["ls"]) for style in styles}) == 12
    assert len({style["color"] for style in styles}) == len(plotting.SHADES)


@pytest.mark.parametrize(
    ("t", "text"),
    [(0, "0"), (0.00471, "0.00471"), (51.14, "51.1"), (1712, "1,710"), (1e2, "10²"), (1e5, "10⁵")],
)
def test_times_are_written_with_three_digits(t, text):
    assert plotting.time(t) == text
    assert plotting.moment(t, 0.5, 0.07) == f"t = {text}\nΔ = 0.500, τ = 0.070"


def test_principal_directions_are_orthonormal_leading_and_of_fixed_sign():
    rows = sphere.cone(50, np.arange(1.0, 6.0), 0.4, seed=0)
    P = plotting.principal_directions(rows[:20], rows[20:])
    np.testing.assert_allclose(P.T @ P, np.eye(3), atol=1e-13)
    values = np.linalg.eigvalsh(rows.T @ rows)[::-1][:3]
    np.testing.assert_allclose(((rows @ P) ** 2).sum(axis=0), values)
    np.testing.assert_allclose(plotting.principal_directions(-rows), P, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: plotting.time(np.inf), ValueError, "t must be finite in float64, got inf"),
        (lambda: plotting.time("1"), TypeError, "t must be a real number"),
        (lambda: plotting.principal_directions(np.eye(2)), ValueError, "three rows and columns"),
        (lambda: plotting.principal_directions(np.eye(3)[0]), ValueError, "must have 2 axes"),
        (lambda: plotting.principal_directions(np.eye(4), np.eye(3)), ValueError, "match exactly"),
        (lambda: plotting.principal_directions(), ValueError, "at least one array"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_readings_and_time_axis():
    ax = Figure().subplots()
    plotting.readings(ax, [1, 10], [0.5, 0.6])
    plotting.log_time(ax, 0.1, 100)
    assert ax.get_xscale() == "log" and ax.get_xlim() == pytest.approx((0.1, 100))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.5], [10, 0.6]])


def test_a_level_is_dashed_and_its_note_stands_on_it():
    ax = Figure().add_subplot()
    plotting.level(ax, 2.0, "here", 0.3)
    (line,), (note,) = ax.lines, ax.texts
    assert line.is_dashed() and list(line.get_ydata()) == [2.0, 2.0]
    assert note.get_text() == "here" and note.xy == (0.3, 2.0) and note.xyann[1] > 0
