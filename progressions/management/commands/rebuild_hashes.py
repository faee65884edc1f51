"""Makes the fingerprints by which near-duplicates are found anew from the originals."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from progressions import rebuild
from progressions.management.progress import add_project, find_project, run_with_bar


class Command(BaseCommand):
    """`manage.py rebuild_hashes`. Can be stopped and started again, also while jobs run."""

    help = "Writes the fingerprints of all images, and their index, anew from the stored originals."

    def add_arguments(self, parser: CommandParser) -> None:
        add_project(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project_id = find_project(options["project"])
        total = sum(1 for _ in rebuild.hash_sources(project_id))
        run_with_bar(self, total, lambda tell: rebuild.rebuild_hashes(project_id, tell))
