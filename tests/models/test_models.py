"""Every model against the contract, and against the paper's formulas in 50 digits."""

import copy
import dataclasses
import gc
import pickle
import tracemalloc

import numpy as np
import pytest
import reference
from conftest import MODELS, SIGMOIDS, TEMPERATURES, WITH_ROWS, make, refusals
from hypothesis import given, settings
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn.check import rate_vector

BETAS = [1e-6, 1.0, 100.0, 1e4, 1e8]
EPS = np.finfo(float).eps
every_model = pytest.mark.parametrize("kind", MODELS + SIGMOIDS)
every_temperature = pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
row_models = pytest.mark.parametrize("kind", WITH_ROWS)


@every_model
@every_temperature
@settings(max_examples=10)
@given(n=st.integers(2, 6), d=st.integers(2, 6), seed=st.integers(0, 2**32))
def test_the_velocity_is_minus_the_gradient_times_the_rates(kind, temperature, n, d, seed):
    model, y = make(kind, temperature, n, d, seed)
    assert gd.check_gradient(model, y, t=0.7) < 1e-12


@every_model
@every_temperature
def test_the_velocity_agrees_with_real_differences(kind, temperature):
    model, y = make(kind, temperature, n=4, d=3, seed=8)
    h = 1e-5
    slope = [
        (model.loss(0.7, y + h * e) - model.loss(0.7, y - h * e)) / (2 * h) for e in np.eye(y.size)
    ]
    np.testing.assert_allclose(model.velocity(0.7, y), -rate_vector(model) * slope, atol=1e-7)


@every_model
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize(
    "temperature",
    [gd.Learned(), gd.Learned(gd.Exponential(2.0), rate=0.3), gd.Learned(gd.Softplus()), "fixed"],
    ids=str,
)
def test_loss_and_velocity_equal_their_50_digit_values(kind, beta, matched, temperature):
    if temperature == "fixed":
        temperature = gd.Fixed(1 / beta)
    model, y = make(kind, temperature, n=4, d=3, seed=5, tau=1 / beta)
    if matched and kind in WITH_ROWS:
        model.split(y).Y[...] = model.split(y).X
    elif matched and kind.startswith("frozen"):
        model = dataclasses.replace(model, Z=np.eye(4))
    tolerance = max(1e-12, 10 * beta * EPS)
    velocity = model.velocity(0.0, y)
    assert np.isfinite(velocity).all()
    assert reference.departure(velocity, reference.model_velocity(model, 0.0, y)) <= tolerance
    loss = reference.model_loss(model, 0.0, y)
    assert reference.departure(model.loss(0.0, y), [loss]) <= tolerance
    assert all(np.isfinite(model.observe(0.0, y)[:4]))


@row_models
@pytest.mark.parametrize("beta", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("strip", [1, 2**20])
@pytest.mark.parametrize("rows", [1, 5, 11])
def test_strips_and_blocks_equal_the_50_digit_values(kind, beta, strip, rows, monkeypatch):
    """One shift of exp and shifts of their own, by strips of four rows and by blocks of `rows`."""
    monkeypatch.setattr("gapdyn._kernels.memory.STRIP", strip)
    model, y = make(kind, gd.Learned(gd.Linear()), n=11, d=3, seed=5)
    model = dataclasses.replace(model, budget=8 * 11 * rows)
    parts = model.split(y)
    parts.Y[:6] = parts.X[:6]
    parts.nu[...] = beta
    exact = reference.model_velocity(model, 0.0, y)
    assert reference.departure(model.velocity(0.0, y), exact) <= max(1e-12, 10 * beta * EPS)
    loss = reference.model_loss(model, 0.0, y)
    assert reference.departure(model.loss(0.0, y), [loss]) <= max(1e-12, 10 * beta * EPS)
    whole = dataclasses.replace(model, budget=2**20).observe(0.0, y)
    assert model.observe(0.0, y) == pytest.approx(whole, rel=1e-13)


@every_model
@every_temperature
def test_split_gives_views_in_the_order_of_the_state(kind, temperature):
    model, y = make(kind, temperature)
    parts = model.split(y)
    assert model.size == y.size == sum(part.size for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in parts]), y)
    parts.nu[...] = 7.0
    assert np.count_nonzero(y == 7.0) == 1
    assert model.rates()._fields == parts._fields


