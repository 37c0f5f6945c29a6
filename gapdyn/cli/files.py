"""The embeddings that commands take, the options that say what is in them, and pictures of them."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapdyn.embeddings import Pairs, read_pairs
from gapdyn.files import replacing, validate_target
from gapdyn.terminal import say
from gapdyn.types import Floats
from gapdyn.validate import validate_count, validate_pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 2000
"""Pairs of which n × n similarities are made without asking."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add FILE… and its options to the parser of a command."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="embeddings, of which row i of x matches row i of y: one file of both, or two of one"
        " each, x first; .npy, .npz, safetensors, Parquet, a folder of shards, or - for standard"
        " input",
    )
    add_arrays(parser)


def add_arrays(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which arrays of the files are the modalities."""
    parser.add_argument("--x", metavar="KEY", help="name of the array, or column, that is x")
    parser.add_argument("--y", metavar="KEY", help="name of the one that is y")
    parser.add_argument(
        "--layout",
        metavar="AXES",
        help="axes of the array, which are recognised by default: 2nd, n2d, 2dn of both modalities"
        " (2), n pairs and d dimensions; nd or dn, or nkd with k captions of an image, of each of"
        " two arrays, as nd,dn",
    )


def read(args: argparse.Namespace, *, whole: bool = True) -> Pairs:
    """What the files hold; `whole` as `read_pairs` has it."""
    return read_pairs(args.files, x=args.x, y=args.y, layout=args.layout, whole=whole)


def add_sample(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which pairs are taken by a command that stores similarities."""
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help=f"take N pairs at random (default all; {MOST} where there are more)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is random (default 0)")


def read_sample(args: argparse.Namespace) -> tuple[Floats, Floats]:
    """The pairs that are asked for, one row of each modality in each."""
    X, Y = read_one_to_one(args)
    if args.seed < 0:
        raise ValueError(f"--seed must not be negative, got {args.seed}")
    count = MOST if args.sample is None else validate_count("--sample", args.sample, least=2)
    if count >= len(X):
        return X, Y
    say(f"gapdyn {args.name}: of {count} pairs drawn from {len(X)}, and about these alone")
    chosen = np.sort(np.random.default_rng(args.seed).permutation(len(X))[:count])
    return X[chosen], Y[chosen]


def read_one_to_one(args: argparse.Namespace) -> tuple[Floats, Floats]:
    """The rows of files in which row i of one modality matches row i of the other alone."""
    pairs = read(args)
    for note in pairs.notes:
        say(f"gapdyn {args.name}: {note}")
    if pairs.groups is not None:
        raise ValueError("FILE must hold one caption for each image here, it has several")
    return validate_pairs(pairs.X, pairs.Y)


def validate_picture(path: Path) -> None:
    """Refuse a file that cannot be drawn, before anything is computed."""
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--plot wants a name that ends in .png, .pdf or .svg, got {path}")
    validate_target("--plot", path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure beside its file and then rename it."""
    with replacing(path, "wb") as stream:
        figure.savefig(stream, format=path.suffix.lower()[1:])


def plain(value: Any) -> Any:
    """A value of JSON: what is not finite is null."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
