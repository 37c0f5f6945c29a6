import pickle

import mpmath as mp
import numpy as np
import pytest
from conftest import MODELS, TEMPERATURES, Own, interrupted, make, refusals
from hypothesis import given, settings
from hypothesis import strategies as st

import gapdyn as gd


def closing_time(gamma, *, n, gamma0, beta0):
    """Time at which the frozen model Z = I reaches γ: quadrature of (11) along (6), 30 digits."""

    def seconds(x):
        beta = beta0 * mp.sqrt(gamma0 / x) * mp.exp((x**2 - mp.mpf(gamma0) ** 2) / 4)
        g = (n - 1) / (n - 1 + mp.exp(beta * (1 - x**2)))
        return 1 / (2 * beta * x * g)

    return mp.quad(seconds, [gamma, (gamma + gamma0) / 2, gamma0])


def test_figure_2_comes_out(figure_2):
    """Δ and τ peak together at t = 2.064 while no pair matches; all match from 3.833 on.

    `test_published.py` has the curves.
    """
    run = gd.flow(*figure_2, np.arange(2050, 2080) / 1000, rtol=1e-9, atol=1e-11)
    top = run.gap.argmax()
    assert run.t[top] == run.t[run.tau.argmax()] == 2.064
    assert (run.gap[top], run.tau[top]) == pytest.approx((1.05682, 1.02337), abs=1e-5)
    assert run.mismatched[top] == 5
    late = gd.flow(*figure_2, [3.832, 3.8335, 10.0, 1e5])
    assert late.mismatched.tolist() == [5, 0, 0, 0]


@pytest.mark.parametrize(
    ("gamma", "t"), [(0.05, 0.89622), (0.01, 20.846), (1e-3, 4.3378e7), (1e-4, 1.3253e30)]
)
def test_the_frozen_flow_follows_its_exact_solution(gamma, t):
    beta0 = mp.log(12) / mp.mpf("0.99")
    exact = closing_time(gamma, n=4, gamma0=0.1, beta0=beta0)
    assert float(exact) == pytest.approx(t, rel=5e-5)
    model = gd.FrozenModel(np.eye(4), gd.Learned())
    end = float(exact)
    run = gd.flow(model, model.start(tau=float(1 / beta0), gamma=0.1), end, rtol=1e-11, atol=1e-14)
    assert run.gamma[-1] == pytest.approx(gamma, rel=1e-7)


def test_the_scalar_flow_at_fixed_temperature_follows_its_exact_solution():
    """dγ/dt = -2βγ e^{-β(1-γ²)} by quadrature."""
    beta, gamma0, gamma = 1.5, 0.8, 0.2
    t = mp.quad(lambda x: mp.exp(beta * (1 - x**2)) / (2 * beta * x), [gamma, gamma0])
    model = gd.ScalarModel(gd.Fixed(1 / beta))
    run = gd.flow(model, model.start(gamma=gamma0), float(t))
    assert run.gamma[-1] == pytest.approx(gamma, rel=1e-7)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
@settings(max_examples=3)
@given(n=st.integers(2, 9), d=st.integers(2, 9), seed=st.integers(0, 2**32))
def test_loss_never_rises_and_rows_stay_unit(kind, temperature, n, d, seed):
    model, y0 = make(kind, temperature, n, d, seed)
    run = gd.flow(model, y0, 50.0)
    assert run.drift < 1e-6
    assert run.t[0] == 0 and run.t[-1] == 50
    if isinstance(temperature, gd.Learned | gd.Fixed):
        assert (np.diff(run.loss) <= 1e-9 * run.loss[:-1] + 1e-10).all()
        assert run.loss[-1] < run.loss[0]


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"])
def test_every_method_gives_the_same_flow(figure_2, method):
    run = gd.flow(*figure_2, [3.0], method=method, rtol=1e-7, atol=1e-9)
    assert run.gap[0] == pytest.approx(gd.flow(*figure_2, [3.0]).gap[0], abs=1e-5)


def test_an_end_time_gives_accepted_steps_and_times_give_themselves(figure_2):
    steps = gd.flow(*figure_2, 4)
    assert steps.t[0] == 0 and steps.t[-1] == 4 and (np.diff(steps.t) > 0).all()
    times = np.array([0.5, 1, 2.3, 4])
    run = gd.flow(*figure_2, times)
    np.testing.assert_array_equal(run.t, times)
    assert run.y.shape == (4, 31)
    assert run.at(2.3).gap == run.gap[2]
    assert run.gap[-1] == pytest.approx(steps.gap[-1], abs=1e-8)


