"""The sigmoid loss of SigLIP: what its optimum is, what it leaves open, and what its flow keeps.

For logits M the loss is L = (1/n) Σ_ij softplus(∓M_ij), with minus where i = j. Logits are
t(z - r) with a relative bias r and tz - b with a plain one; t is the inverse temperature β of the
models. Optima and thresholds are about the plain bias, b = tr (theory 5.3); the loss falls to zero
along t → ∞ at any gap (theory 5.4), and which gap is kept is a matter of the flow (theory 5.2).

References
----------
.. [1] X. Zhai, B. Mustafa, A. Kolesnikov and L. Beyer, "Sigmoid Loss for Language Image
   Pre-Training", ICCV 2023.
.. [2] C. Lee, J. Chang and J. Sohn, "Analysis of Using Sigmoid Loss for Contrastive Learning",
   AISTATS 2024.
.. [3] K. Bangachev, G. Bresler, I. Noman and Y. Polyanskiy, "Global Minimizers of Sigmoid
   Contrastive Loss", NeurIPS 2025.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import log_expit, logsumexp

from gapdyn import measures
from gapdyn.flow import Trajectory
from gapdyn.losses import Sigmoid
from gapdyn.models import FreeModel, FrozenModel, ParallelModel
from gapdyn.temperature import Learned
from gapdyn.theory import _checks, lemma_3_1, potential
from gapdyn.theory._centres import log_difference, log_sum
from gapdyn.types import Array
from gapdyn.validate import shown, validate_number

EXACT = 4 * float(np.finfo(np.float64).eps)
"""The least relative tolerance of SciPy's root finders."""
MOST_PAIRS = 2**1000
"""Largest number of pairs, 1e301, whose products with a few numbers are float64."""


class Optimum(NamedTuple):
    """Rows of least loss.

    Attributes
    ----------
    s : float
        Similarity of the pairs, all of which have it.
    gap : float
        Δ = √(2(1-s)), from 0 to 2.
    loss : float
        Their loss, in nats.
    """

    s: float
    gap: float
    loss: float


class MarginAndBias(NamedTuple):
    """What separates pairs from strangers.

    Attributes
    ----------
    margin : float
        m, half of the least similarity of a pair less the largest one of strangers.
    bias : float
        The relative bias r halfway between the two.
    """

    margin: float
    bias: float


class Best(NamedTuple):
    """The plain bias b of least loss, and that loss, in nats."""

    bias: float
    loss: float


# What the flow keeps


def invariant(trajectory: Trajectory) -> Array:
    """The exchange law of a relative bias, at the kept states (theory 5.2).

    With the potential P of β, the rates η_x of rows and η_b of the bias, and n pairs it is

    - P(β) + (n/η_x) log Δ - (1+r)²/(2η_b) in the free model, constant where pairs are symmetric,
      and at any moment at which the rows of each modality stand at one height along c_X - c_Y;
    - P(β) + ½(log|γ| - γ²/2) - (1+r)²/(2η_b) in the tied parallel and the frozen model, constant
      whatever the rows do.

    For β = exp ν and rates 1 the first is that t Δⁿ e^{-(1+r)²/2} is constant.

    Parameters
    ----------
    trajectory : Trajectory
        Of a model with the loss `Sigmoid("relative")`, whose bias moves.

    Returns
    -------
    (K,) array
        Constant where the law holds; -inf where centres of a free model coincide.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or loss, is swapped or was loaded without a model, the
        bias is plain, none or held, for which there is no such law, the temperature is not learned
        or has a ceiling, or γ is 0.
    """
    model, temperature, loss = _validate_run(trajectory)
    beta, r = (values[trajectory.kept] for values in (trajectory.beta, trajectory.bias))
    if loss.bias != "relative":
        raise ValueError(
            "trajectory must be of a relative bias: with a plain one, n d log Δ = -dν + t db, no"
            f" such law exists (theory 5.2), got {loss}"
        )
    at_bias = (1 + r) ** 2 / (2 * _validate_moving(loss))
    if isinstance(model, FreeModel):
        at_beta = potential.potential(beta, temperature=temperature)
        return at_beta + model.n / model.row_rate * log_difference(trajectory, model) - at_bias
    gamma = trajectory.gamma[trajectory.kept]
    if not gamma.all():
        raise ValueError("trajectory must have heights other than 0: the law is about log γ")
    return lemma_3_1.invariant(gamma, beta=beta, temperature=temperature) - at_bias


