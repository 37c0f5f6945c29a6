"""Figure 4(a): γ falls like 1/log²t between two proved bounds; that Δ does so does not follow.

The paper prints Δ ≥ Ω(1/log²t) in (7) and says of its Figure 4(a), where CLIP is trained on 2,048
pairs of MSCOCO, that Δ against -1/log²t "exhibits a linear relationship, verifying our result
and slow closure".

(a) The paper's markers, read off the page. The paper joins them and draws no straight line. The
line of least squares ends below 0 at t = ∞, whatever the markers are that cover one another, while
a gap that falls like c/log²t is a line that ends at 0. Running means of the markers rise again
towards the end.

(b) The parallel model (3) from two starts that meet the hypotheses of the theorem, and the free
model (1). Where u = mean X - mean Y vanishes, the gap is 2γ. Otherwise Δ² = (1-γ²)‖u‖² + 4γ², and
for these pentagons ‖u‖⁵β is constant while β = Θ(log t), so that Δ = Θ((log t)^(-1/5)): it goes to
0, but more slowly than 1/log²t. The second picture has what is proved, up to t = 10^LAST.

(c, d) Two small encoders on 2,048 captions of glyphs, trained by Adam at three constant learning
rates, and on 256 of the captions along the gradient flow. Adam's rate decides when the gap falls.
Most pairs are still mismatched when it has halved, while Theorem 3.2 assumes that all match, and it
then stays instead of closing. In the gradient flow, the setting of the theorem, all pairs match
early, and the gap falls little from then on: the line ends just below the last gap.

So the Ω of (7) holds. A rate of the gap does not follow from it, and a line that ends below 0 does
not verify a rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import gapdyn as gd
from experiments.record import Numbers
from experiments.section_4 import late_gap
from gapdyn import plotting, published
from gapdyn.theory import lemma_3_1, theorem_3_2
from gapdyn.types import Array

PAIRS, HEIGHT, APART = 5, 0.3, 0.4
"""Pentagons in R² (u = 0), or at heights ±APART in R³ (u ≠ 0), lifted to ±HEIGHT by (3)."""
FIRST, SHOWN, END, FINITE, LAST = -2, 2, 9, 300, 500
"""log₁₀ t: flows run from FIRST to END and are drawn from SHOWN on. Bounds end at FINITE, since
10^LAST, where the exact solution ends, is not a float."""

Curves = dict[str, tuple[Array, Array]]


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Run the flows, evaluate the bounds, train the encoders, which alone depend on the seed."""
    early = _powers_of_ten(4 if quick else 20)
    together, apart, free = flows(early)
    curves: Curves = {
        "gap_together": (early, together.gap[1:]),
        "gap_apart": (early, apart.gap[1:]),
        "gap_free": (early, free.gap[1:]),
        "two_gamma_together": (early, 2 * together.gamma[1:]),
        "two_gamma_apart": (early, 2 * apart.gamma[1:]),
    }
    trained, said = late_gap.closing(seed, quick)
    curves |= statements(together, apart, early) | trained
    times, values = zip(*curves.values(), strict=True)
    table = {
        "curve": np.repeat(list(curves), [len(log10_t) for log10_t in times]),
        "log10_t": np.concatenate(times),
        "value": np.concatenate(values),
    }
    parameters = {
        "together": about(together),
        "apart": about(apart),
        "free": {"beta0": float(free.beta[0]), "gap_at_end": float(free.gap[-1])},
        "encoders": said,
    }
    return Numbers(table, parameters)


def _powers_of_ten(steps: int) -> Array:
    """log₁₀ of the times of the flows, so many to a power of ten; FIRST, SHOWN and END exactly."""
    early = np.linspace(FIRST, SHOWN, steps * (SHOWN - FIRST) + 1)
    return np.append(early, np.linspace(SHOWN, END, steps * (END - SHOWN) + 1)[1:])


def flows(log10_t: Array) -> tuple[gd.Trajectory, gd.Trajectory, gd.Trajectory]:
    """The parallel model with u = 0 and with u ≠ 0, and the free model from the first start."""
    X, Y = gd.sphere.polygon_pairs(PAIRS)
    together = parallel(X, Y, log10_t)
    apart = parallel(*gd.sphere.lift(X, Y, gamma=APART), log10_t)
    model = gd.FreeModel(PAIRS, 3, gd.Learned())
    start = model.start(*gd.sphere.lift(X, Y, gamma=HEIGHT), tau=together.tau[0])
    return together, apart, gd.flow(model, start, together.t)