def test_at_agrees_with_a_run_that_ends_there(figure_2):
    run = gd.flow(*figure_2, 1e3)
    for t in (0.01, 2.3, 77.7, 999.0):
        here = run.at(t)
        alone = gd.flow(*figure_2, t)
        assert here.t == t
        np.testing.assert_allclose(here.y, alone.y[-1], atol=1e-8)
        assert here[2:] == pytest.approx([getattr(alone, name)[-1] for name in here._fields[2:]])
    for outside in (-1.0, 1001.0, np.nan):
        with pytest.raises(ValueError, match="t must"):
            run.at(outside)


def test_a_schedule_has_a_step_at_its_break():
    model, y0 = make("free", gd.LinearSchedule(0.4, 0.2, 3.0))
    run = gd.flow(model, y0, 10.0)
    assert 3.0 in run.t
    tight = gd.flow(model, y0, [10.0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(run.y[-1], tight.y[-1], atol=1e-7)


def test_a_fast_schedule_is_not_stepped_over():
    model, y0 = make("free", gd.CosineSchedule(0.4, 0.8, 0.1))
    run = gd.flow(model, y0, 5.0)
    assert np.diff(run.t).max() <= 0.025 + 1e-12


def test_beta_stops_at_its_ceiling():
    model = gd.FreeModel(5, 3, gd.Learned(max_beta=20.0))
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, rotation=2), gamma=0.31)
    run = gd.flow(model, model.start(X, Y, tau=0.07), 1e5)
    assert run.beta.max() == run.beta[-1] == 20
    assert model.split(run.y[-1]).nu == pytest.approx(np.log(20), abs=1e-6)
    assert (np.diff(run.loss) <= 1e-9 * run.loss[:-1] + 1e-10).all()


def test_a_mismatched_frozen_model_reaches_the_pole_and_stays():
    model = gd.FrozenModel(-np.eye(3), gd.Fixed(0.5))
    run = gd.flow(model, model.start(gamma=0.3), 100.0)
    assert run.gamma[-1] == 1 and run.gap[-1] == 2
    assert (np.diff(run.gamma) >= 0).all()


