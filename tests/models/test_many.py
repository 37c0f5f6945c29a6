"""Many states as columns: each moves as it does alone, to rounding, at all temperatures."""

import dataclasses
import math

import numpy as np
import pytest
import reference
from conftest import MODELS, SIGMOIDS, TEMPERATURES, WITH_ROWS, make
from hypothesis import given, settings
from hypothesis import strategies as st

import gapdyn as gd

EPS = np.finfo(float).eps


def members(kind, temperature, n, d, count, seed=0):
    """A model and random states of it, at temperatures of their own where they are learned."""
    model, _ = make(kind, temperature, n, d)
    rng = np.random.default_rng(seed)
    states = []
    for _ in range(count):
        _, y = make(kind, temperature, n, d, seed=rng)
        if isinstance(temperature, gd.Learned):
            model.split(y).nu[...] = temperature.nu(tau=rng.uniform(0.2, 3.0))
        states.append(y)
    return model, np.array(states).T


def one_by_one(model, t, Y):
    return np.array([model.velocity(t, y) for y in Y.T]).T


def departure_by_part(model, got, wanted):
    """Largest departure of a part of a velocity, relative to the largest entry of that part."""
    return max(
        np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)
        for g, w in zip(got.T, wanted.T, strict=True)
        for a, b in zip(model.split(np.array(g)), model.split(w), strict=True)
    )


@pytest.mark.parametrize("kind", MODELS + SIGMOIDS)
@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
@settings(max_examples=5)
@given(
    n=st.integers(2, 12), d=st.integers(2, 9), count=st.integers(1, 9), seed=st.integers(0, 2**32)
)
def test_many_velocities_are_those_of_the_members(kind, temperature, n, d, count, seed):
    model, Y = members(kind, temperature, n, d, count, seed)
    wanted = one_by_one(model, 0.7, Y)
    for given_as in (Y, np.asfortranarray(Y)):
        got = model.velocity(0.7, given_as)
        assert got.shape == Y.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=4e-15 * np.abs(wanted).max())
    out = np.empty_like(Y)
    assert model.velocity(0.7, Y, out) is out
    np.testing.assert_array_equal(out, got)


@pytest.mark.parametrize("kind", MODELS + SIGMOIDS)
@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
def test_many_observables_are_those_of_the_members(kind, temperature):
    model, Y = members(kind, temperature, 5, 3, 6)
    if kind.startswith("free"):
        model = model.mixed(gd.SoftSwap(1.0).mixing(0, 5, 3))
    got = model.observe(0.7, Y)
    wanted = [model.observe(0.7, y) for y in Y.T]
    for name, column in zip(got._fields, got, strict=True):
        one = np.array([getattr(seen, name) for seen in wanted])
        np.testing.assert_allclose(column, one, rtol=1e-14, atol=1e-15, err_msg=name)
        assert column.dtype == one.dtype, name
    drift = np.broadcast_to(model.drift(Y * 1.5), 6)
    np.testing.assert_allclose(drift, [model.drift(y * 1.5) for y in Y.T], rtol=1e-14)


@pytest.mark.parametrize("beta", [1e-6, 1.0, 40.0, 299.0, 301.0, 1e4, 1e8])
@pytest.mark.parametrize("kind", MODELS + SIGMOIDS)
def test_many_velocities_keep_relative_accuracy_at_late_times(kind, beta):
    """Matched pairs: what is left of the loss is e^-βα, and must not be rounding noise."""
    model, Y = members(kind, gd.Learned(), 4, 4, 3, seed=5)
    parts = model.split(Y)
    parts.nu[...] = np.log(beta)
    if kind in WITH_ROWS:
        parts.Y[...] = parts.X
    elif kind.startswith("frozen"):
        model = dataclasses.replace(model, Z=np.eye(4))
    got = model.velocity(0.0, Y)
    assert np.isfinite(got).all()
    tolerance = max(1e-14, 10 * beta * EPS)
    # Under the sigmoid loss ν and the bias are pushed by terms of both signs.
    room = tolerance if kind in MODELS else max(1e-12, tolerance)
    assert departure_by_part(model, got, one_by_one(model, 0.0, Y)) <= room
    exact = [reference.model_velocity(model, 0.0, y) for y in Y.T]
    for velocity, wanted in zip(got.T, exact, strict=True):
        assert reference.departure(velocity, wanted) <= max(1e-12, tolerance)


def test_members_that_need_shifts_of_their_own_change_no_other():
    """One cold member among warm ones, and logits of different sizes in one array."""
    model, Y = members("free", gd.Learned(), 4, 3, 5)
    model.split(Y).nu[2] = np.log(1e5)
    got, wanted = model.velocity(0.0, Y).T, one_by_one(model, 0.0, Y).T
    warm = [0, 1, 3, 4]
    np.testing.assert_allclose(got[warm], wanted[warm], atol=1e-15 * np.abs(wanted[warm]).max())
    np.testing.assert_allclose(got[2], wanted[2], atol=1e-9 * np.abs(wanted[2]).max())


