"""A bucket on this machine for the tests: SeaweedFS, which has real conditional puts, and a proxy that spoils answers."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import obstore
from obstore.store import S3Store

KEY, SECRET = "AKIAEXAMPLEOFTESTS", "s3cr3t/of+tests"
BUCKET = "team"
IDENTITIES = """{"identities": [{"name": "tests", "actions": ["Admin", "Read", "Write", "List"],
    "credentials": [{"accessKey": "%s", "secretKey": "%s"}]}]}"""
WEED = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
PORTS = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")

Fault = str | int | None
"""An answer's status, ``"reset"``, ``"hang"``, ``"truncate"``, ``"lie"`` (what was refused was done), ``"lost"`` (it came through,
but its answer did not), or nothing."""


def environment(endpoint: str, secret: str = SECRET) -> dict[str, str]:
    """The variables that give a client its endpoint and credentials."""
    return {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }  # fmt: skip


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """Run a server while the block runs; gives its endpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identities.json").write_text(IDENTITIES % (KEY, SECRET))
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    options = [f"-{name.replace('.grpc', '')}.port{'.grpc' * ('grpc' in name)}={port}" for name, port in ports.items()]
    command = [
        WEED, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={folder / 'identities.json'}", "-master.volumeSizeLimitMB=64", "-volume.max=30",
        "-s3.port.iceberg=0", "-s3.port.lance=0", *options,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(server, ports["s3"], folder / "log")
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        make_bucket(endpoint)
        yield endpoint
    finally:
        server.kill()
        server.wait()


def make_bucket(endpoint: str, name: str = BUCKET) -> None:
    """Make a bucket: SeaweedFS does with its first object, and takes seconds to find room for its first bytes."""
    store = S3Store(
        name, endpoint=endpoint, access_key_id=KEY, secret_access_key=SECRET, client_options={"allow_http": True}
    )
    obstore.put(store, "made", b"and has room")


class Proxy:
    """Passes requests on to an endpoint, and spoils those that ``fault`` says; counts all."""

    def __init__(self, target: str) -> None:
        self.target, self.seen, self.sent = target, list[tuple[str, str]](), 0
        self.fault: Callable[[str, str, int], Fault] = lambda method, path, count: None
        self.hang = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()

    def first(self, times: int, fault: Fault, *methods: str) -> None:
        """Spoil the first so many answers to each of some methods from now on."""
        left = dict.fromkeys(methods or ("GET", "PUT", "HEAD", "DELETE"), times)

        def spoil(method: str, path: str, count: int) -> Fault:
            left[method] = left.get(method, 0) - 1
            return fault if left[method] >= 0 else None

        self.fault = spoil

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm, wbufsize = True, -1  # an answer in one packet, at once

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.seen.append((self.command, self.path))
                fault = proxy.fault(self.command, self.path, len(proxy.seen))
                if fault == "reset":
                    self.connection.close()
                    self.close_connection = True
                elif fault == "hang":
                    proxy.hang.wait(20)
                    self.close_connection = True
                elif isinstance(fault, int):
                    self.send_response(fault)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.pass_on(body, fault)

            def pass_on(self, body: bytes, fault: Fault) -> None:
                inner = http.client.HTTPConnection(proxy.target.removeprefix("http://"), timeout=30)
                inner.request(self.command, self.path, body, dict(self.headers))
                with inner.getresponse() as answer:
                    data, status, about = answer.read(), answer.status, answer.getheaders()
                inner.close()
                if fault == "lie" and status == 412:
                    data, status, about = b"", 200, [("ETag", f'"{len(proxy.seen):032x}"')]
                if fault == "lost":
                    self.connection.close()
                    self.close_connection = True
                    return
                self.send_response(status)
                length = str(len(data))
                for name, value in about:
                    if name.lower() == "content-length":
                        length = value
                    elif name.lower() not in ("transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                proxy.sent += len(data)
                self.wfile.write(data[: len(data) // 2] if fault == "truncate" else data)
                self.wfile.flush()
                self.close_connection = fault == "truncate"

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as probe:
            probe.request("PUT", f"/{BUCKET}-probe")  # answered when the filer behind it is there
            with probe.getresponse() as answer:
                if answer.status < 500:
                    return
        time.sleep(0.1)
    raise RuntimeError(f"weed did not start: {log.read_text(errors='replace')[-2000:]}")
