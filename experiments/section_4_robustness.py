"""Which conclusions survive the recipe: Section 4 on glyphs under twelve recipes of training.

The 1,008 trainings are committed, as they take hours; `--full` trains them again. This also writes
`docs/robustness.md`, with the numbers behind each verdict.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.record import Numbers, read
from experiments.section_4 import robustness, runs
from experiments.section_4.recipes import VARIANTS
from experiments.section_4.runs import Table
from experiments.section_4.verdicts import NOT, REPRODUCED, UNDECIDED
from gapdyn import plotting
from gapdyn.files import write_columns

TRAININGS = Path(__file__).parent / "section_4" / "robustness.csv"
"""All trainings of seed 0: a row for each recipe, method and seed."""


def compute(
    seed: int = 0,
    quick: bool = False,
    jobs: int = 1,
    folder: Path | None = None,
    full: bool = False,
) -> Numbers:
    """Verdicts from the committed trainings, which are of seed 0, or with `full` from new ones.

    With `full` and seed 0 the new trainings become the committed ones. With `quick` there is the
    recipe of reference alone, for one epoch, whose trainings `tables` shares.
    """
    committed = not quick and (seed == 0 or not full)
    trainings, journal = _trainings(seed, quick, jobs, folder, full)
    table = robustness.decided(trainings)
    more = {"counts": robustness.counts(table), "recipes": robustness.baselines(trainings)}
    if not committed:
        more["by_seed"] = trainings
    of = f"those of seed 0 in `{TRAININGS.name}`" if committed else f"new ones of seed {seed}"
    return Numbers(
        table,
        parameters={
            "trainings": of,
            "seeds": int(trainings["repeat"].max()) + 1,
            "quick": quick,
            "not_tried": robustness.not_tried(trainings),
            "recipes": {name: VARIANTS[name].to_dict() for name in robustness.recipes(trainings)},
        },
        more=more,
        journal=journal,
    )


def _trainings(
    seed: int, quick: bool, jobs: int, folder: Path | None, full: bool
) -> tuple[Table, Path | None]:
    """The trainings, and the file that kept them while they were computed."""
    if quick:
        return runs.trainings(seed, quick, jobs, folder), runs.journal(seed, quick, folder)
    if full:
        trainings = runs.train_all(seed, quick, jobs, folder, robustness=True)
        if seed == 0:
            write_columns(TRAININGS, trainings)
        return trainings, runs.journal(seed, quick, folder, robustness=True)
    if not TRAININGS.is_file():
        raise FileNotFoundError(f"there is no {TRAININGS}: --full trains all recipes and writes it")
    return read(TRAININGS), None


def report(numbers: Numbers) -> tuple[str, str]:
    """Name and text of the page on all recipes."""
    return "robustness.md", robustness.markdown(numbers)


PAPER = "the paper, as plotted"
"""The column of the paper's own numbers."""

MARKS: dict[str, dict[str, Any]] = {
    REPRODUCED: {"marker": "o", "color": plotting.SHADES[1], "ms": 6},
    UNDECIDED: {"marker": "_", "color": "0.5", "ms": 5, "mew": 1.2},
    NOT: {"marker": "X", "color": plotting.SHADES[3], "ms": 6.5, "mec": "none"},
}
"""A disc, a dash and a cross, which differ without their colours."""

WORDED = {
    "reference": "as in our tables",
    "width 64": "hidden layer of 64",
    "width 256": "hidden layer of 256",
    "d = 32": "32 dimensions",
    "d = 128": "128 dimensions",
    "a third of the rate": "learning rate / 3",
    "three times the rate": "learning rate × 3",
    "batch 128": "batches of 128",
    "batch 512": "batches of 512",
    "Matching of pairs of pairs has no strong correlation with gap or uniformity": (
        "Matching two images with two texts has no strong correlation with gap or uniformity"
    ),
    "Softplus ends the training with a smaller gap (our test of a rate)": (
        "A temperature learned through softplus ends with a smaller gap (our test)"
    ),
    "Retrieval stops rising: in the sweep of Table 3 it is best strictly inside": (
        "Retrieval is best between the ends of the fixed temperatures of Table 3"
    ),
    "Each method with a smaller gap in Tables 2 to 5 shrinks it": (
        "Every method with a smaller gap in the paper's Tables 2 to 5 shrinks it"
    ),
    "Hard swapping all the time (p = 1) hurts": (
        "Hard swapping all the time hurts retrieval and the linear probe"
    ),
}
"""What recipes and conclusions are called in the picture, if not by their names."""

