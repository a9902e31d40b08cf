"""Leaves that are stored as the rows which they are made of, where these take fewer bytes.

Sums over rows have a fixed size, and few rows have less: the products of 900 levels, of ten classes and 784
pixels, the Hessians of a model at seven starts. What is stored then is the encoded rows
(:mod:`algorithms.row_arrays`), in the pieces that the state was made of, and it is made of them again, with the
same bits, when it is loaded. Whether a leaf is stored so changes no state and no key. States that take less than
the bytes of their segment are stored themselves.

A model that is trained on few rows again and again (``Summary.rounds``) is stored as it is: it takes longer to make
again than to read the file.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Values
from algorithms.contract import Batch, Summary
from algorithms.laws import size
from algorithms.row_arrays import Piece, arrays_of
from algorithms.row_batches import pieces_of
from hpo.data.hashing import DRAW, drawn_by, row_word
from hpo.process.threads import one_thread
from hpo.states.learned.pilot import Pilot
from hpo.states.runs import Leaf, empty_cells, empty_leaf
from state_store import DamagedStateWarning, StateStore, stored_bytes

if TYPE_CHECKING:
    from hpo.data.segment import Segment

WORD = "word"
"""What priorities are made of, beside the numbers of rows in their segment."""


MARGIN = 1.1
"""By how much states may take more than the segment before its rows are held: samples are rows, and a little."""


@dataclass(eq=False)
class Keeping:
    """The rows of a leaf while they take less than its states may.

    Attributes
    ----------
    room : bytes that may still be kept; negative where that is over.
    pieces : encoded rows.
    """

    room: int
    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def of(cls, ready: Summary, pilot: Pilot, segment: Segment, *, whole: bool) -> Keeping:
        """Return where the rows of a segment are kept: with no room where the states surely take less than it.

        None are kept of what is not read ``whole``.
        """
        if ready.rounds > 1 or not whole:
            return cls(-1)
        rows = segment.rows or segment.nbytes // 4
        most = pilot.folds.leaf_cells * ready.nbytes_of(pilot.shape, rows)
        return cls(most if most > MARGIN * segment.nbytes else -1)

    def add(self, cell: int, batch: Batch) -> None:
        """Keep rows of a cell, if there is room."""
        if self.room < 0:
            return
        self.pieces.append(Piece.of(cell, batch, () if batch.number is None else ("priority",)))
        self.room -= self.pieces[-1].nbytes
        if self.room < 0:
            self.pieces.clear()

    def rows(self, segment: Segment) -> Mapping[str, Values]:
        """Return the rows of a segment as they are stored; nothing where there was no room."""
        if self.room < 0:
            return {}
        return {**arrays_of(self.pieces), WORD: np.array([row_word(segment.place, DRAW)])}


def smaller(leaf: Leaf, segment: Segment) -> Leaf:
    """Return a leaf as it is stored: of its rows where its cells take more than these, and than the segment."""
    alone = replace(leaf, kept={})
    if not leaf.kept or size(alone.cells) <= segment.nbytes:
        return alone
    taken = stored_bytes(alone)
    return leaf if taken > segment.nbytes and taken > stored_bytes(leaf) else alone


def opened(leaf: Leaf, ready: Summary, pilot: Pilot) -> Leaf:
    """Return a leaf with its cells: made of the rows, where it was stored as these.

    Raises
    ------
    ValueError
        The rows that are stored make no sense.
    """
    if not leaf.kept:
        return leaf
    cells, word = list(empty_cells(ready, pilot)), np.uint64(leaf.kept[WORD][0])
    for cell, batch in pieces_of(leaf.kept, pilot.shape, len(cells)):
        drawn = {} if batch.number is None else {"priority": drawn_by(word, batch.number)}
        cells[cell] = ready.update(cells[cell], batch.but(**drawn))
    return replace(leaf, cells=tuple(map(ready.ended, cells)), kept={})


def stored_leaves(
    store: StateStore, context: str, keys: Sequence[str], ready: Summary, pilot: Pilot
) -> dict[str, Leaf]:
    """Return the leaves of those of some segments that the store has; ``ready`` knows what it learned.

    Warns
    -----
    DamagedStateWarning
        The rows that a leaf was stored as make no sense: it is left out.
    """
    found = store.get_many(context, keys, empty_leaf(ready, pilot)) if keys else {}
    if not any(leaf.kept for leaf in found.values()):
        return found
    made: dict[str, Leaf] = {}
    with one_thread():
        for key, leaf in found.items():
            try:
                made[key] = opened(leaf, ready, pilot)
            except (ValueError, LookupError) as error:
                why = f"the state {context}/{key} of {store.location} is left out: {error}"
                warnings.warn(why, DamagedStateWarning, stacklevel=2)
    return made
