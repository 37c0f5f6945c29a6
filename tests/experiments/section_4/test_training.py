"""Training: the curve of rates, batches, draws, steps of both optimisers, swaps, one family."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

import gapdyn as gd
from experiments.section_4 import paired_data
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.training import Recipe, train

PLAIN = {"optimiser": "descent", "warm_up": 0.0, "cosine": False}


def make(temperature=None, *, n=24, hidden=(5,), normalised=True, mixing=None, tau=0.4, seed=0):
    """A model of n pairs and its state; the same weights whatever the temperature."""
    temperature = gd.Learned() if temperature is None else temperature
    rng = np.random.default_rng(seed)
    first, second = (Encoder((k, *hidden, 3), normalised) for k in (4, 3))
    images, texts = rng.standard_normal((n, 4)), rng.standard_normal((n, 3))
    model = EncoderModel(images, texts, first, second, temperature, mixing)
    learned = isinstance(temperature, gd.Learned)
    return model, model.start(rng, tau=tau if learned else None)


def path(model, y0, recipe, **options):
    """States before the first step and after each."""
    states = []
    end = train(model, y0, recipe, watch=lambda k, y: states.append((k, y.copy())), **options)
    assert [k for k, _ in states] == list(range(len(states)))
    np.testing.assert_array_equal(end, states[-1][1])
    return np.array([y for _, y in states])


def log_beta(model, states):
    return np.log([model.temperature.beta(0.0, nu) for nu in states[:, -1]])


# The curve of learning rates.


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 600])
@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.5, 0.99])
def test_the_rate_rises_linearly_and_then_falls_as_a_cosine(steps, warm_up):
    rates = Recipe(1, 2, 0.3, warm_up=warm_up).rates(steps)
    warm = max(1, round(warm_up * steps))
    assert rates.shape == (steps,) and (rates >= 0).all()
    assert rates.max() == pytest.approx(0.3, rel=1e-15) and rates.argmax() == warm - 1
    np.testing.assert_allclose(rates[:warm], 0.3 * np.arange(1, warm + 1) / warm, rtol=1e-15)
    share = np.arange(steps - warm) / max(1, steps - warm)
    np.testing.assert_allclose(rates[warm:], 0.3 * np.cos(np.pi * share / 2) ** 2, rtol=1e-9)
    if steps == 600 and warm_up <= 0.5:
        assert 0 < rates[-1] < 1e-4 * 0.3


def test_without_a_cosine_the_rate_stays():
    rates = Recipe(1, 2, 0.3, warm_up=0.25, cosine=False).rates(8)
    np.testing.assert_array_equal(rates, [0.15, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3])


@pytest.mark.parametrize(("epochs", "pairs"), [(100, 1000), (120, 3900), (14, 32_768)])
def test_a_fifth_of_the_steps_warms_up_by_default(epochs, pairs):
    """E.1 warms up for 20 of 100 epochs."""
    recipe = Recipe(epochs, 256, 0.3)
    steps = recipe.steps(pairs)
    rates, fifth = recipe.rates(steps), round(steps / 5)
    assert epochs != 100 or fifth == 20 * (pairs // 256)
    np.testing.assert_allclose(np.diff(rates[:fifth]), 0.3 / fifth, rtol=1e-10)
    assert rates[0] == pytest.approx(0.3 / fifth) and rates[fifth - 1] == 0.3
    assert rates[fifth] == 0.3 and (np.diff(rates[fifth:]) < 0).all()


# Batches.


@pytest.mark.parametrize(("pairs", "batch"), [(24, 8), (25, 8), (9, 9), (17, 2)])
def test_every_epoch_is_a_fresh_order_without_repeats(pairs, batch):
    recipe = Recipe(4, batch, 1.0)
    batches = list(recipe.batches(pairs, np.random.default_rng(3)))
    assert len(batches) == recipe.steps(pairs) == 4 * (pairs // batch)
    assert {chosen.shape for chosen in batches} == {(batch,)}
    epochs = np.reshape(batches, (4, -1))
    for order in epochs:
        assert len(set(order.tolist())) == len(order) > pairs - batch
        assert 0 <= order.min() and order.max() < pairs
    assert len({tuple(order) for order in epochs.tolist()}) == 4
    if pairs % batch == 0:
        np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(pairs), (4, 1)))


@pytest.mark.parametrize("optimiser", ["adam", "descent"])
def test_the_seed_decides_everything(optimiser):
    model, y0 = make()
    recipe = Recipe(3, 8, 0.01, optimiser)
    one, again, other = (train(model, y0, recipe, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-6
    np.testing.assert_array_equal(one, train(model, y0, recipe, seed=np.random.default_rng(5)))
    np.testing.assert_array_equal(y0, make()[1])


# Draws.


def many_images(seed=0):
    """Texts with one to four images each, as bags of words, and a model of their first images."""
    rng = np.random.default_rng(seed)
    counts = np.arange(24) % 4 + 1
    images = rng.standard_normal((counts.sum(), 4)).astype(np.float32)
    words = (rng.random((24, 6)) < 0.4).astype(float)
    words[np.arange(24), np.arange(24) % 6] = 1.0  # no bag is empty
    texts = scipy.sparse.csr_array(words)
    matched = paired_data.Matched(images[:3], texts[:3])
    labelled = paired_data.Labelled(images[:3], np.arange(3))
    pairs = paired_data.Pairs(
        images=images,
        first=np.cumsum([0, *counts]),
        texts=texts,
        validation=matched,
        held_out=matched,
        twins=(matched, matched),
        labelled=labelled,
        unlabelled=labelled,
        prompts=texts[:3],
    )
    first, second = Encoder((4, 5, 3)), Encoder((6, 5, 3))
    model = EncoderModel(*pairs.training, first, second, gd.Learned())
    y0 = model.start(rng, tau=0.4)
    y0[:-1] += 0.3 * rng.standard_normal(y0.size - 1)  # so that no row is zero with its ReLUs
    return pairs, model, y0


def test_a_step_draws_one_of_the_images_of_each_text_all_of_them_alike():
    pairs, _, _ = many_images()
    owner = np.repeat(np.arange(24), np.diff(pairs.first))
    row = {tuple(image): k for k, image in enumerate(pairs.images.astype(float).tolist())}
    rng, seen = np.random.default_rng(1), np.zeros(len(owner))
    for _ in range(600):
        chosen = rng.permutation(24)[:8]
        drawn = pairs.draw(chosen, rng)
        assert drawn.shape == (8, 4) and drawn.dtype == np.float64
        rows = [row[tuple(image)] for image in drawn.tolist()]
        np.testing.assert_array_equal(owner[rows], chosen)
        seen[rows] += 1
    # Each text is chosen 200 times, give or take, and divides that among its images.
    count = np.diff(pairs.first)[owner]
    assert (np.abs(seen - 200 / count) < 5 * np.sqrt(200 / count)).all()


def test_a_step_is_taken_with_the_images_that_are_drawn():
    """A first step of plain descent is the velocity of a model of the batch with those images."""
    pairs, model, y0 = many_images()
    seen = []

    def spy(chosen, rng):
        seen.append((chosen, pairs.draw(chosen, rng)))
        return seen[-1][1]

    recipe = Recipe(2, 8, 0.1, **PLAIN)
    states = path(model, y0, recipe, draw=spy, seed=3)
    assert len(seen) == len(states) - 1 == recipe.steps(24)
    for k, (chosen, images) in enumerate(seen):
        batch = replace(model, images=images, texts=model.texts[chosen])
        step = 0.1 * batch.velocity(float(k), states[k])
        np.testing.assert_allclose(states[k + 1] - states[k], step, atol=1e-14)
    first = np.array([np.array_equal(images, model.images[chosen]) for chosen, images in seen])
    assert not first.any()


def test_the_seed_decides_what_is_drawn():
    pairs, model, y0 = many_images()
    recipe = Recipe(3, 8, 0.01)
    one, again, other = (train(model, y0, recipe, draw=pairs.draw, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-6
    assert np.abs(one - train(model, y0, recipe, seed=5)).max() > 1e-6


@pytest.mark.parametrize("swap", [None, gd.HardSwap(0.4, seed=1)])
def test_with_one_image_a_text_the_path_is_that_without_draws(swap):
    """Bit for bit, batches included."""
    pairs, _, _ = many_images()
    alone = replace(pairs, images=pairs.images[pairs.first[:-1]], first=np.arange(25))
    _, model, y0 = many_images()
    recipe = Recipe(4, 8, 0.01)
    drawn = path(model, y0, recipe, draw=alone.draw, swap=swap, seed=2)
    np.testing.assert_array_equal(drawn, path(model, y0, recipe, swap=swap, seed=2))


def test_training_on_bags_is_training_on_the_rows_they_stand_for():
    pairs, model, y0 = many_images()
    dense = replace(model, texts=model.texts.toarray())
    recipe = Recipe(5, 8, 0.01)
    ends = [train(m, y0, recipe, draw=pairs.draw, seed=4) for m in (model, dense)]
    assert np.abs(ends[0] - y0).max() > 0.05
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-11)


def test_an_empty_bag_without_a_direction_is_named_at_once():
    """Biases start at zero, so that the row of an empty bag is zero and cannot be normalised."""
    model, y0 = make(hidden=())
    texts = model.texts.copy()
    texts[3] = 0.0
    empty = replace(model, texts=scipy.sparse.csr_array(texts))
    says = "step 0: .* the embedding of an input has become zero"
    with np.errstate(invalid="ignore"), pytest.raises(ArithmeticError, match=says):
        train(empty, y0, Recipe(1, 24, 0.01))


# Steps.


@pytest.mark.parametrize("optimiser", ["adam", "descent"])
@pytest.mark.parametrize("swap", [None, gd.HardSwap(0.4, seed=1), gd.SoftSwap(0.4, segment=9.0)])
def test_step_k_sees_time_k_batch_k_and_segment_k(optimiser, swap):
    """Replayed with the optimiser as it is printed."""
    temperature = gd.LinearSchedule(0.4, 0.6, 7.0) if swap else gd.Learned(rate=0.3, max_beta=2.6)
    model, y0 = make(temperature)
    recipe = Recipe(6, 8, 0.02, optimiser)
    states = path(model, y0, recipe, seed=2, swap=swap)
    steps = recipe.steps(model.n)
    acts = [False] * steps if swap is None else swap.swapped(steps)
    assert swap is None or 0 < sum(acts) < steps
    y, moments = y0.copy(), np.zeros((2, y0.size))
    batches = recipe.batches(model.n, np.random.default_rng(2))
    for k, (alpha, chosen) in enumerate(zip(recipe.rates(steps), batches, strict=True)):
        pairs = {"images": model.images[chosen], "texts": model.texts[chosen]}
        batch = replace(model, **pairs, mixing=swap.mixing(k, 8, 3) if acts[k] else None)
        gradient = -batch.velocity(float(k), y)
        if optimiser == "descent":
            y -= alpha * gradient
        else:
            rates = alpha * np.append(np.ones(y.size - 1), temperature.rate)
            y = adam_by_hand(y, gradient, moments, rates, k + 1)
        if swap is None:
            y[-1] = min(y[-1], math.log(2.6))
        np.testing.assert_allclose(states[k + 1], y, rtol=1e-12, atol=1e-12)


def adam_by_hand(y, gradient, moments, rates, t):
    """Algorithm 1 of Kingma and Ba (2015), one parameter after the other; moves the moments."""
    y = y.copy()
    for i, g in enumerate(gradient.tolist()):
        moments[0, i] = 0.9 * moments[0, i] + (1 - 0.9) * g
        moments[1, i] = 0.999 * moments[1, i] + (1 - 0.999) * g**2
        m, v = moments[0, i] / (1 - 0.9**t), moments[1, i] / (1 - 0.999**t)
        y[i] -= rates[i] * m / (math.sqrt(v) + 1e-8)
    return y


def test_plain_descent_tends_to_the_flow_linearly_in_its_step():
    """Euler's method: halving the step halves the error."""
    model, y0 = make(gd.Learned(rate=0.3), n=8, hidden=(), seed=2)
    exact = gd.flow(model, y0, [1.0], rtol=1e-11, atol=1e-13).y[-1]
    errors = []
    for steps in (50, 100, 200):
        end = train(model, y0, Recipe(steps, 8, 1 / steps, **PLAIN))
        errors.append(np.abs(end - exact).max())
    assert errors[0] < 0.05
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("optimiser", "beta"),
    [
        ("adam", gd.Exponential()),
        ("adam", gd.Exponential(10.0)),
        ("adam", gd.Softplus()),
        ("descent", gd.Exponential()),
        ("descent", gd.Softplus()),
    ],
)
def test_beta_is_clamped_after_every_step(optimiser, beta):
    temperature = gd.Learned(beta, max_beta=4.0)
    images = np.random.default_rng(0).standard_normal((16, 4))
    encoder = Encoder((4, 3))
    model = EncoderModel(images, images, encoder, encoder, temperature)
    y0 = model.start(1, tau=0.4)
    y0[: encoder.size] = y0[encoder.size : -1]  # pairs that match
    states = path(model, y0, Recipe(200, 8, 0.3, optimiser))
    betas = np.array([beta.beta(nu) for nu in states[:, -1]])  # of ν itself, not of its clamp
    assert betas.max() <= 4.0 * (1 + 1e-14) and (betas > 4.0 * (1 - 1e-12)).sum() > 10
    free = path(replace(model, temperature=gd.Learned(beta)), y0, Recipe(200, 8, 0.3, optimiser))
    assert beta.beta(free[:, -1]).max() > 4.0


