"""Matched pairs freeze the gap: no change of Δ is above the bound of theory 4.2, and few are near.

While pairs stay matched, Δ changes by at most (3√3/2) ∫ dP/(nα(Z)) for the potential P of β, which
is log β here. Random matched rows, of any gap, and 500 real CLIP pairs from their last match on are
held against it; so are two pairs placed to attain it. The real pairs are not all matched at the
start, and the flow has to match them first.

At CLIP's own batch of 32,768 pairs the flow was run once, on a GPU in 75 seconds: uniform rows on
S^510, lifted to ±0.4, τ₀ = 0.07 learned, τ ≥ 0.01, in float64 by Dormand and Prince's method of
order 5 on the clock log(1 + t/1000), at a relative tolerance of 1e-6. Each accepted step is in
`figures/clip_batch_flow.json`: t, gap, tau, margin, mismatched, the mean similarity of matching
rows (pair), and mean and deviation of the heights of X (hx, hxs).
Until τ is at its floor, P is log β, and the exchange law can be read. From there on P is ∫ β g dt,
which was not measured, so that the bound says how large it is at least.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import gapdyn as gd
from experiments import features as real
from experiments.record import ROOT, Numbers
from gapdyn.sphere import TIE
from gapdyn.theory import exchange_law, frozen_gap
from gapdyn.types import Array

TAU, END, END_OF_CLIP = 0.07, 1e6, 1e4
SIZES, SEEDS = ((2, 3), (8, 4), (32, 8), (128, 32)), 10
LEAST_MARGIN, HIGHEST = 2e-3, 0.8
"""Random matched rows have this margin or more, and a height up to ±HIGHEST."""
RANDOM, SHARPEST = "random matched rows", "two pairs placed to attain it"
CLIP = {
    "CLIP, trained": (real.TRAINED, 0.01),
    "CLIP at random initialisation": (real.RANDOM_INIT, TAU),
}
"""File and τ₀ of real pairs."""
FEATURES = (real.TRAINED, real.RANDOM_INIT)
MEASURED, BATCH = ROOT / "figures" / "clip_batch_flow.json", 32768
HALVED = {512: 0.1, BATCH: 0.1, 400_000_000: 0.05}
"""Margins, by number of pairs, at which CLIP's gap is asked for."""
CLIP_GAP, CLIP_TAUS = 0.8, (0.07, 0.01)
NOISE = 1e-7
"""Changes of Δ below this may be the tolerance of the flow."""
MARKERS = {2: "v", 8: "o", 32: "^", 128: "D"}
GREENS = ("#a8d5b5", "#5fa777", "#2f7a52", "#124a30")
DARK, RED = "#0b3c5d", "#b23a48"
REAL = dict(zip(CLIP, ((RED, "*"), ("#e08e45", "P")), strict=True))
SMALL: Any = {"textcoords": "offset points", "size": 8}
Columns = dict[str, NDArray[Any]]


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Hold runs against the bound, read the run at CLIP's batch, and make the table of 4.2."""
    parts = [held(run, start, s) for start, s, run in runs(seed, quick)]
    sources: dict[str, Any] = {}
    for start, source, run in real_runs(quick, features):
        sources[start] = {"features": source, "tau": CLIP[start][1], "matched_from": None}
        if run.margin[-2:].min() > TIE:
            parts.append(held(run, start, 0))
            sources[start]["matched_from"] = float(parts[-1]["t"][0])
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    batch, about = clip_batch()
    parameters = {"tau": TAU, "real_pairs": sources, "largest_share": shares(table)}
    more = {"clip_batch": batch, "sizes": sizes()}
    parameters["clip_batch"] = about
    if without := [start for start in CLIP if start not in sources]:
        missing = f"no real embeddings in --features, {real.VARIABLE} or data/"
        parameters["remark"] = f"without {' and '.join(without)}, as there are {missing}"
    return Numbers(table, parameters, more=more, stand_in="_without_clip" if without else "")


def runs(seed: int, quick: bool) -> Iterator[tuple[str, int, gd.Trajectory]]:
    """The free flow from two pairs that attain the bound, and from random matched rows."""
    times = np.append(0.0, np.geomspace(1e-5, END, 45))
    X, Y = sharpest(0.05)
    model = model_of(X)
    yield SHARPEST, 0, gd.flow(model, model.start(X, Y, tau=0.01), times)
    for n, d in SIZES[:3] if quick else SIZES:
        for s in range(seed, seed + (3 if quick else SEEDS)):
            X, Y = matched(n, d, np.random.default_rng(s))
            model = model_of(X)
            yield RANDOM, s, gd.flow(model, model.start(X, Y, tau=TAU), times)


