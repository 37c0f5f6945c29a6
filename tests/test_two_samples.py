"""Energy, MMD, uniformity, transport, separability and the best τ, each by other means."""

from itertools import permutations
from math import dist, exp, log

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import gapdyn as gd
from gapdyn import sphere


def pair(n=12, d=4, seed=0, noise=1.0):
    X, N = sphere.sample(n, d, seed), sphere.sample(n, d, seed + 1)
    return X, sphere.unit(X + noise * N)


@pytest.mark.parametrize("n", [2, 3, 12])
def test_distances_of_two_samples_are_those_of_plain_loops(n):
    X, Y = pair(n)
    m, A, B, every = gd.measure(X, Y), X.tolist(), Y.tolist(), range(n)
    mean = lambda f, P, Q: sum(f(p, q) for p in P for q in Q) / n**2  # noqa: E731
    energy = 2 * mean(dist, A, B) - mean(dist, A, A) - mean(dist, B, B)
    assert m.energy == pytest.approx(energy, rel=1e-9)
    scale, square = np.median([dist(a, b) for a in A for b in B]), 0.0
    for width in (0.5, 1, 2):
        k = lambda a, b, s=width * scale: exp(-(dist(a, b) ** 2) / (2 * s**2))  # noqa: E731
        square += (mean(k, A, A) + mean(k, B, B) - 2 * mean(k, A, B)) / 3
    assert m.mmd == pytest.approx(square, rel=1e-9)
    for name, P, Q in (("x", A, A), ("y", B, B), ("cross", A, B)):
        terms = [exp(-2 * dist(P[i], Q[j]) ** 2) for i in every for j in every if i != j]
        assert getattr(m, f"uniformity_{name}") == pytest.approx(log(np.mean(terms)), rel=1e-9)


def test_energy_on_a_great_circle_is_that_of_scipy():
    """In one dimension the energy distance is 2 ∫ (F - G)²; short arcs are nearly straight."""
    rng = np.random.default_rng(0)
    s, t = 1e-3 * rng.standard_normal(30), 1e-3 * rng.standard_normal(30) + 2e-3
    X, Y = (np.stack([np.cos(a), np.sin(a)], axis=1) for a in (s, t))
    squared = scipy.stats.energy_distance(s, t) ** 2
    assert gd.measure(X, Y).energy == pytest.approx(squared, rel=1e-4)


def test_the_transport_cost_is_that_of_the_best_permutation():
    X, Y = pair(6, noise=3.0)
    Z, m = X @ Y.T, gd.measure(X, Y)
    best = max(sum(Z[i, p[i]] for i in range(6)) for p in permutations(range(6)))
    assert m.transport_cost == pytest.approx(1 - best / 6, rel=1e-12)
    assert m.pair_cost == pytest.approx(1 - m.pair_cosine) and m.pair_cost > m.transport_cost


def test_separability_is_that_of_scikit_learn_on_the_same_split():
    linear_model = pytest.importorskip("sklearn.linear_model")
    found = []
    for seed, noise in enumerate(np.linspace(0, 0.4, 8)):
        X, Y = pair(60, 3, seed)
        X, Y = sphere.unit(X + noise * np.eye(3)[0]), sphere.unit(Y - noise * np.eye(3)[0])
        order = np.random.default_rng(0).permutation(60)
        tried, fitted = order[:12], order[12:]
        model = linear_model.LogisticRegression(C=1.0, tol=1e-8, max_iter=1000)
        model.fit(np.vstack([X[fitted], Y[fitted]]), np.repeat([1, 0], 48))
        wanted = model.score(np.vstack([X[tried], Y[tried]]), np.repeat([1, 0], 12))
        found.append(gd.measure(X, Y).separability)
        assert found[-1] == pytest.approx(wanted)
    assert max(found) > 0.7 and len({*found}) > 2


def test_the_best_temperature_makes_the_loss_least():
    X, Y = pair(40, 3, noise=1.0)
    Z, m = X @ Y.T, gd.measure(X, Y, tau=0.5)
    loss = lambda s: gd.loss.loss(Z * exp(s))  # noqa: E731
    found = scipy.optimize.minimize_scalar(loss, bounds=(-5, 8), options={"xatol": 1e-9})
    assert m.temperature_for_gap == pytest.approx(exp(-found.x), rel=1e-5)
    assert m.best_loss == pytest.approx(found.fun, rel=1e-12) and m.best_loss < m.log_n
    assert m.loss == pytest.approx(gd.loss.loss(2 * Z)) and m.loss > m.best_loss


def test_matched_pairs_want_no_temperature_and_unmatched_ones_any():
    X, Y = sphere.polygon_pairs(5)
    assert gd.measure(X, Y).temperature_for_gap == gd.measure(X, Y).best_loss == 0
    m = gd.measure(X, np.roll(Y, 2, axis=0))  # partners are further apart than strangers
    assert np.isnan(m.temperature_for_gap) and m.best_loss == m.log_n == log(5)
