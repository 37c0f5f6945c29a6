from fractions import Fraction

import numpy as np
import pytest
from conftest import TEMPERATURES, refusals
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd

MAPS = [gd.Exponential(), gd.Exponential(scale=10.0), gd.Softplus(), gd.Linear()]


@pytest.mark.parametrize("parametrisation", MAPS)
@given(tau=st.floats(1e-8, 1e6))
def test_nu_is_the_inverse_of_beta(parametrisation, tau):
    learned = gd.Learned(parametrisation)
    nu = learned.nu(tau)
    # β is determined by ν to the rounding of ν times d log β/dν.
    condition = abs(nu) * learned.dbeta(0, nu) * tau
    assert learned.beta(0, nu) * tau == pytest.approx(1, rel=4e-16 * (1 + condition) * 2)


@pytest.mark.parametrize("parametrisation", MAPS)
@given(nu=st.floats(-30, 30))
def test_dbeta_is_the_derivative_of_beta(parametrisation, nu):
    by_step = np.imag(parametrisation.beta(nu + 1e-100j)) / 1e-100
    assert parametrisation.dbeta(nu) == pytest.approx(by_step, rel=1e-13)


def test_parametrisations_have_their_closed_forms():
    assert gd.Exponential(2.0).beta(3.0) == pytest.approx(np.e**1.5)
    assert gd.Softplus().beta(3.0) == pytest.approx(np.log(1 + np.e**3))
    assert gd.Softplus().beta(1e8) == 1e8
    assert gd.Softplus().beta(-600.0) == pytest.approx(np.exp(-600), rel=1e-12)
    assert gd.Linear().beta(3.0) == 3.0


def test_learned_temperature_moves_along_its_force_times_the_rate():
    learned = gd.Learned(gd.Exponential(2.0), rate=0.1)
    nu = learned.nu(tau=0.07)
    assert learned.velocity(0, nu, 0.3) == pytest.approx(0.1 * (1 / 0.07 / 2) * 0.3)


def test_the_ceiling_stops_beta_from_rising_and_lets_it_fall():
    clip = gd.Learned(max_beta=100.0)
    at_ceiling = np.log(100.0) + 1e-12
    assert clip.beta(0, at_ceiling) == 100
    assert clip.velocity(0, at_ceiling, force=0.1) == 0
    assert clip.velocity(0, at_ceiling, force=-0.1) == pytest.approx(-10)
    assert clip.velocity(0, np.log(99.0), force=0.1) > 0


@pytest.mark.parametrize("ceiling", [49.0, 98.0, 100.0, 103.0])
def test_a_temperature_may_start_at_its_ceiling(ceiling):
    learned = gd.Learned(max_beta=ceiling)
    assert learned.beta(0, learned.nu(tau=1 / ceiling)) == pytest.approx(ceiling, rel=1e-14)


def test_numbers_of_any_kind_are_stored_as_floats():
    for tau in (np.float32(0.5), np.array(0.5), Fraction(1, 2)):
        assert gd.Fixed(tau) == gd.Fixed(0.5) and type(gd.Fixed(tau).tau) is float
    assert type(gd.Exponential(np.float32(2)).scale) is float


@pytest.mark.parametrize("temperature", [t for t in TEMPERATURES if not isinstance(t, gd.Learned)])
def test_only_a_learned_temperature_moves_nu(temperature):
    assert temperature.rate == 0
    assert temperature.velocity(1.0, 0.5, 2.0) == 0
    assert temperature.dbeta(1.0, 0.5) == 0
    assert temperature.beta(3.0, 0.0) == temperature.beta(3.0, 9.0)


