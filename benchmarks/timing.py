"""What the benchmarks share: sides timed in turn, tables, the machine they ran on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

REPEATS = 9
LEAST = 0.02
"""Seconds that one timing takes at least: shorter calls are repeated within it."""
REST = 0.05
"""Seconds between two sides, in which the threads of the last one stop spinning for work."""

Calls = dict[str, Callable[[], object]]


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleave(calls: Calls, repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each call over some rounds, all of them taking turns, each warmed up."""
    often = {}
    for name, call in calls.items():
        call()  # compiles
        often[name] = max(1, round(LEAST / seconds(call)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(REST)
            call()
            start = time.perf_counter()
            for _ in range(often[name]):
                call()
            times[name].append((time.perf_counter() - start) / often[name])
    return {name: statistics.median(taken) for name, taken in times.items()}


def memory(what: str) -> float:
    """Memory of this process in GB, now (VmRSS) or at most so far (VmHWM); NaN but on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = [float(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith(what)]
    return found[0] if found else float("nan")


def machine() -> dict[str, Any]:
    """Name the processor, the memory and the versions of what ran on it."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "BLAS": _blas(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "scipy", "torch", "torchdiffeq")},
        **{name: _version(name) for name in ("jax", "diffrax")},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _blas() -> str:
    """The library behind matmul and its kernel, where threadpoolctl is there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown: threadpoolctl is not installed"
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return ", ".join(
        sorted({f"{p['internal_api']} {p['version']} {p.get('architecture', '')}" for p in pools})
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as a Markdown table, numbers to three digits."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 1) + ":" for w in widths) + "|")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "not installed"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Start a command line with what all benchmarks take."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here as well")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="rounds of which the median")
    return parser


def write(path: Path | None, numbers: object) -> None:
    """Write numbers and machine as JSON, when asked to."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), "numbers": numbers}, indent=1) + "\n")
