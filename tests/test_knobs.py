"""A slider redraws the picture; without ipywidgets, or a notebook, a line says what is missing."""

import subprocess
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from gapdyn import knobs as module
from gapdyn.knobs import WIDGET, knobs

ROOT = Path(__file__).resolve().parents[1]
N, TAU = ("pairs n", 5, range(3, 10)), ("temperature τ", 0.07, np.geomspace(0.01, 1, 9))


def plain(**values):
    figure = Figure(figsize=(5.5, 1))
    figure.suptitle(str(values))
    return figure


@pytest.fixture
def shown(monkeypatch):
    """What a notebook shows, in order; a picture is replaced when it is redrawn."""
    display = pytest.importorskip("IPython.display", reason="the extra notebooks is not installed")
    outputs = []

    class Handle:
        def __init__(self, place):
            self.place = place

        def update(self, bundle, raw):
            outputs[self.place] = bundle

    def show(bundle, *, raw, display_id=False):
        outputs.append(bundle)
        return Handle(len(outputs) - 1) if display_id else None

    monkeypatch.setattr(display, "display", show)
    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    return outputs


@pytest.fixture
def sliders(shown):
    """The sliders and the message of what is shown."""
    pytest.importorskip("ipywidgets", reason="the extra notebooks is not installed")
    from ipywidgets.widgets import widget

    return lambda: widget._instances[shown[0][WIDGET]["model_id"]].children


def test_a_slider_redraws_the_picture_with_its_value(shown, sliders):
    seen = []
    knobs(lambda **values: seen.append(values) or plain(**values), n=N, tau=TAU)
    n, tau, _ = sliders()
    assert (n.description, tau.description) == ("pairs n", "temperature τ")
    assert 0.07 in dict(tau.options).values() and (np.diff([v for _, v in tau.options]) > 0).all()
    first = shown[1]
    n.value = 8
    tau.value = 1.0
    assert seen == [{"n": 5, "tau": 0.07}, {"n": 8, "tau": 0.07}, {"n": 8, "tau": 1.0}]
    assert len(shown) == 2 and shown[1]["image/png"] != first["image/png"]
    assert shown[1]["text/plain"] == "Picture at n = 8, tau = 1"
    assert Image.open(BytesIO(b64decode(shown[1]["image/png"]))).width == 715


def test_words_of_a_slider_may_choose_among_words(shown, sliders):
    seen = []
    knobs(lambda loss: seen.append(loss) or plain(), loss=("loss", "sigmoid", ["CLIP", "sigmoid"]))
    sliders()[0].value = "CLIP"
    assert seen == ["sigmoid", "CLIP"]


def test_what_a_redraw_refuses_is_said_and_the_picture_stays(shown, sliders):
    def picture(n):
        if n > 6:
            raise ValueError("n must be at most 6")
        return plain(n=n)

    knobs(picture, n=N)
    first, (n, note) = shown[1], sliders()
    n.value = 7
    assert note.value == "not drawn: n must be at most 6" and shown[1] == first
    n.value = 6
    assert note.value == "" and shown[1] != first


def test_pictures_do_not_pile_up(shown, sliders):
    knobs(lambda n: plt.subplots()[0], n=N)
    for value in (3, 4, 6):
        sliders()[0].value = value
    assert plt.get_fignums() == []


def test_without_ipywidgets_the_picture_stands_under_a_line(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    knobs(plain, n=N, tau=TAU)
    line, picture = shown
    assert line.keys() == {"text/plain"} and picture.keys() == {"text/plain", "image/png"}
    assert "sliders for pairs n, temperature τ" in line["text/plain"]
    assert '-e ".[notebooks]"' in line["text/plain"]


def test_outside_a_notebook_the_line_alone_is_printed():
    code = """
import sys
sys.modules |= {"IPython": None, "ipywidgets": None}
import gapdyn.knobs, gapdyn.plotting
gapdyn.knobs.knobs(lambda n: gapdyn.plotting.column(1), n=("pairs n", 5, [4, 5]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (
        done.stdout.startswith("Left out here: sliders for pairs n.\nThey move") and not done.stderr
    )


@pytest.mark.parametrize(
    ("ranges", "error", "message"),
    [
        ({}, ValueError, "ranges must name an argument of picture"),
        ({"n": [3, 4]}, TypeError, r"n must be \(words, start, values\), got \[3, 4\]"),
        ({"n": (5, 3, [3, 5])}, TypeError, r"n must be \(words, start, values\)"),
        ({"n": ("pairs", 3, 5)}, TypeError, "values of n must be a sequence, got 5"),
        ({"n": ("pairs", 3, "35")}, TypeError, "values of n must be a sequence"),
        ({"n": ("pairs", 3, [])}, ValueError, r"n must have two values at least, got \[3\]"),
        ({"n": ("pairs", np.nan, [1, 2])}, ValueError, "n must be finite in float64, got nan"),
        ({"n": ("pairs", 1, [1, np.inf])}, ValueError, "n must be finite in float64, got inf"),
        ({"loss": ("loss", "c", ["a", "b"])}, ValueError, "loss must start at one of its values"),
    ],
)
def test_bad_ranges_are_refused_by_name(ranges, error, message):
    with pytest.raises(error, match=message):
        knobs(plain, **ranges)


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="picture must be a function, got 5"):
        knobs(5, n=N)
    with pytest.raises(TypeError, match="picture must return a figure, got None"):
        knobs(lambda n: None, n=N)
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        knobs(lambda n: plain(), m=N)
