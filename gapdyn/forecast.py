"""What the theory says of given rows, each statement with the hypothesis that it needs.

The rows are taken for a state of the free model (1) at temperature τ. A statement whose hypothesis
the rows do not meet has no number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, norm

from gapdyn import loss
from gapdyn._memory import claim_similarities
from gapdyn.close import CLIP
from gapdyn.landscape import landscape
from gapdyn.loss import at_temperature, best_temperature, mean_cross_entropy
from gapdyn.measures import pair_margins
from gapdyn.sphere import TIE, normalise, rounding
from gapdyn.theory import (
    appendix_c,
    frozen_gap,
    gap_velocity,
    lemma_3_1,
    theorem_3_2,
    theorem_3_3,
)
from gapdyn.types import Array
from gapdyn.validate import validate_pairs, validate_temperature

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the margins of the pairs."""
AMOUNTS = np.linspace(-1.5, 3.5, 26)
"""Shifts among which that of least loss is looked for, and then refined."""
TAUS = np.geomspace(1e-3, 10.0, 41)
"""Temperatures among which the one that closes fastest is looked for, and then refined."""
FREE = "rows move freely, as in the free model (1)"
SPAN = 1e-9, 1e9
"""Temperatures at which all of the theory has numbers."""
LEVEL = 1e-3
"""Heights, and similarities, that differ by no more than this count as equal."""
HORIZON = 1e5
"""Time until which the gap is bounded, that of Figure 2."""
DELTA, DOUBT = 0.05, 0.01
"""Probability that a bound fails, and of what would speak against uniform rows by chance."""


class Statement(NamedTuple):
    """One thing that theory says of rows.

    Attributes
    ----------
    name, says : str
        A short name, and what the number is, with its equation.
    value : float
        NaN where the hypothesis is not met.
    hypothesis : str
        What it needs.
    met : bool
        Whether these rows meet what of it can be checked on rows.
    """

    name: str
    says: str
    value: float
    hypothesis: str
    met: bool


