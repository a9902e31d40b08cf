"""Rows of documents: what a study may ask of them, and the column of text that it may leave unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from algorithms import registry
from algorithms.tasks import TASKS
from hpo.data.levels import is_text
from hpo.errors import TuneError

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from studies.spec.spec import StudySpec


def check_documents(spec: StudySpec) -> None:
    """Refuse options that rows of documents do not have.

    Raises
    ------
    TuneError
        Names the option.
    """
    if spec.documents is None:
        return
    if spec.interactions is not None:
        raise TuneError("documents and interactions: rows are documents, or pairs of document and word; give one")
    if spec.features is not None:
        raise TuneError("features: the columns are the words of documents; use drop=[…] to leave some out")


def lone_text(spec: StudySpec, dataset: Dataset) -> str | None:
    """Return the column of documents where a study of topics does not name it: the only column, of text.

    Raises
    ------
    TuneError
        Several columns are text, and no other is a number.
    """
    if spec.documents is not None or spec.interactions is not None:
        return None
    named = [name for name in spec.algorithm if name in registry.names()]
    if not named or len(named) < len(spec.algorithm):
        return None
    if not all(TASKS[registry.get(name).tags.task].documents for name in named):
        return None
    texts = [f.name for f in dataset.features if is_text(_plain(dataset.arrow.field(f.name).type))]
    if not texts or len(texts) < len(dataset.features):
        return None
    if len(texts) > 1:
        raise TuneError(
            f"columns {', '.join(map(repr, texts))} are text; say which holds the documents: documents={texts[0]!r}"
        )
    return texts[0]


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