def parallel(X: Array, Y: Array, log10_t: Array) -> gd.Trajectory:
    """Run the parallel model from matched rows, with β₀ at the threshold of the theorem."""
    beta0 = theorem_3_2.threshold(n=PAIRS, alpha=gd.measures.margin(X @ Y.T), gamma0=HEIGHT)
    model = gd.ParallelModel(n=PAIRS, d=X.shape[1], temperature=gd.Learned())
    y0 = model.start(X, Y, tau=1 / beta0, gamma=HEIGHT)
    return gd.flow(model, y0, np.concatenate([[0], 10**log10_t]))


def setting(run: gd.Trajectory) -> theorem_3_2.Setting:
    """The theorem for a run; α is the margin at t = 0, which is the smallest."""
    start = run.at(0.0)
    return theorem_3_2.Setting(PAIRS, start.margin, start.gamma, start.beta)


def statements(together: gd.Trajectory, apart: gd.Trajectory, early: Array) -> Curves:
    """Twice what is known of γ, and what is known of Δ where u ≠ 0.

    All but the upper bound depend on n, γ₀ and αβ₀ alone, and at the threshold αβ₀ is a function of
    n and γ₀, so both runs share them. As u vanishes, the margin of the second run rises to that of
    the first.
    """
    both = setting(together)
    log10_t = np.concatenate([early, np.geomspace(END, LAST, len(early))[1:]])
    finite, late = log10_t[log10_t <= FINITE], log10_t[log10_t >= SHOWN]
    lower = both.lower_bound(10**finite)
    upper = setting(apart).upper_bound(10**finite, alpha_max=both.alpha)
    return {
        "lower_bound": (finite, 2 * lower),
        "upper_bound_together": (finite, 2 * both.upper_bound(10**finite)),
        "upper_bound_apart": (finite, 2 * upper),
        "least_gap_apart": (finite, gap_where_apart(lower, apart)),
        "largest_gap_apart": (finite, gap_where_apart(upper, apart)),
        "exact": (log10_t, 2 * both.exact(np.log(10) * log10_t)),
        "asymptote": (late, 2 * (both.alpha * both.conserved) ** 2 / (np.log(10) * late) ** 2),
    }


def gap_where_apart(gamma: Array, run: gd.Trajectory) -> Array:
    """Δ, which grows with γ: (6) gives β, and ‖u‖ⁿβ is constant (theory 3.1)."""
    start = run.at(0.0)
    beta = lemma_3_1.beta(gamma, beta0=start.beta, gamma0=start.gamma)
    u = 2 * APART * (start.beta / beta) ** (1 / PAIRS)
    return np.asarray(np.sqrt((1 - gamma**2) * u**2 + 4 * gamma**2))


def about(run: gd.Trajectory) -> dict[str, Any]:
    """A parallel run: its start, the hypotheses, the limits of γ log²t, and its end."""
    start = setting(run)
    root = start.alpha * start.conserved
    return {
        "n": PAIRS,
        **{name: getattr(start, name) for name in ("alpha", "gamma0", "beta0")},
        "largest_margin": float(run.margin.max()),
        "threshold": start.threshold,
        "hypotheses": {h.name: h.holds for h in theorem_3_2.hypotheses(run, start.alpha)},
        "C": start.conserved,
        "sharp_constant": root**2,
        "constant_of_lower_bound": (root * (1 - start.gamma0**2)) ** 2,
        "gap_at_end": float(run.gap[-1]),
        "two_gamma_at_end": 2 * float(run.gamma[-1]),
    }


NAVY, BLUE, SAND, RED = plotting.SHADES
GAPS: dict[str, dict[str, Any]] = {
    "gap_apart": {"color": RED, "ls": "-."},
    "gap_free": {"color": SAND, "ls": "--"},
    "gap_together": {"color": "black"},
}
ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "adam_3e-3": ("optimiser Adam, rate 0.003", {"color": NAVY}),
    "adam_3e-4": ("optimiser Adam, rate 0.0003", {"color": BLUE, "ls": "--"}),
    "adam_3e-5": ("optimiser Adam, rate 0.00003", {"color": SAND, "ls": "-."}),
    "flow": ("gradient flow", {"color": RED, "ls": ":", "lw": 2}),
}
MESSAGE = (
    "Against -1/log²t the gap of the paper's CLIP is near to a line that ends\n"
    "below zero, while a gap that falls like 1/log²t ends at zero"
)
IN_THEORY = (
    "The height γ falls like 1/log²t between proved bounds. So does the gap from equal\n"
    "means, but where means differ before the lift it falls far more slowly"
)
SYMBOLS = (
    f"parallel model, {PAIRS} matched pairs. Means: of images, and of texts, before the lift takes"
    f"\nthem to the heights γ and -γ; γ = {HEIGHT} at the start. In (b) α is the margin (smallest"
    "\nlead of partners), and C = β√γ exp(-γ²/4), with β the inverse temperature, does not change"
)


