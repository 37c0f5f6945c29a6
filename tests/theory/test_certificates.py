"""Certificates: each ball against quadrature at 40 digits, the models, or draws."""

import sys
from decimal import Decimal
from fractions import Fraction
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from conftest import refusals

import gapdyn as gd
from gapdyn.theory import certificates, theorem_3_2, theorem_3_3

flint = pytest.importorskip("flint", reason="certificates want the extra gapdyn[certify]")
TENTH = Fraction(1, 10)
PLANE = {"beta": 5, "gamma": TENTH}


@pytest.fixture(autouse=True)
def forty_digits():
    with mp.workdps(40):
        yield


def exact(ball_or_text):
    """A number of a certificate, or the middle of a ball, at 40 digits."""
    if isinstance(ball_or_text, str):
        return mp.mpf(ball_or_text)
    return mp.mpf(ball_or_text.str(45, radius=False))


def holds(certificate, value):
    """Whether a value, known to 30 digits, lies between the ends."""
    return exact(certificate.lower) <= value <= exact(certificate.upper)


def agree(value, digits):
    """Whether a number rounds to the digits that are printed."""
    half = Decimal(5).scaleb(Decimal(digits).as_tuple().exponent - 1)
    return abs(value - exact(digits)) <= exact(str(half))


# Second witnesses, written from the mathematics


def threshold(n, gamma0):
    return mp.log(4 * (n - 1)) / (1 - mp.mpf(gamma0) ** 2)


@cache
def closing_time(gamma, n=4, gamma0="0.1"):
    """∫ dw (1 + e^a/(n-1))/(βw) over w = γ^{-1/2}: dγ = -2w⁻³dw and β = Cwe^{γ²/4}."""
    first, last = 1 / mp.sqrt(mp.mpf(gamma0)), 1 / mp.sqrt(mp.mpf(gamma))
    C = threshold(n, gamma0) / first * mp.exp(-(mp.mpf(gamma0) ** 2) / 4)

    def slowness(w):
        gamma = w**-2
        beta = C * w * mp.exp(gamma**2 / 4)
        return (1 + mp.exp(beta * (1 - gamma**2)) / (n - 1)) / (beta * w)

    return mp.quad(slowness, mp.linspace(first, last, 41))


def c2(n, gamma0):
    gamma0 = mp.mpf(gamma0)
    return threshold(n, gamma0) * mp.sqrt(gamma0) * (1 - gamma0**2) * mp.exp(-(gamma0**2) / 4)


def printed_bound(t, n=4, gamma0="0.1"):
    c1 = 2 * (n - 1) * threshold(n, gamma0) * mp.sqrt(mp.mpf(gamma0))
    c4 = c2(n, gamma0) - mp.mpf("0.1")
    inside = mp.mpf(55) / 2 * c1 * t + mp.exp(c4 / mp.sqrt(mp.mpf(gamma0)))
    return c2(n, gamma0) / mp.log(inside) ** 2


def bracket():
    """ξ₁ - 2eᵃε and the bracket of (8), the moments by quadrature over the circle."""
    n, gamma0 = 10**4, mp.mpf("3e-4")
    a = 2 * (1 - gamma0**2)
    epsilon = mp.sqrt(mp.log((4 * n + 1) / mp.mpf("0.2")) / (2 * n))
    xi1, xi2 = (
        mp.quad(lambda t, k=k: mp.cos(t) ** k * mp.exp(a * mp.cos(t)), [0, mp.pi]) / mp.pi
        for k in (1, 0)
    )
    numerator = xi1 - 2 * mp.exp(a) * epsilon
    return numerator, numerator / (xi2 + (mp.exp(a) - mp.exp(-a)) * epsilon) - 2 * epsilon


def theta():
    """Least ‖u‖² n/2 at which 4γ₀/(√(1-γ₀²)‖u‖) + 4(1-γ₀²)^{3/2}/(3√3nγ₀) is the bracket."""
    n, gamma0 = 10**4, mp.mpf("3e-4")
    _, most = bracket()

    def surplus(x):
        u = mp.sqrt(2 * x / n)
        rows = 4 * (1 - gamma0**2) ** 1.5 / (3 * mp.sqrt(3) * n * gamma0)
        return 4 * gamma0 / (mp.sqrt(1 - gamma0**2) * u) + rows - most

    return mp.findroot(surplus, (mp.mpf("0.1"), mp.mpf("0.4")), solver="anderson")


