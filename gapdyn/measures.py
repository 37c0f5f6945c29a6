"""Measures of two modalities (X, Y): gap, pairs, spread, retrieval, and what chance would give.

References
----------
.. [1] V. W. Liang, Y. Zhang, Y. Kwon, S. Yeung and J. Zou, "Mind the Gap: Understanding the
   Modality Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022.
.. [2] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025.
.. [3] T. Wang and P. Isola, "Understanding Contrastive Representation Learning through Alignment
   and Uniformity on the Hypersphere", ICML 2020.
.. [4] X. Fang, J. Li, X. Feng and B. Wang, "Rethinking Uniformity in Self-Supervised
   Representation Learning", 2023.
.. [5] S. Schrodi, D. T. Hoffmann, M. Argus, V. Fischer and T. Brox, "Two Effects, One Trigger: On
   the Modality Gap, Object Bias, and Information Imbalance in Contrastive Vision-Language Models",
   ICLR 2025.
.. [6] Yi et al. 2026, on dimension collapse as an origin of the gap.
.. [7] A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
   ICML 2021.
.. [8] K. Bangachev, G. Bresler, I. Noman and Y. Polyanskiy, "Global Minimizers of Sigmoid
   Contrastive Loss", NeurIPS 2025.
.. [9] A. Fahim, A. Murphy and A. Fyshe, "It's Not a Modality Gap: Characterizing and Addressing the
   Contrastive Gap", 2024.
.. [10] Cai et al. 2026, who measure the gap by energy distance and kernels; the first is of G. J.
   Székely and M. L. Rizzo, the second of A. Gretton et al., "A Kernel Two-Sample Test", JMLR 2012.
.. [11] "UOT-Gap", 2026, which measures it by optimal transport.
.. [12] O. Roy and M. Vetterli, "The Effective Rank: A Measure of Effective Dimensionality",
   EUSIPCO 2007.
.. [13] Y. Zhang, J. HaoChen, S.-C. Huang, K.-C. Wang, J. Zou and S. Yeung, "Diagnosing and
   Rectifying Vision Models using Language", ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gapdyn import spectrum, two_samples
from gapdyn._kernels.memory import cut
from gapdyn._threads import together
from gapdyn.chance import Values, null_gap
from gapdyn.chance import bootstrap as intervals_of
from gapdyn.groups import Groups, Indices, distinct, one_to_one, read_groups, repeats
from gapdyn.rows import Rows
from gapdyn.similarities import FEW, Matches, Side, neighbours, similarities
from gapdyn.spectrum import Spread
from gapdyn.sphere import TIE, normalise, rounding
from gapdyn.types import Array, Floats, Numbers, Seed
from gapdyn.validate import (
    generator,
    validate_bool,
    validate_count,
    validate_pairs,
    validate_rows,
    validate_square,
    validate_temperature,
)

COINCIDENT = 1e-14
"""Between centres of a model's rows that are closer than this the gap has no direction."""

PAIRWISE = 1000
"""Pairs, at most, of which is taken what needs every two rows of a modality, or a fit."""

CUTOFFS = 1, 5, 10
"""The k of recall at k."""

WAYS = "x_to_y", "y_to_x"
"""From which modality it is searched, and in which."""


