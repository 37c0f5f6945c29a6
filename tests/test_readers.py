"""Files of arrays are read as they were written, or said to be what they are."""

import io
import os
import pickle
import random
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import cli
from gapdyn.embeddings import read_pairs
from gapdyn.readers import read_arrays

REPOSITORY = Path(__file__).resolve().parents[1]
BOTH = np.stack([gd.sphere.sample(6, 4, 0), gd.sphere.sample(6, 4, 1)])


def npy(array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


def npz(save=np.savez, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


def header(descr="'<f8'", shape="(2, 6, 4)", fortran="False"):
    """An npy file of the size of BOTH under any header."""
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text += " " * (117 - len(text)) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode("latin-1") + BOTH.tobytes()


def zipped(name, data=b""):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def member(change, name="x", save=np.savez):
    """An npz file in whose directory the entry of one array is changed."""
    data = bytearray(npz(save, x=BOTH[0], y=BOTH[1]))
    place = data.rindex(b"PK\1\2", 0, data.rindex(f"{name}.npy".encode()))
    change(data, place)
    return bytes(data)


def put(offset, form, value):
    return lambda data, place: struct.pack_into(form, data, place + offset, value)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "f4", "f2", "i8", "?", "c16", "U3", "S3"])
@pytest.mark.parametrize(
    ("shape", "order"),
    [((), "C"), ((1,), "C"), ((0,), "C"), ((3, 4), "F"), ((0, 2), "F"), ((2, 3, 4), "C")],
)
def test_arrays_are_read_as_they_were_written(tmp_path, shape, order, dtype):
    array = np.asarray(np.random.default_rng(0).normal(size=shape) * 9).astype(dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    found = [*read_arrays(tmp_path / "a.npy").items()]
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", b=array, a=array)
        found += read_arrays(tmp_path / "a.npz").items()
    assert [name for name, _ in found] == ["", "b", "a", "b", "a"]
    for _, again in found:
        assert again.dtype == array.dtype and again.shape == shape
        assert again.tobytes() == array.tobytes()


def test_a_large_file_is_mapped_and_not_read(tmp_path):
    np.save(tmp_path / "a.npy", BOTH)
    assert isinstance(read_arrays(tmp_path / "a.npy")[""], np.memmap)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "data",
    [
        npy(BOTH, (2, 0)),
        npy(BOTH, (3, 0)),
        header(shape="(2L, 6L, 4L)"),
        header('"<f8"', "(2,6,4)"),
        b"\x93NUMPY\1\0\x46\0"
        + b"{'shape': (2, 6, 4), 'descr': '<f8', 'fortran_order': False}".ljust(70)
        + BOTH.tobytes(),
    ],
    ids=["version 2", "version 3", "Python 2", "other quotes", "other order"],
)  # fmt: skip
def test_every_way_to_write_a_header_is_read(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npy")[""], BOTH)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


UNREADABLE = [
    (b"", "it is empty"),
    (LFS, "it is a Git LFS pointer; git lfs pull fetches"),
    (pickle.dumps({"a": 1}), "it is a pickle"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "it is a PyTorch file"),
    (zipped("archive/data.pkl"), "it is a PyTorch file"),
    (b"a,b\n0.1,0.2\n", "it is text, such as CSV"),
    ("größe;länge\n1;2\n".encode(), "it is text, such as CSV"),
    (b"\n<!DOCTYPE html>\n<html>", "it is HTML"),
    (b"<HTML><body>", "it is HTML"),
    (struct.pack("<Q", 60) + b'{"x":{"dtype":"F32"', "it is a safetensors file"),
    (b"PAR1\x15\x04", "it is a Parquet file"),
    (b"\x89HDF\r\n\x1a\n\0", "it is an HDF5 file"),
    (b"\x1f\x8b\x08\0", "it is compressed; decompress it first"),
    (b"\0\1\2\3", "it is of another kind"),
    (npz(a=np.zeros(3))[:-30], "it is damaged: File is not a zip file"),
    (npy(BOTH)[:-1], r"it is damaged: an array of shape \(2, 6, 4\) and type float64 has 384"),
    (npy(BOTH) + b"\0", "has 384 bytes, here are 385"),
    (npy(BOTH)[:50], "it is damaged: the header"),
    (npy(BOTH)[:7], "it is damaged, or of an unknown version"),
    (npy(BOTH, (1, 0)).replace(b"\1\0", b"\x09\0", 1), "of an unknown version"),
    (npy(np.zeros((2, 6, 4), "V1")), r"it holds \|V1, as NumPy stores 8-bit floats"),
    (header("'|O'"), "it holds Python objects, which could run code"),
    (npy(np.zeros(3, "f8,i4")), r"it holds \[\('f0', '<f8'\), .* no plain numbers"),
    (npy(np.zeros(3, "M8[s]")), r"it holds <M8\[s\], which are no plain numbers"),
    (header("'<f3'"), "it is damaged: data type '<f3' not understood"),
    (header("'<U999999999'"), "it is damaged: "),
    (header("'<f8"), "it is damaged: the header"),
    (header(shape="(2, 6, 4"), "it is damaged: the header"),
    (header(shape="(2, -6, -4)"), "it is damaged: the header"),
    (header(shape="(((("), "it is damaged: the header"),
    (header(shape="(1000000000000000,)"), "has 8000000000000000 bytes, here are 384"),
    (header(shape=f"({'9' * 60},)"), "it is damaged: an array of shape"),
    (header(shape=f"(48, {'1,' * 80})"), "it is damaged: "),
    (header(fortran="Maybe"), "it is damaged: the header"),
    (zipped("x.npy", header(shape="(2, 6, 9)")), "has 864 bytes, here are 384"),
    (npz(x=BOTH).replace(BOTH.tobytes(), (-BOTH).tobytes()), "damaged: Bad CRC-32 for file 'x"),
    (member(put(8, "<H", 1)), "it is encrypted"),
    (member(put(8, "<H", 1 << 6)), "it is damaged: "),
    (member(put(10, "<H", 14)), "it is compressed by a method that NumPy does not use"),
    (member(put(24, "<I", 2**32 - 2)), r"\d+ bytes cannot hold 429496\d+"),
    (member(put(24, "<I", 1)), "it is damaged: "),
    (member(put(42, "<I", 2**31)), "it is damaged: "),
    (member(put(46, "<c", b"y")), "it is damaged: "),
    (zipped("a.txt"), r"it is a zip archive of other files than arrays: \['a.txt'\]"),
    (npz(), "it is a zip archive of other files than arrays"),
]


@pytest.mark.parametrize(("data", "says"), UNREADABLE, ids=[says for _, says in UNREADABLE])
def test_what_cannot_be_read_is_called_what_it_is(tmp_path, monkeypatch, data, says):
    monkeypatch.chdir(tmp_path)
    Path("a.npy").write_bytes(data)
    with pytest.raises(
        ValueError, match=f"a.npy is not a readable .* of numbers: .*{says}"
    ) as error:
        read_arrays("a.npy")
    assert "\n" not in str(error.value)


def test_a_damaged_compressed_array_is_found_by_its_checksum(tmp_path):
    """Where a byte of a compressed array is changed, it is refused, or was of no importance."""
    data, rng = npz(np.savez_compressed, x=BOTH), random.Random(0)
    refused = 0
    for _ in range(100):
        k = rng.randrange(len(data))
        (tmp_path / "a.npz").write_bytes(data[:k] + bytes([data[k] ^ 1 << k % 8]) + data[k + 1 :])
        try:
            found = read_arrays(tmp_path / "a.npz")["x"]
        except ValueError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, BOTH)
    assert refused > 60


