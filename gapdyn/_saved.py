"""Trajectories as files: each field is a member of an npz file, an array as it is or JSON.

Files of version 0.1.0 have the solver as a list without names, and may lack the fields in
`YOUNGER`, `kept`, as all states were kept, and `bias`, which no loss had.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapdyn import _spec
from gapdyn.models.base import Model, Observables
from gapdyn.swap import Swap
from gapdyn.validate import validate_number

COLUMNS = "t", *Observables._fields
YOUNGER: dict[str, Any] = {"swap": None, "start": None, "stationary": None}
"""Fields that files of version 0.1.0 may lack, and what they were then."""


def pack(run: Any) -> dict[str, Any]:
    """The members of the file of a trajectory, by name."""
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    try:
        origin = {name: _spec.dump(values[name]) for name in ("model", "swap")}
    except TypeError:  # a class or a function of the user's
        origin = {"model": None, "swap": None}
    values |= origin | {"solver": asdict(run.solver)}
    return {
        name: value if isinstance(value, np.ndarray) else json.dumps(value, default=float)
        for name, value in values.items()
    }


def unpack(stored: Mapping[str, NDArray[Any]], names: Iterable[str]) -> dict[str, Any]:
    """The fields of a trajectory, of which there are `names`; `solver` as a mapping or a list.

    Raises
    ------
    ValueError
        If one is missing, is of another type or shape, or does not fit the others.
    """
    if unknown := stored.keys() - {*names}:
        raise ValueError(f"it has {', '.join(sorted(unknown))}, which this version does not know")
    try:
        values = {name: _value(name, array) for name, array in stored.items()}
    except RecursionError as error:
        raise ValueError("it has JSON that is nested too deeply") from error
    if isinstance(values.get("solver"), list):
        count = np.size(values.get("t", 0))
        values = {**YOUNGER, "kept": np.arange(count), "bias": np.zeros(count), **values}
    if missing := {*names} - values.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    check(values)
    return values


def _value(name: str, array: NDArray[Any]) -> Any:
    """A field, from the array that stands for it in a file."""
    if array.ndim:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind != "U":
        return array.item()
    spec = json.loads(array.item())
    return spec if name == "solver" else _spec.load(spec)


def check(values: Mapping[str, Any]) -> None:
    """Raise a ValueError or a TypeError unless the fields of a trajectory fit each other."""
    model, swap, kept = (values[name] for name in ("model", "swap", "kept"))
    for name, kind in (("model", Model), ("swap", Swap)):
        if not isinstance(values[name], kind | None):
            raise ValueError(f"{name} is {values[name]!r}")
    size = "N" if model is None else model.size
    for name in COLUMNS:
        _check_array(name, values[name], "iuf" if name == "mismatched" else "f", ("T",))
    _check_array("kept", kept, "iu", ("K",))
    _check_array("y", values["y"], "f", (len(kept), size))
    if values["start"] is not None:
        _check_array("start", values["start"], "f", values["y"].shape[1:])
    if validate_number("drift", values["drift"]) < 0:
        raise ValueError("drift is negative")
    if values["stationary"] is not None:
        validate_number("stationary", values["stationary"])
    t = values["t"]
    if {len(values[name]) for name in COLUMNS} != {t.size} or not t.size:
        raise ValueError("columns differ in length")
    if not (np.isfinite(t).all() and t[0] >= 0 and (np.diff(t) > 0).all()):
        raise ValueError("times do not increase from 0 on")
    if sorted({*kept.tolist(), 0, t.size - 1}) != kept.tolist():
        raise ValueError("states of its ends are missing, or not in order")
    if swap is not None and model is not None:
        model.mixed(None)


def _check_array(name: str, value: Any, kinds: str, shape: tuple[int | str, ...]) -> None:
    """Raise a ValueError unless a value is an array of 8-byte numbers of a kind and shape."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds or value.itemsize != 8:
        found = getattr(value, "dtype", type(value).__name__)
        raise ValueError(f"{name} must be an array of 64-bit numbers, it is {found}")
    fits = len(value.shape) == len(shape) and all(
        wanted in (length, "T", "K", "N") for length, wanted in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have shape {shape}, it has {value.shape}")
