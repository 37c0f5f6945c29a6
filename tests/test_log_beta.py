"""The clock log β: the free flow at times that no float64 holds."""

import mpmath as mp
import numpy as np
import pytest
from conftest import Square, make
from theory.late import late_rows

import gapdyn as gd
from gapdyn._kernels.relative import relative_pull
from gapdyn.examples import matched
from gapdyn.models import LogBetaModel
from gapdyn.models.log_beta import log_times
from gapdyn.temperature import Exponential, Linear, Softplus
from gapdyn.theory import theorem_3_3

TEMPERATURES = {
    "exponential": gd.Learned(),
    "scaled": gd.Learned(Exponential(2.0), rate=0.7),
    "linear": gd.Learned(Linear(), rate=0.5),
    "softplus": gd.Learned(Softplus()),
}


def early(model, tau=0.07, end=1e3):
    """A state in which all pairs have come to match, from uniform rows."""
    X, Y = (gd.sphere.sample(model.n, model.d, seed) for seed in (0, 1))
    run = gd.flow(model, model.start(X, Y, tau=tau), end)
    assert run.margin[-1] > 0
    return run.y[-1]


@pytest.mark.parametrize("temperature", TEMPERATURES.values(), ids=TEMPERATURES)
def test_velocities_are_those_of_the_free_model_over_that_of_log_beta(temperature):
    for seed in range(20):
        n, d = 2 + seed % 7, 2 + seed % 5
        free = gd.FreeModel(n, d, temperature, row_rate=0.6)
        late = LogBetaModel(n, d, temperature, row_rate=0.6)
        y = free.start(*matched(n, d, seed, noise=0.05), tau=float(np.exp(-0.3 * seed)))
        nu, expected = y[-1], free.velocity(0.0, y)
        log_beta = temperature.dbeta(0, nu) / temperature.beta(0, nu) * expected[-1]
        velocity = late.velocity(0.0, y)
        np.testing.assert_allclose(velocity * log_beta, expected, rtol=1e-11, atol=1e-13)
        assert late.log_rate(y) == pytest.approx(-np.log(log_beta), rel=1e-12, abs=1e-12)


def test_many_states_move_as_each_alone():
    model = LogBetaModel(4, 3, gd.Learned())
    states = np.array([model.start(*matched(4, 3, seed), tau=0.01) for seed in range(5)])
    together = model.velocity(0.0, states.T.copy())
    for column, rate, y in zip(together.T, model.log_rate(states.T), states, strict=True):
        np.testing.assert_allclose(column, model.velocity(0.0, y), rtol=1e-12)
        assert rate == pytest.approx(model.log_rate(y), rel=1e-13)


def exact_pull(X, Y, beta):
    """Velocity of the rows per unit of P, and log g, at 50 digits: softmax as it is written."""
    n, d = X.shape
    X, Y = (mp.matrix(A.tolist()) for A in (X, Y))
    for A in (X, Y):
        for i in range(n):
            A[i, :] /= mp.norm(A[i, :].T)
    Z = X * Y.T
    E = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            E[i, j] = mp.exp(beta * Z[i, j])
    rows = [mp.fsum(E[i, :]) for i in range(n)]
    columns = [mp.fsum(E[:, j]) for j in range(n)]
    G = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            G[i, j] = (E[i, j] / rows[i] + E[i, j] / columns[j]) / (2 * n) - mp.mpf(i == j) / n
    g = -mp.fsum(G[i, j] * Z[i, j] for i in range(n) for j in range(n))
    moving = []
    for A, B, H in ((X, Y, G), (Y, X, G.T)):
        pulls = -(H * B) / g
        for i in range(n):
            along = mp.fsum(pulls[i, k] * A[i, k] for k in range(d))
            moving.append([float(pulls[i, k] - along * A[i, k]) for k in range(d)])
    return np.array(moving), float(mp.log(g))


@pytest.mark.parametrize("beta", [3.0, 300.0, 1e4])
def test_direction_and_log_g_at_fifty_digits(beta):
    with mp.workdps(50 + int(2 * beta)):  # 1 - P_ii is e^-β margin
        X, Y = matched(4, 3, 1)
        out = np.empty((8, 3))
        log_g = relative_pull(np.concatenate([X, Y]), beta, out)
        moving, exact = exact_pull(X, Y, beta)
    np.testing.assert_allclose(out, moving, rtol=1e-11, atol=1e-11)
    assert log_g == pytest.approx(exact, rel=1e-12)


