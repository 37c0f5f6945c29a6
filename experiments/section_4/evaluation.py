"""The measures of Section 4 of the paper, taken from a trained model on held-out pairs.

Rows are normalised before they are measured, whatever the model trains on. Recalls and accuracies
are in percent.
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
"""Number of held-out pairs from which gap and uniformity are computed (Appendix E)."""

PROBED = 4096
"""Largest number of training rows to which the linear probe is fitted."""

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
    """All of MEASURES for one state of a model; mmvp is NaN if the pairs have no twins.

    A ValueError if a class has no example among the training pairs.
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
    """How far the training pairs are learnt by heart, and how small a gap can be measured.

    `training_recall` is recall@1 in percent, mean of both ways, among as many training pairs as
    there are held-out ones. `gap_floor` is √(tr Cov(x - y)/m), the root mean square of the gap of m
    pairs that are drawn from distributions with the same mean.
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
    """Raise a ValueError if a label is no class, 0 to `classes` - 1, or a class has no example."""
    strange = np.setdiff1d(labels, np.arange(classes))
    if strange.size:
        raise ValueError(f"labels must be classes 0 to {classes - 1}, got {strange[0]}")
    missing = np.setdiff1d(np.arange(classes), labels)
    if missing.size:
        raise ValueError(f"labels must have an example of every class, {missing[0]} has none")


def zero_shot(
    texts: Array, labels: Labels, images: Array, truth: Labels, classes: int = CLASSES
) -> float:
    """Share of images that are nearest to the mean direction of the texts of their own class.

    Parameters
    ----------
    texts, labels : (n, d) array of unit rows, (n,) array
        Examples of the second modality and their classes, 0 to `classes` - 1.
    images, truth : (m, d) array of unit rows, (m,) array
        Images to classify, and their true classes.
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
    """Share of held-out rows that a logistic regression on the training rows classifies rightly.

    It minimises Σ cross-entropy + ‖W‖²/2 over weights W (d, classes) and biases, which have no
    penalty.

    Parameters
    ----------
    X, labels : (n, d) array, (n,) array
        Training rows and their classes, 0 to `classes` - 1.
    held, truth : (m, d) array, (m,) array
        Held-out rows and their true classes.
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
    found = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(-1, classes))


def pair_of_pairs(one: list[Array], other: list[Array]) -> float:
    """Share of pairs of pairs in which each text is nearer to its own image, as in MMVP-VLM.

    Parameters
    ----------
    one, other : [X, Y], each (q, d) arrays of unit rows
        Row i of `one` and row i of `other` are the two pairs to tell apart. Chance gives 25 %.
    """
    (X, Y), (X_other, Y_other) = one, other
    picks = ((X - X_other) * Y).sum(axis=1) > 0, ((X_other - X) * Y_other).sum(axis=1) > 0
    return 100 * float((picks[0] & picks[1]).mean())
