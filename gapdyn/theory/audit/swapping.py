"""Modality swapping, beyond the paper: the exponent with which the gap freezes."""

from __future__ import annotations

import itertools

import numpy as np

from gapdyn import measures, sphere
from gapdyn.examples import simplex
from gapdyn.flow import flow
from gapdyn.models import FreeModel
from gapdyn.swap import HardSwap
from gapdyn.temperature import Learned
from gapdyn.theory import swapping
from gapdyn.theory.audit.record import HOLDS, Evidence, listed, statement
from gapdyn.types import Array

STATES = ((0.4, 3.0), (0.1, 20.0), (0.02, 200.0))
"""Values of γ and β at which slopes are compared."""


def averaged_slope(W: Array, gamma: float, beta: float, p: float, law: tuple[float, ...]) -> float:
    """-d log γ/d log β of pairs W at ±γ, velocities averaged over all masks of values in `law`."""
    X, Y = sphere.lift(W, W, gamma=gamma)
    n, d = X.shape
    model = FreeModel(n, d, Learned())
    y = model.start(X, Y, tau=1 / beta)
    velocity = (1 - p) * model.velocity(0.0, y)
    for mask in itertools.product(law, repeat=n):
        mixed = model.mixed(np.array(mask)[:, None])
        velocity += p / len(law) ** n * mixed.velocity(0.0, y)
    parts = model.split(velocity)
    return float(-parts.X[0, -1] / (gamma * parts.nu))


@statement(
    "swapping-bounds",
    "Theory 3.9",
    "Swapping, averaged over its masks, multiplies the exponent 1/n of rigid mirrored pairs by 1 "
    "to 1 + 2/((1-γ²)α - 2γ²) once γ² < α/(α+2), and does not unfreeze the gap",
    HOLDS,
)
def bounds(full: bool) -> Evidence:
    """Averages over all masks give the exact slope, which lies within the bounds."""
    off, inside = 0.0, True
    for n, p, (gamma, beta) in itertools.product((3, 4), (0.1, 1.0), STATES):
        exact = float(swapping.slope(beta, gamma, n=n, p=p))
        found = averaged_slope(simplex(n), gamma, beta, p, (0.0, 1.0))
        off = max(off, abs(found / exact - 1))
    shapes = (simplex(3), simplex(4), sphere.polygon(5), np.vstack([np.eye(2), -np.eye(2)]))
    for W, law, (gamma, beta) in itertools.product(shapes, ((0.0, 1.0), (0.0, 0.3, 1.0)), STATES):
        room = (1 - gamma**2) * measures.margin(W @ W.T) - 2 * gamma**2
        factor = len(W) * averaged_slope(W, gamma, beta, 1.0, law)
        inside &= 1 < factor < 1 + 2 / room
    return Evidence(
        off < 1e-12 and inside,
        "mean velocities over all masks of hard swapping agree with `swapping.slope` to 1e-12 for "
        "simplices of 3 and 4, p = 0.1 and 1, (γ, β) = (0.4, 3), (0.1, 20), (0.02, 200). At these "
        "states n times the slope lies within the bounds for triangle, tetrahedron, square and "
        "pentagon, λ one of 0, 1 or one of 0, 0.3, 1",
    )


def averaged_exponent(n: int, p: float) -> float:
    """The middle one of ½ and the slopes of a simplex at small and at large βγ².

    At small βγ² all masks have the same weight. At large βγ² pairs of rows whose masks differ have
    all of it, and 1/(n slope - 1) = (α - (α+2)γ²)/2 is extrapolated to γ = 0.
    """
    even = averaged_slope(simplex(n), 1e-5, 300.0, p, (0.0, 1.0))
    steep = [averaged_slope(simplex(n), g, 300.0, p, (0.0, 1.0)) for g in (0.3, 0.4)]
    inverse = 1 / (n * np.array(steep) - 1)
    most = (1 + 1 / (inverse[0] - 0.09 * (inverse[1] - inverse[0]) / 0.07)) / n
    return float(sorted((even, 0.5, most))[1])


@statement(
    "swapping-exponent",
    "Theory 3.9",
    "With hard swapping in a portion p > 0 of the time, however small, Δ freezes like (log "
    "t)^{-e}, e the middle one of (1 + p/α)/n, ½ and (1 + 2/α)/n",
    HOLDS,
)
def exponents(full: bool) -> Evidence:
    """Averages over masks give the exponent, and so does the late flow, which forgets its start."""
    off, beta, sizes = 0.0, 1e160, (2, 3, 4, 6, 12)
    for n, p in itertools.product((2, 3, 4, 5), (0.1, 1.0)):
        off = max(off, abs(averaged_exponent(n, p) - swapping.exponent(n=n, p=p)))
    for n, p in itertools.product(sizes, (0.1, 1.0)):
        gamma = swapping.height(beta, n=n, p=p, gamma0=0.3, beta0=5.0)
        slope = float(swapping.slope(beta, gamma, n=n, p=p))
        off = max(off, abs(slope - swapping.exponent(n=n, p=p)))
    starts = [swapping.height(beta, n=4, gamma0=g, beta0=b) for g, b in ((0.5, 0.01), (0.1, 30.0))]
    settled = [beta * float(gamma) ** 2 for gamma in starts]
    apart = max(abs(theta / (np.log(2) / 2) - 1) for theta in settled)
    apart = max(apart, abs(swapping.balance(n=4) / (np.log(2) / 2) - 1))
    return Evidence(
        off < 1e-6 and apart < 1e-6,
        "mean velocities over all masks of hard swapping give the exponent to 1e-6: its ends, at "
        "small and at large βγ², and with ½ their middle one. This is for simplices of n = 2, 3, "
        f"4, 5 pairs, p = 0.1 and 1. The averaged flow of n = {listed(sizes, 'd')} pairs has a "
        "slope within 1e-6 of it at β = 1e160, which for p = 1 is "
        f"{listed([swapping.exponent(n=n) for n in sizes], '.4f')}. At n = 4, p = 1 βγ² tends to ½ "
        f"log 2 = {settled[0]:.4f} from two starts",
    )


@statement(
    "swapping-segments",
    "Theory 3.9",
    "From simplices the flow with random segments of length 1 follows the averaged one",
    HOLDS,
)
def segments(full: bool) -> Evidence:
    """The slope under random segments is near that of the averaged flow."""
    texts, agree = [], True
    for n, seed in ((6, 0), (12, 1)):
        X, Y = sphere.lift(simplex(n), simplex(n), gamma=0.4)
        model = FreeModel(n, n + 1, Learned())
        run = flow(
            model,
            model.start(X, Y, tau=1 / 3),
            [0.0, 10.0, 1000.0 if full else 200.0],
            swap=HardSwap(p=1.0, seed=seed),
            method="RK45",
            rtol=1e-6,
        )
        after = swapping.height(run.beta[2], n=n, gamma0=run.gap[1] / 2, beta0=run.beta[1])
        growth = np.log(run.beta[2] / run.beta[1])
        found, mean = (np.log(run.gap[1] / gap) / growth for gap in (run.gap[2], 2 * after))
        agree &= bool(abs(found / mean - 1) < 0.1 and found > 1.5 / n)
        texts.append(f"{found:.3f} for n = {n} (averaged {mean:.3f}, unswapped {1 / n:.3f})")
    return Evidence(
        agree,
        "from simplices, with entries swapped all the time in random segments of length 1, -d log "
        f"Δ/d log β is measured between t = 10 and {1000 if full else 200} (seeds 0 and 1). It is "
        f"{', '.join(texts)}",
    )
