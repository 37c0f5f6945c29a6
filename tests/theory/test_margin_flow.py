"""The margin flow: its multipliers, its path, its limits, and the flow of InfoNCE at late times."""

import numpy as np
import pytest
from conftest import refusals
from scipy.optimize import minimize
from theory.late import infonce_speed, late_rows, matched

import gapdyn as gd
from gapdyn.examples import simplex
from gapdyn.theory import _softmin, margin_flow


def margins(Z):
    """All 2n(n-1) margins by name: (kind, i, j) with Z_ii - Z_ij and Z_jj - Z_ij."""
    n = len(Z)
    return {
        (kind, i, j): Z[own, own] - Z[i, j]
        for i in range(n)
        for j in range(n)
        if i != j
        for kind, own in (("row", i), ("column", j))
    }


def gradient(X, Y, name):
    """Gradient of one margin on the product of spheres, by central differences."""
    W, h = np.stack([X, Y]), 1e-6
    found = np.zeros_like(W)
    for index in np.ndindex(W.shape):
        ends = []
        for sign in (1, -1):
            V = W.copy()
            V[index] += sign * h
            V /= np.linalg.norm(V, axis=2, keepdims=True)
            ends.append(margins(V[0] @ V[1].T)[name])
        found[index] = (ends[0] - ends[1]) / (2 * h)
    return found


def lead(X, Y):
    """By how much the least margin is below the next."""
    first, second, *_ = sorted(margins(X @ Y.T).values())
    return second - first


def tied():
    """Pairs with several active margins: X = Y on a polygon, lifted to heights ±0.3, and bent."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5), gamma=0.3)
    return X, Y


# One state


@pytest.mark.parametrize("seed", range(5))
def test_one_active_margin_has_all_of_the_weight(seed):
    """So the velocity is its gradient, here by central differences, divided by α."""
    X, Y = matched(4, 3, seed)
    named = margins(X @ Y.T)
    name = min(named, key=named.get)
    rows, columns = margin_flow.multipliers(X, Y)
    (found,) = np.argwhere((rows if name[0] == "row" else columns) > 0)
    assert tuple(found) == name[1:] and rows.sum() + columns.sum() == pytest.approx(1, abs=1e-12)
    wanted = gradient(X, Y, name) / named[name]
    np.testing.assert_allclose(np.stack(margin_flow.velocity(X, Y)), wanted, atol=1e-8)


@pytest.mark.parametrize("kind", ["polygon", "prism", "path"])
def test_the_supergradient_has_the_least_norm(kind):
    """Against SLSQP over the simplex of weights on gradients by central differences."""
    tolerance = 1e-4
    match kind:
        case "polygon":
            X, Y = tied()
        case "prism":
            X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(4), gamma_x=0.5, gamma_y=0.1)
        case "path":
            path = margin_flow.flow(*matched(5, 3, 0), [1.0], sharpness=1e7)
            X, Y = path.X[0], path.Y[0]
    named = margins(X @ Y.T)
    least = min(named.values())
    active = [name for name, m in named.items() if m <= least * (1 + tolerance)]
    assert len(active) > 3
    A = np.stack([gradient(X, Y, name).ravel() for name in active])
    best = minimize(
        lambda w: (w @ A) @ (w @ A),
        np.full(len(A), 1 / len(A)),
        jac=lambda w: 2 * A @ (w @ A),
        bounds=[(0, 1)] * len(A),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    V = np.stack(margin_flow.velocity(X, Y, tolerance=tolerance))
    np.testing.assert_allclose(V.ravel(), best.x @ A / least, atol=2e-5)
    # No weights on the active margins do better, by the optimality of a projection.
    assert (A @ V.ravel()).min() >= least * (V**2).sum() - 1e-7


def test_the_margin_grows_as_the_square_of_the_speed():
    """d log α/ds = ‖dX/ds‖² + ‖dY/ds‖², one-sided, by differences."""
    for X, Y in (tied(), matched(6, 4, 1)):
        V, h = np.stack(margin_flow.velocity(X, Y)), 1e-8
        before, after = (
            gd.measures.margin(
                gd.sphere.normalise(X + step * V[0]) @ gd.sphere.normalise(Y + step * V[1]).T
            )
            for step in (0, h)
        )
        assert np.log(after / before) / h == pytest.approx((V**2).sum(), rel=1e-4)


def test_a_simplex_stands():
    for n in (2, 3, 6, 16):
        V = margin_flow.velocity(simplex(n), simplex(n))
        np.testing.assert_allclose(V.X, 0, atol=1e-14)
        np.testing.assert_allclose(V.Y, 0, atol=1e-14)


def test_at_large_beta_the_free_model_moves_so():
    """FreeModel.velocity over dP/dt = βg, and the weights of the softmax at β = 300."""
    starts = (matched(5, 4, seed) for seed in range(99))
    X, Y = next(start for start in starts if lead(*start) > 0.05)
    model = gd.FreeModel(5, 4, gd.Learned())
    there = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / 300)))
    V = margin_flow.velocity(X, Y)
    np.testing.assert_allclose(there.X / there.nu, V.X, atol=1e-3)
    np.testing.assert_allclose(there.Y / there.nu, V.Y, atol=1e-3)
    for part, found in zip(infonce_speed(X, Y, 300.0), (there.X, there.Y), strict=True):
        np.testing.assert_allclose(found / there.nu, part, rtol=1e-9, atol=1e-12)


def test_the_jacobian_is_that_of_the_speed():
    """In tangent directions and their span, by central differences, at b = 40."""
    W = np.vstack(matched(4, 3, 2))
    rng, h = np.random.default_rng(0), 1e-6
    J = _softmin.jacobian(W, 40.0)
    for _ in range(5):
        V = gd.sphere.project(W, rng.standard_normal(W.shape))
        ends = (_softmin.speed(gd.sphere.unit(W + sign * h * V), 40.0) for sign in (1, -1))
        slope = np.subtract(*ends) / (2 * h)
        found = (J @ V.ravel()).reshape(W.shape)
        np.testing.assert_allclose(found, gd.sphere.project(W, slope), atol=1e-6)


# The path


def test_the_path_moves_with_its_velocity():
    """By central differences along the path, at a state with ties that the sharpness resolves."""
    h = 1e-3
    path = margin_flow.flow(*matched(8, 4, 3), [0.5 - h, 0.5, 0.5 + h], sharpness=1e7)
    V = margin_flow.velocity(path.X[1], path.Y[1], tolerance=3e-5)
    np.testing.assert_allclose((path.X[2] - path.X[0]) / (2 * h), V.X, atol=1e-4)
    np.testing.assert_allclose((path.Y[2] - path.Y[0]) / (2 * h), V.Y, atol=1e-4)


def test_small_steps_along_the_velocity_follow_the_path():
    """Euler's method on the true supergradient, whose active margins lie within a step."""
    X, Y = matched(3, 4, 0)
    path, steps = margin_flow.flow(X, Y, [1.0]), 4000
    for _ in range(steps):
        V = margin_flow.velocity(X, Y, tolerance=1e-3)
        X, Y = (gd.sphere.normalise(A + B / steps) for A, B in zip((X, Y), V, strict=True))
    np.testing.assert_allclose(X, path.X[0], atol=3e-3)
    np.testing.assert_allclose(Y, path.Y[0], atol=3e-3)
    moved = np.linalg.norm(path.X[0] - matched(3, 4, 0)[0])
    assert moved > 0.1


