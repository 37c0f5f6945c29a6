"""Clocks, error control to the latest times, runs that end, and states of rest."""

import mpmath as mp
import numpy as np
import pytest
from conftest import Own, make, refusals
from scipy.optimize import brentq

import gapdyn as gd

METHODS = ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"]


class Counting(gd.FreeModel):
    """A free model that counts its velocities."""

    def velocity(self, t, y, out=None):
        self.__dict__["count"] = self.__dict__.get("count", 0) + 1
        return super().velocity(t, y, out)


def log_time_of(gamma, *, n, gamma0, beta0):
    """Log of the time at which the frozen model Z = I reaches γ: (11) along (6), at 30 digits."""

    def seconds(u):
        x = gamma * mp.exp(u)
        beta = beta0 * mp.sqrt(gamma0 / x) * mp.exp((x**2 - mp.mpf(gamma0) ** 2) / 4)
        return (n - 1 + mp.exp(beta * (1 - x**2))) / (2 * beta * (n - 1))

    top = mp.log(gamma0 / mp.mpf(gamma))
    with mp.workdps(30):
        pieces = [top * share for share in (0, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1)]
        return float(mp.log(mp.quad(seconds, pieces)))


@pytest.mark.parametrize("t", [1e20, 1e163, 1e300, 1e308])
def test_errors_stay_under_control_to_the_last_times(t):
    """d log t / d log γ is a few hundred there, by which the errors of γ are enlarged in log t."""
    model = gd.FrozenModel(np.eye(5), gd.Learned())
    run = gd.flow(model, model.start(tau=0.07, gamma=0.31), t)
    found = log_time_of(float(run.gamma[-1]), n=5, gamma0=0.31, beta0=1 / mp.mpf("0.07"))
    assert found == pytest.approx(np.log(t), abs=1e-5)
    if t == 1e300:
        assert run.gamma[-1] == pytest.approx(1.21221415185e-4, rel=1e-8)


@pytest.mark.parametrize("temperature", [gd.Learned(), gd.LinearSchedule(0.4, 0.2, 3.0)], ids=str)
@pytest.mark.parametrize("swap", [None, gd.HardSwap(0.5, segment=0.7)], ids=str)
def test_both_clocks_give_one_flow(temperature, swap):
    model, y0 = make("free", temperature)
    times = [0.0, 0.3, 2.0, 3.0, 10.0, 50.0]
    by_t, by_log_t = (
        gd.flow(model, y0, times, rtol=1e-10, atol=1e-12, swap=swap, clock=clock)
        for clock in ("t", "log t")
    )
    np.testing.assert_allclose(by_log_t.y, by_t.y, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(by_log_t.t, times)
    assert by_log_t.at(7.7).gap == pytest.approx(by_t.at(7.7).gap, abs=1e-8)


def test_the_clock_of_a_learned_temperature_saves_velocities(figure_2):
    counts = []
    for clock in ("t", None):
        model = Counting(5, 3, gd.Learned())
        assert gd.flow(model, figure_2[1], 1e5, rtol=1e-6, clock=clock).t[-1] == 1e5
        counts.append(model.count)
    assert counts[1] < 0.75 * counts[0]


def test_the_clock_follows_the_temperature():
    def clock(temperature, t=1.0):
        return gd.flow(*make("scalar", temperature), t).solver.clock

    assert clock(gd.Learned()) == clock(gd.Learned(max_beta=100.0)) == "log t"
    assert clock(gd.Fixed(0.4)) == clock(gd.LinearSchedule(0.4, 0.6, 1.0)) == "t"
    assert clock(gd.Fixed(0.4), 1e200) == "log t"


@pytest.mark.parametrize("method", METHODS)
def test_a_pole_is_a_state_of_rest(method):
    X, Y = gd.sphere.polygon_pairs(5, 2)
    model = gd.FrozenModel(X @ Y.T, gd.Fixed(0.01))
    run = gd.flow(model, model.start(gamma=0.99), 100.0, method=method)
    assert run.gap[-1] == 2 and run.t[-1] == 100 and run.t.size < 200
    model = gd.ParallelModel(3, 2, gd.Learned())
    y0 = model.start(*gd.sphere.polygon_pairs(3, 1), tau=0.01, gamma=0.31)
    run = gd.flow(model, y0, 1.0, method=method)
    assert run.gap[-1] == 2 and run.t.size < 500
    assert run.at(0.5).gap == 2
    assert method == "BDF" or run.stationary < 0.01  # BDF is there in fewer steps than it takes


def test_a_start_at_rest_ends_at_once():
    model = gd.ParallelModel(5, 2, gd.Fixed(0.5))
    y0 = model.start(*gd.sphere.polygon_pairs(5, 2), gamma=1.0)
    run = gd.flow(model, y0, [0.0, 1.0, 1e300])
    np.testing.assert_array_equal(run.y, [y0, y0, y0])
    assert run.stationary < 1e-3 and run.t.tolist() == [0, 1, 1e300]


def pull(Z, a):
    """g_a(Z), minus the derivative of the mean cross-entropy of rows and columns at aZ."""
    sides = []
    for S in (Z, Z.T):
        weights = np.exp(a * (S - S.max(axis=1, keepdims=True)))
        weights /= weights.sum(axis=1, keepdims=True)
        sides.append(np.diag(S) - (weights * S).sum(axis=1))
    return np.mean(sides)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "LSODA"])
