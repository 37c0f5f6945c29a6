"""How fast γ closes under each temperature scheme, beside the rates of Appendix C.

Z = I is frozen, with 1024 pairs. All schemes start from γ₀ = 0.3, and those that learn from CLIP's
τ₀ = 0.07. Where mean X = mean Y the gap is Δ = 2γ. Times may be beyond the range of a float, so
each scheme is a clock: log t as a function of γ.
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
from scipy.optimize import brentq

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


def fixed(gamma: Array, *, beta: float, gamma0: float = HEIGHT) -> Array:
    """Log t for a constant β, by the same integral."""

    def slowness(x: Array) -> Array:
        log_beta = np.full_like(x, np.log(beta))
        return closing.log_slowness(x, log_beta, gamma0=gamma0, n=PAIRS, alpha=MARGIN)

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
    return Numbers({key: np.concatenate([p[key] for p in parts]) for key in parts[0]}, parameters)


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


def draw(numbers: Numbers) -> Figure:
    """γ against t, and the times at which γ reaches the targets, as dots and in digits."""
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1.1, 0.7, 0.7))
    _curves(axes[0], numbers)
    _dots(axes[1], numbers)
    _figures(axes[2], numbers)
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
    powers = (1, 2, 3, 5, 10, 30, 100, 300)
    ax.set(yscale="log", ylim=(LEAST, 0.48), ylabel="γ, on an axis logarithmic in -log γ")
    ax.set_yticks([start, *powers], [f"{HEIGHT}", *(f"$10^{{-{power}}}$" for power in powers)])
    ax.set_title(
        f"frozen Z = I, {PAIRS} pairs, γ₀ = {HEIGHT}; learned: τ₀ = {TAU}\n"
        "solid: computed; dashed: late rate, Appendix C corrected"
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
    ax.set_title("time to close to γ")
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
