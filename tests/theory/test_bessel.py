"""A_d(a) and M(a) against their power series in 50 digits, and against quadrature."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapdyn.theory import bessel

mp.mp.dps = 50
GRID = [
    (a, d)
    for a in (1e-8, 1e-3, 0.5, 3.0, 30.0, 300.0, 1000.0)
    for d in (2, 3, 4, 7, 100, 513, 4096, 10**6)
]


def series(nu, a):
    """₀F₁(; ν+1; a²/4), a sum of positive terms."""
    q, term, total, k = mp.mpf(a) ** 2 / 4, mp.mpf(1), mp.mpf(1), 0
    while term > total * mp.mpf(10) ** -45:
        k += 1
        term *= q / (k * (nu + k))
        total += term
    return total


def truth(a, d):
    """M, A_d = M'/M and M''/M, derivatives of the series term by term."""
    nu, a = mp.mpf(d) / 2 - 1, mp.mpf(a)
    M, M1, M2 = series(nu, a), series(nu + 1, a), series(nu + 2, a)
    first = a / d * M1
    return M, first / M, (M1 / d + a**2 / (d * mp.mpf(d + 2)) * M2) / M


@pytest.mark.parametrize(("a", "d"), GRID)
def test_the_ratio_has_all_digits_and_moments_and_logarithm_have_twelve(a, d):
    M, first, second = truth(a, d)
    assert abs(mp.mpf(float(bessel.A(a, d))) / first - 1) < 8e-16
    assert abs(mp.mpf(float(bessel.log_mgf(a, d))) / mp.log(M) - 1) < 1e-12
    computed = bessel.mgf_ratios(a, d)
    assert abs(mp.mpf(float(computed[0])) / first - 1) < 1e-12
    assert abs(mp.mpf(float(computed[1])) / second - 1) < 1e-12


@pytest.mark.parametrize(("a", "d"), [(1e6, 2), (1e5, 10), (1e6, 513), (1e5, 10**5), (1e6, 10**6)])
def test_large_concentrations_agree_with_quadrature_around_the_peak(a, d):
    """E e^{az} = c ∫ e^{a cos θ} sin^{d-2} θ dθ in 30 digits."""
    with mp.workdps(30):
        power, at = mp.mpf(d - 2), mp.mpf(a)
        peak = mp.acos((mp.sqrt(power**2 + 4 * at**2) - power) / (2 * at))
        top = at * mp.cos(peak) + (power * mp.log(mp.sin(peak)) if power else 0)
        width = 1 / mp.sqrt(at * mp.cos(peak) + (power / mp.sin(peak) ** 2 if power else 0))
        edges = [max(peak + k * width, mp.mpf(0)) for k in range(-14, 15, 2)]

        def weight(theta):
            return mp.exp(at * mp.cos(theta) + power * mp.log(mp.sin(theta)) - top)

        if not power:
            weight = lambda theta: mp.exp(at * mp.cos(theta) - top)  # noqa: E731
        mass = mp.quad(weight, sorted(set(edges)))
        mean = mp.quad(lambda theta: mp.cos(theta) * weight(theta), sorted(set(edges))) / mass
        constant = mp.loggamma(mp.mpf(d) / 2) - mp.loggamma(mp.mpf(d - 1) / 2) - mp.log(mp.pi) / 2
        assert abs(mp.mpf(float(bessel.A(a, d))) / mean - 1) < 1e-12
        log_mgf = constant + top + mp.log(mass)
        assert abs(mp.mpf(float(bessel.log_mgf(a, d))) / log_mgf - 1) < 1e-12


@pytest.mark.parametrize(
    ("a", "d"),
    [
        *((1.9e5, 17), (2.1e5, 2), (1e5, 10**9), (3e6, 10**5), (3e7, 2)),
        *((1e8, 10**6), (1e9, 10**4), (1e10, 3), (1e12, 10**9)),
    ],
)
def test_the_ratio_has_all_digits_beyond_what_the_theorem_needs(a, d):
    """Against balls of 300 bits."""
    flint = pytest.importorskip("flint", reason="mpmath does not reach so far")
    before, flint.ctx.prec = flint.ctx.prec, 300
    truth = flint.arb(a).bessel_i(flint.arb(d) / 2) / flint.arb(a).bessel_i(flint.arb(d) / 2 - 1)
    off = abs(flint.arb(float(bessel.A(a, d))) / truth - 1)
    flint.ctx.prec = before
    assert off < 8e-16


