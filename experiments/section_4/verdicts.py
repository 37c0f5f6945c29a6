"""The conclusions of Section 4, and the rules that decide them from the numbers of one table.

Most conclusions are quoted from the paper. The others are not stated in it, but follow from its
tables. A rule returns `REPRODUCED`, `NOT` or `UNDECIDED` and the numbers that decided. It is
applied to our table for each kind of data. It is also applied to the paper's numbers, which have no
spread: once to the methods in the figure on which the paper bases the conclusion, and once to all
methods in its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from experiments.section_4 import runs
from experiments.section_4.correlation import Interval, rank_correlation
from experiments.section_4.evaluation import MEASURES
from experiments.section_4.runs import Table, by_seed, printed
from gapdyn import published
from gapdyn.types import Array

REPRODUCED, NOT, UNDECIDED = "reproduced", "not reproduced", "undecided"

LEAST_STEPS = 10
"""A method that acted in fewer steps of the training counts as not tried."""

LEVEL = 0.95
"""Level of Student's interval for a difference over seeds."""

MORE_THAN_CHANCE = 3
"""If none of the 20 methods for which the paper prints a smaller gap had an effect, the expected
number with a significantly larger gap would be one half, and three or more would have a probability
of 1.3 %."""

SWEEP = tuple(name for name in published.TABLE_3 if name.startswith("FLT"))

TEMPERATURE_CONTROL = ("Baseline", "FLT", "TS", "TR", "SLRT")

WEAK, STRONG = 0.5, 0.7
"""|ρ| below WEAK is not a strong correlation; from STRONG on it is, if its interval excludes 0."""


class Methods(NamedTuple):
    """Measures as arrays (methods, seeds), and the number of steps in which each method acted."""

    names: list[str]
    acted: Array
    values: dict[str, Array]

    def mean(self, key: str, rows: NDArray[np.intp] | None = None) -> Array:
        """Means over seeds, of all methods or of some."""
        return np.asarray(self.values[key].mean(axis=1)[... if rows is None else rows])

    def where(self, keep: Callable[[str], bool], *needed: str) -> NDArray[np.intp]:
        """Indices of the methods to keep, without those not tried or without a needed measure."""
        known = [np.isfinite(self.mean(key)) for key in needed]
        kept = np.array([keep(name) for name in self.names]) & (self.acted >= LEAST_STEPS)
        return np.flatnonzero(np.logical_and.reduce([kept, *known]))


class Verdict(NamedTuple):
    """The result of a rule, and the numbers that decided."""

    verdict: str
    numbers: str


LEAST_METHODS = 5
TOO_FEW = Verdict(UNDECIDED, f"fewer than {LEAST_METHODS} methods have the numbers")


def ours(trainings: Table, **where: str) -> Methods:
    """Our numbers for the trainings whose columns have given values, such as data="glyphs".

    A ValueError if no training has them, or a method has several with one seed.
    """
    kept = np.logical_and.reduce([trainings[key] == value for key, value in where.items()])
    if not kept.any():
        raise ValueError(f"no training has {where}")
    chosen = {key: column[kept] for key, column in trainings.items()}
    names = by_seed(chosen, "method")[:, 0].tolist()
    if len(set(names)) < len(names):
        raise ValueError(f"of each method there must be one training with {where}, and a seed")
    values = {key: by_seed(chosen, key) for key in MEASURES}
    return _with_retrieval(names, by_seed(chosen, "steps_acted").mean(axis=1), values)


def ours_by_data(trainings: Table) -> dict[str, Methods]:
    """Our numbers for each kind of data in trainings of one recipe."""
    return {data: ours(trainings, data=data) for data in dict.fromkeys(trainings["data"].tolist())}


def papers(among: Sequence[str] | None = None) -> Methods:
    """The paper's numbers for all 26 methods, or for some."""
    names = [name for name in runs.names() if printed(name) and (among is None or name in among)]
    values = {
        key: np.array([[printed(name).get(key, np.nan)] for name in names]) for key in MEASURES
    }
    return _with_retrieval(names, np.full(len(names), np.inf), values)


def _with_retrieval(names: list[str], acted: Array, values: dict[str, Array]) -> Methods:
    """The methods with one more measure, `retrieval`: the mean of image and text retrieval."""
    both = (values["image_retrieval"] + values["text_retrieval"]) / 2
    return Methods(names, acted, values | {"retrieval": both})


