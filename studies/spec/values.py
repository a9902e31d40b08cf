"""Values of a study's options as people write them, as the options keep them."""

from __future__ import annotations

import re
from typing import Any

from studies.spec.fields import names, several
from studies.spec.messages import nearest
from studies.spec.ranges import wrong

ALL = "all"
"""For ``refit``: the best model is fitted again to all rows."""

SAMPLERS = ("auto", "tpe", "nsga2", "random", "qmc", "cmaes", "gp", "grid")


def sampler(value: object) -> object:
    """Return a sampler's name that is known."""
    if isinstance(value, str) and (value in SAMPLERS or value.startswith("custom:")):
        return value
    raise wrong(f"unknown sampler {value!r}{nearest(str(value), SAMPLERS)}")


_NAME = re.compile(r"(?!\s)[^/\\]{1,200}(?<!\s)")


def _shown(value: object) -> str:
    return str(getattr(value, "__name__", None) or repr(value)[:60])


def metrics(value: Any) -> Any:
    """Return one metric's name, or several; None as it is."""
    value = several(value)
    if value is None or isinstance(value, str):
        return value
    for one in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(one, str):
            raise wrong(f"{_shown(one)} is not a name of a scorer, such as 'r2' or 'f1_macro', nor a list of names")
    found = names(value)
    if not found:
        raise wrong("an empty list of metrics; name one, or leave 'scoring' out")
    return found[0] if len(found) == 1 else found


def refit(value: object) -> object:
    """Return which metric is optimised: True is the first, and "all" too, for a model of all rows."""
    return None if value is True else value


def threads(value: object) -> object:
    """Return a number of threads: -1 is all."""
    return None if value == -1 else value


def hashed(value: object) -> object:
    """Return names of columns that are hashed, or "auto"."""
    return value if value is None or value == "auto" else names(value) or None


def target(value: object) -> object:
    """Return the column to predict, which is one."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        if len(value) == 1:
            raise wrong(f"is the name of one column, not a list; write {value[0]!r}")
        shown = ", ".join(repr(one) for one in value[:3]) + (", …" if len(value) > 3 else "")
        raise wrong(
            f"one column is predicted, and {len(value)} were given ({shown}); make a study for each, with "
            "the others in drop"
        )
    if isinstance(value, bytes | bytearray):
        text = value.decode(errors="replace")
        raise wrong(f"is the name of a column as text, not bytes ({bytes(value)[:60]!r}); write {text[:60]!r}")
    if value is not None and not isinstance(value, str):
        raise wrong(f"is the name of a column as text, and {type(value).__name__} was given: {repr(value)[:60]}")
    return value


def name(value: object) -> object:
    """Return a study's name as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or (isinstance(value, str) and _NAME.fullmatch(value) and value.isprintable()):
        return value
    raise wrong(f"{str(value)[:60]!r} is not a study name: 1 to 200 printable characters without slashes")
