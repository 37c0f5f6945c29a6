"""New processes have one BLAS thread each."""

import os
from operator import truediv

import pytest

from experiments.processes import THREADS, processes


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
