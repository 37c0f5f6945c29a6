"""How fast γ closes under each temperature scheme, and the most that any of them could do.

Z = I is frozen, with 1024 pairs. All schemes start from γ₀ = 0.3, and those that learn from CLIP's
τ₀ = 0.07. Where mean X = mean Y the gap is Δ = 2γ. Times may be beyond the range of a float, so
each scheme is a clock: log t as a function of γ. No law of the temperature is faster than the best
schedule of theory 4.6. Late rates (`draw_late`) are those of Appendix C and Theorem 3.2, at the
cross-entropy, and with the 2 that fixed and scheduled temperatures lack there in the exponent.

From a large height (`draw_high`) no fixed temperature is as fast as that schedule. With a learned
temperature below the threshold of Theorem 3.2 (`draw_below`), Z of a larger margin than α close γ
faster than frozen Z = αI at first, and to the same late form. (The infimum is over all real Z, also
those that no unit rows have.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

import gapdyn as gd
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.models.base import HeightModel
from gapdyn.temperature import Temperature
from gapdyn.theory import appendix_c, closing, lemma_3_1, theorem_3_2
from gapdyn.types import Array

PAIRS, MARGIN, HEIGHT, TAU = 1024, 1.0, 0.3, 0.07
FROZEN: dict[str, Any] = {"n": PAIRS, "alpha": MARGIN, "gamma0": HEIGHT}
LEARNED: dict[str, Any] = FROZEN | {"beta0": 1 / TAU}
BEST = appendix_c.optimal_temperature(n=PAIRS, alpha=MARGIN)
SCHEDULE = gd.LinearSchedule(0.01, 0.05, t_end=1e5)
CEILING = 100.0
AT_CEILING = float(lemma_3_1.gamma(CEILING, gamma0=HEIGHT, beta0=1 / TAU))
"""Ceiling of β, and the γ at which β = exp ν arrives there, by (6)."""
TARGETS = (0.1, 0.01, 0.001)
LEAST, EARLIEST, LATEST = 300, -2, 100
"""The largest -log₁₀ γ of the table, and the first and last log₁₀ t that is drawn."""
DRAWN = (2e-4, 0.4)
"""Heights at the ends of the axis."""
FEW: dict[str, Any] = {"n": 4, "alpha": MARGIN}
HIGH, HALF_WAY = 0.9, 0.5
"""Heights between which the best schedule is compared with fixed temperatures, at 4 pairs."""
BELOW = theorem_3_2.Setting(**FEW, gamma0=HEIGHT, beta0=0.05)
"""Far below the threshold β₀ = 2.73."""


Curve = Callable[..., Array]


LATE = ("fixed_best", "fixed", "schedule", "clamp", "exponential", "tr", "slrt", "linear")
"""Schemes whose late rates are drawn; that of the softplus is the one of β = ν."""


class Scheme(NamedTuple):
    """Log t as a function of γ, Appendix C's γ as a function of t, a name in words, and a style."""

    clock: Curve
    rate: Curve
    label: str
    style: dict[str, Any]


learned: Curve = partial(theorem_3_2.closing_log_time, **LEARNED)
"""Log t for a learned β(ν), by the exact solution."""


def best(gamma: Array, *, n: int = PAIRS, gamma0: float = HEIGHT) -> Array:
    """Log t for the best schedule, under which H(γ) = log γ - γ²/2 falls at the rate 2W."""
    fall = lemma_3_1.fall(lemma_3_1.log_ratio(gamma0, gamma), gamma0)
    return np.log(fall / (2 * theorem_3_2.speed_limit(n)))


def best_rate(t: Array) -> Array:
    """γ₀e^{-γ₀²/2}e^{-2Wt}, which the least height comes to."""
    start = HEIGHT * np.exp(-(HEIGHT**2) / 2)
    return np.asarray(start * np.exp(-2 * theorem_3_2.speed_limit(PAIRS) * t))


def fixed(
    gamma: Array, *, beta: float, n: int = PAIRS, alpha: float = MARGIN, gamma0: float = HEIGHT
) -> Array:
    """Log t for a constant β, by the same integral."""

    def slowness(x: Array) -> Array:
        log_beta = np.full_like(x, np.log(beta))
        return closing.log_slowness(x, log_beta, gamma0=gamma0, n=n, alpha=alpha)

    return closing.log_time(lemma_3_1.log_ratio(gamma0, gamma), slowness)


def clamped(gamma: Array) -> Array:
    """Log t for β = exp ν with a ceiling: learned until β is at the ceiling, then fixed."""
    before = learned(np.maximum(gamma, AT_CEILING))
    after = fixed(np.minimum(gamma, AT_CEILING), beta=CEILING, gamma0=AT_CEILING)
    return np.logaddexp(before, after)


