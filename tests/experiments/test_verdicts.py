"""Rules that decide the conclusions of Section 4, on tables made so that the answer is known."""

import numpy as np
import pytest
import scipy.stats

from experiments import section_4, verdicts
from experiments.evaluation import MEASURES
from experiments.verdicts import NOT, REPRODUCED, UNDECIDED
from gapdyn import published


def methods(error=0.0, acted=1000.0, **means):
    """All methods from three seeds, with the given means: numbers, or functions of the row.

    The standard error of a change against the baseline is `error`.
    """
    names = section_4.names()
    k = np.arange(len(names), dtype=float)
    values = {key: np.zeros((len(names), 3)) for key in (*MEASURES, "retrieval")}
    for key, mean in means.items():
        values[key] += (mean(k) if callable(mean) else np.full(len(names), float(mean)))[:, None]
    for value in values.values():
        value[1:] += error * np.sqrt(3) * np.array([-1, 0, 1])
    return verdicts.Methods(names, np.full(len(names), acted), values)


def noise(seed):
    return lambda k: np.random.default_rng(seed).standard_normal(k.size)


@pytest.mark.parametrize(
    ("retrieval", "verdict"),
    [(lambda k: -k, REPRODUCED), (lambda k: k, NOT), (noise(3), UNDECIDED)],
)
def test_retrieval_rises_where_the_correlation_is_negative(retrieval, verdict):
    m = methods(gap=lambda k: k, retrieval=retrieval)
    assert verdicts.retrieval_rises(m).verdict == verdict


def test_temperatures_beyond_the_best_have_no_say_in_the_rise():
    m = methods(gap=lambda k: k, retrieval=lambda k: -k)
    m.values["retrieval"][m.names.index("FLT 7e-2")] = 1.0
    hot = ("FLT 1e-1", "FLT 2e-1", "FLT 3e-1", "FLT 4e-1")
    assert verdicts.hotter_than_best(m) == hot == verdicts.hotter_than_best(verdicts.papers())
    before = verdicts.retrieval_rises(m)
    m.values["retrieval"][[m.names.index(name) for name in hot]] = -1e9
    assert verdicts.retrieval_rises(m) == before and before.verdict == REPRODUCED


@pytest.mark.parametrize(
    ("best", "error", "verdict"),
    [("FLT 7e-2", 0.1, REPRODUCED), ("FLT 7e-2", 3.0, UNDECIDED), ("FLT 4e-1", 0.1, NOT)],
)
def test_an_inverted_u_has_its_top_inside_and_above_both_ends(best, error, verdict):
    m = methods()
    m.values["retrieval"][m.names.index(best)] = 5 + error * np.sqrt(3) * np.array([-1, 0, 1])
    found = verdicts.turns_over(m)
    assert found.verdict == verdict and best in found.numbers


@pytest.mark.parametrize(
    ("task", "verdict"),
    [
        (lambda k: np.sin(k), REPRODUCED),  # a function of uniformity
        (lambda k: -np.sin(k), NOT),
        (lambda k: k, NOT),  # a function of the gap
        (noise(5), UNDECIDED),
    ],
)
def test_a_task_goes_with_uniformity_when_it_goes_up_with_it_and_closer(task, verdict):
    m = methods(gap=lambda k: k, uniformity=np.sin, zero_shot=task)
    assert verdicts.uniformity_counts(m, "zero_shot").verdict == verdict


@pytest.mark.parametrize(
    ("gap", "error", "sign"),
    [(-0.1, 0.01, -1), (0.1, 0.01, 1), (-0.1, 0.1 / 4.3, 0), (-0.1, 0.1 / 4.31, -1), (0.0, 0.0, 0)],
)
def test_a_change_counts_when_students_interval_leaves_out_zero(gap, error, sign):
    """Three seeds, two degrees of freedom: 4.303 standard errors."""
    m = methods(error)
    m.values["gap"][m.names.index("SLRT 0.1")] += gap
    assert verdicts.decided(m, "gap", "SLRT 0.1") == sign
    assert verdicts.student(0.95, 3) == pytest.approx(4.302653)


