"""Figure 4(b): from 100 random initialisations the gap grows in ten steps; why is another matter.

(a) The paper's histogram of the change of Δ in the first ten steps of CLIP, read off the page. The
text says "with the mean being near 0.15", where the tallest bar stands, but no changes in these
bars have so small a mean. It also says that the gap increases "for all random initialization"; the
first bar begins below 0.

(b, c) Ten steps of two small encoders from 100 random weights with a small gap. By Adam (the paper
does not name its optimiser) the gap grows from every start, and more if the loss is climbed. By
plain gradient steps it grows much less, and from matched pairs it falls at nearly every start.
`section_4.first_steps` says why it grows, though dΔ/dt < 0 at most starts.

The second picture is about Theorem 3.3, hence the parallel model (3). There dΔ/dt > 0 in every draw
and near the limit (9), but always below 2dγ/dt, while the last step of the proof has dΔ/dt ≥ 2dγ/dt
(p. 19). The free model (1) starts from the same rows, lifted, hence with the same gap. Its gap
grows about 2n times more slowly, since a row is moved by one pair and γ by all pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments.record import Numbers
from experiments.section_4 import first_steps
from gapdyn import plotting, published
from gapdyn.theory import theorem_3_3
from gapdyn.types import Array

PAIRS, DIM, TAU, HEIGHT, DELTA = 512, 128, 0.07, 0.3, 0.05
DRAWS, STEPS, STEP = 100, 10, 0.01
UNIT = 4 * HEIGHT / TAU
"""4β₀γ₀, the unit of (8) and (9)."""
NAVY, BLUE, SAND, RED = plotting.SHADES
ENCODERS = {
    "adam": "descending the loss",
    "adam_uphill": "climbing the loss",
    "descent": "from mismatched pairs",
    "descent_matched": "from matched pairs",
}
FIRST: dict[str, Any] = {"color": BLUE, "alpha": 0.6}
SECOND: dict[str, Any] = {"color": RED, "histtype": "step", "lw": 1.2, "hatch": "/////"}
"""Two kinds of steps in one panel: filled bars, and hatched outlines."""
MESSAGE = (
    "Ten training steps widen the gap from random starts. Our encoders do so even\n"
    "when Adam climbs the loss, and plain steps narrow the gap of matched pairs"
)
IN_THEORY = (
    "From random starts the parallel model's gap grows at nearly the paper's limit (9),\n"
    "yet less than twice the height; in the free model it grows over 1,000 times less"
)
CHANGE = "change_in_ten_steps"
COLUMNS = ("draw", "model", "gap", "gap_velocity", "two_gamma_velocity", CHANGE)


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Draw rows, and start both models from each draw."""
    rng = np.random.default_rng(seed)
    n, d, draws = (64, 32, 20) if quick else (PAIRS, DIM, DRAWS)
    rows = [row for k in range(draws) for row in starts(k, n, d, rng)]
    trained, said = first_steps.beginnings(seed, quick, draws, STEPS, STEP)
    rows += [(k, name, gap, v / UNIT, np.nan, by) for k, name, gap, v, _, by in trained]
    setting: Any = {"d": d, "tau": TAU, "gamma0": HEIGHT}
    parameters = {
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
        "paper": paper(),
    }
    columns = map(np.array, zip(*rows, strict=True))
    return Numbers(dict(zip(COLUMNS, columns, strict=True)), parameters)


def starts(k: int, n: int, d: int, rng: np.random.Generator) -> list[first_steps.Row]:
    """Both models from the same rows, draw k."""
    X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
    parallel, free = gd.ParallelModel(n, d, gd.Learned()), gd.FreeModel(n, d + 1, gd.Learned())
    lifted = free.start(*gd.sphere.lift(X, Y, gamma=HEIGHT), tau=TAU)
    return [
        (k, "parallel", *beginning(parallel, parallel.start(X, Y, tau=TAU, gamma=HEIGHT))),
        (k, "free", *beginning(free, lifted)),
    ]


