"""gapdyn: how the modality gap of contrastive two-modality models arises, freezes and closes.

It moves embeddings on the sphere, with mismatched pairs and a learnable temperature, by gradient
flow, after Yaras, Chen, Wang and Qu, "Explaining and Mitigating the Modality Gap in Contrastive
Multimodal Learning" (CPAL 2025), which is called "the paper" here. Equations have its numbers.
"""

from gapdyn import (
    examples,
    loss,
    losses,
    measures,
    models,
    published,
    sphere,
    swap,
    symbolic,
    temperature,
    theory,
)
from gapdyn._version import __version__
from gapdyn.check import check_gradient
from gapdyn.close import Closed, close
from gapdyn.ensemble import flow_many
from gapdyn.flow import IntegrationError, Snapshot, Trajectory, flow
from gapdyn.forecast import Forecast, Statement, forecast
from gapdyn.landscape import Landscape, landscape
from gapdyn.losses import InfoNCE, Sigmoid
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
    "Closed",
    "CosineSchedule",
    "Exponential",
    "Fixed",
    "Forecast",
    "FreeModel",
    "FrozenModel",
    "HardSwap",
    "InfoNCE",
    "IntegrationError",
    "Landscape",
    "Learned",
    "Linear",
    "LinearSchedule",
    "Measures",
    "Model",
    "Observables",
    "ParallelModel",
    "ScalarModel",
    "Scheduled",
    "Sigmoid",
    "Snapshot",
    "SoftSwap",
    "Softplus",
    "Statement",
    "Trajectory",
    "__version__",
    "check_gradient",
    "close",
    "examples",
    "flow",
    "flow_many",
    "forecast",
    "landscape",
    "loss",
    "losses",
    "measure",
    "measures",
    "models",
    "published",
    "sphere",
    "swap",
    "sweep",
    "symbolic",
    "temperature",
    "theory",
]
