"""Theorem 3.3: its bounds, the law they rest on, and dΔ/dt itself."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn.theory import bessel, theorem_3_3

SETTING = {"d": 512, "tau": 0.07, "gamma0": 0.3, "delta": 0.05}


# Lemmas B.2 and B.3


def test_the_density_has_its_closed_forms():
    z = np.array([-1.5, -1.0, -0.5, 0.0, 1.0])
    with np.errstate(divide="ignore"):
        arcsine = np.where(np.abs(z) <= 1, 1 / (np.pi * np.sqrt(np.maximum(1 - z**2, 0))), 0)
    np.testing.assert_allclose(theorem_3_3.density(z, 2), arcsine, rtol=1e-14)
    np.testing.assert_allclose(theorem_3_3.density(z, 3), np.where(np.abs(z) <= 1, 0.5, 0))
    np.testing.assert_allclose(
        theorem_3_3.density(z, 5), np.maximum(0.75 * (1 - z**2), 0), rtol=1e-14
    )


@pytest.mark.parametrize(("a", "d"), [(0.5, 2), (3.0, 3), (13.0, 512), (-2.0, 7)])
def test_the_moments_are_the_printed_bessel_functions(a, d):
    """Lemma B.3: ξ₂ = Γ(d/2)(2/a)^ρ I_ρ(a), ξ₁ = Γ(d/2)(2/a)^ρ (I_{ρ-1}(a) - (2ρ/a) I_ρ(a))."""
    with mp.workdps(40):
        rho, at = mp.mpf(d - 2) / 2, mp.mpf(abs(a))
        factor = mp.gamma(mp.mpf(d) / 2) * (2 / at) ** rho
        xi2 = factor * mp.besseli(rho, at)
        xi1 = factor * (mp.besseli(rho - 1, at) - 2 * rho / at * mp.besseli(rho, at))
        xi1 *= 1 if a > 0 else -1
        ours = theorem_3_3.moments(a, d)
        assert ours[0] == pytest.approx(float(xi1), rel=1e-12)
        assert ours[1] == pytest.approx(float(xi2), rel=1e-12)


# The bounds


@pytest.mark.parametrize(("s", "d"), [(0.3, 2), (2.0, 3), (20.0, 64)])
def test_one_coordinate_is_sub_gaussian_with_proxy_1_over_d(s, d):
    """E e^{sz} ≤ e^{s²/2d}, and no smaller proxy is enough; it gives the term √(2L/nd)."""
    assert bessel.log_mgf(s, d) <= s**2 / (2 * d)
    assert bessel.log_mgf(1e-3, d) == pytest.approx(1e-6 / (2 * d), rel=1e-5)


def test_delta_is_shared_evenly_over_its_2n_plus_1_events():
    even = theorem_3_3.sharper_bound(n=2048, **SETTING, diagonal_share=1 / 4097)
    assert theorem_3_3.sharper_bound(n=2048, **SETTING).value == pytest.approx(even.value, rel=1e-9)
    assert even.value == pytest.approx(0.013921690, rel=1e-7)
    with pytest.raises(ValueError, match="diagonal_share must lie in"):
        theorem_3_3.sharper_bound(n=2048, **SETTING, diagonal_share=1.0)


@given(
    n=st.integers(2, 10**9),
    d=st.integers(2, 10**4),
    tau=st.floats(1e-3, 10),
    gamma0=st.floats(0.01, 0.99),
    delta=st.floats(1e-6, 0.99),
)
def test_bounds_are_below_the_limit(n, d, tau, gamma0, delta):
    limit = theorem_3_3.limit(d=d, tau=tau, gamma0=gamma0).value
    for bound in theorem_3_3.BOUNDS.values():
        found = bound(n=n, d=d, tau=tau, gamma0=gamma0, delta=delta)
        assert found.value < limit and found.vacuous == (found.value <= 0)


def test_both_bounds_tend_to_the_limit():
    limit = theorem_3_3.limit(d=512, tau=0.07, gamma0=0.3).value
    assert theorem_3_3.sharper_bound(n=1e12, **SETTING).value == pytest.approx(limit, rel=1e-3)
    assert theorem_3_3.printed_bound(n=1e24, **SETTING).value == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("bound", ["printed", "sharper", "variance"])
@pytest.mark.parametrize("setting", [SETTING, {"d": 3, "tau": 0.5, "gamma0": 0.3, "delta": 0.01}])
def test_pairs_needed_is_where_a_bound_becomes_positive(bound, setting):
    n = theorem_3_3.pairs_needed(**setting, bound=bound)
    function = theorem_3_3.BOUNDS[bound]
    assert not function(n=n, **setting).vacuous
    assert function(n=np.floor(n * (1 - 1e-9)) if n > 1e12 else n - 1, **setting).vacuous


def test_tiny_delta_costs_its_logarithm():
    for bound in (theorem_3_3.printed_bound, theorem_3_3.sharper_bound):
        found = bound(n=10**16, d=512, tau=0.07, gamma0=0.3, delta=1e-300)
        assert np.isfinite(found.value) and found.vacuous == (found.value <= 0)
    few, many = (
        theorem_3_3.pairs_needed(d=512, tau=0.01, gamma0=0.3, delta=delta)
        for delta in (1e-2, 1e-200)
    )
    assert few < many < 1e3 * few


@pytest.mark.parametrize(("n", "d"), [(2, 2), (3, 2), (5, 4)])
def test_the_centred_diagonal_is_sub_gaussian_with_proxy_1_over_nd(n, d):
    """Theory 2.5: its variance is (1 - 1/n)/nd, and E e^{λD} ≤ e^{λ²/2nd}, by 200,000 draws."""
    rng, count = np.random.default_rng(n), 200_000
    X, Y = (rng.standard_normal((count, n, d)) for _ in range(2))
    X, Y = (rows / np.linalg.norm(rows, axis=-1, keepdims=True) for rows in (X, Y))
    inner = X.mean(axis=1) * Y.mean(axis=1)
    D = np.einsum("kid,kid->k", X, Y) / n - inner.sum(axis=-1)
    assert D.var() == pytest.approx((1 - 1 / n) / (n * d), rel=0.02)
    for scaled in (-2.0, 0.5, 1.0, 2.0, 3.0):
        power = np.exp(scaled * np.sqrt(n * d) * D)
        assert power.mean() <= np.exp(scaled**2 / 2) + 3 * power.std() / np.sqrt(count)


@given(
    n=st.integers(2, 10**6),
    d=st.integers(2, 1000),
    tau=st.floats(0.01, 10),
    gamma0=st.floats(0.01, 0.99),
    delta=st.floats(1e-6, 0.99),
)
def test_where_the_printed_division_is_not_valid_the_printed_bound_is_below_minus_2_epsilon(
    n, d, tau, gamma0, delta
):
    """There (8) holds for dγ/dt by the second argument of theory 2.5."""
    setting = {"n": n, "d": d, "tau": tau, "gamma0": gamma0, "delta": delta}
    epsilon = np.sqrt(np.log((4 * n + 1) / delta) / (2 * n))
    bound = theorem_3_3.printed_bound(**setting)
    valid = theorem_3_3.hypothesis_margin(**setting) >= 0
    assert (bound.value >= -2 * epsilon * (1 + 1e-12)) == valid or bound.value == -2 * epsilon


def test_the_limit_needs_two_pairs_and_a_large_beta_more_than_floats():
    assert theorem_3_3.pairs_needed(**SETTING, bound="limit") == 2
    assert theorem_3_3.pairs_needed(d=512, tau=1e-3, gamma0=0.3, delta=0.05) == np.inf


# The gap itself


MODELS = {
    "tied": (gd.ParallelModel(12, 4, gd.Learned()), {"gamma": 0.2}),
    "untied": (
        gd.ParallelModel(12, 4, gd.Learned(), tied=False),
        {"gamma_x": 0.2, "gamma_y": -0.6},
    ),
    "free": (gd.FreeModel(12, 4, gd.Learned()), {}),
}


@pytest.mark.parametrize("kind", MODELS)
def test_gap_velocity_is_the_slope_of_the_gap_along_the_flow(kind):
    model, heights = MODELS[kind]
    y = model.start(gd.sphere.sample(12, 4, 0), gd.sphere.sample(12, 4, 1), tau=0.2, **heights)
    h, v = 1e-4, model.velocity(0.0, y)
    gaps = [model.observe(0.0, y + k * h * v).gap for k in (-2, -1, 1, 2)]
    slope = (8 * (gaps[2] - gaps[1]) - (gaps[3] - gaps[0])) / (12 * h)
    assert theorem_3_3.gap_velocity(model, y) == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize(
    ("n", "d", "tau", "gamma0"),
    [
        (64, 2, 0.5, 0.0025),
        (256, 3, 0.1, 0.00125),
        (8, 2, 0.5, 1e-9),
        (2, 2, 1.0, 0.9),
        (1000, 512, 0.07, 0.3),
        (100, 100_000, 0.07, 1e-3),
        (64, 3, 0.5, 1e-100),
        (64, 3, 1e7, 1e-3),
    ],
)
def test_the_mean_over_the_starting_gaps_is_tricomis_function(n, d, tau, gamma0):
    """E(c² + q)^{∓1/2} over q ~ (2/nd)χ²_d are (4/nd)^{∓1/2} U(±½, 1 ∓ (-½) - d/2, c²nd/4)."""
    with mp.workdps(40):
        g, rho = mp.mpf(gamma0), mp.mpf(d) / 2
        a, unit = (1 - g**2) / mp.mpf(tau), mp.mpf(4) / (n * d)
        A = mp.besseli(rho, a) / mp.besseli(rho - 1, a)
        S = 1 - (d - 1) * A / a
        k = (1 - S) / 2 - (S - mp.mpf(1) / d) / A
        c2 = 4 * g**2 / (1 - g**2)
        inverse = mp.hyperu(0.5, 1.5 - rho, c2 / unit) / mp.sqrt(unit)
        weighted = mp.hyperu(-0.5, 0.5 - rho, c2 / unit) * mp.sqrt(unit) - c2 * inverse
        slope = (1 - g**2) ** 2 * k / (4 * n * g) - g / 2
        truth = (2 * g * inverse + slope * weighted) / mp.sqrt(1 - g**2)
        ours = theorem_3_3.gap_ratio(n=n, d=d, tau=tau, gamma0=gamma0)
        assert abs(ours / truth - 1) < 1e-13


def test_bounds_at_a_large_a_and_many_pairs_tend_to_the_limit():
    """Where 1 - A is 1e-8 and the variance of z under e^{2az} is below rounding."""
    point = {"d": 2, "tau": 1e-8, "gamma0": 0.5}
    above = theorem_3_3.limit(**point).value
    for bound in (theorem_3_3.sharper_bound, theorem_3_3.printed_bound):
        assert bound(n=1e40, delta=0.5, **point).value == pytest.approx(above, rel=1e-7)
    few = theorem_3_3.pairs_needed(delta=0.5, bound="sharper", **point)
    assert theorem_3_3.sharper_bound(n=few, delta=0.5, **point).value > 0
    assert theorem_3_3.sharper_bound(n=few - 1, delta=0.5, **point).vacuous
    for share in (None, 0.5):
        tiny = theorem_3_3.sharper_bound(n=1e308, delta=0.5, diagonal_share=share, **point)
        assert tiny.value == pytest.approx(above, rel=1e-7)


def test_the_sign_of_k_turns_at_its_share_of_d():
    """As γ₀ → 0 the ratio has the sign of k: 0.84 d at d = 2, 0.73 d at d = 3, 0.51 d at d = 64."""
    for d, share in ((2, 0.8428), (3, 0.7319), (64, 0.5110)):
        below, above = (
            theorem_3_3.gap_ratio(n=64, d=d, tau=1 / (share * d * by), gamma0=1e-9)
            for by in (0.999, 1.001)
        )
        assert above < 0 < below


# Bad input


BOUNDS = {
    "printed": lambda **k: theorem_3_3.printed_bound(**({"n": 100} | k)),
    "sharper": lambda **k: theorem_3_3.sharper_bound(**({"n": 100} | k)),
    "margin": lambda **k: theorem_3_3.hypothesis_margin(**({"n": 100} | k)),
    "needed": lambda **k: theorem_3_3.pairs_needed(**k),
    "needed sharper": lambda **k: theorem_3_3.pairs_needed(bound="sharper", **k),
    "variance": lambda **k: theorem_3_3.variance_bound(**({"n": 100} | k)),
    "gap": lambda **k: theorem_3_3.gap_bound(**({"n": 100} | k)),
    "needed variance": lambda **k: theorem_3_3.pairs_needed(bound="variance", **k),
    "needed limit": lambda **k: theorem_3_3.pairs_needed(bound="limit", **k),
}


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"d": 1}, ValueError, "d must be a whole number of at least 2"),
        ({"d": "3"}, TypeError, "d must be a real number"),
        ({"tau": 0.0}, ValueError, "tau must be positive"),
        ({"gamma0": 1.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ({"delta": 0.0}, ValueError, r"delta must lie in \(0, 1\)"),
        ({"delta": 1.0}, ValueError, r"delta must lie in \(0, 1\)"),
    ],
)
def test_what_the_statement_does_not_cover_is_refused(bound, wrong, error, says):
    with pytest.raises(error, match=says):
        BOUNDS[bound](**(SETTING | wrong))


@pytest.mark.parametrize(
    ("name", "args", "error", "says"),
    [
        ("printed_bound", {"n": 1} | SETTING, ValueError, "n must be a whole"),
        ("sharper_bound", {"n": 1} | SETTING, ValueError, "n must be a whole"),
        ("variance_bound", {"n": 1} | SETTING, ValueError, "n must be a whole"),
        ("gap_bound", {"n": 1} | SETTING, ValueError, "n must be a whole"),
        ("pairs_needed", SETTING | {"bound": "b"}, ValueError, "bound must be"),
        ("density", {"z": 0.0, "d": 1}, ValueError, "d must be"),
        ("gap_ratio", {"n": 9, "d": 1, "tau": 0.1, "gamma0": 0.3}, ValueError, "d must be"),
        ("limit", {"d": 3, "tau": 1e-303, "gamma0": 0.3}, ValueError, "tau must be such"),
        (
            *("gap_ratio", {"n": 9, "d": 3, "tau": 0.1, "gamma0": 0.3, "moving_rows": np.eye(2)}),
            *(TypeError, "moving_rows must be True or False"),
        ),
        ("gap_velocity", {"model": "m", "y": [0.0]}, TypeError, "model must be"),
        ("gap_velocity", {"model": MODELS["tied"][0], "y": [0.0]}, ValueError, "98 entries, got 1"),
    ],
)
def test_bad_input_is_named(name, args, error, says):
    with pytest.raises(error, match=says):
        getattr(theorem_3_3, name)(**args)


@pytest.mark.parametrize("kind", [gd.Fixed(0.2), gd.CosineSchedule(0.1, 0.2, 1.0)])
def test_a_gap_velocity_is_of_a_time(kind):
    model = gd.ParallelModel(12, 4, kind)
    y = model.start(gd.sphere.sample(12, 4, 0), gd.sphere.sample(12, 4, 1), gamma=0.2)
    with pytest.raises(ValueError, match="t must be finite"):
        theorem_3_3.gap_velocity(model, y, np.nan)
    with pytest.raises(TypeError, match="t must be a real number"):
        theorem_3_3.gap_velocity(model, y, "1.0")


def test_a_gap_that_is_zero_or_at_a_pole_has_no_velocity():
    model = gd.ParallelModel(3, 2, gd.Learned())
    X, Y = gd.sphere.polygon_pairs(3)
    with pytest.raises(ValueError, match="y must have a gap"):
        theorem_3_3.gap_velocity(model, model.start(X, Y, tau=0.1, gamma=0.0))
    with pytest.raises(ValueError, match="y must have heights inside"):
        theorem_3_3.gap_velocity(model, model.start(X, Y, tau=0.1, gamma=1.0))
