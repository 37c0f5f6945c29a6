"""The benchmarks run, print a table and write JSON; how fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = {
    "kernel": ["--sizes", "3x2", "40x5"],
    "flow": ["--pairs", "8", "--dim", "4"],
    "ensemble": ["--members", "3", "--pairs", "4", "--dim", "4"],
    "scaling": ["--only", "large", "--pairs", "64", "--dim", "4"],
    "encoders": [],
    "measure": ["--sizes", "300x8"],
    "redraw": [],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_a_table_and_writes_json(name, tmp_path):
    out = tmp_path / "numbers.json"
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--repeats", "1"]
    done = subprocess.run(
        [*command, "--json", out, *SMALL[name]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "|---" in done.stdout.replace(" ", "")
    written = json.loads(out.read_text())
    assert {"processor", "cores", "BLAS", "numpy", "torch", "jax"} <= written["machine"].keys()
    assert written["numbers"]


def test_an_exponent_is_a_slope_and_a_fit_finds_its_terms(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import scaling

    sizes = [10, 20, 40, 80, 160]
    assert scaling.exponent(sizes, [3e-6 * n**1.5 for n in sizes]) == pytest.approx(1.5)
    sizes = [(n, d) for n in (50, 100, 800) for d in (3, 30)]
    times = [1e-9 * (0.05 * n * n * d + 4 * n * n + 7 * n * d + 100) for n, d in sizes]
    points = [(n, d, time) for (n, d), time in zip(sizes, times, strict=True)]
    assert scaling.fit(points) == pytest.approx([0.05, 4, 7, 100])


@pytest.mark.slow
@pytest.mark.parametrize("bag", [True, False])
def test_an_epoch_on_glyphs_is_that_of_pytorch(monkeypatch, bag):
    """Autograd and Adam of another library, on the same images, come to the same loss."""
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import encoders

    task = encoders.task()
    chosen, drawn = task.steps[0]
    assert len(task.steps) == 15 and (drawn != task.pairs.first[chosen]).any()
    theirs = encoders.Theirs(task, "float64", bag)
    assert encoders.departure(task, theirs) < 1e-12
    untrained = encoders.Theirs(task, "float64", bag)
    untrained.train = untrained.start
    assert encoders.departure(task, untrained) > 0.1


def test_the_page_on_performance_names_every_benchmark():
    page = (ROOT / "docs" / "performance.md").read_text()
    lines = page.split("```sh\n")[1].split("```")[0].splitlines()
    assert lines == [f"python benchmarks/{name}.py" for name in SMALL]
