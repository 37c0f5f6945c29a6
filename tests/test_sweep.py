"""A sweep: the same results whatever runs it, however often it is killed."""

import functools
import itertools
import json
import math
import multiprocessing as mp
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import types
import warnings
import zlib
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from concurrent.futures import ThreadPoolExecutor as Threads
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import interrupted, make
from fuzz import kill_sweeps
from hypothesis import given, settings
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn.sweep import Point

GRID = {"n": [2, 5, 40], "scale": [0.5, math.inf]}
sweep = functools.partial(gd.sweep, progress=False)


def spawning(workers=2):
    return ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn"))


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client.get_executor()


HERE, THREADS, OURS = nullcontext, functools.partial(Threads, 2), functools.partial(nullcontext, 2)
"""Ways to run a sweep, each with the executor: none, a given one, the sweep's own processes."""
FORKED = functools.partial(ProcessPoolExecutor, 2, mp_context=mp.get_context("fork"))
MADE = functools.partial(nullcontext, FORKED)
"""An executor that the sweep makes by a callable."""
DASK = pytest.param(dask, id="dask", marks=pytest.mark.filterwarnings("default"))


def draw(n, seed, scale=1.0):
    """Floats of every kind."""
    X = gd.sphere.sample(n, 3, seed)
    names = {"sum": (X @ X.T).sum(), "odd": np.nan if n == 2 else scale, "n": np.int64(n)}
    return names | {"rows": X[:2].astype(np.float32), "name": "gap", "none": None, "yes": True}


def text(run):
    """Everything in a sweep, NaN comparable to NaN."""
    return [repr(point) for point in run.points], [repr(failure) for failure in run.failures]


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


# What it returns.


def test_points_come_in_the_order_of_the_grid():
    grid = {"a": [2, 1], "b": [4, 3]}
    run = sweep(lambda a, b, seed: 100 * a + 10 * b + seed, grid, seeds=[7, 5])
    assert [point.value for point in run.points] == [247, 245, 237, 235, 147, 145, 137, 135]
    assert run.points[1] == Point({"a": 2, "b": 4}, 5, 245)
    assert run.failures == ()


def test_a_grid_may_be_a_list_of_points():
    run = sweep(lambda seed, a=0, b=0: [a, b], [{}, {"a": 1}, {"b": np.float64(2)}], seeds=1)
    assert [point.value for point in run.points] == [[0, 0], [1, 0], [0, 2.0]]


def test_columns_are_arrays_of_one_length():
    columns = sweep(vector, {"size": [1, 2], "name": ["a", "b"]}, seeds=2).columns()
    assert columns["size"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert columns["name"].tolist() == list("aabb") * 2
    assert columns["seed"].tolist() == [0, 1] * 4
    assert columns["pair"].shape == (8, 2) and columns["pair"].dtype == float
    assert columns["ragged"].dtype == columns["mixed"].dtype == object
    assert columns["mixed"].tolist() == [1, 1, 1, 1, "2", "2", "2", "2"]
    large = sweep(lambda seed: [2**63, -1][seed], [{}], seeds=2).columns()["value"]
    assert large.tolist() == [2**63, -1]  # as float64 one would be rounded


def vector(size, name, seed):
    mixed = size if size == 1 else str(size)
    return {"pair": [0.5, seed], "ragged": [1] * size, "mixed": mixed}


def test_columns_want_the_same_names_at_every_point_and_each_once():
    with pytest.raises(ValueError, match="differ in names"):
        sweep(lambda seed: {f"value{seed}": 0}, [{}], seeds=2).columns()
    with pytest.raises(ValueError, match="'n' names both"):
        sweep(draw, GRID, seeds=2).columns()


def test_a_function_that_changes_its_parameters_changes_no_other_point():
    def greedy(entries, last, seed):
        return [entries.pop(), last]

    run = sweep(greedy, {"entries": [[1, 2]], "last": [3, 4]}, seeds=2)
    assert [point.value for point in run.points] == [[2, 3], [2, 3], [2, 4], [2, 4]]
    assert run.points[0].parameters["entries"] == [1, 2]


# The same whatever runs it.


@pytest.fixture(scope="module")
def alone():
    return text(sweep(draw, GRID, seeds=3))


@pytest.mark.parametrize("pool", [THREADS, spawning, OURS, MADE, DASK])
def test_results_do_not_depend_on_the_executor(pool, alone, tmp_path):
    with pool() as executor:
        assert text(sweep(draw, GRID, seeds=3, executor=executor)) == alone
        run = sweep(draw, GRID, seeds=3, executor=executor, out=tmp_path / "run")
    assert text(run) == alone
    assert text(sweep(draw, GRID, seeds=3, out=tmp_path / "run")) == alone  # as read


def needing(switch, bad, seed):
    """Fails at one seed while there is no file `switch`."""
    if seed == bad and not Path(switch).exists():
        raise FileNotFoundError(f"no {switch}")
    return seed


def test_no_more_points_are_in_flight_than_a_bound(monkeypatch):
    monkeypatch.setattr(sys.modules["gapdyn._executors"], "IN_FLIGHT", 3)
    most = 0

    class Counting(Executor):
        """Finishes a call when three are waiting."""

        def __init__(self):
            self.waiting = []

        def submit(self, function, /, *args, **kwargs):
            nonlocal most
            future = Future()
            self.waiting.append((future, function, args))
            most = max(most, len(self.waiting))
            if len(self.waiting) == 3:
                for done, call, given_ in reversed(self.waiting):
                    done.set_result(call(*given_))
                self.waiting = []
            return future

    run = sweep(square, {"x": range(10)}, seeds=3, executor=Counting())
    assert run.columns()["value"].tolist() == [x * x for x in range(10) for _ in range(3)]
    assert most == 3


def square(x, seed):
    return x * x


def test_calls_have_one_thread_and_ours_keeps_its_own():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(2):
        before = threads(0)
        run = sweep(threads, [{}], seeds=2)
        with Threads(2) as executor:
            run_in_threads = sweep(threads, [{}], seeds=8, executor=executor)
        assert threads(0) == before
    with spawning(1) as executor:
        run_elsewhere = sweep(threads, [{}], seeds=2, executor=executor)
    for point in (*run.points, *run_in_threads.points, *run_elsewhere.points):
        assert set(point.value) == {1}


def threads(seed):
    import threadpoolctl

    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]