def real_runs(quick: bool, features: Path | None) -> Iterator[tuple[str, str, gd.Trajectory]]:
    """The free flow from real pairs, where there are any, with the name of their file."""
    times = np.append(0.0, np.geomspace(0.1, END_OF_CLIP, 31))
    for start, (name, tau) in CLIP.items():
        with suppress(real.FeaturesMissingError):
            X, Y, source = real.load(name, features)
            X, Y = (X[:40], Y[:40]) if quick else (X, Y)
            model = model_of(X)
            yield start, source, gd.flow(model, model.start(X, Y, tau=tau), times)


def model_of(X: Array) -> gd.FreeModel:
    """The free model of rows, with a learned temperature that has no floor."""
    n, d = X.shape
    return gd.FreeModel(n, d, gd.Learned())


def matched(n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Matched rows of a random height: Y is X, disturbed by a random amount."""
    while True:
        X = gd.sphere.sample(n, d - 1, rng)
        Y = gd.sphere.normalise(X + rng.uniform(0.02, 1) * rng.standard_normal(X.shape))
        X, Y = gd.sphere.lift(X, Y, gamma=rng.uniform(0, HIGHEST))
        if gd.measures.margin(X @ Y.T) > LEAST_MARGIN:
            return X, Y


def sharpest(alpha: float) -> tuple[Array, Array]:
    """Two pairs on a circle that attain the bound as their margin goes to 0, theory 4.2."""
    turn = np.arcsin(alpha / np.sqrt(3))  # so that cos(60° - turn) - cos(60° + turn) = alpha
    angles = np.array([0.0, -np.pi / 2, np.pi / 3 - turn, -np.pi / 3 - turn])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return rows[:2], rows[2:]


def held(run: gd.Trajectory, start: str, seed: int) -> Columns:
    """Change of Δ and what the bound allows, from the time on from which all pairs stay matched.

    `seed` is 0 if nothing is random. The margin of a stretch is the lesser one at its ends.
    """
    model = run.model
    assert isinstance(model, gd.FreeModel)
    late = run.t >= frozen_gap.check(run).since
    t, gap, log_beta, margin = run.t[late], run.gap[late], np.log(run.beta[late]), run.margin[late]
    steps = np.diff(log_beta) / np.minimum(margin[:-1], margin[1:])  # of ∫ dP/α
    return {
        **{"start": np.full(t.size, start), "pairs": np.full(t.size, model.n)},
        **{"dim": np.full(t.size, model.d), "seed": np.full(t.size, seed)},
        **{"t": t, "gap": gap, "margin": margin, "growth": log_beta - log_beta[0]},
        "change": np.abs(gap - gap[0]),
        "allowed": frozen_gap.bound(np.append(0.0, np.cumsum(steps)), n=model.n, alpha=1.0),
    }


def shares(table: Columns) -> dict[str, float]:
    """The largest share of what is allowed that a run of each kind and size has used."""
    found: dict[str, float] = {}
    some = {key: column[table["change"] > NOISE] for key, column in table.items()}
    for start, n, share in zip(
        some["start"], some["pairs"], some["change"] / some["allowed"], strict=True
    ):
        label = f"{start}, {n} pairs" if start == RANDOM else str(start)
        found[label] = max(found.get(label, 0.0), float(share))
    return found


def clip_batch() -> tuple[Columns, dict[str, float]]:
    """The run at CLIP's batch with Δ by the exchange law while τ is free, and what it says.

    After the last match, ∫ β g dt is at least as large as the bound wants it for each step of Δ.
    """
    steps = json.loads(MEASURED.read_text(encoding="utf-8"))
    keys = ("t", "gap", "tau", "margin", "mismatched")
    table = {key: np.array([step[key] for step in steps]) for key in keys}
    gap, margin, growth = table["gap"], table["margin"], np.log(TAU / table["tau"])
    free = np.isclose(table["tau"], table["tau"].min(), rtol=1e-9).argmax()  # steps before this
    last = int(np.flatnonzero(table["mismatched"]).max()) + 1
    law = gap[0] * np.exp(-exchange_law.exponent(n=BATCH) * growth)
    law[free:] = np.nan
    used = np.abs(np.diff(gap[last:])) / frozen_gap.bound(1 / margin[last:-1], n=BATCH, alpha=1.0)
    return table | {"by_law": law}, {
        "floor_from": float(table["t"][free]),
        "matched_from": float(table["t"][last]),
        "gap_at_start": float(gap[0]),
        "gap_when_matched": float(gap[last]),
        "gap_at_end": float(gap[-1]),
        "largest_misfit_of_law": float(np.abs(gap - law)[:free].max()),
        "growth_by_bound_at_least": float(used.sum()),
        "growth_by_law": float(BATCH * np.log(gap[last] / gap[-1])),
    }


def sizes() -> Columns:
    """What bound and law say of Δ = 0.8 at CLIP's margins, while τ goes from 0.07 to 0.01."""
    growth = np.log(CLIP_TAUS[0] / CLIP_TAUS[1])
    rows = []
    for n, alpha in HALVED.items():
        shrunk = -np.expm1(-exchange_law.exponent(n=n) * growth)
        halving = frozen_gap.growth_to_halve(n=n, alpha=alpha, gap=CLIP_GAP)
        change = float(frozen_gap.bound(growth, n=n, alpha=alpha)), CLIP_GAP * shrunk
        rows.append((n, alpha, *change, *(np.array(halving) / np.log(10))))
    names = ("pairs", "margin", "change_by_bound", "change_by_law", *HALVING)
    return dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))


