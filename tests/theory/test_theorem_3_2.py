"""Theorem 3.2, Lemma B.1 and the exact solution, against mpmath, the flow, and brute force."""

import warnings
from dataclasses import replace
from functools import partial

import mpmath as mp
import numpy as np
import pytest
import reference
import sympy as sp
from conftest import Square
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.theory import theorem_3_2
from gapdyn.theory.audit.theorem_3_2 import random_hypotheses
from gapdyn.theory.theorem_3_2 import Setting

mp.mp.dps = 40
SEED = 0


PAPER = {"n": 4, "alpha": 1.0, "gamma0": 0.1}
PAPER["beta0"] = theorem_3_2.threshold(**PAPER)


# Lemma B.1


@given(st.data())
def test_lemma_b_1_holds(data):
    """(a) μ_i ≥ 0 for a leading entry; (b) at a given margin μ_i is largest for Z = αI."""
    n = data.draw(st.integers(2, 30))
    alpha = data.draw(st.floats(0.01, 2))
    others = data.draw(st.lists(st.floats(0, 2), min_size=n - 1, max_size=n - 1))
    a = np.log(4 * n - 4) / alpha * data.draw(st.floats(1, 20))
    z = np.array([1.0, *(1 - alpha - np.array(others))])
    pull = theorem_3_2.mu(z, 0, a)
    assert 0 <= pull <= theorem_3_2.mu_bound(z, 0, a, alpha=alpha) * (1 + 1e-12)
    assert pull == pytest.approx(float(reference.mu(0, [mp.mpf(x) for x in z], a)), rel=1e-12)


def test_lemma_b_1_b_needs_its_threshold():
    """Far below the threshold a row with a larger lead has a larger μ_i than αe_i."""
    z = np.array([1.0, 0.9, -1.0, -1.0])
    alpha, a = 0.1, 1.0
    assert theorem_3_2.mu(z, 0, a) > alpha * 3 / (3 + np.exp(a * alpha))
    with pytest.raises(ValueError, match=r"a must be at least log\(4\(n-1\)\)/α"):
        theorem_3_2.mu_bound(z, 0, a, alpha=alpha)
    with pytest.raises(ValueError, match="z must lead by the margin"):
        theorem_3_2.mu_bound(z, 0, 100.0, alpha=0.2)


# The bounds


def test_the_corrected_integral_is_what_sympy_solves():
    """[c₄ / log(c₃c₄t + e^{c₄/√γ₀})]², and the printed line is another function."""
    t, c3, c4, gamma0 = sp.symbols("t c3 c4 gamma0", positive=True)
    corrected = (c4 / sp.log(c3 * c4 * t + sp.exp(c4 / sp.sqrt(gamma0)))) ** 2
    assert sp.simplify(symbolic.theorem_3_2_integral() - corrected) == 0
    omega = sp.log(c3 * c4 * t + sp.exp(c4 / sp.sqrt(gamma0))) / c4
    assert sp.simplify(sp.diff(omega, t) - c3 * sp.exp(-c4 * omega)) == 0


def test_the_lower_bound_has_its_best_epsilon():
    """No ε of a fine grid gives a larger bound, and the best of the grid comes near it."""
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
    """γ lies between the closed forms, at 300 random hypotheses and times up to 1e100."""
    rng = np.random.default_rng(SEED)
    for setting in random_hypotheses(300, rng):
        t = np.array([0.0, *10 ** rng.uniform(-5, 100, 4)])
        with np.errstate(divide="ignore"):
            gamma = setting.exact(np.log(t))
        lower, upper = setting.lower_bound(t), setting.upper_bound(t)
        assert ((lower <= gamma * (1 + 1e-12)) & (gamma <= upper * (1 + 1e-12))).all(), setting


def test_bounds_start_at_gamma0_and_fall():
    t = np.array([0.0, 1e-3, 1.0, 1e10, 1e300])
    for bound in (theorem_3_2.lower_bound, theorem_3_2.upper_bound):
        values = bound(t, **PAPER)
        assert values[0] == pytest.approx(0.1, rel=1e-14)
        assert (np.diff(values) < 0).all() and (values > 0).all()
    first = np.e**2 / 4 / 3  # e^b/b² = 3t has b = 2 there, and no b before
    early = theorem_3_2.asymptote([0.0, 0.999 * first, 1.001 * first], **PAPER)
    assert np.isnan(early).tolist() == [True, True, False]


