"""How fast γ can close at all: the speed limit, the best schedule, and Theorem 3.2 for any β₀."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import minimize
from scipy.special import lambertw

from gapdyn import examples, loss, measures, sphere
from gapdyn.flow import flow
from gapdyn.models import FreeModel, FrozenModel, ParallelModel
from gapdyn.temperature import CosineSchedule, Fixed, Learned, LinearSchedule, Temperature
from gapdyn.theory import appendix_c, theorem_3_2
from gapdyn.theory.audit.closing import upper_times
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.theory.audit.theorem_3_2 import FIRST, at_threshold, random_hypotheses
from gapdyn.theory.theorem_3_2 import Setting
from gapdyn.types import Array


def off_diagonal(n: int, values: Array) -> Array:
    """Z with these margins m_ij = Z_ii - Z_ij off its diagonal, which is 0."""
    Z = np.zeros((n, n))
    Z[~np.eye(n, dtype=bool)] = -values
    return Z


def slack(margins: Array, n: int) -> float:
    """How far a g_a(Z) is below W, as a share of W, at a = 1."""
    return float(1 - loss.pull(off_diagonal(n, margins), 1.0) / theorem_3_2.speed_limit(n))


@statement(
    "speed-limit",
    "Theory 4.6",
    "a g_a(Z) ≤ W₀((n-1)/e) for every Z and a, matched or not, with equality at aZ = (1+W)I",
    HOLDS,
)
def speed_limit(full: bool) -> Evidence:
    """A search over Z reaches W and does not pass it."""
    rng, reached, beyond = np.random.default_rng(0), [], -np.inf
    for n in (2, 3, 5):
        limit = theorem_3_2.speed_limit(n)
        for _ in range(10 if full else 3):
            found = minimize(slack, rng.uniform(-1, 3, n * (n - 1)), (n,), tol=1e-9)
            reached.append(float(found.fun))
        for _ in range(1000 if full else 200):
            Z = 10 ** rng.uniform(-1, 2) * rng.standard_normal((n, n))
            beyond = max(beyond, loss.pull(Z, 1.0) / limit)
    few = theorem_3_2.speed_limit(4)
    off = abs(few * np.exp(few) * np.e / 3 - 1)
    return Evidence(
        bool(np.max(np.abs(reached)) < 1e-6 and beyond <= 1 + 1e-12 and off < 1e-12),
        f"a search over all Z of 2, 3 and 5 pairs from {len(reached)} random starts ends at W to "
        f"1e-6 each time. Random Z of any size reach at most {beyond:.3f} of it (seed 0). At n = 4 "
        f"W = {few:.4f} solves We^W = (n-1)/e. A row with v_j = a(z_i - z_j) has aμ = Σv_j "
        "e^{-v_j}/(1 + Σe^{-v_j}), which is largest where all v_j are 1 + aμ",
    )


LAWS: dict[str, Temperature] = {
    "learned": Learned(),
    "slow": Learned(rate=0.1),
    "fixed": Fixed(0.5),
    "cosine": CosineSchedule(0.1, 1.0, 2.0),
    "ramp": LinearSchedule(0.05, 2.0, 5.0),
}
TIMES = np.concatenate([[0.0], np.geomspace(1e-2, 20, 40)])


@statement(
    "speed-limit-flows",
    "Theory 4.6",
    "Under any law of β and any rows γe^{-γ²/2} ≥ γ₀e^{-γ₀²/2}e^{-2Wt}; if β is learned, P(β) ≤ "
    "P(β₀) + Wt; for symmetric free pairs Δ ≥ Δ₀e^{-Wt/n}",
    HOLDS,
)
def speed_limit_flows(full: bool) -> Evidence:
    """Flows of random and of matched rows under five laws, against the limit at all times."""
    least, risen, matched = np.inf, -np.inf, np.eye(5)
    rng = np.random.default_rng(0)
    starts = [(sphere.sample(5, 5, rng), sphere.sample(5, 5, rng)), (matched, matched)]
    for temperature in LAWS.values():
        for X, Y in starts:
            model = ParallelModel(5, 5, temperature)
            tau = 0.5 if isinstance(temperature, Learned) else None
            run = flow(model, model.start(X, Y, tau=tau, gamma=0.6), TIMES)
            height = theorem_3_2.least_height(run.t, n=5, gamma0=0.6)
            least = min(least, float((run.gamma / height).min()))
            if isinstance(temperature, Learned):
                grown = np.log(run.beta / run.beta[0]) / temperature.rate
                risen = max(risen, float((grown[1:] / run.t[1:]).max()))
    W = float(lambertw(4 / np.e).real)
    free = FreeModel(5, 3, Learned())
    X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.6)
    pair = flow(free, free.start(X, Y, tau=0.5), TIMES)
    fall = float((-np.log(pair.gap / pair.gap[0])[1:] / pair.t[1:]).max()) * 5
    return Evidence(
        least > 1 - 1e-6 and 0 < risen <= W and fall <= W,
        "five pairs in R⁵ start from γ₀ = 0.6, random (seed 0) and with X = Y = I, and β is "
        "learned with rates 1 and 0.1, fixed, a cosine and a ramp. Over t = 0..20 γ is at least "
        f"the least height, and P(β) rises at a mean rate of at most {risen:.3f}. For free "
        f"pentagons at ±0.6 n log Δ falls at a mean rate of at most {fall:.3f}; W = {W:.3f}",
    )


@statement(
    "best-schedule",
    "Theory 4.6",
    "β(t) = (1+W)/(α(1-γ(t)²)) closes γ fastest: at Z = αI the least height is attained",
    HOLDS,
)
def best_schedule(full: bool) -> Evidence:
    """The frozen flow under the best schedule is on the least height; under others it is above."""
    times, off, above = np.array([0.3, 1.0, 3.0, 8.0]), 0.0, np.inf
    for n, alpha, gamma0 in ((4, 1.0, 0.9), (6, 0.7, 0.3), (2, 2.0, 0.99)):
        best = appendix_c.best_schedule(n=n, alpha=alpha, gamma0=gamma0)
        least = theorem_3_2.least_height(times, n=n, gamma0=gamma0)
        fixed = appendix_c.optimal_temperature(n=n, alpha=alpha)
        others = (Fixed(fixed), LinearSchedule(best.tau(0.0), fixed, 2.0), Learned())
        for temperature in (best, *others):
            model = FrozenModel(alpha * np.eye(n), temperature)
            tau = fixed if isinstance(temperature, Learned) else None
            y0 = model.start(tau=tau, gamma=gamma0)
            ratio = flow(model, y0, times, rtol=1e-10, atol=1e-300).gamma / least - 1
            if temperature is best:
                off = max(off, float(np.abs(ratio).max()))
            else:
                above = min(above, float(ratio[1:].min()))
    return Evidence(
        off < 1e-6 and above > 1e-3,
        "Z = αI is frozen at (n, α, γ₀) = (4, 1, 0.9), (6, 0.7, 0.3), (2, 2, 0.99). Under τ(t) = "
        "α(1-γ²)/(1+W) γ is the least height at t = 0.3, 1, 3, 8 to 1e-6. With τ fixed at τ*, on a "
        f"ramp from the same τ(0) to τ*, or learned from τ* on, γ is above it by {above:.1%} or "
        "more at t ≥ 1",
    )


Pull = Callable[[float, float], float]


def along(pull: Pull, setting: Setting, times: Array, rtol: float = 1e-9) -> Array:
    """γ at some times by (11) with β = exp ν of rate η, where g is a function of t and a."""

    def velocity(t: float, y: Array) -> list[float]:  # of log γ and log β
        beta, flat = np.exp(y[1]), -np.expm1(2 * y[0])
        g = pull(t, beta * flat)
        return [-2 * beta * g, setting.temperature.rate * beta * flat * g]

    start = np.log([setting.gamma0, setting.beta0])
    span = (0.0, float(times[-1]))
    run = solve_ivp(velocity, span, start, "DOP853", times, rtol=rtol, atol=1e-11, max_step=0.3)
    gamma: Array = np.exp(run.y[0])
    return gamma


def swinging(n: int, alpha: float, rng: np.random.Generator) -> Pull:
    """g of a Z(t) whose margins swing above α, each with its own size, speed and phase."""
    size = rng.exponential(rng.choice([0.1, 1.0, 10.0]), n * (n - 1))
    speed, phase = rng.uniform(0, 9, (2, n * (n - 1)))
    return lambda t, a: loss.pull(
        off_diagonal(n, alpha + size * (1 + np.cos(speed * t + phase))), a
    )


def widest(n: int, alpha: float, t: float, a: float) -> float:
    """g of Z = mI, m = max(α, (1+W)/a), written out."""
    m = max(alpha, float(1 + lambertw((n - 1) / np.e).real) / a)
    return float(m * (n - 1) / (n - 1 + np.exp(a * m)))


@statement(
    "theorem-3.2-infimum",
    "Theory 4.6",
    "For every β₀ > 0 γ is at least the solution of γ' = -2βγĝ(a), ĝ = W/a for aα ≤ 1 + W and "
    "α(n-1)/(n-1+e^{aα}) above, which is sharp over Z of margins ≥ α: Theorem 3.2 needs no "
    "threshold",
    HOLDS,
)
def infimum(full: bool) -> Evidence:
    """Random paths stay above the infimum, Z = mI attains it, and from 1 + W on it is `exact`."""
    rng, count, least, off = np.random.default_rng(0), 60 if full else 12, np.inf, 0.0
    times = np.array([0.1, 1.0, 3.0, 10.0])
    for _ in range(count):
        n, alpha = int(rng.integers(2, 5)), rng.uniform(0.1, 1.5)
        gamma0 = rng.uniform(0.05, 0.95)
        start = theorem_3_2.sharp_threshold(n=n, alpha=alpha, gamma0=gamma0)
        setting = Setting(n, alpha, gamma0, start * rng.uniform(0.02, 1.2))
        bound, path = setting.infimum(np.log(times)), swinging(n, alpha, rng)
        least = min(least, float((along(path, setting, times, rtol=1e-6) / bound).min()))
        fastest = along(partial(widest, n, alpha), setting, times)
        off = max(off, float(np.abs(fastest / bound - 1).max()))
    early = Setting(4, 1.0, 0.3, 0.05)
    slower = float(early.exact(2.4) / early.infimum(2.4))
    late = early.infimum(np.array([1e4, 1e6])) * np.array([1e4, 1e6]) ** 2 / early.conserved**2
    from_there_on = at_threshold(*FIRST)
    same = float(from_there_on.infimum(9.0) / from_there_on.exact(9.0)) == 1
    return Evidence(
        least >= 1 - 1e-5 and off < 1e-6 and same and abs(late[-1] - 1) < 1e-3,
        f"{count} random paths of Z vary in time with margins ≥ α (n = 2..4, β₀ from 0.02 to 1.2 "
        "of the sharp threshold, seed 0). None closes γ faster than the infimum at t = 0.1, 1, 3, "
        "10, and Z = mI with m = max(α, (1+W)/a) attains it to 1e-6. From the threshold on it is "
        "that of Z = αI. From far below, at n = 4, α = 1, γ₀ = 0.3, β₀ = 0.05, Z = αI has "
        f"{slower:.0f} times as large a γ at log t = 2.4. There γlog²t/(αC)² of the infimum is "
        f"{listed(late, '.4f')} at log t = 1e4, 1e6",
    )


@statement(
    "speed-limit-rows",
    "Theory 4.6",
    "For unit rows of positive margin a g_a(Z) is at most that of Z = mI at m = min(n/(n-1), "
    "(1+W)/a), which the regular simplex attains where m = n/(n-1)",
    HOLDS,
)
def rows(full: bool) -> Evidence:
    """Matched random rows and the simplex, at temperatures above and below the simplex's own."""
    rng, most, count = np.random.default_rng(0), 0.0, 5000 if full else 500
    for _ in range(count):
        n, d = int(rng.integers(2, 7)), int(rng.integers(2, 7))
        X = sphere.sample(n, d, rng)
        Y = sphere.normalise(X + rng.exponential(0.1) * rng.standard_normal(X.shape))
        Z, a = X @ Y.T, np.exp(rng.uniform(-3, 3))
        if measures.margin(Z) > 0:
            m = min(n / (n - 1), (1 + theorem_3_2.speed_limit(n)) / a)
            most = max(most, loss.pull(Z, a) / (m * (n - 1) / (n - 1 + np.exp(a * m))))
    simplex = examples.simplex(5)
    attained = loss.pull(simplex @ simplex.T, 1.0) / (1.25 * 4 / (4 + np.exp(1.25)))
    W = theorem_3_2.speed_limit(5)
    top = (1 + W) / 1.25  # the a at which the simplex reaches W
    at_top = top * loss.pull(simplex @ simplex.T, top) / W
    return Evidence(
        0.9 < most <= 1 + 1e-12 and abs(attained - 1) < 1e-12 and abs(at_top - 1) < 1e-12,
        f"g over that of mI is at most {most:.3f} over the matched ones of {count} draws of pairs "
        "(n, d = 2..6, a = e⁻³..e³, seed 0). The simplex of 5 attains it at a = 1, and at a = "
        f"(1+W)(n-1)/n = {top:.3f} it reaches a g = W",
    )


