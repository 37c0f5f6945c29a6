"""The two encoders: gradients by three other means, sparse inputs, extremes, the flow, refusals."""

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import reference
import scipy.sparse
import sympy as sp
from scipy.special import logsumexp

import gapdyn as gd
from experiments.section_4.encoders import Encoder, EncoderModel
from gapdyn.flow import Solver
from gapdyn.loss import mix

IMAGE, TEXT, WIDTH, DIM = SIZES = 4, 3, 5, 3
"""Inputs of either modality, width of a hidden layer, dimension of the embeddings."""

TEMPERATURES = {
    "exponential": gd.Learned(),
    "softplus": gd.Learned(gd.Softplus()),
    "scale 2": gd.Learned(gd.Exponential(scale=2.0)),
    "rate 0.3": gd.Learned(rate=0.3, max_beta=100.0),
    "fixed": gd.Fixed(0.4),
    "linear schedule": gd.LinearSchedule(0.4, 0.6, 10.0),
    "alternating schedule": gd.CosineSchedule(0.4, 0.8, 7.0),
}
MIXINGS = {
    "unmixed": None,
    "entries": lambda n, d: gd.SoftSwap(1.0, seed=4).mixing(0, n, d),
    "rows": lambda n, d: gd.HardSwap(1.0, rows=True, seed=4).mixing(0, n, d),
}
every_temperature = pytest.mark.parametrize("temperature", TEMPERATURES)
every_mixing = pytest.mark.parametrize("mixing", MIXINGS)
every_depth = pytest.mark.parametrize("depth", [0, 1, 2])
normalised_or_not = pytest.mark.parametrize("normalised", [True, False])


def network(encoder, theta, inputs):
    """Rows that come out, unnormalised, and how far the nearest ReLU is from its kink."""
    reach, start = np.inf, 0
    for k, m in zip(encoder.sizes, encoder.sizes[1:], strict=False):
        if start:
            reach = min(reach, np.abs(inputs).min())
            inputs = np.maximum(inputs, 0)
        W, b = theta[start : start + k * m].reshape(k, m), theta[start + k * m :][:m]
        inputs = inputs @ W + (b if encoder.biased else 0)
        start += (k + encoder.biased) * m
    return inputs, reach


def make(
    depth=1, normalised=True, temperature="exponential", mixing="unmixed", n=4, sizes=SIZES, seed=0
):
    """A model and a state with random biases, off the kinks of its ReLUs."""
    image, text, width, d = sizes
    first, second = (Encoder((k, *[width] * depth, d), normalised) for k in (image, text))
    rng = np.random.default_rng(seed)
    chosen = TEMPERATURES.get(temperature, temperature)
    mask = None if MIXINGS[mixing] is None else MIXINGS[mixing](n, d)
    while True:
        inputs = rng.standard_normal((n, image)), rng.standard_normal((n, text))
        model = EncoderModel(*inputs, first, second, chosen, mask)
        y = model.start(rng, tau=0.4 if isinstance(chosen, gd.Learned) else None)
        y[:-1] += 0.3 * rng.standard_normal(y.size - 1)
        theta, phi, _ = model.split(y)
        reaches = network(first, theta, model.images)[1], network(second, phi, model.texts)[1]
        alive = all(gd.sphere.lengths(rows).min() > 0.1 for rows in unnormalised(model, y))
        if min(reaches) > 0.02 and alive:
            return model, y


def unnormalised(model, y):
    theta, phi, _ = model.split(y)
    pairs = (model.first, theta, model.images), (model.second, phi, model.texts)
    return [network(*three)[0] for three in pairs]


def rates(model):
    learned = np.ones(model.size)
    learned[-1] = model.temperature.rate
    return learned


# The networks and the loss, read plainly.


@every_depth
@normalised_or_not
def test_rows_are_those_of_layers_with_relu_between(depth, normalised):
    model, y = make(depth, normalised)
    for rows, plain in zip(
        model.embed(y, model.images, model.texts), unnormalised(model, y), strict=True
    ):
        expected = plain / np.linalg.norm(plain, axis=1)[:, None] if normalised else plain
        np.testing.assert_allclose(rows, expected, rtol=1e-13)
    for rows in model.embeddings(y):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-14)