def piped(data, read):
    """What `read` makes of the number of a descriptor through which data come."""
    out, into = os.pipe()

    def feed():
        with os.fdopen(into, "wb") as stream:
            stream.write(data)

    with ThreadPoolExecutor() as pool, os.fdopen(out, "rb"):
        pool.submit(feed)
        return read(out)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="pipes have no names here")
@pytest.mark.parametrize("data", [npy(BOTH), npz(x=BOTH[0], y=BOTH[1])], ids=["npy", "npz"])
def test_what_comes_through_a_pipe_is_read(data):
    """As `gapdyn measure <(cat both.npy)` gives it."""
    for read in (lambda k: read_pairs(f"/dev/fd/{k}")[:2], lambda k: read_arrays(k).values()):
        np.testing.assert_array_equal(np.concatenate([*piped(data, read)]).reshape(2, 6, 4), BOTH)
    with pytest.raises(ValueError, match="an array of shape"):
        piped(npy(BOTH)[:-1], read_arrays)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_that_never_ends_is_refused_at_once():
    with pytest.raises(ValueError, match="/dev/zero is not a readable"):
        read_arrays("/dev/zero")


def test_a_file_that_is_open_is_read_and_stays_open(tmp_path):
    np.save(tmp_path / "both.npy", BOTH)
    with (tmp_path / "both.npy").open("rb") as stream:
        np.testing.assert_array_equal(read_arrays(stream.fileno())[""], BOTH)
        assert stream.seek(0) == 0
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open("rb") as stream:
        number = stream.fileno()
        with pytest.raises(ValueError, match=f"source {number} is not .* it is empty"):
            read_arrays(number)


def test_a_dash_is_standard_input(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "gapdyn", "measure", "--json", "-"]
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, input=npy(BOTH), capture_output=True, cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f'"gap": {gd.measure(*BOTH).gap!r}'.encode() in done.stdout


def test_standard_input_is_one_file(capsys):
    assert cli.main(["measure", "-", "-"]) == 2
    assert "FILE may be -, which is standard input, once" in capsys.readouterr().err


def test_a_negative_file_descriptor_is_refused_by_name():
    with pytest.raises(ValueError, match="source must be a path or the number of an open file"):
        read_arrays(-1)
