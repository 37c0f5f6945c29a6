"""Measures of a trained model, on examples whose answer is known."""

import numpy as np
import pytest

import gapdyn as gd
from experiments.section_4 import evaluation
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.evaluation import evaluate, linear_probe, pair_of_pairs, zero_shot
from experiments.section_4.paired_data import Pairs


def clusters(n, classes, d, spread, seed=0):
    """Unit rows about the axes of R^d, one axis a class, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return gd.sphere.normalise(np.eye(d)[labels] + spread * rng.standard_normal((n, d))), labels


# Zero-shot.


def test_zero_shot_by_hand():
    """Prototypes are e₁, e₂, and the diagonal between e₁ and -e₂; two of four images agree."""
    s = np.sqrt(0.5)
    texts = np.array([[1.0, 0], [0, 1.0], [1.0, 0], [0, -1.0]])
    labels = np.array([0, 1, 2, 2])
    images = np.array([[1.0, 0], [s, s + 1e-9], [s, -s], [0.6, -0.8]])
    truth = np.array([0, 0, 2, 1])
    assert zero_shot(texts, labels, gd.sphere.normalise(images), truth, classes=3) == 50.0


def test_a_prototype_is_a_direction_whatever_its_number_of_texts_and_their_spread():
    """The mean of ±60° about e₁ is half as long as e₂, and still wins at 40°."""
    angles = np.deg2rad([60, -60, 90])
    texts, labels = np.column_stack([np.cos(angles), np.sin(angles)]), np.array([0, 0, 1])
    at = np.deg2rad([40.0, 50.0])
    images = np.column_stack([np.cos(at), np.sin(at)])
    assert zero_shot(texts, labels, images, np.array([0, 1]), classes=2) == 100.0


# Linear probe.


def test_the_gradient_vanishes_at_the_probe():
    """Of Σ cross-entropy + ‖W‖²/2, by the softmax written out and by differences."""
    X, labels = clusters(120, 4, 6, 0.7)
    W = evaluation.probe_weights(X, labels, 4)
    inputs, truth = np.column_stack([X, np.ones(120)]), np.eye(4)[labels]

    def loss(W):
        logits = inputs @ W
        entropies = np.log(np.exp(logits).sum(axis=1)) - (logits * truth).sum(axis=1)
        return entropies.sum() + (W[:-1] ** 2).sum() / 2

    P = np.exp(inputs @ W)
    P /= P.sum(axis=1, keepdims=True)
    slope = inputs.T @ (P - truth)
    slope[:-1] += W[:-1]
    assert np.abs(slope).max() < 1e-4
    rng = np.random.default_rng(0)
    for _ in range(5):
        V = rng.standard_normal(W.shape)
        assert abs(loss(W + 1e-4 * V) - loss(W - 1e-4 * V)) / 2e-4 < 1e-2
        assert loss(W + 1e-2 * V) > loss(W)


def test_the_probe_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, labels = clusters(300, 10, 16, 0.4)
    held, truth = clusters(200, 10, 16, 0.4, seed=1)
    peer = linear_model.LogisticRegression(C=1.0, tol=1e-8, max_iter=10_000).fit(X, labels)
    W = evaluation.probe_weights(X, labels, 10)
    np.testing.assert_allclose(W[:-1], peer.coef_.T, atol=1e-4)
    np.testing.assert_allclose(W[-1], peer.intercept_ - peer.intercept_.mean(), atol=1e-4)
    expected = 100 * float((peer.predict(held) == truth).mean())
    assert 60 < expected < 100
    assert linear_probe(X, labels, held, truth) == pytest.approx(expected, abs=1e-9)


def test_probe_and_zero_shot_name_the_class_without_an_example():
    X, labels = clusters(20, 3, 4, 0.1)
    for measure in (zero_shot, linear_probe):
        with pytest.raises(ValueError, match="3 has none"):
            measure(X, labels, X, labels, classes=4)
        with pytest.raises(ValueError, match=r"labels must be classes 0 to 1, got 2"):
            measure(X, labels, X, labels, classes=2)


# Pairs of pairs.


def test_pair_of_pairs_by_its_definition():
    rng = np.random.default_rng(0)
    one, other = ([gd.sphere.sample(300, 3, rng) for _ in range(2)] for _ in range(2))
    right = 0
    for x, y, x_other, y_other in zip(*one, *other, strict=True):
        picks = [max((x, x_other), key=lambda image: image @ text) for text in (y, y_other)]
        right += picks[0] is x and picks[1] is x_other
    assert pair_of_pairs(one, other) == pytest.approx(100 * right / 300)


def test_matched_pairs_of_pairs_are_told_apart_and_swapped_or_equal_ones_are_not():
    X, Y = gd.sphere.sample(50, 5, 0), gd.sphere.sample(50, 5, 1)
    assert pair_of_pairs([X, X], [Y, Y]) == 100.0
    assert pair_of_pairs([X, Y], [Y, X]) == 0.0
    assert pair_of_pairs([X, X], [X, X]) == 0.0


# All of them.


def known(n=6, held=None, twins=None):
    """A model that hands on its inputs, and pairs with labels 0 to 9."""
    encoder = Encoder((12, 12))
    X, labels = clusters(40, 10, 12, 0.2)
    Y, _ = clusters(40, 10, 12, 0.2, seed=1)
    held_x, held_labels = clusters(n, 10, 12, 0.2, seed=2)
    held_y, _ = clusters(n, 10, 12, 0.2, seed=3)
    if held is not None:
        held_x, held_y = held
    pairs = Pairs(X, Y, labels, held_x, held_y, held_labels, *(twins or ()))
    model = EncoderModel(X, Y, encoder, encoder, gd.Fixed(1.0))
    identity = np.append(np.eye(12).ravel(), np.zeros(12))
    return model, np.concatenate([identity, identity, [0.0]]), pairs


def test_image_retrieval_finds_the_image_of_a_text():
    """Two texts lie at one image: their columns find it, and once rightly; rows do not."""
    X = np.eye(12)[:3]
    Y = X.copy()
    Y[1] = gd.sphere.normalise([X[0] + 0.5 * X[1], X[0]])[0]  # text 1 is nearer to image 0
    Z = X @ Y.T
    found_images = np.mean([Z[:, j].argmax() == j for j in range(3)])
    found_texts = np.mean([Z[i].argmax() == i for i in range(3)])
    assert (found_images, found_texts) == pytest.approx((2 / 3, 1))
    model, y, pairs = known(3, held=(X, Y))
    values = evaluate(model, y, pairs, seed=0)
    assert values["image_retrieval"] == pytest.approx(100 * found_images)
    assert values["text_retrieval"] == pytest.approx(100 * found_texts)


def test_evaluate_gives_every_measure_once_and_of_the_right_rows():
    """Also of fewer held-out pairs than a sample has: then gap and uniformity are of all."""
    model, y, pairs = known(20)
    values = evaluate(model, y, pairs, seed=4)
    held, truth = (pairs.held_images, pairs.held_texts), (pairs.held_images, pairs.held_labels)
    assert tuple(values) == evaluation.MEASURES
    assert values["gap"] == pytest.approx(gd.measures.gap(*held), rel=1e-12)
    assert values["uniformity"] == pytest.approx(gd.measures.uniformity(*held), rel=1e-12)
    assert values["zero_shot"] == zero_shot(pairs.texts, pairs.labels, *truth)
    assert values["linear_probe"] == linear_probe(pairs.images, pairs.labels, *truth)
    assert np.isnan(values["mmvp"])
    assert values == pytest.approx(evaluate(model, y, pairs, seed=4), nan_ok=True)


def test_gap_and_uniformity_are_of_a_random_sample_of_512_pairs(monkeypatch):
    model, y, pairs = known(600)
    seen = []

    def spy(X, Y):
        seen.append((X, Y))
        return gd.measures.centre_distance(X, Y)

    monkeypatch.setattr(evaluation.measures, "gap", spy)
    values = [evaluate(model, y, pairs, seed=seed)["gap"] for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2] and evaluation.SAMPLE == 512
    rows = {tuple(x): k for k, x in enumerate(np.round(pairs.held_images, 9))}
    for X, Y in seen:
        assert X.shape == Y.shape == (512, 12)
        chosen = [rows[tuple(x)] for x in np.round(X, 9)]
        assert len(set(chosen)) == 512
        np.testing.assert_allclose(Y, pairs.held_texts[chosen], atol=1e-12)


def test_twins_are_embedded_each_by_its_own_encoder():
    rng = np.random.default_rng(0)
    X, X_other = gd.sphere.sample(30, 12, rng), gd.sphere.sample(30, 12, rng)
    Y, Y_other = gd.sphere.sample(30, 12, rng), gd.sphere.sample(30, 12, rng)
    model, y, pairs = known(20, twins=(np.stack([X, X_other]), np.stack([Y, Y_other])))
    assert evaluate(model, y, pairs, 0)["mmvp"] == pair_of_pairs([X, Y], [X_other, Y_other])


def test_measures_are_of_unit_rows_whatever_the_model_trains_on():
    model, y, pairs = known(40)
    plain = EncoderModel(
        pairs.images, pairs.texts, *[Encoder((12, 12), normalised=False)] * 2, gd.Fixed(1.0)
    )
    long = y.copy()
    long[:-1] *= 7.0
    for name, value in evaluate(plain, long, pairs, 0).items():
        assert value == pytest.approx(evaluate(model, y, pairs, 0)[name], rel=1e-9, nan_ok=True)
