"""Swaps as statements: the map, the masks, and the flow under them."""

import copy
import dataclasses
import itertools
import pickle

import mpmath as mp
import numpy as np
import pytest
import reference
from conftest import TEMPERATURES, interrupted, make, refusals
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import gapdyn as gd
from gapdyn.loss import mix

EPS = np.finfo(float).eps
SWAPS = [gd.HardSwap, gd.SoftSwap]
every_swap = pytest.mark.parametrize("swap", SWAPS, ids=lambda kind: kind.__name__)


def rows_swap(p, segment=1.0, seed=0):
    return gd.HardSwap(p, segment, rows=True, seed=seed)


mixings = st.builds(
    lambda swap, n, d, seed: swap(1.0, seed=seed).mixing(0, n, d),
    st.sampled_from([*SWAPS, rows_swap]),
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(0, 2**32),
)


def shape(mixing):
    """(n, d) of modalities that a mask can mix."""
    return len(mixing), max(2, mixing.shape[1])


# The map.


@given(mixings, st.integers(0, 2**32))
def test_swapping_is_linear_and_its_own_transpose(mixing, seed):
    """⟨mix(U), V⟩ = ⟨U, mix(V)⟩ in the space of pairs (X, Y), and X̄ + Ȳ = X + Y."""
    U, V, W = np.random.default_rng(seed).standard_normal((3, 2, *shape(mixing)))
    mixed_U, mixed_V = np.array(mix(*U, mixing)), np.array(mix(*V, mixing))
    assert np.sum(mixed_U * V) == pytest.approx(np.sum(U * mixed_V), abs=1e-12)
    np.testing.assert_allclose(
        mix(*(2 * U - 3 * W), mixing), 2 * mixed_U - 3 * np.array(mix(*W, mixing)), atol=1e-13
    )
    np.testing.assert_allclose(mixed_U.sum(axis=0), U.sum(axis=0), atol=1e-14)
    np.testing.assert_allclose(mix(*U, np.ones_like(mixing)), U)
    np.testing.assert_allclose(mix(*U, np.zeros_like(mixing)), U[::-1])


@pytest.mark.parametrize("rows", [False, True])
def test_hard_swapping_exchanges_entries_of_the_modalities_and_twice_is_nothing(rows):
    X, Y = np.arange(12.0).reshape(4, 3), -np.arange(12.0).reshape(4, 3) - 0.5
    mixing = gd.HardSwap(1.0, rows=rows, seed=3).mixing(5, 4, 3)
    assert set(mixing.flat) == {0.0, 1.0}
    mixed_X, mixed_Y = mix(X, Y, mixing)
    stays = np.broadcast_to(mixing == 1, X.shape)
    np.testing.assert_array_equal(mixed_X, np.where(stays, X, Y))
    np.testing.assert_array_equal(mixed_Y, np.where(stays, Y, X))
    np.testing.assert_array_equal(mix(mixed_X, mixed_Y, mixing), (X, Y))
    if rows:
        assert mixing.shape == (4, 1)


@given(mixings, st.integers(0, 99))
def test_the_opposite_mask_exchanges_the_modalities(mixing, seed):
    """With 1-λ for λ the logits are transposed, which changes neither the loss nor the flow."""
    model, y = make("free", gd.Learned(), *shape(mixing), seed)
    one, other = model.mixed(mixing), model.mixed(1 - mixing)
    assert one.loss(0, y) == pytest.approx(other.loss(0, y), rel=1e-13)
    np.testing.assert_allclose(one.velocity(0, y), other.velocity(0, y), atol=1e-13)


@given(mixings, st.integers(0, 99))
def test_a_swap_of_equal_modalities_changes_neither_the_loss_nor_their_sum(mixing, seed):
    model, y = make("free", gd.Learned(), *shape(mixing), seed)
    model.split(y).Y[...] = model.split(y).X
    mixed = model.mixed(mixing)
    assert mixed.loss(0, y) == pytest.approx(model.loss(0, y), rel=1e-13)
    moves, swapped = (m.split(m.velocity(0, y)) for m in (model, mixed))
    np.testing.assert_allclose(swapped.nu, moves.nu, atol=1e-13)
    # The rows move apart: in swapped entries each modality takes the gradient of the other.
    np.testing.assert_allclose(swapped.X + swapped.Y, moves.X + moves.Y, atol=1e-13)


# Gradients.


