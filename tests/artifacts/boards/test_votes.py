"""`/public/artifact/<slug>/state` and `/votes`: who may vote, what counts, what is refused."""

import re
from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from artifacts.models import Artifact, Vote
from tests.artifacts.boards.conftest import Visitor, images_of, visit
from tests.clients import anonymous

pytestmark = pytest.mark.django_db

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_the_state_lists_the_choices_and_gives_cookie_and_token(deck: Artifact) -> None:
    answer = anonymous().get(f"/public/artifact/{deck.public_slug}/state")
    body = answer.json()
    assert body == {
        "token": body["token"],
        "closed": False,
        "answers": {"votes": ["yes", "maybe", "no"], "comments": False},
        "images": {},
    }
    assert re.fullmatch(r"page:[\w-]+:[\w-]+", body["token"])
    cookie = answer.cookies["dali_visitor"]
    assert re.fullmatch(r"[0-9a-f]{32}:[\w-]+", cookie.value)
    assert (cookie["path"], cookie["samesite"], cookie["httponly"], cookie["secure"]) == (
        "/public/",
        "Lax",
        True,
        "",
    )
    assert cookie["max-age"] == 365 * 24 * 3600
    assert answer["Cache-Control"] == "no-store"
    assert cookie.value.split(":")[0] not in body["token"]


def test_the_cookie_is_not_set_over_plain_http_when_the_origin_is_https(
    deck: Artifact, settings: Settings
) -> None:
    settings.PUBLIC_ORIGIN = "https://dali.example"
    answer = anonymous().get(f"/public/artifact/{deck.public_slug}/state")
    assert answer.cookies["dali_visitor"]["secure"] is True


def test_a_visitor_has_one_vote_and_can_change_or_withdraw_it(deck: Artifact) -> None:
    image = images_of(deck)[1]
    first, second = visit(deck), visit(deck)
    assert first.vote(image, "yes").json() == {"votes": {"yes": 1, "maybe": 0, "no": 0}, "mine": "yes"}
    assert first.vote(image, "yes").json() == {"votes": {"yes": 1, "maybe": 0, "no": 0}, "mine": "yes"}
    assert second.vote(image, "no").json() == {"votes": {"yes": 1, "maybe": 0, "no": 1}, "mine": "no"}
    assert first.vote(image, "maybe").json() == {"votes": {"yes": 0, "maybe": 1, "no": 1}, "mine": "maybe"}
    assert second.open()["images"] == {
        image: {"votes": {"yes": 0, "maybe": 1, "no": 1}, "mine": "no", "comments": []}
    }
    assert first.vote(image, "").json() == {"votes": {"yes": 0, "maybe": 0, "no": 1}, "mine": None}
    assert second.vote(image, "").json() == {"votes": {"yes": 0, "maybe": 0, "no": 0}, "mine": None}
    assert second.open()["images"] == {}
    assert not Vote.objects.exists()


def test_a_deck_without_maybe_refuses_it(publish: Callable[..., Artifact]) -> None:
    deck = publish("votingDeck", options={"maybe": False})
    visitor = visit(deck)
    answer = visitor.vote(images_of(deck)[0], "maybe")
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [
            {
                "code": "invalid",
                "detail": "'maybe' is not a choice here; known: yes, no",
                "attr": "choice",
            }
        ],
    )
    assert visitor.vote(images_of(deck)[0], "no").json()["votes"] == {"yes": 0, "no": 1}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"imageId": UNKNOWN}, "imageId"),
        ({"imageId": "nope"}, "imageId"),
        ({"imageId": 5}, "imageId"),
        ({"imageId": None}, "imageId"),
        ({"choice": "perhaps"}, "choice"),
        ({"choice": None}, "choice"),
        ({"choice": 1}, "choice"),
        ({"choice": "yes\x00"}, "choice"),
        ({"choice": "y" * 10_000}, "choice"),
        ({"choice": ["yes"]}, "choice"),
    ],
)
def test_an_invalid_vote_is_refused_by_its_field(
    deck: Artifact, change: dict[str, object], field: str
) -> None:
    visitor = visit(deck)
    body = {"token": visitor.token, "imageId": images_of(deck)[0], "choice": "yes", **change}
    answer = visitor.browser.post(f"{visitor.page}/votes", body)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [field]
    assert not Vote.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "{", "\xff", '{"token": 1}', "", "[" * 100_000])
def test_a_body_that_is_not_an_object_is_refused(deck: Artifact, body: str) -> None:
    visitor = visit(deck)
    answer = visitor.browser.post(
        f"{visitor.page}/votes", body.encode("latin-1"), content_type="application/json"
    )
    assert answer.status_code in (400, 403)
    assert answer.json()["errors"]


def test_only_json_of_a_bounded_size_is_read(deck: Artifact) -> None:
    visitor = visit(deck)
    form = visitor.browser.post(
        f"{visitor.page}/votes", "token=x", content_type="application/x-www-form-urlencoded"
    )
    assert form.status_code == 415
    large = visitor.browser.post(f"{visitor.page}/votes", {"token": "x" * 2_000_000})
    assert large.status_code == 413