def test_a_frozen_flow_comes_to_rest_where_its_pull_is_zero(method):
    """Similarities that match at small a only: ν and γ move until g_a(Z) = 0, along (6)."""
    rng = np.random.default_rng(3)
    Z = np.eye(8) + rng.standard_normal((8, 8))
    assert pull(Z, 0.0) > 0 > pull(Z, 20.0)
    a = brentq(lambda a: pull(Z, a), 0.0, 20.0, xtol=1e-14)
    model = gd.FrozenModel(Z, gd.Learned())
    run = gd.flow(model, model.start(tau=0.05, gamma=0.3), 1e5, method=method)
    gamma, beta = run.gamma[-1], run.beta[-1]
    assert beta * (1 - gamma**2) == pytest.approx(a, rel=1e-6)
    curve = beta * np.sqrt(gamma) * np.exp(-(gamma**2) / 4)
    assert curve == pytest.approx(20 * np.sqrt(0.3) * np.exp(-(0.3**2) / 4), rel=1e-6)
    assert run.t.size < 3000


def test_a_fixed_temperature_comes_to_rest_and_a_late_end_is_reached():
    model, y0 = make("free", gd.Fixed(0.5), n=6, d=3)
    run = gd.flow(model, y0, 1e300)
    tight = gd.flow(model, y0, 3000.0, rtol=1e-11, atol=1e-13, method="LSODA")
    assert 30 < run.stationary < 1e5 and run.t.size < 5000
    assert run.loss[-1] == pytest.approx(tight.loss[-1], abs=1e-13)
    assert run.gap[-1] == pytest.approx(tight.gap[-1], abs=1e-10)
    assert run.at(1e200).loss == run.loss[-1]


class Kicked(gd.FrozenModel):
    """A height that rests at its pole, and is pulled back from t = 10 on: γ = e^{10-t}."""

    def velocity(self, t, y, out=None):
        velocity = super().velocity(t, y, out)
        return velocity if t < 10 else np.array([0.0, -y[1]])


class Warming(gd.Fixed):
    """A temperature of 1 from t = 10 on."""

    def beta(self, t, nu):
        return super().beta(t, nu) if t < 10 else 1.0 + 0 * nu


def test_rest_is_not_seen_where_a_subclass_may_depend_on_time():
    model = Kicked(-np.eye(3), gd.Fixed(0.5))
    run = gd.flow(model, model.start(gamma=0.9), [9.0, 10.0, 11.0], rtol=1e-6)
    assert run.gamma[-1] == pytest.approx(np.exp(-1), rel=1e-3)
    for name in ("free", "parallel", "frozen"):
        assert make(name, Warming(0.5))[0].settled == np.inf
    assert make("free", gd.Fixed(0.5))[0].settled == 0


def test_implicit_methods_outlast_a_nu_without_effect():
    """SciPy's step for the Jacobian's column of ν grows tenfold with each Jacobian, to infinity."""
    model = gd.FreeModel(8, 2, gd.Fixed(1.0))
    y0 = model.start(gd.sphere.sample(8, 2, 0), gd.sphere.sample(8, 2, 100))
    run = gd.flow(model, y0, 1e6, method="BDF")
    other = gd.flow(model, y0, 1e5, method="LSODA")
    assert run.t[-1] == 1e6
    assert run.loss[-1] == pytest.approx(other.loss[-1], abs=1e-10)


def test_rest_is_looked_for_before_a_run_is_given_up():
    """That the steps left will not do is seen at the same step as that none is needed."""
    model = gd.FreeModel(20, 5, gd.Fixed(0.5))
    y0 = model.start(gd.sphere.sample(20, 5, 0), gd.sphere.sample(20, 5, 100))
    run = gd.flow(model, y0, 1e12)
    assert run.stationary == gd.flow(model, y0, 1e5).stationary


