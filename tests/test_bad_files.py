"""Files that are no embeddings: each is refused in one line that says what it is, with status 2."""

import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import scipy.io

import gapdyn as gd
from gapdyn import _formats, _memory, cli
from gapdyn.embeddings import read_pairs

X, Y = gd.sphere.sample(6, 4, 0), gd.sphere.sample(6, 4, 1)
BOTH = np.stack([X, Y])


def made(save, *arrays, **named):
    """What a function of NumPy writes."""
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


def npy(array):
    return made(np.save, array)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return stream.getvalue()


def table(rows, delimiter, head=""):
    return head.encode() + made(np.savetxt, rows, delimiter=delimiter)


def tar(name, data):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def encrypted(data):
    """An npz file whose directory says so."""
    data = bytearray(data)
    data[data.rindex(b"PK\1\2") + 8] |= 1
    return bytes(data)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."

KINDS = {
    "empty.npy": (b"", "it is empty"),
    "pointer.npy": (LFS, "it is a Git LFS pointer; git lfs pull fetches the file"),
    "annex.npy": (b"/annex/objects/SHA256E-s1--4d.npy\n", "git annex get fetches the file"),
    "old.pt": (TORCH, 'it is a PyTorch file; this converts it: python -c "import numpy, torch; nu'),
    "new.pt": (
        zipped(archive__data_dot_pkl=b""),
        "numpy.save('new.npy', torch.load('new.pt', 'cpu')",
    ),
    "state.pth": (zipped(state__data_dot_pkl=b"", state__data__0=b""), "it is a PyTorch file"),
    "rows.pkl": (
        pickle.dumps(BOTH),
        "it is a pickle, which could run code; if you trust it, this converts it: pyth",
    ),
    "rows.csv": (table(X, ","), "numpy.save('rows.npy', numpy.loadtxt('rows.csv', delimiter=','))"),
    "head.csv": (
        table(X, ",", "a,b,c,d\n"),
        "numpy.loadtxt('head.csv', delimiter=',', skiprows=1)",
    ),
    "rows.tsv": (table(X, "\t"), r"numpy.loadtxt('rows.tsv', delimiter='\t')"),
    "long.csv": (table(np.ones((2, 512)), ","), "numpy.loadtxt('long.csv', delimiter=','))"),
    "semi.csv": (table(X, ";"), "numpy.loadtxt('semi.csv', delimiter=';')"),
    "rows.txt": (table(X, " "), 'it is text, such as CSV; this converts it: python -c "import nu'),
    "ding größe.csv": (table(X, ","), "numpy.loadtxt('FILE', delimiter=',')"),
    "rows.json": (
        json.dumps(X.tolist()).encode(),
        'it is JSON; this converts it: python -c "impor',
    ),
    "lines.jsonl": (b'{"x": [0.5, 1.0]}\n', "it is JSON"),
    "page.npy": (b"\n<!DOCTYPE html>\n<html>", "it is HTML, perhaps of the page it was downloaded"),
    "rows.h5": (b"\x89HDF\r\n\x1a\n\0", "numpy.save('rows.npy', h5py.File('rows.h5')['KEY'][:])"),
    "rows.feather": (
        b"ARROW1\0\0\xff",
        'it is an Arrow file; this converts it: python -c "from py',
    ),
    "rows.mat": (b"MATLAB 5.0 MAT-file, Platform: \0", "scipy.io.loadmat('rows.mat')['KEY'])"),
    "rows.npy.gz": (b"\x1f\x8b\x08\0", "it is compressed; decompress it first"),
    "rows.npy.zst": (b"\x28\xb5\x2f\xfd\0", "it is compressed; decompress it first"),
    "rows.tar": (tar("img_emb_0.npy", npy(X)), "it is a tar archive; unpack it first"),
    "rows.7z": (b"7z\xbc\xaf\x27\x1c\0", "it is an archive; unpack it first"),
    "model.gguf": (b"GGUF\3\0\0\0", "it is a GGUF model, not embeddings"),
    "rows.db": (b"SQLite format 3\0", "it is an SQLite database"),
    "cat.jpg": (b"\xff\xd8\xff\xe0\0", "it is a picture"),
    "paper.pdf": (b"%PDF-1.7\n", "it is a PDF"),
    "rows.bin": (b"\0\1\2\3", "it is of another kind"),
    "torn.npy": (
        npy(BOTH)[:-1],
        "an array of shape (2, 6, 4) and type float64 has 384 bytes, here",
    ),
    "long.npy": (npy(BOTH) + b"\0", "has 384 bytes, here are 385"),
    "cut.npy": (npy(BOTH)[:50], "it is damaged: the header of an array cannot be read"),
    "version.npy": (npy(BOTH).replace(b"\1\0", b"\x09\0", 1), "or of an unknown version"),
    "huge.npy": (
        npy(BOTH).replace(b"(2, 6, 4), }" + b" " * 12, b"(2, 9000000000, 64), }  "),
        "and type float64 has 9216000000000 bytes, here are 384",
    ),
    "negative.npy": (npy(BOTH).replace(b"(2, 6, 4)", b"(2,-6,-4)"), "it is damaged: the header"),
    "objects.npy": (
        npy(np.array([[1.0], [2.0]], dtype=object)),
        "which could run code; if you trust it, this converts it",
    ),
    "records.npy": (npy(np.zeros(3, "f8,i4")), "which are no plain numbers"),
    "dates.npy": (npy(np.zeros((2, 3, 4), "M8[s]")), "it holds <M8[s], which are no plain numbers"),
    "eight.npy": (npy(np.zeros((2, 6, 4), "V1")), "it holds |V1, as NumPy stores 8-bit floats"),
    "torn.npz": (made(np.savez, x=X, y=Y)[:-30], "it is damaged: File is not a zip file"),
    "flipped.npz": (
        made(np.savez, x=X, y=Y).replace(X.tobytes(), (-X).tobytes()),
        "it is damaged: Bad CRC-32 for file 'x.npy'",
    ),
    "locked.npz": (encrypted(made(np.savez, x=X)), "it is encrypted"),
    "none.npz": (made(np.savez), "it is a zip archive of other files than arrays"),
    "pictures.zip": (
        zipped(cat_dot_jpg=b"\xff\xd8\xff"),
        "of other files than arrays: ['cat.jpg']",
    ),
    "damaged.safetensors": (struct.pack("<Q", 60) + b'{"x":{"dtype', "it is a safetensors file"),
    "damaged.parquet": (b"PAR1\x15\x04", "it is a Parquet file"),
}
"""What each file holds, and what is said of it."""

