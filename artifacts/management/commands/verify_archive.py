"""Compares an archive manifest with the current storages and rows."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from artifacts.reading.manifest import read_manifest
from artifacts.reading.verifying import Kind, verify
from dali.lib.errors import DaliError
from progressions.management.progress import bar_over

BAD_INPUT = 2


class Command(BaseCommand):
    """`manage.py verify_archive FILE`. Reads every object; changes nothing."""

    help = (
        "Checks every object of an r2ArchiveManifest (csv or json) against storages and rows, and lists every "
        "difference. Exit code: 0 without differences, 1 with differences, 2 if the file is not a manifest."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="archive.csv or archive.json from the generator r2ArchiveManifest"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = read_manifest(options["file"])
        except DaliError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        kinds: Counter[Kind] = Counter()
        differing: set[tuple[str, str]] = set()
        try:
            with bar_over(len(manifest.entries)) as move:
                for finding in verify(manifest, move):
                    kinds[finding.kind] += 1
                    differing.add((finding.storage, finding.key))
                    self.stdout.write(f"{finding.kind}  {finding.storage}  {finding.key}  {finding.words}")
        except DaliError as error:
            raise CommandError(f"not all objects could be checked: {error}") from error
        as_then = len(manifest.entries.keys() - differing)
        self.stdout.write(
            f"Objects: {len(manifest.entries)} checked, {as_then} unchanged. Differences: {kinds['missing']} missing, "
            f"{kinds['altered']} altered, {kinds['unknown']} unknown, {kinds['unread']} unreadable."
        )
        if kinds:
            sys.exit(1)
