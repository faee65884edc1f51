"""One server a data directory: a lock that the operating system gives up with the process that holds it."""

import fcntl
import os
from pathlib import Path

from dali.lib.errors import DaliError
from dali.lib.files.folders import unwritable

LOCK_NAME = "server.lock"


class DirectoryInUseError(DaliError):
    """Another process serves the data directory; the message names both."""


class DataLock:
    """Holds a data directory from `take` to `release`, or to the end of the process, however it ends.

    Whoever holds it may be sure that no other embedded server works on the directory's rows and files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def take(self) -> None:
        """Takes the lock at once; DirectoryInUseError where another process has it, UnwritableError."""
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
                f"A server (process {holder}) works on {self._directory} already: stop it,"
                " or give this one a directory of its own by DALI_DATA_DIR."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the directory up; does nothing where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
