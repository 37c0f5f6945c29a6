"""`gapdyn simulate`: build a model from options, run its gradient flow, print and write it."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gapdyn as gd
from gapdyn import sphere
from gapdyn.cli.files import MOST, add_arrays, read_sample
from gapdyn.files import validate_target
from gapdyn.interrupt import was_interrupted
from gapdyn.losses import BIASES
from gapdyn.solver import MAX_STEPS, METHODS
from gapdyn.terminal import say
from gapdyn.types import Array
from gapdyn.validate import validate_count, validate_number, validate_positive

TEMPERATURES: dict[str, tuple[Callable[[argparse.Namespace], gd.temperature.Temperature], str]] = {
    "learned": (
        lambda a: learned(a, gd.Exponential(getattr(a, "scale", 1.0))),
        "scale rate min_beta max_beta",
    ),
    "softplus": (lambda a: learned(a, gd.Softplus()), "rate min_beta max_beta"),
    "linear": (lambda a: learned(a, gd.Linear()), "rate min_beta max_beta"),
    "fixed": (lambda a: gd.Fixed(a.tau), ""),
    "linear-schedule": (
        lambda a: gd.LinearSchedule(a.tau, needed(a, "tau_end"), a.t_end),
        "tau_end",
    ),
    "cosine-schedule": (
        lambda a: gd.CosineSchedule(a.tau, needed(a, "tau_end"), getattr(a, "period", a.t_end)),
        "tau_end period",
    ),
}
"""How each temperature is made, and which options it uses besides --tau."""

MODELS = {
    "free": "start pairs gamma",
    "parallel": "start pairs gamma",
    "frozen": "pairs gamma alpha",
    "scalar": "gamma",
}
"""Which options each model uses."""

FROM = "from sample seed gamma x y layout"
"""Which options are used instead with --from."""

STARTS = {"polygon": "rotation dim", "random": "dim seed"}
"""Which options each start uses, a polygon to refuse a dimension other than 2."""

OF_START = " ".join([*MODELS.values(), *STARTS.values(), "from"]).split()
"""Options of the start; a free model without any of them starts as Figure 2 does."""


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "simulate",
        help="run a gradient flow",
        description="Run a gradient flow, write what was asked for, and print some of its times. "
        "Without options of the start it is that of Figure 2 of the paper.",
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(command=run)
    add = parser.add_argument
    add("--model", choices=MODELS, default="free")
    add(
        "--from",
        nargs="+",
        metavar="FILE",
        help="start from these embeddings, as for gapdyn measure; the frozen model has Z = XYᵀ",
    )
    add_arrays(parser)
    add("--sample", type=int, metavar="N", help=f"N pairs of --from (default {MOST}, if more)")
    add("--start", choices=STARTS, help="rows at time 0 (default polygon)")
    add("--pairs", type=int, help="number of pairs (default 5)")
    add("--rotation", type=int, help="places by which a polygon's texts are turned (default 0)")
    add("--dim", type=int, help="dimension of random rows before lifting (default 2)")
    add("--seed", type=int, help="seed of random rows, or of --sample (default 0)")
    add("--gamma", type=float, help="height γ; lifts the rows of a free model when given")
    add("--alpha", type=float, help="frozen model: Z = αI (default 1)")
    add("--loss", choices=["infonce", "sigmoid"], default="infonce", help="(default infonce)")
    add(
        "--bias",
        nargs="+",
        metavar="KIND OR VALUE",
        help="of the sigmoid loss: relative (default), plain or none, its value at time 0 (default "
        "0), or both; SigLIP's start is --bias plain 10 --tau 0.1, as its sign is the other one",
    )
    add("--bias-rate", type=float, help="learning rate of the bias (default 1)")
    add("--temperature", choices=TEMPERATURES, default="learned")
    add("--tau", type=float, default=0.07, help="τ at time 0, lowest of a cosine (default 0.07)")
    add("--tau-end", type=float, help="τ at the end of a schedule, highest of a cosine")
    add("--scale", type=float, help="s of β = exp(ν/s) (default 1)")
    add("--rate", type=float, help="learning rate of ν (default 1)")
    add("--min-beta", type=float, help="floor of a learned β (default none; CLIP has 1)")
    add("--max-beta", type=float, help="ceiling of a learned β (default none; CLIP has 100)")
    add("--period", type=float, help="period of a cosine (default the whole run)")
    add("--t-end", type=float, default=1e5, help="end time (default 1e5)")
    add("--rtol", type=float, default=1e-8, help="relative tolerance (default 1e-8)")
    add("--method", choices=METHODS, help="SciPy's solver (default: what suits the clock)")
    add(
        "--clock",
        choices=["t", "log t"],
        help="what the solver takes for time (default: what suits τ)",
    )
    add("--max-steps", type=int, default=MAX_STEPS, help="most steps (default a million)")
    add("--csv", type=Path, help="write observables here")
    add("--npz", type=Path, help="write the whole trajectory here, for Trajectory.load")
    add("--gif", type=Path, help="write the embeddings in motion here (free and parallel models)")


def run(args: argparse.Namespace) -> int:
    """`gapdyn simulate`: build a model, run it, write files, print a summary."""
    check_files(args)
    validate_positive("--t-end", args.t_end)
    validate_positive("--tau", args.tau)
    names = ("rtol", "method", "clock", "max_steps")
    solver = {name: getattr(args, name) for name in names if name in args}
    status = 0
    try:
        model, y0 = build(args)
        run = gd.flow(model, y0, args.t_end, **solver, progress=sys.stderr.isatty())
    except gd.IntegrationError as error:
        run = error.trajectory
        status = 130 if was_interrupted(error) else 1
        say(f"gapdyn simulate: {translate(str(error))}")
    except (ValueError, TypeError) as error:
        raise ValueError(translate(str(error))) from error
    note_unused(args)
    unwritten = write_files(run, args, interrupted=status == 130)
    print_summary(run)
    if run.stationary is not None:
        say(f"gapdyn simulate: at rest from t = {run.stationary:.6g} on")
    return status or 2 * unwritten


SAME = (
    "bias bias_rate clock gamma max_beta max_steps min_beta method period rate rtol scale tau"
    " tau_end"
)
WORDS = {name: f"--{name.replace('_', '-')}" for name in SAME.split()}
WORDS |= {"d": "--dim", "t": "--t-end"}
WORDS |= {"tau_start": "--tau", "tau_low": "--tau", "tau_high": "--tau-end"}
"""What the command line calls the arguments of the library."""

ARGUMENT = re.compile(r"(^\w+(?= must)|\b(?:method|rtol|[a-z]+_[a-z]+))\b(?:='?([\w.+-]+)'?)?")
"""Where a message of the library speaks of an argument, perhaps with a value."""


def translate(message: str) -> str:
    """A library's message for the command line, with --method LSODA for method='LSODA'."""

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        return " ".join(filter(None, (WORDS[name], value))) if name in WORDS else found[0]

    return ARGUMENT.sub(option, message).replace("in .trajectory", "kept")


