"""The sigmoid loss in pictures: runs by bias, optima over t and b, and real CLIP pairs."""

import numpy as np
import pytest
from legible import faults, overlaps
from matplotlib.text import Text
from mpmath import mp

import gapdyn as gd
from experiments import features as real
from experiments import sigmoid as experiment
from experiments import sigmoid_clip, sigmoid_optimum
from experiments.record import pictures
from gapdyn.plotting import drawing

SIGLIP = "SigLIP: plain, t₀ = b₀ = 10"


@pytest.fixture(scope="module")
def quick():
    return experiment.compute(seed=0, quick=True)


@pytest.fixture(params=["quick", "committed"])
def numbers(request, quick, committed):
    """A quick run, and the full one that the repository holds."""
    return quick if request.param == "quick" else committed("sigmoid")


def run(numbers, name, panel="one start"):
    return numbers.rows(panel=panel, run=name)


def assert_legible(module, numbers):
    """All pictures of it, which say their symbols in words."""
    with drawing():
        for draw in pictures(module).values():
            figure = draw(numbers)
            assert faults(figure) + overlaps(figure) == []
            said = " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")
            for word in ("similarity", "inverse temperature", "tz + b"):
                assert word in said


# The one start


def test_gaps_from_one_start_are_those_of_the_loss_and_its_bias(numbers):
    expected = {
        "relative, r₀ = 0": 0.54549,
        "plain, b₀ = 0": 0.980,
        "plain, b₀ = −10": 1.270,
        SIGLIP: 0.499,
    }
    for name, gap in expected.items():
        digits = 5e-6 if name.startswith("relative") else 5e-4
        assert numbers.parameters["gap_then"][name] == pytest.approx(gap, abs=digits)
        assert experiment.at(run(numbers, name), experiment.READ, "loss") < 1e-7
    assert experiment.at(run(numbers, "relative, r₀ = 0"), 1e5, "beta") == pytest.approx(
        29.994, abs=5e-4
    )


def test_without_a_bias_pairs_that_are_level_with_it_never_move(numbers):
    """Simplices at ±1/2 have pairs at z = 1/2 and strangers at -1/2: S + ⟨G, Z⟩ = 0 at no bias."""
    assert experiment.limit(4) == 1.0
    np.testing.assert_allclose(run(numbers, "no bias")["gap"], 1.0, atol=1e-9)


def test_a_relative_bias_has_its_laws_to_the_last_and_a_plain_one_has_none(numbers):
    """Written out from the columns: tΔⁿe^{-(1+r)²/2} and t√γ e^{-γ²/4} e^{-(1+r)²/2}, γ = Δ/2."""
    free = run(numbers, "relative, r₀ = 0")
    at_bias = (1 + free["bias"]) ** 2 / 2
    law = free["beta"] * free["gap"] ** 4 * np.exp(-at_bias)
    np.testing.assert_allclose(law, law[0], rtol=1e-7)
    assert free["t"][-1] == 1e6 and free["beta"][-1] > 10 * free["beta"][0]
    parallel = run(numbers, experiment.PARALLEL)
    assert np.ptp(parallel["kept"]) < 1e-7
    for name in ("plain, b₀ = 0", "plain, b₀ = −10", "no bias", SIGLIP):
        rows = run(numbers, name)
        r = rows["bias"] / rows["beta"]
        law = np.log(rows["beta"]) + 4 * np.log(rows["gap"]) - (1 + r) ** 2 / 2
        np.testing.assert_allclose(rows["kept"], law, rtol=1e-12)
        assert np.ptp(law) > 0.4
    below = numbers.parameters["departure_of_laws_below"]
    assert len(below) == 2 and max(below.values()) <= 1e-7


def test_under_a_plain_bias_the_change_of_the_gap_is_an_integral_over_the_bias():
    """n d log Δ = -dν + t db, by the trapezoidal rule over a dense run: a witness of the flow."""
    X = np.pad(gd.examples.simplex(4), ((0, 0), (0, 3)))
    rows = gd.sphere.lift(X, X, gamma=0.5)
    for start in ((gd.Sigmoid("plain"), 10.0, 10.0), (gd.Sigmoid("plain"), 2.0, -10.0)):
        dense = experiment.flow(*rows, start, np.append(0, np.geomspace(1e-4, 1e3, 4000)))
        gained = np.trapezoid(dense.beta, dense.bias) - np.log(dense.beta[-1] / dense.beta[0])
        assert 4 * np.log(dense.gap[-1] / dense.gap[0]) == pytest.approx(gained, rel=1e-4)
        assert abs(gained) > 0.5


