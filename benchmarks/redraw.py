"""Time a redraw of a notebook's picture by a slider, beside drawing the same picture alone.

`python benchmarks/redraw.py [--repeats R] [--json FILE]`. A redraw is what happens between two
positions of the slider for τ in notebook 1: the flow of Figure 2 to t = 1e5 at rtol 1e-6, atol
1e-9, with 100 states kept, the picture of its start, gap and temperature, and its PNG. Drawing
alone has the flow at hand. Times are medians of processor time, which others on the machine do not
change, over rounds in turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from timing import Calls, arguments, table, write

import gapdyn as gd
from gapdyn import plotting
from gapdyn.knobs import still

END = 1e5
GOAL = 0.2
"""Seconds after which a picture should have followed its slider."""


def run(tau: float) -> gd.Trajectory:
    """The flow of Figure 2 from another temperature."""
    model, y0 = gd.examples.figure_2()
    start = model.start(*model.embeddings(y0), tau=tau)
    times = np.append(0, np.geomspace(1e-2, END, 100))
    return gd.flow(model, start, times, rtol=1e-6, atol=1e-9)


def picture(told: gd.Trajectory) -> Figure:
    """Start, gap and temperature of a run, as notebook 1 draws them."""
    model: Any = told.model
    figure = plotting.column(2.8)
    ball: Any = figure.add_subplot(1, 3, 1, projection="3d")
    plotting.sphere(ball)
    plotting.modalities(ball, *model.embeddings(told.y[0]), size=12)
    ball.set_title("(a) the start")
    for k, (words, values) in enumerate({"gap Δ": told.gap, "temperature τ": told.tau}.items()):
        ax = figure.add_subplot(1, 3, k + 2)
        ax.plot(told.t[1:], values[1:], color=plotting.SHADES[2])
        plotting.log_time(ax, 1e-2, END)
        ax.minorticks_off()
        ax.set(title=f"({'bc'[k]}) {words}", ylim=(0, 1.1 * max(1, values.max())))
    figure.suptitle(f"Gap {told.gap[0]:.3f} at the start, {told.gap[-1]:.3f} at the end")
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Time both in turn, and print the table."""
    args = arguments(__doc__).parse_args(argv)
    kept = run(0.1)
    sides: Calls = {
        "a redraw": lambda: still(lambda tau: picture(run(tau)), {"tau": 0.1}),
        "drawing alone": lambda: still(lambda tau: picture(kept), {"tau": 0.1}),
        "the flow alone": lambda: run(0.1),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        call()  # fills the caches of fonts
    for _ in range(args.repeats):
        for name, call in sides.items():
            start = time.process_time()
            call()
            taken[name].append(time.process_time() - start)
    times = {name: statistics.median(values) for name, values in taken.items()}
    verdict = f"{'met' if times['a redraw'] <= GOAL else 'not met'}: {1e3 * GOAL:g} ms"
    rows = [
        (name, 1e3 * mid, mid / times["drawing alone"], verdict if name == "a redraw" else "")
        for name, mid in times.items()
    ]
    print(table(["", "ms", "of drawing alone", "goal"], rows))
    write(args.json, times)


if __name__ == "__main__":
    main()
