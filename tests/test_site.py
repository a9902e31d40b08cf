"""The site: it is built without a warning, holds everything public, and loads nothing from the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import hpo
from hpo.cli.options import Command
from studies.spec.spec import StudySpec

ROOT = Path(__file__).parent.parent
LOADED = re.compile(r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+rel=["']?(?:stylesheet|preload)[^>]+href=["']?(?:https?:)?//""")  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    run = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", os.fspath(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.syspath_prepend(os.fspath(ROOT / "tools"))
    import reference

    return reference


def test_every_page_of_docs_is_in_the_site(site):
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file(), page.name
    for name in ("index", "changelog", "benchmarks", "contributing", "security"):
        assert (site / f"{name}.html").is_file()


def test_every_page_of_docs_is_in_the_navigation_and_is_named_by_the_readme_or_another_page():
    chosen = yaml.load((ROOT / "mkdocs.yml").read_text(), yaml.BaseLoader)["nav"]
    listed = [page for part in chosen for pages in part.values() for page in pages]
    texts = {path: path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
    for page in (ROOT / "docs").glob("*.md"):
        assert listed.count(page.name) == 1, page.name
        assert any(f"{page.name})" in text for path, text in texts.items() if path != page), page.name


def test_no_page_loads_anything_from_the_network(site):
    for page in site.rglob("*.html"):
        assert not LOADED.search(page.read_text("utf-8")), page.name


def test_every_public_name_has_its_docstring_in_the_reference(site, reference):
    page = (site / "reference/python.html").read_text("utf-8")
    for name in hpo.__all__:
        if name in reference.OPTUNAS:
            assert f"hpo.{name}" in page
        elif not name.startswith("__"):
            assert re.search(rf'id="(hpo|algorithms|studies|state_store)[\w.]*\.{name}"', page), name


def test_every_option_of_a_study_and_of_a_command_is_in_the_reference(reference):
    options, commands = reference.study_options(), reference.command_line()
    assert all(f"## `{name}`" in options for name in StudySpec.model_fields)
    found = list(reference.commands())
    assert len(found) > 20
    for path, command in found:
        assert f"## `hpo {' '.join(path)}`" in commands
        for option in options_of(command):
            assert f"`{option}`" in commands, (path, option)


def options_of(command: Command) -> list[str]:
    return [name for one in command.params if one.param_type_name == "option" for name in one.opts]
