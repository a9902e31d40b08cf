"""What a study's options declare beside type, default and docstring, and what is made of it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Option:
    """What a field of :class:`~studies.spec.spec.StudySpec` says of itself beside its type, default and docstring.

    Attributes
    ----------
    takes : its type in the signature of ``hpo.tune``, which takes more than YAML can write.
    note : one line about it: the comment in a ``study.yaml``, and the help of an option of the command line.
    example : its value in the commented line of a ``study.yaml``; empty for one that is written with its value.
    defines : whether another value makes another study; ``"if given"``: only a value other than None does.
    default : its default in the signature of ``hpo.tune`` where that is not the field's.
    """

    takes: str
    note: str
    example: str = ""
    defines: Literal[True, False, "if given"] = False
    default: str = ""


def options_of(model: type[BaseModel]) -> dict[str, Option]:
    """Return what each field declares, by name; TypeError for one that declares nothing.

    Examples
    --------
    >>> from studies.spec.spec import StudySpec
    >>> options_of(StudySpec)["patience"].example
    '50'
    """
    return {name: _declared(name, field) for name, field in model.model_fields.items()}


def docstrings_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field, by name, from the sources of the model and its bases.

    Examples
    --------
    >>> from studies.spec.spec import StudySpec
    >>> docstrings_of(StudySpec)["patience"]
    'Stop after so many trials without improvement.'
    """
    ours = [kind for kind in model.__mro__ if kind.__module__.startswith("studies.spec")]
    found = {
        field.target.id: " ".join(text.value.value.split())
        for kind in ours
        for body in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind))))
        if isinstance(body, ast.ClassDef)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
    return {name: found[name] for name in model.model_fields}


def _declared(name: str, field: FieldInfo) -> Option:
    found = next((one for one in field.metadata if isinstance(one, Option)), None)
    if found is None:
        raise TypeError(f"the field {name!r} needs an Option among its annotations")
    return found
