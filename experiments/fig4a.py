"""Figure 4(a): γ falls like 1/log²t between two proved bounds; that Δ does so does not follow.

The paper prints Δ ≥ Ω(1/log²t) in (7) and says of its Figure 4(a), where CLIP is trained on 2,048
pairs of MSCOCO, that Δ against -1/log²t "exhibits a linear relationship, verifying our result
and slow closure".

(a) The paper's markers, read off the page. The paper joins them and draws no straight line. The
line of least squares ends below 0 at t = ∞, whatever the markers are that cover one another, while
a gap that falls like c/log²t is a line that ends at 0. Running means of the markers rise again
towards the end.

(b, f) Two small encoders on 2,048 captions of glyphs, trained by Adam at three constant learning
rates, and on 256 of the captions along the gradient flow. Adam's rate decides when the gap falls.
Most pairs are still mismatched when it has halved, while Theorem 3.2 assumes that all match, and it
then stays instead of closing. In the gradient flow, the setting of the theorem, all pairs match
early, and the gap falls little from then on: the line ends just below the last gap.

(c, d, e) The parallel model (3) from two starts that meet the hypotheses of the theorem, and the
free model (1). What is proved about γ is drawn as 2γ, which is the gap where u = mean X - mean Y
vanishes. Otherwise Δ² = (1-γ²)‖u‖² + 4γ², and for these pentagons ‖u‖⁵β is constant while
β = Θ(log t), so that Δ = Θ((log t)^(-1/5)): it goes to 0, but more slowly than 1/log²t.

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
STYLES: dict[str, dict[str, Any]] = {
    "gap_apart": {"color": RED},
    "gap_free": {"color": SAND, "ls": (0, (6, 2))},
    "gap_together": {"color": "black"},
    "two_gamma_apart": {"color": RED, "ls": "-."},
    "exact": {"color": BLUE, "ls": (0, (8, 2))},
    "asymptote": {"color": "0.6", "lw": 1},
    "upper_bound_apart": {"color": RED, "ls": "--", "lw": 1},
    "upper_bound_together": {"color": "black", "ls": "--", "lw": 1},
    "lower_bound": {"color": "black", "ls": ":"},
}
ENCODERS: dict[str, dict[str, Any]] = {
    "adam_3e-3": {"color": NAVY},
    "adam_3e-4": {"color": BLUE, "ls": "--"},
    "adam_3e-5": {"color": SAND, "ls": "-."},
    "flow": {"color": RED, "ls": (0, (1, 1)), "lw": 2},
}


def draw(numbers: Numbers) -> Figure:
    """The paper's scatter, our encoders in its axes, the theory, and the times of closing."""
    figure = Figure(figsize=(7, 8.6), layout="constrained")
    (a, b), (c, d), (e, f) = axes = figure.subplots(3, 2)
    _paper(a, numbers.parameters["encoders"]["paper"])
    _encoders(b, numbers)
    _closing(c, numbers)
    _powers(d, numbers)
    _normalised(e, numbers)
    _from_the_start(f, numbers)
    for letter, ax in zip("abcdef", axes.flat, strict=True):
        ax.set_title(f"({letter}) {ax.get_title()}", loc="left", size=8.5)
        ax.set_title("")
    return figure


def _curve(numbers: Numbers, name: str, first: float, last: float) -> tuple[Array, Array]:
    """log₁₀ t and values of a curve, log₁₀ t from `first` to `last`."""
    log10_t = numbers.table["log10_t"]
    chosen = (numbers.table["curve"] == name) & (log10_t >= first) & (log10_t <= last)
    return log10_t[chosen], numbers.table["value"][chosen]


def _at_minus_1_over_log2(ax: Axes, lowest: float, highest: float) -> None:
    """The paper's horizontal axis, extended to t = ∞ at 0; above, the step or time itself."""
    ax.set(xlim=(-0.255, 0), ylim=(lowest, highest), xlabel="-1/log₁₀(t)²")
    ax.set_xticks(np.arange(-5, 1) / 20)
    above = ax.secondary_xaxis("top")
    ticks = {"t = 10²": 2, "10³": 3, "10⁴": 4, "10⁶": 6}
    above.set_xticks([*(-1 / power**2 for power in ticks.values()), 0], [*ticks, "∞"])
    above.tick_params(length=2, pad=1)


