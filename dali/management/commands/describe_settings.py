"""Writes docs/settings.md and .env.example from the settings declared in the code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dali.settings.documentation import settings_page, written_files


class Command(BaseCommand):
    """Prints the page of settings; --write updates both files, --check tells whether they are up to date."""

    help = "Lists every setting; --write updates docs/settings.md and .env.example."
    needs_database = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write both files")
        parser.add_argument("--check", action="store_true", help="fail if a file is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["write"] or options["check"]):
            self.stdout.write(settings_page())
            return
        for path, text in written_files().items():
            if options["check"]:
                if not path.is_file() or path.read_text() != text:
                    raise CommandError(f"{path.name} is out of date: run describe_settings --write")
            else:
                path.write_text(text)
