"""How cost grows: one velocity with n and with d, an ensemble with B, and CLIP's batch in blocks.

`python benchmarks/scaling.py [--only growth|large] [--pairs N] [--dim D] [--repeats R]
[--json FILE]`. Exponents are slopes of log time over the last four sizes. Time is fitted as
c₁n²d + c₂n² + c₃nd + c₀, which projects sizes that were not run; in blocks the first two are paid
4/3 times and twice. The large part is measured in processes of their own: memory beyond the inputs,
and the time of a velocity against four products and two passes of exp.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.optimize import nnls
from timing import arguments, interleave, memory, seconds, table, write

import gapdyn as gd
from gapdyn.types import Array

PAIRS, PAIRS_DIM = (64, 128, 256, 512, 1024, 2048, 4096), 128
DIMS, DIMS_PAIRS = (8, 32, 128, 256, 512, 1024, 2048), 512
MEMBERS, MEMBER = (1, 10, 100, 1000, 3000, 10000), (5, 3)
LAST = 4
PROJECTED = (16384, 32768, 65536, 131072)
TAU = 0.07


def state(n: int, d: int) -> tuple[gd.FreeModel, Array]:
    """A free model, and random rows at τ = 0.07."""
    rng = np.random.default_rng(0)
    model = gd.FreeModel(n, d, gd.Learned())
    return model, model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=TAU)


def velocity(n: int, d: int) -> Callable[[], object]:
    """One velocity."""
    model, y = state(n, d)
    out = np.empty_like(y)
    return lambda: model.velocity(0.0, y, out)


def ensemble(members: int) -> Callable[[], object]:
    """One velocity of many members."""
    model, y = state(*MEMBER)
    columns = np.repeat(y[:, None], members, axis=1)
    out = np.empty_like(columns)
    return lambda: model.velocity(0.0, columns, out)


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Slope of log time over the last sizes."""
    slope, _ = np.polyfit(np.log(sizes[-LAST:]), np.log(times[-LAST:]), 1)
    return float(slope)


def terms(n: int, d: int, blocks: bool = False) -> list[float]:
    """What the time of a velocity is made of, in ns of c₁, c₂, c₃ and c₀."""
    products, passes = (4 / 3, 2.0) if blocks else (1.0, 1.0)
    return [1e-9 * products * n * n * d, 1e-9 * passes * n * n, 1e-9 * n * d, 1e-9]


def fit(points: Sequence[tuple[int, int, float]]) -> Array:
    """c₁, c₂, c₃, c₀ ≥ 0 in ns, of least relative error."""
    rows = np.array([np.divide(terms(n, d), time) for n, d, time in points])
    coefficients: Array = nnls(rows, np.ones(len(rows)))[0]
    return coefficients


def growth(repeats: int) -> dict[str, Any]:
    """Times over n, d and B, their exponents, the fit and its projection."""
    calls = {
        **{f"n {n}": velocity(n, PAIRS_DIM) for n in PAIRS},
        **{f"d {d}": velocity(DIMS_PAIRS, d) for d in DIMS},
        **{f"B {members}": ensemble(members) for members in MEMBERS},
    }
    times = interleave(calls, repeats)
    by_n, by_d, by_members = (
        [time for name, time in times.items() if name.startswith(axis)] for axis in "ndB"
    )
    points = [
        *((n, PAIRS_DIM, time) for n, time in zip(PAIRS, by_n, strict=True)),
        *((DIMS_PAIRS, d, time) for d, time in zip(DIMS, by_d, strict=True)),
    ]
    coefficients = fit(points)
    errors = [float(np.dot(terms(n, d), coefficients)) / time - 1 for n, d, time in points]
    return {
        "n": {"sizes": PAIRS, "d": PAIRS_DIM, "seconds": by_n, "exponent": exponent(PAIRS, by_n)},
        "d": {"sizes": DIMS, "n": DIMS_PAIRS, "seconds": by_d, "exponent": exponent(DIMS, by_d)},
        "B": {
            "sizes": MEMBERS,
            "member": MEMBER,
            "seconds": by_members,
            "exponent": exponent(MEMBERS, by_members),
        },
        "ns": dict(zip(("n²d", "n²", "nd", "1"), coefficients.tolist(), strict=True)),
        "largest error of the fit": max(map(abs, errors)),
        "projected": {
            n: float(np.dot(terms(n, 512, blocks=True), coefficients)) for n in PROJECTED
        },
    }


