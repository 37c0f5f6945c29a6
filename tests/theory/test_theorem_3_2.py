"""Theorem 3.2, Lemma B.1 and the exact solution, against mpmath, the flow, and brute force."""

import warnings
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import reference
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.theory import theorem_3_2

mp.mp.dps = 40
SEED = 0


def at_threshold(n, alpha, gamma0, times=1.0):
    least = theorem_3_2.threshold(n=n, alpha=alpha, gamma0=gamma0)
    return {"n": n, "alpha": alpha, "gamma0": gamma0, "beta0": least * times}


PAPER = at_threshold(4, 1.0, 0.1)
SMALL = at_threshold(2, 1.0, 1e-3)


def random_hypotheses(count, rng):
    """n from 2 to 1e6, α over (0, 2], γ₀ over (1e-6, 1), β₀ from its threshold to e^5 of it."""
    for _ in range(count):
        n = int(np.exp(rng.uniform(np.log(2), np.log(1e6))))
        alpha, gamma0 = 2 - rng.uniform(0, 2), 10 ** rng.uniform(-6, 0) * 0.999
        yield at_threshold(n, alpha, gamma0, times=np.exp(rng.choice([0, rng.uniform(0, 5)])))


# Lemma B.1


@given(st.data())
def test_lemma_b_1_holds(data):
    """(a) a leading entry is never pulled down; (b) Z = αI pulls hardest at a given margin."""
    n = data.draw(st.integers(2, 30))
    alpha = data.draw(st.floats(0.01, 2))
    others = data.draw(st.lists(st.floats(0, 2), min_size=n - 1, max_size=n - 1))
    a = np.log(4 * n - 4) / alpha * data.draw(st.floats(1, 20))
    z = np.array([1.0, *(1 - alpha - np.array(others))])
    pull = theorem_3_2.mu(z, 0, a)
    assert 0 <= pull <= theorem_3_2.mu_bound(z, 0, a, alpha=alpha) * (1 + 1e-12)
    assert pull == pytest.approx(float(reference.mu(0, [mp.mpf(x) for x in z], a)), rel=1e-12)
    extreme = np.array([alpha, *np.zeros(n - 1)])
    bound = theorem_3_2.mu_bound(extreme, 0, a, alpha=alpha)
    assert theorem_3_2.mu(extreme, 0, a) == pytest.approx(bound, rel=1e-12)
    assert bound == pytest.approx(alpha * (n - 1) / (n - 1 + np.exp(a * alpha)), rel=1e-12)


def test_lemma_b_1_b_needs_its_threshold():
    """Far below it a larger lead pulls harder than the margin."""
    z = np.array([1.0, 0.9, -1.0, -1.0])
    alpha, a = 0.1, 1.0
    assert theorem_3_2.mu(z, 0, a) > alpha * 3 / (3 + np.exp(a * alpha))
    with pytest.raises(ValueError, match=r"a must be at least log\(4\(n-1\)\)/α"):
        theorem_3_2.mu_bound(z, 0, a, alpha=alpha)
    with pytest.raises(ValueError, match="z must lead by the margin"):
        theorem_3_2.mu_bound(z, 0, 100.0, alpha=0.2)


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_lemma_b_1_b_holds_exactly_from_the_sharp_threshold_on(n):
    """Theory 3.3: by search over leads that are equal, and by random ones."""
    u = theorem_3_2.sharp_threshold(n=n, alpha=1.0, gamma0=1e-9)
    assert (u - 1) * np.exp(u - 1) == pytest.approx((n - 1) / np.e, rel=1e-9)
    assert u < theorem_3_2.threshold(n=n, alpha=1.0, gamma0=1e-9)

    def pull(leads, a):
        return theorem_3_2.mu(np.append(0.0, -np.asarray(leads)), 0, a)

    wider = np.linspace(1, 4, 601)[1:]
    for a, highest in ((u * 1.0001, True), (u * 0.99, False)):
        at_margin = pull(np.ones(n - 1), a)
        others = max(pull(np.full(n - 1, lead), a) for lead in wider)
        assert (others < at_margin) == highest
    rng = np.random.default_rng(n)
    for _ in range(200):
        leads = 1 + rng.exponential(rng.choice([0.01, 0.3, 3.0]), n - 1)
        assert pull(leads, u) <= pull(np.ones(n - 1), u) * (1 + 1e-12)


