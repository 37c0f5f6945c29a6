"""The page `docs/results.md`: our tables of Section 4 beside the paper's, and the verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from experiments.section_4 import verdicts
from experiments.section_4.correlation import Interval
from experiments.section_4.runs import Table, summary
from experiments.section_4.verdicts import NOT, REPRODUCED, UNDECIDED, Methods, ours, papers, stated
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

NAMES = {
    "synthetic": "2,048 synthetic pairs",
    "abundant": "32,768 synthetic pairs",
    "digits": "halves of 1,285 digits",
}
"""Names of the data on the page."""

INTRODUCTION = """\
# Section 4 in miniature

Written by `python -m experiments tables` from `tables_by_seed.csv` and `tables.json`, seed {seed};
the picture is `tables.png`.

The paper trained CLIP on MSCOCO. Here two small networks are trained on pairs that share a latent
code, and on the left and right halves of handwritten digits. The encoders have hidden layers of
{hidden} units and embeddings in {dim} dimensions. Adam trains them with a learning rate of
{rate:g}, which warms up and then falls as a cosine; the learned temperature starts at 0.07 and is
clamped at 0.01. Each number is the mean over {seeds} seeds and the standard deviation between them,
measured on held-out pairs; the paper's number is in brackets. Recalls (@1) and accuracies are in
percent. *Steps* is the number of training steps in which a method acted, *τ* the temperature at the
end of the training. Compare how the measures rise and fall together, not their size, which depends
on the data and the networks; uniformity, for example, depends on the dimension.

The paper is audited as it stands in the proceedings (PMLR 280:1365-1387), and page numbers are
those of that PDF. Methods are named after the rows of its tables. The tables below also give the
paper's own names, and its numbers with the decimals that it prints.

## How this differs from the paper's recipe

|  | the paper | here |
| --- | --- | --- |
| data, networks | MSCOCO; ResNet-50 and a transformer (E.1) | synthetic pairs, halves of digits; \
two small networks |
| epochs, batch | 100, 1024 (E.1) | see the table below |
| learning rate | for each method the best of 1e-5, 5e-5, 1e-4, 5e-4; by which measure is not \
printed (E.1) | one for all methods |
| its course | 20 epochs of warm-up, then cosine (E.1) | a tenth of the steps, then cosine |
| optimiser | not printed | Adam, without weight decay |
| a number is | the mean of 3 trainings (E.1) | the same, with the deviation between them |
| least learned τ | not printed | 0.01, as in CLIP |
| classification | zero-shot and probe on CIFAR-10; the prompt is printed as “A photo of the \
number [NUMBER]” (E.3) | classes of the held-out pairs; a class is the mean direction of its \
training texts |
| linear probe | logistic regression (E.3) | the same with a penalty on its weights, so that it \
feels how far embeddings spread |
| matching | MMVP-VLM, nine visual patterns (E.3) | twins that differ in one detail |
| uniformity | -W₂ to N(0, I/m), m not said (E.2) | m is the dimension of the embeddings |
| A0, A1 | how many periods is not printed; Appendix F calls them A1 and A2 | ten periods |
| Hard Swap Feature | its portion p is not printed | “HS rows”, p = 0.01 |
| Remove Normalization | the frozen τ is not printed | “No normalization”, τ = 1; measured on \
normalised rows like all others |

## The three trainings

{trainings}
*Learnt* is recall@1 among training pairs. Near 100 % little is left to learn, gradients vanish,
and the gap stays where the early temperature left it: TS, which starts at the lowest temperature,
then ends with a larger gap, whatever comes later. From 32,768 pairs the networks learn what also
holds for held-out ones; but 1,536 steps are few, and some of that lag remains. In the paper the gap
follows the last temperature. The *floor* is √(tr Cov(x - y)/512), the root mean square of the gap
of 512 held-out pairs drawn from distributions with the same mean: a gap below it cannot be told
from 0.
"""

RULES = """\
## Verdicts

