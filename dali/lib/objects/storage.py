"""Storages whose objects are written once: the contract, and the implementation with a local folder.

An object that is stored under a key stays: no late writer can change or hide it.
"""

import errno
import os
import re
import secrets
import stat
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import structlog
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages

from dali.lib.errors import DaliError
from dali.lib.files import folders
from dali.lib.objects.notes import note_text, parse_note
from dali.lib.web.files.pieces import pieces_of

log = structlog.get_logger(__name__)

# A segment does not start with a dot, so that a key cannot name `..` or the folder of drafts.
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}", re.ASCII)
_MAX_KEY_CHARS = 300  # the width of the columns that hold keys
_DRAFTS = ".drafts"
_DRAFTS_KEPT_S = 3600
# Objects up to this size are answered from memory, larger ones in pieces.
STREAM_BYTES = 256 * 1024


class InvalidKeyError(DaliError):
    """The key is not valid; nothing was read or written."""


def check_key(key: str) -> str:
    """Returns a valid key: `segment/segment/...` of letters, digits and `_ - .`, at most 300 characters.

    A segment does not start with a dot. Raises InvalidKeyError.
    """
    if len(key) > _MAX_KEY_CHARS or not all(_SEGMENT.fullmatch(part) for part in key.split("/")):
        raise InvalidKeyError(
            f"{key[:80]!r} is not a storage key: use letters, digits, '_', '-' and '.' in segments "
            f"separated by '/', none of them starting with '.', at most {_MAX_KEY_CHARS} characters"
        )
    return key


class WriteOnceStorage(Storage):
    """The contract of every storage of Dali. Safe to call from any thread; must not be called in a transaction.

    Django's `save` and `open` work too; `save` does not rename or overwrite (FileExistsError).
    There is no `url`: a delivery or a view serves what is public.
    """

    @abstractmethod
    def put_once(
        self, key: str, content: bytes, *, media_type: str, note: Mapping[str, object] | None = None
    ) -> bool:
        """Stores the bytes. True if this call wrote them, False if the key was taken (that object stays).

        The object becomes visible whole or not at all, together with the `note`, a small JSON record for the case that
        the writer dies before it can save this elsewhere (at most MOST_NOTE_CHARACTERS; a longer one is dropped).
        On S3 the repetition of a failed request may answer False: read the object to know whose bytes it has.
        Raises InvalidKeyError, and UnavailableError (no space, no permission, server down): then the object may exist
        or not.
        """

    @abstractmethod
    def read(self, key: str) -> bytes:
        """All bytes of the object. Raises FileNotFoundError, UnavailableError."""

    @abstractmethod
    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """`length` bytes of the object from `start`, in pieces of at most STREAM_BYTES, read when they are needed.

        Holds no connection and little memory between pieces. Different threads may take them, one after the other.

        Raises FileNotFoundError at the first piece; UnavailableError at any, also if the object is shorter.
        """

    @abstractmethod
    def read_note(self, key: str) -> dict[str, object] | None:
        """The note that was stored with the object; None if the object or its note does not exist or was lost.

        Raises UnavailableError.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether an object has this key. Raises UnavailableError."""

    @abstractmethod
    def size_of(self, key: str) -> int:
        """The size of the object in bytes. Raises FileNotFoundError, UnavailableError."""

    @abstractmethod
    def keys_below(self, folder: str) -> Iterator[str]:
        """The keys that begin with `folder/`, without notes, in any order. For upkeep: takes longer the more there are.

        Raises InvalidKeyError, UnavailableError.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Removes the object and its note, if they exist. For upkeep, not for jobs."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself: these storages never rename."""
        return check_key(name)

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """The name itself: these storages never rename."""
        return check_key(os.fspath(filename))

    def url(self, name: str | None) -> str:
        """Refused: originals are never served."""
        raise NotImplementedError("objects of this storage have no URL; serve them by a view or a delivery")

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode != "rb":
            raise ValueError(f"mode {mode!r}: objects can be read ('rb') or put once, not changed")
        return ContentFile(self.read(name), name=name)

    def _save(self, name: str, content: IO[Any]) -> str:
        content.seek(0)
        media_type = getattr(content, "content_type", None) or "application/octet-stream"
        if not self.put_once(name, content.read(), media_type=media_type):
            raise FileExistsError(f"'{name}' is already stored and is not overwritten")
        return name


