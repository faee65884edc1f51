"""`manage.py seed`: creates the initial tips and prices of the knowledge base, and the example templates."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from artifacts.filling.templates import seed_templates
from knowledgebase.services import Seeded, seed_prices, seed_tips


class Command(BaseCommand):
    """Creates missing tips, prices and templates, and prints counts."""

    help = (
        "Creates the missing tips of fixtures/knowledge_base.json, prices of fixtures/prices.json and templates"
        " fixtures/*/template.html. Changed tips and prices are kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="also reset changed tips and prices to the fixtures",
        )

    def handle(self, *, force: bool, **options: Any) -> None:
        fixtures = Path(settings.FIXTURE_DIRS[0])
        self._say("Tips", seed_tips(fixture=fixtures / "knowledge_base.json", should_restore=force))
        self._say("Prices", seed_prices(fixture=fixtures / "prices.json", should_restore=force))
        made, there = seed_templates(fixtures=fixtures)
        self.stdout.write(f"Templates: {made} made, {there} unchanged.")

    def _say(self, name: str, seeded: Seeded) -> None:
        self.stdout.write(
            f"{name}: {seeded.made} made, {seeded.restored} restored, {seeded.unchanged} unchanged,"
            f" {seeded.curated} kept as a curator changed them."
        )
