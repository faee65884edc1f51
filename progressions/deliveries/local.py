"""Delivery by this server: WebP files in the delivery storage, served below /images."""

import hashlib
import re

from dali.lib.errors import UnavailableError
from dali.lib.storage import delivery_files
from progressions.delivery import Delivery
from progressions.errors import DeliveryError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"/images/([0-9a-f]{64})\.webp")


def storage_key(sha256: str) -> str:
    """Where the delivery storage has the image of that content hash."""
    return f"{sha256[:2]}/{sha256}.webp"


class LocalDelivery(Delivery):
    """Files of the `delivery` storage, at `/images/<sha256>.webp` (progressions.views.serve_image)."""

    name = "local"

    def place(self, content: bytes, sha256: str) -> str:
        """See Delivery."""
        if not _SHA256.fullmatch(sha256):
            raise DeliveryError(f"{sha256[:80]!r} is no SHA-256: 64 lower-case hex digits are needed")
        files, key = delivery_files(), storage_key(sha256)
        try:
            if not files.put_once(key, content, media_type="image/webp") and files.read(key) != content:
                files.delete(key)  # damaged: what stands under a hash must have it
                files.put_once(key, content, media_type="image/webp")
        except (UnavailableError, FileNotFoundError) as error:
            raise DeliveryError(f"the delivery image cannot be stored: {error}") from error
        return f"/images/{sha256}.webp"

    def has(self, address: str) -> bool:
        """See Delivery."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            return False
        try:
            content = delivery_files().read(storage_key(found[1]))
        except FileNotFoundError:
            return False
        return hashlib.sha256(content).hexdigest() == found[1]
