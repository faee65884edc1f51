"""Repeats the calls of a replay script and compares the images with the earlier ones."""

import shlex
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from artifacts.reading.asking import Api, StuckError
from artifacts.reading.replaying import Replay, ReplayedImage, check_here, find_projects
from artifacts.reading.script import Script, read_script
from dali.lib.errors import DaliError
from dali.lib.logs import quieter
from dali.lib.objects.storage import LocalWriteOnceStorage, WriteOnceStorage, originals
from dali.lib.web.in_process import InProcessAdapter
from dali.server.local_worker import ensured_worker
from projects.authentication import HEADER
from projects.models import ApiKey

BAD_INPUT = 2
INTERRUPTED = 130
KEY_DAYS = 7  # lifetime of the key, in case a killed run leaves it behind


def project_id(value: str) -> UUID:
    """The id of `--project`."""
    try:
        return UUID(value)
    except ValueError:
        raise ArgumentTypeError(f"'{value}' is not a project id") from None


class Command(BaseCommand):
    """`manage.py replay FILE`. A running server or worker does the work; without one, this process does."""

    help = (
        "Repeats the calls of a seedReplayScript through the job API and compares the images. Exit code: 0 if all "
        "are as expected, 1 if one is not, 2 for a bad file or project."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="replay.json, made by the generator seedReplayScript")
        parser.add_argument(
            "--project", type=project_id, action="append", default=[], metavar="ID",
            help="target project; give one for all projects of the file, or one for each; default: new projects",
        )  # fmt: skip
        parser.add_argument(
            "--objects", type=Path, metavar="DIR",
            help="a folder with start images and masks by key, if the originals storage does not have them",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, and show what would be requested"
        )

    @quieter()  # each call is shown here
    def handle(self, *args: Any, **options: Any) -> None:
        objects: WriteOnceStorage = (
            LocalWriteOnceStorage(str(options["objects"])) if options["objects"] else originals()
        )
        try:
            script = read_script(options["file"])
            check_here(script, objects.read)
        except DaliError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        self.stdout.write(f"Calls: {len(script.calls)}. {asked_of(script)}.")
        if options["dry_run"]:
            self.stdout.write("Nothing was asked.")
            return
        with ensured_worker(), asking() as api:
            verdicts = self._run(api, script, objects, options)
        self.stdout.write(
            f"Images: {verdicts['same']} as then, {verdicts['other']} other, "
            f"{verdicts['differs']} not as they should be."
        )
        if verdicts["differs"]:
            sys.exit(1)

    def _run(
        self, api: Api, script: Script, objects: WriteOnceStorage, options: dict[str, Any]
    ) -> Counter[Any]:
        try:
            targets = find_projects(api, script, options["project"])
        except StuckError as error:
            raise CommandError(str(error)) from error
        except DaliError as error:
            raise CommandError(f"--project: {error}", returncode=BAD_INPUT) from error
        for project in script.projects:
            self.stdout.write(f"{project.name[:80]!r} goes into project {targets[project.id]}")
        replay = Replay(api, script, targets, objects.read, self._tell)
        try:
            replay.run()
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. To continue: {again(options['file'], targets.values())}")
            sys.exit(INTERRUPTED)
        except DaliError as error:
            raise CommandError(f"{error}\nTo continue: {again(options['file'], targets.values())}") from error
        return Counter(replay.verdicts)

    def _tell(self, outcome: ReplayedImage) -> None:
        self.stdout.write(f"call {outcome.call}  {outcome.name}  {outcome.verdict}: {outcome.words}")


def asked_of(script: Script) -> str:
    """What all calls request, as text."""
    images: Counter[str] = Counter()
    for call in script.calls:
        for name in call.providers:
            images[name] += call.variants
    asked = ", ".join(f"{count} of {name}" for name, count in sorted(images.items()))
    objects = {ref.key for call in script.calls for ref in call.images.values()}
    return f"Images to ask for: {asked}. Start images and masks to upload: {len(objects)}"


def again(file: Path, targets: Any) -> str:
    """The command that continues where this one stopped."""
    given = " ".join(f"--project {target}" for target in dict.fromkeys(targets))
    return f"manage.py replay {shlex.quote(str(file))} {given}"


@contextmanager
def asking() -> Iterator[Api]:
    """This server's own API, called in this process. Without a configured key it uses a temporary one."""
    key, row = settings.API_KEY, None
    if not key:
        expires = timezone.now() + timedelta(days=KEY_DAYS)
        row, key = ApiKey.objects.create_key(name="replay", expiry_date=expires)
    with requests.Session() as session:
        session.trust_env = False
        session.headers[HEADER] = key
        session.mount(settings.PUBLIC_ORIGIN, InProcessAdapter(WSGIHandler()))
        try:
            yield Api(session, settings.PUBLIC_ORIGIN)
        finally:
            if row is not None:
                row.delete()
