"""The exchange law, exact for symmetric pairs, and departures from it."""

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import symbolic
from gapdyn.examples import simplex
from gapdyn.theory import exchange_law, potential


def polygon_run(n, rotation, end=1e6, **options):
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(n, rotation), gamma=0.31)
    model = gd.FreeModel(n, 3, options.pop("temperature", gd.Learned()), **options)
    return gd.flow(model, model.start(X, Y, tau=0.07), end)


def test_the_invariant_is_n_log_gap_plus_nu_and_the_late_slope_minus_one():
    run = polygon_run(5, 2, 1e4)
    nu = np.array([float(run.model.split(y).nu) for y in run.y])
    kept = 5 * np.log(run.gap) + nu
    np.testing.assert_allclose(exchange_law.invariant(run), kept, rtol=0, atol=1e-12)
    assert exchange_law.late_slope(run, 1e2) == pytest.approx(-1, abs=1e-7)


def test_the_exponent_takes_numbers_or_a_temperature():
    temperature = gd.Learned(gd.Exponential(2.0), rate=0.5)
    assert exchange_law.exponent(n=5) == 0.2
    assert exchange_law.exponent(n=5, temperature=temperature, row_rate=0.3) == 0.48
    assert exchange_law.exponent(n=5, scale=2.0, rate=0.5, row_rate=0.3) == 0.48


@pytest.mark.parametrize("n", [2, 3, 4])
def test_sympy_derives_it_for_cyclic_pairs(n):
    assert symbolic.exchange_law(n) * n == -1


def test_each_centre_obeys_it_though_heights_differ():
    X, Y = gd.sphere.polygon_pairs(6, 1)
    X, Y = gd.sphere.lift(X, Y, gamma_x=0.5, gamma_y=0.1)
    model = gd.FreeModel(6, 3, gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=0.2), 1e4)
    for part in ("X", "Y"):
        centre = [np.linalg.norm(getattr(model.split(y), part).mean(axis=0)) for y in run.y]
        assert np.ptp(6 * np.log(centre) + np.log(run.beta)) < 1e-7
    assert exchange_law.departure(run) < 1e-7


# When it is exact


SYMMETRIC = {
    "rotated polygon": gd.sphere.polygon_pairs(7, 3),
    "prism": gd.sphere.lift(*gd.sphere.polygon_pairs(6, 2), gamma_x=0.2, gamma_y=0.9),
    "simplex": (simplex(5), simplex(5)),
    "cyclic simplex": (simplex(5), np.roll(simplex(5), 2, axis=0)),
    "cross": (np.vstack([np.eye(3), -np.eye(3)]), np.vstack([-np.eye(3), np.eye(3)])),
}
ASYMMETRIC = {
    "random": (gd.sphere.sample(6, 3, 0), gd.sphere.sample(6, 3, 1)),
    "one transposition": (simplex(5), simplex(5)[[1, 0, 2, 3, 4]]),
    "nudged polygon": (
        gd.sphere.polygon(5),
        gd.sphere.normalise(gd.sphere.polygon(5) + 0.3 * np.eye(5)[:, :2]),
    ),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_pairs_are_seen_and_obey_the_law(name):
    X, Y = SYMMETRIC[name]
    assert exchange_law.symmetric(X, Y)
    X, Y = gd.sphere.lift(X, Y, gamma=0.3)
    assert exchange_law.symmetric(X, Y)
    model = gd.FreeModel(*X.shape, gd.Learned())
    y = model.start(X, Y, tau=0.3)
    assert abs(exchange_law.invariant_velocity(model, y)) < 1e-13


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_other_pairs_are_not_symmetric_and_depart(name):
    """The departure is asked later, since centred rows of equal heights obey the law at first."""
    X, Y = ASYMMETRIC[name]
    assert not exchange_law.symmetric(X, Y)
    X, Y = gd.sphere.lift(X, Y, gamma=0.3)
    assert not exchange_law.symmetric(X, Y)
    model = gd.FreeModel(*X.shape, gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=0.3), 1e3)
    assert exchange_law.departure(run) > 1e-6
    assert abs(exchange_law.invariant_velocity(model, run.y[-1])) > 1e-7


