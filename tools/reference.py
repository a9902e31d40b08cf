"""Pages of the reference, made from the code: public names, commands, options of a study, and algorithms.

``tools/site.py`` puts them into the site; nothing here is written by hand, so that no page can be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import typer
import typer.core

from algorithms import registry
from hpo.cli.algorithms import WHEN, describe
from hpo.cli.app import ABOUT, app
from hpo.cli.options import Command, _described
from studies.spec.option import docstrings_of
from studies.spec.spec import OPTIONS, StudySpec

GROUPS = {
    "Studies": ("tune", "plan", "load", "Result", "StudySpec", "Stream"),
    "Questions to a result": (
        "leaderboard", "accuracy", "nested_score", "learning_curve", "extrapolated", "validation_curve",
        "importances", "coefficients", "coefficient_table", "confirm", "recommend", "show", "write_report",
        "export",
    ),
    "Ranges of a search": ("Float", "Int", "Categorical"),
    "Folds": ("StratifiedFolds", "GroupFolds", "StratifiedGroupFolds", "TimeFolds", "HashFolds"),
    "Data and states": ("open_dataset", "Join", "Encoder", "StateStore", "export_layout", "export_site"),
    "Searches of scikit-learn's kind": (
        "StateGridSearchCV", "StateRandomizedSearchCV", "StateSearchCV", "accelerate",
    ),
}  # fmt: skip
"""The names of ``hpo`` by what they are for, as the page has them."""

OTHERS = {
    "Errors": "hpo.errors",
    "For algorithms of your own": "algorithms.contract",
    "Checks of an algorithm": "algorithms.checks",
}
"""Modules of which every public name is shown."""

OPTUNAS = ("Float", "Int", "Categorical")
"""Names that are Optuna's; its own documentation describes them."""


def python() -> str:
    """Return the page of the public names, whose docstrings mkdocstrings fills in."""
    parts = ["# Python", "Everything here is imported as `import hpo`."]
    for title, names in GROUPS.items():
        parts.append(f"## {title}")
        parts += [_optunas(name) if name in OPTUNAS else f"::: hpo.{name}" for name in names]
    for title, module in OTHERS.items():
        parts += [f"## {title}", f"::: {module}"]
    return "\n\n".join(parts) + "\n"


def _optunas(name: str) -> str:
    import hpo  # noqa: PLC0415 -- only here, so that the other pages are made without its lazy names

    return f"### `hpo.{name}`\n\nOptuna's `{getattr(hpo, name).__name__}`, under a short name."


def command_line() -> str:
    """Return the page of the commands: what each says with ``--help``, its options as a table."""
    parts = ["# Command line", _text(ABOUT)]
    for path, command in commands():
        parts += [f"## `{' '.join(('hpo', *path))}`", _text(command.help or "")]
        parts += [line for line in [_table(command)] if line]
    return "\n\n".join(parts) + "\n"


def commands(
    group: typer.core.TyperGroup | None = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Yield every command with its words."""
    here = group or typer.main.get_command(app)
    for name, command in here.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def _text(text: str) -> str:
    """Return a help text as Markdown: blocks whose lines stay as they are become code."""
    parts = []
    for part in re.split(r"\n\n+", text.strip()):
        if part.startswith("\b\n"):
            head, *lines = part.splitlines()[1:]
            parts.append(f"{head}\n\n" + "\n".join(f"    {line.strip()}" for line in lines))
        else:
            parts.append(part)
    return "\n\n".join(parts)


def _table(command: Command) -> str:
    """Return the arguments and options of a command as a table."""
    lines = []
    for param in command.params:
        names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        if param.param_type_name == "argument":
            names = f"`{param.metavar or str(param.name).upper()}`"
        elif not param.is_flag and param.metavar:
            names += f" `{param.metavar}`"
        text = _cell(_described(param.help or ""))
        lines.append(f"| {names} | {text} |")
    return "\n".join(["| argument or option | what it does |", "|---|---|", *lines]) if lines else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def study_options() -> str:
    """Return the page of the options of a study, as fields of :class:`StudySpec` declare them."""
    parts = [
        "# Options of a study",
        "The same names everywhere: arguments of `hpo.tune` and `hpo.plan`, keys of a `study.yaml`, and, where "
        "a command takes one, options of the command line. `hpo init` writes a `study.yaml` with all of them. An "
        "option that *defines* the study makes another study where its value changes, so trials under one name "
        "are comparable.",
    ]
    texts = docstrings_of(StudySpec)
    for name, field in StudySpec.model_fields.items():
        option = OPTIONS[name]
        default = "required" if field.is_required() else f"default `{option.default or repr(field.default)}`"
        defines = {False: "", True: "; defines the study"}.get(
            option.defines, f"; defines the study {option.defines}"
        )
        parts += [f"## `{name}`", f"`{option.takes}`, {default}{defines}", _roles(texts[name])]
        if option.example:
            parts.append(f"```yaml\n{name}: {option.example}\n```")
    return "\n\n".join(parts) + "\n"


def _roles(text: str) -> str:
    """Return a docstring without the marks that Markdown lacks: roles, and doubled backticks."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)


def algorithms() -> str:
    """Return the page of the algorithms: what each is, its scores, and every hyperparameter with its range."""
    parts = [
        "# Hyperparameters of every algorithm",
        "What `hpo algorithms NAME` prints. *Searched* says whether a hyperparameter is tried by default, only "
        "if it is in `search`, or whether every value of it needs a pass over the data.",
    ]
    for name in registry.BUILT_IN:
        found = describe(name)
        if "error" in found:
            raise ValueError(f"{name}: {found['error']}")
        parts += [f"## `{name}`", _roles(found["about"]), f"For {found['task'].replace('_', ' ')}."]
        if found["metrics"]:
            parts[-1] += f" Exact scores: {', '.join(f'`{one}`' for one in found['metrics'])}."
        lines = ["| hyperparameter | default | range | legal | searched |", "|---|---|---|---|---|"]
        for one in found["hyperparameters"]:
            field, default = f"`{one['name']}`", f"`{one['default']!r}`"
            cells = field, default, one["range_in_words"], one["legal"], WHEN[one["when"]]
            lines.append("| " + " | ".join(_cell(str(cell)) for cell in cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "reference/python.md": python,
    "reference/command_line.md": command_line,
    "reference/study_options.md": study_options,
    "reference/algorithms.md": algorithms,
}
"""Address of a page in the site → what makes it."""
