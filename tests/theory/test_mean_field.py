"""The mean field of many level pairs against the flow itself, mpmath and other equations."""

import mpmath as mp
import numpy as np
import pytest

import gapdyn as gd
from gapdyn.theory import bessel, mean_field

SETTING = {"n": 1024, "dim": 3, "theta0": 1.2, "gamma": 0.4}


def level_pairs(n, dim, theta, seed=0, **heights):
    """Isotropic directions, partners at exactly one angle, lifted to given heights."""
    rng = np.random.default_rng(seed)
    xi, other = gd.sphere.sample(n, dim, rng), rng.standard_normal((n, dim))
    across = gd.sphere.normalise(gd.sphere.project(xi, other))
    return gd.sphere.lift(xi, np.cos(theta) * xi + np.sin(theta) * across, **heights)


def angles(X, Y):
    """Angles between the horizontal directions of partners."""
    along = [gd.sphere.normalise(W[:, :-1]) for W in (X, Y)]
    return np.arccos(np.einsum("id,id->i", *along).clip(-1, 1))


def besselian(b, dim):
    """A_D(b) of mpmath's own Bessel functions."""
    return mp.besseli(mp.mpf(dim) / 2, b) / mp.besseli(mp.mpf(dim) / 2 - 1, b)


# The closed system


@pytest.mark.parametrize("theta", [1.2, 0.6, 2.0])
def test_the_velocity_of_many_random_pairs_is_that_of_the_mean_field(theta):
    """Of 4,096 pairs at heights 0.6 and -0.2, rates 1: of ν, of both heights and of θ."""
    n, dim, beta, h_x, h_y = 4096, 3, 3.0, 0.6, -0.2
    X, Y = level_pairs(n, dim, theta, gamma_x=h_x, gamma_y=h_y)
    model = gd.FreeModel(n, dim + 1, gd.Learned())
    y = model.start(X, Y, tau=1 / beta)
    there = model.split(model.velocity(0.0, y))
    step = 1e-4 * n
    later = angles(X + step * there.X, Y + step * there.Y)
    before = angles(X - step * there.X, Y - step * there.Y)
    a, b = np.sqrt(1 - h_x**2), np.sqrt(1 - h_y**2)
    A = 1 / np.tanh(beta * a * b) - 1 / (beta * a * b)
    g = a * b * (np.cos(theta) - A)
    assert there.nu == pytest.approx(beta * g, rel=0.01)
    assert there.X[:, -1].mean() == pytest.approx(-beta * g * h_x / n, rel=0.01)
    assert there.Y[:, -1].mean() == pytest.approx(-beta * g * h_y / n, rel=0.01)
    turn = -beta / n * np.sin(theta) * (a / b + b / a)
    assert (later - before).mean() / (2 * step) == pytest.approx(turn, rel=0.01)
    run = mean_field.flow(
        [0.0, 1e-5], n=n, dim=dim, theta0=theta, tau=1 / beta, gamma_x=h_x, gamma_y=h_y
    )
    assert np.diff(np.log(run.beta))[0] / 1e-5 == pytest.approx(beta * g, rel=1e-4)
    run = mean_field.flow(
        [0.0, 1e-5], n=n, dim=dim, theta0=theta, tau=1 / beta, gamma_x=h_x, gamma_y=h_y, row_rate=n
    )
    assert np.diff(run.theta)[0] / 1e-5 == pytest.approx(n * turn, rel=1e-3)
    assert np.diff(run.height_y)[0] / 1e-5 == pytest.approx(-beta * g * h_y, rel=1e-3)


