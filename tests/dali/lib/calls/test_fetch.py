"""Fetching strangers' URLs: what is returned, what is refused, and that no internal address is ever contacted."""

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from dali.lib.calls.deadlines import bounded
from dali.lib.calls.fetch import FetchError, Network, check_url, fetch
from dali.lib.calls.targets import is_public, read_url
from dali.lib.clock import Deadline
from tests.dali.lib.calls.strange_server import StrangeServer, png, strange_server, wait_for

# URLs that their text alone reveals as hostile.
FORBIDDEN_URLS = [
    # other schemes, and none
    "file:///etc/passwd", "ftp://example.com/a.png", "gopher://example.com/", "data:image/png;base64,AAAA",
    "javascript:alert(1)", "dict://example.com:11211/", "jar:http://example.com!/", "//example.com/a.png",
    "example.com/a.png", "", "http:", "http://", "http:///a.png", "https:example.com", "unix:///run/x.sock",
    # loopback and unspecified, in every notation
    "http://127.0.0.1/", "http://127.0.0.1:8000/", "http://127.1/", "http://127.0.1/", "http://2130706433/",
    "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.1./",
    "http://127.00.0.01/", "http://0/", "http://0.0.0.0/", "http://[::]/", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://[::1]:80/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/",
    "http://1.2.3.4.5/", "http://256.256.256.256/", "http://0x/", "http://1e3/x", "http://127.0.0.1%00.example.com/",
    # unicode that normalises to the same
    "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://１２７.0.0.1/", "http://١٢٧.0.0.1/", "http://ⓛocalhost/",
    "http://ex\u00adample.com/", "http://bücher.example/", "http://ﬀ.example/", "http://a\u3002b/",
    # internal names
    "http://localhost/", "http://LOCALHOST:6379/", "http://localhost./", "http://a.localhost/", "http://printer.local/",
    "http://metadata.google.internal/computeMetadata/v1/", "http://redis/", "http://db:5432/", "http://router.lan/",
    "http://x.home.arpa/", "http://host.docker.internal/", "http://wiki.intranet/",
    # private, shared, link-local, metadata
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://100.100.100.200/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/", "http://[fec0::1]/", "http://[fc00::1]/", "http://168.63.129.16/", "http://192.0.0.192/",
    # special purpose
    "http://192.0.2.1/", "http://198.18.0.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://224.0.0.1/",
    "http://240.0.0.1/", "http://255.255.255.255/", "http://192.88.99.1/", "http://[ff02::1]/", "http://[100::1]/",
    "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[5f00::1]/",
    # addresses that embed an internal one: 6to4, Teredo, NAT64, compatible, ISATAP
    "http://[2002:7f00:1::]/", "http://[2002:a9fe:a9fe::1]/", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/", "http://[::a9fe:a9fe]/", "http://[fe80::5efe:10.0.0.1]/",
    # credentials, and URLs on which parsers disagree
    "http://user:secret@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/", "http://@example.com/",
    "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\.example.com/", "http:\\\\127.0.0.1/", "http://exa mple.com/",
    "http://example.com\t/", "http://example.com\r\nHost: inside/", " http://example.com/", "http://example.com/\x00",
    "http://[127.0.0.1]/", "http://[::1", "http://::1/", "http://[v1.x]/", "http://exa_mple..com/", "http://-a.example/",
    "http://example.com:80:80/", "http://example.com:/", "http://a%2eexample.com/", "http://%31%32%37.0.0.1/",
    # ports
    "http://example.com:22/", "http://example.com:25/", "https://example.com:0/", "http://example.com:65536/",
    "http://example.com:-1/", "http://example.com:８０/", "http://example.com:0x50/",
    "http://example.com/" + "a" * 9000, "http://" + "a" * 64 + ".example/", "http://" + "a." * 130 + "example/",
]  # fmt: skip