@dataclass(frozen=True)
class Measures:
    """The measures of two modalities; a quantity that is undefined is NaN.

    x_i and y_j are unit rows, c_X and c_Y their means, the centres; D(A, B) is the mean of
    (1 - cos)/2. A pair is a row of X and a row of Y that match; rows *of other groups* are those
    which share no match, without groups i ≠ j. Measures marked † need every two rows or a fit: they
    are of `sampled` pairs, one for each group, which are all of them up to `PAIRWISE`.

    Attributes
    ----------
    pairs, rows_x, rows_y, dim, sampled : int
        Matching pairs, rows of X and of Y, d, and the pairs that are drawn for what is marked †.
    gap, gap_squared : float
        Δ = ‖c_X - c_Y‖, the distance between the modality centres [1]_, and Δ².
    normalised_gap : float
        ‖ĉ_X - ĉ_Y‖, the same of centres that are normalised. NaN where one is zero.
    centroid_angle : float
        arccos ⟨ĉ_X, ĉ_Y⟩, in degrees [6]_.
    null_gap, null_gap_95 : float
        Mean and 95 % quantile of Δ when partners exchange modalities at random, 500 times: what the
        gap would be if the modality of a row did not matter. Of rows in single precision these
        draws are summed in it; all else is as of float64.
    relative_gap : float
        RMG = D_pair/(D_pair + (D_xx + D_yy)/2) [5]_, D_pair over pairs, D_xx and D_yy over rows of
        other groups, so that captions of one image are left out.
    spread_gap : float
        Δ/√((σ_x² + σ_y²)/2), σ² the trace of a modality's covariance (ddof 0).
    pair_distance, pair_cosine : float
        Mean ‖x_i - y_i‖ and mean ⟨x_i, y_i⟩ over pairs [5]_.
    alignment : float
        Mean ‖x_i - y_i‖² over pairs [3]_.
    intra_cosine_x, intra_cosine_y, cross_cosine : float
        Mean cosine of rows of other groups: within X, within Y, across.
    margin : float
        α(Z), the least of Z_ij - Z_ik and Z_ij - Z_kj over pairs (i, j) and k that match neither:
        min over i ≠ j of min(Z_ii - Z_ij, Z_jj - Z_ij), Section 2 of [2]_.
    mismatched : int
        Number of pairs (i, j) for which a k of another group has Z_ik ≥ Z_ij or Z_kj ≥ Z_ij, to
        within `TIE`.
    global_margin, relative_bias : float
        Half the difference and half the sum of the least similarity of a pair and the largest one
        across groups: if the margin is positive, logits t(z - relative_bias) tell them apart [8]_.
    recall_at_1_x_to_y, recall_at_5_x_to_y, recall_at_10_x_to_y : float
        Share of the rows of X of which a match is among the 1, 5 or 10 most similar rows of Y [7]_.
        Any match counts, other matches of the row are not in its way, and ties count against it.
    recall_at_1_y_to_x, recall_at_5_y_to_x, recall_at_10_y_to_x : float
        The same from Y to X.
    mean_rank_x_to_y, median_rank_x_to_y, mean_rank_y_to_x, median_rank_y_to_x : float
        Rank of the best match by the same rules; 1 is first.
    wasserstein_uniformity : float
        -W₂, minus the Wasserstein distance between a normal law with the mean and the covariance of
        all embeddings together and one with mean 0 and covariance I/d [4]_. Appendix E.2 of [2]_
        prints I/m and does not say what m is.
    uniformity : float
        The same under its old name, which the next release drops.
    uniformity_x, uniformity_y, uniformity_cross : float
        † Log mean exp(-2‖·‖²) over i < j within a modality, over i ≠ j across [3]_.
    energy : float
        † 2 E‖x - y‖ - E‖x - x'‖ - E‖y - y'‖ as a V-statistic, i = j counted [10]_.
    mmd : float
        † Squared MMD as a V-statistic; the kernel is the mean of exp(-‖·‖²/2σ²) over σ = ½, 1, 2
        medians of ‖x_i - y_j‖ [10]_.
    separability : float
        † Accuracy on 20 % of the pairs of a logistic regression (penalty ‖w‖²/2, free intercept)
        that tells X from Y, fitted to the other 80 %; the split is always the same [9]_.
    pair_cost, transport_cost : float
        † Mean 1 - cos of the pairs, and of the assignment of the same rows that costs least [11]_.
        Their difference is what the pairs lose to the best rearrangement.
    height_x, height_x_std, height_y, height_y_std : float
        Mean and standard deviation of the projections on the gap direction (c_X - c_Y)/Δ.
    parallelism_x, parallelism_y : float
        Share of the modality's variance that is orthogonal to the gap direction, 1 where the
        modalities are parallel as above eq. (3) of [2]_.
    effective_rank_x, effective_rank_y : float
        exp of the entropy of σ_k/Σσ, σ the singular values of the centred rows [12]_.
    dimensions_99_x, dimensions_99_y : float
        Least number of principal directions that hold 99 % of the variance [13]_.
    gap_in_top_1, gap_in_top_10 : float
        Share of Δ² in the 1 and 10 coordinates where it is largest [5]_.
    loss : float
        † Eq. (2) of [2]_ at the τ that was given, NaN without.
    temperature_for_gap, best_loss, log_n : float
        † The τ at which the loss of these rows is least, 0 where it falls for ever as all pairs
        match, NaN where pairs are no more similar than strangers; the loss there; and ln of
        `sampled`, which is the loss of rows that say nothing.
    notes : tuple of str
        What to know of these rows, such as that some stand more than once. Not among the numbers.
    intervals : mapping of str to (float, float)
        95 % bootstrap intervals of some fields, empty unless they were asked for.
    """

    pairs: int
    rows_x: int
    rows_y: int
    dim: int
    gap: float
    gap_squared: float
    normalised_gap: float
    centroid_angle: float
    null_gap: float
    null_gap_95: float
    relative_gap: float
    spread_gap: float
    gap_in_top_1: float
    gap_in_top_10: float
    pair_distance: float
    pair_cosine: float
    alignment: float
    intra_cosine_x: float
    intra_cosine_y: float
    cross_cosine: float
    margin: float
    mismatched: int
    global_margin: float
    relative_bias: float
    recall_at_1_x_to_y: float
    recall_at_1_y_to_x: float
    recall_at_5_x_to_y: float
    recall_at_5_y_to_x: float
    recall_at_10_x_to_y: float
    recall_at_10_y_to_x: float
    mean_rank_x_to_y: float
    mean_rank_y_to_x: float
    median_rank_x_to_y: float
    median_rank_y_to_x: float
    height_x: float
    height_x_std: float
    height_y: float
    height_y_std: float
    parallelism_x: float
    parallelism_y: float
    effective_rank_x: float
    effective_rank_y: float
    dimensions_99_x: float
    dimensions_99_y: float
    wasserstein_uniformity: float
    uniformity: float
    sampled: int
    uniformity_x: float
    uniformity_y: float
    uniformity_cross: float
    energy: float
    mmd: float
    separability: float
    pair_cost: float
    transport_cost: float
    loss: float
    temperature_for_gap: float
    best_loss: float
    log_n: float
    notes: tuple[str, ...] = ()
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name, in order, undefined ones as NaN.

        The ends of intervals come last, as `gap_low` and `gap_high`.
        """
        names = [part.name for part in fields(self) if part.name not in ("notes", "intervals")]
        ends = {
            f"{name}_{end}": value
            for name, interval in self.intervals.items()
            for end, value in zip(("low", "high"), interval, strict=True)
        }
        return {name: getattr(self, name) for name in names} | ends


def measure(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    groups: Any = None,
    tau: float | None = None,
    sample: int | None = None,
    seed: Seed = 0,
    bootstrap: int = 0,
    progress: bool = False,
) -> Measures:
    """Measure two modalities, in tiles, so that n × n similarities need not fit in memory.

    Where threadpoolctl is installed (`pip install gapdyn[sweep]`) it works in as many threads as
    BLAS has; the numbers do not depend on it.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y, and n, d ≥ 2. Rows of any length are normalised first; the
        arrays themselves do not change. If both are of 16 or 32 bits, similarities are multiplied
        in float32, and those that come near enough to a match to matter are made again in float64,
        so that ranks and margins are what they are in float64.
    groups : array, or pair of arrays, optional
        Which rows belong together, where there are several captions for an image. A label, integer
        or text, for each row, as (labels of X, labels of Y); X and Y may then differ in length.
        One array alone has the labels of both where they have as many rows; else it has, for each
        row of Y, the index of its row of X. Rows of one group that are equal count once.
    tau : float, optional
        The temperature at which to take the loss.
    sample : int, optional
        Measure so many groups, drawn at random, as if there were no others. It is quick, but
        retrieval is easier among fewer.
    seed : int or numpy.random.Generator
        Source of randomness of the sample, the null, the bootstrap and what is marked †.
    bootstrap : int
        Number of resamplings for 95 % intervals, 0 for none. Groups are drawn with replacement.
    progress : bool
        Whether to show a bar with the time that is left.

    Returns
    -------
    Measures

    Raises
    ------
    TypeError
        If an array is not of a real floating-point type, or labels are neither integers nor text.
    ValueError
        If the shapes differ or are too small, an entry is not finite, a row has length zero, or
        groups do not give each row a match and at least two groups.

    Examples
    --------
    Two matched pentagons, lifted to heights ±0.31:

    >>> from gapdyn import sphere
    >>> m = measure(*sphere.lift(*sphere.polygon_pairs(5), gamma=0.31))
    >>> round(m.gap, 12), m.mismatched, round(m.parallelism_x, 12)
    (0.62, 0, 1.0)

    Four images, each of which stands once for each of its two captions:

    >>> images = np.repeat(np.eye(4), 2, axis=0)
    >>> captions = images + 0.1 * np.eye(8)[:, :4]
    >>> measure(images, captions, groups=np.repeat(np.arange(4), 2)).recall_at_1_x_to_y
    1.0
    """
    tau = None if tau is None else validate_temperature("tau", tau)
    bootstrap = validate_count("bootstrap", bootstrap, least=0)
    progress, rng = validate_bool("progress", progress), generator(seed)
    A, B, joined, notes = _matched(X, Y, groups, sample, rng)
    rows = _held(A, B)
    matches, pairwise = _pairs(*rows, joined)
    sides = neighbours(*rows, matches, progress=progress)
    values = _averaged(joined, matches, pairwise, sides)
    drawn = _few(*rows, joined, matches, rng)
    x, y, few, null = together(
        partial(spectrum.spread, rows[0]),
        partial(spectrum.spread, rows[1]),
        partial(two_samples.of_few, *drawn, tau),
        partial(null_gap, *rows, joined, rng),
    )
    return Measures(
        pairs=len(matches.x),
        rows_x=x.n,
        rows_y=y.n,
        dim=rows[0].dim,
        **_centres(x, y),
        **null,
        **_cosines(*rows, x.mean, y.mean, joined, matches),
        **_margins(matches, sides),
        **_means(values),
        median_rank_x_to_y=float(np.median(sides[0].rank)) + 1,
        median_rank_y_to_x=float(np.median(sides[1].rank)) + 1,
        **spectrum.spectra(x, y),
        sampled=len(drawn[0]),
        **few,
        notes=notes,
        intervals=intervals_of(*rows, joined, values, bootstrap, rng) if bootstrap else {},
    )


def gap(X: ArrayLike, Y: ArrayLike) -> float:
    """Modality gap Δ = ‖c_X - c_Y‖, c the mean of the normalised rows.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    return float(centre_distance(*_unit_pair(X, Y)))


