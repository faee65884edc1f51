"""`GET /api/providers` and `POST /api/stream/{sessionId}/tickets`."""

import time

import pytest

from progressions.enums import Kind
from progressions.provider import providers
from progressions.stream.tickets import is_ticket_valid
from tests.clients import anonymous, keyed, wrong
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db


class Priced(FakeProvider):
    """A provider whose key is missing and whose price is known."""

    name = "priced"
    title = "Priced"
    kinds = frozenset({Kind.UPSCALE, Kind.GENERATE})
    price = {"usd_per_image": 0.04, "source": "https://example.com/prices", "date": "2026-11-01"}

    def missing(self) -> list[str]:
        """One setting."""
        return ["PRICED_API_KEY"]


def test_providers_list_what_they_accept_and_which_settings_are_missing(fake_provider: FakeProvider) -> None:
    with providers.register_temporarily(Priced()):
        answer = anonymous().get("/api/providers")
    assert answer.status_code == 200
    by_id = {row["id"]: row for row in answer.json()}
    assert by_id["fake"] == {
        "id": "fake",
        "name": "Fake",
        "configured": True,
        "missing": [],
        "kinds": ["generate", "edit", "inpaint", "outpaint", "variation", "upscale"],
        "models": ["fake-1", "fake-2"],
        "sizes": ["64x64"],
        "limits": {"min_px": 16, "max_px": 2048},
        "price": None,
    }
    priced = by_id["priced"]
    assert (priced["configured"], priced["missing"]) == (False, ["PRICED_API_KEY"])
    assert priced["kinds"] == ["generate", "upscale"]
    assert priced["price"] == {
        "usd_per_image": 0.04,
        "source": "https://example.com/prices",
        "date": "2026-11-01",
    }


def test_a_ticket_opens_its_session_for_a_minute() -> None:
    before_ms = time.time() * 1000
    answer = keyed().post("/api/stream/s-42/tickets")
    after_ms = time.time() * 1000
    assert answer.status_code == 201
    body = answer.json()
    assert sorted(body) == ["expiresAt", "ticket"]
    assert is_ticket_valid(body["ticket"], "s-42")
    assert not is_ticket_valid(body["ticket"], "s-43")
    assert before_ms + 59_000 < body["expiresAt"] < after_ms + 61_000  # tickets count in whole seconds


def test_tickets_need_a_key() -> None:
    assert [client.post("/api/stream/s-42/tickets").status_code for client in (anonymous(), wrong())] == [
        401,
        401,
    ]


@pytest.mark.parametrize("session_id", ["a%20b", "a%00", "x" * 129, "a,b"])
def test_a_ticket_for_an_invalid_session_is_refused(session_id: str) -> None:
    answer = keyed().post(f"/api/stream/{session_id}/tickets")
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == ["sessionId"]


def test_a_session_id_with_a_slash_is_404() -> None:
    assert keyed().post("/api/stream/a/b/tickets").status_code == 404
