"""New processes with one BLAS thread each.

One thread adds up sums in one order, so that a result is the same to the last digit however many
processes there are; and the processes do not compete for the cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

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
