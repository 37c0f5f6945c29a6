"""Building blocks: arguments in the ranges that are promised, disguised ones and odd ones.

Sizes are small, so that a call takes milliseconds. Arrays come from a seed and not entry by entry:
that is fast, and what matters is their kind (random, tied, nearly equal, of extreme lengths).
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
from conftest import MODELS, SIGMOIDS, make
from hypothesis import reject
from hypothesis import strategies as st

import gapdyn as gd

# Numbers in the promised ranges


def within(low, high, *corners):
    """Numbers from low to high, even in the logarithm where both are positive, and corners."""
    if low > 0:
        numbers = st.floats(math.log(low), math.log(high)).map(math.exp)
        numbers = numbers.map(lambda x: min(max(x, low), high))
    else:
        numbers = st.floats(low, high)
    return numbers | st.sampled_from((low, high, *corners))


counts, dims = st.integers(2, 6), st.integers(2, 5)
seeds = st.integers(0, 2**40)
betas = within(1e-6, 1e8, 1.0)
taus = betas.map(lambda beta: 1 / beta)
mild_taus = within(0.02, 10.0, 0.07)
"""Temperatures at which a flow takes milliseconds."""
heights = within(-1.0, 1.0, 0.0, 0.31, 1e-9)
open_heights = within(1e-12, 0.999, 0.31, 1e-150)
margins = within(1e-3, 2.0, 1.0)
rates = within(1e-3, 1e3, 1.0)
times = within(1e-3, 1e12, 0.0, 1.0)
portions = within(0.0, 1.0, 1e-3)

# Arrays


@st.composite
def rows(draw, n, d):
    """Rows (n, d): on the sphere, of small integers, nearly equal, or of lengths far from 1."""
    rng = np.random.default_rng(draw(seeds))
    match draw(st.sampled_from(["sphere", "integers", "near", "lengths"])):
        case "sphere":
            return gd.sphere.sample(n, d, rng)
        case "integers":
            W = rng.integers(-1, 2, (n, d)).astype(float)
            W[~W.any(axis=1), 0] = 1.0
            return W
        case "near":
            return gd.sphere.sample(2, d, rng)[:1] + 1e-5 * rng.standard_normal((n, d))
        case "lengths":
            return gd.sphere.sample(n, d, rng) * 10.0 ** rng.integers(-200, 201, (n, 1))


@st.composite
def pairs(draw):
    """Two modalities of one shape."""
    n, d = draw(counts), draw(dims)
    return {"X": draw(rows(n, d)), "Y": draw(rows(n, d))}


@st.composite
def similarities(draw):
    """Square matrices (n, n): similarities of rows, multiples of the identity, ties, logits."""
    n, rng = draw(counts), np.random.default_rng(draw(seeds))
    return draw(
        st.sampled_from(
            [
                gd.sphere.sample(n, 3, rng) @ gd.sphere.sample(n, 3, rng).T,
                10 * rng.random() * np.eye(n),
                rng.integers(-1, 2, (n, n)).astype(float),
                10.0 ** rng.integers(-6, 9) * rng.standard_normal((n, n)),
            ]
        )
    )


def arrays_of(numbers):
    """A number, or an array of up to two axes."""
    shapes = st.sampled_from([(), (1,), (3,), (2, 2)])
    return numbers | shapes.flatmap(
        lambda shape: st.lists(numbers, min_size=math.prod(shape), max_size=math.prod(shape)).map(
            lambda values: np.array(values, dtype=float).reshape(shape)
        )
    )


# Objects of gapdyn's

parametrisations = st.one_of(
    st.builds(gd.Exponential, within(0.1, 10.0, 1.0)), st.just(gd.Softplus()), st.just(gd.Linear())
)
learned = st.builds(gd.Learned, parametrisations, within(0.1, 10.0, 1.0))
exponential = st.builds(
    gd.Learned, st.builds(gd.Exponential, within(0.1, 10.0, 1.0)), within(0.1, 10.0, 1.0)
)
fixed = st.one_of(
    st.builds(gd.Fixed, mild_taus),
    st.builds(gd.LinearSchedule, mild_taus, mild_taus, within(0.1, 10.0)),
    st.builds(gd.CosineSchedule, st.just(0.05), mild_taus.map(lambda t: t + 0.05), within(0.5, 5)),
    st.just(gd.Scheduled(np.polynomial.Polynomial([0.4, 0.1]))),
)
clamped = st.just(gd.Learned(max_beta=100.0)) | st.just(gd.Learned(min_beta=1.0, max_beta=100.0))
temperatures = learned | clamped | fixed
biases = within(-20.0, 20.0, 0.0)
sigmoids = st.builds(
    gd.Sigmoid, st.sampled_from(["relative", "plain", "none"]), within(0.0, 10.0, 1.0)
)
losses = st.just(gd.InfoNCE()) | sigmoids
swaps = st.builds(gd.HardSwap, portions, within(0.1, 2.0), st.booleans(), seeds) | st.builds(
    gd.SoftSwap, portions, within(0.1, 2.0), seeds
)


@st.composite
def states(
    draw, kinds=MODELS + SIGMOIDS, temperatures=temperatures, taus=mild_taus, names=("model", "y")
):
    """A model and a state of it, under these names."""
    n, d = draw(st.integers(2, 4)), draw(st.integers(2, 3))
    kind, temperature, tau = draw(st.sampled_from(kinds)), draw(temperatures), draw(taus)
    low, high = (getattr(temperature, name, None) for name in ("min_beta", "max_beta"))
    # At a bound β stands still where its gradient points out.
    tau = min(max(tau, 1 / (high or np.inf)), 0.99 / (low or 1e-300))
    return dict(zip(names, make(kind, temperature, n, d, draw(seeds), tau), strict=True))


ENDS = (0.5, [0.0, 0.5], [0.5], [0.0, 0.1, 0.5, 1.0])


@st.composite
def runs(draw, kinds=MODELS + SIGMOIDS, temperatures=temperatures, ends=ENDS):
    """A short trajectory, of tolerances for which a flow takes milliseconds."""
    model, y = draw(states(kinds, temperatures)).values()
    end = draw(st.sampled_from(ends))
    try:
        return gd.flow(model, y, end, rtol=1e-5, atol=1e-8, max_steps=3000)
    except gd.IntegrationError:  # it is stiff, and `at` would take as long again
        reject()


# The same value in another form


def forms(value) -> list[Callable]:
    """Ways to write a value without changing it, all of which must give the same answer."""
    if isinstance(value, np.ndarray) and value.ndim:
        return [
            np.float32,
            np.longdouble,
            lambda a: a.astype(">f8"),
            np.asfortranarray,
            lambda a: a[::-1].copy()[::-1],
            lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
            lambda a: a.tolist(),
            lambda a: np.ma.array(a),
            lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),  # read-only
        ]
    if isinstance(value, float):
        return [np.float64, np.float32, np.longdouble, np.array, Fraction]
    if isinstance(value, int) and not isinstance(value, bool):
        small, positive = abs(value) < 128, value >= 0
        return [np.int64, *([np.int8] if small else []), *([np.uint64] if positive else [])]
    return [lambda same: same]


def round_to_single(value):
    """The nearest value that every form can hold."""
    if isinstance(value, float | np.ndarray) and np.asarray(value).dtype == np.float64:
        single = np.float32(np.clip(value, -1e38, 1e38)).astype(np.float64)
        return single if isinstance(value, np.ndarray) else float(single)
    return value


# Values that nobody should give


def odd_things() -> list:
    """What a caller may give by mistake, made anew, so that a changed one is told."""
    return [
        *(math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1e-310, 1e-308, 1e308, -1e308, 1e16),
        *(-1, 0, 1, 2**53 + 1, 2**63, 10**400, -(10**400), True, False, None),
        *("", "1", "nan", b"1", Fraction(1, 3), Fraction(10**400), Decimal("0.1"), Decimal("NaN")),
        *(1j, complex(math.nan, 1), np.float16(0.5), np.longdouble("1e-400"), np.int8(-1)),
        *(np.longdouble("1e4000"), np.uint64(2**64 - 1), np.bool_(True), np.complex64(1)),
        *(np.datetime64("2020-01-01"), np.timedelta64(1), np.str_("x"), np.ma.masked),
        *(np.array(0.5), np.array(2), np.array([0.5]), np.array("x"), np.array(None)),
        *([], {}, set(), (), object(), float, math.sin, slice(3), range(3), iter([0.5]), ...),
        *([0.5, "x"], [[0.5], [0.5, 0.5]], [[1, 2], [3, 4]], [None], np.zeros((0, 2))),
        *(np.zeros((2, 0)), np.zeros(0), np.zeros((2, 2)), np.ones((2, 2, 2)), np.ones(1)),
        *(np.full((3, 3), np.nan), np.full((3, 3), 1e308), np.full((3, 3), 5e-324)),
        *(np.ones((3, 3), dtype=int), np.ones((3, 3), dtype=bool), np.ones((3, 3)) * 1j),
        *(np.array([["a", "b"]] * 2), np.ones((3, 3), dtype=object), np.ones(3, dtype="f8,i4")),
        *(np.full((3, 3), np.longdouble("1e-400")), np.full((3, 3), np.longdouble("1e4000"))),
        *(np.broadcast_to(1.0, (3, 3)), np.array([[np.inf, 1.0], [0.0, 1.0]])),
        *(np.ma.array(np.ones((3, 3)), mask=np.eye(3)), np.array(["2020-01-01"], "M8[D]")),
        *(np.full((3, 3), np.float16(65504)), np.ma.array([0.5], mask=[True]), np.array([0.5] * 3)),
    ]


def _with(value):
    """Put a value in the first place of a copy."""

    def spoil(a):
        a = np.array(a, dtype=float)
        a.flat[0] = value
        return a

    return spoil


SPOILT_ARRAYS: list[Callable] = [
    *(_with(value) for value in (np.nan, np.inf, 1e308, 1e-308, 5e-324, -0.0, 0.0, 1e200)),
    lambda a: a[:0],
    lambda a: a[:1],
    lambda a: a[..., :1],
    lambda a: a[..., :-1],
    lambda a: a.T,
    lambda a: a[None],
    lambda a: a * 0,
    lambda a: a * 1e200,
    lambda a: np.concatenate([a, a]),
    lambda a: a.astype(np.float16),
    lambda a: a.astype(int),
    lambda a: a.astype(bool),
    lambda a: a.astype(complex),
    lambda a: a.astype(object),
    lambda a: a.astype(str),
    lambda a: a.astype(np.longdouble) * np.longdouble("1e-4000"),
    lambda a: a.astype(np.longdouble) * np.longdouble("1e4000"),
    lambda a: np.broadcast_to(a.flat[0], a.shape),
    lambda a: np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 0),
    lambda a: [np.ma.array(row, mask=True) for row in a],
]
SPOILT_NUMBERS: list[Callable] = [
    *(np.float16, np.array, str, complex, bool, lambda x: -x, lambda x: x + 0.5, lambda x: [x]),
    *(
        lambda x: np.array([x]),
        lambda x: x * 1e-300,
        lambda x: np.longdouble(x) * 10 ** -np.longdouble(400),
    ),
    *(Decimal, Fraction, lambda x: math.nextafter(x, 0), lambda x: math.nextafter(x, math.inf)),
]


@st.composite
def odd(draw, value):
    """Something else instead of a value: a spoilt copy, another form, or any odd thing."""
    spoils: list[Callable] = []
    if isinstance(value, np.ndarray) and value.size and value.ndim and value.dtype.kind in "fiu":
        spoils = SPOILT_ARRAYS
    elif isinstance(value, float | int) and not isinstance(value, bool):
        spoils = SPOILT_NUMBERS
    choice = draw(st.integers(0, 2))
    with np.errstate(all="ignore"):
        if spoils and choice == 0:
            return draw(st.sampled_from(spoils))(value)
        if spoils and choice == 1:
            return draw(st.sampled_from(forms(value)))(value)
    things = odd_things()
    return things[draw(st.integers(0, len(things) - 1))]
