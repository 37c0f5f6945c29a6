"""The printed numbers, against the note that they were taken from, where it is at hand."""

import json

import pytest
from conftest import SHARED

from gapdyn import published


@pytest.fixture
def printed():
    file = SHARED / "published.json"
    if not file.is_file():
        pytest.skip("published.json is not here")
    return json.loads(file.read_text())


def test_figure_2_is_as_read_off(printed):
    rows = printed["figure_2_read_off"]
    assert list(zip(*published.FIGURE_2, strict=True)) == [
        tuple(rows[k]) for k in ("t", "gap", "tau")
    ]


def test_tables_are_as_printed(printed):
    for row in printed["table_1_mmvp"]:
        method = row.pop("method")
        assert published.TABLE_1[method]._asdict() == row
    names = {
        2: "table_2",
        3: "table_3_fixed_temperature",
        4: "table_4_schedules",
        5: "table_5_other",
    }
    assert printed["columns_2_to_5"] == ["method", *published.Row._fields]
    for k, name in names.items():
        table = getattr(published, f"TABLE_{k}")
        assert [[method, *row] for method, row in table.items()] == printed[name]


def test_the_baseline_is_the_same_in_all_tables():
    for table in (published.TABLE_2, published.TABLE_3, published.TABLE_4, published.TABLE_5):
        assert table["Baseline"] == pytest.approx(published.TABLE_2["Baseline"], abs=0.01)
