"""Reading a file larger than the memory it may take."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from scipy.sparse import csr_array

from hpo.data import open_dataset

MIB = 1 << 20
ROWS, COLUMNS = 2_400_000, 20
DECODED = ROWS * COLUMNS * 8 // MIB

READ = """
    import resource, sys
    from hpo.data import Encoder, HashFolds, Workspace, open_dataset
    dataset = open_dataset(sys.argv[1], target="x0")
    encoder, folds, workspace = Encoder().fit_fields(dataset.features), HashFolds(5), Workspace()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = 0
    for segment in dataset.segments:
        first = 0
        for batch in dataset.read(segment):
            cells = folds.assign(segment, batch, first)
            rows += encoder.encode_cells(batch, ["x0"], None, cells, 5, workspace=workspace).counts.sum()
            first += batch.num_rows
    print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def grown(path) -> int:
    """Read a file in a fresh process; return by how many MiB its peak memory grew."""
    command = [sys.executable, "-c", textwrap.dedent(READ), str(path)]
    rows, mib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(rows) == ROWS
    return int(mib)


@pytest.mark.parametrize("row_group", [200_000, ROWS], ids=["many row groups", "one row group"])
def test_a_parquet_file_is_read_in_bounded_memory(tmp_path, row_group):
    schema = pa.schema([(f"x{i}", pa.float64()) for i in range(COLUMNS)])
    column = np.random.default_rng(0).standard_normal(200_000)
    piece = pa.table([np.roll(column, i) for i in range(COLUMNS)], schema=schema)
    with pq.ParquetWriter(tmp_path / "a.parquet", schema, use_dictionary=False, compression="none") as writer:
        for table in [piece] * 12 if row_group < ROWS else [pa.concat_tables([piece] * 12)]:
            writer.write_table(table, row_group_size=row_group)
    assert (tmp_path / "a.parquet").stat().st_size > 0.99 * DECODED * MIB
    assert grown(tmp_path / "a.parquet") < DECODED / 3


def test_a_csv_file_is_read_in_bounded_memory(tmp_path):
    piece = pa.table({f"x{i}": np.arange(200_000) % 7 / 2 for i in range(COLUMNS)})
    with csv.CSVWriter(str(tmp_path / "a.csv"), piece.schema) as writer:
        for _ in range(12):
            writer.write_table(piece)
    assert grown(tmp_path / "a.csv") < DECODED / 2


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_one_column_of_an_array_is_copied_alone(kind):
    matrix = np.arange(2_000 * 500, dtype=np.float64).reshape(2_000, 500)
    dataset = open_dataset((kind(matrix), np.arange(2_000.0)))
    tracemalloc.start()
    try:
        column = dataset.values(["x7"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert column.column(0).to_pylist() == matrix[:, 7].tolist()
    assert peak < matrix.nbytes / 50