SHAPES = {
    "one_axis.npy": (X[0], "one_axis.npy must have shape (2, n, d), it has (4,)"),
    "number.npy": (np.array(1.5), "number.npy must have shape (2, n, d), it has ()"),
    "flat.npy": (X, "it has (6, 4); give the file of the other modality too"),
    "three.npy": (np.ones((3, 4, 5)), "three.npy must have shape (2, n, d), it has (3, 4, 5)"),
    "four.npy": (BOTH[None], "four.npy must have shape (2, n, d), it has (1, 2, 6, 4)"),
    "two_pairs.npy": (BOTH[:, :2], "(2, 2, 4), could be 2nd or n2d; --layout says which"),
    "last.npy": (3 * BOTH.T[1:], "(3, 6, 2), could be nd2 or dn2; --layout says which"),
    "integer.npy": (np.ones((2, 4, 5), int), "x must hold real floating-point numbers, got int64"),
    "bytes.npy": (np.ones((2, 4, 5), "u1"), "x must hold real floating-point numbers, got uint8"),
    "complex.npy": (BOTH + 0j, "x must hold real floating-point numbers, got complex128"),
    "words.npy": (BOTH.astype("U8"), "x must hold real floating-point numbers, got <U8"),
    "truth.npy": (BOTH > 0, "x must hold real floating-point numbers, got bool"),
    "nan.npy": (np.where(BOTH == Y[3, 2], np.nan, BOTH), "y must be finite, got nan at (3, 2)"),
    "inf.npy": (np.where(BOTH == X[0, 1], np.inf, BOTH), "x must be finite, got inf at (0, 1)"),
    "zero.npy": (BOTH * (np.arange(6) != 4)[:, None], "x must have no row of zero length, row 4"),
    "pair.npy": (BOTH[:, :1], "number of rows of x must be at least 2, got 1"),
    "line.npy": (BOTH[:, :, :1], "dimension of x must be at least 2, got 1"),
    "no_rows.npy": (BOTH[:, :0], "number of rows of x must be at least 2, got 0"),
}
"""Arrays, and what is said of them."""

