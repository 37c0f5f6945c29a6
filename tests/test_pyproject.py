"""What pyproject.toml says of versions is one truth, and its settings of pytest hide no failure."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text())

PROPERTY = """
from hypothesis import given, strategies

@given(strategies.integers())
def test_all_are_small(n):
    assert n < 100
"""
LIBRARY = """
import warnings

import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    warnings.warn("of a library's own", DeprecationWarning)
    return (yield)
"""


@pytest.mark.parametrize("processes", ["0", "1"])
def test_a_warning_of_a_library_does_not_hide_the_example_at_which_a_property_fails(
    tmp_path, processes
):
    (tmp_path / "test_property.py").write_text(PROPERTY)
    (tmp_path / "conftest.py").write_text(LIBRARY)
    options = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-n", processes]
    command = [sys.executable, "-m", "pytest", *options, tmp_path]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "n=100," in shown.stdout and "1 failed" in shown.stdout


def test_the_lowest_python_is_the_same_for_the_installer_the_linters_and_the_reader():
    lowest = ABOUT["project"]["requires-python"].removeprefix(">=")
    kinds = ABOUT["project"]["classifiers"]
    listed = [kind.split(" :: ")[-1] for kind in kinds if re.search(r"Python :: 3\.\d+$", kind)]
    assert listed[0] == lowest
    assert ABOUT["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert f"Python {lowest} or later" in (ROOT / "README.md").read_text()


def test_what_runs_and_tests_gapdyn_has_a_lower_bound():
    extras = ABOUT["project"]["optional-dependencies"]
    tested = (extras[name] for name in ("sweep", "dask", "certify", "formats", "test"))
    for requirement in (*ABOUT["project"]["dependencies"], *chain.from_iterable(tested)):
        assert ">=" in requirement or requirement.startswith("gapdyn["), requirement
