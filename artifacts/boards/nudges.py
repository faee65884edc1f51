"""Hints that the answers on a page changed, from any thread to the readers in every process.

The rows are the truth: a lost hint costs readers some seconds (artifacts.boards.live). Hints use the stream's
broadcast, under a key that no session can have.
"""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from django.db import transaction

from artifacts.models import Artifact
from dali.lib.web.streams import broadcast

# In place of an image's id: look at all of the page.
WHOLE_PAGE = "*"


def tell(artifact_id: UUID, images: Collection[UUID] = ()) -> None:
    """Sends a hint after commit that the answers to these images changed; without images, that the whole page did."""
    names = [str(image) for image in images] or [WHOLE_PAGE]
    events = [(0, name) for name in names]
    transaction.on_commit(partial(broadcast.publish, key_of(artifact_id), events))


def key_of(artifact_id: UUID) -> str:
    """The key of a page's hints. Session ids have no space, so no session has the same key."""
    return f"page {artifact_id}"


def artifact_changed(instance: Artifact, **_: object) -> None:
    """Receives `post_save` and `post_delete`: the page may have been closed, unpublished or rebuilt."""
    if instance.public_slug:
        tell(instance.pk)
