"""Inverse temperature β(t, ν) = 1/τ: learned, fixed or scheduled.

All that is particular to a temperature is here, and no model asks which kind it has. Every state
has a place for ν, but only `Learned` moves it, along dν/dt = rate · β'(ν) · (-∂ℓ/∂β).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real

import numpy as np
from scipy.special import spence

from gapdyn._inherits import inherits
from gapdyn.types import Array, FloatOrArray
from gapdyn.validate import shown, validate_numbers, validate_positive, validate_temperature


def _store(thing: object, **values: object) -> None:
    """Set fields of a frozen object to what its checks have made of them."""
    for name, value in values.items():
        object.__setattr__(thing, name, value)


class Parametrisation(ABC):
    """How ν becomes β: an increasing function, its derivative and its inverse, all elementwise.

    A flow asks for these three. The theory also asks for `potential` and `advance`, and raises a
    TypeError where a class of your own does not define them.
    """

    @abstractmethod
    def beta(self, nu: FloatOrArray) -> FloatOrArray:
        """β(ν)."""

    @abstractmethod
    def dbeta(self, nu: FloatOrArray) -> FloatOrArray:
        """β'(ν)."""

    @abstractmethod
    def nu(self, beta: FloatOrArray) -> FloatOrArray:
        """The ν at which β(ν) is `beta`."""

    def potential(self, beta: FloatOrArray) -> FloatOrArray:
        """P(β) with dP/dβ = β/β'(ν)², for each entry of an array; the constant is free.

        Raises
        ------
        TypeError
            If the parametrisation does not define it.
        """
        raise TypeError(f"{self!r} must define potential(beta), with dP/dβ = β/β'(ν)²")

    def advance(self, beta: FloatOrArray, amount: FloatOrArray) -> FloatOrArray:
        """The inverse temperature at which P is P(β) + amount, for each entry of two arrays.

        Raises
        ------
        TypeError
            If the parametrisation does not define it.
        """
        raise TypeError(
            f"{self!r} must define advance(beta, amount), where potential is P(beta) + amount"
        )


