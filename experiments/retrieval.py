"""Retrieval examples: the names nearest to images of held-out characters, with and without a gap.

The encoders are those of the tables, on glyphs and of the first seed. Which images are shown is
drawn at random from the seed, once for both methods.
"""

from __future__ import annotations

import textwrap
import unicodedata
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4 import glyphs, runs
from experiments.section_4.evaluation import embed, sample
from experiments.section_4.paired_data import HELD_OUT
from experiments.section_4.recipes import searched
from experiments.section_4.runs import Table
from gapdyn import measures, plotting

HEADS = {"Baseline": "learned temperature", "FLT 1e-1": "temperature fixed at 0.1"}
METHODS = tuple(HEADS)
SHOWN, NEAREST = 6, 5
"""Numbers of images, and of names for each."""


def compute(seed: int = 0, quick: bool = False, jobs: int = 1) -> Numbers:
    """Train both methods once, and find the names nearest to some images."""
    glyphs.check_fonts()
    grid = {"method": [*METHODS], "base_seed": [seed], "quick": [quick]}
    points = swept(nearest, grid, 1, jobs)
    characters, ink = glyphs.held_out(runs.seeds_of(seed, 0)[0])
    shown = points[0].value["shown"]
    about: dict[str, Any] = {"quick": quick, "pairs": HELD_OUT}
    about["methods"] = {p.parameters["method"]: p.value["about"] for p in points}
    rows = [
        (p.parameters["method"], image, rank, unicodedata.name(characters[j]), int(j == i), z)
        for p in points
        for image, (i, listed) in enumerate(zip(shown, p.value["listed"], strict=True), start=1)
        for rank, j, z in listed
    ]
    head = ("method", "image", "rank", "name", "right", "similarity")
    table: Table = dict(zip(head, map(np.array, zip(*rows, strict=True)), strict=True))
    return Numbers(table, about, arrays={"ink": ink[shown].astype(float)})


def nearest(method: str, base_seed: int, quick: bool, seed: int) -> dict[str, Any]:
    """Train a method, and rank all held-out names by their similarity to some held-out images.

    Of each image these are the ranks, indices and similarities of the nearest names, and of the
    right one if it is not among them.
    """
    setting, rate = runs.setting_of("glyphs", "reference", quick), searched()["glyphs", method]
    found = runs.trained("glyphs", setting, method, rate, base_seed, seed)
    X, Y = embed(found.model, found.y, found.pairs.held_out)
    chosen = sample(len(X), found.seed)
    text_retrieval, image_retrieval = measures.recall_at_1(X @ Y.T)
    about = {
        "rate": rate,
        "gap": measures.gap(X[chosen], Y[chosen]),
        "text_retrieval": 100 * text_retrieval,
        "image_retrieval": 100 * image_retrieval,
    }
    shown = np.random.default_rng(base_seed).permutation(len(X))[:SHOWN].tolist()
    return {"about": about, "shown": shown, "listed": [_listed(Y @ X[i], i) for i in shown]}


def _listed(similarity: Any, i: int) -> list[tuple[int, int, float]]:
    """Rank, index and similarity of the nearest names, and of name i."""
    order = np.argsort(-similarity, kind="stable").tolist()
    ranks = [*range(NEAREST), *([k] if (k := order.index(i)) >= NEAREST else [])]
    return [(k + 1, order[k], float(similarity[order[k]])) for k in ranks]


DRAWN = 3
"""Number of the nearest names that are drawn, and the right one where it is not among them."""
WIDTH, HEAD, LINE, PAD = plotting.WIDTH, 1.4, 0.148, 0.14
"""Width of the figure, and heights of its head, of a line, and between images, in inches."""
LEFT, COLUMN, LETTERS, BOLD = 0.68, 2.43, 35, 28
"""Where the first column of names begins, its width, and how many letters fit into a line."""


