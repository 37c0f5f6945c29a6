"""The first steps of two encoders that start with a small gap: Theorem 3.3 on networks.

Through ReLUs all outputs have a common direction, so that random weights start with a gap near 0.9.
Output biases that subtract the mean of the outputs spread the rows around the sphere, as the
theorem assumes, and leave a small gap, which grows from every start in ten steps of Adam.

Theorem 3.3 does not explain this growth: by the theorem dΔ/dt would be positive at the start, but
it is negative from most starts. All rows of a modality share their weights, so that the velocity of
the difference of the centres is much larger than the difference itself and nearly orthogonal to it:
the gap falls a little and then grows, whatever the cause of the motion. Adam's steps have the size
of the learning rate in any direction, uphill too. The effect of mismatched pairs shows in plain
gradient steps: from matched pairs, where the velocity is less orthogonal, the gap falls.

Each caption has its first image throughout, and ten steps are one pass over the pairs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import gapdyn as gd
from experiments.section_4 import figure_4
from experiments.section_4.encoders import EncoderModel
from experiments.section_4.methods import TAU, methods
from experiments.section_4.training import train
from gapdyn.types import Array

RATE = 3e-3
"""Of Adam: one of those that the tables choose from."""
APART = 0.3
"""Share of fresh random weights by which the second of two matched encoders differs."""
DIFFERENCE = 1e-6
"""Step of time of the central difference for dΔ/dt, whose error is of second order."""

Row = tuple[int, str, float, float, float, float]


class Uphill(EncoderModel):
    """Two encoders that climb the loss."""

    def descend(self, *batch: Any) -> Array:
        """Minus the velocity that a batch of pairs gives."""
        velocity = super().descend(*batch)
        return np.negative(velocity, out=velocity)


def beginnings(
    seed: int, quick: bool, draws: int, steps: int, step: float
) -> tuple[list[Row], dict[str, Any]]:
    """Take `steps` steps of four kinds from each of `draws` starts; say what came of each kind.

    A row has the draw, the kind, Δ at the start, dΔ/dt and the speed of c_X - c_Y there in the
    gradient flow of all pairs, downhill for every kind, and the change of Δ.
    """
    pairs = figure_4.pairs(seed, 256 if quick else figure_4.CAPTIONS)
    same = replace(pairs, texts=pairs.training.images)
    method = methods(float(steps), segment=1.0, seed=seed)["Baseline"]
    model, copies = (figure_4.SETTING.model(p, method) for p in (pairs, same))
    uphill = Uphill(model.images, model.texts, model.first, model.second, model.temperature)
    adam = figure_4.constant(RATE, model.n // steps, epochs=1)
    descent = replace(adam, rate=step, optimiser="descent")
    rows: list[Row] = []
    for k in range(draws):
        rng = np.random.default_rng((seed, k))
        y, matched = scattered(model, rng), near_copies(copies, rng)
        at_start, at_copies = beginning(model, y), beginning(copies, matched)
        for name, moved, start, speeds, recipe in (
            ("adam", model, y, at_start, adam),
            ("adam_uphill", uphill, y, at_start, adam),
            ("descent", model, y, at_start, descent),
            ("descent_matched", copies, matched, at_copies, descent),
        ):
            last = gd.measures.gap(*moved.embeddings(train(moved, start, recipe, seed=k)))
            rows.append((k, f"encoders_{name}", *speeds, last - speeds[0]))
    return rows, {"pairs": model.n, "batch": adam.batch, "rate": adam.rate} | statistics(rows)


def scattered(model: EncoderModel, rng: np.random.Generator) -> Array:
    """Random weights, and output biases that give the outputs mean zero over the pairs."""
    return centred(model, model.start(rng, tau=TAU))


def near_copies(model: EncoderModel, rng: np.random.Generator) -> Array:
    """Two encoders of one modality that nearly agree, with outputs of mean zero."""
    y = model.start(rng, tau=TAU)
    theta, phi, _ = model.split(y)
    phi *= APART
    phi += np.sqrt(1 - APART**2) * theta
    return centred(model, y)


def centred(model: EncoderModel, y: Array) -> Array:
    """Subtract, in place, the mean output of each encoder from its output biases."""
    theta, phi, _ = model.split(y)
    pairs = (model.first, theta, model.images), (model.second, phi, model.texts)
    for encoder, weights, inputs in pairs:
        *_, (_, bias) = encoder.layers(weights)
        bias -= encoder.forward(weights, inputs)[-1].mean(axis=0)
    return y


def beginning(model: EncoderModel, y: Array) -> tuple[float, float, float]:
    """Δ, and dΔ/dt and ‖d(c_X - c_Y)/dt‖ in the gradient flow of all pairs."""
    move = DIFFERENCE * model.velocity(0.0, y)
    behind, here, ahead = (
        np.subtract(*(rows.mean(axis=0) for rows in model.embeddings(z)))
        for z in (y - move, y, y + move)
    )
    rate = (ahead - behind) / (2 * DIFFERENCE)
    gap = float(np.linalg.norm(here))
    return gap, float(rate @ here) / gap, float(np.linalg.norm(rate))


def statistics(rows: list[Row]) -> dict[str, Any]:
    """Statistics of each kind of step over its draws."""
    said = {}
    for name in dict.fromkeys(row[1] for row in rows):
        gap, widens, speed, change = np.array([row[2:] for row in rows if row[1] == name]).T
        said[name.removeprefix("encoders_")] = {
            "gap_at_start": float(gap.mean()),
            "share_with_positive_velocity": float((widens > 0).mean()),
            "speed_over_gap": float((speed / gap).mean()),
            "cosine_of_velocity": float((widens / speed).mean()),
            "share_that_grew": float((change > 0).mean()),
            "mean_change": float(change.mean()),
            "deviation_of_change": float(change.std(ddof=1)),
        }
    return said
