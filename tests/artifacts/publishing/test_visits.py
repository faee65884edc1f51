"""What counts as a view: a full GET always, parts once per visitor, file and half hour, prefetches never."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from artifacts.making import intake
from artifacts.models import Artifact, ArtifactView
from artifacts.publishing import view_rows, viewlog
from artifacts.publishing.viewlog import ViewLog
from artifacts.publishing.visits import RecentVisits, Visit
from tests.factories import ProgressionFactory

FIREFOX, SAFARI = "Mozilla/5.0 Firefox/140.0", "Mozilla/5.0 Version/19.0 Safari/605.1"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Clock:
    """The time at which views are noted."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        """The time shown."""
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Noon: here one half hour of the clock ends and the next begins."""
    clock = Clock()
    monkeypatch.setattr(view_rows, "timezone", clock)
    return clock


@pytest.fixture
def film(publish: Callable[..., Artifact], views: Callable[[], int]) -> str:
    """The URL of a file that is read in parts."""
    return f"/public/artifact/{publish().public_slug}"


def read(address: str, *parts: str, **client: str) -> set[int]:
    """The statuses of a visitor who requests these parts."""
    visitor: dict[str, Any] = {"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "203.0.113.7", **client}
    asked = [{"Range": f"bytes={part}"} if part else {} for part in parts]
    return {Client().get(address, headers=headers, **visitor).status_code for headers in asked}


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("first", ["0-", "0-0", "50-59", "-10"])
def test_a_film_read_in_parts_is_one_view_wherever_it_starts(
    film: str, views: Callable[[], int], first: str
) -> None:
    assert read(film, first, "0-9", "10-19", "0-", first) == {206}
    assert views() == 1


def test_each_full_request_is_a_view(film: str, views: Callable[[], int]) -> None:
    assert read(film, "", "", "", "9-5", "0-1,3-4") == {200}
    assert views() == 5


def test_full_requests_and_parts_are_counted_by_their_own_rules(film: str, views: Callable[[], int]) -> None:
    read(film, "", "0-9", "10-19", "")
    assert views() == 3


def test_each_visitor_has_a_view_of_each_file(
    film: str, publish: Callable[..., Artifact], views: Callable[[], int], settings: Settings
) -> None:
    settings.VIEW_IP = "none"
    other = publish()
    for address in (film, f"/public/artifact/{other.public_slug}"):
        for visitor in (
            {},
            {"HTTP_USER_AGENT": SAFARI},
            {"REMOTE_ADDR": "203.0.113.8"},
            {"REMOTE_ADDR": "2001:db8::1"},
        ):
            read(address, "0-9", "10-19", **visitor)
    assert views() == 8
    ProgressionFactory(project_id=other.projects.get().pk, prompt="one more")
    intake.rebuild_artifact(artifact=other)
    read(f"/public/artifact/{other.public_slug}", "0-9", "10-19")
    assert views() == 9


@pytest.mark.parametrize("begins", [0, 1, 14, 29, 29.99])
def test_a_view_in_parts_lasts_half_an_hour_from_any_start(
    film: str, views: Callable[[], int], clock: Clock, begins: float
) -> None:
    start = NOON + timedelta(minutes=begins)
    for minutes, counted in ((0, 1), (15, 1), (29.9, 1), (30, 2), (59, 2), (60.1, 3)):
        clock.time = start + timedelta(minutes=minutes)
        read(film, "0-9", "10-19")
        assert views() == counted, f"after {minutes} minutes"


@pytest.mark.parametrize("begins", [0, 1, 14, 29, 29.99])
def test_a_restart_in_between_does_not_count_a_view_again(
    film: str, views: Callable[[], int], clock: Clock, restart: Callable[[], ViewLog], begins: float
) -> None:
    start = NOON + timedelta(minutes=begins)
    for minutes, counted in ((0, 1), (15, 1), (29.9, 1), (30, 2), (59, 2), (60.1, 3)):
        restart()
        clock.time = start + timedelta(minutes=minutes)
        read(film, "0-9", "10-19")
        assert views() == counted, f"after {minutes} minutes"


def test_parts_in_another_order_are_one_view(
    film: str, views: Callable[[], int], clock: Clock, restart: Callable[[], ViewLog]
) -> None:
    clock.time = NOON - timedelta(minutes=1)
    read(film, "0-9")
    early = viewlog.view_log()
    restart()
    clock.time = NOON + timedelta(minutes=1)
    read(film, "10-19")
    assert views() == 1
    assert early.write_out()
    assert views() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch;anonymous-client-ip"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
    ],
)
def test_a_browser_prefetch_is_not_a_view(
    film: str, views: Callable[[], int], headers: dict[str, str]
) -> None:
    etag = Client().head(film)["ETag"]
    for more in ({}, {"Range": "bytes=0-"}, {"If-None-Match": etag}):
        assert Client().get(film, headers=headers | more).status_code in (200, 206, 304)
    assert views() == 0
    Client().get(film, headers={"Sec-Purpose": "something-else"})
    assert views() == 1


def test_an_unchanged_page_is_a_view_and_unchanged_parts_are_one(film: str, views: Callable[[], int]) -> None:
    etag = Client().head(film)["ETag"]
    for expected in (1, 2):
        assert Client().get(film, headers={"If-None-Match": etag}).status_code == 304
        assert views() == expected
    for _ in range(2):
        assert Client().get(film, headers={"If-None-Match": etag, "Range": "bytes=0-"}).status_code == 304
    assert views() == 3


@pytest.mark.parametrize("method", ["head", "post", "options"])
def test_other_methods_are_not_views(film: str, views: Callable[[], int], method: str) -> None:
    getattr(Client(), method)(film)
    assert views() == 0


def test_no_row_stores_what_tells_visitors_apart(
    film: str, views: Callable[[], int], settings: Settings
) -> None:
    settings.VIEW_IP = "none"
    for agent in (FIREFOX, FIREFOX):
        read(film, "0-9", HTTP_USER_AGENT=agent)
    assert views() == 1
    row = ArtifactView.objects.get()
    assert (row.id.version, row.ip_address) == (7, None)


def test_visit_ids_are_uuid7_and_differ_by_visitor_file_and_half_hour() -> None:
    visits = [
        Visit(visitor, file, NOON + timedelta(minutes=minutes))
        for visitor in (b"one", b"two")
        for file in ("a", "b")
        for minutes in (0, 30)
    ]
    ids = [visit.row_id() for visit in visits]
    assert len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert (
        visits[0].row_id(1) == visits[1].row_id() == Visit(b"one", "a", NOON + timedelta(minutes=59)).row_id()
    )
    assert visits[1].row_id(-1) == visits[0].row_id()
    assert ids[0].int >> 80 == int(NOON.timestamp() * 1000)


def test_the_memory_for_visits_is_bounded() -> None:
    recent = RecentVisits(most=3)
    visits = [Visit(b"%d" % number, "a", NOON) for number in range(5)]
    for visit in visits:
        recent.begin(visit)
    assert [recent.is_known(visit) for visit in visits] == [False, False, True, True, True]
    recent.begin(Visit(b"late", "a", NOON + timedelta(hours=1)))
    assert len(recent._began) == 1
