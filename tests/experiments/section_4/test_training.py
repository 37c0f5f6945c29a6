"""Training: the curve of rates, the batches, the steps of both optimisers, swaps, one family."""

import math
from dataclasses import replace

import numpy as np
import pytest

import gapdyn as gd
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
    assert beta.beta(free[-1, -1]) > 4.0


# One family, theory 3.2: TR with scale s is SLRT with rate 1/s² by descent, 1/s by Adam.


def curve(temperature, recipe, tau=0.2):
    """Weights and log β after every step."""
    model, y0 = make(temperature, tau=tau)
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