HALVING = ("log10_halving_by_bound", "log10_halving_by_law")


def draw(numbers: Numbers) -> Figure:
    """Runs against the bound; CLIP's batch before and after τ is at its floor; CLIP's sizes."""
    figure = Figure(figsize=(10.4, 8.2), layout="constrained")
    panels = (draw_runs, draw_learned, draw_sizes, draw_floor)
    for ax, panel in zip(figure.subplots(2, 2).flat, panels, strict=True):
        panel(ax, numbers)
    return figure


def draw_runs(ax: Axes, numbers: Numbers) -> None:
    """The share of what is allowed that |ΔΔ| uses, along each run; a marker at its end."""
    ax.axhspan(1, 3, color="0.92", lw=0)
    ax.axhline(1, color="black", lw=1)
    ax.text(1.3e-7, 1.2, "not while pairs stay matched", color="0.35", size=9)
    along(ax, numbers.rows(start=SHARPEST), "#2f7ebc", "s", SHARPEST)
    for (n, marker), shade in zip(MARKERS.items(), GREENS, strict=True):
        rows = numbers.rows(start=RANDOM, pairs=n)
        for s in np.unique(rows["seed"]):
            label = f"{RANDOM}, {n} pairs" if s == rows["seed"][0] else None
            along(ax, numbers.rows(start=RANDOM, pairs=n, seed=s), shade, marker, label)
    for start, (shade, marker) in REAL.items():
        rows = numbers.rows(start=start)
        if rows["t"].size:
            along(ax, rows, shade, marker, f"{start}, {rows['pairs'][0]} pairs")
    ax.set(xscale="log", yscale="log", xlim=(1e-7, 10), ylim=(1e-5, 3))
    ax.set(xlabel="growth of log β since all pairs match", ylabel="|change of Δ| / bound on it")
    ax.set_title(
        "the gap of matched pairs never changes\nby more than the bound, and mostly by far less"
    )
    ax.legend(loc="lower left", labelspacing=0.3)


def along(ax: Axes, rows: Columns, shade: str, marker: str, label: str | None) -> None:
    """One run, and a marker at its end; random ones are thin."""
    seen = rows["change"] > NOISE
    growth, share = rows["growth"][seen], rows["change"][seen] / rows["allowed"][seen]
    thin = bool((rows["start"] == RANDOM).all())
    ax.plot(growth, share, color=shade, lw=0.6 if thin else 1.8)
    ax.plot(growth[-1:], share[-1:], marker, color=shade, ms=4 if thin else 7, label=label)


def draw_learned(ax: Axes, numbers: Numbers) -> None:
    """Δ at CLIP's batch while τ is free, beside the exchange law."""
    rows = numbers.more["clip_batch"]
    free = np.isfinite(rows["by_law"])
    t, start = rows["t"][free], rows["gap"][0]
    ax.plot(t, 1e5 * (rows["by_law"][free] - start), color="#e08e45", lw=3, label="exchange law")
    ax.plot(t, 1e5 * (rows["gap"][free] - start), "o", color=DARK, ms=3.5, label="measured")
    ax.set(xlabel="time t", ylabel=r"change of Δ since t = 0, in units of $10^{-5}$")
    ax.set_title(
        f"CLIP's batch, {BATCH:,} pairs, while τ goes from {TAU} to 0.01:\n"
        "the gap moves in its fifth decimal, by the exchange law"
    )
    ax.legend(loc="lower left")


