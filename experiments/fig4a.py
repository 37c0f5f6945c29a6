"""Figure 4(a): γ closes like 1/log²t between two proved bounds, while the gap itself may freeze.

The parallel model (3) from two matched starts within the hypotheses of Theorem 3.2, and the free
model (1) from the embeddings of the first. What is proved of γ is drawn twice as large: it speaks
of the gap where u = mean X - mean Y = 0. Otherwise Δ² = (1-γ²)‖u‖² + 4γ², and ‖u‖ freezes.

Below, the gap of two encoders on 2,048 synthetic pairs, trained as the paper trains CLIP. It is no
line in -1/log²t from step 100 to 10,000. Under Adam it falls to a tenth of its start within a
factor of ten in time, after some 40 steps at the recipe's rate and 3,000 at a hundredth of it.
Most pairs do not match by then, while Theorem 3.2 assumes that all do. Later it wanders between
0.03 and 0.12 but for a spike; β stays below CLIP's ceiling of 100. Under the gradient flow, the
setting of the theorem, all pairs match by t = 10, and from there on the gap falls like a small
power of log t. The Ω of the theorem holds, Θ does not, and what looks like a line does not end at
0. Nor does the line that the paper shows: drawn on, it meets Δ = 0 before t = ∞.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from experiments import encoder_gap
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn._validate import Array
from gapdyn.theory import theorem_3_2

PAIRS, HEIGHT, APART = 5, 0.3, 0.4
"""Pentagons in R² (u = 0), or at heights ±APART of R³ (u ≠ 0), lifted to ±HEIGHT by (3)."""
FIRST, SHOWN, END, FINITE, LAST = -2, 2, 9, 300, 500
"""log₁₀ t: the flows from FIRST to END, drawn from SHOWN on; bounds to FINITE, `exact` to LAST."""

Curves = dict[str, tuple[Array, Array]]


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Run the flows, evaluate the bounds, train the encoders; the seed decides the last alone."""
    steps = 4 if quick else 20  # for each power of ten
    early = np.linspace(FIRST, SHOWN, steps * (SHOWN - FIRST) + 1)  # with its ends exactly
    early = np.append(early, np.linspace(SHOWN, END, steps * (END - SHOWN) + 1)[1:])
    X, Y = gd.sphere.polygon_pairs(PAIRS)
    together = parallel(X, Y, early)
    apart = parallel(*gd.sphere.lift(X, Y, gamma=APART), early)
    model = gd.FreeModel(PAIRS, 3, gd.Learned())
    start = model.start(*gd.sphere.lift(X, Y, gamma=HEIGHT), tau=together.tau[0])
    free = gd.flow(model, start, together.t)
    curves: Curves = {
        "gap_together": (early, together.gap[1:]),
        "gap_apart": (early, apart.gap[1:]),
        "gap_free": (early, free.gap[1:]),
        "two_gamma_together": (early, 2 * together.gamma[1:]),
        "two_gamma_apart": (early, 2 * apart.gamma[1:]),
    }
    curves |= statements(together, apart, early)
    trained, said = encoder_gap.closing(seed, quick)
    curves |= trained
    return Numbers(
        table={
            "curve": np.repeat(list(curves), [len(log10_t) for log10_t, _ in curves.values()]),
            "log10_t": np.concatenate([log10_t for log10_t, _ in curves.values()]),
            "value": np.concatenate([value for _, value in curves.values()]),
        },
        parameters={
            "together": about(together),
            "apart": about(apart),
            "free": {"beta0": float(free.beta[0]), "gap_at_end": float(free.gap[-1])},
            "encoders": said,
        },
    )


def parallel(X: Array, Y: Array, log10_t: Array) -> gd.Trajectory:
    """Run the parallel model from matched rows, β₀ at the threshold of the theorem."""
    beta0 = theorem_3_2.threshold(n=PAIRS, alpha=gd.measures.margin(X @ Y.T), gamma0=HEIGHT)
    model = gd.ParallelModel(n=PAIRS, d=X.shape[1], temperature=gd.Learned())
    y0 = model.start(X, Y, tau=1 / beta0, gamma=HEIGHT)
    return gd.flow(model, y0, np.concatenate([[0], 10**log10_t]))


def setting(run: gd.Trajectory) -> dict[str, Any]:
    """What the theorem is told of a run; α is the margin at t = 0, which is the least."""
    start = run.at(0.0)
    return {"n": PAIRS, "alpha": start.margin, "gamma0": start.gamma, "beta0": start.beta}


