"""A loopback web server that serves what strangers serve: images, and everything else."""

import contextlib
import gzip
import http.server
import io
import socketserver
import threading
from collections.abc import Iterator

from PIL import Image

from tests.waiting import PATIENCE_S

GIGABYTE = 1 << 30


def png(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    """A PNG with a gradient, because a flat picture would be refused."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


class StrangeServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Counts the bytes it sent and records the requested paths."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.headers_seen: list[dict[str, str]] = []
        self.sent_bytes = 0
        self.was_cut = threading.Event()
        self.is_over = threading.Event()

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str) -> str:
        """The URL of a path of this server."""
        return f"http://{self.place}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Logs nothing: clients that hang up are expected."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StrangeServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers_seen.append({name.lower(): value for name, value in self.headers.items()})
        name = self.path.split("?")[0].strip("/").replace("-", "_")
        if name.startswith("to/"):
            location = self.path.removeprefix("/to/")
            self._redirect(location if "://" in location else f"/{location}")
        else:
            getattr(self, f"_{name}", self._missing)()

    def log_message(self, *_: object) -> None:
        """Logs nothing."""

    def _answer(self, content: bytes, media_type: str, announced: int = 0, encoding: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(announced or len(content)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(content)

    def _missing(self) -> None:
        self.send_error(404)

    def _redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _image(self) -> None:
        self._answer(png(), "text/plain")  # the type is determined by decoding, never from the header

    def _html(self) -> None:
        self._answer(b"<!doctype html><title>Not an image</title>", "image/png")

    def _svg(self) -> None:
        self._answer(
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "image/svg+xml"
        )

    def _bomb(self) -> None:
        buffer = io.BytesIO()
        Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
        self._answer(buffer.getvalue(), "image/png")

    def _half_image(self) -> None:
        whole = png((300, 300))
        self._answer(whole[: len(whole) // 2], "image/png")

    def _gzip_bomb(self) -> None:
        self._answer(gzip.compress(bytes(50_000_000)), "image/png", encoding="gzip")

    def _announced_gigabyte(self) -> None:
        self._answer(b"\x89PNG", "image/png", announced=GIGABYTE)

    def _gigabyte(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        try:
            for _ in range(GIGABYTE // 65_536):
                self.wfile.write(bytes(65_536))
                self.server.sent_bytes += 65_536
        except OSError:
            self.server.was_cut.set()

    def _cut_short(self) -> None:
        self._answer(png()[:100], "image/png", announced=5000)

    def _nothing(self) -> None:
        self.server.is_over.wait()

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        self._drop_by_drop()

    def _header_drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drop_by_drop()

    def _drop_by_drop(self) -> None:
        try:
            while not self.server.is_over.wait(0.05):
                self.wfile.write(b"x")
                self.wfile.flush()
        except OSError:
            self.server.was_cut.set()

    def _loop(self) -> None:
        self._redirect("/loop")

    def _no_location(self) -> None:
        self.send_response(302)
        self.end_headers()

    def _garbage(self) -> None:
        self.wfile.write(b"\x00\x01 no answer\r\n\r\n")

    def _no_content(self) -> None:
        self.send_response(204)
        self.end_headers()


@contextlib.contextmanager
def strange_server() -> Iterator[StrangeServer]:
    """A running server, stopped at the end of the `with` block."""
    server = StrangeServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(event: threading.Event) -> bool:
    """Waits until the server has seen it, as long as a busy machine needs."""
    return event.wait(PATIENCE_S)
