"""Why the gap stays, beyond the paper: its velocity at any state, and how matching freezes it."""

from __future__ import annotations

import numpy as np

from gapdyn import measures, sphere
from gapdyn.ensemble import flow_many
from gapdyn.flow import flow
from gapdyn.models import FreeModel
from gapdyn.temperature import Learned
from gapdyn.theory import exchange_law, frozen_gap, gap_velocity
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.types import Array


def drawn(rng: np.random.Generator, kind: int) -> tuple[Array, Array, float]:
    """Random rows and β: uniform ones, level ones or symmetric ones."""
    n, d = int(rng.integers(3, 33)), int(rng.integers(2, 17))
    if kind == 0:
        X, Y = sphere.sample(n, d, rng), sphere.sample(n, d, rng)
    elif kind == 1:
        rows = sphere.sample(n, d, rng)
        X, Y = sphere.lift(rows, rng.permutation(rows), gamma=0.3)
    else:
        X, Y = sphere.lift(*sphere.polygon_pairs(n, int(rng.integers(n))), gamma=0.3)
    return X, Y, float(np.exp(rng.uniform(-2, 6)))


def matched(n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Random matched rows, Y a disturbed X."""
    while True:
        X = sphere.sample(n, d, rng)
        Y = sphere.normalise(X + rng.uniform(0.02, 1) * rng.standard_normal((n, d)))
        if measures.margin(X @ Y.T) > 2e-3:
            return X, Y


def moving(X: Array, Y: Array, beta: float) -> tuple[Array, float]:
    """u' and dP/dt = βg by the velocity of the free flow."""
    model = FreeModel(len(X), X.shape[1], Learned())
    there = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / beta)))
    return there.X.mean(axis=0) - there.Y.mean(axis=0), float(there.nu)


@statement(
    "gap-velocity",
    "Theory 4.1",
    "At any state u' = (aη_x/n) Σ G_ij (1 + Z_ij)(x_i - y_j), with G = ∇ℓ(aZ)",
    HOLDS,
)
def velocities(full: bool) -> Evidence:
    """u' against the velocity of the flow."""
    rng, off, count = np.random.default_rng(0), 0.0, 1000 if full else 100
    for k in range(count):
        X, Y, beta = drawn(rng, k % 3)
        wanted, _ = moving(X, Y, beta)
        found = gap_velocity.velocity(X, Y, beta=beta)
        off = max(off, float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted)))
    return Evidence(
        off < 1e-11,
        f"within 1e-11 of the free flow's, relative, at {count} random states, uniform, level and "
        "symmetric, n = 3..32, d = 2..17, β = e^-2..e^6 (seed 0)",
    )


@statement(
    "gap-slope",
    "Theory 4.1",
    "At any state (n/η_x) d log Δ/dP is -1 minus covariances of heights with shares of g, over Δ; "
    "the exchange law is the case where they are 0",
    HOLDS,
)
def slopes(full: bool) -> Evidence:
    """The slope against that of the flow, and -1 at symmetric and at level states."""
    rng, off, count = np.random.default_rng(1), np.zeros(3), 1000 if full else 100
    for k in range(count):
        X, Y, beta = drawn(rng, k % 3)
        velocity, push = moving(X, Y, beta)
        u = X.mean(axis=0) - Y.mean(axis=0)
        wanted = -1.0 if k % 3 else len(X) * float(u @ velocity) / float(u @ u) / push
        found = gap_velocity.slope(X, Y, beta=beta)
        off[k % 3] = max(off[k % 3], abs(found - wanted) / max(1, abs(wanted)))
    return Evidence(
        off.max() < 1e-11,
        f"within 1e-11 of n⟨u, u'⟩/(Δ²βg) of the free flow at {count} random states, and of -1 at "
        "the level and the symmetric ones, n = 3..32, d = 2..17, β = e^-2..e^6 (seed 1)",
    )


@statement(
    "gap-slope-late",
    "Theory 4.1",
    "Values of that slope at a few late times give the late slope n d log Δ/d log β of uniform "
    "random starts (observed)",
    HOLDS,
)
def late_slopes(full: bool) -> Evidence:
    """The trapezoidal rule over log β against the slope that is measured."""
    seeds, worst, measured = range(10 if full else 4), [], []
    for n, d in ((8, 4), (32, 8), *([(128, 32)] if full else [])):
        model, off = FreeModel(n, d, Learned()), 0.0
        for seed in seeds:
            rng = np.random.default_rng(seed)
            y = model.start(sphere.sample(n, d, rng), sphere.sample(n, d, rng), tau=0.07)
            run = flow(model, y, [1e2, 1e4, 1e6])
            states = zip(run.y, run.beta, strict=True)
            at = [gap_velocity.slope(*model.rows(y), beta=beta) for y, beta in states]
            rule = np.trapezoid(at, np.log(run.beta)) / np.log(run.beta[-1] / run.beta[0])
            measured.append(exchange_law.late_slope(run, 1e2))
            off = max(off, abs(float(rule) - measured[-1]))
        worst.append(off)
    limits = (0.05, 0.03, 0.02)
    return Evidence(
        all(off < limit for off, limit in zip(worst, limits, strict=False)),
        "by the trapezoidal rule over log β at t = 1e2, 1e4, 1e6 the slope over t = 1e2..1e6, "
        f"{min(measured):.2f} to {max(measured):.2f}, is within 0.05 for (n, d) = (8, 4) and 0.03 "
        f"for (32, 8){' and 0.02 for (128, 32)' if full else ''}, uniform random rows, τ₀ = 0.07 "
        f"(seeds 0..{len(seeds) - 1})",
    )


