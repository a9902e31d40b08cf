"""A recorded study opened as a command's options say, and the model of it that they choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.cli.behind import reopen, scored
from hpo.cli.exits import UsageError
from hpo.cli.options import known_storage, recorded_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate


def opened(
    name: str,
    *,
    storage: str | None,
    store: str | None,
    allow_import: Sequence[str] | None,
    edition: int | None = None,
) -> Result:
    """Return a recorded study: the edition that is asked for, else the last one."""
    asked = name if edition is None else f"{name}@{edition}"
    kept, states = known_storage(storage), recorded_store(store)
    return reopen.load(asked, storage=kept, store=states, allow_imports=allow_import)


def chosen(result: Result, trial: int | None, *, simplest: bool = False) -> Candidate | None:
    """Return the setting that ``--trial`` or ``--simplest`` choose; None for the best.

    Raises
    ------
    UsageError
        Both are given.
    """
    if simplest and trial is not None:
        raise UsageError("--simplest and --trial each choose a model; give one of them")
    if simplest:
        return result.simplest
    return None if trial is None else scored.candidate_of(result, trial)