@every_model
@every_temperature
def test_velocity_writes_into_any_out(kind, temperature):
    model, y = make(kind, temperature)
    expected = model.velocity(0.3, y)
    column = np.empty((y.size, 3))[:, 1]
    assert model.velocity(0.3, y, out=column) is column
    np.testing.assert_array_equal(column, expected)
    strided = np.repeat(y, 2)[::2]
    np.testing.assert_array_equal(
        model.velocity(0.3, strided, out=np.empty(2 * y.size)[::2]), expected
    )
    own = y.copy()
    np.testing.assert_array_equal(model.velocity(0.3, own, out=own), expected)


@row_models
def test_lengths_of_rows_do_not_matter_and_velocities_are_tangent(kind):
    model, y = make(kind, gd.Learned(), n=4, d=3)
    velocity = model.velocity(0.0, y)
    rows, moves = model.split(y), model.split(velocity)
    for row, move in ((rows.X, moves.X), (rows.Y, moves.Y)):
        np.testing.assert_allclose((row * move).sum(axis=1), 0, atol=1e-15)
    assert model.drift(y) < 1e-15
    scaled = y.copy()
    model.split(scaled).X[...] *= 3
    np.testing.assert_allclose(model.velocity(0.0, scaled), velocity, atol=1e-15)
    assert model.observe(0.0, scaled) == pytest.approx(model.observe(0.0, y))
    assert model.drift(scaled) == pytest.approx(2)


@row_models
@every_temperature
def test_observables_are_those_of_the_embeddings(kind, temperature):
    model, y = make(kind, temperature, n=5, d=4)
    t = 0.7
    seen, parts = model.observe(t, y), model.split(y)
    X, Y = model.embeddings(y)
    np.testing.assert_allclose(gd.sphere.lengths(np.vstack([X, Y])), 1, rtol=1e-14)
    assert seen.gap == pytest.approx(gd.measures.gap(X, Y))
    assert seen.beta == pytest.approx(temperature.beta(t, float(parts.nu)))
    assert seen.tau == 1 / seen.beta
    assert seen.margin == pytest.approx(gd.measures.margin(parts.X @ parts.Y.T))
    assert seen.mismatched == gd.measures.mismatched(parts.X @ parts.Y.T)
    assert seen.loss == model.loss(t, y)
    signed = seen.gap if kind.startswith("free") else (X - Y)[:, -1].mean()
    assert seen.gamma == pytest.approx(signed / 2)
    assert seen.bias == getattr(parts, "bias", 0.0)
    # Of InfoNCE that of a Z, as the constant γ_X γ_Y of (3) drops out; it counts in the other.
    lifted = model.objective.value(X @ Y.T, tau=seen.tau, bias=seen.bias)
    assert seen.loss == pytest.approx(lifted, rel=1e-13)


@pytest.mark.parametrize("kind", ["frozen", "scalar"])
def test_without_rows_the_gap_is_2_gamma(kind):
    model, y = make(kind, gd.Learned())
    model.split(y).gamma[...] = -0.3
    assert model.observe(0, y)[:4] == pytest.approx((0.6, 0.4, 2.5, -0.3))
    assert np.isnan(model.observe(0, y).margin) == (kind == "scalar")


def test_a_tied_model_is_an_untied_one_at_half_the_speed_of_gamma():
    """On γ_X = -γ_Y the untied gradient is (γ', -γ')/2: each height has half of the tied one."""
    X, Y = gd.sphere.sample(4, 3, seed=1), gd.sphere.sample(4, 3, seed=2)
    tied = gd.ParallelModel(4, 3, gd.Learned())
    untied = gd.ParallelModel(4, 3, gd.Learned(), tied=False)
    a = tied.split(tied.velocity(0, tied.start(X, Y, tau=0.3, gamma=0.4)))
    b = untied.split(untied.velocity(0, untied.start(X, Y, tau=0.3, gamma=0.4)))
    np.testing.assert_allclose(a.X, b.X, atol=1e-15)
    assert float(a.nu) == pytest.approx(float(b.nu))
    assert float(b.gamma_x) == pytest.approx(float(a.gamma) / 2) == -float(b.gamma_y)


def test_parallel_rows_move_as_free_rows_of_the_lower_sphere_at_a_scaled_temperature():
    """At height γ the rows feel a = β(1-γ²), whatever else moves."""
    X, Y = gd.sphere.sample(4, 3, seed=1), gd.sphere.sample(4, 3, seed=2)
    parallel = gd.ParallelModel(4, 3, gd.Learned())
    free = gd.FreeModel(4, 3, gd.Learned())
    tau, gamma = 0.3, 0.6
    a = parallel.split(parallel.velocity(0, parallel.start(X, Y, tau=tau, gamma=gamma)))
    b = free.split(free.velocity(0, free.start(X, Y, tau=tau / (1 - gamma**2))))
    np.testing.assert_allclose(a.X, b.X, atol=1e-15)
    np.testing.assert_allclose(a.Y, b.Y, atol=1e-15)


