"""`landscape`, `close` and `forecast` of rows that are given, and their commands."""

import json
from dataclasses import replace

import legible
import numpy as np
import pytest
from conftest import refusals
from scipy.optimize import brentq, minimize_scalar
from scipy.special import iv, lambertw, logsumexp

import gapdyn as gd
from experiments import features
from gapdyn import _memory, cli, pictures, plotting, sphere
from gapdyn.close import METHODS
from gapdyn.loss import best_temperature


def cones(n=30, d=12, gamma=0.4, noise=0.7, seed=0):
    """Two noisy views of one code, lifted to heights ±γ."""
    rng = np.random.default_rng(seed)
    code = rng.standard_normal((n, d))
    X, Y = (code + noise * rng.standard_normal((n, d)) for _ in range(2))
    return sphere.lift(X, Y, gamma=gamma)


def clip():
    """The real pairs, where they are."""
    try:
        return features.load(features.TRAINED, None)[:2]
    except features.FeaturesMissingError as missing:
        pytest.skip(str(missing))


def plain_loss(X, Y, tau):
    """Eq. (2), by its definition."""
    M = X @ Y.T / tau
    rows = [logsumexp(M[i]) - M[i, i] for i in range(len(M))]
    columns = [logsumexp(M[:, i]) - M[i, i] for i in range(len(M))]
    return (np.mean(rows) + np.mean(columns)) / 2


def moved(X, Y, amount):
    """Both modalities moved along the gap, in the words of Liang et al."""
    half = amount * (X.mean(axis=0) - Y.mean(axis=0)) / 2
    A, B = X - half, Y + half
    return (rows / np.sqrt((rows**2).sum(axis=1))[:, None] for rows in (A, B))


# The loss against the gap


def test_the_landscape_is_the_loss_of_shifted_rows():
    X, Y = cones()
    amounts = np.array([-1.0, -0.3, 0.0, 0.6, 1.0, 1.9])
    found = gd.landscape(3 * X, Y, [0.05, 0.4], amounts=amounts)
    for k, amount in enumerate(amounts):
        A, B = moved(X, Y, amount)
        between = A.mean(axis=0) - B.mean(axis=0)
        assert abs(found.gaps[k]) == pytest.approx(np.linalg.norm(between), rel=1e-12)
        assert np.sign(found.gaps[k]) == np.sign(between @ (X.mean(axis=0) - Y.mean(axis=0)))
        for tau, loss in zip(found.taus, found.losses[:, k], strict=True):
            assert loss == pytest.approx(plain_loss(A, B, tau), rel=1e-10)
    assert found.own_gap == pytest.approx(0.8, rel=0.2) and found.gaps[2] == pytest.approx(
        found.own_gap
    )
    np.testing.assert_allclose(found.own_loss, found.losses[:, 2], rtol=1e-12)


def test_its_minimum_is_that_of_a_fine_grid():
    X, Y = cones()
    found = gd.landscape(X, Y, [0.05, 0.4], amounts=np.linspace(-0.5, 1.5, 21))
    for tau, gap, least in zip(found.taus, found.best_gap, found.best_loss, strict=True):
        fine = np.linspace(-0.5, 1.5, 161)
        losses = [plain_loss(*moved(X, Y, amount), tau) for amount in fine]
        A, B = moved(X, Y, fine[np.argmin(losses)])
        assert least <= min(losses) + 1e-12
        assert abs(gap) == pytest.approx(np.linalg.norm(A.mean(axis=0) - B.mean(axis=0)), abs=1e-2)


def test_pairs_that_coincide_but_for_the_gap_want_none():
    X, Y = sphere.lift(*sphere.polygon_pairs(6), gamma=0.5)
    assert gd.landscape(X, Y, [0.1]).best_gap == pytest.approx(0, abs=1e-6)


