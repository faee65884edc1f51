"""Makes the calls of a replay script again and compares the images with those of then."""

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
KEY_DAYS = 7  # of the key that a killed run leaves behind


def project_id(value: str) -> UUID:
    """The id of `--project`."""
    try:
        return UUID(value)
    except ValueError:
        raise ArgumentTypeError(f"'{value}' is no project id") from None


class Command(BaseCommand):
    """`manage.py replay FILE`. Where a server runs on the data directory it does the work, else this process."""

    help = (
        "Makes the calls of a seedReplayScript again, through the job API, and compares the images. Exit code: 0 where "
        "all came out as they should, 1 where one did not, 2 for a file or project that cannot be taken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="replay.json, as the generator seedReplayScript makes it")
        parser.add_argument(
            "--project", type=project_id, action="append", default=[], metavar="ID",
            help="where to; given once for all projects of the file, or once for each; default: new projects",
        )  # fmt: skip
        parser.add_argument(
            "--objects", type=Path, metavar="DIR",
            help="a folder with start images and masks by their keys, where the originals storage has them not",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, and say what would be asked"
        )

    @quieter()  # each call is told here
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
            self.stderr.write(f"Stopped. To go on: {again(options['file'], targets.values())}")
            sys.exit(INTERRUPTED)
        except DaliError as error:
            raise CommandError(f"{error}\nTo go on: {again(options['file'], targets.values())}") from error
        return Counter(replay.verdicts)

    def _tell(self, outcome: ReplayedImage) -> None:
        self.stdout.write(f"call {outcome.call}  {outcome.name}  {outcome.verdict}: {outcome.words}")


def asked_of(script: Script) -> str:
    """What all calls ask, in words."""
    images: Counter[str] = Counter()
    for call in script.calls:
        for name in call.providers:
            images[name] += call.variants
    asked = ", ".join(f"{count} of {name}" for name, count in sorted(images.items()))
    objects = {ref.key for call in script.calls for ref in call.images.values()}
    return f"Images to ask for: {asked}. Start images and masks to upload: {len(objects)}"


def again(file: Path, targets: Any) -> str:
    """The command that goes on where this one stopped."""
    given = " ".join(f"--project {target}" for target in dict.fromkeys(targets))
    return f"manage.py replay {shlex.quote(str(file))} {given}"


@contextmanager
def asking() -> Iterator[Api]:
    """This Dali's own API in this process, with a key that is removed at the end where none is configured."""
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
