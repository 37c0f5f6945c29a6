"""Figure 6: retrieval against gap and against uniformity, the paper's methods and ours.

Recall@1 in both directions. The paper's own figure is `draw`. In `MORE` are all methods of its
tables, and ours.
"""

from functools import partial

from experiments.section_4 import scatter
from gapdyn.published import FIGURES_6_AND_7

AGAINST, TASKS = ("gap", "uniformity"), ("image_retrieval", "text_retrieval")
RECALL = "Recall@1: how often the partner is the nearest."

compute = partial(scatter.numbers, AGAINST, TASKS, FIGURES_6_AND_7)
_paper = partial(scatter.of_paper, against=AGAINST, tasks=TASKS, name="Figure 6")

draw = partial(
    _paper,
    which="plotted",
    message="Among the nine methods that the paper plots, retrieval is better where the gap"
    "\nis smaller, and does not clearly go with uniformity",
    note=f"Panels (a) and (b) are the paper's Figure 6(a), (c) and (d) its Figure 6(b).\n{RECALL}",
)
MORE = {
    "all": partial(
        _paper,
        which="all",
        message="Among all 26 methods of the paper's tables retrieval is worst where the gap is"
        "\nsmallest, at high fixed temperatures and under constant swapping",
        note=RECALL,
        named={"FLT 3e-1": "fixed at 0.2 to 0.4", "HS 1": "swapping all the time"},
    ),
    "ours": partial(
        scatter.of_ours,
        against=AGAINST,
        tasks=TASKS,
        message="On our small networks retrieval is not clearly better where the gap is smaller,"
        "\nnor where embeddings are spread more evenly",
        note=RECALL,
    ),
}