def test_real_clip_has_the_gap_that_its_own_temperature_wants():
    """Theory 3.8."""
    found = gd.landscape(*clip(), [0.01, 0.1], amounts=np.linspace(-0.5, 2, 26))
    assert found.own_gap == pytest.approx(0.8514, abs=5e-5)
    assert found.best_gap == pytest.approx([0.859, 0.209], abs=1e-3)


def test_shifted_clip_has_the_gaps_of_liang_et_al():
    """Their δ is a distance. Their 5,000 pairs have a gap of .8221, and these 500 one of .8514."""
    theirs = [1.4128, 1.3050, 1.1731, 1.0131, 0.8221, 0.5998, 0.3504, 0.0838]
    X, Y = clip()
    gap = gd.measure(X, Y).gap
    found = gd.landscape(X, Y, [0.1], amounts=np.arange(-1, 1, 0.25) / gap)
    difference = found.gaps - theirs
    assert difference.min() > 0.015 and difference.max() < 0.034  # λ = δ would be 0.15 off


def test_the_best_temperature_has_its_closed_form_for_two_pairs():
    """Two differences are 2q and two -q: the least of s(-2βq) + s(βq), s = softplus, has e^{βq} = e
    with e³ - e = 2."""
    q = 0.3
    Z = np.array([[0.0, -2 * q], [-2 * q, -3 * q]])
    root = np.real(np.roots([1, 0, -1, -2])[0])
    assert root**3 - root == pytest.approx(2)
    assert best_temperature(Z) == pytest.approx(q / np.log(root), rel=1e-9)
    assert best_temperature(1e-8 * Z) == pytest.approx(1e-8 * q / np.log(root), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_temperature_is_that_of_a_search(seed):
    X, Y = cones(noise=2.0, seed=seed)
    found = minimize_scalar(lambda s: plain_loss(X, Y, np.exp(s)), bounds=(-6, 4), method="bounded")
    assert best_temperature(X @ Y.T) == pytest.approx(np.exp(found.x), rel=1e-3)


def test_matched_pairs_want_no_temperature_and_reversed_ones_any():
    assert best_temperature(np.eye(4)) == 0
    assert best_temperature(-np.eye(4)) == best_temperature(np.zeros((3, 3))) == np.inf


# Closing


@pytest.mark.parametrize("method", ["shift", "one-sided", "centre"])
def test_shifts_take_the_gap_to_nothing_before_rows_are_normalised(method):
    X, Y = cones()
    found = gd.close(X, Y, method, renormalise=False)
    assert found.gap_unnormalised < 1e-14 < found.after.gap < 0.2 * found.before.gap
    np.testing.assert_allclose(found.X.mean(axis=0), found.Y.mean(axis=0), atol=1e-15)
    unit = gd.close(X, Y, method)
    np.testing.assert_allclose(unit.X, sphere.normalise(found.X), atol=1e-14)
    np.testing.assert_equal(unit.after.to_dict(), found.after.to_dict())  # as NaN is NaN
    assert unit.loss_after == found.loss_after


def test_an_orthogonal_shift_keeps_the_neighbours_of_queries():
    """⟨x_i, v⟩ is the same for all i, so that Z'_ij = (Z_ij + c)/|y_j + v|."""
    X, Y = cones(n=20, d=64, noise=2.0)
    found = gd.close(X, Y, "orthogonal")
    Z, W = X @ Y.T, found.X @ found.Y.T
    np.testing.assert_array_equal(np.argsort(Z, axis=0), np.argsort(W, axis=0))
    assert found.kept_y_to_x == 1 > found.kept_x_to_y
    assert found.after.gap < 0.5 * found.before.gap
    np.testing.assert_allclose(found.X, X, rtol=1e-14, atol=1e-15)
    raw = gd.close(X, Y, "orthogonal", renormalise=False)
    assert np.ptp(raw.X @ raw.Y.T - Z) < 1e-14 < 1e-3 < np.ptp(W - Z)


def test_of_full_rank_an_orthogonal_shift_moves_nothing():
    X, Y = sphere.sample(60, 8, 0), sphere.sample(60, 8, 1)
    found = gd.close(X, Y, "orthogonal")
    np.testing.assert_allclose(found.Y, Y, atol=1e-12)
    assert found.after.gap == pytest.approx(found.before.gap, rel=1e-12)


def test_procrustes_finds_a_rotation_from_half_of_the_pairs():
    X = sphere.sample(40, 6, 0)
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]
    found = gd.close(X, X @ Q, "procrustes")
    np.testing.assert_allclose(found.Y, X, atol=1e-12)
    assert found.pairs == 20 and found.after.alignment < 1e-24 < 0.1 < found.before.alignment


