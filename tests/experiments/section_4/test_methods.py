"""The ways to shrink the gap: each row of the paper's tables, as the paper describes it."""

import numpy as np
import pytest

import gapdyn as gd
from experiments.section_4.methods import CYCLES, MAX_BETA, TAU, WORDS, methods
from gapdyn import published

END = 800.0
TABLE = methods(END, segment=1.0, seed=7)


def test_methods_are_those_of_the_printed_tables():
    printed = set().union(*(getattr(published, f"TABLE_{number}") for number in range(1, 6)))
    # Section 4 sweeps soft swapping over three portions; its Table 2 prints the best.
    assert set(TABLE) == printed | {"SS 1e-2", "SS 1e-1"}


def test_every_method_has_words_of_its_own():
    assert list(WORDS) == list(TABLE) and len(set(WORDS.values())) == len(TABLE)


def test_the_baseline_is_clips():
    baseline = TABLE["Baseline"]
    assert baseline.temperature == gd.Learned(gd.Exponential(), max_beta=100.0)
    assert (baseline.tau, baseline.swap) == (0.07, None)


@pytest.mark.parametrize(("name", "last"), [("S0", 2e-2), ("S1", 3e-2), ("S2", 4e-2), ("S3", 5e-2)])
def test_linear_schedules_rise_from_1e_2_to_where_the_paper_says(name, last):
    tau = TABLE[f"TS {name}"].temperature.tau
    assert (tau(0.0), tau(END), tau(2 * END)) == pytest.approx((1e-2, last, last), rel=1e-12)
    assert tau(END / 2) == pytest.approx((1e-2 + last) / 2, rel=1e-12)


@pytest.mark.parametrize(("name", "high"), [("A0", 2e-2), ("A1", 4e-2)])
def test_alternating_schedules_swing_between_and_end_where_they_start(name, high):
    temperature = TABLE[f"TS {name}"].temperature
    values = [temperature.tau(t) for t in np.linspace(0, END, 20 * CYCLES + 1)]
    assert (min(values), max(values)) == pytest.approx((1e-2, high), rel=1e-9)
    assert (values[0], values[-1]) == pytest.approx((1e-2, 1e-2), rel=1e-9)
    assert sum(value == pytest.approx(high) for value in values) == CYCLES


def test_frozen_reparameterised_and_slow_temperatures():
    frozen = {name: m.temperature for name, m in TABLE.items() if name.startswith("FLT")}
    assert len(frozen) == 8
    for name, temperature in frozen.items():
        assert temperature == gd.Fixed(float(name.removeprefix("FLT ")))
    assert TABLE["TR softplus"].temperature.parametrisation == gd.Softplus()
    for scale in (2, 10):
        assert TABLE[f"TR scale {scale}"].temperature.parametrisation == gd.Exponential(scale)
        assert TABLE[f"TR scale {scale}"].temperature.rate == 1.0
    slow = TABLE["SLRT 0.1"].temperature
    assert (slow.rate, slow.parametrisation) == (0.1, gd.Exponential())


def test_swaps_have_the_portions_of_their_names():
    swapped = {name: m.swap for name, m in TABLE.items() if m.swap is not None}
    assert len(swapped) == 8
    for name, swap in swapped.items():
        kind, portion = name.split()
        assert isinstance(swap, {"HS": gd.HardSwap, "SS": gd.SoftSwap}[kind])
        assert (swap.seed, swap.segment) == (7, 1.0)
        if portion == "rows":
            assert swap.rows
        else:
            assert swap.p == float(portion)
            assert kind == "SS" or not swap.rows
        assert TABLE[name].temperature == TABLE["Baseline"].temperature


def test_learned_temperatures_start_at_clips_under_its_ceiling():
    for method in TABLE.values():
        temperature = method.temperature
        if isinstance(temperature, gd.Learned):
            assert (method.tau, temperature.max_beta) == (TAU, MAX_BETA) == (0.07, 100.0)
            assert temperature.beta(0.0, temperature.nu(method.tau)) == pytest.approx(1 / 0.07)
        else:
            assert method.tau is None and np.isfinite(temperature.nu(method.tau))


def test_only_no_normalization_trains_on_rows_of_any_length():
    free = {name for name, method in TABLE.items() if not method.normalised}
    assert free == {"No normalization"}
    assert TABLE["No normalization"].temperature == gd.Fixed(1.0)
