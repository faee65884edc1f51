"""Lines that survive their process: append-only files in a folder that several processes share.

`append` writes the line to the file before it returns, so kill -9 loses no lines; a power cut may. Each process writes
its own files and holds a lock on each, which the operating system releases when the process ends. A file without a lock
was left by a process that has ended, and any other process may adopt it.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import structlog

from dali.lib.files.folders import give_to_owner, is_full, make_folder, reason_of, unwritable
from dali.lib.ids import new_id

log = structlog.get_logger(__name__)

# Files are closed at this size, so that a long outage leaves several to remove one by one, and not one huge file.
MOST_BYTES = 8 * 1024 * 1024
_SUFFIX = ".lines"


class Segment:
    """A file of lines; this process holds its lock until it is removed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._read_to = 0

    def batches(self, most: int) -> Iterator[list[bytes]]:
        """Its lines without their line breaks, at most `most` at a time, after the batches that were already read.

        Skips a line that was not written completely.
        """
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(self._read_to)
            while lines := list(islice(file, most)):
                yield [line[:-1] for line in lines if line.endswith(b"\n")]
                self._read_to += sum(map(len, lines))

    def remove(self) -> None:
        """Removes the file, after its lines were saved elsewhere."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def write(self, line: bytes) -> bool:
        """Appends a line; returns whether all of it was written. Raises OSError."""
        return os.write(self._descriptor, line) == len(line)


class Spool:
    """Any thread may `append`; `adopt`, `left` and `remove` are for one thread of each process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._current: Segment | None = None
        self._written = 0  # bytes in the current segment
        self._left: list[Segment] = []
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def check_writable(self) -> None:
        """For a start. Raises UnwritableError without write permission, or if the file system has no locks."""
        try:
            _made_in(self.folder).remove()
        except OSError as error:
            if not is_full(error):
                raise unwritable(self.folder, error) from error

    def append(self, line: bytes) -> None:
        """Writes a line, which must not contain a line break. Raises OSError if it was not written."""
        line += b"\n"
        with self._lock:
            if self._current is None:
                self._current, self._written = _made_in(self.folder), 0
            is_whole = self._current.write(line)
            self._written += len(line)
            if not is_whole or self._written >= MOST_BYTES:
                self._close_current()
        if not is_whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def adopt(self) -> int:
        """Adopts the files that other processes left; returns their number."""
        found = [segment for path in self._paths() if (segment := self._adopted(path))]
        with self._lock:
            self._left += found
        return len(found)

    def left(self) -> Iterator[Segment]:
        """The segments to read, oldest first; remove each before the next. The last one has the newest lines."""
        yield from list(self._left)
        with self._lock:
            last = self._current
            self._close_current()
        if last is not None:
            yield last

    def remove(self, segment: Segment) -> None:
        """Removes a segment of `left`."""
        with self._lock:
            self._left.remove(segment)
        segment.remove()

    def _close_current(self) -> None:
        if self._current is not None:
            self._left.append(self._current)
            self._current = None

    def _paths(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == _SUFFIX)
        except OSError:
            return []

    def _adopted(self, path: Path) -> Segment | None:
        """The segment, if no live process holds it."""
        try:
            return _held(path, os.open(path, os.O_RDWR))
        except FileNotFoundError:
            return None
        except OSError as error:
            if path.name not in self._refused:
                self._refused.add(path.name)
                log.warning("spool_not_adopted", path=str(path), reason=reason_of(error))
            return None


def _made_in(folder: Path) -> Segment:
    """A new file, locked by this process. Raises OSError."""
    make_folder(folder.parent, 0o755)
    make_folder(folder, 0o700)
    segment = None
    while segment is None:
        path = folder / f"{new_id()}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):
            give_to_owner(descriptor, folder)
        try:
            segment = _held(path, descriptor)  # None if another process adopted it meanwhile
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return segment


def _held(path: Path, descriptor: int) -> Segment | None:
    """The segment, if this process gets its lock and the file still exists. Raises OSError without locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return Segment(path, descriptor)
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
