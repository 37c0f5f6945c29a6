"""`docs/results.md`: the tables of Section 4, ours beside the paper's, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from experiments.section_4 import Table, summary
from experiments.verdicts import (
    CONCLUSIONS,
    LEAST_STEPS,
    NOT,
    REPRODUCED,
    UNDECIDED,
    Methods,
    claims_to_shrink,
    decided,
    ours,
    papers,
    stated,
    tried,
)
from gapdyn import published

COLUMNS = {
    "gap": ("gap", 3),
    "uniformity": ("uniformity", 3),
    "zero_shot": ("zero-shot", 1),
    "linear_probe": ("linear probe", 1),
    "image_retrieval": ("image retrieval", 1),
    "text_retrieval": ("text retrieval", 1),
    "mmvp": ("pairs of pairs", 1),
}
"""Heading of each measure, and the digits shown."""

TABLES: dict[str, tuple[str, tuple[str, ...], Sequence[str]]] = {
    "Table 1": (
        "matching of pairs of pairs (the paper: MMVP-VLM)",
        tuple(published.TABLE_1),
        ("gap", "uniformity", "mmvp"),
    ),
    "Table 2": ("one method of each kind", tuple(published.TABLE_2), tuple(COLUMNS)[:-1]),
    "Table 3": ("frozen temperature", tuple(published.TABLE_3), tuple(COLUMNS)[:-1]),
    "Table 4": ("temperature schedules", tuple(published.TABLE_4), tuple(COLUMNS)[:-1]),
    "Table 5": (
        "other methods, and soft swapping at two portions that the paper does not print",
        (*published.TABLE_5, "SS 1e-2", "SS 1e-1"),
        tuple(COLUMNS)[:-1],
    ),
}

NAMES = {
    "synthetic": "2,048 synthetic pairs",
    "abundant": "32,768 synthetic pairs",
    "digits": "halves of 1,285 digits",
}
"""What the data are called on the page."""

INTRODUCTION = """\
# Section 4 in miniature

Written by `python -m experiments tables` from `tables_by_seed.csv` and `tables.json`, seed {seed};
the picture is `tables.png`.

The paper trained CLIP on MSCOCO. Here two small networks are trained on pairs with a latent code in
common, and on the left and right halves of handwritten digits: encoders with hidden layers of
{hidden}, embeddings in {dim} dimensions, Adam with a learning rate of {rate:g}, warm-up and cosine,
learned temperature from 0.07 and clamped at 0.01. A number is the mean over {seeds} seeds and the
standard deviation between them, on held-out pairs; the paper's is in brackets. Recalls (@1) and
accuracies are in percent. *Steps* says in how many steps of training a method acted, *τ* at which
temperature the training ended. Compare how measures go up and down together, not their size, which
depends on data and networks: uniformity, for one, on the dimension.

The rows that the paper leaves open: schedules A0 and A1 have ten periods, "HS rows" swaps in a
portion of 0.01, "No normalization" has τ = 1, and is measured on normalised rows like all others.
The linear probe has a penalty on its weights, so that it too feels how far embeddings spread.

## The three trainings

{trainings}
*Learnt* is recall@1 among training pairs. Near 100 % little is left to learn, gradients vanish,
and the gap stays where the early temperature has left it: TS, which starts at the lowest, then
ends with larger gaps, whatever comes after. Of 32,768 pairs networks learn what carries over to
held-out ones; but 1,536 steps are few, and some of that lag remains. In the paper gaps follow
the last temperature. The *floor* is √(tr Cov(x - y)/512), the root mean square of the gap of 512
held-out pairs whose centres coincide in the long run: smaller gaps cannot be told from none.
"""

RULES = """\
## Verdicts

