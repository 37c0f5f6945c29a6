import json
from dataclasses import fields
from math import dist, exp, log

import numpy as np
import pytest
from conftest import refusals
from hypothesis import given
from hypothesis import strategies as st

import gapdyn as gd
from experiments import features
from gapdyn import measures, rows, similarities, spectrum, sphere

tables = st.builds(
    lambda n, seed: np.random.default_rng(seed).integers(-3, 4, (n, n)) / 3.0,  # with ties
    st.integers(2, 9),
    st.integers(0, 2**32),
)


@given(tables)
def test_margin_and_mismatched_pairs_are_as_defined(Z):
    n = len(Z)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    assert measures.margin(Z) == min(min(Z[i, i] - Z[i, j], Z[j, j] - Z[i, j]) for i, j in pairs)
    bad = {i for i, j in pairs if Z[i, j] >= Z[i, i] or Z[j, i] >= Z[i, i]}
    assert measures.mismatched(Z) == len(bad)


@given(tables)
def test_recall_at_1_counts_ties_against_the_match(Z):
    n = len(Z)
    hits = [all(Z[i, i] > Z[i, j] for j in range(n) if j != i) for i in range(n)]
    assert measures.recall_at_1(Z)[0] == pytest.approx(np.mean(hits))
    assert measures.recall_at_1(Z.T) == measures.recall_at_1(Z)[::-1]


def by_loops(X, Y, label_x, label_y):
    """Measures from their definitions, row by row."""
    X, Y = X.tolist(), Y.tolist()
    dot = lambda a, b: sum(p * q for p, q in zip(a, b, strict=True))  # noqa: E731
    Z = [[dot(x, y) for y in Y] for x in X]
    every = [(i, j) for i in range(len(X)) for j in range(len(Y))]
    pairs = [(i, j) for i, j in every if label_x[i] == label_y[j]]
    strangers = [(i, j) for i, j in every if label_x[i] != label_y[j]]

    def within(rows, labels):
        chosen = [
            (a, b) for a in range(len(rows)) for b in range(len(rows)) if labels[a] != labels[b]
        ]
        return np.mean([dot(rows[a], rows[b]) for a, b in chosen])

    def ranks(Z, own, other):
        best = [
            max(z for z, o in zip(row, other, strict=True) if o == g)
            for row, g in zip(Z, own, strict=True)
        ]
        return [
            1 + sum(z >= top - sphere.TIE for z, o in zip(row, other, strict=True) if o != g)
            for row, g, top in zip(Z, own, best, strict=True)
        ]

    margins = [
        Z[i][j]
        - max([Z[i][k] for a, k in strangers if a == i] + [Z[k][j] for k, b in strangers if b == j])
        for i, j in pairs
    ]
    distances = [dist(X[i], Y[j]) for i, j in pairs]
    d_pair = np.mean([(1 - Z[i][j]) / 2 for i, j in pairs])
    d_within = [(1 - within(rows, labels)) / 2 for rows, labels in ((X, label_x), (Y, label_y))]
    to_y, to_x = ranks(Z, label_x, label_y), ranks([*zip(*Z, strict=True)], label_y, label_x)
    centres = [[sum(column) / len(rows) for column in zip(*rows, strict=True)] for rows in (X, Y)]
    spread = [
        np.mean([dist(row, c) ** 2 for row in rows])
        for rows, c in zip((X, Y), centres, strict=True)
    ]
    positive = min(Z[i][j] for i, j in pairs)
    negative = max(Z[i][j] for i, j in strangers)
    shares = sorted(((a - b) ** 2 for a, b in zip(*centres, strict=True)), reverse=True)
    long = [dist(c, [0] * len(c)) for c in centres]
    angle = np.arccos(dot(*centres) / (long[0] * long[1]))
    return {
        "pairs": len(pairs), "rows_x": len(X), "rows_y": len(Y), "dim": len(X[0]),
        "gap": dist(*centres), "gap_squared": dist(*centres) ** 2,
        "centroid_angle": np.degrees(angle), "normalised_gap": 2 * np.sin(angle / 2),
        "relative_gap": d_pair / (d_pair + np.mean(d_within)),
        "spread_gap": dist(*centres) / np.sqrt(np.mean(spread)),
        "gap_in_top_1": shares[0] / sum(shares),
        "gap_in_top_10": sum(shares[:10]) / sum(shares),
        "pair_distance": np.mean(distances), "pair_cosine": np.mean([Z[i][j] for i, j in pairs]),
        "alignment": np.mean([r**2 for r in distances]),
        "intra_cosine_x": within(X, label_x), "intra_cosine_y": within(Y, label_y),
        "cross_cosine": np.mean([Z[i][j] for i, j in strangers]),
        "margin": min(margins), "mismatched": sum(m <= sphere.TIE for m in margins),
        "global_margin": (positive - negative) / 2, "relative_bias": (positive + negative) / 2,
        **{f"recall_at_{k}_x_to_y": np.mean([r <= k for r in to_y]) for k in (1, 5, 10)},
        **{f"recall_at_{k}_y_to_x": np.mean([r <= k for r in to_x]) for k in (1, 5, 10)},
        "mean_rank_x_to_y": np.mean(to_y), "mean_rank_y_to_x": np.mean(to_x),
        "median_rank_x_to_y": np.median(to_y), "median_rank_y_to_x": np.median(to_x),
    }  # fmt: skip


