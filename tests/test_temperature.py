import copy
import dataclasses
import pickle
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


@pytest.mark.parametrize("temperature", [gd.Fixed(0.5), gd.LinearSchedule(0.5, 0.1, 1.0)], ids=str)
def test_a_nu_that_means_nothing_may_be_anything(temperature):
    """Implicit methods try ever larger ν, as long as none changes the velocity."""
    for nu in (np.inf, np.array([0.0, -np.inf, np.inf])):
        beta = temperature.beta(0.0, nu)
        assert np.shape(beta) == np.shape(nu) and np.all(beta == 2)


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


@pytest.mark.parametrize("parametrisation", MAPS)
@pytest.mark.parametrize("ceiling", [1e-8, 0.5, 1.0, 20.0, 100.0, 1e8])
def test_beyond_the_ceiling_nothing_is_computed(parametrisation, ceiling):
    """A trial step of a solver may be far above it, where exp is no float64."""
    learned = gd.Learned(parametrisation, max_beta=ceiling)
    beyond = learned.nu(tau=1 / ceiling) + np.array([1e-3, 1.0, 1e4, 1e300])
    inside = learned.nu(tau=2 / ceiling)
    assert learned.beta(0, inside) == parametrisation.beta(inside) < ceiling
    np.testing.assert_array_equal(learned.beta(0, beyond), ceiling)
    np.testing.assert_array_equal(learned.velocity(0, beyond, force=1.0), 0)
    falls = learned.velocity(0, beyond, force=-1.0)
    slope = parametrisation.dbeta(learned.nu(tau=1 / ceiling))
    np.testing.assert_allclose(falls, -slope, rtol=1e-12)
    assert learned.beta(0, float(beyond[2])) == ceiling


def test_the_floor_stops_beta_from_falling_and_lets_it_rise():
    clip = gd.Learned(min_beta=1.0, max_beta=100.0)
    assert clip.beta(0, -1e-12) == 1
    assert clip.velocity(0, -1e-12, force=-0.1) == 0
    assert clip.velocity(0, -1e-12, force=0.1) == pytest.approx(0.1)
    assert clip.velocity(0, 0.01, force=-0.1) < 0
    assert [clip.project(nu) for nu in (-3.0, 2.0, 9.0)] == [0.0, 2.0, np.log(100.0)]


@pytest.mark.parametrize("parametrisation", MAPS)
@pytest.mark.parametrize("floor", [1e-8, 0.5, 1.0, 20.0, 100.0])
def test_below_the_floor_nothing_is_computed(parametrisation, floor):
    learned = gd.Learned(parametrisation, min_beta=floor)
    beyond = learned.nu(tau=1 / floor) - np.array([1e-3, 1.0, 1e4, 1e300])
    inside = learned.nu(tau=0.5 / floor)
    assert learned.beta(0, inside) == parametrisation.beta(inside) > floor
    np.testing.assert_array_equal(learned.beta(0, beyond), floor)
    np.testing.assert_array_equal(learned.velocity(0, beyond, force=-1.0), 0)
    rises = learned.velocity(0, beyond, force=1.0)
    slope = parametrisation.dbeta(learned.nu(tau=1 / floor))
    np.testing.assert_allclose(rises, slope, rtol=1e-12)


def test_the_pentagons_of_figure_2_wait_at_the_floor_of_clip():
    """Free, β falls to .9772, at t = 2.064. At the floor Δ moves alone; elsewhere Δ⁵β stays."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, rotation=2), gamma=np.sin(np.pi / 10))
    least, run = {}, None
    for floor in (None, 1.0):
        model = gd.FreeModel(5, 3, gd.Learned(min_beta=floor, max_beta=100.0))
        run = gd.flow(model, model.start(X, Y, tau=0.07), np.linspace(0, 10, 2001))
        least[floor] = run.beta.min()
    assert least[None] == pytest.approx(1 / 1.02337, abs=1e-5) and least[1.0] == 1
    law = 5 * np.log(run.gap) + np.log(run.beta)
    at_floor = np.flatnonzero(run.beta == 1)
    before, after = law[: at_floor[0]], law[at_floor[-1] + 2 :]
    assert max(np.ptp(before), np.ptp(after)) < 1e-6 < 1e-4 < after.mean() - before.mean()


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_implicit_methods_step_quietly_along_a_ceiling(method):
    """Matched pentagons under a ceiling of 20 close to a gap of .001555 by t = 1e6."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5), gamma=0.31)
    model = gd.FreeModel(5, 3, gd.Learned(max_beta=20.0))
    run = gd.flow(model, model.start(X, Y, tau=0.07), 1e6, method=method, rtol=1e-6)
    assert run.gap[-1] == pytest.approx(0.001555, rel=1e-3)


def test_a_schedule_ends_exactly_where_it_is_said_to():
    for start, end in ((0.1, 0.3), (0.07, 0.01), (1e300, 1e-5), (1e-5, 1e300)):
        linear = gd.LinearSchedule(start, end, t_end=0.7)
        assert (linear.tau(0.0), linear.tau(0.7), linear.tau(1e308)) == (start, end, end)
        assert linear.tau(np.nextafter(0.7, 0)) >= min(start, end)


@pytest.mark.parametrize("turns", [0, 1, 10**6, 10**15])
def test_a_cosine_is_periodic_to_the_last_time(turns):
    cosine = gd.CosineSchedule(0.01, 0.03, period=4.0)
    assert cosine.tau(4.0 * turns) == 0.01
    assert cosine.tau(4.0 * turns + 1.0) == pytest.approx(0.02, rel=1e-14)
    assert cosine.tau(4.0 * turns + 2.0) == pytest.approx(0.03, rel=1e-14)
    assert 0.01 <= gd.CosineSchedule(0.01, 0.03, period=1e-300).tau(1e308) <= 0.03
    assert gd.CosineSchedule(0.01, 0.03, period=1e308).tau(5e307) == pytest.approx(0.03)


