"""Run the jobs of a sweep in an executor: one that fails costs no other its outcome."""

from __future__ import annotations

import copy
import functools
import json
import multiprocessing
import os
import signal
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from gapdyn._journal import Job, plain
from gapdyn._threads import ONE_THREAD
from gapdyn.interrupt import was_interrupted

IN_FLIGHT = 1000
"""Most points that an executor of the user's is given at once."""

GLANCE = 0.5
"""Seconds between two looks of a worker at its parent, and of a sweep at Ctrl-C on Windows."""


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

Factory = Callable[[], Executor]
"""What makes executors of the sweep's own: it replaces one that breaks, and ends them."""

Run = tuple[str, int]
"""What identifies a sweep, and the process that it runs in."""

Submit = Callable[[Executor, int], Future[Outcome]]
"""Hand a job to an executor."""

Running = dict[Future[Outcome], int]
"""The jobs that an executor has."""

Ended = TypeVar("Ended")
Results = Generator[tuple[int, Outcome | Exception], None, Ended]
"""Jobs, each with its outcome or with an exception that the executor itself raised."""


STOPPED: set[Run] = set()
"""Sweeps whose calls in this process Ctrl-C has stopped: those that still come are not begun."""


def _call(function: Callable[..., Any], parameters: dict[str, Any], seed: int, run: Run) -> Outcome:
    """The outcome of one point; `run` makes the call another one for Dask, which caches results."""
    _follow(os.getpid(), run[1])
    try:
        if run in STOPPED:
            raise KeyboardInterrupt
        with ONE_THREAD:
            value = function(**copy.deepcopy(parameters), seed=seed)
        return json.dumps(plain(value))
    except BaseException as error:  # as text: not every exception can be pickled
        if was_interrupted(error):
            STOPPED.add(run)
            raise KeyboardInterrupt from error
        return Failure(parameters, seed, reason(error), traceback.format_exc())


def reason(error: BaseException) -> str:
    """The name of an exception and what it says, if it can."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose text cannot be had"


@functools.cache  # once in a process; a forked one has another number, and the cache of its parent
def _follow(process: int, sweeper: int) -> None:
    """If this process is a worker that `sweeper` started, let it end soon after that has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid == sweeper:
        watched = parent.sentinel, os.getppid()
        threading.Thread(target=_watch, args=watched, daemon=True).start()


def _watch(sentinel: int, parent: int) -> None:
    """Wait for the end of the parent, and end.

    Its sentinel tells where a fork server is between them, its number where siblings that were
    forked later hold the sentinel open.
    """
    while os.getppid() == parent and not wait([sentinel], timeout=GLANCE):
        pass
    os._exit(1)


def processes(workers: int) -> ProcessPoolExecutor:
    """A pool of the sweep's own."""
    return ProcessPoolExecutor(workers, initializer=_serve, initargs=(os.getpid(),))


def _serve(sweeper: int) -> None:
    """Begin a worker: Ctrl-C is for the sweep, which ends it."""
    signal.signal(signal.SIGINT, lambda *_: None)  # SIG_IGN would pass to programs that it runs
    _follow(os.getpid(), sweeper)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off to the end of a short block, so that nothing is left half done."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *event: pressed.append(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(*pressed[0])


def outcomes(
    function: Callable[..., Any],
    jobs: list[Job],
    left: deque[int],
    executor: Executor | Factory | None,
) -> Outcomes:
    """The outcomes of the jobs that are left, as they come."""
    run = uuid.uuid4().hex, os.getpid()
    if executor is None:
        for k in left:
            yield k, _call(function, *jobs[k], run)
        return

    def submit(pool: Executor, k: int) -> Future[Outcome]:
        return pool.submit(_call, function, *jobs[k], run)

    if isinstance(executor, Executor):
        through = _through_executor(executor, submit, left)
    else:
        through = _through_pools(executor, function, submit, left)
    with closing(through) as results:
        for k, result in results:
            if isinstance(result, Exception):
                yield k, Failure(*jobs[k], reason(result))
            else:
                yield k, result