def test_noise_is_not_learnt_by_heart_by_procrustes():
    """Of pairs without a common code, those that it did not see stay at chance."""
    X, Y = sphere.sample(200, 100, 0), sphere.sample(200, 100, 1)
    found = gd.close(X, Y, "procrustes")
    assert found.pairs == 100 and found.after.recall_at_1_x_to_y < 0.08


def test_the_top_direction_of_two_clusters_is_the_gap():
    X, Y = cones(gamma=0.8)
    found = gd.close(X, Y, "top-direction", renormalise=False)
    rows = np.concatenate([X, Y])
    top = np.linalg.eigh(np.cov(rows.T))[1][:, -1]
    np.testing.assert_allclose(np.concatenate([found.X, found.Y]) @ top, 0, atol=1e-12)
    assert found.gap_unnormalised < 0.1 * found.before.gap


def test_what_is_kept_and_lost_is_counted():
    X, Y = cones(noise=1.5)
    found = gd.close(X, Y, "centre", neighbours=3, tau=0.2)
    for old, new, kept in (
        (X @ Y.T, found.X @ found.Y.T, found.kept_x_to_y),
        (Y @ X.T, found.Y @ found.X.T, found.kept_y_to_x),
    ):
        shares = [
            len({*np.argsort(a)[-3:]} & {*np.argsort(b)[-3:]}) / 3
            for a, b in zip(old, new, strict=True)
        ]
        assert kept == pytest.approx(np.mean(shares))
    assert found.loss_before == pytest.approx(plain_loss(X, Y, 0.2), rel=1e-10)
    assert found.loss_after == pytest.approx(plain_loss(found.X, found.Y, 0.2), rel=1e-10)
    for measures, rows in ((found.before, (X, Y)), (found.after, (found.X, found.Y))):
        assert measures.to_dict() == pytest.approx(
            gd.measure(*rows).to_dict(), rel=1e-9, abs=1e-12, nan_ok=True
        )


def test_a_mean_shift_of_real_clip_costs_a_third_of_its_retrieval():
    found = gd.close(*clip(), "shift")
    before, after = found.before, found.after
    assert (before.gap, after.gap) == pytest.approx((0.8514, 0.0078), abs=5e-5)
    assert (before.recall_at_1_x_to_y, after.recall_at_1_x_to_y) == (0.552, 0.358)
    assert before.recall_at_1_y_to_x == 0.506


# What theory says


def said(X, Y, **options):
    return {s.name: s for s in gd.forecast(X, Y, **options).statements}


def test_the_forecast_is_what_the_flow_does():
    """Velocity and slope, against finite differences along the free flow."""
    X, Y = cones(n=12, d=5, noise=1.0)
    model = gd.FreeModel(12, 6, gd.Learned())
    step = 1e-4
    run = gd.flow(model, model.start(X, Y, tau=0.3), [0.0, step, 2 * step], rtol=1e-11, atol=1e-13)
    forward = (-3 * run.gap[0] + 4 * run.gap[1] - run.gap[2]) / (2 * step)
    log_gap, log_beta = np.log(run.gap), np.log(run.beta)
    slope = 12 * (log_gap[1] - log_gap[0]) / (log_beta[1] - log_beta[0])
    found = said(X, Y, tau=0.3)
    assert found["gap velocity"].value == pytest.approx(forward, rel=1e-4)
    assert found["slope"].value == pytest.approx(slope, rel=1e-2)
    assert abs(found["gap velocity"].value) <= found["largest velocity"].value
    assert found["largest velocity"].value == pytest.approx(1.5 * np.sqrt(3) / (0.3 * 12))


