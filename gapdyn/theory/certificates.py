"""Certificates: rigorous enclosures of the numbers that show where a printed statement fails.

They use ball arithmetic by python-flint (the extra `certify`): each number is a midpoint with a
proved error bound. Inputs are integers and fractions, never floats. Each function without arguments
certifies one printed statement, after which it is named, and raises ArithmeticError unless the
balls decide every inequality that its conclusion needs.

Theorem 3.2 holds for any path of Z, so its counterexamples may keep Z = αI (networks that ignore
their parameters); those to Theorem 3.3 let the rows move freely (networks that are their rows).

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL, PMLR 280:1365-1387, 2025.
.. [2] R. E. A. C. Paley and A. Zygmund, "A note on analytic functions in the unit circle",
   Proc. Camb. Phil. Soc. 28:266-272, 1932.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import wraps
from importlib.util import find_spec
from numbers import Rational
from typing import Any, NamedTuple, ParamSpec, TypeVar

from gapdyn.validate import shown, validate_count

P = ParamSpec("P")
R = TypeVar("R")
Ball = Any
"""A `flint.arb`, or an `acb` on the path of an integral and for a point of the plane."""

BITS = 192
"""Precision of the midpoints."""

DIGITS = 12
"""Digits of the ends of a certificate, which are rounded outward."""


class Certificate(NamedTuple):
    """A quantity and two decimal numbers between which it lies, by proof.

    Attributes
    ----------
    enclosed : str
        What the quantity is, and what follows from where it lies.
    lower, upper : str
        The two ends, rounded down and up.
    """

    enclosed: str
    lower: str
    upper: str


class Start(NamedTuple):
    """Hypotheses of Theorem 3.2, with β₀ at its threshold log(4(n-1))/(α(1-γ₀²)).

    Attributes
    ----------
    n : int
        Number of pairs.
    alpha, gamma0 : Fraction
        The margin and the first height.
    """

    n: int
    alpha: Fraction
    gamma0: Fraction


FOUR = Start(4, Fraction(1), Fraction(1, 10))
TWO = Start(2, Fraction(1), Fraction(1, 1000))
"""Starting points of the counterexamples, which have Z = I."""


def available() -> bool:
    """Whether python-flint is installed."""
    return find_spec("flint") is not None


def _in_balls(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with `BITS` bits, and restore the precision that was set before."""

    @wraps(function)
    def at_precision(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            from flint import ctx
        except ImportError as error:
            raise ImportError("certificates want python-flint: install gapdyn[certify]") from error
        before, ctx.prec = ctx.prec, BITS
        try:
            return function(*args, **kwargs)
        finally:
            ctx.prec = before

    return at_precision


def _ball(value: Fraction | int) -> Ball:
    """The ball around an exact number."""
    from flint import arb

    if not isinstance(value, Rational):
        raise TypeError(f"a certificate starts from an integer or a Fraction, got {shown(value)}")
    return arb(value.numerator) / value.denominator


def _within(
    name: str, value: Fraction | int, low: int, high: Fraction | int, *, closed: bool = False
) -> None:
    """Raise unless an exact number lies between two, or is the upper one if that is included."""
    if isinstance(value, bool) or not isinstance(value, Rational):
        raise TypeError(f"{name} must be an integer or a Fraction, got {shown(value)}")
    if not low < value < high and not (closed and value == high):
        raise ValueError(f"{name} must lie in ({low}, {high}{']' if closed else ')'}, got {value}")


def _validate_start(start: Start) -> Start:
    """Hypotheses of Theorem 3.2."""
    if not isinstance(start, Start):
        raise TypeError(f"start must be a Start(n, alpha, gamma0), got {shown(start)}")
    validate_count("n", start.n, least=2)
    _within("alpha", start.alpha, 0, 2, closed=True)
    _within("gamma0", start.gamma0, 0, 1)
    return start


def _require(certain: bool, what: str) -> None:
    """Raise unless the balls decide an inequality."""
    if not certain:
        raise ArithmeticError(f"not certified: {what}")


def _integral(integrand: Callable[[Ball, bool], Ball], end: Ball) -> Ball:
    """The integral from 0 to `end`, enclosed; the integrand is analytic."""
    from flint import acb

    return acb.integral(integrand, 0, end).real


def _certificate(enclosed: str, value: Ball) -> Certificate:
    """The certificate that a ball gives."""
    lower, upper = _decimal(value.lower(), ROUND_FLOOR), _decimal(value.upper(), ROUND_CEILING)
    return Certificate(enclosed, lower, upper)


def _decimal(end: Ball, rounding: str) -> str:
    """One end of a ball, an exact binary number, rounded up or down to `DIGITS` digits."""
    mantissa, exponent = map(int, end.man_exp())
    exact = mantissa * Fraction(2) ** exponent
    divide = Context(prec=DIGITS, rounding=rounding).divide
    return str(divide(Decimal(exact.numerator), Decimal(exact.denominator)))


# Theorem 3.2


@_in_balls
def closing_time(gamma: Fraction, start: Start = FOUR) -> Ball:
    """Enclose the time at which the height reaches γ while Z = αI.

    By (10) and (11), dγ/dt = -2βγ α(n-1)/(n-1+e^{aα}) with a = β(1-γ²). So with x = log(γ₀/γ) and β
    of (6), t = ∫ (1 + e^{aα}/(n-1))/(2αβ) dx from 0 to log(γ₀/γ); the integrand is entire.

    Parameters
    ----------
    gamma : Fraction
        In (0, γ₀].
    start : Start
        The hypotheses.

    Returns
    -------
    flint.arb
        The time.

    Raises
    ------
    TypeError
        If γ is not an exact number.
    ValueError
        If γ is out of range.
    """
    n, alpha, gamma0 = _validate_start(start)
    _within("gamma", gamma, 0, gamma0, closed=True)
    first, margin, beta0 = _ball(gamma0), _ball(alpha), _threshold(start)

    def slowness(x: Ball, analytic: bool) -> Ball:
        height = first * (-x).exp()
        beta = beta0 * (x / 2 + (height**2 - first**2) / 4).exp()
        return (1 + (beta * (1 - height**2) * margin).exp() / (n - 1)) / (2 * margin * beta)

    return _integral(slowness, (first / _ball(gamma)).log())


def _threshold(start: Start) -> Ball:
    """β₀ = log(4(n-1))/(α(1-γ₀²))."""
    return _ball(4 * (start.n - 1)).log() / _ball(start.alpha * (1 - start.gamma0**2))


@_in_balls
def constants(start: Start = FOUR) -> tuple[Ball, Ball]:
    """Enclose c₁ = 2α(n-1)β₀√γ₀ and c₂ = αβ₀√γ₀(1-γ₀²)e^{-γ₀²/4} of the proof (p. 17).

    Parameters
    ----------
    start : Start
        The hypotheses.

    Returns
    -------
    c1, c2 : flint.arb
    """
    n, alpha, gamma0 = _validate_start(start)
    root = _ball(alpha) * _threshold(start) * _ball(gamma0).sqrt()
    return 2 * (n - 1) * root, root * _ball(1 - gamma0**2) * (-_ball(gamma0**2) / 4).exp()


@_in_balls
def printed_bound(t: Ball, start: Start = FOUR) -> Ball:
    """Enclose the last line of the proof (p. 18), c₂/log(c₃t + e^{c₄/√γ₀})².

    There c₃ = 55c₁/2 and c₄ = c₂ - 1/10.

    Parameters
    ----------
    t : flint.arb
        A time ≥ 0.
    start : Start
        The hypotheses.

    Returns
    -------
    flint.arb
    """
    from flint import arb

    if not isinstance(t, arb):
        raise TypeError(f"t must be a ball, flint.arb, got {shown(t)}")
    if t < 0:
        raise ValueError(f"t must not be negative, got {t}")
    c1, c2 = constants(start)
    c4 = c2 - _ball(Fraction(1, 10))
    return c2 / (55 * c1 / 2 * t + (c4 / _ball(start.gamma0).sqrt()).exp()).log() ** 2


@_in_balls
def theorem_3_2_last_line() -> Certificate:
    """The last line of the proof of Theorem 3.2 (p. 18) exceeds γ, at t = 0 and late."""
    gamma = Fraction(1, 10**4)
    _require(printed_bound(_ball(0)) > _ball(FOUR.gamma0), "the printed bound exceeds γ at t = 0")
    late = printed_bound(closing_time(gamma)) / _ball(gamma)
    _require(late > 1, "the printed bound exceeds γ at a late time")
    return _certificate(
        "the printed lower bound on γ, divided by γ, when γ = 1/10000 (n = 4, Z = I, γ₀ = 1/10, β₀ "
        "at the threshold): above 1 there as at t = 0, so that γ lies below its bound",
        late,
    )


@_in_balls
def theorem_3_2_c2() -> Certificate:
    """The hypotheses of Theorem 3.2 allow c₂ < 1/10, so that c₄ = c₂ - 1/10 < 0 (p. 18)."""
    _, c2 = constants(TWO)
    _require(c2 < _ball(Fraction(1, 10)), "c₂ is below 1/10")
    return _certificate(
        "c₂ at n = 2, α = 1, γ₀ = 1/1000, β₀ at the threshold: below 1/10, so that the hypotheses "
        "do not give the c₄ > 0 that the proof needs",
        c2,
    )


@_in_balls
def theorem_3_2_zero_height() -> Certificate:
    """Theorem 3.2 as printed allows γ₀ = 0, where Δ may be 0 at all times.

    n = 2, X = Y = I, β₀ = 10. While X = Y, Z and ∇ℓ(aZ) are symmetric and x_i' = y_i', so X = Y for
    good; and dγ/dt = -2βγg keeps γ = 0. The angle θ between the two rows grows from π/2 towards π,
    θ' = a sin θ/(1 + e^{a(1 - cos θ)}), so the margin 1 - cos θ is never below 1.
    """
    beta0, gamma = _ball(10), _ball(0)
    _require(beta0 > _ball(4).log(), "β₀ exceeds the threshold log 4 of the margin 1")
    pull = 1 / (1 + beta0.exp())  # g at Z = I
    _require(beta0 * pull > 0, "the rows part at first")
    _require(-2 * beta0 * gamma * pull == 0, "γ stands still")
    gap = 2 * gamma  # Δ² = (1-γ²)‖mean X - mean Y‖² + 4γ², and X = Y
    return _certificate(
        "Δ(t) for all t when n = 2, X = Y = I, γ₀ = 0, β₀ = 10: it is exactly 0 by symmetry. The "
        "margin is at least 1 and β₀ above the threshold log 4, which the balls check. So no "
        "c/log²t with c > 0 bounds the gap from below",
        gap,
    )


# Lemma 3.1


@_in_balls
def lemma_3_1_order() -> Certificate:
    """R = Θ(1/β), the second half of (6), fails: |R|β has no positive lower bound.

    By (5) with β' = β, |R|β = 2γ/(1-γ²), which grows with γ in (0, 1): once γ is below some height,
    |R|β is at most its value there. And γ comes below any height at a finite time (`closing_time`).
    """
    gamma = Fraction(1, 10**6)
    _require(closing_time(gamma).is_finite(), "γ = 1e-6 is reached")
    late, early = (_ball(2 * height / (1 - height**2)) for height in (gamma, FOUR.gamma0))
    _require(late < early / 10**5, "|R|β has fallen by 1e5")
    return _certificate(
        "|R|β = 2γ/(1-γ²) when γ = 1e-6, at a finite time after γ₀ = 1/10 (n = 4, Z = I, β₀ at the "
        "threshold): it falls to 0 with γ, so that |R| ≥ c/β holds for no c > 0",
        late,
    )


# Theorem 3.3


@_in_balls
def theorem_3_3_bound() -> Certificate:
    """(8) is false for Δ at small heights: it fails with a probability above δ.

    Rows that move freely, at t = 0; u = mean X - mean Y, G = ∇ℓ(aZ), a = β₀(1-γ₀²), γ₀ > 0. P_x is
    the projection I - xxᵀ, and g the mean of the μ_i of (10) over rows and columns.

    - From P_x y - P_y x = (1 + ⟨x, y⟩)(y - x), u' = (a/n) Σ_ij G_ij (1 + Z_ij)(x_i - y_j). Here
      Σ|G_ij| ≤ 2, and (1+z)√(2-2z) ≤ 8/(3√3) as 64/27 - 2(1+z)²(1-z) = 2(z-1/3)²(z+5/3) ≥ 0. So
      ‖u'‖ ≤ 16a/(3√3n).
    - |μ_i| ≤ 2 in (10), so |g| ≤ 2 and γ' ≤ 4β₀γ₀.
    - ΔΔ' = γ₀γ'(4-‖u‖²) + (1-γ₀²)⟨u, u'⟩ and Δ > √(1-γ₀²)‖u‖, so
      Δ'/(4β₀γ₀) < 4γ₀/(√(1-γ₀²)‖u‖) + S with S = 4(1-γ₀²)^{3/2}/(3√3nγ₀).
      The right side is at most the bracket B of (8) where ‖u‖² ≥ 2θ/n, θ = 8nγ₀²/((1-γ₀²)(B-S)²).
    - nu is a sum of 2n independent uniform unit vectors, so E‖u‖² = 2/n, E‖u‖⁴ ≤ (1+2/d)(2/n)², and
      by Paley and Zygmund [2]_ ‖u‖² ≥ 2θ/n with probability at least (1-θ)²/(1+2/d).
    """
    n, d, beta0, gamma0, delta = 10**4, 2, 2, Fraction(3, 10**4), Fraction(1, 5)
    numerator, bracket = printed_bracket(n, beta0, gamma0, delta)
    _require(numerator > 0, "ξ₁ exceeds 2eᵃε")
    level = _ball(1 - gamma0**2)
    from_rows = 4 * level * level.sqrt() / (3 * _ball(3).sqrt() * _ball(n * gamma0))
    _require(bracket > from_rows, "B exceeds S")
    theta = _ball(8 * n * gamma0**2) / (level * (bracket - from_rows) ** 2)
    _require(theta < 1, "θ is below 1")
    violated = (1 - theta) ** 2 / _ball(1 + Fraction(2, d))
    _require(violated > _ball(delta), "(8) fails with a probability above δ")
    return _certificate(
        "a lower bound on the probability that dΔ/dt at 0 is below the right side of (8), rows "
        "moving freely, at d = 2, τ = 1/2, n = 10000, γ₀ = 3e-4, δ = 1/5: (8) allows at most δ",
        violated,
    )


@_in_balls
def printed_bracket(n: int, beta0: int, gamma0: Fraction, delta: Fraction) -> tuple[Ball, Ball]:
    """Enclose ξ₁ - 2eᵃε and the bracket (ξ₁ - 2eᵃε)/(ξ₂ + (eᵃ - e⁻ᵃ)ε) - 2ε of (8) at d = 2.

    There ρ = 0, so ξ₁ = I₋₁(a) = I₁(a) and ξ₂ = I₀(a); a = β₀(1-γ₀²), ε = √(log((4n+1)/δ)/(2n)).

    Parameters
    ----------
    n, beta0 : int
        Number of pairs, β₀.
    gamma0, delta : Fraction
        γ₀ and δ.

    Returns
    -------
    numerator, bracket : flint.arb
    """
    validate_count("n", n, least=2)
    _within("beta0", beta0, 0, 10**6)
    _within("gamma0", gamma0, 0, 1)
    _within("delta", delta, 0, 1)
    a = _ball(beta0 * (1 - gamma0**2))
    epsilon = (_ball((4 * n + 1) / delta).log() / (2 * n)).sqrt()
    numerator = a.bessel_i(1) - 2 * a.exp() * epsilon
    return numerator, numerator / (a.bessel_i(0) + 2 * a.sinh() * epsilon) - 2 * epsilon


@_in_balls
def theorem_3_3_step() -> Certificate:
    """dΔ/dt ≥ 2dγ/dt, the last step of Theorem 3.3's proof (p. 19), fails in the plane, n = 2.

    Both sides are continuous in the rows: it fails with positive probability over uniform rows.
    """
    gap, height = plane_velocities((0, 1), (2, 0), beta=5, gamma=Fraction(3, 10))
    _require(height > 0, "γ grows")
    _require(gap < 2 * height, "dΔ/dt is below 2dγ/dt")
    return _certificate(
        "2dγ/dt - dΔ/dt, rows moving freely, with rows of X at the angles 0 and 1, of Y at 2 and 0 "
        "(radians, d = 2), β = 5, γ = 3/10. It is positive, so that dΔ/dt ≥ 2dγ/dt does not hold",
        2 * height - gap,
    )


@_in_balls
def plane_velocities(
    x: Sequence[int | Fraction], y: Sequence[int | Fraction], *, beta: int, gamma: Fraction
) -> tuple[Ball, Ball]:
    """Enclose dΔ/dt and dγ/dt along the flow (4) of (3), for free rows on the circle.

    With G = ∇ℓ(aZ) and a = β(1-γ²), x_i' = -a P_{x_i} Σ_j G_ij y_j turns row i of X at the rate
    -a Σ_j G_ij sin(y_j - x_i), and row j of Y turns at a Σ_i G_ij sin(y_j - x_i). Further
    γ' = 2βγ⟨G, Z⟩ and Δ² = (1-γ²)|u|² + 4γ², u = mean X - mean Y as a complex number.

    Parameters
    ----------
    x, y : sequences of n integers or fractions
        Angles of the rows in radians.
    beta : int
        β at time 0.
    gamma : Fraction
        γ at time 0.

    Returns
    -------
    gap, height : flint.arb
        dΔ/dt and dγ/dt.
    """
    _within("beta", beta, 0, 10**6)
    _within("gamma", gamma, 0, 1)
    for name, rows in (("x", x), ("y", y)):
        if not isinstance(rows, list | tuple) or not len(x) == len(rows) >= 2:
            raise ValueError(f"{name} must be a sequence of as many angles as x, two at least")
        for angle in rows:
            _within(name, angle, -(10**6), 10**6)
    n, scale, a = len(x), _ball(beta), _ball(beta * (1 - gamma**2))
    angles = [[_ball(q - p) for q in y] for p in x]
    Z = [[angle.cos() for angle in row] for row in angles]
    G = _gradient(Z, a)
    torque = [[G[i][j] * angles[i][j].sin() for j in range(n)] for i in range(n)]
    turn_x = [-a * sum(row) for row in torque]
    turn_y = [a * sum(column) for column in zip(*torque, strict=True)]
    u = _mean(x, [1] * n) - _mean(y, [1] * n)
    move = (_mean(x, turn_x) - _mean(y, turn_y)) * 1j
    height = 2 * scale * _ball(gamma) * sum(G[i][j] * Z[i][j] for i in range(n) for j in range(n))
    level, square = _ball(1 - gamma**2), abs(u) ** 2
    inner = u.real * move.real + u.imag * move.imag
    gap = (level * square + _ball(4 * gamma**2)).sqrt()
    return (_ball(gamma) * height * (4 - square) + level * inner) / gap, height


def _mean(angles: Sequence[Fraction | int], weights: Sequence[Ball]) -> Ball:
    """Mean of weighted points of the unit circle, as a complex number."""
    from flint import acb

    points = (acb(0, _ball(angle)).exp() for angle in angles)
    return sum(point * w for point, w in zip(points, weights, strict=True)) / len(weights)


def _gradient(Z: Sequence[Sequence[Ball]], a: Ball) -> list[list[Ball]]:
    """∇ℓ(aZ) of B.1: the mean of the column and the row softmax of aZ, less I, over n."""
    n = len(Z)
    weights = [[(a * z).exp() for z in row] for row in Z]
    in_row = [sum(row) for row in weights]
    in_column = [sum(column) for column in zip(*weights, strict=True)]
    return [
        [(w / in_column[j] + w / in_row[i] - 2 * (i == j)) / (2 * n) for j, w in enumerate(row)]
        for i, row in enumerate(weights)
    ]


# Appendix C, schedules. In the scalar model dγ/dt = -2βγe^{-β(1-γ²)} and γ² ≥ 0, so γ is at most
# γ₀exp(-2∫βe^{-β}ds), and γ over the printed exp(-∫βe^{-β}ds) at most γ₀exp(-∫βe^{-β}ds).


@_in_balls
def appendix_c_constant() -> Certificate:
    """γ = Θ(exp(-β₀e^{-β₀}t)), p. 20, fails: γ over it tends to 0, as γ ≤ γ₀exp(-2β₀e^{-β₀}t)."""
    beta0 = _ball(2)
    rate = beta0 * (-beta0).exp()
    _require(rate > 0, "the rate is positive")
    return _certificate(
        "r = β₀e^{-β₀} at β₀ = 2: γ over the printed e^{-rt} is at most γ₀e^{-rt} and tends to 0",
        rate,
    )


@_in_balls
def appendix_c_schedule() -> Certificate:
    """γ = Θ(exp(-∫βe^{-β}ds)) (p. 20) fails for a schedule, τ(s) = 0.55 - 0.25cos(2πs/7).

    The integral over a period of 7 is seven times that over a period of 1.
    """
    from flint import arb

    middle, swing = _ball(Fraction(11, 20)), _ball(Fraction(1, 4))

    def speed(s: Ball, analytic: bool) -> Ball:
        beta = 1 / (middle - swing * (2 * arb.pi() * s).cos())
        return beta * (-beta).exp()

    growth = 7 * _integral(speed, 1)
    _require(growth > 0, "the integral grows in each period")
    return _certificate(
        "K = ∫βe^{-β}ds over one period of τ = 1/β, a cosine from 0.3 to 0.8 and back in 7. After "
        "k periods γ over the printed e^{-kK} is at most γ₀e^{-kK} and tends to 0",
        growth,
    )


@_in_balls
def appendix_c_linear_schedule() -> Certificate:
    """γ(t) = exp(-c(β₀, β₁)t) (p. 20) fails, by its value and its rate: γ(t) ≤ γ₀exp(-2ct).

    Here t is the horizon of the schedule and c = ∫βe^{-β}dr over r = s/t from 0 to 1, where
    β = (1-r)β₀ + rβ₁. The closed form is right, and is checked against the integral.
    """
    first, last = _ball(3), _ball(1)
    c = ((first + 1) * (-first).exp() - (last + 1) * (-last).exp()) / (last - first)

    def speed(r: Ball, analytic: bool) -> Ball:
        beta = (1 - r) * first + r * last
        return beta * (-beta).exp()

    _require(c.overlaps(_integral(speed, 1)), "the closed form is the integral")
    _require(c > 0, "c is positive")
    return _certificate(
        "c at β₀ = 3, β₁ = 1: γ(t) over the printed e^{-ct} is at most γ₀e^{-ct}, which is below 1 "
        "for each horizon t > 0, and tends to 0",
        c,
    )
