"""The same formulas by SymPy: derivatives of the loss, and derivations of what the theorems use.

The derivations start from ℓ(a) for any ℓ, or from eq. (2), and let SymPy differentiate, integrate
and solve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gapdyn.check import rate_vector
from gapdyn.losses import Sigmoid
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
    end = 0 if isinstance(model, FrozenModel) else 2 * model.n * model.d
    nu, *heights = y[end:]
    bias = heights.pop() if model.objective.has_bias else 0
    beta, Z = _beta(model, t, nu), _similarities(model, y[:end])
    if heights:  # the lift above eq. (3): similarities of the lifted rows, constant included
        gamma_x, gamma_y = (heights[0], -heights[0]) if len(heights) == 1 else heights
        shrink = sp.sqrt(1 - gamma_x**2) * sp.sqrt(1 - gamma_y**2)
        Z = shrink * Z + gamma_x * gamma_y * sp.ones(*Z.shape)
    if not isinstance(model.objective, Sigmoid):
        return _contrastive(beta * Z), y
    offset = beta * bias if model.objective.bias == "relative" else bias
    return _of_each_pair(beta * Z - offset * sp.ones(*Z.shape)), y


def _similarities(model: Any, rows: list[sympy.Symbol]) -> sympy.Matrix:
    """Z as it is given, or of the rows, mixed where the model mixes them."""
    import sympy as sp

    if isinstance(model, FrozenModel):
        return sp.Matrix([[_exact(z) for z in row] for row in model.Z])
    X, Y = np.array(rows, dtype=object).reshape(2, model.n, model.d)
    mixing = getattr(model, "mixing", None)
    if mixing is not None:
        part = np.vectorize(_exact, otypes=[object])(mixing)
        X, Y = part * X + (1 - part) * Y, part * Y + (1 - part) * X
    return sp.Matrix(X) * sp.Matrix(Y).T


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


def _of_each_pair(M: sympy.Matrix) -> sympy.Expr:
    """The sigmoid loss: log(1 + e^∓M_ij) of all pairs, minus for those that match, by n."""
    import sympy as sp

    n = M.rows
    signed = (-M[i, j] if i == j else M[i, j] for i in range(n) for j in range(n))
    return sum(sp.log(1 + sp.exp(x)) for x in signed) / n


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


def projections() -> sympy.Expr:
    """The k of P_x y - P_y x = k (y - x), with P_x the projection to the tangent space at x: 1 + z.

    Returns
    -------
    sympy.Expr
        In `z` = ⟨x, y⟩, of unit vectors x and y.

    Raises
    ------
    ArithmeticError
        If the two sides are not parallel.
    """
    import sympy as sp

    z = sp.Symbol("z", real=True)
    x, y = sp.Matrix([1, 0]), sp.Matrix([z, sp.sqrt(1 - z**2)])
    k = sp.symbols("k")
    sides = (y - z * x) - (x - z * y) - k * (y - x)
    (solution,) = sp.solve(sides[1], k)
    if sp.simplify(sides[0].subs(k, solution)) != 0:
        raise ArithmeticError("P_x y - P_y x is no multiple of y - x")
    return sp.simplify(solution)


def gap_slope(n: int) -> sympy.Expr:
    """(n/η_x) d log Δ/dP of n pairs in any state, minus the covariance law of theory 4.1: 0.

    With A = -2n ∂ℓ/∂(aZ) of eq. (2), whose sum is 0, and g = -dℓ(aZ)/da, the slope is that of u' =
    (aη_x/n) Σ_ij G_ij (1 + Z_ij)(x_i - y_j), in which heights along u and Z_ij are any numbers.

    Parameters
    ----------
    n : int
        Number of pairs, 2 or 3; SymPy's time grows quickly with it.

    Returns
    -------
    sympy.Expr

    Raises
    ------
    TypeError, ValueError
        If n is not 2 or 3.
    ArithmeticError
        If the entries of ∂ℓ/∂(aZ) do not sum to 0, or g is not minus their sum with those of Z.
    """
    import sympy as sp

    n = _few_pairs(n)
    a = sp.Symbol("a", positive=True)
    Z, M = (sp.Matrix(n, n, lambda i, j, s=s: sp.Symbol(f"{s}{i}_{j}", real=True)) for s in "ZM")
    loss = _contrastive(M)
    G = M.applyfunc(lambda entry: sp.diff(loss, entry)).subs(dict(zip(M, a * Z, strict=True)))
    g = -sp.diff(_contrastive(a * Z), a)
    if sp.simplify(sum(G)) != 0 or sp.simplify(g + sum(G.multiply_elementwise(Z))) != 0:
        raise ArithmeticError("the entries of ∂ℓ/∂M must sum to 0, and to -g with those of Z")
    A = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"A{i}_{j}", real=True))  # as -2nG
    A[0, 0] -= sum(A)
    A /= sum(A.multiply_elementwise(Z))  # 2ng
    heights = sp.symbols(f"h:{n}", real=True), sp.symbols(f"k:{n}", real=True)
    means = [sum(h) / n for h in heights]
    moved, gap = A.multiply_elementwise(Z + sp.ones(n)), means[0] - means[1]
    apart = sp.Matrix(n, n, lambda i, j: heights[0][i] - heights[1][j])
    direct = -sum(moved.multiply_elementwise(apart)) / gap
    covariances = [  # p_i - 1/n - ρ_i with the heights of X, q_j - 1/n - c_j with those of Y
        sum((sum(B[i, :]) - sp.Rational(1, n)) * (h[i] - mean) for i in range(n))
        for B, h, mean in zip((moved, moved.T), heights, means, strict=True)
    ]
    return sp.simplify(direct + 1 + (covariances[0] - covariances[1]) / gap)


def largest_force() -> sympy.Expr:
    """The largest ‖(1+⟨x,y⟩)(y-x) - (1+⟨x,y'⟩)(y'-x)‖ of unit vectors x, y and y': 3√3/2.

    With angles θ and θ' of y and of y' to x, on opposite sides, it is |sin 2δ e^{2iσ} + 2 cos σ sin
    δ|, δ and σ half their sum and half their difference (theory 4.2). That is largest at σ = 0.

    Returns
    -------
    sympy.Expr
        A number.

    Raises
    ------
    ArithmeticError
        If the length is not that.
    """
    import sympy as sp

    delta, sigma = sp.symbols("delta sigma", real=True)

    def force(angle: sympy.Expr) -> sympy.Matrix:
        return (1 + sp.cos(angle)) * sp.Matrix([sp.cos(angle) - 1, sp.sin(angle)])

    apart = force(sigma + delta) - force(sigma - delta)
    turned = sp.sin(2 * delta) * sp.exp(2 * sp.I * sigma) + 2 * sp.cos(sigma) * sp.sin(delta)
    squared = apart.dot(apart) - sp.re(sp.expand_complex(turned * sp.conjugate(turned)))
    if sp.simplify(sp.expand(squared.rewrite(sp.exp))) != 0:
        raise ArithmeticError(f"the squared lengths differ by {squared}")
    c = sp.Symbol("c", positive=True)  # cos δ at σ = 0
    largest = 2 * sp.sqrt(1 - c**2) * (1 + c)
    return sp.simplify(max(largest.subs(c, root) for root in sp.solve(sp.diff(largest, c), c)))


def height_rates(n: int) -> tuple[sympy.Expr, sympy.Expr]:
    """Rates at which heights in two tight clusters return to their means, by the flow of eq. (2).

    The pairs stand on a circle, X near the angle φ and Y near -φ, where Δ = 2 sin φ, and a row at
    an angle moves by minus the derivative of the loss. Height goes with angle, at the same rate in
    X and in Y. In `alike` two pairs deviate by ±ε in both rows, in `opposed` by ±ε and ∓ε.

    Parameters
    ----------
    n : int
        Number of pairs, 2 or 3; SymPy's time grows quickly with it.

    Returns
    -------
    alike, opposed : sympy.Expr
        In `beta` and `Delta`, at η_x = 1.

    Raises
    ------
    TypeError, ValueError
        If n is not 2 or 3.
    """
    import sympy as sp

    n = _few_pairs(n)
    beta, gap, phi = sp.symbols("beta Delta phi", positive=True)
    eps, angles = sp.Symbol("epsilon", real=True), sp.symbols(f"x:{n} y:{n}", real=True)
    Z = sp.Matrix(n, n, lambda i, j: sp.cos(2 * phi + angles[i] - angles[n + j]))
    speed = -sp.diff(_contrastive(beta * Z), angles[0])
    rates = []
    for sign in (1, -1):
        mode = [eps, -eps, *[0] * (n - 2)]
        at = dict(zip(angles, [*mode, *(sign * x for x in mode)], strict=True))
        rate = sp.expand_trig(sp.simplify(-sp.diff(speed.subs(at), eps).subs(eps, 0)))
        rates.append(sp.expand(rate.subs(phi, sp.asin(gap / 2))))
    return rates[0], rates[1]


def _few_pairs(n: int) -> int:
    """Number of pairs, 2 or 3."""
    n = validate_count("n", n, least=2)
    if n > 3:
        raise ValueError(f"n must be at most 3, with which SymPy takes seconds, got {n}")
    return n
