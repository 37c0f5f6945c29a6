"""`gapdyn forecast`: what the theory says of given rows."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import Any

import gapdyn as gd
from gapdyn.cli import files
from gapdyn.close import CLIP


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "forecast",
        help="what the theory says of these embeddings",
        description="Take the rows for a state of the free model at a temperature, and print what "
        "the theory says of it, each statement with the hypothesis that it needs.",
    )
    parser.set_defaults(command=run)
    files.add_to(parser)
    files.add_sample(parser)
    parser.add_argument("--tau", type=float, default=CLIP, help=f"τ (default {CLIP}, CLIP's least)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Read, forecast, print."""
    found = gd.forecast(*files.read_sample(args), tau=args.tau)
    if args.json:
        print(json.dumps(files.plain(found.to_dict()), indent=2, ensure_ascii=False))
        return 0
    print_rows(found)
    for statement in found.statements:
        print()
        value = f"{statement.value:.4g}" if statement.met else "not known"
        print(f"{statement.name}: {value}")
        _print_paragraph(statement.says)
        _print_paragraph(f"needs{'' if statement.met else ', not met'}: {statement.hypothesis}")
    return 0


def print_rows(found: gd.Forecast) -> None:
    """What the rows are, before what follows for them."""
    print(f"{found.pairs} pairs in {found.dim} dimensions at τ = {found.tau:g}")
    print(f"gap {found.gap:.4f}; {100 * found.matched:.1f} % of the pairs are matched")
    margins = ", ".join(f"{value:.3g}" for value in found.margins.values())
    levels = ", ".join(f"{100 * float(level):g}" for level in found.margins)
    print(f"margins of the pairs, quantiles at {levels} %: {margins}")
    print(
        f"loss {found.loss:.4f} nats, ln n is {found.log_pairs:.4f}; "
        f"at the best τ, {found.best_tau:.4g}, it is {found.best_loss:.4f}"
    )


def _print_paragraph(text: str) -> None:
    print(textwrap.fill(text, 96, initial_indent="    ", subsequent_indent="    "))
