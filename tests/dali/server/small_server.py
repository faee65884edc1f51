"""A web server with a tiny application and tight limits, for tests: `python -m tests.dali.server.small_server`."""

import asyncio
import json
import os
import sys
from typing import Any

import django

PART = "x" * 65_536
sent = {"websocket": 0, "events": 0, "ended": 0, "asked": 0}
let_in = asyncio.Event()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`/sent` reports what was written so far, `/memory` the memory of the process; others as below."""
    if scope["type"] == "websocket":
        await flood_socket(scope, receive, send)
    elif scope["path"] == "/api/stream/flood":
        await flood_events(send)
    elif scope["path"] == "/sent":
        await answer(send, json.dumps(sent))
    elif scope["path"] == "/memory":
        await answer(send, str(memory_bytes()))
    elif scope["path"] == "/let-in":
        let_in.set()
        await answer(send, "")
    elif scope["path"] == "/parts":
        await answer_in_parts(send)
    elif scope["query_string"] == b"unread":
        await asyncio.sleep(3600)
    else:
        await answer(send, str(await body_length(receive)))


async def flood_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Sends without end on `/flood`; closes on `/later`; accepts `/late` after `/let-in`; otherwise does nothing."""
    await receive()
    sent["asked"] += 1
    if scope["path"] == "/late":
        await let_in.wait()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/later":
        await send({"type": "websocket.close", "code": 1013, "reason": "sp\u00e4ter"})
    writing = asyncio.ensure_future(write_parts(send)) if scope["path"] == "/flood" else None
    while (await receive())["type"] != "websocket.disconnect":
        sent["received"] = 1
    if writing is not None:
        writing.cancel()
    sent["ended"] += 1


async def write_parts(send: Any) -> None:
    """One message after another."""
    while True:
        await send({"type": "websocket.send", "text": PART})
        sent["websocket"] += len(PART)
        await asyncio.sleep(0)


async def flood_events(send: Any) -> None:
    """Server-Sent Events without end."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    )
    while True:
        await send({"type": "http.response.body", "body": f"data: {PART}\n\n".encode(), "more_body": True})
        sent["events"] += len(PART)
        await asyncio.sleep(0)


async def answer(send: Any, text: str) -> None:
    """One text."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


async def answer_in_parts(send: Any) -> None:
    """A body in three messages."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"part", "more_body": number < 2})


async def body_length(receive: Any) -> int:
    """The size of the request's body in bytes."""
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            return length


def memory_bytes() -> int:
    """The memory of the process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    django.setup()
    from dali.server import process
    from dali.server.protocols.limits import Limits
    from dali.server.protocols.sockets import bind, origin_of
    from dali.server.web import WebServer

    listener = bind("127.0.0.1", 0)
    server = WebServer(application, listener, Limits(**json.loads(sys.argv[1])))
    process.run(server, on_ready=lambda: print(origin_of(listener), flush=True))
