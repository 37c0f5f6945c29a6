"""Figure 7: classification against gap and against uniformity, the paper's methods and ours.

Zero-shot accuracy and linear probe. The first row shows the nine methods that the paper plots, on
its axes and with its lines. Further rows show all 26 methods of its Tables 2 to 5, and ours, hollow
if the paper's figure does not show the method.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from experiments.record import Numbers
from experiments.section_4 import scatter
from gapdyn.published import FIGURES_6_AND_7

AGAINST = ("gap", "uniformity")
TASKS = ("zero_shot", "linear_probe")


def compute(
    seed: int = 0, quick: bool = False, jobs: int = 1, folder: Path | None = None
) -> Numbers:
    """Points from the trainings in `folder`, if they have this seed, or from new ones."""
    return scatter.numbers(seed, quick, jobs, folder, AGAINST, TASKS, FIGURES_6_AND_7)


def draw(numbers: Numbers) -> Figure:
    """What the paper plots, then a row for each source; a column for each pair of measures."""
    return scatter.draw(numbers, AGAINST, TASKS, "Figure 7")