def gap_after(step):
    """Δ after one Euler step along differences of ℓ, and dγ/dt before it, at 40 digits.

    Rows of X at the angles 0 and 1, of Y at 2 and 0, β = 5, γ = 0.3.
    """

    def loss(v):
        x, y, gamma = v[:2], v[2:4], v[4]
        a = 5 * (1 - gamma**2)
        Z = [[a * mp.cos(p - q) for q in y] for p in x]
        rows = [mp.log(sum(map(mp.exp, row))) for row in Z]
        columns = [mp.log(sum(map(mp.exp, column))) for column in zip(*Z, strict=True)]
        return (sum(rows) + sum(columns) - 2 * Z[0][0] - 2 * Z[1][1]) / 4

    def moved(k, by):
        return [value + by * (i == k) for i, value in enumerate(v)]

    v, h = [*map(mp.mpf, (0, 1, 2, 0)), mp.mpf("0.3")], mp.mpf("1e-12")
    slope = [(loss(moved(k, -h)) - loss(moved(k, h))) / (2 * h) for k in range(5)]
    *angles, gamma = (value + step * s for value, s in zip(v, slope, strict=True))
    u = sum(mp.expj(t) for t in angles[:2]) / 2 - sum(mp.expj(t) for t in angles[2:]) / 2
    return mp.sqrt((1 - gamma**2) * abs(u) ** 2 + 4 * gamma**2), slope[4]


@cache
def shortfall():
    """2dγ/dt - dΔ/dt at the four angles, by differences of (2) and of Δ."""
    h = mp.mpf("1e-12")
    (after, height), (before, _) = gap_after(h), gap_after(-h)
    return 2 * height - (after - before) / (2 * h)


def speed(beta):
    return beta * mp.exp(-beta)


def cosine(s):
    """β on the schedule that goes from τ = 0.3 to 0.8 and back in 7."""
    return 1 / (mp.mpf("0.55") - mp.cos(2 * mp.pi * s / 7) / 4)


WITNESSES = {
    "theorem_3_2_last_line": (lambda: printed_bound(closing_time("1e-4")) * 10**4, "1.42238"),
    "theorem_3_2_c2": (lambda: c2(2, "1e-3"), "0.0438384659"),
    "theorem_3_2_zero_height": (lambda: mp.mpf(0), "0"),
    "lemma_3_1_order": (lambda: 2 / (mp.mpf("1e6") - mp.mpf("1e-6")), "0.000002000000000002"),
    "theorem_3_3_bound": (lambda: (1 - theta()) ** 2 / 2, "0.32446"),
    "theorem_3_3_step": (shortfall, "0.515267"),
    "appendix_c_constant": (lambda: speed(mp.mpf(2)), "0.2706706"),
    "appendix_c_schedule": (
        lambda: mp.quad(lambda s: speed(cosine(s)), mp.linspace(0, 7, 15)),
        "1.86380573",
    ),
    "appendix_c_linear_schedule": (lambda: mp.quad(lambda r: speed(3 - 2 * r), [0, 1]), "0.268305"),
}
"""The number that each certificate encloses, by other means, and its first digits."""


@pytest.mark.parametrize("name", WITNESSES)
def test_each_certificate_encloses_its_second_witness_and_little_else(name):
    (witness, digits), before = WITNESSES[name], flint.ctx.prec
    certificate = getattr(certificates, name)()
    assert flint.ctx.prec == before
    assert holds(certificate, witness())
    assert agree(witness(), digits)
    lower, upper = map(Decimal, certificate[1:])
    assert upper - lower <= Decimal("1e-10") * abs(upper)


