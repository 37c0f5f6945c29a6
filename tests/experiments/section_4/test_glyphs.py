"""Glyphs: pixels beside outlines that fontTools reads, and what training must not know of."""

import json
import unicodedata
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.ttLib import TTFont

from experiments.section_4 import glyphs as data

SEEDS = range(3)


@pytest.fixture(scope="module")
def read():
    return data.glyphs()


@pytest.fixture(scope="module")
def captions(read):
    return [data.words(c) for c in read.characters]


@pytest.fixture(scope="module", params=SEEDS)
def parts(request, captions):
    return data.split(captions, request.param)


@pytest.fixture(scope="module")
def pairs():
    return data.pairs(0)


def images_of(read, i):
    return read.images[read.first[i] : read.first[i + 1]]


def image(read, character, face):
    """Coverage of the pixels, 0 to 1."""
    here = slice(*read.first[read.characters.index(character) :][:2])
    chosen = read.images[here][read.faces[here] == data.FACES.index(face)]
    return chosen.reshape(20, 20) / 255


# Pixels.


class Polygons(BasePen):
    """The contours of a glyph as polygons, with each curve in eight pieces."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.contours = []

    def _moveTo(self, point):
        self.contours.append([point])

    def _lineTo(self, point):
        self.contours[-1].append(point)

    def _qCurveToOne(self, control, end):
        start = np.array(self.contours[-1][-1])
        for t in np.arange(1, 9) / 8:
            at = (1 - t) ** 2 * start + 2 * t * (1 - t) * np.array(control) + t**2 * np.array(end)
            self.contours[-1].append(tuple(at))


@pytest.fixture(scope="module")
def font():
    """Open a font of Matplotlib in fontTools."""
    opened = {}

    def get(face):
        if face not in opened:
            opened[face] = TTFont(data.FONTS / f"{face}.ttf")
        return opened[face]

    return get


def coverage(font, character):
    """The part of each pixel inside the outline, by the winding numbers of 16 × 16 points of it.

    An em is 16 pixels, the baseline is 5 pixels above the bottom, and the box of the points of the
    outline is in the middle.
    """
    glyphs, scale = font.getGlyphSet(), 16 / font["head"].unitsPerEm
    pen, box = Polygons(glyphs), ControlBoundsPen(glyphs)
    for each in (pen, box):
        glyphs[font.getBestCmap()[ord(character)]].draw(each)
    shift = np.array([10 - scale * (box.bounds[0] + box.bounds[2]) / 2, 5])
    points = (np.arange(320) + 0.5) / 16
    winding = np.zeros((320, 320))
    for contour in pen.contours:
        closed = scale * np.array([*contour, contour[0]]) + shift
        for (x0, y0), (x1, y1) in pairwise(closed):
            rows = np.flatnonzero((points > min(y0, y1)) & (points <= max(y0, y1)))
            crossing = x0 + (points[rows] - y0) * (x1 - x0) / (y1 - y0 if rows.size else 1)
            winding[rows] += np.sign(y1 - y0) * (crossing[:, None] < points)
    return (winding != 0).reshape(20, 16, 20, 16).mean(axis=(1, 3))[::-1]


@pytest.mark.parametrize("face", ["DejaVuSans-Bold", "DejaVuSerif-BoldItalic", "STIXGeneral"])
def test_pixels_are_the_coverage_of_the_outlines_that_fonttools_reads(read, font, face):
    """Up to the points of a pixel that `coverage` has; curves up to Agg's chords, half a pixel."""
    for characters, largest, mean in (("AWШ≠4", 0.06, 0.004), ("gÅж∫½", 0.15, 0.006)):
        for character in characters:
            expected = coverage(font(face), character)
            misfit = np.abs(image(read, character, face) - expected)
            assert expected.sum() > 10
            assert misfit.max() < largest and misfit.mean() < mean, (character, misfit.mean())


@pytest.mark.parametrize("face", data.FACES)
def test_ink_is_the_area_within_the_outline(read, font, face):
    """Of letters whose contours do not overlap, by Green's theorem; Agg draws chords of curves."""
    units = font(face)["head"].unitsPerEm
    for character in "oHxe8nm":
        glyphs, name = font(face).getGlyphSet(), font(face).getBestCmap()[ord(character)]
        pen = AreaPen(glyphs)
        glyphs[name].draw(pen)
        area = abs(pen.value) * (16 / units) ** 2
        assert image(read, character, face).sum() == pytest.approx(area, rel=0.025)