def _say(ax: Axes, **labels: tuple[float, float, str]) -> None:
    """Label each curve in its colour."""
    for name, (x, y, text) in labels.items():
        colour = STYLES[name]["color"] if name != "asymptote" else "0.4"
        ax.text(x, y, text, color=colour, size=8)


def _paper(ax: Axes, paper: dict[str, float]) -> None:
    """The paper's markers, the area of those that cover one another, and their line."""
    _, x, gap, low, high = published.FIGURE_4A
    alone = high - low < 0.01
    ax.plot(x[alone], gap[alone], ".", color="black", ms=4, label="a marker")
    ax.fill_between(x, low, high, color="0.7", lw=0, label="markers that overlap")
    ends, last = np.array([x[0], x[-1], 0]), paper["line_at_infinity"]
    line = last + paper["slope"] * ends
    r2 = "our line: R² = {line_r2:.2f}, or {line_r2_evenly_in_log_t:.2f}\nweighted evenly in log t"
    ax.plot(ends[:2], line[:2], color=RED, label=r2.format(**paper))
    ax.plot(ends[1:], line[1:], ":", color=RED)
    error = paper["line_at_infinity_error"]
    ax.errorbar(0, last, error, color=RED, capsize=3, lw=1, clip_on=False)
    ax.axhline(0, color="0.6", lw=0.8)
    ax.text(-0.02, last - 0.02, f"${last:.2f} \\pm {error:.2f}$", ha="right", va="center", size=8)
    _at_minus_1_over_log2(ax, -0.4, 1.25)
    ax.set(ylabel="gap Δ", title="the paper's CLIP: the line ends below 0")
    ax.legend(loc="upper right", borderpad=0, handlelength=1.5)


def _encoders(ax: Axes, numbers: Numbers) -> None:
    """The gap of the encoders in the axes of the paper, with the R² of their lines."""
    about = numbers.parameters["encoders"]
    labels = {
        "adam_3e-3": (-0.25, 0.07, "Adam at 3e-3"),
        "adam_3e-4": (-0.19, 0.6, "at 3e-4"),
        "adam_3e-5": (-0.25, 0.97, "Adam at 3e-5"),
        "flow": (-0.25, 0.42, "flow"),
    }
    for name, (x, y, text) in labels.items():
        style, r2 = ENCODERS[name], about[name]["line_r2"]
        log10_t, gap = _curve(numbers, f"encoders_{name}", SHOWN, END)
        ax.plot(-1 / log10_t**2, gap, **style)
        ax.text(x, y, f"{text}: {r2:.2f}", color=style["color"], size=8)
    ax.text(-0.25, -0.33, "R² of a line, weighted evenly in log t", size=8)
    ax.axhline(0, color="0.6", lw=0.8)
    _at_minus_1_over_log2(ax, -0.4, 1.25)
    ax.set(ylabel="gap Δ", title="our encoders: no line that ends at 0")


def _closing(ax: Axes, numbers: Numbers) -> None:
    """A quantity that falls like 1/log²t is a straight line that ends at 0."""
    for name, style in STYLES.items():
        log10_t, value = _curve(numbers, name, SHOWN, END)
        ax.plot(-1 / log10_t**2, value, **style)
    _at_minus_1_over_log2(ax, 0, 0.75)
    _say(
        ax,
        gap_apart=(-0.25, 0.66, "Δ, parallel model (3), u ≠ 0"),
        gap_free=(-0.25, 0.49, "Δ, free model (1)"),
        upper_bound_apart=(-0.145, 0.265, "upper bounds of 2γ: u ≠ 0"),
        upper_bound_together=(-0.25, 0.32, "u = 0"),
        asymptote=(-0.25, 0.165, "asymptote"),
        lower_bound=(-0.25, 0.08, "2γ, and its lower bound"),
    )
    ax.set(ylabel="gap Δ, or 2γ", title="in theory: 2γ ends at 0 along a line")


