"""Paired data for the encoders: synthetic pairs, and halves of handwritten digits.

No held-out pair is a training pair, and inputs are scaled by the training pairs alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gapdyn.types import Array
from gapdyn.validate import validate_count

CLASSES = 10
SHARED, PRIVATE = 16, 8
"""Dimensions of the latent code that both modalities share, and of the private code of each."""
IMAGE_INPUTS, TEXT_INPUTS = 64, 48
NOISE = 0.25
"""Standard deviation of the noise, which is added to inputs of variance about 0.4."""
TRAINING, HELD_OUT, TWINS = 2048, 1024, 1024
ABUNDANT = 32768
"""Number of training pairs that is too large for an encoder to learn each by heart."""
DIGITS_HELD_OUT = 512

Labels = NDArray[np.int_]


class DigitsMissingError(ImportError):
    """The digits are missing, because scikit-learn is not installed."""


@dataclass(frozen=True)
class Pairs:
    """Inputs of two modalities. Row i of one matches row i of the other.

    Attributes
    ----------
    images, texts, labels : (n, k), (n, l), (n,) arrays
        For training. Labels are classes 0 to 9 and are not used in training.
    held_images, held_texts, held_labels : (m, k), (m, l), (m,) arrays
        Held out.
    twin_images, twin_texts : (2, q, k), (2, q, l) arrays, or None
        Held-out pairs of pairs: [0, i] and [1, i] differ in one coordinate of their shared code.
        None if the code is not known.
    """

    images: Array
    texts: Array
    labels: Labels
    held_images: Array
    held_texts: Array
    held_labels: Labels
    twin_images: Array | None = None
    twin_texts: Array | None = None


@dataclass(frozen=True)
class _Source:
    """Draws from the synthetic distribution that `synthetic` describes."""

    rng: np.random.Generator
    centres: Array
    maps: list[Array]

    def codes(self, labels: Labels) -> Array:
        """Shared codes z of given classes."""
        scatter = self.rng.standard_normal((len(labels), SHARED))
        return np.asarray((self.centres[labels] + scatter) / np.sqrt(2))

    def private(self, count: int) -> list[Array]:
        """Private codes p of both modalities."""
        return [self.rng.standard_normal((count, PRIVATE)) for _ in self.maps]

    def inputs(self, z: Array, own: list[Array]) -> list[Array]:
        """Images and texts of given codes."""
        clean = [np.tanh(np.hstack([z, p]) @ A) for p, A in zip(own, self.maps, strict=True)]
        return [x + NOISE * self.rng.standard_normal(x.shape) for x in clean]

    def twins(self, labels: Labels) -> tuple[Array, Array]:
        """Images and texts (2, q, ...) whose shared codes differ in one coordinate."""
        z, other, own = self.codes(labels), self.codes(labels), self.private(len(labels))
        changed = np.arange(SHARED) == self.rng.integers(SHARED, size=len(labels))[:, None]
        ones, others = self.inputs(z, own), self.inputs(np.where(changed, other, z), own)
        return np.stack([ones[0], others[0]]), np.stack([ones[1], others[1]])


def synthetic(seed: int, training: int = TRAINING, held_out: int = HELD_OUT) -> Pairs:
    """Pairs made from a latent code z that both modalities share and a private code p of each.

    Each class has a centre. A code z scatters about the centre of its class, with the variance that
    the centres have. An input is tanh(A [z, p]) + noise, with a random matrix A for each modality.
    Twins share class, private codes and all of z but one coordinate, which is drawn again.

    Parameters
    ----------
    seed : int
        Decides matrices, centres and all draws.
    training, held_out : int
        Numbers of pairs, at least 2.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or is below 2.
    """
    validate_count("training", training, least=2)
    validate_count("held_out", held_out, least=2)
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLASSES, SHARED))
    maps = [
        rng.standard_normal((SHARED + PRIVATE, inputs)) / np.sqrt(SHARED + PRIVATE)
        for inputs in (IMAGE_INPUTS, TEXT_INPUTS)
    ]
    source = _Source(rng, centres, maps)
    counts = (training, held_out, TWINS)
    labels, held_labels, twin_labels = (rng.integers(CLASSES, size=count) for count in counts)
    images, texts = source.inputs(source.codes(labels), source.private(training))
    held_images, held_texts = source.inputs(source.codes(held_labels), source.private(held_out))
    twins = source.twins(twin_labels)
    return Pairs(images, texts, labels, held_images, held_texts, held_labels, *twins)


def digits(seed: int) -> Pairs:
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn, cut in halves.

    The left half of an image is one modality, the right half the other. The mean of each pixel over
    the training pairs is subtracted; a half is divided by the standard deviation of all its pixels
    about their common mean.

    Parameters
    ----------
    seed : int
        Decides which pairs are held out.

    Raises
    ------
    DigitsMissingError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DigitsMissingError(
            "scikit-learn is missing, which brings the digits: install the extra, gapdyn[digits]"
        ) from error
    bunch = load_digits()
    order = np.random.default_rng(seed).permutation(len(bunch.target))
    held, kept = order[:DIGITS_HELD_OUT], order[DIGITS_HELD_OUT:]
    halves = [half.reshape(len(order), -1) for half in np.split(bunch.images, 2, axis=2)]
    scaled = [(half - half[kept].mean(axis=0)) / half[kept].std() for half in halves]
    parts = [[*(half[rows] for half in scaled), bunch.target[rows]] for rows in (kept, held)]
    return Pairs(*parts[0], *parts[1])


DATA: dict[str, Callable[..., Pairs]] = {
    "synthetic": synthetic,
    "abundant": partial(synthetic, training=ABUNDANT),
    "digits": digits,
}
"""The data that the tables are made from."""