def test_a_large_concentration_does_not_spoil_a_small_one_beside_it():
    """Which needs hundreds of steps where the large one needs none."""
    a = np.array([1.0, 1e4, 1e5, 1e6, 1e7, 1e13])
    for d in (2, 10**4, 10**6):
        alone = [float(bessel.A(x, d)) for x in a]
        np.testing.assert_allclose(bessel.A(a, d), alone, rtol=2e-14)
    flint = pytest.importorskip("flint", reason="mpmath does not reach so far")
    log_M = 49.5 * np.log(2e-12) + float(flint.arb(50.5).lgamma())
    log_M += float((flint.arb(1e12).bessel_i(49.5, scaled=True)).log())
    assert bessel.log_mgf(1e12, 101) == pytest.approx(log_M + 1e12, rel=2e-13)


def test_the_ratio_at_the_ends_of_its_range():
    """A → 1 - (d-1)/2a as a/d → ∞, and a/d as a/d → 0; at d = 2a, √2 - 1 as both grow."""
    assert bessel.A(1e150, 2) == 1 and bessel.A(-1e150, 2) == -1
    assert 1 - bessel.A(1e12, 1001) == pytest.approx(500 / 1e12, rel=1e-6)
    assert bessel.A(1.0, 1e150) == pytest.approx(1e-150, rel=1e-15)
    assert bessel.A(1e100, 2e100) == pytest.approx(np.sqrt(2) - 1, rel=1e-15)


@given(a=st.floats(1e-8, 1e6), d=st.integers(2, 10**6))
def test_the_ratio_lies_between_amos_bounds_and_is_odd(a, d):
    """a/(ν+½+√((ν+3/2)²+a²)) < I_{ν+1}/I_ν < a/(ν+½+√((ν+½)²+a²)), ν = d/2-1 (Amos 1974)."""
    ratio, nu = float(bessel.A(a, d)), d / 2 - 1
    lower = a / (nu + 0.5 + np.hypot(nu + 1.5, a))
    upper = a / (nu + 0.5 + np.hypot(nu + 0.5, a))
    assert lower * (1 - 1e-15) <= ratio <= upper * (1 + 1e-15)
    assert float(bessel.A(-a, d)) == -ratio
    assert float(bessel.log_mgf(-a, d)) == float(bessel.log_mgf(a, d)) > 0


def test_arrays_broadcast_and_zero_is_the_plain_mean():
    a, d = np.array([0.0, 1.0, 50.0]), np.array([[2], [300]])
    assert bessel.A(a, d).shape == bessel.log_mgf(a, d).shape == (2, 3)
    one_by_one = [[float(bessel.A(x, k)) for x in a] for k in d[:, 0]]
    np.testing.assert_allclose(bessel.A(a, d), one_by_one, rtol=1e-15)
    first, second = bessel.mgf_ratios(0.0, 7)
    assert (first, second) == (0, 1 / 7)
    assert bessel.log_mgf(0.0, 7) == 0


@pytest.mark.parametrize("function", [bessel.A, bessel.log_mgf, bessel.mgf_ratios])
@pytest.mark.parametrize(
    ("a", "d", "error", "says"),
    [
        (1.0, 1, ValueError, "d must be a whole number of at least 2"),
        (1.0, 2.5, ValueError, "d must be a whole number"),
        (np.inf, 3, ValueError, "a must be finite"),
        (np.nan, 3, ValueError, "a must not be NaN"),
        ("x", 3, TypeError, "a must be a real number"),
        (1.0, None, TypeError, "d must be a real number"),
    ],
)
def test_bad_input_is_named(function, a, d, error, says):
    with pytest.raises(error, match=says):
        function(a, d)
