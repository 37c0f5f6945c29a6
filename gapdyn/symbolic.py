"""The same gradients by other means: SymPy's derivatives, and finite differences for any model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gapdyn._validate import Array, validate_array
from gapdyn.models import FreeModel, FrozenModel, Model, ParallelModel, ScalarModel
from gapdyn.models.base import RowModel
from gapdyn.temperature import Exponential, Learned, Linear, Softplus

if TYPE_CHECKING:
    import sympy


def check_gradient(model: Model, y: Array, t: float = 0.0) -> float:
    """Largest departure of `velocity` from minus the rates times differences of `loss`.

    The difference is a complex step, exact to rounding, where `loss` takes a complex state and is
    analytic, as those of this library are; central differences otherwise.

    Parameters
    ----------
    model : Model
        Any that keeps the contract of `gapdyn.models`.
    y : (N,) array
        A state with unit rows, heights inside (-1, 1) and β below its ceiling: elsewhere the flow
        is projected and not the gradient.
    t : float
        Time.

    Returns
    -------
    float
        Relative to the largest entry of the difference; 0 where both vanish.

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
        raise TypeError(f"model must be a gapdyn.Model, got {model!r}")
    y = validate_array("y", y, ndim=1).astype(np.float64)
    if y.size != model.size:
        raise ValueError(f"y must have {model.size} entries, got {y.size}")
    expected = -_rate_vector(model) * numerical_gradient(lambda z: model.loss(t, z), y)
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
    left, right = (float(function(y + k * h * along)) for k in (-1, 1))
    far_left, far_right = (float(function(y + k * h * along)) for k in (-2, 2))
    return (8 * (right - left) - (far_right - far_left)) / (12 * h)


def _rate_vector(model: Model) -> Array:
    """Learning rate of each entry of the state."""
    rates = np.empty(model.size)
    for part, rate in zip(model.split(rates), model.rates(), strict=True):
        part[...] = rate
    return rates


def loss_expression(model: Model, t: float = 0.0) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    """Loss of a model as a SymPy expression of the entries of its state, in their order.

    Rows enter as they are: at unit rows its derivatives are those in the ambient space.

    Parameters
    ----------
    model : FreeModel, FrozenModel, ParallelModel or ScalarModel
        Of any small size.
    t : float
        Time, of a schedule.

    Returns
    -------
    expression : sympy.Expr
    symbols : list of sympy.Symbol
        One for each entry of the state.

    Raises
    ------
    TypeError
        If the model is not one of gapdyn's own.
    """
    import sympy as sp

    y = [sp.Symbol(f"y{k}") for k in range(model.size)]
    if isinstance(model, ScalarModel):
        return sp.exp(-_beta(model, t, y[0]) * (1 - y[1] ** 2)), y
    if isinstance(model, FrozenModel):
        Z = sp.Matrix([[_exact(z) for z in row] for row in model.Z])
        return _contrastive(_beta(model, t, y[0]) * (1 - y[1] ** 2) * Z), y
    if not isinstance(model, FreeModel | ParallelModel):
        raise TypeError(f"model must be one of gapdyn's own, got {model!r}")
    rows = sp.Matrix(2 * model.n, model.d, y[: 2 * model.n * model.d])
    Z = rows[: model.n, :] * rows[model.n :, :].T
    nu, *heights = y[2 * model.n * model.d :]
    if heights:  # eq. (3): similarities of the lifted rows, constant included
        gamma_x, gamma_y = (heights[0], -heights[0]) if model.tied else heights  # type: ignore[union-attr]
        shrink = sp.sqrt(1 - gamma_x**2) * sp.sqrt(1 - gamma_y**2)
        Z = shrink * Z + gamma_x * gamma_y * sp.ones(*Z.shape)
    return _contrastive(_beta(model, t, nu) * Z), y


def velocity(model: Model, y: Array, t: float = 0.0, digits: int = 50) -> list[Any]:
    """Velocity by SymPy's derivatives of the loss, evaluated in `digits` decimal digits.

    Parameters
    ----------
    model : Model
        One of gapdyn's own, small.
    y : (N,) array
        A state with unit rows.
    t : float
        Time, of a schedule.
    digits : int
        Digits of the result, kept while β ≤ 1e4.

    Returns
    -------
    list of N mpmath.mpf
    """
    import mpmath
    import sympy as sp

    expression, symbols = loss_expression(model, t)
    gradient = sp.lambdify(symbols, [sp.diff(expression, s) for s in symbols], "mpmath", cse=True)
    rows, width = (2 * model.n, model.d) if isinstance(model, RowModel) else (0, 0)
    # Eq. (2) as printed loses e^{-2β} in a sum of order one.
    lost = int(min(abs(model.temperature.beta(t, float(model.split(y).nu))), 1e4))
    with mpmath.workdps(digits + lost):
        state = [mpmath.mpf(float(entry)) for entry in y]
        blocks = [slice(k * width, (k + 1) * width) for k in range(rows)]
        for b in blocks:
            length = mpmath.sqrt(mpmath.fdot(state[b], state[b]))
            state[b] = [entry / length for entry in state[b]]
        slopes = gradient(*state)
        for b in blocks:  # to the tangent space of the sphere
            along = mpmath.fdot(state[b], slopes[b])
            slopes[b] = [s - along * x for s, x in zip(slopes[b], state[b], strict=True)]
        rates = _rate_vector(model)
        return [-mpmath.mpf(float(r)) * s for r, s in zip(rates, slopes, strict=True)]


def _beta(model: Model, t: float, nu: sympy.Symbol) -> sympy.Expr:
    """β(ν) of a learned temperature, else the number β(t)."""
    import sympy as sp

    if not isinstance(model.temperature, Learned):
        return _exact(model.temperature.beta(t, 0.0))
    parametrisation = model.temperature.parametrisation
    if isinstance(parametrisation, Exponential):
        return sp.exp(nu / _exact(parametrisation.scale))
    formulas = {Softplus: sp.log(1 + sp.exp(nu)), Linear: nu}
    return formulas[type(parametrisation)]


def _exact(number: float) -> sympy.Rational:
    """A float as the fraction that it is, which SymPy leaves alone."""
    import sympy as sp

    return sp.Rational(*float(number).as_integer_ratio())


def _contrastive(M: sympy.Matrix) -> sympy.Expr:
    """Eq. (2) as printed: log-sum-exps of columns and rows minus the diagonal."""
    import sympy as sp

    n = M.rows
    total = 0
    for i in range(n):
        total += sp.log(sum(sp.exp(M[k, i]) for k in range(n))) - M[i, i]
        total += sp.log(sum(sp.exp(M[i, k]) for k in range(n))) - M[i, i]
    return total / (2 * n)
