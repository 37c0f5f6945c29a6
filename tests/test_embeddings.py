"""Two modalities are read from every form in which people keep them; what is assumed is said."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from experiments import features
from gapdyn import _memory, cli
from gapdyn.embeddings import read_pairs

REPOSITORY = Path(__file__).resolve().parents[1]
N, D, K = 7, 4, 3
X, Y = gd.sphere.sample(N, D, 0), gd.sphere.sample(N, D, 1)
CAPTIONS = gd.sphere.sample(N * K, D, 2).reshape(N, K, D)
"""The captions of image i are the rows of CAPTIONS[i]."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def equal(pairs, x=X, y=Y):
    np.testing.assert_array_equal(pairs.X, x)
    np.testing.assert_array_equal(pairs.Y, y)


def said(pairs):
    return " | ".join(pairs.notes)


@pytest.mark.parametrize("layout", ["2nd", "n2d", "2dn", "nd2", "dn2", "d2n"])
def test_both_modalities_in_one_array_whichever_axes_it_has(layout):
    """Unit rows say where the dimensions are, the axis of length 2 where the modalities."""
    array = np.moveaxis(np.stack([X, Y]), (0, 1, 2), [layout.index(axis) for axis in "2nd"])
    np.save("a.npy", array)
    for given in (None, layout):
        pairs = read_pairs("a.npy", layout=given)
        equal(pairs)
        assert pairs.groups is None
        assert said(pairs).startswith(f"a.npy, shape {array.shape}, is read as {layout} (") == (
            layout != "2nd"
        )
        only_so = "since only so are rows of unit length" in said(pairs)
        assert only_so == (given is None and layout[-1] != "d")


@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_real_clip_is_recognised_whichever_axes_it_has(shared_data, dtype):
    """500 pairs in 512 dimensions, so that sizes alone do not tell pairs from dimensions."""
    real = np.load(features.find(features.TRAINED, shared_data)).astype(dtype)
    for layout in ("2nd", "n2d", "2dn"):
        np.save("a.npy", np.moveaxis(real, (0, 1, 2), [layout.index(axis) for axis in "2nd"]))
        equal(read_pairs("a.npy"), *real)
    np.save("x.npy", real[0].T)
    np.save("y.npy", real[1])
    equal(read_pairs(["x.npy", "y.npy"]), *real)


def test_rows_that_are_not_unit_have_the_usual_layout():
    for scale in (0.1, 3.0, 1e200, 1e-200):
        np.save("a.npy", scale * np.stack([X, Y]))
        np.save("b.npy", scale * np.stack([X, Y], axis=1))
        for name in ("a.npy", "b.npy"):
            equal(read_pairs(name), scale * X, scale * Y)


def test_two_dimensions_are_no_modalities():
    """Rows in R² have an axis of length 2 as well; that their rows are unit settles it."""
    A, B = gd.sphere.polygon_pairs(5, 2)
    np.save("a.npy", np.stack([A, B]))
    equal(read_pairs("a.npy"), A, B)
    np.save("a.npy", np.stack([A, B], axis=1))
    equal(read_pairs("a.npy"), A, B)


def test_two_pairs_are_refused_until_it_is_said_which_axis_is_which():
    both = np.stack([X[:2], Y[:2]])
    np.save("a.npy", both)
    with pytest.raises(
        ValueError, match=r"a.npy, shape \(2, 2, 4\), could be 2nd or n2d; --layout"
    ):
        read_pairs("a.npy")
    equal(read_pairs("a.npy", layout="2nd"), *both)
    equal(read_pairs("a.npy", layout="n2d"), both[:, 0], both[:, 1])


@pytest.mark.parametrize("usual", ["basis", "repeated", "singular vectors", "scaled"])
def test_columns_of_unit_length_do_not_turn_a_matrix_of_the_usual_layout(usual):
    """Singular vectors and one-hot rows have them, but these are orthogonal or equal."""
    rows = {
        "basis": 2 * np.eye(7)[:, :4] + np.eye(7)[:, 1:5],
        "repeated": np.repeat(np.eye(4), 2, axis=1),
        "singular vectors": np.linalg.svd(np.random.default_rng(0).normal(size=(7, 4)))[0][:, :4],
        "scaled": 2 * X,
    }[usual]
    np.save("a.npy", np.stack([rows, rows]))
    np.save("x.npy", rows)
    for files in ("a.npy", ["x.npy", "x.npy"]):
        pairs = read_pairs(files)
        equal(pairs, rows, rows)
        assert pairs.notes == ()


