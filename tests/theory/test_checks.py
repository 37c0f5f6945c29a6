"""Every function of plain numbers: any type of a number gives one answer, other things are refused.

The fuzz suite draws numbers; here each function is called once for each type.
"""

from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import gapdyn as gd
from gapdyn.theory import (
    appendix_c,
    bessel,
    exchange_law,
    lemma_3_1,
    potential,
    sigmoid,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

SETTING = {"n": 4, "alpha": 1.0, "gamma0": 0.5, "beta0": 8.0}
DRAW = {"d": 512, "tau": 0.125, "gamma0": 0.5, "delta": 0.125}
CLOSING = {"beta0": 2.0, "gamma0": 0.5, "n": 4, "alpha": 1.0}
# Numbers that float16 holds, of which it does not hold what is made of them.
CALLS = {
    bessel.A: {"a": 13.0, "d": 512},
    bessel.log_mgf: {"a": 13.0, "d": 512},
    bessel.mgf_ratios: {"a": 13.0, "d": 512},
    lemma_3_1.ratio: {"gamma": 0.5, "beta": 3.0, "dbeta": 0.75, "rate": 0.5},
    lemma_3_1.invariant: {"gamma": 0.5, "beta": 3.0},
    lemma_3_1.beta: {"gamma": 0.25, "beta0": 3.0, "gamma0": 0.5, "scale": 3.0, "rate": 0.5},
    lemma_3_1.gamma: {"beta": 7.0, "beta0": 3.0, "gamma0": 0.5},
    lemma_3_1.ratio_asymptote: {"beta": 7.0, "beta0": 3.0, "gamma0": 0.5},
    lemma_3_1.log_conserved: {"beta0": 3.0, "gamma0": 0.5},
    potential.potential: {"beta": 7.0},
    potential.advance: {"beta0": 7.0, "amount": 0.75},
    theorem_3_2.threshold: {"n": 5, "alpha": 0.75, "gamma0": 0.75},
    theorem_3_2.sharp_threshold: {"n": 5, "alpha": 0.75, "gamma0": 0.75},
    theorem_3_2.constants: SETTING,
    theorem_3_2.conserved: {"gamma0": 0.5, "beta0": 7.0},
    theorem_3_2.printed_bound: SETTING | {"t": 7.0},
    theorem_3_2.lower_bound: SETTING | {"t": 7.0},
    theorem_3_2.upper_bound: SETTING | {"t": 7.0, "alpha_max": 1.25},
    theorem_3_2.asymptote: SETTING | {"t": 7.0},
    theorem_3_2.closing_log_time: SETTING | {"gamma": 0.25},
    theorem_3_2.closing_time: SETTING | {"gamma": 0.25},
    theorem_3_2.exact: SETTING | {"log_t": 7.0},
    theorem_3_2.infimum: SETTING | {"log_t": 7.0, "beta0": 0.125},
    theorem_3_2.speed_limit: {"n": 5},
    theorem_3_2.least_height: {"t": 7.0, "n": 5, "gamma0": 0.75},
    theorem_3_3.density: {"z": 0.75, "d": 7},
    theorem_3_3.moments: {"a": 3.0, "d": 7},
    theorem_3_3.limit: {"d": 512, "tau": 0.125, "gamma0": 0.75},
    theorem_3_3.printed_bound: DRAW | {"n": 200},
    theorem_3_3.hypothesis_margin: DRAW | {"n": 200},
    theorem_3_3.sharper_bound: DRAW | {"n": 200, "diagonal_share": 0.75},
    theorem_3_3.pairs_needed: DRAW,
    theorem_3_3.variance_bound: DRAW | {"n": 2000},
    theorem_3_3.gap_bound: DRAW | {"n": 2000},
    partial(theorem_3_3.pairs_needed, bound="sharper"): DRAW,
    partial(theorem_3_3.pairs_needed, bound="variance"): DRAW,
    theorem_3_3.gap_ratio: {"n": 200, "d": 512, "tau": 0.125, "gamma0": 0.75},
    partial(theorem_3_3.gap_ratio, moving_rows=False): {
        **{"n": 200, "d": 512, "tau": 0.125, "gamma0": 0.75}
    },
    appendix_c.constant: CLOSING | {"t": 7.0},
    appendix_c.linear_schedule: CLOSING | {"horizon": 7.0, "beta1": 3.0},
    appendix_c.linear: CLOSING | {"t": 3000.0, "rate": 0.75},
    appendix_c.softplus: CLOSING | {"t": 3000.0, "rate": 0.75},
    appendix_c.exponential: CLOSING | {"t": 3000.0, "scale": 3.0, "rate": 0.75},
    appendix_c.slrt: CLOSING | {"t": 3000.0, "rate": 0.75},
    appendix_c.optimal_temperature: {"n": 100, "alpha": 0.75},
    appendix_c.decay_rate: {"tau": 0.125, "n": 100, "alpha": 0.75},
    exchange_law.exponent: {"n": 7, "scale": 3.0, "rate": 0.75, "row_rate": 0.25},
    swapping.slope: {"beta": 3.0, "gamma": 0.25, "n": 7, "p": 0.75, "row_rate": 0.25},
    swapping.height: {"beta": 7.0, "n": 7, "gamma0": 0.25, "beta0": 3.0, "p": 0.75},
    swapping.exponent: {"n": 7, "p": 0.75, "alpha": 1.0, "row_rate": 3.0},
    swapping.balance: {"n": 4, "p": 0.75, "alpha": 1.25},
}
SIGMOID = {
    sigmoid.optimum: {"n": 7, "t": 0.75, "bias": 0.5},
    sigmoid.closing_bias: {"n": 7, "t": 0.75},
    sigmoid.optimal_bias: {"n": 7, "t": 0.75},
    sigmoid.antipodal_bias: {"n": 7, "t": 0.75},
    sigmoid.closed_until: {"n": 7, "bias": 3.0},
    sigmoid.closing_threshold: {"n": 7},
    sigmoid.antipodal_threshold: {"n": 7},
    sigmoid.largest_batch: {"t": 0.75, "bias": 3.0},
    sigmoid.loss_bounds: {"n": 7, "margin": 0.25, "t": 7.5},
    sigmoid.largest_margin: {"n": 7, "gap": 0.75},
}
EVERY = [*CALLS.items(), *SIGMOID.items()]
NUMBERS = [np.float16, np.float32, np.longdouble, np.array, Fraction, np.float64]
WHOLE = [np.int16, np.uint16, np.int64, np.uint64, np.float16, np.array, Fraction, float]
BEYOND = np.longdouble("1e4000")


def name_of(case):
    return getattr(getattr(case, "func", case), "__name__", "")


def call(function, numbers):
    """The function of the numbers, by name where its arguments have to be."""
    plain = [numbers[name] for name in ("a", "d")] if {"a", "d"} == set(numbers) else []
    return np.array(function(*plain, **({} if plain else numbers)))


@pytest.mark.parametrize(("function", "numbers"), EVERY, ids=name_of)
def test_every_type_of_a_number_gives_the_same_answer(function, numbers):
    expected = call(function, numbers)
    assert np.isfinite(expected).all()
    for name, number in numbers.items():
        for cast in WHOLE if isinstance(number, int) else NUMBERS:
            found = call(function, numbers | {name: cast(number)})
            assert found.tolist() == expected.tolist(), (name, cast)


@pytest.mark.parametrize(("function", "numbers"), EVERY, ids=name_of)
def test_what_is_no_number_is_refused_by_name(function, numbers):
    for name in numbers:
        for wrong in (Decimal("0.25"), True, np.bool_(True), "1", 1j):
            with pytest.raises((TypeError, ValueError), match=rf"^{name} must"):
                call(function, numbers | {name: wrong})
        for wrong in (np.nan, BEYOND, np.array(BEYOND), 10**400, Fraction(10**400)):
            with pytest.raises(ValueError, match=rf"^{name} must"):
                call(function, numbers | {name: wrong})


TAKE_ARRAYS = [
    (function, next(iter({"t", "gamma", "beta", "a", "z", "log_t", "amount"} & set(numbers))))
    for function, numbers in CALLS.items()
    if {"t", "gamma", "beta", "a", "z", "log_t", "amount"} & set(numbers)
    and function is not theorem_3_3.moments
]


@pytest.mark.parametrize(("function", "name"), TAKE_ARRAYS, ids=name_of)
def test_masked_entries_are_refused_wherever_they_are(function, name):
    value = CALLS[function][name]
    masked = np.ma.array([value, value], mask=[True, False])
    for wrong in (masked, [masked, masked], (list(masked), [value, value]), np.ma.masked):
        with pytest.raises(ValueError, match=f"^{name} must have no masked entries"):
            call(function, CALLS[function] | {name: wrong})
    with pytest.raises(ValueError, match=f"^{name} must be a rectangular array"):
        call(function, CALLS[function] | {name: [[value], [value, value]]})
    kept = np.ma.array([value, value])
    assert call(function, CALLS[function] | {name: kept}).shape[-1:] == (2,)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: theorem_3_2.threshold(n=4, alpha=5e-324, gamma0=0.9), "threshold must be a flo"),
        (lambda: theorem_3_2.sharp_threshold(n=4, alpha=5e-324, gamma0=0.9), "threshold must"),
        (lambda: theorem_3_2.Setting(4, 1.0, 0.5, 1.7e308).constants, "c₁ must be a float64"),
        (lambda: theorem_3_2.mu([1.0, 1e300], 0, 1.0), "z must be a finite vector"),
        (lambda: lemma_3_1.ratio(0.5, beta=1e300, dbeta=1e-300), "R must be a float64"),
        (lambda: lemma_3_1.gamma(1e200, beta0=1.0, gamma0=0.5, temperature=LINEAR), "P.beta. must"),
        (lambda: potential.potential(1e200, temperature=SOFTPLUS), r"P\(beta\) must be a float64"),
        (lambda: lemma_3_1.beta(0.1, beta0=1.0, gamma0=0.5, rate=1e300), "rate must lie between"),
        (lambda: lemma_3_1.log_conserved(beta0=1.0, gamma0=0.5, temperature=STEEP), "κ = rate/sc"),
        (lambda: exchange_law.exponent(n=4, rate=1e-100, row_rate=1e100), "the exponent .* must"),
        (lambda: exchange_law.exponent(n=4, row_rate=1e300), "row_rate must lie between"),
        (lambda: bessel.A(1e200, 3), "a must be at most 1e.150"),
        (lambda: bessel.A(1.0, 1e200), "d must be at most 1e.150"),
        (lambda: theorem_3_3.printed_bound(**(DRAW | {"n": 9, "tau": 1e-11})), "tau must be such"),
        (lambda: theorem_3_3.gap_ratio(n=9, d=3, tau=1.0, gamma0=5e-324), "the ratio must be a f"),
        (lambda: swapping.slope(1e305, 0.5, n=4), "beta must be at most 1e.300"),
        (
            lambda: swapping.height(2.0, n=4, beta0=1.0, gamma0=0.3, row_rate=1e5),
            r"row_rate/\(nκ\) must be at most 1000",
        ),
    ],
)
def test_numbers_that_are_too_far_apart_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


