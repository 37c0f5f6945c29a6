"""Modality swapping, Section 4 of the paper [1]_: the loss sees X and Y mixed at random.

X̄ = λ∘X + (1-λ)∘Y and Ȳ = λ∘Y + (1-λ)∘X, where λ has entries in [0, 1]. Time is cut into
segments of one length from t = 0 on, and each of them is swapped with probability p, under a λ of
its own. Whether a segment is swapped, and by which λ, depends on the seed and on the number of the
segment alone, so that a run can be resumed at any time.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, Section 4 and Appendix D.2.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapdyn.models.base import Model
from gapdyn.types import Array
from gapdyn.validate import (
    shown,
    validate_bool,
    validate_count,
    validate_number,
    validate_portion,
    validate_positive,
    validate_shape,
)

MAX_SEGMENTS = 10_000_000
"""Segments that a run may be cut into."""


class Swap(ABC):
    """What the flow, or a training loop, uses of a swap.

    Attributes
    ----------
    p : float
        Probability that a segment is swapped.
    segment : float
        Length of a segment in time.
    seed : int
        Seed of all random choices.
    """

    p: float
    segment: float
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", validate_portion("p", self.p))
        object.__setattr__(self, "segment", validate_positive("segment", self.segment))
        object.__setattr__(self, "seed", validate_count("seed", self.seed, least=0))

    def swapped(self, count: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which of the first `count` segments are swapped.

        Returns
        -------
        (count,) bool array
            A larger count gives a longer array that begins with this one.

        Raises
        ------
        TypeError, ValueError
            If `count` is not an integer, or negative.
        """
        (count,) = validate_shape(count=count, least=0)
        return self._generator(0).random(count) < self.p

    def mixing(self, k: int, n: int, d: int) -> Array:
        """Draw the λ of segment k for n pairs in d dimensions, the same one at every call.

        Returns
        -------
        (n, d) array, or (n, 1) where whole rows are swapped

        Raises
        ------
        TypeError, ValueError
            If `k` is not an integer ≥ 0, or `n` or `d` is not an integer ≥ 1.
        """
        generator = self._generator(1, validate_count("k", k, least=0))
        n, d = validate_shape(n=n, d=d, least=1)
        return self._draw(generator, n, d)

    @abstractmethod
    def _draw(self, generator: np.random.Generator, n: int, d: int) -> Array:
        """Draw a λ of shape (n, d), or (n, 1) for whole rows."""

    def _generator(self, *key: int) -> np.random.Generator:
        """Give each key a random stream of its own."""
        # As entropy, [seed, *key], trailing zeros would not count: [0] and [0, 0] are one stream.
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def intervals(
        self, model: Model, start: float, end: float
    ) -> Iterator[tuple[Model, float, float]]:
        """Divide [start, end] into intervals in each of which one vector field moves the state.

        Neighbouring segments that are not swapped make one interval.

        Parameters
        ----------
        model : Model
            A model that can be swapped.
        start, end : float
            Times, 0 ≤ start < end.

        Returns
        -------
        iterator of (field, start, end)
            The field is `model` itself, or `model.mixed(λ)` in a swapped segment.

        Raises
        ------
        TypeError, ValueError
            If the model cannot be swapped, the times do not increase from 0 on, or `end` is more
            than 10 million segments away. All this at the call, before the first interval.
        """
        if not isinstance(model, Model):
            raise TypeError(f"model must be a gapdyn.Model, got {shown(model)}")
        plain = model.mixed(None)
        start, end = validate_number("start", start), validate_number("end", end)
        if not 0 <= start < end:
            raise ValueError(f"start and end must increase from 0 on, got {start} and {end}")
        if end / self.segment > MAX_SEGMENTS:
            raise ValueError(
                f"segment must be at least {end / MAX_SEGMENTS:.3g}, for {MAX_SEGMENTS:,} segments"
                f" up to t = {end:g}, got {self.segment}"
            )
        return self._intervals(model, plain, start, end)

    def _intervals(
        self, model: Model, plain: Any, start: float, end: float
    ) -> Iterator[tuple[Model, float, float]]:
        """The intervals, of checked times; `plain` is the model without any mixing of its own."""
        # Ends of segments are rounded, and what rounding leaves of a segment is no interval.
        slack = 8 * np.spacing(end)
        first = math.floor((start + slack) / self.segment)
        count = math.ceil((end - slack) / self.segment)
        reached = start
        for k in (first + np.flatnonzero(self.swapped(count)[first:])).tolist():
            begin = k * self.segment if k > first else start
            until = (k + 1) * self.segment if k < count - 1 else end
            if begin > reached:
                yield model, reached, begin
            yield plain.mixed(self.mixing(k, plain.n, plain.d)), begin, until
            reached = until
        if reached < end:
            yield model, reached, end


@dataclass(frozen=True)
class HardSwap(Swap):
    """Hard swapping: in a swapped segment each entry of X and Y changes sides with probability ½.

    Section 4 and Appendix D.2 of the paper, where a segment is a step of training and p lies
    between 1e-3 and 1. The section speaks of whole features, the appendix of entries.

    Parameters
    ----------
    p : float
        Probability that a segment is swapped, in [0, 1].
    segment : float
        Length of a segment in time; the flow restarts at the ends of swapped segments. As the
        length shrinks, the flow tends to that of the mean vector field, a share p of it mixed.
    rows : bool
        Whether whole rows change sides, as in the paper's "Hard Swap Feature", and not entries.
    seed : int
        Seed of all random choices, ≥ 0. A generator will not do, as any λ can be asked for again.

    Raises
    ------
    TypeError, ValueError
        If `p` is not a number in [0, 1], `segment` is not a positive number, `rows` is not a bool,
        or `seed` is not an integer ≥ 0.

    Examples
    --------
    >>> swap = HardSwap(p=0.5, segment=0.1, seed=1)
    >>> swap.swapped(8)
    array([False,  True, False,  True,  True, False,  True, False])
    >>> swap.mixing(3, n=2, d=3)
    array([[0., 1., 1.],
           [0., 0., 0.]])

    The gap of Figure 2 closes faster under it than without, where it is 0.61 at t = 100:

    >>> import gapdyn as gd
    >>> run = gd.flow(*gd.examples.figure_2(), 100.0, swap=HardSwap(p=0.5))
    >>> round(float(run.gap[-1]), 2)
    0.27
    """

    p: float
    segment: float = 1.0
    rows: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rows", validate_bool("rows", self.rows))

    def _draw(self, generator: np.random.Generator, n: int, d: int) -> Array:
        return generator.integers(2, size=(n, 1 if self.rows else d)).astype(np.float64)


@dataclass(frozen=True)
class SoftSwap(Swap):
    """Soft swapping: in a swapped segment λ is uniform in [0, 1], entry by entry.

    Section 4 and Appendix D.2 of the paper, where a segment is a step of training and p lies
    between 1e-2 and 1e-1.

    Parameters
    ----------
    p, segment, seed
        As in `HardSwap`.

    Raises
    ------
    TypeError, ValueError
        If `p` is not a number in [0, 1], `segment` is not a positive number, or `seed` is not an
        integer ≥ 0.

    Examples
    --------
    >>> SoftSwap(p=0.5).mixing(0, n=2, d=2).round(2)
    array([[0.95, 0.41],
           [0.66, 0.64]])
    """

    p: float
    segment: float = 1.0
    seed: int = 0

    def _draw(self, generator: np.random.Generator, n: int, d: int) -> Array:
        return generator.random((n, d))
