"""Time an epoch of training two small encoders, against the same steps in PyTorch on the CPU.

`python benchmarks/encoders.py [--json FILE] [--threads N]`. 2,048 pairs of 64 and 48 inputs,
batches of 256, two hidden layers of 128, embeddings in 32 dimensions, Adam, a learned temperature
with CLIP's ceiling. Both sides start from the same weights and run in turn, in one process, with
one number of threads; times are medians. Without PyTorch ours is timed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--json", type=Path)
parser.add_argument("--threads", type=int, default=1, help="of each side")
if __name__ == "__main__":  # threads are counted when NumPy is imported
    os.environ.update(dict.fromkeys(THREADS, str(parser.parse_args().threads)))

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import gapdyn as gd  # noqa: E402
from experiments.section_4.encoders import Encoder, EncoderModel  # noqa: E402
from experiments.section_4.methods import MAX_BETA, TAU  # noqa: E402
from experiments.section_4.training import Recipe, train  # noqa: E402
from gapdyn.types import Array  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

PAIRS, BATCH, RATE = 2048, 256, 1e-3
SIZES = (64, 128, 128, 32), (48, 128, 128, 32)
EPOCHS, REPEATS = 4, 11
GOAL = 1.5
SAME = {"float64": 1e-10, "float32": 1e-4}
"""How far gradients of one step may be apart."""


def ours() -> tuple[EncoderModel, Array]:
    """The model and its start."""
    rng = np.random.default_rng(0)
    images, texts = (rng.standard_normal((PAIRS, sizes[0])) for sizes in SIZES)
    first, second = map(Encoder, SIZES)
    model = EncoderModel(images, texts, first, second, gd.Learned(max_beta=MAX_BETA))
    return model, model.start(rng, tau=TAU)


class Theirs:
    """The same model in PyTorch, from the same weights.

    Parameters
    ----------
    model : EncoderModel
    y : (N,) array
        Its state.
    dtype : str
        "float64" or "float32".
    """

    def __init__(self, model: EncoderModel, y: Array, dtype: str) -> None:
        self.dtype = getattr(torch, dtype)
        self.images, self.texts = map(self.tensor, (model.images, model.texts))
        theta, phi, nu = model.split(y)
        self.first, self.second = (
            self.network(encoder, weights)
            for encoder, weights in ((model.first, theta), (model.second, phi))
        )
        self.nu = torch.nn.Parameter(self.tensor(nu))
        self.parameters = [*self.first.parameters(), *self.second.parameters(), self.nu]
        self.adam = torch.optim.Adam(self.parameters, lr=RATE)
        self.targets = torch.arange(BATCH)

    def tensor(self, array: Array) -> Any:
        """A copy of an array."""
        return torch.tensor(array, dtype=self.dtype)

    def network(self, encoder: Encoder, theta: Array) -> Any:
        """Linear layers with ReLU between them."""
        layers: list[Any] = []
        for W, b in encoder.layers(theta):
            if layers:
                layers.append(torch.nn.ReLU())
            layers.append(torch.nn.Linear(*W.shape, dtype=self.dtype))
            with torch.no_grad():
                layers[-1].weight.copy_(self.tensor(W.T))
                layers[-1].bias.copy_(self.tensor(b))
        return torch.nn.Sequential(*layers)

    def backward(self, chosen: Any) -> None:
        """Gradients of the loss of a batch."""
        unit, entropy = torch.nn.functional.normalize, torch.nn.functional.cross_entropy
        X, Y = unit(self.first(self.images[chosen])), unit(self.second(self.texts[chosen]))
        logits = self.nu.exp() * (X @ Y.T)
        self.adam.zero_grad()
        loss = (entropy(logits, self.targets) + entropy(logits.T, self.targets)) / 2
        loss.backward()

    def gradients(self, chosen: Any) -> list[Array]:
        """Those gradients, one array for each parameter, in the order of our state."""
        self.backward(torch.from_numpy(chosen))
        return [parameter.grad.numpy().T.ravel() for parameter in self.parameters]

    def train(self) -> None:
        """EPOCHS epochs."""
        for _ in range(EPOCHS):
            for chosen in torch.randperm(PAIRS).split(BATCH):
                self.backward(chosen)
                self.adam.step()
                with torch.no_grad():
                    self.nu.clamp_(max=float(np.log(MAX_BETA)))


def departure(model: EncoderModel, y: Array, theirs: Theirs) -> float:
    """Largest difference of the gradients of one batch, relative to each parameter's largest."""
    chosen = np.arange(BATCH) * (PAIRS // BATCH)
    images, texts = model.images[chosen], model.texts[chosen]
    own = -model.descend(0.0, y, images, texts, None, np.empty_like(y))
    apart, end = 0.0, 0
    for slope in theirs.gradients(chosen):
        start, end = end, end + slope.size
        apart = max(apart, float(np.abs(own[start:end] - slope).max() / np.abs(slope).max()))
    return apart


def epoch(call: Callable[[], object]) -> float:
    """Wall time of one of the epochs that a call trains."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) / EPOCHS


def compare() -> dict[str, float | None]:
    """Median seconds of an epoch of each side, and how far their gradients differ."""
    model, y = ours()
    recipe = Recipe(EPOCHS, BATCH, RATE)
    calls: dict[str, Callable[[], object]] = {"gapdyn": lambda: train(model, y, recipe)}
    found: dict[str, float | None] = {}
    if torch is not None:
        for dtype in ("float64", "float32"):
            theirs = Theirs(model, y, dtype)
            apart = found[f"gradients apart, {dtype}"] = departure(model, y, theirs)
            if apart > SAME[dtype]:
                raise ArithmeticError(f"both sides take other steps: gradients {apart:.1e} apart")
            calls[f"PyTorch {dtype}"] = theirs.train
    for call in calls.values():
        call()  # fills the caches
    times = [[epoch(call) for call in calls.values()] for _ in range(REPEATS)]
    medians = map(statistics.median, zip(*times, strict=True))
    return found | dict(zip(calls, medians, strict=True))


def main() -> None:
    """Print the table, and write it as JSON when asked to."""
    args = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(args.threads)
        torch.manual_seed(0)
    found = compare()
    own = found["gapdyn"]
    assert own is not None
    print(f"an epoch of {PAIRS} pairs, threads: {args.threads}")
    print(f"{'gapdyn float64':20} {1e3 * own:8.1f} ms")
    for dtype in ("float64", "float32"):
        peer, apart = found.get(f"PyTorch {dtype}"), found.get(f"gradients apart, {dtype}")
        if peer is None:
            continue
        goal = f"goal {GOAL:g}" if dtype == "float64" else "for information"
        print(
            f"{'PyTorch ' + dtype:20} {1e3 * peer:8.1f} ms   gapdyn takes {own / peer:.2f} of it"
            f" ({goal}); gradients apart by {apart:.0e}"
        )
    if torch is None:
        print("PyTorch is not installed: the comparison is left out")
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, **found}) + "\n")


if __name__ == "__main__":
    main()
