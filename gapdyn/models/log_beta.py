"""The free model with log β for time, which reaches times that no float64 holds.

At late times β grows like log t, so that t itself leaves float64 at a β of some hundreds. On this
clock a velocity is a ratio, in which what underflows cancels (`gapdyn._kernels.relative`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from gapdyn._kernels.relative import relative_pull
from gapdyn.losses import InfoNCE
from gapdyn.models.free import FreeModel, FreeState
from gapdyn.temperature import Learned
from gapdyn.types import Array

LOG_BETA = "log beta"
LEAST_END, MOST_BETA = 1e-12, 1e11
"""Least growth of log β, and the β beyond which similarities are rounded too much for 1/β."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
COLUMNS = 256
"""Columns of a Jacobian that are made at once."""
REACH = 60.0
"""e-folds below its last value from which on an integrand counts for nothing."""


@dataclass(frozen=True)
class LogBetaModel(FreeModel):
    """The flow of `FreeModel` on another clock: its time s is log β - log β₀, while g > 0.

    With the potential P of β, for which dP = β g dt, and P'(s) = β²/(η β'(ν)²),

        dX/ds = P'(s) dX/dP,   dY/ds = P'(s) dY/dP,   dν/ds = β/β'(ν),   dt/ds = P'(s)/(β g).

    The state is that of `FreeModel`. `gapdyn.flow` makes this model of a free one for
    `clock="log beta"`. Its velocities are those of s, so that they are not rates times gradients.

    Parameters
    ----------
    n, d, temperature, row_rate
        As in `FreeModel`; the temperature is learned and has no ceiling or floor.

    Raises
    ------
    TypeError, ValueError
        As `FreeModel`; also if the temperature is not learned or is clamped, or there is a
        mixing.
    """

    temperature: Learned

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.temperature, Learned) or self.temperature.clamped:
            raise ValueError(
                f"clock must be 't' or 'log t' where β may stand still: {LOG_BETA!r} wants a"
                f" learned temperature without a ceiling or floor, got {self.temperature}"
            )
        if type(self.objective) is not InfoNCE:
            raise ValueError(f"clock must be 't' or 'log t' for {self.objective}, not {LOG_BETA!r}")

    def _mix(self, mixing: Array | None) -> None:
        if mixing is not None:
            raise ValueError(f"clock must be 't' or 'log t' for a mixing, not {LOG_BETA!r}")
        super()._mix(mixing)

    @classmethod
    def of(cls, model: object, y: Array, end: float) -> LogBetaModel:
        """A free model on this clock, from states y (N,) or (N, B) in which β grows, to an end.

        Raises
        ------
        ValueError
            If the model is none that has this clock, g ≤ 0 at a state, or β leaves its range.
        """
        if not isinstance(model, cls):
            if type(model) is not FreeModel:
                raise ValueError(f"clock must be 't' or 'log t' for all but FreeModel, as {model}")
            learned: Any = model.temperature  # which is checked there
            model = cls(
                model.n, model.d, learned, model.row_rate, model.mixing, objective=model.objective
            )
        if not np.isfinite(model.log_rate(y)).all():
            raise ValueError(
                f"clock must be 't' or 'log t' until β grows, g > 0: begin with {LOG_BETA!r} at the"
                " last state of a run in which all pairs have come to match"
            )
        most = float(np.log(MOST_BETA) - np.log(np.max(model._growth(y)[0])))
        if not LEAST_END <= end <= most:
            raise ValueError(
                f"t must lie between {LEAST_END} and log({MOST_BETA:g}/β₀) = {most:.4g} on the"
                f" clock {LOG_BETA!r}, where it is log(β/β₀), got {end:g}"
            )
        return model

    def rates(self) -> FreeState:
        """Refused: on this clock velocities are not rates times gradients.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"model must have velocities in t, not on the clock {LOG_BETA!r}")

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """The velocities above, at any time s."""
        out = np.empty_like(y) if out is None else out
        beta, slope, rise = self._growth(y)
        dW = self.stacked(out)
        relative_pull(self.stacked(y), beta, dW)
        dW *= self.row_rate * rise
        out[self.end] = beta / slope
        return out

    def jacobian(self, t: float, y: Array) -> Array:
        """The derivatives of `velocity` in the state, (N, N), in the rows exact to rounding.

        Those are made by complex steps: differences would have to be shorter than 1/β, on which
        scale the velocity changes. That of ν is a difference in which β changes by 1/1000.
        """
        J = np.empty((y.size, y.size))
        for some in np.array_split(np.arange(self.end), 1 + self.end // COLUMNS):
            steps = np.zeros((y.size, some.size), dtype=complex)
            steps[some, np.arange(some.size)] = 1e-100j
            J[:, some] = self.velocity(t, y[:, None] + steps).imag / 1e-100
        nudge = np.zeros(y.size)
        nudge[self.end] = 1e-3 / self.temperature.dbeta(0.0, y[self.end])
        J[:, self.end] = self.velocity(t, y + nudge) - self.velocity(t, y - nudge)
        J[:, self.end] /= 2 * nudge[self.end]
        return J

    def log_rate(self, y: Array) -> Any:
        """log dt/ds of a state, or of many; NaN where g is not positive."""
        beta, _, rise = self._growth(y)
        with np.errstate(invalid="ignore", divide="ignore"):
            log_g = relative_pull(self.stacked(y), beta, np.empty_like(self.stacked(y)))
        return np.log(rise / beta) - log_g

    def _growth(self, y: Array) -> tuple[Any, Any, Any]:
        """β, β'(ν) and P'(s)."""
        nu = np.real(y[self.end])  # rows alone take complex steps
        beta, slope = self.temperature.beta(0.0, nu), self.temperature.dbeta(0.0, nu)
        return beta, slope, (beta / slope) ** 2 / self.temperature.rate


def log_times(s: Array, log_rates: Array) -> Array:
    """log t at increasing s (K,), t = 0 at the first, from log dt/ds there; splines in between."""
    log_t = np.full(s.shape, -np.inf)
    if s.size < 2:
        return log_t
    log_rate = CubicSpline(s, log_rates)
    for k, (start, end) in enumerate(pairwise(s)):
        rise = max(log_rates[k + 1] - log_rates[k], REACH)
        half = (end - start) * REACH / rise / 2  # where the integrand is large
        values = log_rate(end - half * (1 - NODES))
        top = values.max()
        step = top + np.log(half * (WEIGHTS @ np.exp(values - top)))
        log_t[k + 1] = np.logaddexp(log_t[k], step)
    return log_t
