"""The hypotheses of Theorem 3.2, checked on a run.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Theorem 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gapdyn.flow import Trajectory
from gapdyn.models import FrozenModel, ParallelModel
from gapdyn.theory import _checks
from gapdyn.types import Array


class Hypothesis(NamedTuple):
    """One hypothesis of Theorem 3.2 on one trajectory.

    Attributes
    ----------
    name : str
        The hypothesis.
    holds : bool
        Whether it holds as the theorem needs it: from t = 0 on.
    shortfall : float
        By how much it fails at worst, in the unit of the hypothesis; 0 if it holds, 1e-300 if a
        height has reached 0 or 1 itself.
    since : float
        The first of t = 0 and the stored times from which on it holds, so that the theorem may be
        applied from there; infinite if it does not hold at the last time. The hypothesis on β₀ is
        asked at the start alone, and may hold there although β falls below the threshold later.
    """

    name: str
    holds: bool
    shortfall: float
    since: float


def hypotheses(trajectory: Trajectory, alpha: float) -> tuple[Hypothesis, ...]:
    """Check the hypotheses of Theorem 3.2 on a run: at t = 0 and at the stored times.

    Parameters
    ----------
    trajectory : Trajectory
        Of a tied ParallelModel or a FrozenModel.
    alpha : float
        The margin α whose hypothesis α(Z(t)) ≥ α is checked, in (0, 2].

    Returns
    -------
    tuple of Hypothesis
        β = exp ν with rate 1; 0 < γ < 1; α(Z(t)) ≥ α; β ≥ log(4(n-1))/(α(1-γ²)), asked at the
        time from which the theorem is applied.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or was loaded without one or without its start, or α
        is out of range.
    """
    model, n = _validate_model(_checks.validate_trajectory(trajectory).model)
    alpha = _checks.validate_margin("alpha", alpha)
    t, gamma, beta, margin = _from_the_start(trajectory)
    as_in_paper = model.temperature == _checks.PAPER  # β = exp ν, rate 1, no ceiling
    inside = (gamma > 0) & (gamma < 1)
    with np.errstate(divide="ignore", over="ignore"):
        least = np.log(4 * (n - 1)) / (alpha * np.maximum(1 - gamma**2, 0.0))
    slack = margin - alpha * (1 - _checks.SLACK)
    always = {
        "β = exp ν, ν with rate 1 and no ceiling": np.full(t.shape, 0.0 if as_in_paper else np.inf),
        # At 0 and 1 themselves it fails by 0, which must not count as holding.
        "0 < γ < 1": np.where(inside, 0.0, np.maximum(np.maximum(-gamma, gamma - 1), 1e-300)),
        "α(Z(t)) ≥ α": np.maximum(-slack, 0.0),
    }
    found = []
    for name, shortfall in always.items():
        most = float(shortfall.max())
        found.append(Hypothesis(name, most == 0, most, _since(shortfall, t)))
    short = np.maximum(least * (1 - _checks.SLACK) - beta, 0.0)
    name = "β₀ ≥ log(4(n-1))/(α(1-γ₀²))"
    return (*found, Hypothesis(name, bool(short[0] == 0), float(short[0]), _since(short, t)))


def _validate_model(model: object) -> tuple[ParallelModel | FrozenModel, int]:
    """A model with one γ that the theorem is about, and its number of pairs."""
    if isinstance(model, ParallelModel) and model.tied:
        return model, model.n
    if isinstance(model, FrozenModel):
        return model, len(model.Z)
    raise ValueError(f"trajectory must be of a tied parallel or a frozen model, got {model}")


def _from_the_start(trajectory: Trajectory) -> tuple[Array, ...]:
    """Times, γ, β and margin of a run, with those at t = 0 in front where it is no output time."""
    names = ("t", "gamma", "beta", "margin")
    stored = tuple(getattr(trajectory, name) for name in names)
    if trajectory.t[0] == 0:
        return stored
    if trajectory.start is None or trajectory.model is None:
        raise ValueError(
            f"trajectory must hold the state at t = 0, where the theorem begins, its first time is "
            f"{trajectory.t[0]:g}: run it again"
        )
    first = trajectory.model.observe(0.0, trajectory.start)
    before = (0.0, first.gamma, first.beta, first.margin)
    return tuple(np.insert(values, 0, value) for values, value in zip(stored, before, strict=True))


def _since(shortfall: Array, t: Array) -> float:
    """First time from which on nothing is short."""
    fails = np.flatnonzero(shortfall > 0)
    return float(np.append(t, np.inf)[fails[-1] + 1 if fails.size else 0])