def centre_distance(X: Array, Y: Array, scale_x: Any = 1.0, scale_y: Any = 1.0) -> Any:
    """‖s_X c_X - s_Y c_Y‖ without the checks: a number for rows (n, d), (B,) for (n, d, B)."""
    between = scale_x * X.mean(axis=0) - scale_y * Y.mean(axis=0)
    return np.sqrt(np.einsum("d...,d...->...", between, between))


def pair_margins(Z: ArrayLike) -> Array:
    """Margin of each pair: Z_ii minus the largest of all Z_ij and Z_ji with j ≠ i.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.

    Returns
    -------
    (n,) float64 array
        Its minimum is the margin α(Z). A pair whose margin is `TIE` or less is mismatched.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix.
    """
    Z = validate_square("Z", Z)
    others = Z.copy()
    np.fill_diagonal(others, -np.inf)
    nearest: Array = np.maximum(others.max(axis=0), others.max(axis=1))
    return Z.diagonal() - nearest


def margin(Z: ArrayLike) -> float:
    """Margin α(Z) = min over i ≠ j of min(Z_ii - Z_ij, Z_jj - Z_ij) of an (n, n) array.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix.

    Examples
    --------
    >>> margin(np.eye(3))
    1.0
    """
    return float(pair_margins(Z).min())


