"""The command line: `gapdyn measure`, `gapdyn simulate` and others, a file for each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

import gapdyn as gd
from gapdyn.cli import close, forecast, landscape, measure, simulate, verify
from gapdyn.terminal import Parser, attempt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; wrong input is one line on stderr and status 2."""
    return attempt("gapdyn", partial(_run, arguments))


def _run(arguments: Sequence[str] | None) -> int:
    args = _parser().parse_args(arguments)
    return attempt(f"gapdyn {args.name}", partial(args.command, args))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="gapdyn",
        description="The modality gap: simulate it, measure it, and verify what is said of it.",
    )
    parser.add_argument("--version", action="version", version=f"gapdyn {gd.__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    for command in (measure, landscape, close, forecast, simulate, verify):
        command.add_to(commands)
    return parser
