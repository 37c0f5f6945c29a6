"""Pages are written in sentences that are read once."""

import json
import re
from pathlib import Path

import pytest
from pages import LONGEST, length, sentences

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG"))]
PAGES += sorted((ROOT / "docs").glob("*.md"))


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def text(page: Path) -> str:
    """What a page says; of a notebook, what stands between its code."""
    source = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return source
    cells = json.loads(source)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("page", PAGES + NOTEBOOKS, ids=lambda page: page.stem)
def test_no_sentence_is_longer_than_it_may_be(page):
    found = sentences(text(page))
    assert found
    for sentence in found:
        assert length(sentence) <= LONGEST, sentence


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("One two three. Four *five*.", [3, 2]),
        ("- One item\n- Two more items here.", [2, 4]),
        ("At n = 4, β = 0.5 it is so.", [5]),
        ("A formula $a = b + c$ is one word.", [6]),
        (
            "# A heading\n\n| a | table |\n\n```python\ncode\n```\n\nText [of a link](to/a.page).",
            [4],
        ),
    ],
)
def test_words_are_counted(text, lengths):
    assert [length(sentence) for sentence in sentences(text)] == lengths


RUN_BY = {
    ("README", "python"): "test_readme.py",
    ("README", "sh"): "test_readme.py",
    ("CONTRIBUTING", "sh"): "test_pages.py",
    ("glyphs", "python"): "experiments/test_glyphs.py",
    ("howto", "python"): "test_howto.py",
    ("performance", "sh"): "test_benchmarks.py",
}
"""The test that runs the code of a page, by language."""
NO_CODE = {"bibtex", "mermaid"}


def blocks(page: str) -> list[tuple[str, str]]:
    """Languages and lines of the code of a page."""
    (path,) = (path for path in PAGES if path.stem == page)
    return re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def test_all_code_of_pages_is_run_by_a_test():
    found = {(page.stem, language) for page in PAGES for language, _ in blocks(page.stem)}
    assert {pair for pair in found if pair[1] not in NO_CODE} == set(RUN_BY)


def test_what_a_contributor_runs_is_run_by_ci():
    """But for the hook, which Git runs, and the tests, which CI runs by the README's command."""
    ci = (ROOT / ".ci" / "run").read_text()
    (lines,) = (lines for language, lines in blocks("CONTRIBUTING") if language == "sh")
    install, hook, checks, tests = lines.splitlines()
    assert hook == "pre-commit install" and tests in ci
    assert all(line in ci for line in checks.split(" && "))
    extras = re.search(r"\[(.*)\]", install)[1].split(",")
    assert set(extras) <= set(re.search(r'install --quiet -e "\.\[(.*)\]"', ci)[1].split(","))