@every_mixing
@normalised_or_not
def test_the_loss_is_that_of_eq_2_behind_the_mixing(normalised, mixing):
    model, y = make(1, normalised, mixing=mixing)
    X, Y = model.embed(y, model.images, model.texts)
    if model.mixing is not None:
        L = np.broadcast_to(model.mixing, X.shape)
        X, Y = L * X + (1 - L) * Y, L * Y + (1 - L) * X
    M = X @ Y.T / 0.4
    plain = (logsumexp(M, axis=0) + logsumexp(M, axis=1) - 2 * np.diag(M)).mean() / 2
    assert model.loss(0.0, y) == pytest.approx(plain, rel=1e-13)


def test_initial_weights_keep_the_size_of_what_passes():
    encoder = Encoder((400, 400, 400, 400), normalised=False)
    rng = np.random.default_rng(0)
    theta = encoder.initial(rng)
    assert all(not b.any() for _, b in encoder.layers(theta))
    rows = encoder.rows(theta, rng.standard_normal((200, 400)))
    assert np.square(rows).mean() == pytest.approx(1, abs=0.1)


def test_forward_leaves_inputs_as_they_are():
    model, y = make(2)
    before = model.images.copy(), model.texts.copy(), y.copy()
    model.velocity(0.0, y)
    for array, copy in zip((model.images, model.texts, y), before, strict=True):
        np.testing.assert_array_equal(array, copy)


# Without biases; a table of free rows.


@every_depth
def test_without_biases_the_velocity_is_minus_the_gradient_too(depth):
    biased, y = make(depth)
    first, second = (replace(e, biased=False) for e in (biased.first, biased.second))
    model = replace(biased, first=first, second=second)
    assert biased.size - model.size == 2 * (depth * WIDTH + DIM)
    y = np.append(np.random.default_rng(depth).standard_normal(model.size - 1), y[-1])
    assert gd.check_gradient(model, y) < 1e-12


def test_one_layer_without_biases_on_the_identity_is_the_free_model():
    """Rows of any length: dW/dt = P_x(f)/‖w‖, so x moves 1/‖w‖² times as fast as a free row."""
    X, Y = gd.sphere.sample(5, 3, 0), gd.sphere.sample(5, 3, 1)
    table = Encoder((5, 3), biased=False)
    model = EncoderModel(np.eye(5), np.eye(5), table, table, gd.Learned())
    free = gd.FreeModel(5, 3, gd.Learned())
    start = free.start(X, Y, tau=0.4)
    np.testing.assert_allclose(model.velocity(0.0, start), free.velocity(0.0, start), atol=1e-15)
    longer = np.append(2 * start[:-1], start[-1])
    expected = free.velocity(0.0, start) * np.append(np.full(30, 0.5), 1.0)
    np.testing.assert_allclose(model.velocity(0.0, longer), expected, atol=1e-15)


# Gradients. First witness: the complex step.


@every_mixing
@normalised_or_not
@every_temperature
@every_depth
def test_the_velocity_is_minus_the_gradient_times_the_rates(depth, temperature, normalised, mixing):
    model, y = make(depth, normalised, temperature, mixing, seed=depth)
    assert gd.check_gradient(model, y, t=3.7) < 1e-12


# Second: real differences, which know nothing of complex numbers.


def from_differences(model, y, t=3.7, h=1e-5):
    """How far the velocity is from central differences of the loss, relative to the largest."""
    differences = [model.loss(t, y + h * e) - model.loss(t, y - h * e) for e in np.eye(y.size)]
    expected = -rates(model) * np.array(differences) / (2 * h)
    return np.abs(model.velocity(t, y) - expected).max() / np.abs(expected).max()


@every_mixing
@normalised_or_not
@every_depth
@pytest.mark.parametrize("temperature", ["softplus", "rate 0.3", "linear schedule"])
def test_the_velocity_agrees_with_real_differences(depth, temperature, normalised, mixing):
    model, y = make(depth, normalised, temperature, mixing, seed=10 + depth)
    assert from_differences(model, y) < 1e-7


