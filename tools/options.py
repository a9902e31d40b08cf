"""Write the options of ``StudySpec`` into the signature and the docstring of ``hpo.tune``: ``make options``."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from studies.spec.option import docstrings_of
from studies.spec.spec import OPTIONS, StudySpec

API = Path(__file__).parent.parent / "hpo" / "api.py"
PLACES = ("data", "target", "algorithm")
"""Those that are given by place."""

SIGNATURE = re.compile(r"(?<=\ndef tune\(\n)(.*?)(?=\n    progress:)", re.DOTALL)
DOCSTRING = re.compile(r"(?<=\) -> Result:\n)(.*?\n    Parameters\n    -+\n)(.*?)(?=\n    progress :)", re.DOTALL)


def ordered() -> list[str]:
    """Return the names of the options as the signature has them."""
    return [*PLACES, *(name for name in StudySpec.model_fields if name not in PLACES)]


def parameter(name: str) -> str:
    """Return one parameter of the signature."""
    field, option = StudySpec.model_fields[name], OPTIONS[name]
    if field.is_required() and not option.default:
        return f"{name}: {option.takes}"
    value = option.default or repr(field.default).replace("'", '"')
    return f"{name}: {option.takes} = {value}"


def described(name: str) -> str:
    """Return one entry of the docstring."""
    text = docstrings_of(StudySpec)[name]
    body = f"{name} : {text[0].lower()}{text[1:]}"
    return textwrap.fill(body, 110, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False)


def written(text: str) -> str:
    """Return the source of ``hpo.api`` with the options as they are declared."""
    names = ordered()
    lines = [*map(parameter, PLACES), "*", *map(parameter, names[len(PLACES) :])]
    text = SIGNATURE.sub(lambda _: "\n".join(f"    {line}," for line in lines), text, count=1)
    return DOCSTRING.sub(lambda match: match[1] + "\n".join(map(described, names)), text, count=1)


if __name__ == "__main__":
    API.write_text(written(API.read_text()))
