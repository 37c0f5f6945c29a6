"""Evidence notices a constant that is five percent off, each function at least one."""

import inspect

import numpy as np
import pytest

from gapdyn import measures
from gapdyn.models import ParallelModel, free, parallel
from gapdyn.theory import (
    appendix_c,
    bessel,
    closing,
    exchange_law,
    swapping,
    theorem_3_2,
    theorem_3_3,
)
from gapdyn.theory.evidence import appendix_c as on_appendix_c
from gapdyn.theory.evidence import exchange_law as on_exchange_law
from gapdyn.theory.evidence import swapping as on_swapping
from gapdyn.theory.evidence import theorem_3_2 as on_theorem_3_2
from gapdyn.theory.evidence import theorem_3_3 as on_theorem_3_3


def more(function):
    """What a function returns, times 1.05; each of several numbers."""

    def changed(*args, **kwargs):
        value = function(*args, **kwargs)
        if isinstance(value, theorem_3_3.Bound):
            return value._replace(value=1.05 * value.value)
        return tuple(1.05 * v for v in value) if isinstance(value, tuple) else 1.05 * value

    return changed


def sooner(by):
    """A bound whose constant in front of t is `by` times as large."""
    return lambda bound: lambda t, **setting: bound(by * np.asarray(t), **setting)


def faster(by):
    """Rows that move `by` times as fast as their rate says; the pull itself is kept."""

    def change(pull_rows):
        def changed(W, a, row_rate, *args, **kwargs):
            return pull_rows(W, a, by * row_rate, *args, **kwargs)

        return changed

    return change


def pushed(velocity):
    """A velocity that moves γ by 0.05 in all where it should stand."""

    def changed(self, t, y, out=None):
        v = velocity(self, t, y, out)
        v[-1] += 0.05 * np.exp(-t)
        return v

    return changed


EXPONENT = (exchange_law, "exponent", more)
FREE_ROWS, PARALLEL_ROWS = ((module, "pull_rows", faster(1.05)) for module in (free, parallel))

MUTATIONS = {
    on_theorem_3_2.lemma_b_1_a: [(theorem_3_2, "mu", more)],
    on_theorem_3_2.lemma_b_1_b: [(theorem_3_2, "mu_bound", more)],
    on_theorem_3_2.theorem: [(theorem_3_2, "lower_bound", more), (theorem_3_2, "exact", more)],
    on_theorem_3_2.last_line: [(theorem_3_2, "printed_bound", more)],
    on_theorem_3_2.c2: [(theorem_3_2, "constants", more)],
    on_theorem_3_2.sketch: [(theorem_3_2, "conserved", more)],
    on_theorem_3_2.zero_height: [(ParallelModel, "velocity", pushed)],
    on_theorem_3_2.all_times: [(theorem_3_2, "lower_bound", more)],
    on_theorem_3_2.threshold_display: [(theorem_3_2, "threshold", more)],
    on_theorem_3_2.mismatched: [(closing, "critical_scale", more)],
    on_theorem_3_2.impractical: [(theorem_3_2, "closing_log_time", more)],
    on_theorem_3_2.gap_rate: [EXPONENT, PARALLEL_ROWS],
    on_theorem_3_2.two_sided: [
        (theorem_3_2, "upper_bound", more),
        (theorem_3_2, "upper_bound", sooner(1.05)),
        (theorem_3_2, "upper_bound", sooner(3.0)),
    ],
    on_theorem_3_2.extremal: [(theorem_3_2, "exact", more)],
    on_theorem_3_2.sharp_threshold: [(theorem_3_2, "sharp_threshold", more)],
    on_theorem_3_2.theta: [
        (theorem_3_2, "upper_bound", more),
        (theorem_3_2, "upper_bound", sooner(3.0)),
    ],
    on_theorem_3_2.sharp_constant: [(theorem_3_2, "asymptote", more), (theorem_3_2, "exact", more)],
    on_theorem_3_2.largest_margin: [(measures, "margin", more)],
    on_theorem_3_2.closing_times: [(theorem_3_2, "closing_time", more)],
    on_theorem_3_2.any_time: [(theorem_3_2, "exact", more)],
    on_theorem_3_2.family_rates: [(theorem_3_2, "asymptote", more), (theorem_3_2, "exact", more)],
    on_theorem_3_2.clamp: [(appendix_c, "decay_rate", more)],
    on_theorem_3_3.lemma_b_2: [(theorem_3_3, "density", more)],
    on_theorem_3_3.lemma_b_3: [(theorem_3_3, "moments", more)],
    on_theorem_3_3.coverage: [(theorem_3_3, "printed_bound", more)],
    on_theorem_3_3.printed: [(theorem_3_3, "printed_bound", more)],
    on_theorem_3_3.step: [(theorem_3_3, "gap_velocity", more)],
    on_theorem_3_3.ratio: [(theorem_3_3, "gap_ratio", more)],
    on_theorem_3_3.limit: [(theorem_3_3, "limit", more)],
    on_theorem_3_3.three_dimensions: [(bessel, "A", more)],
    on_theorem_3_3.large_beta: [(theorem_3_3, "limit", more)],
    on_theorem_3_3.recurrence: [(bessel, "A", more)],
    on_theorem_3_3.gaussian_layers: [(theorem_3_3, "density", more)],
    on_theorem_3_3.sharper: [(theorem_3_3, "sharper_bound", more)],
    on_exchange_law.polygons: [EXPONENT, FREE_ROWS],
    on_exchange_law.generalised: [EXPONENT, FREE_ROWS],
    on_exchange_law.parallel: [(exchange_law, "invariant", more), PARALLEL_ROWS],
    on_exchange_law.level: [FREE_ROWS],
    on_exchange_law.random_starts: [FREE_ROWS, (free, "pull_rows", faster(1.1))],
    on_exchange_law.in_log_time: [EXPONENT, FREE_ROWS],
    on_exchange_law.saddle: [FREE_ROWS],
    on_swapping.bounds: [(swapping, "slope", more), FREE_ROWS],
    on_swapping.exponents: [(swapping, "exponent", more), FREE_ROWS],
    on_swapping.segments: [(swapping, "height", more)],
    on_appendix_c.best_temperature: [(appendix_c, "optimal_temperature", more)],
}
COVERED = (on_exchange_law, on_swapping, on_theorem_3_2, on_theorem_3_3)
"""Modules of which every evidence function has its row."""

ROWS = [
    pytest.param(check, *mutation, id=f"{check.__module__.split('.')[-1]}.{check.__name__}-{k}")
    for check, mutations in MUTATIONS.items()
    for k, mutation in enumerate(mutations)
]


@pytest.mark.parametrize(("check", "owner", "name", "change"), ROWS)
def test_evidence_notices_a_wrong_constant(monkeypatch, check, owner, name, change):
    """With one law of the theory changed the verdict is no longer confirmed."""
    monkeypatch.setattr(owner, name, change(getattr(owner, name)))
    assert not check(False).confirmed


@pytest.mark.parametrize("module", COVERED, ids=lambda m: m.__name__.split(".")[-1])
def test_every_evidence_function_has_a_mutation(module):
    checks = {
        function
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and "full" in inspect.signature(function).parameters
    }
    assert checks and checks <= MUTATIONS.keys()