def change(m: Methods, key: str, name: str, other: str = "Baseline") -> tuple[float, float]:
    """Mean difference of a measure between two methods, and its standard error.

    All methods share the data, weights and batches of a seed, so each difference is of one seed.
    """
    i, j = m.names.index(name), m.names.index(other)
    differences = m.values[key][i] - m.values[key][j]
    spread = differences.std(ddof=1) if differences.size > 1 else 0.0
    return float(differences.mean()), float(spread / np.sqrt(differences.size))


def decided(m: Methods, key: str, name: str, other: str = "Baseline") -> int:
    """The sign of a change if Student's interval excludes 0, else 0."""
    difference, error = change(m, key, name, other)
    seeds = m.values[key].shape[1]
    reach = student(LEVEL, seeds) * error if seeds > 1 else 0.0
    return int(np.sign(difference)) if abs(difference) > reach else 0


def student(level: float, seeds: int) -> float:
    """Half the width of Student's interval for a mean over seeds, in standard errors."""
    return float(scipy.stats.t.ppf((1 + level) / 2, seeds - 1))


def stated(m: Methods, key: str, name: str, other: str = "Baseline", digits: int = 1) -> str:
    """A change and, if there are several seeds, its standard error, as text."""
    difference, error = change(m, key, name, other)
    spread = f" ± {error:.{digits}f}" if m.values[key].shape[1] > 1 else ""
    return f"{difference:+.{digits}f}{spread}"


def tried(m: Methods, name: str) -> bool:
    """Whether a method acted in enough steps."""
    return bool(m.acted[m.names.index(name)] >= LEAST_STEPS)


def claims_to_shrink(name: str) -> bool:
    """Whether the paper prints a smaller gap for a method than for the baseline."""
    return printed(name).get("gap", np.inf) < printed("Baseline")["gap"]


def each_shrinks(m: Methods, among: Sequence[str] | None = None) -> Verdict:
    """Whether each method has a smaller gap than the baseline.

    The methods are those for which the paper prints a smaller gap, or those in `among`.
    """
    claimed = [n for n in m.names if (claims_to_shrink(n) if among is None else n in among)]
    signs = {name: decided(m, "gap", name) if tried(m, name) else 0 for name in claimed}
    smaller, larger, undecided = ([n for n in claimed if signs[n] == s] for s in (-1, 1, 0))
    numbers = f"smaller in {len(smaller)} of {len(claimed)}"
    for word, names in {"larger": larger, "undecided": undecided}.items():
        numbers += f"; {word}: {', '.join(names)}" if names else ""
    if len(larger) >= MORE_THAN_CHANCE:
        return Verdict(NOT, numbers)
    return Verdict(UNDECIDED if larger or undecided else REPRODUCED, numbers)


def best_of_sweep(m: Methods) -> str:
    """The fixed temperature with the best retrieval."""
    sweep = [name for name in SWEEP if name in m.names]
    rows = np.array([m.names.index(name) for name in sweep])
    return sweep[int(m.mean("retrieval", rows).argmax())]


def hotter_than_best(m: Methods) -> tuple[str, ...]:
    """Fixed temperatures above the one with the best retrieval."""
    hotter = SWEEP[SWEEP.index(best_of_sweep(m)) + 1 :]
    return tuple(name for name in hotter if name in m.names)


def retrieval_rises(m: Methods, kinds: tuple[str, ...] = ("",)) -> Verdict:
    """Whether retrieval is higher where the gap is smaller, up to the best fixed temperature.

    `kinds` are beginnings of the names of the methods to consider.
    """
    hot = hotter_than_best(m)
    everywhere = m.where(lambda name: name.startswith(kinds), "gap", "retrieval")
    rows = np.array([i for i in everywhere if m.names[i] not in hot], dtype=np.intp)
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    rho = correlation(m, "gap", "retrieval", rows)
    numbers = f"ρ(gap, retrieval) = {rho} over {len(rows)} methods"
    if len(everywhere) > len(rows):
        numbers += f"; {correlation(m, 'gap', 'retrieval', everywhere)} over all {len(everywhere)}"
    return Verdict(_side(rho, -1), numbers)


def correlation(m: Methods, x: str, y: str, rows: NDArray[np.intp]) -> Interval:
    """Spearman's ρ of two measures over methods, with its interval."""
    return rank_correlation(m.mean(x, rows), m.mean(y, rows))