@statement(
    "frozen-gap",
    "Theory 4.2",
    "While the margin is at least α, |Δ(t₂) - Δ(t₁)| ≤ (3√3/2)(η_x/(nα)) [P(β₂) - P(β₁)], from any "
    "start",
    HOLDS,
)
def runs(full: bool) -> Evidence:
    """The bound on runs from random matched rows, and from rows that use nearly all of it."""
    rng, used, holds, each = np.random.default_rng(2), 0.0, True, 100 if full else 10
    times = np.concatenate([[0.0], np.geomspace(1e-2, 1e4, 60)])
    for n, d in ((2, 2), (2, 3), (3, 3), (5, 3), (16, 6)):
        model = FreeModel(n, d, Learned())
        starts = [model.start(*matched(n, d, rng), tau=0.3) for _ in range(each)]
        seen = [frozen_gap.check(run) for run in flow_many(model, np.array(starts), times)]
        used = max(used, *(check.share for check in seen))
        holds &= all(check.holds for check in seen)
    model = FreeModel(2, 2, Learned())
    near = flow(model, model.start(*sharpest(0.05), tau=0.01), 1e-4, rtol=1e-11, atol=1e-13)
    last = frozen_gap.check(near)
    return Evidence(
        holds and 0.3 < used < 1 and last.holds and last.share > 0.97,
        f"never broken on {5 * each} runs over t = 0..1e4 from random matched rows, n = 2..16, "
        f"which use {used:.2f} of it at most (seed 2); a short run of two pairs at α = 0.05 uses "
        f"{last.share:.3f}",
    )


def sharpest(alpha: float) -> tuple[Array, Array]:
    """Two pairs on a circle, where y_2 is nearly as near to x_1 as y_1 is, 60° to the other side.

    x_2 is where u = c_X - c_Y is along y_1 - y_2, as u' is.
    """
    turn = np.arcsin(alpha / np.sqrt(3))  # so that cos(60° - turn) - cos(60° + turn) = alpha
    angles = np.array([0.0, -np.pi / 2, np.pi / 3 - turn, -np.pi / 3 - turn])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return rows[:2], rows[2:]


@statement(
    "frozen-gap-sharp",
    "Theory 4.2",
    "No smaller constant than 3√3/2 serves; without a margin ‖u'‖ ≤ (3√3/2) aη_x/n",
    HOLDS,
)
def sharp(full: bool) -> Evidence:
    """Two pairs whose gap moves as fast as the bound allows, as α → 0; and random states."""
    short = []
    for alpha, beta in ((0.1, 100.0), (0.01, 1e3), (1e-3, 1e4)):
        X, Y = sharpest(alpha)
        velocity, push = moving(X, Y, beta)
        u = X.mean(axis=0) - Y.mean(axis=0)
        speed = abs(float(u @ velocity)) / float(np.linalg.norm(u))
        short.append(1 - speed / float(frozen_gap.bound(push, n=2, alpha=alpha)))
    rng, most, count = np.random.default_rng(3), 0.0, 1000 if full else 100
    for k in range(count):
        X, Y, beta = drawn(rng, k % 3)
        speed = float(np.linalg.norm(moving(X, Y, beta)[0]))
        most = max(most, speed / gap_velocity.most(n=len(X), beta=beta))
    return Evidence(
        0.01 > short[0] > short[1] > short[2] > 0 and short[2] < 1e-6 and most < 1,
        "two pairs on a circle move Δ at a speed that falls short of the bound by "
        f"{listed(short, '.1e')} of it at α = 0.1, 0.01, 0.001. The speeds of {count} random "
        f"states, matched or not, are at {most:.2f} of the second bound at most (seed 3)",
    )


