"""Temperature schemes: their clocks against the flow and against the rates of Appendix C."""

import numpy as np
import pytest

import gapdyn as gd
from experiments import closing_rates as rates

FLOWS = {
    "fixed_best": gd.Fixed(rates.BEST),
    "fixed": gd.Fixed(0.07),
    "softplus": gd.Learned(gd.Softplus()),
    "linear": gd.Learned(gd.Linear()),
    "slrt": gd.Learned(rate=0.1),
    "schedule": rates.SCHEDULE,
    "tr": gd.Learned(gd.Exponential(2.0)),
    "clamp": gd.Learned(max_beta=100.0),
    "exponential": gd.Learned(),
}
CONSTANT = ["fixed", "schedule", "clamp"]
KAPPA = {"slrt": 0.1, "tr": 0.25, "exponential": 1.0}


@pytest.fixture(scope="module")
def numbers():
    return rates.compute(quick=True)


@pytest.fixture(scope="module")
def curve(numbers):
    """log₁₀ of t, γ and the predicted γ of a scheme."""

    def read(name):
        rows = numbers.rows(scheme=name)
        return (rows[key] for key in ("log10_t", "log10_gamma", "log10_predicted"))

    return read


def start(model, temperature):
    learned = isinstance(temperature, gd.Learned)
    return model.start(tau=rates.TAU if learned else None, gamma=rates.HEIGHT)


@pytest.mark.parametrize("temperature", FLOWS.values(), ids=FLOWS.keys())
def test_the_model_without_a_matrix_is_the_frozen_model_at_z_proportional_to_i(temperature):
    frozen = gd.FrozenModel(0.7 * np.eye(6), temperature)
    model = rates.IdentityModel(6, 0.7, temperature)
    y0 = start(model, temperature)
    for t, y in ((0.0, y0), (9e4, y0), (3.0, y0 * [1, 0.01])):
        np.testing.assert_allclose(model.velocity(t, y), frozen.velocity(t, y), rtol=1e-12)
        np.testing.assert_allclose(model.observe(t, y), frozen.observe(t, y), rtol=1e-12)


@pytest.mark.parametrize("name", FLOWS)
def test_the_clock_is_the_flow_solved_for_time(numbers, name):
    """Also at t = 2e97: the flow reaches it in a few hundred steps."""
    model = rates.IdentityModel(rates.PAIRS, rates.MARGIN, FLOWS[name])
    times = 10 ** np.array(list(numbers.parameters["log10_closing_time"][name].values()))
    run = gd.flow(model, start(model, FLOWS[name]), times, atol=1e-14)
    np.testing.assert_allclose(run.gamma, rates.TARGETS, rtol=1e-6)


def test_the_schemes_stand_in_the_order_in_which_they_close(numbers):
    times = numbers.parameters["log10_closing_time"]
    assert list(times) == list(FLOWS)
    last = [time["0.001"] for time in times.values()]
    assert last == sorted(last)
    for name, time in times.items():
        assert time["0.1"] < time["0.01"] < time["0.001"], name


@pytest.mark.parametrize("name", CONSTANT)
def test_gamma_over_the_rate_of_a_bounded_beta_tends_to_a_constant(curve, name):
    """Θ(exp(-2∫βg)): below it, since 1-γ² < 1 in the pull makes the start faster."""
    _, gamma, predicted = curve(name)
    offset = gamma - predicted
    late = gamma < -4
    assert np.ptp(offset[late]) < 1e-5
    assert -0.5 < offset[-1] < 0


@pytest.mark.parametrize(("name", "kappa"), KAPPA.items(), ids=KAPPA.keys())
def test_gamma_over_the_rate_of_beta_exponential_in_nu_tends_to_one(curve, name, kappa):
    """Like 2/b², b = -2W₋₁(-½(κ(n-1)t)^{-1/2}): γ^{κ/2} = αC/β, and αβ is b - 2/b so far."""
    t, gamma, predicted = curve(name)
    known = np.isfinite(predicted) & (t > 10)
    log_t = np.log(10) * t[known]
    above = 10 ** (kappa / 2 * (gamma - predicted)[known]) - 1
    assert (np.diff(above) < 0).all() and (above > 0).all()
    b = log_t + np.log(kappa * (rates.PAIRS - 1))
    for _ in range(50):
        b = log_t + np.log(kappa * (rates.PAIRS - 1)) + 2 * np.log(b)
    assert (above * b**2 < 2.3).all()  # at first less, as it starts above the late form
    assert (above * b**2)[-1] == pytest.approx(2, rel=0.03)


def test_the_clamp_is_felt_from_beta_100_on(numbers, curve):
    t, gamma, _ = curve("clamp")
    free_t, free_gamma, _ = curve("exponential")
    there = np.log10(numbers.parameters["gamma_at_max_beta"])
    assert 10**there == pytest.approx(0.3 * (0.07 * 100) ** -2 * np.exp(-(0.3**2) / 2), rel=1e-4)
    before = gamma > there
    np.testing.assert_allclose(t[before], free_t[free_gamma > there], rtol=1e-14)
    assert (t[gamma < there][: (free_gamma < there).sum()] < free_t[free_gamma < there]).all()


def test_a_time_that_is_no_float_can_be_told():
    assert rates._in_words(540.30103) == r"$2.0\cdot10^{540}$"
    assert rates._in_words(4.9999) == r"$1.0\cdot10^{5}$"
    assert rates._in_words(-0.19529672) == "0.638"
