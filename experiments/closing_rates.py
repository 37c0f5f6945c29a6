"""How fast γ closes under each temperature scheme, and the most that any of them could do.

(a, b) Z = I is frozen, with 1024 pairs. All schemes start from γ₀ = 0.3, and those that learn from
CLIP's τ₀ = 0.07. Where mean X = mean Y the gap is Δ = 2γ. Times may be beyond the range of a float,
so each scheme is a clock: log t as a function of γ. Late rates are those of Appendix C, and no law
of the temperature is faster than the best schedule of theory 4.6.

(c) From a large height no fixed temperature is as fast as that schedule. (d) With a learned
temperature below the threshold of Theorem 3.2, Z of a larger margin than α close γ faster than
frozen Z = αI at first, and to the same late form. (The infimum is over all real Z, also those that
no unit rows have.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
LEAST, EARLIEST, LATEST = 300, -1.5, 100
"""Ends of the axes: the largest -log₁₀ γ, and the first and last log₁₀ t."""
FEW: dict[str, Any] = {"n": 4, "alpha": MARGIN}
HIGH, HALF_WAY = 0.9, 0.5
"""Heights between which the best schedule is compared with fixed temperatures, at 4 pairs."""
BELOW = theorem_3_2.Setting(**FEW, gamma0=HEIGHT, beta0=0.05)
"""Far below the threshold β₀ = 2.73."""


Curve = Callable[..., Array]


class Scheme(NamedTuple):
    """Log t as a function of γ, Appendix C's γ as a function of t, and their style."""

    clock: Curve
    rate: Curve
    label: str
    colour: str
    width: float = 1.5


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


