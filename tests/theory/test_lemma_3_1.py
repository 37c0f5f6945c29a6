"""Lemma 3.1, its kin and the potential behind them."""

import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from conftest import Square
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.temperature import Parametrisation
from gapdyn.theory import lemma_3_1, potential

mp.mp.dps = 40
HEIGHT = st.floats(1e-12, 0.999)
BETA = st.floats(1e-3, 1e3)
KINDS = {"exponential": gd.Exponential(), "linear": gd.Linear(), "softplus": gd.Softplus()}
every_kind = pytest.mark.parametrize("parametrisation", KINDS.values(), ids=KINDS)


class Bare(Square):
    """A user's own β(ν) without a potential, with which a model can only flow."""

    potential, advance = Parametrisation.potential, Parametrisation.advance


def test_equation_5_is_what_sympy_derives():
    for tied, factor in ((True, 2), (False, 1)):
        derived = symbolic.ratio(tied)
        (nu,) = (s for s in derived.free_symbols if s.name == "nu")
        derived = derived.subs(sp.Function("beta")(nu), sp.exp(nu / 3)).doit()
        at = {"nu": 1.7, "eta": 0.6, "gamma": 0.4, "gamma_x": 0.4}
        value = derived.subs({symbol: at[symbol.name] for symbol in derived.free_symbols})
        beta = np.exp(1.7 / 3)
        ours = lemma_3_1.ratio(0.4, beta=beta, dbeta=beta / 3, rate=0.6) * factor / 2
        assert ours == pytest.approx(float(value.evalf(30)), rel=1e-14)


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


@pytest.mark.parametrize("parametrisation", [*KINDS.values(), Square()], ids=str)
@given(height=st.floats(1e-6, 0.95), gamma0=st.floats(0.01, 0.95), rate=st.floats(0.2, 4))
def test_gamma_is_the_inverse_of_beta(parametrisation, height, gamma0, rate):
    point = {"beta0": 40.0, "gamma0": gamma0, "temperature": gd.Learned(parametrisation, rate)}
    beta = lemma_3_1.beta(height, **point)
    assert lemma_3_1.gamma(beta, **point) == pytest.approx(height, rel=1e-9)


def test_gamma_goes_on_where_its_square_underflows_and_stops_at_1():
    assert lemma_3_1.gamma(1e100, beta0=1.0, gamma0=0.5) == pytest.approx(
        0.5 * np.exp(-0.125) * 1e-200, rel=1e-12
    )
    with pytest.raises(ValueError, match="beta must be at least that of γ = 1"):
        lemma_3_1.gamma(0.1, beta0=1.0, gamma0=0.5)


@every_kind
@pytest.mark.parametrize("distance", [1e-6, 1e-9, 1e-12, 1e-16])
@pytest.mark.parametrize("beta0", [0.3, 20.0])
def test_gamma_is_the_inverse_of_beta_up_to_height_1(parametrisation, distance, beta0):
    """dβ/dγ = 0 at γ = 1, so there a β rounded to 1e-16 determines γ to about β√1e-16."""
    point = {"beta0": beta0, "gamma0": 1 - 1e-3, "temperature": gd.Learned(parametrisation)}
    back = lemma_3_1.gamma(lemma_3_1.beta(1 - distance, **point), **point)
    assert abs(back - (1 - distance)) < 3e-8 * max(1.0, beta0) and back <= 1


