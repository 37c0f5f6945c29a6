"""The loss against the signed gap, one curve for each temperature.

As in [1]_, both modalities are shifted along the gap between their centres and put back on the
sphere. The minimum shows which gap the loss favours: on trained CLIP, at its own τ = 0.01, about
the gap that it has.

References
----------
.. [1] W. Liang, Y. Zhang, Y. Kwon, S. Yeung and J. Zou, Mind the gap: Understanding the modality
   gap in multi-modal contrastive representation learning, NeurIPS 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar

import gapdyn as gd
from experiments import features as real
from experiments.record import Numbers
from gapdyn import plotting
from gapdyn.types import Array

TAUS = (0.01, 0.02, 0.05, 0.1)
SYNTHETIC = "synthetic data in place of CLIP"
FEATURES = (real.TRAINED,)
AMOUNTS = (-1.5, 3.5)
"""Range of the shift: 0 leaves the data, 1 closes the gap, 2 about mirrors it."""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Evaluate the loss on shifted trained CLIP features, or on synthetic data without them."""
    about: dict[str, Any] = {}
    try:
        X, Y, source = real.load(real.TRAINED, features)
    except real.FeaturesMissingError as missing:
        X, Y, source = *synthetic(seed), SYNTHETIC
        about["remark"] = f"of {SYNTHETIC}, as there are {missing}"
    amounts = np.linspace(*AMOUNTS, 41 if quick else 201)
    direction = X.mean(axis=0) - Y.mean(axis=0)
    gaps, losses = np.empty(len(amounts)), np.empty((len(TAUS), len(amounts)))
    for k, amount in enumerate(amounts):
        Z, gaps[k] = similarity_and_gap(X, Y, amount, direction)
        losses[:, k] = [gd.loss.loss(Z / tau) for tau in TAUS]
    table = {"amount": amounts, "signed_gap": gaps}
    minima = {}
    for tau, loss in zip(TAUS, losses, strict=True):
        table[f"loss_tau_{tau:g}"] = loss
        minima[f"{tau:g}"] = minimum(X, Y, tau, direction, near=amounts[loss.argmin()])
    parameters = {"features": source, "pairs": len(X), "gap": gd.measures.gap(X, Y)}
    parameters |= {"gap_of_least_loss": minima, **about}
    return Numbers(table, parameters, stand_in="_synthetic" if about else "")


def similarity_and_gap(X: Array, Y: Array, amount: float, direction: Array) -> tuple[Array, float]:
    """Similarities of the shifted rows, and their gap, negative once the centres have crossed."""
    X, Y = gd.sphere.shift_gap(X, Y, amount)
    between = X.mean(axis=0) - Y.mean(axis=0)
    return X @ Y.T, float(np.copysign(np.linalg.norm(between), between @ direction))


def minimum(X: Array, Y: Array, tau: float, direction: Array, near: float) -> float:
    """Signed gap with the smallest loss, refined from the best amount of the grid."""
    best = minimize_scalar(
        lambda amount: gd.loss.loss(similarity_and_gap(X, Y, amount, direction)[0] / tau),
        bounds=(near - 0.15, near + 0.15),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return similarity_and_gap(X, Y, float(best.x), direction)[1]


def synthetic(seed: int) -> tuple[Array, Array]:
    """Two noisy views of one code, 200 pairs in 64 dimensions, lifted 0.8 apart."""
    rng = np.random.default_rng(seed)
    code = rng.standard_normal((200, 64))
    X, Y = (code + 0.7 * rng.standard_normal(code.shape) for _ in range(2))
    return gd.sphere.lift(X, Y, gamma=0.4)


def draw(numbers: Numbers) -> Figure:
    """Loss against the signed gap, with the minima and the gap of the data."""
    figure = Figure(figsize=(6.2, 3.8), layout="constrained")
    ax = figure.subplots()
    gap, own = numbers.table["signed_gap"], numbers.parameters["gap"]
    shades = plotting.SHADES
    for tau, shade in zip(TAUS, shades, strict=True):
        loss = numbers.table[f"loss_tau_{tau:g}"]
        best = numbers.parameters["gap_of_least_loss"][f"{tau:g}"]
        label = f"τ = {tau:g}: least at {best:.3f}"
        ax.plot(gap, loss, color=shade, label=label)
        ax.plot(best, loss.min(), "o", color=shade, ms=6)
    ax.axvline(own, color="0.4", ls="--", lw=1)
    ax.text(own + 0.02, 0.97, f"data: {own:.3f}", transform=ax.get_xaxis_transform(), va="top")
    ax.set(xlabel="signed gap", ylabel="loss (nats)")
    ax.set_title(f"{numbers.parameters['pairs']} pairs, {numbers.parameters['features']}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
