"""Processes that begin where a fresh one stands after its imports: most of the time of a command on little data is those.

``run`` is ``subprocess.run`` for lines that start Python. It forks a process that has imported the four rooms and the
libraries, has one thread, and has done nothing else. What runs in the fork has its own environment, directory, arguments,
standard streams, warnings and exit. What is imported when and from where, and how much memory that takes, is seen in
``subprocess.run`` alone.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

ROOMS = ("hpo", "algorithms", "state_store", "studies")
LIBRARIES = (
    "pandas", "pyarrow.csv", "pyarrow.dataset", "pyarrow.json", "pyarrow.parquet", "scipy.optimize", "scipy.sparse",
    "scipy.special", "sklearn.compose", "sklearn.linear_model", "sklearn.metrics", "sklearn.pipeline",
)  # fmt: skip
THREADED = "hpo.process.dask_workers"


OF_DASK = ("PYTHONHASHSEED", "6640")
"""What dask sets in the process that asks its workers, and never takes back."""


def _of_python(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a Python process reads as it starts."""
    return {name: value for name, value in env.items() if name.startswith("PYTHON") and (name, value) != OF_DASK}


STARTED = _of_python(os.environ)
"""A process that is asked for with others is a fresh one."""
PLACE = "HPO_TESTS_FORKED"
"""The variable that says where a process listens that forks: for what runs in a fork of it."""


def run(
    line: Sequence[object], *, cwd: os.PathLike[str] | str | None = None, env: Mapping[str, str] | None = None,
    stdin: bytes | None = None, stdout: int | None = None, stderr: int | None = None, capture_output: bool = True, text: bool = False, check: bool = False,
    timeout: float = 120,
) -> subprocess.CompletedProcess[Any]:  # fmt: skip
    """Run ``[sys.executable, *options, "-c", code, *arguments]``, or with ``"-m", module``; streams are descriptors."""
    words, env = list(map(str, line)), dict(os.environ if env is None else env)
    if _of_python(env) != STARTED:
        files = {"stdout": subprocess.PIPE if stdout is None else stdout, "stderr": subprocess.PIPE if stderr is None else stderr}
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(words, cwd=cwd, env=env, timeout=timeout, check=check, text=text, **files, **given)
    asked = _asked(words, cwd, env)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _given(stdin) as source:
        files = [source, out.fileno() if stdout is None else stdout, err.fileno() if stderr is None else stderr]
        code = _answer(asked, files, timeout)
        said = [_read(file, text) for file in (out, err)]
    done = subprocess.CompletedProcess(words, code, *said)
    if check:
        done.check_returncode()
    return done


def _asked(words: Sequence[str], cwd: os.PathLike[str] | str | None, env: Mapping[str, str]) -> dict[str, object]:
    at = min(words.index(kind) for kind in ("-c", "-m") if kind in words)
    asked = {"options": words[2:at:2], "run": words[at : at + 2], "arguments": words[at + 2 :]}
    return {**asked, "cwd": os.fspath(cwd or Path.cwd()), "env": dict(env)}


