"""The delivery `local`: this server serves the WebP files of the delivery storage under /images."""

import re

from progressions.delivered_files import has_file, place_file
from progressions.delivery import Delivery

_ADDRESS = re.compile(r"/images/([0-9a-f]{64})\.webp")


class LocalDelivery(Delivery):
    """Files of the `delivery` storage, at `/images/<sha256>.webp` (progressions.api.files.serve_image)."""

    name = "local"

    def place(self, content: bytes, sha256: str) -> str:
        """See Delivery."""
        place_file(content, sha256)
        return f"/images/{sha256}.webp"

    def has(self, address: str) -> bool:
        """See Delivery."""
        found = _ADDRESS.fullmatch(address)
        return found is not None and has_file(found[1])
