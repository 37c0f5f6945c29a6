"""`gapdyn close`: close the gap of given rows, and show what it costs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import gapdyn as gd
from gapdyn.cli import files
from gapdyn.close import CLIP, METHODS
from gapdyn.files import replacing, validate_target
from gapdyn.terminal import say

SHOWN = {
    "gap": "distance of the centres",
    "recall_at_1_x_to_y": "share of rows of x whose match in y is nearest",
    "recall_at_1_y_to_x": "the same from y",
    "alignment": "mean squared distance of matching rows",
    "mismatched": "pairs with a nearer row that does not match",
}
"""Measures that are printed before and after, and what they are."""


MOVES = {
    "shift": "both modalities to the middle between their centres, along the gap",
    "one-sided": "y alone, to the centre of x",
    "centre": "each modality to a centre of 0",
    "orthogonal": "y alone, by the part of the gap that x does not span: the gap may stay",
    "procrustes": "y alone, turned nearest to its partners, learnt on half of the pairs, measured"
    " on the others",
    "top-direction": "all rows, without the direction in which they spread most",
}
"""What each method moves."""


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "close",
        help="close the gap, and see what it costs",
        description="Move the rows so that the gap closes, and print measures before and after."
        " Rows are put back on the sphere, so that a little of the gap is left. Methods: "
        + ". ".join(f"{name} moves {what}" for name, what in MOVES.items())
        + ".",
    )
    parser.set_defaults(command=run)
    files.add_to(parser)
    files.add_sample(parser)
    add = parser.add_argument
    add("--method", choices=METHODS, default="shift", help="how rows move (default shift)")
    add("--tau", type=float, default=CLIP, help=f"temperature of the loss (default {CLIP})")
    add("--raw", action="store_true", help="write moved rows that are not normalised again")
    add("--out", type=Path, metavar="FILE.npy", help="write the moved rows here, as (2, n, d)")
    add("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Read, close, print, write."""
    if args.out is not None:
        if args.out.suffix.lower() != ".npy":
            raise ValueError(f"--out wants a name that ends in .npy, got {args.out}")
        validate_target("--out", args.out)
    X, Y = files.read_sample(args)
    found = gd.close(X, Y, args.method, renormalise=not args.raw, tau=args.tau, seed=args.seed)
    print_json(found) if args.json else print_table(found)
    if args.out is not None:
        with replacing(args.out, "wb") as stream:
            np.save(stream, np.stack([found.X, found.Y]))
        say(f"wrote {args.out}: both modalities, shape {(2, *found.X.shape)}")
    return 0


def print_table(found: gd.Closed) -> None:
    """Measures before and after, and what was kept."""
    of = "" if found.pairs == len(found.X) else f" of the {found.pairs} pairs not learnt from"
    print(f"{found.method}{of}\n{'':22} {'before':>10} {'after':>10}")
    before, after = found.before.to_dict(), found.after.to_dict()
    rows = [(name, before[name], after[name], says) for name, says in SHOWN.items()]
    rows += [
        (f"loss at τ = {found.tau:g}", found.loss_before, found.loss_after, "in nats"),
        ("best τ", found.best_tau_before, found.best_tau_after, "at which the loss is least"),
    ]
    for name, old, new, says in rows:
        print(f"{name:22} {old:>10.4g} {new:>10.4g}  {says}")
    print(f"{'neighbours kept':22} {'':10} {found.kept_x_to_y:>10.4g}  of the nearest y to each x")
    print(f"{'':22} {'':10} {found.kept_y_to_x:>10.4g}  of the nearest x to each y")


def print_json(found: gd.Closed) -> None:
    """All that was found but the rows."""
    record = {k: v for k, v in vars(found).items() if k not in ("X", "Y")}
    record |= {name: record[name].to_dict() for name in ("before", "after")}
    print(json.dumps(files.plain(record), indent=2))