def _through_executor(executor: Executor, submit: Submit, left: deque[int]) -> Results[None]:
    """Run what is left in an executor; if it breaks, all that was not done has failed."""
    running: Running = {}
    width = IN_FLIGHT
    if isinstance(executor, ProcessPoolExecutor):
        # What its queue holds: of more some would wait outside, and in Python 3.11 a pool of which
        # calls that wait were cancelled loses its manager, and so its workers, when it breaks.
        width = getattr(executor, "_max_workers", 1) + 1
    try:
        lost, error = yield from _fill(executor, submit, left, width, running)
    finally:
        for future in running:
            future.cancel()
    if error is not None:
        yield from ((k, error) for k in (*lost, *left))


def _through_pools(
    make: Factory, function: Callable[..., Any], submit: Submit, left: deque[int]
) -> Results[None]:
    """Run what is left in an executor of the sweep's own and, where that breaks, in another.

    Which job killed its worker is not known: all that were in the pool are suspects. They run one
    at a time before the others go on, and one under which a pool breaks again has failed. A new
    pool is first asked for nothing, which tells workers that cannot start from jobs that kill.
    """

    def guarded(pool: Executor, k: int) -> Future[Outcome]:
        with uninterrupted():  # a worker that is being started is not lost
            return submit(pool, k)

    suspects: deque[int] = deque()
    pool = _made(make)
    try:
        while left or suspects:
            alone = deque([suspects.popleft()] if suspects else [])
            # For each worker one to run and one to wait. None is cancelled: its pool is ended.
            width = 1 if alone else 2 * getattr(pool, "_max_workers", IN_FLIGHT // 2)
            lost, error = yield from _fill(pool, guarded, alone or left, width, {})
            if error is None:
                continue
            _end(pool)
            pool = _made(make)
            _prove(pool, function)
            if len(lost) == 1:
                yield lost.pop(), error
            suspects.extend([*alone, *lost])
    except BaseException:
        _end(pool)
        raise
    pool.shutdown(wait=False)


def _made(make: Factory) -> Executor:
    pool = make()
    if not isinstance(pool, Executor):
        raise TypeError(f"executor must make a concurrent.futures.Executor, it made {pool!r}")
    return pool


def _prove(pool: Executor, function: Callable[..., Any]) -> None:
    """Refuse a pool whose workers end before they have taken a point."""
    try:
        with uninterrupted():
            answer = pool.submit(_take, function)
        answer.result()
    except BrokenExecutor as error:
        raise ValueError(
            "executor must have workers that start and can import the function, got workers that "
            "ended before they took a point, and said why on stderr. A function is importable in a "
            'module, or in a script that calls sweep under if __name__ == "__main__":'
        ) from error


def _take(function: Callable[..., Any]) -> None:
    """What a worker does that only has to be there."""


def _end(pool: Executor) -> None:
    """End a pool: its processes whatever they are doing; threads start nothing more."""
    with uninterrupted():
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join(timeout=GLANCE)


def _fill(
    executor: Executor, submit: Submit, left: deque[int], width: int, running: Running
) -> Results[tuple[list[int], BrokenExecutor | None]]:
    """Keep `width` jobs in an executor while some are left; return those it lost if it broke."""
    finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
    lost: list[int] = []
    broken: BrokenExecutor | None = None
    while running or (left and broken is None):
        try:
            while left and len(running) < width and broken is None:
                future = submit(executor, left[0])
                running[future] = left.popleft()
                future.add_done_callback(finished.put)
        except BrokenExecutor as error:
            broken = error
            continue
        except Exception as error:
            raise ValueError(f"executor must take calls, it says {reason(error)}") from error
        future = _first(finished)
        k, result = running.pop(future), _result(future)
        if isinstance(result, BrokenExecutor):
            broken = result
            lost.append(k)
        else:
            yield k, result
    return lost, broken


def _first(finished: SimpleQueue[Future[Outcome]]) -> Future[Outcome]:
    """Wait for a job, in steps: on Windows Ctrl-C is seen between two of them only."""
    while True:
        with suppress(Empty):
            return finished.get(timeout=GLANCE)


def _result(future: Future[Outcome]) -> Outcome | Exception:
    try:
        return future.result()
    except Exception as error:  # what is sent cannot be pickled, Dask gives up, ...
        return error
