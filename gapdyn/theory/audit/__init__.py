"""The audit: what the paper states and what goes beyond it, each claim beside its check.

One module per group of statements, named as the paper names them. Each check is a function under
its claim, `@statement(id, where, claim, verdict)`. The modules together make up `STATEMENTS`: first
the paper's, then what goes beyond it. `run` computes the evidence anew, `gapdyn verify` prints it,
and docs/audit.md is `markdown` of it. The paper is audited as the proceedings print it, PMLR
280:1365-1387, pages counted from 1; an arXiv version 2 (2412.07909v2) exists and is not audited.
"""

from gapdyn.theory.audit.page import SAID, details, markdown, summary, table
from gapdyn.theory.audit.record import CORRECTED, FAILS, HOLDS, NO_INFERENCE, Entry, Statement
from gapdyn.theory.audit.runner import STATEMENTS, entries, run

__all__ = [
    "CORRECTED",
    "FAILS",
    "HOLDS",
    "NO_INFERENCE",
    "SAID",
    "STATEMENTS",
    "Entry",
    "Statement",
    "details",
    "entries",
    "markdown",
    "run",
    "summary",
    "table",
]
