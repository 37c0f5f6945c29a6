"""Models as JSON: the class and its arguments, so that a saved run knows what it was a run of."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from gapdyn import losses, models, swap, temperature

KNOWN: dict[str, Any] = {
    name: kind
    for module in (losses, models, swap, temperature)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and is_dataclass(kind)
}


def dump(thing: Any) -> Any:
    """Numbers and words as they are, arrays as lists, objects as [class name, argument, ...].

    Arguments that can only be given by name stand in a mapping at the end.

    Raises
    ------
    TypeError
        For what cannot be written down: a schedule that is a function, a class of the user's.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
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
    """Return what `dump` wrote down, now or in a version that did not write named arguments.

    Raises
    ------
    ValueError
        For anything else.
    """
    if spec is None or isinstance(spec, bool | int | float | str):
        return spec
    match spec:
        case ["array", list() as rows]:
            return np.array(rows, dtype=np.float64)
        case [str() as kind, *arguments] if kind in KNOWN:
            named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
            values = {name: load(value) for name, value in named.items()}
            try:
                return KNOWN[kind](*map(load, arguments), **values)
            except TypeError as error:
                raise ValueError(str(error)) from error
    raise ValueError(f"{spec!r:.80} is nothing that gapdyn writes")
