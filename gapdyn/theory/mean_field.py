"""Many pairs: three equations that hold for the free flow of level rows as n → ∞ (theory 4.5).

Rows are x = (√(1-h_x²) ξ, h_x) and y = (√(1-h_y²) ζ, h_y), with ξ and ζ isotropic on S^{D-1} and
one angle θ between ξ and its partner ζ. A softmax average over many pairs is then one over a von
Mises-Fisher law, A_D(βρ) ξ with ρ = √((1-h_x²)(1-h_y²)), and with ε = η_x/n

    g = ρ (cos θ - A_D(βρ)),    h' = -ε β g h  for both heights,
    θ' = -ε β sin θ [√((1-h_y²)/(1-h_x²)) + √((1-h_x²)/(1-h_y²))],

while ν moves as in every model, ν' = η β'(ν) g. The derivation is formal. It neglects the weight of
the partner beside that of the n others, e^{βρ cos θ}/(n M(βρ)), and spreads of the same order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from gapdyn.sphere import resolve_heights
from gapdyn.temperature import Exponential, Learned
from gapdyn.theory import _checks, bessel, potential
from gapdyn.types import Array
from gapdyn.validate import has_masked, shown, validate_count, validate_number, validate_positive

LARGE = 3e3
"""The concentration per dimension from which on an expansion in its inverse has more digits."""
MOST = 10**6
"""The largest dimension D."""
MOST_PAIRS = 1e6
"""The largest n: in the plane 1 - A_D(βρ) falls to 1/n² until partners outweigh the others."""
COLDEST = 1e-10
"""The least temperature τ at time 0."""
FASTEST = 1e10
"""The largest learning rate of ν, of log β where β = exp(ν/s), and of the rows."""
SHORTEST = 1e-100
"""The least last time but 0: squares of times are float64."""


class MeanField(NamedTuple):
    """The closed system at the times of `flow`, all of one shape; NaN where `partner` is above 1.

    Attributes
    ----------
    t, beta : arrays
        Times, and the inverse temperature β.
    height_x, height_y : arrays
        Heights h_x and h_y of the rows.
    theta : array
        Angle θ between the horizontal directions of partners, in radians.
    gap : array
        Δ = |h_x - h_y|.
    partner : array
        e^{βρ cos θ}/(n M(βρ)): the weight of a row's partner in its softmax, in units of the weight
        of the n others. What the system neglects is of this order.
    """

    t: Array
    beta: Array
    height_x: Array
    height_y: Array
    theta: Array
    gap: Array
    partner: Array


def flow(
    t: ArrayLike,
    *,
    n: int,
    dim: int,
    theta0: float,
    tau: float,
    gamma: float | None = None,
    gamma_x: float | None = None,
    gamma_y: float | None = None,
    temperature: Learned = _checks.PAPER,
    row_rate: float = 1.0,
) -> MeanField:
    """The mean field of the free flow from level rows, theory 4.5.

    Parameters
    ----------
    t : float or array
        Times, not negative; the last is 0 or at least 1e-100.
    n : int
        Number of pairs, from 2 to 1e6; it enters through ε = η_x/n and through `partner`.
    dim : int
        D ≥ 2, the dimension of the horizontal directions; rows have D + 1.
    theta0 : float
        Angle between partners at time 0, in (0, π).
    tau : float
        Temperature at time 0, at least 1e-10.
    gamma, gamma_x, gamma_y : float
        Heights in (-1, 1): γ and -γ, or h_x and h_y.
    temperature : Learned
        β(ν) and the rate η of ν, without ceiling or floor; η, and η/s² for exp(ν/s), are at most
        1e10.
    row_rate : float
        Learning rate η_x of the rows, at most 1e10.

    Returns
    -------
    MeanField
        Its arrays have the shape of `t`.

    Raises
    ------
    TypeError, ValueError
        If an argument is outside its range, β leaves float64, or n is too small for a mean field at
        the start: the partner outweighs all others.
    ArithmeticError
        If the integration fails.

    Examples
    --------
    >>> run = flow([0.0, 1.5], n=1024, dim=3, theta0=1.2, tau=0.07, gamma=0.4)
    >>> [round(float(beta), 3) for beta in run.beta]
    [14.286, 2.274]
    """
    times, learned = _validate_times(t), _validate_speed(temperature)
    pairs, dim = _checks.validate_pair_count(n, most=MOST_PAIRS), _validate_dim(dim)
    heights = np.array(_heights(gamma, gamma_x, gamma_y))
    rate = _validate_row_rate(row_rate) / pairs
    system = _System(learned, heights, rate, dim, pairs)
    angle = _validate_angle("theta0", theta0, np.pi)
    if validate_positive("tau", tau) < COLDEST:
        raise ValueError(f"tau must be at least {COLDEST:g}, got {shown(tau)}")
    start = np.array([learned.nu(tau), 0.0, np.log(np.tan(angle / 2))])
    if (outweighs := float(system.log_partner(start))) >= 0:
        raise ValueError(
            "n must be so large that the other pairs outweigh the partner in the softmax of a row,"
            f" got {pairs:g}, where its weight is e^{outweighs:.3g} of theirs"
        )
    return system.told(times, _integrate(system, start, times))


class _System(NamedTuple):
    """The closed system of states ν, the logarithm of h/h(0), log tan(θ/2), each of any shape."""

    temperature: Learned
    heights: Array
    rate: float
    dim: int
    pairs: float

    def horizontal(self, state: Array) -> tuple[Array, Array, Array, Array]:
        """β, the lengths √(1-h²) of both modalities, and βρ."""
        beta = np.asarray(self.temperature.beta(0.0, state[0]))
        heights = np.multiply.outer(self.heights, np.exp(state[1]))
        x, y = np.sqrt(np.maximum(1 - heights**2, np.finfo(float).tiny))
        return beta, x, y, beta * x * y

    def velocity(self, state: Array) -> list[float]:
        """The time derivative of one state; -tanh log tan(θ/2) is cos θ."""
        beta, x, y, b = self.horizontal(state)
        if not b <= _checks.LARGEST:
            raise ValueError(f"temperature must keep β in float64, got {beta:g} along the way")
        g = float(x * y * (-np.tanh(state[2]) - bessel.A(b, self.dim)))
        nu = float(self.temperature.velocity(0.0, float(state[0]), g))
        return [nu, -self.rate * float(beta) * g, -self.rate * float(beta * (y / x + x / y))]

    def log_partner(self, state: Array) -> Array:
        """Logarithm of e^{βρ cos θ}/(n M(βρ))."""
        b = self.horizontal(state)[3]
        log_mgf = bessel.log_mgf(b, self.dim)
        log_weight: Array = -b * np.tanh(state[2]) - log_mgf - np.log(self.pairs)
        return log_weight

    def told(self, times: Array, states: Array) -> MeanField:
        """States (3, ...) at times in the names of `MeanField`."""
        beta = np.asarray(self.temperature.beta(0.0, states[0]))
        x, y = np.multiply.outer(self.heights, np.exp(states[1]))
        with np.errstate(over="ignore"):  # partners that are opposite: θ is π
            theta, partner = 2 * np.arctan(np.exp(states[2])), np.full(times.shape, np.nan)
        known = np.isfinite(beta)
        partner[known] = np.exp(self.log_partner(states[:, known]))
        fields = (times, beta, x, y, theta, np.abs(x - y), partner)
        return MeanField(*map(_checks.unwrap, fields))


def invariant(
    run: MeanField, *, n: int, temperature: Learned = _checks.PAPER, row_rate: float = 1.0
) -> Array:
    """P(β) + (n/η_x) log Δ along a mean field: h^{1/ε} β for β = exp ν, rate 1, in logarithms.

    Parameters
    ----------
    run : MeanField
        What `flow` returned, of two heights that differ.
    n, temperature, row_rate
        As `flow` had them.

    Returns
    -------
    array of the shape of `run.t`
        Constant; NaN where the run is.

    Raises
    ------
    TypeError, ValueError
        If `run` is no MeanField of real numbers in one shape or has no gap, the integral is no
        float64, or another argument is outside its range.
    """
    run, learned = _validate_run(run), _validate_speed(temperature)
    rate = _validate_row_rate(row_rate) / _checks.validate_pair_count(n, most=MOST_PAIRS)
    gap, beta = np.asarray(run.gap), np.asarray(run.beta)
    known = np.isfinite(beta)
    if not (gap[known] > 0).all():
        raise ValueError("run must have a gap: the first integral is about log Δ")
    kept = np.full(beta.shape, np.nan)
    P = potential.potential(beta[known], temperature=learned)
    kept[known] = _checks.computed("P(β) + (n/η_x) log Δ", lambda: P + np.log(gap[known]) / rate)
    return _checks.unwrap(kept)


def concentration(theta: float, *, dim: int) -> float:
    """The b at which A_D(b) = cos θ: on the slow manifold β = b/ρ.

    Parameters
    ----------
    theta : float
        Angle between partners, in (0, π/2).
    dim : int
        D ≥ 2.

    Returns
    -------
    float
        To a relative error of 1e-10, between D - 1 and D times cos θ/sin²θ.

    Raises
    ------
    TypeError, ValueError
        If D is below 2 or θ is not in (0, π/2), where cos θ = A_D(b) has a root b > 0.

    Examples
    --------
    >>> round(concentration(1.2, dim=3), 6)
    1.184995
    """
    dim = _validate_dim(dim)
    theta = _validate_angle("theta", theta, np.pi / 2)
    return _concentration(float(np.cos(theta)), float(np.sin(theta)) ** 2, dim)


def _concentration(cosine: float, square: float, dim: int) -> float:
    """The root of `concentration` for cos θ and sin²θ, each of which keeps its digits near 0."""
    unit = cosine / square
    if unit > LARGE:
        inverse = 1 / (unit * (dim - 1))  # b A'/A by A = 1 - (D-1)/2b - (D-1)(3-D)/8b² - ...
        return unit * (dim - 1 + (dim - 1) / 2 * inverse * (1 + inverse / 2))
    goal = np.arcsinh(cosine / np.sqrt(square))  # artanh cos θ
    low, high = unit * (dim - 1) * (1 - 1e-9), unit * dim * (1 + 1e-9)
    root = brentq(lambda b: np.arctanh(bessel.A(b, dim)) - goal, low, high, rtol=1e-14, xtol=1e-300)
    return float(root)


def alignment_time(*, gamma: float, theta0: float, dim: int) -> float:
    """t*/n, after which all pairs are aligned as n → ∞, where the rows have the rate η_x = 1.

    ½(1-γ²) ∫ dθ/(A_D⁻¹(cos θ) sin θ) from 0 to θ₀, over θ as β follows A_D(β(1-γ²)) = cos θ. In
    y = -log cos θ the integrand lies between 1/D and 1/(D-1).

    Parameters
    ----------
    gamma : float
        Height γ in (-1, 1) of one modality, -γ that of the other.
    theta0 : float
        Angle between partners at time 0, in (0, π/2).
    dim : int
        D ≥ 2, the dimension of the horizontal directions.

    Returns
    -------
    float
        To a relative error of 1e-10.

    Raises
    ------
    TypeError, ValueError
        If γ is not in (-1, 1), D is below 2 or θ₀ is not in (0, π/2): from π/2 on there is no
        β > 0 with A_D(β(1-γ²)) = cos θ, so that β is not slow.

    Examples
    --------
    >>> round(alignment_time(gamma=0.4, theta0=1.2, dim=3), 10)
    0.1722161186
    """
    dim = _validate_dim(dim)
    height, _ = _heights(validate_number("gamma", gamma), None, None)
    theta0 = _validate_angle("theta0", theta0, np.pi / 2)

    def integrand(y: float) -> float:
        cosine, square = float(np.exp(-y)), float(-np.expm1(-2 * y))
        return cosine / square / _concentration(cosine, square, dim)

    end = np.log1p(np.tan(theta0) ** 2) / 2
    integral, _ = quad(integrand, 0.0, end, epsabs=0, epsrel=1e-11)
    return float((1 - height) * (1 + height) / 2 * integral)


def _integrate(system: _System, start: Array, times: Array) -> Array:
    """States (3, ...) at all times, NaN from when on the partner outweighs the others."""
    end = float(times.max(initial=0.0))
    if end == 0:
        return np.multiply.outer(start, np.ones(times.shape))

    def outweighed(_: float, state: Array) -> float:
        return float(system.log_partner(state))

    outweighed.terminal = True  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):  # of steps that are tried and go too far
        run: Any = solve_ivp(
            lambda _, state: system.velocity(state),
            (0, end),
            start,
            "LSODA",
            events=outweighed,
            dense_output=True,
            rtol=1e-9,
            atol=1e-11,
        )
    if not run.success:
        raise ArithmeticError(f"the integration failed at t = {run.t[-1]:g}: {run.message}")
    states = run.sol(np.minimum(times.ravel(), run.t[-1])).reshape(3, *times.shape)
    return np.where(times <= run.t[-1], states, np.nan)


def _heights(
    gamma: float | None, gamma_x: float | None, gamma_y: float | None
) -> tuple[float, float]:
    """Heights in (-1, 1), beside which rows have a horizontal direction."""
    heights = resolve_heights(gamma, gamma_x, gamma_y)
    if max(map(abs, heights)) > 1 - 1e-12:
        name = "gamma" if gamma is not None else "gamma_x and gamma_y"
        raise ValueError(f"{name} must lie in (-1, 1): rows have a horizontal part, got {heights}")
    return heights


def _validate_run(run: MeanField) -> MeanField:
    """A mean field, of seven arrays of one shape."""
    try:
        fits = isinstance(run, MeanField) and np.asarray(run).dtype == np.float64
        fits = fits and not has_masked(run, 1)
    except ValueError:  # of fields that differ in shape
        fits = False
    if not fits:
        raise TypeError(
            "run must be what mean_field.flow returned, of float64 fields in one shape, got "
            + shown(run)
        )
    return run


def _validate_times(value: ArrayLike) -> Array:
    """Times whose last is 0, or so late that steps towards it are float64."""
    times = _checks.validate_times(value, "t")
    if 0 < (last := times.max(initial=0.0)) < SHORTEST:
        raise ValueError(f"t must have a last time of 0, or of at least {SHORTEST:g}, got {last}")
    return times


def _validate_speed(temperature: Learned) -> Learned:
    """A learned temperature that is not too fast."""
    learned = _checks.validate_learned(temperature)
    if learned.rate > FASTEST:
        raise ValueError(f"rate must be at most {FASTEST:g}, got {learned.rate}")
    exponential = isinstance(learned.parametrisation, Exponential)
    if exponential and (kappa := _checks.validate_kappa(learned)) > FASTEST:
        raise ValueError(f"κ = rate/scale² must be at most {FASTEST:g}, got {kappa:g}")
    return learned


def _validate_row_rate(value: float) -> float:
    """A learning rate of the rows that is not too fast."""
    rate = _checks.validate_middling("row_rate", value)
    if rate > FASTEST:
        raise ValueError(f"row_rate must be at most {FASTEST:g}, got {value}")
    return rate


def _validate_angle(name: str, value: float, most: float) -> float:
    """An angle between 1e-12 and `most`."""
    angle = validate_number(name, value)
    if not 1e-12 < angle < most:
        said = "π" if most > 3 else "π/2: the slow manifold A_D(βρ) = cos θ needs cos θ > 0"
        raise ValueError(f"{name} must lie between 1e-12 and {said}, got {shown(value)}")
    return angle


def _validate_dim(value: int) -> int:
    """A dimension D of the horizontal directions."""
    dim = validate_count("dim", value, least=2)
    if dim > MOST:
        raise ValueError(f"dim must be at most {MOST}, got {shown(value)}")
    return dim
