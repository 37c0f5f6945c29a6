"""Real CLIP pairs under the sigmoid loss: a plain bias opens their gap, a relative one does not.

The free flow starts from 500 MSCOCO pairs, as CLIP embeds them after its training and before it.
Under InfoNCE it starts at the best τ of these rows, under the sigmoid loss at the best t and bias,
and from SigLIP's t = b = 10 besides. Rows before training say nothing of their pairs, so that the
best t is 0: there t is 10 for all, and the bias is the best at it. The gap opens where t grows and
b does not, so that b/t falls and the rows have to follow. A relative bias follows the rows. Where
it has a way to go, as from rows before training, the gap shrinks meanwhile, by as much as theory
5.2 says for level rows. Why (`draw_bias`): a plain bias, as b/t, falls between the similarities of
pairs and of strangers, and takes them along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

import gapdyn as gd
from experiments import features as real
from experiments.processes import swept
from experiments.record import Numbers
from experiments.sigmoid import BEST, LOGITS, STYLES, limit, log_times, time_axis
from gapdyn import plotting
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
WORDS = {
    "InfoNCE": "InfoNCE, CLIP's loss",
    "relative bias": "relative bias from the best r",
    "plain bias": "plain bias from the best b",
    "plain bias, SigLIP's start": "plain bias from SigLIP's t = b = 10",
}
"""What losses are called in pictures."""
PARTNERS: dict[str, Any] = {"color": plotting.SHADES[0], "ls": "--", "label": "partners (mean)"}
BIAS: dict[str, Any] = {"color": plotting.SHADES[3], "ls": "-", "label": "bias r or b/t"}
OTHERS: dict[str, Any] = {"color": plotting.SHADES[1], "ls": ":", "label": "others (mean)"}
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
    """The gap from both starts."""
    figure = plotting.column(6.6)
    axes = figure.subplots(2, 1)
    for ax, rows in zip(axes, ROWS, strict=True):
        draw_gap(ax, numbers, rows)
    lines, _ = axes[0].get_legend_handles_labels()
    figure.legend(lines, WORDS.values(), loc="outside lower center", ncols=2, title=LOGITS)
    figure.suptitle(
        "On real CLIP pairs a plain bias, as in SigLIP, opens the gap;\n"
        "CLIP's loss keeps it, and a relative bias keeps it or closes some of it"
    )
    return figure


def along(ax: Axes, rows: Columns, name: str, values: Array) -> None:
    """One run, with a marker every so often, which no other run has there."""
    first = 2 * list(LOSSES).index(name)
    style = {"ms": 5, "markevery": (first, 8), "label": name} | STYLES[LOOKS[name]]
    ax.plot(rows["t"], values, **style)


TITLES = {
    "trained": "(a) {} pairs as CLIP embeds them after its training, from the best t or SigLIP's",
    "before training": "(b) {} pairs as CLIP embeds them before its training, from t = 10",
}


def draw_gap(ax: Axes, numbers: Numbers, rows: str) -> None:
    """(a, b) The gap over time."""
    for name in LOSSES:
        own = numbers.rows(rows=rows, run=name)
        along(ax, own, name, own["gap"])
    n = numbers.parameters["pairs"]
    plotting.level(ax, limit(n), BEST, 1e-3)
    time_axis(ax, 1e-2, numbers.parameters["end"])
    ax.set(ylabel="gap Δ", ylim=(0.8 if rows == "trained" else 0.98, 1.22))
    ax.yaxis.set_major_locator(MultipleLocator(0.1))
    ax.set_title(TITLES[rows].format(n))


def draw_bias(numbers: Numbers) -> Figure:
    """Where the bias is, between similarities of pairs and of strangers, from trained rows."""
    figure = plotting.column(4.1)
    titles = ("(a) relative bias", "(b) plain bias", "(c) plain, SigLIP's start")
    axes = figure.subplots(1, 3, sharey=True)
    for ax, name, title in zip(axes, list(LOSSES)[1:], titles, strict=True):
        rows = numbers.rows(rows="trained", run=name)
        bias = rows["bias"] if name == "relative bias" else rows["bias"] / rows["beta"]
        lines = [
            *ax.plot(rows["t"], rows["pair"], **PARTNERS),
            *ax.plot(rows["t"], bias, **BIAS),
            *ax.plot(rows["t"], rows["stranger"], **OTHERS),
        ]
        time_axis(ax, 1e-2, numbers.parameters["end"])
        ax.set_xlabel("time (log from 0.01)")
        ax.set_title(title)
    axes[0].set(ylim=(-0.1, 1.05), ylabel="similarity z, and bias r or b/t")
    figure.legend(handles=lines, loc="outside lower center", ncols=3, title=LOGITS)
    figure.suptitle(
        "As t grows, a plain bias falls in units of similarity, b/t, and takes the similarities\n"
        f"of {numbers.parameters['pairs']} trained CLIP pairs along; a relative bias r stays"
    )
    return figure


MORE = {"bias": draw_bias}
