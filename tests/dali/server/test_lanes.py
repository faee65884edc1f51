"""How many requests run at once, and in which threads."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dali.server.lanes import Lanes, lanes_beside, written_thing
from tests.waiting import PATIENCE_S


class Views:
    """An application that works in a thread until `count` calls have run at once; records the maximum."""

    def __init__(self, until: int) -> None:
        self.at_once = self.most_at_once = 0
        self.threads: list[tuple[int, int]] = []
        self._until = until
        self._changed = threading.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        first = await sync_to_async(self.work)()
        self.threads.append((first, await sync_to_async(threading.get_ident)()))

    def work(self) -> int:
        with self._changed:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most_at_once >= self._until, PATIENCE_S)
        time.sleep(0.1)  # for one too many to show up
        with self._changed:
            self.at_once -= 1
        return threading.get_ident()


def scope_of(path: str, method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "path": path, "method": method, "headers": [], "query_string": b""}


async def ask(lanes: Lanes, path: str = "/", method: str = "GET") -> None:
    await lanes(scope_of(path, method), None, None)


class Answers:
    """An application whose writes to one project wait until released; everything else is answered at once."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.entered = asyncio.Semaphore(0)  # released once per waiting write
        self.waited = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST" and scope["path"].startswith("/api/projects/locked/"):
            self.waited += 1
            self.entered.release()
            await sync_to_async(self.let_go.wait)(60)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def answer_of(
    lanes: Lanes, path: str, method: str, accept: str = "*/*"
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = scope_of(path, method) | {"headers": [(b"accept", accept.encode())]}
    await asyncio.wait_for(lanes(scope, None, send), 60)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


async def test_requests_run_at_once_up_to_the_limit_each_in_one_thread() -> None:
    views = Views(until=4)
    lanes = Lanes(views, lanes=4)
    await asyncio.gather(*(ask(lanes) for _ in range(10)))
    assert views.most_at_once == 4
    assert [first for first, _ in views.threads] == [second for _, second in views.threads]
    assert len({first for first, _ in views.threads}) == 4


async def test_a_cancelled_request_frees_its_lane_when_its_view_has_ended() -> None:
    views = Views(until=1)
    lanes = Lanes(views, lanes=1)
    given_up = asyncio.ensure_future(ask(lanes))
    while not views.at_once:  # noqa: ASYNC110 - a thread counts it
        await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.gather(ask(lanes), ask(lanes))
    assert views.most_at_once == 1
    assert len(views.threads) == 2


class Bodies:
    """An application that responds at once with a body that the client never reads; `/page` ends."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.begun = asyncio.Semaphore(0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(lambda: None)()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.threads.append(await sync_to_async(lambda: threading.current_thread().name)())
        self.begun.release()
        if scope["path"] != "/page":
            await asyncio.Event().wait()
        await send({"type": "http.response.body", "body": b""})


async def test_a_response_that_has_started_holds_no_lane() -> None:
    bodies = Bodies()
    lanes = Lanes(bodies, lanes=2, wait_s=PATIENCE_S)

    async def send(message: Any) -> None:
        """Receives the message."""

    slow = [asyncio.ensure_future(lanes(scope_of("/public/artifact/a"), None, send)) for _ in range(20)]
    for _ in slow:
        await bodies.begun.acquire()
    assert (await answer_of(lanes, "/page", "GET"))[0] == 200
    assert {name.rpartition("_")[0] for name in bodies.threads} == {"afterwards"}
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert (await answer_of(lanes, "/page", "GET"))[0] == 200


async def test_visitors_leave_half_of_the_lanes_to_others() -> None:
    views = Views(until=5)
    lanes = Lanes(views, lanes=8)
    visits = [
        asyncio.ensure_future(ask(lanes, path)) for path in ("/public/artifact/a", "/images/b.webp") * 4
    ]
    while views.at_once < 4:  # noqa: ASYNC110 - a thread counts it
        await asyncio.sleep(0.01)
    await ask(lanes, "/api/projects")
    await asyncio.gather(*visits)
    assert views.most_at_once == 5


async def test_writes_to_one_project_leave_lanes_for_all_others() -> None:
    answers = Answers()
    lanes = Lanes(answers, lanes=8, wait_s=60)
    stuck = [asyncio.ensure_future(ask_nothing(lanes)) for _ in range(20)]
    for _ in range(2):
        await answers.entered.acquire()
    for path, method in (
        ("/api/projects/other/jobs", "POST"),
        ("/api/projects/locked/jobs", "GET"),
        ("/api/projects", "POST"),
        ("/", "GET"),
    ):
        assert (await answer_of(lanes, path, method))[0] == 200
    assert answers.waited == 2  # a quarter
    answers.let_go.set()
    assert {status for status, _, _ in await asyncio.gather(*stuck)} == {200}
    assert answers.waited == 20


async def ask_nothing(lanes: Lanes) -> tuple[int, dict[str, str], bytes]:
    return await answer_of(lanes, "/api/projects/locked/jobs", "POST")


async def test_a_request_that_waits_too_long_is_told_to_try_again() -> None:
    answers = Answers()
    lanes = Lanes(answers, lanes=4, wait_s=0.2)
    stuck = asyncio.ensure_future(ask_nothing(lanes))
    await answers.entered.acquire()
    status, headers, body = await ask_nothing(lanes)
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "2", "application/json")
    assert json.loads(body)["errors"][0]["detail"] == "The project is busy; try again."
    answers.let_go.set()
    assert (await stuck)[0] == 200
    assert (await ask_nothing(lanes))[0] == 200  # its turn was released


async def test_a_page_request_without_a_lane_gets_a_503_page() -> None:
    answers = Answers()
    lanes = Lanes(answers, lanes=1, wait_s=0.2)
    stuck = asyncio.ensure_future(ask_nothing(lanes))
    await answers.entered.acquire()
    status, headers, body = await answer_of(lanes, "/", "GET", "text/html")
    assert (status, headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert b"The server is busy; try again." in body
    answers.let_go.set()
    assert (await stuck)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "thing"),
    [
        ("POST", "/api/projects/p-1/jobs", "/api/projects/p-1"),
        ("PATCH", "/api/projects/p-1", "/api/projects/p-1"),
        ("POST", "/public/artifact/slug/votes", "/public/artifact/slug"),
        ("GET", "/api/projects/p-1/jobs", None),
        ("POST", "/api/projects", None),
        ("POST", "/api/uploads", None),
        ("POST", "/admin/login/", "/admin/login/"),
        ("GET", "/admin/login/", None),
        ("POST", "/admin/logout/", None),
    ],
)
def test_the_written_project_is_read_from_the_path(method: str, path: str, thing: str | None) -> None:
    assert written_thing(scope_of(path, method)) == thing


def test_a_quarter_of_the_connections_is_reserved_for_the_streams() -> None:
    assert [lanes_beside(connections) for connections in (16, 100, 4, 2)] == [12, 32, 3, 2]


async def test_two_sign_ins_run_at_once_and_everything_else_is_answered_meanwhile() -> None:
    entered, let_go = asyncio.Semaphore(0), asyncio.Event()

    async def sign_in_slowly(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            entered.release()
            await let_go.wait()

    lanes = Lanes(sign_in_slowly, lanes=8)
    sign_ins = [asyncio.ensure_future(ask(lanes, "/admin/login/", "POST")) for _ in range(6)]
    for _ in range(2):
        await asyncio.wait_for(entered.acquire(), PATIENCE_S)
    await asyncio.wait_for(ask(lanes, "/api/projects"), PATIENCE_S)
    assert entered.locked()  # no third one has started
    let_go.set()
    await asyncio.wait_for(asyncio.gather(*sign_ins), PATIENCE_S)
