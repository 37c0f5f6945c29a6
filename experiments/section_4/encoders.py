"""Two small networks that embed paired inputs, as CLIP does, and train within seconds.

An encoder has linear layers with ReLU between them, and may normalise its output. One layer without
biases, whose inputs are the rows of the identity, is a table of free rows. Inputs that are mostly
zero, such as bags of words, may be sparse arrays of SciPy. `EncoderModel`
puts two encoders under the contrastive loss (2). It is a model like those of `gapdyn.models`, whose
state holds the weights θ, φ instead of rows: `gapdyn.flow` moves it by gradient flow, and
`experiments.section_4.training` by the steps of an optimiser.

References
----------
.. [1] K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers: Surpassing human-level
   performance on ImageNet classification, ICCV 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from gapdyn import measures, sphere
from gapdyn.loss import Scratch, mix, row_products, rows_cross_entropy
from gapdyn.models import Model, Observables
from gapdyn.models.base import check_temperature
from gapdyn.temperature import Temperature
from gapdyn.types import Array
from gapdyn.validate import validate_array, validate_count, validate_mixing


@dataclass(frozen=True)
class Encoder:
    """A network from R^k to R^d, its weights and biases in one flat vector θ.

    Parameters
    ----------
    sizes : tuple of int
        (k, width of each hidden layer, d).
    normalised : bool
        Whether the output rows have unit length.
    biased : bool
        Whether the layers have biases.

    Raises
    ------
    TypeError, ValueError
        If `sizes` is not a tuple of two or more positive integers, or d is below 2.
    """

    sizes: tuple[int, ...]
    normalised: bool = True
    biased: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, tuple):
            raise TypeError(f"sizes must be a tuple of integers, got {self.sizes!r}")
        if len(self.sizes) < 2:
            raise ValueError(f"sizes must name the input and the output, got {self.sizes}")
        for size in self.sizes[:-1]:
            validate_count("each of sizes", size, least=1)
        validate_count("the last of sizes", self.sizes[-1], least=2)

    @property
    def size(self) -> int:
        """Length of θ."""
        shapes = zip(self.sizes, self.sizes[1:], strict=False)
        return sum((k + self.biased) * m for k, m in shapes)

    def layers(self, theta: Array) -> Iterator[tuple[Array, Array]]:
        """Weights (k, m) and bias (m,) of each layer, views of θ; new zeros where it has none."""
        end = 0
        for k, m in zip(self.sizes, self.sizes[1:], strict=False):
            start, middle = end, end + k * m
            end = middle + m * self.biased
            bias = theta[middle:end] if self.biased else np.zeros(m)
            yield theta[start:middle].reshape(k, m), bias

    def initial(self, rng: np.random.Generator) -> Array:
        """Normal weights that keep the variance from layer to layer [1]_, and biases zero."""
        theta = np.zeros(self.size)
        layers = list(self.layers(theta))
        for i, (W, _) in enumerate(layers):
            gain = 1.0 if i == 0 else 2.0  # half of the outputs of a ReLU are zero
            W[...] = rng.standard_normal(W.shape) * np.sqrt(gain / W.shape[0])
        return theta

    def forward(self, theta: Array, inputs: Any) -> list[Any]:
        """Inputs of each layer, and the output (n, d) of the last."""
        passed = [inputs]
        for W, b in self.layers(theta):
            if len(passed) > 1:  # ReLU; the sign of the real part lets a complex step through
                passed[-1] *= passed[-1].real > 0
            passed.append(passed[-1] @ W)
            passed[-1] += b
        return passed

    def rows(self, theta: Array, inputs: Any) -> Array:
        """Embeddings (n, d) of inputs (n, k)."""
        rows = self.forward(theta, inputs)[-1]
        return sphere.unit(rows) if self.normalised else rows

    def backward(self, theta: Array, passed: list[Any], push: Array, out: Array) -> None:
        """Write to `out` the gradient in θ of a function whose gradient in the rows is `push`."""
        if self.normalised:
            length = sphere.lengths(passed[-1])[:, None]
            push = sphere.project(passed[-1] / length, push) / length
        layers = zip(self.layers(theta), self.layers(out), strict=True)
        for i, ((W, _), (dW, db)) in reversed(list(enumerate(layers))):
            if scipy.sparse.issparse(passed[i]):
                dW[...] = passed[i].T @ push
            else:
                np.matmul(passed[i].T, push, out=dW)
            np.add.reduce(push, axis=0, out=db)
            if i > 0:
                push = push @ W.T
                push *= passed[i] > 0


def _inputs(name: str, inputs: Any, encoder: Encoder) -> Any:
    """A copy of the inputs of an encoder, once they fit it."""
    if scipy.sparse.issparse(inputs):
        sparse: Any = inputs
        if sparse.ndim != 2:
            raise ValueError(f"{name} must have 2 axes, got shape {sparse.shape}")
        rows = sparse.tocsr()
        entries = validate_array(f"the entries of {name}", rows.data, ndim=1)
        parts = entries, rows.indices, rows.indptr
        array: Any = scipy.sparse.csr_array(parts, rows.shape, copy=True)
    else:
        array = validate_array(name, inputs, ndim=2).astype(np.float64)
    if array.shape[1] != encoder.sizes[0]:
        raise ValueError(
            f"{name} must have {encoder.sizes[0]} columns as its encoder, got {array.shape[1]}"
        )
    return array


class EncoderState(NamedTuple):
    """Parts of a state: weights θ of the first encoder, φ of the second, ν ()."""

    theta: Array
    phi: Array
    nu: Array


@dataclass(frozen=True, eq=False)
class EncoderModel(Model):
    """Gradient flow of ℓ(β X Yᵀ) over the weights of two encoders and ν, eq. (4).

    Parameters
    ----------
    images, texts : (n, k), (n, l) arrays of floats, or sparse arrays
        Inputs of n ≥ 2 pairs, row i of one matching row i of the other.
    first, second : Encoder
        From k and l inputs to embeddings of one dimension.
    temperature : Temperature
    mixing : (n, d) or (n, 1) array, optional
        Weights λ in [0, 1] of a swap that is applied to the embeddings before the loss.

    Raises
    ------
    TypeError, ValueError
        If inputs do not pair or do not fit the encoders, the dimensions of the embeddings differ,
        `temperature` is not a temperature, or `mixing` has a wrong shape or range.

    Notes
    -----
    The velocity jumps where a ReLU switches, and where a row passes through zero before it is
    normalised. Where the velocity points at such a surface from both sides the flow slides along
    it, and an adaptive solver takes tiny steps. With hidden layers most runs come to this sooner or
    later. The steps of an optimiser are not affected.
    """

    images: Any = field(repr=False)
    texts: Any = field(repr=False)
    first: Encoder
    second: Encoder
    temperature: Temperature
    mixing: Array | None = field(default=None, repr=False)
    _scratch: Scratch = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        for name in ("first", "second"):
            if not isinstance(getattr(self, name), Encoder):
                raise TypeError(f"{name} must be an Encoder, got {getattr(self, name)!r}")
        for name, encoder in (("images", self.first), ("texts", self.second)):
            object.__setattr__(self, name, _inputs(name, getattr(self, name), encoder))
        if self.n != self.texts.shape[0]:
            raise ValueError(f"texts must have {self.n} rows, got {self.texts.shape[0]}")
        validate_count("the number of pairs", self.n, least=2)
        if self.first.sizes[-1] != self.second.sizes[-1]:
            raise ValueError("first and second must embed in one dimension")
        if self.first.normalised != self.second.normalised:
            raise ValueError("first and second must both be normalised, or neither")
        if self.mixing is not None:
            object.__setattr__(self, "mixing", validate_mixing(self.mixing, self.n, self.d))
        object.__setattr__(self, "_scratch", Scratch())

    @property
    def n(self) -> int:
        """Number of pairs."""
        return int(self.images.shape[0])

    @property
    def d(self) -> int:
        """Dimension of the embeddings."""
        return self.first.sizes[-1]

    @property
    def size(self) -> int:
        """Length of a state: θ, φ and ν."""
        return self.first.size + self.second.size + 1

    def start(self, seed: int | np.random.Generator, *, tau: float | None = None) -> Array:
        """State of random weights at temperature `tau`."""
        rng = np.random.default_rng(seed)
        weights = [encoder.initial(rng) for encoder in (self.first, self.second)]
        return np.concatenate([*weights, [self.temperature.nu(tau)]])

    def split(self, y: Array) -> EncoderState:
        """θ, φ and ν as views."""
        end = self.first.size
        return EncoderState(y[:end], y[end:-1], y[-1, ...])

    def rates(self) -> EncoderState:
        """Learning rates of θ, φ and ν."""
        return EncoderState(*map(np.asarray, (1.0, 1.0, self.temperature.rate)))

    def mixed(self, mixing: Array | None) -> EncoderModel:
        """The same model with another mixing."""
        return replace(self, mixing=mixing)

    def embed(self, y: Array, images: Any, texts: Any) -> tuple[Array, Array]:
        """Embeddings (m, d) of any inputs, normalised only if the encoders normalise."""
        theta, phi, _ = self.split(y)
        return self.first.rows(theta, images), self.second.rows(phi, texts)

    def embeddings(self, y: Array) -> tuple[Array, Array]:
        """Embeddings of the model's own inputs, on the sphere."""
        X, Y = self.embed(y, self.images, self.texts)
        return sphere.unit(X), sphere.unit(Y)

    def loss(self, t: float, y: Array) -> Any:
        """ℓ(β X̄ Ȳᵀ)."""
        X, Y = self.embed(y, self.images, self.texts)
        if self.mixing is not None:
            X, Y = mix(X, Y, self.mixing)
        return rows_cross_entropy(X, Y, self.temperature.beta(t, y[-1]))

    def velocity(self, t: float, y: Array, out: Array | None = None) -> Array:
        """Minus the gradient of `loss` times the rates."""
        out = np.empty_like(y) if out is None else out
        return self.descend(t, y, self.images, self.texts, self.mixing, out)

    def descend(
        self, t: float, y: Array, images: Any, texts: Any, mixing: Array | None, out: Array
    ) -> Array:
        """Write to `out` the velocity for a batch of pairs."""
        theta, phi, _ = self.split(y)
        nu = float(y[-1])
        beta = self.temperature.beta(t, nu)
        passed = self.first.forward(theta, images), self.second.forward(phi, texts)
        X, Y = passed[0][-1], passed[1][-1]
        if self.first.normalised:
            X, Y = sphere.unit(X), sphere.unit(Y)
        if mixing is not None:
            X, Y = mix(X, Y, mixing)
        push = np.empty_like(X), np.empty_like(Y)
        reach = float(sphere.lengths(X).max() * sphere.lengths(Y).max())
        row_products(X, Y, beta, push[0], push[1], reach, self._scratch)
        pull = -float(np.vdot(X, push[0]))
        if mixing is not None:
            push = mix(push[0], push[1], mixing)
        parts = self.split(out)
        for encoder, weights, through, rows, slope in zip(
            (self.first, self.second), (theta, phi), passed, push, parts[:2], strict=True
        ):
            encoder.backward(weights, through, -beta * rows, slope)
        parts.nu[...] = self.temperature.velocity(t, nu, pull)
        return out

    def observe(self, t: float, y: Array) -> Observables:
        """Observables of the normalised embeddings of the model's inputs; gamma is gap/2."""
        X, Y = self.embeddings(y)
        gap, margins = measures.centre_distance(X, Y), measures.pair_margins(X @ Y.T)
        pairs = margins.min(), (margins <= sphere.TIE).sum(), self.loss(t, y)
        return Observables.of(gap, self.temperature.beta(t, y[-1]), gap / 2, pairs)