LINEAR, SOFTPLUS = gd.Learned(gd.Linear()), gd.Learned(gd.Softplus())
STEEP = gd.Learned(gd.Exponential(1e-80), rate=1e100)


def test_numbers_at_the_ends_of_their_ranges_have_their_limits():
    """Each from the formula that is left when the small or large part is gone."""
    assert lemma_3_1.ratio(1e-300, beta=1e200, dbeta=1e200) == pytest.approx(-2e-300 / 1e200, abs=0)
    assert lemma_3_1.beta(1e-300, beta0=1e300, gamma0=0.5) == np.inf
    assert appendix_c.decay_rate(1e-308, n=4, alpha=1.0) == 0
    assert appendix_c.decay_rate(1e8, n=4, alpha=1.0) == pytest.approx(2e-8 * 3 / 4, rel=1e-7)
    assert appendix_c.constant(1e308, beta0=2.0, gamma0=0.5) == 0
    assert appendix_c.linear_schedule(1e308, beta0=2.0, beta1=1.0, gamma0=0.5) == 0
    assert np.isnan(appendix_c.linear(0.0, beta0=2.0, gamma0=0.5, rate=10.0, n=1e308, alpha=1.0))
    assert theorem_3_3.density(1e308, 7) == theorem_3_3.density(-1e308, 7) == 0
    assert swapping.balance(n=4, p=5e-324) == pytest.approx(
        (np.log(2) - np.log(5e-324) + np.log(2 / 3) - np.log(1 / 3)) / 2, rel=1e-12
    )  # b = α(1/(2e₀) - 1)/2 = 2/3
    assert theorem_3_3.pairs_needed(**(DRAW | {"d": np.float16(512)})) == theorem_3_3.pairs_needed(
        **DRAW
    )
    assert np.isnan(appendix_c.linear(1.0, beta0=2.0, gamma0=0.5, n=4, alpha=5e-324))
    far = theorem_3_2.Setting(4, 2.0, 0.5, 1.7e308, LINEAR)  # log t is no float64
    assert far.closing_log_time([0.5, 0.25]).tolist() == [-np.inf, np.inf]
    even = partial(theorem_3_3.gap_ratio, n=64, d=3, gamma0=1e-3)  # softmaxes of equal weights
    assert even(tau=1e308) == pytest.approx(even(tau=1e20), rel=1e-14)
    assert theorem_3_2.mu([0.5, 0.25, -1.0], 0, 1e308) == 0
    assert theorem_3_2.mu([0.5, 0.25, -1.0], 0, -1e308) == 1.5


