"""Each member of an ensemble is within its tolerance, whatever the others do."""

import pickle

import numpy as np
import pytest
from conftest import MODELS, TEMPERATURES, Own, interrupted, make, refusals

import gapdyn as gd
from gapdyn.record import Record


def starts(kind, temperature, count, n=5, d=3):
    model, _ = make(kind, temperature, n, d)
    return model, np.array([make(kind, temperature, n, d, seed=s)[1] for s in range(count)])


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
def test_every_member_is_within_tolerance_of_its_own_tight_flow(kind, temperature):
    model, Y0 = starts(kind, temperature, 3)
    times = [0.0, 0.5, 3.0, 12.0]
    runs = gd.flow_many(model, Y0, times, rtol=1e-6, atol=1e-8)
    assert len(runs) == 3
    for run, y0 in zip(runs, Y0, strict=True):
        tight = gd.flow(model, y0, times, rtol=1e-11, atol=1e-13)
        np.testing.assert_array_equal(run.t, times)
        for y, exact in zip(run.y, tight.y, strict=True):
            for name, part in model.split(y)._asdict().items():
                wanted = getattr(model.split(exact), name)
                if name.startswith("gamma"):  # the last step before a pole ends beyond it
                    part, wanted = np.clip([part, wanted], -1, 1)
                np.testing.assert_allclose(part, wanted, atol=1e-5, err_msg=name)
        for name in gd.Observables._fields:
            np.testing.assert_allclose(
                getattr(run, name), getattr(tight, name), rtol=1e-5, atol=1e-5, err_msg=name
            )


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853"])
def test_one_restless_member_among_many_at_rest_keeps_its_tolerance(method):
    """A root mean square over all B members would make light of its error by a factor √B."""
    model = gd.FrozenModel(np.eye(4), gd.Fixed(0.2))
    Y0 = np.array([model.start(gamma=0.9), *[model.start(gamma=0.0)] * 400])
    runs = gd.flow_many(model, Y0, 100.0, rtol=1e-5, atol=1e-7, method=method)
    alone = gd.flow(model, Y0[0], 100.0, rtol=1e-5, atol=1e-7, method=method)
    tight = gd.flow(model, Y0[0], 100.0, rtol=1e-12, atol=1e-14)
    assert abs(runs[0].gamma[-1] - tight.gamma[-1]) <= 1e-5
    assert runs[0].t.size == pytest.approx(alone.t.size, abs=2)  # its own steps, in effect
    assert not runs[1].gamma.any()


def test_an_ensemble_of_one_is_a_flow(figure_2):
    model, y0 = figure_2
    (run,) = gd.flow_many(model, [y0], 1e3)
    alone = gd.flow(model, y0, 1e3)
    assert run.t.size == pytest.approx(alone.t.size, abs=1)
    np.testing.assert_allclose(run.y[-1], alone.y[-1], atol=1e-7)
    assert run.drift == pytest.approx(alone.drift, rel=1e-2)


def test_an_end_time_gives_steps_that_all_members_share():
    model, Y0 = starts("free", gd.LinearSchedule(0.4, 0.2, 3.0), 4)
    runs = gd.flow_many(model, Y0, 10.0)
    assert runs[0].t[0] == 0 and runs[0].t[-1] == 10 and 3.0 in runs[0].t
    for run in runs:
        np.testing.assert_array_equal(run.t, runs[0].t)
        assert run.y.shape == (run.t.size, model.size)
        assert run.mismatched.dtype == gd.flow(model, Y0[0], 1.0).mismatched.dtype
    fast = gd.CosineSchedule(0.4, 0.8, 0.1)
    model, Y0 = starts("free", fast, 2)
    assert np.diff(gd.flow_many(model, Y0, 2.0)[0].t).max() <= 0.025 + 1e-12


def test_every_beta_stops_at_the_ceiling_in_its_own_time():
    model, Y0 = starts("free", gd.Learned(max_beta=20.0), 5)
    for run in gd.flow_many(model, Y0, 1e4):
        assert run.beta.max() <= 20 and (np.diff(run.loss) <= 1e-9 * run.loss[:-1] + 1e-10).all()
        alone = gd.flow(model, run.y[0], [1e4], rtol=1e-10, atol=1e-12)
        assert run.beta[-1] == pytest.approx(alone.beta[-1], rel=1e-6)


