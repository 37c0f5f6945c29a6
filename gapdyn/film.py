"""Animate a flow: the embeddings on their sphere beside gap and temperature, as a GIF."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gapdyn import plotting
from gapdyn.files import replacing, validate_target
from gapdyn.flow import Trajectory
from gapdyn.models.log_beta import LOG_BETA
from gapdyn.types import Array
from gapdyn.validate import validate_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAMES, MOST_FRAMES = 72, 10_000
HEIGHT, DPI, COLOURS = 3.0, 150, 64
"""Inches, dots per inch and colours of a frame."""
MILLISECONDS, LAST_FRAME = 80, 1500
"""How long each frame is shown, and how long the last one."""
LEAST = 0.01
"""The axes of gap and temperature reach at least so far: a shorter axis would show rounding."""
SPAN = 1e-7
"""Least ratio of the time of the first frame after t = 0 to that of the last."""
JOINED = 60
"""Pairs up to which matching rows are joined."""


@dataclass(frozen=True, eq=False)
class Film:
    """Frames of a flow, which a notebook shows and `save` writes.

    They are drawn by Matplotlib and Pillow, which Matplotlib brings along.

    Attributes
    ----------
    t, gap, tau, mismatched : (F,) arrays
        Time, gap, temperature and number of mismatched pairs of each frame; times increase.
    X, Y : (F, n, 3) arrays
        Positions of the rows.
    curves : tuple of three (T,) arrays
        Times, gap and temperature of the curves at the side.
    place : str
        Meaning of the coordinates.
    """

    t: Array
    gap: Array
    tau: Array
    mismatched: Array
    X: Array
    Y: Array
    curves: tuple[Array, Array, Array]
    place: str = "sphere"

    def __repr__(self) -> str:
        times = f"t = {self.t[0]:g} to {self.t[-1]:g}"
        return f"Film of {len(self.t)} frames, {self.X.shape[1]} pairs, {times}"

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.gif()).decode()
        return f'<img src="data:image/gif;base64,{data}" alt="{self!r}">'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the GIF.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        target = validate_target("path", path)
        film = self.gif()
        with replacing(target, "wb") as stream:
            stream.write(film)

    def picture(self, frame: int) -> Figure:
        """Draw one frame, counted from 0, as a Matplotlib figure, 5.5 inches wide.

        Raises
        ------
        TypeError, ValueError
            If there is no such frame.
        """
        k = validate_count("frame", frame, least=0)
        if k >= len(self.t):
            raise ValueError(f"frame must be less than {len(self.t)}, got {frame}")
        with plotting.drawing():
            stage = _Stage(self)
            stage.enter(k)
        return stage.figure

    def gif(self) -> bytes:
        """Draw all frames and return the bytes of the GIF."""
        with plotting.drawing():
            from PIL import Image

            stage = _Stage(self)
            shots = [
                Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE)
                for pixels in stage.frames()
            ]
        stream = BytesIO()
        times = [MILLISECONDS] * (len(shots) - 1) + [LAST_FRAME]
        shots[0].save(stream, "GIF", save_all=True, append_images=shots[1:], duration=times, loop=0)
        return stream.getvalue()


class _Stage:
    """The figure: what all frames share is drawn once, and each frame is drawn on top of it."""

    def __init__(self, film: Film) -> None:
        self.film = film
        self.figure = plotting.column(HEIGHT)
        self.figure.set_layout_engine("none")  # frames must not move
        self.ball: Any = self.figure.add_axes((0.02, 0.1, 0.45, 0.69), projection="3d")
        on_sphere = film.place == "sphere"
        (plotting.sphere if on_sphere else plotting.cube)(self.ball)
        title = "(a) the pairs on their sphere" if on_sphere else f"(a) the pairs, {film.place}"
        self.figure.text(0.02, 0.83, title)
        plotting.modality_key(self.figure, loc="lower left", ncols=2)
        self.headline = self.figure.text(0.02, 0.92, "", size=9, weight="bold")
        self.moment = self.figure.text(0.5, 0.92, "")
        self.dots = [
            ax.plot([], [], "o", color="black", ms=6, clip_on=False)[0] for ax in self._curves()
        ]
        self.still = len(self.ball.lines)

    def _curves(self) -> list[Axes]:
        """Gap and temperature over time."""
        t, *curves = self.film.curves
        places = {
            "(b) gap Δ between the centres": (0.54, 0.53, 0.42, 0.27),
            "(c) temperature τ": (0.54, 0.15, 0.42, 0.27),
        }
        axes = [self.figure.add_axes(place) for place in places.values()]
        for ax, title, values in zip(axes, places, curves, strict=True):
            ax.plot(t, values, color="0.6")
            if t[0] > 0:
                plotting.log_time(ax, t[0], t[-1])
            else:
                _time_from_zero(ax, self.film.t[1], t[-1])
            top = np.max(values, where=values < np.inf, initial=LEAST)
            ax.set(title=title, ylim=(0, 1.1 * top))
        axes[0].set(xlabel="", xticklabels=[])
        return axes

    def enter(self, k: int) -> list[Any]:
        """Put the k-th frame on the stage, and return what is new there."""
        film = self.film
        X, Y, n = film.X[k], film.Y[k], film.X.shape[1]
        plotting.modalities(self.ball, X, Y, joined=n <= JOINED, size=22 if n < 30 else 8)
        wrong = int(film.mismatched[k])
        self.headline.set_text(
            f"{wrong} of {n} pairs mismatched" if wrong else f"All {n} pairs match"
        )
        gap, tau = film.gap[k], film.tau[k]
        t = plotting.time(film.t[k])
        self.moment.set_text(f"time {t}: gap {gap:.3f}, temperature {tau:.3f}")
        for dot, value in zip(self.dots, (gap, tau), strict=True):
            dot.set_data([film.t[k]], [value])
        return [*self.ball.lines[self.still :], *self.ball.collections]

    def frames(self) -> Iterator[Any]:
        """Pixels (height, width, 3) of one frame after the other."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure.set_dpi(DPI)
        canvas = cast("Any", FigureCanvasAgg(self.figure))  # Matplotlib leaves it untyped
        canvas.draw()
        empty = canvas.copy_from_bbox(self.figure.bbox)
        for k in range(len(self.film.t)):
            canvas.restore_region(empty)
            rows = self.enter(k)
            for dots in self.ball.collections:
                dots.do_3d_projection()
            for artist in rows:
                self.ball.draw_artist(artist)
                artist.remove()
            for artist in (self.headline, self.moment, *self.dots):
                self.figure.draw_artist(artist)
            yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _time_from_zero(ax: Axes, first: float, last: float) -> None:
    """Make the horizontal axis time: linear up to the first step, and logarithmic from there on."""
    low, high = np.log10([first, last])
    ax.set_xscale("symlog", linthresh=first, linscale=0.08 * (high - low))
    powers = np.arange(np.ceil(low), np.floor(high) + 1)
    powers = powers[:: 1 + len(powers) // 8]
    ax.set_xticks([0, *10.0**powers], ["0", *(f"$10^{{{k:.0f}}}$" for k in powers)])
    ax.minorticks_off()
    ax.set(xlim=(0, last), xlabel="time t (logarithmic, but from 0)")


def film(run: Trajectory, *, frames: int = FRAMES) -> Film:
    """Make a film of a trajectory, as `Trajectory.animate` does; frames are even in log t.

    Rows in two or three dimensions are shown as they are. Rows in more dimensions are projected to
    the three principal directions, about the origin, of the first and the last embeddings together.

    Raises
    ------
    TypeError, ValueError
        If `run` is no Trajectory, its model has no embeddings or was not loaded with it, it has
        only one time or is on the clock "log beta", or `frames` is no integer from 3 to 10,000.
    """
    if not isinstance(run, Trajectory):
        raise TypeError(f"run must be a Trajectory, got {run!r}")
    if run.solver.clock == LOG_BETA:
        raise ValueError(f"trajectory must be one in t, not on the clock {LOG_BETA!r}")
    count = validate_count("frames", frames, least=3)
    if count > MOST_FRAMES:
        raise ValueError(f"frames must be at most {MOST_FRAMES}, got {frames}")
    model: Any = run.model
    if not hasattr(model, "embeddings"):
        raise ValueError(
            "run must be of a model with rows on a sphere, a FreeModel or a ParallelModel, "
            f"got {model}"
        )
    if run.t.size == 1:
        raise ValueError(f"run must have two times, it has t = {run.t[0]:g} alone")
    times = _times(run.t, count)
    shots = [run.at(float(times[0]))]
    for t in times[1:]:  # on from the last one, or each would cost a run where no state is kept
        shots.append(run._at(float(t), shots[-1]))
    X, Y = (np.array(rows) for rows in zip(*(model.embeddings(s.y) for s in shots), strict=True))
    place = "sphere" if X.shape[2] <= 3 else "principal directions"
    if X.shape[2] == 2:
        X, Y = (np.pad(rows, ((0, 0), (0, 0), (0, 1))) for rows in (X, Y))
    elif X.shape[2] > 3:
        directions = plotting.principal_directions(X[0], Y[0], X[-1], Y[-1])
        X, Y = X @ directions, Y @ directions
    gap, tau, mismatched = (
        np.array([getattr(shot, name) for shot in shots]) for name in ("gap", "tau", "mismatched")
    )
    return Film(times, gap, tau, mismatched, X, Y, (times, gap, tau), place)


def _times(t: Array, count: int) -> Array:
    """Times from t[0] to t[-1], even in log t from t[0] on, or after 0 from the first step on."""
    start, end = t[0], t[-1]
    if start > 0:
        return np.clip(np.geomspace(start, end, count), start, end)
    first = max(t[1] if t.size > 2 else 0.0, SPAN * end)
    return np.append(0.0, np.minimum(np.geomspace(first, end, count - 1), end))
