"""Brings the fingerprints by which near-duplicates are found up to today's version, from the originals."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from progressions.management.progress import add_project, find_project, run_with_bar
from progressions.upkeep import rebuild


class Command(BaseCommand):
    """`manage.py rebuild_hashes`. Can be stopped and started again, also while jobs run."""

    help = (
        "Makes the fingerprints that are missing or of an earlier version, and their index, from the stored "
        "originals; until then near-duplicates of those images are not found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_project(parser)
        parser.add_argument(
            "--all", action="store_true", help="make all of them, also those of today's version"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project_id = find_project(options["project"])
        run_with_bar(
            self,
            rebuild.count_hash_sources(project_id),
            lambda tell: rebuild.rebuild_hashes(project_id, tell, is_all=options["all"]),
        )
