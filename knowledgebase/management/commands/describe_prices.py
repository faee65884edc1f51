"""`manage.py describe_prices`: docs/prices.md from the price fixtures."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from knowledgebase.price_page import page_path, prices_page


class Command(BaseCommand):
    """Prints the page of prices; --write updates the file."""

    help = "Lists the initial prices of the services; --write updates docs/prices.md."
    needs_database = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="write docs/prices.md")

    def handle(self, *, write: bool, **options: Any) -> None:
        if write:
            page_path().write_text(prices_page(), encoding="utf-8")
        else:
            self.stdout.write(prices_page())