def draw(numbers: Numbers) -> Figure:
    """A row for each image: the image, and the nearest names by both methods."""
    lists = [
        [_lines(numbers, method, image) for method in METHODS] for image in range(1, SHOWN + 1)
    ]
    heights = [LINE * max(map(len, pair)) + PAD for pair in lists]
    height = HEAD + sum(heights) + PAD / 2
    figure = Figure(figsize=(WIDTH, height))
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0), xticks=[], yticks=[])
    ax.set_axis_off()
    figure.suptitle(_message(numbers), y=1 - 0.06 / height)
    _head(ax, numbers)
    top = HEAD
    for pair, ink, tall in zip(lists, numbers.arrays["ink"], heights, strict=True):
        ax.plot([0.1, WIDTH - 0.1], [top, top], color="0.8", lw=0.8)
        _image(ax, ink, (0.31, top + tall / 2))
        for k, lines in enumerate(pair):
            _names(ax, lines, LEFT + k * COLUMN, top + PAD / 2 + LINE / 2)
        top += tall
    return figure


Line = tuple[str, str, bool]
"""Rank, text, and whether it is of the right name."""


def _lines(numbers: Numbers, method: str, image: int) -> list[Line]:
    """The lines of one list; a long name takes several, and its rank stands in the first."""
    rows = numbers.rows(method=method, image=image)
    drawn = (rows["rank"] <= DRAWN) | (rows["right"] == 1)
    listed = (rows[key][drawn] for key in ("rank", "name", "right"))
    return [
        ("" if k else f"{rank:.0f}", text, bool(right))
        for rank, name, right in zip(*listed, strict=True)
        for k, text in enumerate(_wrapped(name.lower(), BOLD if right else LETTERS))
    ]


def _wrapped(name: str, letters: int) -> list[str]:
    """As few lines as fit, of about the same length."""
    tries = [textwrap.wrap(name, k, break_on_hyphens=False) for k in range(1, letters + 1)]
    return next(lines for lines in tries if len(lines) == len(tries[-1]))


def _names(ax: Axes, lines: list[Line], left: float, top: float) -> None:
    """One list: the right name has a tick, and is bold."""
    for k, (rank, text, right) in enumerate(lines):
        style: Any = {"weight": "bold"} if right else {"color": "0.3"}
        style |= {"size": 8, "va": "center"}
        y = top + k * LINE
        ticked = f"✓ {rank}" if right and rank else rank
        ax.text(left + 0.24, y, ticked, ha="right", **style)
        ax.text(left + 0.31, y, text, **style)


def _image(ax: Axes, ink: Any, at: tuple[float, float]) -> None:
    """One image, dark on light."""
    square = ink.reshape(glyphs.SIDE, glyphs.SIDE)
    picture = OffsetImage(square, zoom=1.45, cmap="Greys", interpolation="nearest")
    ax.add_artist(AnnotationBbox(picture, at, pad=0.1, bboxprops={"ec": "0.7", "lw": 0.6}))


def _message(numbers: Numbers) -> str:
    """What both methods reach."""
    first, second = (numbers.parameters["methods"][method] for method in METHODS)
    message = (
        f"A fixed temperature makes the gap {second['gap']:.2f} rather than {first['gap']:.2f},"
        f" and of {numbers.parameters['pairs']:,} names the right one is nearest to"
        f" {second['text_retrieval']:.0f} % of the images rather than to"
        f" {first['text_retrieval']:.0f} %"
    )
    return textwrap.fill(message, 72)


def _head(ax: Axes, numbers: Numbers) -> None:
    """What is shown, and what was measured of both methods."""
    note = (
        "Small networks, trained on other characters that fonts draw and on their names.\n"
        f"The {DRAWN} names nearest to an image; bold with ✓: the right one, with its rank."
    )
    ax.text(0.1, 0.5, note, va="top", size=8)
    for k, method in enumerate(METHODS):
        text = (
            "{}: gap {gap:.3f}\n"
            "right name first: {text_retrieval:.1f} % of images\n"
            "right image first: {image_retrieval:.1f} % of names"
        ).format(HEADS[method], **numbers.parameters["methods"][method])
        ax.text(LEFT + k * COLUMN, 0.9, text, va="top", size=8)