Each conclusion is decided by one rule. Methods share the data, weights and batches of a seed, so a
difference between two methods is taken seed by seed; ± is its standard error, and it counts if
Student's 95 % interval excludes 0. A rank correlation ρ (Spearman's, over methods) counts if its
95 % bootstrap interval, in brackets, excludes 0. "No strong correlation" is accepted if |ρ| is
below {weak}, rejected if |ρ| is {strong} or more and its interval excludes 0, and otherwise
undecided; there are too few methods to exclude a strong correlation. Retrieval is the mean of image
and text retrieval; the figures give each. It is compared only up to the best fixed temperature.
This is our rule, since in Table 3 retrieval falls beyond; ρ with the hotter temperatures is given
as well. The bootstrap treats methods as independent, which they are not quite: under Adam
"TR scale 10" and "SLRT 0.1" are the same training. A method that acted in fewer than {least} steps
is undecided and enters no correlation.

The last two columns apply the rules to the paper's numbers, which have no spread: first to the
methods in the figure on which the paper bases the conclusion, then to all methods in its tables.
Figures 6 and 7 plot nine of the 26 methods of Tables 2 to 5, Figure 5 plots twelve. On the nine,
everything that the paper says of Figures 6 and 7 holds (text retrieval alone correlates with
uniformity at ρ = {text}, which is moderate). On the 26, both accuracies still rise with uniformity.
But it cannot be decided whether retrieval rises as the gap falls, even without the temperatures
above the best, and the linear probe is better where the gap is larger. The 17 methods that Figures
6 and 7 leave out are
{left_out}.
On the twelve of Figure 5, three of which Figures 6 and 7 leave out, ρ(gap, retrieval) = {twelve}.
Our own correlations on the plotted methods alone stand above the panels of `fig6.png` and
`fig7.png`.

Rules and data were fixed before the first table. A review of the method then led to these changes.
Differences and intervals had been those of means over seeds, at two standard errors. Correlations
had left out every τ fixed above 7e-2, the paper's best, on all data. Matching had counted as
following neither gap nor uniformity unless an interval was very wide. The row on temperature
control and the training on 32,768 pairs were added. Further changes came after the paper's figures
and sentences had been read letter by letter. Its numbers are given in two sets, as plotted and all.
Figure 7 had had one rule for each task (up with uniformity, and closer to it than to the gap),
which became the two statements of the paper. Matching no longer has to be shown to follow neither,
since the paper says "not strongly", and the threshold {strong} of a strong correlation was added.
Figure 6b and the sentences on single methods got rows, and what the paper does not state was set
apart from what it states.
"""

REPARAMETERISATION = """\
## Reparameterisation is a learning rate

The table compares β = exp(ν/s) with β = exp ν at another learning rate of ν, from the same weights
and on the same batches, by the largest difference of log β along the training. In the gradient
flow, and so for plain gradient descent, s is the same as a rate of 1/s². The steps of Adam do not
depend on the scale of a gradient, and s is the same as a rate of 1/s.

