"""Temperature schemes: their clocks against the flow and against the rates of Appendix C."""

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import closing_rates as rates
from experiments.record import pictures
from gapdyn.plotting import drawing
from gapdyn.theory import appendix_c, theorem_3_2

FLOWS = {
    "best": appendix_c.best_schedule(n=rates.PAIRS, alpha=rates.MARGIN, gamma0=rates.HEIGHT),
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


def test_no_scheme_is_as_fast_as_the_best_schedule_at_any_height(numbers, curve):
    """And log γ - γ²/2 falls under it at the rate 2W, We^W = (n-1)/e, where the fixed τ* loses."""
    t, gamma, predicted = curve("best")
    W = 1 / rates.BEST - 1
    assert W * np.exp(W) == pytest.approx(1023 / np.e)
    fall = np.log(0.3) - 0.3**2 / 2 - np.log(10) * gamma + 10 ** (2 * gamma) / 2
    np.testing.assert_allclose(2 * W * 10**t, fall, rtol=1e-12)
    known = np.isfinite(predicted)
    np.testing.assert_allclose(
        predicted[known], (gamma - 10 ** (2 * gamma) / 2 / np.log(10))[known]
    )
    for name in list(FLOWS)[1:]:
        others, heights, _ = curve(name)
        assert (others > np.interp(-heights, -gamma, t)).all(), name


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


def test_from_a_large_height_the_best_fixed_temperature_is_not_the_best_late(numbers):
    """The times of theory 3.5 and 4.6; the least one is the fall of log γ - γ²/2 over 2W."""
    said = numbers.parameters["from_a_large_height"]
    times = said["times_to_0.5"]
    W = theorem_3_2.speed_limit(4)
    assert times["best"] == pytest.approx((np.log(1.8) - (0.81 - 0.25) / 2) / (2 * W))
    assert (times["fixed_soon"], times["fixed_late"]) == pytest.approx((0.271, 0.329), abs=5e-4)
    assert said["tau"]["fixed_late"] == pytest.approx(1 / (1 + W))
    assert said["first_tau_of_best"] == pytest.approx(0.19 / (1 + W))
    high = numbers.more["high"]
    assert (high["best"][1:] < np.minimum(high["fixed_soon"], high["fixed_late"])[1:]).all()
    ends = []
    for factor in (0.97, 1.0, 1.03):
        model = gd.FrozenModel(np.eye(4), gd.Fixed(factor * said["tau"]["fixed_soon"]))
        ends.append(gd.flow(model, model.start(gamma=0.9), [times["fixed_soon"]]).gamma[-1])
    assert ends[1] == pytest.approx(0.5, abs=1e-7) and min(ends[0], ends[2]) > 0.5 + 1e-5


def test_below_the_threshold_larger_margins_are_faster_until_both_are_late(numbers):
    """The ratio rises to about 4730 near log t = 2.4, theory 4.6, and then tends to 1."""
    table = numbers.more["below"]
    ratio = table["frozen"] / table["infimum"]
    assert (ratio > 1 - 1e-12).all() and ratio[-1] == pytest.approx(1, abs=1e-6)
    assert 4000 < ratio.max() < 4731
    assert np.log(10) * table["log10_t"][ratio.argmax()] == pytest.approx(2.4, abs=0.3)
    assert table["infimum"][-1] == pytest.approx(table["late"][-1], rel=0.02)
    early = table["log10_t"] < 0  # the pace 2W, while aα < 1 + W
    H = [np.log(gamma) - gamma**2 / 2 for gamma in (0.3, table["infimum"][early])]
    W = theorem_3_2.speed_limit(4)
    np.testing.assert_allclose(H[0] - H[1], 2 * W * 10 ** table["log10_t"][early], rtol=1e-9)


@pytest.mark.parametrize("key", pictures(rates))
def test_pictures_are_legible(numbers, key):
    with drawing():
        figure = pictures(rates)[key](numbers)
    assert faults(figure) + overlaps(figure) == []
