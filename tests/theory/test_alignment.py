"""Misalignment falls under InfoNCE, and a fixed temperature ends in X = Y."""

import numpy as np
import pytest
from conftest import refusals
from scipy.optimize import brentq
from theory.late import matched

import gapdyn as gd
from gapdyn.theory import alignment


def spread(seed):
    """Random matched pairs, from nearly aligned to barely matched."""
    rng = np.random.default_rng(seed)
    noise = 10.0 ** rng.uniform(-3, 0.3)
    return matched(rng.integers(2, 9), rng.integers(3, 8), rng, noise)


def least_beta(X, Y):
    """The least β at which the condition holds, up to 1e-9 of it."""

    def excess(log_beta):
        seen = alignment.condition(X, Y, beta=np.exp(log_beta))
        slack = seen.margin - 2 * seen.epsilon / (1 - seen.epsilon) if seen.epsilon < 1 else -1e9
        return min(seen.scale - 1, slack)

    return np.exp(brentq(excess, -5, 18)) * (1 + 1e-9)


def test_it_is_half_the_squared_distance():
    X, Y = gd.sphere.sample(5, 3, 0), gd.sphere.sample(5, 3, 1)
    E = alignment.misalignment(2 * X, 3 * Y)
    assert E == pytest.approx(np.linalg.norm(X - Y) ** 2 / 2, rel=1e-14)
    assert E == pytest.approx((1 - (X * Y).sum(axis=1)).sum(), rel=1e-13)
    assert gd.measures.gap(X, Y) ** 2 <= 2 * E / 5


@pytest.mark.parametrize("beta", [0.3, 5.0, 80.0])
def test_its_velocity_is_that_of_the_free_model(beta):
    """Along FreeModel.velocity, and by central differences of E along it."""
    for seed in range(5):
        X, Y = gd.sphere.sample(6, 4, seed), gd.sphere.sample(6, 4, seed + 50)
        model = gd.FreeModel(6, 4, gd.Learned(), row_rate=0.7)
        moves = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / beta)))
        found = alignment.misalignment_velocity(X, Y, beta=beta, row_rate=0.7)
        along = -(moves.X * Y).sum() - (X * moves.Y).sum()
        assert found == pytest.approx(along, rel=1e-10)
        h = 1e-6 / beta
        ends = [alignment.misalignment(X + k * h * moves.X, Y + k * h * moves.Y) for k in (1, -1)]
        assert found == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-8)


def test_the_condition_is_that_of_softmaxes():
    X, Y = matched(5, 4, 0)
    Z = X @ Y.T
    for beta in (2.0, 20.0):
        rows, columns = (
            np.exp(beta * Z) / np.exp(beta * Z).sum(axis=k, keepdims=True) for k in (1, 0)
        )
        least = min(rows.diagonal().min(), columns.diagonal().min())
        seen = alignment.condition(X, Y, beta=beta)
        assert seen.epsilon == pytest.approx(1 - least, rel=1e-12)
        assert seen.scale == pytest.approx(beta * (1 + Z.diagonal().min()))
        assert seen.margin == pytest.approx(gd.measures.margin(Z))
        wanted = seen.scale >= 1 and 2 * (1 - least) / least <= seen.margin
        assert seen.holds == wanted


def test_misalignment_never_rises_once_the_condition_holds():
    """At 1,000 random states, at the least β at which it holds and above."""
    for seed in range(1000):
        X, Y = spread(seed)
        beta = least_beta(X, Y)
        for larger in (1.0, 1.5, 10.0):
            assert alignment.condition(X, Y, beta=larger * beta).holds
            assert alignment.misalignment_velocity(X, Y, beta=larger * beta) <= 0


@pytest.mark.slow
def test_a_fixed_temperature_ends_without_a_gap():
    """Fifty flows that come to rest where the condition holds strictly: X = Y there."""
    ends = 0
    for seed in range(100):
        n, d = ((2, 2), (3, 3), (4, 3), (3, 5))[seed % 4]
        model = gd.FreeModel(n, d, gd.Fixed(0.3))
        X, Y = gd.sphere.sample(n, d, seed), gd.sphere.sample(n, d, seed + 1000)
        run = gd.flow(model, model.start(X, Y), 1e5, rtol=1e-6, method="LSODA")
        X, Y = model.rows(run.y[-1])
        seen = alignment.condition(X, Y, beta=1 / 0.3)
        at_rest = np.abs(model.velocity(0.0, run.y[-1])).max() < 1e-12
        if not (at_rest and seen.holds and 2 * seen.epsilon / (1 - seen.epsilon) < seen.margin):
            continue
        ends += 1
        assert run.gap[0] > 1e-2 and run.gap[-1] < 1e-8
        assert alignment.misalignment(X, Y) < 1e-15
    assert ends >= 50


def test_bound_on_its_rate():
    """T ≥ ½(α - 2ε/(1-ε)) Σ κ_ij (r_i + r_j), with κ the softmax weights, in dE/dt = -(β/2n)T."""
    for seed in range(200):
        X, Y = spread(seed)
        Z, n, beta = X @ Y.T, len(X), 2 * least_beta(X, Y)
        seen = alignment.condition(X, Y, beta=beta)
        rows, columns = (np.exp(beta * (Z - Z.max())) for _ in range(2))
        rows, columns = rows / rows.sum(axis=1, keepdims=True), columns / columns.sum(axis=0)
        kappa = rows + columns.T
        np.fill_diagonal(kappa, 0)
        r = ((X - Y) ** 2).sum(axis=1)
        room = seen.margin - 2 * seen.epsilon / (1 - seen.epsilon)
        least = beta / (2 * n) * room / 2 * (kappa * (r[:, None] + r)).sum()
        assert -alignment.misalignment_velocity(X, Y, beta=beta) >= least * (1 - 1e-6)


test_bad_input_is_named = refusals(
    (lambda: alignment.misalignment(np.eye(3), np.eye(2)), ValueError, "X and Y must have one sh"),
    (lambda: alignment.condition(np.eye(3), np.eye(3), beta=0.0), ValueError, "beta must be pos"),
    (lambda: alignment.condition(np.eye(3), np.eye(3), beta=1e9), ValueError, "beta must be at mo"),
    (
        lambda: alignment.misalignment_velocity(np.eye(3), np.eye(3), beta=1.0, row_rate=-1.0),
        ValueError,
        "row_rate must be positive",
    ),
)