@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
@settings(max_examples=15)
@given(mixing=mixings, seed=st.integers(0, 99))
def test_the_velocity_is_minus_the_gradient_of_the_mixed_loss(temperature, mixing, seed):
    model, y = make("free", temperature, *shape(mixing), seed)
    mixed, (X, Y) = model.mixed(mixing), model.embeddings(y)
    Z = (mixing * X + (1 - mixing) * Y) @ (mixing * Y + (1 - mixing) * X).T
    logits = temperature.beta(0.7, float(model.split(y).nu)) * Z
    assert mixed.loss(0.7, y) == pytest.approx(gd.loss.loss(logits), rel=1e-13)
    assert gd.check_gradient(mixed, y, t=0.7) < 1e-12
    scaled = y.copy()
    mixed.split(scaled).X[...] *= 3  # lengths of rows do not matter
    np.testing.assert_allclose(mixed.velocity(0.7, scaled), mixed.velocity(0.7, y), atol=1e-14)


@pytest.mark.parametrize("swap", [*SWAPS, rows_swap])
@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("beta", [1e-6, 1.0, 100.0, 1e4, 1e8])
def test_loss_and_velocity_equal_their_50_digit_values(swap, matched, beta):
    model, y = make("free", gd.Learned(rate=0.3), 4, 3, seed=5, tau=1 / beta)
    if matched:
        model.split(y).Y[...] = model.split(y).X
    model = model.mixed(swap(1.0, seed=2).mixing(0, 4, 3))
    tolerance = max(1e-12, 10 * beta * EPS)
    loss, velocity = reference.model_loss(model, 0, y), reference.model_velocity(model, 0, y)
    assert reference.departure(model.loss(0, y), [loss]) <= tolerance
    assert reference.departure(model.velocity(0, y), velocity) <= tolerance


# The masks.


@every_swap
@given(p=st.floats(0, 1), seed=st.integers(0, 2**70), count=st.integers(0, 300))
def test_a_longer_array_of_swapped_segments_begins_with_the_shorter_one(swap, p, seed, count):
    swapped = swap(p, seed=seed).swapped(count)
    assert swapped.shape == (count,) and swapped.dtype == bool
    np.testing.assert_array_equal(swapped, swap(p, seed=seed).swapped(count + 17)[:count])
    np.testing.assert_array_equal(swapped, swap(p, 0.1, seed=seed).swapped(count))


@every_swap
@pytest.mark.parametrize("p", [0.0, 1e-3, 0.3, 1.0])
def test_the_share_of_swapped_segments_is_p(swap, p):
    """100,000 segments: within five standard errors."""
    share = swap(p, seed=1).swapped(100_000).mean()
    assert abs(share - p) <= 5 * np.sqrt(p * (1 - p) / 100_000)


def test_runs_of_a_smaller_p_swap_a_subset_of_the_segments():
    few, many = gd.HardSwap(0.1).swapped(1000), gd.HardSwap(0.4).swapped(1000)
    assert (few <= many).all() and few.sum() < many.sum()


@pytest.mark.parametrize(
    ("swap", "variance"), [(gd.HardSwap, 1 / 4), (rows_swap, 1 / 4), (gd.SoftSwap, 1 / 12)]
)
def test_masks_are_fair_and_independent(swap, variance):
    """Mean ½ and the variance of λ ∈ {0, 1} or of [0, 1], uncorrelated between segments."""
    draws = np.array([swap(1.0, seed=4).mixing(k, 40, 5) for k in range(500)])
    assert draws.min() >= 0 and draws.max() <= 1
    error = np.sqrt(variance / draws.size)
    assert abs(draws.mean() - 0.5) < 5 * error
    assert draws.var() == pytest.approx(variance, rel=10 / np.sqrt(draws.size))
    covariance = np.mean((draws[1:] - 0.5) * (draws[:-1] - 0.5))
    assert abs(covariance) < 5 * variance / np.sqrt(draws.size)


@every_swap
def test_a_mask_is_a_function_of_seed_and_segment(swap):
    """Also of seed 0 and segment 0, whose zeros a seed sequence drops from its entropy."""
    numbers = list(itertools.product(range(6), range(6)))
    masks = {(s, k): swap(1.0, seed=s).mixing(k, 8, 8) for s, k in numbers}
    assert len({mask.tobytes() for mask in masks.values()}) == len(numbers)
    for s, k in reversed(numbers):
        np.testing.assert_array_equal(swap(0.3, 7.0, seed=s).mixing(k, 8, 8), masks[s, k])


