"""Delivery by this server: WebP files in the delivery storage, served below /images."""

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
        try:
            delivery_files().put_once(storage_key(sha256), content, media_type="image/webp")
        except UnavailableError as error:
            raise DeliveryError(f"the delivery image cannot be stored: {error}") from error
        return f"/images/{sha256}.webp"

    def has(self, address: str) -> bool:
        """See Delivery."""
        found = _ADDRESS.fullmatch(address)
        return found is not None and delivery_files().exists(storage_key(found[1]))