def test_the_frozen_gap_has_a_number_where_all_pairs_match():
    X, Y = sphere.lift(*sphere.polygon_pairs(5), gamma=0.3)
    alpha = (1 - 0.09) * (1 - np.cos(2 * np.pi / 5))
    found = said(X, Y, tau=0.07)
    per_fold = 1.5 * np.sqrt(3) / (5 * alpha)
    assert found["most per e-fold"].value == pytest.approx(per_fold)
    assert found["most to the clamp"].value == pytest.approx(per_fold * np.log(7))
    assert "most to the clamp" not in said(X, Y, tau=0.01)
    assert "vacuous" in found["most to the clamp"].says  # 1.62, and Δ = 0.6
    assert "vacuous" not in found["most per e-fold"].says
    assert found["slope"].value == pytest.approx(-1)
    turned = said(*sphere.lift(*sphere.polygon_pairs(5, 2), gamma=0.3), tau=0.07)
    assert np.isnan(turned["most per e-fold"].value) and not turned["most per e-fold"].met


def test_the_fastest_temperature_is_that_of_a_search():
    X, Y = cones(noise=1.0)
    found = said(X, Y)
    model = {t: gd.FreeModel(len(X), X.shape[1], gd.Fixed(t)) for t in np.geomspace(0.02, 2, 41)}

    def rate(t):
        m = model[t]
        y = m.start(X, Y)
        run = gd.flow(m, y, [0.0, 1e-5], rtol=1e-12, atol=1e-14)
        return -np.diff(np.log(run.gap))[0] / 1e-5

    rates = {t: rate(t) for t in model}
    best = max(rates, key=rates.get)
    assert found["fastest fixed τ"].value == pytest.approx(best, rel=0.13)
    assert found["its rate"].value == pytest.approx(rates[best], rel=0.02)


def test_a_simplex_has_the_temperature_of_appendix_c():
    W = gd.examples.simplex(6)
    X, Y = sphere.lift(W, W, gamma=0.2)
    alpha = 0.96 * 6 / 5
    star = alpha / (1 + np.real(lambertw(5 / np.e)))
    assert said(X, Y)["τ* of Appendix C"].value == pytest.approx(star)
    assert not said(*cones())["τ* of Appendix C"].met


def test_the_parallel_model_goes_where_the_forecast_says():
    """Lemma 3.1 has γe^{-γ²/2}β² constant, and the flow stays above the least γ of its margin."""
    X, Y = sphere.polygon_pairs(5)
    found = said(*sphere.lift(X, Y, gamma=0.31), tau=0.07)
    constant = 0.31 * np.exp(-(0.31**2) / 2) / 0.07**2
    height = brentq(lambda g: g * np.exp(-(g**2) / 2) / 0.01**2 - constant, 1e-9, 0.31)
    assert found["2γ at the clamp"].value == pytest.approx(2 * height, rel=1e-9)
    model = gd.ParallelModel(5, 2, gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=0.07, gamma=0.31), [0.0, 1e5])
    assert run.margin.min() > 0.99 * run.margin[0]
    assert found["least 2γ"].value <= run.gap[-1] < 1.1 * found["least 2γ"].value
    assert "stays 0.691" in found["least 2γ"].hypothesis  # before lifting, 1 - cos 72°


