"""What Section 4 of the paper measures of a trained model, on held-out pairs.

All measures are of unit rows, whatever a model trains on. Recalls and accuracies are in percent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.special

from experiments.section_4.encoders import EncoderModel
from experiments.section_4.paired_data import CLASSES, Labels, Pairs
from gapdyn import measures, sphere
from gapdyn.types import Array

SAMPLE = 512
"""Held-out pairs of which gap and uniformity are taken (Appendix E)."""

PROBED = 4096
"""Training rows that the linear probe is fitted to, at most."""

MEASURES = (
    "gap",
    "uniformity",
    "zero_shot",
    "linear_probe",
    "image_retrieval",
    "text_retrieval",
    "mmvp",
)


def evaluate(model: EncoderModel, y: Array, pairs: Pairs, seed: int) -> dict[str, float]:
    """All of MEASURES for one state of a model; mmvp is NaN where the pairs have no twins.

    Raises
    ------
    ValueError
        If a class has no example among the training pairs.
    """

    def embed(images: Array, texts: Array) -> list[Array]:
        return [sphere.normalise(rows) for rows in model.embed(y, images, texts)]

    X, Y = embed(pairs.images, pairs.texts)
    held_x, held_y = embed(pairs.held_images, pairs.held_texts)
    count = min(SAMPLE, len(held_x))
    chosen = np.random.default_rng(seed).permutation(len(held_x))[:count]
    text_retrieval, image_retrieval = measures.recall_at_1(held_x @ held_y.T)
    twins = np.nan
    if pairs.twin_images is not None and pairs.twin_texts is not None:
        one, other = (embed(*p) for p in zip(pairs.twin_images, pairs.twin_texts, strict=True))
        twins = pair_of_pairs(one, other)
    return {
        "gap": measures.gap(held_x[chosen], held_y[chosen]),
        "uniformity": measures.uniformity(held_x[chosen], held_y[chosen]),
        "zero_shot": zero_shot(Y, pairs.labels, held_x, pairs.held_labels),
        "linear_probe": linear_probe(X[:PROBED], pairs.labels[:PROBED], held_x, pairs.held_labels),
        "image_retrieval": 100 * image_retrieval,
        "text_retrieval": 100 * text_retrieval,
        "mmvp": twins,
    }


def memory(model: EncoderModel, y: Array, pairs: Pairs, seed: int) -> dict[str, float]:
    """What the measures stand on: how far training pairs are learnt by heart, and the gap's floor.

    Returns
    -------
    dict of float
        `training_recall`, recall@1 in percent, mean of both ways, among as many training pairs as
        there are held-out ones; and `gap_floor`, √(tr Cov(x - y)/m), the root mean square of the
        gap of m pairs whose centres coincide in the long run.
    """
    count = len(pairs.held_images)
    X, Y = map(sphere.normalise, model.embed(y, pairs.images[:count], pairs.texts[:count]))
    chosen = np.random.default_rng(seed).permutation(count)[: min(SAMPLE, count)]
    held = model.embed(y, pairs.held_images[chosen], pairs.held_texts[chosen])
    between = sphere.normalise(held[0]) - sphere.normalise(held[1])
    return {
        "training_recall": 100 * float(np.mean(measures.recall_at_1(X @ Y.T))),
        "gap_floor": float(np.sqrt(between.var(axis=0, ddof=1).sum() / len(between))),
    }


def validate_labels(labels: Labels, classes: int) -> None:
    """Every class has an example, and every example a class.

    Raises
    ------
    ValueError
        If one has none.
    """
    strange = np.setdiff1d(labels, np.arange(classes))
    if strange.size:
        raise ValueError(f"labels must be classes 0 to {classes - 1}, got {strange[0]}")
    missing = np.setdiff1d(np.arange(classes), labels)
    if missing.size:
        raise ValueError(f"labels must have an example of every class, {missing[0]} has none")


def zero_shot(
    texts: Array, labels: Labels, images: Array, truth: Labels, classes: int = CLASSES
) -> float:
    """Share of images nearest to their class, which its texts stand for by their mean direction.

    Parameters
    ----------
    texts, labels : (n, d) array of unit rows, (n,) array
        Examples of the second modality and their classes, 0 to `classes` - 1.
    images, truth : (m, d) array of unit rows, (m,) array
        What to classify, and the classes they are of.
    classes : int

    Raises
    ------
    ValueError
        If a class has no example.
    """
    validate_labels(labels, classes)
    prototypes = sphere.normalise([texts[labels == c].mean(axis=0) for c in range(classes)])
    return 100 * float(((images @ prototypes.T).argmax(axis=1) == truth).mean())


def linear_probe(
    X: Array, labels: Labels, held: Array, truth: Labels, classes: int = CLASSES
) -> float:
    """Share of held-out rows that a logistic regression on the training rows classifies.

    It minimises Σ cross-entropy + ‖W‖²/2 over weights W (d, classes), and biases without penalty.

    Parameters
    ----------
    X, labels : (n, d) array, (n,) array
        Training rows and their classes, 0 to `classes` - 1.
    held, truth : (m, d) array, (m,) array
    classes : int

    Raises
    ------
    ValueError
        If a class has no example.
    """
    validate_labels(labels, classes)
    W = probe_weights(X, labels, classes)
    return 100 * float(((held @ W[:-1] + W[-1]).argmax(axis=1) == truth).mean())


def probe_weights(X: Array, labels: Labels, classes: int) -> Array:
    """Weights (d + 1, classes) of the logistic regression, biases in the last row."""
    inputs = np.column_stack([X, np.ones(len(X))])
    truth = np.eye(classes)[labels]
    penalised = np.append(np.ones(X.shape[1]), 0.0)[:, None]

    def objective(flat: Array) -> tuple[float, Array]:
        W = flat.reshape(-1, classes)
        logits = inputs @ W
        log_sum = scipy.special.logsumexp(logits, axis=1, keepdims=True)
        loss = float((log_sum.ravel() - (logits * truth).sum(axis=1)).sum())
        slope = inputs.T @ (np.exp(logits - log_sum) - truth) + penalised * W
        return loss + float((penalised * W**2).sum()) / 2, slope.ravel()

    start = np.zeros(inputs.shape[1] * classes)
    options: Any = {"maxiter": 1000, "gtol": 1e-6, "ftol": 1e-14}
    minimise: Any = scipy.optimize.minimize
    found = minimise(objective, start, jac=True, method="L-BFGS-B", options=options)
    weights: Array = found.x.reshape(-1, classes)
    return weights


def pair_of_pairs(one: list[Array], other: list[Array]) -> float:
    """Share of pairs of pairs that are matched, as MMVP-VLM asks: each text picks its own image.

    Parameters
    ----------
    one, other : [X, Y], each (q, d) arrays of unit rows
        Row i of `one` and row i of `other` are the two pairs to be told apart; chance is 25 %.
    """
    (X, Y), (X_other, Y_other) = one, other
    picks = ((X - X_other) * Y).sum(axis=1) > 0, ((X_other - X) * Y_other).sum(axis=1) > 0
    return 100 * float((picks[0] & picks[1]).mean())