# Third: SymPy's derivative of tiny networks, evaluated in 40 digits.


def exact(number):
    return sp.Rational(*float(number).as_integer_ratio())


def symbolic_loss(model, t, X, Y, nu):
    """Eq. (2) as printed, of rows X and Y behind the mixing."""
    X, Y = (sp.Matrix(model.n, model.d, list(entries)) for entries in (X, Y))
    if model.mixing is not None:
        L = sp.Matrix(*X.shape, [*map(exact, np.broadcast_to(model.mixing, X.shape).flat)])
        rest = sp.ones(*X.shape) - L
        X, Y = (
            L.multiply_elementwise(here) + rest.multiply_elementwise(there)
            for here, there in ((X, Y), (Y, X))
        )
    learned = isinstance(model.temperature, gd.Learned)
    if learned and isinstance(model.temperature.parametrisation, gd.Softplus):
        beta = sp.log(1 + sp.exp(nu))
    elif learned:
        beta = sp.exp(nu / exact(model.temperature.parametrisation.scale))
    else:
        beta = exact(model.temperature.beta(t, 0.0))
    M = beta * X * Y.T
    return sum(
        sp.log(sum(sp.exp(entry) for entry in line)) - M[i, i]
        for i in range(model.n)
        for line in (M.row(i), M.col(i))
    ) / (2 * model.n)


def symbolic_rows(encoder, theta, numbers, inputs):
    """Embeddings as functions of θ, each ReLU on the side of its kink on which `numbers` put it."""
    passed, plain, start = sp.Matrix([[exact(x) for x in row] for row in inputs]), inputs, 0
    for k, m in zip(encoder.sizes, encoder.sizes[1:], strict=False):
        if start:
            on = sp.Matrix((plain > 0).astype(int).tolist())
            passed, plain = passed.multiply_elementwise(on), np.maximum(plain, 0)
        weights, biases = slice(start, start + k * m), slice(start + k * m, start + (k + 1) * m)
        plain = plain @ numbers[weights].reshape(k, m) + numbers[biases]
        W, b = sp.Matrix(k, m, theta[weights]), sp.Matrix(1, m, theta[biases])
        passed, start = passed * W + sp.ones(passed.rows, 1) * b, start + (k + 1) * m
    if encoder.normalised:
        lengths = [sp.sqrt(sum(x**2 for x in passed.row(i))) for i in range(passed.rows)]
        passed = sp.Matrix(passed.rows, passed.cols, lambda i, j: passed[i, j] / lengths[i])
    return passed


def symbolic_velocity(model, y, t, digits=40):
    """Minus the rates times SymPy's derivatives: eq. (2) in the rows, rows in the weights."""
    symbols = sp.symbols(f"y:{model.size}")
    cut = model.first.size
    X = symbolic_rows(model.first, symbols[:cut], y[:cut], model.images)
    Y = symbolic_rows(model.second, symbols[cut:-1], y[cut:-1], model.texts)
    rows = sp.symbols(f"x:{2 * model.n * model.d}")
    half = model.n * model.d
    loss = symbolic_loss(model, t, rows[:half], rows[half:], symbols[-1])
    embedded = [*X, *Y]
    jacobian = [[sp.diff(row, s) for s in symbols[:-1]] for row in embedded]
    slopes = [sp.diff(loss, s) for s in (*rows, symbols[-1])]
    numbers = [mp.mpf(float(number)) for number in y]
    with mp.workdps(digits):
        at = sp.lambdify(symbols, embedded, "mpmath")(*numbers)
        inner = sp.lambdify(symbols, jacobian, "mpmath", cse=True)(*numbers)
        *outer, dnu = sp.lambdify((*rows, symbols[-1]), slopes, "mpmath")(*at, numbers[-1])
        values = [*(mp.fdot(outer, column) for column in zip(*inner, strict=True)), dnu]
        return [-mp.mpf(float(rate)) * v for rate, v in zip(rates(model), values, strict=True)]


