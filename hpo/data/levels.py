"""Text, categories and labels as codes: levels by number, labels as they are written, classes by theirs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from hpo.data.schema import CATEGORICAL, kind_of, label_type, plain_type
from hpo.data.values import Numbers, Places, as_numbers, null_mask, stored_numbers
from hpo.process.lazily import arrow_compute as pc


def as_strings(array: pa.Array) -> pa.Array:
    """Return a column as strings, or as a dictionary of strings, nulls kept.

    Examples
    --------
    >>> as_strings(pa.array([1, None])).to_pylist()
    ['1', None]
    """
    if pa.types.is_dictionary(array.type):
        if pa.types.is_string(array.type.value_type):
            return array
        return pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.string()))
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def decoded_strings(array: pa.Array) -> pa.Array:
    """Return a column of text or categories as plain strings."""
    strings = as_strings(array)
    return strings.dictionary_decode() if pa.types.is_dictionary(strings.type) else strings


def level_codes(array: pa.Array, levels: pa.Array) -> Places:
    """Return the place of each value in ``levels``; len(levels) for other values, len(levels) + 1 for null.

    Examples
    --------
    >>> level_codes(pa.array(["b", "z", None]), pa.array(["a", "b"])).tolist()
    [1, 2, 3]
    """
    strings = as_strings(array)
    if not pa.types.is_dictionary(strings.type):
        return _codes(strings, levels)
    table = np.append(_codes(strings.dictionary, levels), len(levels) + 1)
    places = stored_numbers(strings.indices)
    mask = null_mask(strings.indices)
    if mask is not None:
        places = np.where(mask, len(table) - 1, places)
    codes: Places = table[places]
    return codes


def label_values(array: pa.Array) -> pa.Array:
    """Return labels in their own type: of categories that of the categories, of whole decimals an integer.

    Examples
    --------
    >>> label_values(pa.array([7, 3, 7]).dictionary_encode()).to_pylist()
    [7, 3, 7]
    """
    if is_text(array.type) and not is_text(label_type(array.type)):
        array = array.dictionary_decode()
    elif is_text(array.type):
        return decoded_strings(array)
    return _whole_decimals(array) if pa.types.is_decimal(array.type) else array


def _whole_decimals(array: pa.Array) -> pa.Array:
    """Return decimals as integers of 64 bits where all are, else as float64."""
    for kind in (pa.int64(), pa.uint64()):
        with suppress(pa.ArrowInvalid):
            return array.cast(kind)
    return array.cast(pa.float64())


def class_codes(array: pa.Array, classes: Sequence[Label]) -> Numbers:
    """Return the place of each label among the sorted classes, float64; NaN for null and for other labels.

    Examples
    --------
    >>> class_codes(pa.array(["b", "z", None, "a"]), ["a", "b"]).tolist()
    [1.0, nan, nan, 0.0]
    >>> class_codes(pa.array([True, None]), [False, True]).tolist()
    [1.0, nan]
    """
    of_text = isinstance(classes[0], str)
    array = array if of_text and is_text(array.type) else label_values(array)
    if of_text != is_text(array.type):
        return np.full(len(array), np.nan)
    if of_text:
        codes = level_codes(array, pa.array(classes, pa.string())).astype(np.float64)
        codes[codes >= len(classes)] = np.nan
        return codes
    values = as_numbers(array)
    known, codes_of = _known_labels(tuple(classes), values.dtype)
    if not len(known):
        return np.full(len(array), np.nan)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found = known[places] == values
    mask = null_mask(array)
    return np.where(found if mask is None else found & ~mask, codes_of[places], np.nan)


@functools.lru_cache(maxsize=64)
def _known_labels(classes: tuple[Label, ...], kind: np.dtype[Any]) -> tuple[Numbers, Numbers]:
    """Return the classes that a type of number has, exactly, and their places among all."""
    places, labels = [], []
    for place, label in enumerate(classes):
        with suppress(OverflowError):
            if (value := kind.type(label)) == label and int(value) == int(label):
                places.append(float(place))
                labels.append(value)
    return np.array(labels, kind), np.array(places)


def is_text(dtype: pa.DataType) -> bool:
    """Whether a type is text or a category."""
    return kind_of(plain_type(dtype)) == CATEGORICAL


def _codes(strings: pa.Array, levels: pa.Array) -> Places:
    found = pc.index_in(strings, value_set=levels)
    codes: Places = pc.fill_null(found, len(levels)).to_numpy().astype(np.intp)
    mask = null_mask(strings)
    if mask is not None:
        codes[mask] = len(levels) + 1
    return codes
