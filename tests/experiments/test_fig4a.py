"""Figure 4(a): Theorem 3.2 and its converse on runs, and what they leave open about the gap."""

import numpy as np
import pytest
from legible import faults, overlaps

import gapdyn as gd
from experiments import fig4a, record
from experiments.section_4 import figure_4, late_gap
from experiments.section_4.methods import Method
from gapdyn import published
from gapdyn.plotting import drawing
from gapdyn.theory import lemma_3_1, theorem_3_2

STARTS = ["together", "apart"]
ROUNDING = 1 + 1e-12
ADAM = [f"adam_{rate}" for rate in late_gap.RATES]


@pytest.fixture(scope="module")
def numbers():
    return fig4a.compute(quick=True)


@pytest.fixture(scope="module")
def curve(numbers):
    """log₁₀ t and the values of a curve, up to a last log₁₀ t."""
    return lambda name, last=fig4a.LAST: fig4a._curve(numbers, name, -np.inf, last)


@pytest.mark.parametrize("start", STARTS)
def test_both_starts_meet_the_hypotheses(numbers, start):
    about = numbers.parameters[start]
    assert len(about["hypotheses"]) == 4 and all(about["hypotheses"].values())
    assert about["beta0"] == pytest.approx(about["threshold"], rel=1e-14)
    assert about["alpha"] <= about["largest_margin"] <= fig4a.PAIRS / (fig4a.PAIRS - 1)


def test_the_starts_are_those_of_theory_3_3(numbers):
    plain, apart = (numbers.parameters[start] for start in STARTS)
    assert plain["alpha"] == pytest.approx(1 - np.cos(2 * np.pi / 5), rel=1e-14)
    assert (apart["alpha"], apart["largest_margin"]) == pytest.approx((0.580, 0.644), abs=5e-4)
    assert apart["alpha"] == pytest.approx((1 - 0.4**2) * plain["alpha"], rel=1e-14)
    assert apart["beta0"] == pytest.approx(5.249, abs=5e-4)


@pytest.mark.parametrize("start", STARTS)
def test_at_the_threshold_both_starts_share_all_but_the_upper_bound(numbers, curve, start):
    known = {key: numbers.parameters[start][key] for key in ("n", "alpha", "gamma0", "beta0")}
    log10_t, lower = curve("lower_bound")
    bound = theorem_3_2.lower_bound(10**log10_t, **known)
    np.testing.assert_allclose(lower, 2 * bound, rtol=1e-12)
    log10_t, exact = curve("exact")
    gamma = theorem_3_2.exact(log10_t * np.log(10), **known)
    np.testing.assert_allclose(exact, 2 * gamma, rtol=1e-12)


def test_gamma_log_squared_t_tends_to_its_constants(numbers, curve):
    """γ log²t → (αC)² from below for the exact solution, and from above for the upper bound.

    The lower bound loses (1-γ₀²)², since its proof has 1-γ² ≥ 1-γ₀² in the exponent.
    """
    about = numbers.parameters["together"]

    def normalised(name, first):
        log10_t, value = curve(name)
        scaled = value / 2 * (log10_t * np.log(10)) ** 2 / about["sharp_constant"]
        return scaled[log10_t > first]

    exact = normalised("exact", 0)
    assert (np.diff(exact) > 0).all() and 0.97 < exact[-1] < 1
    upper = normalised("upper_bound_together", 3)
    assert (np.diff(upper) < 0).all() and 1 < upper[-1] < 1.003
    limit = about["constant_of_lower_bound"] / about["sharp_constant"]
    assert limit == pytest.approx((1 - fig4a.HEIGHT**2) ** 2)
    lower = normalised("lower_bound", fig4a.SHOWN)
    assert (np.diff(lower) > 0).all() and 0.95 * limit < lower[-1] < limit


def test_the_exact_solution_lags_behind_its_asymptote_by_log_log_t(numbers, curve):
    """With b = αβ = αC/√γ late db/dt = (n-1)b²e^-b, so log (n-1)t = b - 2 log b + 2/b + ..."""
    about = numbers.parameters["together"]
    log10_t, value = curve("exact")
    late = log10_t > 20
    b = np.sqrt(about["sharp_constant"] / (value[late] / 2))
    rest = np.log(about["n"] - 1) + np.log(10) * log10_t[late] - (b - 2 * np.log(b))
    np.testing.assert_allclose(rest * b, 2, rtol=5 / b.min())