def test_the_flow_is_that_of_the_equations_in_their_own_variables():
    """β, h_x, h_y and θ by classical Runge-Kutta steps, A_3 = coth b - 1/b, softplus, all rates."""
    n, rate, eta = 50, 20.0, 0.6

    def velocity(s):
        nu, x, y, theta = s
        beta, r, q = np.log1p(np.exp(nu)), np.sqrt(1 - x * x), np.sqrt(1 - y * y)
        g = r * q * (np.cos(theta) - 1 / np.tanh(beta * r * q) + 1 / (beta * r * q))
        turn = -rate / n * beta * np.sin(theta) * (q / r + r / q)
        rise = -rate / n * beta * g
        return np.array([eta / (1 + np.exp(-nu)) * g, rise * x, rise * y, turn])

    s, step = np.array([np.log(np.expm1(5.0)), 0.5, -0.3, 1.0]), 1e-3
    for _ in range(1000):
        k1 = velocity(s)
        k2 = velocity(s + step / 2 * k1)
        k3 = velocity(s + step / 2 * k2)
        s = s + step / 6 * (k1 + 2 * k2 + 2 * k3 + velocity(s + step * k3))
    temperature = gd.Learned(gd.Softplus(), rate=eta)
    given = {"n": n, "temperature": temperature, "row_rate": rate}
    run = mean_field.flow(
        [0.0, 1.0], dim=3, theta0=1.0, tau=0.2, gamma_x=0.5, gamma_y=-0.3, **given
    )
    found = [run.beta[1], run.height_x[1], run.height_y[1], run.theta[1]]
    np.testing.assert_allclose(found, [np.log1p(np.exp(s[0])), *s[1:]], rtol=1e-7)
    assert run.gap[1] == pytest.approx(s[1] - s[2], rel=1e-7)
    assert np.ptp(mean_field.invariant(run, **given)) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tau", "row_rate", "times", "within"),
    [
        (0.07, 1.0, [0.5, 1.5, 50.0, 100.0, 120.0], 0.01),
        (1.0, 1024.0, [0.2, 0.5, 1.0, 1.5], 0.0025),
        (0.07, 1024.0, [0.1, 0.2, 0.5, 1.0], 0.005),
    ],
)
def test_the_true_flow_of_1024_pairs_stays_near(tau, row_rate, times, within):
    """β and the mean heights, γ = 0.4, θ₀ = 1.2, D = 3; at the rate n all moves in units of t."""
    times = [0.0, *times]
    X, Y = level_pairs(1024, 3, 1.2, gamma=0.4)
    model = gd.FreeModel(1024, 4, gd.Learned(), row_rate=row_rate)
    run = gd.flow(model, model.start(X, Y, tau=tau), times, rtol=1e-6)
    closed = mean_field.flow(times, tau=tau, row_rate=row_rate, **SETTING)
    np.testing.assert_allclose(run.beta, closed.beta, rtol=within)
    heights = np.array([[A[:, -1].mean() for A in model.rows(y)] for y in run.y])
    np.testing.assert_allclose(heights[:, 0], closed.height_x, rtol=within)
    np.testing.assert_allclose(heights[:, 1], closed.height_y, rtol=within)
    if row_rate == 1:  # heights are frozen while rows align: they move by O(1/n)
        assert angles(*model.rows(run.y[-1])).mean() == pytest.approx(closed.theta[-1], rel=1e-2)
        moved, grown = (np.log(kind[3] / kind[0]) for kind in (heights @ [1, -1], run.beta))
        assert 1024 * moved == pytest.approx(-grown, rel=0.02)


@pytest.mark.parametrize(("theta", "heights"), [(1.2, (0.4, -0.4)), (2.0, (0.6, -0.2))])
def test_centres_are_apart_by_more_than_their_heights(theta, heights):
    """By E‖x - y‖² of the horizontal parts over n, over 50,000 draws of four pairs."""
    X, Y = level_pairs(4 * 50_000, 3, theta, gamma_x=heights[0], gamma_y=heights[1])
    u = (X - Y).reshape(50_000, 4, 4).mean(axis=1)
    r, q = np.sqrt(1 - np.square(heights))
    beyond = (u**2).sum(axis=1).mean() - (heights[0] - heights[1]) ** 2
    assert 4 * beyond == pytest.approx(r**2 + q**2 - 2 * r * q * np.cos(theta), rel=0.02)


@pytest.mark.slow
def test_a_thousand_pairs_have_turned_to_a_tenth_of_a_radian_when_the_closed_system_has():
    """At t/n = 0.1776 from τ₀ = 1, 3 % after the time of alignment at infinitely many pairs."""
    X, Y = level_pairs(1000, 3, 1.2, gamma=0.4)
    model = gd.FreeModel(1000, 4, gd.Learned())
    run = gd.flow(model, model.start(X, Y, tau=1.0), [177.6], rtol=1e-5, atol=1e-8)
    closed = mean_field.flow(177.6, tau=1.0, **SETTING | {"n": 1000})
    assert angles(*model.rows(run.y[0])).mean() == pytest.approx(0.1, abs=0.003)
    assert closed.theta == pytest.approx(0.1, abs=0.003)
    later = mean_field.flow(1719.0, tau=1.0, **SETTING | {"n": 10_000})
    assert later.theta == pytest.approx(0.1, abs=0.003)
    t_star = mean_field.alignment_time(gamma=0.4, theta0=1.2, dim=3)
    assert 1.02 < 0.1776 / t_star < 1.04 and 0.99 < 0.1719 / t_star < 1


