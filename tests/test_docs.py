"""Every example in the documentation runs: docstrings, README and docs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("hpo", "algorithms", "state_store", "studies")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def modules():
    for room in ROOMS:
        package = importlib.import_module(room)
        yield room
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not found.name.endswith("__main__"):
                yield found.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_examples_in_docstrings(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    assert failed == 0


def blocks(page, language):
    return "\n".join(code for kind, code in BLOCK.findall(page.read_text()) if kind == language)


def pages_with(language):
    return pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, language)], ids=lambda p: p.name)


@pages_with("python")
def test_python_examples_in_pages(page, tmp_path):
    code = blocks(page, "python")
    make_flights(tmp_path)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pages_with("console")
def test_shell_examples_in_pages(page, tmp_path):
    """Lines of ```console blocks that begin with "$ hpo" run, in order, in one directory."""
    lines = [line[2:] for line in blocks(page, "console").splitlines() if line.startswith("$ hpo")]
    assert lines
    make_flights(tmp_path)
    bin_ = Path(sys.executable).parent
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=300,
            env={**__import__("os").environ, "PATH": f"{bin_}:/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def make_flights(folder):
    from flights import write_months

    columns = ["month", "day", "carrier", "origin", "dest", "distance", "sched_dep_time", "arr_delay"]
    write_months(folder / "flights", columns=columns)


def test_the_public_names_exist():
    import hpo

    for name in hpo.__all__:
        assert getattr(hpo, name) is not None
    assert set(hpo._HOMES) == set(hpo.__all__)
    assert set(hpo.__all__) <= set(dir(hpo))
