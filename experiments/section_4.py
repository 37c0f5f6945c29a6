"""One training of Section 4 in miniature, and all of them: every method, every seed, both data."""

from __future__ import annotations

from experiments.encoders import Encoder, EncoderModel
from experiments.methods import Method
from experiments.paired_data import Pairs
from experiments.training import Recipe

HIDDEN, DIM = (128,), 32
"""Widths of the hidden layers of both encoders, and the dimension of their embeddings."""

RECIPE = Recipe(epochs=200, batch=256, rate=3e-3)
"""Adam moves log τ by at most the sum of its learning rates: 2.4 on the synthetic pairs, enough to
fall from 0.07 to CLIP's 0.01 as in the paper, and 1.5 on the digits, to 0.016."""


def encoders_for(pairs: Pairs, method: Method) -> EncoderModel:
    """Two encoders for the training pairs, under a method's temperature and normalisation."""
    sizes = [(x.shape[1], *HIDDEN, DIM) for x in (pairs.images, pairs.texts)]
    first, second = (Encoder(size, method.normalised) for size in sizes)
    return EncoderModel(pairs.images, pairs.texts, first, second, method.temperature)
