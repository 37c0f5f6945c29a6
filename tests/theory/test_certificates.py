"""Certificates: each ball against quadrature at 40 digits, the models, or draws."""

import sys
from decimal import Decimal
from fractions import Fraction
from functools import cache

import mpmath as mp
import numpy as np
import pytest

import gapdyn as gd
from gapdyn.theory import certificates, lemma_3_1, theorem_3_2, theorem_3_3

flint = pytest.importorskip("flint", reason="certificates want the extra gapdyn[certify]")

STATEMENTS = [
    certificates.theorem_3_2_last_line,
    certificates.theorem_3_2_c2,
    certificates.theorem_3_2_zero_height,
    certificates.lemma_3_1_order,
    certificates.theorem_3_3_bound,
    certificates.theorem_3_3_step,
    certificates.appendix_c_constant,
    certificates.appendix_c_schedule,
    certificates.appendix_c_linear_schedule,
]


START = {"n": 4, "alpha": 1.0, "gamma0": 0.1}
START["beta0"] = theorem_3_2.threshold(**START)


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


def threshold(n, alpha, gamma0):
    return mp.log(4 * (n - 1)) / (alpha * (1 - mp.mpf(gamma0) ** 2))


@cache
def closing_time(gamma, n=4, gamma0="0.1"):
    """∫ dw (1 + e^a/(n-1))/(βw) over w = γ^{-1/2}: dγ = -2w⁻³dw and β = Cwe^{γ²/4}."""
    first, last = 1 / mp.sqrt(mp.mpf(gamma0)), 1 / mp.sqrt(mp.mpf(gamma))
    C = threshold(n, 1, gamma0) / first * mp.exp(-(mp.mpf(gamma0) ** 2) / 4)

    def slowness(w):
        gamma = w**-2
        beta = C * w * mp.exp(gamma**2 / 4)
        return (1 + mp.exp(beta * (1 - gamma**2)) / (n - 1)) / (beta * w)

    return mp.quad(slowness, mp.linspace(first, last, 41))


def c2(n, gamma0):
    gamma0 = mp.mpf(gamma0)
    return threshold(n, 1, gamma0) * mp.sqrt(gamma0) * (1 - gamma0**2) * mp.exp(-(gamma0**2) / 4)


def printed_bound(t, n=4, gamma0="0.1"):
    c1 = 2 * (n - 1) * threshold(n, 1, gamma0) * mp.sqrt(mp.mpf(gamma0))
    c4 = c2(n, gamma0) - mp.mpf("0.1")
    inside = mp.mpf(55) / 2 * c1 * t + mp.exp(c4 / mp.sqrt(mp.mpf(gamma0)))
    return c2(n, gamma0) / mp.log(inside) ** 2


def speed(beta):
    return beta * mp.exp(-beta)


# What all have in common


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_ends_are_in_order_and_close(statement):
    enclosed, lower, upper = statement()
    width = Decimal(upper) - Decimal(lower)
    assert 0 <= width <= Decimal("1e-10") * abs(Decimal(upper))
    assert enclosed


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_precision_of_others_is_left_alone(statement):
    before = flint.ctx.prec
    statement()
    assert flint.ctx.prec == before


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
    monkeypatch.setitem(sys.modules, "flint", None)
    assert not certificates.available()
    with pytest.raises(ImportError, match=r"gapdyn\[certify\]"):
        certificates.theorem_3_2_c2()


def test_with_flint_they_are_available():
    assert certificates.available()


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
    assert t.rad() < 5e-5
    assert agree(exact(t), time)
    assert mp.almosteq(exact(t), closing_time(str(float(gamma))), rel_eps=mp.mpf("1e-34"))
    assert agree(exact(printed), bound)
    assert mp.almosteq(exact(printed), printed_bound(exact(t)), rel_eps=mp.mpf("1e-30"))
    assert bool(printed <= flint.arb(gamma.numerator) / gamma.denominator) == true
    assert float(t) == pytest.approx(theorem_3_2.closing_time(float(gamma), **START), rel=1e-11)
    assert float(printed) == pytest.approx(
        float(theorem_3_2.printed_bound(float(t), **START)), rel=1e-11
    )


