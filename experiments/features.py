"""Real CLIP embeddings, where the reader has them."""

from __future__ import annotations

from pathlib import Path

from gapdyn import sphere
from gapdyn.readers import read_arrays
from gapdyn.types import Array

HOME = "github.com/Weixin-Liang/Modality-Gap, folder Figure_1_Modality_Gap"
TRAINED, RANDOM_INIT = "clip_coco500.npy", "clip_coco500_random_init.npy"
PUBLIC_NAMES = {TRAINED: "features_clip.npy", RANDOM_INIT: "features_clip_random.npy"}
DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


class FeaturesMissingError(FileNotFoundError):
    """The real embeddings are missing; the message names their source."""


def load(name: str, path: str | Path | None) -> tuple[Array, Array, str]:
    """Images, texts (n, d) and the file's name, from a file, a folder or the default folder."""
    place = DEFAULT if path is None else Path(path)
    if place.is_dir():
        candidates = [place / name, place / PUBLIC_NAMES[name]]
        place = next((file for file in candidates if file.is_file()), candidates[0])
    if not place.is_file():
        raise FeaturesMissingError(
            f"no real embeddings here: get {PUBLIC_NAMES[name]} from {HOME}, "
            "and give its path or its folder as --features"
        )
    both = next(iter(read_arrays(place).values()))
    if both.ndim != 3 or len(both) != 2:
        raise ValueError(f"features must have shape (2, n, d), {place.name} has {both.shape}")
    return sphere.normalise(both[0]), sphere.normalise(both[1]), place.name
