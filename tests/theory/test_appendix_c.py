"""Appendix C: each scheme's rate against the flow, the printed rates against both."""

import numpy as np
import pytest

import gapdyn as gd
from gapdyn.theory import appendix_c, theorem_3_2

N, ALPHA = 6, 0.7
CROSS = {"n": N, "alpha": ALPHA}
COSINE = gd.CosineSchedule(0.3, 0.8, 7.0)


def heights(model, times, tau=None):
    """γ at some times from γ₀ = 0.3; `atol` is so small that γ keeps its digits."""
    y0 = model.start(tau=tau, gamma=0.3)
    return gd.flow(model, y0, np.asarray(times), rtol=1e-12, atol=1e-300).gamma


FALLING = {end: gd.Scheduled(lambda t, end=end: 1 / (3 - 2 * t / end)) for end in (40.0, 80.0)}


@pytest.mark.parametrize(
    ("temperature", "times", "rate", "options", "close"),
    [
        (gd.Fixed(0.5), [40.0, 80.0], appendix_c.constant, {"beta0": 2.0}, 1e-6),
        (COSINE, [56.0, 84.0], appendix_c.schedule, {"beta": COSINE}, 1e-5),
        (FALLING, [40.0, 80.0], appendix_c.linear_schedule, {"beta0": 3.0, "beta1": 1.0}, 0.02),
    ],
)
def test_the_cross_entropy_closes_at_the_rate_of_each_schedule(
    temperature, times, rate, options, close
):
    """The ratio of γ to the rate settles; the audit checks the scalar model by the same means."""
    schedules = temperature if temperature is FALLING else dict.fromkeys(times, temperature)
    gamma = [heights(gd.FrozenModel(ALPHA * np.eye(N), schedules[t]), [t])[0] for t in times]
    ratio = gamma / rate(np.array(times), **options, gamma0=0.3, **CROSS)
    assert ratio[1] == pytest.approx(ratio[0], rel=close) and 0.3 < ratio[1] < 3


def test_the_linear_schedule_is_the_closed_form():
    """c = [(β₀+1)e^{-β₀} - (β₁+1)e^{-β₁}]/(β₁-β₀), and the schedule's own integral."""
    c = (4 * np.exp(-3) - 2 * np.exp(-1)) / (1 - 3)
    setting = {"beta0": 3.0, "beta1": 1.0, "gamma0": 0.3}
    ours = appendix_c.linear_schedule(10.0, **setting)
    assert ours == pytest.approx(0.3 * np.exp(-2 * c * 10), rel=1e-12)
    printed = appendix_c.linear_schedule(10.0, **setting, printed=True)
    assert printed == pytest.approx(0.3 * np.exp(-c * 10), rel=1e-12)
    same = appendix_c.schedule(10.0, beta=lambda t: 3 - 0.2 * t, gamma0=0.3)
    assert same == pytest.approx(ours, rel=1e-9)
    level = appendix_c.linear_schedule(10.0, beta0=2.0, beta1=2.0, gamma0=0.3)
    assert level == pytest.approx(appendix_c.constant(10.0, beta0=2.0, gamma0=0.3))


def test_the_scalar_model_is_the_family_at_alpha_1():
    times = np.array([1e10, 1e20, 1e40])
    gamma = heights(gd.ScalarModel(gd.Learned()), times, tau=0.2)
    predicted = appendix_c.exponential(times, beta0=5.0, gamma0=0.3)
    off = np.abs(gamma / predicted - 1)
    assert (np.diff(off) < 0).all() and off[-1] < 6e-4
    slow = appendix_c.slrt(times, beta0=5.0, gamma0=0.3)
    scaled = appendix_c.exponential(times, beta0=5.0, gamma0=0.3, scale=10**0.5)
    np.testing.assert_allclose(slow, scaled, rtol=1e-12)
    setting = theorem_3_2.Setting(N, ALPHA, 0.3, 5.0, gd.Learned(gd.Exponential(2.0), 0.25))
    numbers = {"beta0": 5.0, "gamma0": 0.3, "scale": 2.0, "rate": 0.25}
    found = appendix_c.exponential(times, **numbers, **CROSS)
    np.testing.assert_array_equal(found, setting.asymptote(times))


def test_rates_at_many_times_are_those_at_each():
    times = np.array([[3.0, 0.0], [5.0, 3.0]])
    together = appendix_c.schedule(times, beta=lambda t: 2 + np.sin(t), gamma0=0.3)
    for t, value in zip(times.flat, together.flat, strict=True):
        alone = appendix_c.schedule(t, beta=lambda t: 2 + np.sin(t), gamma0=0.3)
        assert value == pytest.approx(float(alone), rel=1e-9)


