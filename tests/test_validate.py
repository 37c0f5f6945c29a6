"""What public functions are given: each kind of input is read right everywhere, or refused."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import refusals

import gapdyn as gd
from gapdyn import loss, measures, sphere, validate

WIDE = np.finfo(np.longdouble).maxexp > np.finfo(np.float64).maxexp
wide_only = pytest.mark.skipif(not WIDE, reason="longdouble is float64 here")

A = np.array([[0.1, 0.7, 0.2], [0.9, 0.3, 0.1], [0.2, 0.2, 0.8]])
free = gd.FreeModel(3, 3, gd.Learned())

TAKES_A_MATRIX = {
    "normalise": sphere.normalise,
    "lift": lambda M: np.hstack(sphere.lift(A, M, gamma=0.3)),
    "shift_gap": lambda M: np.hstack(sphere.shift_gap(A, M, 0.3)),
    "cone": lambda M: sphere.cone(3, M[0], 0.3, seed=0),
    "measure": lambda M: list(gd.measure(A, M).to_dict().values()),
    "gap": lambda M: measures.gap(A, M),
    "alignment": lambda M: measures.alignment(A, M),
    "uniformity": lambda M: measures.uniformity(A, M),
    "margin": measures.margin,
    "mismatched": measures.mismatched,
    "recall": measures.recall_at_1,
    "loss": loss.loss,
    "gradient": loss.gradient,
    "g": lambda M: loss.g(M, 2.0),
    "frozen": lambda M: gd.FrozenModel(M, gd.Learned()).Z,
    "start": lambda M: free.start(A, M, tau=0.5),
    "mixing": lambda M: free.mixed(M).mixing,
}
every_function = pytest.mark.parametrize("function", TAKES_A_MATRIX.values(), ids=TAKES_A_MATRIX)


class Frame:
    """An array in a box of its own, as data frames and tensors are."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if isinstance(self.array, Exception):
            raise self.array
        return self.array

    def __getitem__(self, k):
        return Frame(self.array[k])


def read_only(M):
    M = M.copy()
    M.flags.writeable = False
    return M


