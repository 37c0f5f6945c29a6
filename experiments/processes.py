"""New processes with one BLAS thread each, which end with this one.

One thread adds up sums in one order, so that a result is the same to the last digit however many
processes there are; and the processes do not compete for the cores.

Each thread of the executor has a process of its own, and a pipe to it. So a process that is killed
costs the call that it was at, and no other; and ending a process never leaves a lock behind.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process, resource_tracker
from pathlib import Path
from typing import Any

import gapdyn as gd
from gapdyn.sweep import Point

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Processes(Executor):
    """An executor with a process for each of `jobs` calls at a time."""

    def __init__(self, jobs: int) -> None:
        self.threads = ThreadPoolExecutor(jobs, initializer=_leave_interrupts_to_main_thread)
        self.own = threading.local()
        self.started: list[Any] = []
        self.ended = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Call a function in a process; a RuntimeError if its process ends before it does."""
        return self.threads.submit(self._call, function, args, options)

    def _call(self, function: Callable[..., Any], args: Any, options: Any) -> Any:
        if getattr(self.own, "process", None) is None:
            self._start()
        try:
            self.own.pipe.send((function, args, options))
            value, error = self.own.pipe.recv()
        except (EOFError, OSError) as lost:
            process, self.own.process = self.own.process, None
            process.join()
            raise RuntimeError(f"its process ended, with exit code {process.exitcode}") from lost
        if error is not None:
            raise error
        return value

    def _start(self) -> None:
        """Give this thread its process."""
        context = get_context("spawn")
        pipe, far_end = context.Pipe()
        process = context.Process(target=_serve, args=(far_end,), daemon=True)
        process.start()
        far_end.close()
        self.started.append(process)
        if self.ended:  # while it started
            process.kill()
        self.own.pipe, self.own.process = pipe, process

    def end(self) -> None:
        """End all processes, whatever they are at, and drop the calls that wait."""
        self.ended = True
        self.threads.shutdown(wait=False, cancel_futures=True)
        for process in self.started:
            process.kill()
        self.threads.shutdown()
        for process in self.started:
            process.join()


def _leave_interrupts_to_main_thread() -> None:
    """Block SIGINT in this thread and in its process, which the main thread ends at Ctrl-C."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # when it starts it lifts the block
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _serve(pipe: Any) -> None:
    """Answer calls, in a new process, until the process that asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it cannot be blocked
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # nobody asks any more
        while True:
            function, args, options = pipe.recv()
            answer = _answer(function, args, options)
            try:
                pipe.send(answer)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                pipe.send((None, TypeError(f"what a call gives must be picklable: {error}")))


def _answer(function: Callable[..., Any], args: Any, options: Any) -> tuple[Any, Exception | None]:
    """The value of a call, or what it raised."""
    try:
        return function(*args, **options), None
    except Exception as error:
        return None, error


def _end_with_parent() -> None:
    """End this process, whatever it is at, when the one that started it is no longer there."""
    if (parent := parent_process()) is not None:
        connection.wait([parent.sentinel])
    os._exit(1)


@contextmanager
def processes(jobs: int) -> Iterator[Processes]:
    """An executor of `jobs` processes; leaving it drops the calls that wait and ends them."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # a BLAS reads it when its process starts
    pool = Processes(jobs)
    try:
        yield pool
    finally:
        pool.end()
        os.environ.clear()
        os.environ.update(before)


def swept(
    function: Callable[..., Any],
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    seeds: int | Sequence[int],
    jobs: int,
    journal: Path | None = None,
) -> tuple[Point, ...]:
    """All points of a `gapdyn.sweep` in new processes; a RuntimeError if one fails."""
    show = sys.stderr.isatty()
    try:
        with processes(jobs) as pool:
            found = gd.sweep(function, grid, seeds=seeds, executor=pool, out=journal, progress=show)
    except KeyboardInterrupt as interrupt:
        if journal is None:
            raise
        raise KeyboardInterrupt(f"{journal} keeps what is finished for the next run") from interrupt
    for failed in found.failures:
        raise RuntimeError(f"{failed.parameters}, seed {failed.seed}: {failed.reason}")
    return found.points
