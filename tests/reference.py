"""The paper's formulas in 50 digits, written for reading and not for speed."""

import mpmath as mp
import numpy as np

import gapdyn as gd

mp.mp.dps = 50


def matrix(A):
    return [[mp.mpf(float(a)) for a in row] for row in A]


def unit(A):
    return [[a / mp.sqrt(sum(b * b for b in row)) for a in row] for row in A]


def product(A, B):
    return [[sum(a * b for a, b in zip(row, col, strict=True)) for col in zip(*B)] for row in A]  # noqa: B905


def transpose(A):
    return [list(col) for col in zip(*A, strict=True)]


def loss(M):
    """Eq. (2), each cross-entropy as log(1 + what the others weigh)."""
    n = len(M)
    total = mp.mpf(0)
    for L in (M, transpose(M)):
        for i in range(n):
            total += mp.log1p(sum(mp.exp(L[i][j] - L[i][i]) for j in range(n) if j != i))
    return total / (2 * n)


def gradient(M):
    """(P + Q)/2n - I/n, the diagonal as minus the other entries of its row and column."""
    n = len(M)
    P = [[mp.exp(m - max(row)) for m in row] for row in M]
    P = [[p / sum(row) for p in row] for row in P]
    Q = [[mp.exp(m - max(row)) for m in row] for row in transpose(M)]
    Q = transpose([[q / sum(row) for q in row] for row in Q])
    G = [[(P[i][j] + Q[i][j]) / (2 * n) for j in range(n)] for i in range(n)]
    for i in range(n):
        G[i][i] = -sum((P[i][j] + Q[j][i]) / (2 * n) for j in range(n) if j != i)
    return G


def mu(i, z, a):
    """μ_i(z, a) of (10), as a sum of differences."""
    weights = [mp.exp(a * (x - max(z, key=lambda v: a * v))) for x in z]
    return sum(w * (z[i] - x) for w, x in zip(weights, z, strict=True)) / sum(weights)


def pull(Z, a):
    """g_a(Z) of (11): the mean of μ_i over columns and rows."""
    n = len(Z)
    columns = transpose(Z)
    return sum(mu(i, columns[i], a) + mu(i, Z[i], a) for i in range(n)) / (2 * n)


def tangent(W, V):
    along = [sum(w * v for w, v in zip(*rows, strict=True)) for rows in zip(W, V, strict=True)]
    return [
        [v - s * w for w, v in zip(w_row, v_row, strict=True)]
        for w_row, v_row, s in zip(W, V, along, strict=True)
    ]


def beta(model, t, nu):
    """β and β'(ν)."""
    temperature = model.temperature
    if not isinstance(temperature, gd.Learned):
        return mp.mpf(float(temperature.beta(t, 0.0))), mp.mpf(0)
    match temperature.parametrisation:
        case gd.Exponential(scale):
            return mp.exp(nu / scale), mp.exp(nu / scale) / scale
        case gd.Softplus():
            return mp.log1p(mp.exp(nu)), 1 / (1 + mp.exp(-nu))
        case gd.Linear():
            return nu, mp.mpf(1)


def scale(model, heights):
    """a/β."""
    if not heights:
        return mp.mpf(1)
    gamma_x, gamma_y = heights if len(heights) == 2 else (heights[0], -heights[0])
    return mp.sqrt((1 - gamma_x**2) * (1 - gamma_y**2))


def constant(heights):
    """γ_X γ_Y of (3), which lifted similarities have more."""
    return heights[0] * heights[1] if len(heights) == 2 else -(sum(heights) ** 2)


def sigma(x):
    """1/(1 + e⁻ˣ)."""
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


def softplus(x):
    """log(1 + eˣ)."""
    return max(x, 0) + mp.log1p(mp.exp(-abs(x)))


def sigmoid_terms(model, b, heights, bias, Z):
    """Logits of the sigmoid loss, its gradient G in them, and the similarities, all lifted."""
    c, o = scale(model, heights), constant(heights)
    lifted = [[c * z + o for z in row] for row in Z]
    relative = model.objective.bias == "relative"
    logits = [[b * (z - bias) if relative else b * z - bias for z in row] for row in lifted]
    n = len(Z)
    G = [
        [(-sigma(-m) if i == j else sigma(m)) / n for j, m in enumerate(row)]
        for i, row in enumerate(logits)
    ]
    return logits, G, lifted


def total(*matrices):
    """Sum over all entries of the product of matrices, entry by entry."""
    return sum(mp.fprod(entries) for rows in zip(*matrices) for entries in zip(*rows))  # noqa: B905


