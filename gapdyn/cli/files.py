"""What the commands on embeddings share: their files, a sample of the pairs, and pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gapdyn.files import replacing, validate_target
from gapdyn.readers import read_arrays
from gapdyn.terminal import say
from gapdyn.types import Floats
from gapdyn.validate import validate_count, validate_pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 5000
"""Pairs of which n × n similarities are made without asking."""


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the files, and the options that say which pairs of them are taken."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="embeddings, as for gapdyn measure: both modalities in one file, or one in each",
    )
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help=f"take N pairs at random (default all; {MOST} where there are more)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is random (default 0)")


def read(args: argparse.Namespace) -> tuple[Floats, Floats]:
    """The pairs that are asked for."""
    X, Y = validate_pairs(*read_pair(args.files))
    if args.seed < 0:
        raise ValueError(f"--seed must not be negative, got {args.seed}")
    count = MOST if args.sample is None else validate_count("--sample", args.sample, least=2)
    if count >= len(X):
        return X, Y
    say(f"gapdyn {args.name}: of {count} pairs drawn from {len(X)}, and about these alone")
    chosen = np.sort(np.random.default_rng(args.seed).permutation(len(X))[:count])
    return X[chosen], Y[chosen]


def read_pair(files: Sequence[str]) -> tuple[Floats, Floats]:
    """Two modalities from one file that holds both, or from one each; x is the first."""
    if len(files) > 2:
        raise ValueError(f"FILE must be one file or two, got {len(files)}")
    if files.count("-") > 1:
        raise ValueError("FILE may be -, which is standard input, once")
    sources = [0 if file == "-" else file for file in files]
    arrays = [array for source in sources for array in read_arrays(source).values()]
    if len(files) == 2 and len(arrays) != 2:
        raise ValueError("FILE must hold one array each where two are given")
    if len(arrays) == 1:
        if arrays[0].ndim != 3 or len(arrays[0]) != 2:
            raise ValueError(f"{files[0]} must have shape (2, n, d), it has {arrays[0].shape}")
        arrays = list(arrays[0])
    if len(arrays) != 2:
        raise ValueError(f"{files[0]} must hold two arrays, it has {len(arrays)}")
    return arrays[0], arrays[1]


def validate_picture(path: Path) -> None:
    """Refuse a file that cannot be drawn, before anything is computed."""
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--plot wants a name that ends in .png, .pdf or .svg, got {path}")
    validate_target("--plot", path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure beside its file and then rename it."""
    with replacing(path, "wb") as stream:
        figure.savefig(stream, format=path.suffix.lower()[1:])
