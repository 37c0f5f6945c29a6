"""The exact frozen solution against ball arithmetic, over every range that it promises."""

from itertools import pairwise

import numpy as np
import pytest

import gapdyn as gd
from gapdyn.theory import closing, theorem_3_2
from gapdyn.theory.theorem_3_2 import Setting

flint = pytest.importorskip("flint", reason="the oracle is python-flint's ball arithmetic")
arb, acb = flint.arb, flint.acb
KINDS = {"exponential": gd.Exponential(), "linear": gd.Linear(), "softplus": gd.Softplus()}


@pytest.fixture(autouse=True)
def precision():
    """Balls of 256 bits."""
    before, flint.ctx.prec = flint.ctx.prec, 256
    yield
    flint.ctx.prec = before


def curve(kind):
    """P(β) at rate 1 and β'(ν)², as functions of β."""

    def softplus(b):
        x = (-b).exp()
        return b**2 / 2 + b * (1 - x).log() - x.polylog(2) - b * x / (1 - x) + (1 - x).log()

    return {
        "exponential": (lambda b: b.log(), lambda b: b**2),
        "linear": (lambda b: b**2 / 2, lambda b: b**0),
        "softplus": (softplus, lambda b: (1 - (-b).exp()) ** 2),
    }[kind]


def enclosed(gamma, kind, n, alpha, gamma0, beta0, eta):
    """Log t(γ) and -d log t/d log γ, by (11) in another variable than that of `closing`.

    t = ∫ dβ / (η β'² (1-γ²) g) from β₀ to β(γ). By Lemma 3.1 γ² = -W₀(-e^{2H}), where
    H(β) = H(γ₀) - 2(P(β) - P(β₀))/η.
    """
    n, alpha, gamma0, beta0, eta = map(arb, (n, alpha, gamma0, beta0, eta))
    potential, slope = curve(kind)

    def height(g):
        return g.log() - g**2 / 2

    def squared(b):
        level = height(gamma0) - 2 * (potential(b) - potential(acb(beta0))) / eta
        return -(-(2 * level).exp()).lambertw()

    last = end_of_curve(potential, slope, acb(beta0), eta * (height(gamma0) - height(gamma)) / 2)
    top = alpha * last * (1 - gamma**2)

    def integrand(b, analytic):
        flat = 1 - squared(b)
        pushed = (-top).exp() + (alpha * b * flat - top).exp() / (n - 1)
        return pushed / (alpha * eta * slope(b) * flat)

    length = last - beta0
    parts = [length * arb(2) ** -k for k in range(60, 0, -4)]
    edges = [beta0, *(beta0 + p for p in parts), *(last - p for p in parts[::-1]), last]
    pieces = [
        acb.integral(integrand, a, b, rel_tol=arb(2) ** -60, eval_limit=20000)
        for a, b in pairwise(edges)
    ]
    time = sum(pieces, acb(0)).real
    return top + time.log(), ((-top).exp() + 1 / (n - 1)) / (2 * alpha * last * time)


def end_of_curve(potential, slope, start, amount):
    """The β at which P is P(`start`) + `amount`, by Newton's method on midpoints in log β."""
    b, goal = start, potential(start) + amount
    for _ in range(200):
        step = (potential(b) - goal) * slope(b) / b**2
        b = acb((b * (-step if abs(step) < 1 else -step / abs(step)).exp()).real.mid())
    return b.real