@dataclass(frozen=True)
class Exponential(Parametrisation):
    """β = exp(ν/s): CLIP's with s = 1, the paper's temperature reparameterisation with s = 2, 10.

    Parameters
    ----------
    scale : float
        s > 0.

    Raises
    ------
    TypeError, ValueError
        If `scale` is not a positive number.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _store(self, scale=validate_positive("scale", self.scale))

    def beta(self, nu: FloatOrArray) -> FloatOrArray:
        """exp(ν/s)."""
        return np.exp(nu / self.scale)

    def dbeta(self, nu: FloatOrArray) -> FloatOrArray:
        """exp(ν/s)/s."""
        return self.beta(nu) / self.scale

    def nu(self, beta: FloatOrArray) -> FloatOrArray:
        """s log β."""
        return self.scale * np.log(beta)

    def potential(self, beta: FloatOrArray) -> FloatOrArray:
        """s² log β."""
        return self.scale**2 * np.log(beta)

    def advance(self, beta: FloatOrArray, amount: FloatOrArray) -> FloatOrArray:
        """β exp(amount/s²), by thirds, since the ratio of two float64 may be none."""
        third = np.exp(amount / self.scale**2 / 3)
        return beta * third * third * third


@dataclass(frozen=True)
class Softplus(Parametrisation):
    """β = log(1 + e^ν), Section 4 of the paper."""

    def beta(self, nu: FloatOrArray) -> FloatOrArray:
        """log(1 + e^ν), with exp of nothing above 0."""
        above = np.maximum(nu, 0.0)
        return above + np.log1p(np.exp(nu - 2 * above))

    def dbeta(self, nu: FloatOrArray) -> FloatOrArray:
        """1/(1 + e^-ν)."""
        return np.exp(np.minimum(nu, 0.0)) / (1 + np.exp(-np.abs(nu)))

    def nu(self, beta: FloatOrArray) -> FloatOrArray:
        """log(e^β - 1)."""
        return beta + np.log(-np.expm1(-beta))

    def potential(self, beta: FloatOrArray) -> FloatOrArray:
        """∫ β/(1-e^-β)² dβ, with P(β) - β²/2 → 0 as β → ∞.

        P = β²/2 + β log(1-x) - Li₂(x) - β x/(1-x) + log(1-x), where x = e^-β and the dilogarithm
        Li₂(x) is SciPy's spence(1-x).
        """
        return beta**2 / 2 + self._beside_square(beta)

    def _beside_square(self, beta: FloatOrArray) -> FloatOrArray:
        """P - β²/2, which rises to 0 as β → ∞."""
        rest = -np.expm1(-beta)  # 1 - x
        log_rest = np.log(rest)
        return beta * log_rest - spence(rest) - beta * np.exp(-beta) / rest + log_rest

    def advance(self, beta: FloatOrArray, amount: FloatOrArray) -> FloatOrArray:
        """A fixed number of steps of Newton's method in log β, in which P is convex.

        As β → 0, P - log β → -1 - π²/6, and as β → ∞, P - β²/2 → 0. Where P is below -40 or above
        800 this gives the root to rounding. In between, e^{P+1+π²/6} + √(2P), each term cut off
        near P = 0, is so near it at all P that five steps reach it to rounding, and six are made.
        """
        square, goal = amount + self._beside_square(beta), amount + self.potential(beta)
        at_zero, inner = goal + 1 + np.pi**2 / 6, np.clip(goal, -40.0, 800.0)
        small = np.exp(np.clip(at_zero, -50.0, 0.2))
        log_beta = np.log(small + np.sqrt(2 * np.maximum(inner, 0.0)))
        for _ in range(6):
            here = np.exp(log_beta)
            slope = (here / np.expm1(-here)) ** 2
            log_beta = log_beta - (self.potential(here) - inner) / slope
        log_beta = np.where(goal < -40, at_zero, log_beta)
        large = Linear().advance(beta, np.where(goal > 800, square, 0.0))
        return np.where(goal > 800, large, np.exp(log_beta))[()]


@dataclass(frozen=True)
class Linear(Parametrisation):
    """β = ν, Appendix C of the paper; mismatched pairs can push it through zero, so τ through ∞."""

    def beta(self, nu: FloatOrArray) -> FloatOrArray:
        """ν itself."""
        return nu

    def dbeta(self, nu: FloatOrArray) -> FloatOrArray:
        """1."""
        return nu**0

    def nu(self, beta: FloatOrArray) -> FloatOrArray:
        """β itself."""
        return beta

    def potential(self, beta: FloatOrArray) -> FloatOrArray:
        """β²/2."""
        return beta**2 / 2

    def advance(self, beta: FloatOrArray, amount: FloatOrArray) -> FloatOrArray:
        """√(β² + 2·amount).

        Raises
        ------
        ValueError
            If there is no such β > 0.
        """
        side = np.sqrt(2.0) * np.sqrt(np.abs(amount))  # the squares may be no float64
        falls = np.less(amount, 0)
        if np.any(falls & (side > beta)):
            raise ValueError("β = ν would have passed through zero: no β > 0 has this potential")
        fallen = np.sqrt(np.abs(beta - side)) * np.sqrt(beta + side)
        return np.where(falls, fallen, np.hypot(beta, side))[()]


class Temperature(ABC):
    """What a model and the flow ask of a temperature.

    β, its derivative and the velocity of ν are elementwise: ν is a number or a (B,) array, one for
    each of many states, and β has its shape.

    Attributes
    ----------
    rate : float
        Learning rate of ν, 0 where ν does not move.
    breaks : tuple of float
        Times at which β(t) is not smooth; the flow ends a step there.
    max_step : float
        Longest step that cannot jump over a feature of β(t).
    """

    rate: float = 0.0
    breaks: tuple[float, ...] = ()
    max_step: float = np.inf

    @property
    def settled(self) -> float:
        """The time from which on β depends on ν alone; infinite where nothing is known of it."""
        return np.inf

    @property
    def slows(self) -> bool:
        """Whether it slows the flow down like 1/t, so that log t is the better clock."""
        return False

    @abstractmethod
    def beta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """β at time t and parameter ν."""

    def dbeta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """∂β/∂ν, 0 where ν does not move."""
        return 0.0

    def nu(self, tau: float | None = None) -> float:
        """Starting ν for a starting temperature τ, which must be τ(0) where there is one already.

        Raises
        ------
        TypeError, ValueError
            If `tau` is not a positive number, or is missing where ν is learned, or disagrees.
        """
        own = float(1 / self.beta(0.0, 0.0))
        given = own if tau is None else validate_temperature("tau", tau)
        if not np.isclose(given, own, rtol=1e-9, atol=0):
            raise ValueError(
                f"tau must be left out or equal {own:.12g} with {self}, got {shown(tau)}"
            )
        return -float(np.log(own))

    def velocity(self, t: float, nu: FloatOrArray, force: FloatOrArray) -> FloatOrArray:
        """dν/dt when -∂ℓ/∂β is `force`."""
        return 0.0

    def project(self, nu: float) -> float:
        """The nearest ν that is allowed, for the finite steps of an optimiser."""
        return nu


def check_elementwise(temperature: Temperature, nu: Array) -> None:
    """Raise unless a temperature, which may be the user's, takes an array of many ν (B,).

    Raises
    ------
    ValueError
        If β, or the velocity of ν, of an array is not the array of those of its entries.
    """

    def both(nu: FloatOrArray) -> Array:
        beta, velocity = temperature.beta(0.0, nu), temperature.velocity(0.0, nu, 1.0 + 0 * nu)
        return np.array([beta, np.broadcast_to(velocity, np.shape(beta))])

    some = np.array([0, nu.argmin(), nu.argmax(), nu.size - 1])
    wanted, cause = np.array([both(nu[k]) for k in some]).T, None
    try:
        found = both(nu)
        fits = found.shape == (2, nu.size)
        if fits and np.allclose(found[:, some], wanted, rtol=1e-9, equal_nan=True):
            return
    except Exception as error:  # whatever the user's function says of an array
        cause = error
    raise ValueError(
        "temperature must be elementwise: at an array of ν, β and the velocity of ν must be the"
        " arrays of their values, as with np.exp and not math.exp, and a constant is"
        f" np.full(np.shape(nu), c); {temperature} is not"
    ) from cause


@dataclass(frozen=True, init=False, repr=False)
class Learned(Temperature):
    """A learned temperature: β = β(ν), ν under gradient flow.

    Parameters
    ----------
    beta : Parametrisation
        `Exponential(scale)`, `Softplus()` or `Linear()`.
    rate : float
        Learning rate η > 0 of ν, relative to 1 for a row; 0.1 is the paper's SLRT.
    max_beta, min_beta : float, optional
        Ceiling and floor of β, 100 and 1 in CLIP. The flow is projected: ν stays while it is pushed
        outward.

    Raises
    ------
    TypeError, ValueError
        If `beta` is no parametrisation, a number is not positive, or the floor is not below the
        ceiling.

    Examples
    --------
    >>> clip = Learned(min_beta=1.0, max_beta=100.0)
    >>> round(float(clip.beta(0.0, clip.nu(tau=0.07))), 6)
    14.285714
    """

    parametrisation: Parametrisation = Exponential()
    rate: float = 1.0
    max_beta: float | None = None
    min_beta: float | None = field(default=None, kw_only=True)

    def __init__(
        self,
        beta: Parametrisation = Exponential(),
        rate: float = 1.0,
        max_beta: float | None = None,
        *,
        min_beta: float | None = None,
        parametrisation: Parametrisation | None = None,
    ) -> None:
        # dataclasses.replace gives `beta` by the name of its field.
        beta = beta if parametrisation is None else parametrisation
        _store(self, parametrisation=beta, rate=rate, max_beta=max_beta, min_beta=min_beta)
        self.__post_init__()

    def __post_init__(self) -> None:
        beta = self.parametrisation
        if not isinstance(beta, Parametrisation):
            raise TypeError(
                f"beta must be Exponential(), Softplus() or Linear(), got {shown(beta)}"
            )
        _store(self, rate=validate_positive("rate", self.rate))
        for name in ("max_beta", "min_beta"):
            if (bound := getattr(self, name)) is not None:
                _store(self, **{name: validate_positive(name, bound)})
        if (self.min_beta or 0.0) >= (self.max_beta or np.inf):
            raise ValueError(
                f"min_beta must be below max_beta = {self.max_beta}, got {self.min_beta}"
            )
        _ = self._ends  # which refuses a bound out of reach

    def __repr__(self) -> str:
        kind = type(self).__name__
        floor = "" if self.min_beta is None else f", min_beta={self.min_beta}"
        return (
            f"{kind}(beta={self.parametrisation}, rate={self.rate}"
            f"{floor}, max_beta={self.max_beta})"
        )

    @property
    def clamped(self) -> bool:
        """Whether β has a floor or a ceiling."""
        return (self.min_beta, self.max_beta) != (None, None)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """A ν at which β has reached its floor, and one at its ceiling; infinite without them."""
        return self._end("min_beta", -1), self._end("max_beta", 1)

    def _end(self, name: str, outward: int) -> float:
        """A ν at which β has reached a bound: what is beyond it need not be a float64."""
        kind, bound = self.parametrisation, getattr(self, name)
        if bound is None:
            return outward * np.inf
        with np.errstate(over="ignore"):
            end = float(kind.nu(bound))
            step, near = np.spacing(1 + abs(end)), np.isclose(kind.beta(end), bound, rtol=1e-6)
            while not (near and outward * kind.beta(end) >= outward * bound):
                if not (near and step < 1 + abs(end)):
                    raise ValueError(f"{name} must be a value of {kind}, got {bound}")
                end, step = end + outward * step, 2 * step
        return end

    def _inside(self, nu: FloatOrArray) -> FloatOrArray:
        """The nearest ν between the ends."""
        bottom, top = self._ends
        return np.maximum(np.minimum(nu, top), bottom)

    @property
    def settled(self) -> float:
        """0: time itself has no part in it, unless a subclass says otherwise."""
        return 0.0 if inherits(self, Learned, "beta", "velocity") else np.inf

    @property
    def slows(self) -> bool:
        """True: as β grows, all else slows down."""
        return True

    def beta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """β(ν), from `min_beta` to `max_beta`."""
        if not self.clamped:
            return self.parametrisation.beta(nu)
        beta = self.parametrisation.beta(self._inside(nu))
        beta = beta if self.max_beta is None else np.minimum(beta, self.max_beta)
        return beta if self.min_beta is None else np.maximum(beta, self.min_beta)

    def dbeta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """β'(ν), of the parametrisation without its bounds."""
        return self.parametrisation.dbeta(nu)

    def nu(self, tau: float | None = None) -> float:
        """ν at which β(ν) = 1/τ."""
        if tau is None:
            raise ValueError("tau must be given: a learned temperature has to start somewhere")
        beta = 1 / validate_temperature("tau", tau)
        if self.max_beta is not None:
            if beta > self.max_beta * (1 + 1e-9):
                raise ValueError(
                    f"tau must be at least 1/max_beta = {1 / self.max_beta}, got {tau}"
                )
            beta = min(beta, self.max_beta)
        if self.min_beta is not None:
            if beta < self.min_beta * (1 - 1e-9):
                raise ValueError(f"tau must be at most 1/min_beta = {1 / self.min_beta}, got {tau}")
            beta = max(beta, self.min_beta)
        return float(self.parametrisation.nu(beta))

    def velocity(self, t: float, nu: FloatOrArray, force: FloatOrArray) -> FloatOrArray:
        """η β'(ν) · force, and 0 at the ceiling or the floor while it points out."""
        if not self.clamped:
            return self.rate * self.parametrisation.dbeta(nu) * force
        bottom, top = self._ends
        velocity = self.rate * self.parametrisation.dbeta(self._inside(nu)) * force
        outward = ((force > 0) & (nu >= top)) | ((force < 0) & (nu <= bottom))
        return np.where(outward, 0.0, velocity)[()]

    def project(self, nu: float) -> float:
        """ν, or that of the bound that ν is beyond; CLIP clamps its scale so after each step.

        In CLIP the gradient of ν does not vanish at a bound; that of `velocity` does while it
        points out. An optimiser with a memory, such as Adam, may leave the bound sooner here.
        """
        of = self.parametrisation.nu
        nu = nu if self.max_beta is None else min(nu, of(self.max_beta))
        return nu if self.min_beta is None else max(nu, of(self.min_beta))


