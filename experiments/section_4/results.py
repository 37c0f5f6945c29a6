"""The page `docs/results.md`: our tables of Section 4 beside the paper's, and the verdicts."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from experiments.section_4 import recipes, verdicts
from experiments.section_4.correlation import Interval
from experiments.section_4.evaluation import SAMPLE
from experiments.section_4.glyphs import CLASSES, FACES
from experiments.section_4.paired_data import HELD_OUT, TRAINING
from experiments.section_4.runs import SEARCH_SEEDS, Table, summary
from experiments.section_4.verdicts import (
    NOT,
    REPRODUCED,
    UNDECIDED,
    Conclusion,
    Methods,
    Verdict,
    ours_by_data,
    papers,
    stated,
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
"""Heading and number of decimals of each measure."""

TABLES = {
    1: "matching of pairs of pairs (the paper: MMVP-VLM)",
    2: "one method of each kind",
    3: "frozen temperature",
    4: "temperature schedules",
    5: "other methods, and soft swapping at two portions that the paper does not print",
}
"""Titles of the paper's tables."""

NAMES = {"glyphs": "glyphs", "synthetic": "synthetic pairs"}
"""Names of the data on the page."""

INTRODUCTION = """\
# Section 4 in miniature

Written by `python -m experiments tables` from `tables_by_seed.csv` and `tables.json`, seed {seed}.
There are pictures of [gap and retrieval](../figures/tables.png) and of
[two accuracies](../figures/tables_accuracy.png), which name each method in words.

Section 4 of the paper trains CLIP on MSCOCO by {methods} methods, most of which are to close the
gap. It concludes how gap, retrieval and classification go together. Here two small networks are
trained by the same methods on *glyphs*: real images with captions that people wrote. The images
are the characters that {faces} faces of Matplotlib's fonts draw. The captions are their names in
Unicode, such as “LATIN SMALL LETTER O WITH CIRCUMFLEX AND ACUTE”. [The page on glyphs](glyphs.md)
shows them. The controlled case is {training:,} *synthetic pairs*: image and text are two random
functions of one latent code.

What became of the {said} conclusions that the paper states ([verdicts](#verdicts)):

{outcome}
![Images and the names that are nearest to them](../figures/retrieval.png)

*Retrieval of names for held-out characters, with the gap of the baseline and with a closed one.*

Each number below is the mean over {seeds} seeds and the standard deviation between them. It is
measured on characters that are not in the training, or on held-out synthetic pairs; retrieval is
among {held_out:,} pairs. Recalls (@1) and accuracies are in percent, and the paper's number is in
brackets. Compare how measures rise and fall together, not their size, which depends on data and
networks. The paper is audited as it stands in the proceedings (PMLR 280:1365-1387), and page
numbers are those of that PDF. Methods are named after the rows of its tables.
"""

DIFFERENCES = """\
## How this differs from the paper's recipe

|  | the paper | here |
| --- | --- | --- |
| data | MSCOCO | glyphs, and {training:,} synthetic pairs |
| networks | ResNet-50 and a transformer (E.1) | two networks with hidden layers of {hidden} \
units; {dim} dimensions |
| length, batch | 100 epochs, 1024 (E.1) | as many epochs as make about {steps:,} steps, {batch} |
| learning rate | for each method the best of 1e-5, 5e-5, 1e-4, 5e-4; by which measure is not \
printed (E.1) | for each method the best of {rates}; by retrieval on validation pairs |
| its course | 20 epochs of warm-up, then cosine (E.1) | the same: \
a fifth of the steps, then cosine |
| optimiser | not printed | Adam, without weight decay |
| a number is | the mean of 3 trainings (E.1) | the mean of {seeds}, with the deviation \
between them |
| least learned τ | not printed | 0.01, as in CLIP; learned temperatures start at 0.07 |
| zero-shot | CIFAR-10; the prompt is printed as “A photo of the number [NUMBER]” (E.3) | \
{classes} classes of characters; the prompt is the words that name a class |
| linear probe | logistic regression on CIFAR-10 (E.3) | on the same classes, with a penalty on \
its weights, so that it feels how far embeddings spread |
| matching | MMVP-VLM, nine visual patterns (E.3) | pairs of held-out glyphs whose names differ in \
one word; synthetic pairs that differ in one coordinate |
| uniformity | -W₂ to N(0, I/m), m not said (E.2) | m is the dimension of the embeddings |
| A0, A1 | how many periods is not printed; Appendix F calls them A1 and A2 | ten periods |
| Hard Swap Feature | its portion p is not printed | “HS rows”, p = 0.01 |
| Remove Normalization | the frozen τ is not printed | “No normalization”, τ = 1; measured on \
normalised rows like all others |
"""

