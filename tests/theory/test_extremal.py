"""The speed limit and the infimum of γ, against SymPy, mpmath, searches and integrated paths."""

from functools import partial

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from conftest import Square
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import gapdyn as gd
from gapdyn.theory import appendix_c, extremal, lemma_3_1, theorem_3_2
from gapdyn.theory.audit.extremal import along, off_diagonal, swinging, widest
from gapdyn.theory.theorem_3_2 import Setting

PAPER = {"n": 4, "alpha": 1.0, "gamma0": 0.3}


def limit(n):
    """W in 40 digits."""
    with mp.workdps(40):
        return mp.lambertw((n - 1) / mp.e)


# The speed limit


@pytest.mark.parametrize("n", [2, 3, 5])
def test_sympy_finds_the_one_maximum_of_the_pull(n):
    """∂F/∂v_k ∝ 1 - v_k + F, so all v are 1 + F, and F = W solves We^W = (n-1)/e."""
    v = sp.symbols(f"v1:{n}", real=True)
    total = 1 + sum(sp.exp(-x) for x in v)
    pull = sum(x * sp.exp(-x) for x in v) / total
    for x in v:
        assert sp.simplify(sp.diff(pull, x) - sp.exp(-x) * (1 - x + pull) / total) == 0
    W = sp.LambertW(sp.Rational(n - 1) / sp.E)
    at_top = pull.subs(dict.fromkeys(v, 1 + W))
    assert abs(sp.N(at_top - W, 30)) < 1e-25
    assert theorem_3_2.speed_limit(n) == pytest.approx(float(W), rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_search_over_all_similarities_reaches_the_limit_and_does_not_pass_it(n):
    rng, W = np.random.default_rng(n), theorem_3_2.speed_limit(n)
    for a in (0.1, 1.0, 30.0):
        found = minimize(
            lambda v, a=a: -a * gd.loss.pull(off_diagonal(n, v) / a, a),
            rng.uniform(-1, 3, n * (n - 1)),
            tol=1e-10,
        )
        assert -found.fun == pytest.approx(W, rel=1e-6) and -found.fun <= W * (1 + 1e-12)
        np.testing.assert_allclose(found.x, 1 + W, rtol=1e-3)


@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.floats(-50, 50), st.floats(0.01, 100))
def test_no_similarities_pull_harder_whatever_the_sign_of_beta(n, seed, a, size):
    Z = size * np.random.default_rng(seed).standard_normal((n, n))
    assert a * gd.loss.pull(Z, a) <= theorem_3_2.speed_limit(n) * (1 + 1e-12)


@pytest.mark.parametrize("gamma0", [1e-200, 0.01, 0.3, 0.9, 1 - 1e-9])
@pytest.mark.parametrize("n", [2, 4, 10**9])
def test_the_least_height_is_lamberts_function(n, gamma0):
    """γ² = -W₀(-γ₀²e^{-γ₀²}e^{-4Wt}) in 60 digits, also near its branch point."""
    for t in (0.0, 1e-9, 0.1, 1.0, 20.0):
        with mp.workdps(60):
            square, start = mp.mpf(gamma0) ** 2, mp.mpf(t)
            inside = -square * mp.exp(-square - 4 * mp.lambertw((n - 1) / mp.e) * start)
            true = mp.sqrt(-mp.lambertw(inside))
        found = float(theorem_3_2.least_height(t, n=n, gamma0=gamma0))
        assert found == pytest.approx(float(true), rel=1e-11, abs=1e-322)


@given(st.floats(0, 800), st.floats(1e-300, 1, exclude_max=True))
def test_the_fall_of_the_first_integral_has_its_inverse(amount, gamma0):
    x = lemma_3_1.log_ratio_after(np.asarray(amount), gamma0)
    assert float(lemma_3_1.fall(x, gamma0)) == pytest.approx(amount, rel=1e-11, abs=1e-300)


def test_the_least_height_falls_to_zero_and_no_time_is_too_late():
    t = np.array([0.0, 1e-300, 1.0, 1e3, 1e308])
    heights = theorem_3_2.least_height(t, n=4, gamma0=0.3)
    assert heights[0] == heights[1] == 0.3 and (np.diff(heights) <= 0).all() and heights[-1] == 0


