"""Files whose names do not say what they are, and names with a tilde: a sentence that says what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from terminal import shell

import hpo
from hpo.errors import DataError
from studies.record.storage import open_storage

ROWS = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7, "y": np.arange(40.0) % 5})
TEXT = ROWS.to_csv(index=False).encode()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("t.csv", TEXT)
    return made.getvalue()


def parquet() -> bytes:
    made = io.BytesIO()
    ROWS.to_parquet(made)
    return made.getvalue()


CASES = {
    "gzip.csv": (gzip.compress(TEXT), "it is gzip by its first bytes, and CSV by its name; name it .csv.gz"),
    "bzip2.csv.gz": (bz2.compress(TEXT), "it is bzip2 by its first bytes, and gzip by its name; name it .csv.bz2"),
    "parquet.csv": (parquet(), "it is Parquet by its first bytes, and CSV by its name; name it .parquet"),
    "workbook.csv": (zipped(), "it is a zip archive or a workbook, which is not read; extract it, or save the sheet as CSV"),
    "text.parquet": (TEXT, "its name ends in .parquet, and it does not begin as Parquet does; name it .csv if it is text"),
    "text.csv.gz": (TEXT, "its name ends in .gz, and it does not begin as gzip does; name it .csv if it is text"),
    "t.csv.xz": (lzma.compress(TEXT), r"it is xz, which is not read; decompress it \(unxz\), or compress it with gzip"),
    "t.csv.zip": (zipped(), "it is a zip archive or a workbook, which is not read; extract it"),
    "t.xlsx": (zipped(), "save the sheet as CSV"),
    "t.jsonl": (b'{"a": 1}\n', "read it with pandas and pass the frame, or name it as what it is: .parquet, .csv"),
    "t.txt": (TEXT, "cannot tell the format of .*; name it as what it is: .parquet, .csv"),
    "comment.csv": (b"# of today\n" + TEXT, "as many values as the header has names: .* take out lines before the header"),
    "cut.csv": (TEXT + b"1,2\n", "as many values as the header has names: .* lines that were cut"),
    "cut.parquet": (parquet()[:-9], "it is damaged, truncated or still being written"),
}


def tune(path, **options):
    return hpo.tune(str(path), "y", "ridge", trials=1, progress=False, store=path.parent / "store", **options)


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_is_not_what_its_name_says_is_distinguished_from_a_damaged_one(tmp_path, name):
    content, says = CASES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        tune(tmp_path / name)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_two_columns_of_one_name_are_refused_not_taken_for_one(tmp_path, ending):
    path, table = tmp_path / f"t{ending}", pa.table([[1.0, 2.0], [3.0, 5.0], [1.0, 0.0]], names=["a", "a", "y"])
    if ending == ".parquet":
        pq.write_table(table, path)
    else:
        table.to_pandas().to_csv(path, index=False)
    with pytest.raises(DataError, match="has more than one column named 'a'; rename them"):
        tune(path)


def test_the_command_line_says_so_too(tmp_path):
    (tmp_path / "t.csv").write_bytes(gzip.compress(TEXT))
    shown = shell("init", "t.csv", "--target", "y", "-o", "s.yaml", cwd=tmp_path)
    assert shown.code == 1
    assert "it is gzip by its first bytes" in " ".join(shown.err.split())


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.bz2", ".CSV", ".tsv"])
def test_what_is_named_as_it_is_is_read(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    ROWS.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    assert tune(path).model_of(encoded=True)["encoder"].feature_names_in_.tolist() == ["a", "b"]


def test_a_tilde_that_is_no_home_is_part_of_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ROWS.to_csv("~rows.csv", index=False)
    result = hpo.tune("~rows.csv", "y", "ridge", trials=1, name="s", storage="~s.journal", store="~store", progress=False)
    assert len(result.optuna_study.trials) == 1
    assert (tmp_path / "~s.journal").is_file()
    assert (tmp_path / "~store").is_dir()
    assert open_storage("~s.journal").get_all_studies()[0].study_name == "s"
