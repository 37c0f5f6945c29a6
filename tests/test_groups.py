"""Which rows belong together: every form of `groups`, and what is refused."""

import numpy as np
import pytest
from conftest import refusals

import gapdyn as gd
from gapdyn.groups import distinct, one_to_one, read_groups, repeats


def joined(groups):
    """Pairs of rows of X and Y that match."""
    return {(int(i), int(j)) for i, j in zip(*groups.pairs(), strict=True)}


def test_one_array_is_for_both_where_they_have_as_many_rows():
    assert joined(read_groups([5, 2, 5], 3, 3)) == {(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)}
    assert joined(read_groups(("a", "b"), 2, 2)) == {(0, 0), (1, 1)}
    assert joined(read_groups(np.array(["b", "a"], object), 2, 2)) == {(0, 0), (1, 1)}


def test_one_array_has_indices_of_rows_of_x_where_they_have_not():
    assert joined(read_groups(np.array([1, 0, 1], np.uint8), 2, 3)) == {(1, 0), (0, 1), (1, 2)}


def test_two_arrays_have_the_labels_of_each():
    wanted = {(0, 2), (1, 0), (1, 1)}
    assert joined(read_groups((["cat", "dog"], ["dog", "dog", "cat"]), 2, 3)) == wanted
    assert joined(read_groups([np.array([-1, 7]), np.array([7, 7, -1])], 2, 3)) == wanted


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_all_rows_of_one_label_in_the_order_of_x(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.permutation([*range(5), *rng.integers(0, 5, 6)]), rng.permutation([*range(5)] * 2)
    groups = read_groups((x, y), len(x), len(y))
    assert joined(groups) == {(i, j) for i in range(11) for j in range(10) if x[i] == y[j]}
    assert (np.diff(groups.pairs()[0]) >= 0).all()


def test_some_groups_keep_their_rows():
    groups = read_groups((np.array([0, 1, 2, 1]), np.array([2, 1, 0])), 4, 3)
    x, y, fewer = groups.take(np.array([1, 2]))
    assert (x.tolist(), y.tolist(), fewer.size) == ([1, 2, 3], [0, 1], 2)
    assert joined(fewer) == {(0, 1), (1, 0), (2, 1)}
    x, y, fewer = one_to_one(5).take(np.array([1, 4]))
    assert x.tolist() == y.tolist() == [1, 4] and joined(fewer) == {(0, 0), (1, 1)}


def test_equal_rows_are_found():
    rows = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    assert repeats(rows) == 2 and repeats(rows[[0, 1, 4]]) == repeats(rows[1::2]) == 0
    signed = np.array([[0.0, 1.0], [-0.0, 1.0]])
    assert repeats(signed) == repeats(signed.astype(np.longdouble)) == 1
    assert distinct(rows, np.array([0, 0, 0, 1, 1])).tolist() == [0, 1, 3, 4]


X, Y = gd.sphere.sample(4, 3, 0), gd.sphere.sample(6, 3, 1)

test_bad_groups_are_named = refusals(
    *(
        (lambda given=given: gd.measure(X, Y, groups=given), kind, message)
        for given, kind, message in [
            ([0, 1, 2, 3], ValueError, r"one label for each of the 6 rows of Y, .*\(4,\)"),
            ([0, 1, 2, 3, 4, 0], ValueError, "4 is in Y but not in X"),
            ([0, 1, 2, 0, 1, 2], ValueError, "3 is in X but not in Y"),
            (list("aabbcd"), TypeError, "labels of X too"),
            (np.zeros(6), TypeError, "integers or text, got float64"),
            (np.zeros(6, bool), TypeError, "integers or text, got bool"),
            ([None] * 6, TypeError, "integers or text, got object"),
            (3, ValueError, r"got an array of shape \(\)"),
            ([[0] * 4, [0] * 6], ValueError, "at least two, all labels are 0"),
            ([[0] * 3, [0] * 6], ValueError, r"groups\[0\] .* 4 rows of X"),
            ([list("aabb"), [0] * 6], TypeError, "all integers or all text"),
            (np.ma.masked_equal([0, 1, 2, 3, 0, 1], 2), ValueError, "masked"),
            ([[0], [0, 1], [2]], TypeError, "array of labels"),
        ]
    ),
    (lambda: gd.measure(X, Y), ValueError, "one shape"),
    (lambda: gd.measure(X, Y[:4], groups=[0, 1]), ValueError, "4 rows of both X and Y"),
)
