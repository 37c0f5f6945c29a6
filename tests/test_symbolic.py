import numpy as np
import pytest
from conftest import MODELS, TEMPERATURES, make
from reference import departure, model_loss

import gapdyn as gd
from gapdyn import symbolic

SMALL = [(kind, t, n, d) for kind in MODELS[:4] for t in TEMPERATURES for n, d in ((2, 2), (3, 3))]
SMALL += [(kind, gd.Learned(), n, d) for kind in MODELS[:4] for n, d in ((2, 3), (3, 2))]
SMALL += [("scalar", t, 2, 2) for t in TEMPERATURES]


@pytest.mark.parametrize(("kind", "temperature", "n", "d"), SMALL, ids=str)
def test_sympy_derives_the_velocity(kind, temperature, n, d):
    model, y = make(kind, temperature, n, d, seed=n + d)
    assert departure(model.velocity(0.7, y), symbolic.velocity(model, y, t=0.7)) < 1e-12


@pytest.mark.parametrize("kind", MODELS)
def test_the_symbolic_loss_is_the_loss(kind):
    model, y = make(kind, gd.Learned(), 2, 2)
    expression, symbols = symbolic.loss_expression(model)
    value = expression.subs(dict(zip(symbols, y.tolist(), strict=True))).evalf(30)
    # Untied and tied lifted losses carry the constant γ_X γ_Y, which drops out.
    assert departure([float(value)], [model_loss(model, 0.0, y)]) < 1e-14


@pytest.mark.parametrize("temperature", TEMPERATURES, ids=str)
@pytest.mark.parametrize(
    "swap",
    [gd.HardSwap(1.0, seed=1), gd.HardSwap(1.0, rows=True, seed=1), gd.SoftSwap(1.0)],
    ids=["entries", "rows", "soft"],
)
def test_sympy_derives_the_velocity_behind_a_mixing(temperature, swap):
    model, y = make("free", temperature, n=3, d=2, seed=4)
    model = model.mixed(swap.mixing(0, 3, 2))
    assert departure(model.velocity(0.7, y), symbolic.velocity(model, y, t=0.7)) < 1e-12
    expression, symbols = symbolic.loss_expression(model, t=0.7)
    value = expression.subs(dict(zip(symbols, y.tolist(), strict=True))).evalf(30)
    assert departure([model.loss(0.7, y)], [value]) < 1e-14


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


class Bowl(gd.Model):
    """A model of the user's that takes real states only."""

    temperature = gd.Fixed(1.0)
    size = 3

    def __init__(self, slope=-1.0):
        self.slope = slope

    def split(self, y):
        return (y,)

    def rates(self):
        return (np.asarray(1.0),)

    def loss(self, t, y):
        return float(np.sum(y**4)) / 4

    def velocity(self, t, y, out=None):
        return self.slope * y**3

    def observe(self, t, y):
        raise NotImplementedError


def test_check_gradient_falls_back_to_real_differences():
    y = np.array([0.3, -1.0, 2.0])
    assert gd.check_gradient(Bowl(), y) < 1e-10


def test_check_gradient_is_not_fooled_by_a_loss_that_is_complex_but_not_analytic():
    class Absolute(Bowl):
        def loss(self, t, y):
            return np.sum(np.abs(y) ** 4) / 4 + 0 * y[0]

    assert gd.check_gradient(Absolute(), np.array([0.3, -1.0, 2.0])) < 1e-10


@pytest.mark.parametrize("beta", [100.0, 300.0])
def test_sympy_keeps_its_digits_at_late_times(beta):
    """Z = I: g = (n-1)/(n-1+e^a), far below one."""
    model = gd.FrozenModel(np.eye(3), gd.Fixed(1 / beta))
    y = model.start(gamma=0.1)
    assert departure(model.velocity(0.0, y), symbolic.velocity(model, y)) < 1e-12


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: gd.check_gradient("m", np.ones(3)), TypeError, "model must be a gapdyn.Model"),
        (lambda: gd.check_gradient(Bowl(), np.ones(2)), ValueError, "y must have 3 entries, got 2"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_check_gradient_finds_a_wrong_constant():
    y = np.array([0.3, -1.0, 2.0])
    assert gd.check_gradient(Bowl(slope=-1.01), y) == pytest.approx(0.01, rel=1e-6)
    model, y = make("parallel", gd.Learned())
    right = model.velocity(0.0, y)

    class Wrong(gd.ParallelModel):
        def velocity(self, t, y, out=None):
            moved = super().velocity(t, y, out)
            moved[-1] *= 2
            return moved

    wrong = Wrong(3, 3, gd.Learned(), row_rate=0.7)
    expected = abs(right[-1]) / np.abs(right).max()
    assert gd.check_gradient(wrong, y) == pytest.approx(expected, rel=1e-10)


def test_a_model_that_sympy_does_not_know_is_named():
    with pytest.raises(TypeError, match="model must be one of gapdyn's own"):
        symbolic.loss_expression(Bowl())
