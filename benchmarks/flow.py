"""Time whole flows: Figure 2 against torchdiffeq and diffrax, and a large one.

`python benchmarks/flow.py [--only figure2|large] [--pairs N] [--dim D] [--repeats R] [--json F]`.
Both go to t = 1e5 at rtol 1e-6, atol 1e-9. Errors are the largest of a state at the end, against
the flow at rtol 1e-12. The large flow starts from random rows at τ = 0.07; its time is compared
with that of its velocities at the hardware's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from limit import hardware
from timing import Calls, arguments, interleave, memory, seconds, table, write

import gapdyn as gd
from gapdyn.types import Array

END = 1e5
LOOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-9}
TIGHT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-14}


class Counting(gd.FreeModel):
    """A free model that counts its velocities."""

    calls = 0

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Count, and pass on."""
        Counting.calls += 1
        return super().velocity(t, y, out)


def compare(repeats: int) -> dict[str, dict[str, float] | None]:
    """Seconds and largest error of each side, and of its first call, which may compile."""
    from peers import flows  # here, so that the memory of the large flow is gapdyn's own

    model, y = gd.examples.figure_2()
    truth = gd.flow(model, y, [END], **TIGHT).y[-1]
    sides: dict[str, Callable[[], Any] | None] = {
        "gapdyn": lambda: gd.flow(model, y, END, **LOOSE).y[-1],
        "gapdyn, the end alone": lambda: gd.flow(model, y, [END], **LOOSE).y[-1],
    }
    sides |= flows(y, model.n, model.d, END, **LOOSE)
    present: Calls = {name: call for name, call in sides.items() if call is not None}
    first = {name: seconds(call) for name, call in present.items()}
    errors = {
        name: float(np.abs(np.asarray(call()) - truth).max()) for name, call in present.items()
    }
    times = interleave(present, repeats)
    return {
        name: {"seconds": times[name], "first": first[name], "error": errors[name]}
        if name in present
        else None
        for name in sides
    }


def large(n: int, d: int, repeats: int) -> dict[str, float]:
    """Seconds, velocities and memory of a long flow, against its velocities at the limit."""
    rng = np.random.default_rng(0)
    model = Counting(n, d, gd.Learned())
    y = model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=0.07)
    X, Y = (half.copy() for half in model.split(y)[:2])
    before = memory("VmRSS")
    limit: Calls = {"limit": hardware(X, Y)}
    own = interleave(limit, repeats)["limit"]
    Counting.calls = 0
    total = seconds(lambda: gd.flow(model, y, END, **LOOSE))
    calls, own = Counting.calls, (own + interleave(limit, repeats)["limit"]) / 2
    return {
        "n": n,
        "d": d,
        "seconds": total,
        "velocities": calls,
        "limit": own,
        "of the limit": total / calls / own,
        "process GB before": before,
        "process GB at most": memory("VmHWM"),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, and write them as JSON when asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=["figure2", "large"], help="leave out the other")
    parser.add_argument("--pairs", type=int, default=2048, help="of the large flow")
    parser.add_argument("--dim", type=int, default=512, help="of the large flow")
    args = parser.parse_args(argv)
    numbers: dict[str, Any] = {}
    if args.only != "figure2":  # first, while the process is small
        found = numbers["large"] = large(args.pairs, args.dim, args.repeats)
        print(table(list(found), [list(found.values())]), end="\n\n")
    if args.only != "large":
        sides = numbers["figure 2"] = compare(args.repeats)
        own = sides["gapdyn"]
        assert own is not None
        rows = [
            [name, None]
            if found is None
            else [
                name,
                1e3 * found["seconds"],
                found["seconds"] / own["seconds"],
                1e3 * found["first"],
                found["error"],
            ]
            for name, found in sides.items()
        ]
        head = "flow of Figure 2", "ms", "of gapdyn's", "ms the first time", "largest error"
        print(table(head, [row + [""] * (len(head) - len(row)) for row in rows]))
    write(args.json, numbers)


if __name__ == "__main__":
    main()
