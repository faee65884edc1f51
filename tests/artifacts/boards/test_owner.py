"""The owner's routes: results, export, closing and opening; and what the manifest says about a page."""

import csv
import io
from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from artifacts.boards import services
from artifacts.models import Artifact, Comment, Vote
from progressions.models import ImageProgression
from tests.artifacts.boards.conftest import images_of, visit
from tests.clients import anonymous, keyed, wrong

pytestmark = pytest.mark.django_db

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def table(artifact: Artifact, query: str = "") -> list[list[str]]:
    """The exported lines."""
    answer = keyed().get(f"/api/artifacts/{artifact.pk}/answers.csv{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_results_count_the_answers_for_each_image_of_the_page(deck: Artifact) -> None:
    one, two, three = images_of(deck)
    first, second = visit(deck), visit(deck)
    first.vote(one, "yes")
    first.vote(two, "no")
    second.vote(one, "maybe")
    body = keyed().get(f"/api/artifacts/{deck.pk}/answers").json()
    images = ImageProgression.objects.in_bulk()
    none = {"yes": 0, "maybe": 0, "no": 0}
    assert body == {
        "closed": False,
        "voters": 2,
        "votes": {"yes": 1, "maybe": 1, "no": 1},
        "comments": 0,
        "images": [
            {
                "id": str(row.pk),
                "number": number,
                "prompt": row.prompt,
                "url": f"http://testserver{row.generated_image_url}",
                "votes": none | votes,
                "comments": [],
            }
            for number, (row, votes) in enumerate(
                zip(
                    (image for id_ in (one, two, three) for image in images.values() if str(image.pk) == id_),
                    ({"yes": 1, "maybe": 1}, {"no": 1}, {}),
                    strict=True,
                ),
                start=1,
            )
        ],
    }


def test_results_include_hidden_comments_and_images_that_left(board: Artifact) -> None:
    one, two, three = images_of(board)
    visitor = visit(board)
    first = visitor.write(one, "One.", name="Ada").json()
    visitor.write(one, "Under.", replyTo=first["id"])
    visitor.write(two, "Two.")
    services.set_hidden(comments=Comment.objects.filter(pk=first["id"]), is_hidden=True)
    ImageProgression.objects.filter(pk=two).delete()
    board.manifest["progressions"] = [one, three]
    board.save()
    body = keyed().get(f"/api/artifacts/{board.pk}/answers").json()
    assert (body["voters"], body["votes"], body["comments"]) == (0, {}, 3)
    assert [(image["id"], image["number"], image["url"] is None) for image in body["images"]] == [
        (one, 1, False),
        (three, 2, False),
        (two, None, True),
    ]
    assert body["images"][0]["comments"][0] == {**first, "hidden": True}
    assert [comment["text"] for comment in body["images"][0]["comments"]] == ["One.", "Under."]
    assert [comment["text"] for comment in body["images"][2]["comments"]] == ["Two."]


@pytest.mark.parametrize("count", [1, 20])
def test_the_query_count_of_the_results_is_constant(
    board: Artifact, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        Comment.objects.create(artifact=board, image_id=images_of(board)[number % 3], visitor="v", text="x")
        Vote.objects.create(artifact=board, image_id=images_of(board)[0], visitor=f"{number}", choice="yes")
    client = keyed()
    client.get(f"/api/artifacts/{board.pk}/answers")  # writes the key's first use
    with django_assert_num_queries(9):
        assert client.get(f"/api/artifacts/{board.pk}/answers").json()["voters"] == count


def test_every_answer_is_exported_without_formulas(board: Artifact) -> None:
    one, two, _ = images_of(board)
    ada, eve = visit(board), visit(board)
    first = ada.write(one, "Fine,\nsaid she", name="Ada").json()
    eve.write(one, "=cmd()", name="@eve", replyTo=first["id"])
    ada.write(two, "+1")
    Vote.objects.create(artifact=board, image_id=two, visitor="v", choice="yes")
    rows = list(Comment.objects.order_by("id"))
    times = [row.created_at.isoformat() for row in rows]
    vote = Vote.objects.get()
    assert table(board) == [
        ["kind", "image", "image_id", "visitor", "choice", "name", "text", "comment_id", "reply_to", "hidden", "time"],
        ["vote", "2", two, "1", "yes", "", "", "", "", "", vote.updated_at.isoformat()],
        ["comment", "1", one, "2", "", "Ada", "Fine,\nsaid she", first["id"], "", "no", times[0]],
        ["comment", "1", one, "3", "", "'@eve", "'=cmd()", str(rows[1].pk), first["id"], "no", times[1]],
        ["comment", "2", two, "2", "", "", "'+1", str(rows[2].pk), "", "no", times[2]],
    ]  # fmt: skip


def test_the_totals_of_each_image_are_exported(deck: Artifact) -> None:
    one, two, three = images_of(deck)
    ImageProgression.objects.filter(pk=two).update(prompt="=1+1")
    visit(deck).vote(two, "maybe")
    visit(deck).vote(two, "no")
    url = {
        str(row.pk): f"http://testserver{row.generated_image_url}" for row in ImageProgression.objects.all()
    }
    prompt = {str(row.pk): row.prompt for row in ImageProgression.objects.all()}
    assert table(deck, "?table=images") == [
        ["image", "image_id", "prompt", "url", "yes", "maybe", "no", "comments"],
        ["1", one, prompt[one], url[one], "0", "0", "0", "0"],
        ["2", two, "'=1+1", url[two], "0", "1", "1", "0"],
        ["3", three, prompt[three], url[three], "0", "0", "0", "0"],
    ]
    answer = keyed().get(f"/api/artifacts/{deck.pk}/answers.csv?table=nope")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "table")


def test_a_page_is_closed_and_opened_again(deck: Artifact) -> None:
    client, visitor, image = keyed(), visit(deck), images_of(deck)[0]
    for deed, closed, status in (("close", True, 409), ("close", True, 409), ("reopen", False, 200)):
        answer = client.post(f"/api/artifacts/{deck.pk}/{deed}")
        assert (answer.status_code, answer.json()["closed"]) == (200, closed)
        assert visitor.vote(image, "yes").status_code == status
        assert keyed().get(f"/api/artifacts/{deck.pk}/answers").json()["closed"] is closed


def test_a_page_that_takes_no_answers_cannot_be_closed(publish: Callable[..., Artifact]) -> None:
    lookbook = publish()
    assert keyed().post(f"/api/artifacts/{lookbook.pk}/close").status_code == 409
    body = keyed().get(f"/api/artifacts/{lookbook.pk}/answers").json()
    assert body == {"closed": False, "voters": 0, "votes": {}, "comments": 0, "images": []}
    assert len(table(lookbook)) == 1


@pytest.mark.parametrize("deed", ["close", "reopen"])
def test_closing_needs_a_key_and_an_artifact(deck: Artifact, deed: str) -> None:
    assert anonymous().post(f"/api/artifacts/{deck.pk}/{deed}").status_code == 401
    assert wrong().post(f"/api/artifacts/{deck.pk}/{deed}").status_code == 401
    assert keyed().post(f"/api/artifacts/{UNKNOWN}/{deed}").status_code == 404
    assert keyed().get(f"/api/artifacts/{UNKNOWN}/answers").status_code == 404
    assert keyed().get(f"/api/artifacts/{UNKNOWN}/answers.csv").status_code == 404


@pytest.mark.parametrize("route", ["answers", "answers.csv"])
def test_answers_can_be_read_only_with_a_key(deck: Artifact, route: str) -> None:
    assert anonymous().get(f"/api/artifacts/{deck.pk}/{route}").status_code == 401
    assert anonymous().head(f"/api/artifacts/{deck.pk}/{route}").status_code == 401
    assert wrong().get(f"/api/artifacts/{deck.pk}/{route}").status_code == 401
    assert keyed().get(f"/api/artifacts/{deck.pk}/{route}").status_code == 200


def test_only_images_that_the_page_shows_accept_votes(publish: Callable[..., Artifact]) -> None:
    hidden = ImageProgression.objects.all()[0]
    ImageProgression.objects.filter(pk=hidden.pk).update(judgment="fail")
    deck = publish("votingDeck")
    assert len(images_of(deck)) == 2
    assert visit(deck).vote(str(hidden.pk), "yes").status_code == 400
