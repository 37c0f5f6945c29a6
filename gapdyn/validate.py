"""Checks of what public functions are given, made once, before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gapdyn.types import Array, Floats, Seed


def shown(value: object) -> str:
    """What a message shows of a value: one short line."""
    try:
        text = str(value) if isinstance(value, Real) else repr(value)
    except Exception:  # whatever the user's own __repr__ raises, the message is about the value
        text = object.__repr__(value)
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def validate_floats(name: str, value: ArrayLike, *, ndim: int) -> Floats:
    """An array of `ndim` axes with finite entries of any floating-point type, without a copy."""
    array = _real_floats(name, value, ndim)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(f"{name} must be finite, got {_first(array, ~finite)}")
    return array


def validate_array(name: str, value: ArrayLike, *, ndim: int) -> Array:
    """A float64 array of `ndim` axes with finite entries; a copy only of what has another type."""
    given = _real_floats(name, value, ndim)
    with np.errstate(over="ignore"):  # a longdouble may be too large
        array = given.astype(np.float64, copy=False)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(f"{name} must be finite in float64, got {_first(given, ~finite)}")
    return array


def _real_floats(name: str, value: ArrayLike, ndim: int) -> Floats:
    """An array of `ndim` axes of any floating-point type, none of it masked."""
    if has_masked(value, ndim):  # before NumPy forgets it
        raise ValueError(f"{name} must have no masked entries")
    try:
        array = np.asanyarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers") from error
    except (RuntimeError, TypeError) as error:  # a tensor that tracks gradients or is elsewhere
        raise TypeError(f"{name} must be an array that NumPy can read: {error}") from error
    if has_masked(array, 0):
        raise ValueError(f"{name} must have no masked entries")
    if array.dtype.name == "bfloat16":  # of ml_dtypes; all its numbers are float32
        array = array.astype(np.float32)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must hold real floating-point numbers, got {array.dtype}")
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    return np.asarray(array)


def has_masked(value: object, depth: int) -> bool:
    """Whether entries are masked in an array, or in arrays in sequences down to some depth."""
    if isinstance(value, np.ma.MaskedArray):
        return bool(np.ma.is_masked(value))
    nested = depth > 0 and isinstance(value, Sequence)
    return nested and any(has_masked(part, depth - 1) for part in value)  # type: ignore[attr-defined]


def _first(array: Floats, where: NDArray[np.bool_]) -> str:
    """The first entry at which a mask is true, and its indices."""
    index = tuple(int(k) for k in np.argwhere(where)[0])
    return f"{array[index]!s} at {index}"  # a format would make a float64 of a longdouble


def validate_square(name: str, value: ArrayLike) -> Array:
    """A float64 matrix of at least two pairs."""
    array = validate_array(name, value, ndim=2)
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} must be square, one row and column a pair, got {array.shape}")
    validate_count(f"the number of pairs in {name}", len(array), least=2)
    return array


def validate_rows(name: str, value: ArrayLike) -> Floats:
    """An (n, d) array of any floating-point type, n, d ≥ 2, with no row of zero length."""
    array = validate_floats(name, value, ndim=2)
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


def validate_bool(name: str, value: bool) -> bool:
    """True or False, of Python's or of NumPy's type."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def validate_integer(name: str, value: int) -> int:
    """An integer, of Python's or of NumPy's type."""
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    return int(value)


def validate_count(name: str, value: int, *, least: int) -> int:
    """An integer that is at least `least`."""
    value = validate_integer(name, value)
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(value)}")
    return value


def validate_shape(*, least: int, **sizes: int) -> tuple[int, ...]:
    """Sizes of an array, each at least `least`, whose float64 entries can be addressed."""
    shape = tuple(validate_count(name, size, least=least) for name, size in sizes.items())
    if 8 * math.prod(shape) > np.iinfo(np.intp).max:
        names = " and ".join(sizes)
        raise ValueError(f"{names} must make an array of a possible size, got {shown(shape)}")
    return shape


def validate_number(name: str, value: float) -> float:
    """A finite real number: one of Python's or NumPy's, a fraction, or an array without axes."""
    if isinstance(value, np.ndarray):
        scalar = value.ndim == 0 and value.dtype.kind in "iuf" and not np.ma.is_masked(value)
    else:
        scalar = isinstance(value, Real) and not isinstance(value, bool | np.timedelta64)
    if not scalar:
        raise TypeError(f"{name} must be a real number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite in float64, got {shown(value)}")
    return number


def validate_numbers(name: str, values: Iterable[float]) -> tuple[float, ...]:
    """Finite real numbers of a list, an array of one axis, or whatever else has them in a row."""
    try:
        entries = tuple(values)
    except TypeError as error:  # an array without axes is an Iterable too
        raise TypeError(f"{name} must be a sequence of numbers, got {shown(values)}") from error
    return tuple(validate_number(name, entry) for entry in entries)


def validate_portion(name: str, value: float) -> float:
    """A number in [0, 1]."""
    number = validate_number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {shown(value)}")
    return number


def validate_positive(name: str, value: float) -> float:
    """A finite number above zero."""
    number = validate_number(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {shown(value)}")
    return number


def validate_temperature(name: str, value: float) -> float:
    """A temperature τ > 0 whose inverse is a float64."""
    tau = validate_positive(name, value)
    if tau < 1 / np.finfo(np.float64).max:
        raise ValueError(f"{name} must have a finite inverse, got {shown(value)}")
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
        raise ValueError(f"{name} must lie in [-1, 1], got {shown(value)}")
    return number


def validate_mixing(mixing: ArrayLike, n: int, d: int) -> Array:
    """A read-only copy of λ, (n, d) or (n, 1), in [0, 1]."""
    array = validate_array("mixing", mixing, ndim=2).copy()
    if array.shape not in ((n, d), (n, 1)):
        raise ValueError(f"mixing must have shape {(n, d)} or {(n, 1)}, got {array.shape}")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"mixing must lie in [0, 1], got {array.min()} to {array.max()}")
    array.flags.writeable = False
    return array
