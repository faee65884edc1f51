"""How bodies are sent: piece by piece, without a thread and without keeping them in memory."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.urls import path

from dali.lib.calls import circuit_breaker
from dali.lib.errors import UnavailableError
from dali.server import handler
from dali.server.handler import Handler

SIZE = 1_000_000
CONTENT = bytes(range(250)) * (SIZE // 250)


class Pieces:
    """A synchronous body that records the requested pieces, their threads, and whether it was closed."""

    def __init__(self, count: int = 10) -> None:
        self._left = count
        self.asked = 0
        self.threads: set[str] = set()
        self.is_closed = threading.Event()
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()

    def __iter__(self) -> "Pieces":
        return self

    def __next__(self) -> bytes:
        self.asked += 1
        self.threads.add(threading.current_thread().name.rpartition("_")[0])
        self.entered.set()
        assert self.let_go.wait(60)
        assert not self.is_closed.is_set()
        if not self._left:
            raise StopIteration
        self._left -= 1
        return b"piece"

    def close(self) -> None:
        self.is_closed.set()


def unavailable() -> Iterator[bytes]:
    """A body whose storage fails midway."""
    yield b"first"
    raise UnavailableError("The storage cannot be reached; try again.", 7)


async def own() -> AsyncIterator[bytes]:
    """A body that is already asynchronous."""
    yield b"own"


pieces = Pieces()
ANSWERS: dict[str, Any] = {
    "pieces": lambda: StreamingHttpResponse(pieces, headers={"Content-Length": "50"}),
    "content": lambda: HttpResponse(CONTENT, status=201, headers={"X-Mark": "a"}),
    "small": lambda: HttpResponse(b"small"),
    "file": lambda: FileResponse(io.BytesIO(CONTENT)),
    "broken": lambda: StreamingHttpResponse(unavailable()),
    "own": lambda: StreamingHttpResponse(own()),
}


def view(request: HttpRequest, name: str) -> HttpResponseBase:
    """One of the responses."""
    answer: HttpResponseBase = ANSWERS[name]()
    answer.set_cookie("mark", name)
    return answer


urlpatterns = [path("<str:name>", view)]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    global pieces  # noqa: PLW0603 - set by the view
    pieces = Pieces()
    with override_settings(ROOT_URLCONF=__name__):
        yield


class Reader:
    """A client of the handler that receives messages on demand."""

    def __init__(self, name: str, method: str = "GET", *, using: Handler | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._takes = asyncio.Semaphore(0)
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        scope = {
            "type": "http", "method": method, "path": f"/{name}", "query_string": b"",
            "headers": [(b"host", b"testserver")],
        }  # fmt: skip
        self.arrived = asyncio.Semaphore(0)
        self.task = asyncio.ensure_future((using or Handler())(scope, self._incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        self.arrived.release()
        await self._takes.acquire()

    async def take(self, count: int) -> None:
        """Receives this many messages."""
        for _ in range(count):
            await self.arrived.acquire()
            self._takes.release()

    async def take_all(self) -> bytes:
        """Receives everything until the end; returns the body."""
        for _ in range(10_000):
            self._takes.release()
        await self.task
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    async def go(self) -> None:
        """Disconnects."""
        self._incoming.put_nowait({"type": "http.disconnect"})
        await self.task


async def test_a_synchronous_body_is_read_on_demand_in_its_own_threads() -> None:
    reader = Reader("pieces")
    await reader.take(2)  # the head and a piece
    await reader.arrived.acquire()
    assert pieces.asked == 2
    assert await reader.take_all() == b"piece" * 10
    assert pieces.threads == {"piece"}
    assert pieces.is_closed.is_set()


async def test_a_client_that_disconnects_ends_its_body() -> None:
    reader = Reader("pieces")
    await reader.take(3)
    await reader.go()
    assert pieces.asked < 5
    assert pieces.is_closed.is_set()


async def test_a_body_is_not_closed_while_a_piece_is_being_read() -> None:
    reader = Reader("pieces")
    pieces.let_go.clear()
    await reader.take(1)
    await asyncio.to_thread(pieces.entered.wait, 60)
    going = asyncio.ensure_future(reader.go())
    await asyncio.sleep(0)
    assert not pieces.is_closed.is_set()
    pieces.let_go.set()
    await going
    assert pieces.is_closed.is_set()


@pytest.mark.parametrize(
    ("name", "body"), [("content", CONTENT), ("small", b"small"), ("file", CONTENT), ("own", b"own")]
)
async def test_bodies_of_all_kinds_arrive_complete(name: str, body: bytes) -> None:
    assert await Reader(name).take_all() == body


@pytest.mark.parametrize("name", ["content", "file"])
async def test_large_bodies_go_to_a_file_once_much_is_waiting(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "CONTENTS_BYTES", 3 * SIZE)
    using = Handler()
    slow = [Reader(name, using=using) for _ in range(6)]
    for reader in slow:
        await reader.take(1)
        await reader.arrived.acquire()
    assert using._held_bytes == (3 * SIZE if name == "content" else 0)
    for reader in slow:
        assert await reader.take_all() == CONTENT
        start = reader.sent[0]
        headers = [header for header in start["headers"] if header[0] in {b"X-Mark", b"Set-Cookie"}]
        assert start["status"] == (201 if name == "content" else 200)
        assert len(headers) == (2 if name == "content" else 1)
    assert using._held_bytes == 0


async def test_content_stays_in_memory_when_no_file_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handler, "CONTENTS_BYTES", 0)
    monkeypatch.setattr(handler, "_file_with", full)
    assert await Reader("content").take_all() == CONTENT


@pytest.mark.parametrize("name", ["pieces", "content", "small", "file", "own"])
async def test_the_answer_to_head_has_no_body_and_reads_none(name: str) -> None:
    reader = Reader(name, "HEAD")
    assert await reader.take_all() == b""
    assert pieces.asked == 0
    length = dict(reader.sent[0]["headers"]).get(b"Content-Length")
    assert length == {"pieces": b"50", "content": b"1000000", "small": b"5", "file": b"1000000"}.get(name)


async def test_a_storage_failure_ends_the_response_with_an_error() -> None:
    with pytest.raises(UnavailableError):
        await Reader("broken").take_all()


async def test_each_piece_has_the_whole_budget_of_a_request() -> None:
    seen: list[float] = []

    def body() -> Iterator[bytes]:
        for _ in range(3):
            with circuit_breaker.CircuitBreaker().call() as deadline:
                seen.append(deadline.left_s())
            yield b"x"

    async for _ in handler.pulled(body()):
        pass
    assert [round(left_s) for left_s in seen] == [circuit_breaker.REQUEST_S] * 3