"""


def markdown(trainings: Table, about: dict[str, Any], seed: int) -> str:
    """The whole page, from all trainings and the parameters of `tables`."""
    table = summary(trainings)
    data = list(dict.fromkeys(table["data"].tolist()))
    parts = [_introduction(trainings, about, data, seed), _rules()]
    for title, said in {"What the paper says": True, "What its tables show, unsaid": False}.items():
        chosen = [c for c in verdicts.CONCLUSIONS if bool(c.said) == said]
        parts.append(f"### {title}\n\n" + _conclusions(chosen, trainings, data))
    parts.append(_each_method(trainings, data))
    for number, title in TABLES.items():
        parts.append(f"## Table {number}: {title}\n")
        keys = ["gap", "uniformity", "mmvp"] if number == 1 else [*COLUMNS][:-1]
        for d in data:
            if all(np.isfinite(table[k][table["data"] == d]).any() for k in keys):
                parts.append(f"On {NAMES[d]} (in brackets the paper):\n")
                parts.append(_methods(table, d, number, keys))
    parts.append(_reparameterisation(about["reparameterisation"]))
    return "\n".join(parts)


def _grid(head: Sequence[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are aligned left and the others right."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _introduction(trainings: Table, about: dict[str, Any], data: list[str], seed: int) -> str:
    """What was done."""
    settings = about["settings"]
    said = settings | {"hidden": " and ".join(map(str, settings["hidden"])), "seed": seed}
    said["rate"] = settings["recipes"][data[0]]["rate"]
    said["trainings"] = _baselines(trainings, settings["recipes"], data)
    text = INTRODUCTION.format(**said)
    if about["quick"]:
        text += "\n**A quick check on few pairs, no results.**\n"
    return text + (f"\n**Left out:** {about['left_out']}\n" if about["left_out"] else "")


def _baselines(trainings: Table, recipes: dict[str, Any], data: list[str]) -> str:
    """A row for each kind of data: how the baseline was trained and what it learnt."""
    rows = []
    for d in data:
        baseline = (trainings["data"] == d) & (trainings["method"] == "Baseline")
        numeric = [key for key in trainings if key not in ("data", "method", "repeat")]
        mean = {key: trainings[key][baseline].mean() for key in numeric}
        held = (mean["image_retrieval"] + mean["text_retrieval"]) / 2
        how = f"{recipes[d]['epochs']} epochs, batch {recipes[d]['batch']}"
        numbers = [f"{mean['steps_acted']:.0f}", f"{mean['tau_end']:.3f}"]
        numbers += [f"{mean['training_recall']:.1f}", f"{held:.1f}"]
        numbers += [f"{mean['gap']:.3f}", f"{mean['gap_floor']:.3f}"]
        rows.append([NAMES[d], how, *numbers])
    head = ["trained on", "how", "steps", "τ", "learnt", "held-out recall", "gap", "floor"]
    return "Of the baseline, means over seeds:\n\n" + _grid(head, rows, words=2)


def _rules() -> str:
    """How the verdicts are reached."""

    def rho(names: Sequence[str], x: str, y: str) -> Interval:
        plotted = papers(names)
        return verdicts.correlation(plotted, x, y, np.arange(len(plotted.names)))

    return RULES.format(
        least=verdicts.LEAST_STEPS,
        weak=verdicts.WEAK,
        strong=verdicts.STRONG,
        left_out=textwrap.fill(", ".join(n for n in papers().names if n not in verdicts.NINE), 98),
        text=rho(verdicts.NINE, "uniformity", "text_retrieval"),
        twelve=rho(("Baseline", *verdicts.ELEVEN), "gap", "retrieval"),
    )


def _conclusions(chosen: Sequence[verdicts.Conclusion], trainings: Table, data: list[str]) -> str:
    """A row for each conclusion, a column for each kind of data, and two for the paper."""
    sources = {NAMES[d]: ours(trainings, data=d) for d in data}
    rows = []
    for c in chosen:
        cells = [c.statement + (f"<br>{c.said}" if c.said else "")]
        cells += ["**{}**<br>{}".format(*c.rule(methods)) for methods in sources.values()]
        if any(c.plotted for c in chosen):
            cells.append(_of_the_paper(c.rule(papers(c.plotted))) if c.plotted else "–")
        rows.append([*cells, _of_the_paper(c.rule(papers()))])
    head = ["conclusion", *sources]
    head += ["the paper, as plotted"] * any(c.plotted for c in chosen)
    return _grid([*head, "the paper, all it prints"], rows, words=len(rows[0]))


def _of_the_paper(v: verdicts.Verdict) -> str:
    """A verdict on the paper's own numbers, which do not reproduce anything."""
    words = {REPRODUCED: "holds", NOT: "is not so", UNDECIDED: UNDECIDED}
    return f"**{words[v.verdict]}**<br>{v.numbers}"


def _each_method(trainings: Table, data: list[str]) -> str:
    """The change of the gap against the baseline, by method."""
    sources, paper = [ours(trainings, data=d) for d in data], papers()
    rows = []
    for name in sources[0].names[1:]:
        printed = stated(paper, "gap", name, digits=3) if name in paper.names else "–"
        rows.append([name, printed, *(_change(methods, name, paper) for methods in sources)])
    head = ["method", "the paper", *(NAMES[d] for d in data)]
    return "### Change of the gap against the baseline\n\n" + _grid(head, rows)


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


def _methods(table: Table, data: str, number: int, keys: Sequence[str]) -> str:
    """One of the paper's tables."""
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
    return REPARAMETERISATION + _grid(head, rows)
