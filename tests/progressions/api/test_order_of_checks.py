"""`POST .../jobs` checks key, size, replay, rate limit, validation and backlog, in that order."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dali.lib.errors import UnavailableError
from dali.lib.files import disk
from progressions.models import Job
from progressions.provider import providers
from projects.models import Project
from tests.clients import anonymous, keyed, wrong
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "k-1"}
UNKNOWN = "01890000-0000-7000-8000-000000000000"
TOO_LARGE = b'"' + b"x" * 2_000_000 + b'"'


class Forgetful(FakeProvider):
    """A provider whose settings can be removed."""

    name = "forgetful"
    gone: list[str]

    def missing(self) -> list[str]:
        """The settings that were removed."""
        return self.gone


@pytest.fixture
def provider() -> Iterator[Forgetful]:
    """A provider called `forgetful`."""
    made = Forgetful()
    made.gone = []
    with providers.register_temporarily(made):
        yield made


@pytest.fixture
def used_up(settings: Settings) -> str:
    """An address with no submissions left: the rate is one per hour."""
    settings.JOBS_RATE = "1/h"
    return new_address()


def new_address() -> str:
    """An address that no other test used: they share the cache with the counters."""
    return f"2001:db8:{secrets.randbelow(65_536):x}:{secrets.randbelow(65_536):x}::1"


def body(**changes: Any) -> dict[str, Any]:
    return {"prompt": "a lighthouse", "providers": ["forgetful"], "sessionId": "s-42", **changes}


def test_a_replay_succeeds_whatever_has_changed_since(
    project: Project, provider: Forgetful, settings: Settings, used_up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    first = client.post(url, body(foo=1), headers=KEY, REMOTE_ADDR=used_up)
    assert first.status_code == 202

    def full() -> None:
        raise UnavailableError("The disk is full; try again.")

    provider.gone = ["FORGETFUL_KEY"]
    settings.MAX_VARIANTS = settings.DAY_CAP_USD = 0
    monkeypatch.setattr(disk, "refuse_where_short", full)
    for name in ("k-1", "k-1", "k-1"):
        again = client.post(url, body(foo=1), headers={"Idempotency-Key": name}, REMOTE_ADDR=used_up)
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert Job.objects.count() == 1


def test_replays_do_not_count_against_the_rate(
    project: Project, provider: Forgetful, settings: Settings
) -> None:
    settings.JOBS_RATE = "2/h"
    client, url, address = keyed(), f"/api/projects/{project.id}/jobs", new_address()
    for _ in range(4):
        assert client.post(url, body(), headers=KEY, REMOTE_ADDR=address).status_code == 202
    assert client.post(url, body(), REMOTE_ADDR=address).status_code == 202
    assert client.post(url, body(), REMOTE_ADDR=address).status_code == 429


def test_each_check_comes_before_the_next(
    project: Project, provider: Forgetful, used_up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"

    def send(content: Any, *, who: Any = client, to: str = url, key: str = "k-2") -> int:
        raw = {"content_type": "application/json"} if isinstance(content, bytes) else {}
        headers = {"Idempotency-Key": key}
        code: int = who.post(to, content, headers=headers, REMOTE_ADDR=used_up, **raw).status_code
        return code

    assert send(body(), key="k-1") == 202
    # Key, before size.
    assert [send(TOO_LARGE, who=who) for who in (anonymous(), wrong())] == [401, 401]
    # Size, before the replay and the rate limit.
    assert send(TOO_LARGE, key="k-1") == 413
    # The replay with its 422, before the rate limit.
    assert (send(body(), key="k-1"), send(body(variants=2), key="k-1")) == (202, 422)
    # The rate limit, before any error in the request.
    elsewhere = f"/api/projects/{UNKNOWN}/jobs"
    for content in (b"{", b"", body(prompt=""), body(variant=2)):
        assert send(content) == 429
    assert (send(body(), to=elsewhere), send(body(), key="x" * 256)) == (429, 429)
    assert client.post(url, b"a", content_type="text/plain", REMOTE_ADDR=used_up).status_code == 429

    def full() -> None:
        raise UnavailableError("The disk is full; try again.")

    # Validation, before the backlog.
    monkeypatch.setattr(disk, "refuse_where_short", full)
    assert client.post(url, body(prompt=""), REMOTE_ADDR=new_address()).status_code == 400
    assert client.post(url, body(), REMOTE_ADDR=new_address()).status_code == 503
    assert Job.objects.count() == 1


def test_errors_are_reported_after_the_rate_limit(project: Project, provider: Forgetful) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    assert client.post(url, b"{", headers=KEY, content_type="application/json").status_code == 400
    assert client.post(url, b"a", content_type="text/plain", headers=KEY).status_code == 415
    refused = client.post(url, body(), headers={"Idempotency-Key": "x" * 256})
    assert refused.json()["errors"][0]["attr"] == "Idempotency-Key"
    assert client.post(f"/api/projects/{UNKNOWN}/jobs", body(), headers=KEY).status_code == 404