def test_a_schedule_without_a_longest_step_has_an_infinite_one():
    for step in (np.inf, np.float32(np.inf)):
        assert gd.Scheduled(abs, max_step=step) == gd.Scheduled(abs)
        assert type(gd.Scheduled(abs, max_step=step).max_step) is float


def test_breaks_are_times_in_order_each_of_them_once():
    assert gd.Scheduled(lambda t: 0.1, breaks=(2.0, 1.0, np.float32(1), 2)).breaks == (1.0, 2.0)
    assert gd.Scheduled(lambda t: 0.1, breaks=(t for t in (1.0, 1.0))).breaks == (1.0,)


class NoParseError(ValueError):
    """An error that takes more than a message, as those of json and of Unicode do."""

    def __init__(self, message, place):
        super().__init__(f"{message} at {place}")


def fails(error):
    def function(t):
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda t: np.array([0.1]), TypeError, "must be a real number, got array.* at t = 0.0"),
        (lambda t: "0.1", TypeError, "must be a real number, got '0.1' at t = 0.0"),
        (lambda t: 0.1 + 0j, TypeError, r"must be a real number, got \(0.1\+0j\) at t = 0.0"),
        (lambda t: np.nan, ValueError, "must be finite in float64, got nan at t = 0.0"),
        (lambda t: 1 / t, ValueError, "must have a value at t = 0.0, got ZeroDivisionError: "),
        (fails(KeyError("a")), ValueError, "must have a value at t = 0.0, got KeyError: 'a'"),
        (fails(NoParseError("no comma", 3)), ValueError, "no comma at 3 at t = 0.0"),
        (fails(UnicodeDecodeError("utf8", b"a", 0, 1, "bad")), ValueError, "bad at t = 0.0"),
    ],
)
def test_what_a_function_of_time_gives_is_checked(function, error, says):
    with pytest.raises(error, match=says) as caught:
        gd.Scheduled(function).nu()
    assert caught.value.__cause__ is not None


@dataclasses.dataclass(frozen=True)
class Warmed(gd.Learned):
    """A subclass of the user's with a field more."""

    delay: float = 1.0


@pytest.mark.parametrize("temperature", [*TEMPERATURES[:-1], Warmed(rate=0.3, delay=2.0)], ids=str)
def test_copies_are_equal_and_replace_changes_one_field(temperature):
    copies = copy.copy(temperature), copy.deepcopy(temperature), dataclasses.replace(temperature)
    for same in (*copies, pickle.loads(pickle.dumps(temperature))):
        assert same == temperature and type(same) is type(temperature)
        assert hash(same) == hash(temperature) and repr(same) == repr(temperature)
        assert same.beta(0.3, 0.4) == temperature.beta(0.3, 0.4)


def test_a_subclass_of_learned_is_checked_and_keeps_its_fields():
    warmed = Warmed(gd.Softplus(), max_beta=9.0, delay=3.0)
    assert dataclasses.replace(warmed, rate=2) == Warmed(gd.Softplus(), 2.0, 9.0, 3.0)
    assert warmed != Warmed(gd.Softplus(), max_beta=9.0) and warmed.beta(0.0, 1e5) == 9.0
    assert dataclasses.replace(gd.Learned(gd.Linear()), max_beta=5) == gd.Learned(gd.Linear(), 1, 5)
    with pytest.raises(ValueError, match="rate must be positive"):
        Warmed(rate=-1.0)


class Bounded(gd.temperature.Parametrisation):
    """β = 1 + tanh ν, below 2."""

    def beta(self, nu):
        return 1 + np.tanh(nu)

    def dbeta(self, nu):
        return 1 / np.cosh(nu) ** 2

    def nu(self, beta):
        return np.arctanh(min(beta - 1, 1 - 1e-15))


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
    (lambda: gd.Learned(min_beta=1.0).nu(1.1), ValueError, "tau must be at most 1/min_beta = 1.0"),
    (lambda: gd.Learned(min_beta=0.0), ValueError, "min_beta must be positive"),
    (lambda: gd.Learned(min_beta=2, max_beta=2), ValueError, "min_beta must be below max_beta ="),
    (lambda: gd.Learned(Bounded(), min_beta=2.5), ValueError, "min_beta must be a value of"),
    (lambda: gd.Learned("exponential"), TypeError, "beta must be Exponential"),
    (lambda: gd.Learned(Bounded(), max_beta=2.5), ValueError, "max_beta must be a value of"),
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
    (lambda: gd.Scheduled(abs, breaks=np.ma.masked), TypeError, "breaks must be a sequence"),
    (lambda: gd.Scheduled(abs, breaks=np.array(1.0)), TypeError, "breaks must be a sequence"),
    (lambda: gd.Scheduled(lambda t: 0.1, max_step=0.0), ValueError, "max_step must be pos"),
    (lambda: gd.Scheduled(abs, max_step=np.ones(0)), TypeError, "max_step must be a real number"),
    (lambda: gd.Fixed(1e-310), ValueError, "tau must have a finite inverse"),
    (lambda: gd.Fixed(10**400), ValueError, "tau must be finite"),
    (lambda: gd.Fixed(np.array(True)), TypeError, "tau must be a real number"),
    (lambda: gd.Fixed(1e-8).nu(tau=1.8e-8), ValueError, "tau must be left out or equal 1e-08"),
    (lambda: gd.Scheduled(lambda t: -1.0).nu(), ValueError, "function_of_t.* positive.* at t = 0"),
)