SCHEDULED: Curve = partial(appendix_c.schedule, beta=partial(SCHEDULE.beta, nu=0.0), **FROZEN)
SOFTPLUS = with_learned(appendix_c.softplus, gd.Learned(gd.Softplus()))
LINEAR = with_learned(appendix_c.linear, gd.Learned(gd.Linear()))
SLRT = with_learned(appendix_c.slrt, gd.Learned(rate=0.1))
EXPONENTIAL = with_learned(appendix_c.exponential, gd.Learned())
TR = with_learned(appendix_c.exponential, gd.Learned(gd.Exponential(2.0)), scale=2.0)
SCHEMES = {
    "best": Scheme(best, best_rate, "best schedule", "#2ab7a9", width=4),
    "fixed_best": Scheme(*with_fixed(BEST), f"fixed τ* = {BEST:.3f}", "#0b3c5d"),
    "fixed": Scheme(*with_fixed(TAU), f"fixed τ = {TAU}", "#2f7ebc"),
    # Wide, since the next one lies on top of it.
    "softplus": Scheme(*SOFTPLUS, "β = log(1+exp ν)", "#8fc1a9", width=4),
    "linear": Scheme(*LINEAR, "β = ν", "#2a7f62"),
    "slrt": Scheme(*SLRT, "β = exp ν, rate 0.1 (SLRT)", "#8d6a9f"),
    "schedule": Scheme(scheduled, SCHEDULED, "τ 0.01 to 0.05 by 10⁵ (TS S3)", "#e08e45"),
    "tr": Scheme(*TR, "β = exp(ν/2) (TR)", "#d1495b"),
    "clamp": Scheme(clamped, clamped_rate, "β = exp ν ≤ 100 (CLIP)", "0.6"),
    "exponential": Scheme(*EXPONENTIAL, "β = exp ν", "black"),
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
    """γ against t and the times to targets, in dots and digits; a large height; a small β₀."""
    figure = Figure(figsize=(10.4, 8.4), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    curves, dots, digits = rows[0].subplots(1, 3, width_ratios=(1.1, 0.7, 0.7))
    high, below = rows[1].subplots(1, 2)
    panels = {curves: _curves, dots: _dots, digits: _figures, high: _high, below: _below}
    for ax, panel in panels.items():
        panel(ax, numbers)
    return figure


def _curves(ax: Axes, numbers: Numbers) -> None:
    """Axes that compress more than logarithms, on which exponentials and powers of log t show."""
    start = -np.log10(HEIGHT)
    for name, scheme in SCHEMES.items():
        rows = numbers.rows(scheme=name)
        log10_t, below = rows["log10_t"], -rows["log10_gamma"]
        since = min(EARLIEST, log10_t[0])  # where γ is still γ₀
        ax.plot([since, *log10_t], [start, *below], color=scheme.colour, lw=scheme.width)
        ax.plot(log10_t, -rows["log10_predicted"], color=scheme.colour, ls="--", lw=1)
    rows = numbers.rows(scheme="best")
    ax.fill_between(rows["log10_t"], -rows["log10_gamma"], LEAST, color="0.92", lw=0, zorder=0)
    ax.text(-1.2, 250, "out of\nreach", va="bottom")
    powers = (1, 2, 3, 5, 10, 30, 100, 300)
    ax.set(yscale="log", ylim=(LEAST, 0.48), ylabel="γ, on an axis logarithmic in -log γ")
    ax.set_yticks([start, *powers], [f"{HEIGHT}", *(f"$10^{{-{power}}}$" for power in powers)])
    ax.set_title(
        "(a) no temperature closes γ faster than the best schedule\n"
        f"Z = I, {PAIRS} pairs, γ₀ = {HEIGHT}; learned: τ₀ = {TAU}; dashed: late rates"
    )
    _time(ax, (0, 2, 5, 10, 20, 40, 100))


def _dots(ax: Axes, numbers: Numbers) -> None:
    """A row for each scheme, with a dot for each target."""
    rows = numbers.parameters["log10_closing_time"]
    colours = [scheme.colour for scheme in SCHEMES.values()]
    for row, (times, colour) in enumerate(zip(rows.values(), colours, strict=True)):
        ax.plot([*times.values()], [row] * len(times), color=colour, lw=1, zorder=1)
    for target, fill in zip(map(str, TARGETS), ("white", "0.8", None), strict=True):
        at = [times[target] for times in rows.values()]
        faces = colours if fill is None else fill
        ax.scatter(at, range(len(at)), s=32, c=faces, ec=colours, clip_on=False, zorder=2)
        ax.scatter([], [], s=32, c=fill or "0.3", ec="0.3", label=f"γ = {target}")
    ax.legend(loc="upper right")
    ax.set_yticks(range(len(rows)), [scheme.label for scheme in SCHEMES.values()])
    for text, colour in zip(ax.get_yticklabels(), colours, strict=True):
        text.set_color(colour)
    ax.tick_params("y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_title("(b) time to close to γ")
    _time(ax, (0, 5, 20, 100))


def _figures(ax: Axes, numbers: Numbers) -> None:
    """The same times in digits."""
    rows = numbers.parameters["log10_closing_time"]
    for column, target in enumerate(map(str, TARGETS)):
        texts = [f"γ = {target}", *(_in_words(times[target]) for times in rows.values())]
        for row, text in zip([-0.75, *range(len(rows))], texts, strict=True):
            ax.text(column, row, text, ha="center", va="center", size=8)
    ax.set(xlim=(-0.5, len(TARGETS) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    ax.set_axis_off()


def _in_words(log10_t: float) -> str:
    """A time in digits, which may be beyond the range of a float."""
    if log10_t < 3:
        return f"{10**log10_t:.3g}"
    digits, carry = f"{10 ** (log10_t % 1):.1e}".split("e")
    return rf"${digits}\cdot10^{{{int(log10_t) + int(carry)}}}$"


def _time(ax: Axes, powers: Sequence[int]) -> None:
    """A horizontal axis that is nearly logarithmic in log t, with ticks at powers of ten."""
    ax.set_xscale("asinh", linear_width=3)
    ax.set_xticks(powers, ["1" if power == 0 else f"$10^{{{power}}}$" for power in powers])
    ax.minorticks_off()
    ax.set(xlim=(EARLIEST, LATEST), xlabel="time t, on an axis nearly logarithmic in log t")


def _high(ax: Axes, numbers: Numbers) -> None:
    """γ from a large height, where the best temperature is not constant."""
    table, said = numbers.more["high"], numbers.parameters["from_a_large_height"]
    curves = {
        "best": ("best schedule", SCHEMES["best"].colour, "D"),
        "fixed_soon": (f"fixed τ = {said['tau']['fixed_soon']:.3f}", "#2f7ebc", "s"),
        "fixed_late": (f"fixed τ* = {said['tau']['fixed_late']:.3f}", "#0b3c5d", "o"),
    }
    for name, (label, colour, marker) in curves.items():
        time = said[f"times_to_{HALF_WAY}"][name]
        ax.plot(table[name], table["gamma"], color=colour)
        ax.plot(time, HALF_WAY, marker, color=colour)
        ax.plot([], [], color=colour, marker=marker, label=f"{label}: {time:.3f}")
    ax.fill_between(table["best"], table["gamma"], 0.3, color="0.92", lw=0, zorder=0)
    ax.text(0.02, 0.32, "out of reach", va="bottom")
    ax.set(xlim=(0, 0.5), ylim=(0.3, 0.92), xlabel="time t", ylabel="height γ")
    ax.set_title(
        f"(c) from γ₀ = {HIGH} no fixed temperature is as fast\n"
        f"Z = I, {said['n']} pairs; the best τ rises from {said['first_tau_of_best']:.3f} to τ*"
    )
    ax.legend(loc="upper right", title=f"time to γ = {HALF_WAY}", title_fontsize=8)


def _below(ax: Axes, numbers: Numbers) -> None:
    """The infimum and Z = I below the threshold, and the late form that they share."""
    table = numbers.more["below"]
    ax.plot(table["log10_t"], table["late"], color="0.4", lw=1, ls="--", label="late form of both")
    ax.plot(table["log10_t"], table["frozen"], color="black", label="frozen Z = I")
    ax.plot(
        table["log10_t"],
        table["infimum"],
        color="#b23a48",
        ls="-.",
        label="infimum over Z of margin ≥ 1",
    )
    ax.fill_between(table["log10_t"], table["infimum"], 1e-9, color="0.92", lw=0, zorder=0)
    ax.set(yscale="log", xlim=(-2, 8), ylim=(3e-7, 1), xlabel="log₁₀ of time t", ylabel="height γ")
    ax.set_title(
        "(d) below the threshold of Theorem 3.2 larger margins are faster, at first\n"
        f"{FEW['n']} pairs, β = exp ν, β₀ = {BELOW.beta0} (threshold {BELOW.threshold:.2f})"
    )
    ax.legend(loc="upper right")