def test_without_threadpoolctl_it_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert sweep(square, {"x": [3]}, seeds=1).points[0].value == 9


# What is written.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=JSON, parameter=JSON)
def test_every_value_reads_back_exactly(tmp_path_factory, value, parameter):
    out = tmp_path_factory.mktemp("sweep") / "run"

    def function(x, seed):
        return value

    run = sweep(function, {"x": [parameter]}, seeds=1, out=out)
    assert repr(run.points) == repr((Point({"x": parameter}, 0, value),))
    assert repr(sweep(function, {"x": [parameter]}, seeds=1, out=out)) == repr(run)


@given(bits=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5))
def test_floats_keep_every_bit(bits):
    x = np.array(bits, dtype=np.uint64).view(float)
    number = ~np.isnan(x)  # a NaN is a NaN
    forms = {"array": x, "list": list(x), "tuple": tuple(x.tolist()), "column": x[:, None]}
    for value in sweep(lambda seed: forms, [{}], seeds=1).points[0].value.values():
        back = np.array(value).ravel()
        assert np.isnan(back[~number]).all()
        assert back[number].tobytes() == x[number].tobytes()


class Unshown:
    """A value that does not say what it is."""

    def __repr__(self):
        raise RuntimeError("no")


ROUND: list = []
ROUND.append(ROUND)
NO_JSON = [1j, {1: 2}, {np.nan: 2}, b"x", np.longdouble(1), np.ones(2, complex), object, Unshown()]
NO_JSON += [np.datetime64(0, unit) for unit in ("s", "ns")]  # NumPy makes a number of the second
NO_JSON += [
    np.ma.array([1.0, 2.0], mask=[0, 1]),
    ROUND,
    functools.reduce(lambda v, _: [v], range(102)),
]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_what_json_cannot_hold_fails_or_is_refused(value):
    with pytest.warns(RuntimeWarning, match="values must be numbers, strings"):
        run = sweep(lambda seed: value, [{}], seeds=1)
    assert run.failures[0].reason.startswith("TypeError: values must be")
    with pytest.raises(TypeError, match="grid must hold numbers, strings"):
        sweep(square, {"x": [value]}, seeds=1)


def test_a_file_has_a_header_and_a_line_a_point(tmp_path):
    out = tmp_path / "run.jsonl"
    sweep(square, {"x": [np.float64(0.1), 2]}, seeds=1, out=out)
    header, *points = map(json.loads, lines(out))
    assert header == {"gapdyn": gd.__version__, "format": 2, "function": f"{__name__}.square"}
    for line, point in zip(lines(out)[1:], points, strict=True):
        assert point.pop("crc32") == f"{zlib.crc32(line[: line.rindex(b', ')]):08x}"
    assert points == [
        {"parameters": {"x": 0.1}, "seed": 0, "value": 0.1**2},
        {"parameters": {"x": 2}, "seed": 0, "value": 4},
    ]


