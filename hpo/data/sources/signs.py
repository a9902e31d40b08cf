"""Numbers below zero as books write them: in parentheses, with the minus sign of print, or one after the digits."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from hpo.process.lazily import arrow_compute as pc

OPEN, CLOSE, PRINTED, PLAIN = "(", ")", "\u2212", "-"
BELOW_ZERO = (OPEN, CLOSE, PRINTED, PLAIN)
"""Symbols beside a number that are not left out, since they say that it is below zero."""

_IN_PARENTHESES = r"^([^\d(]*)\((.*)\)([^\d)]*)$"
_BEFORE, _AFTER = "^(\\s*)\u2212", "^(.*\\d.*?)\\s*[-\u2212]\\s*$"


def signed(text: pa.Array, symbols: Sequence[str]) -> pa.Array:
    """Return numbers with a minus before them where symbols that are expected say that they are below zero.

    Examples
    --------
    >>> signed(pa.array(["(1,50 €)", "\u22127", "3-", "4"]), ["(", ")", "\u2212", "-"]).to_pylist()
    ['-1,50 €', '-7', '-3', '4']
    >>> signed(pa.array(["$(1.50)"]), ["(", ")"]).to_pylist()
    ['-$1.50']
    >>> signed(pa.array(["(1)"]), ["€"]).to_pylist()
    ['(1)']
    """
    if OPEN in symbols or CLOSE in symbols:
        text = pc.replace_substring_regex(text, _IN_PARENTHESES, r"-\1\2\3")
    if PRINTED in symbols:
        text = pc.replace_substring_regex(text, _BEFORE, r"\1-")
    return pc.replace_substring_regex(text, _AFTER, r"-\1") if {PLAIN, PRINTED} & {*symbols} else text
