import json

import numpy as np
import pytest
from conftest import refusals
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from experiments import features
from gapdyn import measures, rows, similarities, sphere

KEYS = ["pairs", "dim", "gap", "margin", "mismatched", "alignment", "uniformity"]
KEYS += [f"recall_at_{k}_{way}" for k in (1, 5, 10) for way in ("x_to_y", "y_to_x")]
KEYS += ["height_x", "height_x_std", "height_y", "height_y_std", "parallelism_x", "parallelism_y"]
similarities = st.builds(
    lambda n, seed: np.random.default_rng(seed).integers(-3, 4, (n, n)) / 3.0,  # with ties
    st.integers(2, 9),
    st.integers(0, 2**32),
)


@given(similarities)
def test_margin_and_mismatched_pairs_are_as_defined(Z):
    n = len(Z)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    assert measures.margin(Z) == min(min(Z[i, i] - Z[i, j], Z[j, j] - Z[i, j]) for i, j in pairs)
    bad = {i for i, j in pairs if Z[i, j] >= Z[i, i] or Z[j, i] >= Z[i, i]}
    assert measures.mismatched(Z) == len(bad)


@given(similarities)
def test_recall_at_1_counts_ties_against_the_match(Z):
    n = len(Z)
    hits = [all(Z[i, i] > Z[i, j] for j in range(n) if j != i) for i in range(n)]
    assert measures.recall_at_1(Z)[0] == pytest.approx(np.mean(hits))
    assert measures.recall_at_1(Z.T) == measures.recall_at_1(Z)[::-1]


@pytest.mark.parametrize("n", [2, 7, 40])
@pytest.mark.parametrize("block_rows", [1, 3, 1000])
def test_measure_agrees_with_the_definitions_in_any_blocks(n, block_rows, monkeypatch):
    monkeypatch.setattr(similarities, "TILE", (block_rows, block_rows + 1))
    X, Y = sphere.sample(n, 4, seed=n), sphere.sample(n, 4, seed=n + 1)
    Y = sphere.unit(X + 0.7 * Y)
    Z = X @ Y.T
    m = gd.measure(X, Y)
    order_y, order_x = np.argsort(-Z, axis=1), np.argsort(-Z, axis=0)
    for k in (1, 5, 10):
        found_y = [i in order_y[i, :k] for i in range(n)]
        found_x = [i in order_x[:k, i] for i in range(n)]
        assert getattr(m, f"recall_at_{k}_x_to_y") == pytest.approx(np.mean(found_y))
        assert getattr(m, f"recall_at_{k}_y_to_x") == pytest.approx(np.mean(found_x))
    assert m.margin == pytest.approx(measures.margin(Z), abs=1e-14)
    assert m.mismatched == measures.mismatched(Z)
    assert m.alignment == pytest.approx(2 - 2 * np.trace(Z) / n)
    between = X.mean(axis=0) - Y.mean(axis=0)
    along = X @ between / np.linalg.norm(between)
    assert m.gap == pytest.approx(np.linalg.norm(between))
    assert (m.height_x, m.height_x_std) == pytest.approx((along.mean(), along.std()))
    assert m.parallelism_x == pytest.approx(1 - along.var() / np.trace(np.cov(X.T, ddof=0)))