def test_a_simplex_closes_as_fast_as_the_forecast_allows():
    """Its Z is αI up to a constant and stays so, which is the fastest path."""
    W = gd.examples.simplex(4)
    found = said(*sphere.lift(W, W, gamma=0.31), tau=0.2)["least 2γ"]
    model = gd.ParallelModel(4, W.shape[1], gd.Learned())
    run = gd.flow(model, model.start(W, W, tau=0.2, gamma=0.31), [0.0, 1e5])
    assert run.gap[-1] == pytest.approx(found.value, rel=1e-5)


def test_level_rows_are_found_in_any_direction():
    """The directions of a lift are turned, and the rows have no one direction of their own."""
    X, Y = sphere.lift(sphere.sample(300, 6, 0), sphere.sample(300, 6, 1), gamma=0.3)
    Q = np.linalg.qr(np.random.default_rng(2).standard_normal((7, 7)))[0]
    found = said((X @ Q).astype(np.float32), (Y @ Q).astype(np.float32), tau=0.5)
    assert found["2γ at the clamp"].met and "level at ±0.3;" in found["2γ at the clamp"].hypothesis
    tilted = X + 0.05 * np.random.default_rng(3).standard_normal(X.shape)
    assert not said(tilted, Y, tau=0.5)["2γ at the clamp"].met


def pull(Z, a):
    """-g, by the definition of the gradient."""
    P = np.exp(a * Z)
    rows, columns = P / P.sum(axis=1, keepdims=True), P / P.sum(axis=0)
    return ((rows + columns) * Z).sum() / (2 * len(Z)) - np.trace(Z) / len(Z)


@pytest.mark.parametrize("seed", range(3))
def test_uniform_rows_open_no_slower_than_theorem_3_3_says(seed):
    X, Y = sphere.sample(400, 8, seed), sphere.sample(400, 8, 50 + seed)
    found = said(*sphere.lift(X, Y, gamma=0.3), tau=0.5)["least dγ/dt"]
    a = (1 - 0.09) / 0.5
    velocity = 2 * 0.3 / 0.5 * pull(X @ Y.T, a)
    limit = 2 * 0.3 / 0.5 * iv(4, a) / iv(3, a)
    bound = gd.theory.theorem_3_3.variance_bound(n=400, d=8, tau=0.5, gamma0=0.3, delta=0.05)
    assert found.met and 0.4 * limit < found.value < velocity
    assert found.value == pytest.approx(2 * 0.3 / 0.5 * bound.value, rel=1e-9)
    assert velocity == pytest.approx(limit, rel=0.3)


@pytest.mark.parametrize("kind", ["matched", "one-sided", "flat", "few"])
def test_rows_that_are_not_uniform_have_no_opening(kind):
    """Each has one thing that uniform rows have not."""
    X, Y = sphere.sample(400, 8, 0), sphere.sample(400, 8, 1)
    if kind == "matched":
        Y = sphere.normalise(Y + 0.5 * X)
    elif kind == "one-sided":
        X = sphere.normalise(X + 0.2 * np.eye(8)[0])
    elif kind == "flat":
        Y = sphere.normalise(Y * np.linspace(0.6, 1.4, 8))
    else:
        X, Y = X[:4], Y[:4]
    assert not said(*sphere.lift(X, Y, gamma=0.3), tau=0.5)["least dγ/dt"].met


def test_a_loss_that_falls_to_the_edge_wants_no_gap():
    X, Y = sphere.lift(sphere.sample(60, 8, 0), sphere.sample(60, 8, 1), gamma=0.3)
    found = said(X, Y, tau=0.5)["gap of least loss"]
    assert np.isnan(found.value) and not found.met


def test_more_pairs_than_memory_holds_are_refused(monkeypatch):
    monkeypatch.setattr(_memory, "available", lambda: 6 * 8 * 30**2 - 1.0)
    for question in (gd.landscape, gd.close, gd.forecast):
        with pytest.raises(MemoryError, match=r"similarities of 30 pairs, n × n, .* 43\.2 kB"):
            question(*cones())


