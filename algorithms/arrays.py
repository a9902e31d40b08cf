"""Names of the arrays that the rooms hand each other: by what their numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array: TypeAlias = NDArray[np.float64]
"""Numbers that are calculated with."""

Floats: TypeAlias = NDArray[np.floating]
"""Numbers as batches and samples hold them, in float32 or float64."""

Singles: TypeAlias = NDArray[np.float32]
"""Numbers of single precision."""

Places: TypeAlias = NDArray[np.intp]
"""Indices of rows or columns."""

Values: TypeAlias = NDArray[np.generic]
"""Values of any type: labels, for example."""

Mask: TypeAlias = NDArray[np.bool_]
"""Which rows or columns."""

Matrix: TypeAlias = "Floats | csr_array"
"""Columns of rows: an array, or a CSR array of sparse rows."""
