"""The first steps of two encoders that start with a small gap, Theorem 3.3 on networks.

ReLUs send all outputs one way, so that random weights start with a gap near 1. Output biases that
take the mean off the outputs spread the rows around the sphere, as the theorem assumes, and leave a
small gap. In ten steps it grows from every start, under Adam by 0.144 on average, where the bars of
the paper's Figure 4(b) have 0.186 and its text "near 0.15".

Theorem 3.3 is not the reason. It would have dΔ/dt > 0 at the start, which is negative from most
starts: weights that all rows of a modality share move the difference of the centres some thirty
times its length in a unit of time, in a direction that has little to do with its own. It shortens a
little and then grows, whatever drives it. Adam's steps have the size of the learning rate wherever
they go, and climbing the loss enlarges the gap twice as much as descending. What mismatched pairs
do shows in plain gradient steps, which double the gap; from matched pairs they add a seventh.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import gapdyn as gd
from experiments.section_4.encoders import EncoderModel
from experiments.section_4.methods import TAU, methods
from experiments.section_4.paired_data import HELD_OUT, TRAINING, synthetic
from experiments.section_4.runs import RECIPE, encoders_for
from experiments.section_4.training import Recipe, train
from gapdyn.types import Array

APART = 0.3
"""Share of random weights in which the second of two matched encoders differs from the first."""
DIFFERENCE = 1e-6
"""Of time, for dΔ/dt by a central difference, whose error is of its square."""

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
    """Start `draws` times, and take `steps` steps each way, at a constant learning rate.

    Returns
    -------
    list of (draw, way, Δ at the start, dΔ/dt and speed of c_X - c_Y there, change of Δ)
        Ways: Adam at the recipe's highest rate, the same uphill; plain gradient descent at rate
        `step`, the same from matched pairs. Velocities are those of the flow of all pairs,
        downhill for all ways.
    dict
        Setting, and statistics of each way.
    """
    pairs = synthetic(seed, *((256, 128) if quick else (TRAINING, HELD_OUT)))
    same = replace(pairs, texts=pairs.images)
    method = methods(float(steps), segment=1.0, seed=seed)["Baseline"]
    model, copies = encoders_for(pairs, method), encoders_for(same, method)
    uphill = Uphill(model.images, model.texts, model.first, model.second, model.temperature)
    batch = min(RECIPE.batch, model.n // 8)
    epochs = -(-steps * batch // model.n)
    adam = replace(RECIPE, epochs=epochs, batch=batch, warm_up=0.0, cosine=False)
    descent = replace(adam, rate=step, optimiser="descent")
    rows: list[Row] = []
    for k in range(draws):
        rng = np.random.default_rng((seed, k))
        y, matched = scattered(model, rng), near_copies(copies, rng)
        at_start, at_copies = velocity(model, y), velocity(copies, matched)
        for name, moved, start, speeds, recipe in (
            ("adam", model, y, at_start, adam),
            ("adam_uphill", uphill, y, at_start, adam),
            ("descent", model, y, at_start, descent),
            ("descent_matched", copies, matched, at_copies, descent),
        ):
            first, last = ends(moved, start, recipe, steps, k)
            rows.append((k, f"encoders_{name}", first, *speeds, last - first))
    return rows, {"pairs": model.n, "batch": batch, "rate": adam.rate} | statistics(rows)


def scattered(model: EncoderModel, rng: np.random.Generator) -> Array:
    """Random weights, and output biases for which the outputs have mean zero over the pairs."""
    return centred(model, model.start(rng, tau=TAU))


def near_copies(model: EncoderModel, rng: np.random.Generator) -> Array:
    """Two encoders of one modality that differ by APART of random weights, centred alike."""
    y = model.start(rng, tau=TAU)
    theta, phi, _ = model.split(y)
    phi *= APART
    phi += np.sqrt(1 - APART**2) * theta
    return centred(model, y)


def centred(model: EncoderModel, y: Array) -> Array:
    """The state with the mean output of both encoders taken off their output biases."""
    theta, phi, _ = model.split(y)
    for encoder, weights, inputs in (
        (model.first, theta, model.images),
        (model.second, phi, model.texts),
    ):
        *_, (_, bias) = encoder.layers(weights)
        bias -= encoder.forward(weights, inputs)[-1].mean(axis=0)
    return y


def velocity(model: EncoderModel, y: Array) -> tuple[float, float]:
    """dΔ/dt and ‖c_X' - c_Y'‖ under the gradient flow of all pairs."""
    move = DIFFERENCE * model.velocity(0.0, y)
    behind, here, ahead = (
        np.subtract(*(rows.mean(axis=0) for rows in model.embeddings(z)))
        for z in (y - move, y, y + move)
    )
    rate = (ahead - behind) / (2 * DIFFERENCE)
    return float(rate @ here / np.linalg.norm(here)), float(np.linalg.norm(rate))


def ends(model: EncoderModel, y: Array, recipe: Recipe, steps: int, seed: int) -> list[float]:
    """The gap of all pairs before the first step and after so many; the rest is idle."""
    gaps: list[float] = []

    def watch(k: int, y: Array) -> None:
        if k in (0, steps):
            gaps.append(gd.measures.gap(*model.embeddings(y)))

    train(model, y, recipe, seed=seed, watch=watch)
    return gaps


def statistics(rows: list[Row]) -> dict[str, Any]:
    """What to say of each way over its draws."""
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