def test_wide_linear_schedules_keep_their_integral():
    """∫ βe^{-β} dβ = 1 over (0, ∞), so γ = γ₀e^{-2} if the horizon equals the range of β."""
    gamma = appendix_c.linear_schedule(1e6, beta0=1e-9, beta1=1e6, gamma0=0.3)
    assert gamma == pytest.approx(0.3 * np.exp(-2), rel=1e-9)
    beyond = appendix_c.linear_schedule(1e8, beta0=1e8, beta1=1.0, gamma0=0.3)
    assert beyond == pytest.approx(0.3 * np.exp(-4 / np.e), rel=1e-7)  # ∫ from 1 on is 2/e
    falling = appendix_c.linear_schedule(1e6, beta0=1e6, beta1=1e-9, gamma0=0.3)
    assert falling == pytest.approx(float(gamma), rel=1e-12)


def test_a_schedule_with_short_features_wants_its_breaks():
    cosine = gd.CosineSchedule(0.1, 0.4, 1.0)
    setting = {"beta": lambda t: cosine.beta(t, 0.0), "gamma0": 0.3}
    one = appendix_c.schedule(1.0, **setting)
    many = appendix_c.schedule(50.0, **setting, breaks=range(50))
    assert np.log(many / 0.3) == pytest.approx(50 * np.log(one / 0.3), rel=1e-10)
    with pytest.raises(ValueError, match="does not converge: give breaks"):
        appendix_c.schedule(1e3, **setting)


def test_a_schedule_may_be_given_as_it_is():
    ramp = gd.LinearSchedule(0.5, 0.8, 10.0)
    given = appendix_c.schedule(30.0, beta=ramp, gamma0=0.3)
    by_hand = appendix_c.schedule(30.0, beta=lambda t: ramp.beta(t, 0.0), gamma0=0.3, breaks=[10.0])
    assert given == by_hand
    fixed = appendix_c.schedule(30.0, beta=gd.Fixed(0.5), gamma0=0.3)
    assert fixed == pytest.approx(float(appendix_c.constant(30.0, beta0=2.0, gamma0=0.3)))


def test_the_longest_step_of_a_schedule_is_kept():
    pulse = gd.Scheduled(lambda t: 0.5 if 50 < t < 50.5 else 0.01, max_step=0.1)
    gamma = appendix_c.schedule(1000.0, beta=pulse, gamma0=0.3)
    assert gamma == pytest.approx(0.3 * np.exp(-2 * np.exp(-2)), rel=1e-6)
    cosine = gd.CosineSchedule(0.1, 0.8, 7.0)
    one = appendix_c.schedule(7.0, beta=cosine, gamma0=0.3)
    many = appendix_c.schedule(700.0, beta=cosine, gamma0=0.3)
    assert np.log(many / 0.3) == pytest.approx(100 * np.log(one / 0.3), rel=1e-9)


def test_before_beta_has_grown_there_is_no_rate():
    late = appendix_c.linear([2.0, 10.0, 1e4], beta0=5.0, gamma0=0.3)
    assert np.isnan(late[:2]).all() and 0 < late[2] < 0.3


USUAL = {
    "optimal_temperature": {"n": 5, "alpha": 1.0},
    "decay_rate": {"tau": 0.1, "n": 5, "alpha": 1.0},
    "schedule": {"t": 1.0, "beta": gd.Fixed(0.5), "gamma0": 0.3},
}


@pytest.mark.parametrize(
    ("name", "wrong", "error", "says"),
    [
        ("constant", {"t": -1.0}, ValueError, "t must not be"),
        ("constant", {"beta0": 0.0}, ValueError, "beta0 must be"),
        ("constant", {"gamma0": 0.0}, ValueError, "gamma0 must lie"),
        ("constant", {"printed": np.ones(2)}, TypeError, "printed must be True or False"),
        ("linear", {"n": 5}, ValueError, "n and alpha must be given together"),
        ("linear", {**CROSS, "printed": True}, ValueError, "rates are for the scalar model"),
        ("linear", {"rate": 2.0, "printed": True}, ValueError, "rates are for a rate of 1"),
        ("softplus", {"n": 5, "alpha": 3.0}, ValueError, r"alpha must lie in \(0, 2\]"),
        ("exponential", {"n": 1, "alpha": 1.0}, ValueError, "n must be a whole number"),
        ("schedule", {"breaks": ["a"]}, TypeError, "breaks must be a real number"),
        ("schedule", {"breaks": np.array(None)}, TypeError, "breaks must be a sequence of numbers"),
        ("schedule", {"breaks": 1.0}, TypeError, "breaks must be a sequence of numbers, got 1.0"),
        ("schedule", {"beta": 2.0}, TypeError, "beta must be a schedule"),
        ("schedule", {"beta": lambda t: -1.0}, ValueError, r"beta\(t\) must be positive"),
        ("optimal_temperature", {"n": 1}, ValueError, "n must be"),
        ("optimal_temperature", {"alpha": 0.0}, ValueError, "alpha must lie"),
        ("decay_rate", {"tau": 0.0}, ValueError, "tau must be positive"),
    ],
)
def test_bad_input_is_named(name, wrong, error, says):
    usual = USUAL.get(name, {"t": 1.0, "beta0": 1.0, "gamma0": 0.3})
    with pytest.raises(error, match=says):
        getattr(appendix_c, name)(**(usual | wrong))
