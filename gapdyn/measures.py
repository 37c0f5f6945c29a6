"""Measures of two modalities (X, Y): gap, margin, mismatched pairs, uniformity, recall.

References
----------
.. [1] V. W. Liang, Y. Zhang, Y. Kwon, S. Yeung and J. Zou, "Mind the Gap: Understanding the
   Modality Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022.
.. [2] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025.
.. [3] T. Wang and P. Isola, "Understanding Contrastive Representation Learning through Alignment
   and Uniformity on the Hypersphere", ICML 2020.
.. [4] X. Fang, J. Li, X. Feng and B. Wang, "Rethinking Uniformity in Self-Supervised
   Representation Learning", 2023.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from gapdyn._kernels.memory import cut
from gapdyn.sphere import TIE, normalise, rounding
from gapdyn.types import Array
from gapdyn.validate import validate_pairs, validate_square

BLOCK_BYTES = 32 * 2**20
"""Size of the row blocks in which similarities are computed."""

COINCIDENT = 1e-14
"""Between centres of a model's rows that are closer than this the gap has no direction."""


@dataclass(frozen=True)
class Measures:
    """The measures of two modalities; a quantity that is undefined is NaN.

    Attributes
    ----------
    pairs, dim : int
        n and d.
    gap : float
        Δ = ‖c_X - c_Y‖, the distance between the modality centres [1]_.
    margin : float
        α(Z) = min over i ≠ j of min(Z_ii - Z_ij, Z_jj - Z_ij), Section 2 of [2]_.
    mismatched : int
        Number of pairs i with some j ≠ i such that Z_ij ≥ Z_ii or Z_ji ≥ Z_ii, to within `TIE`.
    alignment : float
        Mean squared distance of matching rows [3]_.
    uniformity : float
        -W₂, minus the Wasserstein distance between a normal law with the mean and the covariance of
        the 2n embeddings and one with mean 0 and covariance I/d [4]_. Appendix E.2 of [2]_ prints
        I/m and does not say what m is.
    recall_at_1_x_to_y, recall_at_5_x_to_y, recall_at_10_x_to_y : float
        Share of the rows of X whose match is among the 1, 5 or 10 most similar rows of Y. Ties
        count against the match.
    recall_at_1_y_to_x, recall_at_5_y_to_x, recall_at_10_y_to_x : float
        The same from Y to X.
    height_x, height_x_std, height_y, height_y_std : float
        Mean and standard deviation of the projections on the gap direction (c_X - c_Y)/Δ.
    parallelism_x, parallelism_y : float
        Share of the modality's variance that is orthogonal to the gap direction, 1 where the
        modalities are parallel as above eq. (3) of [2]_.
    """

    pairs: int
    dim: int
    gap: float
    margin: float
    mismatched: int
    alignment: float
    uniformity: float
    recall_at_1_x_to_y: float
    recall_at_1_y_to_x: float
    recall_at_5_x_to_y: float
    recall_at_5_y_to_x: float
    recall_at_10_x_to_y: float
    recall_at_10_y_to_x: float
    height_x: float
    height_x_std: float
    height_y: float
    height_y_std: float
    parallelism_x: float
    parallelism_y: float

    def to_dict(self) -> dict[str, float]:
        """Return the fields by name, in order, undefined ones as NaN."""
        return asdict(self)


def measure(X: ArrayLike, Y: ArrayLike) -> Measures:
    """Measure two modalities, in row blocks, so that n × n similarities need not fit in memory.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y, and n, d ≥ 2. Rows of any length are normalised first; the
        arrays themselves do not change.

    Returns
    -------
    Measures

    Raises
    ------
    TypeError
        If an array is not of a real floating-point type.
    ValueError
        If the shapes differ or are too small, an entry is not finite, or a row has length zero.

    Examples
    --------
    Two matched pentagons, lifted to heights ±0.31:

    >>> from gapdyn import sphere
    >>> m = measure(*sphere.lift(*sphere.polygon_pairs(5), gamma=0.31))
    >>> round(m.gap, 12), m.mismatched, round(m.parallelism_x, 12)
    (0.62, 0, 1.0)
    """
    X, Y = _unit_pair(X, Y)
    margins, rank_y, rank_x = _neighbours(X, Y)
    direction = _gap_direction(X, Y)
    return Measures(
        pairs=X.shape[0],
        dim=X.shape[1],
        gap=float(centre_distance(X, Y)),
        margin=float(margins.min()),
        mismatched=int((margins <= TIE).sum()),
        alignment=_alignment(X, Y),
        uniformity=_uniformity(X, Y),
        **{
            f"recall_at_{k}_{way}": float((rank < k).mean())
            for k in (1, 5, 10)
            for way, rank in (("x_to_y", rank_y), ("y_to_x", rank_x))
        },
        **_along("x", X, direction),
        **_along("y", Y, direction),
    )


