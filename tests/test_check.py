"""check_gradient finds errors, in models of the library and of the user."""

import numpy as np
import pytest
from conftest import Own, make, refusals

import gapdyn as gd

STATE = np.array([0.3, -1.0, 2.0])


class Bowl(Own):
    """A model of the user's that takes real states only."""

    size = 3

    def __init__(self, slope=-1.0):
        super().__init__(lambda t, y: slope * y**3)

    def loss(self, t, y):
        return float(np.sum(y**4)) / 4


def test_check_gradient_falls_back_to_real_differences():
    assert gd.check_gradient(Bowl(), STATE) < 1e-10


def test_check_gradient_is_not_fooled_by_a_loss_that_is_complex_but_not_analytic():
    class Absolute(Bowl):
        def loss(self, t, y):
            return np.sum(np.abs(y) ** 4) / 4 + 0 * y[0]

    assert gd.check_gradient(Absolute(), STATE) < 1e-10


test_bad_input_is_named = refusals(
    (lambda: gd.check_gradient("m", np.ones(3)), TypeError, "model must be a gapdyn.Model"),
    (lambda: gd.check_gradient(Bowl(), np.ones(2)), ValueError, "y must have 3 entries, got 2"),
)


@pytest.mark.parametrize("tau", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("n", [3, 4, 7])
def test_a_state_at_rest_is_no_departure(n, tau):
    """By symmetry matched simplices at a fixed temperature do not move: what is left is noise."""
    X = gd.examples.simplex(n)
    free, parallel = gd.FreeModel(n, n, gd.Fixed(tau)), gd.ParallelModel(n, n, gd.Fixed(tau))
    assert gd.check_gradient(free, free.start(X, X)) == 0
    assert gd.check_gradient(parallel, parallel.start(X, X, gamma=0.0)) == 0
    assert gd.check_gradient(parallel, parallel.start(X, X, gamma=0.5)) < 1e-12


@pytest.mark.parametrize("tau", [1e-3, 3e-3, 0.1])
def test_complex_steps_serve_at_large_beta_too(tau):
    """Where a loss of e^-βα leaves differences nothing but a wrong slope."""
    model = gd.FrozenModel(0.3 * np.eye(3), gd.Learned())
    y = model.start(tau=tau, gamma=0.3)
    assert gd.check_gradient(model, y) < 1e-12

    class Wrong(gd.FrozenModel):
        def velocity(self, t, y, out=None):
            return super().velocity(t, y, out) * [1.0, 1.01]

    wrong = Wrong(model.Z, model.temperature)
    share = abs(model.velocity(0.0, y)[1]) / np.abs(model.velocity(0.0, y)).max()
    assert gd.check_gradient(wrong, y) == pytest.approx(0.01 * share, rel=1e-8)


def test_check_gradient_refuses_what_has_no_velocity():
    model = gd.FreeModel(3, 3, gd.Learned())
    y = model.start(np.eye(3), np.eye(3), tau=0.5)
    for k, value in ((0, 0.0), (-1, 1e4), (-1, 800.0)):
        odd = y.copy()
        odd[k] = value
        with pytest.raises(ValueError, match="y must have a finite loss and velocity"):
            gd.check_gradient(model, odd)


def test_check_gradient_finds_a_wrong_constant():
    assert gd.check_gradient(Bowl(slope=-1.01), STATE) == pytest.approx(0.01, rel=1e-6)
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
