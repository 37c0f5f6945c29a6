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

import gapdyn as gd
from experiments import features as real
from experiments.record import Numbers
from gapdyn import pictures
from gapdyn.types import Array

TAUS = (0.01, 0.02, 0.05, 0.1)
NAMES = [f"loss_tau_{tau:g}" for tau in TAUS]
SYNTHETIC = "synthetic data in place of CLIP"
FEATURES = (real.TRAINED,)
AMOUNTS = (-1.5, 3.5)
"""Range of the shift: 0 leaves the data, 1 closes the gap, 2 about mirrors it."""

MESSAGE = """\
Trained CLIP has about the gap that its loss favours at its own temperature, 0.01;
at higher temperatures the loss favours a smaller one"""


def compute(seed: int = 0, quick: bool = False, features: Path | None = None) -> Numbers:
    """Evaluate the loss on shifted trained CLIP features, or on synthetic data without them."""
    about: dict[str, Any] = {}
    try:
        X, Y, source = real.load(real.TRAINED, features)
    except real.FeaturesMissingError as missing:
        X, Y, source = *synthetic(seed), SYNTHETIC
        about["remark"] = f"of {SYNTHETIC}, as there are {missing}"
    found = gd.landscape(X, Y, TAUS, amounts=np.linspace(*AMOUNTS, 41 if quick else 201))
    curves = dict(zip(NAMES, found.losses, strict=True))
    table = {"amount": found.amounts, "signed_gap": found.gaps} | curves
    minima = {f"{tau:g}": float(gap) for tau, gap in zip(TAUS, found.best_gap, strict=True)}
    parameters: dict[str, Any] = {"features": source, "pairs": len(X), "gap": found.own_gap}
    parameters |= {"gap_of_least_loss": minima, **about}
    return Numbers(table, parameters, stand_in="_synthetic" if about else "")


def synthetic(seed: int) -> tuple[Array, Array]:
    """Two noisy views of one code, 200 pairs in 64 dimensions, lifted 0.8 apart."""
    rng = np.random.default_rng(seed)
    code = rng.standard_normal((200, 64))
    X, Y = (code + 0.7 * rng.standard_normal(code.shape) for _ in range(2))
    return gd.sphere.lift(X, Y, gamma=0.4)


def draw(numbers: Numbers) -> Figure:
    """Loss against the signed gap, with the minima and the gap of the data."""
    table, about = numbers.table, numbers.parameters
    losses = np.stack([table[name] for name in NAMES])
    found = gd.Landscape(
        np.array(TAUS),
        table["amount"],
        table["signed_gap"],
        losses,
        own_gap=about["gap"],
        own_loss=losses[:, np.abs(table["amount"]).argmin()],
        best_gap=np.array([*about["gap_of_least_loss"].values()]),
        best_loss=losses.min(axis=1),
    )
    trained = about["features"] in (real.TRAINED, real.PUBLIC_NAMES[real.TRAINED])
    source = "embeddings of trained CLIP" if trained else about["features"]
    figure = pictures.landscape_page(found, f"{about['pairs']} pairs, {source}")
    if trained:
        figure.suptitle(MESSAGE)
    return figure
