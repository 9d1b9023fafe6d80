"""The types of the physics functions' arguments and results."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

# A number or an array, which broadcast.  Arguments are used as they come: np.asarray would make
# a float64 array of a Python number, and a float32 fleet would be computed in float64.
Numbers: TypeAlias = float | Floats