# The exact solution


def quadrature(gamma, n, alpha, gamma0, beta0, kappa=1):
    """log t by mpmath, on panels that halve towards γ, where the integrand is largest."""
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
    ours = Setting(n, alpha, gamma0, beta0, gd.Learned(rate=kappa)).closing_log_time(gamma)
    truth = quadrature(gamma, n, alpha, gamma0, beta0, kappa)
    assert abs(mp.mpf(float(ours)) - truth) < 1e-13 * (1 + abs(truth))


def test_closing_times_of_linear_beta_near_zero_agree_with_quadrature():
    """β = ν from β₀ = 1e-3, where 1/β falls by half within x of order 1e-6."""
    gamma0, beta0 = mp.mpf(0.3), mp.mpf(1e-3)

    def slowness(x):
        at = gamma0 * mp.exp(-x)
        beta = mp.sqrt(beta0**2 + x + (at**2 - gamma0**2) / 2)
        return (1 + mp.exp(beta * (1 - at**2)) / 3) / (2 * beta)

    for gamma in (0.29, 0.15):
        end = mp.log(gamma0 / mp.mpf(gamma))
        truth = mp.quad(slowness, [0] + [end * mp.mpf(4) ** -k for k in range(20, -1, -1)])
        ours = Setting(4, 1.0, 0.3, 1e-3, gd.Learned(gd.Linear())).closing_time(gamma)
        assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-11


EVERY = [gd.Learned(), gd.Learned(gd.Linear()), gd.Learned(gd.Softplus()), gd.Learned(Square())]


@pytest.mark.parametrize("temperature", EVERY, ids=str)
def test_arrays_may_hold_gamma0_itself_or_nothing(temperature):
    setting = Setting(4, 1.0, 0.3, 3.0, temperature)
    log_t = setting.closing_log_time([0.3, 0.1])
    assert log_t[0] == -np.inf
    assert log_t[1] == pytest.approx(float(setting.closing_log_time(0.1)), rel=1e-13)
    assert setting.closing_log_time([]).shape == setting.exact([]).shape == (0,)


def test_the_exact_solution_of_a_users_own_temperature_is_that_of_the_equation():
    """β = ν² with rate ½: γ' = -2βγg and ν' = 2νη(1-γ²)g, integrated by SciPy."""
    setting = Setting(6, 0.7, 0.3, 2.0, gd.Learned(Square(), rate=0.5))

    def velocity(t, y):
        (gamma, nu), beta = y, y[1] ** 2
        g = 0.7 * 5 / (5 + np.exp(0.7 * beta * (1 - gamma**2)))
        return [-2 * beta * gamma * g, 0.5 * 2 * nu * (1 - gamma**2) * g]

    t = np.geomspace(1e-2, 1e3, 12)
    start = [0.3, np.sqrt(2.0)]
    run = solve_ivp(velocity, (0, 1e3), start, "DOP853", t, rtol=1e-12, atol=1e-30)
    np.testing.assert_allclose(setting.exact(np.log(t)), run.y[0], rtol=1e-8)
    np.testing.assert_allclose(setting.closing_time(run.y[0]), t, rtol=1e-8)


@pytest.mark.parametrize("temperature", EVERY[1:], ids=str)
@given(
    log_t=st.floats(-40, 60),
    alpha=st.floats(0.05, 2),
    gamma0=st.floats(1e-3, 0.99),
    beta0=st.floats(0.1, 100),
)
def test_exact_is_the_inverse_of_the_closing_time(temperature, log_t, alpha, gamma0, beta0):
    setting = Setting(7, alpha, gamma0, beta0, temperature)
    gamma = float(setting.exact(log_t))
    assert 0 <= gamma <= gamma0
    if 0 < gamma < gamma0 * (1 - 1e-6):  # else γ₀ - γ has lost its digits
        assert setting.closing_log_time(gamma) == pytest.approx(log_t, rel=1e-9, abs=1e-8)


