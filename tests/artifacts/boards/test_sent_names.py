"""Votes and comments: ids in either case, unknown fields reported, near misses refused."""

import pytest

from artifacts.models import Artifact, Comment, Vote
from tests.artifacts.boards.conftest import images_of, visit

pytestmark = pytest.mark.django_db


def test_a_vote_reports_the_fields_that_it_ignored(deck: Artifact) -> None:
    visitor, image = visit(deck), images_of(deck)[0]
    body = {"token": visitor.token, "imageId": image.upper(), "choice": "yes", "stars": 5}
    answer = visitor.browser.post(f"{visitor.page}/votes", body)
    assert answer.status_code == 200
    assert answer.json()["warnings"] == ['"stars" is not a field of this request; it was ignored.']
    assert str(Vote.objects.get().image_id) == image
    assert "warnings" not in visitor.vote(image, "no").json()


def test_a_misspelt_field_of_a_comment_is_refused(board: Artifact) -> None:
    visitor, image = visit(board), images_of(board)[0]
    answer = visitor.write(image, "Fine.", reply_to=None, reply_To="x")
    assert answer.status_code == 400
    assert [(error["attr"], error["code"]) for error in answer.json()["errors"]] == [("reply_To", "misspelt")]
    assert not Comment.objects.exists()
