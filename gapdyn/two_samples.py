"""How two modalities differ as sets of points: what needs every two rows, or a fit.

All of it is of unit rows in float64, one-to-one, few enough that n × n numbers fit in memory.

References
----------
.. [1] T. Wang and P. Isola, "Understanding Contrastive Representation Learning through Alignment
   and Uniformity on the Hypersphere", ICML 2020.
.. [2] G. J. Székely and M. L. Rizzo, "Energy statistics: A class of statistics based on distances",
   Journal of Statistical Planning and Inference, 2013.
.. [3] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf and A. Smola, "A Kernel Two-Sample
   Test", JMLR 2012.
.. [4] A. Fahim, A. Murphy and A. Fyshe, "It's Not a Modality Gap: Characterizing and Addressing the
   Contrastive Gap", 2024.
"""

from __future__ import annotations

import numpy as np
import scipy.optimize
import scipy.special

from gapdyn import loss
from gapdyn.sphere import TIE
from gapdyn.types import Array, Numbers

WIDTHS = 0.5, 1.0, 2.0
"""Widths of the kernels of `mmd`, in medians of the distance across."""

HELD_OUT = 0.2
"""Share of the pairs on which `separability` is measured."""


def of_few(X: Array, Y: Array, tau: float | None) -> Numbers:
    """All of it, row i of X matching row i of Y."""
    Z = X @ Y.T
    return {
        **two_samples(X, Y),
        **transport(Z),
        **losses(Z, tau),
        "separability": separability(X, Y),
    }


def squared_distances(X: Array, Y: Array) -> Array:
    """‖x_i - y_j‖², 0 for rows whose similarity is 1 to within `TIE`."""
    squares: Array = 2 - 2 * (X @ Y.T)
    squares[squares < 2 * TIE] = 0.0
    return squares


def two_samples(X: Array, Y: Array) -> Numbers:
    """Uniformities [1]_, energy [2]_ and MMD [3]_ of two modalities, row i matching row i."""
    xx, yy, xy = squared_distances(X, X), squared_distances(Y, Y), squared_distances(X, Y)
    apart = ~np.eye(len(X), dtype=bool)
    named = (("x", xx), ("y", yy), ("cross", xy))
    return {
        **{f"uniformity_{name}": uniformity(squares[apart]) for name, squares in named},
        "energy": energy(xx, yy, xy),
        "mmd": mmd(xx, yy, xy),
    }


def uniformity(squares: Array) -> float:
    """Log mean exp(-2‖·‖²), the same over i < j as over i ≠ j."""
    return float(np.log(np.mean(np.exp(-2 * squares))))


def energy(xx: Array, yy: Array, xy: Array) -> float:
    """2 E‖x - y‖ - E‖x - x'‖ - E‖y - y'‖, as a V-statistic: i = j counts, at distance 0."""
    cross, within_x, within_y = (float(np.sqrt(squares).mean()) for squares in (xy, xx, yy))
    return 2 * cross - within_x - within_y


def mmd(xx: Array, yy: Array, xy: Array) -> float:
    """Squared MMD E k(x, x') + E k(y, y') - 2 E k(x, y), as a V-statistic.

    k(a, b) is the mean of exp(-‖a - b‖²/2σ²) over σ in `WIDTHS` times the median distance across.
    NaN where that is 0.
    """
    scale = float(np.median(np.sqrt(xy)))
    if scale == 0:
        return np.nan
    rates = [1 / (2 * (width * scale) ** 2) for width in WIDTHS]
    means = [[np.exp(-rate * squares).mean() for squares in (xx, yy, xy)] for rate in rates]
    return float(np.mean(means, axis=0) @ [1, 1, -2])


def transport(Z: Array) -> Numbers:
    """Mean cost 1 - cos of the pairs, and of the assignment of one row each that costs least."""
    i, j = scipy.optimize.linear_sum_assignment(Z, maximize=True)
    return {
        "pair_cost": float(1 - Z.diagonal().mean()),
        "transport_cost": float(1 - Z[i, j].mean()),
    }


def separability(X: Array, Y: Array) -> float:
    """Share of held-out rows whose modality a linear classifier tells [4]_.

    It is logistic regression with penalty ‖w‖²/2 and a free intercept, fitted to 80 % of the pairs
    and tried on the others; the split is always the same. A row on the boundary counts as half.
    """
    order = np.random.default_rng(0).permutation(len(X))
    held = max(1, round(HELD_OUT * len(X)))
    tried, fitted = order[:held], order[held:]
    signs = np.repeat([1.0, -1.0], len(fitted))[:, None]
    rows = signs * np.column_stack([np.vstack([X[fitted], Y[fitted]]), np.ones(len(signs))])
    penalty = np.append(np.ones(X.shape[1]), 0.0)

    def penalised(v: Array) -> tuple[float, Array]:
        """Loss and gradient at v = (w, b)."""
        margin = rows @ v
        slope = penalty * v - scipy.special.expit(-margin) @ rows
        return float(np.logaddexp(0, -margin).sum() + penalty @ v**2 / 2), slope

    def curvature(v: Array, p: Array) -> Array:
        """Hessian at v times p."""
        margin = rows @ v
        weights = scipy.special.expit(margin) * scipy.special.expit(-margin)
        product: Array = penalty * p + (weights * (rows @ p)) @ rows
        return product

    start = np.zeros(X.shape[1] + 1)
    # L-BFGS-B would call the threads of BLAS for each of its small steps, and wait for them
    found = scipy.optimize.minimize(
        penalised, start, method="trust-krylov", jac=True, hessp=curvature
    )
    v = found.x
    scores = np.concatenate([X[tried] @ v[:-1] + v[-1], -(Y[tried] @ v[:-1] + v[-1])])
    unsure = 1e-9
    return float(np.mean((scores > unsure) + 0.5 * (np.abs(scores) <= unsure)))


def losses(Z: Array, tau: float | None) -> Numbers:
    """The loss (2) of similarities at τ and at the τ that makes it least, beside ln n."""
    best = loss.best_temperature(Z)
    return {
        "loss": np.nan if tau is None else loss.loss(Z / tau),
        "temperature_for_gap": best if best < np.inf else np.nan,
        "best_loss": loss.at_temperature(Z, best),
        "log_n": float(np.log(len(Z))),
    }
