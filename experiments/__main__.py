"""Run experiments: `python -m experiments [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from tqdm import tqdm

import experiments
from experiments.processes import processes
from experiments.record import find, run, takes

FORMATS = ("png", "pdf", "svg")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong argument ends the program with status 2 and one line."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="experiments to run; all by default")
    add("--list", action="store_true", help="list the experiments and stop")
    add("--out", type=Path, default=Path("figures"), help="folder for the files")
    add("--seed", type=int, default=0, help="seed of all that is random")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes; one a core by default")
    add("--quick", action="store_true", help="smaller, for a check")
    add("--features", type=Path, help="file (2, n, d), or its folder; else GAPDYN_DATA, else data/")
    add("--format", default="png", help="of pictures, e.g. png,pdf")
    args = parser.parse_args(arguments)
    args.names = args.names or list(experiments.NAMES)
    args.format = args.format.split(",")
    if fault := _fault(args):
        parser.error(fault)
    return args


def _fault(args: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, if anything is."""
    for name in args.names:
        if name not in experiments.NAMES:
            return f"NAME must be one of {', '.join(experiments.NAMES)}, got {name!r}"
    for kind in args.format:
        if kind not in FORMATS:
            return f"--format must be of {', '.join(FORMATS)}, got {kind!r}"
    if args.jobs < 1:
        return f"--jobs must be at least 1, got {args.jobs}"
    if args.seed < 0:
        return f"--seed must not be negative, got {args.seed}"
    if args.features is not None and not args.features.exists():
        return f"--features must be a file or a folder, there is no {args.features}"
    if args.out.exists() and not args.out.is_dir():
        return f"--out must be a folder, got {args.out}"
    return None


def _outcomes(
    names: Sequence[str], options: tuple[Path, int, bool, Path | None, list[str]], jobs: int
) -> Iterator[tuple[str, tuple[str, float]]]:
    """Each experiment with its outcome as it ends; one that fails costs itself only.

    Those that can use several processes themselves come last, one at a time.
    """
    alone = [name for name in names if jobs == 1 or len(names) == 1 or "jobs" in takes(name)]
    with processes(jobs) as pool:
        futures = {pool.submit(run, n, *options): n for n in names if n not in alone}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], (f"FAILED: {error!r}", 0.0) if error else future.result()
    for name in alone:
        yield name, run(name, *options, jobs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run experiments and print what was written; returns 1 if one failed."""
    args = parse(arguments)
    if args.list:
        for name in experiments.NAMES:
            about = (find(name).__doc__ or "").splitlines()[0]
            print(f"{name:12} {about}")
        return 0
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"python -m experiments: error: --out must be a folder: {error}", file=sys.stderr)
        return 2
    options = (args.out, args.seed, args.quick, args.features, args.format)
    outcomes: dict[str, tuple[str, float]] = {}
    with tqdm(total=len(args.names), desc="experiments", disable=not sys.stderr.isatty()) as bar:
        for name, outcome in _outcomes(args.names, options, args.jobs):
            outcomes[name] = outcome
            bar.set_postfix_str(name)
            bar.update()
    for name in args.names:
        what, seconds = outcomes[name]
        print(f"{name:12} {seconds:6.1f} s  {what}")
    print(f"in {args.out}")
    return int(any(what.startswith("FAILED") for what, _ in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