def test_the_gap_lags_while_gamma_falls(numbers, curve):
    """Δ² = (1-γ²)‖u‖² + 4γ², (6) gives β, and ‖u‖⁵β stays 1.7201 by the exchange law."""
    about = numbers.parameters["apart"]
    _, gap = curve("gap_apart")
    gamma = curve("two_gamma_apart")[1] / 2
    beta = lemma_3_1.beta(gamma, beta0=about["beta0"], gamma0=about["gamma0"])
    u = np.sqrt((gap**2 - 4 * gamma**2) / (1 - gamma**2))
    np.testing.assert_allclose(u**5 * beta, 0.8**5 * about["beta0"], rtol=1e-6)
    assert 0.8**5 * about["beta0"] == pytest.approx(1.7201, abs=5e-5)
    assert about["gap_at_end"] == pytest.approx(0.524, abs=5e-4)
    assert about["two_gamma_at_end"] == pytest.approx(0.0083, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [(f"two_gamma_{start}", "lower_bound", f"upper_bound_{start}") for start in STARTS]
    + [("gap_apart", "least_gap_apart", "largest_gap_apart")],
)
def test_what_is_bounded_stays_between_its_bounds(curve, name, least, most):
    """Twice γ, which is the gap where u = 0, and the gap where the centres differ."""
    t, value = curve(name)
    (t_least, low), (t_most, high) = curve(least, fig4a.END), curve(most, fig4a.END)
    np.testing.assert_array_equal([t_least, t_most], [t, t])
    assert (low <= value * ROUNDING).all() and (value <= high * ROUNDING).all()


def late_slope(log10_t, value, since):
    """d log value/d log log t at late times."""
    late = log10_t > since
    return np.polyfit(np.log(log10_t[late]), np.log(value[late]), 1)[0]


def test_that_gap_goes_to_zero_like_log_t_to_the_power_minus_one_fifth(numbers, curve):
    """If γ log²t → c², then β√γ → C puts β at C log t/c, hence ‖u‖ at (1.7201 c/(C log t))^(1/5).

    For the lower bound of γ c = αC(1-γ₀²), for the upper one AC, A the margin of the first start.
    """
    first, second = (numbers.parameters[start] for start in STARTS)
    c = second["C"]
    for name, limit in (
        ("least_gap_apart", second["alpha"] * c * (1 - second["gamma0"] ** 2)),
        ("largest_gap_apart", first["alpha"] * c),
    ):
        log10_t, gap = curve(name)
        expected = (1.7201 * limit / (c * np.log(10) * log10_t[-1])) ** 0.2
        assert log10_t[-1] > 250 and gap[-1] == pytest.approx(expected, rel=0.01)
        assert late_slope(log10_t, gap, 100) == pytest.approx(-1 / 5, abs=0.01)


def test_the_margin_of_the_second_start_never_exceeds_that_of_the_first(numbers):
    """It is (1-h²)(1-cos 72°) at heights ±h, and these fall as β grows."""
    first, second = (numbers.parameters[start] for start in STARTS)
    assert second["largest_margin"] < first["largest_margin"] * ROUNDING
    beta = lemma_3_1.beta(
        second["two_gamma_at_end"] / 2, beta0=second["beta0"], gamma0=second["gamma0"]
    )
    height = 0.4 * (second["beta0"] / beta) ** 0.2
    margin = (1 - height**2) * first["alpha"]
    assert second["largest_margin"] == pytest.approx(margin, rel=1e-6)


def test_the_free_gap_follows_log_t_to_the_power_one_over_n(curve):
    """Δ ∝ β^{-1/5} where γ ∝ β⁻²: as functions of log t, late slopes are ten times apart."""
    free, together = (late_slope(*curve(k), 7) for k in ("gap_free", "two_gamma_together"))
    assert -1 / 5 < free < 0
    assert together == pytest.approx(10 * free, rel=0.05)


def test_training_starts_with_the_gap_of_random_weights(numbers):
    model = figure_4.SETTING.model(figure_4.pairs(0, 256), Method(gd.Fixed(1.0)))
    X, Y = model.embeddings(model.start(0))
    gap = np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0))
    for name in ADAM:
        assert numbers.parameters["encoders"][name]["gap_at_start"] == pytest.approx(gap)
        assert numbers.parameters["encoders"][name]["beta_at_start"] == pytest.approx(1 / 0.07)


