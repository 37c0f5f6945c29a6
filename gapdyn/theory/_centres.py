"""The centres of the rows along a run, which the exchange laws of both losses are about."""

from __future__ import annotations

import numpy as np

from gapdyn.flow import Trajectory
from gapdyn.measures import COINCIDENT, centre_distance
from gapdyn.models import FreeModel, ParallelModel
from gapdyn.types import Array


def log_difference(trajectory: Trajectory, model: FreeModel | ParallelModel) -> Array:
    """log ‖c_X - c_Y‖ at the kept states, -∞ where the centres coincide."""
    return _logs([centre_distance(*model.rows(y)) for y in trajectory.y])


def log_sum(trajectory: Trajectory, model: FreeModel | ParallelModel) -> Array:
    """log ‖c_X + c_Y‖ at the kept states, -∞ where the centres are opposite."""
    return _logs([centre_distance(*model.rows(y), scale_y=-1.0) for y in trajectory.y])


def _logs(lengths: list[float]) -> Array:
    values = np.array(lengths)
    with np.errstate(divide="ignore"):
        logs: Array = np.log(np.where(values > COINCIDENT, values, 0.0))
    return logs
