"""The answers on a page as visitors see them: vote counts, and comments in order."""

from collections.abc import Collection
from typing import Annotated, TypedDict
from uuid import UUID

from django.db.models import Count, QuerySet

from artifacts.boards.pages import BoardPage
from artifacts.models import Comment, Vote
from dali.lib.clock import epoch_ms

# Older ones are stored but not shown.
MOST_SHOWN = 5_000


class CommentOut(TypedDict):
    """A comment, as visitors get it."""

    id: Annotated[str, {"format": "uuid"}]
    replyTo: Annotated[str | None, {"format": "uuid"}]
    name: str
    text: str
    createdAt: Annotated[int, {"minimum": 0, "description": "Milliseconds since the Unix epoch."}]


class ImageAnswers(TypedDict):
    """The answers to one image: vote counts for all choices of the page; comments, oldest first."""

    votes: dict[str, int]
    comments: list[CommentOut]


class VisitorAnswers(ImageAnswers):
    """The answers with one visitor's own vote, `mine`."""

    mine: str | None


class TakenAnswers(TypedDict):
    """The answers that a page takes: the choices for votes, and whether comments."""

    votes: list[str]
    comments: bool


class PageState(TypedDict):
    """A page for one visitor. Votes and comments are sent with `token`."""

    token: str
    closed: bool
    answers: TakenAnswers
    images: dict[str, VisitorAnswers]


class VoteCounted(TypedDict):
    """The votes for an image by choice, and this visitor's own."""

    votes: dict[str, int]
    mine: str | None


def answers_on(page: BoardPage, images: Collection[UUID] | None = None) -> dict[UUID, ImageAnswers]:
    """The answers to the images named; without names, to all images of the page that have any."""
    wanted = set(page.images) if images is None else set(images) & set(page.images)
    found: dict[UUID, ImageAnswers] = {} if images is None else {one: nothing_on(page) for one in wanted}
    votes = Vote.objects.filter(artifact=page.artifact_id, choice__in=page.votes).order_by()
    if images is not None:
        votes = votes.filter(image_id__in=wanted)
    for row in votes.values("image_id", "choice").annotate(count=Count("id")):
        if row["image_id"] in wanted:
            answers = found.setdefault(row["image_id"], nothing_on(page))
            answers["votes"][row["choice"]] = row["count"]
    for comment in _comments(page, None if images is None else wanted):
        if comment.image_id in wanted:
            found.setdefault(comment.image_id, nothing_on(page))["comments"].append(comment_out(comment))
    return found


def votes_of(page: BoardPage, image_id: UUID) -> dict[str, int]:
    """The vote counts of one image, for all choices of the page."""
    rows = Vote.objects.filter(artifact=page.artifact_id, image_id=image_id, choice__in=page.votes)
    counted = rows.order_by().values_list("choice").annotate(count=Count("id"))
    return dict.fromkeys(page.votes, 0) | dict(counted)


def choices_of(page: BoardPage, visitor: str) -> dict[UUID, str]:
    """One visitor's votes, by image."""
    rows = Vote.objects.filter(artifact=page.artifact_id, visitor=visitor, choice__in=page.votes)
    return dict(rows.values_list("image_id", "choice"))


def comment_out(comment: Comment) -> CommentOut:
    """One comment, as visitors get it."""
    return {
        "id": str(comment.pk),
        "replyTo": str(comment.reply_to_id) if comment.reply_to_id else None,
        "name": comment.name,
        "text": comment.text,
        "createdAt": epoch_ms(comment.created_at),
    }


def shown_comments() -> QuerySet[Comment]:
    """Comments that are not hidden and do not reply to a hidden one."""
    return Comment.objects.filter(is_hidden=False).exclude(reply_to__is_hidden=True)


def _comments(page: BoardPage, images: Collection[UUID] | None) -> list[Comment]:
    """The newest comments, oldest first, without replies to comments that are left out."""
    if not page.comments:
        return []
    rows = shown_comments().filter(artifact=page.artifact_id)
    if images is not None:
        rows = rows.filter(image_id__in=images)
    newest = list(rows.order_by("-id")[:MOST_SHOWN])
    known = {comment.pk for comment in newest}
    return [one for one in newest[::-1] if one.reply_to_id is None or one.reply_to_id in known]


def nothing_on(page: BoardPage) -> ImageAnswers:
    """The answers to an image that has none."""
    return {"votes": dict.fromkeys(page.votes, 0), "comments": []}
