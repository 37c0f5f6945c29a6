"""Frames of a film are states of its run; a run that has no rows to show is refused."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from legible import faults, overlaps
from PIL import Image

import gapdyn as gd
from gapdyn.film import film

ROOT = Path(__file__).resolve().parents[1]


def free(n, d, end=10.0):
    model = gd.FreeModel(n, d, gd.Learned())
    X, Y = gd.sphere.sample(n, d, 0), gd.sphere.sample(n, d, 1)
    return gd.flow(model, model.start(X, Y, tau=0.07), end)


def test_frames_are_states_of_the_run_even_in_log_t():
    run = free(4, 3)
    shown = film(run, frames=9)
    assert shown.t[0] == 0 and shown.t[-1] == run.t[-1]
    np.testing.assert_allclose(np.diff(np.log(shown.t[1:])), np.log(shown.t[2] / shown.t[1]))
    for k in (0, 3, 8):
        here = run.at(shown.t[k])
        np.testing.assert_array_equal((shown.X[k], shown.Y[k]), run.model.embeddings(here.y))
        found = shown.gap[k], shown.tau[k], shown.mismatched[k]
        assert found == (here.gap, here.tau, here.mismatched)


def test_frames_between_kept_states_cost_few_runs_and_are_as_accurate_as_it():
    whole, calls = free(4, 3), []

    class Counted(gd.FreeModel):
        def velocity(self, t, y, out=None):
            calls.append(t)
            return super().velocity(t, y, out)

    model = Counted(4, 3, whole.model.temperature)
    run = gd.flow(model, whole.y[0], 10.0, keep_states=False)
    once = len(calls)
    shown = film(run, frames=60)
    assert len(calls) - once < 5 * once  # a solver that begins anew takes a dozen for each frame
    for k in range(60):
        wanted = model.embeddings(whole.at(shown.t[k]).y)
        np.testing.assert_allclose((shown.X[k], shown.Y[k]), wanted, atol=1e-6)


def test_a_frame_is_a_figure_for_a_page_that_says_whether_the_pairs_match():
    model, y0 = gd.examples.figure_2()
    shown = gd.flow(model, y0, 100.0).animate(frames=5)
    said = []
    for k in range(5):
        figure = shown.picture(k)
        assert faults(figure) == overlaps(figure) == []
        said.append([text.get_text() for text in figure.texts])
    assert "5 of 5 pairs mismatched" in said[0] and "All 5 pairs match" in said[-1]
    assert "time 0: gap 0.618, temperature 0.070" in said[0]
    projected = free(4, 7).animate(frames=3).picture(2)
    assert faults(projected) == overlaps(projected) == []


@pytest.mark.parametrize("frame", [-1, 3, 2**63])
def test_a_frame_that_is_not_there_is_refused(frame):
    with pytest.raises(ValueError, match="frame must be"):
        free(3, 3).animate(frames=3).picture(frame)


def test_parallel_models_show_their_lifted_rows():
    model = gd.ParallelModel(3, 2, gd.Learned())
    run = gd.flow(model, model.start(*gd.sphere.polygon_pairs(3), tau=0.1, gamma=0.2), 5.0)
    shown = film(run, frames=3)
    np.testing.assert_array_equal(shown.X[0][:, 2], 0.2)


def test_rows_of_a_circle_lie_on_the_equator_and_many_dimensions_are_projected():
    flat, high = film(free(3, 2), frames=3), film(free(3, 7), frames=3)
    assert (flat.X[..., 2] == 0).all() and flat.place == "sphere"
    np.testing.assert_allclose(np.linalg.norm(flat.X, axis=2), 1, atol=1e-6)
    assert high.X.shape == (3, 3, 3) and high.place == "principal directions"
    assert (np.linalg.norm(high.X, axis=2) <= 1 + 1e-6).all()


@pytest.mark.parametrize("t", [1e-3, [0.0, 5.0], [1.0, 2.0, 5.0], 1e5])
def test_short_and_late_runs_have_different_frames_and_draw_without_a_warning(t):
    model = gd.FreeModel(5, 2, gd.Learned())
    run = gd.flow(model, model.start(*gd.sphere.polygon_pairs(5), tau=0.07), t)  # its gap is 0
    shown = film(run, frames=4)
    assert (np.diff(shown.t) > 0).all() and shown.t[[0, -1]].tolist() == run.t[[0, -1]].tolist()
    assert f"t = {run.t[0]:g} to {run.t[-1]:g}" in repr(shown)
    assert Image.open(io.BytesIO(shown.gif())).n_frames == 4


def test_a_notebook_shows_the_gif_that_save_writes(tmp_path):
    shown = free(3, 3).animate(frames=3)
    assert repr(shown) == "Film of 3 frames, 3 pairs, t = 0 to 10"
    assert shown._repr_html_().startswith('<img src="data:image/gif;base64,R0lGOD')
    shown.save(tmp_path / "run.gif")
    picture = Image.open(io.BytesIO((tmp_path / "run.gif").read_bytes()))
    assert picture.format == "GIF" and picture.n_frames == 3


def test_a_film_does_not_depend_on_the_users_settings_of_matplotlib():
    shown = free(3, 3).animate(frames=3)
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "black", "text.usetex": True}):
        other = shown.gif()
    assert shown.gif() == other


@pytest.mark.parametrize("backend", ["missing", "svg"])
def test_a_film_is_drawn_whatever_mplbackend_names_and_leaves_that_as_it_is(tmp_path, backend):
    """Jupyter's, inherited where it is not installed, is an error of `import matplotlib`."""
    code = """
import os, sys
import gapdyn as gd
model, y0 = gd.examples.figure_2()
gd.flow(model, y0, 1.0, rtol=1e-4).animate(frames=3).save("a.gif")
from matplotlib import rcParams
print(os.environ["MPLBACKEND"], dict.get(rcParams, "backend"))
"""
    environment = {**os.environ, "MPLBACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (tmp_path / "a.gif").is_file(), done.stderr
    inherited, in_force = done.stdout.split(maxsplit=1)
    assert inherited == backend and done.stderr == ""
    if backend != "missing":
        assert in_force.strip() == backend


def test_bad_input_is_named(tmp_path):
    scalar = gd.ScalarModel(gd.Fixed(1.0))
    run = gd.flow(scalar, scalar.start(gamma=0.5), 1.0)
    with pytest.raises(ValueError, match="run must be of a model with rows on a sphere"):
        run.animate()
    model = gd.FreeModel(3, 3, gd.Learned())
    y = model.start(gd.sphere.sample(3, 3, 0), gd.sphere.sample(3, 3, 1), tau=0.1)
    with pytest.raises(ValueError, match="run must have two times, it has t = 5 alone"):
        gd.flow(model, y, [5.0]).animate()
    with pytest.raises(ValueError, match="got None"):
        replace(free(3, 3), model=None).animate()
    with pytest.raises(TypeError, match=r"run must be a Trajectory, got 1\.0"):
        film(1.0)
    with pytest.raises(ValueError, match="frames must be at least 3"):
        free(3, 3).animate(frames=2)
    with pytest.raises(FileNotFoundError, match="path wants a file in an existing folder"):
        free(3, 3).animate(frames=3).save(tmp_path / "nowhere" / "run.gif")


@pytest.mark.parametrize("frames", [2, 10_001, 2**63])
def test_a_film_has_from_three_to_ten_thousand_frames(frames):
    with pytest.raises(ValueError, match="frames must be at"):
        free(3, 3).animate(frames=frames)
