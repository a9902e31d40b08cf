"""What a study's options declare beside type, default and docstring, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
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


def _declared(name: str, field: FieldInfo) -> Option:
    found = next((one for one in field.metadata if isinstance(one, Option)), None)
    if found is None or not field.description:
        raise TypeError(f"the field {name!r} needs an Option among its annotations, and a docstring below it")
    return found