KAPPAS = (0.25, 1.0, 2.0, 4.0, 9.0)


@statement(
    "theorem-3.2-any-kappa",
    "Theory 4.6",
    "With β = exp(ν/s), κ = η/s², r = γ₀^{κ/2}: [c₄/log(c₃c₄t + e^{c₄/r})]^{2/κ} ≤ γ ≤ "
    "[q/log(e^{q/r} + kqγ₀^{-κ}t)]^{2/κ}",
    HOLDS,
)
def any_kappa(full: bool) -> Evidence:
    """Lower ≤ exact ≤ upper over draws for each κ, the upper one also by quadrature."""
    rng, count, broken, off, far = np.random.default_rng(0), 200 if full else 12, 0, 0.0, 0.0
    for kappa in KAPPAS:
        for drawn in random_hypotheses(count, rng):
            setting = Setting(drawn.n, drawn.alpha, drawn.gamma0, drawn.beta0, Learned(rate=kappa))
            t = np.array([0.0, *10 ** rng.uniform(-5, 100, 4)])
            with np.errstate(divide="ignore"):
                gamma = setting.exact(np.log(t))
            lower, upper = setting.lower_bound(t), setting.upper_bound(t)
            broken += int(((lower > gamma * (1 + 1e-12)) | (gamma > upper * (1 + 1e-12))).sum())
            off = max(off, abs(lower[0] / setting.gamma0 - 1), abs(upper[0] / setting.gamma0 - 1))
        times = np.array([1e2, 1e4, 1e6])
        for gamma0 in (0.3, 0.9):
            setting = Setting(4, 1.0, gamma0, 5.0, Learned(rate=kappa))
            again = upper_times(setting.upper_bound(times, 1.2), setting, 1.2)
            far = max(far, float(np.abs(again / times - 1).max()))
    return Evidence(
        broken == 0 and off < 1e-12 and far < 1e-7,
        f"there is no exception over {count} random hypotheses for each κ = 1/4, 1, 2, 4, 9 and "
        "five times to 1e100 each (seed 0), and both bounds are γ₀ at t = 0. Quadrature of dω/dt = "
        "kγ₀^{-κ}e^{-qω}, ω = γ^{-κ/2}, gives the upper bound back to 1e-7 (n = 4, α = 1, A = 1.2, "
        "γ₀ = 0.3 and 0.9, β₀ = 5). For κ ≤ 4 q = AC; beyond, it is that times the largest "
        "e^{κγ²/4}(1-γ²)",
    )