def agrees(m, wanted, rel=1e-9):
    found = m.to_dict()
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=rel, abs=1e-12)


def captioned(images=100, captions=5, d=16, noise=1.5, seed=0):
    """Images, and captions of each in random order, with the index of the image."""
    rng = np.random.default_rng(seed)
    X = sphere.sample(images, d, rng)
    index = rng.permutation(np.repeat(np.arange(images), captions))
    return X, sphere.unit(X[index] + noise * sphere.sample(len(index), d, rng)), index


@pytest.mark.parametrize("n", [2, 3, 17])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_pairs_are_measured_as_plain_loops_do(n, kind):
    X, Y = sphere.sample(n, 12, seed=n), sphere.sample(n, 12, seed=n + 1)
    X, Y = X.astype(kind), (X + 0.7 * Y).astype(kind)
    labels = range(n)
    agrees(gd.measure(X, Y), by_loops(sphere.normalise(X), sphere.normalise(Y), labels, labels))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_hundred_images_of_five_captions_are_measured_as_plain_loops_do(kind):
    X, Y, index = captioned()
    X, Y = X.astype(kind), Y.astype(kind)
    wanted = by_loops(sphere.normalise(X), sphere.normalise(Y), np.arange(100), index)
    assert 0.05 < wanted["recall_at_1_x_to_y"] < 0.95 and wanted["pairs"] == 500
    agrees(gd.measure(X, Y, groups=index), wanted)
    names = np.array([f"image {k}" for k in range(100)])
    agrees(gd.measure(X, Y, groups=(names, names[index])), wanted)
    agrees(gd.measure(X[index], Y, groups=index), wanted)  # an image for each caption


def test_several_rows_of_either_modality_may_belong_together():
    rng = np.random.default_rng(3)
    label_x, label_y = rng.permutation([0, 0, 0, 1, 2, 2, 3]), rng.permutation([0, 1, 1, 2, 3, 3])
    X, Y = sphere.sample(7, 4, rng), sphere.sample(6, 4, rng)
    agrees(gd.measure(X, Y, groups=[label_x, label_y]), by_loops(X, Y, label_x, label_y))


