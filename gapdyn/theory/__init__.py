"""The paper's statements as code: as printed, as they are true, with evidence.

One file per statement, named as the paper names it: `lemma_3_1`, `theorem_3_2` (with Lemma B.1),
`theorem_3_3` (with Lemmas B.2 and B.3), `appendix_c`; beyond the paper `exchange_law` and
`swapping`, and what they share: `bessel`, `potential`, `closing`. `audit` puts each claim beside
the check of it, and `certificates` encloses the numbers that show where a printed statement fails.
"""

from gapdyn.theory import (
    appendix_c,
    audit,
    bessel,
    certificates,
    closing,
    exchange_law,
    lemma_3_1,
    potential,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

__all__ = [
    "appendix_c",
    "audit",
    "bessel",
    "certificates",
    "closing",
    "exchange_law",
    "lemma_3_1",
    "potential",
    "swapping",
    "theorem_3_2",
    "theorem_3_3",
]