def test_near_symmetry_is_refused_at_once_and_the_tolerance_is_checked():
    X = np.eye(40)
    X[39, 38] = 0.1
    assert not exchange_law.symmetric(X, X)
    assert exchange_law.symmetric(X, X, tolerance=0.2)
    with pytest.raises(ValueError, match="tolerance must be positive"):
        exchange_law.symmetric(X, X, tolerance=-1.0)


def test_centres_that_coincide_have_no_invariant():
    model = gd.FreeModel(5, 2, gd.Learned())
    y = model.start(*gd.sphere.polygon_pairs(5, 1), tau=0.2)
    with pytest.raises(ValueError, match="y must have a gap"):
        exchange_law.invariant_velocity(model, y)
    run = gd.flow(model, y, [0.0, 0.1])
    assert (exchange_law.invariant(run) == -np.inf).all()
    for call in (exchange_law.departure, lambda r: exchange_law.late_slope(r, 0.0)):
        with pytest.raises(ValueError, match="trajectory must have a gap"):
            call(run)


def test_linear_beta_may_pass_through_zero():
    """Mismatched pairs push ν below zero, where P = β²/2η is still defined."""
    X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, 2), gamma=0.31)
    model = gd.FreeModel(5, 3, gd.Learned(gd.Linear()))
    run = gd.flow(model, model.start(X, Y, tau=5.0), 10.0)
    assert run.beta.min() < -0.1
    assert exchange_law.departure(run) < 1e-6


@pytest.mark.parametrize("kind", ["free", "parallel"])
def test_the_invariant_moves_with_its_velocity(kind):
    """By central differences along the flow from a random start, in units of |a g|."""
    X, Y = gd.sphere.sample(6, 3, 0), gd.sphere.sample(6, 3, 1)
    temperature = gd.Learned(gd.Exponential(2.0), rate=0.3)
    if kind == "free":
        model = gd.FreeModel(6, 3, temperature, row_rate=0.8)
        y = model.start(X, Y, tau=0.4)
    else:
        model = gd.ParallelModel(6, 3, temperature, row_rate=0.8)
        y = model.start(X, Y, tau=0.4, gamma=0.3)
    h, v = 1e-4, model.velocity(0.0, y)

    def invariant(z):
        X, Y = model.rows(z)
        beta = float(temperature.beta(0, float(model.split(z).nu)))
        at = potential.potential(beta, temperature=temperature)
        return float(at) + 6 / 0.8 * np.log(np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0)))

    slope = (invariant(y + h * v) - invariant(y - h * v)) / (2 * h)
    a = model.temperature.beta(0, float(model.split(y).nu)) * (1 if kind == "free" else 1 - 0.09)
    g = gd.loss.g(X @ Y.T, a)
    assert exchange_law.invariant_velocity(model, y) == pytest.approx(slope / abs(a * g), rel=1e-6)


# Bad input


def short_run(temperature):
    return polygon_run(3, 1, 1.0, temperature=temperature)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: exchange_law.invariant(short_run(gd.Fixed(0.07))), "must be learned"),
        (lambda: exchange_law.invariant(short_run(gd.Learned(max_beta=9e9))), "have no ceiling"),
        (lambda: exchange_law.late_slope(short_run(gd.Learned()), 9.0), "since must leave two"),
        (lambda: exchange_law.exponent(n=1), "n must be a whole number"),
        (lambda: exchange_law.exponent(n=5, scale=0.0), "scale must be positive"),
        (lambda: exchange_law.exponent(n=5, temperature=gd.Learned(gd.Linear())), "must be β = e"),
        (lambda: exchange_law.symmetric(np.eye(3), np.eye(4)), "one shape"),
        (
            lambda: exchange_law.invariant_velocity(gd.FreeModel(3, 2, gd.Learned()), [1.0]),
            "y must have 13 entries",
        ),
        (
            lambda: exchange_law.invariant_velocity(
                gd.FreeModel(2, 2, gd.Learned()), [1.0, 0.0] * 4 + [0.0], np.nan
            ),
            "t must be finite",
        ),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_model_without_rows_has_no_such_law():
    with pytest.raises(TypeError, match="trajectory must be"):
        exchange_law.invariant("run")
    model = gd.ScalarModel(gd.Learned())
    run = gd.flow(model, model.start(tau=0.1, gamma=0.3), 1.0)
    with pytest.raises(ValueError, match="the law is about rows"):
        exchange_law.invariant(run)
