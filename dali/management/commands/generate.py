"""Submits one job from a terminal and shows it until it ends."""

import json
import secrets
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rest_framework.exceptions import ParseError, ValidationError

from dali.demo.terminal import JobScreen
from dali.lib.errors import DaliError, InputError
from dali.lib.logs import quieter
from dali.lib.texts import composed, decomposed
from dali.lib.web.input.bodies import first_fault
from dali.lib.web.input.fields import shown
from dali.lib.web.input.strict_json import parse_text
from dali.server.local_worker import ensured_worker
from progressions.models import Event, Job
from progressions.pipeline import ingest
from progressions.pipeline.intake.body import JobInSerializer
from progressions.pipeline.intake.submit import submit_job
from projects.models import Project
from projects.queries import get_bare_project
from projects.services import create_project

PROJECT = "From the command line"
POLL_S = 0.1
BAD_INPUT = 2
INTERRUPTED = 130
# Options that are the API's fields under their own names.
PLAIN = {
    "kind": "kind",
    "size": "size",
    "seed": "seed",
    "max_cost_usd": "maxCostUsd",
    "parent": "parentProgressionId",
}


# Options that replace the API's field names in messages.
OPTIONS = {
    "startImageUrl": "--start-image",
    "maskImageUrl": "--mask-image",
    "parentProgressionId": "--parent",
    "maxCostUsd": "--max-cost-usd",
}


class Command(BaseCommand):
    """`manage.py generate PROMPT`. A running server or worker does the work; without one, this process does."""

    help = (
        "Submits a job and shows its progress. Exit code: 0 if every variant has an image, 1 if one has not,"
        " 2 for bad input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompt")
        parser.add_argument("--providers", default="mock", help="separated by commas; default: mock")
        parser.add_argument("--variants", type=int, default=1, help="of each provider; default: 1")
        parser.add_argument(
            "--project", default=PROJECT, help=f"id or name, created if new; default: {PROJECT}"
        )
        parser.add_argument("--start-image", help="a file, or an address as startImageUrl takes it")
        parser.add_argument("--mask-image", help="a file, or an address as maskImageUrl takes it")
        parser.add_argument("--parent", help="id of the progression to build on")
        parser.add_argument("--kind", help="generate, edit, inpaint, outpaint, variation or upscale")
        parser.add_argument("--size", help="as 1024x768")
        parser.add_argument("--seed", type=int)
        parser.add_argument("--model", action="append", default=[], metavar="PROVIDER=MODEL")
        parser.add_argument("--max-cost-usd", type=float)
        parser.add_argument("--allow-duplicates", action="store_true", help="keep near-duplicates")
        parser.add_argument("--options", default="{}", help='JSON by provider, as {"mock": {"latency_s": 2}}')

    @quieter()  # the bars show the same
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ensured_worker() as is_ours:
                job = submit(options)
                screen = JobScreen(str(job.id))
                screen.follow(events_of(job))
        except KeyboardInterrupt:
            self.stderr.write("Stopped. The next server continues the job, or run: manage.py recover")
            sys.exit(INTERRUPTED)
        screen.report()
        if is_ours:
            self.stdout.write("No server is running. `make run` serves the addresses above.")
        if not screen.is_all_complete:
            sys.exit(1)


def submit(options: dict[str, Any]) -> Job:
    """Submits the job. Raises CommandError, exit code 2, for bad input."""
    try:
        request = JobInSerializer(data=request_body(options))
        request.is_valid(raise_exception=True)
        with transaction.atomic():  # a project created for a refused job is rolled back
            return submit_job(project=find_project(options["project"]), draft=request.draft())
    except ValidationError as error:
        raise refusal(*first_fault(error.detail)) from error
    except InputError as error:
        raise refusal(error.field, str(error)) from error
    except DaliError as error:
        raise refusal("", str(error)) from error


def refusal(field: str, reason: str) -> CommandError:
    """One line, with option names in place of the API's field names."""
    reason = reason.removeprefix(f"{field} ")
    text = f"{field}: {reason}" if field else reason
    for name, option in OPTIONS.items():
        text = text.replace(name, option)
    return CommandError(text, returncode=BAD_INPUT)


def request_body(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the body of `POST /api/projects/{id}/jobs`."""
    body: dict[str, Any] = {
        "prompt": options["prompt"],
        "providers": [name.strip() for name in options["providers"].split(",") if name.strip()],
        "variants": options["variants"],
        "sessionId": f"cli-{secrets.token_hex(8)}",
        "models": dict(pair(text) for text in options["model"]),
        "allowDuplicates": options["allow_duplicates"],
        "options": parsed_options(options["options"]),
    }
    body |= {field: options[name] for name, field in PLAIN.items() if options[name] is not None}
    for name, field in (("start_image", "startImageUrl"), ("mask_image", "maskImageUrl")):
        if options[name]:
            body[field] = image_address(options[name], field)
    return body


def pair(text: str) -> tuple[str, str]:
    """Splits `mock=mock-1`. Raises InputError."""
    provider, equals, model = text.partition("=")
    if not (provider and equals and model):
        raise InputError("--model", f"{text!r} is not PROVIDER=MODEL")
    return provider, model


def parsed_options(text: str) -> object:
    """The JSON of --options. Raises InputError."""
    try:
        return parse_text(text, what=shown(text))
    except ParseError as error:
        raise InputError("--options", str(error.detail)) from error


def image_address(value: str, field: str) -> str:
    """The URL of an image: a file is uploaded, anything else must be a URL."""
    path = Path(value)
    if path.is_file():
        try:
            return ingest.receive_upload(path.read_bytes(), "").delivery
        except DaliError as error:
            raise InputError(field, f"{value!r} was refused: {error}") from error
        except OSError as error:
            raise InputError(field, f"{value!r} cannot be read: {error.strerror}") from error
    if "://" not in value and not value.startswith("/"):
        raise InputError(field, f"{value!r} is not a file or an address")
    return value


def find_project(name: str) -> Project:
    """The project with that id, otherwise the newest with that name, otherwise a new one."""
    try:
        return get_bare_project(UUID(name))
    except ValueError:
        pass
    spellings = {name, composed(name), decomposed(name)}
    found = Project.objects.filter(name__in=spellings).order_by("-updated_at").first()
    return found or create_project(name=name)


def events_of(job: Job) -> Iterator[dict[str, Any]]:
    """The events of the job's session, from the first on, as they are written. Endless."""
    seq = 0
    while True:
        rows = Event.objects.filter(session_id=job.session_id, seq__gt=seq).order_by("seq")
        for seq, text in rows.values_list("seq", "text"):  # noqa: B007 - the cursor follows what was shown
            yield json.loads(text)
        time.sleep(POLL_S)
