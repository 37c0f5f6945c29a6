"""New processes have one BLAS thread each, and end with the one that started them."""

import os
import signal
import subprocess
import sys
import time
from operator import truediv
from pathlib import Path

import pytest

from experiments.processes import THREADS, processes

ROOT = Path(__file__).resolve().parents[2]


def test_they_have_one_thread_and_this_process_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with processes(1) as pool:
        assert list(pool.map(os.getenv, THREADS)) == ["1"] * len(THREADS)
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


def test_an_error_in_their_caller_ends_them_and_drops_what_waits():
    with pytest.raises(KeyboardInterrupt), processes(1) as pool:
        waiting = [pool.submit(truediv, 1, 2) for _ in range(99)]
        raise KeyboardInterrupt
    assert waiting[-1].cancelled()
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(truediv, 1, 2)


def test_a_process_that_is_killed_costs_its_call_alone():
    with processes(1) as pool:
        with pytest.raises(RuntimeError, match="its process ended, with exit code -9"):
            pool.submit(signal.raise_signal, signal.SIGKILL).result()
        with pytest.raises(ZeroDivisionError):
            pool.submit(truediv, 1, 0).result()
        assert pool.submit(truediv, 1, 2).result() == 0.5


def test_they_are_gone_when_a_call_is_left_and_deaf_to_ctrl_c_before(tmp_path):
    """A terminal sends Ctrl-C to all of them; they go on until their parent ends them."""
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        os.kill(pid, signal.SIGINT)
        assert pool.submit(truediv, 1, 2).result() == 0.5
        pool.submit(time.sleep, 60)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert time.monotonic() - start < 60


def test_they_end_with_a_parent_that_is_killed():
    code = """
import os, time
from experiments.processes import processes
if __name__ == "__main__":
    with processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60).result()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if is_running(pid):
        os.kill(pid, signal.SIGKILL)
        pytest.fail("a process has outlived its parent")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # where it is not waited for, a process remains as a zombie
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def unsendable():
    """What no pipe takes."""
    return lambda: None


def test_a_value_that_cannot_be_sent_is_an_error_of_its_call():
    with processes(1) as pool:
        with pytest.raises(TypeError, match="must be picklable"):
            pool.submit(unsendable).result()
        assert pool.submit(abs, -1).result() == 1
