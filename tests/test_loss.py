import mpmath as mp
import numpy as np
import pytest
import reference
from conftest import refusals
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax

from gapdyn import loss, sphere
from gapdyn.check import numerical_gradient

BETAS = [1e-6, 1.0, 100.0, 1e4, 1e8]
EPS = np.finfo(float).eps
logits = st.builds(
    lambda n, seed, size: size * np.random.default_rng(seed).standard_normal((n, n)),
    st.integers(2, 8),
    st.integers(0, 2**32),
    st.sampled_from([1e-6, 1.0, 50.0, 1e3, 1e8]),
)


@given(logits)
def test_eq_2_is_the_mean_of_row_and_column_cross_entropies(M):
    expected = (logsumexp(M, axis=0) + logsumexp(M, axis=1) - 2 * M.diagonal()).mean() / 2
    assert loss.loss(M) == pytest.approx(expected, rel=1e-10, abs=4 * EPS * np.abs(M).max())


@given(logits)
def test_the_gradient_is_the_mean_softmax_minus_the_identity(M):
    n = len(M)
    expected = (softmax(M, axis=0) + softmax(M, axis=1)) / (2 * n) - np.eye(n) / n
    np.testing.assert_allclose(loss.gradient(M), expected, rtol=0, atol=1e-15)


@given(logits)
def test_the_gradient_sums_to_zero(M):
    G = loss.gradient(M)
    assert abs(G.sum()) <= 8 * EPS * np.abs(G).sum()


@pytest.mark.parametrize("n", [2, 3, 7])
def test_the_gradient_is_the_derivative_of_the_loss(n):
    M = 3 * np.random.default_rng(n).standard_normal((n, n))
    by_step = numerical_gradient(lambda m: loss.mean_cross_entropy(m.reshape(n, n)), M.ravel())
    np.testing.assert_allclose(loss.gradient(M).ravel(), by_step, rtol=1e-13, atol=1e-16)
    difference = np.zeros((n, n))
    for index in np.ndindex(n, n):
        step = np.zeros((n, n))
        step[index] = 1e-5
        difference[index] = (loss.loss(M + step) - loss.loss(M - step)) / 2e-5
    np.testing.assert_allclose(loss.gradient(M), difference, atol=1e-9)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("matched", [True, False])
def test_loss_gradient_and_pull_equal_their_50_digit_values(beta, n, matched):
    """The logits are given exactly here, so rounding enters through their differences alone."""
    X = sphere.sample(n, 3, seed=n)
    Z = X @ (X if matched else sphere.sample(n, 3, seed=n + 1)).T
    M = beta * Z
    tolerance = max(1e-12, 10 * beta * EPS)
    exact = reference.matrix(M)
    truth = [g for row in reference.gradient(exact) for g in row]
    assert reference.departure(loss.loss(M), [reference.loss(exact)]) <= tolerance
    assert reference.departure(loss.gradient(M), truth) <= tolerance
    pull = reference.pull(reference.matrix(Z), mp.mpf(beta))
    assert reference.departure(loss.g(Z, beta), [pull]) <= tolerance


@given(st.integers(2, 50), st.floats(0.1, 1.0), st.floats(0.0, 690.0))
def test_late_in_the_frozen_flow_g_keeps_its_relative_accuracy(n, alpha, a_alpha):
    """Z = αI: g = α(n-1)/(n-1+e^{aα}), with e^{-aα} down to 1e-300."""
    a = a_alpha / alpha
    expected = alpha * (n - 1) / (n - 1 + np.exp(a * alpha))
    assert loss.g(alpha * np.eye(n), a) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("a", [40.0, 300.0, 650.0])
def test_late_gradients_and_losses_keep_their_relative_accuracy(a):
    n = 4
    G = loss.gradient(a * np.eye(n))
    others = 1 / (n - 1 + mp.exp(a)) / n
    assert reference.departure(G[0, 1], [others]) < 1e-14
    assert reference.departure(G[0, 0], [-(n - 1) * others]) < 1e-14
    assert reference.departure(loss.loss(a * np.eye(n)), [mp.log1p((n - 1) * mp.exp(-a))]) < 1e-14