@pytest.mark.parametrize(
    ("depth", "normalised", "temperature", "mixing", "n"),
    [
        (0, True, "exponential", "entries", 3),
        (0, False, "softplus", "unmixed", 3),
        (1, True, "rate 0.3", "unmixed", 3),
        (1, False, "scale 2", "rows", 2),
        (2, True, "softplus", "rows", 2),
        (2, False, "linear schedule", "entries", 2),
    ],
)
def test_the_velocity_equals_sympys_derivative(depth, normalised, temperature, mixing, n):
    model, y = make(depth, normalised, temperature, mixing, n=n, sizes=(2, 2, 2, 2), seed=20)
    truth = symbolic_velocity(model, y, 3.7)
    assert reference.departure(model.velocity(3.7, y), truth) < 1e-13


def test_a_dead_unit_gets_no_gradient():
    model, y = make(1)
    theta = model.split(y).theta
    W, b = next(model.first.layers(theta))
    W[:, 2], b[2] = 0.0, -1.0
    dtheta = model.split(model.velocity(0.0, y)).theta
    (dW, db), (dV, _) = model.first.layers(dtheta)
    assert not dW[:, 2].any() and db[2] == 0 and not dV[2].any() and dW[:, 0].any()


# Sparse inputs.


def bags(n, words, rng):
    """Random rows, two thirds of their entries zero; the last bag and the last word are empty."""
    rows = rng.standard_normal((n, words)) * (rng.random((n, words)) < 1 / 3)
    rows[-1], rows[:, -1] = 0.0, 0.0
    return rows


def make_sparse(depth, normalised, biased=True, mixing="unmixed", n=6, sizes=(4, 7, 5, 3), seed=0):
    """A model of sparse texts and sparse images, the same of dense ones, and a state.

    The state is off the kinks of the ReLUs. Without biases there is no empty bag, as its row would
    be zero.
    """
    image, text, width, d = sizes
    first, second = (Encoder((k, *[width] * depth, d), normalised, biased) for k in (image, text))
    mask = None if MIXINGS[mixing] is None else MIXINGS[mixing](n, d)
    rng = np.random.default_rng(seed)
    while True:
        images, texts = rng.standard_normal((n, image)), bags(n, text, rng)
        if not biased:
            texts[texts.any(axis=1) == 0, 0] = 1.0
        dense = EncoderModel(images, texts, first, second, gd.Learned(), mask)
        y = dense.start(rng, tau=0.4)
        y[:-1] += 0.3 * rng.standard_normal(y.size - 1)
        theta, phi, _ = dense.split(y)
        reaches = network(first, theta, images)[1], network(second, phi, texts)[1]
        alive = all(gd.sphere.lengths(rows).min() > 0.1 for rows in unnormalised(dense, y))
        if min(reaches) > 0.02 and alive:
            inputs = {name: scipy.sparse.csr_array(getattr(dense, name)) for name in INPUTS}
            return replace(dense, **inputs), dense, y


INPUTS = "images", "texts"
biased_or_not = pytest.mark.parametrize("biased", [True, False])


@every_mixing
@biased_or_not
@normalised_or_not
@every_depth
def test_sparse_inputs_have_the_gradients_of_the_loss(depth, normalised, biased, mixing):
    """By the complex step, and by real differences."""
    model, _, y = make_sparse(depth, normalised, biased, mixing, seed=depth)
    assert scipy.sparse.issparse(model.texts) and scipy.sparse.issparse(model.images)
    assert not biased or 0 in model.texts.count_nonzero(axis=1)
    assert gd.check_gradient(model, y) < 1e-12
    assert from_differences(model, y) < 1e-7


@every_mixing
@biased_or_not
@normalised_or_not
@every_depth
def test_sparse_inputs_give_what_dense_ones_give(depth, normalised, biased, mixing):
    model, dense, y = make_sparse(depth, normalised, biased, mixing, seed=20 + depth)
    assert model.loss(0.0, y) == pytest.approx(dense.loss(0.0, y), rel=1e-14)
    expected = dense.velocity(0.0, y)
    departure = np.abs(model.velocity(0.0, y) - expected).max() / np.abs(expected).max()
    assert departure < 1e-14
    for one, other in zip(model.embeddings(y), dense.embeddings(y), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("depth", "normalised"), [(0, True), (1, True), (1, False)])