def test_the_first_integral_is_kept_and_the_gap_moves_by_one_over_n():
    for n in (100, 10_000):
        t = np.linspace(0, 0.16, 9) * n
        run = mean_field.flow(t, tau=0.07, **SETTING | {"n": n})
        kept = (
            run.height_x**n * run.beta
            if n == 100
            else np.exp(n * np.log(run.height_x / 0.4) + np.log(run.beta))
        )
        assert np.ptp(np.log(kept)) < 1e-5
        assert np.ptp(mean_field.invariant(run, n=n)) < 1e-5
        assert n * np.log(run.gap / 0.8) == pytest.approx(-np.log(run.beta * 0.07), abs=1e-5)
    steady = mean_field.flow(0.1, n=10, dim=3, theta0=1.0, tau=1.0, gamma=0.3, row_rate=2.0)
    assert mean_field.invariant(steady, n=10, row_rate=2.0) == pytest.approx(
        5 * np.log(0.6), abs=1e-8
    )


def test_beta_follows_the_slow_manifold_and_pairs_align_in_time():
    """As n grows, A_D(βρ) → cos θ, and θ is small at t* to a power of n."""
    t_star = mean_field.alignment_time(gamma=0.4, theta0=1.2, dim=3)
    off = []
    for n in (10**2, 10**4, 10**6):
        run = mean_field.flow(np.array([0.5, 1.0]) * t_star * n, tau=0.7, **SETTING | {"n": n})
        b = float(run.beta[0]) * (1 - 0.16)
        off.append([abs(float(bessel.A(b, 3)) / np.cos(run.theta[0]) - 1), run.theta[1]])
    assert np.less(off[1:], 0.2 * np.array(off[:-1])).all()


def test_nothing_is_said_once_the_partner_outweighs_the_others():
    run = mean_field.flow([0.0, 170.0, 190.0], tau=0.07, **SETTING)
    b, theta = run.beta[:2] * (1 - run.height_x[:2] ** 2), run.theta[:2]
    np.testing.assert_allclose(run.partner[:2], np.exp(b * np.cos(theta)) * b / np.sinh(b) / 1024)
    assert all(np.isnan(values[2]) for values in run[1:])
    assert np.isnan(mean_field.invariant(run, n=1024)[2])


# The time of alignment


@pytest.mark.parametrize(
    ("gamma", "theta", "dim"), [(0.4, 1.2, 3), (0.0, 0.3, 2), (-0.7, 1.5, 5), (0.9, 0.9, 40)]
)
def test_the_time_of_alignment_is_the_integral_in_thirty_digits(gamma, theta, dim):
    """By parts, with v = 1/b: the integral of artanh A(1/v) - artanh cos θ₀ over v up to 1/b₀."""
    with mp.workdps(30):
        g, cosine = mp.mpf(gamma), mp.cos(mp.mpf(theta))
        guess = cosine * (dim - cosine**2) / (1 - cosine**2)
        b0 = mp.findroot(lambda b: besselian(b, dim) - cosine, guess)
        assert mean_field.concentration(theta, dim=dim) == pytest.approx(float(b0), rel=1e-11)
        edges = [0, *(1 / (b0 * 10**k) for k in (4, 3, 2, 1)), 1 / b0]
        whole = mp.quad(lambda v: mp.atanh(besselian(1 / v, dim)) if v > 1e-9 else 0, edges)
        time = (1 - g**2) / 2 * (whole - mp.atanh(cosine) / b0)
    found = mean_field.alignment_time(gamma=gamma, theta0=theta, dim=dim)
    assert found == pytest.approx(float(time), rel=1e-6)


def test_the_time_of_alignment_at_the_numbers_of_the_text():
    """½(1-γ²) ∫ dθ/(A⁻¹(cos θ) sin θ) over θ itself, A = coth b - 1/b, in 30 digits."""
    with mp.workdps(30):

        def integrand(theta):
            guess = 2 / theta**2 if theta < 0.5 else 3 * mp.cos(theta) / mp.sin(theta) ** 2
            b = mp.findroot(lambda b: mp.coth(b) - 1 / b - mp.cos(theta), guess)
            return 1 / (b * mp.sin(theta))

        time = mp.mpf("0.42") * mp.quad(integrand, [0, mp.mpf("0.6"), mp.mpf("1.2")])
    assert float(time) == pytest.approx(0.172216118565543904, abs=1e-17)
    found = mean_field.alignment_time(gamma=0.4, theta0=1.2, dim=3)
    assert found == pytest.approx(float(time), rel=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 17])
