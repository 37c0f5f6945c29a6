"""Processes for many tasks: one BLAS thread each, failures cost themselves only."""

import math
import os

import pytest

from experiments import pool


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_comes_back_with_its_index(jobs):
    results = {index: future.result() for index, future in pool.finished(divmod, TASKS, jobs)}
    assert results == {index: divmod(*task) for index, task in enumerate(TASKS)}


TASKS = [(17, 5), (3, 2), (8, 9)]


def test_processes_have_one_thread_and_ours_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    tasks = [(name,) for name in pool.THREADS]
    seen = [future.result() for _, future in pool.finished(os.getenv, tasks, 1)]
    assert seen == ["1"] * len(pool.THREADS)
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


def test_a_failure_costs_itself_only():
    outcomes = dict(pool.finished(math.sqrt, [(4.0,), (-1.0,), (9.0,)], 2))
    assert isinstance(outcomes[1].exception(), ValueError)
    assert (outcomes[0].result(), outcomes[2].result()) == (2.0, 3.0)
