"""The audit: what the paper states and what goes beyond it, with verdict and evidence.

`STATEMENTS` is the record; `run` checks it again, `gapdyn verify` prints it, and docs/audit.md is
`markdown` of it. Of the paper it audits the proceedings version, PMLR 280:1365-1387, whose pages it
counts from 1; an arXiv version 2 (2412.07909v2) exists and is not audited. A claim of the paper is
restated as it is printed, with its hedges. "Theory" numbers are the sections of docs/theory.md.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from gapdyn.theory import certificates
from gapdyn.theory.certificates import Certificate
from gapdyn.theory.evidence import (
    Evidence,
    appendix_c,
    exchange_law,
    lemma_3_1,
    paper,
    section_4,
    setup,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

Verdict = Literal["holds", "holds as corrected", "fails as printed", "does not follow"]
HOLDS: Verdict = "holds"
CORRECTED: Verdict = "holds as corrected"
FAILS: Verdict = "fails as printed"
NO_INFERENCE: Verdict = "does not follow"


class Statement(NamedTuple):
    """A statement on record.

    Attributes
    ----------
    id : str
        Name for `gapdyn verify --id`.
    where : str
        Where it stands: section, number and page of the paper, or section of docs/theory.md.
    claim : str
        What it says.
    verdict : str
        `holds`; `holds as corrected`: the statement stands, its proof or a constant is mended;
        `fails as printed`: there is a counterexample within the printed hypotheses; `does not
        follow`: a step that the text takes or suggests, or that readers may take, and that what
        is proved or shown does not give.
    check : callable
        Gathers the evidence anew.
    certify : callable, optional
        Encloses the number that decides by ball arithmetic, where the extra `certify` is installed.
    """

    id: str
    where: str
    claim: str
    verdict: Verdict
    check: Callable[[bool], Evidence]
    certify: Callable[[], Certificate] | None = None


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
    certificate : Certificate, optional
        What is enclosed, with its ends; None where there is none or python-flint is missing.
    certifiable : bool
        Whether there is a certificate where python-flint is installed.
    """

    id: str
    where: str
    claim: str
    verdict: Verdict
    evidence: str
    confirmed: bool
    certificate: Certificate | None = None
    certifiable: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return id, where, claim, verdict, evidence and certificate, for JSON.

        Contradicting evidence says so; a certificate is a dict of strings or None.
        """
        note = "" if self.confirmed else "CONTRADICTS THE VERDICT: "
        return {
            "id": self.id,
            "where": self.where,
            "claim": self.claim,
            "verdict": self.verdict,
            "evidence": note + self.evidence,
            "certificate": self.certificate and self.certificate._asdict(),
        }

    @property
    def certified(self) -> str:
        """What to say of a certificate: what it encloses, how to get it, or nothing."""
        if self.certificate is not None:
            enclosed, lower, upper = self.certificate
            return f"[{lower}, {upper}] encloses {enclosed}"
        return "install gapdyn[certify]" if self.certifiable else ""


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "parallel-objective",
        "Section 2, eq. (3), p. 4",
        "With γ_X = γ = -γ_Y the loss (1) becomes ℓ(β(ν)H̃_X H̃_Yᵀ) = ℓ(β(ν)(1-γ²)H_X H_Yᵀ)",
        HOLDS,
        setup.objective,
    ),
    Statement(
        "gap-at-least",
        "Section 2, p. 5",
        "The modality gap satisfies Δ ≥ 2γ",
        HOLDS,
        setup.gap_at_least,
    ),
    Statement(
        "global-optimum",
        "Introduction, p. 2",
        "Under ideal conditions, optimality conditions of the training loss imply perfect "
        "alignment between text and image embeddings, consistent with neural collapse under "
        "sufficiently large model capacity and perfect training",
        CORRECTED,
        paper.global_optimum,
    ),
    Statement(
        "gradient-of-loss",
        "Appendix B.1, first display, p. 15",
        "∇ℓ(M) = (1/2n)(exp(M)/(1_n1_nᵀexp(M)) + exp(M)/(exp(M)1_n1_nᵀ)) - I_n/n",
        HOLDS,
        setup.loss_gradient,
    ),
    Statement(
        "gradient-heights",
        "Appendix B.1, eq. (10), p. 16",
        "-⟨Z, ∇ℓ(aZ)⟩ = g_a(Z) = (1/2n)Σ_i [μ_i(Z_:,i, a) + μ_i(Z_i,:, a)], μ_i(z, a) = ⟨z, e_i -"
        " σ(az)⟩; ∂ℓ/∂ν = -β'(1-γ²)g and ∂ℓ/∂γ = 2βγg, g at a = β(1-γ²)",
        HOLDS,
        setup.height_gradients,
    ),
    Statement(
        "gradient-flow",
        "Appendix B.1, eq. (11), p. 16",
        "dβ/dt = (β')²(1-γ²)g and dγ/dt = -2βγg, g at a = β(1-γ²)",
        HOLDS,
        setup.dynamics,
    ),
    Statement(
        "lemma-3.1-ratio",
        "Lemma 3.1, eq. (5), p. 5",
        "R = (dγ/dt)/(dβ/dt) = -2β(ν)γ/(β'(ν)²(1-γ²))",
        HOLDS,
        lemma_3_1.ratio,
    ),
    Statement(
        "lemma-3.1-equal-rows",
        "Lemma 3.1, eq. (5), p. 5",
        "(5) holds for all t ≥ 0",
        CORRECTED,
        lemma_3_1.equal_rows,
    ),
    Statement(
        "lemma-3.1-integral",
        "Lemma 3.1, first half of (6), p. 5",
        "Given β(ν) = exp(ν), β = β₀√(γ₀/γ) exp((γ²-γ₀²)/4)",
        HOLDS,
        lemma_3_1.integral,
    ),
    Statement(
        "lemma-3.1-order",
        "Lemma 3.1, second half of (6), p. 5",
        "Given β(ν) = exp(ν), R = Θ(1/β)",
        FAILS,
        lemma_3_1.order,
        certificates.lemma_3_1_order,
    ),
    Statement(
        "lemma-3.1-prevents",
        "Section 3.1, under Lemma 3.1, p. 5",
        "R = Θ(1/β) implies that R decays to zero as β grows to infinity, which implies that an "
        "increasing β will dominate the decrease in γ, preventing Δ from closing (i.e., its lower"
        " bound 2γ remains positive); this is made precise in Theorem 3.2",
        NO_INFERENCE,
        lemma_3_1.prevents,
    ),
    Statement(
        "figure-2",
        "Section 3.1, lead-in, p. 5; Figure 2, p. 3",
        "The following lemma directly reveals this relationship, of Δ and τ in Figure 2 "
        "(printed): so (6) quantifies the figure (not printed)",
        NO_INFERENCE,
        paper.figure_2,
    ),
    Statement(
        "figure-2-curves",
        "Figure 2, pp. 2-3",
        "Initially, modality gap increases due to significant mismatches between pairs, but it "
        "decreases as the level of mismatch diminishes; gap and temperature exhibit highly "
        "coupled dynamics; at t = 4.0 all pairs are matched",
        HOLDS,
        paper.figure_2_curves,
    ),
    Statement(
        "lemma-b.1-a",
        "Lemma B.1(a), p. 16",
        "If z_i ≥ max_j z_j, then μ_i(z, a) ≥ 0 for all a ≥ 0",
        HOLDS,
        theorem_3_2.lemma_b_1_a,
    ),
    Statement(
        "lemma-b.1-b",
        "Lemma B.1(b), p. 16",
        "For any α > 0, μ_i(z, a) ≤ μ_i(α(e_i - 1), a) for all a ≥ log(4n-4)/α and all z with z_i"
        " - max_{j≠i} z_j ≥ α",
        HOLDS,
        theorem_3_2.lemma_b_1_b,
    ),
    Statement(
        "theorem-3.2",
        "Theorem 3.2, eq. (7), p. 5",
        "If β(ν) = exp(ν), α(Z(t)) ≥ α > 0 for all t ≥ 0 and β₀ ≥ log(4(n-1))/(α(1-γ₀²)), then "
        "Δ(t) ≥ Ω(1/log(t)²)",
        CORRECTED,
        theorem_3_2.theorem,
    ),
    Statement(
        "theorem-3.2-all-times",
        "Theorem 3.2, eq. (7), p. 5",
        "(7) holds for all t ≥ 0",
        CORRECTED,
        theorem_3_2.all_times,
    ),
    Statement(
        "theorem-3.2-zero-height",
        "Theorem 3.2, p. 5, with γ ∈ [-1, 1], p. 4",
        "Theorem 3.2 as printed allows any γ₀ in [-1, 1], so γ₀ = 0 too",
        FAILS,
        theorem_3_2.zero_height,
        certificates.theorem_3_2_zero_height,
    ),
    Statement(
        "theorem-3.2-threshold-display",
        "Proof of Theorem 3.2, p. 17",
        "β(γ)(1-γ²) ≥ β₀exp(-γ₀²/4)(1-γ₀²), from which, since β increases and γ decreases, Lemma "
        "B.1(b) applies at all times",
        HOLDS,
        theorem_3_2.threshold_display,
    ),
    Statement(
        "theorem-3.2-c2",
        "Proof of Theorem 3.2, pp. 17-18",
        "c₄ = c₂ - 1/10 with (1/55)x²exp(-x/10) ≤ 1 gives a bound for all t ≥ 0 (printed): so the"
        " hypotheses make c₂ > 1/10 (not printed)",
        NO_INFERENCE,
        theorem_3_2.c2,
        certificates.theorem_3_2_c2,
    ),
    Statement(
        "theorem-3.2-last-line",
        "Proof of Theorem 3.2, last line, p. 18",
        "γ(t) ≥ c₂/log(c₃t + exp(c₄/√γ₀))² for all t ≥ 0",
        FAILS,
        theorem_3_2.last_line,
        certificates.theorem_3_2_last_line,
    ),
    Statement(
        "theorem-3.2-sketch",
        "Section 3.1, under Theorem 3.2, p. 5",
        "For the scalar function exp(-m) in place of ℓ, dγ/dt = -2βγexp(-β(1-γ²)) = "
        "Ω(-γ^{1/2}exp(-cγ^{-1/2})) = Ω(-γ^{3/2}exp(-c'γ^{-1/2})) for some c' < c, which yields "
        "Δ(t) ≥ Ω(1/log(t)²)",
        HOLDS,
        theorem_3_2.sketch,
    ),
    Statement(
        "theorem-3.2-gap",
        "Section 1, p. 3; remarks on Theorem 3.2, p. 6",
        "Modality gap “diminishes at the extremely slow rate of Ω(1/log(t)²)”; “∆, with rate "
        "Ω(1/log(t)²), approaches zero exceedingly slowly” (printed): so Δ = Θ(1/log(t)²) (not "
        "printed)",
        NO_INFERENCE,
        theorem_3_2.gap_rate,
    ),
    Statement(
        "theorem-3.2-impractical",
        "Remarks on Theorem 3.2, p. 6",
        "The lower bound implies that closing the modality gap would require an impractically "
        "long training time",
        HOLDS,
        theorem_3_2.impractical,
    ),
    Statement(
        "theorem-3.2-mismatched",
        "Remarks on Theorem 3.2, p. 6",
        "While primarily for analytical purposes, the assumption of a positive margin can be "
        "relaxed in practice, as shown in the early stage of Figure 4a, where the result holds "
        "even with many mismatched pairs",
        HOLDS,
        theorem_3_2.mismatched,
    ),
    Statement(
        "theorem-3.2-essential",
        "Remarks on Theorem 3.2, p. 6; Section 4.1, p. 8",
        "β(ν) = exp(ν) is essential for achieving the rate; changing β or employing a temperature"
        " schedule can significantly change it; the learnable temperature parameter is the key "
        "factor causing the stabilization of the modality gap",
        HOLDS,
        appendix_c.essential,
    ),
    Statement(
        "figure-4a",
        "Figure 4(a) and remarks on Theorem 3.2, p. 6",
        "Δ(t) versus -1/log(t)² exhibits a linear relationship, verifying our result and slow "
        "closure",
        NO_INFERENCE,
        paper.figure_4a,
    ),
    Statement(
        "figure-1",
        "Figure 1 and Introduction, p. 2",
        "When two modalities are initialized with a small modality gap, the gap is still enlarged"
        " after training (printed, of CLIP): so mismatched pairs leave a larger gap for good (not"
        " printed)",
        NO_INFERENCE,
        paper.figure_1,
    ),
    Statement(
        "lemma-b.2",
        "Lemma B.2, eq. (12), p. 18",
        "For x, y independent and uniform on S^{d-1}, ⟨x, y⟩ has density "
        "Γ(d/2)/(√πΓ((d-1)/2))(1-z²)^{(d-3)/2}",
        CORRECTED,
        theorem_3_3.lemma_b_2,
    ),
    Statement(
        "lemma-b.3",
        "Lemma B.3, eqs. (13) and (14), p. 18",
        "E[exp(az)] = Γ(d/2)(2/a)^ρ I_ρ(a) and E[z exp(az)] = Γ(d/2)(2/a)^ρ(I_{ρ-1}(a) - "
        "(2ρ/a)I_ρ(a)), ρ = (d-2)/2",
        HOLDS,
        theorem_3_3.lemma_b_3,
    ),
    Statement(
        "theorem-3.3-entries",
        "Proof of Theorem 3.3, p. 19",
        "Any given row, column, or diagonal of Z forms a collection of independent variables (but"
        " not the entire matrix)",
        HOLDS,
        theorem_3_3.entries,
    ),
    Statement(
        "theorem-3.3-bound",
        "Theorem 3.3, eq. (8), p. 6",
        "With probability 1-δ, dΔ/dt at t = 0 is at least 4β₀γ₀((ξ₁ - 2eᵃε)/(ξ₂ + (eᵃ-e⁻ᵃ)ε) - 2ε)",
        FAILS,
        theorem_3_3.printed,
        certificates.theorem_3_3_bound,
    ),
    Statement(
        "theorem-3.3-bound-gamma",
        "Proof of Theorem 3.3, display before the last line, p. 19",
        "With probability 1-δ, dγ/dt at t = 0 is at least 2β₀γ₀((ξ₁ - 2eᵃε)/(ξ₂ + (eᵃ-e⁻ᵃ)ε) - 2ε)",
        CORRECTED,
        theorem_3_3.coverage,
    ),
    Statement(
        "theorem-3.3-step",
        "Proof of Theorem 3.3, last line, p. 19",
        "dΔ/dt ≥ 2dγ/dt by Δ ≥ 2γ",
        FAILS,
        theorem_3_3.step,
        certificates.theorem_3_3_step,
    ),
    Statement(
        "theorem-3.3-limit",
        "Section 3.2, eq. (9), p. 7",
        "In the limit n → ∞, dΔ/dt at t = 0 is at least 4β₀γ₀(I_{ρ-1}(a)/I_ρ(a) - 2ρ/a) almost "
        "surely",
        CORRECTED,
        theorem_3_3.limit,
    ),
    Statement(
        "theorem-3.3-recurrence",
        "Section 3.2, under (9), p. 7",
        "I_{ρ-1}(a)/I_ρ(a) - 2ρ/a = I_{ρ+1}(a)/I_ρ(a) > 0, so dΔ/dt > 0 at t = 0, i.e., modality "
        "gap enlarges initially",
        HOLDS,
        theorem_3_3.recurrence,
    ),
    Statement(
        "theorem-3.3-d3",
        "Section 3.2, under (9), p. 7",
        "For d = 3, dΔ/dt at t = 0 is at least 4β₀γ₀(coth a - 1/a), a = β₀(1-γ₀²); for γ₀ = Θ(1) "
        "this gives dΔ/dt ≥ Θ(β₀tanh(β₀)) ~ β₀",
        HOLDS,
        theorem_3_3.three_dimensions,
    ),
    Statement(
        "theorem-3.3-large-beta",
        "Section 3.2, under (9), p. 7",
        "A large initial inverse temperature encourages a large increase in Δ at initialization",
        HOLDS,
        theorem_3_3.large_beta,
    ),
    Statement(
        "theorem-3.3-gaussian",
        "Section 3.2, under Theorem 3.3, p. 7",
        "This aligns with practice, as final-layer linear projections are typically initialized "
        "from a zero-mean isotropic Gaussian distribution, resulting in normalized features "
        "uniformly spread over the hypersphere (printed): so rows are independent and uniform "
        "(not printed)",
        NO_INFERENCE,
        theorem_3_3.gaussian_layers,
    ),
    Statement(
        "theorem-3.3-before-training",
        "Section 1, p. 3",
        "We rigorously demonstrate why and how modality gap can be created at initialization, "
        "suggesting that it cannot be simply closed before training",
        NO_INFERENCE,
        theorem_3_3.before_training,
    ),
    Statement(
        "figure-4b",
        "Figure 4(b), p. 6; Section 3.2, p. 7",
        "The modality gap increases at the start of training for all random initialization, with "
        "the mean near 0.15",
        CORRECTED,
        paper.figure_4b,
    ),
    Statement(
        "appendix-c-linear-beta",
        "Appendix C, p. 19",
        "For ℓ(m) = exp(-m), β(ν) = ν, ν > 0: β(γ) = Θ(log(1/γ)^{1/2}), which grows significantly"
        " slower compared to (6) as γ → 0",
        HOLDS,
        appendix_c.linear_beta,
    ),
    Statement(
        "appendix-c-linear",
        "Appendix C, p. 19",
        "For ℓ(m) = exp(-m), β(ν) = ν, ν > 0: dγ/dt = Θ(-log(1/γ)^{1/2}γexp(-log(1/γ)^{1/2})), "
        "which has solution γ(t) = Θ(1/t^{log t})",
        CORRECTED,
        appendix_c.linear,
    ),
    Statement(
        "appendix-c-schedule",
        "Appendix C, p. 20",
        "For ℓ(m) = exp(-m) a schedule β(t) gives γ(t) = Θ(exp(-∫₀ᵗ β(s)exp(-β(s))ds))",
        FAILS,
        appendix_c.schedule,
        certificates.appendix_c_schedule,
    ),
    Statement(
        "appendix-c-constant",
        "Appendix C, p. 20",
        "For ℓ(m) = exp(-m) a constant temperature gives γ(t) = Θ(exp(-β₀exp(-β₀)t))",
        FAILS,
        appendix_c.constant,
        certificates.appendix_c_constant,
    ),
    Statement(
        "appendix-c-quickly",
        "Appendix C, p. 20",
        "For ℓ(m) = exp(-m), provided that β₀ is not too large or too small, the modality gap "
        "closes quickly at a linear rate",
        HOLDS,
        appendix_c.quickly,
    ),
    Statement(
        "appendix-c-linear-schedule",
        "Appendix C, p. 20",
        "For ℓ(m) = exp(-m) a linear schedule from β₀ to β₁ also yields a linear decay γ(t) = "
        "exp(-c t), c = [(β₀+1)exp(-β₀) - (β₁+1)exp(-β₁)]/(β₁-β₀)",
        FAILS,
        appendix_c.linear_schedule,
        certificates.appendix_c_linear_schedule,
    ),
    Statement(
        "section-4.1-outpaces",
        "Section 4.1, p. 8",
        "As shown by analysis in Section 3.1 and Appendix C, the fast decrease in temperature "
        "outpaces the decrease in the modality gap, preventing it from closing",
        NO_INFERENCE,
        lemma_3_1.outpaces,
    ),
    Statement(
        "section-4.1-softplus",
        "Section 4.1, p. 8; Appendix C, p. 19",
        "Alternatives such as 1/τ(ν) = log(1+e^ν) yield a higher gap closing rate than exp(ν); "
        "that of β(ν) = ν is significantly faster than the one in Theorem 3.2",
        HOLDS,
        appendix_c.faster,
    ),
    Statement(
        "section-4.1-slrt",
        "Section 4.1, p. 8",
        "A smaller learning rate of the temperature slows down the decrease in temperature, "
        "allowing larger temperature values to be maintained during training",
        HOLDS,
        appendix_c.slower,
    ),
    Statement(
        "figure-5",
        "Figure 5(a), p. 8",
        "Our methods reduce modality gap and may influence the uniformity of the feature space",
        HOLDS,
        section_4.figure_5,
    ),
    Statement(
        "figure-6a",
        "Figure 6(a) and Section 4.2, p. 9",
        "As shown in the figure, though these methods are different variants of Control "
        "Temperature and Swap Modality, a smaller modality gap clearly leads to a higher "
        "retrieval accuracy",
        HOLDS,
        section_4.figure_6a,
    ),
    Statement(
        "figure-6b",
        "Figure 6(b) and Section 4.2, p. 9",
        "Uniformity does not show a strong correlation with the retrieval accuracy",
        HOLDS,
        section_4.figure_6b,
    ),
    Statement(
        "figure-7a",
        "Figure 7(a) and Section 4.2, p. 9",
        "Zero-shot and linear probe accuracies are not strongly correlated with modality gap; a "
        "reduced modality gap does not have an obvious effect on them",
        HOLDS,
        section_4.figure_7a,
    ),
    Statement(
        "figure-7b",
        "Figure 7(b) and Section 4.2, p. 9",
        "Uniformity has a clear positive correlation with zero-shot and linear probe accuracies; "
        "bad uniformity will harm them",
        HOLDS,
        section_4.figure_7b,
    ),
    Statement(
        "table-1",
        "Table 1 and Section 4.2, pp. 9-10",
        "MMVP-VLM accuracy does not strongly correlate with modality gap or uniformity",
        HOLDS,
        section_4.table_1,
    ),
    Statement(
        "appendix-d-schedule",
        "Appendix D.1, p. 20; Table 2",
        "With a larger temperature in the late stage, we can make more progress: linearly "
        "increasing temperature from 1e-2 to 5e-2 reduces the modality gap and leads to better "
        "text-image retrieval performance",
        HOLDS,
        section_4.schedule,
    ),
    Statement(
        "appendix-d-slrt",
        "Appendix D.1, p. 20; Table 2",
        "Scaling the learning rate of ν by 1e-1 shows improved performance with reduced gap, "
        "which implies that the original choice of ν in CLIP is far from optimal",
        HOLDS,
        section_4.learning_rate,
    ),
    Statement(
        "appendix-d-swapping",
        "Remarks on Theorem 3.2, p. 6; Section 4.1, p. 8; Appendix D.2, p. 20",
        "Breaking the parallel constraint can help to mitigate modality gap; hard and soft "
        "swapping both effectively mitigate it, and hard swapping turns out to be a strong method"
        " for closing it",
        HOLDS,
        section_4.swapping,
    ),
    Statement(
        "appendix-f-rows",
        "Appendix F, p. 23; Table 5",
        "Hard Swap Feature (entire rows) reduces the center distance as well, but less than "
        "swapping entries",
        HOLDS,
        section_4.row_swapping,
    ),
    Statement(
        "appendix-f-normalization",
        "Appendix F, p. 23; Table 5",
        "Remove Normalization is equivalent to learning a “temperature parameter” for each "
        "feature, in the sense that the temperature parameter is a global scaling of feature "
        "norms; with more freedom it results in a larger modality gap",
        HOLDS,
        section_4.no_normalization,
    ),
    Statement(
        "slips-of-the-pen",
        "Throughout",
        "Slips of the pen, on which nothing rests",
        CORRECTED,
        section_4.slips,
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
        "It holds at any moment at which the rows of each modality stand at one height along c_X "
        "- c_Y, whatever Z is",
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
        "Without symmetry the late slope n d log Δ/d log β is near -1 where rows are level beside"
        " the gap; from uniform rows it can be anything",
        HOLDS,
        exchange_law.random_starts,
    ),
    Statement(
        "swapping-bounds",
        "Theory 3.9",
        "Swapping, averaged over its masks, multiplies the exponent 1/n of rigid mirrored pairs "
        "by 1 to 1 + 2/((1-γ²)α - 2γ²) once γ² < α/(α+2), and does not unfreeze the gap",
        HOLDS,
        swapping.bounds,
    ),
    Statement(
        "swapping-exponent",
        "Theory 3.9",
        "With hard swapping in a portion p > 0 of the time, however small, Δ freezes like (log "
        "t)^{-e}, e the middle one of (1 + p/α)/n, ½ and (1 + 2/α)/n",
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
        "Lemma B.1(b) holds exactly from aα ≥ 1 + W₀((n-1)/e) on, which is enough for Theorem 3.2",
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
        "For uniform rows the mean dΔ/dt over the mean 2dγ/dt at 0 is about E{[γ₀(4-q)/2 + "
        "(1-γ₀²)²kq/(4nγ₀)]/√(4γ₀² + (1-γ₀²)q)}, q ~ (2/(nd))χ²_d",
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
        "At fixed τ and Z = αI γ closes fastest, as γ → 0, at τ* = α/(1 + W₀((n-1)/e))",
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
    """A statement with its evidence; a check or a certificate that fails to run contradicts."""
    certificate = None
    try:
        evidence = statement.check(full)
        if statement.certify is not None and certificates.available():
            certificate = statement.certify()
    except Exception as error:
        evidence = Evidence(False, f"the check itself failed: {error!r}")
    return Entry(
        *statement[:4],
        evidence=evidence.text,
        confirmed=bool(evidence.confirmed),
        certificate=certificate,
        certifiable=statement.certify is not None,
    )


def table(entries: Sequence[Entry]) -> str:
    """Return a line an entry: id, verdict, whether it is certified, the beginning of the claim."""
    width = max((len(entry.id) for entry in entries), default=0)
    lines = [f"  {'id':{width}}  {'verdict':18}  {'':9}  claim"]
    for entry in entries:
        mark = " " if entry.confirmed else "!"
        claim = textwrap.shorten(entry.claim, 70, placeholder=" ...")
        certified = "certified" if entry.certificate else ""
        lines.append(f"{mark} {entry.id:{width}}  {entry.verdict:18}  {certified:9}  {claim}")
    lines.append(summary(entries))
    if any(entry.certifiable and entry.certificate is None for entry in entries):
        lines.append("certificates by ball arithmetic: install gapdyn[certify]")
    return "\n".join([*lines, "gapdyn verify --id ID shows one in full, with its evidence"])


SAID = {
    HOLDS: "hold",
    CORRECTED: "hold as corrected",
    FAILS: "fail as printed",
    NO_INFERENCE: "do not follow",
}
"""Verdicts, of several."""


def summary(entries: Sequence[Entry]) -> str:
    """Return how many statements, of the paper and beyond it, have which verdict."""
    beyond = [entry for entry in entries if entry.where.startswith("Theory")]
    parts = {"of the paper": [e for e in entries if e not in beyond], "beyond it": beyond}
    said = [
        f"{len(part)} statements {name}: {', '.join(_counts(part))}"
        for name, part in parts.items()
        if part
    ]
    contradicted = sum(not entry.confirmed for entry in entries)
    marked = f"; {contradicted} contradicted by its evidence (!)" if contradicted else ""
    return "; ".join(said) + marked


def _counts(entries: Sequence[Entry]) -> list[str]:
    """Verdicts that occur, each with its number."""
    counts = {words: sum(e.verdict == v for e in entries) for v, words in SAID.items()}
    return [f"{count} {words}" for words, count in counts.items() if count]


def details(entry: Entry) -> str:
    """Return one entry in full, a paragraph for each of its parts."""
    rows = entry.to_dict() | {"certificate": entry.certified}
    wrap = textwrap.TextWrapper(width=88, subsequent_indent=" " * 12)
    return "\n".join(wrap.fill(f"{name:11} {value}") for name, value in rows.items() if value)


def markdown(entries: Sequence[Entry]) -> str:
    """Return docs/audit.md: a table of all verdicts, then claim and evidence of each."""
    lines = [
        "# Audit",
        "",
        "Generated by `gapdyn verify --markdown > docs/audit.md`; a test fails when it is stale.",
        "Statements of Yaras, Chen, Wang and Qu (CPAL 2025) as the proceedings print them (PMLR",
        "280:1365-1387, pages counted from 1; an arXiv version 2 exists and is not audited), with",
        "their hedges, and those of [theory.md](theory.md) by their sections.",
        "",
        "- *Holds as corrected*: the statement stands, its proof or a constant is mended.",
        "- *Fails as printed*: there is a counterexample within the printed hypotheses.",
        "- *Does not follow*: a step that the text takes or suggests, or that readers may take, "
        "and",
        "  that what is proved or shown does not give. Its conclusion may still be true: it is no",
        "  verdict on the paper's results. What is not printed is marked so.",
        "- *Certified*: the number that decides is enclosed by ball arithmetic (python-flint, the",
        "  extra `certify`), not by floating point or draws.",
        "",
        f"{summary(entries)}.",
        "",
        "| statement | where | verdict |",
        "|---|---|---|",
        *(
            f"| [{e.id}](#{e.id.replace('.', '')}) | {e.where} | {e.verdict}"
            f"{', certified' if e.certificate else ''} |"
            for e in entries
        ),
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
        if entry.certified:
            lines += [f"**Certificate:** {entry.certified}.", ""]
    return "\n".join(lines).rstrip() + "\n"
