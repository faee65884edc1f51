"""Lines that outlive the process that took them: append-only files in a folder that several processes share.

A line is written to the file before `append` returns, so that kill -9 loses none; a power cut may. Each process writes
files of its own and holds a lock on each, which the operating system gives up with the process, however it ends. A file
without a lock was left by a process that is gone: any other may adopt it.
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

# A file is closed at this size, so that long trouble leaves some that are removed one by one, and not one giant.
MOST_BYTES = 8 * 1024 * 1024
_SUFFIX = ".lines"


class Segment:
    """A file of lines that is appended to no more; this process holds its lock until it is removed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._read_to = 0

    def batches(self, most: int) -> Iterator[list[bytes]]:
        """Its lines without their ends, at most so many at a time, after those that a caller asked beyond before.

        A line that was not written whole is left out.
        """
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(self._read_to)
            while lines := list(islice(file, most)):
                yield [line[:-1] for line in lines if line.endswith(b"\n")]
                self._read_to += sum(map(len, lines))

    def remove(self) -> None:
        """Removes the file: its lines are safe elsewhere."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def write(self, line: bytes) -> bool:
        """Appends a line; returns whether it was written whole. Raises OSError."""
        return os.write(self._descriptor, line) == len(line)


class Spool:
    """Takes lines in any thread; `adopt`, `left` and `remove` are for one thread of each process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._current: Segment | None = None
        self._written = 0  # bytes in the current one
        self._left: list[Segment] = []
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def check_writable(self) -> None:
        """For a start: UnwritableError where this process may not write here, or the file system has no locks."""
        try:
            _made_in(self.folder).remove()
        except OSError as error:
            if not is_full(error):
                raise unwritable(self.folder, error) from error

    def append(self, line: bytes) -> None:
        """Writes a line, which holds no line break. Raises OSError, and then it is not written."""
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
        """Takes over the files that other processes left; returns how many."""
        found = [segment for path in self._paths() if (segment := self._adopted(path))]
        with self._lock:
            self._left += found
        return len(found)

    def left(self) -> Iterator[Segment]:
        """What there is to read, oldest first; remove each before the next. The last is what was appended until now."""
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
        """The segment, where no living process holds it."""
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
    """A new file with this process's lock on it. Raises OSError."""
    make_folder(folder.parent, 0o755)
    make_folder(folder, 0o700)
    segment = None
    while segment is None:
        path = folder / f"{new_id()}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):
            give_to_owner(descriptor, folder)
        try:
            segment = _held(
                path, descriptor
            )  # none where another process adopted it, still empty, in between
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return segment


def _held(path: Path, descriptor: int) -> Segment | None:
    """The segment, if this process has its lock now and the file is still there. Raises OSError without locks."""
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
