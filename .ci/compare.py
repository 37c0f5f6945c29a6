"""Compare the CSVs of two folders: rtol 1e-6, atol 1e-8, words and counts exactly.

A file that the second folder lacks is an error, unless the experiment wants features that are not
here; then it is said so.
"""

import csv
import sys
from pathlib import Path

import numpy as np

NEEDS_FEATURES = {"clip_gap.csv", "exchange_law.csv", "frozen_gap.csv", "frozen_gap_clip_batch.csv"}
NEEDS_FEATURES |= {"frozen_gap_sizes.csv", "landscape.csv", "real_clip.csv", "sigmoid_clip.csv"}
RTOL, ATOL = 1e-6, 1e-8


def columns(file: Path) -> dict[str, list[str]]:
    """Columns of a CSV file by name."""
    head, *rows = csv.reader(file.read_text().splitlines())
    return dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))


def differences(old: Path, new: Path) -> list[str]:
    """Say in which columns two files differ, and by how much."""
    a, b = columns(old), columns(new)
    if list(a) != list(b):
        return [f"columns {list(a)} became {list(b)}"]
    found = []
    for name in a:
        try:
            x, y = np.array(a[name], float), np.array(b[name], float)
        except ValueError:
            if a[name] != b[name]:
                found.append(f"{name} differs")
            continue
        if x.shape != y.shape or not np.allclose(x, y, rtol=RTOL, atol=ATOL, equal_nan=True):
            by = np.nanmax(np.abs(x - y)) if x.shape == y.shape else "its length"
            found.append(f"{name} differs by {by}")
    return found


def main(old: Path, new: Path) -> int:
    """Compare all files; 1 when one differs."""
    status = 0
    have_features = (new / "real_clip.csv").exists()
    for file in sorted(old.glob("*.csv")):
        if file.name in NEEDS_FEATURES and not have_features:
            print(f"{file.name}: not compared, the real embeddings are not here")
            continue
        other = new / file.name
        found = differences(file, other) if other.exists() else ["is missing"]
        print(f"{file.name}: {'; '.join(found) or 'same'}")
        status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
