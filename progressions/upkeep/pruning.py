"""Removes rows that are too old, and ends cancelled variants whose worker is dead."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from progressions.enums import VariantStatus
from progressions.models import Event, Rewrite, StreamSession, Variant
from progressions.pipeline import writes
from progressions.work import held_answers, idempotency, leases

log = structlog.get_logger(__name__)

# How long a rewritten prompt is kept; the same prompt within this time costs nothing.
REWRITES_DAYS = 30
PRUNE_ROWS = 5000


def end_cancelled(**kwargs: object) -> int:
    """Ends variants of cancelled jobs whose worker is dead; sends no messages."""
    jobs = (
        Variant.objects.filter(leases.unheld(), status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))
        .filter(job__cancel_requested_at__isnull=False, progression__isnull=True)
        .values_list("job_id", flat=True)
        .distinct()
    )
    for job_id in list(jobs):
        writes.cancel_job(job_id=job_id)
    return 0


def tidy(**kwargs: object) -> None:
    """Removes events, idempotency keys and rewritten prompts that are too old."""
    now = timezone.now()
    idempotency.forget_old_keys()
    Rewrite.objects.filter(created_at__lt=now - timedelta(days=REWRITES_DAYS)).delete()
    held_answers.forget_ended()
    pruned = prune_events(now - timedelta(days=settings.EVENTS_KEEP_DAYS))
    log.info("tidied", events=pruned)


def prune_events(before: datetime) -> int:
    """Removes events older than `before`, oldest first; each session records how far. Returns how many."""
    removed = 0
    while True:
        old = Event.objects.filter(created_at__lt=before).order_by("created_at")
        ids = list(old.values_list("id", flat=True)[:PRUNE_ROWS])
        if not ids:
            return removed
        with transaction.atomic():
            rows = Event.objects.filter(id__in=ids)
            for row in rows.order_by().values("session_id").annotate(newest=Max("seq")):
                StreamSession.objects.filter(
                    session_id=row["session_id"], pruned_seq__lt=row["newest"]
                ).update(pruned_seq=row["newest"])
            removed += rows.delete()[0]