Each conclusion is decided by one rule. A difference is taken within seeds, since methods share the
data, weights and batches of a seed; ± is then its standard error, and it counts when Student's 95 %
interval leaves out 0. A rank correlation ρ (Spearman's, over methods) counts when its 95 %
bootstrap interval, in brackets, does. The
bootstrap takes methods for independent, which they are not quite: under Adam "TR scale 10" and
"SLRT 0.1" are one training. A method that acted in fewer than {least} steps is undecided and in no
correlation. The last column applies the rules to what the paper prints, which has no spread.

Rules and data were fixed before the first table. What was changed after it, because a review of
method asked for it: differences and intervals were first those of means over seeds, at two standard
errors; correlations left out τ fixed beyond 7e-2, the paper's best, on all data; matching counted
as following neither unless an interval was very wide; the row on temperature control and the
training on 32,768 pairs were not there.
"""

REPARAMETERISATION = """\
## Reparameterisation is a learning rate

β = exp(ν/s) against β = exp ν with another learning rate of ν, from the same weights and on the
same batches: the largest difference of log β along the training. In the gradient flow, and so for
plain gradient descent, s is a rate of 1/s². The steps of Adam ignore the scale of a gradient, and
s is a rate of 1/s.

"""


def markdown(trainings: Table, about: dict[str, Any], seed: int) -> str:
    """The whole page, from all trainings and the parameters beside them."""
    table = summary(trainings)
    data = list(dict.fromkeys(table["data"].tolist()))
    parts = [_introduction(trainings, about, data, seed), RULES.format(least=LEAST_STEPS)]
    parts += [_conclusions(trainings, data), _each_method(trainings, data)]
    for name, (title, methods, keys) in TABLES.items():
        parts.append(f"## {name}: {title}\n")
        for d in data:
            known = [k for k in keys if np.isfinite(table[k][table["data"] == d]).any()]
            if list(known) == list(keys):
                parts.append(f"On {NAMES[d]} (in brackets the paper):\n")
                parts.append(_methods(table, d, methods, keys))
    parts.append(_reparameterisation(about["reparameterisation"]))
    return "\n".join(parts)


def _grid(head: Sequence[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A Markdown table, its first columns of words and the others to the right."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _introduction(trainings: Table, about: dict[str, Any], data: list[str], seed: int) -> str:
    """What was done."""
    settings = about["settings"]
    rows = []
    for d in data:
        recipe, chosen = settings["recipes"][d], trainings["data"] == d
        baseline = chosen & (trainings["method"] == "Baseline")
        numbers = {key: trainings[key][baseline].mean() for key in trainings if key not in WORDS}
        held = (numbers["image_retrieval"] + numbers["text_retrieval"]) / 2
        rows.append(
            [
                NAMES[d],
                f"{recipe['epochs']} epochs, batch {recipe['batch']}",
                f"{numbers['steps_acted']:.0f}",
                f"{numbers['tau_end']:.3f}",
                f"{numbers['training_recall']:.1f}",
                f"{held:.1f}",
                f"{numbers['gap']:.3f}",
                f"{numbers['gap_floor']:.3f}",
            ]
        )
    head = ["trained on", "how", "steps", "τ", "learnt", "held-out recall", "gap", "floor"]
    text = INTRODUCTION.format(
        seed=seed,
        hidden=" and ".join(map(str, settings["hidden"])),
        dim=settings["dim"],
        seeds=settings["seeds"],
        rate=settings["recipes"][data[0]]["rate"],
        trainings="Of the baseline, means over seeds:\n\n" + _grid(head, rows, words=2),
    )
    if about["quick"]:
        text += "\n**A quick check on few pairs, no results.**\n"
    return text + (f"\n**Left out:** {about['left_out']}\n" if about["left_out"] else "")


WORDS = ("data", "method", "repeat")


def _conclusions(trainings: Table, data: list[str]) -> str:
    """Every conclusion, a row; every data a column."""
    sources = {NAMES[d]: ours(trainings, d) for d in data}
    rows = []
    for statement, rule in CONCLUSIONS.items():
        found = [rule(methods) for methods in sources.values()]
        paper = rule(papers())
        found.append(paper._replace(verdict=OF_THE_PAPER[paper.verdict]))
        rows.append([statement, *(f"**{v.verdict}**<br>{v.numbers}" for v in found)])
    head = ["conclusion", *sources, "the paper's own numbers"]
    return _grid(head, rows, words=len(head))


OF_THE_PAPER = {REPRODUCED: "holds", NOT: "does not hold", UNDECIDED: UNDECIDED}
"""The paper's numbers reproduce nothing; a conclusion holds in them or does not."""


def _each_method(trainings: Table, data: list[str]) -> str:
    """The change of the gap against the baseline, by method."""
    sources, paper = [ours(trainings, d) for d in data], papers()
    rows = []
    for name in sources[0].names[1:]:
        printed = stated(paper, "gap", name, digits=3) if name in paper.names else "–"
        rows.append([name, printed, *(_change(methods, name, paper) for methods in sources)])
    head = ["method", "the paper", *(NAMES[d] for d in data)]
    return "### Change of the gap against the baseline\n\n" + _grid(head, rows)


def _change(m: Methods, name: str, paper: Methods) -> str:
    """What a method does to the gap, and whether the paper prints the same."""
    numbers = stated(m, "gap", name, digits=3)
    if not tried(m, name):
        return f"{numbers}, undecided: acted in {m.acted[m.names.index(name)]:.3g} steps"
    sign = decided(m, "gap", name)
    if sign == 0:
        return f"{numbers}, undecided"
    word = {-1: "smaller", 1: "larger"}[sign]
    if name in paper.names:
        other = {-1: "larger", 1: "smaller"}[sign]
        same = (sign < 0) == claims_to_shrink(name)
        word += " as printed" if same else f"; the paper prints {other}"
    return f"{numbers}, {word}"


def _methods(table: Table, data: str, methods: Sequence[str], keys: Sequence[str]) -> str:
    """One of the paper's tables."""
    row_of = {
        (d, m): i for i, (d, m) in enumerate(zip(table["data"], table["method"], strict=True))
    }
    rows = []
    for name in methods:
        i = row_of[data, name]
        rows.append([name, f"{table['steps_acted'][i]:.4g}", f"{table['tau_end'][i]:.3g}"])
        rows[-1] += [_cell(table, key, i) for key in keys]
    return _grid(["method", "steps", "τ", *(COLUMNS[key][0] for key in keys)], rows)


def _cell(table: Table, key: str, i: int) -> str:
    """Mean ± deviation (paper)."""
    digits = COLUMNS[key][1]
    paper = table[f"{key}_paper"][i]
    text = f"{table[key][i]:.{digits}f} ± {table[f'{key}_sd'][i]:.{digits}f}"
    return text + (f" ({paper:.{digits}f})" if np.isfinite(paper) else "")


ROUNDING = 1e-9
"""Differences of log β that are none."""


def _reparameterisation(found: list[dict[str, Any]]) -> str:
    """TR against SLRT."""
    rows = []
    for f in found:
        apart = [f"{f[k]:.2g}" if f[k] > ROUNDING else "rounding" for k in ("square", "plain")]
        training = f"{f['optimiser']}, β = exp(ν/{f['scale']:g})"
        rows.append([training, f"{f['travel']:.3f}", *apart])
    head = ["training", "log β moved by", "apart from rate 1/s²", "apart from rate 1/s"]
    return REPARAMETERISATION + _grid(head, rows)