@pytest.mark.parametrize("turned", [(True, False), (False, True), (True, True)])
def test_a_transposed_file_of_one_modality_is_recognised_by_its_unit_columns(turned):
    for name, rows, turn in zip("xy", (X, Y), turned, strict=True):
        np.save(f"{name}.npy", rows.T if turn else rows)
    pairs = read_pairs(["x.npy", "y.npy"])
    equal(pairs)
    assert said(pairs).count("is read as dn (dimensions, pairs), since only so") == sum(turned)
    layout = ",".join("dn" if turn else "nd" for turn in turned)
    equal(read_pairs(["x.npy", "y.npy"], layout=layout))
    assert len(read_pairs(["x.npy", "y.npy"], layout=layout).notes) == sum(turned)


def test_a_transposed_file_may_be_recognised_by_the_other_one():
    """Its own rows and columns are not unit, but those of the other file are."""
    np.save("x.npy", X)
    np.save("y.npy", 3 * Y.T)
    pairs = read_pairs(["x.npy", "y.npy"])
    equal(pairs, X, 3 * Y)
    assert said(pairs).endswith("since only so it fits x.npy")
    np.save("x.npy", 3 * X)
    with pytest.raises(ValueError, match="one is transposed; --layout nd,dn or dn,nd says which"):
        read_pairs(["x.npy", "y.npy"])
    equal(read_pairs(["x.npy", "y.npy"], layout="nd,dn"), 3 * X, 3 * Y)


@pytest.mark.parametrize("layout", ["nkd", "knd", "ndk", "dkn"])
@pytest.mark.parametrize("first", [True, False])
def test_captions_beside_images_become_groups(layout, first):
    array = np.moveaxis(CAPTIONS, (0, 1, 2), [layout.index(axis) for axis in "nkd"])
    arrays = {"images": X, "captions": array}
    np.savez("a.npz", **dict(sorted(arrays.items(), reverse=first)))
    pairs = read_pairs("a.npz")
    rows, labels = (pairs.X, pairs.Y), pairs.groups
    (images, captions), (own, their) = (rows, labels) if first else (rows[::-1], labels[::-1])
    np.testing.assert_array_equal(images, X)
    np.testing.assert_array_equal(captions, CAPTIONS.reshape(-1, D))
    for label, row in zip(their, captions, strict=True):
        assert any((row == caption).all() for caption in CAPTIONS[own[label]])
    assert f"is read as {layout} (" in said(pairs) and "3 captions of each of 7 images" in said(
        pairs
    )


def test_one_caption_of_each_image_is_a_pair():
    np.savez("a.npz", images=X, captions=Y[:, None])
    pairs = read_pairs("a.npz")
    equal(pairs)
    assert pairs.groups is None


def test_a_file_says_which_array_is_which():
    np.savez("a.npz", texts=Y, ids=np.arange(N), images=X, logit_scale=np.array(4.6))
    pairs = read_pairs("a.npz")
    equal(pairs, Y, X)
    assert said(pairs) == (
        "x is texts and y is images, of a.npz | a.npz has ids, logit_scale too, left out"
    )
    equal(read_pairs("a.npz", x="images", y="texts"))
    equal(read_pairs("a.npz", x="images"))
    equal(read_pairs("a.npz", y="texts"))
    np.savez("b.npz", first=X, second=X + 1, third=X + 2)
    equal(read_pairs("b.npz", x="third", y="first"), X + 2, X)
    equal(read_pairs(["b.npz", "a.npz"], x="second", y="texts"), X + 1, Y)


def test_one_array_of_both_is_found_beside_others():
    np.savez("a.npz", ids=np.arange(N), both=np.stack([X, Y], axis=1))
    equal(read_pairs("a.npz"))


def shards(folder, rows, sizes, name=None, width=1):
    Path(folder).mkdir(parents=True)
    for k, part in enumerate(np.split(rows, np.cumsum(sizes)[:-1])):
        np.save(Path(folder) / f"{name or Path(folder).name}_{k:0{width}}.npy", part)


