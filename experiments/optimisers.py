"""What minibatches, Adam and shared parameters make of the exchange law Δ ∝ β^{-1/n} (theory 4.8).

All runs are made by the trainer of Section 4. An exponent is -log(Δ₁/Δ₀)/log(β₁/β₀), from the first
step at which all pairs match to the first at which the gap has fallen to a share FALLEN of what it
was there, or else to the last step.

(a) Gradient steps on free rows, from symmetric pairs. With batches the exponent is that of all N
pairs, whatever the batch is.

(b) Adam on free rows. Its steps do not depend on the size of a gradient, so the 1/n is lost. The
line is sign descent from cubes, where the gap closes while β grows by a factor e^γ, for any n.
Symmetric pairs are turned at random, since Adam depends on the axes. Random rows are those of
`exchange_law` that are lifted to ±0.5.

(c) Gradient steps on free rows and one vector for each modality that is added to all of its rows.
The line is the exact exponent, which does not tend to 0.

(d) Two encoders, all of whose parameters are shared, on synthetic pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import special_ortho_group

import gapdyn as gd
from experiments import exchange_law
from experiments.processes import swept
from experiments.record import Numbers
from experiments.section_4.encoders import Encoder, EncoderModel
from experiments.section_4.methods import TAU, Method
from experiments.section_4.paired_data import synthetic
from experiments.section_4.recipes import Setting
from experiments.section_4.training import Recipe, train
from gapdyn import plotting
from gapdyn.types import Array

SIZES, DATA_SETS, SMALL = (8, 32, 128), (6, 12, 24, 48), (2, 4)
"""Numbers of pairs in (b), (c), (d), and in (a), and the batches of (a) besides the full one."""
HEIGHT, WARM, PLANES, TWIST = 0.4, 0.5, 4, 0.35
"""Symmetric pairs lie in R^{2·PLANES}, twisted by about TWIST rad, lifted to ±HEIGHT, at τ WARM."""
SEEDS, EVERY, FALLEN = 5, 5, 0.75
"""Number of seeds, steps from one look at a run to the next, and the fall of the gap."""
DIMS = dict(exchange_law.SIZES)
WIDE = (5, 200)
"""Ends of the axis of pairs."""

Start = tuple[EncoderModel, Array]


def table(X: Array, Y: Array, tau: float, shared: bool = False) -> Start:
    """Free rows as encoders: x_i is w_i, or w_i + b with a vector b that all rows share."""
    encoder = Encoder(X.shape, biased=shared)
    inputs = np.eye(len(X))
    model = EncoderModel(inputs, inputs, encoder, encoder, gd.Learned())
    zeros = np.zeros(encoder.size - X.size)
    nu = [model.temperature.nu(tau)]
    return model, np.concatenate([X.ravel(), zeros, Y.ravel(), zeros, nu])


def cyclic(n: int, seed: int) -> tuple[Array, Array]:
    """Symmetric pairs: a turn takes pair i to pair i + 1, in PLANES planes at different speeds."""
    rng = np.random.default_rng(seed)
    speeds = np.round(n ** (np.arange(PLANES) / PLANES))
    phases = rng.uniform(0, 2 * np.pi, PLANES)
    angles = 2 * np.pi * speeds * np.arange(n)[:, None] / n + phases
    twisted = angles + TWIST * rng.standard_normal(PLANES)
    X, Y = (np.hstack([np.cos(a), np.sin(a)]) / np.sqrt(PLANES) for a in (angles, twisted))
    return gd.sphere.lift(X, Y, gamma=HEIGHT)


def cube(n: int, seed: int) -> Start:
    """The vertices (±1, ..., ±1)/√D of a cube, n = 2^D, the same for both modalities, lifted."""
    bits = np.arange(n)[:, None] >> np.arange(n.bit_length() - 1) & 1
    rows = gd.sphere.normalise(2.0 * bits - 1)
    return table(*gd.sphere.lift(rows, rows, gamma=HEIGHT), WARM)


def turned(n: int, seed: int) -> Start:
    """Symmetric pairs in random axes."""
    X, Y = cyclic(n, seed)
    turn = special_ortho_group.rvs(X.shape[1], random_state=np.random.default_rng(seed))
    return table(X @ turn, Y @ turn, WARM)


def random_rows(n: int, seed: int) -> Start:
    """The random rows of `exchange_law` that are lifted to ±0.5, in random axes."""
    rng = np.random.default_rng(seed)
    X, Y = exchange_law.RANDOM["lifted to ±0.5"](n, DIMS[n], rng)
    turn = special_ortho_group.rvs(DIMS[n], random_state=rng)
    return table(X @ turn, Y @ turn, TAU)


def encoders(n: int, seed: int) -> Start:
    """Encoders like those of Section 4, into 32 dimensions, on n synthetic pairs."""
    model = Setting(dim=32).model(synthetic(seed, n, 2, 2), Method(gd.Learned()))
    return model, model.start(seed, tau=TAU)


class Kind(NamedTuple):
    """Where runs of a kind start, the optimiser, its constant rate, and the number of steps."""

    start: Callable[[int, int], Start]
    optimiser: str
    rate: float
    steps: int


KINDS = {
    "descent": Kind(lambda n, seed: table(*cyclic(n, seed), WARM), "descent", 1e-2, 1250),
    "shared": Kind(lambda n, seed: table(*cyclic(n, seed), WARM, True), "descent", 2e-3, 1000),
    "cube": Kind(cube, "adam", 3e-4, 400),
    "symmetric": Kind(turned, "adam", 3e-4, 400),
    "random": Kind(random_rows, "adam", 3e-4, 3000),
    "encoders_descent": Kind(encoders, "descent", 2e-2, 1000),
    "encoders_adam": Kind(encoders, "adam", 3e-4, 500),
}


def compute(seed: int = 0, quick: bool = False, jobs: int = 1) -> Numbers:
    """Train from every start and read the exponents."""
    sizes, sets = (SIZES[:2], DATA_SETS[:2]) if quick else (SIZES, DATA_SETS)
    grid = [("descent", n, batch) for n in sets for batch in (*SMALL, n)]
    grid += [(kind, n, n) for kind in KINDS if kind != "descent" for n in sizes]
    points = swept(
        measure,
        [dict(zip(("kind", "pairs", "batch"), point, strict=True)) for point in grid],
        range(seed, seed + (1 if quick else SEEDS)),
        jobs,
    )
    rows = [point.parameters | {"seed": point.seed} | point.value for point in points]
    parameters: dict[str, Any] = {
        "height": HEIGHT,
        "tau0": {"free rows": WARM, "random rows and encoders": TAU},
        "fallen_to": FALLEN,
        "optimisers": {kind: run[1:] for kind, run in KINDS.items()},
        "exponents": ranges(rows),
    }
    return Numbers({key: np.array([row[key] for row in rows]) for key in rows[0]}, parameters)


def measure(kind: str, pairs: int, batch: int, seed: int) -> dict[str, float]:
    """Train once; the ends between which the exponent is read, and the exponent."""
    start, optimiser, rate, steps = KINDS[kind]
    model, y0 = start(pairs, seed)
    epochs = -(-steps // (pairs // batch))
    recipe = Recipe(epochs, batch, rate, optimiser, warm_up=0.0, cosine=False)
    seen: list[tuple[float, float]] = []

    def watch(k: int, y: Array) -> None:
        done = len(seen) > 1 and seen[-1][0] <= FALLEN * seen[0][0]
        if k % EVERY == 0 and not done:
            X, Y = model.embeddings(y)
            if seen or gd.measures.margin(X @ Y.T) > 0:
                seen.append((gd.measures.gap(X, Y), float(model.temperature.beta(k, y[-1]))))

    train(model, y0, recipe, seed=seed, watch=watch)
    first, last = (dict(zip(("gap", "beta"), end, strict=True)) for end in (seen[0], seen[-1]))
    exponent = -np.log(last["gap"] / first["gap"]) / np.log(last["beta"] / first["beta"])
    ends = {
        f"{key}_{name}": end[key] for name, end in (("first", first), ("last", last)) for key in end
    }
    return ends | {"exponent": float(exponent)}


def ranges(rows: list[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Least and largest exponent over the seeds, by kind, pairs and batch."""
    said: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        name = f"{row['pairs']} pairs, batches of {row['batch']}"
        said.setdefault(row["kind"], {}).setdefault(name, []).append(row["exponent"])
    return {kind: {n: [min(p), max(p)] for n, p in runs.items()} for kind, runs in said.items()}