def test_a_change_is_taken_within_seeds():
    """What a seed adds to all methods alike is no error."""
    m = methods(0.1)
    before = verdicts.change(m, "gap", "TS S1")
    m.values["gap"] += np.array([-5.0, 2.0, 40.0])
    assert verdicts.change(m, "gap", "TS S1") == pytest.approx(before, abs=1e-13)
    assert before == pytest.approx((0.0, 0.1), abs=1e-13)


def test_a_method_that_hardly_acted_is_undecided_and_in_no_correlation():
    m = methods(gap=-1.0)
    m.values["gap"][0] = 0
    assert verdicts.each_shrinks(m).verdict == REPRODUCED
    m.acted[m.names.index("HS 1e-3")] = 9
    assert not verdicts.tried(m, "HS 1e-3") and verdicts.tried(m, "HS 1e-2")
    assert m.names.index("HS 1e-3") not in m.where(lambda name: True, "gap")
    found = verdicts.each_shrinks(m)
    assert found.verdict == UNDECIDED and "undecided: HS 1e-3" in found.numbers


def test_each_method_is_held_to_what_the_paper_prints_of_it():
    claimed = [name for name in section_4.names() if verdicts.claims_to_shrink(name)]
    assert {"Baseline", "FLT 1e-2", "TS A0", "No normalization", "SS 1e-2"}.isdisjoint(claimed)
    assert {"FLT 4e-2", "TS S3", "SLRT 0.1", "HS 1", "HS rows", "SS 5e-2"} <= set(claimed)
    m = methods(gap=-1.0)
    m.values["gap"][0] = 0
    assert verdicts.each_shrinks(m) == (REPRODUCED, "smaller in 20 of 20")
    for count, name in enumerate(("SLRT 0.1", "TS S1", "HS 1"), start=1):
        m.values["gap"][m.names.index(name)] = 1.0
        found = verdicts.each_shrinks(m)
        assert found.verdict == (NOT if count == 3 else UNDECIDED) and name in found.numbers


def test_three_of_twenty_are_seldom_decided_to_widen_the_gap_by_chance():
    chance = scipy.stats.binom.sf(verdicts.MORE_THAN_CHANCE - 1, 20, (1 - verdicts.LEVEL) / 2)
    assert chance == pytest.approx(0.013, abs=5e-4)


@pytest.mark.parametrize(
    ("retrieval", "probe", "verdict"),
    [(-5, -5, REPRODUCED), (-5, 0.1, UNDECIDED), (-5, 5, NOT)],
)
def test_swapping_all_the_time_hurts_both_tasks(retrieval, probe, verdict):
    m = methods(1.0)
    row = m.names.index("HS 1")
    m.values["retrieval"][row] += retrieval
    m.values["linear_probe"][row] += probe
    assert verdicts.always_swapping_hurts(m).verdict == verdict


@pytest.mark.parametrize(
    ("mmvp", "verdict"),
    [(lambda k: k, NOT), (lambda k: (-1) ** k, REPRODUCED), (np.nan, UNDECIDED), (26.0, UNDECIDED)],
)
def test_matching_follows_neither_when_both_intervals_are_near_zero(mmvp, verdict):
    m = methods(gap=lambda k: k, uniformity=np.sin, mmvp=mmvp)
    assert verdicts.matching_follows_neither(m).verdict == verdict


def test_an_interval_that_reaches_far_shows_no_absence():
    m = methods(gap=lambda k: k, uniformity=noise(2), mmvp=noise(4))
    m.acted[8:] = 0
    assert verdicts.matching_follows_neither(m).verdict == UNDECIDED


def test_the_papers_own_numbers_turn_over_and_rise():
    paper = verdicts.papers()
    assert set(paper.names) == {
        *published.TABLE_2, *published.TABLE_3, *published.TABLE_4, *published.TABLE_5
    }  # fmt: skip
    assert "FLT 7e-2" in verdicts.turns_over(paper).numbers
    assert verdicts.always_swapping_hurts(paper).verdict == REPRODUCED
    assert len(verdicts.CONCLUSIONS) == 8
    for rule in verdicts.CONCLUSIONS.values():
        assert rule(paper).verdict in (REPRODUCED, NOT, UNDECIDED)
