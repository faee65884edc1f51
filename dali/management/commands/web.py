"""Production's web process: pages, API and stream. Several may run, beside Celery workers."""

import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from artifacts.publishing.viewlog import view_log
from dali.lib.db.postgresql.waits import wait_at_most
from dali.lib.errors import RefusedStartError
from dali.lib.objects.probe import refuse_start
from dali.server.bootstrap import missing_migrations
from dali.server.protocols.sockets import ListenError, bind, origin_of
from dali.start import refuse
from dali.warmup import warm_up

# The longest wait for a database connection. Then the answer is 503, which must be sent within 5 s in all.
REQUEST_WAITS_S = 2.0


class Command(BaseCommand):
    """`manage.py web`."""

    help = (
        "Serves pages, API and stream on HOST and PORT, without a worker: production's web process. Several"
        " may run. Stops gracefully on SIGTERM or Ctrl-C, at once on a second Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_EMBEDDED:
            refuse(
                "web is production's web process and needs a task queue: set REDIS_URL, or run `manage.py serve`.",
                exit_code=1,
            )
        if missing := missing_migrations():
            refuse(f"The database lacks {missing} migrations: run `manage.py migrate`.", exit_code=1)
        wait_at_most(REQUEST_WAITS_S)
        connections.close_all()
        try:
            refuse_start()
            view_log().check_writable()
            warm_up()
            self._serve()
        except RefusedStartError as error:
            refuse(str(error), exit_code=error.exit_code)
        except ListenError as error:
            refuse(str(error), exit_code=1)
        except KeyboardInterrupt:
            sys.exit(130)

    def _serve(self) -> NoReturn:
        listener = bind(settings.HOST, settings.PORT)

        # Imported late: the import installs Twisted's reactor.
        from dali.asgi import application
        from dali.server import process
        from dali.server.web import WebServer

        process.raise_file_limit()
        process.run(
            WebServer(application, listener),
            background=view_log(),
            on_ready=lambda: self.stdout.write(f"Dali's web process is ready at {origin_of(listener)}/"),
        )
