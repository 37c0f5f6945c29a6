"""Mixing two modalities: the linear map behind modality swapping."""

from __future__ import annotations

from gapdyn.types import Array


def mix(X: Array, Y: Array, mixing: Array) -> tuple[Array, Array]:
    """Mix two modalities: X̄ = λ∘X + (1-λ)∘Y and Ȳ = λ∘Y + (1-λ)∘X (Section 4 of the paper).

    The map is linear and its own transpose, so the gradient in (X, Y) of a function of (X̄, Ȳ) is
    the mix of its gradient in (X̄, Ȳ).

    Parameters
    ----------
    X, Y : (n, d) arrays
    mixing : (n, d) or (n, 1) array
        λ, in [0, 1].

    Returns
    -------
    X̄, Ȳ : (n, d) arrays

    Examples
    --------
    >>> import numpy as np
    >>> mix(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 0.5]]))
    (array([[3., 3.]]), array([[1., 3.]]))
    """
    rest = 1 - mixing
    return mixing * X + rest * Y, mixing * Y + rest * X
