"""The exchange law, beyond the paper: Δⁿβ is constant along the free flow of symmetric pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gapdyn import measures, sphere
from gapdyn.flow import Trajectory, flow
from gapdyn.models import FreeModel
from gapdyn.temperature import Exponential, Learned, Linear, Softplus, Temperature
from gapdyn.theory import exchange_law
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.theory.audit.theorem_3_2 import pentagons
from gapdyn.types import Array

POLYGONS = ((3, 1), (5, 2), (8, 3), (12, 5))


def step(X: Array, Y: Array, nu: float, batch: NDArray[np.int_]) -> tuple[Array, Array, float]:
    """Velocities of all rows and of ν in a gradient step on a batch: rows outside it stand."""
    model = FreeModel(len(batch), X.shape[1], Learned())
    y = np.concatenate([X[batch].ravel(), Y[batch].ravel(), [nu]])
    moves = model.split(model.velocity(0.0, y))
    there = np.zeros((2, *X.shape))
    there[:, batch] = moves.X, moves.Y
    return there[0], there[1], float(moves.nu)


def by_steps(sizes: Sequence[tuple[int, int]], h: float, end: float) -> list[float]:
    """The p of Δᵖβ over gradient steps of h until `end`, for n pairs in batches of a size."""
    rng, powers = np.random.default_rng(0), []
    for n, size in sizes:
        X, Y = sphere.lift(*sphere.polygon_pairs(n, 1), gamma=0.4)
        nu, before = 0.0, measures.gap(X, Y)
        for _ in range(round(end / h)):
            dX, dY, dnu = step(X, Y, nu, rng.choice(n, size, replace=False))
            X, Y, nu = sphere.unit(X + h * dX), sphere.unit(Y + h * dY), nu + h * dnu
        powers.append(-nu / float(np.log(measures.gap(X, Y) / before)))
    return powers


def free_run(X: Array, Y: Array, temperature: Temperature, end: float = 1e6) -> Trajectory:
    """The free flow from τ₀ = 0.07."""
    model = FreeModel(len(X), X.shape[1], temperature)
    return flow(model, model.start(X, Y, tau=0.07), end)


@statement(
    "exchange-law", "Theory 3.1", "Along the free flow of symmetric pairs Δⁿβ is constant", HOLDS
)
def polygons(full: bool) -> Evidence:
    """Δⁿβ along rotated polygons."""
    off, figure_2 = 0.0, float(np.sin(np.pi / 10))
    for n, rotation, gamma in (*((*polygon, 0.31) for polygon in POLYGONS), (5, 2, figure_2)):
        X, Y = sphere.lift(*sphere.polygon_pairs(n, rotation), gamma=gamma)
        run, power = free_run(X, Y, Learned()), exchange_law.exponent(n=n)
        varies = n * float(np.ptp(np.log(run.gap) + power * np.log(run.beta)))
        off = max(off, exchange_law.departure(run), varies)
    return Evidence(
        off < 1e-7,
        "n log Δ + ν varies by less than 1e-7 over t = 0..1e6 at default tolerances for (n, "
        f"rotation) = {', '.join(map(str, POLYGONS))}, γ₀ = 0.31, τ₀ = 0.07, and for Figure 2's "
        "start, (5, 2) at γ₀ = sin 18°",
    )


@statement(
    "exchange-law-rates",
    "Theory 3.1",
    "For any β(ν), rate η of ν and η_x of rows, P(β) + (n/η_x) log Δ is constant; for exp(ν/s) "
    "that is Δ^{nη/(s²η_x)}β",
    HOLDS,
)
def generalised(full: bool) -> Evidence:
    """The law for other temperatures and rates."""
    slow = Learned(Exponential(2.0), rate=0.7)
    X, Y = sphere.lift(*sphere.polygon_pairs(5, 1), gamma=0.31)
    off = 0.0
    for temperature in (Learned(Linear(), rate=0.5), Learned(Softplus()), slow):
        model = FreeModel(5, 3, temperature, row_rate=0.6)
        run = flow(model, model.start(X, Y, tau=0.07), 1e4, rtol=1e-10)
        off = max(off, exchange_law.departure(run))
    power = exchange_law.exponent(n=5, temperature=slow, row_rate=0.6)
    off = max(off, float(np.ptp(np.log(run.gap) + power * np.log(run.beta))))
    return Evidence(
        off < 1e-6,
        "P(β) + (n/η_x) log Δ varies by less than 1e-6 over t = 0..1e4 for pentagons rotated by 1, "
        "rows of rate 0.6, exp(ν/2) with η = 0.7, β = ν with η = 0.5 and softplus",
    )


@statement(
    "exchange-law-parallel",
    "Theory 3.1",
    "Inside the parallel flow the exchange law holds for the centres of X and Y: ‖u‖ⁿβ is constant",
    HOLDS,
)
def parallel(full: bool) -> Evidence:
    """‖u‖ⁿβ is constant along the parallel flow of pentagons."""
    run, _ = pentagons()
    kept = np.exp(exchange_law.invariant(run))
    return Evidence(
        np.ptp(np.log(kept)) < 1e-7 and abs(kept[0] - 1.7201) < 5e-5,
        f"‖u‖⁵β stays {kept[0]:.4f} to 1e-7 over t = 0..1e9 along the pentagons of theory 3.3",
    )


@statement(
    "exchange-law-level",
    "Theory 3.1",
    "The exchange law holds at any moment at which the rows of each modality stand at one height "
    "along c_X - c_Y, whatever Z is",
    HOLDS,
)
def level(full: bool) -> Evidence:
    """One random set of rows in two orders, lifted: level, though not symmetric."""
    rng, at_once, later = np.random.default_rng(0), 0.0, np.inf
    for _ in range(20):
        n, d = int(rng.integers(4, 12)), int(rng.integers(3, 8))
        rows = sphere.sample(n, d, rng)
        X, Y = sphere.lift(rows, rng.permutation(rows), gamma=0.3)
        model = FreeModel(n, d + 1, Learned())
        run = flow(model, model.start(X, Y, tau=0.3), [0.0, 1.0])
        speeds = [abs(exchange_law.invariant_velocity(model, y)) for y in run.y]
        at_once, later = max(at_once, speeds[0]), min(later, speeds[1])
    return Evidence(
        at_once < 1e-12 and later > 1e-8,
        "d(n log Δ + ν)/dt over a g is below 1e-12 for 20 random sets of rows lifted in two "
        "orders, n = 4..11, d = 3..7, and no longer 0 at t = 1, when heights have parted (seed 0)",
    )


@statement(
    "exchange-law-log-time",
    "Theory 3.1",
    "For symmetric pairs that come to match, Δ ∝ (log t)^{-1/n}",
    HOLDS,
)
def in_log_time(full: bool) -> Evidence:
    """Δ ∝ β^{-1/n}, and αβ/log t → 1 once the pairs match."""
    slopes, off, settles = {}, 0.0, True
    for n, rotation in POLYGONS[:2]:
        X, Y = sphere.lift(*sphere.polygon_pairs(n, rotation), gamma=0.31)
        model = FreeModel(n, 3, Learned())
        run = flow(model, model.start(X, Y, tau=0.07), [0.0, 1e20, 1e40, 1e80, 1e160])
        power = exchange_law.exponent(n=n)
        off = max(off, float(np.ptp(np.log(run.gap) + power * np.log(run.beta))))
        growth = run.margin[1:] * run.beta[1:] / np.log(run.t[1:])
        settles &= bool((np.diff(np.abs(growth - 1)) < 0).all() and abs(growth[-1] - 1) < 0.06)
        slopes[n] = n * np.diff(np.log(run.gap[1:])) / np.diff(np.log(np.log(run.t[1:])))
    rises = all(bool((np.diff(np.abs(s + 1)) < 0).all()) for s in slopes.values())
    return Evidence(
        rises and settles and off < 1e-7,
        "along the free flow of polygons Δβ^{1/n} is constant to 1e-7 over t = 0..1e160, while "
        "αβ/log t tends to 1, α the margin. So n d log Δ/d log log t tends to -1: between t = "
        "1e20, 1e40, 1e80, 1e160 it is "
        + ", and ".join(f"{listed(s, '.3f')} for n = {n}" for n, s in slopes.items()),
    )


@statement(
    "exchange-law-saddle",
    "Theory 3.1",
    "For even n a rotation by n/2 is an unstable saddle: a small disturbance leaves it",
    HOLDS,
)
def saddle(full: bool) -> Evidence:
    """The flow leaves a rotation by half a turn, and the law fails from then on."""
    X, Y = sphere.lift(*sphere.polygon_pairs(4, 2), gamma=0.31)
    X[0, 1] += 1e-6
    run = free_run(X, Y, Learned())
    early = run.t < 1
    kept = exchange_law.invariant(run)
    return Evidence(
        np.ptp(kept[early]) < 1e-4 and np.ptp(kept) > 1e-2,
        "n = 4 rotated by 2, one row moved by 1e-6: n log Δ + ν varies by less than 1e-4 until t = "
        f"1 and by {np.ptp(kept):.2f} until t = 1e6",
    )


@statement(
    "exchange-law-random",
    "Theory 3.1",
    "Without symmetry the late slope n d log Δ/d log β is near -1 where rows are level beside the "
    "gap; from uniform rows it may be far from -1, as theory 4.1 predicts",
    HOLDS,
)
def random_starts(full: bool) -> Evidence:
    """Late slopes of random pairs, which have no symmetry."""
    seeds = range(10 if full else 3)
    slopes = np.empty((3, len(seeds)))
    for seed in seeds:
        rng, axis = np.random.default_rng(seed), np.eye(4)[0]
        narrow = (sphere.cone(8, sign * axis, np.pi / 12, rng) for sign in (1, -1))
        lifted = sphere.lift(sphere.sample(8, 3, rng), sphere.sample(8, 3, rng), gamma=0.5)
        uniform = sphere.sample(8, 4, rng), sphere.sample(8, 4, rng)
        for row, (X, Y) in zip(slopes, (narrow, lifted, uniform), strict=True):
            row[seed] = exchange_law.late_slope(free_run(X, Y, Learned()), 1e2)
    off = np.abs(slopes + 1).max(axis=1)
    kinds = ("in opposite cones of half-angle 15°", "lifted to ±0.5", "uniform")
    each = zip(kinds, slopes, strict=True)
    text = "; ".join(f"{kind}: {row.min():.3f} to {row.max():.3f}" for kind, row in each)
    return Evidence(
        off[0] < 0.02 and off[1] < 0.35 and off[2] > 1,
        f"n d log Δ/d log β over t = 1e2..1e6, eight random pairs in R⁴, τ₀ = 0.07: {text} (seeds "
        f"0..{len(seeds) - 1})",
    )


@statement(
    "exchange-law-minibatches",
    "Theory 4.8",
    "Under gradient steps on minibatches of N symmetric pairs the law holds with the N of all "
    "pairs, to first order in the step: Δᴺβ is constant, whatever the batch",
    HOLDS,
)
def minibatches(full: bool) -> Evidence:
    """Level rows obey it in any batch; runs of gradient steps, in all that they do."""
    rng, off = np.random.default_rng(0), 0.0
    for _ in range(20):
        n, d = int(rng.integers(6, 20)), int(rng.integers(3, 8))
        rows = sphere.sample(n, d, rng)
        X, Y = sphere.lift(rows, rng.permutation(rows), gamma=0.3)
        batch = rng.choice(n, int(rng.integers(2, n)), replace=False)
        dX, dY, dnu = step(X, Y, 1.0, batch)
        u, du = (A.mean(axis=0) - B.mean(axis=0) for A, B in ((X, Y), (dX, dY)))
        off = max(off, float(abs(n * (u @ du) / (u @ u) + dnu) / abs(dnu)))
    sizes = ((12, 12), (12, 4), (24, 6))
    coarse, fine = (by_steps(sizes, h, 20 if full else 10) for h in (0.02, 0.01))
    pairs = np.array(sizes)[:, 0]
    departures = np.abs(np.array([coarse, fine]) / pairs - 1)
    halves = departures[0] / departures[1]
    return Evidence(
        off < 1e-11 and departures.max() < 0.02 and (np.abs(halves - 2) < 0.3).all(),
        "d(N log Δ + ν)/dt over a g is below 1e-11 for 20 random sets of level rows and random "
        "batches (seed 0). From polygons of 12, 12 and 24 pairs in batches of 12, 4 and 6, β₀ = 1, "
        f"gradient steps of 0.02 keep Δᵖβ with p = {listed(coarse, '.2f')}, steps of 0.01 with p = "
        f"{listed(fine, '.2f')}",
    )


@statement(
    "exchange-law-shared-vector",
    "Theory 4.8",
    "Where a learned vector is added to all rows of a modality, which have the length ρ then, "
    "symmetric pairs have d log ‖c‖/dP = -(1/n + 1 - ‖c‖²)/ρ², and the gap is not frozen n-fold",
    HOLDS,
)
def shared_vector(full: bool) -> Evidence:
    """Velocities of rows v_i = w_i + b at symmetric states of all lengths."""
    rng, off = np.random.default_rng(0), 0.0
    for n, rotation in POLYGONS:
        heights = rng.uniform(-0.9, 0.9, 2)
        X, Y = sphere.lift(
            *sphere.polygon_pairs(n, rotation), gamma_x=heights[0], gamma_y=heights[1]
        )
        *moves, dnu = step(X, Y, float(rng.normal()), np.arange(n))
        for rows, f in zip((X, Y), moves, strict=True):
            length = rng.uniform(0.5, 2)
            dv = (f + f.sum(axis=0)) / length  # w_i moves by f_i/ρ, b by the sum of them
            centre, moving = rows.mean(axis=0), sphere.project(rows, dv).mean(axis=0) / length
            square = centre @ centre
            law = -(1 / n + 1 - square) / length**2
            off = max(off, float(abs(centre @ moving / square / dnu / law - 1)))
    return Evidence(
        off < 1e-11,
        "d log ‖c‖/dν is the law's to 1e-11 for polygons at random heights and lengths ρ, (n, "
        f"rotation) = {', '.join(map(str, POLYGONS))} (seed 0)",
    )
