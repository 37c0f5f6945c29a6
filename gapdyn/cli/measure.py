"""`gapdyn measure`: what there is to say of embeddings in files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gapdyn as gd
from gapdyn import sphere
from gapdyn.cli import files
from gapdyn.embeddings import Pairs
from gapdyn.meanings import table
from gapdyn.readers import read_arrays
from gapdyn.terminal import say
from gapdyn.validate import validate_rows

UNIT = 1e-3
"""Rows this close to unit length count as unit; float16 rows are."""
UNEVEN = 2.0
"""From this ratio of lengths on, rows may be what should have been columns."""


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "measure", help="measure embeddings in a file"
    )
    parser.set_defaults(command=run)
    files.add_to(parser)
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--plot", type=Path, metavar="PICTURE", help="draw the rows here, as png, pdf or svg")
    add(
        "--groups",
        metavar="FILE",
        help="which rows belong together: one .npy of labels, or one .npz with those of x and of y",
    )
    add("--tau", type=float, help="temperature at which to take the loss")
    add("--sample", type=int, metavar="N", help="measure N groups drawn at random")
    add("--bootstrap", type=int, default=0, metavar="B", help="95 %% intervals from B resamplings")
    add("--seed", type=int, default=0, help="of what is drawn at random")


def run(args: argparse.Namespace) -> int:
    """`gapdyn measure`: read, normalise, measure, print, draw."""
    if args.plot is not None:
        files.validate_picture(args.plot)
    pairs = files.read(args, whole=args.sample is None)  # a sample takes no memory for the rest
    lengths = {
        name: sphere.lengths(validate_rows(name, rows))
        for name, rows in (("x", pairs.X), ("y", pairs.Y))
    }
    measures = gd.measure(
        pairs.X,
        pairs.Y,
        groups=pairs.groups if args.groups is None else read_groups(args.groups),
        tau=args.tau,
        sample=args.sample,
        seed=args.seed,
        bootstrap=args.bootstrap,
        progress=sys.stderr.isatty(),
    )
    for note in (*pairs.notes, *not_unit(lengths), *measures.notes):
        say(f"gapdyn measure: {note}")
    if args.json:
        print(json.dumps(files.plain(measures.to_dict()), indent=2))
    else:
        print(table(measures))
    if args.plot is not None:
        draw(pairs, args.plot)
    return 0


def not_unit(lengths: dict[str, Any]) -> list[str]:
    """What to say of modalities whose rows are not unit rows."""
    return [
        f"rows of {name} were not unit (lengths {length.min():.6g} to {length.max():.6g});"
        " they are normalised"
        + "; if the file is transposed, --layout says so"
        * bool(length.max() > UNEVEN * length.min())
        for name, length in lengths.items()
        if np.abs(length - 1).max() > UNIT
    ]


def read_groups(file: str) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
    """Labels of rows from a file: one array, or that of x and that of y."""
    arrays = [*read_arrays(file).values()]
    if len(arrays) > 2:
        raise ValueError(f"{file} must hold one array of labels or two, it has {len(arrays)}")
    return arrays[0] if len(arrays) == 1 else (arrays[0], arrays[1])


def draw(pairs: Pairs, path: Path) -> None:
    """Pictures of the rows, on one page, where each row has one match."""
    from gapdyn import pictures, plotting

    if len(pairs.X) != len(pairs.Y) or pairs.groups is not None:
        say(f"gapdyn measure: no {path}: pictures want one row of each modality in a pair")
        return
    with plotting.drawing():
        files.save(pictures.page(pairs.X, pairs.Y), path)
    say(f"wrote {path}")
