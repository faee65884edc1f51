"""`manage.py seed`: the tips and prices that the knowledge base starts with."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from knowledgebase.services import Seeded, seed_prices, seed_tips


class Command(BaseCommand):
    """Makes missing tips and prices, leaves the others alone, says how many."""

    help = (
        "Makes the tips of fixtures/knowledge_base.json and the prices of fixtures/prices.json that are missing."
        " Changed ones stay as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="also give changed tips and prices what the fixtures say",
        )

    def handle(self, *, force: bool, **options: Any) -> None:
        fixtures = Path(settings.FIXTURE_DIRS[0])
        self._say("Tips", seed_tips(fixture=fixtures / "knowledge_base.json", should_restore=force))
        self._say("Prices", seed_prices(fixture=fixtures / "prices.json", should_restore=force))

    def _say(self, name: str, seeded: Seeded) -> None:
        self.stdout.write(
            f"{name}: {seeded.made} made, {seeded.restored} restored, {seeded.unchanged} unchanged,"
            f" {seeded.curated} kept as a curator changed them."
        )