def draw(numbers: Numbers) -> Figure:
    """The paper's scatter, the theory and our encoders in its axes, and their first steps."""
    figure = plotting.column(6.2)
    figure.suptitle(MESSAGE)
    (a, b), (c, d) = figure.subplots(2, 2)
    _paper(a, numbers.parameters["encoders"]["paper"])
    _theory(b, numbers)
    _encoders(c, numbers)
    _from_the_start(d, numbers)
    lift = "(b): the lift takes images to a height γ and texts to -γ. (c), (d):"
    lines = c.get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=2, title=lift)
    return figure


def _curve(numbers: Numbers, name: str, first: float, last: float) -> tuple[Array, Array]:
    """log₁₀ t and values of a curve, log₁₀ t from `first` to `last`."""
    log10_t = numbers.table["log10_t"]
    chosen = (numbers.table["curve"] == name) & (log10_t >= first) & (log10_t <= last)
    return log10_t[chosen], numbers.table["value"][chosen]


def _at_minus_1_over_log2(ax: Axes, title: str) -> None:
    """The paper's horizontal axis, extended to t = ∞ at 0; above, the step or time itself."""
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set(xlim=(-0.255, 0), ylim=(-0.4, 1.35), xlabel="-1/log₁₀(t)²", ylabel="gap Δ")
    ax.set_xticks([-0.25, -0.2, -0.15, -0.1, -0.05, 0], ["-0.25", "", "-0.15", "", "-0.05", ""])
    ax.set_yticks([0, 0.5, 1])
    above = ax.secondary_xaxis("top")
    ticks = {"t = 10²": 2, "10³": 3, "10⁴": 4, "10⁶": 6}
    above.set_xticks([*(-1 / power**2 for power in ticks.values()), 0], [*ticks, "∞"])
    above.tick_params(length=2, pad=1)
    ax.set_title(title)


def _paper(ax: Axes, paper: dict[str, float]) -> None:
    """The paper's markers, the area of those that cover one another, and their line."""
    _, x, gap, low, high = published.FIGURE_4A
    alone = high - low < 0.01
    ax.plot(x[alone], gap[alone], ".", color="black", ms=4, label="the paper's points")
    ax.fill_between(x, low, high, color="0.7", lw=0, label="points that overlap")
    ends, last = np.array([x[0], x[-1], 0]), paper["line_at_infinity"]
    line = last + paper["slope"] * ends
    ax.plot(ends[:2], line[:2], color=RED, label="our straight line")
    ax.plot(ends[1:], line[1:], ":", color=RED)
    error = paper["line_at_infinity_error"]
    ax.errorbar(0, last, error, color=RED, capsize=3, lw=1, clip_on=False)
    said = f"line at t = ∞: ${last:.2f} \\pm {error:.2f}$\n(±: where points overlap)"
    ax.text(-0.25, -0.21, said, va="center")
    _at_minus_1_over_log2(ax, "(a) the paper's CLIP, t = step")
    ax.legend(loc="upper right", borderpad=0, handlelength=1.5)


def _theory(ax: Axes, numbers: Numbers) -> None:
    """The gaps of the models: a quantity that falls like 1/log²t is a line that ends at 0."""
    for name, style in GAPS.items():
        log10_t, value = _curve(numbers, name, SHOWN, END)
        ax.plot(-1 / log10_t**2, value, **style)
    for y, text, name in (
        (0.7, "parallel model, means differ\nbefore the lift", "gap_apart"),
        (0.31, "free model", "gap_free"),
        (-0.32, "parallel model, equal means:\nlike 1/log²t", "gap_together"),
    ):
        ax.text(-0.25, y, text, color=GAPS[name]["color"])
    _at_minus_1_over_log2(ax, f"(b) in theory, {PAIRS} matched pairs")


def _encoders(ax: Axes, numbers: Numbers) -> None:
    """The gap of the encoders in the axes of the paper."""
    for name, (label, style) in ENCODERS.items():
        log10_t, gap = _curve(numbers, f"encoders_{name}", SHOWN, END)
        ax.plot(-1 / log10_t**2, gap, label=label, **style)
    _at_minus_1_over_log2(ax, "(c) our small encoders")