# The bounds


def test_the_printed_bound_is_false_and_the_corrected_one_is_not():
    """Theory 2.1: at t = 0 and at the time when γ = 1e-4."""
    t = float(theorem_3_2.closing_time(1e-4, **PAPER))
    assert t == pytest.approx(1.3253e30, rel=1e-4)
    for time, gamma, printed in ((0.0, 0.1, 0.168), (t, 1e-4, 1.42e-4)):
        bound = theorem_3_2.printed_bound(time, **PAPER)
        assert bound == pytest.approx(printed, rel=5e-3) and bound > gamma
        assert theorem_3_2.lower_bound(time, **PAPER) <= gamma * (1 + 1e-12)
        assert theorem_3_2.upper_bound(time, **PAPER) >= gamma * (1 - 1e-12)


def test_the_proof_needs_c2_above_a_tenth_and_the_theorem_does_not():
    """Theory 2.2: n = 2, α = 1, γ₀ = 1e-3 has c₂ = 0.044."""
    c2 = SMALL["beta0"] * np.sqrt(1e-3) * (1 - 1e-6) * np.exp(-1e-6 / 4)
    assert c2 == pytest.approx(0.044, abs=5e-4)
    assert theorem_3_2.constants(**SMALL) == pytest.approx((2 * SMALL["beta0"] * 1e-3**0.5, c2))
    gammas = np.array([9e-4, 1e-4, 1e-5, 1e-6])
    t = theorem_3_2.closing_time(gammas, **SMALL)
    assert np.isfinite(t).all()
    lower = theorem_3_2.lower_bound(t, **SMALL)
    assert (lower <= gammas).all() and (lower > 0).all()


def test_the_corrected_integral_is_what_sympy_solves():
    """[c₄ / log(c₃c₄t + e^{c₄/√γ₀})]², and the printed line is another function."""
    t, c3, c4, gamma0 = sp.symbols("t c3 c4 gamma0", positive=True)
    corrected = (c4 / sp.log(c3 * c4 * t + sp.exp(c4 / sp.sqrt(gamma0)))) ** 2
    assert sp.simplify(symbolic.theorem_3_2_integral() - corrected) == 0
    omega = sp.log(c3 * c4 * t + sp.exp(c4 / sp.sqrt(gamma0))) / c4
    assert sp.simplify(sp.diff(omega, t) - c3 * sp.exp(-c4 * omega)) == 0


def test_the_lower_bound_has_its_best_epsilon():
    """No ε on a fine grid does better, and none of a coarse one as well."""
    t = np.array([1e-3, 1.0, 1e3, 1e30, 1e100])
    n, alpha, gamma0, beta0 = PAPER.values()
    c1 = 2 * alpha * (n - 1) * beta0 * np.sqrt(gamma0)
    c2 = alpha * beta0 * np.sqrt(gamma0) * (1 - gamma0**2) * np.exp(-(gamma0**2) / 4)
    epsilon = c2 / (1 + np.exp(np.linspace(-8, 8, 4001)))[:, None]
    c3, c4 = 2 * c1 / (np.e * epsilon) ** 2, c2 - epsilon
    grid = (c4 / np.logaddexp(np.log(c3 * c4 * t), c4 / np.sqrt(gamma0))) ** 2
    best = theorem_3_2.lower_bound(t, **PAPER)
    assert (best >= grid.max(axis=0) * (1 - 1e-12)).all()
    np.testing.assert_allclose(best, grid.max(axis=0), rtol=1e-5)


def test_lower_exact_upper_without_an_exception():
    """1,000 random hypotheses and times to 1e100; the closed forms hold γ between them."""
    rng = np.random.default_rng(SEED)
    for setting in random_hypotheses(1000, rng):
        t = np.array([0.0, *10 ** rng.uniform(-5, 100, 4)])
        with np.errstate(divide="ignore"):
            gamma = theorem_3_2.exact(np.log(t), **setting)
        assert (theorem_3_2.lower_bound(t, **setting) <= gamma * (1 + 1e-12)).all(), setting
        assert (theorem_3_2.upper_bound(t, **setting) >= gamma * (1 - 1e-12)).all(), setting


