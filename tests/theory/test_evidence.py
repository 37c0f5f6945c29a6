"""Evidence notices a changed law or number, five percent where it is a constant."""

import inspect

import numpy as np
import pytest

from gapdyn import examples, loss, measures, published, sphere
from gapdyn.models import FreeModel, ParallelModel, ScalarModel, free, parallel
from gapdyn.theory import (
    appendix_c,
    bessel,
    closing,
    exchange_law,
    lemma_3_1,
    potential,
    swapping,
    theorem_3_2,
    theorem_3_3,
)
from gapdyn.theory.evidence import appendix_c as on_appendix_c
from gapdyn.theory.evidence import exchange_law as on_exchange_law
from gapdyn.theory.evidence import lemma_3_1 as on_lemma_3_1
from gapdyn.theory.evidence import paper as on_paper
from gapdyn.theory.evidence import section_4 as on_section_4
from gapdyn.theory.evidence import setup as on_setup
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


def steeper(rate):
    """γ₀e^{-x} with 1.05 times the exponent, from γ₀ = 0.3; the printed rate is kept."""

    def changed(*args, printed=False, **kwargs):
        gamma = rate(*args, printed=printed, **kwargs)
        return gamma if printed else 0.3 * (gamma / 0.3) ** 1.05

    return changed


def bent(curve):
    """A curve of β over γ, or a first integral, with γ^0.05 more in it."""

    def changed(gamma, **kwargs):
        return curve(gamma, **kwargs) * np.abs(gamma) ** 0.05

    return changed


def more_of_the_argument(kind):
    """exp(ν/s) with 1.05 s for s ≠ 1."""
    return lambda scale=1.0: kind(scale if scale == 1 else 1.05 * scale)


def scaled(value):
    """Printed numbers, each array or number 1.05 times as large."""
    if isinstance(value, tuple):
        kept = ("abscissa", "steps", "counts")
        return value._replace(**{k: 1.05 * v for k, v in value._asdict().items() if k not in kept})
    return 1.05 * value


def dearer(observe):
    """Observables whose loss is 1.05 times as large."""

    def changed(self, t, y):
        seen = observe(self, t, y)
        return seen._replace(loss=1.05 * seen.loss)

    return changed


def unshifted(shift):
    """A shift of the gap that leaves it where it is."""
    return lambda X, Y, amount: shift(X, Y, 0.0)


def with_the_coldest(classes):
    """The points of Figure 5 and one that it does not plot, FLT 1e-2."""
    return classes | {"Swap Modality": (*classes["Swap Modality"][1:], "FLT 1e-2")}


def all_of_them(plotted):
    """All rows of the tables for the nine that are plotted."""
    return lambda: list(published.all_rows().values())


def the_probe(retrieval):
    """The linear probe in place of retrieval."""
    return lambda rows: [row.linear_probe for row in rows]


def as_the_gap(table):
    """Table 1 with accuracies in the order of the gap."""
    return {name: row._replace(mmvp=row.gap) for name, row in table.items()}


def turned(name):
    """A table in which a method and the baseline change places."""
    return lambda table: table | {name: table["Baseline"], "Baseline": table[name]}


EXPONENT = (exchange_law, "exponent", more)
PULL = (ScalarModel, "pull_at", more)
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
        (theorem_3_2, "upper_bound", sooner(1.05)),
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
    on_theorem_3_3.entries: [(theorem_3_3, "moments", more)],
    on_theorem_3_3.before_training: [(loss, "g", more)],
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
    on_appendix_c.constant: [(appendix_c, "constant", steeper)],
    on_appendix_c.schedule: [(appendix_c, "schedule", steeper)],
    on_appendix_c.linear_schedule: [(appendix_c, "linear_schedule", steeper)],
    on_appendix_c.linear_beta: [(lemma_3_1, "beta", more)],
    on_appendix_c.linear: [(appendix_c, "linear", more)],
    on_appendix_c.linear_cross_entropy: [(appendix_c, "softplus", more)],
    on_appendix_c.quickly: [PULL],
    on_appendix_c.slower: [PULL],
    on_appendix_c.faster: [(appendix_c, "softplus", more), PULL],
    on_appendix_c.essential: [PULL],
    on_lemma_3_1.ratio: [(lemma_3_1, "ratio", more)],
    on_lemma_3_1.integral: [(lemma_3_1, "beta", more)],
    on_lemma_3_1.equal_rows: [(lemma_3_1, "invariant", bent)],
    on_lemma_3_1.order: [(lemma_3_1, "ratio", more), (lemma_3_1, "ratio_asymptote", more)],
    on_lemma_3_1.prevents: [PULL],
    on_lemma_3_1.outpaces: [(lemma_3_1, "beta", bent), FREE_ROWS],
    on_lemma_3_1.family: [(lemma_3_1, "beta", more)],
    on_lemma_3_1.untied: [(lemma_3_1, "invariant", bent)],
    on_lemma_3_1.reparameterised: [(on_lemma_3_1, "Exponential", more_of_the_argument)],
    on_lemma_3_1.softplus_closed_form: [(potential, "potential", more)],
    on_setup.objective: [(loss, "loss", more)],
    on_setup.gap_at_least: [(measures, "gap", more)],
    on_setup.loss_gradient: [(loss, "gradient", more)],
    on_setup.height_gradients: [(loss, "g", more)],
    on_setup.dynamics: [(ParallelModel, "velocity", pushed)],
    on_paper.figure_2: [(lemma_3_1, "beta", more), FREE_ROWS],
    on_paper.figure_2_curves: [(examples, "HEIGHT", scaled), FREE_ROWS],
    on_paper.figure_1: [(lemma_3_1, "beta", more)],
    on_paper.figure_4a: [(published, "FIGURE_4A", scaled)],
    on_paper.figure_4b: [(published, "FIGURE_4B", scaled)],
    on_paper.global_optimum: [(FreeModel, "observe", dearer)],
    on_paper.landscape: [(sphere, "shift_gap", unshifted)],
    on_paper.adam: [(on_paper, "Exponential", more_of_the_argument)],
    on_section_4.figure_5: [(published, "FIGURE_5", with_the_coldest)],
    on_section_4.figure_6a: [(on_section_4, "plotted", all_of_them)],
    on_section_4.figure_6b: [(on_section_4, "retrieval", the_probe)],
    on_section_4.figure_7a: [(on_section_4, "plotted", all_of_them)],
    on_section_4.figure_7b: [(on_section_4, "plotted", all_of_them)],
    on_section_4.table_1: [(published, "TABLE_1", as_the_gap)],
    on_section_4.learning_rate: [(published, "TABLE_2", turned("SLRT 0.1"))],
    on_section_4.schedule: [(published, "TABLE_2", turned("TS S3"))],
    on_section_4.swapping: [(published, "TABLE_5", turned("HS 1"))],
    on_section_4.row_swapping: [(published, "TABLE_5", turned("HS rows"))],
    on_section_4.no_normalization: [(published, "TABLE_5", turned("No normalization"))],
    on_section_4.slips: [(published, "TABLE_3", turned("FLT 1e-2"))],
}
COVERED = (
    on_appendix_c,
    on_exchange_law,
    on_lemma_3_1,
    on_paper,
    on_section_4,
    on_setup,
    on_swapping,
    on_theorem_3_2,
    on_theorem_3_3,
)
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