@pytest.mark.parametrize("spread", [599.9, 600.1, 700.0])
def test_both_ways_of_shifting_are_accurate_where_they_meet(spread):
    M = np.random.default_rng(0).uniform(0, 1, (5, 5))
    M = spread * (M - M.min()) / np.ptp(M) - 400
    truth = [g for row in reference.gradient(reference.matrix(M)) for g in row]
    assert reference.departure(loss.gradient(M), truth) < 2e-13
    small = [abs(float(x / y) - 1) for x, y in zip(loss.gradient(M).flat, truth, strict=True)]
    assert max(small) < 1e-12  # each entry, however small


@pytest.mark.parametrize("n", [2, 5, 200])
@pytest.mark.parametrize("size", [1.0, 1e3])
def test_the_order_of_memory_changes_nothing(n, size):
    """∇ℓ(Mᵀ) = ∇ℓ(M)ᵀ and g_a(Zᵀ) = g_a(Z), however arrays lie, and M itself may take ∇ℓ(M)."""
    M = size * np.random.default_rng(0).standard_normal((n, n))
    expected, room = loss.gradient(M), 1e-15 * size
    np.testing.assert_allclose(loss.gradient(M.T), expected.T, atol=room)
    np.testing.assert_array_equal(loss.gradient(np.asfortranarray(M)), expected)
    assert loss.g(M.T, 0.7) == pytest.approx(loss.g(M, 0.7), rel=1e-12)
    for out in (np.empty((n, n), order="F"), np.empty((2 * n, 2 * n))[::2, ::2], M):
        assert loss.gradient(M, out=out) is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("a", "rate"), [(0.0, 1.0), (5e-324, 1e-10), (1e-310, 1e-10), (1e-5, 1e-250)]
)
def test_pull_rows_goes_on_where_rate_times_a_underflows(a, rate):
    W, out = sphere.sample(12, 4, seed=0), np.empty((12, 4))
    g = loss.pull_rows(W, a, rate, out)
    Z = W[:6] @ W[6:].T
    assert g == pytest.approx(np.trace(Z) / 6 - Z.mean(), abs=a + 1e-15)  # dg/da is a variance
    assert g == pytest.approx(loss.g(Z, a), rel=1e-12)
    assert np.abs(out).max() <= 2 * rate * a
    many = np.empty((12, 4, 1))
    together = loss.pull_rows(W[..., None], np.array([a]), rate, many)
    np.testing.assert_allclose(together, g, rtol=1e-12)
    np.testing.assert_allclose(many[..., 0], out, rtol=1e-9, atol=1e-320)


@pytest.mark.parametrize("a", [-500.0, -290.0, -140.0, -2.0, 0.0, 0.5, 140.0, 160.0, 290.0, 500.0])
@pytest.mark.parametrize("width", [None, 1, 4])
def test_pull_rows_is_the_tangent_part_of_the_gradient_through_any_mix(a, width):
    """Both ways of shifting exp: |a| below and above 300, or 150 where rows are mixed."""
    X, Y = sphere.sample(6, 4, seed=0), sphere.sample(6, 4, seed=1)
    mixing = np.random.default_rng(2).uniform(size=(6, width)) if width else np.ones((6, 1))
    mixed_X, mixed_Y = mixing * X + (1 - mixing) * Y, mixing * Y + (1 - mixing) * X
    G = loss.gradient(a * mixed_X @ mixed_Y.T)
    into_X = mixing * (G @ mixed_Y) + (1 - mixing) * (G.T @ mixed_X)
    into_Y = mixing * (G.T @ mixed_X) + (1 - mixing) * (G @ mixed_Y)
    out = np.empty((12, 4))
    dX, dY = out[:6], out[6:]
    rows = np.concatenate([X, Y]) * np.linspace(0.5, 2, 12)[:, None]
    g = loss.pull_rows(rows, a, 0.5, out, mixing if width else None)
    np.testing.assert_allclose(dX, -0.5 * a * sphere.project(X, into_X), atol=1e-13 * abs(a))
    np.testing.assert_allclose(dY, -0.5 * a * sphere.project(Y, into_Y), atol=1e-13 * abs(a))
    assert g == pytest.approx(loss.g(mixed_X @ mixed_Y.T, a), rel=1e-10)