# One family, theory 3.2: TR with scale s is SLRT with rate 1/s² by descent, 1/s by Adam.


def curve(temperature, recipe, tau=0.2):
    """Weights and log β after every step, without ReLU, whose kinks magnify rounding."""
    model, y0 = make(temperature, tau=tau, hidden=())
    states = path(model, y0, recipe)
    return np.column_stack([states[:, :-1], log_beta(model, states)])


@pytest.mark.parametrize("scale", [2.0, 10.0])
@pytest.mark.parametrize(
    ("recipe", "power", "other"),
    [(Recipe(200, 8, 0.05, "descent"), -2, -1), (Recipe(100, 8, 0.01), -1, -2)],
)
def test_scale_s_is_a_power_of_s_as_the_rate(scale, recipe, power, other):
    scaled = curve(gd.Learned(gd.Exponential(scale)), recipe)
    assert np.abs(scaled[-1] - scaled[0]).max() > 0.5
    np.testing.assert_allclose(scaled, curve(gd.Learned(rate=scale**power), recipe), atol=1e-10)
    assert np.abs(scaled[-1] - curve(gd.Learned(rate=scale**other), recipe)[-1]).max() > 1e-3


def test_under_adam_log_beta_moves_at_most_by_the_rates_over_s():
    """|m/√v| is of order one, so that s slows log β by s: the fall of τ is the recipe's to give."""
    for scale in (1.0, 2.0, 10.0):
        recipe = Recipe(60, 8, 0.01)
        log = curve(gd.Learned(gd.Exponential(scale)), recipe)[:, -1]
        assert np.abs(log - log[0]).max() <= 1.05 * recipe.rates(180).sum() / scale


