"""What tests of experiments share."""

import json
from pathlib import Path

import pytest

from experiments import features, record

FIGURES = Path(__file__).resolve().parents[2] / "figures"


@pytest.fixture(scope="session")
def committed():
    """The Numbers of an experiment as the repository holds them."""

    def read(name, table=None):
        about = json.loads((FIGURES / f"{name}.json").read_text())
        source = about["parameters"].get("features")
        if about["seed"] != 0 or about["quick"] or source not in (None, features.RANDOM_INIT):
            pytest.skip(f"figures/{name}.csv is of another run")
        return record.Numbers(record.read(FIGURES / f"{table or name}.csv"), about["parameters"])

    return read
