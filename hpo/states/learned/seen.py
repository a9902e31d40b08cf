"""What the store has states of that were made with something learned: such data continues with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from algorithms.contract import Summary
from hpo.states.summaries import fields_of_summary
from state_store import StateStore, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.states.learned.pilot import Pilot


def context_of(summary: Summary, pilot: Pilot, targets: Sequence[str], weight: str | None) -> str:
    """Return the digest of everything that a leaf depends on but its segment."""
    known = pilot.learned.get(summary)
    return context_knowing(None if known is None else known.digest, summary, pilot, targets, weight)


def context_knowing(
    known: str | None, summary: Summary, pilot: Pilot, targets: Sequence[str], weight: str | None
) -> str:
    """Return the digest as :func:`context_of`, of a summary that knows what has that digest."""
    return digest(
        {
            **fields_of_summary(summary),
            **({"known": known} if known else {}),
            "pilot": pilot.digest,
            "targets": list(targets),
            "weight": weight,
        }
    )


def share_seen(contexts: Iterable[str], pilot: Pilot, dataset: Dataset, store: StateStore) -> float:
    """Return the share of the segments of which the store has leaves in some context: the largest of any."""
    keys = [pilot.folds.key(segment) for segment in dataset.segments]
    return max((len(store.cover(context, keys).found) for context in contexts), default=0) / max(1, len(keys))