def test_untied_heights_reach_the_pole_and_stay():
    model = gd.ParallelModel(4, 2, gd.Fixed(2.0), tied=False, row_rate=1e-6)
    X, Y = gd.sphere.polygon_pairs(4, rotation=2)
    run = gd.flow(model, model.start(X, Y, gamma_x=0.6, gamma_y=0.3), 20.0)
    assert np.isfinite(run.y).all()
    assert model.heights(run.y[-1])[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("method", ["DOP853", "RK45", "LSODA"])
def test_heights_that_meet_a_pole_do_not_pass_it(method):
    model = gd.ParallelModel(2, 3, gd.CosineSchedule(0.05, 0.12, 1.0), tied=False)
    X, Y = gd.sphere.sample(2, 3, seed=1), gd.sphere.sample(2, 3, seed=101)
    y0 = model.start(X, Y, gamma_x=0.3, gamma_y=-0.6)
    solver = {"rtol": 1e-6, "method": method}
    members = gd.flow_many(model, [y0, y0], np.linspace(0, 2, 201), **solver)
    for run in (gd.flow(model, y0, 2.0, **solver), *members):
        assert np.abs(run.y[:, -2:]).max() == 1


@pytest.mark.parametrize("seed", [1, 11, 37])
def test_implicit_methods_arrive_at_a_pole_that_is_reached_in_finite_time(seed):
    """Near it dγ/dt is as 1/√(1-γ²), so that their steps become shorter than times can tell."""
    model = gd.ParallelModel(2, 3, gd.Fixed(0.02), tied=False, row_rate=0.7)
    X, Y = gd.sphere.sample(2, 3, seed), gd.sphere.sample(2, 3, 100 + seed)
    y0 = model.start(X, Y, gamma_x=0.3, gamma_y=-0.6)
    runs = [gd.flow(model, y0, 1.0, method=method) for method in ("DOP853", "Radau", "BDF")]
    for run in runs:
        assert model.split(run.y[-1]).gamma_y == -1
        np.testing.assert_allclose(run.y[-1], runs[0].y[-1], rtol=1e-5, atol=1e-5)


def test_an_interrupted_flow_keeps_what_it_has(figure_2):
    _, y0 = figure_2
    model = gd.FreeModel(5, 3, gd.Scheduled(interrupted))
    with pytest.raises(gd.IntegrationError, match=r"interrupted at t = .* of 10; ") as caught:
        gd.flow(model, y0, 10.0)
    run = caught.value.trajectory
    assert 0 < run.t[-1] == caught.value.t <= 2.0
    assert run.gap.size == run.t.size > 2
    with pytest.raises(gd.IntegrationError) as caught:
        gd.flow(model, y0, [5.0, 10.0])
    assert caught.value.trajectory.t.tolist() == [caught.value.t]


def test_a_schedule_that_turns_invalid_says_where():
    _, y0 = make("free", gd.Learned())
    model = gd.FreeModel(3, 3, gd.Scheduled(lambda t: 0.4 - 0.1 * t))
    with pytest.raises(gd.IntegrationError, match=r"function_of_t's value must be pos") as caught:
        gd.flow(model, y0, 10.0)
    assert 0 < caught.value.t < 4
    assert f"at t = {caught.value.t:.6g} of 10" in str(caught.value)


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "Radau"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_flow_that_no_step_can_follow_says_what_to_try(method):
    blowing = Own(lambda t, y: y**2 if t < 2 else y * np.nan)  # from 1 to infinity at t = 1
    with pytest.raises(gd.IntegrationError, match=r"try (another rtol, or )?method='") as caught:
        gd.flow(blowing, [1.0], 5.0, method=method)
    assert 0.9 < caught.value.t < 1.1
    assert caught.value.trajectory.t[-1] == caught.value.t


@pytest.mark.parametrize("method", ["DOP853", "LSODA"])
def test_a_velocity_that_turns_nan_is_an_error(method):
    turning = Own(lambda t, y: -y if t < 0.5 else y * np.nan)
    with pytest.raises(gd.IntegrationError, match="the velocity is not finite") as caught:
        gd.flow(turning, [1.0], 5.0, method=method)
    assert caught.value.t <= 0.5


def test_errors_can_be_pickled(figure_2):
    run = gd.flow(*figure_2, 1.0)
    error = pickle.loads(pickle.dumps(gd.IntegrationError("stopped", run)))
    assert (str(error), error.t) == ("stopped", 1.0)
    np.testing.assert_array_equal(error.trajectory.gap, run.gap)


@pytest.mark.parametrize("given", [{"breaks": (50.0, 50.5)}, {"max_step": 0.2}])
def test_a_schedule_may_say_where_its_features_are(given):
    """A pulse of half a time unit, long after the flow has come to take long steps."""
    pulse = gd.Scheduled(lambda t: 2.0 if 50 < t < 50.5 else 0.02, **given)
    model = gd.FrozenModel(np.eye(4), pulse)
    run = gd.flow(model, model.start(gamma=0.5), 100.0)
    during = gd.FrozenModel(np.eye(4), gd.Fixed(2.0))
    before = run.at(50.0).gamma
    after = gd.flow(during, during.start(gamma=before), 0.5).gamma[-1]
    assert run.gamma[-1] == pytest.approx(after, abs=1e-6) and after < 0.45


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "Radau"])
def test_times_an_ulp_apart_are_the_same(figure_2, method):
    run = gd.flow(*figure_2, [0.0, 0.3, 1.0], method=method)
    assert run.at(0.1 * 3).gap == run.gap[1]
    assert run.at(np.nextafter(0.3, 1)).gap == run.gap[1]
    assert run.at(5e-324).gap == run.gap[0]
    model, y0 = make("free", gd.LinearSchedule(0.4, 0.2, 0.3))
    assert gd.flow(model, y0, 0.1 * 3, method=method).t[-1] == 0.1 * 3


def test_drift_is_the_largest_departure_of_any_stored_state(figure_2):
    model, y0 = figure_2
    run = gd.flow(model, y0, 1e4, rtol=1e-5, atol=1e-7)
    assert run.drift == max(model.drift(y) for y in run.y) > 1e-9


@pytest.mark.parametrize("gamma", [0.0, 1.0, -1.0, -0.3])
@pytest.mark.parametrize("kind", ["parallel", "frozen", "scalar"])
def test_every_height_flows(kind, gamma):
    model, y0 = make(kind, gd.Learned())
    model.split(y0).gamma[...] = gamma
    run = gd.flow(model, y0, 10.0)
    assert np.sign(run.gamma[-1]) == np.sign(gamma) and abs(run.gamma[-1]) <= 1


def test_linear_beta_may_pass_through_zero():
    """Mismatched pairs push β = ν below zero, where the loss still falls."""
    model = gd.FrozenModel(-np.eye(3), gd.Learned(gd.Linear()))
    run = gd.flow(model, model.start(tau=2.0, gamma=0.0), 20.0)
    assert run.beta[0] == 0.5 and run.beta[-1] < 0
    assert (np.diff(run.loss) < 0).all() and gd.check_gradient(model, run.y[-1]) < 1e-12