def test_the_time_of_alignment_at_both_ends_of_its_range(dim):
    """θ₀²/4(D-1) near 0; near π/2 by parts, the integral of artanh A(b)/b over log b from b₀ on."""
    for theta in (2e-12, 1e-11, 1e-9, 1e-7):
        found = mean_field.alignment_time(gamma=0.0, theta0=theta, dim=dim)
        assert found == pytest.approx(theta**2 / (4 * (dim - 1)), rel=1e-12)
    with mp.workdps(30):

        def over(*edges):
            logs = [mp.log(mp.mpf(edge)) for edge in edges]
            return mp.quad(lambda s: mp.atanh(besselian(mp.exp(s), dim)) / mp.exp(s), logs)

        late = (mp.log(4e7 / (dim - 1)) + 1) / 2e7  # artanh A = ½ log(4b/(D-1)) from b = 1e7 on
        whole = over("0.001", "0.03", 1, 10, 100, 10**4, 10**7) + late
        for theta in (1.5707, 1.5707963, 1.570796326, 1.5707963267948963):
            cosine = mp.cos(mp.mpf(theta))
            b0 = mp.findroot(lambda b, c=cosine: besselian(b, dim) - c, cosine * dim)
            time = whole + over(b0, "0.001") - mp.atanh(cosine) / b0
            found = mean_field.alignment_time(gamma=0.4, theta0=theta, dim=dim)
            assert found == pytest.approx(0.42 * float(time), rel=1e-9)


@pytest.mark.parametrize("dim", [2, 3, 5, 17, 511])
@pytest.mark.parametrize("theta", [0.001, 0.0099, 0.0175, 0.019, 0.1])
def test_concentrations_of_small_angles_in_thirty_digits(dim, theta):
    with mp.workdps(30):
        cosine = mp.cos(mp.mpf(theta))
        guess = cosine * (dim - cosine**2) / (1 - cosine**2)
        b = mp.findroot(lambda b: besselian(b, dim) - cosine, (guess, 0.999 * guess))
        assert abs(besselian(b, dim) - cosine) < 1e-25
    assert mean_field.concentration(theta, dim=dim) == pytest.approx(float(b), rel=5e-11)


def test_concentrations_of_small_and_large_angles():
    """θ → 0: D - 1 over θ²; θ → π/2: D cos θ; between D - 1 and D times cos θ/sin²θ throughout."""
    for dim in (2, 3, 17, 511):
        for theta in (1e-9, 1e-4, 0.005, 0.0099, 0.011, 0.1, 1.0, 1.5, 1.57079):
            b = mean_field.concentration(theta, dim=dim)
            unit = np.cos(theta) / np.sin(theta) ** 2
            assert unit * (dim - 1) * (1 - 1e-12) <= b <= unit * dim * (1 + 1e-12)
            if dim == 3 and theta > 1e-8:  # 1 - A_3 = 1/b - 2/(e^{2b} - 1)
                deficit = 1 / b - 2 / np.expm1(min(2 * b, 700.0))
                assert deficit == pytest.approx(2 * np.sin(theta / 2) ** 2, rel=2e-11)
        small = mean_field.alignment_time(gamma=0.0, theta0=1e-4, dim=dim)
        assert small == pytest.approx(1e-8 / (4 * (dim - 1)), rel=1e-7)


# Bad input


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": 1}, "n must be a whole number of at least 2"),
        ({"n": 10**7}, "n must be at most 1e"),
        ({"n": 4}, "n must be so large that the other pairs outweigh the partner"),
        ({"dim": 1}, "dim must be at least 2"),
        ({"theta0": 0.0}, "theta0 must lie between"),
        ({"theta0": 4.0}, "theta0 must lie between"),
        ({"gamma": 1.0}, "gamma must lie in"),
        ({"gamma": None}, "give either gamma"),
        ({"tau": 0.0}, "tau must be positive"),
        ({"tau": 9e-11}, "tau must be at least 1e-10"),
        ({"temperature": gd.Learned(rate=1e100)}, "rate must be at most 1e"),
        ({"temperature": gd.Learned(gd.Exponential(9e-6))}, "rate/scale² must be at most 1e"),
        ({"temperature": gd.Fixed(0.1)}, "temperature must be learned"),
        ({"temperature": gd.Learned(max_beta=100.0)}, "must have no ceiling"),
        ({"row_rate": 0.0}, "row_rate must be positive"),
        ({"row_rate": 1e11}, "row_rate must be at most 1e"),
        ({"t": -1.0}, "t must not be negative"),
        ({"t": 1e-150}, "t must have a last time of 0, or of at least 1e-100"),
        ({"t": [0.0, 5e-324]}, "t must have a last time of 0"),
    ],
)
def test_bad_input_is_named(change, says):
    given = {"t": 1.0, "tau": 0.05, **SETTING, "theta0": 0.2} | change
    with pytest.raises(ValueError, match=says):
        mean_field.flow(given.pop("t"), **given)


