"""Public type aliases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""A float64 array."""
Floats = NDArray[np.floating[Any]]
"""An array of any floating-point type."""
Seed = int | np.random.Generator | None
"""A source of randomness: an integer ≥ 0, a generator, or None for one that differs each time."""
Numbers = dict[str, Any]
"""Numbers by name."""
FloatOrArray = Any
"""A number, or an array of numbers that is treated entry by entry."""
