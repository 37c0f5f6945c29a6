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
