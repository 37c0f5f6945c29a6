"""Lemma 3.1, its kin and the potential behind them."""

import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.theory import lemma_3_1, potential

mp.mp.dps = 40
HEIGHT = st.floats(1e-12, 0.999)
BETA = st.floats(1e-3, 1e3)
SCHEMES = {
    "exponential": gd.Exponential(),
    "linear": gd.Linear(),
    "softplus": gd.Softplus(),
}


def numbers_of(expression, **values):
    """A SymPy expression evaluated at symbols named as here."""
    symbols = {str(symbol): symbol for symbol in expression.free_symbols}
    return float(expression.subs({symbols[k]: v for k, v in values.items()}).evalf(30))


def test_equation_5_is_what_sympy_derives():
    for tied, factor in ((True, 2), (False, 1)):
        derived = symbolic.ratio(tied)
        (nu,) = (s for s in derived.free_symbols if s.name == "nu")
        derived = derived.subs(sp.Function("beta")(nu), sp.exp(nu / 3)).doit()
        name = "gamma" if tied else "gamma_x"
        value = numbers_of(derived, nu=1.7, eta=0.6, **{name: 0.4})
        beta = np.exp(1.7 / 3)
        ours = lemma_3_1.ratio(0.4, beta=beta, dbeta=beta / 3, rate=0.6) * factor / 2
        assert ours == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("temperature", [gd.Learned(), gd.Learned(gd.Exponential(2.0), rate=0.3)])
def test_equation_5_is_the_direction_of_the_flow(temperature):
    X, Y = gd.sphere.sample(6, 4, 0), gd.sphere.sample(6, 4, 1)
    model = gd.ParallelModel(6, 4, temperature)
    y = model.start(X, Y, tau=0.3, gamma=0.4)
    velocity, nu = model.split(model.velocity(0.0, y)), float(model.split(y).nu)
    beta, slope = temperature.beta(0, nu), temperature.dbeta(0, nu)
    measured = velocity.gamma / (slope * velocity.nu)
    ours = lemma_3_1.ratio(0.4, beta=beta, dbeta=slope, rate=temperature.rate)
    assert ours == pytest.approx(measured, rel=1e-13)


@given(gamma=HEIGHT, gamma0=HEIGHT, beta0=BETA)
def test_equation_6_holds_to_the_last_digits(gamma, gamma0, beta0):
    g, g0, b0 = mp.mpf(gamma), mp.mpf(gamma0), mp.mpf(beta0)
    truth = b0 * mp.sqrt(g0 / g) * mp.exp((g**2 - g0**2) / 4)
    ours = lemma_3_1.beta(gamma, beta0=beta0, gamma0=gamma0)
    assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-14


@pytest.mark.parametrize("tied", [True, False])
def test_the_kappa_family_is_what_sympy_solves(tied):
    gamma, gamma0, beta0, s, eta = sp.symbols("gamma gamma0 beta0 s eta", positive=True)
    kappa = eta / s**2 * (1 if tied else 2)
    closed = beta0 * (gamma0 / gamma) ** (kappa / 2) * sp.exp(kappa * (gamma**2 - gamma0**2) / 4)
    off = sp.log(symbolic.temperature_of_height("exponential", tied)) - sp.log(closed)
    assert sp.simplify(sp.expand_log(sp.expand(off), force=True)) == 0
    rate = 2 * eta * (sp.Rational(1, 2) if tied else 1)
    squared = beta0**2 + rate * (sp.log(gamma0 / gamma) + (gamma**2 - gamma0**2) / 2)
    off = symbolic.temperature_of_height("linear", tied) ** 2 - squared
    assert sp.simplify(sp.expand_log(sp.expand(off), force=True)) == 0


def test_equation_6_is_the_family_at_kappa_1():
    expression = symbolic.temperature_of_height()
    at = {"gamma": 0.05, "gamma0": 0.3, "beta0": 7.0, "s": 1, "eta": 1}
    ours = lemma_3_1.beta(0.05, beta0=7.0, gamma0=0.3)
    assert ours == pytest.approx(numbers_of(expression, **at), rel=1e-14)


