"""Figure 4(b): Theorem 3.3 at the start, in the parallel and in the free model."""

from dataclasses import replace

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import fig4b, record
from experiments.section_4 import figure_4, first_steps
from experiments.section_4.methods import Method
from gapdyn import published
from gapdyn.plotting import drawing
from gapdyn.theory import bessel


@pytest.fixture(scope="module")
def numbers():
    return fig4b.compute(seed=1, quick=True)


@pytest.fixture(scope="module")
def models(numbers):
    """The columns of each model, draw by draw."""
    return {name: numbers.rows(model=name) for name in ("parallel", "free")}


def test_the_height_of_the_free_model_is_slower_by_what_one_pair_is_among_n(models, numbers):
    """Exactly (1-γ²)/2n: the rows of ∇ℓ sum to zero in all, and the height sees nothing else."""
    slower = (1 - fig4b.HEIGHT**2) / (2 * numbers.parameters["pairs"])
    np.testing.assert_allclose(
        models["free"]["two_gamma_velocity"],
        slower * models["parallel"]["two_gamma_velocity"],
        rtol=1e-11,
    )


def test_the_height_moves_at_minus_g_in_units_of_the_theorem():
    """Eq. (11): dγ/dt = -2βγ g at the similarities of the unlifted rows."""
    X, Y = gd.sphere.sample(20, 6, 0), gd.sphere.sample(20, 6, 1)
    model = gd.ParallelModel(20, 6, gd.Learned())
    y = model.start(X, Y, tau=fig4b.TAU, gamma=fig4b.HEIGHT)
    g = gd.loss.g(X @ Y.T, (1 - fig4b.HEIGHT**2) / fig4b.TAU)
    assert fig4b.beginning(model, y)[2] == pytest.approx(-g, rel=1e-12)


def test_the_gap_grows_in_every_draw_but_lags_behind_twice_the_height(models):
    """Theory 2.4: the paper's last step, dΔ/dt ≥ 2dγ/dt, fails in every draw."""
    for rows in models.values():
        assert (rows["gap_velocity"] > 0).all() and (rows["change_in_ten_steps"] > 0).all()
    parallel = models["parallel"]
    np.testing.assert_allclose(models["free"]["gap"], parallel["gap"], rtol=1e-13)
    assert (parallel["gap"] > 2 * fig4b.HEIGHT).all()
    assert (parallel["gap_velocity"] < parallel["two_gamma_velocity"]).all()


def test_draws_of_the_height_come_to_the_limit_from_below(models, numbers):
    """A softmax average of n is a ratio of means, low by M(2a)/M(a)² (A(2a) - A(a))/n at most."""
    n, d, limit = (numbers.parameters[key] for key in ("pairs", "dim", "limit"))
    a = (1 - fig4b.HEIGHT**2) / fig4b.TAU
    weight = np.exp(bessel.log_mgf(2 * a, d) - 2 * bessel.log_mgf(a, d))
    low = weight * (bessel.A(2 * a, d) - limit) / n
    assert limit - low < models["parallel"]["two_gamma_velocity"].mean() < limit


@pytest.mark.parametrize("lift", [False, True])
def test_ten_gradient_steps_are_near_the_flow(lift):
    X, Y = gd.sphere.sample(64, 32, 2), gd.sphere.sample(64, 32, 3)
    if lift:
        model = gd.FreeModel(64, 33, gd.Learned())
        y = model.start(*gd.sphere.lift(X, Y, gamma=fig4b.HEIGHT), tau=fig4b.TAU)
    else:
        model = gd.ParallelModel(64, 32, gd.Learned())
        y = model.start(X, Y, tau=fig4b.TAU, gamma=fig4b.HEIGHT)
    run = gd.flow(model, y, [0.0, fig4b.STEPS * fig4b.STEP])
    assert fig4b.beginning(model, y)[3] == pytest.approx(run.gap[1] - run.gap[0], rel=0.04)


@pytest.fixture(scope="module")
def encoders():
    """Two encoders for few pairs, and a start with outputs of mean zero."""
    model = figure_4.SETTING.model(figure_4.pairs(5, 64), Method(gd.Learned()))
    return model, first_steps.scattered(model, np.random.default_rng(0))


@pytest.fixture(scope="module")
def kinds(committed):
    """The rows of each kind of steps, as the repository holds them."""
    return {name: committed("fig4b").rows(model=f"encoders_{name}") for name in fig4b.ENCODERS}


