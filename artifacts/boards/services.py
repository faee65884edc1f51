"""Writes answers: votes, comments, hiding, closing."""

import contextlib
from collections.abc import Iterator
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from artifacts.boards import nudges
from artifacts.boards.pages import BoardPage, page_of
from artifacts.boards.totals import shown_comments
from artifacts.models import Artifact, Comment, Vote
from dali.lib.errors import ConflictError, InputError, MissingError

log = structlog.get_logger(__name__)

# Of one visitor on one page, with hidden ones.
MOST_COMMENTS = 500


class TooManyError(ConflictError):
    """A visitor has written the most comments that a page takes."""


def cast_vote(*, page: BoardPage, visitor: str, image_id: UUID, choice: str) -> None:
    """Stores a visitor's vote for an image in place of an earlier one; an empty choice withdraws it.

    Raises InputError for an image or a choice that the page does not have.
    """
    _check_image(page, image_id)
    if choice and choice not in page.votes:
        raise InputError("choice", f"'{choice[:40]}' is not a choice here; known: {', '.join(page.votes)}")
    own = {"artifact_id": page.artifact_id, "image_id": image_id, "visitor": visitor}
    with _artifact_there(), transaction.atomic():
        if choice:
            # One statement: of two concurrent votes one inserts and the other updates.
            Vote.objects.bulk_create(
                [Vote(**own, choice=choice, updated_at=timezone.now())],
                update_conflicts=True,
                unique_fields=["artifact", "image_id", "visitor"],
                update_fields=["choice", "updated_at"],
            )
        else:
            Vote.objects.filter(**own).delete()
        nudges.tell(page.artifact_id, [image_id])


def add_comment(
    *, page: BoardPage, visitor: str, image_id: UUID, reply_to: UUID | None, name: str, text: str
) -> Comment:
    """Stores a comment on an image, or a reply to a comment on it.

    Raises InputError for an image that is not on the page or a comment that takes no reply, TooManyError.
    """
    _check_image(page, image_id)
    if reply_to is not None:
        _check_reply(page, image_id, reply_to)
    if Comment.objects.filter(artifact=page.artifact_id, visitor=visitor).count() >= MOST_COMMENTS:
        raise TooManyError(f"You have written {MOST_COMMENTS} comments on this page, which is the limit.")
    comment = Comment(
        artifact_id=page.artifact_id,
        image_id=image_id,
        reply_to_id=reply_to,
        visitor=visitor,
        name=name,
        text=text,
    )
    with _artifact_there(), transaction.atomic():
        comment.save(force_insert=True)
        nudges.tell(page.artifact_id, [image_id])
    return comment


def set_hidden(*, comments: QuerySet[Comment], is_hidden: bool) -> int:
    """Hides comments from visitors, or restores them; returns how many changed."""
    with transaction.atomic():
        changed = comments.exclude(is_hidden=is_hidden)
        places = set(changed.order_by().values_list("artifact_id", "image_id"))
        count = Comment.objects.filter(pk__in=list(changed.values_list("pk", flat=True))).update(
            is_hidden=is_hidden
        )
        for artifact_id in {artifact_id for artifact_id, _ in places}:
            nudges.tell(artifact_id, [image for owner, image in places if owner == artifact_id])
    log.info("comments_hidden" if is_hidden else "comments_restored", count=count)
    return count


def set_closed(*, artifact: Artifact, is_closed: bool) -> Artifact:
    """Closes a page to new votes and comments, or opens it again. Idempotent.

    Raises ConflictError for an artifact whose page takes no answers.
    """
    if not page_of(artifact).takes_answers:
        raise ConflictError("the page of this artifact takes no votes or comments")
    if (artifact.closed_at is not None) != is_closed:
        artifact.closed_at = timezone.now() if is_closed else None
        artifact.save(update_fields=["closed_at", "updated_at"])
        log.info("page_closed" if is_closed else "page_reopened", artifactId=str(artifact.pk))
    return artifact


def _check_image(page: BoardPage, image_id: UUID) -> None:
    if image_id not in page.images:
        raise InputError("imageId", f"'{image_id}' is not on this page")


def _check_reply(page: BoardPage, image_id: UUID, reply_to: UUID) -> None:
    rows = shown_comments().filter(artifact=page.artifact_id, image_id=image_id)
    above = rows.filter(pk=reply_to).first()
    if above is None:
        raise InputError("replyTo", f"'{reply_to}' is not a comment on this image")
    if above.reply_to_id is not None:
        raise InputError("replyTo", "that comment is itself a reply; reply to the one above it")


@contextlib.contextmanager
def _artifact_there() -> Iterator[None]:
    """Raises MissingError if the artifact, or the comment replied to, was deleted meanwhile."""
    try:
        yield
    except IntegrityError as error:
        raise MissingError("This page was deleted just now.") from error
