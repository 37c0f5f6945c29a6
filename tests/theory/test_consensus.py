"""Late exponents near the simplex, and the consensus equation behind them."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from conftest import refusals
from theory.late import infonce_speed, late_rows, matched, slopes

import gapdyn as gd
from gapdyn.examples import simplex
from gapdyn.theory import consensus, margin_flow


def near_simplex(n, directions, radius):
    """Pairs w_i ± ½ρe_i, with e_i outside the span of the simplex W."""
    e = gd.sphere.normalise(directions)
    W = np.hstack([np.linalg.svd(simplex(n))[0][:, : n - 1], np.zeros_like(e)])
    W[:, : n - 1] = gd.sphere.normalise(W[:, : n - 1])
    e = np.hstack([np.zeros((n, n - 1)), e])
    return tuple(gd.sphere.normalise(W + sign * radius / 2 * e) for sign in (1, -1))


def near_line(n, signs, radius):
    """Pairs w_i ± ½ρe_i where e_i = ± the one direction outside the simplex."""
    W, up = simplex(n), np.full((1, n), n**-0.5)
    return tuple(gd.sphere.normalise(W + sign * radius / 2 * signs * up) for sign in (1, -1))


def test_the_start_is_near_the_simplex():
    X, Y = near_simplex(4, gd.sphere.sample(4, 3, 0), 1e-4)
    assert gd.measures.margin(X @ Y.T) == pytest.approx(4 / 3, abs=1e-7)


@pytest.mark.parametrize(("n", "m"), [(3, 2), (4, 3), (5, 4), (6, 2)])
def test_the_margin_flow_obeys_it(n, m):
    """All margins are tied, up to ρ², and the least supergradient keeps the ‖x_i - y_i‖ equal."""
    radius = 1e-3
    e = gd.sphere.sample(n, m, n)
    X, Y = near_simplex(n, e, radius)
    V = margin_flow.velocity(X, Y, tolerance=4 * radius**2)
    moves = (V.X - V.Y)[:, n - 1 :] / radius
    found = consensus.consensus(e)
    growth = (moves * e).sum(axis=1)
    np.testing.assert_allclose(n * growth, found.distance, rtol=1e-3)
    np.testing.assert_allclose(moves - growth[:, None] * e, found.velocity, atol=1e-4)
    v, shift = e.mean(axis=0), moves.mean(axis=0)
    assert n * (v @ shift) / (v @ v) == pytest.approx(found.gap, rel=1e-3)


def test_infonce_obeys_it_in_the_mean():
    """Where all weights are equal, at β‖x - y‖² → 0, Δ falls at the rate 1/n, as in the equation.

    Each x_i - y_i then moves by (δ̄ - 2δ_i)/n, to the first order.
    """
    n, radius = 4, 1e-5
    e = gd.sphere.sample(n, 3, 1)
    X, Y = near_simplex(n, e, radius)
    moves = np.subtract(*infonce_speed(X, Y, 1e3))[:, n - 1 :] / radius
    np.testing.assert_allclose(moves, (e.mean(axis=0) - 2 * e) / n, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(3, 4), (3, 6), (4, 6), (4, 8), (6, 10)])
def test_with_room_the_slope_is_minus_one_from_generic_starts(n, d):
    """Random matched pairs, β from e⁴ to e²⁴; the distance comes to its slope later."""
    (wanted,) = consensus.exponent(n=n, d=d)
    for seed in range(3):
        s = np.array([4.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0])
        gap, distance = slopes(*late_rows(*matched(n, d, seed), s), s)
        np.testing.assert_allclose(gap[1:], wanted.gap, atol=0.01)
        assert abs(distance[-1] - wanted.distance) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "seed", "end"),
    [(4, 3, 0, 20), (4, 3, 2, 20), (4, 3, 4, 20), (6, 5, 1, 28), (6, 5, 3, 28), (6, 5, 4, 28)],
)
def test_without_room_the_distance_falls_twice_as_fast(n, d, seed, end):
    """Starts that come to the simplex; at (6, 5) the slope has settled from β = e²⁵ on."""
    (wanted,) = consensus.exponent(n=n, d=d)
    s = np.array([4.0, end - 3.0, float(end)])
    X, Y = late_rows(*matched(n, d, seed, noise=0.2), s)
    distance = slopes(X, Y, s)[1]
    assert gd.measures.margin(X[-1] @ Y[-1].T) == pytest.approx(n / (n - 1), abs=1e-8)
    np.testing.assert_allclose(distance[-1], wanted.distance, atol=0.02)
    gap = np.linalg.norm((X[-1] - Y[-1]).mean(axis=0))
    assert gap < 1e-3 * np.linalg.norm(X[-1] - Y[-1])


@pytest.mark.parametrize(("n", "k"), [(5, 0), (4, 1), (6, 1), (5, 2)])
def test_a_minority_makes_the_gap_fall_faster(n, k):
    """d = n: k of the differences point against the others."""
    wanted = consensus.exponent(n=n, d=n)[k]
    signs = np.where(np.arange(n) < k, -1.0, 1.0)[:, None]
    X, Y = near_line(n, signs, 0.03)
    s = np.array([10.0, 20.0, 22.0])
    gap, distance = slopes(*late_rows(X, Y, s), s)
    np.testing.assert_allclose((gap[-1], distance[-1]), wanted[1:], rtol=0.005)


@pytest.mark.slow
def test_of_three_a_minority_of_one_turns_round():
    """At d = n = 3, since β‖x - y‖² tends to 0 while it lasts: the slope goes from -1.5 to -1."""
    signs = np.array([[-1.0], [1.0], [1.0]])
    s = np.array([6.0, 8.0, 10.0, 18.0, 22.0])
    gap = slopes(*late_rows(*near_line(3, signs, 0.1), s), s)[0]
    assert gap.min() < -1.4 and gap[-1] == pytest.approx(-1, abs=0.01)


def slowest_within_the_span(n, k):
    """The differences B of least decay under -c_i, and their growth relative to ρ (theory 4.4)."""
    pairs = list(itertools.combinations(range(n), 2))
    sums = np.array([[float(i in pair) for pair in pairs] for i in range(n)])
    v, signs = 1 - 2 * k / n, np.where(np.arange(n) < k, -1.0, 1.0)
    c = (2 - v**2 + v * signs) / n
    basis = scipy.linalg.null_space(sums)
    decay = np.array([(c[i] + c[j]) / 2 for i, j in pairs])
    rates, modes = np.linalg.eigh(-basis.T @ (decay[:, None] * basis))
    B = np.zeros((n, n))
    B[tuple(np.transpose(pairs))] = basis @ modes[:, -1]
    return B + B.T, rates[-1] + (2 - v**2) / n


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k", "rate"), [(6, 2, 1 / 36), (5, 1, -1 / 25)])
def test_a_minority_of_one_lasts_and_of_two_does_not(n, k, rate):
    """A small difference within the span, relative to that outside, along the margin flow."""
    B, wanted = slowest_within_the_span(n, k)
    assert wanted == pytest.approx(rate)
    W, signs = simplex(n), np.where(np.arange(n) < k, -1.0, 1.0)[:, None]
    outside, within = 0.05 * signs * np.full((1, n), n**-0.5), B @ simplex(n)
    shift = outside + 0.02 * np.linalg.norm(outside) * within / np.linalg.norm(within)
    path = margin_flow.flow(W + shift / 2, W - shift / 2, [2.0, 6.0, 10.0], sharpness=1e8)
    shares = []
    for X, Y in zip(path.X, path.Y, strict=True):
        axis = np.linalg.svd(X + Y)[2][-1]
        along = (X - Y) @ axis
        rest = X - Y - np.outer(along, axis)
        shares.append(np.linalg.norm(rest) / np.linalg.norm(along))
    np.testing.assert_allclose(np.diff(np.log(shares)) / 4, rate, rtol=0.02)


def test_the_table():
    assert consensus.exponent(n=2, d=3) == consensus.exponent(n=2, d=2) == ((0, -1.0, -1.0),)
    assert [row.minority for row in consensus.exponent(n=6, d=6)] == [0, 1, 2, 3]
    assert consensus.exponent(n=3, d=3) == ((0, -1.0, -1.0),)
    even = consensus.exponent(n=6, d=6)[-1]
    assert np.isnan(even.gap) and even.distance == -2
    for k, gap, distance in consensus.exponent(n=7, d=7):
        e = np.where(np.arange(7) < k, -1.0, 1.0)[:, None] * [[0.6, 0.8]]
        at = consensus.consensus(e)
        np.testing.assert_allclose(at.velocity, 0, atol=1e-15)
        assert (at.gap, at.distance) == pytest.approx((gap, distance), rel=1e-12)
    assert len(consensus.exponent(n=10**5, d=10**5)) == 50_001
    assert consensus.exponent(n=10**400, d=10**400 + 1) == ((0, -1.0, -1.0),)
    (row,) = consensus.exponent(n=6, d=5)
    assert np.isnan(row.gap) and row.distance == -2


test_bad_input_is_named = refusals(
    (lambda: consensus.exponent(n=6, d=4), ValueError, "d must be at least n - 1 = 5"),
    (lambda: consensus.exponent(n=1, d=4), ValueError, "n must be at least 2"),
    (lambda: consensus.exponent(n=2, d=1), ValueError, "d must be at least 2"),
    (lambda: consensus.exponent(n=3, d=2), ValueError, "d must be at least 3"),
    (lambda: consensus.exponent(n=10**9, d=10**9), ValueError, "n must be at most 100000 for d"),
    (lambda: consensus.exponent(n=10**400, d=10**400), ValueError, r"for d = n, got 10+\.\.\.$"),
    (lambda: consensus.exponent(n=10**400, d=2), ValueError, r"= 9{77}\.\.\., to hold a regular"),
    (lambda: consensus.exponent(n=3.0, d=2), TypeError, "n must be an integer"),
    (lambda: consensus.consensus(np.ones((3, 1))), ValueError, "dimension of directions"),
)
