"""`manage.py seed`: the initial tips and prices, and the example templates."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from artifacts.filling.templates import seed_templates
from knowledgebase.models import Price, Tip
from knowledgebase.services import Seeded, seed


class Command(BaseCommand):
    """Creates missing tips, prices and templates, and prints counts."""

    help = (
        "Creates the missing tips and prices of the services, and the missing example templates."
        " Changed tips and prices are kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="also reset changed tips and prices to the fixtures",
        )

    def handle(self, *, force: bool, **options: Any) -> None:
        self._say("Tips", seed(Tip, should_restore=force))
        self._say("Prices", seed(Price, should_restore=force))
        made, there = seed_templates(fixtures=Path(settings.FIXTURE_DIRS[0]))
        self.stdout.write(f"Templates: {made} made, {there} unchanged.")

    def _say(self, name: str, seeded: Seeded) -> None:
        self.stdout.write(
            f"{name}: {seeded.made} made, {seeded.restored} restored, {seeded.unchanged} unchanged,"
            f" {seeded.curated} kept as a curator changed them."
        )
