"""Draw the pictures of docs/howto.md from what its code computes: `python docs/howto/draw.py`."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gapdyn as gd
from gapdyn import plotting, theory

HERE = Path(__file__).resolve().parent
DPI = 160
BLUE, AMBER, RED = plotting.SHADES[1:]
Names = dict[str, Any]


def sections() -> dict[str, str]:
    """The text of each section of the page by its heading."""
    parts = re.split(r"^## (.+)\n", (HERE.parent / "howto.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(name: str) -> list[str]:
    """The code of a section."""
    return re.findall(r"```python\n(.*?)```", sections()[name], flags=re.DOTALL)


def names() -> Names:
    """What the first lines of the page import."""
    page = (HERE.parent / "howto.md").read_text()
    first: Names = {}
    exec(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0], first)
    return first


def canvas(height: float = 2.5, columns: int = 1, **more: Any) -> tuple[Figure, Any]:
    """A figure of the width of the page, and its axes."""
    figure = plotting.column(height)
    return figure, figure.subplots(1, columns, **more)


def over_time(ax: Axes, run: Any, values: Any, **style: Any) -> None:
    """A curve over the logarithm of time, without t = 0."""
    ax.plot(run.t[1:], values[1:], **style)
    ax.set(xscale="log", xlabel="time t of the flow")


def scale(found: Names) -> Figure:
    """Logit scale of random rows."""
    figure, ax = canvas()
    run = found["run"]
    over_time(ax, run, run.beta, color=BLUE)
    low = run.beta.argmin()
    ax.axhline(run.beta[0], color="0.6", ls="--", lw=1)
    ax.text(run.t[-1], run.beta[0] * 0.93, "start: 14.3", va="top", ha="right", color="0.35")
    ax.plot(run.t[low], run.beta[low], "o", color=RED)
    ax.text(
        run.t[low], run.beta[low] * 0.85, "partners begin to lead", va="top", ha="center", color=RED
    )
    ax.set(yscale="log", ylabel="logit scale β = 1/τ", ylim=(2, 70))
    ax.set(yticks=[3, 10, 30], yticklabels=[3, 10, 30])
    ax.minorticks_off()
    ax.set_title("The scale falls until partners lead, then rises")
    return figure


def clamp(found: Names) -> Figure:
    """Logit scale of matched pairs, with and without a clamp."""
    figure, ax = canvas()
    free, held = found["runs"]
    over_time(ax, free, free.beta, color=RED, label="no clamp")
    over_time(ax, held, held.beta, color=BLUE, ls="--", lw=2.5, label="clamp at 100")
    ax.axhline(100, color="0.6", lw=0.8)
    ax.set(ylabel="logit scale β = 1/τ", ylim=(0, 115), xlim=(1, 1e16))
    ax.set_title("Matched pairs want an ever larger scale; only a clamp ends it")
    ax.legend(loc="lower right")
    return figure


def ln_n(found: Names) -> Figure:
    """Loss against the number of pairs."""
    figure, ax = canvas()
    sizes = 2 ** np.arange(4, 11)
    random, matched = [], []
    for n in map(int, sizes):
        X, Y = gd.sphere.sample(n, 512, seed=0), gd.sphere.sample(n, 512, seed=1)
        random.append(gd.loss.loss(X @ Y.T / 0.07))
        X, Y = gd.examples.matched(n, 512, seed=0, noise=2.0)
        matched.append(gd.loss.loss(X @ Y.T / 0.07))
    ax.plot(sizes, np.log(sizes), color="0.4", label="ln n")
    ax.plot(sizes, random, "s", color=RED, ms=5, label="random rows")
    ax.plot(sizes, matched, "o-", color=BLUE, ms=5, label="rows that match")
    ax.set(xscale="log", xlabel="pairs n in the loss", ylabel="loss (nats)", ylim=(0, None))
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.set_title("A loss of ln n says that the rows tell nothing apart")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def tau(found: Names) -> Figure:
    """Rate at which a fixed temperature closes the gap."""
    figure, ax = canvas()
    taus = np.geomspace(0.01, 1, 200)
    setting = found["setting"]
    ax.plot(taus, [theory.appendix_c.decay_rate(t, **setting) for t in taus], color="0.4")
    best = theory.appendix_c.optimal_temperature(**setting)
    marks = ((0.01, "CLIP's clamp", "o", RED), (0.07, "CLIP's start", "s", AMBER))
    for at, label, marker, colour in (*marks, (best, "fastest", "D", BLUE)):
        rate = theory.appendix_c.decay_rate(at, **setting)
        words = f"{label}: τ = {at:.2g}"
        ax.plot(at, rate, marker, color=colour, ls="", label=words, clip_on=False, zorder=3)
    ax.set(xscale="log", xlim=(0.01, 1), ylim=(0, None))
    ax.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.set(xlabel="temperature τ, held fixed", ylabel="closing rate of the gap")
    ax.set_title("A temperature near 0.1 closes the gap; 0.01 does not")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def bars(ax: Axes, groups: list[str], series: dict[str, list[float]], colours: list[str]) -> None:
    """Bars side by side with their values on top."""
    width = 0.8 / len(series)
    for k, (label, values) in enumerate(series.items()):
        at = np.arange(len(groups)) + (k - (len(series) - 1) / 2) * width
        hatch = ("", "///", "...")[k]
        drawn = ax.bar(at, values, width * 0.92, color=colours[k], label=label, hatch=hatch)
        ax.bar_label(drawn, fmt="%.3f", padding=2, fontsize=8)
        for bar in drawn:
            bar.set_edgecolor("white")
    ax.set_xticks(range(len(groups)), groups)
    ax.tick_params(axis="x", length=0)


def centre(found: Names) -> Figure:
    """Recall before and after centring."""
    figure, ax = canvas()
    closed = found["closed"]
    series = {
        "before": [c.before.recall_at_1_x_to_y for c in closed],
        "after": [c.after.recall_at_1_x_to_y for c in closed],
    }
    bars(ax, ["level heights", "uneven heights"], series, ["0.6", BLUE])
    ax.set(ylabel="recall at 1", ylim=(0, 1))
    ax.set_title("Centring helps where heights along the gap are noise")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def report(found: Names) -> Figure:
    """One pair of modalities, by five definitions."""
    figure, ax = canvas(2.3)
    m, X, Y = found["m"], found["X"], found["Y"]
    raw = float(np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0)))
    kinds = {
        "of unit rows (report this)": m.gap,
        "squared": m.gap_squared,
        "in standard deviations": m.spread_gap,
        "of rows not normalised": raw,
        "of normalised means": m.normalised_gap,
    }
    colours = [BLUE, *["0.7"] * 4]
    drawn = ax.barh(list(kinds), list(kinds.values()), color=colours, height=0.65)
    ax.bar_label(drawn, fmt="%.2f", padding=3, fontsize=8)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="“the gap”", xlim=(0, 2.2))
    ax.set_title("The same 500 pairs, by five definitions")
    return figure


def null(found: Names) -> Figure:
    """Gap against the number of pairs, with and without a true one."""
    figure, ax = canvas()
    sizes = np.array([30, 100, 300, 1000, 3000])
    none, some = (np.array([found["gaps"](int(n), g) for n in sizes]) for g in (0, 0.05))
    ax.fill_between(sizes, none[:, 1], 1e-3, color="0.9", lw=0, label="95 % of chance")
    ax.plot(sizes, some[:, 0], "o-", color=RED, label="true gap 0.1")
    ax.plot(sizes, none[:, 0], "s--", color=BLUE, label="no gap")
    ax.set(xscale="log", yscale="log", xlabel="pairs n", ylabel="measured gap", ylim=(0.015, 0.5))
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["0.02", "0.05", "0.1", "0.2", "0.5"])
    ax.minorticks_off()
    ax.set_title("Few pairs have a gap by chance; many tell a true one")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def frozen(found: Names) -> Figure:
    """Loss and gap of matched pairs over time."""
    figure, axes = canvas(2.3, columns=2)
    run = found["run"]
    for ax, values, colour in zip(axes, (run.loss, run.gap), (RED, BLUE), strict=True):
        over_time(ax, run, values, color=colour)
        ax.set(xlim=(1e-2, 1e6), xticks=[1e-2, 1e2, 1e6])
        ax.minorticks_off()
    axes[0].set(yscale="log", ylabel="loss (nats)", title="(a) The loss goes to 0 ...")
    axes[1].set(ylim=(0, 0.7), ylabel="gap", title="(b) ... while the gap stays")
    return figure


def siglip(found: Names) -> Figure:
    """First loss against the bias."""
    figure, ax = canvas()
    biases = np.linspace(2, 14, 241)
    for n, colour, style in ((256, BLUE, "-"), (16384, RED, "--")):
        # cosines of random rows in 512 dimensions are near 0, so that all logits are near -b
        losses = np.logaddexp(0, biases) + (n - 1) * np.logaddexp(0, -biases)
        best = np.log(n - 1)
        words = f"{n:,} pairs:\nleast at {best:.2f}"
        ax.plot(biases, losses, color=colour, ls=style, label=words)
        least = np.logaddexp(0, best) + (n - 1) * np.logaddexp(0, -best)
        ax.plot(best, least, "o", color=colour, zorder=3)
    ax.axvline(10, color="0.6", lw=1, ls=":")
    ax.text(10.1, 19.5, "SigLIP starts here", va="top", ha="left", color="0.35")
    ax.set(xlabel="minus the bias, -b", ylabel="loss a pair (nats)", ylim=(0, 20), xlim=(2, 14))
    ax.set_title("At the start the best bias is -ln(n - 1)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def captions(found: Names) -> Figure:
    """Recall by three ways to count it."""
    figure, ax = canvas(2.6)
    ways = {
        "any of five": found["grouped"],
        "first caption": found["first"],
        "row i finds row i": found["naive"],
    }
    series = {label: [m.recall_at_1_x_to_y, m.recall_at_1_y_to_x] for label, m in ways.items()}
    bars(ax, ["image to text", "text to image"], series, [BLUE, AMBER, "0.6"])
    ax.set(ylabel="recall at 1", ylim=(0, 1.1))
    ax.set_title("The same embeddings: recall is how you count it")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def film(found: Names) -> Figure:
    """Three frames of the film."""
    shown = found["film"]
    figure = Figure(figsize=(5.5, 2.7))
    frames = (0, int(shown.gap.argmax()), len(shown.t) - 1)
    for place, k in enumerate(frames):
        ax = figure.add_axes((place / 3, 0.06, 1 / 3, 0.72), projection="3d")
        plotting.sphere(ax)
        plotting.modalities(ax, shown.X[k], shown.Y[k])
        ax.set_title(plotting.moment(shown.t[k], shown.gap[k], shown.tau[k]))
    plotting.modality_key(figure, loc="lower center", ncols=2)
    return figure


PICTURES: dict[str, tuple[str, Callable[[Names], Figure]]] = {
    name: (picture.__name__, picture)
    for name, picture in zip(
        sections(),
        (scale, clamp, ln_n, tau, centre, report, null, frozen, siglip, captions, film),
        strict=True,
    )
}
"""By heading: the name of the picture, and what draws it."""


def draw(name: str, found: Names, folder: Path = HERE) -> None:
    """Draw the picture of a section from what its code left behind."""
    file, picture = PICTURES[name]
    with plotting.drawing():
        picture(found).savefig(folder / f"{file}.png", dpi=DPI)


def main() -> None:
    """Run the code of all sections, where it may leave files, and draw."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in sections():
            found = names()
            for code in blocks(name):
                exec(code, found)
            draw(name, found)
            print(PICTURES[name][0])


if __name__ == "__main__":
    main()
