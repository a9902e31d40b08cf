"""What an ordinary study needs nothing of, loaded when it is first used: a small study is mostly imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algorithms.lazily import Library

if TYPE_CHECKING:
    import pyarrow.compute as arrow_compute
    import pyarrow.fs as arrow_fs
    import pyarrow.parquet as arrow_parquet

    from hpo.process import bars
else:
    arrow_compute = Library("pyarrow.compute")
    arrow_fs = Library("pyarrow.fs")
    arrow_parquet = Library("pyarrow.parquet")
    bars = Library("hpo.process.bars")
