"""Measures of a trained model, on examples whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

import gapdyn as gd
from experiments.section_4 import evaluation
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.evaluation import (
    evaluate,
    linear_probe,
    memory,
    pair_of_pairs,
    retrieval,
    validate_labels,
    zero_shot,
)
from experiments.section_4.paired_data import Labelled, Matched, Pairs, synthetic


def clusters(n, classes, d, spread, seed=0):
    """Unit rows about the axes of R^d, one axis a class, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return gd.sphere.normalise(np.eye(d)[labels] + spread * rng.standard_normal((n, d))), labels


# Zero-shot.


def test_zero_shot_by_hand():
    """Prompts are e₁, e₂ and the diagonal between e₁ and -e₂; two of four images agree."""
    s = np.sqrt(0.5)
    prompts = np.array([[1.0, 0], [0, 1.0], [s, -s]])
    images = gd.sphere.normalise([[1.0, 0], [s, s + 1e-9], [s, -s], [0.6, -0.8]])
    assert zero_shot(prompts, images, np.array([0, 0, 2, 1])) == 50.0
    assert zero_shot(prompts, images, np.array([0, 1, 2, 2])) == 100.0
    assert zero_shot(prompts, images, np.array([1, 0, 0, 0])) == 0.0


def test_classes_without_images_count_as_wrong_answers():
    """The truth need not name every class: the images of one class may all go to another."""
    images = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]])
    truth = np.zeros(3, dtype=int)
    assert zero_shot(np.eye(2), images, truth) == pytest.approx(200 / 3)


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
    assert linear_probe(X, labels, held, truth, 10) == pytest.approx(expected, abs=1e-9)


def test_the_probe_by_its_definition():
    X, labels = clusters(200, 5, 8, 0.5)
    held, truth = clusters(100, 5, 8, 0.5, seed=1)
    W = evaluation.probe_weights(X, labels, 5)
    right = [np.argmax(x @ W[:-1] + W[-1]) == c for x, c in zip(held, truth, strict=True)]
    assert linear_probe(X, labels, held, truth, 5) == pytest.approx(100 * np.mean(right))
    assert 60 < 100 * np.mean(right) <= 100


def test_the_probe_names_the_class_without_an_example():
    X, labels = clusters(20, 3, 4, 0.1)
    with pytest.raises(ValueError, match="labels must have an example of every class, 3 has none"):
        linear_probe(X, labels, X, labels, classes=4)
    with pytest.raises(ValueError, match=r"labels must be classes 0 to 1, got 2"):
        linear_probe(X, labels, X, labels, classes=2)
    with pytest.raises(ValueError, match=r"labels must be classes 0 to 2, got -1"):
        validate_labels(np.append(labels, -1), 3)
    validate_labels(labels, 3)


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


def known(n=6, **parts):
    """A model that hands on its inputs, and pairs of ten classes whose prompts are the axes."""
    encoder = Encoder((12, 12))
    X, labels = clusters(40, 10, 12, 0.2)
    Y, _ = clusters(40, 10, 12, 0.2, seed=1)
    held_x, truth = clusters(n, 10, 12, 0.2, seed=2)
    held = Matched(held_x, clusters(n, 10, 12, 0.2, seed=3)[0])
    rows = [gd.sphere.sample(30, 12, seed) for seed in range(4)]
    pairs = Pairs(
        images=X,
        first=np.arange(41),
        texts=Y,
        validation=Matched(*(gd.sphere.sample(9, 12, seed) for seed in (5, 6))),
        held_out=held,
        twins=(Matched(*rows[:2]), Matched(*rows[2:])),
        labelled=Labelled(X, labels),
        unlabelled=Labelled(held_x, truth),
        prompts=np.eye(10, 12),
    )
    model = EncoderModel(X, Y, encoder, encoder, gd.Fixed(1.0))
    identity = np.append(np.eye(12).ravel(), np.zeros(12))
    return model, np.concatenate([identity, identity, [0.0]]), replace(pairs, **parts)


def test_image_retrieval_finds_the_image_of_a_text():
    """Two texts lie at one image: their columns find it, and once rightly; rows do not."""
    X = np.eye(12)[:3]
    Y = X.copy()
    Y[1] = gd.sphere.normalise([X[0] + 0.5 * X[1], X[0]])[0]  # text 1 is nearer to image 0
    Z = X @ Y.T
    found_images = np.mean([Z[:, j].argmax() == j for j in range(3)])
    found_texts = np.mean([Z[i].argmax() == i for i in range(3)])
    assert (found_images, found_texts) == pytest.approx((2 / 3, 1))
    model, y, pairs = known(held_out=Matched(X, Y))
    values = evaluate(model, y, pairs, seed=0)
    assert values["image_retrieval"] == pytest.approx(100 * found_images)
    assert values["text_retrieval"] == pytest.approx(100 * found_texts)


