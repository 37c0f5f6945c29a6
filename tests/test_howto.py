"""The page of questions: its code runs, gives what it says, and drew the pictures."""

import ast
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from experiments import features

DOCS = Path(__file__).resolve().parents[1] / "docs"
SPEC = importlib.util.spec_from_file_location("howto_draw", DOCS / "howto" / "draw.py")
draw = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(draw)

SECTIONS = draw.sections()
NUMBER = re.compile(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
PROSE = {name: re.sub(r"```.*?```", "", text, flags=re.DOTALL) for name, text in SECTIONS.items()}
each_section = pytest.mark.parametrize("name", SECTIONS)


def numbers(text):
    """The numbers in a text, as they are written, without commas."""
    return [number.rstrip(",").replace(",", "") for number in NUMBER.findall(text)]


def said(line):
    """The numbers at the head of the comment of a line: those before any other word."""
    head = re.match(r"(?:(?:inf|[-\d.e]+)(?:, |$))*(?:inf\b|[-\d.e]+\b)?", line.split("  # ")[1])
    return [part.strip(", ") for part in head[0].split(", ") if part.strip(", ")]


def unit(number):
    """The worth of the last digit that is written."""
    digits, _, power = number.partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


class Kept(ast.NodeTransformer):
    """Has each expression with a comment tell its value."""

    def __init__(self, lines):
        self.lines = lines

    def visit_Expr(self, node):
        if "  # " not in self.lines[node.end_lineno - 1]:
            return node
        keep = ast.Name("keep", ast.Load())
        call = ast.Call(keep, [ast.Constant(node.end_lineno), node.value], [])
        return ast.copy_location(ast.Expr(call), node)


def run(code, names):
    """Run code, and return its lines that have a comment, each with its value."""
    lines, found = code.splitlines(), {}
    tree = ast.fix_missing_locations(Kept(lines).visit(ast.parse(code)))
    names["keep"] = found.__setitem__
    exec(compile(tree, "howto.md", "exec"), names)
    return [(lines[at - 1], np.ravel(value)) for at, value in found.items()]


def compare(line, values):
    """Assert that values are those of the comment, to the digits that it has."""
    assert len(said(line)) == len(values) > 0, line
    for number, value in zip(said(line), values, strict=True):
        if number == "inf":
            assert value == np.inf, line
        else:
            assert abs(float(number) - value) <= 0.6 * unit(number), (line, value)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What each section leaves behind and shows, in a folder without real embeddings."""
    folder = tmp_path_factory.mktemp("howto")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GAPDYN_DATA", str(folder))
        names = {name: draw.names() for name in SECTIONS}
        shown = {
            name: [found for code in draw.blocks(name) for found in run(code, names[name])]
            for name in SECTIONS
        }
    assert (folder / "film.gif").stat().st_size > 10_000
    return names, shown


@each_section
def test_the_code_of_a_section_gives_what_its_comments_say(name, ran):
    found = ran[1][name]
    assert found
    for line, values in found:
        compare(line, values)


@each_section
def test_the_numbers_of_the_prose_are_in_the_code(name):
    code = "\n".join(draw.blocks(name))
    shown = {abs(float(number)) for number in numbers(code.replace("(", " ").replace("=", " "))}
    text = re.sub(r"\]\([^)]*\)|!\[[^]]*\]|issue \d+", "", PROSE[name])
    for number in numbers(text):
        value = abs(float(number))
        share = float(number) / 100 if re.search(rf"{re.escape(number)} %", text) else None
        if "." in number or value >= 100 or share:
            near = [value, share or value]
            assert any(np.isclose(v, s, rtol=1e-9) for v in near for s in shown | KNOWN), number


KNOWN = {0.95, 0.5, 50, 200, 0.07, 0.01, 0.1, 16, 32}
"""Numbers that the prose has from elsewhere: CLIP's temperatures, levels, other clamps, bits."""


@each_section
def test_a_section_says_what_it_needs_and_cites_a_thread(name):
    assert "*Needs:*" in PROSE[name]
    threads = re.findall(
        r"\[([\w-]+/[\w-]+), issue (\d+)\]\(https://github.com/(\S+)/issues/(\d+)\)", PROSE[name]
    )
    assert len(threads) == 1
    assert threads[0][:2] == threads[0][2:]


def coarse(path):
    """Grey levels of a picture, from 0 to 1, in 24 by 48 fields."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize((48, 24)), float) / 255, picture.size


@each_section
def test_the_picture_of_a_section_is_what_the_code_draws(name, ran, tmp_path):
    (target,) = re.findall(r"!\[[^]]+\]\(howto/(\w+\.png)\)", PROSE[name])
    draw.draw(name, ran[0][name], tmp_path)
    (old, old_size), (new, new_size) = coarse(DOCS / "howto" / target), coarse(tmp_path / target)
    assert old_size == new_size
    assert old_size[0] == pytest.approx(5.5 * draw.DPI, abs=1)
    assert old.std() > 0.03
    assert np.corrcoef(old.ravel(), new.ravel())[0, 1] > 0.9


def test_no_picture_is_left_over():
    pictures = {path.name for path in (DOCS / "howto").glob("*.png")}
    assert pictures == {f"{picture}.png" for picture, _ in draw.PICTURES.values()}


@pytest.mark.slow
def test_real_pairs_give_what_the_page_says(tmp_path, monkeypatch):
    try:
        file = features.find(features.TRAINED)
    except features.FeaturesMissingError as error:
        pytest.skip(str(error))
    (tmp_path / "features_clip.npy").symlink_to(file.resolve())
    monkeypatch.setenv("GAPDYN_DATA", str(tmp_path))
    (code,) = [code for name in SECTIONS for code in draw.blocks(name) if "GAPDYN_DATA" in code]
    found = run(code, draw.names())
    assert len(found) == 2
    for line, values in found:
        compare(line, values)