def test_letters_stand_on_the_baseline(read):
    for face in data.FACES:
        for character in "HE":
            ink = image(read, character, face)
            assert (ink[14] > 0.02).any() and not ink[15:].any()


def test_images_are_in_the_middle_to_a_pixel(read):
    """All that have a margin at both sides."""
    columns = read.images.reshape(-1, 20, 20).any(axis=1)
    left, right = columns.argmax(axis=1), columns[:, ::-1].argmax(axis=1)
    inside = (left > 0) & (right > 0)
    assert inside.mean() > 0.97 and (abs(left - right)[inside] <= 2).all()


def test_a_character_has_one_image_in_each_face_that_draws_it(read, font):
    """Those with a name in Unicode, with ink, and that are no space, control or combining mark."""
    assert (len(read.characters), len(read.images)) == (7144, 52572)
    assert list(read.characters) == sorted(set(read.characters))
    assert read.images.any(axis=1).all()
    codes = np.repeat([ord(c) for c in read.characters], np.diff(read.first))
    assert len({*zip(codes.tolist(), read.faces.tolist(), strict=True)}) == len(codes)
    assert not {unicodedata.category(c)[0] for c in read.characters} & {"Z", "C", "M"}
    for k in (0, 6, 12):  # one face of three families
        glyf, names = font(data.FACES[k])["glyf"], font(data.FACES[k]).getBestCmap()
        expected = [
            code
            for code, name in sorted(names.items())
            if unicodedata.category(chr(code))[0] not in "ZCM"
            and glyf[name].numberOfContours != 0
            and unicodedata.name(chr(code), "")
        ]
        assert codes[read.faces == k].tolist() == expected


# Digests.


def test_the_glyphs_here_are_those_of_the_committed_results(read):
    assert data.digests(read) == json.loads(data.COMMITTED.read_text())
    assert data.unlike_committed() is None


def test_a_digest_changes_with_one_pixel_of_its_face_or_with_a_caption(read, monkeypatch):
    before = data.digests(read)
    images = read.images.copy()
    images[np.flatnonzero(read.faces == 13)[70], 210] ^= 1
    after = data.digests(read._replace(images=images))
    assert [name for name in before if before[name] != after[name]] == ["STIXGeneralBol"]
    monkeypatch.setattr(data.unicodedata, "name", lambda character: f"U+{ord(character):X}")
    renamed = data.digests(read)
    assert [name for name in before if before[name] != renamed[name]] == ["captions"]


def test_glyphs_that_differ_from_the_committed_ones_are_named(tmp_path, monkeypatch):
    other = json.loads(data.COMMITTED.read_text()) | {"DejaVuSans-Bold": "0", "captions": "0"}
    del other["STIXGeneral"]
    (tmp_path / "glyphs.json").write_text(json.dumps(other))
    monkeypatch.setattr(data, "COMMITTED", tmp_path / "glyphs.json")
    assert data.unlike_committed() == (
        "other glyphs than those of the committed results:"
        " images of DejaVuSans-Bold, images of STIXGeneral, captions differ"
    )


# Captions and parts.


def test_captions_are_names_with_hyphens_split():
    for character, caption in {
        "ố": "LATIN SMALL LETTER O WITH CIRCUMFLEX AND ACUTE",
        "⠃": "BRAILLE PATTERN DOTS 12",
        "𝖠": "MATHEMATICAL SANS SERIF CAPITAL A",
    }.items():
        assert data.words(character) == caption.split()


def test_names_make_so_many_different_bags(captions):
    """Of all characters together, whatever their part, of words in at least three names."""
    counts = Counter(word for caption in captions for word in set(caption))
    known = {word for word, count in counts.items() if count >= 3}
    bags = {frozenset(caption) & known for caption in captions} - {frozenset()}
    assert (len(known), len(bags)) == (759, 5790)


