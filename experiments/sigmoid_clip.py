"""Real CLIP pairs under the sigmoid loss: a plain bias opens their gap, a relative one does not.

The free flow starts from 500 MSCOCO pairs, as CLIP embeds them after its training and before it.
Under InfoNCE it starts at the best τ of these rows, under the sigmoid loss at the best t and bias,
and from SigLIP's t = b = 10 besides. Rows before training say nothing of their pairs, so that the
best t is 0: there t is 10 for all, and the bias is the best at it. The gap opens where t grows and
b does not, so that b/t falls and the rows have to follow. A relative bias follows the rows. Where
it has a way to go, as from rows before training, the gap shrinks meanwhile, by as much as theory
5.2 says for level rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

import gapdyn as gd
from experiments import features as real
from experiments.processes import swept
from experiments.record import Numbers
from experiments.sigmoid import STYLES, limit, log_times, time_axis
from gapdyn.theory import sigmoid
from gapdyn.types import Array

FEATURES = (real.TRAINED, real.RANDOM_INIT)
ROWS = {"trained": real.TRAINED, "before training": real.RANDOM_INIT}
SIGLIP = 10.0
LOSSES: dict[str, gd.InfoNCE | gd.Sigmoid] = {
    "InfoNCE": gd.InfoNCE(),
    "relative bias": gd.Sigmoid("relative", bias_rate=0.01),
    "plain bias": gd.Sigmoid("plain"),
    "plain bias, SigLIP's start": gd.Sigmoid("plain"),
}
"""A relative bias has rate 1/100, as at rate 1 it would be too stiff: r moves as b does, t² faster.
"""
LOOKS = dict(
    zip(
        LOSSES,
        ("InfoNCE", "relative, r₀ = 0", "plain, b₀ = 0", "SigLIP: plain, t₀ = b₀ = 10"),
        strict=True,
    )
)
END, QUICK_END, QUICK_PAIRS = 30.0, 1.0, 40
SOLVER: dict[str, Any] = {"method": "RK23", "rtol": 1e-5, "atol": 1e-7}
"""Stability limits the steps, and of explicit methods this one gets farthest for its velocities."""
SEEN = ("gap", "loss", "beta", "bias", "margin", "mismatched")
Columns = dict[str, NDArray[Any]]


def compute(
    seed: int = 0, quick: bool = False, features: Path | None = None, jobs: int = 1
) -> Numbers:
    """Run the flow under each loss from both files; nothing is random."""
    loaded = {rows: load(rows, features, quick) for rows in ROWS}
    file = None if features is None else str(features)
    # The longest runs first.
    grid = {"rows": list(ROWS), "loss": list(LOSSES)[::-1], "features": [file], "quick": [quick]}
    points = swept(measure, grid, [seed], jobs)
    parts = [{key: np.array(column) for key, column in point.value.items()} for point in points]
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    X, _, source = loaded["before training"]
    parameters = {
        "features": source,
        "trained": loaded["trained"][2],
        "pairs": len(X),
        "dim": X.shape[1],
        "end": QUICK_END if quick else END,
        "solver": SOLVER,
    }
    numbers = Numbers(table, parameters)
    parameters["runs"] = {
        f"{rows}, {name}": ends(numbers.rows(rows=rows, run=name))
        for rows in ROWS
        for name in LOSSES
    }
    return numbers


def load(rows: str, features: str | Path | None, quick: bool) -> tuple[Array, Array, str]:
    """Rows of both modalities and the name of their file."""
    X, Y, source = real.load(ROWS[rows], features)
    return (X[:QUICK_PAIRS], Y[:QUICK_PAIRS], source) if quick else (X, Y, source)


def ends(rows: Columns) -> dict[str, list[float]]:
    """What is seen at both ends of a run."""
    return {name: [float(rows[name][0]), float(rows[name][-1])] for name in SEEN}


def measure(
    rows: str, loss: str, features: str | None, quick: bool, seed: int
) -> dict[str, list[Any]]:
    """One run: columns of the table."""
    X, Y, _ = load(rows, features, quick)
    (n, d), (t, bias) = X.shape, start(X, Y, rows, loss)
    model = gd.FreeModel(n, d, gd.Learned(), loss=LOSSES[loss])
    times = log_times(1e-2, QUICK_END if quick else END, 12)
    run = gd.flow(model, model.start(X, Y, tau=1 / t, bias=bias), times, **SOLVER)
    similar = [similarities(*model.rows(y)) for y in run.y]
    return {
        "rows": [rows] * run.t.size,
        "run": [loss] * run.t.size,
        "t": run.t.tolist(),
        **{name: getattr(run, name).tolist() for name in SEEN},
        **dict(zip(("pair", "stranger"), np.transpose(similar).tolist(), strict=True)),
    }


def start(X: Array, Y: Array, rows: str, loss: str) -> tuple[float, float]:
    """The first t and bias: the best of the trained rows, or the best bias at t = 10."""
    if loss.endswith("SigLIP's start"):
        return SIGLIP, SIGLIP
    objective = LOSSES[loss]
    if isinstance(objective, gd.InfoNCE):
        Z = X @ Y.T
        t = least(lambda t: objective.value(Z, tau=1 / t)) if rows == "trained" else SIGLIP
        return t, 0.0
    t = least(lambda t: sigmoid.best_bias(X, Y, t=t).loss) if rows == "trained" else SIGLIP
    b = sigmoid.best_bias(X, Y, t=t).bias
    return t, b / t if objective.bias == "relative" else b


def least(loss: Any) -> float:
    """The t from 1 to 1000 at which a loss is least."""
    found = minimize_scalar(lambda x: loss(np.exp(x)), bounds=(0, np.log(1000)), method="bounded")
    return float(np.exp(found.x))


def similarities(X: Array, Y: Array) -> tuple[float, float]:
    """Mean similarity of pairs and of strangers."""
    Z = X @ Y.T
    n = len(Z)
    return float(np.trace(Z) / n), float((Z.sum() - np.trace(Z)) / (n * (n - 1)))


def draw(numbers: Numbers) -> Figure:
    """The gap from both starts, and from trained rows the loss and what b/t has to do with it."""
    figure = Figure(figsize=(10.4, 8.6), layout="constrained")
    axes = figure.subplots(2, 2)
    draw_gap(axes[0, 0], numbers, "trained")
    draw_gap(axes[0, 1], numbers, "before training")
    draw_loss(axes[1, 0], numbers)
    draw_bias(axes[1, 1], numbers)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def along(ax: Axes, rows: Columns, name: str, values: Array) -> None:
    """One run, with a marker every so often."""
    style = {"ms": 4.5, "markevery": (4, 8), "label": name} | STYLES[LOOKS[name]]
    ax.plot(rows["t"], values, **style)


def draw_gap(ax: Axes, numbers: Numbers, rows: str) -> None:
    """(a, b) The gap over time."""
    for name in LOSSES:
        own = numbers.rows(rows=rows, run=name)
        along(ax, own, name, own["gap"])
    n = numbers.parameters["pairs"]
    ax.axhline(limit(n), color="0.4", ls="--", lw=0.9)
    note: Any = {"textcoords": "offset points", "size": 8, "color": "0.3"}
    text = f"pairs at z = m, strangers at −m: {limit(n):.3f}"
    ax.annotate(text, (2e-3, limit(n)), (0, 4), **note)
    axis(ax, numbers)
    ax.set_ylabel("gap Δ")
    letter = "ab"[list(ROWS).index(rows)]
    ax.set_title(f"({letter}) {n} real CLIP pairs, {rows}:\n{SAID[rows]}")


SAID = {
    "trained": "a plain bias opens the gap; InfoNCE and a relative bias keep it",
    "before training": "a plain bias opens it too; a relative one closes some, while r falls",
}


def axis(ax: Axes, numbers: Numbers) -> None:
    """Time."""
    time_axis(ax, 1e-2, numbers.parameters["end"])


def draw_loss(ax: Axes, numbers: Numbers) -> None:
    """(c) The loss over time."""
    for name in LOSSES:
        own = numbers.rows(rows="trained", run=name)
        along(ax, own, name, own["loss"])
    axis(ax, numbers)
    ax.set(yscale="log", ylabel="loss, in nats")
    ax.set_title("(c) trained rows: all four losses go to 0,\nwhatever the gap does")


def draw_bias(ax: Axes, numbers: Numbers) -> None:
    """(d) Where the bias is, between similarities of pairs and of strangers."""
    for name in list(LOSSES)[1:]:
        own = numbers.rows(rows="trained", run=name)
        r = own["bias"] if name == "relative bias" else own["bias"] / own["beta"]
        along(ax, own, name, r)
        style = STYLES[LOOKS[name]]
        for kind, dash in (("pair", "--"), ("stranger", ":")):
            ax.plot(own["t"], own[kind], ls=dash, lw=1, color=style["color"])
    axis(ax, numbers)
    ax.set_ylim(-0.1, 1.05)
    ax.set_ylabel("bias r or b/t; similarities z")
    ax.set_title(
        "(d) the bias (solid) parts pairs (dashed) from strangers (dotted):\n"
        "a plain one falls, as b/t with t growing, and takes the rows with it"
    )
