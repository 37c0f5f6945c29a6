"""One pass in single precision gives what float64 gives, however near the ties are."""

import numpy as np
import pytest

from gapdyn import similarities, sphere
from gapdyn.rows import Rows


def gathered(X, Y, x=None, y=None):
    """Both sides, in single precision if the rows are."""
    single = X.dtype == np.float32
    A, B = Rows(X, single=single), Rows(Y, single=single)
    x = np.arange(len(X)) if x is None else x
    y = np.arange(len(Y)) if y is None else y
    matches = similarities.Matches(x, y, similarities.similarities(A, B, x, y))
    return similarities.neighbours(A, B, matches)


def plainly(X, Y):
    """Nearest others and ranks of pairs, from all similarities in float64."""
    Z = sphere.normalise(X) @ sphere.normalise(Y).T
    own = Z.diagonal().copy()
    np.fill_diagonal(Z, -np.inf)
    for A in (Z, Z.T):
        yield A.max(axis=1), (A >= own[:, None] - sphere.TIE).sum(axis=1)


def agree(X, Y):
    for side, (nearest, rank) in zip(gathered(X, Y), plainly(X, Y), strict=True):
        np.testing.assert_allclose(side.nearest, nearest, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(side.rank, rank)


@pytest.fixture
def tiles(monkeypatch):
    """Set the size of tiles."""
    return lambda rows, columns: monkeypatch.setattr(similarities, "TILE", (rows, columns))


@pytest.fixture
def whole_tiles(monkeypatch):
    """Count tiles that are made in float64."""
    made = []
    gather = similarities._gather
    monkeypatch.setattr(similarities, "_gather", lambda *args: made.append(1) or gather(*args))
    return made


@pytest.mark.parametrize("tile", [(1024, 2048), (60, 70), (300, 300)])
@pytest.mark.parametrize("noise", [0.1, 1.0, 30.0])
def test_single_precision_has_the_ranks_of_float64(tile, noise, tiles, whole_tiles):
    tiles(*tile)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 24)).astype(np.float32)
    agree(X, (X + noise * rng.standard_normal(X.shape)).astype(np.float32))
    assert not whole_tiles or tile == (60, 70)


@pytest.mark.parametrize("tile", [(1024, 2048), (60, 70)])
def test_ties_that_single_precision_cannot_tell_are_settled(tile, tiles):
    """Rows come in twins, 1e-7 apart: in float32 half of them come out the wrong way round."""
    tiles(*tile)
    rng = np.random.default_rng(1)
    X = np.repeat(rng.standard_normal((350, 64)), 2, axis=0).astype(np.float32)
    Y = (X + 0.3 * np.repeat(rng.standard_normal((350, 64)), 2, axis=0)).astype(np.float32)
    Y[::2] *= 1 + 2e-7 * rng.standard_normal((350, 64)).astype(np.float32)
    agree(X, Y)
    Z = np.float32(sphere.normalise(X)) @ np.float32(sphere.normalise(Y)).T
    naive = (Z > Z.diagonal()[:, None]).sum(axis=1)
    _, rank = next(plainly(X, Y))
    assert (naive != rank).sum() > 50


def test_collapsed_rows_are_taken_in_float64(whole_tiles):
    """All are within rounding of one another, so nothing is settled in single precision."""
    rng = np.random.default_rng(2)
    X, Y = (np.float32(1 + 1e-4 * rng.standard_normal((200, 16))) for _ in range(2))
    agree(X, Y)
    assert whole_tiles


@pytest.mark.parametrize("d", [2, 100, 3000])
def test_similarities_in_single_precision_are_within_the_bound(d):
    rng = np.random.default_rng(d)
    for rows in (rng.standard_normal((300, d)), rng.random((300, d)), 1 + 0 * rng.random((300, d))):
        X = sphere.normalise(rows)
        error = np.abs(np.float32(X) @ np.float32(X).T - X @ X.T)
        assert error.max() < similarities.error_bound(d) < 1.1 * (d + 8) * 2.0**-24


def test_rows_so_long_that_the_bound_says_nothing_are_taken_in_float64():
    assert similarities.error_bound(2**23) == np.inf


def test_own_matches_are_left_out_in_every_tile(tiles):
    tiles(3, 2)
    rng = np.random.default_rng(4)
    label_x, label_y = np.repeat([0, 1, 2], 3), rng.permutation(np.repeat([0, 1, 2], 4))
    x, y = np.nonzero(label_x[:, None] == label_y)
    X, Y = sphere.sample(9, 3, rng), sphere.sample(12, 3, rng)
    Z, own = X @ Y.T, label_x[:, None] == label_y
    for side, A, mine in zip(gathered(X, Y, x, y), (Z, Z.T), (own, own.T), strict=True):
        best = np.where(mine, A, -np.inf).max(axis=1)
        np.testing.assert_allclose(side.own, best, atol=1e-14)
        np.testing.assert_allclose(side.nearest, np.where(mine, -np.inf, A).max(axis=1), atol=1e-14)
        np.testing.assert_array_equal(side.rank, (~mine & (A > best[:, None])).sum(axis=1))