def test_whether_a_segment_is_swapped_is_independent_of_its_mask():
    for k in range(3):
        agree = gd.HardSwap(0.5).swapped(1000) == (gd.SoftSwap(0.5).mixing(k, 1, 1000) < 0.5)[0]
        assert abs(agree.mean() - 0.5) < 5 / np.sqrt(4 * 1000)


# Cutting time.


@given(
    p=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    segment=st.sampled_from([0.1, 0.3, 1.0, 7.0, 1 / 3]),
    start_at=st.one_of(st.just(0.0), st.floats(0, 20)),
    length=st.floats(1e-3, 30),
)
def test_intervals_cover_the_time_and_carry_the_right_field(p, segment, start_at, length):
    model = gd.FreeModel(3, 2, gd.Learned())
    swap = gd.HardSwap(p, segment, seed=5)
    intervals = list(swap.intervals(model, start_at, start_at + length))
    fields, starts, ends = zip(*intervals, strict=True)
    assert starts[0] == start_at and ends[-1] == start_at + length
    assert starts[1:] == ends[:-1]
    assert all(b - a > 1e-15 * b for a, b in zip(starts, ends, strict=True))
    for field, begins, until in intervals:
        inner = np.arange(np.ceil(begins / segment), until / segment) * segment
        for t in [(begins + until) / 2, *(inner + 1e-3 * segment)]:
            k = int(t / segment)
            if begins < t < until:
                expected = model.mixed(swap.mixing(k, 3, 2)) if swap.swapped(k + 1)[k] else model
                assert field == expected
    plain = [field is model for field in fields]
    assert not any(here and there for here, there in itertools.pairwise(plain))


def test_cost_goes_with_the_number_of_swapped_segments():
    model = gd.FreeModel(3, 2, gd.Learned())
    swap = gd.HardSwap(1e-3)
    intervals = list(swap.intervals(model, 0.0, 1e4))
    assert len(intervals) <= 2 * swap.swapped(10_000).sum() + 1 < 50
    assert list(gd.HardSwap(0.0).intervals(model, 0.0, 1e7)) == [(model, 0.0, 1e7)]


def test_an_end_of_a_segment_is_the_same_time_however_it_is_rounded():
    model = gd.FreeModel(3, 2, gd.Learned())
    swap = gd.HardSwap(1.0, 0.1)
    for end in (0.3, 0.1 * 3):
        assert [swap.mixing(k, 3, 2).tolist() for k in range(3)] == [
            field.mixing.tolist() for field, _, _ in swap.intervals(model, 0.0, end)
        ]
        first, *_, last = swap.intervals(model, end, 0.7)
        assert first[0] == model.mixed(swap.mixing(3, 3, 2)) and first[1:] == (end, 0.4)
        assert last[0] == model.mixed(swap.mixing(6, 3, 2)) and last[2] == 0.7


# The flow.


@every_swap
def test_a_swap_with_p_0_is_the_unswapped_flow_to_the_last_digit(swap, figure_2):
    run, plain = gd.flow(*figure_2, 100.0, swap=swap(0.0)), gd.flow(*figure_2, 100.0)
    np.testing.assert_array_equal(run.t, plain.t)
    np.testing.assert_array_equal(run.y, plain.y)
    assert run.swap == swap(0.0) and plain.swap is None


@every_swap
def test_within_one_segment_the_flow_is_that_of_the_mixed_model(swap, figure_2):
    model, y0 = figure_2
    one = swap(1.0, segment=10.0, seed=3)
    run = gd.flow(model, y0, 5.0, swap=one)
    mixed = model.mixed(one.mixing(0, 5, 3))
    alone = gd.flow(mixed, y0, 5.0)
    np.testing.assert_array_equal(run.y, alone.y)
    np.testing.assert_array_equal(run.gap, alone.gap)
    assert (np.diff(alone.loss) <= 1e-9).all()
    np.testing.assert_array_equal(alone.loss, [mixed.loss(0, y) for y in run.y])
    np.testing.assert_array_equal(run.loss, [model.loss(0, y) for y in run.y])