class Popen:
    """What tests ask of ``subprocess.Popen``, for lines as those of ``run``; without a pipe a stream leads nowhere."""

    def __init__(
        self, line: Sequence[object], *, cwd: os.PathLike[str] | str | None = None, env: Mapping[str, str] | None = None,
        stdin: int | None = None, stdout: int | None = None, stderr: int | None = None, text: bool = False, bufsize: int = -1,
    ) -> None:  # fmt: skip
        env = dict(os.environ if env is None else env)
        assert _of_python(env) == STARTED, "Python reads these as it starts: use subprocess"
        self.args, self.returncode = list(map(str, line)), None
        self._end = socket.socket(socket.AF_UNIX)
        self._end.connect(os.environ.get(PLACE) or parent())
        with contextlib.ExitStack() as theirs:
            files = []
            for name, given in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
                ends = os.pipe() if given == subprocess.PIPE else (os.open(os.devnull, os.O_RDWR),)
                read = name == "stdin"
                files.append(ends[0 if read else -1])
                theirs.callback(os.close, files[-1])
                mode = ("w" if read else "r") + ("" if text else "b")
                setattr(self, name, os.fdopen(ends[1 if read else 0], mode, bufsize) if len(ends) == 2 else None)
            _send(self._end, _asked(self.args, cwd, env), files)
        self.pid: int = _receive(self._end)[0]["pid"]

    def poll(self) -> int | None:
        """Return the exit status of a process that has ended."""
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            self.returncode = _receive(self._end)[0]["code"]
            self._end.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if self.returncode is None and not select.select([self._end], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to a process that has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """Return what is left to read of both streams, once it has ended."""
        if self.stdin is not None:
            self.stdin.close()
        with ThreadPoolExecutor(2) as pool:
            said = [None if file is None else pool.submit(_all_of, file) for file in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return tuple(None if read is None else read.result() for read in said)

    def __enter__(self) -> Popen:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self.wait()


def _all_of(file: IO[Any]) -> Any:
    with file:
        return file.read()


@contextlib.contextmanager
def _given(data: bytes | None):
    """Yield a descriptor from which a process reads some bytes: of a pipe where there are any."""
    if data is None:
        with Path(os.devnull).open("rb") as none:
            yield none.fileno()
        return
    reader, writer = os.pipe()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(writer, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join()


def _read(file, text: bool) -> bytes | str:
    file.seek(0)
    return file.read().decode() if text else file.read()


def _answer(asked: dict[str, object], files: list[int], timeout: float) -> int:
    """Return the exit status of what is asked, as ``subprocess`` says it."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(120)
        end.connect(os.environ.get(PLACE) or parent())
        _send(end, asked, files)
        pid = _receive(end)[0]["pid"]
        end.settimeout(timeout)
        try:
            return _receive(end)[0]["code"]
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise


@functools.cache
def parent() -> str:
    """Start the process that forks; return where it listens until this one ends."""
    folder = tempfile.TemporaryDirectory(prefix="hpo-forked-")
    alive, theirs = socket.socketpair()
    with theirs, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder.name}/socket")
        listener.listen()
        ends = [theirs.fileno(), listener.fileno()]
        process = subprocess.Popen([sys.executable, __file__, *map(str, ends)], pass_fds=ends, stdin=subprocess.DEVNULL)
    atexit.register(folder.cleanup)
    atexit.register(process.wait)
    atexit.register(alive.close)  # the first of the three
    return f"{folder.name}/socket"


def _send(to: socket.socket, message: dict[str, object], files: Sequence[int] = ()) -> None:
    body = json.dumps(message).encode()
    socket.send_fds(to, [len(body).to_bytes(8, "big")], files)
    to.sendall(body)


def _receive(of: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return a message and its files; no message where the other side is gone."""
    head, files, _, _ = socket.recv_fds(of, 8, 3)
    if not head:
        return {}, []
    body, size = b"", int.from_bytes(head, "big")
    while len(body) < size:
        body += of.recv(size - len(body))
    return json.loads(body), files


def _serve(alive: socket.socket, listener: socket.socket) -> dict[str, Any]:
    """Fork for each that asks while ``alive`` is open; return in each fork what it is to do."""
    while True:
        if alive in select.select([alive, listener], [], [])[0]:
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.wait()
            sys.exit()
        end, _ = listener.accept()
        if os.fork() == 0:
            alive.close()
            listener.close()
            return _attend(end)
        end.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _attend(end: socket.socket) -> dict[str, Any]:
    """Fork once more, and say what became of it; return in the fork what it is to do."""
    asked, files = _receive(end)
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
    else:
        end.close()
        for place, file in enumerate(files):
            os.dup2(file, place)
            os.close(file)
        return asked
    _send(end, {"pid": pid})
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):
        _send(end, {"code": code})
    os._exit(0)


def _be(asked: dict[str, Any], kept: int) -> None:
    """Be the process that was asked for; the last ``kept`` filters of warnings are those of every process."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for name, place, errors in (("stdin", 0, "strict"), ("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        raw = os.fdopen(place, "wb" if place else "rb", closefd=False)
        stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=place == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    _warn_by(asked["options"], kept)
    kind, what = asked["run"]
    sys.path[0] = asked["cwd"] if kind == "-m" else ""
    sys.argv[:] = [kind, *asked["arguments"]]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)


def _warn_by(options: Sequence[str], kept: int) -> None:
    """Set the filters of warnings as after ``-W``: behind those that libraries have set."""
    sys.warnoptions[:] = options
    of_libraries = warnings.filters[: len(warnings.filters) - kept]
    warnings.filters[:] = warnings.filters[len(of_libraries) :]
    for option in options:
        action, _, message = option.partition(":")
        warnings.filterwarnings(action, re.escape(message))
    warnings.filters[:0] = of_libraries


def _prepare() -> None:
    """Import what most processes need, and start no thread."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not found.name.endswith("__main__") and found.name != THREADED:
                importlib.import_module(found.name)
    assert threading.active_count() == 1, "what has threads must not fork"
    gc.collect()
    gc.freeze()  # or each process looks through all of it as it ends


if __name__ == "__main__":
    defaults = len(warnings.filters)
    ends = [socket.socket(fileno=int(word)) for word in sys.argv[1:]]
    _prepare()
    request = _serve(*ends)
    _be(request, defaults)
