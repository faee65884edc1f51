"""The feed: hints may be lost, late, repeated or out of order; readers get every event once, in order."""

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from channels.layers import get_channel_layer
from django.db import close_old_connections

from dali.lib.loop_layer import LoopChannelLayer
from dali.lib.web.streams import broadcast
from progressions.models import Event, StreamSession
from progressions.stream import feed, hub
from progressions.stream.feed import Cursor
from progressions.stream.hub import reading
from tests.progressions.stream.streams import connected, in_thread, receive_seqs, until, write_events
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)

write = in_thread(write_events)
Hints = list[tuple[int, str]]


@pytest.fixture
def withheld(monkeypatch: pytest.MonkeyPatch) -> Hints:
    """Collects hints here instead of publishing them."""
    hints: Hints = []
    monkeypatch.setattr(broadcast, "publish", lambda _, events: hints.extend(events))
    return hints


@pytest.fixture
def never_reread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns off the periodic reading of the log."""
    monkeypatch.setattr(hub, "REREAD_S", 3600)


@asynccontextmanager
async def open_cursor(session_id: str, after: int | None) -> AsyncIterator[Cursor]:
    """A reader."""
    async with reading(session_id, after) as cursor:
        yield cursor


async def take(cursor: Cursor, count: int) -> list[int]:
    """The numbers of at least that many events, read from a cursor."""
    seqs: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(seqs) < count:
            batch = await cursor.next()
            seqs += [json.loads(text)["seq"] for text in batch.texts]
            cursor.sent(batch)
            assert batch.last == seqs[-1] == cursor.seq
    return seqs


@pytest.mark.usefixtures("never_reread")
async def test_hints_out_of_order_and_repeated_are_put_in_order(withheld: Hints) -> None:
    async with open_cursor("s-1", 0) as cursor:
        await write("s-1", 6)
        for index in (1, 0, 0, 4, 5, 2, 3, 1):
            cursor.feed.hear([withheld[index]])
        assert await take(cursor, 6) == [1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("never_reread")
async def test_lost_hints_are_read_from_the_rows_when_a_later_one_arrives(withheld: Hints) -> None:
    async with open_cursor("s-1", 0) as cursor:
        await write("s-1", 700)
        cursor.feed.hear([withheld[-1]])
        assert await take(cursor, 700) == list(range(1, 701))


@pytest.mark.usefixtures("withheld")
async def test_lost_hints_without_a_later_one_are_found_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "REREAD_S", 0.05)
    async with open_cursor("s-1", 0) as cursor:
        await write("s-1", 3)
        assert await take(cursor, 3) == [1, 2, 3]


@pytest.mark.usefixtures("never_reread")
async def test_the_log_is_read_after_an_overflow_of_the_layer(
    withheld: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = get_channel_layer()
    if not isinstance(layer, LoopChannelLayer):
        pytest.skip("only the in-process layer overflows")
    monkeypatch.setattr(layer, "capacity", 1)
    async with open_cursor("s-1", 0) as cursor:
        await write("s-1", 5)
        for hint in withheld[:2]:
            layer.post_to_group(broadcast.group_of("s-1"), broadcast.message_of("s-1", [hint]))
        assert await take(cursor, 5) == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("never_reread")
async def test_a_reader_behind_the_ring_reads_the_rows_and_returns_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "RING_EVENTS", 10)
    async with open_cursor("s-1", 0) as slow, open_cursor("s-1", 0) as fast:
        for _ in range(8):
            await write("s-1", 10)
            await take(fast, 10)
        assert slow.feed is fast.feed
        assert slow.feed.after(0) is None
        assert await take(slow, 80) == list(range(1, 81))
        await write("s-1", 1)
        assert await take(slow, 1) == [81]


@pytest.mark.usefixtures("never_reread")
async def test_the_ring_is_bounded_by_the_length_of_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "RING_CHARS", 10_000)
    async with open_cursor("s-1", 0) as cursor:
        for _ in range(10):
            await write("s-1", 5, padding=1_000)
            await take(cursor, 5)
        assert cursor.feed.after(0) is None
        assert cursor.feed.after(45) is not None


@pytest.mark.usefixtures("never_reread")
async def test_events_pruned_under_a_slow_reader_become_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "RING_EVENTS", 2)

    def prune() -> None:
        Event.objects.filter(session_id="s-1", seq__lte=5).delete()
        StreamSession.objects.filter(pk="s-1").update(pruned_seq=5)

    async with open_cursor("s-1", 0) as slow, open_cursor("s-1", 0) as fast:
        await write("s-1", 8)
        await take(fast, 8)
        await in_thread(prune)()
        batch = await slow.next()
        assert [json.loads(text) for text in batch.texts] == [{"type": "gap", "oldest": 6}]
        slow.sent(batch)
        assert await take(slow, 3) == [6, 7, 8]


@pytest.mark.usefixtures("never_reread")
async def test_events_are_joined_once_for_all_readers_at_the_same_position() -> None:
    async with open_cursor("s-1", 0) as one, open_cursor("s-1", 0) as two:
        await write("s-1", 3)
        await until(lambda: one.feed.head == 3)  # over Redis they arrive one by one
        batches = [await one.next(), await two.next()]
        joined = [one.feed.joined(batch) for batch in batches]
        assert joined[0] is joined[1]
        assert [event["seq"] for event in json.loads(joined[0])] == [1, 2, 3]


async def test_the_feed_closes_with_its_last_reader_and_opens_again() -> None:
    async with open_cursor("s-1", 0) as one:
        async with open_cursor("s-1", 0), open_cursor("s-2", 0):
            assert set(hub.FEEDS.open()) == {"s-1", "s-2"}
        assert hub.FEEDS.open() == {"s-1": one.feed}
    assert hub.FEEDS.open() == {}
    async with open_cursor("s-1", 0) as again:
        await write("s-1", 1)
        assert await take(again, 1) == [1]
    layer = get_channel_layer()
    if isinstance(layer, LoopChannelLayer):
        await until(lambda: not layer.channels())
        assert layer.groups() == []


def test_publishing_without_listeners_does_nothing() -> None:
    broadcast.publish("s-1", [(1, "{}")])


async def test_concurrent_writers_and_reconnecting_readers_lose_and_repeat_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six writers, a third of their hints dropped, a third late; readers that disconnect at any point and resume."""
    monkeypatch.setattr(hub, "REREAD_S", 0.2)
    publish = broadcast.publish
    late: list[threading.Timer] = []

    def unreliable(session_id: str, events: Sequence[tuple[int, str]]) -> None:
        chance = random.random()
        if chance < 1 / 3:
            return
        if chance < 2 / 3:
            timer = threading.Timer(random.random() / 20, publish, (session_id, events))
            late.append(timer)
            timer.start()
        else:
            publish(session_id, events)

    monkeypatch.setattr(broadcast, "publish", unreliable)
    writers, transactions, each = 6, 15, 3
    total = writers * transactions * each

    def write_much() -> None:
        for _ in range(transactions):
            write_events("s-1", each)
        close_old_connections()

    async def read_all() -> list[int]:
        seqs: list[int] = []
        while len(seqs) < total:
            async with open_cursor("s-1", len(seqs)) as cursor:
                seqs += await take(cursor, min(random.randint(1, 40), total - len(seqs)))
        return seqs

    async def read_sockets() -> list[int]:
        seqs: list[int] = []
        while len(seqs) < total:
            async with connected(f"/api/stream/s-1?after={len(seqs)}") as reader:
                seqs += await receive_seqs(reader, min(random.randint(1, 40), total - len(seqs)))
        return seqs

    with ThreadPoolExecutor(writers) as threads:
        for _ in range(writers):
            threads.submit(write_much)
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(*(read() for read in [read_all, read_sockets] * 4))
    for timer in late:
        timer.join()
    assert results == [list(range(1, total + 1))] * 8