def parts(model, y):
    """Rows (None where there are none), ν and heights of a state."""
    state = model.split(y)
    heights = [mp.mpf(float(getattr(state, h))) for h in state._fields if h.startswith("gamma")]
    if isinstance(model, gd.ScalarModel | gd.FrozenModel):
        return None, None, mp.mpf(float(state.nu)), heights
    return unit(matrix(state.X)), unit(matrix(state.Y)), mp.mpf(float(state.nu)), heights


def mix(model, A, B):
    """λ∘A + (1-λ)∘B of Section 4; A itself where the model has no mixing."""
    if getattr(model, "mixing", None) is None:
        return A
    L = matrix(np.broadcast_to(model.mixing, (model.n, model.d)))
    rows = [zip(*three, strict=True) for three in zip(L, A, B, strict=True)]
    return [[w * a + (1 - w) * b for w, a, b in row] for row in rows]


def similarities(model, X, Y):
    """Z, which is given or that of the mixed rows."""
    if X is None:
        return matrix(model.Z)
    return product(mix(model, X, Y), transpose(mix(model, Y, X)))


def model_loss(model, t, y):
    X, Y, nu, heights = parts(model, y)
    b = beta(model, t, nu)[0]
    a = b * scale(model, heights)
    if isinstance(model, gd.ScalarModel):
        return mp.exp(-a)
    if isinstance(model.objective, gd.Sigmoid):
        M, _, _ = sigmoid_terms(model, b, heights, bias_of(model, y), similarities(model, X, Y))
        signed = [-m if i == j else m for i, row in enumerate(M) for j, m in enumerate(row)]
        return sum(map(softplus, signed)) / len(M)
    return loss([[a * z for z in row] for row in similarities(model, X, Y)])


def bias_of(model, y):
    """The bias of a state; 0 where there is none."""
    return mp.mpf(float(getattr(model.split(y), "bias", 0.0)))


def sigmoid_velocity(model, t, y):
    """Minus the gradient of the sigmoid loss times the rates: the chain rule, logit by logit."""
    X, Y, nu, heights = parts(model, y)
    (b, db), bias = beta(model, t, nu), bias_of(model, y)
    Z, c = similarities(model, X, Y), scale(model, heights)
    _, G, lifted = sigmoid_terms(model, b, heights, bias, Z)
    relative, velocity = model.objective.bias == "relative", []
    if X is not None:
        rate = mp.mpf(model.row_rate)
        GY, GX = product(G, mix(model, Y, X)), product(transpose(G), mix(model, X, Y))
        for W, V in ((X, mix(model, GY, GX)), (Y, mix(model, GX, GY))):
            velocity += [-rate * b * c * v for row in tangent(W, V) for v in row]
    slope = total(G, lifted) - (bias * total(G) if relative else 0)
    velocity.append(-mp.mpf(model.temperature.rate) * db * slope)
    if len(heights) == 1:
        velocity.append(2 * b * heights[0] * (total(G, Z) + total(G)))
    for k in range(2 if len(heights) == 2 else 0):
        mine, other = heights[k], heights[1 - k]
        velocity.append(b * (c * mine / (1 - mine**2) * total(G, Z) - other * total(G)))
    if model.objective.has_bias:
        velocity.append(mp.mpf(model.objective.bias_rate) * (b if relative else 1) * total(G))
    return velocity


def model_velocity(model, t, y):
    """Eq. (4) on rows, eq. (11) on ν and the heights, as the paper writes them."""
    if isinstance(model.objective, gd.Sigmoid):
        return sigmoid_velocity(model, t, y)
    X, Y, nu, heights = parts(model, y)
    b, db = beta(model, t, nu)
    c = scale(model, heights)
    velocity = []
    if isinstance(model, gd.ScalarModel):
        g = mp.exp(-b * c)
    else:
        Z = similarities(model, X, Y)
        G = gradient([[b * c * z for z in row] for row in Z])
        g = pull(Z, b * c)
        if X is not None:
            rate = mp.mpf(model.row_rate)
            GY, GX = product(G, mix(model, Y, X)), product(transpose(G), mix(model, X, Y))
            for W, V in ((X, mix(model, GY, GX)), (Y, mix(model, GX, GY))):
                velocity += [-rate * b * c * v for row in tangent(W, V) for v in row]
    velocity.append(mp.mpf(model.temperature.rate) * db * c * g)
    if len(heights) == 1:
        velocity.append(-2 * b * heights[0] * g)
    for gamma in heights if len(heights) == 2 else []:
        velocity.append(-b * c * gamma * g / (1 - gamma**2))
    return velocity


def departure(computed, truth):
    """Largest departure relative to the largest entry, as a float; 0 where all is below 1e-300."""
    largest = max(abs(x) for x in truth)
    off = max(abs(mp.mpf(float(x)) - y) for x, y in zip(np.ravel(computed), truth, strict=True))
    return 0.0 if max(off, largest) < mp.mpf(10) ** -300 else float(off / largest)
