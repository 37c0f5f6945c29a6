"""Time one velocity of the free model, against the hardware's limit and against autodiff.

`python benchmarks/kernel.py [--json FILE] [--repeats R] [--sizes NxD ...]`. The limit is three
n × n × d products and one pass of exp over n × n; it is that of the sigmoid loss too, whose
velocity is timed beside that of InfoNCE. Sides take turns; times are medians.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from limit import hardware
from peers import gradients
from timing import Calls, arguments, interleave, table, write

import gapdyn as gd
from gapdyn.types import Array

SIZES = ((5, 3), (256, 64), (512, 512), (1024, 128), (2048, 512))
TAU = 0.07
SIGMOID = 1.35
"""What the time of the sigmoid loss may be of the limit, from 1024 pairs on."""
GOALS = {
    (256, 64): {"limit": 1.8, "JAX": 1.0, "PyTorch": 1 / 1.5},
    (512, 512): {"limit": 1.35, "JAX": 1.0, "PyTorch": 1 / 1.5},
    (1024, 128): {"limit": 1.35, "JAX": 1.0, "PyTorch": 1 / 1.5},
    (2048, 512): {"limit": 1.25, "JAX": 1.0, "PyTorch": 1 / 1.5},
    (5, 3): {"JAX": 1.5, "PyTorch": 1 / 10},
}
"""What the time of gapdyn may be of that of each other side."""


def size(text: str) -> tuple[int, int]:
    """Read `NxD`."""
    n, d = map(int, text.split("x"))
    return n, d


def plain(X: Array, Y: Array, beta: float) -> tuple[Array, Array, float]:
    """The velocity as one would first write it in NumPy: for comparison only."""
    n = len(X)
    Z = X @ Y.T
    M = beta * Z
    P = np.exp(M - M.max(axis=1, keepdims=True))
    Q = np.exp(M - M.max(axis=0, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    Q /= Q.sum(axis=0, keepdims=True)
    G = (P + Q) / (2 * n) - np.eye(n) / n
    dX, dY = -beta * G @ Y, -beta * G.T @ X
    dX -= (dX * X).sum(axis=1, keepdims=True) * X
    dY -= (dY * Y).sum(axis=1, keepdims=True) * Y
    return dX, dY, -float((G * Z).sum())


def check(model: gd.FreeModel, y: Array, slopes: dict[str, Array]) -> None:
    """Raise unless all sides agree, theirs put on the sphere."""
    own, W = model.velocity(0.0, y), y[:-1].reshape(-1, model.d)
    for name, slope in slopes.items():
        V = slope[:-1].reshape(-1, model.d)
        V = V - np.einsum("ij,ij->i", V, W)[:, None] * W
        apart = np.abs(np.append(V.ravel(), slope[-1]) - own).max() / np.abs(own).max()
        if apart > 1e-11:
            raise ArithmeticError(f"{name} has another gradient at {model}: {apart:.1e} apart")


def compare(n: int, d: int, repeats: int) -> dict[str, float | None]:
    """Median seconds of each side; None for a peer that is not installed."""
    rng = np.random.default_rng(0)
    X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
    model = gd.FreeModel(n, d, gd.Learned())
    y = model.start(X, Y, tau=TAU)
    out = np.empty_like(y)
    other = gd.FreeModel(n, d, gd.Learned(), loss=gd.Sigmoid())
    z = other.start(X, Y, tau=TAU, bias=0.5)
    calls: Calls = {
        "gapdyn": lambda: model.velocity(0.0, y, out),
        "sigmoid": lambda: other.velocity(0.0, z),
        "limit": hardware(X, Y),
        "NumPy": lambda: plain(X, Y, 1 / TAU),
    }
    peers = gradients(y, n, d)
    present = {name: call for name, call in peers.items() if call is not None}
    check(model, y, {name: np.asarray(call()) for name, call in present.items()})
    found = interleave(calls | present, repeats)
    return {name: found.get(name) for name in (*calls, *peers)}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON when asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=size, nargs="+", default=SIZES, metavar="NxD")
    args = parser.parse_args(argv)
    rows, numbers = [], []
    for n, d in args.sizes:
        found = compare(n, d, args.repeats)
        own, sigmoid, limit = found["gapdyn"], found["sigmoid"], found["limit"]
        assert own is not None and sigmoid is not None and limit is not None
        others = [found[name] for name in ("limit", "NumPy", "JAX", "PyTorch")]
        goals = GOALS.get((n, d), {})
        missed = [
            f"{name} {goal:.2f}"
            for name, goal in goals.items()
            if found[name] is not None and own > goal * found[name]  # type: ignore[operator]
        ]
        if n >= 1024 and sigmoid > SIGMOID * limit:
            missed.append(f"sigmoid {SIGMOID:.2f}")
        rows.append(
            [
                f"({n}, {d})",
                1e3 * own,
                *(None if other is None else own / other for other in others),
                sigmoid / limit,
                "not met: " + ", ".join(missed) if missed else "met" if goals else "none",
            ]
        )
        numbers.append({"n": n, "d": d, **found, "missed": missed})
        print(rows[-1], file=sys.stderr)
    head = (
        "(n, d)",
        "ms",
        "of the limit",
        "of plain NumPy",
        "of JAX",
        "of PyTorch",
        "sigmoid",
        "goals",
    )
    print(table(head, rows))
    write(args.json, numbers)


if __name__ == "__main__":
    main()
