"""The two servers that tests.bench.stream compares. Each reads commands from standard input and answers in JSON lines:
`write SESSION COUNT A_TRANSACTION PAUSE_S` sends that many events and answers when each was committed (`times`)."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from typing import cast

import websockets
from websockets.asyncio.server import ServerConnection, serve

Order = tuple[str, int, int, float]


def run_dali() -> None:
    """The embedded server as `manage.py serve` runs it, with a thread that writes events."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "dali.settings"
    import django
    from django.core.management import call_command

    django.setup()
    threading.Thread(target=_obey_in_thread, daemon=True).start()
    call_command("serve", stdout=sys.stderr)


def _obey_in_thread() -> None:
    for line in sys.stdin:
        print(json.dumps({"times": _write_rows(_order(line))}), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _write_rows(order: Order) -> list[float]:
    from django.db import transaction

    from progressions.stream import events

    session_id, count, a_transaction, pause_s = order
    times: list[float] = []
    for _ in range(0, count, a_transaction):
        with transaction.atomic():
            # Runs before the hook that publishes: the moment of the commit.
            transaction.on_commit(lambda: times.append(time.monotonic()))
            events.append(session_id, [cast(events.Body, _body())] * a_transaction)
        if pause_s:
            time.sleep(pause_s)
    return times


def run_bare() -> None:
    """A `websockets` server that broadcasts ready-made texts of the same length: no rows, no Django."""
    asyncio.run(_serve_bare())


async def _serve_bare() -> None:
    readers: set[ServerConnection] = set()

    async def accept(connection: ServerConnection) -> None:
        readers.add(connection)
        await connection.wait_closed()

    async with serve(accept, "127.0.0.1", int(os.environ["PORT"]), compression=None):
        while line := await asyncio.to_thread(sys.stdin.readline):
            session_id, count, _, pause_s = _order(line)
            times = []
            for seq in range(1, count + 1):
                event = {
                    "seq": seq,
                    "type": "progress",
                    "ts": int(time.time() * 1000),
                    "sessionId": session_id,
                }
                text = json.dumps(event | _body(), separators=(",", ":"))
                times.append(time.monotonic())
                websockets.broadcast(readers, text)
                await asyncio.sleep(pause_s)
            print(json.dumps({"times": times}), flush=True)


def _order(line: str) -> Order:
    _, session_id, count, a_transaction, pause_s = line.split()
    return session_id, int(count), int(a_transaction), float(pause_s)


def _body() -> dict[str, object]:
    """The payload of a step's event."""
    some_id = "019ab1f0-0000-7000-8000-000000000000"
    return {
        "type": "progress",
        "jobId": some_id,
        "projectId": some_id,
        "variantId": some_id,
        "provider": "mock",
        "variantIndex": 3,
        "progress": 0.4,
        "step": "generate",
    }


if __name__ == "__main__":
    {"dali": run_dali, "bare": run_bare}[sys.argv[1]]()