def _powers(ax: Axes, numbers: Numbers) -> None:
    """2γ where u = 0, and Δ where u ≠ 0, between their proved bounds."""
    for low, high, name, power, colour in (
        ("lower_bound", "upper_bound_together", "gap_together", -2, "black"),
        ("least_gap_apart", "largest_gap_apart", "gap_apart", -1 / PAIRS, RED),
    ):
        (log10_t, least), (_, most) = (_curve(numbers, k, SHOWN, FINITE) for k in (low, high))
        ax.fill_between(log10_t, least, most, color=colour, alpha=0.25, lw=0)
        ax.plot(*_curve(numbers, name, SHOWN, END), color=colour)
        ax.plot(log10_t, 1.6 * most[-1] * (log10_t / FINITE) ** power, ":", color=colour, lw=1)
    ax.text(19, 0.05, "Δ, u ≠ 0:\nlike (log t)$^{-1/5}$", size=8, color=RED)
    ax.text(40, 2.5e-3, "Δ = 2γ, u = 0:\nlike 1/log²t", size=8)
    ax.text(
        2.1,
        2e-6,
        "u = mean X - mean Y\nbands: proved\nlines: flows, to t = 10⁹\ndotted: these powers",
        size=8,
    )
    ax.set(yscale="log", ylim=(1e-6, 2), ylabel="gap Δ")
    ax.set_title("in theory: with u ≠ 0 the gap is slower")
    _log_of_log(ax, FINITE)


def _normalised(ax: Axes, numbers: Numbers) -> None:
    """The limit of γ log²t, and how slowly it is approached."""
    known = numbers.parameters["together"]
    for name, style in STYLES.items():
        if name not in ("gap_apart", "gap_free"):
            log10_t, value = _curve(numbers, name, SHOWN, LAST)
            scaled = value / 2 * (np.log(10) * log10_t) ** 2 / known["sharp_constant"]
            ax.plot(log10_t, scaled, **style)
    limit = known["constant_of_lower_bound"] / known["sharp_constant"]
    ax.axhline(limit, color="0.6", ls=":", lw=1)
    _say(
        ax,
        upper_bound_apart=(9, 1.6, "upper bound, u ≠ 0"),
        upper_bound_together=(4.5, 1.22, "upper bound, u = 0"),
        two_gamma_apart=(2.1, 0.5, "u ≠ 0"),
        exact=(5, 0.87, "frozen Z = αI, exact"),
        lower_bound=(22, 0.34, "lower bound,\ntends to (1-γ₀²)²"),
        gap_together=(8, 0.05, "solid: flow, u = 0\ndash-dotted: flow, u ≠ 0"),
    )
    ax.set(ylim=(0, 1.85), ylabel="γ log²t / (αC)²")
    ax.set_title("in theory: γ log²t tends to (αC)², but late")
    _log_of_log(ax, LAST)


def _log_of_log(ax: Axes, last: int) -> None:
    """A horizontal axis of log₁₀ t that is itself logarithmic."""
    ticks = [k for k in (2, 5, 10, 20, 50, 100, 200, 500) if k <= last]
    ax.set(xscale="log", xlim=(SHOWN, last), xlabel="log₁₀ t")
    ax.set_xticks(ticks, list(map(str, ticks)), minor=False)
    ax.xaxis.set_minor_locator(NullLocator())


def _from_the_start(ax: Axes, numbers: Numbers) -> None:
    """The gap of the encoders from the first step on."""
    for name, style in ENCODERS.items():
        log10_t, gap = _curve(numbers, f"encoders_{name}", 0, END)
        ax.plot(10**log10_t, gap, **style)
    ax.axvspan(10**SHOWN, late_gap.STEPS, color="0.92", zorder=0)
    ax.text(120, 0.105, "shown in (b)", size=8)
    for name, (x, y, text) in {
        "adam_3e-3": (21, 0.5, "3e-3"),
        "adam_3e-4": (140, 0.5, "3e-4"),
        "adam_3e-5": (1100, 0.5, "3e-5"),
        "flow": (32, 0.31, "gradient flow"),
    }.items():
        ax.text(x, y, text, color=ENCODERS[name]["color"], ha="right", size=8)
    ax.set(xscale="log", yscale="log", xlim=(1, late_gap.STEPS), ylim=(0.1, 1.3))
    ticks = (0.1, 0.2, 0.5, 1)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set(xlabel="step, or time t of the flow", ylabel="gap Δ")
    ax.set_title("our encoders: Adam's rate decides when")
