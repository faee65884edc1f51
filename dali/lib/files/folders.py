"""Local folders: creation, ownership, and messages for folders that cannot be written."""

import errno
import grp
import os
import pwd
import stat
from pathlib import Path

from dali.lib.errors import RefusedStartError, UnavailableError

FULL = "The server's disk is full; try again later."
FULL_RETRY_AFTER_S = 60
UNREACHABLE = "The image storage cannot be reached; try again."
_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS = "{said}; use a file system with hard links on which user {user} may write"
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota of user {user} is used up; free some space",
    errno.EROFS: "the file system is mounted read-only; mount it writable",
    errno.EACCES: "user {user} has no permission; give that user the folder",
    errno.EPERM: _NO_LINKS,
    errno.EOPNOTSUPP: _NO_LINKS,
}


class UnwritableError(RefusedStartError):
    """This process cannot write to a folder that it needs; the message names folder, user and cure."""

    exit_code = 2


def make_folder(folder: Path, mode: int) -> None:
    """Creates a folder and its parents with this mode, whatever the umask; see `give_to_owner`."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(mode)
    give_to_owner(folder, folder.parent)


def give_to_owner(made: int | Path, folder: Path) -> None:
    """Root gives what it creates to the owner of the parent folder, because the server may run as another user."""
    if os.geteuid() == 0:
        found = folder.stat()
        os.chown(made, found.st_uid, found.st_gid)


def failure(what: str, error: OSError) -> UnavailableError:
    """The error with messages for client and operator; `what` begins a sentence, such as "x cannot be read"."""
    message, retry_after_s = (FULL, FULL_RETRY_AFTER_S) if error.errno in _FULL_ERRORS else (UNREACHABLE, 5)
    return UnavailableError(message, retry_after_s, reason=f"{what}: {reason_of(error)}")


def reason_of(error: OSError) -> str:
    """Why the operating system refused, and the cure."""
    reason = _REASONS.get(error.errno or 0, "{said}")
    return reason.format(said=error.strerror or type(error).__name__, user=this_user())


def unwritable(folder: Path, error: OSError) -> UnwritableError:
    """The error that stops a start: one line with the folder, the user and the cure."""
    at = Path(error.filename or folder)
    while not at.exists():
        at = at.parent
    user = this_user()
    return UnwritableError(
        f"{folder} cannot be written: {reason_of(error)}. {at} is {described(at)}, this process runs as {user}: run"
        f" `chown -R {user} {folder}` as root, or set DALI_DATA_DIR to a folder of {user}."
    )


def is_full(error: OSError) -> bool:
    """Whether the disk or quota is full."""
    return error.errno in _FULL_ERRORS


def this_user() -> str:
    """The name of the user that this process runs as."""
    return _name_of_user(os.geteuid())


def owner_of(folder: Path) -> str:
    """The name of the user that a folder belongs to."""
    return _name_of_user(folder.stat().st_uid)


def described(folder: Path) -> str:
    """Owner, group and permissions, such as `dali:dali rwxr-x---`."""
    found = folder.stat()
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        group = str(found.st_gid)
    return f"{owner_of(folder)}:{group} {stat.filemode(found.st_mode)[1:]}"


def _name_of_user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user may have no name
        return str(uid)
