"""Which variant or ingest is next: of the job served least recently, within the limits of the providers."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from dali.lib.db import connections
from dali.lib.files import disk
from progressions.enums import VariantStatus
from progressions.models import Job, Variant
from progressions.provider import providers
from progressions.work import claim_sql, leases, nudges, slots

log = structlog.get_logger(__name__)

# A message about a row may be under way this long before another is sent.
MESSAGE_S = 30


def claim_next() -> leases.Lease | None:
    """Takes the next row that is due: of the job served least recently, its lowest variant; None if nothing is due.

    A job whose images are to be fetched is itself what is taken. Variants are skipped if their provider has as many
    calls under way as this process may have; a variant that is taken holds a slot until its answer is stored or it
    ends. With little disk space left, only variants that are answered already are taken.
    """
    if leases.is_stopping():
        return None
    is_short = disk.is_short()
    most = {} if is_short else slots.limits()
    if not most:
        found = _claim([provider.name for provider in providers.all()] if is_short else ())
        return None if found is None else found[0]
    with slots.gate():
        full = slots.full(most)
        found = _claim(full)
        if found is None:
            slots.nothing_left(full)
            return None
        lease, taken = found
        if taken.provider in most and not taken.is_answered:
            slots.hold(lease, taken.provider)
        return lease


def _claim(left_out: Sequence[str]) -> tuple[leases.Lease, claim_sql.Taken] | None:
    for _ in range(20):
        now = connections.now()
        job = claim_sql.neediest_job(now, left_out)
        if job is None:
            return None
        with transaction.atomic():
            until = now + timedelta(seconds=leases.LEASE_S)
            taken = claim_sql.take(job, owner=leases.OWNER, now=now, until=until, left_out=left_out)
        if taken is not None:
            lease = leases.Lease(Job if job.is_ingest else Variant, taken.id, taken.token)
            return leases.hold(lease, leases.STEP_LIMIT_S), taken
    return None  # other workers were faster each time; they or the sweep come back to what is left


def nudge_due(**kwargs: object) -> int:
    """Sends messages about due variants and ingests for which no message is under way; returns how many."""
    now = connections.now()
    silent_since, most = now - timedelta(seconds=MESSAGE_S), settings.WORKER_THREADS
    count = 0
    for model in (Variant, Job):
        ids = claim_sql.to_nudge(model, now, silent_since=silent_since, most=most)
        if ids:
            model._default_manager.filter(id__in=ids).update(nudged_at=now)
        count += len(ids)
    nudges.nudge(count)
    if count:
        log.debug("nudged", rows=count)
    return count


def forget_nudges() -> None:
    """Lets the sweep send messages about all unfinished rows at once: those of a killed embedded server are lost."""
    for model in (Job, Variant):
        rows = model._default_manager.filter(status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))
        rows.filter(nudged_at__isnull=False).update(nudged_at=None)
