"""Figure 4(b): from 100 random initialisations mismatched pairs enlarge the gap at the start.

Histograms of dΔ/dt at t = 0 and of the change of Δ in ten gradient steps. Theorem 3.3 is about the
parallel model (3), and there about 2dγ/dt, behind which dΔ/dt lags. The free model (1) starts from
the same rows, lifted, hence with the same gap, and widens it about 2n times more slowly: one pair
moves a row where all pairs move γ.

Below, ten steps of two encoders from 100 random weights of small gap, by Adam as the paper trains
and by plain gradient steps of the size above; controls climb the loss, or start matched.
`encoder_starts` says why the gap grows, though dΔ/dt < 0 at most starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gapdyn as gd
from experiments import encoder_starts
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn._validate import Array
from gapdyn.theory import theorem_3_3

PAIRS, DIM, TAU, HEIGHT, DELTA = 512, 128, 0.07, 0.3, 0.05
DRAWS, STEPS, STEP = 100, 10, 0.01
UNIT = 4 * HEIGHT / TAU
"""4β₀γ₀, the unit of (8) and (9)."""
MODELS = {
    "parallel": ("parallel model, eq. (3)", plotting.X_COLOUR),
    "free": ("free model, eq. (1)", plotting.Y_COLOUR),
}
SAND = plotting.SHADES[2]
ENCODERS = {
    "adam": ("descending, as trained", plotting.X_COLOUR, 0.6),
    "adam_uphill": ("climbing the loss", SAND, 0.6),
    "descent": ("mismatched pairs", plotting.Y_COLOUR, 0.6),
    "descent_matched": ("matched pairs", SAND, 0.6),
}
READ_OFF = 0.15, 0.18
"""Where the mean change lies in the paper's Figure 4(b)."""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Draw rows, and start both models from each draw."""
    rng = np.random.default_rng(seed)
    n, d, draws = (64, 32, 20) if quick else (PAIRS, DIM, DRAWS)
    parallel = gd.ParallelModel(n, d, gd.Learned())
    free = gd.FreeModel(n, d + 1, gd.Learned())
    rows = []
    for k in range(draws):
        X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
        y = parallel.start(X, Y, tau=TAU, gamma=HEIGHT)
        rows.append((k, "parallel", *beginning(parallel, y)))
        y = free.start(*gd.sphere.lift(X, Y, gamma=HEIGHT), tau=TAU)
        rows.append((k, "free", *beginning(free, y)))
    trained, said = encoder_starts.beginnings(seed, quick, draws, STEPS, STEP)
    rows += [(k, name, gap, v / UNIT, np.nan, by) for k, name, gap, v, _, by in trained]
    names = ("draw", "model", "gap", "gap_velocity", "two_gamma_velocity", "change_in_ten_steps")
    setting: Any = {"d": d, "tau": TAU, "gamma0": HEIGHT}
    return Numbers(
        table={name: np.array(v) for name, v in zip(names, zip(*rows, strict=True), strict=True)},
        parameters={
            "pairs": n,
            "dim": d,
            "tau": TAU,
            "gamma": HEIGHT,
            "delta": DELTA,
            "step": STEP,
            "unit_of_velocities": UNIT,
            "limit": theorem_3_3.limit(**setting).value,
            "sharper_bound": theorem_3_3.sharper_bound(n=n, delta=DELTA, **setting).value,
            "printed_bound": theorem_3_3.printed_bound(n=n, delta=DELTA, **setting).value,
            "encoders": said,
        },
    )


def beginning(
    model: gd.ParallelModel | gd.FreeModel, y: Array
) -> tuple[float, float, float, float]:
    """Gap, its velocity, twice that of γ, and the change of the gap in ten gradient steps.

    γ is half the height difference of the centres; velocities are in units of 4β₀γ₀. A gradient
    step is Euler's for the flow, with rows put back to unit length, and of such a size that ten of
    them change the gap as the flow does by t = 0.1, to 2 %.
    """
    gap, speed = gd.measures.gap(*model.embeddings(y)), theorem_3_3.gap_velocity(model, y)
    velocity = model.velocity(0.0, y)
    parts: Any = model.split(velocity)
    if isinstance(model, gd.ParallelModel):
        rise = float(parts.gamma)
    else:
        rise = float(parts.X[:, -1].mean() - parts.Y[:, -1].mean()) / 2
    for _ in range(STEPS):
        y = y + STEP * velocity
        for rows in model.split(y)[:2]:
            rows /= gd.sphere.lengths(rows)[:, None]
        velocity = model.velocity(0.0, y)
    after = gd.measures.gap(*model.embeddings(y))
    return gap, speed / UNIT, 2 * rise / UNIT, after - gap


