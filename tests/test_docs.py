"""Every function, test, audit entry and file that the pages of docs/ name exists."""

import importlib
import re
from operator import attrgetter
from pathlib import Path

import gapdyn
from gapdyn.theory import audit

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "paper.md").read_text()
QUOTED = re.findall(r"`([^`]+)`", PAGE)


def test_its_functions_exist():
    names = [name for name in QUOTED if re.fullmatch(r"[A-Za-z_][\w.]*", name) and name != "gapdyn"]
    assert len(names) > 40
    for name in names:
        if name.startswith("theory."):
            importlib.import_module("gapdyn." + name.rpartition(".")[0])
        assert callable(thing := attrgetter(name)(gapdyn)) or isinstance(thing, dict | tuple), name


def test_the_functions_that_the_theory_names_exist():
    names = re.findall(r"`([a-z_0-9]+)\.(\w+)`", (ROOT / "docs" / "theory.md").read_text())
    assert len(names) > 50
    for module, name in names:
        home = getattr(gapdyn.theory, module, None) or importlib.import_module(f"gapdyn.{module}")
        assert callable(getattr(home, name)), (module, name)


def test_its_tests_exist():
    tests = [name.split("::") for name in QUOTED if "::" in name]
    assert len(tests) > 20
    for file, test in tests:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), test


def test_its_entries_of_the_audit_exist():
    named = {name for name in QUOTED if "-" in name and re.fullmatch(r"[a-z0-9.-]+", name)}
    entries = {statement.id for statement in audit.STATEMENTS}
    assert len(named) > 15 and named <= entries, named - entries


NUMBERED = [f"({k})" for k in range(1, 15)]
PANELS = [
    "Figure 1(a)", "Figure 1(b)", "Figure 2", "Figure 3", "Figure 4(a)", "Figure 4(b)",
    "Figure 5(a)", "Figure 5(b)", "Figure 5(c)", "Figure 6(a)", "Figure 6(b)", "Figure 7(a)",
    "Figure 7(b)", *(f"Table {k}" for k in range(1, 6)),
]  # fmt: skip
STATED = [
    "Lemma 3.1", "Theorem 3.2", "Remark on Theorem 3.2, slow closure",
    "Remark on Theorem 3.2, assumptions", "Theorem 3.3", "Remark on Theorem 3.3, interpretation",
    "Remark on Theorem 3.3, experimental verification", "Lemma B.1", "Proof of Theorem 3.2",
    "Lemma B.2", "Lemma B.3", "Proof of Theorem 3.3", r"Appendix C, $\beta = \nu$",
    "Appendix C, schedules", r"Appendix C, constant $\tau$", "Appendix F, remarks",
]  # fmt: skip


def rows_of(heading):
    """The cells of each row of a table of the page."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return {
        row[0]: row[1:] for row in ([c.strip() for c in line.split("|")[1:-1]] for line in lines)
    }


def test_every_number_statement_panel_and_table_of_the_paper_has_its_row_with_a_page():
    equations, statements, figures = map(rows_of, ("Equations", "Statements", "Figures and tables"))
    assert list(equations) == NUMBERED
    assert set(STATED) <= set(statements)
    assert list(figures) == PANELS
    for item, row in (equations | statements | figures).items():
        assert row[0] or item == "Slips of the pen", item
        assert all(1 <= int(page) <= 23 for page in re.findall(r"\d+", row[0])), item
    for item, row in (equations | statements).items():
        assert "::" in row[-1] + row[-2], item
    for item, (_, command, picture, _, test) in figures.items():
        assert command.startswith("`python -m experiments") and "](" in picture, item
        assert "::" in test, item


def test_every_entry_of_the_audit_about_the_paper_is_on_the_page():
    entries = [s.id for s in audit.STATEMENTS if not s.where.startswith(("Theory", "Field"))]
    assert [name for name in entries if name not in QUOTED] == []


def test_files_that_documents_link_to_exist():
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
