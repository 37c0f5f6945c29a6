"""The README's Python runs as printed, and its commands name things that exist."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import cli
from gapdyn.theory import audit

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_lines_of_python_run_as_printed():
    code, many, theorems, closing_the_gap = blocks("python")
    names = {}
    exec(code, names)
    assert names["run"].gap[[0, -1]] == pytest.approx((0.618, 0.5405), abs=1e-4)
    assert eval(code.splitlines()[-2].split("#")[0], names) == pytest.approx(1.0554, abs=1e-4)
    assert eval(code.splitlines()[-1].split("#")[0], names) < 1e-12
    exec(many, names)
    assert len(names["runs"]) == 20 and names["runs"][3].t[-1] == 1e5
    columns = names["found"].columns()
    assert names["late"].beta[-1] == pytest.approx(np.exp(12) * names["late"].beta[0])
    assert names["late"].log_t[-1] > 1e5
    assert columns["tau"].tolist() == [0.05] * 3 + [0.2] * 3
    exec(theorems, names)
    lower, closing, sharper, frozen = (
        eval(line.split("#")[0], names) for line in theorems.splitlines()[-4:]
    )
    assert 0 < lower < 0.3 and closing == pytest.approx(2e97, rel=0.05)
    assert sharper.value == pytest.approx(0.0210, abs=5e-5) and not sharper.vacuous
    assert frozen == pytest.approx(0.0015, abs=5e-5)
    exec(closing_the_gap, names)
    assert names["swapped"].gap[-1] == pytest.approx(0.274, abs=5e-4)
    assert names["run"].at(100).gap == pytest.approx(0.611, abs=5e-4)


def test_its_gapdyn_commands_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X, Y = gd.sphere.sample(5, 3, 0), gd.sphere.sample(5, 3, 1)
    np.save("both.npy", np.stack([X, Y]))
    np.save("images.npy", X)
    np.save("texts.npy", Y)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    ours = [shlex.split(line)[1:] for line in commands if line.startswith("gapdyn ")]
    assert len(ours) == 9
    for arguments in ours:
        assert cli.main(arguments) == 0
    assert (tmp_path / "run.csv").is_file() and (tmp_path / "run.gif").is_file()


def test_its_other_commands_are_run_by_ci_as_printed_or_list_what_there_is():
    ci = (README.parent / ".ci" / "run").read_text()
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    first, *others = [line for line in commands if not line.startswith("gapdyn ")]
    assert first == "git clone ADDRESS gapdyn && cd gapdyn" and len(others) == 3
    for line in others:
        assert line in ci, line


def test_its_verdicts_are_those_of_the_audit():
    verdicts = {statement.id.replace(".", ""): statement.verdict for statement in audit.STATEMENTS}
    rows = re.findall(r"docs/audit\.md#([\w-]+)\) \| ([\w ]+?)(?:, new)? \|", README.read_text())
    assert len(rows) == 19
    for name, verdict in rows:
        assert verdicts[name] == verdict, name