def product_invariant(trajectory: Trajectory) -> Array:
    """The law of symmetric pairs that holds with any bias, at the kept states (theory 5.2).

    P(β) + (n/(2η_x)) log(‖c_X - c_Y‖ ‖c_X + c_Y‖), less r²/(2η_b) where the bias is relative. It
    is the only one that a plain bias has, and it says nothing where c_X = -c_Y.

    Parameters
    ----------
    trajectory : Trajectory
        Of a free model with the sigmoid loss.

    Returns
    -------
    (K,) array
        Constant where pairs are symmetric; -inf where centres coincide or are opposite.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is of another model or loss, is swapped or was loaded without a model, a
        relative bias is held, or the temperature is not learned or has a ceiling.
    """
    model, temperature, loss = _validate_run(trajectory)
    if not isinstance(model, FreeModel):
        raise ValueError(
            f"trajectory must be of a free model: the law is about centres, got {shown(model)}"
        )
    beta, r = (values[trajectory.kept] for values in (trajectory.beta, trajectory.bias))
    lengths = log_difference(trajectory, model) + log_sum(trajectory, model)
    kept = potential.potential(beta, temperature=temperature)
    kept = kept + model.n / (2 * model.row_rate) * lengths
    if loss.bias == "relative":
        kept = kept - r**2 / (2 * _validate_moving(loss))
    return kept


def _validate_run(
    trajectory: Trajectory,
) -> tuple[FreeModel | ParallelModel | FrozenModel, Learned, Sigmoid]:
    """The model of a run of the sigmoid loss that the laws are about, its temperature and loss."""
    model = _checks.validate_trajectory(trajectory, Sigmoid).model
    if trajectory.swap is not None or getattr(model, "mixing", None) is not None:
        raise ValueError("trajectory must have no swapping: the laws are about the loss of X and Y")
    if (
        isinstance(model, FreeModel | ParallelModel | FrozenModel)
        and getattr(model, "tied", True)
        and isinstance(model.objective, Sigmoid)
    ):
        return model, _checks.validate_learned(model.temperature), model.objective
    raise ValueError(
        "trajectory must be of a free, a tied parallel or a frozen model: heights of their own have"
        f" no such law, got {shown(model)}"
    )


def _validate_moving(loss: Sigmoid) -> float:
    """The learning rate η_b of a bias that moves."""
    if loss.bias_rate == 0:
        raise ValueError("trajectory must have a bias that moves: the law exchanges it for the gap")
    return loss.bias_rate


# The optimum at given t and b


def optimum(*, n: int, t: float, bias: float) -> Optimum:
    """The least loss of n pairs at given t and plain bias b, and the rows that have it.

    All pairs have one similarity s, and all strangers q(s) = ((n-2)s - n)/(2(n-1)):
    x_i = w_i + c, y_i = w_i - c with w a regular simplex orthogonal to c. Of these rows s is the
    minimum of softplus(b - ts) + (n-1) softplus(tq(s) - b), which is convex: -1, 1, or the root of
    (n-2)/2 σ(tq(s) - b) = σ(b - ts). Lee, Chang and Sohn [2]_ show that an optimum is among such
    rows and give its thresholds at b = t; proof for any t and b: theory 5.3.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    t : float
        Inverse temperature.
    bias : float
        b, of any sign, in logits tz - b.

    Returns
    -------
    Optimum
        Attained where the dimension is at least n; n - 1 is enough where the gap is 0. In fewer
        dimensions all losses are larger. An s has the error of rounding b, divided by t.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000, t is not positive, or the loss is no float64.

    Examples
    --------
    SigLIP starts from t = b = 10, where a batch of 32,768 has a gap at its optimum:

    >>> round(optimum(n=32768, t=10.0, bias=10.0).gap, 4), optimum(n=1024, t=10.0, bias=10.0).gap
    (0.2893, 0.0)
    """
    pairs = _checks.validate_pair_count(n, most=MOST_PAIRS)
    t, bias = _validate_logits(t, bias)
    distance = _distance(pairs, t, bias)
    u, v = _logits(distance, pairs, t, bias)
    loss = _checks.computed(
        "the loss", lambda: np.logaddexp(0, u) + (pairs - 1) * np.logaddexp(0, v)
    )
    return Optimum(1 - distance, float(np.sqrt(2 * distance)), float(loss))


