"""Damaged files: they are refused, or read as what they were, and never loaded to fail later."""

import json
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from fuzz.law import outcome, same
from fuzz.strategies import odd, runs, seeds
from fuzz.table import point
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn import embeddings, readers
from gapdyn.validate import has_masked

pytestmark = pytest.mark.usefixtures("elsewhere")


@st.composite
def damaged(draw, content):
    """A file after flipped bits, a torn end, or bytes that are lost, doubled or put in."""
    content, rng = bytearray(content), np.random.default_rng(draw(seeds))
    for _ in range(draw(st.integers(1, 3))):
        start = int(rng.integers(len(content) + 1))
        end = start + int(rng.choice([1, 2, 8, 100]))
        match draw(st.sampled_from(["flip", "flip", "tear", "lose", "double", "insert"])):
            case "flip" if content:
                content[start % len(content)] ^= 1 << int(rng.integers(8))
            case "tear":
                del content[start:]
            case "lose":
                del content[start:end]
            case "double":
                content[start:start] = content[start:end]
            case "insert":
                content[start:start] = rng.bytes(end - start)
    return bytes(content)


names = st.sampled_from(["array", "FreeModel", "FrozenModel", "Learned", "Fixed", "HardSwap", "os"])
specs = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | names,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(names, inner, inner).map(list)
        | st.dictionaries(st.sampled_from(["n", "budget", "tau"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@st.composite
def changed(draw, path):
    """A saved run of which an array or a specification is another, written anew."""
    with np.load(path) as stored:
        arrays = dict(stored)
    name = draw(st.sampled_from(sorted(arrays)))
    if name in ("model", "solver", "swap"):
        arrays[name] = np.array(json.dumps(draw(specs)))
    else:
        arrays[name] = draw(st.none() | odd(arrays[name]))
    with suppress(ValueError, TypeError, NotImplementedError):  # what no file can hold
        np.savez(path, **{key: plain(array) for key, array in arrays.items() if array is not None})
    return f"{name} = {arrays[name]!r}"


def plain(thing):
    """What NumPy writes without pickling it, or a ValueError; of a masked array, all entries."""
    if isinstance(thing, list) and has_masked(thing, 1):  # it is NaN with a warning, or an error
        raise ValueError
    array = np.asarray(thing)
    if array.dtype.hasobject:
        raise ValueError
    return array


def obeys(path):
    """A file loads or is refused, and a trajectory that loads can be used."""
    run = outcome(gd.Trajectory.load, {"path": path})
    outcome(readers.read_arrays, {"source": path})
    if isinstance(run, gd.Trajectory):
        outcome(gd.Trajectory.at, {"self": run, "t": float(run.t[0] / 2 + run.t[-1] / 2)})
        outcome(gd.Trajectory.to_csv, {"self": run, "path": "run.csv"})
        assert repr(run)


@contextmanager
def told(change):
    """Add to a failure what was done to the file."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"the file was changed: {change}")
        raise


@pytest.mark.parametrize("how", ["bytes", "arrays"])
def test_saved_runs(how, examples):
    @examples(5)
    @given(runs(), st.data())
    def refused_or_read(run, data):
        path = Path("run.npz")
        run.save(path)
        if how == "bytes":
            change = data.draw(damaged(path.read_bytes()))
            path.write_bytes(change)
        else:
            change = data.draw(changed(path))
        with told(change):
            obeys(path)

    refused_or_read()


def test_arrays(examples):
    @examples(5)
    @given(st.data())
    def refused_or_read(data):
        np.save("rows.npy", np.ones((2, 2, 3)))
        path = Path("rows.npy")
        change = data.draw(damaged(path.read_bytes()))
        path.write_bytes(change)
        with told(change):
            outcome(readers.read_arrays, {"source": path})
            outcome(embeddings.read_pairs, {"files": path})

    refused_or_read()


@pytest.mark.parametrize("kind", ["safetensors", "parquet"])
def test_files_of_other_formats(kind, examples):
    X, Y = np.eye(4), np.eye(4)[::-1].copy()
    if kind == "safetensors":
        library = pytest.importorskip("safetensors.numpy", reason="no extra formats")
        content = library.save({"x": X, "y": Y})
    else:
        arrow = pytest.importorskip("pyarrow", reason="no extra formats")
        sink = arrow.BufferOutputStream()
        table = arrow.table({"x": X.tolist(), "y": Y.tolist()})
        pytest.importorskip("pyarrow.parquet").write_table(table, sink)
        content = sink.getvalue().to_pybytes()

    @examples(5)
    @given(damaged(content))
    def refused_or_read(other):
        Path("rows").write_bytes(other)
        with told(other):
            outcome(embeddings.read_pairs, {"files": Path("rows")})

    refused_or_read()


def test_journals(examples):
    """A point that was written is read as it was, or refused."""
    arguments = {"function": point, "grid": {"n": [1.5, 2.5]}, "seeds": 3, "progress": False}
    wanted = gd.sweep(**arguments, out="sweep.jsonl")
    content = Path("sweep.jsonl").read_bytes()

    @examples(5)
    @given(damaged(content))
    def refused_or_read(other):
        Path("sweep.jsonl").write_bytes(other)
        found = outcome(gd.sweep, {**arguments, "out": "sweep.jsonl"})
        if not isinstance(found, Exception):
            assert same(wanted, found), f"{found.points} of {other!r}"

    refused_or_read()
