import numpy as np
import pytest
from conftest import refusals
from hypothesis import given
from hypothesis import strategies as st

from gapdyn import measures, sphere

sizes = st.integers(2, 9)
seeds = st.integers(0, 2**32)


@given(sizes, sizes, seeds, st.floats(-300, 300))
def test_normalised_rows_are_unit_and_keep_their_direction(n, d, seed, exponent):
    X = sphere.sample(n, d, seed)
    U = sphere.normalise(X * 10.0**exponent)
    np.testing.assert_allclose(sphere.lengths(U), 1, rtol=4e-16)
    np.testing.assert_allclose(U, X, atol=1e-15)


def test_uniform_rows_have_the_moments_of_the_sphere():
    """E z² = 1/d and E z⁴ = 3/(d(d+2)) for a coordinate z, to five standard errors."""
    n, d = 200_000, 5
    z = sphere.sample(n, d, seed=0)[:, 0]
    for power, moment in ((1, 0), (2, 1 / d), (4, 3 / (d * (d + 2)))):
        assert abs((z**power).mean() - moment) < 5 * (z**power).std() / np.sqrt(n)


def test_a_generator_is_advanced_and_a_seed_is_repeated():
    rng = np.random.default_rng(3)
    first, second = sphere.sample(4, 3, rng), sphere.sample(4, 3, rng)
    assert (first != second).any()
    assert (sphere.sample(4, 3, 3) == first).all()


def test_normalised_rows_do_not_depend_on_the_type_of_the_numbers():
    rows = np.random.default_rng(0).standard_normal((40, 7)).astype(np.float32)
    wanted = sphere.normalise(rows.astype(np.float64))
    for kind in (np.float32, np.longdouble, ">f8"):
        np.testing.assert_array_equal(sphere.normalise(rows.astype(kind)), wanted)


@given(sizes, st.integers(-20, 20))
def test_polygons_are_regular_and_turned_by_places(n, rotation):
    X, Y = sphere.polygon_pairs(n, rotation)
    i = np.arange(n)
    np.testing.assert_allclose(
        X @ Y.T, np.cos(2 * np.pi * (i[:, None] - i - rotation) / n), atol=1e-14
    )
    assert (measures.mismatched(X @ Y.T) == 0) == (rotation % n == 0)


@given(st.integers(2, 30), st.integers(2, 9), st.floats(0, np.pi), seeds)
def test_every_row_of_a_cone_has_its_angle_from_the_axis(n, d, angle, seed):
    axis = np.random.default_rng(seed).standard_normal(d)
    C = sphere.cone(n, axis, angle, seed)
    np.testing.assert_allclose(sphere.lengths(C), 1, rtol=1e-12)
    np.testing.assert_allclose(C @ axis / np.linalg.norm(axis), np.cos(angle), atol=1e-12)


@given(sizes, sizes, seeds)
def test_projection_is_idempotent_and_orthogonal_to_the_point(n, d, seed):
    X, V = sphere.sample(n, d, seed), np.random.default_rng(seed).standard_normal((n, d))
    P = sphere.project(X, V)
    np.testing.assert_allclose((P * X).sum(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(sphere.project(X, P), P, atol=1e-14)


@given(sizes, sizes, seeds, st.floats(-1, 1), st.floats(-1, 1))
def test_the_lift_above_eq_3_scales_similarities_by_radii_and_adds_the_product_of_heights(
    n, d, seed, gx, gy
):
    X, Y = sphere.sample(n, d, seed), sphere.sample(n, d, seed + 1)
    A, B = sphere.lift(X, Y, gamma_x=gx, gamma_y=gy)
    np.testing.assert_allclose(sphere.lengths(np.vstack([A, B])), 1, rtol=1e-14)
    expected = np.sqrt((1 - gx**2) * (1 - gy**2)) * (X @ Y.T) + gx * gy
    np.testing.assert_allclose(A @ B.T, expected, atol=1e-14)


@given(sizes, sizes, seeds, st.floats(-1, 1))
def test_the_gap_of_parallel_modalities_is_at_least_2_gamma(n, d, seed, gamma):
    A, B = sphere.lift(sphere.sample(n, d, seed), sphere.sample(n, d, seed + 1), gamma)
    assert measures.gap(A, B) >= 2 * abs(gamma) - 1e-14


def test_shifting_by_the_whole_gap_closes_it_between_mirrored_modalities():
    X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.4)
    assert measures.gap(*sphere.shift_gap(X, Y, 0.0)) == pytest.approx(0.8, abs=1e-14)
    assert measures.gap(*sphere.shift_gap(X, Y, 1.0)) < 1e-14
    A, B = sphere.shift_gap(X, Y, 2.0)
    np.testing.assert_allclose((A, B), (Y, X), atol=1e-14)


@pytest.mark.parametrize("n", [2, 7, 1000])
def test_opposite_modalities_of_one_point_have_no_direction_in_the_middle(n):
    """Each row is taken to zero, and what the means leave of it is rounding."""
    for seed in range(50):
        Z = np.tile(sphere.sample(2, 3, seed)[:1], (n, 1))
        with pytest.raises(ValueError, match="amount must leave each row some length"):
            sphere.shift_gap(Z, -Z, 1.0)
        away = sphere.shift_gap(Z, -Z, 1.5)  # rows at half their length, on the other side
        np.testing.assert_allclose(away, (-Z, Z), atol=1e-15)


@pytest.mark.parametrize("amount", [1.0, 1e20, -1e300])
def test_modalities_with_one_centre_have_no_gap_to_shift_along(amount):
    for seed in range(10):
        X = sphere.sample(500, 8, seed)
        Y = np.random.default_rng(seed).permutation(X)
        np.testing.assert_allclose(sphere.shift_gap(X, 3 * Y, amount), (X, Y), atol=1e-15)


def test_an_amount_of_any_size_carries_rows_along_the_gap():
    X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.99)
    A, B = sphere.shift_gap(X, Y, 1.7e308)
    np.testing.assert_allclose(A, np.tile([0.0, 0.0, -1.0], (5, 1)), atol=1e-15)
    np.testing.assert_allclose(B, -A, atol=1e-15)


