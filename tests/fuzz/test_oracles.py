"""Answers against others: plain formulas, special functions, exact solutions, symmetries."""

import math
from functools import partial

import mpmath
import numpy as np
import pytest
from fuzz.law import same
from fuzz.strategies import (
    betas,
    counts,
    learned,
    margins,
    pairs,
    parametrisations,
    runs,
    seeds,
    similarities,
    states,
    within,
)
from fuzz.table import falling
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from scipy.special import exp1, logsumexp

import gapdyn as gd
from gapdyn.theory import bessel, lemma_3_1, theorem_3_2

pytestmark = pytest.mark.usefixtures("elsewhere")
close = np.testing.assert_allclose


def loss(M):
    return (logsumexp(M, axis=0) + logsumexp(M, axis=1) - 2 * M.diagonal()).mean() / 2


def gradient(M):
    P, Q = (np.exp(M - logsumexp(M, axis=axis, keepdims=True)) for axis in (0, 1))
    return (P + Q - 2 * np.eye(len(M))) / (2 * len(M))


def is_loss(M):
    size = 1 + np.abs(M).max()
    close(gd.loss.loss(M), loss(M), atol=1e-14 * size)
    close(gd.loss.gradient(M), gradient(M), atol=1e-14 * size)


def is_unit(pair):
    for W in pair.values():
        longest = np.abs(W).max(axis=1, keepdims=True)
        wanted = [row / math.hypot(*row) for row in W / longest]
        close(gd.sphere.normalise(W), wanted, rtol=1e-14)


def is_measure(pair):
    """Every measure from its definition, pair by pair."""
    X, Y = map(gd.sphere.normalise, pair.values())
    n, found, Z = len(X), gd.measure(**pair), X @ Y.T
    pairwise = [(i, j) for i in range(n) for j in range(n) if i != j]
    close(found.gap, np.linalg.norm(X.mean(0) - Y.mean(0)), atol=1e-14)
    close(
        found.alignment,
        np.mean([np.sum((x - y) ** 2) for x, y in zip(X, Y, strict=True)]),
        atol=1e-14,
    )
    close(found.margin, min(min(Z[i, i], Z[j, j]) - Z[i, j] for i, j in pairwise), atol=1e-14)
    tie = gd.sphere.TIE
    beaten = {i for i, j in pairwise if max(Z[i, j], Z[j, i]) >= Z[i, i] - tie}
    assume(all(abs(max(Z[i, j], Z[j, i]) - Z[i, i] + tie) > tie / 2 for i, j in pairwise))
    assert found.mismatched == len(beaten)
    for k in (1, 5, 10):
        ranks = [sum(Z[i, j] >= Z[i, i] - tie for j in range(n) if j != i) for i in range(n)]
        close(getattr(found, f"recall_at_{k}_x_to_y"), np.mean([rank < k for rank in ranks]))
    W = np.vstack([X, Y])
    variances = np.linalg.eigvalsh(np.cov(W.T, ddof=0)).clip(0)
    squared = W.mean(0) @ W.mean(0) + 1 + variances.sum()
    squared -= 2 / np.sqrt(X.shape[1]) * np.sqrt(variances).sum()
    close(found.uniformity**2, max(squared, 0), atol=1e-6)


OF_ORDER_OR_AXES = ("null_gap", "separability", "gap_in_top", "parallelism", "dimensions_99")
OF_ORDER_OR_AXES += ("effective_rank", "temperature_for_gap")
"""Measures that are drawn or split in the order of the rows, are of coordinates, or are quotients
of what may be rounding noise."""


def turns(pair, seed):
    """Permuted, rotated and scaled pairs have the same measures."""
    rng = np.random.default_rng(seed)
    n, d = pair["X"].shape
    order, turn = rng.permutation(n), np.linalg.qr(rng.standard_normal((d, d)))[0]
    X, Y = map(gd.sphere.normalise, pair.values())
    wanted = gd.measure(X, Y).to_dict()
    assume(min(abs(Z) for Z in np.abs(gd.measures.pair_margins(X @ Y.T))) > 1e-12)
    assume(wanted["gap"] > 1e-3)
    scale = 10.0 ** rng.integers(-100, 101, (n, 1))
    found = gd.measure((X @ turn)[order] * scale, (Y @ turn)[order] * scale).to_dict()
    roots = [
        "uniformity",
        "wasserstein_uniformity",
        "height_x_std",
        "height_y_std",
        "energy",
        "mmd",
    ]
    for name, value in wanted.items():
        if not name.startswith(OF_ORDER_OR_AXES):
            close(found[name], value, atol=1e-6 if name in roots else 1e-9, err_msg=name)