def turns_over(m: Methods) -> Verdict:
    """Whether the best retrieval over the fixed temperatures of Table 3 is not at an end."""
    best, ends = best_of_sweep(m), (SWEEP[0], SWEEP[-1])
    top = m.names.index(best)
    above = " and ".join(stated(m, "retrieval", best, end) for end in ends)
    numbers = f"best {best}: {m.mean('retrieval')[top]:.1f} %, against the ends {above}"
    numbers += f"; it stops rising at a gap of {m.mean('gap')[top]:.3f}"
    if best in ends:
        return Verdict(NOT, numbers)
    higher = all(decided(m, "retrieval", best, end) > 0 for end in ends)
    return Verdict(REPRODUCED if higher else UNDECIDED, numbers)


def rises_with_uniformity(m: Methods, task: str) -> Verdict:
    """Whether the score of a task rises with uniformity."""
    rows = m.where(lambda name: True, "uniformity", task)
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    rho = correlation(m, "uniformity", task, rows)
    numbers = f"ρ(uniformity, {_words(task)}) = {rho} over {len(rows)} methods"
    return Verdict(_side(rho, +1), numbers)


def not_strong(m: Methods, task: str, against: Sequence[str]) -> Verdict:
    """Whether a task has no strong correlation with any measure in `against`."""
    rows = m.where(lambda name: True, *against, task)
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    rhos = {x: correlation(m, x, task, rows) for x in against}
    numbers = ", ".join(f"ρ({x}, {_words(task)}) = {rho}" for x, rho in rhos.items())
    numbers += f" over {len(rows)} methods"
    significant = [rho for rho in rhos.values() if rho.low > 0 or rho.high < 0]
    if any(abs(rho.value) >= STRONG for rho in significant):
        return Verdict(NOT, numbers)
    weak = all(abs(rho.value) < WEAK for rho in rhos.values())
    return Verdict(REPRODUCED if weak else UNDECIDED, numbers)


def moves(m: Methods, name: str, expected: dict[str, int], other: str = "Baseline") -> Verdict:
    """Whether a method changes measures in the expected directions, +1 up and -1 down."""
    numbers = ", ".join(
        f"{_words(key)} {stated(m, key, name, other, digits=3 if key == 'gap' else 1)}"
        for key in expected
    )
    if not (tried(m, name) and tried(m, other)):
        return Verdict(UNDECIDED, f"{numbers}; acted in fewer than {LEAST_STEPS} steps")
    sides = {side * decided(m, key, name, other) for key, side in expected.items()}
    return Verdict(NOT if -1 in sides else UNDECIDED if 0 in sides else REPRODUCED, numbers)


def rows_less_than_entries(m: Methods) -> Verdict:
    """Whether swapping whole rows shrinks the gap, but less than swapping entries as often."""
    shrinks = moves(m, "HS rows", {"gap": -1})
    less = moves(m, "HS rows", {"gap": +1}, other="HS 1e-2")
    verdicts = {shrinks.verdict, less.verdict}
    verdict = next(v for v in (NOT, UNDECIDED, REPRODUCED) if v in verdicts)
    return Verdict(verdict, f"rows {shrinks.numbers}; against entries {less.numbers}")


def _words(key: str) -> str:
    """The name of a measure in sentences."""
    return WORDS.get(key, key.replace("_", " "))


WORDS = {"mmvp": "matching", "zero_shot": "zero-shot accuracy"}


def _side(rho: Interval, expected: int) -> str:
    """REPRODUCED if the interval is on the expected side of 0, NOT if it is on the other side."""
    low, high = sorted((expected * rho.low, expected * rho.high))
    return REPRODUCED if low > 0 else NOT if high < 0 else UNDECIDED


class Conclusion(NamedTuple):
    """A conclusion and the rule that decides it.

    Attributes
    ----------
    statement : str
    rule : callable
    said : str
        The paper's words and their place; empty if the paper does not state the conclusion.
    plotted : tuple of str
        The methods in the figure on which the paper bases the conclusion, if it bases it on one.
    """

    statement: str
    rule: Callable[[Methods], Verdict]
    said: str = ""
    plotted: tuple[str, ...] = ()


NINE = published.FIGURES_6_AND_7
ELEVEN = tuple(
    name for names in published.FIGURE_5.values() for name in names if name != "Baseline"
)
HARD = ("HS 1e-3", "HS 1e-2", "HS 1e-1", "HS 1")
ALL_TASKS = dict.fromkeys(("zero_shot", "linear_probe", "image_retrieval", "text_retrieval"), +1)
RETRIEVALS = dict.fromkeys(("image_retrieval", "text_retrieval"), +1)

