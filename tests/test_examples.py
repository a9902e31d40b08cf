"""The notebooks of examples/ run from top to bottom, in an empty directory, and print what they show."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def printed(notebook) -> list[tuple[str, str]]:
    """Return what the cells of a notebook printed; on standard error, too.

    A kernel sends what is there five times a second, so that a line may come in two pieces.
    """
    found = []
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        streams = [(out.name, out.text) for out in cell.outputs if out.output_type == "stream"]
        found += [(name, "".join(text for _, text in part)) for name, part in groupby(streams, lambda one: one[0])]
    return found


def test_there_are_six():
    assert [path.stem for path in NOTEBOOKS] == [
        "classification", "clustering", "forecast", "gridsearch_and_trees", "regression", "text",
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path, tmp_path, monkeypatch, hpo_home):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (os.fspath(ROOT), os.environ.get("PYTHONPATH")))))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore:IProgress not found")  # of tqdm, which Optuna imports
    kept, run = nbformat.read(path, 4), nbformat.read(path, 4)
    where = {"metadata": {"path": os.fspath(tmp_path)}}
    NotebookClient(run, timeout=120, kernel_name="python3", resources=where).execute()
    assert printed(run) == printed(kept) != []
    assert all(name == "stdout" for name, _ in printed(run))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_its_output_and_is_small(path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells) and sum(bool(cell.outputs) for cell in cells) >= 3
    assert path.stat().st_size < 60_000
