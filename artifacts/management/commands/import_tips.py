"""Imports the tips of a knowledge pack into this knowledge base."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from artifacts.reading.tip_pack import read_tips
from dali.lib.errors import DaliError
from knowledgebase.importing import Change, Imported, import_tips

BAD_INPUT = 2


class Command(BaseCommand):
    """`manage.py import_tips FILE`. All or nothing; jobs use the tips from their next variant."""

    help = (
        "Imports the tips of a knowledgePack into the knowledge base and shows every difference. "
        "Tips that a curator changed here are kept. Exit code: 0, or 2 if the file is not a knowledge pack."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="knowledge-pack.json from the generator knowledgePack")
        parser.add_argument("--dry-run", action="store_true", help="show the differences without writing")
        parser.add_argument(
            "--force", action="store_true", help="also overwrite tips that a curator changed here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tips = read_tips(options["file"])
        except DaliError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        imported = import_tips(
            tips,
            should_force=options["force"],
            is_dry=options["dry_run"],
        )
        for change in imported.changes:
            if change.fate != "same":
                self.stdout.write("\n".join(lines_of(change)))
        self.stdout.write(summary(imported))
        if options["dry_run"]:
            self.stdout.write("Nothing was written.")


def lines_of(change: Change) -> list[str]:
    """The result for a tip, and below it the differences: the value here, then the value in the pack."""
    reason = {
        ("kept", True): "  a curator changed it here; --force overwrites it",
        ("changed", True): "  a curator had changed it here",
    }.get((change.fate, change.is_a_curators), "")
    lines = [f"{change.fate}  {change.key}{reason}"]
    for one in change.differences:
        lines += [f"    {one.part}: {json.dumps(one.here, ensure_ascii=False)}"]
        lines += [f"    {' ' * len(one.part)}  {json.dumps(one.there, ensure_ascii=False)}"]
    return lines


def summary(imported: Imported) -> str:
    """The number of tips per result."""
    return (
        f"Tips: {imported.count('new')} new, {imported.count('changed')} changed, "
        f"{imported.count('same')} the same, {imported.count('kept')} kept as a curator changed them, "
        f"{imported.only_here} only here."
    )
