"""What makes a figure hard to read in a page: the law that every drawn figure keeps."""

import re

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from gapdyn.plotting import WIDTH

SMALLEST, HIGHEST, MOST = 8.0, 7.5, 6
"""Points of the smallest text, inches of the height, and the number of lettered panels."""
LETTER = re.compile(r"\(([a-z])\) ")


def texts(figure: Figure) -> list[Text]:
    """All texts that are seen; ticks beyond the ends of an axis have labels, but are not drawn."""
    beyond = {
        id(label)
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for minor in (False, True)
        for place, label in zip(
            axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor), strict=False
        )
        if not ax.axison
        or not min(axis.get_view_interval()) <= place <= max(axis.get_view_interval())
    }
    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [t for t in found if id(t) not in beyond and (t.axes is None or t.axes.get_visible())]


def faults(figure: Figure) -> list[str]:
    """What a referee would ask to change: size, letters, and a message in the title."""
    found = []
    FigureCanvasAgg(figure).draw()  # ticks have their labels from here on
    width, height = figure.get_size_inches()
    if abs(width - WIDTH) > 1e-6 or height > HIGHEST:
        found.append(f"{width:g} × {height:g} in; {WIDTH} × at most {HIGHEST} fits a page")
    shown = texts(figure)
    found += [
        f"{t.get_text()!r} in {t.get_fontsize():g} pt, the smallest is {SMALLEST:g}"
        for t in shown
        if t.get_fontsize() < SMALLEST
    ]
    letters = sorted(m[1] for t in shown if (m := LETTER.match(t.get_text())))
    several = sum(ax.has_data() and ax.get_label() != "<colorbar>" for ax in figure.axes) > 1
    wrong = len(letters) > MOST or letters != list("abcdef"[: len(letters)])
    if wrong or (several and not letters):
        found.append(f"panels have the letters {letters}")
    return found


def overlaps(figure: Figure) -> list[str]:
    """Flat texts that lie on each other or leave the figure by more than a pixel."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    flat = [t for t in texts(figure) if getattr(t.axes, "name", "") != "3d"]
    boxes = [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in flat]
    width, height = figure.bbox.width, figure.bbox.height
    found = [
        f"{words!r} leaves the figure"
        for words, b in boxes
        if min(b.x0, b.y0) < -1 or b.x1 > width + 1 or b.y1 > height + 1
    ]
    for k, (words, a) in enumerate(boxes):
        for others, b in boxes[:k]:
            if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1:
                found.append(f"{words!r} lies on {others!r}")
    return found
