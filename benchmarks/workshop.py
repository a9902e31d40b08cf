"""Where a benchmark's files are: data made in pieces, stores and journals that are new each time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

D = 50
GROUP_ROWS = 131_072
TARGET = "y"
NOISE = 3.0
Matrix = NDArray[np.float32]


@dataclass
class Workshop:
    """A directory and the sizes of a run.

    Attributes
    ----------
    folder : for everything that is written.
    rows : of the main data set.
    repeats : repetitions of what is quick enough to repeat.
    patience : seconds to wait for other processes before each repetition.
    trials : of a study.
    big_rows : of the data set that must not fit in memory.
    tree_rows : flights of the part of trees.
    """

    folder: Path
    rows: int = 2_000_000
    repeats: int = 7
    patience: float = 0.0
    trials: int = 200
    big_rows: int = 50_000_000
    tree_rows: int = 20_000
    _count: int = field(default=0, repr=False)

    def main_file(self) -> Path:
        """Return the main data set, made at the first call."""
        return self.file("main", self.rows)

    def file(self, name: str, rows: int, seed: int = 0, *, coarse: bool = False) -> Path:
        """Return a Parquet file of 50 float32 features and a target, made at the first call."""
        path = self.folder / f"{name}-{rows}.parquet"
        if not path.exists():
            half = path.with_suffix(".half")
            write(half, rows, seed, coarse=coarse)
            half.rename(path)
        return path

    def fresh(self, name: str) -> Path:
        """Return a path that nothing has been written to."""
        self._count += 1
        return self.folder / f"{name}-{self._count}"

    def remove(self, path: Path) -> None:
        """Delete a file or directory, if it is there."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write(path: Path, rows: int, seed: int, *, coarse: bool) -> None:
    """Write a file row group by row group.

    ``coarse`` rounds to sixteenths and compresses harder: varied values on a fifth of the disk.
    """
    writer = None
    how: dict[str, Any] = {"compression": "zstd"} if coarse else {}
    for X, y in pieces(rows, seed):
        table = as_table(_coarse(X), _coarse(y)) if coarse else as_table(X, y)
        writer = writer or pq.ParquetWriter(path, table.schema, **how)
        writer.write_table(table, row_group_size=GROUP_ROWS)
    assert writer is not None, "rows must be positive"
    writer.close()


def _coarse(x: Matrix) -> Matrix:
    return (np.round(x * np.float32(16)) / np.float32(16)).astype(np.float32, copy=False)


def pieces(rows: int, seed: int) -> Iterator[tuple[Matrix, Matrix]]:
    """Yield features (equally correlated, ρ ≈ 0.33) and target (20 of 50 coefficients, R² about 0.95)."""
    coef = np.random.default_rng(99).normal(size=D).astype(np.float32) * (np.arange(D) < 20)
    rng = np.random.default_rng(seed)
    for start in range(0, rows, GROUP_ROWS):
        n = min(GROUP_ROWS, rows - start)
        X = rng.standard_normal((n, D), dtype=np.float32)
        X += np.float32(0.7) * rng.standard_normal((n, 1), dtype=np.float32)
        yield X, X @ coef + np.float32(NOISE) * rng.standard_normal(n, dtype=np.float32)


def in_memory(rows: int, seed: int = 0) -> tuple[Matrix, Matrix]:
    """Return the rows of a file as one float32 array and a target: what peers are given."""
    X, y = zip(*pieces(rows, seed), strict=True)
    return np.concatenate(X), np.concatenate(y)


def as_table(X: Matrix, y: Matrix) -> pa.Table:
    """Return rows as an Arrow table."""
    columns = {f"x{j:02d}": pa.array(np.ascontiguousarray(X[:, j])) for j in range(D)}
    return pa.table({**columns, TARGET: pa.array(y)})