def test_a_point_is_on_disk_before_the_next_one_begins(tmp_path):
    out = tmp_path / "run"
    run = sweep(count_lines, {"path": [str(out)]}, seeds=4, out=out)
    assert [point.value for point in run.points] == [1, 2, 3, 4]


def count_lines(path, seed):
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:  # as another sees it
        return len(reader.stdout.readlines())


# Resuming.


def test_finished_points_are_read_and_not_computed(tmp_path):
    calls = []

    def function(x, seed):
        calls.append((x, seed))
        return x + seed

    first = sweep(function, {"x": [1, 2]}, seeds=2, out=tmp_path / "run")
    assert text(sweep(function, {"x": [1, 2]}, seeds=2, out=tmp_path / "run")) == text(first)
    assert len(calls) == 4
    longer = sweep(function, {"x": [0, 1, 2]}, seeds=3, out=tmp_path / "run")  # a sweep may grow
    assert len(calls) == len(set(calls)) == 9
    assert longer.columns()["value"].tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep of six points that nothing disturbed, and its file."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return text(sweep(draw, GRID, seeds=1, out=out)), out


@settings(max_examples=40)
@given(data=st.data())
def test_a_file_torn_anywhere_gives_the_same_results(tmp_path_factory, whole, data):
    results, written = whole
    content = written.read_bytes()
    header = content.index(b"\n") + 1
    cut = data.draw(st.integers(0, len(content)) | st.integers(0, header))
    out = tmp_path_factory.mktemp("torn") / "run"
    out.write_bytes(content[:cut])
    torn = cut > header and not content[:cut].endswith(b"\n")
    with pytest.warns(RuntimeWarning, match="torn") if torn else nullcontext():
        assert text(sweep(draw, GRID, seeds=1, out=out)) == results
    assert lines(out) == lines(written)


NO_LINE = [b"", b"{", b"[1, 2]", b'{"seed": 0}', b"\xff\x00", b"null", b"[" * 100_000, b"1" * 5000]


@pytest.mark.parametrize("damage", NO_LINE, ids=lambda damage: str(damage[:9]))
def test_a_damaged_line_is_an_error_that_names_it(tmp_path, damage):
    out = tmp_path / "run"
    sweep(square, {"x": [1, 2, 3]}, seeds=1, out=out)
    content = lines(out)
    content[2] = damage + b"\n"
    out.write_bytes(b"".join(content))
    with pytest.raises(ValueError, match="damaged: line 3"):
        sweep(square, {"x": [1, 2, 3]}, seeds=1, out=out)
    assert lines(out) == content


def counted(x, seed):
    global calls
    calls += 1
    return {"value": x, "crc32": "0123abcd"}


calls = 0


def old_lines():
    """A file of the format without checksums: seven of the points x = 0, ..., 9."""
    about = {"gapdyn": gd.__version__, "format": 1, "function": f"{__name__}.counted"}
    value = {"value": 0, "crc32": "0123abcd"}
    points = [{"parameters": {"x": x}, "seed": 0, "value": value | {"value": x}} for x in range(7)]
    return [json.dumps(line).encode() + b"\n" for line in (about, *points)]


def test_a_file_without_checksums_is_read_and_goes_on_with_them(tmp_path):
    global calls
    out, calls = tmp_path / "run", 0
    out.write_bytes(b"".join(old_lines()))
    for _ in range(2):  # of old lines, and of both kinds
        run = sweep(counted, {"x": range(10)}, seeds=1, out=out)
        assert [point.value["value"] for point in run.points] == [*range(10)]
        assert calls == 3
    assert lines(out)[:8] == old_lines() and all(b'"}\n' in line for line in lines(out)[8:])
    out.write_bytes(out.read_bytes().replace(b'"value": 8', b'"value": 6'))
    with pytest.raises(ValueError, match="damaged: line 10"):
        sweep(counted, {"x": range(10)}, seeds=1, out=out)


def test_where_lines_have_checksums_one_without_is_damaged(tmp_path):
    global calls
    out, calls = tmp_path / "run", 0
    sweep(counted, {"x": range(10)}, seeds=1, out=out)
    header, *points = lines(out)
    out.write_bytes(b"".join([header, *old_lines()[1:], *points[7:]]))
    with pytest.raises(ValueError, match="damaged: line 2"):
        sweep(counted, {"x": range(10)}, seeds=1, out=out)