def test_a_setting_has_the_limit_of_its_pairs_and_the_least_height_of_its_start():
    setting = Setting(**PAPER, beta0=2.0)
    assert setting.speed_limit == theorem_3_2.speed_limit(4)
    assert setting.least_height(0.7) == theorem_3_2.least_height(0.7, n=4, gamma0=0.3)
    assert float(setting.infimum(-40.0)) == pytest.approx(0.3, rel=1e-14)


def test_neither_a_learned_beta_nor_the_gap_of_symmetric_pairs_is_faster_than_the_limit():
    """P(β) ≤ P(β₀) + Wt, of which nothing is left over if aα starts at 1 + W with Z = αI."""
    W = float(limit(4))
    start = 1 + W
    model, t = gd.FrozenModel(np.eye(4), gd.Learned()), np.array([1e-3, 1e-2, 1.0, 10.0])
    run = gd.flow(model, model.start(tau=1 / start, gamma=1e-9), t, rtol=1e-11, atol=1e-14)
    pace = np.log(run.beta / start) / (W * t)
    assert (pace <= 1 + 1e-9).all() and pace[0] == pytest.approx(1, rel=1e-4)
    free = gd.FreeModel(4, 5, gd.Fixed(4 / 3 / (1 + W)))  # the simplex's own best temperature
    rows = gd.sphere.lift(gd.examples.simplex(4), gd.examples.simplex(4), gamma=1e-3)
    run = gd.flow(free, free.start(*rows), t, rtol=1e-11, atol=1e-14)
    pace = -np.log(run.gap / 2e-3) * 4 / (W * t)
    assert (pace <= 1 + 1e-9).all() and pace[0] == pytest.approx(1, rel=1e-4)


# The best schedule


@pytest.mark.parametrize(("n", "alpha", "gamma0"), [(4, 1.0, 0.9), (6, 0.7, 0.3), (2, 2.0, 0.999)])
def test_the_best_schedule_attains_the_least_height(n, alpha, gamma0):
    best = appendix_c.best_schedule(n=n, alpha=alpha, gamma0=gamma0)
    model, t = gd.FrozenModel(alpha * np.eye(n), best), np.array([0.1, 1.0, 5.0, 20.0])
    run = gd.flow(model, model.start(gamma=gamma0), t, rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(
        run.gamma, theorem_3_2.least_height(t, n=n, gamma0=gamma0), rtol=1e-6
    )
    effective = alpha * (1 - run.gamma**2) / run.tau  # aα
    np.testing.assert_allclose(effective, 1 + theorem_3_2.speed_limit(n), rtol=1e-6)
    assert best.tau(1e6) == pytest.approx(appendix_c.optimal_temperature(n=n, alpha=alpha))


@pytest.mark.parametrize(
    "factor", [lambda t: 0.8, lambda t: 1.2, lambda t: 1 + 0.3 * np.sin(3 * t)], ids=range(3)
)
def test_no_schedule_beside_the_best_beats_it(factor):
    best = appendix_c.best_schedule(**PAPER)
    model = gd.FrozenModel(np.eye(4), gd.Scheduled(lambda t: factor(t) * best.tau(t)))
    t = np.array([0.5, 2.0, 10.0])
    run = gd.flow(model, model.start(gamma=0.3), t, rtol=1e-9, atol=1e-300)
    assert (run.gamma > theorem_3_2.least_height(t, n=4, gamma0=0.3) * 1.001).all()


# The infimum


def closing_log_time(gamma, n, alpha, gamma0, beta0, kappa):
    """Log of ∫ dx/(2βĝ) by mpmath, divided where ĝ changes its form."""
    gamma, alpha, gamma0, beta0, kappa = map(mp.mpf, (gamma, alpha, gamma0, beta0, kappa))
    W, end = limit(n), mp.log(gamma0 / gamma)

    def scaled(x):
        """β and aα."""
        at = gamma0 * mp.exp(-x)
        beta = beta0 * mp.exp(kappa / 2 * x + kappa * (at**2 - gamma0**2) / 4)
        return beta, alpha * beta * (1 - at**2)

    def slowness(x):
        beta, size = scaled(x)
        pull = W * alpha / size if size <= 1 + W else alpha * (n - 1) / (n - 1 + mp.exp(size))
        return 1 / (2 * beta * pull)

    low, high = mp.mpf(0), end
    for _ in range(150 if scaled(end)[1] > 1 + W > scaled(0)[1] else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if scaled(middle)[1] < 1 + W else (low, middle)
    kink = high if high < end else low
    parts = [kink + (end - kink) * (1 - mp.mpf(2) ** -k) for k in range(20)] + [end]
    first = mp.quad(slowness, [0, kink]) if kink > 0 else 0
    return mp.log(first + mp.quad(slowness, parts))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "alpha", "gamma0", "share", "kappa", "log_t"),
    [
        (4, 1.0, 0.3, 0.05, 1, 1.0),
        (4, 1.0, 0.3, 0.05, 1, 2.4),
        (4, 1.0, 0.3, 0.05, 1, 1e4),
        (2, 2.0, 0.9, 0.5, 0.25, -3.0),
        (2, 2.0, 0.9, 0.5, 0.25, 50.0),
        (10**9, 0.1, 0.999, 0.2, 2, 0.5),
        (10**9, 0.1, 0.999, 0.2, 2, 1e3),
        (100, 0.01, 1e-30, 0.9, 4, 700.0),
        (16, 1.0, 0.3, 1.5, 1, 30.0),
    ],
)
def test_the_infimum_is_the_integral_of_the_largest_pull(n, alpha, gamma0, share, kappa, log_t):
    """To 1e-10 in γ: its time differs from that of γ(1 ± 1e-10) by more than from t."""
    beta0 = share * theorem_3_2.sharp_threshold(n=n, alpha=alpha, gamma0=gamma0)
    numbers = {"n": n, "alpha": alpha, "gamma0": gamma0, "beta0": beta0}
    gamma = float(theorem_3_2.infimum(log_t, **numbers, temperature=gd.Learned(rate=kappa)))
    with mp.workdps(20):
        later, earlier = (
            closing_log_time(mp.mpf(gamma) * (1 + by), **numbers, kappa=kappa)
            for by in (mp.mpf(-1e-10), mp.mpf(1e-10))
        )
    assert earlier < log_t < later


