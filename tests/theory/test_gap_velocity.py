"""The velocity of the gap at any state, over time and over the potential of β."""

import mpmath
import numpy as np
import pytest
from conftest import refusals

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.theory import exchange_law, gap_velocity

KINDS = ("uniform", "level", "near", "symmetric")


def draw(kind, rng, most_pairs=64, most_dims=16):
    """Rows of one kind: level ones are lifted in two orders, symmetric ones are polygons."""
    n, d = int(rng.integers(3, most_pairs + 1)), int(rng.integers(3, most_dims + 1))
    match kind:
        case "uniform":
            n, d = int(rng.integers(2, n + 1)), int(rng.integers(2, d + 1))
            return gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
        case "level":
            rows = gd.sphere.sample(n, d - 1, rng)
            return gd.sphere.lift(rows, rng.permutation(rows), gamma=rng.uniform(0.05, 0.9))
        case "near":
            X = gd.sphere.sample(n, d, rng)
            return X, gd.sphere.normalise(X + rng.uniform(0.01, 1) * rng.standard_normal((n, d)))
        case "symmetric":
            return gd.sphere.lift(*gd.sphere.polygon_pairs(n, int(rng.integers(n))), gamma=0.31)


def of_flow(X, Y, beta, row_rate=1.0):
    """u', g and (n/η_x) d log Δ/dP = (n/η_x) ⟨u, u'⟩/(Δ² βg) of the flow itself."""
    model = gd.FreeModel(*X.shape, gd.Learned(), row_rate)
    y = model.start(X, Y, tau=1 / beta)
    (X, Y, _), there = model.split(y), model.split(model.velocity(0.0, y))
    u, moving = (A.mean(axis=0) - B.mean(axis=0) for A, B in ((X, Y), there[:2]))
    g = float(there.nu) / beta
    return moving, g, len(X) / row_rate * (u @ moving) / (u @ u) / (beta * g)


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_those_of_the_flow_at_a_thousand_states(kind):
    rng = np.random.default_rng(0)
    for _ in range(250):
        X, Y = draw(kind, rng)
        beta, row_rate = float(np.exp(rng.uniform(-2, 6))), rng.choice([0.3, 1.0])
        moving, _, slope = of_flow(X, Y, beta, row_rate)
        found = gap_velocity.velocity(X, Y, beta=beta, row_rate=row_rate)
        assert np.linalg.norm(found - moving) < 1e-11 * np.linalg.norm(moving)
        assert abs(gap_velocity.slope(X, Y, beta=beta) - slope) < 1e-11 * max(1, abs(slope))
        assert np.linalg.norm(moving) < gap_velocity.most(n=len(X), beta=beta, row_rate=row_rate)


def test_the_most_is_the_largest_force_of_all_weights_on_wrong_partners():
    most = gap_velocity.most(n=4, beta=3.0, row_rate=0.5)
    assert most == pytest.approx(1.5 * np.sqrt(3) * 3 * 0.5 / 4, rel=1e-15)
    assert most < 16 / (3 * np.sqrt(3)) * 3 * 0.5 / 4  # with the diagonal counted apart


@pytest.mark.parametrize("kind", ["level", "symmetric"])
def test_the_exchange_law_is_its_two_trivial_zeros(kind):
    rng = np.random.default_rng(1)
    for _ in range(50):
        X, Y = draw(kind, rng)
        assert gap_velocity.slope(X, Y, beta=float(np.exp(rng.uniform(-2, 6)))) == (
            pytest.approx(-1, abs=1e-11)
        )