def test_two_collapsed_pairs_rest_until_rows_are_swapped():
    """All rows of X in one place and all of Y in another, an angle θ apart, at fixed β, n = 2.

    Every logit is β cos θ, so the flow rests, whatever the gap. A swap of one pair makes
    Z̄ = [[c, 1], [1, c]], c = cos θ, of which each row and column puts
    q = 1/(1 + exp(-β(1-c))) on the wrong pair: dθ/dt = -β q sin θ. A swap of both pairs or of none
    changes nothing, so the time that counts is that of the segments whose mask is (0, 1) or (1, 0).
    """
    beta, theta = 1.5, 2.0
    model = gd.FreeModel(2, 2, gd.Fixed(1 / beta))
    X, Y = np.array([[1.0, 0.0]] * 2), np.array([[np.cos(theta), np.sin(theta)]] * 2)
    y0 = model.start(X, Y)
    assert abs(model.velocity(0.0, y0)).max() < 1e-16  # rest, but an unstable one
    swap = rows_swap(1.0, segment=0.25, seed=6)
    active = [swap.mixing(k, 2, 2).sum() == 1 for k in range(8)]
    assert 0 < sum(active) < 8
    run = gd.flow(model, y0, 0.25 * np.arange(9), swap=swap)
    angles = 2 * np.arcsin(run.gap / 2)

    def seconds(u):
        return (1 + mp.exp(-beta * (1 - mp.cos(u)))) / (beta * mp.sin(u))

    for k, angle in enumerate(angles):
        spent = mp.quad(seconds, [mp.mpf(float(angle)), theta])
        assert float(spent) == pytest.approx(0.25 * sum(active[:k]), abs=1e-8)


def all_masks(nodes, weights, *shape):
    """All masks with these entries, and the product of the weights of the entries of each."""
    masks = itertools.product(nodes, repeat=np.prod(shape))
    shares = itertools.product(weights, repeat=np.prod(shape))
    return [np.reshape(m, shape) for m in masks], np.array([np.prod(w) for w in shares])


nodes, weights = np.polynomial.legendre.leggauss(4)
BINARY, UNIFORM = ([0.0, 1.0], [0.5, 0.5]), ((nodes + 1) / 2, weights / 2)


@pytest.mark.parametrize(
    ("swap", "n", "masks"),
    [
        (gd.HardSwap, 2, all_masks(*BINARY, 2, 2)),
        (rows_swap, 3, all_masks(*BINARY, 3, 1)),
        (gd.SoftSwap, 2, all_masks(*UNIFORM, 2, 2)),
    ],
    ids=["entries", "rows", "soft"],
)
def test_short_segments_lead_to_the_averaged_flow(swap, n, masks):
    """dy/dt = (1-p) v₀ + p E_λ v_λ; the distance to it falls like the square root of a segment."""
    p, end = 0.5, 2.0
    model, y0 = make("free", gd.Learned(), n, 2, seed=1, tau=0.5)
    mixed = [model.mixed(mask) for mask in masks[0]]

    def averaged(t, y):
        mean = np.tensordot(masks[1], [m.velocity(t, y) for m in mixed], axes=1)
        return (1 - p) * model.velocity(t, y) + p * mean

    limit = solve_ivp(averaged, (0, end), y0, method="DOP853", rtol=1e-8, atol=1e-10).y[:, -1]
    segments = np.array([0.4, 0.1, 0.025])
    distances = []
    for segment in segments:
        runs = [
            gd.flow(model, y0, [end], rtol=1e-6, atol=1e-8, swap=swap(p, segment, seed=seed))
            for seed in range(24)
        ]
        squares = [np.sum((run.y[-1] - limit) ** 2) for run in runs]
        distances.append(np.sqrt(np.mean(squares)))
    slope = np.polyfit(np.log(segments), np.log(distances), 1)[0]
    assert slope == pytest.approx(0.5, abs=0.15)  # three standard errors of 24 seeds
    unswapped = gd.flow(model, y0, [end]).y[-1]
    assert distances[-1] < 0.3 * np.linalg.norm(unswapped - limit)


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "Radau"])
def test_at_goes_through_the_same_segments_as_a_run_that_ends_there(method, figure_2):
    swap = gd.HardSwap(0.5, segment=0.1, seed=2)
    tolerances = {"rtol": 1e-9, "atol": 1e-11, "method": method, "swap": swap}
    run = gd.flow(*figure_2, [0.0, 0.55, 0.1 * 9, 2.0], **tolerances)
    for t in (0.02, 0.1, 0.3, 0.1 * 3, 0.62, 0.95, 1.77):
        here, alone = run.at(t), gd.flow(*figure_2, [t], **tolerances)
        np.testing.assert_allclose(here.y, alone.y[-1], atol=1e-6 if method == "Radau" else 1e-7)
        assert here.loss == pytest.approx(alone.loss[-1], rel=1e-5)