def drawn(count, seed):
    """Kind, numbers, rate and length x = log(γ₀/γ) of settings over the promised ranges."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        near_one, near_zero = 1 - 10 ** rng.uniform(-8, -1), 10 ** rng.uniform(-99, -1)
        numbers = {
            "n": float(10 ** rng.uniform(0.31, 9) // 1),
            "alpha": float(2 * 10 ** rng.uniform(-3, 0)),
            "gamma0": float(rng.choice([rng.uniform(0.1, 0.9), near_one, near_zero])),
            "beta0": float(10 ** rng.uniform(-6, 4)),
        }
        kind, eta, x = rng.choice(list(KINDS)), 10 ** rng.uniform(-3, 1), 10 ** rng.uniform(-6, 2.5)
        yield str(kind), numbers, float(eta), float(x)


CORNERS = [
    ("exponential", {"n": 2, "alpha": 2.0, "gamma0": 0.3, "beta0": 1e-300}, 10.0, 120.0),
    ("exponential", {"n": 2, "alpha": 1.0, "gamma0": 0.3, "beta0": 5.0}, 1e-3, 700.0),
    ("exponential", {"n": 10**30, "alpha": 1.0, "gamma0": 0.5, "beta0": 1.0}, 1.0, 9.0),
    ("exponential", {"n": 10**9, "alpha": 1e-9, "gamma0": 0.9, "beta0": 1e8}, 0.1, 60.0),
    ("exponential", {"n": 3, "alpha": 1.0, "gamma0": 0.999, "beta0": 200.0}, 1e-3, 10.0),
    ("linear", {"n": 4, "alpha": 1.0, "gamma0": 0.3, "beta0": 1e-30}, 1.0, 700.0),
    ("linear", {"n": 4, "alpha": 1.0, "gamma0": 0.3, "beta0": 1e4}, 10.0, 2.0),
    ("softplus", {"n": 10**9, "alpha": 2.0, "gamma0": 1e-30, "beta0": 1e-20}, 1.0, 300.0),
]


@pytest.mark.parametrize(("kind", "numbers", "eta", "x"), [*CORNERS, *drawn(48, seed=0)])
def test_the_closing_time_and_its_inverse_are_the_integral(kind, numbers, eta, x):
    """In log t to 1e-13 (1 + log t), in γ to 1e-10 and what the rounding of log t leaves of it."""
    setting = Setting(**numbers, temperature=gd.Learned(KINDS[kind], eta))
    gamma = float(setting.gamma0 * np.exp(-x))
    truth, slope = enclosed(arb(gamma), kind, eta=eta, **numbers)
    size = 1 + abs(truth)
    assert truth.rad() < 1e-14 * size
    log_t = float(setting.closing_log_time(gamma))
    assert abs(log_t - truth) < 1e-13 * size
    found = float(setting.exact(float(truth)))
    assert abs((arb(found) / gamma).log()) < 1e-10 + 4e-16 * size / slope
    assert float(setting.closing_log_time(found)) == pytest.approx(log_t, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("log_t", [1e16, 1e20, 1e100, 1e300])
@pytest.mark.parametrize(("kappa", "n"), [(1e-3, 2), (1.0, 16), (10.0, 10**9)])
def test_late_times_are_those_of_the_sharp_constant(log_t, kappa, n):
    """αa = log t up to log log t, which is below rounding; where γ is no float64 it is 0."""
    gamma = theorem_3_2.exact(
        log_t, n=n, alpha=1.0, gamma0=0.3, beta0=20.0, temperature=gd.Learned(rate=kappa)
    )
    gamma0, g = arb(0.3), arb(float(gamma))
    if gamma == 0:
        g = arb(5e-324) / 2
    beta = 20 * (kappa * ((gamma0 / g).log() / 2 + (g**2 - gamma0**2) / 4)).exp()
    off = 2 / kappa * (beta * (1 - g**2) / log_t).log()  # in log γ
    assert off < 0 if gamma == 0 else abs(off) < 1e-10


def test_a_time_that_was_wrong_by_two_thousand():
    """γ log² t → (αβ₀√γ₀e^{-γ₀²/4})² (theory 3.3)."""
    setting = {"n": 16, "alpha": 1.0, "gamma0": 0.3, "beta0": 20.0}
    constant = (20 * np.sqrt(0.3) * np.exp(-(0.3**2) / 4)) ** 2
    for log_t in (1e16, 1e20):
        gamma = theorem_3_2.exact(log_t, **setting)
        assert gamma == pytest.approx(constant / log_t**2, rel=1e-12)
        assert theorem_3_2.closing_log_time(gamma, **setting) == pytest.approx(log_t, rel=1e-12)
    steep = gd.Learned(gd.Exponential(0.01))
    gamma = theorem_3_2.exact(1e12, **setting, temperature=steep)
    log_t = theorem_3_2.closing_log_time(gamma, **setting, temperature=steep)
    assert log_t == pytest.approx(1e12, rel=1e-10)


SETTINGS = [
    Setting(16, 1.0, 0.3, 20.0),
    Setting(10**9, 2.0, 1 - 1e-9, 1e-3, gd.Learned(rate=1e-3)),
    Setting(4, 0.1, 1e-300, 1e-300, gd.Learned(gd.Linear(), rate=10.0)),
    Setting(2, 1e-300, 0.5, 1e300, gd.Learned(gd.Softplus(), rate=0.1)),
    Setting(10**300, 1.0, 1e-9, 5e-324, gd.Learned(gd.Exponential(0.01))),
]
TIMES = np.array([-np.inf, -1e300, -1e3, -40.0, 0.0, 0.5, 3.0, 40.0, 1e3, 1e12, 1e100, 1e300])


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_any_time_has_a_height_which_only_falls_and_does_not_depend_on_its_neighbours(setting):
    heights = setting.exact(TIMES)
    assert heights[0] == setting.gamma0 and (np.diff(heights) <= 0).all() and heights[-1] >= 0
    assert heights.tolist() == [float(setting.exact(t)) for t in TIMES]
    some = np.array([setting.gamma0, setting.gamma0 / 2, setting.gamma0 * 1e-15, 5e-324])
    times = setting.closing_log_time(some)
    assert times[0] == -np.inf and (times[1:] >= times[:-1]).all()
    assert times.tolist() == [float(setting.closing_log_time(gamma)) for gamma in some]


@pytest.mark.parametrize("gamma", [1e-300, 1e-315, 5e-324])
def test_heights_go_down_to_the_least_float64(gamma):
    setting = Setting(4, 1.0, 0.3, 5.0)
    assert abs(float(setting.exact(setting.closing_log_time(gamma))) - gamma) <= 1e-12 * gamma
    assert setting.exact(setting.closing_log_time(5e-324) * 2) == 0


def test_heights_beyond_float64_are_zero_though_t_hardly_depends_on_them():
    """With α = 1e-233, β is far below 1/α at all heights, and t is at its plateau of 1/αβ₀."""
    setting = Setting(4, 1e-233, 0.3, 0.1, gd.Learned(rate=0.15))
    plateau = float(setting.closing_log_time(5e-324))
    assert plateau < 600 and (setting.exact([600.0, 1e30, 1e200]) == 0).all()


@pytest.mark.parametrize("kappa", [1e-3, 10.0])
def test_a_start_at_which_t_is_enormous_keeps_its_digits(kappa):
    """γ is γ₀ before the time of the next float64, and then αa = log t as ever."""
    setting = Setting(4, 1.0, 0.3, 1e290, gd.Learned(rate=kappa))
    assert setting.exact(-1e3) == setting.exact(1e289) == 0.3
    gamma, gamma0 = arb(float(setting.exact(1.1e290))), arb(0.3)
    beta = 1e290 * (kappa * ((gamma0 / gamma).log() / 2 + (gamma**2 - gamma0**2) / 4)).exp()
    assert abs(2 / kappa * (beta * (1 - gamma**2) / 1.1e290).log()) < 1e-12 / kappa
    assert float(setting.closing_log_time(float(gamma))) == pytest.approx(1.1e290, rel=1e-12)


def test_a_height_takes_some_thirty_integrals(monkeypatch):
    """Each a tenth of a millisecond, and for softplus a third of one; up to a hundred are safe."""
    counts = []
    integral = closing._log_time
    monkeypatch.setattr(closing, "_log_time", lambda *given: counts.append(1) or integral(*given))
    for setting in SETTINGS:
        for log_t in TIMES:
            counts.clear()
            setting.exact(log_t)
            assert len(counts) <= 60
