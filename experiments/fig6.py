"""Figure 6: retrieval against gap and against uniformity, the paper's methods and ours.

Recall@1 in both directions. `scatter.draw` describes the rows of panels.
"""

from functools import partial

from experiments.section_4 import scatter
from gapdyn.published import FIGURES_6_AND_7

AGAINST, TASKS = ("gap", "uniformity"), ("image_retrieval", "text_retrieval")
compute = partial(scatter.numbers, AGAINST, TASKS, FIGURES_6_AND_7)
draw = partial(scatter.draw, AGAINST, TASKS, "Figure 6")