def statements(together: gd.Trajectory, apart: gd.Trajectory, early: Array) -> Curves:
    """Twice what is known of γ.

    All but the upper bound depend on n, γ₀ and αβ₀, and at the threshold αβ₀ is a function of n and
    γ₀: the two runs share them. How large the margin of the second gets is known up to END.
    """
    both, wide = setting(together), float(apart.margin.max())
    log10_t = np.concatenate([early, np.geomspace(END, LAST, len(early))[1:]])
    finite, late = log10_t[log10_t <= FINITE], log10_t[log10_t >= SHOWN]
    upper = theorem_3_2.upper_bound(10**early, alpha_max=wide, **setting(apart))
    return {
        "lower_bound": (finite, 2 * theorem_3_2.lower_bound(10**finite, **both)),
        "upper_bound_together": (finite, 2 * theorem_3_2.upper_bound(10**finite, **both)),
        "upper_bound_apart": (early, 2 * upper),
        "exact": (log10_t, 2 * theorem_3_2.exact(np.log(10) * log10_t, **both)),
        "asymptote": (late, 2 * about(together)["sharp_constant"] / (np.log(10) * late) ** 2),
    }


def about(run: gd.Trajectory) -> dict[str, Any]:
    """A parallel run: its start, the hypotheses, the limits of γ log²t, and where it ends."""
    start = setting(run)
    n, alpha, gamma0, beta0 = start.values()
    c = theorem_3_2.conserved(gamma0=gamma0, beta0=beta0)
    return start | {
        "largest_margin": float(run.margin.max()),
        "threshold": theorem_3_2.threshold(n=n, alpha=alpha, gamma0=gamma0),
        "hypotheses": {h.name: h.holds for h in theorem_3_2.hypotheses(run, alpha)},
        "C": c,
        "sharp_constant": (alpha * c) ** 2,
        "constant_of_lower_bound": (alpha * c * (1 - gamma0**2)) ** 2,
        "gap_at_end": float(run.gap[-1]),
        "two_gamma_at_end": 2 * float(run.gamma[-1]),
    }


SAND, RED, BLUE = "#e08e45", plotting.Y_COLOUR, plotting.X_COLOUR
STYLES: dict[str, dict[str, Any]] = {
    "gap_apart": {"color": RED, "label": "Δ, parallel model, u ≠ 0"},
    "gap_free": {"color": SAND, "label": "Δ, free model"},
    "gap_together": {"color": "black", "label": "Δ = 2γ, parallel model, u = 0"},
    "two_gamma_apart": {"color": RED, "ls": "-.", "label": "2γ, parallel model, u ≠ 0"},
    "exact": {"color": BLUE, "label": "2γ, frozen Z = αI, exact"},
    "asymptote": {"color": "0.6", "lw": 1, "label": "asymptote 2(αC)²/log²t"},
    "upper_bound_apart": {"color": RED, "ls": "--", "lw": 1, "label": "upper bound of 2γ, u ≠ 0"},
    "upper_bound_together": {"color": "black", "ls": "--", "lw": 1, "label": "the same, u = 0"},
    "lower_bound": {"color": "black", "ls": ":", "label": "lower bound of 2γ (Theorem 3.2)"},
}


ENCODERS: dict[str, dict[str, Any]] = {
    "adam_3e-3": {"color": plotting.SHADES[0], "label": "Adam at the recipe's rate, 3e-3"},
    "adam_3e-4": {"color": plotting.SHADES[1], "label": "at 3e-4"},
    "adam_3e-5": {"color": plotting.SHADES[2], "label": "at 3e-5"},
    "flow": {"color": plotting.SHADES[3], "label": "gradient flow, 512 of the pairs"},
}


def draw(numbers: Numbers) -> Figure:
    """The gap against -1/log²t, and γ log²t over its limit up to t = 1e500; below, encoders."""
    figure = Figure(figsize=(10.4, 9.4), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(4.9, 4.5))
    above, below = parts
    left, right = above.subplots(1, 2)
    _closing(left, numbers)
    _normalised(right, numbers)
    above.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        title="u = mean X - mean Y; at right, γ where it says 2γ",
    )
    left, right = below.subplots(1, 2)
    _encoders(left, right, numbers)
    below.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _curve(numbers: Numbers, name: str, last: float) -> tuple[Array, Array]:
    """log t and values of a curve, log₁₀ t from SHOWN to `last`."""
    log10_t = numbers.table["log10_t"]
    chosen = (numbers.table["curve"] == name) & (log10_t >= SHOWN) & (log10_t <= last)
    return np.log(10) * log10_t[chosen], numbers.table["value"][chosen]


