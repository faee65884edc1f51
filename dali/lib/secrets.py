"""Secrets that the embedded server makes for itself and keeps in its data directory, and names made of secrets."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from dali.lib.files.folders import give_to_owner, make_folder, unwritable


def kept_secret(path: Path) -> str:
    """The secret in `path`, made at the first call; readable by its owner alone.

    Safe when two processes ask at once: one of them makes the file, both read the same text. ImproperlyConfigured
    where the file cannot be read or made.
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
        pass  # the other process was first; its secret holds
    finally:
        draft.unlink()
    return path.read_text().strip()


def channel_prefix(redis_url: str, secret_key: str) -> str:
    """What the names of a deployment's channels in Redis start with: the same in all its processes and in no other's.

    Redis passes published messages on whatever the database number, so that deployments that share a Redis would hear
    each other.
    """
    number = urlsplit(redis_url).path.strip("/") or "0"
    identity = hashlib.blake2b(f"{number}\n{secret_key}".encode(), digest_size=8)
    return f"dali.{number}.{identity.hexdigest()}."
