"""Free disk space in the folders that this process writes to: those of SQLite and of local storages."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import structlog
from django.conf import settings

from dali.lib.errors import UnavailableError
from dali.lib.files.folders import FULL, FULL_RETRY_AFTER_S

log = structlog.get_logger(__name__)

_was_short = False


def folders() -> Iterator[Path]:
    """The folders that grow on this machine's disks; none if the rows and all objects are elsewhere."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "dali.lib.db.sqlite":
        yield Path(str(database["NAME"])).parent
    for storage in settings.STORAGES.values():
        options = cast("dict[str, str]", storage.get("OPTIONS", {}))
        if "bucket_name" not in options and "location" in options:
            yield Path(options["location"])


def free_bytes() -> int | None:
    """Free bytes on the fullest disk that this process writes to; None if it writes to none."""
    return min((_free_at(folder) for folder in folders()), default=None)


def is_short() -> bool:
    """Whether less than the reserve is free. Then no paid work may start, because its images could not be stored.

    Logs changes.
    """
    global _was_short  # noqa: PLW0603 - the last state, to log changes and not every claim
    left = free_bytes()
    found = left is not None and left < settings.DISK_RESERVE_BYTES
    if found != _was_short:
        _was_short = found
        say = log.error if found else log.info
        say(
            "disk_short" if found else "disk_has_room",
            free_mb=None if left is None else left // 1_000_000,
            reserve_mb=settings.DISK_RESERVE_BYTES // 1_000_000,
        )
    return found


def is_below_reserve(folder: Path) -> bool:
    """Whether less than the reserve is free on a folder's disk."""
    return _free_at(folder) < settings.DISK_RESERVE_BYTES


def refuse_where_short() -> None:
    """Before a client's upload: raises UnavailableError if less than the reserve is free."""
    left = free_bytes()
    if left is not None and left < settings.DISK_RESERVE_BYTES:
        reason = (
            f"only {left // 1_000_000:,} MB of disk are free, less than DALI_DISK_RESERVE_MB"
            f" ({settings.DISK_RESERVE_BYTES // 1_000_000:,}): free some space"
        )
        raise UnavailableError(FULL, FULL_RETRY_AFTER_S, reason=reason)


def _free_at(folder: Path) -> int:
    """As `df` shows it to an ordinary user. A folder that does not exist yet will be on its parent's disk."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
