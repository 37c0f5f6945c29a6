"""Evidence on Theorem 3.3, Lemmas B.2 and B.3, and the sharper bound."""

from __future__ import annotations

from functools import partial
from typing import TypedDict

import numpy as np
from scipy.integrate import quad
from scipy.special import iv

from gapdyn import loss, sphere
from gapdyn._validate import Array
from gapdyn.models import ParallelModel
from gapdyn.temperature import Learned
from gapdyn.theory import bessel, theorem_3_3
from gapdyn.theory.evidence import Evidence


class Case(TypedDict):
    """What the bounds are asked at, but for n."""

    d: int
    tau: float
    gamma0: float
    delta: float


WIDE: Case = {"d": 512, "tau": 0.07, "gamma0": 0.3, "delta": 0.05}
"""A batch of CLIP's width at its starting temperature."""


def pulls(n: int, d: int, a: float, draws: int, rng: np.random.Generator) -> Array:
    """(dγ/dt)/(2β₀γ₀) = -g_a(Z) over draws of independent uniform rows."""
    rows = ((sphere.sample(n, d, rng), sphere.sample(n, d, rng)) for _ in range(draws))
    return np.array([-loss.pull(X @ Y.T, a) for X, Y in rows])


def velocities(
    n: int, gamma0: float, draws: int, rng: np.random.Generator, d: int = 128, tau: float = 0.07
) -> Array:
    """dΔ/dt and 2dγ/dt at t = 0 over draws of independent uniform rows, (2, draws)."""
    model, found = ParallelModel(n, d, Learned()), np.empty((2, draws))
    for k in range(draws):
        y = model.start(sphere.sample(n, d, rng), sphere.sample(n, d, rng), tau=tau, gamma=gamma0)
        height = float(model.split(model.velocity(0.0, y))[-1])
        found[:, k] = theorem_3_3.gap_velocity(model, y), 2 * height
    return found


def lemma_b_2(full: bool) -> Evidence:
    """The density by Kolmogorov-Smirnov; the slip in its proof by one value."""
    from scipy.stats import kstest  # slow to import

    rng, count, least, off = np.random.default_rng(0), 200_000 if full else 20_000, 1.0, 0.0
    grid = np.linspace(-np.pi / 2, np.pi / 2, 2001)
    for d in (2, 3, 8):
        X, Y = sphere.sample(count, d, rng), sphere.sample(count, d, rng)
        weight = theorem_3_3.density(np.sin(grid[1:-1]), d) * np.cos(grid[1:-1])
        mass = np.cumsum([0.0, *weight, 0.0])
        off = max(off, abs(mass[-1] * (grid[1] - grid[0]) - 1))
        share = mass / mass[-1]
        products = np.arcsin(np.clip(np.einsum("ij,ij->i", X, Y), -1, 1))
        p = kstest(products, partial(np.interp, xp=grid, fp=share)).pvalue
        least = min(least, float(p))
    return Evidence(
        least > 0.01 and off < 2e-3,
        f"Kolmogorov-Smirnov p ≥ {least:.2f} over {count} products at each of d = 2, 3, 8 (seed "
        "0); the proof's F_{Z²}(z²) = 2F_Z(z) lacks - 1: at z = 0 it reads 0 = 1",
    )


def lemma_b_3(full: bool) -> Evidence:
    """ξ₁ and ξ₂ against quadrature of the density."""
    off = 0.0
    for a in (0.5, 3.0, 13.0):
        for d in (2, 3, 8, 64):

            def moment(power: int, a: float = a, d: int = d) -> float:
                def integrand(angle: float) -> float:
                    z = np.sin(angle)
                    return float(
                        z**power * np.exp(a * z) * theorem_3_3.density(z, d) * np.cos(angle)
                    )

                return float(quad(integrand, -np.pi / 2, np.pi / 2, epsrel=1e-11, limit=200)[0])

            xi1, xi2 = theorem_3_3.moments(a, d)
            off = max(off, abs(xi1 / moment(1) - 1), abs(xi2 / moment(0) - 1))
    return Evidence(
        off < 1e-9,
        "ξ₁ and ξ₂ agree with quadrature of the density of B.2 to 1e-9 at a = 0.5, 3, 13 and d = "
        "2, 3, 8, 64",
    )


