"""Arguments that the functions of gapdyn must accept, by the names of the arguments.

`SPECIAL` has those of another range, and those that belong together: a key of several names stands
for a group of them.
"""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from conftest import MODELS, SIGMOIDS
from fuzz import strategies as our
from fuzz.strategies import betas, counts, dims, heights, margins, open_heights, rates, within
from hypothesis import strategies as st
from matplotlib.figure import Figure

import gapdyn as gd
from gapdyn import (
    check,
    embeddings,
    examples,
    files,
    film,
    loss,
    losses,
    measures,
    plotting,
    readers,
    sphere,
    symbolic,
    temperature,
)
from gapdyn.close import METHODS as WAYS
from gapdyn.theory import (
    appendix_c,
    audit,
    bessel,
    certificates,
    collapse,
    consensus,
    exchange_law,
    frozen_gap,
    gap_velocity,
    lemma_3_1,
    margin_flow,
    mean_field,
    potential,
    sigmoid,
    swapping,
    theorem_3_2,
    theorem_3_3,
)

FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name)
KINDS = {gd.FreeModel: "free", gd.ParallelModel: "parallel untied"}
KINDS |= {gd.FrozenModel: "frozen", gd.ScalarModel: "scalar"}
KINDS = {
    model: [kind for kind in MODELS + SIGMOIDS if kind.split()[0] in names.split()]
    for model, names in KINDS.items()
}

# Arguments that belong together

ends = within(1e-3, 30.0)
methods = st.sampled_from(["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"])
TIMES = ends.flatmap(lambda t: st.sampled_from([t, np.array([0.0, t]), [t / 2, t]]))


def only(*names):
    """Some of a group."""
    return lambda given: {name: given[name] for name in names}


def part(name):
    """One of a group."""
    return lambda given: given[name]


@st.composite
def unit_rows(draw, *names):
    """Arrays of unit rows of one shape."""
    n, d = draw(counts), draw(dims)
    return {name: sphere.normalise(draw(our.rows(n, d))) for name in names}


@st.composite
def grouped(draw):
    """Two modalities, and which rows belong together in each way that this can be said."""
    given = draw(our.pairs())
    n, rng = len(given["X"]), np.random.default_rng(draw(our.seeds))
    images = draw(st.integers(2, n))
    index = rng.permutation([*range(images), *rng.integers(0, images, n - images)])
    few = {"X": given["X"][:images], "Y": given["Y"]}
    words = np.array([f"image {k}" for k in range(images)])
    return draw(
        st.sampled_from(
            [
                {**given, "groups": None},
                {**given, "groups": index},
                {**few, "groups": index},
                {**few, "groups": (words, words[index])},
                {**given, "groups": [index, index[::-1]]},
            ]
        )
    )


@st.composite
def starts(draw, tied=None):
    """A model with rows, free without `tied`, and the arguments of its start."""
    given, learned, ends = draw(our.pairs()), draw(our.learned), within(-0.999, 0.999, 0.0)
    (n, d), loss = given["X"].shape, draw(our.losses)
    given["bias"] = draw(our.biases) if loss.has_bias else 0.0
    if tied is None:
        return {"self": gd.FreeModel(n, d, learned, loss=loss), **given}
    names = ("gamma",) if tied else ("gamma_x", "gamma_y")
    model = gd.ParallelModel(n, d, learned, tied=tied, loss=loss)
    return {"self": model, **given, **{name: draw(ends) for name in names}}


@st.composite
def plain_starts(draw):
    """A model, its start and a time."""
    return {**draw(our.states(names=("model", "y0"))), "t": draw(TIMES), "method": draw(methods)}


@st.composite
def swapped_starts(draw):
    """A model that can be swapped, its start, a swap and a time."""
    model, y = draw(our.states(["free"])).values()
    return {
        "model": model,
        "y0": y,
        "swap": draw(our.swaps),
        "t": draw(TIMES),
        "method": draw(methods),
    }


@st.composite
def many_starts(draw):
    """A model and its start, up to three times."""
    model, y = draw(our.states()).values()
    return {"model": model, "Y0": np.stack([y] * draw(st.integers(1, 3)))}


SETTING = {"n": counts, "alpha": margins, "gamma0": open_heights, "beta0": betas}
setting = st.fixed_dictionaries(SETTING | {"temperature": our.learned})


