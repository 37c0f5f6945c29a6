"""The verdicts under each recipe of training, and the page `docs/robustness.md`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

from experiments.record import Numbers
from experiments.section_4.runs import Table
from experiments.section_4.verdicts import (
    CONCLUSIONS,
    LEAST_STEPS,
    NOT,
    REPRODUCED,
    UNDECIDED,
    Conclusion,
    Verdict,
    best_of_sweep,
    ours,
    papers,
    tried,
)

VERDICTS = (REPRODUCED, UNDECIDED, NOT)


def recipes(trainings: Table) -> list[str]:
    """The names of the recipes, in their order."""
    return list(dict.fromkeys(trainings["recipe"].tolist()))


def decided(trainings: Table) -> Table:
    """A row for each recipe and conclusion: the verdict, and the numbers that decided."""
    rows = [
        (recipe, c.statement, *c.rule(methods))
        for recipe in recipes(trainings)
        for methods in [ours(trainings, recipe=recipe)]
        for c in CONCLUSIONS
    ]
    head = ("recipe", "conclusion", "verdict", "numbers")
    return dict(zip(head, map(np.array, zip(*rows, strict=True)), strict=True))


def counts(table: Table) -> Table:
    """For each conclusion the number of recipes with each verdict, and the paper's own numbers."""
    found: Table = {
        "conclusion": np.array([c.statement for c in CONCLUSIONS]),
        "printed": np.array([int(bool(c.said)) for c in CONCLUSIONS]),
    }
    for verdict in VERDICTS:
        here = table["conclusion"][table["verdict"] == verdict]
        found[verdict] = np.array([int((here == c.statement).sum()) for c in CONCLUSIONS])
    paper = [of_the_paper(c) for c in CONCLUSIONS]
    found["paper"] = np.array([v.verdict for v in paper])
    found["paper_numbers"] = np.array([v.numbers for v in paper])
    return found


def of_the_paper(c: Conclusion) -> Verdict:
    """The verdict on the paper's numbers: those that its figure plots, else all that it prints."""
    return c.rule(papers(c.plotted or None))


def baselines(trainings: Table) -> Table:
    """A row for each recipe: what its baseline learnt, and its best fixed temperature."""
    table: Table = {"recipe": np.array(recipes(trainings))}
    rows = [
        (trainings["recipe"] == recipe) & (trainings["method"] == "Baseline")
        for recipe in table["recipe"]
    ]
    for key in ("steps", "training_recall", "gap", "gap_floor", "tau_end"):
        table[key] = np.array([trainings[key][chosen].mean() for chosen in rows])
    methods = [ours(trainings, recipe=recipe) for recipe in table["recipe"]]
    best = [best_of_sweep(m) for m in methods]
    for name, of in {"": ["Baseline"] * len(rows), "_of_best": best}.items():
        at = [m.names.index(method) for m, method in zip(methods, of, strict=True)]
        for key in ("retrieval", "gap"):
            table[key + name] = np.array([m.mean(key)[i] for m, i in zip(methods, at, strict=True)])
    table["best_fixed_tau"] = np.array([float(name.removeprefix("FLT ")) for name in best])
    return table


def not_tried(trainings: Table) -> list[str]:
    """Methods that acted in too few steps under every recipe to decide anything of them."""
    each = [ours(trainings, recipe=recipe) for recipe in recipes(trainings)]
    return [name for name in each[0].names if not any(tried(m, name) for m in each)]


def message(found: Table) -> str:
    """What the counts say, in one sentence."""
    of = int(sum(found[verdict][0] for verdict in VERDICTS))
    always, never = (int((found[REPRODUCED] == number).sum()) for number in (of, 0))
    total = len(found["conclusion"])
    return (
        f"Of {total} conclusions {always} are reproduced on glyphs under all {of} recipes, {never}"
        f" under none; the other {total - always - never} depend on the recipe"
    )