def coverage(full: bool) -> Evidence:
    """(8) for dγ/dt under its hypothesis, where it is positive."""
    n, case, a = 1500, Case(d=2, tau=0.5, gamma0=0.3, delta=0.2), 0.91 / 0.5
    bound = theorem_3_3.printed_bound(n=n, **case)
    slack = theorem_3_3.hypothesis_margin(n=n, **case)
    epsilon = np.sqrt(np.log((4 * n + 1) / 0.2) / (2 * n))
    xi1, xi2 = iv(1, a), iv(0, a)  # ξ₁ and ξ₂ at d = 2
    direct = (xi1 - 2 * np.exp(a) * epsilon) / (xi2 + 2 * np.sinh(a) * epsilon) - 2 * epsilon
    draws = 1000 if full else 60
    share = float((pulls(n, 2, a, draws, np.random.default_rng(0)) >= bound.value).mean())
    missing = theorem_3_3.hypothesis_margin(n=2048, **WIDE)
    needed = np.log10(theorem_3_3.pairs_needed(**WIDE))
    exact = abs(bound.value - direct) < 1e-12
    return Evidence(
        exact and share >= 0.8 and slack > 0 and bound.value > 0 and missing < 0,
        f"d = 2, τ = 0.5, n = 1500, γ₀ = 0.3, δ = 0.2, where ξ₁e⁻ᵃ - 2ε = {slack:.3f} ≥ 0 and (8) "
        f"is {bound.value:.4f}: {share:.3f} of {draws} draws lie above it (seed 0). The hypothesis "
        f"ξ₁ ≥ 2eᵃε is not printed and fails at n = 2048, d = 512, τ = 0.07 (by {-missing:.3f}); "
        f"(8) is positive there only from n = 10^{needed:.1f} on",
    )


def printed(full: bool) -> Evidence:
    """(8) as it stands, for the gap: false at small heights."""
    n, case = 1500, Case(d=2, tau=0.5, gamma0=1e-3, delta=0.2)
    bound = theorem_3_3.printed_bound(n=n, **case).value
    slack = theorem_3_3.hypothesis_margin(n=n, **case)
    draws = 100 if full else 20
    gap, height = velocities(n, 1e-3, draws, np.random.default_rng(0), d=2, tau=0.5)
    unit = 4 * 1e-3 / 0.5
    below = float((gap / unit < bound).mean())
    above = float((height / unit >= bound).mean())
    return Evidence(
        slack > 0 and bound > 0 and below > 0.5 and above >= 0.8,
        "d = 2, τ = 0.5, n = 1500, γ₀ = 1e-3, δ = 0.2, within ξ₁ ≥ 2eᵃε: it says dΔ/dt ≥ "
        f"{bound:.4f} in units of 4β₀γ₀ with probability 0.8, and {below:.2f} of {draws} draws lie "
        f"below, median {np.median(gap) / unit:.3f}; 2dγ/dt is above it in {above:.2f} (seed 0)",
    )


def step(full: bool) -> Evidence:
    """dΔ/dt against 2dγ/dt, after dΔ/dt against differences of Δ."""
    rng, draws = np.random.default_rng(0), 5000 if full else 1000
    model, h = ParallelModel(8, 4, Learned()), 1e-5
    y = model.start(sphere.sample(8, 4, rng), sphere.sample(8, 4, rng), tau=0.2, gamma=0.3)
    v = model.velocity(0.0, y)
    ends = [model.observe(0.0, y + sign * h * v).gap for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * h)
    exact = abs(theorem_3_3.gap_velocity(model, y) / slope - 1) < 1e-6
    shares = {}
    for n in (4, 8, 32, 128):
        gap, height = velocities(n, n**-0.5, draws, rng)
        shares[n] = float((gap < height).mean())
    text = ", ".join(f"{share:.3f} at n = {n}" for n, share in shares.items())
    return Evidence(
        exact and shares[32] == shares[128] == 1 and shares[8] > 0.5,
        f"share of draws with dΔ/dt < 2dγ/dt at γ₀ = 1/√n, d = 128, τ₀ = 0.07: {text} ({draws} "
        "draws each, seed 0). Δ ≥ 2γ does not order derivatives",
    )


