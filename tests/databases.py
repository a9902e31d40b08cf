"""A PostgreSQL server on this machine for the tests, of Debian's packages."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

USER, PASSWORD = "tester", "s3cr3t-of-tests"
OPTIONS = "-c fsync=off -c max_connections=60 -c shared_buffers=16MB -c unix_socket_directories="


def programs() -> Path | None:
    """Return where initdb and postgres are; None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    known = shutil.which("initdb") or (found[-1] if found else None)
    return None if known is None else Path(known).parent


class Server:
    """A server that can be stopped and started again; ``url`` of each new database."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self.programs, self.folder, self.port, self.count = programs, folder, port, 0

    def run(self, program: str, *options: object) -> None:
        """Run a program as a user that the server accepts: never root."""
        user = {"user": "postgres", "group": "postgres", "extra_groups": ()} if os.geteuid() == 0 else {}
        command = [self.programs / program, *map(str, options)]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **user)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"{OPTIONS}{self.folder} -c listen_addresses=127.0.0.1 -p {self.port}"
        self.run("pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """Stop it at once, as if it was killed; it recovers when it starts."""
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", self.folder / "data")

    def database(self) -> str:
        """Return the address of a new database, password included."""
        self.count += 1
        name = f"tests{self.count}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name, "postgresql+psycopg")

    def _url(self, name: str, scheme: str = "postgresql") -> str:
        return f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres(programs: Path) -> Iterator[Server]:
    """Run a server while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-postgres-"))
    server = Server(programs, folder, _free_port())
    try:
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        login = ("-A", "scram-sha-256", "-U", USER, f"--pwfile={folder / 'password'}")
        server.run("initdb", "-D", folder / "data", "--no-sync", "-E", "UTF8", "--locale=C", *login)
        server.start()
        yield server
    finally:
        with suppress(RuntimeError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
