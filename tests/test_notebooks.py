"""Every notebook runs from a clone and prints what its committed outputs say."""

import re
from pathlib import Path

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra notebooks is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra notebooks is not installed")

PATHS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
SAID = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?: ?%)?")
REFERENCE = re.compile(
    r"\]\([^)]*\)|`[^`]*`|\b(?:Theorem|Lemma|Remark|Appendix|Section|section|Figure|Table|theory|eq\.|"
    r"page|pp?\.) ?\(?[A-Z]?\.?\d+(?:\.\d+)*\)?"
)
"""Numbers in prose that are names: links, code, and what is called Theorem 3.2 or theory 4.1."""
NOISE = 1e-7
"""Smaller differences are rounding error and tolerances of the solver."""


def printed(notebook):
    """The text outputs of the cells, without pictures."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            texts.append(
                output.get("text") or shown.get("text/plain", "") * ("image/png" not in shown)
            )
    return " ".join("".join(texts).split())  # printed text may come in several pieces


@pytest.mark.filterwarnings("default")  # of Jupyter's own
@every_notebook
def test_a_notebook_runs_and_its_numbers_stand(path, tmp_path, monkeypatch):
    monkeypatch.setenv("GAPDYN_DATA", str(tmp_path))  # no real embeddings: they were not there
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": path.parent}}
    nbclient.NotebookClient(fresh, timeout=300, resources=where).execute()
    old, new = printed(committed), printed(fresh)
    assert NUMBER.sub("#", new) == NUMBER.sub("#", old)
    numbers = [np.array(NUMBER.findall(text), dtype=float) for text in (new, old)]
    np.testing.assert_allclose(*numbers, rtol=2e-3, atol=NOISE)


def test_there_are_seven():
    assert [path.stem[0] for path in PATHS] == list("1234567")


@every_notebook
def test_a_notebook_has_its_pictures_and_uses_public_names_only(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert any(output.get("data", {}).get("image/png") for output in outputs)
    assert not any(output.output_type == "error" for output in outputs)
    for cell in cells:
        assert not re.search(r"(gapdyn|gd)[\w.]*\._|import _", cell.source)


@every_notebook
def test_no_text_is_all_headings(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            lines = [line for line in cell.source.splitlines() if line]
            assert len(lines) <= 1 or not all(line.startswith("#") for line in lines)


def told(text):
    """The numbers with a point or a percent sign in a text, without spaces and commas."""
    found = {number.replace(" ", "").replace(",", "") for number in SAID.findall(text)}
    return {number for number in found if "." in number or "%" in number}


@every_notebook
def test_the_numbers_of_the_prose_are_those_that_cells_print_or_are_given(path):
    notebook = nbformat.read(path, as_version=4)
    cells = notebook.cells
    code = " ".join(cell.source for cell in cells if cell.cell_type == "code")
    shown = told(f"{printed(notebook)} {code}")
    shown |= {number.lstrip("-") for number in shown}  # "trails by 0.05" where -0.05 is printed
    for cell in cells:
        if cell.cell_type == "markdown":
            missing = told(REFERENCE.sub(" ", cell.source)) - shown
            assert not missing, (cell.source[:60], missing)


@every_notebook
def test_a_notebook_has_parameters_first_a_table_of_symbols_sliders_and_three_things_to_try(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == "markdown" and cells[1].cell_type == "code"
    assert len(re.findall(r"^[A-Z_]+ = ", code[0], flags=re.MULTILINE)) >= 3
    assert re.search(r"^\| symbol \|", prose, flags=re.MULTILINE)
    assert any(re.search(r"^knobs\(", source, flags=re.MULTILINE) for source in code)
    tasks = prose.partition("## Try this")[2]
    assert len(re.findall(r"^(?:\d\.|-) ", tasks, flags=re.MULTILINE)) >= 3


@every_notebook
def test_no_state_of_widgets_or_time_of_a_run_is_committed(path):
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        assert "execution" not in cell.metadata
        for output in cell.get("outputs", []):
            assert not any("widget" in kind or "script" in kind for kind in output.get("data", {}))
