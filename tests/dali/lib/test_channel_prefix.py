"""Deployments that share a Redis do not hear each other, although pub/sub ignores database numbers."""

import asyncio
import os

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from dali.lib.secrets import channel_prefix

SECRET = "s" * 60


def test_a_deployment_has_one_prefix_under_every_name_of_its_redis() -> None:
    one = channel_prefix("redis://127.0.0.1:6379/3", SECRET)
    assert one == channel_prefix("rediss://user:password@redis.internal/3", SECRET)
    assert one.startswith("dali.3.")
    assert SECRET not in one


def test_another_database_number_or_secret_is_another_deployment() -> None:
    prefixes = {
        channel_prefix("redis://h/0", SECRET),
        channel_prefix("redis://h/1", SECRET),
        channel_prefix("redis://h/0", "t" * 60),
    }
    assert len(prefixes) == 3
    assert channel_prefix("redis://h", SECRET) == channel_prefix("redis://h/0", SECRET)


@pytest.mark.services
async def test_a_message_reaches_only_its_own_deployment() -> None:
    address = os.environ.get("REDIS_URL", "")
    if not address:
        if os.environ.get("DALI_REQUIRE_SERVICES"):
            pytest.fail("needs REDIS_URL")
        pytest.skip("needs REDIS_URL")
    layers = {
        number: RedisPubSubChannelLayer(hosts=[address], prefix=channel_prefix(f"redis://h/{number}", SECRET))
        for number in (0, 1)
    }
    try:
        heard = {number: asyncio.create_task(layer.receive("listener")) for number, layer in layers.items()}
        await asyncio.sleep(0)
        for layer in layers.values():
            await layer.group_add("group", "listener")
        await layers[0].group_send("group", {"type": "news", "of": 0})
        assert await asyncio.wait_for(heard[0], 30) == {"type": "news", "of": 0}
        await layers[1].group_send("group", {"type": "news", "of": 1})
        assert await asyncio.wait_for(heard[1], 30) == {"type": "news", "of": 1}
    finally:
        for layer in layers.values():
            await layer.flush()
