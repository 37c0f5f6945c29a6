"""`gapdyn measure`: what there is to say of embeddings in files."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd
from gapdyn import sphere
from gapdyn.cli import files
from gapdyn.meanings import table
from gapdyn.readers import read_arrays
from gapdyn.terminal import say
from gapdyn.validate import validate_rows

UNIT = 1e-6
"""Rows this close to unit length count as unit; float32 rows are."""


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "measure", help="measure embeddings in a file"
    )
    parser.set_defaults(command=run)
    files.add_to(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--groups",
        metavar="FILE",
        help="which rows belong together: one .npy of labels, or one .npz with those of x and of y",
    )
    parser.add_argument("--tau", type=float, help="temperature at which to take the loss")
    parser.add_argument("--sample", type=int, metavar="N", help="measure N groups drawn at random")
    parser.add_argument(
        "--bootstrap", type=int, default=0, metavar="B", help="95 %% intervals from B resamplings"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn at random")


def run(args: argparse.Namespace) -> int:
    """`gapdyn measure`: read, normalise, measure, print."""
    # A sample needs no memory for all rows.
    pairs = files.read(args, whole=args.sample is None)
    X, Y = pairs.X, pairs.Y
    lengths = {
        name: sphere.lengths(validate_rows(name, rows)) for name, rows in (("x", X), ("y", Y))
    }
    measures = gd.measure(
        X,
        Y,
        groups=pairs.groups if args.groups is None else read_groups(args.groups),
        tau=args.tau,
        sample=args.sample,
        seed=args.seed,
        bootstrap=args.bootstrap,
        progress=sys.stderr.isatty(),
    )
    for name, length in lengths.items():
        if np.abs(length - 1).max() > UNIT:
            say(
                f"gapdyn measure: rows of {name} were not unit "
                f"(lengths {length.min():.6g} to {length.max():.6g}); they are normalised",
            )
    for note in (*pairs.notes, *measures.notes):
        say(f"gapdyn measure: {note}")
    if args.json:
        numbers = {k: None if math.isnan(v) else v for k, v in measures.to_dict().items()}
        print(json.dumps(numbers, indent=2))
    else:
        print(table(measures))
    return 0


def read_groups(file: str) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
    """Labels of rows from a file: one array, or that of x and that of y."""
    arrays = [*read_arrays(file).values()]
    if len(arrays) > 2:
        raise ValueError(f"{file} must hold one array of labels or two, it has {len(arrays)}")
    return arrays[0] if len(arrays) == 1 else (arrays[0], arrays[1])
