"""Figure 4(b): Theorem 3.3 at the start, in the parallel and in the free model."""

import numpy as np
import pytest

import gapdyn as gd
from experiments import fig4b
from gapdyn.theory import bessel


@pytest.fixture(scope="module")
def numbers():
    return fig4b.compute(seed=1, quick=True)


@pytest.fixture(scope="module")
def models(numbers):
    """The columns of each model, draw by draw."""
    return {
        name: {key: column[numbers.table["model"] == name] for key, column in numbers.table.items()}
        for name in ("parallel", "free")
    }


@pytest.mark.parametrize("name", ["parallel", "free"])
def test_mismatched_pairs_enlarge_the_gap_in_every_draw(models, name):
    assert (models[name]["gap_velocity"] > 0).all()
    assert (models[name]["change_in_ten_steps"] > 0).all()


def test_both_models_start_with_the_same_gap(models):
    np.testing.assert_allclose(models["free"]["gap"], models["parallel"]["gap"], rtol=1e-13)


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


def test_the_gap_lags_behind_twice_the_height(models):
    """Theory 2.4: the paper's last step, dΔ/dt ≥ 2dγ/dt, fails in every draw."""
    parallel = models["parallel"]
    assert (parallel["gap"] > 2 * fig4b.HEIGHT).all()
    assert (parallel["gap_velocity"] < parallel["two_gamma_velocity"]).all()


def test_draws_of_the_height_are_above_the_bounds(models, numbers):
    about, draws = numbers.parameters, models["parallel"]["two_gamma_velocity"]
    assert about["printed_bound"] < about["sharper_bound"] < draws.min()


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