# What is refused.


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": 1.5}, TypeError, "epochs"),
        ({"batch": 1}, ValueError, "batch"),
        ({"rate": 0.0}, ValueError, "rate"),
        ({"rate": math.nan}, ValueError, "rate"),
        ({"optimiser": "sgd"}, ValueError, "optimiser must be one of adam, descent, got 'sgd'"),
        ({"optimiser": []}, ValueError, "optimiser"),
        ({"warm_up": 1.0}, ValueError, "warm_up"),
        ({"warm_up": -0.1}, ValueError, "warm_up"),
        ({"warm_up": "0.1"}, TypeError, "warm_up"),
    ],
)
def test_a_recipe_refuses_by_name(changed, error, message):
    with pytest.raises(error, match=message):
        Recipe(**{"epochs": 1, "batch": 2, "rate": 0.1} | changed)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"recipe": Recipe(1, 25, 0.1)}, ValueError, "batch must be at most the 24 pairs .* 25"),
        ({"y0": np.zeros(3)}, ValueError, "y0 must have 82 entries, got 3"),
        ({"y0": np.zeros((82, 1))}, ValueError, "y0 must have 1 axes"),
        ({"y0": np.full(82, np.nan)}, ValueError, "y0 must be finite"),
        ({"y0": np.zeros(82, dtype=int)}, TypeError, "y0"),
        ({"swap": 0.1}, TypeError, "swap"),
        ({"model": make(mixing=np.ones((24, 1)))[0]}, ValueError, "mixing"),
    ],
)
def test_train_refuses_by_name(changed, error, message):
    model, y0 = make()
    given = {"model": model, "y0": y0, "recipe": Recipe(1, 8, 0.1), "swap": None} | changed
    with pytest.raises(error, match=message):
        train(given["model"], given["y0"], given["recipe"], swap=given["swap"])


def test_a_schedule_that_leaves_positive_temperatures_is_stopped_at_the_step():
    with pytest.raises(ValueError, match="tau_end must be positive"):
        gd.LinearSchedule(1e-2, -1e-2, 10.0)
    model, y0 = make(gd.Scheduled(lambda t: 1 - t / 4))
    reached = []
    with pytest.raises(ValueError, match=r"function_of_t's value must be positive.* at t = 4"):
        train(model, y0, Recipe(3, 8, 0.01), watch=lambda k, y: reached.append(k))
    assert reached == [0, 1, 2, 3, 4]
