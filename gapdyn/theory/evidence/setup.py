"""Evidence on Section 2 and Appendix B.1: the objective, the gap, the displays of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn import loss, measures, sphere
from gapdyn.models import ParallelModel
from gapdyn.temperature import Exponential, Learned, Linear, Parametrisation, Softplus
from gapdyn.theory.evidence import Evidence
from gapdyn.types import Array

STEP = 1e-30
"""Of a complex step: the imaginary part of f(x + ih) over h is f'(x) without cancellation."""


def printed_loss(M: Any) -> Any:
    """Eq. (2) as it is printed, without regard to overflow; logits may be complex."""
    E = np.exp(M)
    return (np.log(E.sum(axis=0)) + np.log(E.sum(axis=1)) - 2 * np.diagonal(M)).mean() / 2


def printed_gradient(M: Array) -> Array:
    """The first display of Appendix B.1: exp(M) over its column sums and over its row sums."""
    n, E = len(M), np.exp(M)
    gradient: Array = (E / E.sum(axis=0) + E / E.sum(axis=1, keepdims=True)) / (2 * n)
    return gradient - np.eye(n) / n


def printed_g(Z: Array, a: float) -> float:
    """g_a(Z) as the mean of μ_i over rows and columns, with μ_i(z, a) = ⟨z, e_i - σ(az)⟩ (10)."""
    total = 0.0
    for rows in (Z, Z.T):
        weights = np.exp(a * rows)
        weights /= weights.sum(axis=1, keepdims=True)
        total += float((np.diagonal(rows) - (weights * rows).sum(axis=1)).sum())
    return total / (2 * len(Z))


def _rows(rng: np.random.Generator) -> tuple[Array, Array]:
    """Two to nine random pairs in two to six dimensions."""
    n, d = int(rng.integers(2, 10)), int(rng.integers(2, 7))
    return sphere.sample(n, d, rng), sphere.sample(n, d, rng)


def _similarities(rng: np.random.Generator) -> Array:
    """Z of random pairs."""
    X, Y = _rows(rng)
    return X @ Y.T


def objective(full: bool) -> Evidence:
    """(3): the constant -γ² drops out of the loss."""
    rng, off, count = np.random.default_rng(0), 0.0, 500 if full else 100
    for _ in range(count):
        X, Y = _rows(rng)
        gamma, beta = rng.uniform(-1, 1), np.exp(rng.uniform(-2, 3))
        A, B = sphere.lift(X, Y, gamma=gamma)
        off = max(off, abs(A @ B.T - (1 - gamma**2) * (X @ Y.T) + gamma**2).max())
        whole, short = loss.loss(beta * (A @ B.T)), loss.loss(beta * (1 - gamma**2) * (X @ Y.T))
        off = max(off, abs(short / whole - 1), abs(short / printed_loss(beta * A @ B.T) - 1))
    return Evidence(
        bool(off < 1e-11),
        "H̃_X H̃_Yᵀ = (1-γ²)Z - γ², and a constant added to all logits changes no softmax: both "
        f"sides agree to 1e-11 over {count} random pairs of modalities, γ in [-1, 1] (seed 0)",
    )


def gap_at_least(full: bool) -> Evidence:
    """Δ ≥ 2|γ|, with equality where u = 0."""
    rng, least, off, count = np.random.default_rng(0), np.inf, 0.0, 2000 if full else 400
    for _ in range(count):
        X, Y = _rows(rng)
        gamma, u = rng.uniform(-1, 1), X.mean(axis=0) - Y.mean(axis=0)
        gap = measures.gap(*sphere.lift(X, Y, gamma=gamma))
        off = max(off, abs(gap**2 - (1 - gamma**2) * float(u @ u) - 4 * gamma**2))
        least = min(least, gap - 2 * abs(gamma))
    level = measures.gap(*sphere.lift(*sphere.polygon_pairs(5, 2), gamma=0.3))
    return Evidence(
        least >= 0 and off < 1e-13 and abs(level - 0.6) < 1e-14,
        "with u = mean X - mean Y, Δ² = (1-γ²)‖u‖² + 4γ² to 1e-13, so Δ ≥ 2|γ|, over "
        f"{count} random pairs of modalities, γ in [-1, 1] (seed 0); equality where u = 0, as for "
        "polygons",
    )


