"""Figure 7: classification against gap and against uniformity, the paper's methods and ours.

Zero-shot accuracy and linear probe. The first row shows the nine methods that the paper plots, on
its axes and with its lines. Further rows show all 26 methods of its Tables 2 to 5, and ours, hollow
if the paper's figure does not show the method.
"""

from functools import partial

from experiments.section_4 import scatter
from gapdyn.published import FIGURES_6_AND_7

AGAINST, TASKS = ("gap", "uniformity"), ("zero_shot", "linear_probe")
compute = partial(scatter.numbers, AGAINST, TASKS, FIGURES_6_AND_7)
draw = partial(scatter.draw, AGAINST, TASKS, "Figure 7")