def test_a_member_is_a_trajectory_like_any_other(tmp_path):
    model, Y0 = starts("parallel", gd.Learned(), 3)
    run = gd.flow_many(model, Y0, 5.0)[1]
    alone = gd.flow(model, Y0[1], 5.0)
    assert run.at(2.2).gap == pytest.approx(alone.at(2.2).gap, abs=1e-8)
    assert run.solver == alone.solver
    run.save(tmp_path / "run.npz")
    np.testing.assert_array_equal(gd.Trajectory.load(tmp_path / "run.npz").y, run.y)
    run.to_csv(tmp_path / "run.csv")


def test_members_share_the_memory(figure_2, monkeypatch):
    """Memory for seven states of one member holds two states of three members."""
    monkeypatch.setattr("gapdyn.record.MEMORY", 7 * 31 * 8)
    model, y0 = figure_2
    times = [0.0, *np.geomspace(0.1, 100, 30)]
    runs = gd.flow_many(model, [y0, y0, y0], times)
    for run in runs:
        assert run.kept.tolist() == [0, 30] and run.t.size == run.gap.size == 31
    whole = gd.flow_many(model, [y0, y0, y0], times, keep_states=True)
    np.testing.assert_array_equal(runs[2].y[-1], whole[2].y[-1])
    np.testing.assert_allclose(runs[1].at(times[9]).y, whole[1].y[9], atol=1e-7)


@pytest.mark.parametrize("method", ["LSODA", "Radau", "BDF"])
def test_methods_with_a_jacobian_take_one_member_after_the_other(method):
    model, Y0 = starts("frozen", gd.Learned(), 3)
    for run, y0 in zip(gd.flow_many(model, Y0, 5.0, method=method), Y0, strict=True):
        np.testing.assert_array_equal(run.y, gd.flow(model, y0, 5.0, method=method).y)


def decay(t, y):
    """dy/dt = -y, and one that is infinite at t = 1 where y starts at 1."""
    return np.where(y > 0, y**2, -y)


def test_a_model_of_the_users_takes_many_states():
    runs = gd.flow_many(Own(decay), [[-1.0], [-2.0]], [1.0, 2.0])
    np.testing.assert_allclose([run.y[:, 0] for run in runs], -np.exp([[-1, -2]]) * [[1], [2]])
    assert runs[1].gap.tolist() == runs[1].y[:, 0].tolist()


