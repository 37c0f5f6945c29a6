"""The audit: every statement of the paper and every one beyond it, with verdict and evidence.

`STATEMENTS` is the record; `run` checks it again, `gapdyn verify` prints it, and docs/audit.md is
`markdown` of it. "Theory" numbers are the sections of docs/theory.md.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from gapdyn.theory.evidence import (
    Evidence,
    appendix_c,
    exchange_law,
    lemma_3_1,
    paper,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

Verdict = Literal["holds", "holds as corrected", "fails as printed"]
HOLDS: Verdict = "holds"
CORRECTED: Verdict = "holds as corrected"
FAILS: Verdict = "fails as printed"


class Statement(NamedTuple):
    """A statement on record.

    Attributes
    ----------
    id : str
        Name for `gapdyn verify --id`.
    where : str
        Where it stands, in the paper or in docs/theory.md.
    claim : str
        What it says.
    verdict : str
        `holds`; `holds as corrected`: the statement stands, its proof or constant is mended;
        `fails as printed`: there is a counterexample.
    check : callable
        Gathers the evidence anew.
    """

    id: str
    where: str
    claim: str
    verdict: Verdict
    check: Callable[[bool], Evidence]


@dataclass(frozen=True)
class Entry:
    """A statement with its evidence.

    Attributes
    ----------
    id, where, claim, verdict : str
        As in `Statement`.
    evidence : str
        The counterexample or the largest departure seen, over what, with which seed.
    confirmed : bool
        Whether the evidence agrees with the verdict.
    """

    id: str
    where: str
    claim: str
    verdict: Verdict
    evidence: str
    confirmed: bool

    def to_dict(self) -> dict[str, str]:
        """Return id, where, claim, verdict and evidence; contradicting evidence says so."""
        note = "" if self.confirmed else "CONTRADICTS THE VERDICT: "
        return {
            "id": self.id,
            "where": self.where,
            "claim": self.claim,
            "verdict": self.verdict,
            "evidence": note + self.evidence,
        }


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "lemma-3.1-ratio",
        "Lemma 3.1, eq. (5)",
        "(dγ/dt)/(dβ/dt) = -2βγ/(β'(ν)²(1-γ²))",
        HOLDS,
        lemma_3_1.ratio,
    ),
    Statement(
        "lemma-3.1-integral",
        "Lemma 3.1, eq. (6)",
        "With β = exp ν, β = β₀√(γ₀/γ) exp((γ²-γ₀²)/4), whatever X and Y do",
        HOLDS,
        lemma_3_1.integral,
    ),
    Statement(
        "lemma-3.1-order",
        "Lemma 3.1",
        "R = Θ(1/β)",
        FAILS,
        lemma_3_1.order,
    ),
    Statement(
        "lemma-b.1-a",
        "Lemma B.1(a)",
        "z_i ≥ max z implies μ_i(z, a) ≥ 0",
        HOLDS,
        theorem_3_2.lemma_b_1_a,
    ),
    Statement(
        "lemma-b.1-b",
        "Lemma B.1(b)",
        "a ≥ log(4n-4)/α and a lead of α imply μ_i(z, a) ≤ α(n-1)/(n-1+e^{aα})",
        HOLDS,
        theorem_3_2.lemma_b_1_b,
    ),
    Statement(
        "theorem-3.2",
        "Theorem 3.2",
        "With β = exp ν, α(Z(t)) ≥ α > 0 and β₀ ≥ log(4(n-1))/(α(1-γ₀²)), Δ(t) ≥ Ω(1/log²t)",
        CORRECTED,
        theorem_3_2.theorem,
    ),
    Statement(
        "theorem-3.2-last-line",
        "Proof of Theorem 3.2, last line",
        "γ(t) ≥ c₂/log(c₃t + e^{c₄/√γ₀})²",
        FAILS,
        theorem_3_2.last_line,
    ),
    Statement(
        "theorem-3.2-c2",
        "Proof of Theorem 3.2",
        "(1/55)x²e^{-x/10} ≤ 1 leaves c₄ = c₂ - 1/10 > 0 under the hypotheses",
        FAILS,
        theorem_3_2.c2,
    ),
    Statement(
        "theorem-3.2-sketch",
        "Sketch after Theorem 3.2",
        "β grows like 1/√γ, so dγ/dt is about -√γ e^{-1/√γ} and γ about 1/log²t",
        CORRECTED,
        theorem_3_2.sketch,
    ),
    Statement(
        "theorem-3.2-gap",
        "After Theorem 3.2; Figure 4(a)",
        "The gap Δ, not γ alone, closes at the rate 1/log²t",
        FAILS,
        theorem_3_2.gap_rate,
    ),
    Statement(
        "lemma-b.2",
        "Lemma B.2",
        "⟨x, y⟩ of independent uniform rows has density ∝ (1-z²)^{(d-3)/2}",
        CORRECTED,
        theorem_3_3.lemma_b_2,
    ),
    Statement(
        "lemma-b.3",
        "Lemma B.3",
        "ξ₂ = Γ(d/2)(2/a)^ρ I_ρ(a) and ξ₁ = Γ(d/2)(2/a)^ρ (I_{ρ-1}(a) - (2ρ/a)I_ρ(a))",
        HOLDS,
        theorem_3_3.lemma_b_3,
    ),
    Statement(
        "theorem-3.3-bound",
        "Theorem 3.3, eq. (8)",
        "With probability 1-δ, dΔ/dt at 0 is at least 4β₀γ₀ times the bracket of (8)",
        FAILS,
        theorem_3_3.printed,
    ),
    Statement(
        "theorem-3.3-bound-gamma",
        "Proof of Theorem 3.3",
        "With probability 1-δ, dγ/dt at 0 is at least 2β₀γ₀ times the bracket of (8)",
        CORRECTED,
        theorem_3_3.coverage,
    ),
    Statement(
        "theorem-3.3-step",
        "Proof of Theorem 3.3, last step",
        "dΔ/dt ≥ 2dγ/dt because Δ ≥ 2γ",
        FAILS,
        theorem_3_3.step,
    ),
    Statement(
        "theorem-3.3-limit",
        "Theorem 3.3, eq. (9)",
        "As n → ∞, dΔ/dt at 0 is at least 4β₀γ₀ I_{d/2}(a)/I_{d/2-1}(a)",
        CORRECTED,
        theorem_3_3.limit,
    ),
    Statement(
        "theorem-3.3-d3",
        "Remark after Theorem 3.3",
        "For d = 3, dΔ/dt ≥ Θ(β₀ tanh β₀)",
        CORRECTED,
        theorem_3_3.three_dimensions,
    ),
    Statement(
        "appendix-c-linear-beta",
        "Appendix C, β = ν",
        "β = Θ(log(1/γ)^{1/2})",
        HOLDS,
        appendix_c.linear_beta,
    ),
    Statement(
        "appendix-c-linear",
        "Appendix C, β = ν",
        "γ = Θ(1/t^{log t})",
        CORRECTED,
        appendix_c.linear,
    ),
    Statement(
        "appendix-c-schedule",
        "Appendix C, schedules",
        "A schedule β(t) gives γ = Θ(exp(-∫βe^{-β}ds))",
        FAILS,
        appendix_c.schedule,
    ),
    Statement(
        "appendix-c-constant",
        "Appendix C, constant β₀",
        "γ = Θ(exp(-β₀e^{-β₀}t))",
        FAILS,
        appendix_c.constant,
    ),
    Statement(
        "appendix-c-linear-schedule",
        "Appendix C, linear schedule",
        "γ = Θ(exp(-ct)), c = [(β₀+1)e^{-β₀} - (β₁+1)e^{-β₁}]/(β₁-β₀)",
        FAILS,
        appendix_c.linear_schedule,
    ),
    Statement(
        "figure-2",
        "Figure 2",
        "The figure illustrates Lemma 3.1: its gap and temperature obey (6)",
        FAILS,
        paper.figure_2,
    ),
    Statement(
        "figure-2-curves",
        "Figure 2",
        "Δ and τ rise together while pairs are mismatched, and fall by the time they match",
        HOLDS,
        paper.figure_2_curves,
    ),
    Statement(
        "global-optimum",
        "Introduction",
        "The global optimum of the contrastive loss is perfect alignment, without a gap",
        FAILS,
        paper.global_optimum,
    ),
    Statement(
        "exchange-law",
        "Theory 3.1",
        "Along the free flow of symmetric pairs Δⁿβ is constant",
        HOLDS,
        exchange_law.polygons,
    ),
    Statement(
        "exchange-law-rates",
        "Theory 3.1",
        "For any β(ν), rate η of ν and η_x of rows, P(β) + (n/η_x) log Δ is constant; for "
        "exp(ν/s) that is Δ^{nη/(s²η_x)}β",
        HOLDS,
        exchange_law.generalised,
    ),
    Statement(
        "exchange-law-parallel",
        "Theory 3.1",
        "Inside the parallel flow the same holds for the centres of X and Y: ‖u‖ⁿβ",
        HOLDS,
        exchange_law.parallel,
    ),
    Statement(
        "exchange-law-level",
        "Theory 3.1",
        "It holds at any moment at which the rows of each modality stand at one height along "
        "c_X - c_Y, whatever Z is",
        HOLDS,
        exchange_law.level,
    ),
    Statement(
        "exchange-law-log-time",
        "Theory 3.1",
        "For symmetric pairs that come to match, Δ ∝ (log t)^{-1/n}",
        HOLDS,
        exchange_law.in_log_time,
    ),
    Statement(
        "exchange-law-saddle",
        "Theory 3.1",
        "For even n a rotation by n/2 is an unstable saddle: a small disturbance leaves it",
        HOLDS,
        exchange_law.saddle,
    ),
    Statement(
        "exchange-law-random",
        "Theory 3.1",
        "Without symmetry the late slope n d log Δ/d log β is near -1 where rows are level beside "
        "the gap; from uniform rows it can be anything",
        HOLDS,
        exchange_law.random_starts,
    ),
    Statement(
        "swapping-bounds",
        "Theory 3.9",
        "Swapping, averaged over its masks, multiplies the exponent 1/n of rigid mirrored pairs by "
        "1 to 1 + 2/((1-γ²)α - 2γ²) once γ² < α/(α+2), and does not unfreeze the gap",
        HOLDS,
        swapping.bounds,
    ),
    Statement(
        "swapping-exponent",
        "Theory 3.9",
        "With hard swapping in a portion p > 0 of the time, however small, Δ freezes like "
        "(log t)^{-e}, e the middle one of (1 + p/α)/n, ½ and (1 + 2/α)/n",
        HOLDS,
        swapping.exponents,
    ),
    Statement(
        "swapping-segments",
        "Theory 3.9",
        "From simplices the flow with random segments of length 1 follows the averaged one",
        HOLDS,
        swapping.segments,
    ),
    Statement(
        "family-tied",
        "Theory 3.2",
        "β = exp(ν/s), rate η, κ = η/s²: β = β₀(γ₀/γ)^{κ/2}e^{κ(γ²-γ₀²)/4}; β = ν and softplus "
        "likewise through their potentials",
        HOLDS,
        lemma_3_1.family,
    ),
    Statement(
        "family-untied",
        "Theory 3.2",
        "With γ_X and γ_Y apart, ν/s + κ(log|γ_X| - γ_X²/2) is constant, likewise for γ_Y",
        HOLDS,
        lemma_3_1.untied,
    ),
    Statement(
        "family-slrt",
        "Theory 3.2",
        "Under gradient flow TR with scale s is exactly SLRT with η = 1/s²",
        HOLDS,
        lemma_3_1.reparameterised,
    ),
    Statement(
        "family-rates",
        "Theory 3.2",
        "γ ~ (αC/log t)^{2/κ} tied; untied |γ_X| ∝ 1/β, so like 1/log t at κ = 1",
        HOLDS,
        theorem_3_2.family_rates,
    ),
    Statement(
        "family-adam",
        "Theory 3.2",
        "Under Adam s goes with the rate 1/s of ν, not 1/s²",
        HOLDS,
        paper.adam,
    ),
    Statement(
        "family-softplus",
        "Theory 3.2",
        "The potential of softplus has a closed form through the dilogarithm",
        HOLDS,
        lemma_3_1.softplus_closed_form,
    ),
    Statement(
        "theorem-3.2-two-sided",
        "Theory 3.3",
        "If also α(Z(t)) ≤ A, γ ≤ [q/log(e^{q/√γ₀} + (kq/γ₀)t)]², so γ = Θ(1/log²t)",
        HOLDS,
        theorem_3_2.two_sided,
    ),
    Statement(
        "theorem-3.2-sharp-constant",
        "Theory 3.3",
        "If the margin tends to α, γ log²t → (αβ₀√γ₀e^{-γ₀²/4})²",
        HOLDS,
        theorem_3_2.sharp_constant,
    ),
    Statement(
        "theorem-3.2-any-time",
        "Theory 3.3",
        "The exact solution of the frozen model with Z = αI is good to t = 1e500 and beyond",
        HOLDS,
        theorem_3_2.any_time,
    ),
    Statement(
        "theorem-3.2-extremal",
        "Theory 3.3",
        "Under the hypotheses of Theorem 3.2 no path Z(t) closes γ faster than Z = αI does",
        HOLDS,
        theorem_3_2.extremal,
    ),
    Statement(
        "theorem-3.2-sharp-threshold",
        "Theory 3.3",
        "Lemma B.1(b), and with it Theorem 3.2, holds exactly from aα ≥ 1 + W₀((n-1)/e) on",
        HOLDS,
        theorem_3_2.sharp_threshold,
    ),
    Statement(
        "theorem-3.2-theta",
        "Theory 3.3",
        "Under the hypotheses of Theorem 3.2 alone γ = Θ(1/log²t), with A = n/(n-1)",
        HOLDS,
        theorem_3_2.theta,
    ),
    Statement(
        "margin-at-most",
        "Theory 3.3",
        "The margin of n pairs of unit rows is at most n/(n-1)",
        HOLDS,
        theorem_3_2.largest_margin,
    ),
    Statement(
        "gap-velocity-ratio",
        "Theory 2.4",
        "For uniform rows the mean dΔ/dt over the mean 2dγ/dt at 0 is about "
        "[2γ₀(1-1/2n) + (1-γ₀²)²k/(2n²γ₀)]/√(4γ₀² + 2(1-γ₀²)/n)",
        HOLDS,
        theorem_3_3.ratio,
    ),
    Statement(
        "theorem-3.3-sharper",
        "Theory 3.4",
        "With probability 1-δ, dγ/dt at 0 is at least 2β₀γ₀(r* - √(2L/(nd)))",
        HOLDS,
        theorem_3_3.sharper,
    ),
    Statement(
        "best-temperature",
        "Theory 3.5",
        "At fixed τ and Z = αI γ closes fastest at τ* = α/(1 + W₀((n-1)/e))",
        HOLDS,
        appendix_c.best_temperature,
    ),
    Statement(
        "appendix-c-cross-entropy",
        "Theory 2.7",
        "With the cross-entropy at Z = αI, β = ν gives γ = Θ(exp(-log²(ηα²(n-1)t)/(ηα²)))",
        HOLDS,
        appendix_c.linear_cross_entropy,
    ),
    Statement(
        "closing-times",
        "Theory 3.6",
        "The time at which γ is reached, for each scheme, by one integral",
        HOLDS,
        theorem_3_2.closing_times,
    ),
    Statement(
        "clamp",
        "Theory 3.7",
        "With CLIP's clamp β ≤ 100 the gap closes exponentially once β has reached it",
        HOLDS,
        theorem_3_2.clamp,
    ),
    Statement(
        "landscape",
        "Theory 3.8",
        "The gap at which the loss is least shrinks as τ grows",
        HOLDS,
        paper.landscape,
    ),
)


def run(
    full: bool = False, ids: Sequence[str] | None = None, progress: bool = False
) -> list[Entry]:
    """Check statements anew; deterministic, under a minute for all of them.

    Parameters
    ----------
    full : bool
        Whether to draw more in the Monte Carlo.
    ids : sequence of str, optional
        Which statements; all by default.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    list of Entry
        In the order of the record.

    Raises
    ------
    TypeError, ValueError
        If `ids` is one string, or an id is unknown.
    """
    from tqdm import tqdm  # only those who verify need it

    known = [statement.id for statement in STATEMENTS]
    if isinstance(ids, str):
        raise TypeError(f"ids must be a sequence of ids, got the string {ids!r}")
    wanted = known if ids is None else list(ids)
    for name in wanted:
        if name not in known:
            near = get_close_matches(str(name), known, cutoff=0.3) or known[:3]
            raise ValueError(
                f"id must be one of docs/audit.md's, such as {', '.join(near)}; got {name!r}"
            )
    chosen = [statement for statement in STATEMENTS if statement.id in wanted]
    return [_entry(statement, full) for statement in tqdm(chosen, "audit", disable=not progress)]


def _entry(statement: Statement, full: bool) -> Entry:
    """A statement with its evidence; a check that fails to run contradicts."""
    try:
        evidence = statement.check(full)
    except Exception as error:
        evidence = Evidence(False, f"the check itself failed: {error!r}")
    return Entry(*statement[:4], evidence=evidence.text, confirmed=bool(evidence.confirmed))


def table(entries: Sequence[Entry]) -> str:
    """Return a line an entry, with id, verdict and the beginning of the claim, and a summary."""
    width = max((len(entry.id) for entry in entries), default=0)
    lines = [f"  {'id':{width}}  {'verdict':18}  claim"]
    for entry in entries:
        mark = " " if entry.confirmed else "!"
        claim = textwrap.shorten(entry.claim, 70, placeholder=" ...")
        lines.append(f"{mark} {entry.id:{width}}  {entry.verdict:18}  {claim}")
    lines += [summary(entries), "gapdyn verify --id ID shows one in full, with its evidence"]
    return "\n".join(lines)


def summary(entries: Sequence[Entry]) -> str:
    """Return how many statements have which verdict, and how many are contradicted."""
    said = {HOLDS: "hold", CORRECTED: "hold as corrected", FAILS: "fail as printed"}
    counts = [f"{sum(e.verdict == v for e in entries)} {words}" for v, words in said.items()]
    contradicted = sum(not entry.confirmed for entry in entries)
    marked = f"; {contradicted} contradicted by its evidence (!)" if contradicted else ""
    return f"{len(entries)} statements: {', '.join(counts)}{marked}"


def details(entry: Entry) -> str:
    """Return one entry in full, a paragraph for each of its parts."""
    rows = entry.to_dict()
    wrap = textwrap.TextWrapper(width=88, subsequent_indent=" " * 10)
    return "\n".join(wrap.fill(f"{name:9} {value}") for name, value in rows.items())


def markdown(entries: Sequence[Entry]) -> str:
    """Return docs/audit.md: a table of all verdicts, then claim and evidence of each."""
    lines = [
        "# Audit",
        "",
        "Generated by `gapdyn verify --markdown > docs/audit.md`; a test fails when it is stale.",
        "Statements of Yaras, Chen, Wang and Qu (CPAL 2025) by their places there, and those of",
        "[theory.md](theory.md) by their sections. *Holds as corrected*: the statement stands, its",
        "proof or constant is mended. *Fails as printed*: there is a counterexample.",
        "",
        f"{summary(entries)}.",
        "",
        "| statement | where | verdict |",
        "|---|---|---|",
        *(f"| [{e.id}](#{e.id.replace('.', '')}) | {e.where} | {e.verdict} |" for e in entries),
        "",
    ]
    for entry in entries:
        evidence = entry.to_dict()["evidence"].replace("*", "\\*")
        lines += [
            f"## {entry.id}",
            "",
            f"*{entry.where}.* {entry.claim}.",
            "",
            f"**{entry.verdict.capitalize()}:** {evidence}.",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"
