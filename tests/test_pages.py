"""Pages are written in sentences that are read once."""

from pathlib import Path

import pytest
from pages import LONGEST, length, sentences

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG"))]
PAGES += sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_sentence_is_longer_than_it_may_be(page):
    found = sentences(page.read_text(encoding="utf-8"))
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
