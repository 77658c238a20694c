"""A Hub on the loopback, for the real clients: set `HF_ENDPOINT` in a new process and they use it.

Large files travel by LFS over a second port, which stands for the object store and refuses whoever
shows it a token. Xet is not spoken: clients set `HF_HUB_DISABLE_XET=1`.
"""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .repositories import Hub, Refusal
from .routes import Answer, Request, answer

TROUBLES = ("503", "drop", "silent")


@dataclass(frozen=True)
class Logged:
    """One request that came in."""

    method: str
    path: str
    authorized: bool
    status: int | None


class HubServer:
    """The server: `url`, `hub` (what it keeps), `log` (what was asked), `misbehave`."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.log: list[Logged] = []
        self.leaks: list[str] = []
        self.closing = threading.Event()
        self._trouble: tuple[str, int | None] | None = None
        self._lock = threading.RLock()
        self._http = _listen(_HubHandler, self)
        self._store = _listen(_StoreHandler, self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.store_url = f"http://127.0.0.1:{self._store.server_port}"

    def misbehave(self, trouble: str | None, requests: int | None = 1) -> None:
        """Answer the next requests (all, for `None`) with 503, by hanging up, or not at all."""
        assert trouble is None or trouble in TROUBLES
        self._trouble = None if trouble is None else (trouble, requests)

    def requests(self, part: str = "") -> list[str]:
        """The requests whose line holds `part`, as "METHOD path"."""
        lines = [f"{logged.method} {logged.path}" for logged in self.log]
        return [line for line in lines if part in line]

    def take_trouble(self) -> str | None:
        """What to do with this request in place of an answer."""
        with self._lock:
            if self._trouble is None:
                return None
            trouble, left = self._trouble
            if left is not None:
                self._trouble = (trouble, left - 1) if left > 1 else None
            return trouble

    def answer(self, request: Request) -> Answer:
        with self._lock:
            try:
                return answer(self.hub, request, self.url, self.store_url)
            except Refusal as refusal:
                headers = {"X-Error-Message": refusal.message}
                if refusal.code is not None:
                    headers["X-Error-Code"] = refusal.code
                return Answer(refusal.status, {"error": refusal.message}, headers)

    def close(self) -> None:
        self.closing.set()
        for server in (self._http, self._store):
            server.shutdown()
            server.server_close()


def _listen(handler: type[BaseHTTPRequestHandler], owner: HubServer) -> Any:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.owner = owner
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""

    def setup(self) -> None:
        super().setup()
        self.owner: HubServer = self.server.owner

    def send(self, status: int, headers: dict[str, str], body: bytes, length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _HubHandler(_Handler):
    def handle_any(self) -> None:
        body, authorization = self.body(), self.headers.get("Authorization")
        parts = urlsplit(self.path)
        if parts.path == "/test/misbehave":  # a child switches the server
            self.owner.misbehave(**json.loads(body))
            return self.send(200, {}, b"", 0)
        trouble = self.owner.take_trouble()
        if trouble in ("drop", "silent"):
            self._log(None)
            if trouble == "silent":
                self.owner.closing.wait()
            self.close_connection = True
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        # split first: a revision such as refs%2Fpr%2F1 is one word of the path
        words = tuple(unquote(word) for word in parts.path.strip("/").split("/"))
        request = Request(self.command, words, query, body, authorization)
        found = Answer(503, {"error": "try later"}) if trouble else self.owner.answer(request)
        self._log(found.status)
        content = found.content
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send(found.status, found.headers, content, len(content))

    def _log(self, status: int | None) -> None:
        authorized = "Authorization" in self.headers
        self.owner.log.append(Logged(self.command, self.path, authorized, status))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any


class _StoreHandler(_Handler):
    """The object store: whoever has the signed address may read or write, and no token is shown."""

    def do_PUT(self) -> None:
        self._serve(self.body())

    def do_GET(self) -> None:
        self._serve(None)

    def _serve(self, upload: bytes | None) -> None:
        parts = urlsplit(self.path)
        oid = parts.path.rpartition("/")[2]
        if "Authorization" in self.headers:
            self.owner.leaks.append(self.path)
            self.send(400, {}, b"only one auth mechanism allowed", 31)
        elif parse_qs(parts.query).get("signature") != [oid[:8]]:
            self.send(403, {}, b"", 0)
        elif upload is not None:
            self.owner.hub.objects[oid] = upload
            self.send(200, {}, b"", 0)
        else:
            content = self.owner.hub.objects[oid]
            self.send(200, {"ETag": f'"{oid}"'}, content, len(content))
