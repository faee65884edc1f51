"""The Celery application: one for the embedded worker and for production's worker processes."""

import os
from typing import TYPE_CHECKING, Any

import structlog
from celery import Celery, signals
from django.conf import settings

from dali.lib.errors import RefusedStartError
from dali.lib.memory import share_heaps
from dali.start import read_settings, refuse, refuse_bad_settings, refuse_without_database

if TYPE_CHECKING:
    from progressions.work.sweep import Sweeper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

app = Celery("dali")
# Celery's current application is per thread. Without a default, request threads would send their messages to an
# application without a broker.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

log = structlog.get_logger(__name__)
_sweepers: "list[Sweeper]" = []


@app.on_configure.connect
def refuse_wrong_values(**kwargs: Any) -> None:
    """Called when Celery's command line first needs a setting; other entry points have read them by then."""
    read_settings()


@signals.setup_logging.connect
def keep_logs(**kwargs: Any) -> None:
    """Keeps the logging that DaliConfig set up. Without a receiver Celery would set its own levels."""


@signals.celeryd_init.connect
def check_start(**kwargs: Any) -> None:
    """Refuses bad settings and an unusable database, which Celery would retry forever."""
    import django

    django.setup()
    refuse_bad_settings()
    refuse_without_database()


@signals.worker_init.connect
def check_storages(**kwargs: Any) -> None:
    """Refuses unusable storages for a production worker. The embedded server has its own check."""
    from dali.lib.objects.probe import refuse_start

    if settings.IS_EMBEDDED:
        return
    try:
        refuse_start()
    except RefusedStartError as error:
        refuse(
            str(error), exit_code=error.exit_code
        )  # Celery would log an exception and start the worker anyway


@signals.celeryd_after_setup.connect
def load_plugins(instance: Any, **kwargs: Any) -> None:
    """Loads plug-ins before a worker takes its first variant."""
    from dali.warmup import warm_up

    warm_up()


@signals.worker_init.connect
def spare_memory(**kwargs: Any) -> None:
    """Saves memory; must run before a worker starts its threads."""
    share_heaps()


@signals.worker_ready.connect
def start_sweep(**kwargs: Any) -> None:
    """Starts the sweep of a production worker. The embedded server starts its own."""
    from progressions.work.sweep import Sweeper

    if not settings.IS_EMBEDDED:
        sweeper = Sweeper()
        sweeper.start()
        _sweepers.append(sweeper)
        log.info("worker_ready")


@signals.worker_shutting_down.connect
def stop_claiming(**kwargs: Any) -> None:
    """On SIGTERM: takes no more rows. Celery waits for those that are in progress."""
    from progressions.work import leases

    leases.stop_claiming()


@signals.worker_shutdown.connect
def give_back(**kwargs: Any) -> None:
    """Releases the rows that an ending worker still holds, so that others need not wait for the leases to end."""
    if settings.IS_EMBEDDED:
        return  # the embedded server releases them itself, within its own time limit
    from progressions.work import leases

    while _sweepers:
        _sweepers.pop().stop()
    leases.release_all()