RATES = """\
### The learning rates that were found

For each method the rate with the highest retrieval on validation pairs, mean over {seeds} seeds.
`python -m experiments tables --search` finds them anew.

"""

TRAININGS = """\
### What the baseline learns

{table}
*Learnt* is recall@1 among training pairs, and *recall* that among held-out pairs, both the mean of
the two directions. The *floor* is √(tr Cov(x - y)/{sample}), the root mean square of the gap of
{sample} held-out pairs drawn from distributions with the same mean: a gap below it cannot be told
from 0.
"""

RULES = """\
## Verdicts

Each conclusion is decided by one rule. Methods share the data, weights and batches of a seed, so a
difference between two methods is taken seed by seed; ± is its standard error, and it counts if
Student's 95 % interval excludes 0. A rank correlation ρ (Spearman's, over methods) counts if its
95 % bootstrap interval, in brackets, excludes 0. "No strong correlation" is accepted if |ρ| is
below {weak}, rejected if |ρ| is {strong} or more and its interval excludes 0, and otherwise
undecided. Retrieval is the mean of image and text retrieval. It is compared only up to the best
fixed temperature. This is our rule, since in Table 3 retrieval falls beyond; ρ with the hotter
temperatures is given as well. The bootstrap treats methods as independent, which they are not
quite: under Adam "TR scale 10" and "SLRT 0.1" are the same training if they have the same rate. A
method that acted in fewer than {least} steps is undecided and enters no correlation.

The last two columns apply the rules to the paper's numbers, which have no spread. The first takes
the methods in the figure on which the paper bases the conclusion, the second all methods in its
tables.
Figures 6 and 7 plot nine of the 26 methods of Tables 2 to 5, Figure 5 plots twelve. What the paper
says of its figures holds on what they plot, and part of it does not hold, or is not decided, on all
rows. Figures 6 and 7 leave out

{left_out}

On the twelve methods of Figure 5, three of which Figures 6 and 7 leave out,
ρ(gap, retrieval) = {twelve}. On the nine, text retrieval alone has
ρ = {text} with uniformity, which is moderate. Our pictures of
[Figure 5](../figures/fig5.png), [Figure 6](../figures/fig6.png) and
[Figure 7](../figures/fig7.png) have what the paper plots. Others have all rows of its tables, for
[Figure 5](../figures/fig5_all.png), [6](../figures/fig6_all.png) and [7](../figures/fig7_all.png),
and our own points, beside [Figure 6](../figures/fig6_ours.png) and [7](../figures/fig7_ours.png).
`fig5.json` to `fig7.json` have our own ρ on the plotted methods alone.
"""

HISTORY = """\
The rules were fixed before the first table of an earlier edition of this page, which stood on
synthetic pairs and halves of digits. A review of the method and a reading of the paper letter by
letter then changed some of them. Differences are taken within seeds, only temperatures above the
best one of the same data are set apart, and "no strong correlation" has the two thresholds above.
Each sentence of the paper has a row, apart from what it does not say. The data and the recipe of
this edition, and the rules as they now stand, were fixed before its first table. The learning rates
to choose from were 1e-3, 3e-3, 1e-2 and 3e-2 at first. On validation pairs most methods were best
at the last and none at the first, so 1e-1 took the place of 1e-3, also before the first table.
Changed since then: nothing.
"""

