"""`docs/results.md`: the tables of Section 4, ours beside the paper's, and the verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from experiments.section_4.correlation import Interval
from experiments.section_4.runs import Table, summary
from experiments.section_4.verdicts import (
    CONCLUSIONS,
    ELEVEN,
    LEAST_STEPS,
    NINE,
    NOT,
    REPRODUCED,
    STRONG,
    UNDECIDED,
    WEAK,
    Conclusion,
    Methods,
    Verdict,
    claims_to_shrink,
    correlation,
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

TABLES: dict[int, tuple[str, tuple[str, ...], Sequence[str]]] = {
    1: (
        "matching of pairs of pairs (the paper: MMVP-VLM)",
        tuple(published.TABLE_1),
        ("gap", "uniformity", "mmvp"),
    ),
    2: ("one method of each kind", tuple(published.TABLE_2), tuple(COLUMNS)[:-1]),
    3: ("frozen temperature", tuple(published.TABLE_3), tuple(COLUMNS)[:-1]),
    4: ("temperature schedules", tuple(published.TABLE_4), tuple(COLUMNS)[:-1]),
    5: (
        "other methods, and soft swapping at two portions that the paper does not print",
        (*published.TABLE_5, "SS 1e-2", "SS 1e-1"),
        tuple(COLUMNS)[:-1],
    ),
}
"""Title, methods and measures of each of the paper's tables."""

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

Audited is the paper as it stands in the proceedings (PMLR 280:1365-1387); page numbers are those of
its PDF. Methods are named after its rows, and the tables below give its own names beside, and its
numbers with the decimals that it prints.

## How this differs from the paper's recipe

{differences}
## The three trainings

{trainings}
*Learnt* is recall@1 among training pairs. Near 100 % little is left to learn, gradients vanish,
and the gap stays where the early temperature has left it: TS, which starts at the lowest, then
ends with larger gaps, whatever comes after. Of 32,768 pairs networks learn what carries over to
held-out ones; but 1,536 steps are few, and some of that lag remains. In the paper gaps follow
the last temperature. The *floor* is √(tr Cov(x - y)/512), the root mean square of the gap of 512
held-out pairs whose centres coincide in the long run: smaller gaps cannot be told from none.
"""

DIFFERENCES = (
    (
        "data, networks",
        "MSCOCO; ResNet-50 and a transformer (E.1)",
        "synthetic pairs, halves of digits; two small networks",
    ),
    ("epochs, batch", "100, 1024 (E.1)", "see the table below"),
    (
        "learning rate",
        "for each method the best of 1e-5, 5e-5, 1e-4, 5e-4; by which measure is not printed (E.1)",
        "one for all methods",
    ),
    ("its course", "20 epochs of warm-up, then cosine (E.1)", "a tenth of the steps, then cosine"),
    ("optimiser", "not printed", "Adam, without weight decay"),
    ("a number is", "the mean of 3 trainings (E.1)", "the same, with the deviation between them"),
    ("least learned τ", "not printed", "0.01, as in CLIP"),
    (
        "classification",
        "zero-shot and probe on CIFAR-10; the prompt is printed as"
        " “A photo of the number [NUMBER]” (E.3)",
        "classes of the held-out pairs; a class is the mean direction of its training texts",
    ),
    (
        "linear probe",
        "logistic regression (E.3)",
        "the same with a penalty on its weights, so that it feels how far embeddings spread",
    ),
    ("matching", "MMVP-VLM, nine visual patterns (E.3)", "twins that differ in one detail"),
    (
        "uniformity",
        "-W₂ to N(0, I/m), m not said (E.2)",
        "m is the dimension of the embeddings",
    ),
    ("A0, A1", "how many periods is not printed; Appendix F calls them A1 and A2", "ten periods"),
    ("Hard Swap Feature", "its portion p is not printed", "“HS rows”, p = 0.01"),
    (
        "Remove Normalization",
        "the frozen τ is not printed",
        "“No normalization”, τ = 1; measured on normalised rows like all others",
    ),
)
"""Where the recipe is not the paper's, or the paper leaves it open."""