@statement(
    "frozen-gap-clip",
    "Theory 4.2",
    "In the free model, at CLIP's batch of n = 32768 and a margin of 0.1, the gap changes by at "
    "most 0.0015 while τ goes from 0.07 to 0.01. To halve a gap of 0.8, β has to grow 10^219-fold",
    HOLDS,
)
def clip(full: bool) -> Evidence:
    """The table of theory 4.2."""
    sizes, growth = ((512, 0.1), (32768, 0.1), (400_000_000, 0.05)), np.log(7.0)
    changes = [float(frozen_gap.bound(growth, n=n, alpha=alpha)) for n, alpha in sizes]
    halving = [frozen_gap.growth_to_halve(n=n, alpha=alpha, gap=0.8) for n, alpha in sizes]
    least, law = np.transpose(halving) / np.log(10)
    own = [np.sqrt(27) / 2 * growth / (n * alpha) for n, alpha in sizes]
    powers = [0.4 * n * alpha / np.sqrt(27) * 2 / np.log(10) for n, alpha in sizes]
    by_law = [n * np.log10(2) for n, _ in sizes]
    same = np.allclose([*changes, *least, *law], [*own, *powers, *by_law], rtol=1e-12)
    return Evidence(
        same and round(changes[1], 4) == 0.0015 and round(least[1]) == 219,
        "for n = 512, 32768 (α = 0.1) and 4e8 (α = 0.05) the change is at most "
        f"{listed(changes, '.2g')}; the β that halves Δ = 0.8 is 10^x times as large, x at least "
        f"{listed(least, '.3g')}, and by the exchange law {listed(law, '.3g')}",
    )


@statement(
    "frozen-gap-law",
    "Theory 4.2",
    "Matched rows whose heights along the gap are within s of their means obey the exchange law "
    "to |(n/η_x) d log Δ/dP + 1| ≤ 4s/(αΔ)",
    HOLDS,
)
def nearly_level(full: bool) -> Evidence:
    """Random matched rows, and two pairs that use nearly all of the error."""
    rng, used, count = np.random.default_rng(4), 0.0, 1000 if full else 100
    for _ in range(count):
        X, Y = matched(int(rng.integers(2, 12)), int(rng.integers(2, 8)), rng)
        used = max(used, share_of_error(X, Y, float(np.exp(rng.uniform(-2, 5)))))
    beta, gap, s, side = 1e6, 0.05, 1e-3, 0.1  # pair 1 above pair 2, which is aside
    beyond = np.sqrt(side**2 + 8 * s * gap + 20 / beta)  # so that y_1 is far from x_2
    X = sphere.normalise(np.array([[0, gap / 2 + s, 1.0], [beyond, gap / 2 - s, 1.0]]))
    Y = sphere.normalise(np.array([[0, s - gap / 2, 1.0], [side, -s - gap / 2, 1.0]]))
    sharpest = share_of_error(X, Y, beta)
    return Evidence(
        used < 1 and 0.99 < sharpest < 1,
        f"{count} random matched states, n = 2..11, depart by {used:.2f} of it at most (seed 4); "
        f"two pairs at a small margin and gap by {sharpest:.4f}",
    )


def share_of_error(X: Array, Y: Array, beta: float) -> float:
    """How much of the error 4s/(αΔ) a state uses."""
    u = X.mean(axis=0) - Y.mean(axis=0)
    gap = float(np.linalg.norm(u))
    spread = max(float(np.abs(h - h.mean()).max()) for h in (X @ u / gap, Y @ u / gap))
    error = frozen_gap.law_error(alpha=measures.margin(X @ Y.T), gap=gap, spread=spread)
    return abs(gap_velocity.slope(X, Y, beta=beta) + 1) / error


@statement(
    "frozen-gap-heights",
    "Theory 4.2",
    "At fixed β the heights in two tight clusters return to their means at the rates (βη_x/n) "
    "[(β/2)Δ²(1-Δ²/4) ∓ (1-Δ²/2)], - for deviations that are alike in the rows of a pair",
    HOLDS,
)
def contraction(full: bool) -> Evidence:
    """Rates by the velocity of the flow at small deviations."""
    rng, off, size = np.random.default_rng(5), 0.0, 1e-5
    for n, gap, beta in ((3, 0.3, 6.0), (5, 0.8, 20.0), (8, np.sqrt(2), 2.0), (4, 1.7, 6.0)):
        half, k = np.arcsin(gap / 2), rng.standard_normal(n)
        k = size * (k - k.mean())
        for sign, rate in zip(
            (1, -1), frozen_gap.contraction(n=n, beta=beta, gap=gap), strict=True
        ):
            X = np.stack([np.cos(half + k), np.sin(half + k)], axis=1)
            Y = np.stack([np.cos(sign * k - half), np.sin(sign * k - half)], axis=1)
            model = FreeModel(n, 2, Learned())
            there = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / beta)))
            speeds = there.X[:, 1] - there.X[:, 1].mean()
            found = -float(k @ speeds) / float(k @ k) / np.cos(half)
            off = max(off, abs(found - rate) / abs(rate))
    return Evidence(
        off < 1e-3,
        "within 1e-3 of those of the free flow at deviations of 1e-5, four random clusters of n = "
        "3..8, Δ = 0.3..1.7, β = 2..20 (seed 5)",
    )