@pytest.mark.parametrize("n", [40, 200])
def test_the_upper_bound_is_nearly_attained_by_one_entry_at_the_margin(n):
    """Its k = αC/4n counts one pair: with 4k it would be false here."""
    Z = np.full((n, n), -1.0) + 2 * np.eye(n)
    Z[0, 0], Z[0, 1] = 0.0, -0.3
    assert gd.measures.margin(Z) == pytest.approx(0.3)
    model = gd.FrozenModel(Z, gd.Learned())
    times = np.geomspace(1e10, 1e40, 30)
    run = gd.flow(model, model.start(tau=1 / 60, gamma=0.1), times, rtol=1e-10, atol=1e-13)
    bound = theorem_3_2.upper_bound(times, n=n, alpha=0.3, gamma0=0.1, beta0=60.0)
    assert (bound >= run.gamma).all() and (bound <= 1.15 * run.gamma).all()
    c = theorem_3_2.conserved(gamma0=0.1, beta0=60.0)
    q, k = 0.3 * c, 0.3 * c / n
    false = (q / np.logaddexp(q / np.sqrt(0.1), np.log(k * q / 0.1 * times))) ** 2
    assert (false < run.gamma).any()


def test_bounds_start_at_gamma0_and_fall():
    t = np.array([0.0, 1e-3, 1.0, 1e10, 1e300])
    for bound in (theorem_3_2.lower_bound, theorem_3_2.upper_bound):
        values = bound(t, **PAPER)
        assert values[0] == pytest.approx(0.1, rel=1e-14)
        assert (np.diff(values) < 0).all() and (values > 0).all()


def test_the_sharp_constant_is_reached_at_astronomical_times():
    """γ log²t → (αβ₀√γ₀e^{-γ₀²/4})², from t = 1e500 to t = e^{1e8}."""
    sharp = (PAPER["beta0"] * np.sqrt(0.1) * np.exp(-0.0025)) ** 2
    log_t = np.array([500 * np.log(10), 1e5, 1e8])
    ratio = theorem_3_2.exact(log_t, **PAPER) * log_t**2 / sharp
    np.testing.assert_array_less(np.diff(np.abs(ratio - 1)), 0)
    assert ratio[-1] == pytest.approx(1, abs=1e-6)
    late = theorem_3_2.asymptote(np.array([0.5, 1.0, 1e300]), **PAPER)
    assert np.isnan(late[:2]).all() and late[2] == pytest.approx(sharp / np.log(1e300) ** 2)
    family = theorem_3_2.exact(1e6, **PAPER, scale=2.0) / theorem_3_2.exact(1e7, **PAPER, scale=2.0)
    assert family == pytest.approx(10.0**8, rel=1e-3)  # 2/κ = 8


def test_no_path_of_the_rows_closes_gamma_faster_than_z_equal_to_alpha_i():
    """The sharp form: the parallel flow stays above the frozen solution at its own margin."""
    times = np.concatenate([[0.0], np.geomspace(1e-3, 1e9, 50)])
    run = gd.flow(*gd.examples.pentagons(), times)
    alpha = run.margin[0]
    setting = {"n": 5, "alpha": alpha, "gamma0": 0.3, "beta0": run.beta[0]}
    assert all(h.holds for h in theorem_3_2.hypotheses(run, alpha))
    with np.errstate(divide="ignore"):
        exact = theorem_3_2.exact(np.log(run.t), **setting)
    assert (run.gamma >= exact * (1 - 1e-7)).all()
    assert (run.gamma >= theorem_3_2.lower_bound(run.t, **setting) * (1 - 1e-14)).all()
    upper = theorem_3_2.upper_bound(run.t, **setting, alpha_max=run.margin.max())
    assert (run.gamma <= upper * (1 + 1e-14)).all()


# The exact solution


