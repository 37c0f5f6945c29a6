"""`gapdyn landscape`: which gap the loss of given rows wants at each temperature."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gapdyn as gd
from gapdyn.cli import files
from gapdyn.terminal import say


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "landscape",
        help="the loss against the gap",
        description="Shift the modalities along the gap between their centres, and print the gap "
        "at which the loss is least, for each temperature.",
    )
    parser.set_defaults(command=run)
    files.add_to(parser)
    files.add_sample(parser)
    add = parser.add_argument
    add("--tau", type=float, nargs="+", default=[0.01, 0.02, 0.05, 0.1], help="temperatures")
    add("--plot", type=Path, metavar="FILE", help="draw the curves here, as png, pdf or svg")
    add("--json", action="store_true", help="print JSON with the curves instead of a table")


def run(args: argparse.Namespace) -> int:
    """Read, evaluate, print, draw."""
    if args.plot is not None:
        files.validate_picture(args.plot)
    found = gd.landscape(*files.read_sample(args), args.tau)
    if args.json:
        record = {name: getattr(found, name) for name in found.__dataclass_fields__}
        print(json.dumps({k: getattr(v, "tolist", lambda v=v: v)() for k, v in record.items()}))
    else:
        print(f"gap of the rows as they are: {found.own_gap:.4f}\n")
        print(f"{'τ':>8} {'loss':>10} {'least loss':>12} {'at a gap of':>12}")
        inside = [0 < row.argmin() < row.size - 1 for row in found.losses]
        columns = found.taus, found.own_loss, found.best_loss, found.best_gap, inside
        for tau, own, least, gap, within in zip(*columns, strict=True):
            note = "" if within else "  the edge of what was tried"
            print(f"{tau:>8g} {own:>10.4f} {least:>12.4f} {gap:>12.4f}{note}")
    if args.plot is not None:
        draw(found, args.plot)
        say(f"wrote {args.plot}")
    return 0


def draw(found: gd.Landscape, path: Path) -> None:
    """The curves, with their minima and the gap of the rows."""
    from gapdyn import pictures, plotting

    with plotting.drawing():
        files.save(pictures.landscape_page(found), path)