@pytest.mark.parametrize("rounded", ["1/3", "-1/3", "2/3", "0"])
def test_ends_are_rounded_outward(rounded):
    value = Fraction(rounded)
    third = certificates._certificate("", certificates._ball(value))
    assert Fraction(Decimal(third.lower)) <= value <= Fraction(Decimal(third.upper))
    assert len(third.lower.lstrip("-0.")) <= certificates.DIGITS


def test_a_float_is_not_an_exact_start():
    with pytest.raises(TypeError, match=r"integer or a Fraction, got 0\.1"):
        certificates._ball(0.1)
    with pytest.raises(ValueError, match="gamma must lie in"):
        certificates.closing_time(Fraction(1, 5))


def test_without_flint_the_extra_is_named(monkeypatch):
    assert certificates.available()
    monkeypatch.setitem(sys.modules, "flint", None)
    assert not certificates.available()
    with pytest.raises(ImportError, match=r"gapdyn\[certify\]"):
        certificates.theorem_3_2_c2()


# Theorem 3.2


@pytest.mark.parametrize(
    ("gamma", "time", "bound", "true"),
    [
        ("1/20", "0.89622334", "0.0335", True),
        ("1/100", "20.84598371", "0.01251", False),
        ("1/1000", "43378421.1336", "0.00155378", False),
        ("1/10000", "1325294033618753793626716163880.965", "0.000142238", False),
    ],
)
def test_heights_and_the_printed_bound_on_them(gamma, time, bound, true):
    gamma = Fraction(gamma)
    t = certificates.closing_time(gamma)
    printed = certificates.printed_bound(t)
    assert t.rad() <= 5e-36 * t.mid()
    assert agree(exact(t), time)
    assert mp.almosteq(exact(t), closing_time(str(float(gamma))), rel_eps=mp.mpf("1e-34"))
    assert agree(exact(printed), bound)
    assert mp.almosteq(exact(printed), printed_bound(exact(t)), rel_eps=mp.mpf("1e-30"))
    assert bool(printed <= flint.arb(gamma.numerator) / gamma.denominator) == true


def test_the_height_at_1e500_lies_between_two_heights():
    late = certificates.closing_time(Fraction(460675, 10**12))
    early = certificates.closing_time(Fraction(460685, 10**12))
    assert early < flint.arb(10) ** 500 < late


@pytest.mark.parametrize(
    ("n", "alpha", "gamma0"), [(4, "1", "1/10"), (2, "1", "1/2"), (5, "3/4", "3/10")]
)
def test_times_constants_and_the_printed_bound_are_those_of_the_floats(n, alpha, gamma0):
    start = certificates.Start(n, Fraction(alpha), Fraction(gamma0))
    setting = {"n": n, "alpha": float(start.alpha), "gamma0": float(start.gamma0)}
    setting["beta0"] = theorem_3_2.threshold(**setting)
    t = certificates.closing_time(Fraction(1, 50), start)
    assert float(t) == pytest.approx(theorem_3_2.closing_time(0.02, **setting), rel=1e-11)
    constants = theorem_3_2.constants(**setting)
    assert list(map(float, certificates.constants(start))) == pytest.approx(constants, rel=1e-13)
    printed = float(theorem_3_2.printed_bound(float(t), **setting))
    assert float(certificates.printed_bound(t, start)) == pytest.approx(printed, rel=1e-11)


def test_at_height_0_the_rows_part_as_the_certificate_says():
    """θ' = a sin θ/(1 + e^{a(1 - cos θ)}), against the velocity of the model."""
    model, theta, beta = gd.ParallelModel(2, 2, gd.Learned()), 1.9, 2.5
    X = np.array([[1.0, 0.0], [np.cos(theta), np.sin(theta)]])
    y = model.start(X, X, tau=1 / beta, gamma=0.0)
    moves = model.split(model.velocity(0.0, y))
    assert (moves.X == moves.Y).all() and moves.gamma == 0
    tangents = np.array([[0.0, 1.0], [-np.sin(theta), np.cos(theta)]])
    first, second = (tangents * moves.X).sum(axis=1)
    law = beta * np.sin(theta) / (1 + np.exp(beta * (1 - np.cos(theta))))
    assert second - first == pytest.approx(law, rel=1e-12)


# Theorem 3.3


