"""Matched rows freeze the gap: the bound on its change, how sharp it is, and the law near it."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import Square, refusals
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.theory import exchange_law, frozen_gap, gap_velocity

MEASURED = [*(Path(__file__).parents[2] / "figures").glob("*clip_batch_flow.json")]
TEMPERATURES = {
    "learned": gd.Learned(),
    "slow": gd.Learned(gd.Exponential(2.0), rate=0.3),
    "linear": gd.Learned(gd.Linear(), rate=0.5),
    "softplus": gd.Learned(gd.Softplus()),
    "own": gd.Learned(Square()),
}


def matched(n, d, rng, least=2e-3):
    """Random matched rows of margin `least` or more: Y is X, disturbed by a random amount."""
    while True:
        X, Y = gd.examples.matched(n, d, rng, noise=rng.uniform(0.02, 1) * np.sqrt(d))
        if gd.measures.margin(X @ Y.T) > least:
            return X, Y


def of_flow(X, Y, beta):
    """u' and β g of the flow itself, which is eq. (2) by the kernels."""
    model = gd.FreeModel(*X.shape, gd.Learned())
    there = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / beta)))
    return there.X.mean(axis=0) - there.Y.mean(axis=0), float(there.nu)


# The constant


def force(x, y, other):
    """What a unit of softmax weight on `other`, taken from the match y of x, does to n u'/a."""
    return np.linalg.norm((1 + x @ y) * (y - x) - (1 + x @ other) * (other - x))


def test_the_largest_force_of_a_unit_of_weight_is_that_of_equilateral_triangles():
    """By SymPy, by a search of random triples, and at 60° to either side."""
    assert gap_velocity.FORCE == pytest.approx(float(symbolic.largest_force()), rel=1e-15)
    rng, found = np.random.default_rng(0), 0.0
    for d in (2, 3, 5):
        for start in rng.standard_normal((10, 3 * d)):
            best = minimize(lambda v, d=d: -force(*gd.sphere.normalise(v.reshape(3, d))), start)
            found = max(found, -best.fun)
    assert found == pytest.approx(gap_velocity.FORCE, rel=1e-9)
    x, y, other = (np.array([np.cos(angle), np.sin(angle)]) for angle in np.pi / 3 * np.arange(3))
    assert force(y, x, other) == pytest.approx(gap_velocity.FORCE, rel=1e-15)


def test_no_matched_state_is_above_the_bound():
    rng = np.random.default_rng(1)
    for _ in range(500):
        X, Y = matched(int(rng.integers(2, 12)), int(rng.integers(2, 8)), rng)
        moving, push = of_flow(X, Y, float(np.exp(rng.uniform(-2, 5))))
        alpha = gd.measures.margin(X @ Y.T)
        assert np.linalg.norm(moving) <= frozen_gap.bound(push, n=len(X), alpha=alpha)


def test_a_search_over_two_pairs_attains_it():
    """At margins of 1e-3 and more, from random starts on the circle, by SciPy's Nelder-Mead."""

    def unused(v):
        X, Y = gd.sphere.normalise(v.reshape(4, 2)).reshape(2, 2, 2)
        alpha = gd.measures.margin(X @ Y.T)
        if alpha <= 1e-3:
            return 1 + 1e-3 - alpha
        moving, push = of_flow(X, Y, 100.0)
        return 1 - np.linalg.norm(moving) / frozen_gap.bound(push, n=2, alpha=alpha)

    options = {"maxfev": 4000, "xatol": 1e-9, "fatol": 1e-9, "adaptive": True}
    starts = np.random.default_rng(2).standard_normal((6, 8))
    left = min(minimize(unused, v, method="Nelder-Mead", options=options).fun for v in starts)
    assert 0 < left < 0.01


def sharpest(alpha, beta=100.0):
    """Two pairs on a circle: y_1 is 60° to one side of x_1, and y_2 to the other.

    Of the four wrong partners y_2 of x_1 is by far the nearest, and x_2 is where u is along y_1 -
    y_2, the direction of u'.
    """
    turn = np.arcsin(alpha / np.sqrt(3))  # so that cos(60° - turn) - cos(60° + turn) = alpha
    angles = np.array([0.0, -np.pi / 2, np.pi / 3 - turn, -np.pi / 3 - turn])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    model = gd.FreeModel(2, 2, gd.Learned())
    return model, model.start(rows[:2], rows[2:], tau=1 / beta)