@pytest.mark.parametrize("past", [1.0, -1.0, 1.0 + 1e-5, -1.0 - 1e-5])
def test_an_untied_height_past_a_pole_comes_back_if_the_pole_repels(past):
    """There a = 0, at which g is the mean of Z's diagonal minus that of Z: positive if Y = X."""
    X = gd.sphere.sample(5, 3, seed=0)
    for texts, repels in ((X, True), (-X, False)):
        model = gd.ParallelModel(5, 3, gd.Fixed(0.05), tied=False)
        y = model.start(X, texts, gamma_x=0.5, gamma_y=0.5)
        y[-1] = past
        velocity = model.split(model.velocity(0.0, y))
        assert (np.sign(velocity.gamma_y) == -np.sign(past)) == repels
        assert repels or velocity.gamma_y == 0
        assert velocity.gamma_x == 0


def test_a_height_at_the_pole_stays_while_it_is_pushed_out():
    """Z = -I is mismatched: g < 0 pushes γ outward, and the flow is projected to [-1, 1]."""
    model = gd.FrozenModel(-np.eye(3), gd.Fixed(0.5))
    for gamma in (1.0, -1.0, 1.0 + 1e-12):
        y = np.array([0.0, gamma])
        assert model.velocity(0, y)[1] == 0
        assert model.observe(0, y).gap == 2
    matched = gd.FrozenModel(np.eye(3), gd.Fixed(0.5))
    assert matched.velocity(0, np.array([0.0, 1.0]))[1] < 0


@every_model
def test_models_can_be_pickled(kind):
    model, y = make(kind, gd.Learned())
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.velocity(0, y), model.velocity(0, y))
    if kind.startswith("frozen"):
        assert not again.Z.flags.writeable and not copy.deepcopy(model).Z.flags.writeable


def with_more(kind):
    """A model of a subclass of the user's: a field, an attribute and a method more."""
    model, y = make(kind, gd.Learned())

    @dataclasses.dataclass(frozen=True)
    class More(type(model)):
        extra: object = None
        strength: float = 1.0

        def velocity(self, t, y, out=None):
            return self.strength * self.shift * super().velocity(t, y, out)

    given = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    more = More(**given, extra=np.arange(3.0), strength=2.0)
    object.__setattr__(more, "shift", 3.0)
    globals()["More"] = More  # where pickle looks for it
    More.__qualname__ = "More"
    return more, y, 6 * model.velocity(0.0, y)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "old pickle": lambda thing: pickle.loads(pickle.dumps(thing, protocol=0)),
}


