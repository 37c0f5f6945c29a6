"""Checks of what public functions are given, made once, before anything is computed."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.types import Array, Floats, Seed


def validate_array(name: str, value: ArrayLike, *, ndim: int) -> Floats:
    """An array of `ndim` axes with finite floating-point entries, neither copied nor converted."""
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked entries")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers") from error
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must hold real floating-point numbers, got {array.dtype}")
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(f"{name} must be finite, got {array[where]} at {where}")
    return array


def validate_square(name: str, value: ArrayLike) -> Array:
    """A float64 matrix of at least two pairs."""
    array = validate_array(name, value, ndim=2)
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} must be square, one row and column a pair, got {array.shape}")
    validate_count(f"the number of pairs in {name}", len(array), least=2)
    return array.astype(np.float64, copy=False)


def validate_rows(name: str, value: ArrayLike) -> Floats:
    """An (n, d) array of floats, n, d ≥ 2, with no row of zero length."""
    array = validate_array(name, value, ndim=2)
    validate_count(f"the number of rows of {name}", len(array), least=2)
    validate_count(f"the dimension of {name}", array.shape[1], least=2)
    empty = ~array.any(axis=1)
    if empty.any():
        raise ValueError(f"{name} must have no row of zero length, row {empty.argmax()} is zero")
    return array


def validate_pairs(X: ArrayLike, Y: ArrayLike) -> tuple[Floats, Floats]:
    """Two (n, d) arrays of one shape, row i of one matching row i of the other."""
    rows = validate_rows("X", X), validate_rows("Y", Y)
    if rows[0].shape != rows[1].shape:
        raise ValueError(f"X and Y must have one shape, got {rows[0].shape} and {rows[1].shape}")
    return rows


def validate_integer(name: str, value: int) -> int:
    """An integer, of Python's or of NumPy's type."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return int(value)


def validate_count(name: str, value: int, *, least: int) -> int:
    """An integer that is at least `least`."""
    value = validate_integer(name, value)
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return value


def validate_number(name: str, value: float) -> float:
    """A finite real number."""
    scalar = value.dtype.kind in "iuf" if isinstance(value, np.ndarray) else isinstance(value, Real)
    if isinstance(value, bool) or np.ndim(value) != 0 or not scalar:
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value}")
    return number


def validate_portion(name: str, value: float) -> float:
    """A number in [0, 1]."""
    number = validate_number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")
    return number


def validate_positive(name: str, value: float) -> float:
    """A finite number above zero."""
    number = validate_number(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value}")
    return number


def validate_temperature(name: str, value: float) -> float:
    """A temperature τ > 0 whose inverse is a float64."""
    tau = validate_positive(name, value)
    if tau < 1 / np.finfo(np.float64).max:
        raise ValueError(f"{name} must have a finite inverse, got {value}")
    return tau


def generator(seed: Seed) -> np.random.Generator:
    """Turn a seed into a source of randomness; a Generator is returned as it is."""
    if seed is not None and not isinstance(seed, np.random.Generator):
        seed = validate_count("seed", seed, least=0)
    return np.random.default_rng(seed)


def validate_height(name: str, value: float) -> float:
    """A height γ on the sphere, in [-1, 1]."""
    number = validate_number(name, value)
    if abs(number) > 1:
        raise ValueError(f"{name} must lie in [-1, 1], got {value}")
    return number


def validate_mixing(mixing: ArrayLike, n: int, d: int) -> Array:
    """A read-only copy of λ, (n, d) or (n, 1), in [0, 1]."""
    array = validate_array("mixing", mixing, ndim=2).astype(np.float64)
    if array.shape not in ((n, d), (n, 1)):
        raise ValueError(f"mixing must have shape {(n, d)} or {(n, 1)}, got {array.shape}")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"mixing must lie in [0, 1], got {array.min()} to {array.max()}")
    array.flags.writeable = False
    return array
