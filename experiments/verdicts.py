"""The conclusions of Section 4, each decided by a rule from the numbers of one table.

A rule gives `REPRODUCED`, `NOT` or `UNDECIDED`, and the numbers that decided. It is applied to the
encoders' table of each data, and to the paper's printed numbers, which have no spread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from experiments import section_4
from experiments.correlation import Interval, closer_to_first, rank_correlation
from experiments.evaluation import MEASURES
from experiments.section_4 import Table, by_seed, printed
from gapdyn import published
from gapdyn._validate import Array

REPRODUCED, NOT, UNDECIDED = "reproduced", "not reproduced", "undecided"

LEAST_STEPS = 10
"""A method that acted in fewer steps of training has not been tried."""

LEVEL = 0.95
"""Of Student's interval of a difference over seeds."""

MORE_THAN_CHANCE = 3
"""Of the 20 methods that the paper shrinks the gap with, half a one would be decided to widen it by
chance; three or more with a probability of 1.3 %."""

SWEEP = tuple(name for name in published.TABLE_3 if name.startswith("FLT"))

TEMPERATURE_CONTROL = ("Baseline", "FLT", "TS", "TR", "SLRT")

WEAK = 0.5
"""Correlations within ±WEAK are called none."""


class Methods(NamedTuple):
    """Every measure by method and seed, (methods, seeds), and in how many steps a method acted."""

    names: list[str]
    acted: Array
    values: dict[str, Array]

    def mean(self, key: str, rows: NDArray[np.intp] | None = None) -> Array:
        """Means over seeds, of all methods or of some."""
        mean: Array = self.values[key].mean(axis=1)
        return mean if rows is None else mean[rows]

    def where(self, keep: Callable[[str], bool], *needed: str) -> NDArray[np.intp]:
        """Indices of the methods to keep that acted and have the needed measures."""
        known = [np.isfinite(self.mean(key)) for key in needed]
        kept = np.array([keep(name) for name in self.names]) & (self.acted >= LEAST_STEPS)
        return np.flatnonzero(np.logical_and.reduce([kept, *known]))


class Verdict(NamedTuple):
    """What a rule says, and the numbers that made it say so."""

    verdict: str
    numbers: str


LEAST_METHODS = 5
TOO_FEW = Verdict(UNDECIDED, f"fewer than {LEAST_METHODS} methods have the numbers")


def ours(trainings: Table, data: str) -> Methods:
    """The encoders' methods on one of the data."""
    rows = by_seed(trainings, "data")[:, 0] == data
    values = {key: by_seed(trainings, key)[rows] for key in MEASURES}
    names = by_seed(trainings, "method")[rows, 0].tolist()
    return _with_retrieval(names, by_seed(trainings, "steps_acted")[rows].mean(axis=1), values)


def papers() -> Methods:
    """The methods that the paper prints."""
    names = [name for name in section_4.names() if printed(name)]
    values = {
        key: np.array([[printed(name).get(key, np.nan)] for name in names]) for key in MEASURES
    }
    return _with_retrieval(names, np.full(len(names), np.inf), values)


def _with_retrieval(names: list[str], acted: Array, values: dict[str, Array]) -> Methods:
    """With `retrieval`, the mean of both ways."""
    both = (values["image_retrieval"] + values["text_retrieval"]) / 2
    return Methods(names, acted, values | {"retrieval": both})


def change(m: Methods, key: str, name: str, other: str = "Baseline") -> tuple[float, float]:
    """Mean difference of a measure between two methods, and its standard error.

    Methods share data, weights and batches of a seed, so the difference is taken within seeds.
    """
    i, j = m.names.index(name), m.names.index(other)
    differences = m.values[key][i] - m.values[key][j]
    spread = differences.std(ddof=1) if differences.size > 1 else 0.0
    return float(differences.mean()), float(spread / np.sqrt(differences.size))


def decided(m: Methods, key: str, name: str, other: str = "Baseline") -> int:
    """The sign of a change whose Student interval leaves out 0, else 0."""
    difference, error = change(m, key, name, other)
    seeds = m.values[key].shape[1]
    reach = student(LEVEL, seeds) * error if seeds > 1 else 0.0
    return int(np.sign(difference)) if abs(difference) > reach else 0


def student(level: float, seeds: int) -> float:
    """Half the width of Student's interval of a mean over seeds, in standard errors."""
    return float(scipy.stats.t.ppf((1 + level) / 2, seeds - 1))


def stated(m: Methods, key: str, name: str, other: str = "Baseline", digits: int = 1) -> str:
    """A change and its standard error, where there is one."""
    difference, error = change(m, key, name, other)
    spread = f" ± {error:.{digits}f}" if m.values[key].shape[1] > 1 else ""
    return f"{difference:+.{digits}f}{spread}"


def tried(m: Methods, name: str) -> bool:
    """Whether a method acted in steps enough."""
    return bool(m.acted[m.names.index(name)] >= LEAST_STEPS)


def claims_to_shrink(name: str) -> bool:
    """Whether the paper prints a smaller gap for a method than for the baseline."""
    return printed(name).get("gap", np.inf) < printed("Baseline")["gap"]


def each_shrinks(m: Methods) -> Verdict:
    """Whether each method that the paper prints a smaller gap for has one."""
    claimed = [name for name in m.names if claims_to_shrink(name)]
    signs = {name: decided(m, "gap", name) if tried(m, name) else 0 for name in claimed}
    lists = {
        word: [name for name in claimed if signs[name] == sign]
        for word, sign in (("smaller", -1), ("larger", 1), ("undecided", 0))
    }
    numbers = f"smaller in {len(lists.pop('smaller'))} of {len(claimed)}"
    for word, names in lists.items():
        numbers += f"; {word}: {', '.join(names)}" if names else ""
    if len(lists["larger"]) >= MORE_THAN_CHANCE:
        return Verdict(NOT, numbers)
    return Verdict(UNDECIDED if any(lists.values()) else REPRODUCED, numbers)


