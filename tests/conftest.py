"""What several test files share."""

import os
import signal

# One thread for each worker and each process that a test starts: more would fight over the cores.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# Ctrl-C is ignored in what a shell starts in the background; some tests are about it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

import gapdyn as gd
import gapdyn.temperature as temperatures
from experiments import features

# The same examples at every run, and no clock: a busy machine is not a failure.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--fuzz-examples", type=int, help="new examples of each fuzzed property")


TEMPERATURES = [
    gd.Learned(),
    gd.Learned(gd.Exponential(scale=2.0), rate=0.25),
    gd.Learned(gd.Softplus()),
    gd.Learned(gd.Linear(), rate=3.0),
    gd.Learned(max_beta=100.0),
    gd.Learned(gd.Softplus(), min_beta=0.25, max_beta=100.0),
    gd.Fixed(0.4),
    gd.LinearSchedule(0.4, 0.6, 10.0),
    gd.CosineSchedule(0.4, 0.8, 7.0),
    gd.Scheduled(np.polynomial.Polynomial([0.4, 0.1])),
]

MODELS = ["free", "parallel", "untied", "frozen", "scalar"]
SIGMOIDS = [
    *("free relative", "free plain", "free none", "parallel relative", "parallel plain"),
    *("untied relative", "untied plain", "untied none", "frozen relative", "frozen plain"),
]
"""Models with a sigmoid loss, and the kind of its bias."""
WITH_ROWS = [kind for kind in (*MODELS, *SIGMOIDS) if kind.split()[0] in MODELS[:3]]


def make(kind, temperature, n=3, d=3, seed=0, tau=0.4):
    """A model of each kind with a random start at temperature `tau`."""
    kind, _, bias = kind.partition(" ")
    loss = gd.Sigmoid(bias, bias_rate=0.6) if bias else gd.InfoNCE()
    more = {"bias": 0.2} if loss.has_bias else {}
    rng = np.random.default_rng(seed)
    X, Y = gd.sphere.sample(n, d, rng), gd.sphere.sample(n, d, rng)
    if not isinstance(temperature, temperatures.Learned):
        tau = None
    match kind:
        case "free":
            model = gd.FreeModel(n, d, temperature, loss=loss)
            return model, model.start(X, Y, tau=tau, **more)
        case "parallel":
            model = gd.ParallelModel(n, d, temperature, row_rate=0.7, loss=loss)
            return model, model.start(X, Y, tau=tau, gamma=0.3, **more)
        case "untied":
            model = gd.ParallelModel(n, d, temperature, tied=False, row_rate=0.7, loss=loss)
            return model, model.start(X, Y, tau=tau, gamma_x=0.3, gamma_y=-0.6, **more)
        case "frozen":
            model = gd.FrozenModel(X @ Y.T, temperature, loss=loss)
            return model, model.start(tau=tau, gamma=0.3, **more)
        case "scalar":
            model = gd.ScalarModel(temperature)
            return model, model.start(tau=tau, gamma=-0.3)


class Own(gd.Model):
    """A model of a user's, dy/dt = law(t, y), whose every observable is its first entry."""

    temperature = gd.Fixed(1.0)
    size = 1

    def __init__(self, law):
        self.law = law

    def split(self, y):
        return (y,)

    def rates(self):
        return (np.asarray(1.0),)

    def loss(self, t, y):
        raise NotImplementedError

    def velocity(self, t, y, out=None):
        return self.law(t, y)

    def observe(self, t, y):
        return gd.Observables(*[y[0]] * 7)


def interrupted(t):
    """A schedule during which Ctrl-C is pressed soon after t = 2."""
    if t > 2:
        raise KeyboardInterrupt
    return 0.3


def refusals(*cases):
    """A test that each case, (call, error, says), raises its error with its message."""

    @pytest.mark.parametrize(("call", "error", "says"), cases)
    def test_bad_input_is_named(call, error, says):
        with pytest.raises(error, match=says):
            call()

    return test_bad_input_is_named


class Square(temperatures.Parametrisation):
    """A user's own β = ν², for which β'² = 4β and P = β/4."""

    def __repr__(self):
        return f"{type(self).__name__}()"

    def beta(self, nu):
        return nu**2

    def dbeta(self, nu):
        return 2 * nu

    def nu(self, beta):
        return np.sqrt(beta)

    def potential(self, beta):
        return beta / 4

    def advance(self, beta, amount):
        return beta + 4 * amount


@pytest.fixture
def shared_data():
    """Folder of the real embeddings; skips where they are missing."""
    try:
        files = [features.find(name) for name in (features.TRAINED, features.RANDOM_INIT)]
    except features.FeaturesMissingError as missing:
        pytest.skip(str(missing))
    return files[0].parent


@pytest.fixture
def figure_2():
    """The free model and the start of Figure 2."""
    return gd.examples.figure_2()


@pytest.fixture
def few_methods(monkeypatch):
    """Two methods of Section 4 instead of all, and trainings that are not remembered."""
    from experiments.section_4 import runs

    monkeypatch.setattr(runs, "names", lambda: ["Baseline", "HS 1e-1"])
    runs.train_all.cache_clear()
    yield
    runs.train_all.cache_clear()
