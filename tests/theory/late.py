"""The late flow of InfoNCE on the clock ν = log β, and matched starts, for tests of theory 4.3."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import logsumexp

import gapdyn as gd
from gapdyn.theory import _softmin


def matched(n, d, seed, noise=0.4):
    """Random pairs that match: rows of Y near those of X, nearer where that takes many draws."""
    rng = np.random.default_rng(seed)
    while True:
        X, Y = gd.examples.matched(n, d, rng, noise=noise)
        if gd.measures.margin(X @ Y.T) > 0.02:
            return X, Y
        noise *= 0.99


def infonce_speed(X, Y, beta):
    """dX/ds = -P(GY)/g and dY/ds, whatever the size of β: only ratios of softmaxes matter."""
    Z, others = X @ Y.T, ~np.eye(len(X), dtype=bool)
    own = Z.diagonal()
    rows = np.where(others, beta * (Z - own[:, None]), -np.inf)
    columns = np.where(others, beta * (Z - own), -np.inf)
    rows = rows - np.logaddexp(0, logsumexp(rows, axis=1))[:, None]
    columns = columns - np.logaddexp(0, logsumexp(columns, axis=0))
    top = max(rows.max(), columns.max())
    P, Q = np.exp(rows - top), np.exp(columns - top)
    G = P + Q - np.diag(P.sum(axis=1) + Q.sum(axis=0))
    g = -(G * Z).sum()
    return gd.sphere.project(X, -G @ Y / g), gd.sphere.project(Y, -G.T @ X / g)


def late_rows(X, Y, nu):
    """Rows of X and of Y, (T, n, d) both, at values of ν along the flow of InfoNCE, rates 1."""
    shape = (2, *X.shape)

    def speed(nu, y):
        rows = y.reshape(shape)
        X, Y = rows / np.linalg.norm(rows, axis=2, keepdims=True)
        return np.stack(infonce_speed(X, Y, np.exp(nu))).ravel()

    def jacobian(nu, y):  # that of the softmin: it decides how fast LSODA is, not where it goes
        return _softmin.jacobian(gd.sphere.unit(y.reshape(-1, X.shape[1])), np.exp(nu))

    start = np.stack([X, Y]).ravel()
    tolerances = {"rtol": 1e-9, "atol": 1e-11}
    run = solve_ivp(speed, (nu[0], nu[-1]), start, "LSODA", nu, jac=jacobian, **tolerances)
    assert run.success, run.message
    rows = run.y.T.reshape(-1, *shape)
    rows /= np.linalg.norm(rows, axis=3, keepdims=True)
    return rows[:, 0], rows[:, 1]


def slopes(X, Y, s):
    """n d log Δ/ds and n d log(rms ‖x - y‖)/ds between values of s."""
    gap = np.linalg.norm((X - Y).mean(axis=1), axis=1)
    distance = np.sqrt(((X - Y) ** 2).sum(axis=2).mean(axis=1))
    n = X.shape[1]
    return tuple(n * np.diff(np.log(size)) / np.diff(s) for size in (gap, distance))