@st.composite
def falling(draw):
    """A setting of Theorem 3.2, and heights that are reached from it."""
    given = draw(setting)
    return {**given, "gamma": given["gamma0"] * draw(our.arrays_of(within(1e-9, 1.0)))}


@st.composite
def leading(draw):
    """A row that leads by a margin, and a scale from which on Lemma B.1(b) is about it."""
    alpha, n = draw(margins), draw(counts)
    z, i = draw(our.rows(2, n))[0].clip(-1, 1), draw(st.integers(0, n - 1))
    z[i] = z.max() + alpha
    least = float(np.log(4 * (n - 1)) / alpha)
    return {"z": z, "i": i, "a": least * draw(within(1.0, 1e3)), "alpha": alpha}


@st.composite
def growing(draw):
    """Where the averaged flow under swapping starts, and larger β."""
    beta0, gamma0 = draw(within(1e-3, 1e3)), draw(within(1e-6, 0.57))
    return {"beta0": beta0, "gamma0": gamma0, "beta": beta0 * draw(our.arrays_of(within(1.0, 1e4)))}


@st.composite
def matched_starts(draw):
    """A free model, a state of it in which all pairs match, and the clock of late times."""
    n, d = draw(counts), draw(dims)
    model = gd.FreeModel(n, d, draw(our.learned), draw(within(0.1, 10.0)))
    X = sphere.sample(n, d, draw(our.seeds))
    y0 = model.start(X, X, tau=draw(our.mild_taus))
    return {
        "model": model,
        "y0": y0,
        "clock": "log beta",
        "t": draw(within(0.1, 9.0)),
        "method": None,
    }


@st.composite
def level_states(draw):
    """A free model and rows that are lifted to two heights."""
    given = draw(our.pairs())
    X, Y = sphere.lift(**given, gamma=draw(within(1e-6, 0.999)))
    model = gd.FreeModel(*X.shape, draw(our.learned))
    return {"model": model, "y": model.start(X, Y, tau=draw(our.taus))}


@st.composite
def matched(draw):
    """Pairs that match: random ones, or those of a lifted polygon, whose margins are tied."""
    n = draw(st.integers(2, 5))
    if draw(st.booleans()):
        X, Y = sphere.lift(*sphere.polygon_pairs(n), gamma=draw(within(0.0, 0.5)))
        return {"X": X, "Y": Y}
    d, seed = draw(dims), draw(our.seeds)
    pairs = [examples.matched(n, d, seed, noise=noise) for noise in (0.6, 0.2, 1e-3)]
    X, Y = next((p for p in pairs if measures.margin(p[0] @ p[1].T) > 0.01), pairs[-1][:1] * 2)
    return {"X": X, "Y": Y}


@st.composite
def saved(draw):
    """The path of a saved trajectory."""
    draw(our.runs()).save(PATH / "saved.npz")
    return PATH / "saved.npz"


@st.composite
def written(draw):
    """The path of embeddings whose rows are unit."""
    X, Y = draw(unit_rows("X", "Y")).values()
    np.savez(PATH / "written.npz", X, Y)
    return PATH / "written.npz"


def point(n, seed):
    """What is swept."""
    return {"value": n * seed}


# Arguments by name


def each(names, strategy):
    """The same strategy for several names."""
    return dict.fromkeys(names.split(), strategy)


def alike(functions, arguments):
    """The same arguments of several functions."""
    return dict.fromkeys(functions, arguments)


tenths = st.fractions(Fraction(1, 10), Fraction(9, 10), max_denominator=100)
reals, flags = within(-30.0, 30.0), st.booleans()
entry = audit.Entry("id", "Section 2", "A claim.", audit.HOLDS, "Evidence.", True)
rows = our.runs(["free", "parallel"], our.learned)

