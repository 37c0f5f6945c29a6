"""Paired data for the encoders: a synthetic set, and the halves of handwritten digits.

Training and held-out pairs never mix, and inputs are scaled by the training pairs alone.
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
"""Coordinates of the latent code that both modalities see, and of the one that each has alone."""
IMAGE_INPUTS, TEXT_INPUTS = 64, 48
NOISE = 0.25
"""Standard deviation of what is added to inputs of variance about 0.4."""
TRAINING, HELD_OUT, TWINS = 2048, 1024, 1024
ABUNDANT = 32768
"""Training pairs of which an encoder cannot remember each."""
DIGITS_HELD_OUT = 512

Labels = NDArray[np.int_]


class DigitsMissingError(ImportError):
    """scikit-learn, which brings the digits along, is not installed."""


@dataclass(frozen=True)
class Pairs:
    """Inputs of two modalities, row i of one matching row i of the other.

    Attributes
    ----------
    images, texts, labels : (n, k), (n, l), (n,) arrays
        For training; labels are classes 0 to 9, which training does not see.
    held_images, held_texts, held_labels : (m, k), (m, l), (m,) arrays
        Held out.
    twin_images, twin_texts : (2, q, k), (2, q, l) arrays, or None
        Held-out pairs of pairs: [0, i] and [1, i] differ in one coordinate of their shared code.
        None where no code is known.
    """

    images: Array
    texts: Array
    labels: Labels
    held_images: Array
    held_texts: Array
    held_labels: Labels
    twin_images: Array | None = None
    twin_texts: Array | None = None


def synthetic(seed: int, training: int = TRAINING, held_out: int = HELD_OUT) -> Pairs:
    """Pairs from a latent code z that both modalities share, and a private code p of each.

    A class is a centre of z; z scatters about it with the same variance as centres have. An input
    is tanh(A [z, p]) + noise, with a random matrix A for each modality. Twins share class, private
    codes and all of z but one coordinate, which is drawn anew.

    Parameters
    ----------
    seed : int
        Decides matrices, centres and all draws.
    training, held_out : int
        Numbers of pairs, at least 2.

    Raises
    ------
    TypeError, ValueError
        If a number is too small.
    """
    validate_count("training", training, least=2)
    validate_count("held_out", held_out, least=2)
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLASSES, SHARED))
    maps = [
        rng.standard_normal((SHARED + PRIVATE, inputs)) / np.sqrt(SHARED + PRIVATE)
        for inputs in (IMAGE_INPUTS, TEXT_INPUTS)
    ]

    def codes(labels: Labels) -> Array:
        scatter: Array = rng.standard_normal((len(labels), SHARED))
        z: Array = (centres[labels] + scatter) / np.sqrt(2)
        return z

    def private(count: int) -> list[Array]:
        return [rng.standard_normal((count, PRIVATE)) for _ in maps]

    def inputs(z: Array, own: list[Array]) -> list[Array]:
        clean = [np.tanh(np.hstack([z, p]) @ A) for p, A in zip(own, maps, strict=True)]
        return [x + NOISE * rng.standard_normal(x.shape) for x in clean]

    labels, held_labels, twin_labels = (
        rng.integers(CLASSES, size=count) for count in (training, held_out, TWINS)
    )
    images, texts = inputs(codes(labels), private(training))
    held_images, held_texts = inputs(codes(held_labels), private(held_out))
    z, other, own = codes(twin_labels), codes(twin_labels), private(TWINS)
    changed = np.arange(SHARED) == rng.integers(SHARED, size=TWINS)[:, None]
    ones, others = inputs(z, own), inputs(np.where(changed, other, z), own)
    return Pairs(
        images,
        texts,
        labels,
        held_images,
        held_texts,
        held_labels,
        np.stack([ones[0], others[0]]),
        np.stack([ones[1], others[1]]),
    )


def digits(seed: int) -> Pairs:
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn, cut in halves.

    The left half of an image is one modality, the right half the other. Each pixel is centred by
    the training pairs; a half is divided by the deviation of all its pixels about their one mean.

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
"""What the tables are made on."""