def clamped_rate(t: Array) -> Array:
    """Appendix C's exponential rate up to the ceiling, its constant rate from there on."""
    since = t - np.exp(learned(np.array(AT_CEILING)))
    late = appendix_c.constant(
        np.maximum(since, 0), n=PAIRS, alpha=MARGIN, gamma0=AT_CEILING, beta0=CEILING
    )
    return np.where(since > 0, late, appendix_c.exponential(t, **LEARNED))


@dataclass(frozen=True)
class IdentityModel(HeightModel):
    """FrozenModel(α I, temperature), at a cost that does not depend on n."""

    n: int
    alpha: float
    temperature: Temperature

    def loss_at(self, a: float) -> float:
        """ℓ(aαI) = log(1 + (n-1)e^{-aα})."""
        return float(np.log1p((self.n - 1) * np.exp(-a * self.alpha)))

    def pull_at(self, a: float) -> float:
        """g(a) = α(n-1)/(n-1+e^{aα})."""
        return closing.pull(a, self.n, self.alpha)

    def pairs_at(self, a: float) -> tuple[float, float, float]:
        """All pairs are matched, with margin α."""
        return self.alpha, 0.0, self.loss_at(a)


def scheduled(gamma: Array) -> Array:
    """Log t for the schedule, where β depends on time: the flow, solved for t."""
    model = IdentityModel(PAIRS, MARGIN, SCHEDULE)
    times = np.concatenate([[0], SCHEDULE.t_end * np.geomspace(1e-3, 90, 500)])
    # A tiny atol, so that the error of γ is relative however small γ is.
    run = gd.flow(model, model.start(gamma=HEIGHT), times, atol=1e-320)

    def clock(height: float) -> float:
        k = int(np.flatnonzero(run.gamma > height)[-1])
        ends = np.log(np.maximum(run.t[k : k + 2], 1.0))
        return float(brentq(lambda log_t: run.at(np.exp(log_t)).gamma / height - 1, *ends))

    return np.array([clock(height) for height in gamma])


def with_fixed(tau: float) -> tuple[Curve, Curve]:
    """Clock and rate of a fixed temperature."""
    return partial(fixed, beta=1 / tau), partial(appendix_c.constant, beta0=1 / tau, **FROZEN)


def with_learned(rate: Curve, temperature: gd.Learned, **scale: float) -> tuple[Curve, Curve]:
    """Clock and rate of a learned temperature."""
    return partial(learned, temperature=temperature), partial(rate, **LEARNED, **scale)


