"""Production's worker of the view log."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from artifacts.tasks import VIEWS_QUEUE


class Command(BaseCommand):
    """`manage.py log_views`. One is enough; several share the work.

    Celery's own command cannot start it: batches need a prefetch of 0, which `celery worker` takes for "not given".
    """

    help = "Production's worker of the view log: writes the views of public pages in batches."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_EMBEDDED:
            raise CommandError(
                "log_views needs a task queue outside the process: set REDIS_URL; `manage.py serve` logs views itself."
            )
        worker = current_app.Worker(
            hostname=f"{VIEWS_QUEUE}@%h",
            queues=[VIEWS_QUEUE],
            pool="threads",
            concurrency=1,
            prefetch_multiplier=0,
            without_gossip=True,
            without_mingle=True,
        )
        worker.start()
        if worker.exitcode:
            raise SystemExit(worker.exitcode)
