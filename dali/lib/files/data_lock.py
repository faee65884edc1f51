"""One server for each data directory: a lock that the operating system releases when its process ends."""

import fcntl
import os
from pathlib import Path

from dali.lib.errors import RefusedStartError
from dali.lib.files.folders import unwritable

LOCK_NAME = "server.lock"


class DirectoryInUseError(RefusedStartError):
    """Another process uses the data directory; the message names both."""


class DataLock:
    """Locks a data directory from `take` to `release`, or to the end of the process.

    While it is held, no other embedded server uses the directory's rows and files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def take(self) -> None:
        """Takes the lock without waiting. Raises DirectoryInUseError if another process has it, UnwritableError."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unwritable(self._directory, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise DirectoryInUseError(
                f"Another server (process {holder}) uses {self._directory}: stop it,"
                " or set DALI_DATA_DIR to a different directory for this one."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Releases the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
