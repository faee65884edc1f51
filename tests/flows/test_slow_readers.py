"""Readers that do not read a large body: others are answered, memory is bounded, and the bodies arrive complete."""

import hashlib
import io
import os
import selectors
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from PIL import Image

from tests.conftest import ServerProcess
from tests.waiting import PATIENCE_S, wait_until

MIB = 1024 * 1024
# More than twice the number of lanes.
READERS = 100
# A piece, the server's state of a connection, and a share of what the requests allocate once.
MOST_BYTES_A_READER = 400 * 1024


def noise() -> bytes:
    """A PNG whose delivery image is large."""
    pixels = np.random.default_rng(1).integers(0, 255, (1500, 1500, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    return start_server()


@pytest.fixture(scope="module")
def image(server: ServerProcess) -> str:
    """The path of a delivery image of more than a megabyte."""
    answer = requests.post(
        f"{server.origin}/api/uploads",
        files={"file": ("noise.png", noise(), "image/png")},
        headers={"X-Api-Key": server.api_key},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 201, answer.text
    return str(urlsplit(answer.json()["url"]).path)


def memory_bytes(server: ServerProcess) -> int:
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(server: ServerProcess) -> int:
    """The server's sockets and files, without those of its database: each thread keeps these for later."""
    links = []
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(descriptor.readlink()))
    return sum(".sqlite3" not in link for link in links)


def asking(server: ServerProcess, path: str) -> socket.socket:
    """A connection that has sent a request and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", int(server.origin.rpartition(":")[2])))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    return client


def read_all(clients: list[socket.socket]) -> list[bytes]:
    """The bodies, read from all connections at once to the end."""
    answers: dict[socket.socket, list[bytes]] = {client: [] for client in clients}
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(PATIENCE_S):
                assert isinstance(key.fileobj, socket.socket)
                part = key.fileobj.recv(MIB)
                if part:
                    answers[key.fileobj].append(part)
                else:
                    selector.unregister(key.fileobj)
    return [b"".join(parts).partition(b"\r\n\r\n")[2] for parts in answers.values()]


@pytest.mark.parametrize("what", ["image", "script"])
def test_slow_readers_of_a_large_body_block_no_other_request(
    server: ServerProcess, image: str, what: str
) -> None:
    path = {
        "image": image,
        "script": "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
    }[what]
    for _ in range(10):
        whole = requests.get(f"{server.origin}{path}", timeout=PATIENCE_S)
        assert whole.status_code == 200
    assert len(whole.content) > 200_000
    before, files_before = memory_bytes(server), open_files(server)
    with ExitStack() as stack:
        clients = [stack.enter_context(asking(server, path)) for _ in range(READERS)]
        wait_until(lambda: open_files(server) >= files_before + READERS, "all are connected")
        for other in ("/healthz", "/api/projects", path) * 5:
            # There was no answer at all while the readers held the lanes.
            assert requests.get(f"{server.origin}{other}", timeout=PATIENCE_S).status_code == 200
        assert memory_bytes(server) - before < READERS * MOST_BYTES_A_READER
        half = READERS // 2
        for client in clients[half:]:
            client.close()
        expected = hashlib.sha256(whole.content).hexdigest()
        assert {hashlib.sha256(body).hexdigest() for body in read_all(clients[:half])} == {expected}
    wait_until(lambda: open_files(server) <= files_before + 4, "all their connections are closed")
