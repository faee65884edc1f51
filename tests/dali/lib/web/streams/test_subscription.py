"""Subscriptions: opened by the first reader, closed by the last, read again after errors, replaced after their end."""

import asyncio

import pytest
from channels.layers import get_channel_layer

from dali.lib.loop_layer import LoopChannelLayer
from dali.lib.web.streams import broadcast, subscription
from dali.lib.web.streams.subscription import Subscription, Subscriptions
from tests.waiting import PATIENCE_S


class Rows(Subscription):
    """Counts looks; the first `failing` of them fail."""

    def __init__(self, failing: int = 0) -> None:
        super().__init__("rows", "rows")
        self.heard: list[tuple[int, str]] = []
        self.looks = 0
        self.failing = failing
        self.is_asked = False

    def hear(self, events: broadcast.Events) -> None:
        self.heard += [(seq, text) for seq, text in events]
        self.wake()

    def reread(self) -> None:
        self.is_asked = True
        self.look_soon()

    def is_behind(self) -> bool:
        return self.is_asked

    async def look(self) -> None:
        self.is_asked = False
        self.looks += 1
        if self.looks <= self.failing:
            raise ConnectionError("the database is away")
        self.wake()


async def test_readers_of_one_key_share_a_subscription_until_the_last_leaves() -> None:
    opened = Subscriptions[Rows]()
    with opened.reading("a", Rows()) as first:
        assert opened.find("a") is first
        with opened.reading("a", first), opened.reading("b", Rows()):
            assert set(opened.open()) == {"a", "b"}
        assert opened.open() == {"a": first}
    assert opened.open() == {}
    assert opened.find("a") is None


async def test_a_subscription_that_has_ended_is_replaced_and_leaves_its_successor_alone() -> None:
    opened = Subscriptions[Rows]()
    with opened.reading("a", Rows()) as first:
        first.has_ended = True
        assert opened.find("a") is None
        with opened.reading("a", Rows()) as second:
            assert opened.find("a") is second
        assert opened.open() == {}
        with opened.reading("a", Rows()) as third:
            with opened.reading("b", Rows()):
                pass
            assert opened.open() == {"a": third}
    assert opened.open() == {}


async def test_a_watch_runs_while_there_are_readers() -> None:
    is_running = asyncio.Event()
    has_ended = asyncio.Event()

    async def watch() -> None:
        is_running.set()
        try:
            await asyncio.Event().wait()
        finally:
            has_ended.set()

    opened = Subscriptions[Rows](watch)
    async with asyncio.timeout(PATIENCE_S):
        with opened.reading("a", Rows()):
            await is_running.wait()
            assert not has_ended.is_set()
        await has_ended.wait()


async def test_a_failed_look_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RETRY_S", 0)
    with Subscriptions[Rows]().reading("a", Rows(failing=2)) as rows:
        async with asyncio.timeout(PATIENCE_S):
            await rows.wait()
        assert rows.looks == 3


async def test_hints_reach_a_subscription_that_listens() -> None:
    if not isinstance(get_channel_layer(), LoopChannelLayer):
        pytest.skip("the layer of this process")
    with Subscriptions[Rows]().reading("a", Rows()) as rows:
        async with asyncio.timeout(PATIENCE_S):
            await rows.has_tried_to_listen.wait()
            broadcast.publish("rows", [(1, "one")])
            while not rows.heard:
                await rows.wait()
        assert rows.heard == [(1, "one")]