ROBUSTNESS = """\
## Which conclusions survive another recipe

![Verdicts under {count} recipes](../figures/section_4_robustness.png)

The picture shows, for each conclusion, under which of {count} recipes on glyphs it is reproduced,
undecided or not reproduced. The recipes are
{recipes}.
Each differs from that of reference in one thing, and has the learning rates above, but where a
factor is named. A conclusion that is reproduced under one recipe and not under another depends on
the recipe, and says little about the method. `python -m experiments section_4_robustness` draws the
picture from committed numbers, and with `--full` trains everything anew.
"""

STEPS = """\
## Tables 1 to 5

*Steps* is the number of training steps in which a method acted, and *τ* the temperature at the end
of the training.
"""

REPARAMETERISATION = """\
## Reparameterisation is a learning rate

The table compares β = exp(ν/s) with β = exp ν at another learning rate of ν, on glyphs, from the
same weights and on the same batches. It has the largest difference of log β along the training. In
the gradient flow, and so for plain gradient descent, s is the same as a rate of 1/s². The steps of
Adam do not depend on the scale of a gradient, and s is the same as a rate of 1/s.

"""


def markdown(trainings: Table, about: dict[str, Any], seed: int) -> str:
    """The whole page, from all trainings and the parameters of `tables`."""
    table, sources, settings = summary(trainings), ours_by_data(trainings), about["settings"]
    said = [c for c in verdicts.CONCLUSIONS if c.said]
    unsaid = [c for c in verdicts.CONCLUSIONS if not c.said]
    parts = [
        _introduction(sources, settings, said, seed),
        _remarks(about),
        _differences(settings),
        RATES.format(seeds=SEARCH_SEEDS) + _rates(settings),
        TRAININGS.format(table=_baselines(trainings, settings), sample=SAMPLE),
        _rules(),
        "### What the paper says\n\n" + _verdicts(said, sources, 1),
        "### What its tables show, unsaid\n\n" + _verdicts(unsaid, sources, 1 + len(said)),
        "### What decided\n\n" + _numbers([*said, *unsaid], sources),
        "### What was fixed before the numbers\n\n" + HISTORY,
        _robustness(),
        "## Change of the gap against the baseline\n\n" + _each_method(sources),
        STEPS,
        *(_table(table, number, title, list(sources)) for number, title in TABLES.items()),
        REPARAMETERISATION + _reparameterisation(about["reparameterisation"]),
    ]
    return "\n".join(part for part in parts if part)


