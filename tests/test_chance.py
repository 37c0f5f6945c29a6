"""The null of the gap and the bootstrap, against exact sums and the spread of draws."""

from itertools import product

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import chance, sphere
from gapdyn.groups import one_to_one, read_groups
from gapdyn.rows import Rows


def every_exchange(parts):
    """The gap for every choice of signs."""
    signs = product([-1, 1], repeat=len(parts))
    return np.array([np.linalg.norm(np.array(sign) @ parts) for sign in signs])


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_null_is_the_gap_over_all_exchanges_of_partners(kind, monkeypatch):
    monkeypatch.setattr(chance, "EXCHANGES", 20_000)
    X, Y = sphere.sample(8, 3, 0).astype(kind), sphere.sample(8, 3, 1).astype(kind)
    gaps = every_exchange((sphere.normalise(X) - sphere.normalise(Y)) / 8)
    m = gd.measure(X, Y)
    assert m.null_gap == pytest.approx(gaps.mean(), rel=0.01)
    assert m.null_gap_95 == pytest.approx(np.quantile(gaps, 0.95), rel=0.02)
    assert np.mean(gaps**2) == pytest.approx(m.alignment / 8)


def test_the_null_of_groups_exchanges_an_image_with_its_captions(monkeypatch):
    monkeypatch.setattr(chance, "EXCHANGES", 20_000)
    X, Y = sphere.sample(6, 3, 0), sphere.sample(18, 3, 1)
    parts = X / 6 - Y.reshape(6, 3, 3).sum(axis=1) / 18
    m = gd.measure(X, Y, groups=np.repeat(np.arange(6), 3))
    assert m.null_gap == pytest.approx(every_exchange(parts).mean(), rel=0.01)


def test_batches_are_those_of_one_piece(monkeypatch):
    """They are as many in all; and memory decides how many go together."""
    assert sum(chance.batches(500, 10)) == sum(chance.batches(500, 10**6)) == 500
    assert max(chance.batches(500, 10**6)) == 8
    rows, weights = Rows(sphere.sample(50, 4, 0)), sphere.sample(3, 50, 1)
    monkeypatch.setattr("gapdyn.rows.BLOCK", 8 * 4 * 7)
    found = chance.weighted_sums(weights, rows, one_to_one(50).x)
    np.testing.assert_allclose(found, weights @ rows[:], atol=1e-14)


def test_intervals_cover_what_repeated_samples_give():
    """Their width is that of the spread of the gap and the cosine over fresh samples."""
    rng, away = np.random.default_rng(0), np.eye(4)[0]

    def draw():
        X = sphere.unit(rng.standard_normal((200, 4)) + away)
        return X, sphere.unit(X + 0.8 * rng.standard_normal((200, 4)) - away)

    fresh = [gd.measure(*draw()) for _ in range(200)]
    m = gd.measure(*draw(), bootstrap=1000)
    for name in ("gap", "pair_cosine", "alignment", "recall_at_10_x_to_y"):
        low, high = m.intervals[name]
        assert low < getattr(m, name) < high
        spread = np.std([getattr(other, name) for other in fresh])
        assert (high - low) / (2 * 1.96) == pytest.approx(spread, rel=0.3), name
    assert m.to_dict()["gap_low"] == m.intervals["gap"][0]


def test_the_bootstrap_draws_groups_and_not_rows():
    """Captions of a group are equal, so five of each give the interval of one of each."""
    X, Y = sphere.sample(40, 3, 0), sphere.sample(40, 3, 1)
    wide = gd.measure(X, np.repeat(Y, 5, axis=0) + 1e-9 * sphere.sample(200, 3, 2),
                      groups=np.repeat(np.arange(40), 5), bootstrap=2000)  # fmt: skip
    plain = gd.measure(X, Y, bootstrap=2000)
    assert wide.intervals["gap"] == pytest.approx(plain.intervals["gap"], rel=0.1)
    assert read_groups(np.repeat(np.arange(40), 5), 40, 200).size == 40