def _in_shape(value: float, nu: FloatOrArray) -> FloatOrArray:
    """A number for each ν, which implicit methods try up to infinity where it has no effect."""
    return np.float64(value) if np.ndim(nu) == 0 else np.full(np.shape(nu), value)


class Schedule(Temperature):
    """A temperature that time alone decides."""

    @abstractmethod
    def tau(self, t: float) -> float:
        """τ(t)."""

    def beta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """1/τ(t), whatever ν."""
        return _in_shape(1 / self.tau(t), nu)


@dataclass(frozen=True)
class Scheduled(Schedule):
    """A temperature that is a given function of time.

    Parameters
    ----------
    function_of_t : callable
        τ(t) > 0, the temperature itself and not its inverse; defined for all t ≥ 0.
    breaks : tuple of float
        Times at which τ(t) jumps or has a kink.
    max_step : float
        Longest step of the flow. A step evaluates τ(t) at a dozen times only. Where τ(t) has a
        feature much shorter than the time over which embeddings move, say so here.

    Raises
    ------
    TypeError, ValueError
        If it is no function, or at any time its value is no positive number.
    """

    function_of_t: Callable[[float], float]
    breaks: tuple[float, ...] = ()
    max_step: float = np.inf

    def __post_init__(self) -> None:
        if not callable(self.function_of_t):
            raise TypeError(f"function_of_t must be a function, got {shown(self.function_of_t)}")
        _store(self, breaks=tuple(sorted({*validate_numbers("breaks", self.breaks)})))
        limited = not (isinstance(self.max_step, Real) and self.max_step == np.inf)
        step = validate_positive("max_step", self.max_step) if limited else np.inf
        _store(self, max_step=step)

    def tau(self, t: float) -> float:
        """τ(t), checked, since the function is the user's."""
        try:
            return validate_temperature("function_of_t's value", self.function_of_t(t))
        except TypeError as error:
            raise TypeError(f"{error} at t = {t}") from error
        except ValueError as error:
            raise ValueError(f"{error} at t = {t}") from error
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"function_of_t must have a value at t = {t}, got {what}") from error


