"""Time `gapdyn.measure` against the bare product XYᵀ of the same precision.

`python benchmarks/measure.py [--json FILE] [--repeats R] [--sizes NxD ...] [--kinds float32 ...]`.
Pairs are a row and the same with noise, about as hard to find as captions. The product is made at
once, as `X @ Y.T`, and in tiles of the same memory, which costs no fresh pages. Beside them stand
retrieval alone in PyTorch (ranks from the whole product, both ways) and in faiss (ten nearest by
IndexFlatIP, both ways), where they are installed. Sides take turns; times are medians.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from kernel import size
from timing import Calls, arguments, interleave, memory, table, write

import gapdyn as gd
from gapdyn._kernels.memory import cut
from gapdyn.similarities import TILE
from gapdyn.types import Floats

SIZES = ((1000, 512), (5000, 512), (20_000, 512))
KINDS = "float32", "float64"
GOAL = 1.5
"""What the time of gapdyn may be of that of the bare product, from 20,000 pairs on."""
NOISE = 4.0


def pairs(n: int, d: int, kind: str) -> tuple[Floats, Floats]:
    """Rows of unit length whose partners are near."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    Y = X + NOISE * rng.standard_normal((n, d))
    return gd.sphere.unit(X).astype(kind), gd.sphere.unit(Y).astype(kind)


def in_tiles(X: Floats, Y: Floats) -> None:
    """The product, each tile in the memory of the last."""
    buffer = np.empty(TILE, X.dtype)
    for a in cut(len(X), TILE[0]):
        for b in cut(len(Y), TILE[1]):
            np.matmul(X[a], Y[b].T, out=buffer[: len(X[a]), : len(Y[b])])


def with_torch(X: Floats, Y: Floats) -> Callable[[], Any] | None:
    """Ranks of the matches both ways, from the product as a whole."""
    try:
        import torch
    except ImportError:
        return None
    A, B = torch.from_numpy(X), torch.from_numpy(Y)

    def ranks() -> Any:
        Z = A @ B.T
        own = Z.diagonal()
        return (Z >= own[:, None]).sum(dim=1), (Z >= own).sum(dim=0)

    return ranks


def with_faiss(X: Floats, Y: Floats) -> Callable[[], Any] | None:
    """The ten nearest rows both ways; faiss has single precision alone."""
    try:
        import faiss
    except ImportError:
        return None
    if X.dtype != np.float32:
        return None

    def nearest() -> Any:
        found = []
        for queries, keys in ((X, Y), (Y, X)):
            index = faiss.IndexFlatIP(keys.shape[1])
            index.add(keys)
            found.append(index.search(queries, 10))
        return found

    return nearest


def compare(n: int, d: int, kind: str, repeats: int) -> dict[str, float | None]:
    """Median seconds of each side; None for a peer that is not installed."""
    X, Y = pairs(n, d, kind)
    calls: Calls = {
        "gapdyn": lambda: gd.measure(X, Y),
        "product": lambda: X @ Y.T,
        "tiles": lambda: in_tiles(X, Y),
    }
    peers = {"PyTorch": with_torch(X, Y), "faiss": with_faiss(X, Y)}
    present = {name: call for name, call in peers.items() if call is not None}
    found = interleave(calls | present, repeats)
    return {name: found.get(name) for name in (*calls, *peers)}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON when asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=size, nargs="+", default=SIZES, metavar="NxD")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    args = parser.parse_args(argv)
    rows, numbers = [], []
    for n, d in args.sizes:
        for kind in args.kinds:
            found = compare(n, d, kind, args.repeats)
            own, bare = found["gapdyn"], found["product"]
            assert own is not None and bare is not None
            others = (found[name] for name in ("product", "tiles", "PyTorch", "faiss"))
            ratios = [None if other is None else own / other for other in others]
            verdict = "none" if n < 20_000 else "met" if own <= GOAL * bare else "not met"
            rows.append([f"({n}, {d})", kind, own, *ratios, verdict])
            numbers.append({"n": n, "d": d, "kind": kind, **found, "peak GB": memory("VmHWM")})
            print(rows[-1], file=sys.stderr)
    head = ("(n, d)", "type", "s", "of X @ Y.T", "of it in tiles", "of PyTorch's ranks")
    print(table((*head, "of faiss's ten nearest", f"goal {GOAL}"), rows))
    write(args.json, numbers)


if __name__ == "__main__":
    main()
