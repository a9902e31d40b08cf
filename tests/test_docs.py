"""Every example in the documentation runs: docstrings, README and docs."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import sys
import warnings
from pathlib import Path

import forked
import pytest
from endpoints import environment

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("hpo", "algorithms", "state_store", "studies")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNNABLE = ("python", "console")


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


def blocks(page, *languages):
    return [(kind, code) for kind, code in BLOCK.findall(page.read_text()) if kind in languages]


def commands(code):
    """Lines of a ```console block that begin with "$ "."""
    return [shlex.split(line[2:]) for line in code.splitlines() if line.startswith("$ ")]


BESIDE = f"""
def _run(words, given=__import__("sys"), os=__import__("os")):
    given.path.append({str(Path(forked.__file__).parent)!r})
    import forked
    given.path.pop()
    assert words[0] == "hpo"
    forked.run([given.executable, "-m", "hpo.cli", *words[1:]], check=True, stdout=1, stderr=2, timeout=600)
"""
"""A command of a page that runs in a fork is forked, too."""


def script_of(page):
    """All that a page says to type, in order, in one session: the Python blocks, and between them the commands."""
    parts = [BESIDE]
    for kind, code in blocks(page, *RUNNABLE):
        parts += [code] if kind == "python" else [f"_run({words!r})" for words in commands(code)]
    return "\n".join(parts)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, *RUNNABLE)], ids=lambda p: p.name)
def test_a_page_runs_as_it_stands_in_an_empty_directory(page, tmp_path, hpo_home, request):
    folder = tmp_path / "empty"
    folder.mkdir()
    env = {**os.environ, "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    env[forked.PLACE] = forked.parent()
    if "s3://" in script_of(page):
        env |= environment(request.getfixturevalue("endpoint"))
    run = [sys.executable, "-W", "error", "-W", "ignore:The data is read again", "-c", script_of(page)]
    done = forked.run(run, cwd=folder, capture_output=True, text=True, timeout=600, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rror" not in done.stderr


def test_every_command_of_the_readme_is_run():
    """The lines that install and leave the session are held against the Makefile alone."""
    page = ROOT / "README.md"
    assert [words[1] for _, code in blocks(page, "console") for words in commands(code)] == [
        "init", "plan", "run", "report", "predict", "studies", "states",
    ]  # fmt: skip
    ((_, install),) = blocks(page, "sh")
    lines = [line.partition("#")[0].split() for line in install.splitlines()]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lines == [["make", "demo"], ["source", ".venv/bin/activate"]] and "demo" in targets


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "yaml")], ids=lambda p: p.name)
def test_the_study_files_of_pages_are_right(page):
    from hpo.cli.known import known_fields
    from studies.spec.form import loads

    for _, code in blocks(page, "yaml"):
        spec = loads(code if "data:" in code else "data: rows.parquet\ntarget: y\n" + code)
        spec.validate(known_fields(spec.algorithm))


def test_the_public_names_exist():
    import hpo

    for name in hpo.__all__:
        assert getattr(hpo, name) is not None
    assert set(hpo._HOMES) == set(hpo.__all__)
    assert set(hpo.__all__) <= set(dir(hpo))