def _distance(n: float, t: float, bias: float) -> float:
    """1 - s of the optimum."""
    if _force(0.0, n, t, bias) <= 0:
        return 0.0
    if _force(2.0, n, t, bias) >= 0:
        return 2.0
    return float(brentq(_force, 0.0, 2.0, (n, t, bias), 1e-300, EXACT, 2000))


def _logits(distance: float, n: float, t: float, bias: float) -> tuple[float, float]:
    """Minus the logit b - ts of pairs, and the logit tq(s) - b of strangers, from 1 - s."""
    own = (bias - t) + t * distance
    other = -t / (n - 1) - bias - t * distance * (n - 2) / (2 * (n - 1))
    return own, other


def _force(distance: float, n: float, t: float, bias: float) -> float:
    """Of the sign of dL/ds, decreasing in 1 - s: it is that of (n-2)/2 (1 + e^-u) - (1 + e^-v).

    The ones are taken together before the logarithm, so that its slope is at least t(n-2)/(2(n-1))
    where σ(u) and σ(v) are 1 to rounding.
    """
    u, v = _logits(distance, n, t, bias)
    left = np.logaddexp(_log((n - 4) / 2), _log((n - 2) / 2) - u)
    return float(left - np.logaddexp(_log((4 - n) / 2), -v))


def _log(x: float) -> float:
    """log x, -∞ where x is not positive."""
    return float(np.log(x)) if x > 0 else -np.inf


def closing_bias(*, n: int, t: float) -> float:
    """The least plain bias at which the optimum has no gap: it has none if and only if b ≥ this.

    log B for the positive root of e^{t/(n-1)} B² + (1-k) B - k e^t = 0, k = (n-2)/2 (theory 5.3).
    It grows with t, from log k at t = 0 to t(n-2)/(2(n-1)) + O(1) as t → ∞.

    Parameters
    ----------
    n, t
        As in `optimum`.

    Returns
    -------
    float
        -∞ for two pairs, which have no gap at any bias.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000 or t is not positive.
    """
    return _closing_bias(
        _checks.validate_pair_count(n, most=MOST_PAIRS), _checks.validate_middling("t", t)
    )


def _closing_bias(n: float, t: float) -> float:
    return _balance((n - 2) / 2, t, -t / (n - 1))


def closed_until(*, n: int, bias: float) -> float:
    """The t up to which the optimum has no gap at a given plain bias: `closing_bias`, inverted.

    Parameters
    ----------
    n, bias
        As in `optimum`.

    Returns
    -------
    float
        0 where it has a gap at every t, as b ≤ log((n-2)/2); infinite for two pairs.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000, or the bias is not a number.
    """
    pairs, (_, bias) = _checks.validate_pair_count(n, most=MOST_PAIRS), _validate_logits(1.0, bias)
    if pairs == 2:
        return np.inf
    if _closing_bias(pairs, 0.0) >= bias:
        return 0.0
    # closing_bias ≥ t(n-2)/(2(n-1)) + ½ log((n-2)/2), less ½ log 2 for three pairs
    most = bias - 0.5 * _log((pairs - 2) / 2) + 1e-12 * abs(bias) + 1
    high = 2 * most * ((pairs - 1) / (pairs - 2))

    def short(t: float) -> float:
        return _closing_bias(pairs, t) - bias

    return float(brentq(short, 0.0, high, (), 1e-300, EXACT, 2000))


def optimal_bias(*, n: int, t: float) -> float:
    """The plain bias of least loss over rows and bias together, where the optimum has no gap.

    There n-1 strangers push as much as a pair pulls: σ(b - t) = (n-1) σ(-t/(n-1) - b). It is above
    `closing_bias` at every t, so that only a bias that is held keeps a gap at the optimum (theory
    5.3). At t = 0 it is log(n-1), which is 10 for 22,027 pairs.

    Parameters
    ----------
    n, t
        As in `optimum`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000 or t is not positive.

    Examples
    --------
    >>> round(optimal_bias(n=22027, t=1e-3), 3), round(optimal_bias(n=22027, t=10.0), 3)
    (10.0, 10.481)
    """
    pairs, t = _checks.validate_pair_count(n, most=MOST_PAIRS), _checks.validate_middling("t", t)
    return _balance(pairs - 1, t, -t / (pairs - 1))


