"""The frozen gap: runs against the bound, and the run at CLIP's batch against both laws."""

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import features as real
from experiments import frozen_gap as experiment
from experiments import record
from gapdyn.plotting import drawing


@pytest.fixture(scope="module")
def numbers():
    return experiment.compute(seed=0, quick=True)


def test_random_starts_are_matched_whatever_their_gap():
    gaps = []
    for s in range(20):
        X, Y = experiment.matched(8, 4, np.random.default_rng(s))
        assert gd.measures.margin(X @ Y.T) > experiment.LEAST_MARGIN
        gaps.append(gd.measures.gap(X, Y))
    assert min(gaps) < 0.3 and max(gaps) > 1.4


def test_no_change_of_the_gap_is_above_the_bound_and_two_pairs_attain_it(numbers):
    """To within the tolerance of the flow; a bound that is 5 % less would be broken."""
    table = numbers.table
    assert (table["change"] <= table["allowed"] + 1e-8).all()
    shares = numbers.parameters["largest_share"]
    assert shares.pop(experiment.SHARPEST) > 0.96
    assert 0.001 < min(shares.values()) and max(shares.values()) < 0.95


def test_what_is_allowed_is_the_integral_of_dp_over_the_margin(numbers):
    """So it lies between the bounds of the largest and of the least margin, at each time."""
    for n in (2, 8, 32):
        for s in range(3):
            rows = numbers.rows(start=experiment.RANDOM, pairs=n, seed=s)
            least, most = (f.accumulate(rows["margin"]) for f in (np.minimum, np.maximum))
            straight = 1.5 * np.sqrt(3) * rows["growth"] / n
            assert rows["t"][0] == rows["growth"][0] == rows["allowed"][0] == 0
            assert (rows["allowed"] >= straight / most * (1 - 1e-12)).all()
            assert (rows["allowed"] <= straight / least * (1 + 1e-12)).all()


def test_the_table_of_sizes_is_what_the_formulas_give(numbers):
    """Written out: (3√3/2) log 7/(nα), Δ(1 - 7^{-1/n}), Δnα/(3√3) and n log 2."""
    sizes = numbers.more["sizes"]
    n, alpha = sizes["pairs"], sizes["margin"]
    assert list(n) == [512, 32768, 4e8] and list(alpha) == [0.1, 0.1, 0.05]
    expected = {
        "change_by_bound": 1.5 * np.sqrt(3) * np.log(7) / (n * alpha),
        "change_by_law": 0.8 * np.log(7) / n,  # 1 - 7^{-1/n} to 0.4 % at n = 512
        "log10_halving_by_bound": 0.8 * n * alpha / np.sqrt(27) / np.log(10),
        "log10_halving_by_law": n * np.log10(2),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(sizes[name], values, rtol=4e-3)


def test_at_clips_batch_the_gap_follows_the_exchange_law_until_tau_is_at_its_floor(numbers):
    """To 5 % of how far it moves, and it moves by less than a ten-thousandth."""
    rows = numbers.more["clip_batch"]
    free = np.isfinite(rows["by_law"])
    gap, tau = rows["gap"][free], rows["tau"][free]
    assert tau[0] == 0.07 and tau.max() > 0.18 and 0.01 < tau[-1] < 0.0101
    assert (np.flatnonzero(free) == np.arange(free.sum())).all()
    law = gap[0] * (tau / tau[0]) ** (1 / 32768)
    np.testing.assert_allclose(rows["by_law"][free], law, rtol=1e-14)
    assert np.abs(gap - law).max() < 0.05 * np.ptp(law) < 1e-5
    assert (rows["mismatched"][free] > 0.7 * 32768).all()


def test_what_the_measured_run_says(numbers):
    """As theory 4.2 quotes it; the growth of P is checked in `theory/test_frozen_gap.py`."""
    about, rows = numbers.parameters["clip_batch"], numbers.more["clip_batch"]
    gaps = [about[f"gap_{when}"] for when in ("at_start", "when_matched", "at_end")]
    assert gaps == pytest.approx([0.8000, 0.7988, 0.7891], abs=5e-5)
    assert about["floor_from"] == pytest.approx(108.4, abs=0.05)
    assert about["matched_from"] == pytest.approx(143.9, abs=0.05)
    late = rows["t"] >= about["matched_from"]
    assert (rows["mismatched"][late] == 0).all() and (rows["mismatched"][~late] > 0).all()
    assert about["growth_by_bound_at_least"] == pytest.approx(13.7, abs=0.05)
    assert about["growth_by_law"] == pytest.approx(400, abs=1)


def test_real_pairs_are_held_from_their_last_match_on(numbers, shared_data):
    assert list(numbers.parameters["real_pairs"]) == list(experiment.CLIP)
    for start, about in numbers.parameters["real_pairs"].items():
        rows = numbers.rows(start=start)
        assert rows["t"][0] == about["matched_from"] and (rows["margin"] > 0).all()


def test_real_pairs_may_be_missing_or_come_to_match_later(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "SIZES", ((2, 3),) * 3)
    monkeypatch.setattr(experiment, "END_OF_CLIP", 0.11)
    monkeypatch.setenv(real.VARIABLE, str(tmp_path / "nothing"))
    numbers = experiment.compute(quick=True)
    assert numbers.parameters["real_pairs"] == {} and numbers.stand_in == "_without_clip"
    assert "without CLIP, trained and CLIP at random" in numbers.parameters["remark"]
    np.save(tmp_path / "mine.npy", np.stack([gd.sphere.sample(40, 3, seed) for seed in range(2)]))
    numbers = experiment.compute(quick=True, features=tmp_path / "mine.npy")
    for about in numbers.parameters["real_pairs"].values():
        assert about["features"] == "mine.npy" and about["matched_from"] is None
    assert set(numbers.table["start"]) == {experiment.RANDOM, experiment.SHARPEST}
    assert experiment.draw(numbers).get_axes()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (512, "512"),
        (0.09874, "0.099"),
        (154.1, "154"),
        (3.42, "3.4"),
        (1.543e-3, r"$1.5\cdot10^{-3}$"),
        (1.337e6, r"$1.3\cdot10^{6}$"),
    ],
)
def test_numbers_are_said_in_few_digits(number, said):
    assert experiment.digits(number) == said


@pytest.mark.parametrize("draw", record.pictures(experiment).values())
def test_the_pictures_are_legible(numbers, draw):
    with drawing():
        figure = draw(numbers)
    assert faults(figure) + overlaps(figure) == []