def test_the_printed_bound_exceeds_the_height_at_the_start():
    at_0 = certificates.printed_bound(flint.arb(0))
    assert at_0 > flint.arb(1) / 10
    assert float(at_0) == pytest.approx(0.16761867, abs=5e-9)
    assert mp.almosteq(exact(at_0), printed_bound(0), rel_eps=mp.mpf("1e-35"))


def test_the_height_at_1e500_lies_between_two_heights():
    late = certificates.closing_time(Fraction(460675, 10**12))
    early = certificates.closing_time(Fraction(460685, 10**12))
    assert early < flint.arb(10) ** 500
    assert late > flint.arb(10) ** 500


@pytest.mark.parametrize(("n", "alpha", "gamma0"), [(2, "1", "1/2"), (5, "3/4", "3/10")])
def test_closing_times_at_other_margins_are_those_of_the_floats(n, alpha, gamma0):
    start = certificates.Start(n, Fraction(alpha), Fraction(gamma0))
    t = certificates.closing_time(Fraction(1, 50), start)
    setting = {"n": n, "alpha": float(start.alpha), "gamma0": float(start.gamma0)}
    setting["beta0"] = theorem_3_2.threshold(**setting)
    assert float(t) == pytest.approx(theorem_3_2.closing_time(0.02, **setting), rel=1e-11)
    constants = theorem_3_2.constants(**setting)
    assert list(map(float, certificates.constants(start))) == pytest.approx(constants, rel=1e-13)


def test_the_last_line_exceeds_the_height_late():
    value = printed_bound(closing_time("1e-4")) / mp.mpf("1e-4")
    assert holds(certificates.theorem_3_2_last_line(), value)
    assert mp.nstr(value, 6) == "1.42238"


def test_c2_is_below_a_tenth():
    value = c2(2, "1e-3")
    assert holds(certificates.theorem_3_2_c2(), value)
    assert mp.nstr(value, 9) == "0.0438384659"


def test_at_height_0_the_gap_stays_0_within_the_printed_hypotheses():
    """The flow of the certificate from n = 2, X = Y = I, β₀ = 10: the margin grows from 1 on."""
    assert certificates.theorem_3_2_zero_height()[1:] == ("0", "0")
    model = gd.ParallelModel(2, 2, gd.Learned())
    y0 = model.start(np.eye(2), np.eye(2), tau=0.1, gamma=0.0)
    run = gd.flow(model, y0, np.geomspace(1.0, 1e6, 30))
    assert (run.gamma == 0).all()
    assert run.gap.max() < 1e-15
    assert run.margin[0] >= 1
    assert (np.diff(run.margin) >= 0).all()
    assert run.margin[-1] > 1.3
    assert run.beta[0] > np.log(4)


def test_the_rows_part_as_the_certificate_says():
    """θ' = a sin θ/(1 + e^{a(1 - cos θ)}), against the velocity of the model."""
    model, theta, beta = gd.ParallelModel(2, 2, gd.Learned()), 1.9, 2.5
    X = np.array([[1.0, 0.0], [np.cos(theta), np.sin(theta)]])
    y = model.start(X, X, tau=1 / beta, gamma=0.0)
    moves = model.split(model.velocity(0.0, y)).X
    across = np.array([[0.0, 1.0], [-np.sin(theta), np.cos(theta)]])
    first, second = (across * moves).sum(axis=1)
    law = beta * np.sin(theta) / (1 + np.exp(beta * (1 - np.cos(theta))))
    assert second - first == pytest.approx(law, rel=1e-12)


# Lemma 3.1


