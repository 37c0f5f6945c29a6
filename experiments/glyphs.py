"""Section 4's images and captions: characters of Matplotlib's fonts, and their names in Unicode.

A sample of what the encoders learn from, and how many characters, images and captions there are in
each part and class. `docs/glyphs.md` says how they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from experiments.record import Numbers
from experiments.section_4 import glyphs as data
from experiments.section_4.glyphs import CLASSES, FACES, Glyphs, Split
from gapdyn.plotting import WIDTH
from gapdyn.types import Array

CAPTIONED = "ốЖ∯♞⇝ᓂ⠓ﺵ"
IN_ALL_FACES = "Å∂Ω"
FAMILIES = ("DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "STIX General")
EXAMPLES, SHOWN, TWINS = 6, 4, 6
"""Characters chosen of each class, how many of them are drawn, and pairs of held-out characters."""
LONGEST = 36
"""Letters of a caption for which a column has room beside two images."""
SIZE, STEP = 0.25, 0.27
"""Inches of an image, of 20 × 20 pixels, and from one to the next."""
EDGE, COLUMN = 0.1, 2.7
"""Inches left of the drawing, and from its left column to the right one."""


def compute(seed: int = 0, quick: bool = False) -> Numbers:
    """Count, and choose at random what is drawn of classes and held-out pairs; `quick` is idle."""
    read = data.glyphs()
    captions = [data.words(character) for character in read.characters]
    parts = data.split(captions, seed)
    rng = np.random.default_rng(seed)
    of_class = data.classes(captions)
    chosen = [
        rng.choice(np.flatnonzero(of_class == k), EXAMPLES, replace=False)
        for k in range(len(CLASSES))
    ]
    shown = twins_to_show(captions, parts, of_class, rng)
    return Numbers(
        table=counts(read, captions, parts, of_class),
        parameters={
            "faces": list(FACES),
            "words": len(parts.vocabulary),
            "pairs_that_differ_in_one_word": len(data.twins(bags(captions, parts.held_out, parts))),
            "captioned": CAPTIONED,
            "in_all_faces": IN_ALL_FACES,
            "twins": ["".join(read.characters[i] for i in pair) for pair in shown],
            "remark": data.unlike_committed(),
        },
        arrays={
            "captioned": np.stack([face_images(read, c)[first_face(read, c)] for c in CAPTIONED]),
            "in_all_faces": np.stack([face_images(read, c) for c in IN_ALL_FACES]),
            "classes": np.stack([read.images[read.first[row]] for row in chosen]) / 255,
            "twins": np.stack([read.images[read.first[pair]] for pair in shown]) / 255,
        },
    )


def face_images(read: Glyphs, character: str) -> Array:
    """Images of a character in all faces, (faces, pixels); nan in a face that does not have it."""
    i = read.characters.index(character)
    here = slice(read.first[i], read.first[i + 1])
    images = np.full((len(FACES), read.images.shape[1]), np.nan)
    images[read.faces[here]] = read.images[here] / 255
    return images


def first_face(read: Glyphs, character: str) -> int:
    """The first face that has a character."""
    return int(read.faces[read.first[read.characters.index(character)]])


def bags(
    captions: Sequence[Sequence[str]], characters: Sequence[int], parts: Split
) -> list[frozenset[str]]:
    """The words of the captions of some characters that count."""
    return [frozenset(captions[i]).intersection(parts.vocabulary) for i in characters]


def twins_to_show(
    captions: Sequence[Sequence[str]],
    parts: Split,
    of_class: NDArray[np.int_],
    rng: np.random.Generator,
) -> list[list[int]]:
    """Short names of held-out characters that differ in one word, from different classes."""
    pairs = np.array(data.twins(bags(captions, parts.held_out, parts)))
    shown: dict[int, list[int]] = {}
    for pair in rng.permutation(np.array(parts.held_out)[pairs]).tolist():
        one, other = (set(captions[i]) for i in pair)
        short = max(len(" ".join(captions[i])) for i in pair) <= LONGEST
        if short and len(one ^ other) == 2 and of_class[pair[0]] >= 0:
            shown.setdefault(int(of_class[pair[0]]), pair)
    return [shown[k] for k in sorted(shown)][:TWINS]


def counts(
    read: Glyphs, captions: Sequence[Sequence[str]], parts: Split, of_class: NDArray[np.int_]
) -> dict[str, NDArray[Any]]:
    """Numbers of characters, images and different captions in each part, by class."""
    members = {
        "all": range(len(captions)),
        "training": [i for merged in parts.training for i in merged],
        "validation": parts.validation,
        "held out": parts.held_out,
        "to classify": parts.others,
    }
    sizes, rows = np.diff(read.first), []
    for part, characters in members.items():
        of_part = np.array(characters)
        for name, prompt in (CLASSES | {"none": "", "any": ""}).items():
            k = [*CLASSES, "none"].index(name) if name != "any" else None
            label = -1 if name == "none" else k
            chosen = of_part if k is None else of_part[of_class[of_part] == label]
            different = set(bags(captions, chosen.tolist(), parts)) - {frozenset()}
            rows.append((part, name, prompt, len(chosen), sizes[chosen].sum(), len(different)))
    names = ("part", "class", "prompt", "characters", "images", "captions")
    return dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))


def draw(numbers: Numbers) -> Figure:
    """Captions and faces, one below the other."""
    return stacked(
        numbers,
        "Images and captions without a download:\n"
        "characters that fonts draw, and their names in Unicode",
        {draw_captions: 1.6, draw_faces: 1.75},
    )


def draw_tasks(numbers: Numbers) -> Figure:
    """Classes and twins, one below the other."""
    return stacked(
        numbers,
        "Two tests of what encoders have learnt: the class of a character,\n"
        "and which of two names belongs to which of two images",
        {draw_classes: 1.75, draw_twins: 1.85},
    )


MORE = {"tasks": draw_tasks}


def stacked(
    numbers: Numbers, title: str, panels: dict[Callable[[Axes, Numbers], None], float]
) -> Figure:
    """Panels of given heights in inches, whose units are inches too, below a title."""
    bottom = height = sum(panels.values()) + 0.35 * len(panels) + 0.5
    figure = Figure(figsize=(WIDTH, height))
    figure.suptitle(title, y=1 - 0.1 / height, va="top")
    bottom -= 0.4
    for draw_panel, inches in panels.items():
        bottom -= inches + 0.35
        ax = figure.add_axes((EDGE / WIDTH, bottom / height, 1 - EDGE / WIDTH, inches / height))
        draw_panel(ax, numbers)
        ax.set(xlim=(0, WIDTH - EDGE), ylim=(inches, 0))
        ax.set_axis_off()
    return figure


def stamp(ax: Axes, image: Array, x: float, y: float) -> None:
    """Draw an image in a thin frame, with its upper left corner at x, y in inches."""
    extent = (x, x + SIZE, y + SIZE, y)
    options: Any = {"aspect": "auto", "interpolation": "nearest", "cmap": "gray_r"}
    ax.imshow(image.reshape(data.SIDE, data.SIDE), vmin=0, vmax=1, extent=extent, **options)
    ax.add_patch(Rectangle((x, y), SIZE, SIZE, fill=False, edgecolor="0.75", lw=0.5))


def heading(ax: Axes, text: str) -> None:
    """Set what a panel shows above it."""
    ax.set_title(text, pad=6)


def write(ax: Axes, x: float, y: float, text: str, **options: Any) -> None:
    """Write small text, whose middle is at height y."""
    ax.text(x, y, text, va="center", **options)


def draw_captions(ax: Axes, numbers: Numbers) -> None:
    """Images with their captions, in two columns."""
    heading(ax, "(a) eight images, each with its caption")
    characters = numbers.parameters["captioned"]
    for k, (image, c) in enumerate(zip(numbers.arrays["captioned"], characters, strict=True)):
        x, y = k // 4 * COLUMN, k % 4 * 0.4
        stamp(ax, image, x, y)
        write(ax, x + 0.33, y + SIZE / 2, fill(" ".join(data.words(c)), 28))


def draw_faces(ax: Axes, numbers: Numbers) -> None:
    """Draw characters in all faces, each row below its caption."""
    heading(ax, "(b) sixteen faces draw each caption; a step of training takes one of its images")
    left = [STEP * k + 0.25 * (k // 4) for k in range(len(FACES))]
    for x, family in zip(left[::4], FAMILIES, strict=True):
        write(ax, x, 0.07, family)
    characters = numbers.parameters["in_all_faces"]
    for j, (row, c) in enumerate(zip(numbers.arrays["in_all_faces"], characters, strict=True)):
        y = 0.38 + 0.5 * j
        write(ax, 0, y - 0.08, " ".join(data.words(c)))
        for x, image in zip(left, row, strict=True):
            stamp(ax, image, x, y + 0.02)


def draw_classes(ax: Axes, numbers: Numbers) -> None:
    """Draw the prompt of each class, the number of its characters, and examples."""
    heading(ax, "(a) twelve classes: name, number of characters, examples")
    sizes = numbers.rows(part="all")["characters"]
    classes = zip(CLASSES.values(), numbers.arrays["classes"], strict=True)
    for k, (prompt, row) in enumerate(classes):
        x, y = k // 6 * COLUMN, k % 6 * STEP
        write(ax, x, y + SIZE / 2, f"{prompt}, {sizes[k]:,}")
        for i, image in enumerate(row[:SHOWN]):
            stamp(ax, image, x + 1.53 + STEP * i, y)


def draw_twins(ax: Axes, numbers: Numbers) -> None:
    """Draw both images of held-out pairs, and their captions with the other word in bold."""
    heading(ax, "(b) pairs of unseen characters whose names differ in one word (bold)")
    pairs = zip(numbers.arrays["twins"], numbers.parameters["twins"], strict=True)
    for k, (images, characters) in enumerate(pairs):
        x, y = k % 2 * COLUMN, k // 2 * 0.62
        captions = [data.words(c) for c in characters]
        for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
            stamp(ax, image, x, y + STEP * i)
            write(ax, x + 0.33, y + STEP * i + SIZE / 2, _other(caption, captions[1 - i]))


def _other(caption: Sequence[str], beside: Sequence[str]) -> str:
    """A caption with what it does not share in bold, in two lines where it is long."""
    lines = fill(" ".join(caption), 28).splitlines()
    bold = [[w if w in beside else rf"$\bf{{{w}}}$" for w in line.split()] for line in lines]
    return "\n".join(map(" ".join, bold))
