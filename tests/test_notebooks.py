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
