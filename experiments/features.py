"""Real CLIP embeddings, where the reader has them.

They are not in this repository: a reader puts them into `data/`, which Git ignores, or names the
place by the environment variable GAPDYN_DATA or the option `--features`, which goes before both.
What `--features` names must be there; without it an experiment may do without real embeddings.
"""

from __future__ import annotations

import os
from pathlib import Path

from gapdyn import sphere
from gapdyn.embeddings import Pairs, read_pairs
from gapdyn.types import Array

HOME = "github.com/Weixin-Liang/Modality-Gap, folder Figure_1_Modality_Gap"
TRAINED, RANDOM_INIT = "clip_coco500.npy", "clip_coco500_random_init.npy"
PUBLIC_NAMES = {TRAINED: "features_clip.npy", RANDOM_INIT: "features_clip_random.npy"}
VARIABLE = "GAPDYN_DATA"
DATA = Path(__file__).resolve().parents[1] / "data"
SHARDS = "img_emb"
"""A folder of clip-retrieval has one of this name."""


class FeaturesMissingError(FileNotFoundError):
    """The real embeddings are missing; the message names their source."""


def find(name: str, path: str | Path | None = None) -> Path:
    """The file of that name in `path`, else in GAPDYN_DATA, else in `data/`.

    `path` may also be a file of the reader's own, or a folder of shards as clip-retrieval writes
    it, which serves under each name.

    Raises
    ------
    FeaturesMissingError
        If it is not there. A place that is named is the only one that is looked at.
    ValueError
        If it is not in `path`, so that nothing else may stand in.
    """
    place = Path(path or os.environ.get(VARIABLE) or DATA)
    candidates = [place]
    if place.is_dir() and not (place / SHARDS).is_dir():
        candidates = [place / name, place / PUBLIC_NAMES[name]]
    for file in candidates:
        if file.exists() and (file == place or file.is_file()):
            return file
    if path is not None:
        if not place.exists():
            raise ValueError(f"--features must be a file or a folder, there is no {path}")
        known = f"{PUBLIC_NAMES[name]} (or {name})"
        raise ValueError(f"--features must be a file or a folder with {known}, {path} has none")
    raise FeaturesMissingError(
        f"no real embeddings in {place}: get {PUBLIC_NAMES[name]} from {HOME}, "
        f"and put it into data/, or name its folder by --features or {VARIABLE}"
    )


def load(name: str, path: str | Path | None) -> tuple[Array, Array, str]:
    """Images, texts (n, d) and the file's name, from the file that `find` finds."""
    file = find(name, path)
    X, Y, _ = read(file)[:3]
    return sphere.normalise(X), sphere.normalise(Y), file.name


def read(file: Path) -> Pairs:
    """Pairs of a file, of which the flow wants as many texts as images."""
    pairs = read_pairs(file)
    if len(pairs.X) != len(pairs.Y):
        raise ValueError(
            f"{file} must hold one text for each image, it has {len(pairs.Y)} for {len(pairs.X)}"
        )
    return pairs
