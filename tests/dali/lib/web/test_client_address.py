"""The client's address: only named proxies are trusted."""

import pytest
from django.test import RequestFactory, override_settings

from dali.lib.web.client_address import client_ip, customer
from dali.settings.checks import check_trusted_proxies

PROXIES = ["10.0.0.0/8", "2001:db8::1"]


def ask(peer: str, **headers: str) -> str:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return client_ip(RequestFactory().get("/", REMOTE_ADDR=peer, headers=named))


def test_without_trusted_proxies_only_the_peer_counts() -> None:
    assert ask("10.0.0.1", x_forwarded_for="1.2.3.4", cf_connecting_ip="1.2.3.4") == "10.0.0.1"


@override_settings(TRUSTED_PROXIES=PROXIES)
@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
        ("10.0.0.1", "[2001:db8:5::7]:443", "2001:db8:5::7"),
        ("2001:db8::1", "::ffff:1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_read_from_the_right_past_trusted_proxies(
    peer: str, forwarded: str, address: str
) -> None:
    assert ask(peer, x_forwarded_for=forwarded) == address


@override_settings(TRUSTED_PROXIES=PROXIES, IS_BEHIND_CLOUDFLARE=True)
def test_cloudflares_header_names_the_client_when_it_is_configured_in_front() -> None:
    assert ask("10.0.0.1", cf_connecting_ip="1.2.3.4") == "1.2.3.4"
    assert ask("10.0.0.1", cf_connecting_ip="1.2.3.4", x_forwarded_for="172.70.0.9") == "1.2.3.4"
    assert ask("10.0.0.1", cf_connecting_ip="nonsense", x_forwarded_for="172.70.0.9") == "172.70.0.9"
    assert ask("203.0.113.9", cf_connecting_ip="1.2.3.4") == "203.0.113.9"


@override_settings(TRUSTED_PROXIES=PROXIES)
def test_cloudflares_header_is_ignored_behind_another_proxy() -> None:
    assert ask("10.0.0.1", cf_connecting_ip="6.6.6.6") == "10.0.0.1"
    assert ask("10.0.0.1", cf_connecting_ip="6.6.6.6", x_forwarded_for="1.2.3.4") == "1.2.3.4"


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_limits_count_ipv6_by_64_prefix(address: str, counted_as: str) -> None:
    assert customer(address) == counted_as


def test_a_misspelt_proxy_stops_the_start() -> None:
    with override_settings(TRUSTED_PROXIES=["10.0.0.0/8", "10.0.0"]):
        assert [found.msg for found in check_trusted_proxies(None)] == [
            "DALI_TRUSTED_PROXIES: '10.0.0' is not an IP address or a network"
        ]


@override_settings(TRUSTED_PROXIES=[], IS_BEHIND_CLOUDFLARE=True)
def test_cloudflare_without_a_trusted_proxy_stops_the_start() -> None:
    assert [found.id for found in check_trusted_proxies(None)] == ["dali.E017"]
