"""Calls beside each other: all of them done, none begun after a failure, BLAS as it was."""

import sys
import threading

import numpy as np
import pytest

from gapdyn import _threads, similarities, sphere
from gapdyn._threads import ONE_THREAD, blas_threads, side_by_side, together
from gapdyn.measures import measure


@pytest.fixture
def threads(monkeypatch):
    """Pretend that a product has so many threads."""
    return lambda count: monkeypatch.setattr(_threads, "blas_threads", lambda: count)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("batch", [3, 100])
def test_results_come_in_the_order_of_the_jobs(count, batch, threads, monkeypatch):
    threads(count)
    monkeypatch.setattr(_threads, "BATCH", batch)
    assert list(side_by_side(lambda x: x**2, range(10))) == [x**2 for x in range(10)]
    assert together(list, dict, set) == [[], {}, set()]


def test_jobs_are_done_at_the_same_time_with_one_thread_of_blas_each(threads):
    pytest.importorskip("threadpoolctl")
    before = blas_threads()
    threads(2)
    met = threading.Barrier(2, timeout=20)  # a thread alone would wait for the other in vain

    def meet(_):
        met.wait()
        return blas_threads()

    assert list(side_by_side(meet, range(2))) == [1, 1]
    assert blas_threads() == before


def test_after_a_failure_no_job_is_begun_and_blas_has_its_threads_again(threads):
    pytest.importorskip("threadpoolctl")
    before, begun = blas_threads(), []
    threads(2)
    wait = threading.Event()

    def job(k):
        begun.append(k)
        if k == 0:
            raise KeyboardInterrupt
        wait.wait(0.05)

    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(job, range(1000)))
    assert len(begun) < 50
    assert ONE_THREAD.users == 0 and blas_threads() == before


def test_without_threadpoolctl_calls_wait_for_each_other(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert blas_threads() == 1
    own = threading.get_ident()
    assert together(threading.get_ident, threading.get_ident) == [own, own]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_measures_do_not_depend_on_the_threads(kind, threads, monkeypatch):
    """Tiles of one strip write to the same sides, and each in an order of its own."""
    monkeypatch.setattr(similarities, "TILE", (16, 8))
    rng = np.random.default_rng(0)
    X = sphere.sample(300, 6, rng)
    Y = sphere.unit(X + 0.5 * rng.standard_normal(X.shape))
    X, Y = X.astype(kind), np.round(Y, 2).astype(kind)
    found = []
    for count in (1, 2, 7):
        threads(count)
        found.append(measure(X, Y, tau=0.1).to_dict())
    np.testing.assert_equal(found[1:], found[:1] * 2)