RULES = """\
## Verdicts

Each conclusion is decided by one rule. A difference is taken within seeds, since methods share the
data, weights and batches of a seed; ± is then its standard error, and it counts when Student's 95 %
interval leaves out 0. A rank correlation ρ (Spearman's, over methods) counts when its 95 %
bootstrap interval, in brackets, does. "No strong correlation" is accepted when |ρ| is below {weak},
rejected when |ρ| is {strong} or more and told from 0, and else undecided; methods are too few to
exclude a strong one. Retrieval is the mean of image and of text retrieval; the figures give each.
That it is followed only up to the best fixed temperature is our rule, since Table 3 has it fall
beyond; ρ with the hotter ones stands beside. The bootstrap takes methods for independent, which
they are not quite: under Adam "TR scale 10" and "SLRT 0.1" are one training. A method that acted in
fewer than {least} steps is undecided and in no correlation.

The last two columns apply the rules to the paper's numbers, which have no spread: to the methods
that the figure plots from which the paper draws the conclusion, and to all that its tables print.
Figures 6 and 7 plot nine of the 26 methods of Tables 2 to 5, Figure 5 plots twelve. On the nine,
everything that the paper says of Figures 6 and 7 holds (text retrieval alone goes with uniformity
at ρ = {text}, which is moderate). On the 26 both accuracies still rise with
uniformity, but whether retrieval rises as the gap falls cannot be told, even short of too hot a τ,
and the linear probe is better where the gap is larger. The 17 that Figures 6 and 7 leave out are
{left_out}.
On the twelve of Figure 5, three of which Figures 6 and 7 leave out, ρ(gap, retrieval) = {twelve}.
What ours give on the plotted methods alone stands above the panels of `fig6.png` and `fig7.png`.

Rules and data were fixed before the first table. What was changed after it, because a review of
method asked for it: differences and intervals were first those of means over seeds, at two standard
errors; correlations left out τ fixed beyond 7e-2, the paper's best, on all data; matching counted
as following neither unless an interval was very wide; the row on temperature control and the
training on 32,768 pairs were not there. What was changed again, after the paper's figures and
sentences were read letter by letter: its numbers came in two sets, as plotted and all; Figure 7,
one rule for each task until then (up with uniformity, and closer to it than to the gap), was parted
into the two things that the paper says; matching no longer has to be shown to follow neither, since
the paper says "not strongly", and the {strong} from which on a correlation is strong came in;
Figure 6b and the sentences on single methods got rows; and what the paper does not say was set
apart from what it says.
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
    parts = [_introduction(trainings, about, data, seed), _rules()]
    for title, said in {"What the paper says": True, "What its tables show, unsaid": False}.items():
        chosen = [c for c in CONCLUSIONS if bool(c.said) == said]
        parts.append(f"### {title}\n\n" + _conclusions(chosen, trainings, data))
    parts.append(_each_method(trainings, data))
    for number, (title, methods, keys) in TABLES.items():
        parts.append(f"## Table {number}: {title}\n")
        for d in data:
            known = [k for k in keys if np.isfinite(table[k][table["data"] == d]).any()]
            if list(known) == list(keys):
                parts.append(f"On {NAMES[d]} (in brackets the paper):\n")
                parts.append(_methods(table, d, number, methods, keys))
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
        differences=_grid(["", "the paper", "here"], DIFFERENCES, words=3),
        trainings="Of the baseline, means over seeds:\n\n" + _grid(head, rows, words=2),
    )
    if about["quick"]:
        text += "\n**A quick check on few pairs, no results.**\n"
    return text + (f"\n**Left out:** {about['left_out']}\n" if about["left_out"] else "")


WORDS = ("data", "method", "repeat")


def _rules() -> str:
    """How verdicts are found."""
    left_out = [name for name in papers().names if name not in NINE]

    def rho(names: Sequence[str], x: str, y: str) -> Interval:
        plotted = papers(names)
        return correlation(plotted, x, y, np.arange(len(plotted.names)))

    return RULES.format(
        least=LEAST_STEPS,
        weak=WEAK,
        strong=STRONG,
        left_out=textwrap.fill(", ".join(left_out), 98),
        text=rho(NINE, "uniformity", "text_retrieval"),
        twelve=rho(("Baseline", *ELEVEN), "gap", "retrieval"),
    )


def _conclusions(chosen: Sequence[Conclusion], trainings: Table, data: list[str]) -> str:
    """A row for each conclusion; a column for each data, and two for the paper."""
    sources = {NAMES[d]: ours(trainings, d) for d in data}
    rows = []
    for c in chosen:
        cells = [c.statement + (f"<br>{c.said}" if c.said else "")]
        cells += [_verdict(c.rule(methods)) for methods in sources.values()]
        if any(c.plotted for c in chosen):
            cells.append(_of_the_paper(c.rule(papers(c.plotted))) if c.plotted else "–")
        rows.append([*cells, _of_the_paper(c.rule(papers()))])
    head = ["conclusion", *sources]
    head += ["the paper, as plotted"] * any(c.plotted for c in chosen)
    return _grid([*head, "the paper, all it prints"], rows, words=len(rows[0]))


def _verdict(v: Verdict) -> str:
    return f"**{v.verdict}**<br>{v.numbers}"


def _of_the_paper(v: Verdict) -> str:
    return _verdict(v._replace(verdict=OF_THE_PAPER[v.verdict]))


OF_THE_PAPER = {REPRODUCED: "holds", NOT: "is not so", UNDECIDED: UNDECIDED}
"""The paper's numbers reproduce nothing; a conclusion is so in them or not."""


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


def _methods(
    table: Table, data: str, number: int, methods: Sequence[str], keys: Sequence[str]
) -> str:
    """One of the paper's tables."""
    row_of = {
        (d, m): i for i, (d, m) in enumerate(zip(table["data"], table["method"], strict=True))
    }
    paper = getattr(published, f"TABLE_{number}")
    printed = dict(zip(paper, published.PRINTED_NAMES[number], strict=True))
    rows = []
    for name in methods:
        i = row_of[data, name]
        rows.append([name, printed.get(name, "–")])
        rows[-1] += [f"{table['steps_acted'][i]:.4g}", f"{table['tau_end'][i]:.3g}"]
        for key in keys:
            theirs = f" ({as_printed(number, name, key)})" if name in paper else ""
            rows[-1].append(_cell(table, key, i) + theirs)
    head = ["method", "in the paper", "steps", "τ", *(COLUMNS[key][0] for key in keys)]
    return _grid(head, rows, words=2)


def _cell(table: Table, key: str, i: int) -> str:
    """Mean ± deviation."""
    digits = COLUMNS[key][1]
    return f"{table[key][i]:.{digits}f} ± {table[f'{key}_sd'][i]:.{digits}f}"


def as_printed(number: int, name: str, key: str) -> str:
    """A number of one of the paper's tables, with the decimals it is printed with.

    Three in Tables 1 and 2, and of gap and uniformity everywhere; else two, of which Tables 3 and 5
    drop zeros at the end.
    """
    value = getattr(getattr(published, f"TABLE_{number}")[name], key)
    if number in (1, 2) or key in ("gap", "uniformity"):
        return f"{value:.3f}"
    return f"{value:.2f}" if number == 4 else f"{value:.4g}"


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