def moves_alike(state, seed):
    """The free velocity of permuted and rotated rows is permuted and rotated."""
    model, y = state.values()
    rng = np.random.default_rng(seed)
    order = rng.permutation(model.n)
    turn = np.linalg.qr(rng.standard_normal((model.d, model.d)))[0]
    X, Y, nu = model.split(y)
    turned = np.concatenate([*(((W @ turn)[order]).ravel() for W in (X, Y)), [nu]])
    wanted, found = (model.split(model.velocity(0.0, state)) for state in (y, turned))
    scale = np.abs(wanted.X).max() + np.abs(wanted.Y).max()
    for before, after in zip(wanted[:2], found[:2], strict=True):
        close(after, (before @ turn)[order], atol=1e-12 * scale)
    close(found.nu, wanted.nu, rtol=1e-9, atol=1e-14)


def is_bessel_ratio(a, d):
    with mpmath.workdps(30):
        ratio = mpmath.besseli(mpmath.mpf(d) / 2, a) / mpmath.besseli(mpmath.mpf(d) / 2 - 1, a)
    close(bessel.A(a, d), float(ratio), rtol=1e-13)


def is_conserved(run):
    """Lemma 3.1's first integral along a flow."""
    kept = lemma_3_1.invariant(run.gamma, beta=run.beta, temperature=run.model.temperature)
    assert np.ptp(kept) <= 1e-3 * (1 + np.abs(kept).max())


def comes_back_in_time(arguments):
    setting = {name: value for name, value in arguments.items() if name != "gamma"}
    log_t = theorem_3_2.closing_log_time(**arguments)
    assume(np.isfinite(log_t).all())  # it may be beyond float64
    found = theorem_3_2.exact(log_t, **setting)
    gamma = np.minimum(arguments["gamma"], setting["gamma0"])
    # How many e-foldings γ falls in one of t, t·2βg, times the error of log t.
    given = {name: setting[name] for name in ("beta0", "gamma0", "temperature")}
    beta = lemma_3_1.beta(gamma, **given)
    assume(np.isfinite(beta).all())
    a, n, alpha = beta * (1 - gamma**2), setting["n"], setting["alpha"]
    log_g = np.log(alpha * (n - 1)) - np.logaddexp(np.log(n - 1), a * alpha)
    with np.errstate(over="ignore"):  # where log t says nothing of γ
        foldings = np.exp(log_t + log_g + np.log(2 * beta) + 1e-15 * np.abs(log_t))
        error = foldings * 1e-14 * (1 + np.abs(log_t))
    assert (np.abs(found - gamma) <= gamma * (1e-6 + error)).all(), (found, gamma, error)


def is_infimum(n, alpha, gamma0, share, kappa, log_t):
    """Theorem 3.2 for any β₀: H falls by 2Wt until aα = 1 + W, and then as by `exact`."""
    W = float(mpmath.lambertw((n - 1) / mpmath.e))
    beta0 = share * (1 + W) / (alpha * (1 - gamma0**2))
    setting = theorem_3_2.Setting(n, alpha, gamma0, beta0, gd.Learned(rate=kappa))
    found = float(setting.infimum(log_t))
    assert 0 <= found <= gamma0 and found <= setting.exact(log_t) * (1 + 1e-9)
    assert found >= setting.least_height(np.exp(min(log_t, 700.0))) * (1 - 1e-9)
    if share > 1:
        assert found == setting.exact(log_t)
    assume(1e-290 < found < gamma0 * (1 - 1e-9))
    reached = lemma_3_1.beta(found, beta0=beta0, gamma0=gamma0, rate=kappa)
    if reached * alpha * (1 - found**2) < 1 + W:
        fall = np.log(gamma0 / found) - (gamma0**2 - found**2) / 2
        close(fall / (2 * W), np.exp(log_t), rtol=1e-6, atol=1e-15)


