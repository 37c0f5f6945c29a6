"""Minibatches keep the N of the data set; Adam and shared parameters lose the 1/n."""

import numpy as np
import pytest
from legible import faults, overlaps
from scipy.integrate import solve_ivp

import gapdyn as gd
from experiments import optimisers as experiment
from experiments.section_4.training import Recipe, train
from gapdyn.plotting import drawing
from gapdyn.theory import exchange_law, frozen_gap


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0, quick=True)


def batch_step(X, Y, beta, batch):
    """du/dt and dν/dt where only a batch of the rows is seen."""
    model = gd.FreeModel(len(batch), X.shape[1], gd.Learned())
    y = np.concatenate([X[batch].ravel(), Y[batch].ravel(), [np.log(beta)]])
    moves = model.split(model.velocity(0.0, y))
    return (moves.X - moves.Y).sum(axis=0) / len(X), float(moves.nu)


def test_the_picture_fits_a_page(numbers):
    with drawing():
        figure = experiment.draw(numbers)
    assert faults(figure) + overlaps(figure) == []


# Minibatches.


def test_in_steps_on_batches_the_exponent_is_that_of_the_data_set(numbers):
    runs = numbers.rows(kind="descent")
    assert {*zip(runs["pairs"], runs["batch"], strict=True)} == {
        (n, batch) for n in (6, 12) for batch in (2, 4, n)
    }
    np.testing.assert_allclose(runs["exponent"] * runs["pairs"], 1, atol=5e-3)


def test_the_departure_is_of_first_order_in_the_step(monkeypatch):
    """1/p - N for batches of 6 out of 24 pairs halves with the step, in as much time."""
    departures = []
    for h in (0.04, 0.02, 0.01):
        kind = experiment.KINDS["descent"]._replace(rate=h, steps=round(8 / h))
        monkeypatch.setitem(experiment.KINDS, "descent", kind)
        found = [experiment.measure("descent", 24, 6, seed)["exponent"] for seed in range(3)]
        departures.append(np.mean([1 / p - 24 for p in found]))
    assert abs(departures[-1]) < 0.1
    assert departures[0] / departures[1] == pytest.approx(2, abs=0.4)
    assert departures[1] / departures[2] == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize("seed", range(5))
def test_level_rows_obey_the_law_in_any_batch(seed):
    rng = np.random.default_rng(seed)
    rows = gd.sphere.sample(11, 4, rng)
    X, Y = gd.sphere.lift(rows, rng.permutation(rows), gamma=0.4)
    u = X.mean(axis=0) - Y.mean(axis=0)
    for size in (2, 3, 7, 11):
        du, dnu = batch_step(X, Y, 3.0, rng.choice(11, size, replace=False))
        assert 11 * (u @ du) / (u @ u) == pytest.approx(-dnu, rel=1e-10)


def test_batches_of_any_matched_rows_obey_the_frozen_gap_with_the_pairs_of_the_data_set():
    """‖du/dt‖ against the bound's rate in P: it is never above it."""
    rng, seen = np.random.default_rng(0), 0
    for _ in range(400):
        n, d = int(rng.integers(3, 9)), int(rng.integers(2, 5))
        X = gd.sphere.sample(n, d, rng)
        Y = gd.sphere.normalise(X + rng.uniform(0.1, 1) * gd.sphere.sample(n, d, rng))
        if gd.measures.margin(X @ Y.T) > 0:
            batch = rng.choice(n, int(rng.integers(2, n + 1)), replace=False)
            assert share_of_bound(X, Y, 10 ** rng.uniform(0, 2), batch) <= 1
            seen += 1
    assert seen > 50


def test_a_batch_of_two_attains_it_within_six():
    """The sharp pairs of theory 4.2, and four pairs that stand apart and are not in the batch."""
    angles = np.deg2rad([[0, -90], [58, -60]])
    pairs = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    X, Y = (np.pad(np.eye(4), ((0, 0), (2, 0))) for _ in range(2))
    X, Y = (np.vstack([np.pad(p, ((0, 0), (0, 4))), Z]) for p, Z in zip(pairs, (X, Y), strict=True))
    assert 0.97 < share_of_bound(X, Y, 100.0, np.array([0, 1])) <= 1


def share_of_bound(X, Y, beta, batch):
    """‖du/dt‖ over dP/dt times the most that Δ may move while P grows by 1."""
    du, dnu = batch_step(X, Y, beta, batch)
    alpha = gd.measures.margin(X @ Y.T)
    return np.linalg.norm(du) / dnu / frozen_gap.bound(1.0, n=len(X), alpha=alpha)


# Adam.


def test_adams_exponents_do_not_fall_with_n(numbers):
    """Where the law has a quarter at four times as many pairs."""
    for kind in ("cube", "symmetric", "random"):
        few, many = (numbers.rows(kind=kind, pairs=n)["exponent"] for n in (8, 32))
        assert few > 4 / 8 and many > 40 / 32, kind
        assert kind == "random" or many > 0.95 * few, kind


@pytest.mark.slow
def test_adams_slopes_are_far_from_the_law_over_seeds():
    for n in (8, 32, 128):
        slopes = [-experiment.measure("symmetric", n, n, seed)["exponent"] for seed in range(4)]
        assert -6 < min(slopes) and max(slopes) < -3.5  # -1/n is -0.125 to -0.008


