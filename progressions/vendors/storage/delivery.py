"""Delivery by whoever serves the delivery storage to the public: a bucket's own domain, a CDN, a web server."""

import re

from django.conf import settings

from progressions.delivered_files import file_key, has_file, place_file
from progressions.delivery import Delivery, origin_of

_SHA256 = re.compile(r"[0-9a-f]{64}")


class StorageDelivery(Delivery):
    """Files of the `delivery` storage, at `DALI_DELIVERY_BASE_URL/ab/<sha256>.webp`: their keys, as they are.

    The storage is the bucket DALI_DELIVERY_BUCKET, or a folder where none is set.
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
        """See Delivery. Asks the storage, not the public address, which may be cached or not yet known."""
        sha256 = address.rpartition("/")[2].removesuffix(".webp")
        if not _SHA256.fullmatch(sha256) or address != f"{settings.DELIVERY_BASE_URL}/{file_key(sha256)}":
            return False
        return has_file(sha256)
