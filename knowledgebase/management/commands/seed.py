"""`manage.py seed`: the tips that the knowledge base starts with."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from knowledgebase.services import seed_tips


class Command(BaseCommand):
    """Makes missing tips, leaves the others alone, says how many."""

    help = "Makes the tips of fixtures/knowledge_base.json that are missing. Changed ones stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="also give changed tips their original wording, place and switch",
        )

    def handle(self, *, force: bool, **options: Any) -> None:
        fixture = Path(settings.FIXTURE_DIRS[0]) / "knowledge_base.json"
        seeded = seed_tips(fixture=fixture, should_restore=force)
        self.stdout.write(
            f"Tips: {seeded.made} made, {seeded.restored} restored, {seeded.unchanged} unchanged,"
            f" {seeded.curated} kept as a curator changed them."
        )
