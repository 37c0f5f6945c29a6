"""Modality swapping, Section 4 of the paper: random linear maps on (X, Y) in front of the loss.

X̄ = λ∘X + (1-λ)∘Y and Ȳ = λ∘Y + (1-λ)∘X, λ with entries in [0, 1]. Time is cut into segments of
one length from t = 0 on, and each is swapped, with probability p, under a λ of its own. Which are
and by what is a function of the seed and of the number of the segment alone: a run can be taken up
again anywhere.
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
from gapdyn.validate import validate_count, validate_number, validate_portion, validate_positive

MAX_SEGMENTS = 10_000_000
"""Segments that a run may be cut into."""


class Swap(ABC):
    """What the flow, or a training loop, asks of a swap.

    Attributes
    ----------
    p : float
        Probability that a segment is swapped.
    segment : float
        Length of a segment in time.
    seed : int
        What numbers all masks.
    """

    p: float
    segment: float
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", validate_portion("p", self.p))
        object.__setattr__(self, "segment", validate_positive("segment", self.segment))
        object.__setattr__(self, "seed", validate_count("seed", self.seed, least=0))

    def acts(self, count: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the first `count` segments are swapped.

        Returns
        -------
        (count,) bool array
            The beginning of that for any larger count.

        Raises
        ------
        TypeError, ValueError
            If `count` is not an integer, or negative.
        """
        count = validate_count("count", count, least=0)
        return self._generator(0).random(count) < self.p

    def mixing(self, k: int, n: int, d: int) -> Array:
        """Draw λ of segment k for n pairs in d dimensions, the same at every call.

        Returns
        -------
        (n, d) array, (n, 1) where whole rows are swapped

        Raises
        ------
        TypeError, ValueError
            If `k` is not an integer ≥ 0, or `n` or `d` not one ≥ 1.
        """
        generator = self._generator(1, validate_count("k", k, least=0))
        return self._draw(
            generator, validate_count("n", n, least=1), validate_count("d", d, least=1)
        )

    @abstractmethod
    def _draw(self, generator: np.random.Generator, n: int, d: int) -> Array:
        """Draw one λ."""

    def _generator(self, *key: int) -> np.random.Generator:
        """A stream of its own for each key."""
        # As entropy, [seed, *key], trailing zeros would not count: [0] and [0, 0] are one stream.
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def pieces(
        self, model: Model, start: float, end: float
    ) -> Iterator[tuple[Model, float, float]]:
        """Cut [start, end] into stretches of one vector field each.

        Parameters
        ----------
        model : Model
            One that can be swapped.
        start, end : float
            Times, 0 ≤ start < end.

        Returns
        -------
        iterator of (model in force, start, end)
            Neighbouring segments that are not swapped make one stretch, under `model` itself;
            each swapped one is a stretch under `model.mixed(λ)`.

        Raises
        ------
        TypeError, ValueError
            If the model cannot be swapped, the times do not increase from 0 on, or `end` is more
            than 10 million segments away. All this at the call, before the first stretch.
        """
        rows = model.mixed(None)
        start, end = validate_number("start", start), validate_number("end", end)
        if not 0 <= start < end:
            raise ValueError(f"start and end must increase from 0 on, got {start} and {end}")
        if end / self.segment > MAX_SEGMENTS:
            raise ValueError(
                f"segment must be at least {end / MAX_SEGMENTS:.3g}, for {MAX_SEGMENTS:,} segments"
                f" up to t = {end:g}, got {self.segment}"
            )
        # Ends of segments are rounded, and what is left of one by rounding is no stretch.
        slack = 8 * np.spacing(end)
        first = math.floor((start + slack) / self.segment)
        count = math.ceil((end - slack) / self.segment)
        swapped = first + np.flatnonzero(self.acts(count)[first:])

        def stretches() -> Iterator[tuple[Model, float, float]]:
            reached = start
            for k in swapped.tolist():
                if k > first and k * self.segment > reached:
                    yield model, reached, k * self.segment
                    reached = k * self.segment
                until = end if k == count - 1 else (k + 1) * self.segment
                yield rows.mixed(self.mixing(k, rows.n, rows.d)), reached, until
                reached = until
            if reached < end:
                yield model, reached, end

        return stretches()


@dataclass(frozen=True)
class HardSwap(Swap):
    """Hard swapping: in a swapped segment each entry of X and Y changes sides with probability ½.

    Section 4 and Appendix D.2 of the paper, where a segment is a step of training and p between
    1e-3 and 1. The section speaks of whole features, the appendix of entries.

    Parameters
    ----------
    p : float
        Probability that a segment is swapped, in [0, 1].
    segment : float
        Length of a segment in time; the flow restarts at the ends of swapped ones. As it shrinks,
        the flow tends to that of the mean vector field, p of it mixed.
    rows : bool
        Whether whole rows change sides, the paper's "Hard Swap Feature", rather than entries.
    seed : int
        Number of the masks, ≥ 0; no generator, since a mask can be asked for at any time.

    Raises
    ------
    TypeError, ValueError
        If `p` is not a number in [0, 1], `segment` is not a positive one, `rows` no bool, or
        `seed` not an integer ≥ 0.

    Examples
    --------
    >>> swap = HardSwap(p=0.5, segment=0.1, seed=1)
    >>> swap.acts(8)
    array([False,  True, False,  True,  True, False,  True, False])
    >>> swap.mixing(3, n=2, d=3)
    array([[0., 1., 1.],
           [0., 0., 0.]])

    A run of the free model under it, whose gap closes faster than without (0.61):

    >>> import gapdyn as gd
    >>> X, Y = gd.sphere.lift(*gd.sphere.polygon_pairs(5, rotation=2), gamma=0.31)
    >>> model = gd.FreeModel(n=5, d=3, temperature=gd.Learned())
    >>> run = gd.flow(model, model.start(X, Y, tau=0.07), 100.0, swap=HardSwap(p=0.5))
    >>> round(float(run.gap[-1]), 2)
    0.27
    """

    p: float
    segment: float = 1.0
    rows: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.rows, bool | np.bool_):
            raise TypeError(f"rows must be True or False, got {self.rows!r}")
        object.__setattr__(self, "rows", bool(self.rows))

    def _draw(self, generator: np.random.Generator, n: int, d: int) -> Array:
        return generator.integers(2, size=(n, 1 if self.rows else d)).astype(np.float64)


@dataclass(frozen=True)
class SoftSwap(Swap):
    """Soft swapping: in a swapped segment λ is uniform in [0, 1], entry by entry.

    Section 4 and Appendix D.2 of the paper, where a segment is a step of training and p between
    1e-2 and 1e-1.

    Parameters
    ----------
    p, segment, seed
        As in `HardSwap`.

    Raises
    ------
    TypeError, ValueError
        If `p` is not a number in [0, 1], `segment` is not a positive one, or `seed` not an
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
