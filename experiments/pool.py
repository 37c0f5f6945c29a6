"""Processes for many independent tasks, each with one BLAS thread.

With one thread sums are added in one order, so a result is the same to the last digit however many
processes there are, one included; and processes do not fight over the cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def finished(
    function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[tuple[int, Future[Any]]]:
    """Call `function(*task)` for every task, in `jobs` new processes.

    Parameters
    ----------
    function : callable
        One that can be pickled.
    tasks : sequence of tuples
        Arguments of each call.
    jobs : int
        Number of processes.

    Yields
    ------
    index, future
        Of each task as it ends; `future.result()` is the value, or raises what the task raised.
    """
    with _one_thread(), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(function, *task): index for index, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that start meanwhile have one BLAS thread; they read it when they start."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