COMMANDS = {
    "missing.npy": "there is no file missing.npy",
    "link.npy": "there is no file link.npy",
    "loop.npy": "there is no file loop.npy",
    ". x.npy x.npy": "files must be one or two, got 3",
    "- -": "FILE may be -, which is standard input, once",
    "": "the following arguments are required: FILE",
    "x.npy short.npy": "X and Y must have one shape, got (6, 4) and (3, 4)",
    "x.npy narrow.npy": "X and Y must have one shape, got (6, 4) and (6, 3)",
    "far.npy turned.npy": "of which one is transposed; --layout nd,dn or dn,nd says which",
    "x.npy both.npz": "where two are given, both.npz has x (6, 4), y (6, 4); --y names the one",
    "captions.npz short.npy": "captions.npz, shape (5, 2, 4), must hold captions of short.npy",
    "captions.npz captions.npz": "one of two arrays may have three axes",
    "x.npy x.npy --layout 2nd": "--layout 2nd does not fit x.npy, which has shape (6, 4)",
    "both.npy --layout n2d": "--layout n2d does not fit both.npy, which has shape (2, 6, 4)",
    "both.npy --layout xyz": "--layout must be 2nd, nd or nkd in some order, got 'xyz'",
    "both.npy --layout 2nd,2nd": "--layout must be one for each array, got '2nd,2nd' for 1",
    "three.npz": "three.npz must hold two arrays, it has 3: a (6, 4), b (6, 4), c (6, 4); --x and",
    "three.npz --x a": "three.npz must hold two arrays, it has 3: a (6, 4), b (6, 4), c (6, 4)",
    "three.npz --x a --y a": "--x and --y must name two arrays, both are a",
    "three.npz --x a --y d": "--y must be an array of three.npz, which has a, b, c, got d",
    "both.npz --x images": "--x must be an array of both.npz, which has x, y, got images",
    "long.npz --x image": "which has images, texts, got image, did you mean images?",
    "both.npy --x a": "--x must be an array of both.npy, which has one array without a name, got a",
    ".": ". is a folder; it must hold the folders img_emb and text_emb, as clip-retrieval writes",
    "half": "half is a folder; it must hold the folders img_emb and text_emb",
    "bare x.npy": "bare is a folder without shards (files .npy, .safetensors, .parquet)",
    "mixed x.npy": "mixed must hold shards of one name and different numbers, as img_emb_0.npy, it",
    "twice x.npy": "twice has two shards of one number",
    "lost": "lost/text_emb has no shard that belongs to lost/img_emb/img_emb_1.npy",
    "fewer": "fewer/img_emb/img_emb_1.npy has 3 and fewer/text_emb/text_emb_1.npy 2",
    "wide x.npy": "wide/part_1.npy must have shape (n, d) as the other shards have, it has (3, 3)",
    "torn x.npy": "torn/part_1.npy is not a readable file of numbers: it is damaged",
    "whole x.npy": "whole/part_0.npy must hold floating-point numbers, it has int64",
    "objects x.npy": "objects/part_1.npy is not a readable file of numbers: it holds Python ob",
}
"""Arguments of `gapdyn measure`, and what is said of them."""


