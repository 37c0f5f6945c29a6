"""`python -m experiments` as a user runs and interrupts it, with experiments made for the test."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

EXPERIMENT = '''
"""An experiment for a test."""
import os, signal, time
from pathlib import Path
import numpy as np
from matplotlib.figure import Figure
from experiments.processes import swept
from experiments.record import Numbers

HERE = Path(__file__).parent

def note():
    (HERE / f"pid_{{os.getpid()}}").touch()

def point(k, seed):
    note()
    if k > 0:
        time.sleep(100)
    return k

def compute({arguments}):
    note()
    {body}
    return Numbers({{"a": np.arange(3)}}, {{}})

def draw(numbers):
    return Figure()
'''
BODIES = {
    "done": ("seed=0, quick=False", "pass"),
    "slow": ("seed=0, quick=False", "time.sleep(100)"),
    "killed": ("seed=0, quick=False", "os.kill(os.getpid(), signal.SIGKILL)"),
    "many": (
        "seed=0, quick=False, jobs=1, folder=None",
        "swept(point, {'k': range(4)}, [seed], jobs, folder / 'kept.jsonl')",
    ),
}
DRIVER = """
import sys
import experiments
experiments.__path__.append(sys.path[0])
experiments.NAMES = ("done", "slow", "killed", "many")
from experiments.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.fixture
def start(tmp_path):
    """Start the command with these experiments, as the leader of a group as a shell does."""
    for name, (arguments, body) in BODIES.items():
        text = EXPERIMENT.format(arguments=arguments, body=body)
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "driver.py").write_text(DRIVER)

    processes = []

    def started(*arguments):
        process = subprocess.Popen(
            [sys.executable, tmp_path / "driver.py", *arguments, "--out", tmp_path / "out"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        processes.append(process)
        return process

    yield started
    for process in processes:  # whatever a test has left
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def pids(folder):
    return [int(file.name[4:]) for file in folder.glob("pid_*")]


def test_a_process_that_is_killed_costs_one_experiment(tmp_path, start):
    process = start("killed", "done", "--jobs", "2")
    out, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert [line.split(":")[0] for line in sorted(error.splitlines())] == ["done", "killed"]
    assert "FAILED: RuntimeError('its process ended, with exit code -9')" in out
    assert "done.csv done.json done.png" in out and (tmp_path / "out" / "done.csv").is_file()


@pytest.mark.parametrize(
    ("names", "jobs", "send", "busy", "says"),
    [
        (("done", "slow"), 2, os.kill, 2, "done finished, in {out}"),
        (("many",), 1, os.killpg, 2, "nothing finished, in {out}; {out}/kept.jsonl keeps"),
    ],
)
def test_ctrl_c_ends_all_processes_and_says_what_is_written(
    tmp_path, start, names, jobs, send, busy, says
):
    """To this process alone, or to all of them as a terminal does, and pressed again."""
    out = tmp_path / "out"
    process = start(*names, "--jobs", str(jobs))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        len(pids(tmp_path)) >= busy
        and ("done" not in names or (out / "done.png").is_file())
        and ("many" not in names or (out / "kept.jsonl").read_text().count("\n") == 2)
    ):
        time.sleep(0.05)
    time.sleep(1)  # for the outcome of what was written to arrive
    for _ in range(2):
        send(process.pid, signal.SIGINT)
        time.sleep(0.1)
    printed, error = process.communicate(timeout=30)
    assert process.returncode == 130 and printed == ""
    last = error.splitlines()[-1]
    assert last.startswith("python -m experiments: interrupted; " + says.format(out=out))
    assert error.count("\n") == 1 + ("done" in names)
    for pid in pids(tmp_path):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    if "many" in names:
        assert (out / "kept.jsonl").read_text().count("\n") == 2