def by_signs(n: Array, first: float, last: float) -> Array:
    """The exponent of sign descent from a cube, between two gaps; theory 4.8.

    While log β grows by s, heights fall to γ - s, and radii grow to √(1-γ²) + s√D. The angle
    between a row and the equator has the sine Δ/2.
    """
    height, radius = first / 2, np.sqrt(1 - first**2 / 4)
    slope = np.tan(np.arcsin(last / 2))
    growth = (height - slope * radius) / (1 + slope * np.sqrt(np.log2(n)))
    return np.asarray(np.log(first / last) / growth)


def with_shared_vector(n: Array, first: float, last: float) -> Array:
    """The exponent of symmetric rows w_i + b in opposed modalities, between two gaps; theory 4.8.

    With q = Δ²/4 and k = 1 + 1/n, d log β/dq = -(k - q₀)/[2q(k - q)²].
    """
    k, q0, q1 = 1 + 1 / n, first**2 / 4, last**2 / 4

    def integral(q: float) -> Array:
        """Of 1/[q(k - q)²]."""
        return np.asarray((np.log(q / (k - q)) + k / (k - q)) / k**2)

    growth = (k - q0) / 2 * (integral(q0) - integral(q1))
    return np.asarray(np.log(first / last) / growth)


def draw(numbers: Numbers) -> Figure:
    """Exponents against numbers of pairs, each panel beside 1/n."""
    figure = plotting.column(5.9)
    panels = (draw_batches, draw_adam, draw_shared, draw_encoders)
    axes = figure.subplots(2, 2, sharey=True)
    for ax, panel in zip(axes.flat, panels, strict=True):
        law(ax)
        panel(ax, numbers)
        ax.legend(loc="upper left", borderaxespad=0.1, handlelength=1.8)
    for ax in axes[:, 0]:
        ax.set_ylabel("exponent e of Δ ∝ 1/β$^e$ (log axis)")
    figure.suptitle(
        "Minibatches keep the exchange law Δ ∝ 1/β$^{1/n}$; Adam and shared weights do not\n"
        "(gap Δ and inverse temperature β in training on n pairs; one marker for each run)"
    )
    return figure