def test_stiff_heights_are_a_case_for_lsoda():
    """Mismatched pairs at τ = 0.01: both methods agree, and LSODA takes far fewer velocities."""
    calls = []

    class Counting(gd.ParallelModel):
        def velocity(self, t, y, out=None):
            calls.append(t)
            return super().velocity(t, y, out)

    model = Counting(6, 3, gd.Learned())
    X, Y = gd.sphere.sample(6, 3, 5), gd.sphere.sample(6, 3, 6)
    y0 = model.start(X, Y, tau=0.01, gamma=0.3)
    explicit = gd.flow(model, y0, 0.3, method="DOP853")
    taken = len(calls)
    implicit = gd.flow(model, y0, 0.3, method="LSODA")
    assert 2 * (len(calls) - taken) < taken
    assert implicit.gamma[-1] == pytest.approx(explicit.gamma[-1], abs=1e-5)


def test_rows_that_leave_the_sphere_are_an_error(figure_2):
    with pytest.raises(gd.IntegrationError, match="drifted from unit length") as caught:
        gd.flow(*figure_2, 1e5, rtol=0.9, atol=10.0, method="RK23")
    assert caught.value.trajectory.drift <= 1e-4


def test_progress_goes_to_a_bar_on_request_only(figure_2, capsys):
    gd.flow(*figure_2, 1.0)
    assert capsys.readouterr() == ("", "")
    gd.flow(*figure_2, 1.0, progress=True)
    assert "100%" in capsys.readouterr().err


free = gd.FreeModel(4, 3, gd.Learned())
y0 = free.start(gd.sphere.sample(4, 3, 0), gd.sphere.sample(4, 3, 1), tau=0.5)

test_bad_input_is_named = refusals(
    (lambda: gd.flow(free, y0[:-1], 1.0), ValueError, "y0 must have 25 entries"),
    (lambda: gd.flow(free, y0 * np.nan, 1.0), ValueError, "y0 must be finite"),
    (lambda: gd.flow(free, y0.astype(complex), 1.0), TypeError, "y0 must hold real"),
    (lambda: gd.flow(free, 2 * y0, 1.0), ValueError, "y0 must have rows of unit length"),
    (lambda: gd.flow(free, y0, 0.0), ValueError, "t must be positive"),
    (lambda: gd.flow(free, y0, np.inf), ValueError, "t must be finite"),
    (lambda: gd.flow(free, y0, "1e5"), TypeError, "t must be a time"),
    (lambda: gd.flow(free, y0, [1.0, 1.0]), ValueError, "t must be increasing"),
    (lambda: gd.flow(free, y0, [-1.0, 1.0]), ValueError, "t must be increasing"),
    (lambda: gd.flow(free, y0, [0.0]), ValueError, "the last positive"),
    (lambda: gd.flow(free, y0, []), ValueError, "t must be"),
    (lambda: gd.flow(free, y0, [[1.0]]), ValueError, "t must be a time or one axis"),
    (lambda: gd.flow(free, y0, [0.0, np.nan]), ValueError, "t must be finite in float64, got nan"),
    (lambda: gd.flow(free, y0, np.longdouble("1e400")), ValueError, r"t must be .* got 1e\+400"),
    (lambda: gd.flow(free, y0, [0, np.longdouble("1e400")]), ValueError, r"t must be .* 1e\+400"),
    (
        lambda: gd.flow(free, y0, np.ma.array([0.0, 1.0], mask=[0, 1])),
        ValueError,
        "t must have no m",
    ),
    (lambda: gd.flow(free, y0, [np.ma.masked, 1.0]), ValueError, "t must have no masked entries"),
    (lambda: gd.flow(free, y0, 1.0, method="Euler"), ValueError, "method must be one of RK23"),
    (lambda: gd.flow(free, y0, 1.0, rtol=0.0), ValueError, "rtol must be positive"),
    (lambda: gd.flow(free, y0, 1.0, rtol=1e-16), ValueError, "rtol must be at least"),
    (lambda: gd.flow(free, y0, 1.0, atol=0.0), ValueError, "atol must be positive"),
    (lambda: gd.flow(free, y0, 1.0, method=["RK45"]), ValueError, "method must be one of"),
    (lambda: gd.flow("free", y0, 1.0), TypeError, "model must be a gapdyn.Model"),
    (lambda: gd.flow(free, y0, 1.0, keep_states="all"), TypeError, "keep_states must be True"),
    (lambda: gd.flow(free, y0, [[1.0], [1.0, 2.0]]), ValueError, "t must be a time"),
    (lambda: gd.flow(free, [[1.0], [1.0, 2.0]], 1.0), ValueError, "y0 must be a rectangular"),
    (lambda: gd.flow(free, [*y0[:-1], 800.0], 1.0), ValueError, "y0 must have a finite velo"),
)
