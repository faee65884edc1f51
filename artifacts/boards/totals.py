"""What was said on a page, as every visitor sees it: votes counted, comments in their order."""

from collections.abc import Collection
from typing import Annotated, TypedDict
from uuid import UUID

from django.db.models import Count, QuerySet

from artifacts.boards.pages import BoardPage
from artifacts.models import Comment, Vote
from dali.lib.clock import epoch_ms

# Older ones are kept, but no page shows more.
MOST_SHOWN = 5_000


class CommentOut(TypedDict):
    """A comment, as visitors get it."""

    id: Annotated[str, {"format": "uuid"}]
    replyTo: Annotated[str | None, {"format": "uuid"}]
    name: str
    text: str
    createdAt: Annotated[int, {"minimum": 0, "description": "Milliseconds since the Unix epoch."}]


class ImageAnswers(TypedDict):
    """What was said of one image: votes by choice, all choices of the page; comments, oldest first."""

    votes: dict[str, int]
    comments: list[CommentOut]


class VisitorAnswers(ImageAnswers):
    """The same for one visitor; `mine` is what that visitor chose."""

    mine: str | None


class TakenAnswers(TypedDict):
    """What a page takes: votes by these choices, comments or not."""

    votes: list[str]
    comments: bool


class PageState(TypedDict):
    """A page for one visitor; `token` is what a vote or comment is sent with."""

    token: str
    closed: bool
    answers: TakenAnswers
    images: dict[str, VisitorAnswers]


class VoteCounted(TypedDict):
    """Votes for an image by choice, and this visitor's."""

    votes: dict[str, int]
    mine: str | None


def answers_on(page: BoardPage, images: Collection[UUID] | None = None) -> dict[UUID, ImageAnswers]:
    """What was said of the images named, or of those of the page that anything was said of."""
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
    """Votes for one image by choice, all choices of the page."""
    rows = Vote.objects.filter(artifact=page.artifact_id, image_id=image_id, choice__in=page.votes)
    counted = rows.order_by().values_list("choice").annotate(count=Count("id"))
    return dict.fromkeys(page.votes, 0) | dict(counted)


def choices_of(page: BoardPage, visitor: str) -> dict[UUID, str]:
    """What one visitor chose, by image."""
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
    """Comments that are not hidden, and not under one that is."""
    return Comment.objects.filter(is_hidden=False).exclude(reply_to__is_hidden=True)


def _comments(page: BoardPage, images: Collection[UUID] | None) -> list[Comment]:
    """The newest, oldest first; no reply without what it replies to."""
    if not page.comments:
        return []
    rows = shown_comments().filter(artifact=page.artifact_id)
    if images is not None:
        rows = rows.filter(image_id__in=images)
    newest = list(rows.order_by("-id")[:MOST_SHOWN])
    if len(newest) < MOST_SHOWN:
        return newest[::-1]
    known = {comment.pk for comment in newest}
    return [one for one in newest[::-1] if one.reply_to_id is None or one.reply_to_id in known]


def nothing_on(page: BoardPage) -> ImageAnswers:
    """What an image has that nothing was said of."""
    return {"votes": dict.fromkeys(page.votes, 0), "comments": []}
