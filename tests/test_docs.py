"""Every function, test, audit entry and file that the page of the paper names is there."""

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


def test_its_tests_exist():
    tests = [name.split("::") for name in QUOTED if "::" in name]
    assert len(tests) > 20
    for file, test in tests:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), test


def test_its_entries_of_the_audit_exist():
    named = {name for name in QUOTED if "-" in name and re.fullmatch(r"[a-z0-9.-]+", name)}
    entries = {statement.id for statement in audit.STATEMENTS}
    assert len(named) > 15 and named <= entries, named - entries


def test_files_that_documents_link_to_exist():
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#h][^)#]*)\)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