BLUE, LIGHT, ORANGE, RED = plotting.SHADES
SCHEDULED: Curve = partial(appendix_c.schedule, beta=partial(SCHEDULE.beta, nu=0.0), **FROZEN)
SOFTPLUS = with_learned(appendix_c.softplus, gd.Learned(gd.Softplus()))
LINEAR = with_learned(appendix_c.linear, gd.Learned(gd.Linear()))
SLRT = with_learned(appendix_c.slrt, gd.Learned(rate=0.1))
EXPONENTIAL = with_learned(appendix_c.exponential, gd.Learned())
TR = with_learned(appendix_c.exponential, gd.Learned(gd.Exponential(2.0)), scale=2.0)
EXP, RISING = "learned, β = exp ν", "rising, 0.01 to 0.05 by time 10⁵ (TS S3)"
WIDE: dict[str, Any] = {"lw": 4.5, "zorder": 1.5}
"""Of a curve on which another lies."""
SCHEMES = {
    "best": Scheme(best, best_rate, "the best schedule", WIDE | {"color": "#8fdbd1"}),
    "fixed_best": Scheme(*with_fixed(BEST), f"fixed, the best: τ* = {BEST:.3f}", {"color": BLUE}),
    "fixed": Scheme(*with_fixed(TAU), f"fixed: τ = {TAU}", {"color": LIGHT, "ls": "--"}),
    "softplus": Scheme(*SOFTPLUS, "learned, β = log(1 + exp ν)", WIDE | {"color": "#b5d8c6"}),
    "linear": Scheme(*LINEAR, "learned, β = ν", {"color": "#2a7f62"}),
    "slrt": Scheme(*SLRT, f"{EXP}, at rate 0.1 (SLRT)", {"color": "#8d6a9f", "ls": "-."}),
    "schedule": Scheme(scheduled, SCHEDULED, RISING, {"color": ORANGE}),
    "tr": Scheme(*TR, "learned, β = exp(ν/2) (TR)", {"color": RED, "ls": ":"}),
    "clamp": Scheme(
        clamped, clamped_rate, f"{EXP} ≤ 100, as in CLIP", {"color": "0.5", "ls": "--"}
    ),
    "exponential": Scheme(*EXPONENTIAL, EXP, {"color": "black"}),
}
"""The schemes by name, in the order in which they close."""


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Read all clocks, and evaluate the predicted γ at the same times; nothing is random."""
    powers = np.geomspace(-np.log10(HEIGHT), LEAST, 30 if quick else 120)[1:]
    gamma = np.concatenate([HEIGHT * (1 - np.geomspace(1e-3, 1e-2, 3)), 10**-powers])
    parts, times = [], {}
    for name, scheme in SCHEMES.items():
        parts.append(curve(name, scheme, gamma))
        log10_t = scheme.clock(np.array(TARGETS)) / np.log(10)
        times[name] = dict(zip(map(str, TARGETS), log10_t.tolist(), strict=True))
    parameters = FROZEN | {
        "tau0_of_learned": TAU,
        "optimal_temperature": BEST,
        "schedule": str(SCHEDULE),
        "max_beta": CEILING,
        "gamma_at_max_beta": AT_CEILING,
        "log10_closing_time": times,
    }
    parameters["from_a_large_height"], high = from_a_large_height()
    table = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    return Numbers(table, parameters, more={"high": high, "below": below(40 if quick else 160)})


def curve(name: str, scheme: Scheme, gamma: Array) -> dict[str, NDArray[Any]]:
    """Columns of the table for one scheme, up to time 10^LATEST."""
    log10_t = scheme.clock(gamma) / np.log(10)
    shown = log10_t <= LATEST
    rate = scheme.rate(10 ** log10_t[shown])
    rate[(rate <= 0) | (rate > HEIGHT)] = np.nan  # still above γ₀, or underflows
    return {
        "scheme": np.full(shown.sum(), name),
        "log10_t": log10_t[shown],
        "log10_gamma": np.log10(gamma[shown]),
        "log10_predicted": np.log10(rate),
    }


def from_a_large_height() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Times from HIGH to lower heights: the best schedule, the fixed τ* and the best fixed τ."""
    start: dict[str, Any] = {"n": FEW["n"], "gamma0": HIGH}
    goal = np.array(HALF_WAY)

    def log_time(log_tau: float) -> float:
        return float(fixed(goal, beta=float(np.exp(-log_tau)), **start))

    late = appendix_c.optimal_temperature(**FEW)
    soon = float(np.exp(minimize_scalar(log_time, bracket=(np.log(late / 2), np.log(late))).x))
    clocks: dict[str, Curve] = {
        "best": partial(best, **start),
        "fixed_soon": partial(fixed, beta=1 / soon, **start),
        "fixed_late": partial(fixed, beta=1 / late, **start),
    }
    gamma = np.linspace(HIGH, 0.3, 121)
    with np.errstate(divide="ignore"):  # log t = -∞ at the start
        times = {name: np.exp(clock(gamma)) for name, clock in clocks.items()}
    said = start | {
        "first_tau_of_best": appendix_c.best_schedule(**FEW, gamma0=HIGH).tau(0.0),
        "tau": {"fixed_soon": soon, "fixed_late": late},
        f"times_to_{HALF_WAY}": {name: float(np.exp(f(goal))) for name, f in clocks.items()},
    }
    return said, {"gamma": gamma, **times}


def below(count: int) -> dict[str, NDArray[Any]]:
    """γ for Z = αI, the infimum over margins ≥ α, and their late form, below the threshold."""
    log10_t = np.linspace(-2, 8, count)
    log_t = np.log(10) * log10_t
    late = BELOW.asymptote(10**log10_t)
    frozen, least = BELOW.exact(log_t), BELOW.infimum(log_t)
    return {"log10_t": log10_t, "frozen": frozen, "infimum": least, "late": late}


def draw(numbers: Numbers) -> Figure:
    """γ against t, and a table of the times, which says which curve is which."""
    figure = plotting.column(6.3)
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    draw_curves(rows[0].subplots(), numbers)
    draw_times(rows[1].subplots(), numbers)
    times, goal = numbers.parameters["log10_closing_time"], str(TARGETS[-1])
    power = f"{int(times['clamp'][goal])}".translate(plotting.SUPERSCRIPTS)
    figure.suptitle(
        "The right fixed temperature closes the gap almost as fast as any could, to a height\n"
        f"of {goal} in a time of {10 ** times['fixed_best'][goal]:.2f}; "
        f"one that is learned as in CLIP takes 10{power}"
    )
    return figure