@pytest.mark.parametrize("method", ["DOP853", "LSODA"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:lsoda:UserWarning")
def test_a_member_that_fails_loses_nothing_of_the_others(method):
    with pytest.raises(gd.IntegrationError, match=r"in \.trajectories") as caught:
        gd.flow_many(Own(decay), [[-1.0], [-2.0], [1.0]], 5.0, method=method)
    error = caught.value
    assert 0.9 < error.t < 1.1 and len(error.trajectories) == 3
    np.testing.assert_allclose(
        error.trajectories[0].y[:, 0], -np.exp(-error.trajectories[0].t), rtol=1e-6
    )
    again = pickle.loads(pickle.dumps(error))
    assert len(again.trajectories) == 3 and again.t == error.t


def test_the_member_that_fails_is_named():
    turning = Own(lambda t, y: np.where((t < 0.5) | (y < 1), -y, y * np.nan))
    with pytest.raises(gd.IntegrationError, match=r"^member 1: .* velocity is not fin") as caught:
        gd.flow_many(turning, [[-1.0], [9.0]], 5.0)
    assert caught.value.trajectory is caught.value.trajectories[1]
    model, Y0 = starts("free", gd.Learned(), 3)
    with pytest.raises(gd.IntegrationError, match="drifted from unit length") as caught:
        gd.flow_many(model, Y0, 1e5, rtol=0.9, atol=10.0, method="RK23")
    assert max(run.drift for run in caught.value.trajectories) <= 1e-4


def test_a_trial_step_without_a_velocity_is_a_shorter_one_as_in_a_flow_alone():
    """At its pole a height stops at once, and a step that is too long has no velocity there."""
    loss = gd.Sigmoid("relative", bias_rate=0.6)
    temperature = gd.Learned(beta=gd.Softplus(), rate=0.1)
    model = gd.FrozenModel(-np.eye(3), temperature, loss=loss)
    y0 = np.array([50.0, 0.3, 0.2])
    alone = gd.flow(model, y0, [0.0, 30.0])
    for run in gd.flow_many(model, [y0, y0], [0.0, 30.0]):
        np.testing.assert_allclose(run.y[-1], alone.y[-1], rtol=1e-6)


def test_an_interrupt_keeps_what_there_is():
    model, Y0 = starts("free", gd.Scheduled(interrupted), 3)
    with pytest.raises(gd.IntegrationError, match="interrupted at t = ") as caught:
        gd.flow_many(model, Y0, [5.0, 10.0])
    for run in caught.value.trajectories:
        assert run.t.tolist() == [caught.value.t] and 0 < caught.value.t <= 2


def test_progress_goes_to_a_bar_on_request_only(capsys):
    model, Y0 = starts("scalar", gd.Learned(), 3)
    gd.flow_many(model, Y0, 1.0)
    assert capsys.readouterr() == ("", "")
    gd.flow_many(model, Y0, 1.0, progress=True)
    assert "100%" in capsys.readouterr().err


one_by_one = Own(lambda t, y: np.array([-y[0].mean()]))
free, Y0 = starts("free", gd.Learned(), 3)
hot = Y0.copy()
hot[1, -1] = 800.0

test_bad_input_is_named = refusals(
    (lambda: gd.flow_many(one_by_one, [[1.0], [2.0]], 1.0), ValueError, "model must take many"),
    (lambda: gd.flow_many(free, Y0[0], 1.0), ValueError, "Y0 must have 2 axes"),
    (lambda: gd.flow_many(free, Y0[:0], 1.0), ValueError, "rows of Y0 must be at least 1"),
    (lambda: gd.flow_many(free, Y0[:, 1:], 1.0), ValueError, "Y0 must have 31 columns"),
    (lambda: gd.flow_many(free, [*Y0, Y0[0, 1:]], 1.0), ValueError, "Y0 must be a rectang"),
    (lambda: gd.flow_many(free, Y0 * np.nan, 1.0), ValueError, "Y0 must be finite"),
    (lambda: gd.flow_many(free, Y0 * [[1], [2], [1]], 1.0), ValueError, "unit length, row 1"),
    (lambda: gd.flow_many(free, hot, 1.0), ValueError, "finite velocities, row 1 has none"),
    (lambda: gd.flow_many(free, Y0.astype(int), 1.0), TypeError, "Y0 must hold real"),
    (lambda: gd.flow_many("free", Y0, 1.0), TypeError, "model must be a gapdyn.Model"),
    (lambda: gd.flow_many(free, Y0, [2.0, 1.0]), ValueError, "t must be increasing"),
    (lambda: gd.flow_many(free, Y0, 1.0, rtol=3e-14), ValueError, "least 3.8e-14 for 3 mem"),
    (lambda: gd.flow_many(free, Y0, 1.0, method="Euler"), ValueError, "method must be one of"),
    (lambda: gd.flow_many(free, Y0, 1.0, keep_states=1), TypeError, "keep_states must be"),
)


class Scalars(Own):
    """A model whose observables are of one state alone."""

    def observe(self, t, y):
        return gd.Observables(*[1.0] * 7)


class TwoEntries(Own):
    size = 2


class Reshaping(TwoEntries):
    """A model whose parts are of one state alone."""

    def split(self, y):
        return (y.reshape(2),)


@pytest.mark.parametrize(
    "model",
    [
        TwoEntries(lambda t, y: -y / np.linalg.norm(y)),  # of the right shape, and of all members
        TwoEntries(lambda t, y: -y if y.ndim == 1 else y[:1]),
        Scalars(lambda t, y: -y),
        Reshaping(lambda t, y: -y),
    ],
)
def test_a_model_of_one_state_is_refused_before_it_runs_and_flows_alone(model):
    Y0 = np.array([[1.0, 2.0], [3.0, 4.0]])[:, : model.size]
    with pytest.raises(ValueError, match="model must take many states as columns"):
        gd.flow_many(model, Y0, 0.5)
    assert len(gd.flow_many(model, Y0, 0.5, method="LSODA")) == 2


@pytest.mark.parametrize("method", ["DOP853", "LSODA"])
def test_a_bad_start_is_found_before_any_member_runs(method):
    model, Y0 = starts("free", gd.Learned(), 3)
    Y0[2, :-1] *= 2
    with pytest.raises(ValueError, match="unit length, row 2 does not"):
        gd.flow_many(model, Y0, 1e300, method=method)


class Full(np.ndarray):
    """An array for whose copy there is no memory."""

    def copy(self, order="C"):
        raise MemoryError


def test_without_the_memory_for_copies_the_trajectories_are_there(monkeypatch):
    model, Y0 = starts("free", gd.Learned(), 3)
    whole = gd.flow_many(model, Y0, 2.0)
    fields = Record.fields
    monkeypatch.setattr(
        Record, "fields", lambda *args: (found := fields(*args)) | {"y": found["y"].view(Full)}
    )
    for run, copied in zip(gd.flow_many(model, Y0, 2.0), whole, strict=True):
        np.testing.assert_array_equal(run.y, copied.y)
