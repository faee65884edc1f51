"""The stream as Server-Sent Events: the same URL and the same order over plain HTTP."""

import asyncio
import json

import pytest
from django.db import OperationalError
from django.test import AsyncClient, override_settings

from dali.lib.web.streams import sse
from progressions.stream import consumers, history, hub
from progressions.stream.tickets import issue_ticket
from projects.models import ApiKey
from tests.progressions.stream.streams import EventSource, in_thread, write_events
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPT = (b"accept", b"text/event-stream")
write = in_thread(write_events)


async def test_events_are_replayed_then_followed_live_with_their_numbers_as_ids() -> None:
    await write("s-1", 3)
    source = EventSource("/api/stream/s-1?after=1", ACCEPT)
    status, headers = await source.open()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert headers["cache-control"] == "no-cache, no-transform"
    assert await source.block() == {"retry": " 1000"}
    assert await source.seqs(2) == [2, 3]
    await write("s-1", 1)
    assert await source.seqs(1) == [4]
    await source.close()


async def test_last_event_id_wins_over_after() -> None:
    await write("s-1", 3)
    source = EventSource("/api/stream/s-1?after=0", ACCEPT, (b"last-event-id", b"2"))
    await source.open()
    await source.block()
    assert await source.seqs(1) == [3]
    await source.close()


async def test_a_gap_has_the_id_to_resume_after() -> None:
    await write("s-1", 3)
    source = EventSource("/api/stream/s-1?after=50", ACCEPT)
    await source.open()
    await source.block()
    block = await source.block()
    assert (block["id"], json.loads(block["data"])) == (" 3", {"type": "gap", "newest": 3})
    await source.close()


async def test_with_batch_a_block_is_an_array_with_the_last_number_as_id() -> None:
    await write("s-1", 3)
    source = EventSource("/api/stream/s-1?after=0&batch=1", ACCEPT)
    await source.open()
    await source.block()
    block = await source.block()
    assert (block["id"], [event["seq"] for event in json.loads(block["data"])]) == (" 3", [1, 2, 3])
    await source.close()


async def test_a_quiet_stream_gets_comment_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    source = EventSource("/api/stream/s-1?after=0", ACCEPT)
    await source.open()
    await source.block()
    assert [await source.block(), await source.block()] == [{"": ""}, {"": ""}]
    await write("s-1", 1)
    while not (block := await source.block()).get("data"):
        pass
    assert block["id"] == " 1"
    await source.close()


async def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "SILENCE_S", 0.05)
    is_stuck = asyncio.Event()
    incoming: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def send(message: dict[str, object]) -> None:
        if b"data:" in bytes(message.get("body", b"")):  # type: ignore[call-overload]
            await is_stuck.wait()

    await write("s-1", 1)
    scope = {"type": "http", "method": "GET", "path": "", "query_string": b"after=0", "headers": []}
    await asyncio.wait_for(consumers.event_stream(scope, incoming.get, send, "s-1"), PATIENCE_S)
    assert hub.FEEDS.open() == {}


@pytest.mark.parametrize("accept", [b"*/*", b"text/html, */*;q=0.8", b"application/json, text/event-stream"])
async def test_a_client_that_accepts_event_streams_gets_one(accept: bytes) -> None:
    source = EventSource("/api/stream/s-1", (b"accept", accept))
    assert (await source.open())[0] == 200
    await source.close()


async def test_a_client_that_does_not_accept_event_streams_gets_an_error() -> None:
    source = EventSource("/api/stream/s-1", (b"accept", b"application/json"))
    assert (await source.open())[0] == 406
    assert (await source.json())["errors"][0]["code"] == "not_acceptable"


async def test_options_lists_the_allowed_requests() -> None:
    source = EventSource("/api/stream/s-1", method="OPTIONS")
    status, headers = await source.open()
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@override_settings(REQUIRE_KEY="all")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_head_needs_the_same_key_as_get(method: str) -> None:
    assert (await EventSource("/api/stream/s-1", ACCEPT, method=method).open())[0] == 401
    wrong = (b"x-api-key", b"nosuchke.0123456789012345678901234567890")
    assert (await EventSource("/api/stream/s-1", ACCEPT, wrong, method=method).open())[0] == 401
    ticket, _ = issue_ticket("s-1")
    source = EventSource(f"/api/stream/s-1?ticket={ticket}", ACCEPT, method=method)
    assert (await source.open())[0] == 200
    await source.close()
    assert (await EventSource("/api/stream/s-1", method="OPTIONS").open())[0] == 204


