"""Evidence notices a changed law or number, five percent where it is a constant."""

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import examples, loss, measures, published, spectrum, sphere
from gapdyn.models import FreeModel, ParallelModel, ScalarModel, free, parallel
from gapdyn.theory import (
    _softmin,
    alignment,
    appendix_c,
    audit,
    bessel,
    closing,
    collapse,
    consensus,
    exchange_law,
    frozen_gap,
    gap_velocity,
    lemma_3_1,
    margin_flow,
    mean_field,
    potential,
    sigmoid,
    swapping,
    theorem_3_2,
    theorem_3_3,
    uniform_start,
)
from gapdyn.theory._uniform import Law
from gapdyn.theory.theorem_3_2 import Setting


def more(function):
    """What a function returns, times 1.05; each of several numbers."""

    def changed(*args, **kwargs):
        value = function(*args, **kwargs)
        if isinstance(value, theorem_3_3.Bound):
            return value._replace(value=1.05 * value.value)
        return tuple(1.05 * v for v in value) if isinstance(value, tuple) else 1.05 * value

    return changed


def less(function):
    """What a function returns, times 0.95."""
    return lambda *args, **kwargs: 0.95 * function(*args, **kwargs)


def bounds_less(bounds):
    """Both of two bounds times 0.95."""
    return lambda **given: tuple(0.95 * bound for bound in bounds(**given))


def more_of(quantity):
    """A property times 1.05."""
    return property(more(quantity.fget))


def sooner(by):
    """A bound whose constant in front of t is `by` times as large."""
    return lambda bound: lambda setting, t, *most: bound(setting, by * np.asarray(t), *most)


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


def warmer(best):
    """A schedule whose τ is 1.05 times as high."""
    return lambda **numbers: gd.Scheduled(lambda t: 1.05 * best(**numbers).tau(t))


def bent(curve):
    """A curve of β over γ, or a first integral, with γ^0.05 more in it."""
    return lambda gamma, **kwargs: curve(gamma, **kwargs) * np.abs(gamma) ** 0.05


def wider(kind):
    """exp(ν/s) with 1.05 s for s ≠ 1."""
    return lambda scale=1.0: kind(scale if scale == 1 else 1.05 * scale)


def scaled(read):
    """Numbers read off a figure, 1.05 times as large."""
    kept = ("abscissa", "steps", "counts")
    return read._replace(**{k: 1.05 * v for k, v in read._asdict().items() if k not in kept})


def slower(equation):
    """The consensus equation with 0.95 of its pull and its rate."""

    def changed(directions):
        value = equation(directions)
        return value._replace(velocity=0.95 * value.velocity, distance=0.95 * value.distance)

    return changed


def steeper_gaps(table):
    """Late exponents of the gap, 1.05 times as large."""
    return lambda **sizes: tuple(row._replace(gap=1.05 * row.gap) for row in table(**sizes))


def turned(name):
    """A table in which a method and the baseline change places."""
    return lambda table: table | {name: table["Baseline"], "Baseline": table[name]}


def all_rows(plotted):
    """All rows of the tables in place of the nine that are plotted."""
    return lambda: list(published.all_rows().values())


def unbalanced(gradient):
    """∇ℓ with 1.05 times its -I/n, so that its rows and columns do not sum to zero."""
    return lambda M: gradient(M) - 0.05 * np.eye(len(M)) / len(M)


def parted(velocity):
    """A velocity of free rows in which those of X move 1.05 times as fast."""

    def changed(self, t, y, out=None):
        v = velocity(self, t, y, out)
        v[: self.n * self.d] *= 1.05
        return v

    return changed


