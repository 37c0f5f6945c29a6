"""Vector fields of the modality gap, one per file.

The contract. A state is one flat float64 vector `y` of length N, which an integrator moves; a
velocity has the same layout. Where the contract says (N,) or (N, B), many states at once are the
columns of one array, as in `vectorized` of SciPy's solvers, and each result has their axis last. A
model

1. is an immutable object, checked when it is made, with `temperature`, the `objective` that it was
   made with as `loss=`, and `size` = N;
2. `start(...) -> y` makes a state from `X, Y` (n, d) where there are rows, `tau=` where the
   temperature is learned, `gamma=` (untied: `gamma_x=, gamma_y=`) where there is a height, and
   `bias=` where the loss has one; it checks all of them and normalises rows;
3. `split(y) -> NamedTuple` names the parts of a state or a velocity, (N,) or (N, B), as views:
   fields `X, Y, nu, gamma` (untied `gamma_x, gamma_y`), `bias` as far as they exist, in the order
   of the state;
4. `rates() -> NamedTuple` of the same fields: the learning rate of each part;
5. `loss(t, y) -> float` is what the flow descends. It depends on the directions of rows only, and
   is analytic: a complex `y` gives its complex value, hence exact derivatives;
6. `velocity(t, y, out=None) -> dy/dt` of y (N,) or (N, B) is eq. (4), gradient flow: minus the
   gradient of `loss`, times the rates, projected to the sphere where rows are unit and to [-1, 1]
   where a height is at its end. `out` takes the result; no input is checked;
7. `observe(t, y) -> Observables` of y (N,) or (N, B): fields are numbers, or (B,) arrays; the bias
   may be left out where there is none;
8. `drift(y)` of y (N,) or (N, B) is the largest departure of a row's length from 1, a number or a
   (B,) array; 0 without rows;
9. with rows, `embeddings(y) -> (X, Y)` gives them on the sphere on which the gap is measured,
   lifted where the model lifts;
10. where rows can mix, `mixed(mixing) -> Model` is the same model with its loss behind `mixing`,
    the (n, d) or (n, 1) array λ of `gapdyn.loss.mix`: it descends ℓ(β X̄ Ȳᵀ), and `loss` and
    `observe` say so, but `embeddings`, gap, margin and mismatched pairs stay those of X and Y.
    `mixed(None)` takes it away again. Other models raise a `ValueError` that says why;
11. `release()` lets go of what calls leave in memory for one another, where there is any. A flow
    calls it at its end, so that what is kept of a run is the run;
12. `settled` is the time from which on the velocity depends on the state alone. From then on a flow
    that has come to rest ends at once. It is infinite in a class of your own that does not say it.

A learning rate multiplies the gradient of its own block, and of nothing else.

`LogBetaModel`, which `flow` makes of a free model for its clock "log beta", keeps this contract but
for 4, 6 and 10: its time is log β, so that velocities are not rates times gradients.
"""

from gapdyn.models.base import Model, Observables
from gapdyn.models.free import FreeModel
from gapdyn.models.frozen import FrozenModel
from gapdyn.models.log_beta import LogBetaModel
from gapdyn.models.parallel import ParallelModel
from gapdyn.models.scalar import ScalarModel

__all__ = [
    "FreeModel",
    "FrozenModel",
    "LogBetaModel",
    "Model",
    "Observables",
    "ParallelModel",
    "ScalarModel",
]
