"""Collect the statements from their modules, and check them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import ModuleType

from gapdyn.interrupt import was_interrupted
from gapdyn.theory import certificates
from gapdyn.theory.audit import (
    appendix_c,
    closing,
    exchange_law,
    extremal,
    field,
    frozen_gap,
    lemma_3_1,
    margin_flow,
    mean_field,
    section_4,
    setup,
    sigmoid,
    swapping,
    theorem_3_2,
    theorem_3_3,
    uniform_start,
)
from gapdyn.theory.audit.record import Entry, Evidence, Statement
from gapdyn.validate import shown


def _statements(*modules: ModuleType) -> list[Statement]:
    """The statements that modules define, in their order."""
    parts = (part for module in modules for part in vars(module).values())
    return [part for part in parts if isinstance(part, Statement)]


def _place(statement: Statement) -> tuple[int, ...]:
    """The sort key: the paper, what goes beyond it by section of its page, and then the field."""
    page = statement.where.split()[0]
    if page not in ("Theory", "Field"):
        return ()
    return page == "Field", *map(int, re.findall(r"\d+", statement.where))


STATEMENTS: tuple[Statement, ...] = tuple(
    sorted(
        _statements(setup, lemma_3_1, theorem_3_2, theorem_3_3, appendix_c, section_4)
        + _statements(exchange_law, closing, swapping, frozen_gap, margin_flow, mean_field)
        + _statements(extremal, uniform_start, sigmoid, field),
        key=_place,
    )
)
"""The record: first the paper's statements by module, then those of theory.md and field.md."""


def run(
    full: bool = False, ids: Sequence[str] | None = None, progress: bool = False
) -> list[Entry]:
    """Check statements anew; the result is deterministic, and takes less than a minute for all.

    Parameters
    ----------
    full : bool
        Whether to draw larger samples in Monte Carlo checks.
    ids : sequence of str, optional
        Which statements; all by default.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of Entry
        In the order of the record.

    Raises
    ------
    TypeError
        If `ids` is one string.
    ValueError
        If an id is unknown; the message suggests ids that begin as typed, or else similar ones.
    """
    return list(entries(full, ids, progress))


def entries(
    full: bool = False, ids: Sequence[str] | None = None, progress: bool = False
) -> Iterator[Entry]:
    """Check the statements of `run` one by one, for those who keep what there is at a Ctrl-C."""
    from tqdm import tqdm  # only those who verify need it

    chosen = _chosen(ids)
    return (_entry(statement, full) for statement in tqdm(chosen, "audit", disable=not progress))


def _chosen(ids: Sequence[str] | None) -> list[Statement]:
    """The statements of some ids, in the order of the record."""
    known = [statement.id for statement in STATEMENTS]
    if isinstance(ids, str):
        raise TypeError(f"ids must be a sequence of ids, got the string {ids!r}")
    try:
        wanted = known if ids is None else list(ids)
    except TypeError as error:  # of an array without axes too
        raise TypeError(f"ids must be a sequence of ids, got {shown(ids)}") from error
    for name in wanted:
        if name not in known:
            near = ", ".join(_suggestions(str(name), known))
            raise ValueError(f"id must be one of docs/audit.md's, such as {near}; got {name!r}")
    return [statement for statement in STATEMENTS if statement.id in wanted]


def _suggestions(typed: str, known: list[str]) -> list[str]:
    """Up to five ids that begin as typed, or else similar ones."""
    begins = [name for name in known if name.startswith(typed)]
    return (begins or get_close_matches(typed, known, cutoff=0.3) or known[:3])[:5]


def _entry(statement: Statement, full: bool) -> Entry:
    """A statement with its evidence; a check or a certificate that raises counts against it."""
    certificate = None
    try:
        evidence = statement.check(full)
        if statement.certify is not None and certificates.available():
            certificate = statement.certify()
    except Exception as error:
        if was_interrupted(error):
            raise KeyboardInterrupt from error
        evidence = Evidence(False, f"the check itself failed: {error!r}")
    return Entry(
        *statement[:4],
        evidence=evidence.text,
        confirmed=bool(evidence.confirmed),
        certificate=certificate,
        certifiable=statement.certify is not None,
    )