MUTATIONS = [
    # owner, name, change, statements whose evidence must notice it
    (sphere, "shift_gap", lambda shift: lambda X, Y, amount: shift(X, Y, 0.0), "landscape"),
    (loss, "loss", more, "parallel-objective"),
    (loss, "gradient", more, "gradient-of-loss"),
    (loss, "g", more, "gradient-heights theorem-3.3-before-training"),
    (measures, "gap", more, "gap-at-least"),
    (measures, "margin", more, "margin-at-most"),
    (ScalarModel, "pull_at", more, "lemma-3.1-prevents theorem-3.2-essential"),
    (ScalarModel, "pull_at", more, "appendix-c-quickly section-4.1-softplus section-4.1-slrt"),
    (ParallelModel, "velocity", pushed, "gradient-flow theorem-3.2-zero-height"),
    (parallel, "pull_rows", faster(1.05), "theorem-3.2-gap exchange-law-parallel"),
    (free, "pull_rows", faster(1.05), "figure-2 figure-2-curves section-4.1-outpaces"),
    (free, "pull_rows", faster(1.05), "exchange-law exchange-law-rates exchange-law-level"),
    (free, "pull_rows", faster(1.05), "exchange-law-log-time exchange-law-saddle"),
    (free, "pull_rows", faster(1.05), "exchange-law-random swapping-bounds swapping-exponent"),
    (free, "pull_rows", faster(1.1), "exchange-law-random"),
    (free, "pull_rows", faster(1.05), "exchange-law-minibatches exchange-law-shared-vector"),
    (free, "pull_rows", faster(1.02), "exchange-law-minibatches"),
    (
        FreeModel,
        "observe",
        lambda observe: lambda *at: (seen := observe(*at))._replace(loss=1.05 * seen.loss),
        "global-optimum",
    ),
    (lemma_3_1, "ratio", more, "lemma-3.1-ratio lemma-3.1-order"),
    (lemma_3_1, "ratio_asymptote", more, "lemma-3.1-order"),
    (lemma_3_1, "beta", more, "lemma-3.1-integral figure-1 figure-2"),
    (lemma_3_1, "beta", more, "family-tied appendix-c-linear-beta"),
    (lemma_3_1, "beta", bent, "section-4.1-outpaces"),
    (lemma_3_1, "invariant", bent, "lemma-3.1-equal-rows family-untied"),
    (potential, "potential", more, "family-softplus"),
    (audit.lemma_3_1, "Exponential", wider, "family-slrt family-adam"),
    (examples, "HEIGHT", lambda height: 1.05 * height, "figure-2-curves"),
    (theorem_3_2, "mu", more, "lemma-b.1-a"),
    (theorem_3_2, "mu_bound", more, "lemma-b.1-b"),
    (theorem_3_2, "threshold", more, "theorem-3.2-threshold-display"),
    (Setting, "constants", more_of, "theorem-3.2-c2"),
    (theorem_3_2, "conserved", more, "theorem-3.2-sketch"),
    (Setting, "printed_bound", more, "theorem-3.2-last-line"),
    (Setting, "lower_bound", more, "theorem-3.2 theorem-3.2-all-times"),
    (Setting, "upper_bound", more, "theorem-3.2-two-sided theorem-3.2-theta"),
    (Setting, "upper_bound", sooner(1.05), "theorem-3.2-two-sided theorem-3.2-theta"),
    (Setting, "upper_bound", sooner(3.0), "theorem-3.2-two-sided"),
    (Setting, "exact", more, "theorem-3.2 theorem-3.2-extremal theorem-3.2-any-time"),
    (Setting, "exact", more, "theorem-3.2-sharp-constant family-rates"),
    (Setting, "asymptote", more, "theorem-3.2-sharp-constant family-rates"),
    (theorem_3_2, "sharp_threshold", more, "theorem-3.2-sharp-threshold"),
    (Setting, "closing_time", more, "closing-times"),
    (Setting, "closing_log_time", more, "theorem-3.2-impractical"),
    (closing, "critical_scale", more, "theorem-3.2-mismatched"),
    (bessel, "A", more, "theorem-3.3-d3 theorem-3.3-recurrence"),
    (theorem_3_3, "density", more, "lemma-b.2 theorem-3.3-gaussian"),
    (theorem_3_3, "moments", more, "lemma-b.3 theorem-3.3-entries"),
    (theorem_3_3, "printed_bound", more, "theorem-3.3-bound theorem-3.3-bound-gamma"),
    (theorem_3_3, "sharper_bound", more, "theorem-3.3-sharper"),
    (theorem_3_3, "variance_bound", more, "theorem-3.3-variance"),
    (theorem_3_3, "gap_bound", more, "theorem-3.3-gap"),
    (theorem_3_3, "height_velocity", more, "theorem-3.3-free"),
    (uniform_start, "_longest", more, "theorem-3.3-gap"),
    (free, "pull_rows", faster(1.05), "theorem-3.3-free"),
    (Law, "spread", more, "theorem-3.3-variance theorem-3.3-gap"),
    (theorem_3_3, "limit", more, "theorem-3.3-normal"),
    (theorem_3_3, "limit", more, "theorem-3.3-limit theorem-3.3-large-beta"),
    (theorem_3_3, "gap_velocity", more, "theorem-3.3-step"),
    (theorem_3_3, "gap_ratio", more, "gap-velocity-ratio"),
    (theorem_3_2, "speed_limit", more, "speed-limit"),
    (theorem_3_2, "speed_limit", less, "speed-limit-rows"),
    (theorem_3_2, "least_height", more, "speed-limit-flows"),
    (appendix_c, "best_schedule", warmer, "best-schedule"),
    (Setting, "infimum", more, "theorem-3.2-infimum"),
    (Setting, "infimum", less, "theorem-3.2-infimum"),
    (Setting, "lower_bound", more, "theorem-3.2-any-kappa"),
    (Setting, "upper_bound", less, "theorem-3.2-any-kappa"),
    (Setting, "upper_bound", sooner(1.05), "theorem-3.2-any-kappa"),
    (Setting, "asymptote", more, "theorem-3.2-late"),
    (appendix_c, "constant", steeper, "appendix-c-constant"),
    (appendix_c, "schedule", steeper, "appendix-c-schedule"),
    (appendix_c, "linear_schedule", steeper, "appendix-c-linear-schedule"),
    (appendix_c, "linear", more, "appendix-c-linear"),
    (appendix_c, "softplus", more, "appendix-c-cross-entropy section-4.1-softplus"),
    (appendix_c, "optimal_temperature", more, "best-temperature"),
    (appendix_c, "decay_rate", more, "clamp"),
    (exchange_law, "exponent", more, "exchange-law exchange-law-rates exchange-law-log-time"),
    (exchange_law, "exponent", more, "theorem-3.2-gap"),
    (exchange_law, "invariant", more, "exchange-law-parallel"),
    (gap_velocity, "velocity", more, "gap-velocity"),
    (gap_velocity, "slope", more, "gap-slope gap-slope-late frozen-gap-law"),
    (frozen_gap, "FORCE", lambda force: 0.95 * force, "frozen-gap frozen-gap-sharp"),
    (frozen_gap, "FORCE", lambda force: 1.05 * force, "frozen-gap frozen-gap-sharp"),
    (free, "pull_rows", faster(1.05), "frozen-gap frozen-gap-sharp"),
    (frozen_gap, "bound", more, "frozen-gap-clip"),
    (frozen_gap, "growth_to_halve", more, "frozen-gap-clip"),
    (frozen_gap, "law_error", more, "frozen-gap-law"),
    (frozen_gap, "contraction", more, "frozen-gap-heights"),
    (_softmin, "speed", more, "margin-flow simplex-exponents"),
    (_softmin, "gradients", more, "margin-flow-aligned"),
    (margin_flow, "margin", more, "margin-flow-simplex"),
    (alignment, "misalignment_velocity", more, "misalignment"),
    (consensus, "exponent", steeper_gaps, "simplex-exponents"),
    (consensus, "consensus", slower, "simplex-exponents"),
    (swapping, "slope", more, "swapping-bounds"),
    (swapping, "exponent", more, "swapping-exponent"),
    (swapping, "height", more, "swapping-segments"),
    (free, "pull_rows", faster(1.05), "mean-field"),
    (bessel, "A", more, "mean-field"),
    (potential, "potential", more, "mean-field-integral"),
    (mean_field, "alignment_time", more, "mean-field-alignment"),
    (free, "pull_rows", faster(1.05), "sigmoid-velocity sigmoid-exchange-law sigmoid-product"),
    (free, "pull_rows", faster(1.05), "sigmoid-exchange-law-level sigmoid-plain"),
    (sigmoid, "_validate_moving", more, "sigmoid-exchange-law sigmoid-exchange-law-parallel"),
    (sigmoid, "_validate_moving", more, "sigmoid-product"),
    (potential, "potential", more, "sigmoid-exchange-law sigmoid-exchange-law-parallel"),
    (sigmoid, "_distance", more, "sigmoid-optimum sigmoid-free-bias"),
    (sigmoid, "_logits", more, "sigmoid-optimum sigmoid-thresholds"),
    (sigmoid, "_balance", more, "sigmoid-thresholds sigmoid-free-bias sigmoid-start"),
    (sigmoid, "closing_threshold", more, "sigmoid-thresholds"),
    (sigmoid, "antipodal_threshold", more, "sigmoid-thresholds"),
    (sigmoid, "antipodal_bias", more, "sigmoid-thresholds"),
    (sigmoid, "loss_bounds", more, "sigmoid-margin"),
    (sigmoid, "loss_bounds", bounds_less, "sigmoid-margin"),
    (sigmoid, "largest_margin", less, "sigmoid-margin"),
    (measures, "global_margin", more, "sigmoid-margin sigmoid-any-gap"),
    (gap_velocity, "slope", more, "field-toy"),
    (loss, "gradient", unbalanced, "field-frozen-flat"),
    (loss, "g", more, "field-frozen-sphere"),
    (collapse, "least_loss", less, "field-least-loss"),
    (spectrum, "effective_rank", less, "field-collapse"),
    (FreeModel, "velocity", parted, "field-identical"),
    (published, "FIGURE_4A", scaled, "figure-4a"),
    (published, "FIGURE_4B", scaled, "figure-4b"),
    (  # a point that the figure does not plot, FLT 1e-2
        published,
        "FIGURE_5",
        lambda kinds: kinds | {"Swap Modality": (*kinds["Swap Modality"][1:], "FLT 1e-2")},
        "figure-5",
    ),
    (audit.section_4, "plotted", all_rows, "figure-6a figure-7a figure-7b"),
    (
        audit.section_4,
        "retrieval",
        lambda retrieval: lambda rows: [row.linear_probe for row in rows],
        "figure-6b",
    ),
    (
        published,
        "TABLE_1",
        lambda table: {name: row._replace(mmvp=row.gap) for name, row in table.items()},
        "table-1",
    ),
    (published, "TABLE_2", turned("SLRT 0.1"), "appendix-d-slrt"),
    (published, "TABLE_2", turned("TS S3"), "appendix-d-schedule"),
    (published, "TABLE_3", turned("FLT 1e-2"), "slips-of-the-pen"),
    (published, "TABLE_5", turned("HS 1"), "appendix-d-swapping"),
    (published, "TABLE_5", turned("HS rows"), "appendix-f-rows"),
    (published, "TABLE_5", turned("No normalization"), "appendix-f-normalization"),
]
CHECKS = {statement.id: statement.check for statement in audit.STATEMENTS}
ROWS = [(id, *mutation) for *mutation, ids in MUTATIONS for id in ids.split()]


@pytest.mark.parametrize(("id", "owner", "name", "change"), ROWS)
def test_evidence_notices_a_wrong_constant(monkeypatch, id, owner, name, change):
    """With one law of the theory changed the verdict is no longer confirmed."""
    monkeypatch.setattr(owner, name, change(getattr(owner, name)))
    assert not CHECKS[id](False).confirmed


def test_every_statement_has_a_mutation_that_its_evidence_notices():
    assert {id for id, *_ in ROWS} == CHECKS.keys()
