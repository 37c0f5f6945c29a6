"""Losses as objects: their values, what they refuse, and flows as a user runs them."""

import dataclasses
import pickle

import mpmath as mp
import numpy as np
import pytest
from conftest import make, refusals

import gapdyn as gd
from gapdyn._kernels.sigmoid import Sigmoid as Law
from gapdyn._kernels.sigmoid import softplus

KINDS = "relative", "plain", "none"
Z = np.random.default_rng(0).uniform(-1, 1, (4, 4))


def logits(kind, beta, bias):
    return {"relative": beta * (Z - bias), "plain": beta * Z - bias, "none": beta * Z}[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beta", [1e-6, 2.0, 1e3])
def test_the_sigmoid_loss_is_the_log_likelihood_of_which_pairs_match(kind, beta):
    """A matching pair has the probability σ(M), another one 1 - σ(M) of not matching."""
    bias = 0.0 if kind == "none" else 0.3
    M = logits(kind, beta, bias)
    likely = [
        mp.log1p(mp.exp(-m if i == j else m)) for (i, j), m in np.ndenumerate(M.astype(object))
    ]
    value = gd.Sigmoid(kind).value(Z, tau=1 / beta, bias=bias)
    assert value == pytest.approx(float(sum(likely) / 4), rel=1e-14)
    columns_first = gd.Sigmoid(kind).value(np.asfortranarray(Z), tau=1 / beta, bias=bias)
    assert columns_first == value


def test_infonce_is_the_loss_of_the_paper_whatever_is_added_to_all_logits():
    for shifted in (Z, Z + 0.7):
        assert gd.InfoNCE().value(shifted, tau=0.5) == pytest.approx(gd.loss.loss(Z / 0.5))


def test_a_relative_bias_is_a_plain_one_by_beta():
    relative = gd.Sigmoid("relative").value(Z, tau=0.1, bias=0.25)
    assert relative == pytest.approx(gd.Sigmoid("plain").value(Z, tau=0.1, bias=2.5), rel=1e-15)


@pytest.mark.parametrize("x", [-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])
def test_softplus_and_its_slope_are_accurate_relative_to_their_size(x):
    exact = mp.log1p(mp.exp(x)) if x < 700 else mp.mpf(x)
    assert float(softplus(np.array(x))) == pytest.approx(float(exact), rel=1e-15, abs=5e-324)
    slope = np.imag(softplus(np.array(x + 1e-100j))) / 1e-100
    assert slope == pytest.approx(float(1 / (1 + mp.exp(-x))), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("offset", [-1e8, -700.0, -3.0, 0.0, 3.0, 700.0, 1e8])
@pytest.mark.parametrize("beta", [1e-6, 1.0, 280.0, 320.0, 1e8])
def test_its_gradient_is_accurate_for_any_logits_and_offset(beta, offset):
    """Entry by entry: σ(M - c)/n, and -σ(c - M)/n on the diagonal; and their sum."""
    M, law = beta * Z, Law(offset)
    x = M - offset
    signed = np.where(np.eye(4, dtype=bool), -x, x)
    exact = [[float(1 / (1 + mp.exp(-mp.mpf(v)))) / 4 for v in row] for row in signed]
    exact = np.where(np.eye(4, dtype=bool), -1, 1) * exact
    G = law.gradient(M.copy(), beta, 2 * beta)
    room = 1e-14 + 4e-16 * (abs(offset) + beta)  # what the logits themselves are rounded by
    np.testing.assert_allclose(G, exact, rtol=room, atol=1e-300)
    np.testing.assert_allclose(law.total, exact.sum(), rtol=0, atol=room * np.abs(exact).sum())
    many = Law(np.array([offset, 0.0]))
    both = np.stack([M, M], axis=-1)
    reach = np.full(2, beta)
    G = many.gradients(both, reach, 2 * reach, gd.loss.Scratch())
    np.testing.assert_allclose(G[..., 0], exact, rtol=room, atol=1e-300)


def test_what_no_pair_feels_is_at_rest():
    """At z = ±1, r = 0 and a β of 1e4 each pair is right by more than float64 can say."""
    model = gd.FreeModel(2, 2, gd.Learned(), loss=gd.Sigmoid())
    y = model.start(np.diag([1.0, 1.0]), np.diag([1.0, 1.0]), tau=1e-4, bias=0.5)
    run = gd.flow(model, y, 10.0)
    assert run.loss[-1] == 0 and run.stationary < 1e-3


@pytest.mark.parametrize(
    "kind", ["free relative", "parallel plain", "untied relative", "frozen plain"]
)
def test_the_loss_falls_along_the_flow_and_many_flow_as_each(kind, tmp_path):
    model, y = make(kind, gd.Learned(), n=5, d=3)
    times = np.linspace(0, 2, 9)
    run = gd.flow(model, y, times)
    assert (np.diff(run.loss) < 0).all() and np.ptp(run.bias) > 0.01
    together = gd.flow_many(model, [y, 1.0 * y], times, rtol=1e-9)
    np.testing.assert_allclose(together[1].bias, run.bias, rtol=1e-6)
    np.testing.assert_allclose(together[1].gap, run.gap, rtol=1e-6)
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.model == model and again.model.objective == model.objective
    np.testing.assert_array_equal(again.bias, run.bias)
    run.to_csv(tmp_path / "run.csv")
    header = (tmp_path / "run.csv").read_text().splitlines()[0]
    assert header == "t,gap,tau,beta,gamma,margin,mismatched,loss,bias"
    between = run.at(0.6).bias
    assert min(run.bias[2:4]) < between < max(run.bias[2:4])


def test_swapped_segments_and_the_film_are_of_the_sigmoid_loss_too():
    model, y = make("free relative", gd.Learned(), n=4, d=3)
    plain, swapped = (gd.flow(model, y, 5.0, swap=s) for s in (None, gd.HardSwap(0.5, 1.0)))
    assert swapped.bias[-1] != plain.bias[-1] and swapped.gap[-1] != plain.gap[-1]
    assert len(plain.animate(frames=3).t) == 3


def test_a_bias_of_rate_zero_stays():
    model = gd.FreeModel(3, 3, gd.Learned(), loss=gd.Sigmoid("plain", bias_rate=0.0))
    y = model.start(gd.sphere.sample(3, 3, 0), gd.sphere.sample(3, 3, 1), tau=0.1, bias=10.0)
    assert set(gd.flow(model, y, 10.0).bias) == {10.0}


@pytest.mark.parametrize("past", [1.0, -1.0, 1.0 + 1e-5])
@pytest.mark.parametrize("other", [0.5, -0.5])
def test_at_a_pole_g_outweighs_the_sum_of_the_gradient(past, other):
    """As γ_Y comes to ±1, dγ_Y/dt has g/√(1-γ_Y²) and S times a finite number."""
    X = gd.sphere.sample(5, 3, seed=0)
    for texts, repels in ((X, True), (-X, False)):
        model = gd.ParallelModel(5, 3, gd.Fixed(0.05), tied=False, loss=gd.Sigmoid("none"))
        y = model.start(X, texts, gamma_x=other, gamma_y=0.5)
        y[-1] = past
        speed = float(model.split(model.velocity(0.0, y)).gamma_y)
        y[-1] = np.sign(past) * (1 - 1e-12)
        near = float(model.split(model.velocity(0.0, y)).gamma_y)
        assert np.sign(near) == (-1 if repels else 1) * np.sign(past)
        assert speed == 0 if not repels else np.sign(speed) == np.sign(near)


def test_losses_are_values():
    assert gd.InfoNCE() == gd.InfoNCE() and gd.Sigmoid() == gd.Sigmoid("relative", 1)
    assert gd.Sigmoid("plain") != gd.Sigmoid() and len({gd.InfoNCE(), gd.InfoNCE()}) == 1
    model, _ = make("free plain", gd.Learned())
    assert pickle.loads(pickle.dumps(model)) == model == dataclasses.replace(model)
    assert dataclasses.replace(model, objective=gd.InfoNCE()) == gd.FreeModel(3, 3, gd.Learned())
    assert "Sigmoid(bias='plain', bias_rate=0.6)" in repr(model)


free = gd.FreeModel(3, 3, gd.Learned(), loss=gd.Sigmoid("none"))
info = gd.FreeModel(3, 3, gd.Learned())
X = gd.sphere.sample(3, 3, 0)

test_bad_input_is_named = refusals(
    (lambda: gd.Sigmoid("absolute"), ValueError, "bias must be its kind, 'relative', 'plain'"),
    (lambda: gd.Sigmoid(-10.0), ValueError, "bias must be its kind.* not its value, got -10.0"),
    (lambda: gd.Sigmoid(bias_rate=-1.0), ValueError, "bias_rate must not be negative"),
    (lambda: gd.Sigmoid(bias_rate=np.nan), ValueError, "bias_rate must be"),
    (lambda: gd.FreeModel(3, 3, gd.Learned(), loss="sigmoid"), TypeError, "loss must be InfoNCE"),
    (lambda: gd.ParallelModel(3, 3, gd.Learned(), loss=gd.Sigmoid), TypeError, "loss must be Info"),
    (lambda: gd.FrozenModel(np.eye(3), gd.Learned(), loss=1), TypeError, "loss must be InfoNCE"),
    (lambda: info.start(X, X, tau=1.0, bias=1.0), ValueError, "bias must be left out: .*InfoNCE"),
    (
        lambda: free.start(X, X, tau=1.0, bias=1.0),
        ValueError,
        "bias must be left out: this Sig",
    ),
    (lambda: free.start(X, X, tau=1.0, bias="b"), TypeError, "bias must be"),
    (lambda: gd.Sigmoid().value(Z[:3], tau=1.0), ValueError, "Z must be square"),
    (lambda: gd.Sigmoid().value(Z, tau=0.0), ValueError, "tau must be positive"),
    (lambda: gd.InfoNCE().value(Z, tau=1.0, bias=2.0), ValueError, "bias must be left out"),
    (
        lambda: gd.flow(free, free.start(X, X, tau=1.0), 1.0, clock="log beta"),
        ValueError,
        "clock must be 't' or 'log t' for Sigmoid",
    ),
)