def global_margin(Z: ArrayLike) -> tuple[float, float]:
    """Global margin and relative bias of an (n, n) array of similarities [8]_.

    Half the difference and half the sum of the least entry on the diagonal and the largest off it.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix.

    Examples
    --------
    >>> global_margin(np.eye(3))
    (0.5, 0.5)
    """
    Z = validate_square("Z", Z)
    others = Z[~np.eye(len(Z), dtype=bool)]
    return _halves(Z.diagonal().min(), others.max())


def _halves(least: float, largest: float) -> tuple[float, float]:
    """Half the difference and half the sum."""
    return float(least / 2 - largest / 2), float(least / 2 + largest / 2)


def mismatched(Z: ArrayLike) -> int:
    """Count the pairs i with some j ≠ i such that Z_ij ≥ Z_ii or Z_ji ≥ Z_ii, to within `TIE`."""
    return int((pair_margins(Z) <= TIE).sum())


def recall_at_1(Z: ArrayLike) -> tuple[float, float]:
    """Shares of rows and of columns of Z (n, n) whose diagonal entry leads by more than `TIE`."""
    Z = validate_square("Z", Z)
    level = Z.diagonal() - TIE  # which the match itself reaches
    in_rows, in_columns = (Z >= level[:, None]).sum(axis=1), (Z >= level).sum(axis=0)
    return float((in_rows == 1).mean()), float((in_columns == 1).mean())


