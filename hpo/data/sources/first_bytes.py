"""What a file is by its first bytes, where its name says something else."""

from __future__ import annotations

READ = ".parquet, .csv, .csv.gz, .arrow and .feather"

SIZE = 16
"""Bytes that tell."""

_KINDS = (
    (b"PAR1", "Parquet", "name it .parquet"),
    (b"ARROW1", "Arrow IPC", "name it .arrow"),
    (b"FEA1", "Feather", "name it .feather"),
    (b"\x1f\x8b", "gzip", "name it .csv.gz if it holds CSV, or decompress it"),
    (b"BZh", "bzip2", "name it .csv.bz2 if it holds CSV, or decompress it"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "name it .csv.zst if it holds CSV, or decompress it"),
    (b"\x04\x22\x4d\x18", "LZ4", "name it .csv.lz4 if it holds CSV, or decompress it"),
    (b"\xfd7zXZ\x00", "xz, which is not read", "decompress it (unxz), or compress it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not read", "extract it"),
    (b"PK\x03\x04", "a zip archive or a workbook, which is not read", "extract it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old workbook, which is not read", "save the sheet as CSV"),
    (b"SQLite format 3\x00", "an SQLite database, which is not read", "write its table to a Parquet file"),
    (b"\x89HDF\r\n", "HDF5, which is not read", "write its table to a Parquet file"),
    (b"%PDF", "a PDF, which is not read", "save its table as CSV"),
)

_OF_NAMES = {".gz": "gzip", ".bz2": "bzip2", ".zst": "Zstandard", ".lz4": "LZ4"}

_OF_PANDAS = {
    ".json", ".jsonl", ".ndjson", ".xml", ".html", ".pkl", ".pickle", ".orc", ".sas7bdat", ".xpt", ".sav", ".dta",
}  # fmt: skip


def kind_of(start: bytes) -> tuple[str, str] | None:
    """Return what a file is that begins so, and what to do with it; None for text and all that is unknown.

    Examples
    --------
    >>> kind_of(b"PAR1...."), kind_of(b"a,b")
    (('Parquet', 'name it .parquet'), None)
    """
    return next(((kind, advice) for magic, kind, advice in _KINDS if start.startswith(magic)), None)


def mistaken(start: bytes, ending: str, kind_by_name: str) -> str | None:
    """Return how a file that begins so differs from what its name says, and what to do; None where it does not.

    Parameters
    ----------
    start : its first bytes.
    ending : the last ending of its name, such as ``".gz"``.
    kind_by_name : what it is read as, such as ``"CSV"``.

    Examples
    --------
    >>> mistaken(b"PAR1....", ".csv", "CSV")
    'it is Parquet by its first bytes, and CSV by its name; name it .parquet'
    >>> mistaken(b"a,b", ".gz", "CSV")
    'its name ends in .gz, and it does not begin as gzip does; name it .csv if it is text'
    >>> mistaken(b"a,b", ".csv", "CSV")
    """
    found, wanted = kind_of(start), _OF_NAMES.get(ending, kind_by_name)
    if found is None:
        said = ending in _OF_NAMES or kind_by_name == "Parquet"
        why = f"its name ends in {ending}, and it does not begin as {wanted} does; name it .csv if it is text"
        return why if said and start else None
    kind, advice = found
    if kind == wanted or (kind == "Feather" and wanted == "Arrow IPC"):
        return None
    return f"it is {kind}; {advice}" if "not read" in kind else (
        f"it is {kind} by its first bytes, and {wanted} by its name; {advice}"
    )


def advice_for(start: bytes, ending: str) -> str:
    """Return what to do with a file whose name does not say what it is.

    Examples
    --------
    >>> advice_for(b"a,b", ".txt")
    'name it as what it is: .parquet, .csv, .csv.gz, .arrow and .feather are read'
    """
    found = kind_of(start)
    if found is not None:
        return f"it is {found[0]}; {found[1]}: {READ} are read"
    frame = "read it with pandas and pass the frame, or " if ending in _OF_PANDAS else ""
    return f"{frame}name it as what it is: {READ} are read"