def test_a_vote_needs_the_cookie_and_the_token_of_this_visitor_on_this_page(
    deck: Artifact, publish: Callable[..., Artifact], settings: Settings
) -> None:
    other_deck = publish("votingDeck", title="Another")
    image = images_of(deck)[0]
    visitor, other, elsewhere = visit(deck), visit(deck), visit(other_deck)
    for token in (other.token, elsewhere.token, "", "page:1:x", visitor.token[:-1], visitor.token + "x"):
        robbed = Visitor(visitor.page, visitor.browser, token)
        assert robbed.vote(image, "yes").status_code == 403, token
    without_cookie = Visitor(visitor.page, token=visitor.token)
    assert without_cookie.vote(image, "yes").status_code == 403
    forged = Visitor(visitor.page, token=visitor.token)
    forged.browser.cookies["dali_visitor"] = "0" * 32 + ":c2lnbmVkIGJ5IG5vYm9keQ"
    assert forged.vote(image, "yes").status_code == 403
    settings.PAGE_TOKEN_S = -1
    answer = visitor.vote(image, "yes")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "permission_denied")
    settings.PAGE_TOKEN_S = 60
    assert visitor.vote(image, "yes").status_code == 200
    assert Vote.objects.count() == 1


def test_a_page_that_was_open_while_the_key_changed_can_still_vote(
    deck: Artifact, settings: Settings
) -> None:
    visitor, image = visit(deck), images_of(deck)[0]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of fifty characters or so, for the test of it"
    assert visitor.vote(image, "yes").status_code == 200
    assert visitor.open()["images"][image]["mine"] == "yes"
    settings.SECRET_KEY_FALLBACKS = []
    assert visitor.vote(image, "no").json()["mine"] == "no"  # both were signed again


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver.evil.example"},
    ],
)
def test_a_page_of_another_origin_cannot_vote(deck: Artifact, headers: dict[str, str]) -> None:
    visitor = visit(deck)
    assert visitor.vote(images_of(deck)[0], "yes", **headers).status_code == 403
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert visitor.vote(images_of(deck)[0], "yes", **own).status_code == 200


def test_a_closed_page_shows_its_votes_and_accepts_none(deck: Artifact) -> None:
    visitor, image = visit(deck), images_of(deck)[0]
    visitor.vote(image, "yes")
    Artifact.objects.filter(pk=deck.pk).update(closed_at="2026-11-20T00:00:00Z")
    answer = visitor.vote(image, "no")
    assert (answer.status_code, answer.json()["errors"]) == (
        409,
        [{"code": "conflict", "detail": "This page is closed and takes no more answers.", "attr": None}],
    )
    state = visitor.open()
    assert (state["closed"], state["images"][image]["mine"]) == (True, "yes")


def test_an_unpublished_page_is_gone(deck: Artifact) -> None:
    visitor, image = visit(deck), images_of(deck)[0]
    Artifact.objects.filter(pk=deck.pk).update(is_public=False)
    for answer in (visitor.vote(image, "no"), visitor.browser.get(f"{visitor.page}/state")):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (410, "gone")


def test_pages_that_take_no_votes_have_no_vote_url(publish: Callable[..., Artifact], board: Artifact) -> None:
    lookbook, silent = publish(), publish("votingDeck", options={"votes": False})
    for slug in (lookbook.public_slug, silent.public_slug, "nosuchpage", "x", "..", "a%00b", "%0a" * 9):
        for address in ("state", "votes", "comments"):
            path = f"/public/artifact/{slug}/{address}"
            answer = anonymous().get(path) if address == "state" else anonymous().post(path, {})
            assert answer.status_code == 404, path
    visitor = visit(board)
    assert visitor.vote(images_of(board)[0], "yes").status_code == 404
    draft = Artifact.objects.create(title="D", output="html", public_slug="draft-of-a-page")
    assert anonymous().get(f"/public/artifact/{draft.public_slug}/state").status_code == 404


def test_other_methods_are_refused_and_options_answered(deck: Artifact) -> None:
    page = f"/public/artifact/{deck.public_slug}"
    client = anonymous()
    assert client.get(f"{page}/votes").status_code == 405
    assert client.post(f"{page}/state", {}).status_code == 405
    assert client.delete(f"{page}/comments").status_code == 405
    answer = client.options(f"{page}/votes", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer["Allow"]) == (204, "POST, OPTIONS")
    assert "Access-Control-Allow-Origin" not in answer


def test_votes_are_limited_per_visitor_and_per_address(deck: Artifact, settings: Settings) -> None:
    settings.VOTES_RATE, settings.ANSWERS_RATE = "2/h", "8/h"
    visitor, other, image = visit(deck), visit(deck), images_of(deck)[0]
    assert [visitor.vote(image, "yes").status_code for _ in range(3)] == [200, 200, 429]
    answer = visitor.vote(image, "yes")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 3600
    assert other.vote(image, "no").status_code == 200
    assert other.vote(image, "no").status_code == 200  # the eighth from this address
    assert other.browser.get(f"{other.page}/state").status_code == 429


def test_answers_are_deleted_with_their_artifact(deck: Artifact) -> None:
    visit(deck).vote(images_of(deck)[0], "yes")
    deck.delete()
    assert not Vote.objects.exists()
