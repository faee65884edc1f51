"""The in-process channel layer: from any thread to any event loop, and an overflow is always reported."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.layers import get_channel_layer
from django.test import override_settings

from dali.lib.loop_layer import OVERFLOW, LoopChannelLayer
from tests.waiting import PATIENCE_S


async def test_a_group_reaches_each_of_its_channels_once() -> None:
    layer = LoopChannelLayer()
    one, two, other = [await layer.new_channel() for _ in range(3)]
    await layer.group_add("lights", one)
    await layer.group_add("lights", one)
    await layer.group_add("lights", two)
    await layer.group_send("lights", {"type": "on"})
    await layer.send(other, {"type": "off"})
    assert await layer.receive(one) == {"type": "on"}
    assert await layer.receive(two) == {"type": "on"}
    assert await layer.receive(other) == {"type": "off"}
    await layer.group_discard("lights", two)
    await layer.group_discard("lights", "never-added")
    await layer.group_send("lights", {"type": "off"})
    assert await layer.receive(one) == {"type": "off"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(two), 0.05)


@override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "dali.lib.loop_layer.LoopChannelLayer"}})
async def test_channels_finds_the_layer_by_its_setting() -> None:
    layer = get_channel_layer()
    assert isinstance(layer, LoopChannelLayer)
    with pytest.raises(TypeError, match="Group name"):
        await layer.group_send("not a name", {})
    with pytest.raises(TypeError, match="Channel name"):
        await layer.send("not a name", {})


async def test_messages_from_threads_arrive_complete_and_in_the_order_of_each_thread() -> None:
    layer = LoopChannelLayer(capacity=100_000)
    channel = await layer.new_channel()
    await layer.group_add("g", channel)

    def publish(thread: int) -> None:
        for number in range(2_000):
            layer.post_to_group("g", {"thread": thread, "number": number})

    with ThreadPoolExecutor(4) as threads:
        for thread in range(4):
            threads.submit(publish, thread)
        received = [await asyncio.wait_for(layer.receive(channel), PATIENCE_S) for _ in range(8_000)]
    for thread in range(4):
        assert [message["number"] for message in received if message["thread"] == thread] == list(
            range(2_000)
        )


async def test_a_waiting_reader_is_woken_by_a_thread() -> None:
    layer = LoopChannelLayer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    reader = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0.01)
    thread = threading.Thread(target=layer.post_to_group, args=("g", {"type": "on"}))
    thread.start()
    assert await asyncio.wait_for(reader, PATIENCE_S) == {"type": "on"}
    thread.join()


async def test_a_channel_that_overflows_says_so() -> None:
    layer = LoopChannelLayer(capacity=3)
    channel = await layer.new_channel()
    for number in range(5):
        await layer.send(channel, {"number": number})
    assert [await layer.receive(channel), await layer.receive(channel)] == [OVERFLOW, {"number": 4}]


def test_each_event_loop_receives_its_own_channels() -> None:
    layer = LoopChannelLayer()
    is_ready = threading.Barrier(3)

    async def read() -> object:
        channel = await layer.new_channel()
        await layer.group_add("g", channel)
        await asyncio.to_thread(is_ready.wait, PATIENCE_S)
        return await asyncio.wait_for(layer.receive(channel), PATIENCE_S)

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(asyncio.run, read()) for _ in range(2)]
        is_ready.wait(PATIENCE_S)
        layer.post_to_group("g", {"type": "on"})
        assert [reader.result() for reader in readers] == [{"type": "on"}, {"type": "on"}]


def test_sending_does_nothing_without_readers_or_after_their_loop_closed() -> None:
    layer = LoopChannelLayer()
    layer.post_to_group("g", {"type": "on"})

    async def join() -> None:
        await layer.group_add("g", await layer.new_channel())

    asyncio.run(join())
    layer.post_to_group("g", {"type": "on"})
    assert (layer.channels(), layer.groups()) == ([], [])


async def test_a_channel_is_removed_with_its_reader() -> None:
    layer = LoopChannelLayer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    reader = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0.01)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert (layer.channels(), layer.groups()) == ([], [])


async def test_flush_removes_everything() -> None:
    layer = LoopChannelLayer()
    await layer.group_add("g", await layer.new_channel())
    await layer.flush()
    assert (layer.channels(), layer.groups()) == ([], [])
