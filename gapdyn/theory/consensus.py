"""How the gap closes near the simplex, where matched rows may end (theory 4.4; formal).

Let W be the corners of a regular simplex, x_i - y_i = ρ e_i with unit e_i orthogonal to the span of
W, ρ → 0, and v the mean of the e_i. On the clock s = η_x P(β), which is log β in the paper's case,

    e_i' = P_{e_i} v/n,   d log ρ/ds = -(2 - ‖v‖²)/n,   n d log Δ/ds = -(1 + Var_i⟨e_i, v̂⟩).

The first equation is that of Kuramoto's model on a sphere. Where the e_i can turn (d ≥ n + 1) they
come to agree, and the gap falls like β^{-1/n}.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gapdyn.sphere import normalise, project, rounding
from gapdyn.types import Array
from gapdyn.validate import shown, validate_count, validate_rows

MOST = 10**5
"""The largest n for d = n, where there is an entry for each minority."""


class Exponent(NamedTuple):
    """Late slopes near the simplex, in the paper's case, where s = log β.

    Attributes
    ----------
    minority : int
        k of the n differences x_i - y_i point against the others; 0 where they agree, or where the
        space outside the simplex has no direction.
    gap : float
        n d log Δ/d log β; NaN where the mean of the differences is of higher order.
    distance : float
        n d log(rms ‖x_i - y_i‖)/d log β.
    """

    minority: int
    gap: float
    distance: float


class Consensus(NamedTuple):
    """The consensus equation at a state.

    Attributes
    ----------
    velocity : (n, m) array
        de_i/ds.
    distance : float
        n d log ρ/ds = -(2 - ‖v‖²).
    gap : float
        n d log Δ/ds = -(1 + Var_i⟨e_i, v̂⟩); NaN where v is 0.
    """

    velocity: Array
    distance: float
    gap: float


def exponent(*, n: int, d: int) -> tuple[Exponent, ...]:
    """Late slopes of the gap near the simplex, one for each way in which the rows may come to it.

    For d ≥ n + 1 the differences agree: -1, from generic starts. For d = n they lie along one line,
    and k of them may point against the others: -(2 - (1-2k/n)²). For d = n - 1 they lie in the span
    of the simplex, and have no mean: the distance falls like β^{-2/n}, the gap faster.

    Parameters
    ----------
    n, d : int
        Number of pairs n ≥ 2, at most 1e5 for d = n, and dimension d ≥ max(2, n - 1).

    Returns
    -------
    tuple of Exponent
        One entry, or for d = n one for each k up to n/2, except that of n = 2 and 3 a minority of
        one turns round. For n ≥ 5 a minority of two or more lasts long, and not for ever (theory
        4.4).

    Raises
    ------
    TypeError, ValueError
        If n or d is no integer of at least 2, d < n - 1, so that there is no regular simplex,
        d = n - 1 = 2, where the rows meet in finite time, or n is too large.

    Examples
    --------
    >>> exponent(n=4, d=8)
    (Exponent(minority=0, gap=-1.0, distance=-1.0),)
    >>> [(k, round(gap, 4)) for k, gap, _ in exponent(n=5, d=5)]
    [(0, -1.0), (1, -1.64), (2, -1.96)]
    """
    n, d = validate_count("n", n, least=2), validate_count("d", d, least=2)
    if d < n - 1:
        raise ValueError(
            f"d must be at least n - 1 = {shown(n - 1)}, to hold a regular simplex, got {shown(d)}"
        )
    if d == n - 1:
        if n == 3:
            raise ValueError("d must be at least 3 for n = 3: triangles in the plane meet at once")
        return (Exponent(0, float("nan"), -2.0),)
    if d == n > MOST:
        raise ValueError(f"n must be at most {MOST} for d = n, got {shown(n)}")
    minorities = range(n // 2 + 1 if d == n >= 4 else 1)  # of two or three, one turns round
    return tuple(_along_a_line(k, n) for k in minorities)


def _along_a_line(k: int, n: int) -> Exponent:
    """The slopes where k of n differences point against the others: v² = (1-2k/n)²."""
    slope = -(2 - (1 - 2 * k / n) ** 2)
    return Exponent(k, slope if 2 * k < n else float("nan"), slope)


def consensus(directions: Array) -> Consensus:
    """The consensus equation of the directions e_i of the differences x_i - y_i.

    Parameters
    ----------
    directions : (n, m) array of floats
        Rows e_i of any nonzero length, in m ≥ 2 dimensions; they are normalised.

    Returns
    -------
    Consensus

    Raises
    ------
    TypeError, ValueError
        If the array is not one of real floats with n, m ≥ 2 and rows of some length.

    Examples
    --------
    >>> import numpy as np
    >>> round(consensus(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).distance, 6)
    -1.444444
    """
    e = normalise(validate_rows("directions", directions))
    v = e.mean(axis=0)
    length = float(np.linalg.norm(v))
    gap = float("nan")
    if length > rounding(*e.shape):
        gap = -1 - float((e @ (v / length)).var())
    towards = project(e, np.broadcast_to(v, e.shape)) / len(e)
    return Consensus(towards, -(2 - length**2), gap)
