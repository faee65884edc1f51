"""The view log: what is kept of a visitor, how views become rows, and how they are shown."""

import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from kombu.exceptions import OperationalError as BrokerError
from pytest_django.fixtures import Settings
from redis import TimeoutError as RedisTimeout

from artifacts import tasks, viewlog
from artifacts.models import Artifact, ArtifactView
from artifacts.signals import viewed
from artifacts.viewlog import Outbox, View, view_of, write_views
from artifacts.visitors import visitor_of
from tests.clients import anonymous
from tests.waiting import PATIENCE_S

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)
PROXY = "10.9.8.7"


def visitor(peer: str = PROXY, **headers: str) -> Any:
    """Who is behind a request from `peer`; header names with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return visitor_of(RequestFactory().get("/", headers=named, REMOTE_ADDR=peer))


@pytest.mark.parametrize(
    ("agent", "family", "is_bot"),
    [
        (CHROME, "Chrome", False),
        (CHROME + " Edg/156.0.0.0", "Edge", False),
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", False),
        (IPHONE, "Safari", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", True),
        ("curl/8.5.0", "curl", True),
        ("facebookexternalhit/1.1", "facebookexternalhit", True),
        ("Mozilla/5.0 (X11) HeadlessChrome/156.0", "HeadlessChrome", True),
        ("Mozilla/5.0 (something new)", "other browser", False),
        ("", "unknown", True),
        ("<script>", "unknown", False),
    ],
)
def test_a_visitors_browser_is_known_by_its_family(agent: str, family: str, is_bot: bool) -> None:
    found = visitor(user_agent=agent)
    assert (found.agent, found.is_bot, found.user_agent) == (family, is_bot, agent)


def test_cloudflare_in_front_is_believed_about_address_and_place(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = ["10.0.0.0/8"], True
    found = visitor(
        cf_connecting_ip="203.0.113.9",
        x_forwarded_for="198.51.100.4",
        cf_ipcountry="de",
        cf_ipcity="Köln".encode().decode("latin-1"),
    )
    assert (found.ip_address, found.country, found.city) == ("203.0.113.9", "DE", "Köln")
    assert visitor(x_forwarded_for="198.51.100.4").ip_address == "198.51.100.4"


def test_a_proxy_that_is_not_cloudflares_passes_on_what_a_visitor_made_up(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    made_up = {"cf_connecting_ip": "8.8.8.8", "cf_ipcountry": "DE", "cf_ipcity": "Bonn"}
    found = visitor(x_forwarded_for="198.51.100.4", **made_up)
    assert (found.ip_address, found.country, found.city) == ("198.51.100.4", "", "")


def test_anybody_else_is_not(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = ["10.0.0.0/8"], True
    found = visitor("203.0.113.50", cf_connecting_ip="8.8.8.8", cf_ipcountry="DE", cf_ipcity="Bonn")
    assert (found.ip_address, found.country, found.city) == ("203.0.113.50", "", "")


@pytest.mark.parametrize(
    ("headers", "country", "address"),
    [
        ({"cf_ipcountry": "XX"}, "", PROXY),
        ({"cf_ipcountry": "T1"}, "", PROXY),
        ({"cf_ipcountry": "<b>"}, "", PROXY),
        ({"cf_ipcountry": "Germany"}, "", PROXY),
        ({"cf_connecting_ip": "nonsense"}, "", PROXY),
        ({"cf_connecting_ip": "::ffff:203.0.113.9"}, "", "203.0.113.9"),
        ({"cf_connecting_ip": "fe80::1%eth0"}, "", "fe80::1"),
    ],
)
def test_nonsense_in_a_header_is_no_place(
    headers: dict[str, str], country: str, address: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = [PROXY], True
    found = visitor(**headers)
    assert (found.country, found.ip_address) == (country, address)


@pytest.mark.parametrize(
    ("kept", "four", "six"),
    [
        ("full", "203.0.113.77", "2001:db8:1:2::3"),
        ("truncated", "203.0.113.0", "2001:db8:1::"),
        ("none", None, None),
    ],
)
def test_as_much_of_the_address_is_kept_as_the_setting_says(
    kept: str, four: str | None, six: str | None, settings: Settings
) -> None:
    settings.VIEW_IP = kept
    assert visitor("203.0.113.77").ip_address == four
    assert visitor("2001:db8:1:2::3").ip_address == six


def test_long_and_odd_headers_are_cut_to_what_a_column_takes(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = [PROXY], True
    found = visitor(user_agent="x" * 5000, cf_ipcity="y" * 500)
    assert (len(found.user_agent), len(found.city)) == (500, 120)
    assert visitor(user_agent="a\tb\x80c").user_agent == "ab?c"


def a_view(artifact: Artifact, **fields: Any) -> View:
    """A visit to an artifact."""
    request = RequestFactory().get("/", headers={"User-Agent": CHROME})
    return {**view_of(request, artifact), **fields}  # type: ignore[typeddict-item] # a test's own fields


@pytest.mark.django_db
def test_a_view_delivered_twice_is_one_row(publish: Callable[..., Artifact]) -> None:
    view = a_view(publish())
    for _ in range(2):
        write_views([view, view])
    row = ArtifactView.objects.get()
    assert (str(row.id), row.agent, row.is_bot, row.ip_address) == (view["id"], "Chrome", False, "127.0.0.1")


@pytest.mark.django_db
def test_views_of_an_artifact_that_is_gone_are_dropped_and_the_others_kept(
    publish: Callable[..., Artifact],
) -> None:
    artifact = publish()
    assert write_views([a_view(artifact, artifact_id=str(uuid4())), a_view(artifact)]) == 1
    assert ArtifactView.objects.count() == 1


@pytest.mark.django_db
def test_a_batch_that_the_database_refuses_is_sent_again(
    publish: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = a_view(publish())
    again: list[View] = []

    def refuse(views: Sequence[View]) -> int:
        raise OperationalError

    monkeypatch.setattr(tasks, "write_views", refuse)
    monkeypatch.setattr(tasks, "_send_views", again.extend)
    monkeypatch.setattr(tasks, "_AGAIN_S", 0)
    tasks.log_views.apply(kwargs={"views": [view]})
    assert again == [view]


def test_a_visit_is_with_the_broker_before_the_answer_leaves() -> None:
    sent: list[View] = []
    outbox = Outbox(sent.extend, write=lambda views: pytest.fail("nothing to write"))
    outbox.put({"id": "1"})  # type: ignore[typeddict-item] # any will do
    assert [view["id"] for view in sent] == ["1"]


def test_where_the_broker_is_away_the_row_is_written_and_the_broker_is_left_alone_for_a_while() -> None:
    written: list[View] = []
    asked: list[View] = []

    def away(views: Sequence[View]) -> None:
        asked.extend(views)
        raise BrokerError

    outbox = Outbox(away, write=written.extend)
    for number in range(5):
        outbox.put({"id": str(number)})  # type: ignore[typeddict-item] # any will do
    assert outbox.flush(PATIENCE_S)
    assert [view["id"] for view in written] == ["0", "1", "2", "3", "4"]
    assert len(asked) == 1


def test_where_neither_takes_a_visit_it_is_held_and_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[View] = []
    refusals = [OperationalError(), OperationalError()]

    def away(views: Sequence[View]) -> None:
        raise OSError

    def write(views: Sequence[View]) -> None:
        if refusals:
            raise refusals.pop()
        written.extend(views)

    outbox = Outbox(away, write=write)
    outbox.put({"id": "1"})  # type: ignore[typeddict-item] # any will do
    assert outbox.flush(PATIENCE_S)
    assert [view["id"] for view in written] == ["1"]


def test_held_visits_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewlog, "MOST_HELD", 3)
    written: list[View] = []
    refusals = [OperationalError() for _ in range(5)]

    def away(views: Sequence[View]) -> None:
        raise OSError

    def write(views: Sequence[View]) -> None:
        if refusals:
            raise refusals.pop()
        written.extend(views)

    outbox = Outbox(away, write=write)
    for number in range(5):
        outbox.put({"id": str(number)})  # type: ignore[typeddict-item] # any will do
    assert outbox.flush(PATIENCE_S)
    assert [view["id"] for view in written] == ["0", "1", "2"]


def test_noted_visits_share_a_message_and_no_answer_waits_for_it() -> None:
    noted: list[View] = []
    messages: list[Sequence[View]] = []
    outbox = Outbox(messages.append, note=noted.append, gather_s=3600)
    for number in range(5):
        outbox.put({"id": str(number)})  # type: ignore[typeddict-item] # any will do
    assert ([view["id"] for view in noted], messages) == (["0", "1", "2", "3", "4"], [])
    assert outbox.flush(PATIENCE_S)
    assert [view["id"] for views in messages for view in views] == ["0", "1", "2", "3", "4"]


def test_a_broker_that_takes_no_note_costs_one_wait_and_the_row_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewlog, "PAUSE_S", 3600)
    written: list[View] = []
    asked: list[View] = []

    def hang(view: View) -> None:
        asked.append(view)
        raise RedisTimeout

    outbox = Outbox(lambda views: pytest.fail("left alone"), write=written.extend, note=hang, gather_s=0.01)
    for number in range(5):
        outbox.put({"id": str(number)})  # type: ignore[typeddict-item] # any will do
    assert outbox.flush(PATIENCE_S)
    assert ([view["id"] for view in written], len(asked)) == (["0", "1", "2", "3", "4"], 1)


def test_a_broker_that_is_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewlog, "PAUSE_S", 0)
    sent: list[View] = []
    failures: list[Exception] = [BrokerError()]

    def send(views: Sequence[View]) -> None:
        if failures:
            raise failures.pop()
        sent.extend(views)

    outbox = Outbox(send, write=lambda views: None)
    for number in range(3):
        outbox.put({"id": str(number)})  # type: ignore[typeddict-item] # any will do
    assert [view["id"] for view in sent] == ["1", "2"]


@pytest.mark.django_db
def test_the_signal_reaches_the_log(
    publish: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[View] = []
    monkeypatch.setattr(tasks.outbox, "put", noted.append)
    artifact = publish()
    Client().get(f"/public/lookbook/{artifact.public_slug}", headers={"User-Agent": CHROME})
    viewed.send(sender=None, request=RequestFactory().get("/"), artifact=artifact)
    assert [view["artifact_id"] for view in noted] == [str(artifact.id)] * 2


@pytest.mark.django_db
def test_views_are_shown_in_all_by_day_country_and_agent(publish: Callable[..., Artifact]) -> None:
    artifact = publish()
    write_views(
        [
            a_view(artifact, timestamp="2026-11-20T23:59:59+00:00", country="DE"),
            a_view(artifact, timestamp="2026-11-21T00:00:00+00:00", country="DE"),
            a_view(artifact, timestamp="2026-11-21T12:00:00+00:00", agent="curl", is_bot=True),
        ]
    )
    assert anonymous().get(f"/api/artifacts/{artifact.id}/views").json() == {
        "total": 3,
        "by_day": [{"day": "2026-11-20", "views": 1}, {"day": "2026-11-21", "views": 2}],
        "by_country": [{"country": "DE", "views": 2}, {"country": None, "views": 1}],
        "by_agent": [
            {"agent": "Chrome", "views": 2, "bot": False},
            {"agent": "curl", "views": 1, "bot": True},
        ],
    }
    unknown = anonymous().get(f"/api/artifacts/{uuid4()}/views")
    assert unknown.status_code == 404


def test_visits_that_come_at_once_share_a_message() -> None:
    messages: list[Sequence[View]] = []
    is_held, goes_on = threading.Event(), threading.Event()

    def send(views: Sequence[View]) -> None:
        messages.append(views)
        is_held.set()
        goes_on.wait(10)

    outbox = Outbox(send)
    visits = [threading.Thread(target=outbox.put, args=({"id": str(number)},)) for number in range(5)]
    visits[0].start()
    assert is_held.wait(10)
    for visit in visits[1:]:
        visit.start()
    for visit in visits:
        visit.join()  # an answer waits a blink for the broker, not for ever
    goes_on.set()
    assert outbox.flush(PATIENCE_S)
    assert [len(views) for views in messages] == [1, 4]
