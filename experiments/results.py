"""`docs/results.md`: the tables of Section 4, ours beside the paper's, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from experiments.section_4 import Table, summary
from experiments.verdicts import (
    CONCLUSIONS,
    LEAST_STEPS,
    claims_to_shrink,
    ours,
    papers,
    shrinks,
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

INTRODUCTION = """\
# Section 4 in miniature

Written by `python -m experiments tables` from `figures/tables.csv`; the picture is
[tables.png](../figures/tables.png).

The paper trained CLIP on MSCOCO. Here two small networks are trained on {data}: encoders with
hidden layers of {hidden}, embeddings in {dim} dimensions, {epochs} epochs of Adam in batches of
{batch}, learning rate {rate:g} with warm-up and a cosine, learned temperature from 0.07 and
clamped at 0.01. Each number is the mean over {seeds} seeds and the standard deviation between
them, on held-out pairs; the paper's is in brackets. Recalls (@1) and accuracies are in percent.
*Steps* says in how many steps of training a method acted, *τ* at which temperature the training
ended. What is compared is how measures go up and down with each other. Their size depends on data
and networks: uniformity, for one, on the dimension.

The rows that the paper leaves open: schedules A0 and A1 have ten periods, "HS rows" swaps in a
portion of 0.01, "No normalization" has τ = 1, and is measured on normalised rows like all others.

The gap of a sample has a floor: that of m = 512 pairs is at least about their root mean square
distance over √m, even if the centres of all pairs coincide. The small gaps below stand on it.
"""

RULES = """\
## Verdicts

Each conclusion is decided by one rule. A difference is taken within seeds, since methods share the
data, weights and batches of a seed, and counts when its mean is more than two standard errors; a
rank correlation ρ (Spearman's, over methods) when its 95 % bootstrap interval, in brackets, leaves
out 0. A method that acted in fewer than {least} steps is undecided and in no correlation. The last
column applies the same rules to what the paper prints, which has no spread.

The rules were fixed before the first table but for two changes after it: differences were first
taken between means over seeds, and the row on temperature control alone came in.
"""

REPARAMETERISATION = """\
## Reparameterisation is a learning rate

β = exp(ν/s) against β = exp ν with another learning rate of ν, from the same weights and on the
same batches: the largest difference of log β along the training. In the gradient flow, and so for
plain gradient descent, s is a rate of 1/s². The steps of Adam ignore the scale of a gradient, and
s is a rate of 1/s.

"""


def markdown(trainings: Table, about: dict[str, Any]) -> str:
    """The whole page, from all trainings and the parameters beside them."""
    table = summary(trainings)
    data = list(dict.fromkeys(table["data"].tolist()))
    parts = [_introduction(table, about, data), RULES.format(least=LEAST_STEPS)]
    parts += [_conclusions(trainings, data), _each_method(trainings, data)]
    for name, (title, methods, keys) in TABLES.items():
        parts.append(f"## {name}: {title}\n")
        for d in data:
            known = [k for k in keys if np.isfinite(table[k][table["data"] == d]).any()]
            if list(known) != list(keys):
                parts.append(f"On the {d} pairs no shared code is known, so there are none.\n")
            else:
                parts.append(f"{d.capitalize()} pairs, in brackets the paper:\n")
                parts.append(_methods(table, d, methods, keys))
    parts.append(_reparameterisation(about["reparameterisation"]))
    return "\n".join(parts)


def _grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, its first column of words and the others to the right."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _introduction(table: Table, about: dict[str, Any], data: list[str]) -> str:
    """What was done."""
    settings = about["settings"]
    names = {
        "synthetic": "synthetic pairs with a latent code in common",
        "digits": "the left and right halves of handwritten digits",
    }
    text = INTRODUCTION.format(
        data=" and on ".join(names[d] for d in data),
        hidden=" and ".join(map(str, settings["hidden"])),
        dim=settings["dim"],
        seeds=int(table["seeds"][0]),
        **{key: settings["recipe"][key] for key in ("epochs", "batch", "rate")},
    )
    return text + (f"\n**Left out:** {about['left_out']}\n" if about["left_out"] else "")


def _conclusions(trainings: Table, data: list[str]) -> str:
    """Every conclusion, a row; every data a column."""
    sources = {d: ours(trainings, d) for d in data} | {"the paper's numbers": papers()}
    rows = []
    for statement, rule in CONCLUSIONS.items():
        found = [rule(methods) for methods in sources.values()]
        rows.append([statement, *(f"**{v.verdict}**: {v.numbers}" for v in found)])
    return _grid(["conclusion", *sources], rows)


def _each_method(trainings: Table, data: list[str]) -> str:
    """The change of the gap against the baseline, by method."""
    sources, paper = [ours(trainings, d) for d in data], papers()
    rows = []
    for name in sources[0].names[1:]:
        printed = "–"
        if name in paper.names:
            printed = f"{shrinks(paper, name).numbers.split()[0]}"
        cells = [name, printed]
        for methods in sources:
            found = shrinks(methods, name)
            word = {"reproduced": "smaller", "not reproduced": "larger"}.get(
                found.verdict, found.verdict
            )
            if name in paper.names and word != "undecided":
                word += (
                    " as printed" if (word == "smaller") == claims_to_shrink(name) else ", not so"
                )
            cells.append(f"{found.numbers}, {word}")
        rows.append(cells)
    head = ["method", "the paper", *data]
    return "### Change of the gap against the baseline\n\n" + _grid(head, rows)


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


def _reparameterisation(found: list[dict[str, Any]]) -> str:
    """TR against SLRT."""
    rows = [
        [
            f"{f['optimiser']}, β = exp(ν/{f['scale']:g})",
            f"{f['travel']:.3f}",
            f"{f['square']:.1e}",
            f"{f['plain']:.1e}",
        ]
        for f in found
    ]
    head = ["training", "log β moved by", "apart from rate 1/s²", "apart from rate 1/s"]
    return REPARAMETERISATION + _grid(head, rows)