PROBES = {"zero_shot": "Zero-shot accuracy", "linear_probe": "The linear probe"}

CONCLUSIONS = (
    Conclusion(
        "Retrieval rises as the gap falls, up to the best fixed temperature",
        retrieval_rises,
        "“a smaller modality gap clearly leads to a higher retrieval accuracy” (Section 4.2, p. 9,"
        " of Figure 6a)",
        NINE,
    ),
    Conclusion(
        "Retrieval has no strong correlation with uniformity",
        partial(not_strong, task="retrieval", against=("uniformity",)),
        "“uniformity does not show a strong correlation with the retrieval accuracy” (Section 4.2,"
        " p. 9, of Figure 6b)",
        NINE,
    ),
    *(
        Conclusion(
            f"{name} has no strong correlation with the gap",
            partial(not_strong, task=task, against=("gap",)),
            "“not strongly correlated with modality gap” (Figure 7, p. 9)",
            NINE,
        )
        for task, name in PROBES.items()
    ),
    *(
        Conclusion(
            f"{name} rises with uniformity",
            partial(rises_with_uniformity, task=task),
            "“Uniformity has a clear positive correlation with zero-shot and linear probe"
            " accuracies instead” (Figure 7, p. 9)",
            NINE,
        )
        for task, name in PROBES.items()
    ),
    Conclusion(
        "Matching of pairs of pairs has no strong correlation with gap or uniformity",
        partial(not_strong, task="mmvp", against=("gap", "uniformity")),
        "“MMVP-VLM accuracy does not strongly correlate with modality gap or uniformity” (Table 1,"
        " p. 10)",
    ),
    Conclusion(
        "The methods of Figure 5 shrink the gap",
        partial(each_shrinks, among=ELEVEN),
        "“Our methods reduce modality gap and may influence the uniformity of the feature space”"
        " (Figure 5, p. 8)",
        ("Baseline", *ELEVEN),
    ),
    Conclusion(
        "A temperature that rises from 0.01 to 0.05 shrinks the gap and helps retrieval",
        partial(moves, name="TS S3", expected={"gap": -1, **RETRIEVALS}),
        "“reduces the modality gap and leads to better text-image retrieval performance” (D.1,"
        " p. 20, of TS)",
    ),
    Conclusion(
        "Softplus ends the training with a smaller gap (our test of a rate)",
        partial(moves, name="TR softplus", expected={"gap": -1}),
        "“alternatives that yield a higher gap closing rate, such as” softplus (Section 4.1, p. 8)",
    ),
    Conclusion(
        "A slower temperature shrinks the gap and improves performance (here: every task)",
        partial(moves, name="SLRT 0.1", expected={"gap": -1, **ALL_TASKS}),
        "“The result shows improved performance with reduced gap” (D.1, p. 20, of SLRT)",
    ),
    Conclusion(
        "Hard swapping shrinks the gap (our test: at each portion tried)",
        partial(each_shrinks, among=HARD),
        "“It turns out to be a strong method for closing the gap” (D.2, p. 20, of HS)",
    ),
    Conclusion(
        "Swapping whole rows shrinks the gap, less than swapping entries does",
        rows_less_than_entries,
        "“Hard Swap Feature reduces the center distance as well, but the reduced amount is less"
        " than HS (swapping entries)” (Appendix F, p. 23)",
    ),
    Conclusion(
        "Without normalisation the gap is larger",
        partial(moves, name="No normalization", expected={"gap": +1}),
        "“Remove Normalization results in a larger modality gap” (Appendix F, p. 23)",
    ),
    Conclusion(
        "Retrieval rises as the gap falls among the methods of temperature control alone",
        partial(retrieval_rises, kinds=TEMPERATURE_CONTROL),
    ),
    Conclusion(
        "Retrieval stops rising: in the sweep of Table 3 it is best strictly inside", turns_over
    ),
    Conclusion("Each method with a smaller gap in Tables 2 to 5 shrinks it", each_shrinks),
    Conclusion(
        "Hard swapping all the time (p = 1) hurts",
        partial(moves, name="HS 1", expected={"retrieval": -1, "linear_probe": -1}),
    ),
)
"""What Section 4 and Appendices D and F state, then what only their tables show."""