def test_adam_does_not_see_the_rate_of_the_rows():
    """A constant factor before the gradient of all rows leaves its path: the 1/n is such a one."""
    model, y0 = experiment.turned(8, 0)

    class Faster(type(model)):
        def descend(self, *batch):
            velocity = super().descend(*batch)
            velocity[:-1] *= 1e3
            return velocity

    faster = Faster(model.images, model.texts, model.first, model.second, model.temperature)
    recipe = Recipe(200, 8, 1e-3, warm_up=0.0, cosine=False)
    np.testing.assert_allclose(train(faster, y0, recipe), train(model, y0, recipe), atol=1e-4)
    steps = Recipe(200, 8, 1e-3, "descent", warm_up=0.0, cosine=False)
    assert np.abs(train(faster, y0, steps) - train(model, y0, steps)).max() > 0.1


@pytest.mark.parametrize("n", [8, 32])
def test_sign_descent_closes_the_gap_of_a_cube_at_a_growth_of_e_to_gamma(n):
    model, y = experiment.cube(n, 0)
    start, h, gaps = y[-1], 1e-4, []
    while model.temperature.beta(0, y[-1]) < 2 * np.exp(0.999 * experiment.HEIGHT):
        gaps.append((y[-1] - start, gd.measures.gap(*model.embeddings(y))))
        y = y + h * np.sign(model.velocity(0.0, y))
    growth, gap = np.array(gaps).T
    last = np.flatnonzero(gap <= 0.6)[0]
    assert gap[-1] < 2e-3 and gap[0] == pytest.approx(0.8)
    assert -np.log(gap[last] / gap[0]) / growth[last] == pytest.approx(
        experiment.by_signs(np.array(n), 0.8, 0.6), rel=1e-3
    )


def test_adam_comes_near_sign_descent(numbers):
    for n in (8, 32):
        exponents = numbers.rows(kind="cube", pairs=n)["exponent"]
        signs = experiment.by_signs(np.array(n), 0.8, 0.6)
        np.testing.assert_array_less(0.85 * signs, exponents)
        np.testing.assert_array_less(exponents, signs)


# Shared parameters.


@pytest.mark.parametrize("n", [3, 20, 1000])
def test_the_exponent_with_a_shared_vector_integrates_the_law(n):
    """d log ‖c‖/dP and d log ρ/dP, solved from ρ = 1."""

    def speeds(p, state):
        c, rho = np.exp(state)
        return [-(1 / n + 1 - c**2) / rho**2, -(c**2) / rho**2]

    def fallen(p, state):
        return state[0] - np.log(0.3)

    fallen.terminal = True
    start = [np.log(0.4), 0.0]
    run = solve_ivp(speeds, [0, 10], start, events=fallen, rtol=1e-11, atol=1e-12)
    expected = np.log(4 / 3) / run.t[-1]
    assert experiment.with_shared_vector(np.array(n), 0.8, 0.6) == pytest.approx(expected, rel=1e-8)


def test_gradient_steps_with_a_shared_vector_obey_it(numbers):
    runs = numbers.rows(kind="shared")
    ends = zip(runs["pairs"], runs["gap_first"], runs["gap_last"], strict=True)
    expected = [float(experiment.with_shared_vector(np.array(n), *gaps)) for n, *gaps in ends]
    np.testing.assert_allclose(runs["exponent"], expected, rtol=5e-3)


def test_the_flow_with_a_shared_vector_keeps_its_invariant():
    model, y = experiment.table(*experiment.cyclic(7, 0), experiment.WARM, shared=True)
    run = gd.flow(model, y, 50.0, rtol=1e-10)
    kept = []
    for state in run.y:
        v = model.first.forward(model.split(state).theta, model.images)[-1]
        rho = np.linalg.norm(v, axis=1)
        c = np.linalg.norm((v / rho[:, None]).mean(axis=0))
        kept.append(rho.mean() ** 2 * (1 / 7 + 1 - c**2))
    np.testing.assert_allclose(kept, kept[0], rtol=1e-6)
    assert run.gap[-1] < 0.5 * run.gap[0]


def test_encoders_do_not_have_the_1_over_n(numbers):
    for n in (8, 32):
        steps = numbers.rows(kind="encoders_descent", pairs=n)["exponent"]
        adam = numbers.rows(kind="encoders_adam", pairs=n)["exponent"]
        assert (steps > 4 / n).all() and (np.abs(steps - 1) < 0.3).all()
        assert (adam > 10 * steps.max()).all()


# The starts.


@pytest.mark.parametrize("n", [6, 8, 12, 24])
def test_the_symmetric_starts_are_symmetric(n):
    X, Y = experiment.cyclic(n, 1)
    assert exchange_law.symmetric(X, Y)
    assert gd.measures.gap(X, Y) == pytest.approx(2 * experiment.HEIGHT)


def test_a_cube_has_all_its_vertices():
    model, y = experiment.cube(8, 0)
    X, Y = model.embeddings(y)
    signs = {tuple(row) for row in np.sign(X[:, :-1]).astype(int).tolist()}
    assert len(signs) == 8 and exchange_law.symmetric(X, Y)
    np.testing.assert_allclose([X[:, -1], -Y[:, -1]], experiment.HEIGHT)