def _grid(head: Sequence[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are aligned left and the others right."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _introduction(
    sources: dict[str, Methods], settings: dict[str, Any], said: Sequence[Conclusion], seed: int
) -> str:
    """What was done, and what came out."""
    outcome = {NAMES[data]: methods for data, methods in sources.items()}
    outcome["the paper's own tables"] = papers()
    return INTRODUCTION.format(
        seed=seed,
        methods=len(papers().names),
        faces=len(FACES),
        training=TRAINING,
        held_out=HELD_OUT,
        seeds=settings["seeds"],
        said=len(said),
        outcome=_grid(
            ["", REPRODUCED, UNDECIDED, NOT],
            [[source, *_counted(said, methods)] for source, methods in outcome.items()],
        ),
    )


def _counted(chosen: Sequence[Conclusion], methods: Methods) -> list[str]:
    """How many conclusions are reproduced, undecided and not reproduced."""
    found = Counter(c.rule(methods).verdict for c in chosen)
    return [str(found[verdict]) for verdict in (REPRODUCED, UNDECIDED, NOT)]


def _remarks(about: dict[str, Any]) -> str:
    """What a reader must know first, if there is anything."""
    remarks = ["a quick check of one epoch, no results"] * about["quick"]
    remarks += [about["remark"]] if about["remark"] else []
    return f"**Note: {'; '.join(remarks)}.**\n" if remarks else ""


def _differences(settings: dict[str, Any]) -> str:
    """The paper's recipe and ours."""
    first = next(iter(settings["recipes"].values()))
    return DIFFERENCES.format(
        training=TRAINING,
        hidden=" and ".join(map(str, first["hidden"])),
        dim=first["dim"],
        steps=first["steps"],
        batch=first["batch"],
        rates=_listed(recipes.RATES),
        seeds=settings["seeds"],
        classes=len(CLASSES),
    )


def _listed(rates: Iterable[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


def _rates(settings: dict[str, Any]) -> str:
    """A row for each rate: the methods that it is best for, on each kind of data."""
    rows = []
    for rate in recipes.RATES:
        found = [key.split(", ", 1) for key, r in settings["rates"].items() if r == rate]
        best = {d: [method for data, method in found if data == d] for d in settings["recipes"]}
        rows.append([f"{rate:g}", *(", ".join(names) or "–" for names in best.values())])
    head = ["rate", *(NAMES[data] for data in settings["recipes"])]
    return _grid(head, rows, words=len(head))


def _baselines(trainings: Table, settings: dict[str, Any]) -> str:
    """A row for each kind of data: how the baseline was trained and what it learnt."""
    rows = []
    for data in settings["recipes"]:
        baseline = (trainings["data"] == data) & (trainings["method"] == "Baseline")
        words = ("data", "recipe", "method")
        mean = {key: trainings[key][baseline].mean() for key in trainings if key not in words}
        held = (mean["image_retrieval"] + mean["text_retrieval"]) / 2
        row = [NAMES[data], f"{settings['rates'][f'{data}, Baseline']:g}", f"{mean['steps']:.0f}"]
        row += [f"{mean['tau_end']:.3f}", f"{mean['training_recall']:.1f}", f"{held:.1f}"]
        rows.append([*row, f"{mean['gap']:.3f}", f"{mean['gap_floor']:.3f}"])
    head = ["trained on", "rate", "steps", "τ at the end", "learnt", "recall", "gap", "floor"]
    return _grid(head, rows)


def _rules() -> str:
    """How the verdicts are reached."""

    def rho(names: Sequence[str], x: str, y: str) -> Interval:
        plotted = papers(names)
        return verdicts.correlation(plotted, x, y, np.arange(len(plotted.names)))

    names = (name for name in papers().names if name not in verdicts.NINE)
    left_out = groupby(names, key=lambda name: name.split()[0])
    return RULES.format(
        least=verdicts.LEAST_STEPS,
        weak=verdicts.WEAK,
        strong=verdicts.STRONG,
        left_out="\n".join(f"- {', '.join(group)}" for _, group in left_out),
        text=rho(verdicts.NINE, "uniformity", "text_retrieval"),
        twelve=rho(("Baseline", *verdicts.ELEVEN), "gap", "retrieval"),
    )


def _found(c: Conclusion, sources: dict[str, Methods]) -> dict[str, Verdict]:
    """A conclusion's verdicts: on our data, on what the paper plots, and on all that it prints."""
    found = {NAMES[data]: c.rule(methods) for data, methods in sources.items()}
    if c.plotted:
        found[PLOTTED] = c.rule(papers(c.plotted))
    return found | {PRINTED: c.rule(papers())}


PLOTTED, PRINTED = "the paper, as plotted", "the paper, all it prints"
OF_THE_PAPER = {REPRODUCED: "holds", NOT: "is not so", UNDECIDED: UNDECIDED}
"""The verdicts on the paper's own numbers, which do not reproduce anything."""


def _verdicts(chosen: Sequence[Conclusion], sources: dict[str, Methods], start: int) -> str:
    """A row for each conclusion, a column for each kind of data, and one or two for the paper."""
    columns = [NAMES[data] for data in sources]
    columns += [PLOTTED, PRINTED] if any(c.plotted for c in chosen) else [PRINTED]
    rows = []
    for number, c in enumerate(chosen, start):
        words = {
            source: OF_THE_PAPER[v.verdict] if source in (PLOTTED, PRINTED) else v.verdict
            for source, v in _found(c, sources).items()
        }
        rows.append([f"{number}", c.statement, *(words.get(column, "–") for column in columns)])
    head = ["", "conclusion", *columns]
    return _grid(head, rows, words=len(head))


def _numbers(chosen: Sequence[Conclusion], sources: dict[str, Methods]) -> str:
    """For each conclusion the paper's words, and the numbers that decided."""
    parts = []
    for number, c in enumerate(chosen, 1):
        parts.append(f"{number}. {c.statement}" + (f": {c.said}" if c.said else "") + ".\n")
        parts += [f"    - {source}: {v.numbers}\n" for source, v in _found(c, sources).items()]
    return "".join(parts)


def _robustness() -> str:
    """What the experiment `section_4_robustness` counts."""
    listed = textwrap.fill(", ".join(recipes.VARIANTS), 98)
    return ROBUSTNESS.format(count=len(recipes.VARIANTS), recipes=listed)


def _each_method(sources: dict[str, Methods]) -> str:
    """The change of the gap against the baseline, by method."""
    paper, (first, *_) = papers(), sources.values()
    rows = []
    for name in first.names[1:]:
        printed = stated(paper, "gap", name, digits=3) if name in paper.names else "–"
        rows.append(
            [name, printed, *(_change(methods, name, paper) for methods in sources.values())]
        )
    head = ["method", "the paper", *(NAMES[data] for data in sources)]
    return _grid(head, rows)


def _change(m: Methods, name: str, paper: Methods) -> str:
    """How a method changes the gap, and whether the paper prints the same."""
    numbers = stated(m, "gap", name, digits=3)
    if not verdicts.tried(m, name):
        return f"{numbers}, undecided: acted in {m.acted[m.names.index(name)]:.3g} steps"
    words = {-1: "smaller", 0: "undecided", 1: "larger"}
    sign = verdicts.decided(m, "gap", name)
    word = words[sign]
    if sign and name in paper.names:
        same = (sign < 0) == verdicts.claims_to_shrink(name)
        word += " as printed" if same else f"; the paper prints {words[-sign]}"
    return f"{numbers}, {word}"


def _table(table: Table, number: int, title: str, data: Sequence[str]) -> str:
    """One of the paper's tables, on each kind of data."""
    parts = [f"### Table {number}: {title}\n"]
    for d in data:
        parts += [f"On {NAMES[d]} (in brackets the paper):\n", _methods(table, d, number)]
    return "\n".join(parts)


def _methods(table: Table, data: str, number: int) -> str:
    """One of the paper's tables, on one kind of data."""
    keys = ["gap", "uniformity", "mmvp"] if number == 1 else [*COLUMNS][:-1]
    paper = getattr(published, f"TABLE_{number}")
    printed = dict(zip(paper, published.PRINTED_NAMES[number], strict=True))
    rows = []
    for name in (*paper, *(("SS 1e-2", "SS 1e-1") if number == 5 else ())):
        (i,) = np.flatnonzero((table["data"] == data) & (table["method"] == name))
        row = [name, printed.get(name, "–")]
        row += [f"{table['steps_acted'][i]:.4g}", f"{table['tau_end'][i]:.3g}"]
        for key in keys:
            mean, deviation = (f"{table[k][i]:.{COLUMNS[key][1]}f}" for k in (key, f"{key}_sd"))
            theirs = f" ({as_printed(number, name, key)})" if name in paper else ""
            row.append(f"{mean} ± {deviation}{theirs}")
        rows.append(row)
    head = ["method", "in the paper", "steps", "τ", *(COLUMNS[key][0] for key in keys)]
    return _grid(head, rows, words=2)


def as_printed(number: int, name: str, key: str) -> str:
    """A number of one of the paper's tables, with its printed decimals.

    Tables 1 and 2 have three, and gap and uniformity have three everywhere. The other numbers have
    two, of which Tables 3 and 5 drop trailing zeros.
    """
    value = getattr(getattr(published, f"TABLE_{number}")[name], key)
    if number in (1, 2) or key in ("gap", "uniformity"):
        return f"{value:.3f}"
    return f"{value:.2f}" if number == 4 else f"{value:.4g}"


ROUNDING = 1e-9
"""Smaller differences of log β are rounding errors."""


def _reparameterisation(found: list[dict[str, Any]]) -> str:
    """TR against SLRT."""
    rows = []
    for f in found:
        apart = [f"{f[k]:.2g}" if f[k] > ROUNDING else "rounding" for k in ("square", "plain")]
        training = f"{f['optimiser']}, β = exp(ν/{f['scale']:g})"
        rows.append([training, f"{f['travel']:.3f}", *apart])
    head = ["training", "log β moved by", "apart from rate 1/s²", "apart from rate 1/s"]
    return _grid(head, rows)