NAMES: dict[str, st.SearchStrategy[Any]] = {
    **each("n count k neighbours", counts),
    **each("seed", our.seeds),
    **each("t values horizon", our.times),
    **each("taus", st.lists(within(0.01, 9.0), min_size=1, max_size=2)),
    **each("tau tau_start tau_end", our.taus),
    **each("gamma gamma_x gamma_y", heights),
    **each("M Z", our.similarities()),
    **each("rate row_rate scale t_end period segment max_step", rates),
    **each("beta beta0 beta1 dbeta max_beta min_beta a", betas),
    **each("amount delta force p first", within(1e-3, 0.999)),
    **each("tau_high alpha_max last end", within(1.0, 2.0)),
    **each("start gap angle z since", within(0.0, 0.9)),
    **each("gamma0 b", open_heights),
    **each("growth spread", within(1e-9, 2.0, 0.0)),
    **each("trajectory run", rows),
    **each("tied rows moving_rows soft keep_states renormalise", flags),
    **each("rtol atol", st.sampled_from([1e-6, 1e-8])),
    **each("budget rotation digits", st.integers(1, 99)),
    **{"d": dims, "alpha": margins, "nu": reals, "log_t": within(-700.0, 1e6)},
    **{
        "breaks": st.lists(rates, max_size=2),
        "frames": st.integers(3, 5),
        "frame": st.integers(0, 2),
    },
    **{"temperature": our.learned, "method": methods},
    **{"clock": st.none(), "max_steps": st.just(3000), "log_beta": reals, "x": ends},
    **{"tolerance": within(1e-12, 1e-6), "name": st.just("path"), "path": st.just(PATH / "a.csv")},
    **{"entries": st.just([entry] * 2), "entry": st.just(entry)},
    **{"ax": st.builds(lambda: Figure().add_subplot(projection="3d"))},
    "bound": st.sampled_from(["printed", "sharper", "variance", "limit"]),
    "kind": st.sampled_from(["exponential", "linear"]),
    "noise": within(0.0, 3.0),
    **{"loss": our.losses, "bias": our.biases, "bias_rate": within(0.0, 10.0)},
    **{"constant": within(-1.0, 1.0), "total": reals},
}
GROUPS = {
    "X Y": our.pairs(),
    "X": our.pairs().map(part("X")),
    "model y": our.states(),
    "model Y0": many_starts(),
    "model": our.states().map(part("model")),
}
SELVES: dict[Any, st.SearchStrategy[Any]] = {
    gd.Softplus: st.just(gd.Softplus()),
    gd.Linear: st.just(gd.Linear()),
    gd.Exponential: st.builds(gd.Exponential, within(0.1, 10.0)),
    gd.Learned: our.learned,
    gd.InfoNCE: st.just(gd.InfoNCE()),
    gd.Sigmoid: our.sigmoids,
    gd.Fixed: st.builds(gd.Fixed, our.taus),
    gd.LinearSchedule: st.builds(gd.LinearSchedule, our.taus, our.taus, rates),
    gd.CosineSchedule: st.just(gd.CosineSchedule(0.1, 0.5, 3.0)),
    gd.Scheduled: st.just(gd.Scheduled(np.polynomial.Polynomial([0.4, 0.1]))),
    gd.HardSwap: our.swaps,
    gd.SoftSwap: our.swaps,
    gd.Trajectory: our.runs(),
    gd.Measures: st.just(gd.measure(np.eye(3), -np.eye(3))),
    gd.Forecast: st.just(gd.forecast(np.eye(3), -np.eye(3))),
    theorem_3_2.Setting: st.builds(theorem_3_2.Setting, *SETTING.values()),
    film.Film: st.just(gd.flow(*examples.figure_2(), 1.0).animate(frames=3)),
    audit.Entry: st.just(entry),
    **{kind: our.states(names, taus=our.taus).map(part("model")) for kind, names in KINDS.items()},
}
LEFT_OUT = {
    *("swap", "scratch", "printed", "diagonal_share", "executor", "progress", "out", "full", "ids"),
    *("mixing", "scale_x", "scale_y", "label", "loc", "ncols", "size", "joined", "replaced"),
    *("parametrisation", "objective", "law"),
}
"""Arguments that keep their defaults."""

acute = within(2e-12, 1.5707, 1e-2)
LEVEL = {
    **{"n": st.integers(2, 10**6), "dim": dims, "theta0": within(1e-11, 3.1)},
    "tau": within(1e-9, 1e3),
    "gamma gamma_x gamma_y": within(-0.999, 0.999, 0.0).map(lambda gamma: {"gamma": gamma}),
}


@st.composite
def mean_fields(draw):
    """A mean field, and the arguments that its first integral shares with it."""
    given = {"n": draw(st.integers(50, 10**4)), "temperature": draw(our.learned), "row_rate": 2.0}
    flow = mean_field.flow([0.0, 1.0], dim=3, theta0=1.0, tau=1.0, gamma=0.3, **given)
    return {"run": flow, **given}