def beginning(
    model: gd.ParallelModel | gd.FreeModel, y: Array
) -> tuple[float, float, float, float]:
    """Gap, its velocity, twice the velocity of γ, and the change of the gap in ten gradient steps.

    γ is half the height difference of the centres, and velocities are in units of 4β₀γ₀. A gradient
    step is an Euler step of the flow, after which rows are normalised. Ten steps change the gap as
    the flow does until t = 0.1, to 2 %.
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


def paper() -> dict[str, float]:
    """Mean and deviation of the paper's bars at their middles, and the smallest possible mean."""
    edges, counts = published.FIGURE_4B
    middles, total = (edges[1:] + edges[:-1]) / 2, counts.sum()
    mean = counts @ middles / total
    return {
        "mean": float(mean),
        "deviation": float(np.sqrt(counts @ (middles - mean) ** 2 / (total - 1))),
        "least_mean": float(counts @ edges[:-1] / total),
        "mean_of_text": published.FIGURE_4B_TEXT_MEAN,
    }


def draw(numbers: Numbers) -> Figure:
    """The paper's histogram above ours, by two kinds of training."""
    figure = plotting.column(5.6)
    figure.suptitle(MESSAGE)
    a, b, c = figure.subplots(3, 1)
    b.sharex(a)
    draw_paper(a, numbers.parameters["paper"])
    draw_adam(b, numbers)
    draw_descent(c, numbers)
    for ax in (a, b, c):
        ax.axvline(0, color="0.4", ls=":", lw=1)
        ax.set_ylabel("number of starts")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_paper(ax: Axes, paper: dict[str, float]) -> None:
    """The paper's bars, their mean and the mean that the text gives."""
    edges, counts = published.FIGURE_4B
    words = f"the paper's bars, from\n{edges[0]:g} to {edges[-1]:g}"
    ax.stairs(counts, edges, fill=True, color="0.75", label=words)
    for edge, count in zip(edges[:-1], counts, strict=True):
        ax.plot([edge, edge], [0, count], color="white", lw=0.6)
    mean, text = paper["mean"], paper["mean_of_text"]
    ax.axvline(mean, color="black", label=f"mean of the bars: {mean:.3f}")
    ax.axvline(text, color=RED, ls="--", label=f"mean in the paper's\ntext: “near {text:g}”")
    ax.set(xlim=(-0.03, 0.97), ylim=(0, 22), xlabel="change of the gap Δ in 10 steps")
    ax.set_title("(a) the paper's CLIP")


def draw_adam(ax: Axes, numbers: Numbers) -> None:
    """Encoders in the paper's axis and bins, with more bins to the right."""
    width = published.FIGURE_4B.edges[1] - published.FIGURE_4B.edges[0]
    bins = published.FIGURE_4B.edges[0] + width * np.arange(31)
    overlaid(ax, numbers, ("adam", "adam_uphill"), bins, digits=2)
    rate = numbers.parameters["encoders"]["rate"]
    ax.set(xlabel="change of the gap Δ in 10 steps")
    ax.set_title(f"(b) our small encoders, mismatched pairs, optimiser Adam at rate {rate:g}")


def draw_descent(ax: Axes, numbers: Numbers) -> None:
    """Encoders after plain gradient steps, from mismatched and from matched pairs."""
    kinds = ("descent", "descent_matched")
    both = np.concatenate([numbers.rows(model=f"encoders_{k}")[CHANGE] for k in kinds])
    width = np.ptp(both) / 24
    bins = width * np.arange(np.floor(both.min() / width), np.ceil(both.max() / width) + 1)
    overlaid(ax, numbers, kinds, bins, digits=3)
    ax.set(xlabel="change of the gap Δ in 10 steps (another scale)")
    ax.set_title(f"(c) our small encoders, plain gradient steps of {STEP:g} down the loss")


def overlaid(ax: Axes, numbers: Numbers, kinds: tuple[str, str], bins: Array, digits: int) -> None:
    """Histograms of two kinds of steps, the first filled and the second hatched."""
    for kind, style in zip(kinds, (FIRST, SECOND), strict=True):
        values = numbers.rows(model=f"encoders_{kind}")[CHANGE]
        grew = f"grew in {(values > 0).sum()} of {values.size},\nmean {values.mean():.{digits}f}"
        ax.hist(values, bins.tolist(), label=f"{ENCODERS[kind]}:\n{grew}", **style)