@pytest.mark.slow
def test_the_error_covers_what_a_hundred_times_the_sharpness_changes():
    for n, d, seed in ((8, 4, 3), (4, 6, 0), (6, 5, 1)):
        start, s = matched(n, d, seed), [0.5, 2.0, 8.0]
        path, sharper = (margin_flow.flow(*start, s, sharpness=b) for b in (1e4, 1e6))
        for rows, other in ((path.X, sharper.X), (path.Y, sharper.Y)):
            off = np.linalg.norm(rows - other, axis=2).max(axis=1)
            assert (off <= 2 * path.error).all()
        assert path.error.max() < 0.03


def test_the_margin_rises_and_the_fields_are_those_of_the_rows():
    path = margin_flow.flow(*matched(6, 4, 5), 5.0)
    assert path.s[0] == 0 and path.s[-1] == 5
    assert (np.diff(path.margin) >= -1e-9).all() and path.error[0] < 1e-15
    for k in (0, len(path.s) // 2, -1):
        m = gd.measure(path.X[k], path.Y[k])
        assert path.gap[k] == pytest.approx(m.gap, abs=1e-12)
        assert path.margin[k] == pytest.approx(m.margin, abs=1e-12)
        assert path.misalignment[k] == pytest.approx(3 * m.alignment, abs=1e-12)


@pytest.mark.parametrize(("n", "height"), [(3, 0.4), (5, 0.3), (6, 0.2)])
def test_symmetric_pairs_obey_the_exchange_law(n, height):
    """Δⁿe^s is constant, since s is η_x P (theory 3.1)."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(n), gamma=height)
    path = margin_flow.flow(X, Y, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(n * np.log(path.gap / (2 * height)), -path.s, atol=1e-4)


CLOCKS = {
    "exp ν": (gd.Learned(), np.log),
    "ν": (gd.Learned(gd.Linear()), lambda beta: beta**2 / 2),
    "exp(ν/3)": (gd.Learned(gd.Exponential(3.0)), lambda beta: 9 * np.log(beta)),
}


def reached(X, Y, temperature, potential, s, beta0):
    """Time and gap of the free flow where P has grown by s; β is then about log t/α, α < 1."""
    model = gd.FreeModel(*X.shape, temperature)
    beta = next(b for b in beta0 * 1.0001 ** np.arange(1e5) if potential(b) > potential(beta0) + s)
    end = np.exp(min(beta, 708.0))
    run = gd.flow(model, model.start(X, Y, tau=1 / beta0), end)
    grown = potential(run.beta) - potential(run.beta[0])
    assert grown[-1] > s
    return [np.exp(np.interp(s, grown, np.log(seen))) for seen in (run.t + 1, run.gap)]


@pytest.mark.slow
def test_every_learned_temperature_is_a_clock_of_one_path():
    """Eight pairs in R⁴ over P + 2: the same gap at times that are far apart."""
    X, Y = gd.sphere.lift(*matched(8, 3, 3, noise=0.2), gamma=0.15)
    path = margin_flow.flow(X, Y, [2.0], sharpness=1e6)
    for beta0, near in ((20.0, 7e-3), (60.0, 6e-3)):
        times, gaps = zip(
            *(reached(X, Y, *clock, 2.0, beta0) for clock in CLOCKS.values()), strict=True
        )
        np.testing.assert_allclose(gaps, path.gap[0], rtol=near)
        assert max(times) > min(times) ** 3


@pytest.mark.slow
def test_infonce_follows_the_path_at_late_times():
    """From β = e⁹ on, rows of the flow of InfoNCE on the clock log β are those of the path."""
    for n, d in ((8, 4), (4, 6)):
        X, Y = matched(n, d, 3)
        s = np.array([0.0, 1.0, 2.0, 4.0])
        off, path = [], margin_flow.flow(X, Y, s, sharpness=1e7)
        for start in (6.0, 9.0, 12.0):
            late = late_rows(X, Y, start + s)
            off.append(
                max(np.abs(A - B).max() for A, B in zip(late, (path.X, path.Y), strict=True))
            )
        assert off[0] > off[1] > off[2] and off[2] < 2e-4


# The limit


def is_aligned(end):
    """The largest ‖x_i - y_i‖ of pairs that carry a multiplier."""
    weights = sum(end.multipliers)
    carries = (weights > 1e-6).any(axis=0) | (weights > 1e-6).any(axis=1)
    return np.linalg.norm(end.X - end.Y, axis=1)[carries].max()


def test_the_limit_is_a_critical_point_with_aligned_pairs():
    for n, d in ((5, 3), (4, 3)):
        end = margin_flow.limit(*matched(n, d, 0))
        assert is_aligned(end) < 1e-6
        assert end.residual < 1e-4
        assert sum(part.sum() for part in end.multipliers) == pytest.approx(1)
        assert np.ptp([margin_flow.flow(*matched(n, d, 0), [end.s]).margin[0], end.margin]) < 1e-4


def test_a_slow_approach_is_no_limit_however_sharp_the_margin_is():
    """Five lifted pairs end in R³ with X = Y, though rates of 1/n are 1e-9 of the largest.

    Where is for rounding to say, which may lead away from the regular pentagon, a saddle.
    """
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5), gamma=0.5)
    end = margin_flow.limit(X, Y, sharpness=1e8)
    assert end.gap < 1e-6 and end.residual < 1e-4 and end.margin > 0.69


@pytest.mark.slow
def test_sixty_limits_are_aligned():
    for n, d in ((3, 2), (5, 2), (4, 3), (6, 3), (8, 4), (5, 6)):
        for seed in range(10):
            end = margin_flow.limit(*matched(n, d, seed))
            assert is_aligned(end) < 1e-6, (n, d, seed)


@pytest.mark.parametrize(("n", "d"), [(2, 2), (2, 4), (3, 4), (3, 6)])
def test_with_room_the_limit_is_the_simplex(n, d):
    """For d ≥ 2n - 2."""
    for seed in range(3):
        end = margin_flow.limit(*matched(n, d, seed))
        wanted = np.eye(n) - (1 - np.eye(n)) / (n - 1)
        for gram in (end.X @ end.Y.T, end.X @ end.X.T, end.Y @ end.Y.T):
            np.testing.assert_allclose(gram, wanted, atol=1e-6)
        assert end.margin == pytest.approx(n / (n - 1), abs=1e-9)


@pytest.mark.slow
def test_without_room_there_are_other_limits():
    """Of six pairs in R³ the octahedron, of margin 1, and not a simplex, which has no room."""
    end = margin_flow.limit(*matched(6, 3, 0))
    assert end.margin == pytest.approx(1, abs=1e-4)
    assert end.misalignment < 1e-12


def test_the_least_tried_margin_test_direction():
    """Moving x_i to y_i - Z_ii x_i raises every active margin by ½α(r_i + r_j) at least."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, d = rng.integers(2, 6), rng.integers(2, 6)
        X, Y = matched(n, d, rng, noise=1.5)
        Z = X @ Y.T
        named, own = margins(Z), Z.diagonal()
        name = min(named, key=named.get)
        h, V, U = 1e-6, Y - own[:, None] * X, X - own[:, None] * Y
        moved = gd.sphere.normalise(X + h * V) @ gd.sphere.normalise(Y + h * U).T
        rise = (margins(moved)[name] - named[name]) / h
        r = ((X - Y) ** 2).sum(axis=1)
        assert rise >= named[name] * (r[name[1]] + r[name[2]]) / 2 - 1e-4


def test_what_does_not_converge_says_so():
    with pytest.raises(margin_flow.NotConvergedError, match="longest must be larger") as caught:
        margin_flow.limit(*matched(6, 10, 0), longest=2.0)
    reached = caught.value.reached
    assert isinstance(caught.value, ValueError)
    assert reached.s == 2 and reached.margin > 0.02
    again = margin_flow.limit(reached.X, reached.Y)
    assert again.margin == pytest.approx(6 / 5, abs=1e-6)


def test_a_limit_goes_no_farther_than_longest():
    """Not by one stretch of n/2 either: what is reached is where the path is then."""
    start = matched(3, 4, 0)
    for longest in (1e-12, 0.1, 1.7):
        with pytest.raises(margin_flow.NotConvergedError) as caught:
            margin_flow.limit(*start, longest=longest)
        reached, path = caught.value.reached, margin_flow.flow(*start, [longest])
        assert reached.s == longest
        np.testing.assert_allclose(reached.X, path.X[0], atol=1e-5)
        np.testing.assert_allclose(reached.Y, path.Y[0], atol=1e-5)


def test_the_ends_of_the_ranges_have_a_path():
    """The shortest span hardly moves rows; the largest sharpness b is within 1/√b of others."""
    X, Y = matched(3, 4, 0)
    path = margin_flow.flow(X, Y, [0.0, 1e-13, 1e-12])
    np.testing.assert_allclose(path.X - X, 0, atol=1e-11)
    sharp = margin_flow.flow(X, Y, [1.0], sharpness=1e8)
    assert np.abs(sharp.X - margin_flow.flow(X, Y, [1.0], sharpness=1e6).X).max() < 1e-3
    assert sharp.error[0] < 1e-4


# Bad input

turned = gd.sphere.polygon_pairs(5, rotation=2)
good = matched(3, 3, 0)
test_bad_input_is_named = refusals(
    (lambda: margin_flow.velocity(*turned), ValueError, "X and Y must have matched pairs, of a"),
    (lambda: margin_flow.flow(*turned, 1.0), ValueError, "must have matched pairs"),
    (lambda: margin_flow.limit(*turned), ValueError, "must have matched pairs"),
    (lambda: margin_flow.multipliers(np.eye(3), np.eye(4)), ValueError, "X and Y must have one sh"),
    (lambda: margin_flow.velocity(np.eye(1), np.eye(1)), ValueError, "number of rows of X must be"),
    (lambda: margin_flow.velocity(np.ones((3, 1)), np.ones((3, 1))), ValueError, "dimension of X"),
    (lambda: margin_flow.multipliers(*good, tolerance=0.0), ValueError, "tolerance must be pos"),
    (lambda: margin_flow.flow(*good, [1.0, 0.5]), ValueError, "s must increase"),
    (lambda: margin_flow.flow(*good, 0.0), ValueError, "s must increase"),
    (lambda: margin_flow.flow(*good, 1e7), ValueError, "s must end between 1e-12 and"),
    (lambda: margin_flow.flow(*good, 1e-200), ValueError, "s must end between 1e-12 and"),
    (lambda: margin_flow.flow(*good, 5e-324), ValueError, "s must end between 1e-12 and"),
    (lambda: margin_flow.flow(*good, [0, 1e-300]), ValueError, "s must end between 1e-12 and"),
    (lambda: margin_flow.flow(*good, "1"), TypeError, "s must be a real number"),
    (lambda: margin_flow.flow(*good, 1.0, sharpness=1.0), ValueError, "sharpness must lie between"),
    (lambda: margin_flow.flow(*good, 1.0, sharpness=1e9), ValueError, "sharpness must lie between"),
    (lambda: margin_flow.limit(*good, sharpness=1e9), ValueError, "sharpness must lie between"),
    (lambda: margin_flow.limit(*good, longest=1e9), ValueError, "longest must lie between 1e-12"),
    (lambda: margin_flow.limit(*good, longest=1e-300), ValueError, "longest must lie between"),
)
