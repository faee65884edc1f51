"""The sweep: every few seconds, one process looks for work that is due, lost or forgotten, and for what is too old."""

import threading
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q
from django.dispatch import Signal
from django.utils import timezone

from dali.lib.db import connections
from dali.lib.db.errors import classify
from progressions.enums import VariantStatus
from progressions.models import Duty, Event, Job, Rewrite, StreamSession, Variant
from progressions.pipeline import late_judging, writes
from progressions.work import claim_sql, held_answers, idempotency, nudges, wakeups

log = structlog.get_logger(__name__)

# A message about a row may be under way this long before another is sent.
MESSAGE_S = 30
# Two sweeps are at least this far apart, however many processes there are.
LEAST_S = 0.4
TIDY_S = 3600
# A prompt that comes again within this time is not written anew.
REWRITES_DAYS = 30
PRUNE_ROWS = 5000

# Sent at each sweep, by the one process that sweeps: apps above look for lost work of their own.
swept = Signal()


class Sweeper:
    """The thread that sweeps."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Sweeps from now on, the first time at once."""
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self, wait_s: float = 2.0) -> None:
        """Sweeps no longer; waits for a sweep under way at most that long."""
        self._stop.set()
        wakeups.wake_after(0)
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        trouble = None
        while not self._stop.is_set():
            try:
                sweep()
            except Exception as error:  # noqa: BLE001 - the thread must outlive a database or broker that is away
                trouble = _told(error, earlier=trouble)
            else:
                if trouble is not None:
                    log.info("sweep_goes_on")
                trouble = None
            finally:
                connection.close()
            wakeups.wait(settings.SWEEP_S)


def _told(error: Exception, *, earlier: str | None) -> str:
    """Writes one line about a database that is away, however often it is found so; a fault of ours each time."""
    trouble = classify(error)
    if trouble is None:
        log.error("sweep_failed", exc_info=error)
    elif trouble != earlier:
        log.error("sweep_waits", trouble=trouble.value, error=str(error)[:500])
    return trouble or "failed"


def sweep() -> int:
    """One round: ends what was cancelled, sends messages about what is due, tidies once an hour.

    Returns how many messages were sent. One process at a time; the others return 0.
    """
    if not _take_duty("sweep", LEAST_S):
        wakeups.wake_after(LEAST_S)  # what became due since the last sweep must not wait for the next but one
        return 0
    end_cancelled()
    sent = nudge_due()
    swept.send(sender=sweep)
    if _take_duty("tidy", TIDY_S):
        tidy()
    return sent


def nudge_due() -> int:
    """Sends messages about rows that are due and about which none is under way; returns how many."""
    now = connections.now()
    silent_since, most = now - timedelta(seconds=MESSAGE_S), settings.WORKER_THREADS
    variants = claim_sql.variants_to_nudge(now, silent_since=silent_since, most=most)
    jobs = claim_sql.ingests_to_nudge(now, silent_since=silent_since, most=most)
    if variants:
        Variant.objects.filter(id__in=variants).update(nudged_at=now)
    if jobs:
        Job.objects.filter(id__in=jobs).update(nudged_at=now)
    images = late_judging.due_for_judging(most)
    nudges.nudge(len(variants) + len(jobs))
    nudges.nudge_judging(images)
    if variants or jobs or images:
        log.debug("nudged", variants=len(variants), jobs=len(jobs), images=len(images))
    return len(variants) + len(jobs) + len(images)


def end_cancelled() -> int:
    """Ends variants of cancelled jobs whose worker is dead; returns of how many jobs."""
    now = connections.now()
    dead = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    jobs = (
        Variant.objects.filter(dead, status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))
        .filter(job__cancel_requested_at__isnull=False, progression__isnull=True)
        .values_list("job_id", flat=True)
        .distinct()
    )
    ended = 0
    for job_id in list(jobs):
        writes.cancel_job(job_id=job_id)
        ended += 1
    return ended


def tidy() -> None:
    """Prunes events, idempotency keys and rewritten prompts that are older than they are kept."""
    now = timezone.now()
    idempotency.forget_old_keys()
    Rewrite.objects.filter(created_at__lt=now - timedelta(days=REWRITES_DAYS)).delete()
    held_answers.forget_ended()
    pruned = prune_events(now - timedelta(days=settings.EVENTS_KEEP_DAYS))
    log.info("tidied", events=pruned)


def prune_events(before: datetime) -> int:
    """Removes events older than `before`, oldest first; each session keeps note of how far. Returns how many."""
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


def _take_duty(name: str, every_s: float) -> bool:
    """Whether this process is the one to do the duty now; the next time is `every_s` seconds from now."""
    now = connections.now()
    Duty.objects.get_or_create(name=name, defaults={"due_at": now})
    taken = Duty.objects.filter(name=name, due_at__lte=now).update(due_at=now + timedelta(seconds=every_s))
    return taken == 1
