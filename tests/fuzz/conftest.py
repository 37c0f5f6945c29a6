"""How many examples, and where odd paths may lead."""

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings

FEW = 20
"""Examples of a property at every run of the tests; they are always the same."""


@pytest.fixture(scope="session")
def examples(request):
    """Settings of a property: its share of `FEW` examples, or of new ones with --fuzz-examples."""
    wanted = request.config.getoption("--fuzz-examples")

    def chosen(share=1.0):
        return settings(
            max_examples=max(1, round(share * (wanted or FEW))),
            derandomize=not wanted,
            deadline=None,
            database=None,
            verbosity=Verbosity.quiet,  # the failures say all
            phases=[
                Phase.generate
            ],  # examples are small as they are, and shrinking may take minutes
            suppress_health_check=list(HealthCheck),
        )

    return chosen


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to work in, where a path that was meant to be wrong does no harm."""
    monkeypatch.chdir(tmp_path)