def loss_gradient(full: bool) -> Evidence:
    """The display of ∇ℓ, against a complex step through (2) and the code."""
    rng, off, count = np.random.default_rng(0), 0.0, 200 if full else 40
    for _ in range(count):
        M = np.exp(rng.uniform(-1, 3)) * _similarities(rng)
        slopes = np.empty_like(M)
        for place in np.ndindex(M.shape):
            moved = M.astype(complex)
            moved[place] += 1j * STEP
            slopes[place] = printed_loss(moved).imag / STEP
        for gradient in (printed_gradient(M), loss.gradient(M)):
            off = max(off, float(np.abs(gradient - slopes).max()))
    return Evidence(
        off < 1e-14,
        "the printed display, complex steps through (2) and `loss.gradient` agree to 1e-14 over "
        f"{count} random matrices of 2 to 9 pairs, β = e⁻¹..e³ (seed 0)",
    )


def height_gradients(full: bool) -> Evidence:
    """∂ℓ/∂ν, ∂ℓ/∂γ, (10) and g, against complex steps through (2)."""
    rng, off, count = np.random.default_rng(0), 0.0, 1000 if full else 200
    for _ in range(count):
        Z, gamma, nu = _similarities(rng), rng.uniform(-0.99, 0.99), rng.uniform(-1, 3)
        beta = np.exp(nu)
        a = beta * (1 - gamma**2)
        g = printed_g(Z, a)
        moved_nu = printed_loss(np.exp(nu + 1j * STEP) * (1 - gamma**2) * Z).imag / STEP
        moved_gamma = printed_loss(beta * (1 - (gamma + 1j * STEP) ** 2) * Z).imag / STEP
        pairing = -float((Z * printed_gradient(a * Z)).sum())
        off = max(off, abs(pairing - g), abs(loss.g(Z, a) - g))
        off = max(off, abs(moved_nu + beta * (1 - gamma**2) * g))  # β' = β
        off = max(off, abs(moved_gamma - 2 * beta * gamma * g))
    return Evidence(
        bool(off < 1e-12),
        "-⟨Z, ∇ℓ(aZ)⟩, the mean of the μ_i of (10) and `loss.g` are one number, and complex steps "
        f"through (2) give both displays, to 1e-12 over {count} random Z of 2 to 9 pairs, β = "
        "e⁻¹..e³, |γ| < 0.99 (seed 0)",
    )


PARAMETRISATIONS: tuple[Parametrisation, ...] = (Exponential(), Linear(), Softplus())


def dynamics(full: bool) -> Evidence:
    """(11) against the velocity of the parallel model."""
    rng, off, count = np.random.default_rng(0), 0.0, 1000 if full else 200
    for _ in range(count):
        X, Y = _rows(rng)
        gamma, tau = rng.uniform(-0.99, 0.99), np.exp(rng.uniform(-3, 1))
        parametrisation = PARAMETRISATIONS[int(rng.integers(3))]
        model = ParallelModel(len(X), X.shape[1], Learned(parametrisation))
        y = model.start(X, Y, tau=tau, gamma=gamma)
        velocity, slope = model.velocity(0.0, y), parametrisation.dbeta(float(y[-2]))
        pull = printed_g(X @ Y.T, (1 - gamma**2) / tau)
        off = max(off, abs(slope * float(velocity[-2]) - slope**2 * (1 - gamma**2) * pull))
        off = max(off, abs(float(velocity[-1]) + 2 / tau * gamma * pull))
    return Evidence(
        bool(off < 1e-10),
        "the velocity of the parallel model agrees with both to 1e-10, g from (10), over "
        f"{count} random states of 2 to 9 pairs, τ = e⁻³..e, |γ| < 0.99, β = exp ν, ν and softplus "
        "(seed 0)",
    )