def covariances(X, Y, beta):
    """The covariance law as theory 4.1 has it, to 50 digits, from eq. (2) as it is printed.

    So many more are lost when e^{-2β} is added to 1.
    """
    n = len(X)
    with mpmath.workdps(50 + int(beta)):
        X, Y = ([[mpmath.mpf(x) for x in row] for row in rows.tolist()] for rows in (X, Y))
        X, Y = ([[x / mpmath.norm(row) for x in row] for row in rows] for rows in (X, Y))
        Z = np.array([[mpmath.fdot(x, y) for y in Y] for x in X])
        E = np.array([[mpmath.exp(beta * z) for z in row] for row in Z])
        A = 2 * np.eye(n, dtype=int) - E / E.sum(axis=1, keepdims=True) - E / E.sum(axis=0)
        total = (A * Z).sum()  # 2ng
        p, q = (A * Z).sum(axis=1) / total, (A * Z).sum(axis=0) / total
        rho, c = -A.sum(axis=1) / total, -A.sum(axis=0) / total
        X, Y = np.array(X), np.array(Y)
        u = X.sum(axis=0) / n - Y.sum(axis=0) / n
        gap = mpmath.norm(u.tolist())
        x, y = X @ u / gap, Y @ u / gap
        above_x, above_y = x - x.sum() / n, y - y.sum() / n
        one = mpmath.mpf(1) / n
        return -1 - (((p - one - rho) * above_x).sum() - ((q - one - c) * above_y).sum()) / gap


@pytest.mark.parametrize("beta", [0.5, 14.0, 90.0, 1e3, 6e3])
@pytest.mark.parametrize("kind", ["uniform", "near"])
def test_the_slope_is_the_covariance_law_in_50_digits(kind, beta):
    """Also where all weights underflow, as they do at a margin of 0.2 from β = 4000 on."""
    X, Y = draw(kind, np.random.default_rng(2), 5, 4)
    wanted = float(covariances(X, Y, beta))
    assert gap_velocity.slope(X, Y, beta=beta) == pytest.approx(wanted, rel=1e-10)


def test_where_every_weight_underflows_the_slope_is_that_of_the_largest_one():
    """At β = 1e7 the wrong partner at the least margin is alone; here that is y_j of x_i."""
    rng, seen = np.random.default_rng(5), 0
    while seen < 5:
        X = gd.sphere.sample(5, 4, rng)
        Y = gd.sphere.normalise(X + 0.3 * rng.standard_normal(X.shape))
        Z = X @ Y.T
        of_rows, of_columns = Z.diagonal()[:, None] - Z, Z.diagonal() - Z
        margins = np.concatenate([of_rows[~np.eye(5, dtype=bool)], of_columns[of_columns != 0]])
        least, next_to_it = np.sort(margins)[:2]
        if least < 1e-3 or next_to_it < least + 1e-4 or least not in of_rows:
            continue
        seen += 1
        i, j = np.argwhere(of_rows == least)[0]
        u = X.mean(axis=0) - Y.mean(axis=0)
        force = (1 + Z[i, j]) * (X[i] - Y[j]) - (1 + Z[i, i]) * (X[i] - Y[i])
        wanted = (u @ force) / (u @ u) / least
        assert gap_velocity.slope(X, Y, beta=1e7) == pytest.approx(wanted, rel=1e-8)
        assert not gap_velocity.velocity(X, Y, beta=1e7).any()


def test_sympy_derives_both_from_equation_2():
    assert str(symbolic.projections()) == "z + 1"
    assert symbolic.gap_slope(2) == 0


@pytest.mark.slow
def test_sympy_derives_the_covariance_law_of_three_pairs():
    assert symbolic.gap_slope(3) == 0


