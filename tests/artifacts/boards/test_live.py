"""`GET <page>/live`: votes and comments reach the visitors who have the page open."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.test import override_settings

from artifacts.boards import listening, live
from artifacts.boards import services as boards
from artifacts.boards.pages import get_page
from artifacts.making import intake, services
from artifacts.models import Artifact, Comment
from dali.lib.web.streams import sse, subscription
from dali.lib.web.streams.endless import is_endless
from tests.artifacts.boards.conftest import Visitor, visit
from tests.factories import ProgressionFactory
from tests.progressions.stream.streams import EventSource, in_thread, until
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)

HOST = (b"host", b"testserver")


def make(generator: str = "votingDeck", count: int = 2) -> Artifact:
    """A published page of `count` images."""
    first = ProgressionFactory()
    for _ in range(count - 1):
        ProgressionFactory(project=first.project)
    return intake.create_artifact(generator=generator, project_ids=[first.project.pk])


make_page, visit_page = in_thread(make), in_thread(visit)


async def vote(visitor: Visitor, image: str, choice: str) -> None:
    answer = await in_thread(visitor.vote)(image, choice)
    assert answer.status_code == 200, answer.content


async def reader(artifact: Artifact, folder: str = "artifact") -> tuple[EventSource, dict[str, Any]]:
    """A reader that has read the state, and the state."""
    source = EventSource(f"/public/{folder}/{artifact.public_slug}/live", HOST)
    status, headers = await source.open()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert headers["cache-control"] == "no-store"
    assert await source.block() == {"retry": " 3000"}
    return source, await said(source)


async def said(source: EventSource) -> dict[str, Any]:
    """The data of the next event that is not a comment."""
    while "data" not in (block := await source.block()):
        pass
    told: dict[str, Any] = json.loads(block["data"])
    return told


async def test_a_reader_gets_the_state_and_then_the_changes() -> None:
    page = await make_page()
    one, two = page.manifest["progressions"]
    visitor = await visit_page(page)
    await vote(visitor, one, "yes")
    source, state = await reader(page)
    first = {"votes": {"yes": 1, "maybe": 0, "no": 0}, "comments": []}
    assert state == {"closed": False, "images": {one: first}}
    await vote(visitor, two, "maybe")
    second = {"votes": {"yes": 0, "maybe": 1, "no": 0}, "comments": []}
    assert await said(source) == {"closed": False, "images": {two: second}}
    await vote(visitor, one, "")
    nothing = {"votes": {"yes": 0, "maybe": 0, "no": 0}, "comments": []}
    assert await said(source) == {"closed": False, "images": {one: nothing}}
    late, state = await reader(page)
    assert state["images"][two] == second
    await source.close()
    await late.close()
    assert live.PAGES.open() == {}
    assert not listening._listeners


async def test_many_votes_at_once_share_events() -> None:
    page = await make_page()
    image = page.manifest["progressions"][0]
    visitors = [await visit_page(page) for _ in range(12)]
    source, _ = await reader(page)
    await asyncio.gather(*(vote(visitor, image, "yes") for visitor in visitors))
    events, count = 0, 0
    while count < 12:
        count = (await said(source))["images"][image]["votes"]["yes"]
        events += 1
    assert events < 12
    await source.close()


async def test_comments_arrive_complete_and_hidden_ones_disappear() -> None:
    page = await make_page("reviewBoard")
    image = page.manifest["progressions"][0]
    visitor = await visit_page(page)
    source, state = await reader(page)
    assert state == {"closed": False, "images": {}}
    written = (await in_thread(visitor.write)(image, "The sky is too dark.", name="Ada")).json()
    assert await said(source) == {"closed": False, "images": {image: {"votes": {}, "comments": [written]}}}
    await in_thread(lambda: boards.set_hidden(comments=Comment.objects.all(), is_hidden=True))()
    assert await said(source) == {"closed": False, "images": {image: {"votes": {}, "comments": []}}}
    await source.close()


async def test_closing_and_opening_are_announced() -> None:
    page = await make_page()
    source, _ = await reader(page)
    await in_thread(boards.set_closed)(artifact=page, is_closed=True)
    assert await said(source) == {"closed": True, "images": {}}
    await in_thread(boards.set_closed)(artifact=page, is_closed=False)
    assert await said(source) == {"closed": False, "images": {}}
    await source.close()


@pytest.mark.parametrize("deed", ["unpublished", "deleted"])
async def test_a_page_that_is_unpublished_or_deleted_ends_its_stream(deed: str) -> None:
    page = await make_page()
    source, _ = await reader(page)
    if deed == "deleted":
        await in_thread(page.delete)()
    else:
        await in_thread(services.unpublish_artifact)(artifact=page)
    assert await source.block() == {"event": " gone", "data": " {}"}
    await until(lambda: not live.PAGES.open())
    again = EventSource(f"/public/artifact/{page.public_slug}/live", HOST)
    status, headers = await again.open()
    assert status == (404 if deed == "deleted" else 410)
    assert (headers["cache-control"], headers["content-type"]) == ("no-store", "application/json")
    assert (await again.json())["errors"][0]["code"] == ("not_found" if deed == "deleted" else "gone")
    await source.close()


async def test_changes_without_a_hint_are_found_by_rereading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REREAD_S", 0.4)
    page = await make_page()
    image = page.manifest["progressions"][1]
    source, _ = await reader(page)
    await in_thread(Artifact.objects.filter(pk=page.pk).update)(closed_at=page.created_at)
    assert await said(source) == {"closed": True, "images": {}}
    await in_thread(Artifact.objects.filter(pk=page.pk).update)(closed_at=None)
    assert await said(source) == {"closed": False, "images": {}}
    await in_thread(lambda: page.votes.create(image_id=image, visitor="v", choice="no"))()
    told = await said(source)
    assert told == {
        "closed": False,
        "images": {image: {"votes": {"yes": 0, "maybe": 0, "no": 1}, "comments": []}},
    }
    await source.close()


async def test_a_failed_read_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    page = await make_page()
    image = page.manifest["progressions"][0]
    visitor = await visit_page(page)
    source, _ = await reader(page)
    looks = []

    async def fail_once(slug: str, names: Any) -> live.PageLook:
        looks.append(names)
        if len(looks) == 1:
            raise OperationalError
        return await real(slug, names)

    real = live.look_async
    monkeypatch.setattr(live, "look_async", fail_once)
    monkeypatch.setattr(subscription, "RETRY_S", 0.1)
    await vote(visitor, image, "yes")
    assert (await said(source))["images"][image]["votes"]["yes"] == 1
    await until(lambda: len(looks) > 1)  # a read that started earlier may have seen the vote
    assert "*" in looks[1]
    await source.close()


async def test_a_database_that_is_down_at_the_start_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(slug: str, names: Any) -> live.PageLook:
        raise OperationalError

    monkeypatch.setattr(live, "look_async", fail)
    source = EventSource("/public/artifact/some-page-1/live", HOST)
    status, headers = await source.open()
    assert (status, headers["retry-after"]) == (503, "5")
    await source.close()


async def test_a_quiet_page_gets_comment_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    source, _ = await reader(await make_page())
    assert [await source.block(), await source.block()] == [{"": ""}, {"": ""}]
    await source.close()


async def test_a_slow_reader_gets_the_sum_of_what_it_missed() -> None:
    page = await make_page()
    one, two = page.manifest["progressions"]
    first = await in_thread(live.look)(page.public_slug, ["*"])
    watcher = live.LivePage(str(page.public_slug), first)
    seen = watcher.version
    shown = await in_thread(get_page)(page.public_slug)
    for choice, image in (("yes", one), ("no", two), ("maybe", one)):
        await in_thread(boards.cast_vote)(page=shown, visitor="v" * 32, image_id=UUID(image), choice=choice)
        watcher.take(await in_thread(live.look)(page.public_slug, [image]))
    event = watcher.event_since(seen).decode()
    assert json.loads(event.removeprefix("data: "))["images"] == {
        one: {"votes": {"yes": 0, "maybe": 1, "no": 0}, "comments": []},
        two: {"votes": {"yes": 0, "maybe": 0, "no": 1}, "comments": []},
    }
    assert watcher.event_since(seen) is watcher.event_since(seen)
    before = watcher.version
    watcher.take(await in_thread(live.look)(page.public_slug, ["*"]))
    assert watcher.version == before
    watcher.close()


@pytest.mark.parametrize(("limit", "status"), [("MOST_OF_AN_ADDRESS", 429), ("MOST_LISTENERS", 503)])
async def test_readers_are_limited(monkeypatch: pytest.MonkeyPatch, limit: str, status: int) -> None:
    monkeypatch.setattr(listening, limit, 1)
    page = await make_page()
    source, _ = await reader(page)
    other = EventSource(f"/public/artifact/{page.public_slug}/live", HOST)
    answered, headers = await other.open()
    assert (answered, headers["retry-after"]) == (status, "5")
    await source.close()
    again, _ = await reader(page)
    await again.close()


async def test_opening_counts_against_the_rate() -> None:
    page = await make_page()
    with override_settings(ANSWERS_RATE="1/h"):
        source, _ = await reader(page)
        other = EventSource(f"/public/artifact/{page.public_slug}/live", HOST)
        assert (await other.open())[0] == 429
        await source.close()


@pytest.mark.parametrize(
    ("method", "slug", "headers", "status"),
    [
        ("POST", "", (HOST,), 405),
        ("OPTIONS", "", (HOST,), 204),
        ("HEAD", "", (HOST,), 200),
        ("GET", "", (HOST, (b"accept", b"application/json")), 406),
        ("GET", "", ((b"host", b"evil.example"),), 400),
        ("GET", "nosuchpage", (HOST,), 404),
        ("GET", "'; drop table", (HOST,), 404),
    ],
)
async def test_other_requests_get_the_status_that_fits(
    method: str, slug: str, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    page = await make_page()
    source = EventSource(f"/public/artifact/{slug or page.public_slug}/live", *headers, method=method)
    assert (await source.open())[0] == status
    await source.close()
    assert live.PAGES.open() == {}


@pytest.mark.parametrize("folder", ["artifact", "lookbook"])
async def test_readers_at_either_url_take_no_thread(folder: str) -> None:
    page = await make_page()
    source, state = await reader(page, folder)
    assert set(state) == {"closed", "images"}
    await source.close()
    assert is_endless(f"/public/{folder}/{page.public_slug}/live")
    assert not is_endless(f"/public/{folder}/{page.public_slug}")
    assert not is_endless(f"/public/other/{page.public_slug}/live")


async def test_pages_that_take_no_answers_have_no_live_stream() -> None:
    page = await make_page("storyboard")
    source = EventSource(f"/public/artifact/{page.public_slug}/live", HOST)
    assert (await source.open())[0] == 404
    await source.close()


class BrokenLayer:
    """A channel layer whose service is down."""

    async def receive(self, channel: str) -> Any:
        raise ConnectionError

    async def group_add(self, group: str, channel: str) -> None:
        raise ConnectionError

    async def group_discard(self, group: str, channel: str) -> None:
        raise ConnectionError


async def test_the_rows_are_read_without_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REREAD_S", 0.4)
    monkeypatch.setattr(subscription, "get_channel_layer", BrokenLayer)
    page = await make_page()
    image = page.manifest["progressions"][0]
    visitor = await visit_page(page)
    source, _ = await reader(page)
    await vote(visitor, image, "no")
    assert (await said(source))["images"][image]["votes"] == {"yes": 0, "maybe": 0, "no": 1}
    await source.close()


async def test_a_reader_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "SILENCE_S", 0.05)
    page = await make_page()
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: dict[str, Any]) -> None:
        if message.get("body", b"").startswith(b"data:"):
            await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [HOST]}
    async with asyncio.timeout(PATIENCE_S):
        await listening.live_events(scope, incoming.get, send, str(page.public_slug))
    assert live.PAGES.open() == {}
    assert not listening._listeners
