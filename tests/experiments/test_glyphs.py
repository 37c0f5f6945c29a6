"""The samples of the glyphs, their numbers, and the command where fonts are missing or differ."""

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from experiments import __main__ as command
from experiments import glyphs as experiment
from experiments.section_4 import glyphs as data
from experiments.section_4 import runs

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "glyphs.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0)


def test_the_committed_table_is_of_the_glyphs_here(numbers, committed):
    saved = committed("glyphs")
    for key, column in numbers.table.items():
        np.testing.assert_array_equal(saved.table[key], column)
    assert numbers.parameters["remark"] is saved.parameters["remark"] is None


def test_parts_and_classes_add_up(numbers):
    total = {part: numbers.rows(part=part, **{"class": "any"}) for part in numbers.table["part"]}
    characters = {part: int(row["characters"][0]) for part, row in total.items()}
    images = {part: int(row["images"][0]) for part, row in total.items()}
    assert (characters["all"], images["all"]) == (7144, 52572)
    assert (characters["held out"], characters["validation"]) == (1024, 512)
    for part, row in total.items():
        of_part = numbers.rows(part=part)
        for key in ("characters", "images"):
            assert of_part[key].sum() == 2 * row[key][0]  # of all classes, of none, and of any
        assert of_part["captions"].sum() == 2 * row["captions"][0]
    for part in ("held out", "validation"):  # no caption twice
        assert total[part]["captions"][0] == characters[part]


def test_what_the_training_has_is_what_the_table_says(numbers):
    pairs, row = data.pairs(0), numbers.rows(part="training", **{"class": "any"})
    assert (len(pairs.images), pairs.texts.shape[0]) == (row["images"][0], row["captions"][0])
    assert pairs.texts.shape[1] == numbers.parameters["words"]
    assert len(pairs.twins[0].images) == numbers.parameters["pairs_that_differ_in_one_word"]
    for part, labelled in (("training", pairs.labelled), ("to classify", pairs.unlabelled)):
        classes = np.bincount(labelled.labels)
        np.testing.assert_array_equal(numbers.rows(part=part)["characters"][:12], classes)


def test_the_page_has_the_numbers_of_the_table(numbers):
    parts = re.findall(r"^\| ([a-z ]+)[^|]* \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.M)
    assert len(parts) == 4
    for part, *cells in parts:
        row = numbers.rows(part=part, **{"class": "any"})
        found = [int(row[key][0]) for key in ("characters", "images", "captions")]
        assert [int(cell.replace(",", "")) for cell in cells] == found, part
    classes = re.findall(r"^\| ([\w ]+) \| ([A-Z ]+) \| ([\d,]+) \|$", PAGE, re.M)
    assert {name: prompt for name, prompt, _ in classes} == data.CLASSES
    sizes = [int(size.replace(",", "")) for *_, size in classes]
    assert sizes == numbers.rows(part="all")["characters"][:12].tolist()


def test_the_python_of_the_page_runs_as_printed():
    (code,), names = re.findall(r"```python\n(.*?)```", PAGE, re.S), {}
    exec(code, names)
    assert " ".join(names["caption"]) == "LATIN SMALL LETTER O WITH CIRCUMFLEX AND ACUTE"
    assert names["drawn"].shape == (8, 20, 20)  # DejaVu Sans and Serif
    assert names["data"].images.shape == (34893, 400) and names["data"].texts.shape == (3885, 610)


def test_the_twins_that_are_drawn_differ_in_one_word(numbers):
    assert len(numbers.parameters["twins"]) == 6
    for pair in numbers.parameters["twins"]:
        one, other = ({*unicodedata.name(c).replace("-", " ").split()} for c in pair)
        assert len(one - other) == len(other - one) == 1


@pytest.fixture
def without_a_font(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FONTS", tmp_path)
    monkeypatch.setattr(data, "glyphs", data.glyphs.__wrapped__)
    runs.train_all.cache_clear()


NEED_GLYPHS = ("glyphs", "tables", "fig4a", "fig4b", "fig5", "fig6", "fig7", "retrieval")


def test_without_a_font_the_other_experiments_go_on(without_a_font, tmp_path, capsys):
    options = ["--quick", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert command.main([*NEED_GLYPHS, "fig3", *options]) == 0
    shown = capsys.readouterr()
    says = "skipped: the glyphs need Matplotlib's font DejaVuSans.ttf, which is not here\n"
    assert shown.out.count(says) == len(NEED_GLYPHS) and "Traceback" not in shown.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir())[0] == "fig3.csv"


def test_other_glyphs_than_the_committed_ones_are_remarked(tmp_path, monkeypatch, capsys):
    (tmp_path / "glyphs.json").write_text("{}")
    monkeypatch.setattr(data, "COMMITTED", tmp_path / "glyphs.json")
    monkeypatch.setattr(data, "digests", lambda read: {"STIXGeneral": "1"})
    assert command.main(["glyphs", "--jobs", "1", "--out", str(tmp_path)]) == 0
    says = (
        "glyphs.csv glyphs.json glyphs.png glyphs_tasks.png; remark: other glyphs than those of the"
        " committed results: images of STIXGeneral differ\n"
    )
    assert says in capsys.readouterr().out