def test_encoders_start_with_outputs_of_mean_zero_hence_with_a_small_gap(encoders):
    model, y = encoders
    theta, phi, _ = model.split(y)
    images = model.first.forward(theta, model.images)[-1]
    texts = model.second.forward(phi, model.texts)[-1]
    np.testing.assert_allclose([images.mean(axis=0), texts.mean(axis=0)], 0, atol=1e-14)
    plain = model.start(np.random.default_rng(0), tau=fig4b.TAU)
    small, large = (gd.measures.gap(*model.embeddings(z)) for z in (y, plain))
    assert small < 0.2 < 0.5 < large


def test_kinds_of_steps_from_one_start_share_its_gap(numbers, models):
    one, *others = (
        numbers.rows(model=f"encoders_{name}")["gap"] for name in ("adam", "adam_uphill", "descent")
    )
    np.testing.assert_array_equal(others, [one, one])
    assert len(one) == len(models["parallel"]["gap"])


def test_the_velocity_of_the_gap_is_that_of_the_flow(encoders):
    model, y = encoders
    start, widens, speed = first_steps.beginning(model, y)
    t = 1e-5 * np.arange(3)
    gap = gd.flow(model, y, t, rtol=1e-10, atol=1e-12).gap
    assert (-3 * gap[0] + 4 * gap[1] - gap[2]) / (2 * t[1]) == pytest.approx(widens, rel=1e-3)
    assert abs(widens) <= speed and start == pytest.approx(gap[0])


def test_uphill_is_the_opposite_of_the_velocity(encoders):
    model, y = encoders
    parts = model.images, model.texts, model.first, model.second, model.temperature
    out = np.empty_like(y)
    first_steps.Uphill(*parts).descend(0.0, y, model.images, model.texts, None, out)
    np.testing.assert_array_equal(out, -model.velocity(0.0, y))


def test_near_copies_match_and_start_with_a_small_gap():
    pairs = figure_4.pairs(5, 64)
    model = figure_4.SETTING.model(
        replace(pairs, texts=pairs.training.images), Method(gd.Learned())
    )
    X, Y = model.embeddings(first_steps.near_copies(model, np.random.default_rng(0)))
    assert gd.measures.mismatched(X @ Y.T) == 0
    assert 0 < gd.measures.gap(X, Y) < 0.1


@pytest.mark.parametrize("n", [256, figure_4.CAPTIONS])
def test_ten_steps_are_one_pass_over_the_pairs(n):
    assert figure_4.constant(0.01, n // fig4b.STEPS, epochs=1).steps(n) == fig4b.STEPS


def test_the_captions_of_figure_4_have_images_that_all_differ():
    pairs = figure_4.pairs(0, 500)
    assert len(np.unique(pairs.training.images, axis=0)) == pairs.texts.shape[0] == 500
    assert len(pairs.images) == pairs.first[-1] and (np.diff(pairs.first) > 0).all()


def test_the_gap_of_encoders_grows_in_all_starts_downhill_and_uphill(kinds):
    """From mismatched pairs, but without the dΔ/dt > 0 at t = 0 of Theorem 3.3."""
    change = {name: rows["change_in_ten_steps"] for name, rows in kinds.items()}
    for name in ("adam", "adam_uphill", "descent"):
        assert len(change[name]) == 100 and (change[name] > 0).all()
        assert kinds[name]["gap"].max() < 0.1
    assert change["adam_uphill"].mean() > 1.5 * change["adam"].mean()
    assert (change["descent_matched"] < 0).mean() > 0.9
    assert (kinds["descent"]["gap_velocity"] > 0).mean() < 0.5


def test_the_bars_of_the_paper_have_the_moments_that_are_said_of_them(numbers):
    """Against starts placed one by one at the middles of their bins."""
    edges, counts = published.FIGURE_4B
    starts = np.repeat((edges[1:] + edges[:-1]) / 2, counts.astype(int))
    paper = numbers.parameters["paper"]
    assert paper["mean"] == pytest.approx(starts.mean())
    assert paper["deviation"] == pytest.approx(starts.std(ddof=1))
    assert paper["mean"] - paper["least_mean"] == pytest.approx(0.0329 / 2)
    assert paper["mean_of_text"] < paper["least_mean"]


@pytest.mark.parametrize("key", record.pictures(fig4b))
def test_pictures_are_legible(numbers, key):
    with drawing():
        figure = record.pictures(fig4b)[key](numbers)
    assert faults(figure) + overlaps(figure) == []