def _from_the_start(ax: Axes, numbers: Numbers) -> None:
    """The gap of the encoders from the first step on."""
    for name, (_, style) in ENCODERS.items():
        log10_t, gap = _curve(numbers, f"encoders_{name}", 0, END)
        ax.plot(10**log10_t, gap, **style)
    ax.axvspan(10**SHOWN, late_gap.STEPS, color="0.92", zorder=0)
    ax.text(120, 1.2, "shown in (c)")
    ax.set(xscale="log", xlim=(1, late_gap.STEPS), ylim=(0, 1.35))
    ax.set(xlabel="step, or time t of the flow (log)", ylabel="gap Δ", yticks=[0, 0.5, 1])
    ax.set_title("(d) the same, from the first step on")


def draw_theory(numbers: Numbers) -> Figure:
    """What is proved of the height and of the gap, up to times beyond all floats."""
    figure = plotting.column(6.6)
    figure.suptitle(IN_THEORY)
    above, below = figure.subplots(2, 1)
    _powers(above, numbers)
    _normalised(below, numbers)
    figure.supxlabel(SYMBOLS)
    return figure


MORE = {"theory": draw_theory}


def _powers(ax: Axes, numbers: Numbers) -> None:
    """2γ where u = 0, and Δ where u ≠ 0, between their proved bounds."""
    for low, high, name, power, style in (
        ("lower_bound", "upper_bound_together", "gap_together", -2, GAPS["gap_together"]),
        ("least_gap_apart", "largest_gap_apart", "gap_apart", -1 / PAIRS, GAPS["gap_apart"]),
    ):
        (log10_t, least), (_, most) = (_curve(numbers, k, SHOWN, FINITE) for k in (low, high))
        ax.fill_between(log10_t, least, most, color=style["color"], alpha=0.25, lw=0)
        ax.plot(*_curve(numbers, name, SHOWN, END), **style)
        guide = 1.6 * most[-1] * (log10_t / FINITE) ** power
        ax.plot(log10_t, guide, ":", color=style["color"], lw=1)
    ax.text(12, 0.08, "means differ before the lift:\nΔ falls like (log t)$^{-1/5}$", color=RED)
    ax.text(45, 3e-3, "equal means: Δ = 2γ\nfalls like 1/log²t")
    ax.text(
        2.1, 2e-6, "shaded: between proved bounds\nlines: flows, to t = 10⁹\ndotted: these powers"
    )
    ax.set(yscale="log", ylim=(1e-6, 2), ylabel="gap Δ (log)")
    ax.set_title("(a) the gap from two starts")
    _log_of_log(ax, FINITE)


def _normalised(ax: Axes, numbers: Numbers) -> None:
    """The limit of γ log²t, and how slowly it is approached."""
    known = numbers.parameters["together"]
    style: Any
    for (x, y, text), name, style in (
        ((6, 1.2, "proved upper bound"), "upper_bound_together", {"color": RED, "ls": "--"}),
        ((3.4, 0.74, "pairs that never move, exact"), "exact", {"color": BLUE, "ls": "-."}),
        ((14, 0.36, "proved lower bound"), "lower_bound", {"color": "black", "ls": ":"}),
        ((2.1, 0.6, "the flow, to t = 10⁹"), "gap_together", {"color": "black"}),
    ):
        log10_t, value = _curve(numbers, name, SHOWN, LAST)
        scaled = value / 2 * (np.log(10) * log10_t) ** 2 / known["sharp_constant"]
        ax.plot(log10_t, scaled, **style)
        ax.text(x, y, text, color=style["color"])
    ax.axhline(1, color="0.6", lw=1)
    ax.set(ylim=(0, 1.45), ylabel="γ log²t / its limit")
    ax.set_title("(b) equal means: the height times log²t comes to its limit, (αC)², only late")
    _log_of_log(ax, LAST)


def _log_of_log(ax: Axes, last: int) -> None:
    """A horizontal axis of log₁₀ t that is itself logarithmic."""
    ticks = [k for k in (2, 5, 10, 20, 50, 100, 200, 500) if k <= last]
    ax.set(xscale="log", xlim=(SHOWN, last), xlabel="log₁₀ of the time t (log)")
    ax.set_xticks(ticks, list(map(str, ticks)), minor=False)
    ax.xaxis.set_minor_locator(NullLocator())
