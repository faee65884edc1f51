"""Delivery images as files of the `delivery` storage, named by the hash of their content."""

import hashlib
import re

from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import delivery_files
from progressions.errors import DeliveryError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_sha256(sha256: str) -> str:
    """Returns the hash. Raises DeliveryError for anything else, so that it never becomes part of an address."""
    if not _SHA256.fullmatch(sha256):
        raise DeliveryError(f"{sha256[:80]!r} is not a SHA-256 of 64 lower-case hex digits")
    return sha256


def file_key(sha256: str) -> str:
    """The key of the image with this content hash in the delivery storage."""
    return f"{sha256[:2]}/{sha256}.webp"


def place_file(content: bytes, sha256: str) -> str:
    """Stores a delivery image unless it is there already; returns its key. Raises DeliveryError."""
    files, key = delivery_files(), file_key(check_sha256(sha256))
    try:
        if not files.put_once(key, content, media_type="image/webp") and files.read(key) != content:
            files.delete(key)  # damaged: the content must match its hash
            files.put_once(key, content, media_type="image/webp")
    except UnavailableError as error:
        raise _failed("stored", error) from error
    except FileNotFoundError as error:
        raise DeliveryError(f"the delivery image cannot be stored: {error}") from error
    return key


def has_file(sha256: str) -> bool:
    """Whether the delivery storage has the image and it is undamaged. Raises DeliveryError."""
    try:
        content = delivery_files().read(file_key(sha256))
    except FileNotFoundError:
        return False
    except UnavailableError as error:
        raise _failed("read", error) from error
    return hashlib.sha256(content).hexdigest() == sha256


def _failed(done: str, error: UnavailableError) -> DeliveryError:
    message = f"the delivery image cannot be {done}: {error}"
    return DeliveryError(message, error.retry_after_s, public_message=error.public_message)
