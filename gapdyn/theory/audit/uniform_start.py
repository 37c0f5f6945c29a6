"""Beyond Theorem 3.3: its bound by the variance, for the gap itself, and in the free model."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from gapdyn import sphere
from gapdyn.flow import flow
from gapdyn.models import FreeModel
from gapdyn.temperature import Learned
from gapdyn.theory import theorem_3_3
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.theory.audit.theorem_3_3 import WIDE, moment, pulls, velocities
from gapdyn.types import Array

NEAR: dict[str, Any] = {"n": 1000, "d": 2, "tau": 0.08, "gamma0": 0.6, "delta": 0.2}
"""Where a = 8, and a bound that is 10 % larger is above the limit."""
LARGE: dict[str, Any] = {"n": 2048, **WIDE}


class Spread:
    """A = ξ₁/ξ₂, w and v of theory 4.7 by quadrature of the density, a bracket and its best."""

    def __init__(self, a: float, d: int) -> None:
        xi1, xi2 = (moment(k, a, d) for k in (1, 0))
        m0, m1, m2 = (moment(k, 2 * a, d) / xi2**2 for k in (0, 1, 2))
        self.d, self.A, self.w = d, xi1 / xi2, m0
        self.v = m2 - 2 * self.A * m1 + self.A**2 * m0

    def bracket(self, n: int, d1: Array, d2: Array, d3: Array) -> Array:
        """The bound on -g with given δ₁, δ₂, δ₃."""
        averages = np.sqrt(self.v * (1 - d2) / d2) + 2 * np.sqrt(self.v * (self.w - 1)) / d1
        value: Array = self.A - np.sqrt(2 * np.log(1 / d3) / (n * self.d)) - averages / n
        return value

    def best(self, n: int, delta: float) -> float:
        """The largest bracket over a grid of shares that is refined around its best point."""
        left, centre, width = delta - 2 * n * np.exp(-n / (8 * self.w)), np.zeros(2), 12.0
        for _ in range(14):
            steps = np.linspace(-width, width, 25)
            p, q = np.meshgrid(centre[0] + steps, centre[1] + steps)
            shares = np.exp([p, q, 0 * p])
            values = self.bracket(n, *(left * shares / shares.sum(axis=0)))
            at = np.argmax(values)
            centre, width = np.array([p.flat[at], q.flat[at]]), width / 3
        return float(values.max())

    def gap(self, n: int, gamma0: float, delta: float) -> float:
        """The bound of theory 4.7 on (dΔ/dt)/(4β₀γ₀), with the best share for ‖u‖."""

        def bracket(share: float) -> float:
            U = np.sqrt(2 / n) + 2 * np.sqrt(np.log(1 / (share * delta)) / (n * self.d))
            rise = 2 * gamma0 * (1 - U**2 / 4) * self.best(n, (1 - share) * delta)
            drawn = 3 * np.sqrt(3) / 8 * (1 - gamma0**2) ** 2 * U / (n * gamma0)
            return float((rise - drawn) / np.sqrt(4 * gamma0**2 + (1 - gamma0**2) * U**2))

        return -float(minimize_scalar(lambda s: -bracket(s), bounds=(1e-6, 0.9)).fun)


def concentration(case: dict[str, Any]) -> float:
    """a = β₀(1-γ₀²)."""
    return float((1 - case["gamma0"] ** 2) / case["tau"])


def shares_below(values: Array, bound: float) -> tuple[float, float]:
    """The share of draws below a bound, and below one that is 10 % larger."""
    return float((values < bound).mean()), float((values < 1.1 * bound).mean())


@statement(
    "theorem-3.3-variance",
    "Theory 4.7",
    "With probability 1-δ, dγ/dt at 0 is at least 2β₀γ₀{A - √(2log(1/δ₃)/(nd)) - "
    "[√(v(1-δ₂)/δ₂) + 2√(v(w-1))/δ₁]/n}, δ₁ + δ₂ + δ₃ + 2ne^{-n/8w} = δ",
    HOLDS,
)
def variance(full: bool) -> Evidence:
    """The bound agrees with quadrature and a search, and a tenth more would not be covered."""
    off = 0.0
    for case in (LARGE, LARGE | {"n": 512}, NEAR):
        bound, spread = theorem_3_3.variance_bound(**case), Spread(concentration(case), case["d"])
        off = max(off, abs(bound.value / spread.best(case["n"], case["delta"]) - 1))
    draws = 200 if full else 12
    values = pulls(NEAR["n"], 2, 8.0, draws, np.random.default_rng(0))
    near = theorem_3_3.variance_bound(**NEAR).value
    union = theorem_3_3.sharper_bound(**NEAR, diagonal_share=0.5).value
    (fails, more), (fail, most) = (shares_below(values, bound) for bound in (near, union))
    large, small = (theorem_3_3.variance_bound(n=n, **WIDE).value for n in (2048, 512))
    half = theorem_3_3.sharper_bound(n=2048, **WIDE, diagonal_share=0.5).value
    needed = theorem_3_3.pairs_needed(**WIDE, bound="variance")
    apart = (float(theorem_3_3.limit(d=2, tau=0.08, gamma0=0.6)) - near) * np.sqrt(2000)
    return Evidence(
        off < 1e-8 and large > half and max(fails, fail) <= 0.2 and min(more, most) > 0.6,
        f"τ = 0.07, γ₀ = 0.3, δ = 0.05, d = 512, in units of 2β₀γ₀: {large:.4f} at n = 2048 (the "
        f"bound of theory 3.4 is {half:.4f}, with half of δ for the diagonal) and {small:.4f} at n "
        f"= 512; positive from n = {needed:.0f} on. Quadrature and a search for the best shares of "
        "δ agree to 1e-8 there and at n = 1000, d = 2, τ = 0.08, γ₀ = 0.6, δ = 0.2. There it is "
        f"{near:.4f}, {fails:.2f} of {draws} draws are below it, and {more:.2f} below one that is "
        f"10 % larger (seed 0); for the bound of theory 3.4 these are {union:.4f}, {fail:.2f} and "
        f"{most:.2f}. That by the variance is {apart:.1f}/√(nd) below the limit, where 0.84/√(nd) "
        "would be enough as n → ∞: what is lost is the tail of the diagonal, sub-Gaussian and not "
        "normal, and the union of events",
    )


@statement(
    "theorem-3.3-normal",
    "Theory 4.7",
    "√(nd)(-g_a(Z) - A_d(a)) tends in law to a standard normal variable as n → ∞",
    HOLDS,
)
def normal(full: bool) -> Evidence:
    """A Kolmogorov-Smirnov test; the fluctuation is that of the mean of the diagonal."""
    from scipy.stats import kstest  # slow to import

    n, draws, least, seen = 200, 4000 if full else 400, 1.0, []
    for d, a in ((2, 0.5), (8, 1.0)):
        limit = theorem_3_3.limit(d=d, tau=0.91 / a, gamma0=0.3).value
        scaled = np.sqrt(n * d) * (pulls(n, d, a, draws, np.random.default_rng(0)) - limit)
        least = min(least, float(kstest(scaled, ndtr).pvalue))
        seen.append(f"{scaled.mean():+.2f} ± {scaled.std():.2f}")
    return Evidence(
        least > 0.01,
        f"n = {n}, {draws} draws each: √(nd)(-g - A) is {' and '.join(seen)} at (d, a) = (2, 0.5) "
        f"and (8, 1), Kolmogorov-Smirnov p ≥ {least:.2f} (seed 0)",
    )


@statement(
    "theorem-3.3-gap",
    "Theory 4.7",
    "With probability 1-δ-δ', dΔ/dt at 0 is at least 4β₀γ₀[2γ₀(1-U²/4)B - "
    "(3√3/8)(1-γ₀²)²U/(nγ₀)]/√(4γ₀² + (1-γ₀²)U²), U = √(2/n) + 2√(log(1/δ')/(nd)), where B > 0 "
    "bounds -g and the bracket is not negative",
    HOLDS,
)
def gap(full: bool) -> Evidence:
    """The bound on dΔ/dt agrees with a search, is not attained, tends to (9), and is covered."""
    off = 0.0
    for case in (LARGE, NEAR):
        bound, spread = theorem_3_3.gap_bound(**case).value, Spread(concentration(case), case["d"])
        off = max(off, abs(bound / spread.gap(case["n"], case["gamma0"], case["delta"]) - 1))
    draws = 200 if full else 8
    rises, _ = velocities(NEAR["n"], 0.6, draws, np.random.default_rng(0), 2, NEAR["tau"])
    near = theorem_3_3.gap_bound(**NEAR).value
    fails, more = shares_below(rises / (4 * 0.6 / NEAR["tau"]), near)
    at = partial(theorem_3_3.gap_bound, **WIDE)
    limit = theorem_3_3.limit(d=512, tau=0.07, gamma0=0.3).value
    tends = [1 - at(n=n).value / limit for n in (1e4, 1e6, 1e8)]
    return Evidence(
        off < 1e-8
        and (np.diff(tends) < 0).all()
        and 0 < tends[-1] < 1e-3
        and fails <= 0.2 < 0.6 < more,
        f"τ = 0.07, γ₀ = 0.3, δ + δ' = 0.05, in units of 4β₀γ₀: {at(n=2048).value:.4f} at n = "
        f"2048, d = 512, and below the limit (9), which it tends to, by "
        f"{listed([100 * x for x in tends], '.2f')} % at n = 1e4, 1e6, 1e8. A search for the "
        "best shares agrees to 1e-8. At n = 1000, d = 2, τ = 0.08, γ₀ = 0.6, δ + δ' = 0.2 it is "
        f"{near:.4f}; dΔ/dt is below it in {fails:.2f} of {draws} draws, and below one that is 10 "
        f"% larger in {more:.2f} (seed 0)",
    )


@statement(
    "theorem-3.3-free",
    "Theory 4.7",
    "In the free model, from uniform rows lifted to ±γ₀, d log(h_X - h_Y)/dt = (a/n)(-g_a(Z)) at "
    "0, a = β₀(1-γ₀²), with h the mean heights along the axis, and Δ ≥ h_X - h_Y",
    HOLDS,
)
def free(full: bool) -> Evidence:
    """The law agrees with the velocity of the free model; draws are above the bound."""
    rng, off, above, n = np.random.default_rng(0), 0.0, [], 200
    for _ in range(100 if full else 20):
        tau, gamma0 = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.9)
        X, Y = sphere.lift(sphere.sample(n, 3, rng), sphere.sample(n, 3, rng), gamma=gamma0)
        model = FreeModel(n, 4, Learned(), row_rate=rng.uniform(0.5, 2))
        y = model.start(X, Y, tau=tau)
        there = model.split(model.velocity(0.0, y))
        grows = float((there.X - there.Y)[:, -1].mean()) / (2 * gamma0)
        said = theorem_3_3.height_velocity(model, y)
        off = max(off, abs(said / grows - 1))
        bound = theorem_3_3.variance_bound(n=n, d=3, tau=tau, gamma0=gamma0, delta=0.2)
        above.append(said >= model.row_rate * (1 - gamma0**2) / tau / n * bound.value)
    few = FreeModel(12, 4, Learned())
    run = flow(few, few.start(X[:12], Y[:12], tau=0.1), 1e3)
    heights = [np.subtract(*(rows[:, -1].mean() for rows in few.rows(y))) for y in run.y]
    return Evidence(
        off < 1e-11 and np.mean(above) >= 0.8 and (run.gap >= np.array(heights) - 1e-12).all(),
        f"the law agrees with the velocity of the free model to 1e-11 at {len(above)} starts of "
        f"{n} random rows of S² lifted into R⁴ (τ₀ = 0.1..0.5, γ₀ = 0.1..0.9, row rates 0.5..2, "
        f"seed 0). Of them {np.mean(above):.2f} are above the bound for δ = 0.2, and Δ ≥ h_X - h_Y "
        "along a flow of twelve pairs to t = 1e3",
    )
