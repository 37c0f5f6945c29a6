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


PAPER = "the paper"
"""The column of the paper's own numbers."""

MARKS: dict[str, dict[str, Any]] = {
    REPRODUCED: {"marker": "o", "color": "#2f7ebc", "ms": 7},
    UNDECIDED: {"marker": "_", "color": "0.5", "ms": 7, "mew": 1.6},
    NOT: {"marker": "X", "color": "#b23a48", "ms": 7, "mec": "none"},
}
ROW, HEAD, FOOT = 0.285, 1.55, 0.55
"""Heights in inches of a row, of title and recipes above the rows, and of the key below them."""
WIDTH, LEFT = 7.2, 3.1
"""Width of the figure and of the conclusions at its left, in inches."""


def draw(numbers: Numbers) -> Figure:
    """A row for each conclusion, a column for each recipe, and at the right the counts.

    The first column has the paper's own numbers.
    """
    counts = numbers.more["counts"]
    columns = [PAPER, *numbers.more["recipes"]["recipe"].tolist()]
    places = _places(counts)
    rows = max(places.values()) + 1
    height = HEAD + ROW * rows + FOOT
    figure = Figure(figsize=(WIDTH, height))
    area = (LEFT / WIDTH, FOOT / height, 1 - LEFT / WIDTH - 0.01, ROW * rows / height)
    ax = figure.add_axes(area, xlim=(-0.5, len(columns) + 2.6), ylim=(rows - 0.5, -0.5))
    ax.set_axis_off()
    _stripes(ax, columns, places)
    _marks(ax, numbers, columns, places)
    _conclusions(ax, counts, places)
    _counts(ax, counts, len(columns), places)
    title = textwrap.fill(robustness.message(counts), 88)
    figure.text(0.012, 1 - 0.08 / height, title, va="top", size=9, weight="bold")
    handles = [Line2D([], [], ls="", label=name, **style) for name, style in MARKS.items()]
    figure.legend(handles=handles, loc="lower center", ncols=3, title=KEY, title_fontsize=8)
    return figure


KEY = "“the paper”: its own numbers, as its figures plot them, or else all that its tables print"


def _places(counts: Table) -> dict[str, float]:
    """The height of each conclusion: a row for a heading is above those printed, and unsaid."""
    said = counts["printed"].astype(bool)
    return {
        name: k + (1.0 if said[k] else 2.2) for k, name in enumerate(counts["conclusion"].tolist())
    }


def _stripes(ax: Axes, columns: list[str], places: dict[str, float]) -> None:
    """What leads the eye along rows and columns, and the names of the recipes."""
    for place in list(places.values())[::2]:
        ax.axhspan(place - 0.5, place + 0.5, color="0.95", lw=0)
    for k in (0.5, len(columns) - 0.5):
        ax.axvline(k, color="0.6", lw=0.8)
    for k, name in enumerate(columns):
        ax.text(k, 0.3, name, rotation=90, size=8, ha="center", va="bottom")


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
    left: Any = {"ha": "right", "va": "center", "size": 8}
    for name, place in places.items():
        kept = name.replace("Table ", "Table\N{NO-BREAK SPACE}").replace(
            " to 5", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}5"
        )
        ax.text(-0.7, place, textwrap.fill(kept, 48), linespacing=1.05, **left)
    for said, heading in ((1, "The paper prints"), (0, "Its tables show, unsaid")):
        first = counts["conclusion"][counts["printed"] == said][0]
        ax.text(-0.7, places[first] - 1, heading, weight="bold", **left)


def _counts(ax: Axes, counts: Table, right: int, places: dict[str, float]) -> None:
    """The number of recipes with each verdict."""
    for k, (verdict, style) in enumerate(MARKS.items()):
        ax.plot(right + k, 0.1, ls="", **style)
        for place, count in zip(places.values(), counts[verdict].tolist(), strict=True):
            how: Any = {"color": style["color"], "weight": "bold"} if count else {"color": "0.75"}
            ax.text(right + k, place, str(count), ha="center", va="center", size=8, **how)
    ax.text(right + 1, -0.4, "number\nof recipes", ha="center", va="bottom", size=8)
