"""The margin flow, beyond the paper: where matched rows go, and how the gap closes at last."""

from __future__ import annotations

import numpy as np

from gapdyn import examples, measures, sphere
from gapdyn.examples import simplex
from gapdyn.flow import flow
from gapdyn.models import FreeModel
from gapdyn.temperature import Exponential, Fixed, Learned, Linear
from gapdyn.theory import _softmin, alignment, consensus, margin_flow, potential
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.types import Array


def matched(n: int, d: int, rng: np.random.Generator, noise: float) -> tuple[Array, Array]:
    """Random rows, and others near them, nearer where that takes many draws; all pairs match."""
    while True:
        X, Y = examples.matched(n, d, rng, noise=noise)
        if measures.margin(X @ Y.T) > 0.02:
            return X, Y
        noise *= 0.97


def gap_after(X: Array, Y: Array, temperature: Learned, s: float, end: float) -> float:
    """The gap of the free flow from β₀ = 20 where the potential has grown by s."""
    model = FreeModel(len(X), X.shape[1], temperature)
    run = flow(model, model.start(X, Y, tau=1 / 20), end)
    P = potential.potential(run.beta, temperature=temperature)
    if P[-1] - P[0] < s:
        return float("nan")
    return float(np.exp(np.interp(s, P - P[0], np.log(run.gap))))


@statement(
    "margin-flow",
    "Theory 4.3",
    "As β → ∞ matched rows follow the steepest ascent of the log margin in s = η_x P(β), so that "
    "every learned temperature is a clock of one path",
    HOLDS,
)
def one_path(full: bool) -> Evidence:
    """Free flows under three temperatures at one s, and the margin flow."""
    X, Y = sphere.lift(*matched(4, 3, np.random.default_rng(3), 0.2), gamma=0.15)
    clocks = ((Learned(), 1e40), (Learned(Linear()), 1e12), (Learned(Exponential(3.0)), 1e14))
    gaps = np.array([gap_after(X, Y, temperature, 1.0, end) for temperature, end in clocks])
    path = margin_flow.flow(X, Y, [1.0], sharpness=1e6 if full else 1e4)
    off = float(np.abs(gaps / path.gap[0] - 1).max())
    return Evidence(
        off < 0.008,
        f"four random pairs lifted to R⁴, gap {measures.gap(X, Y):.3f}: at s = 1 from β₀ = 20 it "
        f"is {listed(gaps, '.3f')} under exp ν, ν and exp(ν/3), and {path.gap[0]:.3f} on the path "
        "of the margin (seed 3)",
    )


@statement(
    "margin-flow-aligned",
    "Theory 4.3",
    "At a critical point of the margin α > 0, x_i = y_i for every pair that carries a multiplier",
    HOLDS,
)
def aligned(full: bool) -> Evidence:
    """The identity behind it at random active margins, and limits of the margin flow."""
    rng, off, least = np.random.default_rng(0), 0.0, np.inf
    for _ in range(2000 if full else 300):
        n, d = int(rng.integers(2, 7)), int(rng.integers(3, 7))
        X, Y = matched(n, d, rng, float(rng.uniform(0.1, 1.5)))
        Z, difference = X @ Y.T, X - Y
        own, r = Z.diagonal(), (difference**2).sum(axis=1)
        gaps = own[:, None] - Z + 9 * np.eye(n)
        i, j = (np.array([k]) for k in np.unravel_index(gaps.argmin(), gaps.shape))
        slope = _softmin.gradients(X, Y, np.zeros_like(i), i, j)[0]
        rise = float((slope * np.vstack([Y - own[:, None] * X, X - own[:, None] * Y])).sum())
        a, b = int(i[0]), int(j[0])
        apart = float(((difference[a] - difference[b]) ** 2).sum())
        lead, both = float(gaps[a, b]), float(r[a] + r[b])
        terms = (apart + float(r[a] - r[b]) * (1 + own[a]) + lead * both) / 2 + Z[a, b] - Z[b, a]
        off = max(off, abs(rise - terms))
        if lead <= measures.margin(Z) + 1e-15:
            least = min(least, rise - lead * both / 2)
    ends = [margin_flow.limit(*matched(3, 2, rng, 0.3)) for _ in range(3)]
    apart_at_end = max(float(np.abs(end.X - end.Y).max()) for end in ends)
    return Evidence(
        off < 1e-13 and least > -1e-13 and apart_at_end < 1e-6,
        "with δ_i = x_i - y_i and r_i = ‖δ_i‖², move random matched pairs along v_i = y_i - Z_ii "
        "x_i, w_i = x_i - Z_ii y_i (seed 0). Then a margin Z_ii - Z_ij changes by ½‖δ_i - δ_j‖² + "
        "Z_ij - Z_ji + ½(r_i - r_j)(1 + Z_ii) + ½(Z_ii - Z_ij)(r_i + r_j), to 1e-13. An active "
        "margin changes by ½α(r_i + r_j) at least. Limits of three random pairs in the plane have "
        "X = Y to 1e-6",
    )