@pytest.mark.parametrize(
    ("gamma", "t"), [(0.05, 0.89622), (0.01, 20.846), (1e-3, 4.3378e7), (1e-4, 1.3253e30)]
)
def test_closing_times_have_the_digits_of_theory_part_4(gamma, t):
    assert theorem_3_2.closing_time(gamma, **PAPER) == pytest.approx(t, rel=2.5e-5)


def quadrature(gamma, n, alpha, gamma0, beta0, kappa=1):
    """log t by mpmath: panels that halve towards γ, where the integrand stands."""
    gamma, alpha, gamma0, beta0 = map(mp.mpf, (gamma, alpha, gamma0, beta0))

    def slowness(x):
        at = gamma0 * mp.exp(-x)
        beta = beta0 * (gamma0 / at) ** (mp.mpf(kappa) / 2)
        beta *= mp.exp(kappa * (at**2 - gamma0**2) / 4)
        return (1 + mp.exp(alpha * beta * (1 - at**2)) / (n - 1)) / (2 * alpha * beta)

    with mp.workdps(25):
        end = mp.log(gamma0 / gamma)
        return mp.log(mp.quad(slowness, [end * (1 - mp.mpf(2) ** -k) for k in range(40)] + [end]))


@pytest.mark.parametrize(
    ("gamma", "n", "alpha", "gamma0", "beta0", "kappa"),
    [
        (0.0999999, 4, 1.0, 0.1, 2.51, 1),
        (1e-4, 4, 1.0, 0.1, 2.51, 1),
        (1e-3, 512, 0.3, 0.3, 14.3, 1),
        (1e-6, 2, 2.0, 0.9, 0.1, 1),
        (1e-3, 5, 1.0, 0.5, 5.0, 0.25),
        (1e-3, 5, 1.0, 0.5, 5.0, 4),
        (1e-8, 1000, 0.1, 0.5, 0.01, 0.1),
    ],
)
def test_closing_times_agree_with_quadrature(gamma, n, alpha, gamma0, beta0, kappa):
    ours = theorem_3_2.closing_log_time(
        gamma, n=n, alpha=alpha, gamma0=gamma0, beta0=beta0, rate=kappa
    )
    truth = quadrature(gamma, n, alpha, gamma0, beta0, kappa)
    assert abs(mp.mpf(float(ours)) - truth) < 1e-13 * (1 + abs(truth))


def test_closing_times_of_linear_beta_near_zero_agree_with_quadrature():
    """β = ν from β₀ = 1e-3, where 1/β bends within x = 1e-6."""
    gamma0, beta0 = mp.mpf(0.3), mp.mpf(1e-3)

    def slowness(x):
        at = gamma0 * mp.exp(-x)
        beta = mp.sqrt(beta0**2 + x + (at**2 - gamma0**2) / 2)
        return (1 + mp.exp(beta * (1 - at**2)) / 3) / (2 * beta)

    for gamma in (0.29, 0.15):
        end = mp.log(gamma0 / mp.mpf(gamma))
        truth = mp.quad(slowness, [0] + [end * mp.mpf(4) ** -k for k in range(20, -1, -1)])
        ours = theorem_3_2.closing_time(
            gamma, n=4, alpha=1.0, gamma0=0.3, beta0=1e-3, kind="linear"
        )
        assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-11


@pytest.mark.parametrize("kind", ["exponential", "linear", "softplus"])
def test_arrays_may_hold_gamma0_itself_or_nothing(kind):
    setting = {"n": 4, "alpha": 1.0, "gamma0": 0.3, "beta0": 3.0, "kind": kind}
    log_t = theorem_3_2.closing_log_time([0.3, 0.1], **setting)
    assert log_t[0] == -np.inf
    assert log_t[1] == pytest.approx(float(theorem_3_2.closing_log_time(0.1, **setting)), rel=1e-13)
    assert theorem_3_2.closing_log_time([], **setting).shape == (0,)
    assert theorem_3_2.exact([], n=4, alpha=1.0, gamma0=0.3, beta0=3.0).shape == (0,)