async def test_head_is_answered_without_a_body() -> None:
    source = EventSource("/api/stream/s-1", ACCEPT, method="HEAD")
    status, headers = await source.open()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


async def test_other_methods_are_refused() -> None:
    source = EventSource("/api/stream/s-1", method="DELETE")
    status, headers = await source.open()
    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("path", "attr"),
    [
        ("/api/stream/", "sessionId"),
        ("/api/stream/a b", "sessionId"),
        ("/api/stream/" + "x" * 129, "sessionId"),
        ("/api/stream/s-1?after=-1", "after"),
        ("/api/stream/s-1?after=x", "after"),
        ("/api/stream/s-1?batch=2", "batch"),
    ],
)
async def test_invalid_input_is_a_400_that_names_it(path: str, attr: str) -> None:
    source = EventSource(path, ACCEPT)
    assert (await source.open())[0] == 400
    body = await source.json()
    assert (body["type"], [error["attr"] for error in body["errors"]]) == ("validation_error", [attr])


async def test_an_invalid_last_event_id_is_a_400() -> None:
    source = EventSource("/api/stream/s-1", ACCEPT, (b"last-event-id", b"abc"))
    assert (await source.open())[0] == 400
    assert (await source.json())["errors"][0]["attr"] == "Last-Event-ID"


async def test_a_foreign_host_name_is_a_400() -> None:
    source = EventSource("/api/stream/s-1", ACCEPT, (b"host", b"rebound.example"))
    assert (await source.open())[0] == 400
    assert (await source.json())["errors"][0]["code"] == "bad_request"


@override_settings(CORS_ALLOWED_ORIGINS=["https://front.example.com"], CORS_ALLOWED_ORIGIN_REGEXES=[])
async def test_pages_of_allowed_origins_may_read_and_others_are_refused() -> None:
    source = EventSource("/api/stream/s-1", ACCEPT, (b"origin", b"https://front.example.com"))
    status, headers = await source.open()
    assert (status, headers["access-control-allow-origin"]) == (200, "https://front.example.com")
    assert headers["vary"] == "Origin, Accept"
    await source.close()
    source = EventSource("/api/stream/s-1", ACCEPT, (b"origin", b"https://evil.example"))
    status, headers = await source.open()
    assert (status, "access-control-allow-origin" in headers) == (403, False)
    assert (await source.json())["errors"][0]["code"] == "permission_denied"


@override_settings(CORS_ALLOWED_ORIGINS=["https://front.example.com"], CORS_ALLOWED_ORIGIN_REGEXES=[])
async def test_a_preflight_request_lists_the_allowed_headers() -> None:
    answer = await AsyncClient().options(
        "/api/stream/s-1",
        headers={
            "origin": "https://front.example.com",
            "access-control-request-method": "GET",
            "access-control-request-headers": "last-event-id, x-api-key",
        },
    )
    assert answer.status_code == 200
    assert answer["access-control-allow-origin"] == "https://front.example.com"


async def test_a_wrong_key_is_a_401_even_if_none_is_required() -> None:
    source = EventSource("/api/stream/s-1", ACCEPT, (b"x-api-key", b"wrong.key"))
    status, headers = await source.open()
    assert (status, headers["www-authenticate"]) == (401, 'ApiKey realm="Dali", header="X-Api-Key"')
    assert (await source.json())["errors"][0]["code"] == "authentication_failed"


@override_settings(REQUIRE_KEY="all")
async def test_a_key_or_a_ticket_opens_the_stream_when_one_is_required() -> None:
    _, key = await in_thread(lambda: ApiKey.objects.create_key(name="front end"))()
    for source in (
        EventSource("/api/stream/s-1", ACCEPT, (b"x-api-key", key.encode())),
        EventSource(f"/api/stream/s-1?ticket={issue_ticket('s-1')[0]}", ACCEPT),
    ):
        assert (await source.open())[0] == 200
        await source.close()
    source = EventSource("/api/stream/s-1", ACCEPT)
    assert (await source.open())[0] == 401
    assert (await source.json())["errors"][0]["code"] == "not_authenticated"


async def test_without_its_database_the_stream_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(history, "find_start_async", fail)
    source = EventSource("/api/stream/s-1", ACCEPT)
    status, headers = await source.open()
    assert (status, headers["retry-after"]) == (503, "5")
    assert (await source.json())["type"] == "server_error"
