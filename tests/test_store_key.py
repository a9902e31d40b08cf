"""Names by content, confined."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_store.backend import valid_name
from state_store.errors import InvalidName, UnstorableValue
from state_store.key import Key, canonical_json, digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@dataclass(frozen=True)
class One:
    alpha: Any


@dataclass(frozen=True)
class Two:
    alpha: Any


@given(value=JSON)
def test_the_order_of_keys_does_not_count_and_everything_else_does(value):
    def turned(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: turned(item) for key, item in reversed(part.items())}
        return tuple(turned(item) for item in part) if isinstance(part, list) else part

    assert digest(turned(value)) == digest(value)
    assert digest([value]) != digest(value)


@given(a=st.floats(allow_nan=False, allow_infinity=False), b=st.floats(allow_nan=False, allow_infinity=False))
def test_two_floats_share_a_digest_only_if_their_bits_agree(a, b):
    assert (digest(a) == digest(b)) == (a.hex() == b.hex())


def test_values_that_differ_in_type_or_class_differ_in_digest():
    values = [1, 1.0, True, "1", [1], {"1": 1}, One(1), Two(1), One(One(1)), None]
    assert len({digest(value) for value in values}) == len(values)


def test_numpy_scalars_count_as_the_python_numbers_they_equal():
    pairs = [(np.float64(0.1), 0.1), (np.int32(7), 7), (np.bool_(True), True), (np.float32(0.5), 0.5)]
    assert all(canonical_json(a) == canonical_json(b) for a, b in pairs)


def test_a_digest_is_the_same_in_another_process():
    code = "from state_store.key import digest; print(digest({'b': 0.1, 'a': {'x': [1, None]}}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest({"a": {"x": [1, None]}, "b": 0.1})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1j, {1}, b"x", {1: 2}, np.zeros(2), np.zeros(()), One, np.nan],
    ids=str,
)
def test_what_has_no_digest_is_refused_by_place(value):
    with pytest.raises(UnstorableValue, match=r"value\['a'\]\[0\]"):
        digest({"a": [value]})


HOSTILE = ["", ".", "..", "../" * 5 + "etc", "/etc/passwd", "ab/cd", "ab\\cd", "AB" * 20, "~", "ab"]
HOSTILE += ["ab" * 20 + "\n", "ab" * 20 + "\0", "zz" * 20, "ab" * 33, "a" * 20 + ".", "ａｂ" * 20]


@pytest.mark.parametrize("text", [*HOSTILE, None, 7, b"ab" * 20], ids=repr)
def test_only_digests_make_a_key(text):
    for pair in ((text, "ab" * 20), ("ab" * 20, text)):
        with pytest.raises(InvalidName):
            Key(*pair)


@pytest.mark.parametrize(
    "name", ["leaves", "leaves/ab", "pilots/" + "ab" * 20 + "/" + "ab" * 20, "leaves/../../x"]
)
def test_only_names_of_leaves_are_parsed(name):
    with pytest.raises(InvalidName):
        Key.parse(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/.b",
        ".a",
        "a\\b",
        "a:b",
        "a\n",
        "a b",
        "A",
        "a/b/c/d/e",
        "a" * 201,
    ],
)
def test_names_that_could_lead_outside_are_refused(name):
    with pytest.raises(InvalidName):
        valid_name(name)


def test_importing_the_room_loads_neither_numpy_nor_locks():
    code = (
        "import sys, state_store; state_store.Key; state_store.digest\n"
        "print(sorted({'numpy', 'filelock', 'safetensors', 'xxhash'} & set(sys.modules)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "[]"


def test_every_public_name_can_be_had():
    import state_store

    assert all(getattr(state_store, name).__name__ == name for name in state_store.__all__)
    assert set(dir(state_store)) >= {"StateStore", "Key"}
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        state_store.nothing_of_the_kind  # noqa: B018
