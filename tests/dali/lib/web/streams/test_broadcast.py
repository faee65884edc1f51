"""Publishing never breaks or delays the work that it reports, and without Redis readers follow the log."""

import socket
import time

import pytest
from django.test import override_settings

from dali.lib.web.streams import broadcast
from progressions.stream import hub
from tests.progressions.stream.streams import connected, in_thread, receive_seqs, write_events


def dead_redis() -> dict[str, object]:
    """A channel layer whose Redis refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
    return redis_at(address)


def redis_at(address: str) -> dict[str, object]:
    """The channel layer of a Redis."""
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    return {"default": {"BACKEND": backend, "CONFIG": {"hosts": [address]}}}


def test_publishing_neither_raises_nor_waits_when_redis_is_down() -> None:
    with override_settings(CHANNEL_LAYERS=dead_redis()):
        for seq in range(1, 1_001):
            broadcast.publish("s-1", [(seq, "x" * 1_000)])


def test_an_unresponsive_redis_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with override_settings(CHANNEL_LAYERS=redis_at(address)):
            began = time.monotonic()
            for seq in range(1, 1_001):
                broadcast.publish("s-1", [(seq, "x" * 1_000)])
            # A single answer would be waited for up to 2 s.
            assert time.monotonic() - began < 60


@pytest.mark.django_db(transaction=True)
async def test_readers_get_everything_from_the_log_when_redis_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "REREAD_S", 0.05)
    write = in_thread(write_events)
    with override_settings(CHANNEL_LAYERS=dead_redis()):
        async with connected("/api/stream/s-1?after=0") as reader:
            await write("s-1", 3)
            assert await receive_seqs(reader, 3) == [1, 2, 3]
            await write("s-1", 2)
            assert await receive_seqs(reader, 2) == [4, 5]


def test_the_queue_for_redis_is_bounded() -> None:
    courier = broadcast.Courier()
    half = "x" * (broadcast.WAITING_CHARS // 2)
    for seq in range(1, 10):
        courier.put("s-1", [(seq, half)])
    assert [seq for seq, _ in courier.waiting()["s-1"]] == [1, 2]


def test_messages_to_redis_are_split_into_pieces_of_bounded_length() -> None:
    short, long = "x" * 100_000, "x" * 300_000
    events = [(1, short), (2, short), (3, short), (4, long), (5, short)]
    assert [[seq for seq, _ in piece] for piece in broadcast.pieces(events)] == [[1, 2], [3], [4], [5]]


@pytest.mark.django_db
def test_every_session_id_gives_a_valid_group_name() -> None:
    names = {broadcast.group_of(session_id) for session_id in ("a", "a:b", "A" * 128, "-._:")}
    assert len(names) == 4
    assert all(len(name) < 100 and name.replace("stream.", "").isalnum() for name in names)