def test_an_image_that_stands_once_a_caption_is_found_when_groups_say_so():
    images = np.repeat(np.eye(4), 2, axis=0)
    captions = images + 0.1 * np.tile(np.eye(4), (2, 1))
    without, told = (
        gd.measure(images, captions),
        gd.measure(images, captions, groups=np.arange(8) // 2),
    )
    assert (without.recall_at_1_x_to_y, without.recall_at_1_y_to_x) == (0.25, 0)
    assert "4 of 8 rows of X repeat another" in without.notes[0] and len(without.notes) == 1
    assert told.recall_at_1_x_to_y == told.recall_at_1_y_to_x == 1 and not told.notes
    assert (told.rows_x, told.rows_y, told.pairs) == (4, 8, 8)


def test_lifted_simplices_have_the_values_that_can_be_told_by_hand():
    """Four corners of a simplex at heights ±h: e.g. RMG = h²/(h² + (1-h²)n/(2(n-1)))."""
    h, n = 0.5, 4
    X, Y = sphere.lift(np.eye(n) - 1 / n, np.eye(n) - 1 / n, gamma=h)
    within = 2 * (1 - h**2) * n / (n - 1)  # squared distance of two corners
    cross = [within + 1] * 3 + [1.0]
    energy = 2 * np.mean(np.sqrt(cross)) - 2 * 0.75 * np.sqrt(within)
    assert energy == pytest.approx(0.976756, abs=5e-7)
    agrees(
        gd.measure(X, Y),
        {
            "gap": 1, "gap_squared": 1, "normalised_gap": 2, "centroid_angle": 180,
            "pair_distance": 1, "pair_cosine": 0.5, "alignment": 1,
            "relative_gap": h**2 / (h**2 + (1 - h**2) * n / (2 * (n - 1))),
            "spread_gap": 1 / np.sqrt(1 - h**2), "energy": energy,
            "intra_cosine_x": 0, "intra_cosine_y": 0, "cross_cosine": -0.5,
            "separability": 1, "margin": 1, "mismatched": 0,
            "global_margin": 0.5, "relative_bias": 0,
            "height_x": h, "height_y": -h, "height_x_std": 0, "parallelism_x": 1,
            "effective_rank_x": n - 1, "dimensions_99_y": n - 1,
            "uniformity_x": log(exp(-2 * within)), "uniformity_cross": -2 * (within + 1),
            "pair_cost": 0.5, "transport_cost": 0.5, "gap_in_top_1": 1,
            "recall_at_1_x_to_y": 1, "median_rank_y_to_x": 1,
            "temperature_for_gap": 0, "best_loss": 0, "log_n": log(n),
        },
        rel=1e-12,
    )  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 30])
def test_modalities_that_are_one_have_no_gap_and_no_direction(n):
    X = sphere.sample(n, 5, seed=n)
    m = gd.measure(X, X, tau=0.1, bootstrap=10)
    assert m.gap == m.null_gap == m.null_gap_95 == m.alignment == m.pair_cost == 0
    assert (m.energy, m.mmd, m.relative_gap) == pytest.approx((0, 0, 0), abs=1e-12)
    assert m.separability == 0.5
    assert np.isnan([m.height_x, m.parallelism_y, m.gap_in_top_1]).all()


def test_a_sample_is_measured_as_if_there_were_no_others():
    X, Y, index = captioned()
    m = gd.measure(X, Y, groups=index, tau=1.0, sample=7, seed=5)
    assert (m.rows_x, m.rows_y, m.pairs, m.sampled) == (7, 35, 35, 7)
    assert m == gd.measure(X, Y, groups=index, tau=1.0, sample=7, seed=5)
    assert m.pair_cosine != pytest.approx(1 - m.pair_cost)  # one caption of five
    assert m != gd.measure(X, Y, groups=index, tau=1.0, sample=7, seed=6)
    assert gd.measure(X, X, sample=10, seed=0).recall_at_1_x_to_y == 1
    whole, part = gd.measure(X, Y[:100]), gd.measure(X, Y[:100], sample=100)
    np.testing.assert_equal(part.to_dict(), whole.to_dict())  # as NaN is NaN


def test_what_needs_every_two_rows_is_of_a_sample_of_many(monkeypatch):
    X, Y, _ = captioned(400, 1, noise=0.5)
    whole = gd.measure(X, Y)
    monkeypatch.setattr(measures, "PAIRWISE", 200)
    part = gd.measure(X, Y)
    assert (whole.sampled, part.sampled) == (400, 200) and part.log_n == log(200)
    assert part.recall_at_1_x_to_y == whole.recall_at_1_x_to_y
    assert part.uniformity_x != whole.uniformity_x
    assert part.uniformity_x == pytest.approx(whole.uniformity_x, abs=0.05)