def folder(name, **arrays):
    """A folder of shards."""
    Path(name).mkdir(parents=True)
    for shard, array in arrays.items():
        data = array if isinstance(array, bytes) else npy(array)
        (Path(name) / f"{shard}.npy").write_bytes(data)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with all of them."""
    place, before = tmp_path_factory.mktemp("bad"), Path.cwd()
    os.chdir(place)
    for name, (data, _) in KINDS.items():
        Path(name).write_bytes(data)
    for name, (array, _) in SHAPES.items():
        np.save(name, array)
    good = {"x": X, "both": BOTH, "short": Y[:3], "narrow": Y[:, :3], "far": 3 * X}
    for name, array in {**good, "turned": 3 * Y.T}.items():
        np.save(f"{name}.npy", array)
    np.savez("both.npz", x=X, y=Y)
    np.savez("long.npz", images=X, texts=Y)
    np.savez("three.npz", a=X, b=Y, c=X)
    np.savez("captions.npz", np.stack([X, Y], axis=1)[:5])
    Path("link.npy").symlink_to("nowhere.npy")
    Path("loop.npy").symlink_to("loop.npy")
    folder("half/img_emb", img_emb_0=X)
    Path("bare").mkdir()
    folder("mixed", img_emb_0=X, text_emb_1=Y)
    folder("twice", part_1=X, part_01=X)
    folder("lost/img_emb", img_emb_0=X[:3], img_emb_1=X[3:])
    folder("lost/text_emb", text_emb_0=Y[:3])
    folder("fewer/img_emb", img_emb_0=X[:3], img_emb_1=X[3:])
    folder("fewer/text_emb", text_emb_0=Y[:3], text_emb_1=Y[4:])
    folder("wide", part_0=X[:3], part_1=X[3:, :3])
    folder("torn", part_0=X[:3], part_1=npy(X[3:])[:-8])
    folder("whole", part_0=np.ones((3, 4), int), part_1=np.ones((3, 4), int))
    folder("objects", part_0=X[:3], part_1=KINDS["objects.npy"][0])
    yield place
    os.chdir(before)


def refused(arguments, capsys):
    """The one line that `gapdyn measure` says of bad input."""
    try:
        status = cli.main(["measure", *arguments])
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "") and shown.err.count("\n") == 1, shown.err
    return shown.err


BAD = [([name], says) for name, (_, says) in (KINDS | SHAPES).items()]
BAD += [(arguments.split(), says) for arguments, says in COMMANDS.items()]


@pytest.mark.parametrize("name", ["dict.npy", "dict.pkl"])
def test_the_line_that_converts_a_dictionary_does_so(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    held = {"image": X, "text": Y}
    if name.endswith(".npy"):
        np.save(name, held, allow_pickle=True)
    else:
        Path(name).write_bytes(pickle.dumps(held))
    assert cli.main(["measure", name]) == 2
    code = capsys.readouterr().err.partition('python -c "')[2].rstrip().removesuffix('"')
    exec(code, {})
    (made,) = (path for path in tmp_path.iterdir() if path.name != name)
    assert cli.main(["measure", made.name]) == 0


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=[" ".join(given) for given, _ in BAD])
def test_bad_input_is_refused_in_one_line_with_status_2(
    place, monkeypatch, capsys, arguments, says
):
    monkeypatch.chdir(place)
    line = refused(arguments, capsys)
    assert line.startswith("gapdyn measure: error: ") and says in line


def test_there_are_more_than_sixty():
    assert len(BAD) > 60


def arrow_tables():
    """Parquet files that hold no embeddings, and what is said of them."""
    arrow = pytest.importorskip("pyarrow", reason="the extra formats is not installed")
    lists = X.tolist()
    yield arrow.table({"x": lists, "y": [*lists[:5], [1.0]]}), "lists in its column y differ in len"
    yield arrow.table({"x": lists, "y": [*lists[:5], None]}), "lists in its column y differ in leng"
    hole = [*lists[:5], [None, *lists[5][1:]]]
    yield arrow.table({"x": lists, "y": hole}), "there are nulls in its column y"
    yield arrow.table({"a": ["cat"] * 6, "b": range(6)}), "no column of lists of numbers, only ['a'"
    yield arrow.table({"a": [["cat"]] * 6}), "it has no column of lists of numbers, only ['a']"
    yield arrow.table({"x": lists}), "must have shape (2, n, d), it has (6, 4); give the file"
    yield (
        arrow.table({"a": lists, "b": lists, "c": lists}),
        "must hold two arrays, it has 3: a (6, 4)",
    )
    yield arrow.table({"a": [0.5, None], "b": [0.5, 1.0]}), "there are nulls in its column a"


def test_bad_parquet_files_are_refused_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for table, says in arrow_tables():
        pytest.importorskip("pyarrow.parquet").write_table(table, "a.parquet")
        assert says in refused(["a.parquet"], capsys)


def test_a_tensor_of_an_unknown_type_is_refused_if_it_is_wanted(tmp_path, monkeypatch, capsys):
    safetensors = pytest.importorskip("safetensors.numpy", reason="no extra formats")
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="no extra formats")
    monkeypatch.chdir(tmp_path)
    eight = X.astype(ml_dtypes.float8_e4m3fn)
    data = safetensors.save({"x": X, "y": Y, "z": eight.view(np.uint8)}).replace(
        b'"U8"', b'"F8_E4M3"'
    )
    length = struct.unpack("<Q", data[:8])[0] + 5
    Path("a.safetensors").write_bytes(struct.pack("<Q", length) + data[8:])
    assert read_pairs("a.safetensors").notes[1] == "a.safetensors has z too, left out"
    line = refused(["a.safetensors", "--x", "x", "--y", "z"], capsys)
    assert "it holds F8_E4M3; convert to float32 before saving" in line


def test_a_library_that_is_missing_is_named_with_the_line_that_installs_it(
    place, monkeypatch, capsys
):
    monkeypatch.chdir(place)
    real = _formats.import_module

    def missing(name):
        if name.partition(".")[0] in ("safetensors", "pyarrow", "ml_dtypes"):
            raise ImportError
        return real(name)

    monkeypatch.setattr(_formats, "import_module", missing)
    np.save("half.npy", np.zeros((2, 6, 4), "V2"))
    for file, library in (
        ("damaged.safetensors", "safetensors"),
        ("damaged.parquet", "pyarrow"),
        ("half.npy", "ml_dtypes"),
    ):
        install = f"reading that wants {library}: python -m pip install {library} (the extra form"
        assert install in refused([file], capsys)


def test_what_is_larger_than_memory_is_one_line_too(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr(_memory, "available", lambda: 100.0)
    assert "need 384 bytes of memory, 100 bytes are available" in refused(["both.npy"], capsys)


@pytest.mark.parametrize(
    "name", ["rows.csv", "head.csv", "rows.tsv", "semi.csv", "rows.txt", "rows.json", "rows.pkl",
             "rows.mat", "objects.npy", "rows.pt"],
)  # fmt: skip
def test_the_line_that_converts_a_file_converts_it(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(KINDS.get(name, (b"",))[0])
    if name == "rows.pkl":
        Path(name).write_bytes(pickle.dumps(X))
    elif name == "rows.mat":
        scipy.io.savemat(name, {"KEY": X})
    elif name == "objects.npy":
        np.save(name, np.array(X.tolist(), dtype=object))
    elif name == "rows.pt":
        torch = pytest.importorskip("torch")
        torch.save(torch.tensor(X), name)
    line = re.search(r'python (-c ".*")$', refused([name], capsys).strip())[1]
    subprocess.run(f"{sys.executable} {line}", shell=True, check=True)
    (written,) = Path().glob("*.npy") if name != "objects.npy" else Path().glob("*_*.npy")
    np.save("y.npy", Y)
    np.testing.assert_allclose(read_pairs([written, "y.npy"]).X, X, rtol=1e-6)


def test_no_pickle_is_ever_loaded(tmp_path, monkeypatch, capsys):
    """A file whose loading would leave a trace leaves none, whatever it is called."""
    monkeypatch.chdir(tmp_path)

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "trace",)

    data = pickle.dumps(Trap())
    for name in ("a.npy", "a.npz", "a.pt", "a.pkl", "a.safetensors", "a.parquet"):
        Path(name).write_bytes(data)
        refused([name], capsys)
    np.save("b.npy", np.array([Trap()]), allow_pickle=True)
    np.savez("b.npz", np.array([Trap()]), np.array([Trap()]))
    Path("b.pt").write_bytes(zipped(archive__data_dot_pkl=data))
    for name in ("b.npy", "b.npz", "b.pt"):
        refused([name], capsys)
    assert not (tmp_path / "trace").exists()
    pickle.loads(data)
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"files": 1.0}, TypeError, "files must be a path or a sequence of paths, got 1.0"),
        ({"files": [None]}, TypeError, "files must be a path or a sequence of paths"),
        ({"files": []}, ValueError, "files must be one or two, got 0"),
        ({"files": ""}, ValueError, "FILE must be a path, and no empty text"),
        ({"files": "a\0b"}, ValueError, "FILE must be a path, and no empty text"),
        ({"files": "both.npy", "layout": 3}, TypeError, "--layout must be a text such as n2d"),
        ({"files": "both.npz", "x": 3}, TypeError, "--x must be a text, got 3"),
        ({"files": "both.npy", "whole": 1}, TypeError, "whole must be True or False, got 1"),
    ],
)
def test_arguments_of_the_reader_are_checked(place, monkeypatch, given, error, says):
    monkeypatch.chdir(place)
    with pytest.raises(error, match=re.escape(says)):
        read_pairs(**given)


def test_the_libraries_for_other_formats_are_not_imported_without_need():
    code = "import sys, gapdyn.cli; print({'safetensors', 'pyarrow', 'ml_dtypes'} & {*sys.modules})"
    root = Path(__file__).resolve().parents[1]
    env = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "set()\n" and find_spec("gapdyn") is not None