@pytest.mark.parametrize("whole", [False, True])
def test_mixed_members_move_as_each_of_them(whole):
    model, Y = members("free", gd.Learned(), 4, 3, 5)
    mixed = model.mixed(gd.HardSwap(1.0, rows=whole, seed=2).mixing(0, 4, 3))
    wanted = one_by_one(mixed, 0.0, Y)
    np.testing.assert_allclose(mixed.velocity(0.0, Y), wanted, atol=1e-15)


@pytest.mark.parametrize(("kind", "n"), [("free", 40), ("parallel", 40), ("frozen", 300)])
def test_large_members_go_one_by_one_and_many_in_chunks(kind, n):
    model, Y = members(kind, gd.Learned(), n, 50, 2)
    np.testing.assert_array_equal(model.velocity(0.0, Y), one_by_one(model, 0.0, Y))
    assert model.observe(0.0, Y).loss[1] == model.observe(0.0, Y[:, 1]).loss
    model, Y = members(kind, gd.Learned(), 24, 3, 150)
    wanted = one_by_one(model, 0.0, Y)
    np.testing.assert_allclose(model.velocity(0.0, Y), wanted, atol=1e-14)


@pytest.mark.parametrize("kind", ["free", "parallel"])
def test_no_members_are_no_velocities(kind):
    model, Y = members(kind, gd.Learned(), 3, 3, 2)
    assert model.velocity(0.0, Y[:, :0]).shape == (model.size, 0)
    assert {field.shape for field in model.observe(0.0, Y[:, :0])} == {(0,)}


def test_heights_at_the_pole_stay_while_they_are_pushed_out():
    model = gd.FrozenModel(-np.eye(3), gd.Fixed(0.5))
    Y = np.array([[0.0, gamma] for gamma in (1.0, -1.0, 1 + 1e-12, 0.5)]).T
    np.testing.assert_array_equal(model.velocity(0.0, Y), one_by_one(model, 0.0, Y))


def test_a_ceiling_and_a_beta_of_zero_are_a_members_own():
    model = gd.FreeModel(3, 3, gd.Learned(max_beta=2.0))
    X = gd.sphere.sample(3, 3, 0)
    Y = np.array([model.start(X, X, tau=tau) for tau in (0.5, 0.6)]).T
    moves = model.velocity(0.0, Y)[-1]
    assert moves[0] == 0 < moves[1]
    linear = gd.FreeModel(3, 3, gd.Learned(gd.Linear()))
    Y[-1] = 0.0, 1.0
    assert linear.observe(0.0, Y).tau.tolist() == [np.inf, 1.0]


def test_what_a_user_redefines_holds_for_one_state_and_for_many():
    class Slow(gd.FreeModel):
        def velocity(self, t, y, out=None):
            return super().velocity(t, y, out) / 2

    class Halved(gd.temperature.Temperature):
        def beta(self, t, nu):
            return nu / 2

        def velocity(self, t, nu, force):
            return force / 2

    class Steep(gd.ScalarModel):
        def pull_at(self, a):
            return 2 * np.exp(-2 * a)

    steep, Y = Steep(gd.Learned()), np.array([[0.1, 0.3], [0.2, 0.4]])
    np.testing.assert_allclose(steep.velocity(0.0, Y), one_by_one(steep, 0.0, Y), rtol=1e-14)
    plain, Y = members("free", gd.Learned(), 3, 3, 4)
    slow = Slow(3, 3, gd.Learned())
    np.testing.assert_array_equal(slow.velocity(0.0, Y), plain.velocity(0.0, Y) / 2)
    Y[-1] = 1.0, 2.0, 3.0, 4.0
    model = gd.FreeModel(3, 3, Halved())
    np.testing.assert_allclose(model.velocity(0.0, Y), one_by_one(model, 0.0, Y), atol=1e-15)


class ByMath(gd.temperature.Parametrisation):
    """β = exp ν, of one number at a time."""

    def beta(self, nu):
        return math.exp(nu)

    dbeta = beta

    def nu(self, beta):
        return math.log(beta)


class OfNu(gd.temperature.Temperature):
    """A β(ν) of the user's."""

    def __init__(self, law):
        self.law = law

    def beta(self, t, nu):
        return self.law(nu)


def one_at_a_time(nu):
    if np.ndim(nu):
        raise RuntimeError("this is for numbers")
    return 1.0 + nu


BRANCHES, MIXES_MEMBERS = OfNu(lambda nu: 1.0 + max(nu, 0)), OfNu(lambda nu: 1 + nu - np.mean(nu))


@pytest.mark.parametrize(
    "temperature", [gd.Learned(ByMath()), BRANCHES, MIXES_MEMBERS, OfNu(one_at_a_time)]
)
def test_a_temperature_that_is_not_elementwise_is_one_clear_error(temperature):
    model, y0 = gd.ScalarModel(temperature), np.array([0.1, 0.3])
    assert gd.flow(model, y0, 1.0).gap[-1] < 0.6  # one state alone is no problem
    with pytest.raises(ValueError, match="temperature must be elementwise: at an array"):
        gd.flow_many(model, [y0, y0 + 0.1], 1.0)
    assert len(gd.flow_many(model, [y0, y0 + 0.1], 1.0, method="LSODA")) == 2  # one by one