@pytest.mark.parametrize(
    "call",
    [
        lambda two, three: bessel.A(two, three),
        lambda two, three: bessel.log_mgf(two, three),
        lambda two, three: potential.advance(two, three),
        lambda two, three: lemma_3_1.ratio(two / 10, beta=three, dbeta=1.0),
        lambda two, three: lemma_3_1.invariant(two / 10, beta=three),
        lambda two, three: swapping.slope(two, three / 10, n=4),
    ],
)
def test_shapes_that_do_not_broadcast_are_named(call):
    with pytest.raises(ValueError, match=r" and .* must have shapes that broadcast, got .*\(3,\)"):
        call(np.array([2.0, 3.0]), np.array([2.0, 3.0, 4.0]))


def test_a_list_that_holds_itself_is_refused_as_any_ragged_one():
    endless = []
    endless.append(endless)
    with pytest.raises((TypeError, ValueError), match="amount must"):
        potential.advance(1.0, endless)


@pytest.mark.parametrize("scale", [[[0.5], [0.5, 0.5]], [1.0], np.ones(2), None])
def test_a_temperature_beside_its_numbers_is_refused_whatever_they_are(scale):
    with pytest.raises(ValueError, match="temperature must be given alone"):
        exchange_law.exponent(n=3, temperature=gd.Learned(), scale=scale)


@pytest.mark.parametrize("one", [1, 1.0, np.array(1.0), np.float32(1), Fraction(1)])
def test_a_temperature_beside_numbers_that_are_what_they_are_left_out_is_taken(one):
    alone = exchange_law.exponent(n=3, temperature=gd.Learned())
    assert exchange_law.exponent(n=3, temperature=gd.Learned(), scale=one, rate=one) == alone