PAGE = """\
# Which conclusions survive the recipe

Written by `python -m experiments section_4_robustness`; the picture is `section_4_robustness.png`.
Its trainings are {trainings}. `--full` trains anew.

A table of results stands on one recipe of training. Here all methods of Section 4 are trained on
glyphs under {count} recipes, over {seeds} seeds, and every conclusion of [results.md](results.md)
is decided under each of them by the same rules. A recipe is that of reference with one thing
changed. That may be the width of the hidden layer, a second hidden layer, the dimension d of the
embeddings, the learning rate, the length of the training, or the batch, in as many steps. The rate
of each method is the one searched for it under the recipe of reference, times the factor that the
recipe names. It is not searched again, so that a method may do worse under another recipe than it
could.

{finding}

## How often

*Reproduced*, *undecided* and *not reproduced* are numbers of recipes. The column on the paper says
what the rules make of its own numbers: those that its figure plots, where it bases the conclusion
on a figure, and otherwise all that it prints.{not_tried}

{counts}
## The recipes

Of the baseline, means over seeds: *learnt* is recall@1 among training pairs and *recall* recall@1
among held-out pairs, both the mean of image and text retrieval in percent. A gap below its *floor*
cannot be told from 0. At the right the fixed temperature with the best held-out recall.

{baselines}
## Each conclusion
"""


QUICK = "**A quick check, no results.** "
FINDING = """\
{}**{}.** A conclusion that holds under one recipe and not under the next depends on the recipe:
that is the finding, and no single table, ours or another, can show it."""
BOTH_WAYS = " Reproduced under one recipe and refuted under another: {}."
NOT_TRIED = """\
Under every recipe {} acted in fewer than {} steps, so that a conclusion on it is undecided at
best."""
OF_THE_PAPER = {REPRODUCED: "holds", NOT: "is not so", UNDECIDED: UNDECIDED}
"""What is said of the paper's own numbers, which do not reproduce anything."""


def markdown(numbers: Numbers) -> str:
    """The whole page."""
    about, found = numbers.parameters, numbers.more["counts"]
    both = found["conclusion"][(found[REPRODUCED] > 0) & (found[NOT] > 0)].tolist()
    finding = FINDING.format(QUICK if about["quick"] else "", message(found))
    finding += BOTH_WAYS.format("; ".join(both)) if both else ""
    untried = ", ".join(about["not_tried"])
    text = PAGE.format(
        trainings=about["trainings"],
        count=len(about["recipes"]),
        seeds=about["seeds"],
        finding=_filled(finding),
        not_tried=_filled(NOT_TRIED.format(untried, LEAST_STEPS), "\n\n") if untried else "",
        counts=_counts(found),
        baselines=_baselines(numbers.more["recipes"]),
    )
    return text + "".join(_conclusion(c, numbers.rows(conclusion=c.statement)) for c in CONCLUSIONS)


def _filled(text: str, before: str = "") -> str:
    """A paragraph in lines of at most 100 characters."""
    return before + textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


def _counts(found: Table) -> str:
    """A row for each conclusion."""
    rows = [
        [name, "printed" if said else "unsaid", OF_THE_PAPER[paper], *map(str, numbers)]
        for name, said, paper, *numbers in zip(
            *(found[key] for key in ("conclusion", "printed", "paper", *VERDICTS)), strict=True
        )
    ]
    return _grid(["conclusion", "in the paper", "by its own numbers", *VERDICTS], rows, words=3)


def _baselines(table: Table) -> str:
    """A row for each recipe."""
    head = {
        "steps": ("steps", ".0f"),
        "training_recall": ("learnt", ".1f"),
        "retrieval": ("recall", ".1f"),
        "gap": ("gap", ".3f"),
        "gap_floor": ("floor", ".3f"),
        "tau_end": ("last τ", ".3f"),
        "best_fixed_tau": ("best fixed τ", "g"),
        "retrieval_of_best": ("its recall", ".1f"),
        "gap_of_best": ("its gap", ".3f"),
    }
    rows = [
        [name, *(format(table[key][k], digits) for key, (_, digits) in head.items())]
        for k, name in enumerate(table["recipe"].tolist())
    ]
    return _grid(["recipe", *(title for title, _ in head.values())], rows)


def _conclusion(c: Conclusion, rows: Table) -> str:
    """The verdict under each recipe, and the numbers that decided it."""
    paper = of_the_paper(c)
    lines = [["*the paper*", OF_THE_PAPER[paper.verdict], paper.numbers]]
    columns = [rows[key].tolist() for key in ("recipe", "verdict", "numbers")]
    lines += map(list, zip(*columns, strict=True))
    said = f"{c.said}\n\n" if c.said else "The paper does not say so; its tables show it.\n\n"
    return f"\n### {c.statement}\n\n{said}" + _grid(["recipe", "verdict", "numbers"], lines, 3)


def _grid(head: Sequence[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are aligned left and the others right."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
