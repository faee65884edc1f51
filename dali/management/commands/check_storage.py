"""Tests every named storage with a test object."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dali.lib.files.folders import described, owner_of, this_user
from dali.lib.objects.probe import StorageFinding, local_folders, named_storages, probe


class Command(BaseCommand):
    """`manage.py check_storage`."""

    help = (
        "Writes an object to every named storage, tries to overwrite it, reads and removes it, and reports the"
        " results. Exit code 0 if every storage refuses to overwrite, otherwise 1."
    )
    needs_database = False

    def handle(self, *args: Any, **options: Any) -> None:
        found = [probe(alias) for alias in named_storages()]
        width = max(len(finding.alias) for finding in found)
        for finding in found:
            self.stdout.write(f"{finding.alias:{width}}  {_shown(finding)}")
        self._show_folders(width)
        if any(finding.verdict != "fine" for finding in found):
            sys.exit(1)

    def _show_folders(self, width: int) -> None:
        """Shows who owns the folders: the rights of this user, above all root, say little about the server's user."""
        folders = {alias: Path(storage.location) for alias, storage in local_folders().items()}
        if not folders:
            return
        self.stdout.write(
            f"Checked as user {this_user()}. The user that the server runs as must be able to write to its folders:"
        )
        owner = owner_of(settings.DATA_DIR)
        for alias, folder in folders.items():
            line = f"{alias:{width}}  {folder}  {described(folder) if folder.exists() else 'missing'}"
            is_foreign = folder.exists() and owner_of(folder) != owner
            self.stdout.write(f"{line}  (the data directory belongs to {owner})" if is_foreign else line)


def _shown(finding: StorageFinding) -> str:
    if finding.verdict != "fine":
        return f"{finding.verdict.upper()}: {finding.said}"
    return f"ok: {finding.said}" + ("" if finding.has_notes else "; but metadata of objects is lost")