def test_words_are_those_of_at_least_three_training_names(captions, parts):
    """Of training characters with or without a known word."""
    outside = {*parts.others, *parts.validation}
    names = [set(captions[i]) for i in range(len(captions)) if i not in outside]
    counts = Counter(word for name in names for word in name)
    assert set(parts.vocabulary) == {word for word, count in counts.items() if count >= 3}
    assert sorted(parts.vocabulary.values()) == list(range(len(parts.vocabulary)))


def bags_of(captions, parts, characters):
    return [frozenset(captions[i]).intersection(parts.vocabulary) for i in characters]


def test_no_caption_to_validate_or_test_on_is_in_the_training_or_twice(captions, parts):
    assert (len(parts.held_out), len(parts.validation)) == (1024, 512)
    training = bags_of(captions, parts, [merged[0] for merged in parts.training])
    fresh = bags_of(captions, parts, parts.held_out + parts.validation)
    assert all(training) and all(fresh)
    assert len({*training, *fresh}) == len(training) + 1536


def test_a_character_is_in_one_part(captions, parts):
    """And in training if its bag is not empty; held-out ones are some of the others."""
    trained = [i for merged in parts.training for i in merged]
    assert len(trained) == len(set(trained))
    assert set(parts.held_out) < set(parts.others)
    assert not set(trained) & {*parts.others, *parts.validation}
    assert not set(parts.validation) & set(parts.others)
    left = set(range(len(captions))) - {*trained, *parts.others, *parts.validation}
    assert not any(bags_of(captions, parts, left))
    for merged in parts.training:
        assert len(set(bags_of(captions, parts, merged))) == 1


def test_twins_differ_in_one_word_and_no_name_is_in_two(captions, parts):
    bags = bags_of(captions, parts, parts.held_out)
    found = data.twins(bags)
    assert 300 < len(found) < 360
    assert len({i for pair in found for i in pair}) == 2 * len(found)
    for i, j in found:
        assert len(bags[i] - bags[j]) == len(bags[j] - bags[i]) == 1


def test_twins_are_as_many_as_disjoint_pairs_can_be_in_a_small_case():
    bags = [frozenset(text.split()) for text in ("A B", "A C", "A D", "A B C", "E F", "A")]
    (one,) = data.twins(bags)
    assert len(one) == 2 and set(one) < {0, 1, 2}


# Classes.


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("ⓐ", "circled"), ("a", "Latin small"), ("Ǖ", "Latin capital"), ("π", "Greek"),
        ("ж", "Cyrillic"), ("ﺵ", "Arabic"), ("ա", "Armenian"), ("ᓂ", "Canadian syllabics"),
        ("⠃", "Braille"), ("𝖠", "mathematical"), ("╬", "box drawings"), ("⇝", "arrows"),
        ("♞", None), ("ᴀ", None),
    ],
)  # fmt: skip
def test_a_class_is_that_which_the_name_says_first(character, name):
    (found,) = data.classes([data.words(character)])
    assert found == (-1 if name is None else list(data.CLASSES).index(name))


def test_each_class_has_examples_to_learn_from_and_to_test_on(pairs):
    for part in (pairs.labelled, pairs.unlabelled):
        assert np.bincount(part.labels).min() > 10 and len(np.bincount(part.labels)) == 12


def test_prompts_have_the_words_of_the_classes(pairs, captions):
    vocabulary = list(data.split(captions, 0).vocabulary)
    rows = pairs.prompts.toarray()
    for row, prompt in zip(rows, data.CLASSES.values(), strict=True):
        assert {vocabulary[k] for k in np.flatnonzero(row)} == set(prompt.split())


# Pairs.


def test_inputs_are_scaled_by_the_training_alone(pairs, captions, read):
    """Mean 0 of each pixel and mean square 1; the held-out ones in the units of these."""
    np.testing.assert_allclose(pairs.images.mean(axis=0, dtype=float), 0, atol=1e-6)
    assert np.square(pairs.images, dtype=float).mean() == pytest.approx(1, abs=1e-5)
    assert np.square(pairs.texts.toarray()).mean() == pytest.approx(1, rel=1e-12)
    assert {*pairs.held_out.texts.data} == {*pairs.prompts.data} == {*pairs.texts.data}
    parts = data.split(captions, 0)
    trained = [i for merged in parts.training for i in merged]
    raw = np.concatenate([images_of(read, i) for i in trained]).astype(float)
    centre, scale = raw.mean(axis=0), raw.std(axis=0)
    np.testing.assert_allclose(pairs.images, (raw - centre) / rms(scale), atol=1e-4)
    for name in ("held_out", "validation"):
        part, characters = getattr(pairs, name), getattr(parts, name)
        back = np.rint(part.images * rms(scale) + centre)
        for row, i in zip(back, characters, strict=True):
            assert (images_of(read, i) == row).all(axis=1).any()


