"""Fetching over TLS: certificates and the deadline."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dali.lib.calls import fetch as fetching
from dali.lib.calls.fetch import FetchError, Network, fetch
from dali.lib.clock import Deadline
from tests.dali.lib.calls.test_connections import TlsServer


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsServer]:
    """Its certificate is for 127.0.0.1 and trusted as one of the system's."""
    with TlsServer(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        fetching._tls_context.cache_clear()
        yield running
    fetching._tls_context.cache_clear()


def test_an_image_comes_over_tls(tls_server: TlsServer) -> None:
    place = tls_server.url.removeprefix("https://")
    content = fetch(tls_server.url, max_bytes=10, deadline=Deadline.after(60), allow_hosts=[place])
    assert content == b"fine"


def test_a_certificate_for_another_name_is_refused_before_anything_is_sent(tls_server: TlsServer) -> None:
    port = int(tls_server.url.rsplit(":", 1)[1])

    def connect(address: str, _port: int, timeout_s: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)

    network = Network(resolve=lambda *_: ["93.184.216.34"], connect=connect)
    with pytest.raises(FetchError, match=r"the certificate of 'photos\.example' is not valid") as caught:
        fetch(
            "https://photos.example/", max_bytes=10, deadline=Deadline.after(60), allow_hosts=[],
            network=network,
        )  # fmt: skip
    assert caught.value.reason == "unreachable"
    assert tls_server.received == []


def test_the_deadline_ends_a_body_that_is_dripped_over_tls(tls_server: TlsServer) -> None:
    place = tls_server.url.removeprefix("https://")
    with pytest.raises(FetchError) as caught:
        fetch(f"{tls_server.url}/drip", max_bytes=10_000, deadline=Deadline.after(0.6), allow_hosts=[place])
    assert caught.value.reason == "too_slow"
