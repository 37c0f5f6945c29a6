"""The gallery shows every picture once, with its command and seconds, in plain words."""

import re
from pathlib import Path

import pytest

import experiments

PAGE = Path(__file__).resolve().parents[1] / "docs" / "figures.md"
SOURCE = PAGE.read_text(encoding="utf-8")
TARGETS = dict(re.findall(r"^\[(\w+)\]: (\S+)$", SOURCE, flags=re.MULTILINE))
TEXT = re.sub(r"\]\[(\w+)\]", lambda found: f"]({TARGETS[found[1]]})", SOURCE)
"""The page with all targets of links in their places."""
PICTURES = sorted(
    path.name for path in (PAGE.parents[1] / "figures").iterdir() if path.suffix in (".png", ".gif")
)
EMBEDDED = re.findall(r"!\[([^\]]*)\]\(\.\./figures/([\w.]+)\)", TEXT)
SECTIONS = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]


def section_of(picture: str) -> str:
    """The section that embeds a picture."""
    (found,) = (section for section in SECTIONS if f"](../figures/{picture})" in section)
    return found


def test_every_picture_is_there_once_and_in_a_section_of_its_own():
    assert len(PICTURES) > 20
    names = [name for _, name in EMBEDDED]
    assert len(names) == len(set(names)) == len(SECTIONS)
    assert set(PICTURES) == set(names)


@pytest.mark.parametrize("picture", PICTURES)
def test_its_command_exists_and_takes_the_seconds_that_are_listed(picture):
    said = re.findall(r"`python -m experiments (\w+)`, about (\d+) s\.", section_of(picture))
    stem = Path(picture).stem
    name = max((n for n in experiments.NAMES if f"{stem}_".startswith(f"{n}_")), key=len)
    assert said == [(name, str(experiments.SECONDS[name]))]


@pytest.mark.parametrize("picture", PICTURES)
def test_its_caption_says_what_is_shown_what_the_paper_has_and_the_verdict(picture):
    section = section_of(picture)
    parts = re.findall(r"^\*\*([\w ]+)[.:]\*\*", section, flags=re.MULTILINE)
    assert parts == ["What it shows", "In the paper", "Verdict", "Draw it"]


def test_pictures_are_described():
    for alt, name in EMBEDDED:
        assert len(alt.split()) >= 8 and alt.endswith("."), name
    assert len({alt for alt, _ in EMBEDDED}) == len(EMBEDDED)


def test_letters_of_panels_are_explained():
    """A caption that names panels names them in order from (a) on."""
    for section in SECTIONS:
        shown = section.partition("**In the paper.**")[0]
        letters = sorted(set(re.findall(r"\(([a-h])\)", shown)))
        assert letters == list("abcdefgh"[: len(letters)]), section.splitlines()[0]


def test_links_lead_to_files():
    links = re.findall(r"(?<!!)\[[^\]]*\]\((?!http)([^)]+)\)", TEXT)
    assert len(links) >= 5
    for link in links:
        assert (PAGE.parent / link.partition("#")[0]).exists(), link
