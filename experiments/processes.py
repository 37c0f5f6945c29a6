"""New processes with one BLAS thread each.

One thread adds up sums in one order, so that a result is the same to the last digit however many
processes there are; and the processes do not compete for the cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gapdyn as gd
from gapdyn.sweep import Point

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `jobs` processes; leaving it drops the calls that wait and ends the processes."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # a BLAS reads it when its process starts
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        os.environ.clear()
        os.environ.update(before)


def swept(
    function: Callable[..., Any],
    grid: Mapping[str, Any],
    seeds: int | Sequence[int],
    jobs: int,
    journal: Path | None = None,
) -> tuple[Point, ...]:
    """All points of a `gapdyn.sweep` in new processes; a RuntimeError if one fails."""
    show = sys.stderr.isatty()
    with processes(jobs) as pool:
        found = gd.sweep(function, grid, seeds=seeds, executor=pool, out=journal, progress=show)
    for failed in found.failures:
        raise RuntimeError(f"{failed.parameters}, seed {failed.seed}: {failed.reason}")
    return found.points
