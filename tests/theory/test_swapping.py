"""Swapping multiplies the exponent at which the gap freezes by a bounded factor (theory 3.9)."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import gapdyn as gd
from gapdyn.theory import exchange_law, swapping


def simplex(n):
    """Rows of a regular simplex in the n-1 dimensions that it spans, two for n = 2."""
    rows = gd.examples.simplex(n)
    return rows @ np.linalg.svd(rows)[2][: max(n - 1, 2)].T


CROSS = np.vstack([np.eye(2), -np.eye(2)])
SHAPES = {
    "triangle": simplex(3),
    "simplex of 4": simplex(4),
    "square": CROSS,
    "pentagon": gd.sphere.polygon(5),
}
HARD, SOFT_GRID = (0.0, 1.0), (0.0, 0.3, 1.0)
"""Laws of λ, each value as likely as the others."""
DOUBLE = gd.Learned(gd.Exponential(2.0))


def mirrored(W, gamma):
    """Free model and pairs x_i = [√(1-γ²) w_i, γ], y_i the same at -γ."""
    X, Y = gd.sphere.lift(W, W, gamma=gamma)
    return X, Y, gd.FreeModel(*X.shape, gd.Learned())


def mean_velocity(model, y, masks, p):
    """The mean vector field: mixed for a part p of the time, by all masks equally often."""
    mixed = [model.mixed(mask).velocity(0.0, y) for mask in masks]
    return (1 - p) * model.velocity(0.0, y) + p * np.mean(mixed, axis=0)


def row_masks(n, law):
    return [np.array(mask)[:, None] for mask in itertools.product(law, repeat=n)]


def flow_slope(model, v, gamma):
    """-d log γ/d log β, from the velocity of the first height."""
    parts = model.split(v)
    return -(parts.X[0, -1] / gamma) / float(parts.nu)


def formula(W, gamma, beta, masks, p):
    """e₀(1 + v/((1-γ²)u - γ²v)), with u and v averaged by the weights of the softmax."""
    n, sums = len(W), np.zeros(3)
    for share, z in [(1 - p, np.zeros(n))] + [
        (p / len(masks), 2 * mask[:, 0] - 1) for mask in masks
    ]:
        u, v = 1 - W @ W.T, z[:, None] ** 2 - np.outer(z, z)
        weights = np.exp(-beta * (1 - gamma**2) * u + beta * gamma**2 * v)
        weights /= weights.sum(axis=1, keepdims=True)
        np.fill_diagonal(weights, 0)
        sums += share * np.array([(weights * k).sum() for k in (1, u, v)])
    u, v = sums[1:] / sums[0]
    return (1 + v / ((1 - gamma**2) * u - gamma**2 * v)) / n, u, v


# The exact slope


def test_scales_and_rates_enter_as_in_the_exchange_law():
    rates = {"temperature": gd.Learned(gd.Exponential(2.0), rate=0.7), "row_rate": 0.3}
    X, Y, _ = mirrored(simplex(3), 0.4)
    model = gd.FreeModel(3, 3, **rates)
    v = mean_velocity(model, model.start(X, Y, tau=0.2), row_masks(3, HARD), 0.5)
    beta_rate = float(model.split(v).nu) / 2  # d log β/dt = ν'/s
    found = -(model.split(v).X[0, -1] / 0.4) / beta_rate
    assert found == pytest.approx(swapping.slope(5.0, 0.4, n=3, p=0.5, **rates), rel=1e-12)
    factor = exchange_law.exponent(n=3, **rates) * 3
    np.testing.assert_allclose(found, factor * swapping.slope(5.0, 0.4, n=3, p=0.5))


@pytest.mark.parametrize("law", [HARD, SOFT_GRID], ids=["hard", "soft"])
@pytest.mark.parametrize("shape", SHAPES)
def test_any_law_of_the_masks_and_any_rigid_shape_has_such_a_slope(shape, law):
    """The slope is the formula of theory 3.9, within its bounds, and the rows w_i do not move."""
    W = SHAPES[shape]
    masks, alpha = row_masks(len(W), law), gd.measures.margin(W @ W.T)
    for p, gamma, beta in [(1.0, 0.3, 2.0), (0.4, 0.15, 30.0), (0.9, 0.02, 200.0)]:
        X, Y, model = mirrored(W, gamma)
        v = mean_velocity(model, model.start(X, Y, tau=1 / beta), masks, p)
        expected, u, twist = formula(W, gamma, beta, masks, p)
        assert flow_slope(model, v, gamma) == pytest.approx(expected, rel=1e-9)
        assert 0 < twist < 2 and u > alpha - 1e-12
        assert 1 < len(W) * expected < 1 + 2 / ((1 - gamma**2) * alpha - 2 * gamma**2)
        moving = model.split(v).X[:, :-1]
        along = np.einsum("ij,ij->i", moving, W)[:, None] * W
        np.testing.assert_allclose(moving, along, rtol=0, atol=1e-12)


def test_swapped_entries_move_mirrored_pairs_as_swapped_rows_do():
    """For each mask only the last entry of λ matters, whatever the rows w_i are."""
    W, rng = gd.sphere.sample(5, 3, 0), np.random.default_rng(1)
    X, Y, model = mirrored(W, 0.4)
    y = model.start(X, Y, tau=0.3)
    for mask in (rng.integers(2, size=(5, 4)).astype(float), rng.random((5, 4))):
        entries, rows = (model.mixed(k).velocity(0.0, y) for k in (mask, mask[:, -1:]))
        np.testing.assert_allclose(entries, rows, rtol=0, atol=1e-14)
        parts = model.split(entries)
        np.testing.assert_allclose(parts.X * [1, 1, 1, -1], parts.Y, rtol=0, atol=1e-14)


def averaged_loss(beta, gamma, n, p):
    """L of the averaged flow, in mpmath."""
    a, alpha, one = beta * (1 - gamma**2), mpmath.mpf(n) / (n - 1), mpmath.mpf(1)
    total = (1 - p) * mpmath.log(1 + (n - 1) * mpmath.exp(-a * alpha))
    for m in range(n):
        raised = n - 1 - m + m * mpmath.exp(2 * beta * gamma**2)
        weight = mpmath.binomial(n - 1, m) * one / 2 ** (n - 1)
        total += p * weight * mpmath.log(1 + mpmath.exp(-a * alpha) * raised)
    return total


@pytest.mark.parametrize("n", [2, 5, 17])
@pytest.mark.parametrize(
    ("beta", "gamma", "p"),
    [(1e-3, 0.5, 1.0), (3.0, 0.2, 0.3), (80.0, 0.1, 1e-3), (400.0, 0.3, 1.0), (5.0, 0.9, 0.5)],
)
def test_slope_is_a_quotient_of_derivatives_of_the_averaged_loss(n, beta, gamma, p):
    """γ' = -(1-γ²)/2n ∂L/∂γ and β' = -β² ∂L/∂β; the factor 1/2n, as γ is set by 2n rows."""
    with mpmath.workdps(400):
        b, g, q = mpmath.mpf(beta), mpmath.mpf(gamma), mpmath.mpf(p)
        by_gamma = mpmath.diff(lambda x: averaged_loss(b, x, n, q), g)
        by_beta = mpmath.diff(lambda x: averaged_loss(x, g, n, q), b)
        expected = float(-(1 - g**2) / (2 * n) * by_gamma / (g * b * by_beta))
    assert swapping.slope(beta, gamma, n=n, p=p) == pytest.approx(expected, rel=1e-11)


@given(
    n=st.integers(2, 60),
    p=st.floats(0, 1),
    log_beta=st.floats(np.log(1e-3), np.log(1e8)),
    share=st.floats(1e-9, 0.999),
)
def test_the_factor_lies_between_1_and_its_bound(n, p, log_beta, share):
    alpha = n / (n - 1)
    gamma = share * np.sqrt(alpha / (alpha + 2))
    factor = n * swapping.slope(np.exp(log_beta), gamma, n=n, p=p)
    bound = 1 + 2 / ((1 - gamma**2) * alpha - 2 * gamma**2)
    assert 1 <= factor <= bound * (1 + 1e-12)


def test_beta_falls_and_the_gap_with_it_while_swapped_pairs_do_not_match():
    """This happens above γ² = α/(α+2), which is 0.62² for n = 5."""
    heights = np.array([0.6, 0.65, 0.9])
    assert (np.sign(swapping.slope(50.0, heights, n=5)) == [1, -1, -1]).all()
    X, Y, model = mirrored(simplex(3), 0.9)
    v = mean_velocity(model, model.start(X, Y, tau=0.1), row_masks(3, HARD), 1.0)
    assert float(model.split(v).nu) < 0 and model.split(v).X[0, -1] < 0


def test_nothing_swapped_is_the_exchange_law():
    beta, gamma = np.geomspace(1e-3, 1e8, 12)[:, None], np.array([0.01, 0.5, 0.99])
    np.testing.assert_array_equal(swapping.slope(beta, gamma, n=7, p=0), np.full((12, 3), 1 / 7))
    assert swapping.exponent(n=7, p=0) == exchange_law.exponent(n=7)
    assert swapping.exponent(n=7, p=0, temperature=DOUBLE) == 4 / 7
    heights = swapping.height([2.0, 1e6, 2e2], n=7, gamma0=0.4, beta0=2.0, p=0)
    np.testing.assert_allclose(heights, 0.4 * np.array([1.0, 2e-6, 1e-2]) ** (1 / 7), rtol=1e-14)


# Late in the run


def test_exponents_of_simplices():
    """½ at n = 4, 5 and, up to p = ¾, at n = 3; from six pairs on (3n-2)/n², less than 3/n."""
    assert swapping.exponent(n=3, p=0.75) == pytest.approx(0.5)
    assert swapping.exponent(n=3, p=0.76) > 0.5 == swapping.exponent(n=3, p=0.74)
    assert swapping.exponent(n=4) == swapping.exponent(n=5, p=0.01) == 0.5
    for n in (6, 12, 1024):
        for p in (1e-9, 1.0):
            assert swapping.exponent(n=n, p=p) == pytest.approx((3 * n - 2) / n**2)
    assert swapping.exponent(n=5, alpha=1 - np.cos(0.4 * np.pi)) == 0.5
    assert (
        swapping.exponent(n=8, row_rate=2.0) == swapping.exponent(n=16, temperature=DOUBLE) == 0.5
    )


@pytest.mark.parametrize(("n", "p"), [(3, 0.5), (4, 1.0), (4, 0.1), (5, 0.5)])
def test_in_between_the_gap_forgets_its_start(n, p):
    """Δ → 2√(θ/β) with θ = `balance`."""
    for gamma0, beta0 in [(0.5, 0.01), (0.1, 30.0)]:
        gamma = swapping.height(1e150, n=n, p=p, gamma0=gamma0, beta0=beta0)
        assert 1e150 * gamma**2 == pytest.approx(swapping.balance(n=n, p=p), rel=1e-7)


def test_balance_is_finite_for_the_least_share():
    """p = 2^-1074, and b/(1-b) = 2 for tetrahedra: θ = ½ log[2·2/p]."""
    assert swapping.balance(n=4, p=5e-324) == pytest.approx(538 * np.log(2), rel=1e-14)


def test_balance_is_zero_or_infinite_where_the_exponent_is_not_a_half():
    assert swapping.balance(n=2) == 0 and swapping.balance(n=12, p=1e-6) == np.inf
    faster = gd.Learned(rate=3.0)
    settings = ({"temperature": DOUBLE}, {"temperature": faster}, {"row_rate": 0.6}, {"alpha": 0.7})
    for rates in settings:
        for n in range(2, 30):
            held = 0 < swapping.balance(n=n, p=0.3, **rates) < np.inf
            assert held == (swapping.exponent(n=n, p=0.3, **rates) == 0.5)


def quadrature(p, nodes=200):
    """V(θ), the mean of v = z² - zz' weighted by e^{θv}, z and z' uniform; unswapped v = 0."""
    z, w = np.polynomial.legendre.leggauss(nodes)
    v, w = (z[:, None] ** 2 - np.outer(z, z)).ravel(), np.outer(w, w).ravel() / 4

    def mean(theta):
        tilted = p * w * np.exp(theta * (v - 2))
        return tilted @ v / (tilted.sum() + (1 - p) * np.exp(-2 * theta))

    return mean


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_soft_swapping_starts_from_a_third_and_ends_like_hard(p):
    """V(0) = p/3, V rises with θ, and 2 - V is about 2/θ at large θ."""
    mean = quadrature(p)
    assert mean(0.0) == pytest.approx(p * swapping.SOFT, rel=1e-12)
    values = [mean(theta) for theta in np.linspace(0, 300, 301)]
    assert (np.diff(values) > 0).all()
    assert 300 * (2 - values[-1]) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize(("n", "p"), [(2, 1.0), (2, 0.3), (4, 1.0), (4, 0.2), (12, 1.0), (12, 0.2)])
def test_late_exponents_of_soft_swapping(n, p):
    """By d log θ/d log β = 1 - 2(1 + V(θ)/α)/n, θ = βγ²; at large θ V is taken as 2 - 2/θ."""
    mean, alpha = quadrature(p), n / (n - 1)

    def slope(y):
        theta = np.exp(min(y, 600.0))
        return (1 + (mean(theta) if theta < 300 else 2 - 2 / theta) / alpha) / n

    run = solve_ivp(lambda x, y: [1 - 2 * slope(y[0])], (0, 100), [0.0], rtol=1e-6)
    assert slope(run.y[0, -1]) == pytest.approx(swapping.exponent(n=n, p=p, soft=True), abs=1e-4)


# Bad input


USUAL = {
    "slope": {"beta": 1.0, "gamma": 0.3, "n": 3},
    "height": {"beta": 2.0, "n": 3, "gamma0": 0.3, "beta0": 1.0},
}


@pytest.mark.parametrize(
    ("name", "wrong", "error", "says"),
    [
        ("slope", {"beta": 0.0}, ValueError, "beta must be positive and finite"),
        ("slope", {"beta": "1"}, TypeError, "beta must be a real number"),
        ("slope", {"gamma": 1.0}, ValueError, r"gamma must lie in \(0, 1\)"),
        ("slope", {"n": 1}, ValueError, "n must be a whole number"),
        ("slope", {"n": 10**7}, ValueError, "n must be at most a million"),
        ("slope", {"temperature": gd.Learned(max_beta=9.0)}, ValueError, "must have no ceiling"),
        ("height", {"gamma0": 0.66}, ValueError, "gamma0 must be below .* 0.6547"),
        ("height", {"beta": [2.0, 0.5]}, ValueError, "beta must be at least beta0"),
        ("exponent", {"p": 1.1}, ValueError, r"p must lie in \[0, 1\]"),
        ("exponent", {"alpha": 1.6}, ValueError, r"alpha must be at most n/\(n-1\)"),
        ("exponent", {"soft": np.ones(2)}, TypeError, "soft must be True or False"),
        ("exponent", {"alpha": 0.0}, ValueError, "alpha must lie in"),
        ("balance", {"p": 0.0}, ValueError, "p must be positive"),
    ],
)
def test_bad_input_is_named(name, wrong, error, says):
    with pytest.raises(error, match=says):
        getattr(swapping, name)(**(USUAL.get(name, {"n": 3}) | wrong))


def test_no_number_overflows():
    beta = np.geomspace(1e-3, 1e8, 40)[:, None]
    gamma = np.concatenate([np.geomspace(1e-12, 0.1, 9), [0.3, 0.7, 0.999]])
    for n in (2, 9, 5000):
        for p in (0.0, 1e-9, 1.0):
            assert np.isfinite(swapping.slope(beta, gamma, n=n, p=p)).all()
    assert np.isfinite(swapping.slope(5.0, 0.4, n=10**6, p=0.3))
    assert swapping.height(1.0, n=3, gamma0=0.3, beta0=1.0) == 0.3
    assert swapping.height([[1.0, 2.0], [3.0, 1.0]], n=3, gamma0=0.3, beta0=1.0).shape == (2, 2)
