"""Training by minibatches, with Adam or plain gradient descent.

As in the paper (E.1), the learning rate rises linearly over the first fifth of the steps and then
falls as a cosine. The paper does not name its optimiser. One step is the unit of time of schedules
and the segment of a swap.

References
----------
.. [1] D. P. Kingma and J. Ba, Adam: A method for stochastic optimization, ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.section_4.encoders import EncoderModel
from gapdyn.swap import Swap
from gapdyn.types import Array
from gapdyn.validate import validate_array, validate_count, validate_number, validate_positive

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants, as printed in [1]_."""

Draw = Callable[[NDArray[np.int_], np.random.Generator], Array]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    epochs, batch : int
        Passes over the pairs, and pairs in a step. Each pass has a new order and leaves out the
        last pairs if they do not fill a batch.
    rate : float
        The highest learning rate.
    optimiser : str
        "adam", or "descent" for plain gradient descent.
    warm_up : float
        Share of the steps in which the learning rate rises linearly.
    cosine : bool
        Whether the learning rate then falls to zero as a cosine, or stays.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive, the batch is below 2, `warm_up` is outside [0, 1), or the
        optimiser is unknown.
    """

    epochs: int
    batch: int
    rate: float
    optimiser: str = "adam"
    warm_up: float = 0.2
    cosine: bool = True

    def __post_init__(self) -> None:
        validate_count("epochs", self.epochs, least=1)
        validate_count("batch", self.batch, least=2)
        validate_positive("rate", self.rate)
        if not isinstance(self.optimiser, str) or self.optimiser not in ADVANCE:
            raise ValueError(
                f"optimiser must be one of {', '.join(ADVANCE)}, got {self.optimiser!r}"
            )
        if not 0 <= validate_number("warm_up", self.warm_up) < 1:
            raise ValueError(f"warm_up must lie in [0, 1), got {self.warm_up}")

    def steps(self, pairs: int) -> int:
        """Number of steps on so many pairs; a ValueError if a batch is larger than that."""
        if self.batch > pairs:
            raise ValueError(f"batch must be at most the {pairs} pairs there are, got {self.batch}")
        return self.epochs * (pairs // self.batch)

    def rates(self, steps: int) -> Array:
        """Learning rate of each step, (steps,)."""
        warm = max(1, round(self.warm_up * steps))
        k = np.arange(steps)
        rates = self.rate * np.minimum((k + 1) / warm, 1.0)
        if self.cosine:
            falling = max(1, steps - warm)
            rates *= (1 + np.cos(np.pi * np.clip((k - warm) / falling, 0, 1))) / 2
        return rates

    def batches(self, pairs: int, rng: np.random.Generator) -> Iterator[NDArray[np.int_]]:
        """Indices of the pairs of each step, in a new order every epoch."""
        for _ in range(self.epochs):
            order = rng.permutation(pairs)
            for start in range(0, pairs - self.batch + 1, self.batch):
                yield order[start : start + self.batch]


def train(
    model: EncoderModel,
    y0: Array,
    recipe: Recipe,
    *,
    draw: Draw | None = None,
    swap: Swap | None = None,
    seed: int | np.random.Generator = 0,
    watch: Callable[[int, Array], object] = lambda k, y: None,
) -> Array:
    """Train a model on its own inputs; its temperature at step k is that of time k.

    Parameters
    ----------
    model : EncoderModel
    y0 : (N,) array
        State to start from; it is not changed.
    recipe : Recipe
    draw : callable, optional
        `draw(chosen, rng)` gives the images of the pairs of a step where a text has several; by
        default they are the model's own.
    swap : Swap, optional
        Each step is a segment, whatever the swap's own `segment` is.
    seed : int or numpy.random.Generator
        Decides the batches, and what `draw` draws.
    watch : callable
        Called with the number of steps done and the state, before the first step and after each.
        The next step changes that array, so copy it to keep it.

    Returns
    -------
    (N,) array
        The state after the last step.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit together, or the model has a mixing of its own.
    ArithmeticError
        If the training diverges or the embedding of an input becomes zero.
    """
    y = _validate(model, y0, swap)
    steps = recipe.steps(model.n)
    advance = ADVANCE[recipe.optimiser](model)
    acts = np.zeros(steps, dtype=bool) if swap is None else swap.swapped(steps)
    rng = np.random.default_rng(seed)
    images = (lambda chosen, rng: model.images[chosen]) if draw is None else draw
    watch(0, y)
    batches = recipe.batches(model.n, rng)
    for k, (rate, chosen) in enumerate(zip(recipe.rates(steps), batches, strict=True)):
        mixing = swap.mixing(k, recipe.batch, model.d) if swap is not None and acts[k] else None
        batch = images(chosen, rng), model.texts[chosen]
        velocity = model.descend(float(k), y, *batch, mixing, np.empty_like(y))
        if not np.isfinite(velocity.sum()):
            raise ArithmeticError(
                f"the gradient is not finite at step {k}: the training has diverged at rate"
                f" {recipe.rate:g}, or the embedding of an input has become zero"
            )
        advance(y, velocity, rate)
        y[-1] = model.temperature.project(y[-1])
        watch(k + 1, y)
    return y


def _validate(model: EncoderModel, y0: Array, swap: Swap | None) -> Array:
    """A copy of the starting state, once all three fit together."""
    y = np.array(validate_array("y0", y0, ndim=1), dtype=np.float64)
    if y.shape != (model.size,):
        raise ValueError(f"y0 must have {model.size} entries, got {y.size}")
    if swap is not None and not isinstance(swap, Swap):
        raise TypeError(f"swap must be HardSwap(p), SoftSwap(p) or None, got {swap!r}")
    if model.mixing is not None:
        raise ValueError("model must have no mixing of its own: give train a swap")
    return y


def descent(y: Array, velocity: Array, rate: float) -> None:
    """Plain gradient descent: an Euler step of the flow (4), which overwrites `velocity`."""
    velocity *= rate
    y += velocity


class Adam:
    """Adam [1]_, whose steps do not depend on the scale of the gradient.

    A learning rate of ν that multiplied its gradient would have no effect, so it multiplies the
    step.
    """

    def __init__(self, model: EncoderModel) -> None:
        self.mean, self.square, self.step = (np.zeros(model.size) for _ in range(3))
        self.rate_of_nu = model.temperature.rate
        self.done = 0

    def __call__(self, y: Array, velocity: Array, rate: float) -> None:
        """Move `y` by one step."""
        self.done += 1
        step = np.multiply(velocity, 1 - BETA_1, out=self.step)
        self.mean *= BETA_1
        self.mean += step
        np.square(velocity, out=step)
        step *= 1 - BETA_2
        self.square *= BETA_2
        self.square += step
        np.sqrt(self.square, out=step)
        step *= 1 / np.sqrt(1 - BETA_2**self.done)
        step += EPSILON
        np.divide(self.mean, step, out=step)
        step *= rate / (1 - BETA_1**self.done)
        step[-1] *= self.rate_of_nu
        y += step


ADVANCE: dict[str, Any] = {"adam": Adam, "descent": lambda model: descent}
"""What makes the step of an optimiser for a model."""