@dataclass(frozen=True)
class Forecast:
    """Given rows, and what follows for them.

    Attributes
    ----------
    pairs, dim : int
    tau : float
    gap : float
    matched : float
        Share of the pairs with a positive margin.
    margins : dict
        Quantiles of the margins of the pairs, by their level.
    loss, log_pairs : float
        Eq. (2) at τ, and ln n, which is the loss of rows that tell nothing apart, both in nats.
    best_tau, best_loss : float
        The temperature at which the loss of these rows is least, and that loss.
    statements : tuple of Statement
    """

    pairs: int
    dim: int
    tau: float
    gap: float
    matched: float
    margins: dict[str, float]
    loss: float
    log_pairs: float
    best_tau: float
    best_loss: float
    statements: tuple[Statement, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, each statement as a mapping."""
        return asdict(self) | {"statements": [s._asdict() for s in self.statements]}


def forecast(X: ArrayLike, Y: ArrayLike, *, tau: float = CLIP) -> Forecast:
    """Say what the theory says of given rows at a temperature.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y. Rows are normalised; n × n similarities are stored.
    tau : float
        Temperature τ from 1e-9 to 1e9; CLIP's least by default.

    Returns
    -------
    Forecast

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape (n, d), n, d ≥ 2, with rows of nonzero length,
        their centres coincide, or τ is outside its range.

    Examples
    --------
    >>> from gapdyn import sphere
    >>> found = forecast(*sphere.lift(*sphere.polygon_pairs(5), gamma=0.31), tau=0.07)
    >>> said = {s.name: round(s.value, 4) for s in found.statements if s.met}
    >>> said["most per e-fold"], said["slope"]
    (0.8319, -1.0)
    """
    X, Y = map(normalise, validate_pairs(X, Y))
    tau = validate_temperature("tau", tau)
    if not SPAN[0] <= tau <= SPAN[1]:
        raise ValueError(f"tau must lie between {SPAN[0]:g} and {SPAN[1]:g}, got {tau:g}")
    gap = float(np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0)))
    if gap <= rounding(*X.shape):
        raise ValueError("X and Y must have a gap: with equal centres there is nothing to forecast")
    claim_similarities(len(X))
    Z = X @ Y.T
    margins, best = pair_margins(Z), best_temperature(Z)
    return Forecast(
        pairs=len(X),
        dim=X.shape[1],
        tau=tau,
        gap=gap,
        matched=float((margins > TIE).mean()),
        margins={f"{q:g}": float(np.quantile(margins, q)) for q in QUANTILES},
        loss=float(mean_cross_entropy(Z / tau)),
        log_pairs=float(np.log(len(X))),
        best_tau=best,
        best_loss=at_temperature(Z, best),
        statements=(
            *_frozen(margins, tau, len(X), gap),
            *_now(X, Y, Z, tau, gap),
            *_parallel(X, Y, margins, tau),
            _wanted(X, Y, tau),
            *_fastest(X, Y, Z, gap),
        ),
    )


def _frozen(margins: Array, tau: float, n: int, gap: float) -> list[Statement]:
    """Theory 4.2: the most by which the gap moves while log β grows."""
    alpha = float(margins.min())
    met = alpha > TIE
    now = f"{alpha:.3g}, that of now" if met else f"above 0, and that of now is {alpha:.3g}"
    needs = f"{FREE}, β = exp ν is learned, and the least margin α of the pairs stays {now}"
    per_fold = float(frozen_gap.bound(1.0, n=n, alpha=alpha)) if met else np.nan
    most = max(gap, 2 - gap)

    def vacuous(value: float) -> str:
        return f"; vacuous, as no gap changes by more than {most:.3g} here" if value >= most else ""

    statements = [
        Statement(
            "most per e-fold",
            "the most by which the gap changes while τ falls to 1/e, or ∫ βg dt grows by 1 where a"
            f" clamp holds τ: (3√3/2)/(nα), theory 4.2{vacuous(per_fold)}",
            per_fold,
            needs,
            met,
        )
    ]
    if tau > CLIP:
        value = per_fold * float(np.log(tau / CLIP))
        says = "the most by which the gap changes until τ = "
        says += f"{CLIP}, CLIP's least, theory 4.2{vacuous(value)}"
        statements.append(Statement("most to the clamp", says, value, needs, met))
    return statements


def _now(X: Array, Y: Array, Z: Array, tau: float, gap: float) -> list[Statement]:
    """Theory 4.1 and 4.2 at this very state, whatever its margins are."""
    n, beta = len(X), 1 / tau
    u = X.mean(axis=0) - Y.mean(axis=0)
    speed = float(u @ gap_velocity.velocity(X, Y, beta=beta)) / gap
    statements = [
        Statement(
            "gap velocity",
            "dΔ/dt at this state, per unit of time of the flow, theory 4.1",
            speed,
            FREE,
            True,
        ),
        Statement(
            "largest velocity",
            "the most that |dΔ/dt| can be at this τ, for any rows: (3√3/2)β/n, theory 4.2",
            gap_velocity.most(n=n, beta=beta),
            FREE,
            True,
        ),
    ]
    try:
        slope, met = gap_velocity.slope(X, Y, beta=beta), True
    except ValueError:  # β stands still, or no weight is a float64
        slope, met = np.nan, False
    says = (
        "n d log Δ/d log β at this state, or over ∫ βg dt where a clamp holds β; -1 by the exchange"
        " law, theory 4.1"
    )
    way = "falls" if loss.g(Z, beta) > 0 else "rises"
    needs = f"{FREE}, β = exp ν is learned, and the loss pulls on β" + (
        f" (unless a clamp holds it, τ {way} here)" if met else ""
    )
    return [Statement("slope", says, slope, needs, met), *statements]


def _parallel(X: Array, Y: Array, margins: Array, tau: float) -> list[Statement]:
    """Theory 3.2, 4.6 and 4.7, which are about the parallel model (3)."""
    direction, gamma, spread = _level(X, Y)
    level = spread <= LEVEL < gamma < 1 - LEVEL
    at = f"level at ±{gamma:.3g}" if level else "not level, along any direction"
    needs = f"the parallel model (3), whose rows are level at heights ±γ; these are {at}"
    alpha = min(float(margins.min()) / (1 - gamma**2), 2.0) if level else np.nan
    matched = level and float(margins.min()) > TIE
    statements = []
    if tau > CLIP:
        height = lemma_3_1.gamma(1 / CLIP, beta0=1 / tau, gamma0=gamma) if level else np.nan
        says = f"2γ when τ = {CLIP}, which the gap is not below; Lemma 3.1 solved, theory 3.2"
        learned = f"{needs}; β = exp ν is learned"
        statements.append(Statement("2γ at the clamp", says, 2 * float(height), learned, level))
    least = np.nan
    if matched:
        setting = theorem_3_2.Setting(n=len(X), alpha=alpha, gamma0=gamma, beta0=1 / tau)
        least = float(setting.infimum(np.log(HORIZON)))
    stays = f", and their least margin α stays {alpha:.3g}" if matched else ", and α > 0"
    opening, uniform = _opening(X, Y, direction, gamma, tau) if level else (np.nan, False)
    doubt = f", against which nothing speaks at {DOUBT:g}" if uniform else ""
    if level and not uniform:
        doubt = ", which these do not look like or are too few to tell"
    return [
        *statements,
        Statement(
            "least 2γ",
            f"the least that 2γ can be at t = {HORIZON:g}, and the gap is not below it: Theorem 3.2"
            " without its threshold, theory 4.6",
            2 * least,
            f"{needs}{stays}; β = exp ν is learned without a clamp",
            matched,
        ),
        Statement(
            "least dγ/dt",
            f"the least that dγ/dt is here with probability {1 - DELTA:g}: Theorem 3.3 as in theory"
            " 4.7",
            opening if opening > 0 else np.nan,
            f"{needs}; rows are independent and uniform before they are lifted{doubt}; enough pairs"
            " for this to be above 0",
            opening > 0,
        ),
    ]


def _level(X: Array, Y: Array) -> tuple[Array, float, float]:
    """A direction along which rows of X are nearest to γ and those of Y to -γ; γ; their spread.

    It is the shortest w with ⟨x_i, w⟩ = -⟨y_j, w⟩ = 1 by least squares, so that γ is largest.
    """
    rows = np.concatenate([X, -Y])
    w = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=1e-5)[0]
    if not (length := float(np.linalg.norm(w))) > 0:
        return w, 0.0, np.inf
    heights = rows @ (w / length)
    return w / length, float(heights.mean()), float(np.ptp(heights))


def _opening(X: Array, Y: Array, direction: Array, gamma: float, tau: float) -> tuple[float, bool]:
    """The bound on dγ/dt from uniform rows, and whether these may be such."""
    if not _may_be_uniform(X, Y, direction):
        return np.nan, False
    n, d = len(X), X.shape[1] - 1
    bound = theorem_3_3.variance_bound(n=n, d=d, tau=tau, gamma0=gamma, delta=DELTA)
    return 2 / tau * gamma * bound.value, True


def _may_be_uniform(X: Array, Y: Array, direction: Array) -> bool:
    """Whether nothing speaks against rows that were uniform before they were lifted.

    Tested are their means (Rayleigh), second moments (Bingham) and the similarity of matching rows.
    With as many dimensions as rows the direction is one that fits, and nothing can be said.
    """
    n, d = X.shape
    p = d - 1
    if p < 2 or 2 * n <= d:
        return False
    x, y = ((rows - np.outer(rows @ direction, direction)) for rows in (X, Y))
    x, y = normalise(x), normalise(y)
    values = [2 * norm.sf(abs(np.sqrt(p / n) * np.sum(x * y)))]
    for rows in (x, y):
        values.append(chi2.sf(n * p * np.sum(rows.mean(axis=0) ** 2), p))
        unequal = np.sum((rows.T @ rows / n) ** 2) - 1 / p
        values.append(chi2.sf(n * p * (p + 2) / 2 * unequal, (p - 1) * (p + 2) / 2))
    return bool(min(values) > DOUBT / len(values))


def _wanted(X: Array, Y: Array, tau: float) -> Statement:
    """Theory 3.8: the gap of least loss."""
    found = landscape(X, Y, [tau], amounts=AMOUNTS)
    inside = 0 < int(found.losses[0].argmin()) < AMOUNTS.size - 1
    gap = round(float(found.best_gap[0]), 6) + 0.0  # to within the search, and without -0
    reached = f"{abs(found.gaps).max():.3g}"
    return Statement(
        "gap of least loss",
        f"the gap, of rows shifted along it, at which the loss is least at τ = {tau:g}, theory 3.8",
        gap if inside else np.nan,
        "no model, as it is about shifts alone and not about where a flow goes; a least loss within"
        f" the gaps that are tried, up to {reached}",
        inside,
    )


def _fastest(X: Array, Y: Array, Z: Array, gap: float) -> list[Statement]:
    """The temperature at which the gap falls fastest: of these rows, and by theory 3.5."""
    n, u = len(X), X.mean(axis=0) - Y.mean(axis=0)

    def rise(log_tau: float) -> float:
        v = gap_velocity.velocity(X, Y, beta=float(np.exp(-log_tau)))
        return float(u @ v) / gap**2

    grid = np.log(TAUS)
    rises = np.array([rise(s) for s in grid])
    at, closes = int(rises.argmin()), bool(rises.min() < 0)
    tau = rate = np.nan
    if closes:
        bounds = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
        best = minimize_scalar(rise, bounds=bounds, method="bounded", options={"xatol": 1e-6})
        tau, rate = float(np.exp(best.x)), -float(best.fun)
    needs = f"{FREE}; of this state alone, as the best τ changes along a flow"
    off = Z[~np.eye(n, dtype=bool)]
    even = max(float(np.ptp(off)), float(np.ptp(Z.diagonal()))) <= LEVEL
    alpha = float(Z.diagonal().mean() - off.mean())
    met = even and 0 < alpha <= 2
    return [
        Statement(
            "fastest fixed τ",
            f"the τ between {TAUS[0]:g} and {TAUS[-1]:g} at which -d log Δ/dt of these rows is"
            " largest",
            tau,
            needs,
            closes,
        ),
        Statement("its rate", "-d log Δ/dt at that τ, per unit of time", rate, needs, closes),
        Statement(
            "τ* of Appendix C",
            "the fixed τ at which γ closes fastest late: α/(1 + W₀((n-1)/e)), theory 3.5",
            float(appendix_c.optimal_temperature(n=n, alpha=alpha)) if met else np.nan,
            "the parallel model (3) with Z = αI up to a constant"
            + ("" if met else "; similarities of these rows differ among pairs or among others"),
            met,
        ),
    ]
