"""Votes and comments in the admin, and the admin's actions on an interactive page."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from artifacts.models import Artifact, ArtifactView, Comment, Vote
from tests.artifacts.boards.conftest import images_of, visit

pytestmark = pytest.mark.django_db

ARTIFACTS, COMMENTS, VOTES = (f"/admin/artifacts/{name}/" for name in ("artifact", "comment", "vote"))


def said(client: Client, address: str, form: dict[str, Any]) -> list[str]:
    """The messages after a form."""
    answer = client.post(address, form, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def test_comments_are_hidden_and_restored(admin_client: Client, board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    first = visitor.write(image, "<script>alert(1)</script>", name="<b>Eve").json()["id"]
    second = visitor.write(image, "Fine.").json()["id"]
    page = admin_client.get(COMMENTS).content.decode()
    assert "<script>alert" not in page
    assert "&lt;b&gt;Eve" in page
    form = {"action": "hide", "_selected_action": [first, second]}
    assert said(admin_client, COMMENTS, form) == ["2 comments hidden."]
    assert visitor.open()["images"] == {}
    assert said(admin_client, COMMENTS, {**form, "action": "restore", "_selected_action": [second]}) == [
        "1 comment restored."
    ]
    assert [one["id"] for one in visitor.open()["images"][image]["comments"]] == [second]
    assert admin_client.get(f"{COMMENTS}?is_hidden__exact=1").context["cl"].result_count == 1
    assert admin_client.get(f"{COMMENTS}?q={board.pk}").context["cl"].result_count == 2
    assert admin_client.get(f"{COMMENTS}?q=alert").context["cl"].result_count == 1


def test_a_comment_is_hidden_on_its_page_and_cannot_be_edited(admin_client: Client, board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    written = visitor.write(image, "Fine.").json()["id"]
    address = f"{COMMENTS}{written}/change/"
    assert "<script" not in str(admin_client.get(address).context["adminform"])
    assert admin_client.post(address, {"is_hidden": "on", "text": "Changed."}).status_code == 302
    comment = Comment.objects.get()
    assert (comment.is_hidden, comment.text) == (True, "Fine.")
    assert admin_client.post(address, {}).status_code == 302
    assert visitor.open()["images"][image]["comments"][0]["text"] == "Fine."
    assert admin_client.get(f"{COMMENTS}add/").status_code == 403


def test_votes_are_read_only(admin_client: Client, deck: Artifact) -> None:
    visit(deck).vote(images_of(deck)[0], "yes")
    vote = Vote.objects.get()
    assert admin_client.get(f"{VOTES}add/").status_code == 403
    assert admin_client.post(f"{VOTES}{vote.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{VOTES}?q=yes").context["cl"].result_count == 1
    assert admin_client.get(f"{VOTES}?q={deck.pk}").context["cl"].result_count == 1


@pytest.mark.parametrize("model", ["comment", "vote"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_lists_is_constant(
    admin_client: Client,
    board: Artifact,
    django_assert_num_queries: DjangoAssertNumQueries,
    model: str,
    count: int,
) -> None:
    for number in range(count):
        given = {"artifact": board, "image_id": images_of(board)[0], "visitor": f"{number:032x}"}
        Comment.objects.create(text="Fine.", **given)
        Vote.objects.create(choice="yes", **given)
    with django_assert_num_queries(4):  # session, user, count, page
        assert admin_client.get(f"/admin/artifacts/{model}/").context["cl"].result_count == count


def test_the_admin_page_of_a_deck_shows_its_votes(admin_client: Client, deck: Artifact) -> None:
    address = f"{ARTIFACTS}{deck.pk}/change/"
    assert "No votes or comments yet." in admin_client.get(address).content.decode()
    visit(deck).vote(images_of(deck)[1], "maybe")
    page = admin_client.get(address).content.decode()
    assert "yes: 0, maybe: 1, no: 0." in page
    assert "1 voter," in page
    assert f"/admin/artifacts/comment/?artifact__id__exact={deck.pk}" in page
    for table, first in (("", "kind,image,"), ("?table=images", "image,image_id,")):
        answer = admin_client.get(f"{ARTIFACTS}{deck.pk}/answers.csv{table}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert answer.content.decode("utf-8-sig").startswith(first)
    assert admin_client.get(f"{ARTIFACTS}{deck.pk}/answers.csv?table=nope").status_code == 404


def test_a_page_is_closed_and_opened_by_its_buttons(admin_client: Client, deck: Artifact) -> None:
    address = f"{ARTIFACTS}{deck.pk}"
    assert f"{address}/close/" in admin_client.get(f"{address}/change/").content.decode()
    assert said(admin_client, f"{address}/close/", {}) == [
        "Closed 1 artifact. Visitors can no longer vote or comment."
    ]
    page = admin_client.get(f"{address}/change/").content.decode()
    assert f"{address}/reopen/" in page
    assert "closed since" in page
    visitor = visit(deck)
    assert visitor.vote(images_of(deck)[0], "yes").status_code == 409
    assert said(admin_client, f"{address}/reopen/", {}) == [
        "Reopened 1 artifact. Visitors can vote and comment again."
    ]
    assert visitor.vote(images_of(deck)[0], "yes").status_code == 200


def test_deleting_an_artifact_deletes_its_answers_and_views(admin_client: Client, board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    first = visitor.write(image, "Fine.").json()["id"]
    visitor.write(image, "Yes.", replyTo=first)
    Vote.objects.create(artifact=board, image_id=image, visitor="v", choice="yes")
    ArtifactView.objects.create(artifact=board)
    asked = admin_client.get(f"{ARTIFACTS}{board.pk}/delete/").content.decode()
    assert "<li>Comments: 2</li>" in asked
    assert admin_client.post(f"{ARTIFACTS}{board.pk}/delete/", {"post": "yes"}).status_code == 302
    left = (Artifact.objects, Comment.objects, Vote.objects, ArtifactView.objects)
    assert [rows.count() for rows in left] == [0, 0, 0, 0]


def test_staff_with_view_permission_can_export_but_not_change(client: Client, deck: Artifact) -> None:
    user = User.objects.create_user("looker", is_staff=True)
    client.force_login(user)
    assert client.get(f"{ARTIFACTS}{deck.pk}/answers.csv").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_artifact"))
    assert client.get(f"{ARTIFACTS}{deck.pk}/answers.csv").status_code == 200
    assert said(client, f"{ARTIFACTS}{deck.pk}/close/", {}) == [
        "You don't have permission to change artifacts."
    ]
    assert client.post(f"{ARTIFACTS}{deck.pk}/delete/", {"post": "yes"}).status_code == 403
    deck.refresh_from_db()
    assert deck.closed_at is None
