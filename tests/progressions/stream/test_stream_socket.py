"""The stream over WebSockets: replay and live events, where it starts, who is admitted, what is left behind."""

import asyncio
import json

import pytest
from django.test import override_settings

from dali.lib.web.streams.frames import EXTENSION
from progressions.models import Event, StreamSession
from progressions.stream import consumers, hub
from progressions.stream.tickets import issue_ticket
from projects.models import ApiKey
from tests.progressions.stream.streams import (
    connected,
    in_thread,
    make_job,
    receive_seqs,
    socket,
    until,
    write_events,
)
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)

write = in_thread(write_events)


async def refusal(path: str, *headers: tuple[bytes, bytes]) -> int:
    """The code with which an accepted socket is closed at once."""
    communicator = socket(path, *headers)
    assert await communicator.connect(timeout=PATIENCE_S) == (True, None)
    message = await communicator.receive_output(timeout=PATIENCE_S)
    assert message["type"] == "websocket.close"
    await communicator.wait(timeout=PATIENCE_S)
    code: int = message["code"]
    return code


async def test_events_after_a_number_are_replayed_then_followed_live() -> None:
    await write("s-1", 5)
    async with connected("/api/stream/s-1?after=2") as reader:
        assert await receive_seqs(reader, 3) == [3, 4, 5]
        await write("s-1", 2)
        assert await receive_seqs(reader, 2) == [6, 7]
        assert await reader.receive_nothing()


async def test_an_event_arrives_as_it_was_stored() -> None:
    await write("s-1", 1)
    text = await in_thread(lambda: Event.objects.get(session_id="s-1").text)()
    async with connected("/api/stream/s-1?after=0") as reader:
        assert await reader.receive_from(timeout=PATIENCE_S) == text
    event = json.loads(text)
    assert (event["seq"], event["type"], event["sessionId"]) == (1, "progress", "s-1")


async def test_last_event_id_wins_over_after() -> None:
    await write("s-1", 5)
    async with connected("/api/stream/s-1?after=0", (b"last-event-id", b"3")) as reader:
        assert await receive_seqs(reader, 2) == [4, 5]


async def test_sessions_do_not_hear_each_other() -> None:
    async with connected("/api/stream/a?after=0") as a, connected("/api/stream/a:b?after=0") as b:
        await write("a:b", 1)
        await write("a", 2)
        assert await receive_seqs(a, 2) == [1, 2]
        assert await receive_seqs(b, 1) == [1]
        assert await b.receive_nothing()


async def test_without_a_number_the_oldest_unfinished_job_is_shown_completely() -> None:
    done = await in_thread(make_job)("s-1", "complete")
    await write("s-1", 2, job_id=done)
    first = await in_thread(make_job)("s-1")
    await write("s-1", 2, job_id=first)
    second = await in_thread(make_job)("s-1", "queued")
    await write("s-1", 1, job_id=second)
    async with connected("/api/stream/s-1?after=") as reader:
        assert await receive_seqs(reader, 3) == [3, 4, 5]


async def test_without_a_number_and_without_unfinished_jobs_the_newest_job_is_shown() -> None:
    for _ in range(2):
        job = await in_thread(make_job)("s-1", "complete")
        await write("s-1", 2, job_id=job)
    async with connected("/api/stream/s-1") as reader:
        assert await receive_seqs(reader, 2) == [3, 4]


async def test_without_a_number_and_without_jobs_the_stream_starts_with_the_next_event() -> None:
    await write("s-1", 2)
    async with connected("/api/stream/s-1") as reader:
        assert await reader.receive_nothing()
        await write("s-1", 1)
        assert await receive_seqs(reader, 1) == [3]


async def test_a_number_beyond_the_newest_gets_a_gap_then_live_events() -> None:
    await write("s-1", 2)
    async with connected("/api/stream/s-1?after=9") as reader:
        assert await reader.receive_json_from(timeout=PATIENCE_S) == {"type": "gap", "newest": 2}
        await write("s-1", 1)
        assert await receive_seqs(reader, 1) == [3]


async def test_pruned_events_become_a_gap_followed_by_the_rest() -> None:
    await write("s-1", 5)
    await in_thread(prune)("s-1", 3)
    async with connected("/api/stream/s-1?after=1") as reader:
        assert await reader.receive_json_from(timeout=PATIENCE_S) == {"type": "gap", "oldest": 4}
        assert await receive_seqs(reader, 2) == [4, 5]
    async with connected("/api/stream/s-1?after=3") as reader:
        assert await receive_seqs(reader, 2) == [4, 5]


