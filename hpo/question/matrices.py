"""Data whose columns are items, or words: what else it may be, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.tasks import TASKS
from hpo.data.schema import BOOLEAN, CATEGORICAL, NUMERIC, Field
from hpo.errors import TuneError
from hpo.question.row_guesses import pair_of
from hpo.question.scores_asked import one_task

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.question.search import Searched
    from studies.spec.spec import StudySpec

def check_matrix(searched: Sequence[Searched], dataset: Dataset, spec: StudySpec) -> None:
    """Refuse rows of texts, or of one user and one item, where every column is a word, or an item.

    Raises
    ------
    TuneError
        Says how such rows are given.
    """
    task = TASKS[one_task(searched)]
    if not task.columns or spec.documents is not None or spec.interactions is not None:
        return
    who = ", ".join(one.name for one in searched)
    taken = f"{who} takes a column of numbers for each {task.columns}"
    others = [field for field in dataset.features if field.kind not in (NUMERIC, BOOLEAN)]
    if task.documents:
        if others:
            raise TuneError(f"{_holds(others[0])}, and {taken}; {_documents(others[0])}")
        return
    pair = pair_of([field.name for field in dataset.features])
    if pair is not None:
        raise TuneError(
            f"columns {pair['user']!r} and {pair['item']!r} name a user and an item, and {taken}, a row for each "
            f"user; for rows of one of each give interactions={pair!r}"
        )
    if others:
        raise TuneError(
            f"{_holds(others[0])}, and {taken}; for rows of one user and one item each give interactions="
            f"{{'user': …, 'item': …}}, else leave it out with drop=[{others[0].name!r}]"
        )


def _holds(field: Field) -> str:
    return f"column {field.name!r} holds {'text' if field.kind == CATEGORICAL else field.kind + 's'}"


def _documents(field: Field) -> str:
    if field.kind == CATEGORICAL:
        return f"if its texts are the documents, give documents={field.name!r}, else drop=[{field.name!r}]"
    return f"leave it out with drop=[{field.name!r}]"
