"""`/public/artifact/<slug>/comments`: what visitors may write, what others see, and what is refused."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from artifacts.boards import services, totals
from artifacts.models import Artifact, Comment
from dali.lib.clock import epoch_ms
from tests.artifacts.boards.conftest import Visitor, images_of, visit
from tests.artifacts.materials import HOSTILE

pytestmark = pytest.mark.django_db

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def shown(visitor: Visitor, image: str) -> list[tuple[str, str | None]]:
    """Text and parent of the comments that the visitor sees on an image."""
    comments = visitor.open()["images"].get(image, {"comments": []})["comments"]
    return [(comment["text"], comment["replyTo"]) for comment in comments]


def test_a_comment_is_stored_and_shown_to_all_in_order(board: Artifact) -> None:
    image = images_of(board)[0]
    ada, bob = visit(board), visit(board)
    answer = ada.write(image, "  The sky is too dark.\r\nElse fine. ", name=" Ada ")
    row = Comment.objects.get()
    first = {
        "id": str(row.pk),
        "replyTo": None,
        "name": "Ada",
        "text": "The sky is too dark.\nElse fine.",
        "createdAt": epoch_ms(row.created_at),
    }
    assert (answer.status_code, answer.json()) == (201, first)
    reply = bob.write(image, "Agreed.", replyTo=first["id"]).json()
    assert (reply["replyTo"], reply["name"]) == (first["id"], "")
    second = bob.write(image, "And the sea?").json()
    assert ada.open()["images"] == {
        image: {"votes": {}, "mine": None, "comments": [first, reply, second]},
    }
    assert ada.open()["answers"] == {"votes": [], "comments": True}


def test_a_thread_is_one_level_deep_and_stays_with_its_image(
    board: Artifact, publish: Callable[..., Artifact]
) -> None:
    one, two = images_of(board)[:2]
    visitor = visit(board)
    first = visitor.write(one, "One.").json()["id"]
    reply = visitor.write(one, "Two.", replyTo=first).json()["id"]
    elsewhere = visit(publish("reviewBoard", title="Another"))
    foreign = elsewhere.write(one, "Elsewhere.").json()["id"]
    for image, above in ((one, reply), (two, first), (one, foreign), (one, UNKNOWN), (one, "nope"), (one, 5)):
        answer = visitor.write(image, "No.", replyTo=above)
        assert answer.status_code == 400, above
        assert [error["attr"] for error in answer.json()["errors"]] == ["replyTo"]
    assert Comment.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n\t "}, "text"),
        ({"text": "\x00\x07"}, "text"),
        ({"text": "x" * 2_001}, "text"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["x"]}, "text"),
        ({"name": "x" * 81}, "name"),
        ({"name": {"a": 1}}, "name"),
        ({"imageId": UNKNOWN}, "imageId"),
        ({"imageId": [UNKNOWN]}, "imageId"),
        ({"website": 5}, "website"),
    ],
)
def test_an_invalid_comment_is_refused_by_its_field(
    board: Artifact, change: dict[str, Any], field: str
) -> None:
    visitor = visit(board)
    body = {"token": visitor.token, "imageId": images_of(board)[0], "text": "Fine.", **change}
    answer = visitor.browser.post(f"{visitor.page}/comments", body)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [field]
    assert not Comment.objects.exists()


def test_optional_fields_can_be_left_out(board: Artifact) -> None:
    visitor = visit(board)
    body = {"token": visitor.token, "imageId": images_of(board)[0], "text": "x" * 2_000, "name": None}
    answer = visitor.browser.post(f"{visitor.page}/comments", {**body, "replyTo": None, "website": None})
    assert (answer.status_code, answer.json()["name"]) == (201, "")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (HOSTILE, HOSTILE.replace("\u202e", "").replace("\u202c", "")),
        ("a\x00b\x1b[31mc\x9bd", "ab[31mcd"),
        ("left \u202etfel\u202c", "left tfel"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("👩\u200d🚀 e\u0301", "👩\u200d🚀 é"),
    ],
)
def test_text_is_kept_as_written_except_for_invisible_characters(
    board: Artifact, written: str, kept: str
) -> None:
    visitor, image = visit(board), images_of(board)[0]
    answer = visitor.write(image, written, name="\u202eMallory\n\x07<b>")
    assert (answer.status_code, answer.json()["text"], answer.json()["name"]) == (201, kept, "Mallory <b>")
    assert shown(visitor, image) == [(kept, None)]


def test_half_a_surrogate_pair_is_refused(board: Artifact) -> None:
    visitor = visit(board)
    body = f'{{"token": "{visitor.token}", "imageId": "{images_of(board)[0]}", "text": "\\ud800"}}'
    answer = visitor.browser.post(f"{visitor.page}/comments", body, content_type="application/json")
    assert answer.status_code == 400


def test_a_bot_gets_a_success_but_its_comment_is_dropped(board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    real = visitor.write(image, "Fine.", name="Ada").json()
    answer = visitor.write(image, "Buy!", name="Bot", website="https://spam.example", replyTo=real["id"])
    assert (answer.status_code, set(answer.json())) == (201, set(real))
    assert (answer.json()["text"], answer.json()["replyTo"]) == ("Buy!", real["id"])
    assert shown(visitor, image) == [("Fine.", None)]


def test_hidden_comments_and_their_replies_are_invisible_until_restored(board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    first = visitor.write(image, "One.").json()["id"]
    visitor.write(image, "Under.", replyTo=first)
    visitor.write(image, "Two.")
    found = Comment.objects.filter(pk=first)
    assert services.set_hidden(comments=found, is_hidden=True) == 1
    assert services.set_hidden(comments=found, is_hidden=True) == 0
    assert shown(visitor, image) == [("Two.", None)]
    assert visitor.write(image, "Late.", replyTo=first).status_code == 400
    assert services.set_hidden(comments=found, is_hidden=False) == 1
    assert shown(visitor, image) == [("One.", None), ("Under.", first), ("Two.", None)]


def test_comments_are_limited_per_minute_and_in_total(
    board: Artifact, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_COMMENTS", 3)
    visitor, other, image = visit(board), visit(board), images_of(board)[0]
    assert [visitor.write(image, "x").status_code for _ in range(4)] == [201, 201, 201, 429]
    assert other.write(image, "y").status_code == 201
    settings.COMMENTS_RATE = "2/h"
    third = visit(board)
    assert [third.write(image, "z").status_code for _ in range(3)] == [201, 201, 429]


def test_only_the_newest_are_shown_when_there_are_too_many(
    board: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MOST_SHOWN", 3)
    visitor, image = visit(board), images_of(board)[0]
    first = visitor.write(image, "One.").json()["id"]
    visitor.write(image, "Under.", replyTo=first)
    visitor.write(image, "Two.")
    visitor.write(image, "Three.")
    assert shown(visitor, image) == [("Two.", None), ("Three.", None)]


def test_comments_need_an_open_page(board: Artifact, deck: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    assert Visitor(visitor.page).write(image, "x").status_code == 403
    assert visit(deck).write(images_of(deck)[0], "x").status_code == 404
    services.set_closed(artifact=board, is_closed=True)
    assert visitor.write(image, "x").status_code == 409
    services.set_closed(artifact=board, is_closed=False)
    assert visitor.write(image, "x").status_code == 201
    Artifact.objects.filter(pk=board.pk).update(is_public=False)
    assert visitor.write(image, "x").status_code == 410
    assert Comment.objects.count() == 1


def test_an_image_that_left_the_page_takes_its_answers_with_it(board: Artifact) -> None:
    one, two, _ = images_of(board)
    visitor = visit(board)
    visitor.write(one, "Here.")
    visitor.write(two, "There.")
    board.manifest["progressions"] = [two]
    board.save()
    assert shown(visitor, one) == []
    assert shown(visitor, two) == [("There.", None)]
    assert visitor.write(one, "Gone?").status_code == 400


@pytest.mark.parametrize("count", [1, 20])
def test_the_query_count_of_the_state_is_constant(
    board: Artifact, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    visitor, image = visit(board), images_of(board)[0]
    for number in range(count):
        Comment.objects.create(
            artifact=board, image_id=UUID(image), visitor=f"{number:032x}", text=f"{number}"
        )
    with django_assert_num_queries(2):  # page, comments: a board has no votes to count
        assert len(visitor.open()["images"][image]["comments"]) == count