@pytest.mark.parametrize("kind", ["exponential", "linear", "softplus"])
def test_closing_times_agree_with_the_flow_of_every_kind(kind):
    maps = {"exponential": gd.Exponential(), "linear": gd.Linear(), "softplus": gd.Softplus()}
    model = gd.FrozenModel(0.7 * np.eye(6), gd.Learned(maps[kind], rate=0.5))
    run = gd.flow(
        model, model.start(tau=0.5, gamma=0.3), np.geomspace(1e-2, 1e4, 20), rtol=1e-12, atol=1e-40
    )
    seen = run.gamma > 1e-30
    assert seen.sum() > 12
    log_t = theorem_3_2.closing_log_time(
        run.gamma[seen], n=6, alpha=0.7, gamma0=0.3, beta0=2.0, rate=0.5, kind=kind
    )
    np.testing.assert_allclose(log_t, np.log(run.t[seen]), atol=1e-8)


@pytest.mark.parametrize(
    ("tolerances", "agrees"), [({}, 1e-6), ({"rtol": 1e-11, "atol": 1e-13}, 1e-9)]
)
def test_the_flow_of_the_frozen_model_is_the_exact_solution(tolerances, agrees):
    model = gd.FrozenModel(np.eye(4), gd.Learned())
    y0 = model.start(tau=1 / PAPER["beta0"], gamma=0.1)
    run = gd.flow(model, y0, np.geomspace(1e-3, 1e12, 60), **tolerances)
    gamma = theorem_3_2.exact(np.log(run.t), **PAPER)
    np.testing.assert_allclose(run.gamma, gamma, rtol=agrees)


@given(
    log_t=st.floats(-40, 1e6),
    alpha=st.floats(0.05, 2),
    gamma0=st.floats(1e-3, 0.99),
    beta0=st.floats(0.1, 100),
    scale=st.floats(0.5, 2),
)
def test_exact_is_the_inverse_of_the_closing_time(log_t, alpha, gamma0, beta0, scale):
    setting = {"n": 7, "alpha": alpha, "gamma0": gamma0, "beta0": beta0, "scale": scale}
    gamma = float(theorem_3_2.exact(log_t, **setting))
    assert 0 < gamma <= gamma0
    if gamma < gamma0 * (1 - 1e-6):  # else γ₀ - γ has lost its digits
        back = float(theorem_3_2.closing_log_time(gamma, **setting))
        assert back == pytest.approx(log_t, rel=1e-9, abs=1e-8)


def test_steep_families_neither_overflow_nor_vanish():
    """κ = 250 and 1000: γ hardly moves, its closing times leave float64."""
    setting = {"n": 4, "alpha": 1.0, "gamma0": 1e-3, "beta0": 5.0}
    for rate in (250.0, 1000.0):
        gamma = theorem_3_2.exact([-3.0, 5.0, 500.0], **setting, rate=rate)
        assert (np.diff(gamma) < 0).all() and gamma[-1] > 9e-4
        back = theorem_3_2.closing_log_time(gamma, **setting, rate=rate)
        np.testing.assert_allclose(back, [-3.0, 5.0, 500.0], rtol=1e-9)
        assert theorem_3_2.closing_log_time(1e-6, **setting, rate=rate) == np.inf
        assert 9e-4 < theorem_3_2.asymptote(1e300, **setting, rate=rate) < 1e-3


def test_exact_takes_any_time_at_all():
    gamma = theorem_3_2.exact(np.array([-np.inf, -1e4, 500 * np.log(10), 1e12]), **PAPER)
    assert (gamma[:2] == 0.1).all()
    assert gamma[2] == pytest.approx(4.6067976e-7, rel=1e-6)
    assert 0 < gamma[3] < 1e-23
    assert theorem_3_2.closing_log_time(0.1, **PAPER) == -np.inf
    assert theorem_3_2.closing_time(1e-7, **PAPER) == np.inf
    assert theorem_3_2.exact(1e12, **PAPER, scale=20.0) == 0  # γ = 1e-9600 is no float64


# The hypotheses


def rotated_run(end=1e3, temperature=None, gamma=0.3):
    X, Y = gd.sphere.sample(6, 3, 0), gd.sphere.sample(6, 3, 1)
    model = gd.ParallelModel(6, 3, temperature or gd.Learned())
    times = np.concatenate([[0.0], np.geomspace(1e-3, end, 80)])
    return gd.flow(model, model.start(X, Y, tau=0.5, gamma=gamma), times)


