"""Checks of what the statements of the theory are about; each message names the hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Rational, Real

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.flow import Trajectory
from gapdyn.losses import InfoNCE, Loss
from gapdyn.models import LogBetaModel
from gapdyn.models.base import RowModel
from gapdyn.record import MAX_DRIFT
from gapdyn.sphere import normalise
from gapdyn.temperature import Exponential, Learned, Linear, Softplus, Temperature
from gapdyn.types import Array
from gapdyn.validate import (
    has_masked,
    shown,
    validate_array,
    validate_number,
    validate_pairs,
    validate_positive,
)

SLACK = 1e-12
"""Relative rounding error within which a number that equals a bound meets it."""
DEPTH = 8
"""Lists in lists in which masked entries are looked for; a list may hold itself."""
PAPER = Learned()
"""The temperature of the paper's theorems: β = exp ν, where ν has the learning rate 1."""
LARGEST = 1e150
"""Rates, exponents and the like lie between its inverse and it, so that products are float64."""
KINDS = {"exponential": Exponential, "linear": Linear, "softplus": Softplus}


def validate_learned(temperature: Temperature) -> Learned:
    """A learned temperature without a ceiling or floor."""
    if not isinstance(temperature, Learned):
        raise ValueError(f"temperature must be learned, β = β(ν), got {shown(temperature)}")
    if temperature.clamped:
        raise ValueError("temperature must have no ceiling or floor: there ν stops, and γ does not")
    beta, rate = temperature.parametrisation, validate_middling("rate", temperature.rate)
    if isinstance(beta, Exponential):
        if not 1 / LARGEST < beta.scale < LARGEST:
            raise ValueError(f"scale must have a square that is a float64, got {beta.scale}")
        validate_middling("κ = rate/scale²", rate / beta.scale**2)
    return temperature


def validate_kappa(temperature: Temperature) -> float:
    """κ = η/s² of β = exp(ν/s), on which alone its curves depend (theory 3.2)."""
    learned = validate_learned(temperature)
    if not isinstance(learned.parametrisation, Exponential):
        raise ValueError(f"temperature must be β = exp(ν/s), for κ = η/s², got {temperature}")
    return learned.rate / learned.parametrisation.scale**2


def temperature_of(
    temperature: Temperature | None, scale: float, rate: float, kind: str = "exponential"
) -> Learned:
    """A temperature as it is given, or else made of its numbers: the scale s, the rate η, a kind.

    `lemma_3_1.beta` and `exchange_law.exponent` are called either way.
    """
    if temperature is not None:
        if not (_is(scale, 1.0) and _is(rate, 1.0) and _is(kind, "exponential")):
            raise ValueError("temperature must be given alone, without scale, rate and kind")
        return validate_learned(temperature)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {shown(kind)}")
    if kind == "exponential":
        return validate_learned(Learned(Exponential(scale), rate))
    if validate_positive("scale", scale) != 1:
        raise ValueError(f"scale must be left out: β of kind {kind!r} has none, got {scale}")
    return Learned(KINDS[kind](), rate)


def _is(value: object, left_out: float | str) -> bool:
    """Whether an argument is what it is where it is left out, in whatever form."""
    plain = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    return isinstance(plain, Real | str) and plain == left_out


def validate_numbers(name: str, value: ArrayLike) -> Array:
    """A float64 array of any shape, of real numbers; infinities are allowed, NaN is not."""
    if has_masked(value, DEPTH):  # before NumPy forgets it
        raise ValueError(f"{name} must have no masked entries")
    if isinstance(value, Rational) and not isinstance(value, bool | np.integer):
        return np.asarray(validate_number(name, value))  # a fraction, or an integer of any size
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers") from error
    if given.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of them, got {shown(value)}")
    with np.errstate(over="ignore"):  # a longdouble may be too large
        array = given.astype(np.float64)
    if np.isnan(array).any():
        raise ValueError(f"{name} must not be NaN")
    if (np.isinf(array) & np.isfinite(given)).any():
        raise ValueError(f"{name} must be finite in float64, got {shown(value)}")
    return array


def validate_middling(name: str, value: float) -> float:
    """A number between 1/`LARGEST` and `LARGEST`."""
    number = validate_positive(name, value)
    if not 1 / LARGEST < number < LARGEST:
        raise ValueError(f"{name} must lie between {1 / LARGEST} and {LARGEST}, got {value}")
    return number


def computed(what: str, formula: Callable[[], ArrayLike]) -> Array:
    """What a formula gives; refused where it leaves float64, or parts of it that matter do.

    Each number may be in its range and yet too far from the others.
    """
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(formula(), dtype=np.float64)
    except (ZeroDivisionError, OverflowError):  # of Python's own numbers
        values = np.asarray(np.nan)
    if not np.isfinite(values).all():
        raise ValueError(f"{what} must be a float64: the numbers that make it are too far apart")
    return unwrap(values)


def validate_finite(name: str, value: ArrayLike) -> Array:
    """A float64 array of any shape, of finite real numbers."""
    array = validate_numbers(name, value)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return array