def test_no_flipped_bit_is_read_as_another_value(tmp_path, monkeypatch):
    out, value = tmp_path / "run", 0.1234567890123
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for speed, as the next
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    whole = text(sweep(square, {"x": [value]}, seeds=1, out=out))
    content = out.read_bytes()
    refused = 0
    for k in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[k // 8] ^= 1 << k % 8
        out.write_bytes(flipped)
        with warnings.catch_warnings(action="ignore"):  # a flipped line end is a torn line
            try:
                assert text(sweep(square, {"x": [value]}, seeds=1, out=out)) == whole
            except ValueError as error:
                refused += 1
                assert "out " in str(error)
    assert refused > 7 * len(content)


EDITS = {
    "blank lines": lambda content: content + b"\n \n\r\n",
    "line ends": lambda content: content.replace(b"\n", b"\r\n"),
    "byte-order mark": lambda content: b"\xef\xbb\xbf" + content,
    "doubled": lambda content: content + content.splitlines(keepends=True)[2],
    "reversed": lambda content: b"".join(
        [*content.splitlines(keepends=True)[:1], *content.splitlines(keepends=True)[:0:-1]]
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("old", [False, True])
def test_a_file_that_went_through_an_editor_has_the_same_points(tmp_path, edit, old):
    global calls
    out, calls = tmp_path / "run", 0
    if old:
        out.write_bytes(b"".join(old_lines()))
    whole = text(sweep(counted, {"x": range(7)}, seeds=1, out=out))
    out.write_bytes(edit(out.read_bytes()))
    before = calls
    assert text(sweep(counted, {"x": range(7)}, seeds=1, out=out)) == whole
    assert calls == before
    for _ in range(2):  # it goes on, and what was added reads back
        assert len(sweep(counted, {"x": range(9)}, seeds=1, out=out).points) == 9
    assert calls == before + 2


def test_two_values_of_one_point_are_damage(tmp_path):
    out = tmp_path / "run"
    sweep(square, {"x": [1, 2]}, seeds=1, out=out)
    body = b'{"parameters": {"x": 2}, "seed": 0, "value": 5'
    with out.open("ab") as stream:
        stream.write(body + b', "crc32": "%08x"}\n' % zlib.crc32(body))
    with pytest.raises(ValueError, match=r"damaged: line 4 .* not what an earlier line says"):
        sweep(square, {"x": [1, 2]}, seeds=1, out=out)


def test_the_file_of_another_sweep_or_version_is_refused_and_kept(tmp_path, monkeypatch):
    out = tmp_path / "run"
    sweep(square, {"x": [1, 2]}, seeds=2, out=out)
    before = out.read_bytes()
    for function, grid, seeds in [
        (cube, {"x": [1, 2]}, 2),
        (square, {"x": [1]}, 2),
        (square, {"x": [1, 2]}, 1),
        (square, {"x": [1.0, 2.0]}, 2),
    ]:
        with pytest.raises(ValueError, match="out must be a file of this sweep"):
            sweep(function, grid, seeds=seeds, out=out)
    monkeypatch.setattr(sys.modules["gapdyn._journal"], "__version__", "99")
    with pytest.raises(ValueError, match="this sweep and version"):
        sweep(square, {"x": [1, 2]}, seeds=2, out=out)
    assert out.read_bytes() == before


def cube(x, seed):
    return x**3


@pytest.mark.parametrize("content", [b"a letter\n", b"a letter", b"{}\n", b"\x00" * 9])
def test_a_file_that_is_no_sweep_is_refused_and_kept(tmp_path, content):
    out = tmp_path / "letter"
    out.write_bytes(content)
    with pytest.raises(ValueError, match="out must be a file of this sweep"):
        sweep(square, {"x": [1]}, seeds=1, out=out)
    assert out.read_bytes() == content


@pytest.mark.slow
def test_two_hundred_points_killed_ten_times_are_those_of_an_undisturbed_sweep(tmp_path):
    server = mp.get_context("forkserver")
    server.set_forkserver_preload(["gapdyn"])
    chance = random.Random(0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for _ in range(10):
        before = killed.stat().st_size if killed.exists() else 0
        process = server.Process(target=two_hundred, args=(killed, 19))
        process.start()
        while process.is_alive() and (not killed.exists() or killed.stat().st_size <= before):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert 1 < len(lines(killed)) < 200
    with warnings.catch_warnings(action="ignore"):  # the last kill may have torn a line
        survivor = two_hundred(killed)
    assert len(survivor.points) == 200
    assert text(survivor) == text(two_hundred(whole))
    assert sorted(lines(killed)) == sorted(lines(whole))


def two_hundred(out, most=None):
    """A sweep of 200 points, or of `most` of them, slowly, and then none until it is killed."""
    set_budget(most)
    return sweep(measured, {"n": [2, 3, 4, 5], "d": [2, 3, 4, 5, 6]}, seeds=10, out=out)


def set_budget(most):
    global budget
    budget = most and iter(range(most))


def measured(n, d, seed):
    if budget is not None:
        time.sleep(0.005 if next(budget, None) is not None else 600)
    return gd.measure(*gd.sphere.sample(2 * n, d, seed).reshape(2, n, d)).to_dict()


def test_two_processes_do_not_write_one_file(tmp_path):
    out = tmp_path / "run"
    process = mp.get_context("spawn").Process(target=two_hundred, args=(out, 1))
    process.start()
    try:
        while not (out.exists() and len(lines(out)) == 2):
            time.sleep(0.01)
        with pytest.raises(OSError, match="another process"):
            two_hundred(out)
    finally:
        process.kill()
        process.join()
    assert len(two_hundred(out).points) == 200


def within(path, seed):
    """Sweeps into the file of the sweep that it is called by."""
    return sweep(square, {"x": [1]}, seeds=1, out=path).points[0].value


@pytest.mark.parametrize("pool", [HERE, THREADS])
def test_two_sweeps_of_one_process_do_not_write_one_file(tmp_path, pool):
    out, link = tmp_path / "run", tmp_path / "link"
    out.touch()
    link.hardlink_to(out)
    with pool() as executor, pytest.warns(RuntimeWarning, match="1 of 1 .* another sweep of this"):
        run = sweep(within, {"path": [str(link)]}, seeds=1, executor=executor, out=out)
    assert len(run.failures) == len(lines(out)) == 1
    assert len(sweep(square, {"x": [1]}, seeds=1, out=tmp_path / "new").points) == 1


def test_who_takes_the_lock_that_a_reader_dropped_stops_the_writer(tmp_path):
    out = tmp_path / "run"
    take = "import fcntl, sys; s = open(sys.argv[1], 'a'); fcntl.lockf(s, fcntl.LOCK_EX)"
    other = None

    def function(path, seed):
        nonlocal other
        Path(path).read_bytes()  # closes the file, which drops the locks of this process
        if seed == 1:
            run = [sys.executable, "-uc", f"{take}; print(); input()", path]
            other = subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            other.stdout.readline()
        return seed

    with pytest.raises(BlockingIOError, match="another process") as caught:
        sweep(function, {"path": [str(out)]}, seeds=3, out=out)
    other.communicate(b"\n")
    assert len(lines(out)) == 2 and len(caught.value.sweep.points) == 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_forked_during_a_sweep_can_sweep(tmp_path):
    threads, journal = sys.modules["gapdyn._threads"], sys.modules["gapdyn._journal"]
    with threads.ONE_THREAD.lock, journal.CLAIMS.lock:  # as another thread may have them
        child = mp.get_context("fork").Process(target=squares, args=(tmp_path / "run",))
        child.start()
    child.join(20)
    child.kill()
    assert child.exitcode == 0


def squares(out):
    assert len(sweep(square, {"x": [1, 2]}, seeds=1, out=out).points) == 2


@contextmanager
def at_most(size):
    """Files of this process end there, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("pool", [HERE, THREADS, MADE])
def test_a_full_disk_keeps_whole_lines_and_hands_over_the_rest(tmp_path, pool):
    out = tmp_path / "run"
    with pool() as executor:
        with at_most(400), pytest.raises(OSError) as caught:
            sweep(square, {"x": range(20)}, seeds=1, executor=executor, out=out)
        kept = len(lines(out)) - 1
        assert 0 < kept < 19
        assert caught.value.__notes__[0].startswith(f"{kept} of 20 points are in {out}")
        assert len(caught.value.sweep.points) == kept + 1
        run = sweep(square, {"x": range(20)}, seeds=1, executor=executor, out=out)  # none is torn
    assert [point.value for point in run.points] == [x * x for x in range(20)]
    with at_most(10), pytest.raises(OSError):
        sweep(square, {"x": [1]}, seeds=1, out=tmp_path / "other")


def test_a_file_that_is_deleted_during_the_sweep_is_missed(tmp_path):
    out = tmp_path / "run"

    def function(seed):
        if seed == 2:
            out.unlink()
        return seed

    with pytest.raises(FileNotFoundError, match="deleted") as caught:
        sweep(function, [{}], seeds=5, out=out)
    assert [point.value for point in caught.value.sweep.points] == [0, 1, 2]


# Failures.


@pytest.mark.parametrize("pool", [HERE, THREADS, spawning, OURS, DASK])
def test_a_failing_point_costs_itself_and_is_tried_again(tmp_path, pool):
    out, switch = tmp_path / "run", tmp_path / "switch"
    grid = {"switch": [str(switch)], "bad": [1]}
    with pool() as executor:
        with pytest.warns(RuntimeWarning, match="1 of 3 points failed .* seed 1: FileNotFound"):
            run = sweep(needing, grid, seeds=3, executor=executor, out=out)
        assert [point.value for point in run.points] == [0, 2]
        (failure,) = run.failures
        assert (failure.parameters, failure.seed) == ({"switch": str(switch), "bad": 1}, 1)
        assert failure.reason == f"FileNotFoundError: no {switch}"
        assert "in needing" in failure.traceback
        assert len(lines(out)) == 3
        switch.touch()
        run = sweep(needing, grid, seeds=3, executor=executor, out=out)
    assert [point.value for point in run.points] == [0, 1, 2]
    assert len(lines(out)) == 4


class UnpicklableError(Exception):
    """One that cannot be built from its text."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def awkward(seed):
    if seed == 1:
        raise UnpicklableError("this", "that")
    if seed == 2:
        sys.exit("bye")
    return seed


def test_an_exception_that_cannot_be_sent_costs_its_point_only():
    with spawning(1) as executor, pytest.warns(RuntimeWarning, match="2 of 4"):
        run = sweep(awkward, [{}], seeds=4, executor=executor)
    assert [failure.reason for failure in run.failures] == [
        "UnpicklableError: this and that",
        "SystemExit: bye",
    ]


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Panic(BaseException):
    """What extensions in Rust raise."""


def thrown(kind, seed):
    raise {"silent": SilentError, "panic": Panic, "exit": GeneratorExit}[kind]("why")


@pytest.mark.parametrize("pool", [HERE, THREADS, OURS])
def test_whatever_is_raised_costs_its_point_only(pool):
    with pool() as executor, pytest.warns(RuntimeWarning, match="3 of 3"):
        run = sweep(thrown, {"kind": ["silent", "panic", "exit"]}, seeds=1, executor=executor)
    reasons = [failure.reason for failure in run.failures]
    assert reasons == ["SilentError, whose text cannot be had", "Panic: why", "GeneratorExit: why"]


def test_an_integer_that_python_does_not_write_fails():
    with pytest.warns(RuntimeWarning, match="1 of 1 points failed .*4300 digits"):
        sweep(lambda seed: 10**5000, [{}], seeds=1)


def deadly(deaths, seed):
    """Kills its worker at some seeds."""
    if seed in deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return seed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pool", "deaths"),
    [(OURS, [3]), (MADE, [0, 1, 11])],  # also before any point has succeeded
    ids=["ours", "made"],
)
def test_a_killed_worker_costs_its_point_only(tmp_path, pool, deaths):
    out, grid = tmp_path / "run", {"deaths": [deaths]}
    with pool() as executor:
        with pytest.warns(
            RuntimeWarning, match=f"{len(deaths)} of 12 points failed .* BrokenProcessPool"
        ):
            run = sweep(deadly, grid, seeds=12, executor=executor, out=out)
        assert [failure.seed for failure in run.failures] == deaths
        assert [point.value for point in run.points] == [k for k in range(12) if k not in deaths]
        assert len(lines(out)) == 13 - len(deaths)
        with pytest.warns(RuntimeWarning, match=f"{len(deaths)} of 12"):
            assert text(sweep(deadly, grid, seeds=12, executor=executor, out=out)) == text(run)


def test_workers_that_cannot_start_end_the_sweep():
    pools = []

    def make():
        pools.append(FORKED(initializer=sys.exit))
        return pools[-1]

    with pytest.raises(ValueError, match="executor must have workers that start"):
        sweep(square, {"x": range(20)}, seeds=1, executor=make)
    assert len(pools) == 2


def test_a_function_of_a_session_without_a_file_is_refused(monkeypatch):
    session = types.ModuleType("__main__")
    exec("def f(x, seed): return x", vars(session))
    monkeypatch.setitem(sys.modules, "__main__", session)
    for function in (session.f, functools.partial(session.f)):
        with spawning() as executor, pytest.raises(ValueError, match="that new processes can imp"):
            sweep(function, {"x": [1]}, seeds=1, executor=executor)
    assert sweep(session.f, {"x": [1]}, seeds=1, executor=FORKED).points[0].value == 1


def test_an_executor_that_takes_nothing_is_refused():
    executor = Threads(1)
    executor.shutdown()
    with pytest.raises(ValueError, match="executor must take calls, it says RuntimeError: cannot"):
        sweep(square, {"x": [1]}, seeds=1, executor=executor)
    with pytest.raises(TypeError, match="executor must make a concurrent"):
        sweep(square, {"x": [1]}, seeds=1, executor=lambda: 4)


def test_a_given_pool_that_breaks_keeps_what_is_finished(tmp_path):
    out, grid = tmp_path / "run", {"deaths": [[3]]}
    with spawning(1) as executor, pytest.warns(RuntimeWarning, match="run again with the next"):
        run = sweep(deadly, grid, seeds=12, executor=executor, out=out)
    assert [point.value for point in run.points] == [0, 1, 2]
    assert [failure.seed for failure in run.failures] == list(range(3, 12))
    assert all("BrokenProcessPool" in failure.reason for failure in run.failures)
    with pytest.warns(RuntimeWarning, match="1 of 12"):
        run = sweep(deadly, grid, seeds=12, executor=2, out=out)
    assert [failure.seed for failure in run.failures] == [3]


class Breaking(Executor):
    """Runs two calls, loses the third, and takes no more."""

    def __init__(self):
        self.calls = itertools.count()

    def submit(self, function, /, *args, **kwargs):
        call = next(self.calls)
        if call > 2:
            raise BrokenExecutor("broken before")
        future = Future()
        if call < 2:
            future.set_result(function(*args))
        else:
            future.set_exception(BrokenExecutor("lost"))
        return future


def test_where_another_executor_breaks_the_rest_has_failed(tmp_path):
    with pytest.warns(RuntimeWarning, match="3 of 5 points failed"):
        run = sweep(square, {"x": range(5)}, seeds=1, executor=Breaking(), out=tmp_path / "run")
    assert [point.value for point in run.points] == [0, 1]
    assert {failure.reason for failure in run.failures} == {"BrokenExecutor: lost"}
    run = sweep(square, {"x": range(5)}, seeds=1, out=tmp_path / "run")
    assert [point.value for point in run.points] == [0, 1, 4, 9, 16]


def interrupting(path, seed):
    """Presses Ctrl-C at seed 5, when the others are on disk."""
    if seed == 5:
        while len(lines(Path(path))) < 6:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
    return seed


@pytest.mark.parametrize("pool", [nullcontext, functools.partial(Threads, 1)])
def test_an_interrupt_keeps_what_is_finished(tmp_path, pool):
    out = tmp_path / "run"
    with pool() as executor, pytest.raises(KeyboardInterrupt):
        sweep(interrupting, {"path": [str(out)]}, seeds=100, executor=executor, out=out)
    assert [json.loads(line)["seed"] for line in lines(out)[1:]] == [0, 1, 2, 3, 4]


def flowing(seed):
    model, y0 = make("free", gd.Scheduled(interrupted if seed == 2 else lambda t: 0.3))
    return gd.flow(model, y0, 5.0).gap[-1]


@pytest.mark.parametrize("pool", [HERE, THREADS, FORKED])
def test_an_interrupted_flow_stops_the_sweep(tmp_path, pool):
    out = tmp_path / "run"
    with pool() as executor, pytest.raises(KeyboardInterrupt) as caught:
        sweep(flowing, [{}], seeds=9, executor=executor, out=out)
    kept = len(lines(out)) - 1
    assert kept == len(caught.value.sweep.points) < 9
    assert 2 not in [point.seed for point in caught.value.sweep.points]
    assert caught.value.__notes__[0].startswith(f"{kept} of 9 points are in {out}, with which")
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(flowing, [{}], seeds=9)
    assert caught.value.__notes__ == ["2 of 9 points are computed; they are `sweep` of this error"]


def stubborn(path, seed):
    """Is quick at two seeds; at the others it neither ends nor hears of it."""
    if seed > 1:
        Path(path, str(os.getpid())).touch()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
    return seed


def exists(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.parametrize("executor", [2, FORKED, spawning, FORKED()], ids=["2", "f", "s", "given"])
def test_ctrl_c_ends_a_sweep_whose_workers_do_not_hear_it(tmp_path, executor):
    marks, out = tmp_path / "marks", tmp_path / "run"
    marks.mkdir()

    def press():
        while len([*marks.iterdir()]) < 2 or len(lines(out)) < 3:
            time.sleep(0.01)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    pressed = []
    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(stubborn, {"path": [str(marks)]}, seeds=9, executor=executor, out=out)
    assert time.monotonic() < pressed[0] + 2
    assert caught.value.__notes__[0].startswith(f"2 of 9 points are in {out}")
    workers = [int(mark.name) for mark in marks.iterdir()]
    if isinstance(executor, Executor):  # the caller's: running calls are the caller's too
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        executor.shutdown()
    assert not any(map(exists, workers))


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("kind", "number"), [("2", "KILL"), ("forkserver", "TERM"), ("factory", "INT")]
)
def test_a_killed_sweep_loses_no_point_and_leaves_no_worker(kind, number):
    number, whole = kill_sweeps.SIGNALS[number], kill_sweeps.undisturbed()
    wrong, *_ = kill_sweeps.kill_once(kind, number, random.Random(0), whole)
    assert not wrong


def test_damaged_files_give_the_same_points_or_are_refused():
    ends = kill_sweeps.mutated(100, random.Random(1))
    assert {*ends} <= {"refused", "same", "same, points recomputed"} and ends.total() == 100


def test_an_interrupt_cancels_what_waits():
    class Interrupted(Executor):
        """Starts nothing; Ctrl-C at the third call."""

        waiting = ()

        def submit(self, function, /, *args, **kwargs):
            if len(self.waiting) == 2:
                raise KeyboardInterrupt
            self.waiting = (*self.waiting, Future())
            return self.waiting[-1]

    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        sweep(square, {"x": range(9)}, seeds=1, executor=executor)
    assert [future.cancelled() for future in executor.waiting] == [True, True]


def test_results_can_be_pickled():
    run = sweep(square, {"x": [1, 2]}, seeds=2)
    assert text(pickle.loads(pickle.dumps(run))) == text(run)


def test_progress_shows_a_bar_on_stderr(capsys):
    with pytest.warns(RuntimeWarning, match="1 of 3"):
        gd.sweep(awkward, [{}], seeds=[0, 2, 3])
    shown = capsys.readouterr()
    assert "3/3" in shown.err
    assert "failed=1" in shown.err
    sweep(square, {"x": [1]}, seeds=1)
    assert capsys.readouterr() == ("", "")


# Wrong input.


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"function": "square"}, TypeError, "function must be callable"),
        ({"function": lambda y, seed: 0}, TypeError, "function must take x, seed"),
        ({"function": lambda x: 0}, TypeError, "function must take x, seed"),
        ({"grid": {}}, ValueError, "grid must have a point"),
        ({"grid": {"x": []}}, ValueError, "grid must have a point"),
        ({"grid": {"x": "abc"}}, TypeError, "grid must map names to sequences"),
        ({"grid": {"x": [1], "seed": [2]}}, ValueError, "other than the seed"),
        ({"grid": [{1: 2}]}, ValueError, "grid must name parameters"),
        ({"grid": [1, 2]}, TypeError, "grid must be a mapping or a sequence"),
        ({"grid": {"x": [1, 2, 1]}}, ValueError, "no point twice"),
        ({"grid": {"x": np.array(1)}}, TypeError, "grid must map names to sequences"),
        ({"grid": {"x": (x for x in [1])}}, TypeError, "grid must map names to sequences"),
        ({"grid": {"x": [10**5000]}}, ValueError, "that JSON can hold"),
        ({"grid": {"x": range(10**12)}}, ValueError, "at most 1,000,000 points"),
        ({"grid": {"x": range(2000)}, "seeds": 501}, ValueError, "points, got 2000 x 501"),
        ({"seeds": 2**63}, ValueError, "at most 1,000,000 points"),
        ({"seeds": 10**5000}, ValueError, "at most 1,000,000 points"),
        ({"seeds": range(2**70)}, ValueError, "at most 1,000,000 points"),
        ({"seeds": [10**5000]}, ValueError, "that JSON can hold"),
        ({"seeds": np.array(3)}, TypeError, "seeds must be an integer"),
        ({"grid": Unshown()}, TypeError, "grid must be a mapping or a sequence"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"seeds": []}, ValueError, "seeds must hold at least one"),
        ({"seeds": [-1]}, ValueError, "each of seeds must be at least 0"),
        ({"seeds": [1, 1]}, ValueError, "no point twice"),
        ({"seeds": [0.5]}, TypeError, "each of seeds must be an integer"),
        ({"seeds": "12"}, TypeError, "seeds must be an integer"),
        ({"executor": True}, TypeError, "or a number of processes, got True"),
        ({"executor": 0, "function": square}, ValueError, "executor must be at least 1"),
        ({"executor": "4"}, TypeError, "executor must be a concurrent.futures"),
        ({"executor": Threads(1)}, ValueError, "function must be one that can be pickled"),
        ({"out": "missing/run"}, FileNotFoundError, "out wants a file in an existing folder"),
        ({"out": "."}, IsADirectoryError, "out wants a file"),
        ({"out": os.devnull}, ValueError, "keeps what it is given"),
    ],
)
def test_wrong_input_is_refused_before_anything_runs(changes, error, message, tmp_path):
    calls, out = [], tmp_path / "run"

    def local(x, seed):
        calls.append(x)

    arguments = {"function": local, "grid": {"x": [1]}, "seeds": 1, "out": out} | changes
    with pytest.raises(error, match=message):
        sweep(**arguments)
    assert not calls and not out.exists()


def test_what_has_no_name_is_refused_with_a_file(tmp_path):
    class Model:
        def value(self, x, seed):
            return x

    for function in (lambda x, seed: x, functools.partial(square), Model().value):
        with pytest.raises(ValueError, match="known by its name in out"):
            sweep(function, {"x": [1]}, seeds=1, out=tmp_path / "run")
        assert sweep(function, {"x": [1]}, seeds=1).points[0].value == 1