def test_the_bracket_of_8_is_that_of_the_density_and_of_the_floats():
    found = certificates.printed_bracket(10**4, 2, Fraction(3, 10**4), Fraction(1, 5))
    for ball, value, digits in zip(found, bracket(), ("1.2256", "0.44903"), strict=True):
        assert mp.almosteq(exact(ball), value, rel_eps=mp.mpf("1e-30"))
        assert agree(value, digits)
    floats = theorem_3_3.printed_bound(n=10**4, d=2, tau=0.5, gamma0=3e-4, delta=0.2)
    assert float(found[1]) == pytest.approx(floats.value, rel=1e-12)


def means(n, draws, seed=0):
    """‖mean X - mean Y‖² n/2 over draws of uniform rows of the circle."""
    rng = np.random.default_rng(seed)
    rows = np.exp(2j * np.pi * rng.random((draws, 2, n))).mean(axis=2)
    return np.abs(rows[:, 0] - rows[:, 1]) ** 2 * n / 2


def test_the_means_of_uniform_rows_have_the_moments_of_the_proof():
    """E q = 1 and E q² = 1 + 2/d - 1/(dn) ≤ 1 + 2/d, q = n‖u‖²/2, d = 2, within five deviations."""
    for n in (2, 5):
        q = means(n, 40_000)
        for power, moment in ((1, 1.0), (2, 2 - 1 / (2 * n))):
            error = (q**power).std() / np.sqrt(len(q))
            assert (q**power).mean() == pytest.approx(moment, abs=5 * error)
            assert error < 0.03 * moment


def test_the_event_of_the_proof_is_as_likely_as_it_says():
    """Draws of the event, all but a χ²₂ law: e^{-θ} = 0.823 ≥ 0.324."""
    share = (means(10**4, 400) >= float(theta())).mean()
    assert share >= float(certificates.theorem_3_3_bound().lower) > 0.2
    assert share == pytest.approx(np.exp(-float(theta())), abs=0.08)


def test_the_bound_on_the_velocity_of_the_gap_is_above_draws():
    """Δ'/(4β₀γ₀) < 4γ₀/(√(1-γ₀²)‖u‖) + 4(1-γ₀²)^{3/2}/(3√3nγ₀), and ‖u'‖ ≤ 16a/(3√3n)."""
    rng, n = np.random.default_rng(0), 40
    model, attained = gd.ParallelModel(n, 2, gd.Learned()), []
    for gamma0 in np.repeat((1e-4, 1e-2, 0.3, 0.9), 25):
        X, Y = gd.sphere.sample(n, 2, rng), gd.sphere.sample(n, 2, rng)
        beta0, level = np.exp(rng.uniform(-2, 4)), 1 - gamma0**2
        y = model.start(X, Y, tau=1 / beta0, gamma=gamma0)
        moves = model.split(model.velocity(0.0, y))
        assert moves.gamma <= 4 * beta0 * gamma0
        u = np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0))
        du = np.linalg.norm(moves.X.mean(axis=0) - moves.Y.mean(axis=0))
        attained.append(du / (16 * beta0 * level / (3 * np.sqrt(3) * n)))
        rows = 4 * level**1.5 / (3 * np.sqrt(3) * n * gamma0)
        above = 4 * gamma0 / (np.sqrt(level) * u) + rows
        assert theorem_3_3.gap_velocity(model, y) < 4 * beta0 * gamma0 * above
    assert max(attained) < 1


def test_the_constant_of_the_bound_on_the_rows():
    """(1+z)√(2-2z) is at most 8/(3√3), at z = 1/3, by a scan and by the identity of the proof."""
    z = np.linspace(-1, 1, 100_001)
    h = (1 + z) * np.sqrt(2 - 2 * z)
    assert h.max() == pytest.approx(8 / (3 * np.sqrt(3)), rel=1e-9)
    assert 64 / 27 - h**2 == pytest.approx(2 * (z - 1 / 3) ** 2 * (z + 5 / 3), abs=1e-14)