def broadcast(**arrays: Array) -> tuple[Array, ...]:
    """Arguments, by name, in their common shape."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"{' and '.join(arrays)} must have shapes that broadcast, got {shapes}"
        ) from error


def unwrap(values: Array) -> Array:
    """An array unchanged, or a zero-dimensional one as a float64 scalar."""
    scalar: Array = np.asarray(values)[()]
    return scalar


def validate_times(value: ArrayLike, name: str = "t") -> Array:
    """Finite times t ≥ 0."""
    t = validate_numbers(name, value)
    if (t < 0).any():
        raise ValueError(f"{name} must not be negative: the flow starts at 0, got {t.min()}")
    if np.isinf(t).any():
        raise ValueError(f"{name} must be finite")
    return t


def validate_pair_count(n: float, *, most: float = np.inf) -> float:
    """A number of pairs n ≥ 2, which may be too large for an integer of NumPy."""
    pairs = _at_least_two("n", n, "pairs")
    if pairs > most:
        raise ValueError(f"n must be at most {most:g}, got {shown(n)}")
    return pairs


def validate_dimension(d: float) -> float:
    """A dimension d ≥ 2 of the space that holds the sphere."""
    return _at_least_two("d", d, "dimensions")


def _at_least_two(name: str, value: float, things: str) -> float:
    """A whole number of at least 2, as a float."""
    number = validate_number(name, value)
    if number < 2 or number != np.floor(number):
        raise ValueError(f"{name} must be a whole number of at least 2 {things}, got {value}")
    return number


def validate_margin(name: str, alpha: float) -> float:
    """A margin 0 < α ≤ 2: positive for matched pairs, and a difference of two similarities."""
    number = validate_number(name, alpha)
    if not 0 < number <= 2:
        raise ValueError(
            f"{name} must lie in (0, 2]: a margin α(Z(t)) ≥ α > 0 of matched pairs, got {alpha}"
        )
    return number


def validate_open_height(name: str, gamma: float) -> float:
    """A height 0 < γ < 1 at time 0."""
    number = validate_number(name, gamma)
    if not 0 < number < 1:
        raise ValueError(f"{name} must lie in (0, 1), got {gamma}")
    return number


def validate_open_heights(name: str, value: ArrayLike) -> Array:
    """Heights 0 < γ < 1."""
    gamma = validate_numbers(name, value)
    if not ((gamma > 0) & (gamma < 1)).all():
        raise ValueError(f"{name} must lie in (0, 1), got {shown(value)}")
    return gamma


def validate_state(model: RowModel, y: ArrayLike) -> Array:
    """A state of a model that descends InfoNCE, with rows of unit length."""
    validate_loss(model, InfoNCE)
    vector = validate_array("y", y, ndim=1).astype(np.float64)
    if vector.size != model.size:
        raise ValueError(f"y must have {model.size} entries, got {vector.size}")
    if model.drift(vector) > MAX_DRIFT:
        raise ValueError("y must have rows of unit length: make it with model.start")
    return vector


def validate_unit_pairs(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array]:
    """Unit rows of two modalities of one shape.

    They are the same to the last digit in whatever type and order the arrays come: where margins
    are tied, a path magnifies such differences.
    """
    plain: list[Array] = []
    for rows in validate_pairs(X, Y):
        with np.errstate(over="ignore", under="ignore"):  # a longdouble may be out of range
            narrow = np.ascontiguousarray(rows.astype(np.float64))
        fits = np.isfinite(narrow).all() and narrow.any(axis=1).all()
        plain.append(np.ascontiguousarray(normalise(narrow if fits else rows)))
    return plain[0], plain[1]


def validate_in_time(model: object) -> None:
    """A model whose velocities are those of t."""
    if isinstance(model, LogBetaModel):
        raise ValueError(f"model must have t for time, and not log β, got {model}")


def validate_setting(n: float, alpha: float, gamma0: float) -> tuple[float, float, float]:
    """Number of pairs n, margin α and height γ₀ of Theorem 3.2."""
    return (
        validate_pair_count(n),
        validate_margin("alpha", alpha),
        validate_open_height("gamma0", gamma0),
    )


def validate_trajectory(trajectory: Trajectory, loss: type[Loss] = InfoNCE) -> Trajectory:
    """A trajectory of a model that descends the loss that a statement is about, or of none."""
    if not isinstance(trajectory, Trajectory):
        raise TypeError(f"trajectory must be a gapdyn.Trajectory, got {shown(trajectory)}")
    validate_loss(trajectory.model, loss)
    return trajectory


def validate_loss(model: object, loss: type[Loss]) -> None:
    """A model that descends the loss that a statement is about."""
    objective = getattr(model, "objective", None)
    if objective is not None and not isinstance(objective, loss):
        raise ValueError(
            f"model must descend {loss.__name__}, which this statement is about: it is not true of"
            f" a run of {shown(objective)} (theory 5.2)"
        )


def validate_delta(delta: float) -> float:
    """A probability 0 < δ < 1 of failure."""
    number = validate_number("delta", delta)
    if not 0 < number < 1:
        raise ValueError(f"delta must lie in (0, 1): the bound holds with 1 - δ, got {delta}")
    return number