def check_files(args: argparse.Namespace) -> None:
    """Refuse files that cannot be written, before the flow runs."""
    files: dict[Path, str] = {}
    for option in (option for option in WRITERS if option in args):
        file = validate_target(f"--{option}", getattr(args, option)).resolve()
        if other := files.get(file):
            raise ValueError(f"--{option} must be another file than --{other}, got {file}")
        files[file] = option
    if "gif" not in args:
        return
    if args.gif.suffix.lower() != ".gif":
        raise ValueError(f"--gif wants a name that ends in .gif, got {args.gif}")
    shown = [model for model, options in MODELS.items() if "start" in options]
    if args.model not in shown:
        raise ValueError(f"--gif wants a model with a sphere to show: --model {' or '.join(shown)}")


WRITERS: dict[str, Callable[[gd.Trajectory, Path], None]] = {
    "csv": gd.Trajectory.to_csv,
    "npz": gd.Trajectory.save,
    "gif": lambda run, path: run.animate().save(path),
}
"""How each file is written, by its option."""


def write_files(run: gd.Trajectory, args: argparse.Namespace, interrupted: bool) -> bool:
    """Write the files that were asked for, and say so; return whether one could not be written."""
    failed = False
    for option, write in WRITERS.items():
        if (path := getattr(args, option, None)) is None:
            continue
        if option == "gif" and (run.t.size == 1 or interrupted):
            reason = "interrupted" if interrupted else "a film wants two times"
            say(f"gapdyn simulate: no {path}: {reason}")
            continue
        try:
            write(run, path)
        except (ValueError, OSError, ArithmeticError, MemoryError) as error:  # the others go on
            say(f"gapdyn simulate: error: --{option} {path} is not written: {error}")
            failed = True
            continue
        size = "" if option == "gif" else f"{run.t.size} times, "
        say(f"wrote {path}: {size}t = 0 to {run.t[-1]:.6g}")
    return failed


def build(args: argparse.Namespace) -> tuple[gd.Model, Array]:
    """The model and its start, from the options."""
    temperature = TEMPERATURES[args.temperature][0](args)
    loss, bias = chosen_loss(args)
    n = validate_count("--pairs", getattr(args, "pairs", 5), least=2)
    if args.model in ("scalar", "frozen"):
        model: gd.ScalarModel | gd.FrozenModel = gd.ScalarModel(temperature)
        if args.model == "frozen":
            model = gd.FrozenModel(similarities(args, n), temperature, loss=loss)
        return model, model.start(tau=args.tau, gamma=needed(args, "gamma"), bias=bias)
    if args.model == "free" and not any(option in args for option in OF_START):
        free, y0 = gd.examples.figure_2()
        free = gd.FreeModel(free.n, free.d, temperature, loss=loss)
        return free, free.start(*free.embeddings(y0), tau=args.tau, bias=bias)
    X, Y = rows(args, n)
    if args.model == "parallel":
        parallel = gd.ParallelModel(len(X), X.shape[1], temperature, loss=loss)
        height = needed(args, "gamma")
        return parallel, parallel.start(X, Y, tau=args.tau, gamma=height, bias=bias)
    if "gamma" in args:
        X, Y = sphere.lift(X, Y, gamma=args.gamma)
    free = gd.FreeModel(len(X), X.shape[1], temperature, loss=loss)
    return free, free.start(X, Y, tau=args.tau, bias=bias)