@every_swap
def test_output_times_are_points_of_the_same_path(swap, figure_2):
    steps = gd.flow(*figure_2, 3.0, swap=swap(0.5, 0.25, seed=1))
    bounds = [b for _, _, b in steps.swap.intervals(steps.model, 0.0, 3.0)]
    assert set(bounds) <= set(steps.t.tolist())
    some = np.linspace(0.0, 3.0, 13)
    run = gd.flow(*figure_2, some, swap=steps.swap)
    np.testing.assert_array_equal(run.t, some)
    for k, t in enumerate(some):
        np.testing.assert_allclose(run.y[k], steps.at(t).y, atol=1e-7)


def test_breaks_of_a_schedule_and_ends_of_segments_are_both_kept():
    temperature = gd.LinearSchedule(0.4, 0.2, 1.3)
    model = gd.FreeModel(3, 3, temperature)
    y0 = model.start(gd.sphere.sample(3, 3, 0), gd.sphere.sample(3, 3, 1))
    run = gd.flow(model, y0, 3.0, swap=gd.HardSwap(1.0))
    assert {1.0, 1.3, 2.0, 3.0} <= set(run.t.tolist())
    assert (np.diff(run.t) > 0).all()


def test_swapping_closes_the_gap_of_figure_2(figure_2):
    """What Section 4 proposes it for: by t = 100 the gap falls with p, whatever the seed."""
    gaps = [
        np.mean([gd.flow(*figure_2, [100.0], swap=gd.HardSwap(p, seed=s)).gap for s in range(4)])
        for p in (0.0, 0.1, 1.0)
    ]
    assert gaps[0] == pytest.approx(0.611, abs=1e-3)
    assert gaps[0] > 1.1 * gaps[1] > 1.1**2 * gaps[2]


# Runs that stop, and files.


def test_an_interrupted_run_keeps_its_swap_and_what_it_has(figure_2):
    _, y0 = figure_2
    model, swap = gd.FreeModel(5, 3, gd.Scheduled(interrupted)), gd.SoftSwap(1.0, 0.3)
    with pytest.raises(gd.IntegrationError, match=r"interrupted at t = .* of 10; ") as caught:
        gd.flow(model, y0, 10.0, swap=swap)
    run = caught.value.trajectory
    assert 1.5 < run.t[-1] == caught.value.t <= 2.0
    assert run.swap == swap and run.at(0.7).gap > 0


@pytest.mark.parametrize(
    "swap", [gd.HardSwap(0.5, 0.3, rows=True, seed=2**70), gd.SoftSwap(0.5, 0.3, seed=7)], ids=str
)
def test_save_and_load_keep_the_swap(swap, figure_2, tmp_path):
    run = gd.flow(*figure_2, [0.0, 0.5, 2.0], swap=swap)
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.swap == swap and again.model == run.model
    np.testing.assert_array_equal(again.at(1.2).y, run.at(1.2).y)
    assert pickle.loads(pickle.dumps(run)).swap == swap


def test_a_mixed_model_is_saved_with_its_mixing(figure_2, tmp_path):
    model, y0 = figure_2
    mixed = model.mixed(gd.SoftSwap(1.0).mixing(0, 5, 3))
    gd.flow(mixed, y0, [0.0, 1.0]).save(tmp_path / "run.npz")
    assert gd.Trajectory.load(tmp_path / "run.npz").model == mixed != model


def test_a_run_under_a_swap_of_the_users_loads_without_its_model(figure_2, tmp_path):
    class Halves(gd.SoftSwap):
        def _draw(self, generator, n, d):
            return np.full((n, d), 0.5)

    run = gd.flow(*figure_2, [0.0, 1.0, 2.0], swap=Halves(1.0))
    assert run.at(1.5).y.shape == figure_2[1].shape
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.model is None and again.swap is None
    with pytest.raises(ValueError, match="loaded without a model"):
        again.at(1.5)


# Wrong input.

X = gd.sphere.sample(4, 3, seed=0)
free = gd.FreeModel(4, 3, gd.Learned())
parallel = gd.ParallelModel(4, 3, gd.Learned())
frozen = gd.FrozenModel(np.eye(3), gd.Learned())
scalar = gd.ScalarModel(gd.Learned())
mixed = free.mixed(np.ones((4, 1)))
y0 = free.start(X, X[::-1], tau=0.5)
y_parallel = parallel.start(X, X, tau=0.5, gamma=0.3)
y_height = scalar.start(tau=0.5, gamma=0.3)