def test_the_ratio_times_beta_falls_with_the_height():
    gamma = mp.mpf("1e-6")
    certificate = certificates.lemma_3_1_order()
    assert holds(certificate, 2 * gamma / (1 - gamma**2))
    beta = np.array([3.0, 700.0])
    code = np.abs(lemma_3_1.ratio(1e-6, beta=beta, dbeta=beta)) * beta
    assert code == pytest.approx(float(certificate.lower), rel=1e-11)
    log_t = float(certificates.closing_time(Fraction(1, 10**6)).log())
    assert log_t == pytest.approx(float(theorem_3_2.closing_log_time(1e-6, **START)), rel=1e-13)


# Theorem 3.3

CASE = {"n": 10**4, "d": 2, "tau": 0.5, "gamma0": 3e-4, "delta": 0.2}


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


def test_the_bracket_of_8_is_that_of_the_density_and_of_the_floats():
    found = certificates.printed_bracket(10**4, 2, Fraction(3, 10**4), Fraction(1, 5))
    for ball, value, digits in zip(found, bracket(), ("1.2256", "0.44903"), strict=True):
        assert mp.almosteq(exact(ball), value, rel_eps=mp.mpf("1e-30"))
        assert mp.nstr(value, 5) == digits
    assert float(found[1]) == pytest.approx(theorem_3_3.printed_bound(**CASE).value, rel=1e-12)


def theta():
    """Least ‖u‖² n/2 at which 4γ₀/(√(1-γ₀²)‖u‖) + 4(1-γ₀²)^{3/2}/(3√3nγ₀) is the bracket."""
    n, gamma0 = 10**4, mp.mpf("3e-4")
    _, most = bracket()

    def surplus(x):
        u = mp.sqrt(2 * x / n)
        rows = 4 * (1 - gamma0**2) ** 1.5 / (3 * mp.sqrt(3) * n * gamma0)
        return 4 * gamma0 / (mp.sqrt(1 - gamma0**2) * u) + rows - most

    return mp.findroot(surplus, (mp.mpf("0.1"), mp.mpf("0.4")), solver="anderson")


def test_8_fails_for_the_gap_with_a_probability_above_delta():
    value = (1 - theta()) ** 2 / 2
    certificate = certificates.theorem_3_3_bound()
    assert holds(certificate, value)
    assert mp.nstr(value, 5) == "0.32446"
    assert Decimal(certificate.lower) > Decimal("0.2")


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
    assert share >= float(certificates.theorem_3_3_bound().lower)
    assert share == pytest.approx(np.exp(-float(theta())), abs=0.08)


def test_the_bound_on_the_velocity_of_the_gap_is_above_draws():
    """Δ'/(4β₀γ₀) < 4γ₀/(√(1-γ₀²)‖u‖) + 4(1-γ₀²)^{3/2}/(3√3nγ₀), and ‖u'‖ ≤ 16a/(3√3n)."""
    rng, n = np.random.default_rng(0), 40
    model, attained = gd.ParallelModel(n, 2, gd.Learned()), []
    for gamma0 in (1e-4, 1e-2, 0.3, 0.9):
        for _ in range(25):
            X, Y = gd.sphere.sample(n, 2, rng), gd.sphere.sample(n, 2, rng)
            beta0 = np.exp(rng.uniform(-2, 4))
            y = model.start(X, Y, tau=1 / beta0, gamma=gamma0)
            moves, level = model.split(model.velocity(0.0, y)), 1 - gamma0**2
            assert moves.gamma <= 4 * beta0 * gamma0
            u = np.linalg.norm(X.mean(axis=0) - Y.mean(axis=0))
            du = np.linalg.norm(moves.X.mean(axis=0) - moves.Y.mean(axis=0))
            attained.append(du / (16 * beta0 * level / (3 * np.sqrt(3) * n)))
            above = 4 * gamma0 / (np.sqrt(level) * u) + 4 * level**1.5 / (
                3 * np.sqrt(3) * n * gamma0
            )
            assert theorem_3_3.gap_velocity(model, y) < 4 * beta0 * gamma0 * above
    assert max(attained) < 1