def test_the_rotation_of_a_polygon_is_any_integer():
    np.testing.assert_array_equal(sphere.polygon_pairs(7, 10**30), sphere.polygon_pairs(7, 1))
    assert 10**30 % 7 == 1
    np.testing.assert_array_equal(sphere.polygon_pairs(7, -(2**64)), sphere.polygon_pairs(7, 5))
    assert -(2**64) % 7 == 5


@pytest.mark.parametrize("size", [1e-320, 1e-310, 1e-200, 1.0, 1e200, 1e307])
def test_lengths_of_rows_of_any_size(size):
    rows = np.array([[3 * size, 4 * size], [0.0, -size], [0.0, 0.0]])
    expected = [5 * size, size, 0]
    np.testing.assert_allclose(sphere.lengths(rows), expected, rtol=1e-15, atol=1e-323)
    many = np.stack([rows, np.ones((3, 2))], axis=2)
    np.testing.assert_allclose(sphere.lengths(many)[:, 0], expected, rtol=1e-15, atol=1e-323)
    np.testing.assert_allclose(sphere.lengths(many)[:, 1], np.sqrt(2), rtol=1e-15)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1.0, 1e200])
def test_a_cone_takes_an_axis_of_any_length(size):
    np.testing.assert_allclose(sphere.cone(3, [size, size], 0.0), np.sqrt(0.5), rtol=1e-15)


good = np.eye(3)
antipodes = np.tile([1.0, 0.0], (3, 1)), np.tile([-1.0, 0.0], (3, 1))

test_bad_input_is_named = refusals(
    (lambda: sphere.normalise(np.zeros((2, 3))), ValueError, "X .*zero length, row 0"),
    (lambda: sphere.normalise(np.ones(3)), ValueError, "X must have 2 axes"),
    (lambda: sphere.normalise(np.ones((1, 3))), ValueError, "rows of X must be at least 2"),
    (lambda: sphere.normalise(np.ones((3, 1))), ValueError, "dimension of X must be at least 2"),
    (lambda: sphere.normalise([["a", "b"]]), TypeError, "X .*floating"),
    (lambda: sphere.normalise([[1.0, np.nan], [1.0, 2.0]]), ValueError, r"X .*nan at \(0, 1\)"),
    (lambda: sphere.sample(1, 3), ValueError, "n must be at least 2"),
    (lambda: sphere.sample(3, 1), ValueError, "d must be at least 2"),
    (lambda: sphere.sample(3.0, 2), TypeError, "n must be an integer"),
    (lambda: sphere.polygon(1), ValueError, "n must be at least 2"),
    (lambda: sphere.polygon_pairs(5, 0.5), TypeError, "rotation must be an integer"),
    (lambda: sphere.cone(5, [0.0, 0.0], 0.1), ValueError, "axis must not be zero"),
    (lambda: sphere.cone(5, [1.0, 0.0], 4.0), ValueError, "angle must lie in"),
    (lambda: sphere.sample(3, 2, seed="a"), TypeError, "seed must be an integer"),
    (lambda: sphere.sample(3, 2, seed=-1), ValueError, "seed must be at least 0"),
    (lambda: sphere.shift_gap(*antipodes, 1.0), ValueError, "amount must leave"),
    (lambda: sphere.lift(good, good[:2], 0.1), ValueError, "one shape"),
    (lambda: sphere.lift(good, good, 1.5), ValueError, r"gamma must lie in \[-1, 1\], got 1.5"),
    (lambda: sphere.lift(good, good, 0.1, gamma_x=0.1), ValueError, "either gamma"),
    (lambda: sphere.lift(good, good, np.nan), ValueError, "gamma must be finite"),
    (lambda: sphere.shift_gap(good, good, np.inf), ValueError, "amount must be finite"),
)
