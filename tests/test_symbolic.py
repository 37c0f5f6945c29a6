from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import MODELS, TEMPERATURES, make, refusals
from reference import departure

import gapdyn as gd
from gapdyn import symbolic

SMALL = [(kind, temperature, 2, 2) for kind in MODELS for temperature in TEMPERATURES]
SMALL += [(kind, gd.Learned(), n, d) for kind in MODELS[:4] for n, d in ((2, 3), (3, 2), (3, 3))]


SWAPS = [(gd.HardSwap(1.0, rows=True, seed=1), temperature) for temperature in TEMPERATURES]
SWAPS += [(swap, gd.Learned()) for swap in (gd.HardSwap(1.0, seed=1), gd.SoftSwap(1.0))]


def check(model, y):
    """The velocity and the loss at t = 0.7 are what SymPy derives."""
    assert departure(model.velocity(0.7, y), symbolic.velocity(model, y, t=0.7)) < 1e-12
    expression, symbols = symbolic.loss_expression(model, t=0.7)
    value = expression.subs(dict(zip(symbols, y.tolist(), strict=True))).evalf(30)
    # Untied and tied lifted losses carry the constant γ_X γ_Y, which drops out.
    assert departure([model.loss(0.7, y)], [value]) < 1e-14


@pytest.mark.parametrize(("kind", "temperature", "n", "d"), SMALL, ids=str)
def test_sympy_derives_the_loss_and_the_velocity(kind, temperature, n, d):
    check(*make(kind, temperature, n, d, seed=n + d))


@pytest.mark.parametrize(("swap", "temperature"), SWAPS, ids=str)
def test_sympy_derives_the_loss_and_the_velocity_behind_a_mixing(swap, temperature):
    model, y = make("free", temperature, n=3, d=2, seed=4)
    check(model.mixed(swap.mixing(0, 3, 2)), y)


@pytest.mark.parametrize("beta", [100.0, 300.0])
def test_sympy_keeps_its_digits_behind_a_mixing(beta):
    """A swap never matches pairs better than by a margin of 2: (X̄_i - X̄_j)·(Ȳ_i - Ȳ_j) ≤ 4."""
    X, _ = gd.sphere.polygon_pairs(3)
    turn = np.array([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    model = gd.FreeModel(3, 2, gd.Fixed(1 / beta))
    y = model.start(X, X @ turn)
    model = model.mixed(gd.SoftSwap(1.0).mixing(0, 3, 2))
    velocity = model.velocity(0.0, y)
    assert 0 < abs(velocity).max() < np.exp(-beta)
    exact, closer = (symbolic.velocity(model, y, digits=digits) for digits in (50, 90))
    assert departure(velocity, exact) < 1e-12
    apart = [abs(a - b) for a, b in zip(exact, closer, strict=True)]
    assert max(apart) < 1e-45 * max(map(abs, closer))


@pytest.mark.parametrize("beta", [100.0, 300.0])
def test_sympy_keeps_its_digits_at_late_times(beta):
    """Z = I: g = (n-1)/(n-1+e^a), far below one."""
    model = gd.FrozenModel(np.eye(3), gd.Fixed(1 / beta))
    y = model.start(gamma=0.1)
    assert departure(model.velocity(0.0, y), symbolic.velocity(model, y)) < 1e-12


FREE, START = make("free", gd.Learned(), n=2, d=2)

test_bad_input_is_named = refusals(
    *[
        (partial(function, model, *rest), TypeError, "model must be one of gapdyn's own")
        for function, rest in ((symbolic.loss_expression, ()), (symbolic.velocity, (START,)))
        for model in (1.0, None, "free", FREE.temperature, SimpleNamespace(size=3))
    ],
    (lambda: symbolic.loss_expression(FREE, "now"), TypeError, "t must be a real number"),
    (lambda: symbolic.velocity(FREE, START, np.inf), ValueError, "t must be finite"),
    (lambda: symbolic.velocity(FREE, 1.0), ValueError, "y must have 1 axes"),
    (lambda: symbolic.velocity(FREE, "y"), TypeError, "y must hold real floating-point"),
    (lambda: symbolic.velocity(FREE, START[1:]), ValueError, "y must have 9 entries, got 8"),
    (lambda: symbolic.velocity(FREE, START, digits=0), ValueError, "digits must be at least 1"),
    (lambda: symbolic.velocity(FREE, START, digits=5.0), TypeError, "digits must be an integer"),
    (lambda: symbolic.exchange_law(1), ValueError, "n must be at least 2"),
    (lambda: symbolic.exchange_law(10**30), ValueError, "n must be at most 12"),
    (lambda: symbolic.exchange_law(2.0), TypeError, "n must be an integer"),
    (lambda: symbolic.ratio(1.0), TypeError, "tied must be True or False"),
    (lambda: symbolic.temperature_of_height(tied=None), TypeError, "tied must be True or False"),
    (lambda: symbolic.temperature_of_height(1.0), ValueError, "kind must be one of"),
)