def blocks(X: Array, Y: Array, height: int) -> None:
    """Four products and two passes of exp, in blocks of rows that are reused."""
    n = len(X)
    M, out_x, out_y = np.empty((height, n)), np.empty_like(X), np.zeros_like(Y)
    for step in (1, 2):
        for start in range(0, n, height):
            rows = slice(start, start + height)
            Z = np.matmul(X[rows], Y.T, out=M[: len(X[rows])])
            np.exp(Z, out=Z)
            if step == 2:
                np.matmul(Z, Y, out=out_x[rows])
                out_y += Z.T @ X[rows]


def one(task: str, path: Path, n: int, d: int) -> tuple[float, float]:
    """Seconds of one task, and the memory it takes beyond its inputs, in GB."""
    model, y = gd.FreeModel(n, d, gd.Learned()), np.load(path)
    X, Y = model.split(y)[:2]
    calls: dict[str, Callable[[], object]] = {
        "limit": lambda: blocks(X, Y, model.budget // (8 * n)),
        "velocity": lambda: model.velocity(0.0, y),
        "loss": lambda: model.loss(0.0, y),
        "observe": lambda: model.observe(0.0, y),
        "measure": lambda: gd.measure(X, Y),
    }
    before = memory("VmRSS")
    time = seconds(calls[task])
    return time, memory("VmHWM") - before


def large(n: int, d: int, repeats: int) -> dict[str, Any]:
    """Time and memory of all that is made in blocks; the limit and the velocity take turns."""
    found: dict[str, list[tuple[float, float]]] = {}
    tasks = [*("limit", "velocity") * repeats, "loss", "observe", "measure"]
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.npy"
        np.save(path, state(n, d)[1])
        for task in tasks:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                found.setdefault(task, []).append(pool.submit(one, task, path, n, d).result())
    return {
        task: {
            "seconds": statistics.median(time for time, _ in runs),
            "GB": max(memory for _, memory in runs),
            "runs": len(runs),
        }
        for task, runs in found.items()
    }


def show_growth(found: dict[str, Any]) -> None:
    """Print how cost grows."""
    for name, at in (("n", "d"), ("d", "n"), ("B", "member")):
        part = found[name]
        times = [1e3 * time for time in part["seconds"]]
        head = [f"{name}, at {at} = {part[at]}", *part["sizes"], "exponent"]
        print(table(list(map(str, head)), [["ms", *times, part["exponent"]]]), end="\n\n")
    print("fitted, in ns: " + " + ".join(f"{c:.3g} {name}" for name, c in found["ns"].items()))
    print(f"largest error of the fit: {found['largest error of the fit']:.0%}\n")
    head = ["n, at d = 512, in blocks", *map(str, found["projected"])]
    print(table(head, [["s, projected", *found["projected"].values()]]), end="\n\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, and write them as JSON when asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=["growth", "large"], help="leave out the other")
    parser.add_argument("--pairs", type=int, default=32768, help="of the large part")
    parser.add_argument("--dim", type=int, default=512, help="of the large part")
    args = parser.parse_args(argv)
    numbers: dict[str, Any] = {}
    if args.only != "large":
        numbers["growth"] = growth(args.repeats)
        show_growth(numbers["growth"])
    if args.only != "growth":
        found = numbers["large"] = large(args.pairs, args.dim, args.repeats)
        limit = found["limit"]["seconds"]
        rows = [
            [task, side["seconds"], side["seconds"] / limit, side["GB"], side["runs"]]
            for task, side in found.items()
        ]
        head = f"({args.pairs}, {args.dim})", "s", "of the limit", "GB beyond inputs", "runs"
        print(table(head, rows))
    write(args.json, numbers)


if __name__ == "__main__":
    main()