def test_the_jacobian_is_that_of_the_velocity():
    model = LogBetaModel(3, 3, gd.Learned(Softplus(), rate=0.5))
    y, h = model.start(*matched(3, 3, 2), tau=0.2), 1e-5
    far = [model.velocity(0.0, y[:, None] + k * h * np.eye(y.size)) for k in (-2, -1, 1, 2)]
    expected = (8 * (far[2] - far[1]) - (far[3] - far[0])) / (12 * h)
    np.testing.assert_allclose(model.jacobian(0.0, y), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("temperature", TEMPERATURES.values(), ids=TEMPERATURES)
def test_the_path_is_that_of_the_flow_in_t(temperature):
    model = gd.FreeModel(3, 4, temperature, row_rate=0.6)
    y0 = early(model)
    run = gd.flow(model, y0, 1e12, rtol=1e-10)
    late = gd.flow(model, y0, np.log(run.beta[-1] / run.beta[0]), clock="log beta")
    np.testing.assert_allclose(late.y[-1], run.y[-1], rtol=1e-8, atol=1e-8)
    assert late.log_t[-1] == pytest.approx(np.log(1e12), abs=1e-5)
    for name in ("gap", "tau", "margin"):
        assert getattr(late, name)[-1] == pytest.approx(getattr(run, name)[-1], rel=1e-7, abs=1e-10)


@pytest.mark.parametrize(("n", "d", "seed"), [(4, 6, 0), (5, 4, 1)])
def test_the_path_is_that_of_another_integrator_at_beta_of_e_to_the_14(n, d, seed):
    """LSODA in ν, of softmaxes that are written otherwise, over ten e-folds of β."""
    X, Y = matched(n, d, seed)
    model = gd.FreeModel(n, d, gd.Learned())
    late = gd.flow(model, model.start(X, Y, tau=np.exp(-4.0)), [4.0, 10.0], clock="log beta")
    rows = late_rows(X, Y, np.array([4.0, 8.0, 14.0]))
    for k, state in enumerate(late.y):
        for found, expected in zip(model.embeddings(state), rows, strict=True):
            np.testing.assert_allclose(found, expected[k + 1], atol=1e-6)
        gap = np.linalg.norm((rows[0][k + 1] - rows[1][k + 1]).mean(axis=0))
        assert late.gap[k] == pytest.approx(gap, rel=1e-5)


def test_beta_of_e_to_the_20_is_reached_at_the_simplex_of_margin_three_halves():
    """log t = β margin + log β + ..., which no float64 t holds."""
    model = gd.FreeModel(3, 4, gd.Learned())
    y0 = early(model)
    late = gd.flow(model, y0, 20 - model.split(y0).nu, clock="log beta")
    assert late.beta[-1] == pytest.approx(np.exp(20), rel=1e-9) and late.t.size < 1000
    assert late.margin[-1] == pytest.approx(1.5, abs=1e-5)
    assert late.log_t[-1] == pytest.approx(1.5 * np.exp(20), rel=1e-5)
    assert late.drift < 1e-6


def test_logarithms_of_times_are_integrals():
    s = np.linspace(0.0, 12.0, 200)
    for slope in (-1.0, 0.1, 30.0):
        expected = np.log(np.expm1(slope * s[1:]) / slope)
        np.testing.assert_allclose(log_times(s, slope * s)[1:], expected, rtol=1e-9, atol=1e-9)
    steep = log_times(s, 1.3 * np.exp(s) - s)  # ∫ exp(1.3 eˢ - s) ds = ∫ exp(1.3 b)/b² db
    at = [mp.log(mp.quad(lambda b: mp.exp(1.3 * b) / b**2, [1, mp.exp(x)])) for x in s[[40, 60]]]
    np.testing.assert_allclose(steep[[40, 60]], np.array(at, float), rtol=1e-6)
    assert steep[0] == -np.inf and log_times(s[:1], s[:1]).tolist() == [-np.inf]


def test_log_t_of_a_run_in_t_is_the_logarithm_of_t():
    model, y0 = make("scalar", gd.Learned())
    assert gd.flow(model, y0, [0.0, 1.0, 100.0]).log_t.tolist() == [-np.inf, 0.0, np.log(100.0)]


def test_log_t_does_not_depend_on_where_the_output_begins(tmp_path):
    model = gd.FreeModel(3, 4, gd.Learned())
    y0 = early(model)
    whole = gd.flow(model, y0, 8.0, clock="log beta")
    late = gd.flow(model, y0, np.linspace(4, 8, 400), clock="log beta")
    assert late.log_t[-1] == pytest.approx(whole.log_t[-1], rel=1e-6)
    soon = gd.flow(model, y0, [1e-3, 0.01, 0.02], clock="log beta")
    rates = np.exp([soon.model.log_rate(y) for y in (y0, soon.y[0])])
    assert np.exp(soon.log_t[0]) == pytest.approx(1e-3 * rates.mean(), rel=1e-3)
    model = gd.FreeModel(3, 4, gd.Learned(Square()))
    gd.flow(model, early(model), 2.0, clock="log beta").save(tmp_path / "own.npz")
    with pytest.raises(ValueError, match="log_t wants a model and a start"):
        _ = gd.Trajectory.load(tmp_path / "own.npz").log_t


class Sum(Softplus):
    """A β(ν) that takes no complex numbers."""

    def beta(self, nu):
        return np.logaddexp(0.0, nu)


def test_a_parametrisation_need_not_take_complex_numbers():
    runs = []
    for beta in (Sum(), Softplus()):
        model = gd.FreeModel(3, 4, gd.Learned(beta))
        runs.append(gd.flow(model, early(model), 3.0, clock="log beta"))
    np.testing.assert_allclose(runs[0].y[-1], runs[1].y[-1], rtol=1e-8, atol=1e-8)


def test_what_is_written_says_that_it_is_no_time(tmp_path):
    model = gd.FreeModel(3, 4, gd.Learned())
    run = gd.flow(model, early(model), 2.0, clock="log beta")
    run.to_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text().startswith("log(beta/beta0),gap,tau,beta,")
    with pytest.raises(ValueError, match="trajectory must be one in t"):
        run.animate()
    with pytest.raises(gd.IntegrationError, match=r"stopped at log\(β/β₀\) = "):
        gd.flow(model, run.y[0], 2.0, clock="log beta", max_steps=3)
    for velocity in (theorem_3_3.gap_velocity, theorem_3_3.height_velocity):
        with pytest.raises(ValueError, match="model must have t for time"):
            velocity(run.model, run.y[0])


@pytest.mark.parametrize("end", [30.0, 1e5, 1e-13, 5e-324, [0.0, 40.0]])
def test_beta_stays_where_its_inverse_is_no_rounding_error(end):
    model = gd.FreeModel(3, 4, gd.Learned())
    with pytest.raises(ValueError, match=r"t must lie between 1e-12 and log\(1e\+11/β₀\)"):
        gd.flow(model, early(model), end, clock="log beta")


def test_a_run_on_this_clock_is_one_as_any_other(tmp_path):
    model = gd.FreeModel(3, 4, gd.Learned())
    y0 = early(model)
    run = gd.flow(model, y0, 8.0, clock="log beta")
    assert run.model == LogBetaModel(3, 4, gd.Learned()) and run.solver.method == "Radau"
    assert run.at(4.4).beta == pytest.approx(np.exp(4.4) * run.beta[0], rel=1e-9)
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(again.log_t, run.log_t)
    assert again.at(4.4).gap == run.at(4.4).gap
    on = gd.flow(run.model, run.y[-1], 1.0)
    assert on.solver.clock == "log beta" and on.beta[-1] == pytest.approx(np.e * run.beta[-1])
    for method in ("Radau", "RK45"):
        runs = gd.flow_many(model, [y0, y0], [0.0, 3.0], clock="log beta", method=method)
        for other in runs:
            assert other.gap[-1] == pytest.approx(run.at(3.0).gap, rel=1e-6)


fixed = gd.FreeModel(3, 4, gd.Fixed(0.1))
free = gd.FreeModel(3, 4, gd.Learned())
STATE = np.append(np.concatenate(matched(3, 4, 0)).ravel(), np.log(1 / 0.07))
CLIP = gd.FreeModel(3, 4, gd.Learned(max_beta=100.0))
MIXED = free.mixed(np.full((3, 4), 0.5))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (fixed, {}, "clock must be .* where β may stand still"),
        (CLIP, {}, "clock must be .* where β may stand still"),
        (MIXED, {}, "clock must be .* for a mixing"),
        (free, {"swap": gd.HardSwap(0.5)}, "swap must be None on the clock 'log beta'"),
        (free, {"clock": "log nu"}, "clock must be 't' or 'log t' or 'log beta', or left out"),
        (free, {"clock": np.ma.masked_array(np.eye(3))}, "clock must be .*, got masked_array"),
    ],
)
def test_what_has_no_such_clock_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        gd.flow(model, STATE, 5.0, **{"clock": "log beta"} | options)


def test_mismatched_pairs_and_other_models_are_refused():
    model = gd.FreeModel(3, 2, gd.Learned())
    y0 = model.start(*gd.sphere.polygon_pairs(3, 1), tau=0.07)
    with pytest.raises(ValueError, match="clock must be 't' or 'log t' until β grows"):
        gd.flow(model, y0, 5.0, clock="log beta")
    with pytest.raises(ValueError, match="clock must be 't' or 'log t' for all but FreeModel"):
        gd.flow(*make("scalar", gd.Learned()), 5.0, clock="log beta")
    late = LogBetaModel(3, 4, gd.Learned())
    with pytest.raises(ValueError, match="clock must be 'log beta' or left out"):
        gd.flow(late, STATE, 5.0, clock="t")
    with pytest.raises(ValueError, match="velocities in t"):
        gd.check_gradient(late, STATE)