def _closing(ax: Axes, numbers: Numbers) -> None:
    """What falls like 1/log²t is a straight line into the corner at t = ∞."""
    for name, style in STYLES.items():
        log_t, value = _curve(numbers, name, END)
        ax.plot(-1 / log_t**2, value, **style)
    _at_minus_1_over_log2(ax, "time t")
    ax.set(ylim=(0, 0.7), ylabel="gap Δ, or 2γ")
    ax.set_title(
        f"pentagons in R² (u = 0) or at ±{APART} of R³, γ₀ = {HEIGHT}, β₀ at the threshold"
    )


def _at_minus_1_over_log2(ax: Axes, name: str) -> None:
    """Make the horizontal axis -1/log²t, from t = 100 to its end at t = ∞."""
    ticks = {"10²": 2, "10³": 3, "10⁴": 4, "10⁶": 6, "10⁹": 9}
    at = [-1 / (np.log(10) * power) ** 2 for power in ticks.values()]
    ax.set_xticks([*at, 0], [*ticks, "∞"])
    ax.set(xlim=(at[0], 0), xlabel=f"{name}, drawn at -1/log²t")


def _normalised(ax: Axes, numbers: Numbers) -> None:
    """What γ log²t tends to, and how slowly it gets there."""
    known = numbers.parameters["together"]
    for name, style in STYLES.items():
        if name not in ("gap_apart", "gap_free"):
            log_t, value = _curve(numbers, name, LAST)
            ax.plot(log_t / np.log(10), value / 2 * log_t**2 / known["sharp_constant"], **style)
    limit = known["constant_of_lower_bound"] / known["sharp_constant"]
    ax.axhline(limit, color="0.6", ls=":", lw=1)
    ax.text(SHOWN * 1.03, limit + 0.01, "limit of the lower bound, (1-γ₀²)²", size=8)
    ticks = (2, 5, 10, 20, 50, 100, 200, 500)
    ax.set(xscale="log", xlim=(SHOWN, LAST), ylim=(0, 1.6))
    ax.set_xticks(ticks, list(map(str, ticks)), minor=False)
    ax.minorticks_off()
    ax.set(xlabel="log₁₀ t", ylabel="γ log²t / (αC)²")
    ax.set_title("γ and its bounds over the asymptote (αC)²/log²t")


def _encoders(left: Axes, right: Axes, numbers: Numbers) -> None:
    """The gap of the encoders in the window of the paper, and from the first step on."""
    about = numbers.parameters["encoders"]
    table = numbers.table
    for name, style in ENCODERS.items():
        said = about[name]
        chosen = table["curve"] == f"encoders_{name}"
        t, gap = 10 ** table["log10_t"][chosen], table["value"][chosen]
        late = t >= encoder_gap.SHOWN
        label = f"{style['label']}: R² = {said['line_r2']:.2f}, β ends at {said['beta_at_end']:.0f}"
        left.plot(-1 / np.log(t[late]) ** 2, gap[late], **style | {"label": label})
        right.plot(t, gap, **style)
    read = np.array(list(encoder_gap.READ_OFF.items())).T
    at, last = -1 / np.log(read[0]) ** 2, about["paper"]["line_at_infinity"]
    label = "CLIP on MSCOCO, ends read off the paper"
    left.plot(at, read[1], "o-", color="black", mfc="none", lw=1, clip_on=False, label=label)
    left.plot([at[1], 0], [read[1][1], last], ":", color="black", lw=1, label="its line, drawn on")
    left.axhline(0, color="0.6", lw=0.8)
    _at_minus_1_over_log2(left, "step, or time t of the flow")
    left.set(ylim=(-0.25, 1.25), ylabel="gap Δ of the training pairs")
    left.set_title(
        f"two encoders, {about['pairs']} synthetic pairs: no straight line to 0 (R² from t = 100)"
    )
    right.set(xscale="log", yscale="log", xlim=(1, encoder_gap.STEPS), ylim=(0.02, 1.3))
    right.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    right.minorticks_off()
    right.set(xlabel="step, or time t of the flow", ylabel="gap Δ of the training pairs")
    right.set_title("the same from the start, on logarithmic scales")
