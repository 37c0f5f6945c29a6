"""The conclusions of Section 4, each decided by a rule from the numbers of one table.

A rule gives `REPRODUCED`, `NOT` or `UNDECIDED`, and the numbers that decided. It is applied to the
encoders' table of each data, and to the paper's printed numbers, which have no spread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
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

SWEEP = tuple(name for name in published.TABLE_3 if name.startswith("FLT"))
PAST_THE_BEST = SWEEP[SWEEP.index("FLT 7e-2") + 1 :]
"""Fixed temperatures beyond the best of the paper's Table 3."""

TEMPERATURE_CONTROL = ("Baseline", "FLT", "TS", "TR", "SLRT")

WIDE = 0.5
"""An interval that reaches beyond ±WIDE on both sides tells nothing of a correlation."""


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


def decided(difference: float, error: float) -> int:
    """The sign of a difference of more than two standard errors, 0 of a smaller one."""
    return int(np.sign(difference)) if abs(difference) > 2 * error else 0


def shrinks(m: Methods, name: str) -> Verdict:
    """Whether one method has a smaller gap than the baseline."""
    difference, error = change(m, "gap", name)
    acted = m.acted[m.names.index(name)]
    numbers = f"{difference:+.3f} ± {error:.3f}"
    if acted < LEAST_STEPS:
        return Verdict(UNDECIDED, f"{numbers}, acted in {acted:.3g} steps")
    return Verdict({-1: REPRODUCED, 0: UNDECIDED, 1: NOT}[decided(difference, error)], numbers)


def claims_to_shrink(name: str) -> bool:
    """Whether the paper prints a smaller gap for a method than for the baseline."""
    return printed(name).get("gap", np.inf) < printed("Baseline")["gap"]


def each_shrinks(m: Methods) -> Verdict:
    """Whether each method that the paper prints a smaller gap for has one."""
    claimed = [name for name in m.names if claims_to_shrink(name)]
    found = {name: shrinks(m, name).verdict for name in claimed}
    lists = {v: [name for name in claimed if found[name] == v] for v in (NOT, UNDECIDED)}
    numbers = f"{sum(v == REPRODUCED for v in found.values())} of {len(claimed)}"
    for verdict, names in lists.items():
        numbers += f"; {verdict}: {', '.join(names)}" if names else ""
    verdict = NOT if lists[NOT] else UNDECIDED if lists[UNDECIDED] else REPRODUCED
    return Verdict(verdict, numbers)


def retrieval_rises(m: Methods, kinds: tuple[str, ...] | None = None) -> Verdict:
    """Whether retrieval is higher where the gap is smaller, up to the paper's best temperature.

    Among all methods, or among those whose names begin with one of `kinds`.
    """

    def counts(name: str) -> bool:
        return name not in PAST_THE_BEST and (kinds is None or name.startswith(kinds))

    rows = m.where(counts, "gap", "retrieval")
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    rho = rank_correlation(m.mean("gap", rows), m.mean("retrieval", rows))
    return Verdict(_sign(rho, -1), f"ρ(gap, retrieval) = {rho} over {len(rows)} methods")


def turns_over(m: Methods) -> Verdict:
    """Whether retrieval in the sweep of fixed temperatures is best strictly inside: Table 3."""
    order = np.array([m.names.index(name) for name in SWEEP])
    best = SWEEP[int(m.mean("retrieval", order).argmax())]
    top = m.names.index(best)
    ends = [change(m, "retrieval", best, end) for end in (SWEEP[0], SWEEP[-1])]
    numbers = f"best {best}: {m.mean('retrieval')[top]:.1f} %, above the ends by "
    numbers += " and ".join(f"{d:.1f} ± {e:.1f}" for d, e in ends)
    numbers += f"; it stops rising at a gap of {m.mean('gap')[top]:.3f}"
    if best in (SWEEP[0], SWEEP[-1]):
        return Verdict(NOT, numbers)
    return Verdict(REPRODUCED if all(decided(*end) > 0 for end in ends) else UNDECIDED, numbers)


def uniformity_counts(m: Methods, task: str) -> Verdict:
    """Whether a task goes up with uniformity, and closer than with the gap."""
    rows = m.where(lambda name: True, "gap", "uniformity", task)
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    score, gap, uniformity = (m.mean(key, rows) for key in (task, "gap", "uniformity"))
    rho, other = rank_correlation(uniformity, score), rank_correlation(gap, score)
    closer = closer_to_first(score, uniformity, gap)
    numbers = f"ρ with uniformity {rho}, with the gap {other}, closer by {closer}"
    verdicts = {_sign(rho, +1), _sign(closer, +1)}
    verdict = next(v for v in (NOT, UNDECIDED, REPRODUCED) if v in verdicts)
    return Verdict(verdict, numbers)


def always_swapping_hurts(m: Methods) -> Verdict:
    """Whether hard swapping all the time costs retrieval and the linear probe."""
    changes = {key: change(m, key, "HS 1") for key in ("retrieval", "linear_probe")}
    signs = {decided(*c) for c in changes.values()}
    numbers = ", ".join(f"{key} {d:+.1f} ± {e:.1f}" for key, (d, e) in changes.items())
    numbers = numbers.replace("linear_probe", "linear probe")
    return Verdict(REPRODUCED if signs == {-1} else NOT if 1 in signs else UNDECIDED, numbers)


def matching_follows_neither(m: Methods) -> Verdict:
    """Whether pair-of-pairs matching goes with neither gap nor uniformity."""
    rows = m.where(lambda name: True, "mmvp")
    if len(rows) < LEAST_METHODS:
        return TOO_FEW
    score = m.mean("mmvp", rows)
    rhos = [rank_correlation(m.mean(key, rows), score) for key in ("gap", "uniformity")]
    numbers = "ρ with the gap {}, with uniformity {}".format(*rhos)
    if any(rho.low > 0 or rho.high < 0 for rho in rhos):
        return Verdict(NOT, numbers)
    vague = any(rho.low < -WIDE and rho.high > WIDE for rho in rhos)
    return Verdict(UNDECIDED if vague else REPRODUCED, numbers)


def _sign(rho: Interval, expected: int) -> str:
    """REPRODUCED when the interval is on the expected side of 0, NOT when on the other."""
    low, high = sorted((expected * rho.low, expected * rho.high))
    return REPRODUCED if low > 0 else NOT if high < 0 else UNDECIDED


CONCLUSIONS: dict[str, Callable[[Methods], Verdict]] = {
    "Retrieval rises as the gap falls (τ fixed beyond 7e-2 left out)": retrieval_rises,
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
