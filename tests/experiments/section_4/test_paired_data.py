"""The two sets of pairs: what is drawn, what is held out, what twins share."""

import sys

import numpy as np
import pytest

from experiments.section_4 import paired_data as data
from experiments.section_4.paired_data import digits, synthetic

SEEDS = range(4)


@pytest.fixture(scope="module", params=["synthetic", "digits"])
def draw(request):
    if request.param == "digits":
        pytest.importorskip("sklearn")
    return data.DATA[request.param]


@pytest.fixture
def clean(monkeypatch):
    """Pairs without noise, and latent codes [z, p] of inputs, by solving tanh([z, p] A) = x."""
    monkeypatch.setattr(data, "NOISE", 0.0)

    def make(seed, training=data.TRAINING):
        rng = np.random.default_rng(seed)
        centres = rng.standard_normal((data.CLASSES, data.SHARED))
        latent = data.SHARED + data.PRIVATE
        maps = [
            rng.standard_normal((latent, inputs)) / np.sqrt(latent)
            for inputs in (data.IMAGE_INPUTS, data.TEXT_INPUTS)
        ]

        def codes(inputs, modality):
            solution = np.linalg.lstsq(maps[modality].T, np.arctanh(inputs).T, rcond=None)[0].T
            np.testing.assert_allclose(np.tanh(solution @ maps[modality]), inputs, atol=1e-9)
            return solution[:, : data.SHARED], solution[:, data.SHARED :]

        return synthetic(seed, training), centres / np.sqrt(2), codes

    return make


# Both.


def test_training_and_held_out_pairs_never_coincide(draw):
    for seed in SEEDS:
        pairs = draw(seed)
        for kept, held, twins in (
            (pairs.images, pairs.held_images, pairs.twin_images),
            (pairs.texts, pairs.held_texts, pairs.twin_texts),
        ):
            rows = np.vstack([kept, held, *([] if twins is None else twins)])
            assert len(np.unique(rows, axis=0)) == len(rows)


def test_every_class_is_present_on_both_sides(draw):
    for seed in SEEDS:
        pairs = draw(seed)
        for labels, rows in ((pairs.labels, pairs.images), (pairs.held_labels, pairs.held_images)):
            np.testing.assert_array_equal(np.unique(labels), np.arange(data.CLASSES))
            assert len(labels) == len(rows)