def draw_curves(ax: Axes, numbers: Numbers) -> None:
    """γ against t, on an axis that compresses more than logarithms."""
    for name, scheme in SCHEMES.items():
        rows = numbers.rows(scheme=name)
        log10_t, gamma = rows["log10_t"], 10 ** rows["log10_gamma"]
        since = min(EARLIEST, log10_t[0])  # where γ is still γ₀
        ax.plot([since, *log10_t], [HEIGHT, *gamma], **scheme.style)
    rows = numbers.rows(scheme="best")
    reached = 10 ** rows["log10_gamma"]
    ax.fill_between(rows["log10_t"], reached, DRAWN[0], color="0.92", lw=0, zorder=0)
    ax.text(-1.85, 0.0015, "out of\nreach")
    for target in TARGETS:
        ax.axhline(target, color="0.75", lw=0.6, zorder=0)
    box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "0.4", "lw": 0.6}
    for label, place in labels(numbers).items():
        ax.text(*place, label, ha="center", va="center", bbox=box)
    ax.set(yscale="log", ylim=DRAWN, ylabel="height γ, half of the gap (log)")
    ax.set_yticks([HEIGHT, *TARGETS], [f"{height:g}" for height in (HEIGHT, *TARGETS)])
    ax.set_xscale("asinh", linear_width=3)
    powers = (-1, 0, 1, 2, 3, 5, 10, 20, 40, 100)
    ax.set_xticks(powers, [f"{10.0**p:g}" if p < 2 else f"$10^{{{p}}}$" for p in powers])
    ax.minorticks_off()
    ax.set(xlim=(EARLIEST, LATEST), xlabel="time t (axis nearly logarithmic in log t)")
    ax.set_title(
        f"(a) {PAIRS:,} aligned pairs that do not move, in the parallel model;\n"
        "numbers are lines of (b), and no temperature leads into the grey area"
    )


def labels(numbers: Numbers) -> dict[str, tuple[float, float]]:
    """Near the end of each curve its line of the table; curves that lie together share a label."""
    found: dict[str, tuple[float, float]] = {}
    for line, name in enumerate(SCHEMES, start=1):
        rows = numbers.rows(scheme=name)
        at = max(np.log10(2 * DRAWN[0]), rows["log10_gamma"][-1])
        log10_t = float(np.interp(-at, -rows["log10_gamma"], rows["log10_t"]))
        last = next(reversed(found), "")
        if last and log10_t - found[last][0] < 0.2:
            found[f"{last}, {line}"] = found.pop(last)
        else:
            found[str(line)] = log10_t, float(10**at)
    return found


def draw_times(ax: Axes, numbers: Numbers) -> None:
    """A table: number, line, words, and the times at which γ is at each target."""
    columns, words = (0.72, 0.86, 0.995), 0.17
    ax.text(words, -1, "how the temperature τ = 1/β is chosen", va="center")
    for x, target in zip(columns, TARGETS, strict=True):
        ax.text(x, -1, f"γ = {target}", ha="right", va="center")
    ax.axhline(-0.5, color="0.7", lw=0.6)
    rows = numbers.parameters["log10_closing_time"]
    for row, (scheme, times) in enumerate(zip(SCHEMES.values(), rows.values(), strict=True)):
        ax.text(0.04, row, f"{row + 1}", ha="right", va="center")
        ax.plot([0.065, 0.15], [row, row], **scheme.style)
        ax.text(words, row, scheme.label, va="center")
        for x, log10_t in zip(columns, times.values(), strict=True):
            ax.text(x, row, _in_words(log10_t), ha="right", va="center")
    ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -1.5), xticks=[], yticks=[])
    ax.set_axis_off()
    ax.set_title(
        f"(b) time to reach a height; a learned temperature starts from {TAU}, training adjusts\n"
        "the number ν, and SLRT, TS and TR are the paper's names of methods"
    )


def _in_words(log10_t: float) -> str:
    """A time in digits, which may be beyond the range of a float."""
    if log10_t < 3:
        return f"{10**log10_t:.3g}" if log10_t > 0 else f"{10**log10_t:.3f}"
    digits, carry = f"{10 ** (log10_t % 1):.1e}".split("e")
    return rf"${digits}\cdot10^{{{int(log10_t) + int(carry)}}}$"


