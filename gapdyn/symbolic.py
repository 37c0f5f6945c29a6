"""The same gradients by other means: SymPy's derivatives, and finite differences for any model."""

from __future__ import annotations

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

    The difference is a complex step, exact to rounding, where `loss` takes a complex state, as
    those of this library do; central differences otherwise.

    Parameters
    ----------
    model : Model
        Any object that keeps the contract of `gapdyn.models`.
    y : (N,) array
        A state with unit rows, heights inside (-1, 1) and β below its ceiling: elsewhere the flow
        is projected and not the gradient.
    t : float
        Time.

    Returns
    -------
    float
        Relative to the largest entry of the difference; 0 where both vanish.

    Examples
    --------
    >>> from gapdyn import FreeModel, Learned, sphere
    >>> model = FreeModel(n=5, d=3, temperature=Learned())
    >>> y = model.start(sphere.sample(5, 3, seed=1), sphere.sample(5, 3, seed=2), tau=0.07)
    >>> check_gradient(model, y) < 1e-12
    True
    """
    y = validate_array("y", y, ndim=1).astype(np.float64)
    expected = -_rate_vector(model) * numerical_gradient(lambda z: model.loss(t, z), y)
    departure = np.abs(model.velocity(t, y) - expected).max()
    return float(departure / (np.abs(expected).max() or 1.0))


def numerical_gradient(function: Callable[[Array], float], y: Array) -> Array:
    """Derivatives of a function of a vector (N,), by complex step or central differences."""
    try:
        return np.array([_complex_step(function, y, k) for k in range(y.size)])
    except (TypeError, np.exceptions.ComplexWarning):
        return np.array([_central_difference(function, y, k) for k in range(y.size)])


def _complex_step(function: Callable[[Array], float], y: Array, k: int) -> float:
    """Im f(y + ih e_k)/h; no subtraction, so h may be tiny."""
    z = y.astype(complex)
    z[k] += 1e-100j
    value = function(z)
    if not np.iscomplexobj(value):
        raise TypeError("the function dropped the imaginary part")
    return float(np.imag(value)) / 1e-100


def _central_difference(function: Callable[[Array], float], y: Array, k: int) -> float:
    """Fourth-order central difference."""
    h = 1e-3 * max(1.0, abs(float(y[k])))
    shifted = [y.copy() for _ in range(4)]
    for z, multiple in zip(shifted, (-2, -1, 1, 2), strict=True):
        z[k] += multiple * h
    far_left, left, right, far_right = (float(function(z)) for z in shifted)
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
    """
    import sympy as sp

    y = [sp.Symbol(f"y{k}") for k in range(model.size)]
    if isinstance(model, ScalarModel):
        return sp.exp(-_beta(model, t, y[0]) * (1 - y[1] ** 2)), y
    if isinstance(model, FrozenModel):
        Z = sp.Matrix(model.Z.tolist())
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
        Working precision.

    Returns
    -------
    list of N mpmath.mpf
    """
    import mpmath
    import sympy as sp

    expression, symbols = loss_expression(model, t)
    gradient = sp.lambdify(symbols, [sp.diff(expression, s) for s in symbols], "mpmath", cse=True)
    rows, width = (2 * model.n, model.d) if isinstance(model, RowModel) else (0, 0)
    with mpmath.workdps(digits):
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
        return sp.Float(float(model.temperature.beta(t, 0.0)), 50)
    parametrisation = model.temperature.parametrisation
    if isinstance(parametrisation, Exponential):
        return sp.exp(nu / sp.Float(parametrisation.scale, 50))
    formulas = {Softplus: sp.log(1 + sp.exp(nu)), Linear: nu}
    return formulas[type(parametrisation)]


def _contrastive(M: sympy.Matrix) -> sympy.Expr:
    """Eq. (2) as printed: log-sum-exps of columns and rows minus the diagonal."""
    import sympy as sp

    n = M.rows
    total = 0
    for i in range(n):
        total += sp.log(sum(sp.exp(M[k, i]) for k in range(n))) - M[i, i]
        total += sp.log(sum(sp.exp(M[i, k]) for k in range(n))) - M[i, i]
    return total / (2 * n)
