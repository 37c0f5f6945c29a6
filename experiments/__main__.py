"""Run experiments: `python -m experiments [NAME ...]`."""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # while it imports: Jupyter's backend may be missing, Ctrl-C just ends
    os.environ["MPLBACKEND"] = "Agg"
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import ast
import sys
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from tqdm import tqdm

import experiments
from experiments import features
from experiments.processes import processes
from experiments.record import find, run, takes
from gapdyn.terminal import Parser, attempt, say, similar

PROGRAM = "python -m experiments"
NOTHING = ("FAILED", "skipped")
"""How an outcome begins if nothing was written."""
FORMATS = ("png", "pdf", "svg")
LONG = ("search", "full")
"""Options that few experiments take, and with which they take long."""
OPTIONS = ("out", "seed", "quick", "features", *LONG)
"""What `record.run` takes under the name that it has on the command line."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong argument ends the program with status 2 and one line."""
    parser = Parser(prog=PROGRAM, description="Run experiments: each draws a figure of figures/.")
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="experiments to run; all by default")
    add("--list", action="store_true", help="list the experiments and stop")
    add("--out", type=Path, default=Path("figures"), help="folder for the files")
    add("--seed", type=int, default=0, help="seed of all that is random")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes; one a core by default")
    add("--quick", action="store_true", help="smaller, for a check")
    add("--search", action="store_true", help="search for the rates of tables first")
    add("--full", action="store_true", help="compute anew what is committed, as it takes hours")
    add(
        "--features",
        type=Path,
        help="real embeddings, as gapdyn measure takes them, or the folder of CLIP's; else"
        " GAPDYN_DATA, else data/",
    )
    add("--format", default="png", help="of pictures, e.g. png,pdf")
    args = parser.parse_args(arguments)
    args.names = list(dict.fromkeys(args.names or experiments.NAMES))
    args.format = args.format.split(",")
    if fault := _fault(args):
        parser.error(fault)
    return args


def _fault(args: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, if anything is."""
    for name in args.names:
        if name not in experiments.NAMES:
            near = similar(name, experiments.NAMES)
            return f"NAME must be one of {', '.join(experiments.NAMES)}, got {name!r}{near}"
    for kind in args.format:
        if kind not in FORMATS:
            return f"--format must be of {', '.join(FORMATS)}, got {kind!r}"
    if args.jobs < 1:
        return f"--jobs must be at least 1, got {args.jobs}"
    if args.seed < 0:
        return f"--seed must not be negative, got {args.seed}"
    for option in filter(vars(args).get, (*LONG, "features")):
        if args.quick and option in LONG:
            return f"--{option} and --quick exclude each other"
        if not any(option in takes(name) for name in args.names):
            return f"--{option} makes no difference to {', '.join(args.names)}"
    if args.out.exists() and not args.out.is_dir():
        return f"--out must be a folder, got {args.out}"
    return None


WIDTH = max(map(len, experiments.NAMES))
"""Of the column of names."""
Outcome = tuple[str, float]
"""What an experiment wrote or why it did not, and how many seconds it took."""


def _outcomes(
    names: Sequence[str], options: Mapping[str, Any], jobs: int
) -> Generator[tuple[str, Outcome]]:
    """Each experiment with its outcome as it ends; one that fails costs itself only.

    Those that can use several processes themselves come last, one at a time.
    """
    alone = [name for name in names if jobs == 1 or len(names) == 1 or "jobs" in takes(name)]
    with processes(jobs) as pool:
        futures = {pool.submit(run, n, **options): n for n in names if n not in alone}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], (f"FAILED: {error!r}", 0.0) if error else future.result()
    for name in alone:
        yield name, run(name, **options, jobs=jobs)


def _run(args: argparse.Namespace) -> int:
    """Run experiments and print what was written; a Ctrl-C says what was written so far."""
    options = {key: getattr(args, key) for key in OPTIONS} | {"formats": args.format}
    outcomes: dict[str, Outcome] = {}
    show = tqdm(total=len(args.names), desc="experiments", disable=not sys.stderr.isatty())
    try:
        with closing(_outcomes(args.names, options, args.jobs)) as ended, show as bar:
            for name, outcome in ended:
                outcomes[name] = outcome
                bar.update()
                nothing = f", {outcome[0]}" if outcome[0].startswith(NOTHING) else ""
                with tqdm.external_write_mode(sys.stderr):
                    say(f"{name}: {outcome[1]:.1f} s{nothing}")
    except KeyboardInterrupt as interrupt:
        kept = f"; {interrupt}" if str(interrupt) else ""
        written = [name for name, (what, _) in outcomes.items() if not what.startswith(NOTHING)]
        names = ", ".join(written) or "nothing"
        raise KeyboardInterrupt(f"{names} finished, in {args.out}{kept}") from interrupt
    for name in args.names:
        what, seconds = outcomes[name]
        print(f"{name:{WIDTH}} {seconds:6.1f} s  {what}")
    print(f"in {args.out}")
    return int(any(what.startswith("FAILED") for what, _ in outcomes.values()))


def _list() -> int:
    """Print the names of all experiments, how long they take, and what they are."""
    for name in experiments.NAMES:
        text = Path(experiments.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        # Without `optimize`, Python with -OO drops docstrings: of modules, and since 3.15 here too.
        tree = compile(text, name, "exec", ast.PyCF_ONLY_AST, optimize=0)
        about = str(ast.get_docstring(cast("ast.Module", tree)))
        print(f"{name:{WIDTH}} {experiments.SECONDS[name]:4} s  {about.splitlines()[0]}")
    return 0


def _main(arguments: Sequence[str] | None) -> int:
    args = parse(arguments)
    if args.list:
        return _list()
    if args.features is not None:
        _check_features(args.features, args.names)
    _make_folder(args.out)
    return _run(args)


def _make_folder(out: Path) -> None:
    """Refuse a folder that cannot hold files, before they are computed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotADirectoryError(f"--out must be a folder: {error}") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise PermissionError(f"--out must be a folder that can be written, got {out}")


def _check_features(path: Path, names: Sequence[str]) -> None:
    """Refuse embeddings that an experiment could not use, and say what is assumed of the others."""
    wanted = {file for name in names for file in getattr(find(name), "FEATURES", ())}
    for file in sorted({features.find(file, path) for file in wanted}):
        for note in features.read(file).notes:
            say(f"{PROGRAM}: {note}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run experiments; returns 1 if one failed, and otherwise as `gapdyn.terminal.attempt` does."""
    return attempt(PROGRAM, partial(_main, arguments))


if __name__ == "__main__":
    sys.exit(main())