def test_the_constant_of_the_bound_on_the_rows():
    """(1+z)√(2-2z) is at most 8/(3√3), at z = 1/3, by a scan and by the identity of the proof."""
    z = np.linspace(-1, 1, 100_001)
    h = (1 + z) * np.sqrt(2 - 2 * z)
    assert h.max() == pytest.approx(8 / (3 * np.sqrt(3)), rel=1e-9)
    assert z[h.argmax()] == pytest.approx(1 / 3, abs=1e-4)
    assert 64 / 27 - 2 * (1 + z) ** 2 * (1 - z) == pytest.approx(
        2 * (z - 1 / 3) ** 2 * (z + 5 / 3), abs=1e-14
    )


def test_a_draw_at_the_case_itself_lies_below_8():
    """One draw at n = 10⁴: dΔ/dt below 4β₀γ₀ times the bracket, 2dγ/dt above."""
    rng, n = np.random.default_rng(0), 10**4
    model = gd.ParallelModel(n, 2, gd.Learned())
    y = model.start(gd.sphere.sample(n, 2, rng), gd.sphere.sample(n, 2, rng), tau=0.5, gamma=3e-4)
    unit = 4 * 2 * 3e-4
    assert theorem_3_3.gap_velocity(model, y) / unit < 0.44903
    assert 2 * float(model.split(model.velocity(0.0, y)).gamma) / unit > 0.44903


def plane(x, y, beta, gamma):
    """dΔ/dt and dγ/dt by the model, rows at angles x and y."""
    model = gd.ParallelModel(len(x), 2, gd.Learned())
    X, Y = (np.stack([np.cos(side), np.sin(side)], axis=1) for side in (x, y))
    state = model.start(X, Y, tau=1 / beta, gamma=gamma)
    moves = model.split(model.velocity(0.0, state))
    return theorem_3_3.gap_velocity(model, state), float(moves.gamma)


def test_the_step_fails_at_four_angles():
    gap, height = plane([0, 1], [2, 0], 5, 0.3)
    certificate = certificates.theorem_3_3_step()
    assert 2 * height - gap == pytest.approx(float(certificate.lower), rel=1e-11)
    assert height > 0
    balls = certificates.plane_velocities((0, 1), (2, 0), beta=5, gamma=Fraction(3, 10))
    assert [float(balls[0]), 2 * float(balls[1])] == pytest.approx([3.635761, 4.151028], abs=5e-7)


def gap_after(step, x=(0, 1), y=(2, 0), beta=5, gamma="0.3"):
    """Δ after one Euler step along differences of ℓ, and dγ/dt before it, at 40 digits."""

    def loss(v):
        x, y, gamma = v[:2], v[2:4], v[4]
        a = beta * (1 - gamma**2)
        Z = [[a * mp.cos(p - q) for q in y] for p in x]
        rows = [mp.log(sum(map(mp.exp, row))) for row in Z]
        columns = [mp.log(sum(map(mp.exp, column))) for column in zip(*Z, strict=True)]
        return (sum(rows) + sum(columns) - 2 * Z[0][0] - 2 * Z[1][1]) / 4

    def moved(v, k, by):
        return [value + by * (i == k) for i, value in enumerate(v)]

    v, h = [*map(mp.mpf, (*x, *y)), mp.mpf(gamma)], mp.mpf("1e-12")
    slope = [-(loss(moved(v, k, h)) - loss(moved(v, k, -h))) / (2 * h) for k in range(5)]
    *angles, gamma = (value + step * s for value, s in zip(v, slope, strict=True))
    u = sum(mp.expj(t) for t in angles[:2]) / 2 - sum(mp.expj(t) for t in angles[2:]) / 2
    return mp.sqrt((1 - gamma**2) * abs(u) ** 2 + 4 * gamma**2), slope[4]


@cache
def shortfall():
    """2dγ/dt - dΔ/dt at the four angles, by differences of (2) and of Δ."""
    h = mp.mpf("1e-12")
    (after, height), (before, _) = gap_after(h), gap_after(-h)
    return 2 * height - (after - before) / (2 * h)