@given(st.integers(2, 6), st.floats(0.1, 30.0), st.floats(-200.0, 200.0), st.integers(0, 2**32))
def test_row_products_are_the_gradients_of_rows_of_any_length(n, length, a, seed):
    X, Y = np.random.default_rng(seed).standard_normal((2, n, 3)) * length
    reach = float(np.abs(X @ Y.T).max())
    GY, GX = np.empty((2, n, 3))
    loss.row_products(X, Y, a, GY, GX, reach)
    G = loss.gradient(a * X @ Y.T)
    room = 1e-14 * length * (1 + abs(a) * reach)
    np.testing.assert_allclose(GY, G @ Y, atol=room)
    np.testing.assert_allclose(GX, G.T @ X, atol=room)


@pytest.mark.parametrize("size", [1e150, 1e300, 4e307 / 3])
def test_logits_as_large_as_allowed_give_what_they_should(size):
    """Each of three cross-entropies of rows, and of columns, is the lead of the largest logit."""
    M = size * np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert loss.loss(M) == pytest.approx(size, rel=1e-15)
    assert loss.loss(M - M.T) == pytest.approx(size, rel=1e-15)
    np.testing.assert_allclose(loss.gradient(M), (M / size - np.eye(3)) / 3, rtol=1e-15)
    assert loss.g(M, 1.0) == pytest.approx(-size, rel=1e-15)
    assert loss.g(-size * np.eye(3), -1.0) == pytest.approx(0, abs=0)
    assert loss.g(M / size, size) == pytest.approx(-1, rel=1e-15)


def test_out_may_be_an_array_of_any_kind():
    M = np.random.default_rng(0).standard_normal((3, 3))
    for out in (
        np.zeros((3, 3)).view(np.matrix),
        np.zeros((3, 3)).view(type("Own", (np.ndarray,), {})),
    ):
        assert loss.gradient(M, out=out) is out
        np.testing.assert_array_equal(np.asarray(out), loss.gradient(M))


test_bad_input_is_named = refusals(
    (lambda: loss.loss(np.full((3, 3), 1e308)), ValueError, "M must have entries of size 1.5e"),
    (lambda: loss.gradient(np.full((3, 3), -1e308)), ValueError, "M must have entries of size"),
    (lambda: loss.g(np.eye(3), 1e308), ValueError, r"Z times a = 1e\+308 must have entries"),
    (lambda: loss.g(1e200 * np.eye(3), -1e200), ValueError, "Z times a = -1e.* must have"),
    (lambda: loss.g(1e308 * np.eye(3), 0.0), ValueError, "Z must have entries of size"),
    (lambda: loss.loss(np.ones((2, 3))), ValueError, "M must be square"),
    (lambda: loss.loss(np.ones((1, 1))), ValueError, "pairs in M must be at least 2"),
    (lambda: loss.loss(np.ones(3)), ValueError, "M must have 2 axes"),
    (lambda: loss.gradient(np.eye(3, dtype=int)), TypeError, "M must hold real floating"),
    (lambda: loss.gradient(np.full((2, 2), np.inf)), ValueError, "M must be finite"),
    (lambda: loss.gradient(np.eye(3), out=np.eye(2)), ValueError, "out must have shape"),
    (lambda: loss.gradient(np.eye(3), out=[[1.0]]), TypeError, "out must be a writeable"),
    (lambda: loss.loss([[1.0], [1.0, 2.0]]), ValueError, "M must be a rectangular array"),
    (lambda: loss.loss(np.ma.masked_equal(np.eye(3), 0)), ValueError, "M must have no masked"),
    (lambda: loss.g(np.eye(3), np.nan), ValueError, "a must be finite"),
)