@pytest.mark.parametrize(
    ("x", "y", "beta", "gamma"),
    [((0, 1), (2, 0), 5, "3/10"), ((0, 1, 4), (Fraction(5, 2), -1, 3), 3, "1/2")],
)
def test_velocities_in_the_plane_are_those_of_the_model(x, y, beta, gamma):
    balls = certificates.plane_velocities(x, y, beta=beta, gamma=Fraction(gamma))
    model = gd.ParallelModel(len(x), 2, gd.Learned())
    angles = (np.array(side, dtype=float) for side in (x, y))
    X, Y = (np.stack([np.cos(side), np.sin(side)], axis=1) for side in angles)
    state = model.start(X, Y, tau=1 / beta, gamma=float(Fraction(gamma)))
    gap, moves = theorem_3_3.gap_velocity(model, state), model.velocity(0.0, state)
    assert list(map(float, balls)) == pytest.approx([gap, moves[-1]], rel=1e-12)


# Certificates that must not be given


@pytest.mark.parametrize(
    ("statement", "constant"),
    [
        ("theorem_3_2_last_line", "_threshold"),
        ("theorem_3_2_last_line", "closing_time"),
        ("theorem_3_2_c2", "_threshold"),
        ("theorem_3_3_bound", "printed_bracket"),
        ("theorem_3_3_step", "_gradient"),
    ],
)
def test_a_constant_that_is_off_is_noticed(statement, constant, monkeypatch):
    """β₀, the integrand of t, the bracket of (8) or ∇ℓ times 1.05 leave the witness outside."""
    right, factor = getattr(certificates, constant), flint.arb(21) / 20

    def times(value):
        return type(value)(map(times, value)) if isinstance(value, tuple | list) else value * factor

    monkeypatch.setattr(certificates, constant, lambda *args: times(right(*args)))
    assert not holds(getattr(certificates, statement)(), WITNESSES[statement][0]())


test_bad_input_is_named = refusals(
    (lambda: certificates.closing_time("0.1"), TypeError, "gamma must be an integer or a Fract"),
    (lambda: certificates.closing_time(TENTH, (4, 1, TENTH)), TypeError, "start must be a Start"),
    (lambda: certificates.constants(certificates.Start(1, TENTH, TENTH)), ValueError, "n must be"),
    (lambda: certificates.constants(certificates.Start(4, 3, TENTH)), ValueError, "alpha must lie"),
    (lambda: certificates.constants(certificates.Start(4, 1, 0.1)), TypeError, "gamma0 must be an"),
    (lambda: certificates.printed_bound(1.0), TypeError, "t must be a ball"),
    (lambda: certificates.printed_bound(flint.arb(-1)), ValueError, "t must not be negative"),
    (lambda: certificates.printed_bracket(9, 2, TENTH, 0), ValueError, r"delta must lie in \(0, 1"),
    (lambda: certificates.printed_bracket(9, True, TENTH, TENTH), TypeError, "beta0 must be an"),
    (lambda: certificates.plane_velocities((), (), **PLANE), ValueError, "x must be a sequence"),
    (lambda: certificates.plane_velocities((0, 1), (2,), **PLANE), ValueError, "y must be a seq"),
    (lambda: certificates.plane_velocities((0, 1), (2, 0.5), **PLANE), TypeError, "y must be an"),
)


@pytest.mark.parametrize(
    ("statement", "helper", "wrong"),
    [
        ("theorem_3_2_last_line", "printed_bound", lambda t: flint.arb(1) / 10**5),
        ("theorem_3_2_c2", "constants", lambda start: (flint.arb(1), flint.arb(1) / 9)),
        ("lemma_3_1_order", "closing_time", lambda gamma: flint.arb("inf")),
        ("theorem_3_3_bound", "printed_bracket", lambda *case: (flint.arb(1), flint.arb(1) / 3)),
        ("theorem_3_3_step", "plane_velocities", lambda *rows, **at: (flint.arb(3), flint.arb(1))),
    ],
)
def test_a_conclusion_that_the_balls_do_not_decide_raises(statement, helper, wrong, monkeypatch):
    monkeypatch.setattr(certificates, helper, wrong)
    with pytest.raises(ArithmeticError, match="not certified"):
        getattr(certificates, statement)()
