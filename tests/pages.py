"""The sentences of a page, for the tests that read pages as a reader does."""

import re

LONGEST = 35
"""Words of a sentence."""
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
FORMULA = "§"
"""What stands for a formula."""
WORD = re.compile(r"[^\W\d_]{2,}|^[aAI]$")
"""What makes a token a word: two letters together, or one of the words that have one."""


def prose(text: str) -> str:
    """A page without code, pictures and addresses, its formulas as one sign each."""
    for pattern, instead in (
        (r"^```.*?^```", ""),
        (r"\$\$.*?\$\$|\$[^$\n]*\$", FORMULA),
        (r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])", ""),
        (r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1"),
    ):
        text = re.sub(pattern, instead, text, flags=re.DOTALL | re.MULTILINE)
    return text


def sentences(text: str) -> list[str]:
    """Sentences of a page in Markdown, without its headings and tables."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)|\n(?=#)", prose(text)):
        if not block.lstrip().startswith(("|", "#", "<", "[")):
            words = " ".join(ITEM.sub("", block).split())
            found += re.split(rf"(?<=[.?!∎])[*”\"')]*\s+(?=[A-Z\"“*(`{FORMULA}]|gapdyn)", words)
    return [sentence for sentence in found if sentence]


def length(sentence: str) -> int:
    """Number of words; what stands between two words, such as n = 4, is one formula."""
    kinds = [bool(WORD.search(token)) for token in sentence.split()]
    return sum(word or before for word, before in zip(kinds, [True, *kinds], strict=False))
