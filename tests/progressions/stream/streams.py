"""Shared by tests of the stream: events written as the application writes them, and readers of both protocols."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from django.db import close_old_connections, transaction

from dali.asgi import application
from progressions.models import Job
from progressions.stream import events
from projects.models import Project
from tests.waiting import PATIENCE_S

T = TypeVar("T")


def in_thread(function: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """The function, run in a thread that closes its database connections afterwards."""

    def run(*args: Any, **kwargs: Any) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False)


def write_events(session_id: str, count: int = 1, *, job_id: UUID | None = None, padding: int = 0) -> None:
    """Appends that many `progress` events in one transaction."""
    names = {} if job_id is None else {"jobId": str(job_id)}
    body = cast(events.Body, {"type": "progress", "step": "x" * padding, **names})
    with transaction.atomic():
        events.append(session_id, [body] * count)


def make_job(session_id: str, status: str = "running") -> UUID:
    """A job without variants."""
    project = Project.objects.create(name="Lighthouses")
    job = Job.objects.create(
        project=project,
        session_id=session_id,
        status=status,
        prompt="a lighthouse",
        kind="generate",
        remaining=1,
    )
    return job.id


def socket(path: str, *headers: tuple[bytes, bytes]) -> WebsocketCommunicator:
    """A WebSocket to the real application."""
    return WebsocketCommunicator(application, path, headers=list(headers))


@asynccontextmanager
async def connected(path: str, *headers: tuple[bytes, bytes]) -> AsyncIterator[WebsocketCommunicator]:
    """An accepted WebSocket, disconnected at the end."""
    communicator = socket(path, *headers)
    is_accepted, _ = await communicator.connect(timeout=PATIENCE_S)
    assert is_accepted
    try:
        yield communicator
    finally:
        await communicator.disconnect(timeout=PATIENCE_S)


async def receive_seqs(communicator: WebsocketCommunicator, count: int) -> list[int]:
    """The numbers of the next events of a socket without `batch`."""
    return [json.loads(await communicator.receive_from(timeout=PATIENCE_S))["seq"] for _ in range(count)]


class EventSource:
    """A reader of Server-Sent Events from the real application."""

    def __init__(self, path: str, *headers: tuple[bytes, bytes], method: str = "GET") -> None:
        path, _, query = path.partition("?")
        self._communicator = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "http_version": "1.1",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "query_string": query.encode(),
                "headers": list(headers),
            },
        )
        self._text = ""

    async def open(self) -> tuple[int, dict[str, str]]:
        """Sends the request; status and headers of the answer."""
        await self._communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self._communicator.receive_output(timeout=PATIENCE_S)
        return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}

    async def content(self) -> bytes:
        """The body of a response that is not a stream."""
        message = await self._communicator.receive_output(timeout=PATIENCE_S)
        assert not message.get("more_body")
        await self._communicator.wait(timeout=PATIENCE_S)
        body: bytes = message["body"]
        return body

    async def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(await self.content())

    async def block(self) -> dict[str, str]:
        """The next block of lines, by field name; a comment has an empty field name."""
        while "\n\n" not in self._text:
            self._text += (await self._communicator.receive_output(timeout=PATIENCE_S))["body"].decode()
        block, _, self._text = self._text.partition("\n\n")
        fields = (line.partition(":") for line in block.split("\n"))
        return {name: value for name, colon, value in fields if colon}

    async def seqs(self, count: int) -> list[int]:
        """The numbers of the next events; each must be the id of its block."""
        found = []
        for _ in range(count):
            block = await self.block()
            found.append(json.loads(block["data"])["seq"])
            assert block["id"].strip() == str(found[-1])
        return found

    async def close(self) -> None:
        """Disconnects, as a browser does."""
        await self._communicator.send_input({"type": "http.disconnect"})
        await self._communicator.wait(timeout=PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds; fails if it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the condition sends no event to wait for
            await asyncio.sleep(0.01)
