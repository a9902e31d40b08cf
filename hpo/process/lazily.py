"""What an ordinary study needs nothing of, loaded when it is first used: a small study is mostly imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algorithms.lazily import Library

if TYPE_CHECKING:
    import pyarrow.compute as arrow_compute

    from hpo.process import bars
else:
    arrow_compute = Library("pyarrow.compute")
    bars = Library("hpo.process.bars")
