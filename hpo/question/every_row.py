"""``size="all"``: a sample that holds every row of the data, as many as there are when the study is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hpo.errors import TuneError

if TYPE_CHECKING:
    from studies.spec.spec import StudySpec

ALL, SIZE = "all", "size"


def of_every_row(search: Mapping[str, object]) -> list[str]:
    """Return the search keys that ask for a sample of every row.

    Examples
    --------
    >>> of_every_row({"forest.size": "all", "forest.max_depth": 3, "kmeans.size": 100})
    ['forest.size']
    """
    return [key for key, value in search.items() if key.rpartition(".")[2] == SIZE and value == ALL]


def sized(spec: StudySpec, rows: int | None) -> StudySpec:
    """Return a spec whose samples of every row are of so many.

    Parameters
    ----------
    spec : of the study.
    rows : of its data; None where they are unknown before it is read.

    Raises
    ------
    TuneError
        They are unknown.
    """
    asked = of_every_row(spec.search)
    if not asked:
        return spec
    if rows is None:
        raise TuneError(
            f"search[{asked[0]!r}]={ALL!r}: the rows of these files are known only once they are read; write a "
            "number that is at least as large, or convert them to Parquet"
        )
    return spec.but(search={**spec.search, **dict.fromkeys(asked, max(1, rows))})
