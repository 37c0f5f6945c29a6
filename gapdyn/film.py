"""Animate a flow: the embeddings on their sphere beside gap and temperature, as a GIF."""

from __future__ import annotations

import base64
import os
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
    t, gap, tau : (F,) arrays
        Time, gap and temperature of each frame; times increase.
    X, Y : (F, n, 3) arrays
        Positions of the rows.
    curves : tuple of three (T,) arrays
        Times > 0, gap and temperature of the curves at the side.
    place : str
        Meaning of the coordinates.
    """

    t: Array
    gap: Array
    tau: Array
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

    def gif(self) -> bytes:
        """Draw all frames and return the bytes of the GIF."""
        with plotting.drawing():
            from PIL import Image

            stage = _Stage(self)
            shots = [
                Image.fromarray(stage.frame(k)).quantize(256, dither=Image.Dither.NONE)
                for k in range(len(self.t))
            ]
        stream = BytesIO()
        times = [MILLISECONDS] * (len(shots) - 1) + [LAST_FRAME]
        shots[0].save(stream, "GIF", save_all=True, append_images=shots[1:], duration=times, loop=0)
        return stream.getvalue()


class _Stage:
    """The figure: what all frames share is drawn once, and each frame is drawn on top of it."""

    def __init__(self, film: Film) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.film = film
        figure = Figure(figsize=(7.2, 3.0), dpi=84)
        self.canvas = cast("Any", FigureCanvasAgg(figure))  # Matplotlib leaves it untyped
        self.ball: Any = figure.add_axes((0.0, 0.0, 0.42, 0.82), projection="3d")
        if film.place == "sphere":
            plotting.sphere(self.ball)
        else:
            plotting.cube(self.ball)
            figure.text(0.21, 0.03, film.place, ha="center", color="0.4", size=8)
        self.still = len(self.ball.lines)
        self.axes = self._curves(figure)
        self.dots = [
            ax.plot([], [], "o", color="black", ms=6, clip_on=False)[0] for ax in self.axes
        ]
        self.canvas.draw()
        self.empty = self.canvas.copy_from_bbox(figure.bbox)

    def _curves(self, figure: Figure) -> list[Axes]:
        """Gap and temperature over time."""
        t, *curves = self.film.curves
        places = {"gap Δ": (0.52, 0.60, 0.45, 0.34), "temperature τ": (0.52, 0.15, 0.45, 0.34)}
        axes = [figure.add_axes(place) for place in places.values()]
        for ax, label, values in zip(axes, places, curves, strict=True):
            ax.plot(t, values, color="0.6")
            plotting.log_time(ax, t[0], t[-1])
            top = np.max(values, where=values < np.inf, initial=LEAST)
            ax.set(ylabel=label, ylim=(0, 1.1 * top))
        axes[0].set(xlabel="", xticklabels=[])
        return axes

    def frame(self, k: int) -> Any:
        """Pixels (height, width, 3) of the k-th frame."""
        film, ball = self.film, self.ball
        self.canvas.restore_region(self.empty)
        X, Y = film.X[k], film.Y[k]
        plotting.modalities(ball, X, Y, joined=len(X) <= JOINED, size=22 if len(X) < 30 else 8)
        ball.set_title(plotting.moment(film.t[k], film.gap[k], film.tau[k]))
        moving = [*ball.lines[self.still :], *ball.collections]
        for dots in ball.collections:
            dots.do_3d_projection()
        for artist in (*moving, ball.title):
            ball.draw_artist(artist)
        for artist in moving:
            artist.remove()
        for ax, dot, value in zip(self.axes, self.dots, (film.gap[k], film.tau[k]), strict=True):
            dot.set_data([max(film.t[k], film.curves[0][0])], [value])
            ax.draw_artist(dot)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()


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
    gap, tau = (np.array([getattr(shot, name) for shot in shots]) for name in ("gap", "tau"))
    shown = times > 0
    return Film(times, gap, tau, X, Y, (times[shown], gap[shown], tau[shown]), place)


def _times(t: Array, count: int) -> Array:
    """Times from t[0] to t[-1], even in log t from t[0] on, or after 0 from the first step on."""
    start, end = t[0], t[-1]
    if start > 0:
        return np.clip(np.geomspace(start, end, count), start, end)
    first = max(t[1] if t.size > 2 else 0.0, SPAN * end)
    return np.append(0.0, np.minimum(np.geomspace(first, end, count - 1), end))