@every_function
@pytest.mark.parametrize(
    "like",
    [
        np.asfortranarray,
        lambda M: np.repeat(np.repeat(M, 2, axis=0), 3, axis=1)[::2, ::3],
        lambda M: M[::-1, ::-1].copy()[::-1, ::-1],
        lambda M: M.astype(">f8"),
        lambda M: M.astype(np.longdouble),
        lambda M: np.ma.masked_array(M),
        read_only,
        Frame,
        list,
        lambda M: [tuple(row) for row in M.tolist()],
    ],
    ids=["F", "strided", "backwards", "big", "long", "unmasked", "locked", "frame", "rows", "list"],
)
def test_equal_numbers_give_equal_answers_however_they_are_held(function, like):
    held, before = like(A), A.copy()
    np.testing.assert_allclose(function(held), function(A), rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(np.asarray(held, dtype=float), before)
    np.testing.assert_array_equal(A, before)


@every_function
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_short_floats_are_computed_with_in_float64(function, dtype):
    short = A.astype(dtype)
    np.testing.assert_array_equal(function(short), function(short.astype(np.float64)))


HALF = np.ma.masked_array(A, np.eye(3, dtype=bool))


@pytest.mark.parametrize("function", [f for k, f in TAKES_A_MATRIX.items() if k != "cone"])
@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (HALF, ValueError),
        (list(HALF), ValueError),
        (Frame(HALF), ValueError),
        ([[np.ma.masked, 0.2, 0.3], *A[1:].tolist()], ValueError),
        (np.where(A == 0.7, np.nan, A), ValueError),
        (np.where(A == 0.7, -np.inf, A), ValueError),
        (A[None], ValueError),
        (A[:0], ValueError),
        ([[0.1, 0.2], [0.3]], ValueError),
        ([[[0.1, 0.2], [0.3]]], ValueError),
        (A.astype(complex), TypeError),
        (A.astype(object), TypeError),
        (A.astype(int), TypeError),
        (A > 0.5, TypeError),
        (A.astype("datetime64[s]"), TypeError),
        (A.view([("x", float), ("y", float), ("z", float)]), TypeError),
        (A.astype(str), TypeError),
        ([[Fraction(1, 2)] * 3] * 3, TypeError),
        ([b"abc"] * 3, TypeError),
        (Frame(RuntimeError("this tensor requires grad")), TypeError),
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_what_is_no_matrix_of_numbers_is_refused(function, odd, error):
    with pytest.raises(error, match=r"^(\S+|the .*) must "):
        function(odd)


NEITHER = (None, 1.0, "abc", b"abc", {}, {1.0}, iter([1.0]), (k for k in "ab"), object())


@pytest.mark.parametrize("odd", NEITHER, ids=lambda odd: type(odd).__name__)
def test_what_is_no_array_is_refused(odd):
    for call in (sphere.normalise, loss.loss, lambda M: sphere.cone(3, M, 0.1)):
        with pytest.raises((TypeError, ValueError), match=r"^(X|M|axis) must "):
            call(odd)


@wide_only
@pytest.mark.parametrize("exponent", [-4000, -400, 400, 4000])
def test_rows_beyond_float64_have_directions(exponent):
    size = np.longdouble(f"1e{exponent}")
    rows = np.array([[3, 4], [-4, 3]], dtype=np.longdouble) * size
    for given in (rows, list(rows)):
        np.testing.assert_allclose(sphere.normalise(given), [[0.6, 0.8], [-0.8, 0.6]], rtol=1e-15)
    assert np.all(np.abs(sphere.lengths(rows) / size - 5) < 1e-14)
    np.testing.assert_allclose(sphere.cone(3, rows[0], 0.0), [[0.6, 0.8]] * 3, rtol=1e-15)
    assert gd.measure(rows, rows).mismatched == 0


@wide_only
def test_entries_beyond_float64_are_refused_where_their_size_matters():
    wide, says = A * np.longdouble("1e400"), r"must be finite in float64, got .*e\+39\d at \(0"
    for function in ("margin", "loss", "frozen", "mixing"):
        with pytest.raises(ValueError, match=says):
            TAKES_A_MATRIX[function](wide)
    y = free.start(A, A, tau=0.5).astype(np.longdouble)
    y[0] *= np.longdouble("1e400")
    with pytest.raises(ValueError, match=says):
        gd.check_gradient(free, y)


NUMBER = 0.3  # of which float16 and float32 know three and seven digits


@pytest.mark.parametrize(
    "kind", [np.float16, np.float32, np.float64, np.longdouble, Fraction, np.array], ids=str
)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: sphere.cone(3, A[0], x, seed=0),
        lambda x: sphere.lift(A, A, x),
        lambda x: sphere.lift(A, A, gamma_x=x, gamma_y=-0.2),
        lambda x: sphere.shift_gap(A, A[::-1], x),
        lambda x: loss.g(A, x),
        lambda x: free.start(A, A, tau=x),
        lambda x: gd.Fixed(x).beta(0.0, 0.0),
        lambda x: gd.Learned(gd.Exponential(x), x, 100 * x).velocity(0.0, 0.1, 0.2),
        lambda x: gd.Scheduled(lambda t: x, breaks=(x,), max_step=x).beta(0.0, 0.0),
        lambda x: gd.LinearSchedule(x, 2 * x, x).tau(0.1),
        lambda x: gd.CosineSchedule(x, 2 * x, x).tau(0.1),
        lambda x: gd.HardSwap(x, x).swapped(99),
        lambda x: gd.FreeModel(3, 3, gd.Learned(), x).velocity(0.0, free.start(A, A[::-1], tau=1)),
        lambda x: gd.check_gradient(free, free.start(A, A[::-1], tau=0.5), x),
    ],
)
def test_a_number_of_any_type_is_the_float64_that_it_is(function, kind):
    given = kind(NUMBER)
    np.testing.assert_array_equal(function(given), function(float(given)))


@pytest.mark.parametrize("kind", [int, np.int8, np.uint8, np.int64])
def test_a_count_of_any_type_is_the_integer_that_it_is(kind):
    few, many = kind(3), kind(100)
    assert sphere.sample(many, few, 0).shape == sphere.cone(many, A[0], 0.3).shape == (100, 3)
    assert gd.FreeModel(many, few, gd.Learned()).size == 601
    assert gd.HardSwap(0.5, seed=few).mixing(many, many, few).shape == (100, 3)
    np.testing.assert_array_equal(sphere.polygon_pairs(few, many), sphere.polygon_pairs(3, 1))
    np.testing.assert_array_equal(sphere.sample(3, 3, kind(7)), sphere.sample(3, 3, 7))


