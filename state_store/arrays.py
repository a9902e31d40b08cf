"""Named arrays as bytes, in the format of safetensors: no code is ever run on reading."""

from __future__ import annotations

from collections.abc import Mapping

from safetensors import SafetensorError
from safetensors.numpy import load, save

from state_store.backend import Bytes
from state_store.codec import Arrays, Values, dense
from state_store.errors import DamagedBlob, UnstorableValue

RESERVED = "__metadata__"


def write_arrays(arrays: Mapping[str, Values]) -> bytes:
    """Return the arrays as bytes; each is made contiguous first, since safetensors trusts the layout.

    Raises
    ------
    UnstorableValue
        If an array has another dtype than bool, integer or float up to 8 bytes, or a reserved name.

    Examples
    --------
    >>> import numpy as np
    >>> write_arrays({"mean": np.ones(1)})[8:72]
    b'{"mean":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}       '
    """
    if RESERVED in arrays:
        raise UnstorableValue(f"{RESERVED!r} is not a name for an array: the format keeps it for itself.")
    data: bytes = save({path: dense(array, path) for path, array in arrays.items()})
    return data


def read_arrays(data: Bytes, start: int, end: int) -> Arrays:
    """Return the arrays in ``data[start:end]``, read-only.

    Raises
    ------
    DamagedBlob
        If the bytes are not exactly a table of arrays and those arrays.

    Examples
    --------
    >>> import numpy as np
    >>> data = write_arrays({"mean": np.ones(2), "seen": np.array(True)})
    >>> read_arrays(data, 0, len(data))["mean"].tolist()
    [1.0, 1.0]
    """
    try:
        arrays: Arrays = load(bytes(memoryview(data)[start:end]))
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedBlob(f"arrays cannot be read: {error}") from error
    return arrays
