"""The gap of two encoders in 10,000 steps of training, and along the gradient flow.

The paper trains CLIP for 10,000 steps and shows the gap from step 100 on (p. 6). Adam's learning
rate is constant here, since one that falls to zero would stop the gap by itself, and takes three
values. A step of Adam has about the size of the learning rate, so a lower rate takes more steps
until the gap falls: steps 100 to 10,000 may come before, during or after the fall.
The flow (4) is that of Theorem 3.2: a full batch, all rates 1, and β = exp ν without a ceiling. A
step of Adam draws one of the images of a caption, as in the tables; gaps and the flow have the
first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gapdyn as gd
from experiments.section_4 import figure_4
from experiments.section_4.methods import Method, methods
from experiments.section_4.paired_data import Pairs
from experiments.section_4.training import train
from gapdyn import published
from gapdyn.types import Array

RATES = ("3e-3", "3e-4", "3e-5")
"""One of the rates that the tables choose from, a tenth and a hundredth of it."""
STEPS, BATCH, SHOWN = 10_000, 64, 100
"""A quarter of the recipe's batch keeps the steps within a minute. Fits begin at step SHOWN."""
FLOW_PAIRS, RTOL = 256, 1e-4
"""A full batch of 512 would take minutes. RTOL keeps the gaps accurate to 0.2 %."""
MARKERS, EVENLY = 50, 33
"""Markers of Figure 4(a) in a running mean, and in a fit that is even in log t."""
HALF = 0.5
"""The share of the gap at the start below which a gap counts as halved."""

Curves = dict[str, tuple[Array, Array]]