def test_the_velocities_at_four_angles_are_those_of_the_loss():
    certificate = certificates.theorem_3_3_step()
    assert holds(certificate, shortfall())
    assert agree(shortfall(), "0.515267")


def test_velocities_of_three_pairs_are_those_of_the_model():
    x, y = (0, 1, 4), (Fraction(5, 2), -1, 3)
    balls = certificates.plane_velocities(x, y, beta=3, gamma=Fraction(1, 2))
    floats = plane([0.0, 1.0, 4.0], [2.5, -1.0, 3.0], 3, 0.5)
    assert list(map(float, balls)) == pytest.approx(floats, rel=1e-12)


# Appendix C


def test_a_constant_temperature():
    certificate = certificates.appendix_c_constant()
    assert holds(certificate, speed(mp.mpf(2)))
    check_ratio(gd.Fixed(0.5), 2.0, [20.0, 40.0], float(certificate.lower))


def test_a_cosine_schedule():
    certificate = certificates.appendix_c_schedule()

    def at(s):
        return speed(1 / (mp.mpf("0.55") - mp.cos(2 * mp.pi * s / 7) / 4))

    assert holds(certificate, mp.quad(at, mp.linspace(0, 7, 15)))
    check_ratio(
        gd.CosineSchedule(0.3, 0.8, 7.0), 1 / 0.3, [28.0, 56.0], float(certificate.lower) / 7
    )


def test_a_linear_schedule():
    certificate = certificates.appendix_c_linear_schedule()
    assert holds(certificate, mp.quad(lambda r: speed(3 - 2 * r), [0, 1]))
    for end in (10.0, 60.0):
        falling = gd.Scheduled(lambda t, end=end: 1 / (3 - 2 * t / end))
        check_ratio(falling, 3.0, [end], float(certificate.lower))


def check_ratio(temperature, largest_beta, times, rate):
    """e^{-max β γ₀²/2} ≤ γ/(γ₀e^{-2rt}) ≤ 1 in the scalar model: as e^x - 1 ≤ xe^x,
    2βe^{-β}(e^{βγ²} - 1) ≤ -βγγ'."""
    model = gd.ScalarModel(temperature)
    times = np.asarray(times)
    run = gd.flow(model, model.start(gamma=0.3), times, rtol=1e-11, atol=1e-300)
    ratio = run.gamma / (0.3 * np.exp(-2 * rate * times))
    assert (ratio <= 1).all()
    assert (ratio >= np.exp(-largest_beta * 0.3**2 / 2)).all()


# Constants that are 5 % off


@pytest.mark.parametrize(
    ("statement", "witness"),
    [
        (certificates.theorem_3_2_last_line, lambda: printed_bound(closing_time("1e-4")) * 10**4),
        (certificates.theorem_3_2_c2, lambda: c2(2, "1e-3")),
        (certificates.theorem_3_3_bound, lambda: (1 - theta()) ** 2 / 2),
        (certificates.theorem_3_3_step, shortfall),
    ],
)
@pytest.mark.parametrize("constant", ["_threshold", "closing_time", "printed_bracket", "_gradient"])
def test_a_constant_that_is_off_is_noticed(statement, witness, constant, monkeypatch):
    """β₀, the integrand of t, the bracket of (8) or ∇ℓ times 1.05 leave the witness outside."""
    concerned = {
        "_threshold": ("theorem_3_2_last_line", "theorem_3_2_c2"),
        "closing_time": ("theorem_3_2_last_line",),
        "printed_bracket": ("theorem_3_3_bound",),
        "_gradient": ("theorem_3_3_step",),
    }[constant]
    right, factor = getattr(certificates, constant), flint.arb(21) / 20

    def off(*args):
        return times(right(*args))

    def times(value):
        return type(value)(map(times, value)) if isinstance(value, tuple | list) else value * factor

    monkeypatch.setattr(certificates, constant, off)
    assert holds(statement(), witness()) == (statement.__name__ not in concerned)


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
