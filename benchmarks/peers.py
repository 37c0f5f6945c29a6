"""The same loss and flow in PyTorch with torchdiffeq and in JAX with diffrax, where installed.

States are gapdyn's: X, Y and ν in one flat float64 vector. Gradients are of ℓ(β X Yᵀ), eq. (1) and
(2), with β = e^ν. They leave out lengths of rows and projection to the sphere, which gapdyn's
velocity contains; it writes into memory made beforehand, while the peers make what they return.
Flows differentiate through rows divided by their lengths, which puts them there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gapdyn.types import Array

try:
    import torch
    import torchdiffeq
except ImportError:
    torch = torchdiffeq = None

try:
    import diffrax
    import jax

    jax.config.update("jax_enable_x64", True)
    np = jax.numpy
except ImportError:
    diffrax = jax = None

Call = Callable[[], Any]
"""Its result has an `__array__`, the numbers being there when it returns."""


def torch_loss(y: Any, n: int, d: int, unit: bool = False) -> Any:
    """ℓ(β X Yᵀ) of a state; its rows are divided by their lengths where `unit`."""
    W = y[:-1].reshape(2 * n, d)
    if unit:
        W = torch.nn.functional.normalize(W)
    M = y[-1].exp() * (W[:n] @ W[n:].T)
    entropy, own = torch.nn.functional.cross_entropy, torch.arange(n)
    return (entropy(M, own) + entropy(M.T, own)) / 2


def torch_velocity(y: Any, n: int, d: int, unit: bool = False) -> Any:
    """Minus the gradient of `torch_loss`."""
    y = y.detach().requires_grad_()
    (slope,) = torch.autograd.grad(torch_loss(y, n, d, unit), y)
    return -slope


def jax_loss(y: Any, n: int, d: int, unit: bool = False) -> Any:
    """ℓ(β X Yᵀ) of a state; its rows are divided by their lengths where `unit`."""
    W = y[:-1].reshape(2 * n, d)
    if unit:
        W = W / np.linalg.norm(W, axis=1, keepdims=True)
    M = np.exp(y[-1]) * (W[:n] @ W[n:].T)
    lse = jax.scipy.special.logsumexp
    return (lse(M, axis=0) + lse(M, axis=1)).mean() / 2 - np.trace(M) / n


def jax_velocity(y: Any, n: int, d: int, unit: bool = False) -> Any:
    """Minus the gradient of `jax_loss`."""
    return -jax.grad(jax_loss)(y, n, d, unit)


def gradients(y: Array, n: int, d: int) -> dict[str, Call | None]:
    """One evaluation by each peer; None for one that is not installed."""
    calls: dict[str, Call | None] = {"JAX": None, "PyTorch": None}
    if jax is not None:
        compiled = jax.jit(partial(jax_velocity, n=n, d=d))
        calls["JAX"] = partial(_wait, compiled, np.asarray(y))
    if torch is not None:
        tensor = torch.tensor(y)
        calls["PyTorch"] = lambda: torch_velocity(tensor, n, d)
    return calls


SOLVERS = "Dopri8", "Dopri5", "Tsit5"
"""Those of diffrax: the first is the like of DOP853, the last its recommendation."""


def flows(y: Array, n: int, d: int, end: float, rtol: float, atol: float) -> dict[str, Call | None]:
    """One flow to the state at `end` by each peer; None for one that is not installed."""
    calls: dict[str, Call | None] = {"torchdiffeq dopri8": None}
    if torch is not None:
        start, times = torch.tensor(y), torch.tensor([0.0, end], dtype=torch.float64)

        def velocity(t: Any, y: Any) -> Any:
            return torch_velocity(y, n, d, unit=True)

        calls["torchdiffeq dopri8"] = lambda: torchdiffeq.odeint(
            velocity, start, times, rtol=rtol, atol=atol, method="dopri8"
        )[-1]
    for solver in SOLVERS:
        name = f"diffrax {solver}"
        calls[name] = None
        if jax is not None:
            compiled = jax.jit(_diffrax(solver, n, d, end, rtol, atol))
            calls[name] = partial(_wait, compiled, np.asarray(y))
    return calls


def ensembles(
    starts: Array, n: int, d: int, end: float, rtol: float, atol: float
) -> dict[str, Call | None]:
    """Flows of all starts (B, N) to their states at `end`, by diffrax under vmap."""
    calls: dict[str, Call | None] = {}
    for solver in SOLVERS:
        name = f"diffrax {solver}, vmap"
        calls[name] = None
        if jax is not None:
            compiled = jax.jit(jax.vmap(_diffrax(solver, n, d, end, rtol, atol)))
            calls[name] = partial(_wait, compiled, np.asarray(starts))
    return calls


def _wait(compiled: Any, y: Any) -> Any:
    return compiled(y).block_until_ready()


def _diffrax(
    solver: str, n: int, d: int, end: float, rtol: float, atol: float
) -> Callable[[Any], Any]:
    """Start to state at `end`."""

    def solve(y: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: jax_velocity(y, n, d, unit=True)),
            getattr(diffrax, solver)(),
            0.0,
            end,
            None,
            y,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
            max_steps=100_000,
        ).ys[-1]

    return solve
