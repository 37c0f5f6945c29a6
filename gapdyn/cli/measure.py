"""`gapdyn measure`: what there is to say of embeddings in files."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import gapdyn as gd
from gapdyn import sphere
from gapdyn.cli import files
from gapdyn.terminal import say
from gapdyn.types import Floats
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
        "--plot", type=Path, metavar="FILE", help="draw the rows here, as png, pdf or svg"
    )


def run(args: argparse.Namespace) -> int:
    """`gapdyn measure`: read, normalise, measure, print."""
    if args.plot is not None:
        files.validate_picture(args.plot)
    pairs = files.read(args)
    X, Y = pairs.X, pairs.Y
    groups: dict[str, Any] = {} if pairs.groups is None else {"groups": pairs.groups}
    lengths = {
        name: sphere.lengths(validate_rows(name, rows)) for name, rows in (("x", X), ("y", Y))
    }
    measures = gd.measure(X, Y, **groups).to_dict()
    for note in pairs.notes:
        say(f"gapdyn measure: {note}")
    for name, length in lengths.items():
        if np.abs(length - 1).max() > UNIT:
            say(
                f"gapdyn measure: rows of {name} were not unit "
                f"(lengths {length.min():.6g} to {length.max():.6g}); they are normalised",
            )
    if args.json:
        print(json.dumps({k: None if math.isnan(v) else v for k, v in measures.items()}, indent=2))
    else:
        for name, value in measures.items():
            print(f"{name:20} {value:>12.6g}")
    if args.plot is not None:
        draw(X, Y, args.plot)
        say(f"wrote {args.plot}")
    return 0


def draw(X: Floats, Y: Floats, path: Path) -> None:
    """Pictures of the rows, on one page."""
    from gapdyn import pictures, plotting

    with plotting.drawing():
        files.save(pictures.page(X, Y), path)
