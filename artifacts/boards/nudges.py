"""Hints that something was said on a page, from any thread to those who have it open, in every process.

The rows are the truth: a hint that is lost costs those who look some seconds (artifacts.boards.live). Hints travel
as the stream's do, under a name that no session can have.
"""

from collections.abc import Collection
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from artifacts.models import Artifact
from dali.lib.web.streams import broadcast

# In place of an image's id: look at all of the page.
WHOLE_PAGE = "*"


def tell(artifact_id: UUID, images: Collection[UUID] = ()) -> None:
    """Hints, once the transaction is committed, that these images were answered to; without any, at the whole page."""
    names = [str(image) for image in images] or [WHOLE_PAGE]
    events = [(0, name) for name in names]
    transaction.on_commit(partial(broadcast.publish, channel_of(artifact_id), events))


def group_of(artifact_id: UUID) -> str:
    """The channel layer's group of a page."""
    return broadcast.group_of(channel_of(artifact_id))


def images_in(message: dict[str, Any]) -> set[str]:
    """What a hint is about: ids of images, or WHOLE_PAGE."""
    return {str(name) for _, name in message.get("events", [])}


def channel_of(artifact_id: UUID) -> str:
    """What a page is called where sessions are: the blank keeps it apart from them."""
    return f"page {artifact_id}"


def artifact_changed(instance: Artifact, **_: object) -> None:
    """Receives `post_save` and `post_delete`: a page may have been closed, taken back, built anew."""
    if instance.public_slug:
        tell(instance.pk)