def test_a_mode_that_decays_slowly_does_not_end_a_run_that_is_nearly_at_rest():
    """Its rate is far below the fastest: the run is relaxed longer before it is given up."""
    model = gd.FreeModel(5, 3, gd.Fixed(0.5))
    y0 = model.start(gd.sphere.sample(5, 3, 0), gd.sphere.sample(5, 3, 100))
    run = gd.flow(model, y0, 1e12)
    tight = gd.flow(model, y0, 1e5, rtol=1e-10, atol=1e-12, method="LSODA")
    assert run.stationary < 1e5 and run.loss[-1] == pytest.approx(tight.loss[-1], abs=1e-12)


def test_rest_is_not_seen_where_a_small_height_grows():
    """γ = 1e-20 under -I: γ' = -2βγ g(β) with g < 0, so that γ is 1e-10 at log(1e10)/2β|g|."""
    model = gd.FrozenModel(-np.eye(3), gd.Fixed(1.0))
    rate = -2 * pull(-np.eye(3), 1.0)
    run = gd.flow(model, model.start(gamma=1e-20), np.log(1e10) / rate)
    assert run.gamma[-1] == pytest.approx(1e-10, rel=1e-6)
    assert gd.flow(model, model.start(gamma=1e-20), 200.0).gap[-1] == 2


def test_rest_is_not_seen_where_slow_rows_move_beside_a_stiff_height():
    """At τ = 1e-8 a height near the pole is 1e16 times as fast as the rows, which go on moving."""
    X, Y = gd.sphere.sample(6, 3, 5), gd.sphere.sample(6, 3, 6)
    model = gd.ParallelModel(6, 3, gd.Learned())
    y0 = model.start(X, Y, tau=1e-8, gamma=0.31)
    run = gd.flow(model, y0, 1e5, method="BDF")
    assert run.gap[-1] == pytest.approx(1.99933, abs=1e-5)
    with pytest.raises(gd.IntegrationError, match="method='Radau' or method='DOP853'") as caught:
        gd.flow(model, y0, 1e5, method="LSODA")
    assert caught.value.trajectory.stationary is None


def test_heights_keep_their_relative_accuracy_at_a_fixed_temperature():
    """dγ/dt = -2βγ e^{-β(1-γ²)} by quadrature; absolute errors of 1e-10 would hide γ = 3e-20."""
    model = gd.ScalarModel(gd.Fixed(1.0))
    gamma = float(gd.flow(model, model.start(gamma=0.5), 60.0).gamma[-1])
    with mp.workdps(30):
        t = mp.quad(
            lambda u: mp.exp(1 - mp.exp(-2 * u)) / 2, [-mp.log(0.5), 1, 5, -mp.log(mp.mpf(gamma))]
        )
    assert float(t) == pytest.approx(60, abs=1e-6)
    assert gamma == pytest.approx(2.99e-20, rel=1e-3)


@pytest.mark.parametrize("method", ["BDF", "Radau", "DOP853"])
@pytest.mark.filterwarnings("error")
def test_a_ceiling_is_kept_quietly_by_every_method(method):
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5), gamma=0.31)
    model = gd.FreeModel(5, 3, gd.Learned(max_beta=20.0))
    run = gd.flow(model, model.start(X, Y, tau=0.07), 1e6, method=method)
    assert run.gap[-1] == pytest.approx(0.001555, abs=5e-7)


@pytest.mark.parametrize("method", METHODS)
def test_a_trial_step_beyond_float64_is_taken_shorter(method):
    """y' = 1/(1+t) until y = 200, y = log(1 + t): steps in log t soon reach a trial y above it."""
    broken = Own(lambda t, y: np.where(y < 200, 1 / (1 + t), np.nan) + 0 * y)
    run = gd.flow(broken, [0.0], np.exp(199.9), method=method, clock="log t")
    assert run.gap[-1] == pytest.approx(199.9, abs=1e-6)
    with pytest.raises(gd.IntegrationError, match=r"the velocity is not finite at t = .*; try"):
        gd.flow(broken, [0.0], np.exp(210.0), method=method, clock="log t")


# Runs that end


@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_jacobians_stay_finite_where_a_part_changes_nothing(method):
    """Hundreds of them, on the way to the matched square, where ν has no part in the velocity."""
    X, Y = gd.sphere.polygon_pairs(4, rotation=2)
    model = gd.FreeModel(4, 2, gd.Fixed(0.3))
    run = gd.flow(model, model.start(X, Y), 1300.0, method=method)
    assert run.loss[-1] == pytest.approx(2 * np.log1p(np.exp(-1 / 0.3)), rel=1e-9)


