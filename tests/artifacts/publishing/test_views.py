"""The views of a page: what is stored about a visitor, the rows, and how they are shown."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from artifacts.models import Artifact, ArtifactView
from artifacts.publishing.view_rows import View, view_of, write_views
from artifacts.publishing.visitors import visitor_of
from tests.clients import anonymous

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)
PROXY = "10.9.8.7"


def visitor(peer: str = PROXY, **headers: str) -> Any:
    """The visitor behind a request from `peer`; header names with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found, key = visitor_of(RequestFactory().get("/", headers=named, REMOTE_ADDR=peer))
    return SimpleNamespace(**found, key=key)


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
def test_the_browser_of_a_visitor_is_known_by_its_family(agent: str, family: str, is_bot: bool) -> None:
    found = visitor(user_agent=agent)
    assert (found.agent, found.is_bot, found.user_agent) == (family, is_bot, agent)


def test_cloudflare_is_trusted_about_address_and_place(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = ["10.0.0.0/8"], True
    found = visitor(
        cf_connecting_ip="203.0.113.9",
        x_forwarded_for="198.51.100.4",
        cf_ipcountry="de",
        cf_ipcity="Köln".encode().decode("latin-1"),
    )
    assert (found.ip_address, found.country, found.city) == ("203.0.113.9", "DE", "Köln")
    assert visitor(x_forwarded_for="198.51.100.4").ip_address == "198.51.100.4"


def test_another_proxy_cannot_forward_forged_cloudflare_headers(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    made_up = {"cf_connecting_ip": "8.8.8.8", "cf_ipcountry": "DE", "cf_ipcity": "Bonn"}
    found = visitor(x_forwarded_for="198.51.100.4", **made_up)
    assert (found.ip_address, found.country, found.city) == ("198.51.100.4", "", "")


def test_other_peers_are_not_trusted(settings: Settings) -> None:
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
def test_an_invalid_header_gives_no_place(
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
def test_the_setting_decides_how_much_of_the_address_is_stored(
    kept: str, four: str | None, six: str | None, settings: Settings
) -> None:
    settings.VIEW_IP = kept
    assert visitor("203.0.113.77").ip_address == four
    assert visitor("2001:db8:1:2::3").ip_address == six


def test_long_and_odd_headers_are_cut_to_the_column_size(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.IS_BEHIND_CLOUDFLARE = [PROXY], True
    found = visitor(user_agent="x" * 5000, cf_ipcity="y" * 500)
    assert (len(found.user_agent), len(found.city)) == (500, 120)
    assert visitor(user_agent="a\tb\x80c").user_agent == "ab?c"


def test_visitors_differ_by_address_and_agent_whatever_is_stored(settings: Settings) -> None:
    settings.VIEW_IP = "none"
    keys = {visitor(peer, user_agent=agent).key for peer in ("1.2.3.4", "1.2.3.5") for agent in ("a", "b")}
    assert len(keys) == 4
    assert visitor("1.2.3.4", user_agent="a").key in keys
    settings.SECRET_KEY = "another"
    assert visitor("1.2.3.4", user_agent="a").key not in keys


def a_view(artifact: Artifact, **fields: Any) -> View:
    """A view of an artifact."""
    request = RequestFactory().get("/", headers={"User-Agent": CHROME})
    return {**view_of(request, artifact), **fields}  # type: ignore[typeddict-item] # a test's own fields


@pytest.mark.django_db
def test_a_view_written_twice_is_one_row(publish: Callable[..., Artifact]) -> None:
    view = a_view(publish())
    for _ in range(2):
        write_views([view, view])
    row = ArtifactView.objects.get()
    assert (str(row.id), row.agent, row.is_bot, row.ip_address) == (view["id"], "Chrome", False, "127.0.0.1")
    assert UUID(view["id"]).version == 7


@pytest.mark.django_db
def test_views_of_a_deleted_artifact_are_dropped_and_the_others_kept(
    publish: Callable[..., Artifact],
) -> None:
    artifact = publish()
    assert write_views([a_view(artifact, artifact_id=str(uuid4())), a_view(artifact)]) == 1
    assert ArtifactView.objects.count() == 1


@pytest.mark.django_db
def test_views_are_shown_in_total_and_by_day_country_and_agent(publish: Callable[..., Artifact]) -> None:
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
