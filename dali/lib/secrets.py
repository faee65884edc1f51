"""Secrets that the embedded server creates in its data directory, and names derived from secrets."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from dali.lib.files.folders import give_to_owner, make_folder, unwritable


def kept_secret(path: Path) -> str:
    """The secret in `path`, created at the first call and readable only by its owner.

    If two processes call this at the same time, one creates the file and both read the same text. Raises
    ImproperlyConfigured if the file cannot be read or created.
    """
    try:
        return _read_or_make(path)
    except OSError as error:
        raise ImproperlyConfigured(str(unwritable(path.parent, error))) from error


def _read_or_make(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    make_folder(path.parent, 0o755)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
        give_to_owner(descriptor, path.parent)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster; its secret counts
    finally:
        draft.unlink()
    return path.read_text().strip()


def channel_prefix(redis_url: str, secret_key: str) -> str:
    """The prefix of a deployment's channels in Redis: the same in all its processes, and different for each deployment.

    Redis delivers published messages regardless of the database number, so deployments that share a Redis would
    receive each other's.
    """
    number = urlsplit(redis_url).path.strip("/") or "0"
    identity = hashlib.blake2b(f"{number}\n{secret_key}".encode(), digest_size=8)
    return f"dali.{number}.{identity.hexdigest()}."