def test_hypotheses_that_fail_say_by_how_much_and_since_when_they_hold():
    run = rotated_run()
    kind, inside, margin, start = theorem_3_2.hypotheses(run, 0.01)
    assert kind.holds and inside.holds and inside.shortfall == 0
    assert not margin.holds and margin.shortfall == pytest.approx(0.01 - run.margin.min())
    last_short = np.flatnonzero(run.margin < 0.01)[-1]
    assert margin.since == run.t[last_short + 1]
    least = np.log(20) / (0.01 * (1 - run.gamma**2))
    assert not start.holds and start.shortfall == pytest.approx(least[0] - run.beta[0])
    assert start.since == np.inf and (run.beta < least).all()


def test_hypotheses_are_asked_from_the_start_and_not_from_the_first_stored_time():
    """A run that ends matched at a large β did not begin so, whether it stores t = 0 or not."""
    model = gd.ParallelModel(6, 3, gd.Learned())
    y0 = model.start(gd.sphere.sample(6, 3, 0), gd.sphere.sample(6, 3, 1), tau=0.2, gamma=0.3)
    run = gd.flow(model, y0, [0.0, 1e6])
    for late in (gd.flow(model, y0, [1e6]), gd.flow_many(model, [y0, y0], [1e6])[1]):
        for found, said in zip(
            theorem_3_2.hypotheses(late, 0.63), theorem_3_2.hypotheses(run, 0.63), strict=True
        ):
            assert found.holds == said.holds and found.since == said.since
            assert found.shortfall == pytest.approx(said.shortfall, rel=1e-12)
    with pytest.raises(ValueError, match="trajectory must hold the state at t = 0"):
        theorem_3_2.hypotheses(replace(late, start=None), 0.63)
    assert run.margin[0] == pytest.approx(-1.473, abs=5e-4) and run.margin[1] > 0.63
    kind, inside, margin, start = theorem_3_2.hypotheses(run, 0.63)
    assert kind.holds and inside.holds and not margin.holds and not start.holds
    assert margin.shortfall == pytest.approx(0.63 + 1.473, abs=5e-4)
    assert start.shortfall == pytest.approx(np.log(20) / (0.63 * 0.91) - 5, rel=1e-9)
    assert margin.since == start.since == 1e6


def test_a_threshold_that_is_lost_again_is_met_since_the_last_time():
    """β falls while pairs are mismatched: the theorem may be started only when it is back."""
    rng = np.random.default_rng(0)
    X, Y = (gd.sphere.normalise(rng.normal(size=(4, 3))) for _ in range(2))
    model = gd.ParallelModel(4, 3, gd.Learned())
    y0 = model.start(X, Y, tau=0.07, gamma=0.2)
    run = gd.flow(model, y0, np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 200)]))
    start = theorem_3_2.hypotheses(run, 0.3)[3]
    met = run.beta >= np.log(12) / (0.3 * (1 - run.gamma**2))
    assert start.holds and met[0] and not met.all()
    assert met[run.t >= start.since].all() and not met[run.t < start.since][-1]


def test_a_hypothesis_that_no_stored_time_meets_holds_since_never():
    run = rotated_run(end=0.1)
    assert theorem_3_2.hypotheses(run, 1.0)[2].since == np.inf
    below = gd.flow(run.model, run.model.start(*run.model.rows(run.y[0]), tau=0.5, gamma=-0.3), 0.1)
    assert not theorem_3_2.hypotheses(below, 1.0)[1].holds


@pytest.mark.parametrize(
    "temperature",
    [gd.Learned(rate=0.5), gd.Learned(gd.Exponential(2.0)), gd.Learned(max_beta=100.0)],
    ids=str,
)
def test_another_temperature_is_not_the_theorems(temperature):
    found = theorem_3_2.hypotheses(rotated_run(0.1, temperature), 0.5)[0]
    assert not found.holds and found.shortfall == found.since == np.inf