async def test_a_fully_pruned_session_continues_live() -> None:
    await write("s-1", 5)
    await in_thread(prune)("s-1", 5)
    async with connected("/api/stream/s-1?after=0") as reader:
        assert await reader.receive_json_from(timeout=PATIENCE_S) == {"type": "gap", "oldest": 6}
        await write("s-1", 1)
        assert await receive_seqs(reader, 1) == [6]


async def test_with_batch_every_message_is_an_array() -> None:
    await write("s-1", 3)
    async with connected("/api/stream/s-1?after=9&batch=1") as reader:
        assert await reader.receive_json_from(timeout=PATIENCE_S) == [{"type": "gap", "newest": 3}]
    async with connected("/api/stream/s-1?after=0&batch=1") as reader:
        assert [event["seq"] for event in await reader.receive_json_from(timeout=PATIENCE_S)] == [1, 2, 3]
        await write("s-1", 1)
        assert [event["seq"] for event in await reader.receive_json_from(timeout=PATIENCE_S)] == [4]


@pytest.mark.parametrize(("query", "messages"), [("", 3), ("&batch=1", 1)])
async def test_a_server_that_accepts_frames_gets_them_ready_made(query: str, messages: int) -> None:
    await write("s-1", 3, padding=100)
    communicator = socket(f"/api/stream/s-1?after=0{query}")
    communicator.scope["extensions"] = {EXTENSION: {}}
    assert (await communicator.connect(timeout=PATIENCE_S))[0]
    message = await communicator.receive_output(timeout=PATIENCE_S)
    assert message["type"] == EXTENSION
    assert message["frames"].count(b"\x81\x7e") == messages
    assert [message["frames"].count(b'"seq":%d,' % seq) for seq in (1, 2, 3)] == [1, 1, 1]
    await communicator.disconnect(timeout=PATIENCE_S)


async def test_a_long_log_is_replayed_completely() -> None:
    await write("s-1", 1_300)
    async with connected("/api/stream/s-1?after=0") as reader:
        assert await receive_seqs(reader, 1_300) == list(range(1, 1_301))


async def test_messages_of_clients_are_ignored_up_to_4_kib() -> None:
    async with connected("/api/stream/s-1?after=0") as reader:
        await reader.send_to(text_data="x" * 4096)
        await reader.send_to(bytes_data=b"\x00" * 4096)
        await write("s-1", 1)
        assert await receive_seqs(reader, 1) == [1]
    reader = socket("/api/stream/s-1?after=0")
    await reader.connect(timeout=PATIENCE_S)
    await reader.send_to(text_data="ä" * 2049)
    assert (await reader.receive_output(timeout=PATIENCE_S))["code"] == 1009
    await reader.wait(timeout=PATIENCE_S)


async def test_a_client_that_sends_without_end_is_closed_with_1008() -> None:
    reader = socket("/api/stream/s-1?after=0")
    await reader.connect(timeout=PATIENCE_S)
    for _ in range(1100):
        await reader.send_to(text_data="x")
    assert (await reader.receive_output(timeout=PATIENCE_S))["code"] == 1008
    await reader.wait(timeout=PATIENCE_S)


@pytest.mark.parametrize(
    "path",
    [
        "/api/stream/",
        "/api/stream/a/b",
        "/api/stream/a%2Fb",
        "/api/stream/a%20b",
        "/api/stream/" + "x" * 129,
        "/api/stream/s-1?after=-1",
        "/api/stream/s-1?after=one",
        "/api/stream/s-1?after=1e3",
        "/api/stream/s-1?after=" + "9" * 40,
        "/api/stream/s-1?batch=yes",
    ],
)
async def test_invalid_input_is_accepted_and_closed_with_4400(path: str) -> None:
    assert await refusal(path) == 4400


async def test_a_session_id_may_have_128_characters_of_every_allowed_kind() -> None:
    session_id = "aZ09._:-" * 16
    async with connected(f"/api/stream/{session_id}?after=0") as reader:
        await write(session_id, 1)
        assert await receive_seqs(reader, 1) == [1]


async def test_other_sockets_are_refused_in_the_handshake() -> None:
    assert await socket("/api/other").connect(timeout=PATIENCE_S) == (False, 1000)


@override_settings(
    PUBLIC_ORIGIN="https://dali.example.com",
    CORS_ALLOWED_ORIGINS=["https://front.example.com"],
    CORS_ALLOWED_ORIGIN_REGEXES=[],
)
async def test_pages_of_foreign_origins_are_refused_in_the_handshake() -> None:
    for origin in (b"https://dali.example.com", b"https://front.example.com", b"HTTPS://Front.Example.com"):
        async with connected("/api/stream/s-1", (b"origin", origin)):
            pass
    for origin in (
        b"https://evil.example",
        b"null",
        b"https://front.example.com.evil.example",
        b"http://127.0.0.1",
    ):
        assert (await socket("/api/stream/s-1", (b"origin", origin)).connect(timeout=PATIENCE_S))[0] is False