@pytest.mark.parametrize(("alpha", "beta", "least"), [(0.1, 100, 0.995), (0.01, 1e3, 0.9999)])
def test_two_pairs_on_a_circle_attain_it_as_the_margin_goes_to_0(alpha, beta, least):
    model, y = sharpest(alpha, beta)
    there = model.split(model.velocity(0.0, y))
    X, Y = model.rows(y)
    u, moving = X.mean(axis=0) - Y.mean(axis=0), there.X.mean(axis=0) - there.Y.mean(axis=0)
    share = (
        abs(u @ moving) / np.linalg.norm(u) / frozen_gap.bound(float(there.nu), n=2, alpha=alpha)
    )
    assert least < share < 1


# Runs


def runs(model, count, rng, tau, end=1e4):
    starts = [model.start(*matched(model.n, model.d, rng), tau=tau) for _ in range(count)]
    times = np.concatenate([[0.0], np.geomspace(1e-2, end, 60)])
    return gd.flow_many(model, np.array(starts), times)


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPERATURES)
def test_it_is_never_broken_on_five_hundred_matched_runs(name):
    """100 for each β(ν), of rows that move at 0.7 times their rate."""
    rng, used = np.random.default_rng(3), 0.0
    for n, d in ((2, 2), (2, 3), (3, 3), (5, 3), (16, 6)):
        model = gd.FreeModel(n, d, TEMPERATURES[name], row_rate=0.7)
        for run in runs(model, 20, rng, 0.3):
            seen = frozen_gap.check(run)
            assert seen.holds and seen.since == 0 and seen.share <= 1
            used = max(used, seen.share)
    assert used > 0.2