def is_bounded(n, alpha, gamma0, kappa, t):
    """Theorem 3.2: the lower bound, the exact solution and the upper bound, in this order."""
    beta0 = 1.001 * theorem_3_2.threshold(n=n, alpha=alpha, gamma0=gamma0)
    setting = theorem_3_2.Setting(n, alpha, gamma0, beta0, gd.Learned(rate=kappa))
    exact, slack = setting.exact(np.log(t)), 1 + 1e-9
    assert setting.lower_bound(t) <= exact * slack <= setting.upper_bound(t) * slack**2


def comes_back_on_the_curve(gamma, gamma0, beta0):
    beta = lemma_3_1.beta(gamma, beta0=beta0, gamma0=gamma0)
    close(lemma_3_1.gamma(beta, beta0=beta0, gamma0=gamma0), gamma, rtol=1e-6)


def is_inverse(parametrisation, beta, amount):
    close(parametrisation.beta(parametrisation.nu(beta)), beta, rtol=1e-12)
    with np.errstate(over="ignore"):
        later = parametrisation.advance(beta, amount)
    assume(np.isfinite(later))
    at, there = parametrisation.potential(beta), parametrisation.potential(later)
    close(there - at, amount, rtol=1e-9, atol=1e-12 * (abs(at) + abs(there)))


def is_exact(beta, gamma0, share):
    """The scalar model at fixed β: t = e^β (E₁(βγ²) - E₁(βγ₀²))/4β, as γ' = -2βγ e^{-β(1-γ²)}."""
    gamma = share * gamma0
    t = np.exp(beta) / (4 * beta) * (exp1(beta * gamma**2) - exp1(beta * gamma0**2))
    model = gd.ScalarModel(gd.Fixed(1 / beta))
    close(gd.flow(model, model.start(gamma=gamma0), [t]).gamma[-1], gamma, rtol=1e-6)


def is_kept(run):
    assume(not isinstance(run.model.temperature, gd.Scheduled))  # a function of the user's
    run.save("run.npz")
    assert same(gd.Trajectory.load("run.npz"), run, rtol=0.0)


def is_many(state):
    """Two equal members take the steps of one alone at 1/√2 of the tolerances.

    So they differ from it by no more than it errs itself, since rounding changes the steps but
    little; a finer run says how much that is. Runs at two tolerances would differ by the errors of
    all steps, of which an explicit method needs 20,000 where a height is held near its pole. Such
    stiff states are left out.
    """
    model, y = state.values()
    root, flow = math.sqrt(2), partial(gd.flow, model, y, [0.1], max_steps=3000)
    try:
        alone, finer = flow(rtol=1e-6 / root, atol=1e-10 / root), flow(rtol=1e-8)
    except gd.IntegrationError:
        reject()
    error = np.abs(alone.y - finer.y).max()
    for run in gd.flow_many(model, [y, y], [0.1], rtol=1e-6):
        close(run.y, alone.y, rtol=1e-6, atol=1e-6 + 2 * error)


def is_gradient(state):
    assert gd.check_gradient(*state.values()) < 1e-6


near = within(1e-3, 10.0)
PROPERTIES = [
    (is_loss, similarities()),
    (is_unit, pairs()),
    (is_measure, pairs()),
    (turns, pairs(), seeds),
    (moves_alike, states(["free"]), seeds),
    (is_bessel_ratio, within(1e-3, 1e4), st.integers(2, 1000)),
    (is_conserved, runs(["frozen", "parallel", "scalar"], learned)),
    (comes_back_in_time, falling()),
    (is_infimum, counts, margins, within(1e-6, 0.9), near, near, within(-30.0, 1e5)),
    (is_bounded, counts, margins, within(1e-6, 0.9), near, within(1e-6, 1e15)),
    (comes_back_on_the_curve, within(1e-9, 0.9), within(1e-9, 0.9), betas),
    (is_inverse, parametrisations, betas, near),
    (is_exact, near, within(0.01, 0.99), within(0.05, 0.99)),
    (is_kept, runs()),
    (is_many, states()),
    (is_gradient, states()),
]


@pytest.mark.parametrize(
    ("true", "arguments"),
    [(p[0], p[1:]) for p in PROPERTIES],
    ids=[p[0].__name__ for p in PROPERTIES],
)
def test_answers(true, arguments, examples):
    @examples()
    @given(st.tuples(*arguments))
    def holds(drawn):
        true(*drawn)

    holds()
