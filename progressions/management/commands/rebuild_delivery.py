"""Rebuilds delivery images from the originals."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from progressions.management.progress import add_project, find_project, run_with_bar
from progressions.upkeep import rebuild


class Command(BaseCommand):
    """`manage.py rebuild_delivery`. Can be stopped and started again; also moves images to another delivery."""

    help = (
        "Makes the delivery images that are missing or damaged from the stored originals and writes their addresses; "
        "after DALI_DELIVERY was changed, all of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_project(parser)
        parser.add_argument("--all", action="store_true", help="make all of them, also those that are there")

    def handle(self, *args: Any, **options: Any) -> None:
        project_id = find_project(options["project"])
        total = sum(1 for _ in rebuild.delivery_sources(project_id))
        run_with_bar(
            self,
            total,
            lambda tell: rebuild.rebuild_delivery(project_id, is_all=options["all"], tell=tell),
        )