@st.composite
def spread(draw):
    """Rows far apart: of rows that nearly coincide the loss is flat, its minimum rounding."""
    n, d, seed = draw(st.integers(3, 5)), draw(st.integers(3, 5)), draw(st.integers(0, 10**6))
    return {"X": sphere.sample(n, d, seed), "Y": sphere.sample(n, d, seed + 1)}


LAW = {"d": dims | st.integers(2, 10**6), "tau": within(1e-3, 1e3), "gamma0": within(1e-6, 0.999)}
CONCENTRATED = {"a": within(-1e6, 1e6, 0.0, 1e-9), "d": LAW["d"]}
SWAPPED = {"n": st.integers(2, 50), "alpha": within(1e-3, 1.0)}
LOGITS = {"t": within(1e-6, 1e8, 1.0), "bias": within(-1e6, 1e6, 0.0, 10.0)}
RELATIVE = ["free relative", "parallel relative", "frozen relative"]
WITH_BIAS = ["free relative", "free plain", "free none"]
EXPONENTIAL = {"temperature": our.exponential}
CURVE = {"gamma": open_heights}
FOUR = {"start": st.just(certificates.FOUR)}
TWO = {"n": st.just(2)}
UNIT = {"X Y": unit_rows("X", "Y")}
PATHS = within(3e-12, 5.0).flatmap(lambda s: st.sampled_from([s, np.array([0.0, s]), [s / 2, s]]))
SHARP = st.sampled_from([None, 1e8])
free = our.states(["free"]).map(part("model"))
grids = st.sampled_from([{"n": [1, 2]}, [{"n": 1.5}], {"n": (1,)}])
a_function = st.just(np.polynomial.Polynomial([0.4, 0.1]))

