"""The sigmoid loss: its exchange law, its optimum, and the gaps that its zeros and starts leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from gapdyn import measures, sphere
from gapdyn.examples import simplex
from gapdyn.flow import Trajectory, flow
from gapdyn.losses import Sigmoid
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.temperature import Exponential, Learned
from gapdyn.theory import sigmoid
from gapdyn.theory.audit.exchange_law import POLYGONS
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.types import Array

SLOW = Learned(Exponential(2.0), rate=0.6)
FOUR = (0.7, 0.7), (1.0, 0.0), (2.0, 1.0), (3.0, -2.0)
"""(t, b) at which six pairs are minimised over."""
SIZES = 10, 100, 1000


def simplices(n: int, d: int, gap: float) -> tuple[Array, Array]:
    """Simplices of n pairs lifted to ±Δ/2 in d dimensions."""
    W = np.pad(simplex(n), ((0, 0), (0, d - 1 - n)))
    return sphere.lift(W, W, gamma=gap / 2)


def loss_of(Z: Array, t: float, b: float) -> float:
    """(1/n) Σ softplus(∓(tz - b))."""
    M = t * Z - b
    M[np.diag_indices(len(Z))] *= -1
    return float(np.logaddexp(0, M).sum()) / len(Z)


def least(n: int, d: int, t: float, b: float) -> tuple[float, float]:
    """Gap and loss of the free rows to which a descent from random ones comes (seed 0)."""

    def objective(flat: Array) -> tuple[float, Array]:
        W = flat.reshape(2, n, d)
        length = np.linalg.norm(W, axis=2, keepdims=True)
        rows = W / length
        Z = rows[0] @ rows[1].T
        G = expit(t * Z - b) / n
        G[np.diag_indices(n)] = -expit(b - t * Z.diagonal()) / n
        slopes = t * np.stack([G @ rows[1], G.T @ rows[0]])
        slopes -= (slopes * rows).sum(axis=2, keepdims=True) * rows
        return loss_of(Z, t, b), (slopes / length).ravel()

    start = np.random.default_rng(0).standard_normal(2 * n * d)
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10**5, "maxfun": 10**5, "ftol": 1e-16, "gtol": 1e-10},
    )
    X, Y = found.x.reshape(2, n, d)
    return measures.gap(X, Y), float(found.fun)


def level_rows(rng: np.random.Generator) -> tuple[Array, Array]:
    """Random rows in two orders, at heights ±0.4."""
    n, d = int(rng.integers(4, 12)), int(rng.integers(3, 8))
    rows = sphere.sample(n, d, rng)
    return sphere.lift(rows, rng.permutation(rows), gamma=0.4)


def from_simplices(kind: str, t0: float, b0: float, end: float = 1e5) -> Trajectory:
    """The free flow of four simplex pairs from a gap of 1."""
    model = FreeModel(4, 8, Learned(), loss=Sigmoid(kind))
    return flow(model, model.start(*simplices(4, 8, 1.0), tau=1 / t0, bias=b0), [0.0, end])


def listed_pairs(pairs: Sequence[tuple[float, float]]) -> str:
    """Pairs of numbers, separated by commas."""
    return ", ".join(f"({a:g}, {b:g})" for a, b in pairs)


def gap_speed(model: FreeModel, y: Array) -> float:
    """n d log Δ/dt."""
    moves, (X, Y) = model.split(model.velocity(0.0, y)), model.rows(y)
    u, du = (X - Y).mean(axis=0), (moves.X - moves.Y).mean(axis=0)
    return model.n * float(u @ du) / float(u @ u)


@statement(
    "sigmoid-velocity",
    "Theory 5.1",
    "For any rows u' = (t η_x/n) Σ_ij G_ij (1 + Z_ij)(x_i - y_j) as with InfoNCE, G the gradient "
    "of the sigmoid loss in its logits; for symmetric pairs u' = (t η_x/n)(S + ⟨G, Z⟩) u, S = Σ G",
    HOLDS,
)
def velocity(full: bool) -> Evidence:
    """Velocities of the free model."""
    rng, off = np.random.default_rng(0), 0.0
    starts = [sphere.sample(2 * n, d, rng).reshape(2, n, d) for n, d in ((3, 2), (6, 4), (12, 5))]
    lifted = [
        np.stack(sphere.lift(*sphere.polygon_pairs(*p), gamma_x=0.5, gamma_y=0.1)) for p in POLYGONS
    ]
    for k, (X, Y) in enumerate([*starts, *lifted]):
        n, t, r = len(X), float(np.exp(rng.normal())), float(rng.normal())
        model = FreeModel(len(X), X.shape[1], Learned(), 0.7, loss=Sigmoid())
        moves = model.split(model.velocity(0.0, model.start(X, Y, tau=1 / t, bias=r)))
        Z = X @ Y.T
        G = expit(t * (Z - r)) / n
        G[np.diag_indices(n)] = -expit(-t * (Z.diagonal() - r)) / n
        if k < len(starts):
            law = np.einsum("ij,ijd->d", G * (1 + Z), X[:, None] - Y)
        else:
            law = (G.sum() + (G * Z).sum()) * (X - Y).mean(axis=0)
        off = max(off, float(np.abs((moves.X - moves.Y).mean(axis=0) - 0.7 * t / n * law).max()))
    return Evidence(
        off < 1e-13,
        "the velocity of c_X - c_Y is the law's to 1e-13 for 3, 6 and 12 random pairs, with rate "
        "0.7 of rows, random t and r (seed 0). So it is for polygons (n, rotation) = "
        f"{listed_pairs(POLYGONS)} at heights 0.5 and 0.1",
    )


@statement(
    "sigmoid-exchange-law",
    "Theory 5.2",
    "With a relative bias, tΔⁿe^{-(1+r)²/2} is constant along the free flow of symmetric pairs; "
    "for any β(ν) and rates it is P(β) + (n/η_x) log Δ - (1+r)²/(2η_b)",
    HOLDS,
)
def exchange(full: bool) -> Evidence:
    """The law along simplices and rotated polygons."""
    starts = [simplices(4, 8, 1.0)]
    starts += [sphere.lift(*sphere.polygon_pairs(*p), gamma=0.31) for p in POLYGONS[:2]]
    off = 0.0
    for X, Y in starts:
        for temperature, rows, rate in ((Learned(), 1.0, 1.0), (SLOW, 0.7, 0.4)):
            model = FreeModel(len(X), X.shape[1], temperature, rows, loss=Sigmoid(bias_rate=rate))
            run = flow(model, model.start(X, Y, tau=0.5, bias=0.0), 1e6)
            off = max(off, float(np.ptp(sigmoid.invariant(run))))
    by_hand = n_log_gap_and_more(from_simplices("relative", 2.0, 0.0, 1e6))
    return Evidence(
        off < 1e-7 and np.ptp(by_hand) < 1e-7,
        "it varies by less than 1e-7 over the time 0..1e6 for four simplex pairs in R⁸ lifted to "
        f"±0.5 and polygons (n, rotation) = {listed_pairs(POLYGONS[:2])} lifted to ±0.31. They "
        "start from t₀ = 2, r₀ = 0, at rates 1, and for exp(ν/2) with rates 0.6 of ν, 0.7 of rows, "
        "0.4 of the bias",
    )


def n_log_gap_and_more(run: Trajectory) -> Array:
    """log t + 4 log Δ - (1+r)²/2 of four pairs, by hand."""
    kept: Array = np.log(run.beta) + 4 * np.log(run.gap) - (1 + run.bias) ** 2 / 2
    return kept


@statement(
    "sigmoid-exchange-law-level",
    "Theory 5.2",
    "The law holds at any moment at which the rows of each modality stand at one height along c_X "
    "- c_Y, and later no more",
    HOLDS,
)
def level(full: bool) -> Evidence:
    """One random set of rows in two orders, lifted: level, though not symmetric."""
    rng, at_once, later = np.random.default_rng(0), 0.0, np.inf
    for _ in range(20):
        X, Y = level_rows(rng)
        model = FreeModel(len(X), X.shape[1], Learned(), loss=Sigmoid())
        y = model.start(X, Y, tau=0.3, bias=float(rng.uniform(-1, 1)))
        own, (dnu, dr) = gap_speed(model, y), model.velocity(0.0, y)[-2:]
        at_once = max(at_once, abs(dnu + own - (1 + y[-1]) * dr) / (abs(own) + abs(dnu)))
        run = flow(model, y, [0.0, 1.0])
        later = min(later, float(np.ptp(sigmoid.invariant(run))))
    return Evidence(
        at_once < 1e-12 and later > 1e-5,
        "its derivative is below 1e-12 of that of its parts for 20 random sets of rows lifted in "
        "two orders to ±0.4, n = 4..11, d = 3..7 (seed 0). By time 1 it has moved by more than "
        "1e-5",
    )


@statement(
    "sigmoid-exchange-law-parallel",
    "Theory 5.2",
    "With a relative bias P(β) + ½(log γ - γ²/2) - (1+r)²/(2η_b) is constant along the tied "
    "parallel flow, whatever the rows do: γ ∝ t⁻²e^{(1+r)²} where γ is small",
    HOLDS,
)
def parallel(full: bool) -> Evidence:
    """The law along the parallel flow of random rows."""
    off, moved = 0.0, np.inf
    for seed in range(5 if full else 2):
        X, Y = sphere.sample(12, 3, seed).reshape(2, 6, 3)
        for temperature, rate in ((Learned(), 1.0), (SLOW, 0.4)):
            model = ParallelModel(6, 3, temperature, loss=Sigmoid(bias_rate=rate))
            run = flow(model, model.start(X, Y, tau=0.5, gamma=0.6, bias=0.3), 1e3)
            off = max(off, float(np.ptp(sigmoid.invariant(run))))
            moved = min(moved, float(np.ptp(np.log(run.gamma))))
    return Evidence(
        off < 1e-7 and moved > 1e-2,
        "it varies by less than 1e-7 over the time 0..1e3 for six random pairs in R³ from γ₀ = "
        "0.6, t₀ = 2, r₀ = 0.3 (seeds from 0). This is at rates 1, and for exp(ν/2) with rates 0.6 "
        "of ν and 0.4 of the bias",
    )


@statement(
    "sigmoid-product",
    "Theory 5.2",
    "With any bias symmetric pairs keep P(β) + (n/2η_x) log(‖c_X - c_Y‖ ‖c_X + c_Y‖), less "
    "r²/(2η_b) where the bias is relative",
    HOLDS,
)
def product(full: bool) -> Evidence:
    """The law of both lengths along rotated polygons."""
    off = 0.0
    for kind, bias in (("relative", 0.3), ("plain", 0.3), ("none", 0.0)):
        for polygon in POLYGONS[:2]:
            X, Y = sphere.lift(*sphere.polygon_pairs(*polygon), gamma_x=0.5, gamma_y=0.1)
            model = FreeModel(len(X), 3, SLOW, 0.7, loss=Sigmoid(kind, bias_rate=0.4))
            run = flow(model, model.start(X, Y, tau=0.4, bias=bias), 1e5)
            off = max(off, float(np.ptp(sigmoid.product_invariant(run))))
    return Evidence(
        off < 1e-7,
        "it varies by less than 1e-7 over the time 0..1e5 for a relative bias, a plain one and "
        f"none. The flows start from polygons (n, rotation) = {listed_pairs(POLYGONS[:2])} at "
        "heights 0.5 and 0.1, t₀ = 2.5, for exp(ν/2) with rates 0.6 of ν, 0.7 of rows, 0.4 of the "
        "bias",
    )


@statement(
    "sigmoid-plain",
    "Theory 5.2",
    "With a plain bias level rows have n d log Δ = -dν + t db, from which no law of Δ, t and b "
    "follows; the gap that is left depends on where the bias starts",
    HOLDS,
)
def plain(full: bool) -> Evidence:
    """The identity at random level rows, and the gaps of four starts."""
    rng, off = np.random.default_rng(0), 0.0
    for _ in range(20):
        X, Y = level_rows(rng)
        model = FreeModel(len(X), X.shape[1], Learned(), loss=Sigmoid("plain"))
        t = float(np.exp(rng.normal()))
        y = model.start(X, Y, tau=1 / t, bias=float(rng.normal()))
        own, (dnu, db) = gap_speed(model, y), model.velocity(0.0, y)[-2:]
        off = max(off, abs(own + dnu - t * db) / (abs(own) + abs(dnu)))
    starts = (2.0, 0.0), (2.0, -10.0), (10.0, 10.0)
    gaps = [float(from_simplices("plain", *start).gap[-1]) for start in starts]
    relative = from_simplices("relative", 2.0, 0.0)
    ends = float(relative.gap[-1]), float(relative.beta[-1])
    found = np.abs(np.array(gaps) - (0.980, 1.270, 0.499)).max()
    return Evidence(
        off < 1e-12 and found < 5e-4 and np.allclose(ends, (0.54549, 29.994), rtol=0, atol=5e-4),
        "it is exact to 1e-12 at 20 random sets of level rows (seed 0). From a gap of 1 and (t₀, "
        "b₀) = (2, 0), (2, -10), (10, 10) four simplex pairs in R⁸ come to gaps of "
        f"{listed(gaps, '.3f')} at time 1e5. With a relative bias they come from (2, 0) to "
        f"{ends[0]:.5f}, where the inverse temperature is {ends[1]:.3f}",
    )


@statement(
    "sigmoid-optimum",
    "Theory 5.3",
    "At any t and plain bias the least loss of n pairs, in at least n dimensions, is that of "
    "double-constant rows. Their s is -1, 1 or the root of (n-2)/2 σ(tq(s) - b) = σ(b - ts). Lee, "
    "Chang and Sohn 2024 give its thresholds at b = t",
    HOLDS,
)
def at_the_optimum(full: bool) -> Evidence:
    """Free minimisation of six pairs in R⁹."""
    off, best = 0.0, [sigmoid.optimum(n=6, t=t, bias=b) for t, b in FOUR]
    for (t, b), law in zip(FOUR, best, strict=True):
        gap, loss = least(6, 9, t, b)
        off = max(off, abs(gap - law.gap), abs(loss - law.loss))
    fewer = least(6, 5, 2.0, 1.0)[1] - best[2].loss
    return Evidence(
        off < 1e-7 and fewer > 1e-2,
        "a descent over free rows, n = 6 and d = 9, comes to its gap and loss to 1e-7 at (t, b) = "
        f"{listed_pairs(FOUR)}. The gaps are {listed((law.gap for law in best), '.6f')}, the "
        f"losses {listed((law.loss for law in best), '.9f')}. In R⁵ the descent ends above the "
        "third by more than 0.01",
    )


@statement(
    "sigmoid-thresholds",
    "Theory 5.3",
    "At b = t the optimum has no gap from t = ((n-1)/n) log(n-3) on and is antipodal up to t = ½ "
    "log((n-2)/2); at t = b = 10, SigLIP's start, it has none up to 22,039 pairs",
    HOLDS,
)
def thresholds(full: bool) -> Evidence:
    """The optimum on both sides of its thresholds, along b = t and across it."""
    changes = []
    for n in SIZES:
        for t, limit in (
            (sigmoid.closing_threshold(n=n), 0.0),
            (sigmoid.antipodal_threshold(n=n), 2.0),
        ):
            below, above = (
                sigmoid.optimum(n=n, t=t * side, bias=t * side).gap for side in (1 - 1e-9, 1 + 1e-9)
            )
            changes.append((below == limit) != (above == limit))
        for bias in (sigmoid.closing_bias(n=n, t=3.0), sigmoid.antipodal_bias(n=n, t=3.0)):
            gaps = [sigmoid.optimum(n=n, t=3.0, bias=bias + d).gap for d in (-1e-9, 1e-9)]
            changes.append((gaps[0] in (0, 2)) != (gaps[1] in (0, 2)))
    batch = sigmoid.largest_batch(t=10.0, bias=10.0)
    closes = [sigmoid.closing_threshold(n=n) for n in SIZES]
    opens = [sigmoid.antipodal_threshold(n=n) for n in SIZES]
    at_batch = [sigmoid.optimum(n=n, t=10.0, bias=10.0).gap > 0 for n in (batch, batch + 1)]
    return Evidence(
        all(changes) and at_batch == [False, True],
        f"for n = {', '.join(map(str, SIZES))} there is no gap from t = {listed(closes, '.6f')} "
        f"on, and the optimum is antipodal up to t = {listed(opens, '.6f')}. At these t it changes "
        "within 1e-9, as it does at the biases `closing_bias` and `antipodal_bias` of t = 3. At t "
        f"= b = 10 there is no gap up to {batch:,} pairs",
    )


@statement(
    "sigmoid-free-bias",
    "Theory 5.3",
    "Over rows and bias together the optimum has no gap at any t: only a bias that is held keeps "
    "one, which as t → ∞ with b = rt has s = (n + 4(n-1)r)/(3n-4), or the end of [-1, 1] beyond",
    HOLDS,
)
def free_bias(full: bool) -> Evidence:
    """The least of all optima over the bias, and optima at large t."""
    off, above, late = 0.0, [], 0.0
    for n in (3, 10, 1000):
        for t in (0.1, 1.0, 10.0, 100.0):
            best = sigmoid.optimal_bias(n=n, t=t)
            above.append(best > sigmoid.closing_bias(n=n, t=t))
            slope = expit(best - t) - (n - 1) * expit(-t / (n - 1) - best)
            off = max(off, abs(float(slope)) / float(expit(best - t)))
            losses = [sigmoid.optimum(n=n, t=t, bias=best + d).loss for d in (-0.1, 0.0, 0.1)]
            above.append(losses[1] < min(losses[0], losses[2]))
        for r in (-1.0, -0.3, 0.0, 0.2, 1.0):
            s = float(np.clip((n + 4 * (n - 1) * r) / (3 * n - 4), -1, 1))
            late = max(late, abs(sigmoid.optimum(n=n, t=1e8, bias=r * 1e8).s - s))
    return Evidence(
        all(above) and off < 1e-12 and late < 1e-6,
        "at n = 3, 10, 1000 and t = 0.1, 1, 10, 100 the loss of the optimum is least at "
        "`optimal_bias`. There its slope in b is 0 to 1e-12, and the bias is above `closing_bias`. "
        "At t = 1e8 and r = -1, -0.3, 0, 0.2, 1 the s of the optimum is the limit's to 1e-6",
    )


@statement(
    "sigmoid-margin",
    "Theory 5.4",
    "At its best bias the loss of rows with global margin m lies between (2/n) softplus(-tm) and "
    "2√(n-1) e^{-tm} (Bangachev et al. 2025: e^{-tm + o(t)}). So it goes to 0 along t → ∞ if and "
    "only if m > 0. And m ≤ (n/(2(n-1)))(1 - Δ²/4)",
    HOLDS,
)
def margins(full: bool) -> Evidence:
    """Random rows, some of which match."""
    rng, inside, ends = np.random.default_rng(0), [], []
    count = 400 if full else 100
    for _ in range(count):
        n, d = int(rng.integers(2, 9)), int(rng.integers(2, 9))
        X = sphere.sample(n, d, rng)
        Y = sphere.normalise(X + rng.random() * sphere.sample(n, d, rng))
        m, t = sigmoid.margin_and_bias(X, Y).margin, float(np.exp(rng.uniform(-3, 5)))
        loss = sigmoid.best_bias(X, Y, t=t).loss
        lower, upper = sigmoid.loss_bounds(n=n, margin=m, t=t)
        inside.append(lower * (1 - 1e-12) <= loss <= upper * (1 + 1e-12))
        inside.append(upper <= 2 * np.sqrt(n - 1) * np.exp(-t * m) * (1 + 1e-12))
        inside.append(m <= sigmoid.largest_margin(n=n, gap=measures.gap(X, Y)) + 1e-12)
    for n in (2, 4, 8):
        X, Y = simplices(n, n + 1, 0.8)
        m, found = sigmoid.margin_and_bias(X, Y).margin, sigmoid.best_bias(X, Y, t=9.0)
        ends.append(abs(m / sigmoid.largest_margin(n=n, gap=0.8) - 1))
        ends.append(abs(found.loss / sigmoid.loss_bounds(n=n, margin=m, t=9.0)[1] - 1))
        ends.append(abs(found.loss / loss_of(X @ Y.T, 9.0, found.bias) - 1))
    return Evidence(
        all(inside) and max(ends) < 1e-12,
        f"this is so for {count} random sets of rows, some of which match, n and d = 2..8, t = "
        "0.05..150 (seed 0). Lifted simplices of 2, 4 and 8 pairs have the upper bound and the "
        "largest margin of their gap to 1e-12",
    )


@statement(
    "sigmoid-any-gap",
    "Theory 5.4",
    "Rows of any gap in [0, 2), in any dimension from 3 on, have loss that goes to 0 along t → ∞ "
    "with b = tr",
    HOLDS,
)
def any_gap(full: bool) -> Evidence:
    """Rows that match, lifted."""
    rows, off, largest = sphere.sample(20, 2, 0), 0.0, 0.0
    gaps = (0.0, 0.5, 1.0, 1.5, 1.9)
    for gap in gaps:
        X, Y = sphere.lift(rows, rows, gamma=gap / 2)
        m, r = sigmoid.margin_and_bias(X, Y)
        off = max(off, abs(measures.gap(X, Y) - gap), -m)
        largest = max(largest, loss_of(X @ Y.T, 40 / m, r * 40 / m))
    return Evidence(
        off < 1e-12 and 0 < largest < 20 * np.exp(-40),
        f"20 random rows of R², in both modalities, lifted to gaps of {listed(gaps, 'g')}, have "
        "m > 0, and losses below 20e⁻⁴⁰ at t = 40/m, b = tr (seed 0)",
    )


@statement(
    "sigmoid-start",
    "Theory 5.5",
    "From z = 0 the gap of level rows opens where b < log(n-1) and closes where b is larger: the "
    "bias 10 is balanced for 22,027 pairs",
    HOLDS,
)
def start(full: bool) -> Evidence:
    """Velocities of gaps on both sides of log(n-1), for rows that are orthogonal to the others."""
    signs = []
    for n in (3, 8, 32):
        W = np.eye(2 * n)
        X, Y = W[:n], W[n:]
        for shift in (-0.05, 0.0, 0.05):
            model = FreeModel(n, 2 * n, Learned(), loss=Sigmoid("plain"))
            y = model.start(X, Y, tau=0.1, bias=float(np.log(n - 1)) + shift)
            speed = gap_speed(model, y)
            signs.append(np.sign(speed) == -np.sign(shift) if shift else abs(speed) < 1e-14)
    balanced = sigmoid.optimal_bias(n=22027, t=1e-6)
    return Evidence(
        all(signs) and abs(balanced - 10) < 5e-5,
        "n = 3, 8, 32 pairs of rows that are all orthogonal: the gap stands at b = log(n-1), opens "
        "0.05 below and closes 0.05 above; `optimal_bias` of 22,027 pairs goes to "
        f"{balanced:.4f} as t → 0",
    )
