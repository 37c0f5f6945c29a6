"""Run the jobs of a sweep in an executor: one that fails costs no other its outcome."""

from __future__ import annotations

import copy
import json
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from gapdyn._journal import Job, plain

IN_FLIGHT = 1000
"""Most points that an executor of the user's is given at once."""


@dataclass(frozen=True)
class Failure:
    """A point that has no value: the reason, and the traceback where the function raised."""

    parameters: dict[str, Any]
    seed: int
    reason: str
    traceback: str = ""


Outcome = str | Failure
"""A value as JSON, or a Failure."""

Outcomes = Generator[tuple[int, Outcome]]
"""Jobs, each with its outcome, as they come."""

Submit = Callable[[Executor, int], Future[Outcome]]
"""Hand a job to an executor."""

Ended = TypeVar("Ended")
Results = Generator[tuple[int, Outcome | Exception], None, Ended]
"""Jobs, each with its outcome or with an exception that the executor itself raised."""


class _OneThread:
    """Limit this process to one BLAS and OpenMP thread until all who entered have left."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.limits: Any = None

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            with suppress(ImportError):
                from threadpoolctl import threadpool_limits

                limits = threadpool_limits(1)  # again: a library may have been loaded since
                self.limits = self.limits or limits

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.limits is not None:
                self.limits.restore_original_limits()
                self.limits = None


ONE_THREAD = _OneThread()


def _call(function: Callable[..., Any], parameters: dict[str, Any], seed: int, run: str) -> Outcome:
    """The outcome of one point; `run` makes the call another one for Dask, which caches results."""
    try:
        with ONE_THREAD:
            value = function(**copy.deepcopy(parameters), seed=seed)
        return json.dumps(plain(value))
    except (Exception, SystemExit) as error:  # as text: not every exception can be pickled
        reason = f"{type(error).__name__}: {error}"
        return Failure(parameters, seed, reason, traceback.format_exc())


def outcomes(
    function: Callable[..., Any], jobs: list[Job], left: deque[int], executor: Executor | int | None
) -> Outcomes:
    """The outcomes of the jobs that are left, as they come."""
    run = uuid.uuid4().hex
    if executor is None:
        for k in left:
            yield k, _call(function, *jobs[k], run)
        return

    def submit(pool: Executor, k: int) -> Future[Outcome]:
        return pool.submit(_call, function, *jobs[k], run)

    if isinstance(executor, Executor):
        through = _through_executor(executor, submit, left)
    else:
        through = _through_pools(executor, submit, left)
    with closing(through) as results:
        for k, result in results:
            if isinstance(result, Exception):
                yield k, Failure(*jobs[k], f"{type(result).__name__}: {result}")
            else:
                yield k, result


def _through_executor(executor: Executor, submit: Submit, left: deque[int]) -> Results[None]:
    """Run what is left in an executor; if it breaks, all that was not done has failed."""
    lost, error = yield from _fill(executor, submit, left, IN_FLIGHT)
    if error is not None:
        yield from ((k, error) for k in (*lost, *left))


def _through_pools(workers: int, submit: Submit, left: deque[int]) -> Results[None]:
    """Run what is left in a process pool and, where that breaks, in another.

    Which job killed its worker is not known: all that were in the pool are suspects. They run one
    at a time before the others go on, and one under which a pool breaks again has failed.
    """
    suspects: deque[int] = deque()
    pool = ProcessPoolExecutor(workers)
    try:
        while left or suspects:
            alone = deque([suspects.popleft()] if suspects else [])
            width = 1 if alone else 2 * workers  # for each worker, one to run and one to wait
            lost, error = yield from _fill(pool, submit, alone or left, width)
            if error is None:
                continue
            pool.shutdown()
            pool = ProcessPoolExecutor(workers)
            if len(lost) == 1:
                yield lost.pop(), error
            suspects.extend([*alone, *lost])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fill(
    executor: Executor, submit: Submit, left: deque[int], width: int
) -> Results[tuple[list[int], BrokenExecutor | None]]:
    """Keep `width` jobs in an executor while some are left; return those it lost if it broke."""
    finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
    running: dict[Future[Outcome], int] = {}
    lost: list[int] = []
    broken: BrokenExecutor | None = None
    try:
        while running or (left and broken is None):
            try:
                while left and len(running) < width and broken is None:
                    future = submit(executor, left[0])
                    running[future] = left.popleft()
                    future.add_done_callback(finished.put)
            except BrokenExecutor as error:
                broken = error
                continue
            future = finished.get()
            k, result = running.pop(future), _result(future)
            if isinstance(result, BrokenExecutor):
                broken = result
                lost.append(k)
            else:
                yield k, result
    finally:
        for future in running:
            future.cancel()
    return lost, broken


def _result(future: Future[Outcome]) -> Outcome | Exception:
    try:
        return future.result()
    except Exception as error:  # what is sent cannot be pickled, Dask gives up, ...
        return error
