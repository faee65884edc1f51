"""Serves everything from one process: pages, API, stream, worker and sweep."""

import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand

from artifacts.publishing.viewlog import view_log
from dali.lib.errors import RefusedStartError
from dali.lib.files.data_lock import DataLock, DirectoryInUseError
from dali.lib.objects.probe import refuse_start
from dali.server.bootstrap import ADMIN, FirstSecrets, prepare
from dali.server.protocols.sockets import ListenError, bind, origin_of
from dali.start import refuse
from dali.warmup import warm_up


class Command(BaseCommand):
    """`manage.py serve`."""

    help = (
        "Serves everything from one process; needs no other service. Listens on HOST and PORT, keeps its data in"
        " DALI_DATA_DIR. Stops gracefully on SIGTERM or Ctrl-C, at once on a second Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_EMBEDDED:
            refuse(
                "serve is the embedded server, but a task queue is configured: run `manage.py web` and"
                " `celery -A dali worker -P threads`, or set CELERY_BROKER_URL=memory://localhost/.",
                exit_code=1,
            )
        try:
            self._serve()
        except RefusedStartError as error:
            refuse(str(error), exit_code=error.exit_code)
        except (ListenError, DirectoryInUseError) as error:
            refuse(str(error), exit_code=1)
        except KeyboardInterrupt:
            sys.exit(130)

    def _serve(self) -> NoReturn:
        lock = DataLock(settings.DATA_DIR)
        lock.take()
        listener = bind(settings.HOST, settings.PORT)
        origin = origin_of(listener)
        if not settings.IS_PUBLIC_ORIGIN_GIVEN:
            settings.PUBLIC_ORIGIN = origin
        refuse_start()
        view_log().check_writable()
        made = prepare()
        warm_up()

        # Imported late: the import installs Twisted's reactor, and the application reads the settings.
        from dali.asgi import application
        from dali.server import process
        from dali.server.embedded import Engine
        from dali.server.web import WebServer

        engine = Engine()
        engine.take_over()
        process.raise_file_limit()
        process.run(
            WebServer(application, listener),
            background=engine,
            on_ready=lambda: self.stdout.write(welcome(origin, made)),
        )


def welcome(origin: str, made: FirstSecrets) -> str:
    """The text to print once the server is ready."""
    lines = [
        "",
        f"Dali is ready at {origin}/   (Ctrl-C stops it)",
        "",
        f"  Admin     {origin}/admin/",
        f"  API docs  {origin}/api/docs",
        f"  Schema    {origin}/api/schema",
        f"  Stream    {origin.replace('http', 'ws', 1)}/api/stream/{{sessionId}}",
        f"  Data      {settings.DATA_DIR}",
        "",
    ]
    if made.api_key or made.admin_password:
        lines.append(
            "First start. Save these now: they are shown only once, and only their hashes are stored."
        )
        if made.api_key:
            lines.append(f"  API key      {made.api_key}   (header X-Api-Key)")
        if made.admin_password:
            lines.append(f"  Admin login  {ADMIN} / {made.admin_password}")
        lines.append("")
    return "\n".join(lines)
