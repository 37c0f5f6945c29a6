"""The same formulas by SymPy: derivatives of the loss, and derivations of what the theorems use.

The derivations start from ℓ(a) for any ℓ, or from eq. (2), and let SymPy differentiate, integrate
and solve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gapdyn.check import rate_vector
from gapdyn.models import FreeModel, FrozenModel, Model, ParallelModel, ScalarModel
from gapdyn.models.base import RowModel
from gapdyn.temperature import Exponential, Learned, Linear, Softplus
from gapdyn.types import Array
from gapdyn.validate import validate_array, validate_bool, validate_count, validate_number

if TYPE_CHECKING:
    import sympy

MOST_PAIRS = 12
"""The most pairs of which SymPy simplifies the exchange law."""


def loss_expression(model: Model, t: float = 0.0) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    """Loss of a model as a SymPy expression in the entries of its state, in their order.

    The expression does not normalise rows, so its derivatives are those in the ambient space.

    Parameters
    ----------
    model : FreeModel, FrozenModel, ParallelModel or ScalarModel
        A model of small size.
    t : float
        Time, which matters to a schedule.

    Returns
    -------
    expression : sympy.Expr
    symbols : list of sympy.Symbol
        One for each entry of the state.

    Raises
    ------
    TypeError, ValueError
        If the model is not one of gapdyn's own, or `t` is not a finite number.
    """
    import sympy as sp

    if not isinstance(model, FreeModel | FrozenModel | ParallelModel | ScalarModel):
        raise TypeError(f"model must be one of gapdyn's own, got {model!r}")
    t, y = validate_number("t", t), [sp.Symbol(f"y{k}") for k in range(model.size)]
    if isinstance(model, ScalarModel):
        return sp.exp(-_beta(model, t, y[0]) * (1 - y[1] ** 2)), y
    if isinstance(model, FrozenModel):
        Z = sp.Matrix([[_exact(z) for z in row] for row in model.Z])
        return _contrastive(_beta(model, t, y[0]) * (1 - y[1] ** 2) * Z), y
    nu, *heights = y[2 * model.n * model.d :]
    X, Y = np.array(y[: 2 * model.n * model.d], dtype=object).reshape(2, model.n, model.d)
    mixing = getattr(model, "mixing", None)
    if mixing is not None:
        part = np.vectorize(_exact, otypes=[object])(mixing)
        X, Y = part * X + (1 - part) * Y, part * Y + (1 - part) * X
    Z = sp.Matrix(X) * sp.Matrix(Y).T
    if heights:  # the lift above eq. (3): similarities of the lifted rows, constant included
        gamma_x, gamma_y = (heights[0], -heights[0]) if len(heights) == 1 else heights
        shrink = sp.sqrt(1 - gamma_x**2) * sp.sqrt(1 - gamma_y**2)
        Z = shrink * Z + gamma_x * gamma_y * sp.ones(*Z.shape)
    return _contrastive(_beta(model, t, nu) * Z), y


def velocity(model: Model, y: Array, t: float = 0.0, digits: int = 50) -> list[Any]:
    """Velocity by SymPy's derivatives of the loss, evaluated in `digits` decimal digits.

    Parameters
    ----------
    model : Model
        One of gapdyn's own models, of small size.
    y : (N,) array
        A state with unit rows.
    t : float
        Time, which matters to a schedule.
    digits : int
        Number of correct decimal digits, as long as β ≤ 1e4.

    Returns
    -------
    list of N mpmath.mpf

    Raises
    ------
    TypeError, ValueError
        If the model is not one of gapdyn's own, `t` is not a finite number, `y` is not a state of
        the model, or `digits` is not a positive integer.
    """
    import mpmath
    import sympy as sp

    expression, symbols = loss_expression(model, t)
    y = validate_array("y", y, ndim=1).astype(np.float64)
    digits = validate_count("digits", digits, least=1)
    if y.size != model.size:
        raise ValueError(f"y must have {model.size} entries, got {y.size}")
    gradient = sp.lambdify(symbols, [sp.diff(expression, s) for s in symbols], "mpmath", cse=True)
    rows, width = (2 * model.n, model.d) if isinstance(model, RowModel) else (0, 0)
    # Eq. (2) as printed adds terms as small as e^{-2β} to terms of order one.
    with np.errstate(over="ignore"):  # β(ν) may be no float64
        beta = model.temperature.beta(t, np.float64(model.split(y).nu))
    lost = int(min(abs(beta), 1e4))
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
        rates = rate_vector(model)
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
    if type(parametrisation) not in formulas:
        raise TypeError(f"temperature must be one of gapdyn's own, got {model.temperature!r}")
    return formulas[type(parametrisation)]


def _exact(number: float) -> sympy.Rational:
    """A float as an exact fraction, which SymPy does not round."""
    import sympy as sp

    return sp.Rational(*float(number).as_integer_ratio())


def _contrastive(M: sympy.Matrix) -> sympy.Expr:
    """Eq. (2) as printed: log-sum-exps of columns and rows minus the diagonal."""
    import sympy as sp

    lines = (line for i in range(M.rows) for line in (M[:, i], M[i, :]))
    total = sum(sp.log(sum(map(sp.exp, line))) for line in lines)
    return (total - 2 * M.trace()) / (2 * M.rows)


def ratio(tied: bool = True) -> sympy.Expr:
    """R = (dγ/dt)/(dβ/dt) of eq. (5) in [1]_, for any loss ℓ(a) and any β(ν), with rate η of ν.

    Parameters
    ----------
    tied : bool
        With one γ, a = β(1-γ²); otherwise R = (dγ_X/dt)/(dβ/dt), a = β√((1-γ_X²)(1-γ_Y²)).

    Returns
    -------
    sympy.Expr
        In `gamma` (untied `gamma_x, gamma_y`), `eta` and β(ν), β'(ν).

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma 3.1.

    Examples
    --------
    >>> ratio()
    2*gamma*beta(nu)/(eta*(gamma**2 - 1)*Derivative(beta(nu), nu)**2)
    """
    import sympy as sp

    tied = validate_bool("tied", tied)
    nu, eta = sp.symbols("nu eta", positive=True)
    beta = sp.Function("beta")(nu)
    if tied:
        gamma = sp.Symbol("gamma", positive=True)
        shrink = 1 - gamma**2
    else:
        gamma, other = sp.symbols("gamma_x gamma_y", positive=True)
        shrink = sp.sqrt(1 - gamma**2) * sp.sqrt(1 - other**2)
    loss = sp.Function("l")(beta * shrink)
    dgamma = -sp.diff(loss, gamma).doit()
    dbeta = -eta * sp.diff(beta, nu) * sp.diff(loss, nu).doit()
    return sp.simplify(dgamma / dbeta)


def temperature_of_height(kind: str = "exponential", tied: bool = True) -> sympy.Expr:
    """β as a function of γ through (γ₀, β₀), eq. (6) in [1]_, by solving dβ/dγ = 1/R.

    Parameters
    ----------
    kind : {"exponential", "linear"}
        β = exp(ν/s) or β = ν.
    tied : bool
        As in `ratio`; untied the result is a function of γ_X alone.

    Returns
    -------
    sympy.Expr
        In `gamma`, `gamma0`, `beta0`, `s` and `eta`.

    Raises
    ------
    ValueError
        If the kind is another; for softplus see `softplus_potential`.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma 3.1.
    """
    import sympy as sp

    gamma, gamma0, beta0, s = sp.symbols("gamma gamma0 beta0 s", positive=True)
    nu = sp.Symbol("nu", positive=True)
    at = sp.Symbol("beta", positive=True)  # β itself, and β'(ν) as a function of it
    slopes = {"exponential": at / s, "linear": sp.Integer(1)}
    if not isinstance(kind, str) or kind not in slopes:
        raise ValueError(f"kind must be one of {', '.join(slopes)}, got {kind!r}")
    abstract = sp.Function("beta")(nu)
    R = ratio(tied).subs(sp.diff(abstract, nu), slopes[kind]).subs(abstract, at)
    R = sp.simplify(R.subs(sp.Symbol("gamma_x", positive=True), gamma))
    # 1/R = (part in γ)·(part in β): separate, and integrate both sides.
    parts = sp.separatevars(1 / R, symbols=[gamma, at], dict=True)
    there = sp.integrate(1 / parts[at], at)
    here = sp.integrate(sp.expand(parts["coeff"] * parts[gamma]), gamma)
    change = here - here.subs(gamma, gamma0)
    (solution,) = sp.solve(sp.Eq(there - there.subs(at, beta0), change), at)
    return sp.simplify(sp.expand_log(solution, force=True))


def softplus_potential() -> sympy.Expr:
    """The potential of β = log(1+e^ν), whose derivative is β/β'(ν)² = β/(1-e^-β)².

    Returns
    -------
    sympy.Expr
        In `beta`; minus β²/2 it tends to 0 as β → ∞. It was found by integration by parts, and is
        checked here by its derivative.

    Raises
    ------
    ArithmeticError
        If its derivative is another.
    """
    import sympy as sp

    beta = sp.Symbol("beta", positive=True)
    x = sp.exp(-beta)
    rest = beta * sp.log(1 - x) - sp.polylog(2, x) - beta * x / (1 - x) + sp.log(1 - x)
    candidate = beta**2 / 2 + rest
    slope = sp.expand_func(sp.diff(candidate, beta)) - beta / (1 - x) ** 2
    if sp.simplify(slope) != 0:
        raise ArithmeticError(f"the derivative differs by {slope}")
    return candidate


def exchange_law(n: int) -> sympy.Expr:
    """(d log h/dt)/(dν/dt) of the height h of a modality's centre, for n cyclic pairs: -1/n.

    The pairs of two lifted polygons, whatever their rotation, heights and radii, have similarities
    Z_ij that depend on j - i mod n alone. With G = ∂ℓ/∂Z of eq. (2), x_i' = -(Σ_j G_ij (y_j -
    Z_ij x_i)), and ν' = -β ∂ℓ/∂β.

    Parameters
    ----------
    n : int
        Number of pairs, from 2 to 12; SymPy's time grows quickly with it.

    Returns
    -------
    sympy.Expr
        A number, since everything else cancels.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer from 2 to 12.
    """
    import sympy as sp

    n = validate_count("n", n, least=2)
    if n > MOST_PAIRS:
        raise ValueError(f"n must be at most {MOST_PAIRS}, with which SymPy takes minutes, got {n}")
    beta, h, k = sp.symbols("beta h k", positive=True)  # heights of X and of Y
    z = sp.symbols(f"z:{n}", real=True)
    entries = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"Z{i}_{j}", real=True))
    cyclic = {entries[i, j]: z[(j - i) % n] for i in range(n) for j in range(n)}
    loss = _contrastive(beta * entries)
    G = entries.applyfunc(lambda entry: sp.diff(loss, entry).subs(cyclic))
    Z = entries.subs(cyclic)
    dh = -sum(G[i, j] * (k - Z[i, j] * h) for i in range(n) for j in range(n)) / n
    dnu = -beta * sp.diff(loss.subs(cyclic), beta)
    return sp.simplify(dh / h / dnu)


def theorem_3_2_integral() -> sympy.Expr:
    """γ(t) of the last step of the proof of Theorem 3.2 in [1]_: dω/dt = c₃e^{-c₄ω}, ω = 1/√γ.

    Returns
    -------
    sympy.Expr
        [c₄/log(c₃c₄t + e^{c₄/√γ₀})]², in `t`, `c3`, `c4` and `gamma0`; the paper prints
        c₂/log(c₃t + e^{c₄/√γ₀})².

    References
    ----------
    .. [1] Yaras et al. 2025, Appendix B.3.
    """
    import sympy as sp

    t, c3, c4, gamma0 = sp.symbols("t c3 c4 gamma0", positive=True)
    omega = sp.Function("omega")
    equation = sp.Eq(omega(t).diff(t), c3 * sp.exp(-c4 * omega(t)))
    solution = sp.dsolve(equation, omega(t), ics={omega(0): 1 / sp.sqrt(gamma0)})
    return sp.simplify(1 / solution.rhs**2)
