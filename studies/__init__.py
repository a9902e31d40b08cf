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
    from studies.record.compare import Comparison
    from studies.record.listing import StudyRow
    from studies.record.records import begin, load_study
    from studies.record.rows import list_studies
    from studies.record.storage import delete_study, open_storage
    from studies.record.write_behind import WriteBehind
    from studies.sampling.samplers import make_sampler
    from studies.spec.definition import definition_digest, differences
    from studies.spec.distributions import Categorical, Float, Int, to_distribution, to_spec
    from studies.spec.fields import FoldScheme
    from studies.spec.form import dump, load, loads
    from studies.spec.ranges import Range
    from studies.spec.spec import StudySpec, build
    from studies.spec.template import ColumnNote

_HOMES = {
    "record.compare": ("Comparison",),
    "spec.definition": ("definition_digest", "differences"),
    "spec.distributions": ("Categorical", "Float", "Int", "to_distribution", "to_spec"),
    "errors": (
        "Problem", "RecordWarning", "SamplerError", "SpecError", "StorageError", "StudyError", "StudyMissing",
        "StudyTaken",
    ),
    "spec.fields": ("FoldScheme", "Range"),
    "record.records": ("begin", "load_study"),
    "sampling.samplers": ("make_sampler",),
    "spec.form": ("dump", "load", "loads"),
    "spec.spec": ("StudySpec", "build"),
    "record.listing": ("StudyRow",),
    "record.rows": ("list_studies",),
    "record.storage": ("delete_study", "open_storage"),
    "spec.template": ("ColumnNote",),
    "record.write_behind": ("WriteBehind",),
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