def test_the_seed_decides_everything(draw):
    one, again, other = draw(1), draw(1), draw(2)
    for name in ("images", "texts", "labels", "held_images", "held_texts", "held_labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))


# Synthetic pairs.


def test_sizes_are_those_promised():
    pairs = synthetic(0)
    assert pairs.images.shape == (data.TRAINING, data.IMAGE_INPUTS)
    assert pairs.texts.shape == (data.TRAINING, data.TEXT_INPUTS)
    assert pairs.held_images.shape == (data.HELD_OUT, data.IMAGE_INPUTS)
    assert pairs.twin_images.shape == (2, data.TWINS, data.IMAGE_INPUTS)
    assert pairs.twin_texts.shape == (2, data.TWINS, data.TEXT_INPUTS)
    few = synthetic(0, 5, 7)
    assert (len(few.images), len(few.held_texts)) == (5, 7)
    for training, held_out, name in ((1, 9, "training"), (9, 1, "held_out")):
        with pytest.raises(ValueError, match=name):
            synthetic(0, training, held_out)
    with pytest.raises(TypeError, match="training"):
        synthetic(0, 5.0)


def test_pairs_share_z_and_nothing_else(clean):
    pairs, _, codes = clean(0)
    (z, p), (z_text, p_text) = codes(pairs.images, 0), codes(pairs.texts, 1)
    np.testing.assert_allclose(z, z_text, atol=1e-8)
    correlations = np.corrcoef(np.hstack([z, p, p_text]), rowvar=False)
    assert np.abs(correlations[: data.SHARED, data.SHARED :]).max() < 5 / np.sqrt(data.TRAINING)
    assert np.abs(correlations[data.SHARED : -data.PRIVATE, -data.PRIVATE :]).max() < 5 / np.sqrt(
        data.TRAINING
    )
    for private in (p, p_text):
        assert private.var() == pytest.approx(1, abs=0.05)


def test_codes_have_unit_variance_half_of_it_between_classes(clean):
    """The half within is exact up to sampling; that between is of ten centres a seed."""
    total, within = [], []
    for seed in range(8):
        pairs, centres, codes = clean(seed, 512)
        z, _ = codes(pairs.images, 0)
        scatter = z - centres[pairs.labels]
        total.append(np.square(z).mean())
        within.append(np.square(scatter).mean())
        assert np.abs(scatter.mean(axis=0)).max() < 5 * np.sqrt(0.5 / 512)
    assert np.mean(within) == pytest.approx(0.5, abs=0.01)
    assert np.mean(total) == pytest.approx(1.0, abs=5 * np.sqrt(2 / 160 / 8) / 2)


def test_noise_is_added_to_inputs_of_variance_about_two_fifths(monkeypatch):
    noisy = synthetic(0)
    monkeypatch.setattr(data, "NOISE", 0.0)
    clean = synthetic(0)
    for with_noise, without in ((noisy.images, clean.images), (noisy.held_texts, clean.held_texts)):
        assert without.var() == pytest.approx(0.4, abs=0.05) and np.abs(without).max() < 1
        assert (with_noise - without).std() == pytest.approx(0.25, abs=0.005)


def test_twins_differ_in_one_coordinate_of_their_shared_code_alone(clean):
    pairs, centres, codes = clean(3)
    (z, p), (other, p_other) = (codes(twins, 0) for twins in pairs.twin_images)
    np.testing.assert_allclose(p, p_other, atol=1e-8)
    differ = np.abs(z - other) > 1e-7
    assert (differ.sum(axis=1) == 1).all()
    counts = differ.sum(axis=0)
    assert counts.sum() == data.TWINS and counts.min() > data.TWINS / data.SHARED / 2
    # The coordinate is drawn anew from the same class: both scatter by 1/√2 about one centre.
    change = (z - other)[differ]
    assert change.mean() == pytest.approx(0, abs=5 / np.sqrt(data.TWINS))
    assert change.var() == pytest.approx(1, abs=5 * np.sqrt(2 / data.TWINS))
    nearest = [
        np.linalg.norm(code[:, None] - centres, axis=2).argmin(axis=1) for code in (z, other)
    ]
    assert (nearest[0] == nearest[1]).mean() > 0.85
    (z_text, p_text), (other_text, p_other) = (codes(twins, 1) for twins in pairs.twin_texts)
    np.testing.assert_allclose([z_text, other_text], [z, other], atol=1e-8)
    np.testing.assert_allclose(p_text, p_other, atol=1e-8)


# Digits.


@pytest.fixture(scope="module")
def scans():
    return pytest.importorskip("sklearn.datasets").load_digits()


@pytest.mark.parametrize("seed", SEEDS)
def test_halves_put_together_are_the_images_up_to_centring_and_scale(scans, seed):
    """Each image is found again, with its label, once and on one side: the split is complete."""
    pairs = digits(seed)
    assert pairs.twin_images is None and pairs.twin_texts is None
    left = np.vstack([pairs.images, pairs.held_images]).reshape(-1, 8, 4)
    right = np.vstack([pairs.texts, pairs.held_texts]).reshape(-1, 8, 4)
    labels = np.concatenate([pairs.labels, pairs.held_labels])
    assert (
        len(labels) == len(scans.target) == 1797 and len(pairs.held_labels) == data.DIGITS_HELD_OUT
    )
    restored = []
    for half, pixels in ((left, scans.images[:, :, :4]), (right, scans.images[:, :, 4:])):
        # Means and deviation are those of the training pairs, which the order of rows reveals.
        scale = np.ptp(pixels, axis=0).max() / np.ptp(half, axis=0).max()
        whole = half * scale
        restored.append(whole - whole.min(axis=0) + pixels.min(axis=0))
    found = np.round(np.concatenate(restored, axis=2), 9).reshape(-1, 64)
    np.testing.assert_array_equal(found, np.rint(found))
    there = {tuple(image): label for image, label in zip(scans.data, scans.target, strict=True)}
    assert len(there) == 1797
    here = {tuple(image): label for image, label in zip(found, labels, strict=True)}
    assert here == there


@pytest.mark.parametrize("seed", SEEDS)
def test_the_scale_is_that_of_the_training_pairs_alone(scans, seed):
    """Training pixels are centred, held-out ones nearly; one scale is of all pixels at once."""
    pairs = digits(seed)
    for kept, held in ((pairs.images, pairs.held_images), (pairs.texts, pairs.held_texts)):
        assert np.abs(kept.mean(axis=0)).max() < 1e-12
        assert 1e-3 < np.abs(held.mean(axis=0)).max() < 0.3
    step = 1 / np.diff(np.unique(np.round(pairs.images[:, 1], 12))).min()  # one grey level
    order = np.random.default_rng(seed).permutation(1797)
    kept = scans.images[order[data.DIGITS_HELD_OUT :], :, :4]
    assert step == pytest.approx(kept.std(), rel=1e-9)
    assert step != pytest.approx(scans.images[:, :, :4].std(), rel=1e-6)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(data.DigitsMissingError, match=r"gapdyn\[digits\]") as caught:
        digits(0)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value.__cause__, ImportError)
