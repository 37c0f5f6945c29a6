"""Models as JSON: the class and its arguments, so that a saved run knows what it was a run of."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from gapdyn import models, swap, temperature

KNOWN: dict[str, Any] = {
    name: kind
    for module in (models, swap, temperature)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and is_dataclass(kind)
}


def dump(thing: Any) -> Any:
    """Numbers as they are, arrays as lists, objects as [class name, argument, ...].

    Arguments that can only be given by name stand in a mapping at the end.

    Raises
    ------
    TypeError
        For what cannot be written down: a schedule that is a function, a class of the user's.
    """
    if thing is None or isinstance(thing, bool | int | float):
        return thing
    if isinstance(thing, np.number):
        return thing.item()
    if isinstance(thing, np.ndarray):
        return ["array", thing.tolist()]
    if KNOWN.get(type(thing).__name__) is not type(thing):
        raise TypeError(f"{thing!r} cannot be written to a file")
    values = {field: dump(getattr(thing, field.name)) for field in fields(thing) if field.init}
    arguments = [value for field, value in values.items() if not field.kw_only]
    named = {field.name: value for field, value in values.items() if field.kw_only}
    return [type(thing).__name__, *arguments, *([named] if named else [])]


def load(spec: Any) -> Any:
    """Return what `dump` wrote down, now or in a version that did not write named arguments."""
    if not isinstance(spec, list):
        return spec
    if spec[0] == "array":
        return np.array(spec[1])
    kind, *arguments = spec
    named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    return KNOWN[kind](*map(load, arguments), **{name: load(named[name]) for name in named})
