"""Evidence on Appendix C: temperature schemes in the scalar model and the cross-entropy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import lambertw

from gapdyn.flow import flow
from gapdyn.models import FrozenModel, ScalarModel
from gapdyn.temperature import (
    CosineSchedule,
    Exponential,
    Fixed,
    Learned,
    Linear,
    Scheduled,
    Softplus,
    Temperature,
)
from gapdyn.theory import appendix_c, lemma_3_1
from gapdyn.theory.evidence import Evidence
from gapdyn.types import Array

START = {"beta0": 2.0, "gamma0": 0.3}
CROSS = {"n": 6, "alpha": 0.7}


def heights(temperature: Temperature, times: ArrayLike, cross_entropy: bool = False) -> Array:
    """γ at some times from β₀ = 2, γ₀ = 0.3, to 11 digits of itself."""
    model = FrozenModel(0.7 * np.eye(6), temperature) if cross_entropy else ScalarModel(temperature)
    tau = 0.5 if isinstance(temperature, Learned) else None
    y0 = model.start(tau=tau, gamma=0.3)
    return flow(model, y0, np.asarray(times, dtype=float), rtol=1e-11, atol=1e-300).gamma


def _twice(name: str, gamma: Array, true: Array, printed: Array, times: str) -> Evidence:
    """γ over the corrected rate settles, over the printed one it does not."""
    settles, drifts = gamma / true, gamma / printed
    return Evidence(
        bool(abs(settles[-1] / settles[-2] - 1) < 0.02 and drifts[-1] < 0.1 * drifts[-2]),
        f"scalar model, {name}, γ₀ = 0.3, {times}: γ over the printed rate is "
        f"{', '.join(f'{v:.2g}' for v in drifts)}, over the rate with the factor 2 that is "
        f"missing in the exponent {', '.join(f'{v:.4g}' for v in settles)}",
    )


def constant(full: bool) -> Evidence:
    """Fixed temperature."""
    times = np.array([20.0, 40.0, 60.0])
    true, printed = (appendix_c.constant(times, **START, printed=p) for p in (False, True))
    return _twice("β₀ = 2", heights(Fixed(0.5), times), true, printed, "t = 20, 40, 60")


def schedule(full: bool) -> Evidence:
    """A bounded schedule."""
    cosine, times = CosineSchedule(0.3, 0.8, 7.0), np.array([28.0, 56.0, 84.0])
    true, printed = (
        appendix_c.schedule(times, beta=lambda t: cosine.beta(t, 0.0), gamma0=0.3, printed=p)
        for p in (False, True)
    )
    name = "τ between 0.3 and 0.8 as a cosine of period 7"
    return _twice(name, heights(cosine, times), true, printed, "t = 28, 56, 84")


def linear_schedule(full: bool) -> Evidence:
    """A schedule linear in β, by its horizon."""
    ends = np.array([40.0, 80.0, 120.0])

    def falling(end: float) -> Scheduled:
        return Scheduled(lambda t: 1 / (3 - 2 * t / end))

    gamma = np.array([heights(falling(end), [end])[0] for end in ends])
    true, printed = (
        appendix_c.linear_schedule(ends, beta0=3.0, beta1=1.0, gamma0=0.3, printed=p)
        for p in (False, True)
    )
    return _twice("β from 3 to 1", gamma, true, printed, "horizons t = 40, 80, 120")


def linear_beta(full: bool) -> Evidence:
    """β = ν: β ~ √log(1/γ)."""
    times = np.array([1e2, 1e4, 1e8])
    model = ScalarModel(Learned(Linear()))
    run = flow(model, model.start(tau=0.5, gamma=0.3), times, rtol=1e-11, atol=1e-300)
    law = np.sqrt(4 + np.log(0.3 / run.gamma) + (run.gamma**2 - 0.09) / 2)
    curve = lemma_3_1.beta(run.gamma, beta0=2.0, gamma0=0.3, temperature=Learned(Linear()))
    off = float(np.abs(curve / law - 1).max())
    off = max(off, float(np.abs(run.beta / law - 1).max()))
    ratio = run.beta / np.sqrt(np.log(1 / run.gamma))
    return Evidence(
        bool((np.diff(np.abs(ratio - 1)) < 0).all() and abs(ratio[-1] - 1) < 0.01 and off < 1e-8),
        "scalar model from β₀ = 2, γ₀ = 0.3: β/√log(1/γ) at t = 1e2, 1e4, 1e8 is "
        f"{', '.join(f'{v:.4f}' for v in ratio)}; β² = β₀² + log(γ₀/γ) + (γ²-γ₀²)/2 to 1e-8",
    )


def linear(full: bool) -> Evidence:
    """β = ν: t^{-log t} in the scalar model."""
    times = np.array([1e4, 1e6, 1e8])
    gamma = heights(Learned(Linear()), times)
    ratio = gamma / appendix_c.linear(times, **START, printed=True)
    constant = 0.3 * np.exp(4 - 0.045)
    off = float(abs(gamma[-1] / appendix_c.linear(times, beta0=2.0, gamma0=0.3)[-1] - 1))
    return Evidence(
        bool(abs(ratio[-1] / constant - 1) < 1e-4 and off < 1e-4),
        "scalar model from β₀ = 2, γ₀ = 0.3: γ t^{log t} at t = 1e4, 1e6, 1e8 is "
        f"{', '.join(f'{v:.4f}' for v in ratio)}, tending to γ₀exp(β₀² - γ₀²/2) = "
        f"{constant:.4f}; a Θ inside the printed equation by itself leaves the exponent open by "
        "a constant, t^{-log t ± c}; solving it settles that",
    )


def linear_cross_entropy(full: bool) -> Evidence:
    """β = ν with the cross-entropy, and softplus."""
    times, off = np.array([1e4, 1e5, 1e6]), []
    for parametrisation, predict in (
        (Linear(), appendix_c.linear),
        (Softplus(), appendix_c.softplus),
    ):
        for rate in (1.0, 2.0):
            gamma = heights(Learned(parametrisation, rate=rate), times, cross_entropy=True)
            off.append(np.abs(gamma / predict(times, **START, rate=rate, **CROSS) - 1))
    largest = np.max(off, axis=0)
    return Evidence(
        bool((np.diff(largest) < 0).all() and largest[-1] < 3e-3),
        "cross-entropy at Z = 0.7 I, n = 6, β₀ = 2, γ₀ = 0.3, η = 1 and 2, β = ν and softplus: γ "
        "over γ₀exp(-γ₀²/2 + 2P(β₀) - log²(ηα²(n-1)t)/(ηα²)) departs from 1 by at most "
        f"{', '.join(f'{v:.1e}' for v in largest)} at t = 1e4, 1e5, 1e6",
    )


def quickly(full: bool) -> Evidence:
    """The linear rate 2β₀e^{-β₀} of a constant temperature, and where it is small."""
    rates = {}
    for beta0 in (0.05, 1.0, 2.0, 20.0):
        times = np.array([20.0, 40.0]) / min(1.0, 2 * beta0 * np.exp(-beta0))
        gamma = heights(Fixed(1 / beta0), times)
        rates[beta0] = float(np.log(gamma[0] / gamma[1]) / (times[1] - times[0]))
    off = max(abs(rate / (2 * b * np.exp(-b)) - 1) for b, rate in rates.items())
    return Evidence(
        off < 1e-6 and max(rates, key=lambda b: rates[b]) == 1.0,
        "scalar model, γ₀ = 0.3: γ falls exponentially at rate 2β₀e^{-β₀}, "
        + ", ".join(f"{rate:.2g} at β₀ = {b:g}" for b, rate in rates.items())
        + "; it is largest at β₀ = 1 and vanishes at both ends",
    )


def slower(full: bool) -> Evidence:
    """τ of the scalar model under rates 1 and 0.1 of ν, and β by quadrature."""
    times, taus, off = np.array([1e2, 1e4, 1e8]), [], 0.0
    for rate in (1.0, 0.1):
        model = ScalarModel(Learned(rate=rate))
        run = flow(model, model.start(tau=0.5, gamma=1e-9), times, rtol=1e-11, atol=1e-300)
        taus.append(run.tau)
        for t, beta in zip(times, run.beta, strict=True):  # dβ/dt = ηβ²e^{-β} at γ = 0
            reached = quad(lambda b: np.exp(b) / b**2, 2.0, beta, epsabs=0, epsrel=1e-10)[0]
            off = max(off, abs(reached / (rate * t) - 1))
    fast, slow = ([f"{tau:.4f}" for tau in kind] for kind in taus)
    return Evidence(
        bool((taus[1] > taus[0]).all() and off < 1e-6),
        f"scalar model from τ₀ = 0.5: τ = {', '.join(fast)} at t = 1e2, 1e4, 1e8 with rate 1 of ν, "
        f"{', '.join(slow)} with rate 0.1, as quadrature of ηt = ∫e^β/β² dβ has it",
    )


def faster(full: bool) -> Evidence:
    """β = ν and softplus against exp ν: t^{-log t} against 1/log²t."""
    times, ends = np.array([10.0, 1e2, 1e6]), []
    for cross_entropy in (False, True):
        slow, *quick = (
            heights(Learned(parametrisation), times, cross_entropy)
            for parametrisation in (Exponential(), Linear(), Softplus())
        )
        ends.append([gamma / slow for gamma in quick])
    falls = all((np.diff(ratio) < 0).all() and ratio[-1] < 1e-20 for pair in ends for ratio in pair)
    scalar, cross = ([", ".join(f"{v:.1e}" for v in ratio) for ratio in pair] for pair in ends)
    laws = (
        appendix_c.softplus(times, **START, **CROSS),
        appendix_c.linear(times, beta0=2.0, gamma0=0.3),
    )
    seen = (
        heights(Learned(Softplus()), times, cross_entropy=True),
        heights(Learned(Linear()), times),
    )
    off = max(abs(float(gamma[-1] / law[-1]) - 1) for gamma, law in zip(seen, laws, strict=True))
    return Evidence(
        bool(falls and off < 1e-2),
        "from β₀ = 2, γ₀ = 0.3, γ over that of exp ν at t = 10, 1e2, 1e6: scalar model, β = ν "
        f"{scalar[0]}, softplus {scalar[1]}; cross-entropy at Z = 0.7 I, n = 6, β = ν {cross[0]}, "
        f"softplus {cross[1]}",
    )


def essential(full: bool) -> Evidence:
    """Exponents of closing under four schemes, from one start."""
    times = np.array([1e2, 1e3])
    log_gamma = {
        name: np.log(heights(temperature, times))
        for name, temperature in {
            "exp ν": Learned(),
            "ν": Learned(Linear()),
            "τ = 0.5": Fixed(0.5),
        }.items()
    }
    steepness = {name: float((g[0] - g[1]) / np.log(10)) for name, g in log_gamma.items()}
    rate = 2 * 2 * np.exp(-2)  # of the fixed temperature, 2β₀e^{-β₀}
    fixed = abs(steepness["τ = 0.5"] * np.log(10) / (900 * rate) - 1) < 1e-3
    # -d log γ/d log log t between the two times; it tends to 2 for 1/log²t.
    power = float((log_gamma["exp ν"][0] - log_gamma["exp ν"][1]) / np.log(3 / 2))
    return Evidence(
        bool(fixed and 1 < power < 2 and steepness["ν"] > 5),
        "scalar model from β₀ = 2, γ₀ = 0.3, -d log γ/d log t between t = 1e2 and 1e3: "
        + ", ".join(f"{value:.3g} with {name}" for name, value in steepness.items())
        + "; the first is the rate 1/log²t of Theorem 3.2, the others a power that grows and an "
        "exponential",
    )


def best_temperature(full: bool) -> Evidence:
    """τ* by search, as γ → 0; from a large γ a smaller τ is quicker."""
    found, off = [], 0.0
    for n, alpha in ((1024, 1.0), (1024, 0.3), (5, 1.25)):
        best = appendix_c.optimal_temperature(n=n, alpha=alpha)
        search = minimize_scalar(
            lambda x, n=n, alpha=alpha: -appendix_c.decay_rate(np.exp(x), n=n, alpha=alpha),
            bounds=(np.log(best) - 2, np.log(best) + 2),
            method="bounded",
            options={"xatol": 1e-9},
        )
        off = max(off, abs(float(np.exp(search.x)) / best - 1))
        fastest = 2 * float(lambertw((n - 1) / np.e).real)
        off = max(off, abs(appendix_c.decay_rate(best, n=n, alpha=alpha) / fastest - 1))
        found.append(f"{best:.3f} for n = {n}, α = {alpha}")
    few = appendix_c.optimal_temperature(n=4, alpha=1.0)
    times = {}
    for tau in (few, 0.359):
        model = FrozenModel(np.eye(4), Fixed(tau))
        run = flow(model, model.start(gamma=0.9), 1.0, rtol=1e-10)
        times[tau] = brentq(lambda t, run=run: run.at(t).gamma - 0.5, 0.0, 1.0)
    return Evidence(
        off < 1e-5 and times[0.359] < 0.9 * times[few],
        f"τ* = α/(1 + W₀((n-1)/e)): {', '.join(found)}; a search for the fastest decay as γ → 0 "
        "agrees to 1e-5, and the rate there is 2W₀((n-1)/e). It is a statement on small γ: at n = "
        f"4, α = 1 γ falls from 0.9 to 0.5 in {times[few]:.3f} at τ* = {few:.3f} and in "
        f"{times[0.359]:.3f} at τ = 0.359",
    )
