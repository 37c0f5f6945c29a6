"""Kill sweeps at random moments, and damage their files: nothing is lost, nothing is left.

    python tests/fuzz/kill_sweeps.py --kills 100 --seed 0
    python tests/fuzz/kill_sweeps.py --mutations 1500 --seed 0

A kill: a sweep over one kind of executor runs in a process of its own, which gets KILL, TERM, or
INT, half the time as a terminal sends it, to all processes of the group, at a random moment. Two
seconds later no process of it may be left; a Dask cluster of the caller's has six, to close. Then
the same sweep is run to its end: it must not compute again a point whose line was complete, and its
results must be those of an undisturbed sweep.

A mutation: the file of a finished sweep is damaged, and the sweep is run again: its results are
the same, or it is refused with a ValueError.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing as mp
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import gapdyn as gd

TESTS = Path(__file__).resolve().parents[1]
GRID = {"n": [2, 3, 4, 5], "d": [2, 3, 4]}
SEEDS = 5
LIMIT = {"dask": 6}
"""Seconds after which nothing may be left, where they are not two: a cluster has to close."""
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "INT": signal.SIGINT}


def measured(log, n, d, seed):
    """A value of many digits, slowly where it is to be killed, and a line for each call."""
    with Path(log).open("a") as stream:
        stream.write(f"{n} {d} {seed}\n")
    time.sleep(float(os.environ.get("PAUSE", "0")))
    return gd.measure(*gd.sphere.sample(2 * n, d, seed).reshape(2, n, d)).to_dict()


def pool(method):
    return ProcessPoolExecutor(2, mp_context=mp.get_context(method))


@contextlib.contextmanager
def dask():
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client.get_executor()


EXECUTORS = {
    "none": lambda: contextlib.nullcontext(None),
    "2": lambda: contextlib.nullcontext(2),
    "factory": lambda: contextlib.nullcontext(spawned),
    "fork": lambda: pool("fork"),
    "spawn": lambda: pool("spawn"),
    "forkserver": lambda: pool("forkserver"),
    "threads": lambda: ThreadPoolExecutor(2),
    "dask": dask,
}


def spawned():
    return pool("spawn")


def sweep(folder, executor=None):
    grid = {"log": [str(folder / "log")], **GRID}
    out = folder / "run"
    return gd.sweep(measured, grid, seeds=SEEDS, executor=executor, out=out, progress=False)


def found(run):
    """What a sweep found, without the folder that it ran in."""
    return [(p.parameters["n"], p.parameters["d"], p.seed, repr(p.value)) for p in run.points]


def complete_lines(folder):
    """The lines of points in a file that the writer finished."""
    file = folder / "run"
    content = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    return [line for line in content[1:] if line.endswith(b"\n")]


def alive(group):
    """Processes of a session, zombies aside."""
    left = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.getsid(int(entry.name)) == group:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                left += [int(entry.name)] if state != "Z" else []
    return left


def left_after(process):
    """What a session still has after twenty seconds, and the seconds until it had nothing."""
    begin = time.monotonic()
    while (left := alive(process.pid)) and time.monotonic() < begin + 20:
        process.poll()
        time.sleep(0.02)
    return left, time.monotonic() - begin


def start(kind, folder):
    """A sweep in a process of its own, the first of a session."""
    code = f"from fuzz.kill_sweeps import child; child({kind!r}, {str(folder)!r})"
    paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    with (folder / "err").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PAUSE": "0.02"},
            start_new_session=True,
            stderr=said,
        )


def kill_once(kind, number, chance, whole):
    """Kill one sweep, and say what is wrong after it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log").touch()
        process = start(kind, folder)
        early = time.monotonic() + (chance.uniform(0, 1) if chance.random() < 0.2 else 60)
        while time.monotonic() < early and process.poll() is None and not complete_lines(folder):
            time.sleep(0.005)
        if process.poll():
            return ["ended by itself"], 0, 0.0, (folder / "err").read_text()
        time.sleep(chance.uniform(0, 0.6))
        if number == signal.SIGINT and chance.random() < 0.5:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        left, seconds = left_after(process)
        wrong = [f"{len(left)} processes stay"] if left else []
        if seconds > LIMIT.get(kind, 2):
            wrong.append("too long")
        for worker in left:
            os.kill(worker, signal.SIGKILL)
        process.wait()
        kept = complete_lines(folder)
        before = Counter((folder / "log").read_text().splitlines())
        with warnings.catch_warnings(action="ignore"):  # a torn last line
            run = sweep(folder)
        again = (Counter((folder / "log").read_text().splitlines()) - before).total()
        if again != len(run.points) - len(kept):
            wrong.append(f"{len(kept)} lines, yet {again} of {len(run.points)} computed")
        if found(run) != whole:
            wrong.append("other results")
        said = (folder / "err").read_text()
        if number == signal.SIGINT and process.returncode == 0 and len(kept) < len(whole):
            wrong.append("not interrupted")
        return wrong, len(kept), seconds, said


