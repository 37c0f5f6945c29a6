"""Evaluate a function over a grid of parameters and seeds, in any executor, resumably."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import math
import multiprocessing
import os
import pickle
import sys
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapdyn._executors import (
    Factory,
    Failure,
    Outcome,
    Outcomes,
    outcomes,
    processes,
    uninterrupted,
)
from gapdyn._journal import (
    JSON_VALUES,
    Job,
    append,
    key,
    line,
    name,
    opened,
    resume,
)
from gapdyn._threads import ONE_THREAD
from gapdyn.validate import shown, validate_bool, validate_count

MOST_POINTS = 1_000_000
"""Most points of one sweep, which has them all in memory, each in about a kilobyte."""


@dataclass(frozen=True)
class Point:
    """A finished point: the value of the function at these parameters and this seed."""

    parameters: dict[str, Any]
    seed: int
    value: Any


@dataclass(frozen=True, repr=False)
class Sweep:
    """The results of a sweep.

    Attributes
    ----------
    points : tuple of Point
        The finished points, in the order of the grid, the seeds of one point together.
    failures : tuple of Failure
        The others, in the same order.
    """

    points: tuple[Point, ...]
    failures: tuple[Failure, ...]

    def __repr__(self) -> str:
        return f"Sweep of {len(self.points)} points, {len(self.failures)} failed"

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the finished points as arrays of one length, by name.

        Returns
        -------
        dict of arrays
            Each parameter, `seed`, and each name that the function returned, or `value` where it
            did not return a mapping. Lists of one shape are stacked along the first axis. Values
            that make no array of numbers or of strings make an array of objects.

        Raises
        ------
        ValueError
            If points differ in their names, or a name is both a parameter and a value.
        """
        rows = []
        for point in self.points:
            value = point.value if isinstance(point.value, dict) else {"value": point.value}
            twice = value.keys() & {*point.parameters, "seed"}
            if twice:
                raise ValueError(f"{min(twice)!r} names both a parameter and a value")
            rows.append({**point.parameters, "seed": point.seed, **value})
            if rows[-1].keys() != rows[0].keys():
                raise ValueError(f"points differ in names: {[*rows[0]]} and {[*rows[-1]]}")
        return {name: _column([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    seeds: int | Sequence[int],
    executor: Executor | Callable[[], Executor] | int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Sweep:
    """Call `function(**parameters, seed=seed)` for every point of a grid and every seed.

    Parameters
    ----------
    function : callable
        It returns a number, a string, or lists and mappings of them; NumPy's scalars and arrays
        become Python's numbers and lists. Its randomness should come from `seed` alone.
    grid : mapping of names to sequences, or sequence of mappings
        The values of each parameter, all combinations of which are points, the last name varying
        fastest; or the points themselves. Values are numbers, strings, or lists and mappings of
        them. A sweep has at most a million points.
    seeds : int or sequence of ints
        The number of seeds 0, 1, ...; or the seeds themselves.
    executor : concurrent.futures.Executor, callable that makes one, or int, optional
        What evaluates the points, or a number of processes to do so on this machine. Without one
        they are evaluated here, one after the other. On machines of one kind the results are the
        same to the last digit. An executor that the sweep makes itself, by the callable or of a
        number of processes, it replaces where it breaks, and ends.
    out : path, optional
        A file to which each point is written as soon as it is finished. When the same sweep runs
        again, points that are in the file are read and not computed. A sweep with a longer grid or
        more seeds may go on with the file of a shorter one.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Sweep
        `points` with `parameters`, `seed` and `value`, in the order of the grid; `failures`;
        `columns()` for arrays.

    Raises
    ------
    TypeError, ValueError
        Before anything runs: if the grid has no points or has one twice, holds values that JSON
        cannot hold, or does not fit the function's parameters; if a seed is negative; if the
        function must be pickled or imported and cannot be, or needs a name in `out` and has none;
        if `out` was written by another sweep or by another version of gapdyn, or is damaged.
        When workers that the sweep made end before they have taken a point, or an executor takes
        no calls.
    OSError
        If `out` cannot be written, or another sweep is writing it. A point that does not fit on a
        full disk leaves nothing of itself there.
    KeyboardInterrupt
        At Ctrl-C, also where it came during a flow, which turns it into an `IntegrationError`.

    An error that stops a sweep says how many points are in `out`, from where the same call goes on,
    and has all that were computed, with or without a file, as its attribute `sweep`, a `Sweep`.

    Warns
    -----
    RuntimeWarning
        At the end, if points failed. They are in `failures` and not in `out`, and are computed when
        the sweep runs again. At the start, if the last line of `out` is torn because its writer was
        killed: that point is computed anew.

    Notes
    -----
    The first line of `out` holds the version of gapdyn and the function's name. Each other line is
    a point, as JSON from which floats read back exactly, NaN and Infinity included, and a CRC-32 of
    the line: a line that was changed is refused. Files of the format before, without checksums, are
    read, and go on with them. A line is on the disk before the next one is appended. gapdyn cannot
    see that a function was edited under the same name: a changed function needs a new file. Two
    threads cannot write one file at once, and where the system has POSIX locks two processes
    cannot; elsewhere make sure that they do not.

    A function that raises costs its own point. So does a worker that dies, by a signal or for lack
    of memory, where the sweep made the executor: it replaces its pool, the few points that the
    pool was working on run again one at a time, and a point that breaks a pool on its own has
    failed. Dask replaces its workers itself. Any other executor that breaks, such as a
    `ProcessPoolExecutor` of yours, ends the sweep, and the points that are left count as failed:
    run the sweep again with a new one, or let it make them: ``executor=lambda:
    ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn"))``.

    At Ctrl-C a sweep kills the processes of an executor that it made, whatever they are doing; of
    yours it cancels the points that wait. Its own processes do not see the signal. If this process
    is killed, worker processes that it started and gave a point, also those of a
    `ProcessPoolExecutor` of yours, end within a second, or when C code lets them.

    Where threadpoolctl is installed (`pip install gapdyn[sweep]`), BLAS and OpenMP have one thread
    during each call, so that workers do not fight over the cores and sums are added in one order.
    Without it, set OMP_NUM_THREADS=1, and OPENBLAS_NUM_THREADS or MKL_NUM_THREADS alike, before
    Python starts, on every machine.

    With an executor, the function must be importable by the workers: defined in a module, or in a
    script that calls `sweep` under ``if __name__ == "__main__":``. Four processes of this machine,
    Dask (`pip install gapdyn[dask]`), and MPI, of a script that runs as ``mpiexec -n 64 python -m
    mpi4py.futures script.py``::

        run = sweep(function, grid, seeds=10, executor=4, out="run.jsonl")
        with distributed.Client(address) as client:
            run = sweep(function, grid, seeds=10, executor=client.get_executor(), out="run.jsonl")
        with mpi4py.futures.MPIPoolExecutor() as pool:
            run = sweep(function, grid, seeds=10, executor=pool, out="run.jsonl")

    Examples
    --------
    >>> import gapdyn as gd
    >>> def start(n, d, seed):
    ...     X, Y = gd.sphere.sample(n, d, seed), gd.sphere.sample(n, d, seed + 1)
    ...     return {"gap": gd.measure(X, Y).gap}
    >>> run = sweep(start, {"n": [10, 1000], "d": [3]}, seeds=20, progress=False)
    >>> run
    Sweep of 40 points, 0 failed
    >>> n, gap = (run.columns()[name] for name in ("n", "gap"))
    >>> [round(float(gap[n == size].mean()), 2) for size in (10, 1000)]
    [0.38, 0.05]
    """
    points, chosen = _validate_grid(grid), _validate_seeds(seeds)
    progress = validate_bool("progress", progress)
    _validate_size(len(points), len(chosen))
    jobs = [(point, seed) for point in points for seed in chosen]
    index = _index(jobs)
    _validate_function(function, jobs, named=out is not None)
    source = _validate_executor(executor, function, len(jobs))
    known: dict[int, Outcome] = {}
    fresh: dict[int, Outcome] = {}
    with opened(out) as stream, ONE_THREAD:  # also for threads of an executor
        if stream is not None:
            known.update(resume(stream, function, index))
        left = deque(k for k in range(len(jobs)) if k not in known)
        computed = outcomes(function, jobs, left, source)
        try:
            with closing(_shown(computed, len(jobs), len(known)) if progress else computed) as run:
                for k, outcome in run:
                    fresh = {k: outcome}
                    with uninterrupted():  # a point is in the file and known, or neither
                        if stream is not None and isinstance(outcome, str):
                            append(stream, line(jobs[k], outcome))
                        known.update(fresh)
        except BaseException as error:
            _hand_over(error, jobs, known, fresh, out)
            raise
    return _warned(_collected(jobs, known))


def _shown(computed: Outcomes, total: int, done: int) -> Outcomes:
    """The same outcomes, with a progress bar."""
    from tqdm import tqdm

    failed = 0
    with closing(computed), tqdm(total=total, initial=done, desc="sweep") as bar:
        for k, outcome in computed:
            yield k, outcome
            if isinstance(outcome, Failure):
                failed += 1
                bar.set_postfix(failed=failed, refresh=False)
            bar.update()


def _collected(jobs: list[Job], known: Mapping[int, Outcome]) -> Sweep:
    """What is known, in the order of the jobs."""
    results = [(job, known[k]) for k, job in enumerate(jobs) if k in known]
    return Sweep(
        tuple(Point(*job, json.loads(found)) for job, found in results if isinstance(found, str)),
        tuple(found for _, found in results if isinstance(found, Failure)),
    )


def _hand_over(
    error: BaseException,
    jobs: list[Job],
    known: dict[int, Outcome],
    fresh: dict[int, Outcome],
    out: str | os.PathLike[str] | None,
) -> None:
    """Let the error that stops a sweep say what was computed, and have it."""
    count = sum(isinstance(outcome, str) for outcome in known.values())
    where = "computed" if out is None else f"in {os.fspath(out)}, with which the same call goes on"
    error.add_note(f"{count} of {len(jobs)} points are {where}; they are `sweep` of this error")
    vars(error).update(sweep=_collected(jobs, fresh | known))


def _warned(run: Sweep) -> Sweep:
    """The same results, and a warning if there are failures."""
    if run.failures:
        first, count = run.failures[0], len(run.points) + len(run.failures)
        warnings.warn(
            f"{len(run.failures)} of {count} points failed and run again with the next call; the "
            f"first, {first.parameters}, seed {first.seed}: {first.reason}",
            RuntimeWarning,
            stacklevel=3,
        )
    return run


def _column(values: list[Any]) -> NDArray[Any]:
    """Values as an array, of objects where NumPy would round integers, write numbers or refuse."""
    try:
        array = np.array(values)
    except ValueError:  # lists of different lengths
        array = np.array(None)
    rounded = array.dtype.kind == "f" and all(isinstance(value, int) for value in values)
    if (not rounded and array.dtype.kind in "biuf") or all(isinstance(x, str) for x in values):
        return array
    return np.fromiter(values, dtype=object, count=len(values))


def _validate_grid(grid: Any) -> list[dict[str, Any]]:
    """The points of a grid, without seeds."""
    if isinstance(grid, Mapping):
        for parameter, values in grid.items():
            if not _is_sequence(values):
                raise TypeError(
                    f"grid must map names to sequences, got {shown(values)} for {parameter!r}"
                )
        _validate_size(*map(_length, grid.values()))
        combinations = itertools.product(*grid.values()) if grid else ()
        points = [dict(zip(grid, values, strict=True)) for values in combinations]
    elif isinstance(grid, Sequence) and all(isinstance(point, Mapping) for point in grid):
        points = [dict(point) for point in grid]
    else:
        raise TypeError(f"grid must be a mapping or a sequence of mappings, got {shown(grid)}")
    if not points:
        raise ValueError("grid must have a point: [{}] for seeds alone, got none")
    for parameter in dict.fromkeys(itertools.chain.from_iterable(points)):
        if not isinstance(parameter, str) or parameter == "seed":
            raise ValueError(f"grid must name parameters other than the seed, got {parameter!r}")
    return points


def _validate_seeds(seeds: Any) -> Sequence[int]:
    """The seeds, as Python's integers."""
    if not _is_sequence(seeds):
        count = validate_count("seeds", seeds, least=1)
        _validate_size(count)
        return range(count)
    _validate_size(_length(seeds))
    chosen = [validate_count("each of seeds", seed, least=0) for seed in seeds]
    if not chosen:
        raise ValueError("seeds must hold at least one, got none")
    return chosen


def _is_sequence(values: Any) -> bool:
    """Whether values can be counted and gone through again; text is one value."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(values, Sequence) and not isinstance(values, str | bytes)


def _length(values: Any) -> int:
    """The number of values; Python's `len` ends at the size of an address."""
    try:
        return len(values)
    except OverflowError:  # a range
        return sys.maxsize


def _validate_size(*lengths: int) -> None:
    """Refuse more points than there is memory for, before they are listed."""
    if math.prod(lengths) > MOST_POINTS:
        raise ValueError(
            f"grid and seeds must make at most {MOST_POINTS:,} points, got "
            f"{' x '.join(map(shown, lengths))}; run several sweeps"
        )


def _index(jobs: list[Job]) -> dict[str, int]:
    """The position of each job, by what identifies it in a file."""
    index: dict[str, int] = {}
    for k, job in enumerate(jobs):
        try:
            point = key(*job)
        except TypeError as error:
            raise TypeError(f"grid must hold {JSON_VALUES}, got {shown(job[0])}") from error
        except ValueError as error:  # an integer with more digits than Python writes
            raise ValueError(f"grid and seeds must be such that JSON can hold: {error}") from error
        if index.setdefault(point, k) != k:
            raise ValueError(
                f"grid and seeds must hold no point twice, got {shown(job[0])}, seed {job[1]}"
            )
    return index


def _validate_function(function: Callable[..., Any], jobs: list[Job], *, named: bool) -> None:
    """Refuse a function that does not take these parameters, or has no name for a file."""
    if not callable(function):
        raise TypeError(f"function must be callable, got {shown(function)}")
    for names in {(*parameters, "seed"): None for parameters, _ in jobs}:
        try:
            inspect.signature(function).bind(**dict.fromkeys(names))
        except TypeError as error:
            raise TypeError(f"function must take {', '.join(names)}: {error}") from error
        except ValueError:  # a builtin that does not tell
            pass
    own = name(function)
    if named and (not own or own.endswith("<lambda>") or inspect.ismethod(function)):
        raise ValueError(
            "function must be known by its name in out, as a lambda, a partial or a method is not, "
            f"got {shown(function)}; define a function, and let grid hold its constants"
        )


def _validate_executor(
    executor: Executor | Factory | int | None, function: Callable[..., Any], points: int
) -> Executor | Factory | None:
    """Refuse what is no executor, and a function that cannot be sent to one."""
    if executor is None:
        return None
    known = isinstance(executor, Executor | Integral) or callable(executor)
    if not known or isinstance(executor, bool):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, a callable that makes one, or a "
            f"number of processes, got {shown(executor)}"
        )
    try:
        pickle.dumps(function)
    except Exception as error:
        raise ValueError(
            "function must be one that can be pickled for an executor, at the top level of a "
            f"module and no lambda, got {shown(function)}: {error}"
        ) from error
    if isinstance(executor, Executor) or callable(executor):
        _validate_importable(function, getattr(executor, "_mp_context", None))
        return executor
    workers = validate_count("executor", executor, least=1)
    _validate_importable(function, multiprocessing.get_context())
    return functools.partial(processes, min(workers, points))


def _validate_importable(function: Callable[..., Any], context: Any) -> None:
    """Refuse a function of a session without a file where processes start by importing it."""
    while isinstance(function, functools.partial):
        function = function.func
    if context is None or context.get_start_method() == "fork":
        return
    main = sys.modules["__main__"]
    imported = getattr(getattr(main, "__spec__", None), "name", None)
    file = getattr(main, "__file__", None)
    if getattr(function, "__module__", None) == "__main__" and not (
        imported or (file and Path(file).is_file())
    ):
        raise ValueError(
            f"function must be one that new processes can import, got {shown(function)} of a "
            "session without a file; define it in a module, or run the sweep without an executor"
        )
