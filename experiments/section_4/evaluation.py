"""The measures of Section 4 of the paper, taken from a trained model on held-out pairs.

Rows are normalised before they are measured, whatever the model trains on. Recalls and accuracies
are in percent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from experiments.section_4.encoders import EncoderModel
from experiments.section_4.paired_data import Labels, Matched, Pairs
from gapdyn import measures, sphere
from gapdyn.types import Array

SAMPLE = 512
"""Number of held-out pairs from which gap and uniformity are computed (Appendix E)."""

PROBED = 4096
"""Largest number of training images to which the linear probe is fitted."""

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
    """All of MEASURES for one state of a model.

    A ValueError if a class has no example among the labelled images.
    """
    X, Y = embed(model, y, pairs.held_out)
    chosen = sample(len(X), seed)
    theta, phi, _ = model.split(y)
    prompts = sphere.normalise(model.second.rows(phi, pairs.prompts))
    known, fresh = (
        (sphere.normalise(model.first.rows(theta, part.images[:count])), part.labels[:count])
        for part, count in ((pairs.labelled, PROBED), (pairs.unlabelled, None))
    )
    text_retrieval, image_retrieval = measures.recall_at_1(X @ Y.T)
    return {
        "gap": measures.gap(X[chosen], Y[chosen]),
        "uniformity": measures.uniformity(X[chosen], Y[chosen]),
        "zero_shot": zero_shot(prompts, *fresh),
        "linear_probe": linear_probe(*known, *fresh, classes=len(prompts)),
        "image_retrieval": 100 * image_retrieval,
        "text_retrieval": 100 * text_retrieval,
        "mmvp": pair_of_pairs(*(embed(model, y, twin) for twin in pairs.twins)),
    }


def embed(model: EncoderModel, y: Array, part: Matched) -> list[Array]:
    """Embeddings of images and of their texts, unit rows."""
    return [sphere.normalise(rows) for rows in model.embed(y, *part)]


def retrieval(model: EncoderModel, y: Array, part: Matched) -> float:
    """Recall@1 in percent, the mean of both directions."""
    X, Y = embed(model, y, part)
    return 100 * float(np.mean(measures.recall_at_1(X @ Y.T)))


def sample(count: int, seed: int) -> NDArray[np.intp]:
    """The held-out pairs from which gap and uniformity are computed."""
    return np.random.default_rng(seed).permutation(count)[:SAMPLE]


def memory(model: EncoderModel, y: Array, pairs: Pairs, seed: int) -> dict[str, float]:
    """How far the training pairs are learnt by heart, and how small a gap can be measured.

    `training_recall` is recall@1 in percent, mean of both ways, among as many random training pairs
    as there are held-out ones. `gap_floor` is √(tr Cov(x - y)/m), the root mean square of the gap
    of m pairs that are drawn from distributions with the same mean.
    """
    X, Y = embed(model, y, pairs.held_out)
    chosen = sample(len(X), seed)
    between = X[chosen] - Y[chosen]
    rng = np.random.default_rng(seed)
    known = rng.permutation(pairs.texts.shape[0])[: len(X)]
    learnt = Matched(pairs.draw(known, rng), pairs.texts[known])
    return {
        "training_recall": retrieval(model, y, learnt),
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


def zero_shot(prompts: Array, images: Array, truth: Labels) -> float:
    """Share of images that are nearer to the prompt of their class than to any other.

    Parameters
    ----------
    prompts : (classes, d) array of unit rows
    images, truth : (m, d) array of unit rows, (m,) array
        Images to classify, and their true classes.
    """
    return 100 * float(((images @ prompts.T).argmax(axis=1) == truth).mean())


def linear_probe(X: Array, labels: Labels, held: Array, truth: Labels, classes: int) -> float:
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
