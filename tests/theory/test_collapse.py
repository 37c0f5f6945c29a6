"""The least loss of many pairs: its digits, that it is a bound, and that uniform rows attain it."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

import gapdyn as gd
from gapdyn import loss, sphere
from gapdyn.theory import bessel, collapse

STATED = {(3, 0.07): -6.70481, (512, 0.07): -28.17299, (512, 0.01): -180.82232}


def printed(d, tau):
    """-2/τ + 2 log[Γ(ν+1)(2τ)^ν I_ν(1/τ)] in 50 digits."""
    with mpmath.workdps(50):
        tau, nu = mpmath.mpf(tau), mpmath.mpf(d) / 2 - 1
        inside = mpmath.gamma(nu + 1) * (2 * tau) ** nu * mpmath.besseli(nu, 1 / tau)
        return float(-2 / tau + 2 * mpmath.log(inside))


@pytest.mark.parametrize(("d", "tau"), STATED)
def test_the_stated_numbers(d, tau):
    assert 2 * collapse.least_loss(d=d, tau=tau) == pytest.approx(STATED[d, tau], abs=5e-6)


@pytest.mark.parametrize("tau", [100.0, 1.0, 0.07, 0.01, 1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("d", [2, 3, 10, 512, 4096])
def test_it_is_the_printed_formula_in_50_digits(d, tau):
    assert 2 * collapse.least_loss(d=d, tau=tau) == pytest.approx(printed(d, tau), rel=1e-11)


@pytest.mark.parametrize(("d", "tau"), [(3, 0.5), (5, 0.07), (64, 0.1)])
def test_it_is_the_mean_over_the_sphere(d, tau):
    """E e^{(z-1)/τ}, where z has the density (1-z²)^{(d-3)/2}; at d = 3 also sinh(a)/a."""
    weight = quad(lambda z: (1 - z * z) ** ((d - 3) / 2), -1, 1)[0]
    mean = quad(lambda z: np.exp((z - 1) / tau) * (1 - z * z) ** ((d - 3) / 2), -1, 1)[0] / weight
    assert collapse.least_loss(d=d, tau=tau) == pytest.approx(np.log(mean), rel=1e-8)
    closed = np.log(tau * np.sinh(1 / tau)) - 1 / tau
    assert collapse.least_loss(d=3, tau=tau) == pytest.approx(closed, rel=1e-12)


def pairs(rng):
    """A few pairs of any kind: aligned, noisy, unrelated, or some of them antipodal."""
    n, d = int(rng.integers(2, 40)), int(rng.integers(2, 6))
    X = sphere.sample(n, d, rng)
    Y = sphere.normalise(X + rng.choice([0, 0.1, 0.5, 10]) * rng.standard_normal((n, d)))
    Y *= np.where(rng.random((n, 1)) < rng.choice([0, 0.3]), -1, 1)
    return X, Y, float(np.exp(rng.uniform(-3, 1)))


def test_no_pairs_are_below_it_nor_below_what_the_proof_says_of_each():
    """ℓ - log n ≥ 2 mean log N(‖x_i + y_i‖/2) - log N(1), with N(t) = e^{-β(1+t²)/2} M(βt)."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        X, Y, tau = pairs(rng)
        d, half = X.shape[1], np.linalg.norm(X + Y, axis=1) / 2
        found = loss.loss(X @ Y.T / tau) - np.log(len(X))
        log_N = bessel.log_mgf(half / tau, d) - (1 + half**2) / (2 * tau)
        least = collapse.least_loss(d=d, tau=tau)
        assert found >= 2 * log_N.mean() - least - 1e-12
        assert found >= least - 1e-12


@pytest.mark.parametrize("d", [2, 3, 8, 64])
def test_it_holds_for_any_pairs_where_the_least_of_log_N_is_at_1(d):
    t = np.linspace(0, 1, 400)
    for tau in np.geomspace(0.01, 3, 30):
        log_N = bessel.log_mgf(t / tau, d) - (1 + t**2) / (2 * tau)
        assert collapse.holds_for_any_pairs(d=d, tau=tau) == (log_N.min() >= log_N[-1])


@pytest.mark.parametrize(("n", "d", "tau"), [(40, 2, 0.05), (40, 2, 0.2), (100, 3, 0.3)])
def test_flows_end_just_above_it_and_without_a_gap(n, d, tau):
    rng = np.random.default_rng(1)
    model = gd.FreeModel(n, d, gd.Fixed(tau))
    start = model.start(sphere.sample(n, d, rng), sphere.sample(n, d, rng), tau=tau)
    run = gd.flow(model, start, [0.0, 1e4])
    above = run.loss[-1] - np.log(n) - collapse.least_loss(d=d, tau=tau)
    assert -1e-10 < above < 1e-3 and run.gap[-1] < 1e-9


def test_uniform_rows_attain_it_in_the_limit():
    rng, above = np.random.default_rng(2), []
    for n in (500, 2000):
        X = sphere.sample(n, 3, rng)
        least = collapse.least_loss(d=3, tau=0.3)
        above.append(loss.loss(X @ X.T / 0.3) - np.log(n) - least)
    assert 0 < above[1] < 0.5 * above[0] < 0.01


@pytest.mark.parametrize("function", [collapse.least_loss, collapse.holds_for_any_pairs])
def test_what_is_refused(function):
    for wrong in (1, 2.5, np.nan):
        with pytest.raises(ValueError, match="d must be"):
            function(d=wrong, tau=0.07)
    for wrong in (0.0, -1.0, 1e-7):
        with pytest.raises(ValueError, match="tau must be"):
            function(d=3, tau=wrong)
