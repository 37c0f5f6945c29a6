"""Retrieval examples: which names are listed, and that the right ones are marked."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from legible import faults, overlaps

from experiments import record, retrieval
from experiments.section_4 import glyphs, runs
from gapdyn.plotting import drawing

FIGURES = Path(__file__).resolve().parents[2] / "figures"


def test_the_nearest_names_are_listed_and_the_right_one_wherever_it_ranks():
    similarity = np.array([0.1, 0.9, 0.3, -0.5, 0.8, 0.2, 0.7, -0.9])
    five = [(1, 1, 0.9), (2, 4, 0.8), (3, 6, 0.7), (4, 2, 0.3), (5, 5, 0.2)]
    assert retrieval._listed(similarity, 6) == five
    assert retrieval._listed(similarity, 3) == [*five, (7, 3, -0.5)]


@pytest.mark.slow
def test_held_out_characters_are_those_of_the_held_out_pairs():
    """Ink is pixels up to one scale and a centre for each pixel, and names have their bags."""
    pairs = glyphs.pairs(7)
    characters, ink = glyphs.held_out(7)
    between = np.diff(ink.astype(float), axis=0)
    scaled = np.diff(pairs.held_out.images.astype(float), axis=0)
    scale = np.sqrt((between**2).sum() / (scaled**2).sum())
    np.testing.assert_allclose(scale * scaled, between, atol=1e-3)
    captions = [glyphs.words(c) for c in glyphs.glyphs().characters]
    vocabulary = glyphs.split(captions, 7).vocabulary
    bags = glyphs.bags([glyphs.words(c) for c in characters], vocabulary)
    assert ((pairs.held_out.texts > 0) != (bags > 0)).nnz == 0


@pytest.fixture(scope="module")
def quick():
    return retrieval.compute(quick=True)


@pytest.mark.slow
def test_both_methods_are_asked_of_the_same_images(quick):
    characters, ink = glyphs.held_out(runs.seeds_of(0, 0)[0])
    names = [unicodedata.name(c) for c in characters]
    right = {}
    for method in retrieval.METHODS:
        for image in range(1, retrieval.SHOWN + 1):
            rows = quick.rows(method=method, image=image)
            assert rows["rank"][:5].tolist() == [1, 2, 3, 4, 5] and rows["right"].sum() == 1
            assert (np.diff(rows["similarity"]) <= 0).all()
            (name,) = rows["name"][rows["right"] == 1]
            assert right.setdefault(image, name) == name
    for image, name in right.items():
        np.testing.assert_array_equal(quick.arrays["ink"][image - 1], ink[names.index(name)])


@pytest.mark.slow
def test_the_headings_have_what_the_tables_measure(quick):
    for method, about in quick.parameters["methods"].items():
        measured = runs.measure("glyphs", "reference", method, 0, True, 0)
        for key in ("gap", "text_retrieval", "image_retrieval"):
            assert about[key] == pytest.approx(measured[key], rel=1e-9)


@pytest.mark.slow
def test_the_right_name_is_marked_by_a_tick_and_by_weight(quick):
    with drawing():
        figure = retrieval.draw(quick)
    assert faults(figure) + overlaps(figure) == []
    texts = figure.axes[0].texts
    images = len(retrieval.METHODS) * retrieval.SHOWN
    assert sum(text.get_text().startswith("✓ ") for text in texts) == images
    shown = " ".join(text.get_text() for text in texts if text.get_weight() == "bold")
    for name in quick.table["name"][quick.table["right"] == 1]:
        assert name.lower().split()[-1] in shown


def test_the_committed_examples_are_of_the_committed_tables():
    about = json.loads((FIGURES / "retrieval.json").read_text())
    table = record.read(FIGURES / "tables_by_seed.csv")
    if about["seed"] != 0 or about["quick"]:
        pytest.skip("figures/retrieval.csv is of another run")
    for method, found in about["parameters"]["methods"].items():
        row = (table["data"] == "glyphs") & (table["method"] == method) & (table["repeat"] == 0)
        for key in ("gap", "text_retrieval", "image_retrieval"):
            assert found[key] == pytest.approx(float(table[key][row][0]), rel=1e-6)
