"""The command lines with good, odd and bad arguments, in this process."""

from contextlib import suppress

import numpy as np
import pytest
from fuzz.law import command
from fuzz.strategies import odd, pairs
from fuzz.test_readers import plain
from hypothesis import given
from hypothesis import strategies as st

from experiments import NAMES
from experiments.__main__ import parse
from gapdyn.cli import main

pytestmark = pytest.mark.usefixtures("elsewhere")

ODD = ["", "x", "nan", "inf", "-inf", "-1", "0", "1e400", "1e-320", "-1e-3", "2.5", "3", "1_0", "٣"]
ODD += ["--", "-", "-h", "--help", "--no", ".", "/no/such", "\ud800", "--tau", "=", "1e9"]

OPTIONS = {
    "--model": ["free", "parallel", "frozen", "scalar"],
    "--start": ["polygon", "random"],
    "--pairs": ["2", "5"],
    "--rotation": ["1", "-2"],
    "--dim": ["2", "3"],
    "--seed": ["0", "7"],
    "--gamma": ["0.3", "-0.3", "0"],
    "--alpha": ["1", "0.5"],
    "--temperature": ["learned", "softplus", "linear", "fixed", "linear-schedule"],
    "--tau": ["0.07", "1", "0.3"],
    "--tau-end": ["0.1"],
    "--scale": ["2"],
    "--rate": ["0.1"],
    "--max-beta": ["100"],
    "--period": ["1"],
    "--rtol": ["1e-4", "1e-6"],
    "--csv": ["run.csv", "/dev/null"],
    "--npz": ["run.npz"],
}


@st.composite
def simulations(draw):
    """A short run with a few options, one of which may be odd."""
    chosen = draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=5, unique=True))
    given = ["simulate", "--t-end", "0.5", "--gamma", "0.3"]
    for option in chosen:
        given += [option, draw(st.sampled_from(OPTIONS[option]))]
    return draw(spoilt(given))


@st.composite
def spoilt(draw, given):
    """The same arguments, half of the time with one that is odd."""
    if draw(st.booleans()):
        k = draw(st.integers(1, len(given)))
        given[k : k + draw(st.integers(0, 1))] = [draw(st.sampled_from(ODD))]
    return given


@st.composite
def measurements(draw):
    """Files of embeddings, as they should be or with an odd array in them."""
    X, Y = draw(pairs()).values()
    X = draw(st.just(X) | odd(X))
    kind = draw(st.sampled_from(["one", "two", "npz", "bare"]))
    with suppress(ValueError, TypeError, NotImplementedError):  # what no file can hold
        if kind == "npz":
            np.savez("a.npz", plain(X), plain(Y))
        else:
            np.save("a.npy", plain([X, Y]) if kind == "one" else plain(X))
            np.save("b.npy", Y)
    names = {"one": ["a.npy"], "two": ["a.npy", "b.npy"], "npz": ["a.npz"], "bare": ["b.npy"]}
    options = [[], ["--json"], ["--tau", "0.1"], ["--sample", "2"], ["--bootstrap", "3"]]
    options += [["--groups", "b.npy"], ["--seed", "7"]]
    return draw(spoilt(["measure", *names[kind], *draw(st.sampled_from(options))]))


verifications = st.lists(st.sampled_from(["--json", "--markdown", "--full", "no", "x"]), max_size=2)
lines = (
    simulations()
    | measurements()
    | verifications.map(lambda rest: ["verify", "--id", "no-such-id", *rest])
    | st.lists(st.sampled_from([*ODD, "--version"]), max_size=2)
)


def test_gapdyn(examples):
    @examples(10)
    @given(lines)
    def obeyed(arguments):
        status, _, _ = command(main, arguments)
        assert status in (0, 1, 2), f"status {status} of {arguments}"

    obeyed()


def test_experiments(examples):
    flags = ["--out", "--seed", "--jobs", "--features", "--format", "--quick", "--list"]
    words = st.sampled_from([*NAMES[:3], *flags, *ODD, "png,pdf", "5", "png,", "new/folder"])

    @examples(10)
    @given(st.lists(words, max_size=4))
    def obeyed(arguments):
        status, _, _ = command(parse, arguments)
        assert status in (0, 2) or hasattr(status, "names"), f"{status} of {arguments}"

    obeyed()