def test_fits_know_the_law_and_a_gap_that_stays():
    """c/log²t is a line to 0 and the power -2 of log t; β = log t makes powers of β the same."""
    t = np.geomspace(1, 1e4, 81)[1:]
    run = {"t": t, "beta": np.log(t), "mismatched": np.zeros(80), "gap": 3 / np.log(t) ** 2}
    law = late_gap.statements(run, 100.0)
    assert law["line_r2"] == pytest.approx(1) and law["line_at_infinity"] == pytest.approx(0)
    assert (law["power_of_log_t"], law["power_of_beta"]) == pytest.approx((-2, -2))
    assert law["line_at_first"] == pytest.approx(3 / np.log(100) ** 2)
    assert law["line_at_last"] == pytest.approx(law["line_at_first"] / 4)
    assert law["halved_at"] == [t[run["gap"] <= run["gap"][0] / 2][0]]
    frozen = late_gap.statements(run | {"gap": 0.4 + 3 / np.log(t) ** 2}, 100.0)
    assert frozen["line_r2"] == pytest.approx(1)
    assert frozen["line_at_infinity"] == pytest.approx(0.4) and frozen["power_of_log_t"] > -1
    root = late_gap.statements(run | {"gap": np.log(t) ** -0.5}, 100.0)
    assert (root["power_of_log_t"], root["power_of_log_t_r2"]) == pytest.approx((-0.5, 1))
    assert root["line_r2"] < 0.99


def test_the_line_of_the_paper_meets_zero_before_the_end_of_time(numbers):
    """By least squares with weights written out, and by draws of what covered markers may be."""
    steps, x, gap, low, high = published.FIGURE_4A
    paper = numbers.parameters["encoders"]["paper"]
    slope = ((x - x.mean()) * gap).sum() / ((x - x.mean()) ** 2).sum()
    last = gap.mean() - slope * x.mean()
    assert (paper["slope"], paper["line_at_infinity"]) == pytest.approx((slope, last))
    assert paper["line_at_infinity"] + paper["line_at_infinity_error"] < -0.1
    assert np.log10(paper["line_meets_zero_at"]) ** -2 == pytest.approx(last / slope)
    assert steps[-1] < paper["line_meets_zero_at"] < 1e5
    assert paper["line_at_last"] == pytest.approx(last + slope * x[-1])
    lines = np.polyfit(x, np.random.default_rng(0).uniform(low, high, (500, len(x))).T, 1)
    assert (np.abs(lines[1] - last) < paper["line_at_infinity_error"]).all()
    assert (np.abs(lines[0] - slope) < paper["slope_error"]).all()


@pytest.fixture(scope="module")
def encoders(committed):
    """Statements about the encoders, as the repository holds them."""
    return committed("fig4a").parameters["encoders"]


def test_under_adam_the_gap_is_no_line_and_halves_before_pairs_match(encoders):
    """Later at a lower rate, though by less than its inverse; and then it stays."""
    for about in (encoders[name] for name in ADAM):
        assert about["line_r2"] < 0.8 and about["largest_beta"] < 100
        assert about["gap_at_start"] > 0.8 and 0.1 < about["gap_at_end"] < 0.3
        assert about["mismatched_when_halved"][0] > encoders["pairs"] / 2
    halved = np.array([encoders[name]["halved_at"][0] for name in ADAM])
    later = halved[1:] / halved[:-1]
    assert (later > 4).all() and (later < 10).all()


def test_the_flow_of_encoders_closes_little_of_the_gap_though_all_pairs_match(encoders):
    """In the setting of Theorem 3.2, whose 1/log²t would leave a quarter of what t = 100 sees."""
    about = encoders["flow"]
    assert about["mismatched_at"]["10"] == about["mismatched_at"]["10000"] == 0
    assert about["gap_at_end"] > 0.8 * about["line_at_first"]
    assert about["line_r2"] > 0.95 and about["line_at_infinity"] > 0.9 * about["gap_at_end"]


@pytest.mark.slow
def test_the_flow_of_encoders_is_accurate_enough():
    pairs = figure_4.pairs(3, 32)
    run = late_gap.by_flow(pairs, 1.0, seed=3)  # over the kinks of ReLU order 3 is enough
    model = figure_4.SETTING.model(pairs, Method(gd.Learned()))
    exact = gd.flow(model, model.start(3, tau=0.07), run["t"], rtol=1e-5, method="RK23")
    np.testing.assert_allclose(run["gap"], exact.gap, rtol=5e-3)
    np.testing.assert_allclose(run["beta"], exact.beta, rtol=5e-3)


@pytest.mark.parametrize("key", record.pictures(fig4a))
def test_pictures_are_legible(numbers, key):
    with drawing():
        figure = record.pictures(fig4a)[key](numbers)
    assert faults(figure) + overlaps(figure) == []
