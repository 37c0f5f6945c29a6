"""What each measure means, in half a line, and which values of it are unusual."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from gapdyn.measures import Measures

MEANINGS: dict[str, dict[str, str]] = {
    "rows": {
        "pairs": "matching pairs",
        "rows_x": "rows of X, equal ones of a group counted once",
        "rows_y": "the same of Y",
        "dim": "dimension d",
    },
    "gap": {
        "gap": "distance Δ of the centres, from 0 to 2",
        "gap_squared": "Δ², as some print it",
        "normalised_gap": "the same of centres that are put on the sphere",
        "centroid_angle": "degrees between the centres",
        "null_gap": "the gap if partners change places at random",
        "null_gap_95": "95 % of such exchanges give less",
        "relative_gap": "distance of pairs beside that within modalities; 0.5 is even",
        "spread_gap": "the gap in units of a modality's standard deviation",
        "gap_in_top_1": "share of Δ² in its largest coordinate",
        "gap_in_top_10": "share of Δ² in its ten largest coordinates",
    },
    "pairs": {
        "pair_distance": "mean distance of partners",
        "pair_cosine": "mean cosine of partners",
        "alignment": "mean squared distance of partners",
        "intra_cosine_x": "mean cosine of two rows of X; near 1 they are in a cone",
        "intra_cosine_y": "the same of Y",
        "cross_cosine": "mean cosine of rows of X and Y that do not match",
        "margin": "least lead of a partner over all others",
        "mismatched": "pairs that another row beats",
        "global_margin": "half of least partner less largest stranger, by cosine",
        "relative_bias": "the cosine halfway between these two",
    },
    "retrieval": {
        "recall_at_1_x_to_y": "share of X whose partner comes first; ties count against it",
        "recall_at_1_y_to_x": "the same from Y to X",
        "recall_at_5_x_to_y": "share whose partner is among the first five",
        "recall_at_5_y_to_x": "the same from Y to X",
        "recall_at_10_x_to_y": "share whose partner is among the first ten",
        "recall_at_10_y_to_x": "the same from Y to X",
        "mean_rank_x_to_y": "mean place of the partner; 1 is first",
        "mean_rank_y_to_x": "the same from Y to X",
        "median_rank_x_to_y": "its median",
        "median_rank_y_to_x": "the same from Y to X",
    },
    "spread": {
        "height_x": "mean position along the gap",
        "height_x_std": "and its standard deviation",
        "height_y": "the same of Y",
        "height_y_std": "and its standard deviation",
        "parallelism_x": "share of the variance across the gap; 1 is parallel",
        "parallelism_y": "the same of Y",
        "effective_rank_x": "directions in use, by entropy",
        "effective_rank_y": "the same of Y",
        "dimensions_99_x": "directions that hold 99 % of the variance",
        "dimensions_99_y": "the same of Y",
        "wasserstein_uniformity": "-W₂ to an even spread, all rows together; 0 is even",
        "uniformity": "its old name",
    },
    "two samples": {
        "sampled": "pairs, one a group, of which the following are taken",
        "uniformity_x": "log mean exp(-2 dist²); less is more even, some -4 at best",
        "uniformity_y": "the same of Y",
        "uniformity_cross": "the same across",
        "energy": "energy distance of the modalities, squared; 0 is alike",
        "mmd": "kernel distance of the modalities, squared; 0 is alike",
        "separability": "accuracy of a linear classifier of modality; 0.5 is none",
        "pair_cost": "mean 1 - cos of partners",
        "transport_cost": "the same of the assignment that costs least",
    },
    "loss": {
        "loss": "contrastive loss at the τ that was given",
        "temperature_for_gap": "the τ at which the loss of these rows is least",
        "best_loss": "the loss there",
        "log_n": "ln of the pairs sampled, the loss of rows that say nothing",
    },
}
"""By section, in the order of `Measures`."""


class Finding(NamedTuple):
    """A value that is unusual, and why."""

    name: str
    reason: str


Rule = tuple[str, Callable[[Measures], bool], str]

RULES: tuple[Rule, ...] = (
    ("gap", lambda m: m.gap > m.null_gap_95, "more than chance gives (null_gap_95)"),
    ("relative_gap", lambda m: m.relative_gap > 0.5, "partners are far, beside what is within"),
    ("spread_gap", lambda m: m.spread_gap > 1, "the gap is wider than the modalities"),
    ("gap_in_top_1", lambda m: 4 * m.gap_in_top_1 > 1 and m.dim > 10, "one coordinate leads"),
    ("pair_cosine", lambda m: m.pair_cosine <= m.cross_cosine, "no more than of strangers"),
    ("intra_cosine_x", lambda m: m.intra_cosine_x > 0.4, "X is in a cone"),
    ("intra_cosine_y", lambda m: m.intra_cosine_y > 0.4, "Y is in a cone"),
    ("recall_at_1_x_to_y", lambda m: m.recall_at_1_x_to_y <= 2 / m.rows_y, "no more than chance"),
    ("recall_at_1_y_to_x", lambda m: m.recall_at_1_y_to_x <= 2 / m.rows_x, "no more than chance"),
    ("effective_rank_x", lambda m: 10 * m.effective_rank_x < _room(m, m.rows_x), "X collapses"),
    ("effective_rank_y", lambda m: 10 * m.effective_rank_y < _room(m, m.rows_y), "Y collapses"),
    ("separability", lambda m: m.separability > 0.95, "a plane parts the modalities"),
    ("temperature_for_gap", lambda m: m.temperature_for_gap == 0, "all match: lower is better"),
    ("temperature_for_gap", lambda m: math.isnan(m.temperature_for_gap), "no τ is of use here"),
    ("loss", lambda m: m.loss > 0.98 * m.log_n, "no less than of rows that say nothing (log_n)"),
)
"""Measure, when it is unusual, and what that says. Comparisons with NaN are false."""


def _room(m: Measures, rows: int) -> int:
    """The largest rank that so many centred rows can have."""
    return min(m.dim, rows - 1)


def unusual(measures: Measures) -> list[Finding]:
    """What a reader should not overlook, in the order of the table."""
    return [Finding(name, reason) for name, applies, reason in RULES if applies(measures)]


def table(measures: Measures) -> str:
    """The measures by section, each with its meaning, `!` where it is unusual, and why below."""
    values, findings = measures.to_dict(), unusual(measures)
    marked = {finding.name for finding in findings}
    lines: list[str] = []
    for section, meanings in MEANINGS.items():
        lines += ["", section]
        for name, meaning in meanings.items():
            mark = "!" if name in marked else " "
            lines.append(f"  {name:22} {_shown(values[name]):>11} {mark} {meaning}")
    if measures.intervals:
        lines += ["", "95 % intervals"]
        for name, (low, high) in measures.intervals.items():
            lines.append(f"  {name:22} {low:>11.6g} to {high:.6g}")
    if findings:
        width = max(len(finding.name) for finding in findings)
        lines += ["", "! unusual"]
        lines += [f"  {finding.name:{width}}  {finding.reason}" for finding in findings]
    lines += ["", "to report", *(f"  {line}" for line in report(measures))]
    return "\n".join(lines[1:])


def report(measures: Measures) -> tuple[str, str]:
    """What others need in order to compare two modalities with theirs."""
    m = measures
    return (
        f"gap {m.gap:.3f} between the centres of unit rows (by chance {m.null_gap:.3f}),"
        f" {m.pairs:,} pairs in {m.dim:,} dimensions,",
        f"recall@1 {m.recall_at_1_x_to_y:.3f} from x to y and {m.recall_at_1_y_to_x:.3f} back",
    )


def _shown(value: float) -> str:
    """A number to six digits, a dash where it is undefined."""
    return "-" if math.isnan(value) else f"{value:.6g}"
