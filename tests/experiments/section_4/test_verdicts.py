"""Rules that decide the conclusions of Section 4, on tables made so that the answer is known."""

import itertools

import numpy as np
import pytest
import scipy.stats

from experiments.section_4 import runs, verdicts
from experiments.section_4.evaluation import MEASURES
from experiments.section_4.verdicts import NOT, REPRODUCED, UNDECIDED
from gapdyn import published

HOT = ("FLT 1e-1", "FLT 2e-1", "FLT 3e-1", "FLT 4e-1")


def methods(error=0.0, acted=1000.0, **means):
    """All methods from three seeds, with the given means: numbers, or functions of the row.

    The standard error of a change against the baseline is `error`.
    """
    names = runs.names()
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
    assert verdicts.hotter_than_best(m) == HOT == verdicts.hotter_than_best(verdicts.papers())
    before = verdicts.retrieval_rises(m)
    m.values["retrieval"][[m.names.index(name) for name in HOT]] = -1e9
    after = verdicts.retrieval_rises(m)
    assert after.verdict == before.verdict == REPRODUCED
    (rho, with_hot), (rho_before, _) = (found.numbers.split(";") for found in (after, before))
    assert rho == rho_before and with_hot.endswith("over all 28")


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
    [(np.sin, REPRODUCED), (lambda k: -np.sin(k), NOT), (noise(5), UNDECIDED)],
)
def test_a_task_rises_with_uniformity_when_its_correlation_is_positive(task, verdict):
    m = methods(uniformity=np.sin, zero_shot=task)
    assert verdicts.rises_with_uniformity(m, "zero_shot").verdict == verdict


def correlated(rho):
    """A function of the row whose rank correlation with the row is about rho, by mixing noise."""
    return lambda k: rho * k / k.std() + np.sqrt(1 - rho**2) * noise(2)(k)


@pytest.mark.parametrize(
    ("task", "verdict"),
    [
        (lambda k: k, NOT),
        (lambda k: -k, NOT),
        (lambda k: (-1) ** k, REPRODUCED),
        (correlated(0.6), UNDECIDED),
        (np.nan, UNDECIDED),
    ],
)
def test_a_correlation_is_strong_from_0_7_on_and_not_below_0_5(task, verdict):
    m = methods(gap=lambda k: k, mmvp=task)
    found = verdicts.not_strong(m, "mmvp", ("gap",))
    assert found.verdict == verdict
    if np.isfinite(m.mean("mmvp")).all():
        rho = scipy.stats.spearmanr(m.mean("gap"), m.mean("mmvp")).statistic
        assert f"{rho:+.2f}" in found.numbers


def test_a_strong_correlation_that_is_not_told_from_zero_refutes_nothing():
    m = methods(
        gap=lambda k: k, mmvp=lambda k: np.array([0, 3, 1, 2, 4, *range(100, 123)])[: k.size]
    )
    m.acted[5:] = 0
    found = verdicts.not_strong(m, "mmvp", ("gap",))
    assert "+0.70" in found.numbers and found.verdict == UNDECIDED


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
    claimed = [name for name in runs.names() if verdicts.claims_to_shrink(name)]
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
def test_a_method_moves_each_measure_to_the_side_expected(retrieval, probe, verdict):
    m = methods(1.0)
    row = m.names.index("HS 1")
    m.values["retrieval"][row] += retrieval
    m.values["linear_probe"][row] += probe
    expected = {"retrieval": -1, "linear_probe": -1}
    assert verdicts.moves(m, "HS 1", expected).verdict == verdict
    m.acted[row] = 9
    assert verdicts.moves(m, "HS 1", expected).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("rows", "entries", "verdict"),
    [(-1, -2, REPRODUCED), (-2, -1, NOT), (1, -2, NOT), (-1, -1, UNDECIDED), (0, -2, UNDECIDED)],
)
def test_rows_shrink_the_gap_less_than_entries(rows, entries, verdict):
    m = methods(gap=5.0)
    m.values["gap"][m.names.index("HS rows")] += rows
    m.values["gap"][m.names.index("HS 1e-2")] += entries
    assert verdicts.rows_less_than_entries(m).verdict == verdict


def trainings(**columns):
    """Two methods and three seeds for each value of the columns, with gaps that count the rows."""
    grid = list(itertools.product(*columns.values(), ("Baseline", "HS 1"), range(3)))
    table = {
        k: np.array(c)
        for k, c in zip((*columns, "method", "repeat"), zip(*grid, strict=True), strict=True)
    }
    count = np.arange(len(grid), dtype=float)
    return table | dict.fromkeys(MEASURES, count) | {"steps_acted": count}