def test_the_velocity_of_sparse_inputs_equals_sympys_derivative(depth, normalised):
    model, dense, y = make_sparse(depth, normalised, n=2, sizes=(2, 3, 2, 2), seed=5)
    truth = symbolic_velocity(dense, y, 3.7)
    assert reference.departure(model.velocity(3.7, y), truth) < 1e-13


def test_a_word_moves_with_the_bags_that_have_it_alone():
    """Row w of dW is the sum of what pushes the bags that have w, each times its entry."""
    model, dense, y = make_sparse(0, False, n=5, seed=3)
    X, Y = unnormalised(dense, y)
    beta = model.temperature.beta(0.0, y[-1])
    M = beta * X @ Y.T
    softmax = [np.exp(M - logsumexp(M, axis=k, keepdims=True)) for k in (0, 1)]
    G = (sum(softmax) - 2 * np.eye(5)) / 10
    push = -beta * G.T @ X
    dW, db = next(model.second.layers(model.split(model.velocity(0.0, y)).phi))
    for word, row in enumerate(dW):
        having = np.flatnonzero(dense.texts[:, word])
        expected = sum((dense.texts[i, word] * push[i] for i in having), np.zeros(DIM))
        np.testing.assert_allclose(row, expected, atol=1e-14)
    assert not dW[-1].any() and dW[0].any()
    np.testing.assert_allclose(db, push.sum(axis=0), atol=1e-14)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.longdouble])
def test_a_sparse_array_may_have_any_format(form, kind, dtype):
    model, dense, y = make_sparse(1, True)
    texts = dense.texts.astype(np.float32)
    try:
        given = getattr(scipy.sparse, f"{form}_{kind}")(texts.astype(dtype))
    except (TypeError, ValueError):
        pytest.skip(f"SciPy has no {form} of {dtype.__name__}")
    other = replace(model, texts=given)
    assert other.texts.dtype == np.float64
    np.testing.assert_array_equal(other.texts.toarray(), texts)
    expected = replace(model, texts=texts.astype(np.float64)).velocity(0.0, y)
    np.testing.assert_allclose(other.velocity(0.0, y), expected, rtol=0, atol=1e-14)


def test_entries_of_one_word_of_a_bag_add_up():
    words, bag = np.array([0, 2, 2, 1]), np.array([0, 0, 0, 1])
    twice = scipy.sparse.coo_array((np.ones(4), (bag, words)), shape=(2, 3))
    model = EncoderModel(np.ones((2, IMAGE)), twice, FIRST, SECOND, gd.Fixed(1.0))
    np.testing.assert_array_equal(model.texts.toarray(), [[1, 0, 2], [0, 1, 0]])


