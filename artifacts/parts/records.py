"""JSON files for people and programs: each states its format and version."""

import json
from collections.abc import Mapping
from decimal import Decimal

from artifacts.generator import File
from artifacts.material import Material

MEDIA_TYPE = "application/json"
# Formats with their versions; the one of replay scripts is beside its calls.
ARCHIVE = ("dali.archive", 1)
ARCHIVE_COLUMNS = ("storage", "key", "bytes", "sha256", "media_type", "row", "state")
TIPS = ("dali.tips", 1)


def json_file(name: str, record: Mapping[str, object]) -> File:
    """One object with its fields in order, one per line."""
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False, default=_plain)
    return File(name, MEDIA_TYPE, f"{text}\n".encode())


def heading(format_: str, version: int, material: Material) -> dict[str, object]:
    """The start of every record. Raise `version` when readers of the previous version would fail."""
    return {
        "format": format_,
        "version": version,
        "title": material.title,
        "origin": material.origin,
        "projects": [
            {"id": str(project.id), "name": project.name, "description": project.description}
            for project in material.projects
        ],
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place in a record")
