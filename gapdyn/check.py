"""Check a velocity against its loss by complex steps and finite differences, without SymPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from gapdyn.models import Model
from gapdyn.types import Array
from gapdyn.validate import shown, validate_array, validate_number

EPS = float(np.finfo(np.float64).eps)

ROUNDINGS = 16
"""What is no larger than so many times what the last bits of a state change is zero."""


def check_gradient(model: Model, y: Array, t: float = 0.0) -> float:
    """Return the largest departure of `velocity` from minus the rates times the slopes of `loss`.

    The slopes are found by complex steps, which are exact to rounding, where `loss` takes a complex
    state and is analytic, as the losses of this library are; else by central differences.

    Parameters
    ----------
    model : Model
        Any model that keeps the contract of `gapdyn.models`.
    y : (N,) array
        A state with unit rows, heights inside (-1, 1) and β between its bounds: elsewhere the flow
        is projected and is not minus the gradient.
    t : float
        Time.

    Returns
    -------
    float
        Relative to the largest entry that is expected; 0 where both vanish up to what the rounding
        of `y` may change, as they do where the state is at rest.

    Raises
    ------
    TypeError, ValueError
        If `model` is no model, `y` no state of it, or its loss or velocity there are not finite.

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
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        velocity = np.array(model.velocity(t, y))
        expected = -rate_vector(model) * numerical_gradient(lambda z: model.loss(t, z), y)
        rounding = np.abs(model.velocity(t, _last_bits(y)) - velocity).max()
    largest = np.abs(expected).max()
    if not np.isfinite(largest + np.abs(velocity).max() + rounding):
        raise ValueError("y must have a finite loss and velocity: is its β too large, a row zero?")
    if max(largest, np.abs(velocity).max()) <= ROUNDINGS * rounding:
        return 0.0
    return float(np.abs(velocity - expected).max() / (largest or 1.0))


def _last_bits(y: Array) -> Array:
    """A vector whose last bits are others."""
    return y * (1 + EPS * np.sign(np.cos(np.arange(y.size))))


def numerical_gradient(function: Callable[[Array], float], y: Array) -> Array:
    """Derivatives of a function of a vector (N,), by complex step or central differences."""
    directions = np.eye(y.size)
    try:
        slopes = np.array([_complex_step(function, y, e) for e in directions])
        if _agrees(function, y, slopes):
            return slopes
    except TypeError:
        pass
    return np.array([_central_difference(function, y, e) for e in directions])


def _agrees(function: Callable[[Array], float], y: Array, slopes: Array) -> bool:
    """Whether complex steps say what differences say: the function is analytic.

    Any direction tells. A loss at a large β may need a short step, where rounding counts.
    """
    along, size, value = np.cos(np.arange(y.size)), np.abs(slopes).max(), function(y)
    noise = EPS * abs(value) + abs(function(_last_bits(y)) - value)
    for h in (1e-3, 1e-4, 1e-5):
        check = _central_difference(function, y, along, h)
        room = 1e-6 * (abs(check) + size) + ROUNDINGS * noise / h
        if abs(slopes @ along - check) < room:
            return True
    return False


def _complex_step(function: Callable[[Array], float], y: Array, along: Array) -> float:
    """Im f(y + ihv)/h along v; no subtraction, so h may be tiny."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        value = function(y + 1e-100j * along)
    if not np.iscomplexobj(value):
        raise TypeError("the function dropped the imaginary part")
    return float(np.imag(value)) / 1e-100


def _central_difference(
    function: Callable[[Array], float], y: Array, along: Array, h: float = 1e-3
) -> float:
    """Fourth-order central difference along v."""
    far_left, left, right, far_right = (function(y + k * h * along) for k in (-2, -1, 1, 2))
    return float(8 * (right - left) - (far_right - far_left)) / (12 * h)


def rate_vector(model: Model) -> Array:
    """Learning rate of each entry of the state."""
    rates = np.empty(model.size)
    for part, rate in zip(model.split(rates), model.rates(), strict=True):
        part[...] = rate
    return rates
