"""The command line as a person or a program uses it: in a process of its own, or called here for speed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pandas as pd
import pytest

from hpo.cli import main

ROWS, FILES = 200, 3


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


KNOWN = ("-W", "error", "-W", "ignore:column")
"""What is not an error: the rows of tests hold counted rows."""


def command(*args: object) -> list[str]:
    return [sys.executable, *KNOWN, "-m", "hpo", *map(str, args)]


def shell(*args: object, env: dict[str, str] | None = None, cwd: Path | None = None, fresh: bool = False) -> Answer:
    """Run a command in a process of its own, without a terminal: ``fresh`` from its first line on, else after imports."""
    whole = {**os.environ, **(env or {})}
    if fresh:
        done = subprocess.run(
            command(*args), capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, env=whole, cwd=cwd,
        )  # fmt: skip
    else:
        done = forked.run(command(*args), text=True, env=whole, cwd=cwd)
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def hpo(capsys, monkeypatch, *args: object, traceback: bool = False) -> Answer:
    """Run a command in this process."""
    monkeypatch.setattr(sys, "argv", ["hpo", *map(str, args)])
    capsys.readouterr()
    code = 0
    with warnings.catch_warnings():
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    out, err = capsys.readouterr()
    assert ("Traceback" in err) == traceback
    return Answer(code, out, err)


def within(*args: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> Answer:
    """Run a command in this process, without a terminal, as :func:`shell` does in one of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        patch.setattr(sys, "argv", ["hpo", *map(str, args)])
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        if cwd is not None:
            patch.chdir(cwd)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    printed, complained = (stream.buffer.getvalue().decode() for stream in (out, err))
    assert "\x1b" not in printed + complained
    assert "Traceback" not in complained
    return Answer(code, printed, complained)


def write_data(folder: Path) -> Path:
    """Write three Parquet files of 200 rows: x, a category, a label and the target y."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(FILES):
        x = rng.normal(size=(ROWS, 3))
        frame = pd.DataFrame(x, columns=["x0", "x1", "x2"])
        frame["kind"] = rng.choice(["a", "b", "c"], ROWS)
        frame["id"] = np.arange(ROWS) + i * ROWS
        frame["y"] = x @ [3.0, 0.0, -2.0] + (frame["kind"] == "b") + rng.normal(size=ROWS)
        frame.to_parquet(folder / f"part-{i}.parquet", index=False)
    return folder


def write_study(path: Path, data: Path, text: str = "", /, **fields: object) -> Path:
    """Write a study file: the defaults, then ``fields``, then ``text``."""
    values = {"data": str(data), "target": "y", "drop": ["id"], "algorithm": "ridge", "trials": 8} | fields
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items() if value is not None]
    path.write_text("\n".join([*lines, text]) + "\n")
    return path