def alignment(X: ArrayLike, Y: ArrayLike) -> float:
    """Mean squared distance of matching rows, normalised [3]_.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    X, Y = _unit_pair(X, Y)
    return sum(float(np.sum((X[b] - Y[b]) ** 2)) for b in cut(len(X), 2**13)) / len(X)


def wasserstein_uniformity(X: ArrayLike, Y: ArrayLike) -> float:
    """Uniformity -W₂ of the 2n embeddings in X and Y together (Appendix E of [2]_, after [4]_).

    W₂² = ‖μ‖² + 1 + tr Σ - (2/√d) tr Σ^{1/2}, with μ and Σ the mean and the covariance (ddof 0) of
    the normalised rows.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length, as `measure` takes them.

    Returns
    -------
    float
        At most 0, which mean zero and covariance I/d attain.

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    A, B = _held(*validate_pairs(X, Y))
    mean = (A.mean() + B.mean()) / 2
    both = np.vstack([spectrum.triangle(rows, mean) for rows in (A, B)])
    return spectrum.wasserstein_uniformity(mean, spectrum.deviations(both, 2 * len(A)))


def uniformity(X: ArrayLike, Y: ArrayLike) -> float:
    """`wasserstein_uniformity` under its old name, which the next release drops.

    Raises
    ------
    TypeError, ValueError
        As in `measure`.
    """
    return wasserstein_uniformity(X, Y)


def _unit_pair(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array]:
    """Two checked arrays of one shape, their rows normalised."""
    X, Y = validate_pairs(X, Y)
    return normalise(X), normalise(Y)


