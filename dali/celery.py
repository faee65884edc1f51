"""The Celery application: one for the embedded worker and for production's worker processes."""

import os
import sys
from typing import TYPE_CHECKING, Any

import structlog
from celery import Celery
from celery.signals import (
    celeryd_after_setup,
    celeryd_init,
    setup_logging,
    worker_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from dali.lib.memory import share_heaps
from dali.start import read_settings, refuse_bad_settings, refuse_without_database

if TYPE_CHECKING:
    from progressions.work.sweep import Sweeper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

app = Celery("dali")
# Celery's current application belongs to a thread; requests run in threads that never saw this one made,
# and would send their messages to an application with no broker.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

log = structlog.get_logger(__name__)
_sweepers: "list[Sweeper]" = []


@app.on_configure.connect
def refuse_wrong_values(**kwargs: Any) -> None:
    """Called when Celery's command line first needs a setting; other entries have read them by then."""
    read_settings()


@setup_logging.connect
def keep_logs(**kwargs: Any) -> None:
    """A worker logs as the web process does: DaliConfig has set that up. Without a receiver Celery would set levels."""


@celeryd_init.connect
def check_start(**kwargs: Any) -> None:
    """A worker starts only with settings and a database that can be used; Celery would try the latter for ever."""
    import django

    django.setup()
    refuse_bad_settings()
    refuse_without_database()


@worker_init.connect
def check_storages(**kwargs: Any) -> None:
    """Production's worker starts only where it can store and what is stored stays; the embedded server asks itself."""
    from django.conf import settings

    from dali.lib.errors import RefusedStartError
    from dali.lib.objects.probe import refuse_start

    if settings.IS_EMBEDDED:
        return
    try:
        refuse_start()
    except RefusedStartError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)  # an error would be logged by Celery, and the worker start all the same


@celeryd_after_setup.connect
def load_plugins(instance: Any, **kwargs: Any) -> None:
    """Before a worker takes its first variant."""
    from dali.warmup import warm_up

    warm_up()


@worker_init.connect
def spare_memory(**kwargs: Any) -> None:
    """Before a worker starts its threads."""
    share_heaps()


@worker_ready.connect
def start_sweep(**kwargs: Any) -> None:
    """Each worker process of production sweeps, once it takes messages; the embedded server starts its own sweep."""
    from django.conf import settings

    from progressions.work.sweep import Sweeper

    if not settings.IS_EMBEDDED:
        sweeper = Sweeper()
        sweeper.start()
        _sweepers.append(sweeper)
        log.info("worker_ready")


@worker_shutting_down.connect
def stop_claiming(**kwargs: Any) -> None:
    """SIGTERM: rows under way are worked to their end (Celery waits for them), no others are taken."""
    from progressions.work import leases

    leases.stop_claiming()


@worker_shutdown.connect
def give_back(**kwargs: Any) -> None:
    """The worker ends: what it still holds is free for others at once, and not only when its leases end."""
    from django.conf import settings

    if settings.IS_EMBEDDED:
        return  # the embedded server gives back by itself, within the time that its stop may take
    from progressions.work import leases

    while _sweepers:
        _sweepers.pop().stop()
    leases.release_all()
