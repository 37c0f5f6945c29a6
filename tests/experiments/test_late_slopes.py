"""Late slopes of random rows: what theory 4.1 says, against differences along the flow."""

import numpy as np
import pytest
from legible import faults, overlaps

from experiments import exchange_law as runs
from experiments import late_slopes as experiment
from gapdyn.plotting import drawing


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0, quick=True)


def test_a_reading_is_the_slope_of_the_run_at_that_time():
    """Against a quotient of differences of log Δ and log β, over a hundredth of the time."""
    n, d = 8, 4
    X, Y = runs.uniform(n, d, np.random.default_rng(0))
    readings = runs.slopes(runs.flow(X, Y, [0.0, *experiment.READ]))
    for t, reading in zip(experiment.READ, readings, strict=True):
        run = runs.flow(X, Y, [0.0, 0.99 * t, 1.01 * t])
        slope = n * np.log(run.gap[2] / run.gap[1]) / np.log(run.beta[2] / run.beta[1])
        assert reading == pytest.approx(slope, rel=1e-3)
        assert abs(reading + 1) > 0.1


def test_a_prediction_is_the_mean_of_the_readings_over_log_beta():
    X, Y = runs.uniform(8, 4, np.random.default_rng(1))
    run = runs.flow(X, Y, [0.0, *experiment.READ])
    (a, b, c), (p, q, r) = np.log(run.beta[1:]), runs.slopes(run)
    mean = ((b - a) * (p + q) + (c - b) * (q + r)) / 2 / (c - a)
    assert runs.predicted(run) == pytest.approx(mean, rel=1e-14)


@pytest.mark.parametrize(("n", "within"), [(8, 0.05), (32, 0.03)])
def test_the_late_slope_is_what_is_predicted(numbers, n, within):
    """From uniform rows to a few hundredths, from leveller ones to less."""
    largest = []
    for start in experiment.RANDOM:
        rows = numbers.rows(start=start, pairs=n)
        largest.append(np.abs(rows["predicted_slope"] - rows["late_slope"]).max())
        assert (
            largest[-1]
            == numbers.parameters["of_each_kind"][start][str(n)]["largest_error_of_rule"]
        )
    assert largest[0] < within and max(largest[1:]) < 0.01


def test_it_says_more_than_the_exchange_law(numbers):
    """Whose -1 is wrong by 0.5 or more for most uniform rows."""
    rows = numbers.rows(start="uniform rows")
    assert np.median(np.abs(rows["late_slope"] + 1)) > 0.5
    first = np.abs(rows[experiment.FIRST] - rows["late_slope"])
    assert (first < 0.5 * np.abs(rows["late_slope"] + 1)).all()


def test_the_committed_runs_have_the_errors_that_theory_4_1_gives(committed):
    """0.036, 0.020 and 0.018 from uniform rows, and correlations of 0.97 or more."""
    uniform = committed("late_slopes").parameters["of_each_kind"]["uniform rows"]
    errors = [uniform[n]["largest_error_of_rule"] for n in ("8", "32", "128")]
    assert (np.array(errors) <= [0.036, 0.020, 0.018]).all()
    assert min(size["correlation_of_first"] for size in uniform.values()) > 0.965


def test_the_picture_is_legible(numbers):
    with drawing():
        figure = experiment.draw(numbers)
    assert faults(figure) + overlaps(figure) == []