def _held(X: Floats, Y: Floats) -> tuple[Rows, Rows]:
    """Both modalities, in single precision if both are of it or of half."""
    single = all(rows.dtype in (np.float16, np.float32) for rows in (X, Y))
    return Rows(X, single=single), Rows(Y, single=single)


def _matched(
    X: ArrayLike, Y: ArrayLike, groups: Any, sample: int | None, rng: np.random.Generator
) -> tuple[Floats, Floats, Groups, tuple[str, ...]]:
    """Checked rows and which of them belong together, after the choice of a sample, and notes."""
    A, B = validate_rows("X", X), validate_rows("Y", Y)
    if groups is None:
        if A.shape != B.shape:
            raise ValueError(
                f"X and Y must have one shape, got {A.shape} and {B.shape}; where an image has"
                " several texts, groups must say which rows belong together"
            )
        joined = one_to_one(len(A))
    else:
        if A.shape[1] != B.shape[1]:
            raise ValueError(f"X and Y must have one dimension, got {A.shape[1]} and {B.shape[1]}")
        joined = read_groups(groups, len(A), len(B))
        x, y = distinct(A, joined.x), distinct(B, joined.y)
        if len(x) < len(A) or len(y) < len(B):
            A, B, joined = A[x], B[y], Groups(joined.x[x], joined.y[y], joined.size)
    if sample is not None and validate_count("sample", sample, least=2) < joined.size:
        chosen = np.sort(rng.choice(joined.size, sample, replace=False))
        x, y, joined = joined.take(chosen)
        A, B = A[x], B[y]
    return A, B, joined, _notes(A, B) if groups is None else ()


def _notes(X: Floats, Y: Floats) -> tuple[str, ...]:
    """A note on rows that stand more than once."""
    found = {name: repeats(rows) for name, rows in (("X", X), ("Y", Y))}
    return tuple(
        f"{again} of {len(X)} rows of {name} repeat another and tie with it; "
        "if they are one image with several captions, say so by groups"
        for name, again in found.items()
        if again
    )


