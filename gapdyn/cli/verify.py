"""`gapdyn verify`: the audit of the theory, checked anew."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from gapdyn.terminal import say
from gapdyn.theory import audit


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify",
        help="check every statement of the theory anew",
        description="Check what the paper states, and what goes beyond it, against evidence "
        "that is gathered anew, within a minute (with --full some minutes). A statement that "
        "fails as printed is certified by ball arithmetic where python-flint is installed (the "
        "extra certify). Exit status 0 when all verdicts on record are confirmed, 1 when one "
        "is contradicted.",
    )
    parser.set_defaults(command=run)
    parser.add_argument("--id", metavar="ID", help="one statement in full")
    parser.add_argument("--full", action="store_true", help="with larger Monte Carlo")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of a table")
    form.add_argument("--markdown", action="store_true", help="print docs/audit.md")


def run(args: argparse.Namespace) -> int:
    """`gapdyn verify`: check, print; 1 when an entry contradicts its recorded verdict."""
    if args.markdown and (args.id or args.full):
        raise ValueError("--markdown is the page of all statements: leave out --id and --full")
    ids = None if args.id is None else [args.id]
    checks = audit.entries(args.full, ids, progress=sys.stderr.isatty())
    entries: list[audit.Entry] = []
    interrupted = False
    try:
        while entry := next(checks, None):
            entries.append(entry)
    except KeyboardInterrupt:
        interrupted = True
    print_entries(entries, args)
    if wrong := [entry.id for entry in entries if not entry.confirmed]:
        say(f"gapdyn verify: contradicted: {', '.join(wrong)}")
    if interrupted:
        raise KeyboardInterrupt(f"statements that were checked: {len(entries)}")
    return int(bool(wrong))


def print_entries(entries: Sequence[audit.Entry], args: argparse.Namespace) -> None:
    """Print entries in the form that was asked for."""
    if args.json:
        print(json.dumps([entry.to_dict() for entry in entries], indent=2, ensure_ascii=False))
    elif args.markdown:
        print(audit.markdown(entries), end="")
    elif args.id:
        print(*map(audit.details, entries), sep="\n")
    else:
        print(audit.table(entries))