def mutate(content, chance):
    """A damaged file."""
    lines = content.splitlines(keepends=True)
    at, to = sorted(chance.choices(range(len(content)), k=2))
    i, j = chance.choices(range(len(lines)), k=2)
    match chance.choice(["flip", "flip", "truncate", "delete", "double", "swap", "splice", "cut"]):
        case "flip":
            damaged = bytearray(content)
            damaged[at] ^= 1 << chance.randrange(8)
            return bytes(damaged)
        case "truncate":
            return content[:at]
        case "delete":
            return b"".join(lines[:i] + lines[i + 1 :])
        case "double":
            return b"".join([*lines[:i], lines[j], *lines[i:]])
        case "swap":
            lines[i], lines[j] = lines[j], lines[i]
            return b"".join(lines)
        case "splice":
            return content[:at] + chance.randbytes(chance.randrange(1, 9)) + content[at:]
        case "cut":
            return (
                content[:at] + content[to:]
                if chance.random() < 0.5
                else content[:at] + (content[min(at + chance.randrange(1, 9), len(content)) :])
            )


def mutated(count, chance):
    """How sweeps end that go on with damaged files."""
    ends = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = {"n": [2, 3], "d": [2, 3]}

        def again():
            with warnings.catch_warnings(record=True, action="always") as caught:
                run = gd.sweep(quick, grid, seeds=2, out=folder / "run", progress=False)
            return repr(run.points), [warning.category for warning in caught]

        whole, _ = again()
        content = (folder / "run").read_bytes()
        for _ in range(count):
            (folder / "run").write_bytes(mutate(content, chance))
            kept = len(complete_lines(folder))
            try:
                points, categories = again()
            except ValueError as error:
                ends["refused" if "out " in str(error) else f"odd: {error}"] += 1
                continue
            if points != whole:
                ends["DIFFERENT"] += 1
            elif categories not in ([], [RuntimeWarning]):
                ends[f"odd: {categories}"] += 1
            else:
                ends["same, points recomputed" if kept < 8 else "same"] += 1
    return ends


def quick(n, d, seed):
    return gd.measure(*gd.sphere.sample(2 * n, d, seed).reshape(2, n, d)).to_dict()


def undisturbed():
    with tempfile.TemporaryDirectory() as name:
        return found(sweep(Path(name)))


def killed(kinds, signals, kills, chance):
    """Kill sweeps of each kind in turn, by each signal; what was wrong, of each."""
    whole = undisturbed()
    table, slowest, wrongs = Counter(), Counter(), []
    for k in range(kills):
        kind, number = kinds[k % len(kinds)], signals[k // len(kinds) % len(signals)]
        wrong, kept, seconds, said = kill_once(kind, number, chance, whole)
        table[kind, number.name] += 1
        slowest[kind, number.name] = max(slowest[kind, number.name], seconds)
        print(f"{k:3d} {kind:10s} {number.name} kept {kept} {seconds:.2f} s", *wrong, flush=True)
        if wrong:
            wrongs.append((kind, number.name, wrong))
            print(said)
    return table, slowest, wrongs


def child(kind, folder):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with EXECUTORS[kind]() as executor:
        sweep(Path(folder), executor)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--mutations", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    here = [kind for kind in EXECUTORS if kind != "dask" or find_spec("distributed")]
    parser.add_argument("--executors", nargs="+", choices=EXECUTORS, default=here)
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=list(SIGNALS))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    if given.mutations:
        for end, count in mutated(given.mutations, chance).most_common():
            print(f"{count:6d} {end}")
    if given.kills:
        table, slowest, wrongs = killed(
            given.executors, [SIGNALS[name] for name in given.signals], given.kills, chance
        )
        for (kind, number), count in sorted(table.items()):
            most = slowest[kind, number]
            print(f"{kind:10s} {number:8s} {count:3d} kills, all ended within {most:.2f} s")
        print(f"{table.total()} kills, {len(wrongs)} with something wrong", *wrongs, sep="\n")
        sys.exit(bool(wrongs))


if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    from fuzz.kill_sweeps import main  # under the name by which workers find its functions

    main()
