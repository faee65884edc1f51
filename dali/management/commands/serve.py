"""Serves everything from one process: pages, API, stream, worker and sweep."""

from typing import NoReturn

from django.conf import settings

from artifacts.publishing.viewlog import view_log
from dali.lib.errors import RefusedStartError
from dali.lib.files.data_lock import DataLock
from dali.lib.objects.probe import refuse_start
from dali.management.serving import ServingCommand
from dali.server.bootstrap import ADMIN, FirstSecrets, prepare
from dali.server.embedded import Engine
from dali.server.protocols.sockets import bind, origin_of
from dali.warmup import warm_up


class Command(ServingCommand):
    """`manage.py serve`."""

    help = (
        "Serves everything from one process; needs no other service. Listens on HOST and PORT, keeps its data in"
        " DALI_DATA_DIR. Stops gracefully on SIGTERM or Ctrl-C, at once on a second Ctrl-C."
    )

    def serve(self) -> NoReturn:
        """See ServingCommand."""
        if not settings.IS_EMBEDDED:
            raise RefusedStartError(
                "serve is the embedded server, but a task queue is configured: run `manage.py web` and"
                " `celery -A dali worker -P threads`, or set CELERY_BROKER_URL=memory://localhost/."
            )
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
        engine = Engine()
        engine.take_over()
        self.run_server(listener, background=engine, greeting=welcome(origin, made))


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
