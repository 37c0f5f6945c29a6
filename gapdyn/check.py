"""Check a velocity against its loss by complex steps and finite differences, without SymPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from gapdyn.models import Model
from gapdyn.types import Array
from gapdyn.validate import shown, validate_array, validate_number


def check_gradient(model: Model, y: Array, t: float = 0.0) -> float:
    """Return the largest departure of `velocity` from minus the rates times the slopes of `loss`.

    The slopes are found by complex steps, which are exact to rounding, where `loss` takes a complex
    state and is analytic, as the losses of this library are; else by central differences.

    Parameters
    ----------
    model : Model
        Any model that keeps the contract of `gapdyn.models`.
    y : (N,) array
        A state with unit rows, heights inside (-1, 1) and β below its ceiling: elsewhere the flow
        is projected and is not minus the gradient.
    t : float
        Time.

    Returns
    -------
    float
        Relative to the largest entry that is expected; 0 where both vanish.

    Raises
    ------
    TypeError, ValueError
        If `model` is no model or `y` no state of it.

    Examples
    --------
    >>> from gapdyn import FreeModel, Learned, sphere
    >>> model = FreeModel(n=5, d=3, temperature=Learned())
    >>> y = model.start(sphere.sample(5, 3, seed=1), sphere.sample(5, 3, seed=2), tau=0.07)
    >>> check_gradient(model, y) < 1e-12
    True
    """
    if not isinstance(model, Model):
        raise TypeError(f"model must be a gapdyn.Model, got {shown(model)}")
    y, t = validate_array("y", y, ndim=1), validate_number("t", t)
    if y.size != model.size:
        raise ValueError(f"y must have {model.size} entries, got {y.size}")
    expected = -rate_vector(model) * numerical_gradient(lambda z: model.loss(t, z), y)
    departure = np.abs(model.velocity(t, y) - expected).max()
    return float(departure / (np.abs(expected).max() or 1.0))


def numerical_gradient(function: Callable[[Array], float], y: Array) -> Array:
    """Derivatives of a function of a vector (N,), by complex step or central differences."""
    directions = np.eye(y.size)
    try:
        slopes = np.array([_complex_step(function, y, e) for e in directions])
        along = np.cos(np.arange(y.size))  # any direction tells whether the function is analytic
        check = _central_difference(function, y, along)
        if abs(slopes @ along - check) < 1e-6 * (abs(check) + np.abs(slopes).max()):
            return slopes
    except TypeError:
        pass
    return np.array([_central_difference(function, y, e) for e in directions])


def _complex_step(function: Callable[[Array], float], y: Array, along: Array) -> float:
    """Im f(y + ihv)/h along v; no subtraction, so h may be tiny."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        value = function(y + 1e-100j * along)
    if not np.iscomplexobj(value):
        raise TypeError("the function dropped the imaginary part")
    return float(np.imag(value)) / 1e-100


def _central_difference(function: Callable[[Array], float], y: Array, along: Array) -> float:
    """Fourth-order central difference along v."""
    h = 1e-3
    far_left, left, right, far_right = (function(y + k * h * along) for k in (-2, -1, 1, 2))
    return float(8 * (right - left) - (far_right - far_left)) / (12 * h)


def rate_vector(model: Model) -> Array:
    """Learning rate of each entry of the state."""
    rates = np.empty(model.size)
    for part, rate in zip(model.split(rates), model.rates(), strict=True):
        part[...] = rate
    return rates
