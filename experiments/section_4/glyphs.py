"""Images and captions: the characters of Matplotlib's fonts, and their names in Unicode.

A character that a font draws is an image. Its name, which people wrote, is the caption: "LATIN
SMALL LETTER O WITH CIRCUMFLEX AND ACUTE". Sixteen faces give several images for most captions.

Images are made from outlines in the units of the font, so that they do not depend on the hinting of
a version of FreeType. Names of characters never change in Unicode. `unlike_committed` says whether
the glyphs here are nevertheless others than those of the committed results.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast

import matplotlib
import numpy as np
import scipy.sparse
from matplotlib import ft2font
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Bbox
from numpy.typing import NDArray

from experiments.section_4.paired_data import HELD_OUT, VALIDATION, Labelled, Matched, Pairs
from gapdyn.types import Array

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
STYLES = {
    "DejaVuSans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSerif": ("", "-Bold", "-Italic", "-BoldItalic"),
    "STIXGeneral": ("", "Bol", "Italic", "BolIta"),
}
FACES = tuple(family + style for family, styles in STYLES.items() for style in styles)

SIDE, EM, DESCENT = 20, 16, 5
"""Pixels of an image in each direction, of an em, and below the baseline."""
WITHOUT_IMAGE = "ZCM"
"""First letters of the Unicode categories of spaces, controls and combining marks."""

LEAST_NAMES = 3
"""A word counts if so many names of training characters have it."""
OTHERS = 2300
"""Number of characters that are no training characters: enough for VALIDATION and HELD_OUT pairs
with captions that differ from each other and from those of the training."""

CLASSES = {
    "Latin small": "LATIN SMALL LETTER",
    "Latin capital": "LATIN CAPITAL LETTER",
    "Greek": "GREEK",
    "Cyrillic": "CYRILLIC",
    "Arabic": "ARABIC",
    "Armenian": "ARMENIAN",
    "Canadian syllabics": "CANADIAN SYLLABICS",
    "Braille": "BRAILLE PATTERN",
    "mathematical": "MATHEMATICAL",
    "box drawings": "BOX DRAWINGS",
    "circled": "CIRCLED",
    "arrows": "ARROW",
}
"""The words that name each class, which are its prompt; its characters have them in their names."""

COMMITTED = Path(__file__).with_name("glyphs.json")
"""Digests of the glyphs that the committed results are made of."""


class FontsMissingError(OSError):
    """Matplotlib lacks a font here, or its fonts have too few characters."""


class Glyphs(NamedTuple):
    """All images, in the order of characters and then of FACES.

    Attributes
    ----------
    characters : str
        The characters, each once, in the order of their code points.
    first : (characters + 1,) array
        Images first[i] to first[i + 1] - 1 are of character i.
    faces : (N,) array
        The face of each image, an index of FACES.
    images : (N, SIDE²) array of uint8
        Ink from 0 to 255, row by row from the top.
    """

    characters: str
    first: NDArray[np.intp]
    faces: NDArray[np.intp]
    images: NDArray[np.uint8]


@cache
def glyphs() -> Glyphs:
    """Read all faces; a FontsMissingError if one is not there."""
    drawn = [(code, face, ink) for face, name in enumerate(FACES) for code, ink in draw_face(name)]
    drawn.sort(key=lambda glyph: glyph[:2])
    codes, faces, images = zip(*drawn, strict=True)
    characters, first = np.unique(codes, return_index=True)
    return Glyphs(
        "".join(map(chr, characters)),
        np.append(first, len(codes)),
        np.array(faces),
        np.array(images),
    )


def check_fonts() -> None:
    """Raise a FontsMissingError if a face is not there: before processes start that need it."""
    for name in FACES:
        _file(name)


def draw_face(name: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Code points and images of the characters of one face that have a name and ink."""
    outlines = dict(_outlines(name))
    across = 64
    down = -(-len(outlines) // across)
    sheet = cast("Any", RendererAgg)(across * SIDE, down * SIDE, 72)  # it is untyped
    pen = sheet.new_gc()
    pen.set_linewidth(0)
    pen.set_snap(False)
    for k, (outline, scale) in enumerate(outlines.values()):
        row, column = divmod(k, across)
        cell = Bbox.from_bounds(column * SIDE, (down - 1 - row) * SIDE, SIDE, SIDE)
        pen.set_clip_rectangle(cell)
        x = np.asarray(outline.vertices)[np.asarray(outline.codes) != Outline.CLOSEPOLY, 0]
        middle = scale * (x.min() + x.max()) / 2
        place = (cell.x0 + SIDE / 2 - middle, cell.y0 + DESCENT)
        sheet.draw_path(pen, outline, Affine2D().scale(scale).translate(*place), (0, 0, 0, 1))
    ink = np.asarray(sheet.buffer_rgba())[:, :, 3]
    cells = ink.reshape(down, SIDE, across, SIDE).swapaxes(1, 2).reshape(-1, SIDE * SIDE)
    for code, image in zip(outlines, cells, strict=False):
        if image.any():
            yield code, image


def _file(name: str) -> Path:
    """The file of a face."""
    file = FONTS / f"{name}.ttf"
    if not file.is_file():
        raise FontsMissingError(f"the glyphs need Matplotlib's font {file.name}, which is not here")
    return file


def _outlines(name: str) -> Iterator[tuple[int, tuple[Outline, float]]]:
    """Code points, outlines in units of the font, and pixels a unit."""
    font = ft2font.FT2Font(str(_file(name)))
    flags = _flag("NO_SCALE") | _flag("IGNORE_TRANSFORM")
    for code, index in sorted(font.get_charmap().items()):
        character = chr(code)
        named = unicodedata.name(character, "")
        if named and unicodedata.category(character)[0] not in WITHOUT_IMAGE:
            font.load_glyph(index, flags=flags)
            vertices, codes = font.get_path()
            if len(vertices):
                # Matplotlib takes coordinates for 64ths of a pixel.
                yield code, (Outline(64 * vertices, codes), EM / font.units_per_EM)


def _flag(name: str) -> Any:
    """A flag of FreeType, under its name in Matplotlib since 3.10 or before."""
    flags = getattr(ft2font, "LoadFlags", None)
    return getattr(flags, name) if flags else getattr(ft2font, f"LOAD_{name}")


def digests(read: Glyphs) -> dict[str, str]:
    """A digest of the images of each face, and one of all captions."""
    codes = np.repeat([ord(c) for c in read.characters], np.diff(read.first))
    found = {
        name: _digest(codes[read.faces == k].tobytes(), read.images[read.faces == k].tobytes())
        for k, name in enumerate(FACES)
    }
    return found | {"captions": _digest(*(unicodedata.name(c).encode() for c in read.characters))}


def _digest(*parts: bytes) -> str:
    return sha256(b"\n".join(parts)).hexdigest()[:16]


def unlike_committed() -> str | None:
    """In what the glyphs here differ from those of the committed results; None if in nothing."""
    known, here = json.loads(COMMITTED.read_text(encoding="utf-8")), digests(glyphs())
    changed = [name for name in here if here[name] != known.get(name)]
    if not changed:
        return None
    named = [name if name == "captions" else f"images of {name}" for name in changed]
    return f"other glyphs than those of the committed results: {', '.join(named)} differ"


def words(character: str) -> list[str]:
    """The caption of a character: its name, with hyphens split."""
    return unicodedata.name(character).replace("-", " ").split()


def classes(captions: Sequence[Sequence[str]]) -> NDArray[np.int_]:
    """The class of each caption: of those whose words it has, the one that it names first, or -1.

    So a circled letter of the Latin alphabet is circled, and not Latin.
    """
    spaced = [f" {' '.join(caption)} " for caption in captions]
    at = np.array([[caption.find(f" {name} ") for name in CLASSES.values()] for caption in spaced])
    return np.where((at >= 0).any(axis=1), np.where(at < 0, np.inf, at).argmin(axis=1), -1)


class Split(NamedTuple):
    """Characters by their indices, and the words of the captions.

    Attributes
    ----------
    training : list of lists
        For each distinct training caption its characters.
    validation, held_out : lists
        One character for each caption, none of which is that of another or of a training character.
    others : list
        All characters that are not for training or validation.
    vocabulary : dict
        The column of each word.
    """

    training: list[list[int]]
    validation: list[int]
    held_out: list[int]
    others: list[int]
    vocabulary: dict[str, int]


def split(captions: Sequence[Sequence[str]], seed: int) -> Split:
    """Divide characters at random; a FontsMissingError if there are too few.

    Words of fewer than LEAST_NAMES training names are left out, so that characters may come to
    share a bag of words. Such characters count as one. Those without any word left are left out.
    """
    order = np.random.default_rng(seed).permutation(len(captions)).tolist()
    others, training = order[:OTHERS], sorted(order[OTHERS:])
    counts = Counter(word for i in training for word in set(captions[i]))
    known = sorted(word for word, count in counts.items() if count >= LEAST_NAMES)
    bags = [frozenset(caption).intersection(known) for caption in captions]
    merged: dict[frozenset[str], list[int]] = {}
    for i in filter(bags.__getitem__, training):
        merged.setdefault(bags[i], []).append(i)
    fresh = list({bags[i]: i for i in others if bags[i] and bags[i] not in merged}.values())
    if len(fresh) < HELD_OUT + VALIDATION:
        raise FontsMissingError(
            f"the glyphs need {HELD_OUT} captions to test on and {VALIDATION} to validate on that"
            f" are not in the training, and {len(captions)} characters leave {len(fresh)}"
        )
    held_out, validation = fresh[:HELD_OUT], fresh[HELD_OUT : HELD_OUT + VALIDATION]
    rest = sorted(set(others) - set(validation))
    vocabulary = {word: k for k, word in enumerate(known)}
    return Split(list(merged.values()), validation, held_out, rest, vocabulary)


def twins(bags: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    """Disjoint pairs of bags that differ in one word: one has it in place of another."""
    by_rest: dict[frozenset[str], list[int]] = {}
    for i, bag in enumerate(bags):
        for word in sorted(bag):
            by_rest.setdefault(bag - {word}, []).append(i)
    found, taken = [], set()
    for group in by_rest.values():
        free = [i for i in group if i not in taken]
        chosen = free[: len(free) // 2 * 2]
        taken.update(chosen)
        found += list(zip(chosen[::2], chosen[1::2], strict=True))
    return found


def pairs(seed: int) -> Pairs:
    """Images and captions, divided at random into training, validation and held-out characters.

    The mean of each pixel over the training images is subtracted, and images are divided by the
    standard deviation of all their pixels about these means. A caption is a bag of words: one
    number in the column of each word, such that the mean square of all training entries is 1, as
    that of the pixels is.

    Parameters
    ----------
    seed : int
        Decides which characters are held out, and which of its images stands for a held-out
        character.

    Raises
    ------
    FontsMissingError
        If this Matplotlib lacks a font or has too few characters.
    ValueError
        If a class has no example.
    """
    read = glyphs()
    captions = [words(c) for c in read.characters]
    parts = split(captions, seed)
    rng = np.random.default_rng((seed, 1))
    images_of = [np.arange(*ends) for ends in zip(read.first, read.first[1:], strict=False)]
    rows = [np.concatenate([images_of[i] for i in merged]) for merged in parts.training]
    kept = read.images[np.concatenate(rows)].astype(np.float32)
    centre = kept.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.sqrt(np.square(kept - centre).mean(dtype=np.float64)).astype(np.float32)
    counts = bags([captions[merged[0]] for merged in parts.training], parts.vocabulary)
    value = 1 / np.sqrt(counts.mean())

    def images(characters: Sequence[int]) -> Array:
        """One image of each character."""
        return np.asarray((read.images[_one_of_each(read, characters, rng)] - centre) / scale)

    def texts(captions: Sequence[Sequence[str]]) -> Any:
        return value * bags(captions, parts.vocabulary)

    def matched(characters: Sequence[int]) -> Matched:
        return Matched(images(characters), texts([captions[i] for i in characters]))

    def labelled(characters: Sequence[int]) -> Labelled:
        named = classes([captions[i] for i in characters])
        known = np.flatnonzero(named >= 0)
        for k, name in enumerate(CLASSES):
            if k not in named:
                raise ValueError(f"each class must have examples, {name!r} has none")
        return Labelled(images([characters[k] for k in known.tolist()]), named[known])

    held = matched(parts.held_out)
    words_of = [frozenset(captions[i]).intersection(parts.vocabulary) for i in parts.held_out]
    ones = np.array(twins(words_of)).T
    return Pairs(
        images=(kept - centre) / scale,
        first=np.cumsum([0, *map(len, rows)]),
        texts=value * counts,
        validation=matched(parts.validation),
        held_out=held,
        twins=(held.rows(ones[0]), held.rows(ones[1])),
        labelled=labelled([i for merged in parts.training for i in merged]),
        unlabelled=labelled(parts.others),
        prompts=texts([text.split() for text in CLASSES.values()]),
    )


def _one_of_each(
    read: Glyphs, characters: Sequence[int], rng: np.random.Generator
) -> list[np.intp]:
    """One image of each character, at random."""
    return [rng.choice(np.arange(read.first[i], read.first[i + 1])) for i in characters]


def held_out(seed: int) -> tuple[str, NDArray[np.uint8]]:
    """The characters of the held-out pairs of `pairs(seed)`, and the ink of their images."""
    read = glyphs()
    chosen = split([words(c) for c in read.characters], seed).held_out
    images = _one_of_each(
        read, chosen, np.random.default_rng((seed, 1))
    )  # `pairs` draws them first
    return "".join(read.characters[i] for i in chosen), read.images[images]


def bags(captions: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> Any:
    """Sparse rows (captions, words): 1 in the column of each word of a caption."""
    columns = [sorted(vocabulary[w] for w in set(c) if w in vocabulary) for c in captions]
    ends = np.cumsum([0, *map(len, columns)])
    entries = np.concatenate([np.array(c, dtype=np.intp) for c in columns])
    shape = (len(captions), len(vocabulary))
    return scipy.sparse.csr_array((np.ones(len(entries)), entries, ends), shape=shape)
