"""``hpo --help``: every command and option is documented, with examples that parse; and it starts lightly."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
import typer
from terminal import hpo

from hpo.cli.app import app
from hpo.cli.exits import MEANINGS

HEAVY = {
    "IPython", "jinja2", "joblib", "matplotlib", "numpy", "optuna", "pandas", "pyarrow", "pydantic", "rich",
    "scipy", "sklearn", "sqlalchemy", "yaml",
}  # fmt: skip


def commands(group=None, path=()):
    """Yield every command with its words."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = list(commands())
NAMES = [" ".join(path) for path, _ in ALL]


@pytest.fixture
def ask(capsys, monkeypatch):
    return lambda *args, **more: hpo(capsys, monkeypatch, *args, **more)


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_option_is_documented(ask, path, command):
    shown = ask(*path, "--help")
    assert shown.code == 0
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} has no help"
        for option in parameter.opts:
            assert parameter.param_type_name == "argument" or option in shown.out


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_help_has_examples_of_itself_that_parse(ask, path, command):
    shown = ask(*path, "--help").out
    examples = re.findall(r"^    (hpo .*?)(?: [|<>] .*)?$", shown, re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert tuple(words[1 : 1 + len(path)]) == path
        command.make_context("hpo", words[1 + len(path) :])  # raises on an option or a value that is none


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_command_that_answers_can_answer_as_json(path, command):
    assert "--json" in [option for parameter in command.params for option in parameter.opts]


def test_the_first_page_names_every_command_and_exit_code(ask):
    shown = ask("--help")
    for path, _ in ALL:
        assert re.search(rf"^  {path[0]} ", shown.out, re.MULTILINE)
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^ +{code}  {re.escape(meaning)}$", shown.out, re.MULTILINE)
    summaries = shown.out.partition("Commands:")[2]
    assert "..." not in summaries  # a summary that is cut says nothing


@pytest.mark.parametrize("group", [(), ("studies",), ("states",)])
def test_help_fits_80_columns(ask, monkeypatch, group):
    monkeypatch.setenv("COLUMNS", "80")
    shown = ask(*group, "--help").out
    usage = [line for line in shown.splitlines() if not line.startswith("    hpo ")]
    assert max(map(len, usage)) <= 90
    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("rnu",), "rnu"),
        (("run",), "STUDY.yaml"),
        (("run", "s.yaml", "--trails", "3"), "--trials"),
        (("run", "s.yaml", "--trials", "many"), "--trials"),
        (("run", "s.yaml", "--trials", "0"), "--trials"),
        (("predict", "a", "b.csv"), "--output"),
        (("states", "collect"), "collect"),
    ],
)
def test_wrong_usage_is_explained_in_words(ask, args, words):
    answer = ask(*args)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


def loaded_by(*args):
    """Return the top-level modules that a command loads, in a process of its own."""
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['hpo', *{args!r}]\n"
        "try: runpy.run_module('hpo.cli', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_help_loads_nothing_heavy():
    loaded = loaded_by("--help")
    assert "typer" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("args", [(), ("--json",)], ids=["shown", "json"])
def test_describing_every_algorithm_loads_nothing_that_fits_or_reads(args):
    """Algorithms are arrays and fields until a fitted estimator is built: scikit-learn alone takes a second to import."""
    loaded = loaded_by("algorithms", *args)
    assert "numpy" in loaded
    assert loaded & (HEAVY - {"numpy", "pydantic", "rich"}) == set()  # typer itself brings pydantic
