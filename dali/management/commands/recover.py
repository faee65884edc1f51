"""Finishes jobs that were left unfinished, on a machine without a running server."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Count, Q
from django.utils import timezone

from dali.server.local_worker import ensured_worker
from progressions.enums import VariantStatus
from progressions.models import ImageProgression, Job, Variant
from progressions.work import sweep

POLL_S = 0.3
UNFINISHED = (VariantStatus.QUEUED, VariantStatus.RUNNING)


class Command(BaseCommand):
    """`manage.py recover`. Running servers and workers do all this themselves."""

    help = "Resumes jobs that are due or were lost until all have ended, and shows how they ended."

    def handle(self, *args: Any, **options: Any) -> None:
        with ensured_worker() as is_ours:
            jobs = unfinished_jobs()
            for job_id, variants in jobs.items():
                self.stdout.write(f"job {job_id}: {variants} not ended")
            if is_ours:
                wait_until_nothing_is_due()
            elif settings.IS_EMBEDDED:
                self.stdout.write("A server is running: it resumes them by itself.")
                return
            else:
                self.stdout.write(f"{sweep.look()} messages sent to the workers.")
                return
        for job_id in jobs:
            self.stdout.write(f"job {job_id}: {outcome(job_id)}")
        self.stdout.write(f"{len(jobs)} jobs resumed." if jobs else "Nothing was unfinished.")


def unfinished_jobs() -> dict[str, int]:
    """The number of variants that have not ended, by job id."""
    rows = Job.objects.annotate(left=Count("variants", filter=Q(variants__status__in=UNFINISHED))).filter(
        left__gt=0
    )
    return {str(job.id): job.left for job in rows.order_by("created_at")}


def wait_until_nothing_is_due() -> None:
    """Returns when every variant has ended and no image is due for judging."""
    while True:
        is_judging = ImageProgression.objects.filter(judge_due_at__lte=timezone.now()).exists()
        if not is_judging and not Variant.objects.filter(status__in=UNFINISHED).exists():
            return
        time.sleep(POLL_S)


def outcome(job_id: str) -> str:
    """How the job's variants ended, as text."""
    rows = (
        Variant.objects.filter(job_id=job_id).order_by("status").values_list("status").annotate(Count("id"))
    )
    return ", ".join(f"{count} {status}" for status, count in rows)