def draw_floor(ax: Axes, numbers: Numbers) -> None:
    """Δ at CLIP's batch from then on, with τ at its floor."""
    rows, about = numbers.more["clip_batch"], numbers.parameters["clip_batch"]
    ax.plot(rows["t"], rows["gap"], "o-", color=DARK, ms=3.5, lw=1)
    for t, text, side in (
        (about["floor_from"], "τ at its floor ", "right"),
        (about["matched_from"], " all pairs match", "left"),
    ):
        ax.axvline(t, color="0.6", lw=0.8, zorder=0)
        ax.text(t, 0.7862, text, ha=side, va="bottom", rotation=90, size=8, color="0.35")
    for t, key, way in (
        (about["matched_from"], "gap_when_matched", (8, 2)),
        (rows["t"][-1], "gap_at_end", (-4, -12)),
    ):
        ax.annotate(f"{about[key]:.4f}", (t, about[key]), way, **SMALL)
    says = (
        "such a fall of matched pairs takes\n"
        f"∫ β g dt of {about['growth_by_bound_at_least']:.1f} or more by the bound,\n"
        f"and of {about['growth_by_law']:.0f} by the exchange law"
    )
    ax.text(0.98, 0.96, says, transform=ax.transAxes, ha="right", va="top", size=9)
    ax.set(xscale="log", xlim=(50, 3e7), ylim=(0.786, 0.802), xlabel="time t", ylabel="gap Δ")
    lost = 100 * (1 - about["gap_at_end"] / about["gap_when_matched"])
    ax.set_title(
        f"and then, with τ at its floor of {CLIP_TAUS[1]}:\n"
        f"the gap loses {lost:.1f} % from the last match to t = 10⁷"
    )


def draw_sizes(ax: Axes, numbers: Numbers) -> None:
    """How far β has to grow to halve CLIP's gap, and in digits how far the gap changes."""
    rows = numbers.more["sizes"]
    least, law = (rows[name] for name in HALVING)
    trained = np.log10(CLIP_TAUS[0] / CLIP_TAUS[1])
    changes = zip(rows["change_by_bound"], rows["change_by_law"], strict=True)
    for row, (ends, change) in enumerate(zip(zip(least, law, strict=True), changes, strict=True)):
        ax.plot(ends, [row, row], color=DARK, lw=1, zorder=1)
        for at in ends:
            ax.annotate(digits(at), (at, row), (0, 7), ha="center", **SMALL)
        says = f"meanwhile Δ changes by {digits(change[0])} at most, {digits(change[1])} by the law"
        ax.annotate(says, (trained, row), (4, -15), va="center", color=RED, **SMALL)
    style: Any = {"color": DARK, "ls": "", "marker": "o"}
    ax.plot(least, range(len(least)), mfc="white", label="by the bound, at least", **style)
    ax.plot(law, range(len(law)), label="by the exchange law", **style)
    ax.axvline(trained, color=RED, lw=1.2, zorder=0)
    ax.annotate("τ goes from 0.07 to 0.01", (trained, -0.75), (4, 0), color=RED, **SMALL)
    names = [
        f"{digits(n)} pairs,\nmargin {margin:g}"
        for n, margin in zip(rows["pairs"], rows["margin"], strict=True)
    ]
    ax.set_yticks(range(len(names)), names)
    ax.tick_params("y", length=0)
    ax.set(xscale="log", xlim=(0.5, 1e9), ylim=(len(least) - 0.4, -0.9))
    ax.set_xlabel("powers of ten by which β grows until Δ = 0.8 is halved")
    ax.set_title(
        "CLIP's τ from 0.07 to 0.01 is far from enough to halve the gap,\n"
        "the farther the more pairs there are"
    )
    ax.legend(loc="lower left", bbox_to_anchor=(0.45, 0.87), labelspacing=0.2)


def digits(number: float) -> str:
    """A number in two digits or three, a whole one below 1e5 in all of them."""
    if number % 1 == 0 and number < 1e5:
        return f"{number:,.0f}"
    if 0.01 < number < 1e3:
        return f"{number:.{3 if number > 100 else 2}g}"
    front, place = f"{number:.1e}".split("e")
    return rf"${front}\cdot10^{{{int(place)}}}$"
