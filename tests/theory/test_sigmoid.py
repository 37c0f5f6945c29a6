"""The sigmoid loss: its optimum, its thresholds, its zeros at any gap, and what its flow keeps."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

import gapdyn as gd
from gapdyn.examples import simplex
from gapdyn.theory import exchange_law, potential, sigmoid, theorem_3_3


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
    # Of very many pairs at a large bias b = t/2 + ½ log((n-2)/2) + O(1): no product may overflow.
    assert sigmoid.closed_until(n=1e300, bias=1e16) == pytest.approx(2e16, rel=1e-12)


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


@pytest.mark.parametrize("n", [3, 4, 10, 10**6])
def test_where_the_bias_lags_the_optimum_keeps_a_gap(n):
    """As t → ∞ with b = rt, s → (n + 4(n-1)r)/(3n-4), of which r = 0 has 2√((n-2)/(3n-4))."""
    for r in (-1.5, -1.0, -0.5, 0.0, 0.1, 0.5, 2.0):
        s = np.clip((n + 4 * (n - 1) * r) / (3 * n - 4), -1, 1)
        best = sigmoid.optimum(n=n, t=1e8, bias=r * 1e8)
        assert best.s == pytest.approx(s, abs=1e-6)
        if r == 0:
            assert best.gap == pytest.approx(2 * np.sqrt((n - 2) / (3 * n - 4)), abs=1e-6)


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


# What the flow keeps

RATES = {"row_rate": 0.7, "bias_rate": 0.4}
SLOW = gd.Learned(gd.Exponential(2.0), rate=0.6)


class Descent:
    """Gradient descent of the loss as it is defined, by complex steps: no formula of a velocity.

    A state is rows of X and Y, ν, the bias, and two heights, which are fixed at 0 where free.
    """

    def __init__(self, n, d, kind, heights="free"):
        self.shape, self.kind, self.heights = (2, n, d), kind, heights

    def loss(self, y):
        W, (nu, bias, *heights) = y[:-4].reshape(self.shape), y[-4:]
        X, Y = W / np.sqrt((W * W).sum(axis=2, keepdims=True))
        high, low = heights if self.heights != "tied" else (heights[0], -heights[0])
        Z = np.sqrt(1 - high**2) * np.sqrt(1 - low**2) * (X @ Y.T) + high * low
        t = np.exp(nu / 2)
        M = t * (Z - bias) if self.kind == "relative" else t * Z - bias
        M[np.diag_indices(len(Z))] *= -1
        return np.log1p(np.exp(M)).sum() / len(Z)

    def velocity(self, y):
        steps = 1e-30j * np.eye(len(y))
        slopes = np.array([self.loss(y + step).imag for step in steps]) / 1e-30
        heights = 0.0 if self.heights == "free" else 1.0
        rates = [RATES["row_rate"]] * (len(y) - 4) + [SLOW.rate, RATES["bias_rate"]]
        rates[-1] *= self.kind != "none"
        return -np.array([*rates, heights, heights * (self.heights == "untied")]) * slopes

    def change(self, quantity, y):
        """Time derivative of a quantity, by central differences along the velocity."""
        v = self.velocity(y)
        return (quantity(y + 1e-6 * v) - quantity(y - 1e-6 * v)) / 2e-6

    def rows(self, y):
        return y[:-4].reshape(self.shape)


def level_rows(n, d, seed):
    """Random rows in two orders at the heights ±0.4, so that c_X - c_Y is upright."""
    rng = np.random.default_rng(seed)
    rows = gd.sphere.sample(n, d, rng)
    return gd.sphere.lift(rows, rng.permutation(rows), gamma=0.4)


def log_lengths(descent, y):
    """log ‖c_X - c_Y‖ and log ‖c_X + c_Y‖."""
    x, y = descent.rows(y).mean(axis=1)
    return np.log(np.linalg.norm(x - y)), np.log(np.linalg.norm(x + y))


def P(y):
    return y[-4] / 2 / (SLOW.rate / 4)  # log β/κ


@pytest.mark.parametrize("start", ["level", "symmetric"])
def test_symmetric_and_level_rows_exchange_gap_temperature_and_relative_bias(start):
    pairs = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 2), gamma_x=0.5, gamma_y=0.1)
    X, Y = level_rows(5, 2, 0) if start == "level" else pairs
    if start == "level":  # the rows differ by nothing but their order and height
        assert not exchange_law.symmetric(X, Y)
    descent = Descent(*X.shape, "relative")
    y = np.concatenate([X.ravel(), Y.ravel(), [1.0, 0.3, 0.0, 0.0]])
    n, rows, bias = len(X), RATES["row_rate"], RATES["bias_rate"]

    def law(y):
        return P(y) + n / rows * log_lengths(descent, y)[0] - (1 + y[-3]) ** 2 / (2 * bias)

    def without_bias(y):
        return P(y) + n / rows * log_lengths(descent, y)[0]

    assert abs(descent.change(law, y)) < 1e-8 < 1e-2 < abs(descent.change(without_bias, y))


@pytest.mark.parametrize("kind", ["relative", "plain", "none"])
def test_symmetric_pairs_keep_the_product_with_any_bias(kind):
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 2), gamma_x=0.5, gamma_y=0.1)
    descent = Descent(*X.shape, kind)
    y = np.concatenate([X.ravel(), Y.ravel(), [1.0, 0.3 * (kind != "none"), 0.0, 0.0]])

    def law(y):
        at_bias = y[-3] ** 2 / (2 * RATES["bias_rate"]) if kind == "relative" else 0.0
        return P(y) + 5 / (2 * RATES["row_rate"]) * sum(log_lengths(descent, y)) - at_bias

    assert abs(descent.change(law, y)) < 1e-8
    assert abs(descent.change(lambda y: log_lengths(descent, y)[1], y)) > 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_a_tied_height_exchanges_with_any_rows_and_its_own_do_not(seed):
    rng = np.random.default_rng(seed)
    rows = gd.sphere.sample(10, 3, rng).ravel()
    y = np.concatenate([rows, [rng.normal(), rng.normal(), 0.4, -0.4]])

    def law(y, share=2):
        at_gamma = (np.log(y[-2]) - y[-2] ** 2 / 2) / share
        return P(y) + at_gamma - (1 + y[-3]) ** 2 / (2 * RATES["bias_rate"])

    assert abs(Descent(5, 3, "relative", "tied").change(law, y)) < 1e-8
    untied = Descent(5, 3, "relative", "untied")
    assert abs(untied.change(lambda y: law(y, share=1), y)) < 1e-8  # at γ_Y = -γ_X
    y[-1] = 0.1
    assert abs(untied.change(lambda y: law(y, share=1), y)) > 1e-3


def test_a_plain_bias_pays_t_db():
    """n d log Δ = -dP + t db at unit rate of the rows, and db/η_b for db, from level rows."""
    X, Y = level_rows(5, 3, 1)
    descent = Descent(*X.shape, "plain")
    y = np.concatenate([X.ravel(), Y.ravel(), [1.0, 0.3, 0.0, 0.0]])
    of_gap = 5 / RATES["row_rate"] * descent.change(lambda y: log_lengths(descent, y)[0], y)
    of_bias = np.exp(0.5) * descent.velocity(y)[-3] / RATES["bias_rate"]
    assert of_gap == pytest.approx(-descent.change(P, y) + of_bias, abs=1e-8)


def bracket(v, w, coordinates):
    """Lie bracket of two vector fields."""
    x = sympy.Matrix(coordinates)
    return w.jacobian(x) * v - v.jacobian(x) * w


def test_sympy_shows_that_plain_biases_and_untied_heights_have_no_first_integral():
    """S and ⟨G, Z⟩ move the state along two fields; these and their brackets span every direction.

    So no function of the state is constant along both, as it is for a relative bias.
    """
    nu, b, gap, r = sympy.symbols("nu b log_gap r")
    pull = sympy.Matrix([-1, 0, 1])  # ⟨G, Z⟩, of (ν, b, n log Δ), over t
    plain = sympy.Matrix([0, sympy.exp(-nu), 1])  # S, over t
    brackets = [pull, plain, bracket(pull, plain, (nu, b, gap))]
    assert sympy.Matrix.hstack(*brackets).det().simplify() != 0
    relative = sympy.Matrix([r, 1, 1])
    assert bracket(pull, relative, (nu, r, gap)) == sympy.zeros(3, 1)

    pull, plain = pull.col_join(sympy.Matrix([1])), plain.col_join(sympy.Matrix([-1]))
    four = (nu, b, gap, sympy.Symbol("log_sum"))  # where one law is left, that of the product
    once = bracket(pull, plain, four)
    twice = [bracket(field, once, four) for field in (pull, plain)]
    spanned = sympy.Matrix.hstack(pull, plain, once, *twice)
    assert spanned.subs(nu, 1).rank() == 3
    assert (sympy.Matrix([[2, 0, 1, 1]]) * spanned).is_zero_matrix

    x, y = sympy.symbols("x y")
    u, v = sympy.sqrt(1 - x**2), sympy.sqrt(1 - y**2)
    pull = sympy.Matrix([-u * v, 0, x * v / u, y * u / v])  # of (ν, r, γ_X, γ_Y)
    total = sympy.Matrix([r - x * y, 1, -y, -x])
    once = bracket(pull, total, (nu, r, x, y))
    fields = [pull, total, once, bracket(pull, once, (nu, r, x, y))]
    at = {x: sympy.Rational(3, 5), y: sympy.Rational(1, 3), r: sympy.Rational(1, 7)}
    assert sympy.Matrix.hstack(*fields).subs(at).rank() == 4


# The same along flows


def simplices(n=4, d=8, height=0.5):
    W = np.pad(simplex(n), ((0, 0), (0, d - 1 - n)))
    return gd.sphere.lift(W, W, gamma=height)


def late(bias, t0, b0, end=1e5):
    """A run of the lifted simplices, at its ends."""
    model = gd.FreeModel(4, 8, gd.Learned(), loss=gd.Sigmoid(bias))
    return gd.flow(model, model.start(*simplices(), tau=1 / t0, bias=b0), [0.0, end])


def test_the_gap_that_a_relative_bias_leaves():
    run = late("relative", 2.0, 0.0)
    assert (run.gap[0], run.gap[-1]) == pytest.approx((1.0, 0.54549), abs=5e-6)
    assert run.beta[-1] == pytest.approx(29.994, abs=5e-4)
    by_law = (2 / run.beta[-1] * np.exp(((1 + run.bias[-1]) ** 2 - 1) / 2)) ** 0.25
    assert run.gap[-1] == pytest.approx(by_law, rel=1e-8)


@pytest.mark.parametrize(
    ("bias", "t0", "b0", "gap"),
    [
        ("relative", 10.0, 1.0, 0.559),
        ("plain", 2.0, 0.0, 0.980),
        ("plain", 2.0, -10.0, 1.270),
        ("plain", 10.0, 10.0, 0.499),
        ("plain", 10.0, np.log(3.0), 0.942),
        ("none", 10.0, 0.0, 1.0),
    ],
)
def test_the_gaps_that_other_starts_leave(bias, t0, b0, gap):
    """The table of theory 5.2: with a plain bias it matters where the bias starts."""
    assert late(bias, t0, b0).gap[-1] == pytest.approx(gap, abs=5e-4)


def test_a_bias_that_is_too_large_for_the_batch_closes_the_gap_at_once():
    assert late("plain", 10.0, 10.0, 0.1).gap[-1] == pytest.approx(0.73, abs=5e-3)
    assert late("plain", 10.0, np.log(3.0), 100.0).gap[-1] == pytest.approx(0.90, abs=5e-3)
    assert late("plain", 10.0, -10.0, 0.1).gap[-1] > 1.1


@pytest.mark.parametrize("learned", [gd.Learned(), SLOW])
def test_the_law_holds_along_the_free_flow(learned):
    for X, Y in (simplices(), gd.sphere.lift(*gd.sphere.polygon_pairs(5, 2), gamma=0.31)):
        for rates in ({}, RATES):
            loss = gd.Sigmoid(bias_rate=rates.get("bias_rate", 1.0))
            rows = rates.get("row_rate", 1.0)
            model = gd.FreeModel(*X.shape, learned, rows, loss=loss)
            run = gd.flow(model, model.start(X, Y, tau=0.5, bias=0.2), 1e6)
            kept = sigmoid.invariant(run)
            assert np.ptp(kept) < 1e-7
            by_hand = (
                potential.potential(run.beta, temperature=learned)
                + model.n / rows * np.log(run.gap)
                - (1 + run.bias) ** 2 / (2 * loss.bias_rate)
            )
            np.testing.assert_allclose(kept, by_hand[run.kept], rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", ["parallel", "frozen"])
def test_the_law_holds_along_tied_flows_whatever_the_rows_do(kind):
    X, Y = gd.sphere.sample(6, 3, 0), gd.sphere.sample(6, 3, 1)
    loss = gd.Sigmoid(bias_rate=0.4)
    if kind == "parallel":
        model = gd.ParallelModel(6, 3, SLOW, loss=loss)
        y = model.start(X, Y, tau=0.4, bias=0.3, gamma=0.6)
    else:
        model = gd.FrozenModel(X @ X.T, SLOW, loss=loss)
        y = model.start(tau=0.4, bias=0.3, gamma=0.6)
    run = gd.flow(model, y, 1e6)
    assert np.ptp(sigmoid.invariant(run)) < 1e-7
    assert np.ptp(run.gamma) > 0.1 and np.ptp(run.bias) > 0.1


def test_centres_of_parallel_rows_obey_the_law_of_free_ones():
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 1), gamma=0.3)
    model = gd.ParallelModel(5, 3, gd.Learned(), loss=gd.Sigmoid())
    run = gd.flow(model, model.start(X, Y, tau=0.5, gamma=0.4, bias=0.2), 1e5)
    u = [np.linalg.norm(np.subtract(*(A.mean(axis=0) for A in model.rows(y)))) for y in run.y]
    kept = np.log(run.beta[run.kept]) + 5 * np.log(u) - (1 + run.bias[run.kept]) ** 2 / 2
    assert np.ptp(kept) < 1e-7


@pytest.mark.parametrize("kind", ["relative", "plain", "none"])
def test_the_product_law_holds_along_the_free_flow(kind):
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 2), gamma_x=0.5, gamma_y=0.1)
    rate, own = (1.0, 0.0) if kind == "none" else (0.4, 0.3)
    model = gd.FreeModel(5, 3, SLOW, 0.7, loss=gd.Sigmoid(kind, bias_rate=rate))
    run = gd.flow(model, model.start(X, Y, tau=0.4, bias=own), 1e6)
    assert np.ptp(sigmoid.product_invariant(run)) < 1e-7
    assert np.ptp(np.log(run.gap)) > 0.1
    if kind == "relative":
        assert np.ptp(sigmoid.invariant(run)) < 1e-7
        sums = [np.linalg.norm(np.add(*(A.mean(axis=0) for A in model.rows(y)))) for y in run.y]
        turned = 5 / 0.7 * np.log(run.gap[run.kept] / sums) - 2 * run.bias[run.kept] / 0.4
        assert np.ptp(turned) < 1e-7


def test_level_rows_lose_the_law_and_random_rows_never_had_it():
    X, Y = level_rows(6, 3, 0)
    model = gd.FreeModel(6, 4, gd.Learned(), loss=gd.Sigmoid())
    run = gd.flow(model, model.start(X, Y, tau=0.5, bias=0.2), [0.0, 1e-4, 10.0])
    moved = np.abs(np.diff(sigmoid.invariant(run)))
    assert moved[0] < 1e-8 and moved[1] > 1e-4


def test_a_gap_that_is_closed_has_no_logarithm():
    model = gd.FreeModel(5, 2, gd.Learned(), loss=gd.Sigmoid())
    run = gd.flow(model, model.start(*gd.sphere.polygon_pairs(5, 1), tau=0.5), [0.0, 0.1])
    assert (sigmoid.invariant(run) == -np.inf).all()
    opposite = late("plain", 2.0, 0.0, 0.1)
    assert (sigmoid.product_invariant(opposite) == -np.inf).all()


# Bad input


def short_run(model, **start):
    rows = () if isinstance(model, gd.FrozenModel) else (np.eye(3), np.eye(3)[[1, 2, 0]])
    return gd.flow(model, model.start(*rows, tau=0.5, **start), [0.0, 0.1])


def free(loss, temperature=None):
    start = {} if temperature else {"tau": 0.5}
    model = gd.FreeModel(3, 3, temperature or gd.Learned(), loss=loss)
    return gd.flow(model, model.start(np.eye(3), np.eye(3)[[1, 2, 0]], **start), [0.0, 0.1])


def test_theorems_of_one_loss_refuse_runs_of_the_other():
    of_sigmoid, of_infonce = free(gd.Sigmoid()), free(gd.InfoNCE())
    calls = [
        lambda: exchange_law.invariant(of_sigmoid),
        lambda: exchange_law.departure(of_sigmoid),
        lambda: exchange_law.late_slope(of_sigmoid, 0.0),
        lambda: exchange_law.invariant_velocity(of_sigmoid.model, of_sigmoid.y[0]),
        lambda: gd.theory.frozen_gap.check(of_sigmoid),
        lambda: gd.theory.theorem_3_2.hypotheses(of_sigmoid, 1.0),
        lambda: theorem_3_3.gap_velocity(of_sigmoid.model, of_sigmoid.y[0]),
        lambda: theorem_3_3.height_velocity(of_sigmoid.model, of_sigmoid.y[0]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"^model must descend InfoNCE.*run of Sigmoid"):
            call()
    for law in (sigmoid.invariant, sigmoid.product_invariant):
        with pytest.raises(ValueError, match=r"^model must descend Sigmoid.*run of InfoNCE"):
            law(of_infonce)


def test_runs_outside_the_laws_are_refused():
    untied = gd.ParallelModel(3, 3, gd.Learned(), tied=False, loss=gd.Sigmoid())
    level = gd.ParallelModel(3, 3, gd.Learned(), loss=gd.Sigmoid())
    refused = [
        (free(gd.Sigmoid("plain")), "must be of a relative bias"),
        (free(gd.Sigmoid("none")), "must be of a relative bias"),
        (free(gd.Sigmoid(bias_rate=0.0)), "a bias that moves"),
        (free(gd.Sigmoid(), gd.Fixed(0.1)), "temperature must be learned"),
        (short_run(untied, gamma_x=0.1, gamma_y=0.2), "heights of their own"),
        (short_run(level, gamma=0.0), "heights other than 0"),
    ]
    for run, says in refused:
        with pytest.raises(ValueError, match=says):
            sigmoid.invariant(run)
    model = gd.FreeModel(3, 3, gd.Learned(), loss=gd.Sigmoid())
    y = model.start(np.eye(3), -np.eye(3), tau=0.5)
    swapped = gd.flow(model, y, [0.0, 0.1], swap=gd.HardSwap(0.5, 0.05))
    for law in (sigmoid.invariant, sigmoid.product_invariant):
        with pytest.raises(ValueError, match="no swapping"):
            law(swapped)
    with pytest.raises(ValueError, match="a free model"):
        sigmoid.product_invariant(short_run(level, gamma=0.1))
    with pytest.raises(TypeError, match="trajectory must be"):
        sigmoid.invariant("run")


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