@pytest.mark.parametrize("n", [2, 7, 40])
@pytest.mark.parametrize("block_rows", [1, 3, 1000])
def test_measure_agrees_with_the_definitions_in_any_blocks(n, block_rows, monkeypatch):
    monkeypatch.setattr(similarities, "TILE", (block_rows, block_rows + 1))
    X, Y = sphere.sample(n, 4, seed=n), sphere.sample(n, 4, seed=n + 1)
    Y = sphere.unit(X + 0.7 * Y)
    Z = X @ Y.T
    m = gd.measure(X, Y)
    order_y, order_x = np.argsort(-Z, axis=1), np.argsort(-Z, axis=0)
    for k in (1, 5, 10):
        found_y = [i in order_y[i, :k] for i in range(n)]
        found_x = [i in order_x[:k, i] for i in range(n)]
        assert getattr(m, f"recall_at_{k}_x_to_y") == pytest.approx(np.mean(found_y))
        assert getattr(m, f"recall_at_{k}_y_to_x") == pytest.approx(np.mean(found_x))
    assert m.margin == pytest.approx(measures.margin(Z), abs=1e-14)
    assert m.mismatched == measures.mismatched(Z)
    assert m.alignment == pytest.approx(2 - 2 * np.trace(Z) / n)
    between = X.mean(axis=0) - Y.mean(axis=0)
    along = X @ between / np.linalg.norm(between)
    assert m.gap == pytest.approx(np.linalg.norm(between))
    assert (m.height_x, m.height_x_std) == pytest.approx((along.mean(), along.std()))
    assert m.parallelism_x == pytest.approx(1 - along.var() / np.trace(np.cov(X.T, ddof=0)))