@pytest.mark.parametrize(
    ("model", "y", "says"),
    [
        (parallel, y_parallel, r"ParallelModel off their circles of latitude \(3\)"),
        (frozen, y_height, "FrozenModel has no rows to swap"),
        (scalar, y_height, "ScalarModel has no rows to swap"),
    ],
)
def test_a_model_that_cannot_be_swapped_says_why_at_the_door(model, y, says):
    for p in (0.0, 0.5):
        with pytest.raises(ValueError, match=says):
            gd.flow(model, y, 1.0, swap=gd.HardSwap(p))
    with pytest.raises(ValueError, match=says):
        model.mixed(np.ones((4, 1)))


@every_swap
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"p": -0.1}, ValueError, r"p must lie in \[0, 1\], got -0.1"),
        ({"p": np.nan}, ValueError, "p must be finite"),
        ({"p": True}, TypeError, "p must be a real number"),
        ({"p": 0.5, "segment": 0.0}, ValueError, "segment must be positive"),
        ({"p": 0.5, "segment": np.inf}, ValueError, "segment must be finite"),
        ({"p": 0.5, "seed": -1}, ValueError, "seed must be at least 0"),
        ({"p": 0.5, "seed": None}, TypeError, "seed must be an integer"),
    ],
)
def test_bad_arguments_are_named(swap, arguments, error, says):
    with pytest.raises(error, match=says):
        swap(**arguments)


@dataclasses.dataclass(frozen=True)
class Late(gd.HardSwap):
    """A swap of the user's, none before a segment of its choice."""

    first: int = 3

    def swapped(self, count):
        return super().swapped(count) & (np.arange(count) >= self.first)


@every_swap
def test_swaps_and_their_subclasses_copy_whole(swap):
    for thing in (swap(0.3, 2.0, seed=2**70), Late(0.3, rows=True, first=5)):
        copies = copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))
        for same in (*copies, dataclasses.replace(thing)):
            assert same == thing and type(same) is type(thing) and hash(same) == hash(thing)
            np.testing.assert_array_equal(same.swapped(99), thing.swapped(99))
    assert Late(0.3) != Late(0.3, first=4) != gd.HardSwap(0.3)


@every_swap
def test_the_smallest_probability_swaps_nothing(swap):
    """Of 2^53 draws, one is below the smallest float."""
    assert not swap(5e-324).swapped(10_000).any()
    run, plain = (gd.flow(free, y0, 9.0, swap=s) for s in (swap(5e-324), None))
    np.testing.assert_array_equal(run.y, plain.y)


test_bad_input_is_named = refusals(
    (lambda: gd.HardSwap(0.5, rows=1), TypeError, "rows must be True or False"),
    (lambda: gd.HardSwap(0.5).swapped(-1), ValueError, "count must be at least 0"),
    (lambda: gd.HardSwap(0.5).swapped(1.0), TypeError, "count must be an integer"),
    (lambda: gd.HardSwap(0.5).mixing(-1, 2, 2), ValueError, "k must be at least 0"),
    (lambda: gd.HardSwap(0.5).mixing(0, 0, 2), ValueError, "n must be at least 1"),
    (lambda: gd.SoftSwap(0.5).mixing(0, 2, 0), ValueError, "d must be at least 1"),
    (lambda: gd.SoftSwap(0.5).intervals(y0, 0.0, 1.0), TypeError, "model must be a gapdyn.Model"),
    (lambda: gd.SoftSwap(0.5).intervals(free, 1.0, 1.0), ValueError, "start and end must incr"),
    (lambda: gd.SoftSwap(0.5).intervals(free, -1.0, 1.0), ValueError, "must increase from 0 on"),
    (lambda: gd.flow(free, y0, 1.0, swap=gd.HardSwap), TypeError, r"swap must be HardSwap\(p\)"),
    (lambda: gd.flow(mixed, y0, 1.0, swap=gd.HardSwap(0.5)), ValueError, "a mixing of its own"),
    (lambda: gd.flow(free, y0, 1e8, swap=gd.HardSwap(0.5)), ValueError, "at least 10, for 10,000"),
    (lambda: gd.flow(free, y0, 1.0, swap=gd.HardSwap(0.5, 5e-324)), ValueError, "at least 1e-07"),
)