def test_a_forecast_describes_the_rows_first():
    X, Y = cones(noise=2.0)
    found = gd.forecast(X, Y, tau=0.1)
    Z = X @ Y.T
    others = Z - 9 * np.eye(len(Z))
    margins = Z.diagonal() - np.maximum(others.max(axis=0), others.max(axis=1))
    assert found.matched == np.mean(margins > 0) and 0 < found.matched < 1
    assert found.margins["0.25"] == pytest.approx(np.quantile(margins, 0.25))
    assert found.loss == pytest.approx(plain_loss(X, Y, 0.1)) and found.log_pairs == np.log(30)
    assert found.best_loss == pytest.approx(plain_loss(X, Y, found.best_tau), rel=1e-9)
    least = min(plain_loss(X, Y, found.best_tau * f) for f in (0.9, 1.1))
    assert found.best_loss < least


def test_real_clip_does_not_meet_the_hypothesis_of_the_frozen_gap():
    found = gd.forecast(*clip())
    assert found.matched == pytest.approx(0.416)
    assert not found.statements[0].met
    said = {s.name: s for s in found.statements}
    assert "not level" in said["least 2γ"].hypothesis and not said["least dγ/dt"].met
    assert "τ rises here" in said["slope"].hypothesis  # as the best τ is above 0.01
    assert said["slope"].value == pytest.approx(-0.2505, abs=5e-5)
    assert found.best_tau == pytest.approx(0.0117, abs=5e-5)


X, Y = cones(n=8, d=4)
test_bad_input_is_named = refusals(
    (lambda: gd.landscape(X, Y[:3]), ValueError, "X and Y must have one shape"),
    (lambda: gd.landscape(X, Y, []), ValueError, "taus must hold at least one"),
    (lambda: gd.landscape(X, Y, [0.0]), ValueError, "taus must be positive"),
    (lambda: gd.landscape(X, Y, amounts=[0.0, 1.0]), ValueError, "amounts must be at least 3"),
    (lambda: gd.landscape(X, Y, amounts=[2.0, 1.0, 0.0]), ValueError, "amounts must be at least 3"),
    (lambda: gd.landscape(X, X), ValueError, "X and Y must have a gap"),
    (lambda: gd.close(X, Y, "none"), ValueError, "method must be one of shift, "),
    (lambda: gd.close(X, Y, tau=0.0), ValueError, "tau must be positive"),
    (lambda: gd.close(X, Y, neighbours=0), ValueError, "neighbours must be at least 1"),
    (lambda: gd.close(X, Y, renormalise=1), TypeError, "renormalise must be"),
    (lambda: gd.close(X[:3], Y[:3], "procrustes"), ValueError, "at least 4 pairs"),
    (
        lambda: gd.close(np.eye(2)[[0, 0]], np.eye(2)[[1, 1]], "centre"),
        ValueError,
        "method must leave each row some length, centre takes one to zero",
    ),
    (lambda: gd.forecast(X, Y, tau=-1.0), ValueError, "tau must be positive"),
    (lambda: gd.forecast(X, Y, tau=1e-300), ValueError, "tau must lie between 1e-09 and "),
    (lambda: gd.forecast(X, X), ValueError, "X and Y must have a gap"),
    (lambda: best_temperature(np.ones((2, 3))), ValueError, "Z must be"),
)


# Commands


@pytest.fixture
def both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("both.npy", cones())
    return tmp_path


