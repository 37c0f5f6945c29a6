"""The law of every call, and of every list of arguments of a command line.

A call ends in a value or in an error that is meant for its caller: a ValueError or a TypeError that
names an argument, a gapdyn.IntegrationError, or what the docstring announces under Raises. It warns
of nothing but what the docstring announces under Warns, changes none of its arguments and returns.
"""

import contextlib
import io
import re
import signal
import warnings
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from inspect import getdoc, signature
from pathlib import Path

import numpy as np

import gapdyn as gd

PLAIN = {"ValueError", "TypeError"}
SECONDS = 5
"""Time of the processor, not of the clock: a busy machine is not a failure."""


class HangError(BaseException):
    """A call that does not come to an end; no `except Exception` keeps it from being told."""


@contextlib.contextmanager
def watchdog():
    """Stop what takes more than `SECONDS`."""

    def bark(*_):
        raise HangError(f"it hangs: more than {SECONDS} s")

    before = signal.signal(signal.SIGPROF, bark)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def announced(function, heading):
    """The names that a docstring has under a heading such as Raises."""
    section = re.search(rf"^{heading}\n-+\n(.*?)(\n\n\S|\Z)", getdoc(function) or "", re.M | re.S)
    lines = section[1].splitlines() if section else []
    return {name for line in lines if not line.startswith(" ") for name in line.split(", ")}


def told(function, arguments):
    """A call as one would type it."""
    name = getattr(function, "__qualname__", str(function))
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"{function.__module__}.{name}({given})"


def outcome(function, arguments):
    """The value of a call, or the error that it ends in; an AssertionError if it breaks the law."""

    def breach(what, cause=None):
        raise AssertionError(f"{what}\n  in {told(function, arguments)}") from cause

    before = {name: trace(value) for name, value in arguments.items()}
    with warnings.catch_warnings(record=True) as heard, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        try:
            with watchdog():
                result = call(function, arguments)
        except HangError as error:
            raise HangError(f"{error}\n  in {told(function, arguments)}") from error
        except Exception as error:
            if not lawful(error, function, arguments):
                breach(f"it raises {type(error).__name__}: {error}", error)
            result = error
    allowed = announced(function, "Warns")
    if "errors and warning" in (getdoc(function) or ""):  # of a function that stands for a method
        allowed.add("UserWarning")
    for warning in heard:
        if warning.category.__name__ not in allowed and not of_others(warning):
            where = f"{Path(warning.filename).name}:{warning.lineno}"
            breach(f"it warns: {warning.category.__name__}: {warning.message} ({where})")
    changed = [name for name in before if name != "out" and trace(arguments[name]) != before[name]]
    if changed:
        breach(f"it changes {', '.join(changed)}")
    return result


def call(function, arguments):
    """Call a function by names, or the method of that name of `self`."""
    if "self" not in arguments:
        return function(**arguments)
    rest = {name: value for name, value in arguments.items() if name != "self"}
    return getattr(arguments["self"], function.__name__)(**rest)


GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "nu": "ν", "tau": "τ"}


def lawful(error, function, arguments):
    """Whether an error is one of those that a caller can expect, and says what is wrong."""
    expected = announced(function, "Raises")
    if isinstance(error, gd.IntegrationError) or type(error).__name__ in expected - PLAIN:
        return True
    if isinstance(error, OSError):
        return "OSError" in expected
    if isinstance(error, MemoryError) or re.search("Maximum allowed|too big", str(error)):
        return True  # sizes that no machine holds
    if not isinstance(error, ValueError | TypeError) or isinstance(error, np.linalg.LinAlgError):
        return False
    names = {
        *arguments,
        *signature(function).parameters,
        "run",
        "swap",
        "os.PathLike",
        "float64",
        "standard input",
    }
    names |= {*getattr(arguments.get("self"), "__dict__", {})}
    names |= {name.rstrip("01") for name in names}
    names |= {GREEK[plain] for name in names if (plain := name.rstrip("01")) in GREEK}
    names |= {
        re.escape(str(value)) for value in arguments.values() if isinstance(value, str | Path)
    }
    return any(re.search(rf"(?<![a-z]){name}(?![a-z])", str(error)) for name in names)


def of_others(warning):
    """Whether another library's authors are meant, and not the caller."""
    inside = "gapdyn" in Path(warning.filename).parts
    return issubclass(warning.category, DeprecationWarning | ResourceWarning) and not inside


def trace(value):
    """What tells whether an array, alone or in a list, was changed."""
    if isinstance(value, np.ndarray):
        mask = np.ma.getmaskarray(value).tobytes() if isinstance(value, np.ma.MaskedArray) else b""
        return value.shape, value.dtype.str, np.asarray(value).tobytes(), mask
    return [trace(entry) for entry in value] if isinstance(value, list | tuple) else None


OF_DRAWS = {"null_gap": 1e-6, "null_gap_95": 1e-6}
"""Means over random draws, which `measure` takes in the precision of the rows: float32 at worst."""


def same(a, b, rtol=1e-9, atol=1e-13):
    """Whether two results are equal up to rounding, and of one type."""
    if isinstance(a, np.ndarray | float | int | np.number):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind != "f":
            return bool((a == b).all())
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    if type(a) is not type(b):
        return False
    if isinstance(a, Exception):
        return True
    if isinstance(a, Iterator):
        a, b = list(a), list(b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(*both, rtol) for both in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name], rtol) for name in a)
    if is_dataclass(a):
        names = [field.name for field in fields(a)]
        errors = [(name, OF_DRAWS.get(name, atol)) for name in names]
        return all(same(getattr(a, name), getattr(b, name), rtol, at) for name, at in errors)
    return str(a) == str(b)


def command(main, arguments):
    """Exit status, output and errors of a command line, which obeys the law of `outcome` too."""
    said = f"{main.__module__}.{main.__name__}({arguments})"
    out, err, status = io.StringIO(), io.StringIO(), None
    with warnings.catch_warnings(record=True) as heard, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), watchdog():
                status = main(arguments)
        except SystemExit as error:
            status = error.code
        except HangError as error:
            raise HangError(f"{error}\n  in {said}") from error
        except Exception as error:
            raise AssertionError(
                f"it raises {type(error).__name__}: {error}\n  in {said}"
            ) from error
    spoken = [f"{w.category.__name__}: {w.message}" for w in heard if not of_others(w)]
    assert not spoken, f"it warns: {spoken[0]}\n  in {said}"
    if status == 2:
        lines = err.getvalue().splitlines()
        assert len(lines) == 1, f"errors are {len(lines)} lines: {err.getvalue()}\n  in {said}"
        assert "error: " in lines[0], f"no error is named: {lines[0]}\n  in {said}"
    return status, out.getvalue(), err.getvalue()
