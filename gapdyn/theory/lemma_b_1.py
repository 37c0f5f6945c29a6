"""Lemma B.1: rows and columns that lead by a margin are pulled by a bounded force.

Theorem 3.2 takes its bound on g from here, and `theorem_3_2` offers these functions too.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Appendix B.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.theory import _checks, closing
from gapdyn.types import Array
from gapdyn.validate import shown, validate_count, validate_number


def mu(z: ArrayLike, i: int, a: float) -> float:
    """μ_i(z, a) = z_i - Σ_j softmax_j(az) z_j, eq. (10) of [1]_, as a sum of differences.

    By Lemma B.1(a), if z_i ≥ max z, then μ_i(z, a) ≥ 0 for every a.

    Parameters
    ----------
    z : (n,) array
        A row or a column of Z, n ≥ 2.
    i : int
        Index of the matching pair.
    a : float
        β(1-γ²).

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `z` is not a finite vector of at least two similarities, `i` is not an index of it, or
        `a` is not finite.

    References
    ----------
    .. [1] Yaras et al. 2025, Appendix B.1.

    Examples
    --------
    >>> mu([1.0, 0.0], 0, 0.0)
    0.5
    """
    row, a = _row(z, i), validate_number("a", a)
    with np.errstate(over="ignore"):
        weights = np.exp(a * (row - (row.max() if a > 0 else row.min())))
    return float(weights @ (row[i] - row) / weights.sum())


def mu_bound(z: ArrayLike, i: int, a: float, *, alpha: float) -> float:
    """μ_i(α(e_i - 1), a) = α(n-1)/(n-1+e^{aα}), which bounds μ_i(z, a) by Lemma B.1(b) of [1]_.

    Parameters
    ----------
    z, i, a
        As in `mu`.
    alpha : float
        A margin: z_i - max over j ≠ i of z_j ≥ α > 0.

    Returns
    -------
    float
        At least `mu(z, i, a)`.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or a hypothesis fails: the margin, or a ≥ log(4n-4)/α.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma B.1.
    """
    row = _row(z, i)
    alpha, a, n = _checks.validate_margin("alpha", alpha), validate_number("a", a), row.size
    lead = row[i] - np.delete(row, i).max()
    if lead < alpha * (1 - _checks.SLACK):
        raise ValueError(f"z must lead by the margin alpha = {alpha} at i = {i}, it does by {lead}")
    least = float(_checks.computed("log(4(n-1))/α", lambda: np.log(4 * (n - 1)) / alpha))
    if a < least * (1 - _checks.SLACK):
        raise ValueError(f"a must be at least log(4(n-1))/α = {least}, got {a}")
    return closing.pull(a, n, alpha)


def _row(z: ArrayLike, i: int) -> Array:
    """A checked row with an index in it."""
    row = _checks.validate_numbers("z", z)
    if row.ndim != 1 or row.size < 2 or not (np.abs(row) < _checks.LARGEST).all():
        raise ValueError(f"z must be a finite vector of at least two similarities, got {shown(z)}")
    if validate_count("i", i, least=0) >= row.size:
        raise ValueError(f"i must be an index of z, below {row.size}, got {i}")
    return row