@pytest.mark.slow
def test_none_of_sixty_random_paths_is_faster_and_the_extremal_one_attains_it():
    rng, times = np.random.default_rng(1), np.array([0.1, 1.0, 3.0, 10.0])
    for _ in range(60):
        n, alpha, gamma0 = int(rng.integers(2, 6)), rng.uniform(0.05, 1.5), rng.uniform(0.05, 0.95)
        least = theorem_3_2.sharp_threshold(n=n, alpha=alpha, gamma0=gamma0)
        temperature = gd.Learned(rate=float(rng.choice([0.25, 1.0, 4.0])))
        setting = Setting(n, alpha, gamma0, least * rng.uniform(0.02, 1.2), temperature)
        bound = setting.infimum(np.log(times))
        path = along(swinging(n, alpha, rng), setting, times, rtol=1e-8)
        assert (path >= bound * (1 - 1e-6)).all(), setting
        fastest = along(partial(widest, n, alpha), setting, times)
        np.testing.assert_allclose(fastest, bound, rtol=1e-6)


def test_from_the_sharp_threshold_on_the_infimum_is_the_exact_solution():
    least, times = theorem_3_2.sharp_threshold(**PAPER), np.array([-np.inf, -9.0, 3.0, 1e5])
    for beta0 in (least, 2 * least):
        setting = Setting(**PAPER, beta0=beta0)
        np.testing.assert_array_equal(setting.infimum(times), setting.exact(times))
    below = Setting(**PAPER, beta0=least * (1 - 1e-9))
    np.testing.assert_allclose(below.infimum(times), below.exact(times), rtol=1e-8)
    far = Setting(**PAPER, beta0=0.01 * least)
    assert (far.infimum(times[1:3]) < far.exact(times[1:3])).all()