class Broken(float):
    def __str__(self):
        raise RuntimeError


def test_numbers_come_in_a_row_of_any_kind():
    for values in ([1.0, 2], (1, np.float32(2)), np.array([1, 2]), range(1, 3), iter([1, 2])):
        assert validate.validate_numbers("x", values) == (1.0, 2.0)
    assert validate.validate_numbers("x", ()) == ()


test_bad_input_is_named = refusals(
    (lambda: validate.validate_numbers("x", np.array(None)), TypeError, "x must be a sequence"),
    (lambda: validate.validate_numbers("x", np.array(0.5)), TypeError, "x must be a sequence"),
    (lambda: validate.validate_numbers("x", np.ma.masked), TypeError, "x must be a sequence"),
    (lambda: validate.validate_numbers("x", 0.5), TypeError, "x must be a sequence of numbers"),
    (lambda: validate.validate_numbers("x", "12"), TypeError, "x must be a real number, got '1'"),
    (lambda: validate.validate_numbers("x", np.eye(2)), TypeError, "x must be a real number"),
    (lambda: validate.validate_numbers("x", [np.nan]), ValueError, "x must be finite"),
    (
        lambda: validate.validate_numbers("x", np.ma.array([0.5, 1.0], mask=[False, True])),
        TypeError,
        "x must be a real number, got masked",
    ),
    (lambda: validate.validate_number("x", True), TypeError, "x must be a real number, got True"),
    (
        lambda: validate.validate_number("x", np.timedelta64(1)),
        TypeError,
        "x must be a real number",
    ),
    (lambda: validate.validate_integer("x", np.timedelta64(1)), TypeError, "x must be an integer"),
    (lambda: validate.validate_number("x", np.bool_(True)), TypeError, "x must be a real"),
    (lambda: validate.validate_number("x", 1j), TypeError, "x must be a real number, got 1j"),
    (lambda: validate.validate_number("x", "1"), TypeError, "x must be a real number, got '1'"),
    (lambda: validate.validate_number("x", [[1], [1, 2]]), TypeError, "x must be a real number"),
    (lambda: validate.validate_number("x", np.ones(1)), TypeError, "x must be a real number"),
    (lambda: validate.validate_number("x", np.ma.masked), TypeError, "x must be a real number"),
    (lambda: validate.validate_number("x", 10**5000), ValueError, "x must be finite"),
    (lambda: validate.validate_number("x", Broken("nan")), ValueError, "x must be finite"),
    (lambda: validate.validate_count("n", -(10**5000), least=2), ValueError, "n must be at least"),
    (lambda: validate.validate_integer("n", np.array(3)), TypeError, r"integer, got array\(3\)"),
    (lambda: validate.validate_number("x", ["a"] * 10**6), TypeError, r"\['a', .*\.\.\.$"),
    (lambda: validate.validate_number("x", np.eye(30)), TypeError, "^[^\n]{,120}$"),
    (lambda: sphere.sample(2**40, 2**40), ValueError, "n and d must make an array of a possible"),
    (lambda: sphere.sample(10**30, 2), ValueError, "n and d must make an array of a possible"),
    (lambda: sphere.polygon(10**30), ValueError, "n must make an array of a possible size"),
    (lambda: sphere.cone(10**30, A[0], 0.1), ValueError, "n .*must make an array of a possible"),
    (lambda: sphere.cone(3, np.eye(3), 0.1), ValueError, "axis must have 1 axes"),
    (lambda: sphere.cone(3, list(HALF[0]), 0.1), ValueError, "axis must have no masked"),
    (lambda: gd.SoftSwap(0.5).mixing(0, 10**30, 2), ValueError, "n and d must make an array"),
    (lambda: gd.SoftSwap(0.5).swapped(10**30), ValueError, "count must make an array"),
    (lambda: gd.FreeModel(10**5000, 3, gd.Learned()), ValueError, "n and d must make an array"),
    (lambda: gd.FreeModel(3, 3, np.eye(9)), TypeError, "^[^\n]{,150}$"),
)
