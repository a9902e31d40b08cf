"""What may be imported for a name in a file, on the command line, in Python, in a record or an entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from terminal import command, shell, within, write_data, write_study

import hpo
from algorithms import imports, registry
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.imports import check_import

LOUD = """
import os, pathlib
pathlib.Path("imported").touch()
print("imported, in Python")
os.system("echo imported, in another process")
from sklearn.linear_model import Ridge

class Mine(Ridge):
    def fit(self, X, y, sample_weight=None):
        print("fitted, in Python")
        os.write(1, b"fitted, beneath Python\\n")
        return super().fit(X, y, sample_weight)
"""
PATH = "sklearn:mine.Mine"
NAMED = ["run", "plan", "report", "predict", "algorithms", "init"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with a module that nobody installed, a study that names it, and one of the name of a package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    write_data(tmp_path / "data")
    for name in ("mine", "lightgbm", "colour"):
        (tmp_path / f"{name}.py").write_text(LOUD)
    return tmp_path


def study(here, path=PATH, **fields):
    short = path.rpartition(".")[2]
    return write_study(here / "s.yaml", here / "data", algorithm=path, search={f"{short}.alpha": [1.0, 2.0]}, trials=2, folds=2, **fields)  # fmt: skip


@pytest.mark.parametrize("what", ["plan", "run"])
@pytest.mark.parametrize("package", ["mine", "lightgbm"], ids=["nobody's", "an installed one's name"])
def test_the_current_directory_is_never_imported_from(here, what, package):
    said = shell(what, study(here, f"sklearn:{package}.Mine"))
    assert (said.code, said.out) == (1, "")
    assert f"{package!r} belongs to no installed package (it lies in {here})" in said.err
    assert f"--allow-import {package}" in said.err
    assert not Path("imported").exists()


def test_what_is_allowed_in_the_file_or_by_the_command_is_imported_and_only_json_is_printed(here):
    for file, options in ((study(here), ("--allow-import", "mine")), (study(here, allow_imports=["mine"]), ())):
        assert shell("plan", file, *options, "--json").json["rows_to_read"] in (0, 600)
        said = shell("run", file, "--resume", *options, "--json", "--store", here / file.stem)
        assert (said.code, said.json["trials"]) == (0, 2)
        for line in ("imported, in Python", "imported, in another process", "fitted, in Python", "fitted, beneath Python"):
            assert line in said.err or ("fitted" in line and said.json["cost"]["rows_read"] == 0), line
    assert Path("imported").exists()


def test_a_record_does_not_widen_what_is_imported(here, monkeypatch):
    assert shell("run", study(here, allow_imports="mine", name="s")).code == 0
    Path("imported").unlink()
    monkeypatch.syspath_prepend(str(here))  # what is refused in this process could be imported
    for args in (("report", "s"), ("predict", "s", "data/part-0.parquet", "-o", "p.csv")):
        refused = within(*args)
        assert (refused.code, "--allow-import mine" in refused.err) == (1, True)
        assert not Path("imported").exists()
        assert shell(*args, "--allow-import", "mine").code == 0
        Path("imported").unlink()
    with pytest.raises(AlgorithmError, match="'mine' belongs to no installed package"):
        hpo.load("s")
    assert not Path("imported").exists()
    load = "import hpo; print(hpo.load('s', allow_imports='mine').metric)"
    assert forked.run([sys.executable, "-c", load], capture_output=True).returncode == 0


def test_python_allows_by_name_too(here, monkeypatch):
    asked = {"drop": "id", "search": {"Mine.alpha": [1.0]}, "trials": 1, "folds": 2, "store": "s"}
    monkeypatch.syspath_prepend(str(here))  # what is refused in this process could be imported
    with pytest.raises(AlgorithmError, match="'mine' belongs to no installed package"):
        hpo.tune("data", "y", PATH, **asked)
    assert not Path("imported").exists()
    code = f"import hpo; print(hpo.tune('data', 'y', {PATH!r}, allow_imports=['mine'], **{asked!r}).metric)"
    done = forked.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, Path("imported").exists()) == (0, True), done.stderr


def distribution(site: Path, name: str, record: str, points: str = "") -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(record)
    (info / "entry_points.txt").write_text(points)


def test_entry_points_import_what_their_distribution_brought(here, monkeypatch):
    site = here / "site"
    points = "[hpo.algorithms]\n{} = mine:Mine\n"
    distribution(site, "elsewhere", "elsewhere.py,,\n", points.format("strange"))
    distribution(here, "planted", "mine.py,,\n", points.format("planted"))
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    found = {one["name"]: one for one in shell("algorithms", "--json").json}
    for name in ("strange", "planted"):
        assert "'mine' belongs to no installed package" in found[name]["error"]
    assert not Path("imported").exists()
    assert shell("plan", study(here)).code == 1, "a distribution in the current directory is not installed"
    found = {one["name"]: one for one in shell("algorithms", "--json", "--allow-import", "mine").json}
    assert "does not keep the contract" in found["strange"]["error"]
    assert Path("imported").exists()


def test_a_project_that_is_installed_to_be_edited_counts(here, monkeypatch):
    project, site = here / "project", here / "site"
    (project / "src").mkdir(parents=True)
    (project / "src" / "edited.py").write_text("")
    distribution(site, "edited", "edited.pth,,\n")
    (site / "edited.pth").write_text(f"{project / 'src'}\n")
    (site / "edited-1.0.dist-info" / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}, "url": project.as_uri()}))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(project / "src"))
    check_import("edited", "it")
    with pytest.raises(AlgorithmError, match="colour"):
        monkeypatch.syspath_prepend(str(here))
        check_import("colour", "it")


def test_a_package_of_several_places_is_refused_if_one_is_nobodys(here, monkeypatch):
    site = here / "site"
    for place in (site, here / "near"):
        (place / "spread").mkdir(parents=True)
        (place / "spread" / f"in_{place.name}.py").write_text("")
    distribution(site, "spread", "spread/in_site.py,,\n")
    monkeypatch.syspath_prepend(str(site))
    check_import("spread.in_site", "it")
    monkeypatch.syspath_prepend(str(here / "near"))
    with pytest.raises(AlgorithmError, match="belongs to no installed package"):
        check_import("spread.in_near", "it")


@pytest.mark.parametrize("name", ["mine.models", "", "../mine", "a b"])
def test_what_is_allowed_is_the_name_of_a_top_level_package(name, monkeypatch):
    monkeypatch.setattr(imports, "_ALLOWED", set())
    with pytest.raises(InvalidField, match="not a top-level package"):
        imports.allow([name])
    assert not imports._ALLOWED


def test_main_is_no_package():
    with pytest.raises(AlgorithmError, match="'__main__'"):
        registry.get("sklearn:__main__.X")


@pytest.mark.parametrize("what", NAMED)
def test_commands_that_import_take_it(what):
    assert "--allow-import" in within(what, "--help").out


def test_a_closed_output_is_a_sentence_and_stops_before_anything_is_done(here):
    file = write_study(here / "r.yaml", here / "data", name="r")
    line = " ".join(f"'{part}'" for part in command("run", file))
    done = subprocess.run(["bash", "-c", f"{line} >&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: standard output is closed")
    assert len(done.stderr.splitlines()) == 1
    assert not (here / "home").exists()
    done = subprocess.run(["bash", "-c", f"{line} 2>&- <&-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "hpo report r" in done.stdout


@pytest.mark.parametrize("args", [["run", "r.yaml", "--json"], ["run", "r.yaml", "--resume"], ["algorithms"], ["--help"]])
def test_a_reader_that_stops_reading_ends_it_quietly(here, args):
    write_study(here / "r.yaml", here / "data", name="r")
    reader, writer = os.pipe()
    os.close(reader)
    errors = {"stderr": subprocess.PIPE} if args == ["--help"] else {}
    done = (subprocess.run if args == ["--help"] else forked.run)(command(*args), stdout=writer, timeout=60, **errors)
    os.close(writer)
    assert (done.returncode in ((1, 141) if args == ["--help"] else (141,)), done.stderr) == (True, b"")