@pytest.mark.parametrize("temperature", [gd.Learned(), gd.Learned(gd.Softplus(), rate=0.3)])
def test_the_slope_is_that_of_any_temperature_and_of_the_parallel_model_at_its_own_a(temperature):
    """The exchange law's departure is 1 + slope, in units of |a g|."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        X, Y = draw("uniform", rng, 12, 6)
        model = gd.ParallelModel(*X.shape, temperature, row_rate=0.6)
        y = model.start(X, Y, tau=0.2, gamma=0.4)
        a = 5 * (1 - 0.4**2)
        slope = gap_velocity.slope(*model.rows(y), beta=a)
        departure = np.sign(gd.loss.g(X @ Y.T, a)) * exchange_law.invariant_velocity(model, y)
        assert 1 + slope == pytest.approx(departure, rel=1e-9)


def test_the_gap_moves_along_the_flow_as_they_say():
    """By central differences of Δ and β along a run, at a state neither level nor matched."""
    X, Y = draw("uniform", np.random.default_rng(4), 9, 5)
    model = gd.FreeModel(*X.shape, gd.Learned())
    h = 1e-4
    run = gd.flow(model, model.start(X, Y, tau=0.3), [1 - h, 1.0, 1 + h], rtol=1e-12, atol=1e-13)
    X, Y = model.rows(run.y[1])
    slope = len(X) * np.log(run.gap[2] / run.gap[0]) / np.log(run.beta[2] / run.beta[0])
    assert gap_velocity.slope(X, Y, beta=run.beta[1]) == pytest.approx(slope, rel=1e-6)
    u = X.mean(axis=0) - Y.mean(axis=0)
    along = gap_velocity.velocity(X, Y, beta=run.beta[1]) @ u / run.gap[1]
    assert along == pytest.approx((run.gap[2] - run.gap[0]) / (2 * h), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d", "within"), [(8, 4, 0.05), (32, 8, 0.03), (128, 32, 0.02)])
def test_its_values_at_three_times_give_the_late_slope_of_uniform_starts(n, d, within):
    """The trapezoidal rule over log β at t = 1e2, 1e4, 1e6, for slopes from -5 to 0.5."""
    slopes, model = [], gd.FreeModel(n, d, gd.Learned())
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=0.07)
        run = gd.flow(model, y, [1e2, 1e4, 1e6])
        at = [
            gap_velocity.slope(*model.rows(y), beta=b) for y, b in zip(run.y, run.beta, strict=True)
        ]
        log_beta = np.log(run.beta)
        predicted = np.trapezoid(at, log_beta) / np.ptp(log_beta)
        slopes.append((at[0], predicted, exchange_law.late_slope(run, 1e2)))
    first, predicted, measured = np.transpose(slopes)
    assert np.abs(predicted - measured).max() < within
    assert np.corrcoef(first, measured)[0, 1] > 0.95
    assert np.ptp(measured) > 1


# Bad input

PAIRS = gd.sphere.sample(3, 3, 0), gd.sphere.sample(3, 3, 1)
MIDDLE = np.tile([1.0, 0.0], (3, 1))

test_bad_input_is_named = refusals(
    *[
        case
        for function in (gap_velocity.velocity, gap_velocity.slope)
        for case in (
            (lambda f=function: f(*PAIRS, beta=0.0), ValueError, "beta must be positive"),
            (lambda f=function: f(*PAIRS, beta="1"), TypeError, "beta must be a real number"),
            (
                lambda f=function: f(PAIRS[0], np.eye(4), beta=1.0),
                ValueError,
                "must have one shape",
            ),
            (
                lambda f=function: f(np.ones((3, 1)), np.ones((3, 1)), beta=1.0),
                ValueError,
                "the dimension of X must be at least 2",
            ),
        )
    ],
    (
        lambda: gap_velocity.velocity(*PAIRS, beta=1.0, row_rate=-1.0),
        ValueError,
        "row_rate must be",
    ),
    (
        lambda: gap_velocity.slope(*gd.sphere.polygon_pairs(5, 1), beta=2.0),
        ValueError,
        "X and Y must have a gap: with equal centres Δ = 0 has no direction",
    ),
    (
        lambda: gap_velocity.slope(MIDDLE, MIDDLE[:, ::-1].copy(), beta=2.0),
        ValueError,
        "X and Y must have a pull g other than 0",
    ),
    (lambda: gap_velocity.most(n=1, beta=1.0), ValueError, "n must be a whole number"),
    (lambda: gap_velocity.most(n=2, beta=np.inf), ValueError, "beta must be finite"),
)
