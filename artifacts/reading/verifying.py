"""Compares an archive manifest with the current storages and rows."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Literal
from uuid import UUID

from artifacts.making.gathering import gather
from artifacts.making.holdings import STORAGES, named_objects
from artifacts.reading.manifest import Manifest, ManifestEntry, project_of
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import WriteOnceStorage, originals
from progressions.models import ImageProgression, Job, Variant

READERS = 8
_AT_ONCE = 256
_PAUSES_S = (0.2, 1.0)
# unread: the storage failed, so it is not known whether the object changed.
Kind = Literal["missing", "altered", "unknown", "unread"]
Named = dict[tuple[str, str], list[str]]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between the manifest and now."""

    kind: Kind
    storage: str
    key: str
    words: str


def verify(manifest: Manifest, move: Callable[[int], None]) -> Iterator[Mismatch]:
    """Yields every difference when found. `move` gets the number of objects checked.

    Objects are read in pieces, several at once. Objects and rows of the same projects that are not in the manifest are
    differences too.
    """
    project_ids = _projects_of(manifest)
    material = gather(title="", project_ids=project_ids, needs={"jobs"})
    named = named_objects(material.images, material.jobs)
    done = 0
    with ThreadPoolExecutor(READERS) as readers:
        entries = iter(manifest.entries.values())
        while batch := list(islice(entries, _AT_ONCE)):
            for entry, finding in zip(batch, readers.map(_look_at, batch), strict=True):
                if finding is not None:
                    yield finding
                yield from _row_of(entry, named)
                done += 1
                move(done)
    yield from _unknown(manifest, named, project_ids)


def _look_at(entry: ManifestEntry) -> Mismatch | None:
    """Compares one object with its line; retries if the storage fails temporarily."""
    if entry.storage not in STORAGES:  # an image of another service
        return None
    for pause_s in (*_PAUSES_S, None):
        try:
            return _compare(entry, STORAGES[entry.storage]())
        except UnavailableError as error:
            if pause_s is None:
                return Mismatch("unread", entry.storage, entry.key, str(error))
            time.sleep(pause_s)
    raise AssertionError("unreachable")


def _compare(entry: ManifestEntry, storage: WriteOnceStorage) -> Mismatch | None:
    def differs(kind: Kind, words: str) -> Mismatch:
        return Mismatch(kind, entry.storage, entry.key, words)

    if entry.state == "missing":
        return differs("altered", "was missing, and exists now") if storage.exists(entry.key) else None
    try:
        size = storage.size_of(entry.key)
        if size != entry.size_bytes:
            return differs("altered", f"has {size} bytes, had {entry.size_bytes}")
        found = hashlib.sha256()
        for piece in storage.stream(entry.key, 0, size) if size else ():
            found.update(piece)
    except FileNotFoundError:
        return differs("missing", f"the object is missing; it belongs to {entry.row}")
    if found.hexdigest() != entry.sha256:
        return differs("altered", f"has SHA-256 {found.hexdigest()}, had {entry.sha256}")
    return None


def _row_of(entry: ManifestEntry, named: Named) -> Iterator[Mismatch]:
    """Whether the row still names the object."""
    rows = named.get((entry.storage, entry.key), [])
    if entry.row in rows:
        return
    kind: Kind = "altered" if rows else "missing"
    lost = f"its row {entry.row} is missing, or does not name it"
    words = f"{entry.row} no longer names it; {rows[0]} does" if rows else lost
    yield Mismatch(kind, entry.storage, entry.key, words)


def _unknown(manifest: Manifest, named: Named, project_ids: Iterable[UUID]) -> Iterator[Mismatch]:
    """What exists now but not in the manifest: named by rows, or stored in the projects' folders."""
    for (storage, key), rows in named.items():
        if (storage, key) not in manifest.entries:
            yield Mismatch("unknown", storage, key, f"{rows[0]} names it; the manifest does not")
    for project_id in project_ids:
        for key in sorted(originals().keys_below(f"project/{project_id}")):
            if ("originals", key) not in manifest.entries and ("originals", key) not in named:
                yield Mismatch("unknown", "originals", key, "neither a row nor the manifest names it")


def _projects_of(manifest: Manifest) -> list[UUID]:
    """The projects of the manifest: named, or known from keys and rows."""
    found = dict.fromkeys(manifest.projects)
    rows: dict[str, list[str]] = {}
    for entry in manifest.entries.values():
        if entry.storage == "originals" and (project_id := project_of(entry.key)):
            found.setdefault(project_id)
        table, _, row_id = entry.row.partition("/")
        rows.setdefault(table, []).append(row_id)
    if not manifest.projects:
        for model in (ImageProgression, Job, Variant):
            found |= dict.fromkeys(_projects_of_rows(model, rows.get(model._meta.db_table, [])))
    return list(found)


def _projects_of_rows(model: type[ImageProgression | Job | Variant], ids: list[str]) -> Iterator[UUID]:
    waiting = iter(ids)
    while batch := list(islice(waiting, 500)):
        yield from model.objects.filter(pk__in=batch).values_list("project_id", flat=True).distinct()
