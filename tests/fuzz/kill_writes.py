"""Kill writers, and read damaged files: no file may be torn, none may be read as what it is not.

    python tests/fuzz/kill_writes.py --kills 60
    python tests/fuzz/kill_writes.py --mutations 8000

Exit status 1 when something broke.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

import gapdyn as gd
from gapdyn import _spec
from gapdyn.embeddings import read_pairs
from gapdyn.files import replacing

SIGNALS = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
REFUSALS = ValueError, TypeError, OSError


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=0, help="writers to kill")
    parser.add_argument(
        "--mutations", type=int, default=0, help="files to damage, half as many runs"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        broken = kill(Path(folder), args.kills, rng)
        broken += damage_runs(Path(folder), args.mutations // 2, rng)
        broken += damage_inputs(Path(folder), args.mutations, rng)
    return int(broken > 0)


# Writers that are killed.


def a_run(seed: int) -> gd.Trajectory:
    """A run of a swapped free model, whose file has a megabyte."""
    X, Y = gd.sphere.sample(8, 4, seed), gd.sphere.sample(8, 4, seed + 1)
    model = gd.FreeModel(8, 4, gd.Learned(gd.Exponential(2.0), max_beta=100.0))
    times = np.linspace(0, 2, 2000)
    return gd.flow(model, model.start(X, Y, tau=0.2), times, swap=gd.HardSwap(0.5), rtol=1e-4)


def same(first: gd.Trajectory, second: gd.Trajectory) -> bool:
    """Whether all fields of two runs are equal, to the last bit."""
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        if isinstance(a, np.ndarray)
        else a == b or (isinstance(a, gd.FrozenModel) and _spec.dump(a) == _spec.dump(b))
        for a, b in ((getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    )


def write_bytes(data: bytes, path: Path) -> None:
    """Write as figures and films are written, piece by piece."""
    with replacing(path, "wb") as stream:
        for k in range(0, len(data), 4096):
            stream.write(data[k : k + 4096])


def kill(folder: Path, count: int, rng: random.Random) -> int:
    """Kill writers at random moments, and look at what they leave; return how many are wrong."""
    runs = a_run(0), a_run(2)
    pictures = rng.randbytes(500_000), rng.randbytes(700_000)
    tables = []
    for run in runs:
        run.to_csv(folder / "table.csv")
        tables.append((folder / "table.csv").read_bytes())
    kinds: dict[str, tuple[Callable[[int, Path], None], Callable[[Path], bool]]] = {
        "run.npz": (
            lambda k, path: runs[k].save(path),
            lambda path: any(same(gd.Trajectory.load(path), run) for run in runs),
        ),
        "run.csv": (
            lambda k, path: runs[k].to_csv(path),
            lambda path: path.read_bytes() in tables,
        ),
        "run.gif": (
            lambda k, path: write_bytes(pictures[k], path),
            lambda path: path.read_bytes() in pictures,
        ),
    }
    outcome: Counter[str] = Counter()
    for number in range(count):
        name = list(kinds)[number % 3]
        how, (write, whole) = SIGNALS[number // 3 % 3], kinds[name]
        path = folder / name
        write(0, path)
        write_until_killed(write, path, how, rng)
        outcome["killed"] += 1
        outcome["broken"] += not whole(path)
        left = len(list(folder.glob(".*.part")))
        outcome["with a part file left"] += left > 0
        outcome["by Ctrl-C with a part file left"] += how == signal.SIGINT and left > 0
        write(1, path)
        outcome["with a part file after the next write"] += any(folder.glob(".*.part"))
    print(f"writers: {dict(outcome)}")
    bad = "broken", "with a part file after the next write"
    return sum(outcome[name] for name in bad)


def write_until_killed(
    write: Callable[[int, Path], None], path: Path, how: signal.Signals, rng: random.Random
) -> None:
    """A child that writes two versions in turn, killed at a random moment."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for k in range(1_000_000):
                write(k % 2, path)
        finally:
            os._exit(0)
    time.sleep(rng.uniform(0.005, 0.1))
    os.kill(child, how)
    os.waitpid(child, 0)


# Files that are damaged.


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One mutation, of one of eight kinds, that changes something."""
    while True:
        k = rng.randrange(len(data))
        span = rng.choice([1, 2, 8, 64, 512])
        part, rest = data[k : k + span], data[k + span :]
        other = rng.randrange(len(data))
        changed = rng.choice(
            [
                data[:k] + bytes([data[k] ^ 1 << rng.randrange(8)]) + data[k + 1 :],
                data[:k] + rng.randbytes(len(part)) + rest,
                data[:k] + bytes(len(part)) + rest,
                data[:k] + b"\xff" * len(part) + rest,
                data[:k] + rest,
                data[:k] + part + part + rest,
                data[:k] + data[other : other + span] + rest,
                data[:k],
            ]
        )
        if changed != data:
            return changed


def damaged_member(data: bytes, rng: random.Random) -> bytes:
    """An npz file of which one array, or its header, is damaged, with a checksum that fits."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(stream, "w") as copy:
        chosen = rng.choice(archive.namelist())
        for name in archive.namelist():
            member = archive.read(name)
            if name == chosen:
                head, rest = member[:128], member[128:]
                member = damaged(head, rng) + rest if rng.random() < 0.5 else damaged(member, rng)
            if name != chosen or rng.random() < 0.95:
                copy.writestr(name, member)
    return stream.getvalue()


