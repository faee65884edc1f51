"""`manage.py seed`: the tips and prices that the knowledge base starts with, and the example templates."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from artifacts.filling.templates import seed_templates
from knowledgebase.services import Seeded, seed_prices, seed_tips


class Command(BaseCommand):
    """Makes missing tips, prices and templates, leaves the others alone, says how many."""

    help = (
        "Makes the tips of fixtures/knowledge_base.json, the prices of fixtures/prices.json and the templates"
        " fixtures/*/template.html that are missing. Changed tips and prices stay as they are."
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
        made, there = seed_templates(fixtures=fixtures)
        self.stdout.write(f"Templates: {made} made, {there} unchanged.")

    def _say(self, name: str, seeded: Seeded) -> None:
        self.stdout.write(
            f"{name}: {seeded.made} made, {seeded.restored} restored, {seeded.unchanged} unchanged,"
            f" {seeded.curated} kept as a curator changed them."
        )
