"""Synthetic pairs: what is drawn, what is held out, what twins share, what prompts are."""

import numpy as np
import pytest

from experiments.section_4 import paired_data as data
from experiments.section_4.paired_data import Matched, synthetic

SEEDS = range(4)
SMALL = {"training": 2048, "validation": 256, "held_out": 512}


@pytest.fixture
def clean(monkeypatch):
    """Pairs without noise, and latent codes [z, p] of inputs, by solving tanh([z, p] A) = x."""
    monkeypatch.setattr(data, "NOISE", 0.0)

    def make(seed, training=2048):
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


def parts(pairs):
    """All pairs by the names of their parts."""
    return {
        "training": pairs.training,
        "validation": pairs.validation,
        "held_out": pairs.held_out,
        "twins": pairs.twins[0],
        "other twins": pairs.twins[1],
    }


def test_no_pair_is_in_two_parts():
    for seed in SEEDS:
        for modality in (0, 1):
            rows = np.vstack([part[modality] for part in parts(synthetic(seed, **SMALL)).values()])
            assert len(np.unique(rows, axis=0)) == len(rows)


def test_every_class_is_present_on_both_sides_and_has_a_prompt():
    for seed in SEEDS:
        pairs = synthetic(seed, **SMALL)
        for images, labels in (pairs.labelled, pairs.unlabelled):
            np.testing.assert_array_equal(np.unique(labels), np.arange(data.CLASSES))
            assert len(labels) == len(images)
        assert len(pairs.prompts) == data.CLASSES
        assert pairs.labelled.images is pairs.images
        assert pairs.unlabelled.images is pairs.held_out.images


def test_the_seed_decides_everything():
    one, again, other = (synthetic(seed, **SMALL) for seed in (1, 1, 2))

    def arrays(pairs):
        flat = [array for part in parts(pairs).values() for array in part]
        return [*flat, pairs.labelled.labels, pairs.unlabelled.labels, pairs.prompts]

    for array, same, different in zip(*map(arrays, (one, again, other)), strict=True):
        np.testing.assert_array_equal(array, same)
        assert not np.array_equal(array, different)


def test_sizes_are_those_promised():
    pairs = synthetic(0)
    assert (data.TRAINING, data.VALIDATION, data.HELD_OUT) == (32_768, 512, 1024)
    sizes = {"training": 32_768, "validation": 512, "held_out": 1024}
    sizes |= {"twins": data.TWINS, "other twins": data.TWINS}
    for name, part in parts(pairs).items():
        assert part.images.shape == (sizes[name], data.IMAGE_INPUTS)
        assert part.texts.shape == (sizes[name], data.TEXT_INPUTS)
    assert pairs.prompts.shape == (data.CLASSES, data.TEXT_INPUTS)
    few = synthetic(0, 5, 3, 7)
    assert [len(part.images) for part in list(parts(few).values())[:3]] == [5, 3, 7]


@pytest.mark.parametrize("name", ["training", "validation", "held_out"])
def test_numbers_of_pairs_are_integers_of_two_or_more(name):
    for number in (1, 0, -3):
        with pytest.raises(ValueError, match=rf"{name} must be at least 2, got {number}"):
            synthetic(0, **{name: number})
    with pytest.raises(TypeError, match=name):
        synthetic(0, **{name: 5.0})


def test_each_text_has_one_image_and_draws_are_that():
    pairs = synthetic(0, **SMALL)
    np.testing.assert_array_equal(pairs.first, np.arange(2049))
    np.testing.assert_array_equal(pairs.training.images, pairs.images)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(2048)[:100]
    np.testing.assert_array_equal(pairs.draw(chosen, rng), pairs.images[chosen])


def test_rows_of_matched_pairs_stay_matched():
    some = Matched(np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(4, 2)).rows([2, 0])
    assert (some.images[:, 0].tolist(), some.texts[:, 0].tolist()) == ([6, 0], [4, 0])


def test_pairs_share_z_and_nothing_else(clean):
    pairs, _, codes = clean(0)
    (z, p), (z_text, p_text) = codes(pairs.images, 0), codes(pairs.texts, 1)
    np.testing.assert_allclose(z, z_text, atol=1e-8)
    noise = 5 / np.sqrt(len(z))
    correlations = np.corrcoef(np.hstack([z, p, p_text]), rowvar=False)
    assert np.abs(correlations[: data.SHARED, data.SHARED :]).max() < noise
    assert np.abs(correlations[data.SHARED : -data.PRIVATE, -data.PRIVATE :]).max() < noise
    for private in (p, p_text):
        assert private.var() == pytest.approx(1, abs=0.05)


def test_codes_have_unit_variance_half_of_it_between_classes(clean):
    """The half within is exact up to sampling; that between is of ten centres a seed."""
    total, within = [], []
    for seed in range(8):
        pairs, centres, codes = clean(seed, 512)
        z, _ = codes(pairs.images, 0)
        scatter = z - centres[pairs.labelled.labels]
        total.append(np.square(z).mean())
        within.append(np.square(scatter).mean())
        assert np.abs(scatter.mean(axis=0)).max() < 5 * np.sqrt(0.5 / 512)
    assert np.mean(within) == pytest.approx(0.5, abs=0.01)
    assert np.mean(total) == pytest.approx(1.0, abs=5 * np.sqrt(2 / 160 / 8) / 2)


def test_noise_is_added_to_inputs_of_variance_about_two_fifths(monkeypatch):
    noisy = synthetic(0, **SMALL)
    monkeypatch.setattr(data, "NOISE", 0.0)
    clean = synthetic(0, **SMALL)
    for with_noise, without in (
        (noisy.images, clean.images),
        (noisy.held_out.texts, clean.held_out.texts),
    ):
        assert without.var() == pytest.approx(0.4, abs=0.05) and np.abs(without).max() < 1
        assert (with_noise - without).std() == pytest.approx(0.25, abs=0.005)


def test_twins_differ_in_one_coordinate_of_their_shared_code_alone(clean):
    pairs, centres, codes = clean(3)
    (z, p), (other, p_other) = (codes(twin.images, 0) for twin in pairs.twins)
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
    (z_text, p_text), (other_text, p_other) = (codes(twin.texts, 1) for twin in pairs.twins)
    np.testing.assert_allclose([z_text, other_text], [z, other], atol=1e-8)
    np.testing.assert_allclose(p_text, p_other, atol=1e-8)


def test_a_prompt_is_the_text_of_the_centre_of_a_class(clean, monkeypatch):
    """Its code is the centre without a private part; with noise in the inputs it has none."""
    pairs, centres, codes = clean(0)
    z, p = codes(pairs.prompts, 1)
    np.testing.assert_allclose(z, centres, atol=1e-8)
    np.testing.assert_allclose(p, 0, atol=1e-8)
    monkeypatch.setattr(data, "NOISE", 0.25)
    np.testing.assert_array_equal(synthetic(0, **SMALL).prompts, pairs.prompts)


def test_images_of_a_class_scatter_about_the_centre_that_its_prompt_names(clean):
    pairs, _, codes = clean(1)
    prompts, _ = codes(pairs.prompts, 1)
    z, _ = codes(pairs.held_out.images, 0)
    distances = np.linalg.norm(z[:, None] - prompts, axis=2)
    assert (distances.argmin(axis=1) == pairs.unlabelled.labels).mean() > 0.85
