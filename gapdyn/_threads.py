"""Who has the cores: BLAS for one product after the other, or calls side by side.

OpenBLAS keeps its threads awake for a while after a product, and other threads then find no core
free. `threadpoolctl` takes them from it where it is installed. Elsewhere calls wait for each other.
"""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from gapdyn._kernels.memory import cut

BATCH = 10_000
"""Jobs that wait at a time: each takes memory."""

Job = TypeVar("Job")
Done = TypeVar("Done")


class _OneThread:
    """Limit this process to one BLAS and OpenMP thread until all who entered have left."""

    def __init__(self) -> None:
        self.limits: Any = None
        self.renew()

    def renew(self) -> None:
        """Begin anew in a forked process: whoever has the lock, or entered, is not in it."""
        self.lock = threading.Lock()
        self.users = 0

    def __enter__(self) -> None:
        with self.lock:
            with suppress(ImportError):
                from threadpoolctl import threadpool_limits

                limits = threadpool_limits(1)  # again: a library may have been loaded since
                self.limits = self.limits or limits
            self.users += 1  # last: one whom Ctrl-C stopped at the door will not leave

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.limits is not None:
                self.limits.restore_original_limits()
                self.limits = None


ONE_THREAD = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ONE_THREAD.renew)


def blas_threads() -> int:
    """How many threads a product has now; 1 where `threadpoolctl` is missing and nobody can say."""
    with suppress(ImportError):
        from threadpoolctl import threadpool_info

        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        return max((int(pool["num_threads"]) for pool in pools), default=1)
    return 1


def side_by_side(call: Callable[[Job], Done], jobs: Sequence[Job]) -> Generator[Done]:
    """Results of jobs in their order, done in as many threads as BLAS has, which has one in each.

    After an exception, Ctrl-C included, jobs that have not begun are left undone.
    """
    count = blas_threads() if len(jobs) > 1 else 1
    if count == 1:
        yield from map(call, jobs)
        return
    with ONE_THREAD:
        pool = ThreadPoolExecutor(count)
        try:
            for batch in cut(len(jobs), BATCH):
                yield from pool.map(call, jobs[batch])
        finally:
            pool.shutdown(cancel_futures=True)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Results of calls that have nothing to do with one another, done side by side."""
    return list(side_by_side(operator.call, calls))