@pytest.mark.parametrize("n", [2, 10**9])
@pytest.mark.parametrize(
    "temperature",
    [gd.Learned(rate=1e-3), gd.Learned(gd.Linear()), gd.Learned(gd.Softplus()), Square],
    ids=str,
)
def test_any_time_and_any_temperature_have_an_infimum_which_only_falls(n, temperature):
    if temperature is Square:
        temperature = gd.Learned(Square(), rate=0.5)
    setting = Setting(n, 0.5, 0.3, 1e-3, temperature)
    times = np.array([-np.inf, -1e3, -40.0, 0.0, 0.5, 3.0, 5.0, 40.0, 1e3, 1e12, 1e300])
    heights = setting.infimum(times)
    assert heights[0] == 0.3 and (np.diff(heights) <= 0).all() and heights[-1] >= 0
    assert heights.tolist() == [float(setting.infimum(t)) for t in times]
    assert (heights <= setting.exact(times)).all()


def test_theorem_3_2_needs_no_threshold():
    """γlog²t → (αC)² for the infimum too, from any β₀."""
    setting = Setting(**PAPER, beta0=1e-3)
    ratio = setting.infimum([1e3, 1e5, 1e8]) * np.array([1e3, 1e5, 1e8]) ** 2
    assert ratio[-1] == pytest.approx(setting.conserved**2, rel=1e-5)


def test_the_pace_is_kept_until_the_threshold_is_reached():
    setting = Setting(**PAPER, beta0=0.05)
    x = extremal.handover(setting._log_beta, **PAPER)
    log_t = extremal.log_time(x, n=4, gamma0=0.3)
    gamma = float(setting.infimum(log_t))
    beta = lemma_3_1.beta(gamma, beta0=0.05, gamma0=0.3)
    assert beta * (1 - gamma**2) == pytest.approx(1 + theorem_3_2.speed_limit(4), rel=1e-12)
    for before in (log_t - 3, log_t - 1e-9):
        assert setting.infimum(before) == pytest.approx(
            float(setting.least_height(np.exp(before))), rel=1e-12
        )


# Unit rows


def test_no_matched_unit_rows_pull_harder_than_a_multiple_of_the_identity():
    """a g ≤ f(min(a n/(n-1), 1 + W)), f(v) = (n-1)v/(n-1+e^v), which the simplex attains."""
    rng, most = np.random.default_rng(0), 0.0
    for _ in range(3000):
        n, d, a = int(rng.integers(2, 7)), int(rng.integers(2, 7)), np.exp(rng.uniform(-3, 3))
        X = gd.sphere.sample(n, d, rng)
        Z = X @ gd.sphere.normalise(X + rng.exponential(0.1) * rng.standard_normal(X.shape)).T
        if gd.measures.margin(Z) > 0:
            v = min(a * n / (n - 1), 1 + float(limit(n)))
            most = max(most, a * gd.loss.pull(Z, a) / ((n - 1) * v / (n - 1 + np.exp(v))))
    assert 0.95 < most <= 1 + 1e-12
    Z = gd.examples.simplex(4) @ gd.examples.simplex(4).T
    assert gd.loss.pull(Z, 1.0) == pytest.approx(4 / 3 * 3 / (3 + np.exp(4 / 3)), rel=1e-13)


# Bad input


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: theorem_3_2.speed_limit(1), ValueError, "n must be a whole number of at least 2"),
        (lambda: theorem_3_2.speed_limit("4"), TypeError, "n must be a real number"),
        (lambda: theorem_3_2.least_height(-1.0, n=4, gamma0=0.3), ValueError, "t must not be neg"),
        (lambda: theorem_3_2.least_height(1.0, n=4, gamma0=0.0), ValueError, "gamma0 must lie in"),
        (lambda: Setting(**PAPER, beta0=1.0).infimum(np.inf), ValueError, "log_t must be finite"),
        (lambda: Setting(**PAPER, beta0=1.0).infimum("1"), TypeError, "log_t must be a real"),
        (
            lambda: theorem_3_2.infimum(1.0, **PAPER, beta0=1.0, temperature=gd.Fixed(0.1)),
            *(ValueError, "temperature must be learned"),
        ),
        (
            lambda: appendix_c.best_schedule(n=4, alpha=0.0, gamma0=0.3),
            *(ValueError, "alpha must lie in"),
        ),
        (
            lambda: appendix_c.best_schedule(n=4, alpha=1.0, gamma0=1.0),
            *(ValueError, "gamma0 must lie in"),
        ),
    ],
)
def test_what_the_statements_do_not_cover_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