def test_the_ends_of_every_range_have_a_mean_field():
    """Small temperatures, fast rates, many pairs in the plane, and times near 0."""
    cold = {"tau": 1e-10, "theta0": 3.0, "row_rate": 1e10, "temperature": gd.Learned(rate=1e10)}
    assert np.isfinite(mean_field.flow(1e-3, **SETTING | cold).beta)
    many = mean_field.flow([0.0, 1e6], tau=0.07, **SETTING | {"n": 10**6, "dim": 2})
    assert many.theta[0] == pytest.approx(1.2) and np.isnan(many.theta[1])
    start = mean_field.flow(1e-100, tau=0.07, **SETTING)
    assert start.beta == pytest.approx(1 / 0.07) and start.theta == pytest.approx(1.2)


class EndsAtTwo(gd.Exponential):
    """β = exp ν, which is infinite from β = 2 on."""

    def beta(self, nu):
        beta = np.exp(nu)
        return np.where(beta < 2, beta, np.inf)[()]


def test_beta_that_leaves_float64_is_named():
    with pytest.raises(ValueError, match="temperature must keep β in float64"):
        mean_field.flow(
            9.0, tau=1.0, temperature=gd.Learned(EndsAtTwo()), **SETTING | {"theta0": 0.3}
        )


@pytest.mark.parametrize("theta", [np.pi / 2, 2.0, 0.0, -1.0])
def test_without_a_slow_manifold_there_is_no_time_of_alignment(theta):
    with pytest.raises(ValueError, match=r"theta0 must lie between 1e-12 and π/2: the slow"):
        mean_field.alignment_time(gamma=0.4, theta0=theta, dim=3)
    with pytest.raises(ValueError, match="theta must lie between"):
        mean_field.concentration(theta, dim=3)


def test_a_time_of_alignment_has_one_height():
    with pytest.raises(TypeError, match="gamma must be a real number, got None"):
        mean_field.alignment_time(gamma=None, theta0=1.0, dim=3)
    for gamma in (1.0, -1.1):
        with pytest.raises(ValueError, match="gamma must lie in"):
            mean_field.alignment_time(gamma=gamma, theta0=1.0, dim=3)


def test_partners_that_end_opposite_are_at_the_angle_pi():
    """β = ν may fall below 0, where the loss parts partners; log tan(θ/2) leaves float64."""
    learned = gd.Learned(beta=gd.Linear(), rate=0.1)
    extreme = {"gamma": 0.999, "theta0": 3.1, "n": 71275, "dim": 3, "row_rate": 1e3}
    run = mean_field.flow([1e-3, 1.6e7], tau=1e3, temperature=learned, **extreme)
    assert run.beta[-1] < 0 and run.theta[0] == pytest.approx(3.1, abs=1e-6)
    assert run.theta[-1] == pytest.approx(np.pi, abs=1e-12)


def test_a_first_integral_needs_a_run_and_a_gap():
    run = mean_field.flow([0.0, 0.1], tau=1.0, **SETTING)
    strings, longer = run._replace(beta=run.beta.astype(str)), run._replace(partner=np.zeros(3))
    masked = run._replace(theta=np.ma.masked_array(run.theta, [True, False]))
    for wrong in ("run", tuple(run), strings, longer, masked):
        with pytest.raises(TypeError, match="run must be what"):
            mean_field.invariant(wrong, n=1024)
    with pytest.raises(ValueError, match="must be a float64"):
        mean_field.invariant(run._replace(gap=run.gap * np.inf), n=1024)
    for n, row_rate in ((1e308, 1e-100), (1e300, 1e-10)):
        with pytest.raises(ValueError, match="n must be at most 1e"):
            mean_field.invariant(run, n=n, row_rate=row_rate)
    run = mean_field.flow(0.1, tau=1.0, **SETTING | {"gamma": 0.0})
    with pytest.raises(ValueError, match="run must have a gap"):
        mean_field.invariant(run, n=1024)