@every_model
@pytest.mark.parametrize("again", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_subclass_is_of_the_subclass_with_all_that_it_has(kind, again):
    model, y, expected = with_more(kind)
    same = again(model)
    assert type(same) is type(model) and same.strength == 2.0 and same.shift == 3.0
    np.testing.assert_array_equal(same.extra, np.arange(3.0))
    np.testing.assert_array_equal(same.velocity(0.0, y), expected)
    np.testing.assert_array_equal(model.velocity(0.0, y), expected)
    if kind.startswith("frozen"):
        assert not same.Z.flags.writeable


@pytest.mark.parametrize("kind", ["free", "frozen"])
@pytest.mark.parametrize("again", COPIES.values(), ids=COPIES)
def test_models_of_a_subclass_are_equal_when_all_their_fields_are(kind, again):
    model, _, _ = with_more(kind)
    assert again(model) == model and hash(again(model)) == hash(model)
    assert dataclasses.replace(model) == model
    assert dataclasses.replace(model, strength=2.5) != model
    assert dataclasses.replace(model, extra=np.arange(4.0)) != model
    plain, _ = make(kind, gd.Learned())
    assert plain != model != plain and again(plain) == plain and hash(again(plain)) == hash(plain)


def test_frozen_models_are_equal_when_their_similarities_and_temperatures_are():
    one, other = (gd.FrozenModel(np.eye(3), gd.Learned()) for _ in range(2))
    assert one == other and len({one, other}) == 1
    assert one != gd.FrozenModel(2 * np.eye(3), gd.Learned())
    assert one != gd.FrozenModel(np.eye(3), gd.Fixed(1.0)) and one != "model"


def test_a_mixed_model_is_the_same_model_behind_a_mixing():
    model, y, expected = with_more("free")
    mixed = model.mixed(MIXINGS[2])
    assert type(mixed) is type(model) and mixed.strength == 2.0 and mixed.shift == 3.0
    plain = make("free", gd.Learned())[0].mixed(MIXINGS[2])
    np.testing.assert_array_equal(mixed.velocity(0.0, y), 6 * plain.velocity(0.0, y))
    np.testing.assert_array_equal(model.velocity(0.0, y), expected)
    assert model.mixing is None and mixed.mixed(None) == model


def test_a_model_and_its_mixtures_compute_in_one_memory():
    model, y = make("free", gd.Learned(), n=400)
    mixing = gd.SoftSwap(1.0).mixing(0, 400, 3)
    one, other, plain = model.mixed(mixing), model.mixed(1 - mixing), model.mixed(None)
    one.velocity(0.0, y)
    size, _ = held(lambda: [m.velocity(0.0, y) for m in (model, other, plain)])
    assert size < 400 * 400 * 8 / 2


def test_a_subclass_with_a_constructor_of_its_own_can_be_mixed():
    class Triangle(gd.FreeModel):
        def __init__(self):
            super().__init__(3, 3, gd.Learned())

    mixed = Triangle().mixed(MIXINGS[1])
    assert type(mixed) is Triangle and (mixed.mixing == MIXINGS[1]).all()
    assert mixed.mixed(None) == Triangle() != mixed


class WithSlots(gd.FrozenModel):
    __slots__ = ("weight",)


def test_a_subclass_with_slots_beside_its_attributes_can_be_copied():
    model = WithSlots(np.eye(3), gd.Learned())
    object.__setattr__(model, "weight", 2.0)
    for name in ("copy", "deepcopy", "pickle"):
        again = COPIES[name](model)
        assert again == model and again.weight == 2.0 and not again.Z.flags.writeable


def test_the_smallest_beta_has_an_infinite_temperature():
    """A β = ν that mismatched pairs push through zero takes all values on its way."""
    model = gd.ScalarModel(gd.Learned(gd.Linear()))
    seen = model.observe(0.0, np.array([5e-324, 0.3]))
    assert (seen.tau, seen.beta) == (np.inf, 5e-324)
    many = model.observe(0.0, np.array([[5e-324, 0.0, 2.0], [0.3, 0.3, 0.3]]))
    assert many.tau.tolist() == [np.inf, np.inf, 0.5]


def held(work):
    """Bytes that NumPy and Python keep of some work, and its result."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before, kept
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", MODELS[:2])
def test_trajectories_hold_no_similarities(kind):
    model, y = make(kind, gd.Learned(), n=400)
    gd.flow(model, y, 1e-3)  # imports, and caches of NumPy

    def failed():
        ends = gd.Scheduled(lambda t: 0.4 if t < 1e-3 else -1.0)
        with pytest.raises(gd.IntegrationError) as caught:
            gd.flow(dataclasses.replace(model, temperature=ends), y, [1e-3, 1.0])
        return caught.value.trajectory

    def at():
        run = gd.flow(model, y, [0.0, 1e-3])
        return run, run.at(5e-4)

    def swapped():
        return gd.flow(model, y, 3e-3, swap=gd.HardSwap(1.0, 1e-3))

    def many():
        return gd.flow_many(model, [y, y], 1e-3)

    works = [lambda: gd.flow(model, y, 1e-3), many, failed, at, *([swapped] * (kind == "free"))]
    size, _kept = held(lambda: [work() for work in works])
    assert size < 400 * 400 * 8


MIXINGS = [
    gd.HardSwap(1.0, seed=3).mixing(0, 3, 3),
    gd.HardSwap(1.0, rows=True, seed=3).mixing(0, 3, 3),
    gd.SoftSwap(1.0, seed=3).mixing(0, 3, 3),
]


@pytest.mark.parametrize("mixing", MIXINGS, ids=["entries", "rows", "soft"])
def test_a_mixing_changes_the_observed_loss_alone(mixing):
    model, y = make("free", gd.Learned())
    mixed = model.mixed(mixing)
    plain, seen = model.observe(0.0, y), mixed.observe(0.0, y)
    assert seen._replace(loss=0.0) == plain._replace(loss=0.0)
    assert seen.loss == mixed.loss(0.0, y) != plain.loss
    np.testing.assert_array_equal(mixed.embeddings(y), model.embeddings(y))


def test_free_models_are_equal_when_all_their_arguments_are():
    model = gd.FreeModel(3, 3, gd.Learned())
    one, other = model.mixed(MIXINGS[0]), model.mixed(MIXINGS[0].copy())
    assert one == other and hash(one) == hash(other)
    assert len({model, gd.FreeModel(3, 3, gd.Learned()), one, other}) == 2
    assert one != model != model.mixed(MIXINGS[1]) != model.mixed(MIXINGS[2])
    assert model != gd.FreeModel(3, 3, gd.Learned(), row_rate=2.0) and model != "model"
    assert one.mixed(None) == model and one.mixed(MIXINGS[1]) == model.mixed(MIXINGS[1])
    assert repr(one) == repr(model)


def test_a_mixing_is_a_copy_that_nobody_changes():
    mixing = MIXINGS[2].copy()
    model = gd.FreeModel(3, 3, gd.Learned(), mixing=mixing)
    mixing[...] = 0
    np.testing.assert_array_equal(model.mixing, MIXINGS[2])
    for same in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same == model and not same.mixing.flags.writeable


def test_small_integers_of_numpy_do_not_overflow():
    assert gd.FreeModel(np.uint8(100), np.uint8(3), gd.Learned()).size == 601


X = gd.sphere.sample(4, 3, seed=0)
free = gd.FreeModel(4, 3, gd.Learned())
parallel = gd.ParallelModel(4, 3, gd.Learned())
untied = gd.ParallelModel(4, 3, gd.Learned(), tied=False)
frozen = gd.FrozenModel(np.eye(3), gd.Learned())

test_bad_input_is_named = refusals(
    (lambda: gd.FreeModel(1, 3, gd.Learned()), ValueError, "n must be at least 2"),
    (lambda: gd.FreeModel(4, 1, gd.Learned()), ValueError, "d must be at least 2"),
    (lambda: gd.FreeModel(4, 3, 0.07), TypeError, "temperature must be"),
    (lambda: gd.FreeModel(4, 3, gd.Learned), TypeError, "temperature must be"),
    (lambda: gd.FreeModel(4, 3, gd.Learned(), row_rate=0.0), ValueError, "row_rate must be pos"),
    (lambda: gd.ParallelModel(4, 3, gd.Learned(), tied="no"), TypeError, "tied must be True"),
    (lambda: gd.ParallelModel(4.0, 3, gd.Learned()), TypeError, "n must be an integer"),
    (lambda: gd.FrozenModel(np.eye(3)[:2], gd.Learned()), ValueError, "Z must be square"),
    (lambda: gd.FrozenModel(np.eye(1), gd.Learned()), ValueError, "pairs in Z"),
    (lambda: gd.FrozenModel(np.eye(3) * np.nan, gd.Learned()), ValueError, "Z must be finite"),
    (lambda: gd.ScalarModel("learned"), TypeError, "temperature must be"),
    (lambda: free.start(X, X[:3], tau=1.0), ValueError, "one shape"),
    (lambda: free.start(X[:3], X[:3], tau=1.0), ValueError, r"shape \(4, 3\), got \(3, 3\)"),
    (lambda: free.start(X, X * 0.0, tau=1.0), ValueError, "Y must have no row of zero length"),
    (lambda: free.start(X, X.astype(int), tau=1.0), TypeError, "Y must hold real floating"),
    (lambda: free.start(X, X), ValueError, "tau must be given"),
    (lambda: free.start(X, X, tau=0.0), ValueError, "tau must be positive"),
    (lambda: parallel.start(X, X, tau=1.0), ValueError, "gamma must be given"),
    (lambda: parallel.start(X, X, tau=1.0, gamma=2.0), ValueError, "gamma must lie in"),
    (lambda: parallel.start(X, X, tau=1.0, gamma_x=0.1, gamma_y=0.2), ValueError, "tied=False"),
    (lambda: untied.start(X, X, tau=1.0, gamma_x=0.1), ValueError, "both gamma_x and gamma_y"),
    (lambda: untied.start(X, X, tau=1.0, gamma_x=1.0, gamma_y=0.0), ValueError, "poles"),
    (lambda: frozen.start(tau=1.0, gamma=-1.01), ValueError, "gamma must lie in"),
    (lambda: frozen.start(tau=1.0, gamma="a"), TypeError, "gamma must be a real number"),
    (lambda: free.mixed(np.ones((1, 3))), ValueError, r"shape \(4, 3\) or \(4, 1\), got \(1"),
    (lambda: free.mixed(X), ValueError, r"mixing must lie in \[0, 1\], got -"),
    (lambda: free.mixed(X * np.nan), ValueError, "mixing must be finite"),
    (lambda: free.mixed(X > 0), TypeError, "mixing must hold real floating"),
    (lambda: free.mixed(0.5), ValueError, "mixing must have 2 axes"),
)