@dataclass(frozen=True)
class Fixed(Temperature):
    """A constant temperature, the paper's FLT.

    Parameters
    ----------
    tau : float
        τ > 0.

    Raises
    ------
    TypeError, ValueError
        If `tau` is not a positive number with a finite inverse.
    """

    tau: float

    def __post_init__(self) -> None:
        _store(self, tau=validate_temperature("tau", self.tau))

    @property
    def settled(self) -> float:
        """0: it is constant, unless a subclass says otherwise."""
        return 0.0 if inherits(self, Fixed, "beta", "velocity") else np.inf

    def beta(self, t: float, nu: FloatOrArray) -> FloatOrArray:
        """1/τ, whatever t and ν."""
        return _in_shape(1 / self.tau, nu)


@dataclass(frozen=True)
class LinearSchedule(Schedule):
    """τ linear in time from one value to another, then constant: the paper's TS S0 to S3.

    Parameters
    ----------
    tau_start, tau_end : float
        τ(0) and τ(t) for t ≥ `t_end`, both positive.
    t_end : float
        When the schedule ends, > 0.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a positive number.
    """

    tau_start: float
    tau_end: float
    t_end: float

    def __post_init__(self) -> None:
        for name in ("tau_start", "tau_end"):
            _store(self, **{name: validate_temperature(name, getattr(self, name))})
        _store(self, t_end=validate_positive("t_end", self.t_end))

    @property
    def breaks(self) -> tuple[float, ...]:  # type: ignore[override]
        """The end of the slope."""
        return (self.t_end,)

    @property
    def settled(self) -> float:
        """The end of the slope, unless a subclass says otherwise."""
        known = inherits(self, LinearSchedule, "tau", "beta", "velocity")
        return self.t_end if known else np.inf

    def tau(self, t: float) -> float:
        """τ(t)."""
        if t >= self.t_end:
            return self.tau_end
        tau = self.tau_start + (self.tau_end - self.tau_start) * (t / self.t_end)
        return max(tau, min(self.tau_start, self.tau_end))  # of which rounding may leave nothing


@dataclass(frozen=True)
class CosineSchedule(Schedule):
    """τ alternating as a cosine between two values, lowest at t = 0: the paper's TS A0 and A1.

    Parameters
    ----------
    tau_low, tau_high : float
        0 < tau_low ≤ tau_high.
    period : float
        Time from one lowest point to the next, > 0.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a positive number, or the lowest is above the highest.
    """

    tau_low: float
    tau_high: float
    period: float

    def __post_init__(self) -> None:
        for name in ("tau_low", "tau_high"):
            _store(self, **{name: validate_temperature(name, getattr(self, name))})
        _store(self, period=validate_positive("period", self.period))
        if self.tau_low > self.tau_high:
            raise ValueError(f"tau_low must be at most tau_high = {self.tau_high}")

    @property
    def max_step(self) -> float:  # type: ignore[override]
        """A quarter of the period."""
        return self.period / 4

    def tau(self, t: float) -> float:
        """τ(t)."""
        rise = (1 - np.cos(2 * np.pi * (math.fmod(t, self.period) / self.period))) / 2
        return float(self.tau_low + (self.tau_high - self.tau_low) * rise)
