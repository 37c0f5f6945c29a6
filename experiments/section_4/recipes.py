"""How encoders are trained for the tables: the recipe of reference, variants, learning rates.

What differs from the paper's recipe (E.1) stands in `docs/results.md`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from experiments.section_4 import glyphs, paired_data
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.methods import Method
from experiments.section_4.paired_data import Pairs
from experiments.section_4.training import Recipe


@dataclass(frozen=True)
class Setting:
    """Two encoders, and how long and how fast they are trained.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers of both encoders.
    dim : int
        Dimension of the embeddings.
    steps, batch : int
        About so many steps, as whole epochs.
    faster : float
        A factor of the learning rate.
    """

    hidden: tuple[int, ...] = (128,)
    dim: int = 64
    steps: int = 1800
    batch: int = 256
    faster: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self) | {"hidden": list(self.hidden)}

    def recipe(self, rate: float, pairs: int) -> Recipe:
        """The training on so many pairs at this learning rate, times `faster`."""
        epochs = max(1, round(self.steps / max(1, pairs // self.batch)))
        return Recipe(epochs, self.batch, self.faster * rate)

    def model(self, pairs: Pairs, method: Method) -> EncoderModel:
        """Two encoders of the training pairs, with a method's temperature and normalisation."""
        images, texts = pairs.training
        first, second = (
            Encoder((inputs.shape[1], *self.hidden, self.dim), method.normalised)
            for inputs in (images, texts)
        )
        return EncoderModel(images, texts, first, second, method.temperature)


DATA: dict[str, Callable[[int], Pairs]] = {
    "glyphs": glyphs.pairs,
    "synthetic": paired_data.synthetic,
}
"""What makes the pairs of a seed."""

REFERENCE = dict.fromkeys(DATA, Setting())
"""The same for both kinds of data."""

VARIANTS = {
    "reference": REFERENCE["glyphs"],
    "width 64": Setting(hidden=(64,)),
    "width 256": Setting(hidden=(256,)),
    "two hidden layers": Setting(hidden=(128, 128)),
    "d = 32": Setting(dim=32),
    "d = 128": Setting(dim=128),
    "a third of the rate": Setting(faster=1 / 3),
    "three times the rate": Setting(faster=3.0),
    "half as long": Setting(steps=900),
    "twice as long": Setting(steps=3600),
    "batch 128": Setting(batch=128),
    "batch 512": Setting(batch=512),
}
"""Recipes on glyphs that differ from that of reference in one thing."""

RATES = (3e-3, 1e-2, 3e-2, 1e-1)
"""Learning rates to choose from: the paper takes the best of four for each method (E.1)."""

SEARCHED = Path(__file__).with_name("rates.csv")
"""For each kind of data and method, the rate with the best retrieval on validation pairs."""


@cache
def searched() -> dict[tuple[str, str], float]:
    """The learning rate of each kind of data and method that a search has found."""
    with SEARCHED.open(newline="") as stream:
        return {(row["data"], row["method"]): float(row["rate"]) for row in csv.DictReader(stream)}