def draw_batches(ax: Axes, numbers: Numbers) -> None:
    """Gradient steps with batches of several sizes."""
    runs = numbers.rows(kind="descent")
    full = runs["batch"] == runs["pairs"]
    for which, label, style in (
        (full, "all pairs at each step", ("o", plotting.SHADES[0], 9)),
        (~full & (runs["batch"] == 4), "batches of 4", ("s", plotting.SHADES[1], 5)),
        (~full & (runs["batch"] == 2), "batches of 2", ("x", plotting.SHADES[2], 4)),
    ):
        points(ax, runs["pairs"][which], runs["exponent"][which], label, *style)
    ax.set_xticks(DATA_SETS, [str(n) for n in DATA_SETS])
    ax.set_title("(a) free rows, gradient steps:\nthe law holds, whatever the batch")


def draw_adam(ax: Axes, numbers: Numbers) -> None:
    """Adam on free rows."""
    n = np.geomspace(*WIDE)
    signs = by_signs(n, 2 * HEIGHT, FALLEN * 2 * HEIGHT)
    ax.plot(n, signs, color=plotting.SHADES[0], lw=1, label="sign descent, derived")
    kinds = {
        "cube": ("Adam, from a cube", "D", plotting.SHADES[0], 0.85),
        "symmetric": ("Adam, symmetric pairs", "o", plotting.SHADES[2], 1.0),
        "random": ("Adam, random rows", "^", plotting.SHADES[3], 1.18),
    }
    for kind, (label, marker, colour, aside) in kinds.items():
        runs = numbers.rows(kind=kind)
        points(ax, aside * runs["pairs"], runs["exponent"], label, marker, colour, 5)
    ax.set_title("(b) free rows, the optimiser Adam:\ne of order 1, however many pairs")


def draw_shared(ax: Axes, numbers: Numbers) -> None:
    """Free rows with one shared vector."""
    n = np.geomspace(*WIDE)
    shared = with_shared_vector(n, 2 * HEIGHT, FALLEN * 2 * HEIGHT)
    ax.plot(n, shared, color=plotting.SHADES[1], lw=1, label="derived")
    runs = numbers.rows(kind="shared")
    points(ax, runs["pairs"], runs["exponent"], "gradient steps", "o", plotting.SHADES[1], 5)
    ax.set_title("(c) rows plus one shared vector,\ngradient steps: e is about 1")


def draw_encoders(ax: Axes, numbers: Numbers) -> None:
    """Encoders, by gradient steps and by Adam."""
    kinds = {
        "encoders_descent": ("gradient steps", "o", plotting.SHADES[1], 5),
        "encoders_adam": ("Adam", "^", plotting.SHADES[3], 5),
    }
    for kind, style in kinds.items():
        runs = numbers.rows(kind=kind)
        points(ax, runs["pairs"], runs["exponent"], *style)
    ax.set_title("(d) two encoders: e is about 1 by\ngradient steps, far more by Adam")


def points(
    ax: Axes, n: Array, exponents: Array, label: str, marker: str, colour: str, size: float
) -> None:
    """One open marker for each run."""
    ax.plot(n, exponents, marker, color=colour, ms=size, mfc="none", label=label)


def law(ax: Axes) -> None:
    """The line 1/n, on logarithmic axes."""
    n = np.array(WIDE)
    ax.plot(n, 1 / n, color="black", lw=0.8, ls="--")
    ax.annotate("e = 1/n, the law", (5.5, 0.009))
    ax.set(xscale="log", yscale="log", xlim=WIDE, ylim=(4e-3, 2e3), xlabel="pairs n (log axis)")
    ax.minorticks_off()
    ax.set_xticks(SIZES, [str(n) for n in SIZES])