SPECIAL: dict[Any, dict[str, st.SearchStrategy[Any]]] = {
    **alike((sphere.lengths, sphere.unit, sphere.at_height), {"X": unit_rows("X").map(part("X"))}),
    sphere.project: {"X V": unit_rows("X", "V")},
    sphere.lift: {"gamma gamma_x gamma_y": heights.map(lambda gamma: {"gamma": gamma})},
    sphere.resolve_heights: {"gamma": st.none()},
    sphere.cone: {"axis": our.pairs().map(lambda given: given["X"][0])},
    loss.mix: {**UNIT, "mixing": our.portions.map(lambda p: np.array([[p]]))},
    **alike((loss.rows_cross_entropy, measures.centre_distance), UNIT),
    loss.g: {"a": within(-1e3, 1e3, 0.0)},
    gd.measure: {
        **{"X Y groups": grouped(), "sample": counts, "bootstrap": st.integers(0, 9)},
        "tau": st.none() | our.taus,
    },
    gd.Learned: {"beta": our.parametrisations},
    gd.Sigmoid: {"bias": st.sampled_from(["relative", "plain", "none"])},
    gd.CosineSchedule: {"tau_low": within(1e-6, 1.0)},
    gd.Scheduled: {"function_of_t": a_function},
    temperature.check_elementwise: {"nu": reals.map(lambda nu: np.array([nu, 0.0]))},
    gd.FreeModel.start: {"self X Y bias": starts()},
    gd.ParallelModel.start: {"self X Y bias gamma gamma_x gamma_y": starts(True) | starts(False)},
    gd.FreeModel.mixed: {"mixing": st.none()},
    gd.ParallelModel.mixed: {"mixing": st.none()},
    gd.FrozenModel.mixed: {"mixing": st.none()},
    gd.HardSwap.intervals: {"model": free},
    plotting.column: {"height": within(1.0, 7.5)},
    plotting.level: {"height": reals, "note": st.just("the start"), "x": st.just(0.0)},
    plotting.log_time: {"ax": st.builds(lambda: Figure().add_subplot())},
    gd.landscape: {"X Y": spread(), "amounts": st.just([0.0, 0.5, 1.0])},
    gd.forecast: {"X Y": spread()},
    gd.close: {"method": st.sampled_from([*WAYS])},
    gd.flow: {"model y0 swap clock t method": plain_starts() | swapped_starts() | matched_starts()},
    gd.flow_many: {"t": TIMES},
    gd.Trajectory.at: {"t": within(0.1, 0.5)},
    gd.Trajectory.load: {"path": saved()},
    readers.read_arrays: {"source": saved(), "choose": st.none()},
    embeddings.read_pairs: {"files": written(), **each("x y layout", st.none()), "whole": flags},
    files.write_columns: {"columns": st.just({"t": np.array([0.0, np.nan])})},
    gd.sweep: {
        **{"function": st.just(point), "grid": grids, "progress": st.just(False)},
        "seeds": st.sampled_from([1, 2, [5, 7], (0,)]),
    },
    check.numerical_gradient: {"function": st.just(np.sum), "y": st.just(np.ones(2))},
    check.check_gradient: {"t": within(0.0, 9.0)},
    symbolic.velocity: {"model y": our.states(["scalar", "frozen"])},
    **alike((symbolic.exchange_law, symbolic.gap_slope, symbolic.height_rates), TWO),
    plotting.modalities: {"X": st.just(np.eye(3)), "Y": st.just(-np.eye(3))},
    theorem_3_2.mu: {"z i a": leading().map(only("z", "i", "a"))},
    theorem_3_2.mu_bound: {"z i a alpha": leading()},
    theorem_3_2.upper_bound: {"alpha_max": st.just(2.0)} | EXPONENTIAL,
    theorem_3_2.Setting.upper_bound: {"alpha_max": st.just(2.0)},
    theorem_3_2.hypotheses: {"trajectory": our.runs(["parallel", "frozen"])},
    **alike(
        (theorem_3_2.closing_time, theorem_3_2.closing_log_time),
        {"n alpha gamma0 beta0 temperature gamma": falling()},
    ),
    **alike((*theorem_3_3.BOUNDS.values(), theorem_3_3.limit, theorem_3_3.hypothesis_margin), LAW),
    **alike((theorem_3_3.pairs_needed, theorem_3_3.gap_ratio, theorem_3_3.gap_bound), LAW),
    theorem_3_3.height_velocity: {"model y": level_states()},
    theorem_3_3.gap_velocity: {"model y": our.states(["free", "parallel", "untied"])},
    theorem_3_3.moments: {"a": within(-500.0, 500.0, 0.0)},
    **alike((bessel.A, bessel.log_mgf, bessel.mgf_ratios), CONCENTRATED),
    **alike(
        (collapse.least_loss, collapse.holds_for_any_pairs),
        {"d": LAW["d"], "tau": within(1e-6, 1e3)},
    ),
    appendix_c.schedule: {"beta": st.builds(gd.Fixed, our.taus), "t": within(0.0, 99.0)},
    lemma_3_1.ratio: {"gamma": within(-0.999, 0.999)},
    **alike((lemma_3_1.invariant, lemma_3_1.beta), CURVE),
    **alike((lemma_3_1.ratio_asymptote, lemma_3_1.log_conserved), EXPONENTIAL),
    **alike((theorem_3_2.conserved, theorem_3_2.asymptote), EXPONENTIAL),
    **alike((theorem_3_2.lower_bound, theorem_3_2.constants), EXPONENTIAL),
    exchange_law.invariant_velocity: {"model y": our.states(["free", "parallel"], our.learned)},
    exchange_law.exponent: EXPONENTIAL,
    **alike(
        (frozen_gap.growth_to_halve, frozen_gap.law_error, frozen_gap.contraction),
        {"gap": within(1e-3, 1.999)},
    ),
    **alike((swapping.exponent, swapping.balance), SWAPPED | EXPONENTIAL),
    **alike((margin_flow.multipliers, margin_flow.velocity), {"X Y": matched()}),
    margin_flow.flow: {"X Y": matched(), "s": PATHS, "sharpness": SHARP},
    margin_flow.limit: {"X Y": matched(), "sharpness": SHARP, "longest": st.none()},
    consensus.exponent: {"d": st.integers(6, 9)},
    consensus.consensus: {"directions": our.pairs().map(part("X"))},
    **alike((sigmoid.optimum, sigmoid.closing_bias, sigmoid.optimal_bias), LOGITS),
    **alike((sigmoid.antipodal_bias, sigmoid.closed_until, sigmoid.best_bias), LOGITS),
    sigmoid.largest_batch: LOGITS | {"bias": within(-500.0, 500.0, 0.0)},
    sigmoid.loss_bounds: {**LOGITS, "margin": within(-1.0, 1.0, 0.0)},
    sigmoid.largest_margin: {"gap": within(0.0, 2.0)},
    sigmoid.invariant: {"trajectory": our.runs(RELATIVE, our.learned)},
    sigmoid.product_invariant: {"trajectory": our.runs(WITH_BIAS, our.learned)},
    swapping.slope: SWAPPED | EXPONENTIAL | CURVE,
    swapping.height: {"beta beta0 gamma0": growing(), **SWAPPED, **EXPONENTIAL},
    mean_field.flow: LEVEL,
    mean_field.invariant: {"run temperature n row_rate": mean_fields()},
    mean_field.concentration: {"theta": acute, "dim": dims},
    mean_field.alignment_time: {"theta0": acute, "dim": dims, "gamma": within(-0.999, 0.999)},
    certificates.closing_time: {"gamma": tenths.map(lambda x: x / 11), **FOUR},
    certificates.constants: FOUR,
    certificates.printed_bound: {**FOUR, "t": counts.map(certificates._ball)},
    certificates.printed_bracket: {"beta0": counts, "gamma0": tenths, "delta": tenths},
    certificates.plane_velocities: {
        **{"x": st.just((0, 1)), "y": st.just((2, 0)), "beta": counts, "gamma": tenths},
    },
}
ELSEWHERE = {
    *(gd.Closed, gd.Forecast, gd.Landscape),
    *(gd.Trajectory, gd.Measures, gd.IntegrationError, film.Film, audit.Entry, audit.Statement),
    *(loss.Scratch, loss.pull_rows, loss.row_products),  # the kernels of every velocity
    *(files.replacing, plotting.principal_directions),  # how files and films are written
    *(plotting.drawing, margin_flow.NotConvergedError),
    *(audit.run, audit.entries),  # a minute; `gapdyn verify` is called with an id
}
"""What nobody calls but the library itself."""
CHECKED = {
    *(measures.gap, measures.alignment, measures.mismatched, measures.recall_at_1),
    *(theorem_3_2.conserved, symbolic.velocity, symbolic.ratio),
}
"""What checks its arguments although its docstring names no error."""
UNCHECKED = {
    potential.positive_beta,
    *(files.write_columns, gd.Linear.advance, gd.FrozenModel.mixed, temperature.check_elementwise),
    *(certificates.closing_time, certificates.constants),
}
"""What does not check them, although its docstring names one: it gets good arguments only."""
REFUSING = {
    *(gd.landscape, gd.close, gd.forecast),
    *(losses.Loss.start, losses.Loss.value, gd.FrozenModel.start),  # a bias, where there is none
    *(sphere.shift_gap, gd.ScalarModel.start, gd.Trajectory.at, gd.Trajectory.animate, film.film),
    *(theorem_3_2.lower_bound, theorem_3_2.Setting.lower_bound, theorem_3_2.hypotheses),
    *(theorem_3_2.asymptote, theorem_3_2.Setting.asymptote),
    *(theorem_3_2.Setting.closing_log_time, theorem_3_2.Setting.closing_time),
    *(theorem_3_3.gap_velocity, lemma_3_1.beta, lemma_3_1.gamma, exchange_law.exponent),
    *(lemma_3_1.ratio_asymptote, mean_field.flow, mean_field.invariant),
    *(exchange_law.late_slope, exchange_law.invariant_velocity, symbolic.velocity),
    *(gap_velocity.slope, frozen_gap.check),
    *(appendix_c.constant, appendix_c.schedule, appendix_c.linear_schedule, appendix_c.linear),
    *(margin_flow.multipliers, margin_flow.velocity, margin_flow.flow, margin_flow.limit),
    *(appendix_c.softplus, appendix_c.exponential, appendix_c.slrt, gd.Fixed.nu),
    *(gd.ParallelModel.mixed, gd.FrozenModel.mixed),
}
"""What may refuse arguments of these tables too."""
SHARES = {symbolic: 0.1, plotting: 0.2, film: 0.2, check: 0.3, certificates: 0.3, swapping: 0.3}
SHARES |= {mean_field: 0.3}
"""The share of the examples that slow functions get, by their modules."""
SLOW = {
    margin_flow.flow: 0.2,
    margin_flow.limit: 0.2,
    film.Film.gif: 0.02,
    film.Film.picture: 0.1,
    film.Film.save: 0.02,
    bessel.log_mgf: 0.3,
    theorem_3_3.gap_bound: 0.2,
    theorem_3_3.pairs_needed: 0.5,
}
