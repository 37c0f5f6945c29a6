"""How the variance of a modality, or of both together, is spread over directions.

References
----------
.. [1] O. Roy and M. Vetterli, "The Effective Rank: A Measure of Effective Dimensionality",
   EUSIPCO 2007.
.. [2] Y. Zhang, J. HaoChen, S.-C. Huang, K.-C. Wang, J. Zou and S. Yeung, "Diagnosing and
   Rectifying Vision Models using Language", ICLR 2023.
.. [3] X. Fang, J. Li, X. Feng and B. Wang, "Rethinking Uniformity in Self-Supervised
   Representation Learning", 2023.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from gapdyn.rows import Rows
from gapdyn.sphere import rounding
from gapdyn.types import Array, Numbers

LARGE = 2e9
"""Of n rows in d dimensions with nd² above this the spectrum is taken from the Gram matrix."""

SHARE = 0.99
"""Of the variance, which `dimensions` asks for."""


def triangle(rows: Rows, centre: Array) -> Array:
    """R, (k, d) with k ≤ d, such that RᵀR = Σ (x_i - centre)(x_i - centre)ᵀ.

    By QR of one block of rows after the other, so that small singular values are accurate too. Many
    rows are summed up in their Gram matrix, a fifth of the work, in which those below 1e-7 or so of
    the largest are rounding and are set to zero.
    """
    if len(rows) * rows.dim**2 > LARGE:
        return _by_gram(rows, centre)
    R: Array = np.empty((0, rows.dim))
    for block in rows:
        stacked: Any = np.vstack([R, block - centre])  # LAPACK may write over it
        R = scipy.linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0]
        R = R[: rows.dim]
    return R


def _by_gram(rows: Rows, centre: Array) -> Array:
    """`triangle` from the eigenvalues λ of RᵀR."""
    gram = np.zeros((rows.dim, rows.dim))
    memory: Array | None = None  # used again: fresh memory costs half as much as the product
    for block in rows:
        memory = np.empty_like(block) if memory is None else memory
        about = np.subtract(block, centre, out=memory[: len(block)])
        gram += about.T @ about
    squares, directions = np.linalg.eigh(gram)
    squares[squares < len(rows) * np.finfo(np.float64).eps * squares[-1]] = 0.0
    root: Array = np.sqrt(squares)[:, None] * directions.T
    return root


def deviations(R: Array, n: int) -> Array:
    """Standard deviations of n rows along their principal directions, largest first."""
    d = R.shape[1]
    sigma = np.zeros(d)
    found = np.linalg.svd(R, compute_uv=False)
    sigma[: len(found)] = found / np.sqrt(n)
    return sigma


def effective_rank(sigma: Array, unsure: float) -> float:
    """exp of the entropy of σ_k/Σσ [1]_, NaN where there is no variance."""
    if sigma[0] <= unsure:
        return np.nan
    p = sigma / sigma.sum()
    p = p[p > 0]
    return float(np.exp(-np.sum(p * np.log(p))))


def dimensions(sigma: Array, unsure: float) -> float:
    """Least number of principal directions that hold `SHARE` of the variance [2]_."""
    if sigma[0] <= unsure:
        return np.nan
    held = np.cumsum(sigma**2) / np.sum(sigma**2)
    return float(np.searchsorted(held, SHARE - 1e-12) + 1)


def wasserstein_uniformity(mean: Array, sigma: Array) -> float:
    """-W₂ of normal laws with this mean and these deviations, and with mean 0 and I/d [3]_.

    W₂² is ‖μ‖² + Σ (σ - 1/√d)², which is accurate where Σ is singular, and where W₂ is nearly 0.
    """
    apart = np.linalg.norm(sigma - 1 / np.sqrt(len(sigma)))
    return -float(np.hypot(np.linalg.norm(mean), apart))


class Spread(NamedTuple):
    """How n rows lie about their mean, (d,).

    R is their `triangle`, and sigma, (d,), their `deviations`.
    """

    n: int
    mean: Array
    R: Array
    sigma: Array


def spread(rows: Rows) -> Spread:
    """That of the rows of a modality."""
    mean = rows.mean()
    R = triangle(rows, mean)
    return Spread(len(rows), mean, R, deviations(R, len(rows)))


def spectra(x: Spread, y: Spread) -> Numbers:
    """Effective ranks, dimensions, and the uniformity of all rows together."""
    n = x.n + y.n
    between = np.sqrt(x.n * y.n / n) * (x.mean - y.mean)
    sigma = deviations(np.vstack([x.R, y.R, between]), n)
    uniformity = wasserstein_uniformity((x.n * x.mean + y.n * y.mean) / n, sigma)
    found: Numbers = {"wasserstein_uniformity": uniformity, "uniformity": uniformity}
    for name, side in (("x", x), ("y", y)):
        unsure = rounding(side.n, len(side.mean))
        found[f"effective_rank_{name}"] = effective_rank(side.sigma, unsure)
        found[f"dimensions_99_{name}"] = dimensions(side.sigma, unsure)
    return found
