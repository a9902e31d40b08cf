r"""What was asked and what was found: descriptions, samplers, records and comparisons of studies.

This room knows Optuna and YAML, and no algorithm's inside. Names are loaded when they are first used.

Examples
--------
>>> import studies
>>> studies.loads("data: x.csv\nalgorithm: pca\n").algorithm
('pca',)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.compare import Comparison
    from studies.definition import definition_digest, differences
    from studies.distributions import Categorical, Float, Int, to_distribution, to_spec
    from studies.errors import (
        Problem,
        RecordWarning,
        SamplerError,
        SpecError,
        StorageError,
        StudyError,
        StudyMissing,
        StudyTaken,
    )
    from studies.fields import FoldScheme, Range
    from studies.record import begin, load_study
    from studies.samplers import make_sampler
    from studies.spec import StudySpec, build, dump, load, loads
    from studies.storage import StudyRow, delete_study, list_studies, open_storage
    from studies.template import ColumnNote
    from studies.write_behind import WriteBehind

_HOMES = {
    "compare": ("Comparison",),
    "definition": ("definition_digest", "differences"),
    "distributions": ("Categorical", "Float", "Int", "to_distribution", "to_spec"),
    "errors": (
        "Problem", "RecordWarning", "SamplerError", "SpecError", "StorageError", "StudyError", "StudyMissing",
        "StudyTaken",
    ),
    "fields": ("FoldScheme", "Range"),
    "record": ("begin", "load_study"),
    "samplers": ("make_sampler",),
    "spec": ("StudySpec", "build", "dump", "load", "loads"),
    "storage": ("StudyRow", "delete_study", "list_studies", "open_storage"),
    "template": ("ColumnNote",),
    "write_behind": ("WriteBehind",),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Categorical",
    "ColumnNote",
    "Comparison",
    "Float",
    "FoldScheme",
    "Int",
    "Problem",
    "Range",
    "RecordWarning",
    "SamplerError",
    "SpecError",
    "StorageError",
    "StudyError",
    "StudyMissing",
    "StudyRow",
    "StudySpec",
    "StudyTaken",
    "WriteBehind",
    "begin",
    "build",
    "definition_digest",
    "delete_study",
    "differences",
    "dump",
    "list_studies",
    "load",
    "load_study",
    "loads",
    "make_sampler",
    "open_storage",
    "to_distribution",
    "to_spec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'studies' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"studies.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
