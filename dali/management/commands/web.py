"""Production's web process: pages, API and stream. Several may run, beside Celery workers."""

from typing import NoReturn

from django.conf import settings
from django.db import connections

from artifacts.publishing.viewlog import view_log
from dali.lib.db.postgresql.waits import wait_at_most
from dali.lib.errors import RefusedStartError
from dali.lib.objects.probe import refuse_start
from dali.management.serving import ServingCommand
from dali.server.bootstrap import missing_migrations
from dali.server.protocols.sockets import bind, origin_of
from dali.warmup import warm_up

# The longest wait for a database connection. Then the answer is 503, which must be sent within 5 s in all.
REQUEST_WAITS_S = 2.0


class Command(ServingCommand):
    """`manage.py web`."""

    help = (
        "Serves pages, API and stream on HOST and PORT, without a worker: production's web process. Several"
        " may run. Stops gracefully on SIGTERM or Ctrl-C, at once on a second Ctrl-C."
    )

    def serve(self) -> NoReturn:
        """See ServingCommand."""
        if settings.IS_EMBEDDED:
            raise RefusedStartError(
                "web is production's web process and needs a task queue: set REDIS_URL, or run `manage.py serve`."
            )
        if missing := missing_migrations():
            raise RefusedStartError(f"The database lacks {missing} migrations: run `manage.py migrate`.")
        wait_at_most(REQUEST_WAITS_S)
        connections.close_all()
        refuse_start()
        view_log().check_writable()
        warm_up()
        listener = bind(settings.HOST, settings.PORT)
        greeting = f"Dali's web process is ready at {origin_of(listener)}/"
        self.run_server(listener, background=view_log(), greeting=greeting)
