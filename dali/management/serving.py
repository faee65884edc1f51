"""What the commands `serve` and `web` share: refused starts, and the server itself."""

import sys
from abc import abstractmethod
from socket import socket
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management.base import BaseCommand

from dali.lib.errors import RefusedStartError
from dali.start import refuse

if TYPE_CHECKING:
    from dali.server.process import Background


class ServingCommand(BaseCommand):
    """Runs `serve`; a refused start ends the process with one line and its exit code."""

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        """Called by Django."""
        try:
            self.serve()
        except RefusedStartError as error:
            refuse(str(error), exit_code=error.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)

    @abstractmethod
    def serve(self) -> NoReturn:
        """Checks, prepares and calls `run_server`. Raises RefusedStartError."""

    def run_server(self, listener: socket, *, background: "Background", greeting: str) -> NoReturn:
        """Serves until the process is stopped; prints the greeting once the server is ready."""
        # Imported late: the import installs Twisted's reactor, and the application reads the settings.
        from dali.asgi import application
        from dali.server import process
        from dali.server.web import WebServer

        process.raise_file_limit()
        process.run(
            WebServer(application, listener),
            background=background,
            on_ready=lambda: self.stdout.write(greeting),
        )
