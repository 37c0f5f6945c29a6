"""What both parts of Figure 4 share: 2,048 captions with their images, and how they are trained.

The paper trains CLIP on as many pairs of MSCOCO. The captions are some of those of the tables, and
the encoders are the same. Some characters look alike, such as A and Α, Latin and Greek. Two
captions of one image cannot both match, so only one of them is taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from experiments.section_4 import glyphs
from experiments.section_4.paired_data import Pairs
from experiments.section_4.recipes import REFERENCE
from experiments.section_4.training import Recipe

CAPTIONS = 2048
SETTING = REFERENCE["glyphs"]


def pairs(seed: int, count: int = CAPTIONS) -> Pairs:
    """So many captions for training, drawn at random, whose first images all differ."""
    every = glyphs.pairs(seed)
    order = np.random.default_rng((seed, 2)).permutation(every.texts.shape[0])
    _, at = np.unique(every.training.images[order], axis=0, return_index=True)
    return some(every, order[np.sort(at)[:count]])


def some(pairs: Pairs, chosen: NDArray[np.intp]) -> Pairs:
    """The pairs with the chosen captions alone for training, and all images of each."""
    images = [np.arange(pairs.first[i], pairs.first[i + 1]) for i in chosen]
    first = np.cumsum([0, *map(len, images)])
    kept = pairs.images[np.concatenate(images)]
    return replace(pairs, images=kept, first=first, texts=pairs.texts[chosen])


def constant(rate: float, batch: int, epochs: int) -> Recipe:
    """Adam at a constant rate."""
    return Recipe(epochs, batch, rate, warm_up=0.0, cosine=False)
