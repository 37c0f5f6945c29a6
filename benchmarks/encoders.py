"""Time an epoch of Section 4's training on glyphs, against the same steps in PyTorch on the CPU.

`python benchmarks/encoders.py [--json FILE] [--threads N] [--repeats N]`. It is the recipe of
reference of the tables: Adam, batches of 256, a learned temperature with CLIP's ceiling. Both sides
take the same steps on the same images from the same weights, and take turns in one process with one
number of threads. PyTorch's first layer of words is a product with dense rows or an EmbeddingBag,
whichever is faster, and its Adam is the fused one. Without PyTorch ours is timed alone.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import timing

THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"

parser = timing.arguments(__doc__)
parser.add_argument("--threads", type=int, default=1, help="of each side")
if __name__ == "__main__":  # threads are counted when NumPy is imported
    os.environ.update(dict.fromkeys(THREADS, str(parser.parse_args().threads)))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402

from experiments.section_4 import glyphs, recipes  # noqa: E402
from experiments.section_4.encoders import Encoder, EncoderModel  # noqa: E402
from experiments.section_4.methods import MAX_BETA, methods  # noqa: E402
from experiments.section_4.paired_data import Pairs  # noqa: E402
from experiments.section_4.training import Recipe, train  # noqa: E402
from gapdyn.types import Array  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

RATE, SEED = 1e-2, 0
GOAL = 1.5
SAME = {"float64": 1e-10, "float32": 1e-3}
"""How far the losses after an epoch may be apart, relative to the loss."""
LEVEL = 0.95


class Task(NamedTuple):
    """What both sides train, from which state, how, and the pairs and images of each step."""

    pairs: Pairs
    model: EncoderModel
    y: Array
    recipe: Recipe
    steps: list[tuple[Any, Any]]


def task() -> Task:
    """One epoch of the recipe of reference on glyphs."""
    pairs, setting = glyphs.pairs(SEED), replace(recipes.REFERENCE["glyphs"], steps=1)
    baseline = methods(1.0, segment=1.0, seed=SEED)["Baseline"]
    model = setting.model(pairs, baseline)
    recipe = setting.recipe(RATE, model.n)
    rng, steps = np.random.default_rng(SEED), []
    for chosen in recipe.batches(model.n, rng):
        drawn = rng.integers(pairs.first[chosen], pairs.first[chosen + 1])  # as Pairs.draw
        steps.append((chosen, drawn))
    return Task(pairs, model, model.start(SEED, tau=baseline.tau), recipe, steps)


def ours(task: Task) -> Array:
    """The state after the epoch."""
    return train(task.model, task.y, task.recipe, draw=task.pairs.draw, seed=SEED)


class Theirs:
    """The same training in PyTorch.

    Parameters
    ----------
    task : Task
    dtype : str
        "float64" or "float32".
    bag : bool
        Whether the first layer of words is an EmbeddingBag or a product with dense rows.
    """

    def __init__(self, task: Task, dtype: str, bag: bool) -> None:
        self.task, self.dtype, self.bag = task, getattr(torch, dtype), bag
        self.images = self.tensor(task.pairs.images)
        texts = task.model.texts
        self.value, words = float(texts.data[0]), texts.shape[1]
        self.texts = self.tensor(texts.toarray())
        if bag:  # the words of each caption, filled up with one that counts for nothing
            counts = np.diff(texts.indptr)
            filled = np.full((len(counts), counts.max()), words)
            filled[np.arange(counts.max()) < counts[:, None]] = texts.indices
            self.texts = torch.tensor(filled)
        self.rates = task.recipe.rates(len(task.steps))
        self.steps = [tuple(map(torch.tensor, step)) for step in task.steps]
        self.targets = torch.arange(task.recipe.batch)

    def tensor(self, array: Any) -> Any:
        """A copy of an array."""
        return torch.tensor(np.asarray(array), dtype=self.dtype)

    def weights(self, encoder: Encoder, theta: Array) -> list[Any]:
        """Weights and biases of each layer."""
        parts = [part for layer in encoder.layers(theta) for part in layer]
        return [torch.nn.Parameter(self.tensor(part)) for part in parts]

    def start(self) -> None:
        """Go to the state from which both sides start."""
        model = self.task.model
        theta, phi, nu = model.split(self.task.y)
        self.first, self.second = self.weights(model.first, theta), self.weights(model.second, phi)
        if self.bag:
            unused = self.second[0].new_zeros(1, self.second[0].shape[1])
            self.second[0] = torch.nn.Parameter(torch.cat([self.second[0].detach(), unused]))
        self.nu = torch.nn.Parameter(self.tensor(nu))
        parameters = [*self.first, *self.second, self.nu]
        self.adam = torch.optim.Adam(parameters, fused=True)

    def loss(self, chosen: Any, drawn: Any) -> Any:
        """The loss of a batch."""
        functional = torch.nn.functional
        hidden = torch.addmm(self.first[1], self.images[drawn], self.first[0])
        X = torch.addmm(self.first[3], functional.relu(hidden), self.first[2])
        W, b, V, c = self.second
        if self.bag:
            empty = W.shape[0] - 1
            summed = functional.embedding_bag(self.texts[chosen], W, mode="sum", padding_idx=empty)
            hidden = self.value * summed + b
        else:
            hidden = torch.addmm(b, self.texts[chosen], W)
        Y = torch.addmm(c, functional.relu(hidden), V)
        logits = self.nu.exp() * (functional.normalize(X) @ functional.normalize(Y).T)
        entropy = functional.cross_entropy
        return (entropy(logits, self.targets) + entropy(logits.T, self.targets)) / 2

    def train(self) -> None:
        """One epoch, from the start."""
        self.start()
        for rate, step in zip(self.rates, self.steps, strict=True):
            self.adam.param_groups[0]["lr"] = float(rate)
            self.adam.zero_grad()
            self.loss(*step).backward()
            self.adam.step()
            with torch.no_grad():
                self.nu.clamp_(max=float(np.log(MAX_BETA)))


def departure(task: Task, theirs: Theirs) -> float:
    """How far the losses of the first batch are apart after an epoch, relative to the loss."""
    chosen, drawn = task.steps[0]
    parts = {"images": task.pairs.images[drawn].astype(np.float64)}
    own = replace(task.model, **parts, texts=task.model.texts[chosen]).loss(0.0, ours(task))
    theirs.train()
    with torch.no_grad():
        peer = float(theirs.loss(*theirs.steps[0]))
    return abs(float(own) - peer) / float(own)


def peers(task: Task) -> dict[str, Callable[[], object]]:
    """What trains an epoch in PyTorch, by dtype and kind of first layer, once it is seen to agree.

    Raises
    ------
    ArithmeticError
        If PyTorch takes other steps.
    """
    calls: dict[str, Callable[[], object]] = {}
    for dtype, same in SAME.items():
        for bag, kind in ((False, "dense rows"), (True, "EmbeddingBag")):
            theirs = Theirs(task, dtype, bag)
            apart = departure(task, theirs)
            if not apart <= same:
                raise ArithmeticError(f"both sides take other steps: losses {apart:.1e} apart")
            calls[f"PyTorch {dtype}, {kind}"] = theirs.train
    return calls


def ratio(own: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Median of the ratios of the rounds, and its interval of level LEVEL by order statistics."""
    ratios = sorted(a / b for a, b in zip(own, peer, strict=True))
    low = max(0, int(scipy.stats.binom.ppf((1 - LEVEL) / 2, len(ratios), 0.5)) - 1)
    return [statistics.median(ratios), ratios[low], ratios[-1 - low]]


