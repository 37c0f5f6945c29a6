"""The recipes of the tables: what they train, how long, and in what variants differ."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from experiments.section_4 import glyphs, paired_data, recipes, runs
from experiments.section_4.methods import methods
from experiments.section_4.paired_data import synthetic
from experiments.section_4.recipes import REFERENCE, VARIANTS, Setting

EVERY = VARIANTS | {"synthetic": REFERENCE["synthetic"]}


@pytest.fixture(scope="module")
def pairs():
    return synthetic(0, 64, 8, 8)


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_survives_json(name):
    setting = EVERY[name]
    written = json.loads(json.dumps(setting.to_dict()))
    assert written == setting.to_dict()
    assert set(written) == {field.name for field in fields(Setting)}
    assert Setting(**written | {"hidden": tuple(written["hidden"])}) == setting


@pytest.mark.parametrize("name", EVERY)
def test_its_training_is_adams_with_a_fifth_of_warm_up_and_a_cosine(name):
    setting = EVERY[name]
    recipe = setting.recipe(0.02, 3900)
    assert recipe.batch == setting.batch
    assert recipe.steps(3900) == pytest.approx(setting.steps, rel=0.01)
    assert recipe.rate == pytest.approx(0.02 * setting.faster, rel=1e-15)
    assert (recipe.optimiser, recipe.warm_up, recipe.cosine) == ("adam", 0.2, True)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("method", ["Baseline", "No normalization", "FLT 1e-1"])
def test_its_model_has_its_layers_on_either_side_and_the_methods_loss(name, method, pairs):
    setting, chosen = EVERY[name], methods(10.0, segment=1.0, seed=0)[method]
    model = setting.model(pairs, chosen)
    assert model.first.sizes == (paired_data.IMAGE_INPUTS, *setting.hidden, setting.dim)
    assert model.second.sizes == (paired_data.TEXT_INPUTS, *setting.hidden, setting.dim)
    for encoder in (model.first, model.second):
        assert encoder.normalised == (method != "No normalization") and encoder.biased
    assert model.temperature == chosen.temperature
    np.testing.assert_array_equal(model.images, pairs.images)
    np.testing.assert_array_equal(model.texts, pairs.texts)


def test_variants_are_of_the_reference_and_differ_from_it_in_one_thing():
    reference = VARIANTS["reference"]
    assert reference == REFERENCE["glyphs"] == Setting()
    assert len(set(VARIANTS.values())) == len(VARIANTS) == 12
    for name, setting in VARIANTS.items():
        changed = {
            field.name
            for field in fields(Setting)
            if getattr(setting, field.name) != getattr(reference, field.name)
        }
        assert len(changed) == (name != "reference")


def test_variants_are_what_their_names_say():
    assert VARIANTS["width 64"].hidden == (64,) and VARIANTS["width 256"].hidden == (256,)
    assert VARIANTS["two hidden layers"].hidden == 2 * REFERENCE["glyphs"].hidden
    assert (VARIANTS["d = 32"].dim, VARIANTS["d = 128"].dim) == (32, 128)
    factors = [VARIANTS[f"{name} the rate"].faster for name in ("a third of", "three times")]
    assert factors == pytest.approx([1 / 3, 3])
    lengths = [VARIANTS[f"{name} as long"].steps for name in ("half", "twice")]
    assert lengths == [REFERENCE["glyphs"].steps / 2, REFERENCE["glyphs"].steps * 2]
    assert (VARIANTS["batch 128"].batch, VARIANTS["batch 512"].batch) == (128, 512)


@pytest.mark.slow
def test_trainings_take_the_steps_of_their_setting_whatever_the_number_of_pairs():
    """Whole epochs, to one percent, with every seed of the tables."""
    seeds = [runs.seeds_of(0, seed)[0] for seed in range(runs.SEEDS)]
    counts = [paired_data.TRAINING, *(glyphs.pairs(seed).texts.shape[0] for seed in seeds)]
    for setting in VARIANTS.values():
        for count in counts:
            steps = setting.recipe(1.0, count).steps(count)
            assert steps == pytest.approx(setting.steps, rel=0.01)


def test_a_training_has_an_epoch_at_least():
    assert Setting(steps=1).recipe(1.0, 1000).epochs == 1


def test_rates_to_choose_from_are_four_about_half_a_decade_apart():
    assert len(recipes.RATES) == 4  # as in E.1
    assert all(2.9 < b / a < 3.5 for a, b in zip(recipes.RATES, recipes.RATES[1:], strict=False))


def test_rates_are_read_by_data_and_method(tmp_path, monkeypatch):
    file = tmp_path / "rates.csv"
    file.write_text("data,method,rate,more\nglyphs,Baseline,0.003,1\nsynthetic,Baseline,0.03,2\n")
    monkeypatch.setattr(recipes, "SEARCHED", file)
    recipes.searched.cache_clear()
    try:
        expected = {("glyphs", "Baseline"): 0.003, ("synthetic", "Baseline"): 0.03}
        assert recipes.searched() == expected
    finally:
        recipes.searched.cache_clear()


def test_a_quick_setting_is_another_one():
    assert replace(Setting(), steps=1).to_dict() != Setting().to_dict()