def gap(X: ArrayLike, Y: ArrayLike) -> float:
    """Modality gap Δ = ‖c_X - c_Y‖, c the mean of the normalised rows.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    return float(centre_distance(*_unit_pair(X, Y)))


def centre_distance(X: Array, Y: Array, scale_x: Any = 1.0, scale_y: Any = 1.0) -> Any:
    """‖s_X c_X - s_Y c_Y‖ without the checks: a number for rows (n, d), (B,) for (n, d, B)."""
    between = scale_x * X.mean(axis=0) - scale_y * Y.mean(axis=0)
    return np.sqrt(np.einsum("d...,d...->...", between, between))


def pair_margins(Z: ArrayLike) -> Array:
    """Margin of each pair: Z_ii minus the largest of all Z_ij and Z_ji with j ≠ i.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.

    Returns
    -------
    (n,) float64 array
        Its minimum is the margin α(Z). A pair whose margin is `TIE` or less is mismatched.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix.
    """
    Z = validate_square("Z", Z)
    others = Z.copy()
    np.fill_diagonal(others, -np.inf)
    nearest: Array = np.maximum(others.max(axis=0), others.max(axis=1))
    return Z.diagonal() - nearest


def margin(Z: ArrayLike) -> float:
    """Margin α(Z) = min over i ≠ j of min(Z_ii - Z_ij, Z_jj - Z_ij) of an (n, n) array.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix.

    Examples
    --------
    >>> margin(np.eye(3))
    1.0
    """
    return float(pair_margins(Z).min())


def mismatched(Z: ArrayLike) -> int:
    """Count the pairs i with some j ≠ i such that Z_ij ≥ Z_ii or Z_ji ≥ Z_ii, to within `TIE`."""
    return int((pair_margins(Z) <= TIE).sum())


def recall_at_1(Z: ArrayLike) -> tuple[float, float]:
    """Shares of rows and of columns of Z (n, n) whose diagonal entry leads by more than `TIE`."""
    Z = validate_square("Z", Z)
    level = Z.diagonal() - TIE  # which the match itself reaches
    in_rows, in_columns = (Z >= level[:, None]).sum(axis=1), (Z >= level).sum(axis=0)
    return float((in_rows == 1).mean()), float((in_columns == 1).mean())


def alignment(X: ArrayLike, Y: ArrayLike) -> float:
    """Mean squared distance of matching rows, normalised [3]_.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    return _alignment(*_unit_pair(X, Y))


def uniformity(X: ArrayLike, Y: ArrayLike) -> float:
    """Uniformity -W₂ of the 2n embeddings in X and Y together (Appendix E of [2]_, after [4]_).

    W₂² = ‖μ‖² + 1 + tr Σ - (2/√d) tr Σ^{1/2}, with μ and Σ the mean and the covariance (ddof 0) of
    the normalised rows.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float
        At most 0, which mean zero and covariance I/d attain.

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    return _uniformity(*_unit_pair(X, Y))


def _unit_pair(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array]:
    """Two checked arrays of one shape, their rows normalised."""
    X, Y = validate_pairs(X, Y)
    return normalise(X), normalise(Y)


def _alignment(X: Array, Y: Array) -> float:
    """`alignment` of unit rows."""
    return sum(float(np.sum((X[b] - Y[b]) ** 2)) for b in _blocks(*X.shape)) / len(X)


def _uniformity(X: Array, Y: Array) -> float:
    """`uniformity` of unit rows.

    The square roots σ of the eigenvalues of Σ are singular values of the centred rows, and W₂² is
    ‖μ‖² + Σ (σ - 1/√d)², which is accurate where Σ is singular, and where W₂ is nearly 0.
    """
    n, d = X.shape
    mean = (X.mean(axis=0) + Y.mean(axis=0)) / 2
    R = np.empty((0, d))
    for rows in (X, Y):
        for b in _blocks(n, d):
            R = scipy.linalg.qr(np.vstack([R, rows[b] - mean]), mode="r")[0][:d]
    root = np.zeros(d)
    root[: len(R)] = np.linalg.svd(R, compute_uv=False) / np.sqrt(2 * n)
    return -float(np.hypot(np.linalg.norm(mean), np.linalg.norm(root - 1 / np.sqrt(d))))


def _gap_direction(X: Array, Y: Array) -> Array:
    """(c_X - c_Y)/Δ, NaN where the centres coincide to within `rounding`."""
    between = X.mean(axis=0) - Y.mean(axis=0)
    length = np.linalg.norm(between)
    return between / length if length > rounding(*X.shape) else np.full_like(between, np.nan)


def _along(name: str, X: Array, direction: Array) -> dict[str, float]:
    """Mean and deviation of X along `direction`, and the share of its variance orthogonal to it.

    The share is NaN where X has no variance, and all three are NaN where there is no direction.
    """
    height = X @ direction
    mean = X.mean(axis=0)
    total = sum(float(np.sum((X[b] - mean) ** 2)) for b in _blocks(*X.shape)) / len(X)
    varies = total > rounding(*X.shape) ** 2
    parallelism = 1 - min(float(height.var()) / total, 1.0) if varies else np.nan
    return {
        f"height_{name}": float(height.mean()),
        f"height_{name}_std": float(height.std()),
        f"parallelism_{name}": parallelism,
    }


def _blocks(n: int, width: int) -> list[slice]:
    """Cut n rows of `width` float64 entries into blocks of BLOCK_BYTES."""
    return cut(n, max(1, BLOCK_BYTES // (8 * width)))


def _neighbours(X: Array, Y: Array) -> tuple[Array, Array, Array]:
    """Margin of each pair, rank of y_i as seen from x_i, and of x_i from y_i; 0 is the nearest."""
    n = len(X)
    blocks = _blocks(n, n)
    diagonal = np.einsum("ij,ij->i", X, Y)
    beaten = diagonal - TIE
    nearest_x, nearest_y = np.full(n, -np.inf), np.empty(n)
    rank_x, rank_y = np.zeros(n), np.empty(n)
    buffer = np.empty((blocks[0].stop, n))
    for b in blocks:
        Z = np.matmul(X[b], Y.T, out=buffer[: b.stop - b.start])
        Z[np.arange(b.stop - b.start), np.arange(b.start, b.stop)] = -np.inf
        nearest_y[b] = Z.max(axis=1)
        np.maximum(nearest_x, Z.max(axis=0), out=nearest_x)
        rank_y[b] = (Z >= beaten[b, None]).sum(axis=1)
        rank_x += (Z >= beaten).sum(axis=0)
    return diagonal - np.maximum(nearest_x, nearest_y), rank_y, rank_x