def closing(seed: int, quick: bool) -> tuple[Curves, dict[str, Any]]:
    """Curves by name as log₁₀ t and values, and statements about each run."""
    steps, batch, size, flow_size = (
        (STEPS // 10, BATCH // 4, 256, 64)
        if quick
        else (STEPS, BATCH, figure_4.CAPTIONS, FLOW_PAIRS)
    )
    pairs = figure_4.pairs(seed, size)
    runs = {f"adam_{rate}": by_adam(pairs, float(rate), batch, steps, seed) for rate in RATES}
    runs["flow"] = by_flow(figure_4.some(pairs, np.arange(flow_size)), float(steps), seed)
    curves = {
        f"encoders_{name}{suffix}": (np.log10(run["t"][1:]), run[key][1:])
        for name, run in runs.items()
        for key, suffix in {"gap": "", "gap_held_out": "_held_out", "beta": "_beta"}.items()
        if key in run
    }
    about = {name: statements(run, steps * SHOWN / STEPS) for name, run in runs.items()}
    about["paper"] = paper()
    setting = {"pairs": size, "batch": batch, "flow_pairs": flow_size}
    return curves, setting | about


def paper() -> dict[str, float]:
    """The line through the markers of Figure 4(a) against -1/log₁₀(t)², and their late means.

    Markers that cover one another are known up to intervals. The line is linear in the ordinates,
    so the intervals bound its slope and its value at t = ∞.
    """
    steps, x, gap, low, high = published.FIGURE_4A
    to_line = np.linalg.pinv(np.stack([x, np.ones_like(x)], axis=1))
    slope, at_infinity = to_line @ gap
    slope_error, at_infinity_error = np.abs(to_line) @ (high - low) / 2
    evenly = np.searchsorted(steps, np.geomspace(SHOWN, steps[-1], EVENLY).round(-1))
    means = np.convolve(gap, np.full(MARKERS, 1 / MARKERS), "valid")
    return {
        "line_r2": _r2(x, gap),
        "line_r2_evenly_in_log_t": _r2(x[evenly], gap[evenly]),
        "slope": float(slope),
        "slope_error": float(slope_error),
        "line_at_infinity": float(at_infinity),
        "line_at_infinity_error": float(at_infinity_error),
        "line_at_last": float(at_infinity + slope * x[-1]),
        "line_meets_zero_at": float(10 ** np.sqrt(slope / at_infinity)),
        "last_step": float(steps[-1]),
        "least_mean": float(means.min()),
        "least_mean_at": float(steps[means.argmin() : means.argmin() + MARKERS].mean()),
        "last_mean": float(means[-1]),
    }


def by_adam(pairs: Pairs, rate: float, batch: int, steps: int, seed: int) -> dict[str, Array]:
    """Adam with CLIP's learned temperature and its ceiling, observed at some steps."""
    method = methods(float(steps), segment=1.0, seed=seed)["Baseline"]
    model = figure_4.SETTING.model(pairs, method)
    recipe = figure_4.constant(rate, batch, -(-steps * batch // model.n))  # rounded up
    at = {*powers_of_ten(steps), *np.geomspace(1, steps, 65).round().astype(int).tolist()}
    seen: list[tuple[float, ...]] = []

    def watch(k: int, y: Array) -> None:
        if k in at:
            X, Y = model.embeddings(y)
            gap = gd.measures.gap(X, Y)
            held_out = gd.measures.gap(*model.embed(y, *pairs.held_out))
            beta = float(model.temperature.beta(k, y[-1]))
            halves = bool(seen) and gap <= HALF * seen[0][1] < min(row[1] for row in seen)
            # Counting mismatched pairs takes as long as ten steps.
            count = halves or k in powers_of_ten(steps)
            wrong = gd.measures.mismatched(X @ Y.T) if count else np.nan
            seen.append((k, gap, held_out, beta, wrong))

    y0 = model.start(seed, tau=method.tau)
    train(model, y0, recipe, draw=pairs.draw, seed=seed, watch=watch)
    names = ("t", "gap", "gap_held_out", "beta", "mismatched")
    return dict(zip(names, np.array(seen).T, strict=True))


def by_flow(pairs: Pairs, end: float, seed: int) -> dict[str, Array]:
    """The gradient flow of the same encoders, with β = exp ν, rate 1 and no ceiling."""
    method = Method(gd.Learned())
    model = figure_4.SETTING.model(pairs, method)
    t = np.concatenate([[0], np.geomspace(end / 1e6, end, 121)])
    t[1 + 20 * np.arange(7)] = end / 10.0 ** np.arange(6, -1, -1)  # exactly
    run = gd.flow(
        model, model.start(seed, tau=method.tau), t, rtol=RTOL, atol=RTOL / 100, method="RK45"
    )
    names = ("t", "gap", "beta", "mismatched")
    return {name: np.asarray(getattr(run, name), dtype=np.float64) for name in names}


def powers_of_ten(end: float) -> list[int]:
    """0 and the powers of ten up to `end`."""
    return [0, *(10**k for k in range(round(np.log10(end)) + 1))]


def statements(run: dict[str, Array], first: float) -> dict[str, Any]:
    """Both ends of a run, its mismatched pairs, and fits to the times from `first` on.

    `halved_at` is the first observed time at which the gap is at most HALF of that at the start.
    """
    halved = np.flatnonzero(run["gap"] <= HALF * run["gap"][0])[:1]
    ends = {
        f"{key}_{where}": float(run[key][k])
        for key in ("gap", "beta")
        for where, k in (("at_start", 0), ("at_end", -1))
    }
    return ends | {
        "largest_gap": float(run["gap"].max()),
        "largest_beta": float(run["beta"].max()),
        "mismatched_at": {
            f"{t:g}": int(n)
            for t, n in zip(run["t"], run["mismatched"], strict=True)
            if t in powers_of_ten(run["t"][-1])
        },
        "halved_at": [float(run["t"][k]) for k in halved],
        "mismatched_when_halved": [int(run["mismatched"][k]) for k in halved],
        **_fits(*(run[key][run["t"] >= first] for key in ("t", "gap", "beta"))),
    }


def _fits(t: Array, gap: Array, beta: Array) -> dict[str, float]:
    """Fits to a gap: a line in -1/log²t, a line in log t, and powers of log t and β.

    The law c/log²t has `line_at_infinity` 0 and `power_of_log_t` -2.
    """
    log_t = np.log(t)
    x = -1 / log_t**2
    slope, at_infinity = np.polyfit(x, gap, 1)
    return {
        "line_r2": _r2(x, gap),
        "line_at_first": float(at_infinity + slope * x[0]),
        "line_at_last": float(at_infinity + slope * x[-1]),
        "line_at_infinity": float(at_infinity),
        "line_in_log_t_r2": _r2(log_t, gap),
        "power_of_log_t": float(np.polyfit(np.log(log_t), np.log(gap), 1)[0]),
        "power_of_log_t_r2": _r2(np.log(log_t), np.log(gap)),
        "power_of_beta": float(np.polyfit(np.log(beta), np.log(gap), 1)[0]),
    }


def _r2(x: Array, y: Array) -> float:
    """R² of a straight line in x."""
    return float(np.corrcoef(x, y)[0, 1] ** 2)