def test_a_run_takes_at_most_max_steps(figure_2):
    with pytest.raises(gd.IntegrationError, match="max_steps") as caught:
        gd.flow(*figure_2, 1e5, max_steps=10)
    assert caught.value.trajectory.t.size == 11
    needed = gd.flow(*figure_2, 1e5).t.size - 1
    assert gd.flow(*figure_2, 1e5, max_steps=needed).t[-1] == 1e5


def test_max_steps_count_through_breaks_and_swapped_segments(figure_2):
    breaks = gd.Scheduled(lambda t: 0.1, breaks=np.arange(1, 100) / 100)
    for temperature, swap in ((breaks, None), (gd.Learned(), gd.HardSwap(0.5, segment=0.01))):
        model = gd.FreeModel(5, 3, temperature)
        with pytest.raises(gd.IntegrationError, match="max_steps are done") as caught:
            gd.flow(model, figure_2[1], 1.0, max_steps=40, swap=swap)
        assert caught.value.trajectory.t.size == 41


def test_max_steps_are_those_of_all_swapped_segments_together():
    model, y0 = make("free", gd.Learned())
    swap = gd.HardSwap(0.5, segment=0.5)
    most = gd.flow(model, y0, 10.0, swap=swap).t.size - 1
    for count in range(1, most):
        with pytest.raises(gd.IntegrationError, match="max_steps are done") as caught:
            gd.flow(model, y0, 10.0, swap=swap, max_steps=count)
        assert caught.value.trajectory.t.size == count + 1


def test_a_run_that_would_never_end_stops_early_and_its_advice_works():
    """y' = -1e6(y - cos t): the explicit method is held to steps of 6e-6 for ever."""
    stiff = Own(lambda t, y: -1e6 * (y - np.cos(t)))
    with pytest.raises(gd.IntegrationError, match="try method='LSODA' or method='Radau'") as caught:
        gd.flow(stiff, [1.0], 1e3)
    run = caught.value.trajectory
    assert 1500 < run.t.size < 4000 and "e+08 more steps are needed" in str(caught.value)
    for method in ("LSODA", "Radau"):
        run = gd.flow(stiff, [1.0], 1e3, method=method)
        assert run.gap[-1] == pytest.approx(np.cos(1e3), abs=1e-6)


def test_a_schedule_that_would_need_too_many_steps_says_so_at_once():
    model, y0 = make("free", gd.CosineSchedule(0.05, 0.1, 1e-9))
    with pytest.raises(gd.IntegrationError, match=r"4e\+09 steps are needed.*slower") as caught:
        gd.flow(model, y0, 1.0)
    assert caught.value.trajectory.t.tolist() == [0.0]


def test_many_members_share_clock_rest_and_the_most_steps():
    model = gd.FrozenModel(-np.eye(3), gd.Fixed(0.5))
    starts = [model.start(gamma=gamma) for gamma in (0.3, 0.9, 1.0)]
    for run in gd.flow_many(model, starts, 1e200):
        assert run.gap[-1] == 2 and run.stationary < 100 and run.solver.clock == "log t"
    with pytest.raises(gd.IntegrationError, match="max_steps") as caught:
        gd.flow_many(model, starts, 10.0, max_steps=3)
    assert [run.t.size for run in caught.value.trajectories] == [4, 4, 4]


free, start = make("free", gd.Learned())
cosine, cosine_start = make("free", gd.CosineSchedule(0.4, 0.8, 7.0))

test_bad_input_is_named = refusals(
    (lambda: gd.flow(free, start, 1.0, clock="log"), ValueError, "clock must be 't' or 'log t'"),
    (lambda: gd.flow(free, start, 1.0, clock=1), ValueError, "clock must be 't' or 'log t'"),
    (lambda: gd.flow(free, start, 1e200, clock="t"), ValueError, "'log t' or left out for t > 1e"),
    (lambda: gd.flow(free, start, 1.5e308), ValueError, r"t must be at most 1e\+308"),
    (lambda: gd.flow(free, start, [1.0, 1.5e308]), ValueError, r"t must be at most 1e\+308"),
    (lambda: gd.flow(free, start, 1.0, max_steps=0), ValueError, "max_steps must be at least 1"),
    (lambda: gd.flow(free, start, 1.0, max_steps=1e6), TypeError, "max_steps must be an integer"),
    (
        lambda: gd.flow(cosine, cosine_start, 1.0, clock="log t"),
        ValueError,
        "clock must be 't', on",
    ),
)