def ratio(full: bool) -> Evidence:
    """The ratio of means against its formula, with and without the term of ⟨u, u'⟩."""
    rng, draws, d = np.random.default_rng(0), 1000 if full else 300, 128
    rows, off = [], 0.0
    for n in (8, 32, 128):
        for root in (0.05, 0.2, 1.0):
            gamma0 = root / np.sqrt(n)
            gap, height = velocities(n, gamma0, draws if n < 100 else draws // 6, rng, d)
            mean = float(gap.mean() / height.mean())  # single ratios are heavy-tailed
            predicted = theorem_3_3.gap_ratio(n=n, d=d, tau=0.07, gamma0=gamma0)
            plain = theorem_3_3.gap_ratio(n=n, d=d, tau=0.07, gamma0=gamma0, moving_rows=False)
            off = max(off, abs(mean / predicted - 1))
            if root == 0.05:
                rows.append(f"{mean:.3f}, {predicted:.3f} and {plain:.3f} at n = {n}")
    gap, height = velocities(256, 1e-3 / 8, draws // 6, rng, d=3, tau=0.1)
    turned = float(gap.mean() / height.mean())
    said = theorem_3_3.gap_ratio(n=256, d=3, tau=0.1, gamma0=1e-3 / 8)
    return Evidence(
        off < 0.15 and turned < 0 and said < 0,
        "measured, with the term in k, and without it, at γ₀√n = 0.05, d = 128, τ = 0.07: "
        f"{'; '.join(rows)}; with it within {100 * off:.0f} % at γ₀√n = 0.05, 0.2, 1. In d = 3 at "
        f"τ = 0.1, where k < 0, {turned:.2f} and {said:.2f} at n = 256, γ₀√n = 0.002 (seed 0)",
    )


def limit(full: bool) -> Evidence:
    """-g_a(Z) → A_d(a) as n grows."""
    d, tau, gamma0 = 8, 0.25, 0.3
    a, rng = (1 - gamma0**2) / tau, np.random.default_rng(0)
    value = theorem_3_3.limit(d=d, tau=tau, gamma0=gamma0).value
    sizes, draws = (64, 512, 1024), 100 if full else 20
    drawn = [pulls(n, d, a, draws, rng) / value - 1 for n in sizes]
    means = [float(values.mean()) for values in drawn]
    errors = [float(values.std() / np.sqrt(draws)) for values in drawn]
    centred = abs(means[2]) < 4 * errors[2] < 0.04
    ratios = []
    for n in sizes:
        gap, height = velocities(n, gamma0, 10, rng, d, tau)
        ratios.append(float(gap.mean() / height.mean()))
    return Evidence(
        errors[0] > errors[1] > errors[2] and centred and abs(ratios[2] - 1) < 0.01,
        f"d = 8, τ = 0.25, γ₀ = 0.3: the mean of -g_a(Z) over {draws} draws is off A_d(a) = "
        f"{value:.4f} by {', '.join(f'{100 * v:+.1f} %' for v in means)}, with standard errors "
        f"{', '.join(f'{100 * v:.1f} %' for v in errors)}, at n = {', '.join(map(str, sizes))} "
        f"(seed 0); the mean dΔ/dt over the mean 2dγ/dt is {', '.join(f'{v:.4f}' for v in ratios)} "
        "and tends to 1 for fixed γ₀ and free rows",
    )


def three_dimensions(full: bool) -> Evidence:
    """A_3(a) = coth a - 1/a against tanh."""
    a = np.geomspace(1e-4, 1e3, 2001)
    ratio = bessel.A(a, 3) / np.tanh(a)
    closed = 1 / np.tanh(5.0) - 1 / 5.0
    exact = abs(float(bessel.A(5.0, 3)) - closed) < 1e-15
    return Evidence(
        bool(exact and (np.diff(ratio) > -1e-12).all() and ratio[0] > 0.333 and ratio[-1] < 1),
        f"A_3(a)/tanh a rises from {ratio[0]:.4f} to {ratio[-1]:.4f} over a = 1e-4..1e3, so A_3 = "
        "Θ(tanh a); a is β₀(1-γ₀²), so the constants depend on γ₀, and the bound is on the limit "
        "n → ∞, where dΔ/dt : 2dγ/dt is 1",
    )


def sharper(full: bool) -> Evidence:
    """The numbers of theory 3.4 and coverage."""
    wider = Case(d=1024, tau=0.07, gamma0=0.3, delta=0.05)
    at = theorem_3_3.sharper_bound(n=2048, **WIDE).value
    wide = theorem_3_3.sharper_bound(n=1024, **wider).value
    printed = theorem_3_3.printed_bound(n=1024, **wider).value
    needed = theorem_3_3.pairs_needed(**WIDE, bound="sharper")
    bound = theorem_3_3.sharper_bound(n=512, d=64, tau=0.25, gamma0=0.3, delta=0.2)
    uneven = theorem_3_3.sharper_bound(n=2048, **WIDE, diagonal_share=0.5).value
    limit = theorem_3_3.limit(d=512, tau=0.07, gamma0=0.3).value
    large = pulls(2048, 512, 0.91 / 0.07, 6, np.random.default_rng(0))
    draws = 2000 if full else 300
    values = pulls(512, 64, 0.91 / 0.25, draws, np.random.default_rng(0))
    share = float((values >= bound.value).mean())
    return Evidence(
        round(at, 4) == 0.0139
        and round(wide, 4) == 0.0024
        and share >= 0.8
        and bound.value > 0
        and bool((large > uneven).all()),
        f"τ = 0.07, γ₀ = 0.3, δ = 0.05, in units of 2β₀γ₀: {at:.4f} at n = 2048, d = 512 ("
        f"{uneven:.4f} with half of δ for the diagonal; limit {limit:.4f}, six draws "
        f"{large.min():.4f} to {large.max():.4f}) and "
        f"{wide:.4f} at n = d = 1024, where (8) gives {printed:.1f}; positive from n = "
        f"{needed:.0f} on at d = 512. Coverage: {share:.3f} of {draws} draws above "
        f"{bound.value:.4f} at n = 512, d = 64, τ = 0.25, δ = 0.2 (seed 0)",
    )