def antipodal_bias(*, n: int, t: float) -> float:
    """The largest plain bias at which the optimum is x_i = -y_i = c for all i: log((n-2)/2) - t.

    Parameters
    ----------
    n, t
        As in `optimum`.

    Returns
    -------
    float
        -∞ for two pairs, whose optimum never is.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000 or t is not positive.
    """
    pairs, t = _checks.validate_pair_count(n, most=MOST_PAIRS), _checks.validate_middling("t", t)
    return _log((pairs - 2) / 2) - t


def _balance(k: float, own: float, other: float) -> float:
    """The b at which kσ(other - b) = σ(b - own), for tz = own of pairs and tz = other of strangers.

    With B = e^b it is e^{-other} B² + (1-k) B - k e^{own} = 0.
    """
    half, product = abs(k - 1), _log(k) + np.log(4) + own - other
    root = 0.5 * np.logaddexp(2 * _log(half), product)
    both = np.logaddexp(_log(half), root)
    return float(other - np.log(2) + (both if k >= 1 else product - both))


def closing_threshold(*, n: int) -> float:
    """The t from which on the optimum at b = t has no gap: ((n-1)/n) log(n-3), 0 up to four pairs.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000.

    Examples
    --------
    >>> [round(closing_threshold(n=n), 6) for n in (10, 100, 1000)]
    [1.751319, 4.528964, 6.897846]
    """
    pairs = _checks.validate_pair_count(n, most=MOST_PAIRS)
    return (pairs - 1) / pairs * float(np.log(max(pairs - 3, 1)))


def antipodal_threshold(*, n: int) -> float:
    """The t up to which the optimum at b = t is antipodal: ½ log((n-2)/2), 0 up to four pairs.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000.

    Examples
    --------
    >>> [round(antipodal_threshold(n=n), 6) for n in (10, 100, 1000)]
    [0.693147, 1.94591, 3.106303]
    """
    pairs = _checks.validate_pair_count(n, most=MOST_PAIRS)
    return 0.5 * float(np.log(max((pairs - 2) / 2, 1)))