NOTES = """\
Undecided: the spread over methods or seeds is too wide, or a method hardly acted.
The paper, as plotted: its own numbers, by the same rules, of the methods in its figures.
Retrieval: how often the partner is the nearest. Zero-shot: the class whose words are nearest.
Linear probe: a classifier of embeddings. Uniformity: how evenly they spread. Hard swapping
exchanges their entries."""

DATA = """Conclusions of the paper's Section 4,
tested on small networks and glyphs:
images of characters, with their names
as texts. A column is a recipe of training."""

ROW, HEAD, FOOT = 0.25, 1.5, 0.95
"""Heights in inches of a row, of title and recipes above the rows, and of notes below them."""
LEFT, LETTERS = 2.62, 44
"""Width of the conclusions at the left in inches, and how many letters fit into a line."""


def draw(numbers: Numbers) -> Figure:
    """A row for each conclusion, a column for each recipe, and at the right the number reproduced.

    The first column has the paper's own numbers.
    """
    counts = numbers.more["counts"]
    recipes = numbers.more["recipes"]["recipe"].tolist()
    places = _places(counts)
    rows = max(places.values()) + 1
    height = HEAD + ROW * rows + FOOT
    figure = Figure(figsize=(plotting.WIDTH, height))
    area = (LEFT / plotting.WIDTH, FOOT / height, 0.99 - LEFT / plotting.WIDTH, ROW * rows / height)
    limits: Any = {"xlim": (-0.5, len(recipes) + 1.5), "ylim": (rows - 0.5, -0.5)}
    ax = figure.add_axes(area, xticks=[], yticks=[], **limits)
    ax.set_axis_off()
    _stripes(ax, [PAPER, *(WORDED.get(name, name) for name in recipes)], places)
    _marks(ax, numbers, [PAPER, *recipes], places)
    _conclusions(ax, counts, places)
    _counts(ax, counts, len(recipes) + 1, places)
    figure.suptitle(textwrap.fill(robustness.message(counts), 76), y=1 - 0.06 / height)
    figure.text(0.02, 1 - 0.55 / height, DATA, va="top")
    handles = [Line2D([], [], ls="", label=name, **style) for name, style in MARKS.items()]
    figure.legend(handles=handles, loc="lower center", ncols=3, title=NOTES)
    return figure


def _places(counts: Table) -> dict[str, float]:
    """The height of each conclusion: a row for a heading is above those printed, and unsaid."""
    said = counts["printed"].astype(bool)
    return {
        name: k + (1.0 if said[k] else 2.1) for k, name in enumerate(counts["conclusion"].tolist())
    }


def _stripes(ax: Axes, columns: list[str], places: dict[str, float]) -> None:
    """What leads the eye along rows and columns, and the names of the recipes."""
    for place in list(places.values())[::2]:
        ax.axhspan(place - 0.5, place + 0.5, color="0.95", lw=0)
    for k in (0.5, len(columns) - 0.5):
        ax.axvline(k, color="0.6", lw=0.8)
    for k, name in enumerate([*columns, "recipes that agree"]):
        ax.text(k, 0.3, name, rotation=90, ha="center", va="bottom")


def _marks(ax: Axes, numbers: Numbers, columns: list[str], places: dict[str, float]) -> None:
    """The mark of each verdict."""
    table, counts = numbers.table, numbers.more["counts"]
    for name, verdict in zip(counts["conclusion"], counts["paper"], strict=True):
        ax.plot(0, places[name], ls="", **MARKS[verdict])
    for recipe, name, verdict in zip(
        *(table[key] for key in ("recipe", "conclusion", "verdict")), strict=True
    ):
        ax.plot(columns.index(recipe), places[name], ls="", **MARKS[verdict])


def _conclusions(ax: Axes, counts: Table, places: dict[str, float]) -> None:
    """What is concluded, under a heading for what the paper prints and one for what it does not."""
    left: Any = {"xytext": (-3, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
    for name, place in places.items():
        words = textwrap.fill(WORDED.get(name, name), LETTERS)
        ax.annotate(words, (-0.5, place), linespacing=1.0, **left)
    for said, heading in ((1, "The paper prints"), (0, "Its tables show, unsaid")):
        first = counts["conclusion"][counts["printed"] == said][0]
        ax.annotate(heading, (-0.5, places[first] - 1), weight="bold", **left)


def _counts(ax: Axes, counts: Table, right: int, places: dict[str, float]) -> None:
    """The number of recipes under which each conclusion is reproduced."""
    for place, count in zip(places.values(), counts[REPRODUCED].tolist(), strict=True):
        ax.text(right, place, str(count), ha="center", va="center")