@pytest.mark.parametrize("block_rows", [5, 1000])
def test_uniformity_is_minus_w2_by_the_matrix_square_root(block_rows, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 8 * 6 * block_rows)
    X, Y = sphere.sample(50, 6, seed=0), sphere.cone(50, np.ones(6), 0.5, seed=1)
    both = np.vstack([X, Y])
    mean, covariance = both.mean(axis=0), np.cov(both.T, ddof=0)
    root = np.sqrt(np.linalg.eigvalsh(covariance)).sum()
    expected = -np.sqrt(mean @ mean + 1 + np.trace(covariance) - 2 / np.sqrt(6) * root)
    assert measures.uniformity(X, Y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("d", [2, 3, 8])
def test_a_cross_polytope_is_perfectly_uniform_however_it_is_turned(d):
    """The points ±e_i have mean 0 and covariance I/d, so W₂ = 0."""
    for seed in range(5):
        Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
        assert measures.uniformity(Q, -Q) == pytest.approx(0, abs=1e-14)


def test_two_collapsed_modalities_have_the_uniformity_of_a_point():
    """Σ = 0 and ‖μ‖ = 1: W₂² = 2."""
    X = np.tile([1.0, 0.0, 0.0], (4, 1))
    m = gd.measure(X, X)
    assert m.uniformity == pytest.approx(-np.sqrt(2))
    assert (m.gap, m.alignment, m.margin, m.mismatched, m.recall_at_1_x_to_y) == (0, 0, 0, 4, 0)
    assert np.isnan([m.height_x, m.height_y_std, m.parallelism_x, m.parallelism_y]).all()


def test_parallel_modalities_stand_at_their_heights_with_no_variance_along_the_gap():
    m = gd.measure(*sphere.lift(*sphere.polygon_pairs(5), gamma_x=0.5, gamma_y=-0.2))
    heights = (m.height_x, m.height_x_std, m.height_y, m.height_y_std)
    assert heights == pytest.approx((0.5, 0, -0.2, 0), abs=1e-14)
    assert (m.gap, m.parallelism_x, m.parallelism_y) == pytest.approx((0.7, 1, 1))


@pytest.mark.parametrize("block_rows", [1, 2, 7, 1000])
def test_equal_rows_tie_however_their_products_round(block_rows, monkeypatch):
    """Captions 0, 2, ..., 98 stand twice, so 100 of 101 pairs are mismatched."""
    monkeypatch.setattr(similarities, "TILE", (block_rows, block_rows + 1))
    Y = sphere.sample(101, 512, seed=0)
    Y[1::2] = Y[:-1:2]
    X = sphere.unit(Y + 1e-3 * np.random.default_rng(1).standard_normal(Y.shape))
    m = gd.measure(X, Y)
    assert m.mismatched == measures.mismatched(X @ Y.T) == 100
    assert m.recall_at_1_x_to_y == measures.recall_at_1(X @ Y.T)[0] == pytest.approx(1 / 101)
    assert m.recall_at_5_x_to_y == 1


def test_rows_are_normalised_and_the_arrays_left_alone():
    X, Y = 3 * sphere.sample(5, 3, seed=0), 0.1 * sphere.sample(5, 3, seed=1)
    before = X.copy(), Y.copy()
    unit = gd.measure(sphere.normalise(X), sphere.normalise(Y))
    assert gd.measure(X, Y).to_dict() == pytest.approx(unit.to_dict(), abs=1e-14)
    np.testing.assert_array_equal((X, Y), before)
    half = gd.measure(X.astype(np.float16), Y.astype(np.float16))
    assert half.gap == pytest.approx(gd.measure(X, Y).gap, rel=1e-2)


@pytest.mark.parametrize("measure", [measures.gap, measures.alignment, measures.uniformity])
def test_one_measure_alone_is_that_of_all_for_rows_of_any_length(measure):
    X, Y = sphere.sample(5, 3, seed=0), sphere.sample(5, 3, seed=1)
    among = gd.measure(X, Y).to_dict()[measure.__name__]
    scales = np.geomspace(1e-200, 1e200, 5)[:, None]
    for A, B in ((X, Y), (10 * X, 10 * Y), (X, 7 * Y), (scales * X, Y / scales)):
        assert measure(A, B) == pytest.approx(among, rel=1e-14)
        assert getattr(gd.measure(A, B), measure.__name__) == pytest.approx(among, rel=1e-14)


@pytest.mark.parametrize("n", [4, 2000])
def test_centres_that_coincide_up_to_rounding_have_no_gap_direction(n):
    """In another order the same rows have the same centre, but not to the last bit."""
    for seed in range(4):
        rows = sphere.cone(2, np.ones(3), 0.3, seed)
        m = gd.measure(np.repeat(rows, n // 2, axis=0), np.tile(rows, (n // 2, 1)))
        assert m.gap < 1e-13
        assert np.isnan([m.height_x, m.height_y_std, m.parallelism_x, m.parallelism_y]).all()


@pytest.mark.parametrize("n", [3, 1000])
def test_equal_rows_have_no_variance_whose_share_could_be_told(n):
    X, Y = (np.tile(sphere.sample(2, 3, seed)[:1], (n, 1)) for seed in (0, 1))
    m = gd.measure(X, Y)
    assert np.isnan([m.parallelism_x, m.parallelism_y]).all()
    assert m.height_x - m.height_y == pytest.approx(m.gap)


def test_the_share_of_variance_across_the_gap_is_not_below_zero():
    """All rows are u or -u, so all variance is along the gap."""
    for seed in range(50):
        u = sphere.sample(2, 4, seed)[0]
        m = gd.measure(np.outer([1, -1, 1, -1, 1, -1, 1], u), np.outer(-np.ones(7), u))
        assert 0 <= m.parallelism_x < 1e-15


def test_the_fields_are_those_promised_and_survive_json():
    m = gd.measure(sphere.sample(5, 3, seed=0), sphere.sample(5, 3, seed=1))
    assert list(m.to_dict()) == KEYS
    assert json.loads(json.dumps(m.to_dict())) == m.to_dict()


def test_trained_clip_has_the_known_gap_recall_and_heights(shared_data):
    m = gd.measure(*np.load(features.find(features.TRAINED, shared_data)))
    assert m.gap == pytest.approx(0.8514, abs=5e-5)
    assert (m.recall_at_1_x_to_y, m.recall_at_1_y_to_x) == (0.552, 0.506)
    assert (m.height_x, m.height_x_std) == pytest.approx((0.435, 0.048), abs=5e-4)
    assert (m.height_y, m.height_y_std) == pytest.approx((-0.416, 0.057), abs=5e-4)


def test_clip_at_initialisation_has_the_known_gap_and_recall(shared_data):
    m = gd.measure(*np.load(features.find(features.RANDOM_INIT, shared_data)))
    assert m.gap == pytest.approx(1.1361, abs=5e-5)
    assert m.recall_at_1_x_to_y == m.recall_at_1_y_to_x == 0.002


X = sphere.sample(4, 3, seed=0)

test_bad_input_is_named = refusals(
    (lambda: gd.measure(X, X[:3]), ValueError, "one shape"),
    (lambda: gd.measure(X[:1], X[:1]), ValueError, "rows of X must be at least 2"),
    (lambda: gd.measure(X, X[0]), ValueError, "Y must have 2 axes"),
    (lambda: gd.measure(X[:, :1], X[:, :1]), ValueError, "dimension of X"),
    (lambda: gd.measure(X, np.where(X == X[2, 1], np.inf, X)), ValueError, r"Y .*\(2, 1\)"),
    (lambda: gd.measure(X, X * [[1.0], [0.0], [1.0], [1.0]]), ValueError, "Y .*row 1 is zero"),
    (lambda: gd.measure(X.astype(int), X), TypeError, "X must hold real floating"),
    (lambda: gd.measure(X, X.astype(complex)), TypeError, "Y must hold real floating"),
    (lambda: measures.gap(X, X[:2]), ValueError, "one shape"),
    (lambda: measures.alignment(X, X[:1]), ValueError, "rows of Y must be at least 2"),
    (lambda: measures.uniformity(X, X[:2]), ValueError, "one shape"),
    (lambda: measures.margin(X), ValueError, "Z must be square"),
)
