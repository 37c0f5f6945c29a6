"""Time what a user waits for: the import, the flow of Figure 2, the flow from real CLIP features.

`python benchmarks/basics.py [--json FILE] [--no-real]`. Imports are timed in fresh processes, both
sides in turn, and given as the median of the differences.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from timing import seconds

import gapdyn as gd

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 9


def process(code: str) -> float:
    """Wall time of a fresh interpreter that runs some code."""
    return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT))


def import_overhead() -> float:
    """Seconds that `import gapdyn` takes beyond NumPy and scipy.integrate."""
    process("import gapdyn")  # fills the caches
    pairs = [
        (process("import gapdyn"), process("import numpy, scipy.integrate")) for _ in range(REPEATS)
    ]
    return statistics.median(ours - theirs for ours, theirs in pairs)


def figure_2() -> float:
    """Seconds of the flow of Figure 2 to t = 1e5 at default tolerances."""
    model, y0 = gd.examples.figure_2()
    return statistics.median(seconds(lambda: gd.flow(model, y0, 1e5)) for _ in range(REPEATS))


def real_clip() -> float | None:
    """Seconds of the experiment real_clip, once; None where the features are missing."""
    sys.path.insert(0, str(ROOT))
    from experiments import real_clip
    from experiments.features import FeaturesMissingError

    try:
        return seconds(lambda: real_clip.compute(jobs=os.cpu_count() or 1))
    except FeaturesMissingError as missing:
        print(missing, file=sys.stderr)
        return None


def main() -> None:
    """Print the table, and write it as JSON when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-real", action="store_true", help="leave out real_clip")
    args = parser.parse_args()
    rows = {
        "import gapdyn beyond numpy, scipy.integrate": (import_overhead(), 0.5),
        "flow of Figure 2 to t = 1e5": (figure_2(), 0.1),
        "experiment real_clip, a process a core": (None if args.no_real else real_clip(), 150.0),
    }
    for name, (value, goal) in rows.items():
        shown = "not run" if value is None else f"{value:.3f} s"
        print(f"{name:45} {shown:>10}   goal {goal:g} s")
    if args.json:
        args.json.write_text(json.dumps({name: value for name, (value, _) in rows.items()}) + "\n")


if __name__ == "__main__":
    main()