@pytest.mark.parametrize(
    ("kappa", "log_t"),
    [(1e-3, 4.0), (0.25, 500.0), (1.0, 1e6), (1e4, 5.0), (1e6, -3.0), (1e6, 500.0), (1e6, 1e6)],
)
def test_exact_is_exact_to_rounding_for_every_kappa(kappa, log_t):
    """The time at a slightly smaller height is later, and at a slightly larger one earlier.

    Slightly means by the rounding of log γ, and by what the rounding of log t moves γ.
    """
    numbers = {"n": 4, "alpha": 1.0, "gamma0": 0.3, "beta0": 5.0}
    gamma = float(Setting(**numbers, temperature=gd.Learned(rate=kappa)).exact(log_t))
    by = 2e-15 * (1 + np.log(0.3 / gamma))
    later, earlier = (quadrature(gamma * k, **numbers, kappa=kappa) for k in (1 - by, 1 + by))
    rounding = 4e-16 * (1 + abs(log_t))
    assert 0 < gamma < 0.3 and earlier - rounding < log_t < later + rounding


def test_exact_converges_for_random_settings():
    """No ArithmeticError at random n, α, γ₀, β₀ and κ = 1e-3..1e6, and γ falls with time."""
    rng = np.random.default_rng(SEED)
    for _ in range(100):
        n, alpha, gamma0 = 10 ** rng.uniform(0.4, 6) // 1, 2 - rng.uniform(0, 2), rng.uniform(0, 1)
        kappa, beta0 = 10 ** rng.uniform(-3, 6), 10 ** rng.uniform(-2, 3)
        setting = Setting(n, alpha, gamma0, beta0, gd.Learned(rate=kappa))
        gamma = setting.exact([-5.0, alpha * beta0, 1e3 * alpha * beta0, 1e6 * alpha * beta0])
        assert (np.diff(gamma) <= 0).all() and 0 <= gamma[-1] and gamma[0] <= gamma0


def test_a_users_advance_that_returns_no_number_is_named():
    class Lost(Square):
        def advance(self, beta, amount):
            return np.where(amount > 1e-3, np.nan, super().advance(beta, amount))

    with pytest.raises(ValueError, match=r"Lost\(\) must have an advance that"):
        Setting(**PAPER, temperature=gd.Learned(Lost())).exact(5.0)


def test_steep_families_neither_overflow_nor_vanish():
    """At κ = 250 and 1000 γ hardly moves, and its closing times exceed float64."""
    for rate in (250.0, 1000.0):
        setting = Setting(4, 1.0, 1e-3, 5.0, gd.Learned(rate=rate))
        assert setting.closing_log_time(1e-6) == np.inf
        assert 9e-4 < setting.asymptote(1e300) < 1e-3


def test_exact_takes_any_time_at_all():
    gamma = theorem_3_2.exact(np.array([-np.inf, -1e4, 500 * np.log(10), 1e12]), **PAPER)
    assert (gamma[:2] == 0.1).all()
    assert gamma[2] == pytest.approx(4.6067976e-7, rel=1e-6)
    assert 0 < gamma[3] < 1e-23
    assert theorem_3_2.closing_log_time(0.1, **PAPER) == -np.inf
    assert theorem_3_2.closing_time(1e-7, **PAPER) == np.inf
    slow = gd.Learned(gd.Exponential(20.0))
    assert theorem_3_2.exact(1e12, **PAPER, temperature=slow) == 0  # γ = 1e-9600 is no float64


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("printed_bound", 7.0),
        ("lower_bound", 7.0),
        ("upper_bound", 7.0),
        ("asymptote", 7.0),
        ("closing_log_time", 0.05),
        ("closing_time", 0.05),
        ("exact", 7.0),
        ("infimum", 7.0),
    ],
)
def test_the_functions_of_numbers_are_the_methods_of_a_setting(name, at):
    setting = Setting(**PAPER)
    assert getattr(theorem_3_2, name)(at, **PAPER) == getattr(setting, name)(at)
    assert theorem_3_2.constants(**PAPER) == setting.constants
    assert setting.threshold == pytest.approx(PAPER["beta0"], rel=1e-15)
    with pytest.raises(AttributeError):
        setting.n = 5


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
    """A run that ends matched at a large β began mismatched, whether it stores t = 0 or not."""
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
    margin, start = theorem_3_2.hypotheses(run, 0.63)[2:]
    assert not margin.holds and not start.holds and margin.since == start.since == 1e6


