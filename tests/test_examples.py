"""Random matched pairs."""

import numpy as np
import pytest
from conftest import refusals

import gapdyn as gd


@pytest.mark.parametrize("d", [2, 5, 20])
def test_the_noise_has_the_length_that_is_asked_for(d):
    """Its part along a row is lost: E‖y - x‖² = noise²(d-1)/d for small noise, for any row."""
    X, Y = gd.examples.matched(20_000, d, seed=0, noise=0.01)
    np.testing.assert_array_equal(X, gd.sphere.sample(20_000, d, seed=0))
    np.testing.assert_allclose(np.linalg.norm(Y, axis=1), 1, rtol=1e-14)
    squares = ((Y - X) ** 2).sum(axis=1)
    assert squares.mean() == pytest.approx(1e-4 * (d - 1) / d, rel=0.04)
    assert abs((Y - X).mean(axis=0)).max() < 4 * 0.01 / np.sqrt(20_000 * d)


def test_pairs_match_under_little_noise_and_not_under_much():
    for seed in range(20):
        X, Y = gd.examples.matched(5, 8, seed, noise=1e-3)
        assert gd.measures.mismatched(X @ Y.T) == 0
    X, Y = gd.examples.matched(50, 8, 0, noise=1e100)
    assert gd.measures.mismatched(X @ Y.T) > 30 and abs((X * Y).sum(axis=1).mean()) < 0.2
    X, Y = gd.examples.matched(5, 8, 0, noise=0)
    np.testing.assert_allclose(X, Y, rtol=1e-14)


test_bad_input_is_named = refusals(
    (lambda: gd.examples.matched(1, 3), ValueError, "n must be"),
    (lambda: gd.examples.matched(3, 3, "0"), TypeError, "seed must"),
    (lambda: gd.examples.matched(3, 3, 0, noise=-0.1), ValueError, "noise must lie in"),
    (lambda: gd.examples.matched(3, 3, 0, noise=1e200), ValueError, "noise must lie in"),
    (lambda: gd.examples.matched(3, 3, 0, noise="1"), TypeError, "noise must be a real number"),
)