@pytest.mark.parametrize("kind", SCHEMES)
@given(height=st.floats(1e-6, 0.95), gamma0=st.floats(0.01, 0.95), rate=st.floats(0.2, 4))
def test_gamma_is_the_inverse_of_beta(kind, height, gamma0, rate):
    point = {"beta0": 20.0, "gamma0": gamma0, "kind": kind, "rate": rate}
    beta = lemma_3_1.beta(height, **point)
    assert lemma_3_1.gamma(beta, **point) == pytest.approx(height, rel=1e-9)


def test_gamma_goes_on_where_its_square_underflows_and_stops_at_1():
    assert lemma_3_1.gamma(1e100, beta0=1.0, gamma0=0.5) == pytest.approx(
        0.5 * np.exp(-0.125) * 1e-200, rel=1e-12
    )
    for kind in SCHEMES:
        near = lemma_3_1.gamma(2.0, beta0=2.0, gamma0=1 - 1e-9, kind=kind)
        assert near == pytest.approx(1, abs=1e-7)
    with pytest.raises(ValueError, match="beta must be at least that of γ = 1"):
        lemma_3_1.gamma(0.1, beta0=1.0, gamma0=0.5)


@pytest.mark.parametrize("kind", SCHEMES)
@pytest.mark.parametrize("distance", [1e-6, 1e-9, 1e-12, 1e-16])
@pytest.mark.parametrize("beta0", [0.3, 20.0])
def test_gamma_is_the_inverse_of_beta_up_to_height_1(kind, distance, beta0):
    """dβ/dγ is 0 at γ = 1, so a β rounded to 1e-16 tells γ to about β√1e-16 there."""
    point = {"beta0": beta0, "gamma0": 1 - 1e-3, "kind": kind}
    back = lemma_3_1.gamma(lemma_3_1.beta(1 - distance, **point), **point)
    assert abs(back - (1 - distance)) < 3e-8 * max(1.0, beta0) and back <= 1