def rms(values):
    return np.sqrt(np.square(values).mean())


def test_the_rows_of_texts_are_the_bags_of_the_names(pairs, captions):
    parts = data.split(captions, 0)
    words = np.array(list(parts.vocabulary))
    for part, characters in (
        (pairs.texts, [merged[0] for merged in parts.training]),
        (pairs.held_out.texts, parts.held_out),
    ):
        bags = [frozenset(words[row != 0].tolist()) for row in part.toarray()]
        assert bags == bags_of(captions, parts, characters)


def test_twins_are_held_out_pairs(pairs):
    held = {x.tobytes() + t.tobytes() for x, t in rows(pairs.held_out)}
    assert all(x.tobytes() + t.tobytes() in held for twin in pairs.twins for x, t in rows(twin))
    one, other = (twin.texts.toarray() != 0 for twin in pairs.twins)
    assert ((one & ~other).sum(axis=1) == 1).all() and ((other & ~one).sum(axis=1) == 1).all()


def rows(part):
    return zip(part.images, part.texts.toarray(), strict=True)


def test_a_seed_decides_all(pairs):
    again, another = data.pairs(0), data.pairs(1)
    for part in ("held_out", "validation", "labelled", "unlabelled"):
        same, new = (getattr(other, part).images for other in (again, another))
        np.testing.assert_array_equal(getattr(pairs, part).images, same)
        assert new.shape != same.shape or (new != same).any()
    np.testing.assert_array_equal(pairs.images, again.images)
    assert (pairs.texts != again.texts).nnz == 0


def test_each_image_of_a_caption_is_drawn_about_equally_often(pairs):
    """The χ² of the counts about their expectation has its mean, within five deviations."""
    count = pairs.texts.shape[0]
    assert count + 1 == len(pairs.first) and pairs.first[-1] == len(pairs.images)
    numbered = replace(pairs, images=np.arange(len(pairs.images)))
    rng, times = np.random.default_rng(0), 200
    drawn = np.stack([numbered.draw(np.arange(count), rng) for _ in range(times)]).astype(int)
    assert (drawn >= pairs.first[:-1]).all() and (drawn < pairs.first[1:]).all()
    many = np.diff(pairs.first)
    expected = np.repeat(times / many, many)
    counts = np.bincount(drawn.ravel(), minlength=expected.size)
    chi2 = (np.square(counts - expected) / expected).sum()
    freedom = expected.size - count
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)


# Bad input.


@pytest.fixture
def without_a_font(tmp_path, monkeypatch):
    """A Matplotlib whose DejaVuSans is missing, and no glyphs that were read before."""
    for face in data.FACES:
        if face != "DejaVuSans":
            (tmp_path / f"{face}.ttf").symlink_to(data.FONTS / f"{face}.ttf")
    monkeypatch.setattr(data, "FONTS", tmp_path)
    monkeypatch.setattr(data, "glyphs", data.glyphs.__wrapped__)


def test_a_missing_font_is_named(without_a_font):
    with pytest.raises(data.FontsMissingError) as error:
        data.pairs(0)
    said = "the glyphs need Matplotlib's font DejaVuSans.ttf, which is not here"
    assert str(error.value) == said


@pytest.mark.parametrize("count", [3000, 2000, 1])
def test_too_few_characters_are_named(captions, count):
    says = rf"need 1024 captions .* 512 to validate .* and {count} characters leave \d+$"
    with pytest.raises(data.FontsMissingError, match=says):
        data.split(captions[:count], 0)


def test_a_class_without_examples_is_named(monkeypatch):
    monkeypatch.setattr(data, "CLASSES", data.CLASSES | {"Klingon": "KLINGON LETTER"})
    with pytest.raises(ValueError, match=r"^each class must have examples, 'Klingon' has none$"):
        data.pairs(0)
