"""Tests with an object of its own whether a storage really writes once: at a start, and for `check_storage`.

An S3 server that does not support `If-None-Match: *` overwrites a key that is written again, and answers 200. Only a
test can tell.
"""

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import structlog
from django.conf import settings

from dali.lib.calls.deadlines import call_within
from dali.lib.errors import RefusedStartError, UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, WriteOnceStorage, named

log = structlog.get_logger(__name__)

Verdict = Literal["fine", "overwrites", "unavailable"]
# A start waits this long for a server, and then continues without the test.
START_WAITS_S = 15.0
_FIRST, _SECOND = b"first", b"second"
_NOTE = {"by": "check_storage"}
# Deliveries that write to the storage `delivery`; others only read its folder.
_DELIVERIES_OF_FILES = frozenset({"local", "storage"})


class OverwritingError(RefusedStartError):
    """A storage overwrites objects, so it must not be used."""


@dataclass(frozen=True, slots=True)
class StorageFinding:
    """The result for one storage. `said`: a sentence; `has_notes`: whether notes are returned as they were stored."""

    alias: str
    verdict: Verdict
    said: str
    has_notes: bool = False


def named_storages() -> list[str]:
    """The aliases of the write-once storages in STORAGES, without `default`, which is the storage of the originals."""
    return [alias for alias in settings.STORAGES if alias not in {"default", "staticfiles"}]


def probe(alias: str) -> StorageFinding:
    """Writes an object, tries to overwrite it, reads it and removes it. Errors of the storage become findings."""
    key = f"probe/{secrets.token_hex(8)}"
    try:
        return _probe(alias, named(alias), key)
    except UnavailableError as error:
        return StorageFinding(alias, "unavailable", str(error))
    except FileNotFoundError:
        return StorageFinding(
            alias, "unavailable", "a new object could not be read right after it was written"
        )


def _probe(alias: str, storage: WriteOnceStorage, key: str) -> StorageFinding:
    storage.put_once(key, _FIRST, media_type="text/plain", note=_NOTE)
    try:
        is_overwritten = (
            storage.put_once(key, _SECOND, media_type="text/plain") or storage.read(key) != _FIRST
        )
        has_notes = storage.read_note(key) == _NOTE
    finally:
        storage.delete(key)
    if is_overwritten:
        message = (
            "an object was overwritten: this server does not support `If-None-Match: *`, so images could "
            "be lost; use R2, S3 or another server that supports it"
        )
        return StorageFinding(alias, "overwrites", message)
    if storage.exists(key):
        return StorageFinding(
            alias, "fine", "written once, read, but not removed: check the permission to delete", has_notes
        )
    return StorageFinding(alias, "fine", "written once, read, removed", has_notes)


def local_folders() -> dict[str, LocalWriteOnceStorage]:
    """The storages that are folders and that this process writes to, by alias."""
    found = {alias: named(alias) for alias in named_storages()}
    if settings.DELIVERY not in _DELIVERIES_OF_FILES:
        found.pop("delivery", None)
    return {alias: one for alias, one in found.items() if isinstance(one, LocalWriteOnceStorage)}


def refuse_start() -> None:
    """For a start. Raises UnwritableError for a folder without write permission, and as `refuse_overwriting`."""
    for storage in local_folders().values():
        storage.check_writable()
    refuse_overwriting()


def refuse_overwriting() -> None:
    """Raises OverwritingError if a bucket overwrites; logs a warning if its server cannot be tested.

    Tests each bucket once, and no folders: there this process itself makes the link.
    """
    for alias in _one_of_each_bucket():
        try:
            found = call_within(START_WAITS_S, partial(probe, alias))
        except TimeoutError:
            found = StorageFinding(alias, "unavailable", f"it did not answer within {START_WAITS_S:g} s")
        if found.verdict == "overwrites":
            raise OverwritingError(f"STORAGES['{alias}']: {found.said}")
        if found.verdict == "unavailable":
            log.warning("storage_not_checked", storage=alias, reason=found.said)


def _one_of_each_bucket() -> list[str]:
    aliases: dict[str, str] = {}
    for alias in named_storages():
        options = cast("dict[str, str]", settings.STORAGES[alias].get("OPTIONS", {}))
        if bucket := options.get("bucket_name"):
            aliases.setdefault(f"{options.get('endpoint_url')} {bucket}", alias)
    return list(aliases.values())
