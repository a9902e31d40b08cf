"""``make release-check``: the wheel, in a fresh environment of each Python that is there, runs the demo."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def pythons() -> dict[str, str]:
    """Return the interpreters that are found, by version; whichever runs this counts as well."""
    found = {version: path for version in VERSIONS for path in _named(f"python{version}") if _runs(path, version)}
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {own: sys.executable, **found} if own in VERSIONS else found


def _named(name: str) -> list[str]:
    """Return the commands of a name: those that pyenv keeps, then those on the path, the first last."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    folders = [*sorted(map(str, root.glob("versions/*/bin"))), *os.get_exec_path()[::-1]]
    return [path for folder in folders if (path := shutil.which(name, path=folder)) is not None]


def _runs(python: str, version: str) -> bool:
    """Return whether an interpreter starts and is what its name says; a shim may stand for nothing."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def run(*command: str | os.PathLike[str], cwd: Path, **more: str) -> str:
    """Return what a command prints; what it says is shown if it fails."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    words = [os.fspath(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wheel(python: str, place: Path) -> Path:
    """Build the wheel in an environment of its own, and return where it is."""
    own = environment(python, place / "build")
    run(own / "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT, cwd=place)
    (made,) = place.glob("*.whl")
    names = zipfile.ZipFile(made).namelist()
    stray = sorted({name.split("/")[0] for name in names} - ROOMS - {f"{made.name.split('-py3')[0]}.dist-info"})
    if stray:
        sys.exit(f"{made.name} holds what it should not: {', '.join(stray)}")
    return made


def environment(python: str, place: Path) -> Path:
    """Make a fresh environment, with pip even where the interpreter has none; return where its commands are."""
    run(python, "-m", "venv", place, cwd=place.parent)
    return place / ("Scripts" if os.name == "nt" else "bin")


ROOMS = {"hpo", "algorithms", "state_store", "studies", "onepass_hpo.py"}


def checked(python: str, made: Path, place: Path) -> str:
    """Install the wheel with what the demo needs, ask its version, and run the demo."""
    own = environment(python, place / "venv")
    constraints = ["--constraint", ROOT / "constraints.txt"]
    run(own / "python", "-m", "pip", "install", "--quiet", *constraints, f"{made}[demo]", cwd=place)
    version = run(own / "hpo", "--version", cwd=place).strip()
    run(own / "hpo", "demo", "--trials", "20", "--quiet", cwd=place, HPO_HOME=os.fspath(place / "home"))
    return version


def main() -> None:
    """Check every Python that is there; say which are not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=VERSIONS, help="one version of Python")
    asked = parser.parse_args().only
    there = {version: path for version, path in pythons().items() if asked in (None, version)}
    if not there:
        sys.exit(f"no Python of {asked or ', '.join(VERSIONS)} is on the path")
    with tempfile.TemporaryDirectory() as folder:
        made = wheel(next(iter(there.values())), Path(folder))
        for version, path in sorted(there.items()):
            place = Path(folder) / version
            place.mkdir()
            outcome = checked(path, made, place)
            print(f"Python {version}: {outcome}, {made.name} installs, the demo runs", flush=True)
    missing = [version for version in VERSIONS if version not in there and asked is None]
    if missing:
        print(f"not there, so not checked: Python {', '.join(missing)}")


if __name__ == "__main__":
    main()