def test_commands_print_what_the_functions_say(both, capsys):
    X, Y = np.load("both.npy")
    assert cli.main(["close", "both.npy", "--method", "centre", "--json", "--out", "c.npy"]) == 0
    closed = gd.close(X, Y, "centre")
    found = json.loads(capsys.readouterr().out)
    assert (found["after"]["gap"], found["kept_x_to_y"]) == (closed.after.gap, closed.kept_x_to_y)
    np.testing.assert_array_equal(np.load("c.npy"), [closed.X, closed.Y])
    assert cli.main(["landscape", "both.npy", "--tau", "0.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best_gap"] == gd.landscape(X, Y, [0.1]).best_gap.tolist()
    assert cli.main(["forecast", "both.npy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loss"] == gd.forecast(X, Y).loss
    assert {s["name"] for s in found["statements"]} == {*said(X, Y)}


def test_tables_are_for_readers(both, capsys):
    for command in ("close", "landscape", "forecast"):
        assert cli.main([command, "both.npy", "--sample", "20", "--seed", "1"]) == 0
        shown = capsys.readouterr()
        assert "nan" not in shown.out and max(map(len, shown.out.splitlines())) <= 100
        assert shown.err == (
            f"gapdyn {command}: of 20 pairs drawn from 30, and about these alone\n"
        )


def test_pictures_of_rows_fit_a_page(both):
    X, Y = np.load("both.npy")
    hotter = gd.landscape(X, Y, [0.05, 0.1, 0.2, 0.4, 0.8])
    with plotting.drawing():
        for figure in (pictures.page(X, Y), pictures.landscape_page(hotter, "mine")):
            assert legible.faults(figure) + legible.overlaps(figure) == []


def test_a_landscape_says_that_heat_wants_a_small_gap_only_where_it_does(both):
    found = gd.landscape(*np.load("both.npy"), [0.1, 0.2])
    for best, heat in (([0.3, 0.2], True), ([0.2, 0.3], False)):
        figure = pictures.landscape_page(replace(found, best_gap=np.array(best)))
        assert figure.get_suptitle().startswith("The higher the temperature") == heat


def test_a_least_loss_at_an_end_is_said_to_be_the_last_that_was_tried():
    """Of random pairs at a low temperature, the gap of least loss lies beyond the range."""
    found = gd.landscape(sphere.sample(40, 30, 0), sphere.sample(40, 30, 1), [0.01])
    assert found.losses.argmin() in (0, found.losses.size - 1)
    for seen, said in ((found, True), (gd.landscape(*cones(), [0.1]), False)):
        (ax,) = pictures.landscape_page(seen).get_axes()
        labels = ax.get_legend_handles_labels()[1]
        assert labels[0].endswith("(last tried)") == said


@pytest.mark.parametrize("command", ["measure", "landscape"])
@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_pictures_are_drawn_in_the_format_of_their_names(both, capsys, command, kind):
    assert cli.main([command, "both.npy", "--plot", f"a.{kind}"]) == 0
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind]
    assert (both / f"a.{kind}").read_bytes().startswith(start)
    assert f"wrote a.{kind}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("close both.npy --method shut", "invalid choice: 'shut'"),
        ("close both.npy --out rows.csv", "--out wants a name that ends in .npy, got rows.csv"),
        ("close both.npy --out no/rows.npy", "--out wants a file in an existing folder"),
        ("close both.npy --tau 0", "tau must be positive"),
        ("close both.npy --sample 1", "--sample must be at least 2, got 1"),
        ("close both.npy --seed -1", "--seed must not be negative"),
        ("landscape both.npy --tau", "expected at least one argument"),
        ("landscape both.npy --tau -1", "taus must be positive"),
        ("landscape both.npy --plot rows.gif", "--plot wants a name that ends in .png, .pdf or"),
        ("measure both.npy --plot rows", "--plot wants a name that ends in .png, .pdf or .svg"),
        ("forecast both.npy --tau hot", "invalid float value: 'hot'"),
        ("forecast none.npy", "there is no file none.npy"),
    ],
)
def test_bad_options_are_one_line_and_status_2(both, capsys, command, says):
    try:
        status = cli.main(command.split())
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert says in shown.err and shown.err.count("\n") == 1
    assert [file.name for file in both.iterdir()] == ["both.npy"]


def test_every_method_is_described():
    for method in METHODS:
        assert f"``{method}``" in gd.close.__doc__