def compare(repeats: int) -> list[dict[str, Any]]:
    """For each side: median ms of an epoch by either clock, and ours over it with an interval."""
    work = task()
    calls: dict[str, Callable[[], object]] = {"gapdyn float64": lambda: ours(work)}
    if torch is not None:
        calls |= peers(work)
    clocks = {"processor": time.process_time, "wall": time.perf_counter}
    taken: dict[str, list[list[float]]] = {name: [] for name in calls}
    for call in calls.values():
        call()  # fills the caches
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(timing.REST)
            start = [clock() for clock in clocks.values()]
            call()
            taken[name].append(
                [clock() - t for clock, t in zip(clocks.values(), start, strict=True)]
            )
    times = {name: list(zip(*rounds, strict=True)) for name, rounds in taken.items()}
    found = []
    for name, columns in times.items():
        row: dict[str, Any] = {"side": name}
        for k, clock in enumerate(clocks):
            row[f"{clock} ms"] = 1e3 * statistics.median(columns[k])
            row[f"gapdyn of it, {clock}"] = ratio(times["gapdyn float64"][k], columns[k])
        found.append(row)
    return found


def cell(value: Any) -> Any:
    """A ratio with its interval, or a value as it is."""
    if isinstance(value, list):
        return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"
    return value


def main() -> None:
    """Print the table, and write it as JSON when asked to."""
    args = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(args.threads)
    found = compare(args.repeats)
    print(f"an epoch on glyphs, threads: {args.threads}; goal: at most {GOAL:g} of PyTorch")
    print(timing.table(list(found[0]), [[cell(value) for value in row.values()] for row in found]))
    if torch is None:
        print("PyTorch is not installed: the comparison is left out")
    timing.write(args.json, {"threads": args.threads, "sides": found})


if __name__ == "__main__":
    main()