def chosen_loss(args: argparse.Namespace) -> tuple[gd.losses.Loss, float]:
    """The loss, and the bias at time 0."""
    given = getattr(args, "bias", [])
    if args.loss == "infonce":
        if given or "bias_rate" in args:
            raise ValueError("--bias wants --loss sigmoid: the logits of InfoNCE have none")
        return gd.InfoNCE(), 0.0
    if args.model == "scalar":
        raise ValueError("--loss sigmoid wants a model with pairs: free, parallel or frozen")
    kinds = [word for word in given if word in BIASES]
    values = [word for word in given if word not in BIASES]
    if max(len(kinds), len(values)) > 1:
        raise ValueError(f"--bias wants a kind, a value or both, got {' '.join(given)}")
    try:
        bias = float(*values)
    except ValueError:
        kind = f"{', '.join(BIASES[:-1])} or {BIASES[-1]}"
        raise ValueError(f"--bias wants {kind}, or a number, got {values[0]}") from None
    kind, rate = (*kinds, "relative")[0], getattr(args, "bias_rate", 1.0)
    return gd.Sigmoid(kind, bias_rate=rate), validate_number("--bias", bias)


def rows(args: argparse.Namespace, n: int) -> tuple[Array, Array]:
    """X and Y at time 0, before lifting."""
    if "from" in args:
        return given_rows(args)
    d, seed = getattr(args, "dim", 2), getattr(args, "seed", 0)
    if getattr(args, "start", "polygon") == "polygon":
        if d != 2:
            raise ValueError(f"--dim must be 2 with --start polygon, got {d}")
        return sphere.polygon_pairs(n, getattr(args, "rotation", 0))
    if seed < 0:
        raise ValueError(f"--seed must not be negative, got {seed}")
    rng = np.random.default_rng(seed)
    return sphere.sample(n, d, rng), sphere.sample(n, d, rng)


def given_rows(args: argparse.Namespace) -> tuple[Array, Array]:
    """Unit rows of the files."""
    options = {"sample": None, "seed": 0, "x": None, "y": None, "layout": None} | vars(args)
    X, Y = read_sample(argparse.Namespace(**options, files=options["from"]))
    return sphere.normalise(X), sphere.normalise(Y)


def similarities(args: argparse.Namespace, n: int) -> Array:
    """Z of the frozen model."""
    if "from" in args:
        X, Y = given_rows(args)
        return X @ Y.T
    return validate_number("--alpha", getattr(args, "alpha", 1.0)) * np.eye(n)


def learned(args: argparse.Namespace, beta: gd.temperature.Parametrisation) -> gd.Learned:
    """A learned temperature."""
    given = {name: getattr(args, name) for name in ("rate", "min_beta", "max_beta") if name in args}
    return gd.Learned(beta, **given)


def needed(args: argparse.Namespace, option: str) -> float:
    """The value of an option that the choice of model or temperature makes necessary."""
    if option not in args:
        chooser = "model" if option == "gamma" else "temperature"
        wanted = option.replace("_", "-")
        raise ValueError(f"--{chooser} {getattr(args, chooser)} wants --{wanted}")
    return float(getattr(args, option))


def note_unused(args: argparse.Namespace) -> None:
    """Say which options were given that the chosen model, start and temperature do not use."""
    used = f"{MODELS[args.model]} {TEMPERATURES[args.temperature][1]}"
    start = ""
    if "from" in args and args.model != "scalar":
        used, start = f"{FROM} {TEMPERATURES[args.temperature][1]}", " --from"
    elif "start" in used:
        kind = getattr(args, "start", "polygon")
        used, start = f"{used} {STARTS[kind]}", f" --start {kind}"
    of_temperatures = [options for _, options in TEMPERATURES.values()]
    tables = FROM, *MODELS.values(), *STARTS.values(), *of_temperatures
    for option in sorted({*" ".join(tables).split()} - {*used.split()}):
        if option in args:
            say(
                f"gapdyn simulate: --{option.replace('_', '-')} has no effect with "
                f"--model {args.model}{start} --temperature {args.temperature}",
            )


def print_summary(run: gd.Trajectory) -> None:
    """Print some stored times, evenly spaced, the first and the last among them."""
    columns = run.columns()
    print("".join(f"{name:>12}" for name in columns))
    for k in np.unique(np.linspace(0, run.t.size - 1, 12).round().astype(int)):
        print("".join(f"{column[k]:>12.5g}" for column in columns.values()))
