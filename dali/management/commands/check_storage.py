"""Tries every named storage with an object of its own."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from dali.lib.storage_probe import Finding, named_storages, probe


class Command(BaseCommand):
    """`manage.py check_storage`."""

    help = (
        "Writes an object to every named storage, tries to overwrite it, reads and removes it, and says what it"
        " found. Exit code 0 where all write once, 1 where not."
    )
    needs_database = False

    def handle(self, *args: Any, **options: Any) -> None:
        found = [probe(alias) for alias in named_storages()]
        width = max(len(finding.alias) for finding in found)
        for finding in found:
            self.stdout.write(f"{finding.alias:{width}}  {_shown(finding)}")
        if any(finding.verdict != "fine" for finding in found):
            sys.exit(1)


def _shown(finding: Finding) -> str:
    if finding.verdict != "fine":
        return f"{finding.verdict.upper()}: {finding.said}"
    return f"ok: {finding.said}" + ("" if finding.has_notes else "; but notes beside objects are lost")