def test_schedules_follow_their_formulas():
    fixed, linear = gd.Fixed(0.07), gd.LinearSchedule(0.01, 0.05, t_end=8.0)
    cosine, own = gd.CosineSchedule(0.01, 0.04, period=4.0), gd.Scheduled(lambda t: 0.1 + t)
    assert [1 / fixed.beta(t, 0) for t in (0, 5)] == pytest.approx([0.07, 0.07])
    assert [1 / linear.beta(t, 0) for t in (0, 4, 8, 99)] == pytest.approx([0.01, 0.03, 0.05, 0.05])
    assert [1 / cosine.beta(t, 0) for t in (0, 1, 2, 4)] == pytest.approx([0.01, 0.025, 0.04, 0.01])
    assert [1 / own.beta(t, 0) for t in (0, 1)] == pytest.approx([0.1, 1.1])


def test_schedules_say_where_the_flow_must_look():
    assert gd.LinearSchedule(0.01, 0.05, t_end=8.0).breaks == (8.0,)
    assert gd.CosineSchedule(0.01, 0.04, period=4.0).max_step == 1.0
    assert gd.Learned().breaks == () and gd.Learned().max_step == np.inf


@pytest.mark.parametrize("temperature", [t for t in TEMPERATURES if not isinstance(t, gd.Learned)])
def test_a_temperature_of_its_own_checks_the_one_given(temperature):
    assert temperature.nu() == temperature.nu(tau=0.4) == pytest.approx(-np.log(0.4))
    with pytest.raises(ValueError, match=r"tau must be left out or equal 0\.4"):
        temperature.nu(tau=0.5)


test_bad_input_is_named = refusals(
    (lambda: gd.Learned().nu(), ValueError, "tau must be given"),
    (lambda: gd.Learned().nu(0.0), ValueError, "tau must be positive, got 0"),
    (lambda: gd.Learned().nu(np.nan), ValueError, "tau must be finite"),
    (lambda: gd.Learned().nu("0.07"), TypeError, "tau must be a real number"),
    (lambda: gd.Learned(max_beta=100.0).nu(0.001), ValueError, "tau must be at least 1/max_b"),
    (lambda: gd.Learned(rate=0.0), ValueError, "rate must be positive"),
    (lambda: gd.Learned(max_beta=-1.0), ValueError, "max_beta must be positive"),
    (lambda: gd.Learned("exponential"), TypeError, "beta must be Exponential"),
    (lambda: gd.Exponential(0.0), ValueError, "scale must be positive"),
    (lambda: gd.Fixed(0.0), ValueError, "tau must be positive"),
    (lambda: gd.Fixed(True), TypeError, "tau must be a real number"),
    (lambda: gd.LinearSchedule(0.1, -0.1, 1.0), ValueError, "tau_end must be positive"),
    (lambda: gd.LinearSchedule(0.1, 0.2, 0.0), ValueError, "t_end must be positive"),
    (lambda: gd.CosineSchedule(0.2, 0.1, 1.0), ValueError, "tau_low must be at most"),
    (lambda: gd.CosineSchedule(0.1, 0.2, np.inf), ValueError, "period must be finite"),
    (lambda: gd.Scheduled(0.1), TypeError, "function_of_t must be a function"),
    (lambda: gd.Scheduled(lambda t: None).nu(), TypeError, "function_of_t's value must be a r"),
    (lambda: gd.Scheduled(lambda t: 0.1, breaks=("a",)), TypeError, "breaks must be"),
    (lambda: gd.Scheduled(lambda t: 0.1, max_step=0.0), ValueError, "max_step must be pos"),
    (lambda: gd.Fixed(1e-310), ValueError, "tau must have a finite inverse"),
    (lambda: gd.Fixed(10**400), ValueError, "tau must be finite"),
    (lambda: gd.Fixed(np.array(True)), TypeError, "tau must be a real number"),
    (lambda: gd.Fixed(1e-8).nu(tau=1.8e-8), ValueError, "tau must be left out or equal 1e-08"),
    (lambda: gd.Scheduled(lambda t: -1.0).nu(), ValueError, "function_of_t.* positive.* at t = 0"),
)
