"""The paper's statements as code: as they are printed, as they are true, and what goes beyond them.

There is one file per statement, named as the paper names it: `lemma_3_1`, `theorem_3_2` (with Lemma
B.1, the hypotheses, and what bounds γ from below and above in `extremal` and `bounds`),
`theorem_3_3` (with Lemmas B.2 and B.3, and `uniform_start`) and `appendix_c`. What goes beyond the
paper is in `exchange_law` and `swapping`, and what is about late times in `gap_velocity`,
`frozen_gap`, `margin_flow` (with `alignment` and `consensus`) and `mean_field`. `sigmoid` is about
the sigmoid loss, the others about InfoNCE, and they refuse each other's runs. `collapse` is the one
formula that docs/field.md adds, where others' claims are recomputed. They share `bessel`, the
potential of β in `potential`, and the exact solution of the frozen model in `closing`. `audit` puts
each claim beside the check of it, and `certificates` encloses rigorously the numbers that show
where a printed statement fails.

A function that depends on how β is learned takes a `gapdyn.Learned` as `temperature`: β(ν) and the
rate of ν. A parametrisation of your own works here if it defines `potential` and `advance`.
"""

from gapdyn.theory import (
    alignment,
    appendix_c,
    audit,
    bessel,
    certificates,
    closing,
    collapse,
    consensus,
    exchange_law,
    frozen_gap,
    gap_velocity,
    lemma_3_1,
    margin_flow,
    mean_field,
    potential,
    sigmoid,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

__all__ = [
    "alignment",
    "appendix_c",
    "audit",
    "bessel",
    "certificates",
    "closing",
    "collapse",
    "consensus",
    "exchange_law",
    "frozen_gap",
    "gap_velocity",
    "lemma_3_1",
    "margin_flow",
    "mean_field",
    "potential",
    "sigmoid",
    "swapping",
    "theorem_3_2",
    "theorem_3_3",
]