def test_pictures_of_the_runs_are_legible(numbers):
    assert_legible(experiment, numbers)


# Random rows


def test_with_a_plain_bias_the_gap_goes_up_towards_its_limit(committed):
    numbers = committed("sigmoid")
    goal = experiment.limit(experiment.MANY)
    for name in experiment.FROM_RANDOM:
        rows = run(numbers, name, "random rows")
        first, last = rows["gap"][0], rows["gap"][-1]
        ratio = rows["bias"] / rows["beta"]
        if name.startswith(("plain", "SigLIP")):
            assert first + 0.6 * (goal - first) < last < goal
            assert 0 < ratio[-1] < 0.08
            late = rows["gap"][rows["t"] > 20]
            assert (np.diff(late) > 0).all()
        else:
            assert abs(last - first) < 0.03 * first
        if name.startswith("relative"):
            assert 0.2 < rows["bias"][-1] < 0.3


def test_a_small_batch_closes_the_gap_at_siglips_start_and_a_large_one_opens_it(committed):
    numbers = committed("sigmoid")
    rows = run(numbers, SIGLIP, "batches")
    first, last = (rows["gap"][rows["t"] == t] for t in (0.0, experiment.LAST))
    n = rows["pairs"][rows["t"] == 0.0]
    assert list(n) == list(experiment.BATCHES)
    assert (np.diff(last / first) > 0).all()
    assert (last < first)[n <= 16].all() and (last > first)[n >= 32].all()


def test_loose_tolerances_are_good_enough():
    """A relative bias is the stiffest of them; against the defaults of `flow`."""
    for name in ("relative, r₀ = 1", SIGLIP):
        start = experiment.FROM_RANDOM[name]
        rows = experiment.level(16, 0)
        loose, tight = (
            experiment.flow(*rows, start, [0.0, 1.0, 1e2], **solver)
            for solver in (experiment.LOOSE, {})
        )
        np.testing.assert_allclose(loose.gap, tight.gap, atol=1e-5)


# The optimum


@pytest.fixture(scope="module")
def optima():
    return sigmoid_optimum.compute(quick=True)


def test_the_map_has_the_gaps_of_the_stationary_condition_at_50_digits(optima):
    """(n-2)/2 σ(tq - b) = σ(b - ts), where the gap is neither 0 nor 2."""
    rows = optima.rows(panel="map")
    inside = (rows["gap"] > 0.05) & (rows["gap"] < 1.95)
    picked = np.flatnonzero(inside)[::5]
    assert picked.size > 5
    with mp.workdps(50):
        for k in picked:
            n, t, b, gap = (mp.mpf(float(rows[key][k])) for key in ("pairs", "t", "b", "gap"))
            s = 1 - gap**2 / 2
            q = ((n - 2) * s - n) / (2 * (n - 1))
            left = (n - 2) / 2 / (1 + mp.exp(b - t * q))
            assert abs(mp.log(left * (1 + mp.exp(t * s - b)))) < 1e-8


def test_thresholds_are_where_the_curves_leave_zero(optima):
    about = optima.parameters
    assert about["largest_batch_of_siglip"] == 22039
    rows = optima.rows(panel="n", t=10.0, b=10.0)
    np.testing.assert_array_equal(rows["gap"] == 0, rows["pairs"] <= 22039)
    for n in sigmoid_optimum.SIZES:
        along = optima.rows(panel="t", pairs=n)
        until = about["closed_until_at_siglip_bias"][str(n)]
        np.testing.assert_array_equal(along["gap"] == 0, along["t"] <= until)
        own = optima.more["lines"]["pairs"] == n
        t, closing, best = (
            optima.more["lines"][key][own] for key in ("t", "closing_bias", "optimal_bias")
        )
        assert (closing < best).all()
        # At the line σ(b - t) = (n-2)/2 σ(-t/(n-1) - b), for pairs that coincide.
        balance = (n - 2) / 2 * (1 + np.exp(t - closing)) / (1 + np.exp(t / (n - 1) + closing))
        np.testing.assert_allclose(balance, 1, rtol=1e-9)


def test_pictures_of_the_optimum_are_legible(optima):
    assert_legible(sigmoid_optimum, optima)