@pytest.mark.parametrize("width", [1, 4])
def test_a_folder_of_clip_retrieval_is_read_in_the_order_of_its_numbers(width):
    """Eleven shards: 10 comes after 9 and not after 1."""
    rows = [gd.sphere.sample(33, D, seed).astype(np.float16) for seed in (0, 1)]
    sizes = [*range(1, 6), 0, *range(1, 5), 8]
    shards("out/img_emb", rows[0], sizes, width=width)
    shards("out/text_emb", rows[1], sizes, width=width)
    Path("out/metadata").mkdir()
    Path("out/img_emb/.hidden_0.npy").touch()
    Path("out/img_emb/README.md").touch()
    for files in ("out", ["out/img_emb", "out/text_emb"]):
        pairs = read_pairs(files)
        equal(pairs, *rows)
        assert pairs.X.dtype == np.float16
        last = f"img_emb_{10:0{width}}.npy"
        assert f"out/img_emb has 11 shards, img_emb_{0:0{width}}.npy to {last}, 33 rows" in said(
            pairs
        )


def test_a_single_shard_is_mapped():
    shards("out/img_emb", X, [N])
    shards("out/text_emb", Y, [N])
    pairs = read_pairs("out")
    equal(pairs)
    assert isinstance(pairs.X, np.memmap) and "img_emb has 1 shard, img_emb_0.npy, 7" in said(pairs)


def test_a_folder_may_stand_beside_a_file():
    shards("parts", X, [3, 4], name="part")
    np.save("y.npy", Y)
    equal(read_pairs(["parts", "y.npy"]))


def test_npy_files_are_mapped_whatever_their_layout():
    for axis in (0, 1):
        np.save("a.npy", np.stack([X, Y], axis=axis))
        assert all(isinstance(rows, np.memmap) for rows in read_pairs("a.npy")[:2])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "g"])
def test_rows_keep_the_type_of_their_file(dtype):
    np.save("a.npy", np.stack([X, Y]).astype(dtype))
    assert read_pairs("a.npy").X.dtype == np.dtype(dtype)
    equal(read_pairs("a.npy"), X.astype(dtype), Y.astype(dtype))


def test_bfloat16_is_read_as_float32():
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="the extra formats is not installed")
    both = np.stack([X, Y], axis=1).astype(ml_dtypes.bfloat16)
    np.save("a.npy", both)
    np.savez("a.npz", both)
    for file in ("a.npy", "a.npz"):
        pairs = read_pairs(file)
        assert pairs.X.dtype == np.float32
        np.testing.assert_allclose(pairs.X, X, atol=2**-8)
        equal(pairs, *np.moveaxis(both.astype(np.float32), 1, 0))


def test_safetensors_are_read_by_their_names():
    safetensors = pytest.importorskip("safetensors.numpy", reason="no extra formats")
    pytest.importorskip("ml_dtypes", reason="no extra formats")
    safetensors.save_file({"texts": Y, "images": X, "scale": np.ones(1)}, "a.safetensors")
    equal(read_pairs("a.safetensors"))  # in the order of their names
    equal(read_pairs("a.safetensors", x="texts"), Y, X)
    safetensors.save_file({"both": np.stack([X, Y], axis=1).astype("f2")}, "b.safetensors")
    equal(read_pairs("b.safetensors"), X.astype("f2"), Y.astype("f2"))
    ml_dtypes = pytest.importorskip("ml_dtypes")
    safetensors.save_file({"both": np.stack([X, Y]).astype(ml_dtypes.bfloat16)}, "c.safetensors")
    assert read_pairs("c.safetensors").X.dtype == np.float32
    np.testing.assert_allclose(read_pairs("c.safetensors").X, X, atol=2**-8)