@pytest.mark.parametrize(
    ("gamma", "gamma0"), [(1e-12, 1e-300), (1e-300, 1e-12), (5e-324, 0.3), (0.3, 5e-324)]
)
def test_equation_6_holds_between_heights_whose_ratio_is_no_float64(gamma, gamma0):
    """No warning is given, and the error is that of rounding an exponent of some 300."""
    truth = mp.sqrt(mp.mpf(gamma0) / mp.mpf(gamma))
    truth *= mp.exp((mp.mpf(gamma) ** 2 - mp.mpf(gamma0) ** 2) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = lemma_3_1.beta(gamma, beta0=1.0, gamma0=gamma0)
    assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-13


@every_kind
@pytest.mark.parametrize("gamma", [0.6, 0.3, 0.29, 1e-3, 1e-12])
@pytest.mark.parametrize("rate", [0.1, 1.0, 3.0])
def test_beta_of_gamma_satisfies_its_equation_by_quadrature(parametrisation, gamma, rate):
    """∫ β/(η β'²) dβ = ½ ∫ (1-γ²)/γ dγ, both sides by mpmath; numbers and temperature agree."""
    kind = next(kind for kind, known in KINDS.items() if known == parametrisation)
    beta0, gamma0 = 2.0, 0.3
    if kind == "linear" and gamma > gamma0 and rate > 1:
        beta0 = 20.0
    reached = float(lemma_3_1.beta(gamma, beta0=beta0, gamma0=gamma0, kind=kind, rate=rate))
    temperature = gd.Learned(parametrisation, rate)
    assert reached == lemma_3_1.beta(gamma, beta0=beta0, gamma0=gamma0, temperature=temperature)
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
    ours = float(potential.potential(beta, temperature=gd.Learned(gd.Softplus(), rate=2.0)))
    (symbol,) = expression.free_symbols
    truth = expression.subs(symbol, sp.Rational(*float(beta).as_integer_ratio())).evalf(40) / 2
    # Near β = 0, where F passes zero, digits are relative to log β.
    assert abs(ours - float(truth)) < 4e-16 * (4 + abs(np.log(beta)) + beta**2)
    if beta > 50:
        assert ours == pytest.approx(beta**2 / 4, rel=1e-15)


@every_kind
@given(beta0=st.floats(1e-3, 500), amount=st.floats(-3, 300), rate=st.floats(0.05, 20))
def test_advance_moves_the_potential_by_its_amount(parametrisation, beta0, amount, rate):
    if isinstance(parametrisation, gd.Exponential):
        amount = amount / rate / 50
    if isinstance(parametrisation, gd.Linear) and beta0**2 + 2 * rate * amount < 1e-6:
        amount = abs(amount)
    temperature = gd.Learned(parametrisation, rate=rate)
    reached = potential.advance(beta0, amount, temperature=temperature)
    ends = potential.potential([beta0, float(reached)], temperature=temperature)
    scale = 1 + abs(amount) + (beta0**2 + reached**2 + abs(np.log(beta0))) / rate
    assert abs(ends[1] - ends[0] - amount) < 1e-14 * scale


def test_a_parametrisation_without_a_potential_flows_and_the_theory_says_what_it_wants():
    temperature = gd.Learned(Bare())
    model = gd.ScalarModel(temperature)
    run = gd.flow(model, model.start(tau=0.5, gamma=0.3), 1.0)
    assert run.beta[-1] > 2
    with pytest.raises(TypeError, match=r"Bare\(\) must define potential\(beta\)"):
        lemma_3_1.invariant(run.gamma, beta=run.beta, temperature=temperature)
    with pytest.raises(TypeError, match=r"Bare\(\) must define advance\(beta, amount\)"):
        lemma_3_1.beta(0.1, beta0=2.0, gamma0=0.3, temperature=temperature)


@pytest.mark.parametrize(("scale", "rate"), [(1.0, 1.0), (2.0, 1.0), (1.0, 0.1), (0.5, 2.0)])
def test_the_ratio_falls_as_its_asymptote_says(scale, rate):
    """R = Θ(β⁻³) at κ = 1, in general Θ(β^{-1-2/κ})."""
    point = {"beta0": 7.0, "gamma0": 0.3, "temperature": gd.Learned(gd.Exponential(scale), rate)}
    for gamma, close in ((1e-4, 1e-7), (1e-9, 1e-12)):
        beta = lemma_3_1.beta(gamma, **point)
        true = lemma_3_1.ratio(gamma, beta=beta, dbeta=beta / scale, rate=rate)
        assert lemma_3_1.ratio_asymptote(beta, **point) / true == pytest.approx(1, abs=close)


def test_amounts_beyond_float64_end_at_zero_and_infinity_without_a_warning():
    softplus = {"temperature": gd.Learned(gd.Softplus())}
    assert potential.advance(10.0, -1e4, **softplus) == 0
    small = float(potential.advance(10.0, -300.0, **softplus))
    ends = potential.potential([small, 10.0], **softplus)
    assert ends[1] - ends[0] == pytest.approx(300, rel=1e-13)
    assert lemma_3_1.beta(1e-300, beta0=1.0, gamma0=0.3, rate=4.0) == np.inf
    assert potential.potential(-2.0, temperature=gd.Learned(gd.Linear())) == 2


@pytest.mark.parametrize(
    ("parametrisation", "beta0", "amount", "reached"),
    [
        (gd.Exponential(), 1e-300, 1300.0, mp.mpf(10) ** -300 * mp.exp(1300)),
        (gd.Exponential(), 1e300, -1300.0, mp.mpf(10) ** 300 * mp.exp(-1300)),
        (gd.Linear(), 1e200, 1.0, mp.mpf(10) ** 200),
        (gd.Linear(), 1e-200, 1e308, mp.sqrt(2) * mp.mpf(10) ** 154),
        (gd.Linear(), 1e152, -3.75e303, mp.mpf(10) ** 152 / 2),
        (gd.Softplus(), 1e200, -1.0, mp.mpf(10) ** 200),
        (gd.Softplus(), 1e150, -4.95e299, mp.mpf(10) ** 149),
        (gd.Softplus(), 1e-300, 1e300, mp.sqrt(2) * mp.mpf(10) ** 150),
        (gd.Softplus(), 1e-300, 500.0, mp.mpf(10) ** -300 * mp.exp(500)),
    ],
    ids=str,
)
def test_advance_reaches_any_beta_from_any_other(parametrisation, beta0, amount, reached):
    """Where squares and ratios are no float64; softplus is like exp ν below 1, like ν above."""
    ours = potential.advance(beta0, amount, temperature=gd.Learned(parametrisation))
    assert abs(mp.mpf(float(ours)) / reached - 1) < 1e-12


@pytest.mark.parametrize("goal", np.linspace(-60, 820, 89).tolist())
def test_softplus_finds_the_beta_of_every_potential(goal):
    """From a β far below and one far above, against the potential in 40 digits."""

    def exact(beta):
        x = mp.exp(-beta)
        rest = beta * mp.log(1 - x) - mp.polylog(2, x) - beta * x / (1 - x) + mp.log(1 - x)
        return beta**2 / 2 + rest

    softplus = {"temperature": gd.Learned(gd.Softplus())}
    for beta0 in (1e-20, 1.0, 30.0):
        amount = goal - float(potential.potential(beta0, **softplus))
        reached = mp.mpf(float(potential.advance(beta0, amount, **softplus)))
        slope = (reached / (1 - mp.exp(-reached))) ** 2  # of the potential, by log β
        off = (exact(reached) - exact(mp.mpf(beta0)) - mp.mpf(amount)) / slope
        assert abs(off) < 4e-16 * (4 + abs(goal) + abs(amount)) / min(slope, 1 + abs(goal))


@every_kind
def test_beta_keeps_the_digits_of_a_small_step_near_height_1(parametrisation):
    """H(γ₀) - H(γ) = ∫ (1/s - s) ds is 1e-17 between terms of 1e-9, and β₀² is smaller still."""
    gamma, gamma0 = 1 - 1e-8 - 1e-9, 1 - 1e-8
    fall = mp.quad(lambda s: 1 / s - s, [mp.mpf(gamma), mp.mpf(gamma0)])
    point = {"beta0": 1e-20, "gamma0": gamma0}
    ours = lemma_3_1.beta(gamma, **point, temperature=gd.Learned(parametrisation))
    truth = mp.sqrt(mp.mpf(1e-20) ** 2 + fall) if parametrisation == gd.Linear() else 1e-20
    assert abs(mp.mpf(float(ours)) / truth - 1) < 1e-12


USUAL = {
    "ratio": {"gamma": 0.5, "beta": 1.0, "dbeta": 1.0},
    "beta": {"gamma": 0.5, "beta0": 1.0, "gamma0": 0.3},
    "invariant": {"gamma": 0.5, "beta": 1.0},
    "ratio_asymptote": {"beta": 1.0, "beta0": 1.0, "gamma0": 0.3},
}
LINEAR = gd.Learned(gd.Linear())


@pytest.mark.parametrize(
    ("name", "wrong", "error", "says"),
    [
        ("ratio", {"gamma": 1.0}, ValueError, r"gamma must lie in \(-1, 1\)"),
        ("ratio", {"dbeta": 0.0}, ValueError, "dbeta must not be zero"),
        ("ratio", {"beta": -1.0}, ValueError, "beta must be positive"),
        ("ratio", {"rate": 0.0}, ValueError, "rate must be positive"),
        ("beta", {"gamma": 0.0}, ValueError, r"gamma must lie in \(0, 1\)"),
        ("beta", {"gamma0": 1.0}, ValueError, r"gamma0 must lie in \(0, 1\)"),
        ("beta", {"gamma0": "x"}, TypeError, "gamma0 must be a real number"),
        ("beta", {"beta0": 0.0}, ValueError, "beta0 must be positive"),
        ("beta", {"kind": "cubic"}, ValueError, "kind must be one of exponential, linear"),
        ("beta", {"kind": ["linear"]}, ValueError, "kind must be one of"),
        ("beta", {"scale": 1e-200}, ValueError, "scale must have a square"),
        ("beta", {"kind": "linear", "scale": 2.0}, ValueError, "scale must be left out"),
        ("beta", {"kind": "linear", "scale": 0.0}, ValueError, "scale must be positive"),
        ("beta", {"kind": "linear", "gamma": 0.99, "beta0": 0.1}, ValueError, "through zero"),
        ("beta", {"temperature": LINEAR, "rate": 2.0}, ValueError, "temperature must be given al"),
        ("beta", {"temperature": gd.Fixed(0.1)}, ValueError, "temperature must be learned"),
        ("invariant", {"temperature": gd.Learned(max_beta=9.0)}, ValueError, "have no ceiling"),
        ("invariant", {"gamma": 0.0}, ValueError, "not be zero"),
        ("invariant", {"beta": np.nan}, ValueError, "beta must not be NaN"),
        ("ratio_asymptote", {"gamma0": 0.0}, ValueError, "gamma0 must lie"),
        (
            "ratio_asymptote",
            {"temperature": LINEAR},
            ValueError,
            r"must be β = exp\(ν/s\)",
        ),
    ],
)
def test_bad_input_is_named(name, wrong, error, says):
    with pytest.raises(error, match=says):
        getattr(lemma_3_1, name)(**(USUAL[name] | wrong))