@pytest.mark.parametrize(
    ("gamma", "gamma0"), [(1e-12, 1e-300), (1e-300, 1e-12), (5e-324, 0.3), (0.3, 5e-324)]
)
def test_equation_6_holds_between_heights_whose_ratio_is_no_float64(gamma, gamma0):
    """Without a warning, to the rounding of an exponent of some 300."""
    truth = mp.sqrt(mp.mpf(gamma0) / mp.mpf(gamma))
    truth *= mp.exp((mp.mpf(gamma) ** 2 - mp.mpf(gamma0) ** 2) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = lemma_3_1.beta(gamma, beta0=1.0, gamma0=gamma0)
    assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-13


@pytest.mark.parametrize("kind", SCHEMES)
@pytest.mark.parametrize("gamma", [0.6, 0.3, 0.29, 1e-3, 1e-12])
@pytest.mark.parametrize("rate", [0.1, 1.0, 3.0])
def test_beta_of_gamma_satisfies_its_equation_by_quadrature(kind, gamma, rate):
    """∫ β/(η β'²) dβ = ½ ∫ (1-γ²)/γ dγ, both sides by mpmath."""
    beta0, gamma0 = 2.0, 0.3
    if kind == "linear" and gamma > gamma0 and rate > 1:
        beta0 = 20.0
    reached = float(lemma_3_1.beta(gamma, beta0=beta0, gamma0=gamma0, kind=kind, rate=rate))
    slope = {
        "exponential": lambda b: b,
        "linear": lambda b: mp.mpf(1),
        "softplus": lambda b: 1 - mp.exp(-b),
    }[kind]
    left = mp.quad(lambda b: b / (rate * slope(b) ** 2), mp.linspace(beta0, reached, 9))
    steps = [mp.exp(x) for x in mp.linspace(mp.log(gamma), mp.log(gamma0), 9)]
    right = mp.quad(lambda g: (1 - g**2) / g, steps) / 2
    assert abs(left - right) < 1e-12 * max(1, abs(right))


@pytest.mark.parametrize("beta", [1e-6, 1e-3, 0.1, 1.0, 10.0, 700.0, 1e5])
def test_the_softplus_potential_has_its_derivative_and_vanishing_remainder(beta):
    expression = symbolic.softplus_potential()  # SymPy checks the derivative
    ours = float(potential.potential(beta, kind="softplus", rate=2.0))
    (symbol,) = expression.free_symbols
    truth = expression.subs(symbol, sp.Rational(*float(beta).as_integer_ratio())).evalf(40) / 2
    # Near β = 0, where F passes zero, digits are relative to log β.
    assert abs(ours - float(truth)) < 4e-16 * (4 + abs(np.log(beta)) + beta**2)
    if beta > 50:
        assert ours == pytest.approx(beta**2 / 4, rel=1e-15)


@pytest.mark.parametrize("kind", SCHEMES)
@given(beta0=st.floats(1e-3, 500), amount=st.floats(-3, 300), rate=st.floats(0.05, 20))
def test_advance_moves_the_potential_by_its_amount(kind, beta0, amount, rate):
    if kind == "exponential":
        amount = amount / rate / 50
    if kind == "linear" and beta0**2 + 2 * rate * amount < 1e-6:
        amount = abs(amount)
    reached = potential.advance(beta0, amount, kind=kind, rate=rate)
    moved = potential.potential(reached, kind=kind, rate=rate) - potential.potential(
        beta0, kind=kind, rate=rate
    )
    scale = 1 + abs(amount) + (beta0**2 + reached**2 + abs(np.log(beta0))) / rate
    assert abs(moved - amount) < 1e-14 * scale


@pytest.mark.parametrize("kind", SCHEMES)
@pytest.mark.parametrize("rate", [1.0, 0.25])
@pytest.mark.parametrize("tied", [True, False])
def test_the_first_integral_is_conserved_whatever_the_rows_do(kind, rate, tied):
    """Random rows, mismatched at first: γ rises, then falls."""
    temperature = gd.Learned(SCHEMES[kind], rate=rate)
    model = gd.ParallelModel(6, 3, temperature, tied=tied, row_rate=0.7)
    X, Y = gd.sphere.sample(6, 3, 5), gd.sphere.sample(6, 3, 6)
    heights = {"gamma": 0.3} if tied else {"gamma_x": 0.3, "gamma_y": -0.5}
    run = gd.flow(model, model.start(X, Y, tau=0.2, **heights), 1e3, rtol=1e-11, atol=1e-13)
    assert run.mismatched[0] > 0
    names = ("gamma",) if tied else ("gamma_x", "gamma_y")
    for name in names:
        gamma = np.array([float(getattr(model.split(y), name)) for y in run.y])
        seen = np.abs(gamma) > 1e-4  # below, atol of the flow is a share of γ
        assert seen.sum() > 20
        kept = lemma_3_1.invariant(
            gamma[seen], beta=run.beta[seen], tied=tied, kind=kind, rate=rate
        )
        assert np.ptp(kept) < 1e-8
        if tied:
            point = {"beta0": run.beta[0], "gamma0": 0.3}
            curve = lemma_3_1.beta(gamma[seen], **point, kind=kind, rate=rate)
            np.testing.assert_allclose(run.beta[seen], curve, rtol=1e-8)


@pytest.mark.parametrize("model", ["frozen", "parallel"])
def test_reparameterising_by_2_is_exactly_a_rate_of_a_quarter(model):
    """Theory 3.2: TR with s = 2 and SLRT with η = 1/4 give the same γ(t) and β(t)."""
    times = np.geomspace(1e-2, 1e6, 40)
    runs = []
    for temperature in (gd.Learned(gd.Exponential(2.0)), gd.Learned(rate=0.25)):
        if model == "frozen":
            flowing = gd.FrozenModel(np.eye(4), temperature)
            y0 = flowing.start(tau=0.2, gamma=0.3)
        else:
            flowing = gd.ParallelModel(8, 3, temperature)
            rows = gd.sphere.sample(8, 3, 0), gd.sphere.sample(8, 3, 1)
            y0 = flowing.start(*rows, tau=0.2, gamma=0.3)
        runs.append(gd.flow(flowing, y0, times, rtol=1e-12, atol=1e-14))
    np.testing.assert_allclose(runs[0].gamma, runs[1].gamma, rtol=1e-8)
    np.testing.assert_allclose(runs[0].beta, runs[1].beta, rtol=1e-8)


@pytest.mark.parametrize(("scale", "rate"), [(1.0, 1.0), (2.0, 1.0), (1.0, 0.1), (0.5, 2.0)])
def test_the_ratio_falls_as_its_asymptote_says(scale, rate):
    """R = Θ(β⁻³) at κ = 1, in general Θ(β^{-1-2/κ})."""
    point = {"beta0": 7.0, "gamma0": 0.3, "scale": scale, "rate": rate}
    for gamma, close in ((1e-4, 1e-7), (1e-9, 1e-12)):
        beta = lemma_3_1.beta(gamma, **point)
        true = lemma_3_1.ratio(gamma, beta=beta, dbeta=beta / scale, rate=rate)
        assert lemma_3_1.ratio_asymptote(beta, **point) / true == pytest.approx(1, abs=close)
    betas = np.array([1e3, 1e4])
    values = lemma_3_1.ratio_asymptote(betas, **point)
    assert np.log10(values[1] / values[0]) == pytest.approx(-1 - 2 * scale**2 / rate)


def test_amounts_beyond_float64_end_at_zero_and_infinity_without_a_warning():
    assert potential.advance(10.0, -1e4, kind="softplus") == 0
    small = float(potential.advance(10.0, -300.0, kind="softplus"))
    moved = potential.potential(10.0, kind="softplus") - potential.potential(small, kind="softplus")
    assert moved == pytest.approx(300, rel=1e-13)
    assert lemma_3_1.beta(1e-300, beta0=1.0, gamma0=0.3, rate=4.0) == np.inf
    assert potential.potential(-2.0, kind="linear") == 2


CALLS = {
    "ratio": lambda **k: lemma_3_1.ratio(**({"gamma": 0.5, "beta": 1.0, "dbeta": 1.0} | k)),
    "beta": lambda **k: lemma_3_1.beta(**({"gamma": 0.5, "beta0": 1.0, "gamma0": 0.3} | k)),
    "invariant": lambda **k: lemma_3_1.invariant(**({"gamma": 0.5, "beta": 1.0} | k)),
    "asymptote": lambda **k: lemma_3_1.ratio_asymptote(
        **({"beta": 1.0, "beta0": 1.0, "gamma0": 0.3} | k)
    ),
}


@pytest.mark.parametrize(
    ("call", "wrong", "error", "says"),
    [
        ("ratio", {"gamma": 1.0}, ValueError, r"gamma must lie in \(-1, 1\)"),
        ("ratio", {"dbeta": 0.0}, ValueError, "dbeta must not be zero"),
        ("ratio", {"beta": -1.0}, ValueError, "beta must be positive"),
        ("ratio", {"rate": 0.0}, ValueError, "rate must be positive"),
        ("beta", {"gamma": 0.0}, ValueError, r"gamma must lie in \(0, 1\)"),
        ("beta", {"gamma": [0.5, 1.5]}, ValueError, r"gamma must lie in \(0, 1\)"),
        ("beta", {"gamma0": 1.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ("beta", {"gamma0": "x"}, TypeError, "gamma0 must be a real number"),
        ("beta", {"beta0": 0.0}, ValueError, "beta0 must be positive"),
        ("beta", {"kind": "cubic"}, ValueError, "kind must be one of exponential, linear"),
        ("beta", {"kind": ["linear"]}, ValueError, "kind must be one of"),
        ("beta", {"scale": 1e-200}, ValueError, "scale must have a square"),
        ("beta", {"kind": "linear", "scale": 2.0}, ValueError, "scale must be left out"),
        ("beta", {"kind": "linear", "gamma": 0.99, "beta0": 0.1}, ValueError, "through zero"),
        ("invariant", {"gamma": 0.0}, ValueError, "not be zero"),
        ("invariant", {"beta": np.nan}, ValueError, "beta must not be NaN"),
        ("asymptote", {"gamma0": 0.0}, ValueError, "gamma0 must lie"),
    ],
)
def test_bad_input_is_named(call, wrong, error, says):
    with pytest.raises(error, match=says):
        CALLS[call](**wrong)


def test_a_scheme_is_that_of_a_learned_temperature():
    assert potential.scheme_of(gd.Learned(gd.Exponential(2.0), rate=0.5)).kappa == 0.125
    assert potential.scheme_of(gd.Learned(gd.Softplus())).kind == "softplus"
    with pytest.raises(ValueError, match="temperature must be learned"):
        potential.scheme_of(gd.Fixed(0.1))
