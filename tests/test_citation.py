"""What is cited: the paper and the software, alike in CITATION.cff, the README and the package."""

import re
from pathlib import Path

import gapdyn as gd

ROOT = Path(__file__).resolve().parents[1]
CITATION = (ROOT / "CITATION.cff").read_text()


def entries():
    """The fields of each BibTeX entry of the README, by its kind."""
    block = re.search(r"```bibtex\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    found = re.findall(r"@(\w+)\{\w+,\n(.*?)\n\}", block[1], flags=re.DOTALL)
    return {kind: dict(re.findall(r"(\w+)\s+= \{(.*?)\},?\n", text + "\n")) for kind, text in found}


def test_the_paper_is_a_reference_and_the_software_is_what_is_preferred():
    preferred, references = CITATION.split("preferred-citation:")[1].split("references:")
    assert "type: software" in preferred and "type: conference-paper" in references


def test_bibtex_agrees_with_the_citation_file():
    paper, software = entries()["inproceedings"], entries()["software"]
    for title in (paper["title"], software["title"]):
        assert f'title: "{title}"' in CITATION
    first, last = paper["pages"].split("--")
    for line in (f"start: {first}", f"end: {last}", f"volume: {paper['volume']}"):
        assert line in CITATION
    names = re.findall(r"family-names: (\w+)\n\s+given-names: (\w+)", CITATION)
    assert paper["author"] == " and ".join(", ".join(name) for name in names)
    assert f"version: {software['version']}" in CITATION
    assert gd.__version__.startswith(software["version"])