def largest_batch(*, t: float, bias: float) -> int:
    """The largest number of pairs whose optimum has no gap at given t and plain bias.

    More pairs have a gap, fewer have none: n - 2 ≤ 2(1 + e^{t/(n-1)+b})/(1 + e^{t-b}).

    Parameters
    ----------
    t, bias
        As in `optimum`.

    Returns
    -------
    int
        At least 2; above 2⁵³ up to rounding.

    Raises
    ------
    TypeError, ValueError
        If t is not positive, or the number is above 2¹⁰⁰⁰.

    Examples
    --------
    >>> largest_batch(t=10.0, bias=10.0)
    22039
    """
    t, bias = _validate_logits(t, bias)
    low, high = 2, 3
    while _force(0.0, float(high), t, bias) <= 0:
        low, high = high, 2 * high
        if high > MOST_PAIRS:
            raise ValueError(f"bias must leave a batch below 2**1000 pairs, got {bias}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _force(0.0, middle, t, bias) <= 0 else (low, middle)
    return low


# Loss that falls to zero


def margin_and_bias(X: ArrayLike, Y: ArrayLike) -> MarginAndBias:
    """Global margin m and relative bias r of rows, by which logits t(z - r) tell pairs apart [3]_.

    Pairs have z ≥ r + m and strangers z ≤ r - m, so that the loss goes to 0 along t → ∞ if m > 0
    (`loss_bounds`).

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised. n × n similarities are stored.

    Returns
    -------
    MarginAndBias

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape (n, d), n, d ≥ 2, or have a row of zero length.

    Examples
    --------
    >>> from gapdyn import examples, sphere
    >>> margin_and_bias(*sphere.lift(examples.simplex(4), examples.simplex(4), gamma=0.5))
    MarginAndBias(margin=0.5, bias=0.0)
    """
    return MarginAndBias(*measures.global_margin(_similarities(X, Y)))


def best_bias(X: ArrayLike, Y: ArrayLike, *, t: float) -> Best:
    """The plain bias at which the loss of these rows is least at given t, and that loss.

    The loss is convex in b, with the slope (1/n)[Σ_i σ(b - tz_ii) - Σ_{i≠j} σ(tz_ij - b)].

    Parameters
    ----------
    X, Y
        As in `margin_and_bias`.
    t : float
        Inverse temperature.

    Returns
    -------
    Best

    Raises
    ------
    TypeError, ValueError
        If X and Y are not as in `margin_and_bias`, or t is not positive.
    """
    Z, t = _similarities(X, Y), _checks.validate_middling("t", t)
    own, others = t * Z.diagonal(), t * Z[~np.eye(len(Z), dtype=bool)]

    def push(b: float) -> float:
        """Difference of the logarithms of both sums, which increases."""
        return float(logsumexp(log_expit(b - own)) - logsumexp(log_expit(others - b)))

    low, high = t * Z.min() - np.log(2), t * Z.max() + np.log(2 * len(Z) - 2)
    slack = 1e-12 * t + 1  # more than rounding takes from the logarithms
    b = float(brentq(push, low - slack, high + slack, (), 1e-300, EXACT, 2000))
    total = np.logaddexp(0, b - own).sum() + np.logaddexp(0, others - b).sum()
    return Best(b, float(total) / len(Z))


def loss_bounds(*, n: int, margin: float, t: float) -> tuple[float, float]:
    """Bounds on the loss of rows of global margin m at its best bias: e^{-tm} up to constants.

    (2/n) softplus(-tm) ≤ inf_b L ≤ the loss of rows all of whose pairs have r + m and all of whose
    strangers have r - m, which is at most 2√(n-1) e^{-tm} (theory 5.4). So the infimum goes to 0
    along t → ∞ if and only if m > 0, and then -(1/t) log inf_b L → m.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    margin : float
        m, in [-1, 1].
    t : float
        Inverse temperature.

    Returns
    -------
    (float, float)
        Lower and upper bound. Neither can be better without more of the rows.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000, the margin is outside [-1, 1], or t is not positive.
    """
    pairs, t = _checks.validate_pair_count(n, most=MOST_PAIRS), _checks.validate_middling("t", t)
    lead = t * _validate_margin(margin)
    shift = _balance(pairs - 1, lead, -lead)
    lower = 2 / pairs * np.logaddexp(0, -lead)
    upper = _checks.computed(
        "the upper bound",
        lambda: np.logaddexp(0, shift - lead) + (pairs - 1) * np.logaddexp(0, -lead - shift),
    )
    return float(lower), float(upper)


def largest_margin(*, n: int, gap: float) -> float:
    """The largest global margin of n pairs with a gap Δ: (n/(2(n-1)))(1 - Δ²/4) (theory 5.4).

    It is that of simplices lifted to ±Δ/2. So each gap below 2 has rows whose loss goes to 0 along
    t → ∞, and the smaller the gap, the faster it can.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    gap : float
        Δ, from 0 to 2.

    Returns
    -------
    float
        Attained where the dimension is at least n.

    Raises
    ------
    TypeError, ValueError
        If n is below 2 or above 2**1000 or the gap is outside [0, 2].
    """
    pairs, gap = _checks.validate_pair_count(n, most=MOST_PAIRS), validate_number("gap", gap)
    if not 0 <= gap <= 2:
        raise ValueError(f"gap must lie in [0, 2]: it is a distance of centres, got {gap}")
    return pairs / (2 * (pairs - 1)) * (1 - gap / 2) * (1 + gap / 2)


def _similarities(X: ArrayLike, Y: ArrayLike) -> Array:
    """Z of unit rows."""
    X, Y = _checks.validate_unit_pairs(X, Y)
    Z: Array = X @ Y.T
    return Z


def _validate_logits(t: float, bias: float) -> tuple[float, float]:
    """An inverse temperature, and a bias of any sign."""
    number = validate_number("bias", bias)
    if abs(number) >= _checks.LARGEST:
        raise ValueError(f"bias must be below {_checks.LARGEST} in size, got {bias}")
    return _checks.validate_middling("t", t), number


def _validate_margin(margin: float) -> float:
    """A global margin of unit rows: half a difference of two similarities."""
    number = validate_number("margin", margin)
    if abs(number) > 1:
        raise ValueError(f"margin must lie in [-1, 1]: it is half of {{z - z'}}, got {margin}")
    return number