def draw(numbers: Numbers) -> Figure:
    """Histograms of both quantities in both models, with the limit and the bounds of 3.3.

    The height of the free model moves exactly (1-γ₀²)/2n times as fast as that of the parallel
    one, so in units of this factor both models share limit and bounds. Below, encoders.
    """
    table, about = numbers.table, numbers.parameters
    figure = Figure(figsize=(8.6, 7.7), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(5.0, 2.7))
    slower = (1 - about["gamma"] ** 2) / (2 * about["pairs"])
    units = {"parallel": (1.0, "4β₀γ₀", 1, ""), "free": (slower, "4β₀γ₀(1-γ₀²)/2n", 1e4, "10⁴ × ")}
    axes = parts[0].subplots(2, 2, sharey=True)
    for row, (name, (factor, unit, zoom, times)) in zip(axes, units.items(), strict=True):
        chosen, (title, colour) = table["model"] == name, MODELS[name]
        velocities, changes = (
            table[key][chosen] for key in ("gap_velocity", "change_in_ten_steps")
        )
        row[0].hist(velocities / factor, bins=12, color=colour, alpha=0.6)
        below = int((velocities < table["two_gamma_velocity"][chosen]).sum())
        row[0].set_title(f"{title}: slower than its heights in {below} of {velocities.size} draws")
        row[0].set_xlim(0, 1.2 * about["limit"])
        row[0].set(xlabel=f"dΔ/dt at t = 0, in units of {unit}", ylabel="draws")
        mark_bounds(row[0], about)
        row[1].hist(zoom * changes, bins=12, color=colour, alpha=0.6)
        steady = zoom * factor * UNIT * about["limit"] * STEPS * STEP
        row[1].axvline(steady, color="black", lw=1.2, label="at the speed of the limit (9)")
        row[1].set(
            title=f"{title}: Δ widens by {changes.mean():.3g} on average", xlim=(0, 1.2 * steady)
        )
        row[1].set(xlabel=f"{times}change of Δ in {STEPS} gradient steps of {STEP}")
        row[1].legend(loc="upper left")
        for ax in row:
            ax.locator_params("x", nbins=5)
    setting = "{pairs} pairs in {dim} dimensions before lifting, τ₀ = {tau}, γ₀ = {gamma}"
    parts[0].suptitle(setting.format(**about), size=9)
    draw_encoders(parts[1].subplots(1, 2, sharey=True), numbers)
    return figure


def draw_encoders(axes: Any, numbers: Numbers) -> None:
    """Histograms of the change of the gap in ten steps of the encoders."""
    about = numbers.parameters["encoders"]
    for ax, way, size in zip(axes, ("adam", "descent"), (about["rate"], STEP), strict=True):
        way_name = "Adam" if way == "adam" else "gradient descent"
        shown = [name for name in ENCODERS if name.startswith(way)]
        changes = {
            name: numbers.table["change_in_ten_steps"][numbers.table["model"] == f"encoders_{name}"]
            for name in shown
        }
        both = np.concatenate([*changes.values(), [0.0]])
        bins = np.linspace(both.min(), both.max(), 41)
        for name, values in changes.items():
            label, colour, alpha = ENCODERS[name]
            grew = f"{label}: grew in {(values > 0).sum()} of {values.size}"
            ax.hist(values, bins, color=colour, alpha=alpha, label=grew)
        if way == "adam":
            ax.axvspan(
                *READ_OFF, ymax=0.72, color="0.8", zorder=0, label="mean, read off the paper"
            )
        ax.set_title(f"encoders, {way_name}: Δ widens by {changes[way].mean():.3g} on average")
        ax.set(xlabel=f"change of Δ in {STEPS} steps at rate {size:g}")
        ax.legend(loc="upper right")
    axes[0].set(ylabel="starts", ylim=(0, 1.35 * axes[0].get_ylim()[1]))


def mark_bounds(ax: Any, about: dict[str, Any]) -> None:
    """The limit (9) and the sharper bound as lines; an arrow towards the printed bound (8)."""
    ax.axvline(about["limit"], color="black", lw=1.2, label="limit (9)")
    label = f"sharper bound, δ = {about['delta']:g}"
    ax.axvline(about["sharper_bound"], color="black", ls="--", lw=1.2, label=label)
    ax.legend(loc="upper center")
    ax.annotate(
        f"to the printed bound (8), ${about['printed_bound']:.1f}$",
        xy=(0.0, 0.5),
        xytext=(0.2, 0.5),
        xycoords="axes fraction",
        va="center",
        size=8,
        arrowprops={"arrowstyle": "->"},
    )