def best_of_sweep(m: Methods) -> str:
    """The fixed temperature at which retrieval is best."""
    rows = np.array([m.names.index(name) for name in SWEEP])
    return SWEEP[int(m.mean("retrieval", rows).argmax())]


def hotter_than_best(m: Methods) -> tuple[str, ...]:
    """Fixed temperatures beyond the best."""
    return SWEEP[SWEEP.index(best_of_sweep(m)) + 1 :]


def retrieval_rises(m: Methods, kinds: tuple[str, ...] | None = None) -> Verdict:
    """Whether retrieval is higher where the gap is smaller, up to the best fixed temperature.

    Among all methods, or among those whose names begin with one of `kinds`.
    """
    hot = hotter_than_best(m)

    def counts(name: str) -> bool:
        return name not in hot and (kinds is None or name.startswith(kinds))

    rows = m.where(counts, "gap", "retrieval")
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    rho = rank_correlation(m.mean("gap", rows), m.mean("retrieval", rows))
    return Verdict(_side(rho, -1), f"ρ(gap, retrieval) = {rho} over {len(rows)} methods")


def turns_over(m: Methods) -> Verdict:
    """Whether retrieval in the sweep of fixed temperatures is best strictly inside: Table 3."""
    best, ends = best_of_sweep(m), (SWEEP[0], SWEEP[-1])
    top = m.names.index(best)
    above = " and ".join(stated(m, "retrieval", best, end) for end in ends)
    numbers = f"best {best}: {m.mean('retrieval')[top]:.1f} %, against the ends {above}"
    numbers += f"; it stops rising at a gap of {m.mean('gap')[top]:.3f}"
    if best in ends:
        return Verdict(NOT, numbers)
    higher = all(decided(m, "retrieval", best, end) > 0 for end in ends)
    return Verdict(REPRODUCED if higher else UNDECIDED, numbers)


def uniformity_counts(m: Methods, task: str) -> Verdict:
    """Whether a task goes up with uniformity, and closer than with the gap."""
    rows = m.where(lambda name: True, "gap", "uniformity", task)
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    score, gap, uniformity = (m.mean(key, rows) for key in (task, "gap", "uniformity"))
    rho, other = rank_correlation(uniformity, score), rank_correlation(gap, score)
    closer = closer_to_first(score, uniformity, gap)
    numbers = f"ρ with uniformity {rho}, with the gap {other}, closer by {closer}"
    verdicts = {_side(rho, +1), _side(closer, +1)}
    verdict = next(v for v in (NOT, UNDECIDED, REPRODUCED) if v in verdicts)
    return Verdict(verdict, numbers)


def always_swapping_hurts(m: Methods) -> Verdict:
    """Whether hard swapping all the time costs retrieval and the linear probe."""
    tasks = {"retrieval": "retrieval", "linear_probe": "linear probe"}
    signs = {decided(m, key, "HS 1") for key in tasks}
    numbers = ", ".join(f"{word} {stated(m, key, 'HS 1')}" for key, word in tasks.items())
    return Verdict(REPRODUCED if signs == {-1} else NOT if 1 in signs else UNDECIDED, numbers)


def matching_follows_neither(m: Methods) -> Verdict:
    """Whether pair-of-pairs matching goes with neither gap nor uniformity."""
    rows = m.where(lambda name: True, "mmvp")
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    score = m.mean("mmvp", rows)
    rhos = [rank_correlation(m.mean(key, rows), score) for key in ("gap", "uniformity")]
    numbers = "ρ with the gap {}, with uniformity {}".format(*rhos)
    numbers += f"; {score.min():.1f} to {score.max():.1f} %, by chance 25"
    if any(rho.low > 0 or rho.high < 0 for rho in rhos):
        return Verdict(NOT, numbers)
    none = all(rho.low > -WEAK and rho.high < WEAK for rho in rhos)
    return Verdict(REPRODUCED if none else UNDECIDED, numbers)


def _side(rho: Interval, expected: int) -> str:
    """REPRODUCED when the interval is on the expected side of 0, NOT when on the other."""
    low, high = sorted((expected * rho.low, expected * rho.high))
    return REPRODUCED if low > 0 else NOT if high < 0 else UNDECIDED


CONCLUSIONS: dict[str, Callable[[Methods], Verdict]] = {
    "Retrieval rises as the gap falls, up to the best fixed temperature": retrieval_rises,
    "The same among the methods of temperature control alone": partial(
        retrieval_rises, kinds=TEMPERATURE_CONTROL
    ),
    "Retrieval stops rising: in the sweep of Table 3 it is best strictly inside": turns_over,
    "Zero-shot classification goes with uniformity, not with the gap": partial(
        uniformity_counts, task="zero_shot"
    ),
    "The linear probe goes with uniformity, not with the gap": partial(
        uniformity_counts, task="linear_probe"
    ),
    "Each method that the paper prints a smaller gap for shrinks it": each_shrinks,
    "Hard swapping all the time (p = 1) hurts": always_swapping_hurts,
    "Matching of pairs of pairs follows neither gap nor uniformity": matching_follows_neither,
}
"""What Section 4 and Appendix D conclude, and the rule that decides it."""
