"""The sigmoid loss: its optimum, its thresholds, its zeros at any gap, and what its flow keeps."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

import gapdyn as gd
from gapdyn.examples import simplex
from gapdyn.theory import sigmoid


def loss_of(Z, t, b):
    """(1/n) Σ softplus(∓(tz - b)) for similarities, as it is defined."""
    M = t * Z - b
    M[np.diag_indices(len(Z))] *= -1
    return np.logaddexp(0, M).sum() / len(Z)


def rows_of(n, gap):
    """The double-constant rows x_i = w_i + c, y_i = w_i - c of a gap, in n dimensions."""
    return gd.sphere.lift(simplex(n), simplex(n), gamma=gap / 2)


# The optimum at given t and b

FOUR = {
    (0.7, 0.7): (0.644174, 0.843595),
    (1.0, 0.0): (-0.494074, 1.728626),
    (2.0, 1.0): (0.810272, 0.616001),
    (3.0, -2.0): (-0.831358, np.sqrt(2 * 1.831358)),
}


def freely(n, d, t, b, seed):
    """Least loss over unit rows, by a descent that knows nothing of simplices."""

    def objective(flat):
        W = flat.reshape(2, n, d)
        length = np.linalg.norm(W, axis=2, keepdims=True)
        X, Y = W / length
        M = t * X @ Y.T - b
        G = expit(M) / n
        G[np.diag_indices(n)] = -expit(-M.diagonal()) / n
        slopes = t * np.stack([G @ Y, G.T @ X])
        slopes -= (slopes * (W / length)).sum(axis=2, keepdims=True) * W / length
        return loss_of(X @ Y.T, t, b), (slopes / length).ravel()

    start = np.random.default_rng(seed).standard_normal(2 * n * d)
    options = {"maxiter": 10**5, "maxfun": 10**5, "ftol": 0, "gtol": 1e-11, "maxcor": 50}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    X, Y = gd.sphere.normalise(found.x.reshape(2 * n, d)).reshape(2, n, d)
    return X, Y, found.fun


@pytest.mark.parametrize(("t", "b"), FOUR)
def test_no_free_rows_have_less_loss(t, b):
    X, Y, loss = freely(6, 9, t, b, seed=0)
    best = sigmoid.optimum(n=6, t=t, bias=b)
    assert best.s == pytest.approx(FOUR[t, b][0], abs=6e-7)
    assert best.gap == pytest.approx(FOUR[t, b][1], abs=6e-7)
    assert loss == pytest.approx(best.loss, rel=1e-12)
    np.testing.assert_allclose((X * Y).sum(axis=1), best.s, rtol=0, atol=1e-7)
    assert gd.measures.gap(X, Y) == pytest.approx(best.gap, abs=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_in_fewer_dimensions_all_losses_are_larger(seed):
    best = sigmoid.optimum(n=6, t=2.0, bias=1.0).loss
    assert freely(6, 6, 2.0, 1.0, seed)[2] == pytest.approx(best, rel=1e-12)
    assert freely(6, 5, 2.0, 1.0, seed)[2] > best * (1 + 1e-4)
    closed = sigmoid.optimum(n=6, t=2.0, bias=2.0)
    assert closed.gap == 0
    assert freely(6, 5, 2.0, 2.0, seed)[2] == pytest.approx(closed.loss, rel=1e-12)
    assert freely(6, 4, 2.0, 2.0, seed)[2] > closed.loss * (1 + 1e-4)


def test_inside_the_loss_depends_on_the_sum_of_t_and_b_alone():
    for t, b in ((1.0, 0.0), (3.0, -2.0), (1.5, -0.5)):
        assert sigmoid.optimum(n=6, t=t, bias=b).loss == pytest.approx(2.829573176, abs=5e-10)


def double_constant(s, n, t, b):
    """The loss of double-constant rows, and the derivative in s over t, in mpmath."""
    q = ((n - 2) * s - n) / (2 * mpmath.mpf(n - 1))
    u, v = b - t * s, t * q - b
    soft = [mpmath.log1p(mpmath.exp(x)) for x in (u, v)]
    sigma = [1 / (1 + mpmath.exp(-x)) for x in (u, v)]
    return soft[0] + (n - 1) * soft[1], mpmath.mpf(n - 2) / 2 * sigma[1] - sigma[0]


def reference(n, t, b):
    """s and L of the optimum, by bisection at 60 digits."""
    with mpmath.workdps(60):
        t, b, low, high = mpmath.mpf(t), mpmath.mpf(b), mpmath.mpf(-1), mpmath.mpf(1)
        if double_constant(low, n, t, b)[1] >= 0:
            high = low
        if double_constant(high, n, t, b)[1] <= 0:
            low = high
        while high - low > mpmath.mpf(10) ** -40:
            middle = (low + high) / 2
            if double_constant(middle, n, t, b)[1] > 0:
                high = middle
            else:
                low = middle
        return low, double_constant(low, n, t, b)[0]


@pytest.mark.parametrize("n", [2, 3, 4, 5, 32768, 10**9])
@pytest.mark.parametrize("t", [1e-6, 0.07, 1.0, 10.0, 1e3, 1e8])
def test_it_is_the_root_at_50_digits(n, t):
    """Between the antipodal and the closed bias, at both, and far outside."""
    low, high = (f(n=max(n, 3), t=t) for f in (sigmoid.antipodal_bias, sigmoid.closing_bias))
    for share in (-9.0, -0.01, 0.0, 1e-6, 0.1, 0.5, 0.9, 1 - 1e-6, 1.0, 1.01, 9.0):
        bias = low + share * (high - low)
        s, loss = reference(n, t, bias)
        found, unsure = sigmoid.optimum(n=n, t=t, bias=bias), 2e-15 * (1 + (abs(bias) + 40) / t)
        assert abs(found.s - s) < unsure
        assert abs(found.gap**2 - 2 * (1 - s)) < 2 * unsure
        assert found.loss == pytest.approx(float(loss), rel=1e-13 + 1e-15 * (t + abs(bias)))


@given(st.integers(2, 7), st.integers(2, 8), st.integers(0, 10**6), st.floats(0.01, 20))
def test_any_rows_lose_at_least_as_much(n, d, seed, t):
    """And their mean similarities obey the bound that the proof is about."""
    rng = np.random.default_rng(seed)
    near = rng.random()
    X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
    Y = gd.sphere.normalise(near * X + (1 - near) * Y)
    Z, b = X @ Y.T, rng.uniform(-t - 3, t + 3)
    s, q = Z.diagonal().mean(), (Z.sum() - Z.trace()) / (n * (n - 1))
    assert q >= ((n - 2) * s - n) / (2 * (n - 1)) - 1e-12
    assert loss_of(Z, t, b) >= sigmoid.optimum(n=n, t=t, bias=b).loss * (1 - 1e-12)


@given(st.integers(3, 9), st.floats(0.1, 20), st.floats(-0.1, 1.1))
def test_lifted_simplices_attain_it(n, t, share):
    low, high = sigmoid.antipodal_bias(n=n, t=t), sigmoid.closing_bias(n=n, t=t)
    bias = low + share * (high - low)
    best = sigmoid.optimum(n=n, t=t, bias=bias)
    if best.gap == 2:
        Z = -np.ones((n, n))
    else:
        X, Y = rows_of(n, best.gap)
        Z = X @ Y.T
    assert loss_of(Z, t, bias) == pytest.approx(best.loss, rel=1e-12)
    assert Z[0, 0] == pytest.approx(best.s, abs=1e-12)


# Thresholds


@pytest.mark.parametrize(
    ("n", "closes", "antipodal"),
    [(10, 1.751319, 0.693147), (100, 4.528964, 1.945910), (1000, 6.897846, 3.106303)],
)
def test_thresholds_at_equal_t_and_b(n, closes, antipodal):
    assert sigmoid.closing_threshold(n=n) == pytest.approx(closes, abs=5e-7)
    assert sigmoid.antipodal_threshold(n=n) == pytest.approx(antipodal, abs=5e-7)
    for t, zero, two in (
        (closes + 1e-6, True, False),
        (closes - 1e-6, False, False),
        (antipodal + 1e-6, False, False),
        (antipodal - 1e-6, False, True),
    ):
        gap = sigmoid.optimum(n=n, t=t, bias=t).gap
        assert (gap == 0, gap == 2) == (zero, two)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_up_to_four_pairs_have_no_gap_at_equal_t_and_b(n):
    assert sigmoid.closing_threshold(n=n) == sigmoid.antipodal_threshold(n=n) == 0
    for t in (1e-6, 0.1, 1.0, 1e3):
        assert sigmoid.optimum(n=n, t=t, bias=t).gap == 0


@pytest.mark.parametrize("n", [3, 4, 5, 100, 10**9])
@pytest.mark.parametrize("t", [1e-3, 1.0, 10.0, 1e4])
def test_biases_at_which_the_gap_closes_and_opens_fully(n, t):
    """They solve their equations at 50 digits, and the optimum changes there."""
    closes, opens = sigmoid.closing_bias(n=n, t=t), sigmoid.antipodal_bias(n=n, t=t)
    for b, s in ((closes, 1), (opens, -1)):
        with mpmath.workdps(60):
            force = [double_constant(mpmath.mpf(s), n, t, b + d)[1] for d in (-1e-11, 0, 1e-11)]
        scale = 1e-15 * (1 + abs(b) + t)
        assert force[0] > 0 > force[2] or abs(b) > 1e3
        assert abs(force[1]) <= scale * abs(force[2] - force[0]) / 1e-11
    step = 1e-9 * (1 + abs(closes))
    assert sigmoid.optimum(n=n, t=t, bias=closes + step).gap == 0
    assert sigmoid.optimum(n=n, t=t, bias=closes - step).gap > 0
    step = 1e-9 * (1 + abs(opens))
    assert sigmoid.optimum(n=n, t=t, bias=opens - step).gap == 2
    assert sigmoid.optimum(n=n, t=t, bias=opens + step).gap < 2


def test_at_a_given_bias_the_gap_is_closed_up_to_one_t():
    for n in (3, 4, 10, 10**6):
        for above in (1e-6, 0.3, 5.0, 1e4):
            bias = np.log((n - 2) / 2) + above
            t = sigmoid.closed_until(n=n, bias=bias)
            assert sigmoid.closing_bias(n=n, t=t) == pytest.approx(bias, rel=1e-14)
            assert sigmoid.optimum(n=n, t=t * (1 - 1e-6), bias=bias + 1e-9).gap == 0
            assert sigmoid.optimum(n=n, t=t * (1 + 1e-3), bias=bias).gap > 0
        assert sigmoid.closed_until(n=n, bias=np.log((n - 2) / 2) - 1e-12) == 0
    assert sigmoid.closed_until(n=2, bias=-99.0) == np.inf


def test_the_closing_bias_grows_with_t():
    """Convex from four pairs on; its slope starts at 1/(n-1) and ends at (n-2)/(2(n-1))."""
    t = np.linspace(0.01, 40, 400)
    for n in (3, 4, 5, 50):
        b = np.array([sigmoid.closing_bias(n=n, t=x) for x in t])
        slopes = np.diff(b) / np.diff(t)
        ends = sorted([1 / (n - 1) if n > 3 else 0.5, (n - 2) / (2 * (n - 1))])
        assert ends[0] - 1e-3 < slopes.min() and slopes.max() < ends[1] + 1e-3
        assert (np.diff(slopes) > -1e-9).all() if n > 3 else (np.diff(slopes) < 1e-9).all()


def test_the_largest_batch_of_siglip():
    assert sigmoid.largest_batch(t=10.0, bias=10.0) == 22039
    assert sigmoid.optimum(n=22039, t=10.0, bias=10.0).gap == 0
    assert sigmoid.optimum(n=22040, t=10.0, bias=10.0).gap > 0


@given(st.floats(1e-3, 100.0), st.floats(-50.0, 25.0))
def test_the_largest_batch_obeys_its_inequality(t, bias):
    n = sigmoid.largest_batch(t=t, bias=bias)

    def slack(n):
        with mpmath.workdps(50):
            e = [mpmath.exp(mpmath.mpf(x)) for x in (t, bias)]
            most = 2 * (1 + e[0] ** (mpmath.mpf(1) / (n - 1)) * e[1]) / (1 + e[0] / e[1])
            return float((most - (n - 2)) / n)

    assert n == 2 or slack(n) > -1e-12
    assert slack(n + 1) < 1e-12


@pytest.mark.parametrize("n", [2, 3, 4, 10, 32768])
@pytest.mark.parametrize("t", [1e-3, 0.5, 10.0, 300.0])
def test_with_its_best_bias_the_optimum_has_no_gap(n, t):
    """The least of all optima over the bias, by SciPy, is where the formula says."""
    best = sigmoid.optimal_bias(n=n, t=t)
    assert best > sigmoid.closing_bias(n=n, t=t)

    def least(bias):
        return sigmoid.optimum(n=n, t=t, bias=bias).loss

    found = minimize_scalar(least, (best - 1, best + 0.7), options={"xtol": 1e-12})
    assert found.x == pytest.approx(best, abs=1e-5)
    assert least(best) <= found.fun * (1 + 1e-14)
    assert sigmoid.optimum(n=n, t=t, bias=best).gap == 0
    far = np.array([least(best + d) for d in np.linspace(-2 * t - 20, 2 * t + 20, 201)])
    assert far.min() >= least(best) * (1 - 1e-14)


def test_the_best_bias_at_the_start_is_that_of_the_batch():
    """At z = 0 the slope σ(b) - (n-1)σ(-b) of the loss is 0 at b = log(n-1)."""
    for n in (2, 64, 32768):
        assert sigmoid.optimal_bias(n=n, t=1e-9) == pytest.approx(np.log(n - 1), abs=1e-8)


# Loss that falls to zero


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 10**6), st.floats(0.01, 60))
def test_the_loss_at_its_best_bias_lies_between_its_bounds(n, d, seed, t):
    rng = np.random.default_rng(seed)
    X = gd.sphere.sample(n, d, rng)
    Y = gd.sphere.normalise(X + rng.random() * gd.sphere.sample(n, d, rng))
    m, r = sigmoid.margin_and_bias(X, Y)
    Z = X @ Y.T
    own, others = Z.diagonal(), Z[~np.eye(n, dtype=bool)]
    assert own.min() == pytest.approx(r + m, abs=1e-14)
    assert others.max() == pytest.approx(r - m, abs=1e-14)
    bias, loss = sigmoid.best_bias(X, Y, t=t)
    assert loss == pytest.approx(loss_of(Z, t, bias), rel=1e-12)
    for step in (-1.0, -1e-3, 1e-3, 1.0):
        assert loss_of(Z, t, bias + step) > loss
    lower, upper = sigmoid.loss_bounds(n=n, margin=m, t=t)
    assert lower * (1 - 1e-12) <= loss <= upper * (1 + 1e-12)
    assert 2 / n * np.log1p(np.exp(-t * m)) == pytest.approx(lower, rel=1e-12)
    assert upper <= 2 * np.sqrt(n - 1) * np.exp(-t * m) * (1 + 1e-12)


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("t", [0.1, 3.0, 40.0])
def test_double_constant_rows_have_the_upper_bound(n, t):
    X, Y = rows_of(n, 0.8)
    m, loss = sigmoid.margin_and_bias(X, Y).margin, sigmoid.best_bias(X, Y, t=t).loss
    assert loss == pytest.approx(sigmoid.loss_bounds(n=n, margin=m, t=t)[1], rel=1e-12)
    late = sigmoid.best_bias(X, Y, t=600.0).loss
    assert late == pytest.approx(2 * np.sqrt(n - 1) * np.exp(-600 * m), rel=1e-11)


def test_rows_of_which_one_pair_and_one_stranger_decide_approach_the_lower_bound():
    X, Y = np.eye(4)[:3], np.eye(4)[:3]
    Y[0] = 0.8 * X[0] + 0.6 * np.eye(4)[3]
    Y[2] = 0.3 * X[1] + np.sqrt(1 - 0.09) * X[2]
    m, r = sigmoid.margin_and_bias(X, Y)
    assert (m, r) == pytest.approx((0.25, 0.55), abs=1e-15)
    bias, loss = sigmoid.best_bias(X, Y, t=600.0)
    assert loss == pytest.approx(sigmoid.loss_bounds(n=3, margin=m, t=600.0)[0], rel=1e-9)
    assert bias == pytest.approx(600 * r, rel=1e-12)


@pytest.mark.parametrize("gap", [0.0, 0.3, 1.0, 1.9, 1.999])
def test_any_gap_below_two_has_loss_that_falls_to_zero(gap):
    """In any dimension from three on, at the rate m, of which simplices have the most."""
    X, Y = rows_of(5, gap)
    assert gd.measures.gap(X, Y) == pytest.approx(gap, abs=1e-12)
    m = sigmoid.margin_and_bias(X, Y).margin
    assert m == pytest.approx(sigmoid.largest_margin(n=5, gap=gap), abs=1e-14)
    loss = sigmoid.best_bias(X, Y, t=600 / m).loss
    assert -np.log(loss) / (600 / m) == pytest.approx(m, rel=3 / 600)
    W = gd.sphere.sample(20, 2, 0)
    X, Y = gd.sphere.lift(W, W, gamma=gap / 2)
    m, r = sigmoid.margin_and_bias(X, Y)
    assert 0 < m < sigmoid.largest_margin(n=20, gap=gap) + 1e-12
    assert loss_of(X @ Y.T, 40 / m, 40 / m * r) < 20 * np.exp(-40)


@given(st.integers(2, 7), st.integers(2, 8), st.integers(0, 10**6))
def test_no_rows_have_a_larger_margin_at_their_gap(n, d, seed):
    rng = np.random.default_rng(seed)
    X = gd.sphere.sample(n, d, rng)
    Y = gd.sphere.normalise(X + rng.random() * gd.sphere.sample(n, d, rng))
    m, gap = sigmoid.margin_and_bias(X, Y).margin, gd.measures.gap(X, Y)
    assert m <= sigmoid.largest_margin(n=n, gap=gap) + 1e-12


def test_margin_and_bias_are_those_that_are_measured():
    X, Y = gd.examples.matched(30, 5, 0, noise=0.3)
    found = gd.measure(X, Y)
    m, r = sigmoid.margin_and_bias(3 * X, Y)
    assert (m, r) == pytest.approx((found.global_margin, found.relative_bias), abs=1e-14)
    assert gd.measures.global_margin(X @ Y.T) == pytest.approx((m, r), abs=1e-14)


# Bad input


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sigmoid.optimum(n=1, t=1.0, bias=0.0), "n must be a whole number"),
        (lambda: sigmoid.optimum(n=3, t=0.0, bias=0.0), "t must be positive"),
        (lambda: sigmoid.optimum(n=3, t=1.0, bias=np.nan), "bias must be finite"),
        (lambda: sigmoid.optimum(n=3, t=1.0, bias=1e200), "bias must be below"),
        (lambda: sigmoid.optimum(n=10**299, t=1.0, bias=-1e20), "the loss must be a float64"),
        (lambda: sigmoid.largest_batch(t=1.0, bias=1e3), "bias must leave a batch"),
        (lambda: sigmoid.loss_bounds(n=3, margin=1.1, t=1.0), "margin must lie in"),
        (lambda: sigmoid.largest_margin(n=3, gap=-0.1), "gap must lie in"),
        (lambda: sigmoid.best_bias(np.eye(3), np.eye(3), t=-1.0), "t must be positive"),
        (lambda: sigmoid.margin_and_bias(np.eye(3), np.eye(4)), "one shape"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
