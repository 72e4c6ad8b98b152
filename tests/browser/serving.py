"""A static host as readers have one: it gzips text, lets pages be cached, counts what it sends."""

import gzip
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

TEXT = ("text/", "application/json", "application/xml", "image/svg+xml")
TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".inv": "application/octet-stream"}


@dataclass(frozen=True)
class Sent:
    """One answer: whom it was asked of, for what, and its bytes, head and body."""

    host: str
    path: str
    status: int
    size: int


@dataclass
class Host:
    """A server of several names on this machine, http://NAME:port, and a record of its answers."""

    folders: Mapping[str, Path]
    port: int = 0
    sent: list[Sent] = field(default_factory=list)

    def address(self, name: str = "127.0.0.1") -> str:
        return f"http://{name}:{self.port}"


@cache
def body_of(file: Path, changed: float) -> tuple[bytes, str]:
    """What is sent for a file, gzipped where it is text, and the head's lines on it."""
    kind = (
        TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    )
    if kind.startswith(TEXT):
        lines = f"Content-Type: {kind}; charset=utf-8\r\nContent-Encoding: gzip\r\n"
        return gzip.compress(file.read_bytes(), 6, mtime=0), lines
    return file.read_bytes(), f"Content-Type: {kind}\r\n"


@contextmanager
def hosting(folders: Mapping[str, Path]) -> Iterator[Host]:
    """Serve each folder under its name, 127.0.0.1 or one that ends in .localhost."""
    host = Host(folders)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            name = self.headers["Host"].partition(":")[0]
            path = unquote(urlsplit(self.path).path)
            file = host.folders[name] / path.lstrip("/")
            file = file / "index.html" if file.is_dir() else file
            status, body, lines = "404 Not Found", b"", ""
            if file.is_file():
                status = "200 OK"
                body, lines = body_of(file, file.stat().st_mtime)
            lines += "Cache-Control: max-age=600\r\nAccess-Control-Allow-Origin: *\r\n"
            answer = (
                f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
            )
            host.sent.append(Sent(name, path, int(status[:3]), len(answer)))
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        host.port = running.server_port
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield host
        running.shutdown()
        thread.join()
