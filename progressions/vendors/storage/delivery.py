"""The delivery `storage`: a bucket's own domain, a CDN or a web server serves the delivery storage."""

import re

from django.conf import settings

from progressions.delivered_files import file_key, has_file, place_file
from progressions.delivery import Delivery, origin_of

_SHA256 = re.compile(r"[0-9a-f]{64}")


class StorageDelivery(Delivery):
    """Files of the `delivery` storage at `DALI_DELIVERY_BASE_URL/ab/<sha256>.webp`, the URL followed by the key.

    The storage is the bucket DALI_DELIVERY_BUCKET, or a folder in the data directory.
    """

    name = "storage"
    required_settings = ("DALI_DELIVERY_BASE_URL",)

    def origins(self) -> list[str]:
        """See Delivery."""
        origin = origin_of(settings.DELIVERY_BASE_URL)
        return [origin] if origin else []

    def place(self, content: bytes, sha256: str) -> str:
        """See Delivery."""
        return f"{settings.DELIVERY_BASE_URL}/{place_file(content, sha256)}"

    def has(self, address: str) -> bool:
        """See Delivery. Looks in the storage, as the public URL may be cached or not active yet."""
        sha256 = address.rpartition("/")[2].removesuffix(".webp")
        if not _SHA256.fullmatch(sha256) or address != f"{settings.DELIVERY_BASE_URL}/{file_key(sha256)}":
            return False
        return has_file(sha256)
