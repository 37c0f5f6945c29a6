"""What the audit records: a statement, its verdict, and the evidence that a check returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from gapdyn.theory.certificates import Certificate

Verdict = Literal["holds", "holds as corrected", "fails as printed", "does not follow"]
HOLDS: Verdict = "holds"
CORRECTED: Verdict = "holds as corrected"
FAILS: Verdict = "fails as printed"
NO_INFERENCE: Verdict = "does not follow"


class Evidence(NamedTuple):
    """What a check found.

    Attributes
    ----------
    confirmed : bool
        Whether it agrees with the verdict on record.
    text : str
        What was computed, over which inputs and with which seed. Rounding errors are stated as
        bounds, so that the text is the same on every machine.
    """

    confirmed: bool | np.bool_
    text: str


class Statement(NamedTuple):
    """A statement on record, with the function that checks it.

    Attributes
    ----------
    id : str
        Name for `gapdyn verify --id`.
    where : str
        Where it stands: section, number and page of the paper, or section of docs/theory.md.
    claim : str
        What it says; a claim of the paper is restated as printed, with its hedges.
    verdict : str
        `holds`; `holds as corrected`: the statement is true once its proof or a constant is
        corrected; `fails as printed`: there is a counterexample within the printed hypotheses;
        `does not follow`: an inference that the text makes or suggests, or that readers may make,
        and that what is proved or shown does not support.
    check : callable
        Computes the evidence; its argument says whether to draw larger samples.
    certify : callable, optional
        Encloses the decisive number by ball arithmetic, where the extra `certify` is installed.
    """

    id: str
    where: str
    claim: str
    verdict: Verdict
    check: Callable[[bool], Evidence]
    certify: Callable[[], Certificate] | None = None


def statement(
    id: str,
    where: str,
    claim: str,
    verdict: Verdict,
    certify: Callable[[], Certificate] | None = None,
) -> Callable[[Callable[[bool], Evidence]], Statement]:
    """Put a claim on record: the function below it, which checks it, becomes a `Statement`."""
    return lambda check: Statement(id, where, claim, verdict, check, certify)


def listed(values: Iterable[float], form: str) -> str:
    """Numbers in one format, separated by commas."""
    return ", ".join(f"{value:{form}}" for value in values)


@dataclass(frozen=True)
class Entry:
    """A statement with its evidence.

    Attributes
    ----------
    id, where, claim, verdict : str
        As in `Statement`.
    evidence : str
        The counterexample or the largest deviation found, over which inputs, with which seed.
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

        Evidence that contradicts the verdict says so; a certificate is a dict of strings or None.
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
        """What the certificate encloses, or how to get it, or nothing where there is none."""
        if self.certificate is not None:
            enclosed, lower, upper = self.certificate
            return f"[{lower}, {upper}] encloses {enclosed}"
        return "install gapdyn[certify]" if self.certifiable else ""
