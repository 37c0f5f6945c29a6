"""docs/field.md: its entries are the audit's, its numbers those that the code computes."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from gapdyn.theory import audit, collapse
from gapdyn.theory.audit import field

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "field.md").read_text()
SECTIONS = {int(part[0]): part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
ENTRIES = {s.id: s for s in audit.STATEMENTS if s.where.startswith("Field")}


def numbers(text):
    """The numbers of a text, in the order in which they stand; dashes within words are none."""
    return re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?", text)


def section_of(entry):
    return SECTIONS[int(entry.where.split()[1])]


def test_its_entries_are_those_of_the_audit_and_each_has_its_verdict():
    rows = [line.split(" | ") for line in PAGE.splitlines() if "`gapdyn verify --id" in line]
    named = {re.search(r"--id ([\w-]+)`", row[-1])[1]: row[2] for row in rows}
    assert named.keys() == ENTRIES.keys()
    for name, verdict in named.items():
        assert verdict.startswith(ENTRIES[name].verdict), name


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("field-frozen-flat", {"0.2", "0"}),
        ("field-frozen-sphere", {"5e-5"}),
        ("field-collapse", {"0", "1e6"}),
        ("field-identical", {"1e4"}),
    ],
)
def test_its_numbers_are_those_of_the_evidence(name, left_out):
    text = ENTRIES[name].check(False).text.replace("R^", "R ").replace("R³", "R")
    wanted = set(numbers(text.replace("..", " "))) - left_out
    found = set(numbers(section_of(ENTRIES[name]).replace("..", " ").replace("^8", " 8")))
    assert len(wanted) > 2 and wanted <= found, wanted - found


def test_its_bounds_are_those_of_the_formula():
    said = " ".join(SECTIONS[3].split())
    places = re.findall(r"(-[\d.]+) at \$d = (\d+)\$, \$\\tau = ([\d.]+)\$", said)
    assert len(places) == 3
    for value, d, tau in places:
        assert f"{2 * collapse.least_loss(d=int(d), tau=float(tau)):.5f}" == value
    for d, tau, holds in ((512, 0.07, True), (512, 0.01, True), (3, 0.07, False)):
        assert collapse.holds_for_any_pairs(d=d, tau=tau) == holds
    assert -collapse.least_loss(d=512, tau=0.01) == pytest.approx(90.4, abs=0.05)


def test_what_it_says_of_the_printed_run_is_arithmetic():
    lines = {line.split(" | ")[0]: line for line in SECTIONS[1].splitlines() if " | " in line}
    assert tuple(map(float, numbers(lines["| gap"]))) == field.PRINTED_GAPS
    assert tuple(map(float, numbers(lines["| loss"]))) == field.PRINTED_LOSSES
    fell = np.log(np.array(field.PRINTED_GAPS) / field.PRINTED_GAPS[0])
    said = " ".join(SECTIONS[1].split())
    assert ", ".join(f"{value:.4f}" for value in fell[1:]) in said
    assert f"= {fell[-1]:.4f}$ at the end" in said
    assert f"grow by {-500 * fell[-1]:.1f}." in said


@pytest.mark.slow
def test_the_published_size_of_the_toy_gives_the_numbers_of_the_page():
    evidence = ENTRIES["field-toy"].check(True)
    assert evidence.confirmed
    page = set(numbers(SECTIONS[1].replace("$", " ")))
    wanted = {number for number in numbers(evidence.text) if "." in number} - {"4.1"}
    assert len(wanted) == 9 and wanted <= page, wanted - page


def test_the_functions_that_it_names_exist():
    names = re.findall(r"`([a-z_]+)\.(\w+)`", PAGE)
    names = [name for name in names if name != ("theory", "sigmoid")]
    assert len(names) == 3
    for module, name in names:
        assert callable(getattr(importlib.import_module(f"gapdyn.theory.{module}"), name))


def test_its_sentences_are_short():
    prose = re.sub(r"^[|#].*$", "", PAGE, flags=re.MULTILINE)
    plain = re.sub(r"\$\$[^$]*\$\$|\$[^$]*\$|`[^`]*`", "x", prose)
    sentences = re.split(r"[.?!][\"*)]*\s|\n\n", plain)
    assert len(sentences) > 100
    assert not [s for s in sentences if len(s.split()) >= 35]
