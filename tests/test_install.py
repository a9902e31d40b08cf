"""What is installed: a wheel that runs without the checkout, and packages that say who is in their way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def run(*words, **options):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    made = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel's own files in a directory that comes before everything else."""
    target = tmp_path_factory.mktemp("installed")
    done = run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel)
    assert done.returncode == 0, done.stderr
    return target


def test_the_installed_wheel_runs_the_first_step_of_the_demo(installed, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(installed), "HPO_HOME": str(tmp_path / "home")}
    where = run(sys.executable, "-c", "import hpo, algorithms, state_store, studies; "
                "print(hpo.__file__, algorithms.__file__, state_store.__file__, studies.__file__)", env=env, cwd=tmp_path)  # fmt: skip
    assert where.returncode == 0, where.stderr
    assert all(Path(path).is_relative_to(installed) for path in where.stdout.split())
    code = "from hpo.cli import main; main()"
    done = run(sys.executable, "-c", code, "demo", "--trials", "5", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "308,641" in done.stdout  # January to November


def test_the_wheel_ships_what_is_not_python(wheel):
    names = run(sys.executable, "-m", "zipfile", "-l", wheel).stdout
    for part in ("studies/report/templates/report.html.j2", "studies/examples/flights.yaml", "hpo/py.typed", "licenses/LICENSE"):
        assert part in names


@pytest.mark.parametrize("room", ["algorithms", "studies", "state_store"])
@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_shadowed_package_is_named(tmp_path, room, kind):
    path = tmp_path / f"{room}.py" if kind == "module" else tmp_path / room / "__init__.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    done = run(sys.executable, "-c", "import hpo", cwd=tmp_path)
    assert done.returncode != 0
    assert f"ImportError: {path} is in the way" in done.stderr
    assert "Rename yours" in done.stderr


def test_a_plain_folder_of_that_name_is_not_in_the_way(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "notes.txt").write_text("mine")
    assert run(sys.executable, "-c", "import hpo", cwd=tmp_path).returncode == 0


def test_importing_hpo_loads_nothing_heavy():
    code = "import hpo, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = set(run(sys.executable, "-c", code).stdout.split())
    assert not loaded & {"numpy", "pandas", "sklearn", "scipy", "optuna", "pyarrow", "rich", "jinja2", "pydantic"}


@pytest.mark.parametrize(
    ("there", "user", "apt", "calls"),
    [
        (True, 0, "exit 0", ["make"]),
        (False, 0, "exit 0", ["update", "install", "update", "install", "make"]),
        (False, 0, "exit 100", ["update", "update", "make"]),
        (False, 0, None, ["make"]),
        (False, 1000, "exit 0", ["make"]),
    ],
)
def test_ci_installs_a_browser_and_a_database_where_it_can_and_runs_without_where_not(tmp_path, there, user, apt, calls):
    script, bin_, log = ROOT / ".ci" / "run", tmp_path / "bin", tmp_path / "log"
    if not script.exists():
        pytest.skip("a source distribution has no .ci")
    bin_.mkdir()
    for tool in ("bash", "dirname", "timeout"):
        (bin_ / tool).symlink_to(shutil.which(tool))
    commands = {"id": f"echo {user}", "make": f"echo make >> {log}"}
    if there:
        commands["chromium"] = commands["initdb"] = "exit 0"
    if apt is not None:
        commands["apt-get"] = f'for word; do case $word in update|install) echo $word >> {log};; esac; done; {apt}'
    for name, body in commands.items():
        (bin_ / name).write_text(f"#!{shutil.which('bash')}\n{body}\n")
        (bin_ / name).chmod(0o755)
    done = run(bin_ / "bash", script, env={"PATH": str(bin_), "POSTGRES": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert log.read_text().split() == calls
    assert ("will skip" in done.stderr) == (not there and "install" not in calls)


def needed(requirement, found):
    """Collect what a requirement pulls in, by the metadata of what is installed."""
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return
    name = canonicalize_name(requirement.name)
    if name in found or name == "onepass-hpo":
        return
    found.add(name)
    for line in distribution(name).requires or ():
        needed(Requirement(line), found)


def test_the_constraints_pin_everything_that_make_test_installs_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found = set()
    own = ("demo", "cloud", "dask", "postgresql", "neural", "export", "docs", "dashboard", "test")
    wanted = [line for name in own for line in extras[name]]
    for line in (*project["dependencies"], *wanted):
        needed(Requirement(line), found)
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().split("\n") if line]
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    assert {canonicalize_name(pin.name) for pin in pins} == found


def test_the_demo_installs_no_developers_tools(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    done = run("make", "-n", "demo", f"VENV={tmp_path / 'venv'}", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--editable '.[demo]'" in done.stdout and ".[test]" not in done.stdout
