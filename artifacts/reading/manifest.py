"""Parses an archive manifest file (`dali.archive`): a table, line by line, or a JSON record."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from artifacts.parts.records import ARCHIVE, ARCHIVE_COLUMNS
from artifacts.reading.record import Fields, RecordError, read_record
from dali.lib.files.csv_files import read_back
from dali.lib.objects.storage import InvalidKeyError, check_key

STORAGES = ("originals", "delivery", "elsewhere")
STATES = ("stored", "missing", "not read")
MOST_OBJECTS = 5_000_000
MOST_SIZE = 2**63 - 1
_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ROW = re.compile(f"(?:image_progressions|jobs|variants)/{_ID}")
_PROJECT_KEY = re.compile(f"project/({_ID})/.+")


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One object at that time. `size_bytes`, `sha256`: None if it was missing or not read."""

    storage: str
    key: str
    size_bytes: int | None
    sha256: str | None
    row: str
    state: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole file. `projects`: the ones it names; a table names none."""

    projects: tuple[UUID, ...]
    entries: dict[tuple[str, str], ManifestEntry]


def read_manifest(path: Path) -> Manifest:
    """Reads and checks a whole manifest. Raises RecordError with the line or field."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _of_record(path)
    return Manifest((), _by_place(_lines(path)))


def project_of(key: str) -> UUID | None:
    """The project whose folder contains the key."""
    found = _PROJECT_KEY.fullmatch(key)
    return UUID(found[1]) if found else None


def _of_record(path: Path) -> Manifest:
    format_, version = ARCHIVE
    record, _ = read_record(path, format_=format_, version=version, maker="the generator r2ArchiveManifest")
    projects = tuple(one.id("id") for one in record.objects("projects", most=1_000))
    return Manifest(projects, _by_place(record.objects("objects", most=MOST_OBJECTS)))


def _lines(path: Path) -> Iterator[Fields]:
    """Each line of a table as fields; an empty cell is None."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != ARCHIVE_COLUMNS:
                raise RecordError(
                    f"{path.name} is not an archive manifest: its first line must be {','.join(ARCHIVE_COLUMNS)}"
                )
            for cells in rows:
                where = f"line {rows.line_num}"
                if len(cells) != len(ARCHIVE_COLUMNS):
                    raise RecordError(f"{where} has {len(cells)} cells: there must be {len(ARCHIVE_COLUMNS)}")
                values = dict(zip(ARCHIVE_COLUMNS, (read_back(cell) or None for cell in cells), strict=True))
                size = values["bytes"]
                is_number = size is not None and size.isascii() and size.isdigit() and len(size) < 20
                yield Fields(where, values | {"bytes": int(size) if size and is_number else size})
    except UnicodeDecodeError as error:
        raise RecordError(f"{path.name} is not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise RecordError(
            f"{path.name} is not a table: at line {rows.line_num}, quotes do not match or a cell is longer than"
            f" {csv.field_size_limit():,} characters"
        ) from error


def _by_place(objects: Iterator[Fields]) -> dict[tuple[str, str], ManifestEntry]:
    entries: dict[tuple[str, str], ManifestEntry] = {}
    for fields in objects:
        entry = _entry(fields)
        if (entry.storage, entry.key) in entries:
            raise RecordError(f"{fields.path} names {entry.key} of {entry.storage} a second time")
        entries[entry.storage, entry.key] = entry
    if not entries:
        raise RecordError("the manifest lists no objects: there is nothing to check")
    return entries


def _entry(fields: Fields) -> ManifestEntry:
    storage, state = fields.text("storage", most=20), fields.text("state", most=20)
    if storage not in STORAGES:
        fields.refuse("storage", "one of " + ", ".join(STORAGES))
    if state not in STATES:
        fields.refuse("state", "one of " + ", ".join(STATES))
    key = fields.text("key", most=4_000, is_empty_ok=False)
    if storage != "elsewhere":
        try:
            check_key(key)
        except InvalidKeyError as error:
            raise RecordError(f"{fields.path}: {error}") from error
    row = fields.text("row", most=100)
    if not _ROW.fullmatch(row):
        fields.refuse("row", "like image_progressions/<id>, jobs/<id> or variants/<id>")
    size, sha256 = None, fields.sha256("sha256")
    if state == "stored":
        size = fields.integer("bytes", least=0, most=MOST_SIZE)
        if sha256 is None:
            fields.refuse("sha256", "present, because the object was stored")
    return ManifestEntry(storage, key, size, sha256, row, state)