@statement(
    "margin-flow-simplex",
    "Theory 4.3",
    "For d ≥ 2n - 2 every local maximum of the margin α > 0 is the simplex X = Y",
    HOLDS,
)
def roomy(full: bool) -> Evidence:
    """Limits of the margin flow where there is room."""
    sizes = ((2, 2), (3, 4), *(((3, 5), (4, 6)) if full else ()))
    rng = np.random.default_rng(1)
    ends = [margin_flow.limit(*matched(n, d, rng, 0.4)) for n, d in sizes]
    off = max(
        abs(end.margin - n / (n - 1)) + end.misalignment
        for (n, _), end in zip(sizes, ends, strict=True)
    )
    return Evidence(
        off < 1e-9,
        "from random matched pairs the margin flow ends in X = Y and α = n/(n-1), to 1e-9, for "
        f"(n, d) = {', '.join(map(str, sizes))} (seed 1)",
    )


@statement(
    "misalignment",
    "Theory 4.3",
    "E = ½Σ‖x_i - y_i‖² does not rise under InfoNCE once β(1 + min Z_ii) ≥ 1, all P_ii, Q_ii ≥ 1-ε "
    "and 2ε/(1-ε) ≤ α; so at a fixed τ such stationary points have X = Y and no gap",
    HOLDS,
)
def falls(full: bool) -> Evidence:
    """dE/dt at random states near the least β of the condition, and where a fixed τ ends."""
    rng, off, worst = np.random.default_rng(2), 0.0, -np.inf
    for _ in range(1000 if full else 50):
        n, d = int(rng.integers(2, 7)), int(rng.integers(3, 7))
        X, Y = matched(n, d, rng, float(rng.uniform(0.01, 1.0)))
        beta = 1.0
        while not alignment.condition(X, Y, beta=beta).holds:
            beta *= 1.02
        found = alignment.misalignment_velocity(X, Y, beta=beta)
        model = FreeModel(n, d, Fixed(1 / beta))
        moves = model.split(model.velocity(0.0, model.start(X, Y)))
        along = -float((moves.X * Y).sum() + (X * moves.Y).sum())
        off, worst = max(off, abs(found / along - 1)), max(worst, found)
    gaps = []
    for seed in range(20 if full else 4):
        model = FreeModel(3, 3, Fixed(0.3))
        start = model.start(sphere.sample(3, 3, seed), sphere.sample(3, 3, seed + 100))
        gaps.append(float(flow(model, start, 1e4, rtol=1e-6, method="LSODA").gap[-1]))
    return Evidence(
        off < 1e-6 and worst <= 0 and max(gaps) < 1e-8,
        "dE/dt ≤ 0 at random states, at the least β at which the condition holds to 2 % (seed 2). "
        "There its formula agrees with the free flow to 1e-6. Flows of three random pairs in R³ at "
        "τ = 0.3 end with a gap below 1e-8",
    )


@statement(
    "simplex-exponents",
    "Theory 4.4",
    "Near the simplex n d log Δ/d log β tends to -1 where d ≥ n + 1, and is -(2 - (1-2k/n)²) where "
    "d = n and k of the x_i - y_i point against the others (formal)",
    HOLDS,
)
def exponents(full: bool) -> Evidence:
    """Slopes of the margin flow near the simplex, and its velocity by the consensus equation."""
    n, radius = 4, 1e-3
    W, rng = np.hstack([simplex(n), np.zeros((n, 3))]), np.random.default_rng(4)
    e = sphere.sample(n, 3, rng)
    shift = radius / 2 * np.hstack([np.zeros((n, n)), e])
    V = margin_flow.velocity(W + shift, W - shift, tolerance=4 * radius**2)
    moves, wanted = (V.X - V.Y)[:, n:] / radius, consensus.consensus(e)
    predicted = wanted.velocity + wanted.distance / n * e
    off = float(np.abs(moves - predicted).max() / np.abs(predicted).max())
    found, table = [], []
    for pairs, k in ((3, 0), (5, 1)):
        signs = np.where(np.arange(pairs) < k, -1.0, 1.0)[:, None]
        W, shift = simplex(pairs), 0.05 * signs * np.full((1, pairs), pairs**-0.5)
        path = margin_flow.flow(W + shift, W - shift, [2.0, 6.0], sharpness=1e7)
        found.append(pairs * float(np.log(path.gap[1] / path.gap[0])) / 4.0)
        table.append(consensus.exponent(n=pairs, d=pairs)[k].gap)
    away = float(np.abs(np.array(found) / np.array(table) - 1).max())
    return Evidence(
        off < 1e-2 and away < 0.01,
        "four pairs near the simplex move by the consensus equation to 1 %; n d log Δ/ds along "
        f"the margin flow is {listed(found, '.3f')}, predicted {listed(table, '.3f')}, for (n, k) "
        "= (3, 0) and (5, 1), d = n",
    )