class LocalWriteOnceStorage(WriteOnceStorage, FileSystemStorage):
    """Objects as files below `location`, readable by this user and group whatever the umask says.

    A draft is written completely and then linked to its name. `link` fails if the name is taken, so one of two
    writers wins and readers never see half a file. The first write of a process removes the drafts that killed
    processes left. The note of `a/0` is the file `a/.0.<inode>.note`, written before the link; the inode's number ties
    it to this object. It is not synced: copying to another disk or a power cut may lose the note, not the object.
    """

    def __init__(self, location: str, file_mode: int = 0o640, folder_mode: int = 0o750) -> None:
        super().__init__(
            location=location, file_permissions_mode=file_mode, directory_permissions_mode=folder_mode
        )
        self._file_mode = file_mode
        self._folder_mode = folder_mode
        self._is_tidied = False

    def path(self, name: str) -> str:
        """The path of a key's file, for views that stream it."""
        return str(Path(self.location) / check_key(name))

    def put_once(
        self, key: str, content: bytes, *, media_type: str, note: Mapping[str, object] | None = None
    ) -> bool:
        """See WriteOnceStorage. The media type is not stored: the view that serves a file knows it."""
        target = Path(self.path(key))
        text = None if note is None else note_text(note)
        with self._translated(key, "written"):
            if target.exists():
                return False
            folders.make_folder(target.parent, self._folder_mode)
            return self._link(self._write_draft(content), target, text)

    def read(self, key: str) -> bytes:
        """See WriteOnceStorage."""
        with self._translated(key, "read"):
            return Path(self.path(key)).read_bytes()

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """See WriteOnceStorage."""
        with self._translated(key, "read"), open(self.path(key), "rb", buffering=0) as file:
            file.seek(start)
            for piece in pieces_of(file, length):
                length -= len(piece)
                yield piece
            if length > 0:
                raise OSError(0, f"the file ends {length} bytes early")

    def read_note(self, key: str) -> dict[str, object] | None:
        """See WriteOnceStorage."""
        target = Path(self.path(key))
        try:
            with self._translated(key, "read"):
                return parse_note(_note_of(target, target.stat().st_ino).read_bytes())
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        """See WriteOnceStorage."""
        with self._translated(name, "read"):
            return Path(self.path(name)).is_file()

    def size_of(self, key: str) -> int:
        """See WriteOnceStorage."""
        with self._translated(key, "read"):
            found = os.stat(self.path(key))
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError
            return found.st_size

    def keys_below(self, folder: str) -> Iterator[str]:
        """See WriteOnceStorage."""
        top = Path(self.path(folder))
        for path, inner_folders, names in os.walk(top, onerror=_refuse_unlisted):
            inner_folders[:] = [name for name in inner_folders if not name.startswith(".")]
            inner = Path(path).relative_to(self.location).as_posix()
            yield from (f"{inner}/{name}" for name in names if not name.startswith("."))

    def delete(self, name: str) -> None:
        """See WriteOnceStorage."""
        target = Path(self.path(name))
        try:
            with self._translated(name, "deleted"):
                inode = target.stat().st_ino
                target.unlink(missing_ok=True)
                _note_of(target, inode).unlink(missing_ok=True)
        except FileNotFoundError:
            return

    def check_writable(self) -> None:
        """For a start. Raises UnwritableError without write permission; a full disk does not count."""
        location = Path(self.location)
        try:
            self._write_draft(b"").unlink()
            for inner in location.iterdir():
                if inner.is_dir() and not os.access(inner, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, "", str(inner))
        except OSError as error:
            if not folders.is_full(error):
                raise folders.unwritable(location, error) from error

    @contextmanager
    def _translated(self, key: str, done: str) -> Iterator[None]:
        """Translates errors of the operating system."""
        try:
            yield
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if done == "written":
                raise folders.failure(f"'{key}' cannot be written below {self.location}", error) from error
            raise FileNotFoundError(f"'{key}' is not stored below {self.location}") from None
        except OSError as error:
            raise folders.failure(f"'{key}' cannot be {done} below {self.location}", error) from error

    def _write_draft(self, content: bytes) -> Path:
        drafts = Path(self.location) / _DRAFTS
        folders.make_folder(drafts, self._folder_mode)
        if not self._is_tidied:
            self._is_tidied = True
            _remove_older(drafts, _DRAFTS_KEPT_S)
        draft = drafts / f"{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                os.fchmod(descriptor, self._file_mode)
                folders.give_to_owner(descriptor, drafts)
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
                # After a power cut, a name with half its bytes could not be repaired.
                os.fdatasync(descriptor)
        except BaseException:  # noqa: BLE001 - no half-written file is left, whatever failed
            draft.unlink(missing_ok=True)
            raise
        return draft

    def _link(self, draft: Path, target: Path, note: str | None) -> bool:
        # While the draft exists, no other file has its inode number.
        beside = _note_of(target, draft.stat().st_ino)
        try:
            if note is None:
                beside.unlink(missing_ok=True)  # left by a killed writer whose inode number is in use again
            else:
                self._write_note(beside, note)
            os.link(draft, target)
        except FileExistsError:
            beside.unlink(missing_ok=True)
            return False
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _write_note(self, path: Path, text: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                os.fchmod(descriptor, self._file_mode)
                folders.give_to_owner(descriptor, path.parent)
                file.write(text.encode("ascii"))
        except OSError as error:  # the object is still stored; half a note is ignored
            log.warning("note_not_written", path=str(path), error=error.strerror)


def _refuse_unlisted(error: OSError) -> None:
    """A folder that does not exist is empty; one that cannot be listed is an error."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise folders.failure(f"{error.filename} cannot be listed", error) from error


def _note_of(target: Path, inode: int) -> Path:
    return target.with_name(f".{target.name}.{inode}.note")


def _remove_older(folder: Path, seconds: float) -> None:
    oldest = time.time() - seconds
    for path in folder.iterdir():
        try:
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:
            continue  # another process was faster


def named(alias: str) -> WriteOnceStorage:
    """The write-once storage of that name in STORAGES."""
    storage = storages[alias]
    if not isinstance(storage, WriteOnceStorage):
        raise DaliError(f"STORAGES[{alias!r}] must name a write-once storage, not {type(storage).__name__}")
    return storage


def originals() -> WriteOnceStorage:
    """Images of providers and start images, byte for byte; never served."""
    return named("originals")


def uploads() -> WriteOnceStorage:
    """Uploads of clients, byte for byte; never served."""
    return named("uploads")


def delivery_files() -> WriteOnceStorage:
    """Images of the embedded delivery; made again from originals if they are lost."""
    return named("delivery")