@pytest.mark.parametrize("block_rows", [5, 1000])
def test_uniformity_is_minus_w2_by_the_matrix_square_root(block_rows, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 8 * 6 * block_rows)
    X, Y = sphere.sample(50, 6, seed=0), sphere.cone(50, np.ones(6), 0.5, seed=1)
    both = np.vstack([X, Y])
    mean, covariance = both.mean(axis=0), np.cov(both.T, ddof=0)
    root = np.sqrt(np.linalg.eigvalsh(covariance)).sum()
    expected = -np.sqrt(mean @ mean + 1 + np.trace(covariance) - 2 / np.sqrt(6) * root)
    assert measures.uniformity(X, Y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("flat", [True, False])
def test_the_spectrum_of_many_rows_is_that_of_few(flat, monkeypatch):
    """From the Gram matrix and by QR, also where half of the directions are empty."""
    X, Y = (sphere.sample(300, 8, seed) * np.geomspace(1, 1e-3, 8) for seed in (0, 1))
    if flat:
        X[:, 4:] = Y[:, 4:] = 0.0
    few = gd.measure(X, Y)
    monkeypatch.setattr(spectrum, "LARGE", 0)
    many = gd.measure(X, Y)
    for name in ("wasserstein_uniformity", "effective_rank_x", "dimensions_99_y"):
        assert getattr(many, name) == pytest.approx(getattr(few, name), rel=1e-9)
    shares = np.linalg.svd(sphere.unit(X) - sphere.unit(X).mean(axis=0), compute_uv=False)
    p = shares / shares.sum()
    p = p[p > 1e-12]
    assert few.effective_rank_x == pytest.approx(np.prod(p**-p))
    held = np.cumsum(shares**2) / np.sum(shares**2)
    assert few.dimensions_99_x == 1 + np.argmax(held >= 0.99)


@pytest.mark.parametrize("d", [2, 3, 8])
def test_a_cross_polytope_is_perfectly_uniform_however_it_is_turned(d):
    """The points ±e_i have mean 0 and covariance I/d, so W₂ = 0."""
    for seed in range(5):
        Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
        assert measures.uniformity(Q, -Q) == pytest.approx(0, abs=1e-14)


def test_two_collapsed_modalities_have_the_uniformity_of_a_point():
    """Σ = 0 and ‖μ‖ = 1: W₂² = 2."""
    X = np.tile([1.0, 0.0, 0.0], (4, 1))
    m = gd.measure(X, X)
    assert m.uniformity == pytest.approx(-np.sqrt(2))
    assert (m.gap, m.alignment, m.margin, m.mismatched, m.recall_at_1_x_to_y) == (0, 0, 0, 4, 0)
    assert np.isnan([m.height_x, m.height_y_std, m.parallelism_x, m.parallelism_y]).all()


def test_parallel_modalities_stand_at_their_heights_with_no_variance_along_the_gap():
    m = gd.measure(*sphere.lift(*sphere.polygon_pairs(5), gamma_x=0.5, gamma_y=-0.2))
    heights = (m.height_x, m.height_x_std, m.height_y, m.height_y_std)
    assert heights == pytest.approx((0.5, 0, -0.2, 0), abs=1e-14)
    assert (m.gap, m.parallelism_x, m.parallelism_y) == pytest.approx((0.7, 1, 1))


@pytest.mark.parametrize("block_rows", [1, 2, 7, 1000])
def test_equal_rows_tie_however_their_products_round(block_rows, monkeypatch):
    """Captions 0, 2, ..., 98 stand twice, so 100 of 101 pairs are mismatched."""
    monkeypatch.setattr(similarities, "TILE", (block_rows, block_rows + 1))
    Y = sphere.sample(101, 512, seed=0)
    Y[1::2] = Y[:-1:2]
    X = sphere.unit(Y + 1e-3 * np.random.default_rng(1).standard_normal(Y.shape))
    m = gd.measure(X, Y)
    assert m.mismatched == measures.mismatched(X @ Y.T) == 100
    assert m.recall_at_1_x_to_y == measures.recall_at_1(X @ Y.T)[0] == pytest.approx(1 / 101)
    assert m.recall_at_5_x_to_y == 1


def test_rows_are_normalised_and_the_arrays_left_alone():
    X, Y = 3 * sphere.sample(5, 3, seed=0), 0.1 * sphere.sample(5, 3, seed=1)
    before = X.copy(), Y.copy()
    unit = gd.measure(sphere.normalise(X), sphere.normalise(Y))
    assert gd.measure(X, Y).to_dict() == pytest.approx(unit.to_dict(), rel=1e-9, nan_ok=True)
    np.testing.assert_array_equal((X, Y), before)
    half = gd.measure(X.astype(np.float16), Y.astype(np.float16))
    assert half.gap == pytest.approx(gd.measure(X, Y).gap, rel=1e-2)


def test_a_bar_shows_how_far_the_similarities_are(capsys):
    X = sphere.sample(9, 4, seed=0)
    gd.measure(X, X)
    assert not capsys.readouterr().err
    gd.measure(X, X, progress=True)
    assert "similarities" in capsys.readouterr().err


def test_bfloat16_is_read_as_the_float32_that_it_is():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    X, Y = (sphere.sample(9, 4, seed).astype(ml_dtypes.bfloat16) for seed in (0, 1))
    assert gd.measure(X, Y, tau=1.0) == gd.measure(
        X.astype(np.float32), Y.astype(np.float32), tau=1.0
    )


ALONE = measures.gap, measures.alignment, measures.uniformity, measures.wasserstein_uniformity


@pytest.mark.parametrize("measure", ALONE)
def test_one_measure_alone_is_that_of_all_for_rows_of_any_length(measure):
    X, Y = sphere.sample(5, 3, seed=0), sphere.sample(5, 3, seed=1)
    among = gd.measure(X, Y).to_dict()[measure.__name__]
    scales = np.geomspace(1e-200, 1e200, 5)[:, None]
    for A, B in ((X, Y), (10 * X, 10 * Y), (X, 7 * Y), (scales * X, Y / scales)):
        assert measure(A, B) == pytest.approx(among, rel=1e-14)
        assert getattr(gd.measure(A, B), measure.__name__) == pytest.approx(among, rel=1e-14)


@pytest.mark.parametrize("n", [4, 2000])
def test_centres_that_coincide_up_to_rounding_have_no_gap_direction(n):
    """In another order the same rows have the same centre, but not to the last bit."""
    for seed in range(4):
        rows = sphere.cone(2, np.ones(3), 0.3, seed)
        m = gd.measure(np.repeat(rows, n // 2, axis=0), np.tile(rows, (n // 2, 1)))
        assert m.gap < 1e-13
        assert np.isnan([m.height_x, m.height_y_std, m.parallelism_x, m.parallelism_y]).all()


@pytest.mark.parametrize("n", [3, 1000])
def test_equal_rows_have_no_variance_whose_share_could_be_told(n):
    X, Y = (np.tile(sphere.sample(2, 3, seed)[:1], (n, 1)) for seed in (0, 1))
    m = gd.measure(X, Y)
    assert np.isnan([m.parallelism_x, m.parallelism_y]).all()
    assert m.height_x - m.height_y == pytest.approx(m.gap)


def test_the_share_of_variance_across_the_gap_is_not_below_zero():
    """All rows are u or -u, so all variance is along the gap."""
    for seed in range(50):
        u = sphere.sample(2, 4, seed)[0]
        m = gd.measure(np.outer([1, -1, 1, -1, 1, -1, 1], u), np.outer(-np.ones(7), u))
        assert 0 <= m.parallelism_x < 1e-15


def test_the_numbers_are_the_fields_in_their_order_and_survive_json():
    m = gd.measure(sphere.sample(5, 3, seed=0), sphere.sample(5, 3, seed=1), tau=0.5)
    names = [part.name for part in fields(m)]
    assert [*m.to_dict(), "notes", "intervals"] == names
    assert all(name in " ".join(gd.Measures.__doc__.split()) for name in names)
    assert not np.isnan([*m.to_dict().values()]).any()
    assert json.loads(json.dumps(m.to_dict())) == m.to_dict()


def test_trained_clip_has_the_known_gap_recall_and_heights(shared_data):
    X, Y = np.load(features.find(features.TRAINED, shared_data))
    m = gd.measure(X, Y)
    assert m.gap == pytest.approx(0.8514, abs=5e-5)
    assert (m.recall_at_1_x_to_y, m.recall_at_1_y_to_x) == (0.552, 0.506)
    assert (m.height_x, m.height_x_std) == pytest.approx((0.435, 0.048), abs=5e-4)
    assert (m.height_y, m.height_y_std) == pytest.approx((-0.416, 0.057), abs=5e-4)
    assert 0.04 < m.null_gap < 0.06 and m.null_gap_95 < 0.09
    assert m.to_dict() == pytest.approx(
        gd.measure(X.astype(float), Y.astype(float)).to_dict(), rel=1e-7, abs=1e-12, nan_ok=True
    )
    shifted = gd.measure(*sphere.shift_gap(X, Y, 1.0))
    assert shifted.gap == pytest.approx(0.008, abs=5e-4)
    assert shifted.recall_at_1_x_to_y == 0.358


def test_clip_at_initialisation_has_the_known_gap_and_recall(shared_data):
    m = gd.measure(*np.load(features.find(features.RANDOM_INIT, shared_data)))
    assert m.gap == pytest.approx(1.1361, abs=5e-5)
    assert m.recall_at_1_x_to_y == m.recall_at_1_y_to_x == 0.002


X = sphere.sample(4, 3, seed=0)

test_bad_input_is_named = refusals(
    (lambda: gd.measure(X, X[:3]), ValueError, "one shape"),
    (lambda: gd.measure(X[:1], X[:1]), ValueError, "rows of X must be at least 2"),
    (lambda: gd.measure(X, X[0]), ValueError, "Y must have 2 axes"),
    (lambda: gd.measure(X[:, :1], X[:, :1]), ValueError, "dimension of X"),
    (lambda: gd.measure(X, np.where(X == X[2, 1], np.inf, X)), ValueError, r"Y .*\(2, 1\)"),
    (lambda: gd.measure(X, X * [[1.0], [0.0], [1.0], [1.0]]), ValueError, "Y .*row 1 is zero"),
    (lambda: gd.measure(X.astype(int), X), TypeError, "X must hold real floating"),
    (lambda: gd.measure(X, X.astype(complex)), TypeError, "Y must hold real floating"),
    (lambda: gd.measure(X, X, tau=0), ValueError, "tau must be positive"),
    (lambda: gd.measure(X, X, sample=1), ValueError, "sample must be at least 2"),
    (lambda: gd.measure(X, X, bootstrap=-1), ValueError, "bootstrap must be at least 0"),
    (lambda: gd.measure(X, X, progress=1), TypeError, "progress must be True or False"),
    (lambda: gd.measure(X, X[:, :2], groups=range(4)), ValueError, "one dimension, got 3 and 2"),
    (lambda: measures.gap(X, X[:2]), ValueError, "one shape"),
    (lambda: measures.alignment(X, X[:1]), ValueError, "rows of Y must be at least 2"),
    (lambda: measures.uniformity(X, X[:2]), ValueError, "one shape"),
    (lambda: measures.margin(X), ValueError, "Z must be square"),
)
