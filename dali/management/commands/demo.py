"""Starts the embedded server, runs a real job through its API and shows it, then keeps serving."""

import os
import secrets
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dali.demo.client import Client
from dali.demo.terminal import JobScreen
from dali.lib.calls.failures import how_it_failed
from dali.lib.files.data_lock import DataLock, DirectoryInUseError
from dali.server.bootstrap import ADMIN, FirstSecrets, prepare
from dali.server.protocols.sockets import ListenError, bind
from projects.models import ApiKey

PROMPT = "a lighthouse on a cliff at dusk, warm light, oil on canvas"
VARIANTS = 4
LATENCY_S = 1.5  # slow enough to watch
START_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0


class Command(BaseCommand):
    """`manage.py demo`, which `make demo` runs."""

    help = "Starts a server and shows one job with four variants of the built-in provider. Ctrl-C stops it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when the job has ended")
        parser.add_argument("--prompt", default=PROMPT)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_EMBEDDED:
            raise CommandError("demo is for the embedded server: unset REDIS_URL and CELERY_BROKER_URL")
        made = prepare_directory()
        key = made.api_key or temporary_key()
        port = free_port(settings.PORT)
        origin = f"http://127.0.0.1:{port}"
        signal.signal(signal.SIGTERM, stop)
        server = start_server(port)
        try:
            wait_until_ready(origin, server)
            screen = run_job(Client(origin, key), options["prompt"])
            self.stdout.write("")
            screen.report()
            self.stdout.write(farewell(origin, made))
            if options["once"]:
                sys.exit(0 if screen.is_all_complete else 1)
            self.stdout.write("Serving until Ctrl-C.")
            server.wait()
        except requests.RequestException as error:
            raise CommandError(f"the server did not answer correctly: {how_it_failed(error)}") from error
        except KeyboardInterrupt:
            self.stdout.write("")
        finally:
            end_server(server)


def prepare_directory() -> FirstSecrets:
    """Migrates and seeds. Raises CommandError if a server already uses the data directory."""
    lock = DataLock(settings.DATA_DIR)
    try:
        lock.take()
        return prepare()
    except DirectoryInUseError as error:
        raise CommandError(str(error)) from error
    finally:
        lock.release()


def temporary_key() -> str:
    """A key for this demonstration, valid for an hour."""
    _, key = ApiKey.objects.create_key(name="demo", expiry_date=timezone.now() + timedelta(hours=1))
    return key


def free_port(wanted: int) -> int:
    """The wanted port if it is free, otherwise any free port."""
    for port in (wanted, 0):
        with suppress(ListenError), bind("127.0.0.1", port) as listener:
            return int(listener.getsockname()[1])
    raise CommandError("this machine has no free port")


def start_server(port: int) -> "subprocess.Popen[bytes]":
    """Starts `manage.py serve` as a child process with this process's environment."""
    environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(port)}
    environment.setdefault("DALI_LOG_LEVEL", "WARNING")  # the progress bars show the same
    return subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve"], env=environment
    )


def wait_until_ready(origin: str, server: "subprocess.Popen[bytes]") -> None:
    """Returns once the server is ready. Raises CommandError if it ends or takes too long."""
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise CommandError("the server has stopped; see its messages above", returncode=1)
        try:
            Client(origin, "").get("/readyz")
        except (requests.ConnectionError, requests.HTTPError):
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"the server was not ready within {START_WITHIN_S:g} s; see {origin}/readyz")


def run_job(client: Client, prompt: str) -> JobScreen:
    """Submits the job by the API and shows its events until it ends."""
    session_id = f"demo-{secrets.token_hex(6)}"
    project = client.post("/api/projects", {"name": f"Demo of {timezone.now():%d %B %Y, %H:%M}"})
    job = client.post(
        f"/api/projects/{project['id']}/jobs",
        {
            "prompt": prompt,
            "providers": ["mock"],
            "variants": VARIANTS,
            "sessionId": session_id,
            "options": {"mock": {"latency_s": LATENCY_S}},
        },
    )
    screen = JobScreen(job["jobId"])
    screen.follow(client.events(session_id))
    return screen


def farewell(origin: str, made: FirstSecrets) -> str:
    """The closing text: where to look, and the secrets of a first start."""
    lines = ["", f"Open the images at the addresses above, or all of them at {origin}/"]
    if made.api_key:
        lines.append(f"API key of this first start, shown this once:  {made.api_key}   (header X-Api-Key)")
    if made.admin_password:
        lines.append(f"Login of {origin}/admin/, shown this once:  {ADMIN} / {made.admin_password}")
    return "\n".join(lines)


def end_server(server: "subprocess.Popen[bytes]") -> None:
    """Stops the server; kills it if it does not stop in time."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def stop(_: int, __: FrameType | None) -> NoReturn:
    """Handles SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt
