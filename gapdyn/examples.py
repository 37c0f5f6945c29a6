"""Starts that everybody uses: Figure 2's, aligned pentagons, a simplex, random matched pairs."""

from __future__ import annotations

import numpy as np

from gapdyn import measures, sphere
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.temperature import Learned
from gapdyn.types import Array, Seed
from gapdyn.validate import generator, validate_count, validate_number

HEIGHT = float(np.sin(np.pi / 10))
"""γ₀ of Figure 2, sin 18°: the gap of its curve starts at 0.618 = 2 sin 18°."""


def figure_2() -> tuple[FreeModel, Array]:
    """Return the free model and the start of Figure 2 of the paper.

    The paper does not print its set-up. This one meets every vertex of its curves: two regular
    pentagons, the second turned by two places so that no pair matches, lifted to the heights
    ±sin 18° of R³, with a learned temperature that starts at τ = 0.07.

    Returns
    -------
    model : FreeModel
        Of five pairs in three dimensions.
    y0 : (31,) array
        The state at time 0.

    References
    ----------
    .. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
       Contrastive Multimodal Learning", CPAL 2025, Figure 2.

    Examples
    --------
    >>> import gapdyn as gd
    >>> run = gd.flow(*gd.examples.figure_2(), [0.0, 2.2, 99.9])
    >>> run.gap.round(3)
    array([0.618, 1.056, 0.611])
    """
    X, Y = sphere.lift(*sphere.polygon_pairs(5, rotation=2), gamma=HEIGHT)
    model = FreeModel(n=5, d=3, temperature=Learned())
    return model, model.start(X, Y, tau=0.07)


def pentagons() -> tuple[ParallelModel, Array]:
    """Return aligned pentagons in the parallel model, where the unlifted centres differ.

    Two regular pentagons, row i of one above row i of the other, stand at the heights ±0.4 of R³
    and are lifted by eq. (3) to γ₀ = 0.3. The temperature starts at the threshold of Theorem 3.2,
    β₀ = log(4(n-1))/(α(1-γ₀²)), to within one part in 10¹². As training goes on, γ closes and the
    gap Δ does not (theory 3.3).

    Returns
    -------
    model : ParallelModel
        Of five pairs in three dimensions before lifting.
    y0 : (32,) array
        The state at time 0.

    Examples
    --------
    >>> from gapdyn.theory import theorem_3_2
    >>> model, y0 = pentagons()
    >>> start = model.observe(0.0, y0)
    >>> threshold = theorem_3_2.threshold(n=5, alpha=start.margin, gamma0=0.3)
    >>> bool(threshold <= start.beta <= threshold * (1 + 1e-11))
    True
    """
    X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.4)
    model = ParallelModel(n=5, d=3, temperature=Learned())
    beta0 = np.log(16) / (measures.margin(X @ Y.T) * (1 - 0.3**2)) * (1 + 1e-12)
    return model, model.start(X, Y, tau=float(1 / beta0), gamma=0.3)


def simplex(n: int) -> Array:
    """Return the corners of a regular simplex on the unit sphere of R^n, whose centre is 0.

    As both modalities they have the largest margin of n pairs, n/(n-1).

    Parameters
    ----------
    n : int
        Number of corners, at least 2.

    Returns
    -------
    (n, n) array of unit rows
        They span n-1 dimensions, and any two of them have the product -1/(n-1).

    Raises
    ------
    TypeError, ValueError
        If `n` is no integer of at least 2.

    Examples
    --------
    >>> W = simplex(3)
    >>> (W @ W.T).round(12)
    array([[ 1. , -0.5, -0.5],
           [-0.5,  1. , -0.5],
           [-0.5, -0.5,  1. ]])
    """
    return sphere.normalise(np.eye(validate_count("n", n, least=2)) - 1 / n)


def matched(n: int, d: int, seed: Seed = None, *, noise: float = 0.3) -> tuple[Array, Array]:
    """Return random pairs that match: uniform rows X, and rows Y that are X with some noise.

    y_i is x_i + noise · w_i/√d, normalised, with independent standard normal w_i in R^d. Where the
    noise is as large as half the distance of the rows of X, some pairs may not match: with
    ``gapdyn.measures.margin(X @ Y.T) > 0`` all do.

    Parameters
    ----------
    n, d : int
        Number of pairs and dimension, both at least 2.
    seed : int or numpy.random.Generator, optional
        Source of randomness; a Generator is advanced.
    noise : float
        Root mean square length of the noise, in [0, 1e100].

    Returns
    -------
    X, Y : (n, d) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If a size is no integer of at least 2, `seed` is neither an integer nor a Generator, or
        `noise` is no number in [0, 1e100].

    Examples
    --------
    >>> X, Y = matched(5, 8, seed=0)
    >>> bool(measures.margin(X @ Y.T) > 0)
    True
    """
    size = validate_number("noise", noise)
    if not 0 <= size <= 1e100:
        raise ValueError(f"noise must lie in [0, 1e100], a length, got {noise}")
    rng = generator(seed)
    X = sphere.sample(n, d, rng)
    return X, sphere.normalise(X + size / np.sqrt(X.shape[1]) * rng.standard_normal(X.shape))