def test_evaluate_gives_every_measure_once_and_of_the_right_rows():
    """Also of fewer held-out pairs than a sample has: then gap and uniformity are of all."""
    model, y, pairs = known(20)
    values = evaluate(model, y, pairs, seed=4)
    assert tuple(values) == evaluation.MEASURES
    assert values["gap"] == pytest.approx(gd.measures.gap(*pairs.held_out), rel=1e-12)
    assert values["uniformity"] == pytest.approx(gd.measures.uniformity(*pairs.held_out), rel=1e-12)
    assert values["zero_shot"] == zero_shot(pairs.prompts, *pairs.unlabelled)
    assert values["linear_probe"] == linear_probe(*pairs.labelled, *pairs.unlabelled, classes=10)
    assert values["mmvp"] == pair_of_pairs(*map(list, pairs.twins))
    assert values == evaluate(model, y, pairs, seed=4)


def test_images_to_classify_are_those_without_labels_and_prompts_are_texts():
    """Prompts in the order of other classes turn every answer; the held-out pairs play no part."""
    model, y, pairs = known(20)
    assert evaluate(model, y, pairs, 0)["zero_shot"] > 80
    turned = replace(pairs, prompts=np.roll(pairs.prompts, 1, axis=0))
    assert evaluate(model, y, turned, 0)["zero_shot"] < 20
    theta, phi, _ = model.split(y)
    for part, name in ((theta, "linear_probe"), (phi, "zero_shot")):
        part[:144] = np.roll(np.eye(12), 1, axis=1).ravel()  # one encoder permutes the axes
        seen = evaluate(model, y, pairs, 0)
        assert (seen["zero_shot"] < 20) == (name == "linear_probe")


def test_the_probe_is_fitted_to_4096_images_at_most(monkeypatch):
    assert evaluation.PROBED == 4096
    monkeypatch.setattr(evaluation, "PROBED", 30)
    model, y, pairs = known(200)
    few = [part[:30] for part in pairs.labelled]
    expected = linear_probe(*few, *pairs.unlabelled, classes=10)
    assert evaluate(model, y, pairs, 0)["linear_probe"] == expected


def test_a_class_without_a_labelled_image_is_named():
    model, y, pairs = known()
    some = pairs.labelled.labels != 7
    lacking = replace(pairs, labelled=Labelled(pairs.images[some], pairs.labelled.labels[some]))
    with pytest.raises(ValueError, match="labels must have an example of every class, 7 has none"):
        evaluate(model, y, lacking, 0)


def test_sparse_texts_and_prompts_are_measured_as_dense_ones():
    model, y, pairs = known(20)

    def sparse(part):
        return Matched(part.images, scipy.sparse.csr_array(part.texts))

    other = replace(
        pairs,
        texts=scipy.sparse.csr_array(pairs.texts),
        held_out=sparse(pairs.held_out),
        twins=tuple(map(sparse, pairs.twins)),
        prompts=scipy.sparse.csr_array(pairs.prompts),
    )
    for measure in (evaluate, memory):
        assert measure(model, y, other, 0) == pytest.approx(measure(model, y, pairs, 0), rel=1e-12)


# Retrieval, and what is learnt by heart.


def test_retrieval_is_the_mean_of_both_ways():
    """Of three pairs each image finds its text, and two of three texts find their image."""
    X = np.eye(12)[:3]
    Y = X.copy()
    Y[1] = gd.sphere.normalise([X[0] + 0.5 * X[1], X[0]])[0]
    model, y, pairs = known()
    assert retrieval(model, y, Matched(X, Y)) == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert retrieval(model, y, pairs.validation) == pytest.approx(
        100 * np.mean(gd.measures.recall_at_1(pairs.validation.images @ pairs.validation.texts.T))
    )