@pytest.mark.parametrize("n", [3, 4, 10, 1000])
def test_at_a_bias_that_stays_the_optimum_goes_to_pairs_and_strangers_at_opposite_sides(n):
    """s = -q, solved by hand: s = n/(3n - 4), and 2√((n-2)/(3n-4)) is its gap."""
    s = n / (3 * n - 4)
    assert s == pytest.approx(-((n - 2) * s - n) / (2 * (n - 1)), rel=1e-14)
    assert experiment.limit(n) == pytest.approx(np.sqrt(2 * (1 - s)), rel=1e-14)
    for b in (-10.0, 10.0):
        gap = gd.theory.sigmoid.optimum(n=n, t=1e6, bias=b).gap
        assert gap == pytest.approx(experiment.limit(n), abs=1e-4)


# Real pairs


@pytest.fixture(scope="module")
def clip(committed):
    return committed("sigmoid_clip")


def test_pictures_of_real_pairs_are_legible(clip):
    assert_legible(sigmoid_clip, clip)


def test_real_pairs_keep_their_gap_but_for_a_plain_bias(clip):
    for rows in sigmoid_clip.ROWS:
        for name in sigmoid_clip.LOSSES:
            about = clip.parameters["runs"][f"{rows}, {name}"]
            (first, last), (_, wrong) = about["gap"], about["mismatched"]
            assert wrong == 0 and about["loss"][1] < 0.02
            change = last / first - 1
            if "plain" in name:
                assert change > (0.08 if rows == "trained" else 0.04)
                assert about["bias"][1] / about["beta"][1] < 0.27
            elif rows == "trained":
                assert abs(change) < 0.01


def test_the_gap_of_real_pairs_moves_by_the_laws_of_level_rows(clip):
    """Theory 5.2 at rate 1/100 of r, and n d log Δ = -dν + t db over the times that were kept."""
    n, runs = clip.parameters["pairs"], clip.parameters["runs"]
    for rows in sigmoid_clip.ROWS:
        about = runs[f"{rows}, relative bias"]
        (t0, t1), (r0, r1) = about["beta"], about["bias"]
        law = -np.log(t1 / t0) + ((1 + r1) ** 2 - (1 + r0) ** 2) / (2 * 0.01)
        assert n * np.log(np.divide(*about["gap"][::-1])) == pytest.approx(law, rel=0.1)
        path = clip.rows(rows=rows, run="plain bias, SigLIP's start")
        late = path["t"] >= 1
        t, b, gap = (path[key][late] for key in ("beta", "bias", "gap"))
        law = np.trapezoid(t, b) - np.log(t[-1] / t[0])
        assert n * np.log(gap[-1] / gap[0]) == pytest.approx(law, rel=0.2)


def test_the_starts_of_trained_rows_are_the_best_of_their_losses(shared_data):
    """No other t or bias has a smaller loss, as the losses themselves say."""
    X, Y, _ = real.load(real.TRAINED, shared_data)
    X, Y = X[:40], Y[:40]
    Z = X @ Y.T
    for name in ("InfoNCE", "relative bias", "plain bias"):
        loss = sigmoid_clip.LOSSES[name]
        t, bias = sigmoid_clip.start(X, Y, "trained", name)
        best = loss.value(Z, tau=1 / t, bias=bias)
        around = [loss.value(Z, tau=factor / t, bias=bias) for factor in (0.97, 1.03)]
        if bias:
            around += [loss.value(Z, tau=1 / t, bias=factor * bias) for factor in (0.99, 1.01)]
        assert best < min(around)


@pytest.mark.slow
def test_the_clip_runs_are_the_same_however_many_processes_there_are(tmp_path):
    both = np.stack(gd.sphere.lift(gd.sphere.sample(6, 5, 0), gd.sphere.sample(6, 5, 1), 0.4))
    np.save(tmp_path / "mine.npy", both)
    one, two = (sigmoid_clip.compute(0, True, tmp_path / "mine.npy", jobs) for jobs in (1, 2))
    assert one.parameters == two.parameters
    for key, column in one.table.items():
        np.testing.assert_array_equal(column, two.table[key])


def test_without_real_pairs_there_is_one_line_and_no_file(tmp_path, monkeypatch, capsys):
    from experiments import __main__ as command

    monkeypatch.setenv(real.VARIABLE, str(tmp_path / "nothing"))
    out = tmp_path / "out"
    assert command.main(["sigmoid_clip", "--quick", "--jobs", "1", "--out", str(out)]) == 0
    assert "skipped: no real embeddings in" in capsys.readouterr().out
    assert not list(out.iterdir())
