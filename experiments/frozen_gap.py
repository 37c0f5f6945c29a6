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
from gapdyn import plotting
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
DARK = plotting.SHADES[0]
SIZE_LOOKS = {
    n: {"marker": marker, "color": shade}
    for (n, _), marker, shade in zip(SIZES, "vo^D", ("0.7", "0.5", "0.3", "0"), strict=True)
}
LOOKS = {
    start: {"marker": marker, "color": shade}
    for start, marker, shade in zip((SHARPEST, *CLIP), "s*P", plotting.SHADES[1:], strict=True)
}
"""Looks of random rows, by number of pairs, and of the others."""
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
    """Runs against the bound, and what bound and law say at CLIP's sizes."""
    figure = plotting.column(6.6)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    draw_runs(parts[0].subplots(), numbers)
    draw_sizes(parts[1].subplots(), numbers)
    figure.suptitle(
        "Once all pairs match, a learned temperature can hardly move the gap:\n"
        "a proved bound on its change falls like one over the number of pairs"
    )
    return figure


def draw_runs(ax: Axes, numbers: Numbers) -> None:
    """The share of what is allowed that |ΔΔ| uses, along each run; a marker at its end."""
    ax.axhspan(1, 4, color="0.92", lw=0)
    ax.axhline(1, color="black", lw=1)
    ax.text(1.5e-7, 1.9, "excluded while pairs stay matched", va="center")
    along(
        ax, numbers.rows(start=SHARPEST), LOOKS[SHARPEST], "two pairs placed\nto attain the bound"
    )
    for n, look in SIZE_LOOKS.items():
        for k, s in enumerate(np.unique(numbers.rows(start=RANDOM, pairs=n)["seed"])):
            label = None if k else f"{n} random pairs"
            along(ax, numbers.rows(start=RANDOM, pairs=n, seed=s), look, label)
    for start in CLIP:
        rows = numbers.rows(start=start)
        if rows["t"].size:
            when = "trained" if start == "CLIP, trained" else "before training"
            along(ax, rows, LOOKS[start], f"{rows['pairs'][0]} real pairs,\nCLIP {when}")
    ax.set(xscale="log", yscale="log", xlim=(1e-7, 10), ylim=(1e-3, 4))
    ax.set(xlabel="growth of log β (inverse temperature)\nsince all pairs match (log)")
    ax.set_ylabel("change of the gap as a\nshare of the bound (log)")
    ax.set_title("(a) runs of the free model, learned temperature; a marker at each end")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelspacing=0.6)


def along(ax: Axes, rows: Columns, look: dict[str, Any], label: str | None) -> None:
    """One run, and a marker at its end; random ones are thin."""
    seen = rows["change"] > NOISE
    growth, share = rows["growth"][seen], rows["change"][seen] / rows["allowed"][seen]
    thin = bool((rows["start"] == RANDOM).all())
    ax.plot(growth, share, color=look["color"], lw=0.5 if thin else 1.8)
    style: Any = look | {"ls": "", "ms": 4 if thin else 8}
    ax.plot(growth[-1:], share[-1:], **style, label=label)


def draw_sizes(ax: Axes, numbers: Numbers) -> None:
    """How far β has to grow to halve CLIP's gap, and in digits how far the gap changes."""
    rows = numbers.more["sizes"]
    least, law = (rows[name] for name in HALVING)
    trained = np.log10(CLIP_TAUS[0] / CLIP_TAUS[1])
    changes = zip(rows["change_by_bound"], rows["change_by_law"], strict=True)
    for row, (ends, change) in enumerate(zip(zip(least, law, strict=True), changes, strict=True)):
        ax.plot(ends, [row, row], color=DARK, lw=1, zorder=1)
        for at in ends:
            ax.annotate(digits(at), (at, row), (0, 6), ha="center", textcoords="offset points")
        says = (
            f"in CLIP's range the gap changes by {digits(change[0])} at most, "
            f"by {digits(change[1])} by the law"
        )
        ax.annotate(says, (trained, row), (4, -13), va="center", textcoords="offset points")
    style: Any = {"color": DARK, "ls": "", "marker": "o"}
    ax.plot(least, range(len(least)), mfc="white", label="by the bound, at least", **style)
    ax.plot(law, range(len(law)), label="by the exchange law, Δⁿβ = constant", **style)
    ax.axvline(trained, color="0.5", lw=1, ls="--", zorder=0)
    words = f"CLIP's range: temperature from {CLIP_TAUS[0]} to {CLIP_TAUS[1]}"
    ax.annotate(words, (trained, -0.6), (4, 0), textcoords="offset points", va="center")
    names = [
        f"n = {digits(n)}\nmargin {margin:g}"
        for n, margin in zip(rows["pairs"], rows["margin"], strict=True)
    ]
    ax.set_yticks(range(len(names)), names)
    ax.tick_params("y", length=0)
    ax.set(xscale="log", xlim=(0.5, 1e9), ylim=(len(least) - 0.5, -0.9))
    ax.set_xlabel(
        "powers of ten by which β = 1/temperature grows until a gap of 0.8 is halved (log)"
    )
    ax.set_title(
        "(b) growth of β that halves the gap of n matched pairs\n"
        "with an assumed margin (smallest lead of partners)"
    )
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2)


