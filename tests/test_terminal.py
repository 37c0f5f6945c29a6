"""What command lines share: their messages, their streams and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gapdyn import terminal

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ctrl_c():
    """Press Ctrl-C, with Python's own reaction, which a job in the background has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_pressed_in_a_row_is_one_and_a_later_one_counts_again(ctrl_c, monkeypatch):
    clock = iter([10.0, 10.5, 12.4, 14.6, 15.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with terminal.impatient():
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
        ctrl_c()
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    ctrl_c()  # while Python exits


def test_without_a_ctrl_c_all_is_as_before_and_an_ignored_one_stays_ignored(ctrl_c):
    with pytest.raises(ZeroDivisionError), terminal.impatient():
        1 / 0  # noqa: B018
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with terminal.impatient():
        ctrl_c()


@pytest.mark.parametrize(
    ("raised", "status", "says"),
    [
        (ValueError("t must be\n positive"), 2, "name: error: t must be positive\n"),
        (OSError(2, "No such file", "a"), 2, "name: error: [Errno 2] No such file: 'a'\n"),
        (MemoryError("Unable to allocate"), 2, "name: error: Unable to allocate\n"),
        (KeyboardInterrupt(), 130, "name: interrupted\n"),
        (KeyboardInterrupt("a.csv is kept"), 130, "name: interrupted; a.csv is kept\n"),
        (BrokenPipeError(), 1, ""),
    ],
)  # fmt: skip
def test_what_ends_a_command_is_one_line_and_a_status(raised, status, says, capsys):
    def command():
        raise raised

    assert terminal.attempt("name", command) == status
    assert capsys.readouterr().err == says


@pytest.mark.parametrize("number", ["-1e-3", "-.5", "-5", "-inf", "-nan", "-1E+3", "-1_0.5e2"])
def test_negative_numbers_are_values_and_no_options(number, capsys):
    parser = terminal.Parser(prog="name")
    parser.add_argument("--gamma", type=float)
    assert repr(parser.parse_args(["--gamma", number]).gamma) == repr(float(number))
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["--gamma", "-x"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "name: error: argument --gamma: expected one argument\n"


SIMULATE = "{python} -m gapdyn simulate --model scalar --gamma 0.1 --t-end 1 --csv {csv}"
LIST = "{python} -OO -m experiments --list"
FULL = "error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("command", "status", "out", "error"),
    [
        (f"{SIMULATE} >&- 2>&-", 0, "", ""),
        (f"{SIMULATE} --rate 2 --temperature fixed 2>/dev/full", 0, "mismatched", ""),
        (f"{LIST} >/dev/full", 2, "", f"python -m experiments: {FULL}"),
        (f"{LIST} | true; exit ${{{{PIPESTATUS[0]}}}}", 1, "", ""),
        (f"MPLBACKEND=missing PYTHONIOENCODING=ascii {LIST}", 0, "Figure 3", ""),
    ],
)
def test_streams_that_are_closed_full_or_poor_are_no_traceback(
    tmp_path, command, status, out, error
):
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    if (
        "2>&-" in command
        and subprocess.run(
            ["bash", "-c", f"{sys.executable} -c 'import numpy.f2py' 2>&-"], check=False
        ).returncode
    ):
        pytest.skip("this NumPy, which SciPy imports whole, is not imported without a stderr")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    csv = tmp_path / "a.csv"
    done = subprocess.run(
        ["bash", "-c", command.format(csv=csv, python=sys.executable)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, error)
    assert out in done.stdout and bool(out) == bool(done.stdout)
    assert "--csv" not in command or csv.is_file()
