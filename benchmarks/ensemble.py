"""Time an ensemble: flow_many against a loop over flow and against diffrax under vmap.

`python benchmarks/ensemble.py [--members B] [--pairs N] [--dim D] [--repeats R] [--json FILE]`.
Random starts at τ = 0.07 to t = 1e5 at rtol 1e-6, atol 1e-9; errors are the largest of a state at
the end, against the flow at rtol 1e-10 of fifty members. flow_many gives states and observables at
every step, or as diffrax at the end alone; the loop over flow does the former, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from peers import ensembles
from timing import Calls, arguments, interleave, seconds, table, write

import gapdyn as gd
from gapdyn.types import Array

END = 1e5
CHECKED = 50
LOOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-9}
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}
OWN: dict[str, Any] = {"flow_many": END, "flow_many, the end alone": [END]}
LOOP, LOOP_GOAL, DIFFRAX_GOAL = "loop over flow", 15.0, 1.5
"""How many times faster the like of flow_many should be than the loop, and than diffrax."""


def ends(runs: Sequence[gd.Trajectory]) -> Array:
    """Last states (B, N)."""
    return np.array([run.y[-1] for run in runs])


def compare(members: int, n: int, d: int, repeats: int) -> dict[str, dict[str, float] | None]:
    """Seconds and largest error of each side, and of its first call, which may compile."""
    rng = np.random.default_rng(0)
    model = gd.FreeModel(n, d, gd.Learned())
    starts = np.array(
        [
            model.start(gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng), tau=0.07)
            for _ in range(members)
        ]
    )
    truth = ends([gd.flow(model, y, [END], **TIGHT) for y in starts[:CHECKED]])
    last: dict[str, Array] = {}

    def keep(name: str, call: Callable[[], Any]) -> None:
        last[name] = np.asarray(call())

    def together(t: Any) -> Array:
        return ends(gd.flow_many(model, starts, t, **LOOSE))

    def loop() -> Array:
        return ends([gd.flow(model, y, END, **LOOSE) for y in starts])

    theirs = ensembles(starts, n, d, END, **LOOSE)
    sides = {name: partial(together, t) for name, t in OWN.items()} | theirs
    calls: Calls = {
        name: partial(keep, name, call) for name, call in sides.items() if call is not None
    }
    first = {name: seconds(call) for name, call in calls.items()}
    times = interleave(calls, repeats)
    first[LOOP] = times[LOOP] = seconds(partial(keep, LOOP, loop))
    return {
        name: {
            "seconds": times[name],
            "first": first[name],
            "error": float(np.abs(last[name][:CHECKED] - truth).max()),
        }
        if name in times
        else None
        for name in (*OWN, LOOP, *theirs)
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON when asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--dim", type=int, default=3)
    args = parser.parse_args(argv)
    found = compare(args.members, args.pairs, args.dim, args.repeats)
    every, end = (found[name] for name in OWN)
    assert every is not None and end is not None
    rows: list[list[object]] = []
    for name, side in found.items():
        if side is None:
            rows.append([name, None, "", "", "", ""])
            continue
        like, goal = (end, DIFFRAX_GOAL) if "diffrax" in name else (every, LOOP_GOAL)
        ratio = side["seconds"] / like["seconds"]
        rows.append(
            [
                name,
                side["seconds"],
                ratio,
                "" if name in OWN else goal,
                side["first"],
                side["error"],
            ]
        )
    print(f"{args.members} starts of ({args.pairs}, {args.dim}) to t = {END:g}")
    print(
        table(
            (
                "",
                "s",
                "of the like of flow_many",
                "goal, at least",
                "s the first time",
                "largest error",
            ),
            rows,
        )
    )
    write(args.json, {"members": args.members, "n": args.pairs, "d": args.dim, "sides": found})


if __name__ == "__main__":
    main()
