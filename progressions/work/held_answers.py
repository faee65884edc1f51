"""Paid answers that the originals storage did not accept, held in the database until it does."""

from collections.abc import Mapping
from uuid import UUID

import structlog

from dali.lib.objects.storage import originals
from progressions.enums import VariantStatus
from progressions.models import HeldAnswer

log = structlog.get_logger(__name__)


def hold(variant_id: UUID, key: str, content: bytes, *, media_type: str, note: Mapping[str, object]) -> None:
    """Keeps an answer in the database. The first of two for one variant stays, as in the storage."""
    row = HeldAnswer(variant_id=variant_id, key=key, content=content, media_type=media_type, note=dict(note))
    HeldAnswer.objects.bulk_create([row], ignore_conflicts=True)
    log.warning("answer_held", key=key, bytes=len(content))


def store_held(variant_id: UUID) -> None:
    """Moves the variant's held answer, if it has one, to the storage. Raises UnavailableError."""
    row = HeldAnswer.objects.filter(variant_id=variant_id).first()
    if row is None:
        return
    originals().put_once(row.key, bytes(row.content), media_type=row.media_type, note=row.note)
    row.delete()
    log.info("held_answer_stored", key=row.key)


def forget_ended() -> int:
    """Deletes held answers of variants that have ended, for example by a cancelled job; returns how many."""
    waiting = (VariantStatus.QUEUED, VariantStatus.RUNNING)
    return HeldAnswer.objects.exclude(variant__status__in=waiting).delete()[0]