def _pairs(X: Rows, Y: Rows, joined: Groups) -> tuple[Matches, Array]:
    """The matching pairs, and the distance of each."""
    x, y = joined.pairs()
    distance = np.empty(len(x))
    for b in cut(len(x), max(1, FEW // X.dim)):
        between = X[x[b]] - Y[y[b]]
        distance[b] = np.sqrt(np.einsum("ij,ij->i", between, between))
    return Matches(x, y, similarities(X, Y, x, y)), distance


def _averaged(
    joined: Groups, matches: Matches, distance: Array, sides: tuple[Side, Side]
) -> Values:
    """Measures that are means over pairs or rows, with the group of each of these."""
    of_pairs = joined.x[matches.x]
    found: Values = {
        "pair_distance": (of_pairs, distance),
        "pair_cosine": (of_pairs, matches.similarity),
        "alignment": (of_pairs, distance**2),
    }
    for way, labels, side in zip(WAYS, (joined.x, joined.y), sides, strict=True):
        found |= {f"recall_at_{k}_{way}": (labels, (side.rank < k).astype(float)) for k in CUTOFFS}
        found[f"mean_rank_{way}"] = labels, (side.rank + 1).astype(float)
    return found


def _means(values: Values) -> Numbers:
    """The mean of each."""
    return {name: float(value.mean()) for name, (_, value) in values.items()}


def _few(
    X: Rows, Y: Rows, joined: Groups, matches: Matches, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One pair of each group, of `PAIRWISE` groups at most, in float64."""
    label = joined.x[matches.x]
    order = np.arange(len(label)) if joined.one_to_one else rng.permutation(len(label))
    first = order[np.unique(label[order], return_index=True)[1]]
    if len(first) > PAIRWISE:
        first = first[np.sort(rng.choice(len(first), PAIRWISE, replace=False))]
    return X[matches.x[first]], Y[matches.y[first]]


def _centres(x: Spread, y: Spread) -> Numbers:
    """What is said of the centres, and of the rows along the line through them."""
    between = x.mean - y.mean
    gap, unsure = float(np.linalg.norm(between)), rounding(max(x.n, y.n), len(between))
    units = [
        mean / long if (long := np.linalg.norm(mean)) > unsure else mean * np.nan
        for mean in (x.mean, y.mean)
    ]
    apart, together = (float(np.linalg.norm(v)) for v in (units[0] - units[1], sum(units)))
    direction = between / gap if gap > unsure else between * np.nan
    shares = np.sort(direction**2)[::-1]
    wide = float(np.linalg.norm([x.sigma, y.sigma]) / np.sqrt(2))
    return {
        "gap": gap,
        "gap_squared": gap**2,
        "normalised_gap": apart,
        "centroid_angle": float(np.degrees(2 * np.arctan2(apart, together))),
        "spread_gap": gap / wide if wide > unsure else np.nan,
        "gap_in_top_1": float(shares[0]),
        "gap_in_top_10": float(shares[:10].sum()),
        **_along("x", x, direction),
        **_along("y", y, direction),
    }


def _along(name: str, side: Spread, direction: Array) -> Numbers:
    """Mean and deviation of a modality along `direction`, the share of its variance orthogonal.

    The share is NaN where there is no variance, and all three are NaN where there is no direction.
    """
    along, whole = np.linalg.norm(side.R @ direction) / np.sqrt(side.n), np.linalg.norm(side.sigma)
    varies = whole > rounding(side.n, len(direction))
    return {
        f"height_{name}": float(side.mean @ direction),
        f"height_{name}_std": float(along),
        f"parallelism_{name}": 1 - min(float(along / whole) ** 2, 1.0) if varies else np.nan,
    }


def _cosines(
    X: Rows, Y: Rows, mean_x: Array, mean_y: Array, joined: Groups, matches: Matches
) -> Numbers:
    """Mean cosines of rows of other groups, from sums of rows, and the relative gap.

    Σ over all i, j of ⟨x_i, x_j⟩ is ‖n c‖², of which a group's own rows take ‖Σ x_i‖².
    """
    within = [_strangers(X, mean_x, joined.x), _strangers(Y, mean_y, joined.y)]
    n_x, n_y, own = len(X), len(Y), len(matches.x)
    across = (n_x * n_y * (mean_x @ mean_y) - matches.similarity.sum()) / (n_x * n_y - own)
    pair = (1 - matches.similarity.mean()) / 2
    strangers = (1 - np.mean(within)) / 2
    total = pair + strangers
    return {
        "intra_cosine_x": within[0],
        "intra_cosine_y": within[1],
        "cross_cosine": float(across),
        "relative_gap": float(pair / total) if total > TIE else np.nan,
    }


def _strangers(rows: Rows, mean: Array, labels: Indices) -> float:
    """Mean cosine of rows of other groups of one modality."""
    n, sizes = len(rows), np.bincount(labels)
    if sizes.max() == 1:
        own = float(n)
    else:
        sums = np.zeros((len(sizes), rows.dim))
        for b in rows.blocks():
            np.add.at(sums, labels[b], rows[b])
        own = float(np.einsum("ij,ij->", sums, sums))
    return float((n**2 * (mean @ mean) - own) / (n**2 - np.sum(sizes**2)))


def _margins(matches: Matches, sides: tuple[Side, Side]) -> Numbers:
    """Margins of all pairs together."""
    x, y = sides
    other = np.maximum(x.nearest[matches.x], y.nearest[matches.y])
    margins = matches.similarity - other
    beaten = margins <= TIE
    lead, between = _halves(matches.similarity.min(), x.nearest.max())
    return {
        "margin": float(margins.min()),
        "mismatched": int(beaten.sum()),
        "global_margin": lead,
        "relative_bias": between,
    }