def test_memory_is_of_as_many_random_training_pairs_as_are_held_out(monkeypatch):
    """Pair i has the images 2i and 2i + 1; each comes up, and other pairs at another seed."""
    model, y, pairs = known(12)
    images = np.repeat(pairs.images, 2, axis=0) + 1e-3 * np.arange(80)[:, None]
    pairs = replace(pairs, images=images, first=np.arange(0, 81, 2))
    seen = []

    def spy(model, y, part):
        seen.append(part)
        return retrieval(model, y, part)

    monkeypatch.setattr(evaluation, "retrieval", spy)
    recalls = [memory(model, y, pairs, seed)["training_recall"] for seed in (*range(10), 0)]
    assert recalls[0] == recalls[-1] == retrieval(model, y, seen[0])
    which, image_of_pair = set(), set()
    for part in seen:
        rows = [int(np.flatnonzero((images == row).all(axis=1))[0]) for row in part.images]
        owners = [k // 2 for k in rows]
        np.testing.assert_array_equal(part.texts, pairs.texts[owners])
        assert len(set(owners)) == 12
        which.add(tuple(owners))
        image_of_pair |= {k % 2 for k in rows}
    assert len(which) == 10 and image_of_pair == {0, 1}
    assert len(set().union(*which)) > 30  # of forty


def test_pairs_learnt_by_heart_are_all_recalled():
    X = gd.sphere.sample(40, 12, 0)
    model, y, pairs = known(12)
    assert memory(model, y, replace(pairs, images=X, texts=X), 0)["training_recall"] == 100.0


def test_with_fewer_training_pairs_than_held_out_ones_memory_takes_them_all():
    model, y, pairs = known(60)
    expected = retrieval(model, y, pairs.training)
    assert memory(model, y, pairs, 0)["training_recall"] == pytest.approx(expected)


def test_the_gap_of_a_sample_has_a_floor():
    """Pairs whose centres coincide: E Δ² = tr Cov(x - y)/m."""
    rng = np.random.default_rng(0)
    pairs = synthetic(0, training=64, validation=8, held_out=200)
    first, second = (Encoder((x.shape[1], 6)) for x in pairs.training)
    model = EncoderModel(*pairs.training, first, second, gd.Fixed(0.1))
    y = model.start(0)
    floor = memory(model, y, pairs, seed=0)["gap_floor"]
    X, Y = (gd.sphere.unit(E) for E in model.embed(y, *pairs.held_out))
    between = X - Y - (X - Y).mean(axis=0)
    draws = [rng.choice([-1, 1], size=(200, 1)) * between for _ in range(2000)]
    squares = [float((draw.mean(axis=0) ** 2).sum()) for draw in draws]
    assert np.sqrt(np.mean(squares)) == pytest.approx(floor, rel=0.02)


def test_gap_and_uniformity_are_of_a_random_sample_of_512_pairs(monkeypatch):
    model, y, pairs = known(600)
    seen = []

    def spy(X, Y):
        seen.append((X, Y))
        return gd.measures.centre_distance(X, Y)

    monkeypatch.setattr(evaluation.measures, "gap", spy)
    values = [evaluate(model, y, pairs, seed=seed)["gap"] for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2] and evaluation.SAMPLE == 512
    rows = {tuple(x): k for k, x in enumerate(np.round(pairs.held_out.images, 9))}
    for X, Y in seen:
        assert X.shape == Y.shape == (512, 12)
        chosen = [rows[tuple(x)] for x in np.round(X, 9)]
        assert len(set(chosen)) == 512
        np.testing.assert_allclose(Y, pairs.held_out.texts[chosen], atol=1e-12)


def test_twins_are_embedded_each_by_its_own_encoder():
    rng = np.random.default_rng(0)
    X, X_other = gd.sphere.sample(30, 12, rng), gd.sphere.sample(30, 12, rng)
    Y, Y_other = gd.sphere.sample(30, 12, rng), gd.sphere.sample(30, 12, rng)
    model, y, pairs = known(20, twins=(Matched(X, Y), Matched(X_other, Y_other)))
    assert evaluate(model, y, pairs, 0)["mmvp"] == pair_of_pairs([X, Y], [X_other, Y_other])


def test_measures_are_of_unit_rows_whatever_the_model_trains_on():
    model, y, pairs = known(40)
    plain = EncoderModel(
        pairs.images, pairs.texts, *[Encoder((12, 12), normalised=False)] * 2, gd.Fixed(1.0)
    )
    long = y.copy()
    long[:-1] *= 7.0
    for name, value in evaluate(plain, long, pairs, 0).items():
        assert value == pytest.approx(evaluate(model, y, pairs, 0)[name], rel=1e-9)