def scale_by_steps(log_size: float, correction: float) -> float:
    """b = L + 2 log b - correction/b, iterated."""
    b = log_size
    for _ in range(100):
        b = log_size + 2 * np.log(b) - correction / b
    return float(b)


@statement(
    "theorem-3.2-late",
    "Theory 4.6",
    "At Z = αI γ = (αC/b)^{2/κ}(1 + O(1/b²)) with b = -2W₋₁(-½(κ(n-1)t)^{-1/2}), κ ≤ 2; with b = L "
    "+ 2 log b - 2/b, L = log((n-1)t), it is O(1/b³) at κ = 1",
    HOLDS,
)
def late(full: bool) -> Evidence:
    """The late form against the exact solution, and the order of its error."""
    log_t, n, orders = np.array([30.0, 100.0, 300.0, 700.0]), 4, []
    setting = at_threshold(*FIRST)
    gamma, root = setting.exact(log_t), setting.conserved
    form = setting.asymptote(np.exp(log_t)) / gamma - 1
    b = np.array([scale_by_steps(s, 2.0) for s in log_t + np.log(n - 1)])
    finer, plain = (root / b) ** 2 / gamma - 1, (root / log_t) ** 2 / gamma - 1
    for kappa in (0.25, 1.0, 2.0):
        other = Setting(4, 1.0, 0.1, setting.beta0, Learned(rate=kappa))
        size = np.array([scale_by_steps(s, 0.0) for s in log_t + np.log(kappa * (n - 1))])
        off = other.asymptote(np.exp(log_t)) / other.exact(log_t) - 1
        orders.append(float((off * size**2 * kappa)[-1]))  # tends to -4, at κ = 2 nearly
    return Evidence(
        abs(form[0] + 0.003) < 1e-4
        and abs(finer[0] + 1.7e-4) < 1e-5
        and 0.6 < plain[0] < 0.65
        and all(abs(k + 4) < 0.1 for k in orders),
        "at n = 4, α = 1, γ₀ = 0.1, β₀ at the threshold and log t = 30, 100, 300, 700, (αC/b)² "
        f"over γ is off by {listed(form, '.1e')}. With -2/b in the equation of b it is off by "
        f"{listed(finer, '.1e')}, and (αC)²/log²t by {listed(plain, '.2g')}. The error times κb² "
        f"tends to -4: it is {listed(orders, '.2f')} for κ = 1/4, 1, 2 at log t = 700",
    )