def test_parquet_columns_of_lists_are_modalities():
    arrow = pytest.importorskip("pyarrow", reason="the extra formats is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    fixed = arrow.FixedSizeListArray.from_arrays(Y.astype("f2").ravel(), D)
    table = arrow.table({"id": range(N), "image": list(X.astype("f4")), "text": fixed})
    parquet.write_table(table, "a.parquet", row_group_size=3)
    equal(read_pairs("a.parquet"), X.astype("f4"), Y.astype("f2"))
    equal(read_pairs("a.parquet", x="text"), Y.astype("f2"), X.astype("f4"))
    table = arrow.table({"image": list(X), "captions": CAPTIONS.tolist()})
    parquet.write_table(table, "b.parquet")
    pairs = read_pairs("b.parquet")
    equal(pairs, X, CAPTIONS.reshape(-1, D))
    np.testing.assert_array_equal(pairs.groups[1], np.repeat(np.arange(N), K))
    for name, rows in (("x", X), ("y", Y)):  # as a pandas data frame is written
        columns = {str(k): column for k, column in enumerate(rows.T)}
        parquet.write_table(arrow.table({"id": range(N), **columns}), f"{name}.parquet")
    equal(read_pairs(["x.parquet", "y.parquet"]))


def piped(file, *options):
    """What `gapdyn measure -` says of a file on its standard input."""
    command = [sys.executable, "-W", "error", "-m", "gapdyn", "measure", "--json", "-", *options]
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        f"cat {file} | {' '.join(command)}", shell=True, capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_files_of_every_kind_come_through_pipes():
    np.save("a.npy", np.stack([X, Y], axis=1))
    np.savez("a.npz", texts=Y, images=X)
    gap = pytest.approx(gd.measure(X, Y).gap)
    assert piped("a.npy")["gap"] == gap
    assert piped("a.npz", "--x", "images")["gap"] == gap


@pytest.mark.parametrize("kind", ["safetensors", "parquet"])
def test_files_of_the_extra_formats_come_through_pipes(kind):
    library = pytest.importorskip("safetensors.numpy" if kind == "safetensors" else "pyarrow")
    if kind == "safetensors":
        library.save_file({"x": X, "y": Y}, "a.safetensors")
    else:
        library.parquet = pytest.importorskip("pyarrow.parquet")
        library.parquet.write_table(library.table({"x": list(X), "y": list(Y)}), "a.parquet")
    assert piped(f"a.{kind}")["gap"] == pytest.approx(gd.measure(X, Y).gap)


def test_measure_says_what_it_assumed(capsys):
    np.save("a.npy", np.stack([X, Y], axis=1))
    assert cli.main(["measure", "a.npy", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["gap"] == pytest.approx(gd.measure(X, Y).gap)
    assert shown.err == (
        "gapdyn measure: a.npy, shape (7, 2, 4), is read as n2d (pairs, modalities, dimensions)\n"
    )


def test_captions_are_measured_as_groups(capsys):
    """The images of the exact fixture, each with two captions that have entries of their own."""
    images = np.repeat(np.eye(4), 2, axis=1)[:, :8]
    captions = np.stack([images, images]).swapaxes(0, 1) + 0.1 * np.eye(8).reshape(4, 2, 8)
    np.savez("a.npz", images=images, captions=captions)
    assert cli.main(["measure", "a.npz", "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    groups = np.arange(4), np.repeat(np.arange(4), 2)
    wanted = gd.measure(images, captions.reshape(8, 8), groups=groups).to_dict()
    assert found["recall_at_1_x_to_y"] == found["recall_at_1_y_to_x"] == 1
    assert found["gap"] == pytest.approx(wanted["gap"], abs=1e-15)
    assert "captions of a.npz, shape (4, 2, 8), is read as nkd" in shown.err


def test_what_is_larger_than_memory_is_refused_with_what_it_needs(monkeypatch):
    np.save("a.npy", np.stack([X, Y]).astype("f4"))
    np.savez("a.npz", X, Y)
    shards("out/img_emb", X, [3, 4])
    shards("out/text_emb", Y, [3, 4])
    monkeypatch.setattr(_memory, "available", lambda: 100.0)
    for files, says in (
        (
            "a.npy",
            r"unit rows of a.npy need 224 bytes of memory, 100 bytes are",
        ),
        ("a.npz", r"the arrays in a.npz need 448 bytes of memory, 100 bytes are available"),
        ("out", r"the rows in out/img_emb need 224 bytes of memory"),
    ):
        with pytest.raises(MemoryError, match=says):
            read_pairs(files)
    equal(read_pairs("a.npy", whole=False), X.astype("f4"), Y.astype("f4"))
    assert cli.main(["measure", "a.npy"]) == 2


def test_a_header_without_its_numbers_is_damage_and_no_claim(monkeypatch):
    """A file of 1e15 rows that is not there asks for no memory."""
    np.save("a.npy", X)
    data = Path("a.npy").read_bytes().replace(b"(7, 4), }" + b" " * 15, b"(1000000000000000, 4), }")
    Path("a.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"a.npy is not a readable file .* here are 224"):
        read_pairs("a.npy")


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="no such file here")
def test_memory_is_what_linux_says_and_no_more_than_the_limit_of_the_shell():
    assert 0 < _memory.available() < 1e15
    code = "from gapdyn import _memory; print(_memory.available())"
    command = f"ulimit -v 4000000; {sys.executable} -c '{code}'"
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=env, check=True)
    assert 0 < float(done.stdout) < 4096e6


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (2.048e9, "2.05 GB"), (4e15, "4e+03 TB")],
)
def test_sizes_are_told_in_their_unit(size, shown):
    assert _memory.told(size) == shown