def test_a_threshold_that_is_lost_again_is_met_since_the_last_time():
    """β falls while pairs are mismatched; the theorem applies from when it has risen again."""
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


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"n": 1}, ValueError, "n must be a whole number of at least 2"),
        ({"n": 2.5}, ValueError, "n must be a whole number"),
        ({"n": "4"}, TypeError, "n must be a real number"),
        ({"alpha": 0.0}, ValueError, r"alpha must lie in \(0, 2\]: a margin"),
        ({"gamma0": 1.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ({"beta0": 0.0}, ValueError, "beta0 must be positive"),
        ({"beta0": np.nan}, ValueError, "beta0 must be finite"),
    ],
)
def test_what_the_statement_does_not_cover_is_refused(wrong, error, says):
    with pytest.raises(error, match=says):
        Setting(**(PAPER | wrong))
    for function in (theorem_3_2.threshold, theorem_3_2.sharp_threshold):
        if "beta0" not in wrong:
            numbers = {name: (PAPER | wrong)[name] for name in ("n", "alpha", "gamma0")}
            with pytest.raises(error, match=says):
                function(**numbers)


@pytest.mark.parametrize("method", ["printed_bound", "lower_bound", "upper_bound", "asymptote"])
def test_times_before_the_start_are_refused(method):
    with pytest.raises(ValueError, match="t must not be negative"):
        getattr(Setting(**PAPER), method)([1.0, -1.0])


def test_below_the_threshold_the_printed_bound_warns_and_the_proved_one_refuses():
    below = PAPER | {"beta0": 0.999 * PAPER["beta0"]}
    for call in (partial(theorem_3_2.printed_bound, **below), Setting(**below).printed_bound):
        with pytest.warns(UserWarning, match="beta0 = .* is below the threshold") as caught:
            call(1.0)
        assert caught[0].filename == __file__  # the warning is for the caller
    with pytest.raises(ValueError, match=r"beta0 must be at least log\(4\(n-1\)\)"):
        theorem_3_2.lower_bound(1.0, **below)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theorem_3_2.upper_bound(1.0, **below)
        theorem_3_2.closing_time(0.05, **below)


def test_an_asymptote_beyond_float64_is_refused_and_stays_nan_where_it_does_not_exist():
    """At e^b/b² = 3t with b = 4 it is β₀²γ₀e^{-γ₀²/2}/16, and below b = 2 there is none."""
    late, early = np.e**4 / 16 / 3, 0.5
    near = theorem_3_2.asymptote(late, **PAPER | {"beta0": 1e140})
    assert near == pytest.approx(1e280 * 0.1 * np.exp(-(0.1**2) / 2) / 16, rel=1e-9)
    for t in (late, [late, early], 1e300):
        with pytest.raises(ValueError, match="the asymptote must be a float64"):
            theorem_3_2.asymptote(t, **PAPER | {"beta0": 1e200})
    assert np.isnan(theorem_3_2.asymptote([early, 0.0], **PAPER | {"beta0": 1e200})).all()


@pytest.mark.parametrize("method", ["printed_bound", "lower_bound", "upper_bound", "asymptote"])
def test_bounds_are_about_beta_exponential_in_nu(method):
    """And the printed one about the paper's rate too."""
    for temperature in (gd.Learned(gd.Softplus()), gd.Learned(rate=0.5), gd.Learned(max_beta=9.0)):
        if method != "printed_bound" and temperature.rate == 0.5:
            continue
        with pytest.raises(ValueError, match="temperature must"):
            getattr(Setting(**PAPER, temperature=temperature), method)(1.0)
    with pytest.raises(ValueError, match="temperature must be learned"):
        Setting(**PAPER, temperature=gd.Fixed(0.1))


def test_margins_and_heights_out_of_order_are_refused():
    with pytest.raises(ValueError, match="alpha_max must be at least alpha"):
        theorem_3_2.upper_bound(1.0, **PAPER, alpha_max=0.5)
    with pytest.raises(ValueError, match="gamma must be at most gamma0"):
        theorem_3_2.closing_log_time(0.2, **PAPER)
    with pytest.raises(ValueError, match="log_t must be finite or -inf"):
        theorem_3_2.exact(np.inf, **PAPER)


def test_a_margin_beside_nothing_has_an_infinite_threshold_and_no_warning():
    model = gd.FrozenModel(np.eye(3), gd.Learned())
    run = gd.flow(model, model.start(tau=0.1, gamma=0.3), 1.0)
    *_, scale = theorem_3_2.hypotheses(run, 5e-324)
    assert not scale.holds and scale.shortfall == np.inf == scale.since