def test_the_model_keeps_the_sparse_inputs_it_was_given():
    """Also where SciPy changes the order of their entries in place."""
    given = scipy.sparse.csr_array(
        (np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(2, 3)
    )
    before = given.toarray()
    model = EncoderModel(np.ones((2, IMAGE)), given, FIRST, SECOND, gd.Fixed(1.0))
    given.sort_indices()
    np.testing.assert_array_equal(model.texts.toarray(), before)
    given.data[...] = 7.0
    np.testing.assert_array_equal(model.texts.toarray(), before)
    model.velocity(0.0, model.start(0))
    assert given.data.tolist() == [7.0, 7.0, 7.0]


# Extremes.

BETAS = [1e-6, 1.0, 1e2, 1e4, 1e8]


def linear(lengths, beta, normalised, n=6, seed=0):
    """Encoders that hand on their inputs, rows of given length, at inverse temperature beta."""
    rng = np.random.default_rng(seed)
    X, Y = (lengths * gd.sphere.sample(n, 3, rng) for _ in range(2))
    encoder = Encoder((3, 3), normalised)
    model = EncoderModel(X, Y, encoder, encoder, gd.Learned())
    y = model.start(0, tau=1 / beta)
    for part in model.split(y)[:2]:
        part[...] = np.append(np.eye(3).ravel(), np.zeros(3))
    return model, y


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize(("length", "normalised"), [(1.0, True), (100.0, True), (100.0, False)])
def test_loss_and_velocity_equal_their_50_digit_values(beta, length, normalised):
    """At every β the logits' own rounding is what is lost: β ‖x‖‖y‖ times the unit roundoff."""
    model, y = linear(length, beta, normalised)
    inputs = [reference.matrix(rows) for rows in (model.images, model.texts)]
    X, Y = (reference.unit(rows) for rows in inputs) if normalised else inputs
    beta = mp.exp(mp.mpf(float(y[-1])))
    Z = reference.product(X, reference.transpose(Y))
    G = reference.gradient([[beta * z for z in row] for row in Z])
    truth = []
    pushes = reference.product(G, Y), reference.product(reference.transpose(G), X)
    for rows, inward, push in zip((X, Y), inputs, pushes, strict=True):
        if normalised:
            push = [[v / mp.mpf(length) for v in row] for row in reference.tangent(rows, push)]
        truth += [
            -beta * v for row in reference.product(reference.transpose(inward), push) for v in row
        ]
        truth += [-beta * mp.fsum(column) for column in zip(*push, strict=True)]
    truth.append(beta * reference.pull(Z, beta))
    rounding = float(beta) * (1 if normalised else length**2) * np.finfo(float).eps
    velocity = model.velocity(0.0, y)
    assert np.isfinite(velocity).all()
    tolerance = max(1e-12, 10 * rounding)
    if tolerance < 1:
        loss = reference.loss([[beta * z for z in row] for row in Z])
        assert reference.departure(model.loss(0.0, y), [loss]) <= tolerance
        assert reference.departure(velocity, truth) <= tolerance


@pytest.mark.parametrize("length", [1.0, 100.0])
def test_at_great_beta_only_the_hardest_negative_pushes(length):
    """The softmax is then an argmax: ∇ℓ = (best of rows + best of columns)/2n - I/n."""
    model, y = linear(length, 1e8, normalised=False)
    n = model.n
    Z = model.images @ model.texts.T
    best = np.eye(n)[Z.argmax(axis=1)] + np.eye(n)[Z.argmax(axis=0)].T
    G = best / (2 * n) - np.eye(n) / n
    beta = model.temperature.beta(0.0, y[-1])
    expected = -beta * model.images.T @ (G @ model.texts)
    slope = model.split(model.velocity(0.0, y)).theta[:9].reshape(3, 3)
    np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("beta", BETAS)
def test_pairs_that_match_at_great_length_push_no_more_than_they_can(beta):
    encoder = Encoder((4, 4), normalised=False)
    model = EncoderModel(100 * np.eye(4), 100 * np.eye(4), encoder, encoder, gd.Fixed(1 / beta))
    y = np.append(np.tile(np.append(np.eye(4).ravel(), np.zeros(4)), 2), model.temperature.nu())
    share = 3 / (3 + np.exp(beta * 1e4)) if beta < 0.05 else 0.0  # g of Z = 1e4 I, over 1e4
    pull = -np.trace(model.split(model.velocity(0.0, y)).theta[:16].reshape(4, 4))
    assert -pull == pytest.approx(beta * 1e4 * share, rel=1e-10)
    assert model.loss(0.0, y) == pytest.approx(np.log1p(3 * np.exp(-beta * 1e4)), rel=1e-10)


# Batches.


@every_mixing
@pytest.mark.parametrize("temperature", ["exponential", "rate 0.3", "fixed"])
def test_the_velocity_of_a_batch_is_that_of_a_model_of_its_pairs(temperature, mixing):
    model, y = make(2, temperature=temperature, n=7)
    chosen = np.array([5, 0, 3])
    images, texts = model.images[chosen], model.texts[chosen]
    mixing = None if mixing == "unmixed" else MIXINGS[mixing](3, DIM)
    alone = EncoderModel(images, texts, model.first, model.second, model.temperature, mixing)
    out = np.empty_like(y)
    assert model.descend(0.0, y, images, texts, mixing, out) is out
    np.testing.assert_array_equal(out, alone.velocity(0.0, y))


def test_the_velocity_of_a_batch_of_bags_is_that_of_a_model_of_them():
    model, _, y = make_sparse(1, True, n=7)
    chosen = np.array([5, 0, 3])
    images, texts = model.images[chosen], model.texts[chosen]
    alone = EncoderModel(images, texts, model.first, model.second, model.temperature)
    out = model.descend(0.0, y, images, texts, None, np.empty_like(y))
    np.testing.assert_array_equal(out, alone.velocity(0.0, y))


# The flow.


@pytest.fixture(scope="module")
def run():
    """A flow in which no ReLU is held at its kink."""
    model, y = make(1, temperature="rate 0.3", n=6, seed=4)
    return gd.flow(model, y, 4.0)


def test_states_and_observables_have_their_names(run):
    model, y = run.model, run.y[-1]
    parts = model.split(y)
    assert parts._fields == model.rates()._fields == ("theta", "phi", "nu")
    assert [part.size for part in parts] == [model.first.size, model.second.size, 1]
    assert all(np.shares_memory(part, y) for part in parts)
    assert model.observe(0.0, y)._fields == gd.Observables._fields
    measured, last = gd.measures.measure(*model.embeddings(y)), run.at(run.t[-1])
    assert (last.gap, last.margin) == pytest.approx((measured.gap, measured.margin), rel=1e-12)
    assert last.gamma == last.gap / 2 and last.beta == pytest.approx(1 / last.tau)
    assert (last.mismatched, last.loss) == (measured.mismatched, model.loss(0.0, y))


def test_observables_are_of_unit_rows_and_the_loss_of_what_descends():
    model, y = make(1, normalised=False, mixing="entries")
    seen = model.observe(0.0, y)
    X, Y = (gd.sphere.normalise(rows) for rows in unnormalised(model, y))
    assert seen.gap == pytest.approx(gd.measures.gap(X, Y), rel=1e-13)
    assert seen.margin == pytest.approx(gd.measures.margin(X @ Y.T), rel=1e-12)
    mixed = mix(*unnormalised(model, y), model.mixing)
    assert seen.loss == pytest.approx(gd.loss.loss(seen.beta * mixed[0] @ mixed[1].T), rel=1e-12)


def test_a_swapped_segment_is_the_flow_of_the_mixed_model():
    model, y = make(0)
    swap = gd.HardSwap(1.0, segment=5.0, seed=2)
    mixed = model.mixed(swap.mixing(0, model.n, model.d))
    run, alone = gd.flow(model, y, [1.0, 2.0], swap=swap), gd.flow(mixed, y, [1.0, 2.0])
    np.testing.assert_array_equal(run.y, alone.y)
    assert model.mixing is None and mixed.mixed(None).mixing is None


def test_a_saved_run_comes_back_without_its_model(run, tmp_path):
    run.save(tmp_path / "run.npz")
    again = gd.Trajectory.load(tmp_path / "run.npz")
    assert again.model is None
    np.testing.assert_array_equal(again.y, run.y)


def test_a_relu_can_hold_the_flow_at_its_kink():
    """Its input is pushed to zero from both sides, so that the flow slides and a solver crawls."""
    model, y = make(1, temperature="rate 0.3", n=6, seed=2)
    for step in Solver(1e-8, 1e-10).steps([(model, 0.0, 4.0)], y):
        if step.t > 0.2 and step.t - step.t_old < 1e-6:
            break
    assert step.t < 0.4
    inputs = model.texts
    W, b = next(model.second.layers(model.split(step.y).phi))
    i, j = np.unravel_index(np.abs(inputs @ W + b).argmin(), (model.n, WIDTH))
    assert abs(inputs[i] @ W[:, j] + b[j]) < 1e-6
    for side in (-1e-5, 1e-5):
        there = step.y.copy()
        next(model.second.layers(model.split(there).phi))[1][j] += side
        dW, db = next(model.second.layers(model.split(model.velocity(0.0, there)).phi))
        assert side * (inputs[i] @ dW[:, j] + db[j]) < 0


# What is refused.


@pytest.mark.parametrize("sizes", [(3,), (3, 1), (0, 3), (3.0, 2), 3])
def test_sizes_are_an_input_and_two_dimensions_or_more(sizes):
    whole = isinstance(sizes, tuple) and all(isinstance(size, int) for size in sizes)
    with pytest.raises(ValueError if whole else TypeError, match="sizes"):
        Encoder(sizes)


A, B = np.ones((4, IMAGE)), np.ones((4, TEXT))
SPARSE = scipy.sparse.csr_array(B)
FIRST, SECOND = Encoder((IMAGE, DIM)), Encoder((TEXT, DIM))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"images": A[0]}, ValueError, "images must have 2 axes"),
        ({"images": A[:, :2]}, ValueError, "images must have 4 columns"),
        ({"texts": A}, ValueError, "texts must have 3 columns"),
        ({"texts": B[:3]}, ValueError, "texts must have 4 rows"),
        ({"images": A[:1], "texts": B[:1]}, ValueError, "number of pairs"),
        ({"images": A * np.nan}, ValueError, "images must be finite"),
        ({"texts": B.astype(int)}, TypeError, "texts"),
        ({"texts": SPARSE[:, :2]}, ValueError, "texts must have 3 columns as its encoder, got 2"),
        ({"texts": SPARSE[:3]}, ValueError, "texts must have 4 rows, got 3"),
        ({"texts": SPARSE * np.nan}, ValueError, "texts must be finite"),
        ({"texts": SPARSE * np.inf}, ValueError, "texts must be finite"),
        ({"texts": SPARSE.astype(int)}, TypeError, "texts must hold real floating-point numbers"),
        ({"texts": SPARSE.astype(bool)}, TypeError, "texts must hold real floating-point numbers"),
        ({"texts": SPARSE * 1j}, TypeError, "texts must hold real floating-point numbers"),
        ({"texts": scipy.sparse.coo_array(np.ones(3))}, ValueError, "texts must have 2 axes"),
        ({"images": scipy.sparse.csr_array(A[:, :2])}, ValueError, "images must have 4 columns"),
        ({"first": None}, TypeError, "first must be an Encoder"),
        ({"second": (TEXT, DIM)}, TypeError, "second must be an Encoder"),
        ({"second": Encoder((TEXT, 5))}, ValueError, "first and second must embed"),
        ({"second": Encoder((TEXT, DIM), False)}, ValueError, "both be normalised"),
        ({"temperature": 0.07}, TypeError, "temperature"),
        ({"mixing": np.ones((4, 2))}, ValueError, "mixing must have shape"),
        ({"mixing": np.ones(4)}, ValueError, "mixing must have 2 axes"),
        ({"mixing": np.full((4, 1), 1.5)}, ValueError, r"mixing must lie in \[0, 1\]"),
        ({"mixing": np.full((4, 1), np.nan)}, ValueError, "mixing must be finite"),
        ({"mixing": np.ones((4, 1), dtype=int)}, TypeError, "mixing"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changed, error, message):
    fitting = {
        "images": A,
        "texts": B,
        "first": FIRST,
        "second": SECOND,
        "temperature": gd.Fixed(1.0),
    }
    EncoderModel(**fitting)
    with pytest.raises(error, match=message) as caught:
        EncoderModel(**fitting | changed)
    assert "\n" not in str(caught.value)


def test_a_learned_temperature_starts_somewhere():
    model = EncoderModel(A, B, FIRST, SECOND, gd.Learned())
    with pytest.raises(ValueError, match="tau must be given"):
        model.start(0)


def test_the_model_keeps_what_it_was_given():
    images, mixing = A.copy(), np.ones((4, 1))
    model = EncoderModel(images, B, FIRST, SECOND, gd.Fixed(1.0), mixing)
    images[...], mixing[...] = 7.0, 0.0
    np.testing.assert_array_equal(model.images, A)
    np.testing.assert_array_equal(model.mixing, np.ones((4, 1)))