@override_settings(
    CORS_ALLOWED_ORIGINS=[],
    CORS_ALLOWED_ORIGIN_REGEXES=[r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$"],
)
async def test_any_loopback_origin_may_read_on_an_embedded_server() -> None:
    for origin in (b"http://localhost:5173", b"http://127.0.0.1:3000", b"http://[::1]:8080"):
        async with connected("/api/stream/s-1", (b"origin", origin)):
            pass
    assert (
        await socket("/api/stream/s-1", (b"origin", b"http://localhost.evil")).connect(timeout=PATIENCE_S)
    )[0] is False


async def test_a_foreign_host_name_is_refused() -> None:
    async with connected("/api/stream/s-1", (b"host", b"testserver:8000")):
        pass
    assert await refusal("/api/stream/s-1", (b"host", b"rebound.example")) == 4400


async def test_a_wrong_key_is_refused_even_if_none_is_required() -> None:
    _, key = await in_thread(lambda: ApiKey.objects.create_key(name="front end"))()
    async with connected("/api/stream/s-1", (b"x-api-key", key.encode())):
        pass
    assert await refusal("/api/stream/s-1", (b"x-api-key", b"wrong.key")) == 4401


@override_settings(REQUIRE_KEY="all")
async def test_a_key_or_a_ticket_opens_the_stream_when_one_is_required() -> None:
    _, key = await in_thread(lambda: ApiKey.objects.create_key(name="front end"))()
    ticket, _ = issue_ticket("s-1")
    async with connected("/api/stream/s-1?after=0", (b"x-api-key", key.encode())):
        pass
    async with connected(f"/api/stream/s-1?after=0&ticket={ticket}") as reader:
        await write("s-1", 1)
        assert await receive_seqs(reader, 1) == [1]
    assert await refusal("/api/stream/s-1") == 4401
    assert await refusal(f"/api/stream/s-2?ticket={ticket}") == 4401
    assert await refusal("/api/stream/s-1?ticket=s-1:1:forged") == 4401


async def test_a_reader_that_disconnects_leaves_no_task_and_no_feed() -> None:
    def tasks() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks() if "stream" in task.get_name()}

    async with connected("/api/stream/s-1?after=0") as one, connected("/api/stream/s-1?after=0") as two:
        await write("s-1", 1)
        assert await receive_seqs(one, 1) == await receive_seqs(two, 1) == [1]
        await until(lambda: tasks() == {"stream s-1", "stream watch"})
    await until(lambda: not tasks())
    assert hub.FEEDS.open() == {}


async def test_a_reader_that_disconnects_while_it_connects_leaves_nothing() -> None:
    reader = socket("/api/stream/s-1?after=0")
    await reader.connect(timeout=PATIENCE_S)
    await reader.disconnect(timeout=PATIENCE_S)
    assert hub.FEEDS.open() == {}


async def test_a_reader_that_takes_nothing_of_8_mib_is_closed_with_4408_and_can_resume() -> None:
    is_stuck = asyncio.Event()
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "websocket.send":
            is_stuck.set()
            await asyncio.Event().wait()
        sent.append(message)

    incoming: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    scope = {"type": "websocket", "path": "/api/stream/s-1", "query_string": b"after=0", "headers": []}
    slow = asyncio.create_task(consumers.websocket_stream(scope, incoming.get, send, "s-1"))
    async with connected("/api/stream/s-1?after=0&batch=1") as fast:
        newest = 0
        await write("s-1", 1)
        await is_stuck.wait()  # everything written from now on stays unread
        for written in range(11, 102, 10):
            await write("s-1", 10, padding=100_000)
            while newest < written:
                newest = (await fast.receive_json_from(timeout=PATIENCE_S))[-1]["seq"]
        await asyncio.wait_for(slow, PATIENCE_S)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 4408
    async with connected("/api/stream/s-1?after=0") as resumed:
        assert await receive_seqs(resumed, 101) == list(range(1, 102))


def prune(session_id: str, seq: int) -> None:
    """Deletes the events up to a number, as the upkeep does."""
    Event.objects.filter(session_id=session_id, seq__lte=seq).delete()
    StreamSession.objects.filter(pk=session_id).update(pruned_seq=seq)
