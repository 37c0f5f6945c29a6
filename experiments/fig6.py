"""Figure 6: retrieval against gap and against uniformity, the paper's methods and ours.

Recall@1 both ways, a point for each method of Tables 2 to 5. Hollow points have τ fixed beyond the
best of the sweep, where retrieval falls again; correlations are given with and without them.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from experiments import scatter
from experiments.record import Numbers

AGAINST = ("gap", "uniformity")
TASKS = ("image_retrieval", "text_retrieval")


def compute(
    seed: int = 0,
    quick: bool = False,
    features: Path | None = None,
    jobs: int = 1,
    folder: Path | None = None,
) -> Numbers:
    """Points from the table in `folder`, if it has this seed, or from one made anew."""
    return scatter.numbers(seed, quick, jobs, folder, AGAINST, TASKS)


def draw(numbers: Numbers) -> Figure:
    """A row for each source, a column for each pair of measures."""
    return scatter.draw(numbers, AGAINST, TASKS)
