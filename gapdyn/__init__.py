"""gapdyn: how the modality gap of contrastive two-modality models arises, freezes and closes.

Embeddings on the sphere, with mismatched pairs and a learnable temperature, moved by gradient flow,
after Yaras, Chen, Wang and Qu, "Explaining and Mitigating the Modality Gap in Contrastive
Multimodal Learning" (CPAL 2025), "the paper" everywhere here. Equations have its numbers.
"""

from gapdyn import examples, loss, measures, models, published, sphere, swap, temperature, theory
from gapdyn._version import __version__
from gapdyn.check import check_gradient
from gapdyn.ensemble import flow_many
from gapdyn.flow import IntegrationError, Snapshot, Trajectory, flow
from gapdyn.measures import Measures, measure
from gapdyn.models import (
    FreeModel,
    FrozenModel,
    Model,
    Observables,
    ParallelModel,
    ScalarModel,
)
from gapdyn.swap import HardSwap, SoftSwap
from gapdyn.sweep import sweep
from gapdyn.temperature import (
    CosineSchedule,
    Exponential,
    Fixed,
    Learned,
    Linear,
    LinearSchedule,
    Scheduled,
    Softplus,
)

__all__ = [
    "CosineSchedule",
    "Exponential",
    "Fixed",
    "FreeModel",
    "FrozenModel",
    "HardSwap",
    "IntegrationError",
    "Learned",
    "Linear",
    "LinearSchedule",
    "Measures",
    "Model",
    "Observables",
    "ParallelModel",
    "ScalarModel",
    "Scheduled",
    "Snapshot",
    "SoftSwap",
    "Softplus",
    "Trajectory",
    "__version__",
    "check_gradient",
    "examples",
    "flow",
    "flow_many",
    "loss",
    "measure",
    "measures",
    "models",
    "published",
    "sphere",
    "swap",
    "sweep",
    "temperature",
    "theory",
]