def draw_late(numbers: Numbers) -> Figure:
    """γ over the late rate of its scheme."""
    figure = plotting.column(4.1)
    ax = figure.subplots()
    for k, name in enumerate(LATE):
        rows = numbers.rows(scheme=name)
        ratio = 10 ** (rows["log10_gamma"] - rows["log10_predicted"])
        style = plotting.curve(k) | {"ms": 4, "markevery": (2 * k, 14)}
        ax.plot(-rows["log10_gamma"], ratio, **style, label=SCHEMES[name].label)
    ax.axhline(1, color="0.7", lw=0.6, zorder=0)
    powers = (1, 2, 3, 5, 10, 30, 100, 300)
    ax.set(xscale="log", xlim=(-np.log10(HEIGHT), LEAST), ylim=(0, 1.2))
    ax.set_xticks(powers, [f"$10^{{-{power}}}$" for power in powers])
    ax.minorticks_off()
    ax.set(xlabel="height γ, falling (log of log)", ylabel="γ over its late rate")
    ax.set_title(
        f"{PAIRS:,} aligned pairs that do not move; rates of Appendix C and Theorem 3.2 (if fixed\n"
        "or rising, with the factor 2 that is missing in the printed exponent)"
    )
    figure.legend(loc="outside lower center", ncols=2, title="how the temperature is chosen")
    figure.suptitle(
        "However the temperature is chosen, the height γ comes to the rate\n"
        "that is predicted for late times, up to a factor that stays"
    )
    return figure


def draw_high(numbers: Numbers) -> Figure:
    """γ from a large height, where the best temperature is not constant."""
    figure = plotting.column(3.2)
    ax = figure.subplots()
    table, said = numbers.more["high"], numbers.parameters["from_a_large_height"]
    soon, late = (said["tau"][name] for name in ("fixed_soon", "fixed_late"))
    first = said["first_tau_of_best"]
    names = {
        "best": f"the best schedule, τ rising from {first:.3f} to {late:.3f}",
        "fixed_soon": f"fixed at τ = {soon:.3f}, the best for this path",
        "fixed_late": f"fixed at τ = {late:.3f}, the best at small heights",
    }
    for k, (name, label) in enumerate(names.items()):
        time = said[f"times_to_{HALF_WAY}"][name]
        style = plotting.curve(k)
        ax.plot(table[name], table["gamma"], **style | {"marker": ""})
        ax.plot(time, HALF_WAY, **style)
        ax.plot([], [], **style, label=f"{label}: time {time:.3f}")
    ax.fill_between(table["best"], table["gamma"], 0.3, color="0.92", lw=0, zorder=0)
    ax.text(0.02, 0.32, "out of reach of any temperature", va="bottom")
    ax.axhline(HALF_WAY, color="0.7", lw=0.6, zorder=0)
    ax.set(xlim=(0, 0.5), ylim=(0.3, 0.92), xlabel="time t")
    ax.set_ylabel("height γ, half of the gap")
    ax.legend(loc="upper right", title=f"temperature τ, and time to the height {HALF_WAY}")
    figure.suptitle(
        f"From a large height no fixed temperature is as fast as the best schedule\n"
        f"({said['n']} aligned pairs that do not move, in the parallel model)"
    )
    return figure


def draw_below(numbers: Numbers) -> Figure:
    """The infimum and Z = I below the threshold, and the late form that they share."""
    figure = plotting.column(3.6)
    ax = figure.subplots()
    table = numbers.more["below"]
    t = 10 ** table["log10_t"]
    ax.plot(t, table["frozen"], color="black", label="aligned pairs that do not move, margin 1")
    ax.plot(t, table["infimum"], color=RED, ls="--", label="the fastest of all margins from 1 on")
    ax.plot(t, table["late"], color="0.4", lw=1, ls=":", label="formula for late times")
    ax.fill_between(t, table["infimum"], 1e-9, color="0.92", lw=0, zorder=0)
    ax.text(1.5e-2, 1e-6, "no margin from 1 on gets here")
    ax.set(xscale="log", yscale="log", xlim=(1e-2, 1e8), ylim=(3e-7, 1))
    ax.set(xlabel="time t (logarithmic)", ylabel="height γ (logarithmic)")
    ax.legend(loc="upper right")
    learned = f"learned β = 1/τ = exp ν from {BELOW.beta0}"
    ax.set_title(
        f"{FEW['n']} pairs in the parallel model; "
        "margin: smallest lead of partners in similarity;\n"
        f"{learned}, where Theorem 3.2 assumes {BELOW.threshold:.2f} or more"
    )
    figure.suptitle(
        "Where the temperature starts very high, pairs of larger margins close faster\n"
        "at first, and come to the same late height"
    )
    return figure


MORE = {"late": draw_late, "high": draw_high, "below": draw_below}