def test_our_numbers_are_of_the_trainings_that_columns_select():
    table = trainings(data=["glyphs", "synthetic"], recipe=["reference", "width 64"])
    chosen = verdicts.ours(table, data="synthetic", recipe="reference")
    assert chosen.names == ["Baseline", "HS 1"]
    np.testing.assert_array_equal(chosen.values["gap"], [[12, 13, 14], [15, 16, 17]])
    np.testing.assert_array_equal(chosen.values["retrieval"], chosen.values["gap"])
    np.testing.assert_array_equal(chosen.acted, [13, 16])
    with pytest.raises(ValueError, match=r"one training with .*'data': 'glyphs'"):
        verdicts.ours(table, data="glyphs")
    with pytest.raises(ValueError, match=r"no training has .*'data': 'digits'"):
        verdicts.ours(table, data="digits")


ROWS = published.all_rows()


def retrieval(row):
    return (row.image_retrieval + row.text_retrieval) / 2


@pytest.mark.parametrize(
    ("x", "y", "nine", "all_rows"),
    [
        ("gap", retrieval, -0.92, +0.33),
        ("gap", "image_retrieval", -0.92, +0.31),
        ("gap", "text_retrieval", -0.77, +0.40),
        ("uniformity", retrieval, +0.15, +0.53),
        ("uniformity", "zero_shot", +0.93, +0.69),
        ("gap", "zero_shot", -0.08, +0.63),
        ("uniformity", "linear_probe", +1.00, +0.69),
        ("gap", "linear_probe", +0.10, +0.75),
    ],
)
def test_correlations_of_what_the_paper_plots_and_of_all_it_prints(x, y, nine, all_rows):
    """Spearman's, 1 - 6 Σd²/(m³ - m) without ties, on the rows of Tables 2 to 5 themselves."""
    for names, rho in ((published.FIGURES_6_AND_7, nine), (tuple(ROWS), all_rows)):
        rows = [ROWS[name] for name in names]
        u = [getattr(row, x) for row in rows]
        v = [y(row) if callable(y) else getattr(row, y) for row in rows]
        assert scipy.stats.spearmanr(u, v).statistic == pytest.approx(rho, abs=0.005)
        if len(set(u)) == len(set(v)) == len(rows):
            d = scipy.stats.rankdata(u) - scipy.stats.rankdata(v)
            by_hand = 1 - 6 * (d**2).sum() / (len(d) ** 3 - len(d))
            assert by_hand == pytest.approx(rho, abs=0.005)
        key = "retrieval" if callable(y) else y
        m = verdicts.papers(names)
        found = verdicts.correlation(m, x, key, np.arange(len(names)))
        assert found.value == pytest.approx(rho, abs=0.005)


def test_the_papers_own_numbers_by_both_sets():
    """On what the figures plot all that the paper says holds; on all rows not all of it."""
    plotted = {
        c.statement: c.rule(verdicts.papers(c.plotted)).verdict
        for c in verdicts.CONCLUSIONS
        if c.plotted
    }
    assert len(plotted) == 7 and set(plotted.values()) == {REPRODUCED}
    everything = {c.statement: c.rule(verdicts.papers()).verdict for c in verdicts.CONCLUSIONS}
    assert {s: v for s, v in everything.items() if v != REPRODUCED} == {
        "Retrieval rises as the gap falls, up to the best fixed temperature": UNDECIDED,
        "Retrieval has no strong correlation with uniformity": UNDECIDED,
        "Zero-shot accuracy has no strong correlation with the gap": UNDECIDED,
        "The linear probe has no strong correlation with the gap": NOT,
    }


def test_the_papers_methods_are_those_of_its_tables():
    paper = verdicts.papers()
    assert set(paper.names) == set(ROWS) and len(paper.names) == 26
    assert set(verdicts.papers(published.FIGURES_6_AND_7).names) == set(published.FIGURES_6_AND_7)
    assert verdicts.hotter_than_best(verdicts.papers(published.FIGURES_6_AND_7)) == ()
    assert "FLT 7e-2" in verdicts.turns_over(paper).numbers


def test_each_conclusion_is_quoted_with_its_place_or_is_unsaid():
    said = [c.said for c in verdicts.CONCLUSIONS if c.said]
    assert len(said) == len(verdicts.CONCLUSIONS) - 4
    for words in said:
        assert words.count("“") == words.count("”") == 1 and ", p. " in words