def test_the_frozen_model_meets_the_hypotheses_that_its_start_meets():
    model = gd.FrozenModel(0.5 * np.eye(4), gd.Learned())
    beta0 = theorem_3_2.threshold(n=4, alpha=0.5, gamma0=0.2)
    for times, holds in ((1.0, True), (0.99, False)):
        run = gd.flow(model, model.start(tau=1 / (times * beta0), gamma=0.2), 1.0)
        found = theorem_3_2.hypotheses(run, 0.5)
        assert [h.holds for h in found] == [True, True, True, holds]
    assert found[3].shortfall == pytest.approx(0.01 * beta0, rel=1e-6)
    assert found[3].since > 0


def test_hypotheses_are_of_a_tied_parallel_or_frozen_model():
    free = gd.FreeModel(3, 2, gd.Learned())
    run = gd.flow(free, free.start(*gd.sphere.polygon_pairs(3), tau=0.5), 1.0)
    with pytest.raises(ValueError, match="trajectory must be of a tied parallel or a frozen model"):
        theorem_3_2.hypotheses(run, 0.5)
    with pytest.raises(TypeError, match="trajectory must be a"):
        theorem_3_2.hypotheses("run", 0.5)


# Bad input


FUNCTIONS = {
    "threshold": lambda **k: theorem_3_2.threshold(
        **{name: k[name] for name in ("n", "alpha", "gamma0")}
    ),
    "printed": lambda **k: theorem_3_2.printed_bound(**({"t": 1.0} | k)),
    "lower": lambda **k: theorem_3_2.lower_bound(**({"t": 1.0} | k)),
    "upper": lambda **k: theorem_3_2.upper_bound(**({"t": 1.0} | k)),
    "asymptote": lambda **k: theorem_3_2.asymptote(**({"t": 10.0} | k)),
    "closing": lambda **k: theorem_3_2.closing_log_time(**({"gamma": 0.05} | k)),
    "exact": lambda **k: theorem_3_2.exact(**({"log_t": 1.0} | k)),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"n": 1}, ValueError, "n must be a whole number of at least 2"),
        ({"n": 2.5}, ValueError, "n must be a whole number"),
        ({"n": "4"}, TypeError, "n must be a real number"),
        ({"alpha": 0.0}, ValueError, r"alpha must lie in \(0, 2\]: a margin"),
        ({"alpha": 2.1}, ValueError, r"alpha must lie in \(0, 2\]"),
        ({"gamma0": 0.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ({"gamma0": 1.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ({"beta0": 0.0}, ValueError, "beta0 must be positive"),
        ({"beta0": np.nan}, ValueError, "beta0 must be finite"),
    ],
)
def test_what_the_statement_does_not_cover_is_refused(function, wrong, error, says):
    if function == "threshold" and "beta0" in wrong:
        pytest.skip("the threshold is what β₀ has to reach")
    with pytest.raises(error, match=says):
        FUNCTIONS[function](**(PAPER | wrong))


@pytest.mark.parametrize("function", ["printed", "lower", "upper", "asymptote"])
def test_times_before_the_start_are_refused(function):
    with pytest.raises(ValueError, match="t must not be negative"):
        FUNCTIONS[function](**PAPER, t=[1.0, -1.0])


def test_below_the_threshold_the_printed_bound_warns_and_the_proved_one_refuses():
    below = PAPER | {"beta0": 0.999 * PAPER["beta0"]}
    with pytest.warns(UserWarning, match="beta0 = .* is below the threshold"):
        theorem_3_2.printed_bound(1.0, **below)
    with pytest.raises(ValueError, match=r"beta0 must be at least log\(4\(n-1\)\)"):
        theorem_3_2.lower_bound(1.0, **below)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theorem_3_2.upper_bound(1.0, **below)
        theorem_3_2.closing_time(0.05, **below)


def test_margins_and_heights_out_of_order_are_refused():
    with pytest.raises(ValueError, match="alpha_max must be at least alpha"):
        theorem_3_2.upper_bound(1.0, **PAPER, alpha_max=0.5)
    with pytest.raises(ValueError, match="gamma must be at most gamma0"):
        theorem_3_2.closing_log_time(0.2, **PAPER)
    with pytest.raises(ValueError, match="log_t must be finite or -inf"):
        theorem_3_2.exact(np.inf, **PAPER)
