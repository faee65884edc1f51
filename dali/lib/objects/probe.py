"""Whether a storage really writes once: tried with an object of its own, for a start and for whoever asks.

An S3 server that does not know `If-None-Match: *` takes a second write of a key for an order to overwrite. Nothing but
trying tells: such servers answer 200.
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
# A start waits this long for a server that does not answer, and then goes on without having asked.
START_WAITS_S = 15.0
_FIRST, _SECOND = b"first", b"second"
_NOTE = {"by": "check_storage"}
# The deliveries that put their files into the storage `delivery`; with another its folder is only read.
_DELIVERIES_OF_FILES = frozenset({"local", "storage"})


class OverwritingError(RefusedStartError):
    """A storage overwrites what is stored; nothing may be stored there."""


@dataclass(frozen=True, slots=True)
class StorageFinding:
    """What was found of one storage. `said`: a sentence; `has_notes`: whether notes come back as they were given."""

    alias: str
    verdict: Verdict
    said: str
    has_notes: bool = False


def named_storages() -> list[str]:
    """The aliases of every write-once storage in STORAGES, each place once: `default` is that of the originals."""
    return [alias for alias in settings.STORAGES if alias not in {"default", "staticfiles"}]


def probe(alias: str) -> StorageFinding:
    """Writes an object, tries to overwrite it, reads it and removes it. Raises nothing that a storage may raise."""
    key = f"probe/{secrets.token_hex(8)}"
    try:
        return _probe(alias, named(alias), key)
    except UnavailableError as error:
        return StorageFinding(alias, "unavailable", str(error))
    except FileNotFoundError:
        return StorageFinding(alias, "unavailable", "what was written could not be read at once")


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
            "an object was overwritten: this server does not know `If-None-Match: *`, and would lose "
            "images; use R2, S3 or another server that does"
        )
        return StorageFinding(alias, "overwrites", message)
    if storage.exists(key):
        return StorageFinding(
            alias, "fine", "written once, read; but not removed: see to the permission to delete", has_notes
        )
    return StorageFinding(alias, "fine", "written once, read, removed", has_notes)


def local_folders() -> dict[str, LocalWriteOnceStorage]:
    """By alias, the storages that are folders, and that this process writes to."""
    found = {alias: named(alias) for alias in named_storages()}
    if settings.DELIVERY not in _DELIVERIES_OF_FILES:
        found.pop("delivery", None)
    return {alias: one for alias, one in found.items() if isinstance(one, LocalWriteOnceStorage)}


def refuse_start() -> None:
    """For a start: UnwritableError for a folder that this process may not write to, and as `refuse_overwriting`."""
    for storage in local_folders().values():
        storage.check_writable()
    refuse_overwriting()


def refuse_overwriting() -> None:
    """OverwritingError where a bucket overwrites; a server that cannot be asked is a line in the log.

    Each bucket is asked once; folders are not asked, as this process does the linking itself.
    """
    for alias in _one_of_each_bucket():
        try:
            found = call_within(START_WAITS_S, partial(probe, alias))
        except TimeoutError:
            found = StorageFinding(alias, "unavailable", f"it gave no answer within {START_WAITS_S:g} s")
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
