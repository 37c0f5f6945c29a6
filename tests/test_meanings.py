"""The table has every measure once, and marks what is unusual."""

from dataclasses import replace

import numpy as np

import gapdyn as gd
from gapdyn import meanings, sphere

M = gd.measure(sphere.sample(30, 12, 0), sphere.sample(30, 12, 1), tau=1.0)


def test_every_number_has_a_meaning_in_the_order_of_the_record():
    named = [name for section in meanings.MEANINGS.values() for name in section]
    assert named == [*M.to_dict()]
    assert {name for name, _, _ in meanings.RULES} <= {*named}


def test_the_table_shows_values_meanings_and_marks():
    lines = meanings.table(replace(M, gap=0.5, null_gap_95=0.25, energy=np.nan)).splitlines()
    shown = {line.split()[0]: line for line in lines if line}
    assert "   0.5 ! distance" in next(line for line in lines if line.startswith("  gap "))
    assert shown["energy"].split()[:3] == ["energy", "-", "energy"]
    assert lines[lines.index("! unusual") + 1].split(maxsplit=1)[0] == "gap"
    assert lines[-3] == "to report" and lines[-2].startswith("  gap 0.500 between the centres")
    assert lines[-1].endswith(f"and {M.recall_at_1_y_to_x:.3f} back")
    assert max(map(len, lines)) <= 100


def found(**values):
    plain = {"gap": 0.0, "relative_gap": 0.3, "spread_gap": 0.1, "gap_in_top_1": 0.1}
    plain |= {"pair_cosine": 0.8, "cross_cosine": 0.0, "separability": 0.5, "loss": np.nan}
    plain |= {"recall_at_1_x_to_y": 0.9, "recall_at_1_y_to_x": 0.9, "temperature_for_gap": 0.1}
    return [finding.name for finding in meanings.unusual(replace(M, **(plain | values)))]


def test_what_is_unusual_is_found_and_nothing_else():
    assert found() == []
    for name, value in {
        "gap": 0.9, "relative_gap": 0.6, "spread_gap": 1.5, "gap_in_top_1": 0.9,
        "pair_cosine": -0.1, "intra_cosine_x": 0.7, "intra_cosine_y": 0.7,
        "recall_at_1_x_to_y": 1 / 30, "recall_at_1_y_to_x": 0.0,
        "effective_rank_x": 1.0, "effective_rank_y": 1.0, "separability": 1.0,
        "loss": M.log_n,
    }.items():  # fmt: skip
        assert found(**{name: value}) == [name]
    assert found(temperature_for_gap=0.0) == found(temperature_for_gap=np.nan)
    assert found(relative_gap=np.nan, separability=np.nan, effective_rank_x=np.nan) == []