TOKENS = ["", "[]", "{}", "null", "NaN", "1e999", "-1", "3", "true", "[", "]", ",", '"Fixed"']
TOKENS += ['["Learned"]', '["Fixed", 0.1]', '["array", [[0.5], [1]]]', "9" * 5000, "[" * 2000]


def damaged_field(data: bytes, rng: random.Random) -> bytes:
    """A saved run with a field of another type, shape or value, in a file that is sound."""
    with np.load(io.BytesIO(data)) as stored:
        members = dict(stored)
    name = rng.choice(list(members))
    array = members[name]
    if array.dtype.kind == "U":
        text = array.item()
        cuts = sorted(rng.choices(range(len(text) + 1), k=2))
        members[name] = np.array(text[: cuts[0]] + rng.choice(TOKENS) + text[cuts[1] :])
    else:
        kinds = ["f4", "i8", "i4", "c16", "U9", "S9", "?", ">f8"]
        with np.errstate(invalid="ignore"):
            odd = [array.astype(kind) for kind in kinds] + [array * np.nan, array * np.inf]
        odd += [array[:-1], array[..., None], array[None], array[::-1], array[:0], array[0], -array]
        odd += [array.repeat(2, axis=-1), np.array(0.5)]
        members[name] = rng.choice(odd)
    stream = io.BytesIO()
    np.savez(stream, **members)
    return stream.getvalue()


def attempt(outcome: Counter[str], number: int, call: Callable[[], Any]) -> Any:
    """What a call gives, or None where it refuses in one line; counts everything else as broken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return call()
    except REFUSALS as error:
        outcome["refused"] += 1
        if "\n" in str(error):
            outcome["broken"] += 1
            print(f"{number}: more than a line: {error}")
    except Exception as error:
        outcome["broken"] += 1
        print(f"{number}: {error!r}")
    return None


def damage_runs(folder: Path, count: int, rng: random.Random) -> int:
    """Damage saved runs; returns how many did not load as they were and were not refused."""
    originals = []
    for k, (model, y0) in enumerate(some_models()):
        run = gd.flow(model, y0, [0.0, 0.5, 1.0])
        run.save(folder / f"{k}.npz")
        originals.append((run, (folder / f"{k}.npz").read_bytes()))
    path = folder / "damaged.npz"
    for damage in (damaged, damaged_member, damaged_field):
        outcome: Counter[str] = Counter()
        for number in range(count if damage is damaged else count // 2):
            run, data = rng.choice(originals)
            path.write_bytes(damage(data, rng))
            again = attempt(outcome, number, lambda: gd.Trajectory.load(path))
            if again is None:
                continue
            outcome["read as it was" if same(again, run) else "read as another"] += 1
            attempt(outcome, number, lambda again=again: (repr(again), again.at(again.t[-1])))
        print(f"runs, {damage.__name__}: {dict(outcome)}")
        if outcome["broken"] or (damage is damaged and outcome["read as another"]):
            return 1
    return 0


def some_models() -> Iterator[tuple[gd.Model, Any]]:
    """A model of each kind and a start."""
    X, Y = gd.sphere.sample(4, 3, 0), gd.sphere.sample(4, 3, 1)
    free = gd.FreeModel(4, 3, gd.Learned(gd.Softplus(), 0.5, 50.0), mixing=np.full((4, 1), 0.25))
    yield free, free.start(X, Y, tau=0.3)
    parallel = gd.ParallelModel(4, 3, gd.LinearSchedule(0.4, 0.6, 10.0), tied=False)
    yield parallel, parallel.start(X, Y, gamma=0.3)
    frozen = gd.FrozenModel(X @ Y.T, gd.CosineSchedule(0.4, 0.6, 10.0))
    yield frozen, frozen.start(gamma=0.3)
    scalar = gd.ScalarModel(gd.Learned(gd.Linear()))
    yield scalar, scalar.start(tau=0.3, gamma=0.3)


def damage_inputs(folder: Path, count: int, rng: random.Random) -> int:
    """Damage files of embeddings; returns how many were neither measured nor refused."""
    outcome: Counter[str] = Counter()
    originals = list(some_inputs(folder))
    for number in range(count):
        name, data = rng.choice(originals)
        deep = name.endswith(".npz") and rng.random() < 0.5
        path = folder / f"damaged{name[-4:]}"
        path.write_bytes(damaged_member(data, rng) if deep else damaged(data, rng))
        if attempt(outcome, number, lambda path=path: gd.measure(*read_pairs(path)[:2])):
            outcome["measured"] += 1
    print(f"inputs: {dict(outcome)}")
    return outcome["broken"]


def some_inputs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files of embeddings as NumPy and others write them."""
    both = np.stack([gd.sphere.sample(6, 4, 0), gd.sphere.sample(6, 4, 1)])
    for name, array in (
        ("c.npy", both), ("fortran.npy", np.asfortranarray(both)), ("single.npy", np.float32(both)),
        ("half.npy", np.float16(both)), ("big.npy", both.astype(">f8")),
    ):  # fmt: skip
        np.save(folder / name, array)
        yield name, (folder / name).read_bytes()
    old = (folder / "c.npy").read_bytes()
    yield "two.npy", old.replace(b"(2, 6, 4), }   ", b"(2L, 6L, 4L), }")
    with (folder / "v2.npy").open("wb") as stream:
        np.lib.format.write_array(stream, both, version=(2, 0))
    yield "v2.npy", (folder / "v2.npy").read_bytes()
    for name, save in (("plain.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        save(folder / name, x=both[0], y=both[1])
        yield name, (folder / name).read_bytes()


if __name__ == "__main__":
    sys.exit(main())
