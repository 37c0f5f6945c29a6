"""Files are written whole or not at all, and what cannot be written is known in advance."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gapdyn import cli
from gapdyn.files import replacing, validate_target, write_columns

REPOSITORY = Path(__file__).resolve().parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="locks, links and pipes of POSIX")


def write(path, text):
    with replacing(path) as stream:
        stream.write(text)


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    write(path, "old")
    with replacing(path) as stream:
        stream.write("β = 1/τ")
        assert path.read_text() == "old"
    assert path.read_bytes() == "β = 1/τ".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    write(path, "old")
    with pytest.raises(error), replacing(path) as stream:
        stream.write("new")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@posix
def test_a_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link"
    write(path, "old")
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink() and path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("length", [1, 200, 201, 225, 255])
def test_every_name_that_a_file_may_have_can_be_written(tmp_path, length):
    path = tmp_path / ("é" * (length // 2) + "a" * (length % 2))
    assert validate_target("path", path) == path and not list(tmp_path.iterdir())
    write(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def obstacles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("astray").symlink_to("missing/run.csv")
    Path("folder").mkdir()
    Path("inside").symlink_to("folder")
    Path("file").write_text("file")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    return tmp_path


@posix
@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        (
            "loop",
            OSError,
            "a file that can be written, got loop: Too many levels of symbolic links",
        ),
        ("astray", FileNotFoundError, "a file in an existing folder, got astray"),
        ("missing/a", FileNotFoundError, "a file in an existing folder, got missing/a"),
        ("file/a", FileNotFoundError, "a file in an existing folder, got file/a"),
        ("folder", IsADirectoryError, "a file, got the folder folder"),
        ("inside", IsADirectoryError, "a file, got the folder inside"),
        ("socket", OSError, "a file that can be written, got socket: it is no file, pipe or char"),
        (256 * "a", OSError, "a file that can be written, got a*: File name too long"),
        ("/proc/self/a", OSError, "a file that can be written, got /proc/self/a: "),
    ],
)
def test_what_cannot_be_written_is_refused_in_advance(obstacles, path, error, says, capsys):
    if path.startswith("/proc") and not Path("/proc/self").is_dir():
        pytest.skip("no file system here that takes no files")
    before = sorted(obstacles.iterdir())
    with pytest.raises(error, match=f"--csv wants {says}") as caught:
        validate_target("--csv", path)
    assert "\n" not in str(caught.value)
    with pytest.raises(OSError, match=says), replacing(path):
        pass
    assert cli.main(["simulate", "--t-end", "1e300", "--csv", path]) == 2
    assert f"gapdyn simulate: error: --csv wants {says[:12]}" in capsys.readouterr().err
    assert sorted(obstacles.iterdir()) == before


def test_a_full_disk_is_refused_in_advance(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"got .*a.csv: No space left on device"):
        validate_target("--csv", tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_asking_changes_nothing_and_is_in_no_writers_way(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as stream:
        stream.write("new")
        validate_target("path", path)
    assert path.read_text() == "new"
    path.write_text("old")
    before = path.stat()
    validate_target("path", path)
    assert path.stat() == before and list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("kind", ["fifo", "/dev/null"])
def test_pipes_and_devices_are_written_directly(tmp_path, kind):
    path = Path(kind)
    if kind == "fifo":
        path = tmp_path / "fifo"
        os.mkfifo(path)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(path.read_text)
        write_columns(path, {"t": np.array([0.1, 1e300])})
    assert read.result() == ("t\n0.1\n1e+300\n" if kind == "fifo" else "")
    assert not path.is_file()


WRITER = """
import sys
from gapdyn.files import replacing
with replacing("a.txt") as stream:
    stream.write("torn")
    stream.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="pipes have no names here")
def test_standard_output_is_written_directly():
    """What the name of a pipe in /dev leads to is no path."""
    out, into = os.pipe()
    write(f"/dev/fd/{into}", "text")
    os.close(into)
    with os.fdopen(out) as stream:
        assert stream.read() == "text"


@posix
def test_what_another_process_is_writing_is_refused_and_swept_up_when_it_is_killed(tmp_path):
    path, part = tmp_path / "a.txt", tmp_path / ".a.txt.part"
    write(path, "old")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"writing\n"
        with pytest.raises(BlockingIOError, match=r"a\.txt: another process or thread is writing"):
            write(path, "new")
        validate_target("path", path)  # it may have ended when what will be written is known
        assert part.read_text() == "torn"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == "old" and sorted(tmp_path.iterdir()) == [part, path]
    part.write_text("longer than what is written next")
    write(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@posix
def test_a_file_that_another_thread_is_writing_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    with ThreadPoolExecutor() as pool, replacing(path) as stream:
        stream.write("first")
        for name in ("a.txt", "b.txt"):
            attempt = pool.submit(write, tmp_path / name, "second")
            assert isinstance(
                attempt.exception(), BlockingIOError if name == "a.txt" else type(None)
            )
    assert path.read_text() == "first"
    assert {file.name for file in tmp_path.iterdir()} == {"a.txt", "b.txt"}


def test_what_another_user_has_left_is_in_nobodys_way(tmp_path, monkeypatch):
    path, part, inner = tmp_path / "a.txt", tmp_path / ".a.txt.part", os.open
    part.write_text("theirs")

    def denied(name, *args):
        if Path(name) == part:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return inner(name, *args)

    monkeypatch.setattr("os.open", denied)
    validate_target("path", path)
    write(path, "new")
    assert path.read_text() == "new" and sorted(tmp_path.iterdir()) == [part, path]


@pytest.mark.parametrize("locks", [True, False])
def test_many_writers_leave_one_whole_file(tmp_path, monkeypatch, locks):
    """Where a file system has no locks, the last to end is the one that stays."""
    if not locks:
        monkeypatch.setattr("gapdyn.files._lock", lambda file: False)
    path, start = tmp_path / "a.txt", threading.Barrier(8)
    texts = [str(k) * 10_000 for k in range(8)]

    def work(text):
        start.wait()
        for _ in range(20):
            try:
                write(path, text)
            except BlockingIOError:
                assert locks

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, texts))
    assert path.read_text() in texts and list(tmp_path.iterdir()) == [path]