def draw_theory(numbers: Numbers) -> Figure:
    """The models of Theorem 3.3: velocities at the start, and ten gradient steps."""
    figure = plotting.column(5.9)
    figure.suptitle(IN_THEORY)
    (a, b), (c, d) = figure.subplots(2, 2)
    draw_velocities(a, numbers)
    draw_lag(b, numbers)
    draw_changes(c, numbers, "parallel", 1.0, zoom=1)
    slower = (1 - numbers.parameters["gamma"] ** 2) / (2 * numbers.parameters["pairs"])
    draw_changes(d, numbers, "free", slower, zoom=1e4)
    a.set_title("(a) parallel model: speed at t = 0")
    b.set_title("(b) the same, as a share of 2dγ/dt")
    c.set_title("(c) parallel model: ten steps")
    d.set_title("(d) free model, same rows: ten steps")
    for ax in (a, c):
        ax.set_ylabel("number of starts")
    n, d = numbers.parameters["pairs"], numbers.parameters["dim"]
    said = f"{n} random pairs in {d} dimensions, images at height γ and texts at -γ;\n"
    said += f"at the start γ₀ = {HEIGHT}, inverse temperature β₀ = 1/{TAU}. (8), (9): in the paper"
    figure.supxlabel(said)
    return figure


MORE = {"theory": draw_theory}


def draw_velocities(ax: Axes, numbers: Numbers) -> None:
    """dΔ/dt in the parallel model, the limit (9), the sharper bound and the printed bound (8)."""
    about = numbers.parameters
    ax.hist(numbers.rows(model="parallel")["gap_velocity"], bins=12, **FIRST)
    ax.axvline(about["limit"], color="black", lw=1.2, label="limit (9), many pairs")
    sure = f"{1 - about['delta']:g}"
    label = f"our bound of 2dγ/dt,\nprobability {sure}"
    ax.axvline(about["sharper_bound"], color="black", ls="--", lw=1.2, label=label)
    ax.legend(loc=(0.15, 0.68))
    ax.annotate(
        f"to the bound (8),\n${about['printed_bound']:.1f}$ at the same\nprobability",
        xy=(0.0, 0.4),
        xytext=(0.2, 0.4),
        xycoords="axes fraction",
        va="center",
        arrowprops={"arrowstyle": "->"},
    )
    ax.set_xticks([0, 0.05, 0.1])
    ax.set(xlim=(0, 1.2 * about["limit"]), xlabel="speed of the gap, dΔ/dt, over 4β₀γ₀")
    ax.locator_params("y", integer=True)


def draw_lag(ax: Axes, numbers: Numbers) -> None:
    """The gap widens less than twice the height, at every start."""
    rows = numbers.rows(model="parallel")
    ax.hist(rows["gap_velocity"] / rows["two_gamma_velocity"], bins=12, **FIRST)
    ax.axvline(1, color="black", ls="--", lw=1.2)
    top: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    ax.annotate("as fast\nas 2γ", (1, 0.9), (-4, 0), ha="right", va="center", **top)
    ax.set(xlabel="speed of the gap / speed of 2γ")
    ax.locator_params("y", integer=True)


def draw_changes(ax: Axes, numbers: Numbers, model: str, slower: float, zoom: float) -> None:
    """The change in ten gradient steps, and the change at the speed of the limit (9).

    The height in the free model moves exactly (1-γ₀²)/2n times as fast as in the parallel one.
    """
    ax.hist(zoom * numbers.rows(model=model)[CHANGE], bins=12, **FIRST)
    label = (
        "at the speed\nof the limit (9)" if slower == 1 else "at (1-γ₀²)/2n of that\nspeed, n pairs"
    )
    steady = zoom * slower * UNIT * numbers.parameters["limit"] * STEPS * STEP
    ax.axvline(steady, color="black", lw=1.2, label=label)
    ax.legend(loc="upper left")
    times = "10⁴ × " if zoom > 1 else ""
    ax.set(xlim=(0, 1.2 * steady), xlabel=f"{times}change of Δ in {STEPS} steps of {STEP}")
    ax.locator_params("y", integer=True)
