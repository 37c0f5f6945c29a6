"""Sliders above a picture in a notebook, which redraw it; without ipywidgets the picture alone."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable, Iterable
from io import BytesIO
from numbers import Real
from typing import TYPE_CHECKING, Any

from gapdyn import plotting
from gapdyn.validate import shown, validate_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 130
"""Dots per inch: a picture of a page's width is 715 pixels wide, about as wide as a notebook."""
EXTRA = 'python -m pip install -e ".[notebooks]"'
WIDGET = "application/vnd.jupyter.widget-view+json"


def knobs(picture: Callable[..., Figure], /, **ranges: tuple[str, Any, Iterable[Any]]) -> None:
    """Show a picture in a notebook under sliders that redraw it.

    The picture is an ordinary image, so a page without a running notebook shows it as it is at the
    start, and says what it leaves out. In a running notebook with ipywidgets, which the extra
    `notebooks` brings, each slider redraws it. What a redraw refuses stands beside the sliders,
    and the picture stays as it was. Outside a notebook that line alone is printed.

    Parameters
    ----------
    picture : callable
        Returns a Matplotlib figure for values by name. It is drawn in gapdyn's style.
    **ranges : tuple of three
        For each argument of `picture`: what it is in words, its value at the start, and all values
        of its slider. A start that is not among numbers is put among them, in order.

    Raises
    ------
    TypeError, ValueError
        If nothing can be varied, an argument of `picture` is not what is described here, or it
        returns no figure.

    Examples
    --------
    >>> import numpy as np
    >>> from gapdyn import plotting
    >>> def parabola(height, shift):
    ...     figure = plotting.column(2)
    ...     t = np.linspace(-1, 1)
    ...     figure.subplots().plot(t, height * t**2 + shift)
    ...     return figure
    >>> knobs(parabola, height=("height", 1.0, [0.5, 1, 2]), shift=("shift", 0, range(-3, 4)))
    ... # doctest: +SKIP
    """
    if not callable(picture):
        raise TypeError(f"picture must be a function, got {shown(picture)}")
    if not ranges:
        raise ValueError("ranges must name an argument of picture, there is none")
    words, start, values = {}, {}, {}
    for name, given in ranges.items():
        words[name], start[name], values[name] = _range(name, given)
    first = still(picture, start)
    listed = ", ".join(words.values())
    line = (
        f"Left out here: sliders for {listed}.\n"
        f"They move the picture in a running notebook with ipywidgets ({EXTRA})."
    )
    if not _in_notebook():
        print(line)
        return
    from IPython.display import display

    sliders, note = _sliders(words, start, values)
    display({**_view(sliders, note), "text/plain": line}, raw=True)
    handle = display(first, raw=True, display_id=True)

    def redraw(_: Any) -> None:
        """Draw at the values of the sliders, or say why that cannot be."""
        try:
            there = still(picture, {name: slider.value for name, slider in sliders.items()})
        except Exception as error:  # in a callback it would be seen by nobody
            note.value = f"not drawn: {error}"
        else:
            note.value = ""
            handle.update(there, raw=True)

    for slider in sliders.values():
        slider.observe(redraw, names="value")


def _range(name: str, given: Any) -> tuple[str, Any, list[Any]]:
    """Words, start and values of a slider, once each, with the start among them."""
    if not (isinstance(given, tuple) and len(given) == 3 and isinstance(given[0], str)):
        raise TypeError(f"{name} must be (words, start, values), got {shown(given)}")
    words, start, values = given
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"values of {name} must be a sequence, got {shown(values)}")
    start, *options = (v.item() if hasattr(v, "item") else v for v in (start, *values))
    if all(isinstance(v, Real) for v in (start, *options)):
        for value in (start, *options):
            validate_number(name, value)
        if start not in options:
            options = sorted([start, *options])
    if start not in options:
        raise ValueError(f"{name} must start at one of its values, got {shown(start)}")
    if len(options) < 2:
        raise ValueError(f"{name} must have two values at least, got {shown(options)}")
    return words, start, options


def _in_notebook() -> bool:
    """Whether IPython runs this."""
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def still(picture: Callable[..., Figure], values: dict[str, Any]) -> dict[str, str]:
    """Draw a picture at some values, as a notebook keeps it.

    Parameters
    ----------
    picture : callable
        As in `knobs`.
    values : dict
        A value for each of its arguments.

    Returns
    -------
    dict of str
        The PNG in base 64, and the values in words, by their media types.

    Raises
    ------
    TypeError
        If `picture` returns no figure.
    """
    with plotting.drawing():
        from matplotlib.figure import Figure

        figure = picture(**values)
        if not isinstance(figure, Figure):
            raise TypeError(f"picture must return a figure, got {shown(figure)}")
        stream = BytesIO()
        figure.savefig(stream, format="png", dpi=DPI)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)  # pyplot keeps its figures until they are closed
    told = ", ".join(f"{name} = {_label(value)}" for name, value in values.items())
    return {"image/png": b64encode(stream.getvalue()).decode(), "text/plain": f"Picture at {told}"}


def _label(value: Any) -> str:
    """A value in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _sliders(words: dict[str, str], start: dict[str, Any], values: dict[str, list[Any]]) -> Any:
    """A slider for each name and a label for messages; nothing where ipywidgets is missing."""
    try:
        from ipywidgets import Label, SelectionSlider
    except ImportError:
        return {}, None
    sliders = {
        name: SelectionSlider(
            options=[(_label(value), value) for value in values[name]],
            value=start[name],
            description=words[name],
            style={"description_width": "13em"},
            layout={"width": "34em"},
        )
        for name in words
    }
    return sliders, Label()


def _view(sliders: dict[str, Any], note: Any) -> dict[str, Any]:
    """The sliders above each other, as a notebook shows them."""
    if not sliders:
        return {}
    from ipywidgets import VBox

    bundle = VBox([*sliders.values(), note])._repr_mimebundle_()
    return {WIDGET: bundle[WIDGET]}