def draw_batch(numbers: Numbers) -> Figure:
    """Random rows, as many as in CLIP's batch, before and after τ is at its floor."""
    figure = plotting.column(3.5)
    left, right = figure.subplots(1, 2)
    draw_learned(left, numbers)
    draw_floor(right, numbers)
    figure.suptitle(
        f"{BATCH:,} random pairs, as many as in CLIP's batch: the gap of 0.8 moves in its\n"
        "fifth decimal while the temperature is learned, and slowly at its floor"
    )
    return figure


def draw_learned(ax: Axes, numbers: Numbers) -> None:
    """Δ at CLIP's batch while τ is free, beside the exchange law."""
    rows = numbers.more["clip_batch"]
    free = np.isfinite(rows["by_law"])
    t, start = rows["t"][free], rows["gap"][0]
    law, measured = (1e5 * (rows[key][free] - start) for key in ("by_law", "gap"))
    ax.plot(
        t,
        law,
        color=plotting.SHADES[2],
        lw=2.5,
        label=f"exchange law: Δ like\nthe {BATCH:,}th root of τ",
    )
    ax.plot(t, measured, "o", color=DARK, ms=3, label="measured")
    ax.set(xlabel="time t", ylabel="change of the gap Δ since t = 0 (10⁻⁵)")
    ax.set_title(f"(a) temperature τ learned,\nfrom {TAU} up and then down to {CLIP_TAUS[1]}")
    ax.legend(loc="lower left")


def draw_floor(ax: Axes, numbers: Numbers) -> None:
    """Δ at CLIP's batch from then on, with τ at its floor."""
    rows, about = numbers.more["clip_batch"], numbers.parameters["clip_batch"]
    held = rows["t"] >= about["floor_from"]
    ax.plot(rows["t"][held], rows["gap"][held], "o-", color=DARK, ms=3, lw=1)
    ax.axvline(about["matched_from"], color="0.5", lw=0.8, ls="--", zorder=0)
    ax.text(1.2 * about["matched_from"], 0.7863, "all pairs match\nfrom here on")
    for t, key, way, side in (
        (about["matched_from"], "gap_when_matched", (7, 1), "left"),
        (rows["t"][-1], "gap_at_end", (0, -13), "center"),
    ):
        place: Any = {"textcoords": "offset points", "ha": side}
        ax.annotate(f"{about[key]:.4f}", (t, about[key]), way, **place)
    ax.set(xscale="log", xlim=(80, 8e7), ylim=(0.786, 0.802))
    ax.set(xlabel="time t (log)", ylabel="gap Δ")
    lost = 100 * (1 - about["gap_at_end"] / about["gap_when_matched"])
    ax.set_title(
        f"(b) temperature at its floor, {CLIP_TAUS[1]}:\nmatched pairs lose {lost:.1f} % by t = 10⁷"
    )


MORE = {"batch": draw_batch}


def digits(number: float) -> str:
    """A number in two digits or three, a whole one below 1e5 in all of them."""
    if number % 1 == 0 and number < 1e5:
        return f"{number:,.0f}"
    if 0.01 < number < 1e3:
        return f"{number:.{3 if number > 100 else 2}g}"
    front, place = f"{number:.1e}".split("e")
    return rf"${front}\cdot10^{{{int(place)}}}$"
