"""Which arrays of a file are embeddings: those that are named, or the only ones that could be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gapdyn._formats import plain_type
from gapdyn._stored import ChoiceError, Stored
from gapdyn.terminal import similar


def chosen_one(option: str, path: str, key: str | None, stored: Mapping[str, Stored]) -> list[str]:
    """The array to take from a file of one modality."""
    if key is not None:
        return [_known(option, path, key, stored)]
    names = _fitting(stored) if len(stored) > 1 else [*stored]
    if len(names) != 1:
        raise ChoiceError(
            f"FILE must hold one array each where two are given, {path} has {_shapes(stored)};"
            f" {option} names the one to take"
        )
    return names


def chosen_two(path: str, stored: Mapping[str, Stored], x: str | None, y: str | None) -> list[str]:
    """The two arrays to take from a file of both modalities, or the one that holds both."""
    keys = [("--x", x), ("--y", y)]
    given = [_known(option, path, key, stored) for option, key in keys if key is not None]
    if len(given) == 2:
        if x == y:
            raise ChoiceError(f"--x and --y must name two arrays, both are {x}")
        return given
    names = [name for name in _fitting(stored) if name not in given]
    if given and len(names) == 1:
        return [*given, *names] if x is not None else [*names, *given]
    if not given and (len(names) == 2 or [len(stored[name].shape) for name in names] == [3]):
        return names
    if given or len(stored) > 2:
        raise ChoiceError(
            f"{path} must hold two arrays, it has {len(stored)}: {_shapes(stored)};"
            " --x and --y name those to take"
        )
    return [*stored]


def _known(option: str, path: str, key: str, stored: Mapping[str, Stored]) -> str:
    """A name that a file has."""
    if key not in stored:
        near = similar(key, [*stored])
        names = listed(stored) if [*stored] != [""] else "one array without a name"
        raise ChoiceError(
            f"{option} must be an array of {path}, which has {names}, got {key}{near}"
        )
    return key


def _fitting(stored: Mapping[str, Stored]) -> list[str]:
    """Names of the arrays that could be embeddings."""
    return [
        name
        for name, array in stored.items()
        if len(array.shape) in (2, 3) and plain_type(array.dtype).kind == "f"
    ]


def _shapes(stored: Mapping[str, Stored]) -> str:
    """Names and shapes of the first few arrays."""
    return listed(f"{name} {array.shape}" for name, array in stored.items())


def listed(names: Iterable[str]) -> str:
    """The first few of some names."""
    names = [*names]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
