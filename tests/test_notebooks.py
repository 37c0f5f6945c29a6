"""Every notebook runs from a clone, in under a minute, and says what its committed outputs say."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra notebooks is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra notebooks is not installed")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
NOISE = 1e-7
"""Departures that are rounding and tolerance: below, numbers are the same."""


def said(notebook):
    """Text that the cells have left, without pictures."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            texts.append(
                output.get("text") or shown.get("text/plain", "") * ("image/png" not in shown)
            )
    return " ".join("".join(texts).split())  # printed text may come in several pieces


@pytest.mark.filterwarnings("default")  # of Jupyter's own
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_numbers_stand(path):
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    client = nbclient.NotebookClient(fresh, timeout=300, resources={"metadata": {"path": FOLDER}})
    client.execute()
    print(f"{path.stem}: {time.perf_counter() - start:.0f} s")
    old, new = said(committed), said(fresh)
    assert NUMBER.sub("#", new) == NUMBER.sub("#", old)
    numbers = [np.array(NUMBER.findall(text), dtype=float) for text in (new, old)]
    np.testing.assert_allclose(*numbers, rtol=2e-3, atol=NOISE)


def test_there_are_five_and_all_have_outputs():
    paths = sorted(FOLDER.glob("*.ipynb"))
    assert [path.stem[0] for path in paths] == list("12345")
    for path in paths:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        assert any(output.get("data", {}).get("image/png") for c in cells for output in c.outputs)
        assert not any(output.output_type == "error" for c in cells for output in c.outputs)


def test_no_text_is_all_headings():
    for path in FOLDER.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                lines = [line for line in cell.source.splitlines() if line]
                assert not (len(lines) > 1 and all(line.startswith("#") for line in lines)), path


def test_they_use_public_names_only():
    for path in FOLDER.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                assert not re.search(r"gapdyn[\w.]*\._|gd\._|gd\.[\w.]*\._|import _", cell.source)
