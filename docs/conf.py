"""The site, by Sphinx: the pages, the notebooks with their outputs, and the reference.

Its source is the whole repository, so that links of pages lead where they lead on a code host:
`sphinx-build -W -c docs . site`.
"""

import os
import re
from pathlib import Path
from typing import Any

import gapdyn

project, author, release = "gapdyn", "The gapdyn developers", gapdyn.__version__
copyright = f"{author}, MIT licence"
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md", "notebooks/*"]
extensions = [
    *("myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinxcontrib.mermaid"),
]
html_theme, html_title = "furo", "gapdyn"
html_extra_path = ["redirect"]
if mathjax := os.environ.get("GAPDYN_MATHJAX"):  # where there is no network
    mathjax_path = mathjax

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
nb_execution_mode = "off"
nb_merge_streams = True

default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

ROOT = Path(__file__).resolve().parents[1]


def pages(folder: str, ending: str) -> list[str]:
    """The pages in a folder that end so, by name."""
    return sorted(f"{folder}/{path.stem}" for path in (ROOT / folder).glob(f"*{ending}"))


CONTENTS = {
    "To look at": ["docs/figures", "docs/howto"],
    "Notebooks": pages("notebooks", ".ipynb"),
    "Theory": [f"docs/{name}" for name in ("theory", "audit", "paper", "field")],
    "Small networks": [f"docs/{name}" for name in ("results", "robustness", "glyphs")],
    "Reference": pages("docs/api", ".md"),
    "About": ["docs/performance", "CONTRIBUTING", "CHANGELOG"],
}
"""What stands at the side, which a code host would show as text on the README."""


def with_contents(app: Any, name: str, source: list[str]) -> None:
    """Add the table of contents to the README."""
    if name == root_doc:
        for caption, pages in CONTENTS.items():
            listed = "\n".join(pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def plain_citations(*event: Any) -> None:
    """Make text of `[1]_`: a module and its members have one list of references."""
    lines = event[-1]
    for k, line in enumerate(lines):
        line = re.sub(r"\[(\d+)\]_", r"[\1]", line)
        lines[k] = re.sub(r"^(\s*)\.\. \[(\d+)\] ", r"\1*  [\2] ", line)


def plain_text(*event: Any) -> None:
    """Keep |x| from being a substitution, and a heading within a docstring from being a section."""
    lines = event[-1]
    for k, line in enumerate(lines):
        if line.strip() == "References":
            lines[k : k + 2] = [".. rubric:: References", ""]
        code = re.sub(r"\[(\d+)\]_", r"[\1]", lines[k]).split("`")  # of numpydoc's own
        code[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in code[::2]]
        lines[k] = "`".join(code)


def setup(app: Any) -> None:
    """Called by Sphinx; numpydoc has the priority 500."""
    app.connect("source-read", with_contents)
    app.connect("autodoc-process-docstring", plain_citations, priority=400)
    app.connect("autodoc-process-docstring", plain_text, priority=900)