def test_the_numbers_of_a_check_are_those_of_the_run():
    """Pentagons rotated by 1 are mismatched at first; their gap follows the exchange law."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 1), gamma=0.4)
    model = gd.FreeModel(5, 3, gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=0.07), 1e6)
    seen = frozen_gap.check(run)
    first = int(np.flatnonzero(run.mismatched)[-1]) + 1
    assert first > 1 and seen.since == run.t[first]
    assert seen.alpha == run.margin[first:].min() > 0
    assert seen.growth == pytest.approx(np.log(run.beta[-1] / run.beta[first]), rel=1e-13)
    assert seen.change == pytest.approx(run.gap[first] - run.gap[-1], rel=1e-12)
    assert seen.bound == pytest.approx(1.5 * np.sqrt(3) * seen.growth / (5 * seen.alpha), rel=1e-13)
    assert seen.holds and seen.change / seen.bound * (1 - 1e-6) < seen.share < 1


def test_a_run_from_the_sharpest_state_uses_all_of_it_and_notices_a_smaller_constant(monkeypatch):
    model, y = sharpest(0.05)
    run = gd.flow(model, y, np.linspace(0, 1e-4, 9), rtol=1e-11, atol=1e-13)
    seen = frozen_gap.check(run)
    assert seen.holds and 0.97 < seen.share < 1
    monkeypatch.setattr(frozen_gap, "FORCE", 0.95 * gap_velocity.FORCE)
    assert not frozen_gap.check(run).holds


def grown(model, y, edges, since=0.0):
    """∫ a g dt from `since`, which another solver takes along as one more entry of the state."""

    def with_push(t, state):
        y = state[:-1]
        X, Y = model.rows(y)
        a = float(model.temperature.beta(t, y[model.end]))
        a *= 1 - y[-1] ** 2 if isinstance(model, gd.ParallelModel) else 1
        return np.append(model.velocity(t, y), a * gd.loss.g(X @ Y.T, a))

    state, at = np.append(y, 0.0), {0.0: 0.0}
    for span in pairwise(edges):
        inside = (span[0], np.nextafter(span[1], 0.0))  # a jump of β lies between two spans
        run = solve_ivp(with_push, inside, state, method="RK45", rtol=1e-9, atol=1e-11)
        state = run.y[:, -1]
        at[span[1]] = state[-1]
    return state[-1] - at[since]


@pytest.mark.parametrize("temperature", [gd.Fixed(0.3), gd.Learned(max_beta=9.0)], ids=str)
@pytest.mark.parametrize("kind", ["free", "parallel"])
def test_where_beta_stands_still_growth_is_the_integral_of_a_g(kind, temperature):
    """However many states are kept."""
    X, Y = matched(6, 4, np.random.default_rng(4), least=0.1)
    tau = None if isinstance(temperature, gd.Fixed) else 0.3
    if kind == "free":
        model = gd.FreeModel(6, 4, temperature, row_rate=0.6)
        y = model.start(X, Y, tau=tau)
    else:
        model = gd.ParallelModel(6, 4, temperature, row_rate=0.6)
        y = model.start(X, Y, tau=tau, gamma=0.5)
    for since, t, keep in ((0.0, 40.0, True), (0.0, 40.0, False), (3.0, [3.0, 7.0, 40.0], True)):
        seen = frozen_gap.check(gd.flow(model, y, t, keep_states=keep))
        assert seen.growth == pytest.approx(grown(model, y, (0.0, 3.0, 40.0), since), rel=1e-5)
        assert seen.since == since and seen.holds


@pytest.mark.parametrize("t", [1e3, [0.0, 1e3], np.linspace(0, 1e3, 12)])
@pytest.mark.parametrize("keep", [True, False])
def test_growth_does_not_depend_on_what_is_kept_of_a_run_that_slows_down(t, keep):
    """At β = 10, where most of the growth is in the first steps."""
    X, Y = matched(6, 4, np.random.default_rng(4), least=0.1)
    model = gd.FreeModel(6, 4, gd.Fixed(0.1))
    y = model.start(X, Y)
    seen = frozen_gap.check(gd.flow(model, y, t, keep_states=keep))
    assert seen.growth == pytest.approx(grown(model, y, (0.0, 1.0, 1e3)), rel=1e-5)
    assert seen.holds


@pytest.mark.parametrize("breaks", [(1.0, 9.0), ()])
@pytest.mark.parametrize("t", [10.0, [0.0, 10.0]])
def test_growth_between_two_outputs_at_which_beta_is_small_is_seen(t, breaks):
    """The gap changes while β is 10/3, and at both ends of the run it is 1/1000."""
    X, Y = matched(6, 4, np.random.default_rng(4), least=0.1)
    schedule = gd.Scheduled(lambda t: 1e3 if t < 1 or t >= 9 else 0.3, breaks=breaks)
    model = gd.FreeModel(6, 4, schedule)
    y = model.start(X, Y)
    seen = frozen_gap.check(gd.flow(model, y, t))
    assert seen.growth == pytest.approx(grown(model, y, (0.0, 1.0, 9.0, 10.0)), rel=1e-5)
    assert seen.growth > 1 and seen.holds


@pytest.mark.slow
def test_a_state_at_rest_goes_on_pushing_beta_to_the_end_of_time():
    """At 1e300, by one number: a g at rest times t. On the clock log t this is one step."""
    X, Y = matched(4, 3, np.random.default_rng(4), least=0.1)
    model = gd.FreeModel(4, 3, gd.Fixed(0.5))
    run = gd.flow(model, model.start(X, Y), [0.0, 1e300], method="Radau")
    X, Y = model.rows(run.y[-1])
    seen = frozen_gap.check(run)
    assert seen.growth == pytest.approx(1e300 * 2 * gd.loss.g(X @ Y.T, 2.0), rel=1e-6)
    assert seen.holds


def test_in_the_parallel_model_it_is_about_the_unlifted_rows():
    X, Y = matched(5, 3, np.random.default_rng(5), least=0.1)
    for model, heights in (
        (gd.ParallelModel(5, 3, gd.Learned(), row_rate=0.6), {"gamma": 0.6}),
        (gd.ParallelModel(5, 3, gd.Learned(), tied=False), {"gamma_x": 0.6, "gamma_y": 0.1}),
    ):
        run = gd.flow(model, model.start(X, Y, tau=0.2, **heights), 1e4)
        seen = frozen_gap.check(run)
        lengths = [
            np.linalg.norm(np.subtract(*(A.mean(axis=0) for A in model.rows(y)))) for y in run.y
        ]
        assert seen.change == pytest.approx(
            np.abs(np.subtract(lengths, lengths[0])).max(), rel=1e-12
        )
        assert seen.holds and np.ptp(run.gap) > 2 * seen.change


# What it says of CLIP


@pytest.mark.parametrize(
    ("n", "alpha", "change", "by_law", "least", "law"),
    [
        (512, 0.1, 0.099, 3.0e-3, 3.4, 154),
        (32768, 0.1, 1.5e-3, 4.8e-5, 219, 9.9e3),
        (4e8, 0.05, 2.5e-7, 3.9e-9, 1.3e6, 1.2e8),
    ],
)
def test_the_table_of_theory_4_2(n, alpha, change, by_law, least, law):
    """Δ = 0.8 while τ goes from 0.07 to 0.01, and log₁₀ of the growth of β that halves it."""
    growth = np.log(0.07 / 0.01)
    assert frozen_gap.bound(growth, n=n, alpha=alpha) == pytest.approx(change, rel=0.05)
    exponent = exchange_law.exponent(n=n)
    assert -0.8 * np.expm1(-exponent * growth) == pytest.approx(by_law, rel=0.02)
    halving = frozen_gap.growth_to_halve(n=n, alpha=alpha, gap=0.8)
    assert halving.bound / np.log(10) == pytest.approx(least, rel=0.03)
    assert halving.law / np.log(10) == pytest.approx(law, rel=0.01)
    assert frozen_gap.bound(halving.bound, n=n, alpha=alpha) == pytest.approx(0.4, rel=1e-12)
    assert np.exp(-exponent * halving.law) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.skipif(not MEASURED, reason="the run at CLIP's batch is not in figures/")
def test_a_run_at_clips_batch_from_its_last_match_on():
    """At its floor of τ it has no P; this is the growth of P that its change of Δ takes at least.

    The margin rises, so that each step is held against its own. The exchange law, which is nearly
    true of its rows, says n log Δ.
    """
    steps, n = json.loads(MEASURED[0].read_text()), 32768
    last = max(k for k, step in enumerate(steps) if step["mismatched"]) + 1
    gap, alpha = (np.array([step[name] for step in steps[last:]]) for name in ("gap", "margin"))
    assert alpha[0] > 0.02 and (np.diff(alpha) > 0).all()
    pairs = zip(alpha[:-1], np.abs(np.diff(gap)), strict=True)
    least = sum(change / frozen_gap.bound(1.0, n=n, alpha=margin) for margin, change in pairs)
    assert least == pytest.approx(13.7, abs=0.05)
    assert least < n * np.log(gap[0] / gap[-1]) == pytest.approx(400, abs=1)


def test_rates_of_rows_count():
    assert frozen_gap.bound([0.0, 2.0], n=4, alpha=0.5, row_rate=0.3) == pytest.approx(
        [0.0, 3 * np.sqrt(3) * 0.15]
    )
    slow, usual = (
        frozen_gap.growth_to_halve(n=4, alpha=0.5, gap=1.0, row_rate=r) for r in (0.5, 1)
    )
    assert slow == pytest.approx(2 * np.array(usual), rel=1e-15)


# The approximate law


def spread_of(X, Y):
    """Δ, and the largest departure of a height along c_X - c_Y from its mean."""
    u = X.mean(axis=0) - Y.mean(axis=0)
    gap = float(np.linalg.norm(u))
    heights = (A @ u / gap for A in (X, Y))
    return gap, float(max(np.abs(h - h.mean()).max() for h in heights))


def test_no_matched_rows_depart_further_from_the_exchange_law():
    rng = np.random.default_rng(6)
    for _ in range(500):
        X, Y = matched(int(rng.integers(2, 12)), int(rng.integers(2, 8)), rng)
        gap, spread = spread_of(X, Y)
        alpha = gd.measures.margin(X @ Y.T)
        slope = gap_velocity.slope(X, Y, beta=float(np.exp(rng.uniform(-2, 5))))
        assert abs(slope + 1) <= frozen_gap.law_error(alpha=alpha, gap=gap, spread=spread)


def test_two_pairs_attain_it_as_margin_and_gap_go_to_0():
    """Pair 1 stands above pair 2, so that only y_2 is near to another row's match, x_1's."""
    beta, gap, s, side = 1e6, 0.05, 1e-3, 0.1
    beyond = np.sqrt(side**2 + 8 * s * gap + 20 / beta)
    X = gd.sphere.normalise(np.array([[0, gap / 2 + s, 1.0], [beyond, gap / 2 - s, 1.0]]))
    Y = gd.sphere.normalise(np.array([[0, s - gap / 2, 1.0], [side, -s - gap / 2, 1.0]]))
    gap, spread = spread_of(X, Y)
    error = frozen_gap.law_error(alpha=gd.measures.margin(X @ Y.T), gap=gap, spread=spread)
    assert 0.99 < abs(gap_velocity.slope(X, Y, beta=beta) + 1) / error < 1


# Contraction


def clusters(gap, n, d, rng, sign, size):
    """Two clusters at a distance `gap`, whose heights deviate by `size`, alike or opposed."""
    half = np.arcsin(gap / 2)
    p, q = (np.array([np.cos(half), s * np.sin(half)] + [0] * (d - 2)) for s in (1, -1))
    k = rng.standard_normal(n)
    k = size * (k - k.mean())
    along = np.array([[-p[1], p[0]], [-q[1], q[0]]])
    X, Y = np.tile(p, (n, 1)), np.tile(q, (n, 1))
    X[:, :2] += k[:, None] * along[0]
    Y[:, :2] += sign * k[:, None] * along[1]
    return gd.sphere.normalise(X), gd.sphere.normalise(Y)


@pytest.mark.parametrize(("n", "d"), [(2, 2), (4, 3), (7, 5)])
@pytest.mark.parametrize("gap", [0.3, 0.8, np.sqrt(2), 1.7])
def test_heights_in_tight_clusters_contract_at_these_rates(n, d, gap):
    """By the velocity of the flow itself, and by SymPy for two pairs."""
    rng, beta = np.random.default_rng(7), 6.0
    rates = frozen_gap.contraction(n=n, beta=beta, gap=gap, row_rate=0.7)
    for sign, rate in ((1, rates.alike), (-1, rates.opposed)):
        X, Y = clusters(gap, n, d, rng, sign, 1e-5)
        model = gd.FreeModel(n, d, gd.Fixed(1 / beta), row_rate=0.7)
        moving = model.split(model.velocity(0.0, model.start(X, Y)))
        for rows, there in ((X, moving.X), (Y, moving.Y)):
            heights, speeds = rows[:, 1] - rows[:, 1].mean(), there[:, 1] - there[:, 1].mean()
            assert heights @ speeds / (heights @ heights) == pytest.approx(
                -rate, rel=1e-3, abs=1e-3
            )


@pytest.mark.parametrize("n", [2, 3])
def test_sympy_derives_the_rates_of_contraction(n):
    at = {"beta": 6, "Delta": 0.8}
    derived = [
        rate.subs([(s, at[s.name]) for s in rate.free_symbols]) for rate in symbolic.height_rates(n)
    ]
    assert frozen_gap.contraction(n=n, beta=6.0, gap=0.8) == pytest.approx(
        [*map(float, derived)], rel=1e-12
    )


# Bad input


def run_of(model, **start):
    X, Y = gd.sphere.polygon_pairs(4, 1)
    return gd.flow(model, model.start(X, Y, **start), 0.1)


SCALAR = gd.ScalarModel(gd.Learned())
FREE = gd.FreeModel(4, 2, gd.Learned())
SWAPPED = FREE.start(*gd.sphere.polygon_pairs(4), tau=0.1)
SIZE = {"n": 4, "alpha": 0.5}

test_bad_input_is_named = refusals(
    (lambda: frozen_gap.bound(-1.0, **SIZE), ValueError, "growth must not be negative"),
    (lambda: frozen_gap.bound(np.inf, **SIZE), ValueError, "growth must be finite"),
    (lambda: frozen_gap.bound(1.0, n=4, alpha=0.0), ValueError, "of matched pairs"),
    (lambda: frozen_gap.bound(1.0, n=4.5, alpha=1.0), ValueError, "n must be a whole number"),
    (lambda: frozen_gap.bound(1.0, **SIZE, row_rate=0.0), ValueError, "row_rate must be positive"),
    (lambda: frozen_gap.growth_to_halve(**SIZE, gap=0.0), ValueError, "Δ = 0 has no direction"),
    (lambda: frozen_gap.growth_to_halve(**SIZE, gap="1"), TypeError, "gap must be a real number"),
    (lambda: frozen_gap.law_error(alpha=0.5, gap=1.0, spread=-1.0), ValueError, "spread must lie"),
    (lambda: frozen_gap.law_error(alpha=-0.5, gap=1.0, spread=0.0), ValueError, "matched pairs"),
    (lambda: frozen_gap.contraction(n=4, beta=1.0, gap=2.0), ValueError, "gap must be below 2"),
    (lambda: frozen_gap.contraction(n=4, beta=-1.0, gap=1.0), ValueError, "beta must be positive"),
    (lambda: frozen_gap.check("run"), TypeError, "trajectory must be a gapdyn.Trajectory"),
    (
        lambda: frozen_gap.check(run_of(FREE, tau=0.1)),
        ValueError,
        "matched pairs and β > 0 at its end: .* there is -0.",
    ),
    (
        lambda: frozen_gap.check(gd.flow(FREE, SWAPPED, [1.0])),
        ValueError,
        "must have two kept times from which on pairs stay matched, and has one, t = 1",
    ),
    (
        lambda: frozen_gap.check(gd.flow(SCALAR, SCALAR.start(tau=0.1, gamma=0.3), 1.0)),
        ValueError,
        "the bound is about rows",
    ),
    (
        lambda: frozen_gap.check(gd.flow(FREE, SWAPPED, 1.0, swap=gd.SoftSwap(0.5, segment=0.1))),
        ValueError,
        "no swapping",
    ),
)