PUBLIC_URLS = [
    "http://example.com/a.png", "https://example.com", "HTTPS://Example.COM/A.png?x=1&y=%20#part", "http://example.com./",
    "https://example.com:8443/a", "http://example.com:8080/", "http://93.184.216.34/", "http://[2606:2800:220:1::1]/",
    "https://a-b.c_d.example.co.uk/ü/größe.png?q=ä", "https://xn--bcher-kva.example/", "https://1.example/", "http://8.8.8.8:1024/",
]  # fmt: skip

FORBIDDEN_ADDRESSES = [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "100.64.0.1", "168.63.129.16", "192.168.0.1", "::1", "::",
    "fe80::1", "fe80::1%eth0", "fec0::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::a00:1",
    "2002:a00:1::", "2001:0:1::1", "2001:20::1", "2001:db8::1", "ff02::1", "not an address",
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[StrangeServer]:
    with strange_server() as running:
        yield running


def get(server: StrangeServer, path: str, *, max_bytes: int = 1_000_000, seconds: float = 60) -> bytes:
    """Fetches from the server as a host that the operator allows."""
    return fetch(
        server.url(path), max_bytes=max_bytes, deadline=Deadline.after(seconds), allow_hosts=[server.place]
    )


def refusal(
    server: StrangeServer, path: str, *, max_bytes: int = 1_000_000, seconds: float = 60
) -> FetchError:
    """The error from fetching."""
    with pytest.raises(FetchError) as caught:
        get(server, path, max_bytes=max_bytes, seconds=seconds)
    return caught.value


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_a_hostile_url_is_refused_without_any_lookup(url: str) -> None:
    def fail(*_: object) -> list[str]:
        pytest.fail(f"{url} was looked up")

    network = Network(resolve=fail, connect=fail)  # type: ignore[arg-type]
    with pytest.raises(FetchError) as checked:
        check_url(url, allow_hosts=[])
    with pytest.raises(FetchError) as fetched:
        fetch(url, max_bytes=10, deadline=Deadline.after(60), allow_hosts=[], network=network)
    assert (checked.value.reason, fetched.value.reason) == ("forbidden", "forbidden")
    assert "secret" not in str(checked.value)


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_a_public_url_passes(url: str) -> None:
    check_url(url, allow_hosts=[])


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_a_name_that_resolves_to_an_internal_address_is_refused_before_connecting(address: str) -> None:
    asked: list[str] = []

    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        asked.append(address)
        raise OSError

    network = Network(resolve=lambda *_: ["93.184.216.34", address], connect=connect)
    with pytest.raises(FetchError) as caught:
        fetch(
            "https://photos.example/a.png",
            max_bytes=10,
            deadline=Deadline.after(60),
            allow_hosts=[],
            network=network,
        )
    assert caught.value.reason == "forbidden"
    assert "'photos.example' resolves to an internal or special address" in str(caught.value)
    assert (is_public(address), asked) == (False, [])


def test_an_image_is_returned_byte_for_byte(server: StrangeServer) -> None:
    assert get(server, "/image?token=secret") == png()
    assert server.asked == ["/image?token=secret"]


def test_only_the_necessary_headers_are_sent(server: StrangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get(server, "/image") == png()
    assert server.headers_seen == [
        {
            "host": server.place,
            "accept": "image/*",
            "accept-encoding": "identity",
            "user-agent": "Dali",
            "connection": "close",
        }
    ]


def test_unicode_in_a_path_is_percent_encoded() -> None:
    assert read_url("https://example.com/ü a.png".replace(" ", "%20"), []).path == "/%C3%BC%20a.png"
    assert read_url("https://example.com?q=ä#part", []).path == "/?q=%C3%A4"


def test_an_allowed_host_is_allowed_only_with_its_port(server: StrangeServer) -> None:
    with pytest.raises(FetchError) as caught:
        fetch("http://127.0.0.1:1/", max_bytes=10, deadline=Deadline.after(60), allow_hosts=[server.place])
    assert caught.value.reason == "forbidden"
    assert "add '127.0.0.1:1' to DALI_FETCH_ALLOW_HOSTS" in str(caught.value)


def test_the_setting_names_the_allowed_hosts(server: StrangeServer, settings: pytest.MonkeyPatch) -> None:
    settings.FETCH_ALLOW_HOSTS = [server.place]  # type: ignore[attr-defined]
    check_url(server.url("/image"))
    assert fetch(server.url("/image"), max_bytes=10_000, deadline=Deadline.after(60)) == png()


@pytest.mark.parametrize(
    ("path", "reason", "words"),
    [
        ("/none", "unreachable", "answered 404"),
        ("/no-content", "unreachable", "answered 204"),
        ("/cut-short", "unreachable", "cut the connection"),
        ("/garbage", "unreachable", "cut the connection"),
        ("/loop", "unreachable", "redirects more than 3 times"),
        ("/no-location", "unreachable", "redirects more than 3 times"),
        ("/announced-gigabyte", "too_large", "more than 1000000 bytes"),
        ("/to/http://127.0.0.1:1/x", "forbidden", "redirects to a URL that is not allowed: '127.0.0.1'"),
        ("/to/file:///etc/passwd", "forbidden", "scheme 'file'"),
        ("/to/http://169.254.169.254/latest/", "forbidden", "'169.254.169.254'"),
        ("/to/http://localhost:6379/", "forbidden", "'localhost'"),
        ("/to/http://user:secret@example.com/", "forbidden", "credentials"),
        ("/to/http://[::1/", "forbidden", "redirects to a URL that is not allowed"),
        ("/to//169.254.169.254/x", "forbidden", "'169.254.169.254'"),
    ],
)
def test_a_failure_is_reported_with_its_reason(
    server: StrangeServer, path: str, reason: str, words: str
) -> None:
    error = refusal(server, path)
    assert error.reason == reason
    assert words in str(error)
    assert "secret" not in str(error)


def test_three_redirects_are_followed_and_a_fourth_is_not(server: StrangeServer) -> None:
    assert get(server, "/to/to/to/image") == png()
    assert len(server.asked) == 4
    assert refusal(server, "/to/to/to/to/image").reason == "unreachable"


def test_a_gigabyte_is_cut_off_at_the_limit(server: StrangeServer) -> None:
    error = refusal(server, "/gigabyte", max_bytes=1_000_000)
    assert error.reason == "too_large"
    assert wait_for(server.was_cut)
    assert server.sent_bytes < 20_000_000  # as much as fits into the buffers of the sockets


def test_a_body_of_exactly_the_limit_is_accepted(server: StrangeServer) -> None:
    size = len(png())
    assert len(get(server, "/image", max_bytes=size)) == size
    assert refusal(server, "/image", max_bytes=size - 1).reason == "too_large"


def test_a_compressed_bomb_is_not_unpacked(server: StrangeServer) -> None:
    content = get(server, "/gzip-bomb")
    assert content[:2] == b"\x1f\x8b"
    assert len(content) < 100_000


@pytest.mark.parametrize("path", ["/drip", "/header-drip", "/nothing"])
def test_the_deadline_covers_the_whole_request_however_it_drips(server: StrangeServer, path: str) -> None:
    error = refusal(server, path, seconds=0.6)  # the server keeps sending until it is closed
    assert error.reason == "too_slow"
    if path != "/nothing":
        assert wait_for(server.was_cut)


def test_a_hanging_resolver_does_not_outlive_the_deadline() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait()
        return []

    with pytest.raises(FetchError) as caught:
        fetch(
            "https://photos.example/", max_bytes=10, deadline=Deadline.after(0.3), allow_hosts=[],
            network=Network(resolve=resolve),
        )  # fmt: skip
    release.set()
    assert caught.value.reason == "too_slow"


def test_a_tls_handshake_that_drips_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        is_over = threading.Event()

        def drip() -> None:
            peer, _ = listener.accept()
            with peer:
                try:
                    peer.sendall(b"\x16\x03\x03\x40\x00")  # the start of a handshake record of 16 KiB
                    while not is_over.wait(0.05):
                        peer.sendall(b"\x02")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(FetchError) as caught:
            fetch(f"https://{place}/", max_bytes=10, deadline=Deadline.after(0.6), allow_hosts=[place])
        is_over.set()
        socket.create_connection(listener.getsockname()).close()  # if the fetch ended before it connected
        thread.join()
    assert caught.value.reason == "too_slow"


def test_a_name_is_resolved_once_per_connection_and_the_checked_address_is_used(
    server: StrangeServer,
) -> None:
    """A name that changes to an internal address after the check (DNS rebinding) is never resolved again."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    connected: list[tuple[str, int]] = []

    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        connected.append((address, port))
        return socket.create_connection(("127.0.0.1", server.server_port), timeout=timeout_s)

    network = Network(resolve=lambda *_: next(answers), connect=connect)
    url = "http://photos.example:8080/image"
    content = fetch(url, max_bytes=10_000, deadline=Deadline.after(60), allow_hosts=[], network=network)
    assert content == png()
    assert connected == [("93.184.216.34", 8080)]
    assert server.headers_seen[0]["host"] == "photos.example:8080"
    with pytest.raises(FetchError) as caught:
        fetch(url, max_bytes=10_000, deadline=Deadline.after(60), allow_hosts=[], network=network)
    assert caught.value.reason == "forbidden"
    assert len(connected) == 1


def test_every_redirect_is_resolved_and_checked_again(server: StrangeServer) -> None:
    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", server.server_port), timeout=timeout_s)

    addresses = {"photos.example": ["93.184.216.34"], "inside.example": ["10.0.0.5"]}
    network = Network(resolve=lambda host, _: addresses[host], connect=connect)
    with pytest.raises(FetchError) as caught:
        fetch(
            "http://photos.example/to/http://inside.example/", max_bytes=10, deadline=Deadline.after(60),
            allow_hosts=[], network=network,
        )  # fmt: skip
    assert caught.value.reason == "forbidden"
    assert server.asked == ["/to/http://inside.example/"]


def test_the_next_address_is_tried_when_one_does_not_answer(server: StrangeServer) -> None:
    asked: list[str] = []

    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        asked.append(address)
        if address == "2606:2800:220:1::1":
            raise OSError(101, "Network is unreachable")
        return socket.create_connection(("127.0.0.1", server.server_port), timeout=timeout_s)

    network = Network(resolve=lambda *_: ["2606:2800:220:1::1", "93.184.216.34"], connect=connect)
    url = "http://photos.example/image"
    assert fetch(url, max_bytes=10_000, deadline=Deadline.after(60), allow_hosts=[], network=network) == png()
    assert asked == ["2606:2800:220:1::1", "93.184.216.34"]


def test_an_unknown_name_and_a_closed_port_are_unreachable() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(FetchError, match=r"'photos\.example' does not exist") as caught:
        fetch(
            "https://photos.example/", max_bytes=10, deadline=Deadline.after(60), allow_hosts=[],
            network=Network(resolve=unknown),
        )  # fmt: skip
    assert caught.value.reason == "unreachable"
    with pytest.raises(FetchError) as caught:
        fetch(f"http://{place}/", max_bytes=10, deadline=Deadline.after(60), allow_hosts=[place])
    assert caught.value.reason == "unreachable"


def test_a_server_without_a_valid_certificate_is_unreachable(server: StrangeServer) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(
            f"https://{server.place}/image",
            max_bytes=10,
            deadline=Deadline.after(60),
            allow_hosts=[server.place],
        )
    assert caught.value.reason == "unreachable"
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_no_thread_is_left_and_no_deadline_stays(server: StrangeServer) -> None:
    before = {thread for thread in threading.enumerate() if not thread.name.startswith("Thread-")}
    get(server, "/image")
    refusal(server, "/header-drip", seconds=0.3)
    after = {thread for thread in threading.enumerate() if not thread.name.startswith("Thread-")}
    assert after <= before
    assert bounded(None) is None
