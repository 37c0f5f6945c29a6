"""Figure 7: classification against gap and against uniformity, the paper's methods and ours.

Zero-shot accuracy and linear probe. `scatter.draw` describes the rows of panels.
"""

from functools import partial

from experiments.section_4 import scatter
from gapdyn.published import FIGURES_6_AND_7

AGAINST, TASKS = ("gap", "uniformity"), ("zero_shot", "linear_probe")
compute = partial(scatter.numbers, AGAINST, TASKS, FIGURES_6_AND_7)
draw = partial(scatter.draw, AGAINST, TASKS, "Figure 7")
