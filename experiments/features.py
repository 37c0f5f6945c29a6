"""Real CLIP embeddings, where the reader has them.

They are not in this repository: a reader puts them into `data/`, which Git ignores, or names the
place by the environment variable GAPDYN_DATA or the option `--features`, which goes before both.
"""

from __future__ import annotations

import os
from pathlib import Path

from gapdyn import sphere
from gapdyn.readers import read_arrays
from gapdyn.types import Array

HOME = "github.com/Weixin-Liang/Modality-Gap, folder Figure_1_Modality_Gap"
TRAINED, RANDOM_INIT = "clip_coco500.npy", "clip_coco500_random_init.npy"
PUBLIC_NAMES = {TRAINED: "features_clip.npy", RANDOM_INIT: "features_clip_random.npy"}
VARIABLE = "GAPDYN_DATA"
DATA = Path(__file__).resolve().parents[1] / "data"


class FeaturesMissingError(FileNotFoundError):
    """The real embeddings are missing; the message names their source."""


def find(name: str, path: str | Path | None = None) -> Path:
    """The file of that name in `path`, else in GAPDYN_DATA, else in `data/`; `path` may be a file.

    Raises
    ------
    FeaturesMissingError
        If it is not there. A place that is named is the only one that is looked at.
    """
    place = Path(path or os.environ.get(VARIABLE) or DATA)
    candidates = [place / name, place / PUBLIC_NAMES[name]] if place.is_dir() else [place]
    for file in candidates:
        if file.is_file():
            return file
    raise FeaturesMissingError(
        f"no real embeddings in {place}: get {PUBLIC_NAMES[name]} from {HOME}, "
        f"and put it into data/, or name its folder by --features or {VARIABLE}"
    )


def load(name: str, path: str | Path | None) -> tuple[Array, Array, str]:
    """Images, texts (n, d) and the file's name, from the file that `find` finds."""
    file = find(name, path)
    both = next(iter(read_arrays(file).values()))
    if both.ndim != 3 or len(both) != 2:
        raise ValueError(f"features must have shape (2, n, d), {file.name} has {both.shape}")
    return sphere.normalise(both[0]), sphere.normalise(both[1]), file.name
