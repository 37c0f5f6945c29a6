"""Pairs for the encoders: what both kinds of data have, and synthetic pairs.

No pair to validate or to test on is a training pair, and inputs are scaled by the training pairs
alone. `experiments.section_4.glyphs` has the images and captions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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
TRAINING, VALIDATION, HELD_OUT, TWINS = 32_768, 512, 1024, 1024
"""Numbers of pairs. So many training pairs are too many for an encoder to learn each by heart."""

Labels = NDArray[np.int_]


class Matched(NamedTuple):
    """Pairs: row i of `images` (m, k) matches row i of `texts` (m, l), which may be sparse."""

    images: Any
    texts: Any

    def rows(self, chosen: NDArray[np.intp]) -> Matched:
        """Some of the pairs."""
        return Matched(self.images[chosen], self.texts[chosen])


class Labelled(NamedTuple):
    """Images (m, k) and their classes (m,), 0 to one less than the number of prompts."""

    images: Any
    labels: Labels


@dataclass(frozen=True)
class Pairs:
    """Training pairs, and what trained encoders are measured on.

    Attributes
    ----------
    images : (N, k) array
        For training.
    first : (n + 1,) array
        Images first[i] to first[i + 1] - 1 match text i.
    texts : (n, l) array or sparse array
        For training.
    validation, held_out : Matched
        One image for each text.
    twins : pair of Matched
        Pairs of pairs to tell apart: row i of the first and row i of the second differ in a detail.
    labelled, unlabelled : Labelled
        Some of the training images with their classes, and images to classify with the truth.
    prompts : (classes, l) array or sparse array
        A text that names each class.
    """

    images: Any
    first: NDArray[np.intp]
    texts: Any
    validation: Matched
    held_out: Matched
    twins: tuple[Matched, Matched]
    labelled: Labelled
    unlabelled: Labelled
    prompts: Any

    @property
    def training(self) -> Matched:
        """The first image of each text."""
        return Matched(self.images[self.first[:-1]], self.texts)

    def draw(self, chosen: NDArray[np.intp], rng: np.random.Generator) -> Array:
        """One image of each of the chosen texts, at random where there are several."""
        drawn = rng.integers(self.first[chosen], self.first[chosen + 1])
        return np.asarray(self.images[drawn], dtype=np.float64)


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

    def inputs(self, z: Array, own: list[Array]) -> Matched:
        """Images and texts of given codes."""
        clean = [np.tanh(np.hstack([z, p]) @ A) for p, A in zip(own, self.maps, strict=True)]
        return Matched(*(x + NOISE * self.rng.standard_normal(x.shape) for x in clean))

    def pairs(self, count: int) -> tuple[Matched, Labels]:
        """Pairs and their classes."""
        labels = self.rng.integers(CLASSES, size=count)
        return self.inputs(self.codes(labels), self.private(count)), labels

    def twins(self, count: int) -> tuple[Matched, Matched]:
        """Pairs of pairs whose shared codes differ in one coordinate."""
        labels = self.rng.integers(CLASSES, size=count)
        z, other, own = self.codes(labels), self.codes(labels), self.private(count)
        changed = np.arange(SHARED) == self.rng.integers(SHARED, size=count)[:, None]
        return self.inputs(z, own), self.inputs(np.where(changed, other, z), own)

    def prompts(self) -> Array:
        """The text of the centre of each class, without private code or noise."""
        centre = np.hstack([self.centres / np.sqrt(2), np.zeros((CLASSES, PRIVATE))])
        return np.asarray(np.tanh(centre @ self.maps[1]))


def synthetic(
    seed: int,
    training: int = TRAINING,
    validation: int = VALIDATION,
    held_out: int = HELD_OUT,
) -> Pairs:
    """Pairs made from a latent code z that both modalities share and a private code p of each.

    Each class has a centre. A code z scatters about the centre of its class, with the variance that
    the centres have. An input is tanh(A [z, p]) + noise, with a random matrix A for each modality.
    Twins share class, private codes and all of z but one coordinate, which is drawn again. A prompt
    is the text of the centre of a class with p = 0, without noise.

    Parameters
    ----------
    seed : int
        Decides matrices, centres and all draws.
    training, validation, held_out : int
        Numbers of pairs, at least 2.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or is below 2.
    """
    counts = {"training": training, "validation": validation, "held_out": held_out}
    for name, count in counts.items():
        validate_count(name, count, least=2)
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLASSES, SHARED))
    maps = [
        rng.standard_normal((SHARED + PRIVATE, inputs)) / np.sqrt(SHARED + PRIVATE)
        for inputs in (IMAGE_INPUTS, TEXT_INPUTS)
    ]
    source = _Source(rng, centres, maps)
    (kept, labels), (valid, _), (held, truth) = map(source.pairs, counts.values())
    return Pairs(
        images=kept.images,
        first=np.arange(training + 1),
        texts=kept.texts,
        validation=valid,
        held_out=held,
        twins=source.twins(TWINS),
        labelled=Labelled(kept.images, labels),
        unlabelled=Labelled(held.images, truth),
        prompts=source.prompts(),
    )
